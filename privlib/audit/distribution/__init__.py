"""Distribution inference: find out from which of two populations a training was drawn.

Differential privacy does not protect distributions, and is not meant to: what a release says of a population is what it is
for. Whoever must keep a property of the population secret finds out here how much a release tells of it.
"""

from privlib.audit.distribution.attack import Attack, loss_test
from privlib.audit.distribution.game import Sampler, distribution_inference
from privlib.audit.distribution.leakage import accuracy_bound, n_leaked, raw_draws
from privlib.audit.distribution.result import DistributionInference

__all__ = [
    "Attack",
    "DistributionInference",
    "Sampler",
    "accuracy_bound",
    "distribution_inference",
    "loss_test",
    "n_leaked",
    "raw_draws",
]

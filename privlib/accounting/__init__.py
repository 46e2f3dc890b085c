"""From what mechanisms satisfy to one (epsilon, delta), always rounded up: sum first, convert once, at the end.

``convert``, ``delta_at`` and ``calibrate`` go between a `privlib.Bound` and a target, ``discrete_gaussian_*`` give the exact cost
of one law, ``Filter`` and ``Odometer`` follow spending that is chosen on the way, ``pld_epsilon`` and ``training_epsilon`` ask
other libraries. All but the last two are exact rationals, certified between integers; floats only propose where to look.
"""

from privlib.accounting.calibration import calibrate
from privlib.accounting.conversion import convert, delta_at
from privlib.accounting.discrete_gaussian import (
    discrete_gaussian_delta,
    discrete_gaussian_epsilon,
    discrete_gaussian_sigma2,
)
from privlib.accounting.doors import pld_epsilon, training_epsilon
from privlib.accounting.filters import Filter, Odometer

__all__ = [
    "Filter",
    "Odometer",
    "calibrate",
    "convert",
    "delta_at",
    "discrete_gaussian_delta",
    "discrete_gaussian_epsilon",
    "discrete_gaussian_sigma2",
    "pld_epsilon",
    "training_epsilon",
]

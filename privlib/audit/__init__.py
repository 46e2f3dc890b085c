"""Audits: run a mechanism on neighbouring data sets, guess which one it saw, and certify from the right guesses.

``run`` audits any mechanism, ``survival_audit`` and ``published_audit`` the ones that privlib ships. An audit can refute
a claim; that a claim holds is for ``proofs/`` to show.
"""

from privlib.audit.bounds import Verdict, approx_bound, gdp_bound, guess_bound, noise_fraction, zcdp_bound
from privlib.audit.builtin import noise_audit, published_audit, survival_audit
from privlib.audit.onerun import OneRun, guess_by_rank, one_run
from privlib.audit.pairs import Pair
from privlib.audit.report import fragment
from privlib.audit.result import Audit
from privlib.audit.run import Interrupted, run
from privlib.audit.survival import published_pair, survival_pair
from privlib.audit.trials import MechanismFailed, Stopped

__all__ = [
    "Audit",
    "Interrupted",
    "MechanismFailed",
    "OneRun",
    "Pair",
    "Stopped",
    "Verdict",
    "approx_bound",
    "fragment",
    "gdp_bound",
    "guess_bound",
    "guess_by_rank",
    "noise_audit",
    "noise_fraction",
    "one_run",
    "published_audit",
    "published_pair",
    "run",
    "survival_audit",
    "survival_pair",
    "zcdp_bound",
]

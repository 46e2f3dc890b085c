"""Audits: run a mechanism on two neighbouring data sets, guess which one it saw, and certify from the right guesses.

``run`` audits any mechanism, ``survival_audit`` and ``published_audit`` the ones that privlib ships. An audit can refute
a claim; that a claim holds is for ``proofs/`` to show.
"""

from privlib.audit.bounds import Verdict, guess_bound
from privlib.audit.builtin import published_audit, survival_audit
from privlib.audit.pairs import Pair, published_pair, survival_pair
from privlib.audit.report import fragment
from privlib.audit.result import Audit
from privlib.audit.trials import MechanismFailed, run

__all__ = [
    "Audit",
    "MechanismFailed",
    "Pair",
    "Verdict",
    "fragment",
    "guess_bound",
    "published_audit",
    "published_pair",
    "run",
    "survival_audit",
    "survival_pair",
]

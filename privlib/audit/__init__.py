"""Audits: run a mechanism on neighbouring data sets, guess which one it saw, and certify from the right guesses.

``run`` audits any mechanism, ``survival_audit``, ``ldp_audit`` and their like the ones that privlib ships. An audit can refute
a claim; that a claim holds is for ``proofs/`` to show.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privlib.audit.bounds import Verdict, approx_bound, gdp_bound, guess_bound, noise_fraction, zcdp_bound
    from privlib.audit.builtin import noise_audit, published_audit, survival_audit
    from privlib.audit.engine import Interrupted, run
    from privlib.audit.ldp import ldp_audit, published_ldp_audit
    from privlib.audit.onerun import OneRun, guess_by_rank, one_run
    from privlib.audit.pairs import Pair
    from privlib.audit.report import fragment
    from privlib.audit.result import Audit
    from privlib.audit.sharing import sharing_audit
    from privlib.audit.survival import published_pair, survival_pair
    from privlib.audit.trials import MechanismFailed, Stopped
else:
    _HOMES = {
        "Audit": "privlib.audit.result",
        "Interrupted": "privlib.audit.engine",
        "MechanismFailed": "privlib.audit.trials",
        "OneRun": "privlib.audit.onerun",
        "Pair": "privlib.audit.pairs",
        "Stopped": "privlib.audit.trials",
        "Verdict": "privlib.audit.bounds",
        "approx_bound": "privlib.audit.bounds",
        "fragment": "privlib.audit.report",
        "gdp_bound": "privlib.audit.bounds",
        "guess_bound": "privlib.audit.bounds",
        "guess_by_rank": "privlib.audit.onerun",
        "ldp_audit": "privlib.audit.ldp",
        "noise_audit": "privlib.audit.builtin",
        "noise_fraction": "privlib.audit.bounds",
        "one_run": "privlib.audit.onerun",
        "published_audit": "privlib.audit.builtin",
        "published_ldp_audit": "privlib.audit.ldp",
        "published_pair": "privlib.audit.survival",
        "run": "privlib.audit.engine",
        "sharing_audit": "privlib.audit.sharing",
        "survival_audit": "privlib.audit.builtin",
        "survival_pair": "privlib.audit.survival",
        "zcdp_bound": "privlib.audit.bounds",
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module 'privlib.audit' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return list(__all__)


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
    "ldp_audit",
    "noise_audit",
    "noise_fraction",
    "one_run",
    "published_audit",
    "published_ldp_audit",
    "published_pair",
    "run",
    "sharing_audit",
    "survival_audit",
    "survival_pair",
    "zcdp_bound",
]

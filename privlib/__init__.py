"""Private statistics about people, with an exact account of what can leak, proofs of the code and audits that attack it.

Every public name is loaded on first use: ``import privlib`` costs about as much as ``import numpy``. A room is a module,
such as `privlib.survival`; plan, count, release, then estimate.
"""

from typing import TYPE_CHECKING

# Loaded at once: the module of this name would otherwise take the function's place when somebody imports it.
from privlib.verify import verify

__version__ = "0.1.0"

if TYPE_CHECKING:
    from privlib import accounting, audit, ldp, noise, oneshot, opacus, survival, testing
    from privlib.bounds import Bound, Neighbours, exact
    from privlib.budget import Ledger
    from privlib.survival.api import kaplan_meier
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        homes = {
            "Bound": "privlib.bounds",
            "Ledger": "privlib.budget",
            "Neighbours": "privlib.bounds",
            "exact": "privlib.bounds",
            "kaplan_meier": "privlib.survival.api",
        }
        if name in homes:
            return getattr(import_module(homes[name]), name)
        if name in ("accounting", "audit", "ldp", "noise", "oneshot", "opacus", "survival", "testing"):
            return import_module(f"privlib.{name}")
        raise AttributeError(f"module 'privlib' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return [*__all__, "__version__"]


__all__ = [
    "Bound",
    "Ledger",
    "Neighbours",
    "accounting",
    "audit",
    "exact",
    "kaplan_meier",
    "ldp",
    "noise",
    "oneshot",
    "opacus",
    "survival",
    "testing",
    "verify",
]

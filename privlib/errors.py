"""What can go wrong, as one small family.

::

    PrivlibError
    ├── InvalidInput (also ValueError)   an argument outside its documented range
    ├── Mismatch (also ValueError)       two guarantees, plans or tables that do not belong together
    ├── AlreadyReleased                  an exact table asked for a second release
    ├── BudgetExceeded                   the ledger's limit does not allow the charge
    ├── LedgerError                      the ledger is locked, broken, unwritable or not the one expected
    ├── TamperedRelease                  a release file that does not verify
    ├── BadShare (also ValueError)       no share of a secret: damaged, forged, or of an unknown format
    ├── NotEnoughShares (also ValueError)      fewer shares than the threshold
    ├── InconsistentShares (also ValueError)   shares that cannot all come from one dealer's word
    ├── ForkedDealer (also ValueError)         shares of a dealer whose state was rolled back and continued twice
    ├── DealerError                      a dealer's state is locked, broken, rolled back, retired or not the one expected
    └── MissingExtra (also ImportError)  an optional dependency is not installed

A message names the parameter, what is allowed and the cure. It never holds a data value or a row number: an error
message is an output like any other. A refusal happens before noise is drawn and before budget is charged.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "AlreadyReleased",
    "BadShare",
    "BudgetExceeded",
    "DealerError",
    "ForkedDealer",
    "InconsistentShares",
    "InvalidInput",
    "LedgerError",
    "Mismatch",
    "MissingExtra",
    "NotEnoughShares",
    "PrivlibError",
    "TamperedRelease",
]


class PrivlibError(Exception):
    """The base of every error that privlib raises on purpose."""


class InvalidInput(PrivlibError, ValueError):
    """An argument lies outside its documented range."""


class Mismatch(PrivlibError, ValueError):
    """Two guarantees, plans or tables that do not belong together: other neighbours, kinds or fields."""


class AlreadyReleased(PrivlibError):
    """An exact table was asked for a second release."""


class BudgetExceeded(PrivlibError):
    """The charge would pass the ledger's limit; nothing was charged."""


class LedgerError(PrivlibError):
    """The ledger cannot be used: locked, broken, unwritable or not the one expected. Nothing was released."""


class TamperedRelease(PrivlibError):
    """A release does not verify: altered, cut short, made in test mode or of an unknown format."""


class BadShare(PrivlibError, ValueError):
    """These bytes or this text are no share of a secret: damaged, forged, wrongly signed or of an unknown format."""


class NotEnoughShares(PrivlibError, ValueError):
    """Fewer shares than the threshold: they say nothing at all about the secret."""


class InconsistentShares(PrivlibError, ValueError):
    """Shares that cannot all come from one dealer's word. No secret was returned.

    Parameters
    ----------
    message : str
        What is wrong.
    participants : tuple of int
        Those whose shares are known to be wrong; empty where that cannot be told.
    """

    def __init__(self, message: str, *, participants: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.participants = participants


class ForkedDealer(PrivlibError, ValueError):
    """Shares of a dealer whose state was rolled back and continued twice. No secret was returned.

    Parameters
    ----------
    message : str
        What is wrong.
    branches : tuple of tuple of int
        The participants of each branch.
    """

    def __init__(self, message: str, *, branches: tuple[tuple[int, ...], ...] = ()) -> None:
        super().__init__(message)
        self.branches = branches


class DealerError(PrivlibError):
    """A dealer's state cannot be used: missing, locked, broken, rolled back, retired or not the one expected."""


class MissingExtra(PrivlibError, ImportError):
    """An optional dependency is not installed."""


def extra(module: str, *, name: str, purpose: str) -> ModuleType:
    """Import an optional dependency, or say in one sentence how to get it.

    Parameters
    ----------
    module : str
        The module to import, such as ``"matplotlib.figure"``.
    name : str
        The extra that brings it, such as ``"plot"``.
    purpose : str
        What needs it, as the subject of the sentence: ``"a plot"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtra
        When the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(f"{purpose} needs {module.partition('.')[0]}: pip install 'privlib[{name}]'") from error

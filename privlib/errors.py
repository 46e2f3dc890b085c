"""What can go wrong, as one small family.

::

    PrivlibError
    ├── InvalidInput (also ValueError)   an argument outside its documented range
    ├── Mismatch (also ValueError)       two guarantees, plans or tables that do not belong together
    ├── AlreadyReleased                  an exact table asked for a second release
    ├── BudgetExceeded                   the ledger's limit does not allow the charge
    ├── LedgerError                      the ledger is locked, broken, unwritable or not the one expected
    ├── TamperedRelease                  a release file that does not verify
    └── MissingExtra (also ImportError)  an optional dependency is not installed

A message names the parameter, what is allowed and the cure. It never holds a data value or a row number: an error
message is an output like any other. A refusal happens before noise is drawn and before budget is charged.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "AlreadyReleased",
    "BudgetExceeded",
    "InvalidInput",
    "LedgerError",
    "Mismatch",
    "MissingExtra",
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

"""Check a release file: canonical, undamaged, its bound recomputed, not made in test mode, and its charge in the ledger.

It is not a signature: whoever can write the file can write a digest too. A ledger that is kept where only the releasing
machine can write vouches that a charge of this bound for this plan was made. It does not vouch for the released numbers:
it never saw them, and a file with others names the same charge.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from privlib.certificate import check_head, check_rewritten, fingerprint_of, open_sealed
from privlib.errors import InvalidInput, LedgerError, TamperedRelease

if TYPE_CHECKING:
    from privlib.budget import Ledger

__all__ = ["verify"]

_OTHER_FILES = {"audit": "an audit", "demo.report": "a report of the demo"}


class _Release(Protocol):
    @property
    def secure(self) -> bool: ...

    def to_json(self) -> str: ...


def verify(path_or_text: str | os.PathLike[str], *, ledger: Ledger | str | os.PathLike[str] | None = None) -> None:
    """Return if a release verifies, raise if it does not.

    Checked: the text is in privlib's one spelling and fits its digest; format and kind are known; the stated bound follows
    from the plan and the theorem; the file holds nothing else; it was not made in test mode. Given a ledger: its chain is
    whole, the charge that the release names is in it, and charged this bound for this plan. This is not a signature, and
    the ledger does not know the released numbers.

    Parameters
    ----------
    path_or_text : path or str
        The release's file, or its whole text, which begins with a brace. Any other text is the name of a file.
    ledger : Ledger or path, optional
        The ledger that was charged. A file that is not there is never made.

    Raises
    ------
    TamperedRelease
        When the release does not verify, or is not in the ledger.
    InvalidInput
        When there is no file of that name.
    LedgerError
        When the ledger cannot be read, so that nothing is known: missing, locked, not permitted.
    OSError
        When the release's file cannot be read, or a path leads nowhere.

    Examples
    --------
    >>> verify('{"kind":"survival.curve"}')
    Traceback (most recent call last):
    ...
    privlib.errors.TamperedRelease: the file's format is not 1: read it with the version of privlib that wrote it
    """
    text = _text(path_or_text)
    record = open_sealed(text)
    try:
        check_head(record.get("ledger"))
        release = _read(text, record)
        check_rewritten(release.to_json(), text)
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError) as error:
        raise TamperedRelease("the file lacks what a release has, or holds it in another form") from error
    if not release.secure:
        raise TamperedRelease("the release was made in test mode, with noise that can be predicted: it protects nobody")
    if ledger is not None:
        _verify_charge(record, ledger)


def _text(path_or_text: str | os.PathLike[str]) -> str:
    if not isinstance(path_or_text, (str, os.PathLike)):
        raise InvalidInput(f"give a release's file or its text, not {type(path_or_text).__name__}")
    if isinstance(path_or_text, str) and path_or_text.lstrip()[:1] == "{":
        return path_or_text
    if isinstance(path_or_text, str) and not os.path.exists(path_or_text):
        raise InvalidInput(f"there is no file {path_or_text[:80]!r}")
    try:
        return Path(path_or_text).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TamperedRelease("the file is not readable as a privlib release: it is not text") from error


def _read(text: str, record: dict[str, Any]) -> _Release:
    """The release, read and checked by the room that wrote it."""
    kind = record.get("kind")
    if kind == "survival.curve":
        from privlib.survival.curve import Curve

        return Curve.from_json(text)
    if kind == "survival.published":
        from privlib.survival.published import PublishedCurve

        return PublishedCurve.from_json(text)
    if kind == "oneshot.answer":
        from privlib.oneshot.answer import Answer

        return Answer.from_json(text)
    if isinstance(kind, str) and kind in _OTHER_FILES:
        raise TamperedRelease(f"the file is {_OTHER_FILES[kind]}, not a release")
    raise TamperedRelease("the file's kind is not one that this version of privlib knows: install the one that wrote it")


def _verify_charge(record: dict[str, Any], where: Ledger | str | os.PathLike[str]) -> None:
    from sqlite3 import OperationalError

    from privlib.budget import Ledger

    head = record.get("ledger")
    if not isinstance(head, dict):
        raise TamperedRelease("the release names no charge: it was made without a ledger, so none can vouch for it")
    if not isinstance(where, Ledger) and not os.path.lexists(where):
        raise LedgerError(f"there is no privlib ledger at {os.fspath(where)}: check the path")
    try:
        ledger = where if isinstance(where, Ledger) else Ledger(where)
        ledger.verify()
        ledger.verify_head(head)
        charges = [row.record for row in ledger.charges() if row.head == head]
    except LedgerError as error:
        if isinstance(error.__cause__, (OperationalError, OSError)):  # it cannot be read just now
            raise
        raise TamperedRelease(f"the ledger does not vouch for the release: {error}") from error
    stated = {"bound": record["bound"], "fingerprint": fingerprint_of(record["spec"]), "secure": True}
    if not charges or any(charges[0].get(name) != value for name, value in stated.items()):
        raise TamperedRelease("the charge that the release names was for another bound or another plan")

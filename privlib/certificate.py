"""Releases as files: canonical JSON with a digest, and the checks that every room's files share.

The digest finds damage and careless edits. It is not a signature: whoever can write the file can write a digest too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from privlib.bounds import Bound
from privlib.errors import InvalidInput, TamperedRelease

__all__ = [
    "FORMAT",
    "canonical",
    "check_head",
    "check_rewritten",
    "fingerprint_of",
    "integers",
    "open_sealed",
    "reread",
    "seal",
    "write",
]

FORMAT = 1
"""The format of release files; others are refused."""

_LARGEST_JSON_INTEGER = 2**53
_VERSION = re.compile(r"\d+\.\d+\.\d+[a-z0-9.]*", re.ASCII)
_LONGEST_VERSION = 32
_HEAD = {"journal": str, "seq": int, "id": str, "digest": str}
_FIRST_CHARGE = 2
"""Row 1 of a ledger holds its limit."""


class _Spec(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


class _Release(Protocol):
    @property
    def bound(self) -> Bound: ...

    def to_json(self) -> str: ...


Spec = TypeVar("Spec", bound=_Spec)
Release = TypeVar("Release", bound=_Release)


def canonical(record: Mapping[str, Any]) -> str:
    """The one spelling of a record: sorted keys, no spaces, ASCII, no floats."""
    _refuse_floats(record)
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise InvalidInput("floats have no exact spelling; write a Fraction as text")
    if isinstance(value, Mapping):
        for inner in value.values():
            _refuse_floats(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            _refuse_floats(inner)


def fingerprint_of(plan: Mapping[str, Any]) -> str:
    """A digest of a whole public plan."""
    return hashlib.sha256(canonical(plan).encode()).hexdigest()


def integers(values: Sequence[int]) -> list[int | str]:
    """Integers as JSON keeps them everywhere: those beyond 2**53 as text."""
    return [value if abs(value) < _LARGEST_JSON_INTEGER else str(value) for value in values]


def seal(kind: str, body: Mapping[str, Any]) -> str:
    """Write a release of one kind as canonical JSON that carries its digest."""
    from privlib import __version__

    record = {**body, "kind": kind, "format": FORMAT, "privlib": __version__}
    return canonical({**record, "digest": _digest(record)})


def open_sealed(text: str, kind: str | None = None) -> dict[str, Any]:
    """Read what `seal` wrote, or raise.

    Parameters
    ----------
    text : str
        The file's whole text.
    kind : str, optional
        The kind expected.

    Returns
    -------
    dict
        The record with its ``kind``, without the digest.

    Raises
    ------
    TamperedRelease
        When the text is not canonical, the digest does not fit, the format or kind is another, or no version is named.
    """
    try:
        record = json.loads(text)
        if not isinstance(record, dict) or canonical(record) != text.removesuffix("\n"):
            raise TamperedRelease("the file is not in privlib's canonical form: it was edited, cut short or written otherwise")
    except (ValueError, RecursionError) as error:
        raise TamperedRelease("the file is not readable as a privlib release: it is cut short or no release") from error
    if type(record.get("format")) is not int or record["format"] != FORMAT:  # true is no 1
        raise TamperedRelease(f"the file's format is not {FORMAT}: read it with the version of privlib that wrote it")
    if record.pop("digest", None) != _digest(record):
        raise TamperedRelease("the file's digest does not fit its content: it was edited or damaged")
    version = record.get("privlib")
    if not isinstance(version, str) or len(version) > _LONGEST_VERSION or not _VERSION.fullmatch(version):
        raise TamperedRelease("the file does not name the version of privlib that wrote it")
    if kind is not None and record.get("kind") != kind:
        raise TamperedRelease(f"the file is not a {kind}")
    return record


def write(
    kind: str,
    spec: _Spec,
    *,
    noisy: Sequence[int],
    bound: Bound,
    theorem: str,
    head: Mapping[str, Any] | None,
    secure: bool,
) -> str:
    """Write a release of noisy integers: its plan, its bound, its theorem, the charge that paid for it.

    Parameters
    ----------
    kind : str
        Which kind of release.
    spec : Spec
        The public plan.
    noisy : sequence of int
        What was released.
    bound : Bound
        What that may leak.
    theorem : str
        The theorem that the draw names.
    head : mapping or None
        The ledger's row.
    secure : bool
        Whether the noise was real.

    Returns
    -------
    str
    """
    body = {"spec": spec.to_dict(), "noisy": integers(noisy), "bound": bound.to_dict(), "theorem": theorem}
    return seal(kind, {**body, "ledger": None if head is None else dict(head), "secure": secure})


def reread(
    text: str,
    kind: str,
    *,
    spec: Callable[[Mapping[str, Any]], Spec],
    theorem: str,
    size: Callable[[Spec], int],
    release: Callable[[Spec, list[int], Mapping[str, Any] | None, bool], Release],
) -> Release:
    """Read what `write` wrote, and check all that can be checked without a ledger.

    Parameters
    ----------
    text : str
        The file's whole text.
    kind, theorem : str
        What the file must be and must rest on.
    spec : callable
        Reads the plan.
    size : callable
        How many integers a plan releases.
    release : callable
        Builds the release from plan, integers, ledger row and the secure flag.

    Returns
    -------
    Release

    Raises
    ------
    TamperedRelease
        When the text is not, byte for byte, what the release writes, or its bound does not follow from its plan.
    """
    record, lacking = open_sealed(text, kind), f"the file lacks what a release of kind {kind} has"
    try:
        plan = spec(record["spec"])
        noisy = [int(value) for value in record["noisy"]]
        stated, named, secure, head = record["bound"], record["theorem"], record["secure"], record["ledger"]
    except (KeyError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise TamperedRelease(lacking) from error
    if len(noisy) != size(plan) or any(not -(2**63) <= value < 2**63 for value in noisy) or not isinstance(secure, bool):
        raise TamperedRelease(lacking)
    check_head(head)
    made = release(plan, noisy, head, secure)
    if stated != made.bound.to_dict() or named != theorem:
        raise TamperedRelease("the stated bound does not follow from the plan and the theorem")
    check_rewritten(made.to_json(), text)
    return made


def check_head(head: object) -> None:
    """Refuse what is neither None nor the head of a charge exactly as a ledger gives it.

    Raises
    ------
    TamperedRelease
        For other names, other types, or a row that cannot hold a charge.
    """
    if head is None:
        return
    if not isinstance(head, dict) or {name: type(value) for name, value in head.items()} != _HEAD or head["seq"] < _FIRST_CHARGE:
        raise TamperedRelease("the charge that the file names is not written as a ledger writes it")


def check_rewritten(written: str, text: str) -> None:
    """Refuse a file that is not, byte for byte, what its release writes: more, less, or ``true`` where 1 belongs.

    Parameters
    ----------
    written : str
        What the release that was read from the file writes now.
    text : str
        The file's whole text, opened by `open_sealed` before. It may come from another version of privlib.

    Raises
    ------
    TamperedRelease
        When they differ in more than the version.
    """
    record = open_sealed(written) | {"privlib": open_sealed(text)["privlib"]}
    if canonical({**record, "digest": _digest(record)}) != text.removesuffix("\n"):
        raise TamperedRelease("the file holds more than privlib writes, or other things")


def _digest(record: Mapping[str, Any]) -> str:
    return fingerprint_of(record)

"""Releases as files: canonical JSON with a digest, and the checks that every room's files share.

The digest finds damage and careless edits. It is not a signature: whoever can write the file can write a digest too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from privlib.errors import InvalidInput, TamperedRelease

__all__ = ["FORMAT", "canonical", "fingerprint_of", "integers", "open_sealed", "seal"]

FORMAT = 1
"""The format of release files; others are refused."""

_LARGEST_JSON_INTEGER = 2**53


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
        When the text is not canonical, the digest does not fit, or the format or kind is another.
    """
    try:
        record = json.loads(text)
        if not isinstance(record, dict) or canonical(record) != text.removesuffix("\n"):
            raise TamperedRelease("the file is not in privlib's canonical form: it was edited, cut short or written otherwise")
    except (ValueError, RecursionError) as error:
        raise TamperedRelease("the file is not readable as a privlib release: it is cut short or no release") from error
    if record.get("format") != FORMAT:
        raise TamperedRelease(f"the file's format is not {FORMAT}: read it with the version of privlib that wrote it")
    if record.pop("digest", None) != _digest(record):
        raise TamperedRelease("the file's digest does not fit its content: it was edited or damaged")
    if kind is not None and record.get("kind") != kind:
        raise TamperedRelease(f"the file is not a {kind}")
    return record


def _digest(record: Mapping[str, Any]) -> str:
    return fingerprint_of(record)

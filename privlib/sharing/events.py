"""What can happen to a dealer, and how it is written down: events that only ever add."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias, cast

from privlib.errors import DealerError
from privlib.journal import Json
from privlib.sharing.codes import Code
from privlib.sharing.spec import Spec
from privlib.sharing.streams import KEY, Mode

__all__ = [
    "NONCE",
    "Delivered",
    "Event",
    "Extended",
    "Made",
    "Placed",
    "Recovered",
    "Reserved",
    "Retired",
    "broken",
    "read",
    "write",
]

NONCE = 16
"""Bytes of a lineage's nonces, of a dealer's name and of an AMD code's random element."""


@dataclass(frozen=True)
class Made:
    """The first event: the plan and the word, the random element of an AMD code included.

    Attributes
    ----------
    spec : Spec
        The plan.
    dealer : bytes
        Sixteen random bytes that name the dealer.
    epoch : int
        0; refreshed shares count on.
    mode : {"perfect", "seeded"}
        Where digits come from.
    word : bytes
        What is shared: secret.
    root : bytes or None
        The key of seeded streams: secret.
    label_key : bytes
        Digests of the holders' labels are keyed with it: secret.
    signing : bytes or None
        The dealer's Ed25519 key, with which shares are signed: secret.
    secure : bool
        Whether all of it was drawn outside test mode.
    """

    spec: Spec
    dealer: bytes
    epoch: int
    mode: Mode
    word: bytes = field(repr=False)
    root: bytes | None = field(repr=False)
    label_key: bytes = field(repr=False)
    signing: bytes | None = field(repr=False)
    secure: bool


@dataclass(frozen=True)
class Extended:
    """All streams became ``extent`` rows long; a random nonce tells this extension from any other of the same length."""

    extent: int
    nonce: bytes
    digits: bytes = field(repr=False)
    secure: bool


@dataclass(frozen=True)
class Reserved:
    """Participant number ``t`` belongs to a holder for good. ``codeword`` is kept where the code is a user's own."""

    t: int
    holder: str
    codeword: str


@dataclass(frozen=True)
class Delivered:
    """The share of participant ``t`` was handed out."""

    t: int


@dataclass(frozen=True)
class Placed:
    """A holder has the number that `Dealer.issue_anywhere` gives, a function of the label."""

    holder: str


@dataclass(frozen=True)
class Recovered:
    """After a restored backup: no number below ``start`` is given out any more, and these holders turned out to have theirs."""

    start: int
    reserved: tuple[Reserved, ...] = ()
    placed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retired:
    """Nobody is added any more."""


Event: TypeAlias = Made | Extended | Reserved | Delivered | Placed | Recovered | Retired
"""Anything that happens to a dealer."""

_KINDS: dict[str, type[Event]] = {
    kind.__name__.lower(): kind for kind in (Made, Extended, Reserved, Delivered, Placed, Recovered, Retired)
}


def write(event: Event) -> dict[str, Json]:
    """An event as JSON takes it."""
    record: dict[str, Json] = {"kind": type(event).__name__.lower()}
    for each in fields(event):
        record[each.name] = _written(getattr(event, each.name))
    return record


def _written(value: Any) -> Json:
    if isinstance(value, Spec):
        return value.to_dict()
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Reserved):
        return write(value)
    if isinstance(value, tuple):
        return [_written(each) for each in cast(tuple[object, ...], value)]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else cast(Json, value)  # t may be 2**200


def read(record: Mapping[str, Json], code: Code | None = None) -> Event:
    """Read what `write` gave.

    Parameters
    ----------
    record : mapping
        The record.
    code : UserCode, optional
        The code, where the plan names a user's own.

    Returns
    -------
    Event

    Raises
    ------
    DealerError
        For anything else.
    InvalidInput
        When the plan names a user's code, and it is not handed over.
    """
    kind = _KINDS.get(str(record.get("kind")))
    if kind is None or set(record) != {"kind", *kind.__dataclass_fields__}:
        raise broken()
    values: dict[str, Any] = {name: _value(name, value) for name, value in record.items() if name != "kind"}
    if kind is Made:
        values["spec"] = Spec.from_dict(values["spec"], code=code)
    event = kind(**values)
    if isinstance(event, Made) and not _is_whole(event):
        raise broken()
    return event


def _value(name: str, value: Json) -> Any:
    try:
        if name in _BYTES and value is not None:
            return b64decode(cast(str, value), validate=True)
        if name == "reserved":
            return tuple(read(each) for each in cast(list[dict[str, Json]], value))
        if name == "placed":
            return tuple(cast(list[str], value))
        return int(cast(str, value)) if name in _INTEGERS else value
    except (AttributeError, TypeError, ValueError):
        raise broken() from None


_BYTES = {"dealer", "word", "root", "label_key", "signing", "nonce", "digits"}
_INTEGERS = {"epoch", "extent", "t", "start"}


def _is_whole(made: Made) -> bool:
    lengths = len(made.word) == made.spec.word_bytes and len(made.dealer) == NONCE and len(made.label_key) == KEY
    return lengths and (made.mode == "seeded") == (made.root is not None) and made.mode in ("perfect", "seeded")


def broken() -> DealerError:
    """What to raise where events do not fit together."""
    return DealerError("the dealer's state contradicts itself: restore a copy, and recover from it")

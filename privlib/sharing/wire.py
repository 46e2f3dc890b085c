"""The binary form of a share: one spelling for each share, and nothing else is read.

A number is a byte that says how many bytes follow, and the number in those bytes, the highest first; the first is not zero, so
zero is the single byte 0. A choice is one byte. In this order:

========================  ================================================================
mark                      5 bytes: ``PSHR`` and the format's version, 1; it says F_2 too
plan                      threshold, size (numbers), the code's name (a number of letters, and the letters), layout (a choice),
                          width (a number), integrity (a choice)
dealer                    16 bytes
epoch, participant        numbers
kind, secure              choices: perfect or seeded; made in test mode or not
lineage                   how many entries (a number); for each the extent (a number) and a nonce of 16 bytes
signed                    a choice; if so the dealer's public key of 32 bytes
payload                   as many bytes as plan and participant say
signature                 64 bytes, if signed
checksum                  CRC-32 of everything before, the highest byte first
========================  ================================================================

The checksum finds accidents, not intent. It is a function of the payload, so it stands in the share and nowhere else; so does the
signature, by which candidates for a payload could be tried.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, TypeVar

from privlib.bounds import exact_int
from privlib.errors import BadShare, InvalidInput
from privlib.sharing.codes import UserCode
from privlib.sharing.layouts import Layout
from privlib.sharing.spec import MOST_PARTICIPANT, Integrity, Spec

__all__ = [
    "CHECKSUM",
    "KEY",
    "MAGIC",
    "NONCE",
    "SIGNATURE",
    "Head",
    "Kind",
    "checksum",
    "exactly",
    "read",
    "read_head",
    "write_head",
]

MAGIC = b"PSHR\x01"
"""How a share's binary form begins; the last byte is the format's version."""
NONCE = 16
"""Bytes of a dealer's identity, and of a nonce of its lineage."""
KEY = 32
"""Bytes of an Ed25519 public key."""
SIGNATURE = 64
"""Bytes of an Ed25519 signature."""
CHECKSUM = 4
"""Bytes of the checksum."""

Kind = Literal["perfect", "seeded"]
"""Whether the streams' digits were drawn one by one and stored, or come from a master key."""

_MOST = 2**64 - 1
_MOST_ENTRIES = 2**16
_LONGEST_NAME = 64
_OWN = "user-"

_LAYOUTS = (Layout.PAPER, Layout.COMPACT)  # what is a choice is written as its place: never reorder
_INTEGRITIES: tuple[Integrity, ...] = ("amd", "none", "signed")
_KINDS: tuple[Kind, ...] = ("perfect", "seeded")
_NO_OR_YES = (False, True)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Head:
    """All of a share but its payload and signature: none of it is secret.

    Parameters
    ----------
    spec : Spec
        The plan.
    dealer : bytes
        The dealer's identity, 16 random bytes.
    epoch : int
        How often the dealer's shares were refreshed.
    t : int
        The participant, from 1.
    lineage : tuple of (int, bytes)
        How the dealer's streams grew up to this share: each time the rows reached, and a nonce of 16 bytes. Rows increase.
    kind : {"perfect", "seeded"}
        Whether digits of the operating system hide the secret, or a generator's.
    secure : bool
        False for shares made in test mode.
    public_key : bytes, optional
        The dealer's Ed25519 public key, 32 bytes; a signed share has it.

    Raises
    ------
    InvalidInput
        For anything out of range.
    """

    spec: Spec
    dealer: bytes
    epoch: int
    t: int
    lineage: tuple[tuple[int, bytes], ...]
    kind: Kind
    secure: bool
    public_key: bytes | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.spec, Spec):
            raise InvalidInput(f"spec must be a Spec, not {type(self.spec).__name__}")
        if self.kind not in _KINDS:
            raise InvalidInput(f"kind must be one of {', '.join(_KINDS)}")
        if not isinstance(self.secure, bool):
            raise InvalidInput("secure must be True or False")
        lineage = _lineage(self.lineage)
        values = {
            "dealer": exactly(self.dealer, NONCE, name="dealer"),
            "epoch": exact_int(self.epoch, name="epoch", least=0, most=_MOST),
            "t": exact_int(self.t, name="participant", most=MOST_PARTICIPANT),
            "lineage": lineage,
            "public_key": None
            if self.public_key is None
            else exactly(self.public_key, KEY, name="public_key, the dealer's public key,"),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.spec.share_rows(self.t)  # refuses a share that could not be made

    @property
    def payload_bytes(self) -> int:
        """How many bytes the payload has."""
        return self.spec.share_bytes(self.t)


HEAD_FIELDS = tuple(field.name for field in fields(Head))


def write_head(head: Head) -> bytes:
    """Everything before the payload.

    Parameters
    ----------
    head : Head
        A head, or a share, whose payload is not looked at.

    Returns
    -------
    bytes
    """
    spec = head.spec
    name = spec.code.encode()
    parts = [
        MAGIC,
        *map(_number, (spec.threshold, spec.size, len(name))),
        name,
        _choice(_LAYOUTS, spec.layout),
        _number(spec.width),
        _choice(_INTEGRITIES, spec.integrity),
        head.dealer,
        *map(_number, (head.epoch, head.t)),
        _choice(_KINDS, head.kind),
        _choice(_NO_OR_YES, head.secure),
        _number(len(head.lineage)),
    ]
    for extent, nonce in head.lineage:
        parts += [_number(extent), nonce]
    parts += [_choice(_NO_OR_YES, head.public_key is not None), head.public_key or b""]
    return b"".join(parts)


def read_head(data: bytes, *, code: UserCode | None = None) -> tuple[Head, int]:
    """Read what `write_head` gave, and perhaps more bytes after it.

    Parameters
    ----------
    data : bytes
        The beginning of a share, or all of it.
    code : UserCode, optional
        The code of participant numbers, where the share names a user's code.

    Returns
    -------
    head : Head
        The head.
    used : int
        Where the payload begins.

    Raises
    ------
    BadShare
        For bytes that `write_head` does not give.
    """
    reader = _Reader(data)
    _mark(reader)
    try:
        return _head(reader, code), reader.place
    except InvalidInput:
        # Where bytes are missing, bytes of the payload stand in the places of numbers: so no number is shown.
        raise BadShare("these bytes are no share: its plan, participant or lineage is none that can be") from None


def read(data: bytes, *, code: UserCode | None = None) -> tuple[Head, bytes, bytes | None]:
    """Read a whole share.

    Parameters
    ----------
    data : bytes
        All of it, and nothing more.
    code : UserCode, optional
        The code of participant numbers, where the share names a user's code.

    Returns
    -------
    head : Head
        The head.
    payload : bytes
        The payload.
    signature : bytes or None
        The signature, not verified.

    Raises
    ------
    BadShare
        For bytes that are no share, damaged, cut short or followed by others.
    """
    _mark(_Reader(data))
    if checksum(data[:-CHECKSUM]) != data[-CHECKSUM:]:
        raise BadShare("the share is damaged, cut short or followed by something else: its checksum does not fit")
    head, start = read_head(data, code=code)
    stop = start + head.payload_bytes
    end = stop + (0 if head.public_key is None else SIGNATURE)
    if len(data) != end + CHECKSUM:
        raise BadShare("the share has another length than its plan and its participant say")
    return head, data[start:stop], data[stop:end] or None


def checksum(*parts: bytes) -> bytes:
    """The CRC-32 of everything before it in a share; it finds damage, not intent. Keep it where the share is."""
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return crc.to_bytes(CHECKSUM, "big")


def exactly(value: object, size: int, *, name: str) -> bytes:
    """Bytes of one length, or a refusal that does not show them."""
    if not isinstance(value, (bytes, bytearray)) or len(value) != size:
        raise InvalidInput(f"{name} must be {size} bytes")
    return bytes(value)


def _lineage(given: Sequence[tuple[int, bytes]]) -> tuple[tuple[int, bytes], ...]:
    if not isinstance(given, (tuple, list)) or any(not isinstance(entry, (tuple, list)) or len(entry) != 2 for entry in given):
        raise InvalidInput("lineage must be a tuple of pairs, each of rows and a nonce")
    if len(given) > _MOST_ENTRIES:
        raise InvalidInput(f"lineage has at most {_MOST_ENTRIES} entries")
    found = list[tuple[int, bytes]]()
    for extent, nonce in given:
        least = found[-1][0] + 1 if found else 1
        found.append(
            (exact_int(extent, name="each extent of lineage", least=least, most=_MOST), exactly(nonce, NONCE, name="nonce"))
        )
    return tuple(found)


def _mark(reader: _Reader) -> None:
    if reader.take(len(MAGIC) - 1) != MAGIC[:-1]:
        raise BadShare("these bytes are no share of a secret")
    if reader.take(1) != MAGIC[-1:]:
        raise BadShare("the share has a format that this version of privlib does not know: update it")


def _head(reader: _Reader, code: UserCode | None) -> Head:
    threshold, size, letters = reader.number(), reader.number(), reader.number()
    name = reader.take(exact_int(letters, name="the length of the code's name", most=_LONGEST_NAME))
    spelled = name.decode("latin-1")  # any bytes are letters then, and the code's name is looked up
    if spelled.startswith(_OWN) and (code is None or code.name != spelled):
        raise BadShare("this share was made with a code of the dealer's own: hand over its UserCode")
    spec = Spec(
        threshold,
        size,
        code=code if code is not None and code.name == spelled else spelled,
        layout=reader.choice(_LAYOUTS),
        width=reader.number(),
        integrity=reader.choice(_INTEGRITIES),
    )
    return Head(
        spec=spec,
        dealer=reader.take(NONCE),
        epoch=reader.number(),
        t=reader.number(),
        kind=reader.choice(_KINDS),
        secure=reader.choice(_NO_OR_YES),
        lineage=tuple((reader.number(), reader.take(NONCE)) for _ in range(reader.number(most=_MOST_ENTRIES))),
        public_key=reader.take(KEY) if reader.choice(_NO_OR_YES) else None,
    )


def _number(value: int) -> bytes:
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "big")


def _choice(choices: Sequence[object], value: object) -> bytes:
    return bytes([choices.index(value)])


class _Reader:
    """Takes bytes one after the other, and refuses to take more than there are."""

    def __init__(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise BadShare(f"a share's binary form is bytes, not {type(data).__name__}")
        self._data = data
        self.place = 0

    def take(self, size: int) -> bytes:
        found = self._data[self.place : self.place + size]
        if len(found) < size:
            raise BadShare("these bytes are no share, or one that is cut short")
        self.place += size
        return found

    def number(self, *, most: int = MOST_PARTICIPANT) -> int:
        found = self.take(self.take(1)[0])
        if found[:1] == b"\0":
            raise BadShare("these bytes are no share: a number begins with a zero byte")
        value = int.from_bytes(found, "big")
        if value > most:
            raise BadShare(f"these bytes are no share: a number is above {most}")
        return value

    def choice(self, choices: Sequence[T]) -> T:
        place = self.take(1)[0]
        if place >= len(choices):
            raise BadShare("these bytes are no share: a choice is none that there is")
        return choices[place]

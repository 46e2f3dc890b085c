"""How a report is written: small whole numbers as mixed-radix integers, then bits; one spelling for each report.

Attributes whose reports are symbols (GRR, local hashing, Hadamard) are the digits of integers, as many attributes in one
integer as fit 63 bits, the first attribute the lowest digit; each integer is little endian in as few bytes as it needs. After
them come the bits of the attributes whose reports are sets (unary encoding, subset selection), the first value of the first
such attribute the lowest bit of the first byte; bits beyond the last are zero.

Where one attribute is drawn and told (smp), a report is one integer, which says which attribute and, where its report is a
symbol, which; then the bits, which start at the attribute's first value whichever attribute it is.

This file needs no numpy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import BinaryIO

from privlib.errors import InvalidInput, Mismatch
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle, Subset, Unary
from privlib.ldp.parts import Part, Scheme

__all__ = ["HEADER", "Layout", "Number", "is_secure", "length", "pieces", "symbols_of", "unwrap", "wrap"]

_MAGIC, _MAGIC_OF_TESTS = b"PLDP\x01", b"TEST\x01"
_DIGEST, _LENGTH = 32, 8
HEADER = len(_MAGIC) + _DIGEST + _LENGTH
"""Bytes before the reports of a batch: a mark with the format's version, the plan's fingerprint, how many bytes follow."""
_LIMIT = 1 << 63
_AT_A_TIME = 1 << 22


@dataclass(frozen=True)
class Number:
    """An integer of a report.

    Parameters
    ----------
    attributes : tuple of int
        Whose symbols are its digits, the lowest first; all attributes where one is drawn and told.
    radices : tuple of int
        How many symbols each digit has.
    start, stop : int
        Its bytes.
    """

    attributes: tuple[int, ...]
    radices: tuple[int, ...]
    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many values the integer has."""
        return prod(self.radices)


@dataclass(frozen=True)
class Layout:
    """Where everything stands in a report.

    Parameters
    ----------
    scheme : Scheme
        What becomes of several attributes.
    parts : tuple of Part
        The law of each attribute's report.
    """

    scheme: Scheme
    parts: tuple[Part, ...]

    @cached_property
    def numbers(self) -> tuple[Number, ...]:
        """The integers, in their order."""
        if self.scheme is Scheme.SMP:
            return (_number(tuple(range(len(self.parts))), (self.offsets[-1],), 0),)
        found: list[Number] = []
        held: list[int] = []
        for attribute, part in enumerate(self.parts):
            symbols = symbols_of(part.oracle)
            if symbols == 0:
                continue
            if held and prod(map(self._symbols, held)) * symbols >= _LIMIT:
                found.append(self._next(found, held))
                held = []
            held.append(attribute)
        if held:
            found.append(self._next(found, held))
        return tuple(found)

    def _next(self, found: Sequence[Number], held: Sequence[int]) -> Number:
        return _number(tuple(held), tuple(map(self._symbols, held)), found[-1].stop if found else 0)

    def _symbols(self, attribute: int) -> int:
        return symbols_of(self.parts[attribute].oracle)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Of a told attribute: its first code in the integer; last, how many codes there are."""
        found = [0]
        for attribute in range(len(self.parts)):
            found.append(found[-1] + max(1, self._symbols(attribute)))
        return tuple(found)

    @cached_property
    def bit_offsets(self) -> tuple[int, ...]:
        """The first bit of each attribute, where its report is a set."""
        found, place = [], 0
        for part in self.parts:
            found.append(0 if self.scheme is Scheme.SMP else place)
            place += part.size if symbols_of(part.oracle) == 0 else 0
        return tuple(found)

    @cached_property
    def bits(self) -> int:
        """How many bits there are."""
        sizes = [part.size for part in self.parts if symbols_of(part.oracle) == 0]
        return max(sizes, default=0) if self.scheme is Scheme.SMP else sum(sizes)

    @property
    def start_of_bits(self) -> int:
        """The byte at which bits begin."""
        return self.numbers[-1].stop if self.numbers else 0

    @property
    def width(self) -> int:
        """Bytes of a report."""
        return self.start_of_bits + (self.bits + 7) // 8

    def write(self, symbols: Sequence[int], bits: int, *, told: int | None = None) -> bytes:
        """Write one report.

        Parameters
        ----------
        symbols : sequence of int, shape (d,)
            The symbol of each attribute; anything where its report is a set, or another attribute is told.
        bits : int
            All bits, the first the lowest.
        told : int, optional
            The attribute that was drawn, where it is told.

        Returns
        -------
        bytes
        """
        out = bytearray()
        for number in self.numbers:
            value = 0
            if told is not None:
                value = self.offsets[told] + (symbols[told] if self._symbols(told) else 0)
            else:
                for attribute, radix in reversed(list(zip(number.attributes, number.radices, strict=True))):
                    value = value * radix + symbols[attribute]
            out += value.to_bytes(number.stop - number.start, "little")
        return bytes(out) + bits.to_bytes((self.bits + 7) // 8, "little")

    def read(self, report: bytes) -> tuple[tuple[int, ...], int, int | None]:
        """Read one report: what `write` was given; symbols are -1 where there is none.

        Raises
        ------
        InvalidInput
            For bytes that `write` does not give.
        """
        if len(report) != self.width:
            raise InvalidInput(f"a report of this plan has {self.width} bytes, got {len(report)}")
        symbols, told = [-1] * len(self.parts), None
        for number in self.numbers:
            value = int.from_bytes(report[number.start : number.stop], "little")
            if value >= number.size:
                raise InvalidInput("the report is not one that the plan's protocol can give")
            if self.scheme is Scheme.SMP:
                told = max(a for a, offset in enumerate(self.offsets[:-1]) if offset <= value)
                if self._symbols(told):
                    symbols[told] = value - self.offsets[told]
                continue
            for attribute, radix in zip(number.attributes, number.radices, strict=True):
                value, symbols[attribute] = divmod(value, radix)
        bits = int.from_bytes(report[self.start_of_bits :], "little")
        self._check_bits(bits, told)
        return tuple(symbols), bits, told

    def _check_bits(self, bits: int, told: int | None) -> None:
        length = self.bits if told is None else (0 if self._symbols(told) else self.parts[told].size)
        wrong = bits >> length != 0
        for attribute, part in enumerate(self.parts):
            if isinstance(part.oracle, Subset) and told in (None, attribute):
                own = bits >> self.bit_offsets[attribute] & ((1 << part.size) - 1)
                wrong |= own.bit_count() != part.oracle.chosen
        if wrong:
            raise InvalidInput("the report is not one that the plan's protocol can give")


def _number(attributes: tuple[int, ...], radices: tuple[int, ...], start: int) -> Number:
    return Number(attributes, radices, start, start + ((prod(radices) - 1).bit_length() + 7) // 8)


def symbols_of(oracle: Oracle) -> int:
    """How many symbols an oracle reports; 0 where it reports a set of values, as bits."""
    match oracle:
        case Grr():
            return oracle.size
        case LocalHash():
            return int(oracle.buckets ** (oracle.digits + 1))  # the function's coefficients, then the bucket as the lowest digit
        case Hadamard():
            return oracle.columns
        case Unary() | Subset():
            return 0


def wrap(fingerprint: str, reports: bytes, *, secure: bool = True) -> bytes:
    """A batch: a mark, the plan's fingerprint, how many bytes follow, and the reports, one after the other.

    Another mark says that they were made in test mode.
    """
    return (
        (_MAGIC if secure else _MAGIC_OF_TESTS) + bytes.fromhex(fingerprint) + len(reports).to_bytes(_LENGTH, "little") + reports
    )


def is_secure(batch: bytes) -> bool:
    """Whether no part of a batch says that it was made in test mode."""
    return all(secure for secure, _, _ in _batches(batch))


def unwrap(fingerprint: str, width: int, batch: bytes) -> bytes:
    """The reports of a batch, or of several, one after the other.

    Raises
    ------
    Mismatch
        For another plan's batch.
    InvalidInput
        For another format or a length that is no number of reports.
    """
    found = []
    for _, plan, reports in _batches(batch):
        if plan.hex() != fingerprint:
            raise Mismatch("the reports were made under another plan: their fingerprint differs")
        if len(reports) % width:
            raise InvalidInput("the batch is cut short: its length is no whole number of reports")
        found.append(reports)
    return found[0] if len(found) == 1 else b"".join(found)


def length(head: bytes) -> int:
    """How many bytes of reports follow the header of a batch.

    Raises
    ------
    InvalidInput
        For bytes that are no header.
    """
    if len(head) < HEADER or not head.startswith((_MAGIC, _MAGIC_OF_TESTS)):
        raise InvalidInput("these bytes are no batch of local reports, or one of another format")
    return int.from_bytes(head[HEADER - _LENGTH : HEADER], "little")


def pieces(stream: BinaryIO, fingerprint: str, width: int) -> Iterator[bytes]:
    """Read the batches of a file, a few megabytes at a time, each piece with a header of its own.

    Raises
    ------
    Mismatch
        For another plan's batch.
    InvalidInput
        For another format, or a file that is cut short.
    """
    most = max(1, _AT_A_TIME // width) * width
    head = stream.read(HEADER)
    while True:
        left = length(head)
        empty = head[: HEADER - _LENGTH] + bytes(_LENGTH)
        unwrap(fingerprint, width, empty)  # refuses another plan
        while left:
            piece = stream.read(min(most, left))
            if not piece or len(piece) % width:
                raise InvalidInput("the batch is cut short: it holds fewer bytes than it names")
            left -= len(piece)
            yield wrap(fingerprint, piece, secure=is_secure(empty))
        head = stream.read(HEADER)
        if not head:
            return


def _batches(batch: bytes) -> Iterator[tuple[bool, bytes, bytes]]:
    """Of each batch: whether it was not made in test mode, the fingerprint, the reports. There is one at least."""
    place = 0
    while place < len(batch) or place == 0:
        head = batch[place : place + HEADER]
        place += HEADER + length(head)
        if place > len(batch):
            raise InvalidInput("the batch is cut short: it holds fewer bytes than it names")
        mark = len(_MAGIC)
        yield head.startswith(_MAGIC), head[mark : mark + _DIGEST], batch[place - length(head) : place]

"""The AMD code (algebraic manipulation detection) of Cramer, Dodis, Fehr, Padro and Wichs: a tag that survives no known offset.

A message of d blocks s_1, ..., s_d, a uniform element a and ``tag = a**(d+2) + sum of s_i a**i`` are shared together. Recovery is
linear, so whoever changes shares adds an offset that they know to all three; with d + 2 odd it passes for at most d + 1 of the
elements a. No key is needed and no assumption is made: the element a is hidden by the sharing itself.

Elements of GF(2^n) are integers, bit i the coefficient of x^i; blocks of bytes are little endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import exact_int
from privlib.errors import InvalidInput
from privlib.proved import proved

__all__ = ["BLOCK", "GF128", "Field", "Tagger", "tag", "tag_bytes"]

BLOCK = 16
"""Bytes of a block, of the random element and of a tag."""

_TOGETHER = 31  # blocks in a sum: a float of 24 bits holds two sums of up to 31 * 128 ones
_HALF = 1 << 12
_COLUMNS = 64
_FEW = 128  # blocks for which the plain way is as fast
_SLAB = 1 << 6  # groups at a time: a megabyte of floats
_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Field:
    """GF(2^degree), as polynomials over GF(2) modulo ``x**degree + low``.

    Parameters
    ----------
    degree : int
        n.
    low : int
        The modulus without its leading term; it must be irreducible.
    """

    degree: int
    low: int

    @proved("sharing.t4")
    def multiply(self, one: int, other: int) -> int:
        """The product. No branch and no address depends on the elements; the time that Python's integers take does.

        Privacy
        -------
        Multiplication of a field, on which the bound rests: theorem sharing.t4.
        """
        product = 0
        for power in reversed(range(self.degree)):
            product = self.times_x(product) ^ (one & -(other >> power & 1))
        return product

    @proved("sharing.t4")
    def times_x(self, element: int) -> int:
        """The product with x.

        Privacy
        -------
        A step of `multiply`: theorem sharing.t4.
        """
        return (element << 1) ^ (((1 << self.degree) | self.low) & -(element >> (self.degree - 1)))


GF128 = Field(128, 0x87)
"""GF(2^128) modulo x^128 + x^7 + x^2 + x + 1."""


@proved("sharing.t4")
def tag(blocks: Sequence[int], a: int, field: Field = GF128) -> int:
    """The tag of a message, block by block: the definition, for any field.

    Parameters
    ----------
    blocks : sequence of int
        s_1, ..., s_d, elements of the field. A zero block is added where d is even, since d + 2 must be odd.
    a : int
        The random element, uniform over the field, drawn once in the life of a dealer.
    field : Field
        GF(2^128) unless a proof wants another.

    Returns
    -------
    int
        ``a**(d+2) + sum of s_i a**i``.

    Raises
    ------
    InvalidInput
        For numbers that are no elements of the field.

    Privacy
    -------
    An offset that is known, to message, element and tag, passes for at most d + 1 elements a. Theorem: sharing.t4.

    Examples
    --------
    >>> hex(tag([1], 2))  # x^3 + x
    '0xa'
    """
    most = (1 << field.degree) - 1
    for element in (*blocks, a):
        exact_int(element, name="an element of the field", least=0, most=most)
    highest_first = [*reversed(blocks)] if len(blocks) % 2 else [0, *reversed(blocks)]
    value = a  # a**(d+2) and nothing of a**(d+1): two steps of Horner's rule
    for block in highest_first:
        value = field.multiply(value, a) ^ block
    return field.multiply(value, a)


@proved("sharing.t4")
def tag_bytes(message: bytes, a: bytes) -> bytes:
    """The tag of bytes over GF(2^128), fast for long messages.

    Parameters
    ----------
    message : bytes
        Cut into blocks of 16 bytes, the last filled up with zeros: the length must be part of the message.
    a : bytes
        The random element, 16 bytes.

    Returns
    -------
    bytes
        16 bytes.

    Raises
    ------
    InvalidInput
        When a has another length.

    Privacy
    -------
    Equals `tag`, on which the bound rests: theorem sharing.t4.
    """
    tagger = Tagger(a)
    tagger.update(message)
    return tagger.finish()


class Tagger:
    """The tag of a message that comes in pieces.

    No branch and no address depends on secret data, lengths apart. That is not constant time: Python's integers, of at most 256
    bits here, take longer for some elements than for others.

    Parameters
    ----------
    a : bytes
        The random element, 16 bytes.

    Raises
    ------
    InvalidInput
        When a has another length.
    """

    __slots__ = ("_a", "_count", "_next", "_rest", "_tables", "_value")

    def __init__(self, a: bytes) -> None:
        if not isinstance(a, bytes) or len(a) != BLOCK:
            raise InvalidInput(f"the random element of an AMD code is {BLOCK} bytes")
        self._a = int.from_bytes(a, "little")
        self._count, self._next, self._value = 0, self._a, 0
        self._rest, self._tables = b"", list[tuple[int, NDArray[np.float32]]]()

    def update(self, piece: bytes | memoryview) -> None:
        """Take more of the message.

        Parameters
        ----------
        piece : bytes or memoryview
            Any number of bytes.
        """
        joined = memoryview(self._rest + bytes(piece) if self._rest else piece)
        whole = len(joined) // BLOCK
        self._rest = bytes(joined[whole * BLOCK :])
        for start in range(0, whole, _AT_ONCE):
            blocks = np.frombuffer(joined[start * BLOCK : min(whole, start + _AT_ONCE) * BLOCK], dtype=np.uint8)
            self._add(blocks.reshape(-1, BLOCK))

    @proved("sharing.t4")
    def finish(self) -> bytes:
        """The tag of everything that came; nothing may come later.

        Returns
        -------
        bytes
            16 bytes.

        Privacy
        -------
        Fills the last block with zeros, adds a zero block where their number is even, and ``a**(d+2)``: theorem sharing.t4.
        """
        if self._rest:
            self.update(bytes(BLOCK - len(self._rest)))
        if self._count % 2 == 0:
            self.update(bytes(BLOCK))
        leading = GF128.multiply(self._next, self._a)  # the next power is a**(d+1)
        return (self._value ^ leading).to_bytes(BLOCK, "little")

    @proved("sharing.t4")
    def _add(self, blocks: NDArray[np.uint8]) -> None:
        """Add consecutive blocks times the powers of a that are theirs.

        Privacy
        -------
        A step of `update`: theorem sharing.t4.
        """
        value = self._evaluate(blocks, 0)
        self._value ^= GF128.multiply(value, self._next)
        self._next = GF128.multiply(self._next, self._power(len(blocks)))
        self._count += len(blocks)

    def _evaluate(self, blocks: NDArray[np.uint8], level: int) -> int:
        """The sum of ``blocks[i] * b**i`` with b = a**(31**level).

        Few blocks by Horner's rule. Many in groups of 31: the groups' sums are one product of matrices of zeros and ones, and
        are blocks themselves, of a polynomial in b**31.
        """
        if len(blocks) <= _FEW:
            base, value = self._base(level), 0
            for block in reversed(blocks):
                value = GF128.multiply(value, base) ^ int.from_bytes(block.tobytes(), "little")
            return value
        missing = -len(blocks) % _TOGETHER
        if missing:
            blocks = np.concatenate([blocks, np.zeros((missing, BLOCK), dtype=np.uint8)])
        groups = blocks.reshape(-1, _TOGETHER * BLOCK)
        table = self._table(level)
        sums = np.concatenate([_sums(groups[start : start + _SLAB], table) for start in range(0, len(groups), _SLAB)])
        return self._evaluate(sums, level + 1)

    def _power(self, count: int) -> int:
        """a**count, for a count that is public."""
        found = 1
        for digit in f"{count:b}":
            found = GF128.multiply(found, found)
            if digit == "1":
                found = GF128.multiply(found, self._a)
        return found

    def _base(self, level: int) -> int:
        return self._a if level == 0 else self._tables[level - 1][0]

    def _table(self, level: int) -> NDArray[np.float32]:
        """What digit j of block i of a group adds to the group's sum: b**i x**j, two of its bits to a float."""
        if level == len(self._tables):
            element, rows = 1, list[bytes]()
            for _ in range(_TOGETHER):
                moved = element
                for _ in range(GF128.degree):
                    rows.append(moved.to_bytes(BLOCK, "little"))
                    moved = GF128.times_x(moved)
                element = GF128.multiply(element, self._base(level))
            bits = np.unpackbits(np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, BLOCK), axis=1, bitorder="little")
            halves = bits[:, :_COLUMNS] + bits[:, _COLUMNS:] * np.uint16(_HALF)
            self._tables.append((element, halves.astype(np.float32)))
        return self._tables[level][1]


def _sums(groups: NDArray[np.uint8], table: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The groups times a table, over GF(2); sums of zeros and ones stay below 2**12, so both halves of a float are exact."""
    digits = np.unpackbits(groups, axis=1, bitorder="little").astype(np.float32)
    counts = (digits @ table).astype(np.int32)
    return np.packbits(np.concatenate([counts & 1, counts >> 12 & 1], axis=1).astype(np.uint8), axis=1, bitorder="little")

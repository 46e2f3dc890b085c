"""Randomising many records at once, with the law of `privlib.ldp.client`.

Records are taken in blocks that stay in the cache. In a block every choice is made for all records and all attributes, and what
is reported is picked by arithmetic: no step depends on which attribute is drawn or on a value. Until a block is written, bits
are kept byte by byte, the records side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.ldp.codes import encode
from privlib.ldp.draws import Bytes, Coins, Draws
from privlib.ldp.oracles import LocalHash, Subset, Unary
from privlib.ldp.parts import Scheme
from privlib.ldp.recipe import Lot, borders, chosen, keep, radices, symbol
from privlib.ldp.reports import Reports
from privlib.ldp.wire import Layout, symbols_of
from privlib.noise.stream import is_secure
from privlib.proved import proved

if TYPE_CHECKING:
    from privlib.ldp.spec import Spec

__all__ = ["randomise"]

Codes = NDArray[np.unsignedinteger[Any]]
Numbers = NDArray[Any]  # uint32, or uint64 for local hashing
Flags = NDArray[np.bool_]

_LEAST, _MOST = 1 << 10, 1 << 15  # records of a block
_CACHE = 1 << 18  # bytes of bits in a block
_NARROW = 2**32


@proved("ldp.t3")
def randomise(spec: Spec, data: object) -> Reports:
    """Randomise the records of a dataframe, or of arrays by attribute.

    Parameters
    ----------
    spec : Spec
        The plan.
    data : dataframe, or mapping of str to array
        A column for each attribute.

    Returns
    -------
    Reports
        As many as rows, in the same order.

    Raises
    ------
    InvalidInput
        For a missing column or an undeclared value, before anything is drawn.

    Privacy
    -------
    Each report has the plan's law, exactly, and is independent of all others. Theorem: ldp.t3.
    """
    codes, secure = encode(spec.domain, data), is_secure()
    layout = Layout(spec.scheme, spec.parts)
    rows = np.empty((codes[0].size, layout.width), dtype=np.uint8)
    answerer = _Told(layout) if layout.scheme is Scheme.SMP else _All(layout)
    step = _block(layout)
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        answer = answerer.answer([code[start : start + step] for code in codes], Draws(len(block)))
        for number, value in zip(layout.numbers, answer.numbers, strict=True):
            little = value.astype(value.dtype.newbyteorder("<"), copy=False).view(np.uint8).reshape(len(block), value.itemsize)
            block[:, number.start : number.stop] = little[:, : number.stop - number.start]
        block[:, layout.start_of_bits :] = answer.bits.T
    return Reports(spec, rows, secure)


def _block(layout: Layout) -> int:
    """How many records are answered at a time: their bits are to fit the cache."""
    return max(_LEAST, min(_MOST, _CACHE // ((layout.bits + 7) // 8 or 1)))


@dataclass(frozen=True)
class _Answer:
    """What a block of records reports: the integers of the layout, and its bits as bytes, shape (bytes, size)."""

    numbers: Sequence[Codes]
    bits: Bytes


class _Told:
    """One attribute is drawn and told. Only that one is answered: everybody may know which it is."""

    def __init__(self, layout: Layout) -> None:
        self._offsets, self._bytes = layout.offsets, (layout.bits + 7) // 8
        self._borders = borders([part.weight for part in layout.parts])
        self._alone = [_All(Layout(Scheme.SPL, (part,))) for part in layout.parts]

    @proved("ldp.t3")
    def answer(self, codes: Sequence[Codes], draws: Draws) -> _Answer:
        """The reports of a block.

        Privacy
        -------
        The draw does not look at the record; the attribute drawn is answered with its own law. Theorem: ldp.t3.
        """
        told = draws.place(self._borders)
        number = np.empty(told.size, dtype=np.uint64)
        bits = np.zeros((self._bytes, told.size), dtype=np.uint8)
        for attribute, alone in enumerate(self._alone):
            own = np.flatnonzero(told == attribute)
            answer = alone.answer([codes[attribute][own]], Draws(own.size))
            number[own] = self._offsets[attribute]
            for symbols in answer.numbers:
                number[own] += symbols
            bits[: len(answer.bits), own] = answer.bits
        return _Answer([number], bits)


class _All:
    """All attributes are answered: each for itself (spl), or one and fakes for the others (rsfd)."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lot = Lot.of(layout.parts) if layout.scheme is Scheme.RSFD else None
        self._keep = [keep(part.oracle) for part in layout.parts]
        self._keeps = Coins([(chance, 1) for chance in self._keep if chance < 1])
        self._radices = [radices(part) for part in layout.parts]
        sets = [part for part in layout.parts if symbols_of(part.oracle) == 0]
        self._misses = Coins([(part.oracle.miss if isinstance(part.oracle, Unary) else Fraction(0), part.size) for part in sets])
        self._hits = Coins([(part.oracle.hit, 1) for part in sets if isinstance(part.oracle, Unary)])
        self._laws = [None if part.uniform or part.fake is None else borders(part.fake) for part in layout.parts]
        self._places = {
            attribute: (number, prod(layout.numbers[number].radices[:digit]))
            for number, held in enumerate(layout.numbers)
            for digit, attribute in enumerate(held.attributes)
        }

    @proved("ldp.t3")
    def answer(self, codes: Sequence[Codes], draws: Draws) -> _Answer:
        """The reports of a block.

        Privacy
        -------
        They have the law of the layout's parts under its scheme. Theorem: ldp.t3.
        """
        layout, size = self._layout, codes[0].size
        kept, even = self._lots(size, draws)
        uniform = draws.digits([radix for own in self._radices for radix in own])
        bits, hits = draws.bits(self._misses), _each(draws.bits(self._hits))
        kinds = [np.uint32 if number.size <= _NARROW else np.uint64 for number in layout.numbers]
        numbers: list[Numbers] = [np.zeros(size, dtype=kind) for kind in kinds]
        for attribute, part in enumerate(layout.parts):
            oracle, first, law = part.oracle, layout.bit_offsets[attribute], self._laws[attribute]
            kind = np.uint64 if isinstance(oracle, LocalHash) else np.uint32
            value: Numbers = codes[attribute].astype(kind)
            own: Numbers = kept[attribute].astype(kind)
            digits: list[Numbers] = [next(uniform).astype(kind, copy=False) for _ in self._radices[attribute]]
            if law is not None:
                fake = draws.place(law).astype(np.uint32)
                digits = [chosen(mask.astype(np.uint32), digits[0], fake) if (mask := even[attribute]) is not None else fake]
            if isinstance(oracle, Unary):
                encoded = value if part.fake is None else chosen(own, value, digits[0])
                present = kept[attribute] if part.fake is None else np.ones(size, dtype=np.bool_)
                _encode(bits, encoded, present, next(hits), first=first, size=oracle.size)
            elif isinstance(oracle, Subset):
                _insert(bits, first, _subset(oracle, digits, value, own))
            else:
                number, worth = self._places[attribute]
                numbers[number] += symbol(oracle, digits, value, own).astype(numbers[number].dtype, copy=False) * worth
        return _Answer(numbers, bits)

    @proved("ldp.t3")
    def _lots(self, size: int, draws: Draws) -> tuple[list[Flags], list[Flags | None]]:
        """For each attribute, whose value is kept; and who is drawn without, where that shows.

        Privacy
        -------
        Randomness only, by `recipe.Lot` or `recipe.keep`. Theorem: ldp.t3.
        """
        if self._lot is not None:
            place = draws.place(self._lot.borders)
            return [place == own for own in self._lot.kept], [None if own is None else place == own for own in self._lot.even]
        coins = _each(draws.bits(self._keeps))
        return [next(coins) if chance < 1 else np.ones(size, dtype=np.bool_) for chance in self._keep], [None] * len(self._keep)


def _each(packed: Bytes) -> Iterator[Flags]:
    """The coins of a few rows of bits, one by one."""
    return ((row >> i & 1).astype(np.bool_) for row in packed for i in range(8))


def _encode(bits: Bytes, value: Numbers, present: Flags, hit: Flags, *, first: int, size: int) -> None:
    """Set the bit of each record's value, of ``size`` bits from ``first`` on, to its coin, where there is a value."""
    place = value.astype(np.min_scalar_type(size + 7)) + first % 8
    flag = present.view(np.uint8) << (place & 7).astype(np.uint8)
    byte, coin = place >> 3, -hit.view(np.uint8)
    for row in range((first % 8 + size + 7) // 8):  # every byte, because none may show where the value is
        mask = flag * (byte == row).view(np.uint8)
        bits[first // 8 + row] ^= (bits[first // 8 + row] ^ coin) & mask


def _subset(oracle: Subset, picks: Sequence[Numbers], value: Numbers, kept: Numbers) -> Flags:
    """Members of a set, shape (values, size), by Floyd's algorithm; its last pick is the value where that is kept."""
    size, everyone = oracle.size, np.arange(value.size)
    members = np.zeros((size, value.size), dtype=np.bool_)
    for top, pick in enumerate(picks[:-1], start=size - oracle.chosen):
        members[np.where(members[pick, everyone], top, pick), everyone] = True
    last = np.arange(size, dtype=np.uint32)[:, np.newaxis] == chosen(kept, value, picks[-1])
    members[-1] |= (members & last).any(axis=0)
    members |= last
    return members


def _insert(bits: Bytes, first: int, members: Flags) -> None:
    whole = np.concatenate([np.zeros((first % 8, members.shape[1]), dtype=np.bool_), members])
    packed = np.packbits(whole, axis=0, bitorder="little")
    bits[first // 8 : first // 8 + len(packed)] |= packed

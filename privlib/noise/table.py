"""The exact table sampler for narrow integer laws.

A word of m bits holds ``2**m`` equally likely values. Integer ``k`` owns ``floor(2**m * P(k))`` of them; the few that are
left over belong to one extra symbol, LEFT, which stands for the residual law and is resolved exactly with refinement bits,
never retried or rounded. An integer alias table finds the owner of a word with one look-up.

Byte contract (m = 64, or 32 on request; smaller words serve exhaustive proofs):

1. symbols 0, 1, 2, 3, 4, ... stand for 0, -1, 1, -2, 2, ..., or for 0, 1, 2, 3, 4, ... where the law has no negative values,
   as far as the floors are positive; LEFT is the last symbol;
2. the table has ``2**b`` columns, the least power of two that holds all symbols, of capacity ``2**(m-b)`` each;
   missing symbols have weight 0;
3. one sweep in the order of the symbols: each symbol lighter than the capacity fills its own column and the current heavy
   symbol fills the rest; a heavy symbol whose remainder falls to the capacity or below closes its own column with that
   remainder, the next heavy symbol filling the rest;
4. column = top b bits of the word; the low m-b bits, if below the column's cut, give the column's own symbol, else its alias;
5. LEFT: one lazily refined uniform number (use 0) and the first symbol, in the order of 1 and without end, at which the
   cumulative residual law ``(2**m P(k) - floor(2**m P(k))) / R`` exceeds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from privlib.noise.laws import Law
from privlib.noise.lazy import LazyUniform
from privlib.noise.stream import Words

__all__ = ["Table", "draw", "resolve", "sweep", "table"]

_WORD_BITS = 64
_CHUNK = 1 << 15
_GUARD = 64
_WORDS = {bits: np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)}
_CACHED_TABLES = 16


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """An integer alias table of one law; build it with `table`."""

    law: Law
    word_bits: int
    column_bits: int
    floors: tuple[int, ...]
    left_weight: int
    cut: NDArray[np.uint64]
    alias: NDArray[np.int32]
    values: NDArray[np.int64]

    @property
    def left(self) -> int:
        """The symbol LEFT."""
        return 2 * len(self.floors) - 1 if self.law.two_sided else len(self.floors)


@lru_cache(maxsize=_CACHED_TABLES)
def table(law: Law, word_bits: int = _WORD_BITS) -> Table:
    """Build the certified alias table of a law; tables are kept for the next call."""
    floors = law.floors(word_bits)
    left = 2 * len(floors) - 1 if law.two_sided else len(floors)
    column_bits = left.bit_length()
    weights = np.zeros(1 << column_bits, dtype=np.uint64)
    values = np.zeros(1 << column_bits, dtype=np.int64)
    if law.two_sided:
        left_weight = (1 << word_bits) - 2 * sum(floors) + floors[0]
        weights[0:left:2], weights[1:left:2] = floors, floors[1:]
        values[0:left:2], values[1:left:2] = np.arange(len(floors)), -np.arange(1, len(floors))
    else:
        left_weight = (1 << word_bits) - sum(floors)
        weights[:left], values[:left] = floors, np.arange(len(floors))
    weights[left] = left_weight
    cut, alias = sweep(weights, np.uint64(1 << (word_bits - column_bits)))
    for array in (cut, alias, values):
        array.flags.writeable = False
    return Table(law, word_bits, column_bits, tuple(floors), left_weight, cut, alias, values)


def sweep(weights: NDArray[np.uint64], capacity: np.uint64) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Sweep once: step 3 of the contract, by running sums.

    A light symbol's missing weight is taken from the first heavy symbol whose running excess passes the missing weight of all
    light symbols before it.
    """
    cut, alias = weights.copy(), np.arange(weights.size, dtype=np.int32)
    light, heavy = np.flatnonzero(weights < capacity), np.flatnonzero(weights > capacity)
    missing = np.cumsum(capacity - weights[light], dtype=np.uint64)
    excess = np.cumsum(weights[heavy] - capacity, dtype=np.uint64)
    before = np.concatenate([np.zeros(1, dtype=np.uint64), missing])[:-1]
    alias[light] = heavy[np.searchsorted(excess, before, side="right")]
    overdrawn = missing[np.searchsorted(missing, excess, side="left")] - excess
    cut[heavy] = capacity - overdrawn
    alias[heavy[:-1]] = np.where(overdrawn[:-1] > 0, heavy[1:], heavy[:-1])
    return cut, alias


def draw(source: Words, chosen: Table, *, start: int, size: int) -> NDArray[np.int64]:
    """Outputs ``start`` to ``start + size`` of the stream that ``source`` is."""
    out = np.empty(size, dtype=np.int64)
    shift = np.uint64(chosen.word_bits - chosen.column_bits)
    low_bits = (np.uint64(1) << shift) - np.uint64(1)
    for begin in range(0, size, _CHUNK):
        count = min(_CHUNK, size - begin)
        raw = source.main(start + begin, count, chosen.word_bits)
        word = np.frombuffer(raw, dtype=_WORDS[chosen.word_bits]).astype(np.uint64, copy=False)
        column = (word >> shift).view(np.int64)
        symbol = np.where((word & low_bits) < chosen.cut[column], column, chosen.alias[column])
        out[begin : begin + count] = chosen.values[symbol]
        left = symbol == chosen.left
        if np.count_nonzero(left):  # cheaper than any() for a small request
            for i in np.flatnonzero(left):
                output = start + begin + int(i)
                out[begin + i] = resolve(chosen, LazyUniform(source, output=output, use=0))
    return out


def resolve(chosen: Table, number: LazyUniform) -> int:
    """Draw from the residual law: step 5 of the contract."""
    while True:
        bits = number.bits + _GUARD
        target = number.known * chosen.left_weight << (bits - number.bits)
        width = chosen.left_weight << (bits - number.bits)
        low = high = 0
        for k, mass_low, mass_high in _residual(chosen, bits):
            low, high = low + mass_low, high + mass_high
            if target + width <= low:
                return k
            if target < high:
                break  # undecided: the number's interval reaches across this threshold
        number.refine()


def _residual(chosen: Table, bits: int) -> Iterator[tuple[int, int, int]]:
    """``(k, low, high)`` in the order of the symbols, enclosing ``2**m P(k) - floor(2**m P(k))`` at ``bits`` bits."""
    masses = chosen.law.masses(bits + chosen.word_bits)
    for distance, (floor, (low, high)) in enumerate(zip(chain(chosen.floors, repeat(0)), masses)):  # noqa: B905 - no end
        whole = floor << bits
        for k in (-distance, distance) if distance and chosen.law.two_sided else (distance,):
            yield k, low - whole, high - whole

"""The exact histogram sampler for wide integer laws: rejection from a table of blocks, one 64-bit word an attempt.

The law falls from 0 on; f is its height, at most 1. Block i holds the distances ``y = i w + r`` with ``0 <= r < w = 2**j``, and
what lies beyond K blocks is the tail. An attempt picks a block by an integer alias table, a sign, and r, then accepts with a
probability that makes every value's share proportional to its height. Nearly always one comparison of integers accepts;
else a float decides if its certified error allows, else refined bits do. A decision is never guessed, retried or rounded.

Byte contract, with words of 64 bits, b = 11 and m = 26:

1. ``w`` is the least power of two for which at most ``2**b - 1`` blocks cover the law's reach; K is the least such number;
2. ``U[i] / 2**128`` for i = 0, ..., K are upper bounds of the height at the distances ``i w``, as `WideLaw.heights` gives them:
   ``U[0] = 2**128`` and ``U[i+1] = ceil(U[i] S[i] / 2**128)``, where ``S[0]`` is a ratio's true value rounded up, constant for
   powers of q, and for the Gaussians followed by ``S[i+1] = ceil(S[i] F / 2**128)`` with F rounded up; ``e`` is the law's
   decay at ``K w``, and V is ``U[K] / (w (1 - exp(-e)))``, rounded up; the unit u is ``(2**m - K - 2) * 2**128`` over the
   sum of ``U[0], ..., U[K-1], V``, rounded down;
3. block i weighs ``ceil(u U[i] / 2**128)``, the tail ``ceil(u V / 2**128)``, and what is missing to ``2**m`` goes to block 0;
   symbols are 0, ..., K-1 for the blocks and K for the tail; the alias table is that of `privlib.noise.table.sweep`;
4. a word is, from its top bit on: b bits column, ``m - b`` bits that are compared with the column's cut, one bit sign unless
   the law has no negative values, j bits r, and t bits a; the value is y, or ``-1 - y`` if the sign is 1;
5. a block's value x is accepted with probability ``p = u f(x) / W[i]``: the number whose first t bits are a lies below p.
   Further bits of attempt n are refinement bits of use ``4 n``;
6. the tail: ``y = K w + floor(-log(U) / e)`` with U of use ``4 n + 1``, accepted with probability
   ``u f(x) / (w W[K] (1 - exp(-e)) exp(-e (y - K w)))`` by a number of use ``4 n + 2``;
7. attempt 0 takes the main word; after a rejection attempt n takes the n-th retry word.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from privlib.certified import ceil_div, exp_negative, log
from privlib.noise.laws import Law, WideLaw
from privlib.noise.lazy import LazyUniform
from privlib.noise.stream import Words
from privlib.noise.table import sweep

__all__ = ["Histogram", "attempt", "draw", "histogram", "is_wide", "settle"]

_CHUNK = 1 << 15
_BITS = 128
_USES = 4
_MARGIN = 2.0**-40
"""The float height is right to a relative 2**-42; what remains covers the comparison itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """The blocks of one law; build it with `histogram`."""

    law: WideLaw
    word_bits: int
    column_bits: int
    weight_bits: int
    width_bits: int
    unit: int
    weights: tuple[int, ...]
    cut: NDArray[np.uint64]
    alias: NDArray[np.int32]
    sure: NDArray[np.uint64]
    """For each symbol, the a below which every value of its block is accepted; 0 for the tail."""
    factor: NDArray[np.float64]
    """For each symbol, ``u / W``; 0 for the tail."""

    @property
    def tail(self) -> int:
        """The symbol of the tail, which is the number of blocks."""
        return len(self.weights) - 1

    @property
    def accept_bits(self) -> int:
        """t: the bits of a word that are left for accepting."""
        return self.word_bits - self.weight_bits - self.law.two_sided - self.width_bits


def is_wide(law: Law) -> bool:
    """Whether a law is drawn here, and not by a table of all its values."""
    return isinstance(law, WideLaw) and not law.is_narrow


@lru_cache(maxsize=16)
def histogram(
    law: WideLaw, *, word_bits: int = 64, column_bits: int = 11, weight_bits: int = 26, reach: int | None = None
) -> Histogram:
    """Build the histogram of a law; the defaults are the byte contract's, others serve exhaustive proofs."""
    most, far = (1 << column_bits) - 1, law.reach if reach is None else reach
    width_bits = max(0, (ceil_div(far, most) - 1).bit_length())
    width, blocks = 1 << width_bits, ceil_div(far, 1 << width_bits)
    bounds = law.heights(width, blocks + 1, _BITS)
    upper = [high for _, high in bounds]
    one = 1 << _BITS
    mass = ceil_div(upper[-1] * one, width * (one - exp_negative(law.decay(blocks * width), _BITS)[1]))
    unit = ((1 << weight_bits) - blocks - 2 << _BITS) // (sum(upper[:-1]) + mass)
    weights = [ceil_div(unit * high, one) for high in (*upper[:-1], mass)]
    weights[0] += (1 << weight_bits) - sum(weights)
    symbols = np.zeros(1 << column_bits, dtype=np.uint64)
    symbols[: blocks + 1] = weights
    cut, alias = sweep(symbols, np.uint64(1 << weight_bits - column_bits))
    accept_bits = word_bits - weight_bits - law.two_sided - width_bits
    sure, factor = np.zeros(symbols.size, dtype=np.uint64), np.zeros(symbols.size)
    sure[:blocks] = [
        (unit * low << accept_bits) // (weight << _BITS) for (low, _), weight in zip(bounds[1:], weights, strict=False)
    ]
    factor[:blocks] = [unit / weight for weight in weights[:-1]]
    for array in (cut, alias, sure, factor):
        array.flags.writeable = False
    return Histogram(law, word_bits, column_bits, weight_bits, width_bits, unit, tuple(weights), cut, alias, sure, factor)


def draw(source: Words, chosen: Histogram, *, start: int, size: int) -> NDArray[np.int64]:
    """Outputs ``start`` to ``start + size`` of the stream that ``source`` is."""
    out = np.empty(size, dtype=np.int64)
    for begin in range(0, size, _CHUNK):
        count = min(_CHUNK, size - begin)
        raw = source.main(start + begin, count, chosen.word_bits)
        word = np.frombuffer(raw, dtype=f"<u{chosen.word_bits // 8}").astype(np.uint64, copy=False)
        places, number = np.arange(count), 0
        while places.size:
            value, rejected = _round(source, chosen, start + begin + places, number, word)
            out[begin + places] = value
            if not np.count_nonzero(rejected):
                break
            places, number = places[rejected], number + 1
            word = np.array([source.retry(int(i), number) for i in start + begin + places], dtype=np.uint64)
    return out


def _round(
    source: Words, chosen: Histogram, outputs: NDArray[np.intp], number: int, word: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """One attempt of each of several outputs: their values, and which of them were rejected."""
    symbol, value, a = _split(chosen, word)
    rejected = np.zeros(word.size, dtype=np.bool_)
    unsure = np.flatnonzero(a >= chosen.sure[symbol])
    if not unsure.size:  # most small requests
        return value, rejected
    accepts, rejects = _by_float(chosen, symbol[unsure], value[unsure], a[unsure])
    rejected[unsure[rejects]] = True
    for i in unsure[~(accepts | rejects)].tolist():
        found = attempt(source, chosen, output=int(outputs[i]), number=number, word=int(word[i]))
        rejected[i] = found is None
        value[i] = 0 if found is None else found
    return value, rejected


def _split(chosen: Histogram, word: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.uint64]]:
    """Symbol, value and a of each word: step 4 of the contract. The tail's values mean nothing."""
    accept_bits, two_sided = chosen.accept_bits, chosen.law.two_sided
    word = word & np.uint64((1 << chosen.word_bits) - 1)  # a retry word has 64 bits
    column = (word >> np.uint64(chosen.word_bits - chosen.column_bits)).astype(np.intp)
    height_bits = chosen.weight_bits - chosen.column_bits
    height = word >> np.uint64(chosen.word_bits - chosen.weight_bits) & np.uint64((1 << height_bits) - 1)
    symbol = np.where(height < chosen.cut[column], column, chosen.alias[column])
    r = word >> np.uint64(accept_bits) & np.uint64((1 << chosen.width_bits) - 1)
    y = (symbol.astype(np.int64) << chosen.width_bits) + r.astype(np.int64)
    if two_sided:
        sign = word >> np.uint64(accept_bits + chosen.width_bits) & np.uint64(1)
        y ^= -sign.astype(np.int64)  # -1 - y where the sign is 1
    return symbol, y, word & np.uint64((1 << accept_bits) - 1)


def _by_float(
    chosen: Histogram, symbol: NDArray[np.intp], value: NDArray[np.int64], a: NDArray[np.uint64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which attempts a float accepts for certain, and which it rejects; the tail it leaves open."""
    linear, quadratic, cell = chosen.law.curve
    y = np.abs(value.astype(np.float64))
    square = y * y
    height = chosen.factor[symbol] * np.exp(-linear * y - quadratic * square)
    if cell:
        t = square * cell
        series = (t - 1) / 24 + cell * ((t * t - 6 * t + 3) / 1920 + cell * (t**3 - 15 * t * t + 45 * t - 15) / 322560)
        height += height * cell * series
    scaled = height * 2.0**chosen.accept_bits
    inside = symbol < chosen.tail
    return inside & (a + 1.0 <= scaled * (1 - _MARGIN)), inside & (a >= scaled * (1 + _MARGIN))


def settle(source: Words, chosen: Histogram, *, output: int, first: int, word: int | None = None) -> int:
    """One output from attempt ``first`` on, exactly; ``word`` is that attempt's word if it is at hand."""
    number = first
    while True:
        if word is None:
            word = source.retry(output, number) if number else int.from_bytes(source.main(output, 1, chosen.word_bits), "little")
        value = attempt(source, chosen, output=output, number=number, word=word)
        if value is not None:
            return value
        number, word = number + 1, None


def attempt(source: Words, chosen: Histogram, *, output: int, number: int, word: int) -> int | None:
    """One attempt by the contract, without any float: the value, or None where it is rejected."""
    symbols, values, a = _split(chosen, np.array([word], dtype=np.uint64))
    symbol, value = int(symbols[0]), int(values[0])
    if symbol == chosen.tail:
        return _tail(source, chosen, output=output, number=number, negative=value < 0)
    uniform = LazyUniform(source, output=output, use=_USES * number, known=int(a[0]), bits=chosen.accept_bits)

    def share(bits: int) -> tuple[int, int]:
        low, high = chosen.law.height_enclosure(value, bits=bits)
        return chosen.unit * low // chosen.weights[symbol], ceil_div(chosen.unit * high, chosen.weights[symbol])

    return value if uniform.below(share) else None


def _tail(source: Words, chosen: Histogram, *, output: int, number: int, negative: bool) -> int | None:
    """Step 6 of the contract."""
    edge = chosen.tail << chosen.width_bits
    decay = chosen.law.decay(edge)
    steps = _geometric(LazyUniform(source, output=output, use=_USES * number + 1), decay)
    value = -1 - edge - steps if negative else edge + steps

    def share(bits: int) -> tuple[int, int]:
        work = bits + int(decay * steps * 3 / 2) + 8  # the denominator falls to exp(-decay * steps)
        height_low, height_high = chosen.law.height_enclosure(value, bits=work)
        q_low, q_high = exp_negative(decay, work)
        power_low, power_high = exp_negative(decay * steps, work)
        whole = chosen.weights[-1] << chosen.width_bits
        low = (chosen.unit * height_low << 2 * work) // (whole * ((1 << work) - q_low) * power_high)
        high = ceil_div(chosen.unit * height_high << 2 * work, whole * ((1 << work) - q_high) * power_low)
        return low >> work - bits, ceil_div(high, 1 << work - bits)

    return value if LazyUniform(source, output=output, use=_USES * number + 2).below(share) else None


def _geometric(uniform: LazyUniform, decay: Fraction) -> int:
    """``floor(-log(U) / decay)``: geometric with ratio ``exp(-decay)``, by inversion of one lazily refined number."""
    while True:
        if uniform.known:
            bits = uniform.bits + _BITS
            one = 1 << uniform.bits
            most = -log(Fraction(uniform.known, one), bits)[0]
            least = -log(Fraction(uniform.known + 1, one), bits)[1]
            low, high = (int(Fraction(bound, 1 << bits) / decay) for bound in (max(0, least), most))
            if low == high:
                return low
        uniform.refine()

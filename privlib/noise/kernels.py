"""The loops that `privlib.noise.fast` compiles, as plain functions: they can be read, and tested, without a compiler.

A kernel decides by integers, or by a float whose error is bounded; what it cannot decide it says, and the host decides that
exactly. numba must neither reorder floats nor fuse them (no ``fastmath``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACCEPTED", "REJECTED", "UNSURE", "accept", "chacha20", "compiled", "decide", "look_up"]

ACCEPTED, REJECTED, UNSURE = 0, 1, 2
"""What `decide` finds about an attempt."""

Ints = NDArray[np.int64]
Places = NDArray[np.int32]
MainWords = NDArray[np.unsignedinteger]

_BLOCK = 256
"""Words between two passes of `accept`: their entries stay in the first-level cache, beside the columns."""
_LANES = 16
"""ChaCha20 blocks side by side: as many 32-bit words as the widest registers hold."""
_MARGIN = 2.0**-40
"""That of `privlib.noise.wide`."""


@cache
def compiled(kernel: Callable[..., int], *arguments: str) -> Callable[..., int]:
    """Compile a kernel, and keep it on disk for the next process where numba finds a folder to write to.

    Parameters
    ----------
    kernel : callable
        A function of this module.
    *arguments : str
        The types of its arguments: a number such as ``"uint64"``, a vector ``"in uint64"``, or a vector that is written to,
        ``"out uint64"``. Vectors are contiguous; calls with anything else are refused by numba.
    """
    import numba
    from numba import types

    def type_of(argument: str) -> Any:
        access, _, name = argument.rpartition(" ")
        item = getattr(types, name)
        return types.Array(item, 1, "C", readonly=access == "in") if access else item

    signature = types.int64(*map(type_of, arguments))
    result: Callable[..., int]
    try:
        result = numba.njit(signature, nogil=True, cache=True)(kernel)
    except (OSError, RuntimeError):  # no folder, or a full disk: compile for this process only
        result = numba.njit(signature, nogil=True)(kernel)
    return result


def look_up(  # noqa: PLR0917  # compiled code takes its arguments by position
    words: MainWords,
    cut: NDArray[np.uint64],
    alias: NDArray[np.int32],
    values: Ints,
    shift: np.uint64,
    left: np.uint64,
    outputs: Ints,
    rare: Places,
) -> int:
    """Step 4 of the table's contract for each word; both symbols are read whatever the word is, and nothing branches on it.

    Lists the places of LEFT in ``rare`` and returns how many these are.
    """
    found = 0
    low_bits = (np.uint64(1) << shift) - np.uint64(1)
    for i in range(words.size):
        word = np.uint64(words[i])
        column = word >> shift
        other = np.uint64(alias[column])
        symbol = column if (word & low_bits) < cut[column] else other
        outputs[i] = values[symbol]
        if symbol == left:
            rare[found] = i
            found += 1
    return found


def accept(words: MainWords, columns: NDArray[np.uint64], layout: NDArray[np.uint64], outputs: Ints, rare: Places) -> int:
    """Attempt 0 of the histogram's contract for each word, as far as one comparison of integers accepts it.

    Writes the values of all words, lists the places of those that are not accepted in ``rare`` and returns how many these are.
    ``columns`` and ``layout`` are those of `privlib.noise.fast`. Three passes, because only the middle one, which holds the
    arithmetic, can work on several words at once: the first looks up, the last appends to a list.
    """
    word_bits, column_bits, weight_bits, width_bits, accept_bits, two_sided = layout
    one, field = np.uint64(1), np.uint64(0xFFFF)
    column_at, height_at, sign_at = word_bits - column_bits, word_bits - weight_bits, accept_bits + width_bits
    heights, widths = (one << weight_bits - column_bits) - one, (one << width_bits) - one
    kept = min(accept_bits, np.uint64(16))
    accepts = (one << kept) - one
    accept_at = accept_bits - kept
    entries, excess = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.int64)
    found = 0
    for begin in range(0, words.size, _BLOCK):
        some = words[begin : begin + _BLOCK]
        values = outputs[begin : begin + _BLOCK]
        for i in range(some.size):
            entries[i] = columns[np.uint64(some[i]) >> column_at]
        for i in range(some.size):
            word, entry = np.uint64(some[i]), entries[i]
            own = (word >> height_at & heights) < entry >> np.uint64(48)
            symbol = word >> column_at if own else entry >> np.uint64(32) & field
            sure = entry >> np.uint64(16) & field if own else entry & field
            y = np.int64(symbol << width_bits | word >> accept_bits & widths)
            values[i] = y ^ -np.int64(word >> sign_at & two_sided)
            excess[i] = np.int64(word >> accept_at & accepts) - np.int64(sure)
        for i in range(some.size):
            if excess[i] >= 0:
                rare[found] = begin + i
                found += 1
    return found


def decide(  # noqa: PLR0917  # compiled code takes its arguments by position
    words: NDArray[np.uint64],
    columns: NDArray[np.uint64],
    layout: NDArray[np.uint64],
    limits: NDArray[np.uint64],
    factors: NDArray[np.float64],
    curve: NDArray[np.float64],
    values: Ints,
    verdicts: NDArray[np.uint8],
) -> int:
    """One attempt for each word, by the float of `privlib.noise.wide` where integers do not accept.

    A verdict is ACCEPTED or REJECTED only where the float's error cannot turn it round; the tail, whose factor is 0, is always
    UNSURE. Returns how many are not accepted.
    """
    word_bits, column_bits, weight_bits, width_bits, accept_bits, two_sided = layout
    linear, quadratic, cell = curve
    one, field = np.uint64(1), np.uint64(0xFFFF)
    column_at, height_at, sign_at = word_bits - column_bits, word_bits - weight_bits, accept_bits + width_bits
    heights, widths = (one << weight_bits - column_bits) - one, (one << width_bits) - one
    columns_mask, accepts = (one << column_bits) - one, (one << accept_bits) - one
    whole = 2.0 ** np.float64(accept_bits)
    open_ = 0
    for i in range(words.size):
        word = words[i]
        column = word >> column_at & columns_mask  # a retry word has 64 bits
        entry = columns[column]
        symbol = column if (word >> height_at & heights) < entry >> np.uint64(48) else entry >> np.uint64(32) & field
        values[i] = np.int64(symbol << width_bits | word >> accept_bits & widths) ^ -np.int64(word >> sign_at & two_sided)
        a = word & accepts
        verdicts[i] = ACCEPTED
        if a < limits[symbol]:
            continue
        y = abs(np.float64(values[i]))
        square = y * y
        height = factors[symbol] * math.exp(-linear * y - quadratic * square)
        if cell > 0:
            t = square * cell
            series = (t - 1) / 24 + cell * ((t * t - 6 * t + 3) / 1920 + cell * (t * t * t - 15 * t * t + 45 * t - 15) / 322560)
            height += height * cell * series
        scaled = height * whole
        if factors[symbol] > 0 and np.float64(a) + 1.0 <= scaled * (1 - _MARGIN):
            continue
        verdicts[i] = REJECTED if factors[symbol] > 0 and np.float64(a) >= scaled * (1 + _MARGIN) else UNSURE
        open_ += 1
    return open_


def chacha20(state: NDArray[np.uint32], counters: NDArray[np.uint32], place: np.uint64, words: NDArray[np.uint64]) -> int:
    """One 64-bit word of the RFC 8439 block of each counter, which takes its place in the initial state. Returns their number."""
    rows = np.empty((16, _LANES), np.uint32)
    seven, eight, twelve, sixteen = np.uint32(7), np.uint32(8), np.uint32(12), np.uint32(16)
    twenty, twenty_four, twenty_five = np.uint32(20), np.uint32(24), np.uint32(25)
    low, high = 2 * place, 2 * place + np.uint64(1)
    for begin in range(0, counters.size, _LANES):
        some = counters[begin : begin + _LANES]
        for row in range(16):
            for lane in range(_LANES):
                rows[row, lane] = state[row]
        for lane in range(some.size):
            rows[12, lane] = some[lane]
        for half_round in range(20):
            slant = half_round % 2  # columns, then diagonals
            for column in range(4):
                a, b = rows[column], rows[4 + (column + slant) % 4]
                c, d = rows[8 + (column + 2 * slant) % 4], rows[12 + (column + 3 * slant) % 4]
                for lane in range(_LANES):
                    w, x, y, z = a[lane], b[lane], c[lane], d[lane]
                    w = np.uint32(w + x)
                    z = np.uint32(z ^ w)
                    z = np.uint32(z << sixteen | z >> sixteen)
                    y = np.uint32(y + z)
                    x = np.uint32(x ^ y)
                    x = np.uint32(x << twelve | x >> twenty)
                    w = np.uint32(w + x)
                    z = np.uint32(z ^ w)
                    z = np.uint32(z << eight | z >> twenty_four)
                    y = np.uint32(y + z)
                    x = np.uint32(x ^ y)
                    x = np.uint32(x << seven | x >> twenty_five)
                    a[lane], b[lane], c[lane], d[lane] = w, x, y, z
        for lane in range(some.size):
            first, second = state[low], state[high]
            if low == 12:
                first = some[lane]
            first, second = np.uint32(rows[low, lane] + first), np.uint32(rows[high, lane] + second)
            words[begin + lane] = np.uint64(second) << np.uint64(32) | np.uint64(first)
    return counters.size

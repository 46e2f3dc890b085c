"""Power series over GF(2) as rows of bytes, block by block: times a polynomial, and divided by one.

What a polynomial is, and hence which rows are added, is public. What the rows hold decides no branch and no address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput

__all__ = ["Quotient", "Rows", "Window", "block_rows", "exponents_of", "polynomial", "valuation"]

Rows: TypeAlias = NDArray[np.uint8]
"""Bytes of shape (rows, width): row i holds digit i of all lanes, lowest power of x first."""

_BLOCK = 2**16
"""Bytes of a block, to stay in the cache."""

_STRIDE = 2**13
"""Bytes from which the plain recurrence of a division takes steps long enough."""


class Window:
    """The last ``back`` rows of a series and room for a block more, in one piece of memory."""

    __slots__ = ("_back", "_memory")

    def __init__(self, back: int, block: int, width: int) -> None:
        self._back, self._memory = back, np.zeros((back + block, width), dtype=np.uint8)

    def rows(self, count: int, late: int = 0) -> Rows:
        """The block of ``count`` rows, or the one that began ``late`` rows earlier."""
        return self._memory[self._back - late : self._back - late + count]

    def times(self, exponents: Sequence[int], plus: Rows, out: Rows) -> None:
        """The block times a polynomial, plus other rows."""
        for exponent in exponents:
            np.bitwise_xor(plus, self.rows(len(out), exponent), out=out)
            plus = out
        if not exponents:
            out[:] = plus

    def advance(self, count: int) -> None:
        """Keep what a later block needs of this one."""
        if self._back:
            self._memory[: self._back] = self._memory[count : count + self._back]

    def wipe(self) -> None:
        """Overwrite what is left in memory."""
        self._memory.fill(0)


class Quotient:
    """A series divided by a polynomial with constant term 1, block by block and in place.

    Dividing by u is multiplying by u, u**2, u**4, ... and dividing by the power of two that comes next. Such a power is u
    with its exponents multiplied, as sparse as u. Once the smallest of them is some thousand bytes away the plain
    recurrence takes few and long steps. A polynomial of long runs of ones, as the unary code gives, is not sparse: then
    both series are multiplied by 1 + x first, which leaves the ends of the runs.
    """

    __slots__ = ("_block", "_left", "_stages", "_width", "_windows")

    def __init__(self, unit: int, rows: int, width: int) -> None:
        self._stages, self._left, self._width = list[list[int]](), rows, width
        runs = unit ^ unit << 1
        if runs.bit_count() < unit.bit_count():
            self._stages.append([1])
            unit = runs
        positive = [exponent for exponent in exponents_of(unit)[1:] if exponent < rows]
        self._windows = list[Window]()
        stride = min(rows, _STRIDE // width)
        while positive and positive[0] < stride:
            self._stages.append(positive)
            positive = [2 * exponent for exponent in positive if 2 * exponent < rows]
        self._stages.append(positive)
        self._block = min(rows, block_rows(width, max(max(stage, default=0) for stage in self._stages)))

    def divide(self, rows: Rows) -> None:
        """Replace the next rows of the series by those of the quotient."""
        self._left -= len(rows)
        if not any(self._stages):
            return
        if not self._windows:
            self._windows = [Window(max(stage, default=0), self._block, self._width) for stage in self._stages]
        for start in range(0, len(rows), self._block):
            self._divide(rows[start : start + self._block])
        if self._left <= 0:
            for window in self._windows:
                window.wipe()
            self._windows = []

    def _divide(self, rows: Rows) -> None:
        *before, last = self._windows
        count = len(rows)
        self._windows[0].rows(count)[:] = rows
        for window, exponents, after in zip(before, self._stages, self._windows[1:], strict=False):
            window.times(exponents, window.rows(count), after.rows(count))
        exponents, memory = self._stages[-1], last.rows(count)
        if exponents:
            for start in range(0, count, exponents[0]):
                part = memory[start : start + exponents[0]]
                for exponent in exponents:
                    np.bitwise_xor(part, last.rows(len(part), exponent - start), out=part)
        rows[:] = memory
        for window in self._windows:
            window.advance(count)


def polynomial(code_word: Sequence[int]) -> int:
    """A codeword as an integer, digit i of weight 2**i."""
    if not code_word or any(digit not in (0, 1) for digit in code_word):
        raise InvalidInput("a codeword is one or more digits, each 0 or 1")
    return int("".join("1" if digit else "0" for digit in reversed(code_word)), 2)


def exponents_of(number: int) -> list[int]:
    """The exponents of a polynomial that is written as an integer, ascending."""
    return [i for i, digit in enumerate(reversed(f"{number:b}")) if digit == "1"]


def valuation(number: int) -> int:
    """The least exponent of a polynomial that is not zero."""
    return (number & -number).bit_length() - 1


def block_rows(width: int, reach: int) -> int:
    """Rows that fit the cache, and are many beside those that a codeword reaches back."""
    return max(1, _BLOCK // width, 2 * reach)

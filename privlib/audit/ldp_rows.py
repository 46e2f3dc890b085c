"""Reports read anew for attacks, and what each of them says by the declared law."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from privlib.ldp.oracles import Hadamard, LocalHash, Oracle, Unary
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.reports import integer
from privlib.ldp.wire import Layout, symbols_of

__all__ = ["Decoded", "shares_of", "speaks_for"]

Floats = NDArray[np.float64]
Rows = NDArray[np.uint8]


def shares_of(part: Part) -> tuple[Fraction, Fraction, tuple[Fraction, Fraction]]:
    """What RS+FD gives to a report that supports a value, or does not; and what a fake is measured by.

    Parameters
    ----------
    part : Part
        Of RS+FD.

    Returns
    -------
    high, low : Fraction
        The chance of a report given a value that it supports, and given one that it does not, over a factor that does not
        depend on the value.
    fake : tuple of Fraction
        Over the same factor, the chance of the report as a fake is ``fake[0] + (fake[1] - fake[0]) * s``, where s is the chance
        of the fake values that it supports. For a report of no value it is 1.
    """
    oracle = part.oracle
    if isinstance(oracle, Unary):
        high, low = oracle.hit / oracle.miss, (1 - oracle.hit) / (1 - oracle.miss)
        return high, low, (low, high) if part.fake is not None else (Fraction(1), Fraction(1))
    return oracle.hit, oracle.miss, (Fraction(0), Fraction(1))


def speaks_for(oracle: Oracle, symbols: NDArray[np.int64], value: int) -> NDArray[np.bool_]:
    """Which symbols support a value.

    Parameters
    ----------
    oracle : Oracle
        One whose reports are symbols.
    symbols : int64 array, shape (n,)
        As they stand in reports.
    value : int
        The value.

    Returns
    -------
    bool array, shape (n,)
    """
    if isinstance(oracle, LocalHash):
        g = oracle.buckets
        coefficients, bucket = np.divmod(symbols, g)
        places = [g**i for i in range(oracle.digits)]
        hashed = sum((coefficients // place % g) * (value // place % g) for place in places) % g
        return np.asarray(hashed == bucket, dtype=np.bool_)
    if isinstance(oracle, Hadamard):
        return np.asarray(np.bitwise_count(symbols & (value + 1)) % 2 == 0, dtype=np.bool_)
    return np.asarray(symbols == value, dtype=np.bool_)


class Decoded:
    """Rows of reports, read here anew: an audit does not trust the counting that it stands beside.

    Parameters
    ----------
    layout : Layout
        Where everything stands in a row.
    rows : uint8 array, shape (n, width)
        The reports.
    """

    def __init__(self, layout: Layout, rows: Rows) -> None:
        self.layout, self._rows = layout, rows
        self._bits = np.unpackbits(rows[:, layout.start_of_bits :], axis=1, bitorder="little")
        self._symbols = dict[int, NDArray[np.int64]]()
        self._told: NDArray[np.int64] | None = None
        for number in layout.numbers:
            value = integer(rows, number.start, number.stop).astype(np.int64)
            if layout.scheme is Scheme.SMP:
                self._told = np.searchsorted(np.array(layout.offsets[1:]), value, side="right").astype(np.int64)
                self._symbols = {j: value - offset for j, offset in enumerate(layout.offsets[:-1])}
                continue
            for attribute, radix in zip(number.attributes, number.radices, strict=True):
                value, self._symbols[attribute] = np.divmod(value, radix)

    def __len__(self) -> int:
        return len(self._rows)

    def speaks_of(self, attribute: int) -> NDArray[np.bool_]:
        """Which reports are about an attribute: all, unless one is told; shape (n,)."""
        return np.ones(len(self), dtype=np.bool_) if self._told is None else self._told == attribute

    def symbols(self, attribute: int) -> NDArray[np.int64]:
        """The symbols of an attribute whose reports are symbols, shape (n,)."""
        return self._symbols[attribute]

    def bits(self, attribute: int) -> Rows:
        """The bits of an attribute whose reports are sets, shape (n, k)."""
        first = self.layout.bit_offsets[attribute]
        return self._bits[:, first : first + self.layout.parts[attribute].size]

    def supports(self, attribute: int, value: int) -> NDArray[np.bool_]:
        """Which reports speak for a value, shape (n,); of those about another attribute, anything."""
        oracle = self.layout.parts[attribute].oracle
        if not symbols_of(oracle):
            return np.asarray(self.bits(attribute)[:, value] == 1, dtype=np.bool_)
        return speaks_for(oracle, self.symbols(attribute), value)

    def mass(self, record: Sequence[int]) -> Floats:
        """Of RS+FD: the chance of each report given a record, over that of all fakes; shape (n,)."""
        total = np.zeros(len(self))
        for j, part in enumerate(self.layout.parts):
            high, low, _ = shares_of(part)
            total += float(part.weight) * np.where(self.supports(j, record[j]), float(high), float(low)) / self.fake(j)
        return total

    def fake(self, attribute: int) -> Floats:
        """Of RS+FD: the chance of each report of an attribute as a fake, over the factor of `shares_of`; shape (n,)."""
        part = self.layout.parts[attribute]
        _, _, (least, most) = shares_of(part)
        if part.fake is None:
            return np.ones(len(self))
        law = np.array([float(chance) for chance in part.fake])
        share = self.bits(attribute) @ law if isinstance(part.oracle, Unary) else law[self.symbols(attribute)]
        return np.asarray(float(least) + float(most - least) * share, dtype=np.float64)

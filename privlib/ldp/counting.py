"""From rows of reports to how many of them support each value, in blocks: memory for the values, not for the people.

Symbols and bytes are counted first, by histograms that stay in the processor's cache; which values a symbol or a byte supports
is asked once, at the end. Hashes of which there are many more than values are asked one by one, in blocks of 2**21 answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle
from privlib.ldp.parts import Scheme
from privlib.ldp.reports import integer
from privlib.ldp.wire import Layout, Number, symbols_of

__all__ = ["Ints", "count_rows", "has_histogram", "read_histogram", "support_of_hashes"]

Ints = NDArray[np.int64]
"""Whole numbers."""
_Rows = NDArray[np.uint8]

_BLOCK = 1 << 18
_CACHED = 1 << 16
_LARGEST_ALPHABET = 1 << 20  # of hashes; not below _CACHED
_CELLS = 1 << 21  # of a table of hashes by values
_BITS: Ints = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").astype(np.int64)


def count_rows(layout: Layout, rows: _Rows) -> tuple[Ints, tuple[Ints, ...]]:
    """Count reports.

    Parameters
    ----------
    layout : Layout
        Where everything stands in a row.
    rows : uint8 array, shape (n, width)
        Reports that were checked.

    Returns
    -------
    asked : int64 array, shape (d,)
        How many reports speak of each attribute.
    supports : tuple of int64 arrays, shapes (k_j,)
        How many of them support each of its values.

    Notes
    -----
    Beside the rows it holds 8 bytes for each value, or for each symbol of an attribute with a histogram (2**20 hashes at most),
    and tens of megabytes for a block, or of values, where they are more than 2**18.
    """
    oracles = [part.oracle for part in layout.parts]
    counts = [np.zeros(symbols_of(one) if has_histogram(one) else one.size, dtype=np.int64) for one in oracles]
    block = max(_BLOCK, *(counted.size for counted in counts))
    blocks = (rows[begin : begin + block] for begin in range(0, len(rows), block))
    if layout.scheme is Scheme.SMP:
        asked = np.zeros(len(oracles), dtype=np.int64)
        for part in blocks:
            asked += _count_told(layout, part, counts)
    else:
        asked = np.full(len(oracles), len(rows), dtype=np.int64)
        _count_all(layout, blocks, counts)
    read = (read_histogram(one, counted) if has_histogram(one) else counted for one, counted in zip(oracles, counts, strict=True))
    return asked, tuple(read)


@dataclass(frozen=True)
class _Digits:
    """Neighbouring digits of an integer, counted together."""

    number: Number
    first: int
    last: int
    size: int
    counts: Ints
    """Of a digit by itself, which `_count_symbols` counts: none."""

    def marginals(self) -> list[Ints]:
        """The counts of each digit."""
        table = self.counts.reshape(self.number.radices[self.first : self.last][::-1])
        return [table.sum(axis=tuple(a for a in range(table.ndim) if a != own)) for own in reversed(range(table.ndim))]


def _count_all(layout: Layout, blocks: Iterable[_Rows], counts: list[Ints]) -> None:
    """Add what every row says of all attributes."""
    numbers = [_digits(number) for number in layout.numbers]
    bits = np.zeros(8 * (layout.width - layout.start_of_bits), dtype=np.int64)
    for rows in blocks:
        for number, groups in zip(layout.numbers, numbers, strict=True):
            value = _integers(rows, number)
            for group in groups:
                high = value // group.size if group.last < len(number.radices) else None
                own = value if high is None else value - high * group.size
                if group.last - group.first == 1:
                    _count_symbols(layout, number.attributes[group.first], own, counts)
                else:
                    group.counts[:] += np.bincount(own.astype(np.intp), minlength=group.size)
                value = own if high is None else high
        bits += _count_bits(rows[:, layout.start_of_bits :])
    for group in (group for groups in numbers for group in groups if group.last - group.first > 1):
        for attribute, marginal in zip(group.number.attributes[group.first : group.last], group.marginals(), strict=True):
            counts[attribute] += marginal
    for attribute, part in enumerate(layout.parts):
        if not symbols_of(part.oracle):
            counts[attribute] += bits[layout.bit_offsets[attribute] :][: part.size]


def _digits(number: Number) -> list[_Digits]:
    """Runs of digits whose numbers of values multiply to what a cache holds; a larger digit stands alone."""
    found, first = list[_Digits](), 0
    for last in range(1, len(number.radices) + 1):
        if last == len(number.radices) or prod(number.radices[first : last + 1]) > _CACHED:
            size = prod(number.radices[first:last])
            found.append(_Digits(number, first, last, size, np.zeros(size if last - first > 1 else 0, dtype=np.int64)))
            first = last
    return found


def _count_told(layout: Layout, rows: _Rows, counts: list[Ints]) -> Ints:
    """Add what each row says of the one attribute that it names; give how many name each."""
    (number,) = layout.numbers
    value = _integers(rows, number)
    if not layout.bits and number.size <= _CACHED:
        codes = np.split(np.bincount(value.astype(np.intp), minlength=number.size), layout.offsets[1:-1])
        for place, own in enumerate(codes):
            counts[place] += own
        return np.array([own.sum() for own in codes])
    told = np.searchsorted(np.array(layout.offsets[1:]), value.astype(np.int64), side="right").astype(np.uint16)
    asked = np.bincount(told, minlength=len(layout.parts))
    order = np.argsort(told, kind="stable")  # of short integers: by their digits, in linear time
    for attribute, places in enumerate(np.split(order, np.cumsum(asked)[:-1])):
        part = layout.parts[attribute]
        if symbols_of(part.oracle):
            _count_symbols(layout, attribute, value[places].astype(np.int64) - layout.offsets[attribute], counts)
        else:
            field = rows[places, layout.start_of_bits : layout.start_of_bits + (part.size + 7) // 8]
            counts[attribute] += _count_bits(field)[: part.size]
    return asked


def _count_symbols(layout: Layout, attribute: int, symbols: NDArray[np.integer], counts: list[Ints]) -> None:
    oracle = layout.parts[attribute].oracle
    if isinstance(oracle, LocalHash) and not has_histogram(oracle):
        counts[attribute] += support_of_hashes(oracle, symbols.astype(np.int64))
    else:
        counts[attribute] += np.bincount(symbols.astype(np.intp), minlength=counts[attribute].size)


def _count_bits(field: _Rows) -> Ints:
    """How many rows have each bit set: a histogram of each byte, and the bits of its 256 values."""
    if not field.shape[1]:
        return np.zeros(0, dtype=np.int64)
    histogram = np.stack([np.bincount(column, minlength=256) for column in field.T])
    return np.asarray((histogram @ _BITS).ravel())


def _integers(rows: _Rows, number: Number) -> NDArray[np.unsignedinteger]:
    """One integer of each row, as narrow as it comes."""
    width = number.stop - number.start
    if width in (1, 2, 4, 8):
        return np.ascontiguousarray(rows[:, number.start : number.stop]).view(f"<u{width}")[:, 0]
    return integer(rows, number.start, number.stop)


def has_histogram(oracle: Oracle) -> bool:
    """Whether symbols are counted before anything else: where there are not many more of them than values."""
    symbols = symbols_of(oracle)
    return symbols > 0 and (symbols <= _LARGEST_ALPHABET or not isinstance(oracle, LocalHash))


def read_histogram(oracle: Oracle, counts: Ints) -> Ints:
    """How many reports support each value, from how many hold each symbol; exact.

    Parameters
    ----------
    oracle : Oracle
        Whose reports are symbols.
    counts : int64 array, shape (symbols,)
        How many reports hold each symbol.

    Returns
    -------
    int64 array, shape (k,)
    """
    match oracle:
        case LocalHash():
            return _read_hashes(oracle, counts)
        case Hadamard():
            total, differences = int(counts.sum()), _walsh(counts)  # both odd, or both even; their sum may pass 2**63
            agreeing = total // 2 + differences // 2 + total % 2
            return agreeing[1 : oracle.size + 1]
        case Grr():
            return counts
        case _:
            raise TypeError("the reports of this oracle are no symbols")


def _read_hashes(oracle: LocalHash, counts: Ints) -> Ints:
    """Sum over the coefficients, one digit at a time.

    The hash of a value is the sum of its digits times the coefficients. A sum over the coefficient of one digit, for each of
    that digit's values, moves the bucket by their product; what is left of the bucket at the end must be 0.
    """
    g, m = oracle.buckets, oracle.digits
    table, places = counts.reshape((g,) * (m + 1)), np.arange(g)  # axes: coefficients, the last digit's first; bucket
    for place in range(m):
        buckets = places if place < m - 1 else places[:1]
        moved = [table[..., places[:, None], (buckets + x * places[:, None]) % g].sum(axis=-2) for x in range(g)]
        table = np.stack(moved)
    return np.ascontiguousarray(table.ravel()[: oracle.size])


def support_of_hashes(oracle: LocalHash, symbols: Ints, weights: Ints | None = None) -> Ints:
    """The same where functions are too many to be counted: every report is asked about every value.

    Parameters
    ----------
    oracle : LocalHash
        Whose symbols they are.
    symbols : int64 array, shape (n,)
        Reported symbols.
    weights : int64 array, shape (n,), optional
        How often each was reported; once by default.

    Returns
    -------
    int64 array, shape (k,)
    """
    g, values = oracle.buckets, np.arange(oracle.size)
    powers = [g**place for place in range(oracle.digits)]
    found, rows = np.zeros(oracle.size, dtype=np.int64), max(1, _CELLS // oracle.size)
    for begin in range(0, len(symbols), rows):
        coefficients, buckets = np.divmod(symbols[begin : begin + rows, None], g)
        hashes = np.zeros((len(coefficients), oracle.size), dtype=np.int64)
        for power in powers:
            hashes += (coefficients // power % g) * (values // power % g)
        agree = hashes % g == buckets
        found += agree.sum(axis=0) if weights is None else weights[begin : begin + rows] @ agree
    return found


def _walsh(counts: Ints) -> Ints:
    """The Walsh-Hadamard transform: sums of counts, with a minus where index and place share an odd number of bits."""
    out, half = counts, 1
    while half < counts.size:
        pairs = out.reshape(-1, 2, half)
        out = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1)
        half *= 2
    return out.ravel()

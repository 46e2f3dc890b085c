"""Reports as columns of small codes, of which many reports share all: what the joint likelihood reads over and over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.reports import Reports, integer
from privlib.ldp.spec import Spec
from privlib.ldp.wire import Layout, symbols_of

__all__ = ["Column", "grouped"]

Floats = NDArray[np.float64]
Codes = NDArray[np.unsignedinteger]
_BITS = 11
"""Of a code that stands for a set of values: its table fits the fastest cache."""
_LARGEST_TABLE = 1 << 24


@dataclass(frozen=True, eq=False)
class Column:
    """What the different reports say of one attribute.

    Parameters
    ----------
    weight : float
        The chance that the attribute is drawn.
    lift : float
        The odds of its randomiser, less 1.
    size : int
        How many values it has.
    codes : sequence of unsigned integer arrays, shape (reports,)
        One code, or several that stand for neighbouring values each.
    patterns : sequence of float arrays, shape (codes, values), or of None
        Which of its values a code supports; None where a code is a value.
    scales : float array, shape (codes,), or float
        By what a single code's chances are multiplied.
    inverse : float array, shape (reports,), or None
        The same for each report, where its codes decide together.
    """

    weight: float
    lift: float
    size: int
    codes: Sequence[Codes]
    patterns: Sequence[Floats | None]
    scales: Floats | float
    inverse: Floats | None

    def tables(self, value: Floats) -> list[Floats]:
        """What each code adds to the chance of a report, given the attribute's frequencies."""
        found, first = list[Floats](), 0
        for pattern in self.patterns:
            width = self.size if pattern is None else pattern.shape[1]
            own = value[first : first + width]
            found.append(self.lift * (own if pattern is None else pattern @ own))
            first += width
        found[0] = found[0] + 1.0
        return [self.weight * self.scales * own for own in found]

    def gradient(self, sums: list[Floats], total: float) -> Floats:
        """How the log-likelihood grows with each frequency.

        Parameters
        ----------
        sums : list of float arrays
            For each code, the sum of one over the chances of the reports that hold it.
        total : float
            The same of all reports.
        """
        if isinstance(self.scales, np.ndarray):
            sums = [own * self.scales for own in sums]
            total = float(sums[0].sum())
            factor = self.weight
        else:
            factor = self.weight * self.scales
        found = [own if pattern is None else own @ pattern for own, pattern in zip(sums, self.patterns, strict=True)]
        return factor * (total + self.lift * np.concatenate(found))


def grouped(spec: Spec, reports: Reports) -> Iterator[tuple[list[int], list[Column], Floats]]:
    """The attributes that must be estimated together, with the different reports on them and how often each occurs.

    Parameters
    ----------
    spec : Spec
        The plan.
    reports : Reports
        Reports under it.

    Yields
    ------
    attributes : list of int
        All of them under RS+FD, else one at a time.
    columns : list of Column
        One for each.
    times : float array, shape (different reports,)
    """
    layout = Layout(spec.scheme, spec.parts)
    everything = list(range(len(spec.parts)))
    if spec.scheme is Scheme.RSFD:
        yield everything, *_different(spec, everything, {j: _codes(layout, reports.rows, j) for j in everything})
        return
    told = _told(layout, reports) if spec.scheme is Scheme.SMP else None
    for attribute in everything:
        rows = reports.rows if told is None else reports.rows[told == attribute]
        yield [attribute], *_different(spec, [attribute], {attribute: _codes(layout, rows, attribute)})


def _told(layout: Layout, reports: Reports) -> NDArray[np.intp]:
    (number,) = layout.numbers
    value = integer(reports.rows, number.start, number.stop).astype(np.int64)
    return np.searchsorted(np.array(layout.offsets[1:]), value, side="right")


def _codes(layout: Layout, rows: NDArray[np.uint8], attribute: int) -> list[Codes]:
    """A report's symbol, or its bits in runs of nearly equal length."""
    part = layout.parts[attribute]
    if not symbols_of(part.oracle):
        first = 8 * layout.start_of_bits + layout.bit_offsets[attribute]
        ends = _ends(part.size)
        return [_run(rows, first + begin, first + end) for begin, end in pairwise(ends)]
    if layout.scheme is Scheme.SMP:
        (number,) = layout.numbers
        own = integer(rows, number.start, number.stop) - np.uint64(layout.offsets[attribute])
    else:
        number = next(one for one in layout.numbers if attribute in one.attributes)
        digit = number.attributes.index(attribute)
        below = prod(number.radices[:digit])
        own = integer(rows, number.start, number.stop) // np.uint64(below) % np.uint64(number.radices[digit])
    return [own.astype(np.min_scalar_type(symbols_of(part.oracle) - 1))]


def _ends(size: int) -> list[int]:
    runs = ceil(size / _BITS)
    return [size * run // runs for run in range(runs + 1)]


def _run(rows: NDArray[np.uint8], first: int, last: int) -> Codes:
    word = integer(rows, first // 8, (last + 7) // 8) >> np.uint64(first % 8)
    return (word & np.uint64((1 << (last - first)) - 1)).astype(np.uint16)


def _different(spec: Spec, attributes: list[int], codes: dict[int, list[Codes]]) -> tuple[list[Column], Floats]:
    """Each tuple of codes once, and how often it occurs."""
    flat = [code for own in codes.values() for code in own]
    if len(flat) == 1:
        kept, times = np.unique(flat[0], return_counts=True)
        table = kept[:, None]
    else:
        table, times = np.unique(np.stack(flat, axis=1), axis=0, return_counts=True)
    columns, first = list[Column](), 0
    for attribute in attributes:
        last = first + len(codes[attribute])
        columns.append(_column(spec, attribute, [np.ascontiguousarray(table[:, place]) for place in range(first, last)]))
        first = last
    return columns, times.astype(np.float64)


def _column(spec: Spec, attribute: int, codes: list[Codes]) -> Column:
    part = spec.parts[attribute]
    oracle, weight = part.oracle, float(part.weight) if spec.scheme is Scheme.RSFD else 1.0
    lift = float(oracle.odds - 1)
    patterns: Sequence[Floats | None]
    if isinstance(oracle, Grr):
        patterns = [None]
    elif symbols_of(oracle):
        symbols, inverse = np.unique(codes[0], return_inverse=True)
        codes, patterns = [inverse.astype(np.min_scalar_type(max(1, symbols.size - 1)))], [_supports(oracle, symbols)]
    else:
        ends = _ends(oracle.size)
        patterns = [_binary(end - begin) for begin, end in pairwise(ends)]
    scales, each = _scales(spec, part, patterns, codes)
    return Column(weight, lift, oracle.size, codes, patterns, scales, each)


def _binary(bits: int) -> Floats:
    return (np.arange(1 << bits)[:, None] >> np.arange(bits) & 1).astype(np.float64)


def _supports(oracle: Oracle, symbols: Codes) -> Floats:
    """Which values each symbol supports."""
    if symbols.size * max(oracle.size, 1) > _LARGEST_TABLE:
        raise InvalidInput("the joint likelihood of so many hashes takes too much memory: use the unbiased estimates")
    numbers, values = symbols.astype(np.int64)[:, None], np.arange(oracle.size)
    if isinstance(oracle, Hadamard):
        return np.asarray(np.bitwise_count((values + 1) & numbers) % 2 == 0, dtype=np.float64)
    if not isinstance(oracle, LocalHash):
        raise TypeError("the reports of this oracle are no symbols")
    coefficients, buckets = np.divmod(numbers, oracle.buckets)
    powers = [oracle.buckets**place for place in range(oracle.digits)]
    products = [(coefficients // power % oracle.buckets) * (values // power % oracle.buckets) for power in powers]
    return np.asarray(np.sum(products, axis=0) % oracle.buckets == buckets, dtype=np.float64)


def _scales(
    spec: Spec, part: Part, patterns: Sequence[Floats | None], codes: list[Codes]
) -> tuple[Floats | float, Floats | None]:
    """The chance of a report of a value that it does not support, over its chance as a fake: by code, for all, or by report."""
    if spec.scheme is not Scheme.RSFD:
        return 1.0, None
    oracle = part.oracle
    fake = None if part.fake is None else np.array(part.fake, dtype=np.float64)
    if isinstance(oracle, Grr) and fake is not None:
        return float(oracle.miss) / fake, None
    if fake is None:
        return float((1 - oracle.hit) / (1 - oracle.miss)), None
    lift, first, tables = float(oracle.odds - 1), 0, list[Floats]()
    for pattern in patterns:
        if pattern is not None:
            tables.append(lift * (pattern @ fake[first : first + pattern.shape[1]]))
            first += pattern.shape[1]
    if len(tables) == 1:
        return 1 / (1 + tables[0]), None
    faked = np.sum([table[code] for table, code in zip(tables, codes, strict=True)], axis=0)
    return 1.0, 1 / (1 + faked)

"""Counting where the reports lie: one GROUP BY query that DuckDB and Spark both read.

A table has one binary column, a report in each row, as `privlib.ldp.reports.Reports.to_arrow` writes it to Parquet. The query
takes reports apart by their hexadecimal digits and counts, in one pass, how often each symbol and each byte occurs: its rows say
which column they speak of by being null in the others. Estimation is local, from those few rows. A database sees each column by
itself, so it cannot refuse all that `privlib.ldp.reports.Reports` refuses; what cannot be is refused when the rows are read.

It sees no metadata either. Look there, in the table or in each file, for the plan's fingerprint and for ``secure``, which is
``False`` where reports were made in test mode, and give that to `privlib.ldp.aggregate.Counts.from_groups`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from numbers import Integral
from typing import Any

import numpy as np

from privlib.errors import InvalidInput
from privlib.ldp.counting import Ints, has_histogram, read_histogram, support_of_hashes
from privlib.ldp.oracles import LocalHash
from privlib.ldp.parts import Scheme
from privlib.ldp.spec import Spec
from privlib.ldp.wire import Layout, symbols_of

__all__ = ["group_by", "read_groups"]

_MOST_REPORTS = 2**62
_LARGEST = 2**63 - 1  # of a BIGINT
_FOREIGN = "the rows are not the answer to this plan's query, or some reports are none of the plan's"


@dataclass(frozen=True)
class _Place:
    """A column of the query: a digit of an integer, times the product of the radices below it; or a byte of bits."""

    expression: str
    attribute: int | None
    below: int = 1
    byte: int = 0


def group_by(spec: Spec, *, table: str = "reports", column: str = "report") -> str:
    """The query whose rows `privlib.ldp.aggregate.Counts.from_groups` reads.

    Parameters
    ----------
    spec : Spec
        The plan under which the reports were made.
    table : str
        The table, or what stands for one in SQL, such as ``read_parquet('reports/*.parquet')``. It becomes part of the query.
    column : str
        Its column of reports, as SQL spells it.

    Returns
    -------
    str

    Examples
    --------
    >>> from privlib.ldp import Spec
    >>> spec = Spec({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}, "rsfd-oue-z", level="attribute", odds=3)
    >>> print(group_by(spec))
    SELECT c0, count(*) AS reports
    FROM (SELECT
      CAST(instr('123456789ABCDEF', substr(h, 1, 1)) AS BIGINT) * 16
        + CAST(instr('123456789ABCDEF', substr(h, 2, 1)) AS BIGINT) AS c0
    FROM (SELECT hex(report) AS h FROM reports) AS said) AS taken_apart
    GROUP BY GROUPING SETS ((c0))
    """
    layout = Layout(spec.scheme, spec.parts)
    places = _places(layout)
    names = [f"c{place}" for place in range(len(places))]
    told = spec.scheme is Scheme.SMP
    sets = [f"({name})" if not told or name == "c0" else f"(c0, {name})" for name in names]
    inner = ",\n".join(f"  {place.expression} AS {name}" for place, name in zip(places, names, strict=True))
    # The caller's own text, to be run by the caller: nothing here is sent to a database.
    source = f"(SELECT hex({column}) AS h FROM {table}) AS said"  # noqa: S608
    columns = f"(SELECT\n{inner}\nFROM {source}) AS taken_apart"
    return f"SELECT {', '.join(names)}, count(*) AS reports\nFROM {columns}\nGROUP BY GROUPING SETS ({', '.join(sets)})"


def _places(layout: Layout) -> list[_Place]:
    found = list[_Place]()
    for number in layout.numbers:
        whole = _integer(range(number.start, number.stop))
        if layout.scheme is Scheme.SMP:
            found.append(_Place(whole, None))
            continue
        for digit, attribute in enumerate(number.attributes):
            below = prod(number.radices[:digit])
            # No division, which the two dialects spell differently; the last digit shows integers that are too large.
            upper = whole if digit == len(number.radices) - 1 else f"({whole}) % {below * number.radices[digit]}"
            found.append(_Place(upper if below == 1 else f"{upper} - ({whole}) % {below}", attribute, below))
    for byte in range(layout.start_of_bits, layout.width):
        found.append(_Place(_integer(range(byte, byte + 1)), None, byte=byte - layout.start_of_bits))
    return found


def _integer(span: range) -> str:
    """The little-endian integer in some bytes, from the hexadecimal digits of the report."""
    terms = list[str]()
    for place, byte in enumerate(span):
        for digit, power in ((2 * byte + 1, 16 ** (2 * place + 1)), (2 * byte + 2, 16 ** (2 * place))):
            term = f"CAST(instr('123456789ABCDEF', substr(h, {digit}, 1)) AS BIGINT)"  # no place, which is 0, for the digit 0
            terms.append(term if power == 1 else f"{term} * {power}")
    return "\n    + ".join(terms)


def read_groups(spec: Spec, rows: Iterable[Sequence[Any]]) -> tuple[int, Ints, tuple[Ints, ...]]:
    """Read the rows of the query; see `privlib.ldp.aggregate.Counts.from_groups`.

    Parameters
    ----------
    spec : Spec
        The plan under which the reports were made.
    rows : iterable of sequences
        The rows of the answer, in any order.

    Returns
    -------
    reports : int
    asked : int64 array, shape (d,)
    supports : tuple of int64 arrays, shapes (k_j,)
        As `privlib.ldp.Counts` holds them.
    """
    layout = Layout(spec.scheme, spec.parts)
    places = _places(layout)
    symbols: list[dict[int, int]] = [{} for _ in spec.parts]
    bits = np.zeros((len(spec.parts), 8 * (layout.width - layout.start_of_bits)), dtype=np.int64)
    totals = [0] * len(places)
    asked = np.zeros(len(spec.parts), dtype=np.int64)
    for values, reports in _checked(rows, len(places)):
        given = [place for place, value in enumerate(values) if value is not None]
        told = values[0] if spec.scheme is Scheme.SMP else None
        if not given or len(given) > (1 if told is None else 2):
            raise InvalidInput(_FOREIGN)
        place, value = places[given[-1]], values[given[-1]]
        totals[given[-1]] += reports  # a Python int: it does not wrap, and nothing else is larger
        if totals[given[-1]] > _MOST_REPORTS:
            raise InvalidInput(_FOREIGN)
        attribute = place.attribute
        if told is not None:
            attribute, symbol = _told(layout, told)
            if given == [0]:
                asked[attribute] += reports
                symbols[attribute][symbol] = symbols[attribute].get(symbol, 0) + reports
                continue
        if place.attribute is not None and attribute is not None:
            symbol = (value or 0) // place.below
            symbols[attribute][symbol] = symbols[attribute].get(symbol, 0) + reports
        else:
            bits[attribute or 0, 8 * place.byte : 8 * place.byte + 8] += reports * _bits_of(value or 0)
    if len(set(totals)) > 1:
        raise InvalidInput(_FOREIGN)
    people = totals[0]
    if spec.scheme is not Scheme.SMP:
        asked[:] = people
    supports = tuple(
        _symbols(layout, attribute, symbols[attribute]) if symbols_of(part.oracle) else _own_bits(layout, attribute, bits)
        for attribute, part in enumerate(spec.parts)
    )
    _check_padding(layout, bits)
    return people, asked, supports


def _checked(rows: Iterable[Sequence[Any]], width: int) -> Iterator[tuple[list[int | None], int]]:
    for row in rows:
        cells = list(row)
        numbers = [cell for cell in cells if type(cell) is not bool and (cell is None or isinstance(cell, Integral))]
        read = [None if cell is None else int(cell) for cell in numbers]
        if len(cells) != width + 1 or len(read) != len(cells) or read[-1] is None or read[-1] < 0:
            raise InvalidInput(_FOREIGN)
        if any(cell is not None and not 0 <= cell <= _LARGEST for cell in read):
            raise InvalidInput(_FOREIGN)
        yield read[:-1], read[-1]


def _told(layout: Layout, code: int) -> tuple[int, int]:
    if code >= layout.offsets[-1]:
        raise InvalidInput(_FOREIGN)
    attribute = max(a for a, offset in enumerate(layout.offsets[:-1]) if offset <= code)
    return attribute, code - layout.offsets[attribute]


def _bits_of(byte: int) -> Ints:
    if byte > 255:
        raise InvalidInput(_FOREIGN)
    return np.array([byte >> place & 1 for place in range(8)], dtype=np.int64)


def _symbols(layout: Layout, attribute: int, found: dict[int, int]) -> Ints:
    oracle = layout.parts[attribute].oracle
    keys, times = np.array([*found], dtype=np.int64), np.array([*found.values()], dtype=np.int64)
    if keys.size and int(keys.max()) >= symbols_of(oracle):
        raise InvalidInput(_FOREIGN)
    if isinstance(oracle, LocalHash) and not has_histogram(oracle):
        return support_of_hashes(oracle, keys, times)
    counts = np.zeros(symbols_of(oracle), dtype=np.int64)
    counts[keys] = times
    return read_histogram(oracle, counts)


def _own_bits(layout: Layout, attribute: int, bits: Ints) -> Ints:
    row = attribute if layout.scheme is Scheme.SMP else 0
    first = layout.bit_offsets[attribute]
    return bits[row, first : first + layout.parts[attribute].size]


def _check_padding(layout: Layout, bits: Ints) -> None:
    """Bits that no report may set."""
    for attribute, part in enumerate(layout.parts):
        if layout.scheme is not Scheme.SMP:
            used = layout.bits
            row = 0
        else:
            used, row = (0 if symbols_of(part.oracle) else part.size), attribute
        if bits[row, used:].any():
            raise InvalidInput(_FOREIGN)

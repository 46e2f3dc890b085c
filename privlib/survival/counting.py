"""From rows to exact cells: schema first, then values in fixed blocks, one bincount each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput
from privlib.survival.grid import Grid
from privlib.survival.spec import Spec
from privlib.tables import vector

__all__ = ["count_cells"]

_BLOCK = 1 << 15
_FINE_HISTOGRAM = 1 << 16
_UNKNOWN_LABEL = "group holds a label that is not one of the plan's groups"
_LARGEST_CODE = 1 << 53  # where floats begin to merge integers


def count_cells(
    spec: Spec,
    durations: object,
    event_observed: object = None,
    group: object = None,
    person: object = None,
    *,
    event_codes: tuple[int, int] = (0, 1),
) -> NDArray[np.int64]:
    """Count every row into exactly one cell; see `privlib.survival.Spec.count`.

    Where the plan's single units are few, rows are counted by unit and folded into bins at the end; else each row's bin is
    searched for. Memory beyond the input is that of one block.
    """
    time = vector(durations, name="durations")
    event = None if event_observed is None else vector(event_observed, name="event_observed")
    label = None if group is None else vector(group, name="group")
    _check_schema(spec, time, event, label, event_codes)
    if person is not None:
        _refuse_repeated(vector(person, name="id"), time.size)
    grid, groups = spec.grid, len(spec.groups or (None,))
    whole = _is_whole(time, grid)
    rows = 2 * (grid.units + 2)
    fine = rows * groups <= _FINE_HISTOGRAM
    counts = np.zeros(rows * groups if fine else spec.cells, dtype=np.int64)
    for begin in range(0, time.size, _BLOCK):
        part = slice(begin, begin + _BLOCK)
        observed = _observed(event, part, time[part].size, event_codes)
        cell = _cell(time[part], observed, grid)
        place = _fine(cell, observed, grid) if fine else _place(cell, observed, grid, whole=whole)
        if label is not None:
            place += _group_index(label[part], spec) * (rows if fine else grid.cells)
        counts += np.bincount(place, minlength=counts.size)
    return _fold(grid, counts.reshape(groups, 2, grid.units + 2), whole=whole) if fine else counts


def _check_schema(
    spec: Spec,
    time: NDArray[Any],
    event: NDArray[Any] | None,
    label: NDArray[Any] | None,
    event_codes: tuple[int, int],
) -> None:
    """Everything that can be refused without looking at a value."""
    if not isinstance(event_codes, (tuple, list)) or len(event_codes) != 2 or event_codes[0] == event_codes[1]:
        raise InvalidInput("event_codes must be two different numbers: (code for censored, code for event)")
    if any(type(code) is not int or abs(code) >= _LARGEST_CODE for code in event_codes):
        raise InvalidInput("event_codes must be two different numbers of type int, such as (0, 1), below 2**53")
    for name, column in (("event_observed", event), ("group", label)):
        if column is not None and column.shape != time.shape:  # the lengths themselves would tell the number of people
            raise InvalidInput(f"durations and {name} must be equally long")
    if time.size and time.dtype.kind not in "iuf":  # nobody's column has no type that could be wrong
        raise InvalidInput(f"durations must be numbers, got {_type(time)}")
    if event is not None and event.size and event.dtype.kind not in "biuf":
        raise InvalidInput(f"event_observed must hold the codes {tuple(event_codes)}, got {_type(event)}")
    if (spec.groups is None) != (label is None):
        raise InvalidInput("the plan has groups: give group=" if label is None else "the plan has no groups: give them to Spec")
    if label is not None and spec.groups is not None:
        wanted = "iu" if isinstance(spec.groups[0], int) else "U"
        if label.dtype.kind not in wanted and label.size:
            raise InvalidInput(
                f"group must hold labels of the same type as the plan's groups, got {_type(label)}: give labels as text, in "
                "the plan and in the column, so that no person's label decides how the others are read"
            )


def _type(column: NDArray[Any]) -> str:
    """The type in words, without the width of a text, which one person's label decides."""
    return "text" if column.dtype.kind == "U" else f"dtype {column.dtype}"


def _refuse_repeated(person: NDArray[Any], rows: int) -> None:
    if person.size != rows:
        raise InvalidInput("durations and id must be equally long")
    if np.unique(person).size != person.size:
        raise InvalidInput("id repeats: give one row per person (start/stop and interval-censored records are not supported)")


def _observed(event: NDArray[Any] | None, part: slice, size: int, codes: tuple[int, int]) -> NDArray[np.int64]:
    """1 for an event and 0 for censored, or a refusal."""
    if event is None:
        return np.ones(size, dtype=np.int64)
    block = event[part]
    if tuple(codes) == (0, 1) and block.dtype.kind in "iu":  # the common case in one pass
        seen, known = block.astype(np.int64, copy=False), not int(np.bitwise_or.reduce(block)) & ~1
    else:
        wide = block.astype(np.float64) if block.dtype.kind == "f" else block  # no code is rounded to meet a narrow float
        is_event, is_censored = wide == codes[1], wide == codes[0]
        seen, known = is_event.astype(np.int64), bool((is_event ^ is_censored).all())
    if not known:
        raise InvalidInput(
            f"event_observed must hold only {codes[0]} (censored) and {codes[1]} (event), without missing values; "
            "for other codes give event_codes=(censored, event)"
        )
    return seen


def _is_whole(time: NDArray[Any], grid: Grid) -> bool:
    """Whether times are their own units, which saves a pass over them."""
    return time.dtype.kind in "iu" and grid.unit == 1


def _cell(time: NDArray[Any], observed: NDArray[np.int64], grid: Grid) -> NDArray[np.int64]:
    """The unit ``ceil(t / unit)`` of each time, one past the horizon's for those still under observation there; exact.

    On whole times in units of 1, whoever is censored in the last unit is so at the horizon itself: `_place` and `_fold` say that.

    A float that is the nearest one of its width to a multiple of the unit means that multiple: 0.3 with unit 1/10 lies in
    unit 3. The quotient of floats is only a first guess, corrected against the multiples themselves.
    """
    smallest, largest = time.min(), time.max()
    if not smallest > 0 or not largest < np.inf:  # a NaN makes both false
        raise InvalidInput("durations must be finite and > 0: shift or drop zero times, remove missing ones")
    unit, beyond = grid.unit, grid.units + 1
    if _is_whole(time, grid):
        if largest <= grid.units:
            whole: NDArray[np.int64] = time.astype(np.int64, copy=False)
            return whole
        cap = time.dtype.type(min(beyond, np.iinfo(time.dtype).max))
        capped: NDArray[np.int64] = np.minimum(time, cap).astype(np.int64, copy=False)
        return capped
    exact_time = time.astype(np.float64)  # integers beyond 2**53 lie beyond every horizon
    past = float(beyond * unit)
    cell = np.ceil(np.minimum(exact_time, past) * float(unit.denominator) / float(unit.numerator)).astype(np.int64)
    if unit != 1:
        cell -= exact_time <= _times(grid, cell - 1, time.dtype)
        cell += exact_time > _times(grid, cell, time.dtype)
    horizon = _times(grid, np.array([grid.units]), time.dtype)
    return np.where((observed == 0) & (exact_time >= horizon), beyond, np.minimum(cell, beyond))


def _times(grid: Grid, cell: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Multiples of the unit as a column of this type can hold them: the nearest of its floats."""
    times = grid.time(cell)
    if dtype.kind != "f":
        return times
    with np.errstate(over="ignore"):  # beyond a narrow type's range there is no time to compare with
        return times.astype(dtype).astype(np.float64)


def _group_index(label: NDArray[Any], spec: Spec) -> NDArray[np.intp]:
    public = np.asarray(spec.groups)
    if label.dtype.kind == "u":  # NumPy would compare with signed labels as floats
        if label.max() > np.iinfo(np.int64).max:
            raise InvalidInput(_UNKNOWN_LABEL)
        label = label.astype(np.int64)
    order = np.argsort(public)
    place = np.minimum(np.searchsorted(public, label, sorter=order), public.size - 1)
    index: NDArray[np.intp] = order[place]
    if not np.array_equal(public[index], label):
        raise InvalidInput(_UNKNOWN_LABEL)
    return index


def _fine(cell: NDArray[np.int64], observed: NDArray[np.int64], grid: Grid) -> NDArray[np.int64]:
    """The place of each row of one group among the units, censored first."""
    place: NDArray[np.int64] = observed * (grid.units + 2)
    place += cell
    return place


def _place(cell: NDArray[np.int64], observed: NDArray[np.int64], grid: Grid, *, whole: bool) -> NDArray[np.int64]:
    """The table's cell of each row of one group, from its unit."""
    event_bin = np.searchsorted(np.asarray(grid.edges, dtype=np.int64), cell) - 1  # bin k holds b[k] < cell <= b[k+1]
    inside = np.minimum(event_bin, grid.bins - 1)
    place = np.where(observed == 1, inside, grid.bins + grid.censor_bin[inside])
    place[(cell > grid.units) | (whole & (observed == 0) & (cell == grid.units))] = grid.cells - 1
    return place


def _fold(grid: Grid, fine: NDArray[np.int64], *, whole: bool) -> NDArray[np.int64]:
    """Counts by group, status and unit as the table's cells."""
    if whole:
        fine[:, 0, -1] += fine[:, 0, -2]
        fine[:, 0, -2] = 0
    starts = np.asarray(grid.edges[:-1], dtype=np.intp)
    censored, events = fine[:, 0, 1:-1], fine[:, 1, 1:-1]
    event_bins = np.add.reduceat(events, starts, axis=1)
    censor_starts = starts[:: 1 if grid.is_native else 2]
    censor_bins = np.add.reduceat(censored, censor_starts, axis=1)
    left = fine[:, :, -1].sum(axis=1, keepdims=True)
    return np.concatenate([event_bins, censor_bins, left], axis=1).ravel()

"""Exact counts of people by time and status: secret, mergeable, released once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.certificate import canonical, integers
from privlib.errors import AlreadyReleased, InvalidInput, NotNeighbours
from privlib.survival.release import release
from privlib.survival.spec import Spec
from privlib.tables import vector

if TYPE_CHECKING:
    from privlib.budget import Ledger
    from privlib.survival.curve import Curve

__all__ = ["SurvivalTable"]

_BLOCK = 1 << 16
_MARKER = "exact counts of people, not private"
_FINE_HISTOGRAM = 1 << 16
_MOST_PEOPLE = 2**62


class SurvivalTable:
    """Exact counts under one plan. Secret: it shows no number, and leaves only through :meth:`release`.

    Made by :meth:`privlib.survival.Spec.count`. Tables under one plan add, whatever the order and the split.

    Parameters
    ----------
    spec : Spec
        The public plan.
    cells : int64 array, shape (spec.cells,)
        Exact counts.
    """

    __slots__ = ("_cells", "_released", "spec")

    def __init__(self, spec: Spec, cells: NDArray[np.int64]) -> None:
        self.spec, self._cells, self._released = spec, cells, False

    @classmethod
    def count(
        cls,
        spec: Spec,
        durations: object,
        event_observed: object = None,
        *,
        group: object = None,
        person: object = None,
        event_codes: tuple[int, int] = (0, 1),
    ) -> SurvivalTable:
        """Count rows; see :meth:`privlib.survival.Spec.count`."""
        time = vector(durations, name="durations")
        event = None if event_observed is None else vector(event_observed, name="event_observed")
        label = None if group is None else vector(group, name="group")
        _check_schema(spec, time, event, label, event_codes)
        if person is not None:
            _refuse_repeated(vector(person, name="id"), time.size)
        cells = np.zeros(spec.cells, dtype=np.int64)
        for begin in range(0, time.size, _BLOCK):  # memory stays that of one block
            part = slice(begin, begin + _BLOCK)
            observed = _observed(event, part, time[part].size, event_codes)
            row_group = None if label is None else _group_index(label[part], spec)
            cells += _count_block(spec, _units(time[part], spec), time[part], observed, row_group)
        return cls(spec, cells)

    def __add__(self, other: SurvivalTable) -> SurvivalTable:
        if not isinstance(other, SurvivalTable):
            return NotImplemented
        if self.spec.fingerprint != other.spec.fingerprint:
            raise NotNeighbours(
                "only tables of one plan add: these differ in horizon, grid, epsilon, neighbours or groups"
            )
        if int(self._cells.sum()) + int(other._cells.sum()) > _MOST_PEOPLE:
            raise InvalidInput("a table can hold at most 2**62 people")
        return SurvivalTable(self.spec, self._cells + other._cells)

    def release(self, *, ledger: Ledger | None = None) -> Curve:
        """Add noise once and give the private curve.

        Parameters
        ----------
        ledger : Ledger, optional
            Charged before the noise is drawn; if it refuses, nothing is released and the table stays as it was.

        Returns
        -------
        Curve
            The noisy counts with their certificate, and every estimate from them.

        Raises
        ------
        AlreadyReleased
            On the second call: two releases of the same people cost twice, so count again on purpose.
        InvalidInput
            Under ``replace``, when the table does not hold exactly the plan's ``n`` people.
        BudgetExceeded, LedgerError
            When the ledger refuses.

        Privacy
        -------
        Pure epsilon for the whole curve, under the plan's neighbours. Theorem: survival.t1. Budget is charged before noise is
        drawn; an exception after that does not refund it.
        """
        if self._released:
            raise AlreadyReleased(
                "this table was released already: a second release costs epsilon again, so count again for it"
            )
        if self.spec.n is not None and int(self._cells.sum()) != self.spec.n:
            raise InvalidInput(
                "under replace the plan's n must be the number of rows counted: correct n or add the missing parts"
            )
        return release(self.spec, self._cells, ledger=ledger, on_charged=self._mark_released)

    def _mark_released(self) -> None:
        self._released = True

    def to_json(self) -> str:
        """The exact table as text that begins with a SENSITIVE marker, to send to whoever merges and releases."""
        body = {"SENSITIVE": _MARKER, "spec": self.spec.to_dict(), "cells": integers(self._cells.tolist())}
        return canonical(body)

    @classmethod
    def from_json(cls, text: str) -> SurvivalTable:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        InvalidInput
            For anything else.
        """
        table = cls._read(text)
        if table is None or table.to_json() != text.removesuffix("\n"):
            raise InvalidInput("this is not an exact survival table as privlib writes it")
        return table

    @classmethod
    def _read(cls, text: str) -> SurvivalTable | None:
        """The table, or None: what went wrong would quote the text, also in the context of another error."""
        try:
            record = json.loads(text)
            spec = Spec.from_dict(record["spec"])
            counts = [int(cell) for cell in record["cells"]]
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None
        if len(counts) != spec.cells or min(counts) < 0 or sum(counts) > _MOST_PEOPLE:
            return None
        return cls(spec, np.array(counts, dtype=np.int64))

    def __repr__(self) -> str:
        return f"<SurvivalTable: {self.spec.cells} cells, exact, not private; release() makes it public>"

    def __reduce__(self) -> tuple[Any, ...]:
        return SurvivalTable.from_json, (self.to_json(),), (None, {"_released": self._released})


def _check_schema(
    spec: Spec,
    time: NDArray[Any],
    event: NDArray[Any] | None,
    label: NDArray[Any] | None,
    event_codes: tuple[int, int],
) -> None:
    """Everything that can be refused without looking at a value."""
    if time.dtype.kind not in "iuf":
        raise InvalidInput(f"durations must be numbers, got dtype {time.dtype}")
    for name, column in (("event_observed", event), ("group", label)):
        if column is not None and column.shape != time.shape:
            raise InvalidInput(f"durations and {name} must be equally long, got {time.size} and {column.size}")
    if event is not None and event.dtype.kind not in "biuf":
        raise InvalidInput(f"event_observed must hold the codes {event_codes}, got dtype {event.dtype}")
    if not isinstance(event_codes, (tuple, list)) or len(event_codes) != 2 or event_codes[0] == event_codes[1]:
        raise InvalidInput("event_codes must be two different numbers: (code for censored, code for event)")
    if (spec.groups is None) != (label is None):
        raise InvalidInput(
            "the plan has groups: give group=" if label is None else "the plan has no groups: give them to Spec"
        )
    if label is not None and spec.groups is not None:
        wanted = "iu" if isinstance(spec.groups[0], int) else "U"
        if label.dtype.kind not in wanted and label.size:
            raise InvalidInput(f"group must hold labels of the same type as the plan's groups, got dtype {label.dtype}")


def _refuse_repeated(person: NDArray[Any], rows: int) -> None:
    if person.size != rows:
        raise InvalidInput(f"durations and id must be equally long, got {rows} and {person.size}")
    if np.unique(person).size != person.size:
        raise InvalidInput(
            "id repeats: give one row per person (start/stop and interval-censored records are not supported)"
        )


def _observed(event: NDArray[Any] | None, part: slice, size: int, codes: tuple[int, int]) -> NDArray[np.bool_]:
    if event is None:
        return np.ones(size, dtype=np.bool_)
    block = event[part]
    seen: NDArray[np.bool_] = block == codes[1]
    if int(np.count_nonzero(seen)) + int(np.count_nonzero(block == codes[0])) != block.size:
        raise InvalidInput(
            f"event_observed must hold only {codes[0]} (censored) and {codes[1]} (event), without missing values; "
            "for other codes give event_codes=(censored, event)"
        )
    return seen


def _units(time: NDArray[Any], spec: Spec) -> NDArray[np.int64]:
    """The cell ``ceil(t / unit)`` of each time, capped just past the horizon; exact.

    A float that is the nearest one of its width to a multiple of the unit means that multiple: 0.3 with unit 1/10 lies in
    cell 3. The quotient of floats is only a first guess, corrected against the multiples themselves.
    """
    smallest, largest = time.min(), time.max()
    if not smallest > 0 or not largest < np.inf:  # a NaN makes both false
        raise InvalidInput("durations must be finite and > 0: shift or drop zero times, remove missing ones")
    unit, beyond = spec.grid.unit, spec.grid.units + 1
    if time.dtype.kind in "iu" and unit == 1:
        return np.minimum(time, time.dtype.type(min(beyond, np.iinfo(time.dtype).max))).astype(np.int64)
    exact_time = time.astype(np.float64)  # integers beyond 2**53 lie beyond every horizon
    past = float(beyond * unit)
    cell = np.ceil(np.minimum(exact_time, past) * float(unit.denominator) / float(unit.numerator)).astype(np.int64)
    if unit != 1:
        cell -= exact_time <= _times(spec, cell - 1, time.dtype)
        cell += exact_time > _times(spec, cell, time.dtype)
    return np.minimum(cell, beyond)


def _times(spec: Spec, cell: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """Multiples of the unit as a column of this type can hold them: the nearest of its floats."""
    times = spec.grid.time(cell)
    if dtype.kind != "f":
        return times
    with np.errstate(over="ignore"):  # beyond a narrow type's range there is no time to compare with
        return times.astype(dtype).astype(np.float64)


def _group_index(label: NDArray[Any], spec: Spec) -> NDArray[np.intp]:
    public = np.asarray(spec.groups)
    order = np.argsort(public)
    place = np.minimum(np.searchsorted(public, label, sorter=order), public.size - 1)
    index: NDArray[np.intp] = order[place]
    if not np.array_equal(public[index], label):
        raise InvalidInput("group holds a label that is not one of the plan's groups")
    return index


def _count_block(
    spec: Spec,
    cell: NDArray[np.int64],
    time: NDArray[Any],
    observed: NDArray[np.bool_],
    group: NDArray[np.intp] | None,
) -> NDArray[np.int64]:
    """One bincount per block: over single units and folded afterwards where they are few, else over the table's cells."""
    grid = spec.grid
    horizon = _times(spec, np.array([grid.units]), time.dtype)
    still_there = ~observed & (time.astype(np.float64) >= horizon)
    rows = 2 * (grid.units + 2)
    groups = len(spec.groups or (None,))
    if rows * groups <= _FINE_HISTOGRAM:
        place = np.where(still_there, grid.units + 1, cell)
        place += observed * (grid.units + 2)
        if group is not None:
            place += group * rows
        fine = np.bincount(place, minlength=rows * groups).reshape(groups, 2, grid.units + 2)
        return _fold(spec, fine)
    edges = np.asarray(grid.edges, dtype=np.int64)
    event_bin = np.searchsorted(edges, cell) - 1  # bin k holds b[k] < cell <= b[k+1]
    last = grid.cells - 1
    clipped = np.minimum(event_bin, grid.bins - 1)
    place = np.where(observed, clipped, grid.bins + grid.censor_bin[clipped])
    place = np.where(still_there | (cell > grid.units), last, place)
    if group is not None:
        place += group * grid.cells
    return np.bincount(place, minlength=spec.cells)


def _fold(spec: Spec, fine: NDArray[np.int64]) -> NDArray[np.int64]:
    grid = spec.grid
    starts = np.asarray(grid.edges[:-1], dtype=np.intp)
    censored, events = fine[:, 0, 1:-1], fine[:, 1, 1:-1]
    event_bins = np.add.reduceat(events, starts, axis=1)
    censor_starts = starts[:: 1 if grid.is_native else 2]
    censor_bins = np.add.reduceat(censored, censor_starts, axis=1)
    left = fine[:, :, -1].sum(axis=1, keepdims=True)
    return np.concatenate([event_bins, censor_bins, left], axis=1).ravel()

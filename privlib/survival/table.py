"""Exact counts of people by time and status: secret, mergeable, released once."""

from __future__ import annotations

import json
import os
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.certificate import canonical, integers
from privlib.errors import AlreadyReleased, InvalidInput, Mismatch
from privlib.survival.counting import count_cells
from privlib.survival.release import release
from privlib.survival.spec import Spec

if TYPE_CHECKING:
    from privlib.budget import Ledger
    from privlib.survival.curve import Curve

__all__ = ["SurvivalTable"]

_MARKER = "exact counts of people, not private"
_MOST_PEOPLE = 2**62
_ONCE = Lock()


class SurvivalTable:
    """Exact counts under one plan. Secret: it shows no number, and leaves only through `release`.

    Made by `privlib.survival.Spec.count`. Tables under one plan add, whatever the order and the split;
    one count cannot be added twice.

    Parameters
    ----------
    spec : Spec
        The public plan.
    cells : int64 array, shape (spec.cells,)
        Exact counts.
    """

    __slots__ = ("_cells", "_parts", "_released", "spec")

    def __init__(self, spec: Spec, cells: NDArray[np.int64]) -> None:
        if cells.dtype != np.int64 or cells.shape != (spec.cells,) or (cells < 0).any():
            raise InvalidInput(f"cells must be {spec.cells} counts >= 0 of dtype int64, one for each cell of the plan")
        self.spec, self._cells, self._released = spec, cells.copy(), False
        self._parts = frozenset({os.urandom(8).hex()})  # says which counts are in a sum, and nothing about them

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
        """Count rows; see `privlib.survival.Spec.count`."""
        columns = (durations, event_observed, group, person)
        return cls(spec, count_cells(spec, *columns, event_codes=event_codes))

    def __add__(self, other: SurvivalTable) -> SurvivalTable:
        if not isinstance(other, SurvivalTable):
            return NotImplemented
        if self.spec.fingerprint != other.spec.fingerprint:
            raise Mismatch("only tables of one plan add: these differ in horizon, grid, epsilon, neighbours or groups")
        if int(self._cells.sum()) + int(other._cells.sum()) > _MOST_PEOPLE:
            raise InvalidInput("a table can hold at most 2**62 people")
        if self._parts & other._parts:
            raise InvalidInput("a count can be added once: the two tables share a part, whose people would count twice")
        merged = SurvivalTable(self.spec, self._cells + other._cells)
        merged._parts = self._parts | other._parts
        merged._released = self._released or other._released
        return merged

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
            On the second call, also for a copy, or for a sum with a part that was released: two releases of the same people
            cost twice, so count again on purpose.
        InvalidInput
            Under ``replace``, when the table does not hold exactly the plan's ``n`` people.
        BudgetExceeded, LedgerError
            When the ledger refuses.

        Privacy
        -------
        Pure epsilon for the whole curve, under the plan's neighbours. Theorem: survival.t1. Budget is charged before noise is
        drawn; an exception after that does not refund it.
        """
        if self.spec.n is not None and int(self._cells.sum()) != self.spec.n:
            raise InvalidInput(
                "under replace the plan's n must be the number of rows counted: correct n or add the missing parts"
            )
        with _ONCE:  # of two threads one goes on
            if self._released:
                raise AlreadyReleased("this table was released already: a second release costs epsilon again, so count again")
            self._released = True
        return release(self.spec, self._cells, ledger=ledger, on_refused=self._not_released)

    def _not_released(self) -> None:
        self._released = False

    def to_json(self) -> str:
        """The exact table as text that begins with a SENSITIVE marker, to send to whoever merges and releases."""
        counts = integers(self._cells.tolist())
        about = {"spec": self.spec.to_dict(), "parts": sorted(self._parts), "released": self._released}
        return canonical({"SENSITIVE": _MARKER, "cells": counts, **about})

    @classmethod
    def from_json(cls, text: str) -> SurvivalTable:
        """Read what `to_json` wrote.

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
            parts, released = frozenset(map(str, record["parts"])), bool(record["released"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None
        if len(counts) != spec.cells or min(counts) < 0 or sum(counts) > _MOST_PEOPLE:
            return None
        table = cls(spec, np.array(counts, dtype=np.int64))
        table._parts, table._released = parts, released
        return table

    def __repr__(self) -> str:
        return f"<SurvivalTable: {self.spec.cells} cells, exact, not private; release() makes it public>"

    def __reduce__(self) -> tuple[Any, ...]:
        return SurvivalTable.from_json, (self.to_json(),)

"""From columns of labels to columns of numbers, every attribute checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib import tables
from privlib.errors import InvalidInput
from privlib.ldp.domain import OTHER, Domain, Label

__all__ = ["encode"]

Codes = NDArray[np.unsignedinteger[Any]]

_ROWS = 1 << 15  # at a time: the memory needed beside the codes does not grow with the data
_WIDEST = 1 << 16  # labels whose numbers span no more are looked up in a table
_EXACT = 2.0**53  # below it a float holds every whole number


def encode(domain: Domain, data: object) -> list[Codes]:
    """The place of each value among its attribute's labels, as `Domain.encode` gives it for one record.

    Parameters
    ----------
    domain : Domain
        The attributes.
    data : dataframe, or mapping of str to array
        A column for each attribute; others are not looked at.

    Returns
    -------
    list of unsigned arrays, each of shape (n,)
        In the order of the attributes, in the smallest type that fits.

    Raises
    ------
    InvalidInput
        For a column that is missing or of another length, or a value that is not declared. The message holds no value.
    """
    columns = [_column(data, name) for name in domain.names]
    if len(set(map(_length, columns))) != 1:
        raise InvalidInput("all columns must be equally long")
    return [_places(domain, attribute, column) for attribute, column in enumerate(columns)]


_Column = tuple[NDArray[Any] | list[Any], NDArray[np.bool_] | None]
"""The values that are there, and which rows have one; None where all have. A list holds missing values itself."""


def _column(data: object, name: str) -> _Column:
    if not isinstance(data, Mapping):
        values, there = tables.present(data, name)
        return values, None if there.all() else there
    if name not in data:
        raise InvalidInput(f"the data have no column {name!r}")
    given = data[name]
    if isinstance(given, (list, tuple)):  # may mix types, and hold None
        return list(given), None
    if isinstance(given, np.ndarray) and given.dtype == object and given.ndim == 1:
        return list(given), None
    values = tables.vector(given, name=f"column {name!r}")
    if values.dtype.kind == "f" and np.isnan(values).any():
        there = ~np.isnan(values)
        return values[there], there
    return values, None


def _length(column: _Column) -> int:
    values, there = column
    return len(values) if there is None else int(there.size)


def _places(domain: Domain, attribute: int, column: _Column) -> Codes:
    values, there = column
    found = _of_present(domain, attribute, values)
    if there is None:
        return found
    whole = np.empty(there.size, dtype=found.dtype)
    whole[there] = found
    whole[~there] = domain.place(attribute, None)
    return whole


def _of_present(domain: Domain, attribute: int, column: NDArray[Any] | list[Any]) -> Codes:
    size = len(domain.labels[attribute])
    found = np.empty(len(column), dtype=np.min_scalar_type(size - 1))
    known: dict[Label, int] = {
        label: domain.place(attribute, label) for label in domain.labels[attribute] if label is not None and label != OTHER
    }
    table = _Table.of(known)
    for start in range(0, len(column), _ROWS):
        some, out = column[start : start + _ROWS], found[start : start + _ROWS]
        if not isinstance(some, list) and some.dtype.kind == "f":
            some = _whole(some)
        if isinstance(some, list) or some.dtype.kind not in "iuU":
            out[:] = [domain.place(attribute, value) for value in (some if isinstance(some, list) else some.tolist())]
        elif table is None or some.dtype.kind == "U" or not table.look_up(some, out):
            places = [known.get(value) for value in some.tolist()]
            out[:] = [
                domain.place(attribute, value) if place is None else place
                for place, value in zip(places, some.tolist(), strict=True)
            ]
    return found


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """Floats as whole numbers, where all of them are some that fit."""
    if values.size and (np.abs(values) < _EXACT).all() and (values == np.floor(values)).all():
        return values.astype(np.int64)
    return values


@dataclass(frozen=True)
class _Table:
    """Where integer labels stand that are not far apart: the place of ``least + i``, -1 for none."""

    least: int
    places: NDArray[np.int32]

    @classmethod
    def of(cls, known: Mapping[Label, int]) -> _Table | None:
        whole = [label for label in known if isinstance(label, int)]
        least, most = min(whole, default=0), max(whole, default=_WIDEST)
        if most - least >= _WIDEST or not -(2**63) <= least <= most < 2**63:
            return None
        return cls(least, np.array([known.get(label, -1) for label in range(least, most + 1)], dtype=np.int32))

    @cached_property
    def plain(self) -> bool:
        """Whether the labels are all integers of a range, in their order."""
        return bool((self.places == np.arange(self.places.size)).all())

    def look_up(self, values: NDArray[Any], out: Codes) -> bool:
        """Write the places of integers, if all of them are labels."""
        if values.dtype == np.uint64 and int(values.max()) >= 2**63:
            return False
        above = values.astype(np.int64, copy=False).view(np.uint64)
        if self.least:
            above = above - np.uint64(self.least % 2**64)  # modulo 2**64
        if int(above.max()) >= self.places.size:
            return False
        if self.plain:
            out[:] = above
            return True
        found = self.places.take(above.view(np.int64))
        out[:] = found
        return int(found.min()) >= 0

"""The public grid of times, in exact units. Nothing here ever sees data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Real, exact
from privlib.errors import InvalidInput

__all__ = ["Grid", "automatic_bins", "explicit_edges", "regular_edges"]

_RULE = Fraction(16, 25)  # the square of 0.8
_FEWEST_BINS = 4
_MOST_BINS = 2**24
_MOST_UNITS = 2**52  # so that the nearest float to every multiple of the unit is found by one division


@dataclass(frozen=True)
class Grid:
    """Bins ``(b[k-1], b[k]]`` that end at the horizon, and the cells of one group's table.

    A group's cells are the events per bin, then the censored per censoring bin, then those still under observation at the
    horizon, who are never merged into the last bin.

    Attributes
    ----------
    unit : Fraction
        The recording unit; every edge is a multiple of it.
    edges : tuple of int
        ``0 = b[0] < ... < b[K]`` in units; ``b[K]`` is the horizon.
    """

    unit: Fraction
    edges: tuple[int, ...]

    @property
    def units(self) -> int:
        """The horizon in units."""
        return self.edges[-1]

    @property
    def bins(self) -> int:
        """The number K of event bins."""
        return len(self.edges) - 1

    @property
    def is_native(self) -> bool:
        """Whether every bin is one unit wide, so that the curve loses nothing to the grid."""
        return self.bins == self.units

    @property
    def censor_bins(self) -> int:
        """Censoring bins are pairs of event bins, an odd last one standing alone; on the native grid they are the same."""
        return self.bins if self.is_native else (self.bins + 1) // 2

    @property
    def cells(self) -> int:
        """Cells of one group."""
        return self.bins + self.censor_bins + 1

    @cached_property
    def widths(self) -> NDArray[np.int64]:
        """Bin widths in units, shape (K,)."""
        widths: NDArray[np.int64] = np.asarray(self.edges[1:], dtype=np.int64) - np.asarray(self.edges[:-1], dtype=np.int64)
        return widths

    @cached_property
    def censor_bin(self) -> NDArray[np.int64]:
        """The censoring bin of each event bin, shape (K,)."""
        return np.arange(self.bins, dtype=np.int64) // (1 if self.is_native else 2)

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """The edges as times, shape (K+1,)."""
        return self.time(np.asarray(self.edges, dtype=np.int64))

    def time(self, units: NDArray[np.int64]) -> NDArray[np.float64]:
        """Multiples of the unit as times: the nearest float to each."""
        return units.astype(np.float64) * float(self.unit.numerator) / float(self.unit.denominator)


def regular_edges(units: int, bins: int) -> tuple[int, ...]:
    """Edges ``floor(k * units / bins)``, as even as whole units allow."""
    if bins > _MOST_BINS:
        raise InvalidInput(f"the grid would have {bins} bins, at most 2**24 are allowed: give n_bins, grid or a coarser unit")
    return tuple(k * units // bins for k in range(bins + 1))


def automatic_bins(units: int, people: Fraction, variance: Fraction) -> int:
    """The grid rule: ``max(4, round(0.8 * sqrt(people / variance)))`` bins, or one per unit where that is nearly reached.

    Parameters
    ----------
    units : int
        The horizon in units.
    people : Fraction
        A public number of people per group.
    variance : Fraction
        The variance of one cell's noise.

    Notes
    -----
    The accumulated noise is about ``K v / n**2`` and the error inside a bin about ``1 / (6 K n)``; they balance at ``K``
    about ``sqrt(n / v)``. Computed in integers, so every machine finds the same grid.
    """
    square = _RULE * people / variance
    rounded = (isqrt(int(4 * square)) + 1) // 2
    bins = max(_FEWEST_BINS, rounded)
    return units if 2 * bins >= units else bins


def whole_units(horizon: Fraction, unit: Fraction) -> int:
    """The horizon as a whole number of units, or a refusal."""
    if unit <= 0:
        raise InvalidInput(f"unit must be > 0, got {unit}")
    if horizon <= 0:
        raise InvalidInput(f"horizon must be > 0, got {horizon}")
    ratio = horizon / unit
    if ratio.denominator != 1:
        raise InvalidInput(f"horizon must be a multiple of unit, got horizon={horizon} and unit={unit}: give a finer unit")
    if int(ratio) * unit.numerator > _MOST_UNITS or unit.denominator > _MOST_UNITS:
        raise InvalidInput("horizon / unit is too large to keep times exact: give a coarser unit")
    return int(ratio)


def explicit_edges(grid: Sequence[Real], unit: Fraction, units: int) -> tuple[int, ...]:
    """Edges given by the caller, in units; with or without the leading 0."""
    if isinstance(grid, str) or not isinstance(grid, Iterable):
        raise InvalidInput("grid must be a list of bin edges that ends at the horizon")
    values = [exact(edge, name="grid") / unit for edge in grid]
    if any(value.denominator != 1 for value in values):
        raise InvalidInput(f"every edge of grid must be a multiple of unit={unit}: give a finer unit")
    edges = tuple(int(value) for value in values)
    edges = edges if edges[:1] == (0,) else (0, *edges)
    if len(edges) < 2 or any(a >= b for a, b in pairwise(edges)) or edges[-1] != units:
        raise InvalidInput("grid must increase strictly from 0 and end at the horizon")
    return edges

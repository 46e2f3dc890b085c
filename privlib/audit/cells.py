"""A scalar cut into bins, and bins pooled into cells in which one world is guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import betaincinv

__all__ = ["Cuts", "Method", "cuts", "pool", "reliability", "tally"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Method = Literal["each bin", "rising", "falling", "one cut", "by size"]
"""How bins are pooled; see `pool`."""

_MOST_SYMBOLS = 4096  # more names than this hardly come twice in a training part
_MOST_VALUES = 256  # of a scalar whose bins have to be learned one by one
_EQUAL_BINS = 128  # bins below 2**-7 of all trials are geometric:
_LEAST_TAIL = 8  # the first of them
_CAUTION = 0.1  # one minus the confidence of the limit by which cells are ordered


@dataclass(frozen=True, eq=False)
class Cuts:
    """Where the bins of a scalar end.

    Parameters
    ----------
    places : float array, shape (c,)
        Increasing. Bin i holds the values from ``places[i-1]`` on and below ``places[i]``; of a symbol, bin i+1 holds
        ``places[i]`` alone.
    symbolic : bool
        Whether the values are names.
    one_value_each : bool
        Whether each value that was seen has a bin of its own.
    """

    places: Floats
    symbolic: bool
    one_value_each: bool = True

    @property
    def size(self) -> int:
        """How many bins there are; the last is for missing values, and for symbols that training did not show."""
        return self.places.size + 2

    def values(self) -> Floats:
        """The value of each bin, about; 0 for missing ones."""
        if not self.places.size:
            return np.zeros(self.size)
        middles = self.places[:-1] if self.one_value_each else (self.places[1:] + self.places[:-1]) / 2
        return np.concatenate([self.places[:1], middles, self.places[-1:], [0.0]])

    def bins(self, values: Floats) -> NDArray[np.intp]:
        """The bin of each value."""
        found = np.searchsorted(self.places, values, side="right")
        lost = np.isnan(values)
        if self.symbolic and self.places.size:
            lost |= self.places[np.maximum(found - 1, 0)] != values
        return np.where(lost, self.places.size + 1, found)

    def symbols(self, bins: NDArray[np.intp]) -> list[float | None]:
        """The name in each of some bins; None for the bin of what training did not show, nothing for bins without names."""
        named = [float(self.places[each - 1]) for each in bins if 0 < each <= self.places.size]
        return [*named, *([None] if (bins > self.places.size).any() else [])]

    def words(self, first: int, last: int) -> str:
        """The values from one bin to another in words."""
        if first == self.places.size + 1:
            return "missing"
        low = "" if first == 0 else f"from {self.places[first - 1]:.6g}"
        high = "" if last >= self.places.size else f"below {self.places[last]:.6g}"
        return f"{low} {high}".strip() or "any value"


def cuts(values: Floats, *, symbolic: bool, ordered: bool = False) -> Cuts | None:
    """Cut where values lie.

    Parameters
    ----------
    values : float array
        Of all worlds; NaN where there is none.
    symbolic : bool
        Whether the values are names.
    ordered : bool
        Whether larger values are known to say more: then many may have a bin of their own, for the bins need not be learned.

    Returns
    -------
    Cuts
        A bin for each value where they are few, else equal masses and geometric tails. None for too many names.
    """
    present = np.sort(values[~np.isnan(values)])
    distinct = present[np.append(True, present[1:] != present[:-1])] if present.size else present
    if distinct.size <= (_MOST_SYMBOLS if symbolic or ordered else _MOST_VALUES):
        return Cuts(distinct, symbolic)
    if symbolic:
        return None
    tails = np.exp2(-np.arange(_LEAST_TAIL, max(_LEAST_TAIL + 1, np.log2(present.size) - 2)))
    shares = np.concatenate([np.linspace(0, 1, _EQUAL_BINS + 1), tails, 1 - tails])
    places = np.unique(present[np.round(shares * (present.size - 1)).astype(np.intp)])
    return Cuts(places, symbolic, one_value_each=False)


def tally(bins: list[NDArray[np.intp]], size: int) -> Ints:
    """Trials by world and bin, shape (worlds, size)."""
    return np.stack([np.bincount(each, minlength=size) for each in bins])


def pool(counts: Ints, method: Method) -> NDArray[np.intp]:
    """Put bins together, so that each cell has trials enough to know its world.

    Parameters
    ----------
    counts : int array, shape (worlds, bins)
        Trials by world and bin; the last bin, of missing values, stays alone.
    method : {"each bin", "rising", "falling", "one cut", "by size"}
        Each bin by itself, also "by size", for scalars that are log-ratios already; the share of the second world made to rise
        or to fall along the scalar; or one cut where the two worlds differ most.

    Returns
    -------
    int array, shape (bins,)
        The cell of each bin: 0, 1, ...
    """
    size = counts.shape[1]
    if method in ("each bin", "by size"):
        return np.arange(size)
    first, second = counts[0, :-1], counts[1, :-1]
    every = first + second
    if method == "one cut":
        shares = np.cumsum(second) / max(1, second.sum()) - np.cumsum(first) / max(1, first.sum())
        cut = int(np.argmax(np.abs(shares)))
        cells = (np.arange(size - 1) > cut).astype(np.intp)
    else:
        seen = np.flatnonzero(every)
        share = second[seen] / np.maximum(every[seen], 1)
        if not seen.size:
            cells = np.zeros(size - 1, dtype=np.intp)
        else:
            fitted = isotonic_regression(share, weights=every[seen].astype(np.float64), increasing=method == "rising")
            blocks = np.repeat(np.arange(fitted.blocks.size - 1), np.diff(fitted.blocks))
            nearest = np.searchsorted(seen, np.arange(size - 1), side="right") - 1
            cells = blocks[np.maximum(nearest, 0)]
    return np.append(cells, cells.max(initial=-1) + 1)


def reliability(right: Ints, every: Ints) -> Floats:
    """A lower limit of the chance that a cell's most frequent world is the right guess; 0 for empty cells."""
    limit = betaincinv(np.maximum(right, 1), every - np.minimum(right, every) + 1, _CAUTION)
    return np.where(every > 0, limit, 0.0)

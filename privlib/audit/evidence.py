"""Many weak numbers added up to one: what each says of the worlds, as log-ratios, or by a fitted line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from privlib.audit.cells import Cuts, Method, cuts, pool, tally
from privlib.audit.features import Feature, Number
from privlib.audit.outputs import Look

__all__ = ["Evidence", "gather"]

Floats = NDArray[np.float64]

_TELLING = 3.5  # standard errors: of a hundred numbers that tell nothing, hardly one is taken in
_FEW_VALUES = 32  # that are learned one by one
_SMOOTH = 0.5  # added to each count, so that a value that was not met says little
_RIDGE = 1.0  # pulls the weights towards 1, the sum of independent numbers
_STEPS = 8  # of Newton's method, which needs about 5
_MOST = 1e6  # a weight beyond it has run away: the worlds are parted by training alone
_METHODS: tuple[Method, ...] = ("one cut", "rising", "falling")


@dataclass(frozen=True, eq=False)
class _Part:
    """What one scalar says: a log-ratio for each of its bins."""

    column: int
    feature: Number
    bins: Cuts
    shares: Floats
    """How often each world has a value of the bin, shape (2, bins)."""

    @cached_property
    def says(self) -> Floats:
        """The log-ratio of each bin, second world over first."""
        return np.asarray(np.log(self.shares[1] / self.shares[0]))


@dataclass(frozen=True, eq=False)
class Evidence:
    """What several scalars say together.

    Parameters
    ----------
    parts : tuple
        What each scalar says, by its bins.
    weights : float array, shape (len(parts),), or None
        How much of each log-ratio counts in their sum. None for the log-ratio of the average shares instead: the law of an
        output that shows one of the scalars, nobody knows which, and noise in the others.
    words : str
        The evidence in words.
    """

    parts: tuple[_Part, ...]
    weights: Floats | None
    words: str
    symbolic: bool = False

    def combine(self, rows: Floats) -> Floats:
        """The evidence, from a table of all features."""
        return self._combined([rows[:, part.column] for part in self.parts])

    def of(self, look: Look) -> Floats:
        """The evidence, from outputs."""
        return self._combined(list(look.columns([part.feature.place for part in self.parts]).T))

    def _combined(self, columns: Sequence[Floats]) -> Floats:
        bins = [part.bins.bins(values) for part, values in zip(self.parts, columns, strict=True)]
        if self.weights is None:
            first, second = (sum(part.shares[world][at] for part, at in zip(self.parts, bins, strict=True)) for world in (0, 1))
            return np.asarray(np.log(second) - np.log(first))
        total = np.zeros(len(bins[0]))
        for weight, part, at in zip(self.weights, self.parts, bins, strict=True):
            total += weight * part.says[at]
        return total


def gather(features: Sequence[Feature], tables: Sequence[Floats]) -> tuple[Evidence, ...]:
    """Add up the numbers that tell something.

    Parameters
    ----------
    features : sequence of Feature
        What the columns of the tables are.
    tables : two float arrays, shape (trials, features)
        Training values of each world.

    Returns
    -------
    tuple of Evidence
        Empty where fewer than two numbers tell anything; else the sum of log-ratios, as if the numbers were independent; the
        log-ratio of average shares; and the sum with weights fitted together.
    """
    parts = [
        part
        for column, feature in enumerate(features)
        if isinstance(feature, Number) and (part := _part(column, feature, [table[:, column] for table in tables])) is not None
    ]
    if len(parts) < 2:
        return ()
    count = f"{len(parts)} numbers of the output"
    both = tuple(parts)
    plain = Evidence(both, np.ones(len(both)), f"the evidence of {count}, added up")
    said = [np.column_stack([part.says[part.bins.bins(table[:, part.column])] for part in both]) for table in tables]
    fitted = Evidence(both, _fit(said), f"the evidence of {count}, in a fitted sum")
    one_of = Evidence(both, None, f"the evidence of {count}, of which one may count")
    return plain, one_of, fitted


def _part(column: int, feature: Number, values: Sequence[Floats]) -> _Part | None:
    """What one scalar says, or None where it says no more than chance does."""
    bins = cuts(np.concatenate(values), symbolic=False)
    if bins is None:
        return None
    counts = tally([bins.bins(each) for each in values], bins.size)
    methods: tuple[Method, ...] = ("each bin",) if bins.places.size <= _FEW_VALUES else _METHODS
    best, best_score = None, _TELLING
    for method in methods:
        cells = pool(counts, method)
        pooled = np.stack([np.bincount(cells, weights=row) for row in counts]).astype(np.float64)
        shares, score = _shares(pooled)
        if score > best_score:
            best, best_score = _Part(column, feature, bins, shares[:, cells]), score
    return best


def _shares(pooled: Floats) -> tuple[Floats, float]:
    """The share of each cell in either world, and how many standard errors the worlds lie apart along their log-ratio."""
    totals = pooled.sum(axis=1, keepdims=True)
    shares = (pooled + _SMOOTH) / (totals + _SMOOTH * pooled.shape[1])
    shares[:, pooled.sum(axis=0) == 0] = 1.0
    says = np.log(shares[1] / shares[0])
    means = (pooled * says).sum(axis=1) / np.maximum(totals[:, 0], 1)
    spread = (pooled * says**2).sum(axis=1) / np.maximum(totals[:, 0], 1) - means**2
    error = np.sqrt((np.maximum(spread, 0) / np.maximum(totals[:, 0], 1)).sum())
    filled = int(np.count_nonzero(pooled.sum(axis=0)))
    degrees = float(np.sqrt(2 * max(1, filled - 1)))  # fitted ratios part the worlds by themselves
    return shares, float((means[1] - means[0]) / max(error, 1e-300) - degrees) if error > 0 else 0.0


def _fit(said: Sequence[Floats]) -> Floats:
    """Ridge logistic regression on the parts, by Newton's steps from equal weights."""
    x = np.concatenate(said)
    y = np.repeat([0.0, 1.0], [len(each) for each in said])
    weights, offset = np.ones(x.shape[1]), 0.0
    design = np.column_stack([x, np.ones(len(x))])
    both = np.append(weights, offset)
    penalty = np.diag(np.append(np.full(x.shape[1], _RIDGE), 0.0))
    pull = np.append(np.ones(x.shape[1]), 0.0)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ both, -30, 30)))
        slope = design.T @ (y - chance) - penalty @ (both - pull)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature + 1e-9 * np.eye(len(both)), slope)
        both = both + step
        if np.abs(step).max() < 1e-6 or np.abs(both).max() > _MOST:
            break
    return np.asarray(np.clip(both[:-1], -_MOST, _MOST), dtype=np.float64)

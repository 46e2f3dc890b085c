"""From counts to curves: post-processing that sees no data and draws no noise.

Notation, per group: ``d[k]`` events and ``c[k]`` censored in bin k, ``a`` still under observation at the horizon,
``Y[k] = a + sum of d, c from bin k on`` at risk, ``E[k] = Y[k] - h[k] c[k]`` effectively at risk, where
``h = (1 - 1/width) / 2`` is 0 for bins of one unit. The curve is ``S(b[k]) = prod over j <= k of (1 - d[j] / E[j])``.

Variances are those of ``L[k] = log S(b[k])``. Sampling is Greenwood's sum. Privacy is the noise variance of one cell times the
squared length of the gradient of L by the cells. With ``A = 1/(E-d)`` and ``B = d / (E (E-d))`` and their running sums, the
gradient by cells of bins up to k is ``-A[i] + cumB[i]`` for events and the like for censored, and ``cumB[k]`` for every later
cell, so no matrix is needed. Under ``replace`` the counts are projected on their public sum, which takes the mean off the
gradient.

Where in a wide bin the events fell is not known. The curve is drawn straight between edges, and intervals take the shape inside
a bin to be a Dirichlet process around the straight line: at place f of a bin in which the curve falls by D its variance is
``D**2 f (1-f) / 16``, that of its area ``(D width)**2 / (12 * 16)``. The 16 is a convention, chosen so that intervals at any time
cover on the automatic grid (``make claims`` measures it), and no theorem. On bins of one unit there is nothing to allow for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from privlib.bounds import Neighbours
from privlib.survival.grid import Grid

if TYPE_CHECKING:
    from privlib.survival.spec import Spec

__all__ = ["Fit", "fit", "predicted_rmse", "project"]

Floats = NDArray[np.float64]
_EVENNESS = 16.0
_MOST_SEARCHED = 2**20
_TANGENT = 0.5
_NO_NOISE = 1e-9  # about the chance that a cell has any
_MOST_SPREAD = 700.0
_LEAST_HAZARD = 1e-12


def project(values: NDArray[np.int64] | Floats, total: float) -> Floats:
    """The nearest vector with no negative entry and a given sum; counts that are so already stay as they are."""
    below = values.astype(np.float64)
    peak = below.max()
    below -= peak  # all differences from the largest, so that huge counts do not swallow the total
    descending = np.sort(below)[::-1]
    excess = np.cumsum(descending) - total
    ranks = np.arange(1, values.size + 1)
    last = np.flatnonzero(descending * ranks > excess)[-1]
    shift = excess[last] / ranks[last]
    nearest: Floats = np.maximum(below - shift, 0.0)
    return nearest


def fit(spec: Spec, cells: NDArray[np.int64]) -> list[Fit]:
    """The estimates of every group from the table's cells, noisy or exact.

    Parameters
    ----------
    spec : Spec
        The plan of the table.
    cells : int64 array, shape (spec.cells,)
        Counts, as released.

    Returns
    -------
    list of Fit
        One per group, in the plan's order; one where there are no groups.
    """
    shape = (-1, spec.grid.cells)
    by_group: Floats
    if spec.n is not None:
        by_group = project(cells, spec.n).reshape(shape)
    else:
        by_group = np.stack([project(group, max(1, int(group.sum()))) for group in cells.reshape(shape)])
    projected_cells = spec.cells if spec.neighbours is Neighbours.REPLACE else None
    return [Fit(spec.grid, group, spec.noise_variance, projected_cells) for group in by_group]


@dataclass(frozen=True)
class Fit:
    """One group's curve and its uncertainty.

    Attributes
    ----------
    grid : Grid
        The grid.
    cells : float array, shape (grid.cells,)
        Consistent counts: none negative.
    noise_variance : float
        Variance of one cell's noise; 0 for exact counts.
    projected_cells : int or None
        Under ``replace``, the number of cells that share the public sum.
    """

    grid: Grid
    cells: Floats
    noise_variance: float
    projected_cells: int | None

    @property
    def events(self) -> Floats:
        """Events per bin, shape (K,)."""
        return self.cells[: self.grid.bins]

    @cached_property
    def censored(self) -> Floats:
        """Censored per event bin: a coarse bin's count spread in proportion to width, shape (K,)."""
        return self.cells[self.grid.bins : -1][self.grid.censor_bin] * self._share

    @cached_property
    def at_risk(self) -> Floats:
        """At risk at the start of each bin and at the horizon, shape (K+1,)."""
        leaving = np.append(self.events + self.censored, self.cells[-1])
        return np.cumsum(leaving[::-1])[::-1]

    @cached_property
    def survival(self) -> Floats:
        """The curve at the edges, shape (K+1,), from 1 down."""
        hit = self.events > 0
        factor = np.ones(self.grid.bins)
        np.divide(self.events, np.maximum(self._exposed, self.events), out=factor, where=hit)
        return np.concatenate([[1.0], np.cumprod(np.where(hit, 1.0 - factor, 1.0))])

    @cached_property
    def cumulative_hazard(self) -> Floats:
        """Nelson-Aalen at the edges, shape (K+1,)."""
        hazard = np.zeros(self.grid.bins)
        np.divide(self.events, np.maximum(self._exposed, self.events), out=hazard, where=self.events > 0)
        return np.concatenate([[0.0], np.cumsum(hazard)])

    @cached_property
    def log_variance(self) -> Floats:
        """Variance of log S at the edges after the first, sampling plus privacy, shape (K,)."""
        return np.cumsum(self._slope) + self.noise_variance * self.squared_gradient

    @cached_property
    def _share(self) -> Floats:
        coarse = np.bincount(self.grid.censor_bin, weights=self.grid.widths)
        return self.grid.widths / coarse[self.grid.censor_bin]

    @cached_property
    def _half(self) -> Floats:
        return (1.0 - 1.0 / self.grid.widths) / 2

    @cached_property
    def _exposed(self) -> Floats:
        return self.at_risk[:-1] - self._half * self.censored

    @cached_property
    def _floored(self) -> tuple[Floats, Floats]:
        """E and E - d, neither below one person."""
        exposed = np.maximum(self._exposed, self.events)
        return np.maximum(exposed, 1.0), np.maximum(exposed - self.events, 1.0)

    @cached_property
    def _slope(self) -> Floats:
        """B: how log S moves with the number at risk."""
        exposed, surviving = self._floored
        return self.events / (exposed * surviving)

    def _partial(self, slope: Floats) -> tuple[Floats, Floats]:
        """What a censoring cell takes off within its own bins: for each event bin alone, and up to it from its cell's start."""
        before = np.zeros(self.grid.bins)
        same = self.grid.censor_bin[1:] == self.grid.censor_bin[:-1]
        before[1:] = np.where(same, self._share[:-1], 0.0)  # a censoring cell spans at most two event bins
        alone = slope * (before + self._half * self._share)
        upto = alone.copy()
        upto[1:] += np.where(same, alone[:-1], 0.0)
        return alone, upto

    @cached_property
    def squared_gradient(self) -> Floats:
        """Squared length of the gradient of log S at each edge by the cells, shape (K,)."""
        _, surviving = self._floored
        total = np.cumsum(self._slope)
        _, upto = self._partial(self._slope)
        by_event = total - 1.0 / surviving
        by_censored = total - upto
        ends_cell = np.append(self.grid.censor_bin[1:] != self.grid.censor_bin[:-1], True)
        done = np.where(ends_cell, by_censored, 0.0)
        open_cell = np.where(ends_cell, 0.0, by_censored)
        later = self.grid.cells - np.arange(1, self.grid.bins + 1) - (self.grid.censor_bin + 1)
        squares: Floats = np.cumsum(by_event**2) + np.cumsum(done**2) + open_cell**2 + later * total**2
        if self.projected_cells is None:
            return squares
        sums = np.cumsum(by_event) + np.cumsum(done) + open_cell + later * total
        centred: Floats = squares - sums**2 / self.projected_cells
        return centred

    def band(self, units: Floats, confidence: float) -> tuple[Floats, Floats]:
        """Pointwise limits at times in units.

        Between edges the variance grows by ``f (1-f) / 16`` times the square of the bin's drop, f the place in the bin: see the
        head of this file.
        """
        edges = np.asarray(self.grid.edges, dtype=np.float64)
        when = np.floor(units)
        k = np.clip(np.searchsorted(edges, when, side="left") - 1, 0, self.grid.bins - 1)
        place = np.clip((when - edges[k]) / np.diff(edges)[k], 0.0, 1.0)
        exposed, surviving = self._floored
        floored = np.exp(np.concatenate([[0.0], np.cumsum(np.log(surviving) - np.log(exposed))]))
        level = (1 - place) * floored[k] + place * floored[k + 1]  # above 0, however small the end of a bin is
        known = np.concatenate([[0.0], self.log_variance])
        variance = known[k] + place * (known[k + 1] - known[k])
        variance += place * (1 - place) * ((floored[k] - floored[k + 1]) / level) ** 2 / _EVENNESS
        tangent = _TANGENT if self.noise_variance > _NO_NOISE else np.inf
        lower, upper = _limits(np.log(level), variance, confidence, tangent)
        curve = self.at(self.survival, when)  # where fewer than one person is left, it lies below its floored self
        return np.where(when <= 0, 1.0, np.minimum(lower, curve)), np.where(when <= 0, 1.0, np.maximum(upper, curve))

    def at(self, values: Floats, units: Floats) -> Floats:
        """A quantity known at the edges, at times in units: linear at whole units, constant until the next."""
        return np.interp(np.floor(units), np.asarray(self.grid.edges, dtype=np.float64), values)

    def first_limits_at_or_below(self, level: float, confidence: float) -> tuple[float, float]:
        """The first times at which the lower and the upper limit of the band are at or below a level."""
        units = np.arange(self.grid.units + 1) if self.grid.units <= _MOST_SEARCHED else np.asarray(self.grid.edges)
        limits = self.band(units.astype(np.float64), confidence)
        found = [np.flatnonzero(limit <= level) for limit in limits]
        low, high = (float(self.grid.time(units[hit[:1]])[0]) if hit.size else float("inf") for hit in found)
        return low, high

    def first_at_or_below(self, values: Floats, level: float) -> float:
        """The first multiple of the unit at which a falling quantity is at or below a level; infinity if none is."""
        below = np.flatnonzero(values <= level)
        if not below.size:
            return float("inf")
        k = int(below[0])
        if k == 0:
            return 0.0
        start, width = self.grid.edges[k - 1], self.grid.edges[k] - self.grid.edges[k - 1]
        fraction = (values[k - 1] - level) / (values[k - 1] - values[k])
        unit = start + min(max(int(np.ceil(fraction * width)), 1), width)
        return float(self.grid.time(np.array([unit]))[0])

    def restricted_mean(self, until: float) -> tuple[float, float]:
        """Area under the curve up to a time in units, in units, and its variance."""
        weights = self._area_weights(until)
        value = float(weights @ self.survival)
        carried = np.cumsum((weights * self.survival)[:0:-1])[::-1]  # weight of log S from each bin on
        exposed, surviving = self._floored
        sampling = float(np.sum(carried**2 * self.events / (exposed * surviving)))
        slope = carried * self._slope
        total = float(slope.sum())
        later = total - np.cumsum(slope)
        alone, _ = self._partial(slope)
        by_event = total - later - carried / surviving
        by_censored: Floats = np.bincount(self.grid.censor_bin, weights=-alone).astype(np.float64)
        last_bin = np.flatnonzero(np.append(self.grid.censor_bin[1:] != self.grid.censor_bin[:-1], True))
        by_censored += total - later[last_bin]
        gradient = np.concatenate([by_event, by_censored, [total]])
        squared = float(gradient @ gradient)
        if self.projected_cells is not None:
            squared -= float(gradient.sum()) ** 2 / self.projected_cells
        drops = -np.diff(self.survival) * np.minimum(self.grid.widths, np.maximum(until - np.asarray(self.grid.edges[:-1]), 0.0))
        inside = float(np.sum(np.where(self.grid.widths > 1, drops, 0.0) ** 2)) / (12 * _EVENNESS)
        return value, sampling + self.noise_variance * squared + inside

    def _area_weights(self, until: float) -> Floats:
        """Weights of the curve's values at the edges in its area: the curve is a step at every unit."""
        edges = np.asarray(self.grid.edges, dtype=np.float64)
        weights = np.zeros(edges.size)
        whole = np.floor(until)
        start, width = edges[:-1], np.diff(edges)
        steps = np.clip(whole - start, 0.0, width)  # whole units of each bin that count
        fraction = steps * (steps - 1) / (2 * width)  # sum of (u - start) / width over those units
        weights[:-1] += steps - fraction
        weights[1:] += fraction
        rest = until - whole
        if rest > 0:
            k = min(int(np.searchsorted(edges, whole, side="right")) - 1, self.grid.bins - 1)
            place = (whole - edges[k]) / width[k]
            weights[k] += rest * (1 - place)
            weights[k + 1] += rest * place
        return weights


def _limits(log_survival: Floats, variance: Floats, confidence: float, tangent: float) -> tuple[Floats, Floats]:
    """Limits by the log(-log) transform, ``S**width`` and ``S**(1/width)`` with ``width = exp(z se)``.

    Near S = 1 the standard error on that scale explodes, and with it the limits; from ``z se = tangent`` on the width follows
    the tangent instead, so that the limits tend to those on the scale of log S. Where there is practically no noise the
    transform stays as others have it.
    """
    z = float(ndtri((1 + confidence) / 2))
    hazard = np.maximum(-log_survival, _LEAST_HAZARD)
    spread = z * np.sqrt(variance) / hazard
    bent = np.minimum(spread, min(tangent, _MOST_SPREAD))
    width = np.exp(bent) * np.where(spread > tangent, 1 + spread - bent, 1.0)
    return np.exp(-hazard * width), np.exp(-hazard / width)


def predicted_rmse(spec: Spec) -> float:
    """The error that privacy and grid add to a curve falling evenly in hazard to 1/10, half of the rest censored on the way."""
    grid, people = spec.grid, (spec.people or 1) / len(spec.groups or (None,))
    time = np.asarray(grid.edges) / grid.units
    curve, stay = 10.0**-time, 2.0**-time
    at_risk = curve * stay * people
    leaving = -np.diff(at_risk)
    events = leaving * np.log(10) / (np.log(10) + np.log(2))  # competing constant hazards
    censored: Floats = np.bincount(grid.censor_bin, weights=leaving - events).astype(np.float64)
    shared = spec.cells if spec.neighbours is Neighbours.REPLACE else None
    model = Fit(grid, np.concatenate([events, censored, at_risk[-1:]]), spec.noise_variance, shared)
    privacy = float(np.mean(model.survival[1:] ** 2 * model.noise_variance * model.squared_gradient))
    within = 0.0 if grid.is_native else float(np.mean(np.diff(curve) ** 2)) / (6 * _EVENNESS)
    return float(np.sqrt(min(privacy, 1.0) + within))

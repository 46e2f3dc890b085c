"""The best mixture of RS+FD under a cap on what each attribute may leak, searched in floats and then made exact.

Let L_j be the least that a report of attribute j says of a value over what its fake says, e_j its odds and
``t_j = weight_j L_j / sum_i weight_i L_i``. For randomised response with uniform fakes, and for unary encoding with reports of
nothing as fakes, attribute j leaks the factor ``1 + t_j (e_j - 1)``, and the record ``1 + sum_j t_j (e_j - 1)``. So to let every
attribute leak ``1 + s``, any t that adds up to 1 will do, with ``e_j = 1 + s / t_j`` and weights proportional to ``t_j / L_j``.
The search is over t, over which attributes use which encoding, and over the L of unary encoding, which follows from the chance
that a one is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.ldp.guarantee import guarantee
from privlib.ldp.oracles import Grr, Oracle, Unary
from privlib.ldp.parts import Part, Scheme

__all__ = ["mixture"]

Floats = NDArray[np.float64]
Kinds = NDArray[np.bool_]

_MOST_EXCESS = 1 << 40  # beyond it there is no noise left to save
_MOST_SIZES = 48  # of more different sizes only every so many is tried as a limit, and odds stay alike
_POLISHED = 3
_REACH = 8  # how far the logarithms in a point may go from even
_BITS = 40


@dataclass(frozen=True)
class _Search:
    """What does not change: the different sizes, how many attributes have each, what each may leak, which shares count."""

    sizes: Floats
    counts: Floats
    excess: float
    shares: Floats

    def laws(self, grr: Kinds, point: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Weights, odds, and chances to support a value for its holder and others, at a point of the search."""
        half = len(self.sizes)
        t = np.exp(point[:half] - point[:half].max())
        t /= t @ self.counts
        odds = 1 + self.excess / t
        least = 1 / odds + (1 - 1 / odds) / (1 + np.exp(-point[half:]))
        least = np.where(grr, self.sizes / (odds + self.sizes - 1), least)
        weights = t / least / (t / least @ self.counts)
        miss = np.where(grr, 1 / (odds + self.sizes - 1), (1 - least) / ((odds - 1) * least))
        return weights, odds, np.where(grr, odds * miss, odds * least * miss), miss

    def cost(self, grr: Kinds, point: Floats) -> float:
        """The mean variance about the people's own shares, times their number."""
        weights, _, hit, miss = self.laws(grr, point)
        fake = (1 - weights) * np.where(grr, 1 / self.sizes, miss)
        high, low = weights * hit + fake, weights * miss + fake
        each = (self.shares * high * (1 - high) + (1 - self.shares) * low * (1 - low)) / (high - low) ** 2
        return float(each @ self.counts / self.counts.sum())


def mixture(sizes: Sequence[int], excess: Fraction, *, even: bool) -> tuple[Part, ...]:
    """The parts of an RS+FD mixture with small mean variance, each attribute leaking as much as allowed, or a little less.

    Parameters
    ----------
    sizes : sequence of int
        How many values each attribute has.
    excess : Fraction
        The odds that an attribute may leak, less 1. The record then leaks odds of ``1 + d * excess`` at most.
    even : bool
        Whether the variance of values that are all alike counts; else that of values that nobody has.

    Returns
    -------
    tuple of Part
    """
    counted = sorted(Counter(sizes).items())
    own, counts = (np.array(column, dtype=np.float64) for column in zip(*counted, strict=True))
    excess = min(excess, Fraction(_MOST_EXCESS))
    search = _Search(own, counts, float(excess), 1 / own if even else 0 * own)
    start = np.zeros(2 * len(own))
    found = sorted((search.cost(grr, start), place, grr) for place, grr in enumerate(_choices(len(own))))
    tried = [(cost, grr, start) for cost, _, grr in found[:_POLISHED]]
    if len(own) <= _MOST_SIZES:
        tried += [_polished(search, grr, start) for _, grr, _ in tried]
    _, grr, point = min(tried, key=lambda one: one[0])
    return _exactly(sizes, excess, search, grr, point)


def _polished(search: _Search, grr: Kinds, start: Floats) -> tuple[float, Kinds, Floats]:
    """The nearest point that no small step improves."""
    from scipy.optimize import minimize

    def cost(point: Any) -> float:
        return log(search.cost(grr, point))

    found: Any = minimize(cost, start.tolist(), method="L-BFGS-B", bounds=[(-_REACH, _REACH)] * len(start))
    return exp(found.fun), grr, found.x


def _choices(count: int) -> list[Kinds]:
    """Which sizes use randomised response: none, or those between two limits."""
    limits = sorted({round(limit) for limit in np.linspace(0, count, min(count, _MOST_SIZES) + 1)})
    places = np.arange(count)
    return [places < 0, *((low <= places) & (places < high) for low, high in combinations(limits, 2))]


def _exactly(sizes: Sequence[int], excess: Fraction, search: _Search, grr: Kinds, point: Floats) -> tuple[Part, ...]:
    """Fractions near a point of the search, a little inside the cap, so that it is kept exactly."""
    place = {int(size): at for at, size in enumerate(search.sizes)}
    slack = 30
    while True:
        inside = _Search(search.sizes, search.counts, search.excess * (1 - 2.0**-slack), search.shares)
        weights, odds, hit, miss = inside.laws(grr, point)
        chosen = [place[size] for size in sizes]
        shares = [_rounded(weights[at], _BITS) for at in chosen[:-1]]
        shares.append(1 - sum(shares, Fraction(0)))
        parts = []
        for size, at, share in zip(sizes, chosen, shares, strict=True):
            fine = _BITS + int(odds[at]).bit_length()
            oracle: Oracle = Unary(size, _rounded(hit[at], fine), _rounded(miss[at], fine))
            if grr[at]:
                oracle = Grr(size, _rounded(odds[at], _BITS))
            parts.append(Part(oracle, share, (Fraction(1, size),) * size if grr[at] else None))
        if guarantee(Scheme.RSFD, parts).attribute <= 1 + excess:
            return tuple(parts)
        slack -= 3


def _rounded(value: float, bits: int) -> Fraction:
    """The nearest multiple of a power of two, above 0."""
    return Fraction(max(1, round(Fraction(float(value)) * (1 << bits))), 1 << bits)

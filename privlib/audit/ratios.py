"""Exact log-likelihood ratios of mechanisms whose laws are known: the best attack on a pair of data sets.

Each function gives a `Ratio`: from a list or array of outputs to the logarithm of P(output | second) / P(output | first).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, logsumexp

from privlib.audit.likelihood import Ratio

__all__ = [
    "fakes_ratio",
    "gaussian_ratio",
    "laplace_ratio",
    "log_mass",
    "noisy_max_ratio",
    "response_ratio",
    "sparse_vector_ratio",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Outputs = Sequence[Any] | NDArray[Any]

_SCALES = 100  # noise beyond so many scales has probability below exp(-100)


def response_ratio(first: int, second: int, *, truth: float) -> Ratio:
    """Randomised response: ``truth`` is the logarithm of the odds of the true value against another one."""
    return lambda outputs: truth * (np.equal(outputs, second).astype(float) - np.equal(outputs, first))


def laplace_ratio(first: ArrayLike, second: ArrayLike, *, scale: Fraction | int) -> Ratio:
    """Integers with discrete Laplace noise, clamped beyond all of them or not: how much nearer the second are, over the scale."""
    before, after = np.atleast_1d(first), np.atleast_1d(second)
    moved = np.flatnonzero(before != after)

    def ratio(outputs: Outputs) -> Floats:
        noisy = np.asarray(outputs).reshape(len(outputs), before.size)[:, moved].astype(np.int64)
        nearer = np.abs(noisy - before[moved]).sum(axis=1) - np.abs(noisy - after[moved]).sum(axis=1)
        return np.asarray(nearer / float(scale), dtype=np.float64)

    return ratio


def gaussian_ratio(first: int, second: int, *, sigma2: Fraction) -> Ratio:
    """A whole number with rounded Gaussian noise."""
    sigma = math.sqrt(sigma2)

    def log_cell(k: Ints) -> Floats:
        """Log P(noise = k), left of 0, where the normal law's logarithm is exact."""
        left = -np.abs(k)
        to, begin = log_ndtr((left + 0.5) / sigma), log_ndtr((left - 0.5) / sigma)
        return to + np.log(-np.expm1(begin - to))

    def ratio(outputs: Outputs) -> Floats:
        noisy = np.asarray(outputs, dtype=np.int64)
        return log_cell(noisy - second) - log_cell(noisy - first)

    return ratio


def sparse_vector_ratio(
    first: Sequence[int], second: Sequence[int], *, epsilon: Fraction, count: int = 1, threshold: int = 0, redraw: bool = False
) -> Ratio:
    """Sparse vector: given the threshold's noise the answers are independent; each pattern is summed once over that noise."""

    def ratio(outputs: Outputs) -> Floats:
        seen = np.asarray(outputs, dtype=np.int64).reshape(len(outputs), len(first))
        codes = (seen + 1) @ 3 ** np.arange(len(first))  # a pattern as one integer, to find the distinct ones
        _, where, back = np.unique(codes, return_index=True, return_inverse=True)
        patterns = seen[where]
        logs = [
            _log_patterns(patterns, answers, epsilon=epsilon, count=count, threshold=threshold, redraw=redraw)
            for answers in (first, second)
        ]
        return (logs[1] - logs[0])[back]

    return ratio


def _log_patterns(
    patterns: Ints, answers: Sequence[int], *, epsilon: Fraction, count: int, threshold: int, redraw: bool
) -> Floats:
    bar_scale, scale = float(2 * (count if redraw else 1) / epsilon), float(4 * count / epsilon)
    shift = np.arange(-int(_SCALES * bar_scale), int(_SCALES * bar_scale) + 1)
    to_reach = threshold + shift - np.asarray(answers, dtype=np.int64)[:, None]  # what an answer's noise must reach
    below, above = _log_below(to_reach, scale), _log_below(1 - to_reach, scale)
    passed = np.cumsum(patterns == 1, axis=1) - (patterns == 1)  # answers above before each
    rounds = passed if redraw else np.zeros_like(passed)
    total = np.zeros(len(patterns))
    for each in range(count if redraw else 1):
        here = rounds == each
        given = (here & (patterns == 0)).astype(float) @ below + (here & (patterns == 1)).astype(float) @ above
        total += logsumexp(given + log_mass(shift, bar_scale), axis=1)
    return total


def log_mass(x: ArrayLike, scale: float) -> Floats:
    """The logarithm of P(noise = x) for discrete Laplace noise."""
    return np.asarray(-np.abs(x) / scale + math.log(math.tanh(1 / (2 * scale))), dtype=np.float64)


def _log_below(x: Ints, scale: float) -> Floats:
    """Log P(noise < x), to full precision in both tails; noise is symmetric, so P(noise >= x) is P(noise < 1 - x)."""
    tail = -(np.abs(x - 0.5) + 0.5) / scale - math.log1p(math.exp(-1 / scale))  # log P(noise >= max(x, 1 - x))
    return np.asarray(np.where(x <= 0, tail, np.log1p(-np.exp(tail))), dtype=np.float64)


def fakes_ratio(first: Sequence[int], second: Sequence[int], *, sizes: Sequence[int], odds: Fraction) -> Ratio:
    """RS+FD[GRR]: a report is as likely as its attributes are on average, each as the one that was sampled."""
    weight, shares = float(odds), np.array([float(k / (odds + k - 1)) for k in sizes])

    def log_mixture(reports: NDArray[Any], record: Sequence[int]) -> Floats:
        return np.asarray(np.log(np.where(reports == np.asarray(record), weight, 1.0) @ shares), dtype=np.float64)

    def ratio(outputs: Outputs) -> Floats:
        reports = np.asarray(outputs).reshape(len(outputs), len(sizes))
        return log_mixture(reports, second) - log_mixture(reports, first)

    return ratio


def noisy_max_ratio(first: Sequence[int], second: Sequence[int], *, epsilon: Fraction) -> Ratio:
    """Report noisy max: one sum over the winner's noise for each answer."""

    def ratio(outputs: Outputs) -> Floats:
        table = _log_winners(second, epsilon) - _log_winners(first, epsilon)
        return table[np.asarray(outputs, dtype=np.int64)]

    return ratio


def _log_winners(answers: Sequence[int], epsilon: Fraction) -> Floats:
    scale, reached = float(2 / epsilon), np.asarray(answers, dtype=np.int64)
    far = int(_SCALES * scale) + int(np.abs(reached).max())
    highest = np.arange(-far, far + 1)
    losing = _log_below(highest - reached[:, None], scale)  # strictly below, as answers before the winner are
    tying = _log_below(highest - reached[:, None] + 1, scale)
    logs = [
        losing[:winner].sum(axis=0) + tying[winner + 1 :].sum(axis=0) + log_mass(highest - answer, scale)
        for winner, answer in enumerate(answers)
    ]
    return np.asarray(logsumexp(np.array(logs), axis=1), dtype=np.float64)

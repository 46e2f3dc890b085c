"""Confidence limits for a frequency, from how many reports support its value.

Of people drawn from a population every report supports a value with the same chance, so the number that do is binomial, and
Clopper and Pearson's limits for that chance cover it; the frequency is an affine function of the chance. Among the people
themselves some reports support with the chance of a holder, the others with that of the rest; such a sum is less spread than
the binomial of the same mean (Hoeffding 1956, theorem 5), so the same limits cover their frequencies too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

__all__ = ["clopper_pearson", "exact_limits", "wald"]

Floats = NDArray[np.float64]
_MARGIN = 1e-12
"""More than the relative error of a quantile."""


def clopper_pearson(supports: NDArray[np.int64], asked: int, *, error: float) -> tuple[Floats, Floats]:
    """Exact limits for the chance of a success.

    Parameters
    ----------
    supports : int64 array
        Successes.
    asked : int
        Trials, at least 1.
    error : float
        The chance of missing, half on either side.

    Returns
    -------
    lower, upper : float arrays

    Examples
    --------
    >>> clopper_pearson(np.array([0, 5, 10]), 10, error=0.05)
    (array([0.        , 0.187..., 0.691...]), array([0.308..., 0.812..., 1.        ]))
    """
    hits, misses = supports.astype(np.float64), (asked - supports).astype(np.float64)
    lower = np.where(hits == 0, 0.0, betaincinv(np.maximum(hits, 1), misses + 1, error / 2))
    upper = np.where(misses == 0, 1.0, betaincinv(hits + 1, np.maximum(misses, 1), 1 - error / 2))
    return lower * (1 - _MARGIN), np.minimum(1.0, upper * (1 + _MARGIN))


def exact_limits(supports: NDArray[np.int64], asked: int, *, misses: Floats, slope: float, error: float) -> tuple[Floats, Floats]:
    """Exact limits for frequencies, within 0 and 1.

    Parameters
    ----------
    supports : int64 array
        How many reports support each value.
    asked : int
        How many speak of the attribute, at least 1.
    misses : float array or float
        For each value, how often reports of others support it.
    slope : float
        How much more often those of holders do.
    error : float
        The chance of missing, half on either side.

    Returns
    -------
    lower, upper : float arrays
    """
    lower, upper = clopper_pearson(supports, asked, error=error)
    return np.clip((lower - misses) / slope, 0.0, 1.0), np.clip((upper - misses) / slope, 0.0, 1.0)


def wald(value: Floats, stderr: Floats, *, error: float) -> tuple[Floats, Floats]:
    """Limits by the normal approximation: good for many reports, and for values that are neither rare nor universal.

    Parameters
    ----------
    value, stderr : float arrays
        Estimates and their standard errors.
    error : float
        The chance of missing, half on either side.

    Returns
    -------
    lower, upper : float arrays
    """
    reach = float(-ndtri(error / 2)) * stderr
    return value - reach, value + reach

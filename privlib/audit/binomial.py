"""Exact limits of a chance, given how often it was met: those of Clopper and Pearson, rounded outwards.

The root finder of scipy 1.17 is off by up to 1e-7 of a limit where few of 10**8 trials succeed, on the wrong side as often as on
the right one. So each limit is moved outwards until its own tail, which is precise, is small enough.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincc, betainccinv, betaincinv

from privlib.bounds import Real, exact, exact_int
from privlib.errors import InvalidInput

__all__ = ["checked_confidence", "interval", "lower_limit", "upper_limit"]

_STEPS = np.exp2(np.arange(-44.0, -10.0, 3.0))
"""How far a root is moved, relative to the nearer of 0 and 1: as little as suffices."""
_LAST_PLACES = 1e-15  # of the root: a step that is lost in rounding would be none
_MOST = 10**12
_MOST_SURE = 1 - Fraction(1, 10**12)  # beyond it a float loses what is left
_SURE = 1 - 1e-10  # scipy's tails are off by 2e-11 of themselves where 9 of 10**9 succeed, elsewhere by much less


def upper_limit(successes: float, trials: float, confidence: float | Fraction) -> float:
    """Bound a chance from above; the truth is above the limit with probability at most ``1 - confidence``.

    Parameters
    ----------
    successes, trials : number
        Independent trials with one chance, and those that succeeded. Fractions serve predictions.
    confidence : number
        Strictly between 0 and 1; not checked. As a Fraction it may be nearer to 1 than a float can be.

    Returns
    -------
    float
        1 where every trial succeeded, also where there was none.

    References
    ----------
    Theorem: audit.t6.

    Examples
    --------
    >>> round(upper_limit(0, 100, 0.95), 4)  # 1 - 0.05 ** (1 / 100)
    0.0295
    """
    successes, trials = _counts(successes, trials)
    if successes == trials:
        return 1.0
    a, b, error = successes + 1, trials - successes, float(1 - confidence)
    root = float(betainccinv(a, b, error))
    limits = np.minimum(1.0, root + _moves(root))
    enough = betaincc(a, b, limits) <= error * _SURE
    return float(limits[enough.argmax()]) if enough.any() else 1.0


def lower_limit(successes: float, trials: float, confidence: float | Fraction) -> float:
    """Bound a chance from below; the truth is below the limit with probability at most ``1 - confidence``.

    Parameters
    ----------
    successes, trials, confidence : number
        As for `upper_limit`.

    Returns
    -------
    float
        0 where no trial succeeded.

    References
    ----------
    Theorem: audit.t6.

    Examples
    --------
    >>> round(lower_limit(100, 100, 0.95), 4)  # 0.05 ** (1 / 100)
    0.9705
    """
    successes, trials = _counts(successes, trials)
    if successes == 0:
        return 0.0
    a, b, error = successes, trials - successes + 1, float(1 - confidence)
    root = float(betaincinv(a, b, error))
    limits = np.maximum(0.0, root - _moves(root))
    enough = betainc(a, b, limits) <= error * _SURE
    return float(limits[enough.argmax()]) if enough.any() else 0.0


def interval(successes: int, trials: int, *, confidence: Real) -> tuple[float, float]:
    """Enclose a chance: a limit on either side, each with half of the error probability.

    Parameters
    ----------
    successes, trials : int
        Independent trials with one chance, at least one, and those that succeeded.
    confidence : rational
        One minus the chance that the interval misses; strictly between 1/2 and 1.

    Returns
    -------
    tuple of float

    Raises
    ------
    InvalidInput
        For counts or a confidence out of range.

    References
    ----------
    Theorem: audit.t6.

    Examples
    --------
    >>> low, high = interval(90, 100, confidence="0.95")
    >>> round(low, 4), round(high, 4)
    (0.8238, 0.951)
    """
    trials = exact_int(trials, name="trials")
    successes = exact_int(successes, name="successes", least=0, most=trials)
    each = 1 - (1 - checked_confidence(confidence)) / 2
    return lower_limit(successes, trials, each), upper_limit(successes, trials, each)


def checked_confidence(value: Real) -> Fraction:
    """Read a confidence: strictly between 1/2 and 1. Below 1/2 somebody gave the error probability instead.

    Parameters
    ----------
    value : rational
        Read as `privlib.bounds.exact` reads it.

    Returns
    -------
    Fraction

    Raises
    ------
    InvalidInput
        For anything else.

    Examples
    --------
    >>> checked_confidence("0.95")
    Fraction(19, 20)
    """
    level = exact(value, name="confidence")
    if not Fraction(1, 2) < level <= _MOST_SURE:
        raise InvalidInput(
            f"confidence must lie strictly between 0.5 and 1, and not beyond 1 - 1e-12, got {float(level):.15g}: 0.95 means 95 %"
        )
    return level


def _counts(successes: float, trials: float) -> tuple[float, float]:
    """Both as floats: scipy would compute in the type of a narrow one, and its tails fail beyond 10**16."""
    if not 0 <= successes <= trials <= _MOST:
        raise InvalidInput("there must be as many trials as successes at least, and at most 10**12")
    return float(successes), float(trials)


def _moves(root: float) -> NDArray[np.float64]:
    return np.asarray(_STEPS * min(root, 1 - root) + _LAST_PLACES * root, dtype=np.float64)

"""What an accuracy is worth in raw draws from the population. Read beside proofs/audit/t6_distribution_leakage.py."""

from __future__ import annotations

import math
from fractions import Fraction

from scipy.special import betainc, betaincc

from privlib.bounds import Real, exact, exact_int
from privlib.errors import InvalidInput

__all__ = ["accuracy_bound", "n_leaked", "raw_draws"]

_MARGIN = 1e-12  # relative: more than the rounding of a bound, less than anyone reads
_NEAREST = Fraction(1, 10**9)  # shares this near to each other are a slip, and floats lose their difference
_MOST_DRAWS = 2**40  # more people than there are; the search for a number of draws ends here


def n_leaked(accuracy: Real, alpha0: Real, alpha1: Real) -> float:
    """Say how many raw draws an accuracy is worth, for two populations that differ in one share.

    With fewer draws from the population itself than this, no test at all reaches the accuracy.

    Parameters
    ----------
    accuracy : rational
        Of guesses about a fair bit, from 0 to 1. Below 1/2 it is worth nothing. A Fraction keeps its precision near 1.
    alpha0, alpha1 : rational
        The share of people with the attribute in each population, from 0 to 1.

    Returns
    -------
    float
        log(4 w (1 - w)) / log(r), with r as in `accuracy_bound`; infinite at accuracy 1, 0 up to 1/2.

    Raises
    ------
    InvalidInput
        For an accuracy or shares out of range, for equal shares, which nothing tells apart, and for shares 0 and 1, which one
        draw tells apart.

    References
    ----------
    Suri, Evans: Formalizing and Estimating Distribution Inference Risks. arXiv 2109.06024. Theorem: audit.t6.

    Examples
    --------
    >>> round(n_leaked("0.8", "0.64", "0.8"), 12)  # log(0.64) / log(0.8)
    2.0
    """
    right = exact(accuracy, name="accuracy")
    if not 0 <= right <= 1:
        raise InvalidInput(f"accuracy must lie from 0 to 1, got {float(right):g}")
    overlap = _overlap(alpha0, alpha1)
    if 2 * right <= 1:
        return 0.0
    if right == 1:
        return math.inf
    return _log(4 * right * (1 - right)) / _log(overlap)


def raw_draws(accuracy: Real, alpha0: Real, alpha1: Real) -> float:
    """Say with how many raw draws the best test is as accurate: what an accuracy is worth, where `n_leaked` only bounds it.

    Parameters
    ----------
    accuracy : rational
        Of guesses about a fair bit, from 0 to 1. Up to 1/2 it is worth nothing.
    alpha0, alpha1 : rational
        The share of people with the attribute in each population, from 0 to 1.

    Returns
    -------
    float
        The least whole number of draws with which the likelihood-ratio test reaches the accuracy; infinite at accuracy 1, and
        above 2**40.

    Raises
    ------
    InvalidInput
        As `n_leaked`.

    References
    ----------
    Theorem: audit.t6.

    Examples
    --------
    >>> raw_draws("0.8", "0.4", "0.5"), round(n_leaked("0.8", "0.4", "0.5"), 2)
    (70.0, 2.45)
    """
    right = exact(accuracy, name="accuracy")
    if n_leaked(right, alpha0, alpha1) in (0.0, math.inf):
        return n_leaked(right, alpha0, alpha1)
    wrong, low, high = float(1 - right) * (1 + _MARGIN), *sorted((float(exact(alpha0)), float(exact(alpha1))))
    most = 1
    while _least_wrong(most, low, high) > wrong:
        most *= 2
        if most > _MOST_DRAWS:
            return math.inf
    least = most // 2
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if _least_wrong(middle, low, high) <= wrong else (middle, most)
    return float(most)


def _least_wrong(draws: int, low: float, high: float) -> float:
    """How often the best test on raw draws is wrong: it guesses the higher share where more than a number of people have it."""
    rises = math.log1p((high - low) / (1 - high)) if high < 1 else math.inf  # log((1 - low) / (1 - high))
    falls = math.log(high / low) if low > 0 else math.inf
    share = 0.0 if falls == math.inf else 1.0 if rises == math.inf else rises / (rises + falls)
    near = [min(max(0, math.floor(draws * share) + step), draws - 1) for step in (-1, 0, 1)]
    return min(float(betaincc(most + 1, draws - most, high) + betainc(most + 1, draws - most, low)) / 2 for most in near)


def accuracy_bound(n: int, alpha0: Real, alpha1: Real) -> float:
    """Bound the accuracy of every test that sees n raw draws from one of two populations, a fair coin choosing which.

    Parameters
    ----------
    n : int
        Draws.
    alpha0, alpha1 : rational
        The share of people with the attribute in each population.

    Returns
    -------
    float
        1/2 + sqrt(1 - r^n) / 2, rounded up, where r is the larger of the ratios of the shares with, and without, the
        attribute, the smaller share over the larger one.

    Raises
    ------
    InvalidInput
        For numbers out of range, equal shares, and shares 0 and 1.

    References
    ----------
    Theorem: audit.t6.

    Examples
    --------
    >>> round(accuracy_bound(2, "0.64", "0.8"), 9)
    0.8
    """
    draws = exact_int(n, name="n", least=0)
    return min(1.0, (0.5 + math.sqrt(-math.expm1(draws * _log(_overlap(alpha0, alpha1)))) / 2) * (1 + _MARGIN))


def _overlap(alpha0: Real, alpha1: Real) -> Fraction:
    """The larger of two ratios; each bounds by its n-th power what n draws of the two populations have in common."""
    low, high = sorted((exact(alpha0, name="alpha0"), exact(alpha1, name="alpha1")))
    if not 0 <= low <= high <= 1:
        raise InvalidInput("alpha0 and alpha1 must lie from 0 to 1: they are shares of people")
    if high - low < _NEAREST:
        raise InvalidInput("alpha0 and alpha1 must differ, by 1e-9 at least: nothing tells equal populations apart")
    if high - low == 1:
        raise InvalidInput("alpha0 and alpha1 are 0 and 1: one raw draw decides, so nothing can be counted in draws")
    return max(low / high, (1 - high) / (1 - low))


def _log(share: Fraction) -> float:
    """The logarithm of a number in (0, 1], precise where it is near 1 and where it is too small for a float."""
    if share > Fraction(1, 2):
        return math.log1p(-float(1 - share))
    return math.log(share.numerator) - math.log(share.denominator)

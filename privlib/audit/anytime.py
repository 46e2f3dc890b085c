"""Stop an audit whenever you like: an e-process for right and wrong guesses. Read beside proofs/audit/t3_anytime.py."""

from __future__ import annotations

import math
from fractions import Fraction

from scipy.special import betaincc

from privlib.bounds import exact_int
from privlib.errors import InvalidInput

__all__ = ["anytime_bound", "log_e_value", "rejects"]

_MARGIN = 1e-11  # of 1 + abs(log): the largest rounding error met is 2e-12, where E is far below 1, and 1e-13 elsewhere
_UNDERFLOW = 1e-200  # beyond it the incomplete beta function runs out of numbers; a continued fraction takes few steps
_MOST = 10**9


def log_e_value(correct: int, wrong: int, chance: float) -> float:
    """How strongly guesses speak against "each was right with at most this chance, given the past".

    The e-value is the likelihood of the guesses, averaged over all larger chances and divided by that at ``chance``. While
    the hypothesis holds it is a non-negative supermartingale that starts at 1, whatever made the guesses and however they
    were learned from earlier trials; so it ever reaches ``1 / alpha`` with probability at most alpha (Ville's inequality).

    Parameters
    ----------
    correct, wrong : int
        Right and wrong guesses so far, at most 10**9 together; abstentions do not count.
    chance : float
        The largest chance of a right guess that the claim allows, above 0 and at most 1. Round it up.

    Returns
    -------
    float
        The natural logarithm of the e-value, rounded down: below the exact one by at most ``2e-11`` times
        ``1 + abs(log)``.

    Raises
    ------
    InvalidInput
        For counts or a chance out of range.

    References
    ----------
    Theorem: audit.t3.

    Examples
    --------
    >>> round(log_e_value(42, 0, 0.75), 3), round(log_e_value(30, 12, 0.75), 3)
    (9.708, -1.571)
    """
    exact_int(correct, name="correct", least=0, most=_MOST)
    exact_int(wrong, name="wrong", least=0, most=_MOST - correct)
    if not 0 < chance <= 1:
        raise InvalidInput(f"chance must lie above 0 and at most at 1, got {chance}")
    value = log_mean_likelihood_ratio(int(correct), int(wrong), float(chance))
    return value - _MARGIN * (1 + abs(value))


def rejects(correct: int, wrong: int, chance: float, confidence: float) -> bool:
    """Whether the guesses so far refute that each was right with at most this chance; asked as often as you like.

    Parameters
    ----------
    correct, wrong : int
        Right and wrong guesses so far.
    chance : float
        The largest chance that the claim allows, rounded up.
    confidence : float
        Strictly between 1/2 and 1. A claim that holds is ever rejected with probability at most ``1 - confidence``.

    Returns
    -------
    bool

    Raises
    ------
    InvalidInput
        For arguments out of range.

    References
    ----------
    Theorem: audit.t3.

    Examples
    --------
    >>> rejects(42, 0, 0.75, 0.999), rejects(40, 2, 0.75, 0.999)
    (True, False)
    """
    if not 0.5 < confidence < 1:
        raise InvalidInput(f"confidence must lie strictly between 0.5 and 1, got {confidence}")
    return log_e_value(correct, wrong, chance) >= -math.log1p(-confidence)


def anytime_bound(correct: int, wrong: int, confidence: float) -> float:
    """The largest chance of a right guess that is refuted, at any moment: the lower end of a confidence sequence.

    If no guess has a chance above q given the past, then this ever reaches q, at however many moments it is looked at,
    with probability at most ``1 - confidence``; so the largest value seen so far is a valid bound, too.

    Parameters
    ----------
    correct, wrong : int
        Right and wrong guesses so far.
    confidence : float
        Strictly between 1/2 and 1.

    Returns
    -------
    float
        A chance that `rejects` rejects, or 0. A chance q certifies ``epsilon = log(q / (1 - q))``, with h worlds
        ``log((h - 1) q / (1 - q))``; where every trial is guessed, it refutes ``mu = 2 ndtri(q)``.

    Raises
    ------
    InvalidInput
        For arguments out of range.

    References
    ----------
    Theorem: audit.t3.

    Examples
    --------
    >>> round(anytime_bound(42, 0, 0.999), 4), anytime_bound(0, 5, 0.999)
    (0.8066, 0.0)
    """
    refuted, kept = 0.0, 1.0
    while refuted < (middle := (refuted + kept) / 2) < kept and middle > 1e-300:
        if rejects(correct, wrong, middle, confidence):
            refuted = middle
        else:
            kept = middle
    return refuted


def log_mean_likelihood_ratio(correct: int, wrong: int, chance: float) -> float:
    """The logarithm of the mean of ``(t/q)**c ((1-t)/(1-q))**w`` over t between q and 1, to about 14 digits.

    It equals ``P(Bin(n+1, q) <= c) / ((n+1) (1-q) P(Bin(n, q) = c))`` with n = c + w, where nothing cancels.
    """
    if chance == 1:
        return -math.log1p(wrong)
    below = float(betaincc(correct + 1, wrong + 1, chance))
    if below < _UNDERFLOW:
        return math.log(chance / (wrong + 1)) + math.log(_beta_fraction(wrong + 1, correct + 1, 1 - chance))
    guesses = correct + wrong
    return math.log(below) - math.log((guesses + 1) * (1 - chance)) - _log_binomial(correct, wrong, chance)


def _log_binomial(correct: int, wrong: int, chance: float) -> float:
    """The logarithm of P(Bin(n, q) = c), by Stirling's remainders and deviances (Loader 2000): terms of one size."""
    if wrong == 0:
        return correct * math.log(chance)
    if correct == 0:
        return wrong * math.log1p(-chance)
    guesses = correct + wrong
    # what c exceeds its mean by is exact: a rounded mean of 10**9 guesses would cost seven digits
    excess = float(correct - guesses * Fraction(chance))
    right, left = guesses * chance, guesses * (1 - chance)
    deviance = right * _entropy(excess / right) + left * _entropy(-excess / left)
    remainders = _stirling(guesses) - _stirling(correct) - _stirling(wrong)
    return remainders - deviance - (math.log(math.tau) + math.log(correct) + math.log(wrong) - math.log(guesses)) / 2


def _entropy(x: float) -> float:
    """``(1 + x) log(1 + x) - x``, which is near x*x/2 for small x."""
    if abs(x) > 0.1:
        return (1 + x) * math.log1p(x) - x
    return math.fsum((-x) ** k / (k * (k - 1)) for k in range(2, 18))


def _stirling(k: int) -> float:
    """``log k!`` less Stirling's formula."""
    if k < 16:
        return math.lgamma(k + 1) - (k + 0.5) * math.log(k) + k - math.log(math.tau) / 2
    s = 1 / (k * k)
    return (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * 691 / 360360))))) / k


def _beta_fraction(a: int, b: int, x: float) -> float:
    """``a B_x(a, b) / (x**a (1-x)**b)`` for x well below a / (a + b), by its continued fraction (modified Lentz)."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    value, step = d, 0.0
    m = 0
    while abs(step - 1) > 1e-15:
        m += 1
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        c, d = 1 + even / c, 1 / (1 + even * d)
        value *= c * d
        c, d = 1 + odd / c, 1 / (1 + odd * d)
        step = c * d
        value *= step
    return value

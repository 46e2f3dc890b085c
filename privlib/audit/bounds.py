"""What guesses prove: exact binomial limits, one for each kind of claim. Read beside proofs/audit/t1_guess_bound.py.

In each trial a secret names one of the data sets, the mechanism runs on it, and a rule that was fixed before guesses the secret
from the output, or abstains. The functions here turn the counts into lower limits for what the mechanism leaks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

from scipy.special import ndtri

from privlib.audit.binomial import checked_confidence, upper_limit
from privlib.errors import InvalidInput

__all__ = ["Verdict", "approx_bound", "gdp_bound", "guess_bound", "noise_fraction", "zcdp_bound"]

_MARGIN = 1e-12  # taken off every bound: more than the rounding of its computation, less than anyone reads
_FOR_THE_RATE = 0.05
"""The part of the error probability that an (epsilon, delta) bound spends on how often a guess is made."""

_ORDERS = (1.0, 1.05, 1.2, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0)
"""The Rényi orders at which two events are compared."""

_MOST_NOISE, _HALVINGS = 1024.0, 60


class Verdict(StrEnum):
    """What an audit may say. Not one of them says that a mechanism keeps its claim; that takes a proof."""

    VIOLATION = "violation"
    NO_VIOLATION_FOUND = "no violation found"
    INCONCLUSIVE = "inconclusive"


def guess_bound(correct: float, guesses: float, confidence: float, *, worlds: int = 2) -> float:
    """Certify an epsilon from right guesses; the truth is below it with probability at most ``1 - confidence``.

    A pure epsilon-differentially private mechanism lets nobody guess which of h data sets it saw, all neighbours of each other
    and equally likely, with a better chance than ``exp(epsilon) / (exp(epsilon) + h - 1)``, whatever the output shows. The
    lower limit for that chance is exact (Clopper-Pearson, one side), so the whole error probability is spent once.

    Parameters
    ----------
    correct : number
        Right guesses.
    guesses : number
        Guesses made; abstentions do not count. Fractions serve predictions.
    confidence : float
        Strictly between 1/2 and 1.
    worlds : int
        How many data sets there are to choose from: 2 for a pair.

    Returns
    -------
    float
        At least 0, and 0 where nothing is certified.

    Raises
    ------
    InvalidInput
        For counts or a confidence out of range.

    References
    ----------
    Theorem: audit.t1.

    Examples
    --------
    >>> round(guess_bound(7311, 10_000, 0.999), 3), guess_bound(5_000, 10_000, 0.999)
    (0.931, 0.0)
    """
    wrong = _chance_of_a_wrong_guess(correct, guesses, confidence)
    if worlds < 2:
        raise InvalidInput(f"worlds must be at least 2, got {worlds}")
    if wrong == 1:
        return 0.0
    return max(0.0, math.log1p(-wrong) - math.log(wrong) + math.log(worlds - 1) - _MARGIN)


def approx_bound(correct: float, guesses: float, trials: float, confidence: float, *, delta: float) -> float:
    """Certify an epsilon at a given delta from right guesses on a pair; nothing is assumed of the mechanism.

    If a mechanism is (epsilon, delta)-differentially private and guesses are made in a share s of all trials, then a guess is
    right with a chance of at most ``(exp(epsilon) + delta / s) / (exp(epsilon) + 1)``. One exact limit bounds the chance from
    below and another, with a twentieth of the error probability, s.

    Parameters
    ----------
    correct, guesses : number
        Right guesses and guesses made.
    trials : number
        All trials, abstentions included.
    confidence : float
        Strictly between 1/2 and 1.
    delta : float
        The delta of the claim, rounded up.

    Returns
    -------
    float
        At least 0, and 0 where nothing is certified.

    Raises
    ------
    InvalidInput
        For counts or a confidence out of range.

    References
    ----------
    Theorem: audit.t2.

    Examples
    --------
    >>> round(approx_bound(7311, 10_000, 10_000, 0.999, delta=1e-5), 3)
    0.93
    """
    if not guesses <= trials:
        raise InvalidInput("guesses cannot be more than trials")
    if not 0 <= delta < 1:
        raise InvalidInput(f"delta must be at least 0 and below 1, got {delta}")
    error = 1 - confidence
    wrong = _chance_of_a_wrong_guess(correct, guesses, 1 - (1 - _FOR_THE_RATE) * error)
    if correct == 0:
        return 0.0
    rate = 1 - upper_limit(trials - guesses, trials, 1 - _FOR_THE_RATE * error)
    if rate <= 0:
        return 0.0
    odds_above = 1 - wrong - delta / rate * (1 + _MARGIN)
    if odds_above <= wrong:
        return 0.0
    return max(0.0, math.log(odds_above) - math.log(wrong) - _MARGIN)


def gdp_bound(correct: float, trials: float, confidence: float) -> float:
    """Certify a mu from right guesses in all trials: a claim of Gaussian privacy below it is refuted.

    Nobody guesses which of two data sets a mu-GDP mechanism saw with a better chance than ``Phi(mu / 2)``. It is a bound for
    that family of claims alone, not an (epsilon, delta) bound for mechanisms of any kind.

    Parameters
    ----------
    correct : number
        Right guesses.
    trials : number
        All trials; a guess is made in each.
    confidence : float
        Strictly between 1/2 and 1.

    Returns
    -------
    float
        At least 0, and 0 where nothing is certified.

    Raises
    ------
    InvalidInput
        For counts or a confidence out of range.

    References
    ----------
    Theorem: audit.t2.

    Examples
    --------
    >>> round(gdp_bound(6915, 10_000, 0.999), 3)
    0.919
    """
    wrong = _chance_of_a_wrong_guess(correct, trials, confidence)
    if wrong >= 0.5:
        return 0.0
    return max(0.0, -2 * float(ndtri(wrong)) * (1 - _MARGIN) - _MARGIN)


def noise_fraction(correct: float, trials: float, confidence: float, *, accuracy: Callable[[float], float]) -> float:
    """Certify how much of its noise a mechanism lacks or has: for laws that a pure epsilon describes badly.

    Parameters
    ----------
    correct : number
        Right guesses.
    trials : number
        All trials; a guess is made in each.
    confidence : float
        Strictly between 1/2 and 1.
    accuracy : callable
        From a factor s to the chance that the best guess is right when the noise is scaled by 1/s; increasing.

    Returns
    -------
    float
        The largest s up to 1024 for which the mechanism with noise scaled by 1/s is refuted; 0 where none is. Above 1 it says
        that there is less noise than claimed. A bound for this family of laws alone.

    Raises
    ------
    InvalidInput
        For counts or a confidence out of range.

    References
    ----------
    Theorem: audit.t2.

    Examples
    --------
    >>> from scipy.special import ndtr
    >>> round(noise_fraction(6915, 10_000, 0.999, accuracy=lambda s: ndtr(s / 2)), 3)
    0.919
    """
    right = 1 - _chance_of_a_wrong_guess(correct, trials, confidence)
    low, high = 0.0, _MOST_NOISE
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if accuracy(middle) < right - _MARGIN else (low, middle)
    return low


def zcdp_bound(second: tuple[int, int], first: tuple[int, int], confidence: float) -> float:
    """Certify a rho from how often an event happens in two worlds; nothing is assumed of the mechanism.

    Parameters
    ----------
    second, first : tuple of int
        How often the event happened on the second and on the first data set, and out of how many trials each. It is an event
        that is expected to be more frequent on the second.
    confidence : float
        Strictly between 1/2 and 1.

    Returns
    -------
    float
        The largest Rényi divergence over its order, of some orders, between the event's limits in the two worlds, each at half
        of the error probability. At least 0.

    Raises
    ------
    InvalidInput
        For counts or a confidence out of range.

    References
    ----------
    Theorem: audit.t2.

    Examples
    --------
    >>> round(zcdp_bound((6915, 10_000), (3085, 10_000), 0.999), 3)
    0.259
    """
    checked_confidence(confidence)
    if any(not 0 <= happened <= trials for happened, trials in (second, first)):
        raise InvalidInput("an event cannot happen more often than there are trials")
    level = 1 - (1 - confidence) / 2
    often = 1 - upper_limit(second[1] - second[0], second[1], level)
    seldom = upper_limit(first[0], first[1], level)
    if often <= seldom:
        return 0.0
    pairs = ((often, seldom), (seldom, often))
    found = max(_renyi(a, b, order) / order for a, b in pairs for order in _ORDERS)
    return max(0.0, found * (1 - 1e-9) - _MARGIN)


def _renyi(a: float, b: float, order: float) -> float:
    """Rényi divergence of two coins; the order 1 is the relative entropy."""
    if b >= 1 or a >= 1 or b <= 0 or a <= 0:  # the limits of counts; nothing is claimed there
        return 0.0
    if order == 1:
        return a * math.log(a / b) + (1 - a) * (math.log1p(-a) - math.log1p(-b))
    heads = order * math.log(a) - (order - 1) * math.log(b)
    tails = order * math.log1p(-a) - (order - 1) * math.log1p(-b)
    most = max(heads, tails)
    return (most + math.log(math.exp(heads - most) + math.exp(tails - most))) / (order - 1)


def _chance_of_a_wrong_guess(correct: float, guesses: float, confidence: float) -> float:
    """The upper limit of the chance that a guess is wrong: 1 - the lower limit of the chance that it is right."""
    if not 0 <= correct <= guesses or not guesses < math.inf:
        raise InvalidInput("correct and guesses must be counts with 0 <= correct <= guesses")
    checked_confidence(confidence)
    return upper_limit(guesses - correct, guesses, confidence)

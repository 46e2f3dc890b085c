"""What right guesses prove: one exact binomial, one verdict. Read beside proofs/audit/t1_guess_bound.py."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from privlib.bounds import Bound, Kind
from privlib.errors import InvalidInput

__all__ = ["Verdict", "claimed", "decide", "guess_bound", "tally"]

_MARGIN = 1e-12  # taken off every bound: more than the rounding of its computation, less than anyone reads


class Verdict(StrEnum):
    """What an audit may say. Not one of them says that a mechanism keeps its claim; that takes a proof."""

    VIOLATION = "violation"
    NO_VIOLATION_FOUND = "no violation found"
    INCONCLUSIVE = "inconclusive"


def tally(guesses: NDArray[np.int8], secrets: NDArray[np.int8]) -> tuple[int, int]:
    """Count the guesses made and the right ones among them.

    Parameters
    ----------
    guesses : int8 array, shape (n,)
        1 or 0 where the rule guesses that world, anything else where it abstains.
    secrets : int8 array of 0 and 1, shape (n,)
        The world of each trial.

    Returns
    -------
    tuple of int
        ``(guesses made, guesses right)``.
    """
    made = (guesses == 0) | (guesses == 1)
    return int(np.count_nonzero(made)), int(np.count_nonzero(made & (guesses == secrets)))


def guess_bound(correct: float, guesses: float, confidence: float) -> float:
    """Certify an epsilon from right guesses; the truth is below it with probability at most ``1 - confidence``.

    A pure epsilon-differentially private mechanism lets nobody guess a fair secret bit with a better chance than
    ``exp(epsilon) / (1 + exp(epsilon))``, whatever the output shows. The lower limit for that chance is exact
    (Clopper-Pearson, one side), so the whole error probability is spent once.

    Parameters
    ----------
    correct : number
        Right guesses.
    guesses : number
        Guesses made; abstentions do not count. Fractions serve predictions.
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
    Theorem: audit.t1.

    Examples
    --------
    >>> round(guess_bound(7311, 10_000, 0.999), 3), guess_bound(5_000, 10_000, 0.999)
    (0.931, 0.0)
    """
    if not 0 <= correct <= guesses or not guesses < math.inf:
        raise InvalidInput("correct and guesses must be counts with 0 <= correct <= guesses")
    if not 0.5 < confidence < 1:
        raise InvalidInput(f"confidence must lie strictly between 0.5 and 1, got {confidence}")
    if correct == 0:
        return 0.0
    chance_wrong = float(betaincinv(guesses - correct + 1, correct, confidence))  # its upper limit: 1 - the lower limit
    if chance_wrong >= 0.5:
        return 0.0
    certified = math.log1p(-chance_wrong) - math.log(chance_wrong)
    return max(0.0, certified - _MARGIN)


def claimed(claim: Bound) -> float:
    """The epsilon of a pure claim as a float, rounded up.

    Parameters
    ----------
    claim : Bound
        A pure bound.

    Returns
    -------
    float

    Raises
    ------
    InvalidInput
        When the bound is of another kind.
    """
    if claim.kind is not Kind.PURE:
        raise InvalidInput(f"this audit tests pure claims, the claim given is {claim.kind}: give Bound.pure(...)")
    epsilon = float(claim.epsilon)
    if epsilon < claim.epsilon:
        epsilon = math.nextafter(epsilon, math.inf)
    if claim.odds == 1:
        return epsilon
    size = math.log(claim.odds.numerator)
    return epsilon + size - math.log(claim.odds.denominator) + 1e-12 * (1 + epsilon + size)


def decide(correct: int, guesses: int, *, claim: Bound, confidence: float) -> Verdict:
    """Compare what the guesses certify with a claim.

    Parameters
    ----------
    correct, guesses : int
        Right guesses and guesses made.
    claim : Bound
        The pure bound that the mechanism claims.
    confidence : float
        Strictly between 1/2 and 1.

    Returns
    -------
    Verdict
        A violation when more than the claim is certified. Inconclusive when so few guesses were made that not even all
        of them being right would have certified one.
    """
    limit = claimed(claim)
    if guess_bound(correct, guesses, confidence) > limit:
        return Verdict.VIOLATION
    if guess_bound(guesses, guesses, confidence) <= limit:
        return Verdict.INCONCLUSIVE
    return Verdict.NO_VIOLATION_FOUND

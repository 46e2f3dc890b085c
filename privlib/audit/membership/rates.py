"""How many members an attack finds at a low false-positive rate, with exact intervals, and what a claim would allow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from privlib.audit.binomial import checked_confidence, interval
from privlib.audit.curves import allowed
from privlib.bounds import Bound, Kind, Real, checked_bound, exact, exact_share
from privlib.errors import InvalidInput

__all__ = ["Rate", "checked_members", "checked_scores", "most_tpr", "rate_at"]

Floats = NDArray[np.float64]
Members = NDArray[np.bool_]

_LOTS = b"lots among equal scores"


@dataclass(frozen=True)
class Rate:
    """The attack at one false-positive rate.

    Attributes
    ----------
    fpr : Fraction
        The false-positive rate asked for.
    threshold : float
        An example is called a member where its score is above this, and by lot where it is equal. Chosen from the non-members'
        scores alone: as low as the rate allows. Infinite where the rate cannot be resolved.
    false_positives, non_members : int
        Non-members called members, and all non-members.
    true_positives, members : int
        Members found, and all members.
    confidence : Fraction
        Of each interval by itself.
    """

    fpr: Fraction
    threshold: float
    false_positives: int
    non_members: int
    true_positives: int
    members: int
    confidence: Fraction

    @property
    def resolvable(self) -> bool:
        """Whether there are non-members enough for this rate: it must allow at least one of them above the threshold."""
        return self.fpr * self.non_members >= 1

    @property
    def tpr(self) -> float:
        """The share of members found; NaN where the rate cannot be resolved."""
        return self.true_positives / self.members if self.resolvable else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of the true-positive rate; everything where the rate cannot be resolved."""
        if not self.resolvable:
            return 0.0, 1.0
        return interval(self.true_positives, self.members, confidence=self.confidence)

    @property
    def fpr_limit(self) -> float:
        """The upper limit of the attack's true false-positive rate, for the threshold was chosen on the non-members."""
        return interval(self.false_positives, self.non_members, confidence=self.confidence)[1]

    def beats_chance(self, *, among: int = 1) -> bool:
        """Whether the lower limit of the true-positive rate is above the upper limit of the false-positive rate.

        Parameters
        ----------
        among : int
            At how many rates this is asked of one attack. Each then spends that part of the error probability (Bonferroni).

        Returns
        -------
        bool
            For an attack whose scores do not depend on who is a member, at any of the rates asked, True with probability at
            most ``1 - confidence``.
        """
        if not self.resolvable:
            return False
        level = 1 - (1 - self.confidence) / among
        found = interval(self.true_positives, self.members, confidence=level)
        feared = interval(self.false_positives, self.non_members, confidence=level)
        return found[0] > feared[1]

    def sentence(self) -> str:
        """The rate in words."""
        asked = f"{float(self.fpr):g}"
        if not self.resolvable:
            needed = math.ceil(1 / self.fpr)
            return f"At FPR {asked}: not resolvable with {self.non_members} non-members, at least {needed} are needed."
        low, high = self.interval
        return (
            f"At FPR {asked}: TPR {self.tpr:.4g}, interval {low:.4g} to {high:.4g}; "
            f"{self.true_positives} of {self.members} members, {self.false_positives} of {self.non_members} non-members, "
            f"so the FPR is at most {self.fpr_limit:.4g}."
        )


def rate_at(fpr: Real, scores: Floats, members: Members, *, confidence: Real, seed: int = 0) -> Rate:
    """Measure an attack at one false-positive rate.

    The threshold is the lowest score that at most ``fpr`` of the non-members exceed; equal scores are ranked by lot, without
    which an attack whose score has few values could not be measured at a low rate. It does not depend on the members, so
    where their scores are independent of each other the interval of the true-positive rate is exact. So is the upper limit
    of the false-positive rate: the share of all non-members above the (k+1)-th largest of m scores has a
    Beta(k+1, m-k) law, whose quantile is the Clopper-Pearson limit of k among m.

    Parameters
    ----------
    fpr : rational
        Strictly between 0 and 1.
    scores : float array, shape (n,)
        Larger means more like a member.
    members : bool array, shape (n,)
        Who is one.
    confidence : rational
        Of each interval.
    seed : int
        Fixes the lots.

    Returns
    -------
    Rate

    Raises
    ------
    InvalidInput
        For NaN scores, a single class, or numbers out of range.
    """
    asked, level = exact_share(fpr, name="fpr"), checked_confidence(confidence)
    values = checked_scores(scores)
    who = checked_members(members, values.size)
    lots = np.random.default_rng([seed, *_LOTS]).random(values.size)  # a stream that nobody draws memberships from
    places = np.empty(values.size, dtype=np.int64)
    places[np.lexsort((lots, values))] = np.arange(values.size)
    outside = np.sort(places[~who])
    allowed = math.floor(asked * outside.size)
    cut = int(outside[outside.size - 1 - allowed]) if allowed >= 1 else values.size
    return Rate(
        fpr=asked,
        threshold=float(values[places == cut][0]) if allowed >= 1 else math.inf,
        false_positives=int(np.count_nonzero(outside > cut)),
        non_members=outside.size,
        true_positives=int(np.count_nonzero(places[who] > cut)),
        members=int(np.count_nonzero(who)),
        confidence=level,
    )


def most_tpr(claim: Bound, fpr: Real) -> float:
    """The largest true-positive rate that a claim allows any attack at a false-positive rate; shown beside what was found.

    Parameters
    ----------
    claim : Bound
        Pure, approx or gdp. It must hold for one record more or fewer to speak of membership.
    fpr : rational
        From 0 to 1.

    Returns
    -------
    float
        At most 1. A figure for reading: verdicts are those of `privlib.audit.run` and the one-run audit.

    Raises
    ------
    InvalidInput
        For another kind of bound, which has no one trade-off curve, or a rate out of range.

    Examples
    --------
    >>> round(most_tpr(Bound.pure(2, neighbours="add_remove"), "0.01"), 4)
    0.0739
    """
    rate = float(exact(fpr, name="fpr"))
    if not 0 <= rate <= 1:
        raise InvalidInput(f"fpr must lie from 0 to 1, got {rate:g}")
    if checked_bound(claim, name="claim").kind is Kind.ZCDP:
        raise InvalidInput("claim must be pure, approx or gdp, got zcdp: convert it first")
    return float(allowed(claim, np.array([rate]))[0])


def checked_scores(scores: object, *, name: str = "scores") -> Floats:
    """One number for each example; infinities are scores, NaN is not."""
    values = np.asarray(scores)
    if values.ndim != 1 or values.dtype.kind not in "iuf" or values.size == 0:
        raise InvalidInput(f"{name} must be a one-dimensional array of numbers, one for each example, got {_kind(values)}")
    values = values.astype(np.float64)
    if np.isnan(values).any():
        raise InvalidInput(f"{name} hold NaN: an example without a score cannot be ranked, so leave it out of the audit")
    return values


def checked_members(members: object, examples: int) -> Members:
    """Who is a member: booleans or 0 and 1, both classes present."""
    values = np.asarray(members)
    if values.shape != (examples,) or not (
        values.dtype.kind == "b" or (values.dtype.kind in "iu" and np.isin(values, (0, 1)).all())
    ):
        raise InvalidInput(f"members must be {examples} booleans, or 0 and 1, one for each score, got {_kind(values)}")
    who = values.astype(np.bool_)
    if who.all() or not who.any():
        raise InvalidInput(
            f"all {examples} examples are {'members' if who.all() else 'non-members'}: "
            "an attack is measured on both, so give examples of the other class too"
        )
    return who


def _kind(values: NDArray[np.generic]) -> str:
    return f"{values.dtype} of shape {values.shape}"

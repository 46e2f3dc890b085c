"""From the counts of an audit to its verdict: which bound fits which claim, and when nothing may be said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from scipy.special import ndtri

from privlib.audit.anytime import anytime_bound
from privlib.audit.bounds import Verdict, approx_bound, gdp_bound, guess_bound, zcdp_bound
from privlib.bounds import Bound, Kind
from privlib.certified import sqrt

__all__ = ["Counts", "best", "certified", "claimed", "decide"]

_SPARE = 1e-12
_ROOT_BITS = 80


@dataclass(frozen=True)
class Counts:
    """Tested trials by world and cell, and what is guessed in each cell.

    Parameters
    ----------
    table : tuple of tuple of int, shape (worlds, cells)
        How many trials of each world fell into each cell.
    guesses : tuple of int, shape (cells,)
        The world that is guessed there, -1 to abstain.
    everywhere : tuple of int, shape (cells,)
        The world that is guessed where no abstention is allowed.
    depths : tuple of int, shape (cells,), optional
        The first of several nested rules that guesses there: rule r guesses in the cells of depth up to r. Without it there is
        one rule.
    shares : tuple of float, shape (rules,)
        The part of the error probability that each rule may spend; they add up to at most 1.
    """

    table: tuple[tuple[int, ...], ...]
    guesses: tuple[int, ...]
    everywhere: tuple[int, ...]
    depths: tuple[int, ...] = ()
    shares: tuple[float, ...] = (1.0,)

    @property
    def worlds(self) -> int:
        """How many data sets there were to choose from."""
        return len(self.table)

    @property
    def tested(self) -> int:
        """All trials."""
        return sum(map(sum, self.table))

    def of(self, rule: int) -> tuple[int, int]:
        """Right guesses and guesses made by one rule."""
        depths = self.depths or (0,) * len(self.guesses)
        named = [(cell, guess) for cell, guess in enumerate(self.guesses) if guess >= 0 and depths[cell] <= rule]
        return sum(self.table[guess][cell] for cell, guess in named), sum(row[cell] for row in self.table for cell, _ in named)

    @property
    def correct_everywhere(self) -> int:
        """Right guesses when one is made in every trial."""
        return sum(self.table[guess][cell] for cell, guess in enumerate(self.everywhere))

    def event(self, world: int) -> tuple[int, int]:
        """How often the second world is guessed in a world's trials, when a guess is made in each, and out of how many."""
        row = self.table[world]
        return sum(row[cell] for cell, guess in enumerate(self.everywhere) if guess == 1), sum(row)


def certified(counts: Counts, claim: Bound, confidence: float, *, stopped: bool = False) -> float:
    """The lower limit that the counts give, in the unit of the claim: epsilon, epsilon at its delta, mu or rho.

    Parameters
    ----------
    counts : Counts
        What was counted.
    claim : Bound
        Its kind says which limit is meant; its delta is the delta of an approximate one.
    confidence : float
        Strictly between 1/2 and 1.
    stopped : bool
        Whether the number of trials may depend on the outcomes. Then the limit is one that holds at all times.

    Returns
    -------
    float
        At least 0. NaN where the kind of claim has no limit that holds at all times.
    """
    return best(counts, claim, confidence, stopped=stopped)[1]


def best(counts: Counts, claim: Bound, confidence: float, *, stopped: bool = False) -> tuple[int, float]:
    """The rule that certifies most, and its limit; each rule has its own part of the error probability."""
    if claim.kind in (Kind.GDP, Kind.ZCDP):
        return len(counts.shares) - 1, _everywhere(counts, claim, confidence, stopped=stopped)
    limits = [_of_guesses(counts, rule, claim, confidence, stopped=stopped) for rule in range(len(counts.shares))]
    rule = max(range(len(limits)), key=lambda each: limits[each])
    return rule, limits[rule]


def _of_guesses(counts: Counts, rule: int, claim: Bound, confidence: float, *, stopped: bool) -> float:
    """What one rule's guesses certify for a pure or an approximate claim."""
    correct, made = counts.of(rule)
    level = 1 - counts.shares[rule] * (1 - confidence)
    if stopped and claim.kind is Kind.APPROX:
        return math.nan
    if stopped:
        chance = anytime_bound(correct, made - correct, level)
        if chance * counts.worlds <= 1:
            return 0.0
        return max(0.0, math.log(chance) - math.log1p(-chance) + math.log(counts.worlds - 1) - _SPARE)
    if claim.kind is Kind.APPROX:
        return approx_bound(correct, made, counts.tested, level, delta=_delta(claim))
    return guess_bound(correct, made, level, worlds=counts.worlds)


def _everywhere(counts: Counts, claim: Bound, confidence: float, *, stopped: bool) -> float:
    """What guesses in every trial certify for a gdp or a zcdp claim."""
    if claim.kind is Kind.ZCDP:
        return math.nan if stopped else zcdp_bound(counts.event(1), counts.event(0), confidence)
    right = counts.correct_everywhere
    if not stopped:
        return gdp_bound(right, counts.tested, confidence)
    chance = anytime_bound(right, counts.tested - right, confidence)
    return max(0.0, 2 * float(ndtri(chance)) * (1 - _SPARE) - _SPARE) if chance > 0.5 else 0.0


def claimed(claim: Bound) -> float:
    """What a claim allows, as a float that is rounded up, in the unit of `certified`.

    Parameters
    ----------
    claim : Bound
        A bound of any kind.

    Returns
    -------
    float
    """
    match claim.kind:
        case Kind.ZCDP:
            return _above(claim.rho.numerator, claim.rho.denominator)
        case Kind.GDP:
            return _above(sqrt(claim.mu2, _ROOT_BITS)[1], 1 << _ROOT_BITS)
        case Kind.PURE | Kind.APPROX:
            epsilon = _above(claim.epsilon.numerator, claim.epsilon.denominator)
    if claim.odds == 1:
        return epsilon
    size = math.log(claim.odds.numerator)
    return epsilon + size - math.log(claim.odds.denominator) + 1e-12 * (1 + epsilon + size)


def decide(counts: Counts, claim: Bound, confidence: float, *, stopped: bool = False) -> Verdict:
    """Compare what the counts certify with a claim.

    Parameters
    ----------
    counts : Counts
        What was counted.
    claim : Bound
        What the mechanism says of itself.
    confidence : float
        Strictly between 1/2 and 1.
    stopped : bool
        As for `certified`.

    Returns
    -------
    Verdict
        A violation when more than the claim is certified. Inconclusive when so few guesses were made that not even all
        of them being right would have certified one, or when the claim has no limit for a stopped audit.
    """
    limit = claimed(claim)
    if certified(counts, claim, confidence, stopped=stopped) > limit:
        return Verdict.VIOLATION
    if certified(_all_right(counts, claim), claim, confidence, stopped=stopped) > limit:
        return Verdict.NO_VIOLATION_FOUND
    return Verdict.INCONCLUSIVE  # also where the limit is NaN


def _all_right(counts: Counts, claim: Bound) -> Counts:
    """As many guesses, each of them right."""
    if claim.kind in (Kind.GDP, Kind.ZCDP):
        first, second = map(sum, counts.table)
        return Counts(((first, 0), (0, second)), (0, 1), (0, 1))
    made, share = max((counts.of(rule)[1], share) for rule, share in enumerate(counts.shares))
    return Counts(((made, counts.tested - made), *((0, 0),) * (counts.worlds - 1)), (0, -1), (0, 0), shares=(share,))


def _delta(claim: Bound) -> float:
    return _above(claim.delta.numerator, claim.delta.denominator)


def _above(numerator: int, denominator: int) -> float:
    """The least float that is not below a fraction; infinity beyond the floats."""
    try:
        nearest = numerator / denominator
    except OverflowError:
        return math.inf
    return nearest if Fraction(nearest) >= Fraction(numerator, denominator) else math.nextafter(nearest, math.inf)

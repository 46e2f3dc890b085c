"""What charges of several kinds sum to, part by part, and what they leak together."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from privlib.bounds import Bound, Kind, Neighbours, exact_share
from privlib.certified import log
from privlib.errors import InvalidInput, Mismatch

__all__ = ["Tally", "log_from_above", "together"]

_BITS = 128
_EXACT = frozenset({Kind.PURE, Kind.APPROX})
"""Kinds whose privacy loss is at most epsilon, but for a failure of probability delta."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The sums of charges. Sums do not know in which order they were made.

    Attributes
    ----------
    neighbours : Neighbours
        The relation of all charges.
    kinds : frozenset of Kind
        The kinds that were charged.
    epsilon, odds, delta : Fraction
        Of the pure and the approximate charges. Epsilons and deltas add, odds multiply.
    rho : Fraction
        Of the zcdp charges, and half the mu2 of the gdp charges.
    squares : Fraction
        The pure and approximate charges once more, as the rho that each of them is as well: half the square of its epsilon,
        odds counted by their logarithm, rounded up.
    """

    neighbours: Neighbours
    kinds: frozenset[Kind]
    epsilon: Fraction = Fraction(0)
    odds: Fraction = Fraction(1)
    delta: Fraction = Fraction(0)
    rho: Fraction = Fraction(0)
    squares: Fraction = Fraction(0)

    @classmethod
    def of(cls, bound: Bound) -> Tally:
        """Tally a single charge."""
        return cls(
            neighbours=bound.neighbours,
            kinds=frozenset({bound.kind}),
            epsilon=bound.epsilon,
            odds=bound.odds,
            delta=bound.delta,
            rho=bound.rho + bound.mu2 / 2,
            squares=(bound.epsilon + log_from_above(bound.odds)) ** 2 / 2,
        )

    def __add__(self, other: Tally) -> Tally:
        if self.neighbours is not other.neighbours:
            raise Mismatch(
                f"cannot compose a bound for {self.neighbours} with one for {other.neighbours}: release under one relation"
            )
        return Tally(
            neighbours=self.neighbours,
            kinds=self.kinds | other.kinds,
            epsilon=self.epsilon + other.epsilon,
            odds=self.odds * other.odds,
            delta=self.delta + other.delta,
            rho=self.rho + other.rho,
            squares=self.squares + other.squares,
        )

    @property
    def epsilon_from_above(self) -> Fraction:
        """The epsilons, and the logarithm of the odds rounded up."""
        return self.epsilon + log_from_above(self.odds)


def log_from_above(odds: Fraction) -> Fraction:
    """Round the logarithm of the odds up, to 128 fractional bits."""
    if odds == 1:
        return Fraction(0)
    return min(Fraction(log(odds, _BITS)[1], 1 << _BITS), odds - 1)  # the latter is closer for odds next to 1


def together(tally: Tally, delta: Fraction | None) -> Bound:
    """What charges that were planned beforehand leak together, as one bound.

    Parameters
    ----------
    tally : Tally
        Their sums.
    delta : Fraction or None
        The delta of an approximate bound; None for a bound without conversion.

    Returns
    -------
    Bound
        Without a delta: pure, gdp or approximate if all charges are; zcdp if none carries a delta. With one: approximate,
        by the better of two readings, pure charges by their epsilon or by its square.

    Raises
    ------
    InvalidInput
        When there is no bound without a delta, or not for this one.
    """
    if delta is None:
        return _unconverted(tally)
    from privlib.accounting import convert

    delta = exact_share(delta, name="delta")
    left = delta - tally.delta
    readings = list[Fraction]()
    if (tally.kinds <= _EXACT and left >= 0) or tally.kinds == {Kind.GDP}:
        readings.append(convert(_unconverted(tally), delta=delta).epsilon)
    elif left > 0:
        of_rho = convert(_zcdp(tally, tally.rho), delta=left).epsilon
        readings.append(tally.epsilon_from_above + of_rho)
    if left > 0:
        readings.append(convert(_zcdp(tally, tally.rho + tally.squares), delta=left).epsilon)
    if not readings:
        raise InvalidInput("delta must be greater: the charges carry as much themselves, and nothing is left for the conversion")
    return Bound(kind=Kind.APPROX, neighbours=tally.neighbours, epsilon=min(readings), delta=delta)


def _unconverted(tally: Tally) -> Bound:
    if tally.kinds == {Kind.GDP}:
        return Bound(kind=Kind.GDP, neighbours=tally.neighbours, mu2=2 * tally.rho)
    if tally.kinds <= _EXACT and tally.delta == 0:
        return Bound(kind=Kind.PURE, neighbours=tally.neighbours, epsilon=tally.epsilon, odds=tally.odds)
    if tally.kinds <= _EXACT:
        epsilon = tally.epsilon_from_above
        return Bound(kind=Kind.APPROX, neighbours=tally.neighbours, epsilon=epsilon, delta=tally.delta)
    if tally.delta == 0:
        return _zcdp(tally, tally.rho + tally.squares)
    raise InvalidInput("give delta=: approximate charges beside zcdp or gdp ones have no common bound without one")


def _zcdp(tally: Tally, rho: Fraction) -> Bound:
    return Bound(kind=Kind.ZCDP, neighbours=tally.neighbours, rho=rho)

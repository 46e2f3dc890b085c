"""What a report may leak, exactly: between any two records, and between two records that differ in one attribute.

Read beside proofs/ldp. Let r_j(y, x) be the chance that attribute j reports y of the value x, over the chance that its fake
is y. A report of RS+FD has the law ``prod_i P(fake_i = y_i) * sum_j weight_j r_j(y_j, v_j)``, so only the sums of the r
matter. What r can be is one short list of pairs for each attribute: the largest and the smallest that a single report gives
to two values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import TypeAlias

from privlib.bounds import Bound, Neighbours
from privlib.certified import log
from privlib.ldp.oracles import Grr, Unary
from privlib.ldp.parts import Part, Scheme

__all__ = ["Guarantee", "epsilon_text", "guarantee", "log_up"]

Pair: TypeAlias = tuple[Fraction, Fraction]
_LOG_BITS = 64
_LARGE = 10**9
_SHORT = 12  # letters of a fraction that people read


@dataclass(frozen=True)
class Guarantee:
    """By how much the chance of any set of reports can grow, as exact odds; epsilon is their logarithm.

    Attributes
    ----------
    record : Fraction
        Between any two records: the definition of local differential privacy.
    attribute : Fraction
        Between two records that differ in one attribute, where the adversary knows all the others.
    attributes : tuple of Fraction
        The same for each attribute by itself.
    published : Fraction or None
        Under ``calibration="paper"``, the odds that arXiv 2109.07269 claims between any two records.
    """

    record: Fraction
    attribute: Fraction
    attributes: tuple[Fraction, ...]
    published: Fraction | None = None

    @property
    def record_bound(self) -> Bound:
        """The guarantee between any two records."""
        return Bound.pure(odds=self.record, neighbours=Neighbours.RECORD)

    @property
    def attribute_bound(self) -> Bound:
        """The guarantee between records that differ in one attribute."""
        return Bound.pure(odds=self.attribute, neighbours=Neighbours.ATTRIBUTE)

    @property
    def record_epsilon(self) -> float:
        """The logarithm of `record`, rounded up."""
        return log_up(self.record)

    @property
    def attribute_epsilon(self) -> float:
        """The logarithm of `attribute`, rounded up."""
        return log_up(self.attribute)

    def __str__(self) -> str:
        lines = [
            f"between any two records            odds {_odds(self.record)}, epsilon {epsilon_text(self.record)}",
            f"records differing in one attribute odds {_odds(self.attribute)}, epsilon {epsilon_text(self.attribute)}",
        ]
        if self.published is not None:
            holds = "holds" if self.published >= self.record else "does not hold"
            lines.append(f"published for any two records      odds {_odds(self.published)}, which {holds}")
        return "\n".join(lines)


def guarantee(scheme: Scheme, parts: Sequence[Part], *, published: Fraction | None = None) -> Guarantee:
    """Compute the exact guarantee of one report.

    Parameters
    ----------
    scheme : Scheme
        What becomes of several attributes.
    parts : sequence of Part
        The law of each attribute's report.
    published : Fraction, optional
        What a paper claims instead.

    Returns
    -------
    Guarantee

    References
    ----------
    Theorems: ldp.t1, ldp.t2.
    """
    if scheme is Scheme.SPL:
        each = tuple(part.oracle.odds for part in parts)
        return Guarantee(prod(each, start=Fraction(1)), max(each), each, published)
    if scheme is Scheme.SMP:
        each = tuple(part.oracle.odds for part in parts)
        return Guarantee(max(each), max(each), each, published)
    pairs = [[(part.weight * high, part.weight * low) for high, low in _ratios(part)] for part in parts]
    least = [min(low for _, low in listed) for listed in pairs]
    total = sum(least, Fraction(0))
    each = tuple(
        max((high + total - mine) / (low + total - mine) for high, low in listed)
        for listed, mine in zip(pairs, least, strict=True)
    )
    return Guarantee(_largest_ratio(pairs), max(each), each, published)


def _ratios(part: Part) -> list[Pair]:
    """What one report of an attribute gives to two values, over its chance as a fake; those that can be extreme."""
    oracle = part.oracle
    if isinstance(oracle, Grr) and part.fake is not None:
        return [(oracle.hit / chance, oracle.miss / chance) for chance in {min(part.fake), max(part.fake)}]
    if not isinstance(oracle, Unary):
        raise TypeError("RS+FD takes Grr with a law of fakes, and Unary")
    one, zero = oracle.hit / oracle.miss, (1 - oracle.hit) / (1 - oracle.miss)
    if part.fake is None:
        return [(one, zero), (one, one), (zero, zero)]  # some bits are set, all, none
    # Among fake values the chance of a report, over that of no value at all, is a mean of `one` and `zero`, and grows with the
    # chance of the values whose bits are set.
    extremes = {zero + (one - zero) * share for share in (min(part.fake), 1 - min(part.fake))}
    return [*((one / mean, zero / mean) for mean in extremes), (Fraction(1), Fraction(1))]


def _largest_ratio(pairs: Sequence[Sequence[Pair]]) -> Fraction:
    """The largest ``sum of highs / sum of lows`` over one pair of each list, by Dinkelbach's iteration; exact, and finite."""
    chosen = [max(listed, key=lambda pair: pair[0] / pair[1]) for listed in pairs]
    while True:
        ratio = sum((high for high, _ in chosen), Fraction(0)) / sum((low for _, low in chosen), Fraction(0))
        better = [max(listed, key=lambda pair: pair[0] - ratio * pair[1]) for listed in pairs]
        if sum((high - ratio * low for high, low in better), Fraction(0)) <= 0:
            return ratio
        chosen = better


def log_up(odds: Fraction) -> float:
    """The logarithm of odds as a float that is not below it."""
    _, high = log(odds, _LOG_BITS)
    value = high / (1 << _LOG_BITS)
    return value if Fraction(value) >= Fraction(high, 1 << _LOG_BITS) else value * (1 + 2**-52) + 2**-1074


def epsilon_text(odds: Fraction) -> str:
    """The logarithm of odds to six digits, rounded up."""
    value = log_up(odds)
    text = f"{value:.6g}"
    if Fraction(text) < Fraction(value):
        step = Fraction(10) ** (int(f"{value:.5e}".partition("e")[2]) - 5)
        text = f"{float(Fraction(text) + step):.6g}"
    return text


def _odds(value: Fraction) -> str:
    short = str(value)
    if len(short) <= _SHORT:
        return short
    return f"about {float(value):.6g}" if value < _LARGE else f"about e^{log_up(value):.6g}"

"""What a plan's estimates will be worth, before anybody has reported: exact variances, intervals, and how many people it takes.

Read beside proofs/ldp. Of n people, a value held by a share f of them is supported by a report with probability
``delta = f a + (1 - f) b``, where a holder supports it with probability a and any other with b. The unbiased estimate has the
variance ``delta (1 - delta) / (n (a - b)^2)`` about the share in a population from which the people are drawn, and
``f (1 - f) / n`` less about the share among themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, inf, sqrt
from statistics import NormalDist
from typing import Literal

from privlib.bounds import Real, exact, exact_int, exact_share
from privlib.errors import InvalidInput
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.spec import Spec

__all__ = ["Prediction", "Shares", "mean_variance", "predict", "required_n", "variance"]

Shares = Literal["even", "rare"]
"""For which true shares variance is told: all values alike, or values that nobody has."""


@dataclass(frozen=True)
class Prediction:
    """What the estimates of one attribute will be worth.

    Attributes
    ----------
    attribute : str
        Its name.
    size : int
        How many values it has.
    rare : Fraction
        The variance of the estimate of a value that nobody has, times the number of people, as papers compare protocols.
    even : Fraction
        The same, about the people's own shares, where all values are alike. Under spl and rsfd the mean over an attribute's
        values is this whatever the shares are; under smp it is the largest that any shares give.
    worst : Fraction
        The same about a population's share, for the share that makes it largest.
    people : int or None
        How many report.
    confidence : float
        Of the intervals.
    """

    attribute: str
    size: int
    rare: Fraction
    even: Fraction
    worst: Fraction
    people: int | None = None
    confidence: float = 0.95

    @property
    def standard_error(self) -> float:
        """Of the estimate of a rare value; infinite where the number of people is not known."""
        return inf if self.people is None else sqrt(self.rare / self.people)

    @property
    def half_width(self) -> float:
        """Half the normal interval about the estimate of a rare value."""
        return _normal(self.confidence) * self.standard_error

    @property
    def worst_half_width(self) -> float:
        """Half the widest normal interval that any value can have."""
        return inf if self.people is None else _normal(self.confidence) * sqrt(self.worst / self.people)


def variance(scheme: Scheme, part: Part, share: Fraction, *, target: Literal["sample", "population"] = "sample") -> Fraction:
    """The variance of the estimate of a value's share, times the number of people.

    Parameters
    ----------
    scheme : Scheme
        What becomes of several attributes.
    part : Part
        The law of the attribute's report.
    share : Fraction
        The true share of the value, from 0 to 1.
    target : {"sample", "population"}
        What is estimated: the share among the people who report, or in a population from which they are drawn.

    Returns
    -------
    Fraction
        The mean over the values where their fakes are not alike. Under smp for as many reports of the attribute as expected.
    """
    own = share * (1 - share) if target == "sample" else Fraction(0)
    rates = _rates(scheme, part)
    each = [(miss + share * slope) * (1 - miss - share * slope) / slope**2 for miss, slope in rates]
    return sum(each, Fraction(0)) / len(each) / (part.weight if scheme is Scheme.SMP else 1) - own


def _worst(scheme: Scheme, part: Part) -> Fraction:
    """The largest variance about a population's share; the share whose values are seen half of the time, or the nearest."""
    seen = [(min(max(Fraction(1, 2), miss), miss + slope), slope) for miss, slope in _rates(scheme, part)]
    return max(chance * (1 - chance) / slope**2 for chance, slope in seen) / (part.weight if scheme is Scheme.SMP else 1)


def _rates(scheme: Scheme, part: Part) -> list[tuple[Fraction, Fraction]]:
    """How often values are supported, by others and more often by holders; one value stands for all that are alike."""
    return [part.support(scheme, value) for value in range(1 if part.uniform else part.size)]


def mean_variance(scheme: Scheme, parts: Sequence[Part], shares: Shares = "rare") -> Fraction:
    """The variance of an estimate times the number of people, as a mean over attributes.

    Parameters
    ----------
    scheme : Scheme
        What becomes of several attributes.
    parts : sequence of Part
        The law of each attribute's report.
    shares : {"even", "rare"}
        For which true shares.

    Returns
    -------
    Fraction
    """
    each = (variance(scheme, part, Fraction(1, part.size) if shares == "even" else Fraction(0)) for part in parts)
    return sum(each, Fraction(0)) / len(parts)


def predict(spec: Spec, n: int | None = None, *, confidence: Real = 0.95) -> tuple[Prediction, ...]:
    """What the estimates of each attribute will be worth.

    Parameters
    ----------
    spec : Spec
        The plan.
    n : int, optional
        How many people will report.
    confidence : rational
        Of the intervals, between 0 and 1.

    Returns
    -------
    tuple of Prediction, one for each attribute

    Examples
    --------
    >>> spec = Spec({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}, "smp-grr", level="record", odds=3)
    >>> [str(row.rare) for row in predict(spec)]
    ['3/2', '5/2']
    >>> f"{predict(spec, 10_000)[1].half_width:.4f}"
    '0.0310'
    """
    people = None if n is None else exact_int(n, name="n")
    level = float(exact_share(confidence, name="confidence"))
    return tuple(
        Prediction(
            name,
            part.size,
            variance(spec.scheme, part, Fraction(0)),
            variance(spec.scheme, part, Fraction(1, part.size)),
            _worst(spec.scheme, part),
            people,
            level,
        )
        for name, part in zip(spec.domain.names, spec.parts, strict=True)
    )


def required_n(spec: Spec, *, half_width: Real, confidence: Real = 0.95) -> int:
    """How many people must report for every interval to be as narrow as wanted, whatever their values are.

    Parameters
    ----------
    spec : Spec
        The plan.
    half_width : rational
        Half of the normal interval of a share; above 0.
    confidence : rational
        Of the intervals, between 0 and 1.

    Returns
    -------
    int

    Raises
    ------
    InvalidInput
        For a width that is not above 0.

    Examples
    --------
    >>> spec = Spec({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}, "smp-grr", level="record", odds=3)
    >>> required_n(spec, half_width=0.01)
    172866
    """
    width = exact(half_width, name="half_width")
    if width <= 0:
        raise InvalidInput(f"half_width must be > 0, got {str(width)[:40]}")
    normal = Fraction(_normal(float(exact_share(confidence, name="confidence"))))
    return ceil(max(_worst(spec.scheme, part) for part in spec.parts) * normal**2 / width**2)


def _normal(confidence: float) -> float:
    """The quantile of a two-sided normal interval."""
    return NormalDist().inv_cdf((1 + confidence) / 2)

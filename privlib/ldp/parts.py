"""From the name of a protocol to the exact law of each attribute's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import isqrt
from typing import Any

from privlib.bounds import Real, exact
from privlib.errors import InvalidInput
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle, Subset, Unary, optimal_unary, symmetric_unary

__all__ = ["MOST_BUCKETS", "PROTOCOLS", "Part", "Scheme", "Weights", "build", "checked_priors", "is_prime", "scheme_of"]

Weights = Sequence[Real]
"""A positive number for each attribute."""


class Scheme(StrEnum):
    """What becomes of several attributes."""

    SPL = "spl"
    """Every attribute is randomised and reported (splitting)."""
    SMP = "smp"
    """One attribute is drawn, randomised and reported, and which one it was is told (sampling)."""
    RSFD = "rsfd"
    """One attribute is drawn and randomised, fake values stand for the others, and which one it was is not told (RS+FD)."""


_SINGLE = ("grr", "oue", "sue", "adp", "ss", "olh", "hr")
PROTOCOLS: tuple[str, ...] = (
    *(f"spl-{oracle}" for oracle in _SINGLE),
    *(f"smp-{oracle}" for oracle in _SINGLE),
    *(f"rsfd-{oracle}" for oracle in ("grr", "oue-z", "sue-z", "oue-r", "sue-r", "adp")),
    *(f"rsrfd-{oracle}" for oracle in ("grr", "oue-r", "sue-r")),
)
"""Names of protocols: how attributes are shared out, and how one is randomised. rsrfd is RS+FD with realistic fake data."""


@dataclass(frozen=True)
class Part:
    """What happens to one attribute.

    Parameters
    ----------
    oracle : Oracle
        The law of the report of a value.
    weight : Fraction
        The chance that this attribute is drawn; 1 where all are reported.
    fake : tuple of Fraction or None
        Of RS+FD: the law of a fake value, which is reported as it is by ``Grr`` and encoded by ``Unary``. None is a report of
        no value at all for ``Unary``; and where nothing is faked.
    """

    oracle: Oracle
    weight: Fraction = Fraction(1)
    fake: tuple[Fraction, ...] | None = None

    @property
    def size(self) -> int:
        """How many values the attribute has."""
        return self.oracle.size

    @property
    def uniform(self) -> bool:
        """Whether all fake values are alike, or none is drawn."""
        return self.fake is None or len(set(self.fake)) == 1

    def fake_support(self, value: int) -> Fraction:
        """The chance that a fake report supports a value."""
        if isinstance(self.oracle, Unary):
            return self.oracle.miss + (0 if self.fake is None else (self.oracle.hit - self.oracle.miss) * self.fake[value])
        return Fraction(0) if self.fake is None else self.fake[value]

    def support(self, scheme: Scheme, value: int) -> tuple[Fraction, Fraction]:
        """The chance that a report supports a value its sender does not hold, and by how much it is greater for a holder.

        Of the reports that speak of the attribute: all, or under smp those that name it.
        """
        miss, slope = self.oracle.miss, self.oracle.hit - self.oracle.miss
        if scheme is not Scheme.RSFD:
            return miss, slope
        return self.weight * miss + (1 - self.weight) * self.fake_support(value), self.weight * slope

    def to_dict(self) -> dict[str, Any]:
        """The part as JSON takes it, every number exact."""
        oracle = self.oracle
        own: dict[str, Any] = {"weight": str(self.weight), "size": oracle.size}
        if isinstance(oracle, Unary):
            own |= {"oracle": "unary", "hit": str(oracle.hit), "miss": str(oracle.miss)}
        else:
            own |= {"oracle": _NAMES[type(oracle)], "odds": str(oracle.odds)}
        if isinstance(oracle, Subset):
            own["chosen"] = oracle.chosen
        if isinstance(oracle, LocalHash):
            own["buckets"] = oracle.buckets
        if self.fake is not None:
            own["fake"] = "uniform" if self.uniform else [str(chance) for chance in self.fake]
        return own

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Part:
        """Read what `to_dict` gave."""
        size, fake = record["size"], record.get("fake")
        fractions = {name: Fraction(record[name]) for name in ("weight", "hit", "miss", "odds") if name in record}
        oracle: Oracle
        match record["oracle"]:
            case "unary":
                oracle = Unary(size, fractions["hit"], fractions["miss"])
            case "grr":
                oracle = Grr(size, fractions["odds"])
            case "subset":
                oracle = Subset(size, fractions["odds"], record["chosen"])
            case "hash":
                oracle = LocalHash(size, fractions["odds"], record["buckets"])
            case "hadamard":
                oracle = Hadamard(size, fractions["odds"])
            case _:
                raise InvalidInput("the plan names no known randomiser")
        law = None if fake is None else _alike(size) if fake == "uniform" else tuple(map(Fraction, fake))
        return cls(oracle, fractions["weight"], law)


_NAMES = {Grr: "grr", Subset: "subset", LocalHash: "hash", Hadamard: "hadamard"}


MOST_BUCKETS = 2**12
"""Buckets of local hashing; where more would help, randomised response is better."""


def scheme_of(protocol: str) -> Scheme:
    """What a protocol's name says of several attributes."""
    return Scheme(protocol.partition("-")[0].replace("rsrfd", "rsfd"))


def build(
    protocol: str,
    sizes: Sequence[int],
    odds: Sequence[Fraction],
    *,
    weights: Sequence[Fraction] | None = None,
    priors: Sequence[Sequence[Fraction]] | None = None,
) -> tuple[Part, ...]:
    """The parts of a protocol whose randomisers run at given odds.

    Parameters
    ----------
    protocol : str
        One of `PROTOCOLS`.
    sizes, odds : sequences
        How many values each attribute has, and the odds of its randomiser.
    weights : sequence of Fraction, optional
        How likely each attribute is drawn; all alike by default. They are scaled to add up to 1.
    priors : sequence of laws, optional
        The laws of realistic fake values.

    Returns
    -------
    tuple of Part
    """
    scheme, _, kind = protocol.partition("-")
    shares = [Fraction(1)] * len(sizes) if scheme == Scheme.SPL else _shares(weights, len(sizes))
    if kind == "adp" and scheme == "rsfd":
        return _adaptive(sizes, odds, shares)
    oracle, _, faked = kind.partition("-")
    parts = []
    for place, (size, e, share) in enumerate(zip(sizes, odds, shares, strict=True)):
        fake: tuple[Fraction, ...] | None = None
        if scheme == "rsrfd" and priors is not None:
            fake = tuple(priors[place])
        elif scheme == "rsfd" and faked != "z":
            fake = _alike(size)
        parts.append(Part(_oracle(oracle, size, e), share, fake))
    return tuple(parts)


def _shares(weights: Sequence[Fraction] | None, count: int) -> list[Fraction]:
    if weights is None:
        return [Fraction(1, count)] * count
    total = sum(weights, Fraction(0))
    return [weight / total for weight in weights]


def _alike(size: int) -> tuple[Fraction, ...]:
    return (Fraction(1, size),) * size


def _oracle(kind: str, size: int, odds: Fraction) -> Oracle:
    match kind:
        case "grr":
            return Grr(size, odds)
        case "oue":
            return optimal_unary(size, odds)
        case "sue":
            return symmetric_unary(size, odds)
        case "adp":
            both: tuple[Oracle, Oracle] = (Grr(size, odds), optimal_unary(size, odds))
            return min(both, key=_alone)
        case "ss":
            near = int(size / (odds + 1))
            return min((Subset(size, odds, c) for c in range(max(1, near - 1), min(size - 1, near + 2) + 1)), key=_alone)
        case "olh":
            return min(
                (
                    LocalHash(size, odds, prime)
                    for prime in _primes_about(min(odds + 1, Fraction(size), Fraction(MOST_BUCKETS - 100)))
                ),
                key=_alone,
            )
        case _:
            return Hadamard(size, odds)


def _alone(oracle: Oracle) -> Fraction:
    """The variance of a rare value's estimate, times the number of reports."""
    return oracle.miss * (1 - oracle.miss) / (oracle.hit - oracle.miss) ** 2


def _cost(part: Part) -> Fraction:
    """The variance of the estimate of a value that nobody has, times the number of people, of RS+FD with fakes all alike."""
    miss, slope = part.support(Scheme.RSFD, 0)
    return miss * (1 - miss) / slope**2


def _adaptive(sizes: Sequence[int], odds: Sequence[Fraction], shares: Sequence[Fraction]) -> tuple[Part, ...]:
    """For each attribute the better of GRR and OUE-z, decided by exact fractions, so that all sides agree."""
    return tuple(
        min(
            (Part(Grr(size, e), share, _alike(size)), Part(optimal_unary(size, e), share)),
            key=_cost,  # of equals the first, which is shorter
        )
        for size, e, share in zip(sizes, odds, shares, strict=True)
    )


def _primes_about(value: Fraction) -> list[int]:
    """The primes on either side of a number, at least 2."""
    found, below, above = [], max(2, int(value)), max(2, int(value)) + 1
    while below > 2 and not is_prime(below):
        below -= 1
    while not is_prime(above):
        above += 1
    found += [below, above]
    return found


def is_prime(number: int) -> bool:
    """Whether a number is prime, by trial division."""
    return number > 1 and all(number % divisor for divisor in range(2, isqrt(number) + 1))


def checked_priors(priors: Sequence[Sequence[Real]], sizes: Sequence[int]) -> tuple[tuple[Fraction, ...], ...]:
    """Laws of fake values: one for each attribute, a positive number for each value, adding up to 1.

    Raises
    ------
    InvalidInput
        For a law that is none. A value that is never faked would reveal who reports it.
    """
    if len(priors) != len(sizes) or any(len(law) != size for law, size in zip(priors, sizes, strict=True)):
        raise InvalidInput("priors must have a number for each value of each attribute")
    read = tuple(tuple(exact(chance, name="a prior") for chance in law) for law in priors)
    for law in read:
        if min(law) <= 0:
            raise InvalidInput("every value must have a positive prior: a value that is never faked reveals the attribute drawn")
        if sum(law) != 1:
            raise InvalidInput("each prior must add up to exactly 1: give fractions as text, such as '1/3'")
    return read

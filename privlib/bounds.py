"""Guarantees as values: who counts as neighbours, and what a release may leak, in exact rationals."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from numbers import Integral

from privlib.certified import exp_at_most
from privlib.errors import InvalidInput, Mismatch

__all__ = ["Bound", "Kind", "Neighbours", "Real", "exact", "exact_int", "exact_share"]

Real = Fraction | int | float | str | Decimal
"""What a privacy parameter may be given as; read by `exact`."""

_NUMBER = re.compile(r"-?\d{1,400}(/[1-9]\d{0,399}|(\.\d{1,400})?(e[-+]?\d{1,3})?)", re.ASCII | re.IGNORECASE)
_LONGEST_INTEGER = 10**400
_READABLE = 24  # letters of a number that people read


def exact(value: Real, *, name: str = "a privacy parameter") -> Fraction:
    """Read a number by its shortest decimal spelling, then keep it exact for ever.

    Parameters
    ----------
    value : Fraction, int, float, str or Decimal
        A finite number; numpy's integers count as int. A float is read as it prints, so ``0.1`` means 1/10. A string may be
        ``"1/3"`` or ``"2.5e-3"``.
    name : str
        The parameter's name, for the error message.

    Returns
    -------
    Fraction

    Raises
    ------
    InvalidInput
        For booleans, NaN, infinities and float32 (call ``float()`` first), and anything that is not a plain number.

    Examples
    --------
    >>> 10 * exact(0.1) == 1, 10 * Fraction(0.1) > 1
    (True, True)
    >>> exact("1/3")
    Fraction(1, 3)
    """
    given: object = value
    if isinstance(given, bool) or not isinstance(given, (Fraction, Integral, float, str, Decimal)):
        raise InvalidInput(f"{name} must be an int, float, Fraction, Decimal or str, not {type(given).__name__}")
    if isinstance(given, Fraction):
        return _short(given, name)
    if isinstance(given, Integral):
        return _short(Fraction(int(given)), name)
    text = float.__repr__(given) if isinstance(given, float) else str(given)
    if not _NUMBER.fullmatch(text):
        raise InvalidInput(f"{name} must be a plain finite number such as 0.5, '1/3' or '2e-3', got {text[:40]!r}")
    return _short(Fraction(text), name)


def exact_int(value: int, *, name: str, least: int = 1, most: int | None = None) -> int:
    """Read a whole number within limits.

    Parameters
    ----------
    value : int
        An int or one of numpy's integers; no bool and no float.
    name : str
        The parameter's name, for the error message.
    least, most : int
        The limits, both allowed; without ``most`` there is no upper one.

    Returns
    -------
    int

    Raises
    ------
    InvalidInput
        For another type, or a number outside the limits.

    Examples
    --------
    >>> exact_int(5, name="steps")
    5
    """
    given: object = value
    if not isinstance(given, bool) and isinstance(given, Integral):
        number = int(given)
        if least <= number and (most is None or number <= most):
            return number
    allowed = f">= {least}" if most is None else f"from {least} to {_power(most)}"
    raise InvalidInput(f"{name} must be an int {allowed}, got {str(given)[:40]!r}")


def exact_share(value: Real, *, name: str) -> Fraction:
    """Read a number strictly between 0 and 1, such as a delta or a confidence.

    Parameters
    ----------
    value : Real
        Read as `exact` reads it.
    name : str
        The parameter's name, for the error message.

    Returns
    -------
    Fraction

    Raises
    ------
    InvalidInput
        For anything else.

    Examples
    --------
    >>> exact_share("1e-6", name="delta")
    Fraction(1, 1000000)
    """
    share = exact(value, name=name)
    if not 0 < share < 1:
        raise InvalidInput(f"{name} must lie strictly between 0 and 1, got {decimal(share)[:40]}")
    return share


def _power(most: int) -> str:
    """A limit as people write it."""
    return f"2**{most.bit_length() - 1}" if most >= 1 << 16 and most & (most - 1) == 0 else str(most)


def _short(value: Fraction, name: str) -> Fraction:
    """Refuse what could not be read back from its own spelling ``p/q``."""
    if max(abs(value.numerator), value.denominator) >= _LONGEST_INTEGER:
        raise InvalidInput(f"{name} must be a fraction p/q of integers with at most 400 digits")
    return value


class Neighbours(StrEnum):
    """Which two data sets a guarantee compares. Cite it with every epsilon."""

    ADD_REMOVE = "add_remove"
    REPLACE = "replace"
    ATTRIBUTE = "attribute"
    RECORD = "record"
    EVENT = "event"
    USER = "user"

    @property
    def meaning(self) -> str:
        """One sentence for a person who did not choose it."""
        return _MEANING[self]


_MEANING = {
    Neighbours.ADD_REMOVE: "one person more or one person fewer; the number of people is private",
    Neighbours.REPLACE: "one person's record replaced by any other; the number of people is public",
    Neighbours.ATTRIBUTE: "one attribute of one person's record changed",
    Neighbours.RECORD: "one person's whole record changed, reported by that person",
    Neighbours.EVENT: "one event changed",
    Neighbours.USER: "all of one person's events changed",
}


class Kind(StrEnum):
    """The form of a guarantee."""

    PURE = "pure"
    ZCDP = "zcdp"
    GDP = "gdp"
    APPROX = "approx"


_FIELDS = {
    Kind.PURE: ("epsilon", "odds"),
    Kind.ZCDP: ("rho",),
    Kind.GDP: ("mu2",),
    Kind.APPROX: ("epsilon", "delta"),
}
_NEUTRAL = {"epsilon": Fraction(0), "odds": Fraction(1), "rho": Fraction(0), "mu2": Fraction(0), "delta": Fraction(0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What releases may leak, for one relation of neighbours.

    Build it with `pure`, `zcdp`, `gdp` or `approx`. Bounds of one kind add, which is the theorem
    ``composition.t1`` for pure bounds; a gdp bound adds to a zcdp bound as ``rho = mu2 / 2``; every other mix is refused.

    Attributes
    ----------
    kind : Kind
        ``pure``, ``zcdp``, ``gdp`` or ``approx``.
    neighbours : Neighbours
        The data sets compared.
    epsilon, odds : Fraction
        A pure bound lets no probability grow by more than ``odds * exp(epsilon)``. Epsilons add, odds multiply.
    rho, mu2, delta : Fraction
        Zero-concentrated rho, squared Gaussian mu, and the delta of an approximate bound.

    Examples
    --------
    >>> a = Bound.pure(0.1, neighbours="replace")
    >>> (a + a + a).epsilon
    Fraction(3, 10)
    >>> print(a)
    epsilon = 0.1 (pure), neighbours: replace
    """

    kind: Kind
    neighbours: Neighbours
    epsilon: Fraction = Fraction(0)
    odds: Fraction = Fraction(1)
    rho: Fraction = Fraction(0)
    mu2: Fraction = Fraction(0)
    delta: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.kind not in _FIELDS:
            raise InvalidInput(f"kind must be one of {', '.join(Kind)}, got {str(self.kind)[:40]!r}")
        object.__setattr__(self, "kind", Kind(self.kind))  # plain strings and numbers are read as the constructors read them
        object.__setattr__(self, "neighbours", relation(self.neighbours))
        for name, neutral in _NEUTRAL.items():
            value = getattr(self, name)
            if type(value) is not Fraction:
                value = exact(value, name=name)
                object.__setattr__(self, name, value)
            if name not in _FIELDS[self.kind] and value != neutral:
                raise InvalidInput(f"a {self.kind} bound has no {name}")
            if value < neutral:
                raise InvalidInput(f"{name} must be >= {neutral}, got {value}")
        if self.delta >= 1:
            raise InvalidInput(f"delta must be in [0, 1), got {self.delta}")

    @classmethod
    def pure(cls, epsilon: Real = 0, *, odds: Real = 1, neighbours: str) -> Bound:
        """Pure differential privacy: no probability grows by more than ``odds * exp(epsilon)``."""
        return cls(
            kind=Kind.PURE,
            neighbours=relation(neighbours),
            epsilon=exact(epsilon, name="epsilon"),
            odds=exact(odds, name="odds"),
        )

    @classmethod
    def zcdp(cls, rho: Real, *, neighbours: str) -> Bound:
        """Zero-concentrated differential privacy."""
        return cls(kind=Kind.ZCDP, neighbours=relation(neighbours), rho=exact(rho, name="rho"))

    @classmethod
    def gdp(cls, mu2: Real, *, neighbours: str) -> Bound:
        """Gaussian differential privacy with ``mu = sqrt(mu2)``."""
        return cls(kind=Kind.GDP, neighbours=relation(neighbours), mu2=exact(mu2, name="mu2"))

    @classmethod
    def approx(cls, epsilon: Real, delta: Real, *, neighbours: str) -> Bound:
        """Approximate differential privacy."""
        return cls(
            kind=Kind.APPROX,
            neighbours=relation(neighbours),
            epsilon=exact(epsilon, name="epsilon"),
            delta=exact(delta, name="delta"),
        )

    def __add__(self, other: Bound) -> Bound:
        if not isinstance(other, Bound):
            return NotImplemented
        if self.neighbours is not other.neighbours:
            raise Mismatch(
                f"cannot compose a bound for {self.neighbours} with one for {other.neighbours}: release under one relation"
            )
        if {self.kind, other.kind} == {Kind.GDP, Kind.ZCDP}:
            rho = self.rho + self.mu2 / 2 + other.rho + other.mu2 / 2
            return Bound(kind=Kind.ZCDP, neighbours=self.neighbours, rho=rho)
        if self.kind is not other.kind:
            raise Mismatch(f"cannot compose a {self.kind} bound with a {other.kind} bound")
        return Bound(
            kind=self.kind,
            neighbours=self.neighbours,
            epsilon=self.epsilon + other.epsilon,
            odds=self.odds * other.odds,
            rho=self.rho + other.rho,
            mu2=self.mu2 + other.mu2,
            delta=self.delta + other.delta,
        )

    def within(self, limit: Bound) -> bool:
        """Whether this bound promises at least as much as ``limit``; decided exactly, never by floats."""
        limit = checked_bound(limit, name="limit")
        if self.neighbours is not limit.neighbours or self.kind is not limit.kind:
            raise Mismatch("only bounds of one kind and one relation can be compared")
        return (
            exp_at_most(self.epsilon - limit.epsilon, limit.odds / self.odds)
            and self.rho <= limit.rho
            and self.mu2 <= limit.mu2
            and self.delta <= limit.delta
        )

    def to_dict(self) -> dict[str, str]:
        """The bound as exact text, as it stands in releases and ledgers.

        Raises
        ------
        InvalidInput
            For the sum of so many unlike fractions that it could not be read back.
        """
        values = {name: str(_short(getattr(self, name), name)) for name in self._shown()}
        return {"kind": str(self.kind), "neighbours": str(self.neighbours), **values}

    def _shown(self) -> list[str]:
        return [name for name in _FIELDS[self.kind] if name != "odds" or self.odds != 1]

    @classmethod
    def from_dict(cls, record: Mapping[str, str]) -> Bound:
        """Read what `to_dict` wrote; anything else is refused."""
        try:
            values = {name: exact(text, name=name) for name, text in record.items() if name in _NEUTRAL}
            bound = cls(kind=Kind(record["kind"]), neighbours=relation(record["neighbours"]), **values)
        except (KeyError, ValueError) as error:
            raise InvalidInput("this is not a privacy bound as privlib writes it") from error
        if bound.to_dict() != dict(record):
            raise InvalidInput("this is not a privacy bound as privlib writes it")
        return bound

    def __str__(self) -> str:
        shown = [f"{name} = {decimal(getattr(self, name))}" for name in self._shown()]
        if self.odds != 1:  # nobody reads long fractions
            total = float(self.epsilon) + math.log(self.odds.numerator) - math.log(self.odds.denominator)
            parts = [part for part, said in zip(shown, (self.epsilon, True), strict=True) if said and len(part) <= _READABLE]
            shown = [*parts, f"epsilon about {total:.6g}" if not self.epsilon else f"epsilon about {total:.6g} together"]
        return f"{', '.join(shown)} ({self.kind}), neighbours: {self.neighbours}"


def checked_bound(value: object, *, name: str = "bound") -> Bound:
    """A Bound, or a refusal that says how to make one."""
    if not isinstance(value, Bound):
        raise InvalidInput(f"{name} must be a Bound, such as Bound.pure(1, neighbours='replace'), not {type(value).__name__}")
    return value


def decimal(value: Fraction) -> str:
    """Spell a rational as a short exact decimal where it has one, else as ``p/q``."""
    text = repr(float(value)) if abs(value) < 2**53 else str(value)
    text = text.removesuffix(".0")
    return text if Fraction(text) == value else str(value)


def relation(neighbours: str) -> Neighbours:
    """Read the name of a relation, or say which there are."""
    try:
        return Neighbours(neighbours)
    except ValueError:
        allowed = ", ".join(Neighbours)
        raise InvalidInput(f"neighbours must be one of {allowed}, got {str(neighbours)[:40]!r}") from None

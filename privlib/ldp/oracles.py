"""Randomisers of one attribute, as exact laws: what is reported of a value, and at which odds.

Every probability is a Fraction. A report *supports* some values; `hit` is the chance that it supports the value of its sender,
`miss` the chance that it supports any other one. Estimation needs no more than these two.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Grr", "Hadamard", "LocalHash", "Oracle", "Subset", "Unary", "optimal_unary", "root", "symmetric_unary"]

_ROOT_BITS = 40


@dataclass(frozen=True)
class Grr:
    """Generalised randomised response: the value itself at odds of ``odds`` to 1 against each other value.

    Equivalently, and so it is drawn: the value is kept with probability `keep`, else any value is reported, all alike.
    """

    size: int
    odds: Fraction

    @property
    def keep(self) -> Fraction:
        """The chance that the value is kept whatever the rest says."""
        return (self.odds - 1) / (self.odds + self.size - 1)

    @property
    def hit(self) -> Fraction:
        """The chance that the sender's value is reported."""
        return self.odds / (self.odds + self.size - 1)

    @property
    def miss(self) -> Fraction:
        """The chance that a certain other value is reported."""
        return 1 / (self.odds + self.size - 1)


@dataclass(frozen=True)
class Unary:
    """Unary encoding: a bit for each value, set with probability ``hit`` for the sender's value, else ``miss``."""

    size: int
    hit: Fraction
    miss: Fraction

    @property
    def odds(self) -> Fraction:
        """By how much the chance of a report can grow when the value changes."""
        return self.hit * (1 - self.miss) / ((1 - self.hit) * self.miss)


@dataclass(frozen=True)
class Subset:
    """Subset selection: a set of ``chosen`` values, with the sender's in it at odds of ``odds`` to 1."""

    size: int
    odds: Fraction
    chosen: int

    @property
    def hit(self) -> Fraction:
        """The chance that the set holds the sender's value."""
        return self.chosen * self.odds / (self.chosen * self.odds + self.size - self.chosen)

    @property
    def miss(self) -> Fraction:
        """The chance that it holds a certain other value."""
        return (self.chosen - self.hit) / (self.size - 1)


@dataclass(frozen=True)
class LocalHash:
    """Local hashing: a public random function to ``buckets`` values, and a randomised response on the value's bucket.

    ``buckets`` is prime; the function is linear on the digits of the value, so two values meet in a bucket with probability
    exactly ``1 / buckets``.
    """

    size: int
    odds: Fraction
    buckets: int

    @property
    def digits(self) -> int:
        """How many digits a value has in base ``buckets``."""
        count, reach = 1, self.buckets
        while reach < self.size:
            count, reach = count + 1, reach * self.buckets
        return count

    @property
    def hit(self) -> Fraction:
        """The chance that the sender's bucket is reported."""
        return self.odds / (self.odds + self.buckets - 1)

    @property
    def miss(self) -> Fraction:
        """The chance that the bucket of a certain other value is reported."""
        return Fraction(1, self.buckets)


@dataclass(frozen=True)
class Hadamard:
    """Hadamard response: a column in whose row of a Hadamard matrix the sender's value has +1, at odds of ``odds`` to 1."""

    size: int
    odds: Fraction

    @property
    def columns(self) -> int:
        """The order of the matrix, a power of two above the number of values: its first row, all +1, is nobody's."""
        return int(1 << self.size.bit_length())

    @property
    def hit(self) -> Fraction:
        """The chance that the sender's row has +1 in the reported column."""
        return self.odds / (self.odds + 1)

    @property
    def miss(self) -> Fraction:
        """The chance that another row has +1 there."""
        return Fraction(1, 2)


Oracle = Grr | Unary | Subset | LocalHash | Hadamard
"""Any of them."""


def optimal_unary(size: int, odds: Fraction) -> Unary:
    """Unary encoding with the least variance for rare values (OUE)."""
    return Unary(size, Fraction(1, 2), 1 / (odds + 1))


def symmetric_unary(size: int, odds: Fraction) -> Unary:
    """Unary encoding in which ones and zeros are kept alike (SUE, basic RAPPOR); at most the odds, for it needs their root."""
    s = root(odds, 2)
    return Unary(size, s / (s + 1), 1 / (s + 1))


def root(value: Fraction, degree: int) -> Fraction:
    """The root of a degree of a number above 1: exact where it is rational, else a little below, and above 1 too."""
    exact = Fraction(_whole_root(value.numerator, degree), _whole_root(value.denominator, degree))
    if exact**degree == value:
        return exact
    near_one = value.denominator // (value.numerator - value.denominator)
    fine = _ROOT_BITS + degree.bit_length() + near_one.bit_length()
    low = _whole_root((value.numerator << fine * degree) // value.denominator, degree)
    return Fraction(low, 1 << fine)


def _whole_root(value: int, degree: int) -> int:
    """The largest integer whose power is at most a whole number."""
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**degree <= value else (low, middle)
    return low

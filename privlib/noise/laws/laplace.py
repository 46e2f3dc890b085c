"""Laws made of powers of ``q = exp(-1/scale)``: discrete Laplace, geometric, negative binomial."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import ClassVar

from privlib.bounds import exact
from privlib.certified import ceil_div, exp_negative, log
from privlib.errors import InvalidInput
from privlib.noise.laws.law import Curve, Law, WideLaw, checked_scale

__all__ = ["MAX_SCALE", "DiscreteLaplace", "Geometric", "NegativeBinomial"]

MAX_SCALE = 2**31
"""The largest scale that the samplers serve: one 64-bit word has room for no wider histogram."""

_LARGEST_COUNT = 2**10
"""Beyond this scale or mean a negative binomial table would leave the cache."""

_GUARD = 32
_NARROW = 46
"""Up to this scale a table has at most 4096 columns."""


class _Powers(WideLaw):
    """What powers of ``q = exp(-1/scale)`` have in common."""

    __slots__ = ()

    scale: Fraction

    def ratio(self, bits: int) -> tuple[int, int]:
        """Enclose ``q`` at ``bits`` fractional bits."""
        return exp_negative(1 / self.scale, bits)

    @property
    def is_narrow(self) -> bool:
        """Whether a table of all values fits the cache."""
        return self.scale <= _NARROW

    @property
    def reach(self) -> int:
        """From here on the law is left to the tail: ``exp(-19)``."""
        return ceil_div(19 * self.scale.numerator, self.scale.denominator)

    @property
    def curve(self) -> Curve:
        """The height for floats."""
        return Curve(float(1 / self.scale), 0.0, 0.0)

    def decay(self, y: int) -> Fraction:
        """The e for which ``f(x+1) <= exp(-e) f(x)``: everywhere the same."""
        del y
        return 1 / self.scale

    def heights(self, step: int, count: int, bits: int) -> list[tuple[int, int]]:
        """Bounds of ``f(0), f(step), ...`` where ``f(y) = exp(-y / scale)``."""
        one = 1 << bits
        return list(islice(_falling(one, one, *exp_negative(step / self.scale, bits), bits), count))

    def height_enclosure(self, y: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``exp(-abs(y) / scale)``."""
        return exp_negative(abs(y) / self.scale, bits)


@dataclass(frozen=True, slots=True)
class DiscreteLaplace(_Powers):
    """Two-sided geometric noise: ``P(k) = (1-q)/(1+q) * q**abs(k)`` with ``q = exp(-1/scale)``, k any integer.

    Parameters
    ----------
    scale : Fraction
        ``0 < scale <= 2**31``: the "b" of a Laplace law, in units of the integers.

    Raises
    ------
    InvalidInput
        For a scale that is not positive, or larger than the samplers serve.

    Examples
    --------
    >>> law = DiscreteLaplace(Fraction(10))
    >>> round(law.variance, 12)
    199.833416633609
    >>> law.pmf(0), law.confidence_interval(0.95)
    (0.0499583749578799..., (-30, 30))
    """

    scale: Fraction

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", checked_scale(self.scale, "the scale of discrete Laplace noise", MAX_SCALE))

    def masses(self, bits: int) -> Iterator[tuple[int, int]]:
        """Enclosures of ``P(0), P(1), P(2), ...`` without end, at ``bits`` fractional bits."""
        one = 1 << bits
        q_low, q_high = self.ratio(bits)
        low = (one - q_high) * one // (one + q_high)
        high = ceil_div((one - q_low) * one, one + q_low)
        return _falling(low, high, q_low, q_high, bits)

    def pmf_enclosure(self, k: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``P(k)`` at ``bits`` fractional bits."""
        one, work = 1 << bits + _GUARD, bits + _GUARD
        q_low, q_high = self.ratio(work)
        power_low, power_high = exp_negative(abs(k) / self.scale, work)
        low = (one - q_high) * power_low // (one + q_high)
        high = ceil_div((one - q_low) * power_high, one + q_low)
        return low >> _GUARD, ceil_div(high, 1 << _GUARD)

    def _upper_tail(self, k: int, bits: int) -> tuple[int, int]:
        one, work = 1 << bits + _GUARD, bits + _GUARD
        q_low, q_high = self.ratio(work)
        power_low, power_high = exp_negative((k + 1) / self.scale, work)
        low, high = power_low * one // (one + q_high), ceil_div(power_high * one, one + q_low)
        return low >> _GUARD, ceil_div(high, 1 << _GUARD)

    def _variance(self, bits: int) -> tuple[int, int]:
        """``2 q / (1-q)**2``."""
        return _outward(_geometric_variance(self.scale, 2, bits + _GUARD), _GUARD)


@dataclass(frozen=True, slots=True)
class Geometric(_Powers):
    """One-sided geometric noise: ``P(n) = (1-q) * q**n`` with ``q = exp(-1/scale)``, n = 0, 1, 2, ...

    Parameters
    ----------
    scale : Fraction
        ``0 < scale <= 2**31``.

    Raises
    ------
    InvalidInput
        For a scale that is not positive, or larger than the samplers serve.

    Examples
    --------
    >>> Geometric(Fraction(10)).quantile("0.5")
    6
    """

    scale: Fraction

    two_sided: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", checked_scale(self.scale, "the scale of geometric noise", MAX_SCALE))

    def masses(self, bits: int) -> Iterator[tuple[int, int]]:
        """Enclosures of ``P(0), P(1), P(2), ...`` without end, at ``bits`` fractional bits."""
        q_low, q_high = self.ratio(bits)
        return _falling((1 << bits) - q_high, (1 << bits) - q_low, q_low, q_high, bits)

    def pmf_enclosure(self, k: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``P(k)`` at ``bits`` fractional bits."""
        if k < 0:
            return 0, 0
        q_low, q_high = self.ratio(bits + _GUARD)
        power_low, power_high = exp_negative(k / self.scale, bits)
        one = 1 << bits + _GUARD
        return (one - q_high) * power_low >> bits + _GUARD, ceil_div((one - q_low) * power_high, one)

    def _upper_tail(self, k: int, bits: int) -> tuple[int, int]:
        return exp_negative((k + 1) / self.scale, bits)

    def _variance(self, bits: int) -> tuple[int, int]:
        """``q / (1-q)**2``."""
        return _outward(_geometric_variance(self.scale, 1, bits + _GUARD), _GUARD)


@dataclass(frozen=True, slots=True)
class NegativeBinomial(Law):
    """Negative binomial noise: ``P(0) = (1-q)**shape``, ``P(n+1) = P(n) q (n+shape)/(n+1)``, ``q = exp(-1/scale)``.

    Shares of a geometric variable: sums of independent ones with shapes adding up to 1 are geometric, and the difference of
    two of those is discrete Laplace. One share alone protects nobody.

    Parameters
    ----------
    shape : Fraction
        ``> 0``, not necessarily whole.
    scale : Fraction
        ``> 0``; scale, and shape times scale, are at most 2**10.

    Raises
    ------
    InvalidInput
        For parameters out of range.

    Examples
    --------
    >>> NegativeBinomial(Fraction(1, 2), Fraction(10)).pmf(0) ** 2, Geometric(Fraction(10)).pmf(0)
    (0.0951625819640404..., 0.0951625819640404...)
    """

    shape: Fraction
    scale: Fraction

    two_sided: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", checked_scale(self.scale, "the scale of negative binomial noise", _LARGEST_COUNT))
        object.__setattr__(self, "shape", exact(self.shape, name="shape"))
        if not self.shape > 0 or self.shape * self.scale > _LARGEST_COUNT:
            raise InvalidInput(f"the shape of negative binomial noise must be > 0, and shape * scale <= {_LARGEST_COUNT}")

    def masses(self, bits: int) -> Iterator[tuple[int, int]]:
        """Enclosures of ``P(0), P(1), P(2), ...`` without end, at ``bits`` fractional bits."""
        q_low, q_high = exp_negative(1 / self.scale, bits)
        low, high = self._none(bits)
        shape, n = self.shape, 0
        while True:
            yield low, high
            up, down = n * shape.denominator + shape.numerator, (n + 1) * shape.denominator
            low, high = (low * q_low * up >> bits) // down, ceil_div(high * q_high * up, down << bits)
            n += 1

    def pmf_enclosure(self, k: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``P(k)`` at ``bits`` fractional bits; takes k steps."""
        if k < 0:
            return 0, 0
        return _outward(next(mass for n, mass in enumerate(self.masses(self._work(bits))) if n == k), self._work(bits) - bits)

    def _upper_tail(self, k: int, bits: int) -> tuple[int, int]:
        low = high = whole = 1 << self._work(bits)
        for n, (mass_low, mass_high) in enumerate(self.masses(self._work(bits))):
            low, high = low - mass_high, high - mass_low
            if n == k:
                break
        return _outward((max(0, low), min(whole, high)), self._work(bits) - bits)

    def _variance(self, bits: int) -> tuple[int, int]:
        """``shape q / (1-q)**2``."""
        return _outward(_geometric_variance(self.scale, self.shape, bits + _GUARD), _GUARD)

    def _none(self, bits: int) -> tuple[int, int]:
        """Enclose ``P(0) = exp(shape * log(1-q))``."""
        work = bits + _GUARD
        one = 1 << work
        q_low, q_high = exp_negative(1 / self.scale, work)
        most = -log(Fraction(one - q_high, one), work)[0]
        least = -log(Fraction(one - q_low, one), work)[1]
        low = exp_negative(self.shape * Fraction(most, one), bits)[0]
        return low, exp_negative(self.shape * Fraction(max(0, least), one), bits)[1]

    def _rises_after(self, k: int) -> bool:
        """Before the mean the law may rise; after it, it falls."""
        return k <= self.shape * self.scale

    def _work(self, bits: int) -> int:
        """Working precision: rounding errors of the recurrence grow where the law rises, by at most ``2**(2 * mean)``."""
        return bits + _GUARD + 2 * int(self.shape * self.scale)


def _falling(low: int, high: int, q_low: int, q_high: int, bits: int) -> Iterator[tuple[int, int]]:
    """Enclose a geometric sequence."""
    one = 1 << bits
    while True:
        yield low, high
        low, high = low * q_low >> bits, ceil_div(high * q_high, one)


def _outward(enclosure: tuple[int, int], shift: int) -> tuple[int, int]:
    """Drop ``shift`` bits, rounding outwards."""
    return enclosure[0] >> shift, ceil_div(enclosure[1], 1 << shift)


def _geometric_variance(scale: Fraction, times: Fraction | int, bits: int) -> tuple[int, int]:
    """Enclose ``times * q / (1-q)**2``: as 1-q is about 1/scale, the division loses twice the bits of the scale."""
    work = bits + 4 * int(scale).bit_length()
    q_low, q_high = exp_negative(1 / scale, work)
    one = 1 << work
    low = Fraction(q_low * one << bits, (one - q_low) ** 2) * times
    high = Fraction(q_high * one << bits, (one - q_high) ** 2) * times
    return low.numerator // low.denominator, ceil_div(high.numerator, high.denominator)

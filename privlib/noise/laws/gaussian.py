"""The discrete Gaussian and the rounded Gaussian, certified at every width."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import isqrt

from privlib.certified import ceil_div, exp_negative, normal_tail, pi, rational
from privlib.noise.laws.law import Curve, WideLaw, checked_scale
from privlib.noise.laws.mills import lattice_mills, root_two_pi
from privlib.noise.laws.series import bell, cell, theta, theta_term

__all__ = ["DiscreteGaussian", "RoundedGaussian"]

_LARGEST = 2**64
_GUARD = 40
_NARROW = 64**2
"""Up to this sigma2 a table has at most 2048 columns."""

_SMOOTH_FROM = 4
"""The sigma2 from which a rounded Gaussian's cells are computed as a series about their middle; below, as differences."""


@dataclass(frozen=True, slots=True)
class _Gaussian(WideLaw):
    """What both Gaussians share: their parameter, where their samplers change, and how fast they fall."""

    sigma2: Fraction

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma2", checked_scale(self.sigma2, "sigma2", _LARGEST))

    @property
    def is_narrow(self) -> bool:
        """Whether a table of all values fits the cache."""
        return self.sigma2 <= _NARROW

    @property
    def reach(self) -> int:
        """From here on the law is left to the tail: about ``exp(-17)``."""
        return isqrt(int(34 * self.sigma2)) + 1

    def decay(self, y: int) -> Fraction:
        """The e for which ``f(x+1) <= exp(-e) f(x)`` at every ``x >= y``: a cell falls as its density half a step nearer to 0."""
        return y / self.sigma2


@dataclass(frozen=True, slots=True)
class DiscreteGaussian(_Gaussian):
    """Discrete Gaussian noise: ``P(k)`` is proportional to ``exp(-k**2 / (2 sigma2))``, k any integer.

    The parameter is ``sigma2``, so that no root is ever taken; the variance is slightly below it.

    Parameters
    ----------
    sigma2 : Fraction
        ``0 < sigma2 <= 2**64``.

    Raises
    ------
    InvalidInput
        For a sigma2 that is not positive, or larger than the samplers serve.

    Examples
    --------
    >>> law = DiscreteGaussian(Fraction(100))
    >>> round(law.pmf(0), 15), law.confidence_interval(0.95)
    (0.039894228040143, (-20, 20))
    >>> round(DiscreteGaussian(Fraction(1, 4)).variance, 15)
    0.215012675088138
    """

    def masses(self, bits: int) -> Iterator[tuple[int, int]]:
        """Enclosures of ``P(0), P(1), P(2), ...`` without end, at ``bits`` fractional bits."""
        z_low, z_high = self.total(bits)
        one = 1 << bits
        return bell(one * one // z_high, ceil_div(one * one, z_low), self.sigma2, bits)

    def total(self, bits: int) -> tuple[int, int]:
        """Enclose ``Z``, the sum of ``exp(-k**2 / (2 sigma2))`` over all integers, to ``bits`` bits after the point."""
        if self.sigma2 < 1:
            low = high = 1 << bits
            for k in range(1, bits + 3):
                term_low, term_high = exp_negative(k * k / (2 * self.sigma2), bits)
                low, high = low + 2 * term_low, high + 2 * term_high
                if term_high <= 1:  # the ratio of terms is below exp(-3/2) from here on
                    return low, high + 2
        work = bits + _GUARD + int(self.sigma2).bit_length()
        root_low, root_high = root_two_pi(self.sigma2, work)
        theta_low, theta_high = theta(self.sigma2, work)
        return root_low * theta_low >> 2 * work - bits, ceil_div(root_high * theta_high, 1 << 2 * work - bits)

    def pmf_enclosure(self, k: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``P(k)`` at ``bits`` fractional bits."""
        low, high = exp_negative(k * k / (2 * self.sigma2), bits + _GUARD)
        z_low, z_high = self.total(bits + _GUARD)
        return (low << bits) // z_high, ceil_div(high << bits, z_low)

    def _upper_tail(self, k: int, bits: int) -> tuple[int, int]:
        work = bits + _GUARD + int(self.sigma2).bit_length()
        g_low, g_high = exp_negative((k + 1) ** 2 / (2 * self.sigma2), work)
        ratio_low, ratio_high = lattice_mills(k + 1, self.sigma2, work)
        z_low, z_high = self.total(work)
        return int((g_low << bits) * ratio_low / z_high), int((g_high << bits) * ratio_high / z_low) + 1

    def _variance(self, bits: int) -> tuple[int, int]:
        """``sigma2 - 8 pi**2 sigma2**2 sum of j**2 exp(-2 pi**2 sigma2 j**2) / theta``, by Poisson's summation."""
        work = bits + _GUARD + 2 * int(self.sigma2).bit_length()
        if self.sigma2 < 1:
            low = high = 0
            for k, (mass_low, mass_high) in enumerate(self.masses(work)):
                low, high = low + 2 * k * k * mass_low, high + 2 * k * k * mass_high
                if k and mass_high <= 1:
                    return low >> work - bits, ceil_div(high + (8 << k.bit_length() * 2), 1 << work - bits)
        s_low, s_high = rational(self.sigma2, work)
        theta_low, theta_high = theta(self.sigma2, work)
        lost_low = lost_high = j = 0
        term_high = 2
        pi_low, pi_high = pi(work)
        while term_high > 1:
            j += 1
            term_low, term_high = theta_term(self.sigma2, j, work)
            lost_low, lost_high = lost_low + j * j * term_low, lost_high + j * j * term_high
        lost_high += (j + 1) ** 2
        factor = 8 * self.sigma2**2
        down = factor * pi_low * pi_low * lost_low / theta_high / (1 << 2 * work)
        up = factor * pi_high * pi_high * lost_high / theta_low / (1 << 2 * work)
        low, high = s_low - ceil_div(up.numerator << work, up.denominator), s_high - (down.numerator << work) // down.denominator
        return low >> work - bits, ceil_div(high, 1 << work - bits)

    @property
    def curve(self) -> Curve:
        """The height for floats."""
        return Curve(0.0, float(1 / (2 * self.sigma2)), 0.0)

    def heights(self, step: int, count: int, bits: int) -> list[tuple[int, int]]:
        """Bounds of ``f(0), f(step), ...`` where ``f(y) = exp(-y**2 / (2 sigma2))``."""
        one = 1 << bits
        return list(islice(bell(one, one, self.sigma2 / step**2, bits), count))

    def height_enclosure(self, y: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``exp(-y**2 / (2 sigma2))``."""
        return exp_negative(y * y / (2 * self.sigma2), bits)


@dataclass(frozen=True, slots=True)
class RoundedGaussian(_Gaussian):
    """A Gaussian rounded to the nearest integer: ``P(k) = Phi((k+1/2)/sigma) - Phi((k-1/2)/sigma)``.

    Added to an integer vector it equals rounding the continuous Gaussian mechanism's output, so every statement about that
    mechanism holds verbatim, for vectors too: exactly ``(D/sigma)``-GDP for L2 sensitivity D. The variance is ``sigma2``
    and about 1/12.

    Parameters
    ----------
    sigma2 : Fraction
        ``0 < sigma2 <= 2**64``: the variance of the Gaussian before rounding.

    Raises
    ------
    InvalidInput
        For a sigma2 that is not positive, or larger than the samplers serve.

    Examples
    --------
    >>> law = RoundedGaussian(Fraction(100))
    >>> round(law.pmf(0), 15), round(law.variance - 100, 12)
    (0.039877611676745, 0.083333333333)
    """

    def masses(self, bits: int) -> Iterator[tuple[int, int]]:
        """Enclosures of ``P(0), P(1), P(2), ...`` without end, at ``bits`` fractional bits."""
        if self.sigma2 < _SMOOTH_FROM:
            last_low, last_high = normal_tail(1 / (4 * self.sigma2), bits)
            one = 1 << bits
            yield one - 2 * last_high, one - 2 * last_low
            k = 0
            while True:
                k += 1
                low, high = normal_tail((2 * k + 1) ** 2 / (4 * self.sigma2), bits)
                yield max(0, last_low - high), last_high - low
                last_low, last_high = low, high
        root_low, root_high = root_two_pi(self.sigma2, bits)
        square = 1 << 2 * bits
        for k, height in enumerate(bell(square // root_high, ceil_div(square, root_low), self.sigma2, bits)):
            yield cell(k, height, self.sigma2, bits)

    def pmf_enclosure(self, k: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``P(k)`` at ``bits`` fractional bits."""
        near = normal_tail((2 * abs(k) - 1) ** 2 / (4 * self.sigma2), bits + _GUARD)
        far = normal_tail((2 * abs(k) + 1) ** 2 / (4 * self.sigma2), bits + _GUARD)
        if k == 0:
            low, high = (1 << bits + _GUARD) - 2 * far[1], (1 << bits + _GUARD) - 2 * far[0]
        else:
            low, high = max(0, near[0] - far[1]), near[1] - far[0]
        return low >> _GUARD, ceil_div(high, 1 << _GUARD)

    def _upper_tail(self, k: int, bits: int) -> tuple[int, int]:
        return normal_tail((2 * k + 1) ** 2 / (4 * self.sigma2), bits)

    def _variance(self, bits: int) -> tuple[int, int]:
        """``sigma2 + 1/12 + sum of (-1)**j exp(-2 pi**2 sigma2 j**2) (4 sigma2 + 1/(pi j)**2)``, the sawtooth's series."""
        work = bits + _GUARD + int(self.sigma2).bit_length()
        if 4 * self.sigma2 < 1:
            low = high = 0
            for k, (mass_low, mass_high) in enumerate(self.masses(work)):
                low, high = low + 2 * k * k * mass_low, high + 2 * k * k * mass_high
                if k and mass_high <= 1:
                    return low >> work - bits, ceil_div(high + (8 << k.bit_length() * 2), 1 << work - bits)
        low, high = rational(self.sigma2 + Fraction(1, 12), work)
        pi_low, pi_high = pi(work)
        j, term_high = 0, 2
        while term_high > 1:
            j += 1
            term_low, term_high = theta_term(self.sigma2, j, work)
            least = term_low * (4 * self.sigma2 + Fraction(1 << 2 * work, (j * pi_high) ** 2))
            most = term_high * (4 * self.sigma2 + Fraction(1 << 2 * work, (j * pi_low) ** 2))
            if j % 2:
                low, high = low - ceil_div(most.numerator, most.denominator), high - least.numerator // least.denominator
            else:
                low, high = low + least.numerator // least.denominator, high + ceil_div(most.numerator, most.denominator)
        rest = 4 * int(self.sigma2) + 5  # the terms left out alternate and fall
        return low - rest >> work - bits, ceil_div(high + rest, 1 << work - bits)

    @property
    def curve(self) -> Curve:
        """The height for floats: three terms of the cell's series beyond the first, for sigma2 >= 4096."""
        return Curve(0.0, float(1 / (2 * self.sigma2)), float(1 / self.sigma2))

    def heights(self, step: int, count: int, bits: int) -> list[tuple[int, int]]:
        """Bounds of ``f(0), f(step), ...`` where f(y) is the integral of ``exp(-x**2 / (2 sigma2))`` over the cell of y.

        From below ``exp(-y**2 / (2 sigma2) - 1 / (8 sigma2))``, and from above ``exp(-y**2 / (2 sigma2)) sinh(z) / z`` with
        ``z = y / (2 sigma2)``, where ``sinh(z) / z <= exp(z**2 / 6)``.
        """
        one = 1 << bits
        middle = exp_negative(1 / (8 * self.sigma2), bits)[0]
        below = islice(bell(middle, middle, self.sigma2 / step**2, bits), count)
        wider = 1 / (1 / self.sigma2 - 1 / (12 * self.sigma2**2))
        above = islice(bell(one, one, wider / step**2, bits), count)
        return [(low, high) for (low, _), (_, high) in zip(below, above, strict=True)]

    def height_enclosure(self, y: int, *, bits: int) -> tuple[int, int]:
        """Enclose the integral over the cell of y."""
        work = bits + _GUARD + int(self.sigma2).bit_length()
        low, high = self.pmf_enclosure(y, bits=work)
        root_low, root_high = root_two_pi(self.sigma2, work)
        return low * root_low >> 2 * work - bits, ceil_div(high * root_high, 1 << 2 * work - bits)

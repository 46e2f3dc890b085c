"""Tails divided by the density at their beginning: Mills' ratio of the normal law, and its sister on the integers.

Tails under- and overflow, their ratios do not. All results are enclosures ``(low, high)`` in fractions.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from math import factorial

from privlib.certified import ceil_div, exp_negative, normal_tail, pi, sqrt

__all__ = ["density", "hermite", "lattice_mills", "normal_mills", "root_two_pi"]

_WIDE = 64
"""The variance from which a sum over integers is computed as an integral with corrections; below, term by term."""
_GUARD = 24
_SCALE = 64
_BATCH = 16


def density(x2: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Enclose the normal density ``exp(-x2/2) / sqrt(2 pi)``, relatively to about ``2**-bits``."""
    work = bits + int(x2)
    decay_low, decay_high = exp_negative(x2 / 2, work)
    root_low, root_high = root_two_pi(Fraction(1), bits)
    return Fraction(decay_low << bits, root_high << work), Fraction(decay_high << bits, root_low << work)


def normal_mills(x2: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Enclose ``P[N > x] / phi(x)`` for ``x = sqrt(x2) >= 0``, relatively to about ``2**-bits``.

    Far out by ``1/x - 1/x**3 + 3/x**5 - 15/x**7 + ...``, whose error is smaller than the first term left out.
    """
    if x2 < 2 * bits:
        phi_low, phi_high = density(x2, bits)
        work = bits + int(x2)
        low, high = normal_tail(x2, work)
        return Fraction(low, 1 << work) / phi_high, Fraction(high, 1 << work) / phi_low
    term_low = term_high = low = high = 1 << bits
    step = 0
    while term_high > 1:  # they fall until they are that small, as 2**-bits > exp(-x2/2)
        factor = (2 * step + 1) * x2.denominator
        term_low, term_high = term_low * factor // x2.numerator, ceil_div(term_high * factor, x2.numerator)
        step += 1
        low, high = (low - term_high, high - term_low) if step % 2 else (low + term_low, high + term_high)
    root_low, root_high = sqrt(x2, bits)
    return Fraction(low - term_high, root_high), Fraction(high + term_high, root_low)


def lattice_mills(a: int, variance: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Enclose ``sum of g(x) over integers x >= a, divided by g(a)``, with ``g(x) = exp(-x**2 / (2 variance))``.

    Parameters
    ----------
    a : int >= 0
        Where the tail begins.
    variance : Fraction > 0
        The parameter of the discrete Gaussian.
    bits : int
        Fractional bits wanted; the ratio is at least 1.

    Returns
    -------
    tuple of Fraction

    Notes
    -----
    The ratio is the sum over j >= 0 of ``h(j) = exp(-r j - j**2 / (2 variance))`` with ``r = a / variance``. It is summed as it
    stands where few terms count. Else Euler's and Maclaurin's formula is used up to the derivative 2p - 1, with the remainder
    at most ``4 (2 pi)**(-2p)`` times the integral of ``abs(h^(2p))``. For any b the Gaussian factor of h is
    ``exp(variance b**2 / 2)`` times the mean of ``exp(-i variance w b) exp(-(b - i w) x)``, w normal with variance
    1/variance. With ``b = variance**-1/2`` this bounds the remainder by
    ``7 sqrt(variance) ((2 r**2 + (p + 2) / variance) / 39)**p``.
    """
    if variance < max(_WIDE, bits) or 2 * a > variance:  # few terms count; and the remainder of the formula gets that small
        low, high = _term_by_term(a, variance, bits + _GUARD)
        return Fraction(low, 1 << bits + _GUARD), Fraction(high, 1 << bits + _GUARD)
    work = bits + _GUARD
    orders, remainder = _orders(a, variance, work)
    low, high = (1 << work - 1) - remainder, (1 << work - 1) + remainder
    derivatives = list(hermite(a, variance, 2 * orders, work))[1::2]
    for weight, (value, error) in zip(_corrections(orders), derivatives, strict=True):
        ends = (value - error) * weight.numerator, (value + error) * weight.numerator
        low += min(ends) // weight.denominator
        high += ceil_div(max(ends), weight.denominator)
    integral_low, integral_high = normal_mills(a * a / variance, work)
    sigma_low, sigma_high = sqrt(variance, work)
    return (sigma_low * integral_low + low) / (1 << work), (sigma_high * integral_high + high) / (1 << work)


def _term_by_term(a: int, variance: Fraction, bits: int) -> tuple[int, int]:
    """The sum of ``exp(-(2 a j + j**2) / (2 variance))``: each term is the one before times a factor that falls itself."""
    one = 1 << bits
    step_low, step_high = exp_negative((2 * a + 1) / (2 * variance), bits)
    fall_low, fall_high = exp_negative(1 / variance, bits)
    low = high = term_low = term_high = one
    while term_high > 1 or 2 * step_high > one:  # then what is left out is below 1 + 1/2 + 1/4 + ...
        term_low, term_high = term_low * step_low >> bits, ceil_div(term_high * step_high, one)
        step_low, step_high = step_low * fall_low >> bits, ceil_div(step_high * fall_high, one)
        low, high = low + term_low, high + term_high
    return low, high + 2


def _orders(a: int, variance: Fraction, bits: int) -> tuple[int, int]:
    """How far to go in Euler's and Maclaurin's formula, and a bound on the remainder in units of ``2**-bits``."""
    root = 7 * sqrt(variance, 0)[1]
    fixed, growing = _scaled_up((2 * Fraction(a * a) / variance + 2) / (39 * variance)), _scaled_up(1 / (39 * variance))
    p = 2
    while True:
        remainder = ceil_div(root * (fixed + p * growing) ** p << bits, 1 << _SCALE * p)
        if remainder <= 2:
            return p, remainder
        p += 1


def _scaled_up(value: Fraction) -> int:
    return ceil_div(value.numerator << _SCALE, value.denominator)


def hermite(a: int, variance: Fraction, count: int, bits: int) -> Iterator[tuple[int, int]]:
    """``He_n(a / sigma) / sigma**n`` for n below ``count``, in units of ``2**-bits``: each value, and how far off it may be.

    From ``He[n+1](t) = t He[n](t) - n He[n-1](t)``. A product of rounded factors is off by each factor times the other's
    error, and by the product of the errors.
    """
    slope, fall = _scaled(Fraction(a) / variance, bits), _scaled(1 / variance, bits)
    before = error_before = error = 0
    value = 1 << bits
    for n in range(count):
        yield value, error
        after = (slope * value - n * fall * before) >> bits
        grown = (slope + 1) * error + abs(value) + n * ((fall + 1) * error_before + abs(before))
        before, error_before, value, error = value, error, after, (grown >> bits) + 2


def _scaled(value: Fraction, bits: int) -> int:
    return (value.numerator << bits) // value.denominator


def _corrections(count: int) -> tuple[Fraction, ...]:
    """``B[2j] / (2j)!`` for j = 1 to ``count``."""
    return _more_corrections(-(-count // _BATCH) * _BATCH)[:count]


@lru_cache(maxsize=16)
def _more_corrections(count: int) -> tuple[Fraction, ...]:
    """From the tangent numbers T: ``B[2j] = (-1)**(j-1) 2j T[j] / (4**j (4**j - 1))``."""
    tangent = [factorial(j) for j in range(count)]  # Brent and Harvey's scheme: T[1], T[2], ... in place
    for k in range(1, count):
        for j in range(k, count):
            tangent[j] = (j - k) * tangent[j - 1] + (j - k + 2) * tangent[j]
    return tuple(
        Fraction((-1) ** j * (2 * j + 2) * tangent[j], 4 ** (j + 1) * (4 ** (j + 1) - 1) * factorial(2 * j + 2))
        for j in range(count)
    )


@lru_cache(maxsize=64)
def root_two_pi(sigma2: Fraction, bits: int) -> tuple[int, int]:
    """Enclose ``sqrt(2 pi sigma2)``."""
    low, high = pi(bits + _GUARD)
    one = 1 << bits + _GUARD
    return sqrt(2 * sigma2 * Fraction(low, one), bits)[0], sqrt(2 * sigma2 * Fraction(high, one), bits)[1]

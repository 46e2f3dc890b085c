"""Real numbers between two integers: exponential, logarithm, square root, pi and the normal tail, with directed rounding.

Privacy decisions never rest on a float. Where an irrational number is needed, it is enclosed: a function takes the number of
fractional bits wanted and returns integers ``(low, high)`` with ``low <= 2**bits * value <= high``. Whoever compares with
such an enclosure asks for more bits when the answer is not decided.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import isqrt

__all__ = ["Enclosure", "ceil_div", "exp_at_most", "exp_negative", "log", "normal_tail", "pi", "rational", "sqrt"]

Enclosure = Callable[[int], tuple[int, int]]
"""``enclosure(bits)`` gives integers ``low <= 2**bits * value <= high``."""

_GUARD = 32


def ceil_div(numerator: int, denominator: int) -> int:
    """Divide and round towards plus infinity."""
    return -(-numerator // denominator)


def exp_negative(exponent: Fraction, bits: int) -> tuple[int, int]:
    """Enclose ``exp(-exponent)`` at ``bits`` fractional bits.

    Parameters
    ----------
    exponent : Fraction >= 0
        The number whose negative is exponentiated.
    bits : int > 0
        Fractional bits of the result.

    Returns
    -------
    tuple of int
        ``(low, high)`` with ``low <= 2**bits * exp(-exponent) <= high``.

    Notes
    -----
    With ``exponent = 2**halvings * x`` and ``x <= 1/2``: the Taylor series of ``exp(x)`` has positive terms, so flooring every
    term gives a lower and ceiling every term an upper bound; after a term ``t`` the remainder is below ``t``, because
    ``x + x**2 + ... <= 1``. One reciprocal and ``halvings`` squarings, each rounded outwards, give the rest.

    Examples
    --------
    >>> low, high = exp_negative(Fraction(1), 64)
    >>> low, high - low
    (6786177901268885274, 1)
    """
    if exponent == 0:
        return 1 << bits, 1 << bits
    halvings = max(0, (2 * exponent.numerator // exponent.denominator).bit_length())
    x = exponent / (1 << halvings)
    work = bits + halvings + _GUARD
    one = 1 << work
    term_low = term_high = sum_low = sum_high = one
    step = 0
    while term_high > 1:
        step += 1
        term_low = term_low * x.numerator // (step * x.denominator)
        term_high = ceil_div(term_high * x.numerator, step * x.denominator)
        sum_low += term_low
        sum_high += term_high
    sum_high += term_high
    low, high = (one << work) // sum_high, ceil_div(one << work, sum_low)
    for _ in range(halvings):
        low, high = low * low >> work, ceil_div(high * high, one)
    shift = work - bits
    return low >> shift, ceil_div(high, 1 << shift)


def rational(value: Fraction, bits: int) -> tuple[int, int]:
    """Enclose a rational number; exact where ``2**bits * value`` is an integer.

    Examples
    --------
    >>> rational(Fraction(1, 3), 2), rational(Fraction(1, 4), 2)
    ((1, 2), (1, 1))
    """
    scaled = value.numerator << bits
    return scaled // value.denominator, ceil_div(scaled, value.denominator)


def sqrt(value: Fraction, bits: int) -> tuple[int, int]:
    """Enclose the square root of ``value >= 0``.

    Examples
    --------
    >>> sqrt(Fraction(2), 10), sqrt(Fraction(9, 4), 1)
    ((1448, 1449), (3, 3))
    """
    low, high = rational(value, 2 * bits)
    root = isqrt(high)
    return isqrt(low), root + (root * root < high)


@lru_cache(maxsize=64)
def pi(bits: int) -> tuple[int, int]:
    """Enclose pi, by Machin's formula ``16 atan(1/5) - 4 atan(1/239)``.

    Examples
    --------
    >>> pi(16)
    (205887, 205888)
    """
    work = bits + _GUARD
    five_low, five_high = _arctan(5, work)
    far_low, far_high = _arctan(239, work)
    return (16 * five_low - 4 * far_high) >> _GUARD, ceil_div(16 * five_high - 4 * far_low, 1 << _GUARD)


def _arctan(inverse: int, bits: int) -> tuple[int, int]:
    """Enclose ``atan(1/inverse)``: an alternating series, so its error is below the first term left out."""
    power, total, steps = (1 << bits) // inverse, 0, 0
    while power:
        term = power // (2 * steps + 1)
        total += -term if steps % 2 else term
        power //= inverse * inverse
        steps += 1
    return total - steps - 1, total + steps + 1  # one unit for every floor; floors of floors are floors


def log(value: Fraction, bits: int) -> tuple[int, int]:
    """Enclose the natural logarithm of ``value > 0``; negative below 1.

    Notes
    -----
    ``value = 2**doublings * m`` with m between 1/2 and 4/3, and ``log m = 2 atanh((m-1) / (m+1))``.

    Examples
    --------
    >>> log(Fraction(10), 10), log(Fraction(1, 2), 10), log(Fraction(1), 10)
    ((2357, 2358), (-710, -709), (0, 0))
    """
    if value == 1:
        return 0, 0
    doublings = value.numerator.bit_length() - value.denominator.bit_length()
    while value * 3 >= 4 * Fraction(2) ** doublings:
        doublings += 1
    reduced = value / Fraction(2) ** doublings
    work = bits + _GUARD + abs(doublings).bit_length()
    low, high = _twice_atanh((reduced - 1) / (reduced + 1), work)
    if doublings:
        two_low, two_high = _log_two(work)
        low += doublings * (two_low if doublings > 0 else two_high)
        high += doublings * (two_high if doublings > 0 else two_low)
    shift = work - bits
    return low >> shift, ceil_div(high, 1 << shift)


@lru_cache(maxsize=64)
def _log_two(bits: int) -> tuple[int, int]:
    return _twice_atanh(Fraction(1, 3), bits)


def _twice_atanh(z: Fraction, bits: int) -> tuple[int, int]:
    """Enclose ``2 atanh(z)`` for abs(z) <= 1/3: terms of one sign, each below a ninth of the one before."""
    size, square = abs(z), z * z
    low_power, high_power = rational(size, bits)
    square_low, square_high = rational(square, bits)
    total_low = total_high = step = 0
    while high_power > 1:
        total_low += low_power // (2 * step + 1)
        total_high += ceil_div(high_power, 2 * step + 1)
        low_power, high_power = low_power * square_low >> bits, ceil_div(high_power * square_high, 1 << bits)
        step += 1
    total_high += 2  # what is left out: at most 1 + 1/9 + 1/81 + ...
    return (2 * total_low, 2 * total_high) if z > 0 else (-2 * total_high, -2 * total_low)


def normal_tail(x2: Fraction, bits: int) -> tuple[int, int]:
    """Enclose ``P[N(0,1) > sqrt(x2)]`` at ``bits`` fractional bits.

    Parameters
    ----------
    x2 : Fraction >= 0
        The square of the place, so that places such as ``k / sigma`` stay rational.
    bits : int > 0
        Fractional bits of the result, absolute: far out the enclosure is (0, 1).

    Notes
    -----
    ``1/2 - sqrt(x2 / (2 pi)) exp(-x2/2) sum of x2**n / (1 3 5 .. (2n+1))``. All terms are positive; from the place on where
    their ratio is below 1/2, what is left out is below the last term. The sum is at most about ``exp(x2/2)``, hence the
    extra bits.

    Examples
    --------
    >>> normal_tail(Fraction(1), 20), normal_tail(Fraction(0), 8)
    ((166362, 166363), (128, 128))
    """
    if x2 == 0:
        return 1 << (bits - 1), 1 << (bits - 1)
    if 5000 * x2 >= 6932 * bits:  # exp(-x2/2) / 2 < 2**-bits, as log 2 < 0.6932
        return 0, 1
    work = bits + _GUARD + int(x2 * 3 / 4) + 8
    one = 1 << work
    term_low = term_high = sum_low = sum_high = one
    step = 0
    numerator, denominator = x2.numerator, x2.denominator
    while term_high > 1 or 2 * numerator > (2 * step + 3) * denominator:
        step += 1
        divisor = (2 * step + 1) * denominator
        term_low = term_low * numerator // divisor
        term_high = ceil_div(term_high * numerator, divisor)
        sum_low += term_low
        sum_high += term_high
    sum_high += term_high
    pi_low, pi_high = pi(work)
    root_low = sqrt(x2 * one / (2 * pi_high), work)[0]
    root_high = sqrt(x2 * one / (2 * pi_low), work)[1]
    decay_low, decay_high = exp_negative(x2 / 2, work)
    low = (one >> 1) - ceil_div(root_high * decay_high * sum_high, one * one)
    high = (one >> 1) - (root_low * decay_low * sum_low >> 2 * work)
    shift = work - bits
    return max(0, low >> shift), ceil_div(high, 1 << shift)


def exp_at_most(exponent: Fraction, bound: Fraction) -> bool:
    """Decide whether ``exp(exponent) <= bound``, exactly.

    The comparison is of an irrational with a rational number unless ``exponent`` is 0, so more bits always decide it.

    Examples
    --------
    >>> exp_at_most(Fraction(1), Fraction(271, 100)), exp_at_most(Fraction(1), Fraction(272, 100))
    (False, True)
    """
    if bound <= 0:
        return False
    if exponent == 0:
        return bound >= 1
    if exponent < 0 and bound >= 1:
        return True
    if exponent > 0:  # exp(e) <= b  <=>  1/b <= exp(-e)
        return bound >= 1 and not _exp_negative_below(exponent, 1 / bound)
    return _exp_negative_below(-exponent, bound)


def _exp_negative_below(exponent: Fraction, bound: Fraction) -> bool:
    bits = 64
    while True:
        low, high = exp_negative(exponent, bits)
        if high * bound.denominator <= bound.numerator << bits:
            return True
        if low * bound.denominator >= bound.numerator << bits:
            return False
        bits *= 2

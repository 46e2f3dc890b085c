"""Real numbers between two integers: the exponential, with directed rounding.

Privacy decisions never rest on a float. Where an irrational number is needed, it is enclosed: a function takes the number of
fractional bits wanted and returns integers ``(low, high)`` with ``low <= 2**bits * value <= high``. Whoever compares with
such an enclosure asks for more bits when the answer is not decided.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

__all__ = ["Enclosure", "ceil_div", "exp_at_most", "exp_negative"]

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

"""Numbers of few significant digits, rounded to the safe side: exact, and short enough to be read."""

from __future__ import annotations

from fractions import Fraction

from privlib.certified import ceil_div

__all__ = ["SMALLEST", "down", "up"]

_DIGITS = 15
_MOST_PLACES = 390
SMALLEST = Fraction(1, 10**_MOST_PLACES)
"""What `up` gives at least, and below which `down` gives 0: releases and ledgers hold numbers of at most 400 digits."""
_LOG_TWO = 30103, 10**5  # log10(2), above


def up(numerator: int, denominator: int, *, digits: int = _DIGITS) -> Fraction:
    """Round a ratio of integers up to so many significant digits or one fewer; what is not positive becomes 0.

    Examples
    --------
    >>> up(1, 3), up(2, 1)
    (Fraction(16666666666667, 50000000000000), Fraction(2, 1))
    """
    if numerator <= 0:
        return Fraction(0)
    unit = _unit(numerator, denominator, digits)
    return ceil_div(numerator * unit.denominator, denominator * unit.numerator) * unit


def down(numerator: int, denominator: int, *, digits: int = _DIGITS) -> Fraction:
    """Round a ratio of integers down to so many significant digits or one fewer; what is not positive becomes 0."""
    if numerator <= 0:
        return Fraction(0)
    unit = _unit(numerator, denominator, digits)
    return numerator * unit.denominator // (denominator * unit.numerator) * unit


def _unit(numerator: int, denominator: int, digits: int) -> Fraction:
    """The power of ten of the last digit kept: so that there are that many digits or one fewer."""
    logarithm = numerator.bit_length() - denominator.bit_length() + 1
    places = min(digits - 1 - logarithm * _LOG_TWO[0] // _LOG_TWO[1], _MOST_PLACES)
    return Fraction(1, 10**places) if places >= 0 else Fraction(10**-places)

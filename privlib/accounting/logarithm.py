"""Natural logarithms between two integers, loose by some 1000 units and ten times as fast as `certified.log`."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["log_ratio"]

_ANCHORS = 32


def log_ratio(numerator: int, denominator: int, bits: int) -> tuple[int, int]:
    """Enclose ``log(numerator / denominator)`` at ``bits`` fractional bits.

    Parameters
    ----------
    numerator, denominator : int > 0
        The argument as a fraction, which need not be in lowest terms.
    bits : int >= 64
        Fractional bits of the result.

    Returns
    -------
    tuple of int
        ``(low, high)`` with ``low <= 2**bits * log(numerator / denominator) <= high``; they are some 1000 units apart.

    Notes
    -----
    The argument is ``2**k * m`` with m in (1/2, 2), and ``m = (i/32) (1+z)/(1-z)`` with i the 32nds of m, so that
    ``0 <= z < 1/32``. The floor of m is off by less than one unit of ``2**-bits``, hence log(m) by less than 2.
    Then ``log = k log(2) + log(i/32) + 2 atanh(z)``; the two constants are kept from the first time.

    Examples
    --------
    >>> low, high = log_ratio(10, 1, 64)
    >>> low <= 42475197918399869020 <= high, high - low < 1000
    (True, True)
    """
    k = numerator.bit_length() - denominator.bit_length()
    m = (numerator << bits - k if k < bits else numerator) // (denominator if k < bits else denominator << k - bits)
    anchor = (m << 5) >> bits
    two, error_two = _constant(2, 1, bits)
    constant, error_constant = _constant(anchor, _ANCHORS, bits)
    series, error_series = _twice_atanh((m << 5) - (anchor << bits), (m << 5) + (anchor << bits), bits)
    error = abs(k) * error_two + error_constant + error_series + 2
    value = k * two + constant + series
    return value - error, value + error


@lru_cache(maxsize=4096)
def _constant(numerator: int, denominator: int, bits: int) -> tuple[int, int]:
    """The logarithm of a small fraction and how many units it may be off."""
    if numerator < denominator:
        value, error = _constant(denominator, numerator, bits)
        return -value, error
    return _twice_atanh(numerator - denominator, numerator + denominator, bits)


def _twice_atanh(numerator: int, denominator: int, bits: int) -> tuple[int, int]:
    """``2 atanh(z)`` for ``0 <= z = numerator / denominator <= 1/3``, and how many units it may be off.

    The floors of z and z**2 are off by at most 1 and 2 units, the power in each term thereby by at most 2, the term by at
    most 2; what is left out after the last term, whose power is 0, is below 1 unit. All is doubled.
    """
    z = (numerator << bits) // denominator
    square = z * z >> bits
    total, power, odd = z, z, 1
    while power:
        power = power * square >> bits
        odd += 2
        total += power // odd
    return 2 * total, 2 * odd + 4

"""Certified series for Gaussian laws: the bell along the integers, its cells and its total."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from math import factorial

from privlib.certified import ceil_div, exp_negative, pi
from privlib.noise.laws.mills import hermite

__all__ = ["bell", "cell", "theta", "theta_term"]

_GUARD = 40


def bell(low: int, high: int, sigma2: Fraction, bits: int) -> Iterator[tuple[int, int]]:
    """Enclose ``c exp(-k**2 / (2 sigma2))`` for k = 0, 1, ..., with c in ``(low, high)``: two products a step."""
    one = 1 << bits
    step_low, step_high = exp_negative(1 / (2 * sigma2), bits)
    fall_low, fall_high = exp_negative(1 / sigma2, bits)
    while True:
        yield low, high
        low, high = low * step_low >> bits, ceil_div(high * step_high, one)
        step_low, step_high = step_low * fall_low >> bits, ceil_div(step_high * fall_high, one)


def theta_term(sigma2: Fraction, j: int, bits: int) -> tuple[int, int]:
    """Enclose ``exp(-2 pi**2 sigma2 j**2)``."""
    pi_low, pi_high = pi(bits)
    if 19 * sigma2 * j * j > bits:  # 2 pi**2 > 19
        return 0, 1
    square = 1 << 2 * bits
    most = exp_negative(2 * sigma2 * j * j * Fraction(pi_low * pi_low, square), bits)[1]
    return exp_negative(2 * sigma2 * j * j * Fraction(pi_high * pi_high, square), bits)[0], most


def theta(sigma2: Fraction, bits: int) -> tuple[int, int]:
    """Enclose ``1 + 2 sum of exp(-2 pi**2 sigma2 j**2)``, for ``sigma2 >= 1/4``."""
    low = high = 1 << bits
    j, term_high = 0, 2
    while term_high > 1:
        j += 1
        term_low, term_high = theta_term(sigma2, j, bits)
        low, high = low + 2 * term_low, high + 2 * term_high
    return low, high + 2


def cell(k: int, height: tuple[int, int], sigma2: Fraction, bits: int) -> tuple[int, int]:
    """Enclose the integral over ``[k - 1/2, k + 1/2]`` of a density that is ``height`` at k.

    The Taylor series about k has the terms ``height He[2j](k/sigma) / (sigma**(2j) 4**j (2j+1)!)``. By Cramer's inequality,
    ``exp(-t**2/2) abs(He[n](t)) <= 1.09 sqrt(n!)``, which bounds what is left out.
    """
    last = _terms(bits, int(sigma2).bit_length() - 1)
    low = high = 0
    for n, (value, error) in enumerate(hermite(k, sigma2, 2 * last, bits)):
        if n % 2 == 0:
            divisor = factorial(n + 1) << n
            low += (value - error) // divisor
            high += ceil_div(value + error, divisor)
    return max(0, (low * height[0] >> bits) - 1), ceil_div(max(0, high) * height[1], 1 << bits) + 1


@lru_cache(maxsize=64)
def _terms(bits: int, log_sigma2: int) -> int:
    """The least j from which on the cell series' terms add up to less than ``2**-bits``, for any k and this sigma2 or more.

    A term is below ``2 sqrt((2j)!) / ((4 sigma2)**j (2j+1)!)``, and the next one is less than half of it.
    """
    j = 1
    while 16 << 2 * bits >= (4 << log_sigma2) ** (2 * j) * factorial(2 * j):
        j += 1
    return j

"""From zero-concentrated to approximate differential privacy, sharply: the theorem is accounting.t1.

For every ``beta > 0`` a rho-zCDP mechanism is (epsilon, delta) private as soon as

    ``beta ((1 + beta) rho - epsilon - log(1 + 1/beta)) - log(1 + beta) <= log(delta)``.

Floats propose a good beta; the inequality is then evaluated between integers, so a poor proposal costs accuracy, never privacy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from privlib.accounting.logarithm import log_ratio
from privlib.accounting.rounding import down, up
from privlib.certified import exp_negative

__all__ = ["delta_of_rho", "epsilon_of_rho", "rho_of_epsilon"]

_BITS = 128
_MANTISSA = 28
_STEPS = 12
_HALVINGS = 64
_LARGEST = 10**300
_LEAST = 1e-250
_FARTHEST = 600.0  # |log(beta)|: beyond it floats overflow, and no number of 400 digits has its best beta there but the extremes


def epsilon_of_rho(rho: Fraction, delta: Fraction) -> Fraction:
    """An epsilon with which ``rho``-zCDP is (epsilon, delta) private: the least one, rounded up to 15 digits.

    Parameters
    ----------
    rho : Fraction >= 0
        Zero-concentrated.
    delta : Fraction
        ``0 < delta < 1``.

    Returns
    -------
    Fraction

    Examples
    --------
    >>> float(epsilon_of_rho(Fraction(1, 2), Fraction(1, 10**6)))
    5.22153444453017
    """
    if rho == 0:
        return Fraction(0)
    beta, shift = _dyadic(_beta_of_delta(_log(rho), -_log(delta)))
    bits = _BITS + 2 * shift
    first, second = _logarithms(beta, shift, delta, bits)
    # (1 + beta) rho + log(1 / (delta (1 + beta))) / beta - log(1 + 1/beta), over one denominator
    numerator = rho.numerator * (beta + (1 << shift)) * beta << bits - shift
    numerator += rho.denominator * ((first[1] << shift) - second[0] * beta)
    return up(numerator, rho.denominator * beta << bits)


def rho_of_epsilon(epsilon: Fraction, delta: Fraction) -> Fraction:
    """A rho whose mechanisms are (epsilon, delta) private: the largest one, rounded down to 15 digits.

    Parameters
    ----------
    epsilon : Fraction >= 0
        The target.
    delta : Fraction
        ``0 < delta < 1``.

    Returns
    -------
    Fraction
        Zero where no number of 15 digits above it will do.
    """
    beta, shift = _dyadic(_best_beta(_float(epsilon), -_log(delta)))
    bits = _BITS + 2 * shift
    first, second = _logarithms(beta, shift, delta, bits)
    numerator = epsilon.numerator * beta << bits
    numerator += epsilon.denominator * (second[0] * beta - (first[1] << shift))
    return down(numerator << shift, epsilon.denominator * beta * (beta + (1 << shift)) << bits)


def delta_of_rho(rho: Fraction, epsilon: Fraction) -> Fraction:
    """A delta with which ``rho``-zCDP is (epsilon, delta) private: the least one, rounded up to 15 digits.

    Parameters
    ----------
    rho, epsilon : Fraction >= 0
        Zero-concentrated rho, and the epsilon asked about.

    Returns
    -------
    Fraction
        At most 1.
    """
    if rho == 0:
        return Fraction(0)
    beta, shift = _dyadic(_beta_of_epsilon(max(_float(rho), _LEAST), _float(epsilon)))
    bits = _BITS + 2 * shift + beta.bit_length()
    one = 1 << shift
    growth = log_ratio(beta + one, beta, bits)  # log(1 + 1/beta)
    whole = log_ratio(beta + one, one, bits)  # log(1 + beta)
    exponent = Fraction(beta, one) * (Fraction(growth[0], 1 << bits) + epsilon - (1 + Fraction(beta, one)) * rho)
    exponent += Fraction(whole[0], 1 << bits)
    return small_exponential(exponent)


def small_exponential(exponent: Fraction) -> Fraction:
    """Round ``exp(-exponent)`` up to 15 digits, at most 1."""
    if exponent <= 0:
        return Fraction(1)
    if exponent > 2000:  # below every number of 400 digits
        return up(1, 10**999)
    exponent = Fraction((exponent.numerator << _BITS) // exponent.denominator, 1 << _BITS)
    bits = _BITS + 2 * math.ceil(exponent)
    return min(Fraction(1), up(exp_negative(exponent, bits)[1], 1 << bits))


def _logarithms(beta: int, shift: int, delta: Fraction, bits: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Enclose ``log(1 / (delta alpha))`` and ``log(alpha / beta)`` for ``alpha = 1 + beta``."""
    alpha = beta + (1 << shift)
    first = log_ratio(delta.denominator << shift, delta.numerator * alpha, bits)
    return first, log_ratio(alpha, beta, bits)


def _beta_of_delta(log_rho: float, log_inverse_delta: float) -> float:
    """The logarithm of the beta that makes epsilon least: ``rho beta**2 + log(1 + beta) = log(1/delta)``.

    Newton's steps for a convex increasing function of log(beta), from the right, where they cannot overshoot.
    """
    target = max(log_inverse_delta, _LEAST)
    t = min((math.log(target) - log_rho) / 2, _log_expm1(target), _FARTHEST)
    for _ in range(_STEPS):
        t = max(t, -_FARTHEST)
        square, beta = math.exp(min(log_rho + 2 * t, 700.0)), math.exp(t)
        step = (square + math.log1p(beta) - target) / (2 * square + beta / (1 + beta))
        t -= step
        if abs(step) < 1e-9:
            break
    return max(-_FARTHEST, min(t, _FARTHEST))


def _beta_of_epsilon(rho: float, epsilon: float) -> float:
    """The logarithm of the beta that makes delta least: ``(1 + 2 beta) rho = epsilon + log(1 + 1/beta)``."""
    return _crossing(lambda beta: (1 + 2 * beta) * rho - math.log1p(1 / beta) - epsilon, _FARTHEST)


def _best_beta(epsilon: float, log_inverse_delta: float) -> float:
    """The logarithm of the beta that makes rho largest: it solves the equations of both functions above for that rho."""

    def too_far(beta: float) -> float:
        return epsilon + math.log1p(1 / beta) - (1 / beta + 2) * (log_inverse_delta - math.log1p(beta)) / beta

    return _crossing(too_far, min(_log_expm1(max(log_inverse_delta, _LEAST)), _FARTHEST))


def _crossing(increasing: Callable[[float], float], high: float) -> float:
    """Where a function of beta crosses zero, as log(beta), by bisection."""
    low = -_FARTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if increasing(math.exp(middle)) < 0 else (low, middle)
    return (low + high) / 2


def _dyadic(log_beta: float) -> tuple[int, int]:
    """A rational ``beta / 2**shift`` near ``exp(log_beta)``: few bits suffice near an optimum."""
    fraction, exponent = math.frexp(math.exp(log_beta))
    beta, shift = int(fraction * (1 << _MANTISSA)), _MANTISSA - exponent
    return (beta, shift) if shift >= 0 else (beta << -shift, 0)


def _log(value: Fraction) -> float:
    return math.log(value.numerator) - math.log(value.denominator)


def _log_expm1(value: float) -> float:
    return math.log(math.expm1(value)) if value < 700 else value


def _float(value: Fraction) -> float:
    return float(value) if value < _LARGEST else float(_LARGEST)

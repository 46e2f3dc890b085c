"""From Gaussian to approximate differential privacy, exactly: the theorem is accounting.t1.

A mu-GDP mechanism is (epsilon, delta) private with ``delta = Q(a) - exp(epsilon) Q(b)``, where Q is the normal tail,
``a = epsilon/mu - mu/2`` and ``b = epsilon/mu + mu/2``; the Gaussian mechanism with no smaller one. With Mills' ratio
``R(x) = Q(x) / phi(x)`` this is ``phi(a) (R(a) - R(b))``, in which nothing overflows.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from privlib.accounting.rounding import SMALLEST, down, up
from privlib.accounting.search import bracket
from privlib.accounting.zcdp import epsilon_of_rho, rho_of_epsilon
from privlib.noise.laws.mills import density, normal_mills

__all__ = ["delta_of_mu2", "epsilon_of_mu2", "mu2_of_epsilon"]

_BITS = 112
_FARTHEST = 2000  # exp(-1000) is below every number of 400 digits


def delta_of_mu2(mu2: Fraction, epsilon: Fraction) -> Fraction:
    """The least delta with which ``sqrt(mu2)``-GDP is (epsilon, delta) private, rounded up to 15 digits.

    Parameters
    ----------
    mu2 : Fraction >= 0
        The square of mu.
    epsilon : Fraction >= 0
        The epsilon asked about.

    Returns
    -------
    Fraction
        At most 1.

    Examples
    --------
    >>> float(delta_of_mu2(Fraction(1), Fraction(1)))
    0.126936737506644
    """
    delta = _delta(mu2, epsilon)
    return up(delta.numerator, delta.denominator)


@lru_cache(maxsize=256)
def _delta(mu2: Fraction, epsilon: Fraction) -> Fraction:
    """The same before it is rounded to few digits."""
    if mu2 == 0:
        return Fraction(0)
    inner, outer = (epsilon - mu2 / 2) ** 2 / mu2, (epsilon + mu2 / 2) ** 2 / mu2
    if inner > _FARTHEST:
        return SMALLEST if 2 * epsilon > mu2 else Fraction(1)
    bits = _BITS + 2 * max(0, mu2.denominator.bit_length() - mu2.numerator.bit_length())
    phi_low, phi_high = density(inner, bits)
    near_low, near_high = normal_mills(inner, bits)
    far_low = normal_mills(outer, bits)[0]
    delta = phi_high * (near_high - far_low) if 2 * epsilon >= mu2 else 1 - phi_low * (near_low + far_low)
    return min(Fraction(1), delta)


def epsilon_of_mu2(mu2: Fraction, delta: Fraction) -> Fraction:
    """An epsilon with which ``sqrt(mu2)``-GDP is (epsilon, delta) private: the least one, rounded up to 15 digits.

    Parameters
    ----------
    mu2 : Fraction >= 0
        The square of mu.
    delta : Fraction
        ``0 < delta < 1``.

    Returns
    -------
    Fraction
    """
    if mu2 == 0 or _delta(mu2, Fraction(0)) <= delta:
        return Fraction(0)
    safe = epsilon_of_rho(mu2 / 2, delta)  # mu-GDP is mu**2 / 2 zCDP
    if _delta(mu2, safe) > delta:
        return safe
    _, found = bracket(lambda epsilon: _delta(mu2, epsilon), delta, unsafe=Fraction(0), safe=safe)
    return min(safe, up(found.numerator, found.denominator))


def mu2_of_epsilon(epsilon: Fraction, delta: Fraction) -> Fraction:
    """A mu2 whose mechanisms are (epsilon, delta) private: the largest one, rounded down to 15 digits.

    Parameters
    ----------
    epsilon : Fraction >= 0
        The target.
    delta : Fraction
        ``0 < delta < 1``.

    Returns
    -------
    Fraction
    """
    safe = 2 * rho_of_epsilon(epsilon, delta)
    if _delta(safe, epsilon) > delta:
        return safe
    unsafe = 2 * max(safe, delta * delta)
    while _delta(unsafe, epsilon) <= delta:
        safe, unsafe = unsafe, 2 * unsafe
    _, found = bracket(lambda mu2: _delta(mu2, epsilon), delta, unsafe=unsafe, safe=safe)
    return max(safe, down(found.numerator, found.denominator))

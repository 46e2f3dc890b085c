"""From pure to approximate differential privacy: what a delta buys. The theorem is accounting.t1.

No mechanism of odds E = exp(epsilon) separates neighbours better than randomised response, which tells the truth with
probability E / (1 + E). It is (epsilon', delta) private exactly if ``delta (1 + E) >= E - exp(epsilon')``.
"""

from __future__ import annotations

from fractions import Fraction

from privlib.accounting.logarithm import log_ratio
from privlib.accounting.rounding import up
from privlib.certified import exp_negative

__all__ = ["delta_of_odds", "epsilon_of_odds"]

_BITS = 128


def epsilon_of_odds(epsilon: Fraction, odds: Fraction, delta: Fraction) -> Fraction:
    """The epsilon that is left of ``odds * exp(epsilon)`` once a delta is allowed, rounded up to 15 digits.

    Parameters
    ----------
    epsilon, odds : Fraction
        A pure bound as `privlib.Bound` holds it.
    delta : Fraction
        ``0 <= delta < 1``. For 0 and without odds the epsilon comes back as it is.

    Returns
    -------
    Fraction
    """
    if odds == 1 and 0 in (delta, epsilon):
        return epsilon
    kept = 1 - delta * (1 + _exp_low(-epsilon) / odds)  # exp(epsilon') = odds exp(epsilon) kept
    if kept <= 0:
        return Fraction(0)
    high = log_ratio(odds.numerator * kept.numerator, odds.denominator * kept.denominator, _BITS)[1]
    total = epsilon + Fraction(high, 1 << _BITS)
    rounded = up(total.numerator, total.denominator)
    return min(rounded, epsilon) if odds == 1 else rounded


def delta_of_odds(epsilon: Fraction, odds: Fraction, wanted: Fraction) -> Fraction:
    """The delta with which ``odds * exp(epsilon)`` is within ``exp(wanted)``, rounded up to 15 digits.

    Parameters
    ----------
    epsilon, odds : Fraction
        A pure bound as `privlib.Bound` holds it.
    wanted : Fraction >= 0
        The epsilon asked about.

    Returns
    -------
    Fraction
    """
    share = (1 - _exp_low(wanted - epsilon) / odds) / (1 + _exp_low(-epsilon) / odds)
    return up(share.numerator, share.denominator)


def _exp_low(exponent: Fraction) -> Fraction:
    """Round ``exp(exponent)`` down."""
    low, high = exp_negative(abs(exponent), _BITS)
    return Fraction(low, 1 << _BITS) if exponent <= 0 else Fraction(1 << _BITS, high)

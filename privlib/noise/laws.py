"""The exact laws of the noise, with certified probabilities. No randomness here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from privlib.certified import ceil_div, exp_negative
from privlib.errors import InvalidInput

__all__ = ["DiscreteLaplace"]

MAX_SCALE = 10**4
"""Beyond this scale the table sampler's tables grow past what is sensible."""

_FIRST_PRECISION = 160
_VARIANCE_BITS = 128


@dataclass(frozen=True, slots=True)
class DiscreteLaplace:
    """Two-sided geometric noise: ``P(k) = (1-q)/(1+q) * q**abs(k)`` with ``q = exp(-1/scale)``, k any integer.

    Parameters
    ----------
    scale : Fraction
        ``0 < scale <= 10**4``: the "b" of a Laplace law, in units of the integers.

    Raises
    ------
    InvalidInput
        For a scale that is not positive, or larger than the table sampler serves.

    Examples
    --------
    >>> law = DiscreteLaplace(Fraction(10))
    >>> round(law.variance, 12)
    199.833416633609
    >>> low, high = law.pmf(0, bits=64)
    >>> low / 2**64 <= 0.0499583749578799721983863652083 <= high / 2**64
    True
    """

    scale: Fraction

    def __post_init__(self) -> None:
        if not 0 < self.scale <= MAX_SCALE:
            raise InvalidInput(
                f"the scale of discrete Laplace noise must lie in (0, {MAX_SCALE}]; "
                "spend more epsilon or release on a coarser grid of values"
            )

    def ratio(self, bits: int) -> tuple[int, int]:
        """Enclose ``q`` at ``bits`` fractional bits."""
        return exp_negative(1 / self.scale, bits)

    def masses(self, bits: int) -> Iterator[tuple[int, int]]:
        """Enclosures of ``P(0), P(1), P(2), ...`` without end, at ``bits`` fractional bits."""
        one = 1 << bits
        q_low, q_high = self.ratio(bits)
        low = (one - q_high) * one // (one + q_high)
        high = ceil_div((one - q_low) * one, one + q_low)
        while True:
            yield low, high
            low, high = low * q_low >> bits, ceil_div(high * q_high, one)

    def pmf(self, k: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``P(k)`` at ``bits`` fractional bits."""
        for distance, mass in enumerate(self.masses(bits)):
            if distance == abs(k):
                return mass
        raise AssertionError("unreachable: the masses do not end")

    def floors(self, word_bits: int) -> list[int]:
        """``floor(2**word_bits * P(k))`` for k = 0, 1, ... as long as it is not 0; every floor is certified.

        ``exp(-1/scale)`` is transcendental, so no probability is a multiple of ``2**-word_bits`` and more precision always
        decides a floor.
        """
        bits = word_bits + _FIRST_PRECISION
        while True:
            shift, weights = bits - word_bits, list[int]()
            for low, high in self.masses(bits):
                weight = low >> shift
                if weight != (high - 1) >> shift:  # the value lies strictly below its upper bound
                    break
                if weight == 0:
                    return weights
                weights.append(weight)
            bits *= 2

    @property
    def variance(self) -> float:
        """``2 q / (1-q)**2``, for estimates and pictures."""
        return float(self.exact_variance)

    @property
    def exact_variance(self) -> Fraction:
        """The variance to 128 bits, rounded the same way everywhere: public choices rest on it."""
        one = 1 << _VARIANCE_BITS
        q = Fraction(max(1, self.ratio(_VARIANCE_BITS)[0]), one)
        return 2 * q / (1 - q) ** 2

"""What every law of the noise can tell: certified probabilities, and what an analyst asks of them. No randomness here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from numbers import Integral
from typing import ClassVar, NamedTuple

from privlib.bounds import Real, exact, exact_share
from privlib.certified import Enclosure
from privlib.errors import InvalidInput

__all__ = ["Curve", "Law", "WideLaw", "checked_scale"]

_FIRST_PRECISION = 64
_VARIANCE_BITS = 128
_FLOAT_BITS = 64
_LEAST_FLOAT_BITS = 1100
"""Below ``2**-1100`` a probability is 0.0 as a float."""


class Law(ABC):
    """A law on the integers, symmetric about 0 (``two_sided``) or on 0, 1, 2, ... only.

    Probabilities are irrational, so what is certain is an enclosure: integers ``(low, high)`` with
    ``low <= 2**bits * p <= high``. `pmf`, `cdf` and `sf` round one to the nearest float or its neighbour.
    """

    __slots__ = ()

    two_sided: ClassVar[bool] = True

    @abstractmethod
    def masses(self, bits: int) -> Iterator[tuple[int, int]]:
        """Enclosures of ``P(0), P(1), P(2), ...`` without end, at ``bits`` fractional bits."""

    @abstractmethod
    def pmf_enclosure(self, k: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``P(k)`` at ``bits`` fractional bits."""

    @abstractmethod
    def _upper_tail(self, k: int, bits: int) -> tuple[int, int]:
        """Enclose ``P[X > k]`` for ``k >= 0``."""

    @abstractmethod
    def _variance(self, bits: int) -> tuple[int, int]:
        """Enclose the variance at ``bits`` fractional bits."""

    def sf_enclosure(self, k: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``P[X > k]`` at ``bits`` fractional bits."""
        if k >= 0:
            low, high = self._upper_tail(k, bits)
            return max(0, low), high
        whole = 1 << bits
        if not self.two_sided:
            return whole, whole
        if k == -1:  # 1/2 + P(0)/2
            low, high = self.pmf_enclosure(0, bits=bits)
            return (whole + low) >> 1, (whole + high + 1) >> 1
        low, high = self._upper_tail(-k - 1, bits)
        return whole - high, whole - max(0, low)

    def floors(self, word_bits: int) -> list[int]:
        """``floor(2**word_bits * P(k))`` for k = 0, 1, ... as far as it is not 0; every floor is certified.

        More precision decides a floor unless a probability is a multiple of ``2**-word_bits``. Powers of ``exp(-1/scale)`` give
        no such one; of the Gaussian laws nobody has proved it, and a case would show as a table that is never finished.
        """
        bits = word_bits + _FIRST_PRECISION
        while True:
            shift, weights = bits - word_bits, list[int]()
            for low, high in self.masses(bits):
                weight = low >> shift
                if weight != (high - 1) >> shift:  # the value lies strictly below its upper bound
                    break
                if weight == 0 and not self._rises_after(len(weights)):
                    return weights
                weights.append(weight)
            bits *= 2

    def _rises_after(self, k: int) -> bool:
        """Whether a probability after k may be larger than P(k): never, for laws that fall from 0 on."""
        del k
        return False

    def pmf(self, k: int) -> float:
        """``P(k)``."""
        k = _integer(k)
        low, high, bits = _sharp(lambda bits: self.pmf_enclosure(k, bits=bits))
        return float(Fraction(low + high, 2 << bits))

    def sf(self, k: int) -> float:
        """``P[X > k]``, accurate also far out."""
        k = _integer(k)
        low, high, bits = _sharp(lambda bits: self.sf_enclosure(k, bits=bits))
        return float(Fraction(low + high, 2 << bits))

    def cdf(self, k: int) -> float:
        """``P[X <= k]``, accurate also far out."""
        k = _integer(k)
        if k < 0:
            return self.sf(-k - 1) if self.two_sided else 0.0
        low, high = self.sf_enclosure(k, bits=2 * _FLOAT_BITS)
        return float(1 - Fraction(low + high, 2 << 2 * _FLOAT_BITS))

    def quantile(self, p: Real) -> int:
        """The least k with ``P[X <= k] >= p``, exactly.

        Parameters
        ----------
        p : rational in (0, 1)
            Read by its decimal spelling.

        Returns
        -------
        int
        """
        return self._least(1 - exact_share(p, name="p"))

    def confidence_interval(self, confidence: Real) -> tuple[int, int]:
        """The narrowest ``(-k, k)``, or ``(0, k)`` for laws on 0, 1, 2, ..., that holds the noise with this probability.

        Parameters
        ----------
        confidence : rational in (0, 1)
            Read by its decimal spelling.

        Returns
        -------
        tuple of int
            Both ends included. ``release + low`` to ``release + high`` covers the exact value with at least this confidence.
        """
        share = exact_share(confidence, name="confidence")
        k = max(0, self._least((1 - share) / 2 if self.two_sided else 1 - share))
        return (-k if self.two_sided else 0), k

    def tail_bound(self, k: int) -> Fraction:
        """A rational that ``P[abs(X) > k]`` does not exceed, for ``k >= 0``, tight to 64 bits where it exceeds ``2**-1100``.

        Parameters
        ----------
        k : int >= 0
            The distance.

        Returns
        -------
        Fraction
        """
        if _integer(k) < 0:
            raise InvalidInput(f"k must be >= 0, got {k}")
        _, high, bits = _sharp(lambda bits: self.sf_enclosure(k, bits=bits))
        return min(Fraction(1), Fraction(high << self.two_sided, 1 << bits))

    @property
    def variance(self) -> float:
        """The variance, for estimates and pictures."""
        return float(self.exact_variance)

    @property
    def exact_variance(self) -> Fraction:
        """The variance to 128 bits, rounded the same way everywhere and never to 0: public choices rest on it."""
        return Fraction(max(1, self._variance(_VARIANCE_BITS)[0]), 1 << _VARIANCE_BITS)

    def _least(self, tail: Fraction) -> int:
        """The least k with ``P[X > k] <= tail``; more bits decide unless the two are equal, which no rational is known to be."""
        low, high = -1, 0
        while self._tail_at_most(low, tail):
            low, high = 2 * low, low
        while not self._tail_at_most(high, tail):
            low, high = high, 2 * high + 1
        while high - low > 1:  # the tail at low is too large, that at high is not
            middle = (low + high) // 2
            if self._tail_at_most(middle, tail):
                high = middle
            else:
                low = middle
        return high

    def _tail_at_most(self, k: int, tail: Fraction) -> bool:
        bits = _FLOAT_BITS
        while True:
            low, high = self.sf_enclosure(k, bits=bits)
            if high * tail.denominator <= tail.numerator << bits:
                return True
            if low * tail.denominator > tail.numerator << bits:
                return False
            bits *= 2


class Curve(NamedTuple):
    """A law's height as a formula for floats.

    ``exp(-linear * y - quadratic * y**2)``, times the first terms of a cell's Taylor series where ``cell = 1/sigma2`` is not 0.
    """

    linear: float
    quadratic: float
    cell: float


class WideLaw(Law):
    """A law that falls from 0 on and never rises: what the histogram sampler needs to know of it.

    The height f is the probability up to a constant factor that makes ``f(0)`` at most 1.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def is_narrow(self) -> bool:
        """Whether a table of all values fits the cache."""

    @property
    @abstractmethod
    def reach(self) -> int:
        """From here on the law is left to the tail: ``f(reach)`` is about ``2**-26``."""

    @property
    @abstractmethod
    def curve(self) -> Curve:
        """The height for floats; where ``y <= 1.02 * reach``, right to a relative ``2**-42`` in double precision."""

    @abstractmethod
    def decay(self, y: int) -> Fraction:
        """The e for which ``f(x+1) <= exp(-e) f(x)`` at every ``x >= y``."""

    @abstractmethod
    def heights(self, step: int, count: int, bits: int) -> list[tuple[int, int]]:
        """Bounds of ``f(0), f(step), ...``: part of the byte contract, and cheap rather than sharp."""

    @abstractmethod
    def height_enclosure(self, y: int, *, bits: int) -> tuple[int, int]:
        """Enclose ``f(y)``, as sharply as more bits make it."""


def checked_scale(value: Real, name: str, largest: int) -> Fraction:
    """Read a scale, and refuse one that is not positive or larger than the samplers serve."""
    scale = exact(value, name=name)
    if not 0 < scale <= largest:
        cure = ": give more budget or a coarser grid" if scale > largest else ""
        raise InvalidInput(f"{name} must lie in (0, {largest}], got {str(value)[:40]}{cure}")
    return scale


def _sharp(enclosure: Enclosure) -> tuple[int, int, int]:
    """Bounds and their bits, sharp to a relative ``2**-64`` unless the value is too small for a float."""
    bits, most = _FLOAT_BITS, _LEAST_FLOAT_BITS + _FLOAT_BITS
    while True:
        low, high = enclosure(bits)
        if high - low << _FLOAT_BITS <= low or bits == most:
            return low, high, bits
        bits = min(2 * bits, most)


def _integer(k: object) -> int:
    if isinstance(k, bool) or not isinstance(k, Integral):
        raise InvalidInput(f"k must be an int, not {type(k).__name__}")
    return int(k)

"""A uniform real number of which only as many bits are drawn as a decision needs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Real, exact
from privlib.certified import Enclosure, ceil_div
from privlib.errors import InvalidInput
from privlib.noise.stream import MAX_OUTPUTS, Words, words
from privlib.proved import proved

__all__ = ["LazyUniform", "bernoulli", "checked_size"]

_GUARD = 32
_WORD = 64


class LazyUniform:
    """One uniform number in [0, 1): ``known`` are its first ``bits`` bits, more are drawn when a comparison needs them.

    Parameters
    ----------
    source : Words
        Where further bits come from.
    output, use : int
        Which output, and which of its purposes: together they address the bits, so none is ever used twice.
    known, bits : int
        Bits that are drawn already.
    """

    __slots__ = ("_chunk", "_output", "_source", "_use", "bits", "known")

    def __init__(self, source: Words, *, output: int, use: int, known: int = 0, bits: int = 0) -> None:
        self._source, self._output, self._use, self._chunk = source, output, use, 0
        self.known, self.bits = known, bits

    def refine(self) -> None:
        """Draw the next bits."""
        width = self._source.refinement_bits
        self.known = self.known << width | self._source.refine(self._output, self._use, self._chunk)
        self.bits += width
        self._chunk += 1

    def below(self, threshold: Enclosure) -> bool:
        """Whether the number lies below a real threshold; exact, whatever the precision at hand."""
        while True:
            low, high = threshold(self.bits + _GUARD)
            if (self.known + 1) << _GUARD <= low:
                return True
            if self.known << _GUARD >= high:
                return False
            self.refine()


def rational(value: Fraction) -> Enclosure:
    """The enclosure of a rational number."""

    def enclose(bits: int) -> tuple[int, int]:
        scaled = value.numerator << bits
        return scaled // value.denominator, ceil_div(scaled, value.denominator)

    return enclose


@proved("noise.t2")
def bernoulli(size: int, *, p: Real) -> NDArray[np.bool_]:
    """Draw independent booleans that are True with probability exactly ``p``.

    Parameters
    ----------
    size : int
        How many, at most 2**32.
    p : rational in [0, 1]
        Read by its decimal spelling; keyword only.

    Returns
    -------
    bool array, shape (size,)

    Raises
    ------
    InvalidInput
        For a size or probability out of range.

    Privacy
    -------
    Randomness only; it is private as part of a mechanism. Theorem: noise.t2.
    """
    probability = exact(p, name="p")
    if not 0 <= probability <= 1:
        raise InvalidInput(f"p must lie in [0, 1], got {probability}")
    count, source = checked_size(size), words()
    if probability == 1:
        return np.ones(count, dtype=np.bool_)
    whole, rest = divmod(probability.numerator << _WORD, probability.denominator)
    drawn = np.frombuffer(source.main(0, count, _WORD), dtype="<u8")
    outcome = drawn < np.uint64(whole)
    if rest:
        for i in np.flatnonzero(drawn == np.uint64(whole)):
            number = LazyUniform(source, output=int(i), use=0, known=whole, bits=_WORD)
            outcome[i] = number.below(rational(probability))
    return outcome


def checked_size(size: int) -> int:
    """A number of outputs, or a clear refusal."""
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 0 <= size <= MAX_OUTPUTS:
        raise InvalidInput(f"size must be an int from 0 to 2**32, got {str(size)[:40]!r}")
    return int(size)

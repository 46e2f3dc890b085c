"""A uniform real number of which only as many bits are drawn as a decision needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Real, exact, exact_int
from privlib.certified import Enclosure, exp_negative
from privlib.certified import rational as enclose_rational
from privlib.errors import InvalidInput
from privlib.noise.stream import MAX_OUTPUTS, Words, words
from privlib.proved import proved

__all__ = ["LazyUniform", "bernoulli", "bernoulli_exp", "checked_size", "integers"]

_GUARD = 32
_WORD = 64
_CHUNK = 1 << 14  # words that stay in the cache
_MOST_VALUES = 2**32


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
    return _bernoulli(size, lambda bits: enclose_rational(probability, bits))


@proved("noise.t2")
def bernoulli_exp(size: int, *, r: Real) -> NDArray[np.bool_]:
    """Draw independent booleans that are True with probability exactly ``exp(-r)``.

    Parameters
    ----------
    size : int
        How many, at most 2**32.
    r : rational >= 0
        Read by its decimal spelling; keyword only.

    Returns
    -------
    bool array, shape (size,)

    Raises
    ------
    InvalidInput
        For a size or exponent out of range.

    Privacy
    -------
    Randomness only; it is private as part of a mechanism. Theorem: noise.t2.
    """
    exponent = exact(r, name="r")
    if exponent < 0:
        raise InvalidInput(f"r must be >= 0, got {exponent}")
    return _bernoulli(size, lambda bits: exp_negative(exponent, bits))


@proved("noise.t2")
def integers(size: int, *, below: int) -> NDArray[np.int64]:
    """Draw independent integers, each of ``0, 1, ..., below - 1`` with probability exactly ``1 / below``.

    Parameters
    ----------
    size : int
        How many, at most 2**32.
    below : int
        From 1 to 2**32; keyword only.

    Returns
    -------
    int64 array, shape (size,)

    Raises
    ------
    InvalidInput
        For a size or number of values out of range.

    Privacy
    -------
    Randomness only; it is private as part of a mechanism. Theorem: noise.t2.

    Notes
    -----
    The answer is ``floor(below * U)`` for a uniform U. Where its first 64 bits leave two answers, further bits decide: there is
    no rejection, so no number of draws that depends on chance.
    """
    choices, count, source = exact_int(below, name="below", most=_MOST_VALUES), checked_size(size), words()
    values, half, outcome = np.uint64(choices), np.uint64(32), np.empty(count, dtype=np.int64)
    for start, drawn in _main_words(source, count):
        high, low = (drawn >> half) * values, (drawn & np.uint64(2**32 - 1)) * values
        outcome[start : start + drawn.size] = (high + (low >> half)) >> half
        rest = low + (high << half)  # modulo 2**64: what lies above the answer, in units of 2**-64
        for i in np.flatnonzero(rest > np.uint64(2**64 - choices)):
            number = LazyUniform(source, output=start + int(i), use=0, known=int(drawn[i]), bits=_WORD)
            outcome[start + i] = _scaled(number, choices)
    return outcome


def _bernoulli(size: int, threshold: Enclosure) -> NDArray[np.bool_]:
    count, source = checked_size(size), words()
    low, high = threshold(_WORD + _GUARD)
    whole = low >> _GUARD
    if whole == 1 << _WORD:
        return np.ones(count, dtype=np.bool_)
    outcome = np.empty(count, dtype=np.bool_)
    for start, drawn in _main_words(source, count):
        np.less(drawn, np.uint64(whole), out=outcome[start : start + drawn.size])
        for open_word in {whole, (high - 1) >> _GUARD} if high > whole << _GUARD else ():
            for i in np.flatnonzero(drawn == np.uint64(open_word)):
                number = LazyUniform(source, output=start + int(i), use=0, known=open_word, bits=_WORD)
                outcome[start + i] = number.below(threshold)
    return outcome


def _main_words(source: Words, count: int) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    """The main words of all outputs, with the first output of each chunk."""
    for start in range(0, count, _CHUNK):
        yield start, np.frombuffer(source.main(start, min(_CHUNK, count - start), _WORD), dtype="<u8")


def _scaled(number: LazyUniform, values: int) -> int:
    """``floor(values * U)``."""
    while True:
        low, high = number.known * values >> number.bits, ((number.known + 1) * values - 1) >> number.bits
        if low == high:
            return low
        number.refine()


def checked_size(size: int) -> int:
    """A number of outputs, or a clear refusal."""
    return exact_int(size, name="size", least=0, most=MAX_OUTPUTS)

"""Random choices for a block of records at once, each with exactly its chance.

Every choice is a comparison of a uniform number U in [0, 1) with rational borders. As many bits of U are drawn as decide almost
always, for all records alike; where they do not decide, more are drawn until they do. Nothing is rounded and nothing rejected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.certified import rational
from privlib.noise import integers
from privlib.noise.lazy import LazyUniform
from privlib.noise.stream import words
from privlib.proved import proved

__all__ = ["Coins", "Draws"]

Bytes = NDArray[np.uint8]
Places = NDArray[np.unsignedinteger[Any]]

_WORD, _HALF = 64, 32  # a choice begins with half a word: comparing these is cheaper, and one in 2**32 needs more
_MOST = 2**32  # values of the integers of privlib.noise


class Coins:
    """The chances of some coins, by their binary digits. Coin i is bit ``i % 8`` of byte ``i // 8``.

    Parameters
    ----------
    runs : sequence of (Fraction, int)
        A chance of at least 0 and below 1, and how many coins have it, one after the other.
    """

    __slots__ = ("_chances", "_digits", "_lengths")

    def __init__(self, runs: Sequence[tuple[Fraction, int]]) -> None:
        self._chances, self._lengths = [chance for chance, _ in runs], [length for _, length in runs]
        self._digits = list[tuple[Bytes, Bytes]]()

    def digit(self, place: int) -> tuple[Bytes, Bytes]:
        """The coins whose chance has a one as its ``place``-th binary digit, 1 the first; and those with ones to come.

        Returns
        -------
        uint8 arrays, each of shape (bytes,)
        """
        while len(self._digits) <= place:
            at = len(self._digits)
            scaled = [divmod(chance.numerator << at, chance.denominator) for chance in self._chances]
            self._digits.append((self._pack([whole % 2 for whole, _ in scaled]), self._pack([rest > 0 for _, rest in scaled])))
        return self._digits[place]

    def _pack(self, flags: Sequence[int]) -> Bytes:
        return np.packbits(np.repeat(np.array(flags, dtype=np.uint8), self._lengths), bitorder="little")


class Draws:
    """The random choices of one block of records, under a key of its own.

    Parameters
    ----------
    size : int
        How many records.
    """

    __slots__ = ("_size", "_source", "_used")
    _planes = 8  # bits of U drawn for all coins alike: one coin in 256 needs more. Any number gives the same law

    def __init__(self, size: int) -> None:
        self._size, self._source, self._used = size, words(), 0

    @proved("ldp.t7")
    def place(self, borders: Sequence[Fraction]) -> Places:
        """How many of some borders a uniform number reaches: a choice among one outcome more than there are borders.

        Parameters
        ----------
        borders : sequence of Fraction
            Above 0 and below 1, in ascending order.

        Returns
        -------
        unsigned array, shape (size,)
            In the smallest type that holds them.

        Privacy
        -------
        Randomness only; it is private as part of a mechanism. Theorem: ldp.t7.
        """
        first = 2 * self._used
        drawn = self._words(-(-self._size // 2)).view("<u4")[: self._size]
        reached, undecided = np.zeros(self._size, dtype=np.min_scalar_type(len(borders))), np.zeros(self._size, dtype=np.bool_)
        for border in borders:
            whole, rest = divmod(border.numerator << _HALF, border.denominator)
            if rest:
                reached += drawn > np.uint32(whole)
                undecided |= drawn == np.uint32(whole)
            else:
                reached += drawn >= np.uint32(whole)
        for i in np.flatnonzero(undecided).tolist():
            number = LazyUniform(self._source, output=first + i, use=0, known=int(drawn[i]), bits=_HALF)
            reached[i] = sum(not number.below(partial(rational, border)) for border in borders)
        return reached

    @proved("ldp.t7")
    def bits(self, coins: Coins) -> Bytes:
        """Toss coins for each record.

        The uniform numbers of all coins are compared with their chances digit by digit, one random bit a coin and digit. A coin
        is settled at the first digit in which the two differ, and as 0 where no ones are to come in its chance.

        Parameters
        ----------
        coins : Coins
            Their chances.

        Returns
        -------
        uint8 array, shape (bytes, size)
            Bits beyond the last coin are 0.

        Privacy
        -------
        Randomness only; it is private as part of a mechanism. Theorem: ldp.t7.
        """
        _, left = coins.digit(0)
        heads = np.zeros((left.size, self._size), dtype=np.uint8)
        some, undecided, place = heads, heads | left[:, np.newaxis], 0
        row, lanes = np.arange(left.size)[:, np.newaxis], np.flatnonzero(left)
        while undecided.size and left.any():
            for _ in range(self._planes):
                place += 1
                ones, left = coins.digit(place)
                complement = self._bytes(some.shape)  # of the bits of U, and as random as they are
                some |= complement & ones[row] & undecided
                undecided &= (complement ^ ones[row]) & left[row]
                if not left.any():
                    break
            still = np.flatnonzero(undecided != 0)  # numpy finds true flags several times as fast as numbers
            if some is heads:
                lanes = still
            else:
                heads.ravel()[lanes] = some
                lanes = lanes[still]
            row, undecided, some = lanes // self._size, undecided.ravel()[still], heads.ravel()[lanes]
        return heads

    @proved("ldp.t7")
    def digits(self, radices: Sequence[int]) -> Iterator[NDArray[np.uint32]]:
        """Independent uniform integers, one below each radix. Several come out of one random word.

        Parameters
        ----------
        radices : sequence of int
            From 1 to 2**32.

        Yields
        ------
        uint32 array, shape (size,)
            In the order of the radices.

        Privacy
        -------
        Randomness only; it is private as part of a mechanism. Theorem: ldp.t7.
        """
        for group in _groups(radices):
            value = integers(self._size, below=prod(group)).astype(np.uint32)
            for radix in group[:-1]:
                above = value // np.uint32(radix)
                yield value - above * np.uint32(radix)
                value = above
            yield value

    def _words(self, size: int) -> NDArray[np.uint64]:
        drawn = self._source.main(self._used, size, _WORD)
        self._used += size
        return np.frombuffer(drawn, dtype="<u8")

    def _bytes(self, shape: tuple[int, ...]) -> Bytes:
        size = prod(shape)
        return self._words(-(-size // 8)).view(np.uint8)[:size].reshape(shape)


def _groups(radices: Sequence[int]) -> list[list[int]]:
    """Neighbours whose product is small enough for one integer."""
    groups = list[list[int]]()
    for radix in radices:
        if groups and prod(groups[-1]) * radix <= _MOST:
            groups[-1].append(radix)
        else:
            groups.append([radix])
    return groups

"""What a prefix code is: participant t has codeword c_t, and no codeword is the beginning of another.

That one property makes the scheme correct (sharing.t1); secrecy needs none (sharing.t2). A shorter codeword is a shorter share.
Codewords are written first digit first: the first digit is the coefficient of x^0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, TypeAlias

from privlib.bounds import exact_int
from privlib.errors import InvalidInput
from privlib.proved import proved

__all__ = ["MOST_DIGITS", "Code", "Digits", "binary", "cut_short", "leaves", "letters", "participant", "read_gamma"]

MOST_DIGITS = 1 << 20
"""The longest codeword that is written or read; only the unary code comes near it."""
Digits: TypeAlias = tuple[int, ...]
"""Digits of a codeword, the first first."""


class Code(ABC):
    """A prefix code of the integers 1, 2, 3, ... over the digits 0 and 1."""

    @property
    @abstractmethod
    def name(self) -> str:
        """How a share names its code, such as ``"delta"``; `code_of` reads it."""

    @abstractmethod
    def length(self, t: int) -> int:
        """How many digits the codeword of participant t has, without writing it.

        Raises
        ------
        InvalidInput
            When t is no participant number of this code.
        """

    @abstractmethod
    def decode(self, digits: Sequence[int]) -> tuple[int, int]:
        """Read the codeword at the beginning of some digits.

        Parameters
        ----------
        digits : sequence of int
            Zeros and ones, the first digit first; more may follow the codeword.

        Returns
        -------
        t, used : int
            The participant number and how many digits its codeword has.

        Raises
        ------
        InvalidInput
            When the digits end before the codeword does, or are no zeros and ones.
        """

    @abstractmethod
    def _word(self, t: int) -> Digits: ...

    @abstractmethod
    def _below(self, prefix: Digits, most: int) -> int:
        """How many codewords begin with these digits, or ``most`` if there are more: the leaves below a node of the tree."""

    def encode(self, t: int) -> Digits:
        """Write the codeword of a participant.

        Parameters
        ----------
        t : int
            The participant number, from 1; as large as you like.

        Returns
        -------
        tuple of int
            Zeros and ones, the first digit (of x^0) first.

        Raises
        ------
        InvalidInput
            When t is no participant number of this code, or its codeword has more than `MOST_DIGITS` digits.
        """
        if self.length(t) > MOST_DIGITS:
            raise InvalidInput(f"the {self.name} codeword of this participant has more than {MOST_DIGITS} digits: use delta")
        return self._word(int(t))

    @proved("sharing.t3")
    def overlaps(self, t: int, count: int) -> tuple[int, ...]:
        """The largest numbers of leading digits that c_t shares with other codewords, over the whole code.

        They come from the code's tree: a codeword that leaves the path to c_t at depth d shares exactly d digits with it.

        Parameters
        ----------
        t : int
            The participant number, from 1.
        count : int
            How many, >= 0.

        Returns
        -------
        tuple of int
            ``count`` numbers, the largest first, each as often as there are codewords; fewer where the code has fewer others.

        Raises
        ------
        InvalidInput
            When t is no participant number of this code, or the code is a user's own, whose tree nobody knows.

        Privacy
        -------
        Shares of ``rows`` and the sum of the k-1 largest digits still determine the secret: theorem sharing.t3.

        Examples
        --------
        >>> from privlib.sharing.codes import Delta
        >>> Delta().overlaps(8, 4)
        (7, 6, 6, 5)
        """
        count = exact_int(count, name="count", least=0)
        word = self.encode(t)
        found: list[int] = []
        for depth in reversed(range(len(word))):
            if len(found) == count:
                break
            other = (*word[:depth], 1 - word[depth])
            found += [depth] * self._below(other, count - len(found))
        return tuple(found)


def participant(t: int) -> int:
    """Read a participant number."""
    return exact_int(t, name="participant number t")


def binary(number: int) -> Digits:
    """A number in binary, the leading one first."""
    return tuple(map(int, f"{number:b}"))


def letters(digits: Sequence[Any]) -> str:
    """Digits as letters, so that Python reads numbers of any length fast."""
    if not all(isinstance(digit, Integral) and digit in (0, 1) for digit in digits):
        raise InvalidInput("the digits of a codeword are the integers 0 and 1")
    return "".join("1" if digit else "0" for digit in digits)


def read_gamma(text: str) -> tuple[int, int]:
    """A number in Elias gamma at the beginning of a text, and how many letters it has."""
    zeros = text.find("1")
    used = 2 * zeros + 1
    if zeros < 0 or used > len(text):
        raise cut_short()
    return int(text[zeros:used], 2), used


def leaves(free: int, most: int) -> int:
    """How many words there are with so many free digits, at most ``most``."""
    if free < 0:
        return 0
    return most if free >= most.bit_length() else min(most, 1 << free)


def cut_short() -> InvalidInput:
    """The refusal of digits that end too early."""
    return InvalidInput("the digits end before the codeword does")

"""How a report is drawn: which choices, with which exact chances. A device and a bulk computation share these.

A report of one value comes about in one of two ways. It is *kept* with a chance that `keep` tells, and then speaks of the value;
otherwise it is *even*: one of all reports, all alike. An even report is drawn first, whatever happens, and a kept one is made of
it by `symbol`: the work is the same. Where reports are bits for all values (unary encoding) the value is always kept, and each
bit is a coin of its own. Under RS+FD one `Lot` settles which attribute is drawn and, at once, whether its value is kept:
fakes that are uniform need no more, because an attribute that is not drawn and one that is not kept look alike.

This file needs no numpy; `symbol` takes Python's integers and numpy's unsigned arrays alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle, Subset, Unary
from privlib.ldp.parts import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Lot", "borders", "chosen", "keep", "radices", "symbol"]

Whole = TypeVar("Whole", int, "NDArray[Any]")
"""An integer, or one for each record."""


@dataclass(frozen=True)
class Lot:
    """The one choice of RS+FD: whose value is kept, if any.

    Parameters
    ----------
    borders : tuple of Fraction
        Between the outcomes; the chance of an outcome is the distance of its borders.
    kept : tuple of int
        For each attribute, the outcome in which its value is kept.
    even : tuple of int or None
        For each attribute, the outcome in which it is drawn and not kept; None where that looks like not being drawn.
    """

    borders: tuple[Fraction, ...]
    kept: tuple[int, ...]
    even: tuple[int | None, ...]

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Lot:
        """The lot of some attributes."""
        chances, kept, even = list[Fraction](), list[int](), list[int | None]()
        for part in parts:
            kept.append(len(chances))
            chances.append(part.weight * keep(part.oracle))
            apart = not part.uniform and not isinstance(part.oracle, Unary)
            even.append(len(chances) if apart else None)
            chances += [part.weight * (1 - keep(part.oracle))] if apart else []
        return cls(borders([*chances, 1 - sum(chances, Fraction(0))]), tuple(kept), tuple(even))


def borders(law: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Where the outcomes of a law part, between 0 and 1: outcome i has ``i`` borders at or below it."""
    return tuple(border for border in accumulate(law[:-1]) if border < 1)


def keep(oracle: Oracle) -> Fraction:
    """The chance that a value is kept.

    Examples
    --------
    >>> keep(Grr(4, Fraction(5)))
    Fraction(1, 2)
    """
    match oracle:
        case Grr():
            return oracle.keep
        case LocalHash():
            return (oracle.odds - 1) / (oracle.odds + oracle.buckets - 1)
        case Hadamard():
            return (oracle.odds - 1) / (oracle.odds + 1)
        case Subset():
            even = Fraction(oracle.chosen, oracle.size)
            return (oracle.hit - even) / (1 - even)
        case Unary():
            return Fraction(1)


def radices(part: Part) -> tuple[int, ...]:
    """How many values each of the uniform integers has that an even report, or a uniform fake value, is made of."""
    oracle = part.oracle
    match oracle:
        case Grr():
            return (oracle.size,)
        case LocalHash():
            return (oracle.buckets,) * (oracle.digits + 1)
        case Hadamard():
            return (oracle.columns,)
        case Subset():
            return tuple(range(oracle.size - oracle.chosen + 1, oracle.size + 1))
        case Unary():
            return () if part.fake is None or not part.uniform else (oracle.size,)


def chosen(kept: Whole, one: Whole, other: Whole) -> Whole:
    """``one`` where ``kept`` is 1, ``other`` where it is 0, without a branch."""
    picked: Whole = other + kept * (one - other)
    return picked


def symbol(oracle: Grr | LocalHash | Hadamard, digits: Sequence[Whole], value: Whole, kept: Whole) -> Whole:
    """The symbol reported.

    Parameters
    ----------
    oracle : Grr, LocalHash or Hadamard
        The randomiser.
    digits : sequence of integers
        Uniform below `radices`: the even report.
    value : integer
        The value that would be kept.
    kept : integer
        1 where it is, else 0.

    Returns
    -------
    integer
    """
    match oracle:
        case Grr():
            return chosen(kept, value, digits[0])
        case Hadamard():  # half of the columns have -1 in the value's row, and flipping one of its bits leads to the other half
            row, column = value + 1, digits[0]
            flipped: Whole = column ^ (kept * _parity(row & column) * (row & ~value))
            return flipped
        case LocalHash():
            buckets, coefficients, last = oracle.buckets, digits[:-1], digits[-1]
            bucket, function, place = 0 * value, 0 * value, 1
            for coefficient in coefficients:
                digit = value - value // buckets * buckets
                bucket = (bucket + coefficient * digit) % buckets
                function = function + coefficient * place
                value, place = value // buckets, place * buckets
            told: Whole = function * buckets + chosen(kept, bucket, last)
            return told


def _parity(number: Whole) -> Whole:
    """1 where an odd number of bits is set, of 32."""
    for shift in (16, 8, 4, 2, 1):
        number = number ^ (number >> shift)
    return number & 1

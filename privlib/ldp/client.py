"""Randomising one record on the device of the person it is about; it needs the standard library only.

Read beside proofs/ldp/t3_client.py. The record is checked as a whole before anything is drawn. Every choice is then made for all
attributes, and what is reported is picked by arithmetic: no step depends on which attribute is drawn or on a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from privlib.ldp.domain import Label
from privlib.ldp.oracles import Subset, Unary
from privlib.ldp.parts import Scheme
from privlib.ldp.recipe import Lot, borders, chosen, keep, radices, symbol
from privlib.ldp.wire import Layout, symbols_of, wrap
from privlib.noise.system import Words, device_words, is_secure
from privlib.proved import proved

if TYPE_CHECKING:
    from privlib.ldp.spec import Spec

__all__ = ["Choices", "randomise"]

_BYTES = 8


@proved("ldp.t3")
def randomise(spec: Spec, record: Mapping[str, Label] | Sequence[Label]) -> bytes:
    """Randomise one record.

    Parameters
    ----------
    spec : Spec
        The plan.
    record : mapping or sequence
        A value for each attribute.

    Returns
    -------
    bytes
        A batch of one report, which `privlib.ldp.reports.Reports.from_bytes` reads.

    Raises
    ------
    InvalidInput
        For an attribute too many or too few, or an undeclared value, before anything is drawn.

    Privacy
    -------
    The report has the plan's law, exactly; so it keeps what `Spec.guarantee` tells. Theorem: ldp.t3.
    """
    values, layout, secure = spec.domain.encode(record), Layout(spec.scheme, spec.parts), is_secure()
    choices = Choices(device_words())
    if layout.scheme is Scheme.SMP:  # the report tells which attribute is drawn, so what is done may depend on it
        told = choices.place(borders([part.weight for part in layout.parts]))
        (answer,), bits = _answer(Layout(Scheme.SPL, (layout.parts[told],)), (values[told],), choices)
        report = layout.write([answer] * len(values), bits, told=told)
    else:
        report = layout.write(*_answer(layout, values, choices))
    return wrap(spec.fingerprint, report, secure=secure)


class Choices:
    """Random choices with exactly their chances: comparisons of uniform numbers in [0, 1) with rational borders.

    Parameters
    ----------
    source : Words
        Where bits come from.
    """

    __slots__ = ("_source", "_used")

    def __init__(self, source: Words) -> None:
        self._source, self._used = source, 0

    @proved("ldp.t7")
    def place(self, borders: Sequence[Fraction]) -> int:
        """How many of some borders a uniform number reaches.

        Parameters
        ----------
        borders : sequence of Fraction
            Between 0 and 1.

        Returns
        -------
        int

        Privacy
        -------
        Randomness only; it is private as part of a mechanism. Theorem: ldp.t7.
        """
        known, bits = self._more(_BYTES), 8 * _BYTES
        while True:
            reached = sum(border.numerator << bits <= known * border.denominator for border in borders)
            within = sum(border.numerator << bits < (known + 1) * border.denominator for border in borders)
            if reached == within:  # else a border lies among the numbers that begin with these bits
                return reached
            known, bits = known << 8 * _BYTES | self._more(_BYTES), bits + 8 * _BYTES

    @proved("ldp.t7")
    def digit(self, radix: int) -> int:
        """A uniform integer below a radix: ``floor(radix * U)``, with as many bits of U as decide it.

        Parameters
        ----------
        radix : int
            At least 1.

        Returns
        -------
        int

        Privacy
        -------
        Randomness only; it is private as part of a mechanism. Theorem: ldp.t7.
        """
        known, bits = self._more(_BYTES), 8 * _BYTES
        while (low := known * radix >> bits) != ((known + 1) * radix - 1) >> bits:
            known, bits = known << 8 * _BYTES | self._more(_BYTES), bits + 8 * _BYTES
        return low

    @proved("ldp.t7")
    def bits(self, runs: Sequence[tuple[Fraction, int]]) -> int:
        """Toss coins: bit i of the answer is 1 with the chance of coin i.

        The uniform numbers of all coins are compared with their chances digit by digit, one random bit a coin and digit. A coin
        is settled at the first digit in which the two differ, and as 0 where no ones are to come in its chance.

        Parameters
        ----------
        runs : sequence of (Fraction, int)
            A chance of at least 0 and below 1, and how many coins have it, one after the other.

        Returns
        -------
        int

        Privacy
        -------
        Randomness only; it is private as part of a mechanism. Theorem: ldp.t7.
        """
        left, length = list[tuple[Fraction, int]](), 0  # what is left of a chance, and whose it is
        for chance, count in runs:
            left.append((chance, ((1 << count) - 1) << length))
            length += count
        heads, undecided = 0, sum(own for chance, own in left if chance)
        while undecided:
            left = [(2 * chance, own) for chance, own in left]
            ones = sum(own for chance, own in left if chance >= 1)
            left = [(chance - (chance >= 1), own) for chance, own in left]
            complement = self._more(-(-length // 8))  # of the bits of the numbers, and as random as they are
            heads |= complement & ones & undecided
            undecided &= (complement ^ ones) & sum(own for chance, own in left if chance)
        return heads

    def _more(self, count: int) -> int:
        drawn = self._source.main(self._used, count, 8)
        self._used += count
        return int.from_bytes(drawn, "little")


@proved("ldp.t3")
def _answer(layout: Layout, values: Sequence[int], choices: Choices) -> tuple[list[int], int]:
    """The symbols and bits of a report in which all attributes are answered: each for itself, or one and fakes for the others.

    Privacy
    -------
    They have the law of the layout's parts under its scheme. Theorem: ldp.t3.
    """
    kept, even = _lots(layout, choices)
    sets = [part for part in layout.parts if symbols_of(part.oracle) == 0]
    bits = choices.bits([(part.oracle.miss if isinstance(part.oracle, Unary) else Fraction(0), part.size) for part in sets])
    hits = _each(choices.bits([(part.oracle.hit, 1) for part in sets if isinstance(part.oracle, Unary)]))
    symbols = list[int]()
    for attribute, (part, value, own) in enumerate(zip(layout.parts, values, kept, strict=True)):
        oracle, first = part.oracle, layout.bit_offsets[attribute]
        digits = [choices.digit(radix) for radix in radices(part)]
        if part.fake is not None and not part.uniform:
            fake, mask = choices.place(borders(part.fake)), even[attribute]
            digits = [fake if mask is None else chosen(mask, digits[0], fake)]
        if isinstance(oracle, Unary):
            encoded = value if part.fake is None else chosen(own, value, digits[0])
            place = (own if part.fake is None else 1) << first + encoded
            bits = bits & ~place | next(hits) * place
        elif isinstance(oracle, Subset):
            bits |= _subset(oracle, digits, value, own) << first
        symbols.append(
            len(symbols) if isinstance(oracle, Unary | Subset) else symbol(oracle, digits, value, own)
        )  # a set has none
    return symbols, bits


@proved("ldp.t3")
def _lots(layout: Layout, choices: Choices) -> tuple[list[int], list[int | None]]:
    """For each attribute 1 where its value is kept, else 0; and 1 where it is drawn without, where that shows.

    Privacy
    -------
    Randomness only, by `recipe.Lot` or `recipe.keep`. Theorem: ldp.t3.
    """
    if layout.scheme is Scheme.RSFD:
        lot = Lot.of(layout.parts)
        place = choices.place(lot.borders)
        return [int(place == own) for own in lot.kept], [None if own is None else int(place == own) for own in lot.even]
    chances = [keep(part.oracle) for part in layout.parts]
    coins = _each(choices.bits([(chance, 1) for chance in chances if chance < 1]))
    return [next(coins) if chance < 1 else 1 for chance in chances], [None] * len(chances)


def _each(coins: int) -> Iterator[int]:
    """The coins of an integer, one by one."""
    while True:
        yield coins & 1
        coins >>= 1


def _subset(oracle: Subset, picks: Sequence[int], value: int, kept: int) -> int:
    """Members of a set, as bits, by Floyd's algorithm; its last pick is the value where that is kept."""
    members, size = 0, oracle.size
    for top, pick in enumerate([*picks[:-1], chosen(kept, value, picks[-1])], start=size - oracle.chosen):
        members |= 1 << chosen(members >> pick & 1, top, pick)
    return members

"""Each random choice of a local report has exactly its chances, on a device and in bulk.

Statement
    Given independent uniform random bits: ``place`` of rational borders b_1 < ... < b_m in (0, 1) is i with probability
    b_{i+1} - b_i (b_0 = 0, b_{m+1} = 1); ``digit`` and ``digits`` are uniform below their radices; ``bits`` are 1 with the
    chances of their coins. All choices are independent, of each other and across the records of a block.

Proof
    ``place`` is the number of borders that a uniform U in [0, 1) reaches. Bits of U are drawn until no border lies inside the
    interval of the numbers that begin with them; then that number is the same for all of them. This happens with probability 1,
    because borders are finitely many. In bulk the first 32 bits are compared with ``floor(2**32 b)``: a greater word reaches b, a
    smaller one does not, and an equal one is refined unless the border is the word. ``digit`` is ``floor(n U)``, likewise. A
    uniform integer below ``k_1 k_2 ... k_m`` has independent uniform digits in the mixed radix (k_1, ..., k_m). A coin is
    ``U < p``: at the first binary digit in which U and p differ, U is below p if and only if p has the one; if no ones are left
    in p, U is not below p. Each bit of each word serves one U.

Checked against the shipped code
    Every way of nearing a border: the number follows the border's words for a while, then leaves it by one, or for an end. Coins
    of many chances in several bytes, each following its chance's digits up to a depth of its own, so that rounds after the first
    go on with few of them. Digits of every integer. The words asked for, in order.

Covers not
    The generator (noise.t1), ``noise.integers`` (noise.t2), from which bulk takes integers, and timing.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import PrivlibError
from privlib.ldp import client, draws
from privlib.noise import system
from privlib.noise.testing import InsecureNoise, scripted_words
from privlib.prove import replaced, rewritten

covers = [
    "privlib.ldp.client.Choices.place",
    "privlib.ldp.client.Choices.digit",
    "privlib.ldp.client.Choices.bits",
    "privlib.ldp.client.Choices._more",
    "privlib.ldp.draws.Coins.__init__",
    "privlib.ldp.draws.Coins.digit",
    "privlib.ldp.draws.Coins._pack",
    "privlib.ldp.draws.Draws.__init__",
    "privlib.ldp.draws.Draws.place",
    "privlib.ldp.draws.Draws.bits",
    "privlib.ldp.draws.Draws.digits",
    "privlib.ldp.draws.Draws._words",
    "privlib.ldp.draws.Draws._bytes",
    "privlib.ldp.draws._groups",
    "privlib.noise.system.SystemWords.main",
    "privlib.noise.system.device_words",
    "privlib.noise.lazy.LazyUniform.below",
    "privlib.noise.lazy.LazyUniform.refine",
]

F = Fraction
LAST = 2**64 - 1


class Used(Exception):
    """The scripted bits are used up without a decision."""


BORDERS: list[list[Fraction]] = [
    [],
    [F(1, 3)],
    [F(1, 2), F(3, 4)],
    [F(1, 9), F(1, 3), F(5, 9), F(7, 8)],
    [F(1, 2**70), F(1, 3), F(1, 3) + F(1, 2**66), F(1, 3) + F(1, 2**64), 1 - F(1, 2**66)],
    [F(2**65 + 1, 2**66), F(3, 5)],
    [F(1, 2**32), F(5, 2**32), F(11, 2**33), F(2**32 - 1, 2**32)],
]
RADICES = [1, 2, 3, 7, 100, 2**40 + 1, 3**40]
CHANCES = [F(1, 20), F(1, 2), F(5, 8), F(1, 3), F(3, 4), F(0), F(2**20 - 1, 2**20), F(1, 10**6), F(11, 12), F(1, 257)]


def numbers_near(border: Fraction, *, first: int = 64) -> Iterator[tuple[int, int, int]]:
    """Words of ``first``, 64 and 64 bits: each as in the border, one beside it, or at an end."""
    lasts = [2**first - 1, LAST, LAST]
    near = [(border.numerator << first + 64 * i) // border.denominator & last for i, last in enumerate(lasts)]
    for place, step, end in itertools.product(range(3), (-1, 0, 1), (0, 1)):
        ends = [end * last for last in lasts]
        words = [*near[:place], min(lasts[place], max(0, near[place] + step)), *ends[place + 1 :]]
        yield words[0], words[1], words[2]


def decided(words: Sequence[int], answer: Callable[[Fraction, Fraction], int | None], *, first: int = 64) -> int | None:
    """The answer at the first depth where the numbers that begin with the words have one."""
    known = 0
    for i, word in enumerate(words):
        known, bits = known << 64 | word, first + 64 * i
        found = answer(F(known, 2**bits), F(known + 1, 2**bits))
        if found is not None:
            return found
    return None


def by_device(words: Sequence[int], choose: Callable[[client.Choices], int]) -> int | None:
    with scripted_words([byte for word in words for byte in word.to_bytes(8, "little")]):
        try:
            return choose(client.Choices(system.device_words()))
        except PrivlibError:  # the script has no more words
            return None


def in_bulk(words: Sequence[int], borders: Sequence[Fraction]) -> int | None:
    """The answer for the second record of three, between the least and the greatest number, after other choices."""

    def refine(output: int, use: int, chunk: int) -> int:
        assert use == 0, "refinement bits are asked for at another address"
        if output != 13:
            assert output in (12, 14), "refinement bits of another record"
            return 0 if output == 12 else LAST
        if chunk + 1 == len(words):
            raise Used
        return words[chunk + 1]

    with scripted_words([1, 2, 3, 4, 5, 6, words[0] << 32, 2**32 - 1], refine=refine):
        some = draws.Draws(3)
        some._words(6)
        try:
            least, middle, most = some.place(borders).tolist()
        except Used:
            return None
    assert (least, most) == (0, len(borders)), "the least number reaches a border, or the greatest does not"
    return int(middle)


def choices_are_exact() -> None:
    for borders in BORDERS:

        def reached(low: Fraction, high: Fraction, borders: Sequence[Fraction] = borders) -> int | None:
            least = sum(border <= low for border in borders)
            return least if least == sum(border < high for border in borders) else None

        for border in borders or [F(1, 2)]:
            for words in numbers_near(border):
                wanted = decided(words, reached)
                assert by_device(words, lambda some, b=borders: some.place(b)) == wanted, "a device chooses another outcome"
            for words in numbers_near(border, first=32):
                assert in_bulk(words, borders) == decided(words, reached, first=32), "in bulk another outcome is chosen"
    for radix in RADICES:

        def floor(low: Fraction, high: Fraction, radix: int = radix) -> int | None:
            return int(low * radix) if int(low * radix) == -int(-high * radix // 1) - 1 else None

        for k in {1, radix // 2, radix - 1}:
            for words in numbers_near(F(k, radix)):
                found = by_device(words, lambda some, r=radix: some.digit(r))
                assert found == decided(words, floor), "an integer is another than floor(n U)"


def toss(chance: Fraction, digits: Sequence[int]) -> int | None:
    """Whether the number with these binary digits lies below a chance; None where they do not say."""
    for digit in digits:
        if chance == 0:
            return 0
        one, chance = 2 * chance >= 1, 2 * chance % 1
        if digit != one:
            return int(one)
    return 0 if chance == 0 else None


def digits_near(chance: Fraction, depth: int, salt: int) -> list[int]:
    """The chance's own digits up to a depth, the other digit there, and after it any."""
    own = [int(chance * 2 ** (place + 1)) % 2 for place in range(depth)]
    rest = [(salt * 2654435761 + place * place * 40503 >> 7) % 2 for place in range(120)]
    return [*own, 1 - int(chance * 2 ** (depth + 1)) % 2, *rest]


def coins_are_exact() -> None:
    runs = [(chance, 1 + place % 3) for place, chance in enumerate(CHANCES)]
    coins = [chance for chance, count in runs for _ in range(count)]
    cases = [
        [digits_near(chance, (depth + 5 * place) % 23, depth + place) for place, chance in enumerate(coins)]
        for depth in range(46)
    ]
    wanted = [
        sum((toss(chance, own) or 0) << i for i, (chance, own) in enumerate(zip(coins, case, strict=True))) for case in cases
    ]

    def complement(case: Sequence[Sequence[int]], step: int) -> bytes:
        return sum(1 - own[step] << i for i, own in enumerate(case)).to_bytes(-(-len(coins) // 8), "little")

    for case, answer in zip(cases, wanted, strict=True):
        with scripted_words([byte for step in range(60) for byte in complement(case, step)]):
            assert client.Choices(system.device_words()).bits(runs) == answer, "a coin of a device has another chance"
    for length in range(1, 40):
        with scripted_words([255] * 8):
            assert client.Choices(system.device_words()).bits([(F(1, 2), length)]) == (1 << length) - 1, "a coin is not tossed"
    steps = itertools.count()

    def planes(some: object, shape: tuple[int, ...]) -> np.ndarray:
        """The bytes of one step, for all lanes or, after whole rounds, for those that are not decided by then."""
        step = next(steps)
        whole = np.array([list(complement(case, step)) for case in cases], dtype=np.uint8).T
        if len(shape) == 2:
            return whole
        begun = step - step % draws.Draws._planes
        open_lanes = [
            whole[row, i]
            for row in range(whole.shape[0])
            for i, case in enumerate(cases)
            if any(toss(coins[c], case[c][:begun]) is None for c in range(8 * row, min(8 * row + 8, len(coins))))
        ]
        assert (len(open_lanes),) == shape, "other coins are tossed on than those that are open"
        return np.array(open_lanes, dtype=np.uint8)

    with replaced(draws.Draws, "_bytes", planes):
        heads = draws.Draws(len(cases)).bits(draws.Coins(runs))
    found = [int.from_bytes(row.tobytes(), "little") for row in heads.T]
    assert found == wanted, "a coin in bulk has another chance"


def digits_are_a_bijection() -> None:
    for radices in ([7, 16, 2, 5], [3], [2**32, 2, 3], [1, 4, 1]):
        groups = list[int]()

        def every(size: int, *, below: int, groups: list[int] = groups) -> np.ndarray:
            groups.append(below)
            return np.arange(size, dtype=np.int64) if below < 2**32 else np.arange(size, dtype=np.int64) + below - size

        with replaced(draws, "integers", every):
            found = list(draws.Draws(prod(radices) if prod(radices) < 2**20 else 6).digits(radices))
        assert prod(groups) == prod(radices), "the integers have another number of values than the digits together"
        assert [int(own.max()) for own in found] == [radix - 1 for radix in radices], "a digit has another number of values"
        if len(groups) == 1:
            assert len(set(zip(*(own.tolist() for own in found), strict=True))) == groups[0], "two integers have the same digits"


class Recorded:
    """Words that note which were asked for."""

    refinement_bits = 64

    def __init__(self) -> None:
        self.ends = [0]

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        assert start == self.ends[-1], "a random word is used twice, or left out"
        self.ends.append(start + count)
        return bytes(i % 251 for i in range(start * word_bits // 8, (start + count) * word_bits // 8))


def each_word_is_used_once() -> None:
    for source in (Recorded(), Recorded()):
        some = client.Choices(source)  # type: ignore[arg-type]  # no refinement is asked for
        assert some._more(3) == int.from_bytes(bytes([0, 1, 2]), "little"), "a device uses other words than it drew"
        some.place([F(1, 3)]), some.digit(5), some.bits([(F(1, 3), 9)])
    with replaced(draws, "words", Recorded):
        block = draws.Draws(40)
        assert block._bytes((3, 5)).tolist() == np.arange(15).reshape(3, 5).tolist(), "bulk uses other words than it drew"
        block.place([F(1, 3)]), block.bits(draws.Coins([(F(1, 3), 19)])), block.place([F(1, 3)])
    asked = list[int]()

    def urandom(size: int) -> bytes:
        asked.append(size)
        return bytes(range(size))

    with replaced(os, "urandom", urandom):
        assert system.device_words().main(9, 3, 64) == bytes(range(24)), "a device's words are not the operating system's"
    assert asked == [24]


def prove() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        choices_are_exact()
        coins_are_exact()
        digits_are_a_bijection()
        each_word_is_used_once()


def mutants() -> dict[str, object]:
    device, block, coins = "privlib.ldp.client.Choices", "privlib.ldp.draws.Draws", "privlib.ldp.draws.Coins"
    return {
        "a device stops before its outcome is decided": rewritten(f"{device}.place", "reached == within", "True"),
        "a device counts borders that it may not reach": rewritten(f"{device}.place", "<= known *", "<= (known + 1) *"),
        "a device forgets the first word": rewritten(f"{device}.place", "known << 8 * _BYTES |", ""),
        "a device's integers are not decided": rewritten(f"{device}.digit", "((known + 1) * radix - 1)", "known * radix"),
        "a device's integers forget the first word": rewritten(f"{device}.digit", "known << 8 * _BYTES |", ""),
        "a device's coins go on when they are settled": rewritten(f"{device}.bits", "& ones & undecided", "& ones"),
        "a device's coins have other digits": rewritten(f"{device}.bits", "if chance >= 1)", "if chance > 1)"),
        "a device uses a word twice": rewritten(f"{device}._more", "self._used += count", "self._used += count - 1"),
        "a device's words are not the system's": rewritten(
            "privlib.noise.system.SystemWords.main", "os.urandom(count * word_bits // 8)", "bytes(count * word_bits // 8)"
        ),
        "bulk does not settle words at a border": rewritten(f"{block}.place", "undecided |= drawn == np.uint32(whole)", "pass"),
        "bulk reaches borders too late": rewritten(f"{block}.place", "drawn >= np.uint32(whole)", "drawn > np.uint32(whole)"),
        "bulk refines another record": rewritten(f"{block}.place", "output=first + i", "output=first"),
        "bulk refines the words of an earlier choice": rewritten(f"{block}.place", "output=first + i", "output=i"),
        "two choices of bulk refine alike": rewritten(f"{block}.place", "first = 2 * self._used", "first = self._used"),
        "bulk repeats its words": rewritten(f"{block}._words", "self._used += size", "pass"),
        "bulk gives up open coins": rewritten(f"{block}.bits", "while undecided.size and", "while not place and"),
        "bulk confuses the rows of open coins": rewritten(f"{block}.bits", "= lanes // self._size,", "= lanes % 1,"),
        "bulk loses what open coins gave": rewritten(f"{block}.bits", "heads.ravel()[lanes] = some", "pass"),
        "bulk goes on when no ones are to come": rewritten(f"{block}.bits", "ones[row]) & left[row]", "ones[row])"),
        "a chance has other digits": rewritten(f"{coins}.digit", "whole % 2", "whole % 4 // 2"),
        "a chance loses its last one": rewritten(f"{coins}.digit", "rest > 0", "rest > 1"),
        "coins stand in another order": rewritten(f"{coins}._pack", 'bitorder="little"', 'bitorder="big"'),
        "digits share their quotient": rewritten(f"{block}.digits", "value = above", "pass"),
        "integers are one too few": rewritten(f"{block}.digits", "below=prod(group)", "below=max(1, prod(group) - 1)"),
    }


@given(st.fractions(0, 1, max_denominator=10**6), st.integers(0, LAST))
def test_any_other_word_decides_by_itself(border: Fraction, word: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        if 0 < border < 1 and word != int(border * 2**64):
            assert by_device([word], lambda some: some.place([border])) == int(F(word, 2**64) >= border)
        half = word >> 32
        if 0 < border < 1 and half != int(border * 2**32):
            assert in_bulk([half], [border]) == int(F(half, 2**32) >= border)

"""Coins and uniform integers have exactly their probabilities.

Statement
    Let p be a rational, 0 <= p <= 1, r a rational >= 0 and n an integer from 1 to 2**32. Given independent uniform 64-bit main
    words and independent uniform refinement bits, every output of ``bernoulli(size, p=p)`` is True with probability exactly p,
    of ``bernoulli_exp(size, r=r)`` with probability exactly ``exp(-r)``, and every output of ``integers(size, below=n)`` is each
    of 0, ..., n - 1 with probability exactly 1/n; outputs are independent.

Proof
    U in [0, 1) is the number whose first 64 bits are the main word u and whose further bits are the refinement bits. A coin is
    the truth of U < p, an integer is ``floor(n U)``: P(U < p) = p, and ``floor(n U) = k`` for U in [k/n, (k+1)/n). With an
    enclosure ``low <= 2**96 p <= high``, words below ``low >> 32`` imply U < p and words above ``(high - 1) >> 32`` imply U >= p;
    for the one or two between, bits are refined until the interval that they leave lies on one side of p. For integers the first
    64 bits leave two answers if and only if ``n u mod 2**64 > 2**64 - n``; then bits are refined until one is left. Both end with
    probability 1. Nothing is rejected.

Checked against the shipped code
    Coins: the words around p through the shipped functions, then every 6 bits after a beginning that does not decide, twice,
    against ball arithmetic (flint); the same where an enclosure of 96 bits lies across two words. Integers:
    the same at the borders of k/n. Output i asks for the refinement bits of output i, use 0, and comes from main word i.

Covers not
    The generator and timing, as in noise.t1.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib import noise
from privlib.errors import InvalidInput
from privlib.noise import lazy
from privlib.noise.testing import InsecureNoise, fixed_key, scripted_words
from privlib.prove import replaced, rewritten

covers = [
    "privlib.noise.lazy.bernoulli",
    "privlib.noise.lazy.bernoulli_exp",
    "privlib.noise.lazy.integers",
    "privlib.noise.lazy._bernoulli",
    "privlib.noise.lazy._main_words",
    "privlib.noise.lazy._scaled",
    "privlib.noise.lazy.LazyUniform.below",
    "privlib.noise.lazy.LazyUniform.refine",
    "privlib.noise.lazy.LazyUniform.__init__",
    "privlib.noise.lazy.checked_size",
    "privlib.certified.rational",
    "privlib.certified.exp_negative",
]

PROBABILITIES = [Fraction(1, 3), Fraction(5, 7), Fraction(1, 2**64 + 13), 1 - Fraction(1, 3**50), Fraction(1, 2)]
EXPONENTS = [Fraction(1), Fraction(1, 10**30), Fraction(50), Fraction(7, 3)]
VALUES = [1, 2, 3, 7, 10**6 + 3, 2**32 - 1, 2**32]
CHUNK, DEPTH = 6, 2
LAST = 2**64 - 1
Coin = Callable[[int], np.ndarray]


class TooDeep(Exception):
    """The scripted bits are used up without a decision."""


def answer(sampler: Coin, word: int, *chunks: int) -> int | None:
    """The shipped answer for output 1 of 3 when its bits begin so, in any chunks; None where they do not decide."""
    answers = set[int | None]()
    for chunk in (3, 2, 1):
        with replaced(lazy, "_CHUNK", chunk):
            answers.add(_answer(sampler, word, *chunks))
    assert len(answers) == 1, "the answer depends on how the outputs are cut into chunks"
    return answers.pop()


def _answer(sampler: Coin, word: int, *chunks: int) -> int | None:

    def refine(output: int, use: int, chunk: int) -> int:
        assert use == 0, "refinement bits are asked for at another address"
        if output != 1:  # the least and the greatest number, should their words not decide
            return 0 if output == 0 else (1 << CHUNK) - 1
        if chunk == len(chunks):
            raise TooDeep
        return chunks[chunk]

    try:
        with scripted_words([0, word, LAST], refine=refine, refinement_bits=CHUNK):
            _, middle, _ = sampler(3)
    except TooDeep:
        return None
    return int(middle)


def coin_is_exact(sampler: Coin, exact: arb) -> None:
    """All numbers that begin with the threshold's word, 6 bits further at a time, and the words beside it."""
    for depth in range(DEPTH + 1):
        scaled = exact * arb(2) ** (64 + CHUNK * depth)
        edge = scaled.floor().unique_fmpz()
        assert edge is not None, "the ball does not decide the threshold"
        first, *known = [int(edge) >> CHUNK * (depth - i) & ((1 << CHUNK) - 1 if i else LAST) for i in range(depth + 1)]
        ends = range(1 << CHUNK) if depth else (known or [max(0, first - 1), first, min(LAST, first + 1)])
        for end in ends:
            place = (*([first, *known[:-1]] if depth else []), end)
            number = sum(chunk << CHUNK * (depth - i) for i, chunk in enumerate(place))
            found = answer(sampler, *place)
            if number != edge:
                assert found == (number < edge), "the answer is not whether U lies below p"
            else:
                assert found == (0 if (scaled - int(edge)).is_zero() else None), "a run of bits around p is decided"
        if (scaled - int(edge)).is_zero():
            return


def coins() -> None:
    for p in PROBABILITIES:
        coin_is_exact(lambda size, p=p: noise.bernoulli(size, p=p), arb(fmpq(p.numerator, p.denominator)))
    for r in EXPONENTS:
        coin_is_exact(lambda size, r=r: noise.bernoulli_exp(size, r=r), (-arb(fmpq(r.numerator, r.denominator))).exp())
    border = 2**64 // 3  # an enclosure of 96 bits that lies across two words, as it is for some p

    def across(_: Fraction, bits: int) -> tuple[int, int]:
        exact = (border << 6 | 1) << bits - 70
        return (exact - (1 << 30), exact + (1 << 20)) if bits == 96 else (exact, exact)

    with replaced(lazy, "enclose_rational", across):
        found = [
            answer(lambda size: noise.bernoulli(size, p="1/3"), *place) for place in ((border - 1, 63), (border, 0), (border, 1))
        ]
    assert found == [True, True, False], "of two open words one is not resolved"
    assert noise.bernoulli(50, p=1).all(), "a sure outcome is not sure"
    assert noise.bernoulli_exp(50, r=0).all(), "a sure outcome is not sure"
    assert not noise.bernoulli(50, p=0).any(), "an impossible outcome happens"
    for refused in (
        lambda: noise.bernoulli(1, p="-1/3"),
        lambda: noise.bernoulli(1, p="4/3"),
        lambda: noise.bernoulli_exp(1, r=-1),
    ):
        assert is_refused(refused), "a number out of range is taken for a parameter"


def is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except InvalidInput:
        return True
    return False


def uniform_integers() -> None:
    """At the borders of k/n: the last word that lies below as a whole, the one across, the one above."""
    total = 64 + CHUNK * DEPTH
    for n in VALUES:
        for k in {1, n // 3, n // 2, n - 1} - {0}:
            whole = k * 2**64 // n
            for word in {whole - 1, whole, min(whole + 1, LAST)} if k < n else ():
                for bits in (0, 1, 63, 64, (k << total) // n & 4095, ((k << total) // n & 4095) - 1, 4094, 4095):
                    number = word << CHUNK * DEPTH | bits & 4095
                    below, above = number * n >> total, ((number + 1) * n - 1) >> total
                    chunks = (bits & 4095) >> CHUNK, bits & 63
                    found = answer(lambda size, n=n: noise.integers(size, below=n), word, *chunks)
                    assert found == (below if below == above else None), "an integer is another than floor(n U)"
    for refused in (0, -1, 2**32 + 1, True, 1.0):
        assert is_refused(lambda refused=refused: noise.integers(1, below=refused)), (
            "a number out of range is taken for a parameter"
        )


def outputs_come_from_their_own_words() -> None:
    with fixed_key(bytes(range(32))):
        words = np.frombuffer(noise.stream.words().main(0, 5000, 64), dtype="<u8")
    for sampler, expected in (
        (lambda: noise.bernoulli(5000, p="1/2"), words < 2**63),
        (lambda: noise.bernoulli_exp(5000, r=1), words < int(np.floor(np.exp(-1) * 2**64))),
        (lambda: noise.integers(5000, below=1000), np.array([int(word) * 1000 >> 64 for word in words])),
    ):
        with fixed_key(bytes(range(32))):
            assert np.array_equal(sampler(), expected), "output i does not come from word i"


def chunks_continue_the_stream() -> None:
    for draw in (lambda: noise.bernoulli(100, p="1/2"), lambda: noise.integers(100, below=2**32)):
        with fixed_key(bytes(32)):
            at_once = draw()
        with fixed_key(bytes(32)), replaced(lazy, "_CHUNK", 7):
            assert np.array_equal(draw(), at_once), "a later chunk takes other words than its own"


def prove() -> None:
    ctx.prec = 400
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        outputs_come_from_their_own_words()
        chunks_continue_the_stream()
        uniform_integers()
        coins()


def mutants() -> dict[str, object]:
    coin, whole, number = "privlib.noise.lazy._bernoulli", "privlib.noise.lazy.integers", "privlib.noise.lazy.LazyUniform"
    return {
        "the ambiguous word is rounded down": rewritten(coin, "outcome[start + i] = number.below(threshold)", "pass"),
        "the ambiguous word counts as below": rewritten(coin, "np.less(drawn", "np.less_equal(drawn"),
        "only the lower of two open words is resolved": rewritten(coin, "{whole, (high - 1) >> _GUARD}", "{whole}"),
        "refinement bits of another output": rewritten(coin, "output=start + int(i)", "output=start"),
        "refinement forgets the word": rewritten(coin, "known=open_word, bits=_WORD", ""),
        "a probability near one is one": rewritten(coin, "whole == 1 << _WORD", "whole >= (1 << _WORD) - 1"),
        "exp(r) is taken for exp(-r)": rewritten(
            "privlib.noise.lazy.bernoulli_exp", "exp_negative(exponent, bits)", "exp_negative(2 * exponent, bits)"
        ),
        "undecided is accepted": rewritten(f"{number}.below", "(self.known + 1) << _GUARD <= low", "self.known << _GUARD < low"),
        "undecided is rejected": rewritten(
            f"{number}.below", "self.known << _GUARD >= high", "(self.known + 1) << _GUARD > high"
        ),
        "refinement overwrites": rewritten(f"{number}.refine", "self.known << width |", "0 |"),
        "integers are rounded": rewritten(whole, "np.flatnonzero(rest > np.uint64(2**64 - choices))", "()"),
        "integers resolve too few words": rewritten(whole, "2**64 - choices", "2**64 - 1"),
        "integers take the upper answer": rewritten("privlib.noise.lazy._scaled", "if low == high", "if high"),
        "integers share their bits": rewritten(whole, "output=start + int(i)", "output=start"),
        "later chunks repeat the first one's words": rewritten("privlib.noise.lazy._main_words", "main(start,", "main(0,"),
        "later chunks repeat the first one's refinement": rewritten(coin, "output=start + int(i)", "output=int(i)"),
        "later integers repeat the first chunk's refinement": rewritten(whole, "output=start + int(i)", "output=int(i)"),
        "integers lose a carry": rewritten(whole, "(high + (low >> half))", "(high)"),
        "integers are one too large": rewritten(
            whole,
            "values, half, outcome = np.uint64(choices), ",
            "values, half, outcome = np.uint64(choices + 1), ",
        ),
    }


@given(st.fractions(0, 1, max_denominator=10**6), st.integers(1, 2**64 - 2))
def test_any_other_word_decides_by_itself(p: Fraction, word: int) -> None:
    whole = int(p * 2**64)
    if word != whole and 0 < p < 1:
        assert answer(lambda size: noise.bernoulli(size, p=p), word) == (word < whole)


@given(st.integers(1, 2**32), st.integers(0, LAST), st.integers(0, 4095))
def test_any_integer_is_the_floor(n: int, word: int, bits: int) -> None:
    number, total = word << CHUNK * DEPTH | bits, 64 + CHUNK * DEPTH
    below, above = number * n >> total, ((number + 1) * n - 1) >> total
    assert answer(lambda size: noise.integers(size, below=n), word, bits >> CHUNK, bits & 63) == (
        below if below == above else None
    )

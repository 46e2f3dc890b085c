"""The lazily refined Bernoulli is true with exactly its probability.

Statement
    Let p be a rational, 0 <= p <= 1. Given independent uniform 64-bit main words and independent uniform refinement bits, every
    output of ``bernoulli(size, p=p)`` is True with probability exactly p, and outputs are independent.

Proof
    U in [0, 1) is the number whose first 64 bits are the main word u and whose further bits are the refinement bits. The output
    is the truth of U < p: with ``w = floor(2**64 p)``, u < w implies U < p, u > w implies U >= p, and for u = w the bits are
    refined until the interval that they leave lies on one side of p. It ends with probability 1, and P(U < p) = p.

Checked against the shipped code
    The words w - 1, w, w + 1 through the shipped function, the word w with every pair of 6-bit refinement chunks, against the
    comparison of fractions; output i asks for the refinement bits of output i, use 0.

Covers not
    The generator and timing, as in noise.t1.
"""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib import noise
from privlib.errors import InvalidInput
from privlib.noise.testing import InsecureNoise, fixed_key, scripted_words
from privlib.prove import rewritten

covers = [
    "privlib.noise.lazy.bernoulli",
    "privlib.noise.lazy.LazyUniform.below",
    "privlib.noise.lazy.LazyUniform.refine",
    "privlib.noise.lazy.LazyUniform.__init__",
    "privlib.noise.lazy.rational",
]

PROBABILITIES = [Fraction(1, 3), Fraction(5, 7), Fraction(1, 2**64 + 13), 1 - Fraction(1, 3**50), Fraction(1, 2)]
CHUNK, DEPTH = 6, 2


class TooDeep(Exception):
    """The scripted bits are used up without a decision."""


def decide(p: Fraction, word: int, bits: int) -> bool | None:
    """The shipped answer for output 1 of 3 when its bits begin so; None where they do not decide."""

    def refine(output: int, use: int, chunk: int) -> int:
        assert use == 0, "refinement bits are asked for at another address"
        if output != 1:  # the least and the greatest number, should their words not decide
            return 0 if output == 0 else (1 << CHUNK) - 1
        if chunk >= DEPTH:
            raise TooDeep
        return bits >> CHUNK * (DEPTH - 1 - chunk) & ((1 << CHUNK) - 1)

    try:
        with scripted_words([0, word, 2**64 - 1], refine=refine, refinement_bits=CHUNK):
            first, middle, last = noise.bernoulli(3, p=p)
    except TooDeep:
        return None
    assert first, "U = 0... must lie below p"
    assert not last, "U = 1... must not lie below p"
    return bool(middle)


def is_refused(p: Fraction) -> bool:
    try:
        noise.bernoulli(1, p=p)
    except InvalidInput:
        return True
    return False


def prove() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        for p in PROBABILITIES:
            whole = int(p * 2**64)
            for word in {max(1, whole - 1), whole, min(whole + 1, 2**64 - 2)} - {0, 2**64 - 1}:
                undecided = 0
                for bits in range(1 << CHUNK * DEPTH) if word == whole else (0, (1 << CHUNK * DEPTH) - 1):
                    low = Fraction(word << CHUNK * DEPTH | bits, 1 << 64 + CHUNK * DEPTH)
                    high = low + Fraction(1, 1 << 64 + CHUNK * DEPTH)
                    answer = decide(p, word, bits)
                    undecided += answer is None
                    assert answer is not True or high <= p, "True although U may lie above p"
                    assert answer is not False or low >= p, "False although U may lie below p"
                assert undecided <= 1, "more than the one run of bits around p stays undecided"
        assert noise.bernoulli(50, p=1).all(), "a sure outcome is not sure"
        assert not noise.bernoulli(50, p=0).any(), "an impossible outcome happens"
        for outside in (Fraction(-1, 3), Fraction(4, 3)):
            assert is_refused(outside), "a number outside [0, 1] is taken for a probability"
        with fixed_key(bytes(range(32))):
            words = np.frombuffer(noise.stream.words().main(0, 5000, 64), dtype="<u8")
        with fixed_key(bytes(range(32))):
            assert np.array_equal(noise.bernoulli(5000, p="1/2"), words < 2**63), "output i does not come from word i"


def mutants() -> dict[str, object]:
    bernoulli, lazy = "privlib.noise.lazy.bernoulli", "privlib.noise.lazy.LazyUniform"
    return {
        "the ambiguous word is rounded down": rewritten(bernoulli, "if rest:", "if False:"),
        "the ambiguous word counts as below": rewritten(bernoulli, "drawn < np.uint64(whole)", "drawn <= np.uint64(whole)"),
        "refinement bits of another output": rewritten(bernoulli, "output=int(i)", "output=0"),
        "refinement forgets the word": rewritten(bernoulli, "known=whole, bits=_WORD", ""),
        "undecided is accepted": rewritten(f"{lazy}.below", "(self.known + 1) << _GUARD <= low", "self.known << _GUARD < low"),
        "refinement overwrites": rewritten(f"{lazy}.refine", "self.known << width |", "0 |"),
    }


@given(st.fractions(0, 1, max_denominator=10**6), st.integers(1, 2**64 - 2))
def test_any_other_word_decides_by_itself(p: Fraction, word: int) -> None:
    whole = int(p * 2**64)
    if word != whole and 0 < p < 1:
        assert decide(p, word, 0) is (word < whole)

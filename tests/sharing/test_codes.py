"""Codewords: known ones, sizes without writing them, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from privlib.errors import InvalidInput
from privlib.sharing.codes import MOST_DIGITS, Code, Delta, Fixed, Gamma, Omega, Unary, UserCode, code_of
from privlib.sharing.layouts import overlap

ENDLESS: list[Code] = [Delta(), Gamma(), Omega()]
ALL: list[Code] = [*ENDLESS, Unary(), Fixed(8), Fixed(64)]


def text(word: Sequence[int]) -> str:
    return "".join(map(str, word))


@pytest.mark.parametrize(
    ("code", "t", "word"),
    [
        *(("delta", t, word) for t, word in {1: "1", 2: "0100", 3: "0101", 4: "01100", 7: "01111", 8: "00100000"}.items()),
        *(("delta", t, word) for t, word in {16: "001010000", 17: "001010001", 100: "00111100100"}.items()),
        *(("omega", t, word) for t, word in {1: "0", 2: "100", 3: "110", 4: "101000", 8: "1110000"}.items()),
        *(("omega", t, word) for t, word in {16: "10100100000", 17: "10100100010", 100: "1011011001000"}.items()),
        *(("gamma", t, word) for t, word in {1: "1", 2: "010", 5: "00101", 100: "0000001100100"}.items()),
        *(("unary", t, word) for t, word in {1: "0", 2: "10", 5: "11110"}.items()),
        *(("fixed-4", t, word) for t, word in {1: "0000", 2: "0001", 16: "1111"}.items()),
    ],
)
def test_known_codewords(code: str, t: int, word: str) -> None:
    assert text(code_of(code).encode(t)) == word
    assert code_of(code).decode([*map(int, word), 1, 0, 1]) == (t, len(word))


@pytest.mark.parametrize("code", ALL, ids=lambda code: code.name)
def test_no_codeword_begins_another_and_each_reads_back(code: Code) -> None:
    words = [code.encode(t) for t in range(1, 200)]
    assert all(overlap(one, two) < min(len(one), len(two)) for one, two in combinations(words, 2))
    assert [code.decode(word) for word in words] == [(t, len(word)) for t, word in enumerate(words, start=1)]
    assert [code.length(t) for t in range(1, 200)] == [len(word) for word in words]
    assert sum(Fraction(1, 2 ** len(word)) for word in words) <= 1


@pytest.mark.parametrize("code", ENDLESS, ids=lambda code: code.name)
def test_participant_two_to_the_200_is_as_good_as_any(code: Code) -> None:
    began = time.perf_counter()
    for t in (2**200 - 1, 2**200, 2**200 + 1, 10**60):
        word = code.encode(t)
        assert code.decode(word) == (t, code.length(t))
        assert code.overlaps(t, 2)[0] == len(word) - 1
    assert time.perf_counter() - began < 1
    assert Delta().length(2**200) == 200 + 2 * 7 + 1


def test_names_lead_to_codes_and_back() -> None:
    assert [code_of(code.name) for code in ALL] == ALL
    own = UserCode("mine", Delta().encode)
    assert code_of(own) is own
    assert own.name == "user-mine"
    assert own.encode(9) == Delta().encode(9)
    assert own.length(9) == 8


def test_digits_and_numbers_may_be_numpys() -> None:
    own = UserCode("arrays", lambda t: np.array(Delta().encode(t), dtype=np.uint8))  # type: ignore[arg-type, return-value]
    word = own.encode(np.int64(9))
    assert word == Delta().encode(9)
    assert all(type(digit) is int for digit in word)


@pytest.mark.parametrize("name", ["", "Delta", "fixed-", "fixed-0", "fixed-9999", "fixed-07", "fixed-+4", "user-mine", None, 3])
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(InvalidInput):
        code_of(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ALL, ids=lambda code: code.name)
@pytest.mark.parametrize("t", [0, -1, True, 1.0, "1", None])
def test_what_is_no_participant_number_is_refused(code: Code, t: int) -> None:
    for call in (code.encode, code.length, lambda t: code.overlaps(t, 1)):
        with pytest.raises(InvalidInput):
            call(t)


@pytest.mark.parametrize(
    ("code", "digits"),
    [
        ("delta", ""),
        ("delta", "0"),
        ("delta", "010"),
        ("delta", "0" * 50),
        ("delta", "0" * 40 + "1" * 60),
        ("gamma", "0010"),
        ("omega", "10"),
        ("omega", "1" * 100),
        ("unary", "111"),
        ("fixed-4", "000"),
    ],
)
def test_half_a_codeword_is_refused(code: str, digits: str) -> None:
    with pytest.raises(InvalidInput):
        code_of(code).decode([*map(int, digits)])


@pytest.mark.parametrize("digits", [[2, 1], [1.0], ["1"], [None]])
def test_other_digits_are_refused(digits: list[int]) -> None:
    for code in ALL:
        with pytest.raises(InvalidInput):
            code.decode(digits)


def test_long_codewords_are_refused_before_they_are_written() -> None:
    assert Unary().length(10**9) == 10**9
    with pytest.raises(InvalidInput, match="digits"):
        Unary().encode(MOST_DIGITS + 1)
    with pytest.raises(InvalidInput, match="participants 1 to"):
        Fixed(4).encode(17)


@pytest.mark.parametrize("word", [(), (0, 2), (0, 1.0), "01"])
def test_a_users_code_must_give_zeros_and_ones(word: Sequence[int]) -> None:
    with pytest.raises(InvalidInput):
        UserCode("mine", lambda t: word).encode(1)


@pytest.mark.parametrize("name", ["", "Mine", "a b", "-a", "a" * 33, 3])
def test_a_users_code_has_a_plain_name(name: str) -> None:
    with pytest.raises(InvalidInput):
        UserCode(name, Delta().encode)


def test_a_users_code_is_not_read_back_and_its_tree_is_unknown() -> None:
    own = UserCode("mine", Delta().encode)
    with pytest.raises(InvalidInput):
        own.decode((1,))
    with pytest.raises(InvalidInput, match="paper"):
        own.overlaps(3, 1)
    with pytest.raises(InvalidInput):
        UserCode("mine", "delta")  # type: ignore[arg-type]

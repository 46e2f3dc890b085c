"""A privacy parameter is read by its spelling, then is exact for ever."""

import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.bounds import Bound, Real, decimal, exact, exact_int, exact_share
from privlib.errors import InvalidInput

RATIONALS = st.fractions(max_denominator=10**30)


def test_a_float_means_what_it_prints() -> None:
    assert exact(0.1) == Fraction(1, 10)
    assert exact(np.float64(0.1)) == Fraction(1, 10)
    assert sum([exact(0.1)] * 10) == 1
    assert exact(1e22) == 10**22
    assert exact(5e-324) == Fraction(5, 10**324)
    assert exact(-0.0) == 0


@pytest.mark.parametrize(
    ("given_as", "value"),
    [
        ("1/3", Fraction(1, 3)),
        ("2.5e-3", Fraction(1, 400)),
        ("1E+2", Fraction(100)),
        ("-7", Fraction(-7)),
        ("007", Fraction(7)),
        (Decimal("1E-5"), Fraction(1, 10**5)),
        (Fraction(2, 6), Fraction(1, 3)),
        (10**399, Fraction(10**399)),
        (np.str_("0.5"), Fraction(1, 2)),
    ],
)
def test_every_plain_spelling_is_read(given_as: str, value: Fraction) -> None:
    assert exact(given_as) == value
    assert type(exact(given_as)) is Fraction


@pytest.mark.parametrize("wrong", ["1/0", "1//2", "", " 1", "1 ", "+1", ".5", "1.", "1_000", "0x10", "1e", "1e1000"])
def test_other_spellings_are_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="epsilon must be a plain finite number"):
        exact(wrong, name="epsilon")


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf", "Infinity", float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN")])
def test_what_is_not_finite_is_refused(wrong: float) -> None:
    with pytest.raises(InvalidInput, match="finite"):
        exact(wrong)


@pytest.mark.parametrize("digits", ["\N{ARABIC-INDIC DIGIT ONE}", "\N{FULLWIDTH DIGIT ONE}", "\N{SUPERSCRIPT TWO}"])
def test_digits_of_other_scripts_are_refused(digits: str) -> None:
    with pytest.raises(InvalidInput):
        exact(digits)


@pytest.mark.parametrize("wrong", [True, np.float32(0.1), np.bool_(True), np.float16(1), 1j, None, b"1", [1], np.array(1.0)])
def test_types_whose_spelling_hides_their_value_are_refused(wrong: float) -> None:
    with pytest.raises(InvalidInput, match=f"rho must be an int.*not {type(wrong).__name__}"):
        exact(wrong, name="rho")


@pytest.mark.parametrize("wrong", ["1e999999999", "1e-999999999", Decimal("1e999999"), "9" * 10**6], ids=range(4))
def test_a_huge_exponent_is_refused_at_once(wrong: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidInput) as refusal:
        exact(wrong)
    assert time.perf_counter() - began < 1
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    "wrong",
    [Fraction(1, 10**5000), Fraction(10**5000), 10**400, -(10**400), 10**5000, "1e-999", "1e400", "1.5e-400"],
    ids=range(8),
)
def test_what_could_not_be_read_back_is_refused(wrong: Fraction) -> None:
    with pytest.raises(InvalidInput, match="epsilon must be a fraction p/q of integers with at most 400 digits"):
        Bound.pure(wrong, neighbours="replace")


@given(RATIONALS)
def test_its_own_spelling_reads_back(value: Fraction) -> None:
    assert exact(str(value)) == value
    assert Fraction(decimal(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_is_read_by_its_shortest_spelling(value: float) -> None:
    assert exact(value) == Fraction(repr(value))
    assert float(exact(value)) == value


@given(st.text(max_size=30) | st.from_regex(r"[-+0-9./eE]{1,12}", fullmatch=True))
def test_any_text_is_read_as_fractions_read_it_or_refused(text: str) -> None:
    try:
        value = exact(text)
    except InvalidInput:
        return
    assert value == Fraction(text)


def test_numpy_integers_are_integers() -> None:
    assert exact(np.int64(2**62)) == 2**62
    assert exact(np.uint64(2**63)) == 2**63
    assert exact_int(np.int8(3), name="steps") == 3


@pytest.mark.parametrize("wrong", [True, np.bool_(True), 3.0, "3", None, np.array(3), 0, 11])
def test_what_is_no_integer_within_limits_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="steps must be an int from 1 to 10, got"):
        exact_int(wrong, name="steps", most=10)


@pytest.mark.parametrize("wrong", [0, 1, "-0.5", 1.5, 2])
def test_a_share_lies_strictly_between_0_and_1(wrong: Real) -> None:
    with pytest.raises(InvalidInput, match="delta must lie strictly between 0 and 1"):
        exact_share(wrong, name="delta")

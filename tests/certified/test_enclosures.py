"""Every enclosure holds its number, to the last bit asked for; ball arithmetic is the judge."""

from collections.abc import Callable
from fractions import Fraction
from math import isqrt

import pytest
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib.certified import ceil_div, exp_at_most, exp_negative, log, normal_tail, pi, rational, sqrt

POSITIVE = st.one_of(
    st.fractions(Fraction(1, 10**6), 10**3),
    st.builds(Fraction, st.integers(1, 10**40), st.integers(1, 10**40)),
    st.integers(-80, 80).map(lambda power: Fraction(2) ** power),
)
BITS = st.sampled_from([1, 2, 7, 32, 64, 128, 300])


@pytest.fixture(autouse=True)
def _precision() -> None:
    ctx.prec = 2000


def real(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def check(enclosure: tuple[int, int], exact: arb, bits: int, width: int = 2) -> None:
    low, high = enclosure
    assert not low > exact * arb(2) ** bits
    assert not high < exact * arb(2) ** bits
    assert 0 <= high - low <= width


@given(st.integers(-100, 100), st.integers(1, 20))
def test_division_rounds_up(numerator: int, denominator: int) -> None:
    assert 0 <= ceil_div(numerator, denominator) * denominator - numerator < denominator


@given(POSITIVE, BITS)
def test_elementary_functions_are_enclosed(value: Fraction, bits: int) -> None:
    check(rational(value, bits), real(value), bits, 1)
    check(rational(-value, bits), real(-value), bits, 1)
    check(sqrt(value, bits), real(value).sqrt(), bits)
    check(log(value, bits), real(value).log(), bits)
    if value < 1000:
        check(exp_negative(value, bits), (-real(value)).exp(), bits)
        check(normal_tail(value, bits), (real(value) / 2).sqrt().erfc() / 2, bits)


@pytest.mark.parametrize("bits", [1, 10, 64, 128, 1000])
def test_pi_is_enclosed(bits: int) -> None:
    check(pi(bits), arb.pi(), bits)


@pytest.mark.parametrize("bits", [1, 64, 200])
def test_what_is_rational_is_exact(bits: int) -> None:
    assert exp_negative(Fraction(0), bits) == (1 << bits, 1 << bits)
    assert log(Fraction(1), bits) == (0, 0)
    assert normal_tail(Fraction(0), bits) == (1 << bits - 1, 1 << bits - 1)
    assert sqrt(Fraction(25), bits) == (5 << bits, 5 << bits)
    assert sqrt(Fraction(0), bits) == rational(Fraction(0), bits) == (0, 0)


@pytest.mark.parametrize("far", [Fraction(10**4), Fraction(10**30), Fraction(10**399), Fraction(10**399, 7)])
def test_what_is_too_small_lies_between_nothing_and_one_unit(far: Fraction) -> None:
    assert exp_negative(far, 64) == normal_tail(far, 64) == (0, 1)
    low, high = log(far, 64)
    assert 0 < low <= high <= low + 1
    assert log(1 / far, 64) == (-high, -low)


@pytest.mark.parametrize("near", [Fraction(1, 10**30), Fraction(1, 10**399)])
def test_what_is_almost_rational_is_enclosed(near: Fraction) -> None:
    assert exp_negative(near, 64) == (2**64 - 1, 2**64)
    assert log(1 + near, 64) == (0, 1)
    assert log(1 - near, 64) == (-1, 0)
    assert normal_tail(near, 16) == (2**15 - 1, 2**15)


@pytest.mark.parametrize("function", [exp_negative, log, sqrt, normal_tail, rational])
@given(value=POSITIVE.filter(lambda value: value < 200))
def test_more_bits_lie_inside_fewer(function: Callable[[Fraction, int], tuple[int, int]], value: Fraction) -> None:
    low, high = function(value, 20)
    sharp_low, sharp_high = function(value, 120)
    assert low << 100 <= sharp_high
    assert sharp_low <= high << 100


@given(st.fractions(-40, 40, max_denominator=100), st.builds(Fraction, st.integers(-5, 10**12), st.integers(1, 10**6)))
def test_exponentials_are_compared_exactly(exponent: Fraction, bound: Fraction) -> None:
    assert exp_at_most(exponent, bound) == (bound >= 1 if exponent == 0 else bool(real(exponent).exp() <= real(bound)))


def test_comparisons_are_decided_however_close() -> None:
    for digits in (10, 100, 400):
        scale = 10**digits
        near = int((arb(1).exp() * scale).floor().unique_fmpz())
        assert not exp_at_most(Fraction(1), Fraction(near, scale))
        assert exp_at_most(Fraction(1), Fraction(near + 1, scale))
        below = isqrt(scale)
        assert exp_at_most(Fraction(-1, scale), 1 - Fraction(1, scale) + Fraction(1, below * scale))
        assert not exp_at_most(Fraction(-1, scale), 1 - Fraction(1, scale))

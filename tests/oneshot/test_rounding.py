"""Numbers reach the grid exactly, whatever their type; no float decides, and nothing in the declared domain is refused."""

from __future__ import annotations

import sys
from decimal import Decimal
from fractions import Fraction
from math import inf, nan

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.oneshot import Spec
from privlib.oneshot.grid import Grid
from privlib.oneshot.sensitivity import Moves, Sensitivity

FLOATS = st.floats(allow_nan=False) | st.sampled_from([5e-324, -5e-324, sys.float_info.min, sys.float_info.max, -0.0, inf, -inf])
DECIMALS = st.decimals(allow_nan=False) | st.sampled_from(
    [Decimal("1e999999"), Decimal("-1e999999"), Decimal("1e-999999"), Decimal("0e999999"), Decimal("-Infinity"), Decimal("0.005")]
)
NUMBERS = st.integers() | FLOATS | DECIMALS | st.fractions()
STEPS = st.fractions("1/1000", 50, max_denominator=1000)
BOUNDS = st.tuples(st.fractions(-300, 300, max_denominator=50), st.fractions("1/50", 300, max_denominator=50))


def plan(step: Fraction | str, lower: object = -10, upper: object = 10, size: int = 1, **more: object) -> Spec:
    declared: object = 1 if size == 1 else {"l1": 1}
    return Spec(lower=lower, upper=upper, step=step, size=size, sensitivity=declared, epsilon=1, neighbours="replace", **more)


def steps(spec: Spec, values: object) -> list[int]:
    return spec.round(values)._steps.tolist()


def clipped(value: object, lower: Fraction, upper: Fraction) -> Fraction:
    """The value in the range, by comparisons alone."""
    if value <= lower:
        return lower
    return upper if value >= upper else Fraction(value)


@given(NUMBERS, STEPS, BOUNDS)
@example(0.5, Fraction(1), (Fraction(-3), Fraction(6)))
@example(Decimal("1e-999999"), Fraction(1), (Fraction(1, 2), Fraction(6)))
def test_a_number_goes_to_the_nearest_point_and_a_half_goes_up(
    value: object, step: Fraction, bounds: tuple[Fraction, Fraction]
) -> None:
    lower, upper = bounds[0], bounds[0] + bounds[1]
    point = steps(plan(step, lower, upper), value)[0] * step
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) > 10**4:
        value = (inf if value > 0 else -inf) if value and value.adjusted() > 0 else 0  # no Fraction of it fits memory
    moved = point - clipped(value, lower, upper)
    assert -step / 2 < moved <= step / 2


@given(st.floats(-1e6, 1e6), STEPS)
def test_a_float_is_the_binary_number_that_it_is(value: float, step: Fraction) -> None:
    spec = plan(step, -(10**6), 10**6)
    assert steps(spec, value) == steps(spec, Fraction(value)) == steps(spec, Decimal(value)) == steps(spec, np.float64(value))


def test_a_float_is_not_read_by_its_spelling() -> None:
    spec = plan("0.1")
    assert steps(spec, 0.35) == [3], "as a binary number it lies below the half"
    assert steps(spec, Decimal("0.35")) == steps(spec, Fraction(35, 100)) == [4]


@given(st.lists(NUMBERS, min_size=2, max_size=2), STEPS)
def test_rounding_keeps_order(pair: list[object], step: Fraction) -> None:
    spec = plan(step)
    low, high = sorted(pair)
    assert steps(spec, low) <= steps(spec, high)


@given(st.integers(-(10**6), 10**6), STEPS)
def test_rounding_twice_is_rounding_once(point: int, step: Fraction) -> None:
    spec = plan(step, -(10**6) * step, 10**6 * step)
    assert steps(spec, point * step) == [point]


@given(st.lists(st.floats(-20, 20, width=32) | st.sampled_from([inf, -inf]), min_size=1, max_size=20))
def test_every_carrier_gives_the_same_points(values: list[float]) -> None:
    spec = plan("1/7", size=len(values))
    wanted = steps(spec, values)
    carriers = (
        np.array(values),
        np.array(values, dtype=np.float32),
        np.array(values)[::-1][::-1],
        tuple(values),
        [np.float32(value) for value in values],
        pd.Series(values),
        pl.Series(values, dtype=pl.Float64),
    )
    assert all(steps(spec, carrier) == wanted for carrier in carriers)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9), st.sampled_from(["1", "1/3"]))
def test_integers_of_every_carrier_are_clipped_and_never_wrap(values: list[int], step: str) -> None:
    spec = plan(step, -(2**60), 2**60, size=len(values), integer=True)
    k = Fraction(step).denominator
    wanted = [k * min(max(value, -(2**60)), 2**60) for value in values]
    assert steps(spec, values) == steps(spec, np.array(values, dtype=np.int64)) == steps(spec, pd.Series(values)) == wanted
    unsigned = [value + 2**63 for value in values]
    wanted = [k * min(value, 2**60) for value in unsigned]
    assert steps(spec, unsigned) == steps(spec, np.array(unsigned, dtype=np.uint64)) == wanted


def test_a_scalar_an_array_without_dimensions_and_a_list_of_one_are_one_value() -> None:
    spec = plan("1/2")
    assert steps(spec, 2) == steps(spec, np.array(2.0)) == steps(spec, [2]) == steps(spec, np.int16(2)) == [4]


def test_the_ends_of_the_largest_domain_are_reached() -> None:
    spec = Spec(lower=-(2**62), upper=2**62, sensitivity=1, epsilon=1, neighbours="replace", integer=True)
    assert [steps(spec, value)[0] for value in (-(10**30), 10**30, 2**62 - 1)] == [-(2**62), 2**62, 2**62 - 1]
    with pytest.raises(InvalidInput, match="within 2\\*\\*62 steps"):
        Spec(lower=0, upper=2**62 + 1, sensitivity=1, epsilon=1, neighbours="replace", integer=True)


def test_nan_stands_for_a_public_value_or_is_refused() -> None:
    spec = plan("1/2", nan="3.3")
    assert [steps(spec, form)[0] for form in (nan, Decimal("NaN"), Decimal("sNaN"), np.array([np.nan]), np.float32(nan))] == [
        7
    ] * 5
    assert steps(plan("1/2", nan=99), nan) == [20], "it is clipped like any value"
    for form in (nan, Decimal("sNaN"), np.array([np.nan])):
        with pytest.raises(InvalidInput, match="give the plan nan="):
            plan("1/2").round(form)


def test_bounds_between_points_round_like_values() -> None:
    grid = Grid(Fraction(2), Fraction(-3), Fraction(10, 3))
    assert (grid.least, grid.most) == (-1, 2)


PLANTED = 987654321
REFUSED = [
    True,
    [True],
    np.bool_(True),
    np.array([True]),
    "987654321",
    ["987654321"],
    np.array(["987654321"]),
    [None],
    None,
    [PLANTED, PLANTED],
    [],
    np.array([[PLANTED]]),
    np.array([PLANTED + 1j]),
    [PLANTED + 1j],
    np.array([PLANTED], dtype=object),
    np.array([PLANTED], dtype=np.longdouble),
    [np.longdouble(PLANTED)],
    np.array([PLANTED], dtype="datetime64[ns]"),
    [np.timedelta64(PLANTED, "ns")],
    {"a": PLANTED},
    {PLANTED},
    pd.Series([PLANTED, None]),
    [[PLANTED]],
    np.ma.array([PLANTED], mask=[True]),
]


@pytest.mark.parametrize("which", range(len(REFUSED)))
@pytest.mark.parametrize("integer", [False, True])
def test_what_is_no_number_is_refused_without_a_word_about_it(which: int, integer: bool) -> None:
    spec = plan("1", integer=integer)
    with pytest.raises(InvalidInput) as caught:
        spec.round(REFUSED[which])
    story = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "98765" not in story


@pytest.mark.parametrize("form", [1.0, [1.0], np.array([1.0]), Fraction(1), Decimal(1), [Decimal(1)], np.float64(1)])
def test_an_integer_query_takes_integers_by_type_only(form: object) -> None:
    with pytest.raises(InvalidInput, match="values must be"):
        plan("1", integer=True).round(form)


@pytest.mark.parametrize(
    ("size", "declared", "step", "integer", "wanted"),
    [
        (1, 5, "1", False, (5, 25)),
        (1, "5.5", "1", False, (6, 36)),
        (1, "1e-9", "1", False, (1, 1)),
        (4, {"l1": 5}, "1", False, (8, 28)),  # below (5 + 4)
        (4, {"l1": 5, "l0": 1}, "1", False, (5, 25)),
        (4, {"l2": 5}, "1", False, (13, 46)),  # below (5 + 2)**2 = 49
        (4, {"l2": 5}, "1/100", False, (1003, 252001)),  # below (500 + 2)**2 = 252004
        (4, {"l1": 5}, "1", True, (5, 25)),
        (4, {"l2_squared": 2}, "1", True, (2, 2)),
        (4, {"l2_squared": 9}, "1", True, (6, 9)),
        (4, {"l1": 3, "l2": 2}, "1", True, (3, 4)),
        (4, {"l1": 3}, "1/2", True, (6, 36)),
    ],
)
def test_sensitivities_with_rounding(size: int, declared: object, step: str, integer: bool, wanted: tuple[int, int]) -> None:
    assert Sensitivity.read(declared, size=size).in_steps(Fraction(step), integer=integer) == Moves(*wanted)


@given(st.integers(1, 50), st.fractions("1/100", 1000), st.fractions("1/100", 100))
def test_rounding_never_costs_more_than_the_usual_terms(size: int, norm: Fraction, step: Fraction) -> None:
    one = Sensitivity.read({"l1": norm}, size=size).in_steps(step, integer=False)
    assert norm / step + size - 1 <= one.l1 < norm / step + size
    two = Sensitivity.read({"l2": norm}, size=size).in_steps(step, integer=False).l2_squared
    x = norm / step
    assert two - x * x - size <= 0 or (two - x * x - size) ** 2 <= 4 * x * x * size  # two <= (x + sqrt(size))**2
    assert two >= max(x * x, size)

"""Conversions agree with each other, never promise too much and refuse what means nothing."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.accounting import calibrate, convert, delta_at
from privlib.accounting.rounding import SMALLEST, down, up
from privlib.bounds import Bound, Kind
from privlib.errors import InvalidInput

AMOUNTS = st.builds(lambda mantissa, power: mantissa * Fraction(10) ** power, st.integers(1, 9999), st.integers(-12, 2))
DELTAS = st.builds(lambda mantissa, power: Fraction(mantissa, 10**power), st.integers(1, 999), st.integers(3, 40))
EXTREMES = st.sampled_from([Fraction(10**399), Fraction(1, 10**399), Fraction(10) ** 20, Fraction(1, 3 * 10**50)])
KINDS = st.sampled_from([Kind.ZCDP, Kind.GDP, Kind.PURE])


def of(kind: Kind, amount: Fraction) -> Bound:
    return {Kind.ZCDP: Bound.zcdp, Kind.GDP: Bound.gdp, Kind.PURE: Bound.pure}[kind](amount, neighbours="replace")


@settings(max_examples=100)
@given(KINDS, AMOUNTS, DELTAS)
def test_there_and_back_is_where_one_was(kind: Kind, amount: Fraction, delta: Fraction) -> None:
    epsilon = convert(of(kind, amount), delta=delta).epsilon
    back = delta_at(of(kind, amount), epsilon=epsilon)
    assert back <= delta * (1 + Fraction(1, 10**10))
    if epsilon > 0:
        below = delta_at(of(kind, amount), epsilon=epsilon * (1 - Fraction(1, 10**9)))
        assert below > delta, "a smaller epsilon would do"


@settings(max_examples=60)
@given(KINDS, st.one_of(AMOUNTS, EXTREMES), st.one_of(DELTAS, EXTREMES.filter(lambda d: d < 1)))
def test_every_size_of_number_is_served_and_short(kind: Kind, amount: Fraction, delta: Fraction) -> None:
    converted = convert(of(kind, amount), delta=delta)
    assert converted.neighbours == "replace"
    assert Bound.from_dict(converted.to_dict()) == converted
    digits = f"{converted.epsilon.numerator * 10**390 // converted.epsilon.denominator}".rstrip("0")
    assert converted.epsilon == amount or len(digits) <= 15
    assert 0 <= delta_at(of(kind, amount), epsilon=amount) <= 1


@settings(max_examples=60)
@given(KINDS, AMOUNTS, AMOUNTS, DELTAS)
def test_leaking_more_never_costs_less(kind: Kind, one: Fraction, other: Fraction, delta: Fraction) -> None:
    less, more = sorted((one, other))
    assert convert(of(kind, less), delta=delta).epsilon <= convert(of(kind, more), delta=delta).epsilon


@settings(max_examples=60)
@given(AMOUNTS, DELTAS)
def test_the_kinds_stand_in_their_order(amount: Fraction, delta: Fraction) -> None:
    gaussian = convert(of(Kind.GDP, 2 * amount), delta=delta).epsilon
    concentrated = convert(of(Kind.ZCDP, amount), delta=delta).epsilon
    assert gaussian <= concentrated, "a Gaussian mechanism is a zcdp mechanism"
    pure = convert(of(Kind.PURE, amount), delta=delta).epsilon
    assert pure <= amount
    assert pure <= convert(of(Kind.ZCDP, amount**2 / 2), delta=delta).epsilon, "a pure bound implies epsilon**2 / 2"


@settings(max_examples=60)
@given(st.sampled_from(["zcdp", "gdp"]), AMOUNTS, DELTAS)
def test_what_is_calibrated_meets_its_target_and_wastes_nothing(kind: str, epsilon: Fraction, delta: Fraction) -> None:
    bound = calibrate(epsilon=epsilon, delta=delta, kind=kind, neighbours="event")
    assert delta_at(bound, epsilon=epsilon) <= delta * (1 + Fraction(1, 10**10))
    amount = bound.rho + bound.mu2
    more = of(bound.kind, amount * (1 + Fraction(1, 10**8)))
    assert convert(more, delta=delta).epsilon > epsilon * (1 - Fraction(1, 10**12))
    assert bound.neighbours == "event"


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_spent_costs_nothing(kind: Kind) -> None:
    nothing = Bound(kind=kind, neighbours="replace")
    assert convert(nothing, delta=1e-9).epsilon == 0
    assert delta_at(nothing, epsilon=0) == 0


def test_a_pure_bound_keeps_its_epsilon_where_delta_buys_nothing() -> None:
    approx = Bound.approx("1/3", "1e-6", neighbours="replace")
    assert convert(approx, delta="1e-6") == approx
    assert delta_at(approx, epsilon="1/3") == Fraction("1e-6")
    assert delta_at(Bound.pure("1/3", neighbours="replace"), epsilon="1/3") == 0


def test_a_converted_bound_prints_short() -> None:
    text = str(convert(Bound.zcdp("1/2", neighbours="replace"), delta=1e-6))
    assert text == "epsilon = 5.22153444453017, delta = 1e-06 (approx), neighbours: replace"


@given(st.fractions(min_value=Fraction(1, 10**30)), st.integers(1, 30))
def test_rounding_goes_its_way_and_not_far(value: Fraction, digits: int) -> None:
    above, below = (round_(value.numerator, value.denominator, digits=digits) for round_ in (up, down))
    assert below <= value <= above
    assert above - below <= value * Fraction(200, 10**digits)


def test_what_is_tiny_is_rounded_up_to_something_that_a_ledger_can_hold() -> None:
    assert up(1, 10**800) == SMALLEST
    assert down(1, 10**800) == up(0, 1) == up(-1, 3) == down(-1, 3) == 0


@pytest.mark.parametrize("kind", ["pure", "approx", "rho", 3])
def test_only_zcdp_and_gdp_are_calibrated(kind: str) -> None:
    with pytest.raises(InvalidInput, match="kind must be"):
        calibrate(epsilon=1, delta=1e-6, kind=kind, neighbours="replace")


@pytest.mark.parametrize(("epsilon", "delta"), [(0, 1e-6), (-1, 1e-6), (1, 0), (1, 1), (float("nan"), 1e-6)])
def test_a_target_that_means_nothing_is_refused(epsilon: float, delta: float) -> None:
    with pytest.raises(InvalidInput):
        calibrate(epsilon=epsilon, delta=delta, neighbours="replace")

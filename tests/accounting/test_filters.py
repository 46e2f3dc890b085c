"""Filters and odometers count what they are told, refuse what they cannot count, and say where they stand."""

import copy
import pickle
import sys
import threading
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.accounting import Filter, Odometer, convert
from privlib.bounds import Bound
from privlib.errors import BudgetExceeded, InvalidInput, Mismatch

RHOS = st.lists(st.builds(Fraction, st.integers(1, 1000), st.integers(1, 1000)), max_size=12)


def zcdp(rho: object) -> Bound:
    return Bound.zcdp(rho, neighbours="replace")  # type: ignore[arg-type]


@given(RHOS, st.builds(Fraction, st.integers(1, 5000), st.integers(1, 1000)))
def test_a_filter_lets_through_exactly_what_fits(rhos: list[Fraction], limit: Fraction) -> None:
    spending, spent = Filter(zcdp(limit)), Fraction(0)
    for rho in rhos:
        fits = spent + rho <= limit
        assert spending.allows(zcdp(rho)) is fits
        if fits:
            spending.spend(zcdp(rho))
            spent += rho
        else:
            with pytest.raises(BudgetExceeded, match="nothing counted"):
                spending.spend(zcdp(rho))
        assert spending.spent == zcdp(spent)
    assert spending.limit == zcdp(limit)


@given(RHOS, st.builds(Fraction, st.integers(1, 99), st.just(100)), st.builds(Fraction, st.integers(1, 100), st.just(50)))
def test_a_reading_never_falls_and_costs_more_than_a_fixed_total(rhos: list[Fraction], delta: Fraction, start: Fraction) -> None:
    odometer, before, spent = Odometer(delta=delta, start=start, neighbours="replace"), Fraction(0), Fraction(0)
    for rho in rhos:
        odometer.spend(zcdp(rho))
        spent += rho
        assert odometer.reading.epsilon >= before
        assert odometer.reading.epsilon >= convert(zcdp(spent), delta=delta).epsilon
        assert odometer.reading.delta == delta
        before = odometer.reading.epsilon


def test_what_stands_in_a_filter_and_an_odometer_is_shown() -> None:
    assert repr(Filter(zcdp("1/2"))).startswith("Filter(limit='rho = 0.5 (zcdp)")
    assert "delta = 1e-06" in repr(Odometer(delta=1e-6, start=1, neighbours="event"))


def test_a_filter_for_a_target_wants_it_calibrated() -> None:
    with pytest.raises(InvalidInput, match="calibrate"):
        Filter(Bound.approx(1, "1e-6", neighbours="replace"))


@pytest.mark.parametrize(
    ("limit", "bound"),
    [
        (Bound.zcdp(1, neighbours="replace"), Bound.approx("1/10", "1e-9", neighbours="replace")),
        (Bound.pure(1, neighbours="replace"), Bound.zcdp("1/10", neighbours="replace")),
        (Bound.gdp(1, neighbours="replace"), Bound.zcdp("1/10", neighbours="replace")),
        (Bound.zcdp(1, neighbours="replace"), Bound.zcdp("1/10", neighbours="user")),
    ],
)
def test_a_bound_that_does_not_belong_is_refused(limit: Bound, bound: Bound) -> None:
    spending = Filter(limit)
    with pytest.raises(Mismatch):
        spending.spend(bound)
    with pytest.raises(Mismatch):
        spending.allows(bound)


def test_an_odometer_counts_no_approx_bound_and_no_other_neighbours() -> None:
    odometer = Odometer(delta=1e-6, start=1, neighbours="replace")
    for bound in (Bound.approx(1, "1e-9", neighbours="replace"), Bound.zcdp(1, neighbours="user")):
        with pytest.raises(Mismatch):
            odometer.spend(bound)


@pytest.mark.parametrize(("delta", "start"), [(0, 1), (1, 1), (1e-6, 0), (1e-6, -1)])
def test_an_odometer_needs_its_delta_and_its_start(delta: float, start: float) -> None:
    with pytest.raises(InvalidInput):
        Odometer(delta=delta, start=start, neighbours="replace")


@pytest.mark.parametrize(
    "keeper", [Filter(Bound.pure(1, neighbours="replace")), Odometer(delta="1e-6", start=1, neighbours="replace")], ids=str
)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_what_counts_spending_cannot_be_duplicated(keeper: object, duplicate: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        duplicate(keeper)


def test_threads_never_fit_into_the_same_room() -> None:
    spending, fitted = Filter(Bound.pure(1, neighbours="replace")), list[bool]()

    def spend() -> None:
        for _ in range(20):
            try:
                spending.spend(Bound.pure("0.1", neighbours="replace"))
            except BudgetExceeded:
                continue
            fitted.append(True)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=spend) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(fitted) == 10
    assert spending.spent.epsilon == 1


def test_another_type_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"limit must be a Bound, .* not int"):
        Filter(1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"bound must be a Bound, .* not float"):
        convert(0.5, delta="1e-6")  # type: ignore[arg-type]

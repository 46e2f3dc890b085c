"""Estimates against lifelines, brute force and an independent reference written for reading, not for speed."""

import cmath
import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import lifelines.datasets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter, NelsonAalenFitter
from lifelines.utils import restricted_mean_survival_time

from privlib.survival import Curve, Spec
from privlib.survival.estimate import Fit, fit, project
from privlib.survival.grid import Grid
from privlib.testing import Person, survival_rows

STUDIES = {
    "lung": ("load_lung", "time", "status", 1022, 1),
    "waltons": ("load_waltons", "T", "E", 75, 1),
    "rossi": ("load_rossi", "week", "arrest", 52, 1),
    "dd": ("load_dd", "duration", "observed", 47, 1),
    "leukemia": ("load_leukemia", "t", "status", 35, 1),
    "larynx": ("load_larynx", "time", "death", "10.7", "0.1"),
}


def study(name: str) -> tuple[np.ndarray, np.ndarray, Any, Any]:
    loader, time, event, horizon, unit = STUDIES[name]
    frame = getattr(lifelines.datasets, loader)()
    return frame[time].to_numpy(), frame[event].to_numpy(), horizon, unit


def exact_curve(times: Sequence[float], events: Sequence[int], **plan: Any) -> Curve:
    """The curve of the exact counts, as if the noise had been zero."""
    spec = Spec(**{"epsilon": 10**6, "neighbours": "add_remove", **plan})
    return Curve(spec, noisy=spec.count(times, events)._cells.copy(), head=None, secure=True)


def noisy_curve(spec: Spec, noisy: Sequence[int]) -> Curve:
    return Curve(spec, noisy=np.array(noisy, dtype=np.int64), head=None, secure=True)


# Against lifelines


@pytest.mark.parametrize("name", STUDIES)
def test_without_noise_the_native_grid_is_kaplan_meier(name: str) -> None:
    times, events, horizon, unit = study(name)
    units = int(Fraction(horizon) / Fraction(unit))
    curve = exact_curve(times, events, horizon=horizon, unit=unit, n_bins=units)
    fitted = KaplanMeierFitter().fit(times, events)
    moments = curve.timeline
    assert np.abs(curve.survival_function_ - fitted.survival_function_at_times(moments).to_numpy()).max() < 1e-12
    assert np.abs(curve.cumulative_density_ - (1 - fitted.survival_function_at_times(moments).to_numpy())).max() < 1e-12
    assert curve.median_survival_time_ == pytest.approx(fitted.median_survival_time_, rel=1e-12)
    for p in (0.901, 0.747, 0.303, 0.051):  # not a share that one study reaches exactly, up to rounding
        steps = fitted.survival_function_at_times(moments).to_numpy()
        assert curve.percentile(p) == (moments[steps <= p].tolist() or [math.inf])[0]


@pytest.mark.parametrize("name", STUDIES)
def test_without_noise_the_native_grid_is_nelson_aalen(name: str) -> None:
    times, events, horizon, unit = study(name)
    units = int(Fraction(horizon) / Fraction(unit))
    curve = exact_curve(times, events, horizon=horizon, unit=unit, n_bins=units)
    fitted = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(times, events)
    hazard = fitted.cumulative_hazard_at_times(curve.timeline).to_numpy()
    assert np.abs(curve.cumulative_hazard_ - hazard).max() < 1e-12


@pytest.mark.parametrize("name", STUDIES)
def test_without_noise_the_restricted_mean_is_that_of_lifelines(name: str) -> None:
    times, events, horizon, unit = study(name)
    units = int(Fraction(horizon) / Fraction(unit))
    curve = exact_curve(times, events, horizon=horizon, unit=unit, n_bins=units)
    fitted = KaplanMeierFitter().fit(times, events)
    for share in (0.1, 0.37, 0.8, 1.0):
        until = float(round(share * units) * Fraction(unit))
        assert curve.rmst(until).value == pytest.approx(restricted_mean_survival_time(fitted, t=until), rel=1e-10)


def test_without_noise_the_event_table_is_that_of_lifelines() -> None:
    times, events, *_ = study("waltons")
    curve = exact_curve(times, events, horizon=75, n_bins=75)
    theirs = KaplanMeierFitter().fit(times, events).event_table
    ours = curve.event_table
    for name in ("removed", "observed", "censored"):
        expected = theirs[name].reindex(range(1, 76), fill_value=0).to_numpy()
        if name != "observed":  # at the horizon the censored are still under observation
            expected[-1] -= theirs["censored"].get(75, 0)
        assert np.array_equal(ours[name], expected)
    risk = theirs["at_risk"].reindex(range(1, 76)).bfill().fillna(0).to_numpy()
    assert np.array_equal(ours["at_risk"], risk)
    assert ours["entrance"].tolist() == [163.0] + [0.0] * 74
    assert np.array_equal(curve.at_risk([0, 10.5, 40]), [163.0, *ours["at_risk"][[10, 40]]])


def test_the_band_without_noise_is_that_of_lifelines() -> None:
    times, events, *_ = study("lung")
    curve = exact_curve(times, events, horizon=1022, n_bins=1022, neighbours="replace", n=228)
    theirs = KaplanMeierFitter().fit(times, events).confidence_interval_
    lower, upper = curve.confidence_interval_
    inside = (curve.survival_function_ < 0.99) & (curve.event_table["at_risk"][[*range(1022), 1021]] > 3)
    known = theirs.reindex(curve.timeline, method="ffill").to_numpy()
    assert np.abs(lower - known[:, 0])[inside].max() < 1e-9
    assert np.abs(upper - known[:, 1])[inside].max() < 1e-9
    assert curve.percentile_interval(0.5) == (284.0, 361.0)


# The reference: one readable function of the cells, over complex numbers so that it has exact derivatives


def log_steps(grid: Grid, cells: Sequence[complex]) -> list[complex]:
    """``log(1 - d/E)`` bin by bin."""
    coarse: dict[int, list[int]] = {}
    for k in range(grid.bins):
        coarse.setdefault(k if grid.is_native else k // 2, []).append(k)
    widths = [grid.edges[k + 1] - grid.edges[k] for k in range(grid.bins)]
    censored = [0j] * grid.bins
    for c, members in coarse.items():
        for k in members:
            censored[k] = cells[grid.bins + c] * widths[k] / sum(widths[m] for m in members)
    steps, at_risk = [], sum(cells[: grid.bins]) + sum(censored) + cells[-1]
    for k in range(grid.bins):
        exposed = at_risk - censored[k] * (1 - 1 / widths[k]) / 2
        steps.append(cmath.log(1 - cells[k] / exposed))
        at_risk -= cells[k] + censored[k]
    return steps


def area(grid: Grid, steps: Sequence[complex], until: float) -> complex:
    """The area under the curve, unit by unit."""
    values = [cmath.exp(sum(steps[:k])) for k in range(grid.bins + 1)]

    def at(unit: int) -> complex:
        k = max(k for k in range(grid.bins + 1) if grid.edges[k] <= unit)
        if k == grid.bins:
            return values[-1]
        return values[k] + (values[k + 1] - values[k]) * (unit - grid.edges[k]) / (grid.edges[k + 1] - grid.edges[k])

    whole = math.floor(until)
    return sum(at(unit) for unit in range(whole)) + (until - whole) * at(whole)


def gradient(function: Any, point: Sequence[float]) -> list[float]:
    """Derivatives by complex steps: exact to the last digits."""
    tiny = 1e-30
    return [function([x + (tiny * 1j if i == j else 0) for j, x in enumerate(point)]).imag / tiny for i in range(len(point))]


def squared_length(slope: list[float], projected: int | None) -> float:
    """Under ``replace`` the projection takes the mean over all cells of all groups off."""
    return sum(s * s for s in slope) - (0 if projected is None else sum(slope) ** 2 / projected)


def greenwood(grid: Grid, cells: Sequence[float]) -> list[float]:
    """Sampling variance of each step: ``d / (E (E - d))``."""
    factors = [math.exp(step.real) for step in log_steps(grid, cells)]
    return [(1 - f) ** 2 / (f * cells[k]) if cells[k] else 0.0 for k, f in enumerate(factors)]


@st.composite
def fits(draw: st.DrawFn) -> Fit:
    """Grids of all shapes with enough people in every cell that no floor matters."""
    widths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=7))
    grid = Grid(Fraction(1), tuple(sum(widths[:k]) for k in range(len(widths) + 1)))
    counts = draw(st.lists(st.integers(0, 60), min_size=grid.cells - 1, max_size=grid.cells - 1))
    cells = np.array([*counts, draw(st.integers(30, 90))], dtype=float)
    projected = draw(st.none() | st.integers(1, 3).map(lambda groups: groups * grid.cells))
    return Fit(grid, cells, draw(st.sampled_from([0.0, 1.84, 200.0])), projected)


@given(fits())
def test_the_curve_is_that_of_the_reference(model: Fit) -> None:
    steps = log_steps(model.grid, model.cells.tolist())
    expected = [math.exp(sum(step.real for step in steps[:k])) for k in range(model.grid.bins + 1)]
    assert model.survival == pytest.approx(expected, rel=1e-12)
    hazards = [1 - math.exp(step.real) for step in steps]
    assert model.cumulative_hazard == pytest.approx([sum(hazards[:k]) for k in range(model.grid.bins + 1)], rel=1e-10)


@given(fits())
def test_the_variance_of_the_curve_is_that_of_the_reference(model: Fit) -> None:
    grid, cells = model.grid, model.cells.tolist()
    for k in range(grid.bins):
        slope = gradient(lambda point, k=k: sum(log_steps(grid, point)[: k + 1]), cells)
        squared = squared_length(slope, model.projected_cells)
        assert model.squared_gradient[k] == pytest.approx(squared, rel=1e-9, abs=1e-15)
        expected = sum(greenwood(grid, cells)[: k + 1]) + model.noise_variance * squared
        assert model.log_variance[k] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(fits(), st.data())
def test_the_restricted_mean_and_its_variance_are_those_of_the_reference(model: Fit, data: st.DataObject) -> None:
    grid, cells = model.grid, model.cells.tolist()
    until = data.draw(st.integers(1, grid.units) | st.floats(0.01, grid.units))
    value, variance = model.restricted_mean(float(until))
    steps = log_steps(grid, cells)
    assert value == pytest.approx(area(grid, steps, until).real, rel=1e-10)
    squared = squared_length(gradient(lambda point: area(grid, log_steps(grid, point), until), cells), model.projected_cells)
    by_step = gradient(lambda point: area(grid, point, until), [step.real for step in steps])
    sampling = sum(slope**2 * var for slope, var in zip(by_step, greenwood(grid, cells), strict=True))
    inside = 0.0  # the area of a Dirichlet process of 16 - 1 around the straight line of each wide bin, as far as it counts
    for start, end, high, low in zip(grid.edges, grid.edges[1:], model.survival, model.survival[1:], strict=False):
        if end - start > 1:
            inside += ((high - low) * min(end - start, max(until - start, 0))) ** 2 / (12 * 16)
    assert variance == pytest.approx(sampling + model.noise_variance * squared + inside, rel=1e-8, abs=1e-10)


def test_the_band_inside_a_bin_allows_for_not_knowing_where_its_events_fell() -> None:
    spec = Spec(horizon=8, epsilon=1, neighbours="add_remove", n_bins=2)
    model = replace(fit(spec, np.array([400, 200, 0, 400]))[0], noise_variance=0.0)
    [low_edge, low_middle], [high_edge, high_middle] = model.band(np.array([4.0, 2.0]), 0.95)
    level, edge = 0.8, 0.6
    sampling = 0.5 * 400 / (1000 * 600)  # half of Greenwood's term of the first bin
    inside = 0.25 * (0.4 / level) ** 2 / 16
    spread = np.exp(1.959963984540054 * np.sqrt(sampling + inside) / -np.log(level))
    assert low_middle == pytest.approx(level**spread, rel=1e-9)
    assert high_middle == pytest.approx(level ** (1 / spread), rel=1e-9)
    at_edge = np.exp(1.959963984540054 * np.sqrt(400 / (1000 * 600)) / -np.log(edge))
    assert (low_edge, high_edge) == pytest.approx((edge**at_edge, edge ** (1 / at_edge)), rel=1e-9)


def test_on_bins_of_one_unit_there_is_nothing_to_allow_for() -> None:
    spec = Spec(horizon=4, epsilon=1, neighbours="add_remove", n_bins=4)
    curve = spec.count([1, 2, 2, 3, 4, 4, 4] * 30, [1, 1, 0, 1, 0, 1, 1] * 30).release()
    assert np.array_equal(curve.band([0, 1, 2, 3, 4]), curve.confidence_interval())


@pytest.mark.parametrize("relation", ["add_remove", "replace"])
@pytest.mark.parametrize("bins", [4, 5, 12])
def test_a_group_under_replace_shares_the_sum_of_all_groups(relation: str, bins: int) -> None:
    people = {"n": 1200} if relation == "replace" else {}
    spec = Spec(horizon=12, epsilon=1, neighbours=relation, n_bins=bins, groups=["a", "b"], **people)
    counts = np.full(spec.cells, 1200 // spec.cells, dtype=np.int64)
    counts[-1] += 1200 - counts.sum()
    for model in fit(spec, counts):
        assert model.projected_cells == (spec.cells if relation == "replace" else None)
        slope = gradient(lambda point, grid=model.grid: sum(log_steps(grid, point)), model.cells.tolist())
        assert model.squared_gradient[-1] == pytest.approx(squared_length(slope, model.projected_cells), rel=1e-9)
        assert model.noise_variance == spec.law.variance


# Projection


def true_projection(values: list[int], total: Fraction) -> list[Fraction]:
    """The one support whose equal shift satisfies the conditions of a nearest point."""
    for size in range(len(values), 0, -1):
        for support in combinations(range(len(values)), size):
            shift = (sum(values[i] for i in support) - total) / Fraction(size)
            outside = [values[i] for i in range(len(values)) if i not in support]
            if all(values[i] > shift for i in support) and all(value <= shift for value in outside):
                return [max(Fraction(0), value - shift) for value in values]
    raise AssertionError("a projection exists")


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=6), st.integers(1, 200))
def test_the_projection_is_the_nearest_possible_vector(values: list[int], total: int) -> None:
    found = project(np.array(values), total)
    assert found == pytest.approx([float(x) for x in true_projection(values, Fraction(total))], abs=1e-11)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50).filter(any))
def test_counts_that_are_consistent_stay_as_they_are(values: list[int]) -> None:
    assert project(np.array(values), sum(values)).tolist() == values


# Whatever the noise did


def anything(size: int) -> st.SearchStrategy[list[int]]:
    count = st.integers(-5, 5) | st.integers(-3000, 3000) | st.integers(-(2**63), 2**63 - 1)
    return st.lists(count, min_size=size, max_size=size) | st.just([-(2**40)] * size) | st.just([0] * size)


def test_limits_hold_where_a_curve_falls_from_one_to_nearly_nothing_in_one_bin() -> None:
    spec = Spec(horizon=8, epsilon="0.001", neighbours="add_remove", n_bins=1)
    lower, upper = noisy_curve(spec, [2**54, 0, 0]).confidence_interval(0.5)
    assert np.isfinite(lower).all()
    assert np.isfinite(upper).all()


@given(st.data())
def test_every_noisy_vector_gives_a_sane_curve(data: st.DataObject) -> None:
    relation = data.draw(st.sampled_from(["add_remove", "replace"]))
    groups = data.draw(st.sampled_from([None, ["a", "b", "c"]]))
    bins = data.draw(st.integers(1, 8))
    people = {"n": data.draw(st.sampled_from([1, 7, 10**6]))} if relation == "replace" else {}
    epsilon = data.draw(st.sampled_from(["0.001", "1", "50", 10**6]))
    spec = Spec(horizon=8, epsilon=epsilon, neighbours=relation, n_bins=bins, groups=groups, **people)
    whole = noisy_curve(spec, data.draw(anything(spec.cells)))
    for curve in [whole[label] for label in groups] if groups else [whole]:
        survival = curve.survival_function_
        assert survival[0] == 1
        assert ((survival >= 0) & (survival <= 1)).all()
        assert (np.diff(survival) <= 0).all()
        for confidence in (0.5, 1 - 1e-12):
            lower, upper = curve.confidence_interval(confidence)
            assert ((lower >= 0) & (lower <= survival) & (survival <= upper) & (upper <= 1)).all()
        hazard = curve.cumulative_hazard_
        assert np.isfinite(hazard).all()
        assert (np.diff(hazard) >= 0).all()
        for column in curve.event_table.values():
            assert np.isfinite(column).all()
            assert (column >= 0).all()
        for until in (0.3, 8):
            mean = curve.rmst(until)
            assert 0 <= mean.value <= until + 1e-9
            assert mean.stderr >= 0
            low, high = mean.interval()
            assert 0 <= low <= high <= until
        low, high = curve.percentile_interval(0.5)
        assert 0 < low <= curve.median_survival_time_ <= high
        assert np.isnan(curve.predict([-1, 8.1, math.inf, math.nan])).all()
    assert Curve.from_json(whole.to_json()) == whole
    assert whole.summary()


# Times and scales


@given(survival_rows(24, min_size=3), st.sampled_from(["7", "1/10", "1/3"]), st.sampled_from([5, 8, 24]))
def test_scaling_times_and_unit_together_scales_the_estimates(people: list[Person], unit: str, bins: int) -> None:
    step, events = Fraction(unit), [person.event for person in people]
    plain = exact_curve([person.time for person in people], events, horizon=24, n_bins=bins)
    scaled = exact_curve([float(person.time * step) for person in people], events, horizon=24 * step, unit=unit, n_bins=bins)
    assert np.array_equal(plain.survival_function_, scaled.survival_function_)
    assert np.array_equal(plain.confidence_interval_, scaled.confidence_interval_)
    assert scaled.median_survival_time_ == pytest.approx(plain.median_survival_time_ * float(step), rel=1e-12)
    assert scaled.rmst(float(24 * step)).value == pytest.approx(plain.rmst(24).value * float(step), rel=1e-12)
    assert scaled.rmst(float(24 * step)).stderr == pytest.approx(plain.rmst(24).stderr * float(step), rel=1e-12)
    moments = np.arange(25)
    assert np.array_equal(scaled.predict([float(int(m) * step) for m in moments]), plain.predict(moments))


@given(survival_rows(30, min_size=1), st.integers(1, 30), st.floats(0, 1))
def test_a_percentile_is_the_first_unit_at_or_below(people: list[Person], bins: int, p: float) -> None:
    curve = exact_curve([person.time for person in people], [person.event for person in people], horizon=30, n_bins=bins)
    heights = curve.predict(np.arange(31))
    below = [unit for unit, height in enumerate(heights) if height <= p + 1e-12]
    surely = [unit for unit, height in enumerate(heights) if height <= p - 1e-12]
    found = curve.percentile(p)
    assert (below or [math.inf])[0] <= found <= (surely or [math.inf])[0]


def test_what_is_not_reached_is_infinite() -> None:
    curve = exact_curve([5, 40, 40, 40], [1, 1, 1, 1], horizon=30, n_bins=5)
    assert curve.median_survival_time_ == math.inf
    assert curve.percentile_interval(0.1)[1] == math.inf
    assert curve.percentile(1) == 0
    assert "not reached" in curve.summary()


def test_between_units_the_curve_stands_and_between_edges_it_falls_evenly() -> None:
    curve = exact_curve([3, 4, 9, 30], [1, 1, 1, 1], horizon=10, grid=[4, 10])
    assert curve.survival_function_.tolist() == [1, 0.5, 0.25]
    assert curve.predict([0, 1, 1.99, 2, 4, 4.5, 5, 7, 10]) == pytest.approx(
        [1, 0.875, 0.875, 0.75, 0.5, 0.5, 0.5 - 0.25 / 6, 0.375, 0.25]
    )
    assert curve.predict(10.0000001).tolist() == pytest.approx(math.nan, nan_ok=True)
    assert float(curve.predict(7)) == 0.375
    lower, upper = curve.band([4, 10], confidence=0.9)
    assert np.array_equal([lower, upper], np.array(curve.confidence_interval(0.9))[:, 1:])


def test_a_multiple_of_the_unit_that_floats_cannot_write_is_still_that_multiple() -> None:
    curve = exact_curve([0.3, 0.7], [1, 1], horizon=1, unit="0.1", n_bins=10)
    assert curve.predict([0.1 + 0.2, 0.3, 0.29, 0.7]).tolist() == [0.5, 0.5, 1.0, 0.0]
    assert curve.rmst(0.3).value == pytest.approx(0.3)
    assert curve.rmst("1/3").value == pytest.approx(0.3 + 0.5 / 30)


# The predicted error


PLANS: dict[str, dict[str, Any]] = {
    "add_remove": {"neighbours": "add_remove", "expected_n": 1},
    "replace": {"neighbours": "replace", "n": 1},
}


def predicted(plan: dict[str, Any], people: int, **more: Any) -> float:
    number = "n" if "n" in plan else "expected_n"
    return Spec(**{"horizon": 1096, "epsilon": 1, **plan, number: people, **more}).predicted_rmse


@pytest.mark.parametrize("relation", PLANS)
def test_the_predicted_error_falls_with_epsilon_and_with_people(relation: str) -> None:
    plan = PLANS[relation]
    by_epsilon = [predicted(plan, 228, epsilon=epsilon) for epsilon in ("0.1", "0.5", 1, 2, 5, 10, 100)]
    by_people = [predicted(plan, people) for people in (10, 50, 228, 1000, 10**4, 10**6)]
    by_both = [predicted(plan, 228 * scale, n_bins=6) for scale in (1, 2, 3, 4, 5)]
    for errors in (by_epsilon, by_people, by_both):
        assert np.isfinite(errors).all()
        assert all(later < earlier for earlier, later in pairwise(errors)), errors


@given(
    st.sampled_from(sorted(PLANS)),
    st.integers(1, 10**12),
    st.fractions(min_value=Fraction(1, 100), max_value=100, max_denominator=100),
)
def test_the_predicted_error_is_always_a_number(relation: str, people: int, epsilon: Fraction) -> None:
    plan = PLANS[relation]
    for groups in (None, ["a", "b"]):
        assert 0 < predicted(plan, people, epsilon=epsilon, horizon=60, groups=groups) < 2


def test_half_the_people_in_each_of_two_groups_is_predicted_worse() -> None:
    plan = PLANS["add_remove"]
    assert predicted(plan, 228, groups=["a", "b"]) > predicted(plan, 228)

"""The public grid: chosen by a rule from public numbers, exact, and written so that it cannot be edited."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.survival import Spec
from privlib.survival.grid import Grid, automatic_bins, regular_edges

EPSILONS = st.fractions(min_value=Fraction(1, 100), max_value=20, max_denominator=1000)
PLAIN: dict[str, Any] = {"horizon": 1096, "epsilon": 1, "neighbours": "add_remove"}


@given(st.integers(1, 10**6), st.integers(1, 200))
def test_edges_are_as_even_as_whole_units_allow(units: int, bins: int) -> None:
    bins = min(bins, units)
    edges = regular_edges(units, bins)
    assert edges == tuple(int(Fraction(k * units, bins)) for k in range(bins + 1))
    assert (edges[0], edges[-1]) == (0, units)
    assert {b - a for a, b in pairwise(edges)} <= {units // bins, -(-units // bins)}


@given(
    EPSILONS, st.integers(1, 10**7), st.sampled_from(["add_remove", "replace"]), st.sampled_from([1, 2, 3]), st.integers(1, 4000)
)
def test_the_automatic_grid_follows_the_rule(epsilon: Fraction, people: int, relation: str, groups: int, units: int) -> None:
    labels = list(range(groups)) if groups > 1 else None
    number = "n" if relation == "replace" else "expected_n"
    spec = Spec(horizon=units, epsilon=epsilon, neighbours=relation, groups=labels, **{number: people})
    with mpmath.workdps(60):
        q = mpmath.exp(-mpmath.mpf(epsilon.numerator) / epsilon.denominator / (2 if relation == "replace" else 1))
        variance = 2 * q / (1 - q) ** 2
        bins = max(4, int(mpmath.floor(mpmath.mpf("0.8") * mpmath.sqrt(people / variance / groups) + mpmath.mpf("0.5"))))
    assert spec.grid.bins == (units if 2 * bins >= units else bins)
    assert spec.grid.is_native == (2 * bins >= units)
    assert spec.grid_chosen == "automatic"


def test_the_rule_at_its_border() -> None:
    one = Fraction(1)
    assert automatic_bins(100, Fraction(1), one) == 4, "never fewer than four"
    assert automatic_bins(9, Fraction(1), one) == 4
    assert automatic_bins(8, Fraction(1), one) == 8, "twice four bins reach all eight units"
    assert automatic_bins(2, Fraction(1), one) == 2
    assert automatic_bins(21, Fraction(156), one) == 10, "0.8 sqrt(156) is 9.99"
    assert automatic_bins(20, Fraction(156), one) == 20
    half = Fraction(105, 8) ** 2  # 0.8 times 105/8 is exactly 10.5
    assert automatic_bins(1000, half, one) == 11
    assert automatic_bins(1000, half - Fraction(1, 10**30), one) == 10


def test_more_people_or_more_epsilon_never_mean_fewer_bins() -> None:
    by_people = [Spec(**PLAIN, expected_n=people).grid.bins for people in (1, 10, 100, 10**3, 10**5, 10**7)]
    by_epsilon = [Spec(**{**PLAIN, "epsilon": e}, expected_n=228).grid.bins for e in ("0.1", "0.5", 1, 2, 5, 10)]
    assert by_people == sorted(by_people)
    assert by_epsilon == sorted(by_epsilon)
    assert by_people[-1] == 1096


def test_the_documented_lung_grids() -> None:
    assert [Spec(**{**PLAIN, "horizon": 1022, "epsilon": e}, expected_n=228).grid.bins for e in ("0.5", 1, 2)] == [4, 9, 20]


@pytest.mark.parametrize(
    ("units", "bins", "censor_bins"), [(100, 4, 2), (100, 5, 3), (100, 1, 1), (5, 5, 5), (1, 1, 1), (6, 5, 3)]
)
def test_cells_of_a_group(units: int, bins: int, censor_bins: int) -> None:
    grid = Grid(Fraction(1), regular_edges(units, bins))
    assert grid.censor_bins == censor_bins
    assert grid.cells == bins + censor_bins + 1
    assert grid.censor_bin.tolist() == [k if units == bins else k // 2 for k in range(bins)]
    assert int(grid.widths.sum()) == units
    assert (np.bincount(grid.censor_bin) <= 2).all()


@pytest.mark.parametrize("edges", [[6, 30], [0, 6, 30], ["6", "30"], [6.0, 30.0], (Fraction(6), 30)])
def test_explicit_edges_are_the_same_however_they_are_spelt(edges: Any) -> None:
    spec = Spec(**{**PLAIN, "horizon": 30}, grid=edges)
    assert spec.grid.edges == (0, 6, 30)
    assert spec.grid_chosen == "grid"
    assert spec.fingerprint == Spec(**{**PLAIN, "horizon": 30}, grid=[6, 30]).fingerprint


def test_edges_are_multiples_of_a_unit_that_floats_cannot_write() -> None:
    spec = Spec(**{**PLAIN, "horizon": 1}, unit=0.1, grid=[0.3, 0.7, 1])
    assert spec.grid.edges == (0, 3, 7, 10)
    assert spec.grid.times.tolist() == [0, 0.3, 0.7, 1]


SPECS = st.builds(
    lambda units, unit, epsilon, relation, people, how, groups: Spec(
        horizon=units * unit,
        unit=unit,
        epsilon=epsilon,
        neighbours=relation,
        groups=groups,
        **{"n" if relation == "replace" else "expected_n": people},
        **({"n_bins": max(1, units // 3)} if how == "n_bins" else {}),
        **({"grid": [unit * e for e in sorted({max(1, units // 2), units})]} if how == "grid" else {}),
    ),
    st.integers(1, 300),
    st.sampled_from([Fraction(1), Fraction(1, 10), Fraction(1, 3), Fraction(7)]),
    EPSILONS,
    st.sampled_from(["add_remove", "replace"]),
    st.integers(1, 10**5),
    st.sampled_from(["automatic", "n_bins", "grid"]),
    st.sampled_from([None, ["a", "b"], [3, 1, 2]]),
)


@given(SPECS)
def test_round_trip(spec: Spec) -> None:
    again = Spec.from_dict(spec.to_dict())
    assert again == spec
    assert again.to_dict() == spec.to_dict()
    assert again.fingerprint == spec.fingerprint
    assert hash(again) == hash(spec)
    assert (again.bound, again.cells, again.sensitivity) == (spec.bound, spec.cells, spec.sensitivity)
    assert spec.bound.epsilon == spec.epsilon
    assert spec.explain() == again.explain()


@given(SPECS, st.integers(1, 400))
def test_recorded_bins_that_the_rule_does_not_give_are_refused(spec: Spec, bins: int) -> None:
    record = spec.to_dict()
    if spec.grid_chosen != "automatic" or bins == spec.grid.bins:
        return
    with pytest.raises(InvalidInput, match="not a survival plan as privlib writes it"):
        Spec.from_dict({**record, "bins": bins})


@pytest.mark.parametrize(
    "change",
    [
        {"epsilon": "2/2"},
        {"epsilon": 1},
        {"horizon": "1096.0"},
        {"unit": "1.0"},
        {"neighbours": "event"},
        {"neighbours": None},
        {"people": None},
        {"people": 228.0},
        {"people": "228"},
        {"grid_chosen": "grid"},
        {"grid_chosen": "other"},
        {"edges": [0, 1096]},
        {"groups": ["a"]},
        {"groups": "ab"},
        {"bins": None},
        {"bins": 9.5},
        {"new": 1},
    ],
)
def test_an_edited_plan_is_refused(change: dict[str, Any]) -> None:
    record = Spec(**PLAIN, expected_n=228).to_dict()
    with pytest.raises(InvalidInput):
        Spec.from_dict({**record, **change})


@pytest.mark.parametrize(
    "missing", ["horizon", "unit", "epsilon", "neighbours", "people", "grid_chosen", "bins", "edges", "groups"]
)
def test_a_plan_with_a_part_missing_is_refused(missing: str) -> None:
    record = Spec(**PLAIN, expected_n=228).to_dict()
    del record[missing]
    with pytest.raises(InvalidInput, match="not a survival plan as privlib writes it"):
        Spec.from_dict(record)
    for other in (None, [], "text", 5):
        with pytest.raises(InvalidInput):
            Spec.from_dict(other)


def test_a_plan_cannot_be_changed() -> None:
    spec = Spec(**PLAIN, expected_n=228)
    for name in ("epsilon", "people", "grid", "n"):
        with pytest.raises(AttributeError):
            setattr(spec, name, 5)


def test_every_part_of_the_plan_is_in_its_fingerprint() -> None:
    plans = [
        {},
        {"horizon": 1095},
        {"epsilon": 2},
        {"expected_n": 229},
        {"unit": "1/2"},
        {"n_bins": 9},
        {"grid": [500, 1096]},
        {"groups": ["a", "b"]},
        {"groups": ["b", "a"]},
        {"groups": [1, 2]},
        {"neighbours": "replace", "n": 228, "expected_n": None},
    ]
    assert len({Spec(**{**PLAIN, "expected_n": 228, **plan}).fingerprint for plan in plans}) == len(plans)


def test_the_plan_says_what_is_public() -> None:
    text = Spec(**PLAIN, expected_n=228, groups=["m", "f"]).explain()
    for words in ("epsilon = 1 (pure)", "add_remove", "whole curve", "expected_n = 228", "groups m, f", "horizon 1096", "unit 1"):
        assert words in text
    assert "n = 228 (public)" in Spec(horizon=9, epsilon=1, neighbours="replace", n=228).explain()
    assert "no number of people" in Spec(**PLAIN, n_bins=4).explain()

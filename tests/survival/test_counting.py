"""One row, one cell: by exact arithmetic, whatever carries the column and however large the grid is."""

import itertools
import json
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.survival import Spec, SurvivalTable, counting
from privlib.testing import Person, survival_neighbours, survival_rows

VECTORS = Path(__file__).parents[1] / "vectors" / "survival" / "counting.json"
UNITS = ["1", "7", "1/10", "1/3", "1/1000", "22/7"]


def cells(table: SurvivalTable) -> list[int]:
    return table._cells.tolist()


def count(spec: Spec, people: Sequence[Person]) -> SurvivalTable:
    columns = [list(column) for column in zip(*people, strict=True)] or [[], [], []]
    return spec.count(columns[0], columns[1], group=columns[2] if spec.groups else None)


def true_unit(time: float, unit: Fraction) -> int:
    """The multiple of the unit that a time means, in rationals."""
    quotient = Fraction(time) / unit
    near = range(max(1, math.floor(quotient) - 1), math.ceil(quotient) + 2)
    meant = [k for k in near if float(k * unit) == time]
    return meant[0] if meant else math.ceil(quotient)


def true_cell(spec: Spec, time: float, event: int) -> int:
    """The cell of one person, found by walking over the grid."""
    grid, unit = spec.grid, true_unit(time, spec.grid.unit)
    if unit > grid.units or (not event and time >= float(spec.horizon)):
        return grid.cells - 1
    bin_ = next(k for k in range(grid.bins) if grid.edges[k] < unit <= grid.edges[k + 1])
    return bin_ if event else grid.bins + (bin_ if grid.is_native else bin_ // 2)


def by_both_paths(build: Callable[[], SurvivalTable]) -> list[int]:
    """Count over single units, and by search in the grid's edges."""
    found = []
    for limit in (0, 2**40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(counting, "_FINE_HISTOGRAM", limit)
            found.append(cells(build()))
    assert found[0] == found[1]
    return found[0]


def case_names() -> list[Any]:
    record = json.loads(VECTORS.read_text(encoding="utf-8"))
    found = [case for group in record["groups"] for case in group["cases"]]
    assert 3 * sum(case["result"] == "invalid" for case in found) >= len(found), "a third of the cases is refused"
    return [pytest.param(case, id=case["id"]) for case in found]


@pytest.mark.parametrize("case", case_names())
def test_known_tables_are_counted_and_known_mistakes_refused(case: dict[str, Any]) -> None:
    given_rows = case["input"]

    def counted() -> SurvivalTable:
        return Spec(**given_rows["spec"]).count(given_rows["time"], given_rows["event"], group=given_rows["group"])

    if case["result"] == "invalid":
        with pytest.raises(InvalidInput):
            counted()
    else:
        assert by_both_paths(counted) == case["expected"]


@pytest.mark.parametrize("unit", UNITS)
@given(data=st.data())
def test_a_time_belongs_to_the_unit_that_rationals_say(unit: str, data: st.DataObject) -> None:
    units = data.draw(st.integers(1, 400))
    spec = Spec(
        horizon=units * Fraction(unit), unit=unit, epsilon=1, neighbours="add_remove", n_bins=data.draw(st.integers(1, units))
    )
    step = Fraction(unit)
    multiple = st.integers(1, units + 3).map(lambda k: float(k * step))
    anywhere = st.floats(min_value=5e-324, max_value=float((units + 3) * step), exclude_min=False)
    times = (
        multiple | multiple.map(lambda t: math.nextafter(t, 0)) | multiple.map(lambda t: math.nextafter(t, math.inf)) | anywhere
    )
    time, event = data.draw(times), data.draw(st.integers(0, 1))
    expected = [0] * spec.cells
    expected[true_cell(spec, time, event)] = 1
    assert by_both_paths(lambda: spec.count([time], [event])) == expected


@pytest.mark.parametrize("unit", UNITS)
def test_no_multiple_of_the_unit_is_off_by_one_up_to_a_large_horizon(unit: str) -> None:
    last = 2**20
    spec = Spec(horizon=last * Fraction(unit), unit=unit, epsilon=1, neighbours="add_remove", n_bins=4)
    k = np.concatenate([np.arange(1, 20000), np.arange(last - 20000, last + 1)])
    times = np.array([float(int(i) * Fraction(unit)) for i in k])
    seen = np.ones(k.size, dtype=np.int64)
    assert np.array_equal(counting._cell(times, seen, spec.grid), k)
    assert np.array_equal(counting._cell(np.nextafter(times, 0), seen, spec.grid), k)
    assert np.array_equal(counting._cell(np.nextafter(times, np.inf), seen, spec.grid), np.minimum(k + 1, last + 1))


def test_the_largest_horizon_is_exact() -> None:
    spec = Spec(horizon=2**52, epsilon=1, neighbours="add_remove", n_bins=2)
    half = 2**51
    times = [half, half + 1, math.nextafter(half, math.inf), 2**52, 2**52 + 1, 1e300, 5e-324]
    assert cells(spec.count([float(time) for time in times])) == [2, 3, 0, 2]  # too many units for a histogram


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2", ">u8", "f2", "f4", "f8", ">f4", ">f8"])
@pytest.mark.parametrize(("horizon", "unit"), [(100, 1), (5000, 1), (10**6, 1), (98, 7), (100, "1/4")])
def test_every_type_of_number_counts_alike(dtype: str, horizon: int, unit: str) -> None:
    spec = Spec(horizon=horizon, unit=unit, epsilon=1, neighbours="add_remove", n_bins=7)
    times, events = [1, 2, 3, 7, 8, 50, 97, 98, 99, 100, 101, 120, 127], [0, 1] * 6 + [0]
    expected = cells(spec.count(times, events))
    assert by_both_paths(lambda: spec.count(np.array(times, dtype=dtype), events)) == expected


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_a_narrow_float_means_the_multiple_that_it_is_nearest_to(dtype: str) -> None:
    spec = Spec(horizon="0.8", unit="0.1", epsilon=1, neighbours="add_remove", n_bins=8)
    times = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], dtype=dtype)
    assert by_both_paths(lambda: spec.count(times)) == [1] * 8 + [0] * 8 + [0]
    assert by_both_paths(lambda: spec.count(times, [0] * 8)) == [0] * 8 + [1] * 7 + [0] + [1]


def test_unsigned_times_beyond_the_signed_range_lie_beyond_the_horizon() -> None:
    spec = Spec(horizon=10, epsilon=1, neighbours="add_remove", n_bins=1)
    assert by_both_paths(lambda: spec.count(np.array([2**63, 2**64 - 1, 3], dtype=np.uint64))) == [1, 0, 2]


@pytest.mark.parametrize("unit", UNITS)
def test_ties_at_the_horizon(unit: str) -> None:
    spec = Spec(horizon=9 * Fraction(unit), unit=unit, epsilon=1, neighbours="add_remove", n_bins=3)
    end = float(spec.horizon)
    before, after = math.nextafter(end, 0), math.nextafter(end, math.inf)
    observed = by_both_paths(lambda: spec.count([before, end, after, 2 * end]))
    censored = by_both_paths(lambda: spec.count([before, end, after, 2 * end], [0, 0, 0, 0]))
    assert observed == [0, 0, 2, 0, 0, 2], "an event at the horizon was seen"
    assert censored == [0, 0, 0, 0, 1, 3], "who is censored at the horizon was still there"


def test_an_odd_last_censoring_bin_stands_alone() -> None:
    spec = Spec(horizon=30, epsilon=1, neighbours="add_remove", n_bins=5)
    assert by_both_paths(lambda: spec.count([3, 9, 15, 21, 27], [0] * 5)) == [0] * 5 + [2, 2, 1] + [0]


def test_native_censoring_bins_are_not_paired() -> None:
    spec = Spec(horizon=3, epsilon=1, neighbours="add_remove", n_bins=3)
    assert by_both_paths(lambda: spec.count([1, 2, 3, 4], [0] * 4)) == [0, 0, 0, 1, 1, 0, 2]


@pytest.mark.parametrize(
    "carry",
    [
        list,
        tuple,
        np.array,
        pd.Series,
        lambda values: pd.Series(values, index=range(7, 7 + len(values))),
        pl.Series,
        lambda values: pa.chunked_array([values[:2], values[2:]]),
        lambda values: pd.Series(values).convert_dtypes(),
        lambda values: pd.Series(values).convert_dtypes(dtype_backend="pyarrow"),
    ],
    ids=["list", "tuple", "numpy", "pandas", "indexed", "polars", "pyarrow", "nullable", "arrow-backed"],
)
@pytest.mark.parametrize("labels", [["a", "bee", "a", "a", "bee"], [30, -4, 30, 30, -4]], ids=["text", "int"])
def test_every_carrier_counts_alike(carry: Callable[[Any], Any], labels: list[Any]) -> None:
    groups = list(dict.fromkeys(labels))
    spec = Spec(horizon=10, unit="1/2", epsilon=1, neighbours="add_remove", n_bins=3, groups=groups)
    times, events = [1.0, 2.5, 3.0, 9.75, 12.0], [1, 0, 1, 0, 1]
    people = [Person(t, e, g) for t, e, g in zip(times, events, labels, strict=True)]
    expected = [0] * spec.cells
    for time, event, label in people:
        expected[groups.index(label) * spec.grid.cells + true_cell(spec, time, event)] += 1
    assert by_both_paths(lambda: spec.count(carry(times), carry(events), group=carry(labels))) == expected
    assert cells(spec.count(carry(times), carry([e == 1 for e in events]), group=carry(labels))) == expected


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(["a", "b", "a"], dtype="category"),
        pl.Series(["a", "b", "a"], dtype=pl.Categorical),
        pl.Series(["a", "b", "a"], dtype=pl.Enum(["b", "a", "c"])),
        pd.Series(["a", "b", "a"], dtype="string"),
        np.array(["a", "b", "a"], dtype="<U20"),
        np.array(["a", "b", "a"], dtype=object),
    ],
    ids=["pandas-category", "polars-category", "polars-enum", "pandas-string", "wide", "object"],
)
def test_categories_are_labels(labels: object) -> None:
    spec = Spec(horizon=2, epsilon=1, neighbours="add_remove", n_bins=1, groups=["b", "a", "unseen"])
    assert cells(spec.count([1, 2, 3], [1, 1, 1], group=labels)) == [1, 0, 0, 1, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "i4", "u8", ">i4"])
def test_integer_labels_of_every_type_match(dtype: str) -> None:
    spec = Spec(horizon=2, epsilon=1, neighbours="add_remove", n_bins=1, groups=[9, 2, 100])
    assert cells(spec.count([1, 1, 1], group=np.array([100, 2, 2], dtype=dtype))) == [0, 0, 0, 2, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("groups", list(itertools.permutations(["b", "", "ab", "ä"])))
def test_the_order_of_the_groups_is_the_plans(groups: tuple[str, ...]) -> None:
    spec = Spec(horizon=2, epsilon=1, neighbours="add_remove", n_bins=1, groups=groups)
    rows = [label for place, label in enumerate(groups) for _ in range(place + 1)]
    assert cells(spec.count([1] * len(rows), group=rows))[::3] == [1, 2, 3, 4]


def test_other_codes_are_mapped_when_they_are_given() -> None:
    spec = Spec(horizon=4, epsilon=1, neighbours="add_remove", n_bins=2)
    expected = cells(spec.count([1, 2, 3], [0, 1, 1]))
    assert cells(spec.count([1, 2, 3], [1, 2, 2], event_codes=(1, 2))) == expected
    assert cells(spec.count([1, 2, 3], np.array([1, 0, 0], np.uint8), event_codes=(1, 0))) == expected
    assert cells(spec.count([1, 2, 3], [-1.0, 2.0, 2.0], event_codes=(-1, 2))) == expected
    assert cells(spec.count([1, 2, 3])) == cells(spec.count([1, 2, 3], [1, 1, 1]))


def test_blocks_do_not_show() -> None:
    spec = Spec(horizon=50, epsilon=1, neighbours="add_remove", n_bins=9, groups=["x", "y"])
    size = 2 * 2**16 + 17
    times = np.arange(size) % 60 + 1
    events, labels = np.arange(size) % 3 % 2, np.where(np.arange(size) % 7 < 3, "x", "y")
    whole = by_both_paths(lambda: spec.count(times, events, group=labels))
    expected = [0] * spec.cells
    for (time, event, label), repeats in zip(
        *np.unique(np.rec.fromarrays([times, events, labels]), return_counts=True), strict=True
    ):
        expected["xy".index(label) * spec.grid.cells + true_cell(spec, float(time), int(event))] += int(repeats)
    assert whole == expected


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.int8])
@pytest.mark.parametrize("last", [5, 10, 99])
def test_counting_leaves_the_data_as_they_were(dtype: type, last: int) -> None:
    times, events = np.array([1, last, 3], dtype=dtype), np.array([1, 0, 1])
    by_both_paths(lambda: Spec(horizon=10, epsilon=1, neighbours="add_remove", n_bins=3).count(times, events))
    assert times.tolist() == [1, last, 3]
    assert events.tolist() == [1, 0, 1]


# Contracts


@pytest.mark.parametrize("relation", ["add_remove", "replace"])
@pytest.mark.parametrize("groups", [None, ["a", "b"]])
@pytest.mark.parametrize("bins", [1, 2, 3])
def test_one_person_moves_the_statistic_by_at_most_the_stated_sensitivity(
    relation: str, groups: list[str] | None, bins: int
) -> None:
    """Over all pairs of neighbours with up to two other people."""
    moved = set()
    records = [Person(t, e, g) for t in range(1, 5) for e in (0, 1) for g in (groups or [None])]
    for size in range(3):
        spec = Spec(
            horizon=3,
            epsilon=1,
            neighbours=relation,
            n_bins=bins,
            groups=groups,
            **({"n": size + 1} if relation == "replace" else {}),
        )
        tables = {record: np.array(cells(count(spec, [record]))) for record in records}
        for others in itertools.combinations_with_replacement(records, size):
            rest = np.array(cells(count(spec, others)))
            for record in records:
                moved_by = np.array(cells(count(spec, [*others, record]))) - rest
                assert np.array_equal(moved_by, tables[record]), "a person counts alike whoever the others are"
        for one, other in itertools.product(records, repeat=2):
            difference = tables[one] - (tables[other] if relation == "replace" else 0)
            moved.add(int(np.abs(difference).sum()))
    assert max(moved) == spec.sensitivity


@pytest.mark.parametrize("relation", ["add_remove", "replace"])
@given(data=st.data())
def test_one_person_moves_a_drawn_table_by_at_most_the_stated_sensitivity(relation: str, data: st.DataObject) -> None:
    horizon = data.draw(st.integers(1, 30))
    one, other = data.draw(survival_neighbours(horizon, ["x", "y"], relation=relation))
    people = {"n": max(1, len(one))} if relation == "replace" else {}
    spec = Spec(
        horizon=horizon,
        epsilon=1,
        neighbours=relation,
        n_bins=data.draw(st.integers(1, horizon)),
        groups=["x", "y"],
        **people,
    )
    difference = np.abs(np.array(cells(count(spec, one))) - np.array(cells(count(spec, other))))
    assert difference.sum() <= spec.sensitivity
    assert len(other) - len(one) == (relation == "add_remove")


@given(survival_rows(20, ["x", "y"]), st.randoms(use_true_random=False), st.integers(1, 20))
def test_the_table_knows_rows_only_as_a_multiset(people: list[Person], random: Any, bins: int) -> None:
    spec = Spec(horizon=20, epsilon=1, neighbours="add_remove", n_bins=bins, groups=["x", "y"])
    shuffled = people.copy()
    random.shuffle(shuffled)
    assert cells(count(spec, people)) == cells(count(spec, shuffled))
    assert sum(cells(count(spec, people))) == len(people)


@given(survival_rows(20), st.integers(1, 20), st.sampled_from(["7", "1/10", "1/3", "1/1000"]))
def test_scaling_times_and_unit_together_changes_nothing(people: list[Person], bins: int, unit: str) -> None:
    step = Fraction(unit)
    plain = Spec(horizon=20, epsilon=1, neighbours="add_remove", n_bins=bins)
    scaled = Spec(horizon=20 * step, unit=unit, epsilon=1, neighbours="add_remove", n_bins=bins)
    times, events = [float(person.time * step) for person in people], [person.event for person in people]
    assert cells(scaled.count(times, events)) == cells(count(plain, people))

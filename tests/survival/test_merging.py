"""Tables of one plan add, whatever the split, the order and the way they travel."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import AlreadyReleased, InvalidInput
from privlib.noise.testing import fixed_key
from privlib.survival import Spec, SurvivalTable
from privlib.testing import Person, survival_rows

GROUPS = ["x", "y"]
PEOPLE = survival_rows(20, GROUPS)
SPECS = st.builds(
    lambda bins: Spec(horizon=20, epsilon=1, neighbours="add_remove", n_bins=bins, groups=GROUPS), st.integers(1, 20)
)


def count(spec: Spec, people: list[Person]) -> SurvivalTable:
    return spec.count([p.time for p in people], [p.event for p in people], group=[p.group for p in people])


def cells(table: SurvivalTable) -> list[int]:
    return table._cells.tolist()


@given(SPECS, PEOPLE, PEOPLE, PEOPLE)
def test_merging_parts_equals_counting_the_whole(spec: Spec, a: list[Person], b: list[Person], c: list[Person]) -> None:
    one, two, three, none = (count(spec, part) for part in (a, b, c, []))
    whole = cells(count(spec, [*a, *b, *c]))
    assert cells((one + two) + three) == whole
    assert cells(one + (two + three)) == whole
    assert cells((three + one) + two) == whole
    assert cells(one + none) == cells(none + one) == cells(one)
    assert cells(sum([two, three], start=one)) == whole


@given(SPECS, PEOPLE, PEOPLE)
def test_merging_leaves_its_parts_as_they_were(spec: Spec, a: list[Person], b: list[Person]) -> None:
    one, two = count(spec, a), count(spec, b)
    before = cells(one), cells(two)
    merged = one + two
    merged.release()
    assert (cells(one), cells(two)) == before
    one.release()


@given(SPECS, PEOPLE, PEOPLE)
def test_parts_may_travel_before_they_merge(spec: Spec, a: list[Person], b: list[Person]) -> None:
    one, two = count(spec, a), count(spec, b)
    sent = SurvivalTable.from_json(one.to_json())
    assert sent.to_json() == one.to_json()
    assert sent.spec == spec
    assert cells(sent + two) == cells(pickle.loads(pickle.dumps(one)) + two) == cells(count(spec, [*a, *b]))
    assert cells(SurvivalTable.from_json(one.to_json() + "\n")) == cells(one)


def test_a_plan_read_from_a_file_is_the_same_plan() -> None:
    spec = Spec(horizon="36.5", unit="0.1", epsilon=0.3, neighbours="replace", n=3)
    again = Spec.from_dict(spec.to_dict())
    assert cells(spec.count([1, 2]) + again.count([3])) == cells(spec.count([3, 2, 1]))


@pytest.mark.parametrize("spread", [copy.copy, copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])
def test_a_copy_of_a_released_table_stays_released(spread: Any) -> None:
    table = Spec(horizon=5, epsilon=1, neighbours="add_remove", n_bins=2).count([1, 2])
    spread(table).release()
    table.release()
    with pytest.raises(AlreadyReleased):
        spread(table).release()


def test_no_sum_can_overflow() -> None:
    spec = Spec(horizon=2, epsilon=1, neighbours="add_remove", n_bins=1)
    most = SurvivalTable(spec, np.array([2**61, 2**61 - 1, 0]))
    assert sum(cells(most + spec.count([1]))) == 2**62
    assert cells(SurvivalTable.from_json(most.to_json())) == cells(most)
    for other in (most, spec.count([1, 1])):
        with pytest.raises(InvalidInput, match=r"at most 2\*\*62 people"):
            most + other
    with pytest.raises(InvalidInput):
        SurvivalTable.from_json(SurvivalTable(spec, np.array([2**61, 2**61, 1])).to_json())


def test_the_released_noise_does_not_depend_on_the_split() -> None:
    spec = Spec(horizon=20, epsilon=1, neighbours="add_remove", n_bins=6)
    curves = []
    for parts in ([[3, 8, 15, 40]], [[40], [8, 3], [], [15]]):
        table = sum([spec.count(part) for part in parts[1:]], start=spec.count(parts[0]))
        with fixed_key(bytes(32)):
            curves.append(table.release().to_json())
    assert curves[0] == curves[1]

"""The strategies draw what their names say, also the rare and the awkward."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.testing import (
    Person,
    datasets,
    neighbours,
    records,
    register_profiles,
    streams,
    survival_neighbours,
    survival_rows,
    survival_tables,
)


def found(strategy: st.SearchStrategy[Any], condition: Any) -> bool:
    return condition(find(strategy, condition, settings=settings(max_examples=2000, database=None)))


@pytest.mark.parametrize(
    "condition",
    [
        lambda rows: rows == [],
        lambda rows: len(rows) == 1,
        lambda rows: len(rows) > 5 and len(set(rows)) == 1,
        lambda rows: len(set(rows)) > 5,
    ],
    ids=["nobody", "one", "copies", "all different"],
)
def test_datasets_have_the_sizes_and_repetitions_that_break_mechanisms(condition: Any) -> None:
    assert found(datasets(), condition)


@given(st.data(), st.sampled_from(["add_remove", "replace", "record", "event"]))
def test_neighbours_differ_in_one_record(data: st.DataObject, relation: str) -> None:
    first, second = data.draw(neighbours(datasets(records([3, 2]), max_size=6), relation=relation))
    if relation == "add_remove":
        assert len(second) == len(first) + 1
        assert any(second[:place] + second[place + 1 :] == first for place in range(len(second)))
    else:
        assert len(second) == len(first) > 0
        assert sum(a != b for a, b in zip(first, second, strict=True)) <= 1


@given(neighbours(st.lists(records([4, 4, 4]), max_size=5), relation="attribute"))
def test_one_attribute_changes_in_one_record(pair: tuple[list[tuple[int, ...]], list[tuple[int, ...]]]) -> None:
    changed = [(a, b) for a, b in zip(*pair, strict=True) if a != b]
    assert len(changed) <= 1
    assert all(sum(x != y for x, y in zip(a, b, strict=True)) == 1 for a, b in changed)


def test_attributes_of_dicts_and_of_people_can_change() -> None:
    rows = st.lists(st.fixed_dictionaries({"smokes": st.booleans(), "age": st.integers(0, 99)}))
    assert found(neighbours(rows, relation="attribute"), lambda pair: pair[0] != pair[1])
    people = neighbours(survival_rows(5), relation="attribute")
    assert found(people, lambda pair: pair[0] != pair[1] and isinstance(pair[1][0], Person))


@pytest.mark.parametrize("relation", ["add_remove", "replace", "attribute", "record", "event"])
def test_neighbours_really_differ_somewhere(relation: str) -> None:
    assert found(neighbours(st.lists(records([3, 3])), relation=relation), lambda pair: pair[0] != pair[1])


def test_what_is_no_relation_of_lists_is_refused() -> None:
    for relation in ("user", "cousins"):
        with pytest.raises(InvalidInput, match="relation must be one of"):
            neighbours(datasets(), relation=relation)
    with pytest.raises(InvalidInput, match="relation"):
        survival_neighbours(12, relation="attribute")
    with pytest.raises(InvalidInput, match="tuple or a dict"):
        found(neighbours(datasets(), relation="attribute"), lambda _: True)


@given(survival_neighbours(12, ["a", "b"], relation="replace", max_size=5))
def test_studies_that_are_neighbours_have_one_other_person(pair: tuple[list[Person], list[Person]]) -> None:
    assert sum(a != b for a, b in zip(*pair, strict=True)) <= 1


@given(survival_tables(6, censoring="none", ties="none", min_size=3))
def test_a_table_without_ties_has_every_time_once(people: list[Person]) -> None:
    assert len({person.time for person in people}) == len(people) >= 3
    assert all(person.event for person in people)


@given(survival_tables(7, censoring="all", ties="many"))
def test_a_table_of_ties_has_two_times(people: list[Person]) -> None:
    assert {person.time for person in people} <= {4, 7}
    assert not any(person.event for person in people)


def test_the_usual_table_has_everything() -> None:
    usual = survival_tables(6, groups=["x", "y"])
    for condition in (
        lambda people: not people,
        lambda people: len({person.time for person in people}) < len(people),
        lambda people: {person.event for person in people} == {0, 1},
        lambda people: any(person.time > 6 for person in people),
        lambda people: {person.group for person in people} == {"x", "y"},
    ):
        assert found(usual, condition)


def test_shapes_that_cannot_be_drawn_are_refused() -> None:
    for wrong in ({"censoring": "half"}, {"ties": "two"}, {"ties": "none", "min_size": 14}, {"horizon": 0}):
        with pytest.raises(InvalidInput):
            survival_tables(**{"horizon": 6, **wrong})
    with pytest.raises(InvalidInput, match="domain size"):
        records([2, 0])


@given(streams(9), streams(9, st.text(max_size=1), min_size=0))
def test_streams_have_their_length(whole: list[int], short: list[str]) -> None:
    assert len(whole) == 9
    assert set(whole) <= {0, 1}
    assert len(short) <= 9


def test_profiles_are_registered_and_one_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings.get_current_profile_name()
    try:
        for name, examples in (("dev", 25), ("ci", 200), ("nightly", 5000)):
            monkeypatch.setenv("HYPOTHESIS_PROFILE", name)
            register_profiles()
            assert (settings.default.max_examples, settings.default.derandomize) == (examples, name == "ci")
        with pytest.raises(InvalidInput, match="profile"):
            register_profiles("fast")
    finally:
        settings.load_profile(before)

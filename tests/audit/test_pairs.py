"""Candidates for pairs are neighbours of the kind they name, no two are the same, and the bad ones are among them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit import Pair, Verdict, run
from privlib.audit.pairs import datasets, queries, records, streams
from privlib.bounds import Bound, Neighbours
from privlib.errors import InvalidInput
from privlib.noise import discrete_laplace


def people_changed(pair: Pair) -> tuple[int, int]:
    first, second = Counter(pair.first), Counter(pair.second)  # type: ignore[call-overload]
    return (first - second).total(), (second - first).total()


@given(st.integers(2, 6), st.integers(-5, 5), st.integers(1, 9))
def test_data_sets_differ_by_one_person(size: int, lower: int, width: int) -> None:
    more = datasets(lower, lower + width, neighbours="add_remove", size=size)
    assert {people_changed(pair) for pair in more} == {(0, 1)}
    moved = datasets(lower, lower + width, neighbours="replace", size=size)
    assert {people_changed(pair) for pair in moved} == {(1, 1)}
    assert all(pair.neighbours is Neighbours.REPLACE and len(pair.first) == size for pair in moved)  # type: ignore[arg-type]


@given(st.integers(1, 7), st.integers(-3, 3), st.integers(1, 3))
def test_each_answer_moves_by_one_step_at_most_and_every_split_is_there(size: int, base: int, step: int) -> None:
    found = queries(size, neighbours="replace", base=base, step=step)
    moves = [tuple(b - a for a, b in zip(pair.first, pair.second, strict=True)) for pair in found]  # type: ignore[call-overload]
    assert len(set(moves)) == len(moves)
    assert {abs(each) for move in moves for each in move} <= {0, step}
    for split in range(size + 1):
        assert (step,) * split + (-step,) * (size - split) in moves
    assert {(step, *(0,) * (size - 1)), (*(0,) * (size - 1), step)} <= set(moves)


@given(st.integers(1, 300))
def test_streams_differ_in_one_event_at_the_steps_where_trees_change(horizon: int) -> None:
    found = streams(horizon)
    assert all(sum(pair.second) - sum(pair.first) == 1 and len(pair.second) == horizon for pair in found)  # type: ignore[call-overload, arg-type]
    steps = [pair.second.index(1) + 1 for pair in found]  # type: ignore[attr-defined]
    assert steps == sorted(set(steps))
    assert {1, horizon} <= set(steps)
    assert all(2**level in steps for level in range(horizon.bit_length()))


@given(st.lists(st.integers(2, 5), min_size=1, max_size=5))
def test_records_stay_in_their_domain_and_the_last_pair_changes_every_attribute(sizes: list[int]) -> None:
    found = records(sizes)
    changed = [sum(a != b for a, b in zip(pair.first, pair.second, strict=True)) for pair in found]  # type: ignore[call-overload]
    assert changed == [1] * len(sizes) + [len(sizes)]
    assert all(value < size for pair in found for value, size in zip(pair.second, sizes, strict=True))  # type: ignore[call-overload]


def test_a_search_among_patterns_finds_the_one_that_breaks_a_mechanism() -> None:
    """The difference of two answers moves by two when one rises and the other falls; noise for one is too little."""
    found = run(
        lambda answers, n: discrete_laplace(n, scale=1) + answers[0] - answers[1],
        claim=Bound.pure(1, neighbours="replace"),
        pairs=queries(2, neighbours="replace"),
        trials=100_000,
        batch=True,
    )
    assert found.verdict is Verdict.VIOLATION
    assert found.certified > 1.8
    assert "the first 1 of 2 answers" in found.pair


def test_relations_without_patterns_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'add_remove' or 'replace'"):
        datasets(0, 1, neighbours="event")
    with pytest.raises(InvalidInput, match=">= 2"):
        records([1])

"""How rules are fixed: cut, pooled, judged on trials that did not teach them, and never by the trials they are tested on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit.cells import cuts, pool, tally
from privlib.audit.evidence import gather
from privlib.audit.features import Number
from privlib.audit.learned import learn
from privlib.audit.likelihood import by_ratio
from privlib.audit.outputs import Look, Raised
from privlib.audit.rules import Aim, Rule
from privlib.bounds import Bound
from privlib.errors import InvalidInput

PURE = Aim(Bound.pure(1, neighbours="record"), 0.999, 100_000)
GDP = Aim(Bound.gdp(1, neighbours="record"), 0.999, 100_000)


def learned(worlds: list[Any], aim: Aim = PURE, seed: int = 0) -> Rule:
    """A rule learned from given outputs, all at once."""
    return learn(lambda _: [Look(outputs) for outputs in worlds], sum(map(len, worlds)), aim, worlds=len(worlds), seed=seed)


@given(st.lists(st.floats(), min_size=1, max_size=600))
def test_every_value_has_a_bin_and_missing_values_their_own(values: list[float]) -> None:
    column = np.array(values)
    found = cuts(column, symbolic=False)
    assert found is not None
    bins = found.bins(column)
    assert ((bins >= 0) & (bins < found.size)).all()
    assert ((bins == found.size - 1) == np.isnan(column)).all()


def test_tails_have_bins_of_their_own() -> None:
    values = np.arange(40_000, dtype=float)
    found = cuts(values, symbolic=False)
    assert found is not None
    sizes = np.bincount(found.bins(values))
    assert 0 < sizes[1:4].max() < 40, "the lowest bins are equal masses"
    assert sizes.max() <= 40_000 / 128 + 2


def test_a_symbol_that_training_did_not_show_is_missing() -> None:
    found = cuts(np.array([3.0, 5.0, 5.0]), symbolic=True)
    assert found is not None
    assert found.bins(np.array([3.0, 4.0, 5.0, np.nan])).tolist() == [1, 3, 2, 3]
    assert cuts(np.arange(10_000.0), symbolic=True) is None


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=40), st.sampled_from(["rising", "falling"])
)
def test_pooled_shares_rise_or_fall(rows: list[tuple[int, int]], method: Any) -> None:
    counts = np.array(rows).T
    cells = pool(counts, method)
    assert cells[-1] == cells.max()
    assert (np.diff(cells) >= 0).all()
    pooled = np.stack([np.bincount(cells[:-1], weights=row[:-1]) for row in counts])
    every = pooled.sum(axis=0)
    shares = (pooled[1] / np.maximum(every, 1))[every > 0]
    assert (np.diff(shares if method == "rising" else -shares) > -1e-12).all()


def test_one_cut_goes_where_the_worlds_differ_most() -> None:
    counts = np.array([[50, 40, 10, 0, 0], [10, 10, 40, 40, 0]])
    assert pool(counts, "one cut").tolist() == [0, 0, 1, 1, 2]


def test_a_rule_may_guess_everywhere() -> None:
    generator = np.random.default_rng(1)
    rule = learned([(generator.random(4000) < share).astype(int) for share in (0.3, 0.7)])
    assert [rule.guesses[cell] for cell in rule.place(np.array([0, 0, 1]))] == [0, 0, 1]
    assert "in every cell" in rule.words


def test_a_gaussian_claim_is_attacked_without_abstaining() -> None:
    generator = np.random.default_rng(2)
    rule = learned([generator.normal(shift, 1, 20_000) for shift in (0, 1)], GDP)
    assert set(rule.everywhere) == {0, 1}
    middle = rule.place(np.array([-9.0, 0.4, 0.6, 9.0]))
    assert [rule.everywhere[cell] for cell in middle] == [0, 0, 1, 1]


def test_an_event_of_one_in_a_thousand_is_found() -> None:
    """The first world alone falls below -5, in one trial of 500; nothing else tells the worlds apart."""
    generator = np.random.default_rng(3)
    first, second = generator.uniform(-1, 1, 60_000), generator.uniform(-1, 1, 60_000)
    first[generator.random(60_000) < 0.002] -= 6
    rule = learned([first, second])
    guessed = {rule.guesses[cell] for cell in rule.place(np.array([-6.5, -5.5]))}
    assert guessed == {0}
    assert rule.predicted > 2


def test_many_weak_numbers_are_added_up() -> None:
    generator = np.random.default_rng(4)
    worlds = [generator.normal(shift, 1, (6000, 12)) for shift in (0.0, 0.25)]
    features = tuple(map(Number, range(12)))
    total = gather(features, worlds)[0]
    apart = [total.combine(world) for world in worlds]
    distance = (apart[1].mean() - apart[0].mean()) / np.std(apart[0])
    assert 0.7 < distance < 0.95  # 0.25 * sqrt(12) = 0.87, and a little is lost to bins
    assert gather(features[:1], [world[:, :1] for world in worlds]) == ()
    assert gather(features, [worlds[0], worlds[0]]) == ()


def test_evidence_is_the_same_from_a_table_and_from_outputs() -> None:
    generator = np.random.default_rng(5)
    worlds = [generator.normal(shift, 1, (4000, 6)) for shift in (0.0, 0.3)]
    for evidence in gather(tuple(map(Number, range(6))), worlds):
        np.testing.assert_array_equal(evidence.combine(worlds[0]), evidence.of(Look(worlds[0])))


def test_outputs_that_tell_nothing_teach_no_rule() -> None:
    rule = learned([[None] * 500, [None] * 500])
    assert rule.predicted == 0


def test_one_of_many_worlds_is_guessed_by_its_symbol() -> None:
    generator = np.random.default_rng(6)
    worlds = [np.where(generator.random(4000) < 0.4, world, generator.integers(0, 5, 4000)) for world in range(5)]
    rule = learned(worlds)
    assert [rule.everywhere[cell] for cell in rule.place(np.arange(5))] == [0, 1, 2, 3, 4]


def ratio_of(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda outputs: np.asarray(function(outputs), dtype=float)


def test_a_threshold_leaves_ties_alone() -> None:
    first, second = np.repeat([-1.0, 1.0, 0.0], [731, 269, 1000]), np.repeat([-1.0, 1.0, 0.0], [269, 731, 1000])
    rule = by_ratio(ratio_of(lambda outputs: outputs), [first, second], PURE)
    found = [rule.guesses[cell] for cell in rule.place(np.array([1.0, -1.0, 0.0, np.inf, -np.inf]))]
    assert found == [1, 0, -1, 1, 0]


def test_an_exception_beside_a_known_law_speaks_for_its_world() -> None:
    rule = by_ratio(ratio_of(lambda outputs: np.zeros(len(outputs))), [[0, 0, 0] * 50, [Raised(ValueError()), 0, 0] * 50], PURE)
    assert [rule.guesses[cell] for cell in rule.place([Raised(ValueError()), 0])] == [1, -1]


def test_a_likelihood_ratio_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(InvalidInput, match="llr"):
        by_ratio(lambda _: np.zeros(3), [[1, 2], [1, 2]], PURE)


def test_counts_by_world_and_bin() -> None:
    assert tally([np.array([0, 2, 2]), np.array([1])], 4).tolist() == [[1, 0, 2, 0], [0, 1, 0, 0]]

"""One run with many secret coins; the theorems themselves are in proofs/audit/t4_one_run.py and t5_one_run_fdp.py."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit.bounds import Verdict, guess_bound
from privlib.audit.onerun import OneRun, guess_by_rank, one_run
from privlib.audit.onerun_bounds import approx_tail, one_run_approx_bound, one_run_gdp_bound
from privlib.bounds import Bound
from privlib.certificate import seal
from privlib.errors import InvalidInput, TamperedRelease

ONE = Bound.pure(1, neighbours="add_remove")
DELTA = Bound.approx(1, "1e-6", neighbours="add_remove")
MU = Bound.gdp("0.25", neighbours="add_remove")
CLAIMS = [ONE, DELTA, MU]
GENERATOR = np.random.default_rng(0)
COINS = GENERATOR.integers(0, 2, 400)


def flipped(wrong: int) -> np.ndarray:
    """Guesses of all coins, so many of them wrong."""
    guesses = COINS.copy()
    guesses[:wrong] ^= 1
    return guesses


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_mechanism_that_shows_all_coins_violates_every_claim(claim: Bound) -> None:
    found = one_run(COINS, COINS.astype(bool), claim=claim)
    assert (found.canaries, found.guesses, found.correct) == (400, 400, 400)
    assert found.verdict is Verdict.VIOLATION
    assert found.certified > found.claimed
    assert found.sentence().startswith("Violation: ")


@pytest.mark.parametrize("claim", CLAIMS)
def test_guesses_no_better_than_chance_certify_nothing(claim: Bound) -> None:
    found = one_run(flipped(200), COINS, claim=claim, confidence=0.95)
    assert found.certified == 0
    assert found.verdict is Verdict.NO_VIOLATION_FOUND
    assert found.sentence().startswith("No violation found: ")


@pytest.mark.parametrize("claim", CLAIMS)
def test_too_few_guesses_are_inconclusive(claim: Bound) -> None:
    guesses = np.full(400, -1)
    guesses[0] = COINS[0]
    found = one_run(guesses, COINS, claim=claim)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "1 guesses about 400 canaries cannot refute" in found.sentence()


def test_a_pure_claim_is_judged_as_if_trials_were_independent() -> None:
    assert one_run(flipped(40), COINS, claim=ONE).certified == guess_bound(360, 400, 0.999)


def test_delta_costs_a_little_and_the_limit_without_it_is_the_pure_one() -> None:
    costs = [guess_bound(360, 400, 0.999) - one_run_approx_bound(360, 400, 400, 0.001, delta=d) for d in (0, 1e-9, 1e-6, 1e-4)]
    assert costs == sorted(costs)
    assert costs[0] == pytest.approx(0, abs=1e-7)
    assert 0 < costs[2] < 0.001 < costs[3]


def test_a_large_delta_certifies_nothing_without_a_warning() -> None:
    assert one_run_approx_bound(360, 400, 400, 0.001, delta=0.9) == 0
    assert approx_tail(0, 10, 10, 1.0, 0.0) == approx_tail(1, 10**6, 10**6, 0.0, 0.5) == 1
    assert approx_tail(10**6, 10**6, 10**6, 700.0, 1e-9) <= 1


def test_the_number_of_guesses_is_planned_or_pays_for_it() -> None:
    for claim in (DELTA, MU):
        free, planned = one_run(flipped(40), COINS, claim=claim), one_run(flipped(40), COINS, claim=claim, planned=400)
        assert 0 < free.certified < planned.certified
    assert one_run(flipped(40), COINS, claim=ONE).certified == one_run(flipped(40), COINS, claim=ONE, planned=400).certified
    with pytest.raises(InvalidInput, match="400 guesses were made and 399 planned"):
        one_run(flipped(40), COINS, claim=ONE, planned=399)


def test_a_rare_betrayal_is_allowed_under_gdp_so_a_binomial_test_would_be_wrong() -> None:
    """All of 12 coins right has a chance of .09 under some 1-GDP mechanism, and .012 under the Gaussian one."""
    assert one_run_gdp_bound(12, 12, 12, 0.0914) < 1 < one_run_gdp_bound(12, 12, 12, 0.0915)


@pytest.mark.parametrize("size", [200, 2000, 20_000])
def test_pure_noise_is_not_certified_more_often_than_it_may_be(size: int) -> None:
    """A fixed seed. With fresh randomness 300 runs at alpha = .05 reach 42 with a chance below 1e-8."""
    generator, certified = np.random.default_rng(size), 0
    nothing = Bound.pure(0, neighbours="add_remove")
    for _ in range(300):
        coins, scores = generator.integers(0, 2, size), generator.normal(size=size)
        certified += one_run(guess_by_rank(scores), coins, claim=nothing, confidence=0.95).verdict is Verdict.VIOLATION
    assert certified < 42


def test_equal_scores_in_a_file_sorted_by_its_secrets_tell_nothing() -> None:
    coins = np.repeat([1, 0], 1000)
    found = [one_run(guess_by_rank(np.zeros(2000), seed=seed), coins, claim=ONE).correct for seed in range(20)]
    assert max(found) < 400  # 300 expected of 600, with a standard deviation of 10.3
    assert min(found) > 200
    assert guess_by_rank(np.zeros(50), seed=3).tolist() == guess_by_rank(np.zeros(50), seed=3).tolist()


def test_a_plan_is_kept_in_the_result_and_never_assumed() -> None:
    for claim in CLAIMS:
        assert not one_run(flipped(40), COINS, claim=claim).planned
        assert one_run(flipped(40), COINS, claim=claim, planned=400).planned


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=40), st.data())
def test_ranks_are_guessed_at_both_ends_in_the_number_asked_for(scores: list[float], data: Any) -> None:
    number = data.draw(st.integers(1, len(scores)))
    made = guess_by_rank(scores, guesses=number)
    values = np.array(scores)
    assert (np.count_nonzero(made == 1), np.count_nonzero(made == 0)) == ((number + 1) // 2, number // 2)
    assert values[made == 1].min() >= values[made != 1].max(initial=-math.inf)
    assert values[made == 0].max(initial=-math.inf) <= values[made != 0].min()


def test_three_in_ten_are_guessed_by_default() -> None:
    assert [np.count_nonzero(guess_by_rank(np.arange(size)) >= 0) for size in (1, 3, 10, 1000)] == [1, 1, 3, 300]


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("planned", [None, 400])
def test_a_result_is_read_back_and_judged_again(claim: Bound, planned: int | None) -> None:
    found = one_run(flipped(30), COINS, claim=claim, planned=planned, title="model")
    again = OneRun.replay(found.to_json())
    assert again == found
    assert again.to_json() == found.to_json()
    summary = found.summary()
    assert "400 canaries, 400 guesses, 370 right" in summary
    assert ("planned" in summary) == (planned is not None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("correct", 399),
        ("correct", 401),
        ("guesses", True),
        ("planned", 1),
        ("certified", "9.0"),
        ("verdict", "no violation found"),
        ("confidence", "0.2"),
        ("claim", {"kind": "zcdp", "neighbours": "add_remove", "rho": "1"}),
        ("claim", None),
    ],
)
def test_a_result_that_does_not_follow_from_its_counts_is_refused(field: str, value: object) -> None:
    record = json.loads(one_run(flipped(30), COINS, claim=ONE).to_json())
    kind = record.pop("kind")
    for name in ("digest", "format", "privlib"):
        record.pop(name)
    with pytest.raises(TamperedRelease):
        OneRun.replay(seal(kind, {**record, field: value}))


@pytest.mark.parametrize(
    ("guesses", "secrets"),
    [
        ([0, 1], [0, 1, 0]),
        ([0, 2], [0, 1]),
        ([0.0, 1.0], [0, 1]),
        ([True, False], [0, 1]),
        ([[0, 1]], [[0, 1]]),
        ([], []),
        ([0, 1], [0.0, 1.0]),
        ([0, 1], [-1, 1]),
        ([0, 1], [0, 2]),
        (np.ones(40, dtype=int), np.ones(40, dtype=int)),
    ],
)
def test_guesses_and_secrets_that_are_none_are_refused(guesses: Any, secrets: Any) -> None:
    with pytest.raises(InvalidInput):
        one_run(guesses, secrets, claim=ONE)


@pytest.mark.parametrize(
    "options",
    [{"claim": Bound.zcdp(1, neighbours="replace")}, {"claim": 1}, {"confidence": 0.5}, {"confidence": 1}, {"planned": 0}],
)
def test_other_arguments_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        one_run(COINS, COINS, **{"claim": ONE, **options})


@pytest.mark.parametrize("scores", [[], [math.nan], [[1.0]], ["a"], [True]])
def test_scores_that_are_no_numbers_are_refused(scores: Any) -> None:
    with pytest.raises(InvalidInput):
        guess_by_rank(scores)
    with pytest.raises(InvalidInput):
        guess_by_rank([1.0, 2.0], guesses=3)

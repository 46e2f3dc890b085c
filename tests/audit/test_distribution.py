"""The game of the two populations; the theorem about its scale is in proofs/audit/t6_distribution_leakage.py."""

import json
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit import MechanismFailed
from privlib.audit.distribution import (
    Attack,
    DistributionInference,
    accuracy_bound,
    distribution_inference,
    loss_test,
    n_leaked,
    raw_draws,
)
from privlib.audit.distribution.attack import fix, numbers
from privlib.bounds import Bound
from privlib.certificate import open_sealed, seal
from privlib.errors import InvalidInput, TamperedRelease

PURE = Bound.pure(1, neighbours="replace")
GENERATOR = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def _fixed_coins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coins and populations from one fixed generator: these tests cannot flake."""
    global GENERATOR  # noqa: PLW0603
    GENERATOR = np.random.default_rng(11)
    monkeypatch.setattr("privlib.audit.trials._secrets", lambda count, worlds: GENERATOR.integers(worlds, size=count))


def share_of(alpha: float) -> Callable[[int], np.ndarray]:
    return lambda n: (GENERATOR.random(n) < alpha).astype(float)


def populations(first: float = 0.4, second: float = 0.6) -> list[Callable[[int], np.ndarray]]:
    return [share_of(first), share_of(second)]


def noisy_sum(rows: np.ndarray) -> float:
    return float(rows.sum() + GENERATOR.laplace(0, 1))


def result(right: int, trials: int, **changes: Any) -> DistributionInference:
    fields: dict[str, Any] = {
        "title": "a", "n": 10, "trials": trials, "training": 0, "right": right, "raised": 0, "confidence": Fraction("0.95"),
        "alphas": (Fraction(1, 2), Fraction(3, 5)), "claim": None, "attack": "b", "seconds": 0.5, **changes,
    }  # fmt: skip
    return DistributionInference(**fields)


def test_a_private_sum_tells_its_population_and_the_report_says_that_it_must() -> None:
    found = distribution_inference(noisy_sum, populations(), n=200, trials=800, alphas=("0.4", "0.6"), claim=PURE)
    assert found.accuracy > 0.98
    low, high = found.n_leaked_interval
    assert 0 < low < found.n_leaked <= high
    for text in (found.sentence(), found.summary()):
        assert "Differential privacy does not protect distributions" in text
        assert "epsilon times 200, here 200" in text


def test_populations_that_are_alike_cannot_be_told_apart() -> None:
    found = distribution_inference(noisy_sum, populations(0.4, 0.4), n=50, trials=2000)
    assert found.interval[0] < 0.5 < found.interval[1]
    assert found.n_leaked is None
    assert found.n_leaked_interval is None
    assert "group privacy gives only epsilon times n" in found.sentence()
    assert found.raw_draws_interval is None
    assert "without shares there is none" in found.summary()


def test_the_optimal_test_on_raw_draws_stays_below_the_bound() -> None:
    """The release is the raw records' sum, which is sufficient, and the threshold between the means is near the best."""
    for n in (1, 5, 20):
        found = distribution_inference(sum, populations(), n=n, trials=4000, alphas=("0.4", "0.6"), confidence="0.999999999")
        assert found.interval[0] <= accuracy_bound(n, "0.4", "0.6")
        assert found.n_leaked_interval[0] <= found.raw_draws_interval[0] <= n


@given(st.integers(0, 400))
def test_the_interval_in_draws_holds_the_figure_and_says_when_it_is_zero(right: int) -> None:
    found = result(right, 400)
    low, high = found.n_leaked_interval
    assert low <= found.n_leaked <= high
    assert (found.n_leaked == 0) == (right <= 200)
    assert ("below 1/2 counts as 0 draws" in found.sentence()) == (right < 200)
    assert (high == math.inf) == (right == 400)
    fewest, most = found.raw_draws_interval
    assert low <= fewest <= most
    assert high <= most


def test_a_loss_test_needs_no_training() -> None:
    models = loss_test(lambda model, reference: abs(model - np.mean(reference)), [0.4], [0.6])
    found = distribution_inference(np.mean, populations(), n=100, trials=400, attack=models)
    assert found.training == 0
    assert found.tested == 400
    assert found.accuracy > 0.95
    assert "loss on the first reference set" in found.attack


@pytest.mark.parametrize("sign", [1, -1])
def test_a_threshold_on_a_statistic_learns_its_direction(sign: int) -> None:
    found = distribution_inference(
        lambda rows: {"people": len(rows), "sick": float(rows.sum())}, populations(), n=100, trials=400,
        attack=lambda release: sign * release["sick"],
    )  # fmt: skip
    assert found.accuracy > 0.95
    assert found.training == 100


def test_the_learned_rule_finds_the_combination_that_no_single_number_shows() -> None:
    def mechanism(rows: np.ndarray) -> np.ndarray:
        mask = GENERATOR.normal(0, 1000, size=2)
        return np.array([mask[0], rows.sum() * 10 - mask[0], *mask])

    assert distribution_inference(mechanism, populations(), n=200, trials=800).accuracy > 0.95
    alone = distribution_inference(mechanism, populations(), n=200, trials=800, attack=lambda output: output[1])
    assert alone.accuracy < 0.7


def test_an_exception_or_a_missing_number_in_one_population_is_telling() -> None:
    def fails(rows: np.ndarray) -> float:
        if rows.mean() > 0.5:
            raise ValueError("planted-record-17")
        return 0.0

    found = distribution_inference(fails, populations(), n=400, trials=400)
    assert found.accuracy > 0.98
    assert found.raised > 150
    assert "planted" not in found.summary() + found.to_json()
    for symbol in (None, "refused", math.nan, [[1], [2, 3]]):
        silent = distribution_inference(
            lambda rows, symbol=symbol: symbol if rows.mean() > 0.5 else 1.0, populations(), n=400, trials=400
        )
        assert silent.accuracy > 0.98


def test_a_mechanism_that_always_raises_has_failed() -> None:
    def fails(_: object) -> None:
        raise KeyError("planted-record-17")

    with pytest.raises(MechanismFailed, match="KeyError") as raised:
        distribution_inference(fails, populations(), n=10, trials=200)
    assert "planted" not in str(raised.value)


def test_what_a_sampler_raises_is_no_output_and_ends_the_game() -> None:
    """As an output it would tell the two populations apart without fail."""

    def empty(_: int) -> np.ndarray:
        raise LookupError("no records")

    with pytest.raises(LookupError, match="no records"):
        distribution_inference(noisy_sum, [share_of(0.4), empty], n=10, trials=200)


def test_an_error_in_the_attack_is_not_an_output_of_the_mechanism() -> None:
    with pytest.raises(ZeroDivisionError):
        distribution_inference(noisy_sum, populations(), n=10, trials=200, attack=lambda _: 1 / 0)


def test_the_rule_is_fixed_before_the_tested_trials() -> None:
    """What betrays the population only after the training part is not used."""
    calls = iter(range(400))
    found = distribution_inference(
        lambda rows: float(rows.mean()) if next(calls) >= 200 else 5.0, populations(), n=400, trials=400, training=200
    )
    assert found.accuracy < 0.65


def test_ragged_outputs_are_filled_up() -> None:
    rows = [np.array([1.0]), np.array([1.0, 9.0]), np.array([0.0, -9.0]), np.array([0.0])] * 20
    rule = fix(rows, np.array([1, 1, 0, 0] * 20, dtype=np.int8), words="numbers")
    assert [rule.guess(row) for row in rows[:4]] == [1, 1, 0, 0]
    assert rule.guess(np.array([1.0, 9.0, 7.0])) == 1
    assert numbers(np.arange(100)).size == 64


def test_group_privacy_pays_twice_for_a_replacement_under_add_remove() -> None:
    claim = Bound.approx("0.5", "1e-6", neighbours="add_remove")
    assert "epsilon times 20, here 10" in result(30, 40, claim=claim).sentence()


def test_a_result_reads_back_and_an_edited_one_does_not() -> None:
    found = result(30, 40, claim=PURE)
    assert DistributionInference.replay(found.to_json()) == found
    assert DistributionInference.replay(result(30, 40, alphas=None).to_json()).n_leaked is None
    with pytest.raises(TamperedRelease):
        DistributionInference.replay(found.to_json().replace('"right":30', '"right":31'))
    record = open_sealed(found.to_json())
    body = {name: record[name] for name in record if name not in ("format", "privlib", "kind")}
    for change in ({"right": 31}, {"right": 41}, {"n": True}, {"alphas": ["1/2"]}, {"alphas": ["1/2", "1/2"]}, {"training": 40}):
        with pytest.raises(TamperedRelease):
            DistributionInference.replay(seal("distribution inference", {**body, **change}))
    assert json.loads(found.to_json())["right"] == 30


@pytest.mark.parametrize(
    "change",
    [
        {"n": 0},
        {"n": 2.5},
        {"trials": 199},
        {"trials": True},
        {"confidence": "0.4"},
        {"confidence": "1"},
        {"samplers": populations()[:1]},
        {"alphas": ("0.4", "0.4")},
        {"alphas": (0, 1)},
        {"alphas": ("-0.1", "0.4")},
        {"claim": Bound.zcdp(1, neighbours="replace")},
        {"training": 10},
        {"training": 400},
        {"training": 100, "attack": Attack(float, threshold=0.5)},
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_runs(change: dict[str, Any]) -> None:
    def never(_: object) -> None:
        raise AssertionError("the mechanism ran")

    options = {"samplers": populations(), "n": 10, "trials": 400, **change}
    with pytest.raises(InvalidInput):
        distribution_inference(never, **options)


def test_an_output_of_unknown_kind_is_refused_with_the_cure() -> None:
    with pytest.raises(InvalidInput, match="give attack="):
        distribution_inference(lambda _: {"a": 1}, populations(), n=10, trials=200)


def test_draws_beyond_all_measure_are_infinite() -> None:
    assert raw_draws("0.999", "0.4", "0.400001") == raw_draws(1, "0.4", "0.5") == math.inf
    assert 10**10 < raw_draws("0.6", "0.4", "0.400001") < 10**11  # (2 z s / d)**2 with z = 0.2533, s = 0.4899, d = 1e-6: 6.2e10


@pytest.mark.parametrize("accuracy", ["-0.1", "1.01", float("nan"), None])
def test_an_accuracy_that_is_none_is_refused(accuracy: Any) -> None:
    with pytest.raises(InvalidInput):
        n_leaked(accuracy, "0.4", "0.5")

"""The trials: secret bits, exceptions, batches, chunks, verdicts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from privlib.audit import Audit, MechanismFailed, Pair, Verdict, run
from privlib.bounds import Bound
from privlib.errors import InvalidInput, Mismatch

PAIR = Pair(0, 1, "record", "one bit")
ONE = Bound.pure(1, neighbours="record")
CONFIDENCE = 1 - 1e-9
"""Tests with fixed randomness cannot flake; the one without is wrong once in 10**9 runs."""


def randomised_response(odds: float, seed: int = 1) -> Callable[..., Any]:
    generator = np.random.default_rng(seed)

    def mechanism(bit: int, n: int) -> Any:
        return bit ^ (generator.random(n) >= odds / (1 + odds)).astype(int)

    return mechanism


def test_randomised_response_is_certified_closely_and_not_flagged_at_its_truth(fixed_bits: Callable[[int], None]) -> None:
    for seed in range(3):
        fixed_bits(seed)
        found = run(randomised_response(np.e, seed), claim=ONE, pair=PAIR, trials=100_000, batch=True)
        assert found.verdict is Verdict.NO_VIOLATION_FOUND
        assert 0.93 < found.certified < 1
        assert found.made == found.tested == 75_000


def test_secret_bits_of_the_operating_system_do_not_flag_a_true_claim() -> None:
    found = run(randomised_response(np.e), claim=ONE, pair=PAIR, trials=20_000, batch=True, confidence=CONFIDENCE)
    assert found.verdict is Verdict.NO_VIOLATION_FOUND
    assert found.secure


def test_too_little_noise_is_flagged(fixed_bits: Callable[[int], None]) -> None:
    found = run(randomised_response(4), claim=ONE, pair=PAIR, trials=100_000, batch=True)
    assert found.verdict is Verdict.VIOLATION
    assert 1 < found.certified < np.log(4)


def test_worlds_that_look_alike_certify_nothing(fixed_bits: Callable[[int], None]) -> None:
    generator = np.random.default_rng(3)
    found = run(lambda _: generator.normal(size=3), claim=ONE, pair=PAIR, trials=8000)
    assert found.certified == 0
    assert found.verdict is not Verdict.VIOLATION


def test_an_exception_in_one_world_is_an_output(fixed_bits: Callable[[int], None]) -> None:
    def mechanism(bit: int) -> int:
        if bit:
            raise ValueError("planted-record-17")
        return 0

    found = run(mechanism, claim=ONE, pair=PAIR, trials=2000)
    assert found.verdict is Verdict.VIOLATION
    assert 900 < found.raised < 1100
    assert not [text for text in (found.to_json(), found.to_html(), found.summary()) if "planted" in text]


def test_a_mechanism_that_raises_on_both_data_sets_has_failed() -> None:
    def mechanism(_: int) -> int:
        raise KeyError("planted-record-17")

    with pytest.raises(MechanismFailed, match="KeyError") as raised:
        run(mechanism, claim=ONE, pair=PAIR, trials=2000)
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize("symbol", [None, float("nan"), "refused", [], [0.0, 1.0]])
def test_a_symbol_that_one_world_shows_alone_is_a_violation(symbol: object, fixed_bits: Callable[[int], None]) -> None:
    generator = np.random.default_rng(5)
    found = run(lambda bit: symbol if bit and generator.random() < 0.5 else 1.5, claim=ONE, pair=PAIR, trials=4000)
    assert found.verdict is Verdict.VIOLATION


def test_a_deterministic_mechanism_is_reported(fixed_bits: Callable[[int], None]) -> None:
    same = run(lambda _: 7, claim=ONE, pair=PAIR, trials=1000)
    assert same.certified == 0
    assert "Deterministic" in same.notes[0]
    assert run(lambda bit: bit, claim=ONE, pair=PAIR, trials=1000).verdict is Verdict.VIOLATION


def test_one_bad_trial_does_not_colour_its_batch(fixed_bits: Callable[[int], None]) -> None:
    """A batch raises when one of its trials does; taken as a whole it would betray a mechanism that keeps its claim."""
    generator = np.random.default_rng(6)

    def mechanism(bit: int, n: int) -> list[int]:
        if (generator.random(n) < (0.0002, 0.0004)[bit]).any():
            raise OverflowError
        return [0] * n

    found = run(mechanism, claim=ONE, pair=PAIR, trials=20_000, batch=True)
    assert found.verdict is not Verdict.VIOLATION
    assert found.raised < 30


def test_a_batch_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(InvalidInput, match="n outputs"):
        run(lambda bit, n: [bit] * (n - 1), claim=ONE, pair=PAIR, trials=1000, batch=True)


@pytest.mark.parametrize("batch", [False, True])
def test_counts_do_not_depend_on_the_size_of_chunks(
    batch: bool, fixed_bits: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def audit(chunk: int) -> Audit:
        fixed_bits(11)
        monkeypatch.setattr("privlib.audit.trials._FIRST", chunk)
        monkeypatch.setattr("privlib.audit.trials._SLOW", chunk)
        worlds = [np.random.default_rng((12, bit)) for bit in (0, 1)]

        def mechanism(bit: int, n: int = 1) -> Any:
            values = worlds[bit].laplace(bit, 1.0, size=(n, 2))
            return values if batch else values[0]

        return run(mechanism, claim=ONE, pair=PAIR, trials=3000, batch=batch)

    whole, small, odd = audit(10_000), audit(256), audit(7)
    assert (whole.counts, whole.rule, whole.certified) == (small.counts, small.rule, small.certified)
    assert (whole.counts, whole.rule, whole.certified) == (odd.counts, odd.rule, odd.certified)


def test_the_rule_is_fixed_before_the_tested_trials(fixed_bits: Callable[[int], None]) -> None:
    """Outputs that betray the world only after the training part are not used."""
    calls = iter(range(2000))
    found = run(lambda bit: bit if next(calls) >= 1000 else 5, claim=ONE, pair=PAIR, trials=2000, training=1000)
    assert found.certified == 0


def test_the_seed_splits_and_no_more(fixed_bits: Callable[[int], None]) -> None:
    def audit(seed: int) -> Audit:
        fixed_bits(2)
        return run(randomised_response(2), claim=ONE, pair=PAIR, trials=2000, batch=True, seed=seed)

    assert (audit(1).made, audit(1).correct) == (audit(1).made, audit(1).correct)
    assert audit(7).seed == 7


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"trials": 199}, InvalidInput),
        ({"trials": 2000.0}, InvalidInput),
        ({"confidence": 0.4}, InvalidInput),
        ({"confidence": "1"}, InvalidInput),
        ({"training": 10}, InvalidInput),
        ({"training": 2000}, InvalidInput),
        ({"pair": None}, InvalidInput),
        ({"pairs": [PAIR], "llr": lambda outputs: np.zeros(len(outputs))}, InvalidInput),
        ({"claim": Bound.zcdp(1, neighbours="record"), "anytime": True}, InvalidInput),
        ({"claim": Bound.gdp(1, neighbours="record"), "pair": Pair(0, 1, "record", "three", (2,))}, InvalidInput),
        ({"claim": Bound.pure(1, neighbours="user")}, Mismatch),
    ],
)
def test_what_cannot_be_audited_is_refused(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        run(lambda bit: bit, **{"claim": ONE, "pair": PAIR, "trials": 2000, **change})

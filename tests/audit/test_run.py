"""The trials: secret bits, exceptions, batches, chunks, verdicts."""

import itertools
import random
import threading
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
    assert same.verdict is Verdict.INCONCLUSIVE, "a forgotten return is no acquittal"
    assert "Deterministic" in same.notes[0]
    assert run(lambda bit: bit, claim=ONE, pair=PAIR, trials=1000).verdict is Verdict.VIOLATION


def rarely_raising(chances: tuple[float, float], seed: int = 6) -> Callable[[int, int], list[int]]:
    """A batch raises when one of its trials does; taken as a whole it would betray a mechanism that keeps its claim."""
    generator = np.random.default_rng(seed)

    def mechanism(bit: int, n: int) -> list[int]:
        if (generator.random(n) < chances[bit]).any():
            raise OverflowError
        return [0] * n

    return mechanism


def test_after_a_batch_has_raised_every_trial_runs_by_itself(fixed_bits: Callable[[int], None]) -> None:
    found = run(rarely_raising((0.002, 0.004)), claim=ONE, pair=PAIR, trials=20_000, batch=True)
    assert found.verdict is not Verdict.VIOLATION
    assert 20 < found.raised < 100, "a share of .003 of 20 000 raise, whatever the size of batches"


def test_a_batch_that_raises_in_the_tested_part_first_lets_nothing_be_concluded(fixed_bits: Callable[[int], None]) -> None:
    calls = iter(range(10**6))
    quiet = 12

    def mechanism(bit: int, n: int) -> list[int]:
        if next(calls) == quiet:
            raise OverflowError
        return [bit] * n

    found = run(mechanism, claim=ONE, pair=PAIR, trials=200_000, batch=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "audit without batch" in found.alarm


def test_batches_that_change_their_type_let_nothing_be_concluded(fixed_bits: Callable[[int], None]) -> None:
    generator = np.random.default_rng(8)

    def mechanism(bit: int, n: int) -> Any:
        values = [int(value) for value in generator.integers(0, 9, n)]
        return np.array([2**63, *values[1:]] if generator.random() < 0.2 else values)

    found = run(mechanism, claim=ONE, pair=PAIR, trials=200_000, batch=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "types or shapes" in found.alarm


@pytest.mark.parametrize("batch", [False, True])
def test_a_mechanism_may_write_to_its_own_buffer_again(batch: bool, fixed_bits: Callable[[int], None]) -> None:
    """What was released is what counts, not what the buffer holds later."""
    generator, buffers = np.random.default_rng(9), {0: np.zeros(1), 1: np.zeros(1)}
    blocks = {bit: np.zeros((10**5, 1)) for bit in (0, 1)}

    def one(bit: int) -> Any:
        buffers[bit][:] = bit ^ (generator.random() >= np.e / (1 + np.e))
        return buffers[bit]

    def many(bit: int, n: int) -> Any:
        blocks[bit][:n] = (bit ^ (generator.random((n, 1)) >= np.e / (1 + np.e))).astype(float)
        return blocks[bit][:n]

    found = run(many if batch else one, claim=ONE, pair=PAIR, trials=4000, batch=batch)
    assert found.verdict is Verdict.NO_VIOLATION_FOUND
    assert 0.5 < found.certified < 1


def test_a_mechanism_that_changes_its_data_set_is_refused() -> None:
    with pytest.raises(InvalidInput, match="let it copy first"):
        run(lambda rows: rows.append(1) or len(rows), claim=ONE, pair=Pair([], [1], "record", "lists"), trials=1000)


def test_noise_that_comes_again_is_told_and_nothing_concluded(fixed_bits: Callable[[int], None]) -> None:
    def seeded(bit: int, n: int) -> Any:
        return bit + np.random.default_rng(7).laplace(size=n)

    def seeded_and_rounded(bit: int, n: int) -> Any:
        return bit + np.random.default_rng(7).integers(0, 3, n)

    for mechanism in (seeded, seeded_and_rounded):
        found = run(mechanism, claim=ONE, pair=PAIR, trials=20_000, batch=True)
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "noise is repeated" in found.sentence()
        assert found.certified == 0


def test_outputs_that_follow_each_other_are_told(fixed_bits: Callable[[int], None]) -> None:
    generator = np.random.default_rng(10)
    found = run(lambda bit, n: bit + generator.normal(size=n).cumsum(), claim=ONE, pair=PAIR, trials=20_000, batch=True)
    assert "follow the ones before them" in found.alarm


def test_a_rare_value_beside_noise_raises_no_alarm(fixed_bits: Callable[[int], None]) -> None:
    """An atom that the first piece shows once and the next one often is no repeated noise."""
    generator = np.random.default_rng(11)

    def mechanism(bit: int, n: int) -> Any:
        values = generator.laplace(bit, 1, n)
        values[generator.random(n) < 0.02] = 0
        return values

    for seed in range(5):
        fixed_bits(seed)
        assert not run(mechanism, claim=ONE, pair=PAIR, trials=3000, batch=True).alarm


@pytest.mark.parametrize("outputs", [lambda n: {"a": n}, lambda n: np.array(5), lambda n: 7], ids=["dict", "no rows", "a number"])
def test_a_batch_that_is_no_list_of_outputs_is_refused(outputs: Callable[[int], Any]) -> None:
    with pytest.raises(InvalidInput, match="a batch mechanism must give"):
        run(lambda bit, n: outputs(n), claim=ONE, pair=PAIR, trials=1000, batch=True)


def test_what_observe_raises_is_an_output_in_batches_too(fixed_bits: Callable[[int], None]) -> None:
    found = run(lambda bit, n: [bit] * n, claim=ONE, pair=PAIR, trials=1000, batch=True, observe=lambda bit: 1 / bit)
    assert found.verdict is Verdict.VIOLATION
    assert 400 < found.raised < 600


def test_an_audit_that_stops_when_it_has_refuted(fixed_bits: Callable[[int], None]) -> None:
    for seed in range(3):
        fixed_bits(seed)
        honest = run(randomised_response(np.e, seed), claim=ONE, pair=PAIR, trials=20_000, batch=True, anytime=True)
        assert honest.verdict is Verdict.NO_VIOLATION_FOUND
        broken = run(randomised_response(np.e**2, seed), claim=ONE, pair=PAIR, trials=20_000, batch=True, anytime=True)
        assert broken.verdict is Verdict.VIOLATION
        assert broken.tested < 4000
    with pytest.raises(MechanismFailed):
        run(lambda _: 1 / 0, claim=ONE, pair=PAIR, trials=2000, anytime=True)


def test_the_clock_stops_an_audit_with_a_limit_that_still_holds(fixed_bits: Callable[[int], None]) -> None:
    found = run(randomised_response(np.e), claim=ONE, pair=PAIR, trials=10**9, batch=True, max_seconds=0.5)
    assert found.interrupted == "the time was over"
    assert found.verdict is not Verdict.VIOLATION
    assert 0 < found.certified < 1
    assert Audit.replay(found.to_json()) == found


def test_of_several_pairs_the_telling_one_is_audited(fixed_bits: Callable[[int], None]) -> None:
    dull = Pair(0, 0, "record", "the same")
    found = run(randomised_response(4), claim=ONE, pairs=[dull, PAIR, dull], trials=40_000, batch=True)
    assert found.pair.startswith("one bit")
    assert [words for words, _ in found.searched] == ["the same", "one bit", "the same"]
    assert found.verdict is Verdict.VIOLATION


def test_one_of_many_inputs_is_guessed(fixed_bits: Callable[[int], None]) -> None:
    generator = np.random.default_rng(12)

    def mechanism(value: int, n: int) -> Any:
        return np.where(generator.random(n) < 0.4, value, generator.integers(0, 20, n))

    found = run(mechanism, claim=ONE, pair=Pair(0, 1, "record", "all", tuple(range(2, 20))), trials=200_000, batch=True)
    assert found.worlds == 20
    assert found.verdict is Verdict.VIOLATION
    assert 2.5 < found.certified < np.log(1 + 0.4 / 0.03)


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


@pytest.mark.parametrize("how", [{}, {"training": 500}, {"anytime": True}], ids=["default", "training", "anytime"])
def test_a_mechanism_that_keeps_its_noise_in_its_data_set_is_refused(how: dict[str, Any]) -> None:
    pair = Pair({"x": 0}, {"x": 1}, "record", "0 or 1")

    def keeping(data: dict[str, float]) -> float:
        data.setdefault("noise", random.gauss(0, 5))
        return data["x"] + data["noise"]

    with pytest.raises(InvalidInput, match="changes the data set"):
        run(keeping, claim=Bound.pure(1, neighbours="record"), pair=pair, trials=3000, **how)


def test_a_mechanism_that_writes_late_is_never_found_guilty() -> None:
    pair, calls = Pair({"x": 0}, {"x": 1}, "record", "0 or 1"), itertools.count()

    def late(data: dict[str, float]) -> float:
        if next(calls) > 2000:
            data.setdefault("noise", random.gauss(0, 5))
        return data["x"] + data.get("noise", random.gauss(0, 5))

    found = run(late, claim=Bound.pure(1, neighbours="record"), pair=pair, trials=3000)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "changed a data set" in found.alarm or "independent" in found.alarm


def test_an_iterator_is_no_data_set_and_one_that_cannot_be_compared_is_noted() -> None:
    with pytest.raises(InvalidInput, match="iterator"):
        run(next, claim=Bound.pure(1, neighbours="event"), pair=Pair(iter([0]), iter([1]), "event", "?"), trials=300)
    locks = Pair((threading.Lock(), 0), (threading.Lock(), 1), "event", "0 or 1")
    found = run(lambda data: random.gauss(data[1], 9), claim=Bound.pure(1, neighbours="event"), pair=locks, trials=1000)
    assert any("goes unnoticed" in note for note in found.notes)

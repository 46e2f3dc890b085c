"""The assertions about privacy, and the pairs that they are given."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from privlib.audit import MechanismFailed, Pair
from privlib.bounds import Bound
from privlib.errors import InvalidInput
from privlib.testing import assert_dp, assert_not_dp, pairs
from privlib.testing.zoo import entry

PAIR = Pair(0, 1, "record", "one bit")
TRUE, FALSE = Bound.pure(odds=3, neighbours="record"), Bound.pure("0.1", neighbours="record")


def randomised_response(bit: int) -> int:
    """The truth with probability 3/4, so the odds are 3."""
    return bit if secrets.randbelow(4) else 1 - bit


def test_a_true_claim_is_not_refuted() -> None:
    found = assert_dp(randomised_response, TRUE, PAIR, trials=4000, alpha="1e-9")
    assert (found.verdict, found.title) == ("no violation found", "randomised_response")
    assert found.confidence == pytest.approx(1 - 1e-9)


def test_a_false_claim_fails_with_everything_that_is_known() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_dp(randomised_response, FALSE, PAIR, trials=10_000)
    message = str(raised.value)
    assert message.startswith("Violation: the true epsilon is at least")
    assert "epsilon = 0.1 (pure), neighbours: record" in message
    assert "Again        pytest tests/testing/test_assertions.py::test_a_false_claim_fails" in message


def test_a_violation_that_is_expected_must_be_found() -> None:
    assert assert_not_dp(randomised_response, FALSE, PAIR, trials=10_000).verdict == "violation"
    with pytest.raises(AssertionError, match="No violation found"):
        assert_not_dp(randomised_response, TRUE, PAIR, trials=4000, alpha="1e-9")


def test_an_audit_that_could_not_fail_does_not_pass() -> None:
    """With 750 guesses even a mechanism that tells everything cannot refute epsilon = 12."""
    with pytest.raises(AssertionError, match="Inconclusive"):
        assert_dp(lambda bit: bit, Bound.pure(12, neighbours="record"), PAIR, trials=1000)


def test_of_several_pairs_the_worst_is_found_and_options_go_to_the_audit() -> None:
    candidates = [Pair(0, 2, "record", "dull"), Pair(0, 1, "record", "telling")]
    found = assert_not_dp(lambda value: value % 2, FALSE, candidates, trials=2000, title="parity", observe=str)
    assert (found.title, found.pair) == ("parity", "telling (record)")


def test_the_zoo_is_at_hand() -> None:
    bug = entry("constant-seed")
    assert_not_dp(bug.mechanism, bug.claim, bug.pairs[0], batch=bug.batch, trials=2000)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"pairs": None}, InvalidInput),
        ({"pairs": []}, InvalidInput),
        ({"claim": 1}, InvalidInput),
        ({"mechanism": 3}, InvalidInput),
        ({"alpha": "0.6"}, InvalidInput),
        ({"alpha": 0}, InvalidInput),
        ({"mechanism": lambda _: 1 / 0}, MechanismFailed),
    ],
)
def test_what_cannot_be_audited_is_refused(change: dict[str, Any], error: type[Exception]) -> None:
    given: dict[str, Any] = {"mechanism": randomised_response, "claim": TRUE, "pairs": PAIR, "trials": 1000, **change}
    with pytest.raises(error):
        assert_dp(**given)


def test_pairs_become_parameters_with_their_descriptions_for_names() -> None:
    listed = pairs({"nobody and one": ([], [1]), "one more": ([1], [1, 2])}, neighbours="add_remove")
    assert [case.id for case in listed] == ["nobody and one", "one more"]
    assert listed[0].values == (Pair([], [1], "add_remove", "nobody and one"),)
    assert [case.values[0] for case in pairs([PAIR])] == [PAIR]
    for wrong in (lambda: pairs({"a": (0, 1)}), lambda: pairs([PAIR], neighbours="record")):
        with pytest.raises(InvalidInput, match="neighbours"):
            wrong()

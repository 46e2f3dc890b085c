"""The count of false alarms, in one process and in several; what it finds is in tests/claims_audit.py."""

from types import SimpleNamespace
from typing import Any

import pytest

from privlib.audit import Verdict
from privlib.audit.selftest import Coverage, coverage, examine, most_flagged
from privlib.audit.zoo import entry
from privlib.errors import InvalidInput


def test_every_audit_has_a_seed_of_its_own_and_violations_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def every_third(_: object, *, seed: int, **__: Any) -> SimpleNamespace:
        seeds.append(seed)
        return SimpleNamespace(verdict=Verdict.VIOLATION if seed % 3 == 0 else Verdict.NO_VIOLATION_FOUND)

    monkeypatch.setattr("privlib.audit.run", every_third)
    (found,) = coverage(61, controls=["grr-2"])
    assert sorted(seeds) == list(range(61))
    assert found == Coverage("grr-2", 61, 21, most_flagged(61, "0.05"))


def test_worker_processes_make_the_same_audits() -> None:
    """One that is always refuted, and one that is refuted with chance 1e-9 at most in all audits together."""
    found = coverage(30, trials=1000, controls=["constant-seed", "grr-swapped"], jobs=2, alpha="1e-11")
    assert [each.flagged for each in found] == [30, 0]


def test_the_count_can_be_left_in_the_middle() -> None:
    found = coverage(1, trials=1000, controls=["constant-seed"] * 3)
    assert next(found).flagged == 1
    found.close()  # type: ignore[attr-defined]  # an iterator that is a generator


def test_no_worker_is_no_way_to_count() -> None:
    with pytest.raises(InvalidInput, match="jobs"):
        next(coverage(1, jobs=0))


def test_a_sound_claim_is_expected_to_stand_and_a_proof_needs_no_trials() -> None:
    assert examine(entry("grr-swapped"), trials=2000).as_expected
    proved = examine(entry("scale-from-number-at-risk"))
    assert proved.as_expected
    assert proved.trials == 0

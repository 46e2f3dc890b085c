"""``privlib audit zoo`` and ``selftest``: the auditor tried on what is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from math import comb
from typing import Any

import pytest
from click.testing import Result

from privlib.audit.selftest import Finding, coverage, examine, most_flagged
from privlib.audit.zoo import entry

Call = Callable[..., Result]


NAMES = ("constant-seed", "grr-swapped", "scale-from-number-at-risk")


def test_the_zoo_shows_what_is_true_and_what_was_said(privlib: Call) -> None:
    rows = json.loads(privlib("audit", "zoo", *NAMES, "--trials", "1e4", "--json").stdout)
    assert [row["entry"] for row in rows] == list(NAMES)
    assert [row["verdict"] for row in rows] == ["violation", "no violation found", "refuted by its exact law"]
    assert all(row["as_expected"] for row in rows)
    assert "log(5359/4500)" in privlib("audit", "zoo", "grr-swapped", "--trials", "1e4").stdout
    assert privlib("audit", "zoo", "unheard-of").exit_code == 2


def test_an_auditor_that_is_wrong_about_an_entry_fails(privlib: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(one: Any, **_: object) -> Finding:
        return Finding(one, "no violation found", 0.0, 10**6, 0.1)

    monkeypatch.setattr("privlib.audit.selftest.examine", blind)
    result = privlib("audit", "zoo", "constant-seed", "grr-swapped")
    assert result.exit_code == 1
    assert result.stderr.endswith("not as expected: constant-seed\n")
    assert privlib("audit", "selftest").exit_code == 1


def test_too_few_trials_for_a_bug_are_no_fault_of_the_auditor(privlib: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = entry("svt-4").trials
    assert needed > 1000
    found = privlib("audit", "zoo", "svt-4", "grr-swapped", "--trials", 1000)
    assert found.exit_code == 3, found.output
    assert "too few trials" in found.stdout
    assert found.stderr.endswith(f"svt-4 ({needed})\n")
    assert "not as expected" not in found.stderr
    row = json.loads(privlib("audit", "zoo", "svt-4", "--trials", 1000, "--json").stdout)[0]
    assert (row["verdict"], row["as_expected"]) == ("too few trials", None)

    def blind(one: Any, **_: object) -> Finding:
        return Finding(one, "no violation found", 0.0, needed if one.name == "svt-4" else 10**6, 0.1)

    monkeypatch.setattr("privlib.audit.selftest.examine", blind)
    result = privlib("audit", "zoo", "svt-4")  # with trials enough it is one
    assert result.exit_code == 1
    assert result.stderr.endswith("not as expected: svt-4\n")


def test_a_claim_that_is_true_must_not_be_refuted() -> None:
    control, bug = entry("grr-swapped"), entry("constant-seed")
    assert not Finding(control, "violation", 2.0, 1000, 0.1).as_expected
    assert Finding(control, "inconclusive", 0.0, 1000, 0.1).as_expected
    assert not Finding(bug, "inconclusive", 0.0, 1000, 0.1).as_expected
    assert examine(bug, trials=1000).as_expected


def test_the_error_rate_of_the_auditor_is_counted(privlib: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privlib.audit.zoo.controls.TIGHT", ("grr-2", "rounded-gaussian"))
    result = privlib("audit", "selftest", "--coverage", "--audits", 6, "--trials", 1000, "--json")
    rows = json.loads(result.stdout)
    assert [(row["stopping"], row["control"], row["audits"]) for row in rows] == [
        ("fixed size", "grr-2", 6),
        ("fixed size", "rounded-gaussian", 6),
        ("optional stopping", "grr-2", 6),
        ("optional stopping", "rounded-gaussian", 6),
        ("fixed size", "all together", 12),
        ("optional stopping", "all together", 12),
    ]


def test_an_auditor_that_cries_wolf_is_found_out(privlib: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privlib.audit.zoo.controls.TIGHT", ("constant-seed",))  # no control at all
    result = privlib("audit", "selftest", "--coverage", "--audits", 8, "--trials", 1000)
    assert result.exit_code == 1
    assert "more false alarms" in result.stderr
    found = next(coverage(8, trials=1000, controls=["constant-seed"]))
    assert found.flagged == 8 > found.limit


@pytest.mark.parametrize(("audits", "limit"), [(2000, 138), (1, 1), (2, 2), (10, 4)])
def test_more_false_alarms_than_allowed_are_very_improbable(audits: int, limit: int) -> None:
    """By the exact binomial tail: P(more than the limit) <= 1e-4, and one less would be too few."""

    def more_than(most: int) -> Fraction:
        share = Fraction(1, 20)
        return sum((comb(audits, k) * share**k * (1 - share) ** (audits - k) for k in range(most + 1, audits + 1)), Fraction(0))

    assert most_flagged(audits, "0.05") == limit
    assert more_than(limit) <= Fraction(1, 10_000) < more_than(limit - 1)


def test_the_zoo_trains_once(privlib: Call) -> None:
    rows = json.loads(privlib("audit", "zoo", "sgd-noise-divided-twice", "--json").stdout)
    assert (rows[0]["verdict"], rows[0]["expected"]) == ("violation", "violation")

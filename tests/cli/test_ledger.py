"""``privlib ledger`` for limits of every kind, and how a limit is given on a command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from privlib import Bound, Ledger, verify
from privlib.bounds import Kind
from privlib.cli.ledger import read_limit
from privlib.errors import InvalidInput
from privlib.journal import Journal

Call = Callable[..., Result]
SMALL = {
    "pure": Bound.pure("1/10", neighbours="replace"),
    "zcdp": Bound.zcdp("1/1000", neighbours="replace"),
    "gdp": Bound.gdp("1/500", neighbours="replace"),
    "approx": Bound.approx("1/10", "1e-8", neighbours="replace"),
}


def charged(path: Path, limit: Any, *kinds: str) -> Ledger:
    ledger = Ledger(path, limit=limit)
    for kind in kinds:
        ledger.charge(SMALL[kind], name=f"a {kind} sum", fingerprint="f00d", secure=True)
    return ledger


@pytest.mark.parametrize(
    ("limit", "kinds", "lines"),
    [
        (
            {"rho": "1/2"},
            ("pure", "zcdp", "gdp"),
            ("limit        rho = 0.5", "spent        rho = 0.007 (zcdp), neighbours: replace", "remaining    rho = 0.493"),
        ),
        (
            {"epsilon": 1, "delta": "1e-6"},
            ("pure", "approx"),
            (
                "limit        epsilon = 1, delta = 1e-06",
                "spent        epsilon = 0.2, delta = 1e-08 (approx), neighbours: replace",
                "remaining    epsilon = 0.8, delta = 9.9e-07",
            ),
        ),
        (
            {"epsilon": 1, "delta": "1e-6"},
            ("zcdp", "gdp"),
            ("limit        epsilon = 1, delta = 1e-06", "remaining    epsilon = 0.491485664883 (rounded down), delta = 0"),
        ),
        (
            {"epsilon": 1, "delta": "1e-6", "approx_delta": "2e-8"},
            ("pure", "zcdp", "gdp", "approx"),
            ("limit        epsilon = 1, delta = 1e-06", "a zcdp sum", "a gdp sum", "a pure sum", "mu2 = 0.002 (gdp)"),
        ),
    ],
)
def test_a_ledger_of_any_kind_is_shown_and_verified(
    privlib: Call, tmp_path: Path, limit: Any, kinds: tuple[str, ...], lines: tuple[str, ...]
) -> None:
    ledger = charged(tmp_path / "budget.db", limit, *kinds)
    shown = privlib("ledger", "show", ledger.path)
    assert shown.exit_code == 0
    for line in lines:
        assert line in shown.stdout
    assert privlib("ledger", "verify", ledger.path).stdout.endswith(f"{len(kinds)} charges, an unbroken chain\n")


def test_json_holds_the_exact_limit_and_what_remains_under_their_names(privlib: Call, tmp_path: Path) -> None:
    rho = charged(tmp_path / "rho.db", {"rho": "1/2"}, "pure", "gdp")
    approx = charged(tmp_path / "approx.db", {"epsilon": 1, "delta": "1e-6"}, "approx")
    shown = [json.loads(privlib("ledger", "show", ledger.path, "--json").stdout) for ledger in (rho, approx)]
    assert [(record["kind"], record["limit"], record["remaining"]) for record in shown] == [
        ("zcdp", {"rho": "1/2"}, {"rho": "247/500"}),
        ("approx", {"epsilon": "1", "delta": "1/1000000"}, {"epsilon": "9/10", "delta": "99/100000000"}),
    ]
    assert [Bound.from_dict(record["spent"]) for record in shown] == [rho.spent, approx.spent]
    assert shown[0]["charges"][1]["bound"] == SMALL["gdp"].to_dict()


def test_an_empty_ledger_of_any_kind_is_shown(privlib: Call, tmp_path: Path) -> None:
    ledger = charged(tmp_path / "budget.db", {"rho": "1/3"})
    shown = privlib("ledger", "show", ledger.path).stdout
    assert "limit        rho = 1/3\nspent        nothing\nremaining    rho = 1/3\n" in shown


def test_a_ledger_that_was_overspent_from_outside_does_not_verify(privlib: Call, tmp_path: Path) -> None:
    ledger = charged(tmp_path / "budget.db", {"epsilon": "1/2", "delta": "1e-6"}, "zcdp")
    record = ledger.charges()[0].record
    for _ in range(9):
        Journal(ledger.path, purpose="privlib ledger").append(lambda rows: record)
    result = privlib("ledger", "verify", ledger.path)
    assert result.exit_code == 1
    assert "pass its limit" in result.stderr


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("1", "1"),
        ("1/3", "1/3"),
        ("rho=1/2", {"rho": "1/2"}),
        ("epsilon=1,delta=1e-6", {"epsilon": "1", "delta": "1e-6"}),
        (" delta = 1e-6 , epsilon = 1 , approx_delta = 0 ", {"delta": "1e-6", "epsilon": "1", "approx_delta": "0"}),
    ],
)
def test_a_limit_is_read_from_words(text: str, limit: Any) -> None:
    assert read_limit(text) == limit


@pytest.mark.parametrize("text", ["rho=", "=1", "rho=1,", "rho=1,rho=2", "epsilon=1,1e-6", "="])
def test_words_that_are_no_limit_are_wrong_usage(text: str) -> None:
    with pytest.raises(click.UsageError, match="rho=1/2"):
        read_limit(text)


@pytest.mark.parametrize("text", ["one", "rho=one", "mu=1", "epsilon=1", "epsilon=1,delta=0", "rho=1,delta=1e-6", "rho=0"])
def test_names_and_numbers_that_are_no_limit_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="limit"):
        read_limit(text)


def release(csv: Path, *options: object) -> tuple[object, ...]:
    plan = ("--horizon", 365, "--epsilon", "1/2", "--neighbours", "add_remove", "--expected-n", 250)
    return ("survival", "release", csv, "--duration", "days", "--event", "died", *plan, *options)


@pytest.mark.parametrize(
    ("limit", "kind", "remaining"),
    [
        ("rho=1/2", Kind.ZCDP, Fraction(3, 8)),
        ("epsilon=1,delta=1e-6", Kind.APPROX, Fraction(1, 2)),
        ("1", Kind.PURE, Fraction(1, 2)),
    ],
)
def test_a_release_charges_a_ledger_of_any_kind(privlib: Call, csv: Path, limit: str, kind: Kind, remaining: Fraction) -> None:
    budget, out = csv.with_name("budget.db"), csv.with_name("release.json")
    result = privlib(*release(csv, "--ledger", budget, "--limit", limit, "--out", out))
    assert result.exit_code == 0, result.stderr
    verify(out, ledger=budget)
    ledger = Ledger(budget)
    assert (ledger.kind, ledger.remaining) == (kind, remaining)
    assert privlib("verify", out, "--ledger", budget).exit_code == 0


@pytest.mark.parametrize("limit", ["rho=", "mu=1", "rho=0"])
def test_a_wrong_limit_is_refused_before_the_data_is_read(privlib: Call, tmp_path: Path, limit: str) -> None:
    budget = tmp_path / "budget.db"
    result = privlib(*release(tmp_path / "absent.csv", "--ledger", budget, "--limit", limit, "--json"))
    assert result.exit_code == 2
    assert "limit" in result.stderr
    assert not budget.exists()

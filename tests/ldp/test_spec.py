"""A plan says what it is, reads back as it was written, and is refused when it leaks more than it says."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from privlib.errors import InvalidInput, TamperedRelease
from privlib.ldp import Domain, Reports, Spec
from privlib.ldp.guarantee import epsilon_text, log_up
from privlib.ldp.oracles import Grr, LocalHash
from privlib.ldp.parts import PROTOCOLS, Part

DOMAIN = Domain({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]})
PRIORS = [["1/2", "1/2"], ["1/3", "1/6", "1/4", "1/4"]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("level", ["record", "attribute"])
def test_a_plan_reads_back_as_it_was_written(protocol: str, level: Any) -> None:
    priors: Any = PRIORS if protocol.startswith("rsrfd") else None
    spec = Spec(DOMAIN, protocol, level=level, epsilon="0.7", priors=priors)
    assert Spec.from_json(spec.to_json()) == spec
    assert Spec.from_dict(spec.to_dict()).fingerprint == spec.fingerprint
    assert protocol in spec.explain()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"calibration": "whatever"}, "calibration"),
        ({"calibration": None}, "calibration"),
        ({"calibration": "paper"}, "published odds"),
        ({"record_cap": None}, "cap"),
        ({"record_cap": "2"}, "does not keep the cap"),
        ({"protocol": "smp-grr"}, "no laws of reports"),
        ({"more": 1}, "does not keep the cap|no plan"),
    ],
)
def test_a_plan_that_was_edited_is_refused(change: dict[str, Any], told: str) -> None:
    record = Spec(DOMAIN, "spl-grr", level="record", odds=9).to_dict()
    with pytest.raises(InvalidInput, match=told):
        Spec.from_dict(record | change)


def test_odds_beyond_the_cap_are_refused_under_every_calibration() -> None:
    for calibration in ("exact", "paper"):
        spec = Spec(DOMAIN, "rsfd-grr", level="record", odds=3, calibration=calibration)  # type: ignore[arg-type]
        record = spec.to_dict()
        record["parts"][0]["odds"] = "1000000"
        with pytest.raises(InvalidInput, match=r"cap|published odds"):
            Spec.from_dict(record)


def test_a_file_that_was_edited_is_no_plan() -> None:
    text = Spec(DOMAIN, "spl-grr", level="record", odds=9).to_json()
    with pytest.raises(TamperedRelease):
        Spec.from_json(text.replace("spl-grr", "spl-xxx"))


@pytest.mark.parametrize(
    "part",
    [
        Part(Grr(2, 3.0), Fraction(1, 2), (Fraction(1, 2),) * 2),  # type: ignore[arg-type]
        Part(Grr(2, Fraction(3)), 0.5, (Fraction(1, 2),) * 2),  # type: ignore[arg-type]
        Part(Grr(2, Fraction(3)), Fraction(1, 2), (0.5, 0.5)),  # type: ignore[arg-type]
    ],
)
def test_floats_are_no_numbers_of_a_plan(part: Part) -> None:
    with pytest.raises(InvalidInput, match="floats are rounded"):
        Spec.of_parts(Domain({"a": [0, 1], "b": [0, 1]}), [part, part], scheme="rsfd", record_cap=Fraction(3))


def test_local_hashing_needs_a_prime() -> None:
    with pytest.raises(InvalidInput, match="no laws of reports"):
        Spec.of_parts(Domain({"a": list(range(9))}), [Part(LocalHash(9, Fraction(3), 4))], scheme="spl", record_cap=Fraction(3))


def test_hashing_at_large_odds_has_no_more_buckets_than_help() -> None:
    spec = Spec(Domain({"a": list(range(100))}), "smp-olh", level="record", odds=10**16)
    oracle = spec.parts[0].oracle
    assert isinstance(oracle, LocalHash)
    assert oracle.buckets <= 113


@pytest.mark.parametrize("odds", [Fraction(3), Fraction(31, 9), Fraction(10**9 + 1, 10**9), Fraction(10) ** 400])
def test_an_epsilon_that_is_printed_is_not_below_the_true_one(odds: Fraction) -> None:
    assert float(epsilon_text(odds)) >= log_up(odds) > 0
    assert float(epsilon_text(odds)) <= log_up(odds) * (1 + 2e-5)


def test_reports_cannot_be_changed_once_they_were_checked() -> None:
    spec = Spec(DOMAIN, "spl-grr", level="record", odds=9)
    base = np.zeros((3, 1), dtype=np.uint8)
    reports = Reports(spec, base[:])
    base[0] = 255
    assert reports.rows.max() == 0
    with pytest.raises(ValueError, match="read-only"):
        reports.rows[0] = 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"level": "record"}, "epsilon or odds"),
        ({"level": "record", "epsilon": 1, "odds": 3}, "epsilon or odds"),
        ({"level": "person", "epsilon": 1}, "level must be"),
        ({"level": "record", "epsilon": -1}, "> 0"),
        ({"level": "record", "epsilon": float("nan")}, "epsilon"),
        ({"level": "record", "epsilon": float("inf")}, "epsilon"),
        ({"level": "record", "epsilon": True}, "epsilon"),
        ({"level": "record", "odds": 1}, "> 1"),
        ({"level": "record", "odds": 3, "calibration": "paper"}, "for RS"),
        ({"level": "record", "odds": 3, "weights": [1, 1]}, "spl draws none"),
        ({"level": "record", "odds": 3, "priors": PRIORS}, "rsrfd"),
    ],
)
def test_arguments_that_make_no_plan_are_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        Spec(DOMAIN, "spl-grr", **arguments)


@pytest.mark.parametrize(
    ("priors", "told"),
    [
        ([["1/2", "1/2"]], "each value of each attribute"),
        ([[1, 0], ["1/4"] * 4], "positive prior"),
        ([["1/2", "1/3"], ["1/4"] * 4], "add up to exactly 1"),
    ],
)
def test_fakes_need_a_law_that_can_give_every_value(priors: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        Spec(DOMAIN, "rsrfd-grr", level="record", odds=3, priors=priors)

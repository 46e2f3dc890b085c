"""Audits for machines: JUnit XML as its schema has it, SARIF 2.1.0, and nothing of the data in either."""

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from privlib import __version__
from privlib.audit import Audit, OneRun, Verdict
from privlib.audit.formats import junit, sarif
from privlib.bounds import Bound

DATA = "patient 4711 has value 93.5"


def audit(**change: Any) -> Audit:
    fields: dict[str, Any] = {
        "title": "my_package.my_module:release",
        "claim": Bound.pure("0.5", neighbours="replace"),
        "pair": DATA,
        "searched": ((DATA, 0.3),),
        "trials": 2000,
        "training": 500,
        "counts": ((480, 270), (200, 550)),
        "guesses": (0, 1),
        "everywhere": (0, 1),
        "cells": (DATA, f"not {DATA}"),
        "path": ((1500, 1500, 1030),),
        "raised": 0,
        "confidence": 0.999,
        "rule": DATA,
        "notes": (DATA,),
        "secure": True,
        "seed": 3,
        "theorem": None,
        "reproduce": "privlib audit run my_package.my_module:release --epsilon 0.5",
        "seconds": 1.5,
        "rule_seconds": 0.2,
        "versions": {"python": "3"},
    }
    return Audit(**{**fields, **change})


FOUND = audit()
QUIET = audit(title="quiet <&>", counts=((400, 350), (350, 400)))
FEW = audit(title="few\x00\x1b\ud800", counts=((1, 0), (0, 1)), claim=Bound.pure(9, neighbours="replace"))
ALARMING = audit(title="seeded", alarm="noise is repeated")
EVERY = (FOUND, QUIET, FEW, ALARMING)
STOPPED = audit(title="stopped", counts=QUIET.counts, interrupted="it was interrupted")
REFUTED = audit(title="refuted", counts=((700, 50), (50, 700)), path=((1500, 1500, 1400),), interrupted="the time was over")


def one_run(correct: int) -> OneRun:
    fields = {"canaries": 1000, "guesses": 300, "planned": True, "confidence": 0.999, "title": "one <run>"}
    return OneRun(**fields, correct=correct, claim=Bound.pure(1, neighbours="add_remove"))  # type: ignore[arg-type]


def test_the_examples_have_each_verdict() -> None:
    assert [each.verdict for each in EVERY] == [*Verdict, Verdict.INCONCLUSIVE]


# JUnit. The shape is that of the schema that Jenkins publishes (junit-10.xsd), which other readers share.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package", "file"},
    "testcase": {"name", "classname", "time", "assertions", "status", "file", "line"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "system-out": set[str](),
}
INSIDE = {"testsuites": {"testsuite"}, "testsuite": {"testcase"}, "testcase": {"failure", "error", "system-out"}}
NEEDED = {"testsuite": {"name", "tests"}, "testcase": {"name", "classname"}}


def read(text: str) -> ElementTree.Element:
    """The document, after a look at the place and the attributes of each element."""
    root = ElementTree.fromstring(text.encode())  # noqa: S314 - our own
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
        assert set(element.attrib) >= NEEDED.get(element.tag, set())
        assert {child.tag for child in element} <= INSIDE.get(element.tag, set())
        numbers = [value for name, value in element.attrib.items() if name in {"tests", "failures", "errors", "skipped", "time"}]
        assert all(re.fullmatch(r"\d+(\.\d+)?", number) for number in numbers)
    return root


def test_a_violation_fails_and_an_inconclusive_audit_errs() -> None:
    suite = read(junit(EVERY, suite="audits of main")).find("testsuite")
    assert suite is not None
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) == (
        "audits of main",
        "4",
        "1",
        "2",
    )
    told = [[(child.tag, child.get("type"), child.get("message")) for child in case] for case in suite]
    assert told == [
        [("failure", "claim-violated", FOUND.sentence())],
        [("system-out", None, None)],
        [("error", "inconclusive", FEW.sentence())],
        [("error", "not-independent", ALARMING.sentence())],
    ]
    assert suite[1][0].text == QUIET.sentence()
    assert "privlib audit run" in (suite[0][0].text or "")


def test_an_audit_that_was_stopped_passes_no_test() -> None:
    assert (STOPPED.verdict, REFUTED.verdict) == (Verdict.NO_VIOLATION_FOUND, Verdict.VIOLATION)
    suite = read(junit([STOPPED, REFUTED], suite="audits")).find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("errors")) == ("1", "1")
    (error,), (failure,) = suite
    assert (error.tag, error.get("type")) == ("error", "interrupted")
    assert str(error.get("message")).startswith("Stopped early. No violation found")
    assert "it was interrupted" in str(error.text)
    assert (failure.tag, failure.get("message")) == ("failure", REFUTED.sentence())
    assert "the time was over" in str(failure.text)
    results = run_of(sarif([STOPPED, REFUTED]))["results"]
    assert [(result["ruleId"], result["level"]) for result in results] == [
        ("interrupted", "warning"),
        ("claim-violated", "error"),
    ]


@pytest.mark.parametrize(
    ("correct", "tag", "rule"), [(300, "failure", "claim-violated"), (150, "system-out", "no-violation-found")]
)
def test_one_run_is_a_test_case_like_others(correct: int, tag: str, rule: str) -> None:
    found = one_run(correct)
    (case,) = read(junit([found], suite="audits", again="privlib audit run canaries.csv")).iter("testcase")
    assert (case.get("name"), [child.tag for child in case]) == ("one <run>", [tag])
    assert found.sentence() in (case[0].get("message"), case[0].text)
    (result,) = run_of(sarif([found], again="privlib audit run canaries.csv"))["results"]
    assert result["ruleId"] == rule
    assert f"{correct} of 300 guesses right about 1000 canaries" in result["message"]["text"]
    assert result["message"]["text"].endswith("Again: privlib audit run canaries.csv")


def test_any_title_makes_readable_xml() -> None:
    cases = read(junit(EVERY, suite="a \x08 suite")).iter("testcase")
    assert [case.get("name") for case in cases][1:3] == ["quiet <&>", "few\ufffd\ufffd\ufffd"]


def test_no_audits_make_an_empty_suite() -> None:
    suite = read(junit([], suite="none")).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), len(suite)) == ("0", 0)
    assert json.loads(sarif([]))["runs"][0]["results"] == []


# SARIF


def run_of(text: str) -> dict[str, Any]:
    log = json.loads(text)
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    assert len(log["runs"]) == 1
    return log["runs"][0]


def test_each_audit_is_a_result_with_a_rule_and_a_level() -> None:
    run = run_of(sarif(EVERY))
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("privlib", __version__)
    results = [(result["ruleId"], result["level"]) for result in run["results"]]
    assert results == [
        ("claim-violated", "error"),
        ("no-violation-found", "note"),
        ("inconclusive", "warning"),
        ("not-independent", "warning"),
    ]
    for result, audited in zip(run["results"], EVERY, strict=True):
        rule = driver["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["defaultConfiguration"]["level"] == result["level"]
        assert result["message"]["text"].startswith(audited.sentence())
        assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == audited.title
    names = [rule["id"] for rule in driver["rules"]]
    assert len(names) == len(set(names))
    assert all(rule["shortDescription"]["text"].endswith(".") and rule["fullDescription"]["text"] for rule in driver["rules"])


def test_outputs_of_test_mode_are_a_finding_of_their_own() -> None:
    results = run_of(sarif([QUIET, audit(secure=False)]))["results"]
    assert [(result["ruleId"], result["level"]) for result in results[2:]] == [("test-mode", "warning")]
    assert results[2]["partialFingerprints"] == results[1]["partialFingerprints"]


def fingerprint(found: Audit) -> str:
    (only,) = run_of(sarif([found]))["results"]
    (value,) = only["partialFingerprints"].values()
    assert re.fullmatch("[0-9a-f]{64}", value)
    return value


@pytest.mark.parametrize(
    "change",
    [{"counts": ((375, 375), (375, 375))}, {"seed": 4}, {"seconds": 9.0}, {"alarm": "noise is repeated"}, {"trials": 9000}],
)
def test_the_fingerprint_stays_from_run_to_run(change: dict[str, Any]) -> None:
    assert fingerprint(audit(**change)) == fingerprint(FOUND)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "another"},
        {"claim": Bound.pure("0.6", neighbours="replace")},
        {"claim": Bound.pure("0.5", neighbours="add_remove")},
        {"claim": Bound.approx("0.5", "1e-5", neighbours="replace")},
    ],
)
def test_another_target_or_claim_has_another_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint(audit(**change)) != fingerprint(FOUND)


@pytest.mark.parametrize("text", [junit(EVERY, suite="audits"), sarif([*EVERY, audit(secure=False)])], ids=["junit", "sarif"])
def test_no_data_and_no_words_about_it_are_written(text: str) -> None:
    assert "4711" not in text
    assert "93.5" not in text
    assert not re.search("is private|passed", text)

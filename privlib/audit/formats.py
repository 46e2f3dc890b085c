"""Audits for machines that collect test results: JUnit XML and SARIF 2.1.0. Verdicts and bounds, never data values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from privlib.audit.bounds import Verdict
from privlib.audit.result import Audit

if TYPE_CHECKING:
    from privlib.audit.onerun import OneRun

__all__ = ["junit", "sarif"]

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 has no way to write
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = {
    "claim-violated": ("error", "The claim is refuted", "With the stated confidence, the mechanism leaks more than it claims."),
    "inconclusive": (
        "warning",
        "The audit can say nothing",
        "Too few guesses were made to refute the claim, however many were right.",
    ),
    "interrupted": (
        "warning",
        "The audit was stopped early",
        "It had refuted nothing by then, on fewer trials than were planned.",
    ),
    "not-independent": (
        "warning",
        "The trials are not independent",
        "No bound holds for such trials, so the audit certifies nothing.",
    ),
    "test-mode": (
        "warning",
        "The outputs were made in test mode",
        "Their noise was predictable; what is released so has no guarantee.",
    ),
    "no-violation-found": (
        "note",
        "No violation was found",
        "The certified lower bound is not above the claim. That does not establish the claim; a proof would.",
    ),
}
"""Identifier, level, name and meaning of each kind of finding."""


def junit(audits: Sequence[Audit | OneRun], *, suite: str, again: str = "") -> str:
    """Write audits as one JUnit test suite.

    Parameters
    ----------
    audits : sequence of Audit or OneRun
        One test case each.
    suite : str
        The suite's name.
    again : str
        The command that repeats an audit which does not know it itself.

    Returns
    -------
    str
        XML. A violation is a failure; an audit that is inconclusive, or was stopped before it refuted anything, is an error.
        The message is the verdict's sentence.
    """
    rules = [_rule(audit) for audit in audits]
    totals = {
        "tests": str(len(audits)),
        "failures": str(sum(_element(rule) == "failure" for rule in rules)),
        "errors": str(sum(_element(rule) == "error" for rule in rules)),
        "time": f"{sum(map(_seconds, audits)):.3f}",
    }
    root = ElementTree.Element("testsuites", {"name": _writable(suite), **totals})
    inside = ElementTree.SubElement(root, "testsuite", {"name": _writable(suite), **totals, "skipped": "0"})
    for audit, rule in zip(audits, rules, strict=True):
        names = {"name": _writable(audit.title), "classname": _writable(suite), "time": f"{_seconds(audit):.3f}"}
        case = ElementTree.SubElement(inside, "testcase", names)
        message = _writable(f"{'Stopped early. ' if rule == 'interrupted' else ''}{audit.sentence()}")
        if _element(rule) == "system-out":
            ElementTree.SubElement(case, "system-out").text = message
        else:
            told = {"type": rule, "message": message}
            ElementTree.SubElement(case, _element(rule), told).text = _writable(_more(audit, again))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False).join(
        ['<?xml version="1.0" encoding="UTF-8"?>\n', "\n"]
    )


def sarif(audits: Sequence[Audit | OneRun], *, again: str = "") -> str:
    """Write audits as a SARIF 2.1.0 log with one run.

    Parameters
    ----------
    audits : sequence of Audit or OneRun
        One result each, and one more for outputs that were made in test mode.
    again : str
        The command that repeats an audit which does not know it itself.

    Returns
    -------
    str
        JSON. The fingerprint of a result depends on what was audited and on its claim only, so the same finding keeps it.
    """
    from privlib import __version__

    rules = [
        {
            "id": name,
            "name": "".join(part.capitalize() for part in name.split("-")),
            "shortDescription": {"text": f"{short}."},
            "fullDescription": {"text": meaning},
            "defaultConfiguration": {"level": level},
        }
        for name, (level, short, meaning) in _RULES.items()
    ]
    driver = {"name": "privlib", "version": __version__, "semanticVersion": __version__, "rules": rules}
    results = [_result(audit, _rule(audit), f"{audit.sentence()} {_more(audit, again)}") for audit in audits]
    tested = [audit for audit in audits if isinstance(audit, Audit) and not audit.secure]
    results += [_result(audit, "test-mode", _RULES["test-mode"][2]) for audit in tested]
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _rule(audit: Audit | OneRun) -> str:
    if isinstance(audit, Audit) and audit.alarm:
        return "not-independent"
    if isinstance(audit, Audit) and audit.interrupted and audit.verdict is not Verdict.VIOLATION:
        return "interrupted"
    return {Verdict.VIOLATION: "claim-violated", Verdict.INCONCLUSIVE: "inconclusive"}.get(audit.verdict, "no-violation-found")


def _element(rule: str) -> str:
    """What a finding is in JUnit."""
    return {"claim-violated": "failure", "no-violation-found": "system-out"}.get(rule, "error")


def _seconds(audit: Audit | OneRun) -> float:
    return audit.seconds if isinstance(audit, Audit) else 0.0  # the one run was made by somebody else


def _more(audit: Audit | OneRun, again: str) -> str:
    """What the sentence leaves out, and how to run it again."""
    if isinstance(audit, Audit):
        counts, stopped, again = f"{audit.made} guesses right on {audit.tested} tested trials", audit.interrupted, audit.reproduce
    else:
        counts, stopped = f"{audit.guesses} guesses right about {audit.canaries} canaries", ""
    parts = [
        f"{audit.title}: {audit.correct} of {counts}.",
        f"Stopped early: {stopped}." if stopped else "",
        f"Again: {again}" if again else "",
    ]
    return " ".join(part for part in parts if part)


def _result(audit: Audit | OneRun, rule: str, text: str) -> dict[str, Any]:
    seed = {"seed": audit.seed} if isinstance(audit, Audit) else {}
    target = json.dumps([audit.title, audit.claim.to_dict()], sort_keys=True)
    return {
        "ruleId": rule,
        "ruleIndex": list(_RULES).index(rule),
        "level": _RULES[rule][0],
        "message": {"text": text},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": audit.title, "kind": "function"}]}],
        "partialFingerprints": {"privlibAuditTarget/v1": hashlib.sha256(target.encode()).hexdigest()},
        "properties": {
            "claim": audit.claim.to_dict(),
            "certified": repr(audit.certified),
            "unit": audit.unit,
            "confidence": repr(audit.confidence),
            **seed,
        },
    }


def _writable(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)

"""What an audit writes: JSON that can be judged again, a page that needs nothing else."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from privlib.audit import Audit, Verdict, fragment
from privlib.audit import report as report_module
from privlib.bounds import Bound
from privlib.certificate import canonical, seal
from privlib.errors import MissingExtra, TamperedRelease

ADDRESS = re.compile(r"https?:|//\w|xmlns|@import|url\((?!#)|<link|<script|<img|<iframe| on\w+=|javascript:", re.IGNORECASE)


def audit(**change: Any) -> Audit:
    fields: dict[str, Any] = {
        "title": "a <b>mechanism</b>",
        "claim": Bound.pure("0.5", neighbours="replace"),
        "pair": "two data sets & more",
        "trials": 2000,
        "training": 500,
        "guesses": 1000,
        "correct": 900,
        "raised": 0,
        "confidence": 0.999,
        "rule": "look at the sum",
        "notes": ("a note",),
        "secure": True,
        "seed": 3,
        "theorem": "survival.t1",
        "reproduce": "privlib.audit.survival_audit()",
        "seconds": 1.5,
        "versions": {"python": "3"},
    }
    return Audit(**{**fields, **change})


FOUND = audit()
QUIET = audit(correct=600)
FEW = audit(correct=4, guesses=4, claim=Bound.pure(5, neighbours="replace"))


def test_the_three_verdicts_have_their_own_sentences() -> None:
    assert [each.verdict for each in (FOUND, QUIET, FEW)] == list(Verdict)
    assert FOUND.sentence().startswith("Violation: the true epsilon is at least 1.8")
    assert QUIET.sentence().startswith("No violation found")
    assert FEW.sentence().startswith("Inconclusive")
    assert not [each for each in (FOUND, QUIET, FEW) if "private" in each.sentence()]


@pytest.mark.parametrize("found", [FOUND, QUIET, FEW, audit(secure=False, theorem=None, guesses=0, correct=0)])
def test_replay_gives_the_same_audit(found: Audit) -> None:
    again = Audit.replay(found.to_json())
    assert again == found
    assert again.to_json() == found.to_json()
    assert (again.verdict, again.certified) == (found.verdict, found.certified)


@pytest.mark.parametrize(
    "change",
    [
        {"correct": 901},
        {"correct": 1001},
        {"guesses": 1999},
        {"verdict": "no violation found"},
        {"certified": "1.0"},
        {"confidence": "0.9"},
        {"confidence": "2"},
        {"trials": "2000"},
        {"versions": []},
        {"claim": {"kind": "pure"}},
    ],
)
def test_a_result_that_does_not_follow_from_its_counts_is_refused(change: dict[str, Any]) -> None:
    record = json.loads(FOUND.to_json())
    with pytest.raises(TamperedRelease):
        Audit.replay(canonical({**record, **change}))  # the digest does not fit
    body = {name: value for name, value in {**record, **change}.items() if name not in {"digest", "kind"}}
    with pytest.raises(TamperedRelease):
        Audit.replay(seal("audit", body))  # the digest fits, the content does not


def test_the_summary_says_what_was_found_and_what_was_not_covered() -> None:
    text = FOUND.summary()
    assert [
        word for word in ("Verdict", "Claim", "Certified", "Pair", "Counts", "Rule", "Note", "Again") if word not in text
    ] == []
    assert "never establish it" in text
    assert "survival.t1" in text
    assert "NOT SECURE" in audit(secure=False).summary()


class Checker(HTMLParser):
    """Collects ids and checks that tags close."""

    VOID = frozenset({"meta", "br", "path", "use"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("found", [FOUND, QUIET, FEW, audit(secure=False, theorem=None, guesses=0, correct=0)])
def test_the_page_needs_nothing_from_elsewhere(found: Audit) -> None:
    text = found.to_html()
    assert not ADDRESS.search(text), ADDRESS.search(text)
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert len(checker.ids) == len(set(checker.ids)), "ids repeat"


def test_the_page_says_everything_and_escapes_it() -> None:
    pytest.importorskip("matplotlib")
    text = FOUND.to_html()
    wanted = [
        "a &lt;b&gt;mechanism&lt;/b&gt;", "two data sets &amp; more", "99.9 %", "survival.t1", "audit.t1", "prefers-color-scheme",
        'name="viewport"', 'role="img"', ">certified</text>", "survival_audit()", "a note", "look at the sum",
    ]  # fmt: skip
    assert [each for each in wanted if each not in text] == []
    assert text.count("<svg") == 2


def test_a_section_can_stand_in_another_page() -> None:
    section = fragment(FOUND)
    assert section.startswith('<section class="audit">')
    assert section.rstrip().endswith("</section>")
    assert "<html" not in section
    assert section in FOUND.to_html()


def test_without_the_plot_extra_the_page_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str, *, name: str, purpose: str) -> None:
        raise MissingExtra(f"{purpose} needs {module}: pip install 'privlib[{name}]'")

    monkeypatch.setattr(report_module, "extra", missing)
    text = FOUND.to_html()
    assert "<svg" not in text
    assert "privlib[plot]" in text


def test_the_same_audit_gives_the_same_page() -> None:
    assert FOUND.to_html() == Audit.replay(FOUND.to_json()).to_html()

"""What an audit writes: JSON that can be judged again, a page that needs nothing else and that everyone can read."""

import itertools
import json
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from privlib.audit import Audit, Verdict, curves, fragment, picture
from privlib.audit.curves import allowed, along, least, needed, right_share, trade_off
from privlib.audit.picture import PALETTE, SHADE
from privlib.audit.report import STYLE
from privlib.bounds import Bound
from privlib.certificate import canonical, seal
from privlib.errors import MissingExtra, TamperedRelease

ADDRESS = re.compile(r"https?:|//\w|xmlns|@import|url\((?!#)|<link|<script|<img|<iframe| on\w+=|javascript:", re.IGNORECASE)
REPLACE = "replace"


def audit(**change: Any) -> Audit:
    fields: dict[str, Any] = {
        "title": "a <b>mechanism</b>",
        "claim": Bound.pure("0.5", neighbours=REPLACE),
        "pair": "two data sets & more (replace)",
        "searched": (("two data sets & more", 1.91), ("another <pair>", 0.2)),
        "trials": 2000,
        "training": 500,
        "counts": ((430, 270, 50), (50, 230, 470)),
        "guesses": (0, -1, 1),
        "everywhere": (0, 0, 1),
        "cells": ("the sum below 3", "the sum from 3 below 5", "the sum from 5 & up"),
        "path": ((500, 330, 300), (1000, 660, 590), (1500, 1000, 900)),
        "raised": 0,
        "confidence": 0.999,
        "rule": "look at the sum",
        "notes": ("a note",),
        "secure": True,
        "seed": 3,
        "theorem": "survival.t1",
        "reproduce": "privlib.audit.survival_audit()",
        "seconds": 1.5,
        "rule_seconds": 0.2,
        "versions": {"python": "3"},
    }
    return Audit(**{**fields, **change})


def with_kind(claim: Bound) -> Audit:
    """Every trial is guessed, as the limits of these claims want it."""
    return audit(claim=claim, counts=((560, 190), (190, 560)), guesses=(0, 1), everywhere=(0, 1), cells=("low", "high"),
                 path=((500, 500, 380), (1500, 1500, 1120)))  # fmt: skip


FOUND = audit()
QUIET = audit(counts=((300, 250, 200), (200, 250, 300)), path=((500, 330, 200), (1500, 1000, 600)))
FEW = audit(counts=((2, 746, 0), (0, 750, 2)), claim=Bound.pure(5, neighbours=REPLACE), path=((1500, 4, 4),))
GAUSSIAN = with_kind(Bound.gdp(1, neighbours=REPLACE))
APPROXIMATE = with_kind(Bound.approx(1, "1e-5", neighbours=REPLACE))
CONCENTRATED = with_kind(Bound.zcdp("1/8", neighbours=REPLACE))
ALARMING = audit(alarm="noise is repeated", notes=())
STOPPED = audit(interrupted="the time was over")
EMPTY = audit(counts=((0,), (0,)), guesses=(-1,), everywhere=(0,), cells=("any output",), path=(), secure=False, theorem=None,
              searched=(), reproduce="", trials=500)  # fmt: skip
FOUR = audit(
    claim=Bound.pure(1, neighbours="record"),
    counts=tuple(tuple(170 if world == cell else 68 for cell in range(4)) for world in range(4)),
    guesses=(0, 1, 2, 3),
    everywhere=(0, 1, 2, 3),
    cells=("a", "b", "c", "d"),
    path=((700, 700, 320), (1496, 1496, 680)),
    trials=1996,
)
EVERY = (FOUND, QUIET, FEW, GAUSSIAN, APPROXIMATE, CONCENTRATED, ALARMING, STOPPED, EMPTY, FOUR)
NAMES = ("found", "quiet", "few", "gaussian", "approximate", "concentrated", "alarming", "stopped", "empty", "four")
each_audit = pytest.mark.parametrize("found", EVERY, ids=NAMES)


@cache
def html(found: Audit) -> str:
    """The page, drawn once."""
    return found.to_html()


def test_the_three_verdicts_have_their_own_sentences() -> None:
    assert [each.verdict for each in (FOUND, QUIET, FEW)] == list(Verdict)
    assert FOUND.sentence().startswith("Violation: the true epsilon is at least 1.8")
    assert QUIET.sentence().startswith("No violation found")
    assert FEW.sentence().startswith("Inconclusive")
    assert not [each for each in EVERY if re.search("private|passed", each.sentence())]


@each_audit
def test_replay_gives_the_same_audit(found: Audit) -> None:
    again = Audit.replay(found.to_json())
    assert again == found
    assert again.to_json() == found.to_json()
    assert again.verdict == found.verdict


@pytest.mark.parametrize(
    "change",
    [
        {"counts": [[430, 270, 50], [20, 230, 500]]},
        {"counts": [[430, 270, 550], [50, 230, 470]]},
        {"counts": [[430, 270, 50], [50, 230]]},
        {"guesses": [1, -1, 1]},
        {"everywhere": [1, 0, 1]},
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
    wanted = ("Verdict", "Claim", "Certified", "Pair", "Counts", "Rule", "Note", "Again", "never establish it", "survival.t1")
    assert [word for word in wanted if word not in text] == []
    assert "NOT SECURE" in audit(secure=False).summary()


# What stands on the page


class Page(HTMLParser):
    """A page as its tags: ids, headings, header cells, the text, and whether what is opened is closed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def headings(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.tags if re.fullmatch("h[1-6]", tag)]

    def having(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "svg" not in self.open:
            self.words.append(data)


@each_audit
def test_the_page_needs_nothing_from_elsewhere(found: Audit) -> None:
    text = html(found)
    assert not ADDRESS.search(text), ADDRESS.search(text)
    page = Page(text)
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)), "ids repeat"


@each_audit
def test_the_verdict_stands_first_and_says_neither_private_nor_passed(found: Audit) -> None:
    page = Page(html(found))
    verdict = str(found.verdict).capitalize()
    first = next(attributes["class"] for attributes in page.having("p") if "verdict" in (attributes.get("class") or ""))
    assert first == f"verdict {picture.mood(found)}"
    after_title = page.text.partition(f"Privacy audit {found.title}")[2].strip()
    assert after_title.startswith(verdict)
    assert " ".join(found.sentence().split())[len(verdict) :] in after_title[:600]
    assert "passed" not in page.text.lower()
    assert page.text.startswith(f"{verdict}: audit of")  # the title


@each_audit
def test_the_page_is_built_for_those_who_listen(found: Audit) -> None:
    page = Page(html(found))
    assert page.having("html") == [{"lang": "en"}]
    assert len(page.having("title")) == len(page.having("main")) == 1
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(page.headings))
    assert all(cell.get("scope") in {"row", "col"} for cell in page.having("th"))
    assert len(page.having("caption")) == len(page.having("table")) - 1  # all but the facts, which a heading names
    assert all(drawing.get("role") == "img" and len(drawing.get("aria-label") or "") > 30 for drawing in page.having("svg"))
    assert len(page.having("figcaption")) == len(page.having("figure"))


def test_the_page_says_everything_and_escapes_it() -> None:
    pytest.importorskip("matplotlib")
    text = html(FOUND)
    wanted = [
        "a &lt;b&gt;mechanism&lt;/b&gt;", "two data sets &amp; more", "99.9 %", "survival.t1", "audit.t1", "prefers-color-scheme",
        'name="viewport"', 'role="img"', ">certified</text>", "survival_audit()", "a note", "Look at the sum", "the sum below 3",
        "the sum from 5 &amp; up", "another &lt;pair&gt;", "<b>(chosen)</b>", "never establish it", "Seed 3", "1.5 s", "python 3",
        "Bonferroni", "Clopper-Pearson", "all 2 thresholds at once", "90.00&nbsp;%", "privlib audit replay",
    ]  # fmt: skip
    assert [each for each in wanted if each not in text] == []
    assert text.count("<svg") == 8
    assert text.count("(chosen)") == 1


def test_the_most_telling_cells_come_first_with_their_counts() -> None:
    text = Page(html(FOUND)).text
    assert "the sum from 5 & up 50 470 second the sum below 3 430 50 first the sum from 3 below 5 270 230 none" in text
    assert "c 3 170 374" in Page(html(FOUR)).text
    adaptive = Page(fragment(audit(anytime=True))).text
    assert "The rule was fixed before" in text
    assert "The rule was fixed before" not in adaptive


def test_a_drawing_says_what_it_found() -> None:
    pytest.importorskip("matplotlib")
    labels = [drawing["aria-label"] or "" for drawing in Page(html(FOUND)).having("svg") if drawing["class"] == "light"]
    bars, curve, thresholds, path = labels
    assert bars == "Bars: certified epsilon at least 1.878, above the claim 0.5."
    assert curve == "Trade-off curve: the whole band lies above what the claim allows at 2 of 2 thresholds."
    assert thresholds == "By threshold: the highest lower limit shows epsilon 1.662, where the claim is 0.5."
    assert path.endswith("1.878 from 1500; the claim is 0.5.")
    quiet = [drawing["aria-label"] or "" for drawing in Page(html(QUIET)).having("svg")]
    assert "not above the claim 0.5" in quiet[0]
    assert "at none of 2 thresholds" in quiet[2]


def test_every_drawing_is_small_and_holds_its_words_as_text() -> None:
    pytest.importorskip("matplotlib")
    many = 3000
    spread = np.random.default_rng(1).multinomial(500_000, np.full(many, 1 / many), size=2)
    crowded = audit(counts=tuple(tuple(row) for row in spread.tolist()), guesses=(0, 1) * (many // 2), trials=2_000_000,
                    everywhere=(0, 1) * (many // 2), cells=tuple(map(str, range(many))),
                    path=tuple((n, n, n // 2) for n in range(1000, 101_000, 1000)))  # fmt: skip
    for found in (*EVERY, crowded):
        for drawing in re.findall("<svg.*?</svg>", html(found), flags=re.DOTALL):
            assert len(drawing.encode()) <= 60_000
            assert "<text" in drawing
            assert "<style" not in drawing


def test_a_section_can_stand_in_another_page() -> None:
    section = fragment(FOUND)
    assert section.startswith('<section class="audit">')
    assert section.rstrip().endswith("</section>")
    assert "<html" not in section
    assert set(Page(section).headings) == {2, 3}
    assert Page(section).text in Page(html(FOUND)).text


def test_without_the_plot_extra_the_tables_stay_and_the_page_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = html(FOUND)

    def missing(module: str, *, name: str, purpose: str) -> None:
        raise MissingExtra(f"{purpose} needs {module}: pip install 'privlib[{name}]'")

    monkeypatch.setattr(picture, "extra", missing)
    text = FOUND.to_html()
    assert "<svg" not in text
    assert text.count("privlib[plot]") == 1
    assert text.count("<table") == whole.count("<table")


@pytest.mark.parametrize(
    ("found", "word"), [(ALARMING, "independent"), (STOPPED, "stopped"), (EMPTY, "no tested"), (FOUR, "chance")]
)
def test_what_cannot_be_drawn_is_left_out_with_a_reason(found: Audit, word: str) -> None:
    text = Page(html(found)).text
    reason = next(
        part
        for part in re.split(r"(?<=\.) ", text)
        if "no trade-off curve" in part or "no curves" in part or "A trade-off" in part
    )
    assert word in reason
    assert "all 2 thresholds" not in text


def test_an_audit_of_dependent_trials_states_no_bound() -> None:
    page = Page(html(ALARMING))
    assert "noise is repeated" in page.text
    assert "Certified nothing" in page.text
    assert page.having("svg") == []


# The numbers that are drawn


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


def chance_of(counts: tuple[int, ...], law: tuple[Fraction, ...]) -> Fraction:
    ways = math.factorial(sum(counts))
    for count in counts:
        ways //= math.factorial(count)
    return ways * math.prod(share**count for share, count in zip(law, counts, strict=True))


def covered(law: tuple[Fraction, ...], world: int, *, trials: int, confidence: float, one_threshold: bool) -> Fraction:
    """The exact chance that all limits of one world's rates are right at once."""
    truth = [float(sum(law[place:])) for place in range(len(law) - 1, 0, -1)]
    total = Fraction(0)
    for counts in compositions(trials, len(law)):
        other = (trials, *(0,) * (len(law) - 1))
        rows = (counts, other) if world == 0 else (other, counts)
        cells = len(law)
        found = trade_off(
            audit(counts=rows, guesses=(0,) * cells, everywhere=(0,) * cells, cells=("",) * cells, confidence=confidence)
        )
        assert found is not None
        low, high = (found.fpr_limits, found.tpr_limits)[world]
        if one_threshold:
            limits = curves._rates(np.cumsum(counts[::-1])[:-1], trials, 1 - confidence)
            low, high = limits[1]
        if all(a - 1e-12 <= rate <= b + 1e-12 for a, rate, b in zip(low[1:-1], truth, high[1:-1], strict=True)):
            total += chance_of(counts, law)
    return total


@pytest.mark.parametrize("law", [(1, 1, 1, 1), (1, 7, 1, 1), (1, 2, 3, 14)])
def test_the_band_holds_at_all_thresholds_of_both_worlds_at_once(law: tuple[int, ...]) -> None:
    shares = tuple(Fraction(part, sum(law)) for part in law)
    both = [covered(shares, world, trials=9, confidence=0.75, one_threshold=False) for world in (0, 1)]
    assert both[0] * both[1] >= Fraction(3, 4)
    alone = [covered(shares, world, trials=9, confidence=0.75, one_threshold=True) for world in (0, 1)]
    assert alone[0] * alone[1] < Fraction(3, 4), "the limits of one threshold alone would have been enough"


def test_the_band_holds_the_measured_curve_and_ends_where_it_must() -> None:
    found = trade_off(FOUND)
    assert found is not None
    assert found.thresholds == 2
    assert np.allclose(np.column_stack(FOUND.trade_off()), np.column_stack([found.fpr, found.tpr]))
    for rates, (low, high) in ((found.fpr, found.fpr_limits), (found.tpr, found.tpr_limits)):
        assert (low <= rates).all()
        assert (rates <= high).all()
        assert (np.diff(low) >= 0).all()
        assert (np.diff(high) >= 0).all()
        assert (low[0], high[0], low[-1], high[-1]) == (0, 0, 1, 1)


@pytest.mark.parametrize(
    "claim", [Bound.pure(1, neighbours=REPLACE), Bound.gdp(1, neighbours=REPLACE), Bound.approx(1, "1e-3", neighbours=REPLACE)]
)
def test_what_a_claim_allows_needs_exactly_that_claim(claim: Bound) -> None:
    rates = np.linspace(0.02, 0.98, 49)
    assert needed(claim, rates, allowed(claim, rates)) == pytest.approx(np.ones(49), abs=1e-9)
    assert (needed(claim, rates, rates) == 0).all()


def test_what_a_concentrated_claim_allows_lies_above_the_gaussian_that_keeps_it() -> None:
    rates = np.linspace(0, 1, 101)
    looser = allowed(Bound.zcdp("1/2", neighbours=REPLACE), rates)
    gaussian = allowed(Bound.gdp(1, neighbours=REPLACE), rates)
    assert (looser >= gaussian - 1e-12).all()
    assert (np.diff(looser) >= -1e-12).all()
    assert looser[10] < 0.8


def test_odds_count_like_their_logarithm() -> None:
    rates = np.linspace(0, 1, 11)
    three = allowed(Bound.pure(odds=3, neighbours=REPLACE), rates)
    assert three == pytest.approx(np.minimum(3 * rates, 1 - (1 - rates) / 3))


@pytest.mark.parametrize("found", [FOUND, QUIET, GAUSSIAN, APPROXIMATE, STOPPED, FOUR])
def test_the_bound_as_it_grew_ends_at_the_certified_one(found: Audit) -> None:
    assert along(found)[-1] == (found.tested, pytest.approx(found.certified, abs=1e-12))


@pytest.mark.parametrize("found", [ALARMING, EMPTY, CONCENTRATED])
def test_no_growth_is_shown_where_right_guesses_give_no_bound(found: Audit) -> None:
    assert along(found) == []


def test_the_share_of_right_guesses_stands_between_chance_and_claim() -> None:
    assert right_share(GAUSSIAN) is None
    assert right_share(EMPTY) is None
    shares = right_share(FOUR)
    assert shares is not None
    chance, limit, seen, surely = shares
    assert (chance, limit, seen) == (0.25, pytest.approx(math.e / (math.e + 3)), 680 / 1496)
    assert math.log(3 * surely / (1 - surely)) == pytest.approx(FOUR.certified)


def test_a_lower_bound_is_rounded_down() -> None:
    values = [0.0, -1.0, math.nan, 0.99999, 1.0, 11.5999, 0.000123456, 2.0, math.inf]
    assert list(map(least, values)) == ["0", "0", "0", "0.9999", "1", "11.59", "0.0001234", "2", "infinity"]
    assert all(float(least(value)) <= value for value in np.random.default_rng(0).exponential(3, 1000).tolist())


# What it looks like


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance as WCAG 2 defines it."""
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in colour]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))


@pytest.mark.parametrize("theme", list(PALETTE))
def test_every_pair_of_colours_has_contrast_enough(theme: str) -> None:
    colour = {name: rgb(value) for name, value in PALETTE[theme].items()}
    moods, surfaces = ("none", "violation", "inconclusive"), ("paper", "panel")
    words = [(ink, under) for ink in ("ink", "soft", *moods) for under in surfaces]
    words += [(ink, f"{mood}-tint") for mood in moods for ink in ("ink", mood)]
    for ink, under in words:
        assert contrast(colour[ink], colour[under]) >= 4.5, f"{theme}: {ink} on {under}"
    for line, under in [(line, under) for line in ("ink", "claim", *moods) for under in surfaces]:
        assert contrast(colour[line], colour[under]) >= 3, f"{theme}: {line} on {under}"
    for mood in moods:
        band = tuple(SHADE * a + (1 - SHADE) * b for a, b in zip(colour[mood], colour["paper"], strict=True))
        for line in ("ink", mood):
            assert contrast(colour[line], band) >= 3, f"{theme}: {line} on the band of {mood}"
    assert set(colour) == {"ink", "soft", "claim", "line", *surfaces, *moods, *(f"{mood}-tint" for mood in moods)}


def test_the_page_and_its_drawings_use_no_other_colours() -> None:
    pytest.importorskip("matplotlib")
    for found in (FOUND, QUIET, FEW, FOUR):
        text = html(found)
        for theme, palette in PALETTE.items():
            drawings = "".join(re.findall(f'<svg class="{theme}".*?</svg>', text, flags=re.DOTALL))
            assert set(re.findall("#[0-9a-f]{6}\\b", drawings)) <= set(palette.values())
            assert set(palette.values()) <= set(re.findall("#[0-9a-f]{6}\\b", STYLE))
        assert set(re.findall("#[0-9a-f]{6}\\b", STYLE)) == {value for palette in PALETTE.values() for value in palette.values()}


def test_the_same_audit_gives_the_same_page() -> None:
    assert html(FOUND) == Audit.replay(FOUND.to_json()).to_html()


def test_a_notebook_shows_the_section_with_its_style() -> None:
    shown = FOUND._repr_html_()
    assert shown.startswith("<style>")
    assert fragment(FOUND) in shown

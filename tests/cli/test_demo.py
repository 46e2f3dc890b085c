"""The demo: one page that loads nothing, the same facts as JSON, releases that verify, and nobody else's files."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import sys
from collections.abc import Callable
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from privlib import Ledger, verify
from privlib.audit import Audit, Verdict
from privlib.bounds import Bound
from privlib.certificate import open_sealed
from privlib.cli import demo as command
from privlib.cli import demo_page
from privlib.cli.demo import KIND, POPULATION, RELEASES, demo
from privlib.errors import LedgerError, MissingExtra
from privlib.survival import Curve
from privlib.survival.published import PublishedCurve

SMALL = {"trials": 4000, "published_trials": 2700}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "made" / "report"
    demo(folder, **SMALL)
    return folder


@pytest.fixture(scope="module")
def page(report: Path) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def facts(report: Path) -> dict[str, Any]:
    return open_sealed((report / "report.json").read_text(encoding="utf-8"), KIND)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo without its slow parts, for runs whose numbers nobody reads."""
    monkeypatch.setattr(command, "REPEATS", 1)
    monkeypatch.setattr(demo_page, "_svg", lambda *_: "")


class Elements(HTMLParser):
    """Opening tags with their attributes, and what stands open at the end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "link", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_folder_holds_the_page_the_facts_and_what_they_speak_of(report: Path) -> None:
    wanted = {"index.html", "report.json", "budget.db", "audit-noisy-table.json", "audit-published.json"}
    assert {file.name for file in report.iterdir()} == wanted | set(RELEASES.values())


def test_the_page_runs_no_script_and_loads_nothing(page: str) -> None:
    elements = Elements(page)
    assert not elements.open
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image"} & {tag for tag, _ in elements.seen}
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page
    for _, attributes in elements.seen:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert all((attributes.get(name) or "#").startswith("#") for name in ("href", "xlink:href"))
    assert all(target.startswith("#") for target in re.findall(r"url\(\s*['\"]?([^)]*)", page))


def test_the_page_is_in_order_for_those_who_hear_it(page: str) -> None:
    elements = Elements(page)
    levels = [int(tag[1]) for tag, _ in elements.seen if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.count("<table") == page.count("<caption")
    pictures = [attributes for tag, attributes in elements.seen if tag == "svg"]
    assert len(pictures) == page.count('role="img"><title>') > 10
    ids = [attributes["id"] for _, attributes in elements.seen if attributes.get("id")]
    assert len(ids) == len(set(ids))


def test_every_release_verifies_against_the_ledger_which_is_spent(report: Path, facts: dict[str, Any]) -> None:
    for file in RELEASES.values():
        verify(report / file, ledger=report / "budget.db")
    ledger = Ledger(report / "budget.db")
    assert len(ledger.charges()) == len(RELEASES) == facts["ledger"]["charges"]
    assert ledger.spent == Bound.pure(Fraction("32.5"), neighbours="replace")
    assert ledger.remaining == 0
    assert facts["ledger"]["spent"] == facts["ledger"]["limit"] == "32.5"


def test_the_facts_are_those_of_the_releases(report: Path, facts: dict[str, Any]) -> None:
    assert list(facts["curves"]) == ["0.5", "1", "2", "5"]
    for epsilon, found in facts["curves"].items():
        curve = Curve.from_json((report / found["file"]).read_text(encoding="utf-8"))
        assert curve.bound == Bound.pure(epsilon, neighbours="replace") == Bound.from_dict(found["bound"])
        assert curve.head == found["charge"]
        assert curve.spec.n == facts["data"]["people"] == 228
        assert float(found["median"]) == curve.median_survival_time_
        assert tuple(map(float, found["median_interval"])) == curve.percentile_interval(0.5)
        assert float(found["rmst"]) == curve.rmst(730).value
        assert [float(value) for value in found["at_risk"]] == list(curve.at_risk([float(time) for time in facts["times"]]))
    by_sex = Curve.from_json((report / facts["by_sex"]["file"]).read_text(encoding="utf-8"))
    for group in facts["by_sex"]["groups"]:
        assert float(group["private"]["median"]) == by_sex[group["label"]].median_survival_time_
    for found in facts["published"].values():
        recipe = PublishedCurve.from_json((report / found["file"]).read_text(encoding="utf-8"))
        assert [float(value) for value in found["survival"]] == recipe.survival.tolist()
        assert Fraction(found["whole_curve"]) == recipe.guarantee.whole_curve_epsilon
    assert facts["published"]["nominal"]["whole_curve"] == "20"
    assert facts["published"]["calibrated"]["whole_curve"] == "2"


def test_the_exact_values_are_those_of_lifelines(facts: dict[str, Any]) -> None:
    lifelines = pytest.importorskip("lifelines")
    lung = lifelines.datasets.load_lung()
    known = lifelines.KaplanMeierFitter().fit(lung["time"], lung["status"])
    exact = facts["exact"]
    times = [float(time) for time in facts["times"]]
    assert [float(value) for value in exact["survival"]] == pytest.approx(known.predict(times).to_list(), abs=1e-12)
    assert float(exact["median"]) == known.median_survival_time_ == 310
    assert [float(limit) for limit in exact["median_interval"]] == [284, 361]
    assert float(exact["rmst"]) == pytest.approx(lifelines.utils.restricted_mean_survival_time(known, t=730), abs=1e-8)
    assert [float(value) for value in exact["at_risk"]] == [int((lung["time"] > time).sum()) for time in times]


def test_the_errors_are_small_where_they_must_be(facts: dict[str, Any]) -> None:
    curves, recipes = facts["curves"], facts["published"]
    usual = [float(found["error_usual"]) for found in curves.values()]
    assert usual == sorted(usual, reverse=True)
    for found in curves.values():
        assert float(found["error_predicted"]) / 2 < float(found["error_usual"]) < 2 * float(found["error_predicted"])
        assert 0 < float(found["error_seen"]) < 1
    assert float(recipes["calibrated"]["error_usual"]) > 5 * float(curves["2"]["error_usual"])


def test_the_audits_replay_and_say_what_the_page_says(report: Path, page: str, facts: dict[str, Any]) -> None:
    for found in facts["audits"].values():
        audit = Audit.replay((report / found["file"]).read_text(encoding="utf-8"))
        assert float(found["certified"]) == pytest.approx(audit.certified)
        assert audit.secure
        assert audit.sentence() in page
        assert str(audit.trials) == str(found["trials"])
    table = facts["audits"]["table"]
    assert (table["claim"], table["verdict"]) == ("1", Verdict.NO_VIOLATION_FOUND)


@pytest.mark.parametrize(
    "words",
    [
        "ε&nbsp;=&nbsp;20",
        "What this page itself breaks",
        "2412.05164",
        "Only the paper's abstract was available",
        "replace: one person&#39;s record replaced by any other; the number of people is public",
        "one person, one row",
        "survival.t1",
        "survival.t2",
        "n = 228 by the study's publication",
        "An audit can refute a claim, never establish it",
        "privlib verify release-eps-1.json --ledger budget.db",
        "Noise is fresh in every run",
        "make audit",
        "prefers-color-scheme: dark",
    ],
)
def test_the_page_says(words: str, page: str) -> None:
    assert words in page


def test_without_matplotlib_the_page_has_its_tables_and_says_what_is_missing(
    report: Path, facts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(module: str, *, name: str, purpose: str) -> None:
        raise MissingExtra(f"{purpose} needs {module}: pip install 'privlib[{name}]'")

    monkeypatch.setattr(demo_page, "extra", missing)
    monkeypatch.setattr("privlib.survival.plot.extra", missing)
    cohort = command._Cohort.load()
    texts = {name: (report / file).read_text(encoding="utf-8") for name, file in RELEASES.items()}
    curves = {name: Curve.from_json(text) for name, text in texts.items() if name not in ("nominal", "calibrated")}
    recipes = {name: PublishedCurve.from_json(texts[name]) for name in ("nominal", "calibrated")}
    ledger = Ledger(report / "budget.db")
    audits = {name: Audit.replay((report / file).read_text(encoding="utf-8")) for name, file in command.AUDITS.items()}
    monkeypatch.setattr(command, "REPEATS", 1)
    found = command._facts(cohort, curves, recipes, audits, ledger)
    page = demo_page.page(found, cohort.exact, cohort.exact_by_sex, curves, recipes)
    assert "<svg" not in page
    assert "There are no pictures on this page: a picture needs matplotlib: pip install &#39;privlib[plot]&#39;" in page
    assert page.count("<table") >= 6


@pytest.mark.usefixtures("quick")
def test_another_run_replaces_its_own_files_and_leaves_the_others(report: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    shutil.copytree(report, out)
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    before = (out / "release-eps-1.json").read_text(encoding="utf-8")
    demo(out, trials=1000, published_trials=1200)
    after = (out / "release-eps-1.json").read_text(encoding="utf-8")
    assert json.loads(before)["ledger"]["digest"] != json.loads(after)["ledger"]["digest"]
    verify(out / "release-eps-1.json", ledger=out / "budget.db")
    assert (out / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert {file.name for file in out.iterdir()} == {file.name for file in report.iterdir()} | {"mine.txt"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path, privlib: Callable[..., Result]) -> None:
    (tmp_path / "report").write_text("a file", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match="not a folder"):
        demo(tmp_path / "report")
    said = privlib("demo", "--out", tmp_path / "report")
    assert (said.exit_code, said.stderr) == (3, f"privlib: not a folder: {tmp_path / 'report'}\n")
    assert (tmp_path / "report").read_text(encoding="utf-8") == "a file"


def test_the_ledger_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    theirs = Ledger(tmp_path / "budget.db", limit=1, population="patients")
    with pytest.raises(LedgerError, match="somebody else"):
        demo(tmp_path)
    assert Ledger(tmp_path / "budget.db").limit == theirs.limit
    assert [file.name for file in tmp_path.iterdir()] == ["budget.db"]
    assert theirs.population != POPULATION


def test_without_lifelines_one_sentence_says_so_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lifelines.datasets", None)
    with pytest.raises(MissingExtra, match=r"the demo's data set needs lifelines: pip install 'privlib\[survival\]'"):
        demo(tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_failure_on_the_way_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int) -> None:
        raise RuntimeError

    monkeypatch.setattr(command, "_audit_table", broken)
    with pytest.raises(RuntimeError):
        demo(tmp_path)
    assert not list(tmp_path.iterdir())

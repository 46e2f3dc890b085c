"""``privlib ldp``: plan, randomise, aggregate and estimate, through files and through pipes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from privlib.ldp import Counts, Domain, Reports, Spec
from tests.cli.conftest import Call

DOMAIN = {"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"], "children": [0, 1, 2]}
PROGRAM = [sys.executable, "-m", "privlib"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "domain.json").write_text(json.dumps(DOMAIN))
    rows = ["smokes,region,children", *(f"{'yes' if i % 5 == 0 else 'no'},{'NESW'[i % 4]},{i % 3}" for i in range(3000))]
    (tmp_path / "people.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture
def plan(privlib: Call, folder: Path) -> Spec:
    made = privlib("ldp", "plan", "domain.json", "--level", "record", "--epsilon", "1", "--n", "3000", "--out", "plan.json")
    assert made.exit_code == 0, made.output
    return Spec.from_json((folder / "plan.json").read_text())


def test_a_plan_tells_its_guarantee_and_its_errors(privlib: Call, folder: Path) -> None:
    shown = privlib("ldp", "plan", "domain.json", "--level", "record", "--epsilon", "1", "--n", "3000")
    assert shown.exit_code == 0
    assert "between any two records" in shown.stdout
    assert "standard error" in shown.stdout
    written = privlib("ldp", "plan", "domain.json", "--level", "attribute", "--odds", "3", "--protocol", "rsfd-oue-z", "--json")
    spec = Spec.from_json(written.stdout)
    assert (spec.guarantee().attribute, spec.guarantee().record) == (3, 7)


def test_protocols_are_compared_at_both_levels(privlib: Call, folder: Path) -> None:
    shown = privlib("ldp", "plan", "domain.json", "--record-epsilon", "2", "--attribute-epsilon", "1", "--compare", "--json")
    rows = json.loads(shown.stdout)
    assert {"smp-grr", "rsfd-oue-z", "spl-ss"} <= {row["protocol"] for row in rows}
    assert all(row["record_epsilon"] <= 2 and row["attribute_epsilon"] <= 1 for row in rows)


def test_reports_go_through_files_of_either_kind_and_counts_add(privlib: Call, folder: Path, plan: Spec) -> None:
    for name in ("a.parquet", "b.reports"):
        made = privlib("ldp", "randomise", "people.csv", "--plan", "plan.json", "--out", name)
        assert made.exit_code == 0, made.output
    first = privlib("ldp", "aggregate", "a.parquet", "--plan", "plan.json", "--out", "first.json")
    assert first.exit_code == 0, first.output
    both = privlib("ldp", "aggregate", "first.json", "b.reports", "--plan", "plan.json", "--out", "both.json")
    assert both.exit_code == 0, both.output
    counts = Counts.from_json((folder / "both.json").read_text())
    own = plan.count(Reports.from_bytes(plan, (folder / "b.reports").read_bytes()))
    assert counts.reports == 6000
    assert counts == Counts.from_json((folder / "first.json").read_text()) + own
    shown = privlib("ldp", "estimate", "both.json", "--plot", "shares.svg")
    assert shown.exit_code == 0, shown.output
    assert "region" in shown.stdout
    assert "<svg" in (folder / "shares.svg").read_text()


def test_the_three_commands_make_a_pipe(folder: Path, plan: Spec) -> None:
    steps = (
        ["randomise", "people.csv", "--plan", "plan.json"],
        ["aggregate", "--plan", "plan.json"],
        ["estimate", "--json"],
    )
    data = b""
    for step in steps:
        finished = subprocess.run([*PROGRAM, "ldp", *step], input=data, capture_output=True, check=False)
        assert finished.returncode == 0, finished.stderr
        data = finished.stdout
    rows = json.loads(data)
    assert [row["value"] for row in rows if row["attribute"] == "children"] == [0, 1, 2]
    assert sum(row["frequency"] for row in rows if row["attribute"] == "region") == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "domain.json", "--epsilon", "1"], "level"),
        (["plan", "domain.json", "--level", "record"], "epsilon"),
        (["plan", "domain.json", "--level", "record", "--epsilon", "0"], "epsilon must be > 0"),
        (["plan", "domain.json", "--level", "record", "--epsilon", "1", "--protocol", "magic"], "protocol must be"),
        (["plan", "domain.json", "--level", "record", "--epsilon", "1", "--attribute-epsilon", "1"], "attribute-epsilon"),
        (["plan", "domain.json", "--level", "record", "--epsilon", "1", "--compare", "--out", "p"], "--compare shows all"),
        (["plan", "people.csv", "--level", "record", "--epsilon", "1"], "not JSON"),
        (["aggregate", "people.csv", "--plan", "plan.json"], "no batch of local reports"),
        (["randomise", "people.csv", "--plan", "domain.json", "--out", "r"], "privlib"),
        (["estimate", "domain.json"], "privlib"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_gets_a_sentence(privlib: Call, plan: Spec, arguments: list[str], told: str) -> None:
    refused = privlib("ldp", *arguments)
    assert refused.exit_code in (1, 2)
    assert told in refused.stderr


def test_values_outside_the_labels_are_refused_without_being_quoted(privlib: Call, folder: Path, plan: Spec) -> None:
    (folder / "odd.csv").write_text("smokes,region,children\nno,Atlantis,1\n")
    refused = privlib("ldp", "randomise", "odd.csv", "--plan", "plan.json", "--out", "r")
    assert refused.exit_code == 2
    assert "region has a value that is not among its labels" in refused.stderr
    assert "Atlantis" not in refused.stderr
    assert not (folder / "r").exists()


def test_undeclared_values_are_counted_where_the_domain_says_so(privlib: Call, folder: Path) -> None:
    (folder / "domain.json").write_text(json.dumps({"attributes": DOMAIN, "other": ["region"]}))
    (folder / "odd.csv").write_text("smokes,region,children\nno,Atlantis,1\n")
    privlib("ldp", "plan", "domain.json", "--level", "record", "--epsilon", "1", "--out", "plan.json")
    made = privlib("ldp", "randomise", "odd.csv", "--plan", "plan.json", "--out", "r")
    assert made.exit_code == 0, made.output
    assert Spec.from_json((folder / "plan.json").read_text()).domain == Domain(DOMAIN, other=["region"])


def test_reports_of_another_plan_are_not_counted(privlib: Call, folder: Path, plan: Spec) -> None:
    privlib("ldp", "randomise", "people.csv", "--plan", "plan.json", "--out", "r")
    privlib("ldp", "plan", "domain.json", "--level", "record", "--epsilon", "2", "--out", "other.json")
    refused = privlib("ldp", "aggregate", "r", "--plan", "other.json", "--out", "c.json")
    assert refused.exit_code == 3
    assert "another plan" in refused.stderr


def test_a_file_that_is_cut_short_is_refused(privlib: Call, folder: Path) -> None:
    privlib("ldp", "plan", "domain.json", "--level", "record", "--epsilon", "1", "--protocol", "spl-oue", "--out", "plan.json")
    privlib("ldp", "randomise", "people.csv", "--plan", "plan.json", "--out", "r")
    whole = (folder / "r").read_bytes()
    (folder / "r").write_bytes(whole[:-1])
    refused = privlib("ldp", "aggregate", "r", "--plan", "plan.json", "--out", "c.json")
    assert refused.exit_code == 2
    assert "cut short" in refused.stderr

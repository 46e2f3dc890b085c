"""``privlib survival release``: what it writes, and what it refuses before it charges."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import Result

from privlib import Ledger, verify
from privlib.survival import Curve

Call = Callable[..., Result]
PLAN = ("--duration", "days", "--event", "died", "--horizon", "365", "--neighbours", "add_remove", "--expected-n", "150")
MAIN = "from privlib.cli import main; main(prog_name='privlib')"


def release(data: Path, *more: object, epsilon: object = "0.5") -> tuple[object, ...]:
    return ("survival", "release", data, *PLAN, "--epsilon", epsilon, *more)


def leftovers(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.name.startswith(".privlib-")]


def test_a_release_is_charged_written_and_verifies(privlib: Call, csv: Path, tmp_path: Path) -> None:
    out, budget = tmp_path / "release.json", tmp_path / "budget.db"
    result = privlib(*release(csv, "--ledger", budget, "--limit", 1, "--out", out))
    assert result.exit_code == 0, result.stderr
    assert "epsilon = 0.5 (pure), neighbours: add_remove, for the whole curve" in result.stdout
    assert "Median" in result.stdout
    assert result.stderr == ""
    verify(out, ledger=budget)
    assert Ledger(budget).remaining == Ledger(budget).limit / 2
    assert leftovers(tmp_path) == []


def test_json_on_stdout_is_the_release_and_nothing_else(privlib: Call, csv: Path) -> None:
    result = privlib(*release(csv, "--json"))
    verify(result.stdout)
    assert result.stderr == ""


def test_groups_are_released_from_parquet_and_drawn(privlib: Call, parquet: Path, tmp_path: Path) -> None:
    out, plot = tmp_path / "release.json", tmp_path / "km.svg"
    options = ("--group", "arm", "--groups", "control, low,high", "--id", "person", "--out", out, "--plot", plot)
    result = privlib(*release(parquet, *options))
    assert result.exit_code == 0, result.stderr
    assert Curve.from_json(out.read_text()).groups == ("control", "low", "high")
    assert ElementTree.fromstring(plot.read_text()).tag.endswith("svg")  # noqa: S314  # our own


def test_a_picture_alone_will_do_where_nothing_is_paid_for(privlib: Call, csv: Path, tmp_path: Path) -> None:
    plot = tmp_path / "km.png"
    result = privlib(*release(csv, "--plot", plot))
    assert result.exit_code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_what_a_ledger_pays_for_must_be_kept(privlib: Call, csv: Path, tmp_path: Path) -> None:
    ledger, plot = tmp_path / "budget.db", tmp_path / "km.png"
    result = privlib(*release(csv, "--ledger", ledger, "--limit", "1", "--plot", plot))
    assert result.exit_code == 2
    assert "--out FILE or --json" in result.stderr
    assert not ledger.exists()
    assert not plot.exists()


def test_replace_takes_n_and_other_event_codes(privlib: Call, tmp_path: Path) -> None:
    data = tmp_path / "coded.csv"
    data.write_text("days,status\n5,1\n9,2\n30,2\n")
    plan = ("--duration", "days", "--event", "status", "--event-codes", "1,2", "--horizon", "40", "--epsilon", "2")
    result = privlib("survival", "release", data, *plan, "--neighbours", "replace", "--n", "3", "--json")
    assert json.loads(result.stdout)["bound"] == {"epsilon": "2", "kind": "pure", "neighbours": "replace"}


ARMS = ["1,2", "true,false", "2020-01-01,2020-01-02", "NA,null", "nan,1.5"]


@pytest.mark.parametrize("arms", ARMS)
def test_labels_are_text_whoever_is_there(privlib: Call, tmp_path: Path, arms: str) -> None:
    first, second = arms.split(",")
    data = tmp_path / "arms.csv"
    for people in ("", f"5,1,{first}\n", f"5,1,{first}\n9,0,{second}\n", f"5,1,{first}\n9,0,unknown\n"):
        data.write_text("days,died,arm\n" + people)
        result = privlib(*release(data, "--group", "arm", "--groups", f"{arms},unknown", "--json"))
        assert result.exit_code == 0, result.stderr
        assert Curve.from_json(result.stdout.strip()).groups == (first, second, "unknown")


def test_whole_numbers_of_parquet_are_labels_too(privlib: Call, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"days": [5, 9], "died": [1, 0], "arm": [1, 2]}), tmp_path / "arms.parquet")
    result = privlib(*release(tmp_path / "arms.parquet", "--group", "arm", "--groups", "1,2", "--id", "arm", "--json"))
    assert Curve.from_json(result.stdout.strip()).groups == ("1", "2")


@pytest.mark.parametrize("ids", [["9007199254740992", "9007199254740993"], ["007", "7"], ["1", "1.0"], ["NA", "null"]])
def test_persons_are_told_apart_whoever_is_there(privlib: Call, tmp_path: Path, ids: list[str]) -> None:
    data = tmp_path / "people.csv"
    for others in ([], ["98765432109876543210"], ["x"], ["2020-01-01", "1.5"]):
        data.write_text("days,died,who\n" + "".join(f"5,1,{who}\n" for who in [*ids, *others]))
        assert privlib(*release(data, "--id", "who", "--json")).exit_code == 0
    data.write_text("days,died,who\n" + "".join(f"5,1,{who}\n" for who in [*ids, ids[0]]))
    assert "id repeats" in privlib(*release(data, "--id", "who", "--json")).stderr


def test_a_malformed_file_is_refused_without_a_word_of_its_content(privlib: Call, tmp_path: Path) -> None:
    data = tmp_path / "people.csv"
    data.write_text("days,died\n5,1\n987654321,0,987654321\n7,1\n")
    result = privlib(*release(data))
    assert result.exit_code == 2
    assert "'days', 'died'" in result.stderr
    assert "4 lines" in result.stderr
    assert "987654321" not in result.output
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("row", ["987654321,987654321", "-987654321,1", ",1", "987654321x,1"])
def test_a_bad_value_is_refused_without_being_quoted(privlib: Call, tmp_path: Path, row: str) -> None:
    data = tmp_path / "people.csv"
    data.write_text(f"days,died\n5,1\n{row}\n")
    result = privlib(*release(data, "--ledger", tmp_path / "budget.db", "--limit", 1))
    assert result.exit_code == 2
    assert "987654321" not in result.output
    assert not (tmp_path / "budget.db").exists()


def test_a_wrong_column_is_named(privlib: Call, csv: Path) -> None:
    result = privlib("survival", "release", csv, "--duration", "weeks", *PLAN[2:], "--epsilon", 1)
    assert result.exit_code == 2
    assert "'weeks'" in result.stderr


@pytest.mark.parametrize(
    ("options", "cure"),
    [
        (("--neighbours", "add_remove"), "expected_n"),
        (("--neighbours", "replace"), "give n"),
        (("--neighbours", "add_remove", "--expected-n", "9", "--n", "9"), "expected_n"),
        (("--neighbours", "add_remove", "--expected-n", "9", "--epsilon", "nan"), "epsilon"),
        (("--neighbours", "add_remove", "--expected-n", "9", "--groups", "a,b"), "--group"),
        (("--neighbours", "add_remove", "--expected-n", "9", "--event-codes", "1"), "--event-codes"),
        (("--neighbours", "add_remove", "--expected-n", "9", "--limit", "1"), "--ledger"),
        (("--neighbours", "add_remove", "--expected-n", "9", "--plot", "km.pdf"), ".svg"),
    ],
)
def test_a_wrong_plan_is_refused_before_the_data_are_opened(privlib: Call, options: tuple[str, ...], cure: str) -> None:
    base = ("--duration", "days", "--event", "died", "--horizon", "365", "--epsilon", "1")
    result = privlib("survival", "release", "/nowhere/people.csv", *base, *options)
    assert result.exit_code == 2
    assert cure in result.stderr
    assert "nowhere" not in result.stderr


def test_an_exhausted_budget_leaves_no_file(privlib: Call, csv: Path, tmp_path: Path) -> None:
    out, budget = tmp_path / "release.json", tmp_path / "budget.db"
    assert privlib(*release(csv, "--ledger", budget, "--limit", 1, "--json", epsilon=1)).exit_code == 0
    result = privlib(*release(csv, "--ledger", budget, "--out", out, epsilon="1/1000"))
    assert result.exit_code == 3
    assert "0 remains: nothing charged" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("kind", ["in no folder", "a folder", "a device", "the data", "the ledger", "twice"])
def test_an_output_that_cannot_be_written_is_refused_before_the_charge(
    privlib: Call, csv: Path, tmp_path: Path, kind: str
) -> None:
    budget = tmp_path / "budget.db"
    Ledger(budget, limit=1)
    before = budget.read_bytes(), csv.read_bytes()
    out = {
        "in no folder": tmp_path / "absent" / "release.json",
        "a folder": tmp_path,
        "a device": Path("/dev/full"),
        "the data": csv,
        "the ledger": budget,
        "twice": tmp_path / "km.svg",
    }[kind]
    result = privlib(*release(csv, "--ledger", budget, "--out", out, "--plot", tmp_path / "km.svg"))
    assert result.exit_code in {2, 3}
    assert str(out) in result.stderr
    assert (budget.read_bytes(), csv.read_bytes()) == before
    assert leftovers(tmp_path) == []


def test_a_locked_ledger_is_refused(privlib: Call, csv: Path, tmp_path: Path) -> None:
    out, budget = tmp_path / "release.json", tmp_path / "budget.db"
    Ledger(budget, limit=1)
    other = sqlite3.connect(budget, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    result = privlib(*release(csv, "--ledger", budget, "--out", out, "--wait", "0.05"))
    other.close()
    assert result.exit_code == 3
    assert "in use" in result.stderr
    assert not out.exists()


def test_a_full_disk_leaves_no_part_of_a_file_and_stdout_has_the_release(csv: Path, tmp_path: Path) -> None:
    out, budget = tmp_path / "release.json", tmp_path / "budget.db"
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); {MAIN}"
    many = ("--horizon", 30_000, "--n-bins", 30_000, "--ledger", budget, "--limit", 1, "--out", out, "--json")
    arguments = map(str, release(csv, *many))
    result = subprocess.run([sys.executable, "-B", "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 3
    assert "the budget stays charged" in result.stderr
    assert not out.exists()
    assert leftovers(tmp_path) == []
    verify(result.stdout, ledger=budget)


def test_a_picture_that_fails_does_not_keep_the_release_back(
    privlib: Call, csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no fonts")

    monkeypatch.setattr("privlib.cli.survival._drawn", fail)
    budget, out = tmp_path / "budget.db", tmp_path / "release.json"
    outputs = ("--out", out, "--plot", tmp_path / "km.png", "--json")
    result = privlib(*release(csv, "--ledger", budget, "--limit", 1, *outputs))
    assert result.exit_code == 3
    assert "the budget stays charged" in result.stderr
    verify(result.stdout, ledger=budget)
    verify(out, ledger=budget)


def test_ctrl_c_after_the_charge_says_that_the_budget_stays_charged(csv: Path, tmp_path: Path) -> None:
    out, budget = tmp_path / "release.json", tmp_path / "budget.db"
    code = (
        "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import privlib.cli.survival as room\n"
        "room.write = lambda *_: (print('writing', flush=True), time.sleep(60))\n"
        f"{MAIN}"
    )
    arguments = map(str, release(csv, "--ledger", budget, "--limit", 1, "--out", out))
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "writing\n"
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=30)
    assert program.returncode == 130
    assert "interrupted" in said
    assert "the budget stays charged" in said
    assert "Traceback" not in said
    assert len(Ledger(budget).charges()) == 1

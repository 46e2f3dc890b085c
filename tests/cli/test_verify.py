"""``privlib verify`` and ``privlib ledger``: what passes, what is found, what cannot be known."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from privlib import Ledger, verify
from privlib import oneshot as privlib_oneshot
from privlib.certificate import open_sealed, seal
from privlib.errors import InvalidInput, LedgerError, TamperedRelease
from privlib.noise.testing import fixed_key
from privlib.survival import Curve, Spec

Call = Callable[..., Result]
SPEC = Spec(horizon=30, epsilon="1/4", neighbours="add_remove", expected_n=20)


def curve(ledger: Ledger | None = None) -> Curve:
    return SPEC.count([5, 8, 12, 31], [1, 0, 1, 0]).release(ledger=ledger)


@pytest.fixture
def budget(tmp_path: Path) -> Path:
    Ledger(tmp_path / "budget.db", limit=1)
    return tmp_path / "budget.db"


@pytest.fixture
def release(tmp_path: Path, budget: Path) -> Path:
    file = tmp_path / "release.json"
    file.write_text(curve(Ledger(budget)).to_json())
    return file


def test_a_release_verifies_with_and_without_its_ledger(privlib: Call, release: Path, budget: Path) -> None:
    alone, charged = privlib("verify", release), privlib("verify", release, "--ledger", budget)
    assert (alone.exit_code, charged.exit_code) == (0, 0)
    assert "not checked" in alone.stdout
    assert "in the ledger" in charged.stdout
    assert "not a signature" in charged.stdout


def test_json_says_what_was_verified(privlib: Call, release: Path, budget: Path) -> None:
    found = json.loads(privlib("verify", release, "--ledger", budget, "--json").stdout)
    assert found["verified"] is found["ledger_checked"] is True
    assert found["bound"] == SPEC.bound.to_dict()


def altered(text: str, change: str) -> str:
    record = open_sealed(text)
    match change:
        case "cut short":
            return text[:-20]
        case "edited":
            return text.replace('"epsilon":"1/4"', '"epsilon":"1/8"')
        case "another bound, sealed again":
            record["bound"]["epsilon"] = "1/8"
        case "more fields, sealed again":
            record["note"] = "checked by the board"
        case "another kind":
            record["kind"] = "survival.rumour"
        case "another version of privlib":
            return text.replace('"privlib":"', '"privlib":"9')
        case "test mode":
            with fixed_key(bytes(32)):
                return curve().to_json()
    return seal(record.pop("kind"), record)


@pytest.mark.parametrize(
    "change",
    [
        "cut short",
        "edited",
        "another bound, sealed again",
        "more fields, sealed again",
        "another kind",
        "another version of privlib",
        "test mode",
    ],
)
def test_what_was_altered_is_found(privlib: Call, release: Path, change: str) -> None:
    release.write_text(altered(release.read_text(), change))
    result = privlib("verify", release, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "file": str(release),
        "verified": False,
        "reason": result.stderr.removeprefix("privlib: ").strip(),
    }


def test_a_release_made_in_test_mode_is_called_that() -> None:
    with fixed_key(bytes(32)):
        text = curve().to_json()
    with pytest.raises(TamperedRelease, match="test mode"):
        verify(text)


def test_what_is_no_text_is_no_release(privlib: Call, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    assert privlib("verify", tmp_path / "noise").exit_code == 1
    assert privlib("verify", tmp_path / "absent").exit_code == 3


def test_an_older_copy_of_the_ledger_is_found(privlib: Call, release: Path, budget: Path, tmp_path: Path) -> None:
    shutil.copy(budget, tmp_path / "copy.db")
    release.write_text(curve(Ledger(budget)).to_json())
    shutil.copy(tmp_path / "copy.db", budget)
    result = privlib("verify", release, "--ledger", budget)
    assert result.exit_code == 1
    assert "older copy" in result.stderr


def test_a_release_without_a_charge_is_not_vouched_for(privlib: Call, release: Path, budget: Path) -> None:
    release.write_text(curve().to_json())
    result = privlib("verify", release, "--ledger", budget)
    assert result.exit_code == 1
    assert "without a ledger" in result.stderr


def test_a_charge_of_another_plan_does_not_vouch(budget: Path) -> None:
    other = Spec(horizon=60, epsilon="1/4", neighbours="add_remove", expected_n=20)
    ledger = Ledger(budget)
    record = open_sealed(curve().to_json())
    record["ledger"] = other.count([5], [1]).release(ledger=ledger).head
    with pytest.raises(TamperedRelease, match="another plan"):
        verify(seal(record.pop("kind"), record), ledger=ledger)


@pytest.mark.parametrize("command", [("verify", "{release}", "--ledger"), ("ledger", "verify"), ("ledger", "show")])
def test_a_ledger_that_is_not_there_is_not_made(privlib: Call, release: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    result = privlib(*(word.format(release=release) for word in command), tmp_path / "absent.db")
    assert result.exit_code == 3
    assert not (tmp_path / "absent.db").exists()


def test_a_locked_ledger_is_not_called_wrong(release: Path, budget: Path) -> None:
    ledger = Ledger(budget, wait=0.05)
    other = sqlite3.connect(budget, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match="in use"):
        verify(release, ledger=ledger)
    other.close()


def test_the_ledger_shows_every_charge(privlib: Call, release: Path, budget: Path) -> None:
    shown = privlib("ledger", "show", budget)
    assert shown.exit_code == 0
    assert "spent        epsilon = 0.25 (pure), neighbours: add_remove" in shown.stdout
    assert "survival curve" in shown.stdout
    assert "\x1b" not in shown.stdout
    record = json.loads(privlib("ledger", "show", budget, "--json").stdout)
    assert (record["limit"], record["remaining"]) == ("1", "3/4")
    head = json.loads(release.read_text())["ledger"]
    assert [charge["digest"] for charge in record["charges"]] == [head["digest"]]


def test_an_edited_ledger_does_not_verify(privlib: Call, release: Path, budget: Path) -> None:
    assert privlib("ledger", "verify", budget).stdout.endswith("1 charge, an unbroken chain\n")
    with sqlite3.connect(budget) as connection:
        kept = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_keeps_rows'").fetchone()[0]
        connection.execute("DROP TRIGGER journal_keeps_rows")
        connection.execute("UPDATE journal SET record = replace(record, '1/4', '1/8') WHERE seq = 2")
        connection.execute(kept)
    connection.close()
    assert privlib("ledger", "verify", budget).exit_code == 1
    assert json.loads(privlib("ledger", "verify", budget, "--json").stdout)["verified"] is False
    assert privlib("verify", release, "--ledger", budget).exit_code == 1


@pytest.mark.parametrize(
    ("kind", "words"), [("audit", "is an audit, not a release"), ("demo.report", "is a report of the demo, not")]
)
def test_other_files_of_privlib_are_called_what_they_are(kind: str, words: str) -> None:
    with pytest.raises(TamperedRelease, match=words):
        verify(seal(kind, {"x": 1}))
    with pytest.raises(TamperedRelease, match="install the one that wrote it"):
        verify(seal("survival.rumour", {"x": 1}))


def test_a_name_that_leads_nowhere_is_no_release(tmp_path: Path) -> None:
    for name in (str(tmp_path / "absent.json"), "not json", "", "[1]", "a\0b", "x" * 10_000):
        with pytest.raises(InvalidInput, match="there is no file") as caught:
            verify(name)
        assert len(str(caught.value)) < 200
    with pytest.raises(InvalidInput, match="not bytes"):
        verify(b"{}")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "absent.json")


JUNK = [None, True, 1, -1, "", "x", [], ["x"], [[]], {}, {"a": 1}]


@pytest.mark.parametrize("kind", ["survival.curve", "survival.published"])
@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_a_file_of_wrong_types_is_a_tampered_release_and_nothing_else(kind: str, junk: object) -> None:
    record = open_sealed(curve().to_json())
    del record["kind"]
    for name in (*record, "plan"):
        if name in {"format", "privlib"} or (record.get(name, ...) == junk and type(record.get(name)) is type(junk)):
            continue
        with pytest.raises(TamperedRelease):
            verify(seal(kind, {**record, name: junk}))
    for name in record["spec"]:
        if record["spec"][name] != junk and (name, junk) != ("people", 1):  # one person is a plan too
            with pytest.raises(TamperedRelease):
                verify(seal(kind, {**record, "spec": {**record["spec"], name: junk}}))


def test_a_charge_says_nothing_about_the_numbers(budget: Path) -> None:
    ledger = Ledger(budget)
    record = open_sealed(curve(ledger).to_json())
    record["noisy"][0] += 1
    verify(seal(record.pop("kind"), record), ledger=ledger)
    assert "does not know the released numbers" in str(verify.__doc__)


def test_a_one_shot_answer_verifies_with_its_ledger(privlib: Call, tmp_path: Path, budget: Path) -> None:
    plan = privlib_oneshot.Spec(lower=0, upper=120, step="0.01", sensitivity="0.5", epsilon="1/4", neighbours="replace")
    file = tmp_path / "answer.json"
    file.write_text(plan.round(47.31).release(ledger=Ledger(budget)).to_json())
    assert privlib("verify", file, "--ledger", budget).exit_code == 0
    file.write_text(file.read_text().replace('"1/4"', '"1/5"').replace('"0.25"', '"0.2"'))
    assert privlib("verify", file).exit_code == 1

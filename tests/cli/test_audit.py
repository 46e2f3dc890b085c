"""``privlib audit``: targets of every kind, every exit code, and whatever a user may do wrong."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import Result

from privlib.audit import Audit, MechanismFailed
from privlib.certificate import open_sealed, seal

Call = Callable[..., Result]
SURE = ("--confidence", 1 - 1e-9)
"""Audits of what keeps its claim raise a false alarm once in 10**9 runs."""

MECHANISMS = """
import itertools, os, secrets, signal, sys, time

import numpy as np

CALLS = [0]

def honest(rows):  # the truth with probability 3/4: epsilon is log 3 = 1.0986
    return len(rows) % 2 if secrets.randbelow(4) else 1 - len(rows) % 2

def honest_batch(rows, n):
    return np.array([honest(rows) for _ in range(n)])

def lies(rows):
    return len(rows) % 2 if secrets.randbelow(100) else 1 - len(rows) % 2

def late(rows, what, when=2500):
    CALLS[0] += 1
    if CALLS[0] >= when:
        what()
    return honest(rows)

def forever():
    while True:
        pass

def stubborn():
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

def sleeps():
    time.sleep(10_000)

def fork_twice():
    if CALLS[0] in (10, 20):
        os.fork()

hangs = lambda rows: forever()
hangs_late = lambda rows: late(rows, forever)
hangs_asleep = lambda rows: late(rows, sleeps)
swallows = lambda rows: stubborn()
interrupted_late = lambda rows: late(rows, lambda: os.kill(os.getpid(), signal.SIGINT))
interrupted_early = lambda rows: os.kill(os.getpid(), signal.SIGINT)
forks = lambda rows: late(rows, fork_twice, 0)

def crashes(rows):
    raise ValueError("planted-record-17")

def exits(rows):
    sys.exit(5)

def prints(rows):
    if CALLS[0] == 0:
        CALLS[0] = 1
        print("from python")
        os.system("echo from a child")
    return lies(rows)

def walks_away(rows):
    os.chdir("/")
    return lies(rows)

def lazy(rows):
    return (item for item in [honest(rows)])

def endless(rows):
    return itertools.count()

def ragged(rows):
    return [0] * lies(rows)

def nested(rows):
    return [[1], [2, 3]] if lies(rows) else [[1, 2], 3]

def reseeds(rows):
    np.random.seed(1)
    return len(rows) + np.random.laplace()

def counts_up(rows):
    CALLS[0] += 1
    return CALLS[0]

def strange(rows):
    return object()

def too_few(rows, n):
    return [0] * (n - 1)

class Model:
    @staticmethod
    def release(rows):
        return lies(rows)

NUMBER = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to start the program in, with mechanisms to import and a pair of data sets."""
    (tmp_path / "mechanisms.py").write_text(MECHANISMS)
    (tmp_path / "pair.json").write_text('{"first": [], "second": [17], "description": "nobody; one person"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mechanisms", raising=False)
    yield tmp_path
    sys.modules.pop("mechanisms", None)


@pytest.fixture
def attack(privlib: Call, folder: Path) -> Call:
    """Audit a mechanism of the folder."""

    def call(name: str, *options: object, trials: object = 4000) -> Result:
        return privlib("audit", "run", f"mechanisms:{name}", "--pair", "pair.json", "--trials", trials, *options)

    return call


def program(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    command = [sys.executable, "-m", "privlib", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


# --- targets ---


def test_targets_are_listed(privlib: Call) -> None:
    listed = {row["target"]: row["what"] for row in json.loads(privlib("audit", "list", "--json").stdout)}
    assert {"survival", "published", "sharing", "zoo:constant-seed", "zoo:grr-swapped"} <= set(listed)
    assert all(listed.values())
    assert "zoo:constant-seed" in privlib("audit", "list").stdout


@pytest.mark.parametrize("neighbours", ["add_remove", "replace"])
def test_the_survival_table_survives_its_audit(privlib: Call, neighbours: str, tmp_path: Path) -> None:
    out, html = tmp_path / "audit.json", tmp_path / "audit.html"
    options = ("--neighbours", neighbours, "--trials", 4000, *SURE, "--out", out, "--html", html, "--json")
    result = privlib("audit", "run", "survival", *options)
    assert result.exit_code == 0, result.stderr
    found = Audit.replay(result.stdout)
    assert (found.verdict, found.trials) == ("no violation found", 4000)
    assert Audit.replay(out.read_text()) == found
    assert "No violation found" in html.read_text()


def test_the_published_recipe_does_not(privlib: Call) -> None:
    result = privlib("audit", "run", "published", "--trials", 4000)
    assert result.exit_code == 1, result.output
    assert "Violation" in result.stdout


def test_an_audit_that_cannot_decide_is_inconclusive(privlib: Call) -> None:
    result = privlib("audit", "run", "survival", "--epsilon", 12, "--trials", 1000)
    assert result.exit_code == 3
    assert "Inconclusive" in result.stdout


def test_a_builtin_mechanism_that_crashes_has_an_exit_code_of_its_own(privlib: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(neighbours: str = "", **_: object) -> None:
        """Crash."""
        raise MechanismFailed("it raised in every trial")

    monkeypatch.setattr("privlib.audit.builtin.survival_audit", crash)
    assert privlib("audit", "run", "survival").exit_code == 4


def test_the_zoo_is_a_target(privlib: Call) -> None:
    assert privlib("audit", "run", "zoo:constant-seed", "--trials", 2000).exit_code == 1
    assert privlib("audit", "run", "zoo:grr-2", "--trials", 4000, *SURE).exit_code == 0
    other = privlib("audit", "run", "zoo:grr-2", "--epsilon", "0.1", "--trials", 20_000)  # its truth is log(2.718)
    assert other.exit_code == 1


def test_a_function_of_the_user_is_imported_and_audited(attack: Call) -> None:
    assert attack("honest", "--epsilon", "1.1", *SURE).exit_code == 0
    assert attack("lies", "--epsilon", "1.1").exit_code == 1
    assert attack("honest_batch", "--batch", "--epsilon", "1.1", *SURE).exit_code == 0
    assert attack("Model.release", "--epsilon", "1.1").exit_code == 1


@pytest.mark.parametrize(
    ("claim", "code", "unit"),
    [
        (("--epsilon", "0.1", "--delta", "1e-6"), 1, "epsilon"),
        (("--mu", "0.5"), 1, "mu"),
        (("--rho", "0.01"), 1, "rho"),
        (("--mu", "4"), 0, "mu"),
    ],
)
def test_claims_of_every_kind_can_be_attacked(attack: Call, claim: tuple[str, ...], code: int, unit: str) -> None:
    result = attack("honest", *claim, *(SURE if code == 0 else ()), "--json", trials="10_000")
    assert result.exit_code == code, result.output
    assert Audit.replay(result.stdout).unit == unit


def test_an_audit_can_stop_as_soon_as_it_knows(attack: Call) -> None:
    result = attack("lies", "--epsilon", "1.1", "--anytime", "--json", trials="1e6")
    assert result.exit_code == 1
    assert Audit.replay(result.stdout).trials < 100_000


# --- what a run says ---


def test_every_output_is_written(attack: Call, folder: Path) -> None:
    files = {name: folder / f"found.{name}" for name in ("out", "html", "junit", "sarif")}
    result = attack("lies", "--epsilon", 1, *(word for name, file in files.items() for word in (f"--{name}", file)), "--quiet")
    assert result.exit_code == 1
    assert result.stdout == ""
    found = Audit.replay(files["out"].read_text())
    assert (found.title, found.verdict) == ("mechanisms:lies", "violation")
    assert "Violation" in files["html"].read_text()
    assert ElementTree.parse(files["junit"]).find(".//failure") is not None  # noqa: S314  # our own
    assert json.loads(files["sarif"].read_text())["runs"][0]["results"][0]["level"] == "error"


def test_the_line_that_repeats_an_audit_repeats_it(privlib: Call, attack: Call, folder: Path) -> None:
    options = ("--epsilon", "1.1", "--seed", "3", "--max-seconds", "90", "--anytime", "--neighbours", "add_remove")
    first = attack("lies", *options, "--out", "a.json", trials="1e4")
    again = Audit.replay((folder / "a.json").read_text()).reproduce
    assert "--trials 10000" in again
    assert "--out" not in again
    second = privlib(*shlex.split(again)[1:], "--out", "b.json")
    assert first.exit_code == second.exit_code == 1
    assert Audit.replay((folder / "b.json").read_text()).reproduce == again


def test_what_a_mechanism_prints_does_not_reach_stdout(folder: Path) -> None:
    result = program("audit", "run", "mechanisms:prints", "--pair", "pair.json", "--epsilon", 1, "--trials", 2000, "--json")
    assert result.returncode == 1
    assert Audit.replay(result.stdout).verdict == "violation"
    assert "from python" in result.stderr
    assert "from a child" in result.stderr


def test_a_mechanism_that_changes_the_folder_does_not_move_the_report(attack: Call, folder: Path) -> None:
    assert attack("walks_away", "--epsilon", 1, "--out", "found.json").exit_code == 1
    assert (folder / "found.json").exists()


# --- mechanisms that misbehave ---


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("crashes", 4, "builtins.ValueError"),
        ("exits", 4, "builtins.SystemExit"),
        ("endless", 4, "builtins.OverflowError"),
        ("strange", 2, "gives outputs of type object"),
        ("NUMBER", 2, "not callable but of type int"),
        ("missing", 2, "'mechanisms' has no 'missing'"),
        ("honest_batch", 2, "needs --batch"),
        ("ragged", 1, "Violation"),
        ("nested", 1, "Violation"),
        ("reseeds", 1, "Deterministic"),
        ("counts_up", 3, "not independent"),
        ("lazy", 0, "No violation found"),
    ],
)
def test_a_mechanism_that_misbehaves_gets_a_sentence_and_its_exit_code(attack: Call, name: str, code: int, words: str) -> None:
    result = attack(name, "--epsilon", "1.1", *(SURE if code == 0 else ()))
    assert result.exit_code == code, result.output
    assert words in result.output
    assert "planted" not in result.output
    assert "Traceback" not in result.output


def test_a_batch_of_the_wrong_size_is_wrong_usage(attack: Call) -> None:
    result = attack("too_few", "--batch", "--epsilon", 1)
    assert result.exit_code == 2
    assert "n outputs" in result.stderr
    assert "f(dataset, n)" in attack("honest", "--batch", "--epsilon", 1).stderr


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_library", "no module 'no_such_library', which 'broken' imports"),
        ("raise KeyError('planted-record-17')", "importing 'broken' raises KeyError"),
        ("import sys; sys.exit(0)", "importing 'broken' ends the program"),
        ("def (", "importing 'broken' raises SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_wrong_usage(privlib: Call, folder: Path, source: str, words: str) -> None:
    (folder / "broken.py").write_text(source)
    result = privlib("audit", "run", "broken:release", "--pair", "pair.json", "--epsilon", 1)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "planted" not in result.output


def test_a_module_that_is_not_there_is_wrong_usage(privlib: Call, folder: Path) -> None:
    result = privlib("audit", "run", "no_such_module.inside:release", "--pair", "pair.json", "--epsilon", 1)
    assert result.exit_code == 2
    assert "no module 'no_such_module.inside'" in result.stderr


@pytest.mark.parametrize(("name", "tested"), [("hangs", False), ("hangs_late", True), ("hangs_asleep", True)])
def test_a_mechanism_that_hangs_is_interrupted_and_what_was_found_is_kept(attack: Call, name: str, tested: bool) -> None:
    result = attack(name, "--epsilon", "0.1", "--max-seconds", "0.5", "--json")
    assert result.exit_code == (1 if tested else 3), result.output
    found = Audit.replay(result.stdout)
    assert found.interrupted
    assert (found.tested > 0) is tested


def test_an_audit_that_ran_out_of_time_and_refuted_nothing_is_inconclusive(attack: Call, folder: Path) -> None:
    result = attack("hangs_late", "--epsilon", 2, *SURE, "--max-seconds", 2, "--json", "--junit", "found.xml")
    assert result.exit_code == 3
    found = Audit.replay(result.stdout)
    assert (found.verdict, found.tested > 0) == ("no violation found", True)
    told = ElementTree.parse(folder / "found.xml").find(".//error")  # noqa: S314  # our own
    assert told is not None
    assert "Stopped early. No violation found" in str(told.get("message"))


def test_an_import_that_hangs_is_interrupted(privlib: Call, folder: Path) -> None:
    (folder / "broken.py").write_text("while True: pass")
    result = privlib("audit", "run", "broken:release", "--pair", "pair.json", "--epsilon", 1, "--max-seconds", "0.1")
    assert result.exit_code == 3
    assert "before the first trial" in result.stderr


def test_a_mechanism_that_catches_every_interruption_ends_the_program(folder: Path) -> None:
    options = ("--pair", "pair.json", "--epsilon", 1, "--max-seconds", "0.1")
    result = program("audit", "run", "mechanisms:swallows", *options)
    assert result.returncode == 3
    assert "catches whatever interrupts it" in result.stderr


def test_a_mechanism_that_forks_is_audited_once(folder: Path) -> None:
    options = ("--pair", "pair.json", "--epsilon", "1.1", "--trials", 2000, *SURE, "--json")
    result = program("audit", "run", "mechanisms:forks", *options)
    assert result.returncode == 0, result.stderr
    assert Audit.replay(result.stdout).trials == 2000
    assert "2 of its children returned" in result.stderr


def test_ctrl_c_writes_what_was_found(privlib: Call, attack: Call, folder: Path) -> None:
    result = attack("interrupted_late", "--epsilon", 2, *SURE, "--out", "part.json", "--junit", "part.xml", "--json")
    assert result.exit_code == 130
    found = Audit.replay(result.stdout)
    assert found.interrupted
    assert 0 < found.tested < 3000
    assert Audit.replay((folder / "part.json").read_text()) == found
    told = ElementTree.parse(folder / "part.xml").find(".//error")  # noqa: S314  # our own
    assert told is not None
    assert told.get("type") == "interrupted"
    early = attack("interrupted_early", "--epsilon", "0.1", "--out", "early.json")
    assert early.exit_code == 130
    assert Audit.replay((folder / "early.json").read_text()).tested == 0
    assert privlib("audit", "replay", "part.json").exit_code == 3  # refuted nothing, and did not finish
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# --- options ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give --epsilon"),
        (("--delta", "1e-6"), "--delta needs --epsilon"),
        (("--epsilon", 1, "--mu", 1), "two claims"),
        (("--mu", 1, "--delta", "1e-6"), "--delta goes with --epsilon"),
        (("--epsilon", 0), "--epsilon must be positive"),
        (("--epsilon", -1), "--epsilon must be positive"),
        (("--epsilon", "nan"), "--epsilon must be a plain finite number"),
        (("--epsilon", "one"), "--epsilon must be a plain finite number"),
        (("--rho", "inf"), "--rho must be a plain finite number"),
        (("--epsilon", 1, "--delta", 1), "--delta must lie strictly between 0 and 1"),
        (("--epsilon", 1, "--confidence", "0.5"), "--confidence must lie strictly between 0.5 and 1"),
        (("--epsilon", 1, "--confidence", 1), "--confidence must lie strictly between 0 and 1"),
        (("--epsilon", 1, "--confidence", "nan"), "--confidence must be a plain finite number"),
        (("--epsilon", 1, "--trials", 999), "--force"),
        (("--epsilon", 1, "--trials", "1e3.5"), "not a whole number"),
        (("--epsilon", 1, "--trials", "1500.5"), "not a whole number"),
        (("--epsilon", 1, "--trials", "many"), "not a whole number"),
        (("--epsilon", 1, "--max-seconds", 0), "positive number of seconds"),
        (("--epsilon", 1, "--max-seconds", "nan"), "positive number of seconds"),
        (("--epsilon", 1, "--seed", -1), "whole number"),
        (("--epsilon", 1, "--neighbours", "cousins"), "cousins"),
        (("--epsilon", 1, "--neighbours", "replace", "--pair", "named.json"), "--neighbours replace contradicts"),
        (("--epsilon", 1, "--delta", "1e-6", "--anytime"), "--anytime is for"),
        (("--epsilon", 1, "--json", "--quiet"), "contradict"),
        (("--epsilon", 1, "--out", "pair.json"), "named twice"),
        (("--epsilon", 1, "--one-run"), "--one-run wants a file of scores"),
    ],
)
def test_wrong_options_are_called_by_their_names(attack: Call, folder: Path, options: tuple[object, ...], words: str) -> None:
    (folder / "named.json").write_text('{"first": [], "second": [1], "neighbours": "add_remove"}')
    result = attack("honest", *options)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("survival", "--pair", "pair.json"), "takes no --pair"),
        (("survival", "--mu", 1), "takes no --mu"),
        (("survival", "--delta", "1e-6"), "takes no --delta"),
        (("zoo:grr-2", "--batch"), "takes no --batch"),
        (("zoo:grr-2", "--neighbours", "event"), "audited under --neighbours record"),
        (("zoo:unheard-of",), "no entry of the zoo"),
        (("zoo:sgd-without-clipping",), "refuted by a one-run"),
        (("unheard-of", "--epsilon", 1), "there is no target"),
        (("mechanisms:honest", "--epsilon", 1), "give --pair"),
        (("scores.csv", "--neighbours", "replace"), "give --epsilon"),
        (("scores.csv", "--epsilon", 1), "give --neighbours"),
    ],
)
def test_a_target_says_what_it_lacks(privlib: Call, folder: Path, arguments: tuple[object, ...], words: str) -> None:
    result = privlib("audit", "run", *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr


# --- data sets ---


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ('{"first": NaN, "second": 1}', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1, 2]", "must hold an object"),
        ('{"first": 1}', "lacks a data set"),
        ('{"datasets": [1]}', "lacks a data set"),
        ('{"datasets": 5}', "lacks a data set"),
        ('{"pairs": []}', "must be a list of objects"),
        ('{"pairs": [1]}', "must be a list of objects"),
        ('{"first": [1], "second": [1]}', "are the same"),
        ('{"datasets": [1, 2, 1]}', "are the same"),
        ('{"first": 0, "second": 1}', "give --neighbours"),
        ('{"first": [1, 2, 3], "second": []}', "give --neighbours"),
        ('{"first": [1, 2], "second": [3, 4]}', "give --neighbours"),
        ('{"first": 0, "second": 1, "neighbours": "cousins"}', "must be one of"),
        ('{"first": 0, "second": 1, "neighbours": "record", "description": 3}', "must be text"),
        ('{"pairs": [{"first": [], "second": [1]}, {"first": [1], "second": [2]}]}', "neighbours in two senses"),
        ('{"first": [], "second": [1], "descripton": "x"}', "a pair has 'first' and 'second', or 'datasets'"),
        ('{"first": [], "second": [1], "planted-record-17": 1}', "a key that means nothing there"),
        ('{"first": [], "second": [1], "datasets": [[], [1]]}', "a key that means nothing there"),
        ('{"pairs": [{"first": [], "second": [1]}], "first": []}', "a file of several has 'pairs'"),
        ('{"pairs": [{"first": [], "second": [1], "epsilon": 1}]}', "a key that means nothing there"),
        ('{"first": [], "first": [1], "second": [1]}', "the same key twice"),
        (
            '{"neighbours": "event", "pairs": [{"first": [0], "second": [1], "neighbours": "replace"}]}',
            "contradicts 'neighbours' of all of them",
        ),
    ],
)
def test_a_file_that_holds_no_pair_is_wrong_usage(attack: Call, folder: Path, text: str, words: str) -> None:
    (folder / "pair.json").write_text(text)
    result = attack("honest", "--epsilon", 1)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "planted" not in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        '{"first": [], "second": [1], "neighbours": "add_remove"}',
        '{"neighbours": "add_remove", "pairs": [{"first": [], "second": [1]}]}',
        '{"pairs": [{"first": [], "second": [1], "neighbours": "add_remove"}]}',
    ],
)
def test_a_relation_that_contradicts_the_one_asked_for_is_wrong_usage(
    privlib: Call, attack: Call, folder: Path, text: str
) -> None:
    (folder / "pair.json").write_text(text)
    result = attack("honest", "--epsilon", 1, "--neighbours", "replace")
    assert result.exit_code == 2
    assert "--neighbours replace contradicts 'neighbours' in 'pair.json'" in result.stderr
    of_the_zoo = privlib("audit", "run", "zoo:grr-2", "--pair", "pair.json", "--trials", 2000)  # whose entry is about records
    assert of_the_zoo.exit_code == 2
    assert "--neighbours record contradicts" in of_the_zoo.stderr
    assert attack("lies", "--epsilon", 1, "--neighbours", "add_remove").exit_code == 1


def test_a_pair_that_is_not_there_is_wrong_usage(attack: Call) -> None:
    assert "no file 'absent.json'" in attack("honest", "--epsilon", 1, "--pair", "absent.json").stderr


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ('{"first": [1, 2], "second": [1, 2, 3]}', "add_remove"),
        ('{"first": [1, 2, 3], "second": [2, 3]}', "add_remove"),
        ('{"first": [[1, "a"], [2, "b"]], "second": [[1, "a"], [3, "b"]]}', "replace"),
        ('{"first": 0, "second": 1, "neighbours": "record"}', "record"),
        ('{"neighbours": "event", "pairs": [{"first": [0, 0], "second": [0, 1]}]}', "event"),
    ],
)
def test_neighbours_are_recognised_or_named(attack: Call, folder: Path, text: str, relation: str) -> None:
    (folder / "pair.json").write_text(text)
    (folder / "mechanisms.py").write_text("def release(dataset): return repr(dataset)")
    result = attack("release", "--epsilon", 1, "--json", trials=1000)
    assert result.exit_code == 1, result.output
    assert Audit.replay(result.stdout).claim.neighbours == relation


def test_of_several_pairs_the_one_that_tells_is_audited(attack: Call, folder: Path) -> None:
    dull, telling = (
        {"first": [1], "second": [1, 1, 1], "description": "dull"},
        {"first": [], "second": [5], "description": "telling"},
    )
    (folder / "pair.json").write_text(json.dumps({"neighbours": "add_remove", "pairs": [dull, telling]}))
    found = Audit.replay(attack("lies", "--epsilon", 1, "--json").stdout)
    assert [words for words, _ in found.searched] == ["dull", "telling"]
    assert found.pair.startswith("telling")


def test_many_data_sets_of_which_all_are_neighbours_are_told_apart_at_once(attack: Call, folder: Path) -> None:
    (folder / "pair.json").write_text(json.dumps({"neighbours": "record", "datasets": list(range(20))}))
    (folder / "mechanisms.py").write_text("def release(value): return value")
    found = Audit.replay(attack("release", "--epsilon", 1, "--json").stdout)
    assert (found.worlds, found.verdict) == (20, "violation")


# --- replay ---


def test_a_report_is_judged_again_and_a_changed_one_refused(privlib: Call, attack: Call, folder: Path) -> None:
    attack("lies", "--epsilon", 1, "--out", "found.json")
    again = privlib("audit", "replay", "found.json")
    assert again.exit_code == 1
    assert "Violation" in again.stdout
    text = (folder / "found.json").read_text()
    assert privlib("audit", "replay", "found.json", "--json").stdout == text
    record = open_sealed(text)
    record["verdict"] = "no violation found"
    (folder / "found.json").write_text(seal(record.pop("kind"), record))
    assert "does not follow from the stored counts" in privlib("audit", "replay", "found.json").stderr
    (folder / "found.json").write_text(text[:-30])
    assert privlib("audit", "replay", "found.json").exit_code == 1
    (folder / "found.json").write_bytes(b"\xff\xfe")
    assert privlib("audit", "replay", "found.json").exit_code == 1
    (folder / "found.json").write_text(seal("survival.curve", {"x": 1}))
    assert privlib("audit", "replay", "found.json").exit_code == 2
    assert privlib("audit", "replay", "absent.json").exit_code == 3


@pytest.mark.parametrize(("dealer", "code"), [("sharing:finite", 1), ("sharing:constant-term", 1), ("sharing:nobody", 2)])
def test_a_dealer_of_the_sharing_game_is_named_after_a_colon(privlib: Call, dealer: str, code: int) -> None:
    done = privlib("audit", "run", dealer, "--trials", "20000")
    assert done.exit_code == code, done.output
    assert code == 2 or f"privlib audit run {dealer}" in done.stdout

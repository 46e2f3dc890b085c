"""The ledger: charges never sum past the limit, and what was charged stays charged."""

from __future__ import annotations

import importlib.util
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import privlib
from privlib import budget
from privlib.bounds import Bound
from privlib.budget import Ledger
from privlib.certified import exp_at_most
from privlib.errors import BudgetExceeded, InvalidInput, LedgerError, Mismatch
from privlib.journal import Journal, Row

ROUNDS = 8
KILLS = 8
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # sums need no disk, and Hypothesis makes many ledgers


def pure(epsilon: Any, **options: Any) -> Bound:
    return Bound.pure(epsilon, **{"neighbours": "replace", **options})


def charge(ledger: Ledger, epsilon: Any, **options: Any) -> Row:
    return ledger.charge(pure(epsilon, **options), name="a curve", fingerprint="f00d", secure=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "budget.db"


@pytest.fixture(scope="module")
def runs() -> ModuleType:
    """The long acceptance runs, which are also a script."""
    specification = importlib.util.spec_from_file_location("crash_and_race", Path(__file__).with_name("crash_and_race.py"))
    assert specification is not None
    assert specification.loader is not None
    module = sys.modules["crash_and_race"] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


# The limit


def test_ten_charges_of_a_tenth_fill_a_limit_of_one_and_nothing_more_fits(path: Path) -> None:
    ledger = Ledger(path, limit="1")
    for _ in range(10):
        charge(ledger, 0.1)
    assert ledger.remaining == 0
    before = path.read_bytes()
    for more in (5e-324, "1e-300", "1/3", 0.1, 1, "1e399"):
        with pytest.raises(BudgetExceeded):
            charge(ledger, more)
    assert path.read_bytes() == before
    assert len(ledger.charges()) == 10
    assert ledger.spent == pure(1)


def test_a_number_too_big_to_write_down_is_refused_unread(path: Path) -> None:
    with pytest.raises(InvalidInput, match="plain finite number"):
        Ledger(path, limit="1e999999999")
    assert not path.exists()
    with pytest.raises(InvalidInput, match="plain finite number"):
        charge(Ledger(path, limit=1), "1e999999999")


@pytest.mark.parametrize("huge", ["1e-999", "1e999", "1.5e-400"])
def test_what_could_not_be_read_back_is_never_written(huge: Any, path: Path) -> None:
    with pytest.raises(InvalidInput):
        Ledger(path, limit=huge)
    assert not path.exists()
    ledger = Ledger(path, limit=1)
    with pytest.raises(InvalidInput):
        ledger.charge(replace(pure(1), epsilon=Fraction(huge)), name="a", fingerprint="f", secure=True)
    assert Ledger(path).spent is None


@pytest.mark.parametrize("limit", ["1", 1, 1.0, Fraction(1), Decimal("1.00"), "10/10", "1e0"])
def test_a_limit_is_the_same_however_it_is_spelt(limit: Any, path: Path) -> None:
    Ledger(path, limit=limit)
    assert Ledger(path, limit="1").limit == Fraction(1)
    assert Ledger(path).limit == Fraction(1)


@pytest.mark.parametrize("limit", [0, -1, "0", float("nan"), float("inf"), True, "one", [1], b"1", ""])
def test_a_limit_that_is_no_positive_number_is_refused_and_no_file_is_made(limit: Any, path: Path) -> None:
    with pytest.raises(InvalidInput, match="limit"):
        Ledger(path, limit=limit)
    assert os.listdir(path.parent) == []


CHARGES = st.lists(st.fractions(0, 3, max_denominator=60).filter(bool), max_size=8)


@given(limit=st.fractions(Fraction(1, 60), 4, max_denominator=60), charges=CHARGES)
@example(limit=Fraction(1), charges=[Fraction(1, 3)] * 4)
@settings(max_examples=40, deadline=None)
def test_accepted_charges_sum_to_at_most_the_limit_and_each_refusal_would_have_passed_it(
    limit: Fraction, charges: list[Fraction]
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        ledger = Ledger(Path(name) / "budget.db", limit=limit)
        accepted = Fraction(0)
        for asked in charges:
            try:
                charge(ledger, asked)
            except BudgetExceeded:
                assert accepted + asked > limit
            else:
                accepted += asked
                assert accepted <= limit
            assert ledger.remaining == limit - accepted
        again = Ledger(Path(name) / "budget.db")
        again.verify()
        assert again.spent == (pure(accepted) if accepted else None)


ODDS = st.lists(st.fractions(1, 4, max_denominator=9).filter(lambda odds: odds > 1), max_size=5)


@given(limit=st.fractions(Fraction(1, 9), 4, max_denominator=9), charges=ODDS)
@settings(max_examples=25, deadline=None)
def test_odds_are_compared_with_e_to_the_limit_exactly_and_remaining_is_rounded_down(
    limit: Fraction, charges: list[Fraction]
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        ledger = Ledger(Path(name) / "budget.db", limit=limit)
        product = Fraction(1)
        for odds in charges:
            fits = not exp_at_most(limit, product * odds)
            if fits:
                charge(ledger, 0, odds=odds)
                product *= odds
            else:
                with pytest.raises(BudgetExceeded):
                    charge(ledger, 0, odds=odds)
            left = ledger.remaining
            assert not exp_at_most(limit - left, product) or product == 1
            assert exp_at_most(limit - left - Fraction(3, 2**40), product)


# What is recorded


def test_a_charge_is_recorded_whole(path: Path) -> None:
    ledger = Ledger(path, limit=1)
    row = ledger.charge(pure("1/3"), name="weekly curve", fingerprint="f00d", secure=False)
    assert ledger.charges() == (row,)
    record = row.record
    moment = datetime.fromisoformat(str(record.pop("time")))
    assert moment.utcoffset() == timedelta(0)
    assert moment.microsecond == 0
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=5)
    assert record == {
        "type": "charge",
        "bound": {"kind": "pure", "neighbours": "replace", "epsilon": "1/3"},
        "name": "weekly curve",
        "fingerprint": "f00d",
        "secure": False,
        "version": privlib.__version__,
    }


def test_the_opening_row_says_what_the_ledger_is(path: Path) -> None:
    Ledger(path, limit="0.3", population="patients")
    record = Journal(path, purpose="privlib ledger").rows()[0].record
    del record["time"]
    assert record == {
        "type": "opening",
        "purpose": "privlib ledger",
        "limit": {"kind": "pure", "epsilon": "3/10"},
        "population": "patients",
        "format": 1,
        "version": privlib.__version__,
    }


def test_charges_in_test_mode_count_like_any_other(path: Path) -> None:
    ledger = Ledger(path, limit=1)
    ledger.charge(pure(1), name="a test", fingerprint="f00d", secure=False)
    with pytest.raises(BudgetExceeded):
        charge(ledger, "1e-9")


def test_a_ledger_opened_again_goes_on_where_it_was(path: Path) -> None:
    first = charge(Ledger(path, limit=1), "0.6")
    with pytest.raises(BudgetExceeded):
        charge(Ledger(path), "0.6")
    second = charge(Ledger(path), "0.4")
    assert Ledger(path).charges() == (first, second)


def test_an_open_ledger_sees_the_charges_of_others(path: Path) -> None:
    mine, theirs = Ledger(path, limit=1), Ledger(path)
    charge(theirs, "0.6")
    assert mine.spent == pure("0.6")
    charge(theirs, "0.1")
    with pytest.raises(BudgetExceeded):
        charge(mine, "0.4")


def test_spent_is_nothing_before_the_first_charge(path: Path) -> None:
    ledger = Ledger(path, limit="2.5")
    assert ledger.spent is None
    assert ledger.remaining == ledger.limit == Fraction(5, 2)
    assert ledger.charges() == ()
    ledger.verify()


def test_there_is_no_refund(path: Path) -> None:
    assert not [name for name in dir(Ledger) if "refund" in name or "remove" in name or "delete" in name]
    ledger = Ledger(path, limit=1)
    with pytest.raises(InvalidInput):
        charge(ledger, "-0.5")


def test_a_release_charges_before_it_draws_and_a_failure_afterwards_does_not_refund(path: Path) -> None:
    ledger = Ledger(path, limit=1)

    def release() -> None:
        budget.charge(ledger, pure("0.5"), name="a curve", fingerprint="f00d", secure=True)
        raise RuntimeError("the draw fails")

    with pytest.raises(RuntimeError):
        release()
    assert ledger.remaining == Fraction(1, 2)


def test_the_helper_gives_the_head_or_none(path: Path) -> None:
    ledger = Ledger(path, limit=1)
    head = budget.charge(ledger, pure("0.5"), name="a curve", fingerprint="f00d", secure=True)
    assert head is not None
    assert head == ledger.charges()[0].head
    assert set(head) == {"journal", "seq", "id", "digest"}
    assert json.loads(json.dumps(head)) == head
    assert budget.charge(None, pure("0.5"), name="a curve", fingerprint="f00d", secure=True) is None


# What is refused


def test_another_limit_or_population_is_refused_at_reopening(path: Path) -> None:
    Ledger(path, limit=1, population="patients")
    for limit in (2, "1.0000000000000000000000001", Fraction(999999999, 10**9)):
        with pytest.raises(InvalidInput, match="limit must be left out or 1,"):
            Ledger(path, limit=limit)
    for population in ("default", "staff"):
        with pytest.raises(InvalidInput, match="population must be left out or 'patients'"):
            Ledger(path, population=population)
    assert Ledger(path, limit=1, population="patients").population == Ledger(path).population == "patients"


@pytest.mark.parametrize("population", ["", 7, b"patients"])
def test_a_population_is_words(population: Any, path: Path) -> None:
    with pytest.raises(InvalidInput, match="population"):
        Ledger(path, limit=1, population=population)
    assert not path.exists()


def test_the_first_charge_fixes_the_neighbours(path: Path) -> None:
    ledger = Ledger(path, limit=1)
    charge(ledger, "0.1", neighbours="event")
    before = path.read_bytes()
    for neighbours in ("replace", "add_remove", "user"):
        with pytest.raises(Mismatch):
            charge(ledger, "0.1", neighbours=neighbours)
    assert path.read_bytes() == before
    charge(ledger, "0.1", neighbours="event")


@pytest.mark.parametrize(
    "bound",
    [
        Bound.zcdp("0.1", neighbours="replace"),
        Bound.gdp("0.1", neighbours="replace"),
        Bound.approx("0.1", 0, neighbours="replace"),
    ],
    ids=str,
)
def test_a_bound_of_another_kind_than_the_limit_is_refused(bound: Bound, path: Path) -> None:
    ledger = Ledger(path, limit=1)
    with pytest.raises(Mismatch, match="limits a pure epsilon"):
        ledger.charge(bound, name="a", fingerprint="f", secure=True)
    assert ledger.charges() == ()


@pytest.mark.parametrize(
    "change",
    [
        {"bound": pure(0)},
        {"bound": "0.5"},
        {"bound": 0.5},
        {"name": ""},
        {"name": None},
        {"name": b"a"},
        {"fingerprint": None},
        {"fingerprint": 7},
        {"secure": 1},
        {"secure": None},
    ],
    ids=str,
)
def test_a_charge_of_nothing_or_without_its_facts_is_refused(change: dict[str, Any], path: Path) -> None:
    ledger = Ledger(path, limit=1)
    arguments: dict[str, Any] = {"bound": pure("0.5"), "name": "a", "fingerprint": "f", "secure": True}
    with pytest.raises(InvalidInput):
        ledger.charge(**{**arguments, **change})
    assert ledger.charges() == ()


def test_a_missing_ledger_needs_a_limit(path: Path) -> None:
    with pytest.raises(LedgerError, match="give limit= to make one"):
        Ledger(path)
    assert os.listdir(path.parent) == []


def test_a_journal_for_something_else_is_no_ledger(path: Path) -> None:
    Journal(path, purpose="state of a counter", opening={})
    with pytest.raises(LedgerError, match="is not a privlib ledger"):
        Ledger(path, limit=1)


@pytest.mark.parametrize(
    "opening",
    [
        {},
        {"type": "opening", "limit": {"kind": "pure", "epsilon": "1"}, "population": "p", "format": 2},
        {"type": "opening", "limit": {"kind": "gdp", "mu2": "1"}, "population": "p", "format": 1},
        {"type": "opening", "limit": {"kind": "pure", "epsilon": "1", "odds": "2"}, "population": "p", "format": 1},
        {"type": "opening", "limit": {"kind": "zcdp", "rho": "1", "alpha": "2"}, "population": "p", "format": 1},
        {"type": "opening", "limit": {"kind": "zcdp", "rho": "0"}, "population": "p", "format": 1},
        {"type": "opening", "limit": {"kind": "zcdp", "rho": "1", "approx_delta": "0"}, "population": "p", "format": 1},
        {"type": "opening", "limit": {"kind": "approx", "epsilon": "1", "delta": "0"}, "population": "p", "format": 1},
        {"type": "opening", "limit": {"kind": "pure", "epsilon": "one"}, "population": "p", "format": 1},
        {"type": "opening", "limit": {"kind": "pure", "epsilon": 1}, "population": "p", "format": 1},
    ],
)
def test_a_ledger_from_the_future_is_refused(opening: dict[str, Any], path: Path) -> None:
    Journal(path, purpose="privlib ledger", opening=opening)
    with pytest.raises(LedgerError, match="newer privlib"):
        Ledger(path)


@pytest.mark.parametrize(
    "record",
    [
        {"type": "refund"},
        {"type": "charge", "bound": {}},
        {"type": "charge", "bound": {"kind": "pure", "neighbours": "replace", "epsilon": "-1"}},
        {"type": "charge", "bound": {"kind": "pure", "neighbours": "replace", "epsilon": 1}},
        {"type": "charge", "bound": "all"},
    ],
)
def test_a_row_that_cannot_be_counted_stops_every_charge(record: dict[str, Any], path: Path) -> None:
    ledger = Ledger(path, limit=1)
    Journal(path, purpose="privlib ledger").append(lambda rows: record)
    for operation in (lambda: charge(ledger, "0.1"), lambda: ledger.spent, ledger.verify):
        with pytest.raises(LedgerError, match=r"row 2 of .* is not a charge"):
            operation()
    assert "unreadable" in repr(ledger)


def test_charges_past_the_limit_are_found(path: Path) -> None:
    ledger = Ledger(path, limit=1)
    record = {**charge(ledger, "0.6").record}
    Journal(path, purpose="privlib ledger").append(lambda rows: record)
    with pytest.raises(LedgerError, match="pass its limit"):
        ledger.verify()
    with pytest.raises(BudgetExceeded):
        charge(ledger, "0.1")
    assert ledger.remaining == 0


# What a reader sees


def test_the_refusal_names_limit_spent_asked_and_remaining(path: Path) -> None:
    ledger = Ledger(path, limit="1.5")
    charge(ledger, 0.1)
    charge(ledger, "1/3")
    with pytest.raises(BudgetExceeded) as refusal:
        charge(ledger, 1.25)
    assert str(refusal.value) == ("the limit is epsilon 1.5, 13/30 is spent, 1.25 is asked for, 16/15 remains: nothing charged")


def test_odds_are_named_too(path: Path) -> None:
    ledger = Ledger(path, limit=1)
    charge(ledger, "0.25", odds="3/2")
    with pytest.raises(BudgetExceeded, match=r"0.25 and odds 1.5 is spent, 0 and odds 2 is asked for"):
        charge(ledger, 0, odds=2)
    assert repr(ledger) == f"Ledger('{path}', limit=1, spent=0.25 and odds 1.5, neighbours='replace', population='default')"


def test_a_sum_of_many_digits_does_not_break_a_message(path: Path) -> None:
    ledger = Ledger(path, limit=10**390)
    for n in range(1, 30, 2):
        charge(ledger, Fraction(10**389, 10**390 + n))
    charge(ledger, 10**389)
    assert ledger.spent is not None
    assert ledger.spent.epsilon.denominator > 10**4300  # longer than Python agrees to print
    with pytest.raises(BudgetExceeded, match=r"about 1\.00000e\+389 is spent"):
        charge(ledger, 10**390)
    assert "spent=about" in repr(ledger)


def test_repr_shows_path_limit_and_spent(path: Path) -> None:
    ledger = Ledger(path, limit="1", population="patients")
    assert repr(ledger) == f"Ledger('{path}', limit=1, spent=0, population='patients')"
    charge(ledger, 0.3)
    assert repr(ledger) == f"Ledger('{path}', limit=1, spent=0.3, neighbours='replace', population='patients')"
    assert ledger.path == path


# What is found


def edit(path: Path, statement: str) -> None:
    """Edit the file without its triggers, which are put back."""
    connection = sqlite3.connect(path)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    assert connection.execute(statement).rowcount == 1
    for _, sql in triggers:
        connection.execute(sql)
    connection.commit()
    connection.close()


def three_charges(path: Path) -> tuple[Ledger, Row]:
    ledger = Ledger(path, limit=1)
    charge(ledger, "0.3")
    charge(ledger, "0.3")
    return ledger, charge(ledger, "0.3")


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE journal SET record = replace(record, '3/10', '1/10') WHERE seq = 2""",
        """UPDATE journal SET record = replace(record, '"epsilon":"1"', '"epsilon":"9"') WHERE seq = 1""",
    ],
    ids=["charge", "limit"],
)
def test_an_edited_charge_or_limit_is_found(statement: str, path: Path) -> None:
    ledger, _ = three_charges(path)
    edit(path, statement)
    with pytest.raises(LedgerError, match="altered"):
        ledger.verify()
    with pytest.raises(LedgerError, match="altered"):
        Ledger(path)


def test_a_deleted_last_charge_is_found_by_its_release_and_by_an_open_ledger(path: Path) -> None:
    ledger, row = three_charges(path)
    ledger.verify_head(row.head)
    edit(path, "DELETE FROM journal WHERE seq = 4")
    with pytest.raises(LedgerError, match="lacks row 4"):
        Ledger(path).verify_head(row.head)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="lost or changed"):
        charge(ledger, "0.1")
    assert path.read_bytes() == before


def test_a_restored_older_copy_is_found_by_its_release_and_by_an_open_ledger(path: Path, tmp_path: Path) -> None:
    ledger = Ledger(path, limit=1)
    charge(ledger, "0.3")
    shutil.copy(path, tmp_path / "copy")
    row = charge(ledger, "0.3")
    shutil.copy(tmp_path / "copy", path)
    with pytest.raises(LedgerError, match="lacks row 3"):
        Ledger(path).verify_head(row.head)
    with pytest.raises(LedgerError, match="lost or changed"):
        charge(ledger, "0.1")
    charge(Ledger(path), "0.3")  # somebody goes on with the copy, and charges the same again
    with pytest.raises(LedgerError, match=r"row 3 of .* is not the one expected"):
        Ledger(path).verify_head(row.head)


# Processes, threads and the disk


def test_of_two_processes_that_charge_more_than_fits_exactly_one_wins(runs: ModuleType, tmp_path: Path) -> None:
    races = runs.race(ROUNDS, tmp_path)
    assert (races.one_winner, races.verified) == (ROUNDS, ROUNDS)


def test_no_release_outlives_its_charge_when_the_process_is_killed(runs: ModuleType, tmp_path: Path) -> None:
    kills = runs.kill(KILLS, tmp_path)
    assert kills.verified == KILLS
    assert kills.missing == 0
    assert kills.releases >= KILLS
    assert 0 <= kills.unreleased <= KILLS


def test_a_locked_ledger_refuses_and_nothing_changes(path: Path) -> None:
    ledger = Ledger(path, limit=1, wait=0.2)
    charge(ledger, "0.5")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerError, match="is in use by another process"):
        charge(ledger, "0.5")
    assert "unreadable" in repr(ledger)
    other.execute("ROLLBACK")
    other.close()
    assert ledger.spent == pure("0.5")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.parent.rmdir(), "cannot be created: No such file"),
        (Path.mkdir, "cannot be opened"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 500), "damaged|not a journal"),
        (lambda path: path.write_text("an old ledger of another kind"), "not a journal"),
    ],
    ids=["missing directory", "directory", "corrupt header", "text"],
)
def test_a_path_that_cannot_hold_a_ledger_is_refused(make: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "budget.db"
    path.parent.mkdir()
    make(path)
    with pytest.raises(LedgerError, match=message):
        Ledger(path, limit=1)


# The child may write `allowed` bytes past the ledger's size to any file, as on a disk that is full.
FULL_DISK = """
import os, resource, sys
from privlib.bounds import Bound
from privlib.budget import Ledger
from privlib.errors import LedgerError
ledger = Ledger(sys.argv[1])
size = os.path.getsize(sys.argv[1]) + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
charged = 0
try:
    for _ in range(200):
        ledger.charge(Bound.pure(1, neighbours="replace"), name="x" * 200, fingerprint="f00d", secure=True)
        charged += 1
except LedgerError:
    print(charged)
"""


@pytest.mark.parametrize("allowed", [0, 4096, 9000])
def test_on_a_full_disk_what_was_charged_stays_and_nothing_else(allowed: int, path: Path) -> None:
    ledger = Ledger(path, limit=1000)
    charge(ledger, 1)
    child = subprocess.run([sys.executable, "-c", FULL_DISK, str(path), str(allowed)], capture_output=True, text=True, check=True)
    charged = int(child.stdout)
    assert charged < 200
    ledger.verify()
    assert ledger.spent == pure(1 + charged)
    charge(ledger, 1)


def test_threads_never_pass_the_limit_together(path: Path) -> None:
    ledger = Ledger(path, limit=1, wait=60)
    refused: list[bool] = []

    def work() -> None:
        for _ in range(8):
            try:
                charge(ledger, "0.1")
                refused.append(False)
            except BudgetExceeded:
                refused.append(True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (refused.count(False), refused.count(True)) == (10, 22)
    assert ledger.spent == pure(1)
    ledger.verify()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_ledger_opened_before_a_fork_is_one_budget_for_both(path: Path) -> None:
    ledger = Ledger(path, limit=1, wait=60)
    charge(ledger, "0.2")

    def charge_six() -> int:
        accepted = 0
        for _ in range(6):
            try:
                charge(ledger, "0.1")
                accepted += 1
            except BudgetExceeded:
                pass
        return accepted

    child = os.fork()
    if child == 0:
        try:
            os._exit(charge_six())
        finally:
            os._exit(99)
    accepted = charge_six()
    theirs = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert accepted + theirs == 8
    assert ledger.spent == pure(1)
    ledger.verify()


def test_a_pickled_ledger_is_the_same_ledger(path: Path) -> None:
    ledger = Ledger(path, limit=1)
    charge(ledger, "0.4")
    copy = pickle.loads(pickle.dumps(ledger))
    charge(copy, "0.4")
    with pytest.raises(BudgetExceeded):
        charge(ledger, "0.4")

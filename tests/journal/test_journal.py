"""The journal: what is appended stays, nothing else gets in, and whoever tampers is found."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.errors import InvalidInput, LedgerError
from privlib.journal import Journal, Row, canonical

PURPOSE = "test journal"


def journal_at(path: Path, *, wait: float = 10.0) -> Journal:
    return Journal(path, purpose=PURPOSE, opening={"made": "here"}, wait=wait)


def add(journal: Journal, record: dict[str, Any]) -> Row:
    return journal.append(lambda rows: record)


def three_rows(path: Path) -> Journal:
    journal = journal_at(path)
    add(journal, {"n": 2})
    add(journal, {"n": 3})
    return journal


def tamper(path: Path, statement: str, values: tuple[Any, ...] = ()) -> None:
    """Edit the file as an informed intruder would: without the triggers, which are put back afterwards."""
    connection = sqlite3.connect(path)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement, values)
    for _, sql in triggers:
        connection.execute(sql)
    connection.commit()
    connection.close()


# What it does


def test_rows_come_back_as_they_were_appended(tmp_path: Path) -> None:
    three_rows(tmp_path / "j")
    rows = Journal(tmp_path / "j", purpose=PURPOSE).rows()
    assert [row.seq for row in rows] == [1, 2, 3]
    assert [row.record for row in rows] == [{"made": "here", "purpose": PURPOSE}, {"n": 2}, {"n": 3}]
    assert len({row.id for row in rows}) == 3
    assert {row.journal for row in rows} == {rows[0].id}
    assert [row.previous for row in rows] == ["", rows[0].digest, rows[1].digest]


def test_the_digest_is_the_documented_one(tmp_path: Path) -> None:
    for row in three_rows(tmp_path / "j").rows():
        assert row.digest == documented_digest(row.seq, row.id, row.text, row.previous)


def documented_digest(seq: int, identity: str, text: str, previous: str) -> str:
    covered = f'["privlib journal",1,{seq},{json.dumps(identity)},{json.dumps(text)},{json.dumps(previous)}]'
    return hashlib.sha256(covered.encode()).hexdigest()


def test_decide_sees_every_row_also_those_of_others(tmp_path: Path) -> None:
    mine, theirs = journal_at(tmp_path / "j"), journal_at(tmp_path / "j")
    add(theirs, {"by": "them"})
    first = mine.append(lambda rows: {"seen": len(rows)})
    add(theirs, {"by": "them"})
    second = mine.append(lambda rows: {"seen": len(rows)})
    assert (first.record, second.record) == ({"seen": 2}, {"seen": 4})


def test_a_head_is_plain_json_and_verifies(tmp_path: Path) -> None:
    journal = three_rows(tmp_path / "j")
    for row in journal.rows():
        assert json.loads(json.dumps(row.head)) == row.head
        journal.verify_head(row.head)


def test_a_row_cannot_be_changed_through_its_record(tmp_path: Path) -> None:
    row = three_rows(tmp_path / "j").rows()[1]
    row.record["n"] = 7
    assert row.record == {"n": 2}


def test_only_the_owner_can_read_a_new_file_and_nothing_else_stays(tmp_path: Path) -> None:
    three_rows(tmp_path / "j")
    assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["j"]


def test_a_relative_path_survives_a_change_of_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    journal = Journal("odd name?#%41.db", purpose=PURPOSE, opening={})
    monkeypatch.chdir("/")
    assert add(journal, {}).seq == 2
    assert os.listdir(tmp_path) == ["odd name?#%41.db"]


# What a record may be


@pytest.mark.parametrize("value", [0.5, float("nan"), b"", (1,), {1: 2}, {1}, 2**53, -(2**53), [0.5], {"a": [{"b": 1.0}]}])
def test_what_has_no_canonical_form_is_refused_and_nothing_is_written(value: Any, tmp_path: Path) -> None:
    journal = journal_at(tmp_path / "j")
    with pytest.raises(InvalidInput):
        add(journal, {"value": value})
    assert len(journal.rows()) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
@settings(max_examples=60, deadline=None)
def test_canonical_text_is_ascii_reads_back_and_is_its_own_canonical_text(value: Any) -> None:
    text = canonical(value)
    assert text.isascii()
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


@given(st.dictionaries(st.text(), st.integers(-9, 9), min_size=2))
@settings(deadline=None)
def test_canonical_text_does_not_depend_on_the_order_of_keys(record: dict[str, int]) -> None:
    assert canonical(record) == canonical(dict(reversed(record.items())))


# What is refused


def test_a_refusal_by_the_caller_changes_no_byte(tmp_path: Path) -> None:
    journal = three_rows(tmp_path / "j")
    before = (tmp_path / "j").read_bytes()

    def refuse(rows: tuple[Row, ...]) -> dict[str, Any]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        journal.append(refuse)
    assert (tmp_path / "j").read_bytes() == before
    assert add(journal, {}).seq == 4


def test_a_missing_file_is_not_made_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no test journal"):
        Journal(tmp_path / "j", purpose=PURPOSE)
    assert os.listdir(tmp_path) == []


def test_a_journal_for_another_purpose_is_refused(tmp_path: Path) -> None:
    three_rows(tmp_path / "j")
    with pytest.raises(LedgerError, match="is not a state of a counter"):
        Journal(tmp_path / "j", purpose="state of a counter")


def somebody_elses_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE journal (seq)")
    connection.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.touch, "not a journal"),
        (lambda path: path.write_text("a text file " * 100), "not a journal"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + b"\xff" * 500), "not a journal|damaged"),
        (somebody_elses_database, "not a journal"),
        (Path.mkdir, "cannot be opened"),
        (lambda path: path.symlink_to("nowhere"), "cannot be opened"),
    ],
    ids=["empty file", "text", "corrupt header", "other database", "directory", "dangling link"],
)
def test_what_is_not_a_journal_is_refused_and_left_alone(make: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "j"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(LedgerError, match=message):
        journal_at(path)
    assert before is None or path.read_bytes() == before


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be created: No such file or directory"):
        journal_at(tmp_path / "missing" / "j")


def test_the_rest_of_a_lost_journal_is_not_rolled_into_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "j-journal").write_bytes(b"the rollback journal of a file that is gone")
    with pytest.raises(LedgerError, match="is the rest of a test journal that is gone"):
        journal_at(tmp_path / "j")


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    three_rows(tmp_path / "j")
    tamper(tmp_path / "j", "PRAGMA user_version = 2")
    with pytest.raises(LedgerError, match="newer privlib"):
        journal_at(tmp_path / "j")


# What is found


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE journal SET record = '{\"n\":9}' WHERE seq = 2",
        "UPDATE journal SET record = '{\"n\": 2}' WHERE seq = 2",
        "UPDATE journal SET id = 'x' WHERE seq = 2",
        "UPDATE journal SET id = 'x' WHERE seq = 1",
        "UPDATE journal SET previous = 'x' WHERE seq = 1",
        "UPDATE journal SET previous = (SELECT digest FROM journal WHERE seq = 3) WHERE seq = 2",
        "UPDATE journal SET digest = 'x' WHERE seq = 3",
        "UPDATE journal SET record = CAST(record AS BLOB) WHERE seq = 3",
        "UPDATE journal SET seq = 4 WHERE seq = 3",
        "DELETE FROM journal WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 2",
        "DELETE FROM journal",
        "INSERT INTO journal SELECT 0, id, record, previous, digest FROM journal WHERE seq = 1",
        "INSERT INTO journal SELECT 4, id, record, previous, digest FROM journal WHERE seq = 3",
    ],
)
def test_an_edited_row_is_found(edit: str, tmp_path: Path) -> None:
    open_before = three_rows(tmp_path / "j")
    tamper(tmp_path / "j", edit)
    with pytest.raises(LedgerError, match=r"altered|lost or changed"):
        open_before.verify()
    with pytest.raises(LedgerError, match=r"altered|lost or changed"):
        Journal(tmp_path / "j", purpose=PURPOSE)


@pytest.mark.parametrize(
    "forged",
    [
        {"seq": 5},
        {"previous": ""},
        {"previous": "0" * 64},
        {"text": '{"n": 4}'},
        {"text": '{"n":4.0}'},
        {"text": '{"n":4'},
        {"text": "[]"},
        {"text": '[["n",4]]'},
    ],
    ids=str,
)
def test_a_forged_row_with_a_right_digest_must_still_follow_the_last(forged: dict[str, Any], tmp_path: Path) -> None:
    last = three_rows(tmp_path / "j").rows()[2]
    fields: dict[str, Any] = {"seq": 4, "identity": "a" * 32, "text": '{"n":4}', "previous": last.digest}
    columns = {**fields, **forged}
    tamper(tmp_path / "j", "INSERT INTO journal VALUES (?, ?, ?, ?, ?)", (*columns.values(), documented_digest(**columns)))
    with pytest.raises(LedgerError, match=r"row 4 of .* was altered"):
        Journal(tmp_path / "j", purpose=PURPOSE)


def test_without_a_head_a_forged_row_that_follows_is_not_found_since_the_chain_is_no_signature(tmp_path: Path) -> None:
    last = three_rows(tmp_path / "j").rows()[2]
    columns = (4, "a" * 32, '{"n":4}', last.digest)
    tamper(tmp_path / "j", "INSERT INTO journal VALUES (?, ?, ?, ?, ?)", (*columns, documented_digest(*columns)))
    Journal(tmp_path / "j", purpose=PURPOSE).verify()


@pytest.mark.parametrize("edit", ["UPDATE journal SET record = '{\"n\":9}' WHERE seq = 3", "DELETE FROM journal WHERE seq = 3"])
def test_an_open_journal_does_not_append_after_a_last_row_that_changed(edit: str, tmp_path: Path) -> None:
    journal = three_rows(tmp_path / "j")
    tamper(tmp_path / "j", edit)
    before = (tmp_path / "j").read_bytes()
    with pytest.raises(LedgerError, match="lost or changed"):
        add(journal, {})
    assert (tmp_path / "j").read_bytes() == before


def test_a_deleted_last_row_is_a_correct_chain_and_found_by_its_head(tmp_path: Path) -> None:
    head = three_rows(tmp_path / "j").rows()[2].head
    tamper(tmp_path / "j", "DELETE FROM journal WHERE seq = 3")
    later = Journal(tmp_path / "j", purpose=PURPOSE)
    later.verify()
    with pytest.raises(LedgerError, match="lacks row 3"):
        later.verify_head(head)
    add(later, {"n": 3})  # the same record again is another row
    with pytest.raises(LedgerError, match=r"row 3 of .* is not the one expected"):
        later.verify_head(head)


def test_a_restored_copy_is_found_by_a_head_and_by_an_open_journal(tmp_path: Path) -> None:
    journal = journal_at(tmp_path / "j")
    shutil.copy(tmp_path / "j", tmp_path / "copy")
    head = add(journal, {"n": 2}).head
    shutil.copy(tmp_path / "copy", tmp_path / "j")
    with pytest.raises(LedgerError, match="lacks row 2"):
        Journal(tmp_path / "j", purpose=PURPOSE).verify_head(head)
    for operation in (journal.rows, journal.verify, lambda: add(journal, {})):
        with pytest.raises(LedgerError, match="lost or changed"):
            operation()


def test_a_file_deleted_and_made_anew_is_found(tmp_path: Path) -> None:
    journal = three_rows(tmp_path / "j")
    head = journal.rows()[2].head
    (tmp_path / "j").unlink()
    with pytest.raises(LedgerError, match="cannot be opened"):
        add(journal, {})
    anew = three_rows(tmp_path / "j")
    with pytest.raises(LedgerError, match="belongs to another test journal"):
        anew.verify_head(head)
    with pytest.raises(LedgerError, match="lost or changed"):
        add(journal, {})


@pytest.mark.parametrize(
    "change",
    [{"seq": 0}, {"seq": True}, {"seq": "2"}, {"seq": 2.0}, {"seq": 4}, {"id": "x"}, {"digest": "x"}, {"more": 1}],
)
def test_a_head_that_is_not_exactly_the_rows_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    journal = three_rows(tmp_path / "j")
    with pytest.raises(LedgerError):
        journal.verify_head({**journal.rows()[1].head, **change})


def test_what_is_no_head_is_refused(tmp_path: Path) -> None:
    journal = three_rows(tmp_path / "j")
    for head in ({}, {**journal.rows()[0].head, "seq": True}, {**journal.rows()[0].head, "seq": 1.0}):
        with pytest.raises(LedgerError, match="not the head of a journal's row"):
            journal.verify_head(head)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET record = '{}'",
        "DELETE FROM journal WHERE seq = 3",
        "INSERT OR REPLACE INTO journal VALUES (3, '', '', '', '')",
        "INSERT INTO journal VALUES (5, '', '', '', '')",
    ],
)
def test_triggers_stop_accidents(statement: str, tmp_path: Path) -> None:
    three_rows(tmp_path / "j")
    connection = sqlite3.connect(tmp_path / "j")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER journal_loses_none",
        "CREATE TRIGGER swallow BEFORE INSERT ON journal BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TABLE more (x)",
        "PRAGMA journal_mode = WAL",
    ],
)
def test_a_changed_schema_is_refused_since_a_trigger_could_swallow_rows(change: str, tmp_path: Path) -> None:
    journal = three_rows(tmp_path / "j")
    connection = sqlite3.connect(tmp_path / "j")
    connection.execute(change)
    connection.close()
    with pytest.raises(LedgerError, match="altered by another program"):
        add(journal, {})


@pytest.mark.parametrize(
    ("position", "damage"), [(5 * 4096, b"\xaa" * 4096), (36, b"\0\0\0\7")], ids=["a page", "the count of free pages"]
)
def test_damage_is_found_also_where_no_row_stands(position: int, damage: bytes, tmp_path: Path) -> None:
    journal = journal_at(tmp_path / "j")
    for n in range(10):
        add(journal, {"padding": "x" * 3000, "n": n})
    with open(tmp_path / "j", "r+b") as file:
        file.seek(position)
        file.write(damage)
    with pytest.raises(LedgerError, match="damaged"):
        journal.verify()


def test_every_transaction_waits_for_the_disk_and_for_the_directory(tmp_path: Path) -> None:
    # No test can cut the power: this holds the setting on which SQLite's promise rests.
    with three_rows(tmp_path / "j")._transaction("BEGIN") as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (3,)  # EXTRA
        assert connection.execute("PRAGMA fullfsync").fetchone() == (1,)


# When the world gets in the way


def test_a_locked_file_is_waited_for_then_refused_with_nothing_changed(tmp_path: Path) -> None:
    journal = journal_at(tmp_path / "j", wait=0.2)
    other = sqlite3.connect(tmp_path / "j", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for operation in (
        journal.rows,
        journal.verify,
        lambda: add(journal, {}),
        lambda: journal_at(tmp_path / "j", wait=0),
    ):
        with pytest.raises(LedgerError, match="is in use by another process"):
            operation()
    other.execute("ROLLBACK")
    other.close()
    assert add(journal, {}).seq == 2


def test_a_lock_that_is_released_in_time_only_delays(tmp_path: Path) -> None:
    journal = journal_at(tmp_path / "j")
    locked, release = threading.Event(), threading.Event()

    def hold(rows: tuple[Row, ...]) -> dict[str, Any]:
        locked.set()
        release.wait(10)
        return {"by": "the first"}

    thread = threading.Thread(target=lambda: journal.append(hold))
    thread.start()
    locked.wait(10)
    threading.Timer(0.1, release.set).start()
    assert add(journal, {"by": "the second"}).seq == 3
    thread.join()


# The child process may write up to `allowed` bytes more to any one file, as on a disk that is full.
FULL_DISK = """
import os, resource, sys
from privlib.errors import LedgerError
from privlib.journal import Journal
path, allowed = sys.argv[1], int(sys.argv[2])
made = os.path.exists(path)
journal = Journal(path, purpose="test journal") if made else None
size = os.path.getsize(path) if made else 0
resource.setrlimit(resource.RLIMIT_FSIZE, (size + allowed, size + allowed))
try:
    if journal is None:
        Journal(path, purpose="test journal", opening={"padding": "x" * 100_000})
    else:
        journal.append(lambda rows: {"padding": "x" * 100_000})
except LedgerError as error:
    print(error)
    sys.exit(3)
"""


@pytest.mark.parametrize("allowed", [0, 1000, 4096, 20_000])
@pytest.mark.parametrize("exists", [True, False])
def test_a_full_disk_is_an_error_and_leaves_the_rows_as_they_were(allowed: int, exists: bool, tmp_path: Path) -> None:
    rows = three_rows(tmp_path / "j").rows() if exists else ()
    child = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "j"), str(allowed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 3, child.stderr
    assert "full" in child.stdout or "cannot be read or written" in child.stdout
    if exists:
        later = Journal(tmp_path / "j", purpose=PURPOSE)
        later.verify()
        assert later.rows() == rows
        assert add(later, {}).seq == 4
    else:
        assert os.listdir(tmp_path) == []


READ_ONLY = """
import os, sys
from privlib.errors import LedgerError
from privlib.journal import Journal
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)  # nobody: the superuser may write everywhere
path = sys.argv[1]
journal = Journal(path, purpose="test journal")
journal.verify()
for operation in (lambda: journal.append(lambda rows: {}), lambda: Journal(path + "2", purpose="x", opening={})):
    try:
        operation()
    except LedgerError as error:
        print(error)
"""


@pytest.mark.parametrize(("file_mode", "directory_mode"), [(0o444, 0o555), (0o444, 0o777), (0o666, 0o555)])
def test_what_is_read_only_can_be_verified_but_not_appended_to(file_mode: int, directory_mode: int) -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own directory is closed to other users
        Path(name).chmod(0o755)
        folder = Path(name) / "open"
        folder.mkdir()
        rows = three_rows(folder / "j").rows()
        (folder / "j").chmod(file_mode)
        folder.chmod(directory_mode)
        command = [sys.executable, "-c", READ_ONLY, str(folder / "j")]
        child = subprocess.run(command, capture_output=True, text=True, check=False)
        folder.chmod(0o755)
        assert child.returncode == 0, child.stderr
        assert "cannot be opened for writing" in child.stdout
        assert ("cannot be created: Permission denied" in child.stdout) == (directory_mode == 0o555)
        assert Journal(folder / "j", purpose=PURPOSE).rows() == rows


INTERRUPTED = """
import os, signal, sys
from privlib.journal import Journal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
journal = Journal(sys.argv[1], purpose="test journal")
def interrupted(rows):
    os.kill(os.getpid(), signal.SIGINT)
    return {"n": 4}
try:
    journal.append(interrupted)
except KeyboardInterrupt:
    print(journal.append(lambda rows: {"after": len(rows)}).seq)
"""


def test_an_interrupt_rolls_back_and_the_journal_stays_usable(tmp_path: Path) -> None:
    three_rows(tmp_path / "j")
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "j")]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert child.stdout == "4\n", child.stderr
    journal = Journal(tmp_path / "j", purpose=PURPOSE)
    journal.verify()
    assert journal.rows()[3].record == {"after": 3}
    assert os.listdir(tmp_path) == ["j"]


INTERRUPTS = """
import signal, sys
from privlib.journal import Journal

journal, armed, done = Journal(sys.argv[1], purpose="test journal", opening={"made": "here"}), False, 0

def interrupt(*_):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
for n in range(1, 61):
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, n * 4e-5)
        journal.append(lambda rows: {"n": n})
        armed = False
        done += 1
    except KeyboardInterrupt:
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
journal.verify()
print(done, len(journal.rows()) - 1)
"""


def test_interrupts_at_any_moment_leave_a_journal_that_verifies(tmp_path: Path) -> None:
    # In a process of its own: an interrupt inside the code that measures coverage would leave that one's lock taken for ever.
    command = [sys.executable, "-W", "ignore", "-c", INTERRUPTS, str(tmp_path / "j")]
    child = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert child.returncode == 0, child.stderr
    done, rows = map(int, child.stdout.split())
    assert done <= rows <= 60
    assert done < 60
    journal_at(tmp_path / "j").verify()
    assert os.listdir(tmp_path) == ["j"]


# Sharing


def test_threads_may_share_one_object(tmp_path: Path) -> None:
    journal = journal_at(tmp_path / "j", wait=60)
    failures: list[BaseException] = []

    def work(who: int) -> None:
        try:
            for n in range(6):
                add(journal, {"who": who, "n": n})
                journal.verify()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    journal.verify()
    records = [row.record for row in journal.rows()[1:]]
    for who in range(4):
        assert [record["n"] for record in records if record["who"] == who] == list(range(6))
    assert len(records) == 24


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_journal_opened_before_a_fork_serves_both(tmp_path: Path) -> None:
    journal = three_rows(tmp_path / "j")
    child = os.fork()
    if child == 0:
        try:
            for _ in range(10):
                add(journal, {"by": "child"})
            os._exit(0)
        except BaseException:
            os._exit(1)
    for _ in range(10):
        add(journal, {"by": "parent"})
    assert os.waitpid(child, 0)[1] == 0
    journal.verify()
    assert len(journal.rows()) == 23


def test_a_pickled_journal_remembers_what_it_has_seen(tmp_path: Path) -> None:
    copy = pickle.loads(pickle.dumps(three_rows(tmp_path / "j")))
    assert add(copy, {}).seq == 4
    tamper(tmp_path / "j", "DELETE FROM journal WHERE seq = 4")
    with pytest.raises(LedgerError, match="lost or changed"):
        copy.rows()


def test_two_creators_at_once_agree_on_one_file(tmp_path: Path) -> None:
    for n in range(10):
        path = tmp_path / str(n)
        barrier = threading.Barrier(4)
        made: list[str] = []

        def make(path: Path = path, barrier: threading.Barrier = barrier, made: list[str] = made) -> None:
            barrier.wait()
            made.append(journal_at(path).rows()[0].id)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 4
        assert len(set(made)) == 1
    assert sorted(os.listdir(tmp_path), key=int) == [str(n) for n in range(10)]

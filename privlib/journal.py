"""Append-only, hash-chained records in one SQLite file: what the ledger and every other durable state stand on.

Locking, atomicity and recovery after a crash are SQLite's. Each row carries the digest of the row before, so an edited
row is found by `Journal.verify`. A file that was cut short, or replaced by an older copy, is a correct chain all
the same: it is found by `Journal.verify_head`, given the head of a row that was written down elsewhere, and by an
open `Journal` that has seen more.

What is not detected: the loss of rows whose heads nobody kept, and a forger who rewrites the whole chain and every head
outside it. The chain is not a signature.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from privlib.errors import InvalidInput, LedgerError

__all__ = ["Head", "Journal", "Json", "Row", "canonical"]

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""What a record may hold. Rationals and integers from 2**53 on are written as text; there are no floats."""

Head: TypeAlias = dict[str, str | int]
"""Names one row for good: the journal's identity, and the row's number, identity and digest."""

FORMAT = 1
_APPLICATION = 0x70726976  # "priv", in the header field that SQLite reserves for telling file types apart
_SCHEMA = {
    "journal": "CREATE TABLE journal (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, record TEXT NOT NULL, "
    "previous TEXT NOT NULL, digest TEXT NOT NULL)",
    # The triggers stop accidents; the chain finds intent. The third one also stops INSERT OR REPLACE, which deletes
    # without telling the second.
    "journal_keeps_rows": "CREATE TRIGGER journal_keeps_rows BEFORE UPDATE ON journal "
    "BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END",
    "journal_loses_none": "CREATE TRIGGER journal_loses_none BEFORE DELETE ON journal "
    "BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END",
    "journal_only_grows": "CREATE TRIGGER journal_only_grows BEFORE INSERT ON journal "
    "WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal) "
    "BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END",
}
_EVERY_ROW = -(2**63)
_LONGEST_INTEGER = 2**53

_IN_USE = "is in use by another process: wait for it and try again"
_FORBIDDEN = "cannot be opened for writing: check that it is a file, and the permissions of it and of its directory"
_FOREIGN = "is not a journal that privlib wrote: check the path"
_DAMAGED = "is damaged: restore a copy, and verify it against the heads in your releases"
_CURES = {
    sqlite3.SQLITE_BUSY: _IN_USE,
    sqlite3.SQLITE_LOCKED: _IN_USE,
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_CANTOPEN: _FORBIDDEN,
    sqlite3.SQLITE_NOTADB: _FOREIGN,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: "cannot grow, the disk is full: free some space and try again",
    sqlite3.SQLITE_IOERR: "cannot be read or written: check the disk, its free space and the limits on file size",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One verified row.

    Attributes
    ----------
    journal : str
        The identity of the journal: the id of its first row.
    seq : int
        The row's number, from 1.
    id : str
        Thirty-two random hexadecimal digits.
    text : str
        The record as canonical JSON, which is what the digest covers.
    previous, digest : str
        The digest of the row before (empty in row 1) and of this row.
    """

    journal: str
    seq: int
    id: str
    text: str
    previous: str
    digest: str

    @property
    def record(self) -> dict[str, Json]:
        """The record, parsed; a fresh copy at every call, so that nobody can change what was verified."""
        return cast(dict[str, Json], json.loads(self.text))

    @property
    def head(self) -> Head:
        """What to keep outside the journal to be able to find out later that this row is still there."""
        return {"journal": self.journal, "seq": self.seq, "id": self.id, "digest": self.digest}


def canonical(value: Json) -> str:
    """Write a record in the one spelling that digests are taken of: sorted keys, no spaces, ASCII.

    Parameters
    ----------
    value : None, bool, int, str, list or dict
        Nested as wanted. Integers lie strictly between -2**53 and 2**53: every JSON reader sees the same number.

    Returns
    -------
    str

    Raises
    ------
    InvalidInput
        For anything else, floats above all: write rationals and big integers as text.

    Examples
    --------
    >>> canonical({"limit": "1/3", "again": [True, None, 2]})
    '{"again":[true,null,2],"limit":"1/3"}'
    """
    _check(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


class Journal:
    """An append-only, hash-chained table in one SQLite file.

    No connection stays open between calls: each call opens the file, makes its one transaction and closes it. An object
    may therefore be shared by threads, pickled, and carried over a fork (fork while no other thread is inside a call).

    Parameters
    ----------
    path : str or path
        The file, on a file system with hard links and working locks; on many network file systems locks do not work.
        While a program uses a journal it must not open the file by other means: closing it would drop SQLite's lock.
    purpose : str
        What the journal is for, such as ``"privlib ledger"``. It is stored; a file made for another purpose is refused.
    opening : dict, optional
        The first record. With it a missing file is created, complete or not at all; without it that is refused.
    wait : float
        Seconds to wait for another process that is writing.

    Raises
    ------
    LedgerError
        When the file is missing, locked, damaged, not a journal, or made for another purpose. Every other operation
        raises it too, and then has written nothing. (When the disk itself fails at the end of an append, the row may
        stand in the file although the call raised. For a charge that is the safe side.)

    Examples
    --------
    >>> journal = Journal(tempfile.mkdtemp() + "/notes.db", purpose="notes", opening={"by": "me"})
    >>> row = journal.append(lambda rows: {"rows before": len(rows)})
    >>> row.seq, row.record
    (2, {'rows before': 1})
    >>> journal.verify_head(row.head)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        purpose: str,
        opening: Mapping[str, Json] | None = None,
        wait: float = 10.0,
    ) -> None:
        self.path = Path(path).absolute()
        self.purpose = purpose
        self._wait = wait
        self._known: tuple[Row, ...] = ()  # replaced, never changed in place: threads may share the object
        stale = os.path.lexists(f"{self.path}-journal")  # before the next line, or another creator's would be seen
        if not os.path.lexists(self.path):
            if opening is None:
                raise LedgerError(f"there is no {purpose} at {self.path}: check the path")
            if stale:  # SQLite would roll a lost file's last transaction back into the new one
                raise LedgerError(f"{self.path}-journal is the rest of a {purpose} that is gone: restore or remove it")
            self._create({**opening, "purpose": purpose})
        self.rows()

    def append(self, decide: Callable[[tuple[Row, ...]], Mapping[str, Json]]) -> Row:
        """Add a row that depends on all rows before it, with nobody writing in between.

        Parameters
        ----------
        decide : callable
            Receives all rows, verified, and returns the record to append. It refuses by raising: then nothing is
            written. It runs while the file is locked, so it should be short, and must not use this journal.

        Returns
        -------
        Row
            The new row, which a crash or power loss can no longer take back.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            rows = self._known = self._read(connection, self._known)
            row = _insert(connection, rows[-1], canonical(dict(decide(rows))))
        self._known = (*rows, row)
        return row

    def rows(self) -> tuple[Row, ...]:
        """Read all rows; verify those that this object has not seen, and compare the last that it has seen."""
        with self._transaction("BEGIN") as connection:
            rows = self._known = self._read(connection, self._known)
        return rows

    def verify(self) -> None:
        """Verify the whole file, or raise LedgerError: its pages, every digest, and that no row seen before is gone."""
        self._verified()

    def verify_head(self, head: Mapping[str, object]) -> None:
        """Verify the whole file, and that a row is in it exactly as its head says.

        Parameters
        ----------
        head : dict
            What `Row.head` gave when the row was written.

        Raises
        ------
        LedgerError
            When the row is not there: the journal was cut short, replaced by an older copy, rewritten, or is another.
        """
        rows = self._verified()
        seq = head.get("seq")
        if not isinstance(seq, int) or isinstance(seq, bool) or seq < 1:
            raise LedgerError("this is not the head of a journal's row as privlib writes it")
        if head.get("journal") != rows[0].id:
            raise LedgerError(f"this head belongs to another {self.purpose} than {self.path}")
        if seq > len(rows):
            raise LedgerError(f"{self.path} lacks row {seq}: it was cut short, or is an older copy")
        if rows[seq - 1].head != head:
            raise LedgerError(f"row {seq} of {self.path} is not the one expected: the file was rewritten or replaced")

    def _verified(self) -> tuple[Row, ...]:
        with self._transaction("BEGIN") as connection:
            if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                raise LedgerError(f"{self.path} {_DAMAGED}")
            rows = self._read(connection, ())
            if rows[: len(self._known)] != self._known:  # inside: afterwards another thread may have seen more
                raise self._changed()
            self._known = rows
        return rows

    def _create(self, opening: Mapping[str, Json]) -> None:
        """Make the whole file elsewhere and give it its name in one step, which fails when the name is taken."""
        try:
            with tempfile.TemporaryDirectory(prefix=".privlib-", dir=self.path.parent) as folder:
                made = Path(folder) / "journal"
                with self._connection(made, "rwc") as connection:
                    made.chmod(0o600)
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                    connection.execute(f"PRAGMA user_version = {FORMAT}")
                    for statement in _SCHEMA.values():
                        connection.execute(statement)
                    _insert(connection, None, canonical(opening))
                    connection.execute("COMMIT")
                os.link(made, self.path)
                descriptor = os.open(self.path.parent, os.O_RDONLY)
                try:
                    os.fsync(descriptor)  # the name itself must survive a power loss
                finally:
                    os.close(descriptor)
        except FileExistsError:
            return  # another process was faster; its file is checked like any other
        except OSError as error:
            raise LedgerError(f"{self.path} cannot be created: {error.strerror}") from error

    @contextmanager
    def _connection(self, path: Path, mode: str) -> Generator[sqlite3.Connection]:
        try:
            address = f"{path.as_uri()}?mode={mode}"
            connection = sqlite3.connect(address, uri=True, timeout=self._wait, isolation_level=None)
            try:
                # FULL and, after a commit, the directory too: else a power loss could bring the rollback journal back,
                # and with it undo a charge whose release is already out.
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone leaves data in the drive's cache
                connection.execute("PRAGMA trusted_schema = OFF")
                yield connection
            finally:
                connection.close()  # rolls back what is not committed, also after KeyboardInterrupt
        except sqlite3.Error as error:
            cure = _CURES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "cannot be used")
            raise LedgerError(f"{self.path} {cure} ({error})") from error

    @contextmanager
    def _transaction(self, begin: str) -> Generator[sqlite3.Connection]:
        with self._connection(self.path, "rw") as connection:
            connection.execute(begin)
            self._recognise(connection)
            yield connection
            connection.execute("COMMIT")

    def _recognise(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone() != (_APPLICATION,):
            raise LedgerError(f"{self.path} {_FOREIGN}")
        if connection.execute("PRAGMA user_version").fetchone() != (FORMAT,):
            raise LedgerError(f"{self.path} was written by a newer privlib: install that one")
        # WAL would spread the journal over two files, and does not work everywhere.
        mode = connection.execute("PRAGMA journal_mode").fetchone()
        schema = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE substr(name, 1, 7) <> 'sqlite_'"))
        if schema != _SCHEMA or mode != ("delete",):
            raise LedgerError(f"{self.path} was altered by another program: restore a copy, and verify it")

    def _read(self, connection: sqlite3.Connection, known: tuple[Row, ...]) -> tuple[Row, ...]:
        """Extend the verified rows by what is new in the file."""
        start = known[-1].seq if known else _EVERY_ROW
        stored = connection.execute(
            "SELECT seq, id, record, previous, digest FROM journal WHERE seq >= ? ORDER BY seq", (start,)
        ).fetchall()
        rows = list(known)
        for position, columns in enumerate(stored):
            if known and position == 0:
                if Row(known[0].journal, *columns) != known[-1]:
                    raise self._changed()
                continue
            before = rows[-1] if rows else None
            row = Row(before.journal if before else columns[1], *columns)
            if not _follows(row, before):
                raise LedgerError(f"row {len(rows) + 1} of {self.path} was altered: restore a copy, and verify it")
            rows.append(row)
        if not stored:
            raise self._changed()
        if rows[0].record.get("purpose") != self.purpose:
            raise LedgerError(f"{self.path} is not a {self.purpose}: check the path")
        return tuple(rows)

    def _changed(self) -> LedgerError:
        return LedgerError(f"{self.path} has lost or changed rows that were in it: restore the newest copy")


def _insert(connection: sqlite3.Connection, before: Row | None, text: str) -> Row:
    identity = secrets.token_hex(16)
    seq, previous = (before.seq + 1, before.digest) if before else (1, "")
    journal = before.journal if before else identity
    row = Row(journal, seq, identity, text, previous, _digest(seq, identity, text, previous))
    connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", (seq, identity, text, previous, row.digest))
    return row


def _digest(seq: int, identity: str, text: str, previous: str) -> str:
    # A JSON list is unambiguous: no choice of fields can imitate another.
    return hashlib.sha256(canonical(["privlib journal", FORMAT, seq, identity, text, previous]).encode()).hexdigest()


def _follows(row: Row, before: Row | None) -> bool:
    """Whether a row, as the file has it (so of any type), is the one that was appended after ``before``."""
    seq, previous = (before.seq + 1, before.digest) if before else (1, "")
    try:
        return (
            row.seq == seq
            and row.previous == previous
            and row.digest == _digest(row.seq, row.id, row.text, row.previous)
            and row.text == canonical(dict(row.record))
        )
    except (TypeError, ValueError, RecursionError):
        return False


def _check(value: object) -> None:
    if isinstance(value, dict):
        for key, item in cast(dict[object, object], value).items():
            if not isinstance(key, str):
                raise InvalidInput("the keys of a record must be str")
            _check(item)
    elif isinstance(value, list):
        for item in cast(list[object], value):
            _check(item)
    elif isinstance(value, int):
        if abs(value) >= _LONGEST_INTEGER:
            raise InvalidInput("an integer from 2**53 on must be recorded as text")
    elif value is not None and not isinstance(value, str):
        raise InvalidInput(f"a record must hold str, int, bool, None, dict and list only, not {type(value).__name__}")

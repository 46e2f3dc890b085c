"""A dealer's events in a file: an append-only journal whose rows are sealed with AES-256-GCM.

The file is worth the secret to whoever has it and its key. Each row is sealed together with its place (the journal, the row's
number and the digest of the row before), so rows of two branches of one history cannot be mixed.

A copy that is older than the file it replaces is a sound history all the same, and would give a participant number out twice.
Three things tell it: a head that was kept elsewhere; the head that stands beside the file, under its name and ``.head``, without
which a state is refused; and the inodes of both files with the moments at which they were made, where the system tells them.
Every row names the state's, and each head, which is a new file every time, its own: so copies are known as such, be they put
in the place of the two files or written into them.

What cannot be detected from within: that the disk or the virtual machine as a whole went back (a snapshot), and, where the
system does not tell when a file was made, a copy whose inodes happen to be those of the files it replaces. Nor can a state know
that a copy of it is continued elsewhere. Only a head that is kept elsewhere tells the first, and nothing tells the last.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
import threading
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from privlib.errors import DealerError, InvalidInput, LedgerError
from privlib.journal import Head, Journal, Json, Row, canonical
from privlib.sharing.codes import Code
from privlib.sharing.events import Event, Made, read, write
from privlib.sharing.state import State
from privlib.sharing.streams import KEY

__all__ = ["PURPOSE", "SealedLog", "Unlocking"]

PURPOSE = "privlib dealer"
"""What the journal of a dealer's events is for."""

FORMAT = 1
_NONCE = 12
_SCRYPT = 1 << 17  # 128 MiB and about half a second for each guess of a passphrase
_MOST_SCRYPT = _SCRYPT  # a foreign file must not eat the memory
_SALT = 16
_AT_FDCWD, _STATX_BTIME = -100, 0x800  # of linux/fcntl.h and linux/stat.h
_NEWER = "Dealer.recover, or privlib share recover, goes on with an older or moved copy once told what was given out since"


class Unlocking:
    """What opens a state: a key, or a passphrase.

    Parameters
    ----------
    opener : bytes, optional
        A key of 32 secret bytes.
    passphrase : str, optional
        Or words that a person remembers; they are stretched by scrypt.

    Raises
    ------
    InvalidInput
        Unless exactly one of the two is given.
    """

    __slots__ = ("_key", "_words")

    def __init__(self, opener: bytes | None, passphrase: str | None) -> None:
        if (opener is None) == (passphrase is None):
            raise InvalidInput("a dealer's state needs key=, 32 secret bytes, or passphrase=, and not both")
        if opener is not None and (not isinstance(opener, bytes) or len(opener) != KEY):
            raise InvalidInput(f"key must be {KEY} bytes")
        if passphrase is not None and (not isinstance(passphrase, str) or not passphrase):
            raise InvalidInput("passphrase must be a str that is not empty")
        words = None if passphrase is None else _spelled(passphrase)
        if passphrase is not None and words is None:
            raise InvalidInput("passphrase holds half a character, as bytes that are no text do")
        self._key, self._words = opener, words

    def opening(self) -> dict[str, Json]:
        """The first row of a new state: how its key is made, and nothing secret."""
        cost = 0 if self._words is None else _SCRYPT
        return {"format": FORMAT, "salt": os.urandom(_SALT).hex(), "scrypt": cost}

    def cipher(self, opening: Mapping[str, Json]) -> AESGCM:
        """The cipher of a state with this first row."""
        salt, cost = opening.get("salt"), opening.get("scrypt")
        if opening.get("format") != FORMAT or not isinstance(salt, str) or not isinstance(cost, int):
            raise DealerError("this dealer's state was written by another version of privlib: use that one")
        try:
            grains = bytes.fromhex(salt)
        except ValueError:
            raise DealerError("this dealer's state is damaged: its first row is none that privlib wrote") from None
        if (cost == 0) != (self._words is None):
            raise DealerError(f"this dealer's state is opened by a {'passphrase' if cost else 'key'}")
        if self._words is not None:
            if not 1 < cost <= _MOST_SCRYPT or cost & (cost - 1):
                raise DealerError("this dealer's state asks for more memory than a passphrase may cost: it is damaged")
            secret = Scrypt(salt=grains, length=KEY, n=cost, r=8, p=1).derive(self._words)
        else:
            secret = cast(bytes, self._key)
        info = b"privlib sharing: a dealer's state, 1"
        return AESGCM(HKDF(algorithm=SHA256(), length=KEY, salt=grains, info=info).derive(secret))


class SealedLog:
    """Events in a sealed journal; made by `create` and `open`."""

    __slots__ = ("_cipher", "_code", "_journal", "_lock", "_read", "_state", "path")

    def __init__(self, journal: Journal, cipher: AESGCM, code: Code | None) -> None:
        self.path = journal.path
        self._journal, self._cipher, self._code = journal, cipher, code
        self._lock = threading.Lock()
        self._state: State | None = None
        self._read = 1  # rows taken in; the first holds no event

    @classmethod
    def create(cls, path: str | os.PathLike[str], unlocking: Unlocking, made: Made) -> SealedLog:
        """Begin a state in a new file; the first event is durable when this returns."""
        if os.path.lexists(path):
            raise DealerError(f"there is something at {path} already: a dealer's state is never overwritten, open it instead")
        with _told():
            journal = Journal(path, purpose=PURPOSE, opening=unlocking.opening())
            log = cls(journal, unlocking.cipher(journal.rows()[0].record), made.spec.prefix_code)

            def first(rows: tuple[Row, ...]) -> dict[str, Json]:
                if len(rows) > 1:
                    raise DealerError(f"another process has just begun a dealer at {path}")
                return log._seal(rows, made)

            journal.append(first)
            log._keep_head()
        log.current()
        return log

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        unlocking: Unlocking,
        *,
        head: Head | None = None,
        code: Code | None = None,
        recovering: bool = False,
    ) -> SealedLog:
        """Open a state. A copy, or an older one, is refused unless it is to be recovered."""
        with _told():
            journal = Journal(path, purpose=PURPOSE)
            rows = journal.rows()
            if "retired" in rows[0].record:
                raise _retired(path)
            if len(rows) == 1:
                raise DealerError(f"{path} was begun and never finished, so no share ever left it: remove it")
            log = cls(journal, unlocking.cipher(rows[0].record), code)
            home = log._unseal(rows[-1]).get("home")  # a wrong key shows here, before anything else is said
            if not recovering:
                log._check_newest(rows, head, home)
            journal.verify()
        if log.current().retired:  # a crash came between the event and the wiping
            log.wipe()
            raise _retired(path)
        if not recovering:
            with _told():
                log._keep_head()  # a crash may have come between a row and its head
        return log

    @property
    def head(self) -> Head:
        """The newest row's head."""
        with _told():
            return self._journal.rows()[-1].head

    def current(self) -> State:
        """The state with everything that other processes added."""
        with self._lock, _told():
            if self._state is not None and self._state.retired:
                return self._state
            return self._take_in(self._journal.rows())

    def append(self, decide: Callable[[State], Event | None]) -> State:
        """Add the event that ``decide`` gives, with nobody writing in between, and make it durable; none for None."""
        seen: tuple[Row, ...] = ()

        def record(rows: tuple[Row, ...]) -> dict[str, Json]:
            nonlocal seen
            seen, state = rows, self._take_in(rows)
            event = decide(state)
            if event is None:
                raise _Nothing
            state.check(event)
            return self._seal(rows, event)

        with self._lock, _told():
            try:
                row = self._journal.append(record)
            except _Nothing:
                return self._take_in(seen)
            self._keep_head()
            return self._take_in((*seen, row))

    def wipe(self) -> None:
        """Put an empty state in the file's place and overwrite the old one, as far as the disk lets one."""
        with self._lock, _told():
            if self._state is not None:
                self._state.wipe()
            with tempfile.TemporaryDirectory(prefix=".privlib-", dir=self.path.parent) as folder:
                bare = Path(folder) / "state"
                Journal(bare, purpose=PURPOSE, opening={"format": FORMAT, "retired": True})
                with self.path.open("r+b") as old:
                    size = os.fstat(old.fileno()).st_size
                    bare.replace(self.path)
                    old.write(bytes(size))
                    old.flush()
                    os.fsync(old.fileno())
            _beside(self.path).unlink(missing_ok=True)

    def _take_in(self, rows: tuple[Row, ...]) -> State:
        for row in rows[self._read :]:
            try:
                event = read(self._unseal(row)["event"], self._code)
                if self._state is not None:
                    self._state.apply(event)
                elif isinstance(event, Made):
                    self._state = State(event)
                self._read += 1
            except BaseException:  # Ctrl-C, say, may come between: the next reader starts over
                self._read, self._state = 1, None
                raise
        if self._state is None:
            raise DealerError(f"{self.path} holds no dealer")
        return self._state

    def _seal(self, rows: tuple[Row, ...], event: Event) -> dict[str, Json]:
        text = canonical({"event": write(event), "home": _home(self.path)}).encode()
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, text, _place(rows[0].id, len(rows) + 1, rows[-1].digest))
        return {"sealed": b64encode(nonce + sealed).decode()}

    def _unseal(self, row: Row) -> dict[str, Any]:
        try:
            sealed = b64decode(cast(str, row.record["sealed"]), validate=True)
            text = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _place(row.journal, row.seq, row.previous))
        except (InvalidTag, KeyError, TypeError, ValueError):
            raise DealerError(f"{self.path} does not open: the key or passphrase is wrong, or the file was altered") from None
        return cast(dict[str, Any], json.loads(text))

    def _check_newest(self, rows: tuple[Row, ...], head: Head | None, home: object) -> None:
        kept, in_place = _kept_head(self.path)
        for known in (head, kept):
            if known is not None:
                try:
                    self._journal.verify_head(known)
                except LedgerError as error:
                    raise DealerError(f"{error}. {_NEWER}") from None
        if head is not None and head == rows[-1].head:  # the newest there is: it may have moved
            return
        if kept is None and len(rows) > 2:  # with two rows a crash may have come before the first head, and no share left
            raise DealerError(f"{_beside(self.path)} is missing: the state may be an older copy. {_NEWER}")
        if home != _home(self.path) or (not in_place):
            raise DealerError(f"{self.path} is a copy: what was issued since it was made is not in it. {_NEWER}")

    def _keep_head(self) -> None:
        """Write the newest head beside the file, so that an older copy of it is noticed.

        Another process may add a row and write its head meanwhile; whoever writes last looks again.
        """
        kept: Head | None = None
        while (newest := self._journal.rows()[-1].head) != kept:
            descriptor, name = tempfile.mkstemp(prefix=".privlib-", dir=self.path.parent)  # mode 0600
            try:
                with os.fdopen(descriptor, "w") as file:
                    json.dump({"head": newest, "home": _home(Path(name))}, file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(_beside(self.path))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            kept = newest


class _Nothing(Exception):
    """Ends a transaction in which nothing is to be added."""


def _retired(path: str | os.PathLike[str]) -> DealerError:
    return DealerError(f"the dealer at {path} is retired: nobody can be added any more")


def _place(journal: str, seq: int, previous: str) -> bytes:
    return canonical([PURPOSE, FORMAT, journal, seq, previous]).encode()


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.head")


def _kept_head(path: Path) -> tuple[Head | None, bool]:
    """The head beside a state, and whether it stands in the file that it was written to."""
    try:
        before, head, home = "", None, ""
        while (now := _home(_beside(path))) != before:  # again where another process put a newer one there meanwhile
            kept = json.loads(_beside(path).read_text())
            before, head, home = now, kept["head"], kept["home"]
    except FileNotFoundError:
        return None, True
    except (KeyError, TypeError, ValueError):
        head, home, now = None, "", ""
    if not isinstance(head, dict):
        raise DealerError(f"{_beside(path)} is damaged. {_NEWER}")
    return cast(Head, head), home == now


def _home(path: Path) -> str:
    """Which file this is: its inode, and when it was made, for inodes are used again.

    The device is left out: its number may change when the machine starts again. The file is not opened, because closing it
    would drop the lock of the journal that has it open.
    """
    status = path.stat()
    return f"{status.st_ino}:{getattr(status, 'st_birthtime', None) or _birth(path)}"


def _birth(path: Path) -> str:
    """When a file was made, as Linux tells it by statx(2), which Python does not know yet; empty where nothing tells it."""
    if sys.platform != "linux":
        return ""
    found = ctypes.create_string_buffer(256)  # struct statx: stx_mask is its bytes 0 to 3, stx_btime 80 to 91
    try:
        failed = ctypes.CDLL(None).statx(_AT_FDCWD, os.fsencode(path), 0, _STATX_BTIME, found)
    except (AttributeError, OSError):  # a C library without it
        return ""
    known = int.from_bytes(found.raw[:4], sys.byteorder) & _STATX_BTIME
    return found.raw[80:92].hex() if known and not failed else ""


def _spelled(passphrase: str) -> bytes | None:
    """The passphrase in Unicode's one spelling, or None; the error of Python would hold it, and so would whoever shows that."""
    try:
        return unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError:
        return None


@contextmanager
def _told() -> Generator[None]:
    """Say in the room's own words that the file cannot be used."""
    try:
        yield
    except LedgerError as error:
        raise DealerError(str(error)) from error
    except OSError as error:
        raise DealerError(f"the dealer's state cannot be used: {error.strerror}") from error

"""Files that appear under their names whole or not at all, for their owner alone, and never in the place of others.

That is a promise for each file. Several files get their names one after the other: an error takes them all back, but a process
that is killed in that moment leaves some with their names and some without.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from privlib.errors import InvalidInput

__all__ = ["NewFile", "publish"]

_AHEAD = 2**23  # bytes that are written before the disk is asked to begin with them
_SYNCED = 8  # files that the disk is waited for at once


class NewFile:
    """A file of mode 0600 that has no name before `publish` gives it one.

    On Linux it has no name at all until then, so that nothing is left of it whatever ends the process. Elsewhere it has a
    temporary name beside its own, which is removed unless the process is killed outright.

    Parameters
    ----------
    target : path
        The name it will have; there must be nothing yet.

    Raises
    ------
    InvalidInput
        When there is something at this path, or no folder to put it in.
    """

    __slots__ = ("_begun", "_named", "_written", "file", "target")

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self.target, self._begun, self._written = Path(target).absolute(), 0, 0
        if os.path.lexists(self.target):
            raise InvalidInput(f"there is something at {self.target} already: it is never overwritten")
        if not self.target.parent.is_dir():
            raise InvalidInput(f"there is no folder {self.target.parent}")
        descriptor, self._named = _unnamed(self.target.parent), None
        if descriptor is None:
            descriptor, name = tempfile.mkstemp(prefix=".privlib-", dir=self.target.parent)  # mode 0600
            self._named = Path(name)
        self.file = os.fdopen(descriptor, "w+b", buffering=0)

    def write(self, data: bytes | memoryview) -> None:
        """Write all of some bytes."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.file.write(rest) :]
        self._written += len(data)
        if self._written - self._begun >= _AHEAD:
            self._begin()

    def sync(self) -> None:
        """Wait until all bytes are on the disk."""
        os.fsync(self.file.fileno())

    def link(self) -> None:
        """Give the file its name; `sync` comes before."""
        try:
            if self._named is None:
                here = os.open(self.target.parent, os.O_RDONLY)
                try:  # naming a folder is what makes Python call linkat, which follows the link
                    os.link(f"/proc/self/fd/{self.file.fileno()}", self.target, src_dir_fd=here)
                finally:
                    os.close(here)
            else:
                os.link(self._named, self.target)
        except FileExistsError:
            raise InvalidInput(f"there is something at {self.target} already: it is never overwritten") from None

    def _begin(self) -> None:
        """Let the disk begin with what was written since the last time, so that `sync` has less to wait for."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.file.fileno(), self._begun, self._written - self._begun, os.POSIX_FADV_DONTNEED)
        self._begun = self._written

    def __enter__(self) -> NewFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.file.close()
        if self._named is not None:
            self._named.unlink(missing_ok=True)


def publish(files: Sequence[NewFile]) -> list[Path]:
    """Give all of the files their names once they are on the disk, or none of them after an error.

    Whoever kills the process, or cuts its power, between the first name and the last one leaves some files with their names and
    the others gone. Those that have a name are whole.

    Parameters
    ----------
    files : sequence of NewFile
        Complete files.

    Returns
    -------
    list of path
        Their names.

    Raises
    ------
    InvalidInput
        When one of the names was taken meanwhile.
    """
    done = list[Path]()
    with ThreadPoolExecutor(min(len(files), _SYNCED)) as pool:
        list(pool.map(NewFile.sync, files))  # for what it raises
    try:
        for new in files:
            new.link()
            done.append(new.target)
        for folder in {name.parent for name in done}:
            _sync(folder)  # the names must survive a power loss too
    except BaseException:
        for name in done:
            name.unlink(missing_ok=True)
        raise
    return done


def _unnamed(folder: Path) -> int | None:
    """A file without a name, where the system and the disk have such."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(folder, os.O_RDWR | flag | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError:
        return None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Files that a command writes: found writable before anything is spent, then written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

__all__ = ["check_outputs", "write"]

_PREFIX = ".privlib-"


def check_outputs(outputs: Sequence[Path], *, inputs: Sequence[Path]) -> None:
    """Refuse what could not be written, before a budget is charged for it.

    Parameters
    ----------
    outputs : sequence of path
        The files to be written; they may exist.
    inputs : sequence of path
        Files that must stay as they are: the data and the ledger.
    """
    seen = [file.resolve() for file in inputs]
    for output in outputs:
        file = output.resolve()
        if file in seen:
            raise click.UsageError(f"{str(output)!r} is named twice: give every output a file of its own")
        seen.append(file)
        if file.exists() and not file.is_file():
            raise OSError(0, "not a regular file", str(output))
        with _naming(output):
            descriptor, made = tempfile.mkstemp(prefix=_PREFIX, dir=file.parent)
            os.close(descriptor)
            Path(made).unlink()


def write(path: Path, content: str | bytes) -> None:
    """Write a file in one step: afterwards it is there and durable, or as it was before.

    Parameters
    ----------
    path : path
        The file; a link is followed.
    content : str or bytes
        Text is written as UTF-8.
    """
    file = path.resolve()
    data = content.encode() if isinstance(content, str) else content
    with _naming(path):
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, dir=file.parent)
        made = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            made.chmod(0o666 & ~_umask())
            made.replace(file)
        except BaseException:
            made.unlink(missing_ok=True)
            raise
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name itself must survive a power loss
        finally:
            os.close(folder)


@contextmanager
def _naming(path: Path) -> Generator[None]:
    """Let an error of the operating system name the file that the user knows."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or "cannot be written", str(path)) from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

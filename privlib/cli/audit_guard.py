"""A mechanism that we do not know, kept from spoiling the audit: it may print, hang and fork."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import islice
from types import FrameType
from typing import Any

from privlib.cli.audit_progress import remove_line

__all__ = ["Guard"]

_GRACE = 1.0  # seconds that the audit has, after its time is up, to notice between two trials
_PATIENCE = 5  # attempts, one a second, to interrupt a mechanism that catches what interrupts it
_LATE = 5.0  # seconds after which we say that Python could not interrupt sooner
_LONGEST = 100_000  # items that are taken out of a lazy output
_REFUSED = 3


class Guard:
    """Stands around each call of a mechanism.

    Parameters
    ----------
    max_seconds : float, optional
        After how long a call that does not come back is interrupted.
    """

    def __init__(self, max_seconds: float | None) -> None:
        self.max_seconds = max_seconds
        self._inside, self._attempts, self._began = False, 0, time.monotonic()
        self._process, self._pipe = os.getpid(), os.pipe()
        os.set_blocking(self._pipe[0], False)

    def __call__(self, mechanism: Callable[..., Any]) -> Callable[..., Any]:
        """The mechanism, watched."""

        def watched(*arguments: Any) -> Any:
            self._inside = True
            try:
                output = mechanism(*arguments)
                return _taken(output) if isinstance(output, Iterator) else output
            finally:
                self._inside = False
                if os.getpid() != self._process:  # a child that the mechanism forked must not audit beside us
                    os.write(self._pipe[1], b"f")
                    os._exit(_REFUSED)

        return watched

    @contextmanager
    def watch(self) -> Generator[None]:
        """Send what is printed to stderr, so that stdout has the result alone, and keep to the time."""
        self._began = time.monotonic()
        with _printing_to_stderr(), _handling(signal.SIGALRM, self._on_alarm):
            if self.max_seconds is not None:
                signal.setitimer(signal.ITIMER_REAL, self.max_seconds + _GRACE, 1.0)
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            forks = len(os.read(self._pipe[0], 1 << 16))
        except BlockingIOError:
            forks = 0
        if forks:
            _warn(f"the mechanism forked, and {forks} of its children returned from it; they were stopped")

    def close(self) -> None:
        """Close the pipe to the children."""
        for end in self._pipe:
            os.close(end)

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        from privlib.audit import Stopped

        late = time.monotonic() - self._began - (self.max_seconds or 0)
        if not self._inside:  # between two calls: the audit looks at the clock itself
            return
        self._attempts += 1
        if self._attempts == 1 and late > _LATE:
            _warn(f"stopped {late:.0f} s after --max-seconds: the mechanism was in code that Python cannot interrupt")
        if self._attempts > _PATIENCE:
            _warn("--max-seconds passed, and the mechanism catches whatever interrupts it: ended without a result")
            remove_line()
            sys.stderr.flush()
            os._exit(_REFUSED)
        raise Stopped


def _warn(sentence: str) -> None:
    print(f"privlib: {sentence}", file=sys.stderr)  # where the line that shows progress makes way for it


def _taken(output: Iterator[Any]) -> list[Any]:
    """A lazy output as a list: drawn now, and not while its secret is compared."""
    taken = list(islice(output, _LONGEST + 1))
    if len(taken) > _LONGEST:
        raise OverflowError("a lazy output without end")
    return taken


@contextmanager
def _handling(number: signal.Signals, handler: Callable[[int, FrameType | None], None]) -> Generator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def _printing_to_stderr() -> Generator[None]:
    """Python's stdout, and the file descriptor that C libraries and child processes write to."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)

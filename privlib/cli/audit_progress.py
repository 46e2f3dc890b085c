"""How far an audit is, in one line on stderr that goes away; where stderr is no terminal, nothing is printed."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.live import Live

__all__ = ["Display", "remove_line"]

_REFRESHES = 5  # a second
_LONGEST_TITLE = 40
_ERASE_LINE, _SHOW_CURSOR = "\r\x1b[2K", "\x1b[?25h"


class Display:
    """A line on a terminal while the body of ``with`` runs.

    Parameters
    ----------
    title : str
        What is audited.
    counted : str
        What is counted, in the plural.
    max_seconds : float, optional
        After how long the audit stops; the line then says how much of it is left.
    quiet : bool
        Whether to print nothing, on a terminal either.

    Attributes
    ----------
    active : bool
        Whether there is a terminal to print to.
    """

    def __init__(
        self, title: str = "", *, counted: str = "trials tested", max_seconds: float | None = None, quiet: bool = False
    ) -> None:
        self.active = sys.stderr.isatty() and not quiet
        self._title, self._words, self._counted, self._max_seconds = title, "", counted, max_seconds
        self._began = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Display:
        """Begin the line."""
        if self.active:
            from rich.console import Console
            from rich.live import Live
            from rich.spinner import Spinner
            from rich.text import Text

            self._began, spinner = time.monotonic(), Spinner("line")

            def draw() -> Spinner:
                spinner.update(text=Text(self.line, no_wrap=True, overflow="ellipsis"))
                return spinner

            # Rich stands in for stdout and stderr meanwhile, so that what a mechanism prints appears above the line.
            self._live = Live(get_renderable=draw, console=Console(stderr=True), transient=True, refresh_per_second=_REFRESHES)
            self._live.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """Remove the line."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, done: int, total: int) -> None:
        """Say how many trials are done; none are while a rule is being fixed."""
        self._words = f"{done:,} of {total:,} {self._counted}" if done else "fixing the rule"

    def name(self, title: str, done: int, total: int) -> None:
        """Say what comes next, when so many of all are done."""
        self._title, self._words = title, f"{done} of {total} {self._counted}"

    @property
    def line(self) -> str:
        """What the line says now."""
        spent = time.monotonic() - self._began
        left = "" if self._max_seconds is None else f"{max(0.0, self._max_seconds - spent):.0f} s left"
        title = self._title if len(self._title) <= _LONGEST_TITLE else f"{self._title[: _LONGEST_TITLE - 1]}…"
        return "  ".join(part for part in (title, self._words, f"{spent:.0f} s", left) if part)


def remove_line() -> None:
    """Leave the terminal as it was, for a program that ends without leaving the body."""
    if sys.__stderr__ is not None and sys.__stderr__.isatty():
        sys.__stderr__.write(_ERASE_LINE + _SHOW_CURSOR)
        sys.__stderr__.flush()

"""The line that says how far an audit is: on a terminal, and nowhere else."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from privlib.audit import Audit
from privlib.cli.audit_progress import Display

ARGUMENTS = ("audit", "run", "zoo:grr-2", "--trials", "400000", "--max-seconds", "50", "--confidence", "0.999999999", "--json")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_a_terminal(*arguments: str, folder: Path | None = None) -> tuple[int, str, str]:
    """Run the program with stderr on a terminal and stdout in a pipe: its exit code and what came out of either."""
    master, slave = pty.openpty()
    seen = bytearray()

    def read() -> None:
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:  # the other end is closed
                return
            if not piece:
                return
            seen.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    command = [sys.executable, "-m", "privlib", *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    try:
        finished = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=slave, text=True, check=False, timeout=120, env=environment, cwd=folder
        )
    finally:
        os.close(slave)
        reader.join(timeout=10)
        os.close(master)
    return finished.returncode, finished.stdout, seen.decode(errors="replace")


def test_on_a_terminal_the_line_shows_and_stdout_stays_clean() -> None:
    code, stdout, stderr = on_a_terminal(*ARGUMENTS)
    assert code == 0, stderr
    assert Audit.replay(stdout).tested == 320_000
    assert "zoo:grr-2" in stderr
    assert "s left" in stderr
    assert stderr.rstrip().endswith("\x1b[2K")  # the line is gone


def test_quiet_means_no_line() -> None:
    code, stdout, stderr = on_a_terminal(*ARGUMENTS[:-1], "--quiet")
    assert (code, stdout, stderr) == (0, "", "")


def test_in_a_pipe_there_is_no_line() -> None:
    command = [sys.executable, "-m", "privlib", *ARGUMENTS]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert finished.stderr == ""
    assert Audit.replay(finished.stdout).tested == 320_000


def test_what_a_mechanism_prints_stays_readable_and_a_forced_end_leaves_the_terminal_usable(tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(
        "import time\n"
        "def release(rows):\n"
        "    print('from the mechanism')\n"
        "    while True:\n"
        "        try:\n"
        "            time.sleep(60)\n"
        "        except BaseException:\n"
        "            pass\n"
    )
    (tmp_path / "pair.json").write_text('{"first": [], "second": [17]}')
    options = ("--pair", "pair.json", "--epsilon", "1", "--max-seconds", "0.1")
    code, _, stderr = on_a_terminal("audit", "run", "stuck:release", *options, folder=tmp_path)
    assert code == 3
    assert "from the mechanism\r\n" in stderr
    assert stderr.endswith("\r\x1b[2K\x1b[?25h")


def test_the_line_says_what_is_done_and_how_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 100.0, 103.4, 104.0, 170.0])
    monkeypatch.setattr("privlib.cli.audit_progress.time.monotonic", lambda: next(clock))
    with Display("module:" + "x" * 60, max_seconds=60) as display:
        assert not display.active  # pytest is no terminal
        assert display.line == f"module:{'x' * 32}…  0 s  60 s left"
        display(0, 750_000)
        assert "fixing the rule  3 s  57 s left" in display.line
        display(120_000, 750_000)
        assert "120,000 of 750,000 trials tested  4 s  56 s left" in display.line
        display.name("svt-4", 3, 41)
        assert display.line == "svt-4  3 of 41 trials tested  70 s  0 s left"


def test_only_a_terminal_that_is_not_asked_to_be_quiet_gets_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Display("x").active
    monkeypatch.setattr("sys.stderr", Terminal())
    assert Display("x").active
    assert not Display("x", quiet=True).active

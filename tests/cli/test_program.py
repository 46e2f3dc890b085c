"""The program as a whole: help, version, exit codes and proofs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from click.testing import Result

from privlib import __version__
from privlib.cli import main
from privlib.prove import Result as Proof

Call = Callable[..., Result]


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))
    else:
        yield path


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_every_command_explains_itself_with_an_example(privlib: Call, path: tuple[str, ...]) -> None:
    shown = privlib(*path, "--help")
    assert shown.exit_code == 0
    assert f"privlib {' '.join(path)}" in shown.stdout.partition("Example:")[2]


def test_the_version_is_told(privlib: Call) -> None:
    assert privlib("--version").stdout == f"privlib, version {__version__}\n"


def test_an_unknown_command_is_wrong_usage(privlib: Call) -> None:
    assert privlib("guess").exit_code == 2


def test_starting_loads_nothing_that_help_does_not_need() -> None:
    heavy = {"numpy", "scipy", "matplotlib", "pyarrow", "rich", "jinja2", "sqlite3"}
    code = f"import sys, privlib.cli, privlib; print(sorted({heavy} & set(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "[]\n"


def test_the_package_runs_as_a_module() -> None:
    finished = subprocess.run([sys.executable, "-m", "privlib", "audit", "list"], capture_output=True, text=True, check=True)
    assert finished.stdout.startswith("target")
    assert "\x1b" not in finished.stdout


def test_an_unexpected_error_says_where_but_not_what(privlib: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("987654321")

    monkeypatch.setattr("privlib.prove.find", fail)
    result = privlib("prove")
    assert result.exit_code == 3
    assert "RuntimeError in fail" in result.stderr
    assert "987654321" not in result.output


def test_proofs_run_and_are_counted(privlib: Call, tmp_path: Path) -> None:
    junit = tmp_path / "proofs.xml"
    result = privlib("prove", "survival", "--json", "--junit", junit)
    assert result.exit_code == 0, result.stderr
    proofs = json.loads(result.stdout)
    assert proofs[0]["theorem"] == "survival.t1"
    assert all(proof["holds"] and proof["mutants"] >= 2 for proof in proofs)
    assert len(ElementTree.parse(junit).findall("testcase")) == len(proofs)  # noqa: S314  # our own


def test_a_proof_that_fails_or_misses_a_mutant_fails_the_command(
    privlib: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = Proof("noise.t1", "Title", ("a.b",), False, 3, ("wrong scale",), 0.5, "1 of 2 is wrong")
    monkeypatch.setattr("privlib.prove.run", lambda _: broken)
    result = privlib("prove", "noise", "--jobs", 1, "--junit", tmp_path / "proofs.xml")
    assert result.exit_code == 1
    assert "2 of 3" in result.stdout
    assert "1 of 2 is wrong" in result.stdout
    assert "not noticed: wrong scale" in result.stdout
    assert 'failures="' in (tmp_path / "proofs.xml").read_text()


def test_an_unknown_room_has_no_proofs(privlib: Call) -> None:
    assert privlib("prove", "astrology").exit_code == 2

"""Arrows point one way, and few files touch noise."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.architecture.conftest import Source

BOTTOM = {"errors", "certified", "bounds", "proved"}
MIDDLE = {"accounting", "journal", "tally", "limits", "budget", "certificate", "tables"}
ROOT = Path(__file__).parents[2] / "privlib"
ROOMS = {"oneshot", "survival", "ldp", "continual", "kde", "sharing"}
MAY_IMPORT = {
    "errors": set(),
    "certified": {"errors"},
    "bounds": {"errors", "certified"},
    "proved": {"errors"},
    "noise": BOTTOM | {"noise"},
    **dict.fromkeys(MIDDLE, BOTTOM | MIDDLE),
    "accounting": BOTTOM | MIDDLE | {"noise"},  # the laws only: the list of files that may draw keeps it from the samplers
    **{room: BOTTOM | MIDDLE | {"noise", room} for room in ROOMS},
}
"""What is not listed (audit, testing, cli, sklearn, ...) is a door: it may import these, and none of these it."""

MAY_DRAW = {
    "privlib/survival/release.py",
    "privlib/survival/published.py",
    "privlib/oneshot/release.py",
    "privlib/ldp/bulk.py",
    "privlib/ldp/client.py",
    "privlib/ldp/draws.py",
    "privlib/continual/counter.py",
    "privlib/continual/maximum.py",
    "privlib/continual/published.py",
    "privlib/kde/release.py",
    "privlib/kde/published.py",
    "privlib/sharing/dealer.py",
    "privlib/sharing/files.py",
    "privlib/sharing/operations.py",
    "privlib/opacus/release.py",
}
MAY_DRAW_UNDER = ("privlib/noise/", "privlib/testing/", "privlib/audit/zoo/")

HEAVY = {
    "torch",
    "opacus",
    "lifelines",
    "galois",
    "pandas",
    "matplotlib",
    "numba",
    "scipy.stats",
    "hypothesis",
    "pyarrow",
}


def part(module: str) -> str:
    """``privlib.survival.spec`` is part of ``survival``."""
    return module.split(".")[1] if "." in module else ""


def imported_modules(source: Source, modules: set[str]) -> set[str]:
    """The modules of privlib that a file imports."""
    homes = {name: [module for module in modules if f"{name}.".startswith(f"{module}.")] for name in source.imports}
    return {max(prefixes, key=len) for prefixes in homes.values() if prefixes}


def test_imports_are_absolute(sources: list[Source]) -> None:
    relative = [source.path for source in sources for node in source.nodes(ast.ImportFrom) if node.level]
    assert not relative


def test_no_part_imports_what_stands_above_or_beside_it(sources: list[Source]) -> None:
    modules = {source.module for source in sources}
    wrong = [
        f"{source.path} imports {module}"
        for source in sources
        for module in imported_modules(source, modules) - {"privlib"}
        if part(module) not in MAY_IMPORT.get(part(source.module), {part(module)})
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_files_that_release_can_draw(sources: list[Source]) -> None:
    modules = {source.module for source in sources}
    free = {module for module in modules if f"{module}.".startswith("privlib.noise.laws.")}
    wrong = [
        source.path
        for source in sources
        if source.path not in MAY_DRAW
        and not source.path.startswith(MAY_DRAW_UNDER)
        and source.module != "privlib"
        and (
            {module for module in imported_modules(source, modules) if part(module) == "noise"} - free
            or any(ast.unparse(node) == "privlib.noise" for node in source.nodes(ast.Attribute))
        )
    ]
    assert not wrong, f"these import privlib.noise and are not on the list in this file: {wrong}"


def loaded_by(statement: str) -> str:
    """The heavy libraries that a fresh interpreter has loaded after a statement."""
    code = f"import sys; {statement}; print(*sorted({HEAVY} & set(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


@pytest.mark.parametrize("module", ["privlib", *(f"privlib.{room}" for room in sorted(ROOMS) if (ROOT / room).exists())])
def test_importing_loads_no_heavy_library(module: str) -> None:
    assert loaded_by(f"import {module}") == ""


def test_the_word_stream_needs_no_numpy() -> None:
    draw = "from privlib.noise.stream import words; words().main(0, 8, 64)"
    assert loaded_by(f"sys.modules['numpy'] = None; {draw}") == ""

"""The certificate of the scheme and its stand-alone checker, on a part of it; the whole takes two minutes."""

from __future__ import annotations

import ast
import copy
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from privlib import prove
from privlib.sharing.codes import Delta, Gamma
from privlib.sharing.layouts import Layout

PROOFS = Path(__file__).parents[2] / "proofs" / "sharing"
CHECKER = PROOFS / "check_certificate.py"


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    return prove.load(CHECKER)


@pytest.fixture(scope="module")
def entries() -> list[dict[str, Any]]:
    made = prove.load(PROOFS / "certificate.py")
    return [
        {"code": "delta", "q": 2, "threshold": 3, "rows": 2, "layout": "compact"}
        | made.configuration(Delta(), 3, 2, p=2, layout=Layout.COMPACT),
        {"code": "gamma", "q": 3, "threshold": 2, "rows": 1, "layout": "paper"}
        | made.configuration(Gamma(), 2, 1, p=3, layout=Layout.PAPER),
        *(
            {"code": "escape", "q": q, "threshold": 2, "rows": 2, "layout": "paper"} | made.sample(q, "escape", 2, 2)
            for q in (4, 9)
        ),
    ]


def test_the_checker_finds_the_same_ranks(checker: ModuleType, entries: list[dict[str, Any]]) -> None:
    assert [checker.check(entry) for entry in entries] == [120 + 560, 16 + 120, 6 + 15, 6 + 15]


@pytest.mark.parametrize("key", ["lengths", "ranks of 1", "ranks of 2"])
def test_a_changed_number_is_refused(checker: ModuleType, entries: list[dict[str, Any]], key: str) -> None:
    changed = copy.deepcopy(entries[1])
    changed[key][3] += 1
    with pytest.raises(SystemExit, match="does not hold"):
        checker.check(changed)


def test_lengths_that_are_too_short_are_refused(checker: ModuleType, entries: list[dict[str, Any]]) -> None:
    changed = copy.deepcopy(entries[0])
    changed["lengths"][4] -= 1
    with pytest.raises(SystemExit, match="does not hold"):
        checker.check(changed)


def test_a_certificate_that_leaves_something_out_is_refused(
    checker: ModuleType, entries: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "certificate.json"
    file.write_text(json.dumps({"format": "privlib sharing certificate 1", "sets": 0, "configurations": entries}))
    with pytest.raises(SystemExit, match="missing"):
        checker.main(file)


def test_the_checker_is_short_and_stands_alone() -> None:
    source = CHECKER.read_text(encoding="utf-8")
    assert source.count("\n") < 150
    modules = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert modules <= sys.stdlib_module_names

"""Names are the field's own, files are short, and there is one source of randomness."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.architecture.conftest import Source

LONGEST_FILE = 400
EMPTY_NAMES = {"utils.py", "helpers.py", "common.py", "base.py"}
SHORTHAND = {"eps"}
RANDOMNESS = {"seed", "key", "rng", "noise", "random_state"}
MAY_TAKE_RANDOMNESS = ("privlib/noise/testing.py", "privlib/noise/stream.py", "privlib/audit/")
"""The test mode, the keystream itself, and the audit's own seed, which fixes its search and its splits only."""
ENVELOPE = {"save", "resume"}
"""Methods whose ``key`` opens a sealed file; nothing is drawn from it."""
SEALED_STATE = ("privlib/sharing/dealer.py", "privlib/sharing/sealed.py")
"""Files whose ``key`` opens the dealer's state; nothing is drawn from it."""

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def parameters(function: Function) -> set[str]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return {argument.arg for argument in every if argument}


def test_no_file_is_long(sources: list[Source]) -> None:
    long = {source.path: lines for source in sources if (lines := source.text.count("\n")) > LONGEST_FILE}
    assert not long


def test_every_file_name_says_something(sources: list[Source]) -> None:
    assert not [source.path for source in sources if source.path.rpartition("/")[2] in EMPTY_NAMES]


def test_privacy_parameters_are_not_abbreviated(sources: list[Source]) -> None:
    found = [
        f"{source.path}:{node.lineno}" for source in sources for node in source.nodes(Function) if parameters(node) & SHORTHAND
    ]
    assert not found


def test_nobody_can_hand_in_randomness(sources: list[Source]) -> None:
    found = []
    for source in sources:
        if source.path.startswith(MAY_TAKE_RANDOMNESS):
            continue
        for node in source.nodes(ast.FunctionDef, ast.AsyncFunctionDef):
            if node.name.startswith("_") and node.name != "__init__":
                continue
            taken = parameters(node) & RANDOMNESS - ({"key"} if node.name in ENVELOPE or source.path in SEALED_STATE else set())
            found += [f"{source.path}:{node.lineno}: {node.name}({name})" for name in taken]
    assert not found


@pytest.mark.parametrize("door", ["random", "numpy.random"])
def test_no_other_generator_is_imported(door: str, sources: list[Source]) -> None:
    found = [
        source.path
        for source in sources
        if not source.path.startswith("privlib/audit/")  # the audit splits by numpy's generator
        and any(f"{name}.".startswith(f"{door}.") for name in source.imports)
    ]
    assert not found


def test_no_other_generator_is_used(sources: list[Source]) -> None:
    others = {"np.random", "numpy.random", "torch.Generator", "torch.random"}
    found = [
        f"{source.path}:{node.lineno}"
        for source in sources
        if not source.path.startswith("privlib/audit/")
        for node in source.nodes(ast.Attribute, ast.Name)
        if ast.unparse(node) in others or getattr(node, "attr", getattr(node, "id", "")) == "default_rng"
    ]
    assert not found

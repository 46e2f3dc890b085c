"""One draw, one theorem: what draws is marked, and the theorem's file names it back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from privlib.prove import function_of, resolve

if TYPE_CHECKING:
    from tests.architecture.conftest import Source

WRONG_ON_PURPOSE = {f"privlib/audit/zoo/{file}.py" for file in ("counts", "local", "svt", "training")}
"""These mechanisms of the zoo do not keep their claims; no theorem could cover them. Its controls are marked like all others."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST, prefix: str = "", marks: tuple[str, ...] = ()) -> Iterator[tuple[str, Function, list[str]]]:
    """Each function with its qualified name and the theorems on it and on what encloses it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            own = re.findall(r"^proved\('([^']*)'\)$", "\n".join(map(ast.unparse, node.decorator_list)), re.MULTILINE)
            yield f"{prefix}{node.name}", node, [*marks, *own]
            yield from functions(node, f"{prefix}{node.name}.<locals>.", (*marks, *own))
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{prefix}{node.name}.", marks)
        else:
            yield from functions(node, prefix, marks)


def names_of_samplers(source: Source, samplers: set[str]) -> set[str]:
    """How a file spells the samplers that it imports or, inside privlib.noise, defines."""
    spelled = {name for name, _, _ in functions(source.tree) if source.module.startswith("privlib.noise.")} & samplers
    for node in source.nodes(ast.Import, ast.ImportFrom):
        home = getattr(node, "module", None) or ""
        for alias in node.names:
            if home.startswith("privlib.noise") and alias.name in samplers:
                spelled.add(alias.asname or alias.name)
            if f"{home}.{alias.name}".lstrip(".").startswith("privlib.noise"):
                spelled |= {f"{alias.asname or alias.name}.{sampler}" for sampler in samplers}
    return spelled


def uses(tree: ast.AST, names: set[str]) -> bool:
    return any(isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in names for node in ast.walk(tree))


def proof_files(root: Path, theorem: str) -> list[Path]:
    """The files of a theorem such as ``survival.t1``; one is wanted."""
    room, _, number = theorem.partition(".")
    return list((root / "proofs" / room).glob(f"{number}_*.py")) if re.fullmatch(r"t\d+", number) else []


def covers(file: Path) -> list[str]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if ast.unparse(target) == "covers" and node.value is not None:
                return ast.literal_eval(node.value)
    return []


def test_every_function_that_uses_a_sampler_names_a_theorem(sources: list[Source], samplers: set[str]) -> None:
    unmarked = []
    for source in sources:
        names = names_of_samplers(source, samplers)
        if not names or source.path in WRONG_ON_PURPOSE:
            continue
        unmarked += [
            f"{source.module}.{name}"
            for name, node, theorems in functions(source.tree)
            if not theorems and uses(ast.Module(node.body, []), names)
        ]
    assert not unmarked, f"these draw noise and carry no @proved: {unmarked}"


def test_every_sampler_names_a_theorem(sources: list[Source], samplers: set[str]) -> None:
    marked = {
        name
        for source in sources
        if source.module.startswith("privlib.noise.")
        for name, _, theorems in functions(source.tree)
        if theorems
    }
    assert not samplers - marked


def test_every_mark_has_a_proof_that_covers_the_function(sources: list[Source], root: Path) -> None:
    marks = [
        (f"{source.module}.{name}", theorem)
        for source in sources
        for name, _, theorems in functions(source.tree)
        for theorem in theorems
        if "<locals>" not in name
    ]
    wrong = [
        f"{name} is marked {theorem}, which wants one file proofs/<room>/tN_*.py that covers it"
        for name, theorem in marks
        if [name in covers(file) for file in proof_files(root, theorem)] != [True]
    ]
    assert not wrong, "\n".join(wrong)


def test_everything_that_a_proof_covers_exists(root: Path) -> None:
    for file in sorted((root / "proofs").glob("*/t*_*.py")):
        listed = covers(file)
        assert listed, f"{file.relative_to(root)} has no list of strings named covers"
        for name in listed:
            assert name.startswith("privlib."), f"{file.relative_to(root)} covers {name}, which is not privlib's"
            assert callable(function_of(resolve(name))), f"{file.relative_to(root)} covers {name}, no function"

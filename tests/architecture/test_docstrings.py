"""A docstring is a contract."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.architecture.conftest import Source

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Function = ast.FunctionDef | ast.AsyncFunctionDef


def public(source: Source) -> Iterator[tuple[str, Documented]]:
    """The functions and classes in ``__all__``, and the public methods of those classes."""
    for node in source.tree.body:
        if isinstance(node, Documented) and node.name in source.exported and not is_overload(node):
            yield f"{source.module}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, Function) and not method.name.startswith("_"):
                        yield f"{source.module}.{node.name}.{method.name}", method


def is_overload(node: Documented) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list)


def for_users(sources: list[Source], root: Path) -> set[str]:
    """Functions and classes that a package exports or that the reference shows, by the name of their home."""
    reference = set(re.findall(r"^::: (\S+)", (root / "docs" / "reference.md").read_text(encoding="utf-8"), re.MULTILINE))
    shown = set()
    for source in sources:
        if source.module in reference:
            shown |= {f"{source.module}.{name}" for name in source.exported}
        if source.path.endswith("__init__.py"):
            for node in source.nodes(ast.ImportFrom):
                shown |= {f"{node.module}.{alias.name}" for alias in node.names if alias.name in source.exported}
    return shown


def parameters(function: Function) -> list[str]:
    arguments = function.args
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    listed += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return [argument.arg for argument in listed if argument.arg not in {"self", "cls"}]


def sections(node: Documented) -> dict[str, str]:
    """A numpydoc docstring's sections by name."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}$", ast.get_docstring(node) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def undescribed(described: str, function: Function) -> list[str]:
    """The parameters that a ``Parameters`` section leaves out."""
    heads = re.findall(r"^(\S.*?)(?: : .*)?$", described, flags=re.MULTILINE)
    named = {name.strip().lstrip("*") for head in heads for name in head.split(",")}
    return [name for name in parameters(function) if name not in named]


def test_every_public_name_says_what_it_is(sources: list[Source]) -> None:
    silent = [name for source in sources for name, node in public(source) if not ast.get_docstring(node)]
    for source in sources:
        body = source.tree.body
        for node, after in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                target = ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])
                told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                if target in source.exported and not told:
                    silent.append(f"{source.module}.{target}")
    assert not silent, f"these public names have no docstring: {silent}"


def test_everything_public_is_defined(sources: list[Source]) -> None:
    for source in sources:
        bound = {node.id for node in source.nodes(ast.Name) if isinstance(node.ctx, ast.Store)}
        bound |= {node.name for node in source.nodes(ast.FunctionDef, ast.ClassDef)}
        bound |= {alias.asname or alias.name for node in source.nodes(ast.ImportFrom) for alias in node.names}
        assert source.exported <= bound, f"{source.path} exports {sorted(source.exported - bound)}, which it lacks"


def test_every_function_for_users_describes_its_parameters(sources: list[Source], root: Path) -> None:
    wrong = []
    shown = for_users(sources, root)
    for source in sources:
        for name, node in public(source):
            described = sections(node).get("Parameters")
            init = [item for item in node.body if isinstance(item, Function) and item.name == "__init__"]
            taker = node if isinstance(node, Function) else next(iter(init), None)
            if taker is not None and (name in shown or described is not None):  # what is begun is whole
                left_out = undescribed(described or "", taker)
                wrong += [f"{name}: {', '.join(left_out)}"] if left_out else []
    assert not wrong, "parameters without a description:\n" + "\n".join(wrong)


def test_every_marked_function_states_its_privacy(sources: list[Source]) -> None:
    silent = [
        f"{source.module}.{node.name}"
        for source in sources
        for node in source.nodes(ast.FunctionDef)
        if any(ast.unparse(decorator).startswith("proved(") for decorator in node.decorator_list)
        and "Privacy" not in sections(node)
    ]
    assert not silent, f"these are marked @proved and have no section Privacy: {silent}"

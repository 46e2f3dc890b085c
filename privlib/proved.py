"""The mark that ties a function to its theorem, and the fingerprint that notices when the function changes."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import textwrap
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

__all__ = ["fingerprint", "proved", "theorem_of"]

F = TypeVar("F", bound=Callable[..., Any])


def proved(theorem: str) -> Callable[[F], F]:
    """Name the theorem that a function rests on, such as ``"survival.t1"``; does nothing at run time."""

    def mark(function: F) -> F:
        function.__theorem__ = theorem  # type: ignore[attr-defined]  # the mark is this attribute
        return function

    return mark


def theorem_of(function: Callable[..., Any]) -> str | None:
    """The theorem a function is marked with, or None."""
    return getattr(function, "__theorem__", None)


def fingerprint(function: Callable[..., Any]) -> str:
    """Hash a function's logic and the module constants that it refers to.

    Comments, spacing and docstrings do not count; any change of logic, of a name or of a constant does. Compare
    fingerprints made by one version of Python only.

    Parameters
    ----------
    function : callable
        A function, method or class defined in a file.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    target = inspect.unwrap(function)
    source = ast.parse(textwrap.dedent(inspect.getsource(target)))
    parts = [ast.unparse(_without_docstrings(source))]
    constants = _constants(sys.modules[target.__module__])
    names = {node.id for node in ast.walk(source) if isinstance(node, ast.Name)}
    pending = sorted(names & constants.keys())
    seen: set[str] = set()
    while pending:
        name = pending.pop(0)
        if name in seen:
            continue
        seen.add(name)
        parts.append(ast.unparse(constants[name]))
        inner = {node.id for node in ast.walk(constants[name]) if isinstance(node, ast.Name)}
        pending = sorted(set(pending) | (inner & constants.keys()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _constants(module: Any, within: frozenset[str] = frozenset()) -> dict[str, ast.stmt]:
    """Module-level assignments by name; imports of constants lead to the assignment in their own module.

    ``within`` names the modules whose imports led here: a package imports its modules, and they one another.
    """
    found: dict[str, ast.stmt] = {}
    for statement in _statements(inspect.getsource(module)):
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        elif isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("privlib"):
            origin = sys.modules.get(statement.module or "")
            imported = {alias.name for alias in statement.names if f"{statement.module}.{alias.name}" not in sys.modules}
            if origin is not None and imported and origin.__name__ not in within:
                known = _constants(origin, within | {module.__name__})
                found.update({name: node for name, node in known.items() if name in imported})
        found.update({target.id: statement for target in targets if isinstance(target, ast.Name)})
    return found


@lru_cache(maxsize=64)
def _statements(source: str) -> list[ast.stmt]:
    return ast.parse(source).body

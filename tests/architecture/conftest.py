"""The package as syntax trees, read once."""

import ast
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """One file of privlib."""

    path: str
    """From the repository's root, such as ``privlib/noise/lazy.py``."""
    module: str
    """Such as ``privlib.noise.lazy``."""
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def imports(self) -> set[str]:
        """Dotted names that the file imports, at any depth: modules and names of modules alike."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
        return found

    @cached_property
    def exported(self) -> set[str]:
        """The names in ``__all__``."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                return set(ast.literal_eval(node.value))
        return set()

    def nodes(self, *kinds: type[ast.AST]) -> list[ast.AST]:
        """All nodes of the given kinds."""
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    return [_source(path) for path in sorted((ROOT / "privlib").rglob("*.py"))]


@pytest.fixture(scope="session")
def samplers(sources: list[Source]) -> set[str]:
    """The names of the functions that draw: everything that privlib.noise exports."""
    return next(source.exported for source in sources if source.module == "privlib.noise")


def _source(path: Path) -> Source:
    relative = path.relative_to(ROOT)
    module = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
    return Source(relative.as_posix(), module, path.read_text(encoding="utf-8"))

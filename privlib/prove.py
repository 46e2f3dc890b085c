"""Run the proofs of a checkout against the shipped code, and check that their mutants die.

A proof file ``proofs/<room>/t<N>_<what>.py`` has a docstring (the theorem), ``covers`` (dotted names of the functions it
speaks of), ``prove()``, which raises AssertionError where the shipped code breaks the theorem, and ``mutants()``, which
gives named context managers; inside each one the shipped code is wrong, and ``prove()`` must notice.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from privlib.errors import InvalidInput

__all__ = ["Result", "changed", "find", "load", "replaced", "resolve", "rewritten", "run"]

_PATIENCE = 4.0
_ROOT = Path(__file__).resolve().parent.parent / "proofs"


@dataclass(frozen=True)
class Result:
    """What running one proof gave."""

    theorem: str
    title: str
    covers: tuple[str, ...]
    proved: bool
    mutants: int
    survivors: tuple[str, ...]
    seconds: float
    failure: str

    @property
    def holds(self) -> bool:
        """Whether the proof passed, had at least two mutants and killed them all."""
        return self.proved and self.mutants >= 2 and not self.survivors


def find(room: str | None = None) -> list[Path]:
    """The proof files of a checkout, or of one room of it.

    Raises
    ------
    InvalidInput
        When there are none: an installed package has no proofs, they need a checkout.
    """
    files = sorted(_ROOT.glob("*/t[0-9]*_*.py"))
    if not files:
        raise InvalidInput("proofs need a checkout of the repository: an installed package brings none; audits work everywhere")
    chosen = [file for file in files if room in (None, file.parent.name)]
    if not chosen:
        rooms = ", ".join(sorted({file.parent.name for file in files}))
        raise InvalidInput(f"there are no proofs for {room!r}: the rooms are {rooms}")
    return chosen


def theorem_id(file: Path) -> str:
    """``survival.t1`` for ``proofs/survival/t1_noisy_table.py``."""
    return f"{file.parent.name}.{file.stem.partition('_')[0]}"


def load(file: Path) -> ModuleType:
    """Import one proof file."""
    name = f"proofs.{file.parent.name}.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InvalidInput(f"{file.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def run(file: Path) -> Result:
    """Prove one theorem and try its mutants."""
    began = time.perf_counter()
    module = load(file)
    failure, survivors = "", list[str]()
    try:
        module.prove()
    except AssertionError as error:
        failure = str(error) or "an assertion of the proof failed"
    mutants: Mapping[str, Callable[[], AbstractContextManager[None]]] = module.mutants()
    for name, mutation in mutants.items():
        if survives(module, mutation):
            survivors.append(name)
    title = (module.__doc__ or "").strip().partition("\n")[0]
    seconds = time.perf_counter() - began
    return Result(theorem_id(file), title, tuple(module.covers), not failure, len(mutants), tuple(survivors), seconds, failure)


def survives(module: ModuleType, mutation: Callable[[], AbstractContextManager[None]]) -> bool:
    """Whether a proof fails to notice a mutation. A mutant that crashes, or never ends, is noticed too."""
    with mutation():
        try:
            with _at_most(_PATIENCE):
                module.prove()
        except Exception:
            return False
    return True


@contextmanager
def _at_most(seconds: float) -> Generator[None]:
    """Raise TimeoutError after a while; proofs run in the main thread, where signals arrive."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"the proof did not end within {seconds} s")

    kept = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, kept)


def resolve(name: str) -> Any:
    """The object of a dotted name such as ``privlib.survival.spec.Spec.sensitivity``."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            found = inspect.getattr_static(found, part) if inspect.isclass(found) else getattr(found, part)
        return found
    raise InvalidInput(f"there is nothing called {name}")


def function_of(thing: Any) -> FunctionType:
    """The plain function inside a property, a class method, a cache or nothing."""
    for attribute in ("fget", "func", "__func__", "__wrapped__"):
        inner = getattr(thing, attribute, None)
        if inner is not None:
            return function_of(inner)
    if not isinstance(thing, FunctionType):
        raise InvalidInput(f"{thing!r} is not a function")
    return thing


@contextmanager
def replaced(owner: Any, name: str, value: object) -> Generator[None]:
    """Set a module constant or attribute for a while."""
    kept = inspect.getattr_static(owner, name) if inspect.isclass(owner) else getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, kept)


def rewritten(name: str, old: str, new: str) -> Callable[[], AbstractContextManager[None]]:
    """A mutation: in the source of a shipped function, ``old`` (which must occur once) becomes ``new``.

    Every caller sees the change, wherever it imported the function from.
    """

    def mutation() -> AbstractContextManager[None]:
        source = textwrap.dedent(inspect.getsource(function_of(resolve(name))))
        if source.count(old) != 1:
            raise InvalidInput(f"{old!r} occurs {source.count(old)} times in {name}; a mutation needs exactly one")
        return changed(name, ast.parse(source.replace(old, new)))

    return mutation


@contextmanager
def changed(name: str, tree: ast.Module) -> Generator[None]:
    """Give a shipped function the body of another syntax tree for a while."""
    thing = resolve(name)
    function = function_of(thing)
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise InvalidInput(f"{name} is not a function")
    definition.decorator_list = []
    namespace: dict[str, Any] = {}
    code = compile(ast.fix_missing_locations(tree), f"<mutant of {name}>", "exec")
    exec(code, function.__globals__, namespace)  # noqa: S102 - our own source, changed in one place
    kept, kept_keywords = function.__code__, function.__kwdefaults__
    function.__code__ = namespace[definition.name].__code__
    function.__kwdefaults__ = namespace[definition.name].__kwdefaults__
    _forget(thing)
    try:
        yield
    finally:
        function.__code__, function.__kwdefaults__ = kept, kept_keywords
        _forget(thing)


def _forget(thing: Any) -> None:
    clear = getattr(thing, "cache_clear", None)
    if clear is not None:
        clear()

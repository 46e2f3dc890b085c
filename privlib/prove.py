"""Run the proofs of a checkout against the shipped code, and check that their mutants die.

A proof file ``proofs/<room>/t<N>_<what>.py`` has a docstring (the theorem), ``covers`` (dotted names of the functions it
speaks of), ``prove()``, which raises AssertionError where the shipped code breaks the theorem, and ``mutants()``, which
gives named context managers; inside each one the shipped code is wrong, and ``prove()`` must notice.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import multiprocessing
import os
import signal
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from privlib.errors import InvalidInput, MissingExtra, PrivlibError

__all__ = [
    "Mutation",
    "Result",
    "WorkerDied",
    "changed",
    "control",
    "cpus",
    "find",
    "load",
    "replaced",
    "resolve",
    "rewritten",
    "run",
    "run_all",
    "survives",
]

_PATIENCE = 8.0
_LEAST_PATIENCE = 5.0
_honest: dict[str, float] = {}
Mutation = Callable[[], AbstractContextManager[None]]
"""Something to call for a context inside which the shipped code is wrong."""

_ROOT = Path(__file__).resolve().parent.parent / "proofs"


class WorkerDied(PrivlibError):
    """A process that ran a proof ended before the proof did: killed, or out of memory."""


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


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(files: Sequence[Path], *, jobs: int = 1) -> Generator[Result]:
    """Prove theorems side by side, each in one of ``jobs`` processes, and give the results as they come.

    A mutant changes code in place, and is timed by a signal, which the main thread alone receives: so processes, no threads.

    Raises
    ------
    WorkerDied
        When one of the processes ended before its proof did.
    MissingExtra
        When a proof needs a package that is not installed.
    """
    if min(jobs, len(files)) <= 1:
        yield from map(_run_quietly, files)
        return
    context = multiprocessing.get_context("spawn")  # a fork would inherit mutants, threads and whatever else is going on
    waiting = sorted(files, key=lambda file: -file.stat().st_size)  # long files tend to take long, and should not come last
    pool = ProcessPoolExecutor(min(jobs, len(files)), mp_context=context, initializer=_end_with_parent)
    others = multiprocessing.active_children()
    try:
        kept = signal.signal(signal.SIGINT, signal.SIG_IGN)  # workers inherit it: Ctrl-C is for this process alone
        try:
            proofs = {pool.submit(_run_quietly, file): file for file in waiting}
        finally:
            signal.signal(signal.SIGINT, kept)
        for proof in as_completed(proofs):
            try:
                result = proof.result()
            except BrokenProcessPool:
                raise
            except Exception as error:
                error.add_note(f"in the proof of {theorem_id(proofs[proof])}")
                raise
            waiting.remove(proofs[proof])
            yield result
    except BrokenProcessPool as error:
        at_work = ", ".join(theorem_id(file) for file in waiting[:jobs])
        raise WorkerDied(f"a process ended before its proof did, killed or out of memory; at work were {at_work}") from error
    finally:
        for process in multiprocessing.active_children():
            if waiting and process not in others:
                process.terminate()
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """A worker waits for work without end, also when the process that gives it was killed."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run_quietly(file: Path) -> Result:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="insecure noise")
        try:
            return run(file)
        except ModuleNotFoundError as error:
            raise MissingExtra(f"the proofs need {error.name}: pip install 'privlib[proofs]'") from error


def run(file: Path) -> Result:
    """Prove one theorem, check that the unchanged code passes the same way as a mutant, and try the mutants."""
    began = time.perf_counter()
    module = load(file)
    failure, survivors = "", list[str]()
    mutants: Mapping[str, Mutation] = module.mutants()
    try:
        started = time.perf_counter()
        module.prove()
        _honest[module.__name__] = time.perf_counter() - started
        control(module)
    except AssertionError as error:
        failure = str(error) or "an assertion of the proof failed"
    else:
        survivors += [name for name, mutation in mutants.items() if survives(module, mutation, name)]
    title = (module.__doc__ or "").strip().partition("\n")[0]
    seconds = time.perf_counter() - began
    return Result(theorem_id(file), title, tuple(module.covers), not failure, len(mutants), tuple(survivors), seconds, failure)


def control(module: ModuleType) -> None:
    """Give every function that a mutant changes its own source again: this must pass, or a mutant's death shows nothing."""
    targets = {mutation.name for mutation in module.mutants().values() if isinstance(mutation, Rewrite)}
    with ExitStack() as same, _at_most(_patience(module)):
        for name in sorted(targets):
            same.enter_context(Rewrite(name)())
        try:
            module.prove()
        except Exception as error:
            raise AssertionError("the unchanged code fails as a mutant: the mutants show nothing") from error


def survives(module: ModuleType, mutation: Mutation, name: str = "") -> bool:
    """Whether a proof fails to notice a mutation.

    A mutant dies of an AssertionError. It may also never end, where the proof file names it in ``ENDLESS``; the time allowed
    is several times that of the unchanged code, measured first. Any other exception is no verdict and goes on.
    """
    endless = name in getattr(module, "ENDLESS", ())
    patience = _patience(module) / (3 if endless else 1)
    with mutation():
        try:
            with _at_most(patience):
                module.prove()
        except AssertionError:
            return False
        except TimeoutError:
            if endless:
                return False
            raise
    return True


def _patience(module: ModuleType) -> float:
    if module.__name__ not in _honest:
        started = time.perf_counter()
        module.prove()
        _honest[module.__name__] = time.perf_counter() - started
    return max(_LEAST_PATIENCE, _PATIENCE * _honest[module.__name__])


@contextmanager
def _at_most(seconds: float) -> Generator[None]:
    """Raise TimeoutError after a while; proofs run in the main thread, where signals arrive."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"the proof did not end within {seconds:.0f} s")

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


@dataclass(frozen=True)
class Rewrite:
    """A mutation: in the source of a shipped function, ``old`` (which must occur once) becomes ``new``.

    Every caller sees the change, wherever it imported the function from. Without ``old`` the source stays as it is.
    """

    name: str
    old: str = ""
    new: str = ""

    def __call__(self) -> AbstractContextManager[None]:
        """Make the change for as long as the context lasts."""
        source = textwrap.dedent(inspect.getsource(function_of(resolve(self.name))))
        if self.old and source.count(self.old) != 1:
            raise InvalidInput(f"{self.old!r} occurs {source.count(self.old)} times in {self.name}, a mutation needs one")
        return changed(self.name, ast.parse(source.replace(self.old, self.new) if self.old else source))


def rewritten(name: str, old: str, new: str) -> Rewrite:
    """The mutation that puts ``new`` for ``old`` in a shipped function."""
    return Rewrite(name, old, new)


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

"""Turns ``prove`` and every mutant of a proof file into a test, and refuses a file with fewer than two mutants."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import settings

from privlib.prove import control, survives

os.environ["PRIVLIB_INSECURE_TEST"] = "1"
_FEWEST_MUTANTS = 2
if "HYPOTHESIS_PROFILE" not in os.environ:  # as in tests/conftest.py, which is not read when the proofs run alone
    settings.register_profile("proofs", max_examples=200, derandomize=True, database=None, deadline=None)
    settings.load_profile("proofs")


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> list[pytest.Item] | None:
    """Collect ``prove`` and ``mutants``, which pytest would not take for tests."""
    if not isinstance(collector, pytest.Module) or name not in ("prove", "mutants"):
        return None
    return list(_prove(collector, obj) if name == "prove" else _mutants(collector, obj))


def _prove(collector: pytest.Module, prove: object) -> Iterator[pytest.Item]:
    yield pytest.Function.from_parent(collector, name="prove", callobj=prove)


def _mutants(collector: pytest.Module, mutants: object) -> Iterator[pytest.Item]:
    module: ModuleType = collector.obj
    found = mutants()  # type: ignore[operator]

    def enough() -> None:
        assert len(found) >= _FEWEST_MUTANTS, "a proof needs at least two mutants, and they must die"

    yield pytest.Function.from_parent(collector, name="has_two_mutants", callobj=enough)
    yield pytest.Function.from_parent(collector, name="unchanged_code_survives", callobj=lambda: control(module))
    for name, mutation in found.items():

        def dies(mutation: object = mutation, name: str = name) -> None:
            assert not survives(module, mutation, name), "the proof does not notice this mutant"  # type: ignore[arg-type]

        yield pytest.Function.from_parent(collector, name=f"mutant_dies[{name}]", callobj=dies)

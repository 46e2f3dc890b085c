"""Any number changed in code that a proof covers, or in a module constant that this code uses, makes the proof fail.

The fingerprints notice every change; here they are as if stamped afresh, and the proofs themselves must reject it.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from typing import Any

import pytest

from privlib import prove
from privlib.proved import fingerprint, theorem_of

Mutation = Callable[[], AbstractContextManager[None]]


def marked() -> Iterator[tuple[Any, str]]:
    """Every function that is marked with a theorem, beside the theorem's module."""
    for file in prove.find():
        module = prove.load(file)
        for name in module.covers:
            if theorem_of(prove.function_of(prove.resolve(name))) == prove.theorem_id(file):
                yield module, name


def changed_numbers(name: str) -> Iterator[tuple[str, Mutation]]:
    """Each number in the function's body and defaults, one more."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(prove.function_of(prove.resolve(name)))))
    tree.body[0].decorator_list = []  # type: ignore[attr-defined]  # a function
    places = [i for i, node in enumerate(ast.walk(tree)) if isinstance(node, ast.Constant) and type(node.value) is int]
    for place in places:
        mutant = copy.deepcopy(tree)
        node = list(ast.walk(mutant))[place]
        assert isinstance(node, ast.Constant)
        node.value += 1
        yield f"{name}: {node.value - 1} on line {node.lineno}", lambda mutant=mutant: prove.changed(name, mutant)


def changed_constants(name: str) -> Iterator[tuple[str, Mutation]]:
    """Each module constant with a number that the function refers to, one more."""
    function = prove.function_of(prove.resolve(name))
    module = sys.modules[function.__module__]
    for used in function.__code__.co_names:
        value = getattr(module, used, None)
        if type(value) in (int, Fraction):
            yield f"{name}: {used}", lambda used=used, value=value: prove.replaced(module, used, value + 1)
        elif isinstance(value, dict) and value and all(type(each) is int for each in value.values()):
            more = {key: each + 1 for key, each in value.items()}
            yield f"{name}: {used}", lambda used=used, more=more: prove.replaced(module, used, more)


CASES = [
    pytest.param(module, mutation, id=label)
    for module, name in marked()
    for label, mutation in [*changed_numbers(name), *changed_constants(name)]
]


@pytest.mark.parametrize(("module", "mutation"), CASES)
def test_a_changed_constant_fails_the_proof(module: Any, mutation: Mutation) -> None:
    try:
        survived = prove.survives(module, mutation)
    except (
        ArithmeticError,
        LookupError,
        StopIteration,
        TypeError,
        ValueError,
    ):  # the changed code refuses what it must take: the proof stops there
        survived = False
    assert not survived


def test_the_sensitivity_cannot_change_unnoticed() -> None:
    [(module, _)] = [(module, name) for module, name in marked() if name.startswith("privlib.survival.release.")]
    cases = dict(changed_constants("privlib.survival.spec.Spec.sensitivity"))
    assert cases, "the sensitivity is no longer a module constant: point this test at it"
    for mutation in cases.values():
        assert not prove.survives(module, mutation)


def test_a_comment_keeps_the_fingerprint_and_a_number_does_not(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code = 'LIMIT = 3\n\n\ndef f(x: int) -> int:\n    """Say."""\n    return x + LIMIT * 2\n'
    variants = {
        "as it is": code,
        "comment": code.replace("return", "# why\n    return"),
        "docstring": code.replace("Say.", "Say more."),
        "number": code.replace("* 2", "* 3"),
        "module constant": code.replace("LIMIT = 3", "LIMIT = 4"),
    }
    monkeypatch.syspath_prepend(tmp_path)
    prints = {}
    for i, (what, text) in enumerate(variants.items()):
        (tmp_path / f"variant{i}.py").write_text(text)
        prints[what] = fingerprint(__import__(f"variant{i}").f)
    assert prints["comment"] == prints["docstring"] == prints["as it is"]
    assert len({prints["as it is"], prints["number"], prints["module constant"]}) == 3

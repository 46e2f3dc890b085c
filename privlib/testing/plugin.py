"""The pytest plugin: a marker that turns a mechanism into a test of its privacy claim, and a fixture that audits.

It is loaded as an entry point by every run of pytest, so importing it must cost next to nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from privlib.audit import Audit
    from privlib.bounds import Bound

__all__ = ["audit"]

_MARKER = (
    "audit(claim=..., pair=... or pairs=..., trials=..., alpha=..., batch=..., expect=...): the test is a mechanism, f(dataset), "
    "with batch f(dataset, n), or gives one; it fails when an audit refutes the claim, or with expect='violation' when none does"
)
_OF_THE_MECHANISM = ("dataset", "n")
"""Parameters of a marked test that the audit fills in; all others are fixtures."""
NONE_FOUND = "no violation found"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line("markers", _MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Name a test after its pair, and keep pytest from looking for fixtures of the mechanism's own parameters."""
    own = [name for name in _OF_THE_MECHANISM if name in metafunc.fixturenames]
    wanted = _wanted(metafunc.definition) if own else None
    if wanted is not None:
        pairs = wanted["pairs"]
        words = f"{len(pairs)} pairs" if isinstance(pairs, tuple) else str(pairs.description)
        metafunc.parametrize(own, [(None,) * len(own)], ids=[words])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Audit a marked test instead of calling it."""
    wanted = _wanted(pyfuncitem)
    if wanted is None:
        return None
    from privlib.testing.assertions import assert_dp, assert_not_dp

    takes = inspect.signature(pyfuncitem.obj).parameters
    fixtures = {name: pyfuncitem.funcargs[name] for name in takes if name not in _OF_THE_MECHANISM}
    test: Any = partial(pyfuncitem.obj, **fixtures)

    def given(*values: Any) -> Any:
        return test(**dict(zip(_OF_THE_MECHANISM, values, strict=False)))

    mechanism = given if "dataset" in takes else test()
    if not callable(mechanism):
        pytest.fail(f"a test marked audit takes 'dataset' or returns a mechanism, not {type(mechanism).__name__}", pytrace=False)
    expected = wanted.pop("expect", NONE_FOUND)
    options: dict[str, Any] = {"title": pyfuncitem.name, **wanted}
    check = assert_dp if expected == NONE_FOUND else assert_not_dp
    try:
        found = check(mechanism, **options)
    except AssertionError as error:
        pytest.fail(str(error), pytrace=False)
    _record(pyfuncitem, found)
    return True


@pytest.fixture
def audit(request: pytest.FixtureRequest) -> Callable[..., Audit]:
    """``audit(mechanism, claim, pairs, trials=...)``: an audit as `assert_dp` makes it, whose verdict the test judges.

    A test that fails after it shows what was found and the command that runs it again.
    """

    def run(mechanism: Callable[..., Any], claim: Bound, pairs: Any, **options: Any) -> Audit:
        from privlib.testing.assertions import audited

        found = audited(mechanism, claim, pairs, **options)
        _record(request.node, found)
        return found

    return run


def _wanted(item: pytest.Item) -> dict[str, Any] | None:
    """What the marker asks for, with ``pairs``; a marker without a claim is a label and nothing more."""
    marker = item.get_closest_marker("audit")
    if marker is None or not (marker.args or marker.kwargs):
        return None
    if marker.args or "claim" not in marker.kwargs:
        pytest.fail(f"{item.name} is marked audit and needs claim= and pair=, by name", pytrace=False)
    wanted = dict(marker.kwargs)
    if ("pair" in wanted) == ("pairs" in wanted):
        pytest.fail(f"{item.name} is marked audit and needs pair= or pairs=, one of them", pytrace=False)
    if wanted.get("expect", NONE_FOUND) not in {"violation", NONE_FOUND}:
        pytest.fail(f"{item.name} is marked audit: expect must be 'violation' or '{NONE_FOUND}'", pytrace=False)
    wanted["pairs"] = wanted.pop("pair") if "pair" in wanted else tuple(wanted["pairs"])
    return wanted


def _record(item: pytest.Item, found: Audit) -> None:
    """Show the audit with a failure, and keep its figures for JUnit and other reports."""
    item.add_report_section("call", "audit", found.summary())
    item.user_properties += [
        ("claim", str(found.claim)),
        ("certified", f"{found.certified:.6g}"),
        ("verdict", str(found.verdict)),
    ]

"""The pytest plugin, used by real runs of pytest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

pytest_plugins = ["pytester"]
Run = Callable[..., pytest.RunResult]

SUITE = """
import secrets

import pytest

from privlib import Bound
from privlib.audit import Pair
from privlib.testing import pairs

PAIR = Pair(0, 1, "record", "one bit")
TRUE, FALSE = Bound.pure(odds=3, neighbours="record"), Bound.pure("0.1", neighbours="record")
QUICK = {"trials": 4000, "alpha": "1e-9"}

def respond(bit):
    return bit if secrets.randbelow(4) else 1 - bit
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a suite with the plugin, in a process of its own."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def suite(code: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_suite=SUITE + code)
        options = ("-p", "privlib.testing.plugin", "-p", "no:cacheprovider", "--strict-markers", "-W", "error", *options)
        return pytester.runpytest_subprocess(*options)

    return suite


def test_a_marked_function_is_the_mechanism(run: Run) -> None:
    result = run(
        """
@pytest.mark.audit(claim=TRUE, pair=PAIR, **QUICK)
def test_keeps_its_claim(dataset):
    return respond(dataset)

@pytest.mark.audit(claim=FALSE, pair=PAIR, trials=4000)
def test_breaks_its_claim(dataset):
    return respond(dataset)

@pytest.mark.audit(claim=FALSE, pair=PAIR, trials=4000, expect="violation")
def test_is_known_to_break_its_claim(dataset):
    return respond(dataset)

@pytest.mark.audit(claim=FALSE, pairs=[Pair(0, 2, "record", "dull"), PAIR], batch=True, trials=4000)
def test_takes_batches(dataset, n):
    return [respond(dataset % 2) for _ in range(n)]
""",
        "-v",
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "*::test_keeps_its_claim[[]one bit[]] PASSED*",
            "*::test_takes_batches[[]2 pairs[]] FAILED*",
            "Violation: the true epsilon is at least *",
            "Again        pytest 'test_suite.py::test_breaks_its_claim[[]one bit[]]'",
        ]
    )


def test_a_marked_function_gives_the_mechanism_and_takes_fixtures(run: Run) -> None:
    result = run(
        """
@pytest.fixture
def truth():
    return 4

@pytest.mark.audit(claim=TRUE, pair=PAIR, **QUICK)
def test_gives_a_mechanism(truth):
    return lambda bit: bit if secrets.randbelow(truth) else 1 - bit

@pytest.mark.audit(claim=FALSE, pair=PAIR, trials=4000)
def test_is_a_mechanism_with_a_fixture(truth, dataset):
    return dataset if secrets.randbelow(truth) else 1 - dataset

class TestMethod:
    @pytest.mark.audit(claim=TRUE, pair=PAIR, **QUICK)
    @pytest.mark.parametrize("odds", [4, 5])
    def test_with_parameters(self, dataset, odds):
        return dataset if secrets.randbelow(4) else 1 - dataset
"""
    )
    result.assert_outcomes(passed=3, failed=1)


def test_a_marker_without_a_claim_is_a_label(run: Run) -> None:
    run("@pytest.mark.audit\ndef test_plain():\n    assert True\n", "-m", "audit").assert_outcomes(passed=1)


def test_a_marker_that_makes_no_sense_says_so(run: Run) -> None:
    wrong = {
        "claim=TRUE": "test_0 is marked audit and needs pair= or pairs=",
        "claim=TRUE, pair=PAIR, pairs=[PAIR]": "test_1 is marked audit and needs pair= or pairs=",
        "claim=TRUE, pair=PAIR, expect='luck'": "expect must be 'violation' or 'no violation found'",
        "claim=TRUE, pair=PAIR": "takes 'dataset' or returns a mechanism, not NoneType",
    }
    result = run("\n".join(f"@pytest.mark.audit({marker})\ndef test_{i}(): pass\n" for i, marker in enumerate(wrong)), "-rN")
    result.assert_outcomes(failed=4)
    for words in wrong.values():
        assert any(words in line for line in result.outlines), words


def test_the_fixture_audits_and_shows_what_it_found(run: Run, pytester: pytest.Pytester) -> None:
    result = run(
        """
@pytest.mark.parametrize("pair", pairs([PAIR]))
def test_leaks_little(audit, pair):
    found = audit(respond, TRUE, pair, **QUICK)
    assert found.certified < 0.1
""",
        "--junit-xml",
        "found.xml",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines_random(
        [
            "*test_leaks_little[[]one bit[]]*",
            "Verdict      No violation found*",
            "Again        pytest 'test_suite.py::test_leaks_little*",
        ]
    )
    assert 'name="certified"' in (pytester.path / "found.xml").read_text()


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    heavy = {"numpy", "scipy", "hypothesis", "jinja2", "matplotlib"}
    code = f"import sys, privlib.testing.plugin; print(sorted({heavy} & set(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout == "[]\n"

"""The notebook's view: what may leak, in words, then the numbers."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib import Ledger
from privlib.noise.testing import fixed_key
from privlib.survival import Curve, Spec
from privlib.survival.view import html, round_times


def words(page: str) -> str:
    """What a reader sees."""
    ElementTree.fromstring(page)  # noqa: S314  # our own; every element is closed
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def curve(ledger: Ledger | None = None, **plan: object) -> Curve:
    spec = Spec(**({"horizon": 100, "epsilon": "1/2", "neighbours": "add_remove", "expected_n": 300} | plan))
    days = (np.arange(300) * 37 % 100) + 1
    return spec.count(days, group=None if spec.groups is None else np.resize(spec.groups, 300)).release(ledger=ledger)


def test_the_guarantee_comes_with_its_meaning_and_with_what_was_public() -> None:
    seen = words(html(curve()))
    for fact in (
        "0.5 (pure), for the whole curve",
        "add_remove: one person more or one person fewer; the number of people is private",
        "one person, one row",
        "100, in units of 1",
        "chosen by the public rule",
        "horizon, unit, grid, epsilon, expected_n = 300 (a guess)",
        "survival.t1",
        "none: no ledger was given",
        "Secure yes",
    ):
        assert fact in seen
    assert "NOT SECURE" not in seen


def test_the_median_and_the_curve_at_round_times_have_intervals() -> None:
    released = curve(epsilon=20)
    seen = words(html(released))
    assert "S(20) S(40) S(60) S(80) S(100)" in seen
    low, high = released.percentile_interval(0.5)
    assert f"{released.median_survival_time_:g} [{low:g}, {high:g}]" in seen
    assert f"{released.predict(40).item():.3f} [" in seen


def test_a_median_that_is_not_reached_is_called_that() -> None:
    spec = Spec(horizon=100, epsilon=20, neighbours="replace", n=300)
    assert "not reached [not reached, not reached]" in words(html(spec.count([200] * 300, [0] * 300).release()))


def test_the_charge_is_named(tmp_path: Path) -> None:
    released = curve(Ledger(tmp_path / "budget.db", limit=1))
    assert released.head is not None
    assert f"row 2, digest {released.head['digest'][:12]}..." in words(html(released))


def test_labels_are_escaped_and_each_group_has_a_row() -> None:
    page = html(curve(groups=["<script>a</script>", "b & c"]))
    assert "<script>" not in page
    assert page.count("&lt;script&gt;a&lt;/script&gt;") == 2
    assert "b &amp; c" in page
    assert "for the whole curve and all groups" in page


def test_one_group_of_a_release_is_shown_alone() -> None:
    seen = words(html(curve(groups=["a", "b"])["b"]))
    assert "Private survival curve, group b" in seen
    assert seen.count("[") == 6


def test_test_mode_is_called_not_secure_in_plain_words() -> None:
    with fixed_key(bytes(32)):
        released = curve()
    assert "NOT SECURE. Made in test mode" in words(released._repr_html_())


def test_the_page_keeps_its_own_colours() -> None:
    page = html(curve())
    assert "color:inherit" in page
    assert not re.search(r"#[0-9a-f]{3,6}\b|black|white|http", page)


@given(st.floats(1e-9, 1e12), st.integers(3, 8))
def test_round_times_are_few_regular_and_inside(horizon: float, at_most: int) -> None:
    times = round_times(horizon, at_most=at_most, start=0)
    assert times[0] == 0
    assert times[-1] <= horizon * (1 + 1e-9)
    assert at_most / 3 < len(times) <= at_most + 1
    np.testing.assert_allclose(np.diff(times), times[1])

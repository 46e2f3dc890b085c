"""Pictures: everything is readable, stands alone, and says what it may leak."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import combinations
from typing import Any
from xml.etree import ElementTree

import matplotlib.style
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from privlib.noise.testing import fixed_key
from privlib.survival import Curve, Spec
from privlib.survival.plot import draw, picture

LABELS = ("control", "low dose", "high dose, weekly & <b>long</b>")


def curve(*, horizon: int = 100, groups: bool = False, n_bins: int = 20, dead: bool = True) -> Curve:
    """Three hundred people, evenly spread; nobody dies if not dead."""
    days = (np.arange(300) * 37 % horizon) + 1
    spec = Spec(horizon=horizon, epsilon=4, neighbours="add_remove", n_bins=n_bins, groups=list(LABELS) if groups else None)
    events = np.full(300, int(dead))
    events[::4] = 0
    if not dead:
        days[:] = horizon
    with fixed_key(bytes(32)):
        return spec.count(days, events, group=np.array(LABELS * 100) if groups else None).release()


def axes(**options: Any) -> Axes:
    figure = Figure(**options)
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def extents(ax: Axes) -> dict[str, Bbox]:
    """Where each text under the axis stands once drawn."""
    figure = ax.figure.get_figure(root=True)
    figure.canvas.draw()
    texts = [*ax.texts, *ax.get_xticklabels(), ax.xaxis.label]
    return {f"{place}: {text.get_text()}": text.get_window_extent() for place, text in enumerate(texts)}


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("given", ["nothing", "axes", "small axes", "axes with a layout"])
def test_nothing_under_the_axis_overlaps_or_is_cut_off(groups: bool, given: str) -> None:
    ax = {
        "nothing": None,
        "axes": axes(),
        "small axes": axes(figsize=(4.5, 3.6)),
        "axes with a layout": axes(layout="constrained"),
    }[given]
    drawn = draw(curve(groups=groups, horizon=1000), ax)
    assert ax is None or drawn is ax
    places = extents(drawn)
    overlapping = [(a, b) for a, b in combinations(places, 2) if places[a].overlaps(places[b])]
    assert not overlapping
    page = drawn.figure.bbox
    cut = [name for name, box in places.items() if box.y0 < 0 or box.x0 < 0 or box.x1 > page.x1 + 12]
    assert not cut


def test_the_numbers_at_risk_stand_under_the_ticks() -> None:
    released = curve(groups=True)
    ax = draw(released)
    written = {(text.xy[0], text.get_color(), text.get_text()) for text in ax.texts}
    colours = {line.get_label(): line.get_color() for line in ax.lines}
    for label in LABELS:
        for tick in ax.get_xticks():
            number = f"{released[label].at_risk(tick).item():,.0f}"
            assert (tick, colours[label], number) in written


def test_the_caption_says_what_may_leak_and_that_test_mode_is_not_secure() -> None:
    captions = [text.get_text() for text in draw(curve(), confidence=0.9).texts]
    caption = "NOT SECURE, made in test mode: epsilon = 4 (pure), neighbours: add_remove, whole curve, 90\u00a0%\u00a0band"
    assert caption in [text.replace("\n", " ") for text in captions]


def test_the_curve_is_drawn_at_every_unit_as_a_step() -> None:
    released = curve()
    line = draw(released).lines[0]
    assert line.get_drawstyle() == "steps-post"
    np.testing.assert_array_equal(line.get_xdata(), np.arange(101))
    np.testing.assert_array_equal(line.get_ydata(), released.predict(np.arange(101)))


def test_a_long_horizon_is_drawn_at_its_edges() -> None:
    released = curve(horizon=20_000)
    np.testing.assert_array_equal(draw(released).lines[0].get_xdata(), released.timeline)


@pytest.mark.parametrize(("dead", "lines"), [(True, 3), (False, 1)])
def test_the_median_has_guides_only_where_it_is_reached(dead: bool, lines: int) -> None:
    assert len(draw(curve(dead=dead)).lines) == lines


def test_one_group_of_a_release_is_drawn_alone() -> None:
    ax = draw(curve(groups=True)["control"])
    assert [line.get_label() for line in ax.lines if not line.get_label().startswith("_")] == ["control"]


def test_the_colours_fit_a_dark_style() -> None:
    light = draw(curve()).lines[0].get_color()
    with matplotlib.style.context("dark_background"):
        dark = draw(curve()).lines[0].get_color()
    assert light != dark


def test_a_picture_is_one_accessible_element_that_loads_nothing() -> None:
    svg = picture(curve(groups=True))
    assert svg.startswith("<svg ")
    root = ElementTree.fromstring(svg)  # noqa: S314  # our own
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text == "Survival curve: epsilon = 4 (pure), neighbours: add_remove, whole curve"
    assert root.get("aria-labelledby") == title.get("id")
    assert not re.findall(r"""(?:href|src)="(?!#)|url\((?!#)|<script|<image|<metadata|date""", svg)


def test_a_picture_has_real_escaped_text() -> None:
    svg = picture(curve(groups=True))
    assert "Number at risk" in svg
    assert "weekly &amp; &lt;b&gt;long&lt;/b&gt;" in svg


def test_pictures_share_no_identifier_and_repeat_byte_for_byte() -> None:
    released = curve(groups=True)
    light, dark = picture(released), picture(released, dark=True)
    assert light == picture(released)
    identifiers = [re.findall(r'\bid="([^"]+)"', svg) for svg in (light, dark)]
    assert len(set(identifiers[0])) == len(identifiers[0])
    assert not set(identifiers[0]) & set(identifiers[1])
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', light)) <= set(identifiers[0])


def test_pictures_leave_pyplot_and_the_users_settings_alone() -> None:
    code = (
        "import sys, matplotlib; before = dict(matplotlib.rcParams)\n"
        "from privlib.survival import Spec\n"
        "from privlib.survival.plot import picture\n"
        "curve = Spec(horizon=9, epsilon=1, neighbours='add_remove', n_bins=3).count([5], [1]).release()\n"
        "picture(curve); curve.plot()\n"
        "assert 'matplotlib.pyplot' not in sys.modules; assert dict(matplotlib.rcParams) == before"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr

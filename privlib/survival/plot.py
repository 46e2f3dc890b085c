"""Survival curves as pictures: band, median guides, numbers at risk below, and the guarantee in a line."""

from __future__ import annotations

import hashlib
import io
import re
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import extra
from privlib.survival.view import round_times

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    from privlib.survival.curve import Curve

__all__ = ["draw", "picture"]

_MOST_STEPS = 5000  # beyond it no screen shows a step, and the file only grows
_MOST_BAND_STEPS = 300  # a band has no line of its own, so that its steps are lost earlier
_ON_LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")  # Okabe and Ito
_ON_DARK = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00", "#FFFFFF")
_DASHES = ("-", "--", ":", "-.")
_SMALL = 0.8  # of the labels' size
_INK = {False: ("#222222", "#d9d9d9"), True: ("#e6e6e6", "#4a4a4a")}


def draw(curve: Curve, ax: Axes | None = None, *, confidence: float = 0.95) -> Axes:
    """Draw a curve, or all groups of one.

    Parameters
    ----------
    curve : Curve
        The release, or one group of it.
    ax : Axes, optional
        Where to draw; a new figure of its own by default. Its x axis is set to 0 to the horizon.
    confidence : float
        Of the band.

    Returns
    -------
    Axes
        Its ``figure`` saves the picture.

    Raises
    ------
    MissingExtra
        Without matplotlib.
    """
    if ax is None:
        figures = extra("matplotlib.figure", name="plot", purpose="a plot")
        agg = extra("matplotlib.backends.backend_agg", name="plot", purpose="a plot")
        figure: Figure = figures.Figure(figsize=(7.2, 4.4 + 0.2 * len(_parts(curve))), layout="constrained")
        agg.FigureCanvasAgg(figure)
        ax = figure.add_subplot()
    parts = _parts(curve)
    colours = [_style(ax, index) for index in range(len(parts))]
    for (label, part), style in zip(parts, colours, strict=True):
        _draw_one(ax, part, confidence, style, label)
    _frame(ax, curve, parts)
    _below(ax, curve, parts, [style["color"] for style in colours], confidence)
    return ax


def _parts(curve: Curve) -> list[tuple[str | None, Curve]]:
    if curve.groups and curve.group is None:
        return [(str(group), curve[group]) for group in curve.groups]
    return [(None if curve.group is None else str(curve.group), curve)]


def _style(ax: Axes, index: int) -> dict[str, Any]:
    colors = extra("matplotlib.colors", name="plot", purpose="a plot")
    red, green, blue, alpha = colors.to_rgba(ax.get_facecolor())
    if not alpha:
        red, green, blue = (1 - channel for channel in colors.to_rgb(ax.xaxis.label.get_color()))
    dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
    palette = _ON_DARK if dark else _ON_LIGHT
    dashes = _DASHES[index // len(palette) % len(_DASHES)]
    return {"color": palette[index % len(palette)], "linestyle": dashes, "shade": 0.28 if dark else 0.18}


def _draw_one(ax: Axes, curve: Curve, confidence: float, style: dict[str, Any], label: str | None) -> None:
    times, stepped = _moments(curve, _MOST_STEPS)
    around, fine = _around(curve)
    color = style["color"]
    shade: dict[str, Any] = {"color": color, "alpha": style["shade"], "linewidth": 0}
    ax.fill_between(around, *curve.band(around, confidence=confidence), step="post" if fine else None, **shade)
    ax.plot(
        times,
        curve.predict(times),
        color=color,
        drawstyle="steps-post" if stepped else "default",
        label=label,
        linestyle=style["linestyle"],
        linewidth=1.8,
        zorder=3,
    )
    median = curve.median_survival_time_
    if np.isfinite(median):
        guide: dict[str, Any] = {"linestyle": (0, (4, 3)), "linewidth": 0.9, "alpha": 0.8, "zorder": 2}
        ax.plot([0, median], [0.5, 0.5], color=ax.xaxis.label.get_color(), **guide)
        ax.plot([median, median], [0.5, 0], color=color, **guide)


def _moments(curve: Curve, most: int) -> tuple[NDArray[np.float64], bool]:
    """Every unit, to be drawn as steps; beyond so many the edges, to be joined by lines."""
    grid = curve.spec.grid
    return (grid.time(np.arange(grid.units + 1)), True) if grid.units <= most else (curve.timeline, False)


def _around(curve: Curve) -> tuple[NDArray[np.float64], bool]:
    """The same for the band, which is no line between edges: even units beside the edges."""
    times, stepped = _moments(curve, _MOST_BAND_STEPS)
    if stepped or curve.spec.grid.bins > _MOST_BAND_STEPS:
        return times, stepped
    even = np.linspace(0, curve.spec.grid.units, _MOST_BAND_STEPS + 1).astype(np.int64)
    return np.union1d(times, curve.spec.grid.time(even)), False


def _frame(ax: Axes, curve: Curve, parts: list[tuple[str | None, Curve]]) -> None:
    horizon = float(curve.spec.horizon)
    wide = ax.get_window_extent().width / ax.figure.dpi  # in inches
    ax.set_xlim(0, horizon)
    ax.set_ylim(0, 1.02)
    ax.set_xticks(round_times(horizon, at_most=int(np.clip(wide / 0.65, 3, 8)), start=0))
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.set_xlabel("Time")
    ax.set_ylabel("Survival")
    ax.grid(visible=True, linewidth=0.6, alpha=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if len(parts) > 1 or parts[0][0] is not None:
        high = min(part.predict(horizon / 2).item() for _, part in parts) > 0.6
        ax.legend(loc="lower left" if high else "upper right", frameon=False, fontsize="small" if wide < 4.5 else None)


def _below(ax: Axes, curve: Curve, parts: list[tuple[str | None, Curve]], colours: list[str], confidence: float) -> None:
    """Write the numbers at risk under the axis, a row a group, then the guarantee, and make room for them."""
    points = float(ax.xaxis.label.get_fontsize())
    small = _SMALL * points
    row = 1.5 * small
    tick = ax.xaxis.get_major_ticks()[0]
    top = tick.get_tick_padding() + float(tick.label1.get_fontsize()) * 1.3 + ax.xaxis.labelpad + points * 1.3 + small * 0.6
    ink: Any = ax.xaxis.label.get_color()
    written: list[Annotation] = []

    def write(text: str, time: float | None, line: float, color: Any = ink, **more: Any) -> None:
        offset = (more.pop("shift", 0), -(top + line * row))
        anchor = (0, 0) if time is None else (time, 0)
        frame = "axes fraction" if time is None else ("data", "axes fraction")
        written.append(
            ax.annotate(
                text, anchor, offset, frame, "offset points", color=color, size=small, va="top", annotation_clip=False, **more
            )
        )

    write("Number at risk (estimated)", None, 0, ha="left")
    for line, ((label, part), colour) in enumerate(zip(parts, colours, strict=True), start=1):
        for time in ax.get_xticks():
            write(f"{part.at_risk(time).item():,.0f}", float(time), line, color=colour, ha="center")
        if label is not None:
            write(label if len(label) <= 18 else label[:17] + "…", None, line, color=colour, ha="right", shift=-2.2 * small)
    caption = f"{curve.bound}, whole curve, {100 * confidence:g}\u00a0%\u00a0band"
    if not curve.secure:
        caption = f"NOT SECURE, made in test mode: {caption}"
    write(caption, None, len(parts) + 1.4, ha="left", alpha=0.8)
    share = ax.get_window_extent().width / written[-1].get_window_extent().width
    alone = ax.figure.get_layout_engine() is None
    written[-1].set_text(textwrap.fill(caption, width=max(20, int((0.8 if alone else 1.0) * share * len(caption)))))
    if alone:
        _make_room(ax, written)


def _make_room(ax: Axes, written: list[Annotation]) -> None:
    """Shrink axes that no layout engine looks after, so that what stands below keeps to their old place."""
    figure = ax.figure
    box = ax.get_position()
    height, width = figure.bbox.height, figure.bbox.width
    points = float(ax.xaxis.label.get_fontsize()) * figure.dpi / 72
    below, beside = 3.4 * points, 4.2 * points  # what ticks and labels have already
    lowest = min(text.get_window_extent().y0 for text in written)
    leftmost = min(text.get_window_extent().x0 for text in written)
    up = max(0.0, box.y0 * height - lowest - min(below, box.y0 * height - 4.0)) / height
    right = max(0.0, box.x0 * width - leftmost - min(beside, box.x0 * width - 4.0)) / width
    if up < 0.8 * box.height and right < 0.8 * box.width:
        ax.set_position((box.x0 + right, box.y0 + up, box.width - right, box.height - up))


def picture(
    curve: Curve,
    *,
    dark: bool = False,
    confidence: float = 0.95,
) -> str:
    """Draw a curve as SVG to stand in a page: real text, nothing loaded from elsewhere, the same bytes every time.

    Parameters
    ----------
    curve : Curve
        The release, or one group of it.
    dark : bool
        For a dark page; the background is the page's own either way.
    confidence : float
        Of the band.

    Returns
    -------
    str
        An ``<svg>`` element with an accessible title. Identifiers begin with a digest of the picture, so different
        pictures can stand on one page.
    """
    matplotlib = extra("matplotlib", name="plot", purpose="a plot")
    figures = extra("matplotlib.figure", name="plot", purpose="a plot")
    svg = extra("matplotlib.backends.backend_svg", name="plot", purpose="a plot")
    ink, line = _INK[dark]
    inks = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    settings = {
        **dict.fromkeys(inks, ink),
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "grid.color": line,
        "svg.fonttype": "none",
        "svg.hashsalt": "privlib",
    }
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **settings}):
        figure: Figure = figures.Figure(figsize=(7.2, 4.4 + 0.2 * len(_parts(curve))), layout="constrained")
        svg.FigureCanvasSVG(figure)
        draw(curve, figure.add_subplot(), confidence=confidence)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(out.getvalue(), f"Survival curve: {curve.bound}, whole curve")


def _inline(document: str, title: str) -> str:
    """The element alone, scaling with the page, with a title and identifiers of its own."""
    from markupsafe import escape

    own = "p" + hashlib.sha256(document.encode()).hexdigest()[:12]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", document[document.index("<svg") :], flags=re.DOTALL)
    body = body.replace("*{stroke-linejoin", f"#{own} *{{stroke-linejoin")  # a page has other pictures
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{own}-", body)
    body = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]).replace("\n", ""), body)
    opening, rest = body.split(">", 1)
    opening = re.sub(r'\s(width|height|version)="[^"]*"', "", opening)
    opening += f' id="{own}" role="img" aria-labelledby="{own}-title" style="width:100%;max-width:45rem;height:auto"'
    return f'{opening}>\n <title id="{own}-title">{escape(title)}</title>{rest}'

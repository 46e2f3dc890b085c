"""Estimated frequencies as a picture: a panel for each attribute, all on one scale; a point and its interval for each value."""

from __future__ import annotations

import textwrap
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import extra
from privlib.ldp.estimate import Estimates, Frequencies, label_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_MOST_VALUES = 20  # of an attribute; of more, the most frequent are drawn
_ABREAST = 3
_INK = "#0072B2"  # Okabe and Ito's blue, which is read on light and on dark pages
_INCHES_A_VALUE, _INCHES_A_PANEL = 0.2, 0.95


def draw(estimates: Estimates) -> Figure:
    """Draw all estimates.

    Parameters
    ----------
    estimates : Estimates
        What `privlib.ldp.aggregate.Counts.estimate` gave.

    Returns
    -------
    Figure
        Its ``savefig`` writes the picture.

    Raises
    ------
    MissingExtra
        Without matplotlib.
    """
    figures = extra("matplotlib.figure", name="plot", purpose="a plot")
    agg = extra("matplotlib.backends.backend_agg", name="plot", purpose="a plot")
    panels = estimates.attributes
    abreast = min(_ABREAST, len(panels))
    rows = [panels[first : first + abreast] for first in range(0, len(panels), abreast)]
    heights = [_INCHES_A_PANEL + _INCHES_A_VALUE * max(min(_MOST_VALUES, len(one.labels)) for one in row) for row in rows]
    figure: Figure = figures.Figure(figsize=(max(4.5, 3.2 * abreast), 0.6 + sum(heights)), layout="constrained")
    agg.FigureCanvasAgg(figure)
    axes: Any = figure.subplots(len(rows), abreast, squeeze=False, height_ratios=heights)
    right = min(1.0, 1.08 * max(0.01, *(float(one.interval[_shown(one), 1].max()) for one in panels)))  # lengths compare
    for place, ax in enumerate(axes.flat):
        if place < len(panels):
            _panel(ax, panels[place], right)
        else:
            ax.set_axis_off()
    guarantee = estimates.spec.guarantee()
    caption = (
        f"{estimates.caption()}. Epsilon {guarantee.record_epsilon:.3g} between any two records, "
        f"{guarantee.attribute_epsilon:.3g} between records that differ in one attribute."
    )
    figure.supxlabel(textwrap.fill(caption, width=ceil(15 * figure.get_figwidth())), fontsize="small", ha="left", x=0.01)
    return figure


def _shown(one: Frequencies) -> NDArray[np.intp]:
    """The most frequent values, in their order."""
    return np.sort(np.argsort(-one.value, kind="stable")[:_MOST_VALUES])


def _panel(ax: Axes, one: Frequencies, right: float) -> None:
    shown = _shown(one)
    places = np.arange(shown.size)
    low, high = one.interval[shown].T
    value = np.clip(one.value[shown], 0.0, 1.0)
    ax.hlines(places, low, high, color=_INK, linewidth=1.6)
    ax.plot(value, places, "o", color=_INK, markersize=4)
    ax.set_yticks(places, [label_text(one.labels[place]) for place in shown])
    ax.set_ylim(shown.size - 0.5, -0.5)
    ax.set_xlim(0, right)
    ax.set_xlabel("share of people", fontsize="small")
    left_out = len(one.labels) - shown.size
    ax.set_title(one.name + (f" ({left_out} rarer values not shown)" if left_out else ""), fontsize="medium", loc="left")
    ax.grid(visible=True, axis="x", linewidth=0.6, alpha=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)

"""An audit in drawings: inline SVG with real text, in a light and a dark variant, of which the page's style shows one."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from privlib.audit.bounds import Verdict
from privlib.audit.curves import TradeOff, allowed, along, least, needed, right_share, says_something, trade_off
from privlib.errors import extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from privlib.audit.result import Audit

__all__ = ["PALETTE", "SHADE", "drawings", "mood"]

Floats = NDArray[np.float64]
Draw = Callable[["Axes", Mapping[str, str]], None]

PALETTE = {
    "light": {
        "paper": "#ffffff", "panel": "#f4f6f8", "line": "#d5dbe2", "ink": "#1c242d", "soft": "#4d5a68", "claim": "#66727f",
        "none": "#1a66ad", "violation": "#a3231a", "inconclusive": "#7a5600",
        "none-tint": "#edf4fb", "violation-tint": "#fcefed", "inconclusive-tint": "#fbf4e2",
    },
    "dark": {
        "paper": "#14181d", "panel": "#1c2229", "line": "#36404b", "ink": "#e3e6ea", "soft": "#a9b3be", "claim": "#95a1ae",
        "none": "#7cbcf0", "violation": "#ff9a8f", "inconclusive": "#e3b341",
        "none-tint": "#18293a", "violation-tint": "#34201f", "inconclusive-tint": "#312811",
    },
}  # fmt: skip
"""Every colour of the page and of its drawings, by theme; the tests measure their contrast."""

SHADE = 0.22
"""The opacity of a band."""
_MOST_POINTS = 80  # of a drawn curve: more lie nearer to each other than the line is wide
_FEW_POINTS = 12  # up to which each is drawn with an interval of its own
_SQUARE, _WIDE, _FLAT = (4.3, 4.1), (4.3, 3.0), (4.3, 1.55)  # inches at 72 points: narrower than the smallest telephone
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DASHES, _DOTS = (0, (5, 2)), (0, (1, 2))


def drawings(audit: Audit) -> dict[str, Markup]:
    """Draw what the audit's counts allow to be drawn.

    Parameters
    ----------
    audit : Audit
        The result.

    Returns
    -------
    dict of str to Markup
        ``bars`` always; ``trade_off`` and ``thresholds`` for two worlds, ``guesses`` for more; ``path`` where it has two
        sizes. Nothing where nothing can be certified.

    Raises
    ------
    MissingExtra
        Without matplotlib.
    """
    if not says_something(audit):
        return {}
    curve, share = trade_off(audit), right_share(audit)
    made = {"bars": _svg(_bars(audit), _FLAT, _bars_in_words(audit), audit)}
    if curve is not None:
        made["trade_off"] = _svg(_curve(audit, curve), _SQUARE, _curve_in_words(audit, curve), audit)
        if audit.unit != "rho":
            made["thresholds"] = _svg(_thresholds(audit, curve), _SQUARE, _thresholds_in_words(audit, curve), audit)
    elif share is not None and audit.worlds > 2:
        made["guesses"] = _svg(_shares(audit, *share), _WIDE, _shares_in_words(*share), audit)
    if len(along(audit)) > 1:
        made["path"] = _svg(_path(audit), _WIDE, _path_in_words(audit), audit)
    return made


def mood(audit: Audit) -> str:
    """The name of the verdict's colour."""
    return {Verdict.VIOLATION: "violation", Verdict.INCONCLUSIVE: "inconclusive"}.get(audit.verdict, "none")


def _bars_in_words(audit: Audit) -> str:
    found, limit = audit.certified, audit.claimed
    place = "above" if found > limit else "not above"
    return f"Bars: certified {audit.unit} at least {least(found)}, {place} the claim {limit:.4g}."


def _bars(audit: Audit) -> Draw:
    values, labels = [audit.claimed, audit.certified], [f"{audit.claimed:.4g}", f"≥ {least(audit.certified)}"]

    def bars(axes: Axes, colour: Mapping[str, str]) -> None:
        axes.barh([0, 1], values, color=[colour["claim"], colour[mood(audit)]], height=0.62)
        axes.axvline(values[0], color=colour["claim"], linestyle=(0, (3, 2)), linewidth=1.2)
        for place, (value, label) in enumerate(zip(values, labels, strict=True)):
            axes.annotate(label, (max(value, values[0]), place), xytext=(5, 0), textcoords="offset points", va="center")
        axes.set_yticks([0, 1], ["claim", "certified"])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.25 * max(*values, 1e-9))
        axes.set_xlabel(audit.unit)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)

    return bars


def _outside(audit: Audit, curve: TradeOff) -> int:
    """The thresholds at which even the limits most favourable to the claim lie above its curve."""
    return int(np.count_nonzero(curve.tpr_limits[0] > allowed(audit.claim, curve.fpr_limits[1])))


def _curve_in_words(audit: Audit, curve: TradeOff) -> str:
    above = _outside(audit, curve)
    if above:
        return f"Trade-off curve: the whole band lies above what the claim allows at {above} of {curve.thresholds} thresholds."
    return f"Trade-off curve: at none of {curve.thresholds} thresholds does the whole band lie above what the claim allows."


def _thresholds_in_words(audit: Audit, curve: TradeOff) -> str:
    best = float(needed(audit.claim, curve.fpr_limits[1], curve.tpr_limits[0])[1:-1].max(initial=0))
    return f"By threshold: the highest lower limit shows {audit.unit} {least(best)}, where the claim is {audit.claimed:.4g}."


def _curve(audit: Audit, curve: TradeOff) -> Draw:
    chosen = _spread(curve)
    rates = np.concatenate([[0.0], np.geomspace(1e-7, 0.1, 60), np.linspace(0.1, 1, 60)])

    def draw(axes: Axes, colour: Mapping[str, str]) -> None:
        own = colour[mood(audit)]
        low = np.column_stack([curve.fpr_limits[1], curve.tpr_limits[0]])[chosen]
        high = np.column_stack([curve.fpr_limits[0], curve.tpr_limits[1]])[chosen]
        axes.plot([0, 1], [0, 1], color=colour["claim"], linewidth=1, linestyle=_DOTS, label="by chance")
        axes.fill(*np.concatenate([low, high[::-1]]).T, color=own, alpha=SHADE, linewidth=0, label="band")
        axes.plot(curve.fpr[chosen], curve.tpr[chosen], color=own, linewidth=2, label="measured")
        axes.plot(
            rates, allowed(audit.claim, rates), color=colour["ink"], linewidth=1.3, linestyle=_DASHES, label="claim's limit"
        )
        ticks = [0, 0.25, 0.5, 0.75, 1]
        axes.set(
            xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal", xlabel="false-positive rate", ylabel="true-positive rate"
        )
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        order = ("measured", "band", "claim's limit", "by chance")
        handles, labels = axes.get_legend_handles_labels()
        axes.legend([handles[labels.index(name)] for name in order], order, loc="lower right", frameon=False, fontsize=9.5)

    return draw


def _thresholds(audit: Audit, curve: TradeOff) -> Draw:
    """The same on the scale of the claim, where a band as thin as a line can be seen."""
    chosen = _spread(curve)
    chosen = chosen[((curve.fpr + curve.tpr)[chosen] > 0) & ((curve.fpr + curve.tpr)[chosen] < 2)]
    share = (curve.fpr + curve.tpr)[chosen] / 2
    ticks = _even_odds(float(share.min(initial=0.1)), float(share.max(initial=0.9)))
    seen, low, high = (
        needed(audit.claim, fpr[chosen], tpr[chosen])
        for fpr, tpr in (
            (curve.fpr, curve.tpr),
            (curve.fpr_limits[1], curve.tpr_limits[0]),
            (curve.fpr_limits[0], curve.tpr_limits[1]),
        )
    )
    top = 1.35 * max(audit.claimed, float(low.max(initial=0)), audit.certified, 1e-9)

    def draw(axes: Axes, colour: Mapping[str, str]) -> None:
        own = colour[mood(audit)]
        if share.size > _FEW_POINTS:
            axes.fill_between(share, low, np.minimum(high, 2 * top), color=own, alpha=SHADE, linewidth=0)
        else:  # between few points, a band would show what nobody measured
            axes.vlines(share, low, np.minimum(high, 2 * top), color=own, linewidth=1.2)
        axes.plot(share, np.where(seen <= top, seen, np.nan), color=own, linewidth=2, marker="o", markersize=3)
        beyond = share[seen > top]
        axes.plot(beyond, np.full(beyond.size, 0.97 * top), color=own, linestyle="none", marker="^", markersize=5)
        axes.axhline(audit.claimed, color=colour["ink"], linewidth=1.3, linestyle=_DASHES)
        axes.set_xscale("logit")
        axes.set_xticks([place for place, _ in ticks], [words for _, words in ticks])
        axes.set_xticks([], minor=True)
        axes.set(xlim=(ticks[0][0] / 1.3, 1 - (1 - ticks[-1][0]) / 1.3), ylim=(0, top))
        axes.set(xlabel="share guessed “second” (logit scale)", ylabel=audit.unit)

    return draw


def _even_odds(low: float, high: float) -> list[tuple[float, str]]:
    """Decades of a share and of what is left of it, around 1/2, far enough to hold a range."""
    below, above = (max(1, math.ceil(-math.log10(end) - 0.1)) for end in (low, 1 - high))
    step = -(-max(below, above) // 3)
    first = [(10.0**-power, _power(power)) for power in range(step * -(-below // step), 0, -step)]
    last = [(1 - 10.0**-power, _left(power)) for power in range(step, step * -(-above // step) + 1, step)]
    return [*first, (0.5, "0.5"), *last]


def _power(power: int) -> str:
    return f"{10.0**-power:g}" if power <= 3 else "10" + f"-{power}".translate(_RAISED)


def _left(power: int) -> str:
    return f"{1 - 10.0**-power:g}" if power <= 3 else f"1-{_power(power)}"


def _spread(curve: TradeOff) -> NDArray[np.intp]:
    """At most so many points of a curve as one can see: some evenly along it, some evenly by number, both ends."""
    length = curve.fpr + curve.tpr
    size = length.size
    if size <= _MOST_POINTS:
        return np.arange(size)
    even = np.searchsorted(length, np.linspace(0, 2, _MOST_POINTS // 2))
    return np.unique(np.concatenate([even, np.linspace(0, size - 1, _MOST_POINTS // 2).astype(np.intp)]).clip(0, size - 1))


def _shares_in_words(chance: float, limit: float, seen: float, surely: float) -> str:
    place = "above" if surely > limit else "not above"
    return (
        f"Right guesses: a share of at least {least(surely)}, {place} the claim's limit {limit:.4g}; chance gives {chance:.4g}."
    )


def _shares(audit: Audit, chance: float, limit: float, seen: float, surely: float) -> Draw:
    values = [chance, limit, surely, seen]

    def bars(axes: Axes, colour: Mapping[str, str]) -> None:
        axes.barh(range(4), values, color=[*[colour["claim"]] * 2, *[colour[mood(audit)]] * 2], height=0.62)
        axes.axvline(limit, color=colour["claim"], linestyle=(0, (3, 2)), linewidth=1.2)
        for place, value in enumerate(values):
            there = max(value, limit) if place else value
            axes.annotate(f"{value:.4g}", (there, place), xytext=(5, 0), textcoords="offset points", va="center")
        axes.set_yticks(range(4), ["by chance", "claim's limit", "lower limit", "seen"])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.25 * max(values))
        axes.set_xlabel("share of guesses that are right")
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)

    return bars


def _path_in_words(audit: Audit) -> str:
    (first, low), *_, (last, high) = along(audit)
    grown = f"{audit.unit} {least(low)} from {first} tested trials, {least(high)} from {last}"
    return f"The certified bound: {grown}; the claim is {audit.claimed:.4g}."


def _path(audit: Audit) -> Draw:
    sizes, bounds = zip(*along(audit), strict=True)

    def draw(axes: Axes, colour: Mapping[str, str]) -> None:
        axes.axhline(audit.claimed, color=colour["ink"], linewidth=1.4, linestyle=_DASHES, label="claim")
        axes.plot(sizes, bounds, color=colour[mood(audit)], linewidth=1.8, marker="o", markersize=3.5, label="certified")
        axes.set_xscale("log")
        ticks = _round_sizes(sizes[0], sizes[-1])
        axes.set_xticks(ticks, [_short(tick) for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_ylim(0, 1.22 * max(*bounds, audit.claimed, 1e-9))
        axes.set_xlabel("tested trials")
        axes.set_ylabel(audit.unit)
        axes.legend(loc="upper left", frameon=False, fontsize=9.5, ncols=2)

    return draw


def _round_sizes(least_size: int, most: int) -> list[int]:
    """Powers of ten in a range, or, where it holds too few of them, their doubles and halves too."""
    for steps in ((1,), (1, 3), (1, 2, 5)):
        found = [step * 10**power for power in range(19) for step in steps if least_size <= step * 10**power <= most]
        if len(found) >= 3:
            return found
    return [least_size, most]


def _short(size: int) -> str:
    """A number of trials as an axis has room for."""
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if size >= unit:
            return f"{size / unit:.3g}{letter}"
    return str(size)


def _svg(drawing: Draw, size: tuple[float, float], words: str, audit: Audit) -> Markup:
    """A drawing in both themes, which differ in their colours only."""
    matplotlib = extra("matplotlib", name="plot", purpose="a picture")
    figures = extra("matplotlib.figure", name="plot", purpose="a picture")
    own = hashlib.blake2b(f"{words}{audit.to_json()}".encode(), digest_size=4).hexdigest()
    light, dark = PALETTE["light"], PALETTE["dark"]
    settings = {
        **matplotlib.rcParamsDefault,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), light["ink"]),
        **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), light["claim"]),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "backend": "agg",
        "font.sans-serif": ["DejaVu Sans"],  # among the widest there are: what fits in it fits in the reader's font
        "font.size": 11,
        "svg.fonttype": "none",
        "svg.hashsalt": own,
    }
    with matplotlib.rc_context(settings):
        figure = figures.Figure(figsize=size, layout="constrained")
        drawing(figure.subplots(), light)
        figure.draw_without_rendering()  # the layout needs the tick labels, which only a first drawing has
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    darker = {light[name]: dark[name] for name in light}
    other = re.sub("#[0-9a-f]{6}", lambda found: darker.get(found[0], found[0]), drawn.getvalue())
    variants = {"light": drawn.getvalue(), "dark": other}
    return Markup().join(_inline(svg, theme, f"{theme}-{own}-", words) for theme, svg in variants.items())


def _inline(svg: str, theme: str, salt: str, words: str) -> Markup:
    """What stands inside HTML: no prologue, no namespaces, and only ids that are used, unique on the page."""
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg).replace("xlink:href", "href")
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r'\sid="([^"]*)"', lambda found: f' id="{salt}{found[1]}"' if found[1] in used else "", svg)
    svg = svg.replace('href="#', f'href="#{salt}').replace("url(#", f"url(#{salt}")
    head = f'<svg class="{theme}" role="img" aria-label="{escape(words)}"'
    return Markup(re.sub(r"\n\s*", "\n", svg.replace("<svg", head, 1)))  # noqa: S704 - drawn from numbers, words escaped

"""The demo's page: pictures of private curves with the exact one of a public cohort, and the template around them.

Everything here that takes an exact curve is for public data only, and stands outside the library for that reason.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.result import NOT_COVERED
from privlib.cli.demo_sharing import sizes
from privlib.errors import MissingExtra, extra

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

    from privlib.survival import Curve
    from privlib.survival.estimate import Fit
    from privlib.survival.published import PublishedCurve

__all__ = ["page"]

Floats = NDArray[np.float64]
Draw = Callable[["Axes", Mapping[str, str]], None]

_THEMES = {
    "light": {"ink": "#1f2933", "line": "#dfe3e8", "ours": "#0072B2", "theirs": "#D55E00", "shade": "0.18"},
    "dark": {"ink": "#e3e6ea", "line": "#3a424d", "ours": "#56B4E9", "theirs": "#E69F00", "shade": "0.28"},
}
_WIDE, _NARROW, _PANEL = (7.4, 4.5), (4.0, 4.3), (4.0, 2.7)


def page(
    found: Mapping[str, Any],
    exact: Fit,
    exact_by_sex: Mapping[int, Fit],
    curves: Mapping[str, Curve],
    recipes: Mapping[str, PublishedCurve],
) -> str:
    """Write the report as one HTML document that loads nothing.

    Parameters
    ----------
    found : mapping
        The facts, as the JSON report has them.
    exact, exact_by_sex : Fit
        The exact curve of the public cohort, and of each sex.
    curves, recipes : mapping
        The releases by name.

    Returns
    -------
    str
        For any screen, light or dark, and for paper. Without matplotlib it has its tables and says what is missing.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    try:
        pictures, missing = _pictures(found, exact, exact_by_sex, curves, recipes), ""
    except MissingExtra as error:
        pictures, missing = {}, str(error)
    environment = Environment(
        loader=PackageLoader("privlib.cli"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    words: dict[str, Any] = {
        "day": _day,
        "span": _span,
        "percent": _percent,
        "counted": _counted,
        "odds": _odds,
        "moment": _moment,
        "least": _least,
    }
    environment.filters.update(words)
    template = environment.get_template("demo.html.j2")
    return template.render(**found, pictures=pictures, missing=missing, not_covered=NOT_COVERED)


def _day(value: float) -> str:
    return "not reached" if math.isinf(value) else f"{value:.0f}"


def _span(limits: list[float]) -> str:
    return " to ".join(_day(limit) for limit in limits)


def _percent(share: float) -> str:
    return f"{100 * share:.10g}\N{NO-BREAK SPACE}%"


def _counted(number: float) -> str:
    return f"{number:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _least(bound: float, digits: int) -> str:
    """A lower bound, rounded down."""
    return f"{math.floor(bound * 10**digits) / 10**digits:.{digits}f}"


def _moment(made: str) -> str:
    return f"{made[:10]} {made[11:16]} UTC"


def _odds(value: float) -> str:
    return f"{value:.3g}" if value < 1e4 else f"{value / 1e6:,.0f} million"


def _pictures(
    found: Mapping[str, Any],
    exact: Fit,
    exact_by_sex: Mapping[int, Fit],
    curves: Mapping[str, Curve],
    recipes: Mapping[str, PublishedCurve],
) -> dict[str, Markup]:
    from privlib.survival.plot import draw

    def main(axes: Axes, colour: Mapping[str, str]) -> None:
        draw(curves["eps-1"], axes)
        private = axes.lines[0]
        known = _exact(axes, exact, colour)
        _label(axes)
        axes.legend(
            [private, known],
            ["private, with 95\N{NO-BREAK SPACE}% band", "exact (public data only)"],
            loc="upper right",
            frameon=False,
        )

    def by_sex(axes: Axes, colour: Mapping[str, str]) -> None:
        draw(curves["by-sex"], axes)
        private, _ = axes.get_legend_handles_labels()
        known = [_exact(axes, fit, colour) for fit in exact_by_sex.values()]
        labels = [f"{group['meaning']} ({group['label']})" for group in found["by_sex"]["groups"]]
        _label(axes)
        axes.legend([*private, known[0]], [*labels, "exact, each"], loc="upper right", frameon=False)

    data = found["data"]
    made: dict[str, Markup] = {}
    big = {
        "main": (main, f"Private survival curve of {data['people']} people at epsilon 1 over the exact curve"),
        "by-sex": (by_sex, "Private survival curves of men and women at epsilon 2 over the exact ones"),
    }
    for name, (drawing, words) in big.items():
        made[name] = _svg(drawing, _WIDE, words, "wide") + _svg(drawing, _NARROW, words, "narrow")
    for epsilon, facts in found["curves"].items():
        words = f"Private curve at epsilon {epsilon}, {facts['bins']} bins, over the exact curve"
        made[f"eps-{epsilon}"] = _svg(_panel_of(curves[f"eps-{epsilon}"], exact), _PANEL, words)
    for name, recipe in recipes.items():
        words = f"Published recipe at {len(recipe.plan.times)} times over the exact curve"
        made[name] = _svg(_panel_of(recipe, exact), _PANEL, words)
    made["audits"] = _svg(_bars(found), (4.2, 2.5), "Claimed, certified and proved epsilon of both mechanisms, as in the table")
    made["sharing"] = _svg(sizes(1), (4.2, 3.0), "Bits of a share by participant number, as in the table")
    return made


def _label(axes: Axes) -> None:
    """Name the unit, and break the guarantee under a narrow picture in two."""
    axes.set_xlabel("Days")
    if axes.figure.get_figure(root=True).get_figwidth() < 5:
        words = axes.texts[-1].get_text().replace("\n", ", ").replace(", whole curve", ",\nwhole curve")
        axes.texts[-1].set_text(words)


def _exact(axes: Axes, exact: Fit, colour: Mapping[str, str]) -> Any:
    """The exact curve of public data, as a thin step."""
    days = np.flatnonzero(np.diff(exact.survival, prepend=2.0))
    times, survival = np.append(days, exact.grid.units), exact.survival[np.append(days, exact.grid.units)]
    (line,) = axes.plot(times, survival, drawstyle="steps-post", color=colour["ink"], linewidth=1.0, zorder=4)
    return line


def _panel_of(release: Curve | PublishedCurve, exact: Fit) -> Draw:
    from privlib.survival import Curve

    def panel(axes: Axes, colour: Mapping[str, str]) -> None:
        horizon = float(exact.grid.units)
        if isinstance(release, Curve):
            times, survival = release.timeline, release.survival_function_
            around = np.union1d(times, np.linspace(0, horizon, 301).round())
            axes.fill_between(around, *release.band(around), color=colour["ours"], alpha=float(colour["shade"]), linewidth=0)
            axes.plot(times, survival, color=colour["ours"], linewidth=1.8)
        else:
            known = np.array([0.0, *map(float, release.plan.times), horizon])
            axes.plot(known, release.predict(known), drawstyle="steps-post", color=colour["theirs"], linewidth=1.8)
        _exact(axes, exact, colour)
        axes.set_xlim(0, horizon)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xticks([0, 200, 400, 600, 800, 1000])
        axes.set_yticks([0, 0.5, 1])
        axes.grid(visible=True, linewidth=0.6, alpha=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlabel("Days")
        axes.set_ylabel("Survival")

    return panel


def _bars(found: Mapping[str, Any]) -> Draw:
    audits, recipe = found["audits"], found["published"]["nominal"]
    rows = [
        ("noisy table: claim", float(audits["table"]["claim"]), "line"),
        ("certified", audits["table"]["certified"], "ours"),
        ("proved", float(audits["table"]["claim"]), "ink"),
        ("published: nominal", float(audits["published"]["claim"]), "line"),
        ("certified", audits["published"]["certified"], "theirs"),
        ("proved", float(recipe["whole_curve"]), "ink"),
    ]
    places = [0.0, 1.0, 2.0, 3.6, 4.6, 5.6]

    def bars(axes: Axes, colour: Mapping[str, str]) -> None:
        values = [value for _, value, _ in rows]
        axes.barh(places, values, color=[colour[name] for _, _, name in rows], height=0.72)
        for place, value in zip(places, values, strict=True):
            axes.text(value + 0.25, place, f"{value:.3g}", va="center", color=colour["ink"])
        axes.set_yticks(places, [label for label, _, _ in rows])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.12 * max(values))
        axes.set_xlabel("epsilon")
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)

    return bars


def _svg(drawing: Draw, size: tuple[float, float], words: str, kind: str = "") -> Markup:
    """A picture in both themes; the page's style shows one of them."""
    from markupsafe import Markup, escape

    matplotlib = extra("matplotlib", name="plot", purpose="a picture")
    figures = extra("matplotlib.figure", name="plot", purpose="a picture")
    svg = extra("matplotlib.backends.backend_svg", name="plot", purpose="a picture")
    variants = Markup()
    for theme, colour in _THEMES.items():
        inks = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
        settings = {
            **dict.fromkeys(inks, colour["ink"]),
            "axes.facecolor": "none",
            "figure.facecolor": "none",
            "grid.color": colour["line"],
            "svg.fonttype": "none",
            "svg.hashsalt": "privlib",
        }
        with matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **settings}):
            figure = figures.Figure(figsize=size, layout="constrained")
            svg.FigureCanvasSVG(figure)
            drawing(figure.add_subplot(), colour)
            out = io.StringIO()
            figure.savefig(out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        variants += _inline(out.getvalue(), f"{theme} {kind}".strip(), str(escape(words)))
    return variants


def _inline(document: str, classes: str, words: str) -> Markup:
    """The element alone: no prologue, no fixed size, identifiers of its own, named for those who do not see it."""
    from markupsafe import Markup

    own = "d" + hashlib.sha256(f"{classes}{document}".encode()).hexdigest()[:10]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", document[document.index("<svg") :], flags=re.DOTALL)
    body = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", body).replace("*{stroke-linejoin", f"#{own} *{{stroke-linejoin")
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{own}-", body)
    opening, rest = body.split(">", 1)
    opening = re.sub(r'\s(width|height|version)="[^"]*"', "", opening)
    return Markup(f'{opening} id="{own}" class="{classes}" role="img"><title>{words}</title>{rest}')  # noqa: S704

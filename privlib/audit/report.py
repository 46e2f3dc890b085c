"""An audit as HTML: a section for other reports, and a page that needs nothing else."""

from __future__ import annotations

import hashlib
import io
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from privlib.audit.bounds import Verdict, claimed
from privlib.audit.result import NOT_COVERED, percent, spelled
from privlib.errors import MissingExtra, extra

if TYPE_CHECKING:
    from privlib.audit.result import Audit

__all__ = ["STYLE", "fragment", "page"]

_COLOURS = {
    "light": {"text": "#1d2330", "claim": "#8a94a6", "found": "#2f6db5", "violation": "#b3261e"},
    "dark": {"text": "#e4e7ee", "claim": "#78839a", "found": "#7fb2f0", "violation": "#ff8a80"},
}

STYLE = Markup(
    """
.audit { line-height: 1.5; overflow-wrap: anywhere; }
.audit .verdict { font-size: 1.15rem; font-weight: 600; padding: .6rem .9rem; border-left: .3rem solid #5b7fa8; }
.audit .verdict.violation { border-color: #c5372c; }
.audit .verdict.inconclusive { border-color: #b98a12; }
.audit table { border-collapse: collapse; }
.audit th, .audit td { text-align: left; padding: .25rem 1rem .25rem 0; vertical-align: top; font-weight: normal; }
.audit th { white-space: nowrap; }
.audit td { font-variant-numeric: tabular-nums; }
.audit svg { max-width: 100%; height: auto; }
.audit .dark { display: none; }
@media (prefers-color-scheme: dark) { .audit .dark { display: block; } .audit .light { display: none; } }
"""
)
"""The style that a page around `fragment` needs once."""


def fragment(audit: Audit) -> str:
    """Write the audit as an HTML section, for a page that has `STYLE`.

    Parameters
    ----------
    audit : Audit
        The result.

    Returns
    -------
    str
        Markup without scripts, pictures from elsewhere or links to elsewhere.
    """
    return _templates().get_template("fragment.html.j2").render(_values(audit))


def page(audit: Audit) -> str:
    """Write the audit as one self-contained page.

    Parameters
    ----------
    audit : Audit
        The result.

    Returns
    -------
    str
        A whole HTML document, readable offline, in light and in dark, on paper and on a phone.
    """
    return _templates().get_template("page.html.j2").render(_values(audit), style=STYLE)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("privlib.audit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _values(audit: Audit) -> dict[str, Any]:
    from privlib import __version__

    try:
        bars, missing = {theme: Markup(_bars(audit, theme)) for theme in _COLOURS}, ""  # noqa: S704 - drawn from numbers
    except MissingExtra as error:
        bars, missing = {}, str(error)
    return {
        "audit": audit,
        "bars": bars,
        "missing": missing,
        "mood": "violation" if audit.verdict is Verdict.VIOLATION else str(audit.verdict).partition(" ")[0],
        "claim": spelled(audit.claim),
        "certified": f"{audit.certified:.4f}",
        "confidence": percent(audit.confidence),
        "not_covered": NOT_COVERED,
        "versions": ", ".join(f"{name} {version}" for name, version in {"privlib": __version__, **audit.versions}.items()),
    }


def _bars(audit: Audit, theme: str) -> str:
    """Claim against certified epsilon as inline SVG with real text."""
    matplotlib = extra("matplotlib", name="plot", purpose="the picture")
    figures = extra("matplotlib.figure", name="plot", purpose="the picture")
    colour = _COLOURS[theme]
    found = colour["violation" if audit.verdict is Verdict.VIOLATION else "found"]
    values = [claimed(audit.claim), audit.certified]
    settings = {"svg.fonttype": "none", "svg.hashsalt": theme, "font.family": ["sans-serif"], "font.size": 10}
    with matplotlib.rc_context(settings):
        figure = figures.Figure(figsize=(5.6, 1.3), layout="constrained")
        axes = figure.subplots()
        axes.barh(["claim", "certified"], values, color=[colour["claim"], found], height=0.6)
        for place, value in enumerate(values):
            axes.text(value, place, f" {value:.3g}", va="center", color=colour["text"])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.15 * max(*values, 1e-9))
        axes.set_xlabel("epsilon", color=colour["text"])
        axes.tick_params(colors=colour["text"])
        axes.spines[:].set_visible(False)
        drawn = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(drawn, format="svg", transparent=True, metadata=nothing)
    own = hashlib.blake2b(audit.to_json().encode(), digest_size=4).hexdigest()
    return _inline(drawn.getvalue(), theme, own, f"Bars: claim {values[0]:.3g}, certified {values[1]:.3g}")


def _inline(svg: str, theme: str, own: str, words: str) -> str:
    """What stands inside HTML: no prologue, no namespaces, ids that are unique on the page."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    salt = f"{theme}-{own}-"
    svg = re.sub(r'\bid="', f'id="{salt}', svg).replace('href="#', f'href="#{salt}').replace("url(#", f"url(#{salt}")
    return svg.replace("<svg", f'<svg class="{theme}" role="img" aria-label="{words}"', 1)

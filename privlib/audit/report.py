"""An audit as HTML: a section for other reports, and a page that needs nothing else."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from privlib.audit.bounds import guess_bound
from privlib.audit.curves import TradeOff, allowed, along, least, right_share, says_something, trade_off
from privlib.audit.picture import PALETTE, drawings, mood
from privlib.audit.result import NOT_COVERED, percent
from privlib.bounds import Kind
from privlib.errors import MissingExtra

if TYPE_CHECKING:
    from privlib.audit.result import Audit

__all__ = ["STYLE", "fragment", "page"]

_TELLING, _MOST_ROWS = 5, 24


def _style() -> Markup:
    light, dark = (" ".join(f"--{name}: {value};" for name, value in PALETTE[theme].items()) for theme in ("light", "dark"))
    return Markup(_templates().get_template("style.css.j2").render(light=light, dark=dark))  # noqa: S704 - our own


def fragment(audit: Audit) -> str:
    """Write the audit as an HTML section, for a page that has `STYLE`.

    Parameters
    ----------
    audit : Audit
        The result.

    Returns
    -------
    str
        Markup without scripts, pictures from elsewhere or links to elsewhere; its headings begin at ``h2``.
    """
    return _templates().get_template("fragment.html.j2").render(_values(audit), level=2)


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
    return _templates().get_template("page.html.j2").render(_values(audit), style=STYLE, level=1)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("privlib.audit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"counted": _counted, "least": least, "percent": percent})
    return environment


def _counted(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _values(audit: Audit) -> dict[str, Any]:
    from privlib import __version__

    try:
        pictures, missing = drawings(audit), ""
    except MissingExtra as error:
        pictures, missing = {}, str(error)
    curve = trade_off(audit)
    word = str(audit.verdict).capitalize()
    versions = {"privlib": __version__, **audit.versions}
    return {
        "audit": audit,
        "pictures": pictures,
        "missing": missing,
        "mood": mood(audit),
        "word": word,
        "rest": audit.sentence().removeprefix(word),
        "share": right_share(audit),
        "telling": _telling(audit),
        "curve": curve,
        "curve_rows": [] if curve is None else _curve_rows(audit, curve),
        "no_curve": "" if curve is not None else _no_curve(audit),
        "path": along(audit),
        "says": says_something(audit),
        "limit_theorem": _limit_theorem(audit),
        "not_covered": NOT_COVERED,
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }


def _telling(audit: Audit) -> list[dict[str, Any]]:
    """The cells in which a guess is, or would be, most surely right, by an exact lower limit for each."""
    rows = []
    for words, made, guess, *counts in zip(audit.cells, audit.guesses, audit.everywhere, *audit.counts, strict=True):
        if not sum(counts):
            continue
        right, everyone = counts[guess], sum(counts)
        surely = guess_bound(right, everyone, audit.confidence, worlds=audit.worlds)
        facts = {"words": words, "made": made >= 0, "guess": guess, "counts": counts}
        rows.append({**facts, "right": right, "all": everyone, "surely": surely})
    return sorted(rows, key=lambda row: (-row["surely"], -row["right"] / row["all"]))[:_TELLING]


def _curve_rows(audit: Audit, curve: TradeOff) -> list[list[float]]:
    """Rates, their limits and the most that the claim allows, at some thresholds."""
    most = allowed(audit.claim, curve.fpr)
    chosen = 1 + _evenly(curve.thresholds)
    columns = (curve.fpr, *curve.fpr_limits, curve.tpr, *curve.tpr_limits, most)
    return [[float(column[place]) for column in columns] for place in chosen]


def _evenly(size: int) -> NDArray[np.intp]:
    """A few of so many places, the first and the last among them."""
    return np.unique(np.linspace(0, size - 1, min(size, _MOST_ROWS)).astype(np.intp))


def _no_curve(audit: Audit) -> str:
    if audit.alarm:
        return "There are no curves: their limits hold for independent trials only."
    if audit.worlds > 2:
        among = f"A trade-off curve compares two data sets, this audit has {audit.worlds}"
        return f"{among}: its right guesses are compared with chance instead."
    if audit.anytime or audit.interrupted:
        return (
            "There is no trade-off curve: its limits hold for a number of trials that was fixed before, and this audit stopped."
        )
    return "There is no trade-off curve: the rule sees the same in all outputs, or one data set has no tested trials."


def _limit_theorem(audit: Audit) -> str:
    """The theorem on which the certified value rests."""
    if audit.anytime or audit.interrupted:
        return "audit.t3"
    return "audit.t1" if audit.claim.kind is Kind.PURE else "audit.t2"


STYLE = _style()
"""The style that a page around `fragment` needs once."""

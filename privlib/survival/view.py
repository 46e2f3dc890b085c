"""A release as a small table for notebooks and reports: first what it may leak, then what it says."""

from __future__ import annotations

from math import floor, isinf, log10
from typing import TYPE_CHECKING

from privlib.bounds import decimal

if TYPE_CHECKING:
    from privlib.survival.curve import Curve

__all__ = ["html", "round_times"]

# No background and no ink of its own: it takes those of a light or a dark page.
_TEMPLATE = """\
<div style="color:inherit;font-size:.95em;line-height:1.4">
{%- if not curve.secure %}
<p style="border:2px solid currentColor;padding:.4em .6em;margin:.3em 0"><strong>NOT SECURE.</strong>
Made in test mode, with noise that can be predicted: this release protects nobody and must not be published.</p>
{%- endif %}
<table style="border-collapse:collapse;color:inherit;background:transparent">
<caption style="text-align:left;color:inherit;font-weight:bold;padding:.2em .6em .2em 0">Private survival curve
{%- if curve.group is not none %}, group {{ curve.group }}{% endif %}</caption>
{%- for name, value in facts %}
<tr style="background:transparent"><th scope="row" style="{{ cell }};text-align:left;font-weight:normal;opacity:.75">
{{- name }}</th><td style="{{ cell }};text-align:left">{{ value }}</td></tr>
{%- endfor %}
</table>
<table style="border-collapse:collapse;color:inherit;background:transparent;margin-top:.6em">
<tr style="background:transparent">
{%- for name in columns %}<th scope="col" style="{{ cell }};text-align:{{ 'left' if loop.first else 'right' }}">
{{- name }}</th>{% endfor %}</tr>
{%- for row in rows %}
<tr style="background:transparent">
{%- for value in row %}<td style="{{ cell }};text-align:{{ 'left' if loop.first else 'right' }}">
{{- value }}</td>{% endfor %}</tr>
{%- endfor %}
</table>
<p style="opacity:.75;margin:.3em 0">In brackets: 95 % intervals, sampling and privacy together.</p>
</div>"""
_CELL = "border-bottom:1px solid rgba(128,128,128,.4);padding:.15em .8em .15em 0;vertical-align:top"


def html(curve: Curve) -> str:
    """The certificate, the medians and the curve at a few round times, as HTML that needs nothing else.

    Parameters
    ----------
    curve : Curve
        The release, or one group of it.

    Returns
    -------
    str
        Every label is escaped; styles are inline and leave the colours to the page.
    """
    from jinja2 import Environment

    times = round_times(float(curve.spec.horizon), at_most=6)
    parts = [curve] if curve.group is not None or not curve.groups else [curve[group] for group in curve.groups]
    names = ["Group"] if parts[0].group is not None else [""]
    template = Environment(autoescape=True).from_string(_TEMPLATE)
    return template.render(
        curve=curve,
        cell=_CELL,
        facts=facts(curve),
        columns=[*names, "Median", *(f"S({time:g})" for time in times)],
        rows=[[_name(part), _median(part), *_survival(part, times)] for part in parts],
    )


def facts(curve: Curve) -> list[tuple[str, str]]:
    """What a release may leak and what was public, as pairs of words for people."""
    spec, grid = curve.spec, curve.spec.grid
    chosen = {"automatic": "by the public rule", "n_bins": "by n_bins", "grid": "by grid"}[spec.grid_chosen]
    public = ["horizon", "unit", "grid", "epsilon"]
    public += [f"n = {spec.n}"] if spec.n is not None else []
    public += [f"expected_n = {spec.expected_n} (a guess)"] if spec.expected_n is not None else []
    public += [f"groups {', '.join(map(str, spec.groups))}"] if spec.groups else []
    head = "none: no ledger was given"
    if curve.head is not None:
        head = f"row {curve.head['seq']}, digest {str(curve.head['digest'])[:12]}..."
    return [
        ("Epsilon", f"{decimal(spec.epsilon)} (pure), for the whole curve" + (" and all groups" if spec.groups else "")),
        ("Neighbours", f"{spec.neighbours}: {spec.neighbours.meaning}"),
        ("Unit of privacy", "one person, one row"),
        ("Horizon", f"{decimal(spec.horizon)}, in units of {decimal(grid.unit)}"),
        ("Grid", f"{grid.bins} event bins, {grid.censor_bins} censoring bins, chosen {chosen}"),
        ("Public", ", ".join(public)),
        ("Theorem", curve.theorem),
        ("Ledger", head),
        ("Secure", "yes: noise from the operating system's generator" if curve.secure else "NO: made in test mode"),
    ]


def round_times(horizon: float, *, at_most: int, start: int = 1) -> list[float]:
    """Multiples of a round step up to the horizon: as many as fit, at most so many steps.

    Parameters
    ----------
    horizon : float
        The end.
    at_most : int
        Number of steps, 3 or more.
    start : int
        0 to begin with time 0.

    Returns
    -------
    list of float

    Examples
    --------
    >>> round_times(1022, at_most=6)
    [200.0, 400.0, 600.0, 800.0, 1000.0]
    """
    least = horizon / at_most
    power = 10.0 ** floor(log10(least))
    factors = (1, 2, 2.5, 5, 10) if power >= 10 else (1, 2, 5, 10)
    step = next(factor * power for factor in (*factors, 20) if factor * power >= least * (1 - 1e-9))
    return [float(f"{index * step:.12g}") for index in range(start, int(horizon / step * (1 + 1e-12)) + 1)]


def _name(curve: Curve) -> str:
    return "" if curve.group is None else str(curve.group)


def _median(curve: Curve) -> str:
    low, high = (_time(limit) for limit in curve.percentile_interval(0.5))
    return f"{_time(curve.median_survival_time_)} [{low}, {high}]"


def _survival(curve: Curve, times: list[float]) -> list[str]:
    lower, upper = curve.band(times)
    triples = zip(curve.predict(times), lower, upper, strict=True)
    return [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in triples]


def _time(value: float) -> str:
    return "not reached" if isinf(value) else f"{value:g}"

"""The audit of one run as people read it: as text, and as a page that loads nothing."""

from __future__ import annotations

from privlib.audit import OneRun, Verdict
from privlib.audit.curves import least
from privlib.audit.onerun import NOT_COVERED
from privlib.audit.result import percent, spelled
from privlib.bounds import Bound, Kind

__all__ = ["page", "summary"]

_MOODS = {Verdict.VIOLATION: "violation", Verdict.NO_VIOLATION_FOUND: "none", Verdict.INCONCLUSIVE: "inconclusive"}
_THEOREMS = {Kind.PURE: "audit.t4", Kind.APPROX: "audit.t4", Kind.GDP: "audit.t5"}


def summary(found: OneRun, again: str = "") -> str:
    """The result as text.

    Parameters
    ----------
    found : OneRun
        What one run showed.
    again : str
        The command that repeats the audit.

    Returns
    -------
    str
    """
    lines = [("One run", found.title), ("Verdict", found.sentence()), *_facts(found), ("Covers not", NOT_COVERED)]
    return "\n".join(f"{name:<12} {words}" for name, words in [*lines, ("Again", again or "not recorded")])


def page(found: OneRun, again: str = "") -> str:
    """The result as one self-contained HTML document.

    Parameters
    ----------
    found, again
        As for `summary`.

    Returns
    -------
    str
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from privlib import __version__
    from privlib.audit.report import STYLE

    environment = Environment(
        loader=PackageLoader("privlib.cli"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    word = str(found.verdict).capitalize()
    return environment.get_template("one_run.html.j2").render(
        title=found.title,
        word=word,
        rest=found.sentence().removeprefix(word),
        mood=_MOODS[found.verdict],
        facts=_facts(found),
        not_covered=NOT_COVERED,
        theorem=_THEOREMS[found.claim.kind],
        error=f"{1 - found.confidence:.4g}",
        again=again,
        style=STYLE,
        version=__version__,
    )


def _facts(found: OneRun) -> list[tuple[str, str]]:
    number = "planned before the output" if found.planned else "chosen after the output, which the bound allows for"
    at = ", at the claim's delta" if found.claim.kind is Kind.APPROX else ""
    return [
        ("Claim", _in_words(found.claim)),
        ("Certified", f"{found.unit} >= {least(found.certified, 6)} with confidence {percent(found.confidence)}{at}"),
        ("Counts", f"{found.canaries} canaries, {found.guesses} guesses, {found.correct} right; {number}"),
    ]


def _in_words(claim: Bound) -> str:
    """The claim with mu as it is given, where a bound itself stores the square."""
    return f"{spelled(claim)} (gdp), neighbours: {claim.neighbours}" if claim.kind is Kind.GDP else str(claim)

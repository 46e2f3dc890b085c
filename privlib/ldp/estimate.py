"""Frequencies from counts: unbiased, with both variances and intervals. Read beside proofs/ldp/t4_estimators.py.

A report supports a value of its sender with chance a, another value with chance b (under RS+FD each value has its own b, for
fakes need not be alike; a - b is the same for all). Of m reports C support the value: ``(C/m - b) / (a - b)`` is its frequency
without bias. Nothing here sees more than counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Real, decimal, exact_share
from privlib.errors import InvalidInput, extra
from privlib.ldp.intervals import exact_limits, wald
from privlib.ldp.project import Method, Projection, project

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from privlib.ldp.aggregate import Counts
    from privlib.ldp.domain import Label
    from privlib.ldp.spec import Spec

__all__ = ["Estimates", "Frequencies", "Target", "estimate", "frequencies", "label_text", "rates", "variance"]

Floats = NDArray[np.float64]
Target = Literal["population", "sample"]
"""What is estimated: frequencies in a population from which the people are drawn, or among the people themselves."""
_MOST_ROWS = 12


@dataclass(frozen=True, eq=False)
class Frequencies:
    """The estimates of one attribute.

    Attributes
    ----------
    name : str
        The attribute.
    labels : tuple of labels, length k
        Its values.
    reports : int
        How many reports speak of it.
    value : float array, shape (k,)
        Unbiased estimates: some may be negative, and sums of them are unbiased too.
    stderr : float array, shape (k,)
        Their standard errors.
    interval : float array, shape (k, 2)
        Confidence limits, within 0 and 1.
    """

    name: str
    labels: tuple[Label, ...]
    reports: int
    value: Floats = field(repr=False)
    stderr: Floats = field(repr=False)
    interval: Floats = field(repr=False)

    def __getitem__(self, label: Label) -> float:
        """The estimate of one value."""
        if label not in self.labels:
            raise InvalidInput(f"{self.name!r} has no value {label_text(label)!r}: its values are in .labels")
        return float(self.value[self.labels.index(label)])


@dataclass(frozen=True, eq=False)
class Estimates:
    """The estimates of all attributes, by name.

    Attributes
    ----------
    spec : Spec
        The plan of the reports.
    reports : int
        How many were counted.
    attributes : tuple of Frequencies
        One for each attribute.
    confidence : Fraction
        Of the intervals.
    target : {"population", "sample"}
        What is estimated.
    simultaneous : bool
        Whether all intervals hold together with the confidence, or each by itself.
    method : {"exact", "wald"}
        Of the intervals.
    secure : bool
        False when some reports were made in test mode.
    """

    spec: Spec
    reports: int
    attributes: tuple[Frequencies, ...] = field(repr=False)
    confidence: Fraction
    target: Target
    simultaneous: bool
    method: str
    secure: bool = True

    def __getitem__(self, name: str) -> Frequencies:
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        raise InvalidInput(f"there is no attribute {str(name)[:40]!r}: the attributes are {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (attribute.name for attribute in self.attributes)

    def __len__(self) -> int:
        return len(self.attributes)

    def projected(self, method: Method = "simplex") -> dict[str, Projection]:
        """Frequencies that cannot be negative, beside the unbiased ones, which stay as they are.

        Parameters
        ----------
        method : {"simplex", "clip", "base-cut"}
            As in `privlib.ldp.project.project`. ``"base-cut"`` drops estimates below twice their standard error.

        Returns
        -------
        dict of str to Projection
        """
        return {one.name: project(one.value, method, threshold=2 * one.stderr) for one in self.attributes}

    def columns(self) -> dict[str, list[Any]]:
        """All estimates as columns: attribute, value, frequency, stderr, lower, upper. Any dataframe takes them."""
        names = ("attribute", "value", "frequency", "stderr", "lower", "upper")
        found: dict[str, list[Any]] = {name: [] for name in names}
        for one in self.attributes:
            limits = one.interval.T.tolist()
            own = ([one.name] * len(one.labels), list(one.labels), one.value.tolist(), one.stderr.tolist(), *limits)
            for name, column in zip(names, own, strict=True):
                found[name] += column
        return found

    def to_frame(self) -> pd.DataFrame:
        """The same as a pandas frame, a row for each value of each attribute."""
        frames = extra("pandas", name="survival", purpose="a pandas frame")
        frame: pd.DataFrame = frames.DataFrame(self.columns())
        return frame

    def plot(self) -> Figure:
        """Draw all estimates with their intervals, a panel for each attribute; needs the ``plot`` extra."""
        from privlib.ldp.plot import draw

        return draw(self)

    def caption(self) -> str:
        """What the intervals mean, in a line."""
        which = "all intervals together" if self.simultaneous else "each interval by itself"
        about = {"population": "the population", "sample": "the people who reported"}[self.target]
        text = f"{self.spec.protocol}, {self.reports:,} reports; {decimal(100 * self.confidence)} %, {which}, about {about}"
        return text if self.secure else f"NOT SECURE, made in test mode: {text}"

    def __str__(self) -> str:
        lines = [self.caption(), str(self.spec.guarantee()), ""]
        for one in self.attributes:
            shown = np.argsort(-one.value, kind="stable")[:_MOST_ROWS]
            if len(one.labels) <= _MOST_ROWS:
                shown = np.arange(len(one.labels))
            texts = [label_text(one.labels[place]) for place in shown]
            wide = max(map(len, [*texts, one.name]))
            lines.append(f"{one.name:<{wide}}  frequency  stderr  interval")
            for place, text in zip(shown, texts, strict=True):
                low, high = one.interval[place]
                lines.append(f"{text:<{wide}}  {one.value[place]:9.4f}  {one.stderr[place]:.4f}  {low:.4f} to {high:.4f}")
            if len(one.labels) > _MOST_ROWS:
                lines.append(f"and {len(one.labels) - _MOST_ROWS} rarer values")
            lines.append("")
        return "\n".join(lines).rstrip("\n")


def label_text(label: Label) -> str:
    """A label as it is shown, shortened."""
    text = "(missing)" if label is None else str(label)
    return text if len(text) <= 24 else text[:23] + "…"


def rates(spec: Spec, attribute: int) -> tuple[tuple[Fraction, ...], Fraction]:
    """How often a report supports values, among the reports that speak of an attribute.

    Parameters
    ----------
    spec : Spec
        The plan.
    attribute : int
        Which attribute, from 0 on.

    Returns
    -------
    misses : tuple of Fraction, length k
        The chance that the report of somebody who does not hold a value supports it.
    slope : Fraction
        By how much it is greater for a holder.
    """
    part = spec.parts[attribute]
    found = [part.support(spec.scheme, value) for value in range(1 if part.uniform else part.size)]
    misses = tuple(miss for miss, _ in found)
    return misses * (part.size // len(misses)), found[0][1]


def frequencies(counts: Counts) -> tuple[tuple[Fraction, ...], ...]:
    """Unbiased estimates of all frequencies, as exact fractions.

    Parameters
    ----------
    counts : Counts
        Of one report at least that speaks of each attribute.

    Returns
    -------
    tuple of tuples of Fraction
    """
    _check_asked(counts)
    found = list[tuple[Fraction, ...]]()
    for attribute, (asked, supports) in enumerate(zip(counts.asked.tolist(), counts.supports, strict=True)):
        misses, slope = rates(counts.spec, attribute)
        found.append(tuple((Fraction(c, asked) - b) / slope for c, b in zip(supports.tolist(), misses, strict=True)))
    return tuple(found)


def variance(
    spec: Spec, attribute: int, value: int, frequency: Fraction, *, reports: int, asked: int | None = None, target: Target
) -> Fraction:
    """The variance of an estimate, exactly.

    Parameters
    ----------
    spec : Spec
        The plan.
    attribute, value : int
        Of which value of which attribute, both from 0 on.
    frequency : Fraction
        The true frequency, in the population or among the people.
    reports : int
        How many people report.
    asked : int, optional
        How many of the reports speak of the attribute, where not all do (smp).
    target : {"population", "sample"}
        What is estimated.

    Returns
    -------
    Fraction

    Examples
    --------
    >>> from privlib.ldp import Spec
    >>> ten = {f"a{place}": list(range(10)) for place in range(10)}
    >>> spec = Spec(ten, "rsfd-oue-z", level="attribute", odds=3, calibration="paper")
    >>> variance(spec, 0, 0, Fraction(1, 10), reports=50_000, target="population")
    Fraction(2299, 5000000)
    """
    misses, slope = rates(spec, attribute)
    told = reports if asked is None else asked
    seen = misses[value] + frequency * slope
    spread = seen * (1 - seen) / slope**2
    if target == "sample":
        spread -= frequency * (1 - frequency) * known_share(told, reports)
    return spread / told


def known_share(asked: int, reports: int) -> Fraction:
    """How much of the variance of drawing people from a population vanishes, because the people themselves are meant.

    All of it where everybody speaks of the attribute; where ``asked`` of them do, they are drawn without replacement.
    """
    return Fraction(1) if asked == reports else Fraction(asked - 1, reports - 1)


def estimate(
    counts: Counts,
    *,
    confidence: Real = "0.95",
    target: Target = "population",
    simultaneous: bool = False,
    interval: str = "exact",
) -> Estimates:
    """Estimate all frequencies; see `privlib.ldp.aggregate.Counts.estimate`."""
    level = exact_share(confidence, name="confidence")
    if target not in get_args(Target):
        raise InvalidInput(f"target must be 'population' or 'sample', got {str(target)[:40]!r}")
    if interval not in ("exact", "wald"):
        raise InvalidInput(f"interval must be 'exact' or 'wald', got {str(interval)[:40]!r}")
    _check_asked(counts)
    many = sum(counts.spec.domain.sizes) if simultaneous else 1
    error = float((1 - level) / many)
    found = tuple(_one(counts, attribute, error, target, interval) for attribute in range(len(counts.supports)))
    return Estimates(counts.spec, counts.reports, found, level, target, simultaneous, interval, counts.secure)


def _one(counts: Counts, attribute: int, error: float, target: Target, interval: str) -> Frequencies:
    domain, supports, asked = counts.spec.domain, counts.supports[attribute], int(counts.asked[attribute])
    exact_misses, exact_slope = rates(counts.spec, attribute)
    misses, slope = np.array(exact_misses, dtype=np.float64), float(exact_slope)
    seen = supports / asked
    value = (seen - misses) / slope
    spread = seen * (1 - seen) / slope**2
    if target == "sample":
        held = np.clip(value, 0.0, 1.0)
        spread -= held * (1 - held) * float(known_share(asked, counts.reports))
    stderr = np.sqrt(np.maximum(spread, 0.0) / asked)
    if interval == "wald":
        limits = np.stack(wald(value, stderr, error=error), axis=1).clip(0.0, 1.0)
    else:
        limits = np.stack(exact_limits(supports, asked, misses=misses, slope=slope, error=error), axis=1)
    return Frequencies(domain.names[attribute], domain.labels[attribute], asked, value, stderr, limits)


def _check_asked(counts: Counts) -> None:
    """Refuse to estimate from nothing."""
    if counts.reports == 0:
        raise InvalidInput("there are no reports to estimate from")
    silent = [name for name, asked in zip(counts.spec.domain.names, counts.asked.tolist(), strict=True) if asked == 0]
    if silent:
        raise InvalidInput(f"no report speaks of {', '.join(silent[:8])}: more reports are needed")

"""The procedure of arXiv 2109.07269 to the letter, for research: its curves, with the true cost of each point beside the claim.

The paper's experiments split the people into as many groups as there are attributes, all of one size and drawn without
replacement; each group randomises its own attribute and, under RS+FD, fakes the others. Estimates are clipped at 0 and scaled
to add up to 1, and the error is the mean over attributes of the mean squared error over values. `simulate` draws the counts that
such an experiment sees, which have the same law, instead of its reports: seconds instead of minutes.

This is simulation on made-up or public counts, by a generator of the caller's, which protects nobody. Nothing here randomises
a person's record: `privlib.ldp.Spec.randomise` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from privlib.bounds import Real, exact_int
from privlib.errors import InvalidInput, extra
from privlib.ldp.domain import Domain, Label
from privlib.ldp.guarantee import Guarantee
from privlib.ldp.oracles import Grr, Unary
from privlib.ldp.parts import Part, Scheme, scheme_of
from privlib.ldp.project import project
from privlib.ldp.spec import Spec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PAPER", "Generator", "Point", "figure", "procedure", "simulate", "study"]

PAPER = ("spl-adp", "smp-adp", "rsfd-grr", "rsfd-sue-z", "rsfd-sue-r", "rsfd-oue-z", "rsfd-oue-r", "rsfd-adp")
"""The protocols that the paper compares."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")  # Okabe and Ito


class Generator(Protocol):
    """What a simulation draws from: numpy's generator, as ``default_rng(1)`` of its module ``random`` makes it."""

    def binomial(self, n: Any, p: float, /) -> Any:
        """Numbers of successes."""

    def multinomial(self, n: Any, pvals: Any, /) -> Any:
        """How many fall on each value."""

    def multivariate_hypergeometric(self, colors: Any, nsample: int, size: int, /) -> Any:
        """How many of each value are among people drawn without replacement."""


@dataclass(frozen=True)
class Point:
    """One point of a published curve.

    Attributes
    ----------
    protocol : str
        Its name.
    claimed : Fraction
        The odds e^epsilon that the paper claims between any two records.
    guarantee : Guarantee
        What a report really leaks, at both levels.
    error : float
        The mean over runs of the mean squared error.
    standard_error : float
        Of that mean.
    runs : int
        How many runs.
    """

    protocol: str
    claimed: Fraction
    guarantee: Guarantee
    error: float
    standard_error: float
    runs: int

    @property
    def holds(self) -> bool:
        """Whether the claim holds between any two records."""
        return self.guarantee.record <= self.claimed


def procedure(domain: Domain | Mapping[str, Sequence[Label]], protocol: str, odds: Real) -> Spec:
    """The plan that the paper runs when it claims given odds between any two records.

    Parameters
    ----------
    domain : Domain
        The attributes, or a mapping from which to make it.
    protocol : str
        One of `PAPER`, or another protocol without priors.
    odds : rational
        What is claimed, e^epsilon.

    Returns
    -------
    Spec
        Of RS+FD with ``calibration="paper"``: what it leaks is in its guarantee, not in its cap.

    Examples
    --------
    >>> spec = procedure({"a": [1, 2], "b": [1, 2, 3]}, "rsfd-grr", 3)
    >>> spec.guarantee().published, spec.guarantee().record, spec.guarantee().attribute
    (Fraction(3, 1), Fraction(5, 1), Fraction(13, 4))
    """
    faked = scheme_of(protocol) is Scheme.RSFD
    return Spec(domain, protocol, level="record", odds=odds, calibration="paper" if faked else "exact")


def simulate(spec: Spec, people: Sequence[ArrayLike], *, runs: int = 100, generator: Generator) -> Point:
    """Simulate the paper's experiment under one plan.

    Parameters
    ----------
    spec : Spec
        From `procedure`; of randomised response and unary encoding.
    people : sequence of int arrays, shapes (k_j,)
        How many people have each value of each attribute; all attributes have as many people.
    runs : int
        How many experiments.
    generator : numpy's Generator
        What to draw from. This is a simulation: it protects nobody.

    Returns
    -------
    Point

    Raises
    ------
    InvalidInput
        For counts that do not fit the domain, or a protocol that the paper does not have.

    Examples
    --------
    >>> spec = procedure({"a": [1, 2], "b": [1, 2, 3]}, "rsfd-oue-z", 3)
    >>> point = simulate(spec, [[600, 400], [500, 300, 200]], runs=20, generator=np.random.default_rng(1))
    >>> point.error < 0.01, point.holds
    (True, False)
    """
    count = exact_int(runs, name="runs", least=2)
    held = _counts(spec, people)
    n, attributes = int(held[0].sum()), len(held)
    errors = np.zeros(count)
    for place, (own, part) in enumerate(zip(held, spec.parts, strict=True)):
        group = n if spec.scheme is Scheme.SPL else n // attributes + (place < n % attributes)
        asked = n if spec.scheme is Scheme.RSFD else group
        drawn = generator.multivariate_hypergeometric(own, group, count)
        seen = _supports(part, drawn, asked - group, generator)
        estimates = _estimates(part, seen / asked, group / asked)
        projected = np.array([project(row, "clip").value for row in estimates])
        errors += ((projected - own / n) ** 2).mean(axis=1) / attributes
    claimed = spec.guarantee().published or spec.record_cap or spec.guarantee().record
    spread = float(errors.std(ddof=1)) / sqrt(count)
    return Point(spec.protocol, claimed, spec.guarantee(), float(errors.mean()), spread, count)


def _counts(spec: Spec, people: Sequence[ArrayLike]) -> list[Ints]:
    held = [np.asarray(own) for own in people]
    sizes = tuple(own.size if own.ndim == 1 and own.dtype.kind in "iu" else -1 for own in held)
    if sizes != spec.domain.sizes or any(own.min() < 0 for own in held) or len({int(own.sum()) for own in held}) != 1:
        raise InvalidInput("people must hold, for each attribute, whole numbers for its values that add up to the same number")
    if held[0].sum() < len(held):
        raise InvalidInput("there must be at least as many people as attributes")
    if any(not isinstance(part.oracle, Grr | Unary) or not part.uniform for part in spec.parts):
        raise InvalidInput("the paper's protocols are randomised response and unary encoding, with uniform fakes or none")
    return [own.astype(np.int64) for own in held]


def _supports(part: Part, drawn: Ints, fakes: int, generator: Generator) -> Floats:
    """How many reports support each value, in every run: of the people drawn, and of as many fakes."""
    oracle = part.oracle
    alike = np.full(part.size, 1 / part.size)
    if isinstance(oracle, Grr):
        kept = generator.binomial(drawn, float(oracle.keep))
        others = drawn.sum(axis=1) - kept.sum(axis=1) + fakes  # people whose report is any value, all alike, and fakes
        return np.asarray(kept + generator.multinomial(others, alike), dtype=np.float64)
    senders = drawn
    if fakes and part.fake is not None:
        senders = drawn + generator.multinomial(np.full(len(drawn), fakes), alike)
    rest = drawn.sum(axis=1, keepdims=True) + fakes - senders
    found = generator.binomial(senders, float(oracle.hit)) + generator.binomial(rest, float(oracle.miss))
    return np.asarray(found, dtype=np.float64)


def _estimates(part: Part, rate: Floats, share: float) -> Floats:
    """The unbiased estimates of all values in every run, when a given share of the reports is true."""
    hit, miss = float(part.oracle.hit), float(part.oracle.miss)
    fake = float(part.fake_support(0)) if share < 1 else 0.0
    return np.asarray((rate - share * miss - (1 - share) * fake) / (share * (hit - miss)))


def study(
    domain: Domain | Mapping[str, Sequence[Label]],
    people: Sequence[ArrayLike],
    *,
    protocols: Iterable[str] = PAPER,
    odds: Iterable[Real] = (2, 3, 4, 5, 6, 7),
    runs: int = 100,
    generator: Generator,
) -> tuple[Point, ...]:
    """Simulate the paper's curves.

    Parameters
    ----------
    domain : Domain
        The attributes, or a mapping from which to make it.
    people : sequence of int arrays, shapes (k_j,)
        How many people have each value of each attribute.
    protocols : iterable of str
        Which curves.
    odds : iterable of rational
        Their points: what is claimed, e^epsilon.
    runs : int
        Experiments for each point.
    generator : numpy's Generator
        What to draw from. This is a simulation: it protects nobody.

    Returns
    -------
    tuple of Point
    """
    claims = tuple(odds)
    plans = [procedure(domain, protocol, claim) for protocol in protocols for claim in claims]
    return tuple(simulate(plan, people, runs=runs, generator=generator) for plan in plans)


def figure(points: Sequence[Point], *, title: str = "") -> Figure:
    """Draw published curves twice: against the epsilon that is claimed, and against what any two records really cost.

    Parameters
    ----------
    points : sequence of Point
        From `study`.
    title : str
        What the people are.

    Returns
    -------
    Figure
        Of matplotlib.

    Raises
    ------
    MissingExtra
        Without matplotlib.
    """
    figures = extra("matplotlib.figure", name="plot", purpose="a plot")
    agg = extra("matplotlib.backends.backend_agg", name="plot", purpose="a plot")
    drawn: Figure = figures.Figure(figsize=(9.5, 4.2), layout="constrained")
    agg.FigureCanvasAgg(drawn)
    axes: Any = drawn.subplots(1, 2, sharey=True)
    for place, protocol in enumerate(dict.fromkeys(point.protocol for point in points)):
        own = [point for point in points if point.protocol == protocol]
        errors, colour = [point.error for point in own], _COLOURS[place % len(_COLOURS)]
        axes[0].plot(
            [float(np.log(float(point.claimed))) for point in own], errors, "o-", color=colour, markersize=4, label=protocol
        )
        axes[1].plot([point.guarantee.record_epsilon for point in own], errors, "o-", color=colour, markersize=4)
    axes[0].set_xlabel("epsilon as claimed")
    axes[1].set_xlabel("epsilon between any two records, exact")
    axes[0].set_ylabel("mean squared error, clipped and scaled")
    for ax in axes:
        ax.set_yscale("log")
        ax.grid(visible=True, linewidth=0.6, alpha=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    axes[1].legend(*axes[0].get_legend_handles_labels(), fontsize="small", frameon=False, loc="upper right")
    drawn.suptitle(title)
    return drawn

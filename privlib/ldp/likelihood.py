"""Frequencies by maximum likelihood from whole reports: under RS+FD each attribute helps to judge which of the others was real.

Up to a factor that no frequency changes, the chance of a report y is ``sum_j w_j m_j(y)``, where ``m_j(y)`` is the mean over the
people of ``r_j(y_j, x)``, the chance that attribute j reports y_j of the value x over the chance that its fake is y_j. Every r is
``scale * (1 + (odds - 1) * [y_j supports x])``. So the log-likelihood is concave in all frequencies together, the EM algorithm
climbs it, and a step's gradients bound how far the top can be. Under spl and smp each attribute is by itself.

Post-processing of reports that are private already; and biased near 0 and 1, as every estimate that cannot be negative.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Real, exact, exact_int
from privlib.errors import InvalidInput, Mismatch
from privlib.ldp.columns import Column, grouped
from privlib.ldp.reports import Reports
from privlib.ldp.spec import Spec

__all__ = ["Joint", "maximum_likelihood"]

Floats = NDArray[np.float64]
_BLOCK = 1 << 15
_LEAST = 0.1  # of a plain step's frequency is what an accelerated one keeps


@dataclass(frozen=True, eq=False)
class Joint:
    """Frequencies that make the reports as likely as can be.

    Attributes
    ----------
    spec : Spec
        The plan of the reports.
    reports : int
        How many were read.
    value : tuple of float arrays, shapes (k_j,)
        For each attribute the frequencies: none negative, 1 in sum.
    log_likelihood : float
        Of the reports, less that of reports which are fakes throughout or, under spl and smp, constants.
    gap : float
        No frequencies have a log-likelihood that is greater by more than this.
    iterations : int
        Steps of the EM algorithm.
    converged : bool
        Whether the last step changed no frequency by more than the tolerance.
    path : tuple of tuples of float
        The log-likelihoods at the points passed, one tuple under RS+FD, else one for each attribute; they never fall.
    """

    spec: Spec
    reports: int
    value: tuple[Floats, ...] = field(repr=False)
    log_likelihood: float
    gap: float
    iterations: int
    converged: bool
    path: tuple[tuple[float, ...], ...] = field(repr=False)

    def __getitem__(self, name: str) -> Floats:
        if name not in self.spec.domain.names:
            raise InvalidInput(f"there is no attribute {str(name)[:40]!r}")
        return self.value[self.spec.domain.names.index(name)]


def maximum_likelihood(spec: Spec, reports: Reports, *, tolerance: Real = "1e-6", most: int = 20_000) -> Joint:
    """Estimate all frequencies together.

    Parameters
    ----------
    spec : Spec
        The plan.
    reports : Reports
        One at least that speaks of each attribute.
    tolerance : rational
        The change of a frequency in a step of the EM algorithm below which it stops; above 0.
    most : int
        After how many steps it stops in any case.

    Returns
    -------
    Joint

    Raises
    ------
    Mismatch
        For reports of another plan.
    InvalidInput
        Without reports, or for hashes of so many values that the table of their supports would be too large.

    References
    ----------
    Dempster, Laird, Rubin (1977); accelerated as in Varadhan, Roland (2008), where that loses no likelihood.
    """
    if reports.spec.fingerprint != spec.fingerprint:
        raise Mismatch("the reports were made under another plan: their fingerprint differs")
    enough = float(exact(tolerance, name="tolerance"))
    if enough <= 0:
        raise InvalidInput("tolerance must be > 0")
    steps = exact_int(most, name="most")
    value: list[Floats] = [np.full(part.size, 1 / part.size) for part in spec.parts]
    climbs = list[_Climb]()
    for attributes, columns, times in grouped(spec, reports):
        if not times.size:
            names = ", ".join(spec.domain.names[attribute] for attribute in attributes)
            raise InvalidInput(f"no report speaks of {names}: more reports are needed")
        climb = _climb(columns, times, [value[attribute] for attribute in attributes], enough, steps)
        for attribute, found in zip(attributes, climb.value, strict=True):
            value[attribute] = found
        climbs.append(climb)
    return Joint(
        spec,
        len(reports),
        tuple(value),
        sum(climb.path[-1] for climb in climbs),
        sum(climb.gap for climb in climbs),
        sum(climb.iterations for climb in climbs),
        all(climb.converged for climb in climbs),
        tuple(tuple(climb.path) for climb in climbs),
    )


@dataclass(frozen=True)
class _Climb:
    value: list[Floats]
    path: list[float]
    gap: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class _Point:
    """Frequencies, their log-likelihood, its gradient, and where a step of the EM algorithm leads."""

    value: list[Floats]
    log_likelihood: float
    gradient: list[Floats]

    @property
    def next(self) -> list[Floats]:
        moved = [own * slope for own, slope in zip(self.value, self.gradient, strict=True)]
        return [own / own.sum() for own in moved]

    @property
    def gap(self) -> float:
        """The largest increase that the tangent promises anywhere, which bounds that of a concave function."""
        return sum(float(slope.max() - own @ slope) for own, slope in zip(self.value, self.gradient, strict=True))


def _climb(columns: Sequence[Column], times: Floats, start: list[Floats], tolerance: float, most: int) -> _Climb:
    """Two steps, and a third in their direction where it is no worse than the first; until a step changes next to nothing."""
    here = _evaluate(columns, times, start)
    path, steps, converged = [here.log_likelihood], 0, False
    while not converged and steps < most:
        first = _evaluate(columns, times, here.next)
        converged, steps = _distance(here.value, first.value) <= tolerance, steps + 1
        path.append(first.log_likelihood)
        if converged:
            here = first
            break
        far = _evaluate(columns, times, _extrapolated(here.value, first.value, first.next))
        steps += 1
        here = far if far.log_likelihood >= first.log_likelihood else _evaluate(columns, times, first.next)
        path.append(here.log_likelihood)
    return _Climb(here.value, path, max(0.0, here.gap), steps, converged)


def _extrapolated(start: list[Floats], once: list[Floats], twice: list[Floats]) -> list[Floats]:
    """Where two steps lead if their changes shrink as they did, kept positive."""
    change = [b - a for a, b in zip(start, once, strict=True)]
    bend = [c - 2 * b + a for a, b, c in zip(start, once, twice, strict=True)]
    curved = sum(float(own @ own) for own in bend)
    if curved == 0:
        return twice
    length = max(1.0, (sum(float(own @ own) for own in change) / curved) ** 0.5)
    moved = [
        np.maximum(a + 2 * length * r + length**2 * v, _LEAST * c) for a, r, v, c in zip(start, change, bend, twice, strict=True)
    ]
    return [own / own.sum() for own in moved]


def _distance(one: list[Floats], two: list[Floats]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(one, two, strict=True))


def _evaluate(columns: Sequence[Column], times: Floats, value: list[Floats]) -> _Point:
    """The log-likelihood and its gradient, in blocks of reports."""
    tables = [column.tables(own) for column, own in zip(columns, value, strict=True)]
    sums = [[np.zeros(table.size) for table in own] for own in tables]
    scaled = np.zeros(len(columns))
    total = 0.0
    for part in _blocks(times.size):
        chance, read = np.zeros(times[part].size), list[list[NDArray[np.intp]]]()
        for column, own in zip(columns, tables, strict=True):
            codes = [code[part].astype(np.intp) for code in column.codes]
            seen = own[0][codes[0]]
            for table, code in zip(own[1:], codes[1:], strict=True):
                seen += table[code]
            chance += seen if column.inverse is None else seen * column.inverse[part]
            read.append(codes)
        total += float(times[part] @ np.log(chance))
        share = times[part] / chance
        for place, (column, codes) in enumerate(zip(columns, read, strict=True)):
            own_share = share if column.inverse is None else share * column.inverse[part]
            scaled[place] += own_share.sum()
            for which, code in enumerate(codes):
                sums[place][which] += np.bincount(code, weights=own_share, minlength=sums[place][which].size)
    gradient = [column.gradient(own, float(s)) for column, own, s in zip(columns, sums, scaled, strict=True)]
    return _Point(value, total, gradient)


def _blocks(size: int) -> Iterator[slice]:
    return (slice(begin, begin + _BLOCK) for begin in range(0, size, _BLOCK))

"""The pairs and the exact likelihood ratios with which the survival room is audited."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.pairs import Pair
from privlib.audit.ratios import laplace_ratio
from privlib.bounds import Neighbours, Real
from privlib.errors import InvalidInput

if TYPE_CHECKING:
    from privlib.audit.likelihood import Ratio
    from privlib.survival import Curve, Spec

__all__ = ["Rows", "published_pair", "survival_pair", "survival_ratio", "survival_release", "survival_spec"]

Rows = tuple[tuple[int, ...], tuple[int, ...]]
"""Durations and event indicators."""

_OTHERS = ((1, 2, 2), (1, 0, 1))


def survival_pair(neighbours: str) -> Pair:
    """Give a worst pair for the noisy table.

    Every pair of neighbours whose tables differ by one person, or by one person's cell, is equally bad for it.

    Parameters
    ----------
    neighbours : {"add_remove", "replace"}
        The relation.

    Returns
    -------
    Pair
        Of durations and event indicators up to time 3; data set ``(durations, event_observed)``.
    """
    durations, events = _OTHERS
    event: Rows = ((*durations, 1), (*events, 1))
    if neighbours == Neighbours.ADD_REMOVE:
        return Pair(_OTHERS, event, Neighbours.ADD_REMOVE, "three people; the same three and one more, with an event at time 1")
    if neighbours == Neighbours.REPLACE:
        staying: Rows = ((*durations, 3), (*events, 0))
        return Pair(
            staying,
            event,
            Neighbours.REPLACE,
            "four people, of whom one is still under observation at the horizon, or has the event at time 1 instead",
        )
    raise InvalidInput(f"neighbours must be 'add_remove' or 'replace', got {str(neighbours)[:40]!r}")


def survival_spec(epsilon: Real, neighbours: str) -> Spec:
    """The plan under which the pair is released: three units of time, one bin each."""
    from privlib.survival import Spec

    people = len(_OTHERS[0]) + 1 if neighbours == Neighbours.REPLACE else None
    return Spec(horizon=3, epsilon=epsilon, neighbours=neighbours, n=people, n_bins=3)


def survival_ratio(spec: Spec, pair: Pair) -> Ratio:
    """The exact log-likelihood ratio of a pair's two worlds given the released counts."""
    return laplace_ratio(_cells(spec, pair.first), _cells(spec, pair.second), scale=spec.sensitivity / spec.epsilon)


def survival_release(spec: Spec) -> Callable[[Rows], Curve]:
    """Count and release a data set, the way a user does."""

    def mechanism(rows: Rows) -> Curve:
        durations, events = rows
        return spec.count(np.array(durations), np.array(events)).release()

    return mechanism


def _cells(spec: Spec, rows: Any) -> NDArray[np.int64]:
    """The exact cells of a public data set, counted here by hand so that the audit does not trust the table."""
    cells = np.zeros(spec.cells, dtype=np.int64)
    bins = spec.grid.bins
    durations, events = rows
    for time, event in zip(durations, events, strict=True):
        if event:
            cells[time - 1] += 1
        elif time >= bins:
            cells[-1] += 1
        else:
            cells[bins + time - 1] += 1
    return cells


def published_pair(people: int = 10) -> Pair:
    """Give the pair that breaks direct noise on the curve: one record moves the whole curve from 1 to 0.

    Parameters
    ----------
    people : int
        How many people, at least 2; the pair is as bad for any number.

    Returns
    -------
    Pair
        All but one are censored at time 1; the last one has an event at time 2 or is censored there.
    """
    if people < 2:
        raise InvalidInput(f"people must be at least 2, got {people}")
    durations = (*(1,) * (people - 1), 2)
    censored = (0,) * (people - 1)
    return Pair(
        (durations, (*censored, 1)),
        (durations, (*censored, 0)),
        Neighbours.REPLACE,
        f"{people - 1} people censored at time 1 and one at time 2, who has the event, or is censored too",
    )

"""What the counts of an audit show in numbers: the trade-off curve with exact limits, and the bound as it grew.

Nothing here decides a verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from privlib.audit.binomial import lower_limit, upper_limit
from privlib.audit.judge import Counts, best, certified, claimed
from privlib.bounds import Bound, Kind

if TYPE_CHECKING:
    from privlib.audit.result import Audit

__all__ = ["TradeOff", "allowed", "along", "least", "needed", "right_share", "says_something", "trade_off"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TradeOff:
    """Rates at which "second" was guessed, as the cells are added, the one most like the second world first.

    Attributes
    ----------
    fpr, tpr : float arrays, shape (thresholds + 2,)
        The share of the first and of the second world's tested trials; from 0, no cell, to 1, all cells.
    fpr_limits, tpr_limits : float arrays, shape (2, thresholds + 2)
        Lower and upper limits, all of them right at once with the audit's confidence.
    thresholds : int
        How many places there are between two cells.
    """

    fpr: Floats
    tpr: Floats
    fpr_limits: Floats
    tpr_limits: Floats
    thresholds: int


def trade_off(audit: Audit) -> TradeOff | None:
    """Measure the trade-off curve of an audit of two worlds on its tested trials.

    The limits are Clopper-Pearson's, exact at each threshold. The cells were fixed before these trials, so Bonferroni's
    inequality over all thresholds, both worlds and both sides makes them right at once.

    Parameters
    ----------
    audit : Audit
        The result.

    Returns
    -------
    TradeOff or None
        None for more than two worlds, fewer than two cells, a world without tested trials, or trials that are not independent
        and of a number that was fixed before: no such limits hold then.
    """
    if audit.worlds != 2 or audit.alarm or audit.anytime or audit.interrupted:
        return None
    counts = np.asarray(audit.counts, dtype=np.int64)
    totals = counts.sum(axis=1)
    if counts.shape[1] < 2 or not totals.all():
        return None
    inside = np.cumsum(counts[:, ::-1], axis=1)[:, :-1]
    thresholds = inside.shape[1]
    (fpr, fpr_limits), (tpr, tpr_limits) = (
        _rates(inside[world], int(totals[world]), 1 - (1 - Fraction(audit.confidence)) / (4 * thresholds)) for world in (0, 1)
    )
    return TradeOff(fpr, tpr, fpr_limits, tpr_limits, thresholds)


def _rates(inside: NDArray[np.int64], total: int, confidence: Fraction) -> tuple[Floats, Floats]:
    """Shares from none to all, and their limits, each right with this confidence."""
    limits = [[limit(count, total, confidence) for count in inside.tolist()] for limit in (lower_limit, upper_limit)]
    return np.concatenate([[0.0], inside / total, [1.0]]), np.pad(limits, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))


def allowed(claim: Bound, fpr: Floats) -> Floats:
    """The largest true-positive rate that a claim allows at each false-positive rate: one minus its trade-off curve.

    Parameters
    ----------
    claim : Bound
        Of any kind. For zcdp it is the least of the curves of its conversions at some epsilons, so it may lie a little high.
    fpr : float array, shape (n,)
        Between 0 and 1.

    Returns
    -------
    float array, shape (n,)
    """
    if claim.kind is Kind.GDP:
        return np.asarray(ndtr(ndtri(fpr) + math.sqrt(claim.mu2)))
    if claim.kind is not Kind.ZCDP:
        return _line(claimed(claim), float(claim.delta), fpr)
    from privlib.accounting import delta_at

    # At rho + 8 sqrt(rho), where the grid ends, delta is exp(-16) at most: no line beyond it changes what is drawn.
    grid = [8 * math.sqrt(claim.rho) * step / 24 + float(claim.rho) for step in range(25)]
    lines = [_line(epsilon, float(delta_at(claim, epsilon=epsilon)), fpr) for epsilon in grid]
    return np.asarray(np.min(lines, axis=0), dtype=np.float64)


def needed(claim: Bound, fpr: Floats, tpr: Floats) -> Floats:
    """The least epsilon, or mu, under which a true-positive rate is possible at a false-positive rate.

    Parameters
    ----------
    claim : Bound
        Says the unit and the delta.
    fpr, tpr : float arrays, shape (n,)
        Between 0 and 1.

    Returns
    -------
    float array, shape (n,)
        Infinite where no epsilon suffices.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if claim.kind is Kind.GDP:
            found = ndtri(tpr) - ndtri(fpr)
        else:
            delta = float(claim.delta)
            found = np.fmax(np.log(np.maximum(tpr - delta, 0) / fpr), np.log(np.maximum(1 - fpr - delta, 0) / (1 - tpr)))
    return np.asarray(np.maximum(np.nan_to_num(found, nan=0.0, posinf=np.inf, neginf=0.0), 0.0))


def _line(epsilon: float, delta: float, fpr: Floats) -> Floats:
    """One minus the trade-off curve of (epsilon, delta)."""
    steep = delta + math.exp(min(epsilon, 700.0)) * fpr
    flat = 1 - math.exp(-epsilon) * (1 - delta - fpr)
    return np.clip(np.minimum(steep, flat), 0.0, 1.0)


def says_something(audit: Audit) -> bool:
    """Whether the audit has a bound at all: not where trials depend on each other, or no limit survives an early stop.

    Parameters
    ----------
    audit : Audit
        The result.

    Returns
    -------
    bool
    """
    return not audit.alarm and audit.tested > 0 and math.isfinite(audit.certified)


def along(audit: Audit) -> list[tuple[int, float]]:
    """What the first trials alone would have certified, at each size that the audit recorded.

    Parameters
    ----------
    audit : Audit
        The result.

    Returns
    -------
    list of (int, float)
        Tested trials and the bound, in the unit of the claim. Empty where right guesses alone give no bound: for zcdp claims,
        and where nothing was certified.
    """
    if audit.claim.kind is Kind.ZCDP or not says_something(audit):
        return []
    stopped, nobody = audit.anytime or bool(audit.interrupted), ((0, 0),) * (audit.worlds - 2)
    rule, _ = best(audit.counted, audit.claim, audit.confidence, stopped=stopped)
    found = []
    for tested, made, right in audit.path:
        table = ((right, tested - made), (made - right, 0), *nobody)
        counts = Counts(table, (0, -1), (0, 0), shares=(audit.shares[rule],))
        found.append((tested, certified(counts, audit.claim, audit.confidence, stopped=stopped)))
    return found


def right_share(audit: Audit) -> tuple[float, float, float, float] | None:
    """The share of right guesses that chance gives, that a pure claim allows, that was seen, and its lower limit.

    The limit is the one that the certified bound comes from, 0 where nothing is certified.

    Parameters
    ----------
    audit : Audit
        The result.

    Returns
    -------
    tuple of float or None
        None for another kind of claim, or where no guess was made.
    """
    if audit.claim.kind is not Kind.PURE or not audit.made:
        return None
    most = 1 / (1 + (audit.worlds - 1) * math.exp(-audit.claimed))
    surely = 1 / (1 + (audit.worlds - 1) * math.exp(-audit.certified)) if audit.certified > 0 else 0.0
    return 1 / audit.worlds, most, audit.correct / audit.made, surely


def least(value: float, digits: int = 4) -> str:
    """A lower bound with a few digits, rounded down."""
    if not value > 0:
        return "0"
    if math.isinf(value):
        return "infinity"
    unit = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return f"{math.floor(value / unit * (1 + 1e-15)) * unit:.{digits}g}"

"""The quantile-regression attack of Bertran et al. (2023): one model, no shadows, and known non-members."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from privlib.audit.membership.rates import Floats, Members, checked_scores
from privlib.bounds import Real, exact_share
from privlib.errors import InvalidInput

__all__ = ["quantile_attack", "quantile_regression"]

_FOR_EACH = 10  # known non-members for each coefficient: one of ten lies above the usual upper quantile
_LEAST_SPREAD = 0.1  # of the typical one: a line that crosses another at a far point must not blow up the scores there


def quantile_regression(features: Floats, scores: Floats, *, quantile: Real) -> Floats:
    """Fit a linear quantile of scores given features, exactly, by linear programming.

    Parameters
    ----------
    features : float array, shape (n, d)
        What is public about each example. No constant column is needed: one is added.
    scores : float array, shape (n,)
        Finite; at least d + 2 of them.
    quantile : rational
        Strictly between 0 and 1.

    Returns
    -------
    float array, shape (d + 1,)
        The intercept, then a coefficient for each feature: the line that minimises the pinball loss.

    Raises
    ------
    InvalidInput
        For other shapes, or numbers that are not finite.

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> quantile_regression(x[:, None], 2 * x + 1, quantile="0.5").round(9)
    array([1., 2.])
    """
    from scipy.optimize import linprog

    level = float(exact_share(quantile, name="quantile"))
    table, values = _table(features), checked_scores(scores)
    if table.shape[0] != values.size or values.size < table.shape[1] + 1 or not np.isfinite(values).all():
        raise InvalidInput("scores must be finite, one for each row of features, and at least two more than there are features")
    # The dual has one equation a coefficient, which are its multipliers; the primal would have two variables an example.
    columns = table / np.maximum(np.abs(table).max(axis=0), 1e-300)
    solved: Any = linprog(-values, A_eq=columns.T, b_eq=(1 - level) * columns.sum(axis=0), bounds=(0, 1), method="highs")
    if solved.status != 0:
        raise InvalidInput("the linear program found no line: scale the features, and leave out what is a sum of others")
    multipliers = -np.asarray(solved.eqlin.marginals, dtype=np.float64)
    return np.asarray(multipliers / np.maximum(np.abs(table).max(axis=0), 1e-300), dtype=np.float64)


def quantile_attack(scores: Floats, features: Floats, known: Members, *, middle: Real = "0.5", upper: Real = "0.9") -> Floats:
    """Score each example by how far it lies above what non-members with its features score.

    On examples known to be non-members, two quantiles of the score are regressed on the features; the score of an example is its
    distance above the first in units of the distance between them. A threshold on it is a quantile that follows the
    features, so a hard example has to reach less than an easy one.

    Parameters
    ----------
    scores : float array, shape (n,)
        The target's score of each example, best a `confidence_logit`.
    features : float array, shape (n, d)
        What is public about each example: of the example itself, never of its membership.
    known : bool array, shape (n,)
        Examples known to be non-members, public ones. Leave them out when the attack is measured: it was fitted to them.
    middle, upper : rational
        The two quantiles, middle below upper.

    Returns
    -------
    float array, shape (n,)
        Larger means more like a member.

    Raises
    ------
    InvalidInput
        For too few known non-members, other shapes, or NaN.

    References
    ----------
    Bertran, Tang, Kearns, Morgenstern, Roth, Wu: Scalable Membership Inference Attacks via Quantile Regression.
    arXiv 2307.03694. There the quantile is a neural network's; here it is linear.
    """
    low: Fraction = exact_share(middle, name="middle")
    high: Fraction = exact_share(upper, name="upper")
    if low >= high:
        raise InvalidInput(f"middle must be below upper, got {float(low):g} and {float(high):g}")
    values, who = checked_scores(scores), np.asarray(known)
    table = _table(features)
    if who.shape != values.shape or who.dtype.kind != "b" or table.shape[0] != values.size:
        raise InvalidInput(f"features need {values.size} rows and known as many booleans, one for each score")
    fewest = _FOR_EACH * table.shape[1]
    if np.count_nonzero(who) < fewest:
        raise InvalidInput(f"too few known non-members: {table.shape[1] - 1} features need {fewest}, got {np.count_nonzero(who)}")
    lines = [table @ quantile_regression(table[who, 1:], values[who], quantile=level) for level in (low, high)]
    spread = lines[1] - lines[0]
    typical = float(np.median(spread[who]))
    return np.asarray((values - lines[0]) / np.maximum(spread, _LEAST_SPREAD * typical + 1e-12), dtype=np.float64)


def _table(features: object) -> Floats:
    """Features with a column of ones in front."""
    values = np.asarray(features)
    if values.ndim != 2 or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InvalidInput("features must be finite numbers of shape (n, d), one row for each example")
    return np.column_stack([np.ones(values.shape[0]), values.astype(np.float64)])

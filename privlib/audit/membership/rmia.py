"""The relative attack of Zarifzadeh, Liu and Shokri (2024): an example against a population, few shadow models."""

from __future__ import annotations

import numpy as np
from scipy.special import log_expit, logsumexp

from privlib.audit.membership.rates import Floats, Members
from privlib.audit.membership.shadow import Shadows
from privlib.bounds import Real, exact
from privlib.errors import InvalidInput

__all__ = ["rmia"]


def rmia(target: Floats, shadows: Shadows, population: Members, *, gamma: Real = 1, offline: Real | None = None) -> Floats:
    """Score each example by the share of a population that it beats in how much the target raises its probability.

    With p(x|M) the target's probability of the example's true label and p(x) its mean over shadow models, the ratio
    p(x|M) / p(x) of an example is compared with that of each point z of a population that no model was trained on. The score
    is the share of points for which (p(x|M) / p(x)) / (p(z|M) / p(z)) is at least gamma.

    Parameters
    ----------
    target : float array, shape (examples,)
        The `confidence_logit` of each example under the target; its probability is 1 / (1 + exp(-score)).
    shadows : Shadows
        The same scores under shadow models.
    population : bool array, shape (examples,)
        The points z. No shadow may have been trained on one, nor the target.
    gamma : rational >= 1
        By how much a point must be beaten; 1 and 2 are usual.
    offline : rational, optional
        Between 0 and 1. Given, only models without the example are used, and the mean over models with it is guessed from
        theirs: p(x) = ((1 + offline) p_out(x) + 1 - offline) / 2. The paper takes 0.3 and tunes it.

    Returns
    -------
    float array, shape (examples,)
        Shares; larger means more like a member.

    Raises
    ------
    InvalidInput
        For an empty population or one that was trained on, too few shadows, or numbers out of range.

    References
    ----------
    Zarifzadeh, Liu, Shokri: Low-Cost High-Power Membership Inference Attacks. arXiv 2312.03262.
    """
    points = np.asarray(population)
    if points.dtype.kind != "b" or points.shape != (shadows.examples,):
        raise InvalidInput(f"population must be {shadows.examples} booleans, one for each example")
    if not points.any() or shadows.members[:, points].any():
        raise InvalidInput("population must hold points, and none that a shadow was trained on: see shadow_runs(population=)")
    least, share = exact(gamma, name="gamma"), None if offline is None else exact(offline, name="offline")
    if least < 1 or not (share is None or 0 <= share <= 1):
        raise InvalidInput("gamma must be at least 1, and offline lie between 0 and 1")
    if not points.all():
        shadows.of(~points).checked(np.zeros(np.count_nonzero(~points)), inside=0 if share is not None else 1, outside=1)
    values = shadows.checked(target, inside=0, outside=1)

    raised = log_expit(values) - _log_mean(shadows, points, None if share is None else float(share))
    reference = np.sort(raised[points])
    beaten = np.searchsorted(reference, raised - np.log(float(least)), side="right")
    return np.asarray(beaten / reference.size, dtype=np.float64)


def _log_mean(shadows: Shadows, points: Members, offline: float | None) -> Floats:
    """The logarithm of p(x): half of the weight on models with the example, half on models without it."""
    logs = log_expit(shadows.scores)
    without = _log_average(logs, ~shadows.members)
    if offline is not None:
        return np.asarray(np.logaddexp(without + np.log1p(offline), np.log1p(-offline) if offline < 1 else -np.inf) - np.log(2))
    inside = np.where(points, without, 0.0)  # what no model was trained on has one mean
    inside[~points] = _log_average(logs[:, ~points], shadows.members[:, ~points])
    return np.asarray(np.logaddexp(inside, without) - np.log(2))


def _log_average(logs: Floats, used: Members) -> Floats:
    return np.asarray(logsumexp(np.where(used, logs, -np.inf), axis=0) - np.log(used.sum(axis=0)), dtype=np.float64)

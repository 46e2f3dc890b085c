"""The likelihood-ratio attack of Carlini et al. (2022): two normal laws for each example, fitted to shadow models."""

from __future__ import annotations

import math

import numpy as np

from privlib.audit.membership.rates import Floats
from privlib.audit.membership.shadow import Shadows
from privlib.errors import InvalidInput

__all__ = ["lira"]

_ENOUGH = 16  # scores on each side, from which on each example has a spread of its own
_LEAST_SPREAD = 1e-9  # a score that never moves still has a law with a density


def lira(target: Floats, shadows: Shadows, *, online: bool = True, spread: str = "auto") -> Floats:
    """Score each example by how much better the target fits a law with it than one without it.

    For each example, a normal law is fitted to its scores under the shadow models that were trained on it, and one to the
    others. Online, the score is the logarithm of the likelihood ratio of the target's score under the two. Offline, which
    needs no model trained on the example, it is how many standard deviations the target's score lies above the mean of the
    models without it.

    Parameters
    ----------
    target : float array, shape (examples,)
        The target model's score of each example; best a `confidence_logit`, which is nearly normal.
    shadows : Shadows
        What shadow models say.
    online : bool
        Whether models trained on the example are used.
    spread : {"auto", "example", "pooled"}
        Whether the standard deviations are each example's own, or one for all on each side. Auto: each example's own where it has
        16 scores on each side used.

    Returns
    -------
    float array, shape (examples,)
        Larger means more like a member.

    Raises
    ------
    InvalidInput
        For NaN, shapes that do not fit, or fewer than two scores on a side.

    References
    ----------
    Carlini, Chien, Nasr, Song, Terzis, Tramèr: Membership Inference Attacks From First Principles. arXiv 2112.03570.

    Examples
    --------
    >>> members = np.array([[True], [True], [False], [False]])
    >>> shadows = Shadows(np.array([[3.0], [1.0], [1.0], [-1.0]]), members)  # variance 2 on each side, means 2 and 0
    >>> lira(np.array([3.0]), shadows, spread="example").round(12)
    array([2.])
    """
    if spread not in ("auto", "example", "pooled"):
        raise InvalidInput(f"spread must be 'auto', 'example' or 'pooled', got {str(spread)[:40]!r}")
    values = shadows.checked(target, inside=2 if online else 0, outside=2)
    without_mean, without_spread = _normal(shadows, False, spread)
    if not online:
        return np.asarray((values - without_mean) / without_spread, dtype=np.float64)
    with_mean, with_spread = _normal(shadows, True, spread)
    return _log_density(values, with_mean, with_spread) - _log_density(values, without_mean, without_spread)


def _normal(shadows: Shadows, inside: bool, spread: str) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each example's scores on one side; deviations by n - 1."""
    used = shadows.members == inside
    counts = used.sum(axis=0)
    mean = np.where(used, shadows.scores, 0.0).sum(axis=0) / counts
    squares = np.where(used, (shadows.scores - mean) ** 2, 0.0).sum(axis=0)
    if spread == "pooled" or (spread == "auto" and int(counts.min()) < _ENOUGH):
        squares, counts = np.full_like(mean, squares.sum()), np.full_like(counts, (counts - 1).sum() + 1)
    return mean, np.maximum(np.sqrt(squares / (counts - 1)), _LEAST_SPREAD)


def _log_density(values: Floats, mean: Floats, spread: Floats) -> Floats:
    result: Floats = -(((values - mean) / spread) ** 2) / 2 - np.log(spread) - math.log(2 * math.pi) / 2
    return result

"""From unbiased estimates, which may be negative, to frequencies that add up to 1. Every such step costs the lack of bias."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput

__all__ = ["Method", "Projection", "project"]

Floats = NDArray[np.float64]
Method = Literal["simplex", "clip", "base-cut"]
"""How to project: to the nearest law, by clipping at 0 and scaling, or by dropping what is not significant."""

_ALL_DROPPED = "nothing was left above the threshold: all values are taken to be alike"
_BIASED = {
    "simplex": "biased: the law nearest to the unbiased estimates",
    "clip": "biased: clipped at 0 and scaled, as arXiv 2109.07269 does; frequent values come out too small",
    "base-cut": "biased: estimates below the threshold count as 0; need not add up to 1",
}


@dataclass(frozen=True)
class Projection:
    """Frequencies after projection.

    Attributes
    ----------
    value : float array, shape (k,)
        The frequencies.
    method : {"simplex", "clip", "base-cut"}
        How they were made.
    note : str
        What that did to them.
    """

    value: Floats = field(repr=False)
    method: Method
    note: str


def project(value: Floats, method: Method, *, threshold: Floats | float = 0.0) -> Projection:
    """Project the estimates of one attribute.

    Parameters
    ----------
    value : float array, shape (k,)
        Unbiased estimates, such as `privlib.ldp.estimate.Frequencies.value`.
    method : {"simplex", "clip", "base-cut"}
        ``"simplex"`` gives the nearest law in the Euclidean norm (norm-sub): all estimates less one number, negative ones 0.
    threshold : float or float array
        Of ``"base-cut"``: which estimates are too small to be told from 0.

    Returns
    -------
    Projection

    Raises
    ------
    InvalidInput
        For another method or estimates that are no finite numbers.

    Examples
    --------
    >>> project(np.array([0.8, 0.4, -0.1]), "simplex").value.round(6)
    array([0.7, 0.3, 0. ])
    >>> project(np.array([0.8, 0.4, -0.1]), "clip").value.round(6)
    array([0.666667, 0.333333, 0.      ])
    """
    if method not in get_args(Method):
        raise InvalidInput(f"method must be one of {', '.join(get_args(Method))}, got {str(method)[:40]!r}")
    raw = np.asarray(value, dtype=np.float64)
    if raw.ndim != 1 or not raw.size or not np.isfinite(raw).all():
        raise InvalidInput("estimates to project must be a vector of finite numbers")
    note = _BIASED[method]
    match method:
        case "simplex":
            return Projection(_nearest_law(raw), method, note)
        case "base-cut":
            return Projection(np.where(raw > np.maximum(threshold, 0.0), raw, 0.0), method, note)
        case "clip":
            kept = np.maximum(raw, 0.0)
            total = kept.sum()
            if total == 0:
                return Projection(np.full(raw.size, 1 / raw.size), method, f"{note}; {_ALL_DROPPED}")
            return Projection(kept / total, method, note)


def _nearest_law(value: Floats) -> Floats:
    """The largest estimates are kept, less one number that makes them add up to 1."""
    falling = np.sort(value)[::-1]
    excess = (np.cumsum(falling) - 1) / np.arange(1, value.size + 1)
    kept = int(np.flatnonzero(falling > excess)[-1])
    return np.asarray(np.maximum(value - excess[kept], 0.0))

"""A curve released the published way: noisy heights, their certificate, and the finishing that the recipe asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Bound
from privlib.certificate import reread, write
from privlib.errors import InvalidInput
from privlib.survival.published_plan import STEPS, DirectNoise, Guarantee

__all__ = ["PublishedCurve", "finished"]

KIND = "survival.published"
THEOREM = "survival.t2"
Floats = NDArray[np.float64]


class PublishedCurve:
    """A curve released the published way, with its claim and its true cost.

    Parameters
    ----------
    plan : DirectNoise
        The public plan.
    noisy : int64 array, shape (G,)
        The released heights, in steps of 1/4096; copied.
    head : dict or None
        The charge in the ledger.
    secure : bool
        False for what was made in test mode.

    Attributes
    ----------
    survival : float array, shape (G,)
        The finished curve at the plan's times.
    raw : float array, shape (G,)
        The noisy curve before clipping and smoothing.
    guarantee : Guarantee
        ``per_point_epsilon`` and ``whole_curve_epsilon``, exact.

    Raises
    ------
    InvalidInput
        When the heights are not integers, one for each of the plan's times.
    """

    theorem = THEOREM

    def __init__(self, plan: DirectNoise, *, noisy: NDArray[np.int64], head: Mapping[str, Any] | None, secure: bool) -> None:
        own = np.array(noisy)
        if own.dtype != np.int64 or own.shape != (len(plan.times),):
            raise InvalidInput(f"noisy must be an int64 array of shape ({len(plan.times)},): one height for each time")
        own.flags.writeable = False
        self.plan, self.noisy, self.head, self.secure = plan, own, None if head is None else dict(head), secure

    @property
    def raw(self) -> Floats:
        """The noisy curve before clipping and smoothing."""
        return self.noisy / STEPS

    @property
    def survival(self) -> Floats:
        """The finished curve."""
        return finished(self.raw, window=self.plan.window, finish=self.plan.finish)

    @property
    def guarantee(self) -> Guarantee:
        """What the recipe gives for one time alone, and what the whole curve truly costs."""
        return self.plan.guarantee

    @property
    def bound(self) -> Bound:
        """The true cost of the whole curve."""
        return self.plan.bound

    def predict(self, times: Floats) -> Floats:
        """The finished curve as a step from 1, held until the next release time."""
        known = np.array([float(time) for time in self.plan.times])
        place = np.searchsorted(known, times, side="right")
        return np.concatenate([[1.0], self.survival])[place]

    def to_json(self) -> str:
        """The release as canonical JSON."""
        return write(
            KIND, self.plan, noisy=self.noisy.tolist(), bound=self.bound, theorem=self.theorem, head=self.head, secure=self.secure
        )

    @classmethod
    def from_json(cls, text: str) -> PublishedCurve:
        """Read a release and check all that can be checked without a ledger.

        Raises
        ------
        TamperedRelease
            When the text is not what `to_json` writes, or its bound does not follow from its plan.
        """
        return reread(
            text,
            KIND,
            spec=DirectNoise.from_dict,
            theorem=THEOREM,
            size=lambda plan: len(plan.times),
            release=lambda plan, noisy, head, secure: cls(plan, noisy=np.array(noisy, dtype=np.int64), head=head, secure=secure),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublishedCurve) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __repr__(self) -> str:
        cost, point = float(self.guarantee.whole_curve_epsilon), float(self.guarantee.per_point_epsilon)
        secure = "" if self.secure else ", NOT SECURE: made in test mode"
        many = len(self.plan.times)
        return f"<PublishedCurve: {many} times, epsilon {point:g} at one time, {cost:g} for the whole curve{secure}>"


def finished(raw: Floats, *, window: int, finish: str) -> Floats:
    """Clip and smooth a noisy curve the published way; post-processing.

    Parameters
    ----------
    raw : float array, shape (G,)
        Noisy curve.
    window : int
        Odd width of the centred mean, shrinking at the ends.
    finish : {"mean", "isotonic"}
        Mean and running minimum after clipping each point to [0, the clipped point before]; or isotonic least squares after
        clipping to [0, 1].

    Returns
    -------
    float array, shape (G,)
        Falling, inside [0, 1].
    """
    if finish == "isotonic":
        from scipy.optimize import isotonic_regression

        fitted: Floats = isotonic_regression(np.clip(raw, 0.0, 1.0), increasing=False).x
        return np.clip(fitted, 0.0, 1.0)
    clipped = np.minimum.accumulate(np.clip(raw, 0.0, 1.0))  # clipping to [0, previous] is a running minimum
    sums = np.concatenate([[0.0], np.cumsum(clipped)])
    place, reach = np.arange(raw.size), window // 2
    low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, raw.size)
    mean = (sums[high] - sums[low]) / (high - low)
    return np.clip(np.minimum.accumulate(mean), 0.0, 1.0)

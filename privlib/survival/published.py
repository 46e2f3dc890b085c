"""The recipe of arXiv 2412.05164, labelled, with its true cost.

The recipe adds Laplace noise to the survival curve itself at each of G times, then clips and smooths. Its guarantee is for one
time alone: where records may be censored, one person can move S(t) from 0 to 1 at every time, whatever the number of people,
so the whole curve costs the sum of the times' epsilons. Only the paper's abstract was available; the order of the steps and
the options are ours, and nothing here claims to reproduce its tables. The default of this package is the noisy table of
`privlib.survival.Spec`, which is sharper at the same true cost.

``DirectNoise`` is the public plan, ``DirectNoise.count`` the exact secret curve, ``ExactHeights.release`` the one draw of this
file, to be read beside proofs/survival/t2_published_recipe.py, and ``PublishedCurve`` the public result.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from privlib.budget import charge
from privlib.errors import AlreadyReleased, InvalidInput
from privlib.noise import discrete_laplace
from privlib.noise.stream import is_secure
from privlib.proved import proved
from privlib.survival.published_curve import PublishedCurve, finished
from privlib.survival.published_plan import STEPS, DirectNoise, Guarantee

if TYPE_CHECKING:
    from privlib.budget import Ledger

__all__ = ["DirectNoise", "ExactHeights", "Guarantee", "PublishedCurve", "finished"]


class ExactHeights:
    """The exact curve at a plan's times. Secret: it shows no number, and leaves only through `release`, once.

    Made by `DirectNoise.count`. It cannot be copied or pickled: that would be a second release at the cost of one.

    Parameters
    ----------
    plan : DirectNoise
        The public plan.
    heights : int64 array, shape (G,)
        S at the plan's times in steps of 1/4096, each in [0, 4096]; copied.

    Raises
    ------
    InvalidInput
        For another type, shape or range. The message holds no height.
    """

    __slots__ = ("_heights", "_lock", "_plan", "_released")

    def __init__(self, plan: DirectNoise, heights: NDArray[np.int64]) -> None:
        if not isinstance(plan, DirectNoise):
            raise InvalidInput(f"plan must be a DirectNoise, not {type(plan).__name__}")
        if type(heights) is not np.ndarray or heights.dtype != np.int64 or heights.shape != (len(plan.times),):
            raise InvalidInput(f"heights must be an int64 array of shape ({len(plan.times)},): one height for each time")
        own = heights.copy()
        if own.min() < 0 or own.max() > STEPS:
            raise InvalidInput(f"heights must lie in [0, {STEPS}]: they are S(t) in steps of 1/{STEPS}, rounded toward zero")
        self._plan, self._heights, self._lock, self._released = plan, own, Lock(), False

    @property
    def plan(self) -> DirectNoise:
        """The public plan."""
        return self._plan

    @proved("survival.t2")
    def release(self, *, ledger: Ledger | None = None) -> PublishedCurve:
        """Release the curve the published way, once, charging what it truly costs.

        Parameters
        ----------
        ledger : Ledger, optional
            Charged the whole curve's epsilon before the noise is drawn; if it refuses, nothing is released and the heights
            stay as they were.

        Returns
        -------
        PublishedCurve

        Raises
        ------
        AlreadyReleased
            On the second call: two releases of the same people cost twice, so count again on purpose.
        BudgetExceeded, LedgerError, Mismatch
            When the ledger refuses.

        Privacy
        -------
        Pure, ``plan.bound``: ``sum(epsilon / multipliers)`` for the whole curve, under the plan's neighbours. Theorem:
        survival.t2. Budget is charged before noise is drawn; an exception after that does not refund it.
        """
        plan, secure = self._plan, is_secure()
        with self._lock:
            if self._released:
                raise AlreadyReleased("this curve was released already: a second release costs again, so count again for it")
            head = charge(ledger, plan.bound, name="published survival recipe", fingerprint=plan.fingerprint, secure=secure)
            self._released = True
        try:
            noise = np.zeros(self._heights.size, dtype=np.int64)
            for scale, places in plan.draws:
                noise[list(places)] = discrete_laplace(len(places), scale=scale)
            return PublishedCurve(plan, noisy=self._heights + noise, head=head, secure=secure and is_secure())
        except BaseException as error:
            if head is not None:
                error.add_note("The ledger was charged before this happened and keeps the charge.")
            raise

    def __repr__(self) -> str:
        return f"<ExactHeights: {len(self._plan.times)} times, exact, not private; release() makes it public>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("exact heights cannot be copied or pickled: each copy could be released at the cost of one")

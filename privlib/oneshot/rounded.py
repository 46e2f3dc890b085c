"""The exact values of one query: secret, released once."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from privlib.errors import AlreadyReleased, InvalidInput
from privlib.oneshot.release import release

if TYPE_CHECKING:
    from privlib.budget import Ledger
    from privlib.oneshot.answer import Answer
    from privlib.oneshot.spec import Spec

__all__ = ["Rounded"]

_ONCE = Lock()


class Rounded:
    """Exact values on the plan's grid. Secret: it shows no number, cannot be copied, and leaves only through `release`.

    Made by `privlib.oneshot.Spec.round`.

    Parameters
    ----------
    spec : Spec
        The public plan.
    steps : int64 array, shape (spec.size,)
        The values in steps, inside the plan's range.
    """

    __slots__ = ("_released", "_spec", "_steps")

    def __init__(self, spec: Spec, steps: NDArray[np.int64]) -> None:
        grid = spec.grid
        if steps.dtype != np.int64 or steps.shape != (spec.size,) or steps.min() < grid.least or steps.max() > grid.most:
            raise InvalidInput(f"steps must be {spec.size} integers of dtype int64 inside the plan's range")
        self._spec, self._steps, self._released = spec, steps.copy(), False

    @property
    def spec(self) -> Spec:
        """The public plan."""
        return self._spec

    def release(self, *, ledger: Ledger | None = None) -> Answer:
        """Add noise once and give the private answer.

        Parameters
        ----------
        ledger : Ledger, optional
            Charged before the noise is drawn; if it refuses, nothing is released and the values stay as they were.

        Returns
        -------
        Answer
            The noisy values with their certificate.

        Raises
        ------
        AlreadyReleased
            On the second call: a second release of the same query costs as much again, so round again on purpose.
        BudgetExceeded, LedgerError
            When the ledger refuses.

        Privacy
        -------
        The plan's bound, for all values together. Theorem: noise.t5. Budget is charged before noise is drawn; an exception
        after that does not refund it.
        """
        with _ONCE:  # of two threads one goes on
            if self._released:
                raise AlreadyReleased("this query was released already: a second release costs as much again, so round again")
            self._released = True
        return release(self.spec, self._steps, ledger=ledger, on_refused=self._not_released)

    def _not_released(self) -> None:
        self._released = False

    def __repr__(self) -> str:
        size = self.spec.size
        return f"<Rounded: {size} value{'s' * (size != 1)}, exact, not private; release() makes it public>"

    def __reduce__(self) -> str:
        raise TypeError("exact values cannot be copied or pickled: the copy could be released again")

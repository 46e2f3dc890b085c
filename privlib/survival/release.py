"""The one draw of this room. Short, to be read beside proofs/survival/t1_noisy_table.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from privlib.budget import charge
from privlib.noise import discrete_laplace
from privlib.noise.stream import is_secure
from privlib.proved import proved
from privlib.survival.curve import Curve
from privlib.survival.spec import Spec

if TYPE_CHECKING:
    from privlib.budget import Ledger

__all__ = ["release"]


@proved("survival.t1")
def release(
    spec: Spec, cells: NDArray[np.int64], *, ledger: Ledger | None, on_refused: Callable[[], None] = lambda: None
) -> Curve:
    """Add discrete Laplace noise to every cell of an exact table.

    Parameters
    ----------
    spec : Spec
        The public plan.
    cells : int64 array, shape (spec.cells,)
        Exact counts.
    ledger : Ledger or None
        Charged before the draw.
    on_refused : callable
        Called when the charge does not stand, before the error goes on.

    Returns
    -------
    Curve
        The noisy counts and their certificate.

    Raises
    ------
    BudgetExceeded, LedgerError
        When the ledger refuses; then nothing was drawn.

    Privacy
    -------
    Neighbours: the plan's. Bound: pure epsilon for all cells together. Theorem: survival.t1. Budget is charged before noise
    is drawn; an exception after that does not refund it.
    """
    secure = is_secure()
    try:
        head = charge(ledger, spec.bound, name="survival curve", fingerprint=spec.fingerprint, secure=secure)
    except BaseException:
        on_refused()
        raise
    try:
        noise = discrete_laplace(spec.cells, scale=spec.sensitivity / spec.epsilon)
        return Curve(spec, noisy=cells + noise, head=head, secure=secure and is_secure())
    except BaseException as error:
        if head is not None:
            error.add_note("The ledger was charged before this happened and keeps the charge.")
        raise

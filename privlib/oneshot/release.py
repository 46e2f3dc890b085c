"""The one draw of a one-shot release. Short, to be read beside proofs/noise/t5_grid_release.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Kind
from privlib.budget import charge
from privlib.noise import discrete_gaussian, discrete_laplace, rounded_gaussian
from privlib.noise.stream import is_secure
from privlib.oneshot.answer import Answer
from privlib.proved import proved

if TYPE_CHECKING:
    from privlib.budget import Ledger
    from privlib.oneshot.spec import Spec

__all__ = ["release"]

_MOST, _LEAST = 2**63 - 1, -(2**63)


@proved("noise.t5")
def release(
    spec: Spec, steps: NDArray[np.int64], *, ledger: Ledger | None, on_refused: Callable[[], None] = lambda: None
) -> Answer:
    """Add integer noise to the values on the grid.

    Parameters
    ----------
    spec : Spec
        The public plan.
    steps : int64 array, shape (spec.size,)
        Exact values in steps, at most ``2**62`` from 0.
    ledger : Ledger or None
        Charged before the draw.
    on_refused : callable
        Called when the charge does not stand, before the error goes on.

    Returns
    -------
    Answer
        The noisy values and their certificate.

    Raises
    ------
    BudgetExceeded, LedgerError
        When the ledger refuses; then nothing was drawn.

    Privacy
    -------
    Neighbours: the plan's. Bound: the plan's, for all values together, if its sensitivity is true. Theorem: noise.t5. Budget
    is charged before noise is drawn; an exception after that does not refund it.
    """
    secure, bound, moves = is_secure(), spec.bound, spec.moves
    try:
        head = charge(ledger, bound, name=spec.name, fingerprint=spec.fingerprint, secure=secure)
    except BaseException:
        on_refused()
        raise
    try:
        if bound.kind is Kind.PURE:
            noise = discrete_laplace(spec.size, scale=moves.l1 / bound.epsilon)
        elif bound.kind is Kind.ZCDP:
            noise = discrete_gaussian(spec.size, sigma2=moves.l2_squared / (2 * bound.rho))
        else:
            noise = rounded_gaussian(spec.size, sigma2=moves.l2_squared / bound.mu2)
        return Answer(spec, noisy=saturated_sum(steps, noise), head=head, secure=secure and is_secure())
    except BaseException as error:
        if head is not None:
            error.add_note("The ledger was charged before this happened and keeps the charge.")
        raise


def saturated_sum(steps: NDArray[np.int64], drawn: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add, and stop at the ends of 64 bits: a function of the sum alone, so it is post-processing, and it never raises."""
    total = steps + drawn  # modulo 2**64
    total[(drawn > 0) & (total < steps)] = _MOST
    total[(drawn < 0) & (total > steps)] = _LEAST
    return total

"""From a target (epsilon, delta) back to what may be spent, rounded to the safe side."""

from __future__ import annotations

from privlib.accounting.gdp import mu2_of_epsilon
from privlib.accounting.zcdp import rho_of_epsilon
from privlib.bounds import Bound, Real, exact, exact_share
from privlib.errors import InvalidInput

__all__ = ["calibrate"]


def calibrate(*, epsilon: Real, delta: Real, kind: str = "zcdp", neighbours: str) -> Bound:
    """The largest zcdp or gdp bound that an (epsilon, delta) target allows, rounded down to 15 digits.

    Parameters
    ----------
    epsilon : rational > 0
        The target. Read by its decimal spelling.
    delta : rational, 0 < delta < 1
        The target's delta.
    kind : str
        ``"zcdp"``, or ``"gdp"`` where all noise is rounded Gaussian: that allows more.
    neighbours : str
        The relation of neighbours.

    Returns
    -------
    Bound
        `convert` with this delta gives at most the target. Noise for L2 sensitivity D then needs
        ``sigma2 = D**2 / (2 rho)`` or ``sigma2 = D**2 / mu2``.

    Raises
    ------
    InvalidInput
        For arguments out of range.

    Examples
    --------
    >>> print(calibrate(epsilon=1, delta=1e-6, neighbours="replace"))
    rho = 0.0243559703595383 (zcdp), neighbours: replace
    >>> print(calibrate(epsilon=1, delta=1e-6, kind="gdp", neighbours="replace"))
    mu2 = 0.0560289638252606 (gdp), neighbours: replace
    """
    epsilon, delta = exact(epsilon, name="epsilon"), exact_share(delta, name="delta")
    if epsilon <= 0:
        raise InvalidInput(f"epsilon must be > 0, got {epsilon}")
    if kind == "zcdp":
        return Bound.zcdp(rho_of_epsilon(epsilon, delta), neighbours=neighbours)
    if kind == "gdp":
        return Bound.gdp(mu2_of_epsilon(epsilon, delta), neighbours=neighbours)
    raise InvalidInput(f"kind must be 'zcdp' or 'gdp', got {str(kind)[:40]!r}")

"""Any bound as an (epsilon, delta) bound."""

from __future__ import annotations

from fractions import Fraction

from privlib.accounting.gdp import delta_of_mu2, epsilon_of_mu2
from privlib.accounting.odds import delta_of_odds, epsilon_of_odds
from privlib.accounting.zcdp import delta_of_rho, epsilon_of_rho
from privlib.bounds import Bound, Kind, Real, checked_bound, exact, exact_share
from privlib.errors import InvalidInput

__all__ = ["convert", "delta_at"]


def convert(bound: Bound, *, delta: Real) -> Bound:
    """Convert a bound of any kind to an (epsilon, delta) bound, rounded up.

    Parameters
    ----------
    bound : Bound
        What the releases satisfy together. Sum first and convert once: converted bounds add far worse.
    delta : rational, 0 < delta < 1
        The delta wanted. Read by its decimal spelling.

    Returns
    -------
    Bound
        An approx bound for the same neighbours, with this delta. Its epsilon is an exact decimal of at most 15 significant
        digits, never below the least that the kind of the bound allows.

    Raises
    ------
    InvalidInput
        For a delta outside (0, 1), or below the delta of an approx bound, where no epsilon holds.

    Notes
    -----
    Sharp for each kind: no smaller epsilon holds for every mechanism that has the bound, save for zcdp, where the conversion is
    the best known one (Canonne, Kamath and Steinke 2020, proposition 12). Theorem: accounting.t1.

    Examples
    --------
    >>> print(convert(Bound.zcdp(0.5, neighbours="replace"), delta=1e-6))
    epsilon = 5.22153444453017, delta = 1e-06 (approx), neighbours: replace
    """
    bound, delta = checked_bound(bound), exact_share(delta, name="delta")
    if bound.kind is Kind.ZCDP:
        epsilon = epsilon_of_rho(bound.rho, delta)
    elif bound.kind is Kind.GDP:
        epsilon = epsilon_of_mu2(bound.mu2, delta)
    elif bound.delta <= delta:
        epsilon = epsilon_of_odds(bound.epsilon, bound.odds, (delta - bound.delta) / (1 - bound.delta))
    else:
        raise InvalidInput(f"delta must be at least that of the bound, {bound.delta}: no epsilon holds for a smaller one")
    return Bound(kind=Kind.APPROX, neighbours=bound.neighbours, epsilon=epsilon, delta=delta)


def delta_at(bound: Bound, *, epsilon: Real) -> Fraction:
    """The delta at which a bound of any kind holds for a given epsilon, rounded up.

    Parameters
    ----------
    bound : Bound
        What the releases satisfy together.
    epsilon : rational >= 0
        Read by its decimal spelling.

    Returns
    -------
    Fraction
        At most 1, which says nothing.

    Raises
    ------
    InvalidInput
        For a negative epsilon.

    Examples
    --------
    >>> delta_at(Bound.pure(1, neighbours="replace"), epsilon=1)
    Fraction(0, 1)
    >>> float(delta_at(Bound.zcdp("1/2", neighbours="replace"), epsilon=1))
    0.246846330782945
    """
    bound, epsilon = checked_bound(bound), exact(epsilon, name="epsilon")
    if epsilon < 0:
        raise InvalidInput(f"epsilon must be >= 0, got {epsilon}")
    if bound.kind is Kind.ZCDP:
        return delta_of_rho(bound.rho, epsilon)
    if bound.kind is Kind.GDP:
        return delta_of_mu2(bound.mu2, epsilon)
    spare = delta_of_odds(bound.epsilon, bound.odds, epsilon)
    return min(Fraction(1), bound.delta + (1 - bound.delta) * spare)

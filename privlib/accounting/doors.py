"""Doors to other accountants, with settings that err on the safe side: dp-accounting's PLD and Opacus' PRV.

They compose what the exact formulas of this package do not reach: different laws together, and training with subsampling.
Both compute in floats, so what they return is a float, a figure to cite with its source, and never a `privlib.Bound`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

from privlib.bounds import Real, exact, exact_int, exact_share
from privlib.errors import InvalidInput, extra

if TYPE_CHECKING:
    from privlib.noise.laws import Law

__all__ = ["pld_epsilon", "training_epsilon"]

_LARGEST_ERROR = 1
_HEURISTIC = (
    "the Gaussian accountant of Opacus is a central limit approximation and may report less than the truth (1.61771 where two "
    "bounds give 1.828 and 1.838, for sample_rate 0.01, noise_multiplier 1, 1000 steps, delta 1e-5): it is no guarantee; "
    "take 'pld' or 'prv'"
)


def pld_epsilon(releases: Sequence[tuple[Law, int, int]], *, delta: Real, error: Real = "0.1") -> float:
    """Compose releases of different laws with dp-accounting's privacy loss distributions, pessimistically.

    Parameters
    ----------
    releases : sequence of (law, sensitivity, times)
        A law of `privlib.noise.laws` (`DiscreteGaussian`, `DiscreteLaplace` or `RoundedGaussian`), by how much one person moves
        the query at most, and how often that was released. A discrete Gaussian must be on a scalar query. For a
        rounded Gaussian the sensitivity may be that of a vector in L2, rounded up.
    delta : rational, 0 < delta < 1
        The delta allowed.
    error : rational, 0 < error <= 1
        What discretisation may add to epsilon altogether: every release is discretised at ``error`` over their number.

    Returns
    -------
    float
        An epsilon, computed in floats by dp-accounting.

    Raises
    ------
    InvalidInput
        For arguments out of range.
    MissingExtra
        Without the ``accounting`` extra.

    Notes
    -----
    The releases must be fixed beforehand. For one discrete Gaussian, `discrete_gaussian_epsilon` is exact.
    """
    allowed, added = _below(exact_share(delta, name="delta")), _error(error)
    if not releases or any(times < 1 or sensitivity < 1 for _, sensitivity, times in releases):
        raise InvalidInput("releases must hold at least one (law, sensitivity, times), with sensitivity and times >= 1")
    library = extra("dp_accounting.pld.privacy_loss_distribution", name="accounting", purpose="composing different laws")
    settings = _settings(added, sum(times for _, _, times in releases))
    parts = [_distribution(library, law, sensitivity, settings).self_compose(times) for law, sensitivity, times in releases]
    total = reduce(lambda one, other: one.compose(other), parts)
    return float(total.get_epsilon_for_delta(allowed))


def training_epsilon(
    *, noise_multiplier: Real, sample_rate: Real, steps: int, delta: Real, accountant: str = "pld", error: Real | None = None
) -> float:
    """The epsilon of training with Poisson-sampled batches and Gaussian noise (DP-SGD), by a bound, not by an estimate.

    Parameters
    ----------
    noise_multiplier : rational > 0
        The standard deviation of the noise over the clipping norm.
    sample_rate : rational, 0 < sample_rate <= 1
        The probability with which each record enters a batch, independently.
    steps : int >= 1
        How many batches.
    delta : rational, 0 < delta < 1
        The delta allowed.
    accountant : str
        ``"pld"`` is dp-accounting's, pessimistic; ``"prv"`` is Opacus' and counts its error into epsilon.
    error : rational, 0 < error <= 1, optional
        What discretisation may add to epsilon altogether; 0.1 for pld, which stays far below it, and 0.01 for prv.

    Returns
    -------
    float
        An epsilon for adding or removing one record, computed in floats by the accountant.

    Raises
    ------
    InvalidInput
        For arguments out of range, and for Opacus' Gaussian accountant, which is a heuristic.
    MissingExtra
        Without the ``accounting`` or the ``opacus`` extra.
    """
    noise, rate = exact(noise_multiplier, name="noise_multiplier"), exact(sample_rate, name="sample_rate")
    if noise <= 0 or not 0 < rate <= 1:
        raise InvalidInput(f"noise_multiplier must be > 0 and sample_rate in (0, 1], got {noise} and {rate}")
    steps = exact_int(steps, name="steps")
    allowed = _below(exact_share(delta, name="delta"))
    if accountant == "pld":
        settings = _settings(_error("0.1" if error is None else error), steps)
        library = extra("dp_accounting.pld.privacy_loss_distribution", name="accounting", purpose="the PLD accountant")
        one = library.from_gaussian_mechanism(_below(noise), sampling_prob=_above(rate), **settings)
        return float(one.self_compose(steps).get_epsilon_for_delta(allowed))
    if accountant == "prv":
        added = float(_error("0.01" if error is None else error))
        counter = extra("opacus.accountants", name="opacus", purpose="the PRV accountant").PRVAccountant()
        counter.history = [(_below(noise), _above(rate), steps)]
        return float(counter.get_epsilon(allowed, eps_error=added, delta_error=allowed / 1000))
    if accountant in ("gdp", "gaussian", "GaussianAccountant"):
        raise InvalidInput(_HEURISTIC)
    raise InvalidInput(f"accountant must be 'pld' or 'prv', got {str(accountant)[:40]!r}")


def _settings(error: Fraction, releases: int) -> dict[str, Any]:
    """Every release may be rounded up by one interval: together by the error."""
    return {"pessimistic_estimate": True, "value_discretization_interval": _below(error / releases)}


def _distribution(library: Any, law: Law, sensitivity: int, settings: dict[str, Any]) -> Any:
    from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, RoundedGaussian

    if isinstance(law, DiscreteLaplace):
        return library.from_discrete_laplace_mechanism(_above(1 / law.scale), sensitivity=sensitivity, **settings)
    if isinstance(law, DiscreteGaussian):
        return library.from_discrete_gaussian_mechanism(_sigma(law.sigma2), sensitivity=sensitivity, **settings)
    if isinstance(law, RoundedGaussian):
        return library.from_gaussian_mechanism(_sigma(law.sigma2), sensitivity=sensitivity, **settings)
    raise InvalidInput(f"a law must be DiscreteGaussian, DiscreteLaplace or RoundedGaussian, not {type(law).__name__}")


def _sigma(sigma2: Fraction) -> float:
    """A float below the root: less noise leaks more."""
    return math.nextafter(math.sqrt(_below(sigma2)), 0)


def _error(error: Real) -> Fraction:
    added = exact(error, name="error")
    if not 0 < added <= _LARGEST_ERROR:
        raise InvalidInput(f"error must lie in (0, {_LARGEST_ERROR}], got {added}")
    return added


def _below(value: Fraction) -> float:
    """The float nearest to a rational, or the one below it."""
    nearest = float(value)
    return nearest if Fraction(nearest) <= value else math.nextafter(nearest, -math.inf)


def _above(value: Fraction) -> float:
    return -_below(-value)

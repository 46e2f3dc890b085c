"""Assertions about exact laws: a sampler's law, an estimate's mean, a scheme's secrecy. No normal approximation decides."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from privlib.bounds import Real, exact, exact_int, exact_share
from privlib.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["assert_law", "assert_perfect_secrecy", "assert_unbiased"]

_ROUNDING = 1e-12  # of a sum of probabilities that are floats
_MOST_BLOCKS = 199


def assert_law(
    sampler: Callable[[int], Iterable[Hashable]],
    law: Mapping[Any, Fraction | float],
    *,
    trials: int = 100_000,
    alpha: Real = "1e-6",
) -> None:
    """Assert that a sampler follows a law.

    Each outcome's count is compared with its exact binomial law on both sides, and so is the count of everything up to
    an outcome where outcomes have an order. All these tests share alpha evenly, so the assertion fails for a right sampler
    with probability at most alpha. An outcome that the law does not have fails it at once.

    Parameters
    ----------
    sampler : callable
        ``sampler(n)`` gives n independent outcomes: an array, or a list of hashable values.
    law : mapping
        From outcomes to probabilities. What they lack to 1 belongs to all other outcomes together.
    trials : int
        How many outcomes to draw.
    alpha : rational
        The probability of failing for a right sampler.

    Raises
    ------
    AssertionError
        When the counts are not those of the law.
    InvalidInput
        For what is not a law, or a sampler that gives another number of outcomes.

    Examples
    --------
    >>> import secrets
    >>> assert_law(lambda n: [secrets.randbelow(6) for _ in range(n)], dict.fromkeys(range(6), Fraction(1, 6)), trials=1000)
    >>> assert_law(lambda n: [1] * n, {0: Fraction(1, 2), 1: Fraction(1, 2)}, trials=1000)
    Traceback (most recent call last):
    AssertionError: not this law: 0 of 1000 outcomes are 0, expected 500; chance 9.33e-302, below alpha = 1e-06 over 4 tests
    """
    size, level = exact_int(trials, name="trials"), float(exact_share(alpha, name="alpha"))
    rest = 1 - sum(law.values())
    if any(not 0 <= share <= 1 for share in law.values()) or rest < -_ROUNDING:
        raise InvalidInput("a law must have probabilities from 0 to 1 that sum to at most 1")
    counts = Counter(_hashable(sampler(size)))
    if counts.total() != size:
        raise InvalidInput(f"the sampler must give n outcomes: asked for {size}, got {counts.total()}")
    if rest <= (0 if isinstance(rest, Fraction | int) else _ROUNDING):
        for outcome in counts.keys() - law.keys():
            raise AssertionError(f"not this law: {_short(outcome)} is none of its outcomes")
    events = [(_short(outcome), counts[outcome], float(share)) for outcome, share in law.items()]
    if rest > 0:
        other = sum(count for outcome, count in counts.items() if outcome not in law)
        events.append(("something else", other, float(rest)))
    events += _prefixes(counts, law) if rest <= _ROUNDING else []
    tests = 2 * len(events)
    for name, count, share in events:
        chance = _tail(count, size, share)
        if chance * tests < level:
            raise AssertionError(
                f"not this law: {count} of {size} outcomes are {name}, expected {size * share:.6g}; "
                f"chance {chance:.3g}, below alpha = {level:g} over {tests} tests"
            )


def _hashable(outcomes: Any) -> list[Hashable]:
    """An array's rows as tuples, and everything else as it is."""
    values = outcomes.tolist() if hasattr(outcomes, "tolist") else outcomes
    return [tuple(value) if isinstance(value, list) else value for value in values]


def _prefixes(counts: Mapping[Any, int], law: Mapping[Any, Fraction | float]) -> list[tuple[str, int, float]]:
    """For outcomes with an order: how many lie up to each one but the last two, which single outcomes decide."""
    try:
        ordered = sorted(law)
    except TypeError:
        return []
    found, count, share = list[tuple[str, int, float]](), 0, Fraction(0)
    for outcome in ordered[:-2]:
        count, share = count + counts.get(outcome, 0), share + Fraction(law[outcome])
        found.append((f"at most {_short(outcome)}", count, min(1.0, float(share))))
    return found[1:]  # the first one is a single outcome too


def _tail(count: int, size: int, share: float) -> float:
    """The smaller of both exact binomial tails."""
    from scipy.special import betainc

    if count * 1.0 >= size * share:
        return 1.0 if count == 0 else float(betainc(count, size - count + 1, share))
    return float(betainc(size - count, count + 1, 1 - share))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def assert_unbiased(
    estimator: Callable[[int], Any],
    truth: float | Sequence[float],
    *,
    low: float | None = None,
    high: float | None = None,
    variance: float | None = None,
    trials: int = 10_000,
    alpha: Real = "1e-6",
    resolution: float | None = None,
) -> None:
    """Assert that an estimate is right on average.

    Where estimates lie in ``[low, high]``, the mean is held against Chernoff's bound and against the empirical Bernstein
    bound, at half of alpha each. Where they are unbounded, as noisy counts are, give their ``variance``: then a median of
    means is held against Cantelli's bound. All of them hold for any number of trials.

    Parameters
    ----------
    estimator : callable
        ``estimator(n)`` gives n independent estimates, shape (n,), or (n, k) for k numbers each.
    truth : float or sequence of k floats
        What is estimated.
    low, high : float, optional
        Limits that no estimate can pass.
    variance : float, optional
        A bound on the variance of one estimate, instead of ``low`` and ``high``.
    trials : int
        How many estimates to draw.
    alpha : rational
        The probability of failing for an unbiased estimate, over all k numbers.
    resolution : float, optional
        Refuse to pass where a bias of this size could go unnoticed for want of trials.

    Raises
    ------
    AssertionError
        When the mean is not the truth, or when trials are too few for the resolution.
    InvalidInput
        For estimates outside of the limits, or limits that are not given.

    References
    ----------
    Maurer and Pontil, Empirical Bernstein bounds (2009), theorem 4, both sides.

    Examples
    --------
    >>> import secrets
    >>> coins = lambda n: [secrets.randbelow(2) for _ in range(n)]
    >>> assert_unbiased(coins, 0.5, low=0, high=1, resolution=0.05)
    >>> assert_unbiased(coins, 0.6, low=0, high=1)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: biased: the mean of 10000 estimates is ..., the truth is 0.6, and an unbiased mean is off by ...
    """
    import numpy as np

    size = exact_int(trials, name="trials", least=100)
    drawn: Floats = np.asarray(estimator(size), dtype=np.float64)
    if drawn.shape[:1] != (size,) or drawn.ndim not in (1, 2) or not np.isfinite(drawn).all():
        raise InvalidInput(f"the estimator must give n finite estimates, of one number or of k; its shape is {drawn.shape}")
    columns = drawn.reshape(size, -1).T
    truths = np.broadcast_to(np.asarray(truth, dtype=np.float64), (len(columns),))
    level = float(exact_share(alpha, name="alpha")) / len(columns)
    for place, (column, true) in enumerate(zip(columns, truths.tolist(), strict=True)):
        if low is not None and high is not None and low < high and variance is None:
            mean, reach = _bounded(column, true, low, high, level)
        elif variance is not None and low is None and high is None:
            mean, reach = _spread(column, float(exact(variance, name="variance")), level)
        else:
            raise InvalidInput("give low and high with low < high, or variance")
        which = f" number {place + 1}" if len(columns) > 1 else ""
        if abs(mean - true) > reach:
            raise AssertionError(
                f"biased{which}: the mean of {size} estimates is {mean:.6g}, the truth is {true:.6g}, and an unbiased mean is "
                f"off by more than {reach:.3g} with probability at most {level:.3g}"
            )
        if resolution is not None and reach > resolution:
            raise AssertionError(
                f"too few trials{which}: a bias of {reach:.3g} could go unnoticed, above the resolution {resolution:g}"
            )


def _bounded(values: Floats, truth: float, low: float, high: float, level: float) -> tuple[float, float]:
    """The mean, and how far from the truth it may lie for estimates with limits."""
    if values.min() < low or values.max() > high or not low <= truth <= high:
        raise InvalidInput("estimates and truth must lie between low and high")
    size, width = values.size, high - low
    mean = math.fsum(values.tolist()) / size
    spread = math.sqrt(2 * values.var(ddof=1) * math.log(8 / level) / size) + width * 7 * math.log(8 / level) / (3 * (size - 1))
    share = (truth - low) / width
    allowed = math.log(4 / level) / size
    above = mean >= truth
    ends = (share, 1.0 if above else 0.0)
    for _ in range(60):  # the mean at which Chernoff's bound reaches the level, from the truth outwards
        middle = (ends[0] + ends[1]) / 2
        ends = (middle, ends[1]) if _divergence(middle, share) <= allowed else (ends[0], middle)
    return mean, min(spread, width * abs(ends[1] - share))


def _divergence(p: float, q: float) -> float:
    """Relative entropy of two coins."""
    terms = [(p, q), (1 - p, 1 - q)]
    if any(a > 0 and b <= 0 for a, b in terms):
        return math.inf
    return sum(a * math.log(a / b) for a, b in terms if a > 0)


def _spread(values: Floats, variance: float, level: float) -> tuple[float, float]:
    """A median of means, and how far from the truth it may lie for estimates of known variance."""
    import numpy as np
    from scipy.special import betaincinv

    if variance < 0:
        raise InvalidInput("variance must be >= 0")
    best, chosen = math.inf, 1
    for blocks in range(1, min(_MOST_BLOCKS, values.size) + 1, 2):  # chosen by the level alone, not by the values
        half = (blocks + 1) // 2
        chance = float(betaincinv(half, blocks - half + 1, level / 2))  # that one block may be far off on one side
        reach = math.sqrt(variance * (1 - chance) / (chance * (values.size // blocks)))
        if reach < best:
            best, chosen = reach, blocks
    length = values.size // chosen
    means = values[: chosen * length].reshape(chosen, length).mean(axis=1)
    return float(np.median(means)), best


def assert_perfect_secrecy(
    scheme: Mapping[Any, Mapping[Any, int | Fraction] | Iterable[Hashable]]
    | Callable[[Any], Mapping[Any, int | Fraction] | Iterable[Hashable]],
    secrets: Iterable[Any] | None = None,
) -> None:
    """Assert that what somebody sees has exactly the same law whatever the secret is.

    Parameters
    ----------
    scheme : mapping or callable
        From a secret to the law of what is seen: a mapping from views to exact weights, or all equally likely views, one by
        one, such as the shares of every random tape. Weights are counts or fractions and need not sum to 1.
    secrets : iterable, optional
        The secrets to compare; all keys of a mapping without it.

    Raises
    ------
    AssertionError
        When two secrets give different laws.
    InvalidInput
        For fewer than two secrets, weights that are floats or negative, or a law without weight.

    Examples
    --------
    One share of two over the integers modulo 5 says nothing; two of them say everything:

    >>> assert_perfect_secrecy(lambda secret: [(secret + pad) % 5 for pad in range(5)], range(5))
    >>> assert_perfect_secrecy(lambda secret: [(pad, (secret + pad) % 5) for pad in range(5)], range(5))
    Traceback (most recent call last):
    AssertionError: not secret: the view (0, 0) has probability 1/5 under the first secret and 0 under secret number 2
    """
    law_of = scheme.__getitem__ if isinstance(scheme, Mapping) else scheme
    if secrets is None and isinstance(scheme, Mapping):
        secrets = scheme.keys()
    compared = list(secrets or ())
    if len(compared) < 2:
        raise InvalidInput("give at least two secrets to compare")
    first = _normalised(law_of(compared[0]))
    for number, secret in enumerate(compared[1:], start=2):
        other = _normalised(law_of(secret))
        for view in [*first, *other]:
            here, there = first.get(view, Fraction(0)), other.get(view, Fraction(0))
            if here != there:
                raise AssertionError(
                    f"not secret: the view {_short(view)} has probability {here} under the first secret "
                    f"and {there} under secret number {number}"
                )


def _normalised(law: Mapping[Any, int | Fraction] | Iterable[Hashable]) -> dict[Any, Fraction]:
    weights: Mapping[Any, Any] = law if isinstance(law, Mapping) else Counter(law)
    if any(isinstance(weight, bool) or not isinstance(weight, int | Fraction) or weight < 0 for weight in weights.values()):
        raise InvalidInput("weights must be counts or fractions, not negative: secrecy is an exact equality")
    total = Fraction(sum(weights.values()))
    if not total:
        raise InvalidInput("a law must have some weight")
    return {view: Fraction(weight) / total for view, weight in weights.items() if weight}

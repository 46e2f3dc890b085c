"""The assertions about laws: false alarms counted exactly, and what they must notice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from privlib.errors import InvalidInput
from privlib.noise import discrete_laplace, laws
from privlib.noise.testing import fixed_key
from privlib.testing import assert_law, assert_perfect_secrecy, assert_unbiased
from privlib.testing.laws import _spread

DIE = {0: Fraction(1, 2), 1: Fraction(1, 3), 2: Fraction(1, 6)}


def fails(check: Callable[[], None]) -> bool:
    try:
        check()
    except AssertionError:
        return True
    return False


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


@pytest.mark.parametrize("alpha", [Fraction(1, 20), Fraction(1, 3)])
def test_a_right_sampler_fails_with_probability_at_most_alpha(alpha: Fraction) -> None:
    """All counts of 14 outcomes, with their exact multinomial probabilities."""
    size, failing = 14, Fraction(0)
    for counts in compositions(size, 3):
        outcomes = [outcome for outcome, count in enumerate(counts) for _ in range(count)]
        chance = Fraction(math.factorial(size))
        for count, share in zip(counts, DIE.values(), strict=True):
            chance *= share**count / math.factorial(count)
        failing += chance * fails(lambda drawn=outcomes: assert_law(lambda _: drawn, DIE, trials=size, alpha=alpha))
    assert 0 < failing <= alpha


def noise(n: int) -> list[int]:
    return discrete_laplace(n, scale=2).tolist()


def test_a_shipped_sampler_has_its_law_and_no_other() -> None:
    law = {k: laws.DiscreteLaplace(2).pmf(k) for k in range(-30, 31)}
    other = {k: laws.DiscreteLaplace("2.1").pmf(k) for k in range(-30, 31)}
    with fixed_key(bytes(32)):
        assert_law(noise, law, trials=50_000)
        with pytest.raises(AssertionError, match="not this law"):
            assert_law(noise, other, trials=50_000)


@pytest.mark.parametrize(
    ("drawn", "law", "words"),
    [
        ([0] * 99 + [7], {0: Fraction(99, 100), 1: Fraction(1, 100)}, "none of its outcomes"),
        ([0] * 50 + [7] * 50, {0: Fraction(1, 2)}, None),
        ([7] * 100, {0: Fraction(99, 100)}, "are 0, expected 99"),
        ([0] * 100, {0: Fraction(1, 2), 1: Fraction(1, 2)}, "expected 50"),
        (np.array([[0, 1]] * 100), {(0, 1): Fraction(1), (1, 0): Fraction(0)}, None),
        ([k // 20 for k in range(100)], dict.fromkeys(range(5), Fraction(1, 5)), None),
        ([0, 1, "x", None] * 25, {0: 0.25, 1: 0.25, "x": 0.25, None: 0.25}, None),
    ],
)
def test_outcomes_of_all_kinds_are_counted(drawn: Any, law: dict[Any, Any], words: str | None) -> None:
    if words is None:
        assert_law(lambda _: drawn, law, trials=100)
    else:
        with pytest.raises(AssertionError, match=words):
            assert_law(lambda _: drawn, law, trials=100)


def test_a_shift_too_small_for_single_outcomes_shows_in_their_order() -> None:
    """A quarter of a standard deviation in each of 40 outcomes, all in one direction."""
    law = dict.fromkeys(range(40), Fraction(1, 40))
    drawn = [k for k in range(40) for _ in range(2600 if k < 20 else 2400)]
    with pytest.raises(AssertionError, match="at most"):
        assert_law(lambda _: drawn, law, trials=len(drawn))


@pytest.mark.parametrize("law", [{0: 1.2}, {0: Fraction(3, 4), 1: Fraction(1, 2)}, {0: -0.5}])
def test_what_is_no_law_is_refused(law: dict[int, Any]) -> None:
    with pytest.raises(InvalidInput, match="probabilities"):
        assert_law(lambda n: [0] * n, law, trials=10)


def test_a_sampler_that_gives_too_few_is_refused() -> None:
    with pytest.raises(InvalidInput, match="asked for 10, got 9"):
        assert_law(lambda n: [0] * (n - 1), {0: 1}, trials=10)


@pytest.mark.parametrize("share", [Fraction(1, 2), Fraction(1, 10), Fraction(1, 200)])
def test_an_unbiased_estimate_fails_with_probability_at_most_alpha(share: Fraction) -> None:
    """Coins: all numbers of heads among 200, with their exact binomial probabilities."""
    size, alpha, failing = 200, Fraction(1, 5), Fraction(0)
    for heads in range(size + 1):
        chance = math.comb(size, heads) * share**heads * (1 - share) ** (size - heads)
        coins = [1.0] * heads + [0.0] * (size - heads)
        failing += chance * fails(
            lambda drawn=coins: assert_unbiased(lambda _: drawn, float(share), low=0, high=1, trials=size, alpha=alpha)
        )
    assert 0 < failing <= alpha


@pytest.mark.parametrize("level", [0.2, 1e-3, 1e-6])
def test_the_median_of_means_may_be_off_by_what_cantelli_and_the_binomial_say(level: float) -> None:
    """The reach is one at which, by Cantelli, more than half of the blocks are off on one side with at most half the level."""
    variance, values = 3.0, np.zeros(10_000)
    _, reach = _spread(values, variance, level)
    tails = []
    for blocks in range(1, 200, 2):
        spread = variance / (10_000 // blocks)
        off = spread / (spread + reach**2)
        tails.append(sum(math.comb(blocks, k) * off**k * (1 - off) ** (blocks - k) for k in range(blocks // 2 + 1, blocks + 1)))
    assert min(tails) == pytest.approx(level / 2, rel=1e-6)


def test_noisy_counts_are_unbiased_and_shifted_ones_are_not() -> None:
    variance = laws.DiscreteLaplace(2).variance
    with fixed_key(bytes(32)):
        assert_unbiased(lambda n: 17 + discrete_laplace(n, scale=2), 17, variance=variance, resolution=0.4)
        with pytest.raises(AssertionError, match="biased: the mean"):
            assert_unbiased(lambda n: 17 + discrete_laplace(n, scale=2), 17.5, variance=variance)


def test_each_number_of_a_vector_is_tested() -> None:
    drawn = np.tile([0.0, 1.0], (1000, 1))
    drawn[::2] = [1.0, 0.0]
    assert_unbiased(lambda _: drawn, 0.5, low=0, high=1, trials=1000)
    with pytest.raises(AssertionError, match="biased number 2"):
        assert_unbiased(lambda _: drawn, [0.5, 0.8], low=0, high=1, trials=1000)


def test_too_few_trials_for_the_resolution_do_not_pass() -> None:
    with pytest.raises(AssertionError, match="too few trials"):
        assert_unbiased(lambda n: [0.5] * n, 0.5, low=0, high=1, trials=100, resolution=0.01)
    assert_unbiased(lambda n: [0.5] * n, 0.5, low=0, high=1, trials=10_000, resolution=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"low": None},
        {"low": 1, "high": 0},
        {"variance": 1.0},
        {"low": 0.6},
        {"truth": 2.0},
        {"estimator": lambda n: [math.nan] * n},
        {"estimator": lambda n: [0.5] * (n - 1)},
        {"low": None, "high": None, "variance": -1.0},
        {"low": None, "high": None, "variance": math.nan},
    ],
)
def test_limits_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    given = {"estimator": lambda n: [0.5] * n, "truth": 0.5, "low": 0, "high": 1, "trials": 100, **change}
    with pytest.raises(InvalidInput):
        assert_unbiased(given.pop("estimator"), given.pop("truth"), **given)


def test_one_share_of_two_is_secret_and_a_biased_pad_is_not() -> None:
    assert_perfect_secrecy(lambda secret: [secret ^ pad for pad in range(8)], range(8))
    assert_perfect_secrecy({"a": {0: 1, 1: 3}, "b": {0: Fraction(1, 4), 1: Fraction(3, 4), 2: 0}})
    with pytest.raises(AssertionError, match="probability 1/8 under the first secret and 0 under secret number 2"):
        assert_perfect_secrecy(lambda secret: [secret ^ pad for pad in range(8)] if secret else range(8, 16), [1, 0])
    with pytest.raises(AssertionError, match=r"probability \S+ under the first secret"):
        assert_perfect_secrecy({0: {0: 10**30, 1: 10**30}, 1: {0: 10**30 + 1, 1: 10**30}})  # no float could tell


@pytest.mark.parametrize(
    "scheme",
    [{}, {0: [1]}, {0: {1: 0.5}, 1: {1: 0.5}}, {0: {1: -1, 2: 2}, 1: {1: 1}}, {0: {1: 0}, 1: {1: 1}}, {0: {1: True}, 1: [1]}],
)
def test_what_is_no_exact_law_of_two_secrets_is_refused(scheme: dict[int, Any]) -> None:
    with pytest.raises(InvalidInput):
        assert_perfect_secrecy(scheme)

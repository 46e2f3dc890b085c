"""Goodness of fit.

The keys are fixed, so these tests give the same answer every time: their false-alarm rate from now on is 0. Under a fresh key
each would fail with probability ``FALSE_ALARM`` at most, by exact or asymptotic tails, and there are fewer than 20 of them.
"""

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from privlib.noise import bernoulli, discrete_laplace
from privlib.noise.testing import fixed_key

FALSE_ALARM = 1e-8
DRAWS = 2_000_000


def tails(noise: NDArray[np.int64], scale: str) -> tuple[float, float]:
    """How often a chi-square over all cells that expect 20 draws or more is larger, and how often smaller, by chance."""
    q = np.exp(-1 / float(Fraction(scale)))
    widest = int(np.floor(np.log(20 / DRAWS * (1 + q) / (1 - q)) / np.log(q)))  # cells that expect 20 or more
    k = np.arange(-widest, widest + 1)
    tail = q ** (widest + 1) / (1 + q)
    expected = DRAWS * np.concatenate([[tail], (1 - q) / (1 + q) * q ** np.abs(k), [tail]])
    seen = np.bincount(np.clip(noise, -widest - 1, widest + 1) + widest + 1, minlength=expected.size)
    statistic = float(np.sum((seen - expected) ** 2 / expected))
    freedom = expected.size - 1
    return float(stats.chi2.sf(statistic, freedom)), float(stats.chi2.cdf(statistic, freedom))


@pytest.mark.parametrize(("stream", "scale"), [(1, "1/3"), (2, "1"), (3, "10"), (4, "100")])
def test_two_million_draws_have_the_stated_law(stream: int, scale: str) -> None:
    with fixed_key(bytes([stream]) * 32):
        noise = discrete_laplace(DRAWS, scale=scale)
    assert min(tails(noise, scale)) > FALSE_ALARM


@pytest.mark.parametrize("drawn", ["1.01", "0.99"])
def test_a_scale_that_is_one_percent_off_would_be_noticed(drawn: str) -> None:
    with fixed_key(bytes([5]) * 32):
        noise = discrete_laplace(DRAWS, scale=drawn)
    assert min(tails(noise, "1")) < FALSE_ALARM


def test_neighbouring_draws_are_uncorrelated_and_signs_are_fair() -> None:
    with fixed_key(bytes([9]) * 32):
        noise = discrete_laplace(DRAWS, scale=10)
    for lag in (1, 2, 8, 16, 2**15):
        correlation = np.corrcoef(noise[:-lag], noise[lag:])[0, 1]
        assert abs(correlation) * np.sqrt(DRAWS - lag) < stats.norm.isf(FALSE_ALARM / 20)
    positive, negative = int((noise > 0).sum()), int((noise < 0).sum())
    assert stats.binomtest(positive, positive + negative).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("stream", "p"), [(11, "1/3"), (12, "1/2"), (13, "0.999"), (14, "1e-5")])
def test_coins_fall_as_often_as_stated(stream: int, p: str) -> None:
    with fixed_key(bytes([stream]) * 32):
        heads = int(bernoulli(DRAWS, p=p).sum())
    assert stats.binomtest(heads, DRAWS, float(Fraction(p))).pvalue > FALSE_ALARM

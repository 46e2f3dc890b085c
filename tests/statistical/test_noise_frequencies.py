"""Goodness of fit.

The keys are fixed, so these tests give the same answer every time: their false-alarm rate from now on is 0. Under a fresh key
each p-value would fall below ``FALSE_ALARM`` with that probability at most, by exact or asymptotic tails; there are fewer than
200 of them, 2e-6 in all. ``noise_claims.py`` runs the same checks on ten times as many draws.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from privlib import noise
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, Law, NegativeBinomial, RoundedGaussian
from privlib.noise.testing import fixed_key

FALSE_ALARM = 1e-8
DRAWS = 2_000_000
EXPECTED = 20
LAGS = (1, 2, 8, 16, 2**15)
Ints = NDArray[np.int64]
LAWS: list[tuple[Law, Callable[[int], Ints]]] = [
    (DiscreteLaplace(Fraction(1, 3)), lambda size: noise.discrete_laplace(size, scale="1/3")),
    (DiscreteLaplace(Fraction(10)), lambda size: noise.discrete_laplace(size, scale=10)),
    (DiscreteLaplace(Fraction(10**6)), lambda size: noise.discrete_laplace(size, scale=10**6)),
    (DiscreteGaussian(Fraction(1, 4)), lambda size: noise.discrete_gaussian(size, sigma2="1/4")),
    (DiscreteGaussian(Fraction(100)), lambda size: noise.discrete_gaussian(size, sigma2=100)),
    (DiscreteGaussian(Fraction(10**4)), lambda size: noise.discrete_gaussian(size, sigma2=10**4)),
    (DiscreteGaussian(Fraction(10**12)), lambda size: noise.discrete_gaussian(size, sigma2=10**12)),
    (RoundedGaussian(Fraction(1, 2)), lambda size: noise.rounded_gaussian(size, sigma2="1/2")),
    (RoundedGaussian(Fraction(100)), lambda size: noise.rounded_gaussian(size, sigma2=100)),
    (RoundedGaussian(Fraction(10**10)), lambda size: noise.rounded_gaussian(size, sigma2=10**10)),
    (Geometric(Fraction(3)), lambda size: noise.geometric(size, scale=3)),
    (Geometric(Fraction(1000)), lambda size: noise.geometric(size, scale=1000)),
    (NegativeBinomial(Fraction(1, 5), Fraction(10)), lambda size: noise.negative_binomial(size, shape="1/5", scale=10)),
]
NAMES = [str(law) for law, _ in LAWS]
SMOOTH = [place for place, (law, _) in enumerate(LAWS) if law.two_sided and law.variance > 10**8]
"""Whose last bits are fair to far below what any sample shows."""


def sample(place: int, draws: int = DRAWS) -> Ints:
    """Outputs of one of the laws under a key of its own."""
    with fixed_key(bytes([place]) * 32):
        return LAWS[place][1](draws)


def fit(law: Law, drawn: Ints) -> tuple[float, float]:
    """How often a chi-square over all cells that expect enough draws is larger, and how often smaller, by chance."""
    width, borders = max(1, int(law.variance**0.5) // 25), [1]
    while True:
        following = borders[-1] + width
        cell, beyond = law.sf(borders[-1] - 1) - law.sf(following - 1), law.sf(following - 1)
        if drawn.size * min(cell, beyond) < EXPECTED:
            break
        borders.append(following)
    if law.two_sided:
        borders = [1 - border for border in reversed(borders)] + borders  # 0 alone between 0 and 1, and mirrored cells
    expected = -drawn.size * np.diff([1.0, *(law.sf(border - 1) for border in borders), 0.0])
    seen = np.bincount(np.searchsorted(borders, drawn, side="right"), minlength=expected.size)
    statistic = float(np.sum((seen - expected) ** 2 / expected))
    return float(stats.chi2.sf(statistic, expected.size - 1)), float(stats.chi2.cdf(statistic, expected.size - 1))


def low_bits(drawn: Ints) -> float:
    """How often 16 residues differ as much by chance."""
    return float(stats.chisquare(np.bincount(drawn & 15, minlength=16)).pvalue)


def low_bits_against_size(drawn: Ints) -> float:
    """How often the residues differ as much between small and large values by chance."""
    cells = np.searchsorted(np.quantile(np.abs(drawn), np.arange(1, 16) / 16), np.abs(drawn))
    table = np.bincount(16 * cells + (drawn & 15), minlength=256).reshape(16, 16)
    return float(stats.chi2_contingency(table).pvalue)


def signs(drawn: Ints) -> float:
    """How often as many more of one sign fall by chance."""
    positive, negative = int((drawn > 0).sum()), int((drawn < 0).sum())
    return float(stats.binomtest(positive, positive + negative).pvalue)


def lags(drawn: Ints) -> float:
    """How often draws, or their sizes, are as correlated with later ones by chance: the least of all lags."""
    found = []
    for values in (drawn.astype(float), np.abs(drawn - np.median(drawn))):
        for lag in LAGS:
            correlation = np.corrcoef(values[:-lag], values[lag:])[0, 1]
            found.append(2 * float(stats.norm.sf(abs(correlation) * np.sqrt(drawn.size - lag))))
    return min(1.0, min(found) * len(found))


@pytest.fixture(scope="module")
def drawn(request: pytest.FixtureRequest) -> Ints:
    return sample(request.param)


@pytest.mark.parametrize(("drawn", "place"), [(place, place) for place in range(len(LAWS))], indirect=["drawn"], ids=NAMES)
def test_two_million_draws_have_the_stated_law(drawn: Ints, place: int) -> None:
    law = LAWS[place][0]
    assert min(fit(law, drawn)) > FALSE_ALARM
    assert lags(drawn) > FALSE_ALARM
    assert abs(drawn.mean() if law.two_sided else 0) < 6 * np.sqrt(law.variance / drawn.size)
    assert drawn.var() == pytest.approx(law.variance, rel=0.02)
    if law.two_sided:
        assert signs(drawn) > FALSE_ALARM
    if place in SMOOTH:
        assert low_bits(drawn) > FALSE_ALARM
        assert low_bits_against_size(drawn) > FALSE_ALARM


@pytest.mark.parametrize("drawn", [4], indirect=True, ids=["DiscreteGaussian(100)"])
@pytest.mark.parametrize("sigma2", ["102", "98"])
def test_a_sigma2_that_is_two_percent_off_would_be_noticed(drawn: Ints, sigma2: str) -> None:
    assert min(fit(DiscreteGaussian(Fraction(sigma2)), drawn)) < FALSE_ALARM


@pytest.mark.parametrize("drawn", [6], indirect=True, ids=["DiscreteGaussian(10**12)"])
def test_the_checks_notice_what_they_are_for(drawn: Ints) -> None:
    law = LAWS[6][0]
    assert min(fit(law, drawn * 1001 // 1000)) > 0, "as a control, a thousandth is too little for this many draws"
    assert min(fit(law, drawn * 101 // 100)) < FALSE_ALARM
    assert low_bits(drawn | (np.arange(drawn.size) % 50 == 0)) < FALSE_ALARM
    assert low_bits_against_size(np.where(np.abs(drawn) > 2 * 10**6, drawn & ~1, drawn)) < FALSE_ALARM
    assert signs(np.where(np.arange(drawn.size) % 100 == 0, np.abs(drawn), drawn)) < FALSE_ALARM
    repeated = drawn.copy()
    repeated[8::100] = repeated[:-8:100]
    assert lags(repeated) < FALSE_ALARM


@pytest.mark.parametrize(("stream", "p"), [(11, "1/3"), (12, "1/2"), (13, "0.999"), (14, "1e-5")])
def test_coins_fall_as_often_as_stated(stream: int, p: str) -> None:
    with fixed_key(bytes([100 + stream]) * 32):
        heads = int(noise.bernoulli(DRAWS, p=p).sum())
    assert stats.binomtest(heads, DRAWS, float(Fraction(p))).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("stream", "r"), [(21, "1"), (22, "1/100"), (23, "10")])
def test_exponential_coins_fall_as_often_as_stated(stream: int, r: str) -> None:
    with fixed_key(bytes([100 + stream]) * 32):
        heads = int(noise.bernoulli_exp(DRAWS, r=r).sum())
    assert stats.binomtest(heads, DRAWS, float(np.exp(-float(Fraction(r))))).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("stream", "below"), [(31, 2), (32, 3), (33, 1000), (34, 2**32)])
def test_integers_are_uniform(stream: int, below: int) -> None:
    with fixed_key(bytes([100 + stream]) * 32):
        drawn = noise.integers(DRAWS, below=below)
    cells = min(below, 1024)
    assert stats.chisquare(np.bincount(drawn * cells // below, minlength=cells)).pvalue > FALSE_ALARM

"""The stated laws and their certified numbers, against ball arithmetic, mpmath and scipy by other formulas."""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import comb, isqrt

import numpy as np
import pytest
from flint import acb, arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from privlib.errors import InvalidInput
from privlib.noise.laws import (
    MAX_SCALE,
    DiscreteGaussian,
    DiscreteLaplace,
    Geometric,
    Law,
    NegativeBinomial,
    RoundedGaussian,
    WideLaw,
)
from privlib.noise.table import table
from privlib.noise.wide import histogram

BITS = 160
SCALES = st.fractions(Fraction(1, 1000), 1000, max_denominator=10**6)
SIGMA2S = st.one_of(
    st.fractions(Fraction(1, 1000), 30, max_denominator=10**6),
    st.fractions(Fraction(1, 10**6), Fraction(1, 10**3), max_denominator=10**9),
    st.fractions(1000, 2**64, max_denominator=1000),
)
SHAPES = st.fractions(Fraction(1, 1000), 8, max_denominator=1000)
LAWS = st.one_of(
    st.builds(DiscreteLaplace, SCALES),
    st.builds(Geometric, SCALES),
    st.builds(DiscreteGaussian, SIGMA2S),
    st.builds(RoundedGaussian, SIGMA2S),
    st.builds(NegativeBinomial, SHAPES, st.fractions(Fraction(1, 100), 20, max_denominator=100)),
)
SOME = [
    DiscreteLaplace(Fraction(1, 3)),
    DiscreteLaplace(Fraction(10)),
    Geometric(Fraction(5, 2)),
    DiscreteGaussian(Fraction(1, 4)),
    DiscreteGaussian(Fraction(3, 2)),
    DiscreteGaussian(Fraction(100)),
    RoundedGaussian(Fraction(1, 9)),
    RoundedGaussian(Fraction(7, 2)),
    RoundedGaussian(Fraction(40)),
    NegativeBinomial(Fraction(1, 5), Fraction(10)),
    NegativeBinomial(Fraction(9, 2), Fraction(2)),
]


@pytest.fixture(autouse=True)
def _precision() -> None:
    ctx.prec = 900


def real(value: Fraction | int) -> arb:
    return arb(fmpq(Fraction(value).numerator, Fraction(value).denominator))


@cache
def pmf(law: Law, k: int) -> arb:
    """P(k), by formulas that the shipped code does not use."""
    if isinstance(law, DiscreteGaussian):
        total = acb.modular_theta(acb(0), acb(0, 1 / (2 * arb.pi() * real(law.sigma2))))[2].real
        return (-real(k * k / (2 * law.sigma2))).exp() / total
    if isinstance(law, RoundedGaussian):
        root = real(2 * law.sigma2).sqrt()
        return ((real(k - Fraction(1, 2)) / root).erfc() - (real(k + Fraction(1, 2)) / root).erfc()) / 2
    assert isinstance(law, DiscreteLaplace | Geometric | NegativeBinomial)
    q = (-real(1 / law.scale)).exp()
    if isinstance(law, DiscreteLaplace):
        return (1 - q) / (1 + q) * q ** abs(k)
    if k < 0:
        return arb(0)
    if isinstance(law, Geometric):
        return (1 - q) * q**k
    return (1 - q) ** real(law.shape) * q**k * real(law.shape).rising(k) / real(k + 1).gamma()


@cache
def upper_tail(law: Law, k: int) -> arb:
    """P[X > k] for k >= 0, summed, so for small laws only."""
    return sum((pmf(law, j) for j in range(k + 1, 1500)), arb(0))


def encloses(enclosure: tuple[int, int], exact: arb, bits: int) -> bool:
    low, high = enclosure
    return not low > exact * arb(2) ** bits and not high < exact * arb(2) ** bits


# Known answers


@pytest.mark.parametrize(
    ("law", "known"),
    [
        (DiscreteGaussian(Fraction(100)), "0.0398942280401432677939946059934"),
        (DiscreteGaussian(Fraction(1)), "0.398942278266861705581680536389"),
        (DiscreteLaplace(Fraction(10)), "0.0499583749578799721983863652083"),
    ],
)
def test_the_known_probabilities_of_no_noise(law: Law, known: str) -> None:
    low, high = law.pmf_enclosure(0, bits=120)
    assert abs(Fraction(low, 2**120) - Fraction(known)) < Fraction(1, 10**29)
    assert high - low < 4
    assert law.pmf(0) == float(known)


@pytest.mark.parametrize(
    ("law", "word_bits", "left", "values"),
    [
        (DiscreteLaplace(Fraction(10)), 64, 433, 827),
        (DiscreteLaplace(Fraction(10)), 32, 214, 383),
        (DiscreteGaussian(Fraction(100)), 64, 89, 181),
        (DiscreteGaussian(Fraction(100)), 32, 70, 123),
    ],
)
def test_the_known_weights(law: Law, word_bits: int, left: int, values: int) -> None:
    built = table(law, word_bits)
    assert built.left_weight == left
    assert 2 * len(built.floors) - 1 == values


def test_the_known_floors_of_a_discrete_gaussian() -> None:
    known = [735918614674730245, 732248205271547621, 721346449765915850, 703536342463145478]
    assert DiscreteGaussian(Fraction(100)).floors(64)[:4] == known


@pytest.mark.parametrize(
    ("law", "known"),
    [
        (DiscreteLaplace(Fraction(10)), "199.83341663360945392"),
        (DiscreteGaussian(Fraction(1)), "0.99999978876772808311"),
        (DiscreteGaussian(Fraction(1, 4)), "0.21501267508813848638"),
    ],
)
def test_the_known_variances(law: Law, known: str) -> None:
    assert abs(law.exact_variance - Fraction(known)) < Fraction(1, 10**17)
    assert law.variance == float(law.exact_variance)


# Probabilities


@settings(max_examples=80)
@given(LAWS, st.integers(-60, 60), st.sampled_from([1, 8, 64, BITS]))
def test_every_probability_lies_in_its_enclosure(law: Law, k: int, bits: int) -> None:
    low, high = law.pmf_enclosure(k, bits=bits)
    assert encloses((low, high), pmf(law, k), bits)
    assert high - low <= 3
    if law.two_sided:
        assert law.pmf_enclosure(-k, bits=bits) == (low, high)


@settings(max_examples=60)
@given(LAWS, st.sampled_from([24, 100, 224]))
def test_every_mass_lies_in_its_enclosure(law: Law, bits: int) -> None:
    for k, enclosure in zip(range(40), law.masses(bits), strict=False):
        assert encloses(enclosure, pmf(law, k), bits)
        assert enclosure[1] - enclosure[0] < 2 ** (bits // 2 + 8)


@settings(max_examples=40)
@given(
    st.builds(DiscreteLaplace, SCALES.filter(lambda scale: Fraction(1, 500) < scale < 40))
    | st.builds(RoundedGaussian, SIGMA2S.filter(lambda s: Fraction(1, 500) < s < 40)),
    st.sampled_from([8, 16, 32, 64]),
)
def test_every_floor_is_the_true_one(law: Law, word_bits: int) -> None:
    floors = law.floors(word_bits)
    expected = [int((pmf(law, k) * arb(2) ** word_bits).floor().unique_fmpz()) for k in range(len(floors) + 1)]
    assert [*floors, 0] == expected


@pytest.mark.parametrize("law", SOME, ids=str)
@pytest.mark.parametrize("k", [0, 1, 7, 30, 90])
def test_tails_are_sums_of_probabilities(law: Law, k: int) -> None:
    exact = upper_tail(law, k)
    for bits in (20, 100, 180):
        low, high = law.sf_enclosure(k, bits=bits)
        assert encloses((low, high), exact, bits)
        assert high - low <= 4
    assert law.sf(k) == pytest.approx(float(exact), rel=1e-15)
    assert law.cdf(k) == pytest.approx(float(1 - exact), rel=1e-15)
    assert law.tail_bound(k) >= Fraction(law.sf(k)) * (1 - Fraction(1, 2**50))
    if law.two_sided:
        assert law.sf(-k - 1) == pytest.approx(float(1 - exact), rel=1e-15)
        assert law.cdf(-k - 1) == law.sf(k)
        assert float(law.tail_bound(k)) == pytest.approx(min(1, 2 * float(exact)), rel=1e-15)
    else:
        assert (law.sf(-k - 1), law.cdf(-k - 1), law.pmf(-k - 1)) == (1, 0, 0)


@pytest.mark.parametrize("law", SOME, ids=str)
def test_variances_are_sums_of_squares(law: Law) -> None:
    places = range(-1500 if law.two_sided else 0, 1500)
    masses = {k: pmf(law, k) for k in places}
    mean = sum((k * p for k, p in masses.items()), arb(0))
    exact = sum((k * k * p for k, p in masses.items()), arb(0)) - mean * mean
    assert encloses(law._variance(128), exact, 128)
    assert abs(float(law.exact_variance) - float(exact)) < 1e-15 * max(1, float(exact))


@pytest.mark.parametrize("sigma2", [Fraction(1023), Fraction(1024), Fraction(5000), Fraction(10**12), Fraction(2**64)])
@pytest.mark.parametrize("sigmas", [0, 1, 4, 9, 30])
def test_wide_gaussian_tails_are_right(sigma2: Fraction, sigmas: int) -> None:
    """Between the integrals from k and from k + 1; where terms are few, also their sum."""
    law, k = DiscreteGaussian(sigma2), sigmas * isqrt(int(sigma2))
    low, high = law.sf_enclosure(k, bits=2000)
    root = real(2 * sigma2).sqrt()
    total = (arb.pi() * 2 * real(sigma2)).sqrt()  # to a relative exp(-2 pi**2 1023)
    above, below = ((real(place) / root).erfc() / 2 for place in (k, k + 1))
    assert low <= above * arb(2) ** 2000
    assert high >= below * arb(2) ** 2000
    assert high - low < 16
    if sigma2 < 6000:
        ctx.prec = 2500
        total = (arb.pi() * 2 * real(sigma2)).sqrt()
        terms = range(k + 1, k + 1 + 60 * isqrt(int(sigma2)))
        exact = sum(((-real(Fraction(x * x) / (2 * sigma2))).exp() for x in terms), arb(0)) / total
        assert encloses((low - 2, high + 2), exact, 2000)


@pytest.mark.parametrize("law", [*SOME, DiscreteGaussian(Fraction(1024)), DiscreteGaussian(Fraction(10**12))], ids=str)
@pytest.mark.parametrize("k", [10**3, 10**4, 10**9, 10**18])
def test_what_lies_far_out_is_answered_soon(law: Law, k: int) -> None:
    if not isinstance(law, NegativeBinomial) or k < 10**4:  # whose tails are counted from 0 on
        assert 0 <= law.sf(k) <= law.tail_bound(k) * 1.0001 + 5e-324
        assert 0 <= law.pmf(k) <= 1
        assert law.cdf(k) <= 1


# Quantiles and intervals


@pytest.mark.parametrize("law", SOME, ids=str)
@pytest.mark.parametrize("p", ["1e-30", "0.001", "0.3", "0.5", "0.95", "0.999999", 1 - Fraction(1, 10**30)])
def test_quantiles_are_the_least_places_that_reach_p(law: Law, p: str | Fraction) -> None:
    k, share = law.quantile(p), Fraction(p)
    below = 1 - upper_tail(law, k) if k >= 0 else upper_tail(law, -k - 1)
    before = 1 - upper_tail(law, k - 1) if k > 0 else upper_tail(law, -k) if law.two_sided else arb(0)
    assert below >= real(share)
    assert before < real(share)


@pytest.mark.parametrize("law", SOME, ids=str)
@pytest.mark.parametrize("level", ["0.001", "0.5", 0.9, "0.95", "0.999999999"])
def test_intervals_are_the_narrowest_that_hold_their_level(law: Law, level: str | float) -> None:
    low, high = law.confidence_interval(level)
    sides = 2 if law.two_sided else 1
    assert low == (-high if law.two_sided else 0)
    assert 1 - sides * upper_tail(law, high) >= real(Fraction(str(level)))
    if high:
        assert 1 - sides * upper_tail(law, high - 1) < real(Fraction(str(level)))


@pytest.mark.parametrize("law", [DiscreteGaussian(Fraction(10**12)), RoundedGaussian(Fraction(10**12))])
def test_wide_intervals_are_those_of_the_gaussian(law: Law) -> None:
    assert law.confidence_interval(0.95)[1] == pytest.approx(stats.norm.isf(0.025) * 10**6, abs=1)
    assert law.quantile("0.999") == pytest.approx(stats.norm.isf(0.001) * 10**6, abs=1)


def test_scipy_knows_some_of_these_laws() -> None:
    for shape, scale in ((Fraction(9, 2), Fraction(2)), (Fraction(1, 5), Fraction(10))):
        law, q = NegativeBinomial(shape, scale), np.exp(-1 / float(scale))
        peer = stats.nbinom(float(shape), 1 - q)
        places = np.arange(0, 60, 7)
        assert [law.pmf(int(k)) for k in places] == pytest.approx(peer.pmf(places), rel=1e-10)
        assert [law.sf(int(k)) for k in places] == pytest.approx(peer.sf(places), rel=1e-10)
        assert law.variance == pytest.approx(peer.var())
        assert law.quantile(0.99) == peer.ppf(0.99)
    laplace, peer = DiscreteLaplace(Fraction(10)), stats.dlaplace(0.1)
    assert [laplace.pmf(k) for k in range(-40, 41)] == pytest.approx(peer.pmf(np.arange(-40, 41)), rel=1e-12)
    assert laplace.confidence_interval(0.9)[1] == peer.ppf(0.95)


# Laws of the laws


@given(SCALES, SCALES)
def test_more_epsilon_never_means_more_noise(one: Fraction, other: Fraction) -> None:
    smaller, larger = sorted((one, other))
    assert DiscreteLaplace(smaller).exact_variance <= DiscreteLaplace(larger).exact_variance


@settings(max_examples=40)
@given(SIGMA2S)
def test_a_discrete_gaussian_varies_less_than_sigma2_and_a_rounded_one_more(sigma2: Fraction) -> None:
    assert DiscreteGaussian(sigma2).exact_variance <= sigma2
    if sigma2 > 1:
        assert sigma2 < RoundedGaussian(sigma2).exact_variance < sigma2 + Fraction(1, 11)


@settings(max_examples=30)
@given(
    st.builds(DiscreteLaplace, st.fractions(47, MAX_SCALE))
    | st.builds(DiscreteGaussian, st.fractions(4097, 2**64))
    | st.builds(RoundedGaussian, st.fractions(4097, 2**64))
    | st.builds(Geometric, st.fractions(47, MAX_SCALE))
)
def test_heights_are_enclosed_and_proportional_to_probabilities(law: WideLaw) -> None:
    step = 1 << histogram(law).width_bits
    ratio = None
    for i, (low, high) in enumerate(law.heights(step, 9, 128)):
        sharp_low, sharp_high = law.height_enclosure(i * step, bits=200)
        assert low << 72 <= sharp_high
        assert sharp_low <= high << 72
        here = real(sharp_low) / arb(2) ** 200 / pmf(law, i * step)
        ratio = here if ratio is None else ratio
        assert abs(here / ratio - 1) < 2**-120


@pytest.mark.parametrize(("shape", "n"), [(Fraction(3), 5), (Fraction(12), 0), (Fraction(1), 30)])
def test_whole_shapes_count_failures(shape: Fraction, n: int) -> None:
    q = (-real(Fraction(1, 2))).exp()
    exact = comb(n + int(shape) - 1, n) * (1 - q) ** int(shape) * q**n
    assert encloses(NegativeBinomial(shape, Fraction(2)).pmf_enclosure(n, bits=100), exact, 100)


# Refusals and extremes


@pytest.mark.parametrize("law", [DiscreteLaplace, Geometric, lambda scale: NegativeBinomial(Fraction(1), scale)])
@pytest.mark.parametrize("scale", [0, -1, MAX_SCALE + Fraction(1, 10**9), 10**999, Fraction(-1, 10**999)], ids=range(5))
def test_a_scale_out_of_range_is_refused(law: Callable[[Fraction], Law], scale: Fraction) -> None:
    with pytest.raises(InvalidInput, match=r"scale .* must (lie in \(0, (2147483648|1024)\]|.*400 digits)"):
        law(Fraction(scale))


@pytest.mark.parametrize("law", [DiscreteGaussian, RoundedGaussian])
@pytest.mark.parametrize("sigma2", [0, -1, 2**64 + Fraction(1, 10**9), 10**999], ids=range(4))
def test_a_sigma2_out_of_range_is_refused(law: Callable[[Fraction], Law], sigma2: Fraction) -> None:
    with pytest.raises(InvalidInput, match=r"sigma2 must (lie in \(0, 18446744073709551616\]|.*400 digits)"):
        law(Fraction(sigma2))


def test_a_law_reads_its_parameters_by_their_spelling() -> None:
    assert DiscreteGaussian(0.1) == DiscreteGaussian(Fraction(1, 10))  # type: ignore[arg-type]
    assert DiscreteLaplace("1/3").scale == Fraction(1, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [0, -1, 103])
def test_a_shape_out_of_range_is_refused(shape: int) -> None:
    with pytest.raises(InvalidInput, match="shape of negative binomial noise must be > 0"):
        NegativeBinomial(Fraction(shape), Fraction(10))


@pytest.mark.parametrize("p", [0, 1, -0.1, "1.5", float("nan"), True])
def test_a_share_out_of_range_is_refused(p: object) -> None:
    for ask in (DiscreteLaplace(Fraction(1)).quantile, DiscreteLaplace(Fraction(1)).confidence_interval):
        with pytest.raises(InvalidInput, match=r"^(p|confidence) must"):
            ask(p)


@pytest.mark.parametrize("k", [1.0, True, "1", None])
def test_a_place_that_is_no_integer_is_refused(k: object) -> None:
    law = Geometric(Fraction(1))
    for ask in (law.pmf, law.sf, law.cdf, law.tail_bound):
        with pytest.raises(InvalidInput, match="k must be an int"):
            ask(k)
    with pytest.raises(InvalidInput, match="k must be >= 0"):
        law.tail_bound(-1)
    assert law.pmf(np.int64(3)) == law.pmf(3)


def test_the_largest_and_the_smallest_parameters_are_served() -> None:
    assert DiscreteLaplace(Fraction(MAX_SCALE)).variance == pytest.approx(2.0**63, rel=1e-9)
    assert DiscreteGaussian(Fraction(2**64)).variance == pytest.approx(2.0**64, rel=1e-15)
    for tiny in (
        DiscreteLaplace(Fraction(1, 10**399)),
        Geometric(Fraction(1, 10**399)),
        DiscreteGaussian(Fraction(1, 10**399)),
        RoundedGaussian(Fraction(1, 10**399)),
        NegativeBinomial(Fraction(1, 1000), Fraction(1, 10**399)),
    ):
        assert 0 <= tiny.exact_variance < Fraction(1, 2**100)
        assert table(tiny).floors == (2**64 - 1,)
        assert table(tiny).left_weight == 1

"""The exact cost of discrete Gaussian noise: narrow, consistent, and never above what conversion says."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.accounting import convert, discrete_gaussian_delta, discrete_gaussian_epsilon, discrete_gaussian_sigma2
from privlib.bounds import Bound
from privlib.errors import InvalidInput
from privlib.noise.laws import DiscreteGaussian

WIDTHS = st.builds(Fraction, st.integers(9 * 64, 10**7), st.integers(1, 64))
RELEASES = st.builds(lambda digit, power: digit * 10**power, st.integers(1, 9), st.integers(0, 5))
DELTAS = st.builds(lambda digit, power: Fraction(digit, 10**power), st.integers(1, 9), st.integers(2, 12))


@settings(max_examples=40)
@given(WIDTHS, RELEASES, DELTAS, st.integers(1, 3))
def test_wide_noise_has_a_narrow_bracket_below_the_sharp_conversion(
    sigma2: Fraction, k: int, delta: Fraction, shift: int
) -> None:
    low, high = discrete_gaussian_epsilon(sigma2=sigma2, delta=delta, sensitivity=shift, k=k)
    assert high - low <= high / 10**10
    rho = k * shift**2 / (2 * sigma2)
    assert high <= convert(Bound.zcdp(rho, neighbours="replace"), delta=delta).epsilon
    least, most = discrete_gaussian_delta(sigma2=sigma2, epsilon=high, sensitivity=shift, k=k)
    assert least <= most <= delta * (1 + Fraction(1, 10**20))
    assert most - least <= most / 10**10


@settings(max_examples=40)
@given(WIDTHS, st.integers(1, 1000), st.fractions(min_value=0, max_value=20), st.fractions(min_value=0, max_value=20))
def test_delta_falls_as_epsilon_grows(sigma2: Fraction, k: int, one: Fraction, other: Fraction) -> None:
    lesser, greater = sorted((one, other))
    assert (
        discrete_gaussian_delta(sigma2=sigma2, epsilon=greater, k=k)[0]
        <= discrete_gaussian_delta(sigma2=sigma2, epsilon=lesser, k=k)[1]
    )


@settings(max_examples=40)
@given(WIDTHS, st.fractions(min_value=0, max_value=20), st.integers(1, 20), st.integers(1, 20))
def test_delta_grows_with_the_sensitivity(sigma2: Fraction, epsilon: Fraction, one: int, other: int) -> None:
    lesser, greater = sorted((one, other))
    small = discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon, sensitivity=lesser)
    large = discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon, sensitivity=greater)
    assert small[0] <= large[1]


@settings(max_examples=40)
@given(st.fractions(min_value=Fraction(1, 100), max_value=3000), st.fractions(min_value=0, max_value=9), st.integers(1, 9))
def test_one_release_is_the_difference_of_two_tails_of_the_law(sigma2: Fraction, epsilon: Fraction, shift: int) -> None:
    law, bits = DiscreteGaussian(sigma2), 400
    a = (epsilon * sigma2 / shift - Fraction(shift, 2)).__floor__()
    low, high = discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon, sensitivity=shift)
    near, far = law.sf_enclosure(a, bits=bits), law.sf_enclosure(a + shift, bits=bits)
    growth_low, growth_high = exponential(epsilon)
    assert low * 2**bits <= near[1] - growth_low * far[0]
    assert high * 2**bits >= near[0] - growth_high * far[1]


def exponential(epsilon: Fraction) -> tuple[Fraction, Fraction]:
    """``exp(epsilon)`` by its series, up to a remainder below the last term."""
    term = total = Fraction(1)
    step = 0
    while term > Fraction(1, 10**80):
        step += 1
        term = term * epsilon / step
        total += term
    return total, total + 2 * term


@settings(max_examples=25)
@given(st.fractions(min_value=Fraction(1, 10), max_value=10), DELTAS, st.integers(1, 50), st.integers(1, 3))
def test_a_calibrated_sigma2_meets_its_target_with_less_than_zcdp_asks_for(
    epsilon: Fraction, delta: Fraction, k: int, shift: int
) -> None:
    sigma2 = discrete_gaussian_sigma2(epsilon=epsilon, delta=delta, sensitivity=shift, k=k)
    assert discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon, sensitivity=shift, k=k)[1] <= delta
    bound = Bound.zcdp(k * shift**2 / (2 * sigma2), neighbours="replace")
    assert sigma2 == Fraction(1, 4) or convert(bound, delta=delta).epsilon >= epsilon


def test_less_noise_may_cost_less() -> None:
    """A threshold on integers: at this epsilon sigma2 = 1.1 leaks more than 1."""
    at = {sigma2: discrete_gaussian_delta(sigma2=sigma2, epsilon="4.4996") for sigma2 in (1, Fraction(11, 10))}
    assert at[Fraction(11, 10)][0] > at[1][1]


def test_a_large_delta_needs_no_epsilon() -> None:
    assert discrete_gaussian_epsilon(sigma2=100, delta="0.9") == (0, 0)


def test_what_is_far_out_is_tiny_and_what_is_overwhelmed_is_sure() -> None:
    low, high = discrete_gaussian_delta(sigma2=100, epsilon=50)
    assert (low, high) == (0, Fraction(1, 10**390))
    low, high = discrete_gaussian_delta(sigma2=1, epsilon=0, sensitivity=1000)
    assert 1 - Fraction(1, 10**20) < low <= high == 1


def test_many_releases_of_narrow_noise_get_no_bracket_and_no_false_one() -> None:
    assert discrete_gaussian_delta(sigma2="1/4", epsilon=1, k=10**6) == (0, 1)
    low, high = discrete_gaussian_epsilon(sigma2="1/4", delta=1e-6, k=10**6)
    assert low == 0
    assert high == convert(Bound.zcdp(2 * 10**6, neighbours="replace"), delta=1e-6).epsilon


@pytest.mark.parametrize(("epsilon", "delta"), [(0, 1e-6), (1, 0), (1, 1), (-1, 1e-6)])
def test_a_target_that_means_nothing_is_refused(epsilon: float, delta: float) -> None:
    with pytest.raises(InvalidInput, match=r"epsilon must be > 0|delta must lie strictly between 0 and 1"):
        discrete_gaussian_sigma2(epsilon=epsilon, delta=delta)


def test_a_vector_of_sensitivities_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="sensitivity of a scalar query must be an int"):
        discrete_gaussian_epsilon(sigma2=1, delta=1e-6, sensitivity=[1, 1])  # type: ignore[arg-type]

"""The stated law and its certified numbers."""

from fractions import Fraction

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.noise.laws import MAX_SCALE, DiscreteLaplace
from privlib.noise.table import table

SCALES = st.fractions(min_value=Fraction(1, 50), max_value=30, max_denominator=10**6)


def pmf(scale: Fraction, k: int) -> mpmath.mpf:
    q = mpmath.exp(-mpmath.mpf(scale.denominator) / scale.numerator)
    return (1 - q) / (1 + q) * q ** abs(k)


def test_the_known_probability_of_no_noise() -> None:
    low, high = DiscreteLaplace(Fraction(10)).pmf(0, bits=120)
    known = Fraction("0.0499583749578799721983863652083")
    assert abs(Fraction(low, 2**120) - known) < Fraction(1, 10**30)
    assert high - low < 2**20


@pytest.mark.parametrize(("word_bits", "left", "values"), [(64, 433, 827), (32, 214, 383)])
def test_the_known_weights_of_scale_ten(word_bits: int, left: int, values: int) -> None:
    built = table(DiscreteLaplace(Fraction(10)), word_bits)
    assert built.left_weight == left
    assert 2 * len(built.floors) - 1 == values


def test_the_known_variance() -> None:
    law = DiscreteLaplace(Fraction(10))
    assert abs(law.exact_variance - Fraction("199.83341663360945392")) < Fraction(1, 10**17)
    assert law.variance == float(law.exact_variance)


@settings(max_examples=60)
@given(SCALES, st.sampled_from([8, 16, 32, 64]))
def test_every_floor_is_the_true_one(scale: Fraction, word_bits: int) -> None:
    floors = DiscreteLaplace(scale).floors(word_bits)
    with mpmath.workdps(90):
        expected = [int(mpmath.floor(2**word_bits * pmf(scale, k))) for k in range(len(floors) + 1)]
    assert [*floors, 0] == expected


@given(SCALES, st.integers(-40, 40), st.integers(8, 300))
def test_every_enclosure_holds_the_probability(scale: Fraction, k: int, bits: int) -> None:
    low, high = DiscreteLaplace(scale).pmf(k, bits=bits)
    with mpmath.workdps(150):
        assert low <= 2**bits * pmf(scale, k) <= high
    assert DiscreteLaplace(scale).pmf(-k, bits=bits) == (low, high)


@given(SCALES, SCALES)
def test_more_epsilon_never_means_more_noise(one: Fraction, other: Fraction) -> None:
    smaller, larger = sorted((one, other))
    assert DiscreteLaplace(smaller).exact_variance <= DiscreteLaplace(larger).exact_variance


@pytest.mark.parametrize("scale", [0, -1, MAX_SCALE + Fraction(1, 10**9), 10**999, Fraction(-1, 10**999)], ids=range(5))
def test_a_scale_out_of_range_is_refused(scale: Fraction) -> None:
    with pytest.raises(InvalidInput, match=r"scale .* must lie in \(0, 10000\].*spend more epsilon"):
        DiscreteLaplace(Fraction(scale))


def test_the_largest_and_the_smallest_scale_are_served() -> None:
    assert DiscreteLaplace(Fraction(MAX_SCALE)).variance == pytest.approx(2e8, rel=1e-6)
    tiny = DiscreteLaplace(Fraction(1, 10**399))
    assert 0 < tiny.exact_variance < Fraction(1, 2**100)
    assert table(tiny).floors == (2**64 - 1,)
    assert table(tiny).left_weight == 1

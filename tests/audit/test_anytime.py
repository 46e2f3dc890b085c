"""Evidence that may be looked at after every trial; the theorem itself is in proofs/audit/t3_anytime.py."""

import math
import time

import numpy as np
import pytest
from scipy.integrate import quad

from privlib.audit.anytime import anytime_bound, log_e_value, rejects
from privlib.audit.bounds import guess_bound
from privlib.errors import InvalidInput

E = math.e / (1 + math.e)


@pytest.mark.parametrize(("correct", "wrong", "chance"), [(0, 0, 0.5), (3, 1, 0.75), (20, 20, 0.5), (90, 4, 0.9)])
def test_the_value_is_a_mean_of_likelihood_ratios(correct: int, wrong: int, chance: float) -> None:
    area, _ = quad(lambda t: (t / chance) ** correct * ((1 - t) / (1 - chance)) ** wrong, chance, 1, epsabs=0, epsrel=1e-12)
    assert log_e_value(correct, wrong, chance) == pytest.approx(math.log(area / (1 - chance)), abs=1e-9)


def test_before_the_first_guess_nothing_is_known() -> None:
    assert -1e-10 < log_e_value(0, 0, 0.7) < 0
    assert not rejects(0, 0, 0.7, 0.501)
    assert anytime_bound(0, 0, 0.95) == 0


def test_a_chance_of_one_is_never_refuted() -> None:
    assert not rejects(10**9, 0, 1.0, 0.51)
    assert log_e_value(5, 3, 1.0) == pytest.approx(-math.log(4))


@pytest.mark.parametrize("chance", [1e-12, 0.01, E, 0.9999, math.nextafter(1, 0)])
@pytest.mark.parametrize("correct", [0, 10**9, 5 * 10**8])
def test_counts_of_a_billion_give_a_number_at_once(correct: int, chance: float) -> None:
    began = time.perf_counter()
    assert math.isfinite(log_e_value(correct, 10**9 - correct, chance))
    assert time.perf_counter() - began < 1


def test_looking_at_any_time_costs_little_against_looking_once() -> None:
    correct, wrong = 7311, 2689
    chance = anytime_bound(correct, wrong, 0.999)
    always, once = math.log(chance / (1 - chance)), guess_bound(correct, correct + wrong, 0.999)
    assert 0 < once - always < 0.05
    assert math.log(correct / wrong) - once > 0


def test_optional_stopping_refutes_true_claims_rarely_and_false_ones_soon() -> None:
    """A fixed seed: 400 runs at alpha = .05, of which 20 may be expected to fail at most.

    With fresh randomness 52 or more false stops had a probability below 1e-8.
    """
    most, generator = 4000, np.random.default_rng(1)
    fewest, right = np.empty(most, dtype=np.int64), 0  # right guesses that refute eps = 1 after 1, 2, ... trials
    for trials in range(1, most + 1):
        while right <= trials and not rejects(right, trials - right, math.nextafter(E, 1), 0.95):
            right += 1
        fewest[trials - 1] = right

    def stops(epsilon: float) -> np.ndarray:
        counts = np.cumsum(generator.random((400, most)) < 1 / (1 + math.exp(-epsilon)), axis=1)
        refuted = counts >= fewest
        return np.where(refuted.any(axis=1), refuted.argmax(axis=1) + 1, most + 1)

    assert np.count_nonzero(stops(1.0) <= most) < 52
    assert 100 < np.median(stops(1.5)) < 200
    assert 10 <= np.median(stops(4.0)) <= 20


@pytest.mark.parametrize(
    ("correct", "wrong", "chance"),
    [(-1, 0, 0.5), (0, -1, 0.5), (10**9, 1, 0.5), (1.0, 0, 0.5), (True, 0, 0.5), (1, 1, 0.0), (1, 1, 1.1), (1, 1, math.nan)],
)
def test_counts_and_chances_out_of_range_are_refused(correct: int, wrong: int, chance: float) -> None:
    with pytest.raises(InvalidInput):
        log_e_value(correct, wrong, chance)


@pytest.mark.parametrize("confidence", [0.5, 1.0, math.nan, -1.0])
def test_a_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(InvalidInput):
        rejects(1, 0, 0.5, confidence)
    with pytest.raises(InvalidInput):
        anytime_bound(1, 0, confidence)

"""What right guesses prove; the theorems are in proofs/audit/t1_guess_bound.py and t2_other_claims.py."""

import math

import pytest
from scipy.stats import binomtest

from privlib.audit import Verdict, approx_bound, gdp_bound, guess_bound, noise_fraction, zcdp_bound
from privlib.audit.judge import Counts, certified, decide
from privlib.bounds import Bound
from privlib.errors import InvalidInput

ONE = Bound.pure(1, neighbours="record")


def guessed(correct: int, guesses: int, silent: int = 0) -> Counts:
    return Counts(((guesses - correct, silent), (correct, 0)), (1, -1), (1, 0))


@pytest.mark.parametrize(("correct", "guesses"), [(731, 1000), (900, 1000), (60, 70), (149_000, 150_000)])
def test_the_bound_is_the_odds_of_the_one_sided_clopper_pearson_limit(correct: int, guesses: int) -> None:
    limit = binomtest(correct, guesses, alternative="greater").proportion_ci(0.999, "exact").low
    assert guess_bound(correct, guesses, 0.999) == pytest.approx(math.log(limit / (1 - limit)), abs=1e-8)
    assert guess_bound(correct, guesses, 0.999, worlds=11) == pytest.approx(math.log(10 * limit / (1 - limit)), abs=1e-8)


def test_no_guess_and_no_right_guess_certify_nothing() -> None:
    assert guess_bound(0, 0, 0.999) == guess_bound(0, 100, 0.999) == guess_bound(50, 100, 0.999) == 0


@pytest.mark.parametrize(
    ("correct", "guesses", "confidence"),
    [(-1, 5, 0.9), (6, 5, 0.9), (1, math.inf, 0.9), (math.nan, 5, 0.9), (1, 5, 0.5), (1, 5, 1.0), (1, 5, math.nan)],
)
def test_counts_and_confidence_out_of_range_are_refused(correct: float, guesses: float, confidence: float) -> None:
    with pytest.raises(InvalidInput):
        guess_bound(correct, guesses, confidence)


def test_more_guesses_than_trials_and_fewer_than_two_worlds_are_refused() -> None:
    with pytest.raises(InvalidInput, match="guesses cannot be more than trials"):
        approx_bound(3, 5, 4, 0.9, delta=0.1)
    with pytest.raises(InvalidInput, match="worlds must be at least 2"):
        guess_bound(3, 5, 0.9, worlds=1)


def test_there_are_three_verdicts_and_none_of_them_praises() -> None:
    assert decide(guessed(900, 1000), ONE, 0.999) is Verdict.VIOLATION
    assert decide(guessed(700, 1000), ONE, 0.999) is Verdict.NO_VIOLATION_FOUND
    assert decide(guessed(0, 0), ONE, 0.999) is Verdict.INCONCLUSIVE
    assert decide(guessed(10, 10), Bound.pure(8, neighbours="record"), 0.999) is Verdict.INCONCLUSIVE
    assert not [verdict for verdict in Verdict if "private" in verdict or "pass" in verdict]


def test_each_kind_of_claim_has_its_own_limit() -> None:
    counts = guessed(900, 1000, silent=500)
    assert decide(counts, Bound.pure(odds=20, neighbours="record"), 0.999) is Verdict.NO_VIOLATION_FOUND
    assert decide(counts, Bound.pure(odds=3, neighbours="record"), 0.999) is Verdict.VIOLATION
    approx = Bound.approx(1, "1e-3", neighbours="record")
    assert certified(counts, approx, 0.999) == approx_bound(900, 1000, 1500, 0.999, delta=0.001)
    even = Counts(((700, 300), (300, 700)), (-1, -1), (0, 1))
    assert certified(even, Bound.gdp(1, neighbours="record"), 0.999) == gdp_bound(1400, 2000, 0.999)
    assert certified(even, Bound.zcdp(1, neighbours="record"), 0.999) == zcdp_bound((700, 1000), (300, 1000), 0.999)


def test_an_audit_that_was_stopped_certifies_less_and_not_every_kind() -> None:
    counts = guessed(900, 1000)
    assert 0 < certified(counts, ONE, 0.999, stopped=True) < certified(counts, ONE, 0.999)
    for claim in (Bound.approx(1, "1e-3", neighbours="record"), Bound.zcdp("0.1", neighbours="record")):
        assert decide(counts, claim, 0.999, stopped=True) is Verdict.INCONCLUSIVE


def test_the_noise_fraction_is_where_the_accuracy_is_refuted() -> None:
    found = noise_fraction(7311, 10_000, 0.999, accuracy=lambda share: 1 / (1 + math.exp(-share)))
    assert found == pytest.approx(guess_bound(7311, 10_000, 0.999), abs=1e-9)
    assert noise_fraction(5000, 10_000, 0.999, accuracy=lambda share: 1 / (1 + math.exp(-share))) == 0

"""What right guesses prove; the theorem itself is in proofs/audit/t1_guess_bound.py."""

import math

import pytest
from scipy.stats import binomtest

from privlib.audit import Verdict, guess_bound
from privlib.audit.bounds import decide
from privlib.bounds import Bound
from privlib.errors import InvalidInput

ONE = Bound.pure(1, neighbours="record")


@pytest.mark.parametrize(("correct", "guesses"), [(731, 1000), (900, 1000), (60, 70), (149_000, 150_000)])
def test_the_bound_is_the_odds_of_the_one_sided_clopper_pearson_limit(correct: int, guesses: int) -> None:
    limit = binomtest(correct, guesses, alternative="greater").proportion_ci(0.999, "exact").low
    assert guess_bound(correct, guesses, 0.999) == pytest.approx(math.log(limit / (1 - limit)), abs=1e-8)


def test_no_guess_and_no_right_guess_certify_nothing() -> None:
    assert guess_bound(0, 0, 0.999) == guess_bound(0, 100, 0.999) == guess_bound(50, 100, 0.999) == 0


@pytest.mark.parametrize(
    ("correct", "guesses", "confidence"),
    [(-1, 5, 0.9), (6, 5, 0.9), (1, math.inf, 0.9), (math.nan, 5, 0.9), (1, 5, 0.5), (1, 5, 1.0), (1, 5, math.nan)],
)
def test_counts_and_confidence_out_of_range_are_refused(correct: float, guesses: float, confidence: float) -> None:
    with pytest.raises(InvalidInput):
        guess_bound(correct, guesses, confidence)


def test_there_are_three_verdicts_and_none_of_them_praises() -> None:
    assert decide(900, 1000, claim=ONE, confidence=0.999) is Verdict.VIOLATION
    assert decide(700, 1000, claim=ONE, confidence=0.999) is Verdict.NO_VIOLATION_FOUND
    assert decide(0, 0, claim=ONE, confidence=0.999) is Verdict.INCONCLUSIVE
    assert decide(10, 10, claim=Bound.pure(8, neighbours="record"), confidence=0.999) is Verdict.INCONCLUSIVE
    assert not [verdict for verdict in Verdict if "private" in verdict or "pass" in verdict]


def test_claims_in_odds_are_understood_and_other_kinds_refused() -> None:
    assert decide(900, 1000, claim=Bound.pure(odds=20, neighbours="record"), confidence=0.999) is not Verdict.VIOLATION
    assert decide(900, 1000, claim=Bound.pure(odds=3, neighbours="record"), confidence=0.999) is Verdict.VIOLATION
    with pytest.raises(InvalidInput, match="pure"):
        decide(900, 1000, claim=Bound.zcdp(1, neighbours="record"), confidence=0.999)

"""Right guesses certify an epsilon, and exceed the truth no more often than they say.

Statement
    Let M be pure epsilon-differentially private on the data sets D0 and D1: P(M(D1) in S) <= E P(M(D0) in S) and the other
    way round for every event S, with E = exp(epsilon). In each of n independent trials a fair bit b is drawn,
    y ~ M(D_b), and a rule that does not depend on these trials guesses b from y or abstains. Of K guesses made, C are right.
    (1) Given which trials are guessed, C is stochastically smaller than Binomial(K, E/(1+E)). (2) ``guess_bound(C, K, c)``
    exceeds epsilon with probability at most 1 - c, and ``decide`` says VIOLATION of a claim that holds with at most that
    probability. (3) The bound is exact: it is less than 1e-9 (in tail probability) below the root epsilon' of
    P(Binomial(K, E'/(1+E')) >= C) = 1 - c, E' = exp(epsilon').

Proof
    (1) Write p, q for the densities of y under D1 and D0; p <= E q and q <= E p almost everywhere. By Bayes the guess "1" is
    right given y with chance p/(p+q) <= E/(1+E), the guess "0" alike. The trials are independent and whether one is guessed
    depends on its y alone, so given all outputs the guesses are right independently, each with chance at most E/(1+E); a
    sum of such bits is below the binomial (raise one chance after the other). (2) ``betaincinv(K-C+1, C, c)`` is one minus
    the chance r at which P(Binomial(K, r) >= C) = 1 - c, since that probability is the regularised incomplete beta function
    I_r(C, K-C+1). If the bound exceeds epsilon, then r > E/(1+E), so C lies where the tail of Binomial(K, E/(1+E)) is below
    1 - c; C is at least the smallest such count with probability at most 1 - c. (3) is numerical and checked.

Checked against the shipped code
    (1) by two solvers over all p, q, E; the tally on all patterns of four trials. (2) in Fractions: the law of the certified
    value for randomised response with rational E, every K up to 60, and with abstentions through the shipped tally and
    verdict. (3) by ball arithmetic (flint) for counts up to 10**7.

Covers not
    Trials that are not independent, such as those of a mechanism that repeats its noise. Rules that saw the trials which
    they are tested on: ``run`` fixes the rule on other trials.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb
from typing import Any

import cvc5.pythonic
import numpy as np
import z3
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit import bounds
from privlib.audit.bounds import Verdict
from privlib.bounds import Bound
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.bounds.guess_bound",
    "privlib.audit.bounds.tally",
    "privlib.audit.bounds.decide",
    "privlib.audit.bounds.claimed",
]

LEVELS = ["0.9", "0.95", "0.99", "0.999", "0.999999999"]
ODDS = [Fraction(1), Fraction(11, 10), Fraction(3, 2), Fraction(3), Fraction(20)]
LARGEST_COVERAGE = 60
COUNTS = [
    *((right, made) for made in (1, 2, 3, 10, 60) for right in range(made + 1)),
    (530, 1000), (731, 1000), (999, 1000), (1000, 1000), (109_700, 150_000), (149_990, 150_000), (150_000, 150_000),
    (5_010_000, 10_000_000), (7_300_000, 10_000_000), (9_999_900, 10_000_000), (10_000_000, 10_000_000),
]  # fmt: skip


def a_guess_is_right_with_bounded_chance(solver: Any) -> None:
    """p/(p+q) <= E/(1+E) for both guesses, multiplied out, so that nothing is divided."""
    p, q, odds = solver.Reals("p q E")
    private = [odds >= 1, p >= 0, q >= 0, p + q > 0, p <= odds * q, q <= odds * p]
    too_good = solver.Or(p * (1 + odds) > odds * (p + q), q * (1 + odds) > odds * (p + q))
    search = solver.Solver()
    search.add(*private, too_good)
    assert search.check() == solver.unsat, f"{solver.__name__} finds an output that betrays more"
    search = solver.Solver()
    search.add(*private, p * (1 + odds) == odds * (p + q), odds > 1)
    assert search.check() == solver.sat, "the chance is never attained"


def tail(correct: int, guesses: int, chance: arb) -> arb:
    """P(Binomial(guesses, chance) >= correct) as a ball."""
    if correct == 0:
        return arb(1)
    return chance.beta_lower(correct, guesses - correct + 1, regularized=True)


def the_bound_is_the_exact_root() -> None:
    ctx.prec = 300
    for level, (correct, guesses) in itertools.product(LEVELS, COUNTS):
        error = arb(1) - arb(fmpq(*Fraction(level).as_integer_ratio()))
        certified = bounds.guess_bound(correct, guesses, float(level))
        odds = arb(certified).exp()
        reached = tail(correct, guesses, odds / (1 + odds))
        if certified > 0:
            assert reached <= error, f"{correct} of {guesses} certify more than they show"
            assert reached >= error - arb(1e-9), f"{correct} of {guesses} certify less than they show"
            # an error of 1e-9 in the tail says little at high confidence, so the root itself is compared too
            above = (arb(certified) + 1e-8).exp()
            assert tail(correct, guesses, above / (1 + above)) > error, "the bound is not the root"
        else:
            assert reached >= error - arb(1e-9), f"{correct} of {guesses} certify something, the bound says nothing"


def balls_agree_with_fractions() -> None:
    """The incomplete beta function of the proof is the binomial tail."""
    ctx.prec = 300
    chance = Fraction(3, 4)
    for correct, guesses in ((1, 1), (2, 3), (7, 10), (40, 60)):
        exact = binomial_tail(guesses, chance, correct)
        assert tail(correct, guesses, arb(fmpq(3, 4))).overlaps(arb(fmpq(*exact.as_integer_ratio())))


def binomial(guesses: int, chance: Fraction, correct: int) -> Fraction:
    return comb(guesses, correct) * chance**correct * (1 - chance) ** (guesses - correct)


def binomial_tail(guesses: int, chance: Fraction, least: int) -> Fraction:
    return sum((binomial(guesses, chance, k) for k in range(least, guesses + 1)), Fraction(0))


def exceeds(certified: float, odds: Fraction) -> bool:
    """Whether the certified value is above log(odds), by balls that decide it."""
    if odds == 1:
        return certified > 0
    truth = arb(fmpq(odds.numerator, odds.denominator)).log()
    above, below = arb(certified) > truth, arb(certified) < truth
    assert above or below, "the comparison is not decided"
    return bool(above)


def certifies_too_much_rarely() -> None:
    """Randomised response at its true epsilon, all counts: the chance of certifying more."""
    ctx.prec = 200
    for level, odds in itertools.product(LEVELS[:4], ODDS):
        error, chance = 1 - Fraction(level), odds / (1 + odds)
        for guesses in range(1, LARGEST_COVERAGE + 1, 1 if level == "0.95" else 7):
            high = [k for k in range(guesses + 1) if exceeds(bounds.guess_bound(k, guesses, float(level)), odds)]
            assert high == list(range(guesses + 1 - len(high), guesses + 1)), "the bound is not monotone"
            wrong = sum((binomial(guesses, chance, k) for k in high), Fraction(0))
            assert wrong <= error, f"{guesses} guesses certify too much with probability {float(wrong)}"
            one_more = binomial_tail(guesses, chance, guesses - len(high))
            assert one_more > error, f"{guesses} guesses certify too little"


def every_pattern_is_tallied_and_judged_rightly() -> None:
    """Four trials of randomised response that sometimes shows nothing, all secrets and answers, at a tight claim."""
    odds, silent = Fraction(3, 2), Fraction(1, 5)
    claim = Bound.pure(odds=odds, neighbours="record")
    chances = {1: (1 - silent) * odds / (1 + odds), 0: (1 - silent) / (1 + odds), None: silent}
    violation = total = Fraction(0)
    for secrets in itertools.product((0, 1), repeat=4):
        for rights in itertools.product((1, 0, None), repeat=4):
            answers = [
                -1 if right is None else secret if right else 1 - secret for secret, right in zip(secrets, rights, strict=True)
            ]
            made, right = bounds.tally(np.array(answers, dtype=np.int8), np.array(secrets, dtype=np.int8))
            assert (made, right) == (sum(r is not None for r in rights), rights.count(1)), "the tally is wrong"
            weight = Fraction(1, 16)
            for each in rights:
                weight *= chances[each]
            total += weight
            if bounds.decide(right, made, claim=claim, confidence=0.8) is Verdict.VIOLATION:
                violation += weight
    assert total == 1
    assert 0 < violation <= Fraction(1, 5), "a true claim is refuted too often, or never"


def verdicts_are_strict() -> None:
    for correct, guesses in COUNTS:
        certified = bounds.guess_bound(correct, guesses, 0.999)
        claim = Bound.pure(Fraction(certified), neighbours="record")
        assert bounds.claimed(claim) == certified
        assert bounds.decide(correct, guesses, claim=claim, confidence=0.999) is not Verdict.VIOLATION, "equality is no violation"
        if certified > 0:
            less = Bound.pure(Fraction(certified) * (1 - Fraction(1, 10**12)), neighbours="record")
            assert bounds.decide(correct, guesses, claim=less, confidence=0.999) is Verdict.VIOLATION
    ten = Bound.pure(10, neighbours="record")
    assert bounds.decide(0, 0, claim=ten, confidence=0.999) is Verdict.INCONCLUSIVE
    assert bounds.decide(100, 100, claim=ten, confidence=0.999) is Verdict.INCONCLUSIVE
    assert bounds.decide(0, 10**6, claim=ten, confidence=0.999) is Verdict.NO_VIOLATION_FOUND
    for odds in ODDS:  # a claim is never rounded down
        shown = bounds.claimed(Bound.pure("1/3", odds=odds, neighbours="record"))
        truth = arb(fmpq(1, 3)) + arb(fmpq(odds.numerator, odds.denominator)).log()
        assert arb(shown) >= truth, "a claim is rounded down"
        assert arb(shown) <= truth + 1e-9, "a claim is rounded up by much"


def prove() -> None:
    a_guess_is_right_with_bounded_chance(z3)
    a_guess_is_right_with_bounded_chance(cvc5.pythonic)
    balls_agree_with_fractions()
    every_pattern_is_tallied_and_judged_rightly()
    verdicts_are_strict()
    the_bound_is_the_exact_root()
    certifies_too_much_rarely()


def mutants() -> dict[str, object]:
    room = "privlib.audit.bounds"
    bound, verdict, count, claim = (f"{room}.{name}" for name in ("guess_bound", "decide", "tally", "claimed"))
    quantile = "betaincinv(guesses - correct + 1, correct, confidence)"
    logit = "math.log1p(-chance_wrong) - math.log(chance_wrong)"
    made = "(guesses == 0) | (guesses == 1)"
    one_more = "betaincinv(guesses - correct, correct + 1, confidence) if correct < guesses else 1e-6"

    def another(level: str) -> str:
        return f"betaincinv(guesses - correct + 1, correct, {level})"

    return {
        "half the error probability is thrown away": rewritten(bound, quantile, another("(1 + confidence) / 2")),
        "the error probability is doubled": rewritten(bound, quantile, another("2 * confidence - 1")),
        "mid-p instead of exact": rewritten(bound, "+ 1, correct", "+ 0.5, correct + 0.5"),
        "one right guess too many": rewritten(bound, quantile, one_more),
        "the observed share instead of its limit": rewritten(bound, quantile, "1 - correct / (guesses + 1e-9)"),
        "the logarithm of the chance instead of its odds": rewritten(bound, logit, "-math.log(chance_wrong)"),
        "the margin is added": rewritten(bound, "certified - _MARGIN", "certified + _MARGIN"),
        "the margin is large": replaced_margin,
        "abstentions count as guesses": rewritten(count, made, "guesses > -2"),
        "abstentions count as right": rewritten(count, "made & (guesses == secrets)", "~made | (guesses == secrets)"),
        "guesses of 0 are forgotten": rewritten(count, made, "guesses == 1"),
        "equality is a violation": rewritten(verdict, "confidence) > limit", "confidence) >= limit"),
        "few guesses are an acquittal": rewritten(verdict, "Verdict.INCONCLUSIVE", "Verdict.NO_VIOLATION_FOUND"),
        "the odds of a claim are forgotten": rewritten(claim, "size - math.log(claim.odds.denominator)", "size * 0"),
        "a claim is rounded to the nearest float": rewritten(claim, "epsilon < claim.epsilon", "epsilon < 0"),
    }


def replaced_margin() -> Any:
    return replaced(bounds, "_MARGIN", 1e-6)


@given(st.integers(1, 10**9), st.floats(0, 1), st.sampled_from(LEVELS))
def test_the_bound_grows_with_right_guesses_and_falls_with_confidence(made: int, share: float, level: str) -> None:
    right = min(int(share * made), made - 1)
    bound = bounds.guess_bound(right, made, float(level))
    assert bound <= bounds.guess_bound(right + 1, made, float(level)) + 1e-9
    assert bound <= bounds.guess_bound(right, made, 0.8) + 1e-9

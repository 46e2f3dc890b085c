"""Guesses may be looked at after every trial: an e-process refutes a true claim at any time with probability at most alpha.

Statement
    Let guesses be made one after the other, by rules that may be learned again from all that went before, and let each be
    right with a conditional chance of at most q given the past. With c right and w wrong guesses so far put E(c, w) = mean
    over t uniform in (q, 1) of (t/q)^c ((1-t)/(1-q))^w. Then (1) E is a non-negative supermartingale that starts at 1, a
    martingale where every chance is q; (2) the probability that ``rejects(c, w, q, 1 - alpha)`` is ever true is at most
    alpha, whoever stops when; (3) E falls in q, so that ``anytime_bound`` is the lower end of a confidence sequence: it ever
    reaches q with probability at most alpha; (4) ``log_e_value`` is below log E, by at most 2e-11 (1 + abs(log E)), for
    counts up to 10**9: rounding never rejects what exact arithmetic would not. For a pure epsilon claim with h worlds q =
    e/(e + h - 1), e = exp(epsilon) (audit.t1). For mu-GDP, if a guess is made in every trial, q = Phi(mu/2).

Proof
    (1) Put u = (1-t)/(1-q), uniform in (0, 1); t/q = u + (1-u)/q =: g >= 1 and E(c, w) = mean of g^c u^w. A right guess
    multiplies the integrand by g >= 1, a wrong one by u <= 1, so the mean of the next E grows with the chance p of a right
    guess; at p = q it is unchanged, for q g + (1-q) u = q u + 1 - u + u - q u = 1. At p <= q it is no larger. (2) is Ville's
    inequality with E >= 1/alpha. (3) g falls in q for every u, hence so does E; and E at the true q reaches 1/alpha with
    probability at most alpha. If chances are below q, (1) covers them. (4) is numerical. With n = c + w, E = P(Bin(n+1, q) <=
    c) / ((n+1) (1-q) P(Bin(n, q) = c)), by the beta integral.

Checked against the shipped code
    (1) and (3) in Fractions for all c, w up to 40; (2) exactly, by dynamic programming over everybody who may choose each
    chance up to q by the past, in Fractions; (4) in Fractions for small counts, by ball arithmetic (flint) for a grid to
    10**9.

Covers not
    Trials whose guesses are right with a larger chance than q given the past: a mechanism that repeats its noise, or a rule
    that has seen the trial which it guesses. The numerical statement (4) is checked on a grid, not proved for every count.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from functools import cache
from typing import Any

from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit import anytime
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.anytime.log_e_value",
    "privlib.audit.anytime.log_mean_likelihood_ratio",
    "privlib.audit.anytime.rejects",
    "privlib.audit.anytime.anytime_bound",
    "privlib.audit.anytime._log_binomial",
    "privlib.audit.anytime._entropy",
    "privlib.audit.anytime._stirling",
    "privlib.audit.anytime._beta_fraction",
]

MOST = 40
CHANCES = [Fraction(1, 100), Fraction(1, 2), Fraction(3, 4), Fraction(99, 100)]
FLOATS = [0.01, 0.5, 0.75, 0.9375]
SIZES = [16, 1000, 10**6, 10**9]
SIGMAS = [-60, -33, -5, 0, 2, 4, 6, 40]
LEVELS = [0.8, 0.95, 0.999]
STEPS = 40


@cache
def e_value(correct: int, wrong: int, chance: Fraction) -> Fraction:
    """The mean of g^c u^w, by the binomial theorem and the beta integral, over integers."""
    q, one, guesses = chance.numerator, chance.denominator, correct + wrong
    total = sum(
        math.comb(correct, j) * one**j * q ** (correct - j) * math.factorial(j) * math.factorial(guesses - j)
        for j in range(correct + 1)
    )
    return Fraction(total, q**correct * math.factorial(guesses + 1))


def it_is_a_supermartingale_from_one() -> None:
    for chance in CHANCES:
        assert e_value(0, 0, chance) == 1
        for correct, wrong in itertools.product(range(MOST), repeat=2):
            right, missed = e_value(correct + 1, wrong, chance), e_value(correct, wrong + 1, chance)
            now = e_value(correct, wrong, chance)
            assert chance * right + (1 - chance) * missed == now, "no martingale at the chance itself"
            assert right >= now >= missed > 0, "a smaller chance would not help"


def it_falls_in_the_chance() -> None:
    for low, high in itertools.pairwise(CHANCES):
        for correct, wrong in itertools.product(range(0, MOST, 3), repeat=2):
            assert e_value(correct, wrong, low) >= e_value(correct, wrong, high)


def ball(correct: int, wrong: int, chance: float) -> arb:
    """The logarithm of E as a ball: the incomplete beta function on its small side, over the binomial probability."""
    guesses, q = correct + wrong, arb(fmpq(*chance.as_integer_ratio()))
    if correct < guesses * chance:
        below = (1 - q).beta_lower(wrong + 1, correct + 1, regularized=True)
    else:
        below = 1 - q.beta_lower(correct + 1, wrong + 1, regularized=True)
    log_choose = arb(guesses + 1).lgamma() - arb(correct + 1).lgamma() - arb(wrong + 1).lgamma()
    return below.log() - ((1 - q) * (guesses + 1)).log() - log_choose - correct * q.log() - wrong * (1 - q).log()


def close_below(value: float, truth: arb, words: str) -> None:
    assert truth.rad() < 1e-20 * (1 + abs(truth.mid())), f"the ball of {words} is too wide"
    assert arb(value) < truth, f"{words}: overstated"
    assert arb(value) > truth - 2e-11 * (1 + abs(truth)), f"{words}: understated by more than the margin"


def the_shipped_logarithm_is_just_below() -> None:
    ctx.prec = 160
    for chance in FLOATS:
        exact = Fraction(chance)
        for correct, wrong in itertools.product((0, 1, 2, 7, 15, 16, 17, 40), repeat=2):
            truth = arb(fmpq(*e_value(correct, wrong, exact).as_integer_ratio())).log()
            close_below(anytime.log_e_value(correct, wrong, chance), truth, f"{correct} right, {wrong} wrong, {chance}")
        for guesses, sigmas in itertools.product(SIZES, SIGMAS):
            correct = round(guesses * chance + sigmas * math.sqrt(guesses * chance * (1 - chance)))
            if 0 <= correct <= guesses:
                words = f"{correct} of {guesses}, {chance}"
                truth = ball(correct, guesses - correct, chance)
                close_below(anytime.log_e_value(correct, guesses - correct, chance), truth, words)
    for wrong in (0, 3, 10**9):  # the limit at chance 1 is 1 / (w + 1)
        close_below(anytime.log_e_value(0, wrong, 1.0), -arb(wrong + 1).log(), f"0 right, {wrong} wrong, 1")


def balls_agree_with_fractions() -> None:
    ctx.prec = 160
    for correct, wrong in ((0, 3), (5, 0), (7, 9), (30, 4)):
        assert ball(correct, wrong, 0.75).overlaps(arb(fmpq(*e_value(correct, wrong, Fraction(3, 4)).as_integer_ratio())).log())


def nobody_makes_it_reject_often() -> None:
    """The largest probability of ever rejecting, over all who choose each chance up to q knowing the past."""
    for level, chance in itertools.product(LEVELS, FLOATS[1:]):
        alpha, most = 1 - Fraction(level), Fraction(chance)
        value: dict[int, Fraction] = {}
        for guesses in range(STEPS, -1, -1):  # value[c]: the probability of rejecting from here on
            before: dict[int, Fraction] = {}
            for correct in range(guesses + 1):
                if anytime.rejects(correct, guesses - correct, chance, level):
                    before[correct] = Fraction(1)
                    continue
                if guesses == STEPS:
                    before[correct] = Fraction(0)
                    continue
                worth = (p * value[correct + 1] + (1 - p) * value[correct] for p in (Fraction(0), most / 2, most))
                before[correct] = max(worth)
            value = before
        assert value[0] <= alpha, f"a true claim is rejected with probability {float(value[0])} at level {level}"
        reachable = 1 / e_value(STEPS, 0, most) <= alpha
        assert (value[0] > 0) == reachable, "it rejects nothing, or what it may not"


def it_rejects_where_exact_arithmetic_does() -> None:
    for level, chance in itertools.product(LEVELS, FLOATS):
        alpha = 1 - Fraction(level)
        for correct, wrong in itertools.product(range(0, MOST, 2), range(0, MOST, 5)):
            exact = e_value(correct, wrong, Fraction(chance))
            shipped = anytime.rejects(correct, wrong, chance, level)
            near = abs(exact * alpha - 1) < Fraction(1, 10**9)
            assert near or shipped == (exact >= 1 / alpha), f"{correct} right, {wrong} wrong: another answer"


def the_bound_is_the_largest_chance_rejected() -> None:
    for level, (correct, wrong) in itertools.product(LEVELS, [(42, 0), (300, 100), (10**6, 10**5), (1, 0), (5, 5)]):
        bound = anytime.anytime_bound(correct, wrong, level)
        assert 0 < bound < correct / (correct + wrong)
        assert anytime.rejects(correct, wrong, bound, level), "the bound itself is not refuted"
        assert not anytime.rejects(correct, wrong, bound * (1 + 1e-9), level), "more could be refuted"
    assert anytime.anytime_bound(0, 7, 0.999) == 0


def prove() -> None:
    it_is_a_supermartingale_from_one()
    it_falls_in_the_chance()
    balls_agree_with_fractions()
    the_shipped_logarithm_is_just_below()
    it_rejects_where_exact_arithmetic_does()
    nobody_makes_it_reject_often()
    the_bound_is_the_largest_chance_rejected()


def mutants() -> dict[str, object]:
    room = "privlib.audit.anytime"
    mean, binomial, value = f"{room}.log_mean_likelihood_ratio", f"{room}._log_binomial", f"{room}.log_e_value"
    reject, bound, fraction = f"{room}.rejects", f"{room}.anytime_bound", f"{room}._beta_fraction"
    return {
        "chances below q are averaged over as well": rewritten(mean, "math.log(below)", "0.0"),
        "the width of the average is forgotten": rewritten(mean, "(guesses + 1) * (1 - chance)", "(guesses + 1)"),
        "one guess fewer": rewritten(mean, "(guesses + 1)", "max(guesses, 1)"),
        "the incomplete beta function of one right guess fewer": rewritten(mean, "betaincc(correct + 1,", "betaincc(correct,"),
        "the tail underflows in silence": rewritten(
            mean, "math.log(chance / (wrong + 1)) + math.log(_beta_fraction(wrong + 1, correct + 1, 1 - chance))", "-math.inf"
        ),
        "the continued fraction of one right guess fewer": rewritten(mean, "wrong + 1, correct + 1, 1", "wrong + 1, correct, 1"),
        "the likelihood of wrong guesses is forgotten": rewritten(
            binomial, "right * _entropy(excess / right) + left * _entropy(-excess / left)", "right * _entropy(excess / right)"
        ),
        "the mean is rounded to a float": rewritten(binomial, "guesses * Fraction(chance)", "float(int(guesses * chance))"),
        "Stirling's remainders are left out": rewritten(
            binomial, "_stirling(guesses) - _stirling(correct) - _stirling(wrong)", "0.0"
        ),
        "a series is cut short": rewritten(f"{room}._entropy", "range(2, 18)", "range(2, 7)"),
        "a term of Stirling's series is wrong": rewritten(f"{room}._stirling", "(1 / 360 - s", "(1 / 306 - s"),
        "an odd step of the fraction is off": rewritten(fraction, "(a + b + m)", "(a + b)"),
        "the margin is added": rewritten(value, "value - _MARGIN", "value + _MARGIN"),
        "there is no margin": no_margin,
        "half the evidence is enough": rewritten(reject, "-math.log1p(-confidence)", "-math.log1p(-confidence) / 2"),
        "the error is spent twice": rewritten(reject, "-math.log1p(-confidence)", "-math.log1p(-confidence) - math.log(2)"),
        "half the error is thrown away": rewritten(reject, "-math.log1p(-confidence)", "math.log(2) - math.log1p(-confidence)"),
        "the bound is not refuted": rewritten(bound, "return refuted", "return kept"),
    }


def no_margin() -> Any:
    return replaced(anytime, "_MARGIN", 0.0)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(1e-6, 1), st.floats(1e-6, 1))
def test_a_right_guess_speaks_against_the_claim_and_a_larger_chance_for_it(
    right: int, wrong: int, one: float, two: float
) -> None:
    low, high = sorted((one, two))
    now = anytime.log_e_value(right, wrong, high)
    slack = 1e-10 * (1 + abs(now))
    assert anytime.log_e_value(right + 1, wrong, high) >= now - slack
    assert anytime.log_e_value(right, wrong + 1, high) <= now + slack
    assert anytime.log_e_value(right, wrong, low) >= now - slack

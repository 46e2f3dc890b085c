"""Limits for claims of other kinds: (epsilon, delta), Gaussian and zero-concentrated.

Statement
    In each of n independent trials a fair bit b is drawn, y ~ M(D_b), and a rule that does not depend on these trials
    guesses b from y or abstains; K guesses are made and C are right. (1) If M is (epsilon, delta)-differentially private on
    the pair, a guess made in a share s of all trials is right with chance at most (E + delta/s)/(E + 1), E = exp(epsilon),
    and ``approx_bound(C, K, n, c, delta=delta)`` exceeds epsilon with probability at most 1 - c; it is what two exact limits
    give, at 19/20 and 1/20 of 1 - c, rounded down by less than 1e-9. (2) If M is mu-GDP and
    every trial is guessed, a guess is right with chance at most Phi(mu/2), and ``gdp_bound(C, n, c)`` exceeds mu with
    probability at most 1 - c. (3) If M is rho-zCDP, an event that happens with chance a on D1 and b on D0 has R_alpha(a, b)
    <= alpha rho for the Rényi divergence of every order alpha >= 1, both ways round, and ``zcdp_bound`` exceeds rho with
    probability at most 1 - c. (4) Let a(s) be the chance of the best guess where a law's noise is scaled by 1/s, a rising. If
    every trial is guessed, ``noise_fraction`` exceeds the true s with probability at most 1 - c, and it is the largest factor
    up to 1024 that the guesses refute. In (1) to (3) ``decide`` says VIOLATION of a claim that holds with at most that
    probability.

Proof
    (1) Let A and B be the events that 1 and that 0 is guessed, P1, P0 the laws of the output. The chance of a right guess
    is r = (P1(A) + P0(B))/2 and of a wrong one w = (P0(A) + P1(B))/2. Privacy gives P1(A) <= E P0(A) + delta and P0(B) <= E
    P1(B) + delta, so r <= E w + delta; with r + w = s this is r/s <= (E + delta/s)/(E + 1). Given K, C is binomial with
    chance r/s, and K is binomial with chance s. The code takes a lower limit p of r/s and a lower limit t of s, whose error
    probabilities add up to 1 - c; if neither errs, E >= (p - delta/t)/(1 - p), whose logarithm is the bound. (2) For any
    test P1(A) <= 1 - f(P0(A)) with f the trade-off curve, so r <= max over a of (a' + 1 - a)/2 where a' = 1 - f(a), which
    for the Gaussian curve is attained in the middle and is Phi(mu/2). (3) Rényi divergences do not grow when an output is
    mapped to whether an event happened. Both limits hold with probability c, and on the rectangle a >= a_low > b_high >= b
    the divergences of coins are least in its corner, as they grow when a and b move apart. (4) A guess is right with chance at
    most a(s). Where its lower limit p is at most a(s), every factor t with a(t) < p has a(t) < a(s), so t < s.

Checked against the shipped code
    (1) by two solvers over all probabilities, E and delta; in Fractions: the exact chance of certifying more than the
    truth, for a mechanism that attains the inequality, all counts of up to 40 trials; the bound against balls. (4) in
    Fractions, for a rational a, and its limit against balls. (2) and (3): the closed forms against
    balls (flint), and the exact chance of certifying more for coins that attain the claim. (3) that divergences grow when
    coins move apart, by Hypothesis on balls.

Covers not
    Trials that are not independent, and rules that saw the trials which they are tested on. (2) refutes claims of that
    family alone: it is no (epsilon, delta) statement about mechanisms of other kinds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from math import comb
from typing import Any

import cvc5.pythonic
import z3
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaincinv

from privlib.audit import bounds
from privlib.audit.bounds import Verdict, approx_bound, gdp_bound, zcdp_bound
from privlib.audit.judge import Counts, certified, claimed, decide
from privlib.bounds import Bound
from privlib.prove import rewritten

covers = [
    "privlib.audit.bounds.approx_bound",
    "privlib.audit.bounds.gdp_bound",
    "privlib.audit.bounds.noise_fraction",
    "privlib.audit.bounds.zcdp_bound",
    "privlib.audit.bounds._renyi",
    "privlib.audit.bounds._chance_of_a_wrong_guess",
    "privlib.audit.binomial.upper_limit",
    "privlib.audit.judge._everywhere",
    "privlib.audit.judge.Counts.event",
    "privlib.audit.judge.claimed",
]

LEVELS = (0.6, 0.9, 0.999)
ZERO, ONE = arb(0), arb(1)


def exact(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def binomial(trials: int, chance: Fraction, count: int) -> Fraction:
    return comb(trials, count) * chance**count * (1 - chance) ** (trials - count)


def a_right_guess_is_bounded(solver: Any) -> None:
    """r/s <= (E + delta/s)/(E + 1) from the two inequalities of privacy, multiplied out."""
    a1, a0, b1, b0, odds, delta = solver.Reals("a1 a0 b1 b0 E d")
    private = [odds >= 1, delta >= 0, a1 >= 0, a0 >= 0, b1 >= 0, b0 >= 0, a1 <= odds * a0 + delta, b0 <= odds * b1 + delta]
    right, share = a1 + b0, a1 + a0 + b0 + b1  # each twice the chance
    search = solver.Solver()
    search.add(*private, right * (odds + 1) > odds * share + 2 * delta)
    assert search.check() == solver.unsat, f"{solver.__name__} finds a rule that is right more often"
    search = solver.Solver()
    search.add(*private, right * (odds + 1) == odds * share + 2 * delta, delta > 0, odds == 2, share > 0)
    assert search.check() == solver.sat, "the inequality is never attained"


def two_limits_err_together_as_one() -> None:
    """A mechanism that attains the inequality: it betrays the bit with chance delta, else answers by odds E, or is silent."""
    for odds, delta, silent, trials, level in (
        (Fraction(2), Fraction(1, 4), Fraction(1, 4), 30, 0.6),
        (Fraction(3, 2), Fraction(1, 3), Fraction(0), 40, 0.9),
        (Fraction(3), Fraction(1, 20), Fraction(1, 2), 40, 0.6),
    ):
        spoken = 1 - delta - silent
        right, wrong = delta + spoken * odds / (1 + odds), spoken / (1 + odds)
        assert right == odds * wrong + delta
        error, truth = Fraction(0), exact(odds).log()
        for made in range(trials + 1):
            weight = binomial(trials, right + wrong, made)
            for correct in range(made + 1):
                found = approx_bound(correct, made, trials, level, delta=float(delta))
                if arb(found) > truth:
                    error += weight * binomial(made, right / (right + wrong), correct)
        assert error <= 1 - Fraction(level), "more than the truth is certified too often"
        assert error > (1 - Fraction(level)) / 40, "more than the truth is never certified"


def without_delta_little_is_lost() -> None:
    for correct, made in ((7311, 10_000), (900, 1000), (60, 60)):
        pure, approx = bounds.guess_bound(correct, made, 0.999), approx_bound(correct, made, made, 0.999, delta=0.0)
        assert 0.985 * pure < approx < pure
    assert approx_bound(0, 0, 100, 0.9, delta=0.1) == approx_bound(0, 5, 100, 0.9, delta=0.1) == 0
    assert approx_bound(10, 10, 10**6, 0.9, delta=0.1) == 0, "a rare event says nothing where delta is larger"


def the_approximate_bound_is_its_formula() -> None:
    ctx.prec = 120
    for correct, made, trials in ((220, 300, 300), (90, 100, 900), (60, 60, 200)):
        for level in ("0.9", "0.999"):
            error = exact(1 - Fraction(level))
            right, share = lower_limit(correct, made, error * 19 / 20), lower_limit(made, trials, error / 20)
            for delta in (Fraction(0), Fraction(1, 10**5), Fraction(1, 200)):
                found = approx_bound(correct, made, trials, float(level), delta=float(delta))
                odds = (right - exact(delta) / share) / (1 - right)
                if odds <= 1:
                    assert found == 0, "something is certified where nothing is shown"
                else:
                    assert arb(found) < odds.log(), "the bound is rounded up, or spends more than it may"
                    assert arb(found) > odds.log() - arb(1e-9), "the bound spends less than it may"


def accuracy(factor: Fraction) -> Fraction:
    """The chance of the best guess for some law whose noise is divided by a factor."""
    return (1 + 2 * factor) / (2 + 2 * factor)


def less_noise_is_certified_rarely() -> None:
    for trials, factor, level in itertools.product((1, 5, 40), (Fraction(1, 3), Fraction(1), Fraction(7)), ("0.6", "0.9")):
        found = [fraction(correct, trials, float(level)) for correct in range(trials + 1)]
        assert found == sorted(found)
        law = [binomial(trials, accuracy(factor), correct) for correct in range(trials + 1)]
        error = sum((chance for chance, value in zip(law, found, strict=True) if value > factor), Fraction(0))
        assert error <= 1 - Fraction(level), "less noise than there is is certified too often"
        first = sum(value <= factor for value in found)
        assert sum(law[first - 1 :], Fraction(0)) > 1 - Fraction(level), "more could be certified"
    ctx.prec = 120
    for correct, trials in ((210, 300), (59, 60), (1, 2)):
        right = lower_limit(correct, trials, exact(Fraction(1, 1000)))
        found = Fraction(fraction(correct, trials, 0.999))
        assert (found > 0) == bool(right > 0.5), "nothing is certified, or what is not shown"
        assert found == 0 or exact(accuracy(found)) < right, "a factor is certified that is not refuted"
        assert exact(accuracy(found + Fraction(1, 10**7))) > right, "a larger factor is refuted"
    assert 1023 < fraction(10**6, 10**6, 0.999) <= 1024, "all right guesses certify another factor than the largest"


def fraction(correct: int, trials: int, level: float) -> float:
    return bounds.noise_fraction(correct, trials, level, accuracy=lambda s: float(accuracy(Fraction(s))))


def phi(x: arb) -> arb:
    return (-x / arb(2).sqrt()).erfc() / 2


def gaussian_claims_are_refuted_rarely() -> None:
    ctx.prec = 200
    for trials, mu, level in itertools.product((1, 7, 60), (Fraction(1, 2), Fraction(1), Fraction(3)), LEVELS):
        chance = phi(exact(mu) / 2)
        error, claim = arb(0), Bound.gdp(mu**2, neighbours="record")
        assert arb(claimed(claim)) >= exact(mu)
        for correct in range(trials + 1):
            found = gdp_bound(correct, trials, level)
            counts = Counts(((trials - correct, 0), (0, correct)), (-1, -1), (1, 1))
            assert certified(counts, claim, level) == found
            assert (decide(counts, claim, level) is Verdict.VIOLATION) == (found > claimed(claim))
            if arb(found) > exact(mu):
                error += comb(trials, correct) * chance**correct * (1 - chance) ** (trials - correct)
        assert error <= 1 - Fraction(level).limit_denominator(10**6).numerator / arb(
            Fraction(level).limit_denominator(10**6).denominator
        )
    for correct, trials in ((6915, 10_000), (841_345, 10**6), (60, 60)):
        found = gdp_bound(correct, trials, 0.999)
        lower = phi(arb(found) / 2)  # the chance at which as many right guesses have probability 1 - c
        tail = lower.beta_lower(correct, trials - correct + 1, regularized=True)
        assert tail <= arb("0.001") + arb(1e-12), "more is certified than the guesses show"
        assert tail >= arb("0.001") - arb(1e-8), "less is certified than the guesses show"


def divergence(a: arb, b: arb, order: arb) -> arb:
    if order == 1:
        return a * (a / b).log() + (1 - a) * ((1 - a) / (1 - b)).log()
    return (a**order * b ** (1 - order) + (1 - a) ** order * (1 - b) ** (1 - order)).log() / (order - 1)


def concentrated_claims_are_refuted_rarely() -> None:
    """Coins whose worst divergence is the claim: the chance of certifying more; and the limits against balls."""
    ctx.prec = 200
    for a, b, trials, level in ((Fraction(3, 4), Fraction(1, 4), 12, 0.6), (Fraction(9, 10), Fraction(1, 5), 12, 0.6)):
        rho = max(
            float((divergence(exact(x), exact(y), arb(order)) / arb(order)).mid())
            for x, y in ((a, b), (b, a))
            for order in bounds._ORDERS
        )
        claim, error = Bound.zcdp(Fraction(rho), neighbours="record"), Fraction(0)
        for ups, others in itertools.product(range(trials + 1), repeat=2):
            found = zcdp_bound((ups, trials), (others, trials), level)
            counts = Counts(((trials - others, others), (trials - ups, ups)), (-1, -1), (0, 1))
            assert certified(counts, claim, level) == found
            if decide(counts, claim, level) is Verdict.VIOLATION:
                error += binomial(trials, a, ups) * binomial(trials, b, others)
        assert Fraction(1, 200) < error <= Fraction(2, 5), "a true claim is refuted too often, or never"
    for a, b, order in itertools.product((0.9, 0.31, 1e-3), (0.5, 0.02, 1e-9), (*bounds._ORDERS, 1e3)):
        true = divergence(arb(a), arb(b), arb(order))
        assert abs(arb(bounds._renyi(a, b, order)) - true) <= 1e-9 * (1 + abs(true)), "another divergence"


def each_limit_spends_half() -> None:
    """The bound is the divergence in the corner of two one-sided limits, found here by bisection of the binomial tail."""
    ctx.prec = 120
    trials = 50
    for ups, others, level in ((40, 10, 0.9), (50, 0, 0.999), (49, 30, 0.6)):
        half = (1 - arb(level)) / 2
        low = limit(lambda chance, k=ups: chance.beta_lower(k, trials - k + 1, regularized=True), half)
        high = 1 - limit(lambda chance, k=others: chance.beta_lower(trials - k, k + 1, regularized=True), half)
        expected = max(
            float((divergence(a, b, arb(order)) / arb(order)).mid())
            for a, b in ((low, high), (high, low))
            for order in bounds._ORDERS
        )
        assert abs(zcdp_bound((ups, trials), (others, trials), level) - expected) < 1e-7 * (1 + expected), "another rectangle"


def lower_limit(successes: int, trials: int, error: arb) -> arb:
    """The chance at which so many successes or more have the error probability; SciPy says about where it is."""
    about = arb(float(betaincinv(successes, trials - successes + 1, float(error))))

    def tail(chance: arb) -> arb:
        return chance.beta_lower(successes, trials - successes + 1, regularized=True)

    low, high = about * (1 - arb(1e-10)), about * (1 + arb(1e-10))
    assert tail(low) < error < tail(high)
    return limit(tail, error, low.mid(), high.mid(), halvings=30)


def limit(tail: Callable[[arb], arb], error: arb, low: arb = ZERO, high: arb = ONE, *, halvings: int = 80) -> arb:
    """The chance at which an increasing tail reaches the error probability."""
    for _ in range(halvings):
        middle = ((low + high) / 2).mid()
        low, high = (middle, high) if tail(middle) < error else (low, middle)
    return low


def prove() -> None:
    a_right_guess_is_bounded(z3)
    a_right_guess_is_bounded(cvc5.pythonic)
    without_delta_little_is_lost()
    gaussian_claims_are_refuted_rarely()
    concentrated_claims_are_refuted_rarely()
    each_limit_spends_half()
    two_limits_err_together_as_one()
    less_noise_is_certified_rarely()
    the_approximate_bound_is_its_formula()


def mutants() -> dict[str, object]:
    approx, gdp, zcdp = (f"privlib.audit.bounds.{name}" for name in ("approx_bound", "gdp_bound", "zcdp_bound"))
    noise = "privlib.audit.bounds.noise_fraction"
    everywhere, event = "privlib.audit.judge._everywhere", "privlib.audit.judge.Counts.event"
    return {
        "delta is forgotten": rewritten(approx, "delta / rate", "0 / rate"),
        "delta is not divided by the share": rewritten(approx, "delta / rate", "delta"),
        "the share is that of abstentions": rewritten(approx, "upper_limit(trials - guesses,", "upper_limit(guesses,"),
        "the chance of a wrong guess is not its limit": rewritten(
            approx, "_chance_of_a_wrong_guess(correct, guesses, ", "upper_limit(guesses - correct + 1, guesses + 1, 0.5 + 0 * "
        ),
        "an approximate bound is rounded up": rewritten(approx, "math.log(wrong) - _MARGIN", "math.log(wrong) + 1e-6"),
        "the limit of the share spends twice its part": rewritten(
            approx, "1 - _FOR_THE_RATE * error", "1 - 2 * _FOR_THE_RATE * error"
        ),
        "the limit of the share spends everything": rewritten(approx, "1 - _FOR_THE_RATE * error", "1 - error"),
        "the limit of the share spends nothing of its part": rewritten(approx, "1 - _FOR_THE_RATE * error", "1 - error / 100"),
        "the limit of the chance spends everything": rewritten(approx, "1 - (1 - _FOR_THE_RATE) * error", "confidence"),
        "half of the error for each limit, and a twentieth more": rewritten(
            approx, "1 - _FOR_THE_RATE * error", "1 - (1 - _FOR_THE_RATE) * error"
        ),
        "the observed share instead of a limit for noise": rewritten(
            noise, "1 - _chance_of_a_wrong_guess(correct, trials, confidence)", "correct / trials"
        ),
        "refuted and not refuted change places": rewritten(
            noise, "accuracy(middle) < right - _MARGIN", "accuracy(middle) > right"
        ),
        "a factor is rounded up": rewritten(noise, "right - _MARGIN", "right + 1e-6"),
        "the factor is not refuted": rewritten(noise, "return low", "return high * (1 + 1e-9)"),
        "the search ends early": rewritten(noise, "range(_HALVINGS)", "range(20)"),
        "no more noise is certified than was claimed": rewritten(noise, "0.0, _MOST_NOISE", "0.0, 1.0"),
        "a whole mu for half of one": rewritten(gdp, "-2 * float", "-4 * float"),
        "half a mu": rewritten(gdp, "-2 * float", "-1 * float"),
        "abstentions are right": rewritten(everywhere, "counts.correct_everywhere", "counts.tested"),
        "both limits spend everything": rewritten(zcdp, "(1 - confidence) / 2", "(1 - confidence)"),
        "the first world's limit is from below": rewritten(
            zcdp, "upper_limit(first[0], first[1], level)", "1 - upper_limit(first[1] - first[0], first[1], level)"
        ),
        "the second world's limit is from above": rewritten(
            zcdp, "1 - upper_limit(second[1] - second[0], second[1], level)", "upper_limit(second[0], second[1], level)"
        ),
        "the order is not divided out": rewritten(zcdp, "_renyi(a, b, order) / order", "_renyi(a, b, order)"),
        "divergence without its normalisation": rewritten("privlib.audit.bounds._renyi", "/ (order - 1)", ""),
        "another world's event": rewritten(event, "row = self.table[world]", "row = self.table[1]"),
        "the root of mu2 is forgotten": rewritten(
            "privlib.audit.judge.claimed", "sqrt(claim.mu2, _ROOT_BITS)[1]", "int(claim.mu2 * 2**_ROOT_BITS)"
        ),
    }


@given(*[st.floats(0.001, 0.999)] * 2, st.floats(0.0005, 0.5), st.sampled_from(bounds._ORDERS))
def test_coins_that_move_apart_diverge_more(a: float, b: float, further: float, order: float) -> None:
    low, high = sorted((a, b))
    nearer = bounds._renyi(high, low, order)
    assert bounds._renyi(min(high + further, 0.9999), low, order) >= nearer - 1e-9
    assert bounds._renyi(high, max(low - further, 0.0001), order) >= nearer - 1e-9

"""Right guesses certify an epsilon, and exceed the truth no more often than they say.

Statement
    Let M be pure epsilon-differentially private on h data sets of which any two are neighbours: P(M(D_u) in S) <= E
    P(M(D_v) in S) for every event S and all u, v, with E = exp(epsilon). In each of n independent trials a world b is drawn
    uniformly, y ~ M(D_b), and a rule that does not depend on these trials guesses b from y or abstains. Of K guesses made,
    C are right. (1) Given which trials are guessed, C is stochastically smaller than Binomial(K, E/(E+h-1)). (2)
    ``guess_bound(C, K, c, worlds=h)`` exceeds epsilon with probability at most 1 - c. (3) The bound is exact: it is less
    than 1e-9 (in tail probability) below the root epsilon' of P(Binomial(K, E'/(E'+h-1)) >= C) = 1 - c. (4) Of several
    rules, fixed before, of which rule r may spend the part ``shares[r]`` of the error probability, the largest bound
    exceeds epsilon with probability at most 1 - c, and ``decide`` says VIOLATION of a claim that holds with at most that
    probability.

Proof
    (1) Write p_v for the density of y under D_v; p_u <= E p_v almost everywhere. By Bayes the guess v is right given y with
    chance p_v / (sum of all p_u), and each of the other h - 1 terms is at least p_v / E, so the chance is at most
    E/(E+h-1). The trials are independent and whether one is guessed depends on its y alone, so given all outputs the
    guesses are right independently, each with chance at most E/(E+h-1); a sum of such bits is below the binomial (raise one
    chance after the other). (2) ``betaincinv(K-C+1, C, c)`` is one minus the chance r at which P(Binomial(K, r) >= C) = 1 -
    c, since that probability is the regularised incomplete beta function I_r(C, K-C+1). If the bound exceeds epsilon, then
    r > E/(E+h-1), so C lies where the tail of Binomial(K, E/(E+h-1)) is below 1 - c; C is at least the smallest such count
    with probability at most 1 - c. (3) is numerical and checked. (4) Rule r errs with probability at most shares[r] (1 -
    c), and the shares add up to at most 1.

Checked against the shipped code
    (1) by two solvers over all densities, E and h; the counts of all patterns of four trials. (2) in Fractions: the law of
    the certified value for randomised response with rational E, two and five worlds, every K up to 60. (4) in Fractions:
    two nested rules with abstentions, through the shipped counts and verdict. (3) by ball arithmetic (flint) for counts up
    to 10**7.

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
import z3
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit import bounds
from privlib.audit.bounds import Verdict
from privlib.audit.judge import Counts, certified, claimed, decide
from privlib.bounds import Bound
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.bounds.guess_bound",
    "privlib.audit.bounds._chance_of_a_wrong_guess",
    "privlib.audit.binomial.upper_limit",
    "privlib.audit.judge.Counts.of",
    "privlib.audit.judge.certified",
    "privlib.audit.judge.best",
    "privlib.audit.judge._of_guesses",
    "privlib.audit.judge._all_right",
    "privlib.audit.judge.decide",
    "privlib.audit.judge.claimed",
    "privlib.audit.judge._above",
]

LEVELS = ["0.9", "0.95", "0.99", "0.999", "0.999999999"]
ODDS = [Fraction(1), Fraction(11, 10), Fraction(3, 2), Fraction(3), Fraction(20)]
LARGEST_COVERAGE, SMALL = 60, 1000
COUNTS = [
    *((right, made) for made in (1, 2, 3, 10, 60) for right in range(made + 1)),
    (530, 1000), (731, 1000), (999, 1000), (1000, 1000), (109_700, 150_000), (149_990, 150_000), (150_000, 150_000),
    (5_010_000, 10_000_000), (7_300_000, 10_000_000), (9_999_900, 10_000_000), (10_000_000, 10_000_000),
]  # fmt: skip


def a_guess_is_right_with_bounded_chance(solver: Any) -> None:
    """p/(p+rest) <= E/(E+h-1), multiplied out, where rest is the sum of the other h - 1 densities, each at least p/E."""
    p, rest, odds, worlds = solver.Reals("p rest E h")
    private = [odds >= 1, worlds >= 2, p >= 0, rest >= 0, p + rest > 0, odds * rest >= (worlds - 1) * p]
    search = solver.Solver()
    search.add(*private, p * (odds + worlds - 1) > odds * (p + rest))
    assert search.check() == solver.unsat, f"{solver.__name__} finds an output that betrays more"
    search = solver.Solver()
    search.add(*private, p * (odds + worlds - 1) == odds * (p + rest), odds > 1, worlds == 7)
    assert search.check() == solver.sat, "the chance is never attained"


def tail(correct: int, guesses: int, chance: arb) -> arb:
    """P(Binomial(guesses, chance) >= correct) as a ball."""
    if correct == 0:
        return arb(1)
    return chance.beta_lower(correct, guesses - correct + 1, regularized=True)


def the_bound_is_the_exact_root() -> None:
    ctx.prec = 180
    for level, (correct, guesses), worlds in itertools.product(LEVELS, COUNTS, (2, 5)):
        if worlds > 2 and guesses > SMALL:
            continue
        error = arb(1) - arb(fmpq(*Fraction(level).as_integer_ratio()))
        found = bounds.guess_bound(correct, guesses, float(level), worlds=worlds)
        odds = arb(found).exp()
        reached = tail(correct, guesses, odds / (worlds - 1 + odds))
        if found > 0:
            assert reached <= error, f"{correct} of {guesses} certify more than they show"
            assert reached >= error - arb(1e-9), f"{correct} of {guesses} certify less than they show"
            # an error of 1e-9 in the tail says little at high confidence, so the root itself is compared too
            above = (arb(found) + 1e-8).exp()
            assert tail(correct, guesses, above / (worlds - 1 + above)) > error, "the bound is not the root"
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


def exceeds(found: float, odds: Fraction) -> bool:
    """Whether the certified value is above log(odds), by balls that decide it."""
    if odds == 1:
        return found > 0
    truth = arb(fmpq(odds.numerator, odds.denominator)).log()
    above, below = arb(found) > truth, arb(found) < truth
    assert above or below, "the comparison is not decided"
    return bool(above)


def certifies_too_much_rarely() -> None:
    """Randomised response at its true epsilon, all counts: the chance of certifying more."""
    ctx.prec = 200
    for level, odds, worlds in itertools.product(LEVELS[:4], ODDS, (2, 5)):
        error, chance = 1 - Fraction(level), odds / (worlds - 1 + odds)
        for guesses in range(1, LARGEST_COVERAGE + 1, 1 if level == "0.95" else 7):
            high = [k for k in range(guesses + 1) if exceeds(bounds.guess_bound(k, guesses, float(level), worlds=worlds), odds)]
            assert high == list(range(guesses + 1 - len(high), guesses + 1)), "the bound is not monotone"
            wrong = sum((binomial(guesses, chance, k) for k in high), Fraction(0))
            assert wrong <= error, f"{guesses} guesses certify too much with probability {float(wrong)}"
            one_more = binomial_tail(guesses, chance, guesses - len(high))
            assert one_more > error, f"{guesses} guesses certify too little"


def every_pattern_is_counted_rightly() -> None:
    """Four trials, each of two worlds and four cells: guesses of either world, an abstention, and a deeper rule's guess."""
    guesses, depths = (0, 1, -1, 1), (0, 0, 0, 1)
    for pattern in itertools.combinations_with_replacement(list(itertools.product((0, 1), range(4))), 4):
        table = [[0] * 4, [0] * 4]
        for world, cell in pattern:
            table[world][cell] += 1
        counts = Counts(tuple(map(tuple, table)), guesses, (0, 1, 0, 1), depths, (0.5, 0.5))
        for rule in (0, 1):
            named = [(world, guesses[cell]) for world, cell in pattern if guesses[cell] >= 0 and depths[cell] <= rule]
            assert counts.of(rule) == (sum(world == guess for world, guess in named), len(named)), "the counts are wrong"


def nested_rules_err_together_as_one() -> None:
    """A tight mechanism whose outputs are of two sorts; two rules, all counts of 12 trials."""
    odds, trials, confidence = Fraction(2), 12, 0.6
    chances = [weight * part for weight in (Fraction(1, 2), Fraction(1, 2)) for part in (odds / (1 + odds), 1 / (1 + odds))]
    chances.append(1 - sum(chances))
    claim = Bound.pure(odds=odds, neighbours="record")
    violation = total = Fraction(0)
    for clear_right, clear_wrong, right, wrong in itertools.product(range(trials + 1), repeat=4):
        silent = trials - clear_right - clear_wrong - right - wrong
        if silent < 0:
            continue
        numbers = (clear_right, clear_wrong, right, wrong, silent)
        weight, left = Fraction(1), trials
        for number, chance in zip(numbers, chances, strict=True):
            weight *= comb(left, number) * chance**number
            left -= number
        total += weight
        table = ((clear_wrong, wrong, silent), (clear_right, right, 0))
        counts = Counts(table, (1, 1, -1), (1, 1, 0), (0, 1, 0), (0.5, 0.5))
        if decide(counts, claim, confidence) is Verdict.VIOLATION:
            violation += weight
            assert exceeds(certified(counts, claim, confidence), odds)
    assert total == 1
    assert Fraction(1, 20) < violation <= Fraction(2, 5), "a true claim is refuted too often, or never"


def two(correct: int, guesses: int) -> Counts:
    return Counts(((guesses - correct, 0), (correct, 0)), (1, -1), (1, 0))


def verdicts_are_strict() -> None:
    for correct, guesses in COUNTS:
        found = bounds.guess_bound(correct, guesses, 0.999)
        assert certified(two(correct, guesses), Bound.pure(1, neighbours="record"), 0.999) == found
        claim = Bound.pure(Fraction(found), neighbours="record")
        assert claimed(claim) == found
        assert decide(two(correct, guesses), claim, 0.999) is not Verdict.VIOLATION, "equality is no violation"
        if found > 0:
            less = Bound.pure(Fraction(found) * (1 - Fraction(1, 10**12)), neighbours="record")
            assert decide(two(correct, guesses), less, 0.999) is Verdict.VIOLATION
    ten = Bound.pure(10, neighbours="record")
    assert decide(two(0, 0), ten, 0.999) is Verdict.INCONCLUSIVE
    assert decide(two(100, 100), ten, 0.999) is Verdict.INCONCLUSIVE
    assert decide(two(0, 10**6), ten, 0.999) is Verdict.NO_VIOLATION_FOUND
    for odds in ODDS:  # a claim is never rounded down
        shown = claimed(Bound.pure("1/3", odds=odds, neighbours="record"))
        truth = arb(fmpq(1, 3)) + arb(fmpq(odds.numerator, odds.denominator)).log()
        assert arb(shown) >= truth, "a claim is rounded down"
        assert arb(shown) <= truth + 1e-9, "a claim is rounded up by much"


def prove() -> None:
    a_guess_is_right_with_bounded_chance(z3)
    a_guess_is_right_with_bounded_chance(cvc5.pythonic)
    balls_agree_with_fractions()
    every_pattern_is_counted_rightly()
    nested_rules_err_together_as_one()
    verdicts_are_strict()
    the_bound_is_the_exact_root()
    certifies_too_much_rarely()


def mutants() -> dict[str, object]:
    room, judge = "privlib.audit.bounds", "privlib.audit.judge"
    bound, limit, chance = f"{room}.guess_bound", "privlib.audit.binomial.upper_limit", f"{room}._chance_of_a_wrong_guess"
    of, rule, verdict, claim = (f"{judge}.{name}" for name in ("Counts.of", "_of_guesses", "decide", "claimed"))
    error = "float(1 - confidence)"
    logit = "math.log1p(-wrong) - math.log(wrong)"
    return {
        "half the error probability is thrown away": rewritten(limit, error, f"{error} / 2"),
        "the error probability is doubled": rewritten(limit, error, f"2 * {error}"),
        "mid-p instead of exact": rewritten(
            limit, "successes + 1, trials - successes", "successes + 0.5, trials - successes + 0.5"
        ),
        "one right guess too many": rewritten(
            limit, "successes + 1, trials - successes", "max(successes, 1e-3), trials - successes + 1"
        ),
        "the observed share instead of its limit": rewritten(
            limit, "float(limits[enough.argmax()]) if", "successes / trials + 1e-12 if"
        ),
        "wrong and right change places": rewritten(chance, "upper_limit(guesses - correct", "upper_limit(correct"),
        "the logarithm of the chance instead of its odds": rewritten(bound, logit, "-math.log(wrong)"),
        "two worlds whatever their number": rewritten(bound, "math.log(worlds - 1)", "0"),
        "all worlds are wrong": rewritten(bound, "math.log(worlds - 1)", "math.log(worlds)"),
        "the margin is added": rewritten(bound, "- _MARGIN", "+ _MARGIN"),
        "the margin is large": replaced_margin,
        "abstentions count as guesses": rewritten(of, "guess >= 0 and", ""),
        "deeper rules' guesses are counted": rewritten(of, "and depths[cell] <= rule", ""),
        "the first world is always right": rewritten(of, "self.table[guess][cell]", "self.table[0][cell]"),
        "each rule spends everything": rewritten(rule, "counts.shares[rule] * (1 - confidence)", "(1 - confidence)"),
        "equality is a violation": rewritten(
            verdict,
            "stopped=stopped) > limit:\n        return Verdict.VIOLATION",
            "stopped=stopped) >= limit:\n        return Verdict.VIOLATION",
        ),
        "few guesses are an acquittal": rewritten(verdict, "return Verdict.INCONCLUSIVE", "return Verdict.NO_VIOLATION_FOUND"),
        "the odds of a claim are forgotten": rewritten(claim, "size - math.log(claim.odds.denominator)", "size * 0"),
        "a claim is rounded to the nearest float": rewritten(
            f"{judge}._above", "if Fraction(nearest) >= Fraction(numerator, denominator) else", "if True else"
        ),
    }


def replaced_margin() -> Any:
    return replaced(bounds, "_MARGIN", 1e-6)


@given(st.integers(1, 10**9), st.floats(0, 1), st.sampled_from(LEVELS))
def test_the_bound_grows_with_right_guesses_and_falls_with_confidence(made: int, share: float, level: str) -> None:
    right = min(int(share * made), made - 1)
    bound = bounds.guess_bound(right, made, float(level))
    assert bound <= bounds.guess_bound(right + 1, made, float(level)) + 1e-9
    assert bound <= bounds.guess_bound(right, made, 0.8) + 1e-9

"""How much n raw draws can tell of a distribution: no test beats 1/2 + sqrt(1 - r^n)/2, and n_leaked inverts that.

Statement
    Let two populations have shares a0 < a1 of people with an attribute, a1 - a0 < 1. A fair bit b is drawn, then n independent
    people from population b, and a test guesses b from their attributes. Put r1 = a0/a1 and r2 = (1-a1)/(1-a0).
    (1) Every test has accuracy w <= 1/2 + sqrt(1 - r^n)/2, for r = r1 as for r = r2; r = max(r1, r2) gives the smaller bound.
    ``accuracy_bound(n, a0, a1)`` is that bound, rounded up by at most 2e-12 of itself.
    (2) ``n_leaked(w, a0, a1)`` is the real n >= 0 at which the bound equals w: ln(4w(1-w))/ln r, up to 1e-9 of itself,
    infinite at w = 1 and 0 for w <= 1/2. With n < n_leaked(w) draws no test has accuracy w. It grows with w.
    (3) ``raw_draws(w, a0, a1)`` is the least whole n with which the best test has accuracy w, w up to 1e-12 of 1 - w.
    (4) ``interval(k, m, confidence=c)`` misses the chance p of k ~ Binomial(m, p) with probability at most (1-c)/2 on
    either side, and is the smallest such interval but for 1e-9 in tail probability. So the intervals that
    ``DistributionInference`` maps through (2) and (3) cover the figures of the attack's true accuracy with probability at
    least c.

Proof
    (1) Let P, Q be the laws of the n attributes. The best test has w = 1/2 + TV(P, Q)/2. With B = sum sqrt(PQ), Cauchy-Schwarz on
    TV = 1/2 sum |sqrt P - sqrt Q| (sqrt P + sqrt Q) gives TV^2 <= 1/4 (2 - 2B)(2 + 2B) = 1 - B^2, and B is a product over draws:
    B = beta^n with beta = st + uv, where s, t, u, v are the roots of a0, a1, 1-a0, 1-a1 and u >= v. So
    beta >= st + v^2 = st + 1 - t^2, and st + 1 - t^2 - s/t = (1 - t^2)(1 - s/t) >= 0: beta^2 >= (s/t)^2 = r1. Calling
    the attribute its absence turns r1 into r2. Hence TV^2 <= 1 - r^n.
    (2) w = 1/2 + sqrt(1 - r^n)/2 gives r^n = 1 - (2w-1)^2 = 4w(1-w); both sides are monotone for w >= 1/2.
    (3) The likelihood ratio of k people with the attribute grows with k, so the best test is a threshold on k, where the
    ratio passes 1: at n ln((1-a0)/(1-a1)) / ln(a1(1-a0)/(a0(1-a1))). A further draw can be ignored, so accuracy does not fall
    with n, and the least n is found by halving.
    (4) The lower limit exceeds p only where P(Binomial(m, p) >= k) < (1-c)/2, the smallest k of which has a tail at most that;
    the other side alike. (2) and (3) are monotone in w, so they map an interval that covers w to one that covers its image.

Checked against the shipped code
    (1) by two solvers over all a0, a1 for one draw; the accuracy of the best test by enumeration in Fractions, for n up to 40
    and shares from 0 to 1, against (2w-1)^2 <= 1 - r^n and the shipped bound. (2) on Pythagorean triples, where the answer is a
    whole number, and by ball arithmetic for w from 1/2 + 1e-9 to 1 - 1e-300. (3) against the same enumeration, at the
    accuracy of n draws and midway to that of n - 1. (4) by enumeration of coverage in Fractions, and by balls for counts up
    to 10**6.

Covers not
    That the bound is attained: it is not, so n_leaked, the field's figure, is a lower bound on the draws that an accuracy is
    worth. A sharper one exists, for w <= 1 - r^n/2 holds too: r^n is at most what the two laws have in common, (1 - a1 + a0)^n,
    since r1 <= 1 - (a1 - a0) is (a1 - a0)(1 - a1) >= 0. That draws are the only thing an adversary could have. Populations that
    differ in more than one share. Attacks better than the one that was run.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb, inf
from typing import Any

import cvc5.pythonic
import pytest
import z3
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit import binomial as binomial_limits
from privlib.audit.distribution import leakage, result
from privlib.errors import InvalidInput
from privlib.prove import rewritten

covers = [
    "privlib.audit.distribution.leakage.n_leaked",
    "privlib.audit.distribution.leakage.accuracy_bound",
    "privlib.audit.distribution.leakage.raw_draws",
    "privlib.audit.distribution.leakage._least_wrong",
    "privlib.audit.distribution.leakage._overlap",
    "privlib.audit.distribution.leakage._log",
    "privlib.audit.distribution.result.DistributionInference.n_leaked_interval",
    "privlib.audit.distribution.result.DistributionInference.raw_draws_interval",
    "privlib.audit.distribution.result.DistributionInference._limits",
    "privlib.audit.binomial.interval",
    "privlib.audit.binomial.lower_limit",
    "privlib.audit.binomial.upper_limit",
]

SHARES = [Fraction(each) for each in ("0", "1/1000", "1/10", "1/3", "1/2", "51/100", "3/5", "9/10", "999/1000", "1")]
PAIRS = [(a, b) for a, b in itertools.combinations(SHARES, 2) if b - a < 1]
DRAWS = [1, 2, 3, 5, 10, 40]
LEVELS = ["0.51", "0.9", "0.95", "0.999"]
CHANCES = [Fraction(each) for each in ("1/100", "1/10", "1/3", "1/2", "4/5", "99/100")]


def ball(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def leaked(accuracy: Any, first: Any, second: Any) -> float:
    return computed(leakage.n_leaked, accuracy, first, second)


def bounded(n: int, first: Any, second: Any) -> float:
    return computed(leakage.accuracy_bound, n, first, second)


def computed(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (ArithmeticError, ValueError) as error:
        raise AssertionError(f"{function.__name__} gives no number") from error


def one_draw(solver: Any) -> None:
    """beta t >= s over all shares, in the three steps of the proof; their roots are the unknowns, so nothing is divided."""
    s, t, u, v = solver.Reals("s t u v")
    ordered = [s >= 0, s < t, t <= 1, u >= 0, v >= 0]
    steps = {
        "u >= v": ([*ordered, s * s + u * u == 1, t * t + v * v == 1], u < v),
        "st + uv >= st + v^2": ([*ordered, u >= v], s * t + u * v < s * t + v * v),
        "(st + v^2) t >= s": ([*ordered, t * t + v * v == 1], (s * t + v * v) * t < s),
    }
    for name, (given_, broken) in steps.items():
        search = solver.Solver()
        search.add(*given_, broken)
        assert search.check() == solver.unsat, f"{solver.__name__} does not agree that {name}"
    search = solver.Solver()
    search.add(*ordered, t * t + v * v == 1, (s * t + v * v) * t <= s)
    assert search.check() == solver.sat, "the inequality is never attained"


def best_accuracy(n: int, low: Fraction, high: Fraction) -> Fraction:
    """Of the best test on n draws: half of the larger probability of each outcome, summed."""
    laws = [[comb(n, k) * a**k * (1 - a) ** (n - k) for k in range(n + 1)] for a in (low, high)]
    assert sum(laws[0]) == sum(laws[1]) == 1
    return sum((max(p, q) for p, q in zip(*laws, strict=True)), Fraction(0)) / 2


def no_test_beats_the_bound() -> None:
    tight = Fraction(0)
    for (low, high), n in itertools.product(PAIRS, DRAWS):
        accuracy = best_accuracy(n, low, high)
        ratios = [low / high, (1 - high) / (1 - low)]
        squared = (2 * accuracy - 1) ** 2
        assert all(squared <= 1 - ratio**n for ratio in ratios), "a ratio is no bound"
        shared = computed(leakage._overlap, high, low)  # in either order
        assert shared == computed(leakage._overlap, low, high) == max(ratios), "not the sharper of the two bounds"
        bound = Fraction(bounded(n, high, low))
        assert accuracy <= bound, f"{n} draws do better than the bound says"
        assert accuracy <= 1 - shared**n / 2, "the remark is wrong"
        assert (2 * bound - 1) ** 2 >= 1 - shared**n, "this is below the bound as stated"
        slack = bound / (1 + Fraction(3, 10**12))
        assert (2 * slack - 1) ** 2 <= 1 - shared**n, "the bound is loose"
        worth = leaked(accuracy, low, high)
        assert worth <= n * (1 + 1e-12), f"{n} draws are counted as {worth}"
        tight = max(tight, Fraction(worth) / n)
    assert tight > Fraction(3, 5), "n_leaked never comes near the draws"


def draws_are_counted_exactly() -> None:
    for low, high in PAIRS:
        fewer = Fraction(1, 2)
        for n in range(1, 41):
            accuracy = best_accuracy(n, low, high)
            assert accuracy >= fewer, "a draw more hurts"
            wanted = (fewer + accuracy) / 2
            if accuracy - fewer > Fraction(1, 10**9):
                for each in (wanted, accuracy):
                    assert computed(leakage.raw_draws, each, high, low) == n, f"{n} draws are counted otherwise"
            fewer = accuracy
        assert leakage.raw_draws("1/2", low, high) == 0


def whole_numbers_come_back() -> None:
    """For p^2 + s^2 = q^2, two draws with r = s/q have the bound 1/2 + p/(2q)."""
    for m, k in [(2, 1), (3, 2), (5, 4), (7, 2), (1000, 999), (10**6, 1), (10**6, 10**6 - 1)]:
        p, s, q = m * m - k * k, 2 * m * k, m * m + k * k
        for odd, even in ((p, s), (s, p)):
            ratio, accuracy = Fraction(even, q), Fraction(1, 2) + Fraction(odd, 2 * q)
            high = 1 / (1 + ratio)  # then (1-high)/(1-low) = ratio too
            if high * (1 - ratio) < Fraction(1, 10**9):
                continue
            assert leakage._overlap(ratio * high, high) == max(ratio, (1 - high) / (1 - ratio * high))
            found = leaked(accuracy, ratio * high, high)
            assert abs(found - 2) <= 2e-9, f"two draws come back as {found}"


def accuracies_near_the_ends() -> None:
    ctx.prec = 4000  # 1 - 1e-300 loses a thousand bits
    wrongs = [Fraction(1, 10**300), Fraction(1, 10**20), Fraction(1, 1000), Fraction(1, 3), Fraction(1, 2) - Fraction(1, 10**9)]
    pairs = [
        (Fraction(1, 2), Fraction(3, 5)),
        (Fraction(1, 2), Fraction(1, 2) + Fraction(1, 10**9)),
        (Fraction(0), Fraction(1, 10)),
    ]
    for (low, high), wrong in itertools.product(pairs, wrongs):
        ratio = max(low / high, (1 - high) / (1 - low))
        truth = ball(4 * wrong * (1 - wrong)).log() / ball(ratio).log()
        found = arb(leaked(1 - wrong, low, high))
        assert abs(found - truth) <= truth * arb(1e-9), f"a wrong guess in {float(1 / wrong):g} is counted badly"
    counted = [leaked(1 - wrong, "0.5", "0.6") for wrong in sorted(wrongs)]
    assert counted == sorted(counted, reverse=True), "a better attack is counted as less"


def edges_are_as_stated() -> None:
    for low, high in PAIRS:
        assert leaked(1, low, high) == inf
        assert leaked("1/2", low, high) == leaked("0.3", low, high) == leaked(0, low, high) == 0
        assert bounded(0, low, high) - 0.5 <= 1e-12
    for first, second in (
        (Fraction(1, 3), Fraction(1, 3)),
        (0, 1),
        (1, 0),
        (Fraction(-1, 2), Fraction(1, 2)),
        (Fraction(1, 2), 2),
    ):
        for attempt in (
            lambda a=first, b=second: leakage.n_leaked("0.9", a, b),
            lambda a=first, b=second: leakage.accuracy_bound(1, a, b),
        ):
            assert refused(attempt), f"shares {first} and {second} are counted"
    assert refused(lambda: leakage.n_leaked("1.1", "0.4", "0.5")), "an accuracy above 1 is counted"


def refused(attempt: Any) -> bool:
    try:
        attempt()
    except InvalidInput:
        return True
    except (ArithmeticError, ValueError):
        return False
    return False


def binomial(trials: int, chance: Fraction) -> list[Fraction]:
    return [comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(trials + 1)]


def intervals_miss_rarely() -> None:
    for level, trials in itertools.product(LEVELS, (1, 2, 3, 10, 45)):
        limits = [binomial_limits.interval(k, trials, confidence=level) for k in range(trials + 1)]
        error = (1 - Fraction(level)) / 2
        for chance in CHANCES:
            law = binomial(trials, chance)
            above = sum((law[k] for k in range(trials + 1) if Fraction(limits[k][0]) > chance), Fraction(0))
            below = sum((law[k] for k in range(trials + 1) if Fraction(limits[k][1]) < chance), Fraction(0))
            assert max(above, below) <= error, f"{trials} trials at {level} miss {chance} too often"


def intervals_are_the_exact_roots() -> None:
    ctx.prec = 300
    counts = [(0, 1), (1, 1), (3, 10), (0, 45), (45, 45), (900, 1000), (10**6 - 1, 10**6), (500_100, 10**6), (7, 10**6)]
    counts += [(9, 715_429_795), (14, 747_159_636)]  # where the root finder of scipy 1.17 is off by up to 1e-7
    for level, (successes, trials) in itertools.product(LEVELS, counts):
        low, high = binomial_limits.interval(successes, trials, confidence=level)
        error = ball((1 - Fraction(level)) / 2)
        assert (low == 0) == (successes == 0)
        assert (high == 1) == (successes == trials)
        if successes:
            tail = arb(low).beta_lower(successes, trials - successes + 1, regularized=True)
            assert error * (1 - arb(1e-5)) - arb(1e-9) <= tail, "the lower limit is too low"
            assert tail <= error, "the lower limit is too high"
        if successes < trials:
            tail = 1 - arb(high).beta_lower(successes + 1, trials - successes, regularized=True)
            assert error * (1 - arb(1e-5)) - arb(1e-9) <= tail, "the upper limit is too high"
            assert tail <= error, "the upper limit is too low"


def found(right: int, tested: int, confidence: str = "0.95") -> result.DistributionInference:
    return result.DistributionInference(
        title="", n=1, trials=tested, training=0, right=right, raised=0, confidence=Fraction(confidence),
        alphas=(Fraction(1, 2), Fraction(3, 5)), claim=None, attack="", seconds=0.0,
    )  # fmt: skip


def the_interval_is_mapped() -> None:
    for level, trials in itertools.product(("0.9", "0.999"), (10, 45)):
        limits = [found(right, trials, level).n_leaked_interval or (inf, 0.0) for right in range(trials + 1)]
        draws = [found(right, trials, level).raw_draws_interval or (inf, 0.0) for right in range(trials + 1)]
        for chance in [*CHANCES, Fraction(1, 2) + Fraction(1, 50)]:
            truth = leaked(chance, "1/2", "3/5")
            law = binomial(trials, chance)
            worth = leakage.raw_draws(chance, "1/2", "3/5")
            missed = sum((law[k] for k in range(trials + 1) if not draws[k][0] <= worth <= draws[k][1]), Fraction(0))
            assert missed <= 1 - Fraction(level), f"{trials} trials miss the raw draws of accuracy {chance} too often"
            missed = sum((law[k] for k in range(trials + 1) if not limits[k][0] <= truth <= limits[k][1]), Fraction(0))
            assert missed <= 1 - Fraction(level), f"{trials} trials miss the draws of accuracy {chance} too often"
        assert limits[trials][1] == inf
        assert trials < 45 or limits[trials][0] > 0
        assert limits[0][0] == 0
    best = found(10**6, 10**6).n_leaked_interval
    assert best is not None
    least = binomial_limits.interval(0, 10**6, confidence="0.95")[1]
    assert abs(best[0] - leaked(1 - Fraction(least), "1/2", "3/5")) < 1e-9


def prove() -> None:
    one_draw(z3)
    one_draw(cvc5.pythonic)
    edges_are_as_stated()
    no_test_beats_the_bound()
    whole_numbers_come_back()
    accuracies_near_the_ends()
    intervals_miss_rarely()
    intervals_are_the_exact_roots()
    the_interval_is_mapped()
    draws_are_counted_exactly()  # the slowest, last, for most mutants die before


def mutants() -> dict[str, object]:
    leaked, bound, overlap, log = (
        f"privlib.audit.distribution.leakage.{name}" for name in ("n_leaked", "accuracy_bound", "_overlap", "_log")
    )
    interval, lower, upper = (f"privlib.audit.binomial.{name}" for name in ("interval", "lower_limit", "upper_limit"))
    mapped, counted = (
        f"privlib.audit.distribution.result.DistributionInference.{name}" for name in ("_limits", "raw_draws_interval")
    )
    draws, wrong = (f"privlib.audit.distribution.leakage.{name}" for name in ("raw_draws", "_least_wrong"))
    ratios = "max(low / high, (1 - high) / (1 - low))"
    return {
        "the larger bound of the two": rewritten(overlap, ratios, "min(low / high, (1 - high) / (1 - low))"),
        "only the share with the attribute": rewritten(overlap, ratios, "low / high"),
        "only the share without it": rewritten(overlap, ratios, "(1 - high) / (1 - low)"),
        "the product of the ratios": rewritten(overlap, ratios, "low / high * ((1 - high) / (1 - low))"),
        "one minus the difference, which is no bound": rewritten(overlap, ratios, "1 - (high - low) ** 2"),
        "shares in the order given": rewritten(
            overlap, 'sorted((exact(alpha0, name="alpha0"), exact(alpha1, name="alpha1")))', "(exact(alpha0), exact(alpha1))"
        ),
        "equal shares are counted": rewritten(overlap, "high - low < _NEAREST", "high - low < -1"),
        "shares 0 and 1 are counted": rewritten(overlap, "high - low == 1", "high - low == 2"),
        "the entropy's argument loses a factor": rewritten(leaked, "4 * right", "2 * right"),
        "squared accuracy": rewritten(leaked, "right * (1 - right)", "right * right"),
        "an accuracy below 1/2 counts as its mirror image": rewritten(leaked, "2 * right <= 1", "2 * right == 1"),
        "an accuracy of 1 counts as nothing": rewritten(leaked, "math.inf", "0.0"),
        "an accuracy above 1 is read": rewritten(leaked, "0 <= right <= 1", "0 <= right"),
        "the bound is not halved": rewritten(bound, "/ 2) *", "/ 1) *"),
        "the bound without its root": rewritten(bound, "math.sqrt(-math.expm1(", "(-math.expm1("),
        "one draw too few": rewritten(bound, "math.expm1(draws *", "math.expm1((draws - 1) *"),
        "the bound is rounded down": rewritten(bound, "(1 + _MARGIN)", "(1 - 1e-9)"),
        "the logarithm loses its precision near 1": rewritten(log, "math.log1p(-float(1 - share))", "math.log(float(share))"),
        "the error probability twice": rewritten(
            interval, "(1 - checked_confidence(confidence)) / 2", "(1 - checked_confidence(confidence))"
        ),
        "half of the error probability is thrown away": rewritten(interval, "(confidence)) / 2", "(confidence)) / 4"),
        "mid-p below": rewritten(lower, "successes, trials - successes + 1,", "successes + 0.5, trials - successes + 0.5,"),
        "mid-p above": rewritten(upper, "successes + 1, trials - successes,", "successes + 0.5, trials - successes + 0.5,"),
        "the lower limit is rounded inwards": rewritten(lower, "limits[enough.argmax()]", "limits[0] * (1 + 1e-9)"),
        "the root is not moved": rewritten(upper, "limits[enough.argmax()]", "limits[0]"),
        "the limits of right guesses, one minus each": rewritten(mapped, "self.tested - self.right", "self.right"),
        "the point instead of the limit": rewritten(mapped, "1 - Fraction(high)", "Fraction(self.right, self.tested)"),
        "the draws of the upper limit twice": rewritten(counted, "raw_draws(low,", "raw_draws(high,"),
        "one draw too many": rewritten(draws, "float(most)", "float(most + 1)"),
        "one draw too few for the best test": rewritten(draws, "float(most)", "float(least)"),
        "the threshold at the mean of the shares": rewritten(wrong, "rises / (rises + falls)", "(low + high) / 2 - 0.2"),
        "wrong guesses about one population only": rewritten(wrong, " + betainc(most + 1, draws - most, low)", ""),
    }


@given(st.fractions(0, 1, max_denominator=50), st.fractions(0, 1, max_denominator=50), st.integers(1, 60))
def test_no_test_on_raw_draws_beats_the_bound(first: Fraction, second: Fraction, n: int) -> None:
    low, high = sorted((first, second))
    if low == high or high - low == 1:
        with pytest.raises(InvalidInput):
            leakage.accuracy_bound(n, low, high)
        return
    accuracy = best_accuracy(n, low, high)
    assert accuracy <= Fraction(leakage.accuracy_bound(n, low, high))
    assert leakage.n_leaked(accuracy, low, high) <= n * (1 + 1e-9)

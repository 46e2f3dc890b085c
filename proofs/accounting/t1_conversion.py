"""What `convert` states holds for every mechanism that has the bound: sharp conversions to (epsilon, delta), rounded up.

Statement
    Let a mechanism satisfy a bound for a relation of neighbours. For 0 < delta < 1 it is (epsilon, delta) private with the
    epsilon of ``convert(bound, delta=delta)``, and for epsilon >= 0 with the delta of ``delta_at(bound, epsilon=epsilon)``. A
    mechanism with the bound of ``calibrate`` is private as the target asks.

Proof
    Let Z be the loss log(P/Q) under P. Then ``delta(epsilon) = E max(0, 1 - exp(epsilon - Z))``.
    *zcdp.* For beta > 0, alpha = 1 + beta and u > 0, weighted means give ``u**beta (1 - u) <= beta**beta / alpha**alpha``,
    hence with u = exp(epsilon - Z), ``max(0, 1 - u) <= u**-beta beta**beta / alpha**alpha``; in the mean ``delta <= exp(beta
    (alpha rho - epsilon)) beta**beta / alpha**alpha``, since E exp(beta Z) <= exp(beta alpha rho). In logarithms: ``log delta
    <= beta ((1 + beta) rho - epsilon - log(1 + 1/beta)) - log(1 + beta)``. It holds for EVERY beta, so it does not matter how
    beta was found. The code solves it for epsilon, for rho or for delta, with enclosures of the logarithms at the end that
    makes the answer larger (for rho: smaller).
    *pure and approx.* A mechanism with odds E is a post-processing of randomised response with these odds (Kairouz, Oh and
    Viswanath), which has ``delta = max(0, E - exp(epsilon)) / (1 + E)``; one with (epsilon0, delta0) of randomised response
    that reveals all with probability delta0, which has ``delta0 + (1 - delta0)`` times that.
    *gdp.* Post-processing of N(0, 1) against N(mu, 1), whose loss is normal with mean mu**2 / 2 and variance mu**2.
    *Rounding.* delta falls in epsilon, so an epsilon rounded up still has the delta.

Checked against the shipped code
    (1) The inequality in u in fractions, for integer beta. (2) `log_ratio` and `normal_mills` against ball arithmetic (flint)
    in two precisions. (3) zcdp: what is returned is not below the formula's least value, found again by ball arithmetic, nor
    far above. (4) The claim itself, on mechanisms whose delta is known exactly: Gaussians with ``rho = mu**2 / 2``, and
    randomised response and three-valued laws with a rho that ball arithmetic certifies, whose delta is a sum over outcomes.
    (5) pure, approx and gdp against their formulas in ball arithmetic.

Covers not
    Which bound a mechanism has.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.accounting import calibrate, convert, delta_at
from privlib.accounting import gdp as gaussian
from privlib.accounting.logarithm import log_ratio
from privlib.bounds import Bound
from privlib.noise.laws.mills import normal_mills
from privlib.prove import rewritten

covers = [
    "privlib.accounting.conversion.convert",
    "privlib.accounting.conversion.delta_at",
    "privlib.accounting.calibration.calibrate",
    "privlib.accounting.zcdp.epsilon_of_rho",
    "privlib.accounting.zcdp.delta_of_rho",
    "privlib.accounting.zcdp.rho_of_epsilon",
    "privlib.accounting.zcdp.small_exponential",
    "privlib.accounting.zcdp._logarithms",
    "privlib.accounting.zcdp._dyadic",
    "privlib.accounting.odds.epsilon_of_odds",
    "privlib.accounting.odds.delta_of_odds",
    "privlib.accounting.odds._exp_low",
    "privlib.accounting.gdp.epsilon_of_mu2",
    "privlib.accounting.gdp.delta_of_mu2",
    "privlib.accounting.gdp.mu2_of_epsilon",
    "privlib.accounting.gdp._delta",
    "privlib.noise.laws.mills.normal_mills",
    "privlib.noise.laws.mills.density",
    "privlib.noise.laws.mills.root_two_pi",
    "privlib.accounting.logarithm.log_ratio",
    "privlib.accounting.logarithm._constant",
    "privlib.accounting.logarithm._twice_atanh",
    "privlib.accounting.search.bracket",
    "privlib.accounting.rounding.up",
    "privlib.accounting.rounding.down",
    "privlib.accounting.rounding._unit",
    "privlib.certified.normal_tail",
    "privlib.certified.exp_negative",
]

RHOS = [Fraction(1, 10**9), Fraction(1, 50), Fraction(1, 2), Fraction(7, 3), Fraction(40)]
DELTAS = [Fraction(1, 10**30), Fraction(1, 10**6), Fraction(1, 20), Fraction(1, 2)]
EPSILONS = [Fraction(0), Fraction(1, 10), Fraction(1), Fraction(9, 2), Fraction(20)]
LOOSE = Fraction(1, 10**13)
"""What rounding up to 15 digits, and stopping the search, may add."""


def ball(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def zcdp(rho: Fraction) -> Bound:
    return Bound.zcdp(rho, neighbours="replace")


def gdp(mu2: Fraction) -> Bound:
    return Bound.gdp(mu2, neighbours="replace")


def inequality_in_u_holds() -> None:
    for beta in range(1, 7):
        best = Fraction(beta**beta, (beta + 1) ** (beta + 1))
        for i in range(1, 60):
            u = Fraction(i, 40)
            assert u**beta * (1 - u) <= best, "the inequality of the conversion fails"
        top = Fraction(beta, beta + 1)
        assert top**beta * (1 - top) == best, "the inequality is not sharp"


def logarithms_are_enclosed() -> None:
    sizes = [1, 2, 3, 31, 33, 10**6 + 3, 2**64 - 1, 2**64, 3 * 10**200, 7**400]
    for bits, (p, q) in itertools.product((64, 130, 700), itertools.product(sizes, repeat=2)):
        ctx.prec = 2 * bits + 3000
        low, high = log_ratio(p, q, bits)
        scaled = (arb(p) / arb(q)).log() * arb(2) ** bits
        assert bool(low <= scaled <= high), "a logarithm lies outside its enclosure"
        assert high - low < 8 * bits + 4 * (abs(p.bit_length() - q.bit_length()) + 1) * bits, "an enclosure is useless"


def tail(x: arb) -> arb:
    return (x / arb(2).sqrt()).erfc() / 2


def ratios_are_enclosed() -> None:
    for x2, bits in itertools.product(
        [Fraction(1, 10**8), Fraction(1, 3), Fraction(5), Fraction(333), Fraction(9000)], (60, 170)
    ):
        ctx.prec = 4 * bits + 20_000
        x = ball(x2).sqrt()
        ratio = tail(x) * (2 * arb.pi()).sqrt() * (ball(x2) / 2).exp()
        low, high = normal_mills(x2, bits)
        assert bool(ball(low) <= ratio <= ball(high)), "Mills' ratio lies outside its enclosure"
        assert (high - low) * 2 ** (bits - 12) <= low, "Mills' ratio is enclosed loosely"


def formula(beta: arb, rho: arb) -> tuple[arb, arb]:
    """``log(delta) = first - second * epsilon`` at one beta."""
    return beta * ((1 + beta) * rho - (1 + 1 / beta).log()) - (1 + beta).log(), beta


def least_epsilon(rho: Fraction, delta: Fraction) -> arb:
    """The formula's least epsilon: ``rho beta**2 + log(1 + beta) = log(1/delta)`` by bisection; any beta near gives the same."""
    goal = -ball(delta).log()
    low, high = arb(2) ** -200, arb(2) ** 200
    for _ in range(500):
        middle = (low * high).sqrt().mid()
        low, high = (middle, high) if bool(ball(rho) * middle**2 + (1 + middle).log() < goal) else (low, middle)
    first, second = formula(low, ball(rho))
    return (first + goal) / second


def zcdp_epsilons_are_the_least() -> None:
    ctx.prec = 600
    for rho, delta in itertools.product(RHOS, DELTAS):
        least = least_epsilon(rho, delta)
        epsilon = convert(zcdp(rho), delta=delta).epsilon
        assert bool(ball(epsilon) >= least) or bool(least <= 0), "an epsilon lies below what the theorem gives"
        assert epsilon == 0 or bool(ball(epsilon) <= least * ball(1 + LOOSE)), "an epsilon is larger than it need be"
        if epsilon:
            back = delta_at(zcdp(rho), epsilon=epsilon)
            assert delta * (1 - 50 * LOOSE * (1 + epsilon)) <= back <= delta * (1 + LOOSE), "delta and epsilon disagree"
            there = calibrate(epsilon=epsilon, delta=delta, neighbours="replace").rho
            assert rho * (1 - LOOSE) <= there <= rho * (1 + 100 * LOOSE), "rho and epsilon disagree"
            assert bool(least_epsilon(there, delta) <= ball(epsilon)), "a calibrated rho does not meet its target"


def gaussian_delta(mu2: Fraction, epsilon: Fraction) -> arb:
    mu, e = ball(mu2).sqrt(), ball(epsilon)
    return tail(e / mu - mu / 2) - e.exp() * tail(e / mu + mu / 2)


def gdp_is_exact_and_within_zcdp() -> None:
    ctx.prec = 3000
    for mu2, epsilon in itertools.product([Fraction(1, 10**6), Fraction(1, 25), Fraction(1), Fraction(30)], EPSILONS):
        exact = gaussian_delta(mu2, epsilon)
        stated = delta_at(gdp(mu2), epsilon=epsilon)
        tiny = bool(exact < ball(Fraction(1, 10**389)))
        assert bool(exact <= ball(stated)), "a delta of a Gaussian is stated too small"
        assert tiny or bool(ball(stated) <= exact * ball(1 + LOOSE)), "a delta of a Gaussian is stated too large"
        assert bool(exact <= ball(delta_at(zcdp(mu2 / 2), epsilon=epsilon))), "the zcdp conversion fails for a Gaussian"
    for mu2, delta in itertools.product([Fraction(1, 10**6), Fraction(1), Fraction(30)], DELTAS):
        epsilon = convert(gdp(mu2), delta=delta).epsilon
        assert bool(gaussian_delta(mu2, epsilon) <= ball(delta)), "an epsilon of a Gaussian is stated too small"
        if epsilon:
            less = epsilon * (1 - 10 * LOOSE)
            assert bool(gaussian_delta(mu2, less) > ball(delta)), "an epsilon of a Gaussian is larger than it need be"
            there = calibrate(epsilon=epsilon, delta=delta, kind="gdp", neighbours="replace").mu2
            assert bool(gaussian_delta(there, epsilon) <= ball(delta)), "a calibrated mu2 does not meet its target"
            assert there >= mu2 * (1 - 10 * LOOSE), "a calibrated mu2 is smaller than it need be"


def hockey_stick(p: list[Fraction], q: list[Fraction], epsilon: Fraction) -> arb:
    positive = [ball(a) - ball(epsilon).exp() * ball(b) for a, b in zip(p, q, strict=True)]
    return sum((max(part, arb(0)) for part in positive), arb(0))


def concentrated(p: list[Fraction], q: list[Fraction]) -> Fraction:
    """A rational above ``D_alpha / alpha`` for all alpha > 1, both ways round.

    ``D_alpha`` grows with alpha, up to the largest loss. So on a short interval it is at most its value at the upper end, over
    the lower end, and from alpha = 400 on at most the largest loss over 400.
    """
    worst = arb(0)
    for one, other in ((p, q), (q, p)):
        worst = max(worst, max((ball(a) / ball(b)).log() for a, b in zip(one, other, strict=True)) / 400)
        low = arb(1)
        while bool(low < 400):
            high = low * ball(Fraction(21, 20))
            moment = sum((ball(a) ** high * ball(b) ** (1 - high) for a, b in zip(one, other, strict=True)), arb(0))
            worst = max(worst, moment.log() / (high - 1) / low)
            low = high
    return Fraction(int((worst * 10**9).upper().ceil().unique_fmpz()), 10**9)


def zcdp_holds_for_small_mechanisms() -> None:
    ctx.prec = 300
    third = Fraction(1, 3)
    laws = [
        ([Fraction(odds, odds + 1), Fraction(1, odds + 1)], [Fraction(1, odds + 1), Fraction(odds, odds + 1)])
        for odds in (2, 5, 40)
    ]
    laws += [([Fraction(1, 10), Fraction(3, 10), Fraction(6, 10)], [third, third, third])]
    for p, q in laws:
        rho = concentrated(p, q)
        for epsilon in [Fraction(i, 4) for i in range(16)]:
            stated = delta_at(zcdp(rho), epsilon=epsilon)
            assert bool(hockey_stick(p, q, epsilon) <= ball(stated)), "the zcdp conversion fails for a small mechanism"
            assert bool(hockey_stick(q, p, epsilon) <= ball(stated)), "the zcdp conversion fails for a small mechanism"


def pure_and_approx_are_exact() -> None:
    ctx.prec = 400
    parts = [
        (Fraction(0), Fraction(3)),
        (Fraction(1), Fraction(1)),
        (Fraction(1, 3), Fraction(9, 2)),
        (Fraction(30), Fraction(1)),
    ]
    for (epsilon, odds), wanted in itertools.product(parts, EPSILONS):
        bound = Bound.pure(epsilon, odds=odds, neighbours="replace")
        total = ball(odds) * ball(epsilon).exp()
        exact = max((total - ball(wanted).exp()) / (1 + total), arb(0))
        stated = delta_at(bound, epsilon=wanted)
        assert bool(exact <= ball(stated) + ball(Fraction(1, 10**60))), "the delta of a pure bound is stated too small"
        assert bool(ball(stated) <= exact * ball(1 + LOOSE) + ball(Fraction(1, 10**30))), "its delta is stated too large"
    for (epsilon, odds), delta in itertools.product(parts, DELTAS):
        bound = Bound.pure(epsilon, odds=odds, neighbours="replace")
        total = ball(odds) * ball(epsilon).exp()
        kept = total - ball(delta) * (1 + total)
        stated = convert(bound, delta=delta).epsilon
        least = kept.log() if bool(kept > 1) else arb(0)
        assert bool(least <= ball(stated) + ball(Fraction(1, 10**60))), "the epsilon of a pure bound is stated too small"
        assert bool(ball(stated) <= least * ball(1 + LOOSE) + ball(Fraction(1, 10**30))), "its epsilon is stated too large"
    loose = Bound.approx(1, "1/1000", neighbours="replace")
    for delta in (Fraction(1, 1000), Fraction(1, 100), Fraction(1, 5)):
        spare = (ball(delta) - ball(loose.delta)) / (1 - ball(loose.delta))
        least = (arb(1).exp() * (1 - spare) - spare).log()
        stated = convert(loose, delta=delta).epsilon
        assert bool(ball(stated) + ball(Fraction(1, 10**60)) >= least), "the epsilon of an approx bound is stated too small"
        assert bool(ball(stated) <= least * ball(1 + LOOSE)), "the epsilon of an approx bound is stated too large"
        at = delta_at(loose, epsilon=stated)
        assert delta * (1 - 100 * LOOSE) <= at <= delta * (1 + LOOSE), "delta and epsilon of an approx bound disagree"


def prove() -> None:
    gaussian._delta.cache_clear()  # a mutant must not find what the unchanged code has left there
    inequality_in_u_holds()
    logarithms_are_enclosed()
    ratios_are_enclosed()
    zcdp_epsilons_are_the_least()
    gdp_is_exact_and_within_zcdp()
    zcdp_holds_for_small_mechanisms()
    pure_and_approx_are_exact()


def mutants() -> dict[str, object]:
    zcdp_, odds, gdp_ = "privlib.accounting.zcdp", "privlib.accounting.odds", "privlib.accounting.gdp"
    return {
        "beta for alpha beside rho": rewritten(f"{zcdp_}.epsilon_of_rho", "(beta + (1 << shift)) * beta <<", "beta * beta <<"),
        "the gain is taken twice": rewritten(f"{zcdp_}.epsilon_of_rho", "- second[0] * beta", "- 2 * second[0] * beta"),
        "log(delta) without alpha": rewritten(f"{zcdp_}._logarithms", "delta.numerator * alpha", "delta.numerator << shift"),
        "epsilon is rounded down": rewritten(f"{zcdp_}.epsilon_of_rho", "return up(", "return down("),
        "rho is rounded up": rewritten(f"{zcdp_}.rho_of_epsilon", "return down(", "return up("),
        "delta forgets log(1 + beta)": rewritten(
            f"{zcdp_}.delta_of_rho", "exponent += Fraction(whole[0]", "exponent += 2 * Fraction(whole[0]"
        ),
        "delta pays beta rho": rewritten(f"{zcdp_}.delta_of_rho", "(1 + Fraction(beta, one)) * rho", "Fraction(beta, one) * rho"),
        "odds are forgotten": rewritten(
            f"{odds}.epsilon_of_odds", "odds.numerator * kept.numerator", "odds.denominator * kept.numerator"
        ),
        "delta buys twice": rewritten(f"{odds}.epsilon_of_odds", "1 - delta * (1 +", "1 - delta * (2 +"),
        "randomised response with a third answer": rewritten(f"{odds}.delta_of_odds", "/ (1 + _exp_low", "/ (2 + _exp_low"),
        "an approx bound is taken for pure": rewritten(
            "privlib.accounting.conversion.convert", "(delta - bound.delta) / (1 - bound.delta)", "delta"
        ),
        "the far tail is taken for the near one": rewritten(
            f"{gdp_}._delta", "far_low = normal_mills(outer, bits)[0]", "far_low = normal_mills(inner, bits)[0]"
        ),
        "half the mean": rewritten(f"{gdp_}._delta", "(epsilon - mu2 / 2) ** 2 / mu2", "(epsilon - mu2 / 4) ** 2 / mu2"),
        "a gdp bound converts like half of it": rewritten(
            "privlib.accounting.conversion.convert", "epsilon_of_mu2(bound.mu2, delta)", "epsilon_of_mu2(bound.mu2 / 2, delta)"
        ),
        "the search takes twice the delta for safe": rewritten(
            "privlib.accounting.search.bracket", "if found <= target:", "if found <= 2 * target:"
        ),
        "logarithms drop a power of two": rewritten(
            "privlib.accounting.logarithm.log_ratio", "k * two +", "(k - (k > 9)) * two +"
        ),
        "logarithms have no error": rewritten(
            "privlib.accounting.logarithm.log_ratio", "value - error, value + error", "value, value"
        ),
    }


@settings(max_examples=60)
@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 60))
def test_any_rho_and_delta_are_converted_to_the_least(numerator: int, denominator: int, power: int) -> None:
    ctx.prec = 600
    rho, delta = Fraction(numerator, denominator), Fraction(1, 3**power)
    least, epsilon = least_epsilon(rho, delta), convert(zcdp(rho), delta=delta).epsilon
    assert bool(least <= 0) or bool(least <= ball(epsilon))
    assert epsilon == 0 or bool(ball(epsilon) <= least * ball(1 + LOOSE))


@settings(max_examples=40)
@given(st.lists(st.integers(1, 50), min_size=3, max_size=3), st.lists(st.integers(1, 50), min_size=3, max_size=3))
def test_the_zcdp_conversion_holds_for_any_three_valued_mechanism(a: list[int], b: list[int]) -> None:
    ctx.prec = 200
    p, q = [Fraction(x, sum(a)) for x in a], [Fraction(x, sum(b)) for x in b]
    rho = concentrated(p, q)
    for epsilon in (Fraction(0), Fraction(1, 2), Fraction(2)):
        assert bool(hockey_stick(p, q, epsilon) <= ball(delta_at(zcdp(rho), epsilon=epsilon) + Fraction(1, 10**50)))

"""Spending chosen as one goes: a filter keeps its limit, and every reading of an odometer holds.

Statement
    Let every release, given all that was released before it, satisfy the bound that is spent for it; the bounds may be chosen
    from the releases before. (1) All releases that a ``Filter`` lets through satisfy its limit together, as one mechanism.
    (2) Let an ``Odometer`` have delta. With probability at least 1 - delta the loss of all releases so far is at no time
    above the epsilon of the odometer's reading at that time; so wherever one stops, the reading is an (epsilon, delta) for
    what was released.

Proof
    Let L_n be the loss of the first n releases, log(P/Q), and rho_t the (predictable) bounds.
    *zcdp filter.* For alpha > 1, ``M_n = exp((alpha - 1) (L_n - alpha sum of rho_t))`` is a supermartingale under P: given
    the past, the n-th factor has mean at most 1, as the n-th release is rho_n-zCDP. The filter lets the sum of rho_t never
    pass B, so ``E exp((alpha - 1) L_n) <= exp((alpha - 1) alpha B)``, which is B-zCDP for the whole; P and Q may change
    places. A refusal is decided by what was released before and reveals no more. A pure epsilon is rho = epsilon**2 / 2 (Bun
    and Steinke), mu-GDP is rho = mu**2 / 2.
    *Pure filter.* Losses add, their bounds too.
    *GDP filter.* Given the past, a mu_t-GDP release is a post-processing of N(0, 1) against N(mu_t, 1) (Blackwell). Let a
    last release of ``B - sum of mu_t**2`` fill the limit. Then the loss is ``B/2 + sum of mu_t x_t``, x_t standard normal
    given the past, and ``exp(i u sum of mu_t x_t + u**2 sum of mu_t**2 / 2)`` has mean 1; as the sum of mu_t**2 is surely B,
    the sum of mu_t x_t has the characteristic function of N(0, B): the whole is exactly sqrt(B)-GDP.
    *Odometer.* Level j, from 1 on, covers spending up to ``rho_j = start 2**j`` with ``delta_j <= 6 delta / (pi j)**2``. By
    Ville's inequality P(some M_n >= 1/delta_j) <= delta_j. While spending is within rho_j, ``L_n >= alpha rho_j +
    log(1/delta_j) / (alpha - 1)`` implies that; the best alpha makes this ``rho_j + 2 sqrt(rho_j log(1/delta_j))``, the
    reading at level j. The delta_j add up to at most delta.

Checked against the shipped code
    The adversary is played to the end: on all adaptive trees of a few releases, each a randomised response with rational odds
    or a stop, chosen from the answers before, and let through by the shipped filter, (1) the greatest E exp((alpha - 1) L),
    in fractions, against the limit; (2) the greatest exact delta against `convert` of the limit; (3) the greatest probability
    that the loss ever passes the shipped reading, against delta; (4) readings and the sum of the delta_j against ball
    arithmetic (flint).

Covers not
    Which bound a release has; a ledger, which is composition.t2.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.accounting import Filter, Odometer, convert
from privlib.accounting import filters as shipped
from privlib.bounds import Bound
from privlib.certified import exp_at_most, exp_negative
from privlib.errors import BudgetExceeded, Mismatch
from privlib.prove import rewritten

covers = [
    "privlib.accounting.filters.Filter.__init__",
    "privlib.accounting.filters.Filter.allows",
    "privlib.accounting.filters.Filter.spend",
    "privlib.accounting.filters.Filter._after",
    "privlib.accounting.filters.Odometer.__init__",
    "privlib.accounting.filters.Odometer.reading",
    "privlib.accounting.filters.Odometer.spend",
    "privlib.accounting.filters.concentrated",
]

ODDS = [Fraction(5, 4), Fraction(2), Fraction(6)]
Likely = tuple[Fraction, Fraction]
Value = Callable[[Fraction, Fraction], Fraction]
Meter = Callable[[], Odometer]
NOTHING_SAID = (Fraction(1), Fraction(1))


def pure(odds: Fraction) -> Bound:
    return Bound.pure(odds=odds, neighbours="replace")


def zcdp(rho: Fraction) -> Bound:
    return Bound.zcdp(rho, neighbours="replace")


def answers(odds: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Randomised response: the probability of each answer under P and under Q."""
    return [(odds / (odds + 1), 1 / (odds + 1)), (1 / (odds + 1), odds / (odds + 1))]


def after(spending: Filter, bound: Bound) -> Filter | None:
    """Another filter that has spent one bound more, or None where the shipped one refuses and says so in both ways."""
    copy = Filter(spending.limit)
    if spending.spent != copy.spent:
        copy.spend(spending.spent)
    allowed, before = copy.allows(bound), copy.spent
    try:
        copy.spend(bound)
    except BudgetExceeded:
        assert not allowed, "a filter refuses what it says it allows"
        assert copy.spent == before, "a refusal is counted"
        return None
    assert allowed, "a filter lets through what it says it does not allow"
    return copy


def worst(spending: Filter, odds: list[Fraction], steps: int, end: Value, likely: Likely = NOTHING_SAID) -> Fraction:
    """The most that an adversary gets who chooses each release, or to stop, from the answers before."""
    best, (p, q) = end(*likely), likely
    for each in odds if steps else []:
        following = after(spending, pure(each))
        if following is not None:
            parts = (worst(following, odds, steps - 1, end, (p * a, q * b)) for a, b in answers(each))
            best = max(best, sum(parts, start=Fraction(0)))
    return best


def moments_keep_to_the_limit(rho: Fraction, odds: list[Fraction], steps: int) -> None:
    for alpha in (2, 3, 6):

        def moment(p: Fraction, q: Fraction, alpha: int = alpha) -> Fraction:
            return p**alpha / q ** (alpha - 1)

        value = worst(Filter(zcdp(rho)), odds, steps, moment)
        assert exp_at_most(-alpha * (alpha - 1) * rho, 1 / value), "an adversary passes the limit of a filter"


def deltas_keep_to_the_limit(limit: Bound, odds: list[Fraction], steps: int) -> None:
    for delta in (Fraction(1, 100), Fraction(1, 5)):
        epsilon = convert(limit, delta=delta).epsilon
        inverse = exp_negative(epsilon, 128)[1]

        def stick(p: Fraction, q: Fraction, inverse: int = inverse) -> Fraction:
            return max(Fraction(0), p - q * Fraction(1 << 128, inverse))

        value = worst(Filter(limit), odds, steps, stick)
        assert value <= delta, "an adversary passes the converted limit of a filter"


def filters_let_through_what_fits() -> None:
    for limit, bound, times in (
        (zcdp(Fraction(1)), zcdp(Fraction(1, 3)), 3),
        (Bound.pure(1, neighbours="replace"), Bound.pure("1/4", neighbours="replace"), 4),
        (Bound.gdp(2, neighbours="replace"), Bound.gdp("1/2", neighbours="replace"), 4),
        (zcdp(Fraction(1)), Bound.gdp("1/2", neighbours="replace"), 4),
        (zcdp(Fraction(1)), Bound.pure("1/2", neighbours="replace"), 8),
    ):
        spending = Filter(limit)
        for _ in range(times):
            spending.spend(bound)
        assert not spending.allows(bound), "a filter lets through more than its limit"
    for limit, bound in (
        (Bound.pure(1, neighbours="replace"), zcdp(Fraction(1, 9))),
        (Bound.gdp(1, neighbours="replace"), pure(ODDS[0])),
    ):
        try:
            Filter(limit).spend(bound)
        except Mismatch:
            continue
        raise AssertionError("a filter counts a bound that implies nothing of its kind")


def passing(meter: Meter, spent: list[Bound], odds: list[Fraction], steps: int, likely: Likely = NOTHING_SAID) -> Fraction:
    """The greatest probability, under P, that the loss is ever above the reading."""
    odometer, (p, q) = meter(), likely
    for bound in spent:
        odometer.spend(bound)
    if p > q and not exp_at_most(-odometer.reading.epsilon, q / p):  # then p > q exp(reading)
        return p
    best = Fraction(0)
    for each in odds if steps else []:
        parts = (passing(meter, [*spent, pure(each)], odds, steps - 1, (p * a, q * b)) for a, b in answers(each))
        best = max(best, sum(parts, start=Fraction(0)))
    return best


def readings_hold() -> None:
    for delta, start, odds in (("3/10", "1/50", [Fraction(3, 2), Fraction(4)]), ("1/10", "1", [Fraction(9)])):

        def meter(delta: str = delta, start: str = start) -> Odometer:
            return Odometer(delta=delta, start=start, neighbours="replace")

        value = passing(meter, [], odds, 5)
        assert value <= Fraction(delta), "an adversary passes an odometer's reading"
    ctx.prec = 200
    delta, start, total = Fraction(1, 100), Fraction(1, 64), arb(0)
    for j in range(1, 12):
        for spent in (start * 2**j, start * 2 ** (j - 1) * Fraction(1001, 1000) if j > 1 else Fraction(0)):
            meter = Odometer(delta=delta, start=start, neighbours="replace")
            meter.spend(zcdp(spent / 3))
            meter.spend(zcdp(spent * 2 / 3))
            rho = arb(fmpq(*(start * 2**j).as_integer_ratio()))
            reading = arb(fmpq(*meter.reading.epsilon.as_integer_ratio()))
            share = (-(((reading - rho) / 2) ** 2) / rho).exp()  # the delta_j with which this reading is Ville's
            least = 6 * arb(fmpq(1, 100)) / (arb.pi() * j) ** 2
            assert bool(share <= least), "a level of an odometer takes more than its share of delta"
            assert bool(share >= least * arb("0.99999")), "a level of an odometer reads too much"
            assert meter.reading.delta == delta
        total += share
    assert bool(total <= arb(fmpq(1, 100))), "the levels of an odometer take more than delta together"


def prove() -> None:
    ctx.prec = 200
    filters_let_through_what_fits()
    for rho in (Fraction(1, 10), Fraction(1, 2), Fraction(2)):
        moments_keep_to_the_limit(rho, ODDS, 4)
        deltas_keep_to_the_limit(zcdp(rho), ODDS, 4)
    deltas_keep_to_the_limit(Bound.pure(1, odds=2, neighbours="replace"), [Fraction(3, 2), Fraction(3)], 4)
    for odds in ODDS:  # the limit is what the same release spends four times, so that the adversary comes close
        moments_keep_to_the_limit(4 * shipped.concentrated(pure(odds)).rho, [odds], 6)
    readings_hold()


def mutants() -> dict[str, object]:
    filters = "privlib.accounting.filters"
    return {
        "a pure bound counts a quarter": rewritten(f"{filters}.concentrated", "rho = epsilon**2 / 2", "rho = epsilon**2 / 8"),
        "odds count as nothing": rewritten(f"{filters}.concentrated", "if bound.odds != 1:", "if False:"),
        "mu2 counts as nothing": rewritten(f"{filters}.concentrated", "bound.rho + bound.mu2 / 2", "bound.rho"),
        "the limit is not asked": rewritten(f"{filters}.Filter.spend", "if not after.within(self._limit):", "if False:"),
        "only the last release counts": rewritten(
            f"{filters}.Filter._after", "self._spent + (concentrated(bound)", "(concentrated(bound)"
        ),
        "a refusal is counted": rewritten(
            f"{filters}.Filter.spend", "after = self._after(bound)", "after = self._spent = self._after(bound)"
        ),
        "a level behind": rewritten(f"{filters}.Odometer.reading", "2 * self._start, 1", "self._start, 1"),
        "all levels take all of delta": rewritten(f"{filters}.Odometer.reading", "/ j**2", "/ 1"),
        "half the deviation": rewritten(f"{filters}.Odometer.reading", "rho + 2 * Fraction(", "rho + Fraction("),
        "the odometer forgets": rewritten(
            f"{filters}.Odometer.spend", "self._spent + concentrated(bound)", "concentrated(bound)"
        ),
    }


@settings(max_examples=30)
@given(
    st.fractions(min_value=Fraction(1, 50), max_value=3, max_denominator=50),
    st.lists(st.fractions(min_value=Fraction(11, 10), max_value=9, max_denominator=10), min_size=1, max_size=3),
)
def test_no_adversary_passes_a_filter(rho: Fraction, odds: list[Fraction]) -> None:
    moments_keep_to_the_limit(rho, odds, 3)
    deltas_keep_to_the_limit(zcdp(rho), odds, 3)

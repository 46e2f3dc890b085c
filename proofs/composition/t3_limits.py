"""A limit of any kind holds for charges of every kind, chosen after all outputs before them, in every order.

Statement
    Let an analyst make releases one after another, each chosen with its bound after seeing all earlier outputs, all bounds for
    one relation of neighbours. If the sums of the bounds fit the limit (``Limit.fits`` of the `Tally`) at the end, then the whole
    sequence of outputs is epsilon-DP, rho-zCDP or (epsilon, delta)-DP, as the limit says. Whether sums fit depends on the sums
    alone, and what fits still fits when charges are left out. Where the bounds were fixed before the first output, the whole
    sequence satisfies ``together`` of the sums as well.

Proof
    Fix an ordered pair of neighbours, P and Q the laws of the outputs, and L = log(P/Q) of all outputs so far. Of each release,
    given the past:

    - a pure bound says abs(step of L) <= eps, with eps = epsilon + log(odds);
    - an (eps, delta) bound says, up to post-processing, that with probability delta the output gives the data away, and that
      otherwise abs(step) <= eps (Kairouz, Oh and Viswanath 2015);
    - rho-zCDP says E exp(lam step) <= exp(lam (1 + lam) rho) under P, for every lam > 0;
    - mu-GDP is mu**2 / 2 zCDP, since the releases are post-processing of one normal variable, and so is eps**2 / 2 zCDP a step
      with abs(step) <= eps (Bun and Steinke 2016, proposition 3.3); of an (eps, delta) step, the part without failure.

    Pure limit: composition.t1. Limit of rho: exp(lam (L - (1 + lam) spent)) is a supermartingale for every lam, as a step's rho
    is known before its output; spent <= rho at the end, so E exp(lam L) <= exp(lam (1 + lam) rho).

    Limit of epsilon and delta: fix lam beforehand. With E the sum of eps of some steps and R the rho of the others,
    M = exp(lam (L - E - (1 + lam) R)) without failures is a supermartingale, 1 at the start, however it is chosen which steps
    count as E. Since (1 - exp(-x)) <= exp(lam x) / ((1 + lam) (1 + 1/lam)**lam),

        E (1 - exp(epsilon - L))_+  <=  share E exp(lam (L - room))  <=  share E M  <=  share,

    where room = epsilon + log(1 + 1/lam) + log(share (1 + lam)) / lam, if E + (1 + lam) R <= room at the end. This is what
    ``one_order`` computes: lam depends on the limit alone.

    With ``approx_delta`` = a, share = delta - a. Failures have probability at most a. Without them a run ends with
    E <= epsilon and no R, where L <= epsilon and the left side is 0, or with min(E, (1 + lam) squares) + (1 + lam) R <= room.
    The latter is below the supermartingale whose steps count by the smaller of eps and (1 + lam) eps**2 / 2. Together at
    most a + share = delta.

    Without ``approx_delta``, share = delta. As long as the sums fit the first rule, no zcdp or gdp was charged, and L <= E but
    for failures. A run that stays there ends with L <= epsilon but for failures, of total probability at most delta. A run
    that leaves it must end with no delta charged, so had no failure; when it leaves, M = exp(lam (L - E)) <= 1, so what
    follows adds at most share M <= delta, whatever was seen before. Here pure charges must count by eps, not by its square, or
    M could exceed 1 at that moment, which the analyst chooses.

    ``together``: for fixed sums there is nothing to choose, so failures add, pure losses add, and the rest converts.

Why not the delta that is left
    Converting the rho spent so far with the delta left so far is no such rule. An analyst whose first zcdp output is telling
    goes on with zcdp, and after any other turns to a charge (0, delta). At epsilon 1 and delta 1e-6 this leaks more than 1.9
    times the delta: a mutant plays that game. The same holds for a conversion at the best order of the moment beside pure
    charges (1.3 times), and for counting these by their squares where all of delta may also go to approximate charges
    (1.2 times).

Checked against the shipped code
    Games: all analysts of up to three charges out of a menu of extreme mechanisms, each choice depending on all outputs, every
    probability a fraction; the worst delta or Rényi moment against the limit. The two-point and three-point mechanisms of
    the menu come within a few percent of what their rho allows; that they keep to it at every order is certified by intervals.
    The room of ``one_order`` by ball arithmetic. ``together`` against the exact law of planned sequences.

Covers not
    Which bound a mechanism has. A sum at a moment chosen from outputs, which is the odometer's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib.bounds import Bound
from privlib.errors import InvalidInput
from privlib.limits import Limit, one_order
from privlib.prove import rewritten
from privlib.tally import Tally, log_from_above, together

covers = [
    "privlib.limits.Limit.fits",
    "privlib.limits.Limit._adds",
    "privlib.limits.Limit._concentrates",
    "privlib.limits._loss_at_most",
    "privlib.limits.one_order",
    "privlib.tally.Tally.of",
    "privlib.tally.Tally.__add__",
    "privlib.tally.Tally.epsilon_from_above",
    "privlib.tally.log_from_above",
    "privlib.tally.together",
    "privlib.tally._unconverted",
]

WHO = "record"
DELTA = Fraction(1, 10**6)
MARGIN = 0.997  # of its rho that an extreme mechanism uses: the grid of orders that certifies it needs the rest
GRID = 1.002


@dataclass(frozen=True)
class Mechanism:
    """What a charge pays for: the laws of its output on two neighbours."""

    bound: Bound
    laws: tuple[tuple[Fraction, Fraction], ...]


def ball(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def below(value: arb) -> Fraction:
    """A fraction under a real number, within 1e-30."""
    return Fraction(int((value * 10**40).floor().unique_fmpz()), 10**40)


# The menu


def truth(odds: Fraction, bound: Bound, failure: Fraction = Fraction(0)) -> Mechanism:
    """Randomised response, which fails with some probability and then gives the data away."""
    told, other = (1 - failure) * odds / (1 + odds), (1 - failure) / (1 + odds)
    outcomes = [(told, other), (other, told), (failure, Fraction(0)), (Fraction(0), failure)]
    return Mechanism(bound, tuple(pair for pair in outcomes if any(pair)))


def telling(rho: Fraction, jumps: Sequence[float], weights: Sequence[float]) -> Mechanism:
    """A rare output for each jump of the privacy loss, as probable as ``rho`` allows."""

    def laws(scale: float) -> list[tuple[float, float]]:
        rare = [(scale * weight, scale * weight * math.exp(-jump)) for jump, weight in zip(jumps, weights, strict=True)]
        return [*rare, (1 - sum(p for p, _ in rare), 1 - sum(q for _, q in rare))]

    low, high = 0.0, 0.9 / sum(weights)
    for _ in range(60):
        middle = (low + high) / 2
        fits = sum(laws(middle)[-1]) > 0 and by_float(laws(middle)) <= MARGIN * float(rho)
        low, high = (middle, high) if fits else (low, middle)
    rare = [(Fraction(p).limit_denominator(10**15), Fraction(q).limit_denominator(10**15)) for p, q in laws(low)[:-1]]
    rest = (1 - sum(p for p, _ in rare), 1 - sum(q for _, q in rare))
    made = Mechanism(Bound.zcdp(rho, neighbours=WHO), (*rare, rest))
    assert keeps_to(made.laws, rho), "a mechanism of the menu does not keep to its rho"
    return made


def by_float(laws: Sequence[tuple[float, float]]) -> float:
    """About the rho of a mechanism."""
    worst = 0.0
    for pairs in (laws, [(q, p) for p, q in laws]):
        for step in range(200):
            lam = math.exp(-3 + step * 0.04)
            moment = sum(p * (p / q) ** lam for p, q in pairs)
            worst = max(worst, math.log(moment) / lam / (1 + lam))
    return worst


def keeps_to(laws: Iterable[tuple[Fraction, Fraction]], rho: Fraction) -> bool:
    """Whether a mechanism is rho-zCDP at every order: between two orders of a grid the divergence only grows."""
    for pairs in ([*laws], [(q, p) for p, q in laws]):
        losses = [(ball(p), (ball(p) / ball(q)).log()) for p, q in pairs]
        most = max(float(loss.upper()) for _, loss in losses)
        order = 1.0
        while order * float(rho) < most:
            last, order = order, order * GRID
            lam = arb(order) - 1
            divergence = sum((p * (lam * loss).exp() for p, loss in losses), arb(0)).log() / lam
            if not divergence <= ball(rho) * arb(last):
                return False
    return True


@cache
def menu() -> dict[str, Mechanism]:
    """Extreme mechanisms for epsilon 1 and delta 1e-6; none of this calls the code that is proved."""
    ctx.prec = 400
    whole = 0.02435597  # the rho that converts to epsilon 1 at this delta, from below
    lam, jump = 20.9845, 1.04656
    half, fifth, rest = (Fraction(whole * part).limit_denominator(10**12) for part in (0.5, 0.2, 0.8))
    small = Fraction(1, 20)
    beside = Fraction(whole).limit_denominator(10**12) - small**2 / 2
    early, far = 45.24, (2 * 45.24 + 1) * float(fifth)  # the order and the jump for which a fifth alone converts best
    near = (2 * lam + 1) * float(fifth)
    weights = [math.exp(x * (x + 1) * float(fifth) - x * at) for x, at in ((early, far), (lam, near))]
    left = Fraction(575, 1000)  # epsilon 1 less what a fifth converts to
    rational = {eps: below(ball(eps).exp()) for eps in (small, left, Fraction(1, 2))}
    zero = Fraction(0)
    return {
        "half of rho": telling(half, [jump / 2], [1]),
        "a fifth, for two plans": telling(fifth, [far, near], weights),
        "four fifths": telling(rest, [(2 * lam + 1) * float(rest)], [1]),
        "all but a small one": telling(beside, [jump - float(small)], [1]),
        "a failure": truth(Fraction(1), Bound.approx(zero, DELTA * 99 / 100, neighbours=WHO), DELTA * 99 / 100),
        "small and pure": truth(rational[small], Bound.pure(small, neighbours=WHO)),
        "large and pure": truth(rational[left], Bound.pure(left, neighbours=WHO)),
        "half of both": truth(rational[Fraction(1, 2)], Bound.approx("1/2", DELTA / 2, neighbours=WHO), DELTA / 2),
        "odds": truth(Fraction(3, 2), Bound.pure(odds=Fraction(3, 2), neighbours=WHO)),
    }


def tallied(bounds: Iterable[Bound]) -> Tally:
    total: Tally | None = None
    for bound in bounds:
        total = Tally.of(bound) if total is None else total + Tally.of(bound)
    assert total is not None
    return total


class Game:
    """The most that an analyst gets who keeps to a limit and chooses each charge after seeing all outputs."""

    def __init__(self, limit: Limit, names: Sequence[str]) -> None:
        self.limit, self.mechanisms = limit, [menu()[name] for name in names]
        self.growth = below(ball(limit.amount).exp())
        self.allowed: dict[Tally, bool] = {}

    def fits(self, total: Tally) -> bool:
        if total not in self.allowed:
            self.allowed[total] = self.limit.fits(total)
        return self.allowed[total]

    def delta(self, turns: int, spent: Tally | None = None, p: Fraction = Fraction(1), q: Fraction = Fraction(1)) -> Fraction:
        """The delta at the limit's epsilon, rounded up by less than 1e-39; p and q are the laws of what was seen."""
        best = max(Fraction(0), p - self.growth * q)
        for mechanism in self.mechanisms if turns and q else []:
            total = Tally.of(mechanism.bound) if spent is None else spent + Tally.of(mechanism.bound)
            if self.fits(total):
                best = max(best, sum((self.delta(turns - 1, total, p * a, q * b) for a, b in mechanism.laws), Fraction(0)))
        return best

    def moment(self, order: int, turns: int, spent: Tally | None = None) -> arb:
        """The largest E exp((order - 1) L)."""
        best = arb(1)
        for mechanism in self.mechanisms if turns else []:
            total = Tally.of(mechanism.bound) if spent is None else spent + Tally.of(mechanism.bound)
            if self.fits(total):
                step = sum((ball(a) * (ball(a) / ball(b)) ** (order - 1) for a, b in mechanism.laws), arb(0))
                found = step * self.moment(order, turns - 1, total)
                best = found if found > best else best
        return best


# What is proved


def the_games_are_lost() -> None:
    concentrated = ["half of rho", "a fifth, for two plans", "four fifths", "all but a small one", "small and pure"]
    failing = ["a failure", "half of both", "large and pure", "small and pure"]
    plain = Limit.read({"epsilon": 1, "delta": DELTA})
    for names in (concentrated, failing, ["half of rho", "a failure", "half of both"], ["four fifths", "odds", "large and pure"]):
        assert Game(plain, names).delta(2) <= DELTA, "an analyst gets more than the limit's delta"
    for names in (
        ["half of rho", "a failure"],
        ["a fifth, for two plans", "four fifths", "large and pure"],
        ["small and pure", "all but a small one", "a failure"],
        ["half of both", "odds", "small and pure"],
    ):
        assert Game(plain, names).delta(3) <= DELTA, "an analyst of three charges gets more than the limit's delta"
    for aside in (0, DELTA / 2, DELTA * 99 / 100):
        divided = Limit.read({"epsilon": 1, "delta": DELTA, "approx_delta": aside})
        for names in (["half of rho", "a failure", "half of both"], ["small and pure", "all but a small one", "half of both"]):
            assert Game(divided, names).delta(3) <= DELTA, "a divided delta is exceeded"
    for rho in (Fraction(1, 10), Fraction(1, 40)):
        game = Game(Limit.read({"rho": rho}), ["half of rho", "four fifths", "small and pure", "odds", "large and pure"])
        for order in (2, 5, 20):
            assert game.moment(order, 4) <= (ball(rho) * order * (order - 1)).exp(), "an analyst gets more than the limit's rho"
    pure = Game(Limit.read("1"), ["odds", "small and pure", "large and pure"])
    assert pure.delta(4) == 0, "an analyst gets more than the limit's epsilon"


def each_reading_is_a_bound() -> None:
    """Randomised response and a normal variable cut in two, at many orders, against the rho that their charges count for."""
    for odds in (Fraction(1001, 1000), Fraction(11, 10), Fraction(3), Fraction(50)):
        bound = Bound.pure(odds=odds, neighbours=WHO)
        rho, loss = ball(Tally.of(bound).squares), ball(odds).log()
        assert ball(log_from_above(odds)) >= loss, "a logarithm is rounded down"
        assert ball(log_from_above(odds)) <= loss + arb(2) ** -120, "a logarithm is rounded far"
        for lam in (arb("0.01"), arb(1), arb("7.5"), arb(100)):
            moment = sum((ball(p) * (lam * (ball(p) / ball(q)).log()).exp() for p, q in truth(odds, bound).laws), arb(0))
            assert moment <= (lam * (1 + lam) * rho).exp(), "a pure charge counts for too little rho"
    both = Tally.of(Bound.pure("1/3", odds=2, neighbours=WHO))
    assert (both.epsilon, both.odds, both.rho, both.delta) == (Fraction(1, 3), 2, 0, 0), "a pure charge is counted wrongly"
    assert ball(both.squares) >= (ball(Fraction(1, 3)) + arb(2).log()) ** 2 / 2, "odds or epsilon are left out of the square"
    for mu in (Fraction(1, 100), Fraction(1), Fraction(4)):
        rho = ball(Tally.of(Bound.gdp(mu**2, neighbours=WHO)).rho)
        above = (1 + (ball(mu) / 2 / arb(2).sqrt()).erf()) / 2  # the chance of either law to fall on its own side of the middle
        for lam in (arb("0.01"), arb(1), arb("7.5")):
            moment = above * (above / (1 - above)) ** lam + (1 - above) * ((1 - above) / above) ** lam
            assert moment <= (lam * (1 + lam) * rho).exp(), "a gdp charge counts for too little rho"
        assert Tally.of(Bound.gdp(mu**2, neighbours=WHO)).rho == mu**2 / 2, "a gdp charge counts for too much rho"
    approx = Tally.of(Bound.approx("1/4", "1/10", neighbours=WHO))
    assert (approx.epsilon, approx.delta, approx.squares) == (Fraction(1, 4), Fraction(1, 10), Fraction(1, 32))
    parts = [
        Bound.pure("1/7", odds=3, neighbours=WHO),
        Bound.zcdp("1/5", neighbours=WHO),
        Bound.approx("1/4", "1/9", neighbours=WHO),
    ]
    sums = {tallied(order) for order in itertools.permutations([*parts, Bound.gdp(2, neighbours=WHO)])}
    assert len(sums) == 1, "the order of charges leaves a trace"
    total = sums.pop()
    assert (total.epsilon, total.odds, total.delta, total.rho) == (Fraction(11, 28), 3, Fraction(1, 9), Fraction(6, 5))
    assert total.squares == Tally.of(parts[0]).squares + Fraction(1, 32), "squares do not add"


def the_room_is_as_large_as_it_may_be() -> None:
    for epsilon, share in itertools.product(
        (Fraction(1, 10), Fraction(1), Fraction(8)), (Fraction(1, 3), DELTA, Fraction(1, 10**12))
    ):
        order, room = one_order(epsilon, share)

        def exact(lam: arb, epsilon: Fraction = epsilon, share: Fraction = share) -> arb:
            return ball(epsilon) + (1 + 1 / lam).log() + (ball(share) * (1 + lam)).log() / lam

        lam = ball(order - 1)
        assert ball(room) <= exact(lam), "the room is larger than the theorem's"
        for other in (lam * arb("0.999"), lam * arb("1.001")):
            assert ball(room / order) >= exact(other) / (1 + other), "another order has room for more rho"


def a_limit_is_filled_to_the_brim() -> None:
    """Each rule lets through what it may: refusing everything would be sound as well."""
    half, failure = menu()["half of rho"].bound, menu()["a failure"].bound
    plain, divided = ({"epsilon": 1, "delta": DELTA}, {"epsilon": 1, "delta": DELTA, "approx_delta": DELTA * 99 / 100})
    assert Limit.read(plain).fits(tallied([half, half])), "zcdp alone does not get the whole delta"
    assert not Limit.read(plain).fits(tallied([half, half, Bound.zcdp("1e-8", neighbours=WHO)])), "zcdp passes the limit"
    assert Limit.read(plain).fits(tallied([Bound.approx(1, DELTA, neighbours=WHO)])), "a limit does not fit itself"
    assert not Limit.read(plain).fits(tallied([Bound.approx(1, DELTA * 2, neighbours=WHO)])), "a limit forgets its delta"
    assert Limit.read(divided).fits(tallied([half, failure])), "a divided delta does not serve both kinds"
    assert Limit.read({**plain, "approx_delta": 0}).fits(tallied([Bound.pure("1/100", neighbours=WHO)] * 400))
    assert Limit.read({"rho": "1/2"}).fits(tallied([Bound.pure(1, neighbours=WHO)])), "a pure charge counts for too much rho"
    assert not Limit.read({"rho": "0.49"}).fits(tallied([Bound.pure(1, neighbours=WHO)])), "a pure charge passes a limit of rho"
    assert Limit.read("1").fits(tallied([Bound.pure("1/2", neighbours=WHO)] * 2))


def planned_charges_keep_to_their_total() -> None:
    for names in itertools.combinations_with_replacement(menu(), 2):
        mechanisms = [menu()[name] for name in names]
        total = tallied(mechanism.bound for mechanism in mechanisms)
        for delta in (DELTA, DELTA * 2, Fraction(1, 100)):
            try:
                stated = together(total, delta)
            except InvalidInput:
                assert total.delta >= delta, "a total is refused although a delta is left"
                continue
            growth, found = below(ball(stated.epsilon).exp()), Fraction(0)
            for outcome in itertools.product(*(mechanism.laws for mechanism in mechanisms)):
                p, q = (math.prod((pair[side] for pair in outcome), start=Fraction(1)) for side in (0, 1))
                found += max(Fraction(0), p - growth * q)
            assert stated.delta == delta, "a total has another delta than was asked for"
            assert found <= delta, "planned charges leak more than their total"
    pure, gdp, rho = Bound.pure("1/2", neighbours=WHO), Bound.gdp("1/4", neighbours=WHO), Bound.zcdp("1/8", neighbours=WHO)
    loose = Bound.approx("1/4", "1/9", neighbours=WHO)
    assert together(tallied([pure, pure]), None) == Bound.pure(1, neighbours=WHO)
    assert together(tallied([gdp, gdp]), None) == Bound.gdp("1/2", neighbours=WHO)
    assert together(tallied([gdp, pure, rho]), None) == Bound.zcdp("3/8", neighbours=WHO)
    assert together(tallied([loose, pure]), None) == Bound.approx("3/4", "1/9", neighbours=WHO)


def prove() -> None:
    ctx.prec = 400
    each_reading_is_a_bound()
    the_room_is_as_large_as_it_may_be()
    a_limit_is_filled_to_the_brim()
    the_games_are_lost()
    planned_charges_keep_to_their_total()


def mutants() -> dict[str, object]:
    concentrates, order = "privlib.limits.Limit._concentrates", "privlib.limits.one_order"
    of, add, total = "privlib.tally.Tally.of", "privlib.tally.Tally.__add__", "privlib.tally.together"
    return {
        "the delta that is left converts": rewritten(
            concentrates,
            "if tally.delta > aside:\n        return False\n    order, room = one_order(self.amount, self.delta - aside)",
            "if tally.delta >= self.delta:\n        return False\n"
            "    order, room = one_order(self.amount, self.delta - tally.delta)",
        ),
        "rho converts at the best order of the moment": rewritten(
            concentrates,
            "if _loss_at_most(tally, room - order * tally.rho):",
            "from privlib.accounting.zcdp import epsilon_of_rho\n"
            "    if _loss_at_most(tally, self.amount - epsilon_of_rho(tally.rho, self.delta - aside)):",
        ),
        "pure charges count by squares, and delta goes where it is wanted": rewritten(
            concentrates, "self.approx_delta is not None and order", "order"
        ),
        "approximate charges cost the conversion nothing": rewritten(concentrates, "self.delta - aside)", "self.delta)"),
        "a delta is not looked at": rewritten(concentrates, "if tally.delta > aside:", "if False:"),
        "rhos cost no more than once": rewritten(concentrates, "room - order * tally.rho", "room - tally.rho"),
        "all of a divided delta goes to approximate charges": rewritten(
            "privlib.limits.Limit._adds", "self.delta if self.approx_delta is None else self.approx_delta", "self.delta"
        ),
        "rhos add nothing": rewritten("privlib.limits.Limit._adds", "tally.rho == 0 and ", ""),
        "deltas are not limited": rewritten("privlib.limits.Limit._adds", "tally.delta <= allowed and ", ""),
        "a limit of rho forgets pure charges": rewritten(
            "privlib.limits.Limit.fits", "tally.rho + tally.squares <=", "tally.rho <="
        ),
        "odds are not looked at": rewritten("privlib.limits._loss_at_most", "1 / tally.odds", "Fraction(1)"),
        "the room is for a greater delta": rewritten(
            order, "log(1 / (delta * (1 + low)), bits)", "log(1 / (2 * delta * (1 + low)), bits)"
        ),
        "the room is rounded up": rewritten(
            order, "* 2**bits // room.denominator", "* 2**bits // room.denominator + 2 ** (bits - 60)"
        ),
        "the order is any": rewritten(order, "for _ in range(_STEPS):", "for _ in range(0):"),
        "a square is divided by eight": rewritten(of, "** 2 / 2", "** 2 / 8"),
        "a square forgets the odds": rewritten(of, "bound.epsilon + log_from_above(bound.odds)", "bound.epsilon"),
        "mu2 is divided by four": rewritten(of, "bound.mu2 / 2", "bound.mu2 / 4"),
        "a failure counts for nothing": rewritten(of, "delta=bound.delta,", ""),
        "rhos take the maximum": rewritten(add, "self.rho + other.rho", "max(self.rho, other.rho)"),
        "squares take the maximum": rewritten(add, "self.squares + other.squares", "max(self.squares, other.squares)"),
        "deltas take the maximum": rewritten(add, "self.delta + other.delta", "max(self.delta, other.delta)"),
        "logarithms are rounded down": rewritten(
            "privlib.tally.log_from_above", "log(odds, _BITS)[1]", "log(odds, _BITS)[0] - 1"
        ),
        "a total uses its delta twice": rewritten(total, "left = delta - tally.delta", "left = delta"),
        "a total forgets the pure charges": rewritten(total, "tally.epsilon_from_above + of_rho", "of_rho"),
        "a total forgets the squares": rewritten(total, "tally.rho + tally.squares", "tally.rho"),
        "a total forgets the failures": rewritten("privlib.tally._unconverted", "delta=tally.delta)", "delta=tally.delta / 2)"),
    }


SUMS = st.builds(
    lambda kind, parts: (kind, parts),
    st.sampled_from(["1", "rho", "plain", "divided"]),
    st.lists(st.tuples(st.sampled_from(["pure", "odds", "zcdp", "gdp", "approx"]), st.integers(1, 40)), min_size=1, max_size=6),
)


@given(SUMS, st.data())
def test_what_fits_still_fits_when_a_charge_is_left_out(sums: tuple[str, list[tuple[str, int]]], data: st.DataObject) -> None:
    kind, parts = sums
    limits: dict[str, object] = {
        "1": 1,
        "rho": {"rho": "1/10"},
        "plain": {"epsilon": 1, "delta": DELTA},
        "divided": {"epsilon": 1, "delta": DELTA, "approx_delta": DELTA / 4},
    }
    limit = Limit.read(limits[kind])  # type: ignore[arg-type]
    size = {
        "pure": lambda n: Bound.pure(Fraction(n, 100), neighbours=WHO),
        "odds": lambda n: Bound.pure(odds=1 + Fraction(n, 100), neighbours=WHO),
        "zcdp": lambda n: Bound.zcdp(Fraction(n, 2000), neighbours=WHO),
        "gdp": lambda n: Bound.gdp(Fraction(n, 1000), neighbours=WHO),
        "approx": lambda n: Bound.approx(Fraction(n, 100), DELTA * n / 200, neighbours=WHO),
    }
    bounds = [size[name](number) for name, number in parts]
    total = tallied(bounds)
    fewer = data.draw(st.permutations(bounds))[: data.draw(st.integers(1, len(bounds)))]
    assert limit.fits(tallied(fewer)) or not limit.fits(total)

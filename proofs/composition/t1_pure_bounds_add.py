"""Pure bounds add: an adaptive sequence of releases costs the sum of its epsilons, the product of its odds.

Statement
    Let every release, given all that was released before it, satisfy a pure bound for one relation of neighbours. Then the whole
    sequence satisfies the sum of the bounds, ``Bound.__add__``, even when each release is chosen from the outputs before it.

Proof
    For outputs (o1, o2, ...) the probability is the product of the conditional ones. Each factor changes by at most
    ``odds exp(epsilon)`` between neighbours, so the product changes by at most the product of these, which is
    ``prod(odds) exp(sum(epsilon))``. Summing over a set of outputs keeps the bound. It is attained by releases that attain
    theirs at one common pair.

Checked against the shipped code
    Randomised response with rational odds, the odds of the second chosen from the answer of the first: the exact law of the
    pair of answers in fractions, worst ratio against the odds that ``Bound.__add__`` states, equality for constant odds. The
    comparison ``Bound.within`` against ball arithmetic around equality. z3 and cvc5 on the two-step inequality.

Covers not
    Which bound a mechanism has: that is the mechanism's own theorem.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import cvc5.pythonic as cvc
import z3
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib.bounds import Bound
from privlib.prove import rewritten

covers = [
    "privlib.bounds.Bound.__add__",
    "privlib.bounds.Bound.within",
    "privlib.certified.exp_at_most",
    "privlib.certified._exp_negative_below",
]

ODDS = [Fraction(1), Fraction(3, 2), Fraction(3), Fraction(7)]


def answer(truth: int, said: int, odds: Fraction) -> Fraction:
    """Randomised response: the probability of an answer."""
    return (odds if truth == said else 1) / (odds + 1)


def worst_ratio(first: Fraction, second: tuple[Fraction, Fraction]) -> Fraction:
    """Two answers about one bit, the second's odds chosen by the first answer."""
    ratio = Fraction(0)
    for a, b in itertools.product((0, 1), repeat=2):
        law = [answer(bit, a, first) * answer(bit, b, second[a]) for bit in (0, 1)]
        ratio = max(ratio, law[0] / law[1], law[1] / law[0])
    return ratio


def composed(*odds: Fraction) -> Fraction:
    total = Bound.pure(neighbours="record")
    for each in odds:
        total = total + Bound.pure(odds=each, neighbours="record")
    return total.odds


def two_steps_by_solver(solver: object) -> bool:
    """p1 <= E q1 and p2 <= F q2 imply p1 p2 <= E F q1 q2, over all non-negative reals."""
    p1, q1, p2, q2, e, f = solver.Reals("p1 q1 p2 q2 e f")  # type: ignore[attr-defined]
    problem = solver.SolverFor("QF_NRA") if solver is cvc else solver.Solver()  # type: ignore[attr-defined]
    problem.add(p1 >= 0, q1 >= 0, p2 >= 0, q2 >= 0, e >= 1, f >= 1, p1 <= e * q1, p2 <= f * q2, p1 * p2 > e * f * q1 * q2)
    return bool(problem.check() == solver.unsat)  # type: ignore[attr-defined]


def prove() -> None:
    for first, low, high in itertools.product(ODDS, repeat=3):
        stated = composed(first, max(low, high))
        assert worst_ratio(first, (low, high)) <= stated, "the composed bound is too small"
        if low == high:
            assert worst_ratio(first, (low, high)) == stated, "the composed bound is not tight"
    parts = [Bound.pure("1/10", neighbours="replace"), Bound.pure("1/3", odds=2, neighbours="replace")]
    both = parts[0] + parts[1]
    assert (both.epsilon, both.odds, both.neighbours) == (Fraction(13, 30), Fraction(2), "replace")
    loose = Bound.approx("1/2", "1/8", neighbours="user") + Bound.approx("1/3", "1/4", neighbours="user")
    assert (loose.epsilon, loose.delta) == (Fraction(5, 6), Fraction(3, 8)), "approximate bounds do not add"
    assert not loose.within(Bound.approx(1, "1/4", neighbours="user")), "a limit forgets the delta"
    assert loose.within(Bound.approx(1, "3/8", neighbours="user")), "a bound does not fit itself"
    mixed = Bound.gdp("1/2", neighbours="user") + Bound.zcdp("1/3", neighbours="user")
    assert mixed == Bound.zcdp(Fraction(7, 12), neighbours="user"), "mu-GDP is not mu**2 / 2 zCDP"
    ctx.prec = 400
    for epsilon, odds in itertools.product([Fraction(0), Fraction(1, 10), Fraction(2)], ODDS):
        for limit in [Fraction(1, 10), Fraction(2), Fraction(693147180559945309417232121458, 10**30), Fraction(3, 1)]:
            loss = arb(fmpq(epsilon.numerator, epsilon.denominator)) + arb(fmpq(odds.numerator, odds.denominator)).log()
            fits = epsilon <= limit if odds == 1 else bool(loss <= arb(fmpq(limit.numerator, limit.denominator)))
            spent = Bound.pure(epsilon, odds=odds, neighbours="replace")
            assert spent.within(Bound.pure(limit, neighbours="replace")) == fits, "a comparison is wrong"
    for solver in (z3, cvc):
        assert two_steps_by_solver(solver), "a solver refutes or does not decide the two-step inequality"


def mutants() -> dict[str, object]:
    add = "privlib.bounds.Bound.__add__"
    return {
        "epsilons take the maximum": rewritten(add, "self.epsilon + other.epsilon", "max(self.epsilon, other.epsilon)"),
        "odds add": rewritten(add, "self.odds * other.odds", "self.odds + other.odds - 1"),
        "odds are forgotten": rewritten(add, "odds=self.odds * other.odds,", ""),
        "the limit forgets the odds": rewritten("privlib.bounds.Bound.within", "limit.odds / self.odds", "limit.odds"),
        "comparison by floats": rewritten(
            "privlib.certified.exp_at_most",
            "if exponent < 0 and bound >= 1:",
            "if float(exponent) <= float(bound - 1):",
        ),
    }


@given(st.lists(st.sampled_from(ODDS), max_size=6), st.permutations(range(6)))
def test_the_order_of_releases_does_not_matter(odds: list[Fraction], order: list[int]) -> None:
    shuffled = [odds[i] for i in order if i < len(odds)]
    assert composed(*odds) == composed(*shuffled)

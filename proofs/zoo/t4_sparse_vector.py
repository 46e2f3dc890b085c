"""Sparse vector is epsilon private for any number of answers below, with noise that grows with the answers above.

Statement
    Let a and w be vectors of m whole numbers, abs(a[i] - w[i]) <= 1 for each i, c >= 1, epsilon > 0. ``sparse_vector`` compares
    each answer, plus discrete Laplace noise of scale 4c / epsilon, with the threshold plus noise of scale 2 / epsilon, and says
    "above" if it is at least as large, "below" if not, until c are above. It is pure epsilon differentially private between a
    and w, for every m. So it is with ``redraw``, where the threshold's noise has scale 2c / epsilon and is drawn afresh after
    each "above". Without ``redraw`` no smaller epsilon holds for all m: for L answers 0 and then c of 0, against L of 1 and
    then c of -1, the ratio at "L below, c above" tends to e^epsilon as L grows.

Proof
    Let o be an outcome that says "above" for the answers in A, "below" for those in B, and nothing for the rest. Given the
    threshold's noise r, the noisy threshold being t = T + r, the answers are independent:
    P(o | a) = sum over r of p(r) prod_B P(N < t - a[i]) prod_A P(N >= t - a[i]). Replace r by r + 1 in the other world: then
    p(r) <= e^(epsilon/2) p(r+1); t - a[i] <= t + 1 - w[i], so each "below" is no less likely there; t + 1 - w[i] <= t - a[i] + 2,
    so each "above" is less likely by at most e^(2 epsilon / 4c). A has at most c members: epsilon/2 + c epsilon/(2c) = epsilon.
    With ``redraw`` a round that ends in an "above" costs epsilon/(2c) + epsilon/(2c), a last one that does not epsilon/(2c), and
    then there were at most c - 1 others. *No less:* in the stated example the three inequalities are equalities for r >= 0 and
    T >= 1 - r, and as L grows the weight of all other r vanishes, for P(N < t)^L falls faster the smaller r is.

Checked against the shipped code
    The shift and the sum of the costs by two solvers, all integers and all c. The shipped function's outcomes for all noise
    from -2 to 2 (-1 to 1 with ``redraw``) on m = 3 against the statement's words, its draws and their scales. From these scales:
    the law of every outcome for m to 8, with exp(-1/scale) powers of a rational, sums over r in exact integers with their tails
    bounded; no ratio exceeds e^epsilon; at L = 40 it exceeds e^(0.99 epsilon), c to 3.

Covers not
    Answers that move by more than 1, or are no whole numbers. The sampler is noise.t4.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import cvc5.pythonic
import numpy as np
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib import noise
from privlib.audit.zoo import reference
from privlib.noise.testing import fixed_key
from privlib.prove import replaced, rewritten

covers = ["privlib.audit.zoo.reference.sparse_vector", "privlib.audit.zoo.reference._budget"]

EPSILON = Fraction(1)
POWER = Fraction(1, 2)
KEY = bytes(range(32))
BELOW, ABOVE, OVER = 0, 1, -1


# --- the costs, for all parameters ---


def the_shift_costs_what_is_said(solver: Any) -> None:
    r, a, w = solver.Ints("r a w")

    def size(number: Any) -> Any:
        return solver.If(number >= 0, number, -number)

    for says, untrue in {
        "the threshold's noise moves by more than one": size(r + 1) > size(r) + 1,
        "a below is less likely": solver.And(size(a - w) <= 1, r - a > r + 1 - w),
        "an above moves by more than two": solver.And(size(a - w) <= 1, r + 1 - w > r - a + 2),
    }.items():
        search = solver.Solver()
        search.add(untrue)
        assert search.check() == solver.unsat, f"{solver.__name__}: {says}"


def the_costs_add_up(solver: Any) -> None:
    """Per unit, the threshold's noise costs u and an answer's v; c aboves, of which k happened; nothing is divided."""
    c, k, u, v, epsilon = solver.Reals("c k u v epsilon")
    answers = [c >= 1, k >= 0, epsilon > 0, 4 * (c * v) == epsilon]
    for says, premises, untrue in (
        ("one threshold and c aboves cost another sum", [2 * u == epsilon], u + 2 * (c * v) != epsilon),
        ("k complete rounds cost more", [2 * (c * u) == epsilon, k == c], 2 * (k * v) + k * u > epsilon),
        (
            "k rounds and one below cost more",
            [2 * (c * u) == epsilon, u == 2 * v, k <= c - 1],
            2 * (k * v) + (k * u + u) > epsilon,
        ),
    ):
        search = solver.Solver()
        search.add(*answers, *premises, untrue)
        assert search.check() == solver.unsat, f"{solver.__name__}: {says}"


# --- the shipped function against the words of the statement ---


def outcome_in_words(answers: Sequence[int], draws: Sequence[int], count: int, threshold: int, *, redraw: bool) -> list[int]:
    """The statement for one outcome; ``draws`` are the threshold's noise, then each answer's, with redraw a new one after it."""
    left = list(draws)
    bar, said = threshold + left.pop(0), list[int]()
    for answer in answers:
        noisy, fresh = answer + left.pop(0), threshold + left.pop(0) if redraw else bar
        if said.count(ABOVE) == count:
            said.append(OVER)
        elif noisy >= bar:
            said.append(ABOVE)
            bar = fresh
        else:
            said.append(BELOW)
    return said


def outcomes(
    answers: Sequence[int], tapes: np.ndarray, count: int, threshold: int, *, redraw: bool
) -> tuple[Any, list[Fraction]]:
    """The shipped outcomes for given draws, a row each, and the scales asked for."""
    asked, columns = list[Fraction](), iter(tapes.T)

    def spy(n: int, *, scale: Fraction) -> np.ndarray:
        assert n == len(tapes), "not one draw an outcome"
        asked.append(Fraction(scale))
        given_ = next(columns, None)
        assert given_ is not None, "more is drawn than the statement says"
        return given_

    with replaced(reference, "discrete_laplace", spy):
        seen = reference.sparse_vector(
            answers, len(tapes), epsilon=EPSILON, count=count, threshold=threshold, redraw=redraw
        ).tolist()
    assert next(columns, None) is None, "less is drawn than the statement says"
    return seen, asked


def the_outcome_is_as_stated() -> None:
    for redraw, count, threshold, answers in itertools.product(
        (False, True), (1, 2, 3), (-1, 0), ((0, 0, 0), (1, -1, 0), (-1, 2, 1))
    ):
        draws, reach = (7, range(-1, 2)) if redraw else (4, range(-2, 3))
        tapes = np.array(list(itertools.product(reach, repeat=draws)))
        seen, _ = outcomes(answers, tapes, count, threshold, redraw=redraw)
        for tape, said in zip(tapes.tolist(), seen, strict=True):
            assert said == outcome_in_words(answers, tape, count, threshold, redraw=redraw), "an outcome is another"


def the_sampler_itself_is_called() -> None:
    answers = (0, 3, -2)
    for redraw in (False, True):
        with fixed_key(KEY):
            seen = reference.sparse_vector(answers, 40, epsilon=1, count=2, redraw=redraw)
        with fixed_key(KEY):
            scales = [4, 8, 4, 8, 4, 8, 4] if redraw else [2, 8, 8, 8]
            tapes = np.stack([noise.discrete_laplace(40, scale=scale) for scale in scales], axis=1)
        expected = [outcome_in_words(answers, tape, 2, 0, redraw=redraw) for tape in tapes.tolist()]
        assert seen.tolist() == expected, "what is added is not the sampler's noise"
    with fixed_key(KEY):
        once = reference.sparse_vector(answers, 40, epsilon=1, count=1)
    with fixed_key(KEY):
        assert np.array_equal(reference.sparse_vector(answers, 40, epsilon=1), once), "without a count more than one lies above"


# --- the exact law, from the scales that the code asks for ---


@dataclass(frozen=True)
class Noise:
    """Discrete Laplace noise with exp(-1/scale) = u/v, all its probabilities as integers over one denominator."""

    u: int
    v: int
    reach: int

    @property
    def whole(self) -> int:
        return (self.u + self.v) * self.v**self.reach

    def mass(self, x: int) -> int:
        return (self.v - self.u) * self.u ** abs(x) * self.v ** (self.reach - abs(x))

    def below(self, x: int) -> int:
        """P(noise < x) times ``whole``, for abs(x) <= reach."""
        if x > 0:
            return self.whole - self.u**x * self.v ** (self.reach + 1 - x)
        return self.u ** (1 - x) * self.v ** (self.reach + x)

    def beyond(self) -> Fraction:
        """P(abs(noise) > reach)."""
        return 2 * Fraction(self.u, self.v) ** (self.reach + 1) / (1 + Fraction(self.u, self.v))


@dataclass(frozen=True)
class Plan:
    """What the shipped function asked for, as whole powers of ``POWER = exp(-1/unit)``."""

    bar: int
    answer: int
    epsilon: int
    count: int
    threshold: int
    redraw: bool

    def noises(self, reach: int) -> tuple[Noise, Noise]:
        bar, answer = POWER**self.bar, POWER**self.answer
        wide = reach + 10  # thresholds and answers are smaller than that
        return Noise(bar.numerator, bar.denominator, reach), Noise(answer.numerator, answer.denominator, wide)


def plan(count: int, threshold: int, *, redraw: bool) -> Plan:
    _, asked = outcomes((0, 0), np.zeros((1, 5 if redraw else 3), dtype=np.int64), count, threshold, redraw=redraw)
    bars, answers = {asked[0], *(asked[2::2] if redraw else ())}, set(asked[1::2] if redraw else asked[1:])
    assert len(bars) == len(answers) == 1, "draws of one kind have several scales"
    rates = 1 / bars.pop(), 1 / answers.pop(), EPSILON
    unit = lcm(*(rate.denominator for rate in rates))
    bar, answer, epsilon = (int(rate * unit) for rate in rates)
    return Plan(bar, answer, epsilon, count, threshold, redraw)


Enclosed = tuple[Fraction, Fraction]


def law(chosen: Plan, answers: Sequence[int], *, reach: int) -> dict[tuple[int, ...], Enclosed]:
    """Every outcome's probability, enclosed: sums over the threshold's noise up to a reach, and what is left of it."""
    bar, noise_ = chosen.noises(reach)
    shifts = range(-reach, reach + 1)
    masses = np.array([bar.mass(r) for r in shifts], dtype=object)
    rest = bar.beyond()
    below = [np.array([noise_.below(chosen.threshold + r - answer) for r in shifts], dtype=object) for answer in answers]
    above = [noise_.whole - each for each in below]

    def summed(weights: np.ndarray, factors: int, before: Enclosed) -> Enclosed:
        low = Fraction(sum(weights.tolist()), bar.whole * noise_.whole**factors)
        return before[0] * low, before[1] * (low + rest)

    def follow(said: tuple[int, ...], weights: np.ndarray, factors: int, before: Enclosed) -> Iterator[tuple[Any, Enclosed]]:
        place = len(said)
        if place == len(answers) or said.count(ABOVE) == chosen.count:
            left = (OVER,) * (len(answers) - place)
            done = chosen.redraw and place > 0 and said[-1] == ABOVE  # that round is summed already
            yield said + left, before if done else summed(weights, factors, before)
            return
        yield from follow((*said, BELOW), weights * below[place], factors + 1, before)
        passed = weights * above[place]
        if chosen.redraw:
            yield from follow((*said, ABOVE), masses, 0, summed(passed, factors + 1, before))
        else:
            yield from follow((*said, ABOVE), passed, factors + 1, before)

    return dict(follow((), masses, 0, (Fraction(1), Fraction(1))))


def loses_at_most(chosen: Plan, first: Sequence[int], second: Sequence[int], *, reach: int = 60) -> None:
    laws = [law(chosen, answers, reach=reach) for answers in (first, second)]
    for each in laws:
        assert sum(low for low, _ in each.values()) <= 1 <= sum(high for _, high in each.values()), "this is no law"
    odds = POWER**-chosen.epsilon
    for said, other in (laws, laws[::-1]):
        for outcome, (_, high) in said.items():
            assert high <= odds * other[outcome][0], "an outcome betrays more than epsilon"


def no_outcome_betrays_more() -> None:
    for redraw, count in itertools.product((False, True), (1, 2, 3)):
        chosen = plan(count, 0, redraw=redraw)
        for first in ((0, 0, 0), (1, 0, -1)):
            for moves in itertools.product((-1, 0, 1), repeat=3):
                loses_at_most(chosen, first, [a + move for a, move in zip(first, moves, strict=True)], reach=40)
        for threshold in (-3, 0, 2):
            long = plan(count, threshold, redraw=redraw)
            belows = 8 - count
            loses_at_most(long, (0,) * 8, (1,) * belows + (-1,) * count)


def the_limit_is_attained() -> None:
    for count in (1, 2, 3):
        chosen, belows = plan(count, 0, redraw=False), 40
        reach = 200
        bar, noise_ = chosen.noises(reach)
        probabilities = []
        for low, high in ((0, 0), (1, -1)):
            terms = (
                bar.mass(r) * noise_.below(r - low) ** belows * (noise_.whole - noise_.below(r - high)) ** count
                for r in range(-reach, reach + 1)
            )
            probabilities.append(Fraction(sum(terms), bar.whole * noise_.whole ** (belows + count)))
        ratio = (probabilities[0] / (probabilities[1] + bar.beyond())) ** 100
        assert ratio > POWER ** (-99 * chosen.epsilon), "the noise is more than epsilon asks for"


def prove() -> None:
    for solver in (z3, cvc5.pythonic):
        the_shift_costs_what_is_said(solver)
        the_costs_add_up(solver)
    the_outcome_is_as_stated()
    no_outcome_betrays_more()
    the_limit_is_attained()
    the_sampler_itself_is_called()


def mutants() -> dict[str, object]:
    name = "privlib.audit.zoo.reference.sparse_vector"
    noisy = "answer + discrete_laplace(n, scale=4 * most / budget) >= bars"
    return {
        "the answers' noise does not grow with their number": rewritten(name, "scale=4 * most / budget", "scale=4 / budget"),
        "the answers' noise is half": rewritten(name, "scale=4 * most / budget", "scale=2 * most / budget"),
        "the answers have no noise": rewritten(name, noisy, "answer + 0 * discrete_laplace(n, scale=4 * most / budget) >= bars"),
        "the threshold's noise is half": rewritten(name, "bar_scale = 2 *", "bar_scale = 1 *"),
        "the threshold's noise is double": rewritten(name, "bar_scale = 2 *", "bar_scale = 4 *"),
        "a fresh threshold has the noise of a single one": rewritten(name, "(most if redraw else 1)", "1"),
        "the threshold is never drawn afresh": rewritten(name, "np.where(above, threshold + ", "np.where(above, bars + 0 * "),
        "one answer too many may be above": rewritten(name, "left > 0", "left >= 0"),
        "nothing ends it": rewritten(name, "left -= above", "left -= 0"),
        "above and below are exchanged": rewritten(name, ">= bars", "< bars"),
        "all outcomes share the threshold's noise": rewritten(
            name, "bars = threshold + discrete_laplace(n, scale=bar_scale)\n    seen",
            "bars = threshold + np.resize(discrete_laplace(n, scale=bar_scale)[:1], n)\n    seen",
        ),
    }  # fmt: skip


@settings(max_examples=40)
@given(
    st.integers(1, 3), st.booleans(), st.integers(-2, 2), st.lists(st.tuples(st.integers(-2, 2), st.integers(-1, 1)), max_size=5)
)
def test_any_answers_lose_at_most_epsilon(count: int, redraw: bool, threshold: int, moved: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in moved], [a + move for a, move in moved]
    loses_at_most(plan(count, threshold, redraw=redraw), first, second)

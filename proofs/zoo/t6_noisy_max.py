"""Report noisy max is epsilon private with noise of scale 2 / epsilon, also where neighbours raise some answers and lower others.

Statement
    Let a and w be vectors of m >= 1 whole numbers, abs(a[i] - w[i]) <= 1 for each i. ``noisy_max`` adds independent discrete
    Laplace noise of scale 2 / epsilon to every answer and releases the place of the largest, of equal ones the first, and
    nothing else. It is pure epsilon differentially private between a and w. For m >= 2 no smaller epsilon holds for all a and w.

Proof
    Fix the winner j and the noise of all others; let c be the least integer noise with which j wins: it is above every noisy
    answer before it and at least as large as every one after it. Between a and w the noisy answers of the others rise by at
    most 1 and a[j] falls by at most 1, so the least integer rises by at most 2. P(N >= c) <= e^(2 epsilon / 2) P(N >= c + 2), as
    each term of the sum is. Averaged over the noise of the others the inequality stays. *No less:* for the answers -g, 0, ..., 0
    and -g-1, 1, ..., 1 it is an equality where c >= 1, which has probability 1 in the limit, as g grows, given that the first
    wins: for m = 2 the g values of c from 1 to g are equally likely then, and for more rivals the larger ones even likelier.

Checked against the shipped code
    The shift by two solvers over all integers. The shipped function's answers to all noise from -2 to 2 on three answers, its
    draws and their scale. From the scale: the law for m = 2 and 3, all neighbours of all answers from 0 to 2, exp(-1/scale)
    rational, sums in exact integers with their tails bounded; no ratio exceeds e^epsilon, and with m = 5, g = 8, or m = 2,
    g = 150, it exceeds e^(0.98 epsilon).

Covers not
    The noisy value of the winner, which is not released. The sampler is noise.t4.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
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

covers = ["privlib.audit.zoo.reference.noisy_max", "privlib.audit.zoo.reference._budget"]

EPSILON = Fraction(1)
POWERS = [Fraction(1, 2), Fraction(2, 3)]
REACH = 60
KEY = bytes(range(32))


def the_least_winning_noise_rises_by_at_most_two(solver: Any) -> None:
    """For one rival, before the winner or after it: noise with which j wins in a wins in w when it is larger by two."""
    mine, yours, rival, changed, noise_, other = solver.Ints("a_j w_j a_i w_i z z_i")
    near = [mine - yours <= 1, changed - rival <= 1]
    for strictly in (True, False):

        def wins(noisy: Any, against: Any, strictly: bool = strictly) -> Any:
            return noisy > against if strictly else noisy >= against

        for more, answer in ((2, solver.unsat), (1, solver.sat)):  # one more would not always do
            search = solver.Solver()
            search.add(*near, wins(mine + noise_, rival + other), solver.Not(wins(yours + noise_ + more, changed + other)))
            assert search.check() == answer, f"{solver.__name__}: {more} more is another number than the winner may need"


def winners(answers: Sequence[int], tapes: np.ndarray) -> tuple[list[int], Fraction]:
    """The shipped winners for given noise, a row each, and the one scale that is asked for."""
    asked, columns = set[Fraction](), iter(tapes.T)

    def spy(n: int, *, scale: Fraction) -> np.ndarray:
        assert n == len(tapes), "not one draw an outcome"
        asked.add(Fraction(scale))
        given_ = next(columns, None)
        assert given_ is not None, "more is drawn than one number for each answer"
        return given_

    with replaced(reference, "discrete_laplace", spy):
        seen = reference.noisy_max(answers, len(tapes), epsilon=EPSILON).tolist()
    assert next(columns, None) is None, "an answer has no noise of its own"
    assert len(asked) == 1, "answers have noise of several scales"
    return seen, asked.pop()


def first_of_the_largest(noisy: Sequence[int]) -> int:
    return next(place for place, each in enumerate(noisy) if each == max(noisy))


def the_winner_is_the_first_of_the_largest() -> None:
    tapes = np.array(list(itertools.product(range(-2, 3), repeat=3)))
    for answers in itertools.product(range(-1, 2), repeat=3):
        seen, _ = winners(answers, tapes)
        expected = [first_of_the_largest([a + z for a, z in zip(answers, tape, strict=True)]) for tape in tapes.tolist()]
        assert seen == expected, "another wins than the first of the largest"


def law(answers: Sequence[int], power: Fraction, *, reach: int = REACH) -> list[tuple[Fraction, Fraction]]:
    """Each answer's probability to win, enclosed, for noise with exp(-1/scale) = power; nothing is rounded."""
    u, v = power.numerator, power.denominator
    wide = 2 * (reach + max(answers) - min(answers)) + 2
    whole = (u + v) * v**wide

    def mass(x: int) -> int:
        return (v - u) * u ** abs(x) * v ** (wide - abs(x))

    def below(x: int) -> int:
        """P(noise < x) times ``whole``."""
        return whole - u**x * v ** (wide + 1 - x) if x > 0 else u ** (1 - x) * v ** (wide + x)

    beyond = 2 * power ** (reach + 1) / (1 + power)
    chances = []
    for winner, answer in enumerate(answers):
        total = 0
        for z in range(-reach, reach + 1):
            term = mass(z)
            for place, rival in enumerate(answers):
                if place != winner:
                    term *= below(answer + z - rival + (place > winner))
            total += term
        low = Fraction(total, whole ** len(answers))
        chances.append((low, low + beyond))
    return chances


def no_winner_betrays_more() -> None:
    _, scale = winners((0, 0), np.zeros((1, 2), dtype=np.int64))
    rate = EPSILON * scale
    assert rate.denominator == 1, "epsilon is no whole number of the noise's steps"
    for power in POWERS:
        odds = power ** -int(rate)
        for m, highest in ((2, 2), (3, 1)):
            laws = {answers: law(answers, power) for answers in itertools.product(range(-1, highest + 2), repeat=m)}
            for each in laws.values():
                assert sum(low for low, _ in each) <= 1 <= sum(high for _, high in each), "this is no law"
            for answers in itertools.product(range(highest + 1), repeat=m):
                for moves in itertools.product((-1, 0, 1), repeat=m):
                    moved = tuple(a + move for a, move in zip(answers, moves, strict=True))
                    for (_, high), (low, _) in zip(laws[answers], laws[moved], strict=True):
                        assert high <= odds * low, "a winner betrays more than epsilon"
        for behind, rivals, reach in ((8, 4, REACH), (150, 1, 400)):
            far = law((-behind, *(0,) * rivals), power, reach=reach)
            farther = law((-behind - 1, *(1,) * rivals), power, reach=reach)
            assert (far[0][0] / farther[0][1]) ** 50 > odds**49, "the noise is more than epsilon asks for"


def the_sampler_itself_is_called() -> None:
    answers = (3, 0, 4)
    with fixed_key(KEY):
        seen = reference.noisy_max(answers, 50, epsilon=EPSILON)
    with fixed_key(KEY):
        noisy = np.stack([answer + noise.discrete_laplace(50, scale=2 / EPSILON) for answer in answers], axis=1)
    assert seen.tolist() == [first_of_the_largest(row) for row in noisy.tolist()], "the noise is not the sampler's"


def prove() -> None:
    the_least_winning_noise_rises_by_at_most_two(z3)
    the_least_winning_noise_rises_by_at_most_two(cvc5.pythonic)
    the_winner_is_the_first_of_the_largest()
    no_winner_betrays_more()
    the_sampler_itself_is_called()


def mutants() -> dict[str, object]:
    name = "privlib.audit.zoo.reference.noisy_max"
    return {
        "the noise is that for monotone answers": rewritten(name, "scale = 2 /", "scale = 1 /"),
        "the noise is double": rewritten(name, "scale = 2 /", "scale = 4 /"),
        "the answers are doubled": rewritten(name, "answer + discrete", "2 * answer + discrete"),
        "the smallest wins": rewritten(name, "np.argmax(noisy, axis=1)", "np.argmin(noisy, axis=1)"),
        "the last of the largest wins": rewritten(
            name, "np.argmax(noisy, axis=1)", "len(answers) - 1 - np.argmax(noisy[:, ::-1], axis=1)"
        ),
        "the largest without noise wins": rewritten(name, "np.argmax(noisy, axis=1)", "np.full(n, np.argmax(answers))"),
        "one draw serves all outputs": rewritten(
            name, "discrete_laplace(n, scale=scale)", "np.resize(discrete_laplace(n, scale=scale)[:1], n)"
        ),
        "the last answer has no noise": rewritten(
            name, "np.argmax(noisy", "np.argmax(np.hstack([noisy[:, :-1], 0 * noisy[:, -1:] + answers[-1]])"
        ),
    }


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-1, 1)), min_size=1, max_size=4), st.sampled_from(POWERS))
def test_any_answers_lose_at_most_epsilon(moved: list[tuple[int, int]], power: Fraction) -> None:
    _, scale = winners((0,), np.zeros((1, 1), dtype=np.int64))
    first, second = law([a for a, _ in moved], power), law([a + move for a, move in moved], power)
    odds = power ** -int(EPSILON * scale)
    assert all(high <= odds * low for (_, high), (low, _) in zip(first, second, strict=True))

"""k-ary randomised response loses exactly the logarithm of its odds, and less with its two probabilities exchanged.

Statement
    Let k >= 2 be the number of values and E >= 1 a rational. Given a value v, ``randomised_response`` and ``mixed_response``
    return v with probability E/(E+k-1) and each other value with 1/(E+k-1); ``swapped_response`` returns v with 1/(E+k-1)
    and each other value with (E+k-2) / ((k-1)(E+k-1)). Outputs are independent. Between any two values the first two are
    pure epsilon differentially private with e^epsilon = E, the third with e^epsilon = (E+k-2)/(k-1) <= E, and none with less.

Proof
    Write D = E+k-1. ``randomised_response`` keeps v with probability E/D, else adds 1, ..., k-1 modulo k, each with 1/(k-1) of
    (k-1)/D. ``mixed_response`` keeps v with (E-1)/D, else draws from all: each value has k/D / k = 1/D more. The swapped one
    keeps v with 1/D, else as the first. Between two values v and w the ratio at v is that of the two probabilities, at w its
    inverse, elsewhere 1.

Checked against the shipped code
    Two solvers, all real k >= 2 and E >= 1, nothing divided. The law of each shipped function in Fractions, from its answers
    to every outcome of every coin and die that it asks for, k to 6, four E, all v. With dyadic probabilities the whole law of
    code and samplers together, from every tape of six bits.

Covers not
    Odds that are irrational: they are read as a rational, and the claim is about that one. The coins and dice themselves are
    noise.t2.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import cvc5.pythonic
import numpy as np
import z3
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit.zoo import reference
from privlib.errors import InvalidInput
from privlib.noise.testing import scripted_words
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.zoo.reference.randomised_response",
    "privlib.audit.zoo.reference.mixed_response",
    "privlib.audit.zoo.reference.swapped_response",
    "privlib.audit.zoo.reference._weight",
    "privlib.audit.zoo.reference._others",
]

Law = dict[int, Fraction]
ODDS = [Fraction(1), Fraction(3, 2), Fraction("2.718"), Fraction(7)]


def laws_of_all_sizes_and_odds(solver: Any) -> None:
    """With k, E and the probabilities as unknown reals: the first two laws are one, sum to 1, and the ratios are as stated.

    Both sides are multiplied by D = E+k-1 > 0 where that spares a solver the search.
    """
    size, odds, whole, p, q, keep, each, low, high = solver.Reals("k E D p q s u t w")
    first = [p * whole == odds, q * whole == 1]
    mixed = [keep * whole == odds - 1, size * each == 1 - keep]
    exchanged = [low * whole == 1, (size - 1) * high == 1 - low]
    wrong = {
        "the law does not sum to 1": (first, p * whole + (size - 1) * (q * whole) != whole),
        "the ratio is not E": (first, p != odds * q),
        "the mixed law has another lie": (first + mixed, each != q),
        "the mixed law has another truth": (first + mixed, keep + each != p),
        "the exchanged ratio is not (E+k-2)/(k-1)": (exchanged, high * (size - 1) != low * (odds + size - 2)),
        "the exchanged ratio is below 1": (exchanged, high < low),
        "the exchanged ratio is above E": (exchanged, odds + size - 2 > odds * (size - 1)),
    }
    domain = [size >= 2, odds >= 1, whole == odds + size - 1]
    for says, (premises, untrue) in wrong.items():
        possible, refuted = solver.Solver(), solver.Solver()
        possible.add(*domain, *premises, size == 3, odds == 2)
        assert possible.check() == solver.sat, f"{solver.__name__}: the premises cannot hold"
        refuted.add(*domain, *premises, untrue)
        assert refuted.check() == solver.unsat, f"{solver.__name__}: {says}"


def law_of(mechanism: Callable[[int], np.ndarray]) -> Law:
    """The law of a shipped function: its answers to every outcome of every coin and die that it asks for."""
    asked, played = list[list[Fraction]](), list[np.ndarray]()

    def answers(n: int) -> np.ndarray:
        return played.pop(0) if played else np.zeros(n, dtype=np.int64)

    def coin(n: int, *, p: Fraction) -> np.ndarray:
        asked.append([1 - p, p])
        return answers(n) == 1

    def die(n: int, *, below: int) -> np.ndarray:
        asked.append([Fraction(1, below)] * below)
        return answers(n)

    with replaced(reference, "bernoulli", coin), replaced(reference, "integers", die):
        mechanism(1)
        weights = asked.copy()
        outcomes = list(itertools.product(*(range(len(each)) for each in weights)))
        asked.clear()
        played.extend(np.array(outcomes).T)
        outputs = mechanism(len(outcomes)).tolist()
    assert asked == weights, "what is drawn depends on what was drawn"
    assert all(0 <= chance <= 1 for chances in weights for chance in chances), "a probability is none"
    law = dict[int, Fraction]()
    for output, places in zip(outputs, outcomes, strict=True):
        weight = Fraction(1)
        for chances, place in zip(weights, places, strict=True):
            weight *= chances[place]
        law[output] = law.get(output, Fraction(0)) + weight
    return {output: weight for output, weight in law.items() if weight}


def stated(value: int, values: int, at_truth: Fraction, elsewhere: Fraction) -> Law:
    return {each: at_truth if each == value else elsewhere for each in range(values)}


def worst_ratio(laws: list[Law]) -> Fraction:
    for law in laws:
        assert law.keys() == laws[0].keys(), "a value is impossible in one world only"
    return max(one[output] / other[output] for one in laws for other in laws for output in one)


def shipped_laws_are_the_stated_ones() -> None:
    for values, odds in itertools.product(range(2, 7), ODDS):
        whole = odds + values - 1
        swapped = (odds + values - 2) / ((values - 1) * whole)
        for mechanism, at_truth, elsewhere, loss in (
            (reference.randomised_response, odds / whole, 1 / whole, odds),
            (reference.mixed_response, odds / whole, 1 / whole, odds),
            (reference.swapped_response, 1 / whole, swapped, (odds + values - 2) / (values - 1)),
        ):
            laws = [law_of(partial(mechanism, v, values=values, odds=odds)) for v in range(values)]
            for value, law in enumerate(laws):
                assert sum(law.values()) == 1
                assert law == stated(value, values, at_truth, elsewhere), f"{mechanism.__name__} has another law"
            assert worst_ratio(laws) == loss, f"{mechanism.__name__} loses more or less than it says"


def every_tape_gives_the_law() -> None:
    """Code and samplers together where all probabilities are dyadic: two words an output, of which three bits each decide."""
    tape = list(itertools.product(range(8), repeat=2))
    words = [word << 61 for place in (0, 1) for word in (bits[place] for bits in tape)]
    for mechanism, values, odds, at_truth in (
        (reference.randomised_response, 5, 4, Fraction(1, 2)),
        (reference.mixed_response, 4, 5, Fraction(5, 8)),
        (reference.swapped_response, 5, 4, Fraction(1, 8)),
    ):
        for value in range(values):
            with scripted_words(words):
                seen = Counter(mechanism(value, len(tape), values=values, odds=odds).tolist())
            law = {output: Fraction(times, len(tape)) for output, times in seen.items()}
            assert law == stated(value, values, at_truth, (1 - at_truth) / (values - 1)), "code and samplers have another law"


def what_is_no_response_is_refused() -> None:
    for mechanism in (reference.randomised_response, reference.mixed_response, reference.swapped_response):
        for value, values, odds in ((0, 1, 2), (0, 3, "0.9"), (3, 3, 2), (-1, 3, 2)):
            try:
                mechanism(value, 1, values=values, odds=odds)
            except InvalidInput:
                continue
            raise AssertionError("a value, size or odds out of range is served")


def prove() -> None:
    laws_of_all_sizes_and_odds(z3)
    laws_of_all_sizes_and_odds(cvc5.pythonic)
    shipped_laws_are_the_stated_ones()
    every_tape_gives_the_law()
    what_is_no_response_is_refused()


def mutants() -> dict[str, object]:
    room = "privlib.audit.zoo.reference"
    response, mixed, swapped = (f"{room}.{name}" for name in ("randomised_response", "mixed_response", "swapped_response"))
    return {
        "the number of values is forgotten": rewritten(response, "weight / (weight + others)", "weight / (weight + 1)"),
        "the truth is drawn among the others too": rewritten(response, "below=others", "below=values"),
        "the others begin with the truth": rewritten(response, "value + 1 + integers", "value + integers"),
        "the remainder is forgotten": rewritten(response, "% values", "% (values + 1)"),
        "truth and lie are exchanged": rewritten(
            response, "np.where(truthful, value, (value", "np.where(~truthful, value, (value"
        ),
        "the mixture is calibrated as if it never drew the truth": rewritten(mixed, "(weight - 1) /", "weight /"),
        "the mixture leaves the last value out": rewritten(mixed, "below=values", "below=others"),
        "the mixture does not draw": rewritten(mixed, "integers(n, below=values)", "np.arange(n) % values"),
        "the exchange is none": rewritten(swapped, "p=1 /", "p=weight /"),
        "the exchanged one keeps the truth to itself": rewritten(swapped, "% values", "% others"),
        "odds below one are served": rewritten(f"{room}._weight", "weight < 1", "weight < 0"),
        "a value of another domain is served": rewritten(f"{room}._others", "0 <= value <= others", "0 <= value"),
    }


@given(st.integers(2, 40), st.fractions(1, 100, max_denominator=1000), st.data())
def test_larger_sizes_and_any_odds_have_the_law_too(values: int, odds: Fraction, data: st.DataObject) -> None:
    value, whole = data.draw(st.integers(0, values - 1)), odds + values - 1
    for mechanism in (reference.randomised_response, reference.mixed_response):
        law = law_of(partial(mechanism, value, values=values, odds=odds))
        assert law == stated(value, values, odds / whole, 1 / whole)

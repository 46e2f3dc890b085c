"""Random sampling with fakes loses, between two records, the whole odds of its randomised response: sampling hides nothing.

Statement
    Attributes i = 1, ..., d have k_i >= 2 values; E >= 1 is a rational. ``sampled_with_fakes`` (RS+FD[GRR]) draws an attribute
    uniformly, reports it by randomised response with odds E, and a uniform value for every other. Write a_i = k_i / (E+k_i-1).
    (1) Between any two records it is pure epsilon differentially private with e^epsilon = E, and with no less between two
    that differ everywhere. (2) Between records that differ exactly in the attributes H it is exactly
    (E a(H) + a(rest)) / (a(H) + a(rest)), a(.) being sums of the a_i. (3) Where all k_i are equal and h attributes differ, this
    is 1 + h (E-1) / d. The published calibration, E = d (e^claim - 1) + 1, thus keeps e^claim for one attribute and equal k_i;
    h attributes lose 1 + h (e^claim - 1), the whole record E, and with unequal k_i one attribute alone can lose more than
    e^claim.

Proof
    Given record v, report y has probability (1/d) sum_j g_j(y_j | v_j) prod_{i != j} 1/k_i, with g_j(x | x) = E/(E+k_j-1) and
    1/(E+k_j-1) elsewhere: a constant times sum_j a_j x_j, where x_j is E if y_j = v_j, else 1. In the record w the sum is
    sum_j a_j z_j, with z_j = x_j outside H. Each x_j <= E z_j, hence (1). For (2): the quotient of the sums is largest with
    x_j = E and z_j = 1 on H, which y_j = v_j attains, and, being at least 1 then and falling in what both sums share, with
    x_j = z_j = 1 elsewhere, which some y_j attains: one that is not v_j. (3) is arithmetic.

Checked against the shipped code
    The law in Fractions, from the shipped function's answers to every outcome of every coin and die that it asks for, sizes
    (2,2), (2,3) for all records, (3,3,3), (2,5,4) for some; then the worst ratio between all records by what differs. The
    published calibration at e^claim = 3: one attribute of (2,3) loses 13/4, of (2,5,4) 281/81. With a fixed key: the coins and
    dice are those of the samplers. (1) to (3) by two solvers for all d, h, E and sums of shares, nothing divided.

Covers not
    Fakes that are not uniform, other randomisers than GRR, and reporting twice. Coins and dice are noise.t2.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from math import prod
from typing import Any

import cvc5.pythonic
import numpy as np
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib import noise
from privlib.audit.zoo import reference
from privlib.errors import InvalidInput
from privlib.noise.testing import fixed_key
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.zoo.reference.sampled_with_fakes",
    "privlib.audit.zoo.reference.randomised_response",
]

Record = tuple[int, ...]
Law = dict[Record, Fraction]
CLAIM = Fraction(3)
PUBLISHED: dict[Record, dict[int, Fraction]] = {
    (2, 2): {1: Fraction(3), 2: Fraction(5)},
    (3, 3, 3): {1: Fraction(3), 2: Fraction(5), 3: Fraction(7)},
    (2, 3): {1: Fraction(13, 4), 2: Fraction(5)},
    (2, 5, 4): {1: Fraction(281, 81), 2: Fraction(457, 81), 3: Fraction(7)},
}
"""e^epsilon by the number of attributes that differ, at the published calibration for e^claim = 3."""
SOME = 3
KEY = bytes(range(32))


def the_losses_are_right_for_all_parameters(solver: Any) -> None:
    """``a`` and ``b`` are what attributes in H and elsewhere weigh; ``b`` may be up to E times as much in both sums."""
    odds, a, b, shared, d, h, claim, x, z = solver.Reals("E a b s d h claim x z")
    weights = [odds >= 1, a > 0, b >= 0]
    for says, premises, untrue in (
        ("a mixture loses more than its worst part", [x <= odds * z], a * x > a * (odds * z)),
        ("matching elsewhere helps", [shared >= b], (odds * a + shared) * (a + b) > (odds * a + b) * (a + shared)),
        ("equal sizes lose another sum", [a == h, b == d - h, d > 0], (odds * a + b) != d + h * (odds - 1)),
        (
            "the published odds lose another sum",
            [odds - 1 == d * (claim - 1), d > 0],
            d + h * (odds - 1) != d * (1 + h * (claim - 1)),
        ),
    ):
        search = solver.Solver()
        search.add(*weights, *premises, untrue)
        assert search.check() == solver.unsat, f"{solver.__name__}: {says}"


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
        outcomes = np.array(list(itertools.product(*(range(len(each)) for each in weights))))
        asked.clear()
        played.extend(outcomes.T)
        reports = mechanism(len(outcomes))
    assert asked == weights, "what is drawn depends on what was drawn"
    coins = [place for place, chances in enumerate(weights) if chances[0] != chances[-1]]
    fair = prod(Fraction(1) if place in coins else chances[0] for place, chances in enumerate(weights))
    cases, times = np.unique(np.hstack([reports, outcomes[:, coins]]), axis=0, return_counts=True)
    law = dict[Record, Fraction]()
    for case, count in zip(cases.tolist(), times.tolist(), strict=True):
        report, tossed = tuple(case[: reports.shape[1]]), case[reports.shape[1] :]
        weight = count * fair * prod(weights[place][toss] for place, toss in zip(coins, tossed, strict=True))
        law[report] = law.get(report, Fraction(0)) + weight
    return law


def records(sizes: Sequence[int]) -> list[Record]:
    return list(itertools.product(*(range(size) for size in sizes)))


def stated(record: Record, sizes: Sequence[int], odds: Fraction) -> Law:
    """The mixture of the proof, each branch by itself."""
    attributes = range(len(sizes))
    return {
        report: sum(
            (odds if report[j] == record[j] else 1)
            / (odds + sizes[j] - 1)
            * prod(Fraction(1, sizes[i]) for i in attributes if i != j)
            for j in attributes
        )
        / len(sizes)
        for report in records(sizes)
    }


def the_shipped_law_is_the_mixture() -> None:
    for sizes in PUBLISHED:
        some = records(sizes) if len(sizes) == 2 else records(sizes)[:: len(records(sizes)) // SOME]
        for odds in (Fraction(1), CLAIM, len(sizes) * (CLAIM - 1) + 1) if len(sizes) == 2 else (CLAIM,):
            for record in some:
                law = law_of(partial(reference.sampled_with_fakes, record, sizes=sizes, odds=odds))
                assert sum(law.values()) == 1
                assert law == stated(record, sizes, odds), "the law is another than the mixture"


def loss_between(first: Law, second: Law) -> Fraction:
    return max(first[report] / second[report] for report in first)


def the_losses_are_as_stated() -> None:
    for sizes, published in PUBLISHED.items():
        d = len(sizes)
        for odds in (CLAIM, d * (CLAIM - 1) + 1):
            shares = [Fraction(k) / (odds + k - 1) for k in sizes]
            laws = {record: stated(record, sizes, odds) for record in records(sizes)}
            worst = dict.fromkeys(published, Fraction(1))
            first = records(sizes)[0]  # values can be renamed, so one record will do on one side
            for second in records(sizes)[1:]:
                changed = [v != w for v, w in zip(first, second, strict=True)]
                loss = loss_between(laws[first], laws[second])
                here = sum(share for share, differs in zip(shares, changed, strict=True) if differs)
                assert loss == (odds * here + sum(shares) - here) / sum(shares), "a loss is not that of the statement"
                worst[sum(changed)] = max(worst[sum(changed)], loss)
            assert worst[d] == odds, "records lose less, or more, than the odds"
            if odds != CLAIM:
                assert worst == published, "the published calibration loses another number"


def records_of_another_domain_are_refused() -> None:
    for record, sizes in (((0,), (2, 2)), ((0, 2), (2, 2)), ((0, 0, 0), (2, 2))):
        try:
            reference.sampled_with_fakes(record, 1, sizes=sizes, odds=2)
        except InvalidInput:
            continue
        raise AssertionError("a record of another domain is served")


def the_samplers_themselves_are_called() -> None:
    record, sizes, odds, n = (1, 0, 2), (2, 5, 4), Fraction(7), 60
    with fixed_key(KEY):
        reports = reference.sampled_with_fakes(record, n, sizes=sizes, odds=odds)
    with fixed_key(KEY):
        chosen, columns = noise.integers(n, below=3), []
        for place, (value, size) in enumerate(zip(record, sizes, strict=True)):
            keep, other = noise.bernoulli(n, p=odds / (odds + size - 1)), noise.integers(n, below=size - 1)
            truth = np.where(keep, value, (value + 1 + other) % size)
            columns.append(np.where(chosen == place, truth, noise.integers(n, below=size)))
    assert np.array_equal(reports, np.stack(columns, axis=1)), "the coins and dice are not the samplers'"


def prove() -> None:
    the_losses_are_right_for_all_parameters(z3)
    the_losses_are_right_for_all_parameters(cvc5.pythonic)
    the_shipped_law_is_the_mixture()
    the_losses_are_as_stated()
    records_of_another_domain_are_refused()
    the_samplers_themselves_are_called()


def mutants() -> dict[str, object]:
    room = "privlib.audit.zoo.reference"
    fakes, response = f"{room}.sampled_with_fakes", f"{room}.randomised_response"
    return {
        "the fakes are constant": rewritten(fakes, "truth, integers(n, below=values))", "truth, 0 * integers(n, below=values))"),
        "the fakes are the truth": rewritten(
            fakes, "truth, integers(n, below=values))", "truth, value + 0 * integers(n, below=values))"
        ),
        "the fakes leave a value out": rewritten(
            fakes, "truth, integers(n, below=values))", "truth, integers(n, below=values - 1))"
        ),
        "the last attribute is never sampled": rewritten(fakes, "below=len(sizes)", "below=len(sizes) - 1"),
        "what is sampled is fake": rewritten(fakes, "chosen == place", "chosen != place"),
        "the odds are amplified once more": rewritten(fakes, "odds=odds", "odds=len(sizes) * (odds - 1) + 1"),
        "the attribute is sampled for each column anew": rewritten(
            fakes, "np.where(chosen == place", "np.where(integers(n, below=len(sizes)) == place"
        ),
        "randomised response forgets the number of values": rewritten(
            response, "weight / (weight + others)", "weight / (weight + 1)"
        ),
    }


@settings(max_examples=50)
@given(st.lists(st.integers(2, 4), min_size=1, max_size=2), st.fractions(1, 20, max_denominator=20), st.data())
def test_two_records_lose_at_most_the_odds(sizes: list[int], odds: Fraction, data: st.DataObject) -> None:
    first, second = (tuple(data.draw(st.integers(0, size - 1)) for size in sizes) for _ in range(2))
    laws = [law_of(partial(reference.sampled_with_fakes, record, sizes=sizes, odds=odds)) for record in (first, second)]
    loss = loss_between(*laws)
    assert loss <= odds
    assert (loss == odds) == (all(v != w for v, w in zip(first, second, strict=True)) or odds == 1)

"""The stated guarantee is the largest ratio of probabilities there is: by enumeration, and in the known examples."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from fractions import Fraction
from math import comb, lcm, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.bounds import Neighbours
from privlib.ldp import Domain, Spec
from privlib.ldp.guarantee import guarantee
from privlib.ldp.oracles import (
    Grr,
    Hadamard,
    LocalHash,
    Oracle,
    Subset,
    Unary,
    optimal_unary,
    symmetric_unary,
)
from privlib.ldp.parts import PROTOCOLS, Part, Scheme

F = Fraction
Law = list[list[Fraction]]
"""The chance of each report, a row, given each value, a column."""
ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)
MOST_CELLS = 25_000
"""Reports times records that one enumeration may hold."""


def law_of(oracle: Oracle) -> Law:
    """The chance of every report given every value, from the definition of the randomiser alone."""
    values = range(oracle.size)
    if isinstance(oracle, Unary):
        return [
            [
                prod((p if bit else 1 - p) for bit, p in zip(bits, bit_chances(oracle, x), strict=True))
                for x in values
            ]
            for bits in itertools.product((0, 1), repeat=oracle.size)
        ]  # fmt: skip
    e, k = oracle.odds, oracle.size
    if isinstance(oracle, Grr):
        return [[(e if y == x else 1) / (e + k - 1) for x in values] for y in values]
    if isinstance(oracle, Subset):
        c = oracle.chosen
        whole = comb(k - 1, c - 1) * e + comb(k - 1, c)
        return [[(e if x in chosen else 1) / whole for x in values] for chosen in itertools.combinations(values, c)]
    if isinstance(oracle, LocalHash):
        g, digits = oracle.buckets, 1
        while g**digits < k:
            digits += 1
        return [
            [
                (e if sum(a * (x // g**i) for i, a in enumerate(function)) % g == bucket else 1) / (g**digits * (e + g - 1))
                for x in values
            ]
            for function in itertools.product(range(g), repeat=digits)
            for bucket in range(g)
        ]
    columns = next(2**m for m in itertools.count() if 2**m > k)
    return [[2 * (1 if bin((x + 1) & y).count("1") % 2 else e) / (columns * (e + 1)) for x in values] for y in range(columns)]


def bit_chances(oracle: Unary, value: int | None) -> list[Fraction]:
    return [oracle.hit if x == value else oracle.miss for x in range(oracle.size)]


def fakes_of(part: Part) -> list[Fraction]:
    """The chance of every report of an attribute that was not drawn."""
    if part.fake is None:
        assert isinstance(part.oracle, Unary)
        chances = bit_chances(part.oracle, None)
        return [
            prod((p if bit else 1 - p) for bit, p in zip(bits, chances, strict=True))
            for bits in itertools.product((0, 1), repeat=part.size)
        ]
    if isinstance(part.oracle, Grr):
        return list(part.fake)
    return [sum(g * p for g, p in zip(part.fake, row, strict=True)) for row in law_of(part.oracle)]


def scale(rows: Sequence[Sequence[Fraction]]) -> int:
    return lcm(*(p.denominator for row in rows for p in row))


def whole(rows: Sequence[Sequence[Fraction]], below: int) -> Any:
    """Fractions as big integers over one denominator."""
    return np.array([[int(p * below) for p in row] for row in rows], dtype=object)


def outer(arrays: Sequence[Any]) -> Any:
    """All reports by all records: an array with one axis for the tuple of reports, and one for each attribute's value."""
    sizes = [array.shape[1] for array in arrays]
    grown = np.array([[1]], dtype=object)
    for array in arrays:
        grown = np.einsum("ab,cd->acbd", grown, array).reshape(grown.shape[0] * array.shape[0], -1)
    return grown.reshape(-1, *sizes)


def enumerated(scheme: Scheme, parts: Sequence[Part]) -> tuple[Fraction, tuple[Fraction, ...]]:
    """The largest ratio between any two records, and between those that differ in each one attribute; nothing but the law."""
    laws = [law_of(part.oracle) for part in parts]
    for law, part in zip(laws, parts, strict=True):
        assert all(sum(column) == 1 for column in zip(*law, strict=True))
        check_supports(part.oracle, law)
    table = {Scheme.SPL: all_reported, Scheme.SMP: one_told, Scheme.RSFD: one_hidden}[scheme](parts, laws)
    axes = tuple(range(1, table.ndim))
    record = largest(table.max(axis=axes), table.min(axis=axes))
    return record, tuple(largest(table.max(axis=axis), table.min(axis=axis)) for axis in axes)


def all_reported(parts: Sequence[Part], laws: Sequence[Law]) -> Any:
    return outer([whole(law, scale(law)) for law in laws])


def one_told(parts: Sequence[Part], laws: Sequence[Law]) -> Any:
    drawn = [[[part.weight * p for p in row] for row in law] for part, law in zip(parts, laws, strict=True)]
    below = lcm(*map(scale, drawn))
    nothing = [np.ones((1, part.size), dtype=object) for part in parts]
    return np.concatenate(
        [outer([*nothing[:j], whole(law, below), *nothing[j + 1 :]]) for j, law in enumerate(drawn)],
    )


def one_hidden(parts: Sequence[Part], laws: Sequence[Law]) -> Any:
    faked = [[[fake] * part.size for fake in fakes_of(part)] for part in parts]
    scales = [lcm(scale(law), scale(fake)) for law, fake in zip(laws, faked, strict=True)]
    true = [whole(law, below) for law, below in zip(laws, scales, strict=True)]
    fake = [whole(law, below) for law, below in zip(faked, scales, strict=True)]
    weights = [part.weight for part in parts]
    return sum(int(weight * scale([weights])) * outer([*fake[:j], true[j], *fake[j + 1 :]]) for j, weight in enumerate(weights))


def largest(highs: Any, lows: Any) -> Fraction:
    assert (lows > 0).all(), "a report is impossible for some record"
    near = np.asarray(highs / lows, dtype=np.float64)
    close = near >= near.max() * (1 - 1e-9)
    return max(F(high, low) for high, low in {*zip(highs[close].tolist(), lows[close].tolist(), strict=True)})


def check_supports(oracle: Oracle, law: Law) -> None:
    """The declared hit and miss are those of the law: of the reports that speak most for a value."""
    top = max(map(max, law))
    for x in range(oracle.size):
        if isinstance(oracle, Unary):
            supports = [bits[x] == 1 for bits in itertools.product((0, 1), repeat=oracle.size)]
        else:
            supports = [row[x] == top for row in law]
        for other in range(oracle.size):
            chance = sum(row[other] for row, holds in zip(law, supports, strict=True) if holds)
            assert chance == (oracle.hit if other == x else oracle.miss)


def random_odds(dice: random.Random) -> Fraction:
    return 1 + F(dice.randint(1, 24), dice.choice([1, 2, 3, 4]))


def random_law(dice: random.Random, size: int) -> tuple[Fraction, ...]:
    if dice.random() < 0.3:
        return (F(1, size),) * size
    numbers = [dice.choice([1, 1, 2, 5, 40]) for _ in range(size)]
    return tuple(F(number, sum(numbers)) for number in numbers)


def random_sizes(dice: random.Random, *, attributes: int) -> tuple[int, ...]:
    return tuple(dice.choice([2, 2, 2, 3, 4, 5]) for _ in range(attributes))


def reports_of(oracle: Oracle) -> int:
    match oracle:
        case Unary():
            return 2**oracle.size
        case Subset():
            return comb(oracle.size, oracle.chosen)
        case LocalHash():
            return oracle.buckets ** (oracle.digits + 1)
        case Hadamard():
            return oracle.columns
        case Grr():
            return oracle.size


def small(scheme: Scheme, parts: Sequence[Part]) -> bool:
    """Whether all reports and records can be enumerated."""
    reports = [reports_of(part.oracle) for part in parts]
    records = prod(part.size for part in parts)
    return records * (sum(reports) if scheme is Scheme.SMP else prod(reports)) <= MOST_CELLS


def random_fakes(dice: random.Random) -> tuple[Scheme, list[Part]]:
    """RS+FD with any mixture of randomisers, odds, weights and fakes."""
    attributes = dice.randint(2, 4)
    while not small(Scheme.RSFD, parts := mixed(dice, random_sizes(dice, attributes=attributes))):
        pass
    return Scheme.RSFD, parts


def mixed(dice: random.Random, sizes: Sequence[int]) -> list[Part]:
    weights = [dice.choice([1, 1, 2, 3, 10]) for _ in sizes]
    one_for_all = random_odds(dice)
    parts = []
    for size, weight in zip(sizes, weights, strict=True):
        odds = one_for_all if dice.random() < 0.6 else random_odds(dice)
        share, kind = F(weight, sum(weights)), dice.choice(["grr", "oue", "sue", "free"])
        if kind == "grr":
            parts.append(Part(Grr(size, odds), share, random_law(dice, size)))
            continue
        low = F(dice.randint(1, 5), 12)
        free = Unary(size, low + F(dice.randint(1, 6), 12), low)
        oracle = {"oue": optimal_unary(size, odds), "sue": symmetric_unary(size, odds), "free": free}[kind]
        parts.append(Part(oracle, share, None if dice.random() < 0.5 else random_law(dice, size)))
    return parts


def random_single(dice: random.Random) -> tuple[Scheme, list[Part]]:
    """Splitting or sampling with any mixture of single-attribute randomisers."""
    scheme, attributes = dice.choice([Scheme.SPL, Scheme.SMP]), dice.randint(1, 4)
    while not small(scheme, parts := alone(dice, scheme, random_sizes(dice, attributes=attributes))):
        pass
    return scheme, parts


def alone(dice: random.Random, scheme: Scheme, sizes: Sequence[int]) -> list[Part]:
    weights = [dice.choice([1, 2, 3, 10]) for _ in sizes]
    parts = []
    for size, weight in zip(sizes, weights, strict=True):
        odds = random_odds(dice)
        oracle: Oracle = dice.choice(
            [
                Grr(size, odds),
                optimal_unary(size, odds),
                symmetric_unary(size, odds),
                Subset(size, odds, dice.randint(1, size - 1)),
                LocalHash(size, odds, dice.choice([2, 3])),
                Hadamard(size, odds),
            ]
        )
        parts.append(Part(oracle, F(1) if scheme is Scheme.SPL else F(weight, sum(weights))))
    return parts


def random_spec(dice: random.Random) -> tuple[Scheme, list[Part]]:
    """A named protocol under a cap, calibrated by privlib."""
    protocol = dice.choice(PROTOCOLS)
    attributes = dice.randint(2 if protocol.startswith("rs") else 1, 4)
    while not small((spec := named(dice, protocol, random_sizes(dice, attributes=attributes))).scheme, spec.parts):
        pass
    told = spec.guarantee()
    assert (told.record, told.attributes) == stated(spec.scheme, spec.parts)
    assert spec.calibration == "paper" or told.record <= (spec.record_cap or told.record)
    assert spec.calibration == "paper" or told.attribute <= (spec.attribute_cap or told.attribute)
    return spec.scheme, list(spec.parts)


def named(dice: random.Random, protocol: str, sizes: Sequence[int]) -> Spec:
    several = protocol.startswith("rs")
    given: dict[str, Any] = {"level": dice.choice(["record", "attribute"]), "odds": random_odds(dice)}
    if "olh" in protocol:
        given["odds"] = min(given["odds"], F(2))  # of large odds there are too many functions to enumerate
    if protocol.startswith("rsrfd"):
        given["priors"] = [random_law(dice, size) for size in sizes]
    if several and dice.random() < 0.4:
        given["calibration"] = "paper"
    if protocol in ("rsfd-grr", "rsfd-oue-z", "rsfd-sue-z") and dice.random() < 0.4:
        given["weights"] = "equalised"
    elif not protocol.startswith("spl") and dice.random() < 0.5:
        given["weights"] = [dice.randint(1, 9) for _ in sizes]
    return Spec(Domain({f"a{j}": range(size) for j, size in enumerate(sizes)}), protocol, **given)


def stated(scheme: Scheme, parts: Sequence[Part]) -> tuple[Fraction, tuple[Fraction, ...]]:
    told = guarantee(scheme, parts)
    assert told.attribute == max(told.attributes)
    return told.record, told.attributes


KINDS = {"fakes": random_fakes, "single": random_single, "spec": random_spec}


@pytest.mark.parametrize("kind", KINDS)
@given(dice=st.randoms(use_true_random=False))
def test_p1_the_guarantee_is_the_largest_ratio_between_any_records(kind: str, dice: random.Random) -> None:
    scheme, parts = KINDS[kind](dice)
    assert stated(scheme, parts) == enumerated(scheme, parts)


def paper(sizes: Sequence[int], protocol: str, **given: Any) -> Spec:
    """A plan at the published odds for a claim of odds 3."""
    domain = Domain({f"a{j}": range(size) for j, size in enumerate(sizes)})
    return Spec(domain, protocol, level="attribute", odds=3, calibration="paper", **given)


@pytest.mark.parametrize(
    ("sizes", "protocol", "record", "attribute"),
    [
        ((2, 2), "rsfd-grr", 5, 3),
        ((2, 2), "rsfd-oue-z", 5, 3),
        ((2, 2), "rsfd-oue-r", 5, 3),
        ((3, 3), "rsfd-grr", 5, 3),
        ((3, 3), "rsfd-oue-z", 5, 3),
        ((3, 3), "rsfd-oue-r", 5, F(31, 9)),
        ((2, 3), "rsfd-grr", 5, F(13, 4)),
        ((2, 3), "rsfd-oue-z", 5, 3),
        ((2, 3), "rsfd-oue-r", 5, F(13, 4)),
        ((2, 3, 4), "rsfd-grr", 7, F(203, 59)),
        ((2, 3, 4), "rsfd-oue-z", 7, 3),
        ((2, 3, 4), "rsfd-oue-r", 7, F(65, 17)),
    ],
)
def test_at_the_published_odds_two_records_differ_by_all_of_them(
    sizes: tuple[int, ...], protocol: str, record: int, attribute: Fraction
) -> None:
    spec = paper(sizes, protocol)
    told = spec.guarantee()
    assert (told.record, told.attribute, told.published) == (record, attribute, 3)
    assert enumerated(spec.scheme, spec.parts) == (told.record, told.attributes)


@pytest.mark.parametrize(
    ("protocol", "attribute"), [("rsfd-grr", 5.4193), ("rsfd-oue-r", 10.9551), ("rsfd-oue-z", 3), ("rsfd-sue-z", 3)]
)
def test_on_the_adult_domains_the_published_claim_fails_by_this_much(protocol: str, attribute: float) -> None:
    told = paper(ADULT, protocol).guarantee()
    assert float(told.record) == pytest.approx(19, abs=1e-9)
    assert float(told.attribute) == pytest.approx(attribute, abs=5e-5)


@pytest.mark.parametrize(("prior", "attribute"), [(("0.8", "0.1", "0.1"), F(41, 9)), (("0.98", "0.01", "0.01"), F(491, 99))])
def test_skewed_fakes_hide_less(prior: tuple[str, ...], attribute: Fraction) -> None:
    spec = paper((3, 3), "rsrfd-grr", priors=[prior] * 2)
    assert (spec.guarantee().record, spec.guarantee().attribute) == (5, attribute)
    assert enumerated(spec.scheme, spec.parts) == (5, (attribute, attribute))


@pytest.mark.parametrize("sizes", [(2, 5), (2, 3, 4), (2, 7, 3), (2, 2, 9)])
def test_equalised_weights_make_every_attribute_leak_what_was_published(sizes: tuple[int, ...]) -> None:
    for protocol in ("rsfd-grr", "rsfd-oue-z"):
        assert set(paper(sizes, protocol, weights="equalised").guarantee().attributes) == {3}


def test_weights_are_equalised_as_in_the_example() -> None:
    weights = [part.weight for part in paper((2, 3, 4), "rsfd-grr", weights="equalised").parts]
    assert weights == [F(8, 19), F(6, 19), F(5, 19)]


@pytest.mark.parametrize(("weights", "attributes"), [((F(1, 2), F(1, 2)), (F(17, 7), F(25, 7))), ((F(9, 14), F(5, 14)), (3, 3))])
def test_a_mixture_of_randomisers_leaks_by_its_weights(weights: tuple[Fraction, ...], attributes: tuple[Fraction, ...]) -> None:
    parts = [Part(Grr(2, F(5)), weights[0], (F(1, 2),) * 2), Part(optimal_unary(4, F(5)), weights[1])]
    assert stated(Scheme.RSFD, parts) == enumerated(Scheme.RSFD, parts) == (5, attributes)


@pytest.mark.parametrize(
    ("sizes", "protocol", "odds"),
    [(ADULT, "rsfd-grr", 10.7046), (ADULT, "rsfd-oue-r", 6.5486), ((10,) * 10, "rsfd-oue-r", 7.3748), (ADULT, "rsfd-oue-z", 19)],
)
def test_an_honest_calibration_runs_at_these_odds(sizes: tuple[int, ...], protocol: str, odds: float) -> None:
    spec = Spec(Domain({f"a{j}": range(size) for j, size in enumerate(sizes)}), protocol, level="attribute", odds=3)
    assert {round(float(part.oracle.odds), 4) for part in spec.parts} == {odds}
    assert 3 - F(1, 10**9) < spec.guarantee().attribute <= 3


def test_a_known_attribute_costs_its_own_odds_and_a_record_their_product_or_largest() -> None:
    parts = [Part(Grr(3, F(2))), Part(Subset(5, F(7), 2)), Part(Hadamard(4, F(3)))]
    assert stated(Scheme.SPL, parts) == (42, (2, 7, 3))
    assert stated(Scheme.SMP, [Part(part.oracle, F(1, 3)) for part in parts]) == (7, (2, 7, 3))


def test_the_guarantee_names_its_neighbours_and_rounds_epsilon_up() -> None:
    told = paper((2, 3), "rsfd-grr").guarantee()
    assert told.record_bound.neighbours is Neighbours.RECORD
    assert told.attribute_bound.neighbours is Neighbours.ATTRIBUTE
    assert (told.record_bound.odds, told.attribute_bound.odds) == (5, F(13, 4))
    assert np.log(5) <= told.record_epsilon <= np.log(5) * (1 + 1e-15)
    assert "which does not hold" in str(told)
    assert "which holds" in str(guarantee(Scheme.SMP, [Part(Grr(2, F(3)))], published=F(3)))
    assert "published" not in str(guarantee(Scheme.SMP, [Part(Grr(2, F(3)))]))


def test_hidden_sampling_takes_no_randomiser_whose_fakes_are_unknown() -> None:
    with pytest.raises(TypeError, match="RS\\+FD takes"):
        guarantee(Scheme.RSFD, [Part(Grr(2, F(3)), F(1, 2)), Part(Hadamard(2, F(3)), F(1, 2))])

"""Estimates from counts are unbiased, with the variances and covariances that are stated.

Statement
    Let n people with records v_1, ..., v_n report under a plan of any scheme (SPL, SMP, RS+FD), any oracles, weights and fakes.
    (a) Mean. The estimate of the frequency of a value has as its mean the frequency among the n people; if they are drawn
        independently from a population, the frequency there. Under SMP, given how many report on each attribute.
    (b) Variance. With s the chance that a report supports the value, a - b the difference between holders and others, m the
        number of reports on the attribute: about the population ``s(1-s) / (m (a-b)^2)``, and about the people themselves
        ``f(1-f)/m * (m-1)/(n-1)`` less, which is ``f(1-f)/n`` less where all reports speak of the attribute.
    (c) Covariance. Given its sender's record, what one report says of two values varies together by what ``covariance`` tells:
        across attributes under RS+FD ``-w_i w_j (s_i - u_i)(s_j - u_j)``, with s the chance of support by the attribute's own
        randomiser and u by a fake; across attributes 0 otherwise. ``matrix`` is the covariance of an attribute's estimates
        where its frequencies are the estimated ones.

Proof
    (a) A report that speaks of an attribute supports a value with chance b, and a for holders; so C/m has the mean
        ``f a + (1-f) b``; solve for f. Under SMP the people who report on an attribute are, given their number, a simple random
        sample. (b) Given the records, and who reports on what, the m indicators are independent. Their variances are ``p(1-p)``
        with p = a or b; to their mean add, for people drawn from a population, the variance of p, which is
        ``f(1-f)(a-b)^2``; for m drawn from n without replacement the same, shrunk by (n-m)/(n-1). (c) Under RS+FD
        ``E[S_i S_j] = w_i s_i u_j + w_j u_i s_j + (1 - w_i - w_j) u_i u_j``; subtract the product of the means. Within an
        attribute the chance of supporting two values depends on the record only through whether it is one of them or, for
        hashes that are linear and for Hadamard rows, one whose support follows from theirs.

Checked against the shipped code
    Every report that a plan can give is written to bytes, counted by the shipped ``count``, and weighted by its chance as
    computed here from the definition of the oracle; sums of two or three people by convolution; all in fractions, for all
    schemes and oracles, unequal weights and skewed fakes. Floats agree with fractions to 1e-9.

Covers not
    Intervals (tests/ldp/test_estimate.py computes their coverage exactly) and the joint likelihood.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import comb, lcm

import numpy as np

from privlib.errors import InvalidInput
from privlib.ldp import Domain, Spec
from privlib.ldp.aggregate import Counts, count
from privlib.ldp.covariance import covariance, matrix
from privlib.ldp.estimate import estimate, frequencies, rates, variance
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle, Subset, Unary
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.reports import Reports
from privlib.ldp.wire import Layout, symbols_of
from privlib.prove import rewritten

covers = [
    "privlib.ldp.aggregate.count",
    "privlib.ldp.aggregate.Counts.__add__",
    "privlib.ldp.counting.count_rows",
    "privlib.ldp.counting.read_histogram",
    "privlib.ldp.counting._count_all",
    "privlib.ldp.counting._count_told",
    "privlib.ldp.counting._count_symbols",
    "privlib.ldp.counting._count_bits",
    "privlib.ldp.counting._digits",
    "privlib.ldp.counting._read_hashes",
    "privlib.ldp.counting._walsh",
    "privlib.ldp.estimate.rates",
    "privlib.ldp.estimate.frequencies",
    "privlib.ldp.estimate.variance",
    "privlib.ldp.estimate.known_share",
    "privlib.ldp.estimate._one",
    "privlib.ldp.covariance.covariance",
    "privlib.ldp.covariance._pull",
    "privlib.ldp.covariance._pair",
    "privlib.ldp.covariance._allies",
    "privlib.ldp.covariance.matrix",
    "privlib.ldp.covariance._ally_shares",
    "privlib.ldp.parts.Part.fake_support",
    "privlib.ldp.parts.Part.support",
]

Said = tuple[int, int]
"""What an attribute's report says: its symbol and its bits."""
Key = tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]
"""How many reports speak of each attribute, and how many support each value."""
Law = dict[Key, Fraction]
E = Fraction(3)
HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
UNARY2, UNARY3 = Unary(2, HALF, Fraction(1, 4)), Unary(3, Fraction(2, 3), Fraction(1, 5))
SKEW = (HALF, THIRD, Fraction(1, 6))


def plan(scheme: str, *parts: Part) -> Spec:
    domain = Domain({f"a{place}": list(range(part.size)) for place, part in enumerate(parts)})
    return Spec.of_parts(domain, parts, scheme=scheme, record_cap=Fraction(10**6))


def shared(*parts: tuple[Oracle, Fraction, tuple[Fraction, ...] | None]) -> list[Part]:
    return [Part(oracle, weight, fake) for oracle, weight, fake in parts]


PLANS = [
    (plan("rsfd", *shared((Grr(2, E), HALF, (HALF, HALF)), (Grr(3, E), HALF, (THIRD,) * 3))), 3),
    (plan("rsfd", *shared((Grr(2, E), THIRD, (THIRD, 1 - THIRD)), (UNARY2, 1 - THIRD, None))), 3),
    (plan("rsfd", *shared((UNARY2, THIRD, (Fraction(1, 4), Fraction(3, 4))), (UNARY3, 1 - THIRD, SKEW))), 2),
    (plan("rsfd", *shared((UNARY3, HALF, None), (Grr(3, E), HALF, SKEW))), 2),
    (plan("spl", Part(Grr(3, E)), Part(Subset(4, E, 2))), 2),
    (plan("spl", Part(Subset(3, E, 1)), Part(UNARY2)), 2),
    (plan("spl", Part(LocalHash(5, E, 3))), 2),
    (plan("spl", Part(LocalHash(3, E, 2)), Part(Hadamard(3, E))), 2),
    (plan("smp", *shared((Grr(2, E), THIRD, None), (UNARY2, 1 - THIRD, None))), 3),
    (plan("smp", *shared((Hadamard(3, E), HALF, None), (Subset(3, E, 2), HALF, None))), 3),
    (plan("smp", *shared((LocalHash(4, E, 2), HALF, None), (Grr(3, E), HALF, None))), 2),
]
"""Plans, and how many people report; small enough to enumerate."""


def says(oracle: Oracle, value: int) -> dict[Said, Fraction]:
    """The law of an oracle's report, from its definition."""
    k, found = oracle.size, dict[Said, Fraction]()
    match oracle:
        case Grr():
            found = {(y, 0): (oracle.odds if y == value else 1) / (oracle.odds + k - 1) for y in range(k)}
        case Unary():
            for bits in range(1 << k):
                chance = Fraction(1)
                for x in range(k):
                    ones = oracle.hit if x == value else oracle.miss
                    chance *= ones if bits >> x & 1 else 1 - ones
                found[0, bits] = chance
        case Subset():
            total = comb(k - 1, oracle.chosen - 1) * oracle.odds + comb(k - 1, oracle.chosen)
            for chosen in itertools.combinations(range(k), oracle.chosen):
                found[0, sum(1 << x for x in chosen)] = (oracle.odds if value in chosen else 1) / total
        case LocalHash():
            g, m = oracle.buckets, oracle.digits
            for number, bucket in itertools.product(range(g**m), range(g)):
                own = sum((number // g**i % g) * (value // g**i % g) for i in range(m)) % g
                chance = (oracle.odds if own == bucket else 1) / (oracle.odds + g - 1)
                found[number * g + bucket, 0] = chance / g**m
        case Hadamard():
            half = Fraction(2, oracle.columns) / (oracle.odds + 1)
            for y in range(oracle.columns):
                even = ((value + 1) & y).bit_count() % 2 == 0
                found[y, 0] = half * (oracle.odds if even else 1)
    assert sum(found.values()) == 1
    return found


def fakes(part: Part) -> dict[Said, Fraction]:
    if isinstance(part.oracle, Grr):
        return {(y, 0): chance for y, chance in enumerate(part.fake or ())}
    if part.fake is None:
        blank = Unary(part.size, part.oracle.miss, part.oracle.miss)
        return says(blank, 0)
    found = defaultdict[Said, Fraction](Fraction)
    for value, chance in enumerate(part.fake):
        for said, given in says(part.oracle, value).items():
            found[said] += chance * given
    return found


def reports(spec: Spec, record: Sequence[int]) -> dict[bytes, Fraction]:
    """The law of the bytes that a person sends."""
    layout, parts = Layout(spec.scheme, spec.parts), spec.parts
    found = defaultdict[bytes, Fraction](Fraction)
    own = [says(part.oracle, value) for part, value in zip(parts, record, strict=True)]
    for drawn in range(len(parts)):
        if spec.scheme is Scheme.SMP:
            for (symbol, bits), chance in own[drawn].items():
                found[layout.write([symbol] * len(parts), bits, told=drawn)] += parts[drawn].weight * chance
            continue
        weight = Fraction(1, len(parts)) if spec.scheme is Scheme.SPL else parts[drawn].weight
        laws = [law if spec.scheme is Scheme.SPL or i == drawn else fakes(parts[i]) for i, law in enumerate(own)]
        for said in itertools.product(*(law.items() for law in laws)):
            chance, bits = weight, 0
            for place, ((_, own_bits), given) in enumerate(said):
                chance *= given
                bits |= own_bits << layout.bit_offsets[place] if not symbols_of(parts[place].oracle) else 0
            found[layout.write([symbol for (symbol, _), _ in said], bits)] += chance
    assert sum(found.values()) == 1
    return found


@lru_cache(maxsize=4096)
def counted(spec: Spec, report: bytes) -> Key:
    """The shipped count of one report; `prove` forgets those of mutants."""
    counts = count(spec, Reports(spec, np.frombuffer(report, dtype=np.uint8)[None, :].copy()))
    return key_of(counts)


def key_of(counts: Counts) -> Key:
    return tuple(counts.asked.tolist()), tuple(tuple(own.tolist()) for own in counts.supports)


def counts_of(spec: Spec, key: Key) -> Counts:
    asked, supports = key
    people = sum(asked) if spec.scheme is Scheme.SMP else asked[0]
    columns = tuple(np.array(own, dtype=np.int64) for own in supports)
    return Counts(spec, people, np.array(asked, dtype=np.int64), columns)


def plus(one: Key, two: Key) -> Key:
    supports = tuple(tuple(map(sum, zip(a, b, strict=True))) for a, b in zip(one[1], two[1], strict=True))
    return tuple(map(sum, zip(one[0], two[0], strict=True))), supports


def law_of(spec: Spec, record: Sequence[int]) -> Law:
    """The law of what one person's report counts for."""
    law = defaultdict[Key, Fraction](Fraction)
    for report, chance in written(spec, tuple(record)).items():
        law[counted(spec, report)] += chance
    return law


@lru_cache(maxsize=256)
def written(spec: Spec, record: tuple[int, ...]) -> dict[bytes, Fraction]:
    return reports(spec, record)


def together(laws: Sequence[Law]) -> Law:
    """The law of the sum of independent reports."""
    total = laws[0]
    for law in laws[1:]:
        summed = defaultdict[Key, Fraction](Fraction)
        for (one, chance), (two, more) in itertools.product(total.items(), law.items()):
            summed[plus(one, two)] += chance * more
        total = summed
    return total


def given(law: Law, asked: tuple[int, ...]) -> Law:
    """The law given how many reports speak of each attribute."""
    chosen = {key: chance for key, chance in law.items() if key[0] == asked}
    total = sum(chosen.values())
    return {key: chance / total for key, chance in chosen.items()}


def some_records(spec: Spec, people: int) -> list[list[tuple[int, ...]]]:
    """Three data sets: all alike, all different, and mixed."""
    sizes = spec.domain.sizes
    alike = [tuple(0 for _ in sizes)] * people
    spread = [tuple((place + who) % size for place, size in enumerate(sizes)) for who in range(people)]
    mixed = [tuple((size - 1 if who else 0) for size in sizes) for who in range(people)]
    return [alike, spread, mixed]


def check_moments(spec: Spec, law: Law, shares: Sequence[Sequence[Fraction]], people: int, target: str) -> None:
    """Mean and variance of every estimate, given how many report on what."""
    for asked in sorted({key[0] for key in law if min(key[0]) > 0}):
        estimated = [(frequencies(counts_of(spec, key)), chance) for key, chance in given(law, asked).items()]
        for attribute, own in enumerate(shares):
            for value, share in enumerate(own):
                mean = sum(found[attribute][value] * chance for found, chance in estimated)
                assert mean == share, "an estimate is biased"
                spread = sum(found[attribute][value] ** 2 * chance for found, chance in estimated) - mean**2
                stated = variance(spec, attribute, value, share, reports=people, asked=asked[attribute], target=target)
                assert spread == stated, "a variance is not what is stated"


def shares_of(spec: Spec, weighted: dict[tuple[int, ...], Fraction]) -> list[list[Fraction]]:
    return [
        [sum((chance for record, chance in weighted.items() if record[place] == value), Fraction(0)) for value in range(size)]
        for place, size in enumerate(spec.domain.sizes)
    ]


def moments_are_as_stated(spec: Spec, people: int) -> None:
    for records in some_records(spec, people):
        weighted = {record: Fraction(records.count(record), people) for record in records}
        shares = shares_of(spec, weighted)
        check_moments(spec, together([law_of(spec, record) for record in records]), shares, people, "sample")
        drawn = defaultdict[Key, Fraction](Fraction)  # records of one person are dependent across attributes here
        for record, chance in weighted.items():
            for key, own in law_of(spec, record).items():
                drawn[key] += chance * own
        check_moments(spec, together([drawn] * 2), shares, 2, "population")


def covariances_are_as_stated(spec: Spec) -> None:
    """All records, all pairs of values, one report; then the matrix, where the frequencies are those of the estimates."""
    places = [(i, x) for i, size in enumerate(spec.domain.sizes) for x in range(size)]
    exact = dict[tuple, Fraction]()
    for record in itertools.product(*map(range, spec.domain.sizes)):
        law = law_of(spec, record)
        for first, second in itertools.combinations_with_replacement(places, 2):
            speak = {key: chance for key, chance in law.items() if key[0][first[0]] and key[0][second[0]]}
            total = sum(speak.values())
            one = sum(key[1][first[0]][first[1]] * chance for key, chance in speak.items())
            two = sum(key[1][second[0]][second[1]] * chance for key, chance in speak.items())
            both = sum(key[1][first[0]][first[1]] * key[1][second[0]][second[1]] * chance for key, chance in speak.items())
            found = both / total - one * two / total**2 if speak else Fraction(0)
            assert found == covariance(spec, record, first, second), "a covariance is not what is stated"
            exact[record, first, second] = exact[record, second, first] = found
    for attribute, size in enumerate(spec.domain.sizes):
        check_matrix(spec, attribute, size, exact)


def check_matrix(spec: Spec, attribute: int, size: int, exact: dict[tuple, Fraction]) -> None:
    shares = [Fraction(2 * x + 1, size**2) for x in range(size)]
    counts = counts_with(spec, attribute, shares)
    _, slope = rates(spec, attribute)
    asked, n = int(counts.asked[attribute]), counts.reports
    shrunk = 1 if asked == n else Fraction(asked - 1, n - 1)
    records = [tuple(v if place == attribute else 0 for place in range(len(spec.parts))) for v in range(size)]
    for target, kept in (("population", Fraction(1)), ("sample", 1 - shrunk)):
        found = matrix(counts, attribute, target=target)
        for x, y in itertools.product(range(size), repeat=2):
            given_record = sum(f * exact[r, (attribute, x), (attribute, y)] for f, r in zip(shares, records, strict=True))
            between = (shares[x] if x == y else 0) - shares[x] * shares[y]
            true = (given_record / slope**2 + kept * between) / asked
            assert abs(found[x, y] - float(true)) < 1e-9 * float(shares[x] / asked / slope**2), "the matrix is wrong"


def counts_with(spec: Spec, attribute: int, shares: Sequence[Fraction]) -> Counts:
    """Counts whose estimates of one attribute are given frequencies, and of the others even."""
    seen = list[list[Fraction]]()
    for place, size in enumerate(spec.domain.sizes):
        misses, slope = rates(spec, place)
        own = shares if place == attribute else [Fraction(1, size)] * size
        seen.append([b + slope * f for b, f in zip(misses, own, strict=True)])
    n = lcm(*(chance.denominator for column in seen for chance in column))
    supports = tuple(np.array([int(n * chance) for chance in column], dtype=np.int64) for column in seen)
    people = n * len(seen) if spec.scheme is Scheme.SMP else n
    return Counts(spec, people, np.full(len(seen), n, dtype=np.int64), supports)


def floats_agree_with_fractions(spec: Spec) -> None:
    for attribute, size in enumerate(spec.domain.sizes):
        shares = [Fraction(2 * x + 1, size**2) for x in range(size)]
        counts = counts_with(spec, attribute, shares)
        for target in ("population", "sample"):
            shown = estimate(counts, target=target).attributes[attribute]
            for value, exact in enumerate(frequencies(counts)[attribute]):
                assert abs(shown.value[value] - float(exact)) < 1e-9, "floats differ from fractions"
                told = variance(spec, attribute, value, exact, reports=counts.reports, asked=shown.reports, target=target)
                assert abs(shown.stderr[value] ** 2 / float(told) - 1) < 1e-9, (
                    "the standard error is not the root of the variance"
                )


def adding_is_exact(spec: Spec) -> None:
    """Two reports counted apart and added, or counted at once."""
    some = sorted(written(spec, (0,) * len(spec.parts)))
    some = some[:: max(1, len(some) // 6)]
    for one, two in itertools.product(some, repeat=2):
        rows = [np.frombuffer(report, dtype=np.uint8)[None, :].copy() for report in (one, two)]
        try:
            apart = count(spec, Reports(spec, rows[0])) + count(spec, Reports(spec, rows[1]))
        except InvalidInput as error:
            raise AssertionError("a sum of counts is none") from error
        assert key_of(apart) == key_of(count(spec, Reports(spec, np.concatenate(rows)))), "counts do not add"
        assert key_of(apart) == plus(counted(spec, one), counted(spec, two))


def prove() -> None:
    counted.cache_clear()
    for spec, _ in PLANS:
        adding_is_exact(spec)
        covariances_are_as_stated(spec)
    for spec, people in PLANS:
        moments_are_as_stated(spec, people)
        floats_agree_with_fractions(spec)


def mutants() -> dict[str, object]:
    room, how, pairs = "privlib.ldp.estimate", "privlib.ldp.counting", "privlib.ldp.covariance"
    support = "privlib.ldp.parts.Part.support"
    return {
        "fakes are forgotten": rewritten(support, "+ (1 - self.weight) * self.fake_support(value)", ""),
        "all fakes are alike": rewritten(f"{room}.rates", "if part.uniform", "if True"),
        "the weight is forgotten": rewritten(support, "self.weight * slope", "slope"),
        "fakes replace the value itself": rewritten(support, "(1 - self.weight)", "1"),
        "the rate of others is not subtracted": rewritten(f"{room}.frequencies", "- b", "- 0"),
        "all reports count, not those that speak": rewritten(
            f"{room}.frequencies", "Fraction(c, asked)", "Fraction(c, counts.reports)"
        ),
        "the population for the sample": rewritten(f"{room}.variance", '== "sample"', '== "people"'),
        "the sample for the population": rewritten(f"{room}.variance", '== "sample"', '!= "people"'),
        "drawn with replacement": rewritten(
            f"{room}.known_share", "Fraction(asked - 1, reports - 1)", "Fraction(asked, reports)"
        ),
        "the variance of everybody": rewritten(f"{room}.variance", "spread / told", "spread / reports"),
        "the shown estimate is not divided": rewritten(f"{room}._one", "(seen - misses) / slope", "seen - misses"),
        "the shown error forgets the sample": rewritten(f"{room}._one", "spread -= ", "spread -= 0 * "),
        "unary fakes are as good as values": rewritten(
            "privlib.ldp.parts.Part.fake_support",
            "(self.oracle.hit - self.oracle.miss)",
            "self.oracle.hit",
        ),
        "covariance of the other sign": rewritten(f"{pairs}.covariance", "return -_pull", "return _pull"),
        "fakes are independent of their attribute": rewritten(
            f"{pairs}.covariance", "both = part.weight * both + (1 - part.weight)", "both = both + 0"
        ),
        "fakes pull as well": rewritten(f"{pairs}._pull", "- part.fake_support(value)", "- 0"),
        "lines of hashes are forgotten": rewritten(f"{pairs}._allies", "range(2, g)", "range(0)"),
        "sums of rows are forgotten": rewritten(f"{pairs}._allies", "(x + 1) ^ (y + 1)", "oracle.size + 1"),
        "the matrix forgets the others' allies": rewritten(f"{pairs}._ally_shares", "y] = shares[y, x] = ", "y] = 0 * "),
        "the matrix of the population": rewritten(f"{pairs}.matrix", "spread -= ", "spread -= 0 * "),
        "hashes run backwards": rewritten(f"{how}._read_hashes", "buckets + x * places", "buckets - x * places"),
        "the first column is a value": rewritten(
            f"{how}.read_histogram", "agreeing[1 : oracle.size + 1]", "agreeing[: oracle.size]"
        ),
        "all attributes have the first one's bits": rewritten(f"{how}._count_all", "layout.bit_offsets[attribute] :", "0:"),
        "counts of one side are lost": rewritten("privlib.ldp.aggregate.Counts.__add__", "own + more for", "more + more for"),
    }

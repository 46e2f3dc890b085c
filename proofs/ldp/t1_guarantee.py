"""The stated guarantee of a local report is the largest ratio of probabilities that there is, at both levels.

Statement
    Attributes j = 1, ..., d have k_j >= 2 values. A report is all attributes' (spl), one drawn and told (smp), or RS+FD: one
    attribute j, drawn with chance w_j > 0, is reported by its randomiser, every other by a fake that does not depend on the
    record, and j is not told. (1) ``guarantee`` gives the maximum over all reports and all two records of the ratio of their
    probabilities, and for each j the same over records that differ in attribute j alone; exactly, for every mixture of
    randomisers, odds, weights and fakes that a plan can have. (2) Where all randomisers of RS+FD run at odds E the record
    guarantee is E, whatever weights and fakes are: sampling hides nothing. (3) With GRR and uniform fakes, and with unary
    encoding and reports of nothing, attribute j costs 1 + (E-1) w_j L_j / sum_i w_i L_i, where L_i = k_i / (E+k_i-1) or
    (1-p_i) / (1-q_i); so 1 + (E-1) / d for unary encoding at one p and q and equal weights. With unary encoding of uniform fakes
    it costs (A + w_j E n_j) / (A + w_j n_j), n_j = k_j / (E+k_j-1), A = sum of w_i k_i / ((k_i-1) E + 1) over i other than j.
    (4) The epsilons shown are the odds' logarithms, rounded up by less than 1e-9. (5) OUE has the odds asked for; SUE too where
    they are a square, else at most these, and less by a factor above 1 - 1e-9.

Proof
    spl: chances multiply, and each attribute alone attains its odds. smp: given what is told, one attribute. RS+FD: let
    r_j(y, x) be the chance of y under the randomiser given x, over its chance as a fake. The report y of the record v has
    the chance prod_i P(fake_i = y_i) * sum_j w_j r_j(y_j, v_j), so ratios are those of the sums. Let (high, low) be the largest
    and the smallest r_j(y, .) of a y; high <= E_j low. The record's maximum is that of sum w_j high_j / sum w_j low_j, the y_j
    being free of each other; where all E_j are E it is at most E, and any y that separates two values in each attribute has it:
    (2). Where attribute j alone differs the quotient is (w_j high + c) / (w_j low + c), which falls as c grows; so all others
    stand at their smallest. What (high, low) can be: GRR (E m, m), m = 1/((E+k-1) P(fake = y)). Unary: a report over its
    chance given no value is one = p/q if the value's bit is set, else zero = (1-p)/(1-q); a fake is the mean of the two at s,
    the chance that its value's bit is set; so (one, zero) over zero + (one-zero) s, where at least one bit is set and one is
    not, thus s from min g to 1 - min g, both attained; and (1, 1) at s = 0 and s = 1. The maximum of a ratio of sums is R if and
    only if the maximum of sum w_j (high_j - R low_j) is 0. On pairs (E m, m) this is linear in m, so the ends suffice; a pair
    that does not separate, (c, c) with low <= c <= high, is never better as R >= 1. Dinkelbach's iteration ends only there: until
    then the choice that makes the sum positive has a larger ratio, and choices are finitely many. (3) puts the L in.

Checked against the shipped code
    (1) by enumeration in Fractions of all reports and records, from laws written anew here, for mixtures of two to three
    attributes with skewed and uniform fakes, unequal odds and weights, and for all single-attribute randomisers. The steps of the
    proof by two solvers for all E, k, p, q, weights and sums. (3) for Adult's domains among others. (4) by balls (flint).

Covers not
    That clients draw from the declared laws: ldp.t3. Several reports about one person: their epsilons add.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any

import cvc5.pythonic
import z3
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.ldp import guarantee as shipped
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle, Subset, Unary, optimal_unary, symmetric_unary
from privlib.ldp.parts import Part, Scheme
from privlib.prove import rewritten

covers = [
    "privlib.ldp.guarantee.guarantee",
    "privlib.ldp.guarantee._ratios",
    "privlib.ldp.guarantee._largest_ratio",
    "privlib.ldp.guarantee.Guarantee.record_epsilon",
    "privlib.ldp.guarantee.Guarantee.attribute_epsilon",
    "privlib.ldp.guarantee.log_up",
    "privlib.ldp.oracles.Grr.hit",
    "privlib.ldp.oracles.Grr.miss",
    "privlib.ldp.oracles.Unary.odds",
    "privlib.ldp.oracles.optimal_unary",
    "privlib.ldp.oracles.symmetric_unary",
    "privlib.ldp.oracles.root",
]

F = Fraction
Rows = list[tuple[Fraction, ...]]
"""The chance of each report, a row, given each value."""
ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)


def uniform(size: int) -> tuple[Fraction, ...]:
    return (F(1, size),) * size


def all_steps(solver: Any) -> None:
    """The proof's inequalities, multiplied out, for all parameters at once."""
    e, p, q, w, x, z, a, b = solver.Reals("E p q w x z a b")
    high, low, shared, least, m, other, ratio, k = solver.Reals("high low shared least m other R k")
    one, zero, mean, s = solver.Reals("one zero mean s")
    unary = [q > 0, q < p, p < 1, one * q == p, zero * (1 - q) == 1 - p]
    for says, premises, untrue in (
        ("the odds of unary encoding, by q (1-q)", [a > 0, a * one == a * (e * zero)], one != e * zero),
        ("a one speaks for a value, a zero against", unary, solver.Or(one <= 1, zero >= 1)),
        ("a sum of ratios grows by the odds", [w > 0, a <= e * b, x <= e * z], a + w * x > e * (b + w * z)),
        ("and attains them", [w > 0, a == e * b, x == e * z], a + w * x != e * (b + w * z)),
        (
            "the others at their least",
            [low > 0, high >= low, least > 0, shared >= least],
            (high + shared) * (low + least) > (high + least) * (low + shared),
        ),
        (
            "the ends suffice for a record, x being E - R",
            [a <= m, m <= b],
            solver.And(x * m > x * a, x * m > x * b),
        ),
        (
            "and for an attribute the larger end",
            [e >= 1, m > 0, m <= b, least >= 0],
            (e * m + least) * (b + least) > (e * b + least) * (m + least),
        ),
        (
            "a report that does not separate is never better",
            [ratio >= 1, low <= other, other <= high],
            other - ratio * other > high - ratio * low,
        ),
        ("a positive sum has a larger ratio", [b > 0, low > 0, high == ratio * low, a - ratio * b > 0], a * low <= high * b),
        ("none that is positive, none larger", [x - ratio * z <= a - ratio * b, a - ratio * b <= 0], x > ratio * z),
        (
            "an attribute's share of what is least",
            [e > 1, a > 0, least >= 0, high == e * a],
            (high + least) * (a + least) != (a + least + (e - 1) * a) * (a + least),
        ),
        (
            "the fake nearest to a value, encoded uniformly",
            [zero > 0, k >= 2, one == e * zero, mean * k == zero * k + (one - zero)],
            one * (e + k - 1) != k * e * mean,
        ),
        (
            "and the farthest",
            [zero > 0, k >= 2, one == e * zero, mean * k == zero * k + (one - zero) * (k - 1)],
            zero * ((k - 1) * e + 1) != k * mean,
        ),
        (
            "a mean stands between",
            [one > zero, s >= 0, s <= 1, mean == zero + (one - zero) * s],
            solver.Or(mean > one, mean < zero),
        ),
    ):
        search = solver.Solver()
        search.add(*premises, untrue)
        assert search.check() == solver.unsat, f"{solver.__name__} refutes: {says}"
        possible = solver.Solver()
        possible.add(*premises)
        assert possible.check() == solver.sat, f"{solver.__name__} finds no case of: {says}"


def bits_of(chances: Sequence[Fraction]) -> list[Fraction]:
    return [
        prod((p if bit else 1 - p) for bit, p in zip(bits, chances, strict=True))
        for bits in itertools.product((1, 0), repeat=len(chances))
    ]


def rows(oracle: Oracle) -> Rows:
    """The law of a randomiser, from its definition."""
    values = range(oracle.size)
    if isinstance(oracle, Unary):
        columns = [bits_of([oracle.hit if x == value else oracle.miss for x in values]) for value in values]
        return list(zip(*columns, strict=True))
    e = oracle.odds
    match oracle:
        case Grr():
            weights = [tuple(e if x == y else F(1) for x in values) for y in values]
        case Subset():
            weights = [tuple(e if x in y else F(1) for x in values) for y in itertools.combinations(values, oracle.chosen)]
        case LocalHash():
            g, d = oracle.buckets, oracle.digits
            assert g**d >= oracle.size, "two values have the same digits"
            functions = itertools.product(range(g), repeat=d)
            hashes = [tuple(sum(a * (x // g**i) for i, a in enumerate(f)) % g for x in values) for f in functions]
            weights = [tuple(e if hashed[x] == y else F(1) for x in values) for hashed in hashes for y in range(g)]
        case Hadamard():
            weights = [tuple(F(1) if ((x + 1) & y).bit_count() % 2 else e for x in values) for y in range(oracle.columns)]
    totals = [sum(column) for column in zip(*weights, strict=True)]
    return [tuple(weight / total for weight, total in zip(row, totals, strict=True)) for row in weights]


def fakes(part: Part) -> list[Fraction]:
    if part.fake is None:
        assert isinstance(part.oracle, Unary)
        return bits_of([part.oracle.miss] * part.size)
    return [sum((g * p for g, p in zip(part.fake, row, strict=True)), F(0)) for row in plain_or(part.oracle)]


def plain_or(oracle: Oracle) -> Rows:
    """How a fake value is reported: as it is by GRR, encoded by unary encoding."""
    if isinstance(oracle, Unary):
        return rows(oracle)
    return [tuple(F(x == y) for x in range(oracle.size)) for y in range(oracle.size)]


def law(scheme: Scheme, parts: Sequence[Part]) -> dict[tuple[int, ...], list[Fraction]]:
    """For each record the chances of all reports, in one order."""
    laws = [rows(part.oracle) for part in parts]
    found = dict[tuple[int, ...], list[Fraction]]()
    for record in itertools.product(*(range(part.size) for part in parts)):
        true = [[row[x] for row in each] for each, x in zip(laws, record, strict=True)]
        if scheme is Scheme.SMP:
            found[record] = [part.weight * p for part, column in zip(parts, true, strict=True) for p in column]
            continue
        if scheme is Scheme.SPL:
            found[record] = [prod(each) for each in itertools.product(*true)]
            continue
        faked = [fakes(part) for part in parts]
        reports = itertools.product(*(range(len(column)) for column in true))
        found[record] = [
            sum(
                part.weight * true[j][y[j]] * prod(faked[i][y[i]] for i in range(len(parts)) if i != j)
                for j, part in enumerate(parts)
            )
            for y in reports
        ]
        assert sum(found[record]) == 1
    return found


def largest(laws: dict[tuple[int, ...], list[Fraction]], attribute: int | None) -> Fraction:
    """Between records that differ anywhere, or in one attribute alone."""
    groups = dict[tuple[int, ...], list[list[Fraction]]]()
    for record, chances in laws.items():
        rest = () if attribute is None else (*record[:attribute], *record[attribute + 1 :])
        groups.setdefault(rest, []).append(chances)
    return max(max(each) / min(each) for group in groups.values() for each in set(zip(*group, strict=True)))


def mixtures() -> list[list[Part]]:
    """RS+FD: weights, odds, fakes and randomisers of all kinds."""
    odds, skewed = F(5), (F(7, 10), F(1, 5), F(1, 10))
    free = Unary(3, F(2, 3), F(1, 5))
    return [
        [Part(Grr(2, odds), F(1, 2), uniform(2)), Part(Grr(3, odds), F(1, 2), uniform(3))],
        [Part(Grr(3, odds), F(1, 4), skewed), Part(Grr(3, F(2)), F(3, 4), skewed)],
        [Part(Grr(3, F(9)), F(1, 6), skewed), Part(Grr(3, F(3, 2)), F(5, 6), (F(1, 10), F(1, 10), F(4, 5)))],
        [Part(optimal_unary(2, odds), F(1, 3)), Part(optimal_unary(3, odds), F(2, 3))],
        [Part(symmetric_unary(3, odds), F(1, 2), uniform(3)), Part(optimal_unary(2, odds), F(1, 2), uniform(2))],
        [Part(optimal_unary(3, F(12)), F(1, 3), skewed), Part(free, F(2, 3), skewed)],
        [Part(free, F(1, 5), skewed), Part(Grr(3, F(30)), F(4, 5), skewed)],
        [Part(free, F(1, 2)), Part(Grr(2, F(2)), F(1, 2), (F(1, 4), F(3, 4)))],
        [Part(Grr(2, F(7)), F(1, 2), uniform(2)), Part(free, F(1, 6), skewed), Part(Unary(2, F(1, 2), F(1, 7)), F(1, 3))],
        [Part(Grr(2, F(4)), F(1, 3), (F(1, 9), F(8, 9))), *(Part(Grr(2, e), F(1, 3), uniform(2)) for e in (F(3), F(2)))],
    ]  # fmt: skip


def singles() -> list[list[Part]]:
    return [
        [Part(Grr(3, F(4))), Part(Subset(4, F(3), 2))],
        [Part(LocalHash(4, F(5), 3)), Part(Hadamard(3, F(2)))],
        [Part(optimal_unary(3, F(3))), Part(symmetric_unary(2, F(4))), Part(Grr(2, F(3, 2)))],
        [Part(Unary(4, F(3, 4), F(1, 8)))],
    ]


def the_guarantee_is_the_largest_ratio() -> None:
    shared = [[Part(part.oracle, F(j + 1, 6 if len(parts) == 3 else len(parts) * 2 - 1)) for j, part in enumerate(parts)]
              for parts in singles()]  # fmt: skip
    cases = [(Scheme.RSFD, parts) for parts in mixtures()]
    cases += [(Scheme.SPL, parts) for parts in singles()] + [(Scheme.SMP, parts) for parts in shared]
    for scheme, parts in cases:
        assert scheme is Scheme.SPL or sum(part.weight for part in parts) == 1
        told, laws = shipped.guarantee(scheme, parts), law(scheme, parts)
        assert told.record == largest(laws, None), "two records differ by another ratio"
        each = tuple(largest(laws, attribute) for attribute in range(len(parts)))
        assert told.attributes == each, "an attribute costs another ratio"
        assert told.attribute == max(each), "the attribute guarantee is not the worst attribute's"


def equal_odds_are_the_record_guarantee() -> None:
    """For every weight and fake: here with random ones far beyond what enumeration reaches."""
    for odds, sizes in itertools.product((F(3, 2), F(16), F(10**9)), (ADULT, (2, 50, 3))):
        kinds = [Grr, optimal_unary, symmetric_unary if odds == 16 else optimal_unary]
        weights = [F(i + 1) for i in range(len(sizes))]
        parts = [
            Part(kinds[i % 3](k, odds), weight / sum(weights), skew(k) if i % 2 or i % 3 == 0 else None)
            for i, (k, weight) in enumerate(zip(sizes, weights, strict=True))
        ]
        assert shipped.guarantee(Scheme.RSFD, parts).record == odds, "sampling hides something"


def skew(size: int) -> tuple[Fraction, ...]:
    return tuple(F(i + 1, size * (size + 1) // 2) for i in range(size))


def the_closed_forms_hold() -> None:
    for e, sizes in itertools.product((F(5), F(19), F(5, 4)), ((2, 2), (2, 3), (2, 3, 4), ADULT, (10,) * 10)):
        shares = [F(1, len(sizes))] * len(sizes), [F(i + 1, len(sizes) * (len(sizes) + 1) // 2) for i in range(len(sizes))]
        for w in shares:
            grr = [Part(Grr(k, e), share, uniform(k)) for k, share in zip(sizes, w, strict=True)]
            leasts = [share * k / (e + k - 1) for share, k in zip(w, sizes, strict=True)]
            assert attributes(grr) == [1 + (e - 1) * least / sum(leasts) for least in leasts], "GRR costs something else"
            oue = [Part(optimal_unary(k, e), share) for k, share in zip(sizes, w, strict=True)]
            assert attributes(oue) == [1 + (e - 1) * share for share in w], "unary encoding costs something else"
            encoded = [Part(optimal_unary(k, e), share, uniform(k)) for k, share in zip(sizes, w, strict=True)]
            far = [share * k / ((k - 1) * e + 1) for share, k in zip(w, sizes, strict=True)]
            near = [share * k / (e + k - 1) for share, k in zip(w, sizes, strict=True)]
            assert attributes(encoded) == [(sum(far) - f + e * n) / (sum(far) - f + n) for f, n in zip(far, near, strict=True)], (
                "encoded fakes cost something else"
            )


def attributes(parts: Sequence[Part]) -> list[Fraction]:
    return list(shipped.guarantee(Scheme.RSFD, parts).attributes)


def epsilon_is_rounded_up() -> None:
    ctx.prec = 200
    for odds in (F(3), F(13, 4), F(10**9 + 1, 10**9), F(10) ** 300, F(7, 2) ** 33):
        told = shipped.Guarantee(odds, odds, (odds,))
        truth = arb(fmpq(odds.numerator, odds.denominator)).log()
        for shown in (told.record_epsilon, told.attribute_epsilon):
            assert arb(shown) >= truth, "the epsilon shown is below the truth"
            assert arb(shown) <= truth * (1 + arb(1e-9)), "the epsilon shown is far above the truth"


def unary_encoding_runs_at_its_odds() -> None:
    for odds in (F(2), F(3), F(9), F(25, 16), F(19), F(10**6, 7), F(11, 10), F(2) ** 200 + 1):
        assert optimal_unary(5, odds).odds == odds, "OUE has other odds"
        found = symmetric_unary(5, odds)
        assert found.hit == 1 - found.miss
        assert odds * (1 - F(1, 10**9)) < found.odds <= odds, "SUE has odds above those asked for, or far below"
        assert found.odds == odds or odds not in (F(9), F(25, 16)), "the root of a square is not exact"


def prove() -> None:
    the_guarantee_is_the_largest_ratio()
    the_closed_forms_hold()
    equal_odds_are_the_record_guarantee()
    epsilon_is_rounded_up()
    unary_encoding_runs_at_its_odds()
    all_steps(z3)
    all_steps(cvc5.pythonic)


def mutants() -> dict[str, object]:
    room = "privlib.ldp.guarantee"
    whole, ratios, search = f"{room}.guarantee", f"{room}._ratios", f"{room}._largest_ratio"
    return {
        "splitting costs its largest part": rewritten(whole, "prod(each, start=Fraction(1))", "max(each)"),
        "sampling costs its smallest part": rewritten(whole, "Guarantee(max(each), max(each)", "Guarantee(min(each), max(each)"),
        "weights are forgotten": rewritten(whole, "(part.weight * high, part.weight * low)", "(high, low)"),
        "the others stand at their most": rewritten(whole, "min(low for", "max(low for"),
        "the others count themselves": rewritten(whole, "(low + total - mine)", "(low + total)"),
        "the others do not count": rewritten(
            whole, "(high + total - mine) / (low + total - mine)", "(high + 0 * (total - mine)) / low"
        ),
        "the published amplification": rewritten(whole, "Guarantee(_largest_ratio(pairs)", "Guarantee(max(each)"),
        "the attribute guarantee is the first one's": rewritten(
            whole, "Guarantee(_largest_ratio(pairs), max(each)", "Guarantee(_largest_ratio(pairs), each[0]"
        ),
        "only the most likely fake": rewritten(ratios, "{min(part.fake), max(part.fake)}", "{max(part.fake)}"),
        "only the least likely fake": rewritten(ratios, "{min(part.fake), max(part.fake)}", "{min(part.fake)}"),
        "only one bit set": rewritten(ratios, "(min(part.fake), 1 - min(part.fake))", "(min(part.fake),)"),
        "only one bit left": rewritten(ratios, "(min(part.fake), 1 - min(part.fake))", "(1 - min(part.fake),)"),
        "encoded fakes are the likely ones": rewritten(
            ratios, "(min(part.fake), 1 - min(part.fake))", "(max(part.fake), 1 - max(part.fake))"
        ),
        "a fake is a report of nothing": rewritten(ratios, "if part.fake is None", "if part.fake is not None or True"),
        "zeros say nothing": rewritten(ratios, "(1 - oracle.hit) / (1 - oracle.miss)", "Fraction(1)"),
        "the search ends at its start": rewritten(search, "<= 0:", "<= 10**9:"),
        "the search looks at one attribute": rewritten(
            search, "for listed in pairs]\n        if", "for listed in pairs[:1]]\n        if"
        ),
        "the search ends too early": rewritten(search, "sum((high - ratio * low", "sum((high - 2 * ratio * low"),
        "epsilon is rounded down": rewritten(
            f"{room}.log_up", "_, high = log(odds, _LOG_BITS)", "high = log(odds, _LOG_BITS)[0] - (1 << 20)"
        ),
        "GRR counts a value too many": rewritten("privlib.ldp.oracles.Grr.miss", "self.size - 1", "self.size"),
        "OUE reports too few ones": rewritten("privlib.ldp.oracles.optimal_unary", "1 / (odds + 1)", "1 / (odds + 2)"),
        "a root is rounded up": rewritten("privlib.ldp.oracles.root", "Fraction(low, 1", "Fraction(low + 1, 1"),
        "SUE keeps ones alone": rewritten("privlib.ldp.oracles.symmetric_unary", "1 / (s + 1)", "1 / (odds + 1)"),
    }


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(2, 3), st.integers(1, 9), st.booleans()), min_size=2, max_size=2), st.fractions(2, 30))
def test_equal_odds_are_the_record_guarantee(described: list[tuple[int, int, bool]], odds: Fraction) -> None:
    total = sum(weight for _, weight, _ in described)
    parts = [
        Part(Grr(k, odds), F(weight, total), skew(k)) if plain else Part(optimal_unary(k, odds), F(weight, total))
        for k, weight, plain in described
    ]
    assert shipped.guarantee(Scheme.RSFD, parts).record == odds == largest(law(Scheme.RSFD, parts), None)

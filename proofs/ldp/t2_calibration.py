"""Calibrated and planned reports never leak more than their caps, and equalised weights restore amplification by sampling.

Statement
    (1) Equaliser. In RS+FD over d attributes of any sizes, let all randomisers run at odds E, each GRR with uniform fakes or
    unary encoding with reports of nothing as fakes, and let L_j be the least that a report of attribute j says of a value, over
    what its fake says: k_j / (E + k_j - 1) for GRR, (1 - p_j) / (1 - q_j) for unary encoding. At weights proportional to 1 / L_j
    every attribute costs exactly 1 + (E - 1) / d; at E = d (C - 1) + 1 that is the cap C. More generally, at odds e_j and weights
    proportional to t_j / L_j, t adding up to 1, attribute j costs 1 + t_j (e_j - 1), and the record 1 + sum_j t_j (e_j - 1).
    (2) ``read_odds`` gives at most e^epsilon, and less by a factor of 1 + 2^-40 at most; ``root`` at most the root.
    (3) ``calibrated`` keeps the cap at its level, for every protocol, mixture and prior, and comes within 1e-9 of it, as a
    share of the cap less 1 (d times that for spl under a cap on records).
    (4) ``cheapest`` keeps one cap or both, whatever its search in floats does.

Proof
    (1) By theorem ldp.t1 attribute j costs 1 + (e_j - 1) w_j L_j / sum_i w_i L_i, and w_j L_j is proportional to t_j. A report
    that separates two values in every attribute gives the record the sum of highs over that of lows, highs being e_j times lows,
    and no other report gives it more. (2) ``exp_negative`` encloses e^-epsilon; one over its upper end, rounded down, is a lower
    bound. The root is found among integers r with r^d at most the scaled value. (3) Where a closed form gives the odds it is
    (1) and ldp.t1: spl multiplies, smp and RS+FD at record level cost their odds. Elsewhere the last odds that halving
    found to keep the cap are taken, by the exact guarantee; at the cap itself it is kept, because no attribute leaks more than
    the record. (4) ``Spec.of_parts`` refuses a plan whose exact guarantee passes a cap; that the planner's
    candidates keep them is checked here, so that none is refused.

Checked against the shipped code
    (1) by two solvers for d up to 5 and all E, L and t; by enumeration of reports for small domains; by ``guarantee`` for Adult's
    domains and mixtures. (2) by balls (flint). (3) and (4) over grids here, and for random plans in tests/ldp (Hypothesis).

Covers not
    That the plan found is the best there is: it is the best of those tried. Floats choose, fractions decide.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any, Literal

import cvc5.pythonic
import z3
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.ldp import Domain, calibrate, mixture, oracles, planner
from privlib.ldp import guarantee as told
from privlib.ldp.oracles import Grr, Unary, optimal_unary
from privlib.ldp.parts import PROTOCOLS, Part, Scheme, scheme_of
from privlib.prove import rewritten

covers = [
    "privlib.ldp.calibrate.read_odds",
    "privlib.ldp.calibrate.amplified",
    "privlib.ldp.calibrate.calibrated",
    "privlib.ldp.calibrate._largest",
    "privlib.ldp.calibrate._equalising",
    "privlib.ldp.calibrate._least",
    "privlib.ldp.oracles.root",
    "privlib.ldp.oracles._whole_root",
    "privlib.ldp.planner.cheapest",
    "privlib.ldp.planner._candidates",
    "privlib.ldp.planner._singles",
    "privlib.ldp.planner._shared_out",
    "privlib.ldp.planner._kept",
    "privlib.ldp.planner._with_fakes",
    "privlib.ldp.mixture.mixture",
    "privlib.ldp.mixture._exactly",
]

ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)
SIZES: list[tuple[int, ...]] = [(2, 2), (2, 5), (3, 3, 3), (2, 3, 4), (2, 7, 3), (2, 2, 9)]
CAPS = [Fraction(1001, 1000), Fraction(3, 2), Fraction(3), Fraction(100)]
EPSILONS = [Fraction(1, 10**6), Fraction(1, 3), Fraction(1), Fraction(7, 2), Fraction(50), Fraction(700)]
SOLVERS: list[Any] = [z3, cvc5.pythonic]
Level = Literal["record", "attribute"]


def sat(solver: Any, *constraints: Any) -> bool:
    own = solver.Solver()
    own.add(*constraints)
    found = own.check()
    assert found in (solver.sat, solver.unsat), "the solver does not decide"
    return bool(found == solver.sat)


def leaks_are_as_the_equaliser_says(solver: Any) -> None:
    """All real numbers: high_j = e_j low_j, low_j = c t_j, sum t = 1; attribute j moves from its low to its high."""
    for count in range(2, 6):
        c, *odds = solver.Reals("c " + " ".join(f"e{place}" for place in range(count)))
        t = solver.Reals(" ".join(f"t{place}" for place in range(count - 1)))
        t = [*t, 1 - sum(t)]
        lows = [c * share for share in t]
        inside = [c > 0, *(share > 0 for share in t), *(e >= 1 for e in odds)]
        attribute = odds[0] * lows[0] + sum(lows[1:])
        assert not sat(solver, *inside, attribute != (1 + t[0] * (odds[0] - 1)) * sum(lows)), "an attribute costs something else"
        highs = sum(e * low for e, low in zip(odds, lows, strict=True))
        record = 1 + sum(share * (e - 1) for e, share in zip(odds, t, strict=True))
        assert not sat(solver, *inside, highs != record * sum(lows)), "the record costs something else"
    least, high, size = solver.Reals("least high size")
    assert not sat(solver, size >= 2, high > 1, least * (high + size - 1) == size, least <= 0), "a weight is not positive"


def chance(part: Part, report: Any, value: int | None) -> Fraction:
    """Of a report of one attribute, given a value or faked; written anew, from what the protocols are."""
    oracle = part.oracle
    if isinstance(oracle, Grr):
        if value is None:
            return Fraction(1, oracle.size)
        return (oracle.odds if report == value else Fraction(1)) / (oracle.odds + oracle.size - 1)
    assert isinstance(oracle, Unary)
    ones = (oracle.hit if place == value else oracle.miss for place in range(oracle.size))
    return prod((one if bit else 1 - one for one, bit in zip(ones, report, strict=True)), start=Fraction(1))


def enumerated(parts: Sequence[Part]) -> tuple[Any, list[Any]]:
    """The largest ratios between records, and between records that differ in one attribute, over all reports."""
    reports = [
        range(part.size) if isinstance(part.oracle, Grr) else list(itertools.product((0, 1), repeat=part.size)) for part in parts
    ]
    records = list(itertools.product(*(range(part.size) for part in parts)))
    worst: Any = 1
    each: list[Any] = [1] * len(parts)
    for report in itertools.product(*reports):
        fakes = [chance(part, own, None) for part, own in zip(parts, report, strict=True)]
        ratios = [
            [part.weight * chance(part, own, value) / fake for value in range(part.size)]
            for part, own, fake in zip(parts, report, fakes, strict=True)
        ]
        law = {record: sum(ratios[place][value] for place, value in enumerate(record)) for record in records}
        worst = max(worst, max(law.values()) / min(law.values()))
        for place, rest in itertools.product(range(len(parts)), records):
            own = [law[(*rest[:place], value, *rest[place + 1 :])] for value in range(parts[place].size)]
            each[place] = max(each[place], max(own) / min(own))
    return worst, each


def equalised_attributes_cost_the_cap() -> None:
    for protocol, cap in itertools.product(("rsfd-grr", "rsfd-oue-z", "rsfd-sue-z"), (Fraction(3), Fraction(7, 5))):
        for sizes in [*SIZES, ADULT]:
            parts = calibrate.calibrated(protocol, sizes, cap, level="attribute", weights="equalised")
            odds, count = parts[0].oracle.odds, len(sizes)
            found = told.guarantee(Scheme.RSFD, parts)
            assert set(found.attributes) == {1 + (odds - 1) / count}, "attributes do not leak alike"
            assert found.record == odds, "the record costs something else"
            if protocol != "rsfd-sue-z":  # its odds need a root
                assert odds == count * (cap - 1) + 1 == calibrate.amplified(cap, count), "the odds are not the amplified ones"
                assert found.attribute == cap, "the cap is not reached"
    for sizes in ((2, 2), (2, 3), (2, 2, 3)):
        for protocol in ("rsfd-grr", "rsfd-oue-z"):
            parts = calibrate.calibrated(protocol, sizes, Fraction(3), level="attribute", weights="equalised")
            assert enumerated(parts) == (2 * len(sizes) + 1, [3] * len(sizes)), "enumeration finds another cost"
    either: list[Part] = [Part(Grr(2, Fraction(5)), fake=(Fraction(1, 2),) * 2), Part(optimal_unary(4, Fraction(5)))]
    inverse = [1 / calibrate._least(part) for part in either]
    assert [weight / sum(inverse) for weight in inverse] == [Fraction(9, 14), Fraction(5, 14)], "other weights are equalised"
    mixed = [Part(part.oracle, weight / sum(inverse), part.fake) for part, weight in zip(either, inverse, strict=True)]
    assert enumerated(mixed) == (5, [3, 3]), "a mixture of encodings costs something else"


def odds_are_read_from_below() -> None:
    ctx.prec = 4000
    for epsilon in EPSILONS:
        read = calibrate.read_odds(epsilon, None)
        truth, found = arb(fmpq(epsilon.numerator, epsilon.denominator)).exp(), arb(fmpq(read.numerator, read.denominator))
        assert found <= truth, "the odds are above e^epsilon"
        assert (found - 1) * (1 + arb(2) ** -39) >= truth - 1, "the odds are far below e^epsilon"
    assert calibrate.read_odds(None, "7/3") == Fraction(7, 3), "odds are not taken as they are"
    for cap, degree in itertools.product(CAPS, (1, 2, 9, 33)):
        root = oracles.root(cap, degree)
        assert root**degree <= cap, "the root is above the root"
        assert (1 + (root - 1) * (1 + Fraction(1, 2**30))) ** degree > cap, "the root is far below the root"


def calibrated_plans_keep_their_caps() -> None:
    levels: tuple[Level, Level] = ("record", "attribute")
    for protocol, level, cap in itertools.product(PROTOCOLS, levels, CAPS[1:]):
        for sizes in ((2, 5), (2, 3, 4)):
            priors = None
            if protocol.startswith("rsrfd"):
                priors = [[Fraction(2 * value + 1, size**2) for value in range(size)] for size in sizes]
            parts = calibrate.calibrated(protocol, sizes, cap, level=level, priors=priors)
            found = told.guarantee(scheme_of(protocol), parts)
            reached = found.record if level == "record" else found.attribute
            assert reached <= cap, "a calibrated plan passes its cap"
            close = Fraction(len(sizes) if protocol.startswith("spl") else 1, 10**9)
            assert cap - reached <= close * (cap - 1), "a calibrated plan stays far below its cap"
    parts = calibrate.calibrated("rsfd-grr", (2, 3), Fraction(3), level="attribute")
    assert max(enumerated(parts)[1]) <= 3, "enumeration finds a larger cost"


def planned_reports_keep_both_caps() -> None:
    pairs: list[tuple[Fraction | None, Fraction | None]] = [(cap, None) for cap in CAPS] + [(None, cap) for cap in CAPS]
    pairs += [
        (Fraction(21), Fraction(3)),
        (Fraction(5), Fraction(3)),
        (Fraction(8), Fraction(5, 2)),
        (Fraction(9, 5), Fraction(7, 5)),
    ]
    for given_, whole in ((Fraction(3) + Fraction(1, 2**20), Fraction(9)), (Fraction(3), Fraction(9))):
        kept = planner._kept([given_, given_], whole, None)
        assert whole * (1 - Fraction(1, 10**5)) < prod(kept) <= whole, "odds that were shared out pass the cap, or waste it"
    assert planner._kept([Fraction(3), Fraction(2)], Fraction(9), Fraction(5, 2)) == [Fraction(5, 2), 2], "a cap is not kept"
    sought = list[str]()
    for sizes, (record, attribute) in itertools.product([(5,), (2, 3, 4), (10,) * 10, (4,) * 12, (11, 12) * 4], pairs):
        domain = Domain({f"a{place}": list(range(size)) for place, size in enumerate(sizes)})
        try:
            spec = planner.cheapest(domain, record_cap=record, attribute_cap=attribute)
        except InvalidInput as error:
            raise AssertionError("caps that can be kept are not") from error
        found = told.guarantee(spec.scheme, spec.parts)
        assert record is None or found.record <= record, "a plan passes the cap on records"
        assert attribute is None or found.attribute <= attribute, "a plan passes the cap on attributes"
        sought.append(spec.protocol)
        most = max(found.record / record if record else 0, found.attribute / attribute if attribute else 0)
        assert most > 1 - Fraction(1, 10**6), "a plan leaves a cap unused"
    assert {name.partition("-")[0] for name in sought} == {"spl", "smp", "rsfd"}, "a way to report is never chosen"
    for sizes, even in ((ADULT, False), (ADULT, True), ((3,) * 120, False)):
        found = told.guarantee(Scheme.RSFD, mixture.mixture(sizes, Fraction(2), even=even))
        assert found.attribute <= 3, "a mixture passes the cap on attributes"
        assert found.record <= 1 + 2 * len(sizes), "a mixture passes what its attributes allow"
        assert 3 - min(found.attributes) < Fraction(1, 10**6), "a mixture leaves an attribute's cap unused"


def prove() -> None:
    for solver in SOLVERS:
        leaks_are_as_the_equaliser_says(solver)
    odds_are_read_from_below()
    equalised_attributes_cost_the_cap()
    calibrated_plans_keep_their_caps()
    planned_reports_keep_both_caps()


def mutants() -> dict[str, object]:
    room, search, mix = "privlib.ldp.calibrate", "privlib.ldp.planner", "privlib.ldp.mixture"
    at, halving, read = f"{room}.calibrated", f"{room}._largest", f"{room}.read_odds"
    keeps, inside = "guarantee(Scheme.RSFD, parts).attribute <=", "guarantee(Scheme.RSFD, parts).attribute <= 1 + excess"
    return {
        "e^epsilon is rounded up": rewritten(read, "(1 << (bits + fine)) // high", "(1 << (bits + fine)) // high + 1"),
        "e^epsilon is rounded far down": rewritten(read, "Fraction(whole, 1 << fine)", "Fraction(whole - 2**20, 1 << fine)"),
        "the root is rounded up": rewritten(
            "privlib.ldp.oracles.root", "Fraction(low, 1 << fine)", "Fraction(low + 1, 1 << fine)"
        ),
        "spl spends the cap on every attribute": rewritten(at, 'root(cap, count) if level == "record" else cap', "cap"),
        "the published odds are believed": rewritten(at, 'if calibration == "paper"', 'if calibration in ("paper", "exact")'),
        "RS+FD is amplified at record level": rewritten(
            at, 'level == "record" and calibration == "exact"', 'level == "record" and calibration == "paper"'
        ),
        "one attribute too many is amplified": rewritten(f"{room}.amplified", "attributes * (odds", "(attributes + 1) * (odds"),
        "halving ends above the cap": rewritten(halving, "low, best = middle, tried", "low, best = middle, at(high)"),
        "halving stops early": rewritten(halving, "(1 << _BITS)", "(1 << 20)"),
        "halving looks at the mean attribute": rewritten(
            halving, f"{keeps} cap", "sum(guarantee(Scheme.RSFD, parts).attributes) <= cap * len(parts)"
        ),
        "weights grow with what leaks": rewritten(f"{room}._equalising", "1 / _least(part)", "_least(part)"),
        "bits are equalised by their ones": rewritten(f"{room}._least", "(1 - oracle.hit) / (1 - oracle.miss)", "oracle.hit"),
        "values are equalised by their number": rewritten(f"{room}._least", "oracle.miss * part.size", "oracle.miss / part.size"),
        "the planner takes the larger cap": rewritten(f"{search}._candidates", "least = min(", "least = max("),
        "the planner gives each attribute what a record may cost": rewritten(
            f"{search}._candidates", "alike if attribute is None else min(alike, attribute)", "record"
        ),
        "odds shared out may multiply past the cap": rewritten(
            f"{search}._kept", "prod(shrunk) <= record", "prod(shrunk) <= 2 * record"
        ),
        "fakes are allowed d times as much": rewritten(f"{search}._with_fakes", "(record - 1) / count", "record - 1"),
        "fakes keep records only": rewritten(f"{search}._with_fakes", "[attribute - 1]", "[attribute * count]"),
        "a mixture is rounded past its cap": rewritten(f"{mix}._exactly", inside, f"{inside} + 1"),
        "a mixture keeps far inside its cap": rewritten(f"{mix}._exactly", "slack = 30", "slack = 10"),
    }


@given(
    st.lists(st.tuples(st.integers(2, 9), st.booleans()), min_size=2, max_size=5),
    st.fractions(Fraction(11, 10), 30, max_denominator=10),
)
def test_any_mixture_of_encodings_can_be_equalised(attributes: list[tuple[int, bool]], odds: Fraction) -> None:
    parts = [
        Part(Grr(size, odds), fake=(Fraction(1, size),) * size) if grr else Part(optimal_unary(size, odds))
        for size, grr in attributes
    ]
    inverse = [1 / calibrate._least(part) for part in parts]
    weighted = [Part(part.oracle, weight / sum(inverse), part.fake) for part, weight in zip(parts, inverse, strict=True)]
    found = told.guarantee(Scheme.RSFD, weighted)
    assert set(found.attributes) == {1 + (odds - 1) / len(parts)}
    assert found.record == odds

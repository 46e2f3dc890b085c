"""RS+FD at the published odds is not as private as published between two records, and this is by how much.

Statement
    arXiv 2109.07269 claims: draw one of d >= 2 attributes uniformly, run a randomiser of odds E' = d (E-1) + 1 on it, report
    fakes for the others, and do not tell which it was; then the whole report has odds of at most E between any two records.
    (1) It does not, for any d >= 2 and E > 1, and for none of its randomisers: the report that says v in every attribute is E'
    times as likely from v as from a v' that differs from v everywhere, and E' > E. E' is also the most that any report has.
    (2) Between records that differ in one attribute the claim holds with equality for unary encoding with fakes made from
    nothing (OUE-z, SUE-z), whatever the domains, and for GRR where all domains have one size. For GRR with unequal sizes it
    fails: attribute j costs 1 + d (E-1) L_j / sum L_i, L_i = k_i / (E'+k_i-1). For encoded uniform fakes (OUE-r, SUE-r)
    it fails as soon as a domain has three values or two domains differ, and for realistic fakes it fails the more, the more
    skewed they are. (3) Between records that differ in h attributes it costs 1 + h (E-1) where all attributes are alike or
    OUE-z is used: from E for one to E' for all.

Proof
    With r_j(y, x) as in ldp.t1 a report's chance is a factor without the record times sum_j r_j(y_j, v_j). At the report of
    (1), y_j speaks for v_j and against v'_j in each j, so r_j(y_j, v_j) = E' r_j(y_j, v'_j) for each j, whichever was drawn, and
    the sums have the ratio E' too. Not knowing which attribute was drawn helps only where what it says differs between
    attributes. E' - E = (d-1) (E-1) > 0. That no report has more is ldp.t1. (2) and (3) are ldp.t1's sums, with the same least
    L everywhere: (h E' + d - h) / d = 1 + h (E-1).

Checked against the shipped code
    ``Spec(calibration="paper")`` for d from 2 to 9, three E, domains of 2 to 41 values and all seven published variants: the
    chances of the event in (1) in Fractions, from laws written anew here; that the shipped guarantee names E' for two
    records, says that the claim does not hold, and that no plan with ``calibration="exact"`` has more than its cap. The exact
    numbers of docs/explanation/published-claim.md. (1) and (3) by two solvers for all d, E and h.

Covers not
    How well estimates of this protocol do: at the record guarantee E' they are as good as published.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any

import cvc5.pythonic
import z3

from privlib.ldp import Domain, Spec
from privlib.ldp.oracles import Grr, Unary
from privlib.ldp.parts import Part
from privlib.prove import rewritten

covers = [
    "privlib.ldp.calibrate.amplified",
    "privlib.ldp.calibrate.calibrated",
    "privlib.ldp.guarantee.guarantee",
    "privlib.ldp.guarantee.Guarantee.__str__",
    "privlib.ldp.parts.build",
    "privlib.ldp.spec.Spec._guarantee",
    "privlib.ldp.spec.Spec.guarantee",
]

F = Fraction
VARIANTS = ("grr", "oue-z", "sue-z", "oue-r", "sue-r", "adp")
DOMAINS = ((2, 2), (2, 3), (5, 5, 5), (2, 3, 4), (2, 41), (3,) * 7, (7, 16, 7, 14, 6, 5, 2, 41, 2))
CLAIMS = (F(3), F(1001, 1000), F(25))


def a_claim_is_refuted_for_all_parameters(solver: Any) -> None:
    """``a`` is the sum of what the attributes weigh, of which ``b`` is that of the h attributes that differ."""
    d, e, amplified, a, b, h = solver.Reals("d E amplified a b h")
    published = [d >= 2, e > 1, amplified == d * (e - 1) + 1, a > 0]
    for says, premises, untrue in (
        ("E' may be within the claim", [], amplified <= e),
        ("two records that differ everywhere", [b == a], b * amplified + (a - b) != amplified * a),
        ("h attributes alike", [a == d, b == h, h >= 1, h <= d], b * amplified + (a - b) != a * (1 + h * (e - 1))),
        ("more than one attribute alike", [a == d, b == h, h > 1, h <= d], b * amplified + (a - b) <= a * e),
    ):
        search = solver.Solver()
        search.add(*published, *premises, untrue)
        assert search.check() == solver.unsat, f"{solver.__name__}: {says}"


def published(sizes: Sequence[int], variant: str, claim: Fraction, **given: Any) -> Spec:
    domain = Domain({f"a{place}": range(size) for place, size in enumerate(sizes)})
    protocol = f"rsrfd-{variant}" if given else f"rsfd-{variant}"
    return Spec(domain, protocol, level="record", odds=claim, calibration="paper", **given)


def chances(part: Part, value: int, answer: int) -> tuple[Fraction, Fraction]:
    """How likely an attribute's report says ``answer`` and nothing else: by its randomiser given a value, and as a fake."""
    if isinstance(part.oracle, Grr):
        assert part.fake is not None
        e, k = part.oracle.odds, part.size
        return (e if value == answer else F(1)) / (e + k - 1), part.fake[answer]
    assert isinstance(part.oracle, Unary)

    def alone(held: int | None) -> Fraction:
        ones = [part.oracle.hit if x == held else part.oracle.miss for x in range(part.size)]
        return prod(p if x == answer else 1 - p for x, p in enumerate(ones))

    if part.fake is None:
        return alone(value), alone(None)
    return alone(value), sum((g * alone(x) for x, g in enumerate(part.fake)), F(0))


def likelihood(spec: Spec, record: Sequence[int], answers: Sequence[int]) -> Fraction:
    """P(the report says these answers | record), each attribute drawn in turn."""
    told = [chances(part, x, y) for part, x, y in zip(spec.parts, record, answers, strict=True)]
    return sum(
        F(1, len(told)) * true * prod(fake for i, (_, fake) in enumerate(told) if i != j) for j, (true, _) in enumerate(told)
    )


def the_event_has_the_whole_odds() -> None:
    for sizes, claim, variant in itertools.product(DOMAINS, CLAIMS, VARIANTS):
        d = len(sizes)
        whole = d * (claim - 1) + 1
        spec, told = published(sizes, variant, claim), published(sizes, variant, claim).guarantee()
        first, second = (0,) * d, tuple(size - 1 for size in sizes)
        found = likelihood(spec, first, first) / likelihood(spec, second, first)
        assert found == told.record > claim, "the report does not refute the claim by the stated record guarantee"
        assert whole * (1 - F(1, 10**9)) < found <= whole, "the odds are not the published ones"
        assert found == whole or variant.startswith("sue"), "only a root may be rounded"
        assert told.published == claim
        assert "does not hold" in str(told), "a refuted claim is shown as holding"
        if variant == "oue-z":
            assert told.attributes == (claim,) * d, "between records that differ in one attribute the claim is not tight"
        if variant == "grr":
            leasts = [F(k) / (whole + k - 1) for k in sizes]
            assert told.attributes == tuple(1 + d * (claim - 1) * least / sum(leasts) for least in leasts)
            assert (told.attribute == claim) == (len(set(sizes)) == 1)
        if variant == "oue-r":
            assert (told.attribute == claim) == (set(sizes) == {2}), "encoded fakes keep the claim where they do not"
        for hidden in range(1, d + 1) if variant == "oue-z" or (variant == "grr" and len(set(sizes)) == 1) else ():
            other = (*second[:hidden], *first[hidden:])
            away = first[:hidden] + tuple(size - 1 for size in sizes[hidden:])  # the rest speaks against both
            ratio = likelihood(spec, first, away) / likelihood(spec, other, away)
            assert ratio == 1 + hidden * (claim - 1), "h attributes cost another number"


def the_table_is_exact() -> None:
    for sizes, record, grr, zero, encoded in (
        ((2, 2), 5, F(3), F(3), F(3)),
        ((3, 3), 5, F(3), F(3), F(31, 9)),
        ((2, 3), 5, F(13, 4), F(3), F(13, 4)),
        ((2, 3, 4), 7, F(203, 59), F(3), F(65, 17)),
    ):
        for variant, attribute in (("grr", grr), ("oue-z", zero), ("oue-r", encoded)):
            told = published(sizes, variant, F(3)).guarantee()
            assert (told.record, told.attribute) == (record, attribute), "the table of the page is wrong"
    worst = F(0)
    for prior, attribute in ((("1/3",) * 3, F(3)), (("0.8", "0.1", "0.1"), F(41, 9)), (("0.98", "0.01", "0.01"), F(491, 99))):
        told = published((3, 3), "grr", F(3), priors=[prior] * 2).guarantee()
        assert (told.record, told.attribute) == (5, attribute), "realistic fakes cost another number"
        assert worst < told.attribute < 5
        worst = told.attribute


def an_honest_calibration_keeps_its_cap() -> None:
    for sizes, variant in itertools.product(DOMAINS[:5], VARIANTS):
        domain = Domain({f"a{place}": range(size) for place, size in enumerate(sizes)})
        told = Spec(domain, f"rsfd-{variant}", level="record", odds=3).guarantee()
        assert 3 - F(1, 10**9) < told.record <= 3
        assert told.published is None
        told = Spec(domain, f"rsfd-{variant}", level="attribute", odds=3).guarantee()
        assert told.attribute <= 3 < told.record


def prove() -> None:
    the_table_is_exact()
    an_honest_calibration_keeps_its_cap()
    the_event_has_the_whole_odds()
    a_claim_is_refuted_for_all_parameters(z3)
    a_claim_is_refuted_for_all_parameters(cvc5.pythonic)


def mutants() -> dict[str, object]:
    calibrate, room = "privlib.ldp.calibrate", "privlib.ldp.guarantee"
    return {
        "the published odds are the claim": rewritten(f"{calibrate}.amplified", "attributes * (odds - 1) + 1", "odds"),
        "the published odds are amplified for one more": rewritten(
            f"{calibrate}.amplified", "attributes * (odds - 1)", "(attributes + 1) * (odds - 1)"
        ),
        "the paper's calibration is an honest one": rewritten(f"{calibrate}.calibrated", "at(amplified(cap, count))", "at(cap)"),
        "an honest calibration is the paper's": rewritten(
            f"{calibrate}.calibrated", '(level == "record" and calibration == "exact")', "False"
        ),
        "the guarantee is the published one": rewritten(
            f"{room}.guarantee", "Guarantee(_largest_ratio(pairs)", "Guarantee(published or _largest_ratio(pairs)"
        ),
        "the guarantee is that of one attribute": rewritten(
            f"{room}.guarantee", "Guarantee(_largest_ratio(pairs)", "Guarantee(max(each)"
        ),
        "the claim is not told": rewritten(
            "privlib.ldp.spec.Spec._guarantee", 'if self.calibration == "paper" else', "if False else"
        ),
        "a refuted claim is shown as holding": rewritten(
            f"{room}.Guarantee.__str__", "self.published >= self.record", "self.published >= self.attribute"
        ),
        "fakes from nothing are encoded values": rewritten("privlib.ldp.parts.build", 'faked != "z"', "True"),
        "realistic fakes are uniform": rewritten("privlib.ldp.parts.build", "tuple(priors[place])", "_alike(size)"),
    }

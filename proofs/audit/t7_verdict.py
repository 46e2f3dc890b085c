"""A verdict is that of the bound which fits the claim, stopped or not, whatever its kind and however many rules there are.

Statement
    For the counts of an audit and a claim, ``certified`` is: for a pure claim the largest of the rules' ``guess_bound``,
    each at its own share of the error probability and for the number of worlds; for an (epsilon, delta) claim the same of
    ``approx_bound`` at the claim's delta, rounded up; for mu-GDP ``gdp_bound`` and for rho-zCDP ``zcdp_bound``, with a
    guess in every trial. Where the number of trials may depend on the outcomes, it is for pure and GDP claims the epsilon
    or mu at which the largest refuted chance, ``anytime_bound``, is attained, never rounded up; for the other kinds there
    is none. ``decide`` says VIOLATION exactly when this exceeds the claim, rounded up, and INCONCLUSIVE when as many
    guesses, all of them right, would not exceed it, or when there is no limit. With audit.t1, t2 and t3, a claim that holds
    is refuted with probability at most one minus the confidence.

Proof
    The cases are those of the code. The union over rules is audit.t1 (4). For a stopped audit of a pure claim the true
    chance of a right guess is at most q = e/(e + h - 1), and ``anytime_bound`` ever exceeds the true q with probability at
    most the share spent (audit.t3); the epsilon of a chance c is log(c (h-1) / (1-c)), which grows with c; for GDP mu = 2
    Phi^-1(c).

Checked against the shipped code
    Every kind of claim, stopped and not, on tables of two and five worlds with one to three nested rules: the value against
    one that is put together here from the three theorems' functions and, for stopped audits, by ball arithmetic; the
    verdict against the comparison in Fractions.

Covers not
    Whether trials are independent, and that the rules were fixed before: audit.t1, t8 and t9. Which of the two limits speaks,
    where a clock or a hand chooses it by the outcomes: each is exceeded with probability at most one minus the confidence, so
    both together with twice that.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

from flint import arb, ctx, fmpq

from privlib.audit import judge
from privlib.audit.anytime import anytime_bound
from privlib.audit.bounds import Verdict, approx_bound, gdp_bound, guess_bound, zcdp_bound
from privlib.audit.judge import Counts
from privlib.bounds import Bound
from privlib.prove import rewritten

covers = [
    "privlib.audit.judge.certified",
    "privlib.audit.judge.best",
    "privlib.audit.judge._of_guesses",
    "privlib.audit.judge._everywhere",
    "privlib.audit.judge._all_right",
    "privlib.audit.judge.decide",
    "privlib.audit.judge.claimed",
    "privlib.audit.judge._delta",
    "privlib.audit.judge._above",
]

CONFIDENCE = 0.99
TWO = [
    Counts(((700, 150, 100, 50), (60, 90, 150, 700)), (0, 0, 1, 1), (0, 0, 1, 1), (0, 1, 1, 0), (0.25, 0.75)),
    Counts(((300, 5000, 3), (2, 5000, 300)), (0, -1, 1), (0, 0, 1)),
    Counts(((50, 60, 40, 900, 0), (1, 9, 12, 900, 90)), (0, 0, 0, -1, 1), (0, 0, 0, 0, 1), (0, 1, 2, 0, 0), (0.5, 0.25, 0.25)),
    Counts(((10, 10), (10, 10)), (0, 1), (0, 1)),
    Counts(((3, 0), (0, 3)), (0, 1), (0, 1)),
    Counts(((0,), (0,)), (-1,), (0,)),
]
FIVE = [
    Counts(
        tuple(tuple(300 if world == cell else 40 for cell in range(5)) for world in range(5)), (0, 1, 2, 3, 4), (0, 1, 2, 3, 4)
    )
]
SIZES = ["1/20", "1/2", 1, "1.9", 3, 8, 40]


def claims(size: str | int, counts: Counts) -> list[Bound]:
    pure = [Bound.pure(size, neighbours="record"), Bound.pure("1/7", odds=1 + Fraction(size), neighbours="record")]
    if counts.worlds > 2:
        return pure
    number = Fraction(size)
    approx = [Bound.approx(size, delta, neighbours="record") for delta in ("1e-9", "1/1000", "1/30")]
    return [*pure, *approx, Bound.gdp(number**2, neighbours="record"), Bound.zcdp(number**2 / 2, neighbours="record")]


def level(share: float) -> float:
    return 1 - share * (1 - CONFIDENCE)


def expected(counts: Counts, claim: Bound, *, stopped: bool) -> float:
    """The value, put together by hand; NaN where there is none."""
    depths = counts.depths or (0,) * len(counts.guesses)
    rules = []
    for rule in range(len(counts.shares)):
        named = [(cell, guess) for cell, guess in enumerate(counts.guesses) if guess >= 0 and depths[cell] <= rule]
        right = sum(counts.table[guess][cell] for cell, guess in named)
        rules.append((right, sum(row[cell] for row in counts.table for cell, _ in named), level(counts.shares[rule])))
    total = sum(map(sum, counts.table))
    everywhere = sum(counts.table[guess][cell] for cell, guess in enumerate(counts.everywhere))
    if claim.kind == "pure" and stopped:
        return max(odds_at(anytime_bound(right, made - right, at), counts.worlds) for right, made, at in rules)
    if claim.kind == "pure":
        return max(guess_bound(right, made, at, worlds=counts.worlds) for right, made, at in rules)
    if claim.kind == "gdp" and stopped:
        return mu_at(anytime_bound(everywhere, total - everywhere, CONFIDENCE))
    if claim.kind == "gdp":
        return gdp_bound(everywhere, total, CONFIDENCE)
    if stopped:
        return math.nan
    if claim.kind == "approx":
        delta = float(claim.delta)
        delta = delta if Fraction(delta) >= claim.delta else math.nextafter(delta, 1)
        return max(approx_bound(right, made, total, at, delta=delta) for right, made, at in rules)
    first, second = (
        (sum(row[cell] for cell, guess in enumerate(counts.everywhere) if guess == 1), sum(row)) for row in counts.table
    )
    return zcdp_bound(second, first, CONFIDENCE)


def odds_at(chance: float, worlds: int) -> float:
    """The epsilon at which a right guess has this chance."""
    if chance * worlds <= 1:
        return 0.0
    return float((arb(chance) * (worlds - 1) / (1 - arb(chance))).log().mid())


def mu_at(chance: float) -> float:
    """The mu at which a right guess has this chance, by bisection of the normal law."""
    if chance <= 0.5:
        return 0.0
    low, high = arb(0), arb(40)
    for _ in range(90):
        middle = ((low + high) / 2).mid()
        low, high = (middle, high) if 1 - (middle / (2 * arb(2).sqrt())).erfc() / 2 < arb(chance) else (low, middle)
    return float(low.mid())


def limit_of(claim: Bound) -> arb:
    """What a claim allows, as a ball."""
    if claim.kind == "gdp":
        return arb(fmpq(*claim.mu2.as_integer_ratio())).sqrt()
    if claim.kind == "zcdp":
        return arb(fmpq(*claim.rho.as_integer_ratio()))
    return arb(fmpq(*claim.epsilon.as_integer_ratio())) + arb(fmpq(*claim.odds.as_integer_ratio())).log()


def every_verdict_is_that_of_its_bound() -> None:
    ctx.prec = 200
    seen = set[tuple[str, Verdict, bool]]()
    for counts, size, stopped in itertools.product([*TWO, *FIVE], SIZES, (False, True)):
        for claim in claims(size, counts):
            allowed = judge.claimed(claim)
            true = limit_of(claim)
            assert arb(allowed) >= true - arb(2) ** -190, "a claim is rounded down"
            assert arb(allowed) <= true * (1 + 1e-9) + 1e-9, "a claim is rounded up by much"
            found, value = judge.certified(counts, claim, CONFIDENCE, stopped=stopped), expected(counts, claim, stopped=stopped)
            if math.isnan(value):
                assert math.isnan(found), "a stopped audit of this kind certifies something"
            else:
                assert value - 1e-9 * (1 + value) <= found <= value, "another bound than that of the theorem"
                assert found <= value - 1e-13 or not stopped or value == 0, "a stopped bound is not rounded down"
            verdict = judge.decide(counts, claim, CONFIDENCE, stopped=stopped)
            assert (verdict is Verdict.VIOLATION) == (found > allowed), "the verdict is not that of the bound"
            if verdict is not Verdict.VIOLATION:
                could = expected(all_right(counts, claim), claim, stopped=stopped)
                assert (verdict is Verdict.INCONCLUSIVE) == (not could > allowed), "too few guesses acquit, or enough do not"
            seen.add((str(claim.kind), verdict, stopped))
    kinds = {kind for kind, verdict, stopped in seen if verdict is Verdict.VIOLATION and not stopped}
    assert kinds == {"pure", "approx", "gdp", "zcdp"}, "not every kind of claim is refuted"
    assert {("pure", Verdict.VIOLATION, True), ("gdp", Verdict.VIOLATION, True)} <= seen
    assert {verdict for kind, verdict, stopped in seen if stopped and kind in ("approx", "zcdp")} == {Verdict.INCONCLUSIVE}


def all_right(counts: Counts, claim: Bound) -> Counts:
    """As many guesses by the rule that makes most, every one right."""
    if claim.kind in ("gdp", "zcdp"):
        first, second = map(sum, counts.table)
        return Counts(((first, 0), (0, second)), (0, 1), (0, 1))
    depths = counts.depths or (0,) * len(counts.guesses)
    made = [
        sum(row[cell] for row in counts.table for cell, guess in enumerate(counts.guesses) if guess >= 0 and depths[cell] <= rule)
        for rule in range(len(counts.shares))
    ]
    most, share = max(zip(made, counts.shares, strict=True))
    rest = sum(map(sum, counts.table)) - most
    return Counts(((most, rest), *((0, 0),) * (counts.worlds - 1)), (0, -1), (0, 0), shares=(share,))


def prove() -> None:
    every_verdict_is_that_of_its_bound()


def mutants() -> dict[str, object]:
    of, everywhere, decide, sure = (
        f"privlib.audit.judge.{name}" for name in ("_of_guesses", "_everywhere", "decide", "certified")
    )
    right, claim = "privlib.audit.judge._all_right", "privlib.audit.judge.claimed"
    return {
        "a stopped audit takes the plain limit": rewritten(of, "if stopped:", "if False:"),
        "a stopped audit spends everything on each rule": rewritten(of, "made - correct, level)", "made - correct, confidence)"),
        "a stopped bound is 3 too high": rewritten(of, "math.log(chance) -", "3 + math.log(chance) -"),
        "a stopped bound forgets the worlds": rewritten(of, "math.log(counts.worlds - 1)", "0"),
        "a stopped approx claim is judged": rewritten(of, "return math.nan", "return 5.0"),
        "each rule spends everything": rewritten(of, "counts.shares[rule] * (1 - confidence)", "(1 - confidence)"),
        "delta is forgotten": rewritten(of, "delta=_delta(claim)", "delta=0.0"),
        "half of delta": rewritten(of, "delta=_delta(claim)", "delta=_delta(claim) / 2"),
        "approx is judged as pure": rewritten(of, "if claim.kind is Kind.APPROX:", "if False:"),
        "every trial is a guess": rewritten(of, "correct, made, counts.tested, level", "correct, made, made, level"),
        "two worlds whatever their number": rewritten(of, "worlds=counts.worlds", "worlds=2"),
        "a stopped gdp claim takes the plain limit": rewritten(everywhere, "if not stopped:", "if True:"),
        "a stopped mu is doubled": rewritten(everywhere, "2 * float(ndtri(chance))", "4 * float(ndtri(chance))"),
        "a stopped zcdp claim is judged": rewritten(everywhere, "math.nan if stopped else", ""),
        "the verdict forgets that it was stopped": rewritten(
            decide,
            "if certified(counts, claim, confidence, stopped=stopped) > limit",
            "if certified(counts, claim, confidence) > limit",
        ),
        "the value forgets that it was stopped": rewritten(sure, "stopped=stopped", "stopped=False"),
        "all right spends everything": rewritten(right, "shares=(share,)", "shares=(1.0,)"),
        "half of rho is claimed": rewritten(
            claim, "_above(claim.rho.numerator, claim.rho.denominator)", "_above(claim.rho.numerator, 2 * claim.rho.denominator)"
        ),
        "delta is rounded down": rewritten(
            "privlib.audit.judge._above", "else math.nextafter(nearest, math.inf)", "else nearest"
        ),
    }

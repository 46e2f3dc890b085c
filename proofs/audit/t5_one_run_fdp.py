"""Many secret coins in one run: if so many guesses are right with a certain probability, mu-GDP asks for more mass than there is.

Statement
    m independent fair coins decide which canaries are in the data; data sets that differ in one coin are neighbours; M is mu-
    GDP and runs once. From its output r coins are guessed, a number fixed beforehand, W of them rightly. (1) Where
    ``gdp_refuted(v, r, m, alpha, mu)`` is true, P(W >= v) < alpha under every such M. (2) ``one_run_gdp_bound`` exceeds mu
    with probability at most alpha, and so does the verdict of ``one_run`` refute a true claim; a number of guesses that was
    not planned costs a factor m of alpha. (3) For v = r the recursion is the best possible: some mechanism attains it. All
    holds for any trade-off curve f = 1 - F with F concave and rising; mu-GDP has F(x) = Phi(Phi^-1(x) + mu).

Proof
    Lemma. Put a_k = P(W = k). For canary i, coins s and a set K, let B(s) be the outputs that guess i rightly and k in K
    others rightly. With coin i turned over, the same outputs guess i wrongly. So P_s(B(s)) <= F(P_s'(B(s))). Average over s
    (F is concave and the coins are fair), then over i:
        sum over k in K of (k+1) a_(k+1) / m <= F(sum over k in K of (r-k) a_k / m).
    Put R_j = sum over k >= j of k a_k/m and H_j = sum over k >= j of (r-k) a_k/m. With K = {j-1, j, ..}: H_(j-1) >= g(R_j), g
    the inverse of F; of course H_(j-1) >= H_j; R_(j-1) = R_j + theta (H_(j-1) - H_j) with theta = (j-1)/(r-j+1); R_0 + H_0 =
    r/m. The recursion: h_v = alpha (r-v)/m, r_v = alpha v/m, h_(j-1) = max(h_j, g(r_j)), r_(j-1) = r_j + theta (h_(j-1) -
    h_j). (1) Let P(W >= v) >= alpha and D = R - r, d = H - h. Then D >= 0, D >= j/(r-j) max(d, 0) and D + d >= 0 at j = v.
    They stay: theta rises in j, so D >= theta d, hence D' = D + theta (d' - d) >= theta d'. If d' >= 0, then D' >= 0 and D' +
    d' >= 0. If d' < 0, then h_(j-1) > H_(j-1) >= g(R_j) >= g(r_j), so h_(j-1) = h_j and D' = D + theta (H_(j-1) - H_j) >= D,
    D' + d' = D + d + (1 + theta) (H_(j-1) - H_j) >= D + d. At j = 0: r_0 + h_0 <= R_0 + H_0 = r/m; refuted is the contrary.
    All of it stays true if h_(j-1) is any number from h_j to max(h_j, g(r_j)) and r is rounded down, as the shipped floats
    are. (2) The counts v that refute a mu are upwards closed, and the smallest has probability below alpha. Not planned: the
    same for P(r guesses, W >= v), whose total is at most r/m as well, for each of m values of r. (3) Is checked.

Checked against the shipped code
    (1) for random laws of W, mixtures of a blameless mechanism and a rare betrayal among them, at the exact smallest mu of
    the mechanism that treats all canaries alike: by turning all coins and mixing all orders, no other is worse. (3) for v = r
    up to 40 guesses: the law that the recursion builds is that of a mechanism with this mu. The normal functions against
    balls.

Covers not
    Coins that are not independent and fair. That W is binomial: under mu-GDP it is not, a mechanism may betray much in few
    runs.
"""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
from flint import arb, ctx
from scipy.special import ndtr, ndtri

from privlib.audit import onerun_bounds
from privlib.audit.bounds import Verdict
from privlib.audit.onerun import OneRun
from privlib.bounds import Bound
from privlib.prove import rewritten

covers = [
    "privlib.audit.onerun_bounds.gdp_refuted",
    "privlib.audit.onerun_bounds.one_run_gdp_bound",
    "privlib.audit.onerun.OneRun._limit",
]

TINY = 1e-9
MUS = [0.25, 1.0, 2.5]


def refuted(correct: int, guesses: int, canaries: int, error: float, mu: float) -> bool:
    return bool(onerun_bounds.gdp_refuted(correct, guesses, canaries, error, np.array([mu]))[0])


def mu_of(law: list[float], canaries: int) -> float:
    """The smallest mu of the mechanism that treats all canaries alike, from its most telling events."""
    r = len(law) - 1
    right = [((k + 1) * law[k + 1] / canaries, (r - k) * law[k] / canaries) for k in range(r)]
    events = right + [(x, z) for z, x in right] + [(1 - r / canaries, 1 - r / canaries)]
    events = sorted((event for event in events if max(event) > 0), key=lambda e: -e[0] / e[1] if e[1] else -math.inf)
    most, with_coin, without = 0.0, 0.0, 0.0
    for z, x in events[:-1]:
        with_coin, without = with_coin + z, without + x
        if without == 0:
            return math.inf
        if with_coin < 1 - 1e-12:
            most = max(most, float(ndtri(with_coin) - ndtri(without)))
    return most


def binomial(r: int, chance: float) -> list[float]:
    return [math.comb(r, k) * chance**k * (1 - chance) ** (r - k) for k in range(r + 1)]


def examples() -> list[list[float]]:
    generator = random.Random(7)  # noqa: S311 - chooses examples
    laws = []
    for _ in range(60):
        r = generator.randint(1, 25)
        rare, betrayal = generator.choice((0.0, 0.02, 0.2)), generator.choice((0.8, 0.95))
        chance = generator.choice((0.5, 0.6, 0.75))
        mixed = [(1 - rare) * a + rare * b for a, b in zip(binomial(r, chance), binomial(r, betrayal), strict=True)]
        wild = [p * generator.choice((1.0, 1.0, 1.0, 0.5, 3.0)) for p in mixed]
        laws.append([p / math.fsum(wild) for p in wild])
    return laws


def no_law_is_refuted_that_is_possible() -> None:
    for law, spare in itertools.product(examples(), (0, 7)):
        r = len(law) - 1
        canaries = r + spare
        mu = mu_of(law, canaries) * (1 + TINY) + TINY
        for correct in range(1, r + 1):
            reached = math.fsum(law[correct:])
            if reached < 0.5 and math.isfinite(mu):
                assert not refuted(correct, r, canaries, reached * (1 - TINY), mu), "a possible law is refuted"


def built(r: int, canaries: int, error: float, mu: float) -> list[float]:
    """The law that the recursion builds for v = r: as few right guesses as the curve allows. Its sum is 1 at the critical mu."""
    law, right, wrong = [0.0] * r + [error], error * r / canaries, 0.0
    for k in range(r - 1, -1, -1):
        more = max(0.0, float(ndtr(ndtri(right) - mu)) - wrong)
        law[k] = more * canaries / (r - k)
        right, wrong = right + k * law[k] / canaries, wrong + more
    return law


def all_right_is_judged_as_well_as_can_be() -> None:
    for (r, spare), mu in itertools.product([(1, 0), (1, 60), (2, 0), (5, 0), (5, 60), (12, 0), (12, 6), (40, 0)], MUS):
        canaries, low, high = r + spare, 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if math.fsum(built(r, canaries, middle, mu)) > 1 else (middle, high)
        law = built(r, canaries, low, mu)
        assert abs(math.fsum(law) - 1) < 1e-9
        assert mu_of(law, canaries) < mu + 1e-6, "the law that the recursion builds needs a larger mu"
        assert refuted(r, r, canaries, low * (1 + 1e-6), mu) == (low < 1 / (1 + 1e-6)), "what is impossible is not refuted"
        assert not refuted(r, r, canaries, low * (1 - 1e-6), mu), "what is possible is refuted"


def bounds_are_where_refutation_ends() -> None:
    for correct, guesses, canaries, error in ((60, 60, 200, 0.001), (280, 300, 1000, 0.05), (690, 1000, 1000, 0.05)):
        bound = onerun_bounds.one_run_gdp_bound(correct, guesses, canaries, error)
        assert bound > 0
        assert refuted(correct, guesses, canaries, error, bound), "the bound is not refuted"
        assert not refuted(correct, guesses, canaries, error, bound + 1e-5), "more could be refuted"
        everything = [onerun_bounds.one_run_gdp_bound(k, guesses, canaries, error) for k in range(0, guesses + 1, 20)]
        assert everything == sorted(everything), "more right guesses certify less"
        assert all(value == 0 for value in everything[: len(everything) // 2])
    for planned, error in ((True, 0.05), (False, 0.05 / 200)):
        claim = Bound.gdp("0.01", neighbours="add_remove")
        found = OneRun(canaries=200, guesses=60, correct=58, planned=planned, claim=claim, confidence=0.95, title="")
        assert abs(found.certified - onerun_bounds.one_run_gdp_bound(58, 60, 200, error)) < 1e-9, "the wrong error is spent"
        assert found.verdict is Verdict.VIOLATION


def the_normal_functions_are_exact_enough() -> None:
    ctx.prec = 120
    for x in [*(10.0**-power for power in range(1, 16)), 0.3, 0.5, 0.9, 0.999, 1 - 1e-9]:
        z, step = arb(float(ndtri(x))), 1e-13 * (1 + abs(float(ndtri(x))))
        assert cumulative(z - step) < arb(x) < cumulative(z + step)
    for z in np.linspace(-36, 8, 45):
        truth = cumulative(arb(float(z)))
        assert abs(arb(float(ndtr(z))) - truth) < truth * arb(1e-11)


def cumulative(z: arb) -> arb:
    return (-z / arb(2).sqrt()).erfc() / 2


def prove() -> None:
    no_law_is_refuted_that_is_possible()
    all_right_is_judged_as_well_as_can_be()
    bounds_are_where_refutation_ends()
    the_normal_functions_are_exact_enough()


def mutants() -> dict[str, object]:
    test, bound = "privlib.audit.onerun_bounds.gdp_refuted", "privlib.audit.onerun_bounds.one_run_gdp_bound"
    return {
        "the curve of half the mu": rewritten(test, "- mu)", "- mu / 2)"),
        "the curve of twice the mu": rewritten(test, "- mu)", "- 2 * mu)"),
        "no wrong guesses to begin with": rewritten(test, "error * (guesses - correct) / canaries", "0 * error / canaries"),
        "all guesses right to begin with": rewritten(test, "error * correct / canaries", "error * guesses / canaries"),
        "each step counts one right guess too many": rewritten(test, "k / (guesses - k)", "(k + 1) / (guesses - k)"),
        "each step counts one right guess too few": rewritten(test, "k / (guesses - k)", "max(k - 1, 0) / (guesses - k)"),
        "the last step is left out": rewritten(test, "range(correct - 1, -1, -1)", "range(correct - 1, 0, -1)"),
        "only right guesses are counted in the end": rewritten(test, "(right + wrong) *", "right *"),
        "as much mass as there are canaries": rewritten(test, "> guesses / canaries", "> 1"),
        "less mass than there is": rewritten(test, "> guesses / canaries", "> 0.95 * guesses / canaries"),
        "wrong guesses are counted anew in each step": rewritten(test, "needed - wrong, 0.0", "needed, 0.0"),
        "the error is doubled": rewritten(bound, "canaries, error, grid", "canaries, 2 * error, grid"),
        "the next mu is certified": rewritten(bound, "grid[refuted - 1]", "grid[refuted]"),
        "the grid is coarse": rewritten(bound, "range(_ROUNDS)", "range(2)"),
        "an unplanned number of guesses is free": rewritten(
            "privlib.audit.onerun.OneRun._limit", "if self.planned else self.canaries", "if self.planned else 1"
        ),
    }

"""How often one-run audits and optional stopping refute claims that hold, and what they certify: a long script, not collected.

``python tests/audit/coverage_onerun.py`` prints four tables, in about a minute. Every claim in the first one is true and most are
tight, so a valid auditor refutes at most alpha of the runs, and more than the column "at most" says with a chance of 1e-4 a row.
The second table shows what happens when the secrets choose the number of guesses, and when a rare betrayal is tested by a
binomial limit: both are refuted too often, and neither is what privlib does.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, ndtri

from privlib.audit.anytime import rejects
from privlib.audit.bounds import Verdict, gdp_bound, guess_bound
from privlib.audit.onerun import OneRun, guess_by_rank
from privlib.bounds import Bound

ALPHA = 0.05
RELATION = "add_remove"
GENERATOR = np.random.default_rng(2026)
Counts = tuple[int, int, int]
"""Canaries, guesses, right ones."""


@cache
def found(counts: Counts, claim: Bound, planned: bool) -> tuple[bool, float]:
    """Whether privlib sees a violation, and what it certifies."""
    canaries, guesses, correct = counts
    run = OneRun(
        canaries=canaries, guesses=guesses, correct=correct, planned=planned, claim=claim, confidence=1 - ALPHA, title=""
    )
    return run.verdict is Verdict.VIOLATION, run.certified


def ranked(coins: NDArray[np.int8], scores: NDArray[np.float64], guesses: int) -> Counts:
    made = guess_by_rank(scores, guesses=guesses)
    return coins.size, guesses, int(np.count_nonzero(made == coins))


def fair(canaries: int) -> NDArray[np.int8]:
    return GENERATOR.integers(0, 2, canaries, dtype=np.int8)


def noise(canaries: int) -> Counts:
    """Scores that know nothing."""
    return ranked(fair(canaries), GENERATOR.normal(size=canaries), 3 * canaries // 10)


def noise_with_the_best_number(canaries: int) -> tuple[bool, float]:
    """The trap: the number of guesses that certifies most, chosen on the secrets that it is tested on."""
    coins, scores = fair(canaries), GENERATOR.normal(size=canaries)
    order = np.argsort(scores)
    ends = range(1, canaries // 2 + 1, max(1, canaries // 200))
    wrong_low, right_high = np.cumsum(coins[order]), np.cumsum(coins[order[::-1]])
    best = max(guess_bound(int(k - wrong_low[k - 1] + right_high[k - 1]), 2 * k, 1 - ALPHA) for k in ends)
    return best > 0, best


def responses(canaries: int, epsilon: float, abstain: float) -> Counts:
    """Randomised response on each coin, with answers that are now and then withheld: the number of guesses is random."""
    guesses = int(GENERATOR.binomial(canaries, 1 - abstain))
    return canaries, guesses, int(GENERATOR.binomial(guesses, 1 / (1 + math.exp(-epsilon))))


def leaky(canaries: int, epsilon: float, correct: int, low: float) -> Counts:
    """The mechanism that attains the (epsilon, delta) tail at a threshold: below it a share ``low`` of randomised response."""
    q = 1 / (1 + math.exp(-epsilon))
    tail = bdtrc(correct - 1, canaries, q)
    while True:
        right = int(GENERATOR.binomial(canaries, q))
        high = (1 - low * (1 - tail)) / tail
        if GENERATOR.random() < (low if right < correct else high) / high:
            return canaries, canaries, right


def delta_of(canaries: int, epsilon: float, correct: int, low: float) -> float:
    q = 1 / (1 + math.exp(-epsilon))
    tail = bdtrc(correct - 1, canaries, q)
    high = (1 - low * (1 - tail)) / tail
    log_mass = math.lgamma(canaries + 1) - math.lgamma(correct + 1) - math.lgamma(canaries - correct + 1)
    log_mass += correct * math.log(q) + (canaries - correct) * math.log1p(-q)
    return (high - low) * correct * math.exp(log_mass) / canaries


def gaussian(canaries: int, mu: float, guesses: int) -> Counts:
    """Each coin shown with Gaussian noise of its own: exactly mu-GDP, the mechanism that one hopes for."""
    coins = fair(canaries)
    return ranked(coins, mu * coins + GENERATOR.normal(size=canaries), guesses)


BETRAYED, TOLD = 0.2, 0.8


def betrayal(canaries: int) -> Counts:
    """In one run of five every coin is shown with chance .8, in the others nothing is: far from binomial."""
    share = TOLD if GENERATOR.random() < BETRAYED else 0.5
    return canaries, canaries, int(GENERATOR.binomial(canaries, share))


def mu_of_betrayal() -> float:
    """Its mu for many canaries, when an output tells which kind of run it was: the most telling event is a coin shown then."""
    return float(ndtri(BETRAYED * TOLD) - ndtri(BETRAYED * (1 - TOLD)))


def row(words: str, runs: int, one: Callable[[], tuple[bool, float]]) -> None:
    results = [one() for _ in range(runs)]
    refuted, middle = sum(violation for violation, _ in results), float(np.median([value for _, value in results]))
    most = int(np.ceil(next(k for k in range(runs) if bdtrc(k, runs, ALPHA) <= 1e-4)))
    print(f"{words:64s} {refuted:5d} of {runs}  at most {most:4d}  median certified {middle:.3f}", flush=True)


def optional_stopping(epsilon: float, runs: int, most: int) -> None:
    chance, fewest, right = math.nextafter(1 / (1 + math.exp(-1.0)), 1), [], 0
    for trials in range(1, most + 1):
        while right <= trials and not rejects(right, trials - right, chance, 1 - ALPHA):
            right += 1
        fewest.append(right)
    limits, stops = np.array(fewest), []
    for _ in range(runs):
        counts = np.cumsum(GENERATOR.random(most) < 1 / (1 + math.exp(-epsilon)))
        hits = np.flatnonzero(counts >= limits)
        stops.append(hits[0] + 1 if hits.size else math.inf)
    stopped = sum(map(math.isfinite, stops))
    print(f"true {epsilon}: {stopped:5d} of {runs} stopped within {most} trials, median {np.median(stops):g}", flush=True)


def main(runs: int = 2000) -> None:
    pure, nothing = Bound.pure(1, neighbours=RELATION), Bound.pure(0, neighbours=RELATION)
    one, rare = Bound.gdp(1, neighbours=RELATION), Bound.gdp(f"{mu_of_betrayal() ** 2 + 1e-6:.9f}", neighbours=RELATION)
    print(f"True claims refuted at alpha = {ALPHA}\n")
    for canaries in (200, 2000, 20_000):
        row(f"noise, 30 % guessed, m = {canaries}, claim 0", runs, lambda m=canaries: found(noise(m), nothing, True))
    for canaries in (200, 2000, 20_000):
        words = f"randomised response, 40 % withheld, m = {canaries}, claim 1"
        row(words, runs, lambda m=canaries: found(responses(m, 1.0, 0.4), pure, False))
    for canaries, low in ((200, 0.99), (200, 0.98), (2000, 0.98)):
        q = 1 / (1 + math.exp(-1.0))
        at = next(v for v in range(canaries + 1) if bdtrc(v - 1, canaries, q) <= ALPHA - (1 - low))
        delta = delta_of(canaries, 1.0, at, low)
        claim = Bound.approx(1, f"{delta:.12e}", neighbours=RELATION)
        words = f"worst (1, {delta:.1e}) mechanism, m = {canaries}, claim true"
        row(words, runs, lambda m=canaries, v=at, x=low, c=claim: found(leaky(m, 1.0, v, x), c, True))
    for canaries in (200, 2000):
        row(
            f"Gaussian, all guessed, m = {canaries}, claim mu = 1", runs, lambda m=canaries: found(gaussian(m, 1.0, m), one, True)
        )
        row(f"rare betrayal, m = {canaries}, claim true", runs, lambda m=canaries: found(betrayal(m), rare, True))

    print("\nNot privlib: what is refuted too often\n")
    for canaries in (200, 2000, 20_000):
        words = f"noise, number of guesses chosen by the secrets, m = {canaries}"
        row(words, runs // 4, lambda m=canaries: noise_with_the_best_number(m))

    def binomial_test() -> tuple[bool, float]:
        canaries, _, correct = betrayal(2000)
        mu = gdp_bound(correct, canaries, 1 - ALPHA)
        return mu > mu_of_betrayal(), mu

    row("rare betrayal by a binomial limit, m = 2000, claim true", runs, binomial_test)

    print("\nWhat is certified of a Gaussian mechanism with mu = 1, medians of 21, confidence 95 %\n")
    for canaries, part in ((1000, 1.0), (1000, 0.1), (1000, 0.03), (10_000, 0.1), (10_000, 0.01), (10_000, 0.003)):
        guesses = round(part * canaries)
        values = [found(gaussian(canaries, 1.0, guesses), one, True)[1] for _ in range(21)]
        print(f"m = {canaries}, {guesses} guesses: mu >= {np.median(values):.3f}", flush=True)

    print("\nClaim epsilon = 1, randomised response, stopped at any time\n")
    optional_stopping(1.0, runs, 20_000)
    for epsilon in (1.1, 1.2, 1.5, 2.0, 4.0):
        optional_stopping(epsilon, runs, 60_000 if epsilon < 1.2 else 10_000)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)

"""The long acceptance runs of the auditor: one line a claim, with the figure seen and its target.

``make claims`` runs these after the others; ``python tests/claims_audit.py fractions`` only some. The exit status is 1 when a
line on validity is missed, and 0 otherwise: power and speed are printed, not judged.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from claims import failed, say  # beside this file
from scipy.stats import binom

from privlib.audit import Audit, Pair, Verdict, noise_fraction, run
from privlib.audit.selftest import coverage, examine, most_flagged
from privlib.audit.zoo import BROKEN, CONTROLS, entry
from privlib.bounds import Bound, Neighbours
from privlib.noise import discrete_laplace

MILLION = 1_000_000
TEN_TOGETHER = 1120


def false_certification() -> None:
    """1: 2000 audits of each of ten exactly tight controls, at a fixed size and stopped as soon as they refute."""
    for anytime in (False, True):
        how, together, audits = "stopped when refuted" if anytime else "fixed size", 0, 2000
        for found in coverage(audits, anytime=anytime):
            together += found.flagged
            say(
                f"1. {found.control}, {how}",
                f"{found.flagged}",
                f"<= {found.limit}",
                met=found.flagged <= found.limit,
                blocks=True,
            )
        say(f"1. all ten, {how}", f"{together}", f"<= {TEN_TOGETHER}", met=together <= TEN_TOGETHER, blocks=True)
    assert most_flagged(2000, "0.05") == 138


def shares(name: str, truth: float, audits: int, confidence: str, **options: Any) -> list[Audit]:
    control = entry(name)
    return [
        run(
            control.mechanism,
            claim=control.claim,
            **({"pairs": control.pairs} if "pair" not in options else {"pair": options["pair"]}),
            trials=MILLION,
            confidence=confidence,
            batch=control.batch,
            seed=seed,
            llr=options.get("llr"),
        )
        for seed in range(audits)
    ]


BLACK_BOX = [
    ("laplace-0.5", 0.5, 0.98), ("laplace-1", 1.0, 0.98), ("laplace-4", 4.0, 0.98), ("grr-100", 1.0, 0.98),
    ("rsfd-5-published", math.log(9.59), 0.93), ("noisy-max-10", 0.0, 0.95),
]  # fmt: skip


def fractions() -> None:
    """2: the share of the true epsilon that a black-box audit of 10**6 trials certifies, medians of 20; known laws, of 101."""
    for confidence in ("0.95", "0.999"):
        for name, truth, target in BLACK_BOX:
            control = entry(name)
            best = truth or best_event(name)
            found = [audit.certified / best for audit in shares(name, best, 20, confidence)]
            say(
                f"2. {name}, {confidence}",
                f"{statistics.median(found):.4f} of {best:.4f}",
                f">= {target}",
                met=statistics.median(found) >= target,
            )
            assert control.batch
        claim, pair = Bound.pure("0.1", neighbours="event"), Pair(0, 1, Neighbours.EVENT, "0 or 1")
        weak = [
            run(weakly, claim=claim, pair=pair, trials=MILLION, confidence=confidence, batch=True, seed=seed).certified / 0.1
            for seed in range(20)
        ]
        say(f"2. laplace-0.1, {confidence}", f"{statistics.median(weak):.4f}", ">= 0.85", met=statistics.median(weak) >= 0.85)
        for name, audits, target in (
            ("grr-2", 101, 0.99),
            ("laplace-1", 101, 0.99),
            ("grr-100", 101, 0.985),
            ("rounded-gaussian", 101, 0.98),
        ):
            control = entry(name)
            pair = control.pairs[0]
            llr = None if pair.others else control.llr
            found = [audit.certified / audit.claimed for audit in shares(name, 0, audits, confidence, pair=pair, llr=llr)]
            label = "black box, k-ary" if pair.others else "known law"
            say(
                f"2. {name}, {label}, {confidence}",
                f"{statistics.median(found):.4f}",
                f">= {target}",
                met=statistics.median(found) >= target,
            )


def weakly(x: int, n: int) -> Any:
    """Discrete Laplace noise of epsilon .1."""
    return discrete_laplace(n, scale=10) + x


def best_event(name: str) -> float:
    """The largest log-likelihood ratio of an output that is seen, from the control's own exact law."""
    control = entry(name)
    assert control.llr is not None
    drawn = control.mechanism(control.pairs[0].second, 100_000)
    return float(np.abs(control.llr(drawn)).max())


def tree() -> None:
    """2: the binary tree of 1024 steps, medians of 20."""
    certified, noise = list[float](), list[float]()
    for audit in shares("tree-1024", 1.0, 20, "0.95"):
        certified.append(audit.certified)
        noise.append(noise_fraction(audit.correct_everywhere, audit.tested, 0.95, accuracy=tree_accuracy))
    say("2. tree-1024, pure", f"{statistics.median(certified):.3f}", ">= 0.5", met=statistics.median(certified) >= 0.5)
    say("2. tree-1024, noise fraction", f"{statistics.median(noise):.3f}", ">= 0.95", met=statistics.median(noise) >= 0.95)


def tree_accuracy(share: float) -> float:
    """How often the best guess about one item in 11 nodes is right, under discrete Laplace noise of scale 11 / share."""
    if share == 0:
        return 0.5
    signs = np.arange(12)
    return float(binom.pmf(signs, 11, 1 / (1 + math.exp(-share / 11)))[signs > 5.5].sum())


def zoo() -> None:
    """3: every bug refuted at 10**6 trials, every control left alone in 20 seeds."""
    for broken in BROKEN:
        found = examine(broken, trials=MILLION)
        say(f"3. {broken.name}", f"{found.verdict} ({found.certified:.3g})", found.expected, met=found.as_expected)
    for control in CONTROLS:
        flagged = [examine(control, trials=MILLION, seed=seed).verdict == Verdict.VIOLATION for seed in range(20)]
        say(f"3. {control.name}, 20 seeds", f"{sum(flagged)} flagged", "0", met=not any(flagged), blocks=True)


def speed() -> None:
    """4: an audit of 10**6 trials without the mechanism's own time, and memory at 10**8."""
    outputs = {x: discrete_laplace(1 << 22, scale=1) + x for x in (0, 1)}
    places = {0: 0, 1: 0}

    def replayed(x: int, n: int) -> Any:
        """Noise made beforehand, so that the mechanism itself takes no time."""
        start = places[x] = (places[x] + n) % ((1 << 22) - n)
        return outputs[x][start : start + n]

    seconds = list[float]()
    for _ in range(9):
        began = time.perf_counter()
        run(
            replayed,
            claim=Bound.pure(1, neighbours="event"),
            pair=Pair(0, 1, Neighbours.EVENT, "0 or 1"),
            trials=MILLION,
            batch=True,
        )
        seconds.append(time.perf_counter() - began)
    say(
        "4. an audit of 10**6 trials, without the mechanism",
        f"{statistics.median(seconds):.2f} s",
        "<= 2 s",
        met=statistics.median(seconds) <= 2,
    )
    peaks = []
    for trials in (MILLION, 100 * MILLION):
        tracemalloc.start()
        run(lambda x, n: discrete_laplace(n, scale=1) + x, claim=Bound.pure(1, neighbours="event"), batch=True,
            pair=Pair(0, 1, Neighbours.EVENT, "0 or 1"), trials=trials)  # fmt: skip
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
    say("4. peak memory at 10**6 and 10**8 trials", f"{peaks[0]:.0f} and {peaks[1]:.0f} MiB", "flat", met=peaks[1] < 2 * peaks[0])


def foreign() -> None:
    """6: a mechanism of another library, and numpy's Laplace noise as many people write it."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    peer = dp.m.make_laplace(dp.atom_domain(T=int), dp.absolute_distance(T=int), scale=1.0)
    pair = Pair(0, 1, Neighbours.EVENT, "0 or 1")
    found = run(peer, claim=Bound.pure(1, neighbours="event"), pair=pair, trials=200_000)
    say(
        "6. OpenDP's discrete Laplace",
        found.sentence(),
        "not refuted",
        met=found.verdict is Verdict.NO_VIOLATION_FOUND,
        blocks=True,
    )
    generator = np.random.default_rng()
    found = run(
        lambda x, n: x + generator.laplace(scale=1.0, size=n),
        claim=Bound.pure(1, neighbours="event"),
        pair=pair,
        batch=True,
        trials=MILLION,
    )
    told = found.verdict is Verdict.VIOLATION and "float is stored" in found.rule
    say("6. numpy's Laplace noise in floats", f"{found.sentence()} {found.rule}", "refuted by its bits", met=told)


CLAIMS: list[Callable[[], None]] = [false_certification, fractions, tree, zoo, speed, foreign]


def main(wanted: list[str]) -> int:
    warnings.simplefilter("ignore")
    for claim in CLAIMS:
        if not wanted or claim.__name__ in wanted:
            claim()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Speed beside named peers, in one process, interleaved, medians: ``make bench`` writes docs/benchmarks.md."""

from __future__ import annotations

import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import ldp  # beside this file
import noise
import numpy as np
import sharing

import privlib
from privlib.noise import discrete_laplace
from privlib.survival import Spec

ROUNDS = 7
PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
Job = Callable[[], object]


def medians(jobs: dict[str, Job]) -> dict[str, float]:
    """Median seconds of each job; the jobs take turns, so that a slow moment hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def survival_jobs(rows: int) -> dict[str, Job]:
    from lifelines import KaplanMeierFitter

    generator = np.random.default_rng(rows)
    times, died = generator.exponential(600, rows) + 1e-9, generator.random(rows) < 0.7
    spec = Spec(horizon=1096, epsilon=1, neighbours="replace", n=rows)
    jobs: dict[str, Job] = {
        "privlib: count, release, band": lambda: spec.count(times, died).release().confidence_interval(0.95),
        "lifelines: fit, not private": lambda: KaplanMeierFitter().fit(times, died),
    }
    try:
        from sksurv.nonparametric import kaplan_meier_estimator
    except ImportError as error:
        print(f"skip: scikit-survival ({error})")
    else:
        jobs["scikit-survival: estimator with band, not private"] = lambda: kaplan_meier_estimator(
            died, times, conf_type="log-log"
        )
    return jobs


def noise_jobs(size: int) -> dict[str, Job]:
    generator = np.random.default_rng(1)
    jobs: dict[str, Job] = {
        "privlib: discrete Laplace, scale 10, exact": lambda: discrete_laplace(size, scale=10),
        "numpy: Laplace in floats, not exact, not cryptographic": lambda: generator.laplace(scale=10, size=size),
    }
    try:
        import opendp.prelude as dp
    except ImportError as error:
        print(f"skip: OpenDP ({error})")
    else:
        dp.enable_features("contrib")
        space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
        peer, zeros = dp.m.make_laplace(*space, scale=10.0), [0] * size
        jobs["OpenDP: discrete Laplace, scale 10"] = lambda: peer(zeros)
    return jobs


def table(title: str, results: dict[str, float]) -> str:
    ours = next(iter(results.values()))
    rows = [f"| {name} | {seconds * 1e3:.2f} | {seconds / ours:.2f} |" for name, seconds in results.items()]
    return "\n".join([f"## {title}", "", "| | ms, median of 7 | times privlib |", "| --- | --- | --- |", *rows, ""])


def main() -> None:
    warnings.simplefilter("ignore")
    parts = [
        "# Benchmarks",
        "",
        "Written by `make bench`: one process, jobs taking turns, medians. Absolute times depend on the machine; compare ratios.",
        "",
        f"privlib {privlib.__version__}, Python {platform.python_version()}, numpy {version('numpy')}, {platform.machine()}.",
        "",
    ]
    parts += [
        table(f"A survival curve of {rows:,} people, distinct times", medians(survival_jobs(rows)))
        for rows in (228, 10**5, 10**6)
    ]
    parts += [table(f"{size:,} noise samples", medians(noise_jobs(size))) for size in (100, 10**5)]
    parts += [noise.section(), ldp.section(), sharing.section()]
    PAGE.write_text("\n".join(parts))
    print(PAGE.read_text())


if __name__ == "__main__":
    sys.exit(main())

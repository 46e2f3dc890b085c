"""Integer noise beside named peers, on one core, in one process, interleaved: ``python tests/benchmarks/noise.py``.

``make bench`` takes `section` into docs/benchmarks.md. Times are processor time, because others load the machine too.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager

import numpy as np

from privlib.noise import discrete_gaussian, discrete_laplace, rounded_gaussian

ROUNDS = 9
SIZE = 10**6
SLOW_SIZE = 10**4
"""For peers that need microseconds a sample."""

Job = Callable[[], object]
Jobs = dict[str, tuple[Job, int]]
"""What to run and how many samples that gives."""

NORMAL, LAPLACE = "numpy: normal, float64", "numpy: Laplace, float64"


def privlib_jobs() -> Jobs:
    """The table sampler for narrow laws, the histogram sampler for wide ones."""
    return {
        "privlib: discrete Gaussian, sigma 10": (lambda: discrete_gaussian(SIZE, sigma2=100), SIZE),
        "privlib: discrete Laplace, scale 10": (lambda: discrete_laplace(SIZE, scale=10), SIZE),
        "privlib: discrete Gaussian, sigma 1,000,000": (lambda: discrete_gaussian(SIZE, sigma2=10**12), SIZE),
        "privlib: rounded Gaussian, sigma 1,000,000": (lambda: rounded_gaussian(SIZE, sigma2=10**12), SIZE),
        "privlib: discrete Laplace, scale 1000": (lambda: discrete_laplace(SIZE, scale=1000), SIZE),
    }


def numpy_jobs() -> Jobs:
    """Floats from PCG64: neither exact nor cryptographic."""
    generator = np.random.default_rng(1)
    return {
        NORMAL: (lambda: generator.standard_normal(SIZE), SIZE),
        LAPLACE: (lambda: generator.laplace(size=SIZE), SIZE),
    }


def torch_jobs() -> Jobs:
    """Floats from a Mersenne twister, and how Opacus adds four of them in its secure mode."""
    try:
        import torch
    except ImportError as error:
        print(f"skip: torch and the Opacus recipe ({error})")
        return {}
    torch.set_num_threads(1)

    def opacus_recipe() -> torch.Tensor:
        total = torch.zeros(SIZE)
        for _ in range(4):
            total += torch.normal(mean=0.0, std=1.0, size=(SIZE,))
        return total / 2

    return {
        "torch: randn, float32": (lambda: torch.randn(SIZE), SIZE),
        "torch: randn, float64": (lambda: torch.randn(SIZE, dtype=torch.float64), SIZE),
        "Opacus secure mode: four normals, float32": (opacus_recipe, SIZE),
    }


def opendp_jobs() -> Jobs:
    """The same laws as ours: exact, from the operating system's bits."""
    try:
        import opendp.prelude as dp
    except ImportError as error:
        print(f"skip: OpenDP ({error})")
        return {}
    dp.enable_features("contrib")
    domain, zeros = dp.vector_domain(dp.atom_domain(T=int)), [0] * SLOW_SIZE
    found: Jobs = {}
    for name, scale in {"sigma 10": 10.0, "sigma 1,000,000": 1e6}.items():
        gaussian = dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=scale)
        found[f"OpenDP: discrete Gaussian, {name}"] = (lambda gaussian=gaussian: gaussian(zeros), SLOW_SIZE)
    for scale in (10, 1000):
        laplace = dp.m.make_laplace(domain, dp.l1_distance(T=int), scale=float(scale))
        found[f"OpenDP: discrete Laplace, scale {scale}"] = (lambda laplace=laplace: laplace(zeros), SLOW_SIZE)
    return found


def diffprivlib_jobs() -> Jobs:
    """One sample a call is all that it offers."""
    try:
        from diffprivlib.mechanisms import Geometric
    except Exception as error:  # it fails in several ways beside a scikit-learn that is too new
        print(f"skip: diffprivlib ({type(error).__name__}: {error})")
        return {}
    laplace = Geometric(epsilon=0.1)
    return {"diffprivlib: discrete Laplace, scale 10": (lambda: [laplace.randomise(0) for _ in range(SLOW_SIZE)], SLOW_SIZE)}


@contextmanager
def one_core() -> Generator[None]:
    """Stay on one core, where the system can promise it."""
    if not hasattr(os, "sched_setaffinity"):
        print("not pinned to one core: this system cannot")
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def nanoseconds() -> dict[str, float]:
    """Median processor time a sample of every job; the jobs take turns, after one round that counts for nothing."""
    jobs = privlib_jobs() | numpy_jobs() | torch_jobs() | opendp_jobs() | diffprivlib_jobs()
    times: dict[str, list[float]] = {name: [] for name in jobs}
    with one_core():
        for turn in range(ROUNDS + 1):
            for name, (job, size) in jobs.items():
                began = time.process_time()
                job()
                if turn:
                    times[name].append((time.process_time() - began) / size * 1e9)
    return {name: statistics.median(values) for name, values in times.items()}


def peers(name: str, times: dict[str, float]) -> tuple[float, float | None]:
    """How often one of our rows is as fast as numpy's normal, and as OpenDP's sampler of the same law."""
    same_law = times.get(name.replace("privlib", "OpenDP"))
    return times[NORMAL] / times[name], same_law and same_law / times[name]


def section() -> str:
    """The table, as Markdown."""
    times = nanoseconds()
    lines = [
        f"## {SIZE:,} noise samples on one core",
        "",
        f"Processor time, medians of {ROUNDS}; {SLOW_SIZE:,} samples where one takes microseconds. Ours are int64 and",
        "exact, and their bits are ChaCha20 under a fresh key.",
        "",
        "| | ns a sample | as fast as numpy's normal | as fast as OpenDP's same law |",
        "| --- | --- | --- | --- |",
    ]
    for name, time_taken in times.items():
        normal, same_law = peers(name, times)
        ours = f"{same_law:,.0f} x" if same_law and name.startswith("privlib") else ""
        lines.append(f"| {name} | {time_taken:,.2f} | {normal:.3g} x | {ours} |")
    return "\n".join([*lines, ""])


def main() -> None:
    warnings.simplefilter("ignore")
    print(section())


if __name__ == "__main__":
    sys.exit(main())

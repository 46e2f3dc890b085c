"""The long acceptance runs of the noise and the accounting: one line a claim, with the figure seen and its target.

``make claims`` runs these after tests/claims.py; ``python tests/claims_noise.py speed`` only some. The exit status is 1 when a
line on exactness is missed, and 0 otherwise: speed is printed, not judged.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from claims import failed, say  # beside this file

from privlib import Bound, accounting
from privlib.noise import discrete_gaussian

HERE = Path(__file__).resolve().parent


def median_seconds(job: Callable[[], object], *, rounds: int, calls: int = 1) -> float:
    times = list[float]()
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(calls):
            job()
        times.append((time.perf_counter() - began) / calls)
    return statistics.median(times)


def speed() -> None:
    """1: samples a second beside numpy and OpenDP, small requests, memory."""
    sys.path.insert(0, str(HERE / "benchmarks"))
    import noise as benchmark

    times = benchmark.nanoseconds()
    for name, least, least_same_law in (
        ("privlib: discrete Gaussian, sigma 10", 3.5, 2500),
        ("privlib: discrete Laplace, scale 10", 3.5, 1500),
        ("privlib: discrete Gaussian, sigma 1,000,000", 2.0, 1500),
    ):
        normal, same_law = benchmark.peers(name, times)
        figure = f"{normal:.2f} x numpy, {same_law or 0:.0f} x OpenDP"
        met = normal >= least and (same_law or 0) >= least_same_law
        say(f"1. {name.removeprefix('privlib: ')}", figure, f">= {least} x, >= {least_same_law} x", met=met)
    discrete_gaussian(100, sigma2=100)
    warm = median_seconds(lambda: discrete_gaussian(100, sigma2=100), rounds=21, calls=200) * 1e6
    say("1. 100 samples, warm", f"{warm:.1f} us", "< 20 us", met=warm < 20)
    code = (
        "import time, privlib, privlib.noise.samplers\n"
        "began = time.perf_counter(); privlib.noise.discrete_gaussian(100, sigma2=100); print(time.perf_counter() - began)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(11)]
    cold = [float(run.stdout) for run in runs]
    say(
        "1. 100 samples, first call, modules loaded",
        f"{statistics.median(cold) * 1e3:.2f} ms",
        "< 1 ms",
        met=statistics.median(cold) < 1e-3,
    )
    code = (
        "from pathlib import Path; from privlib.noise import discrete_gaussian as d\n"
        "peak = lambda: int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) / 1024\n"
        "d(2 * 10**6, sigma2=100); before = peak(); out = d(4 * 10**7, sigma2=100); print(peak() - before - out.nbytes / 2**20)"
    )
    if not Path("/proc/self/status").exists():
        print("skip: memory beyond the output (the system tells no peak of its own process)")
        return
    over = float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    over += 2 * 10**6 * 8 / 2**20  # the first array is gone, and its pages may have been used again
    say("1. memory beyond the output, 4e7 samples", f"{over:.1f} MiB at most", "< 16 MB", met=over < 16)


def known_answers() -> None:
    """2: conversions and exact composition, to the printed digits, and how long they take."""
    for rho, delta, known in (("0.5", "1e-6", 5.221534444530), ("0.1", "1e-5", 1.914239), ("2.63", "1e-10", 17.430584)):
        found = accounting.convert(Bound.zcdp(rho, neighbours="replace"), delta=delta).epsilon
        digits = f"{float(found):.12f}"
        say(f"2. zCDP {rho}, delta {delta}", digits, str(known), met=abs(float(found) - known) < 1e-6, blocks=True)
    bounds = iter([Bound.zcdp(f"0.{k}", neighbours="replace") for k in range(1001, 4002)])
    each = median_seconds(lambda: accounting.convert(next(bounds), delta="1e-6"), rounds=3000) * 1e6
    say("2. zCDP conversion, another rho each time", f"{each:.0f} us", "< 50 us", met=each < 50)
    for sigma, known in ((3, 104.837465162303), (10, 19.423664552494), (100, 1.367571477845)):
        began = time.perf_counter()
        low, high = accounting.discrete_gaussian_epsilon(sigma2=sigma**2, delta="1e-6", k=1000)
        seconds = time.perf_counter() - began
        met = abs(float(high) - known) < 1e-12 * known and float((high - low) / high) < 1e-10
        say(
            f"2. k = 1000, sigma {sigma}",
            f"{float(high):.12f}, width {float((high - low) / high):.0e}",
            f"{known}",
            met=met,
            blocks=True,
        )
        say("     its time", f"{seconds * 1e3:.1f} ms", "< 20 ms", met=seconds < 0.02)
    began = time.perf_counter()
    low, high = accounting.discrete_gaussian_epsilon(sigma2=9, delta="1e-6", k=10**6)
    seconds = time.perf_counter() - began
    figure = f"width {float((high - low) / high):.0e}, {seconds * 1e3:.1f} ms"
    say("2. k = 1e6, sigma 3", figure, "< 1e-10, < 20 ms", met=float((high - low) / high) < 1e-10 and seconds < 0.02)
    for sigma2, epsilon, known in ((1, 1, 0.141351339405621908), (100, "0.5", 6.93437034751786787e-9)):
        high = accounting.discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon)[1]
        met = abs(float(high) / known - 1) < 1e-15
        say(f"2. one release, sigma2 {sigma2}, epsilon {epsilon}", repr(float(high)), repr(known), met=met, blocks=True)


def frequencies() -> None:
    """6: chi-square, low bits, signs, lags at 2e7 draws, and size against time."""
    done = subprocess.run([sys.executable, str(HERE / "statistical" / "noise_claims.py")], check=False)
    say("6. frequencies and timing (lines above)", f"exit {done.returncode}", "0", met=done.returncode == 0, blocks=True)


CLAIMS = [known_answers, speed, frequencies]


def main(names: list[str]) -> int:
    warnings.simplefilter("ignore")
    for claim in CLAIMS:
        if not names or claim.__name__ in names:
            claim()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"peak memory {peak // 1024} MiB; lines that block and were missed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The long acceptance runs of counting and estimating local reports: one line a claim, with the figure seen and its target.

``python tests/claims_ldp_estimates.py likelihood`` runs only some. The exit status is 1 when a line on exactness is missed, and 0
otherwise: speed and accuracy are printed, not judged.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
import warnings
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from claims import failed, say  # beside this file
from numpy.typing import NDArray
from scipy.stats import binom

from privlib.ldp import Domain, Spec
from privlib.ldp.aggregate import count
from privlib.ldp.estimate import rates, variance
from privlib.ldp.intervals import exact_limits, wald
from privlib.ldp.likelihood import maximum_likelihood
from privlib.ldp.reports import Reports
from privlib.ldp.wire import Layout

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)
PEOPLE, REPEATS = 15_000, 100

_STREAM = """
import sys, time
from pathlib import Path
import numpy as np
from privlib.ldp import Domain, Spec
from privlib.ldp.aggregate import Counts
from privlib.ldp.reports import Reports
sizes, total, chunk = {sizes}, {total}, 1 << 20
spec = Spec(Domain({{f"a{{j}}": list(range(k)) for j, k in enumerate(sizes)}}), "rsfd-grr", level="attribute", odds=3)
rng, counts, seconds, done = np.random.default_rng(1), Counts.empty(spec), 0.0, 0
most = int(np.prod(sizes))
while done < total:
    n = min(chunk, total - done)
    rows = rng.integers(0, most, n, dtype=np.uint32).view(np.uint8).reshape(n, 4)
    began = time.perf_counter()
    counts += spec.count(Reports(spec, rows))
    seconds += time.perf_counter() - began
    done += n
assert counts.reports == total and all(int(own.sum()) == total for own in counts.supports)
status = Path("/proc/self/status")
peak = int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024 if status.exists() else float("nan")
print(seconds, peak)
"""


def plan(protocol: str, sizes: tuple[int, ...], odds: int = 3) -> Spec:
    domain = Domain({f"a{j}": list(range(k)) for j, k in enumerate(sizes)})
    return Spec(domain, protocol, level="attribute", odds=odds, calibration="paper")


def exact_variances() -> None:
    """2: the variances of the brief, as fractions."""
    ten = (10,) * 10
    for protocol, sizes, attribute, n, share, known in (
        ("rsfd-grr", ten, 0, 50_000, "1/10", "81/200000"),
        ("rsfd-oue-z", ten, 0, 50_000, "1/10", "2299/5000000"),
        ("rsfd-oue-r", ten, 0, 50_000, "1/10", "1/1250"),
        ("rsfd-grr", ADULT, 7, 45_222, "0", "22439/50678788"),
        ("rsfd-oue-z", ADULT, 7, 45_222, "0", "19/45222"),
        ("rsfd-oue-r", ADULT, 7, 45_222, "0", "12593/25339394"),
        ("rsfd-grr", ADULT, 8, 45_222, "0", "33/60296"),
        ("rsfd-oue-r", ADULT, 8, 45_222, "0", "25/15074"),
    ):
        found = variance(plan(protocol, sizes), attribute, 0, Fraction(share), reports=n, target="population")
        line = f"2. variance, {protocol}, k = {sizes[attribute]}, n = {n}, f = {share}"
        say(line, str(found), known, met=found == Fraction(known), blocks=True)


def counting() -> None:
    """3: counting beside multi-freq-ldpy's, and a billion tuples in constant memory."""
    spec = plan("rsfd-grr", ADULT)
    n = 400_000
    tuples = np.stack([np.random.default_rng(1).integers(0, k, n) for k in ADULT], axis=1)
    value = np.zeros(n, dtype=np.uint64)
    for place in reversed(range(len(ADULT))):
        value = value * np.uint64(ADULT[place]) + tuples[:, place].astype(np.uint64)
    reports = Reports(spec, value.astype("<u4").view(np.uint8).reshape(n, 4).copy())
    spec.count(reports)
    times = list[float]()
    for _ in range(9):
        began = time.perf_counter()
        estimates = spec.count(reports).estimate(interval="wald")
        times.append(time.perf_counter() - began)
    ours = min(times) / n
    figure = f"{1 / ours:.3g} tuples/s"
    if find_spec("multi_freq_ldpy") is None:
        print(f"skip: the ratio to multi-freq-ldpy, which is not installed (counting and estimating: {figure})")
    else:
        from multi_freq_ldpy.mdim_freq_est.RSpFD_solution import RSpFD_GRR_Aggregator_MI

        some = [list(map(int, row)) for row in tuples[:20_000]]
        peer = list[float]()
        for _ in range(5):
            began = time.perf_counter()
            theirs = RSpFD_GRR_Aggregator_MI(some, list(ADULT), len(ADULT), math.log(3))
            peer.append(time.perf_counter() - began)
        ratio = min(peer) / len(some) / ours
        few = spec.count(Reports(spec, reports.rows[:20_000].copy())).estimate().projected("clip")
        same = all(np.allclose(own.value, np.array(other, dtype=float)) for own, other in zip(few.values(), theirs, strict=True))
        say("3. aggregator, Adult domains, GRR", f"{ratio:.0f} x multi-freq-ldpy, {figure}", ">= 200 x", met=ratio >= 200)
        say("     the same estimates as theirs, clipped", str(same), "True", met=same, blocks=True)
    assert len(estimates) == len(ADULT)
    code = _STREAM.format(sizes=ADULT, total=10**9)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    seconds, peak = map(float, out)
    figure = f"{peak:.0f} MiB, {1e9 / seconds:.3g} tuples/s"
    say("3. 1e9 Adult-shaped tuples in chunks", figure, "< 300 MB", met=peak * 2**20 < 300e6)


def cramer_rao(spec: Spec, law: NDArray[np.float64], bits: NDArray[np.uint8], n: int) -> float:
    """The mean over all values of the least variance of an unbiased estimate, for RS+FD by unary encoding of zeros."""
    d, k = len(spec.parts), law.size
    oracle = spec.parts[0].oracle
    one, zero = float(oracle.hit / oracle.miss), float((1 - oracle.hit) / (1 - oracle.miss))
    ratios = (zero + (one - zero) * bits.reshape(-1, d, k)) / d
    chance = (ratios @ law).sum(axis=1)
    score = ratios.reshape(-1, d * k) / chance[:, None]
    information = n * (score.T @ score) / len(score)
    within = np.linalg.svd(np.ones((1, k)))[2][1:].T  # directions along which frequencies still add up to 1
    along = np.kron(np.eye(d), within)
    return float(np.trace(along @ np.linalg.inv(along.T @ information @ along) @ along.T)) / (d * k)


def likelihood() -> None:
    """4: the joint likelihood beside clipped estimates on the same reports, Zipf data."""
    from tests.ldp.simulate import simulate, zipf

    law = 1 / np.arange(1, 11) ** 1.5
    law /= law.sum()
    for protocol, d, target in (("rsfd-oue-z", 10, 1.20), ("rsfd-sue-z", 5, 1.30)):
        spec, rng = plan(protocol, (10,) * d, odds=7), np.random.default_rng(11)
        joint, clipped, drawn, steps, rising = list[float](), list[float](), list[float](), list[int](), True
        seconds = 0.0
        for _ in range(REPEATS):
            records = zipf(rng, PEOPLE, (10,) * d)
            reports = simulate(spec, records, rng)
            truth = np.stack([np.bincount(column, minlength=10) for column in records.T]) / PEOPLE
            began = time.perf_counter()
            found = maximum_likelihood(spec, reports)
            seconds += time.perf_counter() - began
            value = np.stack(found.value)
            joint.append(float(((value - truth) ** 2).mean()))
            drawn.append(float(((value - law) ** 2).mean()))
            shown = count(spec, reports).estimate(interval="wald").projected("clip")
            clipped.append(float(((np.stack([one.value for one in shown.values()]) - truth) ** 2).mean()))
            steps.append(found.iterations)
            rising = rising and found.converged and all((np.diff(path) >= -1e-7).all() for path in found.path)
        ratio = float(np.mean(clipped) / np.mean(joint))
        error = float(np.std(np.array(clipped) - ratio * np.array(joint)) / REPEATS**0.5 / np.mean(joint))
        name = f"4. {protocol}, d = {d}, E = 7"
        say(f"{name}: MSE, clipped / joint", f"{ratio:.2f} +- {error:.2f}", f">= {target:.2f}", met=ratio >= target)
        say(
            "     likelihood never falls, change < 1e-6", f"{rising}, {np.mean(steps):.0f} steps", "True", met=rising, blocks=True
        )
        many = simulate(spec, zipf(rng, 200_000, (10,) * d), rng)
        bits = np.unpackbits(many.rows, axis=1, bitorder="little")[:, : Layout(spec.scheme, spec.parts).bits]
        least = cramer_rao(spec, law, bits, PEOPLE)
        share = float(np.mean(drawn)) / least
        say("     MSE over the Cramer-Rao bound", f"{share:.3f}", "<= 1.10", met=share <= 1.10)
        print(f"     {seconds / REPEATS:.2f} s for {PEOPLE} reports")


def coverage() -> None:
    """7: the chance that intervals cover, as sums of binomial chances."""
    frequencies = [0, 1e-4, 1e-3, 0.005, *np.linspace(0.01, 0.99, 50), 0.995, 0.999, 1]
    for protocol in ("rsfd-oue-z", "rsfd-grr", "smp-grr", "spl-hr"):
        spec = Spec(plan("rsfd-grr", ADULT).domain, protocol, level="attribute", odds=3)
        misses, slope = float(rates(spec, 0)[0][0]), float(rates(spec, 0)[1])
        exact, normal = list[float](), list[float]()
        for n in (50, 100, 200, 500, 1000, 5000, 10_000, 100_000):
            seen = np.arange(n + 1)
            limits = exact_limits(seen, n, misses=misses, slope=slope, error=0.05)
            share = seen / n
            rough = wald((share - misses) / slope, (share * (1 - share) / n) ** 0.5 / slope, error=0.05)
            for f in frequencies:
                chances = binom.pmf(seen, n, misses + slope * f)
                exact.append(float(chances[(limits[0] <= f) & (f <= limits[1])].sum()))
                if n >= 10_000 and 0.01 <= f <= 0.99:
                    normal.append(float(chances[(rough[0] <= f) & (f <= rough[1])].sum()))
        least = min(exact)
        say(f"7. Clopper-Pearson, {protocol}", f"{least:.5f} at least", ">= 0.95", met=least >= 0.95 - 1e-9, blocks=True)
        figure = f"{min(normal):.4f} to {max(normal):.4f}"
        say("     Wald, n >= 1e4", figure, "0.94 to 0.96", met=min(normal) >= 0.94 and max(normal) <= 0.96)


CLAIMS = [exact_variances, counting, likelihood, coverage]


def main(names: list[str]) -> int:
    warnings.simplefilter("ignore")
    for claim in CLAIMS:
        if not names or claim.__name__ in names:
            claim()
    print(f"lines that block and were missed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

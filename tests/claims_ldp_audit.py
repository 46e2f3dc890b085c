"""The long acceptance runs on the guarantees of local reports and attacks on them: one line a claim, with its target.

``python tests/claims_ldp_audit.py guarantees`` runs only some. The exit status is 1 when a line on exactness or validity is
missed, and 0 otherwise: power and speed are printed, not judged.
"""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from claims import failed, say  # beside this file

from privlib.audit import Verdict, run
from privlib.audit.ldp import ldp_audit, ldp_claim, ldp_pair
from privlib.audit.ldp_inference import sampled_attribute_accuracy
from privlib.ldp import Domain, Spec
from privlib.ldp.guarantee import guarantee

HERE = Path(__file__).resolve().parent
SPECIFICATIONS, AUDITS = 3000, 200
ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)
CENSUS = (9, 52, 47, 17, 3, 7, 24, 15, 5, 10, 2, 3, 6, 8, 6, 6, 51, 38, 8, 10, 9, 10, 3, 4, 5, 43, 43, 43, 5, 3, 3, 3, 2)


def plan(sizes: tuple[int, ...], protocol: str, *, calibration: str = "paper", **cap: object) -> Spec:
    domain = Domain({f"a{place}": range(size) for place, size in enumerate(sizes)})
    return Spec(domain, protocol, level="record", calibration=calibration, **(cap or {"odds": 3}))  # type: ignore[arg-type]


def guarantees() -> None:
    """1: the guarantee against enumeration of all reports and records, in Fractions."""
    sys.path.insert(0, str(HERE / "ldp"))
    from test_guarantee import KINDS, enumerated, stated

    dice = random.Random(20210907)  # noqa: S311 - specifications, no secrets
    seen, wrong, began = Counter[int](), 0, time.perf_counter()
    for number in range(SPECIFICATIONS):
        scheme, parts = list(KINDS.values())[number % len(KINDS)](dice)
        wrong += stated(scheme, parts) != enumerated(scheme, parts)
        seen[len(parts)] += 1
    seconds = time.perf_counter() - began
    sizes = ", ".join(f"{count} of d = {d}" for d, count in sorted(seen.items()))
    say(f"1. {SPECIFICATIONS} specifications by enumeration", f"{wrong} mismatches", "0", met=not wrong, blocks=True)
    print(f"     {sizes}; {seconds:.0f} s")
    for protocol in ("rsfd-grr", "rsfd-oue-r", "rsfd-sue-z"):
        spec = plan(CENSUS, protocol)
        times = list[float]()
        for _ in range(21):
            began = time.perf_counter()
            guarantee(spec.scheme, spec.parts)
            times.append(time.perf_counter() - began)
        say(f"1. guarantee at d = 33, {protocol}", f"{sorted(times)[10] * 1e3:.2f} ms", "< 10 ms", met=sorted(times)[10] < 0.01)


def refutation() -> None:
    """5: the published claim of ln 3 at d = 3, k = 2, by 40 000 reports a side."""
    spec = plan((2, 2, 2), "rsfd-grr")
    began = time.perf_counter()
    found = ldp_audit(spec, trials=80_000, confidence="0.99")
    seconds = time.perf_counter() - began
    met = found.verdict is Verdict.VIOLATION and seconds < 5
    say("5. published claim ln 3, seconds", f"{found.verdict}, {seconds:.2f} s", "violation, < 5 s", met=met, blocks=True)
    say("     certified, truth 1.946", f"{found.certified:.3f}", "> 1.85", met=found.certified > 1.85)


def authors_client(record: list[int]) -> list[int]:
    """RS+FD[GRR] of multi-freq-ldpy, the authors' own package, at a claim of ln 3 and domains of two values."""
    from multi_freq_ldpy.mdim_freq_est.RSpFD_solution import RSpFD_GRR_Client

    return [int(answer) for answer in RSpFD_GRR_Client(record, [2] * len(record), len(record), math.log(3))]


def authors_ratio(outputs: object) -> np.ndarray:
    """Each answer speaks for one of the two records at odds of 7, and the sums count."""
    ones = np.asarray(outputs).sum(axis=1)
    return np.log((7 * ones + 3 - ones) / (7 * (3 - ones) + ones))


def authors() -> None:
    """5: the same, of the authors' package: in Python by the exact ratio, and from the command line by its import path."""
    if find_spec("multi_freq_ldpy") is None:
        print("skip: the authors' package (multi-freq-ldpy is not installed: it is in the extra bench)")
        return
    pair = ldp_pair(plan((2, 2, 2), "rsfd-grr"), "record")
    claim = ldp_claim(plan((2, 2, 2), "rsfd-grr"), "record")
    began = time.perf_counter()
    found = run(
        authors_client,
        claim=claim,
        pair=pair,
        trials=80_000,
        training=5000,
        confidence="0.99",
        llr=authors_ratio,
        title="authors",
    )
    figure = f"{found.verdict}, {found.certified:.3f}, {time.perf_counter() - began:.1f} s"
    say("5. multi-freq-ldpy, claim ln 3", figure, "violation, > 1.85", met=found.certified > 1.85)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pair.json"
        file.write_text(json.dumps({"first": [0, 0, 0], "second": [1, 1, 1], "description": "all attributes differ"}))
        options = ["--epsilon", "1.0987", "--neighbours", "record", "--pair", str(file), "--trials", "80000"]
        program = [sys.executable, "-m", "privlib", "audit", "run", "claims_ldp_audit:authors_client", *options]
        done = subprocess.run(program, cwd=HERE, capture_output=True, text=True, check=False, env={**os.environ})
    words = next((line for line in done.stdout.splitlines() if "iolation" in line), done.stderr[-60:])
    say("     by import path, exit code", f"{done.returncode}", "1", met=done.returncode == 1, blocks=True)
    print(f"     {words.strip()}")


def honest() -> None:
    """5: audits of honest plans at alpha = 1 %: more than 7 of 200 would come once in a thousand times."""
    protocols = ["rsfd-grr", "rsfd-oue-z", "rsfd-sue-r", "smp-grr", "spl-oue"]
    flagged = 0
    for number in range(AUDITS):
        spec = plan((2, 3, 4), protocols[number % len(protocols)], calibration="exact")
        flagged += ldp_audit(spec, trials=20_000, confidence="0.99", seed=number).verdict is Verdict.VIOLATION
    say(f"5. flagged of {AUDITS} audits of honest plans", f"{flagged}", "<= 7", met=flagged <= 7, blocks=True)


def inference() -> None:
    """7 of the brief: how often the attribute drawn is guessed, exactly, at the published odds."""
    for sizes, name in (((10,) * 10, "d = k = 10"), (ADULT, "Adult")):
        for cap, known in (({"odds": 3}, (0.1867, 0.2215, 0.2499, 0.3051)), ({"epsilon": 10}, (0.9095, 0.5499, 0.9545, 0.5555))):
            for protocol, target in zip(("rsfd-sue-z", "rsfd-oue-z"), known[2:] if sizes == ADULT else known[:2], strict=True):
                found = sampled_attribute_accuracy(plan(sizes, protocol, **cap))
                met = abs(found - target) < 5e-5
                line = f"7. attribute drawn, {name}, {protocol}, {next(iter(cap))} {Fraction(next(iter(cap.values())))}"
                say(line, f"{found:.4f}", f"{target}", met=met, blocks=True)


CLAIMS: list[Callable[[], None]] = [guarantees, refutation, authors, honest, inference]


def main(names: list[str]) -> int:
    warnings.simplefilter("ignore")
    for claim in CLAIMS:
        if not names or claim.__name__ in names:
            claim()
    print(f"lines that block and were missed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

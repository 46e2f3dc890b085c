"""The long acceptance runs of secret sharing: one line a claim, with the figure seen and its target.

``python tests/claims_sharing.py speed`` runs only some. Speed is printed, not judged; the exit status is 1 when a line on
memory or exactness is missed. Peers other than galois come with the extra ``bench``.
"""

from __future__ import annotations

import os
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from claims import failed, say  # beside this file

sys.path.insert(0, str(Path(__file__).resolve().parent / "benchmarks"))
import sharing as benchmark

from privlib.sharing import files, lanes
from privlib.sharing.codes import Delta
from privlib.sharing.layouts import share_rows

GIBIBYTE = 2**30
FAST = "privlib, digits of the operating system"
SHARED = "privlib, seeded Dealer, integrity none"
PYCRYPTODOME = "pycryptodome, blocks of 16 bytes"
GALOIS = "galois, GF(256)"


def speed() -> None:
    """3: 1 MiB, any 3 of 5; pycryptodome is measured on 2 KiB and multiplied, for it works block by block."""
    results = benchmark.medians([*benchmark.own(), *benchmark.dealers(), *benchmark.peers()])
    for name, (split, join) in results.items():
        print(f"     {name:<45} split {split * 1e3:>12,.2f} ms   combine {join * 1e3:>12,.2f} ms")
    if PYCRYPTODOME in results:
        theirs = results[PYCRYPTODOME]
        for name in (FAST, SHARED):
            split, join = (their / own for their, own in zip(theirs, results[name], strict=True))
            say(f"3. split, {name}", f"{split:,.0f} x pycryptodome", ">= 300 x", met=split >= 300)
            say(f"3. combine, {name}", f"{join:,.0f} x pycryptodome", ">= 10,000 x", met=join >= 10_000)
    ratio = results[GALOIS][0] / results[FAST][0]
    say("3. split, both with digits of the operating system", f"{ratio:.1f} x galois GF(256)", ">= 3 x", met=ratio >= 3)


def far() -> None:
    """3: a share of a 32-byte secret for participant 2**200 + 1, and getting the secret back from three such."""
    code, rows, threshold = Delta(), 32, 3
    word = np.frombuffer(secrets.token_bytes(rows), dtype=np.uint8).reshape(rows, 1)
    ts = [2**200 + 1, 2**200 + secrets.randbits(199), 2**201 - 1]
    length = max(share_rows(code, t, threshold, rows) for t in ts)
    digits = [np.frombuffer(secrets.token_bytes(length), dtype=np.uint8).reshape(length, 1) for _ in range(threshold - 1)]
    streams = [lambda start, stop, rows=rows: rows[start:stop] for rows in digits]

    def one(t: int) -> lanes.Rows:
        return lanes.share(word, code.encode(t), streams, share_rows(code, t, threshold, rows))

    shares = [one(t) for t in ts]

    def together() -> lanes.Rows:
        return lanes.recover([code.encode(t) for t in ts], shares, rows)

    same = np.array_equal(together(), word)
    say("3. three shares for such participants give the secret", str(same), "True", met=same, blocks=True)
    for name, job in (("share of t = 2**200 + 1", lambda: one(ts[0])), ("secret from three such", together)):
        taken = statistics.median(seconds(job) for _ in range(101)) * 1e3
        say(f"3. {name}, 32 bytes", f"{taken:.3f} ms", "< 5 ms", met=taken < 5)


def gibibyte() -> None:
    """3: a file of 1 GiB, any 3 of 5, in a process of its own; also with digits that cost nothing, to leave out randomness."""
    for digits in ("free", "drawn"):
        command = [sys.executable, __file__, "--one-gibibyte", digits]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        print(finished.stdout, end="")
        if finished.returncode:
            print(finished.stderr, end="")
            say(f"3. a file of 1 GiB, digits {digits}", "failed", "whole again", met=False, blocks=True)


def one_gibibyte(digits: str) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "large"
        with source.open("wb") as file:
            for _ in range(GIBIBYTE // 2**24):
                file.write(os.urandom(2**24))
        if digits == "free":  # streams that cost nothing: no protection, and only here
            block = np.frombuffer(os.urandom(2**20), dtype=np.uint8)
            free = files._plan

            def plan(spec: files.Spec, *given: object) -> files._Plan:
                made = free(spec, *given)
                stream = lambda start, stop: block[: (stop - start) * spec.width].reshape(-1, spec.width)  # noqa: E731
                return replace(made, streams=(stream,) * (spec.threshold - 1))

            files._plan = plan
        began = time.perf_counter()
        shares = files.split_file(source, folder, threshold=3, shares=5, integrity="none")
        splitting = time.perf_counter() - began
        began = time.perf_counter()
        again = files.combine_file(shares[1:4], folder / "again", expected=[2, 3, 4])
        joining = time.perf_counter() - began
        same = subprocess.run(["cmp", str(source), str(again)], check=False).returncode == 0
    unit = 1 if sys.platform == "darwin" else 1024
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    split, join = (GIBIBYTE / taken / 1e6 for taken in (splitting, joining))
    if digits == "free":
        say(
            "3. split_file of 1 GiB to five, written to the disk",
            f"{split:.0f} MB/s without randomness",
            ">= 150 MB/s",
            met=split >= 150,
        )
        say("3. combine_file of 1 GiB", f"{join:.0f} MB/s", ">= 150 MB/s", met=join >= 150)
    else:
        print(f"     with seeded digits: split {split:.0f} MB/s, combine {join:.0f} MB/s")
        say(
            "3. split_file and combine_file of 1 GiB, resident",
            f"{resident:.0f} MiB",
            "< 512 MiB",
            met=resident < 512,
            blocks=True,
        )
        say("3. the file is whole again", str(same), "True", met=same, blocks=True)
    return 1 if failed else 0


def seconds(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


CLAIMS: list[Callable[[], None]] = [speed, far, gibibyte]


def main(names: list[str]) -> int:
    warnings.simplefilter("ignore")
    if names[:1] == ["--one-gibibyte"]:
        return one_gibibyte(names[1])
    for claim in CLAIMS:
        if not names or claim.__name__ in names:
            claim()
    print(f"lines that block and were missed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

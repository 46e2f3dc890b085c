"""Two acceptance runs on real processes: two that charge at once, and one that is killed while it charges.

The test suite calls :func:`race` and :func:`kill` with few rounds. The long form prints one line a check::

    python tests/budget/crash_and_race.py --rounds 200 --kills 200
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from privlib.bounds import Bound
from privlib.budget import Ledger
from privlib.errors import BudgetExceeded

CHARGES = 200  # by one child, unless it is killed before
LATEST = 0.25  # seconds after the first release until the last moment at which a child is killed


@dataclass(frozen=True)
class Races:
    """What came of processes that charged 0.6 of a limit of 1 at once."""

    rounds: int
    one_winner: int
    verified: int


@dataclass(frozen=True)
class Kills:
    """What came of children that were killed while they charged and released."""

    kills: int
    in_a_transaction: int
    charges: int
    releases: int
    verified: int
    missing: int
    unreleased: int


def race(rounds: int, directory: Path, *, racers: int = 2) -> Races:
    """Let processes make one ledger and charge 0.6 of 1 at the same time, again and again."""
    workers = [start("racer") for _ in range(racers)]
    one_winner = verified = 0
    for number in range(rounds):
        path = directory / f"race-{number}.db"
        for worker in workers:
            pipe(worker.stdin).write(f"{path}\n")
            pipe(worker.stdin).flush()
        answers = sorted(pipe(worker.stdout).readline().strip() for worker in workers)
        one_winner += answers == ["charged"] + ["refused"] * (racers - 1)
        ledger = Ledger(path)
        ledger.verify()
        verified += len(ledger.charges()) == 1
    for worker in workers:
        pipe(worker.stdin).close()
        pipe(worker.stdout).close()
        worker.wait()
    return Races(rounds, one_winner, verified)


def kill(kills: int, directory: Path) -> Kills:
    """Kill a child at a random moment of its charges, again and again on one ledger, and look for every release."""
    path, moments = directory / "killed.db", random.SystemRandom()
    Ledger(path, limit=kills * CHARGES)
    in_a_transaction = verified = missing = charges = releases = 0
    for number in range(kills):
        release_file = directory / f"releases-{number}"
        child = start("releaser", str(path), str(release_file))
        pipe(child.stdout).readline()  # the first release is out
        time.sleep(moments.uniform(0, LATEST))
        child.kill()
        child.wait()
        pipe(child.stdin).close()
        pipe(child.stdout).close()
        in_a_transaction += Path(f"{path}-journal").exists()
        ledger = Ledger(path)
        ledger.verify()
        verified += 1
        heads = [row.head for row in ledger.charges()]
        # A last line without its end was never a release: the child died while writing it.
        lines = release_file.read_text().splitlines(keepends=True)
        released = [json.loads(line) for line in lines if line.endswith("\n")]
        ledger.verify_head(released[-1])
        missing += sum(head not in heads[charges:] for head in released)
        charges, releases = len(heads), releases + len(released)
    return Kills(kills, in_a_transaction, charges, releases, verified, missing, charges - releases)


def racer() -> None:
    """Charge 0.6 to each ledger named on standard input, and answer what came of it."""
    for line in sys.stdin:
        try:
            charge(Ledger(line.strip(), limit=1, wait=60), "0.6")
            print("charged", flush=True)
        except BudgetExceeded:
            print("refused", flush=True)


def releaser(path: str, release_file: str) -> None:
    """Charge, then release by writing the head durably to a file."""
    ledger = Ledger(path)
    with open(release_file, "a", encoding="ascii") as file:
        for _ in range(CHARGES):
            file.write(json.dumps(charge(ledger, "1")) + "\n")
            file.flush()
            os.fsync(file.fileno())
            print("released", flush=True)


def charge(ledger: Ledger, epsilon: str) -> dict[str, str | int]:
    """Charge and return the head."""
    return ledger.charge(Bound.pure(epsilon, neighbours="replace"), name="test", fingerprint="f00d", secure=True).head


def start(*arguments: str) -> subprocess.Popen[str]:
    """Run this file as another process."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def pipe(end: IO[str] | None) -> IO[str]:
    """Tell the type checker that a pipe is there."""
    assert end is not None
    return end


def main() -> None:
    """Print figure and target, one check a line; exit 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--kills", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        races, kills = race(arguments.rounds, Path(name)), kill(arguments.kills, Path(name))
    checks = [
        ("two processes charge 0.6 of 1 at once: rounds with exactly one winner", races.one_winner, races.rounds),
        ("  ledgers that verify with one charge", races.verified, races.rounds),
        ("kill -9 while charging: ledgers that open and verify afterwards", kills.verified, kills.kills),
        (f"  heads of {kills.releases} releases that the ledger lacks", kills.missing, 0),
    ]
    for words, figure, target in checks:
        print(f"{words}: {figure} (target {target}) {'ok' if figure == target else 'MISSED'}")
    within = 0 <= kills.unreleased <= kills.kills
    print(
        f"  charges that no release followed: {kills.unreleased} of {kills.charges} (target: at most one a kill) "
        f"{'ok' if within else 'MISSED'}"
    )
    print(f"  kills that left a transaction to roll back: {kills.in_a_transaction} of {kills.kills}")
    sys.exit(not within or any(figure != target for _, figure, target in checks))


if __name__ == "__main__":
    if sys.argv[1:] == ["racer"]:
        racer()
    elif sys.argv[1:2] == ["releaser"]:
        releaser(*sys.argv[2:])
    else:
        main()

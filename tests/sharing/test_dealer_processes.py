"""Real processes: killed at any moment, two at once, and on a full disk."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from privlib.prove import replaced
from privlib.sharing import issuing
from privlib.sharing.dealer import Dealer
from privlib.sharing.recover import combine
from privlib.sharing.share import Share

KEY = bytes(range(32))
SECRET = b"do not show this to anybody"
WORDS = "correct horse"


def in_file(path: Path, **plan: Any) -> Dealer:
    return Dealer(SECRET, **{"threshold": 2, "path": path, "key": KEY, **plan})


def numbers(*shares: Share) -> list[int]:
    return [share.t for share in shares]


# Real processes

KILLED = """
import os, signal, sys
from privlib.journal import Journal
from privlib.sharing.dealer import Dealer
path, holder, place, written = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "True"
honest, appends = Journal.append, 0

def append(self, decide):
    global appends
    mine, appends = appends == place, appends + 1
    if mine and not written:
        os.kill(os.getpid(), signal.SIGKILL)
    row = honest(self, decide)
    if mine:
        os.kill(os.getpid(), signal.SIGKILL)
    return row

Journal.append = append
Dealer.open(path, key=bytes(range(32))).issue(holder).save(path + "." + holder)
"""


def python(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE)


@pytest.mark.parametrize(("place", "written"), [(0, True), (1, False), (1, True), (2, False), (2, True)])
def test_kill_9_between_two_writes_gives_no_number_twice(place: int, written: bool, tmp_path: Path) -> None:
    path = tmp_path / "state"
    in_file(path)
    child = python(KILLED, path, "ann", place, written)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    dealer = Dealer.open(path, key=KEY)
    assert (dealer.participant("ann") == 1) == ((place, written) >= (1, True))
    assert dealer.undelivered == ((1,) if (1, True) <= (place, written) < (2, True) else ())
    bob, ann = dealer.issue("bob"), dealer.issue("ann")
    assert {bob.t, ann.t} == {1, 2}
    assert combine([ann, bob], expected=numbers(ann, bob)) == SECRET


ISSUING = """
import sys
from privlib.sharing.dealer import Dealer
path, own, most = sys.argv[1:]
dealer = Dealer.open(path, key=bytes(range(32)))
for i in range(int(most)):
    holder = f"{own} {i}" if i % 3 else f"common {i}"
    share = dealer.issue(holder)
    print(holder, share.to_bytes().hex(), sep=":", flush=True)
"""


def read_issued(output: bytes) -> list[tuple[str, Share]]:
    lines = [line.decode().split(":") for line in output.split(b"\n")[:-1]]  # a last line without its end never left
    return [(holder, Share.from_bytes(bytes.fromhex(text))) for holder, text in lines]


def check_issued(path: Path, issued: list[tuple[str, Share]]) -> None:
    dealer, owners = Dealer.open(path, key=KEY), dict[int, str]()
    for holder, share in issued:
        assert owners.setdefault(share.t, holder) == holder
        assert dealer.issue(holder) == share


def test_kill_9_at_any_moment_loses_no_share(tmp_path: Path) -> None:
    path, moments = tmp_path / "state", random.SystemRandom()
    with replaced(issuing, "_HEADROOM", 1):
        in_file(path, code="unary")
    issued: list[tuple[str, Share]] = []
    for number in range(4):
        child = python(ISSUING, path, number, 10**6)
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(moments.uniform(0, 0.2))
        child.kill()
        issued += read_issued(first + child.communicate(timeout=60)[0])
        check_issued(path, issued)
    assert len(issued) >= 4


def test_two_processes_at_once_share_one_counter(tmp_path: Path) -> None:
    path = tmp_path / "state"
    in_file(path)
    children = [python(ISSUING, path, name, 12) for name in ("one", "two")]
    issued = [each for child in children for each in read_issued(child.communicate(timeout=100)[0])]
    assert [child.returncode for child in children] == [0, 0]
    assert len(issued) == 24
    assert {share.t for _, share in issued} == set(range(1, 21))  # four holders are common to both
    check_issued(path, issued)


# The child process may write up to `allowed` bytes more to any one file, as on a disk that is full.
FULL_DISK = """
import os, resource, sys
from privlib.errors import DealerError
from privlib.sharing.dealer import Dealer
path, allowed = sys.argv[1], int(sys.argv[2])
dealer = Dealer.open(path, key=bytes(range(32)))
size = os.path.getsize(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + allowed, size + allowed))
try:
    for i in range(1000):
        print(f"holder {i}", dealer.issue(f"holder {i}").to_bytes().hex(), sep=":", flush=True)
except DealerError:
    sys.exit(3)
"""


@pytest.mark.parametrize("allowed", [0, 4096, 20_000])
def test_a_full_disk_is_an_error_and_no_share_is_lost(allowed: int, tmp_path: Path) -> None:
    path = tmp_path / "state"
    in_file(path)
    child = python(FULL_DISK, path, allowed)
    issued = read_issued(child.communicate(timeout=100)[0])
    assert child.returncode == 3
    check_issued(path, issued)
    assert Dealer.open(path, key=KEY).issue("later").t > len(issued)

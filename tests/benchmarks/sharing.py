"""Secret sharing beside its peers: 1 MiB among five holders, any three of whom recover it.

``python tests/benchmarks/sharing.py`` prints the tables; ``make bench`` takes `section` into docs/benchmarks.md. Peers that take
seconds for a megabyte are measured on the first bytes of the secret, and their times multiplied: all of them work block by block.
Peers other than galois come with the extra ``bench``.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from privlib.sharing import lanes
from privlib.sharing.codes import Delta
from privlib.sharing.dealer import Dealer
from privlib.sharing.layouts import share_rows
from privlib.sharing.recover import combine
from privlib.sharing.spec import Spec
from privlib.sharing.streams import Seeded

SIZE, THRESHOLD, HOLDERS, ROUNDS = 2**20, 3, 5, 7
CHOSEN = (0, 2, 4)
SAMPLED = {"pycryptodome": 16 * 128, "pyshamir": 2**10, "sslib": 2**14}
CODES = ("unary", "gamma", "delta", "omega")
PARTICIPANTS = (10, 100, 1000, 10**6, 10**9)
Job = Callable[[], object]


@dataclass(frozen=True)
class Peer:
    """How to split and combine ``measured`` bytes; times are multiplied up to `SIZE`."""

    name: str
    split: Job
    combine: Job
    measured: int = SIZE


def lanes_peer(name: str, digits: Callable[[int, int], list[lanes.Rows]]) -> Peer:
    """The engine alone: what it does to a secret once the digits are there, or with them."""
    width = lanes.width_for(SIZE)
    word = np.frombuffer(os.urandom(SIZE), dtype=np.uint8).reshape(-1, width)
    words = [Delta().encode(t) for t in range(1, HOLDERS + 1)]
    lengths = [share_rows(Delta(), t, THRESHOLD, len(word)) for t in range(1, HOLDERS + 1)]

    def split() -> list[lanes.Rows]:
        streams = [lambda start, stop, rows=rows: rows[start:stop] for rows in digits(max(lengths), width)]
        return [lanes.share(word, own, streams, length) for own, length in zip(words, lengths, strict=True)]

    shares = split()
    chosen = [words[i] for i in CHOSEN], [shares[i] for i in CHOSEN]
    assert np.array_equal(lanes.recover(*chosen, len(word)), word)
    return Peer(name, split, lambda: lanes.recover(*chosen, len(word)))


def own() -> Iterator[Peer]:
    def system(rows: int, width: int) -> list[lanes.Rows]:
        return [np.frombuffer(os.urandom(rows * width), dtype=np.uint8).reshape(rows, width) for _ in range(THRESHOLD - 1)]

    def keystream(rows: int, width: int) -> list[lanes.Rows]:
        return [stream(0, rows) for stream in Seeded(os.urandom(32), THRESHOLD - 1, width).streams()]

    kept = system(2 * SIZE, 1)  # longer than any share here
    yield lanes_peer("privlib, digits at hand", lambda rows, width: [own[: rows * width].reshape(rows, width) for own in kept])
    yield lanes_peer("privlib, digits of AES-256-CTR", keystream)
    yield lanes_peer("privlib, digits of the operating system", system)


def dealers() -> Iterator[Peer]:
    secret = os.urandom(SIZE)
    for integrity in ("none", "amd"):

        def split(integrity: str = integrity) -> list[object]:
            dealer = Dealer(secret, threshold=THRESHOLD, integrity=integrity, mode="seeded")
            return [dealer.issue(str(i)) for i in range(HOLDERS)]

        chosen = [split()[i] for i in CHOSEN]

        def join(chosen: list[object] = chosen) -> bytes:
            return combine(chosen, expected=[i + 1 for i in CHOSEN])

        shares = split()
        chosen[:] = [shares[i] for i in CHOSEN]
        assert join() == secret
        yield Peer(f"privlib, seeded Dealer, integrity {integrity}", split, join)


def galois_peer() -> Peer:
    """Shamir byte by byte over GF(256), as one would write it with galois; digits of the operating system."""
    import galois

    field = galois.GF(2**8)
    secret = np.frombuffer(os.urandom(SIZE), dtype=np.uint8)

    def split() -> list[object]:
        one, two = (np.frombuffer(os.urandom(SIZE), dtype=np.uint8).view(field) for _ in range(2))
        own = secret.view(field)
        return [(two * field(x) + one) * field(x) + own for x in range(1, HOLDERS + 1)]

    shares = split()
    points = [field(i + 1) for i in CHOSEN]

    def join() -> object:
        total = field.Zeros(SIZE)
        for i, x in zip(CHOSEN, points, strict=True):
            weight = field(1)
            for other in points:
                if other != x:
                    weight = weight * other / (other - x)
            total = total + shares[i] * weight
        return total

    assert np.array_equal(np.asarray(join()), secret)
    return Peer("galois, GF(256)", split, join)


def peers() -> Iterator[Peer]:
    """The other libraries; those that are not installed are named."""
    yield galois_peer()
    if find_spec("Crypto"):
        from Crypto.Protocol.SecretSharing import Shamir

        size = SAMPLED["pycryptodome"]
        blocks = [os.urandom(16) for _ in range(size // 16)]
        shares = [Shamir.split(THRESHOLD, HOLDERS, block) for block in blocks]
        chosen = [[each[i] for i in CHOSEN] for each in shares]
        assert [Shamir.combine(each) for each in chosen] == blocks
        yield Peer(
            "pycryptodome, blocks of 16 bytes",
            lambda: [Shamir.split(THRESHOLD, HOLDERS, block) for block in blocks],
            lambda: [Shamir.combine(each) for each in chosen],
            size,
        )
    if find_spec("pyshamir"):
        import pyshamir

        secret = os.urandom(SAMPLED["pyshamir"])
        parts = pyshamir.split(secret, HOLDERS, THRESHOLD)
        yield Peer(
            "pyshamir",
            lambda: pyshamir.split(secret, HOLDERS, THRESHOLD),
            lambda: pyshamir.combine(parts[:THRESHOLD]),
            len(secret),
        )
    if find_spec("sslib"):
        from sslib import randomness, shamir

        pieces = [os.urandom(64) for _ in range(SAMPLED["sslib"] // 64)]

        def cut() -> list[dict[str, object]]:
            return [
                shamir.split_secret(piece, THRESHOLD, HOLDERS, randomness_source=randomness.UrandomReader()) for piece in pieces
            ]

        made = cut()
        yield Peer("sslib, pieces of 64 bytes", cut, lambda: [shamir.recover_secret(each) for each in made], SAMPLED["sslib"])
    missing = [name for name in ("Crypto", "pyshamir", "sslib") if not find_spec(name)]
    if missing:
        print(f"skip: {', '.join(missing)}, not installed: they are in the extra bench", file=sys.stderr)


def medians(all_peers: list[Peer]) -> dict[str, tuple[float, float]]:
    """Median seconds for `SIZE` bytes, of splitting and of combining; all take turns, so that a slow moment hits all alike."""
    found: dict[str, tuple[list[float], list[float]]] = {peer.name: ([], []) for peer in all_peers}
    for _ in range(ROUNDS):
        for peer in all_peers:
            for job, kept in zip((peer.split, peer.combine), found[peer.name], strict=True):
                began = time.perf_counter()
                job()
                kept.append((time.perf_counter() - began) * SIZE / peer.measured)
    return {name: (statistics.median(split), statistics.median(join)) for name, (split, join) in found.items()}


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def speed() -> str:
    everybody = [*own(), *dealers(), *peers()]
    sampled = {peer.name: peer.measured for peer in everybody if peer.measured != SIZE}
    results = medians(everybody)
    split, join = next(iter(results.values()))
    lines = [row("1 MiB, any 3 of 5", "split", "times the first", "combine", "times the first"), row(*["---"] * 5)]
    for name, (one, two) in results.items():
        note = f" (measured on {sampled[name]:,} bytes)" if name in sampled else ""
        lines.append(
            row(name + note, f"{one * 1e3:,.2f} ms", f"{one / split:,.1f}", f"{two * 1e3:,.2f} ms", f"{two / join:,.1f}")
        )
    return "\n".join(lines)


def sizes() -> str:
    """Bits that a share of one bit has, by code: exact, not measured."""
    lines = [row("one bit, any 3", *(f"t = {t:,}" for t in PARTICIPANTS)), row(*["---"] * (len(PARTICIPANTS) + 1))]
    for code in CODES:
        cells = list[object]()
        for t in PARTICIPANTS:
            reachable = code != "unary" or t <= 1000
            cells.append(Spec(3, 1, code=code, width=1, integrity="none").share_rows(t) if reachable else "too long")
        lines.append(row(code, *cells))
    return "\n".join(lines)


def section() -> str:
    return "\n".join(
        [
            "## Secret sharing: splitting and combining",
            "",
            f"Medians of {ROUNDS} rounds taken in turn, in one process. Privlib's shares serve any number of holders;",
            "the peers' number of holders is bounded by their field.",
            "",
            speed(),
            "",
            "## Secret sharing: how long a share is",
            "",
            "Digits of the share of participant t, for a secret of one digit.",
            "",
            sizes(),
            "",
        ]
    )


if __name__ == "__main__":
    print(section())

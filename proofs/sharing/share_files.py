"""Share files of a few rows against the reference: what sharing.t1 and sharing.t2 say of files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from privlib.errors import BadShare, PrivlibError
from privlib.prove import replaced
from privlib.sharing import files, joining, lanes, ring
from privlib.sharing.integrity import wrap
from privlib.sharing.share import Share
from privlib.sharing.spec import Integrity, Spec
from privlib.sharing.streams import Mode, Seeded, bound_root, derived

SECRET = bytes(range(1, 8))


def digits(label: str, count: int, p: int) -> tuple[int, ...]:
    """Some digits, always the same; nothing here rests on their law."""
    return tuple(byte % p for byte in hashlib.shake_256(label.encode()).digest(count))


# --- sharing.t1 ---


def shares_of(integrity: Integrity, ts: Sequence[int], threshold: int, width: int) -> list[Share]:
    """Shares of a secret of seven bytes: what `lanes.share`, which is the reference, gives."""
    spec = Spec(threshold, len(SECRET), width=width, integrity=integrity)
    word = np.zeros((spec.rows, width), dtype=np.uint8)
    word.reshape(-1)[: spec.word_bytes] = np.frombuffer(wrap(SECRET, integrity, bytes(range(16))), dtype=np.uint8)
    tapes = [np.array(digits(f"r{j}", 99 * width, 256), dtype=np.uint8).reshape(99, width) for j in range(threshold - 1)]
    asked = [lambda start, stop, tape=tape: tape[start:stop] for tape in tapes]
    payloads = {t: lanes.share(word, spec.prefix_code.encode(t), asked, spec.share_rows(t)).tobytes() for t in ts}
    open_fields: dict[str, Any] = {"dealer": bytes(16), "epoch": 0, "lineage": (), "kind": "perfect", "secure": True}
    return [Share(spec=spec, t=t, payload=payload, **open_fields) for t, payload in payloads.items()]


def give_the_file() -> None:
    """Every set of share files, in blocks of two rows; every byte of one file changed; a file that changes meanwhile."""
    cases: list[tuple[Integrity, tuple[int, ...], int, int]] = [("none", (2, 3, 9, 4), 2, 2), ("amd", (5, 2, 6, 1), 3, 3)]
    for integrity, ts, threshold, width in cases:
        shares = shares_of(integrity, ts, threshold, width)
        with TemporaryDirectory() as folder, replaced(joining, "_BLOCK", 2 * width):
            paths = [Path(folder) / str(share.t) for share in shares]
            for path, share in zip(paths, shares, strict=True):
                path.write_bytes(share.to_bytes())
            for some in (some for size in range(threshold, 5) for some in combinations(paths, size)):
                assert put_together(some, some[0], some[0].read_bytes()) == SECRET, "share files give another file"
            chosen, one = paths[: threshold + 1], shares[1]
            for place in range(0, len(one.to_bytes()), 3):
                assert put_together(chosen, paths[1], changed(one.to_bytes(), place)) is None, "a damaged file is taken"
            for enough in (chosen, paths[:threshold]) if integrity == "amd" else (chosen,):
                found = [put_together(enough, paths[1], of(one, changed(one.payload, i))) for i in range(len(one.payload))]
                assert set(found) <= {None, SECRET}, "a wrong share file changes the file"
                assert set(found[: one.spec.rows * width]) == {None}, "a row that matters is not looked at"
            a_file_that_changes_meanwhile(chosen, shares[: threshold + 1])
            assert sorted(Path(folder).iterdir()) == sorted(paths), "something is left"


def a_file_that_changes_meanwhile(paths: Sequence[Path], shares: Sequence[Share]) -> None:
    """The second share suits its neighbours on one side when it is read first, and those on the other when it is read again."""
    encode = shares[0].spec.prefix_code.encode
    ordered = sorted(shares, key=lambda share: encode(share.t))
    middle, path = ordered[1], paths[shares.index(ordered[1])]
    versions = []
    for window in (ordered[:-1], ordered[1:]):  # moved by gap times the product of the differences: another word, one polynomial
        moved = np.frombuffer(middle.payload, dtype=np.uint8).reshape(-1, middle.spec.width).copy()
        factor: Sequence[int] = (1,)
        for other in window:
            if other is not middle:
                factor = ring.multiply(factor, ring.difference(encode(middle.t), encode(other.t)), len(moved))
        moved[[i for i, digit in enumerate(factor) if digit]] ^= 1
        versions.append(of(middle, moved.tobytes()))
    begin = joining._Source.begin

    def meanwhile(self: Any) -> None:
        if self.head.t == middle.t:
            path.write_bytes(versions[1] if self._first else versions[0])
        begin(self)

    with replaced(joining._Source, "begin", meanwhile):
        try:
            joining.combine_file(paths, path.parent / "made")
            refused = False
        except BadShare:
            refused = True
    assert refused, "a file changes between two readings"
    path.write_bytes(middle.to_bytes())


def put_together(paths: Sequence[Path], path: Path, content: bytes) -> bytes | None:
    """The file from share files one of which has another content; None when they are refused."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        made = joining.combine_file(paths, path.parent / "made", expected=[int(each.name) for each in paths])
    except PrivlibError:
        return None
    finally:
        path.write_bytes(before)
    found = made.read_bytes()
    made.unlink()
    return found


def changed(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def of(share: Share, payload: bytes) -> bytes:
    """The share with another payload, whose checksum fits."""
    return replace(share, payload=payload).to_bytes()


# --- sharing.t2 ---


def are_the_reference() -> None:
    """Every lane of every share file is the reference's share, under streams whose digits are used for nothing else."""
    cases: list[tuple[Mode, bytes | None, Integrity, int]] = [
        ("perfect", None, "none", 2),
        ("perfect", None, "amd", 5),
        ("seeded", None, "none", 3),
        ("seeded", bytes(32), "none", 2),
    ]
    for mode, master, integrity, width in cases:
        tape = list[bytes]()

        def drawn(size: int, tape: list[bytes] = tape) -> bytes:
            tape.append(bytes(digits(f"tape {len(tape)}", size, 256)))
            return tape[-1]

        with TemporaryDirectory() as name, replaced(files, "_BLOCK", 3 * width), replaced(files, "drawn", drawn):
            source = Path(name) / "file"
            source.write_bytes(bytes(digits("file", 9, 256)))
            made = files.split_file(
                source, name, threshold=3, shares=(2, 1, 9), width=width, integrity=integrity, mode=mode, master=master
            )
            shares, secret = [Share.from_bytes(path.read_bytes()) for path in made], source.read_bytes()
        spec, extent = shares[0].spec, max(share.spec.share_rows(share.t) for share in shares)
        assert [share.t for share in shares] == [2, 1, 9], "a share file is another participant's"
        assert {(share.spec, share.dealer, share.epoch, share.kind) for share in shares} == {(spec, shares[0].dealer, 0, mode)}
        if mode == "perfect":  # identity, a, a key, the lineage's nonce; then block by block, and nothing twice
            assert {share.lineage for share in shares} == {((extent, tape[3]),)}, "the lineage is another"
            streams = [np.frombuffer(b"".join(tape[4 + j :: 2]), dtype=np.uint8).reshape(-1, width) for j in range(2)]
        else:
            bound = None if master is None else bound_root(master, sha256(secret), dealer=bytes(16), epoch=0, spec=spec)
            root = tape[0] if bound is None else bound
            streams = [stream(0, extent) for stream in Seeded(root, 2, width).streams()]
            assert shares[0].dealer == derived(root, "dealer", 16), "the dealer is another"
        assert all(len(stream) == extent for stream in streams), "digits are drawn that nobody uses"
        word = wrap(secret, integrity, tape[1] if mode == "perfect" else bytes(16)).ljust(spec.rows * width, b"\0")
        lanes_of_word, *lanes_of_streams = (
            as_digits(np.frombuffer(word, dtype=np.uint8).reshape(-1, width)),
            *map(as_digits, streams),
        )
        for share in shares:
            payload = as_digits(np.frombuffer(share.payload, dtype=np.uint8).reshape(-1, width))
            for own, one, *many in zip(payload, lanes_of_word, *lanes_of_streams, strict=True):
                code_word = spec.prefix_code.encode(share.t)
                assert own == ring.share(one, code_word, many, len(own)), "a share file holds other digits"


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def as_digits(rows: Any) -> list[tuple[int, ...]]:
    """The digits of each lane."""
    return [tuple(map(int, lane)) for lane in np.unpackbits(rows, axis=1).T]

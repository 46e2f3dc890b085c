"""A sealed file opens whole and under one secret, or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from privlib.errors import BadShare, InvalidInput, Mismatch
from privlib.sharing import hybrid
from privlib.sharing.dealer import Dealer
from privlib.sharing.hybrid import SECRET, open_file, seal_file
from privlib.sharing.recover import combine

HEADER = 80
TAG = 16


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hybrid, "_CHUNK", 100)


def sealed(tmp_path: Path, data: bytes) -> tuple[Path, bytes]:
    source, out = tmp_path / "plain", tmp_path / "sealed"
    source.write_bytes(data)
    return out, seal_file(source, out)


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 200, 1000, 1001])
def test_a_file_opens_as_it_was_sealed(tmp_path: Path, size: int) -> None:
    data = bytes(i % 251 for i in range(size))
    file, secret = sealed(tmp_path, data)
    assert len(secret) == SECRET
    made = open_file(file, tmp_path / "again", secret=secret)
    assert made.read_bytes() == data
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == HEADER + size + TAG * max(1, -(-size // 100))
    assert data[:20] not in file.read_bytes() or size < 20


def test_shipped_chunks_open_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    data = hashlib.shake_256(b"chunks").digest(2**21 + 5)
    file, secret = sealed(tmp_path, data)
    assert open_file(file, tmp_path / "again", secret=secret).read_bytes() == data
    assert len(file.read_bytes()) == HEADER + len(data) + 3 * TAG


def test_the_secret_is_what_a_dealer_shares(tmp_path: Path) -> None:
    file, secret = sealed(tmp_path, b"large")
    dealer = Dealer(secret, threshold=2)
    shares = [dealer.issue(name) for name in ("ada", "bob")]
    open_file(file, tmp_path / "again", secret=combine(shares, expected=[1, 2]))
    assert (tmp_path / "again").read_bytes() == b"large"


def test_every_changed_bit_is_noticed(tmp_path: Path) -> None:
    file, secret = sealed(tmp_path, bytes(230))
    whole = file.read_bytes()
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        file.write_bytes(data)
        with pytest.raises((BadShare, Mismatch)):
            open_file(file, tmp_path / "again", secret=secret)
        assert not (tmp_path / "again").exists()


def test_chunks_cannot_be_left_out_moved_doubled_or_followed(tmp_path: Path) -> None:
    file, secret = sealed(tmp_path, bytes(300))
    whole = file.read_bytes()
    head, chunks = whole[:HEADER], [whole[HEADER + i * 116 : HEADER + (i + 1) * 116] for i in range(3)]
    a, b, c = chunks
    for wrong in ([a, b], [b, c], [a, c], [b, a, c], [a, a, b, c], [a, b, c, c], [a, b, c, b"x"], [a, b, c[:50]], [], [c]):
        file.write_bytes(head + b"".join(wrong))
        with pytest.raises(BadShare):
            open_file(file, tmp_path / "again", secret=secret)
    assert sorted(os.listdir(tmp_path)) == ["plain", "sealed"]


def test_another_secret_is_told_from_a_damaged_file(tmp_path: Path) -> None:
    file, secret = sealed(tmp_path, b"data")
    with pytest.raises(Mismatch, match="not the one"):
        open_file(file, tmp_path / "again", secret=bytes(32))
    with pytest.raises(InvalidInput, match="32 bytes"):
        open_file(file, tmp_path / "again", secret=secret[:-1])
    for text in (b"", b"privlib sealed 2" + bytes(100), file.read_bytes()[:79]):
        file.write_bytes(text)
        with pytest.raises(BadShare):
            open_file(file, tmp_path / "again", secret=secret)


def test_a_file_is_sealed_under_a_fresh_secret_each_time_and_none_is_overwritten(tmp_path: Path) -> None:
    file, secret = sealed(tmp_path, b"data")
    with pytest.raises(InvalidInput, match="never overwritten"):
        seal_file(tmp_path / "plain", file)
    assert seal_file(tmp_path / "plain", tmp_path / "other") != secret
    assert (tmp_path / "other").read_bytes()[HEADER:] != file.read_bytes()[HEADER:]
    with pytest.raises(InvalidInput, match="never overwritten"):
        open_file(file, tmp_path / "plain", secret=secret)

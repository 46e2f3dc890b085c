"""The fast lanes are the scheme on paper, digit for digit, however they are cut into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InconsistentShares, InvalidInput
from privlib.sharing import ring, series
from privlib.sharing.codes import Code, Delta, Gamma, Omega, Unary
from privlib.sharing.lanes import Recovery, Rows, Sharing, interpolate, recover, share, width_for
from privlib.sharing.layouts import overlap, share_rows


@dataclass(frozen=True)
class Dealt:
    """A word, its streams and some shares of it."""

    threshold: int
    words: list[tuple[int, ...]]
    word: Rows
    streams: list[Rows]
    lengths: list[int]

    @property
    def shares(self) -> list[Rows]:
        readers = [lambda start, stop, rows=rows: rows[start:stop] for rows in self.streams]
        return [share(self.word, own, readers, length) for own, length in zip(self.words, self.lengths, strict=True)]


def bytes_of(seed: int, rows: int, width: int) -> Rows:
    """Reproducible bytes that are hard to confuse."""
    positions = np.arange(rows * width, dtype=np.uint64) + np.uint64(seed * 1_000_003)
    mixed = positions * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(17)).astype(np.uint8).reshape(rows, width)


def dealt(code: Code, threshold: int, ts: list[int], shape: tuple[int, int], layout: str = "paper") -> Dealt:
    rows, width = shape
    lengths = [share_rows(code, t, threshold, rows, layout) for t in ts]
    streams = [bytes_of(j, max(lengths), width) for j in range(1, threshold)]
    return Dealt(threshold, [code.encode(t) for t in ts], bytes_of(0, rows, width), streams, lengths)


@pytest.fixture(params=[(8, 2), (2**16, 2**13)], autouse=True)
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and strides so small that every seam is crossed, and those that are shipped."""
    block, stride = request.param
    monkeypatch.setattr(series, "_BLOCK", block)
    monkeypatch.setattr(series, "_STRIDE", stride)


def lane(rows: Rows, which: int) -> tuple[int, ...]:
    """The digits of one lane."""
    byte, bit = divmod(which, 8)
    return tuple(int(value) >> bit & 1 for value in rows[:, byte])


@st.composite
def dealings(draw: st.DrawFn) -> Dealt:
    threshold = draw(st.integers(2, 5))
    most = draw(st.sampled_from([8, 100, 2**64]))
    count = draw(st.integers(threshold, threshold + 2))
    ts = draw(st.lists(st.integers(1, most), min_size=count, max_size=count, unique=True))
    code = draw(st.sampled_from([Delta(), Gamma(), Omega()]))
    layout = draw(st.sampled_from(["paper", "compact"]))
    return dealt(code, threshold, ts, (draw(st.integers(1, 40)), draw(st.integers(1, 3))), layout)


@given(dealings(), st.integers(0, 7))
def test_every_lane_is_the_reference_digit_for_digit(case: Dealt, which: int) -> None:
    streams = [lane(rows, which) for rows in case.streams]
    for own, length, rows in zip(case.words, case.lengths, case.shares, strict=True):
        assert lane(rows, which) == ring.share(lane(case.word, which), own, streams, length)
    k, shares = case.threshold, case.shares
    found = recover(case.words[:k], shares[:k], len(case.word))
    reference = ring.recover(case.words[:k], [lane(rows, which) for rows in shares[:k]], len(case.word))
    assert lane(found, which) == reference == lane(case.word, which)


@given(dealings(), st.data())
def test_any_threshold_of_shares_in_any_order_give_the_word(case: Dealt, data: st.DataObject) -> None:
    chosen = data.draw(st.permutations(range(len(case.words))))[: case.threshold]
    shares = case.shares
    found = recover([case.words[i] for i in chosen], [shares[i] for i in chosen], len(case.word))
    assert np.array_equal(found, case.word)


@given(dealings(), st.integers(1, 9))
def test_rows_may_come_in_blocks_of_any_size(case: Dealt, block: int) -> None:
    width, k = case.word.shape[1], case.threshold
    sharing, parts = Sharing(case.words, k, width, block), [list[Rows]() for _ in case.words]
    extent = max(case.lengths)
    word = np.concatenate([case.word, np.zeros((extent - len(case.word), width), dtype=np.uint8)])
    for start in range(0, extent, block):
        rows = sharing.take(word[start : start + block], [stream[start : start + block] for stream in case.streams])
        for mine, own in zip(parts, rows, strict=True):
            mine.append(own.copy())
    shares = [np.concatenate(mine)[:length] for mine, length in zip(parts, case.lengths, strict=True)]
    assert all(np.array_equal(one, other) for one, other in zip(shares, case.shares, strict=True))
    recovery = Recovery(case.words[:k], width, len(case.word))
    padded = [np.concatenate([own, np.zeros((recovery.total, width), dtype=np.uint8)])[: recovery.total] for own in shares[:k]]
    found = [recovery.take([own[at : at + block] for own in padded]).copy() for at in range(0, recovery.total, block)]
    assert np.array_equal(np.concatenate(found), case.word)


@given(dealings(), st.data())
def test_a_changed_share_is_refused_wherever_the_reference_refuses_it(case: Dealt, data: st.DataObject) -> None:
    k, shares = case.threshold, case.shares[: case.threshold]
    place = data.draw(st.integers(0, min(map(len, shares)) - 1))
    shares[0][place, 0] ^= 1
    digits = [lane(rows, 0) for rows in shares]
    try:
        wanted = ring.recover(case.words[:k], digits, len(case.word))
    except InconsistentShares:
        with pytest.raises(InconsistentShares):
            recover(case.words[:k], shares, len(case.word))
        return
    try:
        assert lane(recover(case.words[:k], shares, len(case.word)), 0) == wanted
    except InconsistentShares:  # the table of differences notices more than their sum does: then the shares are of no word
        assert k > 2


@given(dealings())
def test_holders_can_work_out_as_many_rows_of_another_share_as_their_own_reach(case: Dealt) -> None:
    k, shares = case.threshold, case.shares
    for target in range(k, len(case.words)):
        own, wanted = case.words[: k - 1], case.words[target]
        reach = [
            length + sum(overlap(wanted, other) - overlap(mine, other) for other in own if other != mine)
            for mine, length in zip(own, case.lengths, strict=False)
        ]
        rows = min(case.lengths[target], *reach)
        if rows > 0:
            found = interpolate(own, shares[: k - 1], wanted, case.word, rows)
            assert np.array_equal(found, shares[target][:rows])


def test_codewords_may_be_zero_or_long() -> None:
    """Unary 1 is the word 0, whose polynomial is zero; 2**200 has more digits than a machine word."""
    for code, ts in ((Unary(), [1, 2, 40]), (Omega(), [1, 2**70, 3]), (Delta(), [2**200, 2**200 + 1, 1])):
        case = dealt(code, 3, ts, (32, 1))
        assert np.array_equal(recover(case.words, case.shares, 32), case.word)


def test_a_share_is_written_where_it_is_wanted_and_reads_each_stream_once() -> None:
    case = dealt(Delta(), 2, [9], (50, 2))
    asked = list[tuple[int, int]]()

    def stream(start: int, stop: int) -> Rows:
        asked.append((start, stop))
        return case.streams[0][start:stop]

    room = np.full((case.lengths[0], 2), 7, dtype=np.uint8)
    assert share(case.word, case.words[0], [stream], case.lengths[0], out=room) is room
    assert np.array_equal(room, case.shares[0])
    assert [place for start, stop in asked for place in range(start, stop)] == list(range(case.lengths[0]))


def refused() -> Iterator[tuple[str, object]]:
    case = dealt(Delta(), 2, [2, 3], (4, 2))
    word, own, length, stream = case.word, case.words[0], case.lengths[0], lambda start, stop: case.streams[0][start:stop]
    yield "a word of other type", lambda: share(word.astype(np.int8), own, [stream], length)
    yield "an empty word", lambda: share(word[:0], own, [stream], length)
    yield "a word that is no table", lambda: share(word[0], own, [stream], length)
    yield "no stream", lambda: share(word, own, [], length)
    yield "room of another shape", lambda: share(word, own, [stream], length, out=np.empty((length, 1), dtype=np.uint8))
    yield "a stream of another width", lambda: share(word, own, [lambda start, stop: stream(start, stop)[:, :1]], length)
    yield "a digit that is no bit", lambda: share(word, (0, 2), [stream], length)
    yield "no digits", lambda: share(word, (), [stream], length)
    shares = case.shares
    yield "one share", lambda: recover(case.words[:1], shares[:1], 4)
    yield "a participant twice", lambda: recover([own, own], [shares[0]] * 2, 4)
    yield "a code that is no prefix code", lambda: recover([own, (*own, 1)], shares, 4)
    yield "a share that is too short", lambda: recover(case.words, [shares[0], shares[1][:6]], 4)
    yield "rows of two widths", lambda: recover(case.words, [shares[0], shares[1][:, :1]], 4)
    yield "more codewords than shares", lambda: recover(case.words, shares[:1], 4)
    yield "a newcomer who is there", lambda: interpolate([own], shares[:1], own, word, 4)


@pytest.mark.parametrize(("what", "call"), list(refused()), ids=lambda value: value if isinstance(value, str) else "")
def test_bad_input_is_refused(what: str, call: object) -> None:
    with pytest.raises(InvalidInput):
        call()


def test_shares_of_two_words_are_refused_and_nothing_of_them_is_said() -> None:
    one, other = dealt(Delta(), 2, [2, 3], (4, 2)), dealt(Delta(), 2, [2, 3], (4, 2))
    changed = other.shares[1] ^ 0xFF
    with pytest.raises(InconsistentShares) as caught:
        recover(one.words, [one.shares[0], changed], 4)
    assert str(caught.value) == "these shares are not of one secret: rows that must be zero are not"


@pytest.mark.parametrize("t", [10, 1000, 10**6])
@pytest.mark.parametrize("size", [2**20, 2**30])
def test_shares_of_long_words_are_hardly_longer_than_the_words(t: int, size: int) -> None:
    width = width_for(size)
    rows = -(-size // width)
    assert share_rows(Delta(), t, 3, rows) * width < 1.01 * size
    assert 8 <= width <= 4096


def test_short_words_have_rows_of_one_byte() -> None:
    assert {width_for(size) for size in range(1, 2**14, 97)} == {1}
    widths = [width_for(2**exponent) for exponent in range(41)]
    assert widths == sorted(widths)
    assert width_for(2**20) == 128

"""The kernels under Triton's interpreter; tests/noise/test_gpu.py starts this file in a process of its own.

Triton decides when it is imported whether it compiles or interprets, and other tests need the compiler. Sizes are small: a
program takes the interpreter about 0.1 s. The kernels' source is the same either way.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
import triton
import triton.language as tl
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from privlib.errors import InvalidInput
from privlib.noise import gpu, table, wide
from privlib.noise.gpu import histogram, launch
from privlib.noise.gpu.kernels import main_block
from privlib.noise.gpu.keystream import constexpr, in_stream_order_8, in_stream_order_16, kernel, tensor, words_64
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, RoundedGaussian, WideLaw
from privlib.noise.stream import MAX_OUTPUTS, ChaChaWords, words
from privlib.noise.testing import fixed_key, scripted_words

assert os.environ.get("TRITON_INTERPRET") == "1", "started by tests/noise/test_gpu.py"

few = settings(max_examples=max(10, settings().max_examples // 20))
very_few = settings(max_examples=max(5, settings().max_examples // 40))

KEYS = st.binary(min_size=32, max_size=32) | st.sampled_from(
    [bytes(32), b"\xff" * 32, b"".join(i.to_bytes(4, "little") for i in (0, 1, 16, 2**31 - 1, 2**31, 2**32 - 1, 32, 2**32 - 16))]
)
STREAMS = st.integers(0, 2**64 - 1)
SCALES = st.sampled_from([Fraction(1, 50), Fraction(1), Fraction(10), Fraction(355, 113), Fraction(3000)])
DTYPES = st.sampled_from(["int64", "int32"])
WORD_BITS = st.sampled_from([32, 64])


def starts(size: int) -> st.SearchStrategy[int]:
    return st.one_of(st.just(0), st.integers(0, 64), st.integers(0, MAX_OUTPUTS - size), st.just(MAX_OUTPUTS - size))


@kernel
def plain_keystream(  # noqa: PLR0917 - a launch has no nested arguments
    out: tensor,
    key0: tensor,
    key1: tensor,
    key2: tensor,
    key3: tensor,
    key4: tensor,
    key5: tensor,
    key6: tensor,
    key7: tensor,
    stream_low: tensor,
    stream_high: tensor,
    first_block: tensor,
    WORD_BITS: constexpr,
    BLOCKS: constexpr,
) -> None:
    """The words themselves, stored as they come: what RFC 8439 dictates to the last byte."""
    key = (key0, key1, key2, key3, key4, key5, key6, key7)
    y = main_block(key, stream_low, stream_high, first_block, BLOCKS)
    lane = tl.arange(0, BLOCKS * (512 // WORD_BITS))
    target = out + tl.program_id(0) * BLOCKS * (512 // WORD_BITS) + lane
    if WORD_BITS == 32:
        tl.store(target, in_stream_order_16(y))
    else:
        tl.store(target, in_stream_order_8(words_64(y)))


@few
@given(KEYS, STREAMS, st.integers(0, 2**29 - 64), st.sampled_from([(2, 4), (1, 32)]), WORD_BITS)
def test_the_words_are_those_of_rfc_8439(
    key: bytes, stream: int, first_block: int, shape: tuple[int, int], word_bits: int
) -> None:
    programs, blocks = shape
    source = ChaChaWords(key, stream=stream)
    out = torch.zeros(programs * blocks * 64, dtype=torch.uint8).view(torch.uint32 if word_bits == 32 else torch.uint64)
    plain_keystream[(programs,)](out, **launch._words(source), first_block=first_block, WORD_BITS=word_bits, BLOCKS=blocks)
    assert out.numpy().tobytes() == source._bytes(0, first_block, programs * blocks * 64)


@few
@given(SCALES, WORD_BITS, DTYPES, KEYS, STREAMS, st.data())
def test_a_draw_equals_that_of_the_processor(  # noqa: PLR0917 - one argument a strategy
    scale: Fraction, word_bits: int, dtype: str, key: bytes, stream: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(0, 2500), label="size")
    start = data.draw(starts(size), label="start")
    chosen, source = table.table(DiscreteLaplace(scale), word_bits), ChaChaWords(key, stream=stream)
    drawn = gpu.draw(source, chosen, start=start, size=size, dtype=dtype, device="cpu")
    assert drawn.dtype == getattr(torch, dtype)
    assert drawn.shape == (size,)
    assert drawn.tolist() == table.draw(source, chosen, start=start, size=size).tolist()


@pytest.mark.parametrize("word_bits", [32, 64])
@pytest.mark.parametrize(("start", "size"), [(0, 2048), (0, 2049), (2047, 2), (8, 1016), (7, 1017), (1, 4096), (16, 16)])
def test_slices_that_end_where_a_program_or_a_block_ends(word_bits: int, start: int, size: int) -> None:
    chosen, source = table.table(DiscreteLaplace(Fraction(10)), word_bits), ChaChaWords(bytes(range(32)), stream=7)
    drawn = gpu.draw(source, chosen, start=start, size=size, device="cpu")
    assert drawn.tolist() == table.draw(source, chosen, start=start, size=size).tolist()


@dataclass(frozen=True, eq=False)
class AnyTable:
    """A table that keeps to the contract and to no law, so that LEFT can be common."""

    word_bits: int
    column_bits: int
    cut: NDArray[np.uint64]
    alias: NDArray[np.int32]
    values: NDArray[np.int64]
    left: int

    def resolve(self, number: Any) -> int:
        """Stand-in for the exact resolution: tells which refinement bits it was given."""
        number.refine()
        return int(number.known)

    def draw(self, source: ChaChaWords, start: int, size: int) -> list[int]:
        """The contract, word by word, in Python's integers."""
        outputs, step = [], self.word_bits // 8
        raw, low_bits = source.main(start, size, self.word_bits), self.word_bits - self.column_bits
        for i in range(size):
            word = int.from_bytes(raw[i * step : (i + 1) * step], "little")
            column, rest = word >> low_bits, word & ((1 << low_bits) - 1)
            symbol = column if rest < int(self.cut[column]) else int(self.alias[column])
            bits = source.refine(start + i, 0, 0) if symbol == self.left else None
            outputs.append(int(self.values[symbol]) if bits is None else bits)
        return outputs


@st.composite
def tables(draw: st.DrawFn) -> AnyTable:
    word_bits, column_bits = draw(WORD_BITS), draw(st.integers(1, 6))
    columns, capacity = 1 << column_bits, 1 << (word_bits - column_bits)
    largest = draw(st.sampled_from([3, 2**15 - 1, 2**15, 2**20 - 1]))
    cuts = st.sampled_from([0, 1, capacity - 1, capacity]) | st.integers(0, capacity)
    values = st.sampled_from([-largest, 0, largest]) | st.integers(-largest, largest)
    return AnyTable(
        word_bits,
        column_bits,
        np.array(draw(st.lists(cuts, min_size=columns, max_size=columns)), dtype=np.uint64),
        np.array(draw(st.lists(st.integers(0, columns - 1), min_size=columns, max_size=columns)), dtype=np.int32),
        np.array(draw(st.lists(values, min_size=columns, max_size=columns)), dtype=np.int64),
        draw(st.integers(0, columns - 1)),
    )


@pytest.fixture(autouse=True)
def resolve_any_table(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = table.resolve

    def resolve(chosen: Any, number: Any) -> int:
        return chosen.resolve(number) if isinstance(chosen, AnyTable) else exact(chosen, number)

    monkeypatch.setattr(table, "resolve", resolve)


def wrapped(values: list[int], dtype: str) -> list[int]:
    return np.array([value % 2**64 for value in values], dtype=np.uint64).astype(dtype).tolist()


@few
@given(tables(), DTYPES, KEYS, STREAMS, st.data())
def test_every_output_of_any_table_is_right_however_common_left_is(
    chosen: AnyTable, dtype: str, key: bytes, stream: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, 2500), label="size")
    start = data.draw(starts(size), label="start")
    source = ChaChaWords(key, stream=stream)
    drawn = gpu.draw(source, chosen, start=start, size=size, dtype=dtype, device="cpu")
    assert drawn.tolist() == wrapped(chosen.draw(source, start, size), dtype)


@pytest.mark.parametrize("word_bits", [32, 64])
@pytest.mark.parametrize("largest", [2**15 - 1, 2**15, 2**20 - 1])
def test_the_largest_values_fit_their_fields_and_are_not_taken_for_left(word_bits: int, largest: int) -> None:
    half = np.full(4, 1 << (word_bits - 3), dtype=np.uint64)
    values = np.array([largest, -largest, 1 - largest, 0])
    chosen = AnyTable(word_bits, 2, half, np.array([1, 2, 0, 3], dtype=np.int32), values, 3)
    source = ChaChaWords(bytes(range(32)))
    drawn = gpu.draw(source, chosen, start=0, size=200, device="cpu").tolist()
    assert drawn == wrapped(chosen.draw(source, 0, 200), "int64")
    assert set(values.tolist()[:3]) < set(drawn)


@pytest.mark.parametrize("word_bits", [32, 64])
@pytest.mark.parametrize("largest", [3, 2**20 - 1])
def test_the_word_at_a_limit_belongs_to_the_alias_and_the_one_below_to_the_column(word_bits: int, largest: int) -> None:
    low_bits, source = word_bits - 2, ChaChaWords(bytes(range(32)))
    words = np.frombuffer(source.main(0, 16, word_bits), dtype=f"<u{word_bits // 8}").tolist()
    output, word = next((i, word) for i, word in enumerate(words) if word >> low_bits == 1)
    for cut, expected in ((word % (1 << low_bits), -largest), (word % (1 << low_bits) + 1, largest)):
        values = np.array([-largest, largest, 0, 0])
        chosen = AnyTable(word_bits, 2, np.array([0, cut, 0, 0], np.uint64), np.zeros(4, np.int32), values, 3)
        assert gpu.draw(source, chosen, start=output, size=1, device="cpu").tolist() == [expected]
        assert chosen.draw(source, output, 1) == [expected]


@pytest.mark.parametrize("word_bits", [32, 64])
@pytest.mark.parametrize(("start", "size"), [(0, 1), (0, 1023), (0, 2047), (0, 2048), (1, 1022), (1, 2046), (1, 2047)])
def test_nothing_is_written_outside_the_output(word_bits: int, start: int, size: int) -> None:
    chosen, source = table.table(DiscreteLaplace(Fraction(10)), word_bits), ChaChaWords(bytes(range(32)))
    guarded = torch.full((size + 4096,), 10**9)
    out = guarded[2048 : 2048 + size]
    launch.fill_tensor(gpu._on_device(chosen, "cpu"), out, source, start=start)
    assert (guarded[:2048] == 10**9).all()
    assert (guarded[2048 + size :] == 10**9).all()
    assert out.tolist() == table.draw(source, chosen, start=start, size=size).tolist()


def always_left(word_bits: int) -> AnyTable:
    whole = np.full(2, 1 << (word_bits - 1), dtype=np.uint64)
    return AnyTable(word_bits, 1, whole * np.uint64(0), np.array([1, 1], np.int32), np.array([5, 0]), 1)


class Counted:
    """A kernel that counts its starts."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped, self.rooms = wrapped, list[int]()

    def __getitem__(self, grid: Any) -> Any:
        def start(**arguments: Any) -> None:
            self.rooms.append(arguments["capacity"])
            self.wrapped[grid](**arguments)

        return start


@pytest.mark.parametrize("word_bits", [32, 64])
@pytest.mark.parametrize(("size", "rooms"), [(1022, [1023]), (1023, [1023]), (1024, [1023, 1024]), (3000, [1023, 3000])])
def test_a_list_that_is_too_short_is_counted_and_made_again(
    word_bits: int, size: int, rooms: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, source = always_left(word_bits), ChaChaWords(bytes(range(32)))
    counted = Counted(gpu.kernels.sample_table)
    monkeypatch.setattr(gpu.kernels, "sample_table", counted)
    drawn = gpu.draw(source, chosen, start=3, size=size, device="cpu")
    assert drawn.tolist() == wrapped(chosen.draw(source, 3, size), "int64")
    assert counted.rooms == rooms


@pytest.mark.parametrize("exact", [2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 5 * 2**31 + 7])
def test_int32_is_the_law_modulo_two_to_the_32(exact: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AnyTable, "resolve", lambda self, number: exact)
    drawn = gpu.draw(ChaChaWords(), always_left(64), start=0, size=4, dtype="int32", device="cpu")
    data = torch.tensor([0, 1, -1, 2**31 - 1], dtype=torch.int32)
    assert [int(x) % 2**32 for x in data + drawn] == [(int(x) + exact) % 2**32 for x in data]
    wide = gpu.draw(ChaChaWords(), always_left(64), start=0, size=4, device="cpu")
    assert wide.tolist() == [exact] * 4


def test_a_table_is_kept_on_the_device_and_a_key_is_not() -> None:
    chosen = table.table(DiscreteLaplace(Fraction(10)))
    assert gpu._on_device(chosen, "cpu") is gpu._on_device(chosen, "cpu")
    one, other = (gpu.draw(words(), chosen, start=0, size=40, device="cpu").tolist() for _ in range(2))
    assert one != other, "40 outputs of scale 10 repeat by chance with probability below 20**-40"


def test_the_slice_is_refused_beyond_the_last_output() -> None:
    chosen, source = table.table(DiscreteLaplace(Fraction(1))), ChaChaWords()
    assert gpu.draw(source, chosen, start=MAX_OUTPUTS, size=0, device="cpu").shape == (0,)
    for start, size in ((MAX_OUTPUTS, 1), (MAX_OUTPUTS - 1, 2), (-1, 1)):
        with pytest.raises(InvalidInput, match=r"2\*\*32"):
            gpu.draw(source, chosen, start=start, size=size, device="cpu")


def test_test_mode_reaches_the_device() -> None:
    chosen, key = table.table(DiscreteLaplace(Fraction(10))), bytes(range(32))
    with fixed_key(key):
        drawn = [gpu.draw(words(), chosen, start=0, size=50, device="cpu").tolist() for _ in range(2)]
    assert drawn == [table.draw(ChaChaWords(key, stream=i), chosen, start=0, size=50).tolist() for i in range(2)]


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_scripted_words_are_obeyed(dtype: str) -> None:
    chosen = table.table(DiscreteLaplace(Fraction(1)))
    script = [chosen.left << (64 - chosen.column_bits), 0, 2**64 - 1]
    with scripted_words(script, refine=lambda output, use, chunk: 0):
        drawn = gpu.draw(words(), chosen, start=0, size=3, dtype=dtype, device="cpu")
    with scripted_words(script, refine=lambda output, use, chunk: 0):
        assert drawn.tolist() == table.draw(words(), chosen, start=0, size=3).tolist()
    assert drawn.dtype == getattr(torch, dtype)


# The histogram sampler

WIDE_LAWS: list[WideLaw] = [
    DiscreteGaussian(Fraction(4097)),
    DiscreteGaussian(Fraction(10**12)),
    DiscreteGaussian(Fraction(2**64)),
    RoundedGaussian(Fraction(10**6)),
    RoundedGaussian(Fraction(2**64)),
    DiscreteLaplace(Fraction(1000)),
    DiscreteLaplace(Fraction(2**31)),
    Geometric(Fraction(7001, 7)),
    Geometric(Fraction(2**31)),
]

REJECTING = wide.histogram(DiscreteLaplace(Fraction(1000)), column_bits=1, weight_bits=5)
"""One block for the whole law, so that 18 of 19 attempts are rejected, and a tail that is proposed once in 32."""

UNSURE = wide.histogram(DiscreteLaplace(Fraction(2**31)), column_bits=8, weight_bits=23, reach=16 * 19 * 2**31)
"""Eight bits to decide by, so that one attempt of 256 needs more of them."""

TAIL = wide.histogram(Geometric(Fraction(1000)), column_bits=3, weight_bits=9, reach=100)
"""Nine of ten words mean the tail."""


@pytest.mark.parametrize("place", range(len(WIDE_LAWS)))
def test_a_wide_draw_equals_that_of_the_processor(place: int) -> None:
    chosen, source = wide.histogram(WIDE_LAWS[place]), ChaChaWords(bytes(range(32)), stream=place)
    start, size = [(0, 1024), (5, 1020), (MAX_OUTPUTS - 999, 999)][place % 3]
    dtype = "int32" if place % 2 else "int64"
    drawn = gpu.draw(source, chosen, start=start, size=size, dtype=dtype, device="cpu")
    assert drawn.dtype == getattr(torch, dtype)
    assert drawn.tolist() == wrapped(wide.draw(source, chosen, start=start, size=size).tolist(), dtype)


@st.composite
def histograms(draw: st.DrawFn) -> wide.Histogram:
    """Few columns, few weights, and blocks that do not reach far enough."""
    law = draw(st.sampled_from(WIDE_LAWS))
    reach = max(1, int(law.reach * draw(st.sampled_from([1, 0.3, 0.1, 0.01]))))
    column_bits = draw(st.integers(max(2, (reach - 1).bit_length() - 31), 8))
    chosen = wide.histogram(law, column_bits=column_bits, weight_bits=column_bits + draw(st.integers(4, 15)), reach=reach)
    return chosen if chosen.unit >= 4 else REJECTING


@very_few
@given(histograms() | st.sampled_from([REJECTING, UNSURE, TAIL]), DTYPES, KEYS, STREAMS, st.data())
def test_a_wide_draw_equals_that_of_the_processor_where_nearly_nothing_is_plain(
    chosen: wide.Histogram, dtype: str, key: bytes, stream: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(0, 200), label="size")
    start = data.draw(starts(size), label="start")
    source = ChaChaWords(key, stream=stream)
    drawn = gpu.draw(source, chosen, start=start, size=size, dtype=dtype, device="cpu")
    assert drawn.tolist() == wrapped(wide.draw(source, chosen, start=start, size=size).tolist(), dtype)


def settled(chosen: wide.Histogram, start: int, size: int, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Draw, compare, and tell which outputs the host was asked for, from which attempt on."""
    asked, source, settle = list[tuple[int, int]](), ChaChaWords(bytes(range(32))), wide.settle

    def spied(*arguments: Any, output: int, first: int) -> int:
        asked.append((output, first))
        return settle(*arguments, output=output, first=first)

    expected = wide.draw(source, chosen, start=start, size=size)
    with monkeypatch.context() as patched:
        patched.setattr(wide, "settle", spied)
        assert gpu.draw(source, chosen, start=start, size=size, device="cpu").tolist() == expected.tolist()
    return asked


def is_tail(chosen: wide.Histogram, output: int, number: int) -> bool:
    source = ChaChaWords(bytes(range(32)))
    word = source.retry(output, number) if number else int.from_bytes(source.main(output, 1, 64), "little")
    return int(wide._split(chosen, np.array([word], dtype=np.uint64))[0][0]) == chosen.tail


def test_the_host_is_asked_for_tails_and_for_what_was_rejected_nine_times(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = settled(REJECTING, 3, 500, monkeypatch)
    assert {number for _, number in asked} == set(range(10)), "a tail may come at any attempt"
    assert all(is_tail(REJECTING, output, number) for output, number in asked if number < 9)
    assert sum(number == 9 for _, number in asked) > 100


def test_refinement_bits_decide_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    unsure, attempt = dict[tuple[int, bool], int](), wide.attempt

    def spied(*arguments: Any, output: int, number: int, word: int) -> int | None:
        found = attempt(*arguments, output=output, number=number, word=word)
        if not is_tail(UNSURE, output, number):
            unsure[number, found is not None] = output
        return found

    with monkeypatch.context() as patched:
        patched.setattr(wide, "attempt", spied)
        wide.draw(ChaChaWords(bytes(range(32))), UNSURE, start=0, size=5000)
    for number, accepted in ((0, True), (0, False), (1, True), (1, False)):
        output = unsure[number, accepted]
        asked = settled(UNSURE, output, 1, monkeypatch)
        assert all(last == 9 or is_tail(UNSURE, output, last) for _, last in asked)
        if accepted:  # as if the bits that follow could add 1: then the host gets this very attempt, and nothing is retried
            with monkeypatch.context() as patched:
                patched.setattr(histogram, "_FOLLOWING", tl.constexpr(1.0))
                assert settled(UNSURE, output, 1, monkeypatch) == [(output, number)]


def test_a_list_of_unfinished_outputs_that_is_too_short_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, source = gpu._on_device(TAIL, "cpu"), ChaChaWords(bytes(range(32)))
    counted = Counted(prepared.kernel)
    monkeypatch.setattr(launch, "_ROOM", 20)
    monkeypatch.setattr(gpu, "_on_device", lambda *_: replace(prepared, kernel=counted))
    drawn = gpu.draw(source, TAIL, start=5, size=100, device="cpu")
    assert drawn.tolist() == wide.draw(source, TAIL, start=5, size=100).tolist()
    assert len(counted.rooms) == 2
    assert counted.rooms[0] < 150 < counted.rooms[1] <= 1024, "what lies outside the request is counted, and passed over"


def test_no_wide_noise_is_written_outside_the_output() -> None:
    source, guarded = ChaChaWords(bytes(range(32))), torch.full((4096 + 300,), 10**18)
    rest = launch.fill_tensor(gpu._on_device(REJECTING, "cpu"), guarded[2048:2348], source, start=1)
    assert (guarded[:2048] == 10**18).all()
    assert (guarded[2348:] == 10**18).all()
    assert ((rest >> 4 >= 0) & (rest >> 4 < 300)).all()


@pytest.mark.parametrize("chosen", [*map(wide.histogram, WIDE_LAWS), REJECTING, UNSURE, TAIL], ids=lambda chosen: str(chosen.law))
def test_integers_accept_nothing_beyond_the_sure_bound(chosen: wide.Histogram) -> None:
    entries = gpu._on_device(chosen, "cpu").arguments["columns"].numpy()
    cut, own, alias, other = (entries >> np.uint64(shift) & np.uint64(2**16 - 1) for shift in (48, 32, 16, 0))
    assert np.array_equal(cut, chosen.cut)
    assert np.array_equal(alias, chosen.alias)
    for limit, symbols in ((own, np.arange(cut.size)), (other, chosen.alias)):
        for most, symbol in zip(limit.tolist(), symbols.tolist(), strict=True):
            exact = (int(chosen.sure[symbol]) << 16) / Fraction(2**chosen.accept_bits)
            assert exact - 1 <= most <= exact, "a's first 16 bits below the limit put a below the bound"


@kernel
def plain_heights(out: tensor, values: tensor, factors: tensor, curve: tensor, SIZE: constexpr) -> None:
    """The float that decides, for every value."""
    lane = tl.arange(0, SIZE)
    tl.store(out + lane, histogram._height(tl.load(values + lane), tl.load(factors + lane), curve))


@pytest.mark.parametrize("law", [*WIDE_LAWS, RoundedGaussian(Fraction(4097))], ids=str)
def test_the_float_that_decides_is_as_near_as_noise_t3_says(law: WideLaw) -> None:
    values = [round(law.reach * i * 1.02 / 255) * (-1 if law.two_sided and i % 2 else 1) for i in range(256)]
    out, factors = torch.zeros(256, dtype=torch.float64), torch.full((256,), 1.25, dtype=torch.float64)
    curve = torch.tensor(law.curve, dtype=torch.float64)
    plain_heights[(1,)](out, torch.tensor(values), factors, curve, SIZE=256)
    for value, found in zip(values, out.tolist(), strict=True):
        low, high = law.height_enclosure(value, bits=200)
        assert abs(Fraction(found) / Fraction(5, 4) - Fraction(low + high, 2**201)) < Fraction(low, 2 ** (200 + 44))


def test_a_histogram_that_does_not_fit_is_refused() -> None:
    for chosen in (
        wide.histogram(WIDE_LAWS[0], word_bits=32, column_bits=3, weight_bits=8),
        wide.histogram(WIDE_LAWS[0], column_bits=3, weight_bits=19),
        wide.histogram(WIDE_LAWS[6], column_bits=3, weight_bits=12),
    ):
        with pytest.raises(ValueError, match="does not fit"):
            gpu.draw(ChaChaWords(), chosen, start=0, size=1, device="cpu")


def test_words_that_are_not_chacha20s_are_drawn_on_the_host() -> None:
    class Shifted(ChaChaWords):
        __slots__ = ()

        def retry(self, output: int, attempt: int) -> int:
            return super().retry(output, attempt) ^ 1 << 40

    source = Shifted(bytes(range(32)))
    drawn = gpu.draw(source, REJECTING, start=0, size=100, dtype="int32", device="cpu")
    assert drawn.tolist() == wide.draw(source, REJECTING, start=0, size=100).tolist()
    assert drawn.tolist() != wide.draw(ChaChaWords(bytes(range(32))), REJECTING, start=0, size=100).tolist()


def test_this_ran_under_the_interpreter() -> None:
    assert type(gpu.kernels.sample_table).__name__ == "InterpretedFunction"
    assert triton.knobs.runtime.interpret

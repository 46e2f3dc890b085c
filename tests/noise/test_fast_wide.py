"""The compiled histogram sampler returns the reference's bytes, also where nearly every word is rejected, unsure or the tail."""

import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.noise import fast, fill, kernels, wide
from privlib.noise.kernels import ACCEPTED, REJECTED, UNSURE
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, RoundedGaussian
from privlib.noise.laws.law import WideLaw
from privlib.noise.stream import MAX_OUTPUTS, ChaChaWords, words
from privlib.noise.testing import scripted_words
from privlib.noise.wide import Histogram, histogram

pytest.importorskip("numba", reason="the extra fast is not installed")

KEY = bytes(range(32))
LAWS = [
    DiscreteGaussian(Fraction(10**12)),
    RoundedGaussian(Fraction(10**12)),
    DiscreteLaplace(Fraction(1000)),
    Geometric(Fraction(5000)),
    DiscreteGaussian(Fraction(2**64)),
    DiscreteLaplace(Fraction(2**31)),
]


def bells(law: Callable[[Fraction], WideLaw]) -> st.SearchStrategy[WideLaw]:
    exponents = st.integers(13, 64)
    return st.builds(law, exponents.flatmap(lambda e: st.fractions(2 ** (e - 1) + 1, 2**e, max_denominator=97)))


def falls(law: Callable[[Fraction], WideLaw]) -> st.SearchStrategy[WideLaw]:
    exponents = st.integers(10, 31)
    return st.builds(law, exponents.flatmap(lambda e: st.fractions(2 ** (e - 1) + 1, 2**e, max_denominator=97)))


wide_laws = (bells(DiscreteGaussian) | bells(RoundedGaussian) | falls(DiscreteLaplace) | falls(Geometric)).filter(wide.is_wide)


@st.composite
def strange(draw: st.DrawFn) -> Histogram:
    """Few columns, few weights, words of 16 or 32 bits, and blocks that reach too far or not far enough."""
    law = draw(wide_laws)
    column_bits, word_bits = draw(st.integers(1, 6)), draw(st.sampled_from([16, 32, 64]))
    weight_bits = column_bits + draw(st.integers(3, 9))
    reach = max(1, int(law.reach * draw(st.sampled_from([1.0, 0.3, 0.1, 0.01]))))
    blocks = (1 << column_bits) - 1
    width_bits = max(0, (-(-reach // blocks) - 1).bit_length())
    assume(word_bits >= weight_bits + width_bits + law.two_sided)
    try:
        chosen = histogram(law, word_bits=word_bits, column_bits=column_bits, weight_bits=weight_bits, reach=reach)
    except ZeroDivisionError:  # the tail takes everything
        assume(False)
    assume(chosen.unit >= 4)
    return chosen


def lengths(length: int) -> patch:
    return patch.multiple(fast, _run_length=lambda _: length, _WAITING=length % 7 + 1)


def word_of(chosen: Histogram, symbol: int, *, a: int = 0, r: int = 0, sign: int = 0) -> int:
    """A word that means this symbol, sign, r and a."""
    height_bits = chosen.weight_bits - chosen.column_bits
    for column in range(1 << chosen.column_bits):
        for height in (0, (1 << height_bits) - 1):
            if symbol == (column if height < chosen.cut[column] else chosen.alias[column]):
                head = (column << height_bits | height) << chosen.law.two_sided | sign
                return (head << chosen.width_bits | r) << chosen.accept_bits | a
    raise AssertionError(f"symbol {symbol} is nowhere at the border of a column")


def decided(chosen: Histogram, word: list[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the compiled second pass finds about some words."""
    values, verdicts = np.empty(len(word), np.int64), np.empty(len(word), np.uint8)
    curve = np.array(chosen.law.curve)
    arguments = (fast._columns(chosen), fast._layout(chosen), chosen.sure, chosen.factor, curve, values, verdicts)
    fast._compiled_decide()(np.array(word, np.uint64), *arguments)
    return values, verdicts


# Same bytes


@given(
    law=wide_laws,
    key=st.binary(min_size=32, max_size=32),
    stream=st.integers(0, 2**64 - 1),
    start=st.integers(0, 40) | st.integers(0, MAX_OUTPUTS - 3000),
    size=st.integers(0, 3000),
    length=st.sampled_from([1, 2, 7, 64, 100, 255, 256, 257, 1024, 2**14]),
    threads=st.integers(1, 5),
)
def test_the_bytes_are_the_references(
    *, law: WideLaw, key: bytes, stream: int, start: int, size: int, length: int, threads: int
) -> None:
    chosen = histogram(law)
    if length < 64:
        size = min(size, 100 * length)
    expected = wide.draw(ChaChaWords(key, stream=stream), chosen, start=start, size=size)
    with lengths(length):
        drawn = fast.draw(ChaChaWords(key, stream=stream), chosen, start=start, size=size, threads=threads)
    assert (drawn.dtype, drawn.shape) == (np.int64, (size,))
    assert np.array_equal(drawn, expected)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_a_million_bytes_are_the_references(law: WideLaw) -> None:
    chosen = histogram(law)
    expected = wide.draw(ChaChaWords(KEY), chosen, start=3, size=10**6)
    for threads in (1, 3):
        assert np.array_equal(fast.draw(ChaChaWords(KEY), chosen, start=3, size=10**6, threads=threads), expected)


@settings(max_examples=60)
@given(
    chosen=strange(),
    key=st.binary(min_size=32, max_size=32),
    start=st.integers(0, 40) | st.integers(0, MAX_OUTPUTS - 200),
    size=st.integers(0, 60),
    length=st.sampled_from([1, 7, 64]),
    threads=st.integers(1, 3),
)
def test_the_bytes_are_the_references_where_nearly_nothing_is_plain(
    *, chosen: Histogram, key: bytes, start: int, size: int, length: int, threads: int
) -> None:
    expected = wide.draw(ChaChaWords(key), chosen, start=start, size=size)
    with lengths(length):
        drawn = fast.draw(ChaChaWords(key), chosen, start=start, size=size, threads=threads)
    assert np.array_equal(drawn, expected)


ONE_BLOCK = {"column_bits": 1, "weight_bits": 8, "word_bits": 64}
MANY_REJECTED = histogram(DiscreteGaussian(Fraction(10**6)), **ONE_BLOCK)
MANY_TAILS = histogram(DiscreteLaplace(Fraction(1000)), **ONE_BLOCK, reach=100)
MANY_UNSURE = histogram(DiscreteGaussian(Fraction(10**6)), column_bits=4, weight_bits=6, word_bits=16, reach=1000)


@pytest.mark.parametrize("chosen", [MANY_REJECTED, MANY_TAILS, MANY_UNSURE], ids=["rejected", "tail", "unsure"])
def test_each_rare_path_is_taken_often_and_gives_the_references_bytes(chosen: Histogram) -> None:
    size, verdict = 600, [REJECTED, UNSURE, UNSURE][[MANY_REJECTED, MANY_TAILS, MANY_UNSURE].index(chosen)]
    word = np.frombuffer(ChaChaWords(KEY).main(0, size, chosen.word_bits), f"<u{chosen.word_bits // 8}")
    assert np.count_nonzero(decided(chosen, word)[1] == verdict) > size / 3
    expected = wide.draw(ChaChaWords(KEY), chosen, start=0, size=size)
    for length in (7, 2**14):
        with lengths(length):
            assert np.array_equal(fast.draw(ChaChaWords(KEY), chosen, start=0, size=size, threads=2), expected)


def test_attempts_go_on_beyond_the_first_block_of_further_words() -> None:
    numbers, retry_words = list[int](), fast._retry_words

    def watched(chacha20: Callable[..., int], source: ChaChaWords, outputs: np.ndarray, number: int) -> np.ndarray:
        numbers.append(number)
        return retry_words(chacha20, source, outputs, number)

    with patch.object(fast, "_retry_words", watched):
        drawn = fast.draw(ChaChaWords(KEY), MANY_REJECTED, start=0, size=8000)
    assert max(numbers) > 16, "into the third block"
    assert np.array_equal(drawn, wide.draw(ChaChaWords(KEY), MANY_REJECTED, start=0, size=8000))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 2**14 - 1, 2**14 + 1, 5 * 2**14 + 3, 2**18 + 1])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_border_of_a_run_cannot_be_seen(size: int, threads: int) -> None:
    chosen = histogram(LAWS[2])
    expected = wide.draw(ChaChaWords(KEY), chosen, start=5, size=size)
    assert np.array_equal(fast.draw(ChaChaWords(KEY), chosen, start=5, size=size, threads=threads), expected)


# Decisions


@given(chosen=strange() | st.builds(histogram, wide_laws), data=st.data())
@settings(max_examples=50)
def test_a_verdict_is_the_exact_decision(chosen: Histogram, data: st.DataObject) -> None:
    """Words at the borders: of the integer comparison, and of what the float may decide."""
    symbol = data.draw(st.integers(0, chosen.tail - 1))
    assume(chosen.weights[symbol])
    r, sign = data.draw(st.integers(0, (1 << chosen.width_bits) - 1)), data.draw(st.integers(0, chosen.law.two_sided))
    value = symbol << chosen.width_bits | r
    value = -1 - value if sign else value
    scaled = chosen.unit * chosen.law.height_enclosure(value, bits=200)[0] << chosen.accept_bits
    edge = scaled // (chosen.weights[symbol] << 200)
    margin = max(1, edge >> 40)
    near = {int(chosen.sure[symbol]) + i for i in (-1, 0, 1)} | {edge + i * margin for i in (-2, -1, 0, 1, 2)}
    near |= {int(chosen.sure[symbol]) >> 16 << 16, edge + 1, edge - 1}
    whole = [word_of(chosen, symbol, a=a, r=r, sign=sign) for a in sorted(near) if 0 <= a < 1 << chosen.accept_bits]
    values, verdicts = decided(chosen, whole)
    for word, found, verdict in zip(whole, values.tolist(), verdicts.tolist(), strict=True):
        assert found == value
        exact = wide.attempt(ChaChaWords(KEY), chosen, output=0, number=0, word=word)
        assert verdict == UNSURE or (verdict == ACCEPTED) == (exact is not None)
        if word & (1 << chosen.accept_bits) - 1 < chosen.sure[symbol]:
            assert verdict == ACCEPTED
    check_script(chosen, whole)


def check_script(chosen: Histogram, script: list[int]) -> None:
    """Scripted words give the same outputs on both sides, and the same outputs ask for bits."""
    results, asked = [], []
    for draw in (wide.draw, fast.draw):
        wanted = set[tuple[int, int, int]]()

        def refine(output: int, use: int, chunk: int, wanted: set[tuple[int, int, int]] = wanted) -> int:
            wanted.add((output, use, chunk))
            return (output + 1) * (use + 3) * 0x9E3779B97F4A7C15 % 2**64

        with scripted_words(script, refine=refine, retry=ChaChaWords(KEY).retry):
            results.append(draw(words(), chosen, start=0, size=len(script)))
        asked.append(wanted)
    assert np.array_equal(*results)
    assert asked[0] == asked[1], "the same bits are used"


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_a_script_of_rare_words_gives_the_references_outputs(law: WideLaw) -> None:
    chosen, script = histogram(law), list[int]()
    for symbol in (0, 1, 2, chosen.tail // 2, chosen.tail - 1):
        for r in (0, 1, (1 << chosen.width_bits) - 1):
            value = min(symbol << chosen.width_bits | r, (symbol + 1 << chosen.width_bits) - 1)
            height = chosen.law.height_enclosure(value, bits=200)[0]
            edge = (chosen.unit * height << chosen.accept_bits) // (chosen.weights[symbol] << 200)
            for a in {int(chosen.sure[symbol]), edge - 1, edge, edge + 1, (1 << chosen.accept_bits) - 1, 0}:
                if 0 <= a < 1 << chosen.accept_bits:
                    script.append(word_of(chosen, symbol, a=a, r=value - (symbol << chosen.width_bits)))
    script[1::5] = [word_of(chosen, chosen.tail, a=a, sign=a % 2 * law.two_sided) for a in range(len(script[1::5]))]
    check_script(chosen, script)
    assert UNSURE in decided(chosen, script)[1]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_the_tail_is_always_left_to_the_host(law: WideLaw) -> None:
    for chosen in (histogram(law), histogram(law, column_bits=3, weight_bits=9, word_bits=64, reach=law.reach // 9 + 1)):
        top = (1 << chosen.accept_bits) - 1
        script = [word_of(chosen, chosen.tail, a=a, r=r) for a in (0, 1, top) for r in {0, (1 << chosen.width_bits) - 1}]
        assert set(decided(chosen, script)[1].tolist()) == {UNSURE}
        rare = np.empty(len(script), np.int32)
        outputs = np.empty(len(script), np.int64)
        accept = fast._compiled_accept(64)
        assert accept(np.array(script, np.uint64), fast._columns(chosen), fast._layout(chosen), outputs, rare) == len(script)


@pytest.mark.parametrize(
    "law", [RoundedGaussian(Fraction(4097)), DiscreteGaussian(Fraction(4097)), DiscreteLaplace(Fraction(1000))], ids=str
)
def test_the_float_decides_all_that_its_margin_allows(law: WideLaw) -> None:
    """What lies 1.5 margins off the edge is decided, in every block as sharply as at 0: every term of the height is needed."""
    chosen = histogram(law, column_bits=6, weight_bits=9)
    values = [symbol << chosen.width_bits | 1 for symbol in range(chosen.tail)]
    heights = [Fraction(law.height_enclosure(value, bits=200)[0], 2**200) for value in values]
    factor = np.array([*(0.75 / float(height) for height in heights), *[0.0] * (chosen.factor.size - chosen.tail)])
    sharp = replace(chosen, factor=factor, sure=np.zeros_like(chosen.sure))
    assert chosen.accept_bits >= 45
    for symbol, height in enumerate(heights):
        edge = int(height * Fraction(float(factor[symbol])) * 2**chosen.accept_bits)
        off = edge * 3 >> 41
        close = [word_of(chosen, symbol, a=a, r=1) for a in (edge - off - 1, edge - 1, edge, edge + off)]
        assert decided(sharp, close)[1].tolist() == [ACCEPTED, UNSURE, UNSURE, REJECTED]


def test_the_margin_is_the_references() -> None:
    assert kernels._MARGIN == wide._MARGIN


@given(strange() | st.builds(histogram, st.sampled_from(LAWS)), st.binary(min_size=32, max_size=32))
@settings(max_examples=30)
def test_the_compiled_kernels_are_the_plain_ones(chosen: Histogram, key: bytes) -> None:
    kind = f"<u{chosen.word_bits // 8}"
    word = np.frombuffer(ChaChaWords(key).main(0, 100, chosen.word_bits), kind)
    accepted, found = [], []
    for accept in (kernels.accept, fast._compiled_accept(chosen.word_bits)):
        outputs, rare = np.empty(word.size, np.int64), np.empty(word.size, np.int32)
        count = accept(word, fast._columns(chosen), fast._layout(chosen), outputs, rare)
        accepted.append((outputs.tolist(), rare[:count].tolist()))
    retry = np.frombuffer(ChaChaWords(key).main(0, 100, 64), np.uint64)  # with more bits than the word needs
    for decide in (kernels.decide, fast._compiled_decide()):
        values, verdicts = np.empty(retry.size, np.int64), np.empty(retry.size, np.uint8)
        curve = np.array(chosen.law.curve)
        count = decide(retry, fast._columns(chosen), fast._layout(chosen), chosen.sure, chosen.factor, curve, values, verdicts)
        found.append((count, values.tolist(), verdicts.tolist()))
    assert accepted[0] == accepted[1]
    assert found[0] == found[1]
    assert found[0][0] == 100 - found[0][2].count(ACCEPTED)
    symbol, value, a = wide._split(chosen, word.astype(np.uint64))
    assert accepted[0][0] == value.tolist()
    listed = np.isin(np.arange(100), accepted[0][1])
    assert not np.any(~listed & (a >= chosen.sure[symbol])), "whatever is not sure is listed"


def test_columns_that_do_not_fit_are_refused() -> None:
    chosen = histogram(LAWS[0], column_bits=4, weight_bits=20)
    with pytest.raises(ValueError, match="do not fit"):
        fast.draw(ChaChaWords(KEY), chosen, start=0, size=1)


# ChaCha20


def block(state: np.ndarray, counters: list[int], chacha20: Callable[..., int]) -> list[bytes]:
    """The blocks of some counters, word by word."""
    found = []
    for place in range(8):
        got = np.empty(len(counters), np.uint64)
        assert chacha20(state, np.array(counters, np.uint32), np.uint64(place), got) == len(counters)
        found.append(got)
    return [row.astype("<u8").tobytes() for row in np.array(found).T] if counters else []


def initial(key: bytes, nonce: bytes) -> np.ndarray:
    return np.frombuffer(b"expand 32-byte k" + key + bytes(4) + nonce, "<u4")


def test_the_block_of_rfc_8439() -> None:
    """Its section 2.3.2."""
    state = initial(KEY, bytes.fromhex("000000090000004a00000000"))
    assert block(state, [1], fast._compiled_chacha20())[0].hex() == (
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=12, max_size=12),
    st.lists(st.integers(0, 2**32 - 1) | st.integers(2**32 - 3, 2**32 - 1), max_size=40),
)
def test_blocks_are_those_of_the_library(key: bytes, nonce: bytes, counters: list[int]) -> None:
    expected = [
        Cipher(ChaCha20(key, counter.to_bytes(4, "little") + nonce), mode=None).encryptor().update(bytes(64))
        for counter in counters
    ]
    assert block(initial(key, nonce), counters, fast._compiled_chacha20()) == expected


def test_the_compiled_block_is_the_plain_one() -> None:
    state = initial(KEY, bytes(range(12)))
    with np.errstate(over="ignore"):  # additions are modulo 2**32
        assert block(state, [0, 7, 2**32 - 1], kernels.chacha20) == block(state, [0, 7, 2**32 - 1], fast._compiled_chacha20())


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, MAX_OUTPUTS - 1), min_size=1, max_size=20), st.integers(1, 20))
def test_retry_words_are_those_of_the_stream(stream: int, outputs: list[int], number: int) -> None:
    source = ChaChaWords(KEY, stream=stream)
    found = fast._retry_words(fast._compiled_chacha20(), source, np.array(outputs), number)
    assert found.tolist() == [source.retry(output, number) for output in outputs]


# Words, threads, memory


class Recorded:
    """Words of a fixed key that are not ChaCha20's by type, and who asked for them."""

    refinement_bits = 64

    def __init__(self) -> None:
        self.inner, self.asked, self.retried = ChaChaWords(KEY), list[tuple[int, int, int]](), 0

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        self.asked.append((start, count, threading.get_ident()))
        return self.inner.main(start, count, word_bits)

    def retry(self, output: int, attempt: int) -> int:
        self.retried += 1
        return self.inner.retry(output, attempt)

    def refine(self, output: int, use: int, chunk: int) -> int:
        return self.inner.refine(output, use, chunk)


def test_other_words_are_asked_for_in_order_by_one_thread() -> None:
    source, size, chosen = Recorded(), 200_017, histogram(LAWS[2])
    drawn = fast.draw(source, chosen, start=11, size=size, threads=4)
    assert np.array_equal(drawn, wide.draw(ChaChaWords(KEY), chosen, start=11, size=size))
    assert {thread for _, _, thread in source.asked} == {threading.get_ident()}
    ends = [start + count for start, count, _ in source.asked]
    assert [start for start, _, _ in source.asked] == [11, *ends[:-1]]
    assert ends[-1] == 11 + size
    assert source.retried > 100


def test_further_words_changed_by_a_subclass_are_not_passed_over() -> None:
    class Sure(ChaChaWords):
        __slots__ = ()

        def retry(self, output: int, attempt: int) -> int:
            return word_of(MANY_REJECTED, 0, r=77)

    source = Sure(KEY)
    drawn = fast.draw(source, MANY_REJECTED, start=0, size=3000)
    assert np.array_equal(drawn, wide.draw(source, MANY_REJECTED, start=0, size=3000))
    assert np.count_nonzero(drawn == 77) > 500


@pytest.mark.parametrize(("start", "size"), [(MAX_OUTPUTS, 1), (MAX_OUTPUTS - 1, 2), (-1, 1)])
def test_words_beyond_the_stream_are_refused(start: int, size: int) -> None:
    with pytest.raises(InvalidInput, match="at most"):
        fast.draw(ChaChaWords(KEY), histogram(LAWS[0]), start=start, size=size, threads=2)


@pytest.mark.parametrize("threads", [1, 8])
@pytest.mark.parametrize("law", [LAWS[0], LAWS[2]], ids=str)
def test_memory_is_the_output_and_little_more(law: WideLaw, threads: int) -> None:
    size, chosen = 4_000_000, histogram(law)
    fast.draw(ChaChaWords(KEY), chosen, start=0, size=1)
    tracemalloc.start()
    try:
        fast.draw(ChaChaWords(KEY), chosen, start=0, size=size, threads=threads)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * size + 16 * 10**6


@settings(max_examples=10)
@given(st.sampled_from(LAWS), st.integers(0, 100), st.integers(-2, 2))
def test_a_request_is_filled_the_same_on_both_sides_of_the_border(law: WideLaw, start: int, beyond: int) -> None:
    chosen, size = histogram(law), fill.LARGE + beyond
    drawn = fill.draw(ChaChaWords(KEY), chosen, start=start, size=size)
    assert np.array_equal(drawn, wide.draw(ChaChaWords(KEY), chosen, start=start, size=size))

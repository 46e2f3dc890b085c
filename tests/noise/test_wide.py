"""Wide laws: every rare path of the histogram sampler is taken here on purpose, and slices, sizes and chunks cannot be seen."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib import noise
from privlib.errors import PrivlibError
from privlib.noise import wide
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, NegativeBinomial, RoundedGaussian, WideLaw
from privlib.noise.stream import ChaChaWords
from privlib.noise.testing import scripted_words
from privlib.noise.wide import Histogram, histogram

KEY = bytes(range(32))
TOP = 2**64 - 1
CHUNK = 2**15
GAUSSIAN = DiscreteGaussian(Fraction(10**6))
LAWS: list[tuple[WideLaw, Callable[[int], np.ndarray]]] = [
    (GAUSSIAN, lambda size: noise.discrete_gaussian(size, sigma2=10**6)),
    (DiscreteGaussian(Fraction(2**64)), lambda size: noise.discrete_gaussian(size, sigma2=2**64)),
    (RoundedGaussian(Fraction(5000)), lambda size: noise.rounded_gaussian(size, sigma2=5000)),
    (DiscreteLaplace(Fraction(2**31)), lambda size: noise.discrete_laplace(size, scale=2**31)),
    (Geometric(Fraction(100)), lambda size: noise.geometric(size, scale=100)),
]
IDS = [str(law) for law, _ in LAWS]


@pytest.fixture(autouse=True)
def _precision() -> None:
    ctx.prec = 500


def real(value: Fraction | int) -> arb:
    return arb(fmpq(Fraction(value).numerator, Fraction(value).denominator))


def height(law: WideLaw, x: int) -> arb:
    if isinstance(law, DiscreteGaussian):
        return (-real(x * x / (2 * law.sigma2))).exp()
    if isinstance(law, RoundedGaussian):
        root = real(2 * law.sigma2).sqrt()
        cell = (real(abs(x) - Fraction(1, 2)) / root).erfc() - (real(abs(x) + Fraction(1, 2)) / root).erfc()
        return cell / 2 * root * arb.pi().sqrt()
    return (-real(abs(x) / law.scale)).exp()


def share(chosen: Histogram, x: int) -> arb:
    """The probability with which a block accepts a value."""
    block = (x if x >= 0 else -1 - x) >> chosen.width_bits
    return chosen.unit * height(chosen.law, x) / chosen.weights[block]


def whole(value: arb) -> int:
    return int(value.floor().unique_fmpz())


def word_of(chosen: Histogram, symbol: int, low: int) -> int:
    """A word that picks a symbol and has these low bits."""
    capacity = 1 << chosen.weight_bits - chosen.column_bits
    if chosen.cut[symbol]:
        top = symbol * capacity
    else:
        column = next(int(c) for c in np.flatnonzero(chosen.alias == symbol) if chosen.cut[c] < capacity)
        top = column * capacity + int(chosen.cut[column])
    return top << chosen.word_bits - chosen.weight_bits | low


def word_for(chosen: Histogram, x: int, a: int) -> int:
    y = x if x >= 0 else -1 - x
    sign = 1 << chosen.width_bits if x < 0 else 0
    return word_of(chosen, y >> chosen.width_bits, (sign | y & (1 << chosen.width_bits) - 1) << chosen.accept_bits | a)


def some_values(chosen: Histogram) -> list[int]:
    last = (chosen.tail << chosen.width_bits) - 1
    values = [0, 1, last // 3, last - 1, last]
    return values + [-1 - x for x in values] if chosen.law.two_sided else values


def no_more(*address: int) -> int:
    raise AssertionError(f"asked for {address}")


# One attempt


@pytest.mark.parametrize(("law", "draw"), LAWS, ids=IDS)
@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_an_ambiguous_word_is_resolved_on_either_side(
    law: WideLaw, draw: Callable[[int], np.ndarray], accepted: bool, chunks: int
) -> None:
    chosen = histogram(law)
    retried = word_for(chosen, 0, 0)
    for x in some_values(chosen):
        bits = whole(share(chosen, x) * 2 ** (chosen.accept_bits + 64 * chunks)) + (-1 if accepted else 1)
        a, rest = bits >> 64 * chunks, [bits >> 64 * (chunks - 1 - i) & TOP for i in range(chunks)]
        asked, attempts = list[tuple[int, int, int]](), list[int]()

        def refine(*address: int, rest: list[int] = rest, asked: list[tuple[int, ...]] = asked) -> int:
            asked.append(address)
            return rest[address[2]] if address[2] < len(rest) else 0

        def retry(output: int, attempt: int, attempts: list[int] = attempts) -> int:
            attempts.append(attempt)
            return retried

        with scripted_words([word_for(chosen, x, a)], refine=refine, retry=retry):
            assert draw(1).tolist() == [x if accepted else 0]
        assert asked == [(0, 0, chunk) for chunk in range(len(asked))], "no bits are used twice"
        assert chunks - 1 <= len(asked) <= chunks + 1
        assert attempts == ([] if accepted else [1])


@pytest.mark.parametrize(("law", "draw"), LAWS, ids=IDS)
def test_a_sure_word_needs_nothing_else(law: WideLaw, draw: Callable[[int], np.ndarray]) -> None:
    chosen = histogram(law)
    values = some_values(chosen)
    words = [word_for(chosen, x, 0) for x in values]
    words += [word_for(chosen, x, whole(share(chosen, x) * 2**chosen.accept_bits) - 1) for x in values]
    with scripted_words(words):
        assert draw(2 * len(values)).tolist() == values * 2


@pytest.mark.parametrize(("law", "draw"), LAWS, ids=IDS)
@pytest.mark.parametrize("steps", [0, 1, 1000])
@pytest.mark.parametrize("accepted", [True, False])
def test_the_tail_is_drawn_and_accepted_exactly(
    law: WideLaw, draw: Callable[[int], np.ndarray], steps: int, accepted: bool
) -> None:
    chosen = histogram(law)
    edge = chosen.tail << chosen.width_bits
    decay = law.decay(edge)
    q = (-real(decay)).exp()
    number = whole((q**steps + q ** (steps + 1)) / 2 * 2**128)
    for negative in (False, True) if law.two_sided else (False,):
        x = -1 - edge - steps if negative else edge + steps
        exact = chosen.unit * height(law, x) / ((1 << chosen.width_bits) * chosen.weights[-1] * (1 - q) * q**steps)
        assert exact <= 1
        threshold = whole(exact * 2**128) + (-1 if accepted else 1)
        bits = {1: (number >> 64, number & TOP), 2: (threshold >> 64, threshold & TOP)}
        word = word_of(chosen, chosen.tail, int(negative) << chosen.width_bits + chosen.accept_bits)
        with scripted_words(
            [word],
            refine=lambda output, use, chunk, bits=bits: bits[use][chunk],
            retry=lambda output, attempt: word_for(chosen, 0, 0),
        ):
            assert draw(1).tolist() == [x if accepted else 0]


def test_a_tail_far_beyond_the_first_bits_is_drawn() -> None:
    chosen = histogram(GAUSSIAN)
    edge = chosen.tail << chosen.width_bits
    chunks = {1: [0, 0, 1, 0], 2: [0] * 40}  # U about 2**-192: far out, and accepted by a number as small
    word = word_of(chosen, chosen.tail, 0)
    with scripted_words([word], refine=lambda output, use, chunk: chunks[use][chunk]):
        (far,) = noise.discrete_gaussian(1, sigma2=10**6).tolist()
    assert far == edge + whole(192 * arb(2).log() / real(GAUSSIAN.decay(edge)))


def test_a_rejection_goes_through_all_attempts_with_bits_of_their_own() -> None:
    chosen, seen = histogram(GAUSSIAN), list[tuple[int, ...]]()
    x = 1000
    edge = whole(share(chosen, x) * 2**chosen.accept_bits)
    open_word, rejected = word_for(chosen, x, edge), word_for(chosen, x, 2**chosen.accept_bits - 1)

    def retry(output: int, attempt: int) -> int:
        seen.append((output, attempt))
        return [rejected, open_word][attempt % 2] if attempt < 20 else word_for(chosen, -5, 0)

    def refine(output: int, use: int, chunk: int) -> int:
        seen.append((output, use, chunk))
        return TOP

    with scripted_words([word_for(chosen, 3, 0), rejected, word_for(chosen, 4, 0)], refine=refine, retry=retry):
        assert noise.discrete_gaussian(3, sigma2=10**6).tolist() == [3, -5, 4]
    assert [entry for entry in seen if len(entry) == 2] == [(1, attempt) for attempt in range(1, 21)]
    assert [entry for entry in seen if len(entry) == 3] == [(1, 4 * attempt, 0) for attempt in range(1, 20, 2)]


def test_a_script_without_further_words_ends_at_a_rejection() -> None:
    rejected = word_for(histogram(GAUSSIAN), 1000, 2 ** histogram(GAUSSIAN).accept_bits - 1)
    with scripted_words([rejected]), pytest.raises(PrivlibError, match="no further attempts"):
        noise.discrete_gaussian(1, sigma2=10**6)


def test_further_attempts_end_with_their_domains() -> None:
    source = ChaChaWords(KEY)
    assert len({source.retry(output, attempt) for output in (0, 1, 2**32 - 1) for attempt in range(1, 505)}) == 3 * 504
    with pytest.raises(RuntimeError, match="used up"):
        source.retry(0, 505)


# Whole requests


@pytest.mark.parametrize(("law", "draw"), LAWS, ids=IDS)
def test_the_vector_sampler_is_the_single_one(law: WideLaw, draw: Callable[[int], np.ndarray]) -> None:
    chosen, source = histogram(law), ChaChaWords(KEY, stream=3)
    drawn = wide.draw(source, chosen, start=2**31, size=5000)
    again = [wide.settle(source, chosen, output=2**31 + i, first=0) for i in range(0, 5000, 25)]
    assert drawn[::25].tolist() == again
    rejected = [
        i for i in range(5000) if wide.attempt(source, chosen, output=2**31 + i, number=0, word=word_at(source, i)) is None
    ]
    assert rejected or chosen.width_bits == 0, "some words are rejected"
    for i in rejected[:10]:
        assert drawn[i] == wide.settle(source, chosen, output=2**31 + i, first=1)


def word_at(source: ChaChaWords, i: int) -> int:
    return int.from_bytes(source.main(2**31 + i, 1, 64), "little")


@settings(max_examples=50)
@given(
    law=st.sampled_from([law for law, _ in LAWS]),
    key=st.binary(min_size=32, max_size=32),
    start=st.integers(0, 2**32 - 700),
    size=st.integers(0, 600),
)
def test_any_slice_can_be_drawn_alone(law: WideLaw, key: bytes, start: int, size: int) -> None:
    source, chosen, cut = ChaChaWords(key, stream=9), histogram(law), size // 3
    drawn = wide.draw(source, chosen, start=start, size=size)
    assert np.array_equal(drawn[:cut], wide.draw(source, chosen, start=start, size=cut))
    assert np.array_equal(drawn[cut:], wide.draw(source, chosen, start=start + cut, size=size - cut))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_the_border_of_a_chunk_cannot_be_seen(size: int) -> None:
    chosen = histogram(GAUSSIAN)
    drawn = wide.draw(ChaChaWords(KEY), chosen, start=0, size=2 * CHUNK + 10)
    assert np.array_equal(wide.draw(ChaChaWords(KEY), chosen, start=0, size=size), drawn[:size])
    assert np.array_equal(wide.draw(ChaChaWords(KEY), chosen, start=5, size=size), drawn[5 : 5 + size])


# Histograms


def test_who_is_wide() -> None:
    assert not any(wide.is_wide(law) for law in (DiscreteGaussian(Fraction(4096)), DiscreteLaplace(Fraction(46))))
    assert not wide.is_wide(NegativeBinomial(Fraction(1), Fraction(1000)))
    above = Fraction(1, 10**9)
    assert all(wide.is_wide(law) for law in (RoundedGaussian(4096 + above), DiscreteLaplace(46 + above), Geometric(46 + above)))


@settings(max_examples=40)
@given(
    st.builds(DiscreteGaussian, st.fractions(4097, 2**64))
    | st.builds(RoundedGaussian, st.fractions(4097, 2**64))
    | st.builds(DiscreteLaplace, st.fractions(47, 2**31))
    | st.builds(Geometric, st.fractions(47, 2**31))
)
def test_every_histogram_keeps_the_conditions_of_its_theorem(law: WideLaw) -> None:
    chosen = histogram(law)
    width, blocks = 1 << chosen.width_bits, chosen.tail
    assert sum(chosen.weights) == 2**26
    assert blocks < 2**11
    assert law.reach <= blocks * width <= 1.02 * law.reach
    assert chosen.accept_bits >= 12
    for i in (0, 1, blocks // 2, blocks - 1):
        assert chosen.unit * height(law, i * width) <= chosen.weights[i]
        sure = chosen.unit * height(law, (i + 1) * width) / chosen.weights[i] * 2**chosen.accept_bits
        assert sure * (1 - arb(2) ** -10) - 1 <= int(chosen.sure[i]) <= sure
    accepted = sum(chosen.unit * height(law, i * width) for i in range(blocks)) / 2**26
    assert accepted > 0.98, "attempts are wasted"
    assert float(chosen.weights[-1]) / 2**26 < 2**-22, "the tail is proposed too often"


def test_arrays_of_a_histogram_cannot_be_changed() -> None:
    chosen = histogram(GAUSSIAN)
    for array in (chosen.cut, chosen.alias, chosen.sure, chosen.factor):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1

"""Samplers take no decision by a float, and every rare path is taken here on purpose."""

import ast
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import privlib
from privlib.errors import InvalidInput
from privlib.noise import bernoulli, discrete_laplace
from privlib.noise.laws import DiscreteLaplace
from privlib.noise.stream import MAX_OUTPUTS, ChaChaWords
from privlib.noise.table import draw, table
from privlib.noise.testing import scripted_words

KEY = bytes(range(32))
CHUNK = 2**15
TOP = 2**64 - 1


class Refinement:
    """Bits that a test dictates, and how many were asked for."""

    def __init__(self, *chunks: int) -> None:
        self.chunks, self.asked = chunks, []

    def __call__(self, output: int, use: int, chunk: int) -> int:
        self.asked.append((output, use, chunk))
        return self.chunks[chunk] if chunk < len(self.chunks) else 0


def residual_thresholds(scale: Fraction, symbols: list[int]) -> list[mpmath.mpf]:
    """The cumulative residual law in the order of the contract, by mpmath."""
    q = mpmath.exp(-mpmath.mpf(scale.denominator) / scale.numerator)
    left = table(DiscreteLaplace(scale)).left_weight
    total, found = mpmath.mpf(0), []
    for k in symbols:
        mass = 2**64 * (1 - q) / (1 + q) * q ** abs(k)
        total += mass - mpmath.floor(mass)
        found.append(total / left)
    return found


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1), Fraction(10)])
@pytest.mark.parametrize("threshold", [0, 1, 2, 5, 11])
@pytest.mark.parametrize("decided_after", [1, 2, 4])
@pytest.mark.parametrize("above", [False, True])
def test_the_residual_symbol_is_resolved_on_both_sides_of_a_threshold(
    scale: Fraction, threshold: int, decided_after: int, above: bool
) -> None:
    built = table(DiscreteLaplace(scale))
    order = [0, *(sign * k for k in range(1, 20) for sign in (-1, 1))]
    with mpmath.workdps(300):
        cut = residual_thresholds(scale, order[: threshold + 1])[-1]
        bits = int(mpmath.floor(cut * mpmath.mpf(2) ** (64 * decided_after)))
    number = bits + (1 if above else -1)
    chunks = [number >> 64 * (decided_after - 1 - i) & TOP for i in range(decided_after)]
    refine = Refinement(*chunks)
    word = built.left << (64 - built.column_bits)
    with scripted_words([word], refine=refine):
        (drawn,) = discrete_laplace(1, scale=scale)
    assert drawn == order[threshold + above]
    assert len(refine.asked) >= decided_after - 1
    assert refine.asked == [(0, 0, chunk) for chunk in range(len(refine.asked))], "no bits are used twice"


def test_an_undecided_residual_asks_for_more_bits_and_is_not_drawn_again() -> None:
    built = table(DiscreteLaplace(Fraction(1)))
    with mpmath.workdps(300):
        cut = int(mpmath.floor(residual_thresholds(Fraction(1), [0])[0] * mpmath.mpf(2) ** 256))
    exact_prefix = [cut >> 64 * (3 - i) & TOP for i in range(4)]
    refine = Refinement(*exact_prefix, 0)
    with scripted_words([built.left << (64 - built.column_bits)], refine=refine):
        discrete_laplace(1, scale=1)  # one word: a second attempt would raise
    assert len(refine.asked) >= 4


@pytest.mark.parametrize("word_bits", [8, 11])
@pytest.mark.parametrize("scale", ["1/3", "1", "5/2"])
def test_all_words_together_give_the_weights(scale: str, word_bits: int) -> None:
    built = table(DiscreteLaplace(Fraction(scale)), word_bits)

    class AllWords:
        refinement_bits = 64

        def main(self, start: int, count: int, bits: int) -> bytes:
            padded = -(-bits // 8) * 8
            return b"".join(word.to_bytes(padded // 8, "little") for word in range(start, start + count))

        def refine(self, output: int, use: int, chunk: int) -> int:
            resolved.append(output)
            return 0

    if word_bits % 8:  # words of the contract are whole bytes
        words = np.arange(2**word_bits, dtype=np.uint64)
        column = words >> np.uint64(word_bits - built.column_bits)
        low = words & np.uint64(2 ** (word_bits - built.column_bits) - 1)
        symbol = np.where(low < built.cut[column], column, built.alias[column])
        counts = np.bincount(symbol.astype(int), minlength=built.left + 1)
        assert counts[built.left] == built.left_weight
        assert counts[0 : built.left : 2].tolist() == list(built.floors)
        assert counts[1 : built.left : 2].tolist() == list(built.floors[1:])
    else:
        resolved: list[int] = []
        outputs = draw(AllWords(), built, start=0, size=2**word_bits)
        assert len(set(resolved)) == built.left_weight
        kept = np.delete(outputs, sorted(set(resolved)))
        values, counts = np.unique(kept, return_counts=True)
        expected = {k: built.floors[abs(k)] for k in range(1 - len(built.floors), len(built.floors))}
        assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == expected


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 500), st.integers(0, 400))
def test_any_slice_can_be_drawn_alone(key: bytes, stream: int, start: int, size: int) -> None:
    built = table(DiscreteLaplace(Fraction(10)))
    source = ChaChaWords(key, stream=stream)
    whole = draw(source, built, start=start, size=size)
    cut = size // 3
    assert np.array_equal(whole[:cut], draw(ChaChaWords(key, stream=stream), built, start=start, size=cut))
    assert np.array_equal(whole[cut:], draw(source, built, start=start + cut, size=size - cut))
    assert source.main(start, size, 64) == source.main(start, cut, 64) + source.main(start + cut, size - cut, 64)


@pytest.mark.parametrize("word_bits", [32, 64])
@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
def test_the_border_of_a_chunk_cannot_be_seen(size: int, word_bits: int) -> None:
    built = table(DiscreteLaplace(Fraction(10)), word_bits)
    whole = draw(ChaChaWords(KEY), built, start=0, size=2 * CHUNK + 10)
    assert np.array_equal(draw(ChaChaWords(KEY), built, start=0, size=size), whole[:size])
    assert np.array_equal(draw(ChaChaWords(KEY), built, start=5, size=size), whole[5 : 5 + size])


@pytest.mark.parametrize("size", [0, 1, 7])
def test_sizes_and_types(size: int) -> None:
    noise, coins = discrete_laplace(np.int64(size), scale=3), bernoulli(size, p="1/3")
    assert (noise.shape, noise.dtype) == ((size,), np.int64)
    assert (coins.shape, coins.dtype) == ((size,), np.bool_)


@pytest.mark.parametrize("sampler", [lambda size: discrete_laplace(size, scale=1), lambda size: bernoulli(size, p="0.5")])
@pytest.mark.parametrize("size", [-1, MAX_OUTPUTS + 1, 1.0, np.float64(1), True, None, "1", 10**30])
def test_a_size_that_is_no_number_of_outputs_is_refused(sampler: Callable[[object], object], size: object) -> None:
    with pytest.raises(InvalidInput, match=r"size must be an int from 0 to 2\*\*32"):
        sampler(size)


def test_a_seed_is_no_parameter() -> None:
    for name in ("seed", "key", "rng", "random_state"):
        with pytest.raises(TypeError):
            discrete_laplace(1, scale=1, **{name: 1})
        with pytest.raises(TypeError):
            bernoulli(1, p=1, **{name: 1})


# Bernoulli


def test_certain_coins_need_no_luck() -> None:
    words = [0, 1, TOP, 2**63]
    with scripted_words(words):
        assert not bernoulli(4, p=0).any()
    with scripted_words(words):
        assert bernoulli(4, p=1).all()


def test_half_is_decided_by_one_bit() -> None:
    with scripted_words([0, 2**63 - 1, 2**63, TOP]):
        assert bernoulli(4, p=0.5).tolist() == [True, True, False, False]


@pytest.mark.parametrize("digits", [0, 1, 2, 5])
@pytest.mark.parametrize("below", [False, True])
def test_a_coin_on_the_edge_asks_for_bits_until_it_is_decided(digits: int, below: bool) -> None:
    third = TOP // 3  # 1/3 is 0.010101... for ever
    refine = Refinement(*[third] * digits, third - 1 if below else third + 1)
    with scripted_words([third], refine=refine):
        assert bernoulli(1, p="1/3").tolist() == [below]
    assert refine.asked == [(0, 0, chunk) for chunk in range(digits + 1)]


def test_every_coin_on_the_edge_has_its_own_bits() -> None:
    third, asked = TOP // 3, []

    def refine(output: int, use: int, chunk: int) -> int:
        asked.append((output, use, chunk))
        return 0 if output == 1 else TOP

    with scripted_words([third, third, 0, third], refine=refine):
        assert bernoulli(4, p="1/3").tolist() == [False, True, True, False]
    assert asked == [(0, 0, 0), (1, 0, 0), (3, 0, 0)]


@pytest.mark.parametrize(("last", "outcome"), [(2**56 - 1, True), (2**56, False)])
def test_a_tiny_probability_is_not_rounded_to_zero(last: int, outcome: bool) -> None:
    with scripted_words([0], refine=Refinement(0, 0, last)):
        assert bernoulli(1, p=Fraction(1, 2**200)).tolist() == [outcome]


def test_a_probability_just_below_one_is_not_rounded_to_one() -> None:
    with scripted_words([TOP, TOP], refine=lambda output, use, chunk: TOP if output or chunk < 1 else 0):
        assert bernoulli(2, p=1 - Fraction(1, 3**100)).tolist() == [True, False]


@pytest.mark.parametrize("p", [-1, "1.0000000000000000000001", 2, float("nan"), True, None, np.float32(0.5)])
def test_what_is_no_probability_is_refused(p: object) -> None:
    with pytest.raises(InvalidInput, match=r"^p must"):
        bernoulli(1, p=p)


@settings(max_examples=50)
@given(st.fractions(min_value=0, max_value=1), st.binary(min_size=32, max_size=32))
def test_a_coin_is_its_whole_number_below_p(p: Fraction, key: bytes) -> None:
    whole = [int.from_bytes(key[i : i + 8], "little") for i in range(0, 32, 8)]
    expected = [Fraction(word, 2**64) < p for word in whole]  # refinement bits 0 add nothing
    with scripted_words(whole, refine=lambda *_: 0):
        assert bernoulli(4, p=p).tolist() == expected


# Where bits come from


def test_no_other_generator_is_used() -> None:
    home = Path(privlib.__file__).parent
    generators = {"random", "numpy.random", "np.random", "secrets"}
    for file in [*sorted((home / "noise").rglob("*.py")), *sorted((home / "survival").rglob("*.py"))]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                used |= {node.module or ""}
        assert not used & generators, f"{file} uses {used & generators}"


def test_the_generator_of_numpy_has_no_influence() -> None:
    draws = []
    for _ in range(2):
        np.random.seed(1)  # what is tried is that it does nothing
        draws.append(discrete_laplace(40, scale=100))
    assert not np.array_equal(*draws)  # false alarm below 200**-40

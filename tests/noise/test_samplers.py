"""Narrow laws, coins and integers: no decision rests on a float, and every rare path is taken here on purpose."""

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
from privlib.noise import (
    bernoulli,
    bernoulli_exp,
    discrete_gaussian,
    discrete_laplace,
    geometric,
    integers,
    negative_binomial,
    rounded_gaussian,
)
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, Law, NegativeBinomial, RoundedGaussian
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


Draw = Callable[[int], np.ndarray]
NARROW: list[tuple[Law, Draw]] = [
    (DiscreteLaplace(Fraction(1, 2)), lambda size: discrete_laplace(size, scale="1/2")),
    (DiscreteLaplace(Fraction(10)), lambda size: discrete_laplace(size, scale=10)),
    (DiscreteGaussian(Fraction(9)), lambda size: discrete_gaussian(size, sigma2=9)),
    (RoundedGaussian(Fraction(3)), lambda size: rounded_gaussian(size, sigma2=3)),
    (RoundedGaussian(Fraction(30)), lambda size: rounded_gaussian(size, sigma2=30)),
    (Geometric(Fraction(4)), lambda size: geometric(size, scale=4)),
    (NegativeBinomial(Fraction(2, 3), Fraction(5)), lambda size: negative_binomial(size, shape="2/3", scale=5)),
]


def pmf(law: Law, k: int) -> mpmath.mpf:
    def real(value: Fraction) -> mpmath.mpf:
        return mpmath.mpf(value.numerator) / value.denominator

    if isinstance(law, DiscreteGaussian):
        return mpmath.exp(-(k * k) / (2 * real(law.sigma2))) / mpmath.jtheta(3, 0, mpmath.exp(-1 / (2 * real(law.sigma2))))
    if isinstance(law, RoundedGaussian):
        root = mpmath.sqrt(2 * real(law.sigma2))
        return (mpmath.erfc((k - mpmath.mpf(1) / 2) / root) - mpmath.erfc((k + mpmath.mpf(1) / 2) / root)) / 2
    q = mpmath.exp(-1 / real(law.scale))
    if isinstance(law, DiscreteLaplace):
        return (1 - q) / (1 + q) * q ** abs(k)
    shape = real(getattr(law, "shape", Fraction(1)))
    return (1 - q) ** shape * q**k * mpmath.rf(shape, k) / mpmath.factorial(k)


def residual_threshold(law: Law, symbols: list[int]) -> mpmath.mpf:
    """The cumulative residual law up to the last of these symbols, by mpmath."""
    masses = [2**64 * pmf(law, abs(k)) for k in symbols]
    return sum(mass - mpmath.floor(mass) for mass in masses) / table(law).left_weight


def first_symbols(law: Law) -> list[int]:
    """In the order of the contract."""
    return [0, *(sign * k for k in range(1, 20) for sign in (-1, 1))] if law.two_sided else list(range(40))


def word_of_left(law: Law) -> int:
    built = table(law)
    if built.cut[built.left]:
        return built.left << (64 - built.column_bits)
    column = int(np.flatnonzero(built.alias == built.left)[0])
    return (column << (64 - built.column_bits)) + int(built.cut[column])


@pytest.mark.parametrize(("law", "sample"), NARROW, ids=[str(law) for law, _ in NARROW])
@pytest.mark.parametrize("threshold", [0, 1, 2, 5, 11])
@pytest.mark.parametrize("decided_after", [1, 2, 4])
@pytest.mark.parametrize("above", [False, True])
def test_the_residual_symbol_is_resolved_on_both_sides_of_a_threshold(
    *, law: Law, sample: Draw, threshold: int, decided_after: int, above: bool
) -> None:
    order = first_symbols(law)
    with mpmath.workdps(300):
        bits = int(mpmath.floor(residual_threshold(law, order[: threshold + 1]) * mpmath.mpf(2) ** (64 * decided_after)))
    number = bits + (1 if above else -1)
    refine = Refinement(*[number >> 64 * (decided_after - 1 - i) & TOP for i in range(decided_after)])
    with scripted_words([word_of_left(law)], refine=refine):
        (drawn,) = sample(1)
    assert drawn == order[threshold + above]
    assert len(refine.asked) >= decided_after - 1
    assert refine.asked == [(0, 0, chunk) for chunk in range(len(refine.asked))], "no bits are used twice"


@pytest.mark.parametrize(("law", "sample"), NARROW, ids=[str(law) for law, _ in NARROW])
def test_an_undecided_residual_asks_for_more_bits_and_is_not_drawn_again(law: Law, sample: Draw) -> None:
    with mpmath.workdps(300):
        cut = int(mpmath.floor(residual_threshold(law, [0]) * mpmath.mpf(2) ** 256))
    refine = Refinement(*[cut >> 64 * (3 - i) & TOP for i in range(4)], 0)
    with scripted_words([word_of_left(law)], refine=refine):
        sample(1)  # one word: a second attempt would raise
    assert len(refine.asked) >= 4


@pytest.mark.parametrize(("law", "sample"), NARROW, ids=[str(law) for law, _ in NARROW])
def test_the_residual_law_reaches_beyond_the_table(law: Law, sample: Draw) -> None:
    beyond = len(table(law).floors)
    with scripted_words([word_of_left(law)], refine=Refinement(TOP - 2**20, 0)):
        (drawn,) = sample(1)
    assert abs(drawn) >= beyond - 1
    with scripted_words([word_of_left(law)], refine=Refinement(*[TOP] * 6, 0)):
        (far,) = sample(1)
    assert abs(far) > abs(drawn)
    assert abs(far) > beyond


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
    for sample in (*(sample for _, sample in NARROW), lambda size: integers(size, below=6)):
        noise = sample(np.int64(size))
        assert (noise.shape, noise.dtype) == ((size,), np.int64)
    for coins in (bernoulli(size, p="1/3"), bernoulli_exp(size, r=2)):
        assert (coins.shape, coins.dtype) == ((size,), np.bool_)


SAMPLERS: list[Draw] = [
    *(sample for _, sample in NARROW),
    lambda size: discrete_gaussian(size, sigma2=10**6),
    lambda size: bernoulli(size, p="0.5"),
    lambda size: bernoulli_exp(size, r=1),
    lambda size: integers(size, below=6),
]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("size", [-1, MAX_OUTPUTS + 1, 1.0, np.float64(1), True, None, "1", 10**30])
def test_a_size_that_is_no_number_of_outputs_is_refused(sampler: Callable[[object], object], size: object) -> None:
    with pytest.raises(InvalidInput, match=r"size must be an int from 0 to 2\*\*32"):
        sampler(size)


def test_a_seed_is_no_parameter() -> None:
    parameters = {
        discrete_laplace: {"scale": 1},
        discrete_gaussian: {"sigma2": 1},
        rounded_gaussian: {"sigma2": 1},
        geometric: {"scale": 1},
        negative_binomial: {"shape": 1, "scale": 1},
        bernoulli: {"p": 1},
        bernoulli_exp: {"r": 1},
        integers: {"below": 2},
    }
    for sampler, named in parameters.items():
        assert sampler(1, **named).shape == (1,)
        for name in ("seed", "key", "rng", "random_state", "generator"):
            with pytest.raises(TypeError):
                sampler(1, **named, **{name: 1})
        with pytest.raises(TypeError):  # no parameter goes without its name
            sampler(1, *named.values())


def test_sigma_is_no_parameter() -> None:
    for sampler in (discrete_gaussian, rounded_gaussian):
        for name in ("sigma", "scale", "variance"):
            with pytest.raises(TypeError):
                sampler(1, **{name: 1})


@pytest.mark.parametrize("value", [0, -1, "-1/3", float("nan"), float("inf"), True, None, "one", np.float32(1), [], 10**400])
def test_what_is_no_parameter_is_refused_before_anything_is_drawn(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda _: pytest.fail("a key was drawn"))
    for sampler, name in (
        (discrete_laplace, "scale"),
        (geometric, "scale"),
        (discrete_gaussian, "sigma2"),
        (rounded_gaussian, "sigma2"),
    ):
        with pytest.raises(InvalidInput, match=name):
            sampler(1, **{name: value})
    for named in ({"shape": value, "scale": 1}, {"shape": 1, "scale": value}):
        with pytest.raises(InvalidInput):
            negative_binomial(1, **named)


# Integers


@pytest.mark.parametrize("below", [1, 2, 3, 7, 1000, 2**31 + 1, 2**32 - 1, 2**32])
def test_integers_lie_below(below: int) -> None:
    with scripted_words([0, TOP, 2**63], refine=lambda *_: TOP):
        assert integers(3, below=below).tolist() == [0, below - 1, below // 2]


@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize("digits", [0, 1, 4])
def test_an_integer_across_a_border_asks_for_bits_until_it_is_decided(digits: int, above: bool) -> None:
    third = TOP // 3
    refine = Refinement(*[third] * digits, third + 1 if above else third - 1)
    with scripted_words([third], refine=refine):
        assert integers(1, below=3).tolist() == [above]
    assert refine.asked == [(0, 0, chunk) for chunk in range(digits + 1)]


@pytest.mark.parametrize("below", [0, -1, 2**32 + 1, True, 2.0, None, "3", np.float64(3)])
def test_what_is_no_number_of_values_is_refused(below: object) -> None:
    with pytest.raises(InvalidInput, match="below must be an int"):
        integers(1, below=below)


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


@pytest.mark.parametrize("digits", [0, 1, 3])
@pytest.mark.parametrize("below", [False, True])
def test_an_exponential_coin_on_the_edge_asks_for_bits_until_it_is_decided(digits: int, below: bool) -> None:
    with mpmath.workdps(200):
        edge = int(mpmath.floor(mpmath.exp(-2) * mpmath.mpf(2) ** (64 * (digits + 2)))) + (-1 if below else 1)
    word, *chunks = [edge >> 64 * (digits + 1 - i) & TOP for i in range(digits + 2)]
    refine = Refinement(*chunks)
    with scripted_words([word], refine=refine):
        assert bernoulli_exp(1, r=2).tolist() == [below]
    assert refine.asked == [(0, 0, chunk) for chunk in range(len(refine.asked))]
    assert len(refine.asked) >= digits


@pytest.mark.parametrize("r", [-1, "-1e-30", float("nan"), True, None, np.float32(0.5)])
def test_what_is_no_exponent_is_refused(r: object) -> None:
    with pytest.raises(InvalidInput, match=r"^r must"):
        bernoulli_exp(1, r=r)


# Where bits come from


def test_no_other_generator_is_used() -> None:
    home = Path(privlib.__file__).parent
    generators = {"random", "numpy.random", "np.random", "secrets", "torch.Generator", "torch.random", "torch.manual_seed"}
    for file in [file for room in ("noise", "oneshot", "survival") for file in sorted((home / room).rglob("*.py"))]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                used |= {node.module or ""}
            elif isinstance(node, ast.Name | ast.arg | ast.keyword):
                used |= {getattr(node, "id", None) or getattr(node, "arg", None)}
        forbidden = generators | {"random_state", "default_rng", "RandomState", "rng", "seed"}
        assert not used & forbidden, f"{file} uses {used & forbidden}"


def test_the_generator_of_numpy_has_no_influence() -> None:
    draws = []
    for _ in range(2):
        np.random.seed(1)  # what is tried is that it does nothing
        draws.append(discrete_laplace(40, scale=100))
    assert not np.array_equal(*draws)  # false alarm below 200**-40

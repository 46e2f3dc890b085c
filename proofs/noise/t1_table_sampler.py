"""The table sampler draws every narrow law exactly.

Statement
    Let P be the law of a discrete Laplace, geometric, negative binomial, discrete Gaussian or rounded Gaussian variable, and
    m = 16, 32 or 64 the bits of a word. Given independent uniform main words of m bits and independent uniform refinement bits,
    every output of ``draw`` from the law's ``table`` equals k with probability exactly P(k), for every k of the support, and
    outputs are independent.

Proof
    Let ``w[k]`` be the weights and ``R = 2**m - sum of w``. (1) *Floors.* ``w[k] <= 2**m P(k)``, because the law's masses are
    enclosed and the weight is that of the lower bound; that it is the floor, which makes R small, is certified by the upper
    bound, and is not needed below. (2) *Table.* Columns have equal capacity and each symbol's shares over all columns add up to
    its weight, so a uniform word yields symbol k for exactly w[k] of the 2**m words and LEFT for exactly R. (3) *LEFT.* U is
    uniform on [0, 1), its bits drawn as needed, and the answer is the first symbol, without end, whose cumulative residual
    probability exceeds U; so k is answered with probability ``(2**m P(k) - w[k]) / R``, the tail beyond the table included.
    (4) *Mixture.* ``w[k]/2**m + (R/2**m) (2**m P(k) - w[k])/R = P(k)``. Output i uses main word i and refinement bits addressed
    by i alone, which are disjoint, hence independence.

Checked against the shipped code
    (1) masses and floors recomputed in ball arithmetic (flint) by other formulas: the theta function, erfc and gamma; (2) all
    2**16 words through the shipped ``draw`` for m = 16, and the shares of every column in integers for m = 32 and 64; (3) every
    first byte of the refinement bits, and every second one after a byte that leaves the answer open, through the shipped
    resolution: the answer is the one symbol to which all such numbers belong, or more bits are asked for; every output's bits
    are asked for at its own address.

Covers not
    The generator: its bits are RFC 8439 ChaCha20 keyed by the operating system, indistinguishable from ideal up to ChaCha20's
    security. Timing: LEFT, of probability below 2**-50 at 64 bits and up to 4096 symbols, takes longer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, count, islice, pairwise

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from flint import acb, arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib import certified
from privlib.noise import table as sampler
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, Law, NegativeBinomial, RoundedGaussian, series
from privlib.noise.lazy import LazyUniform
from privlib.noise.stream import ChaChaWords
from privlib.prove import replaced, rewritten

covers = [
    "privlib.noise.table.draw",
    "privlib.noise.table.table",
    "privlib.noise.table.sweep",
    "privlib.noise.table.resolve",
    "privlib.noise.table._residual",
    "privlib.noise.laws.Law.floors",
    "privlib.noise.laws.DiscreteLaplace.masses",
    "privlib.noise.laws.DiscreteLaplace.ratio",
    "privlib.noise.laws.Geometric.masses",
    "privlib.noise.laws.NegativeBinomial.masses",
    "privlib.noise.laws.NegativeBinomial._none",
    "privlib.noise.laws.NegativeBinomial._rises_after",
    "privlib.noise.laws.DiscreteGaussian.masses",
    "privlib.noise.laws.DiscreteGaussian.total",
    "privlib.noise.laws.RoundedGaussian.masses",
    "privlib.noise.laws.series.bell",
    "privlib.noise.laws.series.cell",
    "privlib.noise.laws.series.theta",
    "privlib.noise.laws.mills.root_two_pi",
    "privlib.noise.lazy.LazyUniform.refine",
    "privlib.noise.lazy.LazyUniform.__init__",
    "privlib.noise.stream.ChaChaWords.main",
    "privlib.noise.stream.ChaChaWords.refine",
    "privlib.noise.stream.ChaChaWords._bytes",
    "privlib.certified.exp_negative",
    "privlib.certified.normal_tail",
    "privlib.certified.log",
    "privlib.certified.sqrt",
    "privlib.certified.pi",
]

NARROW = [
    DiscreteLaplace(Fraction(1, 3)),
    DiscreteLaplace(Fraction(10)),
    DiscreteGaussian(Fraction(1, 4)),
    DiscreteGaussian(Fraction(100)),
    RoundedGaussian(Fraction(5, 2)),
    RoundedGaussian(Fraction(30)),
    Geometric(Fraction(7, 2)),
    NegativeBinomial(Fraction(1, 5), Fraction(10)),
    NegativeBinomial(Fraction(21, 2), Fraction(3)),
]
WIDEST = [DiscreteLaplace(Fraction(46)), DiscreteGaussian(Fraction(4096)), RoundedGaussian(Fraction(2000))]
LEFT = 10**6
"""What LEFT answers where only its words are counted."""


def real(value: Fraction | int) -> arb:
    """A rational as a ball."""
    return arb(fmpq(Fraction(value).numerator, Fraction(value).denominator))


def probability(law: Law, k: int) -> arb:
    """P(k) as a ball, by arithmetic that shares nothing with the shipped code."""
    if isinstance(law, DiscreteGaussian):  # the nome exp(-1 / (2 sigma2)) is exp(i pi tau)
        total = acb.modular_theta(acb(0), acb(0, 1 / (2 * arb.pi() * real(law.sigma2))))[2].real
        return (-real(k * k / (2 * law.sigma2))).exp() / total
    if isinstance(law, RoundedGaussian):
        root = real(2 * law.sigma2).sqrt()
        return ((real(k - Fraction(1, 2)) / root).erfc() - (real(k + Fraction(1, 2)) / root).erfc()) / 2
    assert isinstance(law, DiscreteLaplace | Geometric | NegativeBinomial)
    q = (-real(1 / law.scale)).exp()
    if isinstance(law, DiscreteLaplace):
        return (1 - q) / (1 + q) * q ** abs(k)
    if isinstance(law, Geometric):
        return (1 - q) * q**k
    shape = real(law.shape)
    return (1 - q) ** shape * q**k * (shape + k).gamma() / shape.gamma() / real(k + 1).gamma()


def certified_floor(law: Law, k: int, word_bits: int) -> int:
    """floor(2**m P(k)), where the ball decides it."""
    floor = (probability(law, k) * arb(2) ** word_bits).floor().unique_fmpz()
    assert floor is not None, "the ball does not decide the floor"
    return int(floor)


def support(law: Law) -> Iterator[int]:
    """The symbols' values in the order of the contract, without end."""
    yield 0
    for k in count(1):
        yield from (-k, k) if law.two_sided else (k,)


def enclosures_enclose() -> None:
    """The certified functions beneath, at precisions that show every rounding."""
    thirds = [Fraction(1, 3), Fraction(2, 7), Fraction(10, 9), Fraction(123, 10), Fraction(41)]
    for bits in (3, 64, 200):
        known = [(certified.pi(bits), arb.pi())]
        for x in thirds:
            known += [
                (certified.exp_negative(x, bits), (-real(x)).exp()),
                (certified.sqrt(x, bits), real(x).sqrt()),
                (certified.log(x, bits), real(x).log()),
                (certified.normal_tail(x, bits), (real(x) / 2).sqrt().erfc() / 2),
                (certified.rational(x, bits), real(x)),
            ]
        for (low, high), exact in known:
            assert not low > exact * arb(2) ** bits, "a lower bound lies above"
            assert not high < exact * arb(2) ** bits, "an upper bound lies below"
            assert high - low <= 2, "an enclosure is wider than its rounding"


def sweeps_fill_every_column() -> None:
    """All tables of four columns and capacity 3."""
    for cuts in combinations(range(15), 3):
        places = (-1, *cuts, 15)
        weights = [after - before - 1 for before, after in pairwise(places)]
        cut, alias = sampler.sweep(np.array(weights, dtype=np.uint64), np.uint64(3))
        share = [0] * 4
        for own in range(4):
            assert int(cut[own]) <= 3 or alias[own] == own, "a column holds more than its capacity"
            share[own] += min(3, int(cut[own]))
            share[int(alias[own])] += 3 - min(3, int(cut[own]))
        assert share == weights, "a symbol has a wrong share"


def masses_are_enclosed(law: Law) -> None:
    """Each bound on its own side, at a precision that shows every rounding, and sharply enough to end."""
    for bits in (24, 200):
        for k, (low, high) in zip(range(20), law.masses(bits), strict=False):
            exact = probability(law, k) * arb(2) ** bits
            assert low <= exact, "a lower bound lies above"
            assert exact <= high, "an upper bound lies below"
            assert high - low < 2**20, "an enclosure is useless"


def floors_are_certified(law: Law, word_bits: int) -> None:
    floors = law.floors(word_bits)
    assert floors, "the table is empty"
    places = (
        range(len(floors)) if word_bits == 16 else sorted({0, 1, 2, len(floors) // 2, len(floors) - 1} & set(range(len(floors))))
    )
    assert all(floors[k] == certified_floor(law, k, word_bits) for k in places), "a floor is wrong"
    assert certified_floor(law, len(floors), word_bits) == 0, "the table ends too early"
    total = (1 + law.two_sided) * sum(floors) - law.two_sided * floors[0]
    assert (1 << word_bits) - total < 2 * len(floors) + 32, "the table leaves too much to the residual law"


def shares_of_the_table_are_the_floors(law: Law, word_bits: int) -> None:
    built = sampler.table(law, word_bits)
    capacity = 1 << (word_bits - built.column_bits)
    share: Counter[int] = Counter()
    for own, (cut, alias) in enumerate(zip(built.cut.tolist(), built.alias.tolist(), strict=True)):
        assert 0 <= cut <= capacity, "a column holds more than its capacity"
        share[own] += cut
        share[alias] += capacity - cut
    floors = built.law.floors(word_bits)
    others = sum(floors[1:]) if law.two_sided else 0
    assert share.pop(built.left) == built.left_weight == (1 << word_bits) - sum(floors) - others, "LEFT has a wrong share"
    by_value = {int(built.values[symbol]): weight for symbol, weight in share.items() if weight}
    wanted = {k: floors[abs(k)] for k in range(1 - len(floors) if law.two_sided else 0, len(floors)) if floors[abs(k)]}
    assert by_value == wanted, "a symbol has a wrong share"


class Script:
    """Main words from a list, and refinement bits as a proof dictates them."""

    def __init__(self, words: object, bits: list[int] | None = None, *, output: int = 0, refinement_bits: int = 64) -> None:
        self.words, self.bits, self.output, self.refinement_bits = (
            np.asarray(words, dtype=np.uint64),
            bits,
            output,
            refinement_bits,
        )

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        return self.words[start : start + count].astype(f"<u{word_bits // 8}").tobytes()

    def refine(self, output: int, use: int, chunk: int) -> int:
        assert self.bits is not None, "these words need no refinement"
        assert (output, use) == (self.output, 0), "refinement bits are asked for at another output's address"
        if chunk == len(self.bits):
            raise TooDeep
        return self.bits[chunk]


class TooDeep(Exception):
    """More bits are asked for than are given."""


def every_word_gives_its_symbol(law: Law) -> None:
    with replaced(sampler, "resolve", lambda *_: LEFT):
        drawn = sampler.draw(Script(range(1 << 16)), sampler.table(law, 16), start=0, size=1 << 16)
    counts = Counter(drawn.tolist())
    left = counts.pop(LEFT, 0)
    assert all(found == certified_floor(law, k, 16) for k, found in counts.items()), "a word count differs from its floor"
    assert left == (1 << 16) - sum(counts.values()) == sampler.table(law, 16).left_weight, "LEFT has a wrong share"


def thresholds(law: Law, left_weight: int) -> list[tuple[int, arb]]:
    """The symbols and the cumulative residual probabilities, for m = 16, as far as two bytes can see."""
    found, total = list[tuple[int, arb]](), arb(0)
    for k in support(law):
        mass = probability(law, k) * 2**16
        total += mass - mass.floor()
        found.append((k, total / left_weight))
        if total / left_weight > 1 - arb(2) ** -20:
            return found
    raise AssertionError


def left_follows_the_residual_law(law: Law) -> None:
    """The answer is k where all numbers that begin so belong to k; else more bits are asked for."""
    built = sampler.table(law, 16)
    assert built.left_weight, "there is nothing left to resolve"
    word, output = words_of(built, built.left)[0], 2
    cumulative = thresholds(law, built.left_weight)

    def belongs(numerator: int, bits: int) -> int | None:
        low, high = arb(numerator) / 2**bits, arb(numerator + 1) / 2**bits
        k, upper = next(((k, upper) for k, upper in cumulative if upper > low), (0, arb(2)))
        return k if high <= upper else None

    shipped = type(law).masses

    def masses(self: Law, bits: int) -> Iterator[tuple[int, int]]:
        yield from known(bits)
        yield from islice(shipped(self, bits), 200, None)

    known = lru_cache(maxsize=None)(lambda bits: list(islice(shipped(law, bits), 200)))

    def answer(bits: list[int]) -> int | None:
        try:
            return int(sampler.draw(Script([0, 0, word], bits, output=output, refinement_bits=8), built, start=2, size=1)[0])
        except TooDeep:
            return None

    with replaced(type(law), "masses", masses):  # the shipped ones, computed once
        first = [answer([byte]) for byte in range(256)]
        assert first == [belongs(byte, 8) for byte in range(256)], "the residual law is another"
        unclear = first.index(None)
        second = [answer([unclear, byte]) for byte in range(256)]
    assert second == [belongs(unclear << 8 | byte, 16) for byte in range(256)], "the residual law is another further down"


def words_of(built: sampler.Table, symbol: int) -> list[int]:
    """Some words that yield a symbol."""
    shift = built.word_bits - built.column_bits
    found = [symbol << shift] if built.cut[symbol] else []
    return found + [
        (int(c) << shift) + int(built.cut[c]) for c in np.flatnonzero(built.alias == symbol) if built.cut[c] < 1 << shift
    ]


def keystream(key: bytes, domain: int, counter: int, stream: int, size: int) -> bytes:
    """RFC 8439 straight from the library beneath, by the contract's formula."""
    nonce = counter.to_bytes(4, "little") + domain.to_bytes(4, "little") + stream.to_bytes(8, "little")
    return Cipher(ChaCha20(key, nonce), mode=None).encryptor().update(bytes(size))


def words_are_the_keystream() -> None:
    """Main word i is the i-th of the stream across all chunks; refinement chunk j of output i and use u is at its address."""
    key, size = bytes(range(32)), 3 * 2**15 + 5
    words = np.frombuffer(keystream(key, 0, 0, 7, 8 * size), dtype="<u8")
    built = sampler.table(DiscreteLaplace(Fraction(3)), 64)
    expected = sampler.draw(Script(words), built, start=0, size=size)
    for chunk in (sampler._CHUNK, 1000):
        with replaced(sampler, "_CHUNK", chunk):
            drawn = sampler.draw(ChaChaWords(key, stream=7), built, start=0, size=size)
        assert np.array_equal(drawn, expected), "an output does not come from its own word"
    assert np.array_equal(sampler.draw(ChaChaWords(key, stream=7), built, start=137, size=400), expected[137:537])
    source = ChaChaWords(key, stream=7)
    for output, use, index in [(0, 0, 0), (5, 0, 7), (5, 1, 8), (2**32 - 1, 3, 17), (9, 2, 40)]:
        block = keystream(key, 2**31 + use * 2**16 + index // 8, output, 7, 64)
        wanted = int.from_bytes(block[8 * (index % 8) : 8 * (index % 8) + 8], "little")
        assert source.refine(output, use, index) == wanted, "refinement bits come from another address"
    number = LazyUniform(source, output=5, use=3, known=6, bits=3)
    for index in range(10):
        before = number.known
        number.refine()
        assert number.known == before << 64 | source.refine(5, 3, index), "refinement bits are used twice"
        assert number.bits == 3 + 64 * (index + 1)
    addresses = {source.refine(i, use, chunk) for i in range(8) for use in range(4) for chunk in range(10)}
    addresses |= {int.from_bytes(source.main(i, 1, 64), "little") for i in range(64)}
    assert len(addresses) == 8 * 4 * 10 + 64, "two addresses share their bits"


def forget() -> None:
    """What was computed before a mutation would hide it, and what a mutant computed must not stay."""
    for cached in (sampler.table, certified.pi, certified._log_two, series._terms):
        cached.cache_clear()


def prove() -> None:
    forget()
    ctx.prec = 400
    try:
        words_are_the_keystream()
        enclosures_enclose()
        sweeps_fill_every_column()
        for law in (*NARROW, *WIDEST):
            masses_are_enclosed(law)
            floors_are_certified(law, 64)
        for law in NARROW:
            floors_are_certified(law, 16)
            shares_of_the_table_are_the_floors(law, 32)
            shares_of_the_table_are_the_floors(law, 64)
            every_word_gives_its_symbol(law)
        for law in NARROW[::2]:
            left_follows_the_residual_law(law)
        for law in WIDEST:
            shares_of_the_table_are_the_floors(law, 64)
    finally:
        forget()


def mutants() -> dict[str, object]:
    table, laws = "privlib.noise.table", "privlib.noise.laws"
    resolution = "resolve(chosen, LazyUniform(source, output=output, use=0))"
    return {
        "LEFT counts as no noise": rewritten(f"{table}.draw", resolution, "0"),
        "LEFT is retried with the word before": rewritten(f"{table}.draw", resolution, "chosen.values[symbol[i - 1]]"),
        "LEFT of the next output's bits": rewritten(f"{table}.draw", "output=output, use", "output=output + 1, use"),
        "LEFT of another use's bits": rewritten(f"{table}.draw", "output=output, use=0", "output=output, use=1"),
        "undecided numbers are rounded": rewritten(f"{table}.resolve", "target + width <= low", "target < low"),
        "the residual law forgets the floors": rewritten(f"{table}._residual", "floor << bits", "0"),
        "the residual law forgets the tail": rewritten(f"{table}._residual", "chain(chosen.floors, repeat(0))", "chosen.floors"),
        "zero counts twice": rewritten(f"{table}._residual", "if distance and", "if"),
        "a law of one side gets two": rewritten(f"{table}._residual", "distance and chosen.law.two_sided", "distance"),
        "R is too small": rewritten(f"{table}.table", "+ floors[0]", "+ floors[0] - 1"),
        "values are off by one": rewritten(
            f"{table}.table", "floors, np.arange(len(floors))", "floors, 1 + np.arange(len(floors))"
        ),
        "negative values are off by one": rewritten(
            f"{table}.table", "-np.arange(1, len(floors))", "-np.arange(len(floors) - 1)"
        ),
        "a heavy symbol keeps too much": rewritten(f"{table}.sweep", "capacity - overdrawn", "capacity"),
        "light symbols take the wrong heavy one": rewritten(f"{table}.sweep", 'before, side="right"', 'before, side="left"'),
        "main words repeat after a chunk": rewritten(f"{table}.draw", "source.main(start + begin,", "source.main(start,"),
        "floors are rounded up": rewritten(
            f"{laws}.Law.floors", "weights.append(weight)", "weights.append(weight + (len(weights) == 3))"
        ),
        "a table ends at its first small weight": rewritten(f"{laws}.Law.floors", "weight == 0", "weight < 9"),
        "the scale is off by one part in a million": rewritten(
            f"{laws}.DiscreteLaplace.ratio", "1 / self.scale", "1 / self.scale * Fraction(1000001, 1000000)"
        ),
        "a geometric law has the weight of two sides": rewritten(
            f"{laws}.Geometric.masses",
            "(1 << bits) - q_high, (1 << bits) - q_low",
            "(1 << bits - 1) - q_high, (1 << bits - 1) - q_low",
        ),
        "shares count from one": rewritten(f"{laws}.NegativeBinomial.masses", "(n + 1) * shape", "(n + 2) * shape"),
        "no share is sure": rewritten(f"{laws}.NegativeBinomial._none", "self.shape * Fraction(most", "Fraction(most"),
        "a law that rises ends before it does": rewritten(
            f"{laws}.NegativeBinomial._rises_after", "k <= self.shape * self.scale", "False"
        ),
        "the total counts one side": rewritten(f"{laws}.DiscreteGaussian.total", "low + 2 * term_low", "low + term_low"),
        "a wider Gaussian": rewritten(
            f"{laws}.series.bell", "exp_negative(1 / sigma2, bits)", "exp_negative(1 / (sigma2 + 1), bits)"
        ),
        "a Gaussian's bounds are swapped": rewritten(
            f"{laws}.DiscreteGaussian.masses",
            "one * one // z_high, ceil_div(one * one, z_low)",
            "ceil_div(one * one, z_low), one * one // z_high",
        ),
        "cells are half as wide": rewritten(f"{laws}.series.cell", "factorial(n + 1) << n", "factorial(n + 1) << 2 * n"),
        "cells begin at their middle": rewritten(f"{laws}.RoundedGaussian.masses", "(2 * k + 1) ** 2", "(2 * k) ** 2"),
        "a squaring is left out": rewritten("privlib.certified.exp_negative", "range(halvings)", "range(halvings - 1)"),
        "an exponential is rounded inwards": rewritten(
            "privlib.certified.exp_negative",
            "low >> shift, ceil_div(high, 1 << shift)",
            "ceil_div(low, 1 << shift), high >> shift",
        ),
        "a root is rounded inwards": rewritten("privlib.certified.sqrt", "isqrt(low), root", "isqrt(low) + 1, root"),
        "a tail is rounded inwards": rewritten("privlib.certified.normal_tail", "max(0, low >> shift)", "(low >> shift) + 1"),
        "refinement bits repeat": rewritten("privlib.noise.lazy.LazyUniform.refine", "self._chunk += 1", "pass"),
        "refinement blocks share an address": rewritten(
            "privlib.noise.stream.ChaChaWords.refine", "use * _BLOCKS + block", "use * _BLOCKS + block % 2"
        ),
        "refinement uses share an address": rewritten(
            "privlib.noise.stream.ChaChaWords.refine", "use * _BLOCKS + block", "block"
        ),
    }


LAWS = st.one_of(
    st.builds(DiscreteLaplace, st.fractions(Fraction(1, 1000), 40, max_denominator=1000)),
    st.builds(Geometric, st.fractions(Fraction(1, 1000), 40, max_denominator=1000)),
    st.builds(DiscreteGaussian, st.fractions(Fraction(1, 1000), 1000, max_denominator=1000)),
    st.builds(RoundedGaussian, st.fractions(Fraction(1, 1000), 1000, max_denominator=1000)),
    st.builds(NegativeBinomial, st.fractions(Fraction(1, 100), 20, max_denominator=100), st.fractions(Fraction(1, 10), 20)),
)


@settings(max_examples=60)
@given(LAWS)
def test_every_column_adds_up_for_any_law(law: Law) -> None:
    ctx.prec = 2000
    floors_are_certified(law, 64)
    shares_of_the_table_are_the_floors(law, 64)
    shares_of_the_table_are_the_floors(law, 16)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**20), st.integers(0, 300), st.integers(0, 300))
def test_any_slice_can_be_drawn_alone(key: bytes, start: int, skip: int, size: int) -> None:
    built = sampler.table(DiscreteGaussian(Fraction(2)))
    whole = sampler.draw(ChaChaWords(key), built, start=start, size=skip + size)
    assert np.array_equal(whole[skip:], sampler.draw(ChaChaWords(key), built, start=start + skip, size=size))


@given(st.integers(1, 40), st.integers(0, 2**40 - 1))
def test_a_lazy_uniform_decides_as_its_bits_do(bits: int, value: int) -> None:
    number = LazyUniform(ChaChaWords(bytes(32)), output=0, use=0, known=value >> (40 - bits), bits=bits)
    assert number.below(lambda precision: (1 << precision, 1 << precision))
    assert not number.below(lambda _: (0, 0))

"""The table sampler draws discrete Laplace noise exactly.

Statement
    Let ``s`` be a rational scale, 0 < s <= 10**4, and ``P(k) = (1-q)/(1+q) q**|k|`` with ``q = exp(-1/s)``. Given independent
    uniform main words of m bits and independent uniform refinement bits, every output of ``discrete_laplace(size, scale=s)``
    equals k with probability exactly P(k), for every integer k, and outputs are independent.

Proof
    Let ``w[k] = floor(2**m P(k))`` and ``R = 2**m - sum of w``. (1) *Floors.* ``exp(-1/s)`` is transcendental (Lindemann), so
    ``2**m P(k)`` is never an integer, and an enclosure that leaves only one floor proves it; ``exp_negative`` encloses.
    (2) *Table.* Columns have equal capacity and each symbol's shares over all columns add up to its weight, so a uniform word
    yields symbol k for exactly w[k] of the 2**m words and LEFT for exactly R. (3) *LEFT.* U is uniform on [0, 1), its bits
    drawn as needed, and the answer is the first symbol whose cumulative residual probability exceeds U; so k is answered with
    probability ``(2**m P(k) - w[k]) / R``. (4) *Mixture.*
    ``w[k]/2**m + (R/2**m) (2**m P(k) - w[k])/R = P(k)``. Output i uses main word i and refinement bits addressed by i alone,
    which are disjoint, hence independence.

Checked against the shipped code
    (1) floors recomputed by ball arithmetic (flint) at another precision; (2) all 2**16 words through the shipped ``draw`` for
    m = 16, and the shares of every column in integers for m = 64; (3) every pair of 6-bit refinement chunks through the shipped
    resolution, counts between the exact enclosures; every output's bits are asked for at its own address.

Covers not
    The generator: its bits are RFC 8439 ChaCha20 keyed by the operating system, indistinguishable from ideal up to ChaCha20's
    security. Timing: LEFT, of probability below 2**-45, takes longer.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from fractions import Fraction

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib import noise
from privlib.noise import table as sampler
from privlib.noise.laws import DiscreteLaplace
from privlib.noise.lazy import LazyUniform
from privlib.noise.stream import ChaChaWords
from privlib.noise.testing import InsecureNoise, fixed_key, scripted_words
from privlib.prove import replaced, rewritten

covers = [
    "privlib.noise.table.discrete_laplace",
    "privlib.noise.table.draw",
    "privlib.noise.table.table",
    "privlib.noise.table._sweep",
    "privlib.noise.table._resolve",
    "privlib.noise.table._residual",
    "privlib.noise.laws.DiscreteLaplace.floors",
    "privlib.noise.laws.DiscreteLaplace.masses",
    "privlib.noise.laws.DiscreteLaplace.ratio",
    "privlib.noise.lazy.LazyUniform.refine",
    "privlib.noise.lazy.LazyUniform.__init__",
    "privlib.noise.stream.ChaChaWords.main",
    "privlib.noise.stream.ChaChaWords.refine",
    "privlib.noise.stream.ChaChaWords._bytes",
    "privlib.noise.stream.ChaChaWords.__init__",
    "privlib.noise.stream.words",
    "privlib.noise.lazy.checked_size",
    "privlib.certified.exp_negative",
]

EXHAUSTIVE = [Fraction(1, 3), Fraction(1), Fraction(5, 2), Fraction(10)]
SHARES = [Fraction(1, 1000), Fraction(1, 2), Fraction(2), Fraction(10), Fraction(100)]


def probability(law: DiscreteLaplace, k: int) -> arb:
    """P(k) as a ball."""
    q = (-arb(fmpq(law.scale.denominator, law.scale.numerator))).exp()
    return (1 - q) / (1 + q) * q ** abs(k)


def certified_floor(law: DiscreteLaplace, k: int, word_bits: int) -> int:
    """floor(2**m P(k)), by arithmetic that shares nothing with the shipped code."""
    ctx.prec = 2000
    floor = (probability(law, k) * arb(2) ** word_bits).floor().unique_fmpz()
    assert floor is not None, "the ball does not decide the floor"
    return int(floor)


def floors_are_certified() -> None:
    for scale in SHARES:
        law = DiscreteLaplace(scale)
        floors = law.floors(64)
        places = sorted({0, 1, 2, len(floors) // 2, len(floors) - 1} & set(range(len(floors))))
        assert all(floors[k] == certified_floor(law, k, 64) for k in places), "a floor is wrong"
        assert certified_floor(law, len(floors), 64) == 0, "the table ends too early"


def shares_of_the_table_are_the_floors(word_bits: int, scale: Fraction) -> None:
    built = sampler.table(DiscreteLaplace(scale), word_bits)
    capacity = 1 << (word_bits - built.column_bits)
    share: Counter[int] = Counter()
    for own, (cut, alias) in enumerate(zip(built.cut.tolist(), built.alias.tolist(), strict=True)):
        assert 0 <= cut <= capacity, "a column holds more than its capacity"
        share[own] += cut
        share[alias] += capacity - cut
    floors = built.law.floors(word_bits)
    assert share.pop(built.left) == built.left_weight == (1 << word_bits) - sum(floors) - sum(floors[1:])
    by_value = {int(built.values[symbol]): weight for symbol, weight in share.items() if weight}
    assert by_value == {k: floors[abs(k)] for k in range(1 - len(floors), len(floors))}, "a symbol has a wrong share"


def every_word_gives_its_symbol(scale: Fraction) -> None:
    law = DiscreteLaplace(scale)
    words = list(range(1 << 16))
    marker = 10**6  # what LEFT answers here, so that its words can be counted
    with scripted_words(words), replaced(sampler, "_resolve", lambda *_: marker):
        drawn = sampler.draw(noise.stream.words(), sampler.table(law, 16), start=0, size=len(words))
    counts = Counter(drawn.tolist())
    left = counts.pop(marker, 0)
    assert all(counts[k] == certified_floor(law, k, 16) for k in counts), "a word count differs from its floor"
    assert left == (1 << 16) - sum(counts.values()) == sampler.table(law, 16).left_weight


def left_follows_the_residual_law(scale: Fraction) -> None:
    """All 2**12 beginnings of the refinement bits: k's count is its residual probability, up to the undecided ones."""
    law, chunk, depth = DiscreteLaplace(scale), 6, 2
    built = sampler.table(law, 16)
    word = words_of(built, built.left)[0]
    total, sure, undecided = 1 << (chunk * depth), Counter[int](), 0

    class TooDeep(Exception):
        pass

    for bits in range(total):

        def refine(output: int, use: int, index: int, bits: int = bits) -> int:
            assert (output, use) == (0, 0), "refinement bits are asked for at another output's address"
            if index == depth:
                raise TooDeep
            return bits >> chunk * (depth - 1 - index) & ((1 << chunk) - 1)

        try:
            with scripted_words([word], refine=refine, refinement_bits=chunk):
                sure[int(sampler.draw(noise.stream.words(), built, start=0, size=1)[0])] += 1
        except TooDeep:
            undecided += 1
    ctx.prec = 400
    for k, count in sure.items():
        residual = (probability(law, k) * 2**16 - certified_floor(law, k, 16)) / built.left_weight * total
        assert count <= residual + 1e-9, f"the residual law gives {k} too often"
        assert residual <= count + 2, f"the residual law gives {k} too rarely"  # its two ends lie in undecided runs
    assert undecided + sum(sure.values()) == total
    assert undecided <= 2 * len(sure) + 2


def words_of(built: sampler.Table, symbol: int) -> list[int]:
    """Some words that yield a symbol."""
    capacity = 1 << (built.word_bits - built.column_bits)
    shift = built.word_bits - built.column_bits
    found = [symbol << shift] if built.cut[symbol] else []
    return found + [
        (int(c) << shift) + int(built.cut[c]) for c in np.flatnonzero(built.alias == symbol) if built.cut[c] < capacity
    ]


def outputs_have_their_own_bits() -> None:
    """The whole call: right law, fresh key, output i from word i, refinement of output i at counter i."""
    key = bytes(range(32))
    law = DiscreteLaplace(Fraction(3))
    with fixed_key(key):
        called = noise.discrete_laplace(1000, scale=3)
    expected = sampler.draw(ChaChaWords(key), sampler.table(law, 64), start=0, size=1000)
    assert np.array_equal(called, expected), "the public call draws something else"
    assert np.array_equal(sampler.draw(ChaChaWords(key), sampler.table(law, 64), start=137, size=400), expected[137:537])
    assert not np.array_equal(noise.discrete_laplace(1000, scale=3), noise.discrete_laplace(1000, scale=3)), "noise repeats"
    stream = ChaChaWords(key)
    addresses = {stream.refine(i, use, chunk) for i in range(8) for use in range(4) for chunk in range(10)}
    addresses |= {int.from_bytes(stream.main(i, 1, 64), "little") for i in range(64)}
    assert len(addresses) == 8 * 4 * 10 + 64, "two addresses share their bits"


def keystream(key: bytes, domain: int, counter: int, stream: int, size: int) -> bytes:
    """RFC 8439 straight from the library beneath, by the contract's formula."""
    nonce = counter.to_bytes(4, "little") + domain.to_bytes(4, "little") + stream.to_bytes(8, "little")
    return Cipher(ChaCha20(key, nonce), mode=None).encryptor().update(bytes(size))


def words_are_the_keystream() -> None:
    """Main word i is the i-th of the stream across all chunks; refinement chunk j of output i and use u is at its address."""
    key, size = bytes(range(32)), 3 * 2**15 + 5
    words = np.frombuffer(keystream(key, 0, 0, 7, 8 * size), dtype="<u8").tolist()
    built = sampler.table(DiscreteLaplace(Fraction(3)), 64)
    expected = sampler.draw(Script(words), built, start=0, size=size)
    for chunk in (sampler._CHUNK, 1000):
        with replaced(sampler, "_CHUNK", chunk):
            drawn = sampler.draw(ChaChaWords(key, stream=7), built, start=0, size=size)
        assert np.array_equal(drawn, expected), "an output does not come from its own word"
    source = ChaChaWords(key, stream=7)
    for output, use, index in [(0, 0, 0), (5, 0, 7), (5, 1, 8), (2**32 - 1, 3, 17), (9, 2, 40)]:
        block = keystream(key, 2**31 + use * 2**16 + index // 8, output, 7, 64)
        wanted = int.from_bytes(block[8 * (index % 8) : 8 * (index % 8) + 8], "little")
        assert source.refine(output, use, index) == wanted, "refinement bits come from another address"


class Script:
    """Main words from a list."""

    refinement_bits = 64

    def __init__(self, words: list[int]) -> None:
        self.words = words

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        assert word_bits == 64
        return np.array(self.words[start : start + count], dtype="<u8").tobytes()

    def refine(self, output: int, use: int, chunk: int) -> int:
        raise AssertionError("these words need no refinement")


def the_call_asks_for_its_law_and_a_fresh_key() -> None:
    seen = list[tuple[DiscreteLaplace, int, int, int]]()

    def spy(source: object, chosen: sampler.Table, *, start: int, size: int) -> np.ndarray:
        seen.append((chosen.law, chosen.word_bits, start, size))
        return np.zeros(size, dtype=np.int64)

    scales = [Fraction(1, 1000), Fraction(3), Fraction(150), Fraction(2000)]
    with replaced(sampler, "draw", spy):
        for scale in scales:
            noise.discrete_laplace(5000, scale=scale)
    assert seen == [(DiscreteLaplace(scale), 64, 0, 5000) for scale in scales], "another law is drawn"
    keys = list[bytes]()
    real = os.urandom

    def urandom(size: int) -> bytes:
        keys.append(real(size))
        return keys[-1]

    with replaced(os, "urandom", urandom):
        drawn = [noise.discrete_laplace(2000, scale=3) for _ in range(3)]
    assert [len(key) for key in keys] == [32, 32, 32], "a call does not take one key of 32 bytes from the operating system"
    assert len(set(keys)) == 3, "a key is used twice"
    built = sampler.table(DiscreteLaplace(Fraction(3)), 64)
    for key, values in zip(keys, drawn, strict=True):
        assert np.array_equal(values, sampler.draw(ChaChaWords(key), built, start=0, size=2000)), "the key is not the one drawn"


ENDLESS = {"floors are rounded", "the series stops early", "refinement bits repeat"}


def prove() -> None:
    sampler.table.cache_clear()  # a table built before a mutation would hide it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        floors_are_certified()
        words_are_the_keystream()
        the_call_asks_for_its_law_and_a_fresh_key()
        for scale in SHARES:
            shares_of_the_table_are_the_floors(64, scale)
        for scale in EXHAUSTIVE:
            every_word_gives_its_symbol(scale)
        left_follows_the_residual_law(Fraction(1, 3))
        left_follows_the_residual_law(Fraction(1))
        outputs_have_their_own_bits()
    sampler.table.cache_clear()


def mutants() -> dict[str, object]:
    table, laws = "privlib.noise.table", "privlib.noise.laws.DiscreteLaplace"
    return {
        "LEFT is retried instead of resolved": rewritten(
            f"{table}.draw", "_resolve(chosen, LazyUniform(source, output=output, use=0))", "0"
        ),
        "LEFT of the next output's bits": rewritten(f"{table}.draw", "output=output, use", "output=output + 1, use"),
        "undecided numbers are rounded": rewritten(f"{table}._resolve", "target + width <= low", "target < low"),
        "the residual law forgets the floors": rewritten(f"{table}._residual", "floor << bits", "0"),
        "zero counts twice": rewritten(f"{table}._residual", "[distance == 0 :]", ""),
        "a heavy symbol keeps too much": rewritten(f"{table}._sweep", "capacity - overdrawn", "capacity"),
        "light symbols take the wrong heavy one": rewritten(f"{table}._sweep", 'before, side="right"', 'before, side="left"'),
        "the scale is off by one part in a million": rewritten(
            f"{laws}.ratio", "1 / self.scale", "1 / self.scale * Fraction(1000001, 1000000)"
        ),
        "floors are rounded": rewritten(f"{laws}.floors", "weight = low >> shift", "weight = (low >> shift) + 1"),
        "the series stops early": rewritten("privlib.certified.exp_negative", "term_high > 1:", "step < 12:"),
        "refinement bits repeat": rewritten("privlib.noise.lazy.LazyUniform.refine", "self._chunk += 1", "pass"),
        "one key for every call": rewritten(
            "privlib.noise.stream.ChaChaWords.__init__", "os.urandom(32) if key is None else key", "key or bytes(32)"
        ),
        "a key of two bytes": rewritten("privlib.noise.stream.ChaChaWords.__init__", "os.urandom(32)", "os.urandom(2) * 16"),
        "main words repeat after a chunk": rewritten(f"{table}.draw", "source.main(start + begin,", "source.main(start,"),
        "the scale is cut at 100": rewritten(
            f"{table}.discrete_laplace", 'exact(scale, name="scale")', "min(exact(scale), exact(100))"
        ),
        "refinement blocks share an address": rewritten(
            "privlib.noise.stream.ChaChaWords.refine", "use * _BLOCKS + block", "use * _BLOCKS + block % 2"
        ),
    }


@given(st.fractions(Fraction(1, 1000), 10**3, max_denominator=1000))
def test_every_column_adds_up_at_any_scale(scale: Fraction) -> None:
    if scale <= 60:
        shares_of_the_table_are_the_floors(64, scale)
    shares_of_the_table_are_the_floors(16, scale)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**20), st.integers(0, 300), st.integers(0, 300))
def test_any_slice_can_be_drawn_alone(key: bytes, start: int, skip: int, size: int) -> None:
    built = sampler.table(DiscreteLaplace(Fraction(2)))
    whole = sampler.draw(ChaChaWords(key), built, start=start, size=skip + size)
    assert np.array_equal(whole[skip:], sampler.draw(ChaChaWords(key), built, start=start + skip, size=size))


@given(st.integers(1, 40), st.integers(0, 2**40 - 1))
def test_a_lazy_uniform_decides_as_its_bits_do(bits: int, value: int) -> None:
    number = LazyUniform(ChaChaWords(bytes(32)), output=0, use=0, known=value >> (40 - bits), bits=bits)
    assert number.below(lambda precision: (1 << precision, 1 << precision))
    assert not number.below(lambda _: (0, 0))

"""The histogram sampler draws every wide law exactly, its tail included.

Statement
    Let f be the height of a discrete Gaussian, a rounded Gaussian, a discrete Laplace or a geometric law, u the unit, ``W[i]``
    the weights, ``w = 2**j`` the width, and sides = 2, or 1 for a geometric law, of a histogram that ``histogram`` builds. Given
    independent uniform words and independent uniform refinement bits, one attempt yields the integer x with probability exactly
    ``u f(x) / (2**m sides w)``, for every x of the law's support. So every output of ``draw`` has the law
    ``f(x) / sum of f``, and outputs are independent.

Proof
    (1) *Every integer once.* A distance ``y >= 0`` and a sign make x = y or x = -1 - y: each integer has one pair. Distances
    below ``K w`` lie in one block each, the others are the tail's.
    (2) *A block.* Block i owns W[i] of the ``2**m`` heights, sign and r are uniform, so x is proposed with probability
    ``W[i] / (2**m sides w)`` and accepted with ``p = u f(x) / W[i]``. The product is as stated. ``p <= 1``: f falls from 0 on,
    ``W[i] >= u U[i] / 2**128`` and ``U[i] / 2**128 >= f(i w)``.
    (3) *The tail.* ``floor(-log(U) / e)`` is n or more if and only if ``U <= exp(-e n)``: geometric, probability
    ``(1 - exp(-e)) exp(-e n)``. So x at ``y = K w + n`` has probability ``W[K] / (2**m sides)`` times that times
    ``u f(x) / (w W[K] (1 - exp(-e)) exp(-e n))``, as stated. This acceptance is at most 1, because
    ``f(K w + n) <= exp(-e n) f(K w)`` and ``W[K] >= u U[K] / (2**128 w (1 - exp(-e)))``. For the Gaussian laws
    ``e = K w / sigma2``: ``f(x+1) / f(x) = exp(-(2x+1) / (2 sigma2))`` at a point, and over a cell ``[x - 1/2, x + 1/2]`` at most
    ``exp(-x / sigma2)``, its left end's.
    (4) *Accepting.* The number whose first t bits are a is uniform, and the answer is whether it lies below p. ``a < sure[i]``
    implies ``(a + 1) / 2**t <= p`` at both ends of the block, so for every value of it. A float decides only where its error
    cannot matter, below. What is left compares lazily refined bits with an enclosure of p until they are decided.
    (5) *Rejection.* Attempts use words of their own and refinement uses ``4 n, 4 n + 1, 4 n + 2``, so they are independent and
    alike, and the first accepted value has the law of one attempt given that it accepts: ``f(x)`` over its sum.

    *The float.* Let h be the computed height and eps = 2**-53. Distances are below 2**53, so ``y`` is exact. The exponent is a
    sum of one product of two or three factors, each within eps, and at most 20 in size where ``y <= 1.02 reach``: absolute
    error below ``20 * 4 eps < 2**-46``. exp is within 4 units of the last place: ``2**-50``; ``u / W`` and the products add
    below ``4 eps``. For a rounded Gaussian the cell's Taylor series stops after the sixth derivative; with ``sigma2 >= 4096`` and
    ``y**2 <= 36 sigma2`` the next term is below ``2**-54`` and the later ones below half of the one before. Together below
    ``2**-45 < 2**-42``. An accepting float has ``(a+1) / 2**t <= h (1 - 2**-40)``, hence ``<= p``; a rejecting one has
    ``a / 2**t >= h (1 + 2**-40)``, hence ``>= p``; a and 2**t are exact as floats.

Checked against the shipped code
    (1, 2, 4) All words of instances of four laws, with words of 15 to 17 bits: each pair of a value and an a is proposed by
    exactly W[i] words. One word of each pair goes through the vectorised attempt: those accepted whatever the refinement bits
    are ``floor(2**t p)``, those accepted with the most favourable bits one more, so that over all words of B bits
    ``2**B u f(x) / (2**m sides w)``, which is ``W[i] 2**t p``, lies between the two counts for every x; p is from ball arithmetic
    (flint) and other formulas. ``attempt``, which uses no float, agrees at and beside thresholds, and ``draw`` agrees with
    ``settle``. (3) First bytes of the tail's number, and its acceptance on both sides of the threshold with 64 and 128 bits.
    (2, 3, 4) Weights, sure bounds and envelope of eight histograms of full size. *The float* at 52 bits of a, where its error
    would show: height within 2**-42, and no wrong decision near p. (5) Words and refinement bits are asked for at their own
    addresses over ten attempts, ambiguous and settled in either direction.

Covers not
    The generator and timing, as in noise.t1. A value beyond 2**63, which needs a first accepted U below ``exp(-2**31)``, raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib import certified
from privlib.noise import wide
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, RoundedGaussian, WideLaw
from privlib.noise.lazy import LazyUniform
from privlib.noise.stream import ChaChaWords
from privlib.noise.wide import Histogram, histogram
from privlib.prove import replaced, rewritten

covers = [
    "privlib.noise.wide.draw",
    "privlib.noise.wide.settle",
    "privlib.noise.wide.attempt",
    "privlib.noise.wide.histogram",
    "privlib.noise.wide._round",
    "privlib.noise.wide._split",
    "privlib.noise.wide._by_float",
    "privlib.noise.wide._tail",
    "privlib.noise.wide._geometric",
    "privlib.noise.table.sweep",
    "privlib.noise.lazy.LazyUniform.below",
    "privlib.noise.lazy.LazyUniform.refine",
    "privlib.noise.stream.ChaChaWords.retry",
    "privlib.noise.laws.DiscreteGaussian.heights",
    "privlib.noise.laws.DiscreteGaussian.height_enclosure",
    "privlib.noise.laws.gaussian._Gaussian.decay",
    "privlib.noise.laws.DiscreteGaussian.curve",
    "privlib.noise.laws.RoundedGaussian.heights",
    "privlib.noise.laws.RoundedGaussian.height_enclosure",
    "privlib.noise.laws.RoundedGaussian.curve",
    "privlib.noise.laws.DiscreteLaplace.heights",
    "privlib.noise.laws.DiscreteLaplace.height_enclosure",
    "privlib.noise.laws.DiscreteLaplace.decay",
    "privlib.noise.laws.DiscreteLaplace.curve",
    "privlib.noise.laws.Geometric.heights",
    "privlib.noise.laws.Geometric.height_enclosure",
    "privlib.noise.laws.Geometric.decay",
    "privlib.noise.laws.Geometric.curve",
    "privlib.certified.log",
    "privlib.certified.normal_tail",
]

SMALL = [
    (DiscreteGaussian(Fraction(25)), 15, 16, 3, 7),
    (DiscreteGaussian(Fraction(50, 7)), 9, 15, 3, 6),
    (DiscreteLaplace(Fraction(3)), 20, 16, 3, 7),
    (Geometric(Fraction(5, 2)), 20, 16, 3, 7),
    (RoundedGaussian(Fraction(4100)), 100, 17, 3, 6),
]
"""Law, reach, word bits, column bits and weight bits of small instances."""

FULL = [
    DiscreteGaussian(Fraction(4097)),
    DiscreteGaussian(Fraction(10**12)),
    DiscreteGaussian(Fraction(2**64)),
    RoundedGaussian(Fraction(4097)),
    RoundedGaussian(Fraction(2**64)),
    DiscreteLaplace(Fraction(324, 7)),
    DiscreteLaplace(Fraction(2**31)),
    Geometric(Fraction(2**20)),
]

CACHES = (histogram, certified.pi, certified._log_two)
TOP = 2**64 - 1
FLOAT_BITS = 52


def small(law: WideLaw, reach: int, *bits: int) -> Histogram:
    word_bits, column_bits, weight_bits = bits
    return histogram(law, word_bits=word_bits, column_bits=column_bits, weight_bits=weight_bits, reach=reach)


def real(value: Fraction | int) -> arb:
    """A rational as a ball."""
    return arb(fmpq(Fraction(value).numerator, Fraction(value).denominator))


def height(law: WideLaw, x: int) -> arb:
    """f(x), by arithmetic that shares nothing with the shipped code."""
    if isinstance(law, DiscreteGaussian):
        return (-real(x * x / (2 * law.sigma2))).exp()
    if isinstance(law, RoundedGaussian):
        wide_root = real(2 * law.sigma2).sqrt()
        near, far = (real(abs(x) - Fraction(1, 2)) / wide_root).erfc(), (real(abs(x) + Fraction(1, 2)) / wide_root).erfc()
        return (near - far) / 2 * wide_root * arb.pi().sqrt()
    assert isinstance(law, DiscreteLaplace | Geometric)
    return (-real(abs(x) / law.scale)).exp()


def acceptance(chosen: Histogram, x: int) -> arb:
    """The p of a value inside the blocks."""
    distance = x if x >= 0 else -1 - x
    return chosen.unit * height(chosen.law, x) / chosen.weights[distance >> chosen.width_bits]


def whole(value: arb) -> int:
    """The floor of a ball that decides it."""
    floor = value.floor().unique_fmpz()
    assert floor is not None, "the ball does not decide the floor"
    return int(floor)


class Script:
    """Words and bits as a proof dictates them; what is not dictated must not be asked for."""

    refinement_bits = 64

    def __init__(
        self,
        main: list[int] | None = None,
        refine: Callable[[int, int, int], int] | None = None,
        retry: Callable[[int, int], int] | None = None,
        *,
        start: int = 0,
    ) -> None:
        self._main, self._refine, self._retry, self._start = main or [], refine, retry, start

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        chosen = self._main[start - self._start : start - self._start + count]
        return np.array(chosen, dtype=f"<u{word_bits // 8}").tobytes()

    def retry(self, output: int, attempt: int) -> int:
        assert self._retry is not None, "a word is retried that is not rejected"
        return self._retry(output, attempt)

    def refine(self, output: int, use: int, chunk: int) -> int:
        assert self._refine is not None, "refinement bits are asked for, and none are needed"
        return self._refine(output, use, chunk)


def always(bits: int) -> Script:
    """Refinement bits that are all 0 or all 1: the least and the greatest number, for the use of a block alone."""

    def refine(output: int, use: int, chunk: int) -> int:
        assert use % 4 == 0, "a block's value asks for the bits of the tail"
        assert chunk < 8, "a comparison does not end"
        return bits

    return Script(refine=refine)


@contextmanager
def remembered(law: WideLaw) -> Iterator[None]:
    """Compute each enclosure of a height once: enumeration asks for the same ones again and again."""
    kind = type(law)
    with replaced(kind, "height_enclosure", lru_cache(maxsize=None)(kind.height_enclosure)):
        kept = kind.height_enclosure
        with replaced(kind, "height_enclosure", lambda self, y, *, bits: kept(self, y, bits=bits)):
            yield


def every_word_does_what_the_identity_says(chosen: Histogram) -> None:
    """(1), (2) and (4), over all words through the vectorised attempt."""
    words = np.arange(1 << chosen.word_bits, dtype=np.uint64)
    symbol, value, a = wide._split(chosen, words)
    inside = symbol < chosen.tail
    span, sides = chosen.tail << chosen.width_bits, 1 + chosen.law.two_sided
    assert (symbol <= chosen.tail).all(), "a word yields a symbol without a weight"
    left = np.flatnonzero(~inside)
    assert left.size << chosen.weight_bits == chosen.weights[-1] << chosen.word_bits, "the tail has another share"
    assert (value[left] < 0).sum() * sides == left.size * (sides - 1), "the sides of the tail differ"
    pairs = Counter(zip(value[inside].tolist(), a[inside].tolist(), strict=True))
    values = range(-span if sides == 2 else 0, span)
    for x in values:
        weight = chosen.weights[(x if x >= 0 else -1 - x) >> chosen.width_bits]
        assert all(pairs.pop((x, a), 0) == weight for a in range(1 << chosen.accept_bits)), "a value has another share"
    assert not pairs, "a value beyond the blocks is proposed by a block"

    _, one_each = np.unique((value[inside] << chosen.accept_bits) + a[inside].astype(np.int64), return_index=True)
    counts = list[Counter[int]]()
    for bits in (TOP, 0):
        drawn, rejected = wide._round(always(bits), chosen, one_each, 0, words[inside][one_each])
        counts.append(Counter(drawn[~rejected].tolist()))
    sure, possible = counts
    assert not possible.keys() - set(values), "a value beyond the blocks is accepted"
    for x in values:
        edge = whole(acceptance(chosen, x) * 2**chosen.accept_bits)
        assert sure[x] == edge, "words that accept whatever their further bits are not as many as they must be"
        assert possible[x] == edge + 1, "words that may accept are not as many as they must be"


def word_of(chosen: Histogram, symbol: int, *, low: int) -> int:
    """A word that yields a symbol, with these bits below the height."""
    capacity = 1 << (chosen.weight_bits - chosen.column_bits)
    if chosen.cut[symbol]:
        top = symbol * capacity
    else:
        column = next(int(c) for c in np.flatnonzero(chosen.alias == symbol) if chosen.cut[c] < capacity)
        top = column * capacity + int(chosen.cut[column])
    return top << (chosen.word_bits - chosen.weight_bits) | low


def word_for(chosen: Histogram, x: int, a: int) -> int:
    """A word that proposes a value inside the blocks, with these bits a."""
    distance = x if x >= 0 else -1 - x
    sign_and_r = (1 << chosen.width_bits if x < 0 else 0) | distance & ((1 << chosen.width_bits) - 1)
    return word_of(chosen, distance >> chosen.width_bits, low=sign_and_r << chosen.accept_bits | a)


def thresholds(chosen: Histogram, values: list[int]) -> Iterator[tuple[int, int, int]]:
    """Value, a, and what is certain about it: 1 to be accepted, -1 to be rejected, 0 open."""
    for x in values:
        edge = whole(acceptance(chosen, x) * 2**chosen.accept_bits)
        for a in {0, edge - 1, edge, edge + 1, (1 << chosen.accept_bits) - 1}:
            if 0 <= a < 1 << chosen.accept_bits:
                yield x, a, (a < edge) - (a > edge)


def one_attempt_is_exact(chosen: Histogram, values: list[int]) -> None:
    """(4) without floats, at and beside the threshold of each value."""
    for x, a, certain in thresholds(chosen, values):
        word = word_for(chosen, x, a)
        most = wide.attempt(always(0), chosen, output=3, number=0, word=word)
        least = wide.attempt(always(TOP), chosen, output=3, number=0, word=word)
        assert (most, least) == (None if certain < 0 else x, x if certain > 0 else None), "an attempt decides otherwise"


def vectors_agree_with_single_attempts(chosen: Histogram, words: list[int]) -> None:
    """``draw`` is ``settle`` at every place."""
    again = word_for(chosen, 0, 0)

    def refine(output: int, use: int, chunk: int) -> int:
        return (output * 4 + use + 1) * 0x9E3779B97F4A7C15 * (chunk + 1) & TOP

    def retry(output: int, attempt: int) -> int:
        return words[output * attempt % len(words)] if attempt < 3 else again

    start = 2**31
    source = Script(words, refine, retry, start=start)
    drawn = wide.draw(source, chosen, start=start, size=len(words)).tolist()
    for output, value in enumerate(drawn, start):
        assert value == wide.settle(source, chosen, output=output, first=0), "the scalar sampler draws another value"


def weights_bound_the_heights(law: WideLaw) -> None:
    """(2), (3) and (4) for a histogram of full size."""
    chosen = histogram(law)
    assert (chosen.word_bits, chosen.column_bits, chosen.weight_bits) == (64, 11, 26), "the contract's layout is another"
    assert sum(chosen.weights) == 1 << 26, "the weights do not fill the table"
    assert law.reach <= chosen.tail << chosen.width_bits <= 1.02 * law.reach, "the blocks end elsewhere"
    capacity = 1 << 15
    share: Counter[int] = Counter()
    for own, (cut, alias) in enumerate(zip(chosen.cut.tolist(), chosen.alias.tolist(), strict=True)):
        share[own] += cut
        share[alias] += capacity - cut
    assert [share[i] for i in range(1 << 11)] == [*chosen.weights, *[0] * ((1 << 11) - len(chosen.weights))], "a share is wrong"
    width, blocks = 1 << chosen.width_bits, chosen.tail
    for i in sorted({0, 1, 2, 3, blocks // 2, blocks - 2, blocks - 1, *range(0, blocks, 97)}):
        assert chosen.unit * height(law, i * width) <= chosen.weights[i], "a block's values would need more than certainty"
        least = chosen.unit * height(law, (i + 1) * width) / chosen.weights[i] * 2**chosen.accept_bits
        assert int(chosen.sure[i]) <= least, "a block accepts for sure what it must not"
        assert abs(chosen.factor[i] * chosen.weights[i] / chosen.unit - 1) < 2**-50
    assert chosen.sure[blocks] == chosen.factor[blocks] == 0, "the tail is accepted for sure"
    edge = blocks * width
    decay = law.decay(edge)
    reciprocal = 1 / (1 - (-real(decay)).exp())
    assert chosen.unit * height(law, edge) / width * reciprocal <= chosen.weights[-1], "the tail would need more than certainty"
    growth = real(decay).exp() * (1 - arb(2) ** -200)
    for x in (edge, edge + 1, edge + 2, edge + width, 2 * edge):
        assert height(law, x + 1) * growth <= height(law, x), "the envelope falls faster than the law"


def tail_follows_the_law(chosen: Histogram, *, step: int) -> None:
    """(3): first bytes of the tail's number, and both sides of the acceptance threshold."""
    law, edge, width = chosen.law, chosen.tail << chosen.width_bits, 1 << chosen.width_bits
    decay = law.decay(edge)
    for byte in range(1, 256, step):
        undecided = list[int]()
        source = Script(refine=lambda *_, seen=undecided: seen.append(1) or 0)
        ends = [whole(-(real(Fraction(end, 256)).log()) / real(decay)) if end < 256 else 0 for end in (byte, byte + 1)]
        answer = wide._geometric(LazyUniform(source, output=0, use=1, known=byte, bits=8), decay)
        assert bool(undecided) == (ends[0] != ends[1]), "more bits are drawn than the answer needs, or fewer"
        assert undecided or answer == ends[0], "the tail's distance has another law"
    q = (-real(decay)).exp()
    for steps in (0, 1, 4):
        middle = (q**steps + q ** (steps + 1)) / 2
        for negative in (False, True) if law.two_sided else (False,):
            x = -1 - edge - steps if negative else edge + steps
            share = chosen.unit * height(law, x) / (width * chosen.weights[-1] * (1 - q) * q**steps)
            assert share <= 1, "the tail would need more than certainty"
            word = word_of(chosen, chosen.tail, low=int(negative) << (chosen.width_bits + chosen.accept_bits))
            bits = whole(share * 2**128)
            for number, accepted in [(bits - 1, True), (bits + 1, False), (bits - 2**64, True), (bits + 2**64, False)]:
                chunks = {(5, 9, 0): whole(middle * 2**64), (5, 10, 0): number >> 64, (5, 10, 1): number & TOP}
                source = Script(
                    refine=lambda *address, chunks=chunks: chunks.get(address) if address in chunks else _stray(address)
                )
                found = wide.attempt(source, chosen, output=5, number=2, word=word)
                assert found == (x if accepted else None), "the tail accepts with another probability"


def _stray(address: tuple[int, ...]) -> int:
    raise AssertionError(f"the tail asks for refinement bits at {address}")


def floats_decide_what_is_certain(law: WideLaw) -> None:
    """The float's height and its decisions, with so many bits of a that every error would show."""
    usual = histogram(law)
    chosen = histogram(law, word_bits=usual.weight_bits + law.two_sided + usual.width_bits + FLOAT_BITS)
    assert (chosen.weights, chosen.accept_bits) == (usual.weights, FLOAT_BITS)
    span, scale = chosen.tail << chosen.width_bits, 2**FLOAT_BITS
    steps = [span * i // 12 + i % 3 for i in range(12)] + [1, span - 1]
    values = steps + [-1 - y for y in steps] if law.two_sided else steps
    symbol = np.array([(x if x >= 0 else -1 - x) >> chosen.width_bits for x in values])
    exact = [whole(acceptance(chosen, x) * scale) for x in values]

    def decided(offsets: list[int]) -> tuple[np.ndarray, np.ndarray]:
        a = np.array([edge + offset for edge, offset in zip(exact, offsets, strict=True)], dtype=np.uint64)
        return wide._by_float(chosen, symbol, np.array(values), a)

    for offset in range(-12, 13):  # true thresholds: a < edge is certain to be accepted, a > edge to be rejected
        accepts, rejects = decided([offset] * len(values))
        assert not (accepts.any() and offset >= 0), "a float accepts what is not certain"
        assert not (rejects.any() and offset <= 0), "a float rejects what is not certain"
    margin = [edge >> 40 for edge in exact]
    near, far = [gap - (gap >> 2) - 2 for gap in margin], [gap + (gap >> 2) + 3 for gap in margin]
    for gaps, certain in ((near, False), (far, True)):  # within 2**-42 of the margin of 2**-40
        assert (decided([-gap for gap in gaps])[0] == certain).all(), "the float's height is off by more than 2**-42"
        assert (decided(gaps)[1] == certain).all(), "the float's height is off by more than 2**-42"
    tail = np.array([chosen.tail])
    for a in (0, scale - 1):
        assert not np.any(wide._by_float(chosen, tail, np.array([span]), np.array([a], dtype=np.uint64))), (
            "a float decides a tail"
        )


def a_rejection_takes_the_next_word(law: WideLaw) -> None:
    """(5): attempt n has the n-th word and refinement use 4 n, on both sides of a domain's border."""
    chosen, output = histogram(law), 11
    x = chosen.tail // 2 << chosen.width_bits
    edge = whole(acceptance(chosen, x) * 2**chosen.accept_bits)
    rejected, open_word = word_for(chosen, x, (1 << chosen.accept_bits) - 1), word_for(chosen, x, edge)
    for last in (1, 9):
        for closing in (True, False):
            attempts, uses = list[int](), list[int]()

            def retry(place: int, attempt: int, last: int = last, seen: list[int] = attempts) -> int:
                seen.append(attempt)
                assert (place, attempt) == (output, len(seen)), "another word is retried"
                return open_word if attempt <= last else word_for(chosen, 0, 0)

            accepting = 4 * last if closing else None

            def refine(*address: int, seen: list[int] = uses, accepting: int | None = accepting) -> int:
                seen.append(address[1])
                assert address == (output, 4 * len(seen), 0), "refinement bits come from another address"
                return 0 if address[1] == accepting else TOP

            source = Script([rejected], refine, retry, start=output)
            (drawn,) = wide.draw(source, chosen, start=output, size=1).tolist()
            assert drawn == (x if closing else 0), "an ambiguous attempt is not resolved"
            assert attempts == list(range(1, last + 2 - closing)), "attempts are left out"
            assert uses == [4 * n for n in range(1, last + 1)], "attempts share refinement bits"
            attempts.clear()
            uses.clear()
            assert wide.settle(source, chosen, output=output, first=0) == drawn


def retry_words_are_the_keystream() -> None:
    key = bytes(range(32))
    source = ChaChaWords(key, stream=7)
    for output, attempt in [(0, 1), (0, 8), (0, 9), (3, 16), (2**32 - 1, 17), (5, 504)]:
        domain, place = (attempt - 1) // 8 + 1, (attempt - 1) % 8
        nonce = output.to_bytes(4, "little") + domain.to_bytes(4, "little") + (7).to_bytes(8, "little")
        block = Cipher(ChaCha20(key, nonce), mode=None).encryptor().update(bytes(64))
        wanted = int.from_bytes(block[8 * place : 8 * place + 8], "little")
        assert source.retry(output, attempt) == wanted, "a further attempt takes another word"
    try:
        source.retry(0, 505)
    except RuntimeError:
        return
    raise AssertionError("attempts go on beyond their domains")


def forget() -> None:
    """What was computed before a mutation would hide it, and what a mutant computed must not stay."""
    for cached in CACHES:
        cached.cache_clear()


def prove() -> None:
    forget()
    ctx.prec = 400
    try:
        retry_words_are_the_keystream()
        for law in FULL:
            weights_bound_the_heights(law)
            floats_decide_what_is_certain(law)
        a_rejection_takes_the_next_word(FULL[0])
        a_rejection_takes_the_next_word(FULL[4])
        for law, *shape in SMALL:
            chosen = small(law, *shape)
            with remembered(law):
                tail_follows_the_law(chosen, step=9 if law.two_sided else 1)
                every_word_does_what_the_identity_says(chosen)
                span = chosen.tail << chosen.width_bits
                values = sorted({0, 1, 2, span // 2, span - 1, *([-1, -2, -span] if law.two_sided else [])})
                one_attempt_is_exact(chosen, values)
                if chosen.word_bits == 16:  # whole bytes
                    vectors_agree_with_single_attempts(chosen, [word * 40503 % 65536 for word in range(50)])
        for law in (FULL[0], FULL[4], FULL[7]):
            chosen = histogram(law)
            values = [0, 5, (chosen.tail << chosen.width_bits) - 1]
            one_attempt_is_exact(chosen, values)
            words = [word_for(chosen, x, a) for x, a, _ in thresholds(chosen, values)]
            vectors_agree_with_single_attempts(chosen, [*words, word_of(chosen, chosen.tail, low=12345), *words])
    finally:
        forget()


def mutants() -> dict[str, object]:
    sampler, laws = "privlib.noise.wide", "privlib.noise.laws"
    below = "uniform.below(share)"
    tail_number = "LazyUniform(source, output=output, use=_USES * number + 2).below(share)"
    return {
        "an ambiguous attempt is retried": rewritten(
            f"{sampler}.attempt", below, "(uniform.known + 1 << 32) <= share(uniform.bits + 32)[0]"
        ),
        "an ambiguous attempt is rounded": rewritten(
            f"{sampler}.attempt", below, "(uniform.known << 32) < share(uniform.bits + 32)[1]"
        ),
        "what a float leaves open is accepted": rewritten(f"{sampler}._round", "unsure[~(accepts | rejects)].tolist()", "[]"),
        "what a float rejects is accepted": rewritten(f"{sampler}._round", "rejected[unsure[rejects]] = True", "pass"),
        "zero counts twice": rewritten(f"{sampler}._split", "y ^= -sign.astype(np.int64)", "y *= 1 - 2 * sign.astype(np.int64)"),
        "the sign is always plus": rewritten(f"{sampler}._split", "y ^= -sign.astype(np.int64)", "pass"),
        "values are one block too far": rewritten(
            f"{sampler}._split", "(symbol.astype(np.int64) << chosen", "(symbol.astype(np.int64) + 1 << chosen"
        ),
        "a block is sure of its first value only": rewritten(
            f"{sampler}.histogram", "bounds[1:], weights", "bounds[:-1], weights"
        ),
        "a heavy block is thought light": rewritten(
            f"{sampler}.histogram", "ceil_div(unit * high, one)", "max(1, unit * high // one)"
        ),
        "the tail has no weight": rewritten(f"{sampler}.histogram", "(*upper[:-1], mass)", "(*upper[:-1], 0)"),
        "the tail weighs its first value": rewritten(
            f"{sampler}.histogram", "width * (one - exp_negative(law.decay(blocks * width), _BITS)[1])", "width * one"
        ),
        "the unit is one too large": rewritten(f"{sampler}.attempt", "chosen.unit * high", "(chosen.unit + 1) * high"),
        "the margin is zero": lambda: replaced(wide, "_MARGIN", 0.0),
        "the margin lies on the wrong side": rewritten(f"{sampler}._by_float", "(1 - _MARGIN)", "(1 + _MARGIN)"),
        "a float forgets that a is an interval": rewritten(f"{sampler}._by_float", "a + 1.0 <=", "a <="),
        "a float decides tails": rewritten(f"{sampler}._by_float", "symbol < chosen.tail", "symbol <= chosen.tail"),
        "a cell is taken for its middle": rewritten(f"{sampler}._by_float", "if cell:", "if False:"),
        "the curve is off by a millionth": rewritten(
            f"{laws}.DiscreteGaussian.curve", "2 * self.sigma2", "2 * self.sigma2 * Fraction(1000001, 1000000)"
        ),
        "the tail's acceptance is dropped": rewritten(f"{sampler}._tail", tail_number, "True"),
        "the tail's numbers are one": rewritten(f"{sampler}._tail", "use=_USES * number + 2", "use=_USES * number + 1"),
        "attempts share the tail's bits": rewritten(f"{sampler}._tail", "use=_USES * number + 2", "use=2"),
        "attempts share refinement bits": rewritten(f"{sampler}.attempt", "use=_USES * number", "use=0"),
        "the tail's left side begins too near": rewritten(f"{sampler}._tail", "-1 - edge - steps", "-edge - steps"),
        "the tail begins a step too far": rewritten(f"{sampler}._geometric", "return low", "return low + 1"),
        "the envelope falls too fast": rewritten(f"{laws}.gaussian._Gaussian.decay", "y / self.sigma2", "(y + 1) / self.sigma2"),
        "a cell's upper bound is its middle": rewritten(
            f"{laws}.RoundedGaussian.heights", "1 / (1 / self.sigma2 - 1 / (12 * self.sigma2**2))", "self.sigma2"
        ),
        "a cell's height is its middle's": rewritten(
            f"{laws}.RoundedGaussian.height_enclosure",
            "self.pmf_enclosure(y, bits=work)",
            "DiscreteGaussian(self.sigma2).pmf_enclosure(y, bits=work)",
        ),
        "a retry takes the word of another output": rewritten(f"{sampler}.draw", "i in start + begin + places]", "i in places]"),
        "a retry takes the same word again": rewritten(
            f"{sampler}.draw", "source.retry(int(i), number)", "source.retry(int(i), 1)"
        ),
        "a retry takes the main words": rewritten(
            "privlib.noise.stream.ChaChaWords.retry", "domain + 1, output", "domain, output"
        ),
        "a retry repeats after eight": rewritten("privlib.noise.stream.ChaChaWords.retry", "domain + 1, output", "1, output"),
    }


@settings(max_examples=30)
@given(st.fractions(4097, 2**64, max_denominator=1000), st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
def test_vectors_agree_with_single_attempts_at_any_width(sigma2: Fraction, word: int, key: bytes) -> None:
    for law in (DiscreteGaussian(sigma2), RoundedGaussian(sigma2)):
        chosen, source = histogram(law), ChaChaWords(key)
        drawn = wide.draw(source, chosen, start=word % 2**31, size=4).tolist()
        assert drawn == [wide.settle(source, chosen, output=word % 2**31 + i, first=0) for i in range(4)]


@settings(max_examples=15)
@given(st.one_of(st.fractions(4097, 2**64, max_denominator=1000), st.integers(13, 64).map(lambda bits: Fraction(2**bits))))
def test_floats_decide_what_is_certain_at_any_width(sigma2: Fraction) -> None:
    ctx.prec = 400
    floats_decide_what_is_certain(DiscreteGaussian(sigma2))
    floats_decide_what_is_certain(RoundedGaussian(sigma2))


@settings(max_examples=15)
@given(st.fractions(47, 2**31, max_denominator=1000))
def test_floats_decide_what_is_certain_at_any_scale(scale: Fraction) -> None:
    ctx.prec = 400
    floats_decide_what_is_certain(DiscreteLaplace(scale))
    floats_decide_what_is_certain(Geometric(scale))

"""Each public draw is exact noise of the law it names, under a key of its own.

Statement
    ``discrete_laplace``, ``discrete_gaussian``, ``rounded_gaussian``, ``geometric`` and ``negative_binomial`` return, for every
    size and every parameter in their range, independent outputs of exactly the law that they name, given that the bits of their
    keys' streams are independent and uniform; calls are independent. Three lemmas say what the laws are for: for an integer q,
    q plus rounded Gaussian noise is the Gaussian mechanism's output rounded; the difference of two geometric variables is
    discrete Laplace; shapes of independent negative binomial shares add, and shape 1 is geometric.

Proof
    A call builds the law of its parameters, read exactly, and its table if the law is narrow, else its histogram; it takes 32
    bytes from the operating system as a key and draws outputs 0 to size - 1 of the key's stream 0, with 64-bit words, or with
    32-bit words of a table where the caller asks for them. By noise.t1 and noise.t3 these have the law and are
    independent. Nothing is kept but tables, which hold no randomness, so calls are independent as their keys are.
    *Lemmas.* Let ``round(x) = floor(x + 1/2)``. ``floor(q + y) = q + floor(y)`` for an integer q, so
    ``round(q + N) = q + round(N)``, and ``round(N) = k`` if and only if ``k - 1/2 <= N < k + 1/2``: rounded noise on integer
    vectors is post-processing of the Gaussian mechanism. For geometric A and B and k >= 0, ``P[A - B = k]`` is the sum over n of
    ``(1-q)**2 q**(2n+k)``, which is ``(1-q)/(1+q) q**k``.
    ``(1-q)**r binomial(n+r-1, n) q**n`` are the coefficients of ``((1-q) / (1-qz))**r``, whose product over shares adds the r.

Checked against the shipped code
    What each call asks of which sampler, over narrow and wide laws, spellings of one number and laws of equal parameters; its
    outputs against the sampler's under the key that the operating system gave; keys of repeated calls. The lemmas in rationals,
    and between the shipped laws' certified probabilities.

Covers not
    The generator and timing, as in noise.t1. Compiled and GPU samplers, which large requests use, return the same bytes as these
    (tests/noise).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice, product
from math import floor, prod

import numpy as np
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib import noise
from privlib.errors import InvalidInput
from privlib.noise import fill, samplers, stream, table, wide
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, Law, NegativeBinomial, RoundedGaussian
from privlib.noise.stream import ChaChaWords
from privlib.prove import replaced, rewritten

covers = [
    "privlib.noise.samplers.discrete_laplace",
    "privlib.noise.samplers.discrete_gaussian",
    "privlib.noise.samplers.rounded_gaussian",
    "privlib.noise.samplers.geometric",
    "privlib.noise.samplers.negative_binomial",
    "privlib.noise.samplers.sampler",
    "privlib.noise.samplers._draw",
    "privlib.noise.samplers._ready",
    "privlib.noise.samplers._prepared",
    "privlib.noise.wide.is_wide",
    "privlib.noise.fill.draw",
    "privlib.noise.fill._reference",
    "privlib.noise.stream.words",
    "privlib.noise.stream.ChaChaWords.__init__",
    "privlib.noise.stream.ChaChaWords._keystream",
    "privlib.noise.lazy.checked_size",
    "privlib.bounds.exact",
    "privlib.noise.laws.DiscreteLaplace.pmf_enclosure",
    "privlib.noise.laws.Geometric.pmf_enclosure",
    "privlib.noise.laws.NegativeBinomial.pmf_enclosure",
    "privlib.noise.laws.RoundedGaussian.pmf_enclosure",
]

THIRD = Fraction(1, 3)
CALLS: list[tuple[Callable[..., np.ndarray], Law]] = [
    (lambda size, **how: noise.discrete_laplace(size, scale="1/3", **how), DiscreteLaplace(THIRD)),
    (lambda size, **how: noise.discrete_laplace(size, scale=46, **how), DiscreteLaplace(Fraction(46))),
    (lambda size, **how: noise.discrete_laplace(size, scale=46.1, **how), DiscreteLaplace(Fraction(461, 10))),
    (lambda size, **how: noise.discrete_laplace(size, scale=2**31, **how), DiscreteLaplace(Fraction(2**31))),
    (lambda size, **how: noise.geometric(size, scale="1/3", **how), Geometric(THIRD)),
    (lambda size, **how: noise.geometric(size, scale=1000, **how), Geometric(Fraction(1000))),
    (lambda size, **how: noise.discrete_gaussian(size, sigma2="1/3", **how), DiscreteGaussian(THIRD)),
    (lambda size, **how: noise.discrete_gaussian(size, sigma2=100, **how), DiscreteGaussian(Fraction(100))),
    (lambda size, **how: noise.discrete_gaussian(size, sigma2=10**12, **how), DiscreteGaussian(Fraction(10**12))),
    (lambda size, **how: noise.rounded_gaussian(size, sigma2="1/3", **how), RoundedGaussian(THIRD)),
    (lambda size, **how: noise.rounded_gaussian(size, sigma2=100, **how), RoundedGaussian(Fraction(100))),
    (lambda size, **how: noise.rounded_gaussian(size, sigma2=10**12, **how), RoundedGaussian(Fraction(10**12))),
    (lambda size, **how: noise.negative_binomial(size, shape="1/3", scale=3, **how), NegativeBinomial(THIRD, Fraction(3))),
    (lambda size, **how: noise.negative_binomial(size, shape=3, scale="1/3", **how), NegativeBinomial(Fraction(3), THIRD)),
]
"""Public calls and the law that each must draw; equal numbers under different names come next to each other."""


def each_call_draws_its_law() -> None:
    for word_bits in (64, 32, 64):  # the third time everything is cached
        for call, law in CALLS:
            seen = list[tuple[object, int, int, int]]()

            def spy(
                source: object, chosen: object, *, start: int, size: int, kept: list[object] = seen, **_: object
            ) -> np.ndarray:
                kept.append((type(chosen), chosen.law, chosen.word_bits, start, size))
                return np.zeros(size, dtype=np.int64)

            with replaced(fill, "draw", spy):
                assert call(700, word_bits=word_bits).shape == (700,), "the outputs are not as many as were asked for"
            wanted = wide.Histogram if isinstance(law, wide.WideLaw) and not law.is_narrow else table.Table
            begins = word_bits if wanted is table.Table else 64
            assert seen == [(wanted, law, begins, 0, 700)], "another law is drawn, or with another sampler"


@contextmanager
def recorded_keys() -> Iterator[list[bytes]]:
    keys, real = list[bytes](), os.urandom

    def urandom(size: int) -> bytes:
        keys.append(real(size))
        return keys[-1]

    with replaced(os, "urandom", urandom):
        yield keys


def each_call_has_its_own_key() -> None:
    for call, law in CALLS:
        with recorded_keys() as keys:
            drawn = [call(300), call(1), call(300)]
        assert [len(key) for key in keys] == [32] * 3, "a call does not take one key of 32 bytes from the operating system"
        assert len(set(keys)) == 3, "a key is used twice"
        chosen = samplers.sampler(law)
        reference = wide.draw if isinstance(chosen, wide.Histogram) else table.draw
        for key, values in zip(keys, drawn, strict=True):
            expected = reference(ChaChaWords(key), chosen, start=0, size=values.size)
            assert np.array_equal(values, expected), "the outputs are not those of the key and the law"
    assert stream.is_secure()


def refusals_draw_nothing() -> None:
    refused = [
        lambda: noise.discrete_laplace(-1, scale=1),
        lambda: noise.discrete_laplace(1, scale=0),
        lambda: noise.discrete_gaussian(1, sigma2=2**64 + 1),
        lambda: noise.rounded_gaussian(1, sigma2=[]),
        lambda: noise.geometric(2**32 + 1, scale=1),
        lambda: noise.negative_binomial(1, shape=0, scale=1),
    ]
    for call in refused:
        with recorded_keys() as keys:
            try:
                call()
            except InvalidInput:
                assert not keys, "a key is drawn before the refusal"
            else:
                raise AssertionError("a parameter out of range is served")


def rounding_commutes_with_integers() -> None:
    """Lemma 1, in rationals and for the shipped law."""
    for q, y in product((-7, -1, 0, 3), (Fraction(n, 6) for n in range(-20, 21))):
        assert floor(q + y + Fraction(1, 2)) == q + floor(y + Fraction(1, 2))
    for sigma2 in (Fraction(1, 3), Fraction(9), Fraction(5000)):
        root = arb(fmpq((2 * sigma2).numerator, (2 * sigma2).denominator)).sqrt()
        for k in (0, 1, 2, 15):
            cell = ((arb(2 * k - 1) / 2 / root).erfc() - (arb(2 * k + 1) / 2 / root).erfc()) / 2
            for x in (k, -k):
                low, high = RoundedGaussian(sigma2).pmf_enclosure(x, bits=100)
                assert low <= cell * arb(2) ** 100 <= high, "a rounded Gaussian is not the cell's probability"
                assert high - low < 8


def differences_of_geometrics_are_laplace() -> None:
    """Lemma 2, with q as a rational and between the shipped laws."""
    for q, k in product((THIRD, Fraction(9, 10)), range(6)):
        first = (1 - q) ** 2 * q**k  # the terms fall by q**2
        assert first / (1 - q**2) == (1 - q) / (1 + q) * q**k
    scale, bits = Fraction(5, 2), 80
    shares = list(islice(Geometric(scale).masses(bits), 400))
    rest = 1 << bits - 60  # what the sums leave out is below exp(-160)
    for k in range(4):
        low = sum(a * b for (a, _), (b, _) in zip(shares, shares[k:], strict=False))
        high = sum(a * b for (_, a), (_, b) in zip(shares, shares[k:], strict=False))
        certain = DiscreteLaplace(scale).pmf_enclosure(k, bits=bits)
        assert low >> bits <= certain[1], "the difference of two geometric variables has another law"
        assert certain[0] <= (high >> bits) + rest, "the difference of two geometric variables has another law"
        assert (high - low >> bits) < rest
        assert certain[1] - certain[0] < 8


def shapes_add() -> None:
    """Lemma 3: the coefficients in rationals, and five shipped shares of 1/5 against the shipped geometric law."""

    def rising(r: Fraction, n: int) -> Fraction:
        return prod(((r + i) / (i + 1) for i in range(n)), start=Fraction(1))

    for r, s, n in product((Fraction(1, 5), Fraction(3)), (Fraction(4, 5), Fraction(7, 3)), range(8)):
        assert sum(rising(r, i) * rising(s, n - i) for i in range(n + 1)) == rising(r + s, n)
    assert all(rising(Fraction(1), n) == 1 for n in range(8))
    scale, bits, count = Fraction(3), 100, 8
    share = [NegativeBinomial(Fraction(1, 5), scale).pmf_enclosure(n, bits=bits) for n in range(count)]
    total = [(1 << bits, 1 << bits)] + [(0, 0)] * (count - 1)
    for _ in range(5):
        total = [
            tuple(
                sum(total[i][side] * share[n - i][side] for i in range(n + 1)) + (side << bits) - side >> bits for side in (0, 1)
            )
            for n in range(count)
        ]
    for n, (low, high) in enumerate(total):
        certain = Geometric(scale).pmf_enclosure(n, bits=bits)
        assert low <= certain[1], "shares of a geometric variable have another law"
        assert certain[0] <= high, "shares of a geometric variable have another law"
        assert high - low < 200


def forget() -> None:
    """What was computed before a mutation would hide it, and what a mutant computed must not stay."""
    for cached in (samplers.sampler, samplers._prepared, table.table, wide.histogram):
        cached.cache_clear()


def prove() -> None:
    forget()
    ctx.prec = 400
    try:
        rounding_commutes_with_integers()
        differences_of_geometrics_are_laplace()
        shapes_add()
        refusals_draw_nothing()
        each_call_draws_its_law()
        each_call_has_its_own_key()
    finally:
        forget()


def mutants() -> dict[str, object]:
    draws, words, laws = "privlib.noise.samplers", "privlib.noise.stream", "privlib.noise.laws"
    return {
        "sigma is taken for sigma2": rewritten(
            f"{draws}.discrete_gaussian", "dtype=dtype, sigma2=sigma2)", "dtype=dtype, sigma2=exact(sigma2) ** 2)"
        ),
        "a rounded Gaussian is a discrete one": rewritten(
            f"{draws}.rounded_gaussian", "_draw(size, RoundedGaussian", "_draw(size, DiscreteGaussian"
        ),
        "a geometric law is a discrete Laplace": rewritten(
            f"{draws}.geometric", "_draw(size, Geometric", "_draw(size, DiscreteLaplace"
        ),
        "the scale is cut at 100": rewritten(
            f"{draws}.discrete_laplace", "dtype=dtype, scale=scale)", "dtype=dtype, scale=min(exact(scale), exact(100)))"
        ),
        "shape and scale are exchanged": rewritten(
            f"{draws}.negative_binomial", "shape=shape, scale=scale)", "shape=scale, scale=shape)"
        ),
        "numbers are rounded": rewritten(f"{draws}._prepared", "exact(value, name=name)", "exact(round(float(exact(value)), 3))"),
        "tables are for wide laws": rewritten(f"{draws}.sampler", "if wide.is_wide(law)", "if not wide.is_wide(law)"),
        "all histograms": rewritten("privlib.noise.wide.is_wide", "and not law.is_narrow", ""),
        "the first output is left out": rewritten(
            f"{draws}._draw", "fill.draw(words(), chosen, start=0", "fill.draw(words(), chosen, start=1"
        ),
        "one output too few": rewritten(
            f"{draws}._draw",
            "fill.draw(words(), chosen, start=0, size=count",
            "fill.draw(words(), chosen, start=0, size=max(0, count - 1)",
        ),
        "histograms leave out the first output": rewritten(
            "privlib.noise.fill._reference",
            "return wide.draw(source, chosen, start=start",
            "return wide.draw(source, chosen, start=start + 1",
        ),
        "one key for every call": rewritten(
            f"{words}.ChaChaWords.__init__", "os.urandom(32) if key is None else key", "key or bytes(32)"
        ),
        "a key of two bytes": rewritten(f"{words}.ChaChaWords.__init__", "os.urandom(32)", "os.urandom(2) * 16"),
        "the key is not used": rewritten(f"{words}.words", "ChaChaWords() if", "ChaChaWords(bytes(32)) if"),
        "a cell is shifted": rewritten(f"{laws}.RoundedGaussian.pmf_enclosure", "(2 * abs(k) + 1) ** 2", "(2 * abs(k) + 2) ** 2"),
        "a share counts from one": rewritten(f"{laws}.NegativeBinomial.masses", "(n + 1) * shape", "(n + 2) * shape"),
        "zero counts twice": rewritten(
            f"{laws}.DiscreteLaplace.pmf_enclosure", "power_low // (one + q_high)", "power_low // one"
        ),
    }


@settings(max_examples=25)
@given(st.fractions(Fraction(1, 100), 10**6, max_denominator=100), st.sampled_from([str, Fraction]))
def test_any_spelling_of_a_number_means_the_number(number: Fraction, spelling: type) -> None:
    for draw, law in ((noise.discrete_laplace, DiscreteLaplace), (noise.geometric, Geometric)):
        with recorded_keys() as keys:
            drawn = draw(5, scale=spelling(number))
        assert np.array_equal(drawn, fill.draw(ChaChaWords(keys[0]), samplers.sampler(law(number)), start=0, size=5))

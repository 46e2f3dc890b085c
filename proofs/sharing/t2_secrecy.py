"""Any k-1 shares say nothing at all about the secret: their joint law is the same for every secret.

Statement
    Let f(y) = s y^(k-1) + r_1 y^(k-2) + ... + r_(k-1) over F[[x]], F a finite field, where the digits of r_1, ..., r_(k-1) are
    uniform, independent, drawn once for all participants and never again, and let share t be f(c_t) mod x^(L_t) for any
    distinct words c_t and any lengths L_t. Then for any k-1 participants, or fewer, also when they arrive one by one and are
    chosen by what came before, the joint law of their shares is the same for every s. ``ring.share`` and ``lanes.share``
    (8W copies side by side) compute these shares, and ``files.split_file`` writes them, all of one reading of each stream:
    digits drawn for it alone, or the rows of sharing.t7's streams for this master, file and plan.

Proof
    Let T have k-1 members, let s' be another secret, and put f'(y) = f(y) - (s - s') prod_(i in T) (y - c_i). Then f' has
    the leading coefficient s', and f'(c_i) = f(c_i) for i in T: whoever holds the shares of T cannot tell f' from f. The other
    coefficients are r'_j = r_j - (-1)^j (s - s') e_j(c_T), e_j the elementary symmetric polynomial. For fixed s, s' and T
    that is a translation of the streams, which depends on nothing that is random: a bijection that keeps the uniform law, also of
    the first L digits of each stream, as digit i of r' depends on digit i of r only. So the shares have the same law under s
    and s'. Fewer shares are a function of k-1. A choice of T as shares come in: condition on what was seen, which has the same
    law. A dealer whose state was rolled back and continued with other digits changes nothing for the same s: the translation
    applies to both branches.
    Streams of finite length break this: s e_j(c_T) has as many digits as the *other* participants' words allow.

Checked against the shipped code
    The translation is a simulator: ``seen_alike`` makes r' and compares the shares of T digit for digit, for all T among some
    participants, k <= 4, p = 2, 3, 5, all codes, both layouts; Hypothesis at k <= 12, t <= 2^64, l <= 4096, p <= 7; for the
    lanes with every lane another instance. Ranks of [A|B] and B (shares = A s + B r), by our own elimination, and by galois,
    which also verifies the witnesses; over GF(4), GF(8), GF(9) for the formula, which the shipped code serves for primes
    only. Every one of the 2^18 tapes of k = 3, delta, t <= 4, in as many lanes, and all tapes of smaller cases in the reference:
    equal counts. Share files of small blocks, with the tape
    recorded. Schemes that pass a round trip and leak are rejected by the same checks: ``TRAPS``. The certificate has all
    sets of t <= 16.

Covers not
    The digits themselves (uniform, drawn once, one secret, one threshold to one dealer): sharing.t7 and noise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib.prove import load, rewritten
from privlib.sharing import lanes, ring
from privlib.sharing.codes import Code, Delta, Fixed, Gamma, Omega, Unary
from privlib.sharing.layouts import Layout, share_rows

engines = load(Path(__file__).with_name("certificate.py"))
share_files = load(Path(__file__).with_name("share_files.py"))

covers = [
    "privlib.sharing.ring.share",
    "privlib.sharing.ring.elementary",
    "privlib.sharing.lanes.share",
    "privlib.sharing.files.split_file",
    "privlib.sharing.files._plan",
    "privlib.sharing.files._deal",
    "privlib.sharing.files._Word.fill",
    "privlib.sharing.files._Word._read",
    "privlib.sharing.files._Out.take",
    "privlib.sharing.lanes.Sharing.__init__",
    "privlib.sharing.lanes.Sharing.take",
    "privlib.sharing.series.Window.rows",
    "privlib.sharing.series.Window.times",
    "privlib.sharing.series.Window.advance",
    "privlib.sharing.series.polynomial",
    "privlib.sharing.series.exponents_of",
]

CODES: tuple[Code, ...] = (Delta(), Gamma(), Omega(), Unary(), Fixed(5))
Digits = tuple[int, ...]
Scheme = Callable[[Digits, Digits, Sequence[Digits], int], Sequence[int]]
"""Secret, codeword, streams and length give a share over GF(2)."""


# --- the translation ---


def digits(label: str, count: int, p: int) -> Digits:
    """Some digits, always the same; nothing here rests on their law."""
    return tuple(byte % p for byte in hashlib.shake_256(label.encode()).digest(count))


def translated(secret: Digits, other: Digits, words: Sequence[Digits], streams: Sequence[Digits], *, p: int) -> list[Digits]:
    """The simulator: streams under which ``other`` looks to the k-1 holders of these codewords as ``secret`` does."""
    length = len(streams[0])
    gap = ring.difference(secret, other, p=p)
    found = []
    for j, (stream, symmetric) in enumerate(zip(streams, ring.elementary(words, length, p=p)[1:], strict=True), start=1):
        shift = ring.multiply(symmetric, gap, length, p=p)
        found.append(tuple((r - (-1) ** j * moved) % p for r, moved in zip(stream, shift, strict=True)))
    return found


def seen_alike(label: str, words: Sequence[Digits], lengths: Sequence[int], rows: int, p: int) -> None:
    """The shares of k-1 holders under two secrets are the same digits."""
    secret, other = digits(f"{label} s", rows, p), digits(f"{label} s'", rows, p)
    other = other if other != secret else ((other[0] + 1) % p, *other[1:])
    streams = [digits(f"{label} {j}", max(lengths), p) for j in range(len(words))]
    moved = translated(secret, other, words, streams, p=p)
    for word, length in zip(words, lengths, strict=True):
        one, two = (ring.share(s, word, r, length, p=p) for s, r in ((secret, streams), (other, moved)))
        assert len(one) == length, "a share has another length"
        assert one == two, "k-1 shares tell two secrets apart"


def the_translation_hides_the_secret() -> None:
    for code in CODES:
        for threshold, p, layout in product((2, 3, 4), (2, 3, 5), Layout):
            rows = 1 + (threshold + p) % 3
            for chosen in combinations((1, 2, 5, 7, 8), threshold - 1):
                lengths = [share_rows(code, t, threshold, rows, layout) for t in chosen]
                seen_alike(f"{chosen}", [code.encode(t) for t in chosen], lengths, rows, p)


def the_translation_hides_each_lane() -> None:
    for code, chosen, rows in ((Delta(), (2, 7), 3), (Gamma(), (1, 3, 6), 2), (Unary(), (4, 2), 5)):
        words = [code.encode(t) for t in chosen]
        lengths = [share_rows(code, t, len(chosen) + 1, rows) for t in chosen]
        lane = [[digits(f"{i} {j}", max(lengths), 2) for j in range(len(chosen))] for i in range(16)]
        secrets, others = ([digits(f"{i} {which}", rows, 2) for i in range(16)] for which in ("s", "s'"))
        moved = [translated(one, two, words, each, p=2) for one, two, each in zip(secrets, others, lane, strict=True)]
        for word, length in zip(words, lengths, strict=True):
            one, two = (in_lanes(s, word, r, length) for s, r in ((secrets, lane), (others, moved)))
            assert np.array_equal(one, two), "k-1 shares of lanes tell two secrets apart"
            alone = [ring.share(s, word, r, length) for s, r in zip(secrets, lane, strict=True)]
            assert np.array_equal(one, np.packbits(np.array(alone, dtype=np.uint8).T, axis=1)), "a lane is another scheme"


def in_lanes(secrets: Sequence[Digits], word: Digits, streams: Sequence[Sequence[Digits]], length: int) -> Any:
    """A share in which lane i has secret i and streams i."""
    columns = [np.packbits(np.array(one, dtype=np.uint8).T, axis=1) for one in zip(*streams, strict=True)]
    asked = [lambda start, stop, column=column: column[start:stop] for column in columns]
    return lanes.share(np.packbits(np.array(secrets, dtype=np.uint8).T, axis=1), word, asked, length)


# --- ranks ---


def matrix(scheme: Scheme, code: Code, chosen: Sequence[int], threshold: int, rows: int = 1) -> list[list[int]]:
    """[A|B] of a scheme over GF(2), column by column: what the shares answer to each digit alone."""
    lengths = [share_rows(code, t, threshold, rows) for t in chosen]
    longest = max(lengths)
    columns = []
    for place in range(rows + (threshold - 1) * longest):
        flat = tuple(int(i == place) for i in range(rows + (threshold - 1) * longest))
        streams = [flat[rows + j * longest : rows + (j + 1) * longest] for j in range(threshold - 1)]
        columns.append([d for t, n in zip(chosen, lengths, strict=True) for d in scheme(flat[:rows], code.encode(t), streams, n)])
    return [list(row) for row in zip(*columns, strict=True)]


def known_digits(scheme: Scheme, code: Code, chosen: Sequence[int], threshold: int, rows: int = 1) -> int:
    """rank [A|B] - rank B: how many digits of the secret these holders know, by our own elimination."""
    basis: dict[int, Any] = {}
    for row in matrix(scheme, code, chosen, threshold, rows):
        engines.insert2(basis, engines.packed(row, 2))
    return sum(lead <= rows for lead in basis)


def two_and_seven_learn_nothing() -> None:
    """k = 3: participants 2 and 7, whom finite randomness tells the secret, and everybody else up to 8."""
    for code in (Delta(), Gamma()):
        for chosen in [(2, 7), (3, 5), *combinations(range(1, 9), 2)][: None if code == Delta() else 2]:
            assert known_digits(ring.share, code, chosen, 3) == 0, f"participants {chosen} learn the secret"


def two_engines_agree() -> None:
    for code, threshold, rows, p in ((Delta(), 3, 2, 2), (Gamma(), 3, 1, 3), (Omega(), 2, 2, 3), (Delta(), 4, 1, 2)):
        engines.configuration(code, threshold, rows, p=p, layout=Layout.PAPER, participants=range(1, 7))
    for q in (4, 8, 9):
        engines.sample(q, "escape", 3, 1, participants=(1, 2, q))


# --- all tapes ---


def every_tape_of_the_lanes() -> None:
    """k = 3, delta, one digit, t <= 4: all 2^18 tapes at once, one a lane, for both secrets."""
    ts, bits = (1, 2, 3, 4), 18
    tapes = np.arange(2**bits, dtype=np.uint32)
    tape_rows = [np.packbits((tapes >> i & 1).astype(np.uint8)) for i in range(bits)]
    streams = [np.array(tape_rows[:9]), np.array(tape_rows[9:])]
    asked = [lambda start, stop, stream=stream: stream[start:stop] for stream in streams]
    lengths = {t: share_rows(Delta(), t, 3, 1) for t in ts}
    assert max(lengths.values()) == 9, "a share has another length"
    counts, shares = [], []
    for digit in (0, 255):
        word = np.full((1, 2**bits // 8), digit, dtype=np.uint8)
        shares.append({t: lanes.share(word, Delta().encode(t), asked, lengths[t]) for t in ts})
        numbers = {t: number_of(shares[-1][t]) for t in ts}
        counts.append([np.bincount(numbers[t] << 9 | numbers[u], minlength=2**18) for t, u in combinations(ts, 2)])
        for some in combinations(ts, 3):
            found = lanes.recover([Delta().encode(t) for t in some], [shares[-1][t] for t in some], 1)
            assert np.array_equal(found, word), "three shares give another secret"
    for one, two, (t, u) in zip(*counts, combinations(ts, 2), strict=True):
        assert np.array_equal(one, two), f"the shares of {t} and {u} have another law under another secret"


def number_of(rows: Any) -> Any:
    """The digits of each lane as one number."""
    return sum(np.unpackbits(row).astype(np.int64) << i for i, row in enumerate(rows))


def laws(code: Code, chosen: Sequence[int], rows: int, p: int, *, first: Sequence[int] = ()) -> list[dict[Any, int]]:
    """How often the holders of k-1 shares see what, for each secret; the digits of r_1 are from ``first``, if given."""
    threshold = len(chosen) + 1
    lengths = [share_rows(code, t, threshold, rows) for t in chosen]
    found = []
    for secret in product(range(p), repeat=rows):
        counts: dict[Any, int] = {}
        for streams in all_streams(max(lengths), threshold - 1, p, first or range(p)):
            seen = tuple(ring.share(secret, code.encode(t), streams, n, p=p) for t, n in zip(chosen, lengths, strict=True))
            counts[seen] = counts.get(seen, 0) + 1
        found.append(counts)
    return found


def all_streams(length: int, count: int, p: int, first: Sequence[int]) -> Iterator[tuple[Digits, ...]]:
    rest = [list(product(range(p), repeat=length))] * (count - 1)
    return product(list(product(first, repeat=length)), *rest)


def every_tape_of_the_reference() -> None:
    for code, chosen, rows, p in (
        (Delta(), (1,), 3, 2),
        (Gamma(), (2,), 2, 2),
        (Gamma(), (3,), 1, 3),
        (Fixed(2), (1, 2), 1, 2),
        (Fixed(1), (1, 2), 1, 3),
        (Unary(), (1, 2), 1, 2),
    ):
        found = laws(code, chosen, rows, p)
        assert all(law == found[0] for law in found), "k-1 shares have another law under another secret"
        if len(chosen) == 1:
            assert len(set(found[0].values())) == 1, "one share alone is not uniform"


# --- schemes that pass a round trip and leak ---


def plus(one: Digits, two: Digits) -> Digits:
    return tuple(a ^ b for a, b in zip(one, two, strict=True))


def horner(secret: Digits, word: Digits, streams: Sequence[Digits], length: int) -> Digits:
    """The scheme with streams that end: what is beyond the end of one counts as zero."""
    value = secret
    for stream in streams:
        value = plus(ring.multiply(word, value, length), (*stream, *(0,) * length)[:length])
    return value


def finite(secret: Digits, word: Digits, streams: Sequence[Digits], length: int) -> Digits:
    """Finite randomness: of r_j the l + j (l_t - 1) digits that the product needs, so that nothing is reduced."""
    own = [stream[: len(secret) + j * (len(word) - 1)] for j, stream in enumerate(streams, start=1)]
    return horner(secret, word, own, length)


def short(secret: Digits, word: Digits, streams: Sequence[Digits], length: int) -> Digits:
    """Of every stream as many digits as the secret has."""
    return horner(secret, word, [stream[: len(secret)] for stream in streams], length)


def constant(secret: Digits, word: Digits, streams: Sequence[Digits], length: int) -> Digits:
    """The secret is f(0), as Shamir has it."""
    return horner(streams[0][:length], word, [*streams[1:], secret], length)


def once(secret: Digits, word: Digits, streams: Sequence[Digits], length: int) -> Digits:
    """One stream serves all coefficients."""
    return ring.share(secret, word, [streams[0]] * len(streams), length)


def of_two_secrets(secret: Digits, word: Digits, streams: Sequence[Digits], length: int) -> Digits:
    """One dealer, a second secret (here zero) under the same streams: both shares."""
    return ring.share(secret, word, streams, length) + ring.share((0,), word, streams, length)


def of_two_thresholds(secret: Digits, word: Digits, streams: Sequence[Digits], length: int) -> Digits:
    """The same secret and streams under two thresholds: both shares."""
    return ring.share(secret, word, streams, length) + ring.share(secret, word, streams[:-1], length)


TRAPS: dict[str, tuple[Scheme, tuple[tuple[int, ...], ...]]] = {
    "finite randomness (k=3, t=2 and 7)": (finite, ((2, 7), (3, 5))),
    "streams as long as the secret": (short, ((2, 3), (4, 9))),
    "the secret in the constant term": (constant, ((2,), (7,))),
    "one stream for all coefficients": (once, ((2, 3),)),
    "one dealer, two secrets": (of_two_secrets, ((1,), (2, 7))),
    "one dealer, two thresholds": (of_two_thresholds, ((1, 2),)),
}
"""Each with sets of k-1 = 2 holders, or of one, who learn the secret."""


def traps_are_rejected() -> None:
    for name, (scheme, sets) in TRAPS.items():
        assert any(known_digits(scheme, Delta(), chosen, 3) for chosen in sets), f"{name}: the rank check sees no leak"
    assert known_digits(finite, Delta(), (2, 7), 3) == known_digits(finite, Delta(), (3, 5), 3) == 1
    assert all(known_digits(finite, Delta(), some, 3) == 1 for some in combinations((1, 2, 3, 5, 7), 3)), (
        "finite randomness decodes"
    )
    assert known_digits(finite, Delta(), (7,), 2) == 0, "with k = 2 the fault of finite randomness does not show"
    for tape in range(64):
        secret = (tape & 1,)
        streams = [digits(f"{tape} {j}", 16, 2) for j in range(2)]
        two, seven = (finite(secret, Delta().encode(t), streams, share_rows(Delta(), t, 3, 1)) for t in (2, 7))
        assert sum(two[i] + seven[i] for i in (2, 3, 5, 6)) % 2 == secret[0], "digits 2, 3, 5, 6 of both do not give the secret"
    redrawn = [digits(str(t), 9, 2) for t in range(9)]
    fresh = [ring.share((1,), Delta().encode(t), redrawn[t : t + 2], share_rows(Delta(), t, 3, 1)) for t in (1, 2, 3)]
    assert fresh[1][:3] != fresh[2][:3], "streams drawn again for each share leave the overlap as it was"
    for first, wrong in (((1,), "no zero digit in r_1"), ((0, 0, 1), "r_1 biased")):
        biased = laws(Fixed(1), (1, 2), 1, 2, first=first)
        assert biased[0] != biased[1], f"{wrong}: the enumeration sees no leak"


def finite_randomness_leaks_to_138_pairs() -> None:
    """The published count: of the 496 pairs t <= 32 (delta, k = 3, one digit) finite randomness tells 138 the bit."""
    pairs = list(combinations(range(1, 33), 2))
    assert len(pairs) == comb(32, 2) == 496
    assert sum(known_digits(finite, Delta(), pair, 3) for pair in pairs) == 138
    assert sum(known_digits(ring.share, Delta(), pair, 3) for pair in pairs) == 0


def prove() -> None:
    two_and_seven_learn_nothing()
    the_translation_hides_the_secret()
    the_translation_hides_each_lane()
    share_files.are_the_reference()
    every_tape_of_the_reference()
    every_tape_of_the_lanes()
    traps_are_rejected()
    two_engines_agree()


def mutants() -> dict[str, object]:
    share, take = "privlib.sharing.ring.share", "privlib.sharing.lanes.Sharing.take"
    digits_used, files = "stream[:length]", "privlib.sharing.files"
    return {
        "finite randomness (k=3, t=2 and 7)": rewritten(
            share, digits_used, "(*stream[: len(value) + len(word) - 1], *(0,) * length)[:length]"
        ),
        "streams as long as the secret": rewritten(share, digits_used, "(*stream[: len(secret)], *(0,) * length)[:length]"),
        "the secret in the constant term": rewritten(
            share,
            "value: Sequence[int] = secret",
            "value = streams[0]\n    streams = (*streams[1:], (*secret, *(0,) * length)[:length])",
        ),
        "one stream for all coefficients": rewritten(share, digits_used, "streams[0][:length]"),
        "the last stream is left out": rewritten(share, "in streams:\n", "in streams[:-1]:\n"),
        "no zero digit is drawn": rewritten(share, "(a + b) % p", "(a + (b or 1)) % p"),
        "codewords in the other order": rewritten(share, "multiply(word, value", "multiply(word[::-1], value"),
        "products are not reduced": rewritten(share, "(a + b) % p", "a + b"),
        "the streams begin anew": rewritten(share, digits_used, "(stream[:3] * length)[:length]"),
        "lanes: one stream for all coefficients": rewritten(
            take, "zip(streams, [*levels, out]", "zip([streams[0]] * len(streams), [*levels, out]"
        ),
        "lanes: streams count twice": rewritten("privlib.sharing.series.Window.times", "plus = out", "plus = out ^ plus"),
        "files: each block has the digits of the first": rewritten(
            f"{files}._deal", "stream(start, start + len(rows))", "stream(0, len(rows))"
        ),
        "files: each share has digits of its own": rewritten(
            f"{files}._deal", "own.take(rows, digits)", "own.take(rows, [stream(start, start + len(rows)) for stream in streams])"
        ),
        "files: one stream for all coefficients": rewritten(
            f"{files}._Out.take", "[rows[:count] for rows in digits]", "[digits[0][:count] for rows in digits]"
        ),
        "files: perfect digits come from a short draw": rewritten(
            f"{files}._plan", "drawn((stop - start) * spec.width)", "drawn(spec.width) * (stop - start)"
        ),
        "files: streams know the plan alone": rewritten(f"{files}._plan", 'name="master"), digest', 'name="master"), bytes(KEY)'),
        "a sign of the translation": rewritten("privlib.sharing.ring.elementary", "(a + b) % p", "(a - b) % p"),
    }


@given(st.data())
def test_t2_any_other_secret_looks_the_same_to_any_k_minus_1(data: st.DataObject) -> None:
    code = data.draw(st.sampled_from([Delta(), Gamma(), Omega(), Fixed(64)]))
    threshold, p = data.draw(st.integers(2, 12)), data.draw(st.sampled_from([2, 3, 5, 7]))
    rows = data.draw(st.one_of(st.integers(1, 16), st.integers(1, 4096 if threshold < 4 else 128)))
    layout = data.draw(st.sampled_from(list(Layout)))
    chosen = data.draw(st.lists(st.integers(1, 2**64), min_size=threshold - 1, max_size=threshold - 1, unique=True))
    lengths = [share_rows(code, t, threshold, rows, layout) for t in chosen]
    seen_alike(str(data.draw(st.integers(0, 2**64))), [code.encode(t) for t in chosen], lengths, rows, p)


def test_the_published_count_of_leaking_pairs() -> None:
    finite_randomness_leaks_to_138_pairs()


def test_more_sets_over_larger_fields() -> None:
    for q, name in product((4, 8, 9), ("delta", "escape")):
        engines.sample(q, name, 3, 2, participants=range(1, 6))

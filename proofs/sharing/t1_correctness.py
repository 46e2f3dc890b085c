"""Any k shares determine the word: the divided difference of f at k codewords is its leading coefficient, the secret.

Statement
    Let c_1, c_2, ... be words of a prefix code over a field F, f(y) = s y^(k-1) + r_1 y^(k-2) + ... + r_(k-1) with s of degree
    below l, and share t be f(c_t) mod x^L, L >= V_t + l, where V_t is the sum over the other k-1 participants j of d(t, j), the
    number of leading digits that c_t and c_j share. Then ``ring.recover`` gives s from any k shares, in any order; the
    published length L_t = (k-1)(l_t - 1) + l is always enough. It refuses shares that are shorter, one participant twice,
    words of which one begins with another, and shares for which a digit that must be zero is not: of one genuine share any
    change below digit V_t is refused, any later one moves s (with exactly k shares nobody can tell). ``lanes.share`` and
    ``lanes.recover`` do the same on 8W copies side by side. ``joining.combine_file`` gives the file from k share files or more;
    of more than k, one that was changed is refused or does not matter, also one that is changed between two readings.

Proof
    The codewords are distinct, so over the field of Laurent series the divided difference sum_i f(c_i) / prod_(j != i)
    (c_i - c_j) is the leading coefficient s, whatever the streams are. The denominator of term i is x^(V_i) times a unit, as no
    codeword begins with another: c_i - c_j has valuation d(i, j) < min(l_i, l_j). Share i is known mod x^(L_i), so term i is
    known mod x^(L_i - V_i), and L_i - V_i >= l. Hence s is known mod x^l, that is, entirely. As s has no negative powers, the
    sum times x^V, V = max V_i, has no digits below V. A change e of share i adds e x^-(V_i) / unit.

Checked against the shipped code
    Codes: every pair of the first participants, reading back, known lengths. Sharing and recovering is linear in the secret's
    and the streams' digits, so a basis of them is shared and recovered: all k-sets of some participants, p = 2, 3 and 5, all
    codes, both layouts, k <= 4. Changed digits at every place. Lanes against the reference: the same bases, one digit a lane,
    blocks of a few rows. Share files of a few rows, blocks of two: all sets of k and more, each byte changed in its place, and
    in a share that is written anew. All sets of t <= 16 are in the certificate.

Covers not
    Who made the shares: sharing.t4 and signatures. Shares of several dealers or epochs are told apart by what stands beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InconsistentShares, InvalidInput
from privlib.prove import load, replaced, rewritten
from privlib.sharing import lanes, ring, series
from privlib.sharing.codes import Code, Delta, Fixed, Gamma, Omega, Unary, UserCode
from privlib.sharing.layouts import Layout, overlap, share_rows

files = load(Path(__file__).with_name("share_files.py"))

covers = [
    "privlib.sharing.ring.recover",
    "privlib.sharing.ring.multiply",
    "privlib.sharing.ring.difference",
    "privlib.sharing.ring.valuation",
    "privlib.sharing.ring.unit_part",
    "privlib.sharing.ring.inverse",
    "privlib.sharing.layouts.overlap",
    "privlib.sharing.prefix.Code.encode",
    "privlib.sharing.prefix.read_gamma",
    "privlib.sharing.prefix.letters",
    "privlib.sharing.codes.Unary.length",
    "privlib.sharing.codes.Unary.decode",
    "privlib.sharing.codes.Unary._word",
    "privlib.sharing.codes.Gamma.length",
    "privlib.sharing.codes.Gamma.decode",
    "privlib.sharing.codes.Gamma._word",
    "privlib.sharing.codes.Delta.length",
    "privlib.sharing.codes.Delta.decode",
    "privlib.sharing.codes.Delta._word",
    "privlib.sharing.codes.Omega.length",
    "privlib.sharing.codes.Omega.decode",
    "privlib.sharing.codes.Omega._word",
    "privlib.sharing.codes.Fixed.length",
    "privlib.sharing.codes.Fixed.decode",
    "privlib.sharing.codes.Fixed._word",
    "privlib.sharing.lanes.recover",
    "privlib.sharing.lanes.Recovery.__init__",
    "privlib.sharing.lanes.Recovery.take",
    "privlib.sharing.lanes._Cell.__init__",
    "privlib.sharing.lanes._Cell.take",
    "privlib.sharing.lanes._Cell._wait",
    "privlib.sharing.joining.combine_file",
    "privlib.sharing.joining._recover",
    "privlib.sharing.joining._Source.begin",
    "privlib.sharing.joining._Source.fill",
    "privlib.sharing.joining._Source.end",
    "privlib.sharing.joining._Unwrapped.take",
    "privlib.sharing.joining._Unwrapped.verify",
    "privlib.sharing.series.Quotient.__init__",
    "privlib.sharing.series.Quotient.divide",
    "privlib.sharing.series.Quotient._divide",
]

CODES: tuple[Code, ...] = (Delta(), Gamma(), Omega(), Unary(), Fixed(5))
Digits = Sequence[int]


def digits(label: str, count: int, p: int) -> tuple[int, ...]:
    """Some digits, always the same; nothing here rests on their law."""
    return tuple(byte % p for byte in hashlib.shake_256(label.encode()).digest(count))


def basis(rows: int, threshold: int, length: int) -> Iterator[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]]:
    """Secret and streams with one digit that is not zero, for each digit."""
    for place in range(rows + (threshold - 1) * length):
        flat = tuple(int(i == place) for i in range(rows + (threshold - 1) * length))
        yield flat[:rows], tuple(flat[rows + j * length : rows + (j + 1) * length] for j in range(threshold - 1))


def codes_are_prefix_codes() -> None:
    for code in CODES:
        first = range(1, 33)
        words = {t: code.encode(t) for t in first}
        for one, two in combinations(words.values(), 2):
            assert attempt(lambda one=one, two=two: overlap(one, two)) is not InvalidInput, "a codeword begins with another"
            assert overlap(one, two) == overlap(two, one) == next(i for i in range(99) if one[i] != two[i])
        for t in (*first, *(() if isinstance(code, Unary | Fixed) else (1000, 2**64 + 5, 2**200 + 1))):
            word = code.encode(t)
            assert len(word) == code.length(t), "a codeword has another length"
            assert code.decode((*word, 0, 1)) == (t, len(word)), "a codeword reads as another participant"
            assert attempt(lambda word=word, code=code: code.decode(word[:-1])) is InvalidInput, "half a codeword is read"
    assert [Delta().encode(t) for t in (1, 2, 8)] == [(1,), (0, 1, 0, 0), (0, 0, 1, 0, 0, 0, 0, 0)], "delta is another code"
    assert [Gamma().encode(t) for t in (1, 5)] == [(1,), (0, 0, 1, 0, 1)], "gamma is another code"
    assert [Omega().encode(t) for t in (1, 8)] == [(0,), (1, 1, 1, 0, 0, 0, 0)], "omega is another code"
    assert Unary().encode(3) == (1, 1, 0), "unary is another code"
    assert Fixed(5).encode(2) == (0, 0, 0, 0, 1), "fixed is another code"


def any_k_shares_give_the_secret() -> None:
    for code in CODES:
        for threshold, rows, p, layout in [
            (2, 3, 2, Layout.PAPER),
            (3, 2, 2, Layout.COMPACT),
            (3, 1, 3, Layout.PAPER),
            (4, 2, 3, Layout.COMPACT),
            (3, 2, 5, Layout.COMPACT),
        ]:
            chosen = (1, 2, 3, 5) if threshold < 4 else (3, 1, 4, 5)
            words = {t: code.encode(t) for t in chosen}
            lengths = {t: share_rows(code, t, threshold, rows, layout) for t in chosen}
            longest = max(lengths.values())
            known = list(basis(rows, threshold, longest))
            known = [*known[:rows], *known[rows :: 1 + (len(known) > 40)]]
            known.append((digits("s", rows, p), tuple(digits(f"r{j}", longest, p) for j in range(threshold - 1))))
            for secret, streams in known:
                shares = {t: ring.share(secret, words[t], streams, lengths[t], p=p) for t in chosen}
                for some in combinations(chosen, threshold):
                    found = attempt(
                        lambda s=shares, some=some, w=words, r=rows, p=p: ring.recover(
                            [w[t] for t in some], [s[t] for t in some], r, p=p
                        )
                    )
                    assert found == secret, "k shares give another secret"


def every_change_of_a_share_is_refused_or_moves_the_secret() -> None:
    for p, ts in ((2, (2, 3, 5)), (3, (1, 2, 3)), (2, (9, 8))):
        words = [Delta().encode(t) for t in ts]
        rows, secret = 2, digits("s", 2, p)
        depths = [sum(overlap(one, two) for two in words if two != one) for one in words]
        streams = [digits(f"r{j}", 40, p) for j in range(len(ts) - 1)]
        shares = [ring.share(secret, word, streams, depth + rows, p=p) for word, depth in zip(words, depths, strict=True)]
        found = attempt(lambda w=words, s=shares, p=p: ring.recover(w, s, 2, p=p))
        assert found == secret, "shares of the least length are not enough"
        for i, depth in enumerate(depths):
            short = [share[:-1] if j == i else share for j, share in enumerate(shares)]
            assert attempt(lambda s=short, w=words, p=p: ring.recover(w, s, 2, p=p)) is InvalidInput, "a short share is taken"
            for place in range(depth + rows):
                changed = [
                    (*share[:place], (share[place] + 1) % p, *share[place + 1 :]) if j == i else share
                    for j, share in enumerate(shares)
                ]
                found = attempt(lambda s=changed, w=words, p=p: ring.recover(w, s, 2, p=p))
                if place < depth:
                    assert found is InconsistentShares, "digits that must be zero are not looked at"
                else:
                    assert isinstance(found, tuple), "a change beyond the overlaps is refused"
                    assert found[: place - depth] == secret[: place - depth], "a change moves other digits"
                    assert found != secret, "a change leaves the secret as it is"


def what_is_not_k_shares_is_refused() -> None:
    a, b = Delta().encode(2), Delta().encode(3)
    wrong: list[Callable[[], object]] = [
        lambda: ring.recover([a, a], [(1,) * 9] * 2, 1),
        lambda: ring.recover([b, b[:2]], [(1,) * 9] * 2, 1),
        lambda: overlap(a, a),
        lambda: overlap(b[:2], b),
        lambda: ring.recover([a], [(1,) * 9], 1),
        lambda: ring.recover([a, b], [(1,) * 9], 1),
        lambda: ring.recover([a, b], [(2,) * 9] * 2, 1),
        lambda: ring.recover([a, b], [(1,) * 9] * 2, 0),
        lambda: ring.recover([a, b], [(1,) * 9] * 2, 1, p=4),
        lambda: ring.recover([a, b], [(1,) * 9, ()], 1),
        lambda: ring.valuation((0, 0)),
        lambda: UserCode("none", lambda t: ()).encode(1),
        lambda: UserCode("two", lambda t: (2,)).encode(1),
    ]
    assert all(attempt(call) is InvalidInput for call in wrong), "something is taken that is not k shares"


def attempt(call: Callable[[], object]) -> Any:
    """What a call gives, or the kind of its refusal."""
    try:
        return call()
    except (InvalidInput, InconsistentShares) as error:
        return type(error)


def lanes_equal_the_reference() -> None:
    """Sharing and recovering every digit of a basis at once, each in a lane of its own, in blocks of a few rows."""
    for block in (1, 40):
        with ExitStack() as small:
            small.enter_context(replaced(series, "_BLOCK", block))
            small.enter_context(replaced(series, "_STRIDE", block))
            for code, ts, rows in (
                (Delta(), (2, 7, 3, 9), 3),
                (Gamma(), (6, 1, 5), 2),
                (Omega(), (4, 8), 5),
                (Delta(), (9, 8, 2), 9),
                (Unary(), (9, 3, 5), 3),
                (Delta(), (1, 2), 2),
            ):
                threshold = len(ts)
                words = [code.encode(t) for t in ts]
                lengths = [share_rows(code, t, threshold, rows, Layout.COMPACT) for t in ts]
                known = [*basis(rows, threshold, max(lengths))]
                known += [(digits("s", rows, 2), tuple(digits(f"r{j}", max(lengths), 2) for j in range(threshold - 1)))]
                secret = side_by_side([one for one, _ in known])
                streams = [side_by_side([many[j] for _, many in known]) for j in range(threshold - 1)]
                asked = [lambda start, stop, stream=stream: stream[start:stop] for stream in streams]
                shares = [lanes.share(secret, word, asked, length) for word, length in zip(words, lengths, strict=True)]
                for share, word, length in zip(shares, words, lengths, strict=True):
                    wanted = side_by_side([ring.share(one, word, many, length) for one, many in known])
                    assert np.array_equal(share, wanted), "lanes make other shares than the reference"
                found = attempt(lambda w=words, s=shares, r=rows: lanes.recover(w, s, r))
                assert np.array_equal(found, secret), "lanes recover another word"
                for i, share in enumerate(shares):
                    wrong = [each.copy() for each in shares]
                    wrong[i][0, -1] ^= 128
                    kind = attempt(lambda w=words, s=wrong, r=rows: lanes.recover(w, s, r))
                    assert kind is InconsistentShares or not any(overlap(words[i], word) for word in words[:i] + words[i + 1 :])
                    assert len(share) == lengths[i]


def side_by_side(columns: Sequence[Digits]) -> Any:
    """Lanes from digits: column i becomes lane i."""
    return np.packbits(np.array(columns, dtype=np.uint8).T, axis=1)


def prove() -> None:
    codes_are_prefix_codes()
    what_is_not_k_shares_is_refused()
    lanes_equal_the_reference()
    every_change_of_a_share_is_refused_or_moves_the_secret()
    any_k_shares_give_the_secret()
    files.give_the_file()


def mutants() -> dict[str, object]:
    codes, ring_, lanes_, series_, joining_ = (
        f"privlib.sharing.{name}" for name in ("codes", "ring", "lanes", "series", "joining")
    )
    return {
        "plain binary is no prefix code": rewritten(f"{codes}.Gamma._word", "(0,) * (t.bit_length() - 1) + ", ""),
        "delta without its length": rewritten(
            f"{codes}.Delta._word", "(0,) * (n.bit_length() - 1) + binary(n) + binary(t)[1:]", "binary(t)"
        ),
        "codewords in the other order": rewritten(f"{codes}.Delta._word", "binary(t)[1:]", "binary(t)[:0:-1]"),
        "the last digit of a codeword comes first": rewritten(
            "privlib.sharing.prefix.Code.encode", "self._word(int(t))", "self._word(int(t))[::-1]"
        ),
        "omega without its end": rewritten(f"{codes}.Omega._word", "word: Digits = (0,)", "word: Digits = ()"),
        "published length without k - 1": rewritten(
            "privlib.sharing.layouts.share_rows", "others * (length - 1)", "(length - 1)"
        ),
        "one participant twice": rewritten(
            "privlib.sharing.layouts.overlap", "raise InvalidInput", "return 0\n    raise InvalidInput"
        ),
        "low digits are not looked at": rewritten(f"{ring_}.recover", "any(total[:deepest])", "False"),
        "short shares are taken": rewritten(f"{ring_}.recover", "len(own) < known", "len(own) < known - 1"),
        "signs are forgotten": rewritten(f"{ring_}.recover", "difference(one, two, p=p)", "difference(*sorted((one, two)), p=p)"),
        "units are not divided by": rewritten(f"{ring_}.recover", "inverse(unit, known, p=p), own", "(1,), own"),
        "overlaps are forgotten": rewritten(f"{ring_}.recover", "start=deepest - depth", "start=0"),
        "units have first digit one": rewritten(f"{ring_}.inverse", "pow(unit[0], -1, p)", "1"),
        "products are cut too early": rewritten(f"{ring_}.multiply", "two[: length - i]", "two[: length - i - 1]"),
        "lanes do not look at rows that must be zero": rewritten(
            f"{lanes_}._Cell.take", "rows[: max(0, self.late - self._seen)].any()", "False"
        ),
        "lanes divide once too little": rewritten(f"{series_}.Quotient.divide", "not any(self._stages)", "True"),
        "lanes forget rows of the block before": rewritten(f"{series_}.Window.advance", "if self._back:", "if False:"),
        "lanes go on after the word with ones": rewritten(f"{lanes_}.share", "part, 0", "part, 255"),
        "lanes divide by runs of ones as if they were their ends": rewritten(
            f"{series_}.Quotient.__init__", "self._stages.append([1])", "pass"
        ),
        "lanes forget the last power that matters": rewritten(
            f"{series_}.Quotient.__init__", "[1:] if exponent < rows]", "[1:] if exponent < rows - 1]"
        ),
        "files: later windows are not compared": rewritten(f"{joining_}.combine_file", "len(digests) > 1", "False"),
        "files: a window begins where the last one ended": rewritten(f"{joining_}._recover", "source.begin()", "pass"),
        "files: the padding is written too": rewritten(f"{joining_}._Unwrapped.take", "[: self._left]", ""),
        "files: no code is checked": rewritten(f"{joining_}._Unwrapped.verify", "not genuine", "False"),
        "files: no checksum is checked": rewritten(f"{joining_}._Source.end", "!= self._running.checksum(signature)", "is None"),
        "files: what is read again may have changed": rewritten(
            f"{joining_}._Source.end", 'self._first not in (b"", digest)', "False"
        ),
        "lanes leave out a power": rewritten(f"{series_}.Quotient.__init__", "[2 * exponent for", "[4 * exponent for"),
    }


@given(st.data())
def test_t1_any_k_of_any_participants_recover(data: st.DataObject) -> None:
    code = data.draw(st.sampled_from([Delta(), Gamma(), Omega(), Fixed(64)]))
    threshold, p = data.draw(st.integers(2, 6)), data.draw(st.sampled_from([2, 3, 5, 7]))
    rows, layout = data.draw(st.integers(1, 20)), data.draw(st.sampled_from(list(Layout)))
    ts = data.draw(st.lists(st.integers(1, 2**64), min_size=threshold, max_size=threshold, unique=True))
    ts[1] = ts[0] + 1 if ts[0] < 2**64 and ts[0] + 1 not in ts else ts[1]  # neighbours overlap most
    seed = str(data.draw(st.integers(0, 2**64)))
    words, lengths = [code.encode(t) for t in ts], [share_rows(code, t, threshold, rows, layout) for t in ts]
    secret = digits(f"{seed} s", rows, p)
    streams = [digits(f"{seed} {j}", max(lengths), p) for j in range(threshold - 1)]
    shares = [ring.share(secret, word, streams, length, p=p) for word, length in zip(words, lengths, strict=True)]
    assert ring.recover(words, shares, rows, p=p) == secret
    if p == 2:
        asked = [lambda start, stop, s=stream: side_by_side([s[start:stop]] * 8) for stream in streams]
        wide = [lanes.share(side_by_side([secret] * 8), word, asked, length) for word, length in zip(words, lengths, strict=True)]
        assert all(np.array_equal(one, side_by_side([two] * 8)) for one, two in zip(wide, shares, strict=True))
        assert np.array_equal(lanes.recover(words, wide, rows), side_by_side([secret] * 8))

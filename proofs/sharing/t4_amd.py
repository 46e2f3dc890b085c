"""A changed share passes the AMD code with probability at most (d + 1)/2^128, if the participants are known from outside.

Statement
    Let F = GF(2^n), d odd, s in F^d, tag(s, a) = a^(d+2) + sum s_i a^i. (1) For every s and every offset (D, E, G) other than
    zero, tag(s + D, a + E) = tag(s, a) + G holds for at most d + 1 of the elements a. (2) A dealer shares the word of ``wrap``
    with a uniform in GF(2^128). Holders of up to k-1 of k shares, who may know the secret and compute without bound, replace
    their shares by others; the combiner knows whose shares these are. They pass ``combine`` with another secret with probability
    at most (d + 1)/2^128, d the number of 16-byte blocks of length and secret, made odd. (3) Without that knowledge there is no
    such bound: with a false participant number one holder replaces the secret by another, always. ``combine`` refuses exactly k
    unsigned shares without ``expected``, and a false number is not the expected one; a signature is over everything that a share
    says, and verifies under the key that is trusted alone. (4) The element a is
    drawn once: under two of them with the same streams k-1 shares have a law that depends on the secret.

Proof
    (1) As a polynomial in a, tag(s + D, a + E) - tag(s, a) - G has for E != 0 the leading term (d + 2) E a^(d+1), which is not
    zero since d + 2 is odd; for E = 0 it is sum D_i a^i - G, of degree at most d and not zero. (2) Recovery at given points is
    linear, so the word moves by an offset that is a function of the changes. These are functions of at most k-1 shares, hence
    (sharing.t2) independent of a given the secret. The length is part of the message, so padding with zeros loses nothing, and
    offsets after the word's end are refused. (3) Let k = 2, c_2 = x, c_3 = x + x^3, c_1 = 1: below x^3 f(c_2) and f(c_3) agree.
    The holder of 3 knows these rows, claims to be 1 and gives f(c_3) + w (1 + x) there: with share 2 that makes any word w they
    like of at most three rows. (4) By enumeration, below.

Checked against the shipped code
    (1) exhaustively in GF(16) for d = 1, where the worst offset reaches the bound 2/16, and in GF(8) for d = 3, with the shipped
    ``tag``; multiplication in GF(16) on all pairs against a table of powers, in GF(2^128) against division with remainder. The
    fast tag against the definition, at lengths on both sides of every change of method. (2) linearity of the shipped recovery;
    that ``unwrap`` refuses every one-bit change of a word. (3) the attack on shares as they are shipped. (4) the exact law of a
    pair.

Covers not
    Offsets that depend on a, as nobody has who holds fewer than k shares. Forged signatures: Ed25519 is assumed. Timing. That a
    is uniform and durable: sharing.t7.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import BadShare, InconsistentShares, InvalidInput, PrivlibError
from privlib.prove import rewritten
from privlib.sharing import amd, lanes, signing
from privlib.sharing.amd import GF128, Field, Tagger, tag, tag_bytes
from privlib.sharing.integrity import unwrap, wrap
from privlib.sharing.recover import combine
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec

covers = [
    "privlib.sharing.amd.Field.multiply",
    "privlib.sharing.amd.Field.times_x",
    "privlib.sharing.amd.tag",
    "privlib.sharing.amd.tag_bytes",
    "privlib.sharing.amd.Tagger.update",
    "privlib.sharing.amd.Tagger.finish",
    "privlib.sharing.amd.Tagger._add",
    "privlib.sharing.amd.Tagger._evaluate",
    "privlib.sharing.amd.Tagger._power",
    "privlib.sharing.amd.Tagger._base",
    "privlib.sharing.amd.Tagger._table",
    "privlib.sharing.amd._sums",
    "privlib.sharing.integrity.wrap",
    "privlib.sharing.integrity.unwrap",
    "privlib.sharing.signing.statement",
    "privlib.sharing.signing.verify",
    "privlib.sharing.heads.check_participants",
    "privlib.sharing.heads.check_enough",
    "privlib.sharing.heads.signed_by_one",
    "privlib.sharing.recover._check_signatures",
    "privlib.sharing.recover.secret_of",
]

GF8, GF16 = Field(3, 0b011), Field(4, 0b0011)
SIZES = (1, 16, 17, 33, 16 * 128 - 8, 16 * 129 + 3, 16 * 31 * 8, 16 * 31 * 130 + 1)


def stream(label: str, size: int) -> bytes:
    return hashlib.shake_256(label.encode()).digest(size)


def refused(call: Callable[[], object], *errors: type[PrivlibError]) -> bool:
    try:
        call()
    except errors:
        return True
    return False


def multiplication_is_that_of_the_field() -> None:
    for field, generator in ((GF8, 2), (GF16, 2)):
        powers, size = [1], (1 << field.degree) - 1
        for _ in range(size - 1):
            value = powers[-1] << 1  # times x, the generator of these fields
            powers.append(value ^ (1 << field.degree | field.low) if value >> field.degree else value)
        assert len({*powers, generator}) == size, "x does not generate the field"
        logs = {power: i for i, power in enumerate(powers)}
        for one, other in itertools.product(range(size + 1), repeat=2):
            wanted = powers[(logs[one] + logs[other]) % size] if one and other else 0
            assert field.multiply(one, other) == wanted, "a product in a small field is another"
    for i in range(40):
        one, other = (int.from_bytes(stream(f"{name} {i}", 16), "little") for name in ("one", "other"))
        wanted = 0
        for place in range(128):
            wanted ^= one << place if other >> place & 1 else 0
        while wanted.bit_length() > 128:  # the remainder by x^128 + x^7 + x^2 + x + 1
            wanted ^= (1 << 128 | 0b10000111) << wanted.bit_length() - 129
        assert GF128.multiply(one, other) == wanted, "a product in GF(2^128) is another"
    assert GF128.multiply(1 << 127, 2) == 0b10000111, "x^128 is not x^7 + x^2 + x + 1"


def a_known_offset_passes_for_few_elements() -> None:
    for field, d, worst in ((GF16, 1, 2), (GF8, 3, 4), (GF8, 2, 4)):
        q = 1 << field.degree
        messages = list(itertools.product(range(q), repeat=d))
        table = np.array([[tag(message, a, field) for a in range(q)] for message in messages])
        for number, message in list(enumerate(messages))[:: len(messages) // 40 + 1]:
            power = [field.multiply(a, 1) for a in range(q)]
            sums = [0] * q
            for i in range(1, d + (d % 2 == 0) + 3):
                block = message[i - 1] if i <= d else int(i == d + (d % 2 == 0) + 2)
                sums = [total ^ field.multiply(block, own) for total, own in zip(sums, power, strict=True)]
                power = [field.multiply(own, a) for a, own in enumerate(power)]
            assert table[number].tolist() == sums, "a tag is not a^(d+2) + sum of s_i a^i"
        most, every = 0, np.arange(q**d)
        for change, moved in itertools.product(range(q**d), range(q)):  # blocks are the digits of a number: they add by xor
            counts = np.zeros((q**d, q), dtype=np.int64)
            differences = table[np.ix_(every ^ change, np.arange(q) ^ moved)] ^ table
            for a in range(q):
                counts[every, differences[:, a]] += 1
            if change == moved == 0:
                assert (counts[:, 1:] == 0).all(), "another tag passes for the same message"
            else:
                most = max(most, int(counts.max()))
        assert most == worst == d + 1 + (d % 2 == 0), f"an offset passes for {most} elements of {q}"
    for wrong in ([16], [-1], [True]):
        assert refused(lambda wrong=wrong: tag(wrong, 1, GF16), InvalidInput), "a block that is no element is taken"
    assert refused(lambda: tag([1], 16, GF16), InvalidInput), "an element that is none is taken"


def the_fast_tag_is_the_tag() -> None:
    for size in SIZES:
        message, a = stream(f"message {size}", size), stream(f"a {size}", 16)
        blocks = [int.from_bytes(message[i : i + 16], "little") for i in range(0, size, 16)]
        wanted = tag(blocks, int.from_bytes(a, "little")).to_bytes(16, "little")
        assert tag_bytes(message, a) == wanted, "the fast tag is another"
        tagger = Tagger(a)
        for start in range(0, size, max(5, size // 4)):
            tagger.update(message[start : start + max(5, size // 4)])
        assert tagger.finish() == wanted, "the tag depends on how the message comes"
    assert amd._TOGETHER * 128 < amd._HALF <= 2**12, "two sums do not fit the 24 bits of a float"
    dense = b"\xff" * (16 * 31 * 5)
    blocks = [2**128 - 1] * (31 * 5)
    assert tag_bytes(dense, b"\xff" * 16) == tag(blocks, 2**128 - 1).to_bytes(16, "little"), "sums overflow"
    assert tag_bytes(b"", bytes(15) + b"\1") == tag([], 1 << 120).to_bytes(16, "little")
    for wrong in (bytes(15), bytes(17)):
        assert refused(lambda wrong=wrong: tag_bytes(b"", wrong), InvalidInput)


def words_are_checked_whole() -> None:
    for secret in (b"\0", b"key", b"k" * 8, b"k" * 24, b"k" * 25):
        a = stream(f"a {secret!r}", 16)
        word, size = wrap(secret, "amd", a), len(secret)
        message = size.to_bytes(8, "little") + secret
        assert word == message + a + tag_bytes(message, a), "the word is not length, secret, element and tag"
        assert unwrap(word, "amd") == secret
        assert len(word) == Spec(2, size).word_bytes
        for bit in range(0, 8 * len(word), 1 if size == 3 else 37):
            changed = (int.from_bytes(word, "little") ^ 1 << bit).to_bytes(len(word), "little")
            assert refused(lambda changed=changed: unwrap(changed, "amd"), BadShare), "a changed word passes"
        for length in (size - 1, size + 1, size + 256, size + 2**63):
            message = length.to_bytes(8, "little") + secret
            forged = message + a + tag_bytes(message, a)
            assert refused(lambda forged=forged: unwrap(forged, "amd"), BadShare), "a false length passes"
        for short in (word[:0], word[:39], word[:40], word[: len(word) - 1]):
            assert refused(lambda short=short: unwrap(short, "amd"), BadShare), "a cut word passes"
        assert wrap(secret, "none", a) == wrap(secret, "signed") == secret == unwrap(secret, "none") == unwrap(secret, "signed")
    for call in (lambda: wrap(b"", "amd", bytes(16)), lambda: wrap(b"s", "amd"), lambda: wrap(b"s", "mac", bytes(16))):
        assert refused(call, InvalidInput)


def dealt(spec: Spec, word: bytes, participants: Sequence[int], label: str = "") -> list[Share]:
    """The shares of a word, padded with zeros, under streams that the label fixes."""
    rows = np.frombuffer(word.ljust(spec.rows * spec.width, b"\0"), dtype=np.uint8).reshape(spec.rows, spec.width)
    longest = max(map(spec.share_rows, participants))
    digits = [
        np.frombuffer(stream(f"{label} {j}", longest * spec.width), dtype=np.uint8).reshape(longest, spec.width)
        for j in range(1, spec.threshold)
    ]
    reads: list[lanes.Stream] = [lambda start, stop, own=own: own[start:stop] for own in digits]  # type: ignore[misc]  # a default
    made = []
    for t in participants:
        payload = lanes.share(rows, spec.prefix_code.encode(t), reads, spec.share_rows(t)).tobytes()
        made.append(Share(spec=spec, dealer=bytes(16), epoch=0, t=t, lineage=(), kind="perfect", secure=False, payload=payload))
    return made


def changes_add_an_offset_that_is_known() -> None:
    for k, participants in ((2, (2, 3)), (2, (1, 5)), (3, (1, 2, 3)), (3, (4, 5, 8))):
        spec = Spec(k, 2, width=1, integrity="none")
        code_words = [spec.prefix_code.encode(t) for t in participants]

        def recovered(shares: Sequence[np.ndarray[Any, Any]], code_words: Any = code_words, spec: Spec = spec) -> Any:
            try:
                return lanes.recover(code_words, list(shares), spec.rows)
            except InconsistentShares:
                return None

        answers = []
        for label in ("one", "other"):
            shares = dealt(spec, stream(f"word {label}", 2), participants, label)
            rows = [np.frombuffer(share.payload, dtype=np.uint8).reshape(-1, 1) for share in shares]
            honest = recovered(rows)
            found = []
            for who, row in [(i, row) for i, own in enumerate(rows) for row in range(len(own))]:
                changed = [own.copy() for own in rows]
                changed[who][row] ^= 0b101
                new = recovered(changed)
                found.append(None if new is None else (new ^ honest).tolist())
            answers.append(found)
        assert answers[0] == answers[1], "what a change does depends on more than the change"
        assert any(found not in (None, [[0], [0]]) for found in answers[0])


def lying(two: Share, three: Share, wanted: bytes) -> Share:
    """The share with which participant 3, who claims to be 1, makes a word of their choice together with share 2."""
    width = three.spec.width
    word = wanted.ljust(three.spec.rows * width, b"\0")
    moved = (bytes(width) + word)[: len(word)]  # x times the word
    payload = bytes(a ^ b ^ c for a, b, c in zip(three.payload, word, moved, strict=False))
    return replace(three, t=1, payload=payload)


def false_participant_numbers_are_refused() -> None:
    for width in (16, 32, 48):
        secret, chosen = b"8 bytes!", b"not this"
        spec = Spec(2, len(secret), width=width)
        two, three = dealt(spec, wrap(secret, "amd", stream("a", 16)), (2, 3))
        forged = lying(two, three, wrap(chosen, "amd", stream("another a", 16)))
        assert combine([two, three], expected=[3, 2]) == secret
        assert combine([two, forged], expected=[1, 2]) == chosen, "the attack that this is about does not work any more"
        assert refused(lambda pair=(two, forged): combine(pair), PrivlibError), "a false participant number is believed"
        assert refused(lambda pair=(two, three): combine(pair), InvalidInput), "unsigned shares pass without expected"
        for known in ([2, 3], [2], [1, 2, 3], [2, 2], [1, 1], []):
            assert refused(lambda pair=(two, forged), known=known: combine(pair, expected=known), PrivlibError), (
                "a false participant number passes for the one expected"
            )
        private = bytes(range(32))
        public = signing.public_key(private)
        signed = [signing.sign(share, private) for share in (two, three)]
        assert combine(signed) == combine(signed, public_key=public) == secret
        for liar in (replace(signed[1], t=1, payload=forged.payload), signing.sign(forged, bytes(32)), forged):
            pair = (signed[0], liar)
            assert refused(lambda pair=pair: combine(pair), PrivlibError), "a false number passes among signed shares"
            assert refused(lambda pair=pair, public=public: combine(pair, public_key=public), BadShare)
        changed = replace(three, payload=bytes(len(three.payload)))
        assert refused(lambda pair=(two, changed): combine(pair, expected=[2, 3]), BadShare, InconsistentShares)
        assert refused(lambda pair=(two, two): combine(pair, expected=[2, 2]), InvalidInput), "one participant counts twice"


def signatures_bind_a_share_to_one_key() -> None:
    private, public = bytes(range(32)), signing.public_key(bytes(range(32)))
    share = signing.sign(dealt(Spec(2, 8, width=48), wrap(b"8 bytes!", "amd", bytes(16)), (2,))[0], private)
    share.verify(public_key=public)
    other = signing.public_key(bytes(32))
    named = replace(share, public_key=other)
    named = replace(named, signature=Ed25519PrivateKey.from_private_bytes(private).sign(signing.statement(named, named.payload)))
    for bad in (
        named,  # signed by the dealer, and names another key
        *(replace(share, **change) for change in ({"t": 3}, {"epoch": 1}, {"dealer": b"\1" * 16}, {"kind": "seeded"})),
        *(replace(share, **change) for change in ({"secure": True}, {"lineage": ((9, bytes(16)),)}, {"public_key": other})),
        replace(share, spec=Spec(2, 7, width=48)),
        replace(share, payload=share.payload[:-1] + bytes([share.payload[-1] ^ 1])),
        replace(share, signature=bytes(64)),
        replace(share, signature=None, public_key=None),
        signing.sign(share, bytes(32)),
    ):
        assert len(bad.payload) == len(share.payload)
        assert refused(lambda bad=bad: bad.verify(public_key=public), BadShare), "a share that its dealer did not sign verifies"


def bytes_after_the_word_are_refused() -> None:
    spec = Spec(2, 3, width=16, integrity="none")
    assert combine(dealt(spec, b"key", (1, 2))) == b"key"
    assert refused(lambda: combine(dealt(spec, b"key" + bytes(12) + b"\1", (1, 2))), BadShare), "bytes after the word are ignored"


def pair_law(secret: int, draws: Callable[[int, int], tuple[int, int]]) -> Counter[bytes]:
    """What participants 129 and 130 of a fixed code learn for k = 3: the low rows of their sum; all else is uniform.

    Words are rows of an element of GF(16) in the low half of a byte: secret, a, tag. Streams are zero, which moves nothing: with
    d = d(129, 130) = 7 every stream leaves f(c_i) + f(c_j) mod x^7 as it is, and a third row can be made whatever one likes.
    """
    spec = Spec(3, 3, width=1, integrity="none", code="fixed-8")
    law: Counter[bytes] = Counter()
    for i, j in itertools.product(range(16), repeat=2):
        rows = []
        for t, a in zip((129, 130), draws(i, j), strict=True):
            word = np.array([[secret], [a], [tag([secret], a, GF16)]], dtype=np.uint8)
            nothing: list[lanes.Stream] = [lambda start, stop: np.zeros((stop - start, 1), dtype=np.uint8)] * 2
            rows.append(lanes.share(word, spec.prefix_code.encode(t), nothing, spec.share_rows(t)))
        law[(rows[0] ^ rows[1])[:7].tobytes()] += 1
    return law


def a_redrawn_element_leaks() -> None:
    once = [pair_law(secret, lambda i, j: (i, i)) for secret in (0, 1)]
    assert once[0] == once[1] == Counter({bytes(7): 256}), "one element for all shares leaks"
    twice = [pair_law(secret, lambda i, j: (i, j)) for secret in (0, 1)]
    assert twice[0] != twice[1], "the attack that this is about does not work any more"
    for label in range(3):  # and the dealer's words: the element that was given, every time
        a = stream(f"element {label}", 16)
        assert wrap(b"secret", "amd", a) == wrap(b"secret", "amd", a), "the element is redrawn"
        assert wrap(b"secret", "amd", a)[14:30] == a, "the element is another"


def prove() -> None:
    multiplication_is_that_of_the_field()
    the_fast_tag_is_the_tag()
    words_are_checked_whole()
    false_participant_numbers_are_refused()
    signatures_bind_a_share_to_one_key()
    bytes_after_the_word_are_refused()
    changes_add_an_offset_that_is_known()
    a_redrawn_element_leaks()
    a_known_offset_passes_for_few_elements()


def mutants() -> dict[str, object]:
    tagging, integrity, recover = "privlib.sharing.amd", "privlib.sharing.integrity", "privlib.sharing.recover"
    signed, heads = "privlib.sharing.signing", "privlib.sharing.heads"
    return {
        "a false participant number is believed": rewritten(f"{heads}.check_enough", "not known and not signed", "False"),
        "other participants than expected will do": rewritten(
            f"{heads}.check_participants", "sorted(wanted) != sorted(participants)", "False"
        ),
        "expected is an upper bound": rewritten(
            f"{heads}.check_participants", "sorted(wanted) != sorted(participants)", "not {*participants} <= {*wanted}"
        ),
        "the element is redrawn": rewritten(
            f"{integrity}.wrap", "    message =", "    import os; a = os.urandom(16)\n    message ="
        ),
        "signatures are not verified": rewritten(
            f"{recover}._check_signatures", "signing.verify(share, public_key=share.public_key)", "pass"
        ),
        "the key that is given is not used": rewritten(
            f"{recover}._check_signatures", "signing.verify(share, public_key=public_key)", "pass"
        ),
        "the key in a share is believed": rewritten(f"{signed}.verify", "share.public_key != trusted", "False"),
        "what a share says openly is not signed": rewritten(
            f"{signed}.statement", "hashlib.sha512(write_head(head))", "hashlib.sha512()"
        ),
        "the payload is not signed": rewritten(f"{signed}.statement", "digest.update(piece)", "pass"),
        "one of several keys will do": rewritten(f"{heads}.signed_by_one", "len(keys - {None}) > 1", "False"),
        "one signed share makes all signed": rewritten(f"{heads}.signed_by_one", "None not in keys", "keys != {None}"),
        "bytes after the word are ignored": rewritten(f"{recover}.secret_of", "if any(", "if False and any("),
        "the length is not checked": rewritten(
            f"{integrity}.unwrap", ' and message.startswith(size.to_bytes(_LENGTH, "little"))', ""
        ),
        "the tag is not checked": rewritten(f"{integrity}.unwrap", "hmac.compare_digest(tag_bytes(message, a), tag)", "True"),
        "the length has no tag": rewritten(f"{integrity}.wrap", "tag_bytes(message, a)", "tag_bytes(secret, a)"),
        "an even number of blocks stays even": rewritten(f"{tagging}.tag", "if len(blocks) % 2 else", "if True else"),
        "the leading power is one lower": rewritten(f"{tagging}.tag", "    value = a ", "    value = 1 "),
        "the sum has a constant term": rewritten(f"{tagging}.tag", "    return field.multiply(value, a)", "    return value"),
        "an even number of bytes' blocks stays even": rewritten(f"{tagging}.Tagger.finish", "self._count % 2 == 0", "False"),
        "the last bytes have no tag": rewritten(f"{tagging}.Tagger.finish", "if self._rest:", "if False:"),
        "multiplication does not reduce": rewritten(f"{tagging}.Field.times_x", "| self.low", ""),
        "groups are in the wrong order": rewritten(f"{tagging}.Tagger._evaluate", "reversed(blocks)", "blocks"),
        "the last group is not filled with zeros": rewritten(
            f"{tagging}.Tagger._evaluate", "np.zeros((missing, BLOCK), dtype=np.uint8)", "blocks[:missing]"
        ),
        "later pieces begin at the wrong power": rewritten(f"{tagging}.Tagger._add", "self._power(len(blocks))", "self._a"),
        "the upper half of a sum is lost": rewritten(f"{tagging}._sums", "counts >> 12 & 1", "counts >> 11 & 1"),
        "tables are of the wrong power": rewritten(f"{tagging}.Tagger._base", "level - 1", "0"),
    }


@given(st.binary(min_size=1, max_size=5000), st.binary(min_size=16, max_size=16), st.data())
def test_p4_the_fast_tag_is_the_tag(message: bytes, a: bytes, data: st.DataObject) -> None:
    blocks = [int.from_bytes(message[i : i + 16], "little") for i in range(0, len(message), 16)]
    tagger, place = Tagger(a), 0
    while place < len(message):
        step = data.draw(st.integers(1, len(message)))
        tagger.update(message[place : place + step])
        place += step
    assert tagger.finish() == tag_bytes(message, a) == tag(blocks, int.from_bytes(a, "little")).to_bytes(16, "little")


@given(st.binary(min_size=1, max_size=70), st.binary(min_size=16, max_size=16), st.data())
def test_p4_no_offset_that_is_drawn_beforehand_passes(secret: bytes, a: bytes, data: st.DataObject) -> None:
    word = wrap(secret, "amd", a)
    offset = data.draw(st.integers(1, 256 ** len(word) - 1))  # whatever it is, it passes for a share of 2^-124 of the elements
    changed = (int.from_bytes(word, "little") ^ offset).to_bytes(len(word), "little")
    assert refused(lambda: unwrap(changed, "amd"), BadShare)


@given(st.integers(2, 6), st.binary(min_size=1, max_size=40), st.data())
def test_p4_a_changed_share_of_known_participants_is_refused(k: int, secret: bytes, data: st.DataObject) -> None:
    participants = data.draw(st.lists(st.integers(1, 1000), min_size=k, max_size=k, unique=True))
    shares = dealt(Spec(k, len(secret)), wrap(secret, "amd", stream("a", 16)), participants)
    assert combine(shares, expected=participants) == secret
    who = data.draw(st.integers(0, k - 1))
    change = data.draw(st.binary(min_size=len(shares[who].payload), max_size=len(shares[who].payload)))
    payload = bytes(a ^ b for a, b in zip(shares[who].payload, change, strict=True))
    shares[who] = replace(shares[who], payload=payload)
    try:
        found = combine(shares, expected=participants)
    except PrivlibError:
        return
    assert found == secret  # the change touched rows that this combination does not use

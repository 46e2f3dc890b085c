"""A share has one binary form, one text form and one word form, and nothing else is read; damaged letters and words are found.

Statement
    (a) ``Share.to_bytes`` is a bijection from shares onto the byte strings that ``Share.from_bytes`` takes, its inverse.
    (b) ``text.write`` is a bijection from the byte strings of 1 to 634,880 bytes onto the texts that ``text.read`` takes, and
    ``text.write_words`` from those of 1 to 65,535 bytes onto the texts that ``text.read_words`` takes; reading undoes both.
    (c) Two codewords of a `Bch` of r roots, equally long, differ in more than r symbols. ``Bch.damaged`` gives the places in
    which a word differs from the one codeword from which it differs in at most r/2 symbols, and None where there is none. So of a
    line of text any 8 damaged letters are noticed and up to 4 are named, of words any 4 and 2.

Proof
    *(a)* Each field ends where its beginning says, so the sequence of fields is read in one way. A number has one spelling: how
    many bytes, and these, the first not zero. A choice is a place in a list. The code's name is looked up among names that are
    themselves. ``Spec`` and ``Head`` refuse what is out of range, the payload has the length that both say, a signature is there
    if and only if a key is, the checksum is a function of the rest, and nothing follows it. So what is read writes itself again.
    *(b)* The symbols of a line are systematic: a codeword is determined by the symbols before its checks, and adding fixed
    symbols to the checks is a bijection. Hyphens stand where they stand. Of the symbols the first six are fixed, four are the
    line's number and the number of lines, and the rest are the bits of at most 620 bytes with less than five zero bits after
    them; all lines but the last have 620. Words: the first is the length, a byte left over in the last is zero.
    *(c)* The generator divides a codeword, so the codeword has the roots 1, a, ..., a^(r-1). A word of w <= r terms with these
    roots gives w equations with the matrix (a^(j e)), a Vandermonde matrix of distinct a^e, as all e are below the order of a;
    so the terms are zero. Hence balls of radius r/2 are disjoint. An error of at most r/2 symbols satisfies Newton's equations,
    whose shortest solution Berlekamp and Massey find; whatever is found is tried against all syndromes before it is told, so
    what is told is the error.

Checked against the shipped code
    (a) Shares of all codes and choices; every byte in turn replaced by every other (of identities, nonces and payload: some),
    removed, or doubled, and pairs of bytes replaced, with a right and with a wrong checksum: what is read writes itself again.
    Numbers: every byte string of up to two bytes, and some of three. (b) Every text of one byte and every line with its two
    symbols; bytes of all lengths up to 40 and at the ends of lines. Proquints: all 65,536. (c) The elements are primitive and
    the generators have the roots, for the shipped codes. Small codes over GF(4) and GF(8): every word (in the largest a part of
    them), beside a search for the nearest codeword. The shipped codes: one damaged symbol, and Hypothesis.

Covers not
    Intent: whoever changes a share computes its checks anew. That is for signatures and the AMD code (sharing.t4).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import BadShare
from privlib.prove import replaced, rewritten
from privlib.sharing import text, wire
from privlib.sharing.bch import Bch
from privlib.sharing.codes import Code, UserCode
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec

covers = [
    "privlib.sharing.wire.write_head",
    "privlib.sharing.wire.read_head",
    "privlib.sharing.wire.read",
    "privlib.sharing.wire.checksum",
    "privlib.sharing.wire._head",
    "privlib.sharing.wire._mark",
    "privlib.sharing.wire._lineage",
    "privlib.sharing.wire._number",
    "privlib.sharing.wire._choice",
    "privlib.sharing.wire._Reader.take",
    "privlib.sharing.wire._Reader.number",
    "privlib.sharing.wire._Reader.choice",
    "privlib.sharing.share.Share.to_bytes",
    "privlib.sharing.share.Share.from_bytes",
    "privlib.sharing.text.write",
    "privlib.sharing.text.read",
    "privlib.sharing.text.write_words",
    "privlib.sharing.text.read_words",
    "privlib.sharing.text._line",
    "privlib.sharing.text._symbols",
    "privlib.sharing.text._parts",
    "privlib.sharing.text._shifted",
    "privlib.sharing.text._word",
    "privlib.sharing.text._number",
    "privlib.sharing.bch.Bch.generator",
    "privlib.sharing.bch.Bch.extend",
    "privlib.sharing.bch.Bch.damaged",
    "privlib.sharing.bch.Bch._remainder",
    "privlib.sharing.bch.Bch._row",
    "privlib.sharing.bch.Bch._syndromes",
    "privlib.sharing.bch.Bch._locator",
    "privlib.sharing.bch.Bch._error",
]

OWN = UserCode("pairs", lambda t: (1,) * (t - 1) + (0,))
NEAR = (0, 1, 2, 3, 4, 9, 127, 128, 255)
LETTERS = dict(symbol_bits=5, field_bits=10, modulus=0b10000001001, roots=8)
WORDS = dict(symbol_bits=16, field_bits=16, modulus=0b10001000000001011, roots=4)
SMALL = [
    (Bch(symbol_bits=2, field_bits=2, modulus=0b111, roots=2), 3, 1),
    (Bch(symbol_bits=3, field_bits=3, modulus=0b1011, roots=2), 4, 1),
    (Bch(symbol_bits=3, field_bits=3, modulus=0b1011, roots=4), 5, 19),
    (Bch(symbol_bits=2, field_bits=4, modulus=0b10011, roots=2), 6, 3),
    (Bch(symbol_bits=2, field_bits=4, modulus=0b10011, roots=4), 8, 29),
    (Bch(symbol_bits=1, field_bits=4, modulus=0b10011, roots=4), 11, 1),
]


def bytes_of(count: int, *, start: int = 1) -> bytes:
    """Bytes that all differ from their neighbours."""
    return bytes((start + 37 * i) % 256 for i in range(count))


def share_of(
    t: int = 1, threshold: int = 2, size: int = 1, code: str | Code = "delta", *, signed: bool = False, **fields: object
) -> Share:
    plan = {name: fields.pop(name) for name in ("layout", "width", "integrity") if name in fields}
    spec = Spec(threshold, size, code=code, **{"integrity": "none", **plan})
    others = {"dealer": bytes_of(16), "epoch": 0, "lineage": (), "kind": "perfect", "secure": True, **fields}
    if signed:
        others |= {"public_key": bytes_of(32, start=5), "signature": bytes_of(64, start=9)}
    return Share(spec=spec, t=t, payload=bytes_of(spec.share_bytes(t), start=3), **others)


def some_shares() -> list[Share]:
    lineage = ((3, bytes_of(16, start=7)), (300, bytes_of(16, start=8)))
    return [
        share_of(),
        share_of(t=2, threshold=3, kind="seeded", lineage=lineage[:1], signed=True),
        share_of(t=300, size=300, code="gamma", secure=False, epoch=256, lineage=lineage, layout="compact", width=5),
        share_of(t=3, size=2, code="unary", width=300, integrity="amd"),
        share_of(t=2**200, code="omega", threshold=300),
        share_of(t=4, code="fixed-64", integrity="signed", signed=True),
        share_of(t=3, code=OWN),
    ]


def taken(data: bytes) -> Share | None:
    try:
        return Share.from_bytes(data, code=OWN)
    except BadShare:
        return None


def head_is_read(data: bytes) -> bool:
    try:
        wire.read_head(data, code=OWN)
    except BadShare:
        return False
    return True


def checked(body: bytes) -> bytes:
    """With the checksum that it wants, so that nothing else is the reason for a refusal."""
    return body + wire.checksum(body)


def changed_bodies(body: bytes, fixed: set[int]) -> Iterator[bytes]:
    """Each byte replaced, removed or doubled; the bytes of ``fixed`` take any value, so two are enough there."""
    for place in range(len(body)):
        for value in NEAR[:2] if place in fixed else range(256):
            yield body[:place] + bytes([value]) + body[place + 1 :]
        yield body[:place] + body[place + 1 :]
        yield body[:place] + body[place : place + 1] + body[place:]
    structure = [place for place in range(len(body)) if place not in fixed]
    for one, two in itertools.combinations(structure, 2):
        for a, b in ((0, 0), (1, 1), (2, 0), (0, 1), (1, 2)):
            yield body[:one] + bytes([a]) + body[one + 1 : two] + bytes([b]) + body[two + 1 :]


def free_places(share: Share) -> set[int]:
    """Where identities, nonces, keys and the payload stand: any byte is right there."""
    body, found = share.to_bytes()[: -wire.CHECKSUM], set[int]()
    for part in (share.dealer, share.payload, share.public_key, share.signature, *(nonce for _, nonce in share.lineage)):
        if part:
            start = body.index(part)
            found |= set(range(start, start + len(part)))
    return found


def one_binary_form() -> None:
    shares = some_shares()
    written = [share.to_bytes() for share in shares]
    assert len(set(written)) == len(shares), "two shares have one form"
    for share, data in zip(shares, written, strict=True):
        assert taken(data) == share, "a share does not read as it was written"
        assert data.startswith(b"PSHR\x01"), "a share begins otherwise"
        assert taken(data + b"\0") is taken(data[:-1]) is None, "a share is read that is longer or shorter"
        body = data[: -wire.CHECKSUM]
        head, used = wire.read_head(data, code=OWN)
        assert wire.write_head(head) == data[:used], "a head does not read as it was written"
        assert not any(head_is_read(data[:cut]) for cut in range(used)), "a head is read that is cut short"
        assert all(taken(body + bytes(each)) is None for each in wrong_checksums(data)), "a wrong checksum is read"
        assert taken(checked(body + b"\0")) is taken(checked(body[:-1])) is None, "bytes after the last field are read"
        other = body[:4] + b"\2" + body[5:]
        assert taken(checked(other)) is taken(checked(b"PSHS" + body[4:])) is None, "another format is read"
        if len(body) < 150:
            for text_ in changed_bodies(body, free_places(share)):
                again = taken(checked(text_))
                assert again is None or again.to_bytes() == checked(text_), "two forms are read as one share"
    for lineage in UNORDERED:
        swapped = replace(shares[0])
        object.__setattr__(swapped, "lineage", lineage)
        assert taken(swapped.to_bytes()) is None, "a lineage is read whose rows do not increase"
    for field, values in FIELDS.items():
        made = [replace(shares[1], **{field: value}) for value in values]
        assert len({each.to_bytes() for each in made}) == len(made), f"{field} is not written"
        assert all(taken(each.to_bytes()) == each for each in made), f"{field} reads otherwise"


UNORDERED = [[(2, bytes(16)), (1, bytes(16))], [(2, bytes(16)), (2, bytes(16))], [(0, bytes(16))], [(2**64, bytes(16))]]
FIELDS: dict[str, tuple[object, ...]] = {
    "dealer": (bytes(16), b"\1" + bytes(15), bytes(15) + b"\1"),
    "epoch": (0, 1, 255, 256, 2**64 - 1),
    "kind": ("perfect", "seeded"),
    "secure": (True, False),
    "payload": tuple(bytes([a]) + bytes_of(5) + bytes([b]) for a in range(256) for b in (0, 255)),
    "lineage": ((), ((1, bytes(16)),), ((1, bytes(16)), (2, bytes(16))), ((2**64 - 1, bytes(15) + b"\1"),)),
    "signature": (bytes(64), b"\1" + bytes(63), bytes(63) + b"\1"),
    "public_key": (bytes(32), bytes(31) + b"\1"),
}


def wrong_checksums(data: bytes) -> Iterator[bytes]:
    for bit in range(8 * wire.CHECKSUM):
        yield (int.from_bytes(data[-wire.CHECKSUM :], "big") ^ 1 << bit).to_bytes(wire.CHECKSUM, "big")


def numbers_have_one_spelling() -> None:
    texts = [bytes(each) for size in range(3) for each in itertools.product(range(256), repeat=size)]
    texts += [bytes([size, a, b]) for size in range(4) for a in range(0, 256, 5) for b in (0, 1, 255)]
    found: dict[int, bytes] = {}
    for each in texts:
        reader = wire._Reader(each)
        try:
            value = reader.number()
        except BadShare:
            continue
        spelled = each[: reader.place]
        assert found.setdefault(value, spelled) == spelled, "a number has two spellings"
        assert wire._number(value) == spelled, "a number is written otherwise"
    assert set(range(256)) <= set(found), "a number is not read"


def read(call: Callable[[str], bytes], written: str) -> bytes | None:
    try:
        return call(written)
    except BadShare:
        return None


def one_text() -> None:
    sizes = [*range(1, 40), 619, 620, 621, 1240, 1241]
    values = [bytes([value]) for value in range(256)] + [bytes_of(size, start=size) for size in sizes]
    values += [bytes(2), b"\0\1", b"\1\0", bytes(620), bytes(621)]
    written = [text.write(data) for data in values]
    assert len(set(written)) == len(set(values)), "two have one text"
    assert all(read(text.read, each) == data for data, each in zip(values, written, strict=True)), "a text reads otherwise"
    lines = {tuple(text._symbols(each, "it")) for each in written[:256]}
    head = next(iter(lines))[:10]
    taken_lines = set[tuple[int, ...]]()
    for symbols in itertools.product(range(32), repeat=2):
        if read(text.read, line_of([*head, *symbols])) is not None:
            taken_lines.add((*head, *symbols))
    assert taken_lines == lines, "a line is read that none has"
    for count in (0, 1, 3, 6):
        assert read(text.read, line_of([*head, *[0] * count])) is None, "a line of another length is read"
    for place in range(10):
        for value in range(32):
            other = [*head[:place], value, *head[place + 1 :], 0, 0]
            assert (read(text.read, line_of(other)) is None) == (value != head[place]), "another head is read"
    long = written[-1].split("\n")
    for wrong in (long[:1], long[1:], long[::-1], [*long, long[1]], [long[0], written[0]], [long[0], long[0]]):
        assert read(text.read, "\n".join(wrong)) is None, "lines are read that make no text"
    short = [line_of(text._symbols(line, "it")[:-8]) for line in long[:1]]
    assert read(text.read, "\n".join([*short, long[1]])) is None, "a line that is not full is read before the last"
    symbols = text._LETTERS.extend(text._symbols(written[300], "it"))
    for count in range(1, 9):
        spoilt = [symbol ^ (3 if 12 <= place < 12 + count else 0) for place, symbol in enumerate(symbols)]
        damaged = text._grouped("".join(text._ALPHABET[symbol] for symbol in text._shifted(spoilt)))
        assert read(text.read, damaged) is None, "damaged letters are read"
        foreign = "".join(
            "!" if place % 6 == 1 and 12 <= place < 12 + 6 * count else letter for place, letter in enumerate(written[300])
        )
        assert read(text.read, foreign) is None, "letters are read that are none"
    for place, letter in enumerate(written[0]):
        if text._VALUES.get(letter) == 0:
            assert read(text.read, written[0][:place] + "!" + written[0][place + 1 :]) is None, "a letter is read that is none"
    for wrong in other_spellings(written[300]):
        assert read(text.read, wrong) is None, "another spelling of a text is read"


def line_of(symbols: list[int]) -> str:
    coded = text._shifted(text._LETTERS.extend(symbols))
    return text._grouped("".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[symbol] for symbol in coded))


def other_spellings(written: str) -> Iterator[str]:
    yield from (written.upper(), f" {written}", f"{written} ", f"{written}\n", f"\n{written}", f"{written}-", f"-{written}")
    yield from (written.replace("-", " "), written.replace("-", ""), written[:1].upper() + written[1:], f"{written}q")
    yield from (written.replace("-", "--", 1), written[1:], written[:-1], f"q{written}")


def one_sequence_of_words() -> None:
    spelled = [text._word(number) for number in range(2**16)]
    assert len(set(spelled)) == 2**16, "two numbers have one word"
    assert all(text._number(word) == number for number, word in enumerate(spelled)), "a word reads otherwise"
    assert all(text._WORD.fullmatch(word) for word in spelled), "a word is refused"
    assert not any(text._WORD.fullmatch(word) for word in ("", "baba", "bababa", "BABAB", "babac", "bebab", "babab\n", "abbab"))
    values = [bytes([value]) for value in range(256)] + [bytes_of(size) for size in range(2, 40)] + [bytes(2), bytes(3)]
    written = [text.write_words(data) for data in values]
    assert all(read(text.read_words, each) == data for data, each in zip(values, written, strict=True)), "words read otherwise"
    for size, rest in ((1, [1]), (0, []), (0, [0]), (2, [0, 0]), (4, [0]), (3, [0, 1]), (1, [0, 0])):
        assert read(text.read_words, words_of([size, *rest])) is None, "words are read that none has"
    for count in range(1, 5):
        words = written[260].split("-")
        words[1 : 1 + count] = [text._word(text._number(word) ^ 5) for word in words[1 : 1 + count]]
        assert read(text.read_words, "-".join(words)) is None, "damaged words are read"
    assert read(text.read_words, written[0].replace("babab", "!")) is None, "a word is read that is none"
    for wrong in other_spellings(written[260]):
        assert read(text.read_words, wrong) is None, "another spelling of words is read"


def words_of(numbers: list[int]) -> str:
    return "-".join(map(text._word, text._WORDS.extend(numbers)))


def small_codes_find_the_nearest_word() -> None:
    for given_code, length, step in SMALL:
        code = replace(given_code)  # without what it has worked out before
        alphabet = range(2**code.symbol_bits)
        free = length - code.checks
        words = [tuple(code.extend(symbols)) for symbols in itertools.product(alphabet, repeat=free)]
        assert all(word[:free] == symbols for word, symbols in zip(words, itertools.product(alphabet, repeat=free), strict=True))
        distance = min(sum(symbol != 0 for symbol in word) for word in words if any(word))
        assert distance > code.roots, "two codewords are too near"
        balls = dict[tuple[int, ...], tuple[int, ...]]()
        for word in words:
            for count in range(code.roots // 2 + 1):
                for places in itertools.combinations(range(length), count):
                    for errors in itertools.product(alphabet[1:], repeat=count):
                        received = list(word)
                        for place, error in zip(places, errors, strict=True):
                            received[place] ^= error
                        balls[tuple(received)] = places
        for received in itertools.islice(itertools.product(alphabet, repeat=length), 0, None, step):
            assert code.damaged(received) == balls.get(received), "the damage is told to be elsewhere"


def shipped_codes_have_their_roots() -> None:
    for code, wanted in ((text._LETTERS, LETTERS), (text._WORDS, WORDS)):
        assert {name: getattr(code, name) for name in wanted} == wanted, "the text's codes are others"
        fresh = replace(code)
        order, element, top = 1, 2, 2**fresh.field_bits
        while element != 1:
            element, order = (element << 1) ^ (fresh.modulus if element << 1 >= top else 0), order + 1
        assert order == top - 1 == fresh.longest, "the element is not primitive"
        symbols = set(fresh._symbols)
        assert symbols >= {fresh._times(one, two) for one in list(symbols)[:40] for two in list(symbols)[-40:]}, "no field"
        assert set(fresh.generator) <= symbols, "the generator is not over the symbols' field"
        for j in range(fresh.roots):
            value = 0
            for coefficient in fresh.generator:
                value = fresh._times(value, fresh._powers[j]) ^ coefficient
            assert value == 0, "the generator lacks a root"
        assert len(fresh.generator) == fresh.checks + 1 == {5: 16, 16: 5}[fresh.symbol_bits], "the generator is not the least"
    line = text._LETTERS.extend([symbol % 32 for symbol in bytes_of(1002)])
    assert not any(text._LETTERS._syndromes(line)), "a codeword is none"
    for place in range(0, len(line), 11):
        received = list(line)
        received[place] ^= 1 + place % 31
        assert text._LETTERS.damaged(received) == (place,), "one damaged letter is not found"


def prove() -> None:
    numbers_have_one_spelling()
    one_binary_form()
    shipped_codes_have_their_roots()
    small_codes_find_the_nearest_word()
    one_sequence_of_words()
    one_text()


def mutants() -> dict[str, object]:
    wire_, share, text_, bch = (f"privlib.sharing.{name}" for name in ("wire", "share.Share", "text", "bch.Bch"))
    return {
        "numbers may begin with zero": rewritten(f"{wire_}._Reader.number", 'found[:1] == b"\\0"', "False"),
        "a number has a byte too many": rewritten(f"{wire_}._number", "+ 7) // 8", "+ 8) // 8"),
        "bytes that are missing are read": rewritten(f"{wire_}._Reader.take", "len(found) < size", "not found"),
        "choices go round": rewritten(
            f"{wire_}._Reader.choice", "if place >= len(choices):", "place %= len(choices)\n    if place < 0:"
        ),
        "checksums are not compared": rewritten(f"{wire_}.read", "checksum(data[:-CHECKSUM]) != data[-CHECKSUM:]", "False"),
        "longer shares are read": rewritten(f"{wire_}.read", "len(data) != end", "len(data) < end"),
        "any mark is read": rewritten(
            f"{wire_}._mark", "reader.take(len(MAGIC) - 1) != MAGIC[:-1]", "not reader.take(len(MAGIC) - 1)"
        ),
        "any format is read": rewritten(f"{wire_}._mark", "reader.take(1) != MAGIC[-1:]", "not reader.take(1)"),
        "the checksum leaves the payload out": rewritten(f"{share}.to_bytes", "checksum(*parts)", "checksum(parts[0], parts[2])"),
        "test mode is not written": rewritten(f"{wire_}.write_head", "head.secure", "True"),
        "the epoch is not written": rewritten(f"{wire_}.write_head", "(head.epoch, head.t)", "(0, head.t)"),
        "the kind is not written": rewritten(f"{wire_}.write_head", "_choice(_KINDS, head.kind)", "_choice(_KINDS, 'perfect')"),
        "the lineage has one nonce": rewritten(f"{wire_}.write_head", "_number(extent), nonce]", "_number(extent), head.dealer]"),
        "lineage may be in any order": rewritten(f"{wire_}._lineage", "found[-1][0] + 1 if found else 1", "1"),
        "the key is read from the dealer": rewritten(
            f"{wire_}._head", "public_key=reader.take(KEY)", "public_key=bytes(16) + reader.take(KEY)[16:]"
        ),
        "the last letter holds any bits": rewritten(f"{text_}._parts", '"1" in bits[8 * size :]', "False"),
        "a line may have a letter more": rewritten(f"{text_}._parts", "_symbols_of(size) != len(symbols) - _HEAD", "False"),
        "any prefix is read": rewritten(f"{text_}._parts", "letters[: len(_PREFIX)] != _PREFIX", "False"),
        "any format of text is read": rewritten(f"{text_}._parts", "letters[len(_PREFIX) :] != _FORMAT", "False"),
        "lines may be missing": rewritten(f"{text_}.read", "count != len(lines)", "count < len(lines)"),
        "lines may be in any order": rewritten(f"{text_}.read", "number != place", "False"),
        "lines before the last may be short": rewritten(f"{text_}.read", "(len(data) != _LINE_BYTES)", "not data"),
        "anything joins the groups": rewritten(f"{text_}._symbols", 'set(line[_GROUP :: _GROUP + 1]) - {"-"}', "False"),
        "damage is passed over": rewritten(f"{text_}._symbols", "if found or foreign:", "if foreign:"),
        "more damage is passed over": rewritten(f"{text_}._symbols", "found is None and not foreign", "False"),
        "foreign letters are passed over": rewritten(f"{text_}._symbols", "found or foreign", "found"),
        "the odd byte of words is any": rewritten(f"{text_}.read_words", "or any(data[size:])", ""),
        "words may be too many": rewritten(f"{text_}.read_words", "len(data) != size + size % 2", "len(data) < size"),
        "damaged words are passed over": rewritten(f"{text_}.read_words", "found or foreign", "foreign"),
        "two vowels are one": rewritten(f"{text_}._word", "number >> 4 & 3", "number >> 4 & 1"),
        "a root is missing": rewritten(f"{bch}.generator", "for j in range(self.roots)", "for j in range(1, self.roots)"),
        "conjugates are missing": rewritten(f"{bch}.generator", "self.field_bits // self.symbol_bits", "1"),
        "the last damage is forgotten": rewritten(f"{bch}.damaged", "sorted(len(word)", "sorted(len(word) + 1"),
        "more damage than can be told is told": rewritten(f"{bch}.damaged", "<= self.roots // 2", "<= self.roots"),
        "errors are told that are no symbols": rewritten(f"{bch}.damaged", "error not in self._symbols", "False"),
        "half of the damage is found": rewritten(f"{bch}._locator", "2 * length <= step", "length <= step"),
        "all codes have eight roots less": lambda: replaced(
            text, "_LETTERS", Bch(symbol_bits=5, field_bits=10, modulus=0b10000001001, roots=6)
        ),
    }


@st.composite
def shares(draw: st.DrawFn) -> Share:
    code = draw(st.sampled_from(["delta", "gamma", "omega", "unary", "fixed-64", "fixed-7"]))
    most = {"unary": 40, "fixed-7": 2**7, "fixed-64": 2**64}.get(code, 2**300)
    spec = Spec(
        draw(st.integers(2, 12)),
        draw(st.integers(1, 300)),
        code=code,
        layout=draw(st.sampled_from(["paper", "compact"])),
        width=draw(st.one_of(st.none(), st.integers(1, 20))),
        integrity=draw(st.sampled_from(["amd", "none", "signed"])),
    )
    t = draw(st.integers(1, most))
    extents = sorted(draw(st.sets(st.integers(1, 2**64 - 1), max_size=4)))
    signed = draw(st.booleans())
    return Share(
        spec=spec,
        dealer=draw(st.binary(min_size=16, max_size=16)),
        epoch=draw(st.integers(0, 2**64 - 1)),
        t=t,
        lineage=tuple((extent, draw(st.binary(min_size=16, max_size=16))) for extent in extents),
        kind=draw(st.sampled_from(["perfect", "seeded"])),
        secure=draw(st.booleans()),
        payload=(draw(st.binary(min_size=1, max_size=50)) * spec.share_bytes(t))[: spec.share_bytes(t)],
        public_key=draw(st.binary(min_size=32, max_size=32)) if signed else None,
        signature=draw(st.binary(min_size=64, max_size=64)) if signed else None,
    )


@given(shares())
def test_p6_any_share_reads_as_it_was_written(share: Share) -> None:
    assert Share.from_bytes(share.to_bytes()) == share
    assert Share.from_text(share.to_text()) == share
    if share.spec.size <= 64:
        assert Share.from_words(share.to_words()) == share


@given(shares(), st.data())
def test_p6_what_is_read_is_written_alike(share: Share, data: st.DataObject) -> None:
    body = bytearray(share.to_bytes()[: -wire.CHECKSUM])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    again = taken(checked(bytes(body)))
    assert again is None or again.to_bytes() == checked(bytes(body))


@given(st.binary(min_size=1, max_size=620), st.data())
def test_p6_up_to_four_damaged_letters_are_found(held: bytes, data: st.DataObject) -> None:
    word = text._LETTERS.extend(text._symbols(text.write(held), "it"))
    places = data.draw(st.sets(st.integers(0, len(word) - 1), max_size=4))
    for place in places:
        word[place] ^= data.draw(st.integers(1, 31))
    assert text._LETTERS.damaged(word) == tuple(sorted(places))


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=60), st.data())
def test_p6_up_to_two_damaged_words_are_found(numbers: list[int], data: st.DataObject) -> None:
    word = text._WORDS.extend(numbers)
    places = data.draw(st.sets(st.integers(0, len(word) - 1), max_size=2))
    for place in places:
        word[place] ^= data.draw(st.integers(1, 2**16 - 1))
    assert text._WORDS.damaged(word) == tuple(sorted(places))


@given(st.binary(min_size=1, max_size=620), st.data())
def test_p6_up_to_eight_damaged_letters_are_noticed(held: bytes, data: st.DataObject) -> None:
    word = text._LETTERS.extend(text._symbols(text.write(held), "it"))
    for place in data.draw(st.sets(st.integers(0, len(word) - 1), min_size=1, max_size=8)):
        word[place] ^= data.draw(st.integers(1, 31))
    assert text._LETTERS.damaged(word) != ()

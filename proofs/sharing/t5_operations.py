"""Shares that agree give one word whichever are taken; enough right ones repair it; sums, updates and newcomers are shares again.

Statement
    (1) If neighbours in the order of their codewords begin alike (f(c_i) = f(c_j) mod x^d(i,j)) and every window of k
    neighbours gives a word, all windows the same one, then every k of the shares give that word. So m shares of which at most
    m - k are wrong pass ``combine`` with the dealer's word only, and with m >= k + 2e shares, of which at most e are wrong,
    ``decode`` returns the dealer's word; ``explanations`` are all the smallest sets of at most e shares without which the rest
    agree. (2) Shares of dealers on two branches (T5) are told apart by their lineages; k-1 of them, from both branches of one
    secret, still have the same law for every secret. (3) ``add`` gives shares of the sum (T6). ``refreshed`` keeps the word, and
    k-1 old shares with k-1 new ones have the same law for every secret. (4) ``reach`` is exact for k holders (T7): they know the
    first E rows of the newcomer's share and no more. ``enroll`` gives the dealer's share or refuses, and gives it to signed
    holders wherever E is its length; of unsigned holders one may be wrong, with as many as the threshold under an AMD code alone.

Proof
    (1) Of three codewords in lexicographic order, d(u, w) = min(d(u, v), d(v, w)). For k + 1 points U let [U - z] be the divided
    difference of order k - 1 without z, and u < v < w in U: (c_u - c_w) [U - v] = (c_u - c_v) [U - w] + (c_v - c_w) [U - u],
    and by the first remark both quotients are in F[[x]]; they add to 1. So the difference of a set with a gap is an integral
    affine combination of those of two sets that spread less, and in the end of windows without gaps. What is not known of a
    share changes a difference at x^l or above (sharing.t1, and sharing.t3 for the compact layout). If at most m - k are wrong, k
    are right and give the dealer's word. For ``decode``: m - e shares that agree hold k right ones. A smallest set without which
    the rest agree has a member in every conflict, so ``explanations`` meets it. (2) The translation of sharing.t2, made for the
    common digits and for those of both branches. (3) f + g has leading coefficient s + s'. For updates g: f' = f - (s - s')
    prod_T (y - c_i), g' = g + (s - s') (prod_T - prod_T'), which has degree k-2 again, and all shares are as before. (4) With s
    exact, f - s prod_S (y - c_i) has degree k-2 and the same values on S; Lagrange gives it at c_t with an error of the
    valuation that the formula has. That no more is known: rank, below. With one wrong share of k + 1 or more the word is right by
    (1), with k of them by the AMD code (sharing.t4). Then a set of k-1 right holders whose E is the length gives the dealer's
    share, and one of the sets that ``enroll`` compares is such: nobody is in all of them.

Checked against the shipped code
    (1) ``conflict`` against all subsets with the reference, for every change of one digit and of two neighbouring digits of small
    shares; ``explanations`` against all sets; lies of all kinds. (2), (3) by rank over GF(2), from formulas of their own, to
    which shipped shares are equal. (4) against rank, for every k holders and newcomer below; ``enroll`` with every digit of every
    share of a holder wrong, in turn.

Covers not
    Who is right where several sets explain the contradictions. That makers of updates make ones of zero, hand them out unseen and
    forget them; whoever knows another maker's updates can make theirs cancel them. Two wrong shares in ``enroll``.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import BadShare, ForkedDealer, InconsistentShares, InvalidInput, Mismatch, NotEnoughShares, PrivlibError
from privlib.noise.testing import scripted_words
from privlib.prove import replaced, rewritten
from privlib.sharing import lanes, operations, ring, signing
from privlib.sharing.agreement import Agreement, in_order
from privlib.sharing.heads import forks
from privlib.sharing.integrity import wrap
from privlib.sharing.newcomers import confirming, reach, ways
from privlib.sharing.operations import add, enroll, refreshed, updates
from privlib.sharing.recover import check_together, combine
from privlib.sharing.robust import decode
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec

covers = [
    "privlib.sharing.agreement.Agreement.conflict",
    "privlib.sharing.agreement.Agreement.explanations",
    "privlib.sharing.agreement.Agreement._begin_alike",
    "privlib.sharing.agreement.Agreement._word",
    "privlib.sharing.agreement.in_order",
    "privlib.sharing.agreement.word_of",
    "privlib.sharing.recover.trusted_word",
    "privlib.sharing.recover.check_together",
    "privlib.sharing.recover._agreed_word",
    "privlib.sharing.heads.check_alike",
    "privlib.sharing.heads.forks",
    "privlib.sharing.heads.check_enough",
    "privlib.sharing.robust.decode",
    "privlib.sharing.robust._how_many",
    "privlib.sharing.robust._without_copies",
    "privlib.sharing.robust._largest_group",
    "privlib.sharing.robust._verifies",
    "privlib.sharing.operations.add",
    "privlib.sharing.operations.updates",
    "privlib.sharing.operations.refreshed",
    "privlib.sharing.operations.enroll",
    "privlib.sharing.operations._through",
    "privlib.sharing.lanes.interpolate",
    "privlib.sharing.newcomers.reach",
    "privlib.sharing.newcomers.ways",
    "privlib.sharing.newcomers.confirming",
    "privlib.sharing.operations._sum",
    "privlib.sharing.operations._repeated",
    "privlib.sharing.operations._merged",
    "privlib.sharing.operations._cut",
    "privlib.sharing.operations._update_of",
]

LINEAGE = ((1000, bytes(16)),)
PRIVATE, ANOTHER = bytes(range(32)), bytes(32)


def stream(label: str, size: int) -> bytes:
    return hashlib.shake_256(label.encode()).digest(size)


def dealt(spec: Spec, word: bytes, participants: Sequence[int], label: str = "", dealer: bytes = bytes(16)) -> list[Share]:
    """The shares of a word, padded with zeros, under streams that the label fixes."""
    rows = np.frombuffer(word.ljust(spec.rows * spec.width, b"\0"), dtype=np.uint8).reshape(spec.rows, spec.width)
    reads = []
    for j in range(1, spec.threshold):

        def read(start: int, stop: int, j: int = j) -> lanes.Rows:
            own = np.frombuffer(stream(f"{label} {j}", stop * spec.width), dtype=np.uint8)
            return own.reshape(-1, spec.width)[start:]

        reads.append(read)
    made = []
    for t in participants:
        payload = lanes.share(rows, spec.prefix_code.encode(t), reads, spec.share_rows(t)).tobytes()
        made.append(Share(spec=spec, dealer=dealer, epoch=0, t=t, lineage=LINEAGE, kind="perfect", secure=False, payload=payload))
    return made


def changed(share: Share, places: Sequence[int], value: int = 1) -> Share:
    payload = bytearray(share.payload)
    for place in places:
        payload[place] ^= value
    return replace(share, payload=bytes(payload))


def refused(call: Callable[[], object], *errors: type[PrivlibError]) -> bool:
    try:
        call()
    except errors:
        return True
    return False


def end_of(call: Callable[[], object]) -> type[Exception] | None:
    """The error in which a call ends; without a word there is none to take bytes of."""
    try:
        call()
    except (PrivlibError, AttributeError) as error:
        return type(error)
    return None


def digits(share: Share) -> tuple[int, ...]:
    """The lowest lane of a share whose rows are bytes."""
    return tuple(byte & 1 for byte in share.payload)


def agree(shares: Sequence[Share]) -> bool:
    """Whether all pairs begin alike and every k shares give one word: from the definition, by the reference, in one lane."""
    spec, words = shares[0].spec, set()
    for one, other in itertools.combinations(shares, 2):
        codewords = [spec.prefix_code.encode(share.t) for share in (one, other)]
        common = next((i for i, (a, b) in enumerate(zip(*codewords, strict=False)) if a != b), None)
        if common is None or digits(one)[:common] != digits(other)[:common]:
            return False
        if not (one.lineage[: len(other.lineage)] == other.lineage or other.lineage[: len(one.lineage)] == one.lineage):
            return False
    for chosen in itertools.combinations(shares, spec.threshold):
        try:
            words.add(ring.recover([spec.prefix_code.encode(s.t) for s in chosen], [digits(s) for s in chosen], spec.rows))
        except InconsistentShares:
            return False
    return len(words) < 2


def small(k: int, layout: str = "paper", size: int = 1) -> Spec:
    return Spec(k, size, width=1, integrity="none", layout=layout)


def windows_are_enough() -> None:
    seen = set()
    for k, layout, participants in (
        (2, "paper", (1, 2, 3, 4)),
        (2, "paper", (4, 5, 6, 7, 2)),
        (3, "paper", (1, 2, 3, 5)),
        (3, "compact", (4, 5, 6, 7, 1)),
        (4, "compact", (2, 3, 4, 5, 6)),
    ):
        shares = in_order(dealt(small(k, layout), b"\1", participants))
        assert Agreement(shares).conflict(range(len(shares))) is None, "right shares contradict each other"
        digits = [(who, place) for who, share in enumerate(shares) for place in range(len(share.payload))]
        pairs = list(itertools.combinations(digits, 2))
        for change in [*((digit,) for digit in digits), *pairs[:: len(pairs) // 150 + 1]]:
            lies = [changed(share, [place for who, place in change if who == i]) for i, share in enumerate(shares)]
            found = Agreement(lies).conflict(range(len(lies)))
            assert (found is None) == agree(lies), "windows do not tell whether shares agree"
            if found is not None:
                assert len(found) <= k + 1, "a conflict is larger than it must be"
                assert not agree([lies[i] for i in found]), "a conflict is none"
                assert found[0] < found[1], "a conflict is out of order"
            seen.add(found is None)
    assert seen == {True, False}, "no change is seen, or none is harmless"
    one, two, three, four = dealt(small(2), b"\1", (1, 2, 3, 4))
    wrong = [changed(one, [0]), two, three]  # with 2 and with 3 it gives one word, and 2 with 3 another
    for some in itertools.permutations(wrong):
        assert refused(lambda some=some: combine(some), InconsistentShares), "an extra share is no check"
    assert combine([three, one, two]) == b"\1"
    try:
        combine([changed(one, [0]), two, three, four])
    except InconsistentShares as error:
        named = error.participants
    assert named == (1,), "the wrong share is not named"
    five, six, seven = dealt(small(3), b"\1", (2, 3, 8))
    check_together([five, six])
    check_together([five, six, seven])
    for pair in ([changed(five, [2]), six], [five, changed(six, [0]), seven]):
        assert refused(lambda pair=pair: check_together(pair), InconsistentShares), "shares that differ too early pass"


def lies(shares: Sequence[Share], other: Sequence[Share], kind: int, who: int) -> Share:
    """A wrong share, of seven kinds."""
    share = shares[who]
    return [
        changed(share, range(len(share.payload)), 0b10101),
        changed(share, [0]),
        changed(share, [len(share.payload) - 1]),
        replace(other[who]),
        replace(share, lineage=((1000, b"\1" * 16),)),
        replace(other[who], dealer=b"\2" * 16),
        replace(shares[who - 1], payload=bytes(b ^ 3 for b in shares[who - 1].payload)),
    ][kind]


def the_word_is_repaired_and_culprits_are_named() -> None:
    for k, e, participants in ((2, 1, (1, 2, 3, 8)), (2, 2, (1, 2, 3, 4, 5, 9)), (3, 1, (1, 2, 3, 4, 9)), (2, 3, range(1, 9))):
        spec = small(k, size=2)
        right = dealt(spec, b"ok", list(participants))
        other = dealt(spec, b"no", list(participants), "another")
        m = len(right)
        assert decode(right) == (b"ok", ()), "right shares are rejected"
        for number, kinds in enumerate(itertools.product(range(7), repeat=e)):
            if number % (1, 5, 23)[e - 1] == 0:
                bad = [(number + 2 * i) % m for i in range(e)] if e < 3 else [number % m, (number + 1) % m, (number + 5) % m]
                given = [lies(right, other, kinds[bad.index(i)], i) if i in bad else right[i] for i in range(m)]
                secret, rejected = decode(given)
                assert secret == b"ok", "the word is not repaired"
                assert len(rejected) <= m
                for i in bad:
                    seen = given[i] != right[i] and not agree_with(given, right, i, bad)
                    assert not seen or given[i].t in rejected, "a culprit is not named"
                expected = {given[i].t for i in bad}
                if all(kind in (0, 5) for kind in kinds):
                    assert set(rejected) == expected, "somebody else is named"
                assert decode([*given, given[0], given[-1]], wrong=e)[0] == b"ok", "a copy counts"
        wrong = [lies(right, other, 0, i) if i <= e else right[i] for i in range(m)]
        assert refused(lambda given=wrong, e=e: decode(given, wrong=e), InconsistentShares), "more wrong shares are repaired"
        assert refused(lambda given=right[: k + 1]: decode(given), PrivlibError), "too few shares are repaired"
        assert refused(lambda given=right, e=e: decode(given[:-1], wrong=e), PrivlibError), "too few shares are repaired"
        mixed = [lies(right, other, 5 if i == 0 else 0, i) if i <= e else right[i] for i in range(m)]
        assert refused(lambda given=mixed, e=e: decode(given, wrong=e), InconsistentShares), "a stranger is not counted as wrong"
        strangers = [lies(right, other, 5, i) if i <= e else right[i] for i in range(m)]
        assert refused(lambda given=strangers, e=e: decode(given, wrong=e), Mismatch), "strangers are not counted as wrong"


def agree_with(given: Sequence[Share], right: Sequence[Share], who: int, bad: Sequence[int]) -> bool:
    """Whether a wrong share contradicts none of the right ones."""
    if (given[who].dealer, given[who].epoch) != (right[who].dealer, right[who].epoch):
        return False
    return agree([given[who], *(share for i, share in enumerate(right) if i not in bad)])


def explanations_are_all_there_are() -> None:
    spec = small(2)
    right = dealt(spec, b"\1", (1, 2, 3, 4, 5, 8))
    cases = [
        [changed(share, [1]) if share.t == 2 else share for share in right],
        [changed(share, [3]) if share.t in (2, 5) else share for share in right],
        [changed(share, [0]) if share.t in (1, 8) else share for share in right],
        [changed(share, [2]) if share.t == 3 else share for share in right],
        [changed(share, [2, 3]) if share.t in (3, 4) else share for share in right],
    ]
    several = 0
    for case in cases:
        ordered = in_order(case)
        found, wanted = Agreement(ordered).explanations(2), list[frozenset[int]]()
        for size in range(3):
            for gone in map(frozenset, itertools.combinations(range(len(ordered)), size)):
                rest = [share for place, share in enumerate(ordered) if place not in gone]
                if not any(each <= gone for each in wanted) and agree(rest):
                    wanted.append(gone)
        assert sorted(map(sorted, found)) == sorted(map(sorted, wanted)), "explanations are missing, or others are given"
        several += len(found) > 1
    assert several, "no case has several explanations"
    assert Agreement(in_order(cases[2])).explanations(1) == [], "too many wrong shares are explained"


def signatures_are_believed_only_if_they_verify() -> None:
    public = signing.public_key(PRIVATE)
    for integrity in ("none", "signed"):
        right = dealt(Spec(2, 1, width=1, integrity=integrity), b"\1", (1, 2, 3, 4))
        one, two, three, four = (signing.sign(share, PRIVATE) for share in right)
        assert decode([one, two, three, four]) == decode([one, two, three, four], public_key=public) == (b"\1", ())
        assert combine([one, two]) == b"\1"
        unsigned = replace(two, public_key=None, signature=None)
        for bad, own in ((replace(two, signature=bytes(64)), True), (signing.sign(two, ANOTHER), False), (unsigned, False)):
            given = [one, bad, three, four]  # with the right payload: the signature alone is wrong
            assert decode(given, public_key=public) == (b"\1", (2,)), "a wrongly signed share is not rejected"
            if own or (bad is unsigned and integrity == "signed"):
                assert decode(given) == (b"\1", (2,)), "a wrongly signed share is not rejected"
                assert refused(lambda given=given: combine(given), BadShare), "a share without a good signature is taken"
        assert refused(lambda given=[one, two, three, four]: decode(given, public_key=ANOTHER), NotEnoughShares)
        if integrity == "signed":
            assert refused(lambda right=right: combine(right), BadShare), "a plan that wants signatures takes shares without"
            assert refused(lambda right=right: decode(right), NotEnoughShares)


def too_few_shares_give_nothing() -> None:
    for k, people in ((2, (1, 2, 3)), (3, (1, 2, 3, 4)), (4, (2, 3, 4, 5))):
        shares = dealt(small(k, size=2), b"ok", people)
        assert combine(shares[:k]) == b"ok"
        for count in range(k):
            assert end_of(lambda few=shares[:count]: combine(few)) is NotEnoughShares, "too few shares are not refused"
            assert end_of(lambda few=shares[:count]: enroll(few, 9)) is NotEnoughShares, "too few shares let somebody in"


def forks_are_named() -> None:
    spec, grown = small(2), ((4, b"\1" * 16), (9, b"\2" * 16))
    one, two, three, four = dealt(spec, b"\1", (1, 2, 3, 4))
    first = replace(one, lineage=grown[:1])
    onward = [replace(two, lineage=grown), replace(three, lineage=grown)]
    assert combine([first, *onward]) == b"\1", "a dealer that went on is called forked"
    forked = [replace(four, lineage=(grown[0], (9, b"\3" * 16))), *onward, first]
    assert refused(lambda: combine(forked), ForkedDealer), "a forked dealer is not noticed"
    assert forks(forked) == ((1, 2, 3), (1, 4)), "the branches are others"
    for field in ({"epoch": 1}, {"dealer": b"\1" * 16}, {"kind": "seeded"}):
        assert refused(lambda field=field: combine([one, two, replace(three, **field)]), Mismatch), "heads may differ"
    five = dealt(Spec(2, 1, width=1, integrity="none", code="gamma"), b"\1", (5,))[0]
    assert refused(lambda: combine([one, two, five]), Mismatch), "plans may differ"


def times(one: int, other: int) -> int:
    """A product in GF(2)[x], polynomials as integers."""
    product = 0
    while other:
        product ^= one if other & 1 else 0
        one, other = one << 1, other >> 1
    return product


def functionals(spec: Spec, t: int, offsets: Sequence[int]) -> list[int]:
    """Each digit of share t as a linear function of the secret's digits and the streams', which begin at these offsets."""
    k, code_word = spec.threshold, sum(digit << i for i, digit in enumerate(spec.prefix_code.encode(t)))
    powers = [1]
    for _ in range(k - 1):
        powers.append(times(powers[-1], code_word))
    found = []
    for row in range(spec.share_rows(t)):
        value = 0
        for power, offset in zip(reversed(powers), offsets, strict=True):
            for digit in range(row + 1):
                if power >> row - digit & 1 and (offset or digit < spec.rows):
                    value ^= 1 << offset + digit
        found.append(value)
    return found


def echelon(rows: Sequence[int]) -> dict[int, int]:
    basis: dict[int, int] = {}
    for row in rows:
        left = reduced(row, basis)
        if left:
            basis[left.bit_length()] = left
    return basis


def reduced(row: int, basis: dict[int, int]) -> int:
    while row and row.bit_length() in basis:
        row ^= basis[row.bit_length()]
    return row


def says_nothing(spec: Spec, rows: Sequence[int]) -> bool:
    """Whether no combination of some functionals is one of the secret alone; its digits come lowest."""
    mask = (1 << spec.rows) - 1
    return len(echelon(rows)) == len(echelon([row & ~mask for row in rows]))


def offsets_of(spec: Spec, longest: int, first: int = 0) -> list[int]:
    start = spec.rows + first * (spec.threshold - 1) * longest
    return [0, *(start + j * longest for j in range(spec.threshold - 1))]


def branches_and_epochs_say_nothing() -> None:
    for k in (2, 3):
        spec, people = small(k, size=2), (1, 2, 3, 5, 8)
        longest = max(map(spec.share_rows, people))
        one = offsets_of(spec, longest)
        other = offsets_of(spec, longest, 1)
        for old, new in itertools.product(itertools.combinations(people, k - 1), repeat=2):
            before = [row for t in old for row in functionals(spec, t, one)]
            mask = (1 << spec.rows) - 1
            update = {t: [row & ~mask for row in functionals(spec, t, other)] for t in new}
            after = [a ^ b for t in new for a, b in zip(functionals(spec, t, one), update[t], strict=True)]
            assert says_nothing(spec, [*before, *after]), "old and new shares together say something"
        for chosen in itertools.combinations(people, k - 1):
            for fork in range(3, longest):
                rows = []
                for place, t in enumerate(chosen):
                    for row in functionals(spec, t, one):
                        rows.append(branched(row, spec, longest, fork) if place % 2 else row)
                assert says_nothing(spec, rows), "two branches together say something"


def branched(row: int, spec: Spec, longest: int, fork: int) -> int:
    """The same functional on a branch: stream digits from a row on are other ones."""
    moved = row & ((1 << spec.rows) - 1)
    for j in range(spec.threshold - 1):
        own = row >> spec.rows + j * longest & ((1 << longest) - 1)
        low = own & ((1 << fork) - 1)
        moved ^= low << spec.rows + j * longest
        moved ^= (own ^ low) << spec.rows + (spec.threshold - 1 + j) * longest
    return moved


def sums_are_shares() -> None:
    for k, people in ((2, (1, 2, 5)), (3, (1, 3, 4, 8))):
        spec = small(k, size=3)
        one, two = dealt(spec, b"one", people), dealt(spec, b"two", people, "other", b"\1" * 16)
        both = add(one, two)
        assert combine(both) == bytes(a ^ b for a, b in zip(b"one", b"two", strict=True)), "a sum is of another secret"
        assert add(two, one) == both, "a sum has an order"
        assert both[0].dealer not in (one[0].dealer, two[0].dealer)
        assert add(one, two[::-1]) == both
        assert len({share.dealer for share in both}) == 1
        assert [share.epoch for share in both] == [0] * len(people)
        seeded = add(one, [replace(share, kind="seeded", secure=True) for share in two])
        assert {(share.kind, share.secure) for share in seeded} == {("seeded", False)}, "a sum is better than its parts"
        later = [replace(share, epoch=1) for share in two]
        assert add(one, later)[0].dealer != both[0].dealer, "sums with other epochs are one dealer's"
        for others in (one, two[1:], [*two, two[0]], [*two[1:], replace(two[1])]):
            assert refused(lambda one=one, others=others: add(one, others), InvalidInput), "these do not add"
        amd = dealt(Spec(k, 3, width=1), b"one", people), dealt(Spec(k, 3, width=1), b"two", people, "o", b"\1" * 16)
        assert refused(lambda amd=amd: add(*amd), InvalidInput), "AMD words are added"
        bigger = dealt(small(k, size=4), b"more", people, "other", b"\1" * 16)
        assert refused(lambda one=one, bigger=bigger: add(one, bigger), Mismatch), "other plans are added"


def updates_are_shares_of_zero() -> None:
    calls = list[tuple[int, int, int]]()

    class Recorded:
        refinement_bits = 64

        def main(self, start: int, count: int, word_bits: int) -> bytes:
            calls.append((start, count, word_bits))
            return bytes(count)

    with replaced(operations, "device_words", Recorded):
        assert updates(dealt(small(3), b"\1", (2,))[0], (2,))[0].secure, "digits of the operating system are called insecure"
    assert calls == [(0, 16, 8), (0, 14, 8)], "other words are drawn than a nonce and the digits of all streams"
    for k, people in ((2, (2, 1, 5)), (3, (4, 1, 3, 8))):
        spec = small(k, size=2)
        old = dealt(spec, b"ok", people)
        longest = max(map(spec.share_rows, people))
        nonce, drawn = stream("nonce", 16), stream("digits", (k - 1) * longest)
        with scripted_words([*nonce, *drawn]):
            made = updates(old[0], people)
        streams = [[byte >> 4 & 1 for byte in drawn[j * longest : (j + 1) * longest]] for j in range(k - 1)]
        for update in made:
            length = spec.share_rows(update.t)
            wanted = ring.share((0,) * spec.rows, spec.prefix_code.encode(update.t), streams, length)
            assert tuple(byte >> 4 & 1 for byte in update.payload) == wanted, "an update is no share of zero, or draws twice"
            assert (update.lineage, update.secure, update.epoch) == (((longest, nonce),), False, 1)
        assert combine(made) == bytes(2), "updates are not of zero"
        new = [refreshed(share, update) for share, update in zip(old, made, strict=True)]
        assert combine(new) == b"ok", "a refresh changes the secret"
        assert {(share.epoch, share.dealer) for share in new} == {(1, old[0].dealer)}
        assert [a.payload != b.payload for a, b in zip(old, new, strict=True)] == [True] * len(old), "nothing is refreshed"
        mixed = [old[0], *new[1:]]
        assert refused(lambda mixed=mixed: combine(mixed), Mismatch), "old and new shares combine"
        assert refused(lambda mixed=[old[0], *made[1:]]: combine(mixed), Mismatch), "shares and updates combine"
        with scripted_words([*stream("n2", 16), *stream("d2", (k - 1) * longest)]):
            second = updates(old[0], people)
        twice = [refreshed(*each) for each in zip(old, made, second, strict=True)]
        assert combine(twice) == b"ok"
        assert twice == [refreshed(*each) for each in zip(old, second, made, strict=True)], "updates have an order"
        for share, update in zip(old, made, strict=True):
            assert refused(lambda pair=(share, update): refreshed(*pair, pair[1]), Mismatch), "an update counts twice"
        assert refused(lambda some=[new[0], *twice[1:]]: combine(some), ForkedDealer), "other updates are not noticed"
        with scripted_words([*nonce, *drawn]):
            third = updates(new[0], people)
        assert combine([refreshed(*each) for each in zip(new, third, strict=True)]) == b"ok"
        for share, update in ((old[0], made[1]), (old[0], third[0]), (new[0], made[0]), (old[0], old[0])):
            assert refused(lambda pair=(share, update): refreshed(*pair), Mismatch), "another's update is taken"
        foreign = replace(old[0], dealer=b"\1" * 16)
        assert refused(lambda pair=(foreign, made[0]): refreshed(*pair), Mismatch), "another dealer's update is taken"
        assert refused(lambda share=old[0]: refreshed(share), Mismatch), "no update is an update"
        renamed = replace(made[0], spec=Spec(k, 2, width=1, integrity="signed"))  # as many rows
        assert refused(lambda pair=(old[0], renamed): refreshed(*pair), Mismatch), "an update of another plan is taken"
        assert refused(lambda share=old[0]: updates(share, [1, 1]), InvalidInput)


def updates_do_not_come_twice() -> None:
    share = dealt(small(2, size=16), bytes(range(16)), (1,))[0]
    nonces = stream("nonces", 32)
    with scripted_words([*nonces[:16], *stream("digits", 16)]):
        (update,) = updates(share, [1])
    with scripted_words([*nonces[16:], *stream("other digits", 16)]):
        (other,) = updates(share, [1])
    assert refreshed(share, update, other) == refreshed(share, other, update)
    renamed = replace(update, lineage=other.lineage)
    for pair in ((update, update), (update, renamed), (other, update, other), (other, renamed)):
        assert refused(lambda pair=pair: refreshed(share, *pair), Mismatch), "an update counts twice"
    short = dealt(small(2, size=15), bytes(15), (1,))[0]  # where one of 256 payloads may come twice by chance, it may
    with scripted_words([*nonces[:16], *bytes(15)]):
        (update,) = updates(short, [1])
    with scripted_words([*nonces[16:], *bytes(15)]):
        (other,) = updates(short, [1])
    assert refreshed(short, update, other).payload == short.payload


def lineages_of_sums_tell_forks() -> None:
    spec = Spec(2, 8, width=1, integrity="none")
    people = (1, 2, 1000)
    lengths = dict(zip(people, map(spec.share_rows, people), strict=True))
    assert list(lengths.values()) == [8, 11, 23]
    own = ((9, b"a" * 16), (30, b"b" * 16))
    other = ((10, b"c" * 16), (11, b"d" * 16), (25, b"e" * 16))

    def history(entries: tuple[tuple[int, bytes], ...], rows: int) -> tuple[tuple[int, bytes], ...]:
        needed = next(i for i, (extent, _) in enumerate(entries, start=1) if extent >= rows)
        return entries[:needed]

    one = [replace(s, lineage=history(own, lengths[s.t])) for s in dealt(spec, b"one.....", people)]
    two = [replace(s, lineage=history(other, lengths[s.t])) for s in dealt(spec, b"two.....", people, "other", b"\1" * 16)]
    both = add(one, two)
    assert add(two, one) == both, "histories have an order"
    assert [[extent for extent, _ in share.lineage] for share in both] == [[9], [9, 10, 11], [9, 10, 11, 25]]
    assert len(combine(both)) == 8, "sums of dealers that went on are called forked"
    third = [replace(s, lineage=()) for s in two]
    assert [share.lineage for share in add(one, third)] == [share.lineage for share in one]
    forked = replace(two[2], lineage=(*other[:2], (25, b"f" * 16)))
    early = replace(two[2], lineage=((10, b"f" * 16), *other[1:]))
    for wrong in (forked, early):
        sums = add([one[2]], [wrong])
        assert sums[0].lineage != both[2].lineage, "a fork is forgotten in a sum"
    assert refused(lambda: combine([*both[:2], *add([one[2]], [early])]), ForkedDealer)


def cases() -> Iterator[tuple[Spec, tuple[int, ...], int]]:
    for k, size, most in ((2, 1, 8), (2, 3, 5), (3, 1, 7), (3, 2, 5), (4, 1, 6)):
        for layout in ("paper", "compact"):
            spec = Spec(k, size, width=1, integrity="none", layout=layout)
            people = range(1, most + 1)
            for holders in itertools.combinations(people, k):
                for t in (*people, 9):
                    if t not in holders:
                        yield spec, holders, t


def newcomers_get_what_holders_know() -> None:
    whole = partly = 0
    for spec, holders, t in cases():
        longest = max(map(spec.share_rows, (*holders, t)))
        offsets = offsets_of(spec, longest)
        known = echelon([row for holder in holders for row in functionals(spec, holder, offsets)])
        wanted = functionals(spec, t, offsets)
        rank = next((place for place, row in enumerate(wanted) if reduced(row, known)), len(wanted))
        assert reach(spec, holders, t) == rank, "holders know another number of rows of a newcomer's share"
        assert reach(spec, holders[::-1], t) == rank
        if (whole + partly) % 7 == 0:
            shares = dealt(spec, bytes(range(1, 1 + spec.size)), (*holders, t))
            *signed, new = [signing.sign(share, PRIVATE) for share in shares[:-1]], shares[-1]
            if rank == len(wanted):
                assert enroll(*signed, t) == new, "a newcomer's share is not the dealer's"
            else:
                assert refused(lambda signed=signed, t=t: enroll(*signed, t), InvalidInput), "half a share is given out"
            assert refused(lambda shares=shares, t=t: enroll(shares[:-1], t), InvalidInput), "nobody confirms a share"
        whole += rank == len(wanted)
        partly += rank < len(wanted)
    assert min(whole, partly) > 100
    plan = Spec(3, 64, width=1, integrity="none")
    assert [reach(plan, (1, 2, 3), 8), plan.share_rows(8)] == [68, 78]
    assert reach(plan, (8, 9, 10), 11) == plan.share_rows(11), "a whole share is not reached"
    assert reach(plan, (1, 4, 5, 7), 6) == plan.share_rows(6), "more holders know less"
    for holders in ((4, 5, 6), (4, 5), (4, 5, 5)):
        assert refused(lambda holders=holders: reach(plan, holders, 6), InvalidInput)
    grown = ((70, b"a" * 16), (72, b"b" * 16), (90, b"c" * 16))
    shares = [replace(share, lineage=grown) for share in dealt(plan, b"s" * 64, (4, 5, 7))]
    shares[0] = replace(shares[0], lineage=grown[:2], secure=True)
    new = enroll([signing.sign(share, PRIVATE) for share in shares], 6)
    assert (new.lineage, new.secure, new.epoch, new.dealer, new.kind) == (grown[:2], False, 0, bytes(16), "perfect")
    assert len(combine([new, *shares])) == 64
    assert end_of(lambda: enroll(shares[:2], 6)) is NotEnoughShares, "two holders of three let somebody in"


def one_wrong_holder_spoils_no_newcomer() -> None:
    given_out, seen = 0, set[str]()
    for k, integrity, layout, holders, t in (
        (2, "none", "paper", (4, 5, 1), 6),
        (2, "none", "compact", (4, 5, 7), 2),
        (2, "none", "paper", (4, 5), 6),
        (2, "amd", "paper", (4, 5), 6),
        (2, "amd", "paper", (8, 1, 2), 5),
        (2, "amd", "paper", (8, 2), 5),
        (3, "none", "paper", (4, 5, 6, 7), 2),
        (3, "none", "compact", (4, 5, 6, 1), 7),
        (3, "none", "compact", (8, 9, 10, 11, 1), 12),
        (3, "amd", "paper", (4, 5, 6), 7),
    ):
        width = 1 if integrity == "none" else 21
        spec = Spec(k, 2, width=width, integrity=integrity, layout=layout)
        *right, new = dealt(spec, wrap(b"ok", integrity, stream("a", 16)), (*holders, t))
        try:
            assert enroll(right, t, expected=holders) == new, "a newcomer's share is not the dealer's"
            given_out += 1
        except InvalidInput:
            seen.add("refused")
        for who, share in enumerate(right):
            wrong = [changed(share, [row * width]) for row in range(len(share.payload) // width)]
            last = replace(share, lineage=((1000, b"\1" * 16),)) if len(holders) > k else wrong[-1]
            for bad in (*wrong, last, *map(changed, wrong, [[len(share.payload) - 1]] * len(wrong))):
                for sign in (False, True):
                    given = [signing.sign(one, PRIVATE) if sign else one for one in right]
                    given[who] = bad
                    try:
                        found = enroll(given, t, expected=holders)
                    except (InvalidInput, InconsistentShares, BadShare, ForkedDealer) as error:
                        seen.add(type(error).__name__)
                    else:
                        seen.add("harmless")
                        assert found == new, "a wrong share spoils a newcomer's"
    assert given_out >= 4
    assert seen == {"refused", "harmless", "InvalidInput", "InconsistentShares", "BadShare", "ForkedDealer"}, seen
    for size, place in itertools.product(range(1, 5), range(1, 4)):
        for sets in itertools.combinations(list(itertools.combinations(range(4), place)), size):
            some = confirming(sets)
            assert {*some} <= {*sets}, "other sets than those given confirm"
            assert bool(some) == (not frozenset(range(4)).intersection(*sets)), "a confirmation is missed, or is none"
            assert not some or not frozenset(range(4)).intersection(*some), "somebody is in all sets"
            assert len(some) <= place + 1


def all_ways_are_found() -> None:
    for k, holders, t in ((2, (4, 5, 1), 6), (3, (1, 2, 3, 8), 4), (3, (4, 5, 6, 7), 2), (4, (2, 4, 5, 6, 7), 3)):
        for layout in ("paper", "compact"):
            spec = small(k, layout)
            offsets = offsets_of(spec, max(map(spec.share_rows, (*holders, t))))
            word, wanted = [1 << row for row in range(spec.rows)], functionals(spec, t, offsets)
            ranks = dict[tuple[int, ...], int]()
            for chosen in itertools.combinations(range(len(holders)), k - 1):
                known = echelon([*word, *(row for place in chosen for row in functionals(spec, holders[place], offsets))])
                ranks[chosen] = next((place for place, row in enumerate(wanted) if reduced(row, known)), len(wanted))
            most = max(ranks.values())
            best = tuple(chosen for chosen, rank in ranks.items() if rank == most)
            assert ways(spec, holders, t) == (most, best), "other holders than those found know the most"


def prove() -> None:
    try:
        everything_is_as_stated()
    except PrivlibError as error:
        raise AssertionError("what must be taken is refused") from error


def everything_is_as_stated() -> None:
    forks_are_named()
    sums_are_shares()
    updates_are_shares_of_zero()
    lineages_of_sums_tell_forks()
    explanations_are_all_there_are()
    windows_are_enough()
    the_word_is_repaired_and_culprits_are_named()
    newcomers_get_what_holders_know()
    one_wrong_holder_spoils_no_newcomer()
    all_ways_are_found()
    signatures_are_believed_only_if_they_verify()
    too_few_shares_give_nothing()
    updates_do_not_come_twice()
    branches_and_epochs_say_nothing()


def mutants() -> dict[str, object]:
    agreement, recover, robust = "privlib.sharing.agreement", "privlib.sharing.recover", "privlib.sharing.robust"
    heads = "privlib.sharing.heads"
    doing = "privlib.sharing.operations"
    conflict, best = f"{agreement}.Agreement.conflict", "privlib.sharing.newcomers.ways"
    return {
        "only one window is looked at": rewritten(conflict, "len(places) - threshold + 1", "1"),
        "windows may give different words": rewritten(conflict, "before not in (None, word)", "False"),
        "windows that give no word will do": rewritten(conflict, "if word is None:", "if False:"),
        "a conflict leaves a member out": rewritten(
            conflict, "places[start - 1 : start + threshold]", "places[start : start + threshold]"
        ),
        "branches are not looked at": rewritten(conflict, "lineage != ", "lineage is None and lineage != "),
        "pairs need not begin alike": rewritten(
            f"{agreement}.Agreement._begin_alike", "return first.payload[:common] == second.payload[:common]", "return True"
        ),
        "shares stand as they come": rewritten(f"{agreement}.in_order", "sorted(shares, key=_code_word)", "shares"),
        "a participant may come twice": rewritten(f"{agreement}.Agreement._begin_alike", "return False", "return True"),
        "one explanation is enough": rewritten(
            f"{agreement}.Agreement.explanations", "found.append(removed)", "return [removed]"
        ),
        "explanations may hold others": rewritten(
            f"{agreement}.Agreement.explanations", "any(explanation <= removed for explanation in found)", "False"
        ),
        "the search stops one early": rewritten(f"{agreement}.Agreement.explanations", "range(most + 1)", "range(most)"),
        "extra shares are not checked": rewritten(
            f"{recover}.trusted_word", "_agreed_word(shares)", "_agreed_word(shares[: shares[0].spec.threshold])"
        ),
        "heads may differ": rewritten(f"{heads}.check_alike", "own[name] != fields[0][name]", "False"),
        "forks are not noticed": rewritten(f"{heads}.check_alike", "len(branches) > 1", "False"),
        "a branch that goes on is a fork": rewritten(f"{heads}.forks", "one == other[: len(one)]", "False"),
        "copies count": rewritten(f"{robust}._without_copies", "if share not in found:", "if True:"),
        "fewer shares suffice to repair": rewritten(
            f"{robust}._how_many", "given < threshold + 2 * most", "given < threshold + most"
        ),
        "strangers do not count as wrong": rewritten(f"{robust}.decode", "most - len(given) + len(alike)", "most"),
        "strangers are not named": rewritten(f"{robust}.decode", "if share not in alike", "if False"),
        "strangers stay": rewritten(
            f"{robust}._largest_group", "(share.spec.fingerprint, share.dealer, share.epoch, share.kind)", "0"
        ),
        "AMD words are added": rewritten(f"{doing}.add", 'share.spec.integrity != "none" or ', ""),
        "a sum of a secret with itself": rewritten(f"{doing}.add", "one.dealer == other.dealer", "False"),
        "a participant is added twice": rewritten(f"{doing}.add", "len(partners) < len(others) or ", ""),
        "the sum is one of the two": rewritten(f"{doing}._sum", "rows ^ rows_of(other)", "rows_of(other)"),
        "a sum is as good as its best part": rewritten(f"{doing}._sum", 'kinds == {"perfect"}', '"perfect" in kinds'),
        "test mode is forgotten in a sum": rewritten(f"{doing}._sum", "all(", "any("),
        "one digit serves two streams": rewritten(
            f"{doing}.updates", "for own in digits]", "for own in digits[:1].repeat(len(digits), 0)]"
        ),
        "updates are shares of one": rewritten(f"{doing}.updates", "zero = np.zeros(", "zero = np.ones("),
        "updates stay in the epoch": rewritten(f"{doing}.updates", "share.epoch + 1", "share.epoch"),
        "any update will do": rewritten(
            f"{doing}.refreshed", "update.dealer, update.epoch,", "_update_of(share), share.epoch + 1,"
        ),
        "another's update will do": rewritten(f"{doing}._named", "share.dealer + share.epoch", "share.epoch"),
        "a fork is forgotten in a sum": rewritten(
            f"{doing}._merged", "extent) for own in known)", "extent) for own in known[:1])"
        ),
        "a sum's history goes on": rewritten(f"{doing}._cut", "extent >= rows", "extent > rows"),
        "overlaps with the newcomer do not count": rewritten(best, "own[j] - shared[i, j]", "-shared[i, j]"),
        "overlaps among holders do not count": rewritten(best, "own[j] - shared[i, j]", "own[j]"),
        "holders know the most of any of them": rewritten(best, "return min(lengths", "return max(lengths"),
        "any holders will do": rewritten(best, "reached == most", "True"),
        "one set of holders is all": rewritten(best, "if reached == most)", "if reached == most)[:1]"),
        "nobody confirms a newcomer's share": rewritten(f"{doing}.enroll", "sets = confirming(sets)", "sets = sets[:1]"),
        "one signed share confirms all": rewritten(f"{doing}.enroll", "if all(share.public_key", "if any(share.public_key"),
        "nobody confirms the word": rewritten(f"{doing}.enroll", 'spec.integrity == "none" and ', "False and "),
        "an AMD code is not looked at": rewritten(f"{doing}.enroll", "secret_of(spec, word)", "pass"),
        "shares for a newcomer may differ": rewritten(f"{doing}.enroll", "any(share != made[0] for share in made)", "False"),
        "somebody is in all sets": rewritten("privlib.sharing.newcomers.confirming", "common &= set(without)", "common = set()"),
        "a wrong signature will do": rewritten(f"{robust}._verifies", "return False", "return True"),
        "a plan that wants signatures does without": rewritten(
            f"{robust}._verifies", 'return share.spec.integrity != "signed"', "return True"
        ),
        "a plan that wants signatures combines without": rewritten(
            f"{heads}.check_enough", 'spec.integrity == "signed" and not signed', "False"
        ),
        "too few shares are not refused": rewritten(f"{heads}.check_enough", "count < spec.threshold", "False"),
        "an update of another plan will do": rewritten(f"{doing}.refreshed", "(update.spec,", "(share.spec,"),
        "an update counts twice": rewritten(f"{doing}.refreshed", "if _repeated(made):", "if False:"),
        "an update with another nonce counts twice": rewritten(
            f"{doing}._repeated", " or len(set(payloads)) < len(payloads)", ""
        ),
        "histories have an order": rewritten(f"{doing}._merged", "nonces = sorted(", "nonces = list("),
        "a newcomer's share is that of another point": rewritten(
            "privlib.sharing.lanes.interpolate", "target ^ polynomial(code_words[i])", "target"
        ),
        "half a share is given out": rewritten(f"{doing}.enroll", "if rows < wanted:", "if False:"),
        "too few holders let somebody in": rewritten(best, "len(participants) < threshold", "False"),
    }


@given(st.integers(2, 5), st.integers(1, 3), st.binary(min_size=1, max_size=40), st.data())
def test_p5_up_to_three_wrong_shares_are_repaired_and_named(k: int, e: int, secret: bytes, data: st.DataObject) -> None:
    participants = data.draw(st.lists(st.integers(1, 10**6), min_size=k + 2 * e, max_size=k + 2 * e, unique=True))
    layout = data.draw(st.sampled_from(["paper", "compact"]))
    shares = dealt(Spec(k, len(secret), integrity="none", layout=layout), secret, participants)
    assert combine(shares) == secret
    bad = data.draw(st.lists(st.sampled_from(range(k + 2 * e)), max_size=e, unique=True))
    for who in bad:  # every byte is another one, so that any combination shows it
        change = data.draw(st.integers(1, 255))
        shares[who] = changed(shares[who], range(len(shares[who].payload)), change)
    assert decode(shares, wrong=e) == (secret, tuple(sorted(shares[who].t for who in bad)))


@given(st.integers(2, 5), st.binary(min_size=1, max_size=30), st.data())
def test_p5_a_newcomer_gets_the_dealers_share_or_none(k: int, secret: bytes, data: st.DataObject) -> None:
    participants = data.draw(st.lists(st.integers(1, 300), min_size=k + 1, max_size=k + 1, unique=True))
    layout = data.draw(st.sampled_from(["paper", "compact"]))
    spec = Spec(k, len(secret), width=data.draw(st.sampled_from([1, 4])), integrity="none", layout=layout)
    *holders, new = dealt(spec, secret, participants)
    if reach(spec, participants[:-1], new.t) == spec.share_rows(new.t):
        assert enroll([signing.sign(share, PRIVATE) for share in holders], new.t) == new
    else:
        assert refused(lambda: enroll(holders, new.t), InvalidInput)


@given(st.integers(2, 4), st.sampled_from(["none", "amd"]), st.integers(0, 2), st.data())
def test_p5_one_wrong_holder_spoils_no_newcomer(k: int, integrity: str, spare: int, data: st.DataObject) -> None:
    participants = data.draw(st.lists(st.integers(1, 40), min_size=k + spare + 1, max_size=k + spare + 1, unique=True))
    *people, t = participants
    *holders, new = dealt(Spec(k, 3, integrity=integrity, width=4), wrap(b"key", integrity, stream("a", 16)), participants)
    who = data.draw(st.integers(0, len(holders) - 1))
    places = data.draw(st.sets(st.integers(0, len(holders[who].payload) - 1), max_size=3))
    holders[who] = changed(holders[who], sorted(places), data.draw(st.integers(1, 255)))
    try:
        found = enroll(holders, t, expected=people)
    except PrivlibError:
        return
    assert found == new


@given(st.integers(2, 5), st.binary(min_size=1, max_size=30), st.integers(1, 3), st.data())
def test_p5_refreshing_keeps_the_secret_and_old_shares_do_not_combine(
    k: int, secret: bytes, rounds: int, data: st.DataObject
) -> None:
    participants = data.draw(st.lists(st.integers(1, 10**9), min_size=k, max_size=k + 3, unique=True))
    spec = Spec(k, len(secret), integrity="none")
    before = dealt(spec, secret, participants)
    for _ in range(rounds):
        made = updates(before[0], participants)
        after = [refreshed(share, update) for share, update in zip(before, made, strict=True)]
        assert combine(after) == secret
        assert refused(lambda mixed=[before[0], *after[1:]]: combine(mixed), Mismatch)
        before = after

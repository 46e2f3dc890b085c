"""From shares to the secret: what is taken, what is refused and how it is said. The theorems are in proofs/sharing/t4 and t5."""

from __future__ import annotations

from dataclasses import replace

import pytest

from privlib.errors import (
    BadShare,
    ForkedDealer,
    InconsistentShares,
    InvalidInput,
    Mismatch,
    NotEnoughShares,
    PrivlibError,
)
from privlib.sharing import agreement, signing
from privlib.sharing.codes import UserCode
from privlib.sharing.dealer import Dealer
from privlib.sharing.recover import check_together, combine
from privlib.sharing.robust import decode
from privlib.sharing.share import Share

SECRET = b"the master key"


def issued(count: int, **options: object) -> list[Share]:
    dealer = Dealer(SECRET, **{"threshold": 3, "sign": options.get("integrity") == "signed", **options})  # type: ignore[arg-type]  # options of a test
    return [dealer.issue(f"holder {i}") for i in range(count)]


def damaged(share: Share) -> Share:
    return replace(share, payload=bytes(255 - byte for byte in share.payload))


@pytest.mark.parametrize("integrity", ["amd", "none", "signed"])
@pytest.mark.parametrize("layout", ["paper", "compact"])
@pytest.mark.parametrize("mode", ["perfect", "seeded"])
def test_any_threshold_of_the_holders_recover_in_any_order(integrity: str, layout: str, mode: str) -> None:
    shares = issued(6, integrity=integrity, layout=layout, mode=mode)
    for chosen in (shares[:3], shares[:2:-1], [shares[4], shares[0], shares[2]]):
        assert combine(chosen, expected=[share.t for share in chosen]) == SECRET
    assert combine(shares) == SECRET


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_shares_than_the_threshold_are_refused(count: int) -> None:
    with pytest.raises(NotEnoughShares):
        combine(issued(3)[:count])


def test_exactly_threshold_unsigned_amd_shares_need_to_be_expected() -> None:
    shares = issued(4)
    with pytest.raises(InvalidInput, match="expected="):
        combine(shares[:3])
    assert combine(shares[:3], expected=[3, 1, 2]) == combine(shares) == SECRET
    assert combine(issued(3, sign=bytes(32))) == combine(issued(3, integrity="none")) == SECRET


@pytest.mark.parametrize("expected", [[1, 2], [1, 2, 4], [1, 2, 3, 4], [1, 2, 2]])
def test_other_participants_than_expected_are_named(expected: list[int]) -> None:
    with pytest.raises(Mismatch, match="1, 2, 3"):
        combine(issued(3), expected=expected)


@pytest.mark.parametrize("expected", [["1", 2, 3], [1.0, 2, 3], [True, 2, 3], [0, 1, 2]])
def test_expected_are_participant_numbers(expected: list[int]) -> None:
    with pytest.raises(InvalidInput):
        combine(issued(3), expected=expected)


def test_one_share_twice_is_refused() -> None:
    one, two, _ = issued(3)
    with pytest.raises(InvalidInput, match="more often: 2"):
        combine([one, two, two], expected=[1, 2, 2])


@pytest.mark.parametrize(("field", "value"), [("dealer", bytes(16)), ("epoch", 7), ("kind", "seeded")])
def test_shares_of_different_secrets_are_refused_and_the_field_is_named(field: str, value: object) -> None:
    one, two, three = issued(3)
    with pytest.raises(Mismatch, match=field):
        combine([one, replace(two, **{field: value}), three], expected=[1, 2, 3])  # type: ignore[arg-type]  # one field


@pytest.mark.parametrize(
    ("field", "options"), [("threshold", {"threshold": 4}), ("layout", {"layout": "compact"}), ("width", {"width": 2})]
)
def test_shares_of_different_plans_are_refused_and_the_field_is_named(field: str, options: dict[str, object]) -> None:
    with pytest.raises(Mismatch, match=field):
        combine([*issued(2), issued(3, **options)[2]])


def test_a_forked_dealer_is_named_with_its_branches() -> None:
    shares = issued(4, integrity="none")
    [(extent, nonce)] = shares[0].lineage
    branches = [(2, b"\1"), (2, b"\2"), (2, b"\1")]
    grown = [
        replace(share, lineage=((extent, nonce), (extent * more, end * 16)))
        for share, (more, end) in zip(shares[1:], branches, strict=True)
    ]
    with pytest.raises(ForkedDealer) as refusal:
        combine([shares[0], *grown])
    assert refusal.value.branches == ((1, 2, 4), (1, 3))


def test_damage_is_told_from_too_little_and_named_when_there_is_enough() -> None:
    shares = issued(6)
    with pytest.raises((BadShare, InconsistentShares)):
        combine([damaged(shares[0]), *shares[1:3]], expected=[1, 2, 3])
    with pytest.raises(InconsistentShares) as unnamed:
        combine([damaged(shares[0]), *shares[1:4]])
    assert unnamed.value.participants == ()
    with pytest.raises(InconsistentShares) as named:
        combine([*shares[:3], damaged(shares[3]), *shares[4:]])
    assert named.value.participants == (4,)


def test_signatures_name_the_changed_share_and_are_tied_to_one_key() -> None:
    private = bytes(range(32))
    shares = issued(3, sign=private)
    assert combine(shares, public_key=signing.public_key(private)) == SECRET
    with pytest.raises(BadShare, match="participant 2"):
        combine([shares[0], damaged(shares[1]), shares[2]])
    with pytest.raises(BadShare, match="another key"):
        combine(shares, public_key=signing.public_key(bytes(32)))
    with pytest.raises(Mismatch, match="keys"):
        combine([*shares[:2], signing.sign(shares[2], bytes(32))])
    unsigned = replace(shares[2], public_key=None, signature=None)
    with pytest.raises(InvalidInput, match="expected="):
        combine([*shares[:2], unsigned])
    with pytest.raises(BadShare, match="not signed"):
        combine([*shares[:2], unsigned], public_key=signing.public_key(private))


def test_a_plan_that_wants_signatures_takes_no_share_without() -> None:
    shares = issued(4, integrity="signed")
    with pytest.raises(BadShare, match="every share is signed"):
        combine([*shares[:3], replace(shares[3], public_key=None, signature=None)])


def test_a_users_code_that_is_no_prefix_code_is_refused() -> None:
    dealer = Dealer(SECRET, threshold=2, code=UserCode("plain", lambda t: tuple(map(int, f"{t:b}"))), integrity="none")
    with pytest.raises(InvalidInput, match="prefix"):
        combine([dealer.issue("one"), dealer.issue("two")])


@pytest.mark.parametrize("wrong", [1, 2, 3])
@pytest.mark.parametrize("threshold", [2, 3, 5])
def test_up_to_three_wrong_shares_are_repaired_and_named(threshold: int, wrong: int) -> None:
    shares = issued(threshold + 2 * wrong, threshold=threshold)
    for first in range(len(shares)):
        bad = {(first + 2 * i) % len(shares) for i in range(wrong)}
        given = [damaged(share) if i in bad else share for i, share in enumerate(shares)]
        assert decode(given) == (SECRET, tuple(sorted(shares[i].t for i in bad)))


def test_liars_of_every_kind_are_repaired() -> None:
    shares, others = issued(9), issued(9)
    stolen = replace(shares[5], payload=bytes(len(shares[5].payload)))  # claims another's number
    branch = replace(shares[1], lineage=((99, bytes(16)),))
    given = [*shares[:1], branch, *shares[2:8], stolen, others[8]]
    secret, rejected = decode(given, wrong=3)
    assert (secret, rejected) == (SECRET, (2, 6, 9))
    assert decode([*given, *shares[:3]], wrong=3) == (secret, rejected), "copies count"


def test_who_only_contradict_each_other_are_both_named() -> None:
    dealer = Dealer(SECRET, threshold=2, sign=False)
    shares = [dealer.issue(str(i)) for i in range(8)]
    last = bytearray(shares[1].payload)
    last[-1] ^= 1  # which only the neighbour's share, number 3, can see
    given = [replace(shares[1], payload=bytes(last)), shares[2], *shares[3:]]
    assert decode(given, wrong=1) == (SECRET, (2, 3))
    assert decode([given[0], *shares[3:]]) == (SECRET, ()), "nobody sees it, and it does no harm"


def test_wrongly_signed_shares_are_rejected_before_anything_else() -> None:
    private = bytes(range(32))
    shares = issued(5, sign=private)
    one, two, *others = shares
    for bad in (damaged(two), replace(two, t=3), signing.sign(two, bytes(32))):
        assert decode([one, bad, *others], public_key=signing.public_key(private)) == (SECRET, (bad.t,))
    with pytest.raises(NotEnoughShares, match="verifies"):
        decode(shares, public_key=signing.public_key(bytes(32)))


def test_shares_that_begin_alike_may_still_give_no_word_or_two() -> None:
    shares = issued(8, integrity="none", width=1)
    middle = bytearray(shares[1].payload)
    middle[3] ^= 1  # behind the rows that participants 2 and 3 share, before those that three shares must agree in
    given = [shares[0], replace(shares[1], payload=bytes(middle)), *shares[2:]]
    with pytest.raises(InconsistentShares) as named:
        combine(given)
    assert named.value.participants == (2,)
    with pytest.raises(InconsistentShares):
        combine(given[1:4])
    assert decode(given, wrong=2) == (SECRET, (2,))


def test_strangers_count_as_wrong() -> None:
    shares, others = issued(5), issued(5)
    assert decode([others[0], *shares[1:]]) == (SECRET, (1,))
    with pytest.raises(Mismatch, match="more than 1"):
        decode([*others[:2], *shares[2:]])


def test_bytes_after_the_word_are_refused() -> None:
    one, two = issued(2, threshold=2, integrity="none", width=16)
    changed = bytearray(one.payload)
    changed[15] ^= 1
    with pytest.raises(BadShare, match="after its end"):
        combine([replace(one, payload=bytes(changed)), two])


def test_too_many_wrong_shares_give_nothing() -> None:
    shares = issued(5)
    with pytest.raises(InconsistentShares, match="more than 1"):
        decode([damaged(shares[0]), damaged(shares[1]), *shares[2:]])
    with pytest.raises(NotEnoughShares):
        decode(shares[:4])
    with pytest.raises(NotEnoughShares):
        decode(shares, wrong=2)
    with pytest.raises(NotEnoughShares):
        decode([])
    for wrong in (0, -1, True, 1.0):
        with pytest.raises(InvalidInput):
            decode(shares, wrong=wrong)  # type: ignore[arg-type]  # on purpose


def test_the_search_for_wrong_shares_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = issued(21)
    given = [*map(damaged, shares[:6]), *shares[6:]]
    assert decode(given, wrong=6) == (SECRET, (1, 2, 3, 4, 5, 6))
    monkeypatch.setattr(agreement, "MOST_TRIED", 5)
    with pytest.raises(InvalidInput, match="wrong="):
        decode(given, wrong=6)
    with pytest.raises(InconsistentShares) as unnamed:
        combine(given)
    assert unnamed.value.participants == ()
    assert decode([*shares[:-1], damaged(shares[-1])], wrong=1)[1] == (21,)


def test_fewer_shares_than_the_threshold_can_be_checked_against_each_other() -> None:
    shares = issued(3)
    check_together(shares[1:])
    check_together(shares[:1])
    with pytest.raises(InconsistentShares):
        check_together([shares[1], damaged(shares[2])])
    with pytest.raises(NotEnoughShares):
        check_together([])


def test_what_is_no_share_is_refused() -> None:
    for call in (lambda: combine([b"share"]), lambda: decode([b"share"]), lambda: combine(["1"], expected=[1])):  # type: ignore[list-item]  # on purpose
        with pytest.raises(InvalidInput, match="Share"):
            call()


def test_refusals_hold_no_byte_of_a_share_or_secret() -> None:
    shares = issued(6, integrity="none", width=1)
    texts = []
    for given in ([damaged(shares[0]), *shares[1:]], [damaged(shares[0]), *shares[1:4]], shares[:2]):
        with pytest.raises(PrivlibError) as refusal:
            combine(given)
        texts.append(f"{refusal.value!r} {refusal.value.__cause__!r} {refusal.value.__context__!r}")
    held = [SECRET, *(share.payload for share in shares)]
    assert not [text for text in texts for own in held if own.hex() in text or repr(own) in text or str(list(own)) in text]

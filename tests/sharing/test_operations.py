"""What holders do without their dealer. That sums, updates and newcomers are shares again (P5) is in proofs/sharing/t5."""

from __future__ import annotations

from dataclasses import replace

import pytest

from privlib.errors import BadShare, InconsistentShares, InvalidInput, Mismatch, NotEnoughShares
from privlib.sharing import signing
from privlib.sharing.dealer import Dealer
from privlib.sharing.newcomers import reach
from privlib.sharing.operations import add, enroll, refresh, refreshed, updates
from privlib.sharing.recover import combine
from privlib.sharing.spec import Spec

SECRET = b"the master key"


def test_a_refresh_keeps_the_secret_and_old_shares_are_worth_nothing_to_new_ones() -> None:
    dealer = Dealer(SECRET, threshold=3)
    old = [dealer.issue(f"holder {i}") for i in range(5)]
    new = refresh(old)
    assert combine(new) == combine(refresh(new)) == SECRET
    assert [(share.t, share.epoch) for share in new] == [(share.t, 1) for share in old]
    with pytest.raises(Mismatch, match="epoch"):
        combine([*old[:2], *new[2:]])


def test_a_revoked_holder_is_out() -> None:
    dealer = Dealer(SECRET, threshold=2)
    old = [dealer.issue(f"holder {i}") for i in range(3)]
    new = refresh(old[:2])
    assert combine(new, expected=[1, 2]) == SECRET
    with pytest.raises(Mismatch):
        combine([new[0], old[2]], expected=[1, 3])
    disguised = replace(old[2], epoch=1, lineage=new[0].lineage)
    with pytest.raises(ValueError, match="share"):
        combine([*new, disguised])


def test_holders_refresh_without_meeting_and_one_honest_maker_is_enough() -> None:
    dealer = Dealer(SECRET, threshold=2)
    old = [dealer.issue(f"holder {i}") for i in range(3)]
    makers = [updates(old[i], [share.t for share in old]) for i in range(3)]
    new = [refreshed(share, *(made[i] for made in makers)) for i, share in enumerate(old)]
    assert combine(new) == SECRET
    assert all(share.kind == "perfect" and share.secure for share in new)


def test_in_whatever_order_a_holder_adds_the_updates_of_several_makers() -> None:
    dealer = Dealer(SECRET, threshold=2)
    old = [dealer.issue(f"holder {i}") for i in range(3)]
    makers = [updates(old[i], [1, 2, 3]) for i in range(3)]
    orders = ([0, 1, 2], [2, 0, 1], [1, 2, 0])
    new = [refreshed(old[i], *(makers[maker][i] for maker in order)) for i, order in enumerate(orders)]
    assert combine(new) == combine(new[1:], expected=[2, 3]) == SECRET


def test_an_update_that_comes_twice_is_refused_since_it_would_undo_itself() -> None:
    dealer = Dealer(SECRET, threshold=2)
    old = [dealer.issue(f"holder {i}") for i in range(2)]
    mine, others = (updates(old[0], [1, 2]) for _ in range(2))
    renamed = replace(mine[0], lineage=others[0].lineage)
    for again in ((mine[0], mine[0]), (mine[0], renamed), (mine[0], others[0], mine[0])):
        with pytest.raises(Mismatch, match="cancel"):
            refreshed(old[0], *again)


@pytest.mark.parametrize("integrity", ["none", "amd"])
def test_one_dishonest_maker_changes_the_secret_and_the_amd_code_alone_notices(integrity: str) -> None:
    dealer = Dealer(b"pay 10 to alice.", threshold=2, integrity=integrity, sign=False)
    old = [dealer.issue(f"holder {i}") for i in range(3)]
    honest, zero = (updates(old[0], [1, 2, 3]) for _ in range(2))
    bad = Dealer(b"\1" * 16, threshold=2, integrity="none", width=old[0].spec.width)  # a sharing of something else than zero
    made = [bad.issue(f"holder {i}").payload for i in range(3)]
    evil = [
        replace(update, payload=bytes(a ^ b for a, b in zip(update.payload, own, strict=False)) + update.payload[len(own) :])
        for update, own in zip(zero, made, strict=True)
    ]
    new = [refreshed(*each) for each in zip(old, honest, evil, strict=True)]
    if integrity == "none":
        assert combine(new) == bytes(byte ^ 1 for byte in b"pay 10 to alice.")
    else:
        with pytest.raises((BadShare, InconsistentShares)):
            combine(new)


def test_a_refresh_is_computational_where_the_dealer_was_and_voids_signatures() -> None:
    dealer = Dealer(SECRET, threshold=2, mode="seeded", sign=bytes(32))
    old = [dealer.issue(f"holder {i}") for i in range(3)]
    new = refresh(old)
    assert {(share.kind, share.public_key) for share in new} == {("seeded", None)}
    assert combine([signing.sign(share, bytes(32)) for share in new[:2]]) == SECRET


def test_a_refresh_that_would_draw_too_much_is_refused_first() -> None:
    dealer = Dealer(bytes(2**20), threshold=300, integrity="none", mode="seeded")
    with pytest.raises(InvalidInput, match="draw"):
        updates(dealer.issue("one"), [1])
    for participants in ([], [1, 1], [0], [1.0], [True]):
        with pytest.raises(InvalidInput):
            updates(dealer.issue("one"), participants)  # type: ignore[arg-type]  # on purpose


def test_secrets_add_only_without_integrity() -> None:
    one, two = (Dealer(secret, threshold=2, integrity="none") for secret in (b"\x0f\x0f", b"\xff\x00"))
    ones, twos = ([dealer.issue(f"holder {i}") for i in range(3)] for dealer in (one, two))
    assert combine(add(ones, twos)[:2]) == b"\xf0\x0f"
    for options in ({"integrity": "amd"}, {"integrity": "none", "sign": bytes(32)}, {"integrity": "signed"}):
        dealer = Dealer(b"\xff\x00", threshold=2, **options)  # type: ignore[arg-type]  # options of a test
        with pytest.raises(InvalidInput, match="integrity"):
            add(ones, [dealer.issue(f"holder {i}") for i in range(3)])


def test_only_sharings_that_fit_add() -> None:
    ones, twos, longer = (
        [Dealer(secret, threshold=2, integrity="none").issue("holder")] for secret in (b"one", b"two", b"longer")
    )
    with pytest.raises(InvalidInput, match="zero"):
        add(ones, ones)
    with pytest.raises(Mismatch, match="plans"):
        add(ones, longer)
    with pytest.raises(InvalidInput, match="same participants"):
        add(ones, twos * 2)


def test_another_holders_update_is_refused() -> None:
    dealer = Dealer(SECRET, threshold=2)
    one = dealer.issue("one")
    mine, others = updates(one, [1, 2])
    assert refreshed(one, mine).epoch == 1
    for wrong in ([others], [], [mine, others], [one]):
        with pytest.raises(Mismatch, match="update"):
            refreshed(one, *wrong)


@pytest.mark.parametrize("mode", ["perfect", "seeded"])
@pytest.mark.parametrize("layout", ["paper", "compact"])
def test_a_newcomer_gets_the_very_share_of_the_dealer(mode: str, layout: str) -> None:
    dealer = Dealer(SECRET, threshold=3, mode=mode, layout=layout)  # type: ignore[arg-type]  # one of the modes
    shares = {share.t: share for share in (dealer.issue(f"holder {i}") for i in range(11))}
    unsigned = {t: replace(share, public_key=None, signature=None) for t, share in shares.items()}
    assert enroll([shares[t] for t in (8, 9, 10)], 11, expected=[8, 9, 10]) == unsigned[11]
    assert enroll([unsigned[t] for t in (8, 9, 10, 11)], 4) == unsigned[4]


@pytest.mark.parametrize("integrity", ["none", "amd"])
@pytest.mark.parametrize("signed", [(), (2, 3)])
@pytest.mark.parametrize("newcomer", [34, 40])
def test_a_wrong_holder_cannot_spoil_a_newcomer_in_digits_that_combine_does_not_use(
    integrity: str, signed: tuple[int, ...], newcomer: int
) -> None:
    dealer = Dealer(b"0123456789abcdef", threshold=2, integrity=integrity, sign=bytes(32))
    shares = {share.t: share for share in (dealer.issue(f"holder {i}") for i in range(40))}
    plain = {t: s if t in signed else replace(s, public_key=None, signature=None) for t, s in shares.items()}
    wrong = replace(plain[33], payload=plain[33].payload[:-1] + bytes([plain[33].payload[-1] ^ 1]))
    assert combine([wrong, plain[2], plain[3]], expected=[33, 2, 3]) == b"0123456789abcdef"
    with pytest.raises(InvalidInput, match="spoil"):
        enroll([wrong, plain[2], plain[3]], newcomer, expected=[33, 2, 3])
    with pytest.raises(InconsistentShares, match="newcomer"):
        enroll([wrong, plain[20], plain[39]], newcomer, expected=[33, 20, 39])
    assert enroll([plain[33], plain[20], plain[39]], newcomer).payload == shares[newcomer].payload
    with pytest.raises(BadShare, match="participant 33"):
        enroll([replace(shares[33], payload=wrong.payload), shares[2]], newcomer)


def test_as_many_unsigned_holders_as_the_threshold_confirm_a_newcomer_under_an_amd_code_alone() -> None:
    for integrity in ("amd", "none"):
        dealer = Dealer(SECRET, threshold=2, integrity=integrity, sign=False)
        shares = {share.t: share for share in (dealer.issue(f"holder {i}") for i in range(6))}
        if integrity == "amd":
            assert enroll([shares[4], shares[5]], 6, expected=[4, 5]) == shares[6]
        else:
            with pytest.raises(InvalidInput, match="spoil"):
                enroll([shares[4], shares[5]], 6, expected=[4, 5])


def test_half_a_share_is_refused_with_the_numbers() -> None:
    dealer = Dealer(bytes(64), threshold=2, integrity="none", width=1)
    _, two, three = (dealer.issue(f"holder {i}") for i in range(3))
    with pytest.raises(InvalidInput, match="67 of the 71 rows"):
        enroll([two, three], 8)


def test_known_reaches() -> None:
    plan = Spec(3, 64, width=1, integrity="none")
    assert (reach(plan, (1, 2, 3), 8), plan.share_rows(8)) == (68, 78)
    assert reach(plan, (8, 9, 10), 11) == plan.share_rows(11)
    pair = Spec(2, 64, width=1, integrity="none")
    assert (reach(pair, (2, 3), 8), pair.share_rows(8)) == (67, 71)
    assert reach(pair, (4, 5), 6) == pair.share_rows(6)


def test_nobody_is_enrolled_by_shares_that_do_not_combine() -> None:
    dealer = Dealer(SECRET, threshold=2, sign=False)
    four, five = ({share.t: share for share in (dealer.issue(f"holder {i}") for i in range(6))}[t] for t in (4, 5))
    with pytest.raises(NotEnoughShares):
        enroll([four], 6)
    with pytest.raises(InvalidInput, match="expected="):
        enroll([four, five], 6)
    with pytest.raises(InvalidInput, match="newcomer"):
        enroll([four, five], 4, expected=[4, 5])
    changed = replace(five, payload=five.payload[:-20] + bytes(20))
    with pytest.raises(BadShare):
        enroll([four, changed], 6, expected=[4, 5])
    signed = Dealer(SECRET, threshold=2, integrity="signed")
    shares = {share.t: share for share in (signed.issue(f"holder {i}") for i in range(6))}
    with pytest.raises(InvalidInput, match="only the dealer signs"):
        enroll([shares[4], shares[5]], 6)
    with pytest.raises(InvalidInput, match="too many ways"):
        reach(Spec(20, 1), range(1, 41), 41)
    with pytest.raises(InvalidInput, match="too many ways"):
        reach(Spec(300, 1), range(1, 302), 302)

"""The dealer: what it gives, what it refuses, and what it shows."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.errors import DealerError, InvalidInput
from privlib.noise.testing import fixed_key
from privlib.prove import replaced
from privlib.sharing import dealer as dealing
from privlib.sharing import issuing
from privlib.sharing.codes import UserCode
from privlib.sharing.dealer import Dealer
from privlib.sharing.recover import combine
from privlib.sharing.share import Share
from privlib.sharing.streams import Seeded

KEY = bytes(range(32))
SECRET = b"do not show this to anybody"
WORDS = "correct horse"


def in_file(path: Path, **plan: Any) -> Dealer:
    return Dealer(SECRET, **{"threshold": 2, "path": path, "key": KEY, **plan})


def numbers(*shares: Share) -> list[int]:
    return [share.t for share in shares]


# Issuing


def test_a_holder_gets_one_share_however_often_it_is_asked_for() -> None:
    dealer = Dealer(SECRET, threshold=3)
    first = dealer.issue("Zoe\u0308")
    others = [dealer.issue(name) for name in ("bob", "cid", "dan")]
    assert dealer.issue("Zo\u00eb") == first, "one label in two Unicode spellings is one holder"
    assert numbers(first, *others) == [1, 2, 3, 4]
    assert dealer.participant("Zo\u00eb") == 1
    assert dealer.participant("nobody") is None
    assert sorted(dealer.issued.values()) == [1, 2, 3, 4]
    assert combine([others[2], first, others[0]], expected=[4, 1, 2]) == SECRET


@pytest.mark.parametrize("mode", ["perfect", "seeded"])
@pytest.mark.parametrize("integrity", ["amd", "none", "signed"])
@pytest.mark.parametrize("layout", ["paper", "compact"])
def test_every_kind_of_dealer_gives_shares_that_combine(mode: Any, integrity: str, layout: str, tmp_path: Path) -> None:
    dealer = in_file(tmp_path / "state", threshold=3, mode=mode, integrity=integrity, layout=layout)
    shares = [dealer.issue(f"holder {i}") for i in range(6)]
    dealer = Dealer.open(tmp_path / "state", key=KEY)
    shares += [dealer.issue("late"), dealer.issue_anywhere("afar")]
    for group in ([0, 1, 2], [5, 6, 3], [7, 0, 6]):
        assert combine([shares[i] for i in group], expected=[shares[i].t for i in group]) == SECRET
    assert {share.kind for share in shares} == {mode}
    assert all(share.secure for share in shares)
    if integrity == "signed":
        assert dealer.public_key is not None
        shares[3].verify(public_key=dealer.public_key)


def test_a_code_with_an_end_has_a_last_participant() -> None:
    dealer = Dealer(SECRET, threshold=2, code="fixed-2")
    for i in range(4):
        dealer.issue(str(i))
    with pytest.raises(InvalidInput, match="delta"):
        dealer.issue("one too many")
    assert dealer.issue("3").t == 4


def test_a_code_of_ones_own_is_handed_over_again(tmp_path: Path) -> None:
    own = UserCode("ones", lambda t: (1,) * (t - 1) + (0,))
    share = in_file(tmp_path / "state", code=own).issue("ann")
    with pytest.raises(InvalidInput, match="code"):
        Dealer.open(tmp_path / "state", key=KEY)
    dealer = Dealer.open(tmp_path / "state", key=KEY, code=own)
    assert combine([dealer.issue("bob"), share], expected=[2, 1]) == SECRET
    changed = Dealer.open(tmp_path / "state", key=KEY, code=UserCode("ones", lambda t: (1,) * t + (0,)))
    with pytest.raises(DealerError, match="another codeword"):
        changed.issue("ann")


REFUSED: list[dict[str, Any]] = [
    {"secret": "text"},
    {"secret": b""},
    {"secret": 7},
    {"threshold": 1},
    {"threshold": True},
    {"threshold": 2.0},
    {"mode": "computational"},
    {"master": KEY},
    {"mode": "seeded", "master": b"short"},
    {"mode": "seeded", "master": "x" * 32},
    {"key": KEY},
    {"passphrase": WORDS},
    {"path": "state"},
    {"path": "state", "key": b"short"},
    {"path": "state", "key": KEY, "passphrase": WORDS},
    {"path": "state", "passphrase": ""},
    {"sign": b"short"},
    {"code": "binary"},
    {"layout": "long"},
    {"integrity": "crc"},
    {"threshold": 1000, "secret": bytes(10**5)},  # more digits than a state should hold
]


@pytest.mark.parametrize("wrong", REFUSED, ids=str)
def test_a_wrong_plan_is_refused_before_anything_is_drawn_or_written(
    wrong: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dealing, "_drawn", lambda size: pytest.fail("it draws"))
    with pytest.raises(InvalidInput) as caught:
        Dealer(**{"secret": SECRET, "threshold": 2, **wrong})
    assert WORDS not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("holder", ["", 7, None, b"bytes", "x" * 1001])
def test_a_holder_is_a_label(holder: Any) -> None:
    dealer = Dealer(SECRET, threshold=2)
    for call in (dealer.issue, dealer.issue_anywhere, dealer.participant):
        with pytest.raises(InvalidInput, match="holder"):
            call(holder)
    assert not dealer.issued


# Numbers without a counter


def test_copies_of_one_state_give_numbers_without_a_counter_side_by_side(tmp_path: Path) -> None:
    dealer = in_file(tmp_path / "state")
    first = dealer.issue_anywhere("ann")
    shutil.copy(tmp_path / "state", tmp_path / "copy")
    other = Dealer.recover(tmp_path / "copy", key=KEY, skip=0)
    there, here = other.issue_anywhere("bob"), dealer.issue_anywhere("cid")
    assert other.issue_anywhere("ann") == first
    assert 2**64 <= min(numbers(first, there, here)) <= max(numbers(first, there, here)) < 2**65
    assert combine([there, here], expected=numbers(there, here)) == SECRET
    assert not dealer.issued
    assert len(first.payload) == len(there.payload)


@pytest.mark.parametrize(
    "code", ["unary", "fixed-64", UserCode("ones", lambda t: (1,) * (t - 1) + (0,))], ids=["unary", "fixed-64", "own"]
)
def test_codes_without_such_numbers_are_refused(code: Any) -> None:
    with pytest.raises(InvalidInput):
        Dealer(SECRET, threshold=2, code=code).issue_anywhere("ann")


# Seeded dealers


@pytest.mark.parametrize(
    "other",
    [
        {"secret": b"do not show this to anybodz"},
        {"threshold": 3},
        {"code": "gamma"},
        {"layout": "compact"},
        {"integrity": "none"},
    ],
    ids=str,
)
def test_one_master_gives_another_secret_or_plan_unrelated_streams(other: dict[str, Any]) -> None:
    def root(**plan: Any) -> Any:
        with fixed_key(KEY):  # so that even the dealer's name is the same
            dealer = Dealer(**{"secret": SECRET, "threshold": 2, "mode": "seeded", "master": KEY, **plan})
        return dealer._log.current().made

    one, two = root(), root(**other)
    assert one.dealer == two.dealer
    assert one == root(), "the same dealer again is the same"
    first, second = (Seeded(made.root, 1, 1).streams()[0](0, 4096) for made in (one, two))
    assert (first != second).mean() > 0.4  # of unrelated bytes 255 in 256 differ; fewer than 0.4: probability below 2**-4000
    assert one.label_key != two.label_key
    if other.get("integrity") != "none":
        assert one.word[-32:-16] != two.word[-32:-16], "the AMD code's element depends on all of it"


def test_a_seeded_state_does_not_grow_with_the_secret_and_cannot_fork(tmp_path: Path) -> None:
    big = bytes(300_000)
    dealer = Dealer(big, threshold=3, mode="seeded", path=tmp_path / "state", key=KEY)
    before = (tmp_path / "state").stat().st_size
    shares = [dealer.issue(str(i)) for i in range(3)]
    assert (tmp_path / "state").stat().st_size - before < 20_000
    shutil.copy(tmp_path / "state", tmp_path / "copy")
    copied = Dealer.recover(tmp_path / "copy", key=KEY, skip=0)
    assert copied.issue("0") == shares[0]
    assert {share.lineage for share in shares} == {()}
    assert combine([*shares[:2], copied.issue("3")], expected=[1, 2, 4]) == big
    assert "computational" in repr(dealer)
    assert "perfect" in repr(Dealer(SECRET, threshold=2))


# What is shown


def test_the_state_is_sealed_and_its_owners_alone(tmp_path: Path) -> None:
    dealer = in_file(tmp_path / "state", passphrase=WORDS, key=None)
    share = dealer.issue("alice of the long name")
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for hidden in (SECRET, b"alice", share.payload, dealer.id, dealer.id.hex().encode()):
            assert hidden not in content
    assert Dealer.open(tmp_path / "state", passphrase=WORDS).issue("alice of the long name") == share
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state", "state.head"]
    for wrong in ({"passphrase": "correct horsf"}, {"key": KEY}):
        with pytest.raises(DealerError):
            Dealer.open(tmp_path / "state", **wrong)
    with pytest.raises(InvalidInput):
        Dealer.open(tmp_path / "state")


def test_a_wrong_key_opens_nothing(tmp_path: Path) -> None:
    in_file(tmp_path / "state").issue("ann")
    for call in (Dealer.open, lambda *args, **kwargs: Dealer.recover(*args, skip=0, **kwargs)):
        with pytest.raises(DealerError, match="does not open"):
            call(tmp_path / "state", key=bytes(32))
        with pytest.raises(DealerError, match="by a key"):
            call(tmp_path / "state", passphrase=WORDS)


def test_no_secret_shows_in_a_repr_a_copy_or_a_pickle(tmp_path: Path) -> None:
    dealer = in_file(tmp_path / "state", mode="seeded")
    dealer.issue("ann")
    state = dealer._log.current()
    for thing in (dealer, dealer._log, state, state.made, state.stored, Seeded(KEY, 1, 1)):
        for hidden in (SECRET, KEY, state.made.root, state.made.label_key):
            assert repr(hidden)[2:10] not in repr(thing)
    for spread in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="copied or pickled"):
            spread(dealer)


def test_test_mode_is_told_by_every_share_that_rests_on_it() -> None:
    with fixed_key(KEY):
        made = Dealer(SECRET, threshold=2)
    assert not made.issue("ann").secure
    assert "test mode" in repr(made)
    extended = Dealer(SECRET, threshold=3)
    assert extended.issue("ann").secure
    with fixed_key(KEY):
        assert not extended.issue_anywhere("far").secure
    assert extended.issue("ann").secure, "an older share says what it said"
    assert extended.issue("bob").secure
    assert "test mode" in repr(extended)


def test_a_dealer_in_memory_stays_in_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    dealer = Dealer(SECRET, threshold=2)
    dealer.issue("ann")
    assert dealer.head is None
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(DealerError, match="another process"):
        dealer.issue("bob")


@settings(max_examples=20)
@given(st.integers(2, 5), st.sampled_from(["delta", "gamma", "omega", "unary"]), st.integers(1, 9), st.booleans())
def test_shares_issued_early_are_the_same_after_any_later_arrivals(threshold: int, code: str, count: int, seeded: bool) -> None:
    with replaced(issuing, "_HEADROOM", 1):
        dealer = Dealer(SECRET, threshold=threshold, code=code, mode="seeded" if seeded else "perfect", integrity="none")
        early = {str(i): dealer.issue(str(i)) for i in range(count)}
        for i in range(threshold):
            dealer.issue(f"late {i}")
        assert {holder: dealer.issue(holder) for holder in early} == early
        group = [*early.values(), *(dealer.issue(f"late {i}") for i in range(threshold))][-threshold - 1 :]
    assert combine(group) == SECRET


def test_shares_are_signed_unless_nothing_is_asked_for() -> None:
    assert Dealer(SECRET, threshold=2).issue("ann").public_key is not None
    assert Dealer(SECRET, threshold=2, integrity="none").issue("ann").public_key is None
    assert Dealer(SECRET, threshold=2, integrity="none", sign=True).issue("ann").public_key is not None
    assert Dealer(SECRET, threshold=2, sign=False).public_key is None
    with pytest.raises(InvalidInput, match="contradict"):
        Dealer(SECRET, threshold=2, integrity="signed", sign=False)
    with pytest.raises(InvalidInput, match="sign must be"):
        Dealer(SECRET, threshold=2, sign="yes")  # type: ignore[arg-type]  # that is refused

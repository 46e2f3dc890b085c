"""The dealer's file: older, moved, altered and retired states."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from privlib import journal
from privlib.errors import DealerError, ForkedDealer, InvalidInput, Mismatch
from privlib.prove import replaced
from privlib.sharing import issuing, sealed
from privlib.sharing.dealer import Dealer
from privlib.sharing.recover import combine
from privlib.sharing.share import Share
from privlib.sharing.state import State

KEY = bytes(range(32))
SECRET = b"do not show this to anybody"
WORDS = "correct horse"


def in_file(path: Path, **plan: Any) -> Dealer:
    return Dealer(SECRET, **{"threshold": 2, "path": path, "key": KEY, **plan})


def numbers(*shares: Share) -> list[int]:
    return [share.t for share in shares]


# A file that is not the newest, or not what was written


def test_an_older_state_is_refused_by_a_head_from_elsewhere_and_without_a_head_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state"
    dealer = in_file(path)
    dealer.issue("ann")
    older = path.read_bytes()
    dealer.issue("bob")
    head = dealer.head
    Dealer.open(path, key=KEY, head=head)
    path.write_bytes(older)
    for known, message in ((head, "lacks row"), (None, "lacks row")):  # by either head
        with pytest.raises(DealerError, match=message):
            Dealer.open(path, key=KEY, head=known)
    (tmp_path / "state.head").unlink()
    with pytest.raises(DealerError, match=r"head is missing.*Dealer\.recover"):
        Dealer.open(path, key=KEY)
    with pytest.raises(DealerError, match="lacks row"):
        Dealer.open(path, key=KEY, head=head)
    with pytest.raises(DealerError, match="lost or changed"):
        dealer.issue("cid")


def into_the_old_files(backup: Path, live: Path) -> None:
    for file in backup.iterdir():
        (live / file.name).write_bytes(file.read_bytes())


def as_new_files(backup: Path, live: Path) -> None:
    shutil.rmtree(live)
    shutil.copytree(backup, live)


@pytest.mark.parametrize("restore", [into_the_old_files, as_new_files])
def test_a_state_that_was_restored_with_its_own_older_head_is_refused(
    restore: Callable[[Path, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sealed._home(tmp_path)[-1] == ":":
        pytest.skip("this system does not tell when a file was made")
    # The worst case: every file gets the inode of the one before.
    monkeypatch.setattr(sealed, "_home", lambda path, honest=sealed._home: "7:" + honest(path).partition(":")[2])
    live, backup = tmp_path / "live", tmp_path / "backup"
    live.mkdir()
    dealer = in_file(live / "state")
    dealer.issue("ann")
    shutil.copytree(live, backup)
    dealer.issue("bob")
    Dealer.open(live / "state", key=KEY)
    restore(backup, live)
    with pytest.raises(DealerError, match=r"copy.*Dealer\.recover"):
        Dealer.open(live / "state", key=KEY)
    assert Dealer.recover(live / "state", key=KEY, skip=3).issue("eve").t > 2
    Dealer.open(live / "state", key=KEY)


def test_a_moved_state_opens_with_its_newest_head_only(tmp_path: Path) -> None:
    dealer = in_file(tmp_path / "state")
    first = dealer.issue("ann")
    early = dealer.head
    dealer.issue("bob")
    shutil.copy(tmp_path / "state", tmp_path / "moved")
    for head in (None, early):
        with pytest.raises(DealerError, match=r"copy.*Dealer\.recover"):
            Dealer.open(tmp_path / "moved", key=KEY, head=head)
    moved = Dealer.open(tmp_path / "moved", key=KEY, head=dealer.head)
    assert (moved.issue("ann"), moved.issue("cid").t) == (first, 3)
    Dealer.open(tmp_path / "moved", key=KEY)


def test_recovery_goes_past_what_was_issued_since(tmp_path: Path) -> None:
    dealer = in_file(tmp_path / "state")
    dealer.issue("ann")
    shutil.copy(tmp_path / "state", tmp_path / "backup")
    shutil.copy(tmp_path / "state", tmp_path / "again")
    shutil.copy(tmp_path / "state", tmp_path / "late")
    since = {name: dealer.issue(name) for name in ("bob", "cid")}
    afar = dealer.issue_anywhere("afar")
    swapped = {"bob": since["cid"], "cid": since["bob"]}
    wrong_ones: list[dict[str, Any]] = [{}, {"skip": 1, "issued": since}, {"skip": -1}, {"skip": 1.0}, {"skip": 2**64}]
    wrong_ones += [{"issued": list(since.values())}, {"issued": {"ann": since["bob"]}}, {"issued": {"": since["bob"]}}]
    wrong_ones += [{"issued": {**since, "eve": since["cid"]}}, {"issued": {"eve": dealer.issue("ann")}}]
    for wrong in wrong_ones:
        with pytest.raises(InvalidInput):
            Dealer.recover(tmp_path / "backup", key=KEY, **wrong)
    with pytest.raises(DealerError, match="lacks"):
        Dealer.recover(tmp_path / "backup", key=KEY, issued={"afar": afar})  # it share needed more digits
    restored = Dealer.recover(tmp_path / "backup", key=KEY, issued={"ann": dealer.issue("ann"), **since})
    late = restored.issue("dan")
    assert late.t == 4
    assert {name: restored.issue(name) for name in since} == since, "a person has one number"
    assert combine([late, since["bob"]], expected=[4, 2]) == SECRET
    assert Dealer.open(tmp_path / "backup", key=KEY).issued == restored.issued
    assert Dealer.recover(tmp_path / "late", key=KEY, issued=swapped).issue("bob") == since["cid"], "labels are not in shares"
    assert Dealer.recover(tmp_path / "again", key=KEY, skip=10).issue("dan").t == 12
    with pytest.raises(InvalidInput, match="this very dealer"):
        Dealer.recover(tmp_path / "again", key=KEY, issued={"eve": Dealer(SECRET, threshold=2).issue("ann")})


def test_one_label_has_no_number_both_by_a_counter_and_without(tmp_path: Path) -> None:
    dealer = in_file(tmp_path / "state")
    ann = dealer.issue("ann")
    far = dealer.issue_anywhere("afar")
    shutil.copy(tmp_path / "state", tmp_path / "backup")
    for _ in range(2):
        with pytest.raises(InvalidInput, match="by issue:"):
            dealer.issue_anywhere("ann")
        with pytest.raises(InvalidInput, match="by issue_anywhere:"):
            dealer.issue("afar")
        assert (dealer.issue("ann"), dealer.issue_anywhere("afar")) == (ann, far)
        dealer = Dealer.open(tmp_path / "state", key=KEY)
    new = dealer.issue_anywhere("new")
    with pytest.raises(InvalidInput, match="not the holder"):
        Dealer.recover(tmp_path / "backup", key=KEY, issued={"old": new})
    restored = Dealer.recover(tmp_path / "backup", key=KEY, issued={"new": new, "afar": far})
    with pytest.raises(InvalidInput, match="by issue_anywhere:"):
        restored.issue("new")
    assert restored.issue_anywhere("new") == new


def test_a_counter_ends_before_the_numbers_that_need_none(tmp_path: Path) -> None:
    in_file(tmp_path / "state", mode="seeded")
    dealer = Dealer.recover(tmp_path / "state", key=KEY, skip=2**64 - 2)
    assert dealer.issue("ann").t == 2**64 - 1
    with pytest.raises(InvalidInput, match="used up"):
        dealer.issue("bob")


def test_a_reader_that_was_interrupted_starts_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dealer = in_file(tmp_path / "state")
    honest = State.apply

    def cut_short(state: State, event: Any) -> None:
        honest(state, event)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(State, "apply", cut_short)
        with pytest.raises(KeyboardInterrupt):
            dealer.issue("ann")
    assert (dealer.issue("bob").t, dealer.issue("ann").t) == (1, 2)


def test_a_share_that_the_state_does_not_give_is_no_evidence(tmp_path: Path) -> None:
    share = in_file(tmp_path / "state").issue("ann")
    fields = {name: getattr(share, name) for name in ("spec", "dealer", "epoch", "t", "lineage", "kind", "secure")}
    forged = Share(**fields, payload=bytes(len(share.payload)))
    with pytest.raises(DealerError, match="not the one"):
        Dealer.recover(tmp_path / "state", key=KEY, issued={"ann": forged})


def test_two_branches_are_named_and_their_own_shares_combine(tmp_path: Path) -> None:
    with replaced(issuing, "_HEADROOM", 1):
        dealer = in_file(tmp_path / "state", threshold=3, code="unary")
        common = [dealer.issue(f"common {i}") for i in range(2)]
        shutil.copy(tmp_path / "state", tmp_path / "copy")
        copied = Dealer.recover(tmp_path / "copy", key=KEY, skip=10)
        here, there = ([line.issue(f"holder {i}") for i in range(2)] for line in (dealer, copied))
    for branch in (here, there):
        assert combine([common[0], *branch], expected=numbers(common[0], *branch)) == SECRET
        assert combine([*common, branch[1]], expected=numbers(*common, branch[1])) == SECRET
    with pytest.raises(ForkedDealer) as caught:
        combine([common[0], here[1], there[0]], expected=numbers(common[0], here[1], there[0]))
    assert set(caught.value.branches) == {(1, here[1].t), (1, there[0].t)}
    with pytest.raises(Mismatch):
        combine([common[0], common[1], Dealer(SECRET, threshold=3, code="unary").issue("x")], expected=[1, 2, 1])


def rewrite(path: Path, seq: int, change: Callable[[journal.Row], str]) -> None:
    """Put another record into a row, and mend all digests after it, as somebody without the key could."""
    rows = list(journal.Journal(path, purpose=sealed.PURPOSE).rows())
    file = sqlite3.connect(path)
    for trigger in ("journal_keeps_rows", "journal_loses_none", "journal_only_grows"):
        file.execute(f"DROP TRIGGER {trigger}")
    previous = ""
    for row in rows:
        text = change(row) if row.seq == seq else row.text
        digest = journal._digest(row.seq, row.id, text, previous)
        file.execute("UPDATE journal SET record = ?, previous = ?, digest = ? WHERE seq = ?", (text, previous, digest, row.seq))
        previous = digest
    for name, statement in journal._SCHEMA.items():
        if name != "journal":
            file.execute(statement)
    file.commit()
    file.close()
    journal.Journal(path, purpose=sealed.PURPOSE).verify()


@pytest.mark.parametrize("seq", [1, 2, 3, 4, 5])
def test_a_row_that_was_altered_with_its_digests_does_not_open(seq: int, tmp_path: Path) -> None:
    in_file(tmp_path / "state").issue("ann")
    (tmp_path / "state.head").unlink()
    rewrite(
        tmp_path / "state",
        seq,
        lambda row: (
            re.sub(':"(.)', lambda found: f':"{"B" if found[1] == "A" else "A"}', row.text, count=1)
            if '"sealed"' in row.text
            else row.text.replace('"salt":"', '"salt":"00')
        ),
    )
    with pytest.raises(DealerError, match="does not open"):
        Dealer.recover(tmp_path / "state", key=KEY, skip=0)


def test_a_row_of_another_branch_does_not_open(tmp_path: Path) -> None:
    dealer = in_file(tmp_path / "state")
    dealer.issue("ann")
    shutil.copy(tmp_path / "state", tmp_path / "copy")
    copied = Dealer.recover(tmp_path / "copy", key=KEY, skip=5)
    copied.issue("bob")
    dealer.issue("bob")
    dealer.issue("cid")
    foreign = journal.Journal(tmp_path / "copy", purpose=sealed.PURPOSE).rows()
    (tmp_path / "state.head").unlink()
    rewrite(tmp_path / "state", 8, lambda row: foreign[7].text)
    with pytest.raises(DealerError, match="does not open"):
        Dealer.recover(tmp_path / "state", key=KEY, skip=0)


def test_what_is_no_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DealerError, match="there is no"):
        Dealer.open(tmp_path / "nothing", key=KEY)
    (tmp_path / "text").write_text("text")
    with pytest.raises(DealerError, match="not a journal"):
        Dealer.open(tmp_path / "text", key=KEY)
    with pytest.raises(DealerError, match="never overwritten"):
        in_file(tmp_path / "text")
    journal.Journal(tmp_path / "ledger", purpose="privlib ledger", opening={})
    with pytest.raises(DealerError, match="not a privlib dealer"):
        Dealer.open(tmp_path / "ledger", key=KEY)
    for opening in (
        {"format": 2, "salt": "00", "scrypt": 0},
        {"format": 1, "scrypt": 0},
        {"format": 1, "salt": "00", "scrypt": None},
    ):
        journal.Journal(tmp_path / "new", purpose=sealed.PURPOSE, opening=opening).append(lambda rows: {})
        with pytest.raises(DealerError, match="another version"):
            Dealer.open(tmp_path / "new", key=KEY)
        (tmp_path / "new").unlink()
    for cost in (3, 2**18, 2**20, -2):
        opening = {"format": 1, "salt": "00", "scrypt": cost}
        journal.Journal(tmp_path / "new", purpose=sealed.PURPOSE, opening=opening).append(lambda rows: {})
        with pytest.raises(DealerError, match="damaged"):
            Dealer.open(tmp_path / "new", passphrase=WORDS)
        (tmp_path / "new").unlink()
    for opening in ({"format": 1, "salt": "zz", "scrypt": 0}, {"format": 1, "salt": "0", "scrypt": 0}):
        journal.Journal(tmp_path / "new", purpose=sealed.PURPOSE, opening=opening).append(lambda rows: {})
        with pytest.raises(DealerError, match="damaged"):
            Dealer.open(tmp_path / "new", key=KEY)
        (tmp_path / "new").unlink()
    in_file(tmp_path / "state")
    for text in ("{", "[]", "{}", '{"head": 7, "home": ""}'):
        (tmp_path / "state.head").write_text(text)
        with pytest.raises(DealerError, match="head is damaged"):
            Dealer.open(tmp_path / "state", key=KEY)


def test_bytes_that_are_no_text_are_no_passphrase_and_no_label(tmp_path: Path) -> None:
    typed = os.fsdecode(b"hunter2\xe9secret")
    with pytest.raises(InvalidInput, match="half a character") as caught:
        in_file(tmp_path / "state", key=None, passphrase=typed)
    assert caught.value.__context__ is None, "the error of Python holds the passphrase"
    assert not os.listdir(tmp_path)
    dealer = in_file(tmp_path / "state")
    for call in (dealer.issue, dealer.issue_anywhere, dealer.participant):
        with pytest.raises(InvalidInput, match="half a character"):
            call(typed)


def test_a_state_that_was_begun_and_never_finished_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(journal.Journal, "append", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            in_file(tmp_path / "state")
    with pytest.raises(DealerError, match="never finished"):
        Dealer.open(tmp_path / "state", key=KEY)


# Retiring


def test_a_retired_dealer_is_gone_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    dealer, other = in_file(path, threshold=2), None
    shares = [dealer.issue("ann"), dealer.issue("bob")]
    other = Dealer.open(path, key=KEY)
    texts = [row.text for row in journal.Journal(path, purpose=sealed.PURPOSE).rows()]
    held = os.open(path, os.O_RDONLY)
    dealer.retire()
    assert all(text.encode() not in path.read_bytes() for text in texts)
    assert set(os.read(held, 10**6)) == {0}, "the old file was overwritten"
    os.close(held)
    assert sorted(os.listdir(tmp_path)) == ["state"]
    assert "retired" in repr(dealer)
    for call in (
        lambda: dealer.issue("ann"),
        lambda: dealer.issue_anywhere("x"),
        dealer.retire,
        lambda: Dealer.open(path, key=KEY),
    ):
        with pytest.raises(DealerError, match="retired"):
            call()
    with pytest.raises(DealerError):
        other.issue("ann")
    assert combine(shares, expected=[1, 2]) == SECRET


def test_a_retirement_that_was_cut_short_is_finished_at_the_next_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dealer = in_file(tmp_path / "state")
    with monkeypatch.context() as patch:
        patch.setattr(sealed.SealedLog, "wipe", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            dealer.retire()
    assert len(journal.Journal(tmp_path / "state", purpose=sealed.PURPOSE).rows()) == 3
    for _ in range(2):
        with pytest.raises(DealerError, match="retired"):
            Dealer.open(tmp_path / "state", key=KEY)
        assert len(journal.Journal(tmp_path / "state", purpose=sealed.PURPOSE).rows()) == 1


def test_a_dealer_in_memory_retires_too() -> None:
    dealer = Dealer(SECRET, threshold=2)
    dealer.issue("ann")
    dealer.retire()
    for call in (lambda: dealer.issue("ann"), lambda: dealer.issue_anywhere("ann"), dealer.retire):
        with pytest.raises(DealerError, match="retired"):
            call()

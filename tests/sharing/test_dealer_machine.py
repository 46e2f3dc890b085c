"""A dealer whose process dies anywhere, whose file is rolled back, copied and continued twice: what was handed out stays true.

Crashes are simulated between every two writes: the journal's append dies before or after it writes. What a schedule may not
bring about is checked at its end: a participant number with two payloads or two holders, shares that do not combine, or shares
of two branches that are not told apart.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from privlib.errors import DealerError, ForkedDealer, InvalidInput, NotEnoughShares
from privlib.journal import Journal
from privlib.prove import replaced
from privlib.sharing import issuing
from privlib.sharing.dealer import Dealer
from privlib.sharing.recover import combine
from privlib.sharing.share import Share

KEY = bytes(range(32))
SECRET = b"the launch code"
FAR = 40  # more numbers than one schedule gives out
HOLDERS = st.sampled_from([f"holder {i}" for i in range(12)])
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # crashes are simulated, so the disk would only be slow
SCHEDULES = 2000  # at night; CI takes its own 200


class Crash(BaseException):
    """The process dies here."""


@contextmanager
def dying(after: int, *, written: bool) -> Generator[None]:
    """Die at the append number ``after`` from now, before or after it is in the file."""
    appends, honest = itertools.count(), Journal.append

    def append(self: Journal, decide: Callable[..., Any]) -> Any:
        mine = next(appends) == after
        if mine and not written:
            raise Crash
        row = honest(self, decide)
        if mine:
            raise Crash
        return row

    with replaced(Journal, "append", append):
        yield


@dataclass
class Line:
    """One dealer's file and who holds what by its own record."""

    path: Path
    dealer: Dealer
    held: dict[str, Share] = field(default_factory=dict)


@dataclass
class Backup:
    """A copy of a file, and how much had been handed out by all lines when it was made."""

    path: Path
    line: Line
    held: dict[str, Share]
    issued: int


class Dealers(RuleBasedStateMachine):
    """Dealers that began as one."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.names = itertools.count()
        self.handed_out: list[tuple[str, Share]] = []  # by all lines, whoever remembers it
        self.by_line: list[tuple[Line, str, Share]] = []
        self.lines: list[Line] = []
        self.backups: list[Backup] = []
        self.headroom = replaced(issuing, "_HEADROOM", 1)
        self.headroom.__enter__()

    @initialize(
        threshold=st.integers(2, 3),
        code=st.sampled_from(["delta", "gamma", "unary"]),
        mode=st.sampled_from(["perfect", "perfect", "seeded"]),
        integrity=st.sampled_from(["amd", "none", "signed"]),
        layout=st.sampled_from(["paper", "compact"]),
    )
    def begin(self, threshold: int, **plan: Any) -> None:
        path = self.new_path()
        self.lines.append(Line(path, Dealer(SECRET, threshold=threshold, path=path, key=KEY, **plan)))

    def new_path(self) -> Path:
        return self.folder / f"state-{next(self.names)}"

    def line(self, data: st.DataObject) -> Line:
        return data.draw(st.sampled_from(self.lines))

    def note(self, line: Line, holder: str, share: Share) -> None:
        known = line.held.get(holder)
        assert known is None or known.to_bytes() == share.to_bytes(), "a holder was given another share than before"
        line.held[holder] = share
        if known is None:
            self.handed_out.append((holder, share))
            self.by_line.append((line, holder, share))

    @rule(data=st.data(), holder=HOLDERS)
    def issue(self, data: st.DataObject, holder: str) -> None:
        line = self.line(data)
        self.note(line, holder, line.dealer.issue(holder))

    @rule(data=st.data(), holder=HOLDERS, after=st.integers(0, 3), written=st.booleans())
    def crash(self, data: st.DataObject, holder: str, after: int, written: bool) -> None:
        line = self.line(data)
        with suppress(Crash), dying(after, written=written):
            self.note(line, holder, line.dealer.issue(holder))
        line.dealer = Dealer.open(line.path, key=KEY)

    @rule(data=st.data())
    def restart(self, data: st.DataObject) -> None:
        line = self.line(data)
        line.dealer = Dealer.open(line.path, key=KEY, head=line.dealer.head)

    @rule(data=st.data(), holder=HOLDERS)
    def two_at_once(self, data: st.DataObject, holder: str) -> None:
        line = self.line(data)
        self.note(line, holder, Dealer.open(line.path, key=KEY).issue(holder))

    @rule(data=st.data())
    def back_up(self, data: st.DataObject) -> None:
        line = self.line(data)
        path = self.new_path()
        shutil.copy(line.path, path)
        shutil.copy(f"{line.path}.head", f"{path}.head")
        self.backups.append(Backup(path, line, dict(line.held), len(self.by_line)))

    @precondition(lambda self: self.backups)
    @rule(
        data=st.data(),
        in_place=st.booleans(),
        head_too=st.booleans(),
        told=st.booleans(),
        crashes=st.sampled_from([None, False, True]),
    )
    def roll_back(self, data: st.DataObject, in_place: bool, head_too: bool, told: bool, crashes: bool | None) -> None:
        backup = data.draw(st.sampled_from(self.backups))
        line = backup.line
        since = {holder: share for owner, holder, share in self.by_line[backup.issued :] if owner is line}
        nothing_lost = line.path.read_bytes() == backup.path.read_bytes()
        for end in ["", ".head"] if head_too else [""]:
            live, copy = Path(f"{line.path}{end}"), Path(f"{backup.path}{end}")
            if in_place:
                live.write_bytes(copy.read_bytes())
            else:
                live.unlink()
                shutil.copy(copy, live)
        if not nothing_lost:  # also where no share was: a number may have been reserved
            with pytest.raises(DealerError, match=r"Dealer\.recover"):
                Dealer.open(line.path, key=KEY)
        if crashes is not None:
            with dying(0, written=crashes), pytest.raises(Crash):
                Dealer.recover(line.path, key=KEY, skip=FAR)
        try:
            line.dealer = Dealer.recover(line.path, key=KEY, **({"issued": since} if told else {"skip": len(since) + 12}))
        except DealerError:
            assert told, "a margin is always enough"
            assert any(share.lineage != () for share in since.values()), "shares of a seeded dealer rest on nothing that is lost"
            line.dealer = Dealer.recover(line.path, key=KEY, skip=len(since) + 12)
            told = False
        line.held = {**backup.held, **since} if told else dict(backup.held)

    @precondition(lambda self: len(self.lines) < 3)
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        line = self.line(data)
        path = self.new_path()
        shutil.copy(line.path, path)
        if data.draw(st.booleans()):
            shutil.copy(f"{line.path}.head", f"{path}.head")
        with pytest.raises(DealerError, match=r"Dealer\.recover"):
            Dealer.open(path, key=KEY)
        dealer = Dealer.recover(path, key=KEY, skip=FAR * len(self.lines) * 5)
        self.lines.append(Line(path, dealer, dict(line.held)))

    @rule(data=st.data())
    def wrong_key(self, data: st.DataObject) -> None:
        with pytest.raises(DealerError, match="does not open"):
            Dealer.open(self.line(data).path, key=bytes(32))

    @precondition(lambda self: len(self.lines) > 1)
    @rule(data=st.data(), crashes=st.booleans())
    def retire(self, data: st.DataObject, crashes: bool) -> None:
        line = self.line(data)
        if crashes:
            with dying(0, written=True), pytest.raises(Crash):
                line.dealer.retire()
        else:
            line.dealer.retire()
        for attempt in (lambda: line.dealer.issue("late"), lambda: Dealer.open(line.path, key=KEY)):
            with pytest.raises(DealerError, match="retired"):
                attempt()
        self.lines.remove(line)
        self.backups = [backup for backup in self.backups if backup.line is not line]

    def teardown(self) -> None:
        self.headroom.__exit__(None, None, None)
        shutil.rmtree(self.folder)
        owner: dict[int, str] = {}
        bytes_of: dict[int, bytes] = {}
        for holder, share in self.handed_out:
            assert owner.setdefault(share.t, holder) == holder, "two holders of one participant number"
            assert bytes_of.setdefault(share.t, share.to_bytes()) == share.to_bytes(), "two payloads of one participant number"
        shares = list({share.t: share for _, share in self.handed_out}.values())
        if shares:
            check_that_shares_combine(shares)


def check_that_shares_combine(shares: list[Share]) -> None:
    threshold = shares[0].spec.threshold
    groups = list(itertools.combinations(shares, threshold))
    for group in groups[:: len(groups) // 30 + 1]:
        numbers = [share.t for share in group]
        if any(conflict(one, other) for one, other in itertools.combinations(group, 2)):
            with pytest.raises(ForkedDealer) as caught:
                combine(group, expected=numbers)
            told = caught.value.branches
            for one, other in itertools.combinations(group, 2):
                apart = not any({one.t, other.t} <= set(branch) for branch in told)
                assert apart == conflict(one, other), "the branches are not named"
        else:
            assert combine(group, expected=numbers) == SECRET
            with pytest.raises(InvalidInput):
                combine([*group, group[0]], expected=[*numbers, numbers[0]])
            with pytest.raises(NotEnoughShares):
                combine(group[1:], expected=numbers[1:])


def conflict(one: Share, other: Share) -> bool:
    """Whether two shares rest on extensions that cannot both be of one history."""
    return any(a != b for a, b in zip(one.lineage, other.lineage, strict=False))


Dealers.TestCase.settings = settings(
    max_examples=min(settings.default.max_examples if settings.default else SCHEDULES, SCHEDULES), stateful_step_count=20
)
TestDealers = Dealers.TestCase


def test_the_machine_leaves_nothing_behind(tmp_path: Path) -> None:
    dealer = Dealer(SECRET, threshold=2, path=tmp_path / "state", key=KEY)
    for holder in ("a", "b"):
        with dying(1, written=True), pytest.raises(Crash):
            dealer.issue(holder)
    assert sorted(os.listdir(tmp_path)) == ["state", "state.head"]

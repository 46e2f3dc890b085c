"""A dealer gives each participant number to one holder, and each number one payload, whatever happens between two of its writes.

Statement
    Let a dealer's state be the sequence of its durable events. (a) Events only add: a stream digit that stands never changes,
    a number belongs to one holder for good, a holder has one number, and numbers only go up. (b) A share is a function of the
    word and of digits that stand; it is the same whenever it is made, in every continuation of the events that it was first
    made from. (c) ``Dealer.issue`` keeps an order in which a number is durable before its share is made, and its digits before
    the number; so a process that ends anywhere, or another one that issues in between, changes neither (a) nor (b), and
    afterwards every holder gets the same bytes again; and so does a dealer in memory that is interrupted anywhere, amid
    taking in an event too. A label in any of Unicode's spellings is one holder. After recovery, numbers go on behind all
    that the margin and the shares at hand account for, each of these shares' holders keeps the number, and a share that
    the state does not give, or that is another's, is refused. (d) Digits are words of the generator, each used once; all that
    a seeded dealer draws but its name is a function of a root, and the root one of the master key, dealer, epoch, plan and
    secret, by HMAC-SHA-256 of a message from which all of these can be read back. (e) Two shares of one dealer rest on digits
    that were drawn twice if and only if neither lineage begins with the other.

Proof
    *(a)* ``check`` refuses every event that breaks it, before anything is written, and ``apply`` does what the event says.
    *(b)* Streams are extended at their end only, and ``share_of`` reads rows below the share's own length; ``lineage_of`` takes
    extensions up to the first that reaches it, which later ones do not change. *(c)* ``reservation`` gives a number only where
    the streams reach far enough, inside the transaction that writes it; ``issue`` makes a share only of a number that it
    found in the state. ``apply`` uses a number up before it gives it to a holder, and names an extension before its digits
    stand, so that whatever it was stopped at gives no number twice; a name without digits is dropped by the next
    extension. ``restart`` compares each share with the one that the state gives, and its event is one append.
    *(d)* The message holds the length of its first part, which is JSON with sorted keys, so both parts
    are told apart. Different messages give unrelated roots as far as HMAC-SHA-256 is a pseudorandom function, and different
    purposes unrelated keys as far as HKDF is. Streams are AES-256 of a counter that no two blocks share.
    *(e)* An extension is named by its nonce. If two shares need different extensions that begin at the same row, both were
    drawn for one place; otherwise the extensions of one are the first of the other's.

Checked against the shipped code
    All sequences of up to three events of a small alphabet, and longer ones, against a model. All pairs of crashes, before and
    after each append, of a schedule of issues; another process in between at each append; both with events that went through
    their spelling. A dealer in memory that is interrupted before or after each single write of ``apply``.
    All recoveries from each backup of a history, with margins and with all sets of the shares since, and wrong ones.
    Every share again after every later event. All pairs of shares of histories that part after each event. Keys and
    streams against HMAC, HKDF and AES spelled out block by block; every part of the context changed.

Covers not
    That a lost file's older copy is noticed where no head is at hand: it cannot be. That AES, HMAC and the operating system's
    generator are what they are taken for. SQLite's durability, on which the journal stands.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import DealerError, InvalidInput
from privlib.noise.stream import ChaChaWords
from privlib.noise.testing import fixed_key
from privlib.prove import replaced, rewritten
from privlib.sharing import dealer as dealing
from privlib.sharing import issuing, ring
from privlib.sharing.codes import UserCode
from privlib.sharing.dealer import Dealer
from privlib.sharing.events import Delivered, Event, Extended, Made, Placed, Recovered, Reserved, Retired, read, write
from privlib.sharing.integrity import wrap
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec
from privlib.sharing.state import Memory, State
from privlib.sharing.streams import Seeded, Stored, bound_root, derived

covers = [
    "privlib.sharing.streams.bound_root",
    "privlib.sharing.streams.derived",
    "privlib.sharing.streams.Seeded.streams",
    "privlib.sharing.streams._keystream",
    "privlib.sharing.streams.Stored.extend",
    "privlib.sharing.streams.Stored.streams",
    "privlib.sharing.state.State.check",
    "privlib.sharing.state.State._are_new",
    "privlib.sharing.state.State.apply",
    "privlib.sharing.state.State.reaches",
    "privlib.sharing.state.State.lineage_of",
    "privlib.sharing.issuing.reservation",
    "privlib.sharing.issuing.placement",
    "privlib.sharing.issuing.share_of",
    "privlib.sharing.issuing.number_anywhere",
    "privlib.sharing.issuing.restart",
    "privlib.sharing.issuing._kept_word",
    "privlib.sharing.issuing._recognise",
    "privlib.sharing.issuing.read_label",
    "privlib.sharing.issuing.label_digest",
    "privlib.sharing.dealer.Dealer.issue",
    "privlib.sharing.dealer.Dealer.issue_anywhere",
    "privlib.sharing.dealer._made",
    "privlib.sharing.dealer._extension",
    "privlib.sharing.dealer._drawn",
]

KEY = bytes(range(32))
SECRET = b"\xa5"
PLAN = Spec(2, 1, code="unary", integrity="none", width=1)


def made(spec: Spec = PLAN, *, root: bytes | None = None) -> Made:
    word = SECRET * spec.word_bytes
    return Made(spec, bytes(16), 0, "perfect" if root is None else "seeded", word, root, bytes(32), None, True)


def after(events: list[Event], first: Made | None = None) -> State:
    state = State(first or made())
    for event in events:
        state.apply(event)
    return state


class Crash(Exception):
    """The process ends here."""


class Tape:
    """Durable events as text, and a process that ends at some of its appends, or another that comes in between."""

    head = None

    def __init__(self, first: Made) -> None:
        self.texts = [json.dumps(write(first))]
        self.before: dict[int, Callable[[], None]] = {}
        self.behind: dict[int, Callable[[], None]] = {}
        self.appends = 0

    def current(self) -> State:
        first, *events = (read(json.loads(text)) for text in self.texts)
        assert isinstance(first, Made)
        return after(list(events), first)

    def append(self, decide: Callable[[State], Event | None]) -> State:
        mine, self.appends = self.appends, self.appends + 1
        self.before.pop(mine, lambda: None)()
        state = self.current()
        event = decide(state)
        if event is not None:
            state.check(event)
            self.texts.append(json.dumps(write(event)))
        self.behind.pop(mine, lambda: None)()
        return self.current()

    def wipe(self) -> None:
        """Keep all: the proof looks at what there was."""


def die() -> None:
    raise Crash


def dealer_on(tape: Tape) -> Dealer:
    return Dealer._of(tape)


# (a) Events only add.


def alphabet() -> list[Event]:
    digits = bytes([1, 2, 3, 4])
    events: list[Event] = [
        Extended(extent, bytes([extent]) * 16, digits[:size], True) for extent in (0, 1, 3) for size in range(4)
    ]
    events += [Reserved(t, holder, "") for t in (1, 2, 3) for holder in "ab"]
    events += [Delivered(1), Delivered(2), Recovered(1), Recovered(3), Retired(), made()]
    events += [Placed(holder) for holder in "ab"]
    one, other = Reserved(1, "a", ""), Reserved(2, "b", "")
    events += [Recovered(3, (one,)), Recovered(3, (one, other)), Recovered(2, (other,)), Recovered(1, (one,))]
    events += [
        Recovered(3, (), ("a",)),
        Recovered(3, (other,), ("a",)),
        Recovered(3, (one,), ("a",)),
        Recovered(3, (), ("a", "a")),
    ]
    events += [
        Recovered(3, (one, Reserved(1, "b", ""))),
        Recovered(3, (one, Reserved(2, "a", ""))),
        Recovered(3, (Reserved(0, "a", ""),)),
    ]
    return events


class Model:
    """The rules, in the plainest words: what stands after some events, or None where the last must be refused."""

    def __init__(self, events: tuple[Event, ...]) -> None:
        self.digits, self.holder_of, self.next, self.retired, self.delivered = b"", dict[int, str](), 1, False, set[int]()
        self.placed = set[str]()
        self.sound = all(self._take(event) for event in events)

    def _take(self, event: Event) -> bool:
        if self.retired or isinstance(event, Made):
            return False
        if isinstance(event, Extended):
            longer = event.extent > len(self.digits) and len(event.digits) == event.extent - len(self.digits)
            self.digits += event.digits if longer else b""
            return longer
        if isinstance(event, Reserved):
            free = event.t >= self.next and self._is_new(event.holder)
            if free:
                self.holder_of[event.t], self.next = event.holder, event.t + 1
            return free
        if isinstance(event, Delivered):
            self.delivered |= {event.t} & set(self.holder_of)
            return event.t in self.holder_of
        if isinstance(event, Placed):
            new = self._is_new(event.holder)
            self.placed.add(event.holder)
            return new
        if isinstance(event, Recovered):
            sound = event.start >= self.next
            for each in event.reserved:
                sound = sound and 0 < each.t < event.start and each.t not in self.holder_of and self._is_new(each.holder)
                self.holder_of[each.t] = each.holder
            for holder in event.placed:
                sound = sound and self._is_new(holder)
                self.placed.add(holder)
            self.next = max(self.next, event.start)
            return sound
        self.retired = True
        return True

    def _is_new(self, holder: str) -> bool:
        return holder not in self.holder_of.values() and holder not in self.placed


def picture(state: State) -> tuple[Any, ...]:
    digits = state.stored.streams()[0](0, state.stored.extent).tobytes()
    return digits, state.holders, set(state.words), state.next, state.retired, state.delivered, state.placed


def events_only_add() -> None:
    events, grown = alphabet(), [()]
    for most in (1, 10**4, 10**4, 2000, 300):  # how many histories are continued: all up to the third event
        longer: list[tuple[Event, ...]] = []
        for history in grown[:: len(grown) // most + 1] if len(grown) > most else grown:
            standing = picture(after(list(history)))
            for event in events:
                wanted = Model((*history, event))
                state = after(list(history))
                try:
                    state.apply(event)
                except DealerError:
                    assert not wanted.sound, "an event is refused that may happen"
                    assert picture(state) == standing, "an event is refused and leaves traces"
                    continue
                assert wanted.sound, "a digit or a participant changes"
                digits, holders, numbers, following, retired, delivered, placed = picture(state)
                assert digits == wanted.digits, "digits are not the ones that were drawn"
                assert {t: holder for holder, t in holders.items()} == wanted.holder_of, "a number changes hands"
                assert numbers == set(wanted.holder_of), "a number is forgotten"
                assert (following, retired, delivered) == (wanted.next, wanted.retired, wanted.delivered), "numbers go wrong"
                assert placed == wanted.placed, "who has a number without a counter is forgotten"
                longer.append((*history, event))
        grown = longer
    wide = Stored(2, 3)
    wide.extend(bytes(range(12)))
    wide.extend(bytes(range(100, 106)))
    first, second = (stream(0, 3).tobytes() for stream in wide.streams())
    assert (first, second) == (bytes([*range(6), 100, 101, 102]), bytes([*range(6, 12), 103, 104, 105])), "rows lie elsewhere"
    assert wide.streams()[1](1, 2).tolist() == [[9, 10, 11]], "other rows are read than asked for"
    for wrong in (b"", bytes(5), bytes(7)):
        assert is_refused(lambda wrong=wrong: wide.extend(wrong)), "digits are taken that fill no row"
    assert is_refused(lambda: wide.streams()[0](2, 4)), "a stream is read past its end"


def is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except (DealerError, InvalidInput):
        return True
    return False


# (b) and (e) Shares of histories.


def history() -> list[Event]:
    """Extensions of 1, 3, 6 and 9 rows, and numbers among them."""
    extents = (1, 3, 6, 9)
    return [
        Extended(stop, bytes([place]) * 16, bytes((37 * place + 11 * i) % 256 for i in range(stop - start)), True)
        for place, (start, stop) in enumerate(itertools.pairwise((0, *extents)), start=1)
    ]


def reference(state: State, t: int) -> bytes:
    """The share by the scalar reference, lane by lane."""
    spec, rows = state.made.spec, state.made.spec.share_rows(t)
    word = np.frombuffer(state.made.word + bytes(spec.pad), dtype=np.uint8).reshape(spec.rows, spec.width)
    lanes = np.unpackbits(word, axis=1, bitorder="little")
    streams = [np.unpackbits(stream(0, rows), axis=1, bitorder="little") for stream in state.streams()]
    found = np.zeros((rows, 8 * spec.width), dtype=np.uint8)
    for lane in range(8 * spec.width):
        digits = [tuple(int(d) for d in stream[:, lane]) for stream in streams]
        own = tuple(int(d) for d in lanes[:, lane])
        found[:, lane] = ring.share(own, spec.prefix_code.encode(t), digits, rows)
    return np.packbits(found, axis=1, bitorder="little").tobytes()


def shares_never_change() -> None:
    events = history()
    for t in range(1, 10):
        reached = [k for k in range(len(events) + 1) if after(events[:k]).reaches(t)]
        assert reached == [k for k in range(len(events) + 1) if t <= (0, 1, 3, 6, 9)[k]], "the streams reach elsewhere"
        first = issuing.share_of(after(events[: reached[0]]), t)
        assert first.payload == reference(after(events), t), "a share is another polynomial's value"
        for k in reached:
            assert issuing.share_of(after(events[:k]), t) == first, "a share changes when the streams grow"
        assert first.lineage == tuple((e.extent, e.nonce) for e in events[: reached[0]] if isinstance(e, Extended))
        for k in set(range(len(events))) - set(reached):
            assert is_refused(lambda k=k, t=t: issuing.share_of(after(events[:k]), t)), (
                "a share is made of digits that are not there"
            )
    spec = Spec(3, 5, code="gamma", width=2, integrity="amd", layout="compact")
    seeded = State(made(spec, root=KEY))
    for t in (1, 2, 7, 40):
        share = issuing.share_of(seeded, t)
        assert share.payload == reference(seeded, t), "a seeded share is another polynomial's value"
        assert (share.t, share.spec, share.dealer, share.epoch, share.kind) == (t, spec, bytes(16), 0, "seeded")
        assert (share.lineage, share.secure, share.public_key) == ((), True, None)


def lineages_tell_branches() -> None:
    events = history()
    for parting in range(len(events)):
        other = [
            *events[:parting],
            *(Extended(e.extent, b"\xee" * 15 + bytes([k]), e.digits, True) for k, e in enumerate(events[parting:])),
        ]
        for t, u in itertools.product(range(1, 10), repeat=2):
            one, two = issuing.share_of(after(events), t), issuing.share_of(after(other), u)
            needs = [next(k for k, e in enumerate(events, start=1) if e.extent >= rows) for rows in (t, u)]
            twice = min(needs) > parting  # both rest on the first extension after the parting
            told = any(a != b for a, b in zip(one.lineage, two.lineage, strict=False))
            assert told == twice, "lineages do not tell whether digits were drawn twice"


# (c) Whatever happens between two writes.

SCHEDULE = ("ann", "bob", "ann", "cid")


def issue_through(tape: Tape, handed_out: list[tuple[str, Share]], holders: tuple[str, ...] = SCHEDULE) -> None:
    for holder in holders:
        while True:  # a process that ended is started again, and asks again
            try:
                handed_out.append((holder, dealer_on(tape).issue(holder)))
                break
            except Crash:
                continue
            except (DealerError, InvalidInput) as error:
                raise AssertionError("a share cannot be made, though nothing is lost") from error


def one_number_one_holder_one_payload(handed_out: list[tuple[str, Share]]) -> None:
    by_number, by_holder = dict[int, tuple[str, bytes]](), dict[str, int]()
    for holder, share in handed_out:
        what = holder, share.to_bytes()
        assert by_number.setdefault(share.t, what) == what, "two payloads or two holders of one number"
        assert by_holder.setdefault(holder, share.t) == share.t, "a holder has two numbers"


def schedules(spec: Spec) -> Iterator[tuple[Tape, list[tuple[str, Share]]]]:
    """All pairs of crashes, and a crash and another process, at every append."""
    count = Tape(made(spec))
    issue_through(count, [])
    places = range(count.appends)
    for (one, two), (early, late) in itertools.product(
        itertools.combinations(places, 2), itertools.product((False, True), repeat=2)
    ):
        tape, handed_out = Tape(made(spec)), list[tuple[str, Share]]()
        (tape.behind if early else tape.before)[one] = die
        (tape.behind if late else tape.before)[two] = die
        yield tape, handed_out
    for one in places:
        tape, handed_out = Tape(made(spec)), list[tuple[str, Share]]()

        def intrude(tape: Tape = tape, handed_out: list[tuple[str, Share]] = handed_out) -> None:
            issue_through(tape, handed_out, ("eve", "fay", "bob"))

        tape.before[one] = intrude
        yield tape, handed_out


def nothing_between_two_writes_matters() -> None:
    for tape, handed_out in schedules(PLAN):
        issue_through(tape, handed_out)
        again = list[tuple[str, Share]]()
        issue_through(tape, again, tuple(holder for holder, _ in handed_out))
        one_number_one_holder_one_payload(handed_out + again)
        state = tape.current()
        assert state.delivered == set(state.words) == {share.t for _, share in handed_out}, "what was handed out is not known"
        for t, payload in {share.t: share.payload for _, share in handed_out}.items():
            assert payload == reference(state, t), "a share rests on digits that do not stand"
    tape = Tape(made())
    dealer_on(tape).issue("ann")
    dealer_on(tape).retire()
    for call in ("issue", "issue_anywhere"):
        assert is_refused(lambda call=call: getattr(dealer_on(tape), call)("bob")), "a retired dealer goes on"


def codes_of_ones_own_are_held_to_their_words() -> None:
    words = {1: (0,), 2: (1, 0), 3: (1, 1, 0)}
    own = UserCode("own", lambda t: words[t])
    state = State(made(Spec(2, 1, code=own, integrity="none", width=1)))
    state.apply(Extended(9, bytes(16), bytes(range(9)), True))
    for t, holder in enumerate("abc", start=1):
        event = issuing.reservation(state, holder)
        assert event == Reserved(t, holder, "".join(map(str, words[t]))), "a codeword is not kept"
        state.apply(event)
    words[2] = (1, 1)
    assert is_refused(lambda: issuing.share_of(state, 2)), "a share is made with another codeword than before"
    words[2], words[4] = (1, 0), (1, 0, 1)
    assert is_refused(lambda: issuing.reservation(state, "d")), "a code is taken that is not prefix free"
    assert issuing.share_of(state, 2).payload == reference(state, 2)
    assert is_refused(lambda: issuing.number_anywhere(state, "d")), "a user's code is taken for one of equal lengths"


# (c) An interruption amid taking in an event, in memory.


class Torn(State):
    """A state whose single writes can be told apart, and one of which is cut off, before or behind it."""

    def __init__(self, first: Made, place: int, *, behind: bool) -> None:
        self.left, self.behind = -1, behind
        super().__init__(first)
        self.holders, self.words = TornDict(self), TornDict(self)
        self.left = place

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("left", "behind"):
            super().__setattr__(name, value)
        else:
            self.write(lambda: super(Torn, self).__setattr__(name, value))

    def write(self, how: Callable[[], None]) -> None:
        mine, self.left = self.left == 0, self.left - 1
        if mine and not self.behind:
            raise Crash
        how()
        if mine:
            raise Crash


class TornDict(dict[Any, Any]):
    def __init__(self, owner: Torn) -> None:
        super().__init__()
        self.owner = owner

    def __setitem__(self, key: Any, value: Any) -> None:
        self.owner.write(lambda: super(TornDict, self).__setitem__(key, value))


def nothing_amid_an_event_matters() -> None:
    place = 0
    for place, behind in itertools.product(range(40), (False, True)):
        memory, handed_out = Memory(made()), list[tuple[str, Share]]()
        torn = memory._state = Torn(made(), place, behind=behind)
        issue_through(memory, handed_out)  # type: ignore[arg-type]
        issue_through(memory, handed_out, ("dan", *SCHEDULE))  # type: ignore[arg-type]
        one_number_one_holder_one_payload(handed_out)
        for _, share in handed_out:
            assert share.payload == reference(torn, share.t), "a share rests on digits that do not stand"
            reached = [extent for extent, _ in share.lineage]
            assert reached, "a share names no digits"
            assert reached[-1] >= share.t > max([0, *reached[:-1]]), "a share does not name the digits that it rests on"
            assert share.secure == torn.secure(share.t)
    assert torn.left >= 0, "some writes were never cut off"


# (c) Recovery, and labels.


def recovery_goes_past_everything() -> None:
    try:
        recovery_from_each_backup()
    except (DealerError, InvalidInput) as error:
        raise AssertionError("a recovery fails, though its shares are sound") from error
    wrong_shares_are_no_evidence()


def recovery_from_each_backup() -> None:
    for spec, root in ((PLAN, None), (Spec(2, 1, code="delta", integrity="none", width=1), KEY)):
        tape = Tape(made(spec, root=root))
        if root is None:
            tape.texts.append(json.dumps(write(Extended(40, bytes(16), bytes(range(40)), True))))
        names, backups = ("ann", "bob", "cid"), [len(tape.texts)]
        shares = {}
        for name in names:
            shares[name] = dealer_on(tape).issue(name)
            backups.append(len(tape.texts))
        if root is not None:
            shares["far"] = dealer_on(tape).issue_anywhere("far")
        for cut, names_known in itertools.product(backups, itertools.product((False, True), repeat=len(shares))):
            known = {name: share for (name, share), told in zip(shares.items(), names_known, strict=True) if told}
            for margin in (0, 4) if any(names_known) else (0, 1, 4):
                again = Tape(made(spec, root=root))
                again.texts = tape.texts[:cut]
                old = again.current()
                event = issuing.restart(old, margin, known)
                counted = [share.t + 1 for name, share in known.items() if name != "far"]
                assert event.start == max([old.next + margin, *counted]), "numbers go on elsewhere"
                again.texts.append(json.dumps(write(event)))
                assert read(json.loads(again.texts[-1])) == event, "what was recovered is written as something else"
                for name, share in known.items():
                    renewed = dealer_on(again).issue_anywhere(name) if name == "far" else dealer_on(again).issue(name)
                    assert renewed == share, "a holder gets another share after recovery"
                assert dealer_on(again).issue("new").t == event.start, "a number is left out or given out twice"
    last = State(made(PLAN, root=KEY))
    assert issuing.restart(last, 2**64 - 2, {}).start == 2**64 - 1
    assert is_refused(lambda: issuing.restart(last, 2**64 - 1, {})), "a counter reaches the numbers that need none"
    for t in (2**64 - 1, 2**64):
        far = State(made(Spec(2, 1, code="delta", integrity="none", width=1), root=KEY))
        far.apply(Recovered(t))
        taken = is_refused(lambda far=far: issuing.reservation(far, "a"))
        assert taken == (t == 2**64), "a counter ends elsewhere than where the other numbers begin"


def wrong_shares_are_no_evidence() -> None:
    state = State(made(Spec(2, 1, code="delta", integrity="none", width=1), root=KEY))
    state.apply(Reserved(1, issuing.label_digest(state, "ann"), ""))
    one, two = issuing.share_of(state, 1), issuing.share_of(state, 2)
    far = issuing.share_of(state, issuing.number_anywhere(state, "far"))
    altered = {"payload": bytes(byte ^ 1 for byte in two.payload)}, {"dealer": b"\1" * 16}, {"epoch": 1}
    other = State(made(Spec(3, 1, code="delta", integrity="none", width=1), root=KEY))
    lost = {"bob": replace(two, lineage=((9, bytes(16)),))}
    for wrong in (
        *({"bob": replace(two, **change)} for change in altered), {"bob": issuing.share_of(other, 2)}, lost, {"bob": one},
        {"ann": two}, {"bob": two, "cid": two}, {"bob": far}, {"ann": far}, {"": two}, {"bob": None}, [two], None,
    ):  # fmt: skip
        assert is_refused(lambda wrong=wrong: issuing.restart(state, 0, wrong)), "a share is believed that is no evidence"
    short = after(history()[:1])
    late = issuing.share_of(after(history()), 3)
    assert is_refused(lambda: issuing.restart(short, 0, {"bob": late})), "digits that are lost are taken for granted"
    own = UserCode("own", lambda t: (1,) * (t - 1) + (0,))
    state = after([Extended(9, bytes(16), bytes(range(9)), True)], made(Spec(2, 1, code=own, integrity="none", width=1)))
    kept = issuing.restart(state, 0, {"bob": issuing.share_of(state, 2)}).reserved
    assert [each.codeword for each in kept] == ["10"], "a codeword is not kept"


def labels_are_holders() -> None:
    state = State(made())
    spellings = {"Zo\u00eb": ("Zoe\u0308", "Zo\u00eb"), "x" * 1000: ("x" * 1000,), "a": ("a",), "A": ("A",), " a": (" a",)}
    for label, written in spellings.items():
        assert {issuing.read_label(each) for each in written} == {label}, "one label is two holders"
        wanted = hmac.new(bytes(32), b"holder\0" + label.encode(), hashlib.sha256).hexdigest()
        assert issuing.label_digest(state, label) == wanted, "what is kept of a label is another function of it"
    assert issuing.read_label("\ud7ff\ue000") == "\ud7ff\ue000"
    for wrong in ("", "x" * 1001, 7, None, b"a", "\ud800", "a\udfff"):
        assert is_refused(lambda wrong=wrong: issuing.read_label(wrong)), "a label is taken that is none"


# (d) What is drawn, and what it depends on.


def expand(root: bytes, purpose: str, size: int) -> bytes:
    """HKDF-Expand, from RFC 5869."""
    found = block = b""
    for number in range(1, 1 + -(-size // 32)):
        block = hmac.new(root, block + b"privlib sharing: " + purpose.encode() + bytes([number]), hashlib.sha256).digest()
        found += block
    return found[:size]


def roots_are_bound_to_everything() -> None:
    honest: dict[str, Any] = {"master": KEY, "secret": b"one", "dealer": bytes(16), "epoch": 0, "spec": Spec(3, 3, width=1)}
    others: dict[str, list[Any]] = {
        "master": [bytes(32)],
        "secret": [b"two", b"one\0"],
        "dealer": [b"\1" * 16],
        "epoch": [1],
        "spec": [Spec(4, 3, width=1), Spec(3, 4, width=1), Spec(3, 3, width=2), Spec(3, 3, width=1, code="gamma")],
    }
    others["spec"] += [Spec(3, 3, width=1, layout="compact"), Spec(3, 3, width=1, integrity="none")]
    contexts = [honest, *({**honest, name: value} for name, values in others.items() for value in values)]
    roots = []
    for each in contexts:
        master, secret, spec = each["master"], each["secret"], each["spec"]
        context = json.dumps(
            {"dealer": each["dealer"].hex(), "epoch": str(each["epoch"]), "spec": spec.to_dict()},
            sort_keys=True,
            separators=(",", ":"),
        ).encode()
        message = b"privlib sharing: the root of a dealer's streams, 1\0" + len(context).to_bytes(8, "big") + context + secret
        root = bound_root(master, secret, dealer=each["dealer"], epoch=each["epoch"], spec=spec)
        assert root == hmac.new(master, message, hashlib.sha256).digest(), "the root is another function of the context"
        roots.append(root)
    assert len(set(roots)) == len(contexts), "two contexts have one root"


def streams_are_aes_of_a_counter() -> None:
    for size in (16, 32, 33, 70):
        assert derived(KEY, "amd", size) == expand(KEY, "amd", size), "a derived key is not HKDF's"
    assert derived(KEY, "amd") == expand(KEY, "amd", 32)
    for width in (1, 3, 16, 20):
        streams = Seeded(KEY, 3, width).streams()
        assert len(streams) == 3, "there are more or fewer streams than the threshold needs"
        for j, stream in enumerate(streams, start=1):
            cipher = Cipher(AES(expand(KEY, f"stream {j}", 32)), ECB()).encryptor()  # noqa: S305  # block by block, on purpose
            whole = b"".join(cipher.update(block.to_bytes(16, "big")) for block in range(60))
            for start, stop in ((0, 1), (0, 40), (1, 2), (5, 6), (7, 33), (16, 16), (39, 40)):
                rows = stream(start, stop)
                assert rows.shape == (stop - start, width), "rows have another width"
                assert rows.tobytes() == whole[start * width : stop * width], "a row is not AES of its counters"


def everything_seeded_comes_from_the_root() -> None:
    for integrity, signs in (("amd", True), ("amd", False), ("none", False), ("signed", True)):
        spec = Spec(3, 3, integrity=integrity)
        with fixed_key(KEY):
            event = dealing._made(spec, b"one", "seeded", None, signs)
        drawn = [ChaChaWords(KEY, stream=i).main(0, 64, 8) for i in range(4)]
        name, master = drawn[0][:16], drawn[1][:32]
        root = bound_root(master, b"one", dealer=name, epoch=0, spec=spec)
        assert (event.dealer, event.epoch, event.root, event.mode, event.secure) == (name, 0, root, "seeded", False)
        assert event.word == wrap(b"one", integrity, expand(root, "amd", 16)), "the AMD code's element is not the root's"
        assert event.label_key == expand(root, "labels", 32), "labels are not the root's"
        assert event.signing == (drawn[2][:32] if signs else None), "a dealer signs without being asked, or not when asked"
    given = dealing._made(spec, b"one", "seeded", KEY, bytes(32))
    assert given.root == bound_root(KEY, b"one", dealer=given.dealer, epoch=0, spec=spec), "a given master is not used"
    assert (given.signing, given.secure) == (bytes(32), True)
    state = State(given)
    assert state.reaches(10**9), "a seeded stream ends"
    place = hmac.new(given.label_key, b"anywhere\0ann", hashlib.sha256).digest()
    wanted = 2**64 + int.from_bytes(place[-8:], "big")
    assert issuing.number_anywhere(state, "ann") == wanted, "a number without a counter lies elsewhere"
    tape = Tape(given)
    assert dealer_on(tape).issue_anywhere("ann") == issuing.share_of(state, wanted) == dealer_on(tape).issue_anywhere("ann")
    assert tape.current().next == 1, "a number without a counter is counted"
    assert len(tape.texts) == 2, "who has a number without a counter is not noted, or twice"
    assert is_refused(lambda: dealer_on(tape).issue("ann")), "a holder has a number of both kinds"
    dealer_on(tape).issue("bob")
    assert is_refused(lambda: dealer_on(tape).issue_anywhere("bob")), "a holder has a number of both kinds"


def digits_are_drawn_once() -> None:
    spec = Spec(3, 3, code="unary", integrity="amd", width=2)
    with fixed_key(KEY):
        tape = Tape(dealing._made(spec, b"one", "perfect", None, None))
        shares = [dealer_on(tape).issue(holder) for holder in ("ann", "bob", "cid", "ann")]
        far = dealer_on(tape)._log.append(lambda state: dealing._extension(state, 200))
        assert dealing._extension(far, 200) is None, "digits are drawn that stand"
    state, words = tape.current(), (ChaChaWords(KEY, stream=i).main(0, 10**4, 8) for i in itertools.count())
    name, element, label_key = next(words)[:16], next(words)[:16], next(words)[:32]
    assert (state.made.dealer, state.made.label_key, state.made.root, state.made.epoch) == (name, label_key, None, 0)
    assert state.made.word == wrap(b"one", "amd", element), "the AMD code's element is not the one that was drawn"
    extent, parts = 0, [b"", b""]
    for rows, nonce in state.lineage:
        assert nonce == next(words)[:16], "a nonce is not the one that was drawn"
        digits = next(words)[: 2 * (rows - extent) * 2]
        half = len(digits) // 2
        parts, extent = [parts[0] + digits[:half], parts[1] + digits[half:]], rows
    assert len(state.lineage) == 2, "the streams are longer or shorter than what is asked of them"
    assert [stream(0, extent).tobytes() for stream in state.streams()] == parts, "a digit is not the one that was drawn"
    assert [share.secure for share in shares] == [False] * 4, "test mode is forgotten"
    assert not after([Extended(1, bytes(16), b"\1", False)]).secure(), "test mode of an extension is forgotten"


def prove() -> None:
    events_only_add()
    roots_are_bound_to_everything()
    streams_are_aes_of_a_counter()
    everything_seeded_comes_from_the_root()
    digits_are_drawn_once()
    shares_never_change()
    lineages_tell_branches()
    codes_of_ones_own_are_held_to_their_words()
    labels_are_holders()
    with replaced(issuing, "_HEADROOM", 1):
        nothing_between_two_writes_matters()
        nothing_amid_an_event_matters()
        recovery_goes_past_everything()


def mutants() -> dict[str, object]:
    streams, state, issue, dealer = (f"privlib.sharing.{name}" for name in ("streams", "state", "issuing", "dealer"))
    return {
        "one master, two secrets, the same streams": rewritten(f"{streams}.bound_root", " + secret", ""),
        "one master, two thresholds, the same streams": rewritten(
            f"{streams}.bound_root", "spec.to_dict()", '{**spec.to_dict(), "threshold": 0}'
        ),
        "one master, two codes, the same streams": rewritten(
            f"{streams}.bound_root", "spec.to_dict()", '{**spec.to_dict(), "code": ""}'
        ),
        "one master, two dealers, the same streams": rewritten(f"{streams}.bound_root", "dealer.hex()", '""'),
        "every epoch has the same streams": rewritten(f"{streams}.bound_root", "str(epoch)", '""'),
        "all streams are one": rewritten(f"{streams}.Seeded.streams", 'f"stream {j}"', '"stream 1"'),
        "every row begins the keystream": rewritten(f"{streams}._keystream", "block.to_bytes", "(0).to_bytes"),
        "rows within a block are its first": rewritten(f"{streams}._keystream", "out[skip:]", "out[: last - first]"),
        "new digits come before the old": rewritten(f"{streams}.Stored.extend", "[self._digits, new]", "[new, self._digits]"),
        "new digits replace the old": rewritten(f"{streams}.Stored.extend", "[self._digits, new]", "[0 * self._digits, new]"),
        "a number is given out twice": rewritten(f"{state}.State.apply", "event.t + 1", "event.t"),
        "a lower number is taken": rewritten(f"{state}.State.check", "event.t >= self.next and ", ""),
        "a holder gets a second number": rewritten(
            f"{state}.State.check", " and event.holder not in self.holders and event.holder not in self.placed", ""
        ),
        "a number has a holder before it is used up": rewritten(
            f"{state}.State.apply",
            """            self.next = event.t + 1
            self.words[event.t] = event.codeword
            self.holders[event.holder] = event.t
""",
            """            self.holders[event.holder] = event.t
            self.words[event.t] = event.codeword
            self.next = event.t + 1
""",
        ),
        "digits stand before their extension has a name": rewritten(
            f"{state}.State.apply",
            """            self._extensions = (*standing, (event.extent, event.nonce, event.secure))
            self.stored.extend(event.digits)
""",
            """            self.stored.extend(event.digits)
            self._extensions = (*standing, (event.extent, event.nonce, event.secure))
""",
        ),
        "recovered holders are forgotten": rewritten(
            f"{state}.State.apply", "{each.holder: each.t for each in event.reserved}", "{}"
        ),
        "recovered numbers may be taken": rewritten(f"{state}.State._are_new", "self.words.keys() & set(numbers) or ", ""),
        "recovered holders may have numbers": rewritten(f"{state}.State._are_new", " & set(holders)", " & set()"),
        "recovery is one short": rewritten(f"{issue}.restart", "share.t + 1", "share.t"),
        "recovery has no margin": rewritten(f"{issue}.restart", "state.next + margin", "state.next"),
        "recovery trusts any share": rewritten(f"{issue}.restart", "_recognise(state, share)", "pass"),
        "recovery takes numbers that need no counter": rewritten(f"{issue}.restart", "if start >= ANYWHERE", "if False"),
        "recovery takes a share without a counter for anybody's": rewritten(
            f"{issue}.restart", "share.t != number_anywhere(state, label)", "False"
        ),
        "recovery takes a payload for granted": rewritten(
            f"{issue}._recognise", "share.payload)", "share_of(state, share.t).payload)"
        ),
        "two spellings are two holders": rewritten(f"{issue}.read_label", 'unicodedata.normalize("NFC", holder)', "holder"),
        "labels of one beginning are one holder": rewritten(f"{issue}.label_digest", "label.encode()", "label[:1].encode()"),
        "a counter goes on into the other numbers": rewritten(f"{issue}.reservation", "t >= ANYWHERE", "False"),
        "a holder of a number has one without a counter too": rewritten(
            f"{state}.State.check",
            "sound = event.holder not in self.holders and event.holder not in self.placed",
            "sound = event.holder not in self.placed",
        ),
        "who has a number without a counter is not noted": rewritten(
            f"{issue}.placement", "return None if digest in state.placed else Placed(digest)", "return None"
        ),
        "recovery goes back": rewritten(f"{state}.State.check", "event.start >= self.next and ", ""),
        "streams are extended by fewer digits": rewritten(f"{state}.State.check", "0 < missing == len(", "0 < missing >= len("),
        "a retired dealer goes on": rewritten(f"{state}.State.check", "self.check_open()", "pass"),
        "a share names all extensions": rewritten(f"{state}.State.lineage_of", "rows <= extent", "False"),
        "a share names an extension too few": rewritten(f"{state}.State.lineage_of", "rows <= extent", "rows <= 2 * extent"),
        "a number is reserved before its digits stand": rewritten(
            f"{issue}.reservation", " or not state.reaches(state.made.spec.share_rows(t))", ""
        ),
        "codewords of one's own are not compared": rewritten(
            f"{issue}.reservation", "overlap(tuple(map(int, other)), word)", "pass"
        ),
        "a code of one's own may change": rewritten(f"{issue}.share_of", "state.words.get(t) and ", "False and "),
        "another participant's codeword": rewritten(f"{issue}.share_of", "encode(t)", "encode(t + 1)"),
        "everybody has one number": rewritten(f"{issue}.number_anywhere", " + label.encode()", ""),
        "a share is made of what is not durable": rewritten(
            f"{dealer}.Dealer.issue", "issuing.share_of(state, t)", "issuing.share_of(self._log.current(), t + 1)"
        ),
        "delivery is not noted": rewritten(
            f"{dealer}.Dealer.issue", "or state.retired else Delivered(t)", "or True else Delivered(t)"
        ),
        "the AMD code's element is drawn afresh": rewritten(f"{dealer}._made", 'derived(root, "amd", NONCE)', "_drawn(NONCE)"),
        "the root is not bound to the secret": rewritten(f"{dealer}._made", "secret, dealer=dealer", 'b"", dealer=dealer'),
        "digits stand in for the nonce": rewritten(f"{dealer}._extension", "_drawn(NONCE), _drawn(", "bytes(NONCE), _drawn("),
        "digits of an extension are zero": rewritten(
            f"{dealer}._extension", "_drawn(state.stored.missing(extent))", "bytes(state.stored.missing(extent))"
        ),
        "a digit is a word's low byte": rewritten(f"{dealer}._drawn", "main(0, size, 8)", "main(0, size, 16)[::2]"),
    }


@given(st.binary(min_size=32, max_size=32), st.integers(1, 40), st.integers(0, 3000), st.integers(0, 300), st.integers(0, 300))
def test_p7_a_seeded_row_is_the_same_whenever_it_is_asked_for(root: bytes, width: int, start: int, count: int, cut: int) -> None:
    stream = Seeded(root, 2, width).streams()[1]
    middle = start + min(cut, count)
    parts = np.concatenate([stream(start, middle), stream(middle, start + count)])
    assert parts.tobytes() == stream(start, start + count).tobytes()


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(1, 3), st.integers(1, 4), st.data())
def test_p7_a_stored_row_stays_what_it_was(sizes: list[int], count: int, width: int, data: st.DataObject) -> None:
    stored, wanted = Stored(count, width), [b""] * count
    for rows in sizes:
        digits = data.draw(st.binary(min_size=count * rows * width, max_size=count * rows * width))
        stored.extend(digits)
        wanted = [before + digits[j * rows * width : (j + 1) * rows * width] for j, before in enumerate(wanted)]
        assert [stream(0, stored.extent).tobytes() for stream in stored.streams()] == wanted

"""What a dealer remembers: events that only ever add, and the state that they come to.

A digit stands once it is drawn, a participant number is reserved for one holder for good, and numbers only go up. So whatever
happens between two events, a share that was handed out can be made again, with the same bytes, and no other in its place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from privlib.errors import DealerError
from privlib.journal import Head
from privlib.proved import proved
from privlib.sharing.events import Delivered, Event, Extended, Made, Placed, Recovered, Reserved, Retired, broken
from privlib.sharing.streams import Seeded, Stored, Stream

__all__ = ["Log", "Memory", "State"]


class State:
    """What all events so far come to.

    Parameters
    ----------
    made : Made
        The first event.
    """

    __slots__ = ("_extensions", "_seeded", "delivered", "holders", "made", "next", "placed", "retired", "stored", "words")

    def __init__(self, made: Made) -> None:
        count, width = made.spec.threshold - 1, made.spec.width
        self.made = made
        self.stored = Stored(count, width)
        self._seeded = None if made.root is None else Seeded(made.root, count, width)
        self._extensions: tuple[tuple[int, bytes, bool], ...] = ()
        self.holders: dict[str, int] = {}
        self.words: dict[int, str] = {}
        self.delivered: set[int] = set()
        self.placed: set[str] = set()
        self.next = 1
        self.retired = False

    def __repr__(self) -> str:
        return f"<a dealer's state, secret: {len(self.holders)} participants>"

    @property
    def lineage(self) -> tuple[tuple[int, bytes], ...]:
        """All extensions: how long they made the streams, and their nonces."""
        return tuple((extent, nonce) for extent, nonce, _ in self._extensions)

    @property
    def undelivered(self) -> tuple[int, ...]:
        """Numbers that are reserved, and whose share may never have left."""
        return tuple(sorted(set(self.words) - self.delivered))

    def check_open(self) -> None:
        """Refuse, with DealerError, where the dealer is retired."""
        if self.retired:
            raise DealerError("this dealer is retired: nobody can be added any more")

    @proved("sharing.t7")
    def check(self, event: Event) -> None:
        """Refuse an event that must not happen; nothing is written before this was asked.

        Parameters
        ----------
        event : Event
            What is to happen.

        Raises
        ------
        DealerError
            When a digit or a participant would change, or the dealer is retired.

        Privacy
        -------
        No digit changes, and no participant number comes to a second holder: theorem sharing.t7.
        """
        self.check_open()
        match event:
            case Extended():
                missing = self.stored.missing(event.extent)
                sound = self.made.mode == "perfect" and 0 < missing == len(event.digits)
            case Reserved():
                sound = event.t >= self.next and event.holder not in self.holders and event.holder not in self.placed
            case Delivered():
                sound = event.t in self.words
            case Placed():
                sound = event.holder not in self.holders and event.holder not in self.placed
            case Recovered():
                sound = event.start >= self.next and self._are_new(event)
            case Retired():
                sound = True
            case Made():
                sound = False
        if not sound:
            raise broken()

    @proved("sharing.t7")
    def _are_new(self, event: Recovered) -> bool:
        """Whether recovered holders and numbers are none that the state knows otherwise.

        Privacy
        -------
        No participant number comes to a second holder: theorem sharing.t7.
        """
        numbers = [each.t for each in event.reserved]
        holders = [*(each.holder for each in event.reserved), *event.placed]
        twice = len(set(numbers)) < len(numbers) or len(set(holders)) < len(holders)
        known = self.words.keys() & set(numbers) or (self.holders.keys() | self.placed) & set(holders)
        return not twice and not known and all(0 < t < event.start for t in numbers)

    @proved("sharing.t7")
    def apply(self, event: Event) -> None:
        """Take in one further event, which `check` lets pass.

        Where this is cut short (Ctrl-C, say), each write before the cut is safe by itself: a number is used up before anybody has
        it, and an extension has its name before its digits.

        Parameters
        ----------
        event : Event
            What happened.

        Raises
        ------
        DealerError
            As `check` does; then nothing changed.

        Privacy
        -------
        No digit changes, and no participant number comes to a second holder: theorem sharing.t7.
        """
        self.check(event)
        match event:
            case Extended():
                standing = [each for each in self._extensions if each[0] <= self.stored.extent]  # one may have been cut short
                self._extensions = (*standing, (event.extent, event.nonce, event.secure))
                self.stored.extend(event.digits)
            case Reserved():
                self.next = event.t + 1
                self.words[event.t] = event.codeword
                self.holders[event.holder] = event.t
            case Delivered():
                self.delivered.add(event.t)
            case Placed():
                self.placed.add(event.holder)
            case Recovered():
                self.next = event.start
                self.words |= {each.t: each.codeword for each in event.reserved}
                self.holders |= {each.holder: each.t for each in event.reserved}
                self.placed |= set(event.placed)
            case Retired():
                self.retired = True
            case Made():
                pass

    @proved("sharing.t7")
    def reaches(self, rows: int) -> bool:
        """Whether the streams have so many rows; seeded ones have no end.

        Privacy
        -------
        A share is made of rows that stand: theorem sharing.t7.
        """
        return self._seeded is not None or rows <= self.stored.extent

    def streams(self) -> tuple[Stream, ...]:
        """The streams, to read."""
        return self.stored.streams() if self._seeded is None else self._seeded.streams()

    @proved("sharing.t7")
    def lineage_of(self, rows: int) -> tuple[tuple[int, bytes], ...]:
        """The extensions that a share of so many rows rests on; none where the streams are seeded and cannot fork.

        Privacy
        -------
        Two shares whose lineages are no beginnings of one another rest on digits drawn twice: theorem sharing.t7.
        """
        needed = list[tuple[int, bytes]]()
        for extent, nonce in self.lineage:
            needed.append((extent, nonce))
            if rows <= extent:
                break
        return tuple(needed)

    def secure(self, rows: int | None = None) -> bool:
        """Whether a share of so many rows rests on nothing that was drawn in test mode; without ``rows``, whether all does."""
        extensions = len(self.lineage) if rows is None else len(self.lineage_of(rows))
        return self.made.secure and all(secure for _, _, secure in self._extensions[:extensions])

    def wipe(self) -> None:
        """Forget what is secret, and overwrite the digits in memory, as far as Python lets one."""
        self.stored.wipe()
        self.made = replace(self.made, word=b"", root=None, label_key=b"", signing=None)
        self._seeded = None


class Log(Protocol):
    """Where events are kept."""

    @property
    def head(self) -> Head | None:
        """What to keep elsewhere to find out later that nothing is missing; None in memory."""
        ...

    def current(self) -> State:
        """The state with everything that other processes added."""
        ...

    def append(self, decide: Callable[[State], Event | None]) -> State:
        """Add the event that ``decide`` gives, with nobody writing in between, and make it durable; none for None."""
        ...

    def wipe(self) -> None:
        """Destroy what a retired dealer needs no more."""
        ...


class Memory:
    """Events of a dealer that lives in this process and ends with it.

    Parameters
    ----------
    made : Made
        The first event.
    """

    __slots__ = ("_lock", "_state")

    def __init__(self, made: Made) -> None:
        self._state, self._lock = State(made), threading.Lock()

    @property
    def head(self) -> None:
        """None."""
        return None

    def current(self) -> State:
        """The state."""
        return self._state

    def append(self, decide: Callable[[State], Event | None]) -> State:
        """Add the event that ``decide`` gives; none for None."""
        with self._lock:
            event = decide(self._state)
            if event is not None:
                self._state.apply(event)
        return self._state

    def wipe(self) -> None:
        """Overwrite the digits in memory, as far as Python lets one."""
        self._state.wipe()

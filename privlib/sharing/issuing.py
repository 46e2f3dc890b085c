"""What a dealer works out from its state alone, with no draw: the next number, a share, and which shares it knows."""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Mapping
from typing import cast

import numpy as np

from privlib.errors import DealerError, InvalidInput
from privlib.proved import proved
from privlib.sharing import lanes, signing
from privlib.sharing.codes import UserCode
from privlib.sharing.events import Placed, Recovered, Reserved
from privlib.sharing.layouts import overlap
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec
from privlib.sharing.state import State

__all__ = [
    "ANYWHERE",
    "MOST_DRAWN",
    "check_drawn",
    "description",
    "extent_for",
    "label_digest",
    "number_anywhere",
    "placement",
    "read_label",
    "reservation",
    "restart",
    "share_of",
]

ANYWHERE = 2**64
"""`Dealer.issue_anywhere` gives numbers from here to ``2 * ANYWHERE - 1``; all have codewords of one length."""

MOST_DRAWN = 2**26
"""The most bytes of digits that a perfect dealer draws and keeps at once."""

_HEADROOM = 64  # rows that are drawn at once, so that extensions are few, and few states can fork
_LONGEST_LABEL = 1000


@proved("sharing.t7")
def reservation(state: State, digest: str) -> Reserved | None:
    """The next number for a holder.

    Parameters
    ----------
    state : State
        The state.
    digest : str
        The holder, as `label_digest` gives it.

    Returns
    -------
    Reserved or None
        None where the holder has a number already, or the streams are too short for the next one.

    Raises
    ------
    InvalidInput
        When a user's code is not prefix free among the participants at hand, or has no such participant; when the holder has a
        number by `placement`, or all numbers below `ANYWHERE` are used up.

    Privacy
    -------
    A number is reserved for one holder, and its share rests on durable digits: theorem sharing.t7.
    """
    t, code = state.next, state.made.spec.prefix_code
    if digest in state.holders or not state.reaches(state.made.spec.share_rows(t)):
        return None
    if digest in state.placed:
        raise InvalidInput("this holder has a share by issue_anywhere: with a second one the holder would count as two")
    if t >= ANYWHERE:
        raise InvalidInput("all numbers that a counter gives are used up")
    if not isinstance(code, UserCode):
        return Reserved(t, digest, "")
    word = code.encode(t)
    for other in state.words.values():
        overlap(tuple(map(int, other)), word)  # refuses a word that begins with another, or with which another begins
    return Reserved(t, digest, "".join(map(str, word)))


@proved("sharing.t7")
def placement(state: State, digest: str) -> Placed | None:
    """Note that a holder has the number of `number_anywhere`.

    Parameters
    ----------
    state : State
        The state.
    digest : str
        The holder, as `label_digest` gives it.

    Returns
    -------
    Placed or None
        None where it is noted.

    Raises
    ------
    InvalidInput
        When the holder has a number of the counter.

    Privacy
    -------
    A holder has one number, as far as this state knows: theorem sharing.t7.
    """
    if digest in state.holders:
        raise InvalidInput("this holder has a share by issue: with a second one the holder would count as two")
    return None if digest in state.placed else Placed(digest)


@proved("sharing.t7")
def share_of(state: State, t: int) -> Share:
    """The share of participant t: a function of the state's word and of stream digits that stand.

    Parameters
    ----------
    state : State
        The state, whose streams are long enough.
    t : int
        The participant.

    Returns
    -------
    Share

    Raises
    ------
    DealerError
        When a user's code now gives another codeword, or the streams are too short.

    Privacy
    -------
    The same at every call, however long the streams have become: theorem sharing.t7.
    """
    made, spec = state.made, state.made.spec
    codeword, rows = spec.prefix_code.encode(t), spec.share_rows(t)
    if state.words.get(t) and state.words[t] != "".join(map(str, codeword)):
        raise DealerError(f"the code gives participant {t} another codeword than when the share was made")
    word = np.frombuffer(made.word + bytes(spec.pad), dtype=np.uint8).reshape(spec.rows, spec.width)
    share = Share(
        spec=spec,
        dealer=made.dealer,
        epoch=made.epoch,
        t=t,
        lineage=state.lineage_of(rows),
        kind=made.mode,
        secure=state.secure(rows),
        payload=lanes.share(word, codeword, state.streams(), rows).tobytes(),
    )
    return share if made.signing is None else signing.sign(share, made.signing)


@proved("sharing.t7")
def number_anywhere(state: State, label: str) -> int:
    """The number of a holder among 2**64 that no counter reaches, all with codewords of one length.

    Parameters
    ----------
    state : State
        The state.
    label : str
        The holder, as `read_label` gives it.

    Returns
    -------
    int

    Raises
    ------
    InvalidInput
        For a user's code, whose lengths are not known.

    Privacy
    -------
    A function of the label, as spread as HMAC-SHA-256 is: theorem sharing.t7.
    """
    if isinstance(state.made.spec.prefix_code, UserCode):
        raise InvalidInput("issue_anywhere needs numbers with codewords of one length, which a user's code does not tell")
    place = hmac.digest(state.made.label_key, b"anywhere\0" + label.encode(), "sha256")
    return ANYWHERE + int.from_bytes(place, "big") % ANYWHERE


@proved("sharing.t7")
def restart(state: State, margin: int, issued: object) -> Recovered:
    """Where numbers go on after a restored backup, and who has which.

    Parameters
    ----------
    state : State
        The backup's state.
    margin : int
        How many numbers to leave out.
    issued : mapping of str to Share
        Shares that were handed out since, by the holders' labels.

    Returns
    -------
    Recovered

    Raises
    ------
    InvalidInput
        For a share of another dealer, one that belongs to another holder, or numbers that only `number_anywhere` gives.
    DealerError
        When one rests on digits that the backup lacks, or is not the one that the state gives.

    Privacy
    -------
    No number that a holder has is given to another, and none of these holders gets a second one: theorem sharing.t7.
    """
    if not isinstance(issued, Mapping):
        raise InvalidInput("issued= takes a dict: the shares since the backup by the holders' labels")
    start, reserved, placed = state.next + margin, list[Reserved](), list[str]()
    for holder, share in cast(Mapping[str, Share], issued).items():
        label = read_label(holder)
        _recognise(state, share)
        digest, counted = label_digest(state, label), share.t < ANYWHERE
        if counted and state.holders.get(digest) != share.t:
            reserved.append(Reserved(share.t, digest, _kept_word(state, share.t)))
        elif not counted and share.t != number_anywhere(state, label):
            raise InvalidInput(f"participant {share.t} is not the holder that issued= names")
        elif not counted and digest not in state.placed:
            placed.append(digest)
        start = max(start, share.t + 1) if counted else start
    event = Recovered(start, tuple(reserved), tuple(placed))
    if start >= ANYWHERE:
        raise InvalidInput(f"numbers from {ANYWHERE} on are those of issue_anywhere: skip= must stay far below")
    try:
        state.check(event)
    except DealerError:
        raise InvalidInput("a share in issued= belongs to another holder, or its holder has another one") from None
    return event


@proved("sharing.t7")
def _kept_word(state: State, t: int) -> str:
    """The codeword to keep with a number: empty where the code is no user's own.

    Privacy
    -------
    A code of one's own is held to the words that it gave: theorem sharing.t7.
    """
    code = state.made.spec.prefix_code
    return "".join(map(str, code.encode(t))) if isinstance(code, UserCode) else ""


@proved("sharing.t7")
def _recognise(state: State, share: object) -> None:
    """Refuse what is not a share that this state gives.

    Privacy
    -------
    Only a share of these very digits says which numbers are taken: theorem sharing.t7.
    """
    made = state.made
    if not isinstance(share, Share) or (share.spec, share.dealer, share.epoch) != (made.spec, made.dealer, made.epoch):
        raise InvalidInput("issued= takes shares of this very dealer and epoch")
    rows = made.spec.share_rows(share.t)
    if not state.reaches(rows) or state.lineage_of(rows) != share.lineage:
        raise DealerError(
            f"the share of participant {share.t} rests on digits that this backup lacks: new shares would not combine with it. "
            "Share the secret afresh, or recover with skip= and keep the two groups apart"
        )
    if not hmac.compare_digest(share_of(state, share.t).payload, share.payload):
        raise DealerError(f"the share of participant {share.t} is not the one that this state gives")


def description(state: State) -> str:
    """A dealer in words, with nothing secret."""
    made = state.made
    secrecy = "perfect secrecy" if made.mode == "perfect" else "computational secrecy (seeded)"
    test = "" if state.secure() else ", made in test mode"
    ended = ", retired" if state.retired else ""
    holders = len(state.holders) + len(state.placed)
    return f"{made.dealer.hex()[:8]}, {secrecy}, threshold {made.spec.threshold}, {holders} holders{test}{ended}"


def extent_for(spec: Spec, rows: int) -> int:
    """How long streams become that must have so many rows: the word's rows and a power of two, so that extensions are few."""
    return spec.rows + max(_HEADROOM, 1 << max(0, rows - spec.rows - 1).bit_length())


def check_drawn(spec: Spec, rows: int) -> None:
    """Refuse to draw so many rows where their digits are more than a state should hold."""
    if (spec.threshold - 1) * rows * spec.width > MOST_DRAWN:
        raise InvalidInput(
            f"a perfect dealer would draw and keep more than {MOST_DRAWN} bytes of digits: take mode='seeded', or share a key "
            "and seal the data with it"
        )


@proved("sharing.t7")
def read_label(holder: str) -> str:
    """A holder's label in the one spelling that Unicode gives it.

    Privacy
    -------
    One label in two spellings is one holder, who gets one number: theorem sharing.t7.
    """
    if not isinstance(holder, str) or not 0 < len(holder) <= _LONGEST_LABEL:
        raise InvalidInput(f"holder must be a str of 1 to {_LONGEST_LABEL} letters that says who the share is for")
    if any("\ud800" <= letter <= "\udfff" for letter in holder):
        raise InvalidInput("holder holds half a character, as bytes that are no text do")
    return unicodedata.normalize("NFC", holder)


@proved("sharing.t7")
def label_digest(state: State, label: str) -> str:
    """What the state keeps of a label: a keyed digest.

    Privacy
    -------
    Two labels have one digest, and would share one number, only where HMAC-SHA-256 collides: theorem sharing.t7.
    """
    return hmac.digest(state.made.label_key, b"holder\0" + label.encode(), "sha256").hex()

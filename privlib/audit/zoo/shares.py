"""Dealers of secrets who go wrong, and one who was rolled back and does not.

Each gives the digits that some participants hold, one fewer than recover, in many lanes at once: rows of `width` bytes, one
trial a bit. All compute with the shipped `privlib.sharing.lanes` under the delta code; what is wrong is what they give it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from privlib.noise.system import device_words, is_secure
from privlib.sharing import lanes
from privlib.sharing.codes import Delta
from privlib.sharing.layouts import share_rows

__all__ = ["Dealt", "constant_term", "finite_randomness", "rolled_back", "two_secrets"]

Rows = NDArray[np.uint8]
Digits = Sequence[int]

_CODE = Delta()


class Dealt(NamedTuple):
    """What the participants hold.

    Attributes
    ----------
    shares : list of uint8 array, each of shape (its rows, width)
        One after the other.
    secure : bool
        False where digits came from test mode.
    """

    shares: list[Rows]
    secure: bool


def finite_randomness(word: Digits, participants: Sequence[int], width: int, threshold: int | None = None) -> Dealt:
    """Finite randomness: of stream j only the l + j (l_t - 1) digits that the product has, so that nothing needs reducing.

    All who should recover do. But where three recover, participants 2 and 7 know the first digit, as do 3 and 5.

    Parameters
    ----------
    word : sequence of 0 and 1
        The secret's digits, the same in all lanes.
    participants : sequence of int
        Who holds a share; one more would recover.
    width : int
        Bytes of a row; eight lanes each.
    threshold : int, optional
        How many recover, where it is not one more than the participants.

    Returns
    -------
    Dealt
        A share for each participant.
    """
    others = len(participants) if threshold is None else threshold - 1
    longest = max(share_rows(_CODE, t, others + 1, len(word)) for t in participants)
    streams = _drawn(others, longest, width)

    def shortened(t: int) -> list[Rows]:
        reach = _CODE.length(t) - 1
        return [_ending(own, len(word) + j * reach) for j, own in enumerate(streams, start=1)]

    return Dealt([_share(_lanes(word, width), t, shortened(t), len(word)) for t in participants], is_secure())


def constant_term(word: Digits, participants: Sequence[int], width: int) -> Dealt:
    """The secret is f(0), as Shamir has it: every codeword but the first begins with a zero, and so shows the first digit.

    Parameters
    ----------
    word, participants, width
        As for `finite_randomness`.

    Returns
    -------
    Dealt
        A share for each participant.
    """
    longest = _longest(word, participants)
    leading, *others = _drawn(len(participants), longest, width)
    constant = np.zeros((longest, width), dtype=np.uint8)
    constant[: len(word)] = _lanes(word, width)
    return Dealt([_share(leading, t, [*others, constant], len(word)) for t in participants], is_secure())


def rolled_back(word: Digits, participants: Sequence[int], width: int) -> Dealt:
    """The state is restored and continued with the same secret, but other digits: this one tells nothing.

    Half of the longest share's digits were in the backup. Shares from before and after do not combine.

    Parameters
    ----------
    word, participants, width
        As for `finite_randomness`.

    Returns
    -------
    Dealt
        Every participant's share from before, then every participant's from after.
    """
    return _continued(word, word, participants, width)


def two_secrets(word: Digits, participants: Sequence[int], width: int) -> Dealt:
    """The state is restored and continued with another secret, which the holders know: zeros. A pad used twice.

    Parameters
    ----------
    word, participants, width
        As for `finite_randomness`.

    Returns
    -------
    Dealt
        As for `rolled_back`.
    """
    return _continued(word, (0,) * len(word), participants, width)


def _continued(before: Digits, after: Digits, participants: Sequence[int], width: int) -> Dealt:
    longest = _longest(before, participants)
    kept = -(-longest // 2)
    first = _drawn(len(participants), longest, width)
    second = [
        np.concatenate([old[:kept], new])
        for old, new in zip(first, _drawn(len(participants), longest - kept, width), strict=True)
    ]
    shares = [
        _share(_lanes(word, width), t, streams, len(word))
        for word, streams in ((before, first), (after, second))
        for t in participants
    ]
    return Dealt(shares, is_secure())


def _share(word: Rows, t: int, streams: Sequence[Rows], rows: int) -> Rows:
    """The share of participant t, as the lanes compute it from what they are given."""

    def asked(stream: Rows) -> lanes.Stream:
        return lambda start, stop: stream[start:stop]

    length = share_rows(_CODE, t, len(streams) + 1, rows)
    return lanes.share(word, _CODE.encode(t), [asked(own) for own in streams], length)


def _longest(word: Digits, participants: Sequence[int]) -> int:
    return max(share_rows(_CODE, t, len(participants) + 1, len(word)) for t in participants)


def _lanes(word: Digits, width: int) -> Rows:
    """The word in every lane."""
    return np.repeat(np.array([[255 * digit] for digit in word], dtype=np.uint8), width, axis=1)


def _ending(stream: Rows, rows: int) -> Rows:
    """A stream with zeros after its first rows."""
    cut = stream.copy()
    cut[rows:] = 0
    return cut


def _drawn(count: int, rows: int, width: int) -> list[Rows]:
    """Uniform digits of the operating system."""
    drawn = np.frombuffer(device_words().main(0, count * rows * width, 8), dtype=np.uint8)
    return list(drawn.reshape(count, rows, width))

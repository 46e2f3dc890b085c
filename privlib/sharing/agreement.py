"""Whether shares are of one word, and which of them cannot be where they are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise

import numpy as np

from privlib.errors import InconsistentShares, InvalidInput
from privlib.proved import proved
from privlib.sharing import lanes
from privlib.sharing.layouts import overlap
from privlib.sharing.share import Share

__all__ = ["MOST_TRIED", "Agreement", "in_order", "rows_of", "word_of"]

MOST_TRIED = 20_000
"""How many sets of shares are tried at most when wrong ones are looked for."""


def in_order(shares: Iterable[Share]) -> tuple[Share, ...]:
    """Shares sorted by codeword, so that those whose codewords begin alike stand side by side.

    Raises
    ------
    InvalidInput
        When one codeword begins with another, as happens with a user's code that is no prefix code.
    """
    ordered = tuple(sorted(shares, key=_code_word))
    for one, other in pairwise(ordered):
        if one.t != other.t:
            overlap(_code_word(one), _code_word(other))
    return ordered


def rows_of(share: Share) -> lanes.Rows:
    """A share's payload as rows, shape (rows, width)."""
    return np.frombuffer(share.payload, dtype=np.uint8).reshape(-1, share.spec.width)


def word_of(window: Sequence[Share]) -> lanes.Rows:
    """The word of exactly threshold shares of distinct participants, shape (rows, width); see `lanes.recover`."""
    return lanes.recover(list(map(_code_word, window)), list(map(rows_of, window)), window[0].spec.rows)


class Agreement:
    """Which of some shares contradict each other. They are known by their places.

    Parameters
    ----------
    ordered : sequence of Share
        Of one dealer, epoch and plan, as `in_order` gives them; one participant may come twice.
    """

    __slots__ = ("_shares", "_threshold", "_words", "word")

    def __init__(self, ordered: Sequence[Share]) -> None:
        self._shares, self._threshold = tuple(ordered), ordered[0].spec.threshold
        self._words = dict[tuple[int, ...], bytes | None]()
        self.word: lanes.Rows | None = None  # that of the last window that gave one; of all, where there is no conflict

    @proved("sharing.t5")
    def conflict(self, places: Sequence[int]) -> tuple[int, ...] | None:
        """Shares that contradict each other, or None where every threshold of these gives one and the same word.

        Two shares contradict each other when they have one participant number, lie on two branches of the dealer's history, or
        do not begin alike as far as their codewords do. Otherwise every window of neighbours must give a word, and the next
        window the same one: that is enough for all subsets.

        Parameters
        ----------
        places : sequence of int
            Rising, at least as many as the threshold.

        Returns
        -------
        tuple of int or None
            At most threshold + 1 of the places; at least one of these shares is wrong.

        Privacy
        -------
        Without a conflict every subset of threshold shares gives one word: theorem sharing.t5.
        """
        longest = max(places, key=lambda place: len(self._shares[place].lineage))
        for place in places:
            lineage = self._shares[place].lineage
            if lineage != self._shares[longest].lineage[: len(lineage)]:
                return place, longest
        for one, other in pairwise(places):
            if not self._begin_alike(one, other):
                return one, other
        threshold, before = self._threshold, None
        for start in range(len(places) - threshold + 1):
            window = tuple(places[start : start + threshold])
            word = self._word(window)
            if word is None:
                return window
            if before not in (None, word):
                return tuple(places[start - 1 : start + threshold])
            before = word
        return None

    def explanations(self, most: int) -> list[frozenset[int]]:
        """The sets of at most so many places without which the rest agree, none of them part of another.

        Every such set has a member in every conflict, so trying the members of one conflict, then those of one in what is left,
        and so on, finds them all.

        Parameters
        ----------
        most : int
            Places in a set; threshold + 2 * most shares at least are needed.

        Returns
        -------
        list of frozenset of int
            None where more shares than that are wrong.

        Raises
        ------
        InvalidInput
            When more than `MOST_TRIED` sets would have to be tried.

        Privacy
        -------
        The rest after each of them gives one word, the dealer's if at most so many shares are wrong. Theorem: sharing.t5.
        """
        found, level, tried = list[frozenset[int]](), {frozenset[int]()}, 0
        for size in range(most + 1):
            following = set[frozenset[int]]()
            for removed in sorted(level, key=sorted):
                if any(explanation <= removed for explanation in found):
                    continue
                tried += 1
                _check_work(tried)
                conflict = self.conflict([place for place in range(len(self._shares)) if place not in removed])
                if conflict is None:
                    found.append(removed)
                elif size < most:
                    following |= {removed | {place} for place in conflict}
            level = following
        return found

    def _begin_alike(self, one: int, other: int) -> bool:
        """Whether two shares have other participants and agree in the first d(i, j) rows, as f(c_i) and f(c_j) do."""
        first, second = self._shares[one], self._shares[other]
        if first.t == second.t:
            return False
        common = overlap(_code_word(first), _code_word(second)) * first.spec.width
        return first.payload[:common] == second.payload[:common]

    def _word(self, window: tuple[int, ...]) -> bytes | None:
        """What tells the word of some shares from other words, None where they give none; a digest, to save memory."""
        if window not in self._words:
            try:
                word = word_of([self._shares[place] for place in window])
            except InconsistentShares:
                self._words[window] = None
            else:
                self._words[window], self.word = sha256(word.tobytes()).digest(), word
        return self._words[window]


def _code_word(share: Share) -> tuple[int, ...]:
    return share.spec.prefix_code.encode(share.t)


def _check_work(tried: int) -> None:
    if tried > MOST_TRIED:
        raise InvalidInput("so many shares may be wrong that finding them takes too long: say with wrong= that fewer are")

"""A ready audit of secret sharing: the game of the holders who are one too few, and must guess which secret was shared.

The scheme is linear, and so are the leaks of those who get it wrong. But an exclusive or of eight digits, each of which is
uniform, is nothing that a rule finds by looking at them one by one. So the exclusive ors are learned first, by elimination
over GF(2) on trials that count nowhere, and what they say stands beside the shares in every output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from privlib.audit.engine import run
from privlib.audit.linear import Hull, hull, telling
from privlib.audit.pairs import Pair
from privlib.audit.zoo import shares as wrong
from privlib.bounds import Bound, Neighbours, Real, exact_int
from privlib.errors import InvalidInput
from privlib.sharing import Dealer
from privlib.sharing.streams import Mode

if TYPE_CHECKING:
    from privlib.audit.engine import Progress
    from privlib.audit.result import Audit

__all__ = ["Kind", "sharing_audit"]

Kind = Literal["perfect", "seeded", "rolled-back", "finite", "two-secrets", "constant-term"]
"""The shipped dealer in its two modes; one that was restored from a backup; and three that are wrong, of `audit.zoo.shares`."""

Rows: TypeAlias = NDArray[np.uint8]
Digits: TypeAlias = Sequence[int]
Deal: TypeAlias = Callable[[Digits, Sequence[int], int], wrong.Dealt]

_SPARE = 64  # trials more than digits: with a chance below 2**-64 they span less than all do
_MOST_DIGITS, _MOST_PARTICIPANT = 256, 1000
_READABLE = 16
_LEAST_TRAINING, _TRAINING_SHARE = 50, 8  # what is linear is known by then


def sharing_audit(
    dealer: Kind = "perfect",
    *,
    participants: Sequence[int] = (2, 7),
    secrets: tuple[Digits, Digits] = ((0,), (1,)),
    trials: int = 1_000_000,
    confidence: Real = "0.999",
    anytime: bool = False,
    max_seconds: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Audit secret sharing: holders, one fewer than recover, guess which of two secrets was shared; the claim is epsilon 0.

    Every bit of a share's rows belongs to a sharing of its own, so one dealer makes many trials. What two such sharings tell
    together is not looked at.

    Parameters
    ----------
    dealer : {"perfect", "seeded", "rolled-back", "finite", "two-secrets", "constant-term"}
        The shipped `Dealer` in one of its modes; one that was restored from a backup and went on with other digits, whose
        holders have shares from before and after; or one that is wrong: with streams no longer than the product needs, restored
        and continued with another secret that the holders know, or with the secret in the constant term.
    participants : sequence of int
        The numbers of the holders; one more than they are would recover. All of them see their shares together.
    secrets : (sequence of 0 and 1, sequence of 0 and 1)
        The digits of the two secrets, as many of each. A leak of another exclusive or of digits than those in which the two
        differ is not seen.
    trials : int
        Sharings of both secrets together.
    confidence : rational
        One minus the chance of refuting a true claim.
    anytime, max_seconds, seed, progress
        As for `privlib.audit.run`.

    Returns
    -------
    Audit
        Shares are made without a code or signature against changes (``integrity="none"``).

    Raises
    ------
    InvalidInput
        For no such dealer, holders or secrets, or arguments out of range.

    Examples
    --------
    >>> sharing_audit("finite", participants=(2, 7), trials=2000).verdict
    <Verdict.VIOLATION: 'violation'>
    """
    if dealer not in get_args(Kind):
        raise InvalidInput(f"dealer must be one of {', '.join(get_args(Kind))}, got {str(dealer)[:40]!r}")
    holders, words = _participants(participants), _secrets(secrets)
    game = _Game(_DEALERS[dealer].deal, holders)
    learned = game.learn(words)
    found = run(
        game,
        claim=Bound.pure(0, neighbours=Neighbours.REPLACE),
        pair=Pair(*words, Neighbours.REPLACE, _described(holders, words)),
        trials=trials,
        training=max(_LEAST_TRAINING, trials // _TRAINING_SHARE),
        confidence=confidence,
        batch=True,
        anytime=anytime,
        max_seconds=max_seconds,
        seed=seed,
        progress=progress,
        title=f"sharing: {_DEALERS[dealer].words}",
        theorem=_DEALERS[dealer].theorem,
        reproduce=f"privlib.audit.sharing_audit({dealer!r}, participants={holders}, secrets={words}, trials={trials}, "
        f"confidence={str(confidence)!r}, seed={seed})",
    )
    return replace(found, secure=game.secure, notes=(learned, *_DEALERS[dealer].notes, *found.notes))


class _Game:
    """``f(secret, n)``: what the holders see in n sharings, as bytes, behind what the learned exclusive ors say of them."""

    def __init__(self, deal: Deal, participants: tuple[int, ...]) -> None:
        self._deal, self._participants, self._hulls = deal, participants, list[Hull]()
        self.secure = True

    def __call__(self, word: Digits, n: int) -> Rows:
        digits = self.digits(word, n)
        fits = [own.holds(np.concatenate(digits, axis=1)) for own in self._hulls]
        shares = [np.packbits(share, axis=1) for share in digits]
        return np.concatenate([np.stack(fits, axis=1).astype(np.uint8), *shares], axis=1)

    def digits(self, word: Digits, n: int) -> list[Rows]:
        """Of each share the zeros and ones, shape (n, its digits)."""
        dealt = self._deal(word, self._participants, -(-n // 8))
        self.secure = self.secure and dealt.secure
        return [np.unpackbits(rows, axis=1, count=n).T for rows in dealt.shares]

    def learn(self, words: Sequence[Digits]) -> str:
        """Find the exclusive ors, and say what was found."""
        sizes = [share.shape[1] for share in self.digits(words[0], 1)]
        n = sum(sizes) + _SPARE
        seen = [np.concatenate(self.digits(word, n), axis=1) for word in words]
        self._hulls = [hull(rows) for rows in seen]
        told = telling(*seen)
        several = "the exclusive or of " if len(told) > 1 else ""
        what = f"{several}{self._named(told, sizes)} (digits count from 0) tells" if told else "no exclusive or of digits tells"
        return (
            f"Learned beforehand, by elimination on {n} sharings of each secret: {what} the secrets apart. Numbers 1 and 2 of an "
            "output say whether its digits lie in the affine space of the first secret's, and the second's; the rest are shares."
        )

    def _named(self, places: Sequence[int], sizes: Sequence[int]) -> str:
        begins = np.cumsum([0, *sizes]).tolist()
        parts = list[str]()
        for index, (start, stop) in enumerate(pairwise(begins)):
            own = [str(place - start) for place in places if start <= place < stop]
            again, which = divmod(index, len(self._participants))
            if own:
                after = " after the restore" if again else ""
                parts.append(f"digit{'s' * (len(own) > 1)} {', '.join(own)} of participant {self._participants[which]}{after}")
        return " and ".join(parts)


def _shipped(mode: Mode, word: Digits, participants: Sequence[int], width: int) -> wrong.Dealt:
    """The shares of a dealer as users make it, who adds one holder after the other."""
    secret = b"".join(bytes([255 * digit]) * width for digit in word)
    dealer = Dealer(secret, threshold=len(participants) + 1, integrity="none", width=width, mode=mode)
    issued = {share.t: share for share in (dealer.issue(f"holder {t}") for t in range(1, max(participants) + 1))}
    rows = [np.frombuffer(issued[t].payload, dtype=np.uint8).reshape(-1, width) for t in participants]
    return wrong.Dealt(rows, all(share.secure for share in issued.values()))


@dataclass(frozen=True)
class _Known:
    """A dealer in words, the theorem that it rests on, and what else has to be said."""

    words: str
    theorem: str | None
    deal: Deal
    notes: tuple[str, ...] = ()


_COMPUTED = (
    "Digits computed from a key: the claim holds for holders who cannot break AES-256 and HMAC-SHA-256, and no trials show more."
)
_DEALERS: dict[Kind, _Known] = {
    "perfect": _Known("the perfect dealer", "sharing.t2", partial(_shipped, "perfect")),
    "seeded": _Known("the seeded dealer", "sharing.t7", partial(_shipped, "seeded"), (_COMPUTED,)),
    "rolled-back": _Known("a dealer restored from a backup, with the same secret", "sharing.t2", wrong.rolled_back),
    "finite": _Known("a dealer with finite randomness", None, wrong.finite_randomness),
    "two-secrets": _Known("a dealer restored and continued with another secret", None, wrong.two_secrets),
    "constant-term": _Known("a dealer with the secret in the constant term", None, wrong.constant_term),
}


def _participants(given: Sequence[int]) -> tuple[int, ...]:
    numbers = tuple(exact_int(t, name="a participant", most=_MOST_PARTICIPANT) for t in given)
    if not numbers or len(set(numbers)) < len(numbers):
        raise InvalidInput("participants must be one or more, and no number twice")
    return numbers


def _secrets(given: Sequence[Digits]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    words = [tuple(exact_int(digit, name="a digit", least=0, most=1) for digit in word) for word in given]
    if len(words) != 2 or len(words[0]) != len(words[1]) or words[0] == words[1] or len(words[0]) > _MOST_DIGITS:
        raise InvalidInput(f"secrets must be two different ones of as many digits, at most {_MOST_DIGITS}")
    return words[0], words[1]


def _described(participants: Sequence[int], words: Sequence[Digits]) -> str:
    first, second = ("".join(map(str, word)) for word in words)
    if len(first) > _READABLE:
        first, second = f"of {len(first)} digits", "of as many others"
    *before, last = map(str, participants)
    who = f"participants {', '.join(before)} and {last}" if before else f"participant {last}"
    return f"the secrets {first} and {second}, guessed by {who} where {len(participants) + 1} recover"

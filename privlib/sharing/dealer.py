"""The dealer: holds the word and the streams, and makes a share for whoever arrives.

The order makes it safe: digits are durable before a participant number is reserved, the number before its share is made, and a
share is made of what is durable alone. After a crash anywhere the same holder gets the same number and the same bytes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NoReturn, get_args

from privlib.bounds import exact_int
from privlib.errors import DealerError, InvalidInput
from privlib.journal import Head
from privlib.noise.system import device_words, is_secure
from privlib.proved import proved
from privlib.sharing import issuing, signing
from privlib.sharing.codes import Code, UserCode
from privlib.sharing.events import NONCE, Delivered, Extended, Made, Retired
from privlib.sharing.integrity import wrap
from privlib.sharing.sealed import SealedLog, Unlocking
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec
from privlib.sharing.state import Log, Memory, State
from privlib.sharing.streams import KEY, Mode, bound_root, derived

__all__ = ["Dealer"]


class Dealer:
    """Shares one secret among holders who may arrive at any time; any `threshold` of them recover it, fewer learn nothing.

    Parameters
    ----------
    secret : bytes
        The secret, at least one byte; its length is public.
    threshold : int
        How many holders recover it, from 2.
    code, layout, width, integrity
        See `Spec`.
    mode : {"perfect", "seeded"}
        ``"perfect"`` draws every digit from the operating system and keeps it: fewer holders than the threshold learn nothing,
        whatever they compute. ``"seeded"`` computes digits from a key: the state stays small, and secrecy is computational.
    master : bytes, optional
        32 secret uniform bytes for a seeded dealer; else they are drawn. It may serve several dealers.
    path : str or path, optional
        The state's file, which must not exist yet. Without it the dealer ends with this process.
    key, passphrase : bytes or str, optional
        What opens the state: 32 secret bytes, or a passphrase.
    sign : bool or bytes, optional
        Whether each share is signed (Ed25519), by a key that is drawn, or by this private key of 32 bytes. By default unless
        ``integrity="none"``: then exactly as many as the threshold combine without more being known.

    Raises
    ------
    InvalidInput
        For anything out of range; nothing was drawn or written.
    DealerError
        When the state cannot be written, or there is one already.

    Privacy
    -------
    The word and its random element are durable before a share leaves; no stream digit is drawn twice, no participant number given
    to two holders. Theorems: sharing.t2, sharing.t7. The state's file and key together are worth the secret.

    Examples
    --------
    >>> dealer = Dealer(b"master key", threshold=3)
    >>> dealer.issue("alice"), dealer.issue("bob").t, dealer.issue("alice").t
    (<share of participant 1, 3 needed, 50 bytes not shown, perfect, signed, dealer ...>, 2, 1)
    """

    __slots__ = ("_lock", "_log", "_owner")

    def __init__(
        self,
        secret: bytes,
        *,
        threshold: int,
        code: str | Code = "delta",
        layout: str = "paper",
        integrity: str = "amd",
        width: int | None = None,
        mode: Mode = "perfect",
        master: bytes | None = None,
        path: str | os.PathLike[str] | None = None,
        key: bytes | None = None,
        passphrase: str | None = None,
        sign: bool | bytes | None = None,
    ) -> None:
        if not isinstance(secret, bytes) or not secret:
            raise InvalidInput(f"secret must be bytes, at least one, not {type(secret).__name__}")
        spec = Spec(threshold, len(secret), code=code, layout=layout, width=width, integrity=integrity)
        if mode not in get_args(Mode):
            raise InvalidInput(f"mode must be one of {', '.join(get_args(Mode))}, got {str(mode)[:40]!r}")
        if master is not None and (mode != "seeded" or not isinstance(master, bytes) or len(master) != KEY):
            raise InvalidInput(f"master is for mode='seeded', and must be {KEY} bytes")
        if path is None and (key, passphrase) != (None, None):
            raise InvalidInput("key and passphrase seal a state's file: give its path too")
        if isinstance(sign, bytes):
            signing.public_key(sign)  # refuses what is none
        elif sign not in (None, True, False):
            raise InvalidInput(f"sign must be True, False or an Ed25519 private key as bytes, not {type(sign).__name__}")
        signer = integrity != "none" if sign is None else sign
        if integrity == "signed" and signer is False:
            raise InvalidInput("integrity='signed' and sign=False contradict each other")
        if mode == "perfect":
            issuing.check_drawn(spec, issuing.extent_for(spec, spec.share_rows(1)))
        create = Memory if path is None else partial(SealedLog.create, path, Unlocking(key, passphrase))
        self._hold(create(_made(spec, secret, mode, master, signer)))

    def _hold(self, log: Log) -> None:
        self._log, self._lock, self._owner = log, threading.Lock(), os.getpid()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        key: bytes | None = None,
        passphrase: str | None = None,
        head: Head | None = None,
        code: UserCode | None = None,
    ) -> Dealer:
        """Open a dealer's state.

        Parameters
        ----------
        path : str or path
            The state's file.
        key, passphrase
            What opens it: one of the two.
        head : dict, optional
            A head that was kept elsewhere: the state must hold it. Where it is the newest, a moved or copied file is taken.
            **Then destroy the original**: it cannot know of this one, and both would give the same numbers to two people.
        code : UserCode, optional
            The code, where the plan names a user's own.

        Returns
        -------
        Dealer

        Raises
        ------
        DealerError
            When the file is missing, damaged, retired, opened by another key, or may be older than what was issued: a copy, or
            one that lacks its head; then see `recover`. A disk or machine that went back to a snapshot only ``head`` tells.
        """
        return cls._of(SealedLog.open(path, Unlocking(key, passphrase), head=head, code=code))

    @classmethod
    def recover(
        cls,
        path: str | os.PathLike[str],
        *,
        skip: int | None = None,
        issued: Mapping[str, Share] | None = None,
        key: bytes | None = None,
        passphrase: str | None = None,
        code: UserCode | None = None,
    ) -> Dealer:
        """Continue from a restored backup or a copy, which may not know of the newest shares.

        Two holders of one number count as one, so numbers go past all that were given out. Nobody may continue the old state.

        Parameters
        ----------
        path : str or path
            The state's file.
        skip : int, optional
            At least as many participants as may have been added since the backup was made; 0 where there were none. Never
            issue to them again: the state does not know them, and two numbers count as two people.
        issued : dict of str to Share, optional
            Or all shares handed out since, by the holders' labels, which keep their numbers.
        key, passphrase, code
            As for `open`.

        Returns
        -------
        Dealer

        Raises
        ------
        InvalidInput
            Unless one of ``skip`` and ``issued`` is given; for a skip of 2**64, or a share under another's label.
        DealerError
            When a share rests on digits that the backup lacks: shares made from now on would not combine with it.
        """
        if (skip is None) == (issued is None):
            raise InvalidInput("recovery needs skip=, a margin of participants, or issued=, the shares since the backup")
        margin = 0 if skip is None else exact_int(skip, name="skip", least=0)
        log = SealedLog.open(path, Unlocking(key, passphrase), code=code, recovering=True)
        log.append(lambda state: issuing.restart(state, margin, {} if issued is None else issued))
        return cls._of(log)

    @classmethod
    def _of(cls, log: Log) -> Dealer:
        dealer = cls.__new__(cls)
        dealer._hold(log)
        return dealer

    def __repr__(self) -> str:
        where = f"state {str(self._log.path)!r}" if isinstance(self._log, SealedLog) else "in memory only"
        return f"<dealer {issuing.description(self._log.current())}, {where}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a dealer cannot be copied or pickled: two of them would give one participant number out twice")

    @property
    def spec(self) -> Spec:
        """The public plan."""
        return self._log.current().made.spec

    @property
    def id(self) -> bytes:
        """Sixteen bytes that name the dealer in every share."""
        return self._log.current().made.dealer

    @property
    def epoch(self) -> int:
        """The epoch of the shares that this dealer makes."""
        return self._log.current().made.epoch

    @property
    def mode(self) -> Mode:
        """``"perfect"`` or ``"seeded"``."""
        return self._log.current().made.mode

    @property
    def public_key(self) -> bytes | None:
        """The Ed25519 key that verifies this dealer's shares, to be published; None where it does not sign."""
        private = self._log.current().made.signing
        return None if private is None else signing.public_key(private)

    @property
    def issued(self) -> dict[str, int]:
        """Participant numbers by digest of the holder's label; labels are not kept. See `participant`."""
        return dict(self._log.current().holders)

    @property
    def undelivered(self) -> tuple[int, ...]:
        """Numbers of holders whose share may never have left, because a crash came between: issue to them again."""
        return self._log.current().undelivered

    @property
    def head(self) -> Head | None:
        """Keep it elsewhere: `open` finds out with it that the state was cut short or replaced by an older copy."""
        return self._log.head

    def participant(self, holder: str) -> int | None:
        """The number that `issue` gave a holder, or None.

        Parameters
        ----------
        holder : str
            The label.
        """
        state = self._log.current()
        return state.holders.get(issuing.label_digest(state, issuing.read_label(holder)))

    @proved("sharing.t7")
    def issue(self, holder: str) -> Share:
        """Give a holder a share: a new one, or again the one that this holder has, with the same bytes.

        Parameters
        ----------
        holder : str
            Who it is for, such as a name. Every person must have one label, and one person no second one.

        Returns
        -------
        Share

        Raises
        ------
        InvalidInput
            For no label, a holder with a share by `issue_anywhere`, no participant left in the code, or too long a share.
        DealerError
            When the state cannot be written, or the dealer is retired. A number that was reserved stays this holder's.

        Privacy
        -------
        One participant, one holder, one payload, made of digits that are durable and never change. Theorem: sharing.t7.
        """
        label = issuing.read_label(holder)
        with self._alone() as known:
            state, digest = known, issuing.label_digest(known, label)
            while digest not in state.holders:  # again where another process was faster and took the number
                self._log.append(lambda state: None if digest in state.holders else _extension(state, state.next))
                state = self._log.append(lambda state: issuing.reservation(state, digest))
            t = state.holders[digest]
            share = issuing.share_of(state, t)
            self._log.append(lambda state: None if t in state.delivered or state.retired else Delivered(t))
        return share

    @proved("sharing.t7")
    def issue_anywhere(self, holder: str) -> Share:
        """Give a holder a share with a number that needs no counter, so that copies of one state may do it side by side.

        The number is a keyed function of the label, one of 2**64: two among n holders have the same one with probability below
        ``n**2 / 2**65``. Who has a share by `issue` is refused, and the reverse, but no state knows what its copies issued.
        A perfect dealer must do it once before its state is copied: it draws the digits that all copies need.

        Parameters
        ----------
        holder : str
            Who it is for.

        Returns
        -------
        Share

        Raises
        ------
        InvalidInput
            Where the code has no such numbers: unary, fixed ones up to 64 digits, and users' own; for a holder who has another.
        DealerError
            As for `issue`.

        Privacy
        -------
        One holder, one payload, made of digits that are durable and never change. Theorem: sharing.t7.
        """
        with self._alone() as state:
            label = issuing.read_label(holder)
            t, digest = issuing.number_anywhere(state, label), issuing.label_digest(state, label)
            self._log.append(lambda state: None if digest in state.holders else _extension(state, t))
            return issuing.share_of(self._log.append(lambda state: issuing.placement(state, digest)), t)

    def retire(self) -> None:
        """Destroy the streams and the word, on the disk as far as it lets one: nobody can be added any more.

        Raises
        ------
        DealerError
            When the dealer is retired already, or the state cannot be written.
        """
        with self._alone():
            self._log.append(lambda state: Retired())
            self._log.wipe()

    @contextmanager
    def _alone(self) -> Generator[State]:
        """The state of a dealer that is not retired, for one thread."""
        if isinstance(self._log, Memory) and os.getpid() != self._owner:
            raise DealerError("this dealer lives in the memory of another process: two would give one number out twice")
        with self._lock:
            state = self._log.current()
            state.check_open()
            yield state


@proved("sharing.t7")
def _made(spec: Spec, secret: bytes, mode: Mode, master: bytes | None, signer: bool | bytes) -> Made:
    """The first event. A seeded dealer's randomness is a function of its root, which is bound to the secret and the plan.

    Privacy
    -------
    Another secret, plan or dealer has unrelated streams and another random element: theorem sharing.t7.
    """
    dealer, root = _drawn(NONCE), None
    if mode == "seeded":
        root = bound_root(_drawn(KEY) if master is None else master, secret, dealer=dealer, epoch=0, spec=spec)
    element, label_key = (
        (_drawn(NONCE), _drawn(KEY)) if root is None else (derived(root, "amd", NONCE), derived(root, "labels", KEY))
    )
    private = signer if isinstance(signer, bytes) else _drawn(KEY) if signer else None
    word = wrap(secret, spec.integrity, element)
    return Made(spec, dealer, 0, mode, word, root, label_key, private, is_secure())


@proved("sharing.t7")
def _extension(state: State, t: int) -> Extended | None:
    """What makes the streams long enough for participant t, with fresh digits; None where they are.

    Privacy
    -------
    Each digit is drawn once, uniform, and independent of all others: theorem sharing.t7.
    """
    spec, rows = state.made.spec, state.made.spec.share_rows(t)
    if state.reaches(rows):
        return None
    extent = issuing.extent_for(spec, rows)
    issuing.check_drawn(spec, extent - state.stored.extent)
    return Extended(extent, _drawn(NONCE), _drawn(state.stored.missing(extent)), is_secure())


@proved("sharing.t7")
def _drawn(size: int) -> bytes:
    """Bytes of the operating system, each of them for one use.

    Privacy
    -------
    Randomness only: theorem sharing.t7.
    """
    return device_words().main(0, size, 8)

"""Share files put together again, in memory that does not grow with them. The output has no name before it is verified."""

from __future__ import annotations

import hashlib
import hmac
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from io import FileIO
from math import comb
from pathlib import Path

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from privlib.errors import BadShare, InconsistentShares, InvalidInput
from privlib.proved import proved
from privlib.sharing.amd import BLOCK, Tagger
from privlib.sharing.codes import UserCode
from privlib.sharing.heads import check_alike, check_enough, check_participants, signed_by_one
from privlib.sharing.lanes import Recovery, Rows
from privlib.sharing.signing import statement
from privlib.sharing.spec import Spec
from privlib.sharing.whole import NewFile, publish
from privlib.sharing.wire import CHECKSUM, KEY, SIGNATURE, Head, exactly, read_head, write_head

__all__ = ["LENGTH", "RunningShare", "check_room", "combine_file"]

LENGTH = 8
"""Bytes of a secret's length in a word with an AMD code."""

_BLOCK = 2**18  # bytes of rows that are in hand at once, for each share
_PREFIX = 2**21  # bytes in which the longest head ends
_REACH, _REACHES = 2**26, 2**29  # bytes that a codeword may reach back, and all divisions of a recovery together


@proved("sharing.t1")
def combine_file(
    paths: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    expected: Iterable[int] | None = None,
    public_key: bytes | None = None,
    code: UserCode | None = None,
) -> Path:
    """Put a file together from share files; what is promised is what `privlib.sharing.combine` promises.

    Parameters
    ----------
    paths : iterable of path
        As many share files as the threshold, or more, which then must all agree.
    out : path
        The file to make, of mode 0600; there must be none yet. It appears when it is whole and verified.
    expected : iterable of int, optional
        The participants whose share files these are, as you know it from elsewhere. Exactly as many unsigned shares as the
        threshold, with an AMD code, are refused without it.
    public_key : bytes, optional
        The dealer's public key, 32 bytes, from where you trust it; all shares must then be signed by it.
    code : UserCode, optional
        The code of participant numbers, where the shares name a user's code.

    Returns
    -------
    path
        The file.

    Raises
    ------
    NotEnoughShares, InvalidInput, Mismatch, ForkedDealer, InconsistentShares, BadShare
        As `privlib.sharing.combine`; no file appears then.
    OSError
        When files cannot be read or written.

    Privacy
    -------
    Draws nothing. That genuine shares give the file: theorem sharing.t1.
    """
    with ExitStack() as stack:
        sources = [_Source(stack.enter_context(_opened(Path(path))), code) for path in paths]
        spec = _check([source.head for source in sources], expected, public_key)
        check_room(spec, [source.head.t for source in sources])
        sources.sort(key=lambda source: spec.prefix_code.encode(source.head.t))
        windows = [sources[start : start + spec.threshold] for start in range(len(sources) - spec.threshold + 1)]
        new = stack.enter_context(NewFile(out))
        word = _Unwrapped(spec, new, compared=len(windows) > 1)
        if len(windows) > 1:
            for source in sources:
                source.remember()
        _recover(windows[0], public_key, word.take)
        digests = {word.digest.digest()}
        for window in windows[1:]:  # neighbours that agree, window after window, are shares of one word: theorem sharing.t5
            again = hashlib.sha256()
            _recover(window, public_key, again.update)  # a share file that was rewritten meanwhile is refused
            digests.add(again.digest())
        if len(digests) > 1:
            raise InconsistentShares("these shares are not of one secret: nothing is returned")
        word.verify()
        return publish([new])[0]


class RunningShare:
    """Checksum and signed statement of a share whose payload comes in pieces.

    Parameters
    ----------
    head : Head
        All of the share but its payload and signature.
    """

    __slots__ = ("_crc", "_digest", "_label")

    def __init__(self, head: Head) -> None:
        begin, whole = write_head(head), hashlib.sha512()
        self._crc = zlib.crc32(begin)
        self._label = statement(head)[: -whole.digest_size]  # what stands before the digest
        self._digest = None if head.public_key is None else whole
        whole.update(begin)

    def update(self, piece: memoryview) -> None:
        """Take more of the payload."""
        self._crc = zlib.crc32(piece, self._crc)
        if self._digest is not None:
            self._digest.update(piece)

    def statement(self) -> bytes:
        """What is signed once the payload is over; see `privlib.sharing.signing.statement`."""
        return self._label + (b"" if self._digest is None else self._digest.digest())

    def checksum(self, signature: bytes) -> bytes:
        """How the share ends; the signature is empty where there is none."""
        return zlib.crc32(signature, self._crc).to_bytes(CHECKSUM, "big")


class _Source:
    """A share file that is read once or several times, each time checked, and each time the same."""

    def __init__(self, file: FileIO, code: UserCode | None) -> None:
        self._file, self._remembers, self._first = file, False, b""
        self.head, self._start = read_head(file.read(_PREFIX), code=code)
        rest = CHECKSUM + (0 if self.head.public_key is None else SIGNATURE)
        if os.fstat(file.fileno()).st_size != self._start + self.head.payload_bytes + rest:  # before room is made for it
            raise BadShare(f"the share of participant {self.head.t} is cut short, or followed by something else")
        self.begin()

    def begin(self) -> None:
        """Go back to the payload's first byte."""
        self._file.seek(self._start)
        self._left, self._running = self.head.payload_bytes, RunningShare(self.head)
        self._digest = hashlib.sha256() if self._remembers else None

    def remember(self) -> None:
        """Refuse, when it is read again, a payload other than the one that is read first."""
        self._remembers = True

    def fill(self, rows: Rows) -> None:
        """The payload's next rows, zeros after its end."""
        rest = rows.reshape(-1).data
        while rest and self._left:
            count = int(self._file.readinto(rest[: self._left]))
            if not count:
                raise BadShare(f"the share of participant {self.head.t} is cut short")
            self._running.update(rest[:count])
            if self._digest is not None:
                self._digest.update(rest[:count])
            self._left, rest = self._left - count, rest[count:]
        rest[:] = bytes(len(rest))

    def end(self, dealer_key: bytes | None) -> None:
        """Read the rest, and refuse a share that is damaged, wrongly signed or followed by something else."""
        room = np.empty((1, _BLOCK), dtype=np.uint8)
        while self._left:
            self.fill(room)
        signature = self._file.read(SIGNATURE) if self.head.public_key is not None else b""
        if self._file.read(CHECKSUM + 1) != self._running.checksum(signature):
            raise BadShare(f"the share of participant {self.head.t} is damaged: its checksum does not fit")
        if self._digest is not None:
            digest = self._digest.digest()
            if self._first not in (b"", digest):
                raise BadShare(f"the share of participant {self.head.t} changed while it was read")
            self._first = digest
        trusted = dealer_key or self.head.public_key
        if trusted is not None:
            try:
                Ed25519PublicKey.from_public_bytes(trusted).verify(signature, self._running.statement())
            except (InvalidSignature, ValueError):
                raise BadShare(f"the share of participant {self.head.t} is not what its dealer signed") from None


def _recover(window: Sequence[_Source], public_key: bytes | None, take: Callable[[memoryview], object]) -> None:
    """Hand over the word of exactly as many shares as the threshold, piece by piece; the last rows may be padding."""
    spec = window[0].head.spec
    recovery = Recovery([spec.prefix_code.encode(source.head.t) for source in window], spec.width, spec.rows)
    block = min(recovery.total, max(1, _BLOCK // spec.width))
    rooms = [np.empty((block, spec.width), dtype=np.uint8) for _ in window]
    for source in window:
        source.begin()
    try:
        for start in range(0, recovery.total, block):
            rows = [room[: recovery.total - start] for room in rooms]
            for source, own in zip(window, rows, strict=True):
                source.fill(own)
            take(recovery.take(rows).reshape(-1).data)
    except InconsistentShares:
        for source in window:  # which names the damaged one, where it was an accident
            source.end(public_key)
        raise
    for source in window:
        source.end(public_key)


class _Unwrapped:
    """Writes the secret of a word that comes in pieces, and then verifies it; see `privlib.sharing.integrity.unwrap`."""

    def __init__(self, spec: Spec, new: NewFile, *, compared: bool) -> None:
        self._spec, self._new, self._compared, self.digest = spec, new, compared, hashlib.sha256()
        self._left, self._before, self._after = spec.size, bytearray(), bytearray()
        self._length = LENGTH if spec.integrity == "amd" else 0

    def take(self, piece: memoryview) -> None:
        """The word's next bytes."""
        if self._compared:
            self.digest.update(piece)
        missing = self._length - len(self._before)
        self._before += piece[:missing]
        own = piece[missing:][: self._left]
        self._new.write(own)
        self._left -= len(own)
        self._after += piece[missing:][len(own) :]

    def verify(self) -> None:
        """Refuse a word that `privlib.sharing.integrity.wrap` does not give."""
        tail, pad = self._after[: -self._spec.pad or None], self._after[len(self._after) - self._spec.pad :]
        genuine = not any(pad)
        if self._length:
            a, tag = bytes(tail[:BLOCK]), bytes(tail[BLOCK:])
            tagger = Tagger(a)
            tagger.update(bytes(self._before))
            self._new.file.seek(0)
            while piece := self._new.file.read(_BLOCK):
                tagger.update(piece)
            same = hmac.compare_digest(tagger.finish(), tag)
            genuine = genuine and same and self._before == self._spec.size.to_bytes(LENGTH, "little")
        if not genuine:
            raise BadShare("a share was changed: the word that these shares give fails its check, so nothing is returned")


def check_room(spec: Spec, participants: Iterable[int]) -> None:
    """Refuse public fields that ask for much more memory than honest plans do, before anything is allocated.

    Parameters
    ----------
    spec : Spec
        The plan.
    participants : iterable of int
        Whose shares there are.

    Raises
    ------
    InvalidInput
        When the rows that the longest codeword reaches back are too wide for so high a threshold.
    """
    reach = max(spec.prefix_code.length(t) for t in participants) - 1
    if reach * spec.width > _REACH or comb(spec.threshold, 2) * reach * spec.width > _REACHES:
        raise InvalidInput("files of this plan take too much memory: take narrower rows, a smaller threshold or the delta code")


def _opened(path: Path) -> FileIO:
    if path.exists() and not path.is_file():  # a pipe or a device could go on without end
        raise InvalidInput(f"{path} is no file")
    return path.open("rb", buffering=0)


def _check(heads: Sequence[Head], expected: Iterable[int] | None, public_key: bytes | None) -> Spec:
    """The plan; refuse what does not belong together before any payload is read, as `privlib.sharing.recover` does."""
    spec = check_alike(heads)
    signed = signed_by_one(heads)
    if public_key is not None and {head.public_key for head in heads} != {
        exactly(public_key, KEY, name="public_key, the dealer's public key,")
    }:
        raise BadShare("not all of these shares are signed by the dealer's key")
    check_participants(heads, expected)
    check_enough(spec, len(heads), signed=signed, known=expected is not None)
    return spec

"""Files of any size: split into share files and put together again, in memory that does not grow with them.

A share file is the binary form of a `Share`, byte for byte: what is short enough for the memory can be loaded as one, and what
a dealer saved can be combined here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privlib.bounds import exact_int
from privlib.errors import InvalidInput
from privlib.noise.system import device_words, is_secure
from privlib.proved import proved
from privlib.sharing.amd import BLOCK, Tagger
from privlib.sharing.codes import Code
from privlib.sharing.joining import LENGTH, RunningShare, check_room, combine_file
from privlib.sharing.lanes import Rows, Sharing, Stream
from privlib.sharing.signing import public_key
from privlib.sharing.spec import Spec
from privlib.sharing.streams import KEY, Mode, Seeded, bound_root, derived
from privlib.sharing.whole import NewFile, publish
from privlib.sharing.wire import NONCE, Head, exactly, write_head

__all__ = ["combine_file", "drawn", "split_file"]

_BLOCK = 2**18  # bytes of rows that are in hand at once, for each share
_MOST_FILES = 512  # open at once


@proved("sharing.t2")
def split_file(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    threshold: int,
    shares: int | Iterable[int],
    code: str | Code = "delta",
    layout: str = "paper",
    width: int | None = None,
    integrity: str = "signed",
    mode: Mode = "seeded",
    master: bytes | None = None,
    sign: bytes | None = None,
) -> list[Path]:
    """Split a file into share files, in one pass and little memory.

    Parameters
    ----------
    path : path
        What is split: a file that is not empty, and does not change meanwhile.
    out : path
        The folder of the share files, which are called ``NAME.T.share``, T the participant, of mode 0600. Each appears whole
        or not at all, and after an error none does. Only a process that is killed while it names them leaves some and not
        others; with a master the rest can be made later.
    threshold : int
        How many share files recover the file.
    shares : int or iterable of int
        How many participants, 1 to this number, or which.
    code : str or Code
        The prefix code of participant numbers.
    layout : {"paper", "compact"}
        How long shares are.
    width : int, optional
        Bytes of a row; one that fits the file's size is chosen.
    integrity : {"amd", "none", "signed"}
        How changed shares are noticed. ``"amd"`` relies on no assumption, takes minutes for a gigabyte, and wants the
        combiner to know the participants.
    mode : {"seeded", "perfect"}
        ``"seeded"``: digits of AES-256-CTR, computational secrecy. ``"perfect"``: digits of the operating system, which
        takes longer; they are not kept, so nobody can be added later.
    master : bytes, optional
        32 secret bytes, uniform, for ``"seeded"``. With them, and this very file and plan, later calls add participants.
        Without, fresh ones are drawn and forgotten.
    sign : bytes, optional
        The dealer's Ed25519 private key, 32 bytes. ``"signed"`` without it makes one, whose public key the shares name.

    Returns
    -------
    list of path
        The share files, in the order of the participants.

    Raises
    ------
    InvalidInput
        For numbers out of range, an empty file, one that changed meanwhile, or a share file that is there already.
    OSError
        When files cannot be read or written.

    Privacy
    -------
    Any ``threshold - 1`` share files have the same law for every file of this length, if digits are perfect, and cannot be
    told apart in practice if they are seeded. Digits are of one file and one plan: another file under the same master has
    unrelated ones. Theorem: sharing.t2.
    """
    source, folder = Path(path), Path(out)
    participants = _participants(shares)
    if mode not in ("seeded", "perfect") or (master is not None and mode == "perfect"):
        raise InvalidInput("mode must be 'seeded' or 'perfect', and only 'seeded' takes a master")
    if sign is not None and integrity == "none":
        raise InvalidInput("integrity='none' takes no signing key: say integrity='signed'")
    if source.exists() and not source.is_file():  # a pipe or a device could go on without end
        raise InvalidInput(f"{source} is no file")
    with FileIO(source) as file, ExitStack() as stack:
        size = _size_of(file)
        spec = Spec(threshold, size, code=code, layout=layout, width=width, integrity=integrity)
        check_room(spec, participants)
        plan = _plan(spec, mode, master, file)
        if integrity == "signed" and sign is None:
            sign = plan.signer
        extent = max(spec.share_rows(t) for t in participants)
        lineage = ((extent, drawn(NONCE)),) if mode == "perfect" else ()
        own_key = None if sign is None else public_key(sign)
        outs = list[_Out]()
        for t in participants:
            head = Head(
                spec=spec, dealer=plan.dealer, epoch=0, t=t, lineage=lineage, kind=mode, secure=is_secure(), public_key=own_key
            )
            outs.append(_Out(head, stack.enter_context(NewFile(folder / f"{source.name}.{t}.share"))))
        word = _Word(file, spec, plan)
        _deal(word, plan.streams, outs, extent)
        word.end()
        for own in outs:
            own.finish(sign)
        return publish([own.new for own in outs])


def drawn(size: int) -> bytes:
    """Bytes of the operating system, each of them for one use.

    Parameters
    ----------
    size : int
        How many.

    Returns
    -------
    bytes
    """
    return device_words().main(0, size, 8)


@dataclass(frozen=True)
class _Plan:
    """Everything random of one splitting."""

    dealer: bytes
    element: bytes = field(repr=False)
    signer: bytes = field(repr=False)
    streams: tuple[Stream, ...] = field(repr=False)
    digest: bytes | None = field(repr=False)


def _plan(spec: Spec, mode: Mode, master: bytes | None, file: FileIO) -> _Plan:
    others = spec.threshold - 1
    if mode == "perfect":

        def fresh(start: int, stop: int) -> Rows:
            return np.frombuffer(drawn((stop - start) * spec.width), dtype=np.uint8).reshape(-1, spec.width)

        return _Plan(drawn(NONCE), drawn(BLOCK), drawn(KEY), (fresh,) * others, None)  # all shares are made of one reading
    digest, root = None, drawn(KEY)
    if master is not None:  # the digest stands for the file: streams of one file never serve another
        digest = _digest_of(file)
        root = bound_root(exactly(master, KEY, name="master"), digest, dealer=bytes(NONCE), epoch=0, spec=spec)
    dealer, element, signer = derived(root, "dealer", NONCE), derived(root, "amd", BLOCK), derived(root, "signing")
    return _Plan(dealer, element, signer, Seeded(root, others, spec.width).streams(), digest)


def _deal(word: _Word, streams: Sequence[Stream], outs: Sequence[_Out], extent: int) -> None:
    """Write all payloads block by block, side by side: numpy, checksums and writing let go of the interpreter."""
    width = outs[0].head.spec.width
    room = np.empty((max(1, _BLOCK // width), width), dtype=np.uint8)
    with ThreadPoolExecutor(min(len(outs), _cpus())) as pool:
        for start in range(0, extent, len(room)):
            rows = room[: extent - start]
            word.fill(rows)
            digits = [stream(start, start + len(rows)) for stream in streams]
            list(pool.map(lambda own, rows=rows, digits=digits: own.take(rows, digits), outs))  # for what it raises
    room.fill(0)


class _Word:
    """What is shared of a file, as `privlib.sharing.integrity.wrap` spells it, and zeros for ever after."""

    def __init__(self, file: FileIO, spec: Spec, plan: _Plan) -> None:
        self._file, self._left, self._element, self._wanted = file, spec.size, plan.element, plan.digest
        self._tagger = Tagger(plan.element) if spec.integrity == "amd" else None
        self._ready = memoryview(b"" if self._tagger is None else spec.size.to_bytes(LENGTH, "little"))
        if self._tagger is not None:
            self._tagger.update(self._ready)
        self._digest = hashlib.sha256()
        file.seek(0)

    def fill(self, rows: Rows) -> None:
        """Put the next bytes into rows."""
        rest = rows.reshape(-1).data
        while rest and (self._ready or self._left):
            if self._ready:
                count = min(len(rest), len(self._ready))
                rest[:count], self._ready = self._ready[:count], self._ready[count:]
            else:
                count = self._read(rest[: self._left])
            rest = rest[count:]
        rest[:] = bytes(len(rest))

    def _read(self, room: memoryview) -> int:
        count = self._file.readinto(room)
        if not count:
            raise _changed()
        self._left -= count
        if self._wanted is not None:
            self._digest.update(room[:count])
        if self._tagger is not None:
            self._tagger.update(room[:count])
            if not self._left:
                self._ready = memoryview(self._element + self._tagger.finish())
        return int(count)

    def end(self) -> None:
        """Refuse a file that has grown, or is another than the one whose streams hide it."""
        if self._file.read(1) or self._wanted not in (None, self._digest.digest()):
            raise _changed()


class _Out:
    """A share file while it is written."""

    def __init__(self, head: Head, new: NewFile) -> None:
        self.head, self.new = head, new
        spec = head.spec
        self._left = spec.share_rows(head.t)
        self._sharing = Sharing([spec.prefix_code.encode(head.t)], spec.threshold, spec.width, max(1, _BLOCK // spec.width))
        self._said = RunningShare(head)
        new.write(write_head(head))

    def take(self, word: Rows, digits: Sequence[Rows]) -> None:
        """Write what the next rows of the word and of the streams give."""
        count = min(len(word), self._left)
        if count:
            piece = self._sharing.take(word[:count], [rows[:count] for rows in digits])[0].reshape(-1).data
            self._said.update(piece)
            self.new.write(piece)
            self._left -= count

    def finish(self, sign: bytes | None) -> None:
        """Write the signature, if there is to be one, and the checksum."""
        self._sharing.wipe()
        signature = b"" if sign is None else Ed25519PrivateKey.from_private_bytes(sign).sign(self._said.statement())
        self.new.write(signature + self._said.checksum(signature))


def _participants(shares: int | Iterable[int]) -> list[int]:
    if isinstance(shares, Iterable):
        found = [exact_int(t, name="each participant") for t in shares]
    else:
        found = list(range(1, exact_int(shares, name="shares, the number of share files,", most=_MOST_FILES) + 1))
    if not found or len(set(found)) < len(found) or len(found) > _MOST_FILES:
        raise InvalidInput(f"shares must name from 1 to {_MOST_FILES} participants, each once")
    return found


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _size_of(file: FileIO) -> int:
    size = os.fstat(file.fileno()).st_size
    if not size:
        raise InvalidInput("what is split must be a file of one byte or more")
    return size


def _digest_of(file: FileIO) -> bytes:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()


def _changed() -> InvalidInput:
    return InvalidInput("the file changed while it was split: no share file was made")

"""One holder's share: what it says openly, the payload that it keeps to itself, and its binary, text, word and file forms."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from privlib.errors import BadShare, InvalidInput
from privlib.sharing import signing, text, wire
from privlib.sharing.codes import UserCode
from privlib.sharing.whole import NewFile, publish
from privlib.sharing.wire import HEAD_FIELDS, SIGNATURE, Head, checksum, exactly, write_head

__all__ = ["MOST_SPOKEN", "Share"]

MOST_SPOKEN = 64
"""The largest secret, in bytes, whose shares have a word form."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Share(Head):
    """What one holder keeps. Payload and signature never show in ``repr``, in `inspect`, in a pickle or in a message.

    Parameters
    ----------
    spec, dealer, epoch, t, lineage, kind, secure, public_key
        What the share says openly; see `privlib.sharing.wire.Head`.
    payload : bytes
        The share itself: ``spec.share_rows(t)`` rows of ``spec.width`` bytes.
    signature : bytes, optional
        The dealer's Ed25519 signature, 64 bytes; there is one if and only if there is a key. It is as secret as the payload:
        a payload that is guessed can be tried against it.

    Raises
    ------
    InvalidInput
        For anything out of range, or a payload of another length.

    Privacy
    -------
    The payload of one participant is uniform for every secret. Theorem: sharing.t2.

    Examples
    --------
    >>> from privlib.sharing.spec import Spec
    >>> spec = Spec(threshold=2, size=1, integrity="none")
    >>> share = Share(spec=spec, dealer=bytes(16), epoch=0, t=2, lineage=(), kind="perfect", secure=True, payload=bytes(4))
    >>> share
    <share of participant 2, 2 needed, 4 bytes not shown, perfect, dealer 00000000>
    >>> Share.from_bytes(share.to_bytes()) == share
    True
    """

    payload: bytes = field(hash=False)
    signature: bytes | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(
            self, "payload", exactly(self.payload, self.payload_bytes, name=f"the payload of participant {self.t}")
        )
        if (self.public_key is None) != (self.signature is None):
            raise InvalidInput("a share has a key and a signature, or neither")
        if self.signature is not None:
            object.__setattr__(self, "signature", exactly(self.signature, SIGNATURE, name="signature"))

    def __repr__(self) -> str:
        """What may be said aloud."""
        test = "" if self.secure else ", made in test mode"
        signed = "" if self.public_key is None else ", signed"
        return (
            f"<share of participant {self.t}, {self.spec.threshold} needed, {len(self.payload)} bytes not shown, {self.kind}"
            f"{signed}{test}, dealer {self.dealer.hex()[:8]}>"
        )

    def __reduce__(self) -> NoReturn:
        """Refuse: pickles end up in logs, caches and other processes."""
        raise TypeError("a share cannot be copied or pickled: write it with to_bytes, where you mean to")

    def inspect(self) -> dict[str, Any]:
        """What the share says openly, as JSON takes it.

        Neither payload nor signature is in it, nor a checksum of them.

        Returns
        -------
        dict
        """
        return {
            "participant": self.t,
            **self.spec.to_dict(),
            "plan": self.spec.fingerprint,
            "dealer": self.dealer.hex(),
            "epoch": self.epoch,
            "kind": self.kind,
            "secure": self.secure,
            "lineage": [{"rows": extent, "nonce": nonce.hex()} for extent, nonce in self.lineage],
            "rows": self.spec.share_rows(self.t),
            "payload_bytes": len(self.payload),
            "signed_by": None if self.public_key is None else self.public_key.hex(),
        }

    def verify(self, *, public_key: bytes) -> None:
        """Check the dealer's signature.

        Parameters
        ----------
        public_key : bytes
            The dealer's public key, 32 bytes, from where you trust it: not from the share.

        Raises
        ------
        BadShare
            When the share is not signed by this key, or was changed.
        """
        signing.verify(self, public_key=public_key)

    def to_bytes(self) -> bytes:
        """The binary form; see `privlib.sharing.wire`. It is as secret as the share."""
        parts = (write_head(self), self.payload, self.signature or b"")
        return b"".join((*parts, checksum(*parts)))

    @classmethod
    def from_bytes(cls, data: bytes | bytearray, *, code: UserCode | None = None) -> Share:
        """Read what `to_bytes` gave, and nothing else.

        Parameters
        ----------
        data : bytes
            The whole share.
        code : UserCode, optional
            The code of participant numbers, where the share names a user's code.

        Returns
        -------
        Share
            A signature in it is not verified yet: see `verify`.

        Raises
        ------
        BadShare
            For anything else.
        """
        head, payload, signature = wire.read(bytes(data) if isinstance(data, bytearray) else data, code=code)
        return cls(**{name: getattr(head, name) for name in HEAD_FIELDS}, payload=payload, signature=signature)

    def to_text(self) -> str:
        """The text form: lines of letters and digits, each short enough for a QR code; see `privlib.sharing.text`."""
        return text.write(self.to_bytes())

    @classmethod
    def from_text(cls, written: str, *, code: UserCode | None = None) -> Share:
        """Read what `to_text` gave, and nothing else; `privlib.sharing.text.tidy` helps with what people typed.

        Parameters
        ----------
        written : str
            All lines.
        code : UserCode, optional
            The code of participant numbers, where the share names a user's code.

        Returns
        -------
        Share

        Raises
        ------
        BadShare
            For anything else; it says which letters look damaged, and corrects nothing.
        """
        return cls.from_bytes(text.read(written), code=code)

    def to_words(self) -> str:
        """The word form, of pronounceable words, for secrets of at most 64 bytes.

        Returns
        -------
        str
            Words of five letters (proquints), the last four of them a checksum.

        Raises
        ------
        InvalidInput
            For longer secrets: use `to_text` or `save`.
        """
        if self.spec.size > MOST_SPOKEN:
            raise InvalidInput(f"words are for secrets of at most {MOST_SPOKEN} bytes: use to_text or save")
        return text.write_words(self.to_bytes())

    @classmethod
    def from_words(cls, written: str, *, code: UserCode | None = None) -> Share:
        """Read what `to_words` gave, and nothing else; `privlib.sharing.text.tidy` helps with what people typed.

        Parameters
        ----------
        written : str
            All words.
        code : UserCode, optional
            The code of participant numbers, where the share names a user's code.

        Returns
        -------
        Share

        Raises
        ------
        BadShare
            For anything else; it says which words look damaged, and corrects nothing.
        """
        share = cls.from_bytes(text.read_words(written), code=code)
        if share.spec.size > MOST_SPOKEN:
            raise BadShare("shares of so long a secret have no word form")
        return share

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the binary form to a new file that its owner alone can read, whole or not at all.

        On Linux nothing is left on the disk when the process is killed meanwhile; see `privlib.sharing.whole.NewFile`.

        Parameters
        ----------
        path : str or path
            The file; there must be none yet.

        Raises
        ------
        InvalidInput
            When there is something at this path: a share is never overwritten. Or when there is no folder to put it in.
        OSError
            When the file cannot be written.
        """
        with NewFile(path) as new:
            new.write(self.to_bytes())
            publish([new])

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, code: UserCode | None = None) -> Share:
        """Read a file that `save` wrote.

        Parameters
        ----------
        path : str or path
            The file.
        code : UserCode, optional
            The code of participant numbers, where the share names a user's code.

        Returns
        -------
        Share

        Raises
        ------
        BadShare
            For a file that holds no share, or more.
        OSError
            When the file cannot be read.
        """
        source = Path(path)
        if source.exists() and not source.is_file():  # a pipe or a device could go on without end
            raise InvalidInput(f"{source} is no file")
        return cls.from_bytes(source.read_bytes(), code=code)

"""Really big data: one sealed file for everybody to see, and a secret of 32 bytes that a `Dealer` shares.

Shares stay tiny, and people can be added for ever. Secrecy is computational: it rests on AES-256-GCM and HKDF-SHA-256, whatever
the dealer's mode.

The sealed file is a header of 80 bytes, then chunks of 1 MiB, the last one shorter, each with 16 bytes of tag. The header is a
mark with the version (16 bytes), a salt (32) and a commitment (32). Key and commitment are derived from secret and salt, so
that one file cannot be opened by two secrets, as AES-GCM alone would let a forger arrange. A chunk's nonce is its number and
whether it is the last; so chunks cannot be left out, moved, doubled or cut off.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from privlib.errors import BadShare, Mismatch
from privlib.sharing.files import drawn
from privlib.sharing.whole import NewFile, publish
from privlib.sharing.wire import exactly

__all__ = ["SECRET", "open_file", "seal_file"]

SECRET = 32
"""Bytes of the secret that opens a sealed file."""

_MARK = b"privlib sealed 1"
_SALT = 32
_COMMITMENT = 32
_TAG = 16
_CHUNK = 2**20
_LAST = b"\1"
_NOT_LAST = b"\0"
_COUNTER = 11


def seal_file(path: str | os.PathLike[str], out: str | os.PathLike[str]) -> bytes:
    """Encrypt a file under a fresh secret, which is then shared.

    Parameters
    ----------
    path : path
        The file; it may be empty.
    out : path
        The sealed file to make, of mode 0600 though it may be published; there must be none yet, and it appears when it is whole.

    Returns
    -------
    bytes
        The secret: 32 bytes for `privlib.sharing.Dealer`. Without it, or shares of it, the sealed file is lost.

    Raises
    ------
    InvalidInput
        When there is something at ``out`` already.
    OSError
        When files cannot be read or written.

    Privacy
    -------
    The sealed file shows the length and, computationally, nothing else to who has fewer shares than the threshold. Not a
    theorem of privlib: it rests on AES-256-GCM and HKDF-SHA-256 of `cryptography`.
    """
    secret, salt = drawn(SECRET), drawn(_SALT)
    cipher, commitment = _keyed(secret, salt)
    header = _MARK + salt + commitment
    with Path(path).open("rb") as source, NewFile(out) as new:
        new.write(header)
        for number, chunk, last in _chunks(source, _CHUNK):
            new.write(cipher.encrypt(_nonce(number, last=last), chunk, header))
        publish([new])
    return secret


def open_file(path: str | os.PathLike[str], out: str | os.PathLike[str], *, secret: bytes) -> Path:
    """Decrypt a sealed file.

    Parameters
    ----------
    path : path
        What `seal_file` made.
    out : path
        The file to make, of mode 0600; there must be none yet. It appears when all of it is verified.
    secret : bytes
        The 32 bytes that `seal_file` gave, from `privlib.sharing.combine`.

    Returns
    -------
    path
        The file.

    Raises
    ------
    Mismatch
        When the secret is not the one that this file was sealed with.
    BadShare
        For a file that is not sealed, or was altered or cut short.
    InvalidInput
        For a secret of another length, or when there is something at ``out`` already.
    OSError
        When files cannot be read or written.
    """
    secret = exactly(secret, SECRET, name="secret")
    with Path(path).open("rb") as source, NewFile(out) as new:
        header = source.read(len(_MARK) + _SALT + _COMMITMENT)
        salt, commitment = header[len(_MARK) : -_COMMITMENT], header[-_COMMITMENT:]
        if not header.startswith(_MARK) or len(salt) != _SALT:
            raise BadShare("this is no file that privlib sealed, or one of a version that is not known")
        cipher, wanted = _keyed(secret, salt)
        if not hmac.compare_digest(commitment, wanted):
            raise Mismatch("this secret is not the one that the file was sealed with, or the file's beginning was altered")
        for number, chunk, last in _chunks(source, _CHUNK + _TAG):
            try:
                new.write(cipher.decrypt(_nonce(number, last=last), chunk, header))
            except InvalidTag:
                raise BadShare("the sealed file was altered or cut short: nothing is returned") from None
        return publish([new])[0]


def _keyed(secret: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    """The cipher for one file, and what commits the file to the secret."""
    both = HKDF(algorithm=SHA256(), length=SECRET + _COMMITMENT, salt=salt, info=_MARK).derive(secret)
    return AESGCM(both[:SECRET]), both[SECRET:]


def _chunks(source: BinaryIO, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Number, bytes, and whether it is the last; there is always one, and only an empty file's is empty."""
    number, chunk = 0, source.read(size)
    while True:
        after = source.read(size)
        yield number, chunk, not after
        if not after:
            return
        number, chunk = number + 1, after


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER, "big") + (_LAST if last else _NOT_LAST)

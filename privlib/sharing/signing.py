"""The dealer's signature on a share: Ed25519, from cryptography, over everything that the share says.

What is signed is a label and the SHA-512 digest of the binary form up to the signature, so that a share of any length can be
signed while it is written. The signature shows, computationally, that the holder of the dealer's key made this share: this
participant number, this payload. It says nothing about the secret that several shares give.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privlib.errors import BadShare
from privlib.sharing.wire import HEAD_FIELDS, KEY, Head, exactly, write_head

if TYPE_CHECKING:
    from privlib.sharing.share import Share

__all__ = ["public_key", "sign", "statement", "verify"]

_LABEL = b"privlib share signature 1\0"
_PRIVATE = 32


def public_key(private: bytes) -> bytes:
    """The public key that belongs to a private one, for everybody who verifies.

    Parameters
    ----------
    private : bytes
        An Ed25519 private key, 32 bytes.

    Returns
    -------
    bytes
        32 bytes.

    Raises
    ------
    InvalidInput
        For anything that is no private key.
    """
    return _private(private).public_key().public_bytes_raw()


def sign(share: Share, private: bytes) -> Share:
    """The same share with the dealer's key and signature.

    Parameters
    ----------
    share : Share
        Signed or not; an older signature is replaced.
    private : bytes
        The dealer's Ed25519 private key, 32 bytes.

    Returns
    -------
    Share

    Raises
    ------
    InvalidInput
        For anything that is no private key.
    """
    own = public_key(private)
    head = Head(**{name: getattr(share, name) for name in HEAD_FIELDS if name != "public_key"}, public_key=own)
    return replace(share, public_key=own, signature=_private(private).sign(statement(head, share.payload)))


def statement(head: Head, *payload: bytes) -> bytes:
    """What is signed: a label and the SHA-512 digest of the binary form up to the signature.

    Parameters
    ----------
    head : Head
        With the dealer's public key in it.
    *payload : bytes
        The payload, whole or in pieces.

    Returns
    -------
    bytes
        As secret as the payload, which could be tried against it.
    """
    digest = hashlib.sha512(write_head(head))
    for piece in payload:
        digest.update(piece)
    return _LABEL + digest.digest()


def verify(share: Share, *, public_key: bytes) -> None:
    """Check that a share is signed by a dealer's key.

    Parameters
    ----------
    share : Share
        The share.
    public_key : bytes
        The dealer's public key, 32 bytes, from where you trust it: not from the share.

    Raises
    ------
    BadShare
        When the share is not signed, signed by another key, or was changed since.
    """
    trusted = exactly(public_key, KEY, name="public_key, the dealer's public key,")
    if share.signature is None:
        raise BadShare(f"the share of participant {share.t} is not signed")
    if share.public_key != trusted:
        raise BadShare(f"the share of participant {share.t} is signed by another key than the dealer's")
    try:
        Ed25519PublicKey.from_public_bytes(trusted).verify(share.signature, statement(share, share.payload))
    except InvalidSignature:
        raise BadShare(f"the share of participant {share.t} is not what its dealer signed") from None


def _private(private: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(exactly(private, _PRIVATE, name="an Ed25519 private key"))

"""What is shared: the secret alone, or the secret with an AMD code that notices changed shares."""

from __future__ import annotations

import hmac
from typing import get_args

from privlib.errors import BadShare, InvalidInput
from privlib.proved import proved
from privlib.sharing.amd import BLOCK, tag_bytes
from privlib.sharing.spec import OVERHEAD, Integrity

__all__ = ["unwrap", "wrap"]

_LENGTH = 8


@proved("sharing.t4")
def wrap(secret: bytes, integrity: str, a: bytes | None = None) -> bytes:
    """The word that a dealer shares.

    Parameters
    ----------
    secret : bytes
        At least one byte.
    integrity : {"amd", "none", "signed"}
        Under ``"amd"`` the word is the secret's length (8 bytes), the secret, the element a (16 bytes) and the tag of length and
        secret (16 bytes), numbers little endian. Otherwise it is the secret.
    a : bytes, optional
        The random element, 16 bytes, uniform: drawn once for a dealer's secret, since two words under the same streams leak.

    Returns
    -------
    bytes

    Raises
    ------
    InvalidInput
        For an empty secret, an unknown integrity, or an AMD code without its element.

    Privacy
    -------
    Draws nothing. An offset that is known passes `unwrap` for at most d + 1 of the 2**128 elements a. Theorem: sharing.t4.

    Examples
    --------
    >>> wrap(b"key", "amd", bytes(16)).hex()[:22]
    '03000000000000006b6579'
    """
    if not secret or integrity not in get_args(Integrity):
        raise InvalidInput("a word is made of a secret of one byte or more, with integrity 'amd', 'none' or 'signed'")
    if integrity != "amd":
        return secret
    if a is None:
        raise InvalidInput("an AMD code needs its random element")
    message = len(secret).to_bytes(_LENGTH, "little") + secret
    return message + a + tag_bytes(message, a)


@proved("sharing.t4")
def unwrap(word: bytes, integrity: Integrity) -> bytes:
    """The secret of a word, if the word is one that `wrap` gives.

    Parameters
    ----------
    word : bytes
        What shares were put together to.
    integrity : {"amd", "none", "signed"}
        As it was for `wrap`.

    Returns
    -------
    bytes

    Raises
    ------
    BadShare
        When length or tag are not those of the secret: a share was changed. It is not known whose.

    Privacy
    -------
    See `wrap`. The tag is compared in constant time. Theorem: sharing.t4.
    """
    if integrity != "amd":
        return word
    size = len(word) - OVERHEAD["amd"]
    if size > 0:
        message, a, tag = word[: _LENGTH + size], word[_LENGTH + size : -BLOCK], word[-BLOCK:]
        if hmac.compare_digest(tag_bytes(message, a), tag) and message.startswith(size.to_bytes(_LENGTH, "little")):
            return message[_LENGTH:]
    raise BadShare("a share was changed: the word that these shares give fails its check, so nothing is returned")

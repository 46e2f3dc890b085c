"""The streams r_1, ..., r_{k-1}: digits that are drawn once in the life of a dealer and are the same for all its shares.

A stream is read by rows: row i holds digit i of all ``8 * width`` lanes. `Stored` streams are digits of the operating system
that were kept (perfect secrecy); `Seeded` ones are a function of a key (computational secrecy, any row at any time). Nothing
here draws anything.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from numpy.typing import NDArray

from privlib.errors import DealerError
from privlib.journal import canonical
from privlib.proved import proved
from privlib.sharing.spec import Spec

__all__ = ["KEY", "Mode", "Rows", "Seeded", "Stored", "Stream", "bound_root", "derived"]

Rows: TypeAlias = NDArray[np.uint8]
"""Digits, shape (rows, width): row i is digit i of the lanes."""

Stream: TypeAlias = Callable[[int, int], Rows]
"""``stream(start, stop)`` gives rows ``start`` to ``stop - 1`` of one stream."""

Mode = Literal["perfect", "seeded"]
"""Where a dealer's digits come from: the operating system, one by one, or a keystream."""

KEY = 32
"""Bytes of a master key, and of every key derived from it."""

_BLOCK = 16  # AES
_BINDING = b"privlib sharing: the root of a dealer's streams, 1\0"


@proved("sharing.t7")
def bound_root(master: bytes, secret: bytes, *, dealer: bytes, epoch: int, spec: Spec) -> bytes:
    """The key of everything that a seeded dealer draws: a pseudorandom function of all that the draws must depend on.

    Two words under one keystream show their difference, and so do two thresholds: a root is for one dealer, epoch, plan and
    secret. Whatever changes, all streams are unrelated.

    Parameters
    ----------
    master : bytes
        32 secret bytes, uniform.
    secret : bytes
        What will be shared.
    dealer : bytes
        The dealer's 16 bytes.
    epoch : int
        How often the dealer's word was shared afresh.
    spec : Spec
        The plan.

    Returns
    -------
    bytes
        32 bytes.

    Privacy
    -------
    Unrelated means: for a uniform master as hard to tell from independent ones as HMAC-SHA-256 is from a random function.
    Theorem: sharing.t7.
    """
    context = canonical({"dealer": dealer.hex(), "epoch": str(epoch), "spec": spec.to_dict()}).encode()
    return hmac.digest(master, _BINDING + len(context).to_bytes(8, "big") + context + secret, "sha256")


@proved("sharing.t7")
def derived(root: bytes, purpose: str, size: int = KEY) -> bytes:
    """Bytes for one purpose, from a root: HKDF-Expand of RFC 5869 with SHA-256.

    Parameters
    ----------
    root : bytes
        What `bound_root` gave.
    purpose : str
        What the bytes are for; each purpose has its own.
    size : int
        How many.

    Returns
    -------
    bytes

    Privacy
    -------
    Bytes for different purposes are as unrelated as the values of HMAC-SHA-256. Theorem: sharing.t7.
    """
    return HKDFExpand(algorithm=SHA256(), length=size, info=b"privlib sharing: " + purpose.encode()).derive(root)


@dataclass(frozen=True)
class Seeded:
    """Streams of AES-256 in counter mode, with a key for each; row i is always the same, whenever it is asked for.

    Parameters
    ----------
    root : bytes
        32 secret bytes for these streams alone.
    count : int
        How many streams: the threshold less one.
    width : int
        Bytes of a row.
    """

    root: bytes = field(repr=False)
    count: int
    width: int

    @proved("sharing.t7")
    def streams(self) -> tuple[Stream, ...]:
        """The streams r_1, ..., r_{k-1}, in this order.

        Returns
        -------
        tuple of callable

        Privacy
        -------
        Each has a key of its own and no row is ever another: theorem sharing.t7.
        """
        keys = [derived(self.root, f"stream {j}") for j in range(1, self.count + 1)]
        return tuple(self._stream(key) for key in keys)

    def _stream(self, key: bytes) -> Stream:
        return lambda start, stop: _keystream(key, start * self.width, stop * self.width).reshape(-1, self.width)


@proved("sharing.t7")
def _keystream(key: bytes, first: int, last: int) -> Rows:
    """Bytes ``first`` to ``last - 1`` of the AES-256-CTR keystream that begins at counter zero.

    Privacy
    -------
    Byte i is a function of the key and i: theorem sharing.t7.
    """
    block, skip = divmod(first, _BLOCK)
    zeros = np.zeros(skip + last - first, dtype=np.uint8)
    out = np.empty_like(zeros)
    Cipher(AES(key), CTR(block.to_bytes(_BLOCK, "big"))).encryptor().update_into(zeros.data, out.data)
    return out[skip:]


class Stored:
    """Streams whose digits are kept. They can be made longer; a digit that stands never changes.

    Parameters
    ----------
    count : int
        How many streams.
    width : int
        Bytes of a row.
    """

    __slots__ = ("_digits", "count", "width")

    def __init__(self, count: int, width: int) -> None:
        self.count, self.width = count, width
        self._digits: Rows = np.zeros((count, 0, width), dtype=np.uint8)

    def __repr__(self) -> str:
        return f"<{self.count} streams of {self.extent} rows, digits hidden>"

    @property
    def extent(self) -> int:
        """How many rows of each stream there are."""
        return int(self._digits.shape[1])

    def missing(self, extent: int) -> int:
        """How many bytes it takes to make all streams ``extent`` rows long."""
        return self.count * max(0, extent - self.extent) * self.width

    @proved("sharing.t7")
    def extend(self, digits: bytes) -> None:
        """Put further rows at the end of all streams, those of r_1 first.

        Parameters
        ----------
        digits : bytes
            ``missing(extent)`` of them.

        Raises
        ------
        DealerError
            When they are no whole rows of all streams.

        Privacy
        -------
        No digit that stood before changes: theorem sharing.t7.
        """
        rows, rest = divmod(len(digits), self.count * self.width)
        if rest or not rows:
            raise DealerError("the dealer's state holds digits that do not fit its streams")
        new = np.frombuffer(digits, dtype=np.uint8).reshape(self.count, rows, self.width)
        self._digits = np.concatenate([self._digits, new], axis=1)

    @proved("sharing.t7")
    def streams(self) -> tuple[Stream, ...]:
        """The streams r_1, ..., r_{k-1}, in this order; reading past their end is refused.

        Returns
        -------
        tuple of callable

        Privacy
        -------
        A row is the one that `extend` put there: theorem sharing.t7.
        """
        return tuple(self._stream(own) for own in self._digits)

    def _stream(self, own: Rows) -> Stream:
        def rows(start: int, stop: int) -> Rows:
            if stop > len(own):
                raise DealerError("the dealer's streams are shorter than this share needs: nothing was handed out")
            found = own[start:stop]
            found.flags.writeable = False
            return found

        return rows

    def wipe(self) -> None:
        """Overwrite the digits in memory, as far as Python lets one."""
        self._digits.fill(0)

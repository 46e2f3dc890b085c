"""Random words: ChaCha20 under a fresh key from the operating system for every call.

There is no generator state: nothing to seed, to duplicate at a fork, to share between threads or to find in a memory dump
after the call. This file does not need numpy.

The layout of the words is part of the byte contract, so that every implementation returns the same bytes. The ChaCha20
nonce of RFC 8439 is (domain, stream), 32 and 64 bits, little endian:

- domain 0 holds the main words: the m-bit word of output ``i`` is the little-endian integer at byte ``i * m / 8``;
- domains 1 to 63 hold the words of further attempts, where a sampler rejects: block counter ``i`` is 64 bytes for output
  ``i``, eight words of 64 bits a domain, taken in order;
- domain ``2**31 + 2**16 * use + block`` holds refinement bits: block counter ``i`` is 64 bytes for output ``i``, the
  ``use``-th purpose for which that output needs more bits, ``block`` counting on when 64 bytes do not suffice. The eight
  little-endian 64-bit words of a block are taken in order, each appended below the bits already known.

Every output is thus a function of (key, stream, i), and any slice can be produced alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from privlib.errors import InvalidInput
from privlib.noise.system import Injection, Words, injected, is_secure

__all__ = ["MAX_OUTPUTS", "ChaChaWords", "Injection", "Words", "injected", "is_secure", "words"]

MAX_OUTPUTS = 2**32
"""Outputs per key and stream: the block counter of refinement bits has 32 bits."""

_RETRY_DOMAINS = 63
_REFINEMENT = 2**31
_USES, _BLOCKS = 2**15, 2**16
_BLOCK_BYTES = 64
_CHUNKS_PER_BLOCK = 8


class ChaChaWords:
    """ChaCha20 words of one key and stream.

    Parameters
    ----------
    key : bytes
        32 bytes; by default fresh ones from the operating system.
    stream : int
        64-bit stream number.
    """

    __slots__ = ("_key", "_stream")

    refinement_bits = 64

    def __init__(self, key: bytes | None = None, *, stream: int = 0) -> None:
        self._key = os.urandom(32) if key is None else key
        self._stream = stream.to_bytes(8, "little")

    @property
    def key_and_stream(self) -> bytes:
        """32 and 8 bytes, little endian, for compiled samplers of this package, during one call. Secret."""
        return self._key + self._stream

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        """``count`` main words of ``word_bits`` bits from word ``start``, little endian."""
        if not 0 <= start <= start + count <= MAX_OUTPUTS:
            raise InvalidInput(f"one call gives at most 2**32 outputs, asked for outputs {start} to {start + count}")
        first, last = start * word_bits // 8, (start + count) * word_bits // 8
        block, skip = divmod(first, _BLOCK_BYTES)
        return self._bytes(0, block, skip + last - first)[skip:]

    def runs(self, start: int, count: int, word_bits: int, *, length: int) -> Iterator[memoryview]:
        """The words of `main`, ``length`` at a time and fewer at the end, in one buffer that the next run overwrites.

        Runs that fit the cache are cheaper than `main`, and all of them together need no more memory than one.
        """
        if not 0 <= start <= start + count <= MAX_OUTPUTS:
            raise InvalidInput(f"one call gives at most 2**32 outputs, asked for outputs {start} to {start + count}")
        first, last, step = start * word_bits // 8, (start + count) * word_bits // 8, length * word_bits // 8
        block, skip = divmod(first, _BLOCK_BYTES)
        keystream = self._keystream(0, block)
        keystream.update(bytes(skip))
        zeros = memoryview(bytes(min(step, last - first)))
        buffer = memoryview(bytearray(zeros.nbytes))
        for begin in range(first, last, step):
            size = min(step, last - begin)
            keystream.update_into(zeros[:size], buffer[:size])
            yield buffer[:size].toreadonly()

    def retry(self, output: int, attempt: int) -> int:
        """The 64-bit word of an output's attempt 1, 2, ... after the main word was rejected."""
        domain, place = divmod(attempt - 1, _CHUNKS_PER_BLOCK)
        if domain + 1 > _RETRY_DOMAINS:  # 504 rejections in a row: has probability below 2**-2000
            raise RuntimeError("further attempts are used up; this does not happen with an intact operating-system generator")
        data = self._bytes(domain + 1, output, _BLOCK_BYTES)
        return int.from_bytes(data[8 * place : 8 * place + 8], "little")

    def refine(self, output: int, use: int, chunk: int) -> int:
        """The ``chunk``-th 64-bit run of refinement bits of one output and use."""
        block, place = divmod(chunk, _CHUNKS_PER_BLOCK)
        if use >= _USES or block >= _BLOCKS:  # 2**22 bits for one decision: has probability about 2**-4194304
            raise RuntimeError("refinement bits are used up; this does not happen with an intact operating-system generator")
        data = self._bytes(_REFINEMENT + use * _BLOCKS + block, output, _BLOCK_BYTES)
        return int.from_bytes(data[8 * place : 8 * place + 8], "little")

    def _bytes(self, domain: int, block: int, size: int) -> bytes:
        return self._keystream(domain, block).update(bytes(size))

    def _keystream(self, domain: int, block: int) -> CipherContext:
        nonce = block.to_bytes(4, "little") + domain.to_bytes(4, "little") + self._stream
        return Cipher(ChaCha20(self._key, nonce), mode=None).encryptor()

    def __reduce__(self) -> str:
        raise TypeError("a keyed word stream cannot be copied or pickled: the same noise would be drawn twice")

    def __repr__(self) -> str:
        return "<ChaCha20 words, key hidden>"


def words() -> Words:
    """The words for one call of a sampler: freshly keyed, unless a test injects others."""
    injection = injected.get()
    return ChaChaWords() if injection is None or not injection.holds else injection.factory()

"""Noise that a test can predict. What is released under it says ``secure: false`` and no verifier accepts it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import count

from privlib.errors import InvalidInput, PrivlibError
from privlib.noise.stream import ChaChaWords, Injection, Words, injected

__all__ = ["InsecureNoise", "fixed_key", "scripted_words"]


class InsecureNoise(UserWarning):
    """Noise inside this block is predictable and protects nobody."""


class _Script:
    """Words and refinement bits as a test dictates them; words are used up in order, over as many calls as it takes."""

    def __init__(
        self,
        main: Sequence[int],
        refine: Callable[[int, int, int], int] | None,
        refinement_bits: int,
        retry: Callable[[int, int], int] | None,
    ) -> None:
        self._main, self._used, self._refine, self._retry = main, 0, refine, retry
        self.refinement_bits = refinement_bits

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        chosen = self._main[self._used : self._used + count]
        if len(chosen) < count:
            raise PrivlibError(f"the script has {len(self._main)} words, {self._used + count} are needed")
        self._used += count
        return b"".join(word.to_bytes(word_bits // 8, "little") for word in chosen)

    def retry(self, output: int, attempt: int) -> int:
        if self._retry is None:
            raise PrivlibError("the script has no further attempts, and this word is rejected")
        return self._retry(output, attempt)

    def refine(self, output: int, use: int, chunk: int) -> int:
        if self._refine is None:
            raise PrivlibError("the script has no refinement bits, and this word needs them")
        return self._refine(output, use, chunk)


@contextmanager
def fixed_key(key: bytes) -> Generator[None]:
    """Draw all noise inside the block from one fixed key: call after call takes the next stream of it.

    Needs ``PRIVLIB_INSECURE_TEST=1`` in the environment, warns, ends with the block and does not cross threads.

    Parameters
    ----------
    key : bytes
        32 bytes. An int is refused: a short seed can be tried out, and there is no seeded mode.

    Raises
    ------
    InvalidInput
        For a key that is not 32 bytes, or without the environment variable.
    """
    if not isinstance(key, bytes) or len(key) != 32:
        raise InvalidInput("the key must be 32 bytes; integer seeds are refused, they are guessed too easily")
    streams = count()
    with _inject(lambda: ChaChaWords(key, stream=next(streams))):
        yield


@contextmanager
def scripted_words(
    main: Sequence[int],
    *,
    refine: Callable[[int, int, int], int] | None = None,
    refinement_bits: int = 64,
    retry: Callable[[int, int], int] | None = None,
) -> Generator[None]:
    """Dictate every random word inside the block, to force rare paths and to enumerate laws.

    Needs ``PRIVLIB_INSECURE_TEST=1`` in the environment, warns, ends with the block and does not cross threads.

    Parameters
    ----------
    main : sequence of int
        The main words, used up in order.
    refine : callable, optional
        ``refine(output, use, chunk)`` gives refinement bits as an integer below ``2**refinement_bits``.
    refinement_bits : int
        How many bits a chunk has; fewer than 64 make enumeration small.
    retry : callable, optional
        ``retry(output, attempt)`` gives the word of attempt 1, 2, ... after a rejection.

    Raises
    ------
    InvalidInput
        Without the environment variable.
    """
    script = _Script(main, refine, refinement_bits, retry)
    with _inject(lambda: script):
        yield


@contextmanager
def _inject(factory: Callable[[], Words]) -> Generator[None]:
    if os.environ.get("PRIVLIB_INSECURE_TEST") != "1":
        raise InvalidInput("test mode needs PRIVLIB_INSECURE_TEST=1 in the environment; releases must never be made with it")
    warnings.warn("insecure noise: it is predictable and protects nobody", InsecureNoise, stacklevel=5)
    injection = Injection(factory)
    token = injected.set(injection)
    try:
        yield
    finally:
        injection.end()
        injected.reset(token)

"""Random words straight from the operating system, and how a test puts its own in their place.

A device that draws a handful of words needs no keystream: this file needs the standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import ContextVar
from threading import get_ident
from typing import Protocol

__all__ = ["Injection", "SystemWords", "Words", "device_words", "injected", "is_secure"]


class Words(Protocol):
    """Where a sampler's bits come from."""

    @property
    def refinement_bits(self) -> int:
        """How many bits one call of `refine` gives."""
        ...

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        """``count`` main words of ``word_bits`` bits from word ``start``, little endian."""
        ...

    def retry(self, output: int, attempt: int) -> int:
        """The 64-bit word of an output's attempt 1, 2, ... after the main word was rejected."""
        ...

    def refine(self, output: int, use: int, chunk: int) -> int:
        """The ``chunk``-th run of refinement bits of one output and use, as an integer."""
        ...


class SystemWords:
    """Words that the operating system gives one by one: fresh ones at every call, whatever their address.

    Each address is to be asked for once. That suits a device, which draws little; in bulk a keystream costs less.
    """

    __slots__ = ()

    refinement_bits = 64

    def main(self, start: int, count: int, word_bits: int) -> bytes:
        """``count`` fresh words of ``word_bits`` bits."""
        return os.urandom(count * word_bits // 8)

    def retry(self, output: int, attempt: int) -> int:
        """A fresh 64-bit word."""
        return int.from_bytes(os.urandom(8), "little")

    def refine(self, output: int, use: int, chunk: int) -> int:
        """64 fresh bits."""
        return int.from_bytes(os.urandom(8), "little")


class Injection:
    """Words that a test dictates, for one block and one thread.

    Parameters
    ----------
    factory : callable
        Gives the words of each call.
    """

    __slots__ = ("_alive", "_thread", "factory")

    def __init__(self, factory: Callable[[], Words]) -> None:
        self.factory, self._thread, self._alive = factory, get_ident(), True

    def end(self) -> None:
        """End it for good, whoever still holds its context."""
        self._alive = False

    @property
    def holds(self) -> bool:
        """Whether the block is not over, and this is its thread."""
        return self._alive and self._thread == get_ident()


injected: ContextVar[Injection | None] = ContextVar("privlib.noise.injected", default=None)
"""Set by `privlib.noise.testing` alone."""


def device_words() -> Words:
    """The words for one report on a device: the operating system's own, unless a test injects others."""
    injection = injected.get()
    return SystemWords() if injection is None or not injection.holds else injection.factory()


def is_secure() -> bool:
    """Whether words come from the operating system's generator; False inside test mode."""
    injection = injected.get()
    return injection is None or not injection.holds

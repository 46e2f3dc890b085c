"""Run a mechanism on neighbouring data sets, many times, and keep an eye on what it does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.look import Raised
from privlib.errors import InvalidInput, PrivlibError

__all__ = ["MechanismFailed", "Stopped", "Trials"]

_FIRST, _LARGEST, _SLOW = 1 << 12, 1 << 18, 1 << 10
_BYTES = 1 << 26
_WORD = 1 << 32


class MechanismFailed(PrivlibError):
    """The audited mechanism raised an exception in every trial, on all data sets: there is nothing to audit."""


class Stopped(BaseException):
    """Raised from outside, by a signal's handler, to end an audit early; it is no output of the mechanism."""


class InvalidBatch(InvalidInput):
    """A batch mechanism that does not give as many outputs as it was asked for."""


class Trials:
    """Draws secrets and runs the mechanism on what they name.

    Parameters
    ----------
    mechanism : callable
        ``f(dataset) -> output``, or ``f(dataset, n) -> n outputs``.
    datasets : sequence
        All neighbours of each other; each is as likely as the others.
    observe : callable or None
        What is seen of an output.
    batch : bool
        Whether the mechanism takes ``n``.
    """

    def __init__(
        self,
        mechanism: Callable[..., Any],
        datasets: Sequence[object],
        *,
        observe: Callable[[Any], Any] | None = None,
        batch: bool = False,
    ) -> None:
        self._mechanism, self._datasets, self._observe, self._batch = mechanism, tuple(datasets), observe, batch
        self._bytes = 0.0
        self.raised, self.first_error, self.secure, self.run = 0, "", True, 0

    def draw(self, count: int) -> list[Any]:
        """Outputs of ``count`` trials, those of each data set by themselves, in the order in which they were made."""
        secrets = _secrets(count, len(self._datasets))
        if self._batch:
            made = [self._many(world, int(np.count_nonzero(secrets == world))) for world in range(len(self._datasets))]
        else:
            made = [[] for _ in self._datasets]
            for world in secrets.tolist():
                made[world].append(self._once(world))
        self.run += count
        self._bytes = max(self._bytes, sum(_bytes(each) for each in made) / max(1, count))
        return made

    def chunks(self, count: int) -> Iterator[list[Any]]:
        """``count`` trials in pieces that grow, and stay small in memory."""
        size, whole = _FIRST if self._batch else _SLOW, count
        while count > 0:
            most = int(np.clip(_BYTES / max(self._bytes, 1), 64, _LARGEST))
            piece = min(size, most, max(_FIRST, whole // 8), count)
            yield self.draw(piece)
            count, size = count - piece, 2 * size

    def _once(self, world: int) -> Any:
        try:
            if self._batch:
                return self._seen(_whole(self._mechanism(self._datasets[world], 1), 1)[0])
            return self._seen(self._mechanism(self._datasets[world]))
        except InvalidInput as error:
            if isinstance(error, InvalidBatch):
                raise
            return self._noted(error)
        except (Exception, SystemExit) as error:
            return self._noted(error)

    def _many(self, world: int, count: int) -> Any:
        if not count:
            return []
        try:
            outputs = _whole(self._mechanism(self._datasets[world], count), count)
        except InvalidBatch:
            raise
        except (Exception, SystemExit):  # one bad trial must not colour the rest of its batch, so all are drawn afresh
            return [self._once(world) for _ in range(count)]
        if self._observe is None and isinstance(outputs, np.ndarray):
            return outputs
        return [self._seen(output) for output in outputs]

    def _noted(self, error: BaseException) -> Raised:
        symbol = Raised(error)
        self.raised, self.first_error = self.raised + 1, self.first_error or symbol.kind
        return symbol

    def _seen(self, output: Any) -> Any:
        self.secure = self.secure and getattr(output, "secure", True) is not False
        return output if self._observe is None else self._observe(output)


def _whole(outputs: Any, count: int) -> Any:
    if not hasattr(outputs, "__len__"):
        try:
            outputs = list(outputs)
        except TypeError:
            raise InvalidBatch(f"a batch mechanism must give n outputs, got one {type(outputs).__name__}") from None
    if len(outputs) != count:
        raise InvalidBatch(f"a batch mechanism must give n outputs: asked for {count}, got {len(outputs)}")
    return outputs


def _secrets(count: int, worlds: int) -> NDArray[np.int64]:
    """Fair secrets from the operating system."""
    if worlds == 2:
        return np.unpackbits(np.frombuffer(os.urandom(-(-count // 8)), dtype=np.uint8), count=count).astype(np.int64)
    kept = np.empty(0, dtype=np.int64)
    fair = _WORD - _WORD % worlds
    while kept.size < count:
        words = np.frombuffer(os.urandom(4 * (count - kept.size) + 64), dtype=np.uint32).astype(np.int64)
        kept = np.concatenate([kept, words[words < fair] % worlds])
    return kept[:count]


def _bytes(outputs: Any) -> float:
    if isinstance(outputs, np.ndarray):
        return float(outputs.nbytes)
    return 200.0 * len(outputs) + sum(float(getattr(output, "nbytes", 0)) for output in outputs[:100]) / 100 * len(outputs)

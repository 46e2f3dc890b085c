"""Run a mechanism on neighbouring data sets, many times, and keep an eye on what it does."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.outputs import Raised
from privlib.errors import InvalidInput, PrivlibError

__all__ = ["MechanismFailed", "Stopped", "Trials"]

_FIRST, _LARGEST, _SLOW = 1 << 12, 1 << 18, 1 << 10
_BYTES = 1 << 26
_WORD = 1 << 32
_RAISED_LATE = "a batch raised in the tested part, so the others are no fair sample: audit without batch"
_OTHER_KIND = "batches come in different types or shapes, which one rare output can cause: audit without batch"


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

    Attributes
    ----------
    raised, run : int
        Trials that raised, and all trials.
    first_error, first_exception : str, exception or None
        The type of the first exception, and itself, for the developer's traceback.
    secure : bool
        False when an output said that it was made in test mode.
    alarm : str
        Why the trials are not independent, or empty.
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
        self._bytes, self._before = 0.0, _spelled(self._datasets)
        self._one_by_one = self._testing = False
        self._kind: tuple[Any, ...] | None = None
        self.raised, self.first_error, self.secure, self.run, self.alarm = 0, "", True, 0, ""
        self.first_exception: BaseException | None = None

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
        """``count`` trials in pieces that grow, and stay small in memory; from now on they are tested."""
        self.test()
        size, whole = _FIRST if self._batch else _SLOW, count
        while count > 0:
            most = int(np.clip(_BYTES / max(self._bytes, 1), 64, _LARGEST))
            piece = min(size, most, max(_FIRST, whole // 8), count)
            yield self.draw(piece)
            count, size = count - piece, 2 * size

    def test(self) -> None:
        """From now on trials are tested."""
        self._testing = True

    @property
    def comparable(self) -> bool:
        """Whether the data sets can be written as bytes, to see whether the mechanism changes them."""
        return bool(self._before)

    @property
    def changed(self) -> bool:
        """Whether a data set is not what it was."""
        return _spelled(self._datasets) != self._before

    def refuse_if_changed(self) -> None:
        """Refuse a mechanism that writes to its data set: later trials would see another one.

        Raises
        ------
        InvalidInput
            When a data set is not what it was.
        """
        if self.changed:
            raise InvalidInput(
                "the mechanism changes the data set that it is given: let it copy first, or later trials see another"
            )

    def _once(self, world: int) -> Any:
        try:
            if self._batch:
                return self._seen(_whole(self._mechanism(self._datasets[world], 1), 1)[0])
            return self._seen(self._mechanism(self._datasets[world]))
        except InvalidBatch:
            raise
        except (Exception, SystemExit) as error:
            return self._noted(error)

    def _many(self, world: int, count: int) -> Any:
        if not count:
            return []
        if self._one_by_one:
            return [self._once(world) for _ in range(count)]
        try:
            outputs = _whole(self._mechanism(self._datasets[world], count), count)
        except InvalidBatch:
            raise
        except (Exception, SystemExit):
            # A batch is kept only if none of its trials raised, so those that are kept are no fair sample. In training no harm is
            # done, and from here on every trial runs by itself; in the tested part nothing can be concluded any more.
            self._one_by_one = True
            if self._testing:
                self.alarm = self.alarm or _RAISED_LATE
            return [self._once(world) for _ in range(count)]
        if isinstance(outputs, np.ndarray):
            self._watch_kind(outputs)
            if self._observe is None:
                return outputs.copy()  # the mechanism may write to its own again
        return [self._observed(output) for output in outputs]

    def _watch_kind(self, outputs: NDArray[Any]) -> None:
        """One rare output can change the type of a whole array, which would speak for all its trials."""
        kind = (outputs.dtype, outputs.shape[1:])
        if self._kind is None:
            self._kind = kind
        elif self._kind != kind:
            self.alarm = self.alarm or _OTHER_KIND

    def _observed(self, output: Any) -> Any:
        try:
            return self._seen(output)
        except (Exception, SystemExit) as error:
            return self._noted(error)

    def _noted(self, error: BaseException) -> Raised:
        symbol = Raised(error)
        self.raised, self.first_error = self.raised + 1, self.first_error or symbol.kind
        self.first_exception = self.first_exception or error
        return symbol

    def _seen(self, output: Any) -> Any:
        self.secure = self.secure and getattr(output, "secure", True) is not False
        shown = output if self._observe is None else self._observe(output)
        return shown.copy() if isinstance(shown, (np.ndarray, list)) else shown


def _whole(outputs: Any, count: int) -> Any:
    if isinstance(outputs, Mapping):
        raise InvalidBatch("a batch mechanism must give a list or an array of n outputs, not a mapping")
    if not isinstance(outputs, (np.ndarray, list, tuple)):
        try:
            outputs = list(outputs)
        except TypeError:
            raise InvalidBatch(f"a batch mechanism must give n outputs, got one {type(outputs).__name__}") from None
    if isinstance(outputs, np.ndarray) and outputs.ndim == 0:
        raise InvalidBatch("a batch mechanism must give n outputs, got an array without rows")
    if len(outputs) != count:
        raise InvalidBatch(f"a batch mechanism must give n outputs: asked for {count}, got {len(outputs)}")
    return outputs


def _spelled(datasets: Sequence[object]) -> bytes:
    """The data sets as bytes, where they can be written."""
    try:
        return pickle.dumps(datasets)
    except Exception:
        return b""


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
    return 200.0 * len(outputs) + sum(float(getattr(output, "nbytes", 0)) for output in outputs[:100]) / max(
        1, len(outputs[:100])
    ) * len(outputs)

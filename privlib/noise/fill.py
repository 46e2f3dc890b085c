"""Who fills a request: the numpy reference, or compiled code for a large one. The bytes are the same.

A request below `LARGE` imports and compiles nothing, and neither does any request where numba is missing. To import numba and
to load what it compiled before takes about a second, so the first request to do so must be `COLD` large; this is the same
for tables and histograms, because either reference fills `COLD` outputs in a fraction of that second.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput
from privlib.noise import table, wide
from privlib.noise.stream import Words
from privlib.noise.table import Table
from privlib.noise.wide import Histogram

__all__ = ["COLD", "LARGE", "draw"]

LARGE = 10**5
"""From this size on, compiled code is worth its start where numba is imported."""

COLD = 10**6
"""From this size on, numba is worth its import."""

_PARALLEL = 10**7
"""From this size on, several threads are worth their start."""

_MOST_THREADS = 8
_PIECE = 1 << 18


def draw(
    source: Words, chosen: Table | Histogram, *, start: int, size: int, out: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Outputs ``start`` to ``start + size`` of the stream that ``source`` is.

    Parameters
    ----------
    source : Words
        Where the bits come from.
    chosen : Table or Histogram
        The law, ready to draw.
    start, size : int
        Which outputs.
    out : int64 array, shape (size,), optional
        Where to write; C-contiguous and writable.

    Returns
    -------
    int64 array, shape (size,)
        ``out`` where it is given.

    Raises
    ------
    InvalidInput
        For an ``out`` that does not fit, before anything is drawn.
    """
    if out is not None:
        _check_fits(out, size)
    if size >= (LARGE if "numba" in sys.modules else COLD) and _has_numba():
        from privlib.noise import fast

        return fast.draw(source, chosen, start=start, size=size, threads=_threads(size), out=out)
    if out is None:
        return _reference(source, chosen, start, size)
    for begin in range(0, size, _PIECE):  # a copy of a piece is small beside the whole
        count = min(_PIECE, size - begin)
        out[begin : begin + count] = _reference(source, chosen, start + begin, count)
    return out


def _reference(source: Words, chosen: Table | Histogram, start: int, size: int) -> NDArray[np.int64]:
    if isinstance(chosen, Histogram):
        return wide.draw(source, chosen, start=start, size=size)
    return table.draw(source, chosen, start=start, size=size)


def _check_fits(out: NDArray[np.int64], size: int) -> None:
    if type(out) is not np.ndarray:  # a subclass may swallow what is written
        raise InvalidInput(f"out must be an int64 array, not {type(out).__name__}")
    if out.dtype != np.int64 or out.shape != (size,):
        raise InvalidInput(f"out must be an int64 array of shape ({size},), got {out.dtype} of shape {out.shape}")
    if not out.flags.carray:
        raise InvalidInput("out must be C-contiguous, aligned and writable")


def _has_numba() -> bool:
    try:
        import_module("numba")
    except ImportError:  # missing, or of a version that refuses this numpy
        return False
    return True


def _threads(size: int) -> int:
    """How many threads a request gets: no more than the cores that this process may use."""
    if size < _PARALLEL:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_THREADS)

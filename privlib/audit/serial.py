"""Signs that trials are not independent: repeated noise, outputs that follow each other, batches that begin alike.

The statistics of an audit assume independent trials. A mechanism that was seeded, cached or made to remember breaks that, so
an audit of it says nothing; it is told first. The tests here are no proof of independence. On independent trials each raises
a false alarm with a chance far below ``1e-12``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from privlib.audit.look import Look

__all__ = ["Watch"]

_FEWEST = 200
_LOOKED_AT = 20_000
_FAR = 8.0  # standard errors
_REPEATS = 20


class Watch:
    """Looks at the first pieces of each world's trials."""

    def __init__(self, worlds: int) -> None:
        self._first: list[NDArray[np.float64] | None] = [None] * worlds
        self._done: set[int] = set()
        self.alarm, self.constant = "", False

    @property
    def full(self) -> bool:
        """Whether enough was seen."""
        return bool(self.alarm) or len(self._done) == len(self._first)

    def see(self, looks: list[Look]) -> None:
        """Look at one piece; only the first two of each world count."""
        for world, look in enumerate(looks):
            if self.alarm or world in self._done or look.size < _FEWEST:
                continue
            symbols, earlier = look.symbols()[:_LOOKED_AT], self._first[world]
            if earlier is None:
                self._first[world] = symbols
                self.constant |= np.unique(symbols).size == 1
                self.alarm = _follows(symbols, look)
            else:
                self.alarm = _comes_again(earlier, symbols)
                self._done.add(world)


def _follows(symbols: NDArray[np.float64], look: Look) -> str:
    n = symbols.size
    _, counts = np.unique(symbols, return_counts=True)
    if counts.size == 1:
        return ""  # deterministic: that is told elsewhere, and is a valid audit
    share = counts / n
    second, third = float((share**2).sum()), float((share**3).sum())
    expected = n * second
    spread = np.sqrt(max(1.0, n * (second + 2 * third - 3 * second**2)))
    equal = int(np.count_nonzero(symbols[1:] == symbols[:-1]))
    if abs(equal - expected) > _FAR * spread + _REPEATS:
        more = "more" if equal > expected else "less"
        return f"an output equals the one before it far {more} often than independent trials would"
    if look.width:
        values = look.columns([0])[:n, 0]
        values = values[np.isfinite(values)]
        if values.size >= _FEWEST and np.ptp(values) > 0:
            ranks = rankdata(values)
            follows = float(np.corrcoef(ranks[1:], ranks[:-1])[0, 1])
            if abs(follows) * np.sqrt(values.size) > _FAR:
                return f"outputs follow the ones before them (rank correlation {follows:.2f})"
    return ""


def _comes_again(earlier: NDArray[np.float64], later: NDArray[np.float64]) -> str:
    """Whether outputs come again in a later piece much more often than within one."""
    within = earlier.size - np.unique(earlier).size
    expected = 2 * within * later.size / earlier.size
    again = int(np.count_nonzero(np.isin(later, earlier)))
    if again > 10 * expected + _REPEATS and 2 * within < earlier.size:
        return f"{again} of {later.size} outputs had come before, in an earlier call: noise is repeated"
    return ""

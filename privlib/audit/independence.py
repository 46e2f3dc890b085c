"""Signs that trials are not independent: repeated noise, outputs that follow each other, batches that begin alike.

The statistics of an audit assume independent trials. A mechanism that was seeded, cached or made to remember breaks that, so
an audit of it says nothing; it is told first. The tests here are no proof of independence, and rarely alarm without cause;
an alarm can only keep an audit from concluding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privlib.audit.outputs import Look

__all__ = ["Watch"]

_FEWEST = 200  # fewer trials show nothing
_LOOKED_AT = 20_000  # of a piece: more would only cost time
_FAR = 8.0  # standard errors: a false alarm in 10**15 looks
_REPEATS = 20  # repetitions more than expected that are always let pass: of rare values, chance repeats a few
_MOSTLY = 0.9  # where one value is so frequent, ranks say nothing
_BEGINNING = 512  # outputs that are compared at the beginning of two calls
_UNBELIEVABLE = -40.0  # the logarithm of a chance


class Watch:
    """Looks at the first pieces of each world's trials."""

    def __init__(self, worlds: int) -> None:
        self._first: list[NDArray[np.float64] | None] = [None] * worlds
        self._done: set[int] = set()
        self.alarm = ""

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
                found = _follows(symbols, look)
            else:
                self._done.add(world)
                found = _comes_again(earlier, symbols)
            self.alarm = f"the trials are not independent: {found}" if found else self._nothing_differs()

    @property
    def constant(self) -> list[int]:
        """The data sets whose outputs all looked the same."""
        return [world for world, seen in enumerate(self._first) if seen is not None and np.unique(seen).size == 1]

    def _nothing_differs(self) -> str:
        if len(self.constant) < len(self._first) or np.unique(np.concatenate(self._first)).size > 1:  # type: ignore[arg-type]
            return ""
        return "every output looks the same, whatever the data set: there is nothing to guess from"


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
    if look.width and counts.max() < _MOSTLY * n:  # of rare values, one pair of neighbours would look like a trend
        values = look.columns([0])[:n, 0]
        values = values[np.isfinite(values)]
        if values.size >= _FEWEST and np.ptp(values) > 0:
            ranks = np.unique(values, return_inverse=True)[1]
            follows = float(np.corrcoef(ranks[1:], ranks[:-1])[0, 1])
            if abs(follows) * np.sqrt(values.size) > _FAR:
                return f"outputs follow the ones before them (rank correlation {follows:.2f})"
    return ""


def _comes_again(earlier: NDArray[np.float64], later: NDArray[np.float64]) -> str:
    """Whether a later piece begins as an earlier one did, or holds many values of it that are rare in both."""
    m = min(_BEGINNING, earlier.size, later.size)
    alike = float(((np.unique(earlier, return_counts=True)[1] / earlier.size) ** 2).sum())
    if np.array_equal(earlier[:m], later[:m]) and m * np.log(alike) < _UNBELIEVABLE:
        return f"two calls began with the same {m} outputs: noise is repeated"
    once = [values[counts == 1] for values, counts in (np.unique(each, return_counts=True) for each in (earlier, later))]
    within = earlier.size - np.unique(earlier).size
    again = int(np.isin(once[1], once[0]).sum())
    if again > 10 * 2 * within * later.size / earlier.size + _REPEATS:
        return f"{again} outputs had come before, in an earlier call, though hardly any comes twice in one: noise is repeated"
    return ""

"""What a rule that knows nothing of the law looks at: scalars of an output, in words and as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from privlib.audit.outputs import Look

__all__ = ["AGGREGATES", "Aggregate", "Bits", "Difference", "Feature", "Kind", "Number", "Whole", "aggregates", "bank", "table"]

Floats = NDArray[np.float64]

_FEW = 8  # differences of neighbouring numbers that are looked at
_FLOATS = 3  # numbers whose bits are looked at: arithmetic that leaves marks does so in each
_COORDINATES = 48  # numbers of an output that are looked at one by one: each costs training time, and a little luck
_MANTISSA = 52
_NO_BIT = 1024.0  # for zero, beyond every exponent
_SPELLED = 3  # names that a cell is described by


class Feature(Protocol):
    """A scalar of an output."""

    @property
    def words(self) -> str:
        """What it is, as the object of "look at"."""
        ...

    @property
    def symbolic(self) -> bool:
        """Whether its values are names, which have no order."""
        ...

    def of(self, look: Look) -> Floats:
        """Its value for each output; NaN where it has none."""
        ...


@dataclass(frozen=True)
class _Symbol:
    """A name of the output; outputs with the same one look the same to it.

    Parameters
    ----------
    names : mapping
        The names that were seen, spelled out.
    """

    names: Mapping[float, str] = field(default_factory=dict[float, str], compare=False, repr=False)
    symbolic: bool = True

    def spell(self, symbols: Sequence[float | None]) -> str:
        """Some names in words; None stands for what training did not show."""
        told = ["what training did not show" if symbol is None else self.names.get(symbol, "") for symbol in symbols]
        shown = [words for words in told if words][:_SPELLED]
        left = len(told) - len(shown)
        return " or ".join([*shown, *([f"{left} more"] if left else [])]) or "nothing"


@dataclass(frozen=True)
class Whole(_Symbol):
    """The whole output as a symbol."""

    words: str = "the whole output"

    def of(self, look: Look) -> Floats:
        """A symbol for each output."""
        return look.symbols()


@dataclass(frozen=True)
class Kind(_Symbol):
    """Type and shape of the output, which text, None and exceptions have too."""

    words: str = "the type and the shape of the output"

    def of(self, look: Look) -> Floats:
        """A symbol for each type and shape."""
        return look.kinds()


@dataclass(frozen=True)
class Number:
    """One of the output's numbers."""

    place: int
    symbolic: bool = False

    @property
    def words(self) -> str:
        """Which number."""
        return f"number {self.place + 1} of the output"

    def of(self, look: Look) -> Floats:
        """The number."""
        return look.columns([self.place])[:, 0]


@dataclass(frozen=True)
class Difference:
    """How far one number lies above the one before it."""

    place: int
    symbolic: bool = False

    @property
    def words(self) -> str:
        """Which difference."""
        return f"number {self.place + 2} minus number {self.place + 1}"

    def of(self, look: Look) -> Floats:
        """The difference."""
        pair = look.columns([self.place, self.place + 1])
        with np.errstate(invalid="ignore"):
            return np.asarray(pair[:, 1] - pair[:, 0])


@dataclass(frozen=True)
class Bits:
    """How a float is written: what arithmetic leaves in its last bits."""

    place: int
    which: str
    symbolic: bool = False

    @property
    def words(self) -> str:
        """Which bits."""
        return f"{self.which} of number {self.place + 1}, as the float is stored"

    def of(self, look: Look) -> Floats:
        """The bits as a number."""
        return _BITS[self.which](look.floats(self.place))


def _mantissa(values: Floats) -> NDArray[np.uint64]:
    return np.ascontiguousarray(values).view(np.uint64) & np.uint64((1 << _MANTISSA) - 1) | np.uint64(1 << _MANTISSA)


def _low(bits: int) -> Callable[[Floats], Floats]:
    def of(values: Floats) -> Floats:
        found = (_mantissa(values) & np.uint64((1 << bits) - 1)).astype(np.float64)
        return np.where(np.isfinite(values), found, np.nan)

    return of


def _trailing_zeros(values: Floats) -> Floats:
    mantissa = _mantissa(values)
    lowest = (mantissa & (~mantissa + np.uint64(1))).astype(np.float64)
    return np.where(np.isfinite(values), np.log2(lowest), np.nan)


def _lowest_bit(values: Floats) -> Floats:
    """The exponent of the lowest bit that is set: the grid that the value lies on."""
    _, exponent = np.frexp(values)
    found = exponent - _MANTISSA - 1 + _trailing_zeros(values)
    return np.where(values == 0, _NO_BIT, found)


_BITS: Mapping[str, Callable[[Floats], Floats]] = {
    "the last 4 bits": _low(4),
    "the last 8 bits": _low(8),
    "the last 12 bits": _low(12),
    "the trailing zeros": _trailing_zeros,
    "the position of the lowest bit": _lowest_bit,
}


def _first_where(condition: NDArray[np.bool_]) -> Floats:
    return np.where(condition.any(axis=1), condition.argmax(axis=1), np.nan)


def _last_where(condition: NDArray[np.bool_]) -> Floats:
    return np.where(condition.any(axis=1), condition.shape[1] - 1 - condition[:, ::-1].argmax(axis=1), np.nan)


AGGREGATES: Mapping[str, Callable[[Floats], Floats]] = {
    "the sum": lambda block: block.sum(axis=1),
    "the smallest number": lambda block: block.min(axis=1),
    "the largest number": lambda block: block.max(axis=1),
    "the place of the smallest number": lambda block: block.argmin(axis=1).astype(np.float64),
    "the place of the largest number": lambda block: block.argmax(axis=1).astype(np.float64),
    "the variance": lambda block: block.var(axis=1),
    "the largest step": lambda block: np.abs(np.diff(block, axis=1)).max(axis=1, initial=0.0),
    "the number of equal neighbours": lambda block: (np.diff(block, axis=1) == 0).sum(axis=1).astype(np.float64),
    "the number of zeros": lambda block: (block == 0).sum(axis=1).astype(np.float64),
    "the number of positive numbers": lambda block: (block > 0).sum(axis=1).astype(np.float64),
    "how many numbers are not finite": lambda block: (~np.isfinite(block)).sum(axis=1).astype(np.float64),
    "the first place that is not zero": lambda block: _first_where(block != 0),
    "the last place that is not zero": lambda block: _last_where(block != 0),
}
"""Scalars of all numbers of an output, in words, and how to compute them from a block of outputs of one length."""


@dataclass(frozen=True)
class Aggregate:
    """A scalar of all numbers of an output."""

    words: str
    symbolic: bool = False

    def of(self, look: Look) -> Floats:
        """The scalar."""
        return aggregates(look, [self.words])[:, 0]


@dataclass(frozen=True)
class Length:
    """How many numbers an output has."""

    words: str = "how many numbers there are"
    symbolic: bool = False

    def of(self, look: Look) -> Floats:
        """The number of numbers."""
        return look.lengths()


def aggregates(look: Look, names: Sequence[str]) -> Floats:
    """Some scalars of all numbers of each output, in one pass, shape (n, len(names)); NaN without numbers."""
    found = np.full((look.size, len(names)), np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        for rows, block in look.blocks():
            for i, name in enumerate(names):
                found[rows, i] = AGGREGATES[name](block)
    return found


def bank(looks: Sequence[Look], *, bits: bool = True) -> tuple[Feature, ...]:
    """Choose what to look at, from the first outputs of each world.

    Parameters
    ----------
    looks : sequence of Look
        A few outputs of each world.
    bits : bool
        Whether to look at how floats are stored, and to know outputs by heart.

    Returns
    -------
    tuple of Feature
        All outputs and their kinds, the numbers that differ most between the worlds, their differences, scalars of all numbers,
        and the bits of the first floats.
    """
    width = max(look.width for look in looks)
    together = Look.joined(looks)
    chosen: list[Feature] = [Kind(together.spelled_kinds())]
    if bits and _repeats(looks):
        chosen.append(Whole(together.spelled()))
    places = range(width) if width <= _COORDINATES else _telling(looks, width)
    chosen += [Number(place) for place in places]
    if width > 1:
        chosen += [Difference(place) for place in places[:_FEW] if place + 1 < width]
        chosen += [Length(), *map(Aggregate, AGGREGATES)]
    for place in range(min(width, _FLOATS) if bits else 0):
        if any(np.isfinite(look.floats(place)).any() for look in looks):
            chosen += [Bits(place, which) for which in _BITS]
    return tuple(chosen)


def _repeats(looks: Sequence[Look]) -> bool:
    """Whether outputs come again often enough to be known by heart."""
    seen = np.concatenate([look.symbols()[:2000] for look in looks])
    return np.unique(seen).size < 0.9 * seen.size or seen.size < 100


def _telling(looks: Sequence[Look], width: int) -> list[int]:
    """The places whose numbers differ most between worlds, by mean or by the share above the common mean; in their order."""
    sums, squares, counts = (np.zeros((len(looks), width)) for _ in range(3))
    for world, look in enumerate(looks):
        for _, block in look.blocks():
            finite = np.where(np.isfinite(block), block, 0.0)
            length = block.shape[1]
            sums[world, :length] += finite.sum(axis=0)
            squares[world, :length] += (finite * finite).sum(axis=0)
            counts[world, :length] += len(block)
    centre = sums.sum(axis=0) / np.maximum(counts.sum(axis=0), 1)
    above = np.zeros((len(looks), width))
    for world, look in enumerate(looks):
        for _, block in look.blocks():
            above[world, : block.shape[1]] += (block > centre[: block.shape[1]]).sum(axis=0)
    seen = np.maximum(counts, 1)
    means, shares = sums / seen, above / seen
    noise = np.sqrt(np.maximum(squares / seen - means**2, 1e-12) / seen).max(axis=0)
    coin = np.sqrt(0.25 / seen).max(axis=0)
    score = np.maximum(np.ptp(means, axis=0) / noise, np.ptp(shares, axis=0) / coin)
    return sorted(np.argsort(-score, kind="stable")[:_COORDINATES].tolist())


def table(look: Look, features: Sequence[Feature]) -> Floats:
    """All features of some outputs, shape (n, features)."""
    found = np.empty((look.size, len(features)))
    numbers = {index: feature.place for index, feature in enumerate(features) if isinstance(feature, Number)}
    if numbers:
        found[:, list(numbers)] = look.columns(list(numbers.values()))
    whole = {index: feature.words for index, feature in enumerate(features) if isinstance(feature, Aggregate)}
    if whole:
        found[:, list(whole)] = aggregates(look, list(whole.values()))
    for index, feature in enumerate(features):
        if index not in numbers and index not in whole:
            found[:, index] = feature.of(look)
    return found

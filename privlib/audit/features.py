"""Outputs of any kind as a fixed row of numbers, for a rule that knows nothing of their law."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput

__all__ = ["FEATURES", "Raised", "encode"]

Floats = NDArray[np.float64]

_COORDINATES = 16
FEATURES = (
    "the whole output",
    *(f"number {place + 1} of the output" for place in range(_COORDINATES)),
    "the last number",
    "the sum",
    "the smallest number",
    "the largest number",
    "the mean",
    "the number of zeros",
    "how many numbers there are",
    "how many of them are not finite",
)
"""The scalars of an output that a learned rule looks at, in words."""


class Raised:
    """An exception as an output: its type is kept, its message is not, for it may quote data."""

    __slots__ = ("kind",)

    def __init__(self, error: Exception) -> None:
        self.kind = f"{type(error).__module__}.{type(error).__qualname__}"

    def __repr__(self) -> str:
        return f"<raised {self.kind}>"


def encode(outputs: Sequence[Any] | NDArray[Any]) -> Floats:
    """Turn outputs into one row of features each.

    Parameters
    ----------
    outputs : sequence
        Numbers, arrays or sequences of numbers, text, bytes, None or exceptions, mixed as they come.

    Returns
    -------
    float array, shape (n, len(FEATURES))
        NaN where an output has no such number.

    Raises
    ------
    InvalidInput
        For an output that is none of these.
    """
    rows = np.full((len(outputs), len(FEATURES)), np.nan)
    by_length: dict[int, list[int]] = {}
    numbers: list[Floats] = []
    for index, output in enumerate(outputs):
        name, values = _read(output)
        rows[index, 0] = int.from_bytes(hashlib.blake2b(name, digest_size=6).digest(), "big")
        by_length.setdefault(values.size, []).append(index)
        numbers.append(values)
    for length, places in by_length.items():
        if length:
            rows[places, 1:] = _summaries(np.stack([numbers[place] for place in places]))
    return rows


def _read(output: Any) -> tuple[bytes, Floats]:
    """A name that equal outputs share and different ones do not, and the numbers inside."""
    nothing = np.empty(0)
    if output is None or isinstance(output, (str, bytes, Raised)):
        return repr(output).encode(), nothing
    values = np.asarray(output)
    if values.dtype.kind == "U":
        return repr(values.tolist()).encode(), nothing
    if values.dtype.kind not in "biuf":
        if all(isinstance(item, (int, float, str, type(None))) for item in values.ravel().tolist()):
            return repr(values.tolist()).encode(), nothing
        raise InvalidInput(
            f"the rule cannot read an output of type {type(output).__name__}: "
            "give observe=, a function from an output to numbers, text or None"
        )
    name = f"{values.dtype.str}{values.shape}".encode() + values.tobytes()
    return name, values.astype(np.float64).ravel()


def _summaries(values: Floats) -> Floats:
    """All features but the first of outputs of one length, shape (n, length)."""
    rows, length = values.shape
    with np.errstate(invalid="ignore", over="ignore"):
        first = np.full((rows, _COORDINATES), np.nan)
        first[:, : min(length, _COORDINATES)] = values[:, :_COORDINATES]
        total = values.sum(axis=1)
        others = [
            values[:, -1],
            total,
            values.min(axis=1),
            values.max(axis=1),
            total / length,
            (values == 0).sum(axis=1),
            np.full(rows, length),
            (~np.isfinite(values)).sum(axis=1),
        ]
    return np.column_stack([first, *others])

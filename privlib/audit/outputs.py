"""Outputs of any kind, read once, so that a rule can look at them in many ways.

What arrives may be one array with an output in each row, or a list of outputs as they come: numbers, arrays, text, None,
exceptions. Equal outputs look equal either way, and a type, a shape or a missing value is an output like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput

__all__ = ["Look", "Raised"]

Floats = NDArray[np.float64]

_BLOCK = 1 << 20  # numbers that are turned into floats at a time
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_KEPT = np.uint64(16)  # 48 bits of a digest remain: a float64 holds them
_WORDS = {b"Raised": "an exception", b"NoneType": "None", b"str": "text"}
_SPELLED, _LETTERS = 512, 40  # symbols that are spelled out, and how much of each


class Raised:
    """An exception as an output: its type is kept, its message is not, for it may quote data."""

    __slots__ = ("kind",)

    def __init__(self, error: BaseException) -> None:
        self.kind = f"{type(error).__module__}.{type(error).__qualname__}"

    def __repr__(self) -> str:
        return f"<raised {self.kind}>"


class Look:
    """The outputs of some trials.

    Parameters
    ----------
    outputs : array, shape (n, ...), or sequence of n outputs
        Numbers, arrays or sequences of numbers, text, bytes, None or exceptions, mixed as they come.

    Raises
    ------
    InvalidInput
        For an output that is none of these.
    """

    __slots__ = ("_groups", "_named", "_shapes", "raised", "size", "width")

    def __init__(self, outputs: Sequence[Any] | NDArray[Any]) -> None:
        self.size, self.raised = len(outputs), 0
        self._groups: list[tuple[NDArray[np.intp] | slice, NDArray[Any], int]] = []
        self._named: dict[bytes, list[int]] = {}
        self._shapes: dict[int, tuple[str, tuple[int, ...]]] = {}
        column = _column(outputs)
        if column is not None:
            self._add(slice(None), column)
        else:
            self._read_each(outputs)
        self.width = max((values.shape[1] for _, values, _ in self._groups), default=0)

    @property
    def bytes(self) -> int:
        """What the numbers take in memory."""
        return sum(values.nbytes for _, values, _ in self._groups)

    @classmethod
    def joined(cls, looks: Sequence[Look]) -> Look:
        """Several looks as one, one after the other."""
        whole = cls(())
        for look in looks:
            for places, values, key in look._groups:
                whole._groups.append((np.arange(look.size)[places] + whole.size, values, key))
            whole._shapes |= look._shapes
            for name, listed in look._named.items():
                whole._named.setdefault(name, []).extend(index + whole.size for index in listed)
            whole.size, whole.raised = whole.size + look.size, whole.raised + look.raised
            whole.width = max(whole.width, look.width)
        return whole

    def symbols(self) -> Floats:
        """A number for each output that equal outputs share and others, but for a chance of ``2**-48``, do not."""
        found = np.empty(self.size)
        for places, values, key in self._groups:
            found[places] = (_mixed(values, key) >> _KEPT).astype(np.float64)
        for name, listed in self._named.items():
            found[listed] = _digest(name) >> int(_KEPT)
        return found

    def kinds(self) -> Floats:
        """A number for each output's type and shape."""
        found = np.full(self.size, -1.0)
        for places, _, key in self._groups:
            found[places] = key >> int(_KEPT)
        for name, listed in self._named.items():
            found[listed] = _digest(name.partition(b":")[0]) >> int(_KEPT)
        return found

    def spelled(self) -> dict[float, str]:
        """The first of the symbols, in words."""
        found = dict[float, str]()
        for _, values, key in self._groups:
            symbols, rows = np.unique((_mixed(values, key) >> _KEPT).astype(np.float64), return_index=True)
            _, shape = self._shapes[key]
            for symbol, row in zip(symbols[:_SPELLED].tolist(), rows[:_SPELLED].tolist(), strict=True):
                found[symbol] = _short(str(values[row].reshape(shape).tolist()))
        for name in list(self._named)[:_SPELLED]:
            found[float(_digest(name) >> int(_KEPT))] = _short(name.partition(b":")[2].decode(errors="replace"))
        return found

    def spelled_kinds(self) -> dict[float, str]:
        """The kinds, in words."""
        found = dict[float, str]()
        for key, (dtype, shape) in self._shapes.items():
            found[float(key >> int(_KEPT))] = f"{dtype} of shape {shape}" if shape else f"a number of type {dtype}"
        for name in self._named:
            kind = name.partition(b":")[0]
            found[float(_digest(kind) >> int(_KEPT))] = _WORDS.get(kind, kind.decode())
        return found

    def columns(self, wanted: Sequence[int]) -> Floats:
        """The numbers at some places of each output, shape (n, len(wanted)); NaN where an output has no such number."""
        found = np.full((self.size, len(wanted)), np.nan)
        for places, values, _ in self._groups:
            here = [i for i, place in enumerate(wanted) if place < values.shape[1]]
            if len(here) == len(wanted):
                found[places] = values[:, list(wanted)]
            elif here:
                rows = np.arange(self.size)[places]
                found[np.ix_(rows, np.array(here))] = values[:, [wanted[i] for i in here]]
        return found

    def lengths(self) -> Floats:
        """How many numbers each output has; NaN for text, None and exceptions."""
        found = np.full(self.size, np.nan)
        for places, values, _ in self._groups:
            found[places] = values.shape[1]
        return found

    def blocks(self) -> Iterator[tuple[NDArray[np.intp], Floats]]:
        """All numbers, a few outputs of one length at a time: which outputs, and their numbers in rows."""
        for places, values, _ in self._groups:
            rows, length = np.arange(self.size)[places], values.shape[1]
            step = max(1, _BLOCK // max(1, length))
            for begin in range(0, rows.size if length else 0, step):
                yield rows[begin : begin + step], values[begin : begin + step].astype(np.float64)

    def floats(self, place: int) -> Floats:
        """The numbers at one place, as float64, of the outputs that are floats; NaN for others."""
        found = np.full(self.size, np.nan)
        for places, values, _ in self._groups:
            if values.dtype.kind == "f" and place < values.shape[1]:
                found[places] = values[:, place]
        return found

    def _add(self, places: NDArray[np.intp] | slice, values: NDArray[Any]) -> None:
        key = _digest(f"{values.dtype.str}{values.shape[1:]}".encode())
        self._shapes[key] = str(values.dtype), values.shape[1:]
        flat = values.reshape(len(values), -1) if values.size else np.empty((len(values), 0), dtype=values.dtype)
        # rows in memory one after the other: sums depend on the order of addition, which must be the same for each output
        self._groups.append((places, np.ascontiguousarray(flat), key))

    def _read_each(self, outputs: Sequence[Any] | NDArray[Any]) -> None:
        alike: dict[tuple[str, tuple[int, ...]], tuple[list[int], list[NDArray[Any]]]] = {}
        for index, output in enumerate(outputs):
            name, values = _read(output)
            if values is None:
                self._named.setdefault(name, []).append(index)
                self.raised += isinstance(output, Raised)
                continue
            listed, arrays = alike.setdefault((values.dtype.str, values.shape), ([], []))
            listed.append(index)
            arrays.append(values)
        for listed, arrays in alike.values():
            self._add(np.array(listed, dtype=np.intp), np.stack(arrays))


def _column(outputs: Sequence[Any] | NDArray[Any]) -> NDArray[Any] | None:
    """All outputs as one array, where they are numbers of one type and shape."""
    if isinstance(outputs, np.ndarray):
        return outputs if outputs.dtype.kind in "biuf" else None
    kinds = set(map(type, outputs))
    if kinds == {float}:
        return np.array(outputs, dtype=np.float64)
    if kinds == {int}:
        try:
            return np.array(outputs, dtype=np.int64)
        except OverflowError:
            return None
    return None


def _read(output: Any) -> tuple[bytes, NDArray[Any] | None]:
    """A name, or the numbers."""
    if output is None or isinstance(output, (str, bytes, Raised)):
        return f"{type(output).__name__}:{output!r}".encode(), None
    try:
        values = np.asarray(output)
    except (ValueError, TypeError):  # ragged inside
        values = np.empty(0, dtype=object)
    if values.dtype.kind in "biuf":
        return b"", values
    plain = output.tolist() if isinstance(output, np.ndarray) else output
    if _is_plain(plain):
        return f"{type(output).__name__}:{plain!r}".encode(), None
    raise InvalidInput(
        f"the rule cannot read an output of type {type(output).__name__}: "
        "give observe=, a function from an output to numbers, text or None"
    )


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else text[: _LETTERS - 3] + "..."


def _is_plain(value: Any) -> bool:
    """Whether the spelling of a value is the value: numbers, text and None, in lists, tuples and dicts of such."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    return value is None or isinstance(value, (int, float, str, bytes, Raised))


def _mixed(values: NDArray[Any], key: int) -> NDArray[np.uint64]:
    """A 64-bit hash of each row: multiply and shift, word by word."""
    rows = np.ascontiguousarray(values)
    raw = rows.view(np.uint8).reshape(len(rows), -1) if rows.size else np.empty((len(rows), 0), dtype=np.uint8)
    if raw.shape[1] % 8:
        raw = np.pad(raw, ((0, 0), (0, -raw.shape[1] % 8)))
    mixed = np.full(len(rows), key, dtype=np.uint64)
    for word in np.ascontiguousarray(raw).view(np.uint64).T if raw.size else ():
        mixed = (mixed ^ word) * _MULTIPLIER
        mixed ^= mixed >> _SHIFT
    return mixed


def _digest(name: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big")

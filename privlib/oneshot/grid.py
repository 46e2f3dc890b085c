"""Multiples of a public step between public bounds, and where a number falls on them: exact, no float decides."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import isinf, isnan

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput
from privlib.tables import vector

__all__ = ["Grid", "Number", "read"]

Number = int | float | Fraction | Decimal
"""What a query may give: a float is the binary number that it is, not its decimal spelling."""

_FARTHEST = 2**62
_LEAST_STEP, _LARGEST = Fraction(1, 10**250), Fraction(10**250)
_BEYOND, _NOTHING = 600, -600
"""A Decimal from ``10**600`` on is beyond every bound; one below ``10**-600`` rounds like 0 on every grid."""


@dataclass(frozen=True)
class Grid:
    """The multiples of ``step`` from ``lower`` to ``upper``.

    Parameters
    ----------
    step : Fraction > 0
        The distance of neighbouring points.
    lower, upper : Fraction
        The public bounds, at most ``2**62`` steps from 0. The last points are those nearest to them.

    Raises
    ------
    InvalidInput
        For a step or bounds out of range.
    """

    step: Fraction
    lower: Fraction
    upper: Fraction

    def __post_init__(self) -> None:
        if not _LEAST_STEP <= self.step <= _LARGEST:
            raise InvalidInput("step must lie between 1e-250 and 1e250")
        if not -_LARGEST <= self.lower < self.upper <= _LARGEST:
            raise InvalidInput("lower must be less than upper, both between -1e250 and 1e250")
        if max(-self.least, self.most) > _FARTHEST:
            raise InvalidInput("lower and upper must lie within 2**62 steps of 0: give a larger step or nearer bounds")

    @cached_property
    def least(self) -> int:
        """The first point, in steps."""
        return self.nearest(self.lower.numerator, self.lower.denominator)

    @cached_property
    def most(self) -> int:
        """The last point, in steps."""
        return self.nearest(self.upper.numerator, self.upper.denominator)

    def nearest(self, numerator: int, denominator: int) -> int:
        """``floor(value / step + 1/2)``, the nearest multiple of the step; a half goes up.

        Always up, and not to the even neighbour: so two numbers x steps apart land at most ``ceil(x)`` steps apart.
        """
        up, down = self.step.numerator, self.step.denominator
        return (2 * numerator * down + denominator * up) // (2 * denominator * up)

    def place(self, value: Number) -> int | None:
        """The point for a value: clipped to the bounds, then rounded. None for NaN.

        Parameters
        ----------
        value : int, float, Fraction or Decimal
            Infinities stand for the bounds.

        Returns
        -------
        int or None
            In steps.
        """
        if isinstance(value, Decimal):
            if value.is_nan():
                return None
            if value.is_infinite() or (value and value.adjusted() >= _BEYOND):
                return self.least if value.is_signed() else self.most
            value = Fraction(value) if value and value.adjusted() >= _NOTHING else 0
        elif isinstance(value, float):
            if isnan(value):
                return None
            if isinf(value):
                return self.least if value < 0 else self.most
        numerator, denominator = value.as_integer_ratio()
        return min(max(self.nearest(numerator, denominator), self.least), self.most)


def read(values: object, grid: Grid, *, size: int, integer: bool, nan: int | None) -> NDArray[np.int64]:
    """Read a query's values onto a grid.

    Parameters
    ----------
    values : number or array-like, shape (size,)
        Numbers, or an array or column of them.
    grid : Grid
        The public grid.
    size : int
        How many there are.
    integer : bool
        Whether only integers are taken, told by their type.
    nan : int or None
        The point that NaN stands for; None refuses NaN.

    Returns
    -------
    int64 array, shape (size,)
        In steps, between ``grid.least`` and ``grid.most``.

    Raises
    ------
    InvalidInput
        For other shapes or types, and for NaN without a point. The message holds no value.
    """
    numbers = _numbers(values, integer=integer)
    if len(numbers) != size:
        raise InvalidInput(f"values must be as many as the plan says: {size}")
    if isinstance(numbers, np.ndarray):
        if grid.step == 1 and numbers.dtype.kind in "iu":
            most = np.uint64(2**63 - 1)
            narrow = np.minimum(numbers, most) if numbers.dtype == np.uint64 else numbers
            return np.clip(narrow.astype(np.int64), grid.least, grid.most)
        numbers = numbers.tolist()
    points = [nan if point is None else point for point in map(grid.place, numbers)]
    whole = [point for point in points if point is not None]
    if len(whole) != size:
        raise InvalidInput("values must not hold NaN: give the plan nan=, the public value that it stands for")
    return np.array(whole, dtype=np.int64)


def _numbers(values: object, *, integer: bool) -> list[Number] | NDArray[np.generic]:
    """One number, a list of them or a column, by type alone."""
    if isinstance(values, (int, float, Fraction, Decimal, np.generic)):
        values = [values]
    if isinstance(values, np.ndarray) and values.ndim == 0:
        values = values.reshape(1)
    allowed = (int,) if integer else (int, float, Fraction, Decimal)
    if isinstance(values, (list, tuple)):
        plain = [_plain(value) for value in values]
        if any(isinstance(value, bool) or not isinstance(value, allowed) for value in plain):
            raise InvalidInput(f"values must be {' or '.join(kind.__name__ for kind in allowed)}, or a NumPy array of such")
        return plain
    column = vector(values, name="values")
    if column.dtype.kind not in ("iu" if integer else "iuf"):
        raise InvalidInput(f"values must be {'integers' if integer else 'numbers'} by dtype: convert them on purpose")
    return column


def _plain(value: object) -> Number:
    """A NumPy number as Python's, exactly; anything else as it is, for the caller to refuse."""
    if isinstance(value, np.generic) and value.dtype.kind in "iuf":
        value = value.item()
    return value  # type: ignore[return-value]

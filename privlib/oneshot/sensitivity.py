"""How far one neighbour moves a query, and how far it then moves the rounded query: exact, rounded up.

Let neighbours move the clipped query by ``x_i`` steps in coordinate i, in at most k coordinates. Rounding to the nearest
point with halves up is ``floor(v + 1/2)``, so coordinate i of the rounded query moves by an integer ``D_i < x_i + 1``, and by 0
where ``x_i`` is 0. Where it moves, put ``e_i = D_i - 1 < x_i``. Then, strictly if anything moves at all,

- ``sum e_i < sum x_i <= l1``, hence ``sum e_i <= ceil(l1) - 1``;
- ``sum e_i**2 < sum x_i**2 <= l2**2``, hence ``sum e_i**2 <= ceil(l2**2) - 1``;
- ``sum e_i <= sum e_i**2``, these being integers; ``(sum e_i)**2 <= k sum e_i**2``; ``sum e_i**2 <= (sum e_i)**2``.

With A and B the least of these bounds of ``sum e_i`` and ``sum e_i**2``: the rounded query moves by at most ``A + k`` in L1
norm, and its squared L2 norm by at most ``B + 2 A + k``. For one coordinate that is ``ceil(l1)``, and in general it is below
the usual ``l1 + d`` and ``(l2 + sqrt(d))**2``. Integers on a grid that has all integers are not moved by rounding: then
``D_i = x_i``, the bounds are floors, and nothing is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

from privlib.bounds import Real, exact
from privlib.certified import ceil_div
from privlib.errors import InvalidInput

__all__ = ["Moves", "Sensitivity"]

_NAMES = ("l0", "l1", "l2", "l2_squared")


class Moves(NamedTuple):
    """By how many steps neighbours can move the rounded query."""

    l1: int
    l2_squared: int


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How far neighbours can move a query, in its own unit.

    Parameters
    ----------
    l0 : int
        In how many coordinates at most.
    l1 : Fraction or None
        In L1 norm; None where it is not declared.
    l2_squared : Fraction or None
        The square of the L2 norm; None where it is not declared.
    """

    l0: int
    l1: Fraction | None
    l2_squared: Fraction | None

    @classmethod
    def read(cls, given: Real | Mapping[str, Real], *, size: int) -> Sensitivity:
        """Read what a caller declares: one number for a single value, else a dict.

        Parameters
        ----------
        given : rational > 0 or dict
            Keys ``l1``, ``l2`` or ``l2_squared``, and ``l0``.
        size : int
            The length of the query.

        Returns
        -------
        Sensitivity

        Raises
        ------
        InvalidInput
            For anything else.
        """
        if not isinstance(given, Mapping):
            if size != 1:
                raise InvalidInput("sensitivity of a vector must be a dict such as {'l1': 2} or {'l2': '1.5'}")
            given = {"l1": given}
        if (
            not given.keys() <= set(_NAMES)
            or not given.keys() & {"l1", "l2", "l2_squared"}
            or {"l2", "l2_squared"} <= given.keys()
        ):
            raise InvalidInput("sensitivity must have l1, or l2 or l2_squared, or both norms, and may have l0; no other keys")
        read = {name: exact(value, name=f"the {name} sensitivity") for name, value in given.items()}
        if min(read.values()) <= 0:
            raise InvalidInput("sensitivity must be > 0: what no neighbour moves needs no noise")
        most = read.get("l0", Fraction(size))
        if most.denominator != 1 or most > size:
            raise InvalidInput("the l0 sensitivity must be an int from 1 to the size of the query")
        return cls(int(most), read.get("l1"), read["l2"] ** 2 if "l2" in read else read.get("l2_squared"))

    def in_steps(self, step: Fraction, *, integer: bool) -> Moves:
        """By how much neighbours can move the rounded query; the module's text is the proof.

        Parameters
        ----------
        step : Fraction
            The grid's step.
        integer : bool
            Whether the query's values are integers, and the grid has all of them.

        Returns
        -------
        Moves

        Examples
        --------
        >>> Sensitivity(3, Fraction(5, 2), None).in_steps(Fraction(1), integer=False)
        Moves(l1=5, l2_squared=11)
        >>> Sensitivity(3, Fraction(5, 2), None).in_steps(Fraction(1), integer=True)
        Moves(l1=2, l2_squared=4)
        """
        total, square = list[int](), list[int]()
        if self.l1 is not None:
            total.append(_below(self.l1 / step, integer))
        if self.l2_squared is not None:
            squared = _below(self.l2_squared / step**2, integer)
            square.append(squared)
            total += [squared, isqrt(self.l0 * squared)]
        most = min(total)
        most_square = min([*square, most**2])
        if integer:
            return Moves(most, most_square)
        return Moves(most + self.l0, most_square + 2 * most + self.l0)


def _below(limit: Fraction, integer: bool) -> int:
    """The largest integer up to a limit; for the excess of a rounded query, the largest that stays below it."""
    whole = limit.numerator // limit.denominator
    return whole if integer else ceil_div(limit.numerator, limit.denominator) - 1

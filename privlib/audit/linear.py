"""Linear leaks of bits: the affine spaces over GF(2) that outputs span, found by elimination.

What is linear in uniform digits and a secret is uniform on an affine space that the secret moves. So either some exclusive or
of bits tells two secrets apart for certain, or no function of the bits does; a few more samples than bits show which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hull", "hull", "telling"]

Bits = NDArray[np.uint8]
"""Zeros and ones, shape (n, bits)."""

_SEARCHED = 12  # so many sums of checks are all looked at for one of few places


@dataclass(frozen=True)
class Hull:
    """The least affine space over GF(2) that holds some rows.

    Attributes
    ----------
    checks : uint8 array, shape (checks, bits)
        Zeros and ones: an exclusive or of bits that has one value in the whole space, in each row.
    sums : uint8 array, shape (checks,)
        These values.
    """

    checks: Bits
    sums: Bits

    def holds(self, rows: Bits) -> NDArray[np.bool_]:
        """Whether each row lies in the space.

        Parameters
        ----------
        rows : uint8 array, shape (n, bits)
            Zeros and ones.

        Returns
        -------
        bool array, shape (n,)
        """
        parities = rows @ self.checks.T & 1  # a sum beyond 255 loses an even number
        return np.asarray((parities == self.sums).all(axis=1))


def hull(rows: Bits) -> Hull:
    """Find the least affine space that holds all rows.

    Parameters
    ----------
    rows : uint8 array, shape (n, bits)
        At least one row of zeros and ones. Rows drawn uniformly from a space, 64 more than bits, span less than it with a
        chance below ``2**-64``.

    Returns
    -------
    Hull

    Examples
    --------
    >>> even = hull(np.array([[0, 1, 1], [0, 0, 0], [1, 0, 1]], dtype=np.uint8))
    >>> even.holds(np.array([[1, 1, 0], [1, 1, 1]], dtype=np.uint8)).tolist()
    [True, False]
    """
    checks = _bits(_checks(_integers(rows ^ rows[0]), rows.shape[1]), rows.shape[1])
    return Hull(checks, rows[0] @ checks.T & 1)


def telling(first: Bits, second: Bits) -> tuple[int, ...]:
    """The places whose exclusive or has one value in all rows of the first world, and the other in all of the second.

    Parameters
    ----------
    first, second : uint8 array, shape (n, bits)
        Outputs of each world, at least one.

    Returns
    -------
    tuple of int
        As few places as a short search finds; empty where no exclusive or tells the worlds apart.

    Examples
    --------
    >>> first = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1]], dtype=np.uint8)
    >>> telling(first, np.array([[0, 1, 1]], dtype=np.uint8))
    (0, 1)
    """
    (apart,) = _integers(first[:1] ^ second[:1])
    checks = _checks(_integers(np.concatenate([first ^ first[0], second ^ second[0]])), first.shape[1])
    moved = [check for check in checks if (check & apart).bit_count() % 2]
    if not moved:
        return ()
    # A sum of two checks that tell does not tell; one of these more or less changes nothing but the weight.
    idle = [check for check in checks if check not in moved] + [check ^ moved[0] for check in moved[1:]]
    best = min(_sums(moved[0], idle[:_SEARCHED]), key=int.bit_count)
    return tuple(place for place in range(first.shape[1]) if best >> place & 1)


def _checks(vectors: Iterable[int], size: int) -> list[int]:
    """A basis of the exclusive ors that vanish on all vectors; bit i of an integer is place i."""
    basis = dict[int, int]()  # reduced: a pivot stands in its own row alone
    for vector in vectors:
        rest = vector
        for pivot, row in basis.items():
            rest ^= row * (vector >> pivot & 1)
        if rest:
            new = rest.bit_length() - 1
            basis = {pivot: row ^ rest * (row >> new & 1) for pivot, row in basis.items()} | {new: rest}
    free = [place for place in range(size) if place not in basis]
    return [1 << place | sum(1 << pivot for pivot, row in basis.items() if row >> place & 1) for place in free]


def _sums(start: int, terms: Sequence[int]) -> list[int]:
    found = [start]
    for term in terms:
        found += [each ^ term for each in found]
    return found


def _integers(rows: Bits) -> list[int]:
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(rows, axis=1, bitorder="little")]


def _bits(vectors: Sequence[int], size: int) -> Bits:
    rows = [[vector >> place & 1 for place in range(size)] for vector in vectors]
    return np.array(rows, dtype=np.uint8).reshape(len(vectors), size)

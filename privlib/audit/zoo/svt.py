"""Wrong selections: four published variants of the sparse vector technique. Rows 15 to 18.

A data set is given by the answers of its queries, less the public threshold; one person changes each by at most 1. All
claim epsilon = 1. The noise on the threshold is ``rho``, that on query i is ``nu_i``; a query is above where
``answer_i + nu_i >= rho``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from privlib.noise import discrete_laplace

__all__ = ["SVT4_ABOVES", "svt3", "svt4", "svt5", "svt6"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Symbols = NDArray[np.int8]

SVT4_ABOVES = 3
"""How many queries `svt4` finds above before it halts, the c of its literature."""


def svt3(answers: Sequence[int], n: int) -> Floats:
    """Find the first query above, and release its noisy answer, the very one that was compared.

    Parameters
    ----------
    answers : sequence of int
        Less the threshold.
    n : int
        How many releases.

    Returns
    -------
    float64 array, shape (n, len(answers))
        The number where a query is above, NaN for those below and those after it.
    """
    rho, noisy = discrete_laplace(n, scale=2), _noisy(answers, n, "2")
    above = noisy >= rho[:, None]
    first = above & (np.cumsum(above, axis=1, dtype=np.int32) == 1)
    return np.where(first, noisy, np.nan)


def svt4(answers: Sequence[int], n: int) -> Symbols:
    """Find three queries above, with noise on the queries that does not grow with three.

    Parameters
    ----------
    answers : sequence of int
        Less the threshold.
    n : int
        How many releases.

    Returns
    -------
    int8 array, shape (n, len(answers))
        1 above, 0 below, -1 after the third above.
    """
    rho = discrete_laplace(n, scale=4)
    above = _noisy(answers, n, "4/3") >= rho[:, None]
    halted = np.cumsum(above, axis=1, dtype=np.int32) - above >= SVT4_ABOVES
    return np.where(halted, -1, above).astype(np.int8)


def svt5(answers: Sequence[int], n: int) -> Symbols:
    """Compare every query with one noisy threshold, and never halt; the queries have no noise.

    Parameters
    ----------
    answers : sequence of int
        Less the threshold.
    n : int
        How many releases.

    Returns
    -------
    int8 array, shape (n, len(answers))
        1 above, 0 below.
    """
    rho = discrete_laplace(n, scale=2)
    return (np.asarray(answers) >= rho[:, None]).astype(np.int8)


def svt6(answers: Sequence[int], n: int) -> Symbols:
    """Compare every query with noise on both sides, and never halt: each query spends budget, none is charged.

    Parameters
    ----------
    answers : sequence of int
        Less the threshold.
    n : int
        How many releases.

    Returns
    -------
    int8 array, shape (n, len(answers))
        1 above, 0 below.
    """
    rho = discrete_laplace(n, scale=2)
    return (_noisy(answers, n, "2") >= rho[:, None]).astype(np.int8)


def _noisy(answers: Sequence[int], n: int, scale: str) -> Ints:
    """Each answer with noise of its own, shape (n, len(answers))."""
    return np.asarray(answers) + discrete_laplace(n * len(answers), scale=scale).reshape(n, len(answers))

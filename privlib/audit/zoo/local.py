"""Wrong local reports, where each person's answer is randomised before it is collected. Rows 10, 11, 13 and 14.

The claim is odds of 3 throughout, that is epsilon = log 3, so that every probability is a fraction. One uniform integer
decides each choice, and its values are dealt out to the answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from privlib.noise import integers

__all__ = ["ODDS", "grr_uniform_over_all", "grr_without_k", "rsfd_as_published", "rsfd_without_fakes"]

Ints = NDArray[np.int64]

ODDS = 3
"""The claimed odds, e^epsilon."""
DOMAIN = 10
"""Values of one attribute, for the two mechanisms of generalised randomised response (GRR)."""
ATTRIBUTES = 3
"""Attributes of a record, for the two of random sampling with fake data (RS+FD)."""
CATEGORIES = 4
"""Values of each of them."""
AMPLIFIED = ATTRIBUTES * (ODDS - 1) + 1
"""The odds at which RS+FD reports the sampled attribute: 7."""


def grr_without_k(value: int, n: int) -> Ints:
    """Keep the value with probability e^epsilon / (1 + e^epsilon), which is right for two values, and there are ten.

    Parameters
    ----------
    value : int
        From 0 to 9. Neighbours are any two values.
    n : int
        How many reports.

    Returns
    -------
    int64 array, shape (n,)
    """
    others = DOMAIN - 1
    chance = integers(n, below=(ODDS + 1) * others)
    moved = chance - ODDS * others  # from 0 to others - 1 where the value is not kept
    return np.where(moved < 0, value, (value + 1 + moved) % DOMAIN)


def grr_uniform_over_all(value: int, n: int) -> Ints:
    """Keep the value with the right probability, but draw from all ten values otherwise, which can give it once more.

    Parameters
    ----------
    value : int
        From 0 to 9. Neighbours are any two values.
    n : int
        How many reports.

    Returns
    -------
    int64 array, shape (n,)
    """
    chance = integers(n, below=(ODDS + DOMAIN - 1) * DOMAIN)
    return np.where(chance < ODDS * DOMAIN, value, chance % DOMAIN)


def rsfd_without_fakes(record: Sequence[int], n: int) -> Ints:
    """Report one attribute, drawn uniformly, at amplified odds; without fake values for the others all see which.

    Parameters
    ----------
    record : sequence of int
        Three values from 0 to 3. Neighbours are any two records.
    n : int
        How many reports.

    Returns
    -------
    int64 array, shape (n, 3)
        -1 where nothing is reported.
    """
    sampled = integers(n, below=ATTRIBUTES)
    reports = np.full((n, ATTRIBUTES), -1)
    reports[np.arange(n), sampled] = _amplified(np.asarray(record)[sampled])
    return reports


def rsfd_as_published(record: Sequence[int], n: int) -> Ints:
    """Report one attribute at amplified odds and uniform fake values for the others, and claim it for whole records.

    The claim holds where one attribute changes. Where all of them do, the amplification is gone.

    Parameters
    ----------
    record : sequence of int
        Three values from 0 to 3. Neighbours are any two records.
    n : int
        How many reports.

    Returns
    -------
    int64 array, shape (n, 3)
    """
    sampled = integers(n, below=ATTRIBUTES)
    reports = integers(n * ATTRIBUTES, below=CATEGORIES).reshape(n, ATTRIBUTES)
    reports[np.arange(n), sampled] = _amplified(np.asarray(record)[sampled])
    return reports


def _amplified(values: Ints) -> Ints:
    """GRR over four values at odds of 7: with 7 chances of 10 the value, with 1 each of the others."""
    moved = integers(values.size, below=AMPLIFIED + CATEGORIES - 1) - AMPLIFIED
    return np.where(moved < 0, values, (values + 1 + moved) % CATEGORIES)

"""Wrong counts: scales, sensitivities, shared or missing noise, and what is told beside the number. Rows 1-9 and 20-24.

Each takes a data set and ``n``, and gives ``n`` independent releases, the first axis of an array. The comments name the
bug where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from privlib.audit.zoo.reference import tree_sums
from privlib.bounds import Real
from privlib.noise import discrete_laplace

__all__ = [
    "bounds_from_data",
    "constant_seed",
    "exact_size_beside_count",
    "float_laplace",
    "noise_on_present_keys",
    "noisy_sum",
    "one_draw_for_two_counts",
    "resample_until_non_negative",
    "scale_from_number_at_risk",
    "sensitivity_forgotten",
    "steps_of_the_sampler",
    "tree_one_level_short",
    "two_releases_one_charge",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

KEYS = 4
"""The public domain of `noise_on_present_keys` is 0, 1, 2, 3."""

HAZARD_STEPS = 1000
"""`scale_from_number_at_risk` releases hazards in thousandths."""


def noisy_sum(people: Sequence[int], n: int, *, scale: Real) -> Ints:
    """Count the ones. The scale should be 1 / epsilon, and is what the entry's name says.

    Parameters
    ----------
    people : sequence of 0 and 1
        Neighbours have one person more or fewer.
    n : int
        How many releases.
    scale : rational > 0
        Of the noise.

    Returns
    -------
    int64 array, shape (n,)
    """
    return sum(people) + discrete_laplace(n, scale=scale)


def sensitivity_forgotten(people: Sequence[int], n: int) -> Ints:
    """Count people in two cells; somebody who moves changes both, but the scale is that for one.

    Parameters
    ----------
    people : sequence of 0 and 1
        The cell of each. Neighbours differ in one person's cell.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n, 2)
    """
    cells = np.bincount(np.asarray(people, dtype=np.int64), minlength=2)
    return cells + discrete_laplace(2 * n, scale=1).reshape(n, 2)  # 2 is the sensitivity under replacement


def float_laplace(values: Sequence[float], n: int) -> Floats:
    """Sum numbers in [0, 1] with Laplace noise in floating point, as many people write it.

    Parameters
    ----------
    values : sequence of float
        Neighbours have one person more or fewer.
    n : int
        How many releases.

    Returns
    -------
    float64 array, shape (n,)
    """
    return sum(values) + np.random.default_rng().laplace(scale=1.0, size=n)  # the last bits tell what the sum was


def tree_one_level_short(events: Sequence[int], n: int) -> Ints:
    """Sum a stream over all nodes of a binary tree; a tree of depth L has L + 1 levels, the scale is that for L.

    Parameters
    ----------
    events : sequence of int
        A power of two many, at least two. Neighbours differ by 1 at one time.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n, 2 * len(events) - 1)
        The leaves in order, then the level above them, up to the root.
    """
    nodes, levels = tree_sums(events), len(events).bit_length()
    return nodes + discrete_laplace(n * nodes.size, scale=levels - 1).reshape(n, nodes.size)


def one_draw_for_two_counts(people: Sequence[tuple[int, int]], n: int) -> Ints:
    """Count two groups and add the same draw to both: their difference is exact.

    Parameters
    ----------
    people : sequence of pairs of 0 and 1
        Whether each belongs to the first and to the second group. Neighbours have one person more or fewer.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n, 2)
    """
    groups = np.array([sum(first for first, _ in people), sum(second for _, second in people)])
    return groups + discrete_laplace(n, scale=1)[:, None]


def constant_seed(people: Sequence[int], n: int) -> Ints:
    """Count the ones with noise from a generator that is seeded in the source code: always the same draw.

    Parameters
    ----------
    people : sequence of 0 and 1
        Neighbours have one person more or fewer.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n,)
    """
    generator = np.random.default_rng(2024)  # seeded anew in every release
    draw = np.rint(generator.laplace(scale=1.0)).astype(np.int64)
    return np.full(n, sum(people) + draw)


def exact_size_beside_count(people: Sequence[int], n: int) -> Ints:
    """Release how many people there are, exactly, beside a noisy count of the ones.

    Parameters
    ----------
    people : sequence of 0 and 1
        Neighbours have one person more or fewer, so their number is private.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n, 2)
        The size, the noisy count.
    """
    return np.column_stack([np.full(n, len(people)), sum(people) + discrete_laplace(n, scale=1)])


def noise_on_present_keys(people: Sequence[int], n: int) -> Floats:
    """Count people by key, and add noise to the keys that somebody has; the others are left out of the answer.

    Parameters
    ----------
    people : sequence of int
        A key from 0 to 3 each. Neighbours have one person more or fewer.
    n : int
        How many releases.

    Returns
    -------
    float64 array, shape (n, 4)
        NaN where nothing is released.
    """
    counts = np.bincount(np.asarray(people, dtype=np.int64), minlength=KEYS)
    present = np.flatnonzero(counts)  # which keys are absent is public now
    released = np.full((n, KEYS), np.nan)
    released[:, present] = counts[present] + discrete_laplace(n * present.size, scale=1).reshape(n, present.size)
    return released


def two_releases_one_charge(people: Sequence[int], n: int) -> Ints:
    """Count the ones twice, each time with the noise for epsilon, and charge epsilon once.

    Parameters
    ----------
    people : sequence of 0 and 1
        Neighbours have one person more or fewer.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n, 2)
    """
    return sum(people) + discrete_laplace(2 * n, scale=1).reshape(n, 2)


def resample_until_non_negative(people: Sequence[int], n: int) -> Ints:
    """Count the ones and draw again while the noisy count is negative; raising it to zero would have been free.

    Parameters
    ----------
    people : sequence of 0 and 1
        Neighbours have one person more or fewer.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n,)
    """
    released = sum(people) + discrete_laplace(n, scale=1)
    while (negative := np.flatnonzero(released < 0)).size:  # how often this happens depends on the count
        released[negative] = sum(people) + discrete_laplace(negative.size, scale=1)
    return released


def bounds_from_data(values: Sequence[int], n: int) -> Ints:
    """Sum whole numbers >= 0; the clipping bound, and with it the scale, is the largest of them.

    Parameters
    ----------
    values : sequence of int
        Neighbours have one person more or fewer.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n,)
    """
    bound = max(values, default=0)  # one person decides it
    if bound == 0:
        return np.zeros(n, dtype=np.int64)  # a scale of zero
    return sum(values) + discrete_laplace(n, scale=bound)


def scale_from_number_at_risk(at_risk: Sequence[int], n: int) -> Ints:
    """Release a hazard, the share of those at risk who have the event, with a scale of 1 / (epsilon * number at risk).

    One person fewer changes the scale too, so far out in the tail no epsilon holds, however many are at risk. Sampling
    sees it among two people and cannot among a hundred: the exact law is the tool.

    Parameters
    ----------
    at_risk : sequence of 0 and 1
        Who has the event; at least one person. Neighbours have one person more or fewer.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n,)
        Thousandths.
    """
    hazard = HAZARD_STEPS * sum(at_risk) // len(at_risk)
    return hazard + discrete_laplace(n, scale=Fraction(HAZARD_STEPS, len(at_risk)))


def steps_of_the_sampler(people: Sequence[int], n: int) -> Ints:
    """Count the ones; the sampler walks from the count to the noisy count, and a clock sees how many steps it takes.

    The steps stand here as a number beside the release, so that no audit depends on a clock.

    Parameters
    ----------
    people : sequence of 0 and 1
        Neighbours have one person more or fewer.
    n : int
        How many releases.

    Returns
    -------
    int64 array, shape (n, 2)
        The noisy count, the steps.
    """
    noise = discrete_laplace(n, scale=1)
    return np.column_stack([sum(people) + noise, np.abs(noise)])

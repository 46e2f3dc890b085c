"""Mechanisms that keep their word, each with its theorem: what an auditor must not flag, and what it is measured on.

Every function here is ``f(dataset, n, ...) -> n independent outputs`` and draws from `privlib.noise` alone. Data sets are tiny
and public.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Real, exact, exact_int
from privlib.errors import InvalidInput
from privlib.noise import bernoulli, discrete_laplace, integers, rounded_gaussian
from privlib.proved import proved

__all__ = [
    "binary_tree",
    "clamped_count",
    "gaussian_count",
    "mixed_response",
    "noisy_count",
    "noisy_max",
    "randomised_response",
    "sampled_with_fakes",
    "sparse_vector",
    "swapped_response",
    "tree_sums",
]

Ints = NDArray[np.int64]
_NODES = 1 << 20
_LARGEST_NODE = 2**15 - 1


@proved("zoo.t1")
def randomised_response(value: int, n: int, *, values: int, odds: Real) -> Ints:
    """Report the true value with the stated odds against every other one.

    Parameters
    ----------
    value : int
        The truth, ``0 <= value < values``.
    n : int
        How many outputs.
    values : int
        How many values there are, at least 2.
    odds : rational >= 1
        The truth is this many times as likely as any other value.

    Returns
    -------
    int array, shape (n,)

    Privacy
    -------
    Neighbours: any two values. Bound: pure, e^epsilon = odds exactly. Theorem: zoo.t1.
    """
    weight, others = _weight(odds), _others(value, values)
    truthful = bernoulli(n, p=weight / (weight + others))
    return np.where(truthful, value, (value + 1 + integers(n, below=others)) % values)


@proved("zoo.t1")
def mixed_response(value: int, n: int, *, values: int, odds: Real) -> Ints:
    """Report the true value, or else a value drawn from all, the true one among them.

    Parameters
    ----------
    value, n, values, odds
        As for `randomised_response`, whose law this is.

    Returns
    -------
    int array, shape (n,)

    Privacy
    -------
    Neighbours: any two values. Bound: pure, e^epsilon = odds exactly. Theorem: zoo.t1.
    """
    weight, others = _weight(odds), _others(value, values)
    truthful = bernoulli(n, p=(weight - 1) / (weight + others))
    return np.where(truthful, value, integers(n, below=values))


@proved("zoo.t1")
def swapped_response(value: int, n: int, *, values: int, odds: Real) -> Ints:
    """Report the true value as seldom as randomised response reports another one: private, and of no use.

    Parameters
    ----------
    value, n, values, odds
        As for `randomised_response`.

    Returns
    -------
    int array, shape (n,)

    Privacy
    -------
    Neighbours: any two values. Bound: pure, e^epsilon = (odds + values - 2) / (values - 1) exactly, never more than odds.
    Theorem: zoo.t1.
    """
    weight, others = _weight(odds), _others(value, values)
    truthful = bernoulli(n, p=1 / (weight + others))
    return np.where(truthful, value, (value + 1 + integers(n, below=others)) % values)


@proved("zoo.t2")
def noisy_count(count: int, n: int, *, scale: Real) -> Ints:
    """Add discrete Laplace noise to a whole number.

    Parameters
    ----------
    count : int
        The number.
    n : int
        How many outputs.
    scale : rational > 0
        The "b" of the noise.

    Returns
    -------
    int array, shape (n,)

    Privacy
    -------
    Neighbours: two numbers that differ by at most D. Bound: pure, epsilon = D / scale exactly. Theorem: zoo.t2.
    """
    return count + discrete_laplace(n, scale=scale)


@proved("zoo.t2")
def clamped_count(count: int, n: int, *, scale: Real, low: int, high: int) -> Ints:
    """Add discrete Laplace noise to a whole number, and clamp what comes out.

    Parameters
    ----------
    count, n, scale
        As for `noisy_count`.
    low, high : int
        Where the output is clamped; public.

    Returns
    -------
    int array, shape (n,)

    Privacy
    -------
    Neighbours: two numbers that differ by at most D. Bound: pure, epsilon = D / scale, and exactly that for two numbers from
    low to high that differ by D. Theorem: zoo.t2.
    """
    return np.clip(count + discrete_laplace(n, scale=scale), low, high)


@proved("zoo.t2")
def gaussian_count(count: int, n: int, *, sigma2: Real) -> Ints:
    """Add rounded Gaussian noise to a whole number.

    Parameters
    ----------
    count : int
        The number.
    n : int
        How many outputs.
    sigma2 : rational > 0
        The variance before rounding.

    Returns
    -------
    int array, shape (n,)

    Privacy
    -------
    Neighbours: two numbers that differ by at most D. Bound: mu-GDP with mu^2 = D^2 / sigma2 exactly. Theorem: zoo.t2.
    """
    return count + rounded_gaussian(n, sigma2=sigma2)


@proved("zoo.t3")
def binary_tree(stream: Sequence[int], n: int, *, epsilon: Real) -> NDArray[np.int16]:
    """Release the noisy sums of all dyadic intervals of a stream.

    Parameters
    ----------
    stream : sequence of int, length T = 2**L
        What arrives at each step.
    n : int
        How many outputs.
    epsilon : rational > 0
        Every node has discrete Laplace noise of scale ``(L+1) / epsilon``.

    Returns
    -------
    int16 array, shape (n, 2 T - 1)
        The nodes level by level, the single steps first and the whole stream last; clamped to 15 bits.

    Privacy
    -------
    Neighbours: two streams that differ by at most 1 in one step. Bound: pure, epsilon exactly, also where every node is shown
    as soon as it is complete and the stream goes on in answer to that. Theorem: zoo.t3.
    """
    sums, levels = tree_sums(stream), len(stream).bit_length()
    scale = levels / _budget(epsilon)
    nodes = np.empty((n, sums.size), dtype=np.int16)
    for part in _blocks(nodes):
        noise = discrete_laplace(part.size, scale=scale).reshape(part.shape)
        part[:] = np.clip(sums + noise, -_LARGEST_NODE, _LARGEST_NODE)
    return nodes


def _blocks(nodes: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    """The rows, a few at a time, so that 64-bit noise of few outputs is in memory at once."""
    rows = max(1, _NODES // nodes.shape[1])
    for start in range(0, len(nodes), rows):
        yield nodes[start : start + rows]


def tree_sums(stream: Sequence[int]) -> Ints:
    """Sum a stream over all its dyadic intervals, level by level, the single steps first.

    Parameters
    ----------
    stream : sequence of int, length T = 2**L
        What arrives at each step.

    Returns
    -------
    int array, shape (2 T - 1,)

    Raises
    ------
    InvalidInput
        For a length that is no power of two.
    """
    level = np.asarray(stream, dtype=np.int64)
    if level.size & (level.size - 1) or not level.size:
        raise InvalidInput(f"the stream's length must be a power of two, got {level.size}")
    levels = [level]
    while level.size > 1:
        level = level[::2] + level[1::2]
        levels.append(level)
    return np.concatenate(levels)


@proved("zoo.t4")
def sparse_vector(
    answers: Sequence[int], n: int, *, epsilon: Real, count: int = 1, threshold: int = 0, redraw: bool = False
) -> NDArray[np.int8]:
    """Say of one answer after the other whether it lies above a noisy threshold, until ``count`` of them do.

    Parameters
    ----------
    answers : sequence of int, length m
        The exact answers, in the order in which they are asked.
    n : int
        How many outputs.
    epsilon : rational > 0
        Answers have discrete Laplace noise of scale ``4 count / epsilon``, the threshold of ``2 / epsilon``.
    count : int
        How many answers may lie above.
    threshold : int
        The public threshold.
    redraw : bool
        Whether the threshold's noise, then of scale ``2 count / epsilon``, is drawn afresh after every answer above.

    Returns
    -------
    int8 array, shape (n, m)
        1 above, 0 below, -1 for what is asked after the end.

    Privacy
    -------
    Neighbours: answers that all differ by at most 1, each in either direction. Bound: pure, epsilon. Theorem: zoo.t4.
    """
    budget, most = _budget(epsilon), exact_int(count, name="count")
    bar_scale = 2 * (most if redraw else 1) / budget
    bars = threshold + discrete_laplace(n, scale=bar_scale)
    seen = np.empty((n, len(answers)), dtype=np.int8)
    left = np.full(n, most)
    for place, answer in enumerate(answers):
        above = answer + discrete_laplace(n, scale=4 * most / budget) >= bars
        seen[:, place] = np.where(left > 0, above, -1)
        left -= above
        if redraw:
            bars = np.where(above, threshold + discrete_laplace(n, scale=bar_scale), bars)
    return seen


@proved("zoo.t5")
def sampled_with_fakes(record: Sequence[int], n: int, *, sizes: Sequence[int], odds: Real) -> Ints:
    """Randomise one attribute of a record, chosen in secret, and report uniform fakes for all others: RS+FD[GRR].

    Parameters
    ----------
    record : sequence of int, length d
        The value of each attribute.
    n : int
        How many outputs.
    sizes : sequence of int, length d
        How many values each attribute has, at least 2.
    odds : rational >= 1
        Of the randomised response on the chosen attribute.

    Returns
    -------
    int array, shape (n, d)

    Privacy
    -------
    Neighbours: any two records. Bound: pure, e^epsilon = odds exactly. The published calibration takes
    ``odds = d (e^epsilon - 1) + 1``, which keeps epsilon only where one attribute changes and all sizes are equal.
    Theorem: zoo.t5.
    """
    if len(record) != len(sizes):
        raise InvalidInput(f"the record must have {len(sizes)} attributes, got {len(record)}")
    chosen = integers(n, below=len(sizes))
    report = np.empty((n, len(sizes)), dtype=np.int64)
    for place, (value, values) in enumerate(zip(record, sizes, strict=True)):
        truth = randomised_response(value, n, values=values, odds=odds)
        report[:, place] = np.where(chosen == place, truth, integers(n, below=values))
    return report


@proved("zoo.t6")
def noisy_max(answers: Sequence[int], n: int, *, epsilon: Real) -> Ints:
    """Report which answer is the largest under discrete Laplace noise of scale ``2 / epsilon``; of equal ones the first.

    Parameters
    ----------
    answers : sequence of int, length m >= 1
        The exact answers.
    n : int
        How many outputs.
    epsilon : rational > 0
        The bound.

    Returns
    -------
    int array, shape (n,)

    Privacy
    -------
    Neighbours: answers that all differ by at most 1, each in either direction. Bound: pure, epsilon. Theorem: zoo.t6.
    """
    if not answers:
        raise InvalidInput("the largest of no answers is none: give one at least")
    scale = 2 / _budget(epsilon)
    noisy = np.stack([answer + discrete_laplace(n, scale=scale) for answer in answers], axis=1)
    return np.asarray(np.argmax(noisy, axis=1), dtype=np.int64)


def _budget(epsilon: Real) -> Fraction:
    budget = exact(epsilon, name="epsilon")
    if budget <= 0:
        raise InvalidInput(f"epsilon must be > 0, got {budget}")
    return budget


def _weight(odds: Real) -> Fraction:
    weight = exact(odds, name="odds")
    if weight < 1:
        raise InvalidInput(f"odds must be >= 1, got {weight}")
    return weight


def _others(value: int, values: int) -> int:
    """How many values are not the true one."""
    others = exact_int(values, name="values", least=2) - 1
    if not 0 <= value <= others:
        raise InvalidInput(f"the value must be from 0 to {others}")
    return others

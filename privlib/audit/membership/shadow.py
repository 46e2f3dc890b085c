"""Shadow models: trainings like the target's on sets that the attacker chose, so that membership is known."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privlib.audit.membership.rates import Floats, Members, checked_scores
from privlib.bounds import exact_int
from privlib.errors import InvalidInput

__all__ = ["Fit", "Shadows", "confidence_logit", "secret_members", "shadow_runs"]

Fit = Callable[[Members], Floats]
"""Train on the examples marked True, then give a score of every example: larger means a better fit."""


@dataclass(frozen=True)
class Shadows:
    """What shadow models say of the examples.

    Parameters
    ----------
    scores : float array, shape (runs, examples)
        The score of each example under each shadow model; finite.
    members : bool array, shape (runs, examples)
        Which examples each model was trained on.

    Raises
    ------
    InvalidInput
        For other shapes, NaN or infinities.
    """

    scores: Floats
    members: Members

    def __post_init__(self) -> None:
        scores, members = np.asarray(self.scores), np.asarray(self.members)
        if scores.ndim != 2 or scores.dtype.kind not in "iuf" or not scores.size:
            raise InvalidInput(
                "scores of shadows must be a two-dimensional array of numbers: one row a run, one column an example"
            )
        if members.shape != scores.shape or members.dtype.kind != "b":
            raise InvalidInput(f"members of shadows must be booleans of shape {scores.shape}, as the scores")
        if not np.isfinite(scores).all():
            raise InvalidInput("scores of shadows must be finite: a training that diverged is no shadow of one that did not")
        object.__setattr__(self, "scores", scores.astype(np.float64))
        object.__setattr__(self, "members", members)

    @property
    def runs(self) -> int:
        """How many shadow models."""
        return int(self.scores.shape[0])

    @property
    def examples(self) -> int:
        """How many examples each was asked about."""
        return int(self.scores.shape[1])

    def of(self, chosen: Members) -> Shadows:
        """The same runs on some of the examples, a bool array."""
        return Shadows(self.scores[:, chosen], self.members[:, chosen])

    def checked(self, target: Floats, *, inside: int, outside: int) -> Floats:
        """The target's scores, once there is one for each example, and shadows enough on each side of it."""
        values = checked_scores(target, name="the target's scores")
        if values.size != self.examples:
            raise InvalidInput(f"the target has {values.size} scores, the shadows have {self.examples} examples: give the same")
        fewest_in = int(self.members.sum(axis=0).min())
        fewest_out = self.runs - int(self.members.sum(axis=0).max())
        if fewest_in < inside or fewest_out < outside:
            raise InvalidInput(
                f"too few shadows: this attack needs {inside} with and {outside} without each example, the least are "
                f"{fewest_in} and {fewest_out}: train more"
            )
        return values


def shadow_runs(fit: Fit, examples: int, *, runs: int, population: int = 0, seed: int = 0) -> Shadows:
    """Train shadow models, each on a random half of the examples.

    Each example is in exactly half of the runs. The target must be a training of its own, drawn by `secret_members`: a row
    of a balanced table can be told from the others, so a shadow may never serve as the target.

    Parameters
    ----------
    fit : callable
        From a bool array to the score of every example. It draws its own randomness.
    examples : int
        How many.
    runs : int
        An even number of trainings, at least 4.
    population : int
        The last so many examples are in no training: points of the same kind for `rmia`.
    seed : int
        Fixes which examples are in which run.

    Returns
    -------
    Shadows

    Raises
    ------
    InvalidInput
        For numbers out of range, or a fit that does not give one finite score for each example.

    Examples
    --------
    >>> shadows = shadow_runs(lambda included: included * 1.0, 5, runs=4, population=1)
    >>> shadows.members.sum(axis=0)
    array([2, 2, 2, 2, 0])
    """
    exact_int(examples, name="examples", least=2)
    exact_int(population, name="population", least=0, most=examples - 1)
    if exact_int(runs, name="runs", least=4) % 2:
        raise InvalidInput(f"runs must be even, so that each example is in half of them, got {runs}")
    half = np.tile(np.arange(runs)[:, None] < runs // 2, (1, examples - population))
    members = np.zeros((runs, examples), dtype=np.bool_)
    members[:, : examples - population] = np.random.default_rng(seed).permuted(half, axis=0)
    rows = [np.asarray(fit(included.copy())) for included in members]
    if any(row.shape != (examples,) for row in rows):
        raise InvalidInput(f"fit must give {examples} scores, one for each example, also for those it was not trained on")
    return Shadows(np.stack(rows), members)


def secret_members(examples: int, *, population: int = 0) -> Members:
    """Draw who the target is trained on: independent fair bits of the operating system, as the one-run audit needs them.

    Parameters
    ----------
    examples : int
        How many.
    population : int
        The last so many are left out in any case.

    Returns
    -------
    bool array, shape (examples,)
    """
    exact_int(examples, name="examples", least=2)
    exact_int(population, name="population", least=0, most=examples - 1)
    free = examples - population
    bits = np.unpackbits(np.frombuffer(os.urandom(-(-free // 8)), dtype=np.uint8), count=free)
    return np.concatenate([bits, np.zeros(population, dtype=np.uint8)]).astype(np.bool_)


def confidence_logit(logits: Floats, labels: NDArray[np.int64]) -> Floats:
    """The logit of a classifier's confidence in the true class, log(p / (1 - p)): nearly normal over trainings.

    Parameters
    ----------
    logits : float array, shape (n, classes)
        What the model gives before the softmax; two classes at least.
    labels : int array, shape (n,)
        The true classes.

    Returns
    -------
    float array, shape (n,)
        Computed without 1 - p, which would be 0 for a model that is sure.

    Raises
    ------
    InvalidInput
        For other shapes, or labels that are no class.

    Examples
    --------
    >>> confidence_logit(np.array([[0.0, 800.0], [1.0, 0.0]]), np.array([1, 0]))
    array([800.,   1.])
    """
    values, true = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if values.ndim != 2 or values.shape[1] < 2 or true.shape != values.shape[:1] or true.dtype.kind not in "iu":
        raise InvalidInput("logits must have shape (n, classes) with two classes at least, labels n integers")
    if true.size and (true.min() < 0 or true.max() >= values.shape[1]):
        raise InvalidInput(f"labels must lie from 0 to {values.shape[1] - 1}, the classes of the logits")
    rows = np.arange(true.size)
    others = values.copy()
    others[rows, true] = -np.inf
    highest = others.max(axis=1)
    rest = highest + np.log(np.exp(others - highest[:, None]).sum(axis=1))
    return np.asarray(values[rows, true] - rest, dtype=np.float64)

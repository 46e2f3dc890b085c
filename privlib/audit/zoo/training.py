"""Wrong training: gradient descent with Gaussian noise that trains once, canaries among its people. Row 25.

Both train the same linear model by full-batch gradient descent and claim 1-GDP: 4 steps with a noise multiplier of 2, so
mu^2 = 4 / 2^2. Each canary has a feature of its own, so that its weight in the model is a score of whether it was there.
Gradients and noise are floats, as in the libraries that people use for this.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privlib.noise import bernoulli

__all__ = ["MULTIPLIER", "STEPS", "sgd_noise_divided_twice", "sgd_without_clipping"]

Floats = NDArray[np.float64]
Bits = NDArray[np.bool_]

STEPS = 4
"""Steps of gradient descent."""
MULTIPLIER = 2.0
"""The standard deviation of the noise, as a multiple of the clipping norm 1."""
BATCH = 256
"""The public number that sums of gradients are divided by."""

_PEOPLE, _FEATURES, _RATE, _TARGET = 200, 8, 0.1, 50.0


def sgd_without_clipping(canaries: int) -> tuple[Floats, Bits]:
    """Train with the right noise for clipped gradients, without clipping them.

    Parameters
    ----------
    canaries : int
        How many there are; an independent fair bit includes each. Neighbours have one person more or fewer.

    Returns
    -------
    tuple of float64 array and bool array, each of shape (canaries,)
        Scores, positive where the model looks as if the canary had been included; and whether it was.
    """
    return train(canaries, clip=np.inf, deviation=MULTIPLIER)


def sgd_noise_divided_twice(canaries: int) -> tuple[Floats, Bits]:
    """Train with noise that is divided by the batch size, and then divided again with the sum of gradients.

    Parameters
    ----------
    canaries : int
        How many there are; an independent fair bit includes each. Neighbours have one person more or fewer.

    Returns
    -------
    tuple of float64 array and bool array, each of shape (canaries,)
        Scores, positive where the model looks as if the canary had been included; and whether it was.
    """
    return train(canaries, clip=1.0, deviation=MULTIPLIER / BATCH)


def train(canaries: int, *, clip: float, deviation: float) -> tuple[Floats, Bits]:
    """Train once; right with ``clip=1`` and ``deviation=MULTIPLIER``, and then as exposed as 1-GDP allows.

    Parameters
    ----------
    canaries : int
        How many there are.
    clip : float
        The largest norm of a person's gradient.
    deviation : float
        The standard deviation of the noise on each coordinate of a sum of gradients.

    Returns
    -------
    tuple of float64 array and bool array, each of shape (canaries,)
        Scores and inclusion.
    """
    included = bernoulli(canaries, p="1/2")
    public = np.random.default_rng(25)  # the ordinary people, the same in every training
    features = np.zeros((_PEOPLE + canaries, _FEATURES + canaries))
    features[:_PEOPLE, :_FEATURES] = public.normal(size=(_PEOPLE, _FEATURES))
    features[_PEOPLE:, _FEATURES:] = np.eye(canaries)
    targets = np.append(features[:_PEOPLE, :_FEATURES].sum(axis=1), np.full(canaries, _TARGET))
    present = np.append(np.ones(_PEOPLE), included)
    norms = np.linalg.norm(features, axis=1)

    generator = np.random.default_rng()
    weights = np.zeros(_FEATURES + canaries)
    for _ in range(STEPS):
        residuals = features @ weights - targets
        residuals *= present * np.minimum(1, clip / np.maximum(np.abs(residuals) * norms, 1e-12))
        noise = generator.normal(scale=deviation, size=weights.size)
        weights -= _RATE * (residuals @ features + noise) / BATCH
    moved = weights[_FEATURES:] * (BATCH / _RATE)  # by nearly the same in each step, if the canary is there
    return moved - STEPS * min(clip, _TARGET) / 2, included

"""The best attack on a mechanism whose law is known: the exact likelihood ratio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.outputs import Raised
from privlib.audit.rules import ABSTAIN, Aim, Rule, merged
from privlib.errors import InvalidInput

__all__ = ["Ratio", "by_ratio"]

Floats = NDArray[np.float64]
Ratio = Callable[[Any], Floats]
"""The logarithm of the likelihood ratio of the second world over the first, for each output of a list or array."""

_FEW = 256
_EQUAL = 256
_MOST_CELLS = 64
_BEYOND = 700.0  # exp(700) is a float


def by_ratio(ratio: Ratio, outputs: Sequence[Any], aim: Aim) -> Rule:
    """Fix a threshold of the exact log-likelihood ratio.

    An exception is a symbol outside the law; the training part says which world it speaks for.

    Parameters
    ----------
    ratio : callable
        From a list or array of outputs to their log-likelihood ratios, second world over first.
    outputs : two lists or arrays
        Training outputs of each world.
    aim : Aim
        What the rule is for.

    Returns
    -------
    Rule
    """
    scores = [_scores(ratio, each) for each in outputs]
    both = np.concatenate(scores)
    told = np.sort(both[np.isfinite(both)])
    places = np.unique(told)
    if places.size > _FEW:
        tails = np.exp2(-np.arange(9, max(10, np.log2(told.size) - 2)))
        shares = np.concatenate([np.linspace(0, 1, _EQUAL), tails, 1 - tails])
        places = np.unique(told[np.round(shares * (told.size - 1)).astype(np.intp)])
    places = np.union1d(places, [0.0, np.nextafter(0.0, 1)])  # no cell on both sides of a ratio of one

    def bins(values: Floats) -> NDArray[np.intp]:
        return np.where(np.isnan(values), places.size + 1, np.searchsorted(places, values, side="right"))

    size = places.size + 2
    counts = np.stack([np.bincount(bins(each), minlength=size) for each in scores])
    leaning = np.concatenate([[-np.inf], places, [0.0]])
    leaning[0] = places[0] - 1
    world = (leaning > 0).astype(np.intp)
    world[-1] = int(counts[1, -1] > counts[0, -1])
    every = counts.sum(axis=0)
    strength = np.abs(leaning)
    strength[-1] = np.inf if every[-1] else 0.0
    order = np.argsort(-strength, kind="stable")
    sure = every / (1 + np.exp(-np.minimum(strength, _BEYOND)))  # by the law: only how often a cell is met has to be counted
    sure[-1] = counts[world[-1], -1]
    right, made = np.cumsum(sure[order]), np.cumsum(every[order])
    lengths = np.arange(size) if aim.abstains else np.array([size - 1])
    promises = aim.predict(right[lengths] / np.maximum(made[lengths], 1e-9), made[lengths], int(every.sum()))
    chosen = int(lengths[np.argmax(promises)])
    least = float(strength[order[chosen]])
    guesses = np.where(strength >= least, world, ABSTAIN) if aim.abstains else world
    cell = merged(leaning, guesses.tolist(), every.astype(np.float64), _MOST_CELLS)
    named = [int(guesses[cell == each][0]) for each in range(int(cell.max()) + 1)]
    sides = [round(float(np.mean(world[cell == each]))) for each in range(len(named))]
    spread = [leaning[cell == each] for each in range(len(named))]
    words = (
        f"the exact log-likelihood ratio of the two worlds: guess the second where it is at least {least:.6g}, the first "
        f"where it is at most {-least:.6g}, else abstain"
    )
    return Rule(
        place=lambda outputs: cell[bins(_scores(ratio, outputs))],
        guesses=tuple(named),
        everywhere=tuple(guess if guess >= 0 else side for guess, side in zip(named, sides, strict=True)),
        cells=tuple(f"log-likelihood ratio about {part.min():.4g} to {part.max():.4g}" for part in spread),
        words=words if aim.abstains else "the exact log-likelihood ratio of the two worlds: guess by its sign",
        predicted=float(promises.max()),
    )


def _scores(ratio: Ratio, outputs: Any) -> Floats:
    """The ratio of each output; NaN for an exception."""
    raised = [] if isinstance(outputs, np.ndarray) else [i for i, output in enumerate(outputs) if isinstance(output, Raised)]
    if raised:
        kept = np.setdiff1d(np.arange(len(outputs)), raised)
        scores = np.full(len(outputs), np.nan)
        scores[kept] = _scores(ratio, [outputs[i] for i in kept])
        return scores
    if not len(outputs):
        return np.empty(0)
    ratios = np.asarray(ratio(outputs), dtype=np.float64)
    if ratios.shape != (len(outputs),):
        raise InvalidInput(f"llr must give one number for each output, got shape {ratios.shape} for {len(outputs)}")
    return ratios

"""Attacks on a distribution, cheapest first: a loss test, a threshold on a released number, a rule learned from many numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput

__all__ = ["Attack", "loss_test"]

Floats = NDArray[np.float64]
Secrets = NDArray[np.int8]

_MOST_NUMBERS = 64  # of an output: with more, the combination would fit a few hundred training trials by heart
_RIDGE = 0.01  # of the number of trials, on scaled numbers: solvable where numbers repeat each other, else without weight
_LEAST_SPREAD = 1e-12  # a number that never moves is not divided by zero


@dataclass(frozen=True)
class Attack:
    """An attack that looks at one number.

    Attributes
    ----------
    statistic : callable
        From an output to a number.
    words : str
        What that is, for the report.
    threshold : float, optional
        Above it the second population is guessed. Without it threshold and direction are learned from the training part.
    """

    statistic: Callable[[Any], float]
    words: str = "a statistic of the output"
    threshold: float | None = None


def loss_test(loss: Callable[[Any, Any], float], first: object, second: object) -> Attack:
    """Guess the population on whose reference set the released model has the smaller loss. It needs no training.

    Parameters
    ----------
    loss : callable
        ``loss(model, reference)``, smaller for a better fit.
    first, second : object
        Reference sets, one drawn from each population.

    Returns
    -------
    Attack
    """
    return Attack(
        lambda model: loss(model, first) - loss(model, second), "loss on the first reference set minus loss on the second", 0.0
    )


@dataclass(frozen=True)
class Rule:
    """A fixed rule: weigh the numbers of an output, compare with a threshold.

    Attributes
    ----------
    words : str
        The rule for the report.
    weights, centre : float array, shape (d,)
        The number compared is the sum of weights times the numbers' distances to the centre; a missing number is at its centre.
    threshold : float
        Above it world 1 is guessed.
    missing : int
        The world guessed for an output without any number.
    """

    words: str
    weights: Floats
    centre: Floats
    threshold: float
    missing: int = 0

    def guess(self, row: Floats) -> int:
        """The world of one output."""
        if np.isnan(row).all():
            return self.missing
        padded = np.full(self.centre.size, np.nan)
        padded[: min(row.size, padded.size)] = row[: padded.size]
        return int(float(_projected(padded[None, :], self.weights, self.centre)[0]) > self.threshold)


def numbers(output: Any) -> Floats:
    """The first 64 numbers of an output, finite ones, NaN for others; None, text and ragged lists have none.

    Raises
    ------
    InvalidInput
        For an object of another kind: a function has to say what its numbers are.
    """
    try:
        values = np.asarray(output, dtype=np.float64).ravel()
    except ValueError:
        return np.full(1, np.nan)
    except (TypeError, RuntimeError):
        raise InvalidInput(
            f"the attack cannot read an output of type {type(output).__name__}: give attack=, a function from an output to a "
            "number"
        ) from None
    values = values[:_MOST_NUMBERS].copy()
    values[~np.isfinite(values)] = np.nan
    return values if values.size else np.full(1, np.nan)


def fix(rows: Sequence[Floats], secrets: Secrets, *, words: str) -> Rule:
    """Choose a rule from the training part: each number alone, their sum, or a ridge-regularised combination.

    Half of the part fits the candidates, the other half chooses among them, and the whole sets the threshold of the one chosen.

    Parameters
    ----------
    rows : sequence of float array
        The numbers of each output.
    secrets : int8 array of 0 and 1
        Its world.
    words : str
        What the numbers are.

    Returns
    -------
    Rule
    """
    table = np.full((len(rows), max(row.size for row in rows)), np.nan)
    for place, row in enumerate(rows):
        table[place, : row.size] = row
    lost = np.isnan(table).all(axis=1)
    missing = int(2 * np.count_nonzero(secrets[lost]) > np.count_nonzero(lost))
    kept, worlds = table[~lost], secrets[~lost]
    seen = ~np.isnan(kept)
    centre = np.where(seen, kept, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    half = worlds.size // 2
    best, best_right = np.zeros(centre.size), -1
    for weights in _candidates(kept[:half], worlds[:half], centre):
        cut, sign, _ = _cut(_projected(kept[:half], weights, centre), worlds[:half])
        guesses = sign * _projected(kept[half:], weights, centre) > sign * cut
        right = int(np.count_nonzero(guesses == (worlds[half:] == 1)))
        if right > best_right:
            best, best_right = weights, right
    cut, sign, _ = _cut(_projected(kept, best, centre), worlds)
    return Rule(f"{words}; threshold fixed on the training part", best * sign, centre, cut * sign, missing)


def _candidates(table: Floats, worlds: Secrets, centre: Floats) -> list[Floats]:
    size = centre.size
    alone = list(np.eye(size, dtype=np.float64))
    if size == 1 or not worlds.size:
        return alone
    filled = np.where(np.isnan(table), 0.0, table - centre)
    spread = np.maximum(filled.std(axis=0), _LEAST_SPREAD)
    scaled = filled / spread
    ridge = scaled.T @ scaled + worlds.size * _RIDGE * np.eye(size)
    combined = np.linalg.solve(ridge, scaled.T @ (2.0 * worlds - 1.0)) / spread
    return [*alone, np.ones(size), combined]


def _projected(table: Floats, weights: Floats, centre: Floats) -> Floats:
    return np.asarray(np.where(np.isnan(table), 0.0, table - centre) @ weights, dtype=np.float64)


def _cut(values: Floats, worlds: Secrets) -> tuple[float, int, int]:
    """The threshold and direction with most right guesses, and how many those are; between distinct values only."""
    order = np.argsort(values, kind="stable")
    ones = np.concatenate([[0], np.cumsum(worlds[order] == 1)])
    zeros = np.arange(values.size + 1) - ones
    above = zeros + ones[-1] - ones  # right guesses of "world 1 above": zeros below the cut and ones above it
    ends = np.concatenate([[-np.inf], values[order], [np.inf]])
    allowed = np.flatnonzero(ends[1:] > ends[:-1])
    sign = 1 if above[allowed].max() >= values.size - above[allowed].min() else -1
    place = int(allowed[np.argmax(sign * above[allowed])])
    low, high = float(ends[place]), float(ends[place + 1])
    right = int(above[place]) if sign == 1 else values.size - int(above[place])
    if np.isinf(low) or np.isinf(high):
        return (high - 1.0 if np.isinf(low) and not np.isinf(high) else low), sign, right
    return low + (high - low) / 2, sign, right

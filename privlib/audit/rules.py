"""Rules that guess the world from an output: fixed on the training part, then tested on trials they never saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri

from privlib.bounds import Bound, Kind

__all__ = ["ABSTAIN", "Aim", "Rule", "cautious", "hopeful", "merged"]

Floats = NDArray[np.float64]
Cells = NDArray[np.intp]
ABSTAIN = -1
"""Instead of a world, where no guess is made."""

_CAUTION, _CAUTION_OF_FEW = 0.5, 10.0
"""A prediction goes this many standard errors below what the training part shows, and more where few guesses show it, because
of many rules with few guesses one is always lucky."""


@dataclass(frozen=True)
class Rule:
    """A rule that was fixed on the training part.

    Parameters
    ----------
    place : callable
        From the outputs of some trials to the cell of each.
    guesses : tuple of int, shape (cells,)
        The world that is guessed in each cell, -1 to abstain. Cells go from the most like the first world to the most like
        the second.
    everywhere : tuple of int, shape (cells,)
        The world that is guessed where no abstention is allowed.
    cells : tuple of str, shape (cells,)
        The cells in words.
    words : str
        The rule as a sentence.
    predicted : float
        The bound that the training part promises.
    depths, shares : tuple
        Nested rules, as in `privlib.audit.judge.Counts`.
    """

    place: Callable[[Any], Cells]
    guesses: tuple[int, ...]
    everywhere: tuple[int, ...]
    cells: tuple[str, ...]
    words: str
    predicted: float
    depths: tuple[int, ...] = ()
    shares: tuple[float, ...] = (1.0,)

    def count(self, outputs: Any) -> NDArray[np.int64]:
        """How many outputs fall into each cell."""
        return np.bincount(self.place(outputs), minlength=len(self.guesses))


@dataclass(frozen=True)
class Aim:
    """What a rule is chosen for: the largest limit for a claim, predicted from counts of the training part.

    Parameters
    ----------
    claim : Bound
        The claim that is attacked.
    confidence : float
        Of the verdict.
    tested : int
        How many trials the rule will be tested on.
    """

    claim: Bound
    confidence: float
    tested: int

    @property
    def abstains(self) -> bool:
        """Whether the limit allows abstentions."""
        return self.claim.kind in (Kind.PURE, Kind.APPROX)

    def predict(self, chance: Floats, made: Floats, seen: int, *, worlds: int = 2) -> Floats:
        """What a rule will certify if it goes on like this.

        Parameters
        ----------
        chance : array
            The chance that a guess is right, for several rules: `cautious` or `hopeful`, or by a known law.
        made : array of the same shape
            Guesses made in the training part.
        seen : int
            Trials of the training part.
        worlds : int
            How many data sets there are.

        Returns
        -------
        float array
            Predictions: they choose a rule and decide nothing.
        """
        guesses = np.maximum(made, 1e-9) * self.tested / max(1, seen)
        wrong = betaincinv(guesses * (1 - chance) + 1, np.maximum(guesses * chance, 1e-9), self.confidence)
        wrong = np.clip(wrong, 1e-300, 1 - 1e-15)
        if self.claim.kind is Kind.APPROX:
            spare = float(self.claim.delta) * seen / np.maximum(made, 1e-9)
            limit = np.log(np.maximum(1 - wrong - spare, 1e-300)) - np.log(wrong)
        elif self.claim.kind is Kind.PURE:
            limit = np.log1p(-wrong) - np.log(wrong) + math.log(worlds - 1)
        else:
            limit = -2 * ndtri(wrong)
        return np.where(made > 0, np.maximum(limit, 0.0), 0.0)


def cautious(right: Floats, made: Floats) -> Floats:
    """The chance that a guess is right, a little below what the training part shows, and more where few guesses show it."""
    return _limit(right, made, -_CAUTION - _CAUTION_OF_FEW / np.sqrt(np.maximum(made, 1)))


def hopeful(right: Floats, made: Floats) -> Floats:
    """The chance that a guess is right, a little above what the training part shows."""
    return _limit(right, made, np.full(np.shape(made), _CAUTION))


def _limit(right: Floats, made: Floats, deviations: Floats) -> Floats:
    limit = betaincinv(np.maximum(right, 0.5), made - np.minimum(right, made) + 1, ndtr(deviations))
    return np.asarray(limit, dtype=np.float64)


def merged(scores: Floats, guesses: Sequence[int], masses: Floats, most: int) -> Cells:
    """Number cells by their score, and join neighbours that guess alike until at most about ``most`` are left."""
    order = np.argsort(scores, kind="stable")
    share = np.cumsum(masses[order]) / max(float(masses.sum()), 1.0)
    groups = np.minimum((share * most).astype(np.intp), most - 1) if order.size > most else np.arange(order.size)
    changes = np.diff(np.asarray(guesses)[order], prepend=np.asarray(guesses)[order][:1]) != 0
    number = np.cumsum((np.diff(groups, prepend=groups[:1]) != 0) | changes)
    found = np.empty(order.size, dtype=np.intp)
    found[order] = number
    return found

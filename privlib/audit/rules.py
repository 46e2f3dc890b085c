"""Rules that guess the world from an output: fixed on the training part, then tested on trials they never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from privlib.audit.bounds import guess_bound
from privlib.audit.features import FEATURES, Raised, encode
from privlib.errors import InvalidInput

__all__ = ["Learned", "LikelihoodRatio", "Ratio", "Rule", "Scores"]

Floats = NDArray[np.float64]
Guesses = NDArray[np.int8]
Outputs = Sequence[Any] | NDArray[Any]
Ratio = Callable[[Outputs], Floats]
"""The logarithm of the likelihood ratio of the second world over the first, for each output of a list or array."""

_ABSTAIN = -1
_MOST_SYMBOLS = 4096
_MOST_VALUES = 256
_EQUAL_BINS = 128
_CANDIDATES = 256


class Rule(Protocol):
    """A rule that was fixed on the training part."""

    @property
    def words(self) -> str:
        """The rule as a sentence."""
        ...

    def guess(self, scores: Floats) -> Guesses:
        """1, 0, or anything else to abstain, for each row of scores."""
        ...


class Scores(Protocol):
    """How to look at outputs, and how to fix a rule once the training part was seen."""

    def score(self, outputs: Outputs) -> Floats:
        """A row of numbers for each output."""
        ...

    def fix(self, scores: Floats, secrets: Guesses, *, tested: int, confidence: float, order: NDArray[np.intp]) -> Rule:
        """Choose the rule from the training part alone."""
        ...


@dataclass(frozen=True)
class _Threshold:
    tau: float
    symbols: dict[float, int]

    @property
    def words(self) -> str:
        return (
            "the exact log-likelihood ratio of the two worlds: guess the second where it is at least "
            f"{self.tau:.6g}, the first where it is at most {-self.tau:.6g}, else abstain"
        )

    def guess(self, scores: Floats) -> Guesses:
        ratio = scores[:, 0]
        guesses = np.full(ratio.size, _ABSTAIN, dtype=np.int8)
        guesses[ratio >= self.tau] = 1
        guesses[ratio <= -self.tau] = 0
        for symbol, world in self.symbols.items():
            guesses[scores[:, 1] == symbol] = world
        return guesses


@dataclass(frozen=True)
class LikelihoodRatio:
    """The best attack, for a mechanism whose law is known.

    An exception is a symbol outside the law; the training part says which world it speaks for.

    Attributes
    ----------
    ratio : callable
        From a list or array of outputs to their log-likelihood ratios, second world over first.
    """

    ratio: Ratio

    def score(self, outputs: Outputs) -> Floats:
        """The ratio of each output, and the symbol of each exception (0 where there is none)."""
        scores = np.zeros((len(outputs), 2))
        raised = [place for place, output in enumerate(outputs) if isinstance(output, Raised)]
        if raised:
            scores[raised, 0] = np.nan
            scores[raised, 1] = encode([outputs[place] for place in raised])[:, 0]
            kept = np.setdiff1d(np.arange(len(outputs)), raised)
            outputs = [outputs[place] for place in kept]
        else:
            kept = np.arange(len(outputs))
        ratios = np.asarray(self.ratio(outputs) if kept.size else [], dtype=np.float64)
        if ratios.shape != kept.shape:
            raise InvalidInput(f"llr must give one number for each output, got shape {ratios.shape} for {kept.size}")
        scores[kept, 0] = ratios
        return scores

    def fix(self, scores: Floats, secrets: Guesses, *, tested: int, confidence: float, order: NDArray[np.intp]) -> Rule:
        """Choose the threshold with the largest predicted bound."""
        ratio, symbol = scores[:, 0], scores[:, 1]
        sizes = np.abs(ratio[~np.isnan(ratio) & (ratio != 0)])
        candidates = _at_shares(sizes, np.linspace(0, 1, _CANDIDATES)) if sizes.size else sizes
        growth = tested / secrets.size
        best, best_bound = np.inf, -1.0
        for tau in candidates:
            made = np.abs(ratio) >= tau
            right = int(np.count_nonzero(made & ((ratio > 0) == (secrets == 1))))
            bound = guess_bound(right * growth, int(np.count_nonzero(made)) * growth, confidence)
            if bound > best_bound:
                best, best_bound = float(tau), bound
        speaks = {
            float(value): int(2 * np.count_nonzero(secrets[symbol == value]) > np.count_nonzero(symbol == value))
            for value in np.unique(symbol[symbol != 0])
        }
        return _Threshold(best, speaks)


@dataclass(frozen=True)
class _Binned:
    """For one feature, the world to guess in each bin; one bin more for values that are missing."""

    feature: int
    cuts: Floats
    worlds: Guesses

    @property
    def words(self) -> str:
        sides = [int(np.count_nonzero(self.worlds == world)) for world in (0, 1)]
        everywhere = "" if sum(sides) < self.worlds.size else ", in every bin"
        return (
            f"learned from the training part: look at {FEATURES[self.feature]}, sorted into {self.worlds.size} bins; guess "
            f"the second world in {sides[1]} of them and the first in {sides[0]}{everywhere}, else abstain"
        )

    def guess(self, scores: Floats) -> Guesses:
        return self.worlds[_bins(scores[:, self.feature], self.cuts, symbols=self.feature == 0)]


class Learned:
    """An attack that knows nothing of the law: bins over scalars of the output.

    Half of the training part orders the bins of each scalar by how surely their majority is right; the other half
    chooses how many of them to guess in, up to all, and which scalar to use. It is judged at a stricter confidence than
    the audit's, so that a few lucky guesses count less there.
    """

    def score(self, outputs: Outputs) -> Floats:
        """The features of each output."""
        return encode(outputs)

    def fix(self, scores: Floats, secrets: Guesses, *, tested: int, confidence: float, order: NDArray[np.intp]) -> Rule:
        """Choose the scalar and the bins."""
        half, stricter = order.size // 2, min(1 - (1 - confidence) ** 2, 1 - 1e-12)
        first, second = order[:half], order[half:]
        best, best_bound = _Binned(0, np.empty(0), np.full(2, _ABSTAIN, dtype=np.int8)), -1.0
        for feature in range(scores.shape[1]):
            values = scores[:, feature]
            cuts = _cuts(values, symbols=feature == 0)
            if cuts is None:
                continue
            bins, size = _bins(values, cuts, symbols=feature == 0), cuts.size + 2
            ordering = _count(bins[first], secrets[first], size)
            testing = _count(bins[second], secrets[second], size)
            worlds = np.argmax(ordering, axis=0).astype(np.int8)
            ranked = _most_reliable_first(ordering)
            right = np.cumsum(testing[worlds[ranked], ranked])
            made = np.cumsum(testing[:, ranked].sum(axis=0))
            for length in _worth_trying(right, made):
                bound = guess_bound(int(right[length]), int(made[length]), stricter)
                if bound > best_bound:
                    chosen = np.full(size, _ABSTAIN, dtype=np.int8)
                    chosen[ranked[: length + 1]] = worlds[ranked[: length + 1]]
                    best, best_bound = _Binned(feature, cuts, chosen), bound
        return best


def _cuts(values: Floats, *, symbols: bool) -> Floats | None:
    """Where the bins of a scalar end: one bin a value where they are few, else equal masses and geometric tails."""
    present = values[~np.isnan(values)]
    distinct = np.unique(present)
    if distinct.size <= (_MOST_SYMBOLS if symbols else _MOST_VALUES):
        return distinct
    if symbols:
        return None
    tails = np.exp2(-np.arange(8, max(9, int(np.log2(present.size)) - 2), dtype=np.float64))
    shares = np.concatenate([np.linspace(0, 1, _EQUAL_BINS + 1, dtype=np.float64), tails, 1 - tails])
    return _at_shares(present, shares)


def _at_shares(values: Floats, shares: Floats) -> Floats:
    """The values below which given shares of all values lie, each once; infinities are values like others."""
    return np.unique(np.sort(values)[np.round(shares * (values.size - 1)).astype(np.intp)])


def _bins(values: Floats, cuts: Floats, *, symbols: bool) -> NDArray[np.intp]:
    """The bin of each value; the last one is for what is missing, and for symbols that the training part did not show."""
    places = np.searchsorted(cuts, values, side="right")
    lost = np.isnan(values)
    if symbols and cuts.size:
        lost |= cuts[np.maximum(places - 1, 0)] != values
    return np.where(lost, cuts.size + 1, places)


def _count(bins: NDArray[np.intp], secrets: Guesses, size: int) -> NDArray[np.int64]:
    """Trials by world and bin, shape (2, size)."""
    return np.bincount(bins + size * secrets.astype(np.intp), minlength=2 * size).reshape(2, size)


def _most_reliable_first(counts: NDArray[np.int64]) -> NDArray[np.intp]:
    """Bins by a lower confidence limit of the chance that their majority is right."""
    right, every = counts.max(axis=0), counts.sum(axis=0)
    limit = np.where(every > 0, betaincinv(np.maximum(right, 1), every - right + 1, 0.1), 0.0)
    return np.argsort(-limit, kind="stable")


def _worth_trying(right: NDArray[np.int64], made: NDArray[np.int64]) -> NDArray[np.intp]:
    """Prefix lengths to try: all where they are few, else evenly spread, always with the whole."""
    guessed = np.flatnonzero(made > 0)
    if guessed.size <= _CANDIDATES:
        return guessed
    return guessed[np.unique(np.linspace(0, guessed.size - 1, _CANDIDATES).astype(np.intp))]

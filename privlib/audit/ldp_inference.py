"""What an adversary learns from one local report who knows how values are spread: the best guess, and how often it is right.

Two questions. Which attribute did RS+FD draw? What is the sender's value? Both answers are Bayes', so no attack on one
report does better. Attributes are taken as independent of each other, with the marginals that are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, lcm

import numpy as np
from numpy.typing import NDArray

from privlib.audit.ldp_rows import Decoded, shares_of, speaks_for
from privlib.bounds import Real, exact
from privlib.errors import InvalidInput
from privlib.ldp.oracles import Grr, Oracle, Subset, Unary
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.reports import Reports
from privlib.ldp.spec import Spec
from privlib.ldp.wire import symbols_of

__all__ = ["guess_sampled_attribute", "sampled_attribute_accuracy", "value_accuracy"]

Floats = NDArray[np.float64]
Marginals = Sequence[Sequence[Real]]
_MOST_ANSWERS = 1 << 17
_MOST_TABLE = 1 << 24
_MOST_POINTS = 1 << 12


@dataclass(frozen=True)
class _Answers:
    """What one attribute can report, with everything alike merged; arrays of one length.

    ``chance`` is that of a fake, or under a measure of which `high` and `low` are densities; ``share`` that of the supported
    values among people; ``inside`` and ``outside`` the most frequent value supported, and not; ``high`` and ``low`` what is
    given to a value that is supported, and to one that is not.
    """

    chance: Floats
    share: Floats
    inside: Floats
    outside: Floats
    high: Floats
    low: Floats

    @property
    def mean(self) -> Floats:
        """What the report gives to a person drawn at random."""
        return self.low + (self.high - self.low) * self.share


def sampled_attribute_accuracy(spec: Spec, marginals: Marginals | None = None) -> float:
    """How often the best guess at the attribute that RS+FD drew is right.

    Parameters
    ----------
    spec : Spec
        The plan, of RS+FD.
    marginals : sequence of sequences of rational, optional
        How frequent each value of each attribute is among people; all alike by default.

    Returns
    -------
    float
        Exact but for the rounding of floats. The largest weight is what a guess without the report reaches.

    Raises
    ------
    InvalidInput
        For another scheme, or marginals that are none, or too finely spelled to be enumerated.

    Examples
    --------
    >>> domain = {f"a{j}": range(10) for j in range(10)}
    >>> spec = Spec(domain, "rsfd-oue-z", level="record", odds=3, calibration="paper")
    >>> round(sampled_attribute_accuracy(spec), 4)
    0.2215
    """
    _hidden(spec)
    answers = [_answers(part, law, spec.scheme) for part, law in zip(spec.parts, _marginals(spec, marginals), strict=True)]
    scores = [float(part.weight) * each.mean for part, each in zip(spec.parts, answers, strict=True)]
    levels = np.unique(np.concatenate(scores))
    below = np.ones(levels.size)  # the chance that no attribute's score is above a level
    for score, each in zip(scores, answers, strict=True):
        below *= np.cumsum(_added(np.searchsorted(levels, score), each.chance, levels.size))
    return float(np.sum(levels * np.diff(below, prepend=0.0)))


def guess_sampled_attribute(reports: Reports, marginals: Marginals | None = None) -> NDArray[np.int64]:
    """Guess which attribute RS+FD drew, for each report: the best guess there is.

    Parameters
    ----------
    reports : Reports
        Of RS+FD.
    marginals : sequence of sequences of rational, optional
        As for `sampled_attribute_accuracy`.

    Returns
    -------
    int64 array, shape (n,)
        The attribute's place; the first of several that are equally likely.
    """
    spec = reports.spec
    _hidden(spec)
    seen, scores = Decoded(reports.layout, reports.rows), []
    for j, (part, law) in enumerate(zip(spec.parts, _marginals(spec, marginals), strict=True)):
        known = np.array([float(chance) for chance in law])
        share = seen.bits(j) @ known if isinstance(part.oracle, Unary) else known[seen.symbols(j)]
        high, low, _ = shares_of(part)
        scores.append(float(part.weight) * (float(low) + float(high - low) * share) / seen.fake(j))
    guessed: NDArray[np.int64] = np.stack(scores).argmax(axis=0).astype(np.int64)
    return guessed


def value_accuracy(spec: Spec, marginals: Marginals | None = None) -> tuple[tuple[float, float], ...]:
    """How often the best guess at the sender's value is right, without the report and with the whole of it.

    Parameters
    ----------
    spec : Spec
        The plan.
    marginals : sequence of sequences of rational, optional
        How frequent each value of each attribute is among people; all alike by default.

    Returns
    -------
    tuple of (float, float), shape (d,)
        For each attribute the accuracy before and after. After is at most this: exact where the attributes' reports have few
        combinations or values are alike, else rounded up by a little.

    Raises
    ------
    InvalidInput
        For marginals that are none, or too finely spelled to be enumerated.

    Examples
    --------
    >>> spec = Spec({"a": [0, 1], "b": [0, 1]}, "spl-grr", level="attribute", odds=3)
    >>> value_accuracy(spec, [["1/2", "1/2"], ["0.9", "0.1"]])
    ((0.5, 0.75), (0.9, 0.9))
    """
    laws = _marginals(spec, marginals)
    answers = [_answers(part, law, spec.scheme) for part, law in zip(spec.parts, laws, strict=True)]
    found = []
    for j, (part, law, own) in enumerate(zip(spec.parts, laws, answers, strict=True)):
        before, weight = float(max(law)), float(part.weight)
        if spec.scheme is Scheme.RSFD:
            others = [(float(p.weight), each) for i, (p, each) in enumerate(zip(spec.parts, answers, strict=True)) if i != j]
            after = _among_fakes(own, weight, others)
        else:
            alone = float(np.sum(own.chance * np.maximum(own.inside * own.high, own.outside * own.low)))
            after = weight * alone + (1 - weight) * before
        found.append((before, max(before, after)))
    return tuple(found)


def _among_fakes(own: _Answers, weight: float, others: Sequence[tuple[float, _Answers]]) -> float:
    """The accuracy where the report gives ``weight r + A`` to a value, A being what the other attributes say."""
    inside, outside = own.inside * own.high, own.outside * own.low
    # Where one value is the best guess whatever A is, only the mean of A counts, which is 1 - weight.
    clear = (own.inside >= own.outside) | (inside <= outside)
    guess = np.where(
        own.inside >= own.outside, weight * inside + own.inside * (1 - weight), weight * outside + own.outside * (1 - weight)
    )
    best = float(np.sum((own.chance * guess)[clear]))
    if clear.all():
        return best
    rest, chances = np.zeros(1), np.ones(1)
    for share, each in others:
        rest, chances = _spread(np.add.outer(rest, share * each.mean).ravel(), np.multiply.outer(chances, each.chance).ravel())
    for place in np.flatnonzero(~clear):
        guesses = np.maximum(
            weight * inside[place] + own.inside[place] * rest, weight * outside[place] + own.outside[place] * rest
        )
        best += float(own.chance[place] * np.sum(chances * guesses))
    return best


def _spread(points: Floats, chances: Floats) -> tuple[Floats, Floats]:
    """A law on fewer points with the same mean, each point being moved to its two neighbours: convex means only grow."""
    points, place = np.unique(points, return_inverse=True)
    chances = _added(place, chances, points.size)
    if points.size <= _MOST_POINTS:
        return points, chances
    kept = np.searchsorted(np.cumsum(chances), np.linspace(0, 1, _MOST_POINTS)[1:-1])
    grid = points[np.unique(np.concatenate([[0, points.size - 1], np.minimum(kept, points.size - 1)]))]
    right = np.clip(np.searchsorted(grid, points), 1, grid.size - 1)
    part = (points - grid[right - 1]) / (grid[right] - grid[right - 1])
    return grid, _added(right, chances * part, grid.size) + _added(right - 1, chances * (1 - part), grid.size)


def _added(places: NDArray[np.intp], chances: Floats, size: int) -> Floats:
    return np.bincount(places.ravel(), weights=chances, minlength=size).astype(np.float64)


def _hidden(spec: Spec) -> None:
    if spec.scheme is not Scheme.RSFD:
        raise InvalidInput("only RS+FD hides which attribute was drawn: smp tells it, and spl draws none")


def _marginals(spec: Spec, given: Marginals | None) -> list[tuple[Fraction, ...]]:
    if given is None:
        return [(Fraction(1, part.size),) * part.size for part in spec.parts]
    if len(given) != len(spec.parts) or any(len(law) != part.size for law, part in zip(given, spec.parts, strict=True)):
        raise InvalidInput("marginals must have a number for each value of each attribute")
    read = [tuple(exact(chance, name="a marginal") for chance in law) for law in given]
    if any(min(law) < 0 or sum(law) != 1 for law in read):
        raise InvalidInput("each marginal must be >= 0 and add up to exactly 1: give fractions as text, such as '1/3'")
    return read


def _answers(part: Part, law: Sequence[Fraction], scheme: Scheme) -> _Answers:
    oracle, fake = part.oracle, part.fake if scheme is Scheme.RSFD else None
    high, low, (least, most) = _densities(part, scheme)
    if symbols_of(oracle):
        known = np.array([float(chance) for chance in law])
        share, inside, outside = _symbols(oracle, known)
        chance = np.ones(share.size) if fake is None else np.array([float(each) for each in fake])
        return _Answers(chance, share, inside, outside, high / chance, low / chance)
    laws = (law, fake or law)
    below = lcm(*(each.denominator for listed in laws for each in listed))
    steps = [(int(f * below), int(g * below)) for f, g in zip(*laws, strict=True)]
    states = _sets(oracle, steps)
    share, faked, inside, outside = (np.array(column, dtype=np.float64) / below for column in zip(*states, strict=True))
    mean = np.ones(share.size) if fake is None else least + (most - least) * faked
    return _Answers(np.array(list(states.values())) * mean, share, inside, outside, high / mean, low / mean)


def _densities(part: Part, scheme: Scheme) -> tuple[float, float, tuple[float, float]]:
    """What a report gives to a supported value, and to another one, by the measure under which reports are counted."""
    if scheme is Scheme.RSFD or isinstance(part.oracle, Unary):
        high, low, (least, most) = shares_of(part)
        return float(high), float(low), (float(least), float(most))
    oracle = part.oracle
    alike = comb(oracle.size - 1, oracle.chosen - 1) if isinstance(oracle, Subset) else _supporting(oracle)
    return float(oracle.hit / alike), float(oracle.hit / alike / oracle.odds), (1.0, 1.0)


def _supporting(oracle: Oracle) -> int:
    """How many symbols support a value; as many for each."""
    symbols = symbols_of(oracle)
    if symbols * oracle.size > _MOST_TABLE:
        raise InvalidInput("the randomiser has too many reports to be enumerated: take another protocol")
    return int(np.count_nonzero(speaks_for(oracle, np.arange(symbols), 0)))


def _symbols(oracle: Oracle, known: Floats) -> tuple[Floats, Floats, Floats]:
    """Of each symbol: the share of the values it supports, and the most frequent one in and out of them."""
    if isinstance(oracle, Grr):
        return known, known, np.full(known.size, known.max())  # if that is the value reported, it is the best guess either way
    symbols = np.arange(symbols_of(oracle))
    table = np.stack([speaks_for(oracle, symbols, value) for value in range(oracle.size)], axis=1)
    return table @ known, np.where(table, known, 0).max(axis=1), np.where(table, 0, known).max(axis=1)


def _sets(oracle: Oracle, steps: Sequence[tuple[int, int]]) -> dict[tuple[int, int, int, int], float]:
    """All sets that can be reported, merged by what matters of them; each bit set by chance `miss`, or counted alike."""
    chosen = oracle.chosen if isinstance(oracle, Subset) else None
    set_, unset = (1.0, 1.0) if chosen is not None else (float(oracle.miss), float(1 - oracle.miss))
    states = {(0, 0, 0, 0, 0): 1.0}
    for known, faked in steps:
        grown = dict[tuple[int, int, int, int, int], float]()
        for (share, fake, inside, outside, ones), chance in states.items():
            for key, factor in (
                ((share + known, fake + faked, max(inside, known), outside, ones + (chosen is not None)), set_),
                ((share, fake, inside, max(outside, known), ones), unset),
            ):
                grown[key] = grown.get(key, 0.0) + chance * factor
        if len(grown) > _MOST_ANSWERS:
            raise InvalidInput("the marginals are too finely spelled to be enumerated: round them, to hundredths say")
        states = grown
    return {key[:4]: chance for key, chance in states.items() if chosen in (None, key[4])}

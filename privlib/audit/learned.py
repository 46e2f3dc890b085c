"""A rule learned from training outputs alone, for a mechanism whose law nobody has told.

One half of the training part cuts every scalar of the output into bins, pools them and orders the cells by how surely their
majority is right; the other half judges, then they change places. So the scalar, the pooling and how many cells to guess in
are chosen, up to all of them. The two worlds may be guessed by different scalars. Whatever is learned here is fixed before the
first tested trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.cells import Cuts, Method, cuts, pool, reliability, tally
from privlib.audit.evidence import Evidence, gather
from privlib.audit.features import Feature, Kind, Whole, bank, table
from privlib.audit.outputs import Look
from privlib.audit.rules import ABSTAIN, Aim, Rule, cautious, hopeful, merged

__all__ = ["learn"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_METHODS: tuple[Method, ...] = ("each bin", "rising", "falling", "one cut")
_SHARES = np.unique(np.concatenate([np.exp2(-np.arange(0, 15, 0.5)), np.linspace(0, 1, 41)[1:]]))
"""Shares of trials to guess in that are tried."""
_FITTED = 1 / 3
_CLEARLY = 4.0  # standard errors by which guesses must be surer than those left out
_OTHER = 2.0  # nested rules that guess in nearly the same trials are one rule
_ERROR_SHARES = ((1.0,), (0.75, 0.25), (0.625, 0.1875, 0.1875))
"""The parts of the error probability of one, two or three nested rules, the most promising first."""

_PEEK = 1 << 27  # bytes of outputs that are held at a time
_FEWEST_PEEKED = 200  # outputs from which features are chosen, whatever they weigh
_MOST_CELLS = 64  # of a rule that is reported: cells that guess alike are joined
_BY_SIZE: Method = "by size"
_FEW_VALUES = 3  # there is nothing to pool
_BEST = 3  # scalars for each world that are tried in pairs
_AS_GOOD = 0.02
_WORTH_TWO = 0.05
"""Of rules that promise about the same, the one with fewer words is taken."""

Draw = Callable[[int], list[Look]]


@dataclass(frozen=True, eq=False)
class _Cut:
    """A scalar with its bins pooled into cells, from some training counts."""

    feature: Feature
    bins: Cuts
    method: Method
    cell_of_bin: NDArray[np.intp]
    pooled: Ints
    """Trials by world and cell."""

    @property
    def leaning(self) -> Floats:
        """How much each cell speaks for the last of the worlds against the first."""
        if self.method == _BY_SIZE:  # the scalar says it itself, and better than the counts of many small cells
            return self.bins.values()
        if len(self.pooled) > 2:
            return np.asarray(np.argmax(self.pooled, axis=0), dtype=np.float64)
        totals = np.maximum(self.pooled.sum(axis=1, keepdims=True), 1)
        shares = (self.pooled + 0.5) / totals
        return np.asarray(np.log(shares[1] / shares[0]))

    @property
    def world(self) -> NDArray[np.intp]:
        """The world that each cell speaks for."""
        if self.method == _BY_SIZE:
            return (self.leaning > 0).astype(np.intp)
        return np.asarray(np.argmax(self.pooled, axis=0))

    def ordered(self, world: int | None = None) -> NDArray[np.intp]:
        """Cells from the surest on; of one world only, where it is given."""
        every = self.pooled.sum(axis=0)
        sure = np.abs(self.leaning) if self.method == _BY_SIZE else reliability(self.pooled.max(axis=0), every)
        order = np.argsort(-sure, kind="stable")
        order = order[every[order] > 0]
        return np.asarray(order if world is None else order[self.world[order] == world])


@dataclass(frozen=True, eq=False)
class _Choice:
    """A cut, the one world to guess or None for both, and what it promises.

    The first of the shares of trials to guess in promises most. The others, fewer or more guesses, may turn out better.
    """

    cut: _Cut
    only: int | None
    shares: tuple[float, ...]
    promised: float


def learn(draw: Draw, size: int, aim: Aim, *, worlds: int, seed: int, bits: bool = True) -> Rule:
    """Learn a rule.

    Parameters
    ----------
    draw : callable
        From a number of trials to the outputs of each world.
    size : int
        Trials of the training part.
    aim : Aim
        What the rule is for.
    worlds : int
        How many data sets there are.
    seed : int
        Fixes how the training part is halved.
    bits : bool
        Whether to look at how floats are stored.

    Returns
    -------
    Rule
    """
    features, tables = _read(draw, size, bits=bits)
    generator = np.random.default_rng(seed)
    halves = [generator.random(len(table)) < 0.5 for table in tables]
    fitted = [generator.random(len(table)) < _FITTED for table in tables]
    choices = list[_Choice]()
    for column, feature in enumerate(features):
        choices += _choices(feature, [table[:, column] for table in tables], _folds(halves, None), aim)
    if worlds == 2:
        for extra in gather(features, [table[chosen] for table, chosen in zip(tables, fitted, strict=True)]):
            features = (*features, extra)
            values = [extra.combine(table) for table in tables]
            tables = [np.column_stack([table, said]) for table, said in zip(tables, values, strict=True)]
            choices += _choices(extra, values, _folds(halves, fitted), aim)
    if not choices:
        return Rule(
            lambda outputs: np.zeros(len(outputs), dtype=np.intp), (ABSTAIN,), (0,), ("any output",), "nothing to learn from", 0.0
        )
    both = [choice for choice in choices if choice.only is None]
    most = max(choice.promised for choice in both)
    best = next(choice for choice in sorted(both, key=_simplicity) if choice.promised >= (1 - _AS_GOOD) * most)
    if worlds == 2 and aim.abstains:
        sides = [sorted((c for c in choices if c.only == world), key=lambda c: -c.promised)[:_BEST] for world in (0, 1)]
        pair = _best_pair(
            sides, features, [table[~half & ~used] for table, half, used in zip(tables, halves, fitted, strict=True)], aim
        )
        if pair is not None and pair[2] > (1 + _WORTH_TWO) * most:
            return _joined((*pair[:2], best), features, tables, pair[2])
    return _alone(best, [table[:, features.index(best.cut.feature)] for table in tables])


def _read(draw: Draw, size: int, *, bits: bool) -> tuple[tuple[Feature, ...], list[Floats]]:
    """Choose the features from the first outputs, and keep only their values of all."""
    looks = draw(min(size, _FEWEST_PEEKED))
    each = max(1.0, *(look.bytes / max(1, look.size) for look in looks))
    more = min(size, max(_FEWEST_PEEKED, int(_PEEK / each))) - sum(look.size for look in looks)
    seen = [looks] if more <= 0 else [looks, draw(more)]
    features = bank([Look.joined(parts) for parts in zip(*seen, strict=True)], bits=bits)
    tables = [[table(look, features) for look in parts] for parts in zip(*seen, strict=True)]
    done = sum(look.size for parts in seen for look in parts)
    while done < size:
        looks = draw(min(size - done, max(_FEWEST_PEEKED, int(_PEEK / each))))
        done += sum(look.size for look in looks)
        for kept, look in zip(tables, looks, strict=True):
            kept.append(table(look, features))
    return features, [np.concatenate(kept) for kept in tables]


_Fold = list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]
"""For each world, the trials to learn from and those to judge by."""


def _folds(halves: Sequence[NDArray[np.bool_]], used: Sequence[NDArray[np.bool_]] | None) -> tuple[_Fold, _Fold]:
    """Both ways to learn from one half and judge by the other, without trials that were used before."""
    free = [np.ones(half.size, dtype=np.bool_) for half in halves] if used is None else [~each for each in used]
    there = [(half & left, ~half & left) for half, left in zip(halves, free, strict=True)]
    return there, [(judging, learning) for learning, judging in there]


def _choices(feature: Feature, values: Sequence[Floats], folds: Sequence[_Fold], aim: Aim) -> list[_Choice]:
    """The ways to guess by one scalar, each with the share of trials that the judging halves like best."""
    bins = cuts(np.concatenate(values), symbolic=feature.symbolic, ordered=isinstance(feature, Evidence))
    if bins is None or bins.places.size == 0:
        return []
    places = [bins.bins(each) for each in values]
    counted = [
        [tally([place[masks[side]] for place, masks in zip(places, fold, strict=True)], bins.size) for side in (0, 1)]
        for fold in folds
    ]
    seen = sum(int(judging.sum()) for _, judging in counted)
    shares = _SHARES if aim.abstains else _SHARES[-1:]
    found = list[_Choice]()
    methods = _METHODS if len(values) == 2 and not feature.symbolic and bins.places.size > _FEW_VALUES else _METHODS[:1]
    for method in (*methods, _BY_SIZE) if isinstance(feature, Evidence) else methods:
        cuts_learned = [_cut(feature, bins, method, learning) for learning, _ in counted]
        for only in (None, 0, 1) if len(values) == 2 and aim.abstains else (None,):
            right, made = np.zeros(shares.size), np.zeros(shares.size)
            for cut, (_, judging) in zip(cuts_learned, counted, strict=True):
                judged, order = _pooled(judging, cut.cell_of_bin, cut.pooled.shape[1]), cut.ordered(only)
                if order.size:
                    last = _lengths(cut, order, shares) - 1
                    right += np.cumsum(judged[cut.world[order], order])[last]
                    made += np.cumsum(judged[:, order].sum(axis=0))[last]
            tried = _tried(right, made, shares * seen)
            right, made = right[tried], made[tried]
            promises = aim.predict(cautious(right, made), made, seen, worlds=len(values))
            hopes = aim.predict(hopeful(right, made), made, seen, worlds=len(values)) if tried.size > 1 else promises
            chosen = _worth_testing(promises, hopes, made)
            found.append(_Choice(cuts_learned[0], only, tuple(shares[tried[chosen]].tolist()), float(promises[chosen[0]])))
    return found


def _tried(right: Floats, made: Floats, asked: Floats) -> NDArray[np.intp]:
    """The shares worth trying: guesses surer than those left out, and of shares that mean the same cells the nearest.

    A share that lies between two numbers of cells would mean the other number when all of the training part is counted.
    """
    order = np.lexsort((np.abs(asked - made), made))
    nearest = order[np.unique(made[order], return_index=True)[1]]
    return np.asarray(nearest[_surer(right, made)[nearest]])


def _worth_testing(promises: Floats, hopes: Floats, made: Floats) -> list[int]:
    """The share that promises most, then those that make other guesses by far and may turn out better."""
    chosen = [int(np.argmax(promises))]
    for index in np.argsort(-hopes, kind="stable").tolist():
        if hopes[index] <= promises[chosen[0]] or len(chosen) == len(_ERROR_SHARES):
            break
        if all(max(made[index], made[other]) >= _OTHER * min(made[index], made[other]) for other in chosen):
            chosen.append(index)
    return chosen


def _surer(right: Floats, made: Floats) -> NDArray[np.bool_]:
    """Where the guesses are clearly surer than those left out, or none is: else to leave some out is to hope for luck."""
    left = made[-1] - made
    rate, rest = right / np.maximum(made, 1), (right[-1] - right) / np.maximum(left, 1)
    whole = right[-1] / max(made[-1], 1)
    error = np.sqrt(np.maximum(whole * (1 - whole), 1e-12) * (1 / np.maximum(made, 1) + 1 / np.maximum(left, 1)))
    return np.asarray((left == 0) | (rate - rest > _CLEARLY * error))


def _lengths(cut: _Cut, order: NDArray[np.intp], shares: Floats) -> NDArray[np.intp]:
    """How many of the ordered cells come nearest to each share of all trials; at least one."""
    reached = np.cumsum(cut.pooled[:, order].sum(axis=0)) / max(1, cut.pooled.sum())
    after = np.minimum(np.searchsorted(reached, shares), order.size - 1)
    before = np.maximum(after - 1, 0)
    return np.where(shares - reached[before] < reached[after] - shares, before, after) + 1


def _simplicity(choice: _Choice) -> tuple[bool, bool, int]:
    """Sorts rules that leave less to luck before others: numbers before names, a known order before a learned one, few cells."""
    return choice.cut.feature.symbolic, choice.cut.method != _BY_SIZE, int(choice.cut.cell_of_bin.max())


def _cut(feature: Feature, bins: Cuts, method: Method, counts: Ints) -> _Cut:
    cells = pool(counts, method)
    return _Cut(feature, bins, method, cells, _pooled(counts, cells, int(cells.max()) + 1))


def _pooled(counts: Ints, cells: NDArray[np.intp], size: int) -> Ints:
    return np.stack([np.bincount(cells, weights=row, minlength=size).astype(np.int64) for row in counts])


def _guessed(choice: _Choice) -> NDArray[np.intp]:
    """The world that a choice guesses in each of its cells, -1 to abstain."""
    return _nested(choice, choice.shares[:1])[0]


def _nested(choice: _Choice, shares: Sequence[float]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The world that is guessed in each cell, and the first of the rules, which guess in growing shares, that guesses there."""
    order, size = choice.cut.ordered(choice.only), choice.cut.pooled.shape[1]
    guesses, depths = np.full(size, ABSTAIN, dtype=np.intp), np.zeros(size, dtype=np.intp)
    if order.size:
        for rule, length in reversed(list(enumerate(_lengths(choice.cut, order, np.array(shares))))):
            named = order[:length]
            guesses[named], depths[named] = choice.cut.world[named], rule
    return guesses, depths


def _relearned(choice: _Choice, values: Sequence[Floats]) -> _Choice:
    """The same choice from the whole training part."""
    cut = choice.cut
    counts = tally([cut.bins.bins(each) for each in values], cut.bins.size)
    return _Choice(_cut(cut.feature, cut.bins, cut.method, counts), choice.only, choice.shares, choice.promised)


def _alone(choice: _Choice, values: Sequence[Floats]) -> Rule:
    """The rule that guesses by one scalar."""
    known = _relearned(choice, values)
    spent = sorted(zip(choice.shares, _ERROR_SHARES[len(choice.shares) - 1], strict=True))
    cut, (guesses, depths) = known.cut, _nested(known, [share for share, _ in spent])
    cell = merged(cut.leaning, (guesses * len(spent) + depths).tolist(), cut.pooled.sum(axis=0), _MOST_CELLS)
    number = cell[cut.cell_of_bin]
    named = [int(guesses[cell == each][0]) for each in range(cell.max() + 1)]
    sums = _pooled(cut.pooled, cell, len(named))
    return Rule(
        place=lambda outputs: number[cut.bins.bins(cut.feature.of(Look(outputs)))],
        guesses=tuple(named),
        everywhere=tuple(
            guess if guess >= 0 else int(world) for guess, world in zip(named, np.argmax(sums, axis=0), strict=True)
        ),
        cells=tuple(_cell_words(cut, number, each) for each in range(len(named))),
        words=_words(cut, named, sums, len(values)),
        predicted=choice.promised,
        depths=tuple(int(depths[cell == each][0]) for each in range(len(named))),
        shares=tuple(error for _, error in spent),
    )


def _best_pair(
    sides: Sequence[Sequence[_Choice]], features: Sequence[Feature], judging: Sequence[Floats], aim: Aim
) -> tuple[_Choice, _Choice, float] | None:
    """The best two scalars, one for each world, as the second half judges them."""
    named = [
        [_by_value(choice, [table[:, features.index(choice.cut.feature)] for table in judging]) for choice in side]
        for side in sides
    ]
    best: tuple[_Choice, _Choice, float] | None = None
    for zero, says_zero in zip(sides[0], named[0], strict=True):
        for one, says_one in zip(sides[1], named[1], strict=True):
            if zero.cut.feature is one.cut.feature and zero.cut.method == one.cut.method:
                continue
            right = made = 0
            for world in (0, 1):
                zeros, ones = says_zero[world] == 0, says_one[world] == 1
                spoken = zeros ^ ones
                made += int(np.count_nonzero(spoken))
                right += int(np.count_nonzero(spoken & (ones if world else zeros)))
            promised = float(
                aim.predict(
                    cautious(np.array(float(right)), np.array(float(made))), np.array(float(made)), sum(map(len, judging))
                )
            )
            if best is None or promised > best[2]:
                best = zero, one, promised
    return best


def _by_value(choice: _Choice, values: Sequence[Floats]) -> list[NDArray[np.intp]]:
    guesses = _guessed(choice)
    return [guesses[choice.cut.cell_of_bin[choice.cut.bins.bins(each)]] for each in values]


def _joined(
    choices: tuple[_Choice, _Choice, _Choice], features: Sequence[Feature], tables: Sequence[Floats], promised: float
) -> Rule:
    """The rule that guesses the first world by one scalar and the second by another, and abstains where both or none speak.

    A third scalar says which world is likelier there.
    """
    zero, one, third = (_relearned(c, [table[:, features.index(c.cut.feature)] for table in tables]) for c in choices)
    says_zero, says_one = _guessed(zero), _guessed(one)

    def place(outputs: Any) -> NDArray[np.intp]:
        look = Look(outputs)
        zeros = says_zero[zero.cut.cell_of_bin[zero.cut.bins.bins(zero.cut.feature.of(look))]] == 0
        ones = says_one[one.cut.cell_of_bin[one.cut.bins.bins(one.cut.feature.of(look))]] == 1
        leans = third.cut.world[third.cut.cell_of_bin[third.cut.bins.bins(third.cut.feature.of(look))]]
        return np.where(zeros & ~ones, 0, np.where(ones & ~zeros, 3, 1 + leans))

    return Rule(
        place=place,
        guesses=(0, ABSTAIN, ABSTAIN, 1),
        everywhere=(0, 0, 1, 1),
        cells=(
            f"{zero.cut.feature.words} speaks for the first",
            f"neither or both speak, and {third.cut.feature.words} leans to the first",
            f"neither or both speak, and {third.cut.feature.words} leans to the second",
            f"{one.cut.feature.words} speaks for the second",
        ),
        words=(
            f"learned from the training part: {zero.cut.feature.words} speaks for the first world, {one.cut.feature.words} "
            "for the second; guess where exactly one of them speaks, else abstain"
        ),
        predicted=promised,
    )


def _cell_words(cut: _Cut, number: NDArray[np.intp], cell: int) -> str:
    bins = np.flatnonzero(number == cell)
    if isinstance(cut.feature, (Whole, Kind)):
        return cut.feature.spell(cut.bins.symbols(bins))
    if bins.size != bins[-1] - bins[0] + 1:
        return f"{bins.size} of {number.size} bins of {cut.feature.words}"
    return f"{cut.feature.words} {cut.bins.words(int(bins[0]), int(bins[-1]))}"


def _words(cut: _Cut, guesses: Sequence[int], counts: Ints, worlds: int) -> str:
    silent = any(guess < 0 and counts[:, cell].any() for cell, guess in enumerate(guesses))
    abstains = "guess where training was sure, else abstain" if silent else "guess in every cell"
    among = "the world" if worlds == 2 else f"one of {worlds} worlds"
    return f"learned from the training part: look at {cut.feature.words}, sort it into cells, and guess {among}; {abstains}"

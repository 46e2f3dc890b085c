"""Controls: mechanisms whose claims are true. An auditor that flags one is wrong, or unlucky.

Each comes with a pair that is as bad for it as theory knows, and with the exact log-likelihood ratio of that pair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, logsumexp

from privlib.audit.likelihood import Ratio
from privlib.audit.pairs import Pair
from privlib.audit.zoo import reference
from privlib.audit.zoo.entry import Entry
from privlib.bounds import Bound, Neighbours

__all__ = ["CONTROLS", "TIGHT"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Outputs = Sequence[Any] | NDArray[Any]

_E = Fraction("2.718")  # rational odds, so that laws and claims are exact; epsilon is 0.9999
_PUBLISHED = {d: d * (_E - 1) + 1 for d in (2, 5)}  # the odds on the sampled attribute in the published calibration
_STEPS = 100  # threshold noise beyond so many scales has probability below exp(-100)


# --- exact log-likelihood ratios, second world over first ---


def response_ratio(first: int, second: int, *, truth: float) -> Ratio:
    """Randomised response: ``truth`` is the logarithm of the odds of the true value against another one."""
    return lambda outputs: truth * (np.equal(outputs, second).astype(float) - np.equal(outputs, first))


def distance_ratio(first: Ints, second: Ints, *, scale: Fraction) -> Ratio:
    """Integers with discrete Laplace noise, clamped beyond all of them or not: how much nearer the second are, over the scale."""
    moved = np.flatnonzero(first != second)

    def ratio(outputs: Outputs) -> Floats:
        noisy = np.asarray(outputs).reshape(len(outputs), first.size)[:, moved].astype(np.int64)
        nearer = np.abs(noisy - first[moved]).sum(axis=1) - np.abs(noisy - second[moved]).sum(axis=1)
        return np.asarray(nearer / float(scale), dtype=np.float64)

    return ratio


def gaussian_ratio(first: int, second: int, *, sigma2: Fraction) -> Ratio:
    """A whole number with rounded Gaussian noise."""
    sigma = math.sqrt(sigma2)

    def log_cell(k: Ints) -> Floats:
        """Log P(noise = k), left of 0, where the normal law's logarithm is exact."""
        left = -np.abs(k)
        to, begin = log_ndtr((left + 0.5) / sigma), log_ndtr((left - 0.5) / sigma)
        return to + np.log(-np.expm1(begin - to))

    def ratio(outputs: Outputs) -> Floats:
        noisy = np.asarray(outputs, dtype=np.int64)
        return log_cell(noisy - second) - log_cell(noisy - first)

    return ratio


def sparse_vector_ratio(
    first: Sequence[int], second: Sequence[int], *, epsilon: Fraction, count: int = 1, threshold: int = 0, redraw: bool = False
) -> Ratio:
    """Sparse vector: given the threshold's noise the answers are independent; each pattern is summed once over that noise."""

    def ratio(outputs: Outputs) -> Floats:
        seen = np.asarray(outputs, dtype=np.int64).reshape(len(outputs), len(first))
        codes = (seen + 1) @ 3 ** np.arange(len(first))  # a pattern as one integer, to find the distinct ones
        _, where, back = np.unique(codes, return_index=True, return_inverse=True)
        patterns = seen[where]
        logs = [
            _log_patterns(patterns, answers, epsilon=epsilon, count=count, threshold=threshold, redraw=redraw)
            for answers in (first, second)
        ]
        return (logs[1] - logs[0])[back]

    return ratio


def _log_patterns(
    patterns: Ints, answers: Sequence[int], *, epsilon: Fraction, count: int, threshold: int, redraw: bool
) -> Floats:
    bar_scale, scale = float(2 * (count if redraw else 1) / epsilon), float(4 * count / epsilon)
    shift = np.arange(-int(_STEPS * bar_scale), int(_STEPS * bar_scale) + 1)
    to_reach = threshold + shift - np.asarray(answers, dtype=np.int64)[:, None]  # what an answer's noise must reach
    below, above = _log_below(to_reach, scale), _log_below(1 - to_reach, scale)
    passed = np.cumsum(patterns == 1, axis=1) - (patterns == 1)  # answers above before each
    rounds = passed if redraw else np.zeros_like(passed)
    total = np.zeros(len(patterns))
    for each in range(count if redraw else 1):
        here = rounds == each
        given = (here & (patterns == 0)).astype(float) @ below + (here & (patterns == 1)).astype(float) @ above
        total += logsumexp(given + _log_mass(shift, bar_scale), axis=1)
    return total


def _log_mass(x: Ints, scale: float) -> Floats:
    """Log P(noise = x)."""
    return np.asarray(-np.abs(x) / scale + math.log(math.tanh(1 / (2 * scale))), dtype=np.float64)


def _log_below(x: Ints, scale: float) -> Floats:
    """Log P(noise < x), to full precision in both tails; noise is symmetric, so P(noise >= x) is P(noise < 1 - x)."""
    tail = -(np.abs(x - 0.5) + 0.5) / scale - math.log1p(math.exp(-1 / scale))  # log P(noise >= max(x, 1 - x))
    return np.asarray(np.where(x <= 0, tail, np.log1p(-np.exp(tail))), dtype=np.float64)


def fakes_ratio(first: Sequence[int], second: Sequence[int], *, sizes: Sequence[int], odds: Fraction) -> Ratio:
    """RS+FD[GRR]: a report is as likely as its attributes are on average, each as the one that was sampled."""
    weight, shares = float(odds), np.array([float(k / (odds + k - 1)) for k in sizes])

    def log_mixture(reports: NDArray[Any], record: Sequence[int]) -> Floats:
        return np.asarray(np.log(np.where(reports == np.asarray(record), weight, 1.0) @ shares), dtype=np.float64)

    def ratio(outputs: Outputs) -> Floats:
        reports = np.asarray(outputs).reshape(len(outputs), len(sizes))
        return log_mixture(reports, second) - log_mixture(reports, first)

    return ratio


def noisy_max_ratio(first: Sequence[int], second: Sequence[int], *, epsilon: Fraction) -> Ratio:
    """Report noisy max: one sum over the winner's noise for each answer."""

    def ratio(outputs: Outputs) -> Floats:
        table = _log_winners(second, epsilon) - _log_winners(first, epsilon)
        return table[np.asarray(outputs, dtype=np.int64)]

    return ratio


def _log_winners(answers: Sequence[int], epsilon: Fraction) -> Floats:
    scale, reached = float(2 / epsilon), np.asarray(answers, dtype=np.int64)
    far = int(_STEPS * scale) + int(np.abs(reached).max())
    highest = np.arange(-far, far + 1)
    losing = _log_below(highest - reached[:, None], scale)  # strictly below, as answers before the winner are
    tying = _log_below(highest - reached[:, None] + 1, scale)
    logs = [
        losing[:winner].sum(axis=0) + tying[winner + 1 :].sum(axis=0) + _log_mass(highest - answer, scale)
        for winner, answer in enumerate(answers)
    ]
    return np.asarray(logsumexp(np.array(logs), axis=1), dtype=np.float64)


# --- the entries ---


def _values(values: int) -> Pair:
    return Pair(0, 1, Neighbours.RECORD, f"one of {values} values, or another one", others=tuple(range(2, values)))


def _response(name: str, mechanism: Any, values: int, what: str) -> Entry:
    return Entry(
        name=name,
        row=None,
        what=what,
        claim=Bound.pure(odds=_E, neighbours="record"),
        true_epsilon="log(2.718)",
        mechanism=partial(mechanism, values=values, odds=_E),
        batch=True,
        pairs=(_values(values),),
        trials=0,
        llr=response_ratio(0, 1, truth=math.log(_E)),
        how="none",
        theorem="zoo.t1",
    )


def _swapped() -> Entry:
    odds = (_E + 8) / 9
    return Entry(
        name="grr-swapped",
        row=12,
        what="Randomised response with its two probabilities exchanged, k = 10: private, and of no use to anybody.",
        claim=Bound.pure(1, neighbours="record"),
        true_epsilon="log(5359/4500)",
        mechanism=partial(reference.swapped_response, values=10, odds=_E),
        batch=True,
        pairs=(_values(10),),
        trials=0,
        llr=response_ratio(0, 1, truth=-math.log(odds)),
        how="none",
        theorem="zoo.t1",
    )


def _count(name: str, epsilon: str, what: str, **clamp: int) -> Entry:
    scale = 1 / Fraction(epsilon)
    mechanism = reference.clamped_count if clamp else reference.noisy_count
    return Entry(
        name=name,
        row=None,
        what=what,
        claim=Bound.pure(epsilon, neighbours="add_remove"),
        true_epsilon=epsilon,
        mechanism=partial(mechanism, scale=scale, **clamp),
        batch=True,
        pairs=(Pair(0, 1, Neighbours.ADD_REMOVE, "a count of nobody, and of one person"),),
        trials=0,
        llr=distance_ratio(np.array([0]), np.array([1]), scale=scale),
        how="none",
        theorem="zoo.t2",
    )


def _gaussian(name: str, sigma2: int, what: str) -> Entry:
    return Entry(
        name=name,
        row=None,
        what=what,
        claim=Bound.gdp(Fraction(1, sigma2), neighbours="add_remove"),
        true_epsilon="inf, as of every Gaussian; the claim is about mu",
        mechanism=partial(reference.gaussian_count, sigma2=sigma2),
        batch=True,
        pairs=(Pair(0, 1, Neighbours.ADD_REMOVE, "a count of nobody, and of one person"),),
        trials=0,
        llr=gaussian_ratio(0, 1, sigma2=Fraction(sigma2)),
        how="none",
        theorem="zoo.t2",
    )


def _sparse_vector(name: str, belows: int, count: int, what: str, *, redraw: bool = False) -> Entry:
    second = ((1,) * belows + (-1,)) * count if redraw else (1,) * belows + (-1,) * count  # each threshold is tried anew
    first = (0,) * len(second)
    words = f"{belows} answers of 0, or of 1, before {'each' if redraw else 'all'} of {count} of 0, or of -1"
    return Entry(
        name=name,
        row=None,
        what=what,
        claim=Bound.pure(1, neighbours="replace"),
        true_epsilon="1 in the limit of long prefixes",
        mechanism=partial(reference.sparse_vector, epsilon=1, count=count, redraw=redraw),
        batch=True,
        pairs=(Pair(first, second, Neighbours.REPLACE, words),),
        trials=0,
        llr=sparse_vector_ratio(first, second, epsilon=Fraction(1), count=count, redraw=redraw),
        how="none",
        theorem="zoo.t4",
    )


def _noisy_max(answers: int, what: str) -> Entry:
    rest = answers - 1
    textbook = Pair((1, *(0,) * rest), (0, *(1,) * rest), Neighbours.REPLACE, "the first answer leads by one, or all others do")
    behind = Pair((-4, *(0,) * rest), (-5, *(1,) * rest), Neighbours.REPLACE, "the first answer is behind by four, or by six")
    return Entry(
        name=f"noisy-max-{answers}",
        row=None,
        what=what,
        claim=Bound.pure(1, neighbours="replace"),
        true_epsilon="1 in the limit of a winner far behind",
        mechanism=partial(reference.noisy_max, epsilon=1),
        batch=True,
        pairs=(textbook, behind),
        trials=0,
        llr=noisy_max_ratio(textbook.first, textbook.second, epsilon=Fraction(1)),  # type: ignore[arg-type]
        how="none",
        theorem="zoo.t6",
    )


def _fakes(name: str, attributes: int, odds: Fraction, true_epsilon: str, what: str) -> Entry:
    first, second, sizes = (0,) * attributes, (1,) * attributes, (4,) * attributes
    one = Pair(first, (1, *first[1:]), Neighbours.RECORD, "records that differ in one attribute")
    return Entry(
        name=name,
        row=None,
        what=what,
        claim=Bound.pure(odds=odds, neighbours="record"),
        true_epsilon=true_epsilon,
        mechanism=partial(reference.sampled_with_fakes, sizes=sizes, odds=odds),
        batch=True,
        pairs=(Pair(first, second, Neighbours.RECORD, "records that differ in every attribute"), one),
        trials=0,
        llr=fakes_ratio(first, second, sizes=sizes, odds=odds),
        how="none",
        theorem="zoo.t5",
    )


def _tree(steps: int) -> Entry:
    quiet, levels = (0,) * steps, steps.bit_length()
    event = (1, *quiet[1:])
    sums = reference.tree_sums(quiet), reference.tree_sums(event)
    return Entry(
        name=f"tree-{steps}",
        row=None,
        what=f"A binary tree over {steps} steps whose noise pays for all {levels} levels.",
        claim=Bound.pure(1, neighbours="event"),
        true_epsilon="1",
        mechanism=partial(reference.binary_tree, epsilon=1),
        batch=True,
        pairs=(Pair(quiet, event, Neighbours.EVENT, f"{steps} steps without an event, or with one at the first step"),),
        trials=0,
        llr=distance_ratio(*sums, scale=Fraction(levels)),
        how="none",
        theorem="zoo.t3",
    )


CONTROLS: tuple[Entry, ...] = (
    *(
        _response(f"grr-{k}", reference.randomised_response, k, f"Randomised response over {k} values, odds 2.718.")
        for k in (2, 3, 100)
    ),
    _response("mixed-10", reference.mixed_response, 10, "The truth, or else one of all 10 values, calibrated for that."),
    _swapped(),
    *(_count(f"laplace-{e}", e, f"A count with discrete Laplace noise, epsilon = {e}.") for e in ("0.5", "1", "4")),
    _count("clamped-laplace", "1", "A noisy count clamped to 0 ... 20: clamping cannot hurt.", low=0, high=20),
    _gaussian("rounded-gaussian", 1, "A count with rounded Gaussian noise, mu = 1; the discrete Gaussian would not be GDP."),
    _gaussian("rounded-gaussian-wide", 16, "A count with rounded Gaussian noise, mu = 1/4."),
    _sparse_vector("svt-1", 10, 1, "Sparse vector with scales 2 / epsilon and 4 c / epsilon, one answer above."),
    _sparse_vector("svt-1-three", 20, 3, "Sparse vector with scales 2 / epsilon and 4 c / epsilon, three answers above."),
    _sparse_vector("svt-2", 6, 2, "Sparse vector that draws its threshold afresh, scale 2 c / epsilon.", redraw=True),
    _noisy_max(2, "Which of 2 answers is the largest, with noise of scale 2 / epsilon."),
    _noisy_max(10, "Which of 10 answers is the largest, with noise of scale 2 / epsilon."),
    _fakes("rsfd-2", 2, _E, "log(2.718)", "RS+FD[GRR] for 2 attributes of 4 values with no amplification: record level."),
    _fakes("rsfd-5", 5, _E, "log(2.718)", "RS+FD[GRR] for 5 attributes of 4 values with no amplification: record level."),
    _fakes("rsfd-2-published", 2, _PUBLISHED[2], "log(4.436)", "RS+FD[GRR] as published, 2 attributes, with its true claim."),
    _fakes("rsfd-5-published", 5, _PUBLISHED[5], "log(9.59)", "RS+FD[GRR] as published, 5 attributes, with its true claim."),
    _tree(16),
    _tree(1024),
)
"""Not one may be flagged. Row 12 is among them: it keeps its claim, and no information."""

TIGHT: tuple[str, ...] = (
    "grr-2",
    "grr-3",
    "grr-100",
    "laplace-0.5",
    "laplace-1",
    "laplace-4",
    "mixed-10",
    "svt-1",
    "clamped-laplace",
    "rounded-gaussian",
)
"""Controls whose best attack reaches the claim: no auditor may certify more of them than its error allows.

All reach it exactly but ``svt-1``, which reaches 0.9987 of it here and the whole in the limit.
"""

"""Controls: mechanisms whose claims are true. An auditor that flags one is wrong, or unlucky.

Each comes with a pair that is as bad for it as theory knows, and with the exact log-likelihood ratio of that pair.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

from privlib.audit.likelihood import Ratio
from privlib.audit.pairs import Pair
from privlib.audit.ratios import (
    fakes_ratio,
    gaussian_ratio,
    laplace_ratio,
    noisy_max_ratio,
    response_ratio,
    sparse_vector_ratio,
)
from privlib.audit.zoo import reference
from privlib.audit.zoo.entry import Entry
from privlib.bounds import Bound, Neighbours

__all__ = ["CONTROLS", "TIGHT"]

_E = Fraction("2.718")  # rational odds, so that laws and claims are exact; epsilon is 0.9999
_PUBLISHED = {d: d * (_E - 1) + 1 for d in (2, 5)}  # the odds on the sampled attribute in the published calibration


def _control(
    name: str,
    what: str,
    *,
    truth: str,
    claim: Bound,
    mechanism: Callable[..., Any],
    tried: tuple[Pair, ...],
    llr: Ratio,
    theorem: str,
    row: int | None = None,
) -> Entry:
    """A mechanism that gives a batch and keeps its claim."""
    return Entry(
        name=name,
        row=row,
        what=what,
        claim=claim,
        true_epsilon=truth,
        mechanism=mechanism,
        batch=True,
        pairs=tried,
        trials=0,
        llr=llr,
        how="sound",
        theorem=theorem,
    )


def _values(values: int) -> Pair:
    return Pair(0, 1, Neighbours.RECORD, f"one of {values} values, or another one", others=tuple(range(2, values)))


_COUNTED = (Pair(0, 1, Neighbours.ADD_REMOVE, "a count of nobody, and of one person"),)


def _response(name: str, mechanism: Any, values: int, what: str) -> Entry:
    return _control(
        name,
        what,
        truth="log(2.718)",
        claim=Bound.pure(odds=_E, neighbours="record"),
        mechanism=partial(mechanism, values=values, odds=_E),
        tried=(_values(values),),
        llr=response_ratio(0, 1, truth=math.log(_E)),
        theorem="zoo.t1",
    )


def _swapped() -> Entry:
    return _control(
        "grr-swapped",
        "Randomised response with its two probabilities exchanged, k = 10: private, and of no use to anybody.",
        row=12,
        truth="log(5359/4500)",
        claim=Bound.pure(1, neighbours="record"),
        mechanism=partial(reference.swapped_response, values=10, odds=_E),
        tried=(_values(10),),
        llr=response_ratio(0, 1, truth=-math.log((_E + 8) / 9)),
        theorem="zoo.t1",
    )


def _count(name: str, epsilon: str, what: str, **clamp: int) -> Entry:
    scale = 1 / Fraction(epsilon)
    mechanism = reference.clamped_count if clamp else reference.noisy_count
    return _control(
        name,
        what,
        truth=epsilon,
        claim=Bound.pure(epsilon, neighbours="add_remove"),
        mechanism=partial(mechanism, scale=scale, **clamp),
        tried=_COUNTED,
        llr=laplace_ratio(0, 1, scale=scale),
        theorem="zoo.t2",
    )


def _gaussian(name: str, sigma2: int, what: str) -> Entry:
    return _control(
        name,
        what,
        truth="inf, as of every Gaussian; the claim is about mu",
        claim=Bound.gdp(Fraction(1, sigma2), neighbours="add_remove"),
        mechanism=partial(reference.gaussian_count, sigma2=sigma2),
        tried=_COUNTED,
        llr=gaussian_ratio(0, 1, sigma2=Fraction(sigma2)),
        theorem="zoo.t2",
    )


def _sparse_vector(name: str, belows: int, count: int, what: str, *, redraw: bool = False) -> Entry:
    second = ((1,) * belows + (-1,)) * count if redraw else (1,) * belows + (-1,) * count  # each threshold is tried anew
    first = (0,) * len(second)
    words = f"{belows} answers of 0, or of 1, before {'each' if redraw else 'all'} of {count} of 0, or of -1"
    return _control(
        name,
        what,
        truth="1 in the limit of long prefixes",
        claim=Bound.pure(1, neighbours="replace"),
        mechanism=partial(reference.sparse_vector, epsilon=1, count=count, redraw=redraw),
        tried=(Pair(first, second, Neighbours.REPLACE, words),),
        llr=sparse_vector_ratio(first, second, epsilon=Fraction(1), count=count, redraw=redraw),
        theorem="zoo.t4",
    )


def _noisy_max(answers: int, what: str) -> Entry:
    rest = answers - 1
    leads, follows = (1, *(0,) * rest), (0, *(1,) * rest)
    textbook = Pair(leads, follows, Neighbours.REPLACE, "the first answer leads by one, or all others do")
    behind = Pair((-4, *(0,) * rest), (-5, *(1,) * rest), Neighbours.REPLACE, "the first answer is behind by four, or by six")
    return _control(
        f"noisy-max-{answers}",
        what,
        truth="1 in the limit of a winner far behind",
        claim=Bound.pure(1, neighbours="replace"),
        mechanism=partial(reference.noisy_max, epsilon=1),
        tried=(textbook, behind),
        llr=noisy_max_ratio(leads, follows, epsilon=Fraction(1)),
        theorem="zoo.t6",
    )


def _fakes(name: str, attributes: int, odds: Fraction, truth: str, what: str) -> Entry:
    first, second, sizes = (0,) * attributes, (1,) * attributes, (4,) * attributes
    one = Pair(first, (1, *first[1:]), Neighbours.RECORD, "records that differ in one attribute")
    return _control(
        name,
        what,
        truth=truth,
        claim=Bound.pure(odds=odds, neighbours="record"),
        mechanism=partial(reference.sampled_with_fakes, sizes=sizes, odds=odds),
        tried=(Pair(first, second, Neighbours.RECORD, "records that differ in every attribute"), one),
        llr=fakes_ratio(first, second, sizes=sizes, odds=odds),
        theorem="zoo.t5",
    )


def _tree(steps: int) -> Entry:
    quiet, levels = (0,) * steps, steps.bit_length()
    event = (1, *quiet[1:])
    return _control(
        f"tree-{steps}",
        f"A binary tree over {steps} steps whose noise pays for all {levels} levels.",
        truth="1",
        claim=Bound.pure(1, neighbours="event"),
        mechanism=partial(reference.binary_tree, epsilon=1),
        tried=(Pair(quiet, event, Neighbours.EVENT, f"{steps} steps without an event, or with one at the first step"),),
        llr=laplace_ratio(reference.tree_sums(quiet), reference.tree_sums(event), scale=levels),
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

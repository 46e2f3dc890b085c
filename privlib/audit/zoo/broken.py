"""The famous bugs, in the order of their rows, each with what it claims, what is true, and at how many trials it shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.likelihood import Ratio
from privlib.audit.pairs import Pair
from privlib.audit.ratios import laplace_ratio, log_mass, response_ratio
from privlib.audit.zoo import counts, local, pairs, reference, svt, training
from privlib.audit.zoo.entry import Entry, How
from privlib.bounds import Bound, Neighbours

__all__ = ["BROKEN"]

Floats = NDArray[np.float64]
Outputs = Sequence[Any] | NDArray[Any]

_THREE = Bound.pure(odds=local.ODDS, neighbours=Neighbours.RECORD)


def _resampled(outputs: Outputs) -> Floats:
    """Nobody against one person: a count of 1 has more places to land on, by e + 1 - 1/e over e."""
    return laplace_ratio(0, 1, scale=1)(outputs) - math.log1p(math.exp(-1) - math.exp(-2))


def _at_risk(outputs: Outputs) -> Floats:
    """A hundred people at risk against 101, no event: no bound, for it falls by 1/1000 with each step outwards."""
    return log_mass(outputs, counts.HAZARD_STEPS / 101) - log_mass(outputs, counts.HAZARD_STEPS / 100)


def _entry(
    row: int,
    name: str,
    what: str,
    *,
    truth: str,
    mechanism: Callable[..., Any],
    tried: tuple[Pair, ...],
    trials: int,
    claim: Bound | None = None,
    llr: Ratio | None = None,
    how: How = "trials",
) -> Entry:
    """A mechanism that gives a batch, with epsilon = 1 for its claim where none is named."""
    return Entry(
        name=name,
        row=row,
        what=what,
        claim=claim or Bound.pure(1, neighbours=tried[0].neighbours),
        true_epsilon=truth,
        mechanism=mechanism,
        batch=True,
        pairs=tried,
        trials=trials,
        llr=llr,
        how=how,
    )


_COUNTS = (
    _entry(
        1,
        "scale-inverted",
        "The scale is epsilon instead of 1 / epsilon.",
        truth="2",
        mechanism=partial(counts.noisy_sum, scale="1/2"),
        tried=pairs.COUNTED,
        trials=1000,
        claim=Bound.pure("1/2", neighbours=Neighbours.ADD_REMOVE),
        llr=laplace_ratio(2, 3, scale=Fraction(1, 2)),
    ),
    _entry(
        2,
        "sensitivity-forgotten",
        "Who is replaced changes two counts, the noise is that for one.",
        truth="2",
        mechanism=counts.sensitivity_forgotten,
        tried=pairs.MOVED,
        trials=4000,
        llr=laplace_ratio((2, 1), (1, 2), scale=1),
    ),
    _entry(
        3,
        "standard-deviation-for-scale",
        "1 / epsilon was taken for the standard deviation: the scale is 70/99, near 1 / sqrt(2).",
        truth="99/70",
        mechanism=partial(counts.noisy_sum, scale="70/99"),
        tried=pairs.COUNTED,
        trials=4000,
        llr=laplace_ratio(2, 3, scale=Fraction(70, 99)),
    ),
    _entry(
        4,
        "float-laplace",
        "Laplace noise in floating point: the last bits of the sum tell what was added to what.",
        truth="inf",
        mechanism=counts.float_laplace,
        tried=pairs.FLOATS,
        trials=4000,
    ),
    _entry(
        5,
        "tree-short-4",
        "A binary tree over 4 steps has 3 levels, the noise is that for 2.",
        truth="3/2",
        mechanism=counts.tree_one_level_short,
        tried=pairs.streams(4),
        trials=100_000,
        llr=laplace_ratio((0,) * 7, (1, 0, 0, 0, 1, 0, 1), scale=2),
    ),
    _entry(
        5,
        "tree-short-16",
        "A binary tree over 16 steps has 5 levels, the noise is that for 4.",
        truth="5/4",
        mechanism=counts.tree_one_level_short,
        tried=pairs.streams(16),
        trials=200_000,
    ),
    _entry(
        6,
        "one-draw-for-two-counts",
        "Two counts share one draw of noise, so that their difference is exact.",
        truth="inf",
        mechanism=counts.one_draw_for_two_counts,
        tried=pairs.IN_GROUPS,
        trials=1000,
    ),
    _entry(
        7,
        "constant-seed",
        "The generator is seeded in the source code: the release is deterministic.",
        truth="inf",
        mechanism=counts.constant_seed,
        tried=pairs.COUNTED,
        trials=1000,
    ),
    _entry(
        8,
        "exact-size-beside-count",
        "The exact number of people is released beside a noisy count.",
        truth="inf",
        mechanism=counts.exact_size_beside_count,
        tried=pairs.COUNTED,
        trials=1000,
    ),
    _entry(
        9,
        "noise-on-present-keys",
        "Only keys that somebody has get noise, so the shape of the answer tells who is there.",
        truth="inf",
        mechanism=counts.noise_on_present_keys,
        tried=pairs.KEYED,
        trials=1000,
    ),
)

_REPORTS = (
    _entry(
        10,
        "grr-without-k",
        "Randomised response over ten values, with the probability that is right for two.",
        truth="log(27)",
        mechanism=local.grr_without_k,
        tried=pairs.VALUES,
        trials=1000,
        claim=_THREE,
        llr=response_ratio(0, 1, truth=math.log(27)),
    ),
    _entry(
        11,
        "grr-uniform-over-all",
        "Randomised response that draws from all ten values when it does not keep the true one.",
        truth="log(13/3)",
        mechanism=local.grr_uniform_over_all,
        tried=pairs.VALUES,
        trials=10_000,
        claim=_THREE,
        llr=response_ratio(0, 1, truth=math.log(13 / 3)),
    ),
    _entry(
        13,
        "rsfd-without-fakes",
        "Random sampling without fake data: all see which attribute was sampled, the amplification is gone.",
        truth="log(7)",
        mechanism=local.rsfd_without_fakes,
        tried=pairs.RECORDS,
        trials=4000,
        claim=_THREE,
    ),
    _entry(
        14,
        "rsfd-as-published",
        "Random sampling with fake data, as published, claimed for whole records: it holds for one attribute.",
        truth="log(7)",
        mechanism=local.rsfd_as_published,
        tried=pairs.RECORDS,
        trials=10_000,
        claim=_THREE,
    ),
)

_SELECTIONS = (
    _entry(
        15,
        "svt-3",
        "Sparse vector that releases the noisy answer it compared: it leaks the threshold, and with it all answers below.",
        truth="inf",
        mechanism=svt.svt3,
        tried=pairs.answers(9, 1),
        trials=200_000,
    ),
    _entry(
        16,
        "svt-4",
        "Sparse vector for three answers above, whose noise does not grow with three: (1 + 6 c) / 4 for c = 3, in the limit.",
        truth="19/4",
        mechanism=svt.svt4,
        tried=pairs.answers(4, svt.SVT4_ABOVES),
        trials=20_000,
    ),
    _entry(
        17,
        "svt-5",
        "Sparse vector without noise on the answers: they are ordered exactly.",
        truth="inf",
        mechanism=svt.svt5,
        tried=pairs.TWO_ANSWERS,
        trials=1000,
    ),
    _entry(
        18,
        "svt-6",
        "Sparse vector that never halts: m answers below and m above leak more than m / 2.",
        truth="inf",
        mechanism=svt.svt6,
        tried=pairs.answers(10, 10),
        trials=100_000,
    ),
    _entry(
        19,
        "noisy-max-half-noise",
        "Noisy maximum with noise of scale 1 / epsilon, where one person raises some answers and lowers others.",
        truth="2",
        mechanism=partial(reference.noisy_max, epsilon=2),  # its scale is 2 / epsilon
        tried=pairs.LEADERS,
        trials=10_000,
    ),
)

_MORE_COUNTS = (
    _entry(
        20,
        "two-releases-one-charge",
        "Two releases of epsilon each, of which one is charged.",
        truth="2",
        mechanism=counts.two_releases_one_charge,
        tried=pairs.COUNTED,
        trials=10_000,
        llr=laplace_ratio((2, 2), (3, 3), scale=1),
    ),
    _entry(
        21,
        "resample-until-non-negative",
        "A negative count is drawn again, where raising it to zero would have cost nothing.",
        truth="log(1 + e - 1/e)",
        mechanism=counts.resample_until_non_negative,
        tried=pairs.FROM_NOBODY,
        trials=40_000,
        llr=_resampled,
    ),
    _entry(
        22,
        "bounds-from-data",
        "The clipping bound is the largest value in the data, and the scale goes with it.",
        truth="inf",
        mechanism=counts.bounds_from_data,
        tried=pairs.VALUED,
        trials=1000,
    ),
    _entry(
        23,
        "scale-from-number-at-risk",
        "The scale is 1 / (epsilon n) for the true number n at risk: the tails of n and of n + 1 drift apart without end.",
        truth="inf",
        mechanism=counts.scale_from_number_at_risk,
        tried=pairs.HAZARDS,
        trials=0,
        llr=_at_risk,
        how="proof",
    ),
    _entry(
        24,
        "steps-of-the-sampler",
        "The sampler takes as many steps as the noise is large, and the steps can be seen beside the release.",
        truth="inf",
        mechanism=counts.steps_of_the_sampler,
        tried=pairs.COUNTED,
        trials=1000,
    ),
)

_TRAININGS = tuple(
    Entry(
        name=name,
        row=25,
        what=what,
        claim=Bound.gdp(training.STEPS / training.MULTIPLIER**2, neighbours=Neighbours.ADD_REMOVE),
        true_epsilon=truth,
        mechanism=mechanism,
        batch=False,
        pairs=(),
        trials=1000,
        how="one-run",
    )
    for name, what, truth, mechanism in (
        (
            "sgd-without-clipping",
            "Gradient descent with noise for clipped gradients, which are not clipped.",
            "inf; no mu holds",
            training.sgd_without_clipping,
        ),
        (
            "sgd-noise-divided-twice",
            "Gradient descent whose noise is divided by the batch size of 256 twice.",
            "inf; mu = 256 where 1 is claimed",
            training.sgd_noise_divided_twice,
        ),
    )
)

BROKEN: tuple[Entry, ...] = _COUNTS + _REPORTS + _SELECTIONS + _MORE_COUNTS + _TRAININGS
"""Rows 1 to 25 without 12, which is a control; rows 5 and 25 stand twice."""

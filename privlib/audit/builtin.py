"""Ready audits of the mechanisms that privlib ships."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from privlib.audit.engine import run
from privlib.audit.ldp import ldp_audit, published_ldp_audit
from privlib.audit.pairs import Pair
from privlib.audit.sharing import sharing_audit
from privlib.audit.survival import published_pair, survival_pair, survival_ratio, survival_release, survival_spec
from privlib.bounds import Bound, Neighbours, Real, exact
from privlib.errors import InvalidInput

if TYPE_CHECKING:
    from privlib.audit.engine import Progress
    from privlib.audit.result import Audit
    from privlib.audit.survival import Rows
    from privlib.survival.published import PublishedCurve

__all__ = ["ldp_audit", "noise_audit", "published_audit", "published_ldp_audit", "sharing_audit", "survival_audit"]


def survival_audit(
    epsilon: Real = 1,
    *,
    neighbours: str,
    trials: int = 200_000,
    confidence: Real = "0.999",
    anytime: bool = False,
    max_seconds: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Audit the noisy survival table: count and release a worst pair, guess by the exact likelihood ratio.

    Parameters
    ----------
    epsilon : rational > 0
        The epsilon of the plan, which is the claim.
    neighbours : {"add_remove", "replace"}
        The plan's neighbours.
    trials : int
        Releases over both data sets.
    confidence : rational
        One minus the chance of certifying more than the truth.
    anytime, max_seconds, seed, progress
        As for `privlib.audit.run`.

    Returns
    -------
    Audit
    """
    pair, spec = survival_pair(neighbours), survival_spec(epsilon, neighbours)
    return run(
        survival_release(spec),
        claim=spec.bound,
        pair=pair,
        trials=trials,
        confidence=confidence,
        llr=survival_ratio(spec, pair),
        observe=lambda curve: curve.noisy,
        anytime=anytime,
        max_seconds=max_seconds,
        seed=seed,
        progress=progress,
        title="survival: noisy table",
        theorem="survival.t1",
        reproduce=_call("survival_audit", epsilon, neighbours=neighbours, trials=trials, confidence=confidence, seed=seed),
    )


def published_audit(
    epsilon: Real = 1,
    *,
    points: int = 20,
    trials: int = 300_000,
    training: int | None = None,
    confidence: Real = "0.999",
    max_seconds: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Audit the published recipe, noise on the curve itself, by a learned rule on its finished curve.

    Parameters
    ----------
    epsilon : rational > 0
        The nominal epsilon, which is the published claim for the whole curve.
    points : int
        Times of release, all after the first possible event.
    trials, training : int
        Curves released over both data sets, and how many of them fix the rule: a third, unless said otherwise.
    confidence : rational
        One minus the chance of certifying more than the truth.
    max_seconds, seed, progress
        As for `privlib.audit.run`.

    Returns
    -------
    Audit
    """
    from privlib.survival.published import DirectNoise

    if points < 1:
        raise InvalidInput(f"points must be at least 1, got {points}")
    nominal: Fraction = exact(epsilon, name="epsilon")
    times = list(range(2, points + 2))

    recipe = DirectNoise(times=times, horizon=times[-1], epsilon=nominal, neighbours=Neighbours.REPLACE)

    def mechanism(rows: Rows) -> PublishedCurve:
        durations, events = rows
        return recipe.count(np.array(durations), np.array(events)).release()

    return run(
        mechanism,
        claim=Bound.pure(nominal, neighbours=Neighbours.REPLACE),
        pair=published_pair(),
        trials=trials,
        training=trials // 3 if training is None else training,
        confidence=confidence,
        observe=lambda curve: curve.survival,
        max_seconds=max_seconds,
        seed=seed,
        progress=progress,
        title="survival: published recipe at its nominal epsilon",
        theorem="survival.t2",
        reproduce=_call(
            "published_audit",
            epsilon,
            points=points,
            trials=trials,
            **({} if training is None else {"training": training}),
            confidence=confidence,
            seed=seed,
        ),
    )


def noise_audit(
    epsilon: Real = 1,
    *,
    trials: int = 1_000_000,
    confidence: Real = "0.999",
    anytime: bool = False,
    max_seconds: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Audit discrete Laplace noise on one count, as a black box: nothing is told of its law.

    Parameters
    ----------
    epsilon : rational > 0
        The claim; the noise has scale 1 / epsilon.
    trials : int
        Counts released over both data sets.
    confidence : rational
        One minus the chance of certifying more than the truth.
    anytime, max_seconds, seed, progress
        As for `privlib.audit.run`.

    Returns
    -------
    Audit
    """
    from privlib.audit.zoo.reference import noisy_count

    claim: Fraction = exact(epsilon, name="epsilon")
    return run(
        partial(noisy_count, scale=1 / claim),
        claim=Bound.pure(claim, neighbours=Neighbours.ADD_REMOVE),
        pair=Pair(0, 1, Neighbours.ADD_REMOVE, "a count of nobody, and of one person"),
        trials=trials,
        confidence=confidence,
        batch=True,
        anytime=anytime,
        max_seconds=max_seconds,
        seed=seed,
        progress=progress,
        title="noise: discrete Laplace on a count",
        theorem="zoo.t2",
        reproduce=_call("noise_audit", epsilon, trials=trials, confidence=confidence, seed=seed),
    )


def _call(name: str, epsilon: Real, **options: object) -> str:
    given = [f"epsilon={str(epsilon)!r}", *(f"{key}={_literal(value)}" for key, value in options.items())]
    return f"privlib.audit.{name}({', '.join(given)})"


def _literal(value: object) -> str:
    return repr(value) if isinstance(value, int) else repr(str(value))

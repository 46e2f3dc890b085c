"""The game: a fair coin chooses a population, a mechanism sees records drawn from it, an attack guesses the coin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from privlib.audit.binomial import checked_confidence
from privlib.audit.distribution.attack import Attack, Floats, Rule, fix, numbers
from privlib.audit.distribution.leakage import n_leaked
from privlib.audit.distribution.result import DistributionInference, checked_claim
from privlib.audit.outputs import Raised
from privlib.audit.trials import MechanismFailed, Trials
from privlib.bounds import Bound, Real, checked_bound, exact, exact_int
from privlib.errors import InvalidInput

__all__ = ["Sampler", "distribution_inference"]

Sampler = Callable[[int], Any]
"""``sampler(n)`` draws a data set of n records from a population, with randomness of its own."""

_FEWEST_TRIALS, _FEWEST_TRAINING = 200, 50  # as for `privlib.audit.run`


def distribution_inference(
    mechanism: Callable[[Any], Any],
    samplers: Sequence[Sampler],
    *,
    n: int,
    trials: int,
    attack: Attack | Callable[[Any], float] | None = None,
    confidence: Real = "0.95",
    alphas: tuple[Real, Real] | None = None,
    claim: Bound | None = None,
    training: int | None = None,
    title: str = "mechanism",
) -> DistributionInference:
    """Find out how well an attack tells from which of two public populations a training was drawn.

    In each trial the operating system draws a fair bit, n records are drawn from that population, the mechanism sees them, and
    the attack guesses the bit from its output. The attack is fixed on a training part that is not tested.

    Parameters
    ----------
    mechanism : callable
        ``f(dataset) -> output``: a release, or a training that gives a model. An exception is an output.
    samplers : sequence of callable
        Two: ``sampler(n) -> dataset`` for each population. What they raise is not an output: it ends the game.
    n : int
        Records in each training.
    trials : int
        Trainings, at least 200.
    attack : Attack or callable, optional
        `loss_test` of a model, an `Attack`, or a function from an output to a number, whose threshold is then learned.
        Default: a rule learned from the numbers in the output.
    confidence : rational
        Of the interval; strictly between 1/2 and 1.
    alphas : tuple of rational, optional
        The share of people with the attribute in each population, for `n_leaked`; two different ones.
    claim : Bound, optional
        What the mechanism claims for one record, pure or approx, to show what group privacy makes of it.
    training : int, optional
        Trials that fix the attack. Default: a quarter, and none where the threshold is given.
    title : str
        What is attacked.

    Returns
    -------
    DistributionInference

    Raises
    ------
    MechanismFailed
        When the mechanism raised in every trial.
    InvalidInput
        For arguments out of range, and alphas from which no number of draws follows.

    Examples
    --------
    >>> found = distribution_inference(sum, [lambda n: [0] * n, lambda n: [1] * n], n=3, trials=400)
    >>> found.accuracy, found.tested
    (1.0, 300)
    """
    began = time.perf_counter()
    level = checked_confidence(confidence)
    exact_int(n, name="n")
    exact_int(trials, name="trials", least=_FEWEST_TRIALS)
    if len(samplers) != 2:
        raise InvalidInput(f"samplers must be two, one for each population, got {len(samplers)}")
    shares = None if alphas is None else (exact(alphas[0], name="alpha0"), exact(alphas[1], name="alpha1"))
    if shares is not None:
        n_leaked(1, *shares)  # refuses shares of which nothing follows before the first training
    if claim is not None:
        checked_claim(checked_bound(claim, name="claim"))
    chosen = attack if isinstance(attack, Attack) or attack is None else Attack(attack)
    part = _training(trials, training, needed=chosen is None or chosen.threshold is None)
    played = _drawn_trials(mechanism, samplers, n)
    try:
        rule = _fixed_rule(played, part, chosen)
        right = sum(rule.guess(row) == secret for secret, row in _seen(played, trials - part, chosen))
    except _NoDataSet as failure:
        raise (failure.__cause__ or failure) from None
    if played.raised == trials:
        raise MechanismFailed(f"the mechanism raised in all {trials} trials, on both populations; first {played.first_error}")
    return DistributionInference(
        title=title,
        n=int(n),
        trials=int(trials),
        training=part,
        right=right,
        raised=played.raised,
        confidence=level,
        alphas=shares,
        claim=claim,
        attack=rule.words,
        seconds=round(time.perf_counter() - began, 3),
    )


def _training(trials: int, training: int | None, *, needed: bool) -> int:
    if not needed:
        if training:
            raise InvalidInput("training must be left out: the attack comes with its threshold")
        return 0
    if training is None:
        return trials // 4
    return exact_int(training, name="training", least=_FEWEST_TRAINING, most=trials - 1)


class _NoDataSet(BaseException):
    """A sampler raised. As a plain exception it would count as an output of the mechanism."""


def _drawn_trials(mechanism: Callable[[Any], Any], samplers: Sequence[Sampler], n: int) -> Trials:
    """Trials in which the secret names a population; a fresh data set is drawn from it for each run."""

    def once(sampler: Sampler) -> Any:
        try:
            dataset = sampler(n)
        except Exception as error:
            raise _NoDataSet from error
        return mechanism(dataset)

    return Trials(once, samplers)


def _seen(trials: Trials, count: int, attack: Attack | None) -> Iterator[tuple[int, Floats]]:
    """The secret of each trial, and the numbers that the attack sees; one output at a time, for it may be a large model."""
    for _ in range(count):
        worlds = trials.draw(1)
        secret = 0 if len(worlds[0]) else 1
        output = worlds[secret][0]
        if isinstance(output, Raised):
            yield secret, np.full(1, np.nan)
        else:
            yield secret, numbers(output if attack is None else attack.statistic(output))


def _fixed_rule(trials: Trials, part: int, attack: Attack | None) -> Rule:
    """The attack, fixed on a number of trials of its own."""
    if attack is not None and attack.threshold is not None:
        return Rule(f"{attack.words}; threshold {attack.threshold:g}", np.ones(1), np.zeros(1), attack.threshold)
    secrets, rows = zip(*_seen(trials, part, attack), strict=True)
    words = "a rule learned from the numbers of the output" if attack is None else attack.words
    return fix(rows, np.array(secrets, dtype=np.int8), words=words)

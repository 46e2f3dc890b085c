"""The game: a fair coin chooses a population, a mechanism sees records drawn from it, an attack guesses the coin."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from privlib.audit.distribution.attack import Attack, Floats, Rule, fix, numbers
from privlib.audit.distribution.leakage import n_leaked
from privlib.audit.distribution.result import DistributionInference, checked_claim
from privlib.audit.membership.rates import checked_confidence
from privlib.audit.trials import MechanismFailed
from privlib.bounds import Bound, Real, checked_bound, exact, exact_int
from privlib.errors import InvalidInput

__all__ = ["Sampler", "distribution_inference"]

Sampler = Callable[[int], Any]
"""``sampler(n)`` draws a data set of n records from a population, with randomness of its own."""

_FEWEST_TRIALS, _FEWEST_TRAINING = 200, 50


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
        Two: ``sampler(n) -> dataset`` for each population.
    n : int
        Records in each training.
    trials : int
        Trainings, at least 200.
    attack : Attack or callable, optional
        `loss_test` of a model, an `Attack`, or a function from an output to a number, whose threshold is then learned.
        Default: a rule learned from the numbers in the output.
    confidence : rational
        Of the interval, at least 1/2.
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
    game = _Game(mechanism, samplers, n, chosen)

    rule = game.rule(part)
    right = sum(rule.guess(row) == bit for bit, row in (game.trial() for _ in range(trials - part)))
    if game.raised == trials:
        raise MechanismFailed(f"the mechanism raised in all {trials} trials, on both populations; first {game.first_error}")
    return DistributionInference(
        title=title,
        n=int(n),
        trials=int(trials),
        training=part,
        right=right,
        raised=game.raised,
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


def _secret_bit() -> int:
    """A fair bit from the operating system."""
    return os.urandom(1)[0] & 1


class _Game:
    """Plays one trial after the other."""

    def __init__(self, mechanism: Callable[[Any], Any], samplers: Sequence[Sampler], n: int, attack: Attack | None) -> None:
        self._mechanism, self._samplers, self._n, self._attack = mechanism, samplers, n, attack
        self.raised, self.first_error = 0, ""

    def trial(self) -> tuple[int, Floats]:
        """A secret bit, and the numbers that the attack sees."""
        bit = _secret_bit()
        dataset = self._samplers[bit](self._n)
        try:
            output = self._mechanism(dataset)
        except Exception as error:
            self.raised, self.first_error = self.raised + 1, self.first_error or type(error).__qualname__
            return bit, np.full(1, np.nan)
        return bit, numbers(output if self._attack is None else self._attack.statistic(output))

    def rule(self, part: int) -> Rule:
        """The attack, fixed on a number of trials of its own."""
        if self._attack is not None and self._attack.threshold is not None:
            zero = np.zeros(1)
            return Rule(f"{self._attack.words}; threshold {self._attack.threshold:g}", np.ones(1), zero, self._attack.threshold)
        seen = [self.trial() for _ in range(part)]
        words = "a rule learned from the numbers of the output" if self._attack is None else self._attack.words
        return fix([row for _, row in seen], np.array([bit for bit, _ in seen], dtype=np.int8), words=words)

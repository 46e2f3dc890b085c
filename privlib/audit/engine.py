"""Audit a mechanism: run it on neighbouring data sets, guess which one it saw, count, and compare with its claim."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy

from privlib.audit.binomial import checked_confidence
from privlib.audit.judge import best, claimed
from privlib.audit.likelihood import Ratio
from privlib.audit.pairs import Pair
from privlib.audit.procedure import Job, Tally, choose, fixed, no_rule, until_refuted
from privlib.audit.result import Audit
from privlib.audit.trials import Stopped
from privlib.bounds import Bound, Kind, Real, checked_bound, exact_int
from privlib.errors import InvalidInput, Mismatch

__all__ = ["Interrupted", "run"]

Progress = Callable[[int, int], None]
"""Told of the trials tested so far, and of those to test."""

_FEWEST, _FEWEST_TRAINING = 200, 50


class Interrupted(KeyboardInterrupt):
    """The audit was interrupted.

    Parameters
    ----------
    audit : Audit
        What was counted until then.
    """

    def __init__(self, audit: Audit) -> None:
        super().__init__("the audit was interrupted")
        self.audit = audit


def run(
    mechanism: Callable[..., Any],
    *,
    claim: Bound,
    pair: Pair | None = None,
    pairs: Sequence[Pair] = (),
    trials: int = 1_000_000,
    confidence: Real = "0.999",
    llr: Ratio | None = None,
    observe: Callable[[Any], Any] | None = None,
    batch: bool = False,
    training: int | None = None,
    anytime: bool = False,
    max_seconds: float | None = None,
    bits: bool = True,
    seed: int = 0,
    progress: Progress | None = None,
    title: str = "",
    theorem: str | None = None,
    reproduce: str = "",
) -> Audit:
    """Try to refute a claim about a mechanism.

    In each trial the operating system draws a secret, the mechanism runs on the data set that it names, and a rule that was
    fixed before guesses the secret from the output, or abstains. Too many right guesses refute the claim.

    Parameters
    ----------
    mechanism : callable
        ``f(dataset) -> output`` or, with ``batch=True``, ``f(dataset, n) -> n independent outputs``, at best as an array with
        one output a row. It draws its own randomness. An exception is an output; only its type is kept. A batch that raises
        is run again one by one.
    claim : Bound
        What the mechanism says of itself: pure, approx, gdp or zcdp.
    pair : Pair
        Neighbours in the claim's sense: two data sets, or more of which all are neighbours.
    pairs : sequence of Pair
        Several candidates instead: a pilot of 4000 trials on each, and a longer one on the best, choose the pair that is
        then audited on fresh trials.
    trials : int
        Runs on all data sets together, at least 200; pilots come on top, and 20 that show how many numbers an output has.
    confidence : rational
        One minus the chance of certifying more than the truth; strictly between 1/2 and 1.
    llr : callable, optional
        Where the law is known: from a list or array of outputs to the logarithms of P(output | second) / P(output | first),
        an array. Without it the rule is learned.
    observe : callable, optional
        What the rule sees of an output: numbers, an array, text or None. Default: the output itself.
    batch : bool
        Whether the mechanism takes ``n``.
    training : int, optional
        Trials that fix the rule and are not tested. Default: a quarter, at most 80 000, or three times that for outputs of many
        numbers, for two data sets.
    anytime : bool
        Stop as soon as the claim is refuted, and learn again after each block of trials: the limit then holds at all times.
        For pure and gdp claims.
    max_seconds : float, optional
        Stop after this time, between two pieces of trials. A limit that holds at all times is then stated. A mechanism whose
        time follows its outputs can make the error probability of the audit up to twice what is stated.
    bits : bool
        Whether the rule may look at how floats are stored, and know outputs by heart. Turn it off for numbers that were read from
        text.
    seed : int
        Fixes how the training part is split, nothing else; the mechanism and the secrets never see it.
    progress : callable, optional
        Called with the trials tested so far and the trials to test, once before training and after each piece.
    title, theorem, reproduce : str, optional
        What is audited, by default the function's name, the theorem that it names and the call that repeats the audit, for
        the report.

    Returns
    -------
    Audit

    Raises
    ------
    MechanismFailed
        When every training trial raised.
    Mismatch
        When claim and pair speak of different neighbours.
    InvalidInput
        For arguments out of range.
    Interrupted
        On Ctrl-C; it carries what was counted until then.

    Examples
    --------
    >>> from privlib.bounds import Bound, Neighbours
    >>> pair = Pair(0, 1, Neighbours.RECORD, "one bit")
    >>> found = run(lambda bit: bit, claim=Bound.pure(1, neighbours="record"), pair=pair, trials=1000)
    >>> found.verdict, found.correct == found.made == found.tested == 750
    (<Verdict.VIOLATION: 'violation'>, True)
    """
    level = float(checked_confidence(confidence))
    job = Job(mechanism, claim, trials, level, llr, observe, batch, training, max_seconds, seed, bits)
    candidates = _checked(job, pair, pairs, anytime=anytime)
    tell = progress or (lambda tested, to_test: None)
    searched: tuple[tuple[str, float], ...] = ()
    chosen, tally, interrupted = candidates[0], Tally(no_rule(), 2), False
    try:
        if len(candidates) > 1:
            chosen, searched = choose(job, candidates)
        work = until_refuted if anytime else fixed
        to_test = trials - job.part(chosen)
        tell(0, to_test)
        for tally in work(job, chosen):
            tell(tally.counts.tested, to_test)
    except Stopped:
        job.stopped = "the time was over"
    except KeyboardInterrupt:
        job.stopped, interrupted = "it was interrupted", True
    tally.mark()
    counts = tally.counts
    winner, _ = best(counts, claim, level, stopped=anytime or bool(job.stopped))
    found = Audit(
        title=title or getattr(mechanism, "__name__", "mechanism"),
        claim=claim,
        pair=_in_words(chosen, job.audited),
        searched=searched,
        trials=counts.tested + job.trained,
        training=job.trained,
        counts=counts.table,
        guesses=counts.guesses,
        everywhere=counts.everywhere,
        depths=counts.depths,
        shares=counts.shares,
        cells=tally.rule.cells,
        path=tuple((tested, of[winner][1], of[winner][0]) for tested, of in tally.path),
        raised=job.raised,
        confidence=level,
        rule=tally.rule.words,
        notes=tuple(job.notes),
        alarm=job.alarm,
        anytime=anytime,
        interrupted=job.stopped,
        secure=job.secure,
        seed=seed,
        theorem=theorem,
        reproduce=reproduce,
        seconds=round(time.perf_counter() - job.began, 3),
        rule_seconds=round(job.rule_seconds, 3),
        versions={"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
    )
    if interrupted:
        raise Interrupted(found)
    return found


def _in_words(chosen: Pair, audited: Pair | None) -> str:
    between = ", the first two of them" if audited is not None and len(audited.datasets) < len(chosen.datasets) else ""
    return f"{chosen.description}{between} ({chosen.neighbours})"


def _checked(job: Job, pair: Pair | None, pairs: Sequence[Pair], *, anytime: bool) -> tuple[Pair, ...]:
    """Refuse what cannot be audited; the candidates."""
    checked_bound(job.claim, name="claim")
    candidates: list[Pair] = ([] if pair is None else [pair]) + list(pairs)
    given: list[object] = [*candidates]
    if any(not isinstance(each, Pair) for each in given):
        raise InvalidInput("pair and pairs must be made with privlib.audit.Pair(first, second, neighbours, description)")
    if len(candidates) == 0:
        raise InvalidInput("give pair, two neighbouring data sets, or pairs, several candidates")
    for each in candidates:
        if any(isinstance(dataset, Iterator) for dataset in each.datasets):
            raise InvalidInput("a data set must not be an iterator, which the first trial uses up: give a list or an array")
        if each.neighbours is not job.claim.neighbours:
            raise Mismatch(f"the claim speaks of {job.claim.neighbours}, the pair of {each.neighbours}: audit one relation")
        if each.others and job.claim.kind is not Kind.PURE:
            raise InvalidInput("more than two data sets are for pure claims: give two")
    if job.llr is not None and (len(candidates) > 1 or candidates[0].others):
        raise InvalidInput("llr is the ratio of two data sets: give one pair without others")
    if not np.isfinite(claimed(job.claim)):
        raise InvalidInput("the claim is beyond every number that can be refuted")
    exact_int(job.trials, name="trials", least=_FEWEST)
    exact_int(job.part(candidates[0]), name="training", least=_FEWEST_TRAINING, most=job.trials - 1)
    if anytime and job.claim.kind not in (Kind.PURE, Kind.GDP):
        raise InvalidInput("anytime is for pure and gdp claims: leave it out, or state the claim otherwise")
    return tuple(candidates)

"""The work of an audit: train, test, stop, and choose among pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.bounds import Verdict
from privlib.audit.independence import Watch
from privlib.audit.judge import Counts, decide
from privlib.audit.learned import learn
from privlib.audit.likelihood import Ratio, by_ratio
from privlib.audit.outputs import Look
from privlib.audit.pairs import Pair
from privlib.audit.rules import ABSTAIN, Aim, Rule
from privlib.audit.trials import MechanismFailed, Stopped, Trials
from privlib.bounds import Bound
from privlib.errors import InvalidInput

__all__ = ["Job", "Tally", "choose", "fixed", "no_rule", "until_refuted"]

_LEARNED, _KNOWN = 80_000, 20_000  # training trials at most, for two data sets: more cost the test more than they teach
_WORLDS = 33  # so many data sets need as much training again, for each has to be known
_WIDE, _WIDER = 48, 3  # outputs of more numbers than this need so many times as much: which of them tell must be found
_PROBE = 20  # outputs that show how many numbers they have
_PILOT, _SECOND_PILOT, _FINALISTS = 4_000, 32_000, 3  # trials on each pair, then on the best
_CLEARLY_MORE = 1.1  # a guess between two data sets must promise so much more than one among all
_FIRST_BLOCK = 250  # trials before the first rule of an audit that stops when it has refuted
_SOON = 4000  # until then blocks double, because to learn costs more than to try
_REMEMBERED = 100_000  # trials that such an audit learns from at most
_STEP = 1.3  # the path of an audit is written down whenever the trials have grown by this factor


@dataclass
class Tally:
    """What was counted so far."""

    rule: Rule
    worlds: int
    table: NDArray[np.int64] = field(init=False)
    path: list[tuple[int, list[tuple[int, int]]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = np.zeros((self.worlds, len(self.rule.guesses)), dtype=np.int64)

    @property
    def counts(self) -> Counts:
        """The counts as a value."""
        table = tuple(tuple(map(int, row)) for row in self.table)
        return Counts(table, self.rule.guesses, self.rule.everywhere, self.rule.depths, self.rule.shares)

    def add(self, rows: NDArray[np.int64]) -> None:
        """Add the counts of one piece, shape (worlds, cells)."""
        self.table += rows
        if not self.path or int(self.table.sum()) >= _STEP * self.path[-1][0]:
            self.mark()

    def mark(self) -> None:
        """Write down where the counts are now."""
        counts = self.counts
        if counts.tested and (not self.path or self.path[-1][0] != counts.tested):
            self.path.append((counts.tested, [counts.of(rule) for rule in range(len(counts.shares))]))


@dataclass
class Job:
    """What is asked for, and a clock."""

    mechanism: Callable[..., Any]
    claim: Bound
    trials: int
    confidence: float
    llr: Ratio | None
    observe: Callable[[Any], Any] | None
    batch: bool
    training: int | None
    max_seconds: float | None
    seed: int
    bits: bool = True
    began: float = field(default_factory=time.perf_counter)
    rule_seconds: float = 0.0
    raised: int = 0
    trained: int = 0
    audited: Pair | None = None
    secure: bool = True
    width: int = 1
    notes: list[str] = field(default_factory=list)
    alarm: str = ""
    stopped: str = ""

    def part(self, pair: Pair) -> int:
        """Trials of the training part: a quarter at most, and no more than a rule needs that knows each data set."""
        if self.training is not None:
            return self.training
        known = max(1, len(pair.datasets) // _WORLDS)
        more = _WIDER if self.width > _WIDE else 1
        return min(self.trials // 4, known * more * (_LEARNED if self.llr is None else _KNOWN))

    def probe(self, pair: Pair) -> None:
        """Look how many numbers an output has; many need more training."""
        if self.llr is None and self.training is None:
            runs = self.runs(pair)
            self.width = max(Look(outputs).width for outputs in runs.draw(_PROBE))
            runs.refuse_if_changed()

    def runs(self, pair: Pair) -> Trials:
        """The mechanism on the data sets of a pair."""
        return Trials(self.mechanism, pair.datasets, observe=self.observe, batch=self.batch)

    def check_clock(self) -> None:
        """Stop when the time is over."""
        if self.max_seconds is not None and time.perf_counter() - self.began > self.max_seconds:
            raise Stopped


def no_rule() -> Rule:
    """The rule of an audit that was stopped while it learned: it never guesses."""
    return Rule(lambda outputs: np.zeros(len(outputs), np.intp), (ABSTAIN,), (0,), ("any output",), "no rule was fixed", 0.0)


def _fit(job: Job, runs: Trials, part: int, aim: Aim, *, worlds: int, watch: Watch | None = None) -> Rule:
    """Fix a rule on the training part."""

    def draw(count: int) -> list[Any]:
        job.check_clock()
        outputs = runs.draw(count)
        _see(watch, outputs)
        return outputs

    if job.llr is not None:
        return by_ratio(job.llr, draw(part), aim)
    return learn(lambda count: [Look(outputs) for outputs in draw(count)], part, aim, worlds=worlds, seed=job.seed, bits=job.bits)


def _see(watch: Watch | None, outputs: list[Any]) -> None:
    if watch is None or watch.full:
        return
    try:
        watch.see([Look(made) for made in outputs])
    except InvalidInput:  # a ratio may read outputs that no learned rule can
        return


def _refuse_if_all_raised(runs: Trials) -> None:
    if runs.run and runs.raised == runs.run:
        words = f"the mechanism raised in all {runs.run} training trials; first {runs.first_error}"
        raise MechanismFailed(words) from runs.first_exception


def fixed(job: Job, pair: Pair) -> Iterator[Tally]:
    """Train once, then test on as many trials as were asked for."""
    job.probe(pair)
    tested = job.trials - job.part(pair)
    aim, watch = Aim(job.claim, job.confidence, tested), Watch(len(pair.datasets))
    runs, part = job.runs(pair), job.part(pair)
    if pair.others:  # guess among all, or between the first two: whatever promises more
        two = Pair(pair.first, pair.second, pair.neighbours, pair.description)
        fewer = job.runs(two)
        rule = _fit(job, runs, part - part // 5, aim, worlds=len(pair.datasets), watch=watch)
        other = _fit(job, fewer, part // 5, aim, worlds=2, watch=Watch(2))
        if other.predicted > _CLEARLY_MORE * rule.predicted:
            pair, runs, rule, watch = two, fewer, other, Watch(2)
    else:
        rule = _fit(job, runs, part, aim, worlds=2, watch=watch)
    _refuse_if_all_raised(runs)
    runs.refuse_if_changed()
    job.trained, job.audited = part, pair
    tally = Tally(rule, len(pair.datasets))
    try:
        for outputs in runs.chunks(tested):
            began = time.perf_counter()
            tally.add(np.stack([rule.count(made) for made in outputs]))
            _see(watch, outputs)
            job.rule_seconds += time.perf_counter() - began
            yield tally
            job.check_clock()
    finally:
        _note(job, runs, watch)


def until_refuted(job: Job, pair: Pair) -> Iterator[Tally]:
    """Learn from all trials so far, test on the next block, and so on until the claim is refuted."""
    worlds, runs, watch = len(pair.datasets), job.runs(pair), Watch(len(pair.datasets))
    named = (0, ABSTAIN, 1) if worlds == 2 else (ABSTAIN, *range(worlds))
    cells = tuple("no guess" if guess < 0 else f"data set {guess + 1} is guessed" for guess in named)
    whole = Rule(
        place=lambda outputs: np.zeros(len(outputs), np.intp),
        guesses=named,
        everywhere=tuple(max(guess, 0) for guess in named),
        cells=cells,
        words="learned again after each block of trials, from all trials before it",
        predicted=0.0,
    )
    tally = Tally(whole, worlds)
    past = list[list[Any]]()
    done, size = 0, _FIRST_BLOCK
    try:
        while done < job.trials:
            job.check_clock()
            outputs = runs.draw(min(size, job.trials - done))
            _see(watch, outputs)
            if not past:
                _refuse_if_all_raised(runs)
                runs.refuse_if_changed()
                runs.test()
                job.trained = sum(map(len, outputs))
            if past:
                began = time.perf_counter()
                rule = _relearn(job, past, Aim(job.claim, job.confidence, max(done, 1000)), worlds)
                guess_of = np.array([named.index(guess) for guess in _by_the_first(rule)])
                rows = [np.bincount(guess_of, weights=rule.count(made), minlength=len(named)) for made in outputs]
                tally.add(np.stack(rows).astype(np.int64))
                job.rule_seconds += time.perf_counter() - began
            yield tally
            done += sum(map(len, outputs))
            if decide(tally.counts, job.claim, job.confidence, stopped=True) is Verdict.VIOLATION:
                return
            if sum(len(made) for piece in past for made in piece) < _REMEMBERED:
                past.append(outputs)
            size = done if done < _SOON else done // 2
    finally:
        _note(job, runs, watch)


def _by_the_first(rule: Rule) -> tuple[int, ...]:
    """The guesses of the rule that may spend most of the error probability."""
    most = max(range(len(rule.shares)), key=lambda each: rule.shares[each])
    depths = rule.depths or (0,) * len(rule.guesses)
    return tuple(guess if depth <= most else ABSTAIN for guess, depth in zip(rule.guesses, depths, strict=True))


def _relearn(job: Job, past: list[list[Any]], aim: Aim, worlds: int) -> Rule:
    if job.llr is not None:
        return by_ratio(job.llr, [_together([piece[world] for piece in past]) for world in range(worlds)], aim)
    pieces = iter(past)
    known = sum(len(made) for piece in past for made in piece)
    return learn(lambda _: [Look(made) for made in next(pieces)], known, aim, worlds=worlds, seed=job.seed, bits=job.bits)


def _together(parts: list[Any]) -> Any:
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    return [output for part in parts for output in part]


def choose(job: Job, candidates: Sequence[Pair]) -> tuple[Pair, tuple[tuple[str, float], ...]]:
    """The candidate whose pilot promises most, and what each promised."""
    aim = Aim(job.claim, job.confidence, job.trials - job.part(candidates[0]))

    def promise(pair: Pair, size: int) -> float:
        runs = job.runs(pair)
        rule = _fit(job, runs, size, aim, worlds=len(pair.datasets))
        runs.refuse_if_changed()
        job.secure = job.secure and runs.secure
        return 0.0 if runs.raised == runs.run else rule.predicted

    promised = {index: promise(pair, min(_PILOT, job.trials)) for index, pair in enumerate(candidates)}
    best = sorted(promised, key=lambda index: -promised[index])[:_FINALISTS]
    if job.trials > _SECOND_PILOT:
        promised |= {index: promise(candidates[index], _SECOND_PILOT) for index in best}
    chosen = max(best, key=lambda index: promised[index])
    return candidates[chosen], tuple((pair.description, promised[index]) for index, pair in enumerate(candidates))


def _note(job: Job, runs: Trials, watch: Watch) -> None:
    """What was noticed beside the counts."""
    job.raised, job.secure, job.alarm = runs.raised, job.secure and runs.secure, runs.alarm or watch.alarm
    if runs.changed:
        job.alarm = job.alarm or "the mechanism changed a data set that it was given, so later trials saw another one"
    if not runs.comparable:
        job.notes.append("The data sets cannot be compared before and after: a mechanism that writes to them goes unnoticed.")
    if watch.constant:
        which = ", ".join(str(world + 1) for world in watch.constant)
        job.notes.append(
            f"Deterministic: all outputs of data set {which} look the same. If the mechanism keeps its noise from call to call, "
            "this says nothing about its first."
        )
    if runs.raised:
        job.notes.append(f"The mechanism raised in {runs.raised} trials; an exception counts as an output.")

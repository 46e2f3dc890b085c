"""A rule is fixed before the first trial that it is tested on, each tested trial counts once, and a late exception ends it all.

Statement
    Let trials be as in audit.t8. (1) ``fixed`` fixes its rule before it draws the first tested trial, on other trials, and
    keeps it. It tests ``trials - training`` trials, and each adds one to its cell in the row of the world that made it. So
    audit.t1 and t2 speak of what it counts. (2) A batch that raises in the training part is followed by single trials only.
    In the tested part, where a batch would be kept only because none of its trials raised, it sets an alarm, as does a batch
    of another type or shape than those before, which one rare output can cause. An audit with an alarm is inconclusive
    whatever it counted.

Proof
    A rule that is fixed before, on other trials, and told nothing later does not depend on the tested trials, whose secrets
    come from later calls of the operating system. That the code is so is seen below, from outside.

Checked against the shipped code
    (1) By a spy in place of the learner, on two and three worlds, one by one and in batches, with trials that raise; and the
    shipped learners on equal training parts and different tested parts, whose rules must be equal after each piece. (2) By an
    audit of what shows its data set, in which a batch raises, or comes as another type, at each call in turn.

Covers not
    The learners themselves: any rule will do; those that run here learn from single numbers. Alarms about trials that depend
    on each other, which can only keep an audit from concluding. ``until_refuted``, whose rules change as audit.t3 allows.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from privlib.audit import Audit, Pair, Verdict, procedure, run, trials
from privlib.audit.outputs import Raised
from privlib.audit.procedure import Job, Tally, fixed
from privlib.audit.rules import Rule
from privlib.bounds import Bound
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.procedure.fixed",
    "privlib.audit.procedure._fit",
    "privlib.audit.procedure._note",
    "privlib.audit.procedure.Job.part",
    "privlib.audit.procedure.Job.runs",
    "privlib.audit.procedure.Tally.add",
    "privlib.audit.procedure.Tally.counts",
    "privlib.audit.rules.Rule.count",
    "privlib.audit.trials.Trials.chunks",
    "privlib.audit.trials.Trials.test",
    "privlib.audit.trials.Trials._many",
    "privlib.audit.trials.Trials._watch_kind",
    "privlib.audit.result.Audit.verdict",
]

ONE = Bound.pure(1, neighbours="record")
TRAINING = 400


# --- (1) the rule ---


class Mechanism:
    """Numbers its outputs within each world, and raises at some."""

    def __init__(self, worlds: int, *, raising: bool) -> None:
        self.made: list[list[tuple[int, int] | None]] = [[] for _ in range(worlds)]
        self.raising = raising

    def one(self, world: int) -> tuple[int, int]:
        number = len(self.made[world])
        raises = self.raising and number % 7 == 3
        self.made[world].append(None if raises else (world, number))
        if raises:
            raise ZeroDivisionError
        return world, number

    def rows(self, world: int, n: int) -> np.ndarray:
        return np.array([self.one(world) for _ in range(n)]).reshape(n, 2)


def plain(outputs: Any) -> list[Any]:
    return [None if isinstance(output, Raised) else tuple(map(int, output)) for output in outputs]


class Spy:
    """A learner that only draws its training trials, and a rule that keeps what it is shown."""

    def __init__(self, mechanism: Mechanism, promises: Sequence[float]) -> None:
        self.mechanism, self.promises = mechanism, promises
        self.rules, self.shown, self.trained = list[Rule](), list[list[Any]](), 0
        self.before: list[int] = []

    def learn(self, draw: Callable[[int], Any], size: int, *_: object, worlds: int, **__: object) -> Rule:
        self.trained += sum(look.size for part in (size // 3, size - size // 3) for look in draw(part))
        self.before = [len(made) for made in self.mechanism.made]
        shown: list[Any] = []

        def place(outputs: Any) -> np.ndarray:
            shown.extend(plain(outputs))
            return np.array([cell_of(output) for output in plain(outputs)], dtype=np.intp)

        guesses = (0, -1, worlds - 1)
        self.rules.append(Rule(place, guesses, guesses, ("a", "b", "c"), "spy", self.promises[min(len(self.rules), 1)]))
        self.shown.append(shown)
        return self.rules[-1]


def cell_of(output: tuple[int, int] | None) -> int:
    return 2 if output is None else output[1] % 3


def job_for(mechanism: Callable[..., Any], count: int, training: int | None, *, batch: bool = False, llr: Any = None) -> Job:
    return Job(mechanism, ONE, count, 0.99, llr, None, batch, training, None, 0)


def tested_trials_are_counted_once() -> None:
    for worlds, way, training, second in itertools.product((2, 3), ("one", "rows"), (300, None), (1.0, 9.0)):
        mechanism = Mechanism(worlds, raising=way == "one")
        spy = Spy(mechanism, (1.0, second))
        pair = Pair(0, 1, ONE.neighbours, "", others=tuple(range(2, worlds)))
        job, log = job_for(getattr(mechanism, way), 1400, training, batch=way == "rows"), list[tuple[int, Tally]]()
        with replaced(procedure, "learn", spy.learn), replaced(trials, "_FIRST", 100), replaced(trials, "_SLOW", 100):
            for tally in fixed(job, pair):
                log.append((len(spy.rules), tally))
        tally = log[-1][1]
        assert len(log) > 1, "there is one piece only, which shows nothing of the next"
        assert {learned for learned, _ in log} == {worlds - 1}, "a rule is learned from tested trials"
        chosen = int(worlds == 3 and second > 1)
        assert tally.rule is spy.rules[chosen], "the rule is not the one that was fixed"
        assert job.trained == spy.trained == (training or 350), "another number of trials trains"
        compared = 2 if chosen else worlds
        tested = [made[start:] for made, start in zip(mechanism.made, spy.before, strict=True)]
        assert sum(map(len, tested)) == 1400 - job.trained, "another number of trials is tested"
        assert not any(tested[compared:]), "a data set outside the pair is tested"
        assert sorted(spy.shown[chosen], key=str) == sorted(itertools.chain(*tested), key=str), "the rule judges other trials"
        wanted = tuple(tuple(Counter(map(cell_of, made))[cell] for cell in range(3)) for made in tested[:compared])
        assert tally.counts.table == wanted, "a tested trial is counted in another row, twice or never"


def learned_rules_are_kept() -> None:
    """The shipped learners, on equal training parts; what is tested differs."""
    for batch, llr in itertools.product((False, True), (None, lambda outputs: np.asarray(outputs, dtype=np.float64) - 0.5)):
        try:
            rules = {rule for seed in (1, 2) for rule in rules_seen(seed, batch=batch, llr=llr)}
        except ValueError as error:
            raise AssertionError("the rule has another number of cells than before") from error
        assert len(rules) == 1, "the rule depends on tested trials"


def rules_seen(seed: int, *, batch: bool, llr: Any) -> Iterator[tuple[Any, ...]]:
    """The rule after each piece, on a mechanism whose trials are the same in training, and by the seed afterwards."""
    told, bits, run_so_far = [np.random.default_rng(0), np.random.default_rng(seed)], np.random.default_rng(3), [0]

    def mechanism(bit: int, n: int = 0) -> Any:
        late = run_so_far[0] >= TRAINING
        run_so_far[0] += n or 1
        drawn = told[late].poisson(3 * (bit ^ (late and seed == 2)) + 1, size=n or None)
        return drawn if n else int(drawn)

    job = job_for(mechanism, TRAINING + 1500, TRAINING, batch=batch, llr=llr)
    with replaced(trials, "_secrets", lambda count, _: bits.integers(0, 2, count)), replaced(trials, "_FIRST", 500):
        for tally in fixed(job, Pair(0, 1, ONE.neighbours, "")):
            rule = tally.rule
            assert max(rule.guesses) > 0, "nothing is learned"
            cells = tuple(rule.place(np.arange(-3, 9)).tolist())
            yield rule.guesses, rule.everywhere, rule.depths, rule.shares, rule.words, rule.predicted, cells


# --- (2) alarms ---


def a_late_exception_lets_nothing_be_concluded() -> None:
    honest, calls = audited(0)
    assert honest.verdict is Verdict.VIOLATION, "there is nothing that an alarm could hide"
    training = next(i for i in range(len(calls)) if sum(calls[:i]) == TRAINING)
    assert 2 <= training <= len(calls) - 4, "there are no pieces on both sides"
    for failing, size in enumerate(calls):
        found, made = audited(failing + 1)
        late = failing >= training
        assert found.verdict is (Verdict.INCONCLUSIVE if late else Verdict.VIOLATION), (
            "a batch raised, and the verdict is another"
        )
        assert bool(found.alarm) is late, "the alarm is not about the tested part"
        assert found.tested == 2000, "a batch that raised is not made up for"
        assert set(made[failing + 1 :]) == {1}, "after a batch has raised, trials do not run by themselves"
        assert len(made) == failing + 1 + size + sum(calls[failing + 1 :])
        if failing:
            assert audited(failing + 1, float)[0].verdict is Verdict.INCONCLUSIVE, "a batch of another type speaks for its trials"


def audited(failing: int, kind: type = int) -> tuple[Audit, list[int]]:
    """An audit of what shows its data set, whose given call raises or comes in another type; and the sizes of its calls."""
    calls, secret = list[int](), np.random.default_rng(9)

    def mechanism(bit: int, n: int) -> Any:
        calls.append(n)
        if len(calls) == failing and kind is int:
            raise ZeroDivisionError
        return np.full(n, bit, dtype=kind if len(calls) == failing else int)

    with (
        replaced(trials, "_FIRST", 500),
        replaced(trials, "_secrets", lambda count, _: secret.integers(0, 2, count)),
    ):
        found = run(
            mechanism,
            claim=ONE,
            pair=Pair(0, 1, ONE.neighbours, ""),
            trials=TRAINING + 2000,
            training=TRAINING,
            llr=lambda outputs: 9.0 * np.asarray(outputs, dtype=np.float64) - 4.5,
            batch=True,
            confidence="0.99",
        )
    return found, calls


def prove() -> None:
    tested_trials_are_counted_once()
    learned_rules_are_kept()
    a_late_exception_lets_nothing_be_concluded()


def mutants() -> dict[str, object]:
    chunks, many, kind = (f"privlib.audit.trials.Trials.{name}" for name in ("chunks", "_many", "_watch_kind"))
    work, note, add = (f"privlib.audit.procedure.{name}" for name in ("fixed", "_note", "Tally.add"))
    count = "privlib.audit.rules.Rule.count"
    loop = "for outputs in runs.chunks(tested):\n"
    return {
        "the tested part is taken for training": rewritten(chunks, "self.test()", "pass"),
        "a late exception is no alarm": rewritten(many, "if self._testing:", "if False:"),
        "an early exception is an alarm": rewritten(many, "if self._testing:", "if True:"),
        "a batch may change its type": rewritten(kind, "self._kind != kind", "False"),
        "the rule is learned again": rewritten(work, loop, f"{loop}            rule = _fit(job, runs, 60, aim, worlds=2)\n"),
        "the rule learns from what it tests": rewritten(
            work, loop, f"{loop}            rule = by_ratio(job.llr, outputs, aim) if job.llr else rule\n"
        ),
        "the training part is tested as well": rewritten(work, "tested = job.trials - job.part(pair)", "tested = job.trials"),
        "the rows are exchanged": rewritten(work, "for made in outputs]", "for made in outputs[::-1]]"),
        "a piece is added twice": rewritten(add, "self.table += rows", "self.table += rows * (1 + (self.table.sum() > 0))"),
        "a piece replaces the ones before": rewritten(add, "self.table += rows", "self.table = rows"),
        "the alarm is not passed on": rewritten(note, "runs.alarm or watch.alarm", "watch.alarm"),
        "an alarm does not count": rewritten("privlib.audit.result.Audit.verdict", "if self.alarm:", "if False:"),
        "a cell of a rule is counted in the next": rewritten(count, "self.place(outputs)", "(self.place(outputs) + 1) % 3"),
    }  # fmt: skip

"""Run a mechanism on two neighbouring data sets many times, guess which one it saw, and count."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from privlib.audit.bounds import claimed, tally
from privlib.audit.features import Raised
from privlib.audit.pairs import Pair
from privlib.audit.result import Audit
from privlib.audit.rules import Learned, LikelihoodRatio, Ratio, Scores
from privlib.bounds import Bound, Real, exact, exact_int
from privlib.errors import InvalidInput, Mismatch, PrivlibError

__all__ = ["MechanismFailed", "run"]

_CHUNK = 4096
_FEWEST, _MOST_TRAINING = 1000, 100_000
_Secrets = NDArray[np.int8]


class MechanismFailed(PrivlibError):
    """The audited mechanism raised an exception in every trial, on both data sets: there is nothing to audit."""


def run(
    mechanism: Callable[..., Any],
    *,
    claim: Bound,
    pair: Pair,
    trials: int = 200_000,
    confidence: Real = "0.999",
    llr: Ratio | None = None,
    observe: Callable[[Any], Any] | None = None,
    batch: bool = False,
    training: int | None = None,
    seed: int = 0,
    title: str = "mechanism",
    theorem: str | None = None,
    reproduce: str = "",
) -> Audit:
    """Try to refute a pure claim about a mechanism.

    In each trial the operating system draws a secret bit, the mechanism runs on that data set of the pair, and a rule
    that was fixed before guesses the bit from the output, or abstains. Too many right guesses refute the claim.

    Parameters
    ----------
    mechanism : callable
        ``f(dataset) -> output`` or, with ``batch=True``, ``f(dataset, n) -> n independent outputs``. It draws its own
        randomness. An exception is an output; only its type is kept. A batch that raises is run again one by one.
    claim : Bound
        What the mechanism says of itself; a pure bound.
    pair : Pair
        Two data sets that are neighbours in the claim's sense.
    trials : int
        Runs over both data sets, at least 1000.
    confidence : rational
        One minus the chance of certifying more than the truth; strictly between 1/2 and 1.
    llr : callable, optional
        Where the law is known: from a list of outputs to the logarithms of P(output | second) / P(output | first), an
        array. Without it the rule is learned.
    observe : callable, optional
        What the rule sees of an output: numbers, an array, text or None. Default: the output itself.
    batch : bool
        Whether the mechanism takes ``n``.
    training : int, optional
        Trials that fix the rule and are not tested. Default: a quarter, at most 100 000.
    seed : int
        Fixes how the training part is split, nothing else; the mechanism and the secret bits never see it.
    title, theorem, reproduce : str, optional
        What is audited, the theorem that it names and the call that repeats the audit, for the report.

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

    Examples
    --------
    >>> from privlib.bounds import Bound, Neighbours
    >>> pair = Pair(0, 1, Neighbours.RECORD, "one bit")
    >>> found = run(lambda bit: bit, claim=Bound.pure(1, neighbours="record"), pair=pair, trials=1000)
    >>> found.verdict, found.correct == found.guesses == found.tested == 750
    (<Verdict.VIOLATION: 'violation'>, True)
    """
    began = time.perf_counter()
    level = float(exact(confidence, name="confidence"))
    part = _checked(claim, pair, trials, level, training)
    trial = _Trials(mechanism, pair, observe, batch)
    scores: Scores = Learned() if llr is None else LikelihoodRatio(llr)

    parts = [(scores.score(outputs), bits) for outputs, bits in trial.chunks(part)]
    if trial.raised == part:
        raise MechanismFailed(f"the mechanism raised in all {part} training trials, on both data sets; first {trial.first_error}")
    seen, secrets = np.concatenate([rows for rows, _ in parts]), np.concatenate([bits for _, bits in parts])
    order = np.random.default_rng(seed).permutation(part)
    rule = scores.fix(seen, secrets, tested=trials - part, confidence=level, order=order)
    alike = all(np.unique(seen[secrets == world, 0]).size <= 1 for world in (0, 1))
    del parts, seen

    guesses = correct = 0
    for outputs, bits in trial.chunks(trials - part):
        made, right = tally(rule.guess(scores.score(outputs)), bits)
        guesses, correct = guesses + made, correct + right
    notes = []
    if alike:
        notes.append("Deterministic: in training, all outputs of one data set looked the same to the rule.")
    if trial.raised:
        notes.append(f"The mechanism raised in {trial.raised} trials; an exception counts as an output.")
    return Audit(
        title=title,
        claim=claim,
        pair=f"{pair.description} ({pair.neighbours})",
        trials=trials,
        training=part,
        guesses=guesses,
        correct=correct,
        raised=trial.raised,
        confidence=level,
        rule=rule.words,
        notes=tuple(notes),
        secure=trial.secure,
        seed=seed,
        theorem=theorem,
        reproduce=reproduce,
        seconds=round(time.perf_counter() - began, 3),
        versions={"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
    )


def _checked(claim: Bound, pair: Pair, trials: int, confidence: float, training: int | None) -> int:
    """Refuse what cannot be audited; the size of the training part."""
    claimed(claim)
    if claim.neighbours is not pair.neighbours:
        raise Mismatch(f"the claim speaks of {claim.neighbours}, the pair of {pair.neighbours}: audit one relation")
    exact_int(trials, name="trials", least=_FEWEST)
    if not 0.5 < confidence < 1:
        raise InvalidInput(f"confidence must lie strictly between 0.5 and 1, got {confidence}")
    part = min(trials // 4, _MOST_TRAINING) if training is None else training
    if not 100 <= part < trials:
        raise InvalidInput(f"training must be an int from 100 to trials - 1, got {str(part)[:40]}")
    return part


def _secret_bits(count: int) -> _Secrets:
    """Fair bits from the operating system."""
    return np.unpackbits(np.frombuffer(os.urandom(-(-count // 8)), dtype=np.uint8), count=count).astype(np.int8)


class _Trials:
    """Runs the mechanism, chunk by chunk, and keeps an eye on what it does."""

    def __init__(self, mechanism: Callable[..., Any], pair: Pair, observe: Callable[[Any], Any] | None, batch: bool) -> None:
        self._mechanism, self._pair, self._observe, self._batch = mechanism, pair, observe, batch
        self.raised, self.first_error, self.secure = 0, "", True

    def chunks(self, count: int) -> Iterator[tuple[list[Any], _Secrets]]:
        """Outputs and secrets of ``count`` trials; memory stays that of one chunk."""
        for begin in range(0, count, _CHUNK):
            bits = _secret_bits(min(_CHUNK, count - begin))
            yield self._outputs(bits), bits

    def _outputs(self, bits: _Secrets) -> list[Any]:
        if not self._batch:
            return [self._seen(self._once(bit)) for bit in bits.tolist()]
        worlds = [iter(self._many(world, int(np.count_nonzero(bits == world)))) for world in (0, 1)]
        return [self._seen(next(worlds[bit])) for bit in bits.tolist()]

    def _dataset(self, world: int) -> object:
        return self._pair.second if world else self._pair.first

    def _once(self, world: int) -> Any:
        try:
            if self._batch:
                return self._whole(self._mechanism(self._dataset(world), 1), 1)[0]
            return self._mechanism(self._dataset(world))
        except InvalidBatch:
            raise
        except Exception as error:
            return self._noted(error)

    def _many(self, world: int, count: int) -> Any:
        if not count:
            return []
        try:
            return self._whole(self._mechanism(self._dataset(world), count), count)
        except InvalidBatch:
            raise
        except Exception:  # one bad trial must not colour the rest of its batch, so all are drawn afresh
            return [self._once(world) for _ in range(count)]

    @staticmethod
    def _whole(outputs: Any, count: int) -> Any:
        if len(outputs) != count:
            raise InvalidBatch(f"a batch mechanism must give n outputs: asked for {count}, got {len(outputs)}")
        return outputs

    def _noted(self, error: Exception) -> Raised:
        symbol = Raised(error)
        self.raised, self.first_error = self.raised + 1, self.first_error or symbol.kind
        return symbol

    def _seen(self, output: Any) -> Any:
        if isinstance(output, Raised):
            return output
        self.secure = self.secure and getattr(output, "secure", True) is not False
        return output if self._observe is None else self._observe(output)


class InvalidBatch(InvalidInput):
    """A batch mechanism that does not give as many outputs as it was asked for."""

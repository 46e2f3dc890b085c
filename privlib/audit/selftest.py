"""The auditor tried on mechanisms whose truth is known: whether it refutes what is false, and how often what is true."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtrc

from privlib.audit.bounds import Verdict
from privlib.audit.judge import claimed
from privlib.bounds import Real, exact_int, exact_share

if TYPE_CHECKING:
    from privlib.audit.zoo import Entry

__all__ = ["Coverage", "Finding", "coverage", "examine", "most_flagged"]

PROVED = "refuted by its exact law"
"""The verdict on a bug that no number of trials shows."""

_FEWEST, _MOST = 100_000, 1_000_000
_BLAMED_WRONGLY = 1e-4
_ROUNDING = 1e-9  # of a log-likelihood ratio; what exceeds a claim by less may not exceed it
_BLOCK = 25  # audits that a worker makes at a time: few, so that all end together, and far more work than to hand them out


@dataclass(frozen=True)
class Finding:
    """What an audit found in an entry of the zoo.

    Attributes
    ----------
    entry : Entry
        What was audited.
    verdict : str
        The audit's verdict, ``"refuted by its exact law"``, or the exception's name where the audit raised.
    certified : float
        In the unit of the claim; NaN where nothing was audited.
    trials : int
        Trials, or canaries of a one-run audit.
    seconds : float
        How long it took.
    """

    entry: Entry
    verdict: str
    certified: float
    trials: int
    seconds: float

    @property
    def expected(self) -> str:
        """What a good auditor says."""
        return {"sound": str(Verdict.NO_VIOLATION_FOUND), "proof": PROVED}.get(self.entry.how, str(Verdict.VIOLATION))

    @property
    def as_expected(self) -> bool:
        """Whether it said so. A true claim must not be refuted, whatever else is said of it."""
        if self.entry.how == "sound":
            return self.verdict in (Verdict.NO_VIOLATION_FOUND, Verdict.INCONCLUSIVE)
        return self.verdict == self.expected


def examine(
    entry: Entry,
    *,
    trials: int | None = None,
    confidence: Real = "0.999",
    seed: int = 0,
) -> Finding:
    """Audit an entry of the zoo in the way that it asks for, as a black box.

    Parameters
    ----------
    entry : Entry
        The mechanism, its claim and its pairs.
    trials : int, optional
        Trials; without it ten times what the entry is known to take, from 100 000 to a million. A one-run audit has as many
        canaries as the entry says, whatever is given.
    confidence : rational
        One minus the chance of refuting a true claim.
    seed : int
        Fixes the search and the split.

    Returns
    -------
    Finding
    """
    from privlib.audit import run

    began = time.perf_counter()
    if entry.how == "proof":
        return Finding(entry, _by_law(entry), math.nan, 0, time.perf_counter() - began)
    if entry.how == "one-run":
        from privlib.audit.onerun import one_run

        size = entry.trials
        scores, secrets = entry.mechanism(size)
        single = one_run((scores > 0).astype(np.int8), secrets, claim=entry.claim, confidence=confidence, planned=size)
        return Finding(entry, str(single.verdict), single.certified, size, time.perf_counter() - began)
    size = trials or min(_MOST, max(_FEWEST, 10 * entry.trials))
    found = run(
        entry.mechanism,
        claim=entry.claim,
        trials=size,
        confidence=confidence,
        batch=entry.batch,
        seed=seed,
        title=f"zoo:{entry.name}",
        pairs=entry.pairs,
    )
    return Finding(entry, str(found.verdict), found.certified, found.trials, time.perf_counter() - began)


def _by_law(entry: Entry) -> str:
    """Look for an output at which the exact log-likelihood ratio alone exceeds the claim: at powers of two, far out too."""
    if entry.llr is None:
        return str(Verdict.INCONCLUSIVE)
    outputs = [sign << power for power in range(40) for sign in (1, -1)]
    limit = claimed(entry.claim) + _ROUNDING
    return PROVED if (abs(entry.llr(outputs)) > limit).any() else str(Verdict.NO_VIOLATION_FOUND)


@dataclass(frozen=True)
class Coverage:
    """How often audits refuted a claim that is true.

    Attributes
    ----------
    control : str
        The mechanism's name in the zoo.
    audits : int
        How many audits were made.
    flagged : int
        How many of them found a violation, wrongly.
    limit : int
        A valid auditor flags more than this with probability at most 1e-4.
    """

    control: str
    audits: int
    flagged: int
    limit: int


def most_flagged(audits: int, alpha: Real) -> int:
    """How many of some audits may be wrong before the auditor is to blame.

    Parameters
    ----------
    audits : int
        Independent audits of claims that are true.
    alpha : rational
        The error probability of each.

    Returns
    -------
    int
        A valid auditor exceeds it with probability at most 1e-4, by the exact binomial tail.

    Examples
    --------
    >>> most_flagged(2000, "0.05")
    138
    """
    size, share = exact_int(audits, name="audits"), float(exact_share(alpha, name="alpha"))
    return next(most for most in range(size + 1) if bdtrc(most, size, share) <= _BLAMED_WRONGLY)


def coverage(
    audits: int = 2000,
    *,
    trials: int = 2000,
    alpha: Real = "0.05",
    anytime: bool = False,
    controls: Sequence[str] | None = None,
    jobs: int = 1,
) -> Iterator[Coverage]:
    """Audit mechanisms that reach their claim exactly, many times each, and count the false alarms.

    Parameters
    ----------
    audits : int
        Audits of each control.
    trials : int
        Trials of each audit.
    alpha : rational
        The error probability of each audit.
    anytime : bool
        Whether to stop each audit as soon as it refutes the claim.
    controls : sequence of str, optional
        Names in the zoo; ``privlib.audit.zoo.controls.TIGHT`` without it.
    jobs : int
        Worker processes. They are spawned, so a program that asks for more than one must guard its main part by
        ``if __name__ == "__main__"``. Each audit has its own seed, and the secrets are the operating system's in any case.

    Yields
    ------
    Coverage
        One for each control.
    """
    from privlib.audit.zoo.controls import TIGHT

    limit = most_flagged(audits, alpha)
    confidence = 1 - exact_share(alpha, name="alpha")
    blocks = [range(first, min(first + _BLOCK, audits)) for first in range(0, audits, _BLOCK)]
    with _workers(exact_int(jobs, name="jobs")) as each:
        for name in TIGHT if controls is None else controls:
            flagged = each(partial(_flagged, name, trials=trials, confidence=confidence, anytime=anytime), blocks)
            yield Coverage(name, audits, sum(flagged), limit)


@contextmanager
def _workers(jobs: int) -> Generator[Callable[[Callable[[range], int], Iterable[range]], Iterable[int]]]:
    """What applies a function to each of many blocks of audits: here, or in processes of their own."""
    if jobs == 1:
        yield map
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def _flagged(name: str, seeds: range, *, trials: int, confidence: Fraction, anytime: bool) -> int:
    """How many audits of a control, one for each seed, find a violation."""
    from privlib.audit import run
    from privlib.audit.zoo import entry

    control = entry(name)
    found = (
        run(
            control.mechanism,
            claim=control.claim,
            pair=control.pairs[0],
            trials=trials,
            confidence=confidence,
            batch=control.batch,
            anytime=anytime,
            seed=seed,
        )
        for seed in seeds
    )
    return sum(audit.verdict is Verdict.VIOLATION for audit in found)

"""Audit what can be run once only: many secret bits, one output, one guess a bit. Read beside proofs/audit/t4_one_run.py.

Each of m canaries is put into the data, or left out, by its own fair coin; the mechanism runs once; then the coins are guessed
from the output, or abstained from. What the guesses prove is exact, although one output depends on all coins together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr

from privlib.audit.binomial import checked_confidence
from privlib.audit.bounds import Verdict, guess_bound
from privlib.audit.judge import claimed
from privlib.audit.onerun_bounds import one_run_approx_bound, one_run_gdp_bound
from privlib.audit.result import percent, spelled
from privlib.bounds import Bound, Kind, Real, exact_int
from privlib.certificate import open_sealed, seal
from privlib.errors import InvalidInput, TamperedRelease

__all__ = ["OneRun", "guess_by_rank", "one_run"]

KIND = "audit.one-run"
_COUNTS = ("canaries", "guesses", "correct")
_ABSTAIN = -1
_UNFAIR = 1e-9  # fair coins look so unfair with this probability at most


@dataclass(frozen=True, kw_only=True)
class OneRun:
    """What one run showed. Bound and verdict are computed from the stored counts, whoever stored them.

    Attributes
    ----------
    canaries : int
        Records whose presence a fair coin decided, m.
    guesses, correct : int
        Coins that were guessed, and right guesses among them.
    planned : bool
        Whether the number of guesses was fixed before the output was seen.
    claim : Bound
        What the mechanism says of itself: a pure, approximate or gdp bound.
    confidence : float
        One minus the chance of certifying more than the truth.
    title : str
        What was audited.
    """

    canaries: int
    guesses: int
    correct: int
    planned: bool
    claim: Bound
    confidence: float
    title: str

    @property
    def unit(self) -> str:
        """What `certified` counts: epsilon (at the claim's delta, if it has one) or mu."""
        return "mu" if self.claim.kind is Kind.GDP else "epsilon"

    @property
    def claimed(self) -> float:
        """What the claim allows, in the same unit, rounded up."""
        return claimed(self.claim)

    @cached_property
    def certified(self) -> float:
        """What the mechanism leaks at least, unless an event of chance ``1 - confidence`` happened.

        For a gdp claim it is the largest mu that is refuted.
        """
        return self._limit(self.correct)

    @cached_property
    def verdict(self) -> Verdict:
        """What follows for the claim; inconclusive where not even right guesses alone would have refuted it."""
        if self.certified > self.claimed:
            return Verdict.VIOLATION
        return Verdict.NO_VIOLATION_FOUND if self._limit(self.guesses) > self.claimed else Verdict.INCONCLUSIVE

    def _limit(self, correct: int) -> float:
        counts = (correct, self.guesses, self.canaries)
        error = 1 - self.confidence
        if self.claim.kind is Kind.PURE:
            return guess_bound(correct, self.guesses, self.confidence)
        if self.claim.kind is Kind.APPROX:
            delta = math.nextafter(float(self.claim.delta), 1.0)  # rounded up
            return one_run_approx_bound(*counts, error / (1 if self.planned else 2), delta=delta)
        return one_run_gdp_bound(*counts, error / (1 if self.planned else self.canaries))

    def sentence(self) -> str:
        """The verdict as one sentence."""
        claim, share, found = spelled(self.claim), percent(self.confidence), f"{self.unit} {self.certified:.4g}"
        match self.verdict:
            case Verdict.VIOLATION if self.claim.kind is Kind.GDP:
                return f"Violation: no claim below {found} holds, with confidence {share}; the claim is {claim}."
            case Verdict.VIOLATION:
                return f"Violation: the mechanism has at least {found}, with confidence {share}; the claim is {claim}."
            case Verdict.NO_VIOLATION_FOUND:
                return f"No violation found: certified {found}, confidence {share}, is not above the claim {claim}."
            case Verdict.INCONCLUSIVE:
                return (
                    f"Inconclusive: {self.guesses} guesses about {self.canaries} canaries cannot refute the claim {claim}, "
                    "even if all are right."
                )

    def summary(self) -> str:
        """The result as text."""
        number = "planned" if self.planned else "chosen after the output, which the bound allows for"
        return "\n".join(
            (
                f"One run      {self.title}",
                f"Verdict      {self.sentence()}",
                f"Claim        {self.claim}",
                f"Certified    {self.unit} >= {self.certified:.6g} with confidence {percent(self.confidence)}",
                f"Counts       {self.canaries} canaries, {self.guesses} guesses, {self.correct} right",
                f"Number       of guesses: {number}",
                f"Covers not   {NOT_COVERED}",
            )
        )

    def to_json(self) -> str:
        """The result as canonical JSON with a digest; floats stand as text."""
        body = {
            **{name: getattr(self, name) for name in _COUNTS},
            "planned": self.planned,
            "claim": self.claim.to_dict(),
            "confidence": repr(self.confidence),
            "certified": repr(self.certified),
            "verdict": str(self.verdict),
            "title": self.title,
        }
        return seal(KIND, body)

    @classmethod
    def replay(cls, text: str) -> OneRun:
        """Read a result and compute its bound and verdict again from the stored counts.

        Parameters
        ----------
        text : str
            What `to_json` wrote.

        Returns
        -------
        OneRun

        Raises
        ------
        TamperedRelease
            When the text was altered, or its bound or verdict does not follow from its counts.
        """
        record = open_sealed(text, KIND)
        try:
            counts = [record[name] for name in _COUNTS]
            if any(type(count) is not int for count in counts) or type(record["planned"]) is not bool:
                raise TypeError
            canaries, guesses, correct = counts
            found = cls(
                canaries=canaries,
                guesses=guesses,
                correct=correct,
                planned=record["planned"],
                claim=_checked_claim(Bound.from_dict(record["claim"])),
                confidence=float(checked_confidence(record["confidence"])),
                title=str(record["title"]),
            )
            follows = 0 <= correct <= guesses <= canaries and abs(float(record["certified"]) - found.certified) <= 1e-9
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise TamperedRelease("the file lacks what a one-run audit has") from error
        if not follows or record["verdict"] != found.verdict:
            raise TamperedRelease("the stated bound or verdict does not follow from the stored counts")
        return found


NOT_COVERED = (
    "An audit can refute a claim, never establish it. It assumes that the coins were fair and independent, not exactly half of "
    "the canaries, and that the guesses were made from the output and from nothing else that depends on the coins."
)


def one_run(
    guesses: ArrayLike,
    secrets: ArrayLike,
    *,
    claim: Bound,
    confidence: Real = "0.999",
    planned: int | None = None,
    title: str = "one run",
) -> OneRun:
    """Try to refute a claim with a single run in which many independent fair coins were hidden.

    Parameters
    ----------
    guesses : int array, shape (m,)
        1 or 0 for each canary, -1 to abstain, made from the output alone. `guess_by_rank` makes them from scores.
    secrets : array of 0 and 1 or of bool, shape (m,)
        The coins: whether each canary was put in. They must have been thrown independently; two data sets that differ in one
        coin must be neighbours as the claim means it.
    claim : Bound
        What the mechanism says of itself: ``Bound.pure``, ``Bound.approx`` or ``Bound.gdp``.
    confidence : rational
        One minus the chance of certifying more than the truth; strictly between 1/2 and 1.
    planned : int, optional
        The number of guesses, if it was fixed before the output was seen, which then certifies a little more about
        approximate and gdp claims. Without it the number may depend on the output. A pure claim needs no plan.
    title : str
        What is audited.

    Returns
    -------
    OneRun

    Raises
    ------
    InvalidInput
        For arguments out of range, another number of guesses than planned, or secrets that are no fair coins.

    References
    ----------
    Steinke, Nasr, Jagielski (2023), arXiv 2305.08846, for pure claims; the bound for approximate ones is smaller than theirs
    and the best possible. Mahloujifar, Melis, Chaudhuri (2024) for gdp claims. Theorems: audit.t4, audit.t5.

    Examples
    --------
    >>> coins = np.arange(600) % 2
    >>> found = one_run(coins, coins, claim=Bound.pure(1, neighbours="add_remove"))
    >>> found.verdict, round(found.certified, 3)
    (<Verdict.VIOLATION: 'violation'>, 4.459)
    """
    made, coins = np.asarray(guesses), _coins(secrets)
    if made.shape != coins.shape or made.dtype.kind not in "iu" or not np.isin(made, (0, 1, _ABSTAIN)).all():
        raise InvalidInput("guesses must be integers 1, 0 or -1 (abstain), one for each secret")
    number = int(np.count_nonzero(made != _ABSTAIN))
    if planned is not None and exact_int(planned, name="planned", most=made.size) != number:
        raise InvalidInput(f"{number} guesses were made and {planned} planned: make as many as planned, or plan none")
    return OneRun(
        canaries=made.size,
        guesses=number,
        correct=int(np.count_nonzero(made == coins)),
        planned=planned is not None,
        claim=_checked_claim(claim),
        confidence=float(checked_confidence(confidence)),
        title=title,
    )


def guess_by_rank(scores: ArrayLike, *, guesses: int | None = None, seed: int | None = None) -> NDArray[np.int8]:
    """Guess "in" for the highest scores and "out" for the lowest, and abstain between. The secrets are not looked at.

    Parameters
    ----------
    scores : float array, shape (m,)
        One for each canary, larger where it looks more like a member. Infinities are ranked, NaN is refused.
    guesses : int, optional
        How many guesses to make, chosen before the secrets are looked at: half at each end, an odd one at the top.
        Default: three in ten canaries.
    seed : int, optional
        Equal scores are ranked at random, for a file may be sorted by its secrets; a seed repeats the order.

    Returns
    -------
    int8 array, shape (m,)
        1, 0, or -1 to abstain.

    Raises
    ------
    InvalidInput
        For scores that are no vector of numbers, or more guesses than scores.

    Examples
    --------
    >>> guess_by_rank([0.1, 7.5, -3.0, 2.0], guesses=3)
    array([-1,  1,  0,  1], dtype=int8)
    """
    ranked = np.asarray(scores)
    if ranked.ndim != 1 or ranked.size == 0 or ranked.dtype.kind not in "iuf" or np.isnan(ranked).any():
        raise InvalidInput("scores must be a vector of numbers without NaN, one for each canary")
    size = ranked.size
    number = max(1, 3 * size // 10) if guesses is None else exact_int(guesses, name="guesses", most=size)
    order = np.lexsort((np.random.default_rng(seed).permutation(size), ranked))
    made = np.full(size, _ABSTAIN, dtype=np.int8)
    made[order[: number // 2]] = 0
    made[order[size - (number + 1) // 2 :]] = 1
    return made


def _coins(secrets: ArrayLike) -> NDArray[np.int8]:
    coins = np.asarray(secrets)
    if coins.ndim != 1 or coins.size == 0 or coins.dtype.kind not in "biu" or not np.isin(coins, (0, 1)).all():
        raise InvalidInput("secrets must be a vector of 0 and 1 or of bool, one for each canary")
    heads = int(np.count_nonzero(coins))
    if 2 * bdtr(min(heads, coins.size - heads), coins.size, 0.5) < _UNFAIR:
        raise InvalidInput("secrets must be fair coins: far too many of them are alike")
    return coins.astype(np.int8)


def _checked_claim(claim: Bound) -> Bound:
    if not isinstance(claim, Bound) or claim.kind is Kind.ZCDP:
        raise InvalidInput("a one-run audit tests pure, approx and gdp claims: convert a zcdp claim first")
    return claim

"""What an attack on a distribution found, as a value that can be written and read back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from privlib.audit.binomial import checked_confidence, interval
from privlib.audit.distribution.leakage import n_leaked, raw_draws
from privlib.audit.judge import claimed
from privlib.bounds import Bound, Kind, Neighbours, decimal, exact
from privlib.certificate import open_sealed, seal
from privlib.errors import InvalidInput, TamperedRelease

__all__ = ["DistributionInference"]

_KIND = "distribution inference"
_COUNTS = ("n", "trials", "training", "right", "raised")


@dataclass(frozen=True, kw_only=True)
class DistributionInference:
    """How well an adversary tells two populations apart. Everything is computed from the stored counts.

    Attributes
    ----------
    title : str
        What was attacked.
    n : int
        Records in each training.
    trials, training : int
        All trials, and those that only served to fix the attack.
    right : int
        Right guesses on the others; each is guessed.
    raised : int
        Trials in which the mechanism raised an exception, which is an output like others.
    confidence : Fraction
        Of the intervals.
    alphas : tuple of Fraction or None
        The shares of the attribute in the two populations.
    claim : Bound or None
        What the mechanism says of itself.
    attack : str
        How the guesses were made.
    seconds : float
        How long it took.
    """

    title: str
    n: int
    trials: int
    training: int
    right: int
    raised: int
    confidence: Fraction
    alphas: tuple[Fraction, Fraction] | None
    claim: Bound | None
    attack: str
    seconds: float

    @property
    def tested(self) -> int:
        """Trials that the attack was tested on."""
        return self.trials - self.training

    @property
    def accuracy(self) -> float:
        """The share of right guesses."""
        return self.right / self.tested

    @property
    def interval(self) -> tuple[float, float]:
        """The Clopper-Pearson interval of the attack's accuracy."""
        return interval(self.right, self.tested, confidence=self.confidence)

    @property
    def n_leaked(self) -> float | None:
        """The accuracy in raw draws; None without shares."""
        return None if self.alphas is None else n_leaked(Fraction(self.right, self.tested), *self.alphas)

    @property
    def n_leaked_interval(self) -> tuple[float, float] | None:
        """The interval of the accuracy in raw draws; None without shares."""
        if self.alphas is None:
            return None
        low, high = self._limits
        return n_leaked(low, *self.alphas), n_leaked(high, *self.alphas)

    @property
    def raw_draws_interval(self) -> tuple[float, float] | None:
        """With how many raw draws the best test has the limits of the accuracy; None without shares."""
        if self.alphas is None:
            return None
        low, high = self._limits
        return raw_draws(low, *self.alphas), raw_draws(high, *self.alphas)

    @property
    def _limits(self) -> tuple[Fraction, Fraction]:
        """The interval of the accuracy, one minus that of a wrong guess, which keeps its precision near 1."""
        low, high = interval(self.tested - self.right, self.tested, confidence=self.confidence)
        return 1 - Fraction(high), 1 - Fraction(low)

    @property
    def not_protected(self) -> str:
        """What differential privacy has to do with it."""
        words = "Differential privacy does not protect distributions: it bounds what one record changes"
        if self.claim is None:
            return f"{words}, and for n records together group privacy gives only epsilon times n."
        steps = self.n * (2 if self.claim.neighbours is Neighbours.ADD_REMOVE else 1)  # to replace is to remove and to add
        together = f"{steps * claimed(self.claim):.6g}"
        return f"{words}. Of epsilon for one record, group privacy leaves only epsilon times {steps}, here {together}."

    def sentence(self) -> str:
        """The finding, and that differential privacy is no answer to it."""
        low, high = self.interval
        told = (
            f"The attack tells the two populations apart with accuracy {self.accuracy:.4g} "
            f"({100 * float(self.confidence):.10g} % interval {low:.4g} to {high:.4g})"
        )
        if self.alphas is None:
            return f"{told}. {self.not_protected}"
        draws, limits = raw_draws(Fraction(self.right, self.tested), *self.alphas), self.raw_draws_interval or (0.0, math.inf)
        below = "; an accuracy below 1/2 counts as 0 draws" if 2 * self.right < self.tested else ""
        worth = f"as the best test on {draws:.6g} raw draws does ({limits[0]:.6g} to {limits[1]:.6g})"
        return f"{told}, {worth}{below}. {self.not_protected}"

    def summary(self) -> str:
        """The result as text."""
        shares = "not given" if self.alphas is None else " and ".join(decimal(each) for each in self.alphas)
        leaked, limits = self.n_leaked, self.n_leaked_interval
        draws = (
            "without shares there is none"
            if leaked is None or limits is None
            else f"{leaked:.6g}, {limits[0]:.6g} to {limits[1]:.6g}"
        )
        lines = [
            f"Inference    {self.title}",
            f"Finding      {self.sentence()}",
            f"Game         a fair coin chooses the population; {self.n} records are drawn from it; shares {shares}",
            f"Counts       {self.trials} trials, {self.training} to fix the attack, {self.right} of {self.tested} guesses right",
            f"n_leaked     {draws}; the published figure, a lower bound on raw draws, often far below",
            f"Attack       {self.attack}",
            *([f"Note         the mechanism raised in {self.raised} trials"] if self.raised else []),
            "Shows not    What a better attack finds. The intervals are those of this attack's accuracy.",
        ]
        return "\n".join(lines)

    def to_json(self) -> str:
        """The result as canonical JSON with a digest; numbers that are no integers stand as text."""
        counts = {name: getattr(self, name) for name in _COUNTS}
        body = {
            **counts,
            "title": self.title,
            "attack": self.attack,
            "confidence": str(self.confidence),
            "alphas": None if self.alphas is None else [str(each) for each in self.alphas],
            "claim": None if self.claim is None else self.claim.to_dict(),
            "seconds": repr(self.seconds),
            "sentence": self.sentence(),
        }
        return seal(_KIND, body)

    @classmethod
    def replay(cls, text: str) -> DistributionInference:
        """Read a result; its figures are computed again from the stored counts.

        Parameters
        ----------
        text : str
            What `to_json` wrote.

        Returns
        -------
        DistributionInference

        Raises
        ------
        TamperedRelease
            When the text was altered, or its sentence does not follow from its counts.
        """
        record = open_sealed(text, _KIND)
        try:
            result = cls(
                **_counts(record),
                title=str(record["title"]),
                attack=str(record["attack"]),
                confidence=checked_confidence(str(record["confidence"])),
                alphas=None if record["alphas"] is None else _shares(*record["alphas"]),
                claim=None if record["claim"] is None else Bound.from_dict(record["claim"]),
                seconds=float(record["seconds"]),
            )
            follows = result.sentence() == record["sentence"]
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            raise TamperedRelease("the file lacks what a distribution inference has") from error
        if not follows:
            raise TamperedRelease("the stated finding does not follow from the stored counts")
        return result


def _counts(record: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: record[name] for name in _COUNTS}
    if any(type(count) is not int for count in counts.values()):
        raise TypeError
    if not 0 <= counts["right"] <= counts["trials"] - counts["training"]:
        raise ValueError
    return counts


def _shares(first: str, second: str) -> tuple[Fraction, Fraction]:
    return exact(first, name="alpha0"), exact(second, name="alpha1")


def checked_claim(claim: Bound) -> Bound:
    """A claim that speaks of an epsilon."""
    if claim.kind not in (Kind.PURE, Kind.APPROX):
        raise InvalidInput(f"claim must be pure or approx, got {claim.kind}: convert it first")
    return claim

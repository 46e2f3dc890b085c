"""What an attack on membership found: true-positive rates at low false-positive rates, never one area under a curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from privlib.audit.membership.rates import (
    Floats,
    Members,
    Rate,
    checked_members,
    checked_scores,
    most_tpr,
    rate_at,
)
from privlib.bounds import Bound, Neighbours, Real, decimal, exact
from privlib.certificate import open_sealed, seal
from privlib.errors import InvalidInput, TamperedRelease

__all__ = ["FALSE_POSITIVE_RATES", "NOT_SHOWN", "Membership", "tpr_at_fpr"]

KIND = "membership"
FALSE_POSITIVE_RATES = (Fraction(1, 100), Fraction(1, 1000), Fraction(1, 10_000))
"""The rates at which an attack is measured unless others are asked for."""
NOT_SHOWN = (
    "An attack that finds nobody shows that this attack found nobody: a better one, more shadow models or other examples may. "
    "The intervals speak of these examples under this one target and take their scores as independent, which those of "
    "one model need not be. No figure here is an upper bound on leakage; that takes a proof."
)
"""What the rates do not show."""


@dataclass(frozen=True, kw_only=True)
class Membership:
    """The rates of one attack on one target, each computed from its stored counts.

    Whether the attack finds members is one verdict over all rates that can be resolved: each spends an equal part of the error
    probability (Bonferroni), so an attack that knows nothing is said to find members with probability at most one minus the
    confidence, however many rates are looked at. The printed intervals are exact each by itself.

    Attributes
    ----------
    title : str
        What was attacked.
    attack : str
        How.
    rates : tuple of Rate
        At each false-positive rate, largest first.
    claim : Bound or None
        What the mechanism says of itself for one record more or fewer.
    notes : tuple of str
        What else should be known.
    """

    title: str
    attack: str
    rates: tuple[Rate, ...]
    claim: Bound | None
    notes: tuple[str, ...]

    @property
    def resolved(self) -> tuple[Rate, ...]:
        """The rates that can be resolved; how many depends on the number of non-members and not on their scores."""
        return tuple(rate for rate in self.rates if rate.resolvable)

    @property
    def beaten(self) -> tuple[Rate, ...]:
        """The rates at which the attack beats chance, all at once with the confidence of one interval."""
        return tuple(rate for rate in self.resolved if rate.beats_chance(among=len(self.resolved)))

    def sentence(self) -> str:
        """The finding at the lowest rate at which the attack beats chance, else at the lowest rate that can be resolved."""
        if not self.resolved:
            return f"No rate is resolvable with {self.rates[0].non_members} non-members: {self.rates[0].sentence()}"
        if not self.beaten:
            return f"This attack is not shown to beat chance at any rate. {self.resolved[-1].sentence()}"
        return f"This attack finds members, with confidence {self._confidence} {self._together}. {self.beaten[-1].sentence()}"

    @property
    def _confidence(self) -> str:
        return f"{100 * float(self.rates[0].confidence):.10g} %"

    @property
    def _together(self) -> str:
        looked_at = len(self.resolved)
        return "at the one rate looked at" if looked_at == 1 else f"over all {looked_at} rates looked at"

    def summary(self) -> str:
        """The result as text."""
        lines = [f"Membership   {self.title}", f"Attack       {self.attack}", f"Finding      {self.sentence()}"]
        for rate in self.rates:
            lines.append(f"Rate         {rate.sentence()}{self._allowed(rate)}")
        lines.append(f"Confidence   {self._confidence} for each interval by itself, exact (Clopper-Pearson)")
        if len(self.resolved) > 1:
            lines.append(f"             of the finding {self._together} together (Bonferroni)")
        lines += [] if self.claim is None else [f"Claim        {self.claim}"]
        lines += [f"Note         {note}" for note in self.notes]
        return "\n".join([*lines, f"Shows not    {NOT_SHOWN}"])

    def _allowed(self, rate: Rate) -> str:
        """What the claim allows, at the limit of the false-positive rate: at the rate asked for it would seem to be exceeded."""
        if self.claim is None or not rate.resolvable:
            return ""
        return f" There the claim allows a TPR of at most {most_tpr(self.claim, rate.fpr_limit):.4g}."

    def to_json(self) -> str:
        """The result as canonical JSON with a digest; numbers that are no integers stand as text."""
        body = {
            "title": self.title,
            "attack": self.attack,
            "claim": None if self.claim is None else self.claim.to_dict(),
            "notes": list(self.notes),
            "rates": [_written(rate) for rate in self.rates],
            "shows_not": NOT_SHOWN,
        }
        return seal(KIND, body)

    @classmethod
    def replay(cls, text: str) -> Membership:
        """Read a result and compute its rates again from the stored counts.

        Parameters
        ----------
        text : str
            What `to_json` wrote.

        Returns
        -------
        Membership

        Raises
        ------
        TamperedRelease
            When the text was altered, or a stated rate does not follow from its counts.
        """
        record = open_sealed(text, KIND)
        try:
            rates = tuple(_read(row) for row in record["rates"])
            result = cls(
                title=str(record["title"]),
                attack=str(record["attack"]),
                rates=rates,
                claim=None if record["claim"] is None else Bound.from_dict(record["claim"]),
                notes=tuple(str(note) for note in record["notes"]),
            )
            follows = bool(rates) and all(_written(rate) == row for rate, row in zip(rates, record["rates"], strict=True))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise TamperedRelease("the file lacks what a membership result has") from error
        if not follows:
            raise TamperedRelease("a stated rate does not follow from the stored counts")
        return result


def tpr_at_fpr(
    scores: Floats,
    members: Members,
    *,
    title: str = "model",
    attack: str = "scores",
    fpr: Sequence[Real] = FALSE_POSITIVE_RATES,
    confidence: Real = "0.95",
    claim: Bound | None = None,
    notes: Sequence[str] = (),
    seed: int = 0,
) -> Membership:
    """Measure an attack on membership: the share of members it finds at low false-positive rates.

    Parameters
    ----------
    scores : float array, shape (n,)
        The attack's score of each example, larger for members: those of `lira`, `rmia`, `quantile_attack` or your own. Infinities
        are scores.
    members : bool array, shape (n,)
        Who was in the training. Examples to which the attack was fitted must be left out.
    title, attack : str
        What was attacked, and how, for the report.
    fpr : sequence of rational
        False-positive rates, chosen before the scores are seen; the finding allows for looking at all of them. One below
        1 / non-members is reported as not resolvable.
    confidence : rational
        Of each interval by itself, and of the finding over all rates; strictly between 1/2 and 1.
    claim : Bound, optional
        Pure, approx or gdp, for ``add_remove`` neighbours: what it allows at each rate stands beside what was found.
    notes : sequence of str
        What else the reader should know.
    seed : int
        Fixes the order of equal scores, which are ranked by lot.

    Returns
    -------
    Membership

    Raises
    ------
    InvalidInput
        For NaN, one class only, no rate, or numbers out of range.

    Examples
    --------
    >>> import numpy as np
    >>> members = np.arange(4000) < 2000
    >>> found = tpr_at_fpr(np.where(members, 1.0, 0.0), members)  # whoever publishes its members is found out
    >>> found.rates[0].tpr, found.rates[2].resolvable
    (1.0, False)
    """
    levels = sorted({exact(each, name="fpr") for each in fpr}, reverse=True)
    if not levels:
        raise InvalidInput("fpr must hold at least one false-positive rate, such as '0.01'")
    if claim is not None:
        if claim.neighbours is not Neighbours.ADD_REMOVE:
            raise InvalidInput(
                f"membership is about one record more or fewer, the claim is about {claim.neighbours}: give that one"
            )
        most_tpr(claim, levels[0])
    checked_members(members, checked_scores(scores).size)
    return Membership(
        title=title,
        attack=attack,
        rates=tuple(rate_at(level, scores, members, confidence=confidence, seed=seed) for level in levels),
        claim=claim,
        notes=tuple(notes),
    )


def _written(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    return {
        "fpr": decimal(rate.fpr),
        "threshold": repr(rate.threshold),
        "false_positives": rate.false_positives,
        "non_members": rate.non_members,
        "true_positives": rate.true_positives,
        "members": rate.members,
        "confidence": decimal(rate.confidence),
        "resolvable": rate.resolvable,
        "tpr": None if not rate.resolvable else f"{rate.tpr:.12g}",
        "low": f"{low:.6g}",
        "high": f"{high:.6g}",
        "fpr_at_most": f"{rate.fpr_limit:.6g}",
    }


def _read(row: Mapping[str, Any]) -> Rate:
    counts = {name: row[name] for name in ("false_positives", "non_members", "true_positives", "members")}
    if any(type(count) is not int for count in counts.values()):
        raise TypeError
    if not 0 <= counts["true_positives"] <= counts["members"] or math.isnan(float(row["threshold"])):
        raise ValueError
    return Rate(
        fpr=exact(str(row["fpr"]), name="fpr"),
        threshold=float(row["threshold"]),
        confidence=exact(str(row["confidence"]), name="confidence"),
        **counts,
    )

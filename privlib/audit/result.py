"""What an audit found, as a value that can be written, read back and judged again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from privlib.audit.bounds import Verdict, claimed, decide, guess_bound
from privlib.bounds import Bound, decimal
from privlib.certificate import open_sealed, seal
from privlib.errors import TamperedRelease

__all__ = ["Audit"]

KIND = "audit"
_COUNTS = ("trials", "training", "guesses", "correct", "raised", "seed")
_TEXTS = ("title", "pair", "rule", "reproduce")


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The result of one audit. Bound and verdict are computed from the stored counts, whoever stored them.

    Attributes
    ----------
    title : str
        What was audited.
    claim : Bound
        What the mechanism says of itself.
    pair : str
        The two data sets in words.
    trials, training : int
        All trials, and those of them that only served to fix the rule.
    guesses, correct : int
        Guesses made on the other trials, and right ones.
    raised : int
        Trials in which the mechanism raised an exception; each is an output like others.
    confidence : float
        One minus the chance of certifying more than the truth.
    rule : str
        How the guesses were made, in words.
    notes : tuple of str
        What else was noticed.
    secure : bool
        False when an output said that it was made in test mode.
    seed : int
        Fixed the split of the training part, nothing else.
    theorem : str or None
        The theorem that the mechanism names.
    reproduce : str
        The call that runs the same audit again, with fresh randomness.
    seconds : float
        How long it took.
    versions : dict of str
        Of Python and the numerical libraries.
    """

    title: str
    claim: Bound
    pair: str
    trials: int
    training: int
    guesses: int
    correct: int
    raised: int
    confidence: float
    rule: str
    notes: tuple[str, ...]
    secure: bool
    seed: int
    theorem: str | None
    reproduce: str
    seconds: float
    versions: Mapping[str, str] = field(hash=False)

    @property
    def tested(self) -> int:
        """Trials that the rule was tested on."""
        return self.trials - self.training

    @property
    def certified(self) -> float:
        """The epsilon that the mechanism has at least, unless an event of chance ``1 - confidence`` happened."""
        return guess_bound(self.correct, self.guesses, self.confidence)

    @property
    def verdict(self) -> Verdict:
        """What follows for the claim."""
        return decide(self.correct, self.guesses, claim=self.claim, confidence=self.confidence)

    def sentence(self) -> str:
        """The verdict as one sentence."""
        claim, found, share = spelled(self.claim), f"{self.certified:.4g}", percent(self.confidence)
        match self.verdict:
            case Verdict.VIOLATION:
                return f"Violation: the true epsilon is at least {found}, with confidence {share}; the claim is {claim}."
            case Verdict.NO_VIOLATION_FOUND:
                return f"No violation found: certified epsilon {found}, confidence {share}, is not above the claim {claim}."
            case Verdict.INCONCLUSIVE:
                return f"Inconclusive: {self.guesses} guesses cannot refute the claim {claim}, even if all are right."

    def summary(self) -> str:
        """The result as text."""
        lines = [
            f"Audit        {self.title}",
            f"Verdict      {self.sentence()}",
            f"Claim        {self.claim}",
            f"Certified    epsilon >= {self.certified:.6g} with confidence {percent(self.confidence)}",
            f"Pair         {self.pair}",
            f"Counts       {self.trials} trials, {self.training} to fix the rule, {self.guesses} guesses on the rest, "
            f"{self.correct} right",
            f"Rule         {self.rule}",
            *(f"Note         {note}" for note in self.notes),
            f"Covers not   {NOT_COVERED}" + (f" The upper bound is theorem {self.theorem}." if self.theorem else ""),
            f"Again        {self.reproduce or 'not recorded'}",
        ]
        return "\n".join(lines if self.secure else [*lines, INSECURE])

    def to_json(self) -> str:
        """The result as canonical JSON with a digest; floats stand as text."""
        body = {
            **{name: getattr(self, name) for name in (*_COUNTS, *_TEXTS)},
            "claim": self.claim.to_dict(),
            "confidence": repr(self.confidence),
            "certified": repr(self.certified),
            "verdict": str(self.verdict),
            "notes": list(self.notes),
            "secure": self.secure,
            "theorem": self.theorem,
            "seconds": repr(self.seconds),
            "versions": dict(self.versions),
        }
        return seal(KIND, body)

    @classmethod
    def replay(cls, text: str) -> Audit:
        """Read a result and compute its bound and verdict again from the stored counts.

        Parameters
        ----------
        text : str
            What `to_json` wrote.

        Returns
        -------
        Audit

        Raises
        ------
        TamperedRelease
            When the text was altered, or its bound or verdict does not follow from its counts.
        """
        record = open_sealed(text, KIND)
        try:
            audit = cls(
                **_read(record),
                claim=Bound.from_dict(record["claim"]),
                confidence=float(record["confidence"]),
                notes=tuple(str(note) for note in record["notes"]),
                secure=record["secure"] is True,
                theorem=None if record["theorem"] is None else str(record["theorem"]),
                seconds=float(record["seconds"]),
                versions={str(name): str(version) for name, version in record["versions"].items()},
            )
            counts_fit = 0 <= audit.correct <= audit.guesses <= audit.tested and audit.training >= 0
            stated = (abs(float(record["certified"]) - audit.certified) <= 1e-9, record["verdict"] == audit.verdict)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise TamperedRelease("the file lacks what an audit has") from error
        if not counts_fit or stated != (True, True):
            raise TamperedRelease("the stated bound or verdict does not follow from the stored counts")
        return audit

    def to_html(self) -> str:
        """The result as one self-contained page."""
        from privlib.audit.report import page

        return page(self)

    def _repr_html_(self) -> str:
        from privlib.audit.report import STYLE, fragment

        return f"<style>{STYLE}</style>{fragment(self)}"


def _read(record: Mapping[str, Any]) -> dict[str, Any]:
    """The counts and texts, each of its own type."""
    values: dict[str, Any] = {name: record[name] for name in (*_COUNTS, *_TEXTS)}
    if any(type(values[name]) is not int for name in _COUNTS) or any(type(values[name]) is not str for name in _TEXTS):
        raise TypeError
    return values


NOT_COVERED = (
    "An audit can refute a claim, never establish it: other pairs of data sets, other attacks and more trials may find "
    "more. It assumes that trials are independent and sees outputs, not timing or memory."
)
INSECURE = "NOT SECURE   outputs were made in test mode, with predictable noise"


def spelled(claim: Bound) -> str:
    """The epsilon of a pure claim as text."""
    return decimal(claim.epsilon) if claim.odds == 1 else f"{claimed(claim):.6g}"


def percent(confidence: float) -> str:
    """A confidence such as 0.999 as ``99.9 %``."""
    return f"{100 * confidence:.10g} %"

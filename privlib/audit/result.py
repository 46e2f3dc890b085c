"""What an audit found, as a value that can be written, read back and judged again."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.bounds import Verdict
from privlib.audit.curves import least
from privlib.audit.judge import Counts, best, certified, claimed, decide
from privlib.bounds import Bound, Kind, decimal
from privlib.certificate import open_sealed, seal
from privlib.errors import TamperedRelease

__all__ = ["Audit"]

KIND = "audit"
_COUNTS = ("trials", "training", "raised", "seed")
_TEXTS = ("title", "pair", "rule", "alarm", "interrupted", "reproduce")
_UNITS = {Kind.PURE: "epsilon", Kind.APPROX: "epsilon", Kind.GDP: "mu", Kind.ZCDP: "rho"}


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
        The data sets in words.
    searched : tuple of (str, float)
        The pairs that were tried before, and the limit that a pilot promised for each.
    trials, training : int
        All trials on this pair, and those of them that only served to fix the rule.
    counts : tuple of tuple of int, shape (worlds, cells)
        The other trials, by data set and by the cell that the rule put the output into.
    guesses : tuple of int, shape (cells,)
        The data set that is guessed in each cell, -1 for none.
    everywhere : tuple of int, shape (cells,)
        The same where a guess is made in each cell.
    depths, shares : tuple, shapes (cells,) and (rules,)
        The first of several nested rules that guesses in a cell, and the part of the error probability that each rule may spend;
        the one that certifies most counts.
    cells : tuple of str, shape (cells,)
        The cells in words, from the most like the first data set to the most like the second.
    path : tuple of (int, int, int)
        Trials tested, guesses made and right ones, at growing sizes; the last is the whole.
    raised : int
        Trials in which the mechanism raised an exception; each is an output like others.
    confidence : float
        One minus the chance of certifying more than the truth.
    rule : str
        How the guesses were made, in words.
    notes : tuple of str
        What else was noticed.
    alarm : str
        Why the trials are not independent, or empty. Then nothing is concluded.
    anytime : bool
        Whether the audit was to stop as soon as it had refuted the claim.
    interrupted : str
        Why it stopped early, or empty.
    secure : bool
        False when an output said that it was made in test mode.
    seed : int
        Fixed the split of the training part, nothing else.
    theorem : str or None
        The theorem that the mechanism names.
    reproduce : str
        The call that runs the same audit again, with fresh randomness.
    seconds, rule_seconds : float
        How long it took, and how much of that the rule took on the tested trials.
    versions : dict of str
        Of Python and the numerical libraries.
    """

    title: str
    claim: Bound
    pair: str
    searched: tuple[tuple[str, float], ...] = ()
    trials: int
    training: int
    counts: tuple[tuple[int, ...], ...]
    guesses: tuple[int, ...]
    everywhere: tuple[int, ...]
    depths: tuple[int, ...] = ()
    shares: tuple[float, ...] = (1.0,)
    cells: tuple[str, ...]
    path: tuple[tuple[int, int, int], ...]
    raised: int
    confidence: float
    rule: str
    notes: tuple[str, ...]
    alarm: str = ""
    anytime: bool = False
    interrupted: str = ""
    secure: bool
    seed: int
    theorem: str | None
    reproduce: str
    seconds: float
    rule_seconds: float
    versions: Mapping[str, str] = field(hash=False)

    @property
    def counted(self) -> Counts:
        """The counts with what is guessed in each cell."""
        return Counts(self.counts, self.guesses, self.everywhere, self.depths, self.shares)

    @property
    def worlds(self) -> int:
        """How many data sets there were to choose from."""
        return len(self.counts)

    @property
    def tested(self) -> int:
        """Trials that the rule was tested on."""
        return self.counted.tested

    @property
    def made(self) -> int:
        """Guesses made by the rule that certifies most."""
        return self._of_the_best[1]

    @property
    def correct(self) -> int:
        """Right guesses among those made."""
        return self._of_the_best[0]

    @property
    def correct_everywhere(self) -> int:
        """Right guesses when one is made in every trial."""
        return self.counted.correct_everywhere

    @property
    def unit(self) -> str:
        """What `certified` counts: epsilon (at the claim's delta, if it has one), mu or rho."""
        return _UNITS[self.claim.kind]

    @property
    def claimed(self) -> float:
        """What the claim allows, in the same unit, rounded up."""
        return claimed(self.claim)

    @property
    def certified(self) -> float:
        """What the mechanism leaks at least, in the unit of the claim, unless an event of chance ``1 - confidence`` happened.

        NaN for a stopped audit of an approx or zcdp claim, for which no limit holds at all times.
        """
        if self.alarm:
            return 0.0
        return certified(self.counted, self.claim, self.confidence, stopped=self._stopped)

    @property
    def verdict(self) -> Verdict:
        """What follows for the claim."""
        if self.alarm:
            return Verdict.INCONCLUSIVE
        return decide(self.counted, self.claim, self.confidence, stopped=self._stopped)

    @property
    def _of_the_best(self) -> tuple[int, int]:
        return self.counted.of(best(self.counted, self.claim, self.confidence, stopped=self._stopped)[0])

    @property
    def _stopped(self) -> bool:
        return self.anytime or bool(self.interrupted)

    def trade_off(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How the two data sets can be told apart, by the cells in their order.

        Returns
        -------
        false_positive, true_positive : float arrays, shape (cells + 1,)
            The shares of the first and of the second data set's tested trials in the last k cells, k = 0, 1, ...: point
            estimates from counts, not limits.
        """
        rows = np.array(self.counts, dtype=np.float64)[:2, ::-1]
        shares = rows.cumsum(axis=1) / np.maximum(rows.sum(axis=1, keepdims=True), 1)
        padded = np.pad(shares, ((0, 0), (1, 0)))
        return padded[0], padded[1]

    def sentence(self) -> str:
        """The verdict as one sentence."""
        claim, share = spelled(self.claim), percent(self.confidence)
        at = f" at delta = {decimal(self.claim.delta)}" if self.claim.kind is Kind.APPROX else ""
        found = f"{least(self.certified)}{at}"
        match self.verdict:
            case Verdict.VIOLATION if self.claim.kind is Kind.GDP:
                return f"Violation: no claim below mu = {found} holds, with confidence {share}; the claim is {claim}."
            case Verdict.VIOLATION:
                return f"Violation: the true {self.unit} is at least {found}, with confidence {share}; the claim is {claim}."
            case Verdict.NO_VIOLATION_FOUND:
                return f"No violation found: certified {self.unit} {found}, confidence {share}, is not above the claim {claim}."
            case Verdict.INCONCLUSIVE if self.alarm:
                return f"Inconclusive: {self.alarm}."
            case Verdict.INCONCLUSIVE if self._stopped and self.claim.kind not in (Kind.PURE, Kind.GDP):
                return (
                    f"Inconclusive: {self.interrupted}, and a claim of kind {self.claim.kind} has no limit for a stopped audit."
                )
            case Verdict.INCONCLUSIVE:
                return f"Inconclusive: {self.made} guesses cannot refute the claim {claim}, even if all are right."

    def summary(self) -> str:
        """The result as text."""
        lines = [
            f"Audit        {self.title}",
            f"Verdict      {self.sentence()}",
            f"Claim        {self.claim}",
            f"Certified    {self.unit} >= {least(self.certified, 6)} with confidence {percent(self.confidence)}"
            if self.certified >= 0
            else "Certified    nothing",
            f"Pair         {self.pair}",
            *(f"Searched     {_count(len(self.searched), 'pair')} in pilots" for _ in self.searched[:1]),
            f"Counts       {_count(self.trials, 'trial')}, {self.training} to fix the rule, {_count(self.made, 'guess')} on the "
            f"rest, {self.correct} right",
            f"Rule         {self.rule}",
            *(f"Stopped      {self.interrupted}" for _ in (self.interrupted,) if self.interrupted),
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
            "searched": [[words, repr(promised)] for words, promised in self.searched],
            "counts": [list(row) for row in self.counts],
            "guesses": list(self.guesses),
            "everywhere": list(self.everywhere),
            "depths": list(self.depths),
            "shares": [repr(share) for share in self.shares],
            "cells": list(self.cells),
            "path": [list(point) for point in self.path],
            "confidence": repr(self.confidence),
            "certified": repr(self.certified),
            "verdict": str(self.verdict),
            "notes": list(self.notes),
            "anytime": self.anytime,
            "secure": self.secure,
            "theorem": self.theorem,
            "seconds": repr(self.seconds),
            "rule_seconds": repr(self.rule_seconds),
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
                searched=tuple((str(words), float(promised)) for words, promised in record["searched"]),
                counts=tuple(_integers(row) for row in record["counts"]),
                guesses=_integers(record["guesses"]),
                everywhere=_integers(record["everywhere"]),
                depths=_integers(record["depths"]),
                shares=tuple(float(share) for share in record["shares"]),
                cells=tuple(str(words) for words in record["cells"]),
                path=tuple((int(a), int(b), int(c)) for a, b, c in record["path"]),
                confidence=float(record["confidence"]),
                notes=tuple(str(note) for note in record["notes"]),
                anytime=record["anytime"] is True,
                secure=record["secure"] is True,
                theorem=None if record["theorem"] is None else str(record["theorem"]),
                seconds=float(record["seconds"]),
                rule_seconds=float(record["rule_seconds"]),
                versions={str(name): str(version) for name, version in record["versions"].items()},
            )
            fits = _fits(audit)
            stated = (repr(audit.certified) == record["certified"] or _near(record, audit), record["verdict"] == audit.verdict)
        except (KeyError, ValueError, TypeError, AttributeError, IndexError, ArithmeticError) as error:
            raise TamperedRelease("the file lacks what an audit has") from error
        if not fits or stated != (True, True):
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


def _integers(values: Any) -> tuple[int, ...]:
    if any(type(value) is not int for value in values):
        raise TypeError
    return tuple(values)


def _fits(audit: Audit) -> bool:
    """Whether the counts can be those of one audit."""
    cells = len(audit.guesses)
    shapes = {cells, len(audit.everywhere), len(audit.cells), *map(len, audit.counts)}
    named = all(-1 <= guess < audit.worlds for guess in audit.guesses)
    everywhere = all(0 <= guess < audit.worlds for guess in audit.everywhere)
    agree = all(guess in (-1, other) for guess, other in zip(audit.guesses, audit.everywhere, strict=True))
    counted = all(count >= 0 for row in audit.counts for count in row)
    depths = not audit.depths or (len(audit.depths) == cells and all(0 <= depth < len(audit.shares) for depth in audit.depths))
    steps = [(0, 0, 0), *audit.path]
    grows = all(before[0] < after[0] for before, after in itertools.pairwise(steps))
    possible = all(0 <= correct <= made <= tested for tested, made, correct in audit.path)
    ends = steps[-1] == (audit.tested, audit.made, audit.correct)
    if not (grows and possible and ends and 0 <= audit.raised <= audit.trials == audit.tested + audit.training):
        return False
    spent = all(0 < share <= 1 for share in audit.shares) and sum(map(Fraction, audit.shares)) <= 1
    return (
        shapes == {cells}
        and depths
        and spent
        and audit.worlds >= 2
        and named
        and everywhere
        and agree
        and counted
        and audit.training >= 0
    )


def _near(record: Mapping[str, Any], audit: Audit) -> bool:
    """Whether the stated bound is ours, up to the last digits of another machine's functions."""
    return abs(float(record["certified"]) - audit.certified) <= 1e-9


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


NOT_COVERED = (
    "An audit can refute a claim, never establish it: other pairs of data sets, other attacks and more trials may find "
    "more. It assumes that trials are independent and sees outputs, not timing or memory."
)
INSECURE = "NOT SECURE   outputs were made in test mode, with predictable noise"


def spelled(claim: Bound) -> str:
    """What a claim allows, as text."""
    match claim.kind:
        case Kind.ZCDP:
            return f"rho = {decimal(claim.rho)}"
        case Kind.GDP:
            return f"mu = {claimed(claim):.6g}"
        case Kind.APPROX:
            return f"{decimal(claim.epsilon)} at delta = {decimal(claim.delta)}"
        case Kind.PURE:
            return decimal(claim.epsilon) if claim.odds == 1 else f"{claimed(claim):.6g}"


def percent(confidence: float) -> str:
    """A confidence such as 0.999 as ``99.9 %``."""
    return f"{100 * confidence:.10g} %"

"""Counts of what reports support: exact, small, and the same whoever adds them up in whatever order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from privlib.bounds import Real
from privlib.certificate import check_rewritten, integers, open_sealed, seal
from privlib.errors import InvalidInput, Mismatch, TamperedRelease
from privlib.ldp.counting import Ints, count_rows
from privlib.ldp.oracles import Grr, Subset
from privlib.ldp.parts import Scheme
from privlib.ldp.reports import Reports
from privlib.ldp.spec import Spec
from privlib.ldp.wire import Layout, is_secure, unwrap, wrap

if TYPE_CHECKING:
    from privlib.ldp.estimate import Estimates, Target

__all__ = ["Counts", "Source", "count"]

KIND = "ldp.counts"


class Arrow(Protocol):
    """A table or record batch of pyarrow, told without pyarrow, which need not be there."""

    @property
    def schema(self) -> Any:
        """The fields and metadata."""
        ...

    def column(self, name: str, /) -> Any:
        """One column."""
        ...


Item: TypeAlias = Reports | bytes | bytearray | memoryview | Arrow
Source: TypeAlias = Item | Iterable[Item]
"""Reports, a batch of them as bytes, an Arrow table or record batch with them, or a stream of any of these."""

_MOST_REPORTS = 2**62
_HELD = 1 << 22
"""Bytes of short batches that are read together."""
_IMPOSSIBLE = "these are no counts that reports under the plan can give"


@dataclass(frozen=True, eq=False)
class Counts:
    """How many reports support each value. As public as the reports were: each was private before it was sent.

    Made by `privlib.ldp.Spec.count`. Counts under one plan add, whatever the order and the split.

    Parameters
    ----------
    spec : Spec
        The plan.
    reports : int
        How many reports were counted.
    asked : int64 array, shape (d,)
        How many of them speak of each attribute: all, or under smp those that name it.
    supports : tuple of int64 arrays, shapes (k_j,)
        For each attribute, how many reports support each value.
    secure : bool
        False when some reports were made in test mode.

    Raises
    ------
    InvalidInput
        For counts that no reports can give.

    Examples
    --------
    >>> from privlib.ldp import Spec
    >>> from privlib.ldp.reports import Reports
    >>> spec = Spec({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}, "spl-grr", level="attribute", odds=3)
    >>> counts = spec.count(Reports(spec, np.array([[0], [3], [3]], dtype=np.uint8)))
    >>> counts.supports
    (array([1, 2]), array([1, 2, 0, 0]))
    """

    spec: Spec
    reports: int
    asked: Ints = field(repr=False)
    supports: tuple[Ints, ...] = field(repr=False)
    secure: bool = True

    def __post_init__(self) -> None:
        asked, supports = self.asked.copy(), tuple(counted.copy() for counted in self.supports)
        if not 0 <= self.reports <= _MOST_REPORTS:
            raise InvalidInput("counts can hold from 0 to 2**62 reports")
        if not _possible(self.spec, self.reports, asked, supports):
            raise InvalidInput(_IMPOSSIBLE)
        for array in (asked, *supports):
            array.flags.writeable = False
        object.__setattr__(self, "asked", asked)
        object.__setattr__(self, "supports", supports)

    @classmethod
    def empty(cls, spec: Spec) -> Counts:
        """The counts of no reports, to which others are added."""
        zeros = tuple(np.zeros(part.size, dtype=np.int64) for part in spec.parts)
        return cls(spec, 0, np.zeros(len(spec.parts), dtype=np.int64), zeros)

    def add(self, reports: Source) -> Counts:
        """These counts and those of more reports, as new counts; see `count`."""
        return self + count(self.spec, reports)

    def __add__(self, other: Counts) -> Counts:
        if not isinstance(other, Counts):
            return NotImplemented
        if self.spec.fingerprint != other.spec.fingerprint:
            raise Mismatch("only counts of one plan add: these differ in domain, protocol, cap or weights")
        total = tuple(own + more for own, more in zip(self.supports, other.supports, strict=True))
        together = self.reports + other.reports
        return Counts(self.spec, together, self.asked + other.asked, total, self.secure and other.secure)

    def __radd__(self, other: object) -> Counts:
        """What ``sum`` begins with, 0, and these counts."""
        if isinstance(other, bool) or other != 0:
            return NotImplemented
        return self

    def estimate(
        self, *, confidence: Real = "0.95", target: Target = "population", simultaneous: bool = False, interval: str = "exact"
    ) -> Estimates:
        """Unbiased frequencies of all values, with standard errors and intervals.

        Parameters
        ----------
        confidence : rational
            Of the intervals, between 0 and 1.
        target : {"population", "sample"}
            What is estimated: frequencies in a population from which the people are drawn, or among the people themselves.
        simultaneous : bool
            Whether all intervals of all attributes hold together with the confidence (Bonferroni), or each by itself.
        interval : {"exact", "wald"}
            ``"exact"`` (Clopper and Pearson) covers for any number of reports; ``"wald"`` is the normal approximation.

        Returns
        -------
        Estimates

        Raises
        ------
        InvalidInput
            Without any report, or without one that speaks of some attribute.
        """
        from privlib.ldp.estimate import estimate

        return estimate(self, confidence=confidence, target=target, simultaneous=simultaneous, interval=interval)

    def frequencies(self) -> tuple[tuple[Fraction, ...], ...]:
        """The unbiased estimates as exact fractions, a tuple for each attribute."""
        from privlib.ldp.estimate import frequencies

        return frequencies(self)

    @classmethod
    def from_groups(cls, spec: Spec, rows: Iterable[Sequence[Any]], *, secure: bool = True) -> Counts:
        """Read what a database answers to `privlib.ldp.sql.group_by`.

        Parameters
        ----------
        spec : Spec
            The plan under which the reports were made.
        rows : iterable of sequences
            The rows of the result, in any order.
        secure : bool
            False when some reports were made in test mode. The query does not see it, nor the plan: look at the metadata of the
            table or of each Parquet file, where `privlib.ldp.Reports.to_arrow` wrote ``secure`` and the plan's fingerprint.

        Returns
        -------
        Counts

        Raises
        ------
        InvalidInput
            For rows that come from reports that the protocol cannot give, from more than 2**62 of them, or from another query.
        """
        from privlib.ldp.sql import read_groups

        if not isinstance(secure, bool):
            raise InvalidInput("secure must be True or False")
        reports, asked, supports = read_groups(spec, rows)
        return cls(spec, reports, asked, supports, secure)

    def to_json(self) -> str:
        """The counts with their plan as canonical JSON that carries its digest."""
        body = {
            "spec": self.spec.to_dict(),
            "reports": integers([self.reports])[0],
            "asked": integers(self.asked.tolist()),
            "supports": [integers(counted.tolist()) for counted in self.supports],
            "secure": self.secure,
        }
        return seal(KIND, body)

    @classmethod
    def from_json(cls, text: str) -> Counts:
        """Read what `to_json` wrote.

        Raises
        ------
        TamperedRelease
            For anything else, or counts that no reports under their plan can give.
        """
        record = open_sealed(text, KIND)
        try:
            asked = np.array([int(number) for number in record["asked"]], dtype=np.int64)
            supports = tuple(np.array([int(n) for n in counted], dtype=np.int64) for counted in record["supports"])
            made = cls(Spec.from_dict(record["spec"]), int(record["reports"]), asked, supports, record["secure"] is True)
        except (KeyError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
            raise TamperedRelease("the file lacks what counts of local reports have") from error
        check_rewritten(made.to_json(), text)
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counts) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __repr__(self) -> str:
        secure = "" if self.secure else ", NOT SECURE: made in test mode"
        return f"<Counts of {self.reports} reports, {self.spec.protocol}, {len(self.supports)} attributes{secure}>"


def count(spec: Spec, reports: Source) -> Counts:
    """Count which values reports support.

    Parameters
    ----------
    spec : Spec
        The plan.
    reports : Reports, bytes, Arrow table or record batch, or iterable of them
        Reports under the plan, a batch as bytes, a table as `Reports.to_arrow` gives it, or a stream of any of these. A stream is
        read once, and no more of it is held than one of its items or a few megabytes.

    Returns
    -------
    Counts

    Raises
    ------
    Mismatch
        For reports of another plan.
    InvalidInput
        For bytes or a table that hold no reports of this plan.
    """
    total = Counts.empty(spec)
    for batch in _batches(spec, [reports] if _is_item(reports) else _stream(reports)):
        total += _count_one(spec, batch)
    return total


def _is_item(reports: object) -> bool:
    """Whether it is reports by itself, and no stream."""
    return isinstance(reports, (Reports, bytes, bytearray, memoryview)) or _is_arrow(reports)


def _is_arrow(reports: object) -> bool:
    return hasattr(reports, "schema") and hasattr(reports, "column")


def _stream(reports: object) -> Iterable[object]:
    if isinstance(reports, (str, PathLike)) or hasattr(reports, "read"):
        raise InvalidInput("reports must be Reports, bytes or a stream of them: read a file's bytes, as Path(...).read_bytes()")
    if not isinstance(reports, Iterable):
        raise InvalidInput(f"reports must be Reports, bytes or a stream of them, not {type(reports).__name__}")
    return reports


def _batches(spec: Spec, stream: Iterable[object]) -> Iterator[Reports]:
    """The reports of a stream, in pieces that are worth a call each."""
    width, held = Layout(spec.scheme, spec.parts).width, {True: bytearray(), False: bytearray()}
    for item in stream:
        if isinstance(item, Reports):
            yield item
            continue
        if _is_arrow(item):
            yield Reports.from_arrow(spec, item)
            continue
        if not isinstance(item, (bytes, bytearray, memoryview)):
            raise InvalidInput(f"reports must be Reports, bytes or a stream of them, not of {type(item).__name__}")
        batch = bytes(item)
        alike = held[is_secure(batch)]
        alike += unwrap(spec.fingerprint, width, batch)
        if len(alike) >= _HELD:
            yield Reports.from_bytes(spec, wrap(spec.fingerprint, bytes(alike), secure=is_secure(batch)))
            alike.clear()
    for secure, alike in held.items():
        if alike:
            yield Reports.from_bytes(spec, wrap(spec.fingerprint, bytes(alike), secure=secure))


def _count_one(spec: Spec, reports: Reports) -> Counts:
    if reports.spec.fingerprint != spec.fingerprint:
        raise Mismatch("the reports were made under another plan: their fingerprint differs")
    asked, supports = count_rows(reports.layout, reports.rows)
    return Counts(spec, len(reports), asked, supports, reports.secure)


def _possible(spec: Spec, reports: int, asked: Ints, supports: tuple[Ints, ...]) -> bool:
    """Whether counts have the plan's shape and add up as its reports do."""
    if asked.dtype != np.int64 or asked.shape != (len(spec.parts),) or len(supports) != len(spec.parts):
        return False
    if (asked < 0).any() or (asked > reports).any():
        return False
    if sum(asked.tolist()) != reports if spec.scheme is Scheme.SMP else (asked != reports).any():
        return False
    for part, of, counted in zip(spec.parts, asked.tolist(), supports, strict=True):
        if counted.dtype != np.int64 or counted.shape != (part.size,) or (counted < 0).any() or (counted > of).any():
            return False
        each = 1 if isinstance(part.oracle, Grr) else part.oracle.chosen if isinstance(part.oracle, Subset) else None
        if each is not None and sum(counted.tolist()) != each * of:
            return False
    return True

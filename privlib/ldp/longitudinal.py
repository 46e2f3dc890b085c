"""Reports over time about records that change rarely: a round that is drawn once and kept, and one drawn for each report.

The device keeps a `Memo`: for each different record that it has seen, the whole randomised tuple of the permanent round, the
attribute drawn and the fakes included. Fresh fakes around a memoised true value would reveal, over time, which value stays the
same. Where one attribute is drawn and told (smp), it is drawn once for the device: another one would show a change for certain.
Each report is a fresh second round on what is kept.

However many reports there are about a record that never changes, together they cost no more than its permanent round; a single
report by itself costs less, as `Longitudinal.each` says. Records that change cost more than a permanent round each, because that
the permanent report repeats, or does not, shows when they change. `Longitudinal.same_times` holds between people whose records
change at the same times, `Longitudinal.any_times` between any two.

A second round is randomised response on every symbol and every bit of the first. Two rounds are again a randomiser of the same
kind: if the first supports the sender's value with chance p1 and another with q1, and the second keeps with p2 and errs with q2,
then a bit ends up set with chances ``p1 p2 + (1 - p1) q2`` and ``q1 p2 + (1 - q1) q2``, and a symbol of k is right with chance
``p1 p2 + (k - 1) q1 q2``. So the reports are reports of the plan `Longitudinal.each`, which counts and estimates them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from threading import Lock
from typing import Any, get_args

from privlib.bounds import Real, exact, exact_int
from privlib.errors import InvalidInput, Mismatch
from privlib.ldp.calibrate import Level, read_odds
from privlib.ldp.domain import Domain, Label
from privlib.ldp.guarantee import Guarantee, guarantee
from privlib.ldp.oracles import Grr, Oracle, Unary
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.spec import Spec
from privlib.ldp.wire import Layout, is_secure, unwrap, wrap

__all__ = ["Longitudinal", "Memo"]

_SENSITIVE = "SENSITIVE: a device's own records and what was drawn for them; never to be sent"
_FORMAT = 1
_BITS = 40
_MOST_ODDS = 1 << 64
_MOST_AFRESH = 1 << 12  # attributes of a domain: the second round makes one of each symbol and each bit


@dataclass(frozen=True)
class Longitudinal:
    """The public plan of reports over time.

    Parameters
    ----------
    permanent : Spec
        The plan of the permanent round, of randomised response and unary encoding.
    again : rational
        The odds of the second round, above 1: each symbol and each bit is kept at these odds against each other symbol.

    Raises
    ------
    InvalidInput
        For other randomisers, more symbols and bits than a second round can make, or odds that keep nothing.

    References
    ----------
    The two rounds of RAPPOR (Erlingsson, Pihur, Korolova 2014), for whole records. A memo that redraws the first round, or its
    fakes, composes with every report.

    Examples
    --------
    >>> permanent = Spec({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}, "spl-grr", level="record", odds=9)
    >>> over_time = Longitudinal(permanent, again=3)
    >>> over_time.same_times().record, over_time.each.guarantee().record, over_time.any_times(2).record
    (Fraction(9, 1), Fraction(5, 2), Fraction(45, 2))
    """

    permanent: Spec
    again: Fraction

    def __init__(self, permanent: Spec, *, again: Real) -> None:
        odds = exact(again, name="again")
        if odds <= 1:
            raise InvalidInput(f"again must be > 1: the second round keeps what it is given at these odds, got {str(odds)[:40]}")
        if any(not isinstance(part.oracle, Grr | Unary) for part in permanent.parts):
            raise InvalidInput("two rounds are for randomised response and unary encoding: choose grr, oue, sue or adp")
        if max(map(len, _afresh(permanent))) > _MOST_AFRESH:
            raise InvalidInput(f"a second round makes {_MOST_AFRESH} symbols and bits at most: choose grr for long attributes")
        object.__setattr__(self, "permanent", permanent)
        object.__setattr__(self, "again", odds)

    @classmethod
    def within(cls, permanent: Spec, *, level: Level, epsilon: Real | None = None, odds: Real | None = None) -> Longitudinal:
        """The plan whose single reports keep a cap of their own and lose as little as possible.

        Parameters
        ----------
        permanent : Spec
            The plan of the permanent round.
        level : {"record", "attribute"}
            Between which records a single report keeps the cap.
        epsilon, odds : rational
            The cap, one of them; below what the permanent round costs.

        Returns
        -------
        Longitudinal

        Raises
        ------
        InvalidInput
            For a cap that the permanent round keeps by itself, or that is too small.

        Examples
        --------
        >>> permanent = Spec({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}, "rsfd-oue-z", level="record", odds=9)
        >>> float(Longitudinal.within(permanent, level="record", odds=3).each.guarantee().record)
        2.99999999...
        """
        if level not in get_args(Level):
            raise InvalidInput(f"level must be 'record' or 'attribute', got {str(level)[:40]!r}")
        cap = read_odds(epsilon, odds)
        if getattr(permanent.guarantee(), level) <= cap:
            raise InvalidInput("the permanent round keeps this cap by itself: a single report needs a smaller one")

        def keeps(fine: int) -> bool:
            return bool(getattr(cls(permanent, again=1 + Fraction(fine, 1 << _BITS)).each.guarantee(), level) <= cap)

        low, high = 1, 1 << _BITS
        while high < _MOST_ODDS << _BITS and keeps(high):
            low, high = high, high * 4
        if not keeps(low):
            raise InvalidInput("the cap is too small for a report of its own")
        while high - low > max(1, low >> _BITS):
            middle = (low + high) // 2
            low, high = (middle, high) if keeps(middle) else (low, middle)
        return cls(permanent, again=1 + Fraction(low, 1 << _BITS))

    @cached_property
    def each(self) -> Spec:
        """The plan of which each report, by itself, is a report: both rounds as one. It counts and estimates the reports."""
        parts = tuple(_composed(part, self.again) for part in self.permanent.parts)
        told = guarantee(self.permanent.scheme, parts)
        return Spec.of_parts(
            self.permanent.domain,
            parts,
            scheme=self.permanent.scheme,
            protocol="two-rounds",
            record_cap=told.record,
            attribute_cap=told.attribute,
        )

    def same_times(self, records: int = 1) -> Guarantee:
        """What all reports of a device cost together, between histories that change at the same times; not between any two.

        Parameters
        ----------
        records : int
            How many different records it reports about, at most. Of one, which never changes, no more can be learned whatever
            the number of reports.

        Returns
        -------
        Guarantee
            That of the permanent round, to the power of the number of records. It compares two histories of which one comes back
            to an earlier record exactly when the other does. Where change itself is a secret, only `any_times` holds.
        """
        count, once = exact_int(records, name="records"), self.permanent.guarantee()
        each = tuple(odds**count for odds in once.attributes)
        return Guarantee(once.record**count, once.attribute**count, each, once.published)

    def any_times(self, reports: int) -> Guarantee:
        """What a number of reports of a device cost together, between any two histories, whenever either of them changes.

        Parameters
        ----------
        reports : int
            How many reports the device makes.

        Returns
        -------
        Guarantee
            Of the first report that of `each`; of every further one that of the second round alone, which is between any two
            things kept. At the level of attributes, the histories differ in one of them.

        Notes
        -----
        Given all earlier reports, a report is the second round on something kept, drawn in some way, whatever the history; two
        histories can give what is kept any two laws, so its odds are at most those of the second round. The power of `each`
        would be too small: its reports are independent, and these are not. Under smp both histories draw an attribute with the
        same chances, and given it the bound is that of this attribute.
        """
        further, first = exact_int(reports, name="reports") - 1, self.each.guarantee()
        later = [self.again ** (len(sizes) * further) for sizes in _afresh(self.permanent)]
        if self.permanent.scheme is not Scheme.SMP:
            each = tuple(odds * later[0] for odds in first.attributes)
            return Guarantee(first.record * later[0], max(each), each)
        each = tuple(max(odds * own, *later) for odds, own in zip(first.attributes, later, strict=True))
        return Guarantee(max(each), max(each), each)

    def memo(self) -> Memo:
        """An empty memo for one device."""
        return Memo(self)

    @cached_property
    def second(self) -> tuple[Spec, ...]:
        """The second round, as plans for the symbols and bits of the first: of all attributes, or of each that can be told."""
        plans = []
        for sizes in _afresh(self.permanent):
            domain = Domain({f"c{place}": range(size) for place, size in enumerate(sizes)})
            rounds = [Part(Grr(size, self.again)) for size in sizes]
            plans.append(Spec.of_parts(domain, rounds, scheme=Scheme.SPL, record_cap=self.again ** len(sizes)))
        return tuple(plans)


def _afresh(permanent: Spec) -> list[list[int]]:
    """How many values each symbol and bit has that a second round makes: of all attributes, or of each that can be told."""
    groups = [[part] for part in permanent.parts] if permanent.scheme is Scheme.SMP else [list(permanent.parts)]
    return [
        [part.size for part in group if isinstance(part.oracle, Grr)]
        + [2] * sum(part.size for part in group if isinstance(part.oracle, Unary))
        for group in groups
    ]


def _composed(part: Part, again: Fraction) -> Part:
    """Two rounds as one."""
    oracle: Oracle
    if isinstance(part.oracle, Unary):
        keep, err = again / (again + 1), 1 / (again + 1)
        hit, miss = (chance * keep + (1 - chance) * err for chance in (part.oracle.hit, part.oracle.miss))
        return Part(Unary(part.size, hit, miss), part.weight, part.fake)
    second = Grr(part.size, again)
    right = part.oracle.hit * second.hit + (part.size - 1) * part.oracle.miss * second.miss
    wrong = (1 - right) / (part.size - 1)
    oracle = Grr(part.size, right / wrong)
    fake = None if part.fake is None else tuple(chance * (second.hit - second.miss) + second.miss for chance in part.fake)
    return Part(oracle, part.weight, fake)


@dataclass
class Memo:
    """What one device remembers: for each different record, its permanent report. As secret as the records themselves.

    Store it before a report is sent: a device that forgets draws the permanent round again, and pays again. Threads may share a
    memo; copies of it, on two devices or in two processes, would draw twice.

    Parameters
    ----------
    plan : Longitudinal
        The public plan.
    """

    plan: Longitudinal
    _kept: dict[tuple[int, ...], bytes] = field(default_factory=dict[tuple[int, ...], bytes], repr=False)
    _reports: int = field(default=0, repr=False)
    _secure: bool = True
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def secure(self) -> bool:
        """False once anything in the memo was drawn in test mode; all later reports then say so."""
        return self._secure

    def cost(self) -> Guarantee:
        """What the reports so far cost together, between any two histories: `Longitudinal.any_times` of their number."""
        return self.plan.any_times(max(1, self._reports))

    def report(self, record: Mapping[str, Label] | Sequence[Label]) -> bytes:
        """Report about a record: a fresh second round on what is kept, or is drawn now and kept from now on.

        Parameters
        ----------
        record : mapping or sequence
            A value for each attribute.

        Returns
        -------
        bytes
            A batch of one report under the plan `Longitudinal.each`. It is marked when either round was drawn in test mode.

        Raises
        ------
        InvalidInput
            For a record outside the domain, before anything is drawn.

        Privacy
        -------
        All reports about one record that never changes keep the permanent plan's guarantee together: they are made of one report
        of it. A report by itself keeps that of `Longitudinal.each`, and all together that of `cost`. Both rounds are drawn by
        `privlib.ldp.Spec.randomise_one`: theorem ldp.t3.
        """
        values = self.plan.permanent.domain.encode(record)
        with self._lock:  # two threads that drew for one record would pay twice
            if values not in self._kept:
                self._kept[values] = self._permanent(record, values)
            self._reports += 1
            kept, secure = self._kept[values], self._secure
        return self._again(kept, secure=secure)

    def _permanent(self, record: Mapping[str, Label] | Sequence[Label], values: tuple[int, ...]) -> bytes:
        """The permanent round of a new record; about the attribute that this device tells, once it has drawn one."""
        permanent = self.plan.permanent
        layout = Layout(permanent.scheme, permanent.parts)
        told = next((layout.read(report)[2] for report in self._kept.values()), None)
        if told is None:
            return self._drawn(permanent, record)
        oracle = permanent.parts[told].oracle
        domain = Domain({"told": range(oracle.size)})
        alone = Spec.of_parts(domain, [Part(oracle)], scheme=Scheme.SPL, record_cap=oracle.odds)
        (symbol,), bits, _ = Layout(alone.scheme, alone.parts).read(self._drawn(alone, [values[told]]))
        return layout.write([symbol] * len(values), bits, told=told)

    def _drawn(self, plan: Spec, record: Mapping[str, Label] | Sequence[Label]) -> bytes:
        """A report, without its header; whether it was drawn in test mode is kept."""
        batch = plan.randomise_one(record)
        self._secure &= is_secure(batch)
        return unwrap(plan.fingerprint, Layout(plan.scheme, plan.parts).width, batch)

    def _again(self, kept: bytes, *, secure: bool) -> bytes:
        """The second round of one report."""
        permanent, each = self.plan.permanent, self.plan.each
        symbols, bits, told = Layout(permanent.scheme, permanent.parts).read(kept)
        second = self.plan.second[told or 0]
        places = range(len(symbols)) if told is None else [told]
        spoken = [place for place in places if isinstance(permanent.parts[place].oracle, Grr)]
        width = len(second.parts) - len(spoken)
        given = [*(symbols[place] for place in spoken), *(bits >> place & 1 for place in range(width))]
        layout = Layout(second.scheme, second.parts)
        batch = second.randomise_one(given)
        drawn, _, _ = layout.read(unwrap(second.fingerprint, layout.width, batch))
        fresh = list(symbols)
        for place, symbol in zip(spoken, drawn, strict=False):
            fresh[place] = symbol
        ones = sum(bit << place for place, bit in enumerate(drawn[len(spoken) :]))
        report = Layout(each.scheme, each.parts).write(fresh, ones, told=told)
        return wrap(each.fingerprint, report, secure=secure and is_secure(batch))

    def to_json(self) -> str:
        """The memo as text, for the device's own storage; as secret as the records."""
        with self._lock:
            body = {
                "warning": _SENSITIVE,
                "format": _FORMAT,
                "permanent": self.plan.permanent.fingerprint,
                "again": str(self.plan.again),
                "kept": [[list(values), report.hex()] for values, report in self._kept.items()],
                "reports": self._reports,
                "secure": self._secure,
            }
        return json.dumps(body, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, plan: Longitudinal, text: str) -> Memo:
        """Read what `to_json` gave.

        Parameters
        ----------
        plan : Longitudinal
            The plan under which it was made.
        text : str
            The memo.

        Returns
        -------
        Memo

        Raises
        ------
        InvalidInput
            For anything that is no memo.
        Mismatch
            For a memo of another plan.
        """
        wrong, layout = "the text holds no memo of a device", Layout(plan.permanent.scheme, plan.permanent.parts)
        try:
            body: dict[str, Any] = json.loads(text)
            known = body["format"] == _FORMAT
            same = (body["permanent"], body["again"]) == (plan.permanent.fingerprint, str(plan.again))
            kept = {tuple(values): bytes.fromhex(report) for values, report in body["kept"]}
            known &= type(body["reports"]) is int and body["reports"] >= len(kept) and type(body["secure"]) is bool
            known &= len({layout.read(report)[2] for report in kept.values()}) <= 1  # a device tells one attribute
            for values in kept:
                known &= all(place in range(size) for place, size in zip(values, plan.permanent.domain.sizes, strict=True))
                known &= {type(place) for place in values} == {int}
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InvalidInput(wrong) from error
        if not known:
            raise InvalidInput(wrong)
        if not same:
            raise Mismatch("the memo was made under another plan")
        memo = cls(plan, kept, body["reports"], body["secure"])
        if memo.to_json() != text:
            raise InvalidInput(wrong)
        return memo

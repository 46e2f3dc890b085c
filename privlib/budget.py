"""A privacy budget that survives the process: every charge is in the ledger's file before any noise is drawn."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import cast

from privlib import __version__
from privlib.bounds import Bound, Kind, Neighbours, Real, decimal, exact
from privlib.certified import exp_at_most
from privlib.errors import BudgetExceeded, InvalidInput, LedgerError, NotNeighbours
from privlib.journal import Head, Journal, Json, Row

__all__ = ["Ledger", "charge"]

FORMAT = 1
_PURPOSE = "privlib ledger"
_ANY = Neighbours.ADD_REMOVE  # stands in for the relation while a limit is read: the first charge fixes the real one
_STEP = 2**40
_SHORT = 1400  # bits: every number of 400 digits, so every limit and every charge


class Ledger:
    """The privacy budget of one population: an append-only file of charges that never sum to more than the limit.

    A charge is checked and recorded in one step, exactly and with no other process in between, and is on disk before
    `charge` returns. There are no refunds: a release that fails after its charge has used the budget.

    Parameters
    ----------
    path : str or path
        The file, made at first use and readable by its owner alone. SQLite keeps it, so on a network file system
        locks must work. Do not open it by other means while a program uses it.
    limit : rational > 0, optional
        The epsilon that all charges together may reach. Required when the file is made; afterwards it may be left out,
        and another value is refused.
    population : str, optional
        Whom the charges concern, in words that may be public; ``"default"`` unless given. Another one is refused when
        the file is opened again. People who can be in two populations have two budgets, which add.
    wait : float
        Seconds to wait for another process that is charging.

    Raises
    ------
    InvalidInput
        When the limit cannot be read, or is not the one that the file was made with.
    LedgerError
        When the file is missing and no limit is given, or cannot be used. Then nothing may be released.

    Notes
    -----
    The charges form a hash chain (`privlib.journal`). An edited charge is found by `verify`; a ledger that
    was cut short, or replaced by an older copy, by `verify_head` with the head that a release carries. Lost
    charges that no release followed stay undetected, and so does whoever rewrites the ledger and all releases: this is
    not a signature.

    Examples
    --------
    >>> import tempfile
    >>> ledger = Ledger(tempfile.mkdtemp() + "/budget.db", limit="1")
    >>> for week in range(10):
    ...     row = ledger.charge(Bound.pure(0.1, neighbours="replace"), name="weekly", fingerprint="f00d", secure=True)
    >>> ledger.remaining, len(ledger.charges())
    (Fraction(0, 1), 10)
    >>> ledger.charge(Bound.pure("1e-300", neighbours="replace"), name="one more", fingerprint="f00d", secure=True)
    Traceback (most recent call last):
    ...
    privlib.errors.BudgetExceeded: the limit is epsilon 1, 1 is spent, 1e-300 is asked for, 0 remains: nothing charged
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        limit: Real | Mapping[str, Real] | None = None,
        population: str | None = None,
        wait: float = 10.0,
    ) -> None:
        asked = None if limit is None else _limit(limit)
        if population is not None and not (_is_text(population) and population):
            raise InvalidInput("population must be a str that says something")
        if asked is None and not os.path.lexists(path):
            raise LedgerError(f"there is no {_PURPOSE} at {path}: check the path, or give limit= to make one")
        opening = None if asked is None else _opening(asked, "default" if population is None else population)
        self._journal = Journal(path, purpose=_PURPOSE, opening=opening, wait=wait)
        self._limit, self._population = _read_opening(self._journal.rows()[0])
        if asked is not None and asked != self._limit:
            raise InvalidInput(f"limit must be left out or {_shown(self._limit)}, with which this ledger was made")
        if population is not None and population != self._population:
            raise InvalidInput(f"population must be left out or {self._population!r}, for which this ledger was made")
        self._counted: tuple[int, Bound | None] = (1, None)  # a number of rows, and what they spend

    def __repr__(self) -> str:
        try:
            spent = self.spent
        except LedgerError:
            state = "unreadable"
        else:
            state = f"spent={_spelt(spent)}" + (f", neighbours={str(spent.neighbours)!r}" if spent else "")
        return f"Ledger({str(self.path)!r}, limit={_shown(self._limit)}, {state}, population={self._population!r})"

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return self._journal.path

    @property
    def limit(self) -> Fraction:
        """The epsilon that all charges together may reach."""
        return self._limit

    @property
    def population(self) -> str:
        """Whom the charges concern."""
        return self._population

    @property
    def spent(self) -> Bound | None:
        """What all charges so far leak together, or None before the first, which fixes the neighbours."""
        return self._sum(self._journal.rows())

    @property
    def remaining(self) -> Fraction:
        """The epsilon that can still be charged; rounded down, to 40 bits, once odds were charged."""
        return _remaining(self._limit, self.spent)

    def charges(self) -> tuple[Row, ...]:
        """Read the recorded charges, oldest first, those made in test mode included."""
        return self._journal.rows()[1:]

    def charge(self, bound: Bound, *, name: str, fingerprint: str, secure: bool) -> Row:
        """Record what a release is about to leak, or refuse it; call this before noise is drawn.

        Parameters
        ----------
        bound : Bound
            A pure bound above zero, for the neighbours of the first charge.
        name : str
            What is released, in words that may be public.
        fingerprint : str
            The fingerprint of the plan that is released.
        secure : bool
            False in test mode. Such a charge counts like any other.

        Returns
        -------
        Row
            The charge, durably recorded. Its ``head`` belongs into the release.

        Raises
        ------
        BudgetExceeded
            When the charges would pass the limit. Nothing was charged.
        NotNeighbours
            When the bound is of another kind than the limit, or for other neighbours than the charges before.
        InvalidInput
            When the bound is zero, or an argument has the wrong type.
        LedgerError
            When the ledger cannot be used. Nothing may be released then.
        """
        _check_types(bound, name, fingerprint, secure)
        if bound.kind is not Kind.PURE:
            raise NotNeighbours(f"this ledger limits a pure epsilon, and cannot count a {bound.kind} bound")
        if bound + bound == bound:
            raise InvalidInput("a bound of zero cannot be charged: a release costs something, or is no release")
        record: dict[str, Json] = {
            "type": "charge",
            "bound": _recorded(bound),
            "name": name,
            "fingerprint": fingerprint,
            "secure": secure,
            "version": __version__,
            "time": _now(),
        }

        def decide(rows: tuple[Row, ...]) -> Mapping[str, Json]:
            spent = self._sum(rows)
            total = bound if spent is None else spent + bound
            if not total.within(Bound.pure(self._limit, neighbours=bound.neighbours)):
                raise BudgetExceeded(
                    f"the limit is epsilon {_shown(self._limit)}, {_spelt(spent)} is spent, {_spelt(bound)} is asked "
                    f"for, {_shown(_remaining(self._limit, spent))} remains: nothing charged"
                )
            return record

        return self._journal.append(decide)

    def verify(self) -> None:
        """Verify the file, its chain, and that every charge can be read and their sum keeps to the limit.

        Raises
        ------
        LedgerError
            When it does not hold.
        """
        self._journal.verify()
        spent = self.spent
        if spent is not None and not spent.within(Bound.pure(self._limit, neighbours=spent.neighbours)):
            raise LedgerError(f"the charges in {self.path} pass its limit: it was not written by privlib alone")

    def verify_head(self, head: Mapping[str, object]) -> None:
        """Verify the chain, and that the charge which a release names is in it, exactly so.

        Parameters
        ----------
        head : dict
            The head that the release carries.

        Raises
        ------
        LedgerError
            When the charge is not there: the ledger was cut short, replaced by an older copy, rewritten, or is another.
        """
        self._journal.verify_head(head)

    def _sum(self, rows: tuple[Row, ...]) -> Bound | None:
        counted, spent = self._counted
        for row in rows[counted:]:
            charged = self._read_charge(row)
            spent = charged if spent is None else spent + charged
        self._counted = (max(counted, len(rows)), spent)  # in one step: threads may share the object
        return spent

    def _read_charge(self, row: Row) -> Bound:
        match row.record:
            case {"type": "charge", "bound": dict(bound)}:
                try:
                    return Bound.from_dict(cast(dict[str, str], bound))
                except InvalidInput:
                    pass
            case _:
                pass
        raise LedgerError(f"row {row.seq} of {self.path} is not a charge that this version of privlib can read")


def charge(ledger: Ledger | None, bound: Bound, *, name: str, fingerprint: str, secure: bool) -> Head | None:
    """Charge a ledger if there is one; every release calls this before it draws.

    Parameters
    ----------
    ledger : Ledger or None
        Where to charge; None where nobody keeps a budget.
    bound, name, fingerprint, secure
        As for `Ledger.charge`.

    Returns
    -------
    dict or None
        The head of the charge, to be stored in the release.

    Examples
    --------
    >>> charge(None, Bound.pure(1, neighbours="replace"), name="a curve", fingerprint="f00d", secure=True) is None
    True
    """
    if ledger is None:
        return None
    return ledger.charge(bound, name=name, fingerprint=fingerprint, secure=secure).head


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _check_types(bound: object, name: object, fingerprint: object, secure: object) -> None:
    if not isinstance(bound, Bound):
        raise InvalidInput(f"bound must be a Bound, not {type(bound).__name__}")
    if not _is_text(name) or not name or not _is_text(fingerprint):
        raise InvalidInput("name and fingerprint must be str, and the name must say something")
    if not isinstance(secure, bool):
        raise InvalidInput("secure must be True, or False for what was drawn in test mode")


def _limit(limit: Real | Mapping[str, Real]) -> Fraction:
    if isinstance(limit, Mapping):
        raise InvalidInput("limit must be one epsilon: limits of other kinds come with the accounting module")
    epsilon = exact(limit, name="limit")
    if epsilon <= 0:
        raise InvalidInput("limit must be > 0: a ledger that allows nothing records nothing")
    return epsilon


def _opening(limit: Fraction, population: str) -> Mapping[str, Json]:
    fields = _recorded(Bound.pure(limit, neighbours=_ANY))
    return {
        "type": "opening",
        "limit": {name: text for name, text in fields.items() if name != "neighbours"},
        "population": population,
        "format": FORMAT,
        "version": __version__,
        "time": _now(),
    }


def _read_opening(row: Row) -> tuple[Fraction, str]:
    match row.record:
        case {"type": "opening", "limit": dict(limit), "population": str(population), "format": 1}:
            try:
                bound = Bound.from_dict({**cast(dict[str, str], limit), "neighbours": _ANY})
            except InvalidInput:
                pass
            else:
                if bound.kind is Kind.PURE and bound.odds == 1:
                    return bound.epsilon, population
        case _:
            pass
    raise LedgerError("this ledger was written by a newer privlib: install that one")


def _recorded(bound: Bound) -> dict[str, str]:
    """Write the bound as text that can be read back: what is charged must stay countable."""
    try:
        fields = bound.to_dict()
        Bound.from_dict(fields)
    except ValueError:
        message = "a limit or charge must be a rational whose numerator and denominator have at most 400 digits"
        raise InvalidInput(message) from None
    return fields


def _remaining(limit: Fraction, spent: Bound | None) -> Fraction:
    return limit if spent is None else max(Fraction(0), limit - spent.epsilon - _log_from_above(spent.odds))


def _log_from_above(odds: Fraction) -> Fraction:
    """Round the logarithm of the odds up, to 40 fractional bits."""
    if odds == 1:
        return Fraction(0)
    guess = math.log(odds.numerator) - math.log(odds.denominator)
    above = Fraction(math.floor(guess * _STEP), _STEP)
    while not exp_at_most(-above, 1 / odds):
        above += Fraction(1, _STEP)
    return above


def _spelt(spent: Bound | None) -> str:
    if spent is None:
        return "0"
    odds = "" if spent.odds == 1 else f" and odds {_shown(spent.odds)}"
    return _shown(spent.epsilon) + odds


def _shown(value: Fraction) -> str:
    """Spell a number exactly unless that takes hundreds of digits, as a sum of many unlike fractions may."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) <= _SHORT:
        return decimal(value)
    return f"about {Decimal(value.numerator) / Decimal(value.denominator):.6g}"  # a float could overflow


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

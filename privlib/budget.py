"""A privacy budget that survives the process: every charge is in the ledger's file before any noise is drawn."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import cast

from privlib import __version__
from privlib.bounds import Bound, Kind, Real, exact
from privlib.errors import BudgetExceeded, InvalidInput, LedgerError, Mismatch
from privlib.journal import Head, Journal, Json, Row
from privlib.limits import Limit
from privlib.tally import Tally, together

__all__ = ["Ledger", "charge"]

FORMAT = 1
_PURPOSE = "privlib ledger"


class Ledger:
    """The privacy budget of one population: an append-only file of charges that never come to more than the limit.

    A charge is checked and recorded in one step, exactly and with no other process in between, and is on disk before
    `charge` returns. There are no refunds: a release that fails after its charge has used the budget.

    Parameters
    ----------
    path : str or path
        The file, made at first use and readable by its owner alone. SQLite keeps it, so on a network file system
        locks must work. Do not open it by other means while a program uses it.
    limit : rational > 0 or dict, optional
        What all charges together may reach: a pure epsilon such as ``"1"``, ``{"rho": "1/2"}``, or
        ``{"epsilon": 1, "delta": "1e-6"}``. Required when the file is made; afterwards it may be left out, and another
        value is refused.
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
    The limit holds also where every charge was chosen after looking at all outputs before it (``composition.t3``). Whether
    charges fit depends on their sums alone, never on their order, and nothing is decided by floats.

    - A pure limit takes pure charges. Their epsilons add.
    - A limit of rho takes pure charges as ``epsilon**2 / 2``, gdp charges as ``mu2 / 2``, and zcdp charges. They add.
    - A limit of epsilon and delta takes every kind. Pure and approximate charges add. With zcdp and gdp charges, all of delta
      goes to their conversion: rhos fit exactly as far as `privlib.accounting.convert` says, pure charges beside them cost
      their epsilon in the room that is left, and approximate ones are refused. To mix all kinds, divide the delta when the
      ledger is made: ``{"epsilon": 1, "delta": "1e-6", "approx_delta": "1e-7"}`` sets 1e-7 aside for approximate charges,
      leaves the rest to the conversion, and lets small pure charges cost ``epsilon**2 / 2`` where that is less.

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
        asked = None if limit is None else Limit.read(limit)
        if population is not None and not (_is_text(population) and population):
            raise InvalidInput("population must be a str that says something")
        if asked is None and not os.path.lexists(path):
            raise LedgerError(f"there is no {_PURPOSE} at {path}: check the path, or give limit= to make one")
        opening = None if asked is None else _opening(asked, "default" if population is None else population)
        self._journal = Journal(path, purpose=_PURPOSE, opening=opening, wait=wait)
        self._limit, self._population = _read_opening(self._journal.rows()[0])
        if asked is not None and asked != self._limit:
            raise InvalidInput(f"limit must be left out or {self._limit}, with which this ledger was made")
        if population is not None and population != self._population:
            raise InvalidInput(f"population must be left out or {self._population!r}, for which this ledger was made")
        self._counted: tuple[int, Tally | None] = (1, None)  # a number of rows, and what they spend

    def __repr__(self) -> str:
        try:
            tally = self._tally()
        except LedgerError:
            state = "unreadable"
        else:
            state = f"spent={self._limit.spent(tally)}" + (f", neighbours={str(tally.neighbours)!r}" if tally else "")
        return f"Ledger({str(self.path)!r}, limit={self._limit}, {state}, population={self._population!r})"

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return self._journal.path

    @property
    def kind(self) -> Kind:
        """The kind of the limit: pure, zcdp or approx."""
        return self._limit.kind

    @property
    def limit(self) -> Fraction:
        """The epsilon that all charges together may reach; for a limit of rho, the rho."""
        return self._limit.amount

    @property
    def delta(self) -> Fraction:
        """The delta that all charges together may reach; zero unless the limit has one."""
        return self._limit.delta

    @property
    def population(self) -> str:
        """Whom the charges concern."""
        return self._population

    @property
    def spent(self) -> Bound | None:
        """What all charges so far leak together, in the limit's kind; None before the first, which fixes the neighbours.

        Under a limit of epsilon and delta it is converted at the limit's delta once zcdp or gdp was charged. It is a figure to
        look at: where charges were chosen from earlier outputs, what holds is the limit (see the notes of `total`).
        """
        tally = self._tally()
        if tally is None:
            return None
        if self.kind is Kind.PURE:
            return together(tally, None)
        if self.kind is Kind.ZCDP:
            return Bound(kind=Kind.ZCDP, neighbours=tally.neighbours, rho=tally.rho + tally.squares)
        if tally.rho > 0:
            return together(tally, self.delta)
        epsilon = tally.epsilon_from_above
        return Bound(kind=Kind.APPROX, neighbours=tally.neighbours, epsilon=epsilon, delta=tally.delta)

    @property
    def remaining(self) -> Fraction:
        """The epsilon that one more pure charge can have, or the rho under a limit of rho; rounded down where irrational."""
        return self._limit.remaining(self._tally())

    @property
    def remaining_delta(self) -> Fraction:
        """The delta that approximate charges can still carry; zero unless the limit has one."""
        return self._limit.remaining_delta(self._tally())

    def total(self, delta: Real | None = None) -> Bound | None:
        """What all charges so far leak together, as one bound of the best kind.

        Parameters
        ----------
        delta : rational, optional
            Convert to an approximate bound of this delta, ``0 < delta < 1``.

        Returns
        -------
        Bound or None
            Without delta pure, gdp or approximate if all charges are, and zcdp if they all convert. None before the first
            charge.

        Raises
        ------
        InvalidInput
            When approximate charges stand beside zcdp or gdp ones and no delta is given, or when they use delta up.

        Notes
        -----
        The bound holds for charges that were planned before the first output. Where later ones were chosen from earlier
        outputs, what holds is the limit: a sum at a moment that the outputs chose is no bound, unless it is pure.

        Examples
        --------
        >>> import tempfile
        >>> ledger = Ledger(tempfile.mkdtemp() + "/budget.db", limit={"rho": "1"})
        >>> for bound in (Bound.gdp("0.5", neighbours="replace"), Bound.pure("0.5", neighbours="replace")):
        ...     row = ledger.charge(bound, name="a sum", fingerprint="f00d", secure=True)
        >>> print(ledger.total())
        rho = 0.375 (zcdp), neighbours: replace
        >>> print(ledger.total(delta="1e-6"))
        epsilon = 4.04229130047702, delta = 1e-06 (approx), neighbours: replace
        """
        wanted = None if delta is None else exact(delta, name="delta")
        tally = self._tally()
        return None if tally is None else together(tally, wanted)

    def charges(self) -> tuple[Row, ...]:
        """Read the recorded charges, oldest first, those made in test mode included."""
        return self._journal.rows()[1:]

    def charge(self, bound: Bound, *, name: str, fingerprint: str, secure: bool) -> Row:
        """Record what a release is about to leak, or refuse it; call this before noise is drawn.

        Parameters
        ----------
        bound : Bound
            A bound above zero of a kind that the limit takes, for the neighbours of the first charge.
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
        Mismatch
            When the limit does not take the bound's kind, or the charges before were for other neighbours.
        InvalidInput
            When the bound is zero, or an argument has the wrong type.
        LedgerError
            When the ledger cannot be used. Nothing may be released then.
        """
        _check_types(bound, name, fingerprint, secure)
        self._limit.check(bound)
        if bound.odds == 1 and not any((bound.epsilon, bound.rho, bound.mu2, bound.delta)):
            raise InvalidInput("a bound of zero cannot be charged: a release costs something, or is no release")
        asked = Tally.of(bound)
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
            total = asked if spent is None else spent + asked
            if not self._limit.fits(total):
                raise BudgetExceeded(self._limit.refusal(spent, bound, total))
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
        spent = self._tally()
        if spent is not None and not self._limit.fits(spent):
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

    def _tally(self) -> Tally | None:
        return self._sum(self._journal.rows())

    def _sum(self, rows: tuple[Row, ...]) -> Tally | None:
        counted, spent = self._counted
        for row in rows[counted:]:
            charged = self._read_charge(row)
            try:
                spent = charged if spent is None else spent + charged
            except Mismatch as error:
                raise LedgerError(f"row {row.seq} of {self.path} is for other neighbours than the rows before it") from error
        self._counted = (max(counted, len(rows)), spent)  # in one step: threads may share the object
        return spent

    def _read_charge(self, row: Row) -> Tally:
        match row.record:
            case {"type": "charge", "bound": dict(fields)}:
                try:
                    bound = Bound.from_dict(cast(dict[str, str], fields))
                except InvalidInput:
                    pass
                else:
                    if self._limit.admits(bound.kind):
                        return Tally.of(bound)
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
    if not isinstance(ledger, Ledger):
        raise InvalidInput(f"ledger must be a Ledger, not {type(ledger).__name__}: open it with privlib.Ledger(path, limit=...)")
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


def _opening(limit: Limit, population: str) -> Mapping[str, Json]:
    return {
        "type": "opening",
        "limit": limit.to_dict(),
        "population": population,
        "format": FORMAT,
        "version": __version__,
        "time": _now(),
    }


def _read_opening(row: Row) -> tuple[Limit, str]:
    match row.record:
        case {"type": "opening", "limit": dict(limit), "population": str(population), "format": 1}:
            try:
                return Limit.from_dict(cast(dict[str, str], limit)), population
            except InvalidInput:
                pass
        case _:
            pass
    raise LedgerError("this ledger was written by a newer privlib: install that one")


def _recorded(bound: Bound) -> dict[str, str]:
    """Write the bound as text that can be read back: what is charged must stay countable."""
    try:
        fields = bound.to_dict()
        Bound.from_dict(fields)
    except ValueError:
        message = "a charge must be a rational whose numerator and denominator have at most 400 digits"
        raise InvalidInput(message) from None
    return fields


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""Spending chosen as one goes: a filter keeps a fixed total, an odometer tells at any time what was spent so far.

Each next bound may depend on all answers before it. Both rest on the theorem accounting.t3. They live in memory;
`privlib.Ledger` is the filter that survives the process.
"""

from __future__ import annotations

from fractions import Fraction
from threading import Lock
from typing import NoReturn

from privlib.accounting.logarithm import log_ratio
from privlib.accounting.rounding import up
from privlib.bounds import Bound, Kind, Real, checked_bound, exact, exact_share
from privlib.certified import sqrt
from privlib.errors import BudgetExceeded, InvalidInput, Mismatch

__all__ = ["Filter", "Odometer"]

_BITS = 128
_SIX_OVER_PI_SQUARED = Fraction(607927, 10**6)  # below
_WIDER: dict[Kind, tuple[Kind, ...]] = {
    Kind.PURE: (Kind.PURE,),
    Kind.GDP: (Kind.GDP,),
    Kind.ZCDP: (Kind.ZCDP, Kind.GDP, Kind.PURE),
}


class Filter:
    """Let releases through as long as they keep to a limit together, however they were chosen.

    Parameters
    ----------
    limit : Bound
        A pure, zcdp or gdp bound. For a target (epsilon, delta) take `calibrate` first.

    Raises
    ------
    InvalidInput
        For an approx limit.

    Notes
    -----
    A limit in zcdp takes zcdp, gdp and pure bounds, of which the last count as ``rho = epsilon**2 / 2``; a pure or gdp limit
    takes its own kind. All that was let through satisfies the limit, as one mechanism: convert the limit, or what is
    known beforehand, never the running sum at a moment that the answers choose; that is what `Odometer` is for.

    Examples
    --------
    >>> spending = Filter(Bound.zcdp("1/2", neighbours="replace"))
    >>> spending.spend(Bound.zcdp("0.3", neighbours="replace"))
    >>> spending.allows(Bound.pure("0.6", neighbours="replace")), spending.allows(Bound.pure("0.7", neighbours="replace"))
    (True, False)
    """

    __slots__ = ("_limit", "_lock", "_spent")

    def __init__(self, limit: Bound) -> None:
        limit = checked_bound(limit, name="limit")
        if limit.kind not in _WIDER:
            raise InvalidInput("a filter's limit must be pure, zcdp or gdp: for a target (epsilon, delta) take calibrate()")
        self._limit = limit
        self._spent = Bound(kind=limit.kind, neighbours=limit.neighbours)
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"Filter(limit='{self._limit}', spent='{self._spent}')"

    @property
    def limit(self) -> Bound:
        """What everything let through satisfies together."""
        return self._limit

    @property
    def spent(self) -> Bound:
        """The sum of what was let through. It may depend on the answers: the guarantee is the limit."""
        return self._spent

    def allows(self, bound: Bound) -> bool:
        """Whether a bound still fits.

        Parameters
        ----------
        bound : Bound
            What the next release satisfies, given everything before it.

        Returns
        -------
        bool
        """
        return self._after(bound).within(self._limit)

    def spend(self, bound: Bound) -> None:
        """Count a bound, or refuse it and stay as before; call this before the release draws.

        Parameters
        ----------
        bound : Bound
            What the next release satisfies, given everything before it.

        Raises
        ------
        BudgetExceeded
            When it does not fit.
        Mismatch
            When it is of another relation of neighbours, or of a kind that the limit does not take.
        """
        with self._lock:  # two threads must not fit into the same room
            after = self._after(bound)
            if not after.within(self._limit):
                raise BudgetExceeded(f"the limit is {self._limit}; {bound} does not fit beside what is spent: nothing counted")
            self._spent = after

    def _after(self, bound: Bound) -> Bound:
        bound = checked_bound(bound)
        if bound.kind not in _WIDER[self._limit.kind]:
            raise Mismatch(f"a {self._limit.kind} limit cannot count a {bound.kind} bound")
        return self._spent + (concentrated(bound) if self._limit.kind is Kind.ZCDP else bound)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a filter cannot be copied or pickled: each copy would forget what the others spend")


class Odometer:
    """Tell at any time what was spent, when neither the spending nor the moment to stop was fixed beforehand.

    Parameters
    ----------
    delta : rational, 0 < delta < 1
        Fixed beforehand. Read by its decimal spelling.
    start : rational > 0
        The rho at which reading begins, fixed beforehand: readings are finest above it, and never finer than one at ``2 start``.
    neighbours : str
        The relation of neighbours of everything spent.

    Raises
    ------
    InvalidInput
        For arguments out of range.

    Notes
    -----
    Level j covers spending up to ``start 2**j`` and has ``delta 6 / (pi j)**2`` to itself. The conversion is the plain one:
    the sharp conversion holds for a total that is fixed beforehand only.

    Examples
    --------
    >>> odometer = Odometer(delta=1e-6, start="1/100", neighbours="replace")
    >>> odometer.spend(Bound.zcdp("1/10", neighbours="replace"))
    >>> print(odometer.reading)
    epsilon = 3.46679782268882, delta = 1e-06 (approx), neighbours: replace
    """

    __slots__ = ("_delta", "_lock", "_spent", "_start")

    def __init__(self, *, delta: Real, start: Real, neighbours: str) -> None:
        self._delta, self._start = exact_share(delta, name="delta"), exact(start, name="start")
        if self._start <= 0:
            raise InvalidInput(f"start must be > 0, got {self._start}")
        self._spent = Bound.zcdp(0, neighbours=neighbours)
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"Odometer(reading='{self.reading}')"

    @property
    def reading(self) -> Bound:
        """An (epsilon, delta) that holds for everything up to now, whatever made one look now; rounded up."""
        rho, j = 2 * self._start, 1
        while rho < self._spent.rho:
            rho, j = 2 * rho, j + 1
        share = self._delta * _SIX_OVER_PI_SQUARED / j**2
        logarithm = log_ratio(share.denominator, share.numerator, _BITS)[1]
        epsilon = rho + 2 * Fraction(sqrt(rho * Fraction(logarithm, 1 << _BITS), _BITS)[1], 1 << _BITS)
        return Bound(
            kind=Kind.APPROX,
            neighbours=self._spent.neighbours,
            epsilon=up(epsilon.numerator, epsilon.denominator),
            delta=self._delta,
        )

    def spend(self, bound: Bound) -> None:
        """Count a bound; call this before the release draws.

        Parameters
        ----------
        bound : Bound
            What the next release satisfies, given everything before it: zcdp, gdp or pure.

        Raises
        ------
        Mismatch
            When it is of another relation of neighbours, or approx.
        """
        with self._lock:
            self._spent = self._spent + concentrated(bound)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an odometer cannot be copied or pickled: each copy would forget what the others spend")


def concentrated(bound: Bound) -> Bound:
    """The zcdp bound that a pure, zcdp or gdp bound implies: ``epsilon**2 / 2``, itself, ``mu2 / 2``."""
    bound = checked_bound(bound)
    if bound.kind is Kind.APPROX:
        raise Mismatch("an approx bound implies no zcdp bound: keep the bounds of such releases apart")
    rho = bound.rho + bound.mu2 / 2
    if bound.kind is Kind.PURE:
        epsilon = bound.epsilon
        if bound.odds != 1:
            epsilon += Fraction(log_ratio(bound.odds.numerator, bound.odds.denominator, _BITS)[1], 1 << _BITS)
        rho = epsilon**2 / 2
    return Bound(kind=Kind.ZCDP, neighbours=bound.neighbours, rho=rho)

"""What a ledger allows: a limit of one of three kinds, which admits or refuses the sums of all charges.

Whoever charges may choose the next charge after seeing all outputs so far. A rule is only sound if the limit holds for every
such choice, and that rules out converting what was spent at the moment with the delta left at the moment: an analyst who
goes on with zcdp charges after a telling output and turns to approximate ones after any other gets nearly twice the delta.
So everything that a conversion depends on is fixed when the ledger is made. The theorem is composition.t3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from privlib.bounds import Bound, Kind, Neighbours, Real, decimal, exact
from privlib.certified import exp_at_most, log, sqrt
from privlib.errors import InvalidInput, Mismatch
from privlib.tally import Tally

__all__ = ["Limit", "one_order"]

_FORMS = (
    "limit must be one epsilon such as '1', {'rho': ...} or {'epsilon': ..., 'delta': ...}, the last perhaps with 'approx_delta'"
)
_ADMITTED = {
    Kind.PURE: {Kind.PURE},
    Kind.ZCDP: {Kind.PURE, Kind.ZCDP, Kind.GDP},
    Kind.APPROX: set(Kind),
}
_WORDS = {Kind.PURE: "a pure epsilon", Kind.ZCDP: "rho", Kind.APPROX: "epsilon and delta"}
_ANY = Neighbours.ADD_REMOVE  # stands in for the relation in a stored limit: the first charge fixes the real one
_LONGEST = 40
_SHORT = 1400  # bits: every number of 400 digits, so every limit and every charge
_BITS = 128
_SEARCH_BITS = 64
_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What all charges together may reach.

    A pure limit admits pure charges: epsilons add. A limit of rho also admits zcdp and gdp charges: their rho and mu2/2 and the
    halved squares of the pure epsilons add. A limit of epsilon and delta admits every kind, by either of two rules:

    - epsilons and deltas add up to at most the limit's, and nothing is zcdp or gdp;
    - epsilons plus ``order`` times the rhos keep to the room of the privacy loss of one Rényi order, and no delta is
      charged: it all belongs to the conversion.

    With ``approx_delta`` the delta is divided beforehand: approximate charges have that much, the conversion has the rest, both
    rules hold beside each other, and pure charges may count by their squares.

    Attributes
    ----------
    kind : Kind
        ``pure``, ``zcdp`` or ``approx``.
    amount : Fraction
        The epsilon, or the rho of a zcdp limit.
    delta : Fraction
        Zero unless the kind is approx.
    approx_delta : Fraction or None
        The part of delta that is set aside for approximate charges.
    """

    kind: Kind
    amount: Fraction
    delta: Fraction = Fraction(0)
    approx_delta: Fraction | None = None

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise InvalidInput("limit must be > 0: a ledger that allows nothing records nothing")
        if self.kind is not Kind.APPROX:
            return
        if not 0 < self.delta < 1:
            raise InvalidInput("the limit's delta must lie between 0 and 1; for none, give epsilon alone: limit='1'")
        if self.approx_delta is not None and not 0 <= self.approx_delta < self.delta:
            raise InvalidInput("the limit's approx_delta must be >= 0 and below its delta: the rest is for the conversion")

    @classmethod
    def read(cls, limit: Real | Mapping[str, Real]) -> Limit:
        """Read what `privlib.Ledger` was given."""
        if not isinstance(limit, Mapping):
            return cls(kind=Kind.PURE, amount=exact(limit, name="limit"))
        if not ({*limit} == {"rho"} or {"epsilon", "delta"} <= {*limit} <= {"epsilon", "delta", "approx_delta"}):
            raise InvalidInput(_FORMS)
        values = {name: exact(value, name=f"the limit's {name}") for name, value in limit.items()}
        if "rho" in values:
            return cls(kind=Kind.ZCDP, amount=values["rho"])
        aside = values.get("approx_delta")
        return cls(kind=Kind.APPROX, amount=values["epsilon"], delta=values["delta"], approx_delta=aside)

    @classmethod
    def from_dict(cls, record: Mapping[str, str]) -> Limit:
        """Read what `to_dict` wrote; anything else is refused."""
        fields = dict(record)
        aside = fields.pop("approx_delta", None)
        bound = Bound.from_dict({**fields, "neighbours": _ANY})
        amount = bound.rho if bound.kind is Kind.ZCDP else bound.epsilon
        approx_delta = None if aside is None else exact(aside, name="approx_delta")
        limit = cls(kind=bound.kind, amount=amount, delta=bound.delta, approx_delta=approx_delta)
        if limit.to_dict() != dict(record):
            raise InvalidInput("this is not a limit as privlib writes it")
        return limit

    def to_dict(self) -> dict[str, str]:
        """The limit as exact text with its kind, as it stands in the ledger's first row."""
        return {"kind": str(self.kind), **self.spelling()}

    def spelling(self) -> dict[str, str]:
        """The limit as exact text, as it may be given again unless it is pure."""
        if self.kind is not Kind.APPROX:
            return {"rho" if self.kind is Kind.ZCDP else "epsilon": str(self.amount)}
        aside = {} if self.approx_delta is None else {"approx_delta": str(self.approx_delta)}
        return {"epsilon": str(self.amount), "delta": str(self.delta), **aside}

    def admits(self, kind: Kind) -> bool:
        """Whether charges of a kind can be counted at all."""
        return kind in _ADMITTED[self.kind]

    def check(self, bound: Bound) -> None:
        """Refuse a charge that cannot be counted at all, and say where it can be."""
        if self.admits(bound.kind):
            return
        wanted = "limit={'epsilon': ..., 'delta': ...}"
        if bound.kind is not Kind.APPROX:
            wanted = f"limit={{'rho': ...}} or {wanted}"
        raise Mismatch(f"this ledger limits {_WORDS[self.kind]}, and cannot count a {bound.kind} bound: use one with {wanted}")

    def fits(self, tally: Tally) -> bool:
        """Whether charges of these sums keep to the limit; decided exactly."""
        if self.kind is Kind.PURE:
            return _loss_at_most(tally, self.amount)
        if self.kind is Kind.ZCDP:
            return tally.rho + tally.squares <= self.amount
        return self._adds(tally) or self._concentrates(tally)

    def _adds(self, tally: Tally) -> bool:
        allowed = self.delta if self.approx_delta is None else self.approx_delta
        return tally.rho == 0 and tally.delta <= allowed and _loss_at_most(tally, self.amount)

    def _concentrates(self, tally: Tally) -> bool:
        aside = self.approx_delta or Fraction(0)
        if tally.delta > aside:
            return False
        order, room = one_order(self.amount, self.delta - aside)
        if _loss_at_most(tally, room - order * tally.rho):
            return True
        return self.approx_delta is not None and order * (tally.rho + tally.squares) <= room

    def remaining(self, tally: Tally | None) -> Fraction:
        """The rho, or else the epsilon of one more pure charge, that still fits; rounded down where it is irrational."""
        if tally is None:
            return self.amount
        if self.kind is Kind.PURE:
            return max(Fraction(0), self.amount - tally.epsilon_from_above)
        if self.kind is Kind.ZCDP:
            return max(Fraction(0), self.amount - tally.rho - tally.squares)
        return max(Fraction(0), *self._rooms(tally))

    def _rooms(self, tally: Tally) -> list[Fraction]:
        """By each rule, the epsilon of one more pure charge."""
        rooms = [Fraction(0)]
        aside, epsilon = self.approx_delta or Fraction(0), tally.epsilon_from_above
        if tally.rho == 0 and tally.delta <= (self.delta if self.approx_delta is None else aside):
            rooms.append(self.amount - epsilon)
        if tally.delta <= aside:
            order, room = one_order(self.amount, self.delta - aside)
            rooms.append(room - order * tally.rho - epsilon)
            square = 2 * (room / order - tally.rho - tally.squares)
            if self.approx_delta is not None and square > 0:
                rooms.append(Fraction(sqrt(square, _BITS)[0], 1 << _BITS))
        return rooms

    def remaining_delta(self, tally: Tally | None) -> Fraction:
        """The delta that approximate charges may still carry."""
        allowed = self.delta if self.approx_delta is None else self.approx_delta
        if tally is None:
            return allowed
        if self.approx_delta is None and tally.rho > 0:
            return Fraction(0)
        return max(Fraction(0), allowed - tally.delta)

    def __str__(self) -> str:
        """The limit as `privlib.Ledger` takes it."""
        return _shown(self.amount) if self.kind is Kind.PURE else str(self.spelling())

    def spent(self, tally: Tally | None) -> str:
        """What was spent, for a ledger's repr."""
        spelt = self._spelt(tally)
        return spelt if self.kind is Kind.PURE else repr(spelt)

    def refusal(self, spent: Tally | None, asked: Bound, total: Tally) -> str:
        """Why a charge is refused, and what to do where no smaller one would fit either."""
        left = _shown(self.remaining(spent))
        if self.kind is Kind.PURE:
            allowed, wanted = f"epsilon {_shown(self.amount)}", _named(asked).removeprefix("epsilon ")
        elif self.kind is Kind.ZCDP:
            allowed, wanted, left = f"rho {_shown(self.amount)}", _named(asked), f"rho {left}"
        else:
            allowed, wanted = f"epsilon {_shown(self.amount)} and delta {_shown(self.delta)}", _named(asked)
            left = f"epsilon {left} and delta {_shown(self.remaining_delta(spent))}"
        cure = ""
        if self.kind is Kind.APPROX and self.approx_delta is None and total.rho and total.delta:
            cure = (
                "; one delta serves approximate charges or the conversion of the others, not both: a ledger for both has "
                "limit={'epsilon': ..., 'delta': ..., 'approx_delta': ...}"
            )
        return (
            f"the limit is {allowed}, {self._spelt(spent)} is spent, {wanted} is asked for, {left} remains: nothing charged{cure}"
        )

    def _spelt(self, spent: Tally | None) -> str:
        """What was spent, in the limit's terms."""
        if self.kind is Kind.PURE:
            return "0" if spent is None else _named(spent).removeprefix("epsilon ")
        if spent is None:
            return "nothing"
        return f"rho {_shown(spent.rho + spent.squares)}" if self.kind is Kind.ZCDP else _named(spent)


def _named(charged: Bound | Tally) -> str:
    """Everything that counts, by its name."""
    values = {name: getattr(charged, name, Fraction(0)) for name in ("epsilon", "odds", "delta", "rho", "mu2")}
    if values["odds"] == 1:
        del values["odds"]
    return " and ".join(
        f"{name} {_shown(value)}" for name, value in values.items() if value or (name == "epsilon" and "odds" in values)
    )


def _shown(value: Fraction) -> str:
    """Spell a number exactly unless that takes many digits, as a sum of unlike fractions may."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) <= _SHORT and len(decimal(value)) <= _LONGEST:
        return decimal(value)
    return f"about {Decimal(value.numerator) / Decimal(value.denominator):.6g}"  # a float could overflow


def _loss_at_most(tally: Tally, epsilon: Fraction) -> bool:
    """Whether the epsilons and the logarithm of the odds come to at most epsilon, which may be negative."""
    return exp_at_most(tally.epsilon - epsilon, 1 / tally.odds)


@lru_cache(maxsize=256)
def one_order(epsilon: Fraction, delta: Fraction) -> tuple[Fraction, Fraction]:
    """The one Rényi order by which a limit of epsilon and delta counts, and how much loss it has room for.

    Parameters
    ----------
    epsilon : Fraction > 0
        The limit's epsilon.
    delta : Fraction
        What the conversion may use, ``0 < delta < 1``.

    Returns
    -------
    tuple of Fraction
        An order above 1, and the room at this order, rounded down. Charges whose epsilons plus ``order`` times their rhos
        keep to the room are (epsilon, delta) private together, however they are chosen.

    Notes
    -----
    With ``lam = order - 1`` the room is ``epsilon + log(1 + 1/lam) + log(delta (1 + lam)) / lam``. Any order is sound; this is
    the one at which room / order, the rho that fits, is largest. Every ledger must find the same one for ever, or charges
    that were accepted would be called too many: so it is found between integers, and never by floats.

    Examples
    --------
    >>> order, room = one_order(Fraction(1), Fraction(1, 10**6))
    >>> round(float(order), 4), round(float(room), 4), round(float(room / order), 6)
    (21.9845, 0.5355, 0.024356)
    """
    low = high = Fraction(1)
    while _order_too_small(high, epsilon, delta):
        low, high = high, 2 * high
    while not _order_too_small(low, epsilon, delta):
        low, high = low / 2, low
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _order_too_small(middle, epsilon, delta) else (low, middle)
    bits = _BITS + 2 * low.denominator.bit_length()
    gained, lost = log(1 + 1 / low, bits)[0], log(1 / (delta * (1 + low)), bits)[1]
    room = epsilon + (gained - lost / low) / (1 << bits)
    return 1 + low, Fraction(room.numerator * 2**bits // room.denominator, 2**bits)


def _order_too_small(lam: Fraction, epsilon: Fraction, delta: Fraction) -> bool:
    """Whether room / order still grows with the order: its derivative, to about 64 bits."""
    if delta * (1 + lam) >= 1:
        return False
    steepness = Fraction(log(1 / (delta * (1 + lam)), _SEARCH_BITS)[0], 1 << _SEARCH_BITS)
    gained = Fraction(log(1 + 1 / lam, _SEARCH_BITS)[0], 1 << _SEARCH_BITS)
    return steepness * (2 * lam + 1) > (epsilon + gained) * lam**2

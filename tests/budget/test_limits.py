"""Limits of every kind: what they take, how it adds, and that neither order nor processes get more out of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flint import arb, ctx, fmpq
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from privlib.accounting import convert
from privlib.bounds import Bound, Kind
from privlib.budget import Ledger
from privlib.errors import BudgetExceeded, InvalidInput, LedgerError, Mismatch
from privlib.journal import Journal, Row
from privlib.limits import Limit, one_order
from privlib.tally import Tally

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # sums need no disk, and Hypothesis makes many ledgers
APPROX: dict[str, Any] = {"epsilon": 1, "delta": "1e-6"}
DIVIDED: dict[str, Any] = {**APPROX, "approx_delta": "1e-7"}
RHO: dict[str, Any] = {"rho": "1/2"}


def pure(epsilon: Any = 0, **options: Any) -> Bound:
    return Bound.pure(epsilon, **{"neighbours": "replace", **options})


def zcdp(rho: Any) -> Bound:
    return Bound.zcdp(rho, neighbours="replace")


def gdp(mu2: Any) -> Bound:
    return Bound.gdp(mu2, neighbours="replace")


def approx(epsilon: Any, delta: Any) -> Bound:
    return Bound.approx(epsilon, delta, neighbours="replace")


def charge(ledger: Ledger, bound: Bound) -> Row:
    return ledger.charge(bound, name="a sum", fingerprint="f00d", secure=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "budget.db"


# How a limit is given


@pytest.mark.parametrize(
    ("limit", "record"),
    [
        ({"rho": 0.5}, {"kind": "zcdp", "rho": "1/2"}),
        ({"delta": 1e-6, "epsilon": "2/2"}, {"kind": "approx", "epsilon": "1", "delta": "1/1000000"}),
        (DIVIDED, {"kind": "approx", "epsilon": "1", "delta": "1/1000000", "approx_delta": "1/10000000"}),
        ({**APPROX, "approx_delta": 0}, {"kind": "approx", "epsilon": "1", "delta": "1/1000000", "approx_delta": "0"}),
    ],
)
def test_the_opening_row_holds_the_limit_with_its_kind(limit: Any, record: dict[str, str], path: Path) -> None:
    Ledger(path, limit=limit)
    opening = Journal(path, purpose="privlib ledger").rows()[0].record
    assert (opening["limit"], opening["format"]) == (record, 1)
    Ledger(path, limit=limit)
    Ledger(path)


@pytest.mark.parametrize(
    "limit",
    [
        {},
        {"epsilon": 1},
        {"delta": "1e-6"},
        {"mu2": 1},
        {"rho": 1, "delta": "1e-6"},
        {"rho": 1, "approx_delta": 0},
        {"epsilon": 1, "approx_delta": 0},
        {**APPROX, "rho": 1},
        {1: 1},
        {"rho": 0},
        {"rho": -1},
        {"rho": float("nan")},
        {"rho": None},
        {"rho": [1]},
        {"rho": "1e999999999"},
        {"epsilon": 0, "delta": "1e-6"},
        {"epsilon": 1, "delta": 0},
        {"epsilon": 1, "delta": 1},
        {"epsilon": 1, "delta": True},
        {**APPROX, "approx_delta": "1e-6"},
        {**APPROX, "approx_delta": "-1e-9"},
        {**APPROX, "approx_delta": None},
    ],
    ids=str,
)
def test_a_limit_that_cannot_be_read_is_refused_and_no_file_is_made(limit: Any, path: Path) -> None:
    with pytest.raises(InvalidInput, match="limit"):
        Ledger(path, limit=limit)
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("made", ["1", RHO, {"rho": 1}, APPROX, DIVIDED, {**APPROX, "approx_delta": 0}], ids=str)
@pytest.mark.parametrize("asked", ["1", RHO, {"rho": 1}, APPROX, DIVIDED, {**APPROX, "approx_delta": 0}], ids=str)
def test_a_ledger_opens_again_under_its_own_limit_only(made: Any, asked: Any, path: Path) -> None:
    Ledger(path, limit=made)
    if made == asked:
        assert Ledger(path, limit=asked).kind is Ledger(path).kind
    else:
        with pytest.raises(InvalidInput, match="with which this ledger was made"):
            Ledger(path, limit=asked)


def test_a_ledger_says_what_its_limit_is(path: Path) -> None:
    ledger = Ledger(path, limit=DIVIDED)
    assert (ledger.kind, ledger.limit, ledger.delta) == (Kind.APPROX, 1, Fraction(1, 10**6))
    assert (ledger.remaining, ledger.remaining_delta) == (1, Fraction(1, 10**7))
    assert (ledger.spent, ledger.total(), ledger.total(delta="1e-6")) == (None, None, None)
    assert repr(ledger) == (
        f"Ledger('{path}', limit={{'epsilon': '1', 'delta': '1/1000000', 'approx_delta': '1/10000000'}}, spent='nothing', "
        "population='default')"
    )


def test_a_ledger_of_the_first_version_still_opens(path: Path) -> None:
    opening = {"type": "opening", "limit": {"kind": "pure", "epsilon": "1"}, "population": "default", "format": 1}
    charged = {"kind": "pure", "neighbours": "replace", "epsilon": "1/4", "odds": "3/2"}
    journal = Journal(
        path, purpose="privlib ledger", opening={**opening, "version": "0.1.0", "time": "2026-01-01T00:00:00+00:00"}
    )
    journal.append(lambda rows: {"type": "charge", "bound": charged, "name": "a", "fingerprint": "f", "secure": True})
    ledger = Ledger(path, limit=1)
    ledger.verify()
    assert ledger.spent == pure("1/4", odds="3/2")


# What each kind of limit takes


BOUNDS = {"pure": pure("1/100"), "odds": pure(odds="51/50"), "zcdp": zcdp("1/1000"), "gdp": gdp("1/500")}
CARRIES_DELTA = approx("1/100", "1e-8")


@pytest.mark.parametrize(
    ("limit", "taken"),
    [("1", {"pure", "odds"}), (RHO, set(BOUNDS)), (APPROX, {*BOUNDS, "approx"}), (DIVIDED, {*BOUNDS, "approx"})],
    ids=["epsilon", "rho", "approximate", "divided"],
)
@pytest.mark.parametrize("kind", [*BOUNDS, "approx"])
def test_a_limit_takes_the_kinds_that_it_can_count(limit: Any, taken: set[str], kind: str, path: Path) -> None:
    ledger = Ledger(path, limit=limit)
    bound = {**BOUNDS, "approx": CARRIES_DELTA}[kind]
    if kind in taken:
        charge(ledger, bound)
        ledger.verify()
        assert len(ledger.charges()) == 1
    else:
        with pytest.raises(Mismatch, match=r"cannot count a .* bound: use one with limit=\{"):
            charge(ledger, bound)
        assert ledger.charges() == ()


@pytest.mark.parametrize("limit", ["1", RHO, APPROX, DIVIDED], ids=str)
@pytest.mark.parametrize("bound", [pure(0), zcdp(0), gdp(0), approx(0, 0)], ids=str)
def test_a_bound_of_zero_is_refused_whatever_its_kind(limit: Any, bound: Bound, path: Path) -> None:
    ledger = Ledger(path, limit=limit)
    with pytest.raises((InvalidInput, Mismatch)):
        charge(ledger, bound)
    assert ledger.charges() == ()


@pytest.mark.parametrize("limit", [RHO, APPROX, DIVIDED], ids=str)
def test_charges_of_different_neighbours_do_not_mix_whatever_their_kinds(limit: Any, path: Path) -> None:
    ledger = Ledger(path, limit=limit)
    charge(ledger, pure("1/100"))
    for bound in (Bound.pure("1/100", neighbours="event"), Bound.zcdp("1/1000", neighbours="add_remove")):
        with pytest.raises(Mismatch, match="release under one relation"):
            charge(ledger, bound)
    assert len(ledger.charges()) == 1


@pytest.mark.parametrize(
    "bound",
    [
        {"kind": "zcdp", "neighbours": "replace", "rho": "1/100"},
        {"kind": "pure", "neighbours": "event", "epsilon": "1/100"},
    ],
    ids=["kind", "neighbours"],
)
def test_a_row_that_the_ledger_would_not_have_written_is_found(bound: dict[str, str], path: Path) -> None:
    ledger = Ledger(path, limit=1)
    charge(ledger, pure("1/100"))
    Journal(path, purpose="privlib ledger").append(lambda rows: {"type": "charge", "bound": bound})
    for operation in (ledger.verify, lambda: ledger.remaining, lambda: charge(ledger, pure("1/100"))):
        with pytest.raises(LedgerError, match="row 3 of"):
            operation()


# How charges add: an independent account of it


def real(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


class Model:
    """Charges kept one by one, and the rules written down anew in ball arithmetic of 400 bits."""

    def __init__(self, epsilon: Fraction, delta: Fraction, aside: Fraction | None) -> None:
        ctx.prec = 400
        self.epsilon, self.delta, self.aside = epsilon, delta, aside
        share = delta - (aside or 0)
        low, high = arb(0), 1 / real(share) - 1
        for _ in range(250):  # the order where room / order is largest, by its derivative
            middle = ((low + high) / 2).mid()
            rises = (1 / (real(share) * (1 + middle))).log() * (2 * middle + 1) > middle**2 * (
                real(epsilon) + (1 + 1 / middle).log()
            )
            low, high = (middle, high) if rises else (low, middle)
        self.order = 1 + low
        self.room = real(epsilon) + (1 + 1 / low).log() + (real(share) * (1 + low)).log() / low
        self.charged: list[Bound] = []

    def fits(self, bound: Bound) -> bool | None:
        """Whether one more charge fits; None where it is too close to say."""
        every = [*self.charged, bound]
        epsilon = sum((each.epsilon for each in every), Fraction(0))  # exact, so that what is filled to the brim fits
        odds = sum((real(each.odds).log() for each in every), arb(0))
        squares = sum(((real(each.epsilon) + real(each.odds).log()) ** 2 / 2 for each in every), arb(0))
        rho = sum((each.rho + each.mu2 / 2 for each in every), Fraction(0))
        delta = sum((each.delta for each in every), Fraction(0))
        margins = []
        if rho == 0 and delta <= (self.delta if self.aside is None else self.aside):
            margins.append(real(self.epsilon - epsilon) - odds)
        if delta <= (self.aside or 0):
            margins.append(self.room - real(epsilon) - odds - self.order * real(rho))
            if self.aside is not None:
                margins.append(self.room - self.order * (real(rho) + squares))
        if any(abs(margin) < arb("1e-25") and margin != 0 for margin in margins):
            return None
        return any(margin >= 0 for margin in margins)


def fractions(least: str, most: str) -> st.SearchStrategy[Fraction]:
    return st.fractions(least, most, max_denominator=10**4).filter(bool)


LOSSES = st.one_of(
    fractions("1/10000", "1/2").map(pure),
    fractions("10001/10000", "3/2").map(lambda odds: pure(odds=odds)),
    fractions("1/10000", "1/20").map(zcdp),
    fractions("1/10000", "1/10").map(gdp),
)
CHARGES = st.lists(
    st.one_of(LOSSES, st.builds(approx, fractions("1/10000", "1/4"), st.sampled_from(["0", "1e-9", "4e-8", "1e-7", "5e-7"]))),
    max_size=8,
)


@given(epsilon=fractions("1/2", 4), aside=st.sampled_from([None, "0", "1e-7", "9e-7"]), charges=CHARGES, data=st.data())
@example(epsilon=Fraction(1), aside=None, charges=[approx(1, "1e-6"), pure("1e-9")], data=None)
@example(epsilon=Fraction(1), aside=None, charges=[pure("1/3"), approx("2/3", "1e-9")], data=None)
@example(epsilon=Fraction(1), aside=None, charges=[pure("1/4"), zcdp("1/100"), approx("1/100", "1e-9")], data=None)
@example(epsilon=Fraction(1), aside="1e-7", charges=[pure("1/100")] * 60 + [zcdp("1/50"), approx("1/100", "1e-7")], data=None)
@settings(max_examples=60)
def test_a_limit_of_epsilon_and_delta_accepts_exactly_what_the_rules_allow_in_any_order(
    epsilon: Fraction, aside: str | None, charges: list[Bound], data: Any
) -> None:
    limit: dict[str, Any] = {"epsilon": epsilon, "delta": "1e-6"} | ({} if aside is None else {"approx_delta": aside})
    model = Model(epsilon, Fraction("1e-6"), None if aside is None else Fraction(aside))
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        ledger = Ledger(Path(name) / "budget.db", limit=limit)
        for bound in charges:
            expected = model.fits(bound)
            assume(expected is not None)
            try:
                charge(ledger, bound)
            except BudgetExceeded:
                assert not expected
            else:
                assert expected
                model.charged.append(bound)
        ledger.verify()
        again = Ledger(Path(name) / "again.db", limit=limit)
        for bound in data.draw(st.permutations(model.charged)) if data else model.charged[::-1]:
            charge(again, bound)  # what was accepted in one order is accepted in every other
        assert (again.spent, again.remaining, again.remaining_delta) == (ledger.spent, ledger.remaining, ledger.remaining_delta)


@given(rho=fractions("1/100", 2), charges=st.lists(LOSSES, max_size=8), data=st.data())
@settings(max_examples=40)
def test_a_limit_of_rho_adds_halved_squares_in_any_order(rho: Fraction, charges: list[Bound], data: Any) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        ledger, accepted, exactly = Ledger(Path(name) / "budget.db", limit={"rho": rho}), list[Bound](), Fraction(0)
        for bound in charges:
            cost = bound.rho + bound.mu2 / 2 + bound.epsilon**2 / 2
            logarithm = real(bound.odds).log() ** 2 / 2
            fits = real(exactly + cost) + logarithm <= real(rho) if bound.odds != 1 else exactly + cost <= rho
            try:
                charge(ledger, bound)
            except BudgetExceeded:
                assert not fits
            else:
                assert fits
                accepted.append(bound)
                spent = ledger.spent
                assert spent is not None
                over = real(spent.rho - exactly - cost) - logarithm
                assert over == 0 if bound.odds == 1 else 0 < over < arb("1e-35")
                exactly = spent.rho
            assert ledger.remaining == rho - exactly
        again = Ledger(Path(name) / "again.db", limit={"rho": rho})
        for bound in data.draw(st.permutations(accepted)):
            charge(again, bound)
        assert again.spent == ledger.spent


def test_the_order_and_its_room_never_change() -> None:
    """Ledgers of today must still verify: this may become more generous in a later version, but never less."""
    order, room = one_order(Fraction(1), Fraction(1, 10**6))
    assert (order.numerator, order.denominator.bit_length()) == (773512141566211, 46)
    assert room * 10**30 // 1 == 535454739540730455539887809795


@pytest.mark.parametrize("epsilon", ["1e-390", "1e-30", "1e-9", "1/1000", "1", "100", "1e30", "1e300"])
@pytest.mark.parametrize("delta", ["1e-390", "1e-30", "1e-6", "1/2", "0.999999"])
def test_every_limit_has_an_order_and_its_room_is_no_greater_than_the_conversion_says(epsilon: str, delta: str) -> None:
    order, room = one_order(Fraction(epsilon), Fraction(delta))
    assert order > 1
    if room > 0:
        # room / order zCDP converts to at most epsilon, up to the digits that `convert` rounds to
        assert convert(zcdp_of(room / order), delta=delta).epsilon <= Fraction(epsilon) * (1 + Fraction(1, 10**12)) + Fraction(
            1, 10**12
        )


def zcdp_of(rho: Fraction) -> Bound:
    return Bound(kind=Kind.ZCDP, neighbours=pure(1).neighbours, rho=rho)


RHOS = st.fractions("1/10000", 50, max_denominator=10**6).filter(bool)


@given(rho=RHOS, delta=st.sampled_from(["1e-3", "1e-6", "1e-10", "1e-20"]), parts=st.integers(1, 5))
@settings(max_examples=60)
def test_what_convert_says_of_a_rho_holds_that_rho_and_no_more(rho: Fraction, delta: str, parts: int) -> None:
    epsilon = convert(zcdp(rho), delta=delta).epsilon
    assume(epsilon > 0)
    limit = Limit.read({"epsilon": epsilon, "delta": delta})
    total = tally(zcdp_of(rho / parts) for _ in range(parts))
    assert limit.fits(total)
    assert not limit.fits(total + Tally.of(zcdp_of(rho / 10**6)))


def tally(bounds: Iterable[Bound]) -> Tally:
    first, *rest = map(Tally.of, bounds)
    for each in rest:
        first += each
    return first


def test_a_limit_of_epsilon_and_delta_is_filled_by_one_charge_of_it_and_by_nothing_more(path: Path) -> None:
    ledger = Ledger(path, limit=APPROX)
    charge(ledger, approx(1, "1e-6"))
    assert (ledger.remaining, ledger.remaining_delta) == (0, 0)
    for bound in (
        pure("1e-300"),
        approx(0, "1e-300"),
        approx("1e-300", 0),
        zcdp("1e-300"),
        gdp("1e-300"),
        pure(odds="1.0000001"),
    ):
        with pytest.raises(BudgetExceeded):
            charge(ledger, bound)
    assert ledger.spent == approx(1, "1e-6")


@pytest.mark.parametrize("limit", ["1", RHO, APPROX, DIVIDED], ids=str)
@pytest.mark.parametrize("first", [None, "pure", "odds", "zcdp"])
def test_what_remains_can_be_charged_and_then_nothing(limit: Any, first: str | None, path: Path) -> None:
    ledger = Ledger(path, limit=limit)
    if first == "zcdp" and limit == "1":
        return
    if first is not None:
        charge(ledger, BOUNDS[first])
    left = ledger.remaining
    assert left > 0
    kind = zcdp_of if limit == RHO else lambda epsilon: Bound(kind=Kind.PURE, neighbours=pure(1).neighbours, epsilon=epsilon)
    before = [row.record["bound"] for row in ledger.charges()]
    assert len(before) == (first is not None)
    charge(ledger, kind(left))
    assert 0 <= ledger.remaining < Fraction(1, 10**15)
    for tiny in (kind(Fraction(1, 10**12)), kind(ledger.remaining + Fraction(1, 10**30))):
        with pytest.raises(BudgetExceeded):
            charge(ledger, tiny)
    ledger.verify()


@pytest.mark.parametrize("tiny", ["5e-324", "1e-300", "1e-399"])
@pytest.mark.parametrize("limit", [RHO, APPROX, DIVIDED], ids=str)
def test_a_spent_ledger_takes_no_tiny_charge_of_any_kind(limit: Any, tiny: Any, path: Path) -> None:
    ledger = Ledger(path, limit=limit)
    if limit == RHO:
        charge(ledger, zcdp("1/4"))
        charge(ledger, gdp("1/2"))
    else:
        order, room = one_order(Fraction(1), Fraction(str(APPROX["delta"])) - Fraction(str(limit.get("approx_delta", 0))))
        charge(ledger, zcdp_of(room / order))
        if limit == DIVIDED:
            charge(ledger, approx(0, "1e-7"))
    assert (ledger.remaining, ledger.remaining_delta) == (0, 0)
    before = path.read_bytes()
    kinds = [zcdp(tiny), gdp(tiny), pure(tiny)] + ([] if limit == RHO else [approx(tiny, 0), approx(0, tiny)])
    for bound in kinds:
        with pytest.raises(BudgetExceeded):
            charge(ledger, bound)
    assert path.read_bytes() == before


def test_small_pure_charges_cost_their_square_where_the_limit_lets_them(path: Path) -> None:
    """Of epsilon 0.01 each, 1 is the sum of a hundred; converted at 1e-6 many more fit."""
    counts = []
    for number, limit in enumerate([APPROX, {**APPROX, "approx_delta": 0}, {"rho": convertible()}]):
        whole = tally([pure("1/100")] * 99)
        read, count = Limit.read(limit), 99
        while read.fits(whole + Tally.of(pure("1/100"))):
            whole, count = whole + Tally.of(pure("1/100")), count + 1
        counts.append(count)
        assert number < 1 or whole.epsilon > 4
    assert counts == [100, 487, 487]


def convertible() -> Fraction:
    order, room = one_order(Fraction(1), Fraction(1, 10**6))
    rho = Fraction(int(room / order * 10**12), 10**12)
    assert convert(zcdp(rho), delta="1e-6").epsilon <= 1
    return rho


# What charges leak together


@pytest.mark.parametrize(
    ("limit", "charges", "total"),
    [
        ("2", [pure("1/2"), pure("1/4", odds=2)], pure("3/4", odds=2)),
        (RHO, [pure("1/2"), pure("1/4")], pure("3/4")),
        (RHO, [gdp("1/2"), gdp("1/4")], gdp("3/4")),
        (RHO, [gdp("1/2"), zcdp("1/16"), pure("1/2")], zcdp("7/16")),
        (APPROX, [pure("1/2"), approx("1/4", "1e-7")], approx("3/4", "1e-7")),
        (APPROX, [pure("1/2"), approx("1/4", 0)], pure("3/4")),
        (APPROX, [zcdp("1/100"), approx("1/100", 0)], zcdp("0.01005")),
    ],
    ids=str,
)
def test_the_total_is_the_best_bound_of_one_kind(limit: Any, charges: list[Bound], total: Bound, path: Path) -> None:
    ledger = Ledger(path, limit=limit)
    for bound in charges:
        charge(ledger, bound)
    assert ledger.total() == total
    converted = ledger.total(delta="1e-6")
    assert converted is not None
    assert (converted.kind, converted.delta) == (Kind.APPROX, Fraction(1, 10**6))
    assert converted.epsilon <= convert(total, delta="1e-6").epsilon


def test_the_total_of_a_half_rho_is_the_known_epsilon(path: Path) -> None:
    ledger = Ledger(path, limit={"rho": 1})
    for _ in range(50):
        charge(ledger, zcdp("1/100"))
    total = ledger.total(delta="1e-6")
    assert total is not None
    assert abs(total.epsilon - Fraction("5.221534444530")) < Fraction(1, 10**12)


def test_the_total_takes_the_better_reading_of_pure_charges(path: Path) -> None:
    small, large = Ledger(path, limit=20), Ledger(path.with_name("large.db"), limit=20)
    for _ in range(100):
        charge(small, pure("1/10"))
    charge(large, pure(10))
    few, much = small.total(delta="1e-6"), large.total(delta="1e-6")
    assert few == convert(zcdp("1/2"), delta="1e-6")
    assert few is not None
    assert few.epsilon < Fraction(11, 2)
    assert much == convert(pure(10), delta="1e-6")


def test_a_total_of_mixed_kinds_needs_a_delta_that_is_left(path: Path) -> None:
    ledger = Ledger(path, limit=DIVIDED)
    charge(ledger, approx("1/10", "1e-7"))
    charge(ledger, zcdp("1/1000"))
    with pytest.raises(InvalidInput, match="give delta="):
        ledger.total()
    for small in ("1e-7", "1e-8"):
        with pytest.raises(InvalidInput, match="delta must be greater"):
            ledger.total(delta=small)
    for wrong in (0, 1, -1, "2"):
        with pytest.raises(InvalidInput, match="between 0 and 1"):
            ledger.total(delta=wrong)
    total = ledger.total(delta="1e-6")
    assert total is not None
    assert total.epsilon == min(
        Fraction(1, 10) + convert(zcdp("1/1000"), delta="9e-7").epsilon, convert(zcdp("6/1000"), delta="9e-7").epsilon
    )
    assert ledger.spent == total


def test_what_is_spent_is_told_in_the_kind_of_the_limit(path: Path) -> None:
    ledgers = [Ledger(path.with_name(f"{n}.db"), limit=limit) for n, limit in enumerate([RHO, APPROX])]
    for ledger in ledgers:
        charge(ledger, pure("1/10", odds="1.1"))
    spent = [ledger.spent for ledger in ledgers]
    assert [bound.kind for bound in spent if bound] == [Kind.ZCDP, Kind.APPROX]
    assert spent[1] is not None
    assert (round(float(spent[1].epsilon), 12), spent[1].delta) == (0.195310179804, 0)
    charge(ledgers[1], zcdp("1/1000"))
    assert ledgers[1].spent == ledgers[1].total(delta="1e-6")


# What a reader sees


def refusal(ledger: Ledger, bound: Bound) -> str:
    with pytest.raises(BudgetExceeded) as refused:
        charge(ledger, bound)
    return str(refused.value)


def test_the_refusal_names_everything_in_the_terms_of_the_limit(path: Path) -> None:
    ledger = Ledger(path, limit=RHO)
    assert refusal(ledger, gdp(2)) == (
        "the limit is rho 0.5, nothing is spent, mu2 2 is asked for, rho 0.5 remains: nothing charged"
    )
    charge(ledger, pure("1/2"))
    assert refusal(ledger, pure("0.9")) == (
        "the limit is rho 0.5, rho 0.125 is spent, epsilon 0.9 is asked for, rho 0.375 remains: nothing charged"
    )
    assert repr(ledger) == (
        f"Ledger('{path}', limit={{'rho': '1/2'}}, spent='rho 0.125', neighbours='replace', population='default')"
    )
    ledger = Ledger(path.with_name("approx.db"), limit=APPROX)
    charge(ledger, approx("1/4", "5e-7"))
    assert refusal(ledger, approx("1/2", "6e-7")) == (
        "the limit is epsilon 1 and delta 1e-06, epsilon 0.25 and delta 5e-07 is spent, epsilon 0.5 and delta 6e-07 is asked "
        "for, epsilon 0.75 and delta 5e-07 remains: nothing charged"
    )


def test_a_refusal_that_no_smaller_charge_would_cure_says_what_does(path: Path) -> None:
    ledger = Ledger(path, limit=APPROX)
    charge(ledger, approx("1/100", "1e-9"))
    assert refusal(ledger, zcdp("1/1000")).endswith(
        "nothing charged; one delta serves approximate charges or the conversion of the others, not both: a ledger for both has "
        "limit={'epsilon': ..., 'delta': ..., 'approx_delta': ...}"
    )
    divided = Ledger(path.with_name("divided.db"), limit={**APPROX, "approx_delta": "1e-9"})
    charge(divided, approx("1/100", "1e-9"))
    charge(divided, zcdp("1/1000"))


# Processes

RACER = """
import sys
from privlib.bounds import Bound
from privlib.budget import Ledger
from privlib.errors import BudgetExceeded
which, path = int(sys.argv[1]), sys.argv[2]
bounds = [
    Bound.pure("1/50", neighbours="replace"), Bound.zcdp("1/1000", neighbours="replace"),
    Bound.gdp("1/700", neighbours="replace"), Bound.approx("1/90", "1e-8", neighbours="replace"),
]
ledger, charged = Ledger(path, wait=60), 0
sys.stdin.readline()
for turn in range(12):
    try:
        ledger.charge(bounds[(which + turn) % len(bounds)], name=f"{which}", fingerprint="f00d", secure=True)
        charged += 1
    except BudgetExceeded:
        pass
print(charged)
"""


def test_processes_that_charge_every_kind_at_once_keep_to_the_limit_together(path: Path) -> None:
    limit: dict[str, Any] = {"epsilon": 1, "delta": "1e-6", "approx_delta": "5e-8"}
    ledger = Ledger(path, limit=limit)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(n), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for n in range(3)
    ]
    charged = [int(racer.communicate("go\n", timeout=120)[0]) for racer in racers]
    ledger.verify()
    bounds = [Bound.from_dict(row.record["bound"]) for row in ledger.charges()]  # type: ignore[arg-type]
    assert len(bounds) == sum(charged) < 36
    model = Model(Fraction(1), Fraction("1e-6"), Fraction("5e-8"))
    for bound in bounds:
        assert model.fits(bound)
        model.charged.append(bound)
    assert sum(bound.kind is Kind.APPROX for bound in bounds) == 5  # the delta set aside, to the last one

"""A ledger never lets the charges pass its limit, and a charge that it accepted stays.

Statement
    For every sequence of charges to one ledger with limit L, the sum of the accepted bounds is within L after every step, a
    refused charge leaves the ledger as it was, and a charge is refused only if it would pass L.

Proof
    ``Ledger.charge`` adds the new bound to the sums of all rows inside one immediate SQLite transaction, which excludes every
    other writer, and inserts only if ``Limit.fits`` says that the sums keep to the limit. Sums and comparison are exact, and
    what they mean for each kind of limit is composition.t1 and composition.t3. Rows are never updated or deleted, so a sum once
    reached stays.

Checked against the shipped code
    All sequences of up to four charges out of {1/5, 1/2, 2/3, 1, 5e-324} on a real file, against a list in fractions.

Covers not
    A file replaced by an older copy, which only the head recorded in a release can show; a disk that lies about having written.
"""

from __future__ import annotations

import itertools
import tempfile
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.bounds import Bound
from privlib.budget import Ledger, charge
from privlib.errors import BudgetExceeded
from privlib.prove import rewritten

covers = ["privlib.budget.Ledger.charge", "privlib.budget.Ledger._sum", "privlib.budget.charge"]

CHARGES = ["1/5", "1/2", "2/3", "1", "5e-324"]


def follow(path: Path, limit: str, charges: list[str]) -> None:
    """Charge a real ledger and keep the sum beside it."""
    ledger, spent, allowed = Ledger(path, limit=limit), Fraction(0), Fraction(limit)
    for asked in charges:
        bound, fits = Bound.pure(asked, neighbours="replace"), spent + Fraction(asked) <= allowed
        try:
            ledger.charge(bound, name="proof", fingerprint="-", secure=False)
        except BudgetExceeded:
            assert not fits, "a charge was refused although it fits"
        else:
            assert fits, "a charge passed the limit"
            spent += Fraction(asked)
        assert ledger.remaining == allowed - spent, "the ledger counts another sum"
    accepted = ledger.charges()
    assert sum((Fraction(row.record["bound"]["epsilon"]) for row in accepted), Fraction(0)) == spent, "a row is lost or added"


def two_writers_see_each_other(path: Path) -> None:
    """More rows than a handful, two objects on one file, odds beside epsilons; the rows say what was charged."""
    one, two = Ledger(path, limit="3"), Ledger(path)
    for step in range(12):
        bound = Bound.pure("1/10", odds=Fraction(11, 10), neighbours="replace")  # 12 of them: 1.2 + 12 ln 1.1 = 2.34
        (one, two)[step % 2].charge(bound, name=f"step {step}", fingerprint=f"plan {step}", secure=step % 3 == 0)
    for ledger in (one, two):
        try:
            charge(ledger, Bound.pure("7/10", neighbours="replace"), name="too much", fingerprint="-", secure=True)
        except BudgetExceeded:
            pass
        else:
            raise AssertionError("a charge passed the limit: another writer's rows or their odds are not counted")
    records = [row.record for row in one.charges()]
    assert len(records) == 12, "a refused charge stays, or a row is lost"
    for step, record in enumerate(records):
        said = (record["name"], record["fingerprint"], record["secure"], record["bound"])
        wanted = {"kind": "pure", "neighbours": "replace", "epsilon": "1/10", "odds": "11/10"}
        assert said == (f"step {step}", f"plan {step}", step % 3 == 0, wanted), "a row does not say what was charged"


def prove() -> None:
    with tempfile.TemporaryDirectory() as folder:
        two_writers_see_each_other(Path(folder) / "shared.db")
        for number, charges in enumerate(itertools.product(CHARGES, repeat=2)):
            follow(Path(folder) / f"two-{number}.db", "1", list(charges))
        for number, charges in enumerate(itertools.combinations(CHARGES, 4)):
            follow(Path(folder) / f"four-{number}.db", "6/5", list(charges))


def mutants() -> dict[str, object]:
    room = "privlib.budget.Ledger"
    return {
        "the charge does not count itself": rewritten(f"{room}.charge", "spent + asked\n", "spent\n"),
        "earlier charges are forgotten": rewritten(f"{room}.charge", "asked if spent is None else spent + asked", "asked"),
        "nothing is ever refused": rewritten(f"{room}.charge", "if not self._limit.fits(total)", "if False"),
        "the sum keeps the last charge only": rewritten(
            f"{room}._sum", "charged if spent is None else spent + charged", "charged"
        ),
        "a refusal is swallowed": rewritten(
            "privlib.budget.charge",
            "return ledger.charge(bound, name=name, fingerprint=fingerprint, secure=secure).head",
            "try:\n        return ledger.charge(bound, name=name, fingerprint=fingerprint, secure=secure).head\n"
            "    except Exception:\n        return None",
        ),
        "every row is called secure": rewritten(f"{room}.charge", '"secure": secure', '"secure": True'),
        "the limit is read twice as large": rewritten(
            "privlib.limits.Limit.read", 'exact(limit, name="limit"))', '2 * exact(limit, name="limit"))'
        ),
    }


@settings(max_examples=25)
@given(st.lists(st.fractions("1/1000", 1, max_denominator=1000), max_size=5))
def test_any_charges_keep_to_the_limit(charges: list[Fraction]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        follow(Path(folder) / "ledger.db", "1", [str(charge) for charge in charges])

"""``privlib ledger``: what has been spent, and whether the file is whole; and how a limit is given on a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import ROUND_DOWN, Context, Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from privlib.cli.show import as_json_option, example, print_json, print_table

if TYPE_CHECKING:
    from privlib.budget import Ledger
    from privlib.journal import Row

__all__ = ["ledger", "limit_option", "read_limit"]

limit_option = click.option(
    "--limit", metavar="L", help="What all charges of a new ledger may reach: 1, or rho=1/2, or epsilon=1,delta=1e-6."
)
"""``--limit`` as every command has it that charges a ledger; read it by `read_limit`."""

_LONGEST = 20
_FILE = click.argument("file", type=click.Path(path_type=Path))


def read_limit(text: str) -> str | dict[str, str]:
    """A limit as `privlib.Ledger` takes it, from the words of a command line.

    Parameters
    ----------
    text : str
        An epsilon, or names and numbers such as ``epsilon=1,delta=1e-6``.

    Returns
    -------
    str or dict

    Raises
    ------
    click.UsageError
        For a name without a number, or given twice.
    InvalidInput
        For names and numbers that make no limit.

    Examples
    --------
    >>> read_limit("1"), read_limit("rho=1/2")
    ('1', {'rho': '1/2'})
    """
    from privlib.limits import Limit

    limit: str | dict[str, str] = text
    if "=" in text:
        parts = [part.partition("=") for part in text.split(",")]
        limit = {name.strip(): value.strip() for name, _, value in parts}
        if len(limit) < len(parts) or "" in (*limit, *limit.values()):
            raise click.UsageError("--limit must be an epsilon such as 1, or rho=1/2, or epsilon=1,delta=1e-6")
    Limit.read(limit)
    return limit


@click.group()
def ledger() -> None:
    """The privacy budget of a population."""


@ledger.command(epilog=example("privlib ledger show budget.db"))
@_FILE
@as_json_option
def show(file: Path, as_json: bool) -> None:
    """Show the limit, what is spent, and every charge."""
    from privlib.budget import Ledger

    opened = Ledger(file)
    spent = opened.spent
    if as_json:
        print_json(
            {
                "file": str(opened.path),
                "population": opened.population,
                "kind": str(opened.kind),
                "limit": _exact(opened, opened.limit, opened.delta),
                "spent": None if spent is None else spent.to_dict(),
                "remaining": _exact(opened, opened.remaining, opened.remaining_delta),
                "charges": [{**row.head, **row.record} for row in opened.charges()],
            }
        )
        return
    click.echo(f"population   {opened.population}")
    click.echo(f"limit        {_told(opened, opened.limit, opened.delta)}")
    click.echo(f"spent        {'nothing' if spent is None else spent}")
    click.echo(f"remaining    {_told(opened, opened.remaining, opened.remaining_delta)}")
    charges = opened.charges()
    if charges:
        click.echo()
        print_table(("charge", "time", "what", "bound", "noise"), [_line(row) for row in charges])


def _parts(opened: Ledger, amount: Fraction, delta: Fraction) -> Mapping[str, Fraction]:
    """An amount under the name that the limit's kind gives it."""
    match opened.kind:
        case "zcdp":
            return {"rho": amount}
        case "approx":
            return {"epsilon": amount, "delta": delta}
        case _:
            return {"epsilon": amount}


def _exact(opened: Ledger, amount: Fraction, delta: Fraction) -> str | dict[str, str]:
    parts = {name: str(value) for name, value in _parts(opened, amount, delta).items()}
    return str(amount) if opened.kind == "pure" else parts


def _told(opened: Ledger, amount: Fraction, delta: Fraction) -> str:
    return ", ".join(f"{name} = {_rounded(value)}" for name, value in _parts(opened, amount, delta).items())


def _rounded(value: Fraction) -> str:
    """Spell a number exactly if that is short, else rounded down."""
    from privlib.bounds import decimal

    text = decimal(value)
    if len(text) <= _LONGEST:
        return text
    down = Context(prec=12, rounding=ROUND_DOWN)
    return f"{down.divide(Decimal(value.numerator), Decimal(value.denominator))} (rounded down)"


def _line(row: Row) -> tuple[str, ...]:
    from privlib.bounds import Bound

    record = row.record
    charged = Bound.from_dict(cast("dict[str, str]", record["bound"]))
    secure = "secure" if record.get("secure") is True else "TEST MODE"
    return str(row.seq), str(record.get("time")), str(record.get("name")), str(charged), secure


@ledger.command(epilog=example("privlib ledger verify budget.db"))
@_FILE
@as_json_option
def verify(file: Path, as_json: bool) -> None:
    """Check every row and digest of a ledger, and that its charges keep to the limit.

    A ledger that was cut short is found by checking releases against it: privlib verify RELEASE --ledger FILE.
    """
    opened = _verified(file, as_json=as_json)
    count = len(opened.charges())
    if as_json:
        print_json({"file": str(opened.path), "verified": True, "charges": count})
        return
    click.echo(f"verified     {opened.path}: {count} {'charge' if count == 1 else 'charges'}, an unbroken chain")


def _verified(file: Path, *, as_json: bool) -> Ledger:
    from sqlite3 import OperationalError

    from privlib.budget import Ledger
    from privlib.errors import LedgerError, TamperedRelease

    if not os.path.lexists(file):
        raise LedgerError(f"there is no privlib ledger at {file}: check the path")
    try:
        opened = Ledger(file)
        opened.verify()
    except LedgerError as error:
        if isinstance(error.__cause__, (OperationalError, OSError)):  # not wrong, only unreadable just now
            raise
        if as_json:
            print_json({"file": str(file), "verified": False, "reason": str(error)})
        raise TamperedRelease(str(error)) from error
    return opened

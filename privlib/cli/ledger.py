"""``privlib ledger``: what has been spent, and whether the file is whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from privlib.cli.show import as_json_option, example, print_json, print_table

if TYPE_CHECKING:
    from privlib.budget import Ledger
    from privlib.journal import Row

__all__ = ["ledger"]

_FILE = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def ledger() -> None:
    """The privacy budget of a population."""


@ledger.command(epilog=example("privlib ledger show budget.db"))
@_FILE
@as_json_option
def show(file: Path, as_json: bool) -> None:
    """Show the limit, what is spent, and every charge."""
    from privlib.bounds import decimal
    from privlib.budget import Ledger

    opened = Ledger(file)
    spent = opened.spent
    if as_json:
        print_json(
            {
                "file": str(opened.path),
                "population": opened.population,
                "limit": str(opened.limit),
                "spent": None if spent is None else spent.to_dict(),
                "remaining": str(opened.remaining),
                "charges": [{**row.head, **row.record} for row in opened.charges()],
            }
        )
        return
    click.echo(f"population   {opened.population}")
    click.echo(f"limit        epsilon = {decimal(opened.limit)}")
    click.echo(f"spent        {'nothing' if spent is None else spent}")
    click.echo(f"remaining    epsilon = {decimal(opened.remaining)}")
    charges = opened.charges()
    if charges:
        click.echo()
        print_table(("charge", "time", "what", "bound", "noise"), [_line(row) for row in charges])


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

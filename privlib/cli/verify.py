"""``privlib verify``: check a release file, with or without the ledger that was charged for it."""

from __future__ import annotations

from pathlib import Path

import click

from privlib.cli.show import as_json_option, example, print_json

__all__ = ["verify"]


@click.command(epilog=example("privlib verify release.json --ledger budget.db"))
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--ledger", type=click.Path(path_type=Path), metavar="F", help="The ledger that was charged.")
@as_json_option
def verify(release: Path, ledger: Path | None, as_json: bool) -> None:
    """Check a release, and its charge.

    RELEASE must be undamaged and keep to its bound; with a ledger, it must have been charged for.

    This is not a signature: it finds damage, careless edits, test mode, and ledgers cut short or restored. A ledger vouches
    that a charge of this bound for this plan was made, not for the released numbers.
    """
    from privlib import verify as check
    from privlib.bounds import Bound
    from privlib.certificate import open_sealed
    from privlib.errors import TamperedRelease

    try:
        check(release, ledger=ledger)
    except TamperedRelease as error:
        if as_json:
            print_json({"file": str(release), "verified": False, "reason": str(error)})
        raise
    record = open_sealed(release.read_text(encoding="utf-8"))
    found = {name: record[name] for name in ("kind", "bound", "theorem", "privlib", "ledger") if name in record}
    if as_json:
        print_json({"file": str(release), "verified": True, "ledger_checked": ledger is not None, **found})
        return
    click.echo(f"verified     {release}")
    click.echo(f"guarantee    {Bound.from_dict(record['bound'])}")
    charge = "in the ledger, for this bound and plan" if ledger is not None else "not checked: no --ledger given"
    click.echo(f"charge       {charge}")
    click.echo("This is not a signature.")

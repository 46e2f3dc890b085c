"""``privlib audit``: attack the shipped mechanisms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from privlib.cli.files import check_outputs, write
from privlib.cli.show import as_json_option, example, print_json, print_table

if TYPE_CHECKING:
    from privlib.audit import Audit

__all__ = ["audit"]

_TARGETS = {
    "survival": "the noisy survival table; must keep its claim",
    "published": "noise on the curve itself, at its nominal epsilon; breaks its claim",
}
_EXIT_CODES = {"violation": 1, "no violation found": 0, "inconclusive": 3}
_CRASHED = 4
_PATH = click.Path(path_type=Path)


@click.group()
def audit() -> None:
    """Attacks that try to refute a privacy claim."""


@audit.command("list", epilog=example("privlib audit list"))
@as_json_option
def list_targets(as_json: bool) -> None:
    """List what can be audited."""
    if as_json:
        print_json([{"target": name, "what": what} for name, what in _TARGETS.items()])
    else:
        print_table(("target", "what"), list(_TARGETS.items()))


@audit.command(epilog=example("privlib audit run survival --epsilon 1 --trials 200000 --html audit.html"))
@click.argument("target", type=click.Choice(list(_TARGETS)))
@click.option("--epsilon", default="1", show_default=True, metavar="E", help="The claim that is attacked.")
@click.option(
    "--neighbours",
    type=click.Choice(["add_remove", "replace"]),
    help="For survival; add_remove by default. The published recipe is audited under replace.",
)
@click.option("--trials", type=click.IntRange(1000), default=200_000, show_default=True, help="Releases to make.")
@click.option("--confidence", default="0.999", show_default=True, metavar="C", help="Of a certified violation.")
@click.option("--out", type=_PATH, metavar="F", help="Write the result here, as JSON.")
@click.option("--html", type=_PATH, metavar="F", help="Write a self-contained report here.")
@as_json_option
@click.pass_context
def run(
    ctx: click.Context,
    *,
    target: str,
    epsilon: str,
    neighbours: str | None,
    trials: int,
    confidence: str,
    out: Path | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Attack TARGET: release two neighbouring data sets many times and guess which one it was.

    Exit code 0 means that no violation was found, which is no proof that there is none: that is what privlib prove is for.
    """
    from privlib.audit import MechanismFailed

    if target == "published" and neighbours == "add_remove":
        raise click.UsageError("the published recipe is audited under replace")
    check_outputs([file for file in (out, html) if file is not None], inputs=[])
    try:
        found = _attack(target, epsilon, neighbours or "add_remove", trials, confidence)
    except MechanismFailed as error:
        click.echo(f"privlib: {error}", err=True)
        ctx.exit(_CRASHED)
    click.echo(found.to_json() if as_json else found.summary())
    if out is not None:
        write(out, found.to_json() + "\n")
    if html is not None:
        write(html, found.to_html())
    ctx.exit(_EXIT_CODES[found.verdict])


def _attack(target: str, epsilon: str, neighbours: str, trials: int, confidence: str) -> Audit:
    from privlib.audit import published_audit, survival_audit

    if target == "published":
        return published_audit(epsilon, held_out=3 * trials // 10, confidence=confidence)
    return survival_audit(epsilon, neighbours=neighbours, trials=trials, confidence=confidence)

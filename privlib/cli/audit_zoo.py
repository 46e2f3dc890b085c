"""``privlib audit zoo`` and ``selftest``: the auditor tried on mechanisms whose truth is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from privlib.bounds import decimal
from privlib.cli.audit_guard import Guard
from privlib.cli.audit_input import whole
from privlib.cli.audit_progress import Display
from privlib.cli.show import as_json_option, example, print_json, print_table

if TYPE_CHECKING:
    from privlib.audit.selftest import Coverage, Finding
    from privlib.audit.zoo import Entry
    from privlib.bounds import Bound

__all__ = ["selftest", "zoo"]

_FAILED, _INCONCLUSIVE = 1, 3
_TOO_FEW = "too few trials"
_QUICK = 20_000  # trials that the entries of a self-test need at most
_SURE = "0.999999"  # a self-test of true claims fails by chance less than once in 10 000 runs
_COLUMNS = ("entry", "what", "claim", "true epsilon", "certified", "verdict", "expected", "trials", "seconds")
_SHOWN = ("entry", "claim", "true epsilon", "certified", "verdict", "right", "trials", "seconds")
"""The columns of JSON, and those of a table, which has to fit a terminal."""


@click.command(epilog=example("privlib audit zoo", "privlib audit zoo svt-4 grr-swapped --trials 1e6"))
@click.argument("names", nargs=-1)
@click.option("--trials", callback=whole(1000), metavar="N", help="Of each; by default plenty.")
@click.option(
    "--seed",
    "search_seed",
    callback=whole(0),
    default="0",
    show_default=True,
    metavar="N",
    help="Of the search and the split only.",
)
@as_json_option
@click.pass_context
def zoo(ctx: click.Context, *, names: tuple[str, ...], trials: int | None, search_seed: int, as_json: bool) -> None:
    """Audit famous bugs, and controls that keep their word.

    NAMES are entries of the zoo; all of them without any. Exit code 1 means that the auditor did not say of one what is true,
    3 that it had too few --trials for one to say anything.
    """
    from privlib.audit.zoo import ENTRIES, entry

    entries = [entry(name.removeprefix("zoo:")) for name in names] or list(ENTRIES)
    explained = bool(names)
    _report(ctx, entries, trials=trials, seed=search_seed, confidence="0.999", as_json=as_json, explained=explained)


@click.command(epilog=example("privlib audit selftest", "privlib audit selftest --coverage --audits 2000"))
@click.option("--coverage", "long", is_flag=True, help="Count false alarms over ten controls that reach their claims.")
@click.option("--audits", callback=whole(1), default="2000", show_default=True, metavar="N", help="Audits of each control.")
@click.option(
    "--trials", callback=whole(1000), default="2000", show_default=True, metavar="N", help="Trials of each of these audits."
)
@as_json_option
@click.pass_context
def selftest(ctx: click.Context, *, long: bool, audits: int, trials: int, as_json: bool) -> None:
    """Try the auditor on what is known: in about a minute on bugs and controls, or with --coverage on its error rate.

    With --coverage each control is audited at alpha = 0.05, at a fixed size and with optional stopping. Exit code 1 means
    more false alarms than a valid auditor gives with probability 1e-4, or a bug that was not found.
    """
    if long:
        _cover(ctx, audits, trials, as_json)
        return
    from privlib.audit.zoo import ENTRIES
    from privlib.audit.zoo.controls import TIGHT

    easy = [one for one in ENTRIES if one.how == "trials" and one.trials <= _QUICK]
    entries = [*easy, *(one for one in ENTRIES if one.name in TIGHT)]
    _report(ctx, entries, trials=_QUICK, confidence=_SURE, as_json=as_json)


def _report(
    ctx: click.Context,
    entries: list[Entry],
    *,
    trials: int | None,
    confidence: str,
    as_json: bool,
    seed: int = 0,
    explained: bool = False,
) -> None:
    from privlib.audit.selftest import examine

    findings: list[Finding] = []
    guard = Guard(None)
    try:
        with Display(counted="entries audited") as display, guard.watch():
            for done, one in enumerate(entries):
                display.name(one.name, done, len(entries))
                findings.append(examine(one, trials=trials, confidence=confidence, seed=seed))
    finally:
        guard.close()
        _print(findings, as_json=as_json, explained=explained)
    hasty = [finding for finding in findings if _too_few(finding)]
    wrong = [finding.entry.name for finding in findings if not finding.as_expected and not _too_few(finding)]
    if hasty:
        wanted = ", ".join(f"{finding.entry.name} ({finding.entry.trials})" for finding in hasty)
        click.echo(f"privlib: {_TOO_FEW} to refute; in brackets how many are known to be enough: {wanted}", err=True)
    if wrong:
        click.echo(f"privlib: not as expected: {', '.join(wrong)}", err=True)
    if wrong or hasty:
        ctx.exit(_FAILED if wrong else _INCONCLUSIVE)


def _too_few(finding: Finding) -> bool:
    """Whether a bug was not found for want of trials, which is no fault of the auditor."""
    silent = finding.verdict in ("no violation found", "inconclusive")
    return finding.entry.how == "trials" and silent and finding.trials < finding.entry.trials


def _print(findings: list[Finding], *, as_json: bool, explained: bool) -> None:
    rows = [
        {
            "entry": finding.entry.name,
            "what": finding.entry.what,
            "claim": claim_in_short(finding.entry.claim),
            "true epsilon": finding.entry.true_epsilon,
            "certified": "" if math.isnan(finding.certified) else f"{finding.certified:.4g}",
            "verdict": _TOO_FEW if _too_few(finding) else finding.verdict,
            "expected": finding.expected,
            "right": "" if _too_few(finding) else "yes" if finding.as_expected else "NO",
            "trials": str(finding.trials),
            "seconds": f"{finding.seconds:.1f}",
        }
        for finding in findings
    ]
    if as_json:
        print_json(
            [
                {column.replace(" ", "_"): row[column] for column in _COLUMNS}
                | {"as_expected": None if _too_few(finding) else finding.as_expected}
                for row, finding in zip(rows, findings, strict=True)
            ]
        )
    elif rows:
        print_table(_SHOWN, [[row[column] for column in _SHOWN] for row in rows])
        if explained:
            for row in rows:
                click.echo(f"{row['entry']}: {row['what']}")


def claim_in_short(claim: Bound) -> str:
    """A claim without its neighbours."""
    values = {name: text for name, text in claim.to_dict().items() if name not in {"kind", "neighbours"}}
    if "odds" in values:
        return (
            f"odds {decimal(claim.odds)}" if claim.epsilon == 0 else f"odds {decimal(claim.odds)} exp({decimal(claim.epsilon)})"
        )
    if "mu2" in values:
        return f"mu {math.sqrt(claim.mu2):.6g}"
    return ", ".join(f"{name} {decimal(getattr(claim, name))}" for name in values)


def _cover(ctx: click.Context, audits: int, trials: int, as_json: bool) -> None:
    from privlib.audit.selftest import coverage, most_flagged
    from privlib.audit.zoo.controls import TIGHT

    rows: list[tuple[str, Coverage]] = []
    try:
        with Display("coverage", counted="controls") as display:
            for words, anytime in (("fixed size", False), ("optional stopping", True)):
                display.name(words, len(rows), 2 * len(TIGHT))
                for found in coverage(audits, trials=trials, anytime=anytime):
                    rows.append((words, found))
                    display.name(f"{words}: {found.control} flagged {found.flagged} times", len(rows), 2 * len(TIGHT))
    finally:
        _print_coverage(rows, as_json)
    wrong = any(found.flagged > found.limit for _, found in rows)
    for words in dict(rows):
        every = [found for said, found in rows if said == words]
        wrong |= sum(found.flagged for found in every) > most_flagged(sum(found.audits for found in every), "0.05")
    if wrong:
        click.echo("privlib: more false alarms than a valid auditor gives", err=True)
        ctx.exit(_FAILED)


def _print_coverage(rows: list[tuple[str, Coverage]], as_json: bool) -> None:
    from privlib.audit.selftest import most_flagged

    table = [(words, one.control, one.audits, one.flagged, one.limit) for words, one in rows]
    for words in dict(rows):
        every = [row for row in table if row[0] == words]
        total = sum(row[2] for row in every)
        table.append((words, "all together", total, sum(row[3] for row in every), most_flagged(total, "0.05")))
    columns = ("stopping", "control", "audits", "flagged", "allowed")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in table])
    elif table:
        print_table(columns, [tuple(map(str, row)) for row in table])

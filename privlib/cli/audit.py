"""``privlib audit``: attack the shipped mechanisms, or one's own."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from privlib.bounds import Neighbours
from privlib.cli.audit_guard import Guard
from privlib.cli.audit_input import read_confidence, whole
from privlib.cli.audit_membership import membership
from privlib.cli.audit_progress import Display
from privlib.cli.audit_zoo import selftest, zoo
from privlib.cli.files import check_outputs, write
from privlib.cli.show import as_json_option, example, print_json, print_table
from privlib.errors import InvalidInput, PrivlibError, TamperedRelease

if TYPE_CHECKING:
    from privlib.audit import Audit, OneRun

__all__ = ["audit"]

_EXIT_CODES = {"violation": 1, "no violation found": 0, "inconclusive": 3}
_CRASHED, _INTERRUPTED = 4, 130
_FEWEST = 1000
_PATH = click.Path(path_type=Path)
_OUTPUTS = ("out", "html", "junit", "sarif", "as_json", "quiet")


@click.group()
def audit() -> None:
    """Attacks that try to refute a privacy claim."""


audit.add_command(membership)
audit.add_command(selftest)
audit.add_command(zoo)


@audit.command("list", epilog=example("privlib audit list"))
@as_json_option
def list_targets(as_json: bool) -> None:
    """List what can be audited."""
    from privlib.audit.zoo import ENTRIES
    from privlib.cli.audit_target import builtin_targets

    targets = list(builtin_targets().items())
    targets += [(f"zoo:{one.name}", one.what) for one in ENTRIES if one.how in ("trials", "sound")]
    if as_json:
        print_json([{"target": name, "what": what} for name, what in targets])
    else:
        print_table(("target", "what"), targets)


def _seconds(_ctx: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter("give a positive number of seconds")
    return value


@audit.command(
    epilog=example(
        "privlib audit run survival --epsilon 1 --trials 200000 --html audit.html",
        "privlib audit run my_package.my_module:release --epsilon 1 --pair pair.json --trials 1e6",
        "privlib audit run scores.csv --epsilon 1 --neighbours add_remove",
    )
    + "\n\nExit codes: 0 no violation found; 1 violation certified; 2 wrong usage; 3 inconclusive or refused; 4 the mechanism "
    "crashed; 130 interrupted. An audit that --max-seconds stopped before it found a violation is inconclusive."
)
@click.argument("target")
@click.option("--epsilon", metavar="E", help="The claim: pure, or with --delta approximate.")
@click.option("--delta", metavar="D", help="The delta of an approximate claim.")
@click.option("--mu", metavar="M", help="The claim: Gaussian differential privacy.")
@click.option("--rho", metavar="R", help="The claim: zero-concentrated differential privacy.")
@click.option("--neighbours", type=click.Choice([str(name) for name in Neighbours]), help="Which data sets the claim compares.")
@click.option("--pair", type=_PATH, metavar="F.json", help="Two data sets: {'first': .., 'second': .., 'description': ..}.")
@click.option("--trials", callback=whole(1), metavar="N", help="Runs of the mechanism, such as 1e6 or 10_000.")
@click.option("--force", is_flag=True, help=f"Allow fewer than {_FEWEST} trials.")
@click.option("--confidence", default="0.999", show_default=True, metavar="C", help="Of a certified violation.")
@click.option("--anytime", is_flag=True, help="Stop as soon as the claim is refuted.")
@click.option("--max-seconds", type=float, callback=_seconds, metavar="S", help="Stop after so long; what was found is reported.")
@click.option(
    "--seed",
    "search_seed",
    callback=whole(0),
    default="0",
    show_default=True,
    metavar="N",
    help="Of the search and the split only.",
)
@click.option("--batch", is_flag=True, help="The function is f(dataset, n) and gives n outputs.")
@click.option("--one-run", is_flag=True, help="The scores are of one training run, one row a canary.")
@click.option("--out", type=_PATH, metavar="F", help="Write the result here, as JSON.")
@click.option("--html", type=_PATH, metavar="F", help="Write a self-contained report here.")
@click.option("--junit", type=_PATH, metavar="F", help="Write JUnit XML here.")
@click.option("--sarif", type=_PATH, metavar="F", help="Write SARIF here.")
@as_json_option
@click.option("--quiet", is_flag=True, help="Print nothing; the exit code tells.")
@click.pass_context
def run(
    ctx: click.Context,
    /,
    *,
    target: str,
    epsilon: str | None,
    delta: str | None,
    mu: str | None,
    rho: str | None,
    neighbours: str | None,
    pair: Path | None,
    trials: int | None,
    force: bool,
    confidence: str,
    anytime: bool,
    max_seconds: float | None,
    search_seed: int,
    batch: bool,
    one_run: bool,
    as_json: bool,
    quiet: bool,
    **outputs: Path | None,
) -> None:
    """Attack TARGET: run it on neighbouring data sets many times and guess which one it was.

    TARGET is a name that "privlib audit list" shows; or module:function, where function(dataset) gives an output, or with
    --batch function(dataset, n) gives n; or a file of an attack's scores (.csv or .parquet with the columns label and score,
    or .npy). A function is imported, from the current folder too, and run: this executes its code. What it prints goes to
    stderr. A file of scores is never unpickled.

    Exit code 0 means that no violation was found, which is no proof that there is none: that is what privlib prove is for.
    """
    from privlib.audit import Audit, Interrupted, MechanismFailed, Stopped
    from privlib.cli.audit_scores import one_run_of_scores
    from privlib.cli.audit_target import Request, attack

    if as_json and quiet:
        raise click.UsageError("--json and --quiet contradict each other")
    if trials is not None and trials < _FEWEST and not force:
        raise click.UsageError(f"--trials must be at least {_FEWEST}; with --force fewer are allowed, which certify little")
    files = {name: file.absolute() for name, file in outputs.items() if file is not None}  # a mechanism may change the folder
    check_outputs(list(files.values()), inputs=[file for file in (pair, Path(target)) if file is not None and file.is_file()])
    guard, display = Guard(max_seconds), Display(target, max_seconds=max_seconds, quiet=quiet)
    request = Request(
        target=target,
        claim={"epsilon": epsilon, "delta": delta, "mu": mu, "rho": rho},
        neighbours=neighbours,
        pair=pair,
        trials=trials,
        confidence=read_confidence(confidence),
        anytime=anytime,
        batch=batch,
        force=force,
        max_seconds=max_seconds,
        seed=search_seed,
        guard=guard,
        progress=display if display.active else None,
    )
    interrupted = False
    try:
        with display, guard.watch():
            found = one_run_of_scores(request) if one_run else attack(request)
    except MechanismFailed as error:
        click.echo(f"privlib: {error}", err=True)
        ctx.exit(_CRASHED)
    except Interrupted as error:
        found, interrupted = error.audit, True
    except Stopped:
        raise PrivlibError("--max-seconds passed before the first trial") from None
    finally:
        guard.close()
    again = _again(ctx)
    if isinstance(found, Audit):
        found = replace(found, reproduce=again)
    if not quiet:
        click.echo(found.to_json() if as_json else _summary(found, again))
    _write(found, files, again)
    ctx.exit(_INTERRUPTED if interrupted else _exit_code(found))


def _exit_code(found: Audit | OneRun) -> int:
    """What the verdict means for whoever called; an audit that was stopped has not found nothing, it has not finished."""
    from privlib.audit import Audit, Verdict

    stopped = isinstance(found, Audit) and found.interrupted
    return _EXIT_CODES[Verdict.INCONCLUSIVE if stopped and found.verdict is not Verdict.VIOLATION else found.verdict]


def _summary(found: Audit | OneRun, again: str = "") -> str:
    from privlib.audit import Audit
    from privlib.cli.audit_onerun import summary

    return found.summary() if isinstance(found, Audit) else summary(found, again)


def _again(ctx: click.Context) -> str:
    """The command, without what it writes."""
    words = ["privlib", "audit", "run"]
    for option in ctx.command.params:
        name = str(option.name)
        if ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE or name in _OUTPUTS:
            continue
        value = ctx.params[name]
        flag = [] if isinstance(option, click.Argument) else [max(option.opts, key=len)]
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        words += flag if value is True else [*flag, shown]
    return shlex.join(words)


def _write(found: Audit | OneRun, files: dict[str, Path], again: str) -> None:
    from privlib.audit import Audit, formats
    from privlib.cli.audit_onerun import page

    makers: dict[str, Callable[[], str]] = {
        "out": lambda: found.to_json() + "\n",
        "html": lambda: found.to_html() if isinstance(found, Audit) else page(found, again),
        "junit": lambda: formats.junit([found], suite="privlib audit", again=again),
        "sarif": lambda: formats.sarif([found], again=again),
    }
    for name, file in files.items():
        write(file, makers[name]())


@audit.command(epilog=example("privlib audit replay audit.json"))
@click.argument("report", type=_PATH)
@as_json_option
@click.pass_context
def replay(ctx: click.Context, *, report: Path, as_json: bool) -> None:
    """Compute the bound and the verdict of REPORT.json again from the counts that it holds.

    The report is read, nothing is run. Its digest finds changes by accident; it is not a signature.
    """
    from privlib.audit import Audit, OneRun
    from privlib.certificate import open_sealed

    try:
        text = report.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TamperedRelease(f"{str(report)!r} is not a report: it is no text") from None
    kind = open_sealed(text)["kind"]
    if kind == "membership":  # which has no verdict
        from privlib.audit.membership import Membership

        rates = Membership.replay(text)
        click.echo(rates.to_json() if as_json else rates.summary())
        return
    if kind not in ("audit", "audit.one-run"):
        raise InvalidInput(f"{str(report)!r} is of kind {kind!r}, not the report of an audit; privlib verify reads releases")
    found = Audit.replay(text) if kind == "audit" else OneRun.replay(text)
    click.echo(found.to_json() if as_json else _summary(found))
    ctx.exit(_exit_code(found))

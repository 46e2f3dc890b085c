"""``privlib prove``: run the proofs of a checkout against the code, and try their mutants."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import click

from privlib.cli.files import check_outputs, write
from privlib.cli.show import as_json_option, example, print_json, print_table

if TYPE_CHECKING:
    from privlib.prove import Result

__all__ = ["prove"]


@click.command(epilog=example("privlib prove survival --junit proofs.xml"))
@click.argument("room", required=False)
@as_json_option
@click.option("--junit", type=click.Path(path_type=Path), metavar="F", help="Write JUnit XML here.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Prove so many theorems side by side.  [default: all CPUs]")
@click.pass_context
def prove(ctx: click.Context, *, room: str | None, as_json: bool, junit: Path | None, jobs: int | None) -> None:
    """Run the proofs of one ROOM or of all.

    Each proof must hold for the code as it is, and must fail for code made wrong on purpose. Needs a checkout.
    """
    from privlib.prove import cpus, find, theorem_id

    check_outputs([] if junit is None else [junit], inputs=[])
    os.environ["PRIVLIB_INSECURE_TEST"] = "1"  # proofs dictate the random words; this process and its workers release nothing
    files = find(room)
    order = [theorem_id(file) for file in files]
    results = sorted(_run(files, jobs or cpus()), key=lambda result: order.index(result.theorem))
    if as_json:
        print_json([{**asdict(result), "holds": result.holds} for result in results])
    else:
        _print(results)
    if junit is not None:
        write(junit, _junit(results))
    if not all(result.holds for result in results):
        ctx.exit(1)


def _run(files: list[Path], jobs: int) -> list[Result]:
    """The results as they came; a terminal is told how far it is."""
    from privlib.prove import WorkerDied, run_all

    def tell(words: str) -> None:
        if sys.stderr.isatty():
            click.echo(words, err=True)

    results: list[Result] = []
    tell(f"proving {len(files)} theorems, {min(jobs, len(files))} at a time ...")
    try:
        with closing(run_all(files, jobs=jobs)) as proved:
            for result in proved:
                results.append(result)
                word = "holds" if result.holds else "DOES NOT HOLD"
                tell(f"{len(results)} of {len(files)}: {result.theorem} {word} ({result.seconds:.1f} s)")
    except WorkerDied as error:
        raise click.ClickException(f"{error}; with --jobs 1 there is one process only") from error
    return results


def _print(results: list[Result]) -> None:
    columns = ("theorem", "title", "holds", "covers", "mutants killed", "seconds")
    print_table(columns, [_line(result) for result in results])
    for result in results:
        if result.failure:
            click.echo(f"{result.theorem}: {result.failure}")
        if result.survivors:
            click.echo(f"{result.theorem}: not noticed: {', '.join(result.survivors)}")
        if result.mutants < 2:
            click.echo(f"{result.theorem}: a proof needs at least two mutants, it has {result.mutants}")


def _line(result: Result) -> tuple[str, ...]:
    killed = f"{result.mutants - len(result.survivors)} of {result.mutants}"
    holds = "yes" if result.holds else "NO"
    return result.theorem, result.title, holds, str(len(result.covers)), killed, f"{result.seconds:.1f}"


def _junit(results: list[Result]) -> str:
    broken = sum(not result.holds for result in results)
    total = f"{sum(result.seconds for result in results):.3f}"
    suite = ElementTree.Element(
        "testsuite", name="privlib prove", tests=str(len(results)), failures=str(broken), errors="0", time=total
    )
    for result in results:
        room = result.theorem.partition(".")[0]
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"proofs.{room}", name=result.theorem, time=f"{result.seconds:.3f}"
        )
        if not result.holds:
            reason = result.failure or f"mutants not noticed: {', '.join(result.survivors) or 'fewer than two mutants'}"
            ElementTree.SubElement(case, "failure", message=reason)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"

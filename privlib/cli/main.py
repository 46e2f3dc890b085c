"""The program itself, and what each kind of failure means to whoever called it."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from privlib import __version__
from privlib.cli.audit import audit
from privlib.cli.ldp import ldp
from privlib.cli.ledger import ledger
from privlib.cli.prove import prove
from privlib.cli.share import share
from privlib.cli.show import example
from privlib.cli.survival import survival
from privlib.cli.verify import verify
from privlib.errors import InvalidInput, PrivlibError, TamperedRelease

__all__ = ["main"]

FAILED, USAGE, REFUSED, INTERRUPTED = 1, 2, 3, 130


class Program(click.Group):
    """A group whose commands end in one clear line and an exit code, never in a traceback, which may hold data."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and turn what it raises into an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except KeyboardInterrupt as error:
            _say("interrupted", error)
            code = INTERRUPTED
        except PrivlibError as error:
            _say(str(error), error)
            code = FAILED if isinstance(error, TamperedRelease) else USAGE if isinstance(error, InvalidInput) else REFUSED
        except OSError as error:
            if error.errno == errno.EPIPE:  # nobody reads on: keep the interpreter from writing the rest at its end
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            _say(f"{error.strerror or 'the operating system refused'}: {error.filename or 'standard output'}", error)
            code = REFUSED
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]  # where, but never what: a message may quote data
            _say(f"unexpected {type(error).__name__} in {place.name}, {Path(place.filename).name}:{place.lineno}", error)
            code = REFUSED
        ctx.exit(code)


def _say(sentence: str, error: BaseException) -> None:
    for line in (sentence, *getattr(error, "__notes__", ())):
        click.echo(f"privlib: {line}", err=True)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example(
        "privlib survival release people.csv --duration days --event died --horizon 1096 \\",
        "  --epsilon 1 --neighbours add_remove --expected-n 250 --ledger budget.db --limit 2 --out release.json",
    )
    + "\n\nExit codes: 0 fine; 1 violation certified or verification failed; 2 wrong usage; 3 refused, locked, "
    "input/output or inconclusive; 4 the audited mechanism crashed; 130 interrupted.",
)
@click.version_option(__version__, prog_name="privlib")
def main() -> None:
    """Private statistics about people, with an exact account of what can leak."""


for command in (audit, ldp, ledger, prove, share, survival, verify):
    main.add_command(command)

if find_spec("privlib.cli.demo") is not None:

    @main.command(epilog=example("privlib demo --out report"))
    @click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder to write to.")
    def demo(out: Path) -> None:
        """Release and audit bundled data, and write one HTML report and JSON."""
        importlib.import_module("privlib.cli.demo").demo(out)

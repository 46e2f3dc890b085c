"""``privlib survival``: private Kaplan-Meier curves from files."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privlib.cli.files import check_outputs, write
from privlib.cli.ledger import limit_option, read_limit
from privlib.cli.show import example

if TYPE_CHECKING:
    from privlib.survival import Curve, Spec, SurvivalTable

__all__ = ["survival"]

_PATH = click.Path(path_type=Path)


@click.group()
def survival() -> None:
    """Private survival curves."""


@survival.command(
    epilog=example(
        "privlib survival release people.csv --duration days --event died --horizon 1096 \\",
        "  --epsilon 1 --neighbours add_remove --expected-n 250 --ledger budget.db --limit 2 --out release.json",
    )
)
@click.argument("data", type=_PATH)
@click.option("--duration", "duration_col", required=True, metavar="COL", help="Column: time to event or censoring.")
@click.option("--event", "event_col", required=True, metavar="COL", help="Column: event seen (1) or censored (0).")
@click.option("--horizon", required=True, metavar="N", help="End of follow-up, public: from the protocol, never the data.")
@click.option("--epsilon", required=True, metavar="E", help="Privacy loss of the whole curve, such as 1, 0.1 or 1/3.")
@click.option(
    "--neighbours",
    type=click.Choice(["add_remove", "replace"]),
    required=True,
    help="add_remove: the number of people is private; replace: it is public.",
)
@click.option("--expected-n", type=int, metavar="N", help="add_remove: a public guess of the number of people.")
@click.option("--n", type=int, metavar="N", help="replace: the public number of people.")
@click.option(
    "--unit",
    default="1",
    show_default=True,
    metavar="U",
    help="The recording unit of time; times are rounded up to it, so give 0.1 for months with a decimal.",
)
@click.option("--n-bins", type=int, metavar="K", help="A public number of bins instead of the automatic grid.")
@click.option("--group", "group_col", metavar="COL", help="Column: one curve for each group; needs --groups.")
@click.option("--groups", metavar="A,B", help="The public labels, comma separated, as text.")
@click.option("--id", "id_col", metavar="COL", help="Column: person; several rows of one person are refused.")
@click.option("--event-codes", default="0,1", show_default=True, metavar="C,E", help="Codes for censored and for event.")
@click.option("--ledger", "ledger_file", type=_PATH, metavar="F", help="The budget to charge, before noise is drawn.")
@limit_option
@click.option(
    "--wait", type=click.FloatRange(0), default=10.0, show_default=True, metavar="S", help="Seconds for a ledger in use."
)
@click.option("--out", type=_PATH, metavar="F", help="Write the release here, as JSON.")
@click.option("--plot", type=_PATH, metavar="F", help="Write a picture here: .png or .svg.")
@click.option("--json", "as_json", is_flag=True, help="Print the release, as --out would write it, on stdout.")
def release(
    *,
    data: Path,
    ledger_file: Path | None,
    limit: str | None,
    wait: float,
    out: Path | None,
    plot: Path | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Release a private Kaplan-Meier curve of DATA, a CSV or Parquet file with one row per person.

    The plan is public and is checked before DATA is opened. The ledger is charged before noise is drawn; what happens
    afterwards does not refund it.
    """
    from privlib.budget import Ledger

    if limit is not None and ledger_file is None:
        raise click.UsageError("--limit belongs to a ledger: give --ledger too")
    if ledger_file is not None and out is None and not as_json:
        raise click.UsageError("give --out FILE or --json: what a ledger pays for would not be kept")
    allowed = None if limit is None else read_limit(limit)
    codes = _codes(chosen.pop("event_codes"))
    spec = _plan(**chosen)
    outputs = [file for file in (out, plot) if file is not None]
    _check_plot(plot)
    check_outputs(outputs, inputs=[data, *([ledger_file] if ledger_file else [])])
    table = _count(spec, data, codes, **chosen)
    ledger = None if ledger_file is None else Ledger(ledger_file, limit=allowed, wait=wait)
    with _perhaps_charged(None if ledger is None else ledger_file):
        curve = table.release(ledger=ledger)
        _deliver(curve, out, plot, as_json=as_json)


def _plan(
    *,
    horizon: str,
    epsilon: str,
    neighbours: str,
    expected_n: int | None,
    n: int | None,
    unit: str,
    n_bins: int | None,
    group_col: str | None,
    groups: str | None,
    **_: Any,
) -> Spec:
    from privlib.survival import Spec

    if (group_col is None) != (groups is None):
        raise click.UsageError("--group and --groups belong together: the labels are public and never read off the data")
    labels = None if groups is None else [label.strip() for label in groups.split(",")]
    if labels is not None and "" in labels:
        raise click.UsageError("--groups holds an empty label: is there a comma too many?")
    return Spec(
        horizon=horizon,
        epsilon=epsilon,
        neighbours=neighbours,
        expected_n=expected_n,
        n=n,
        unit=unit,
        n_bins=n_bins,
        groups=labels,
    )


def _codes(text: str) -> tuple[int, int]:
    try:
        censored, event = map(int, text.split(","))
    except ValueError:
        raise click.UsageError("--event-codes must be two whole numbers such as 1,2: for censored and for event") from None
    if censored == event:
        raise click.UsageError("--event-codes must be two different numbers: for censored and for event")
    return censored, event


def _check_plot(plot: Path | None) -> None:
    from privlib.errors import extra

    if plot is None:
        return
    if plot.suffix.lower() not in (".png", ".svg"):
        raise click.UsageError("--plot must end in .png or .svg")
    extra("matplotlib.figure", name="plot", purpose="a plot")


def _count(
    spec: Spec,
    data: Path,
    event_codes: tuple[int, int],
    *,
    duration_col: str,
    event_col: str,
    group_col: str | None,
    id_col: str | None,
    **_: Any,
) -> SurvivalTable:
    from privlib.tables import column, read

    names = dict.fromkeys(name for name in (duration_col, event_col, group_col, id_col) if name is not None)
    frame = read(data, list(names), text=[name for name in (group_col, id_col) if name is not None])
    return spec.count(
        column(frame, duration_col),
        column(frame, event_col),
        group=None if group_col is None else column(frame, group_col),
        id=None if id_col is None else column(frame, id_col),
        event_codes=event_codes,
    )


@contextmanager
def _perhaps_charged(ledger_file: Path | None) -> Generator[None]:
    """Say of an interruption between the charge and the noise that the budget may be charged; the others say it themselves."""
    try:
        yield
    except KeyboardInterrupt as error:
        if ledger_file is not None and not hasattr(error, "__notes__"):
            error.add_note(f"The budget may have been charged: privlib ledger show {ledger_file}")
        raise


def _deliver(curve: Curve, out: Path | None, plot: Path | None, *, as_json: bool) -> None:
    """Write and print what was paid for; a file that fails does not keep the others back."""
    try:
        text = curve.to_json()
        failed: Exception | None = None
        for file in (out, plot):
            try:
                if file is not None:
                    write(file, text + "\n" if file is out else _drawn(curve, file))
            except Exception as error:
                failed = failed or error
        click.echo(text if as_json else curve.summary())
        if failed is not None:
            raise failed
    except BaseException as error:
        if curve.head is not None:
            error.add_note("The release was made, so the budget stays charged.")
        raise


def _drawn(curve: Curve, plot: Path) -> bytes | str:
    from privlib.survival.plot import picture

    if plot.suffix.lower() == ".svg":
        return picture(curve)
    image = io.BytesIO()
    curve.plot().figure.get_figure(root=True).savefig(image, format="png", dpi=200)
    return image.getvalue()

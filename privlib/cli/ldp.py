"""``privlib ldp``: local reports from files and through pipes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privlib.cli.files import check_outputs, write
from privlib.cli.show import as_json_option, example, print_json, print_table
from privlib.errors import InvalidInput, Mismatch, extra

if TYPE_CHECKING:
    from privlib.ldp import Counts, Domain, Reports, Spec

__all__ = ["ldp"]

_PATH = click.Path(path_type=Path)
_STDIN = Path("-")
plan_option = click.option("--plan", "plan_file", type=_PATH, required=True, metavar="F", help="The plan, from privlib ldp plan.")
out_option = click.option("--out", type=_PATH, metavar="F", help="Write to this file instead of stdout.")


@click.group()
def ldp() -> None:
    """Local differential privacy: people randomise their answers before they send them."""


@ldp.command(
    epilog=example(
        "privlib ldp plan domain.json --level record --epsilon 1 --n 50000 --out plan.json",
        "privlib ldp plan domain.json --record-epsilon 3 --attribute-epsilon 1 --compare",
    )
)
@click.argument("domain", type=_PATH)
@click.option(
    "--level", type=click.Choice(["record", "attribute"]), help="What --epsilon compares: any two records, or one attribute."
)
@click.option("--epsilon", metavar="E", help="The cap at that level, such as 1, 0.1 or 1/3.")
@click.option("--odds", metavar="O", help="The same as exact odds, e^epsilon.")
@click.option("--record-epsilon", metavar="E", help="A cap between any two records.")
@click.option("--attribute-epsilon", metavar="E", help="A cap between records that differ in one attribute.")
@click.option(
    "--protocol", default="auto", show_default=True, metavar="NAME", help="auto: the cheapest; or a name from --compare."
)
@click.option(
    "--calibration",
    type=click.Choice(["exact", "paper"]),
    default="exact",
    show_default=True,
    help="paper: RS+FD as published; what it leaks is told.",
)
@click.option("--n", type=int, metavar="N", help="How many people will report, to predict errors.")
@click.option("--compare", is_flag=True, help="Show all protocols under the caps.")
@out_option
@as_json_option
def plan(*, domain: Path, n: int | None, compare: bool, out: Path | None, as_json: bool, **chosen: Any) -> None:
    """Choose a protocol for the attributes in DOMAIN, a JSON file {"attribute": ["label", ...], ...}.

    DOMAIN is public: its labels are never read off anybody's answers. {"attributes": {...}, "other": ["attribute"]} counts
    undeclared answers of an attribute as one more label.
    """
    from privlib.ldp.predict import predict

    check_outputs([out] if out else [], inputs=[domain])
    space = _domain(domain)
    if compare:
        if out is not None or chosen["protocol"] != "auto" or chosen["calibration"] != "exact":
            raise click.UsageError("--compare shows all protocols: it takes no --out, --protocol or --calibration")
        _print_comparison(space, n, as_json=as_json, **chosen)
        return
    spec = _chosen_plan(space, n, **chosen)
    predicted = predict(spec, n)
    if out is not None:
        write(out, spec.to_json() + "\n")
    if as_json:
        click.echo(spec.to_json())
        return
    click.echo(spec.explain())
    click.echo("")
    columns = ["attribute", "values", "variance x n"] + (["standard error", "half width (95 %)"] if n else [])
    rows = [
        [one.attribute, str(one.size), f"{float(one.rare):.4g}"]
        + ([f"{one.standard_error:.4f}", f"{one.half_width:.4f}"] if n else [])
        for one in predicted
    ]
    print_table(columns, rows)
    click.echo("of a value that nobody holds" + (f", with {n:,} people" if n else "; give --n for errors"))


def _domain(file: Path) -> Domain:
    from privlib.ldp import Domain

    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise InvalidInput(f"{str(file)!r} is not JSON") from None
    if not isinstance(record, dict):
        raise InvalidInput(f'{str(file)!r} must hold {{"attribute": ["label", ...], ...}}')
    if set(record) == {"attributes", "other"}:
        return Domain(record["attributes"], other=record["other"])
    return Domain(record)


def _chosen_plan(
    space: Domain,
    n: int | None,
    *,
    level: Any,
    epsilon: str | None,
    odds: str | None,
    record_epsilon: str | None,
    attribute_epsilon: str | None,
    protocol: str,
    calibration: Any,
) -> Spec:
    from privlib.ldp import Spec
    from privlib.ldp import plan as search

    two = record_epsilon is not None or attribute_epsilon is not None
    if two and (protocol != "auto" or calibration != "exact" or level or epsilon or odds):
        raise click.UsageError("--record-epsilon and --attribute-epsilon stand without --level, --epsilon, --odds and --protocol")
    if not two and level is None:
        raise click.UsageError("--level is missing: record compares any two records, attribute two that differ in one attribute")
    if protocol == "auto":
        return search(
            space,
            level=level,
            epsilon=epsilon,
            odds=odds,
            record_epsilon=record_epsilon,
            attribute_epsilon=attribute_epsilon,
            n=n,
        )
    return Spec(space, protocol, level=level, epsilon=epsilon, odds=odds, calibration=calibration)


def _print_comparison(space: Domain, n: int | None, *, as_json: bool, **chosen: Any) -> None:
    from privlib.ldp.planner import compare

    caps = {name: value for name, value in chosen.items() if name not in ("protocol", "calibration")}
    rows = compare(space, **caps)
    if as_json:
        print_json(
            [
                {
                    "protocol": row.protocol,
                    "record_epsilon": row.guarantee.record_epsilon,
                    "attribute_epsilon": row.guarantee.attribute_epsilon,
                    "variance_times_n": float(row.even),
                    "variance_times_n_of_rare_values": float(row.rare),
                    "bytes": row.width,
                }
                for row in rows
            ]
        )
        return
    columns = ["protocol", "epsilon, any records", "epsilon, one attribute", "mean variance x n (even shares)", "bytes"]
    columns += ["standard error (rare value)"] if n else []
    print_table(
        columns,
        [
            [
                row.protocol,
                f"{row.guarantee.record_epsilon:.4g}",
                f"{row.guarantee.attribute_epsilon:.4g}",
                f"{float(row.even):.4g}",
                str(row.width),
                *([f"{row.standard_error(n):.4f}"] if n else []),
            ]
            for row in rows
        ],
    )


@ldp.command(epilog=example("privlib ldp randomise people.csv --plan plan.json --out reports.parquet"))
@click.argument("data", type=_PATH)
@plan_option
@out_option
def randomise(*, data: Path, plan_file: Path, out: Path | None) -> None:
    """Randomise DATA, a CSV or Parquet file with one row per person: one private report for each row.

    On stdout, and to a file whose name does not end in .parquet, the reports are bytes; see the docs for their layout.
    """
    from privlib.tables import column, read

    spec = _plan(plan_file)
    check_outputs([out] if out else [], inputs=[data, plan_file])
    if out is None and sys.stdout.isatty():
        raise click.UsageError("reports are bytes: give --out FILE, or a pipe to privlib ldp aggregate")
    names = list(spec.domain.names)
    frame = read(data, names, text=names)
    reports = spec.randomise({name: _labels(spec, place, column(frame, name)) for place, name in enumerate(names)})
    _write_reports(reports, out)
    click.echo(f"{len(reports)} reports of {reports.rows.shape[1]} bytes", err=True)


def _labels(spec: Spec, attribute: int, values: Any) -> Any:
    """A column that was read as text, as the labels that it spells; what spells none stays text, and is refused or counted."""
    import numpy as np

    labels = spec.domain.labels[attribute]
    if all(isinstance(label, str) for label in labels) or values.dtype.kind != "U":
        return values
    spelled = {str(label): label for label in labels if label is not None}
    found, places = np.unique(values, return_inverse=True)
    return [spelled.get(str(text), str(text)) for text in found[places]]


def _write_reports(reports: Reports, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(reports.to_bytes())
        sys.stdout.buffer.flush()
    elif out.suffix.lower() == ".parquet":
        parquet, sink = extra("pyarrow.parquet", name="tables", purpose="writing Parquet"), io.BytesIO()
        parquet.write_table(reports.to_arrow(), sink)
        write(out, sink.getvalue())
    else:
        write(out, reports.to_bytes())


@ldp.command(epilog=example("privlib ldp aggregate reports.parquet more.pldp --plan plan.json --out counts.json"))
@click.argument("reports", nargs=-1, type=_PATH)
@plan_option
@out_option
def aggregate(*, reports: tuple[Path, ...], plan_file: Path, out: Path | None) -> None:
    """Count REPORTS, and add counts that were made before (.json); without any, reports are read from stdin.

    Memory does not grow with the number of reports.
    """
    from privlib.ldp.aggregate import Counts

    spec = _plan(plan_file)
    for file in reports:
        if file != _STDIN and not file.is_file():
            raise InvalidInput(f"there is no file {str(file)!r}")
    check_outputs([out] if out else [], inputs=[file for file in (*reports, plan_file) if file != _STDIN])
    total = Counts.empty(spec)
    for file in reports or (_STDIN,):
        try:
            total += _counted(spec, file)
        except (InvalidInput, Mismatch) as error:
            raise type(error)(f"{'stdin' if file == _STDIN else str(file)}: {error}") from None
    text = total.to_json() + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write(out, text)
    click.echo(f"{total.reports} reports counted", err=True)


def _counted(spec: Spec, file: Path) -> Counts:
    from privlib.ldp.aggregate import Counts
    from privlib.ldp.reports import Reports
    from privlib.ldp.wire import Layout, pieces

    if file.suffix.lower() == ".json":
        return Counts.from_json(file.read_text(encoding="utf-8"))
    total = Counts.empty(spec)
    if file.suffix.lower() == ".parquet":
        parquet = extra("pyarrow.parquet", name="tables", purpose="reading Parquet")
        try:
            source = parquet.ParquetFile(file)
        except ValueError:
            raise InvalidInput(f"{str(file)!r} is not a readable Parquet file") from None
        for batch in source.iter_batches():
            schema = batch.schema.with_metadata(source.schema_arrow.metadata)
            total = total.add(Reports.from_arrow(spec, batch.replace_schema_metadata(schema.metadata)))
        return total
    width = Layout(spec.scheme, spec.parts).width
    with sys.stdin.buffer if file == _STDIN else file.open("rb") as stream:
        for piece in pieces(stream, spec.fingerprint, width):
            total = total.add(piece)
    return total


@ldp.command(epilog=example("privlib ldp estimate counts.json --confidence 0.95 --plot frequencies.png"))
@click.argument("counts", type=_PATH, default=_STDIN)
@click.option("--confidence", default="0.95", show_default=True, metavar="C", help="Of the intervals.")
@click.option(
    "--target",
    type=click.Choice(["population", "sample"]),
    default="population",
    show_default=True,
    help="What is estimated: a population from which the people are drawn, or these people.",
)
@click.option("--simultaneous", is_flag=True, help="All intervals hold together with the confidence.")
@click.option("--plot", "plot_file", type=_PATH, metavar="F", help="Write a picture here: .png or .svg.")
@as_json_option
def estimate(*, counts: Path, confidence: str, target: Any, simultaneous: bool, plot_file: Path | None, as_json: bool) -> None:
    """Estimate frequencies from COUNTS, what aggregate wrote; without it they are read from stdin."""
    from privlib.ldp.aggregate import Counts

    if plot_file is not None and plot_file.suffix.lower() not in (".png", ".svg"):
        raise click.UsageError("--plot must end in .png or .svg")
    check_outputs([plot_file] if plot_file else [], inputs=[] if counts == _STDIN else [counts])
    if counts != _STDIN and not counts.is_file():
        raise InvalidInput(f"there is no file {str(counts)!r}")
    text = sys.stdin.read() if counts == _STDIN else counts.read_text(encoding="utf-8")
    if not text.lstrip().startswith("{"):
        raise InvalidInput("these are no counts: give what privlib ldp aggregate wrote")
    found = Counts.from_json(text).estimate(confidence=confidence, target=target, simultaneous=simultaneous)
    if plot_file is not None:
        sink = io.BytesIO()
        found.plot().savefig(sink, format=plot_file.suffix[1:].lower(), dpi=150)
        write(plot_file, sink.getvalue())
    if as_json:
        columns = found.columns()
        print_json([dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])
    else:
        click.echo(str(found))


def _plan(file: Path) -> Spec:
    from privlib.ldp import Spec

    if not file.is_file():
        raise InvalidInput(f"there is no file {str(file)!r}")
    try:
        text = file.read_text(encoding="utf-8")
    except ValueError:
        text = ""
    if '"ldp.plan"' not in text:
        raise InvalidInput(f"{str(file)!r} is no plan: give what privlib ldp plan --out wrote")
    return Spec.from_json(text)

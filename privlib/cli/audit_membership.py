"""``privlib audit membership``: what somebody's attack on membership found, from its scores."""

from __future__ import annotations

from pathlib import Path

import click

from privlib.bounds import exact_share
from privlib.cli.audit_input import read_claim
from privlib.cli.files import check_outputs, write
from privlib.cli.show import as_json_option, example
from privlib.errors import InvalidInput

__all__ = ["membership"]

_INCONCLUSIVE = 3
_PATH = click.Path(path_type=Path)


@click.command(
    epilog=example(
        "privlib audit membership scores.csv",
        "privlib audit membership scores.csv --fpr 0.01 --fpr 0.001 --epsilon 8 --delta 1e-5 --out membership.json",
    )
    + "\n\nExit codes: 0 measured; 2 wrong usage; 3 too few non-members for every rate. No rate refutes a claim: that is what "
    "privlib audit run --one-run is for."
)
@click.argument("scores", type=_PATH)
@click.option("--fpr", multiple=True, metavar="F", help="False-positive rate; may be repeated.  [default: 1e-2, 1e-3, 1e-4]")
@click.option("--confidence", default="0.95", show_default=True, metavar="C", help="Of each interval.")
@click.option("--epsilon", metavar="E", help="What a claim allows stands beside it: pure, or with --delta approximate.")
@click.option("--delta", metavar="D", help="The delta of an approximate claim.")
@click.option("--mu", metavar="M", help="The claim: Gaussian differential privacy.")
@click.option("--out", type=_PATH, metavar="F", help="Write the result here, as JSON.")
@as_json_option
@click.pass_context
def membership(
    ctx: click.Context,
    /,
    *,
    scores: Path,
    fpr: tuple[str, ...],
    confidence: str,
    epsilon: str | None,
    delta: str | None,
    mu: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure an attack on membership: which share of the members it finds at low false-positive rates.

    SCORES is a file of the attack's scores, one row an example: .csv or .parquet with the columns label and score, or .npy.
    Label 1 is a member; a higher score means that the attack believes in it. Leave out the examples that the attack was
    fitted to. Intervals are exact.
    """
    from privlib.audit.membership import tpr_at_fpr
    from privlib.audit.membership.result import FALSE_POSITIVE_RATES
    from privlib.cli.audit_scores import SCORE_FILES, read_scores

    check_outputs([] if out is None else [out], inputs=[scores])
    if scores.suffix.lower() not in SCORE_FILES:
        raise InvalidInput(f"the file of scores must end in {', '.join(SCORE_FILES)}, got {scores.name!r}")
    level = exact_share(confidence, name="--confidence")
    if 2 * level < 1:
        raise InvalidInput("--confidence must be at least 0.5: 0.95 means 95 %")
    claim = read_claim({"epsilon": epsilon, "delta": delta, "mu": mu, "rho": None}, "add_remove")
    rates = [exact_share(text, name="--fpr") for text in fpr] or FALSE_POSITIVE_RATES
    labels, said = read_scores(scores)
    found = tpr_at_fpr(said, labels == 1, title=str(scores), attack="scores of a file", fpr=rates, confidence=level, claim=claim)
    click.echo(found.to_json() if as_json else found.summary())
    if out is not None:
        write(out, found.to_json() + "\n")
    if not any(rate.resolvable for rate in found.rates):
        ctx.exit(_INCONCLUSIVE)

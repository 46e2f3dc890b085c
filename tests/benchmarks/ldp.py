"""Local reports: the published curves again with what they really cost, and what the planner finds.

``python tests/benchmarks/ldp.py`` prints them; ``make bench`` takes `section` into docs/benchmarks.md. The curves are
simulated at the level of counts; nothing here is timed against a peer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from privlib.ldp.mixture import mixture
from privlib.ldp.parts import Scheme
from privlib.ldp.planner import compare, plan
from privlib.ldp.predict import mean_variance
from privlib.ldp.published import PAPER, Point, figure, study
from privlib.ldp.published_shapes import ADULT, NURSERY, Shape, even_shape

ODDS = (2, 3, 4, 5, 6, 7)
RUNS = 100
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "rsfd.svg"
SYNTHETIC = even_shape(50_000, [10] * 10)
SHAPES = {"Synthetic, 50,000 people, 10 attributes of 10 values": SYNTHETIC, "Nursery": NURSERY, "Adult": ADULT}


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    return "\n".join([row(*head), row(*["---"] * len(head)), *(row(*cells) for cells in rows), ""])


def curves(title: str, shape: Shape) -> tuple[str, float]:
    """A table of the paper's curves on one data set, and how many seconds they took."""
    began = time.process_time()
    points = study(shape.domain, shape.people, odds=ODDS, runs=RUNS, generator=np.random.default_rng(1))
    seconds = time.process_time() - began
    rows = []
    for protocol in PAPER:
        own: list[Point] = [point for point in points if point.protocol == protocol]
        true = f"{float(own[1].guarantee.record):.4g}, {float(own[1].guarantee.attribute):.4g}"
        rows.append([protocol, *(f"{point.error:.2e}" for point in own), true])
    head = ["", *(f"ln {odds}" for odds in ODDS), "odds at ln 3: records, attributes"]
    return f"{title}:\n\n{table(head, rows)}", seconds


def planned(title: str, shape: Shape, attribute: int, record: int) -> str:
    """A table of what keeps both caps, the best first."""
    rows = [
        [
            found.protocol,
            f"{float(found.rare):.2f}",
            f"{float(found.even):.2f}",
            f"{float(found.guarantee.record):.3f}",
            f"{float(found.guarantee.attribute):.3f}",
            found.width,
        ]
        for found in compare(shape.domain, attribute_odds=attribute, record_odds=record, shares="rare")[:8]
    ]
    head = ["", "n times variance, rare values", "even values", "record odds", "attribute odds", "bytes"]
    return f"{title}, attribute odds {attribute}, record odds {record}:\n\n{table(head, rows)}"


def draw() -> None:
    """Write the paper's curves as a picture."""
    points = study(SYNTHETIC.domain, SYNTHETIC.people, odds=ODDS, runs=RUNS, generator=np.random.default_rng(1))
    figure(points, title="50,000 people, ten attributes of ten values").savefig(PICTURE)


def section() -> str:
    draw()
    found = [curves(title, shape) for title, shape in SHAPES.items()]
    fakes = mixture(ADULT.domain.sizes, Fraction(2), even=False)
    best = plan(ADULT.domain, attribute_odds=3, record_odds=19, shares="rare")
    seconds = sum(taken for _, taken in found)
    lines = [
        "## Local reports: the published curves, and their true cost",
        "",
        "Mean squared errors, clipped and scaled, of the procedure of arXiv 2109.07269, against the epsilon that it claims",
        f"between any two records; means of {RUNS} runs, simulated at the level of counts ({seconds:.0f} s of processor time).",
        "The last column is what a report at ln 3 really leaks.",
        "",
        *(text for text, _ in found),
        "## Local reports: plans under two caps",
        "",
        planned("Adult", ADULT, 3, 19),
        planned("Ten attributes of ten values", SYNTHETIC, 3, 21),
        f"The best mixture with fakes on Adult under attribute odds 3 has {float(mean_variance(Scheme.RSFD, fakes)):.3f};",
        f"the plan that is found, {best.protocol}, has {float(mean_variance(best.scheme, best.parts)):.3f},",
        f"and keeps record odds {float(best.guarantee().record):.3g}.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(section())

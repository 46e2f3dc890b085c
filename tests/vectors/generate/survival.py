"""Known answers for tests/vectors/survival: one row after the other, in rationals, by walking over the grid.

Shares no code with privlib. Run ``python tests/vectors/generate/survival.py`` to write the files again.
"""

import json
import random
from fractions import Fraction
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "survival"


def counted(  # noqa: PLR0917  # the columns of one table
    horizon: str, unit: str, bins: int, times: list[float], events: list[int], labels: list[str] | None, groups: list[str] | None
) -> list[int]:
    units = int(Fraction(horizon) / Fraction(unit))
    edges = [k * units // bins for k in range(bins + 1)]
    pairs = 1 if bins == units else 2
    censor_bins = -(-bins // pairs)
    tables = {label: [0] * (bins + censor_bins + 1) for label in groups or [None]}
    for i, (time, event) in enumerate(zip(times, events, strict=True)):
        table = tables[labels[i] if labels else None]
        place = 1
        while place <= units and float(place * Fraction(unit)) < time:
            place += 1
        if place > units or (event == 0 and time >= float(Fraction(horizon))):
            table[-1] += 1
            continue
        k = next(k for k in range(bins) if place <= edges[k + 1])
        table[k if event else bins + k // pairs] += 1
    return [cell for table in tables.values() for cell in table]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    source = random.Random(20241205)  # noqa: S311  # imaginary people
    cases = []
    for horizon, unit, bins, groups in [
        ("30", "1", 5, None),
        ("30", "1", 30, None),
        ("1022", "1", 9, ["m", "f"]),
        ("36.5", "1/10", 7, None),
        ("5", "1/3", 15, ["10", "9"]),
        ("98", "7", 3, None),
        ("1", "1/1000", 6, None),
        ("7", "7", 1, ["b", "a", "c"]),
    ]:
        step, end = float(Fraction(unit)), float(Fraction(horizon))
        units = int(Fraction(horizon) / Fraction(unit))
        times = [
            source.choice([float(source.randint(1, units) * Fraction(unit)), source.uniform(step / 9, 1.2 * end), end])
            for _ in range(60)
        ]
        events = [source.randint(0, 1) for _ in times]
        labels = [source.choice(groups) for _ in times] if groups else None
        spec = {"horizon": horizon, "unit": unit, "n_bins": bins, "groups": groups, "epsilon": "1", "neighbours": "add_remove"}
        cases.append(
            {
                "id": f"horizon-{horizon}-unit-{unit.replace('/', '-')}-bins-{bins}",
                "comment": "events per bin, censored per censoring bin, still under observation; group by group",
                "input": {"spec": spec, "time": times, "event": events, "group": labels},
                "result": "valid",
                "expected": counted(horizon, unit, bins, times, events, labels, groups),
            }
        )
    plain = {"horizon": "30", "unit": "1", "n_bins": 5, "groups": None, "epsilon": "1", "neighbours": "add_remove"}
    for name, comment, changed in [
        ("zero", "a time of zero", {"time": [1, 0, 2]}),
        ("negative", "a negative time", {"time": [1.5, -1.0, 2.0]}),
        ("code", "an event code that is not 0 or 1", {"event": [0, 1, 2]}),
        ("half", "an event that is no code", {"event": [0.0, 0.5, 1.0]}),
        ("length", "columns of different lengths", {"event": [0, 1]}),
        ("text", "times that are text", {"time": ["1", "2", "3"]}),
        ("null", "a missing time", {"time": [1, None, 2]}),
        ("label", "a label where the plan has no groups", {"group": ["a", "a", "a"]}),
        ("horizon", "a horizon that is no multiple of the unit", {"spec": {**plain, "unit": "7"}}),
        ("bins", "more bins than units", {"spec": {**plain, "n_bins": 31}}),
        ("epsilon", "an epsilon of zero", {"spec": {**plain, "epsilon": "0"}}),
        ("relation", "a relation that counts no people", {"spec": {**plain, "neighbours": "event"}}),
    ]:
        given = {"spec": plain, "time": [1, 2, 3], "event": [0, 1, 1], "group": None, **changed}
        cases.append({"id": f"refused-{name}", "comment": comment, "input": given, "result": "invalid"})
    record = {
        "topic": "counting",
        "generator": "tests/vectors/generate/survival.py",
        "source": "the definition of the cells in privlib/survival/grid.py, by rationals",
        "groups": [{"parameters": {}, "cases": cases}],
    }
    (FOLDER / "counting.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Run the long audits that the toml files beside this one list, and write what they found to audits/results.

``python audits/refresh.py`` runs all, ``python audits/refresh.py NAME ...`` some. Exits with 1 when a verdict is not the
one expected.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from privlib.audit import Audit, published_audit, survival_audit

HERE = Path(__file__).resolve().parent
TARGETS: dict[str, Callable[..., Audit]] = {"survival": survival_audit, "published": published_audit}


def main(wanted: list[str]) -> int:
    surprises = 0
    for file in sorted(HERE.glob("*.toml")):
        for plan in tomllib.loads(file.read_text(encoding="utf-8"))["audit"]:
            name, target, expected = plan.pop("name"), plan.pop("target"), plan.pop("expect")
            if wanted and name not in wanted:
                continue
            audit = TARGETS[target](**plan)
            (HERE / "results").mkdir(exist_ok=True)
            (HERE / "results" / f"{file.stem}-{name}.json").write_text(audit.to_json() + "\n", encoding="utf-8")
            surprise = audit.verdict != expected
            surprises += surprise
            print(f"{file.stem}-{name}: {audit.sentence()} {audit.seconds:.0f} s{', EXPECTED ' + expected if surprise else ''}")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

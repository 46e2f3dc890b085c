"""Run the long audits that the toml files beside this one list, and write what they found to audits/results.

``python audits/refresh.py`` runs all, ``python audits/refresh.py NAME ...`` some. Exits with 1 when a verdict is not the
one expected.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from privlib.audit import Audit, ldp_audit, noise_audit, published_audit, published_ldp_audit, sharing_audit, survival_audit
from privlib.audit.selftest import examine
from privlib.audit.zoo import ENTRIES

HERE = Path(__file__).resolve().parent
TARGETS: dict[str, Callable[..., Audit]] = {
    "ldp": ldp_audit,
    "noise": noise_audit,
    "published": published_audit,
    "published_ldp": published_ldp_audit,
    "sharing": sharing_audit,
    "survival": survival_audit,
}


def main(wanted: list[str]) -> int:
    surprises = 0
    for file in sorted(HERE.glob("*.toml")):
        plans = tomllib.loads(file.read_text(encoding="utf-8"))
        if "zoo" in plans and (not wanted or "zoo" in wanted):
            surprises += visit(**plans["zoo"])
        for plan in plans.get("audit", []):
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


def visit(*, trials: int, confidence: str, seed: int) -> int:
    """Audit the zoo and write a table; how many entries behaved otherwise than expected."""
    lines, surprises = ["name,claim,true epsilon,verdict,certified,trials"], 0
    for entry in ENTRIES:
        found = examine(entry, trials=trials, confidence=confidence, seed=seed)
        surprises += not found.as_expected
        claim = str(entry.claim).replace(",", ";")
        truth = entry.true_epsilon.replace(",", ";")
        lines.append(f"{entry.name},{claim},{truth},{found.verdict},{found.certified:.4g},{found.trials}")
        print(f"zoo-{entry.name}: {found.verdict}, {found.certified:.4g}{'' if found.as_expected else ', NOT EXPECTED'}")
    (HERE / "results" / "zoo.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return surprises


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

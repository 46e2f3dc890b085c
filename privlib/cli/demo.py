"""``privlib demo``: release a public cohort privately, audit the release, and write one page and the same facts as JSON.

The page draws the exact curve beside the private ones and measures errors against it. That is allowed here because the
cohort is published; no function of the library does it, and nobody should do it with private data.
"""

from __future__ import annotations

import errno
import math
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from privlib import __version__
from privlib.bounds import decimal
from privlib.certificate import seal
from privlib.cli.demo_page import page
from privlib.cli.demo_sharing import sharing_facts
from privlib.cli.files import check_outputs, write
from privlib.errors import LedgerError, extra
from privlib.survival.estimate import Fit
from privlib.survival.view import facts, round_times

if TYPE_CHECKING:
    from privlib.audit import Audit
    from privlib.budget import Ledger
    from privlib.survival import Curve, Spec
    from privlib.survival.published import PublishedCurve

__all__ = ["demo"]

KIND = "demo.report"
POPULATION = "NCCTG lung cohort, public, as a demonstration"
HORIZON, UNTIL, REPEATS = 1096, 730, 100
EPSILONS = (Fraction(1, 2), Fraction(1), Fraction(2), Fraction(5))
MAIN, BY_SEX, NOMINAL, CALIBRATED = Fraction(1), Fraction(2), Fraction(1), Fraction(2)
SEXES = {1: "male", 2: "female"}
EVEN_TIMES, FOUR_TIMES = tuple(range(50, 1050, 50)), (274, 548, 822, 1096)
COST = sum(EPSILONS) + BY_SEX + len(EVEN_TIMES) * NOMINAL + CALIBRATED
LEDGER = "budget.db"
RELEASES = {f"eps-{decimal(epsilon)}": f"release-eps-{decimal(epsilon)}.json" for epsilon in EPSILONS} | {
    "by-sex": f"release-eps-{decimal(BY_SEX)}-by-sex.json",
    "nominal": "release-published-nominal.json",
    "calibrated": "release-published-calibrated.json",
}
AUDITS = {"table": "audit-noisy-table.json", "published": "audit-published.json"}

Floats = NDArray[np.float64]


def demo(out: Path, *, trials: int = 40_000, published_trials: int = 18_000) -> None:
    """Release and audit the bundled lung cohort, and write the report, its releases and its ledger to a folder.

    Parameters
    ----------
    out : path
        The folder, made if it is not there. The demo's own files in it are replaced, a ledger of anybody else is refused.
    trials : int
        Releases made to audit the noisy table.
    published_trials : int
        Of the audit of the published recipe, see `privlib.audit.published_audit`.

    Raises
    ------
    MissingExtra
        Without lifelines, which brings the data. Without matplotlib the page has tables only.
    LedgerError
        When the folder holds a ledger that the demo did not make.
    OSError
        When the folder is no folder, or cannot be written.
    """
    cohort = _Cohort.load()
    with _assembled(out, ["index.html", "report.json", LEDGER, *RELEASES.values(), *AUDITS.values()]) as work:
        from privlib.budget import Ledger

        ledger = Ledger(work / LEDGER, limit=COST, population=POPULATION)
        _tell("releasing")
        curves, recipes = _curves(cohort, ledger), _recipes(cohort, ledger)
        _tell(f"auditing the noisy table, {trials} trials")
        audits = {"table": _audit_table(trials)}
        _tell("auditing the published recipe")
        audits["published"] = _audit_published(published_trials)
        _tell("writing")
        found = _facts(cohort, curves, recipes, audits, ledger)
        for name, file in RELEASES.items():
            write(work / file, (curves[name] if name in curves else recipes[name]).to_json() + "\n")
        for name, audit in audits.items():
            write(work / AUDITS[name], audit.to_json() + "\n")
        write(work / "report.json", seal(KIND, _exactly(found)) + "\n")
        write(work / "index.html", page(found, cohort.exact, cohort.exact_by_sex, curves, recipes))
    for name in ("index.html", "report.json"):
        click.echo(f"wrote {out / name}")
    click.echo(f"check {out / RELEASES['eps-1']}: privlib verify {out / RELEASES['eps-1']} --ledger {out / LEDGER}")


@dataclass(frozen=True)
class _Cohort:
    """The public data, and the exact answers that only public data may show."""

    times: NDArray[np.int64]
    events: NDArray[np.int64]
    sex: NDArray[np.int64]

    @classmethod
    def load(cls) -> _Cohort:
        data = extra("lifelines.datasets", name="survival", purpose="the demo's data set").load_lung()
        columns = (data[name].to_numpy().astype(np.int64) for name in ("time", "status", "sex"))
        return cls(*columns)

    @cached_property
    def exact(self) -> Fit:
        return self._fit(np.ones(self.times.size, dtype=np.bool_))

    @cached_property
    def exact_by_sex(self) -> dict[int, Fit]:
        return {sex: self._fit(self.sex == sex) for sex in SEXES}

    def _fit(self, chosen: NDArray[np.bool_]) -> Fit:
        """The exact curve on the native grid: counts per day, no noise."""
        from privlib.survival.grid import Grid

        days, event = np.minimum(self.times[chosen], HORIZON + 1), self.events[chosen] == 1
        events, censored = (np.bincount(days[which], minlength=HORIZON + 2) for which in (event, ~event))
        left = events[HORIZON + 1] + censored[HORIZON:].sum()
        cells = np.concatenate([events[1 : HORIZON + 1], censored[1:HORIZON], [0, left]]).astype(np.float64)
        return Fit(Grid(Fraction(1), tuple(range(HORIZON + 1))), cells, 0.0, None)

    def spec(self, epsilon: Fraction, **more: Any) -> Spec:
        from privlib.survival import Spec

        return Spec(horizon=HORIZON, epsilon=epsilon, neighbours="replace", n=self.times.size, **more)

    def release(self, epsilon: Fraction, ledger: Ledger | None = None) -> Curve:
        return self.spec(epsilon).count(self.times, self.events).release(ledger=ledger)

    def error(self, survival: Floats) -> float:
        """Root mean square over the days 0 to the horizon, against the exact curve."""
        return float(np.sqrt(np.mean((survival - self.exact.survival) ** 2)))

    def usual_error(self, draw: Callable[[], Curve | PublishedCurve]) -> float:
        """The mean error of fresh releases that are measured and thrown away."""
        return float(np.mean([self.error(draw().predict(_days())) for _ in range(REPEATS)]))


def _days() -> Floats:
    return np.arange(HORIZON + 1, dtype=np.float64)


def _curves(cohort: _Cohort, ledger: Ledger) -> dict[str, Curve]:
    curves = {f"eps-{decimal(epsilon)}": cohort.release(epsilon, ledger) for epsilon in EPSILONS}
    grouped = cohort.spec(BY_SEX, groups=list(SEXES))
    curves["by-sex"] = grouped.count(cohort.times, cohort.events, group=cohort.sex).release(ledger=ledger)
    return curves


def _recipes(cohort: _Cohort, ledger: Ledger) -> dict[str, PublishedCurve]:
    from privlib.survival.published import DirectNoise

    nominal = DirectNoise(times=EVEN_TIMES, horizon=HORIZON, epsilon=NOMINAL, neighbours="replace")
    honest = DirectNoise(times=FOUR_TIMES, horizon=HORIZON, epsilon=CALIBRATED, neighbours="replace", calibrate=True)
    plans = {"nominal": nominal, "calibrated": honest}
    return {name: plan.count(cohort.times, cohort.events).release(ledger=ledger) for name, plan in plans.items()}


def _audit_table(trials: int) -> Audit:
    from privlib.audit import survival_audit

    return survival_audit(MAIN, neighbours="replace", trials=trials)


def _audit_published(trials: int) -> Audit:
    from privlib.audit import published_audit

    return published_audit(NOMINAL, points=len(EVEN_TIMES), trials=trials)


def _facts(
    cohort: _Cohort,
    curves: dict[str, Curve],
    recipes: dict[str, PublishedCurve],
    audits: dict[str, Audit],
    ledger: Ledger,
) -> dict[str, Any]:
    """Everything that the page says in numbers; the JSON report holds the same."""
    spent = ledger.spent
    main, by_sex = curves[f"eps-{decimal(MAIN)}"], curves["by-sex"]
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"privlib": __version__, "python": platform.python_version(), "numpy": np.__version__},
        "data": {
            "name": "NCCTG lung cancer cohort",
            "source": "lifelines.datasets.load_lung",
            "people": int(cohort.times.size),
            "events": int(cohort.events.sum()),
            "horizon": HORIZON,
            "last_day": int(cohort.times.max()),
        },
        "statement": [list(pair) for pair in facts(main)],
        "times": round_times(HORIZON, at_most=6, start=0),
        "until": UNTIL,
        "repeats": REPEATS,
        "exact": _exact_answers(cohort.exact),
        "curves": {
            decimal(epsilon): _curve_facts(cohort, curves[f"eps-{decimal(epsilon)}"], f"eps-{decimal(epsilon)}")
            for epsilon in EPSILONS
        },
        "by_sex": {
            **_certificate(by_sex, "by-sex"),
            "epsilon": decimal(BY_SEX),
            "bins": by_sex.spec.grid.bins,
            "groups": [
                {"label": sex, "meaning": meaning, "private": _answers(by_sex[sex]), "exact": _exact_answers(exact)}
                for (sex, meaning), exact in zip(SEXES.items(), cohort.exact_by_sex.values(), strict=True)
            ],
        },
        "published": {name: _recipe_facts(cohort, recipe, name) for name, recipe in recipes.items()},
        "audits": {name: _audit_facts(audit, AUDITS[name]) for name, audit in audits.items()},
        "sharing": sharing_facts(),
        "ledger": {
            "file": LEDGER,
            "population": ledger.population,
            "limit": decimal(ledger.limit),
            "spent": "0" if spent is None else decimal(spent.epsilon),
            "charges": len(ledger.charges()),
        },
    }


def _certificate(release: Curve | PublishedCurve, name: str) -> dict[str, Any]:
    return {
        "file": RELEASES[name],
        "bound": release.bound.to_dict(),
        "theorem": release.theorem,
        "secure": release.secure,
        "charge": None if release.head is None else dict(release.head),
    }


def _curve_facts(cohort: _Cohort, curve: Curve, name: str) -> dict[str, Any]:
    spec = curve.spec
    return {
        **_certificate(curve, name),
        **_answers(curve),
        **_odds(spec.epsilon),
        "epsilon": decimal(spec.epsilon),
        "bins": spec.grid.bins,
        "censor_bins": spec.grid.censor_bins,
        "scale": decimal(spec.law.scale),
        "error_predicted": spec.predicted_rmse,
        "error_seen": cohort.error(curve.predict(_days())),
        "error_usual": cohort.usual_error(lambda: cohort.release(spec.epsilon)),
    }


def _recipe_facts(cohort: _Cohort, recipe: PublishedCurve, name: str) -> dict[str, Any]:
    cost, scales = recipe.guarantee, recipe.plan.multipliers
    isotonic = type(recipe.plan).from_dict({**recipe.plan.to_dict(), "finish": "isotonic"})
    return {
        **_certificate(recipe, name),
        **_odds(cost.whole_curve_epsilon),
        "times": [decimal(time) for time in recipe.plan.times],
        "at_one_time": decimal(cost.per_point_epsilon),
        "whole_curve": decimal(cost.whole_curve_epsilon),
        "scale": decimal(scales[0] / recipe.plan.nominal),
        "survival": recipe.survival.tolist(),
        "error_seen": cohort.error(recipe.predict(_days())),
        "error_usual": cohort.usual_error(lambda: recipe.plan.count(cohort.times, cohort.events).release()),
        "error_isotonic": cohort.usual_error(lambda: isotonic.count(cohort.times, cohort.events).release()),
    }


def _audit_facts(audit: Audit, file: str) -> dict[str, Any]:
    return {
        "file": file,
        "title": audit.title,
        "claim": decimal(audit.claim.epsilon),
        "certified": audit.certified,
        "confidence": audit.confidence,
        "verdict": str(audit.verdict),
        "sentence": audit.sentence(),
        **{name: getattr(audit, name) for name in ("trials", "training", "tested", "correct", "secure")},
        "guesses": audit.made,
        **{name: getattr(audit, name) for name in ("pair", "rule", "reproduce", "seconds")},
    }


def _odds(epsilon: Fraction) -> dict[str, float]:
    """What an epsilon means for one who guesses between two records, rounded up."""
    odds = math.exp(epsilon)
    digits = 10.0 ** (math.floor(math.log10(odds)) - 2)
    return {"odds": math.ceil(odds / digits) * digits, "chance": math.ceil(1000 * odds / (1 + odds)) / 1000}


def _answers(curve: Curve) -> dict[str, Any]:
    times = round_times(HORIZON, at_most=6, start=0)
    lower, upper = curve.band(times)
    area = curve.rmst(UNTIL)
    return {
        "survival": curve.predict(times).tolist(),
        "band": [lower.tolist(), upper.tolist()],
        "at_risk": curve.at_risk(times).tolist(),
        "median": curve.median_survival_time_,
        "median_interval": list(curve.percentile_interval(0.5)),
        "rmst": area.value,
        "rmst_interval": list(area.interval(0.95)),
    }


def _exact_answers(exact: Fit) -> dict[str, Any]:
    """The same of the exact counts; the intervals are the usual non-private ones."""
    from privlib.survival import Estimate

    times = np.array(round_times(HORIZON, at_most=6, start=0))
    lower, upper = exact.band(times.astype(np.float64), 0.95)
    value, variance = exact.restricted_mean(UNTIL)
    return {
        "survival": exact.at(exact.survival, times).tolist(),
        "band": [lower.tolist(), upper.tolist()],
        "at_risk": exact.at(exact.at_risk, times).tolist(),
        "median": exact.first_at_or_below(exact.survival, 0.5),
        "median_interval": list(exact.first_limits_at_or_below(0.5, 0.95)),
        "rmst": value,
        "rmst_interval": list(Estimate(value, variance**0.5, (0.0, float(UNTIL))).interval(0.95)),
    }


def _exactly(value: Any) -> Any:
    """Floats as their shortest text, as canonical JSON has them."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {str(key): _exactly(inner) for key, inner in value.items()}
    return [_exactly(inner) for inner in value] if isinstance(value, list) else value


@contextmanager
def _assembled(out: Path, names: list[str]) -> Generator[Path]:
    """A hidden folder inside the given one; what is whole at the end moves out of it, file by file."""
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(out))
    _refuse_foreign_ledger(out / LEDGER)
    out.mkdir(parents=True, exist_ok=True)
    check_outputs([out / name for name in names], inputs=[])
    work = Path(tempfile.mkdtemp(prefix=".privlib-demo-", dir=out))
    try:
        yield work
        for name in sorted(names, key=lambda name: name == "index.html"):
            (work / name).replace(out / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _refuse_foreign_ledger(file: Path) -> None:
    """A ledger is never removed, except the demo's own."""
    if not os.path.lexists(file):
        return
    from privlib.budget import Ledger

    if Ledger(file).population != POPULATION:
        raise LedgerError(f"{file} is the ledger of somebody else and is never replaced: give another --out")


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{what} ...", err=True)

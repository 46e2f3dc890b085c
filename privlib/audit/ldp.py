"""Ready audits of local reports: an exact worst pair of records, and the exact likelihood ratio of whole reports.

A rule that looks at one attribute only cannot see what RS+FD leaks: every attribute favours the true record a little, and
together they do by the full odds. So the ratio is that of the tuple.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import log
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from privlib.audit.engine import run
from privlib.audit.ldp_rows import Decoded, shares_of
from privlib.audit.pairs import Pair
from privlib.bounds import Bound, Neighbours, Real
from privlib.errors import InvalidInput
from privlib.ldp.calibrate import Calibration, Level
from privlib.ldp.domain import Domain
from privlib.ldp.oracles import Grr
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.spec import Spec
from privlib.ldp.wire import Layout

if TYPE_CHECKING:
    from privlib.audit.engine import Progress
    from privlib.audit.likelihood import Ratio
    from privlib.audit.result import Audit

__all__ = ["ldp_audit", "ldp_claim", "ldp_pair", "ldp_ratio", "published_ldp_audit"]

Floats = NDArray[np.float64]
Rows = NDArray[np.uint8]
Record = tuple[int, ...]
_TRAINING_SHARE, _LEAST_TRAINING = 16, 50  # the ratio is known: training only says from which value on to guess
_LARGEST = 10**300


def ldp_audit(
    spec: Spec | None = None,
    *,
    epsilon: Real | None = None,
    protocol: str | None = None,
    level: Level | None = None,
    trials: int = 200_000,
    confidence: Real = "0.999",
    anytime: bool = False,
    max_seconds: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Audit local reports: randomise two records that tell most, guess by the exact likelihood ratio of the whole report.

    Parameters
    ----------
    spec : Spec, optional
        The plan. By default one for three attributes of two, three and four values.
    epsilon, protocol : rational > 0 and str, optional
        Of the default plan: 1 and RS+FD[OUE-z], unless said otherwise.
    level : {"record", "attribute"}, optional
        Between which records. By default what the plan's cap means; for ``calibration="paper"`` any two, as published.
    trials : int
        Reports about both records together.
    confidence : rational
        One minus the chance of certifying more than the truth.
    anytime, max_seconds, seed, progress
        As for `privlib.audit.run`.

    Returns
    -------
    Audit
        Of the claim that `ldp_claim` gives.

    Raises
    ------
    InvalidInput
        For a plan with odds beyond 1e300, which floats cannot hold, or arguments out of range.

    Examples
    --------
    >>> spec = Spec(Domain({"a": [0, 1], "b": [0, 1]}), "rsfd-grr", level="record", odds=3, calibration="paper")
    >>> ldp_audit(spec, trials=20_000).verdict
    <Verdict.VIOLATION: 'violation'>
    """
    options: dict[str, Any] = {"anytime": anytime, "max_seconds": max_seconds, "seed": seed, "progress": progress}
    if spec is None:
        cap, name = 1 if epsilon is None else epsilon, protocol or "rsfd-oue-z"
        where = level or "record"
        plan, given, which = _example(name, cap, where), f"epsilon={str(cap)!r}, protocol={name!r}", ""
    elif epsilon is None and protocol is None:
        plan, where, given, which = spec, _level(spec, level), "spec", f"  # the plan with fingerprint {spec.fingerprint[:16]}"
    else:
        raise InvalidInput("a plan has its own protocol and cap: give spec, or epsilon and protocol")
    named = f"level={where!r}, trials={trials}, confidence={str(confidence)!r}, seed={seed}"
    call = f"privlib.audit.ldp_audit({given}, {named}){which}"
    return _audited(plan, where, trials=trials, confidence=confidence, reproduce=call, **options)


def published_ldp_audit(
    epsilon: Real = 1,
    *,
    protocol: str = "rsfd-grr",
    trials: int = 200_000,
    confidence: Real = "0.999",
    anytime: bool = False,
    max_seconds: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Audit:
    """Audit RS+FD at the published odds of arXiv 2109.07269, against its claim between any two records.

    Parameters
    ----------
    epsilon : rational > 0
        The published claim.
    protocol : str
        One of RS+FD's.
    trials : int
        Reports about both records together.
    confidence : rational
        One minus the chance of certifying more than the truth.
    anytime, max_seconds, seed, progress
        As for `privlib.audit.run`.

    Returns
    -------
    Audit
        Three attributes of two, three and four values.
    """
    plan = _example(protocol, epsilon, "record", calibration="paper")
    named = f"epsilon={str(epsilon)!r}, protocol={protocol!r}, trials={trials}, confidence={str(confidence)!r}, seed={seed}"
    options: dict[str, Any] = {"anytime": anytime, "max_seconds": max_seconds, "seed": seed, "progress": progress}
    call = f"privlib.audit.published_ldp_audit({named})"
    return _audited(plan, "record", trials=trials, confidence=confidence, reproduce=call, **options)


def _example(protocol: str, epsilon: Real, level: Level, *, calibration: Calibration = "exact") -> Spec:
    domain = Domain({"two": range(2), "three": range(3), "four": range(4)})
    return Spec(domain, protocol, level=level, epsilon=epsilon, calibration=calibration)


def _audited(plan: Spec, level: Level, *, trials: int, **options: Any) -> Audit:
    if plan.guarantee().record > _LARGEST:
        raise InvalidInput("the plan's odds are beyond 1e300: no audit can come near them")
    pair, published = ldp_pair(plan, level), plan.calibration == "paper"
    mechanism = _Randomise(plan)
    found = run(
        mechanism,
        claim=ldp_claim(plan, level),
        pair=pair,
        trials=trials,
        training=max(_LEAST_TRAINING, trials // _TRAINING_SHARE),
        llr=ldp_ratio(plan, pair),
        batch=True,
        title=f"local reports: {plan.protocol}{' at the published odds' if published else ''}",
        theorem="ldp.t6" if published and level == "record" else "ldp.t1",
        **options,
    )
    return replace(found, secure=mechanism.secure)


class _Randomise:
    """``f(record, n)``: n reports about one record, made the way a user makes them."""

    def __init__(self, spec: Spec) -> None:
        self.spec, self.secure = spec, True

    def __call__(self, record: Record, n: int) -> Rows:
        domain = self.spec.domain
        labels = [labelled[place] for labelled, place in zip(domain.labels, record, strict=True)]
        alike = {name: np.full(n, label) for name, label in zip(domain.names, labels, strict=True)}
        reports = self.spec.randomise(alike)
        self.secure = self.secure and reports.secure
        return reports.rows


def _level(spec: Spec, level: Level | None) -> Level:
    if level is not None:
        if level not in get_args(Level):
            raise InvalidInput(f"level must be 'record' or 'attribute', got {str(level)[:40]!r}")
        return level
    return "record" if spec.calibration == "paper" or spec.record_cap is not None else "attribute"


def ldp_claim(spec: Spec, level: Level) -> Bound:
    """What a plan claims: the published claim, else its cap, else its exact guarantee.

    Parameters
    ----------
    spec : Spec
        The plan.
    level : {"record", "attribute"}
        Between which records.

    Returns
    -------
    Bound
        Pure, of odds.
    """
    told = spec.guarantee()
    if level == "record":
        return Bound.pure(odds=told.published or spec.record_cap or told.record, neighbours=Neighbours.RECORD)
    cap = spec.attribute_cap if spec.calibration == "exact" else None
    return Bound.pure(odds=cap or told.attribute, neighbours=Neighbours.ATTRIBUTE)


def ldp_pair(spec: Spec, level: Level) -> Pair:
    """Give two records between which some report attains the exact guarantee.

    Parameters
    ----------
    spec : Spec
        The plan.
    level : {"record", "attribute"}
        Whether they may differ everywhere, or in one attribute: the one that leaks most.

    Returns
    -------
    Pair
        Of tuples of int, the places of the values among their labels.
    """
    told = spec.guarantee()
    moves = [_extremes(part, spec.scheme) for part in spec.parts]
    if level == "record":
        # Of a sum of highs over a sum of lows whose largest value is known, each attribute maximises high - value * low.
        best = [max(listed, key=lambda move: move[0] - told.record * move[1]) for listed in moves]
        words = f"two records that differ in all {len(best)} attributes"
        return Pair(tuple(move[2] for move in best), tuple(move[3] for move in best), Neighbours.RECORD, words)
    worst = told.attributes.index(told.attribute)
    rest = sum((min(low for _, low, _, _ in listed) for j, listed in enumerate(moves) if j != worst), Fraction(0))
    chosen = max(moves[worst], key=lambda move: (move[0] + rest) / (move[1] + rest))
    others = [min(listed, key=lambda move: move[1])[3] for listed in moves]  # what the lowest report speaks against
    first, second = ((*others[:worst], value, *others[worst + 1 :]) for value in chosen[2:])
    return Pair(first, second, Neighbours.ATTRIBUTE, f"two records that differ in {spec.domain.names[worst]} alone")


def _extremes(part: Part, scheme: Scheme) -> list[tuple[Fraction, Fraction, int, int]]:
    """What a report gives to the value that it supports and to another, weighted, with these two values."""
    likely = 0 if part.fake is None else part.fake.index(max(part.fake))
    rare = 1 if part.fake is None or part.uniform else part.fake.index(min(part.fake))
    if scheme is not Scheme.RSFD:
        return [(part.oracle.odds, Fraction(1), 0, 1)]
    high, low, fake = shares_of(part)
    if part.fake is None or isinstance(part.oracle, Grr):
        means = (Fraction(1), Fraction(1)) if part.fake is None else (part.fake[likely], part.fake[rare])
    else:  # all bits are set but that of the rare value; or that alone
        least, step = fake[0], fake[1] - fake[0]
        means = (least + step * (1 - part.fake[rare]), least + step * part.fake[rare])
    ends = ((likely, rare), (rare, likely))
    return [
        (part.weight * high / mean, part.weight * low / mean, first, second)
        for mean, (first, second) in zip(means, ends, strict=True)
    ]


def ldp_ratio(spec: Spec, pair: Pair) -> Ratio:
    """The exact log-likelihood ratio of a pair's two records given the rows of reports.

    Parameters
    ----------
    spec : Spec
        The plan.
    pair : Pair
        Of records, as `ldp_pair` gives it.

    Returns
    -------
    callable
        From uint8 rows, shape (n, width), to the logarithms of P(report | second) / P(report | first), shape (n,).
    """
    layout = Layout(spec.scheme, spec.parts)
    first, second = (_record(spec, each) for each in (pair.first, pair.second))

    def ratio(outputs: Any) -> Floats:
        seen = Decoded(layout, np.asarray(outputs, dtype=np.uint8))
        if spec.scheme is Scheme.RSFD:
            return np.asarray(np.log(seen.mass(second)) - np.log(seen.mass(first)))
        total = np.zeros(len(seen))
        for j, part in enumerate(spec.parts):
            leaning = seen.supports(j, second[j]).astype(np.float64) - seen.supports(j, first[j])
            total += np.where(seen.speaks_of(j), leaning, 0) * log(part.oracle.odds)
        return total

    return ratio


def _record(spec: Spec, given: Any) -> Record:
    record = tuple(given)
    if len(record) != len(spec.parts) or any(not 0 <= x < part.size for x, part in zip(record, spec.parts, strict=True)):
        raise InvalidInput("a record of the pair must be the places of its values, one for each attribute")
    return record

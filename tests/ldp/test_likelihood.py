"""The joint likelihood is what it says, is climbed to the top, and the estimates there are better than clipped ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from privlib.errors import InvalidInput, Mismatch
from privlib.ldp import Domain, Spec, columns, likelihood
from privlib.ldp.aggregate import count
from privlib.ldp.likelihood import maximum_likelihood
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Subset, Unary
from privlib.ldp.parts import PROTOCOLS, Part, Scheme
from privlib.ldp.reports import Reports
from privlib.ldp.wire import Layout
from tests.ldp.simulate import simulate, zipf

Floats = NDArray[np.float64]
SIZES = (3, 13, 4)


def plan(protocol: str, sizes: tuple[int, ...] = SIZES, odds: int = 4, **more: Any) -> Spec:
    domain = Domain({f"a{place}": list(range(size)) for place, size in enumerate(sizes)})
    priors = [[f"{x + 1}/{k * (k + 1) // 2}" for x in range(k)] for k in sizes] if protocol.startswith("rsrfd") else None
    return Spec(domain, protocol, level="attribute", odds=odds, priors=priors, **more)


def some(spec: Spec, n: int, seed: int = 1) -> Reports:
    rng = np.random.default_rng(seed)
    return simulate(spec, zipf(rng, n, spec.domain.sizes), rng)


def chance(part: Part, symbol: int, bits: list[int], value: int | None) -> float:
    """Of one attribute's report, given the value or None for a fake, from the oracle's definition; constants left out."""
    oracle = part.oracle
    if value is None and part.fake is not None:
        return (
            sum(float(own) * chance(part, symbol, bits, x) for x, own in enumerate(part.fake))
            if isinstance(oracle, Unary)
            else float(part.fake[symbol])
        )
    match oracle:
        case Grr():
            return float(oracle.hit if symbol == value else oracle.miss)
        case Unary():
            ones = [float(oracle.hit if x == value else oracle.miss) for x in range(oracle.size)]
            return float(np.prod([one if bit else 1 - one for one, bit in zip(ones, bits, strict=True)]))
        case Subset():
            return float(oracle.odds) if value is not None and bits[value] else 1.0
        case LocalHash(_, _, g):
            number, bucket = divmod(symbol, g)
            own = sum((number // g**i % g) * ((value or 0) // g**i % g) for i in range(oracle.digits)) % g
            return float(oracle.odds) if own == bucket else 1.0
        case Hadamard():
            return float(oracle.odds) if (((value or 0) + 1) & symbol).bit_count() % 2 == 0 else 1.0


def slow(spec: Spec, reports: Reports, value: list[Floats]) -> float:
    """The log-likelihood, report by report; under RS+FD less that of fakes throughout."""
    layout, total = Layout(spec.scheme, spec.parts), 0.0
    for report in map(bytes, reports.rows):
        symbols, bits, told = layout.read(report)
        own = [[bits >> (layout.bit_offsets[j] + x) & 1 for x in range(part.size)] for j, part in enumerate(spec.parts)]
        ratios = []
        for j, part in enumerate(spec.parts):
            if told in (None, j):
                mean = sum(value[j][x] * chance(part, symbols[j], own[j], x) for x in range(part.size))
                ratios.append(mean / chance(part, symbols[j], own[j], None) if spec.scheme is Scheme.RSFD else mean)
        if spec.scheme is Scheme.RSFD:
            total += np.log(sum(float(part.weight) * ratio for part, ratio in zip(spec.parts, ratios, strict=True)))
        else:
            total += float(np.log(ratios).sum())
    return total


def random_laws(spec: Spec, rng: np.random.Generator) -> list[Floats]:
    return [rng.dirichlet(np.ones(part.size)) for part in spec.parts]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_likelihood_is_that_of_the_reports(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Differences of log-likelihoods, for constants are left out on either side; and blocks do not matter."""
    monkeypatch.setattr(likelihood, "_BLOCK", 16)
    monkeypatch.setattr(columns, "_BITS", 5)
    spec, rng = plan(protocol), np.random.default_rng(2)
    reports = some(spec, 60)
    one, two = random_laws(spec, rng), random_laws(spec, rng)
    found = 0.0
    for attributes, read, times in columns.grouped(spec, reports):
        points = [likelihood._evaluate(read, times, [law[j] for j in attributes]) for law in (one, two)]
        found += points[0].log_likelihood - points[1].log_likelihood
        nudge = [1e-6 * (b - a) for a, b in zip(points[0].value, points[1].value, strict=True)]
        near = likelihood._evaluate(read, times, [a + step for a, step in zip(points[0].value, nudge, strict=True)])
        slope = sum(float(own @ step) for own, step in zip(points[0].gradient, nudge, strict=True))
        assert abs(near.log_likelihood - points[0].log_likelihood - slope) < 1e-7, "the gradient is wrong"
    assert abs(found - (slow(spec, reports, one) - slow(spec, reports, two))) < 1e-8


@given(st.sampled_from(PROTOCOLS), st.integers(0, 2**32))
def test_p8_the_likelihood_never_decreases_and_the_gap_bounds_what_is_left(protocol: str, seed: int) -> None:
    spec = plan(protocol, (3, 4), odds=6)
    found = maximum_likelihood(spec, some(spec, 150, seed), tolerance="1e-4")
    assert found.converged
    for path in found.path:
        assert (np.diff(path) >= -1e-9 * np.abs(path[:-1])).all()
    for law in found.value:
        assert abs(law.sum() - 1) < 1e-12
        assert (law >= 0).all()
    rng = np.random.default_rng(seed)
    reports = some(spec, 150, seed)
    for _ in range(5):
        near = [0.9 * own + 0.1 * other for own, other in zip(found.value, random_laws(spec, rng), strict=True)]
        total = 0.0
        for attributes, read, times in columns.grouped(spec, reports):
            total += likelihood._evaluate(read, times, [near[j] for j in attributes]).log_likelihood
        assert total <= found.log_likelihood + found.gap + 1e-9


def test_p8_one_attribute_alone_has_the_marginal_maximum() -> None:
    """Of GRR the maximum is known: counts are filled up to one level, ``f = max(0, c / level - 1 / (odds - 1))``."""
    for protocol in ("spl-grr", "smp-grr"):
        spec = plan(protocol, (12, 3))
        reports = some(spec, 400)
        found = maximum_likelihood(spec, reports, tolerance="1e-9")
        for part, own, counts in zip(spec.parts, found.value, count(spec, reports).supports, strict=True):
            floor = 1 / float(part.oracle.odds - 1)
            low, high = 1e-9, float(counts.sum()) / floor
            for _ in range(200):
                level = (low + high) / 2
                low, high = (level, high) if np.maximum(counts / level - floor, 0).sum() > 1 else (low, level)
            assert np.abs(own - np.maximum(counts / low - floor, 0)).max() < 1e-5
        assert found.gap < 1e-2


def test_p8_an_attribute_that_is_nearly_always_drawn_has_its_own_maximum() -> None:
    sizes, odds = (5, 3), 6
    weights = (1 - 1e-7, 1e-7)
    spec = Spec(Domain({"a": list(range(5)), "b": list(range(3))}), "rsfd-grr", level="record", odds=odds, weights=weights)
    alone = Spec(Domain({"a": list(range(5))}), "spl-grr", level="record", odds=odds)
    rng = np.random.default_rng(5)
    records = zipf(rng, 800, sizes)
    reports = simulate(spec, records, rng)
    only = Reports(alone, reports.rows % 5)
    together, single = maximum_likelihood(spec, reports), maximum_likelihood(alone, only)
    assert np.abs(together["a"] - single["a"]).max() < 1e-4


def test_repeated_reports_are_read_once_and_counted_often() -> None:
    spec = plan("rsfd-grr")
    reports = some(spec, 100)
    once, thrice = maximum_likelihood(spec, reports), maximum_likelihood(spec, reports + reports + reports)
    assert thrice.reports == 300
    assert abs(thrice.log_likelihood - 3 * once.log_likelihood) < 1e-6
    assert np.abs(once["a1"] - thrice["a1"]).max() < 1e-5
    ((_, read, times),) = columns.grouped(spec, reports + reports)
    assert times.sum() == 200
    assert read[0].codes[0].size == times.size <= 100


def test_better_than_clipped_estimates_on_the_same_reports() -> None:
    """The claims run 100 repeats (tests/claims_ldp_estimates.py); ten with a fixed seed already show the order."""
    spec = plan("rsfd-sue-z", (10,) * 5, odds=7, calibration="paper")
    rng, joint, clipped = np.random.default_rng(9), 0.0, 0.0
    for _ in range(10):
        records = zipf(rng, 15_000, (10,) * 5)
        reports = simulate(spec, records, rng)
        truth = np.stack([np.bincount(column, minlength=10) for column in records.T]) / len(records)
        joint += ((np.stack(maximum_likelihood(spec, reports).value) - truth) ** 2).mean()
        shown = count(spec, reports).estimate(interval="wald").projected("clip")
        clipped += ((np.stack([one.value for one in shown.values()]) - truth) ** 2).mean()
    assert clipped / joint > 1.1


def test_the_climb_stops_where_it_is_told() -> None:
    spec = plan("rsfd-oue-z")
    reports = some(spec, 500)
    short = maximum_likelihood(spec, reports, most=2)
    assert not short.converged
    assert short.iterations == 2
    assert short.log_likelihood <= maximum_likelihood(spec, reports).log_likelihood
    assert short.gap > 0


def test_what_cannot_be_estimated_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = plan("smp-olh")
    with pytest.raises(Mismatch):
        maximum_likelihood(plan("smp-grr"), some(spec, 5))
    with pytest.raises(InvalidInput, match="no report speaks of"):
        maximum_likelihood(spec, some(spec, 1))
    with pytest.raises(InvalidInput, match="tolerance"):
        maximum_likelihood(spec, some(spec, 50), tolerance=0)
    with pytest.raises(InvalidInput, match="there is no attribute"):
        _ = maximum_likelihood(spec, some(spec, 50))["b"]
    monkeypatch.setattr(columns, "_LARGEST_TABLE", 4)
    with pytest.raises(InvalidInput, match="too much memory"):
        maximum_likelihood(spec, some(spec, 50))

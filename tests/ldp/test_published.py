"""The paper's procedure: its curves come out again, by a simulation that has the law of the real thing, with their true cost."""

from __future__ import annotations

from fractions import Fraction as F
from typing import Any

import numpy as np
import pytest

from privlib.errors import InvalidInput
from privlib.ldp import Domain, Spec
from privlib.ldp.published import PAPER, Point, figure, procedure, simulate, study
from privlib.ldp.published_shapes import ADULT, NURSERY, Shape, even_shape

SYNTHETIC = even_shape(50_000, [10] * 10)
KNOWN = {
    "synthetic": {
        "rsfd-grr": "7.14e-4 4.02e-4 3.11e-4 2.77e-4 2.55e-4 2.44e-4",
        "rsfd-oue-z": "8.41e-4 4.17e-4 2.90e-4 2.15e-4 1.81e-4 1.55e-4",
        "rsfd-oue-r": "1.16e-3 7.48e-4 6.08e-4 5.56e-4 5.26e-4 4.85e-4",
        "rsfd-adp": "7.16e-4 3.99e-4 2.88e-4 2.19e-4 1.81e-4 1.57e-4",
        "spl-adp": "8.30e-3 4.90e-3 3.49e-3 2.74e-3 2.26e-3 1.92e-3",
        "smp-adp": "1.54e-3 6.33e-4 3.34e-4 2.23e-4 1.61e-4 1.28e-4",
    },
    "nursery": {
        "rsfd-grr": "2.39e-3 1.74e-3 1.62e-3 1.57e-3 1.42e-3 1.34e-3",
        "rsfd-oue-z": "2.49e-3 1.36e-3 9.8e-4 7.4e-4 6.5e-4 6.0e-4",
        "rsfd-oue-r": "4.58e-3 3.25e-3 3.17e-3 3.11e-3 3.04e-3 2.99e-3",
        "rsfd-adp": "2.35e-3 1.24e-3 9.2e-4 7.5e-4 6.2e-4 6.1e-4",
        "spl-adp": "2.64e-2 1.12e-2 7.3e-3 5.4e-3 4.0e-3 3.6e-3",
        "smp-adp": "2.74e-3 1.04e-3 6.2e-4 4.7e-4 3.9e-4 3.5e-4",
    },
    "adult": {
        "rsfd-grr": "8.3e-4 4.8e-4 3.7e-4 3.2e-4 3.1e-4 3.1e-4",
        "rsfd-oue-z": "8.9e-4 4.7e-4 3.3e-4 2.6e-4 2.2e-4 1.9e-4",
        "rsfd-adp": "7.6e-4 4.4e-4 3.1e-4 2.6e-4 2.1e-4 1.8e-4",
        "smp-adp": "1.20e-3 5.0e-4 3.2e-4 2.2e-4 1.8e-4 1.4e-4",
        "spl-adp": "7.0e-3 3.3e-3 2.4e-3 1.8e-3 1.6e-3 1.4e-3",
    },
}
"""Mean squared errors at e^epsilon = 2, ..., 7, from another program's 100 (Adult: 60) runs, each with an error of its own."""
SHAPES = {"synthetic": (SYNTHETIC, 0.05), "nursery": (NURSERY, 0.05), "adult": (ADULT, 0.12)}


def known(data: str, protocol: str) -> list[float]:
    return [float(text) for text in KNOWN[data][protocol].split()]


@pytest.mark.parametrize(("data", "protocol"), [(data, protocol) for data, curves in KNOWN.items() for protocol in curves])
def test_the_curves_come_out_again(data: str, protocol: str) -> None:
    """As a mean over its points a curve is right; a single point also has the error of those who ran it only 100 times."""
    shape, within = SHAPES[data]
    points = study(shape.domain, shape.people, protocols=[protocol], runs=200, generator=np.random.default_rng(1))
    ratios = [point.error / there for point, there in zip(points, known(data, protocol), strict=True)]
    assert abs(np.exp(np.mean(np.log(ratios))) - 1) < within
    for ratio, point in zip(ratios, points, strict=True):
        spread = point.standard_error / point.error * (point.runs / (60 if data == "adult" else 100)) ** 0.5
        assert abs(ratio - 1) < 4 * spread + 0.02  # and that of two digits


def person_by_person(spec: Spec, values: Any, generator: np.random.Generator) -> float:
    """One experiment as the paper runs it: people, groups, reports, counts; randomised response and unary encoding."""
    n, d = values.shape
    group = generator.permutation(np.arange(n) % d)
    error = 0.0
    for place, part in enumerate(spec.parts):
        k, hit, miss = part.size, float(part.oracle.hit), float(part.oracle.miss)
        own, mine = values[:, place], group == place
        one_hot = np.eye(k, dtype=bool)[own]
        fakes = np.eye(k, dtype=bool)[generator.integers(k, size=n)]
        if spec.protocol == "rsfd-grr":
            other = (own + generator.integers(1, k, size=n)) % k
            said = np.where(generator.random(n) < hit, own, other)
            seen, fake = np.where(mine[:, None], np.eye(k, dtype=bool)[said], fakes), 1 / k
        else:
            shown = np.where(mine[:, None], one_hot, fakes & (spec.protocol == "rsfd-oue-r"))
            seen = generator.random((n, k)) < np.where(shown, hit, miss)
            fake = miss + (hit - miss) / k * (spec.protocol == "rsfd-oue-r")
        share = mine.mean()
        raw = (seen.mean(axis=0) - share * miss - (1 - share) * fake) / (share * (hit - miss))
        kept = np.maximum(raw, 0)
        error += float(np.mean((kept / kept.sum() - one_hot.mean(axis=0)) ** 2)) / d
    return error


@pytest.mark.parametrize("protocol", ["rsfd-grr", "rsfd-oue-z", "rsfd-oue-r"])
def test_simulated_counts_have_the_law_of_people_who_report(protocol: str) -> None:
    """Means of two samples differ by less than 6 standard errors: a false alarm has a chance below 1e-8."""
    generator = np.random.default_rng(7)
    values = np.stack([np.repeat([0, 1, 2], [240, 90, 30]), np.tile([0, 1], 180)], axis=1)
    spec = procedure({"a": [0, 1, 2], "b": [0, 1]}, protocol, 4)
    one_by_one = [person_by_person(spec, values, generator) for _ in range(1500)]
    point = simulate(spec, [[240, 90, 30], [180, 180]], runs=1500, generator=generator)
    spread = float(np.std(one_by_one)) / 1500**0.5
    assert abs(point.error - np.mean(one_by_one)) < 6 * (spread**2 + point.standard_error**2) ** 0.5


def test_every_point_tells_its_true_cost_beside_the_claim() -> None:
    points = study(NURSERY.domain, NURSERY.people, odds=[3], runs=2, generator=np.random.default_rng(1))
    assert [point.protocol for point in points] == list(PAPER)
    for point in points:
        assert point.claimed == 3
        if point.protocol.startswith("rsfd"):
            assert not point.holds
            assert point.guarantee.record > F("18.99")  # 9 (3 - 1) + 1, or less where a root was rounded down
            assert point.guarantee.published == 3
        else:
            assert point.holds
    assert {point.protocol: point.guarantee.attribute for point in points}["rsfd-oue-z"] == 3


def test_the_shapes_are_those_of_the_data() -> None:
    assert (ADULT.n, NURSERY.n, SYNTHETIC.n) == (45222, 12960, 50_000)
    assert ADULT.domain.sizes == (7, 16, 7, 14, 6, 5, 2, 41, 2)
    assert NURSERY.domain.sizes == (3, 5, 4, 4, 3, 2, 3, 3, 5)
    for shape in (ADULT, NURSERY, SYNTHETIC):
        assert {sum(own) for own in shape.people} == {shape.n}


def test_a_run_in_which_all_is_clipped_is_uniform_and_no_division_by_zero() -> None:
    shape = even_shape(4, [2, 2])
    point = simulate(procedure(shape.domain, "rsfd-oue-z", "1.01"), shape.people, runs=200, generator=np.random.default_rng(1))
    assert 0 <= point.error <= 1


def test_the_figure_has_both_axes() -> None:
    points = study({"a": [1, 2], "b": [1, 2]}, [[5, 5], [4, 6]], odds=[2, 3], runs=2, generator=np.random.default_rng(1))
    drawn = figure(points, title="ten people")
    claimed, true = drawn.axes
    assert len(claimed.lines) == len(true.lines) == len(PAPER)
    for left, right, protocol in zip(claimed.lines, true.lines, PAPER, strict=True):
        shift = np.asarray(right.get_xdata(), dtype=float) - np.asarray(left.get_xdata(), dtype=float)
        assert (shift > 0.3).all() if protocol.startswith("rsfd") else (abs(shift) < 1e-3).all()


@pytest.mark.parametrize(
    "people",
    [
        [[5, 5]],
        [[5, 5], [5, 6]],
        [[5, 5, 0], [5, 5]],
        [[-1, 11], [5, 5]],
        [[5.0, 5.0], [5, 5]],
        [[1, 0], [0, 1]],
        [[[5, 5]], [5, 5]],
    ],
)
def test_counts_that_are_none_are_refused(people: Any) -> None:
    spec = procedure({"a": [1, 2], "b": [1, 2]}, "rsfd-grr", 3)
    with pytest.raises(InvalidInput):
        simulate(spec, people, generator=np.random.default_rng(1))


def test_other_protocols_and_too_few_runs_are_refused() -> None:
    shape: Shape = even_shape(10, [2, 2])
    with pytest.raises(InvalidInput, match="the paper's protocols"):
        simulate(procedure(shape.domain, "smp-ss", 3), shape.people, generator=np.random.default_rng(1))
    with pytest.raises(InvalidInput, match="runs"):
        simulate(procedure(shape.domain, "smp-grr", 3), shape.people, runs=1, generator=np.random.default_rng(1))
    skewed = Spec(Domain({"a": [1, 2], "b": [1, 2]}), "rsrfd-grr", level="record", odds=3, priors=[["0.9", "0.1"]] * 2)
    with pytest.raises(InvalidInput, match="uniform fakes"):
        simulate(skewed, shape.people, generator=np.random.default_rng(1))


def test_a_point_is_a_value() -> None:
    told = procedure({"a": [1, 2], "b": [1, 2]}, "rsfd-grr", 3).guarantee()
    assert Point("rsfd-grr", F(3), told, 0.1, 0.01, 5).holds is False

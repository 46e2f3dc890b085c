"""Estimates: unbiased, with intervals whose coverage is computed and not simulated, and projections that say what they cost."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, hypergeom

from privlib.errors import InvalidInput
from privlib.ldp import Domain, Spec
from privlib.ldp.aggregate import Counts
from privlib.ldp.covariance import covariance, matrix
from privlib.ldp.estimate import estimate, rates, variance
from privlib.ldp.intervals import clopper_pearson, exact_limits, wald
from privlib.ldp.oracles import Grr
from privlib.ldp.parts import Part
from privlib.ldp.project import project
from tests.ldp.simulate import simulate, zipf

ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)
FREQUENCIES = [0, 0.001, 0.02, 0.1, 0.3, 0.5, 0.8, 0.97, 0.999, 1]


def plan(protocol: str, sizes: tuple[int, ...], odds: int = 3, **more: Any) -> Spec:
    return Spec(Domain({f"a{j}": list(range(k)) for j, k in enumerate(sizes)}), protocol, level="attribute", odds=odds, **more)


def counted(spec: Spec, n: int, seed: int = 3) -> Counts:
    rng = np.random.default_rng(seed)
    return spec.count(simulate(spec, zipf(rng, n, spec.domain.sizes), rng))


@pytest.mark.parametrize(
    ("protocol", "sizes", "attribute", "n", "share", "known"),
    [
        ("rsfd-grr", (10,) * 10, 0, 50_000, "1/10", "81/200000"),
        ("rsfd-oue-z", (10,) * 10, 0, 50_000, "1/10", "2299/5000000"),
        ("rsfd-oue-r", (10,) * 10, 0, 50_000, "1/10", "1/1250"),
        ("rsfd-grr", ADULT, 7, 45_222, "0", "22439/50678788"),
        ("rsfd-oue-z", ADULT, 7, 45_222, "0", "19/45222"),
        ("rsfd-oue-r", ADULT, 7, 45_222, "0", "12593/25339394"),
        ("rsfd-grr", ADULT, 8, 45_222, "0", "33/60296"),
        ("rsfd-oue-r", ADULT, 8, 45_222, "0", "25/15074"),
    ],
)
def test_published_variances_are_exact(  # noqa: PLR0917  # a row of the table above
    protocol: str, sizes: tuple[int, ...], attribute: int, n: int, share: str, known: str
) -> None:
    spec = plan(protocol, sizes, calibration="paper")
    assert variance(spec, attribute, 0, Fraction(share), reports=n, target="population") == Fraction(known)


@given(
    st.tuples(st.integers(2, 3), st.integers(2, 3)),
    st.fractions(Fraction(9, 8), 5, max_denominator=9),
    st.fractions(Fraction(1, 9), Fraction(8, 9), max_denominator=9),
    st.integers(1, 5),
)
def test_p3_estimates_are_unbiased_with_the_stated_variances(
    sizes: tuple[int, int], odds: Fraction, weight: Fraction, skew: int
) -> None:
    """RS+FD of two attributes by GRR with any fakes, two people; all oracles and schemes stand in proofs/ldp/t4_estimators.py."""
    fakes = [tuple(Fraction(skew if x == 0 else 1, skew + k - 1) for x in range(k)) for k in sizes]
    parts = [Part(Grr(k, odds), w, fake) for k, w, fake in zip(sizes, (weight, 1 - weight), fakes, strict=True)]
    domain = Domain({f"a{j}": list(range(k)) for j, k in enumerate(sizes)})
    spec = Spec.of_parts(domain, parts, scheme="rsfd", record_cap=Fraction(1000))
    people = [(0, 1), (sizes[0] - 1, 1)]
    outcomes = list(itertools.product(*map(range, sizes)))

    def chance(report: tuple[int, ...], record: tuple[int, ...]) -> Fraction:
        own = [p.oracle.hit if y == v else p.oracle.miss for p, y, v in zip(parts, report, record, strict=True)]
        return weight * own[0] * fakes[1][report[1]] + (1 - weight) * own[1] * fakes[0][report[0]]

    mean, square, total = Fraction(0), Fraction(0), Fraction(0)
    for one, two in itertools.product(outcomes, repeat=2):
        own = chance(one, people[0]) * chance(two, people[1])
        supports = tuple(np.bincount([one[j], two[j]], minlength=k) for j, k in enumerate(sizes))
        found = Counts(spec, 2, np.array([2, 2]), supports).frequencies()[0][0]
        mean, square, total = mean + own * found, square + own * found**2, total + own
    share = Fraction(sum(record[0] == 0 for record in people), 2)
    assert total == 1
    assert mean == share
    assert square - mean**2 == variance(spec, 0, 0, share, reports=2, target="sample")
    more = variance(spec, 0, 0, share, reports=2, target="population") - variance(spec, 0, 0, share, reports=2, target="sample")
    assert more == share * (1 - share) / 2


def coverage(spec: Spec, attribute: int, share: float, n: int, *, interval: str, holders: int | None = None) -> float:
    """The chance that the interval covers: a sum of binomial chances, or of two binomials for a fixed number of holders."""
    misses, slope = float(rates(spec, attribute)[0][0]), float(rates(spec, attribute)[1])
    if holders is None:
        middle, spread = n * (misses + slope * share), 12 * n**0.5
        seen = np.arange(max(0, int(middle - spread)), min(n, int(middle + spread)) + 1)
        chances = binom.pmf(seen, n, misses + slope * share)
    else:
        seen = np.arange(n + 1)
        own, others = (
            binom.pmf(np.arange(holders + 1), holders, misses + slope),
            binom.pmf(np.arange(n - holders + 1), n - holders, misses),
        )
        chances = np.convolve(own, others)
    if interval == "exact":
        low, high = exact_limits(seen, n, misses=misses, slope=slope, error=0.05)
    else:
        value = (seen / n - misses) / slope
        low, high = wald(value, (seen / n * (1 - seen / n) / n) ** 0.5 / slope, error=0.05)
    return float(chances[(low <= share) & (share <= high)].sum())


@pytest.mark.parametrize("protocol", ["rsfd-oue-z", "rsfd-grr", "smp-grr", "spl-hr"])
@pytest.mark.parametrize("n", [50, 200, 1000, 10_000, 100_000])
def test_p10_exact_intervals_cover_for_every_frequency(protocol: str, n: int) -> None:
    spec = plan(protocol, (7, 41, 2))
    for share in FREQUENCIES:
        assert coverage(spec, 0, share, n, interval="exact") >= 0.95 - 1e-9


@pytest.mark.parametrize("n", [50, 200, 1000])
def test_p10_exact_intervals_cover_the_frequency_among_the_people_too(n: int) -> None:
    spec = plan("spl-grr", (7, 41))
    for holders in {0, 1, n // 50, n // 3, n // 2, n - 1, n}:
        assert coverage(spec, 0, holders / n, n, interval="exact", holders=holders) >= 0.95 - 1e-9


@pytest.mark.parametrize(("n", "asked"), [(60, 20), (200, 50), (200, 199)])
def test_p10_exact_intervals_cover_the_people_where_some_of_them_are_asked(n: int, asked: int) -> None:
    """Under smp those who report on an attribute are drawn without replacement: a mean over how many of them are holders."""
    spec = plan("smp-grr", (7, 41))
    misses, slope = float(rates(spec, 0)[0][0]), float(rates(spec, 0)[1])
    low, high = exact_limits(np.arange(asked + 1), asked, misses=misses, slope=slope, error=0.05)
    for holders in {0, 1, n // 10, n // 2, n - 1, n}:
        chances = np.zeros(asked + 1)
        for own in range(asked + 1):
            yes, no = np.arange(own + 1), np.arange(asked - own + 1)
            both = np.convolve(binom.pmf(yes, own, misses + slope), binom.pmf(no, asked - own, misses))
            chances += hypergeom.pmf(own, n, holders, asked) * both
        assert abs(chances.sum() - 1) < 1e-9
        assert chances[(low <= holders / n) & (holders / n <= high)].sum() >= 0.95 - 1e-9


@pytest.mark.parametrize("protocol", ["rsfd-oue-z", "rsfd-grr", "smp-grr"])
def test_p10_normal_intervals_cover_for_many_reports(protocol: str) -> None:
    spec = plan(protocol, (7, 41, 2))
    for n, share in itertools.product((10_000, 100_000), (0.02, 0.1, 0.5, 0.9)):
        assert 0.94 <= coverage(spec, 0, share, n, interval="wald") <= 0.96


def test_limits_are_those_of_clopper_and_pearson() -> None:
    seen = np.array([0, 1, 37, 99, 100])
    low, high = clopper_pearson(seen, 100, error=0.1)
    for place, hits in enumerate(seen.tolist()):
        assert low[place] == 0 if hits == 0 else abs(binom.sf(hits - 1, 100, low[place]) - 0.05) < 1e-9
        assert high[place] == 1 if hits == 100 else abs(binom.cdf(hits, 100, high[place]) - 0.05) < 1e-9


def test_limits_of_a_billion_reports_are_nearly_normal() -> None:
    n, seen = 10**9, np.array([10**5, 3 * 10**8])
    share = seen / n
    for exact, normal in zip(
        clopper_pearson(seen, n, error=0.05), wald(share, (share * (1 - share) / n) ** 0.5, error=0.05), strict=True
    ):
        assert np.allclose(exact, normal, rtol=1e-4)


def test_intervals_hold_the_estimate_and_lie_within_0_and_1() -> None:
    counts = counted(plan("rsfd-oue-z", ADULT), 3000)
    for interval in ("exact", "wald"):
        for one in counts.estimate(interval=interval).attributes:
            low, high = one.interval.T
            clipped = np.clip(one.value, 0, 1)
            assert ((low <= clipped) & (clipped <= high)).all()
            assert (low >= 0).all()
            assert (high <= 1).all()


def test_all_intervals_together_share_the_error() -> None:
    counts = counted(plan("smp-grr", (2, 3)), 500)
    together = counts.estimate(simultaneous=True)
    alone = counts.estimate(confidence="0.99")  # five values: a fifth of the error each
    assert (together["a1"].interval == alone["a1"].interval).all()
    assert "all intervals together" in str(together)


def test_the_people_themselves_are_known_better_than_the_population() -> None:
    counts = counted(plan("smp-oue", (3, 8)), 2000)
    drawn, own = (counts.estimate(target=target) for target in ("population", "sample"))
    for name in drawn:
        assert (own[name].value == drawn[name].value).all()
        assert (own[name].stderr <= drawn[name].stderr).all()
    assert own["a0"].stderr[0] < drawn["a0"].stderr[0]


def test_one_report_is_enough_and_none_is_refused() -> None:
    spec = plan("spl-grr", (2, 3))
    one = counted(spec, 1).estimate(target="sample")
    assert np.isfinite(one["a1"].stderr).all()
    with pytest.raises(InvalidInput, match="no reports"):
        Counts.empty(spec).estimate()
    with pytest.raises(InvalidInput, match="no reports"):
        Counts.empty(spec).frequencies()
    told = plan("smp-grr", (2, 3))
    with pytest.raises(InvalidInput, match="speaks of a"):
        counted(told, 1).estimate()


@pytest.mark.parametrize(
    "wrong",
    [{"confidence": 1}, {"confidence": 0}, {"confidence": float("nan")}, {"target": "people"}, {"interval": "guess"}],
)
def test_other_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        counted(plan("spl-grr", (2, 3)), 5).estimate(**wrong)


def test_estimates_are_near_the_truth_for_every_protocol() -> None:
    """Each of some 200 estimates within 6.5 standard errors: a false alarm below 2e-8, with a seed that is fixed besides."""
    from privlib.ldp.parts import PROTOCOLS

    rng = np.random.default_rng(12)
    sizes = (3, 8)
    records = zipf(rng, 20_000, sizes)
    truth = [np.bincount(records[:, j], minlength=k) / len(records) for j, k in enumerate(sizes)]
    for protocol in PROTOCOLS:
        priors = [["1/2", "1/4", "1/4"], ["1/8"] * 8] if protocol.startswith("rsrfd") else None
        spec = plan(protocol, sizes, priors=priors)
        for one, own in zip(spec.count(simulate(spec, records, rng)).estimate(target="sample").attributes, truth, strict=True):
            assert (np.abs(one.value - own) < 6.5 * one.stderr).all()


def test_estimates_are_read_by_name_and_as_a_frame() -> None:
    spec = Spec({"smokes": ["no", "yes"], "region": ["N", "E", None]}, "rsfd-oue-z", level="attribute", odds=3)
    shown = counted(spec, 400).estimate()
    assert list(shown) == ["smokes", "region"]
    assert len(shown) == 2
    assert shown["smokes"]["yes"] == shown["smokes"].value[1]
    with pytest.raises(InvalidInput, match="smokes, region"):
        _ = shown["height"]
    frame = shown.to_frame()
    assert list(frame.columns) == ["attribute", "value", "frequency", "stderr", "lower", "upper"]
    assert frame["frequency"].tolist() == [*shown["smokes"].value, *shown["region"].value]
    text = str(shown)
    assert "(missing)" in text
    assert "rsfd-oue-z, 400 reports; 95 %, each interval by itself, about the population" in text
    assert "between any two records            odds 5" in text


def test_long_attributes_show_their_frequent_values() -> None:
    shown = counted(plan("spl-oue", (40, 2)), 5000).estimate()
    assert "and 28 rarer values" in str(shown)
    figure = shown.plot()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:2] == ["a0 (20 rarer values not shown)", "a1"]
    assert "any two records" in figure.get_supxlabel()


def test_a_picture_has_a_panel_for_each_attribute(tmp_path: Any) -> None:
    figure = counted(plan("rsfd-grr", (2, 3, 4, 5)), 500).estimate().plot()
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.axison] == ["a0", "a1", "a2", "a3"]
    figure.savefig(tmp_path / "estimates.svg")
    assert (tmp_path / "estimates.svg").stat().st_size > 1000


VECTORS = st.lists(st.floats(-2, 2, allow_nan=False), min_size=1, max_size=8).map(np.array)


@given(VECTORS, st.lists(st.floats(0.01, 1), min_size=8, max_size=8))
def test_the_nearest_law_is_nearer_than_any_other(value: NDArray[np.float64], other: list[float]) -> None:
    nearest = project(value, "simplex").value
    assert abs(nearest.sum() - 1) < 1e-9
    assert (nearest >= 0).all()
    law = np.array(other[: value.size]) / sum(other[: value.size])
    assert ((nearest - value) ** 2).sum() <= ((law - value) ** 2).sum() + 1e-9


@given(VECTORS)
def test_clipping_gives_a_law_whatever_comes(value: NDArray[np.float64]) -> None:
    found = project(value, "clip")
    assert abs(found.value.sum() - 1) < 1e-9
    assert "biased" in found.note
    if (value <= 0).all():
        assert (found.value == 1 / value.size).all()
        assert "alike" in found.note


def test_projection_leaves_the_unbiased_estimates_alone() -> None:
    shown = counted(plan("rsfd-oue-z", (20, 9)), 300).estimate()
    raw = shown["a0"].value.copy()
    assert (raw < 0).any()
    for method in ("simplex", "clip", "base-cut"):
        shown.projected(method)
    assert (shown["a0"].value == raw).all()
    cut = shown.projected("base-cut")["a0"].value
    significant = raw > 2 * shown["a0"].stderr
    assert (cut[significant] == raw[significant]).all()
    assert (cut[~significant] == 0).all()


@pytest.mark.parametrize(("value", "method"), [([0.5], "median"), ([], "clip"), ([[0.5]], "clip"), ([float("nan")], "clip")])
def test_what_cannot_be_projected_is_refused(value: Any, method: Any) -> None:
    with pytest.raises(InvalidInput):
        project(np.array(value), method)


def test_the_sum_of_all_values_of_an_attribute_varies_as_the_matrix_says() -> None:
    grr = counted(plan("spl-grr", (6, 3)), 900)
    assert abs(np.ones(6) @ matrix(grr, 0) @ np.ones(6)) < 1e-15  # each report supports one value: the sum is always 1
    for protocol in ("rsfd-oue-z", "smp-olh", "spl-hr", "rsfd-sue-r"):
        counts = counted(plan(protocol, (6, 3)), 900)
        for target in ("population", "sample"):
            found = matrix(counts, 0, target=target)
            assert np.allclose(found, found.T)
            stderr = counts.estimate(target=target)["a0"].stderr
            inside = (counts.estimate()["a0"].value >= 0) & (counts.estimate()["a0"].value <= 1)
            assert np.allclose(np.diag(found)[inside], stderr[inside] ** 2)
    with pytest.raises(InvalidInput):
        matrix(Counts.empty(plan("spl-grr", (6, 3))), 0)


def test_values_of_two_attributes_vary_together_only_where_the_draw_is_hidden() -> None:
    for protocol in ("spl-grr", "smp-grr"):
        assert covariance(plan(protocol, (3, 4)), (0, 0), (0, 0), (1, 1)) == 0
    spec = plan("rsfd-oue-z", (3, 4), calibration="paper")
    assert covariance(spec, (0, 0), (0, 0), (1, 1)) == 0
    hit, miss = spec.parts[0].oracle.hit, spec.parts[0].oracle.miss
    assert covariance(spec, (0, 0), (0, 0), (1, 0)) == -((hit - miss) ** 2) / 4


def test_estimates_come_from_the_function_or_the_method() -> None:
    counts = counted(plan("spl-grr", (2, 3)), 50)
    assert (estimate(counts)["a1"].interval == counts.estimate()["a1"].interval).all()

"""The planner keeps every cap, finds nothing worse than what has a name, and predicts what its estimates are worth."""

from __future__ import annotations

import time
from fractions import Fraction as F
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.ldp import Domain, Spec
from privlib.ldp.guarantee import guarantee
from privlib.ldp.mixture import mixture
from privlib.ldp.oracles import Grr, Subset
from privlib.ldp.parts import Scheme, build
from privlib.ldp.planner import cheapest, compare, plan
from privlib.ldp.predict import mean_variance, predict, required_n, variance

ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)
CENSUS = (9, 52, 47, 17, 3, 7, 24, 15, 5, 10, 2, 3, 6, 8, 6, 6, 51, 38, 8, 10, 9, 10, 3, 4, 5, 43, 43, 43, 5, 3, 3, 3, 2)
"""Domain sizes of the UCI census data."""
ODDS = st.fractions(F(51, 50), 60, max_denominator=50)
CAPS = st.tuples(st.none() | ODDS, st.none() | ODDS).filter(any)
SIZES = st.lists(st.integers(2, 12), min_size=1, max_size=4)


def domain(*sizes: int) -> Domain:
    return Domain({f"a{place}": list(range(size)) for place, size in enumerate(sizes)})


def rare(spec: Spec) -> float:
    return float(mean_variance(spec.scheme, spec.parts, "rare"))


@given(SIZES, CAPS, st.sampled_from(["even", "rare"]))
def test_no_plan_passes_a_cap(sizes: list[int], caps: tuple[F | None, F | None], shares: Any) -> None:
    record, attribute = caps
    spec = cheapest(domain(*sizes), record_cap=record, attribute_cap=attribute, shares=shares)
    told = guarantee(spec.scheme, spec.parts)
    assert record is None or told.record <= record
    assert attribute is None or told.attribute <= attribute
    assert Spec.from_dict(spec.to_dict()) == spec


@settings(max_examples=40)
@given(SIZES, CAPS)
def test_no_named_protocol_is_better_by_more_than_a_thousandth(sizes: list[int], caps: tuple[F | None, F | None]) -> None:
    found = cheapest(domain(*sizes), record_cap=caps[0], attribute_cap=caps[1])
    rows = compare(domain(*sizes), record_odds=caps[0], attribute_odds=caps[1])
    assert float(mean_variance(found.scheme, found.parts, "even")) <= float(rows[0].even) * 1.0011
    for row in rows:
        assert caps[0] is None or row.guarantee.record <= caps[0]
        assert caps[1] is None or row.guarantee.attribute <= caps[1]


@settings(max_examples=80)
@given(SIZES.filter(lambda sizes: len(sizes) > 1), st.fractions(F(1, 50), 50, max_denominator=50), st.booleans())
def test_a_mixture_leaks_what_is_allowed_and_a_record_as_many_times_as_much(sizes: list[int], excess: F, even: bool) -> None:
    told = guarantee(Scheme.RSFD, mixture(sizes, excess, even=even))
    assert 1 + excess * (1 - F(1, 10**6)) < told.attribute <= 1 + excess
    assert min(told.attributes) > 1 + excess * (1 - F(1, 10**6))
    assert told.record <= 1 + len(sizes) * excess


def test_on_adult_a_mixture_of_fakes_beats_the_best_equalised_one() -> None:
    parts = mixture(ADULT, F(2), even=False)
    told = guarantee(Scheme.RSFD, parts)
    assert told.attribute <= 3
    assert told.record <= 19
    assert mean_variance(Scheme.RSFD, parts) <= F("18.56")
    assert [isinstance(part.oracle, Grr) for part in parts].count(True) == 2  # the sizes 14 and 16


def test_on_adult_a_told_attribute_beats_all_fakes_and_keeps_records_too() -> None:
    spec = plan(domain(*ADULT), attribute_odds=3, record_odds=19, shares="rare")
    assert spec.scheme is Scheme.SMP
    assert (spec.guarantee().record, spec.guarantee().attribute) == (F(3), F(3))
    assert rare(spec) <= 15.83
    assert any(isinstance(part.oracle, Subset) for part in spec.parts)


def test_fakes_win_for_two_caps_and_many_alike_attributes() -> None:
    ten = domain(*[10] * 10)
    spec = plan(ten, attribute_odds=3, record_odds=21)
    assert (spec.protocol, spec.guarantee().record, spec.guarantee().attribute) == ("rsfd-grr", F(21), F(3))
    assert rare(spec) == pytest.approx(19.04)
    others = {row.protocol: round(float(row.rare), 2) for row in compare(ten, attribute_odds=3, record_odds=21)}
    assert others["rsfd-oue-z"] == 21
    assert others["smp-oue"] == 30
    assert others["smp-ss"] == 22.34
    assert others["spl-oue"] == pytest.approx(42.8, abs=0.05)


def test_a_cap_on_attributes_alone_is_best_kept_without_drawing_and_the_records_cost_is_told() -> None:
    spec = plan(domain(*[10] * 10), attribute_odds=3)
    assert spec.scheme is Scheme.SPL
    assert spec.guarantee().record == 3**10
    assert str(3**10) in spec.explain()


@given(SIZES, ODDS)
def test_under_a_cap_on_records_alone_nothing_is_faked(sizes: list[int], cap: F) -> None:
    assert cheapest(domain(*sizes), record_cap=cap).scheme is not Scheme.RSFD


def test_a_domain_of_33_attributes_is_planned_in_seconds() -> None:
    began = time.process_time()
    spec = plan(domain(*CENSUS), attribute_odds=3, record_odds=67)
    assert time.process_time() - began < 6  # about 1 on an idle machine
    assert spec.guarantee().attribute <= 3


def test_auto_is_the_planner() -> None:
    assert Spec(domain(2, 4), level="record", odds=3) == cheapest(domain(2, 4), record_cap=F(3))
    assert Spec(domain(2, 4), "auto", level="attribute", odds=3) == plan(domain(2, 4), level="attribute", odds=3)


def test_an_epsilon_beyond_all_floats_is_planned() -> None:
    assert plan(domain(2, 70, 5), level="record", epsilon=9000).guarantee().record_epsilon < 9000.001
    assert plan(domain(2, 70, 5), level="attribute", epsilon=9000).guarantee().attribute_epsilon < 9000.001


def test_large_and_tiny_caps_are_kept() -> None:
    for cap in (F(10) ** 390, F(10) ** 300, 1 + F(1, 10**6), 1 + F(1, 2**60), 1 + F(1, 10**200)):
        assert plan(domain(2, 70, 5), level="record", odds=cap).guarantee().record <= cap
        assert plan(domain(2, 70, 5), level="attribute", odds=cap).guarantee().attribute <= cap
        both = plan(domain(2, 70, 5), record_odds=cap, attribute_odds=(cap + 2) / 3)
        assert both.guarantee().record <= cap
        assert both.guarantee().attribute <= (cap + 2) / 3


def test_many_values_are_not_reported_as_sets() -> None:
    spec = plan(domain(2**13, 3), level="record", odds=3)
    assert not isinstance(spec.parts[0].oracle, Subset)


@pytest.mark.parametrize(
    "caps",
    [
        {},
        {"level": "record"},
        {"epsilon": 1},
        {"level": "person", "epsilon": 1},
        {"level": "record", "epsilon": 1, "odds": 2},
        {"level": "record", "epsilon": 1, "attribute_odds": 2},
        {"level": "record", "attribute_odds": 2},
        {"record_odds": 2, "record_epsilon": 1},
        {"attribute_odds": 1},
        {"record_epsilon": 0},
        {"record_odds": 3, "shares": "mine"},
        {"record_odds": 3, "n": 0},
        {"record_odds": 3, "n": True},
    ],
)
def test_unclear_caps_are_refused(caps: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        plan(domain(2, 3), **caps)


def test_exact_caps_are_checked_too() -> None:
    caps: list[dict[str, Any]] = [{}, {"record_cap": F(1)}, {"attribute_cap": F(1, 2)}]
    for given_ in caps:
        with pytest.raises(InvalidInput, match="a plan needs a cap"):
            cheapest(domain(2, 3), **given_)


def test_a_tiny_cap_leaves_every_protocol_in_the_comparison_and_is_kept() -> None:
    tiny = 1 + F(1, 2**60)
    rows = compare(domain(2, 3), level="record", odds=tiny)
    assert {"sue", "oue", "grr"} <= {row.protocol.split("-")[1] for row in rows}
    assert all(1 < row.guarantee.record <= tiny for row in rows)


def test_too_few_people_are_refused_with_the_number_that_it_takes() -> None:
    with pytest.raises(InvalidInput, match=r"it takes (\d+) people") as refused:
        plan(domain(*ADULT), level="record", epsilon="0.1", n=50)
    least = int(str(refused.value).split("it takes ")[1].split()[0])
    assert plan(domain(*ADULT), level="record", epsilon="0.1", n=least).guarantee().record > 1


def paper(protocol: str, *sizes: int) -> Spec:
    return Spec(domain(*sizes), protocol, level="attribute", odds=3, calibration="paper")


@pytest.mark.parametrize(
    ("protocol", "sizes", "place", "share", "known"),
    [
        ("rsfd-grr", [10] * 10, 0, F(1, 10), 50000 * F(81, 200000)),
        ("rsfd-oue-z", [10] * 10, 0, F(1, 10), 50000 * F(2299, 5000000)),
        ("rsfd-oue-r", [10] * 10, 0, F(1, 10), 50000 * F(1, 1250)),
        ("rsfd-grr", ADULT, 7, F(0), 45222 * F(22439, 50678788)),
        ("rsfd-oue-z", ADULT, 7, F(0), 45222 * F(19, 45222)),
        ("rsfd-oue-r", ADULT, 7, F(0), 45222 * F(12593, 25339394)),
        ("rsfd-grr", ADULT, 6, F(0), 45222 * F(33, 60296)),
        ("rsfd-oue-r", ADULT, 6, F(0), 45222 * F(25, 15074)),
    ],
)
def test_variances_are_the_known_fractions(protocol: str, sizes: list[int], place: int, share: F, known: F) -> None:
    part = paper(protocol, *sizes).parts[place]
    assert variance(Scheme.RSFD, part, share, target="population") == known
    assert variance(Scheme.RSFD, part, share) == known - share * (1 - share)


@given(
    st.sampled_from(["spl-grr", "spl-ss", "spl-oue", "rsfd-grr", "rsfd-oue-z", "rsfd-oue-r", "smp-grr", "smp-ss"]),
    st.lists(st.integers(0, 20), min_size=2, max_size=6).filter(any),
    ODDS,
)
def test_even_is_the_mean_over_the_values_of_any_shares_or_the_most(protocol: str, people: list[int], odds: F) -> None:
    shares = [F(count, sum(people)) for count in people]
    part = build(protocol, [len(people), 3], [odds, odds])[0]
    scheme = Scheme(protocol[:3]) if protocol[0] == "s" else Scheme.RSFD
    mean = sum((variance(scheme, part, share) for share in shares), F(0)) / len(shares)
    even = variance(scheme, part, F(1, len(people)))
    assert mean <= even
    assert scheme is Scheme.SMP or mean == even


@given(st.sampled_from(["spl-oue", "smp-ss", "rsfd-grr", "rsfd-oue-r", "rsrfd-grr"]), ODDS)
def test_the_worst_share_is_the_worst(protocol: str, odds: F) -> None:
    priors = [["0.6", "0.3", "0.1"], ["1/2", "1/2"]] if protocol.startswith("rsrfd") else None
    spec = Spec(domain(3, 2), protocol, level="record", odds=odds, priors=priors)
    rows = predict(spec)
    for part, row in zip(spec.parts, rows, strict=True):
        tried = [variance(spec.scheme, part, F(step, 16), target="population") for step in range(17)]
        assert max(tried) <= row.worst
        assert row.rare == tried[0]
    n = required_n(spec, half_width="0.05")
    reached = [row.worst_half_width for row in predict(spec, n)]
    assert max(reached) <= 0.05 + 1e-12
    assert max(row.worst_half_width for row in predict(spec, n - 1)) >= 0.05 - 1e-12
    assert all(row.half_width <= row.worst_half_width for row in predict(spec, n))


def test_without_people_nothing_is_promised() -> None:
    row = predict(plan(domain(2, 3), level="record", odds=3))[0]
    assert row.standard_error == row.half_width == row.worst_half_width == float("inf")
    assert compare(domain(2, 3), level="record", odds=3)[0].standard_error(10_000) < 0.02


@pytest.mark.parametrize("wrong", [{"half_width": 0}, {"half_width": "0.1", "confidence": 1}, {"half_width": float("nan")}])
def test_widths_that_cannot_be_reached_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        required_n(plan(domain(2, 3), level="record", odds=3), **wrong)

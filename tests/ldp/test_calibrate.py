"""Caps are read and kept exactly, and the known examples come out as fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction as F
from typing import Any

import pytest
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.ldp import Domain, Spec
from privlib.ldp.calibrate import amplified, calibrated, read_odds
from privlib.ldp.guarantee import guarantee
from privlib.ldp.oracles import Grr
from privlib.ldp.parts import PROTOCOLS, scheme_of
from privlib.ldp.predict import mean_variance

ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)
LEVELS = ("record", "attribute")
PLAIN = [protocol for protocol in PROTOCOLS if not protocol.startswith("rsrfd")]


def domain(*sizes: int) -> Domain:
    return Domain({f"a{place}": list(range(size)) for place, size in enumerate(sizes)})


def published(protocol: str, *sizes: int, odds: int = 3) -> tuple[F, F]:
    told = Spec(domain(*sizes), protocol, level="attribute", odds=odds, calibration="paper").guarantee()
    assert told.published == odds
    return told.record, told.attribute


@pytest.mark.parametrize(
    ("sizes", "protocol", "record", "attribute"),
    [
        ((2, 2), "rsfd-grr", F(5), F(3)),
        ((2, 2), "rsfd-oue-z", F(5), F(3)),
        ((2, 2), "rsfd-oue-r", F(5), F(3)),
        ((3, 3), "rsfd-grr", F(5), F(3)),
        ((3, 3), "rsfd-oue-z", F(5), F(3)),
        ((3, 3), "rsfd-oue-r", F(5), F(31, 9)),
        ((2, 3), "rsfd-grr", F(5), F(13, 4)),
        ((2, 3), "rsfd-oue-z", F(5), F(3)),
        ((2, 3), "rsfd-oue-r", F(5), F(13, 4)),
        ((2, 3, 4), "rsfd-grr", F(7), F(203, 59)),
        ((2, 3, 4), "rsfd-oue-z", F(7), F(3)),
        ((2, 3, 4), "rsfd-oue-r", F(7), F(65, 17)),
        (ADULT, "rsfd-oue-z", F(19), F(3)),
    ],
)
def test_the_published_calibration_costs_what_enumeration_says(
    sizes: tuple[int, ...], protocol: str, record: F, attribute: F
) -> None:
    assert published(protocol, *sizes) == (record, attribute)


def test_the_published_calibration_on_adults_domains() -> None:
    assert round(float(published("rsfd-grr", *ADULT)[1]), 4) == 5.4193
    assert round(float(published("rsfd-oue-r", *ADULT)[1]), 4) == 10.9551


@pytest.mark.parametrize(("rare", "attribute"), [(("0.8", "0.1", "0.1"), F(41, 9)), (("0.98", "0.01", "0.01"), F(491, 99))])
def test_skewed_fakes_cost_more(rare: tuple[str, ...], attribute: F) -> None:
    spec = Spec(domain(3, 3), "rsrfd-grr", level="attribute", odds=3, calibration="paper", priors=[rare, rare])
    assert (spec.guarantee().record, spec.guarantee().attribute) == (F(5), attribute)


def test_the_odds_at_which_an_attribute_keeps_its_cap() -> None:
    def runs_at(protocol: str, *sizes: int) -> float:
        return round(float(Spec(domain(*sizes), protocol, level="attribute", odds=3).parts[0].oracle.odds), 4)

    assert runs_at("rsfd-oue-r", *[10] * 10) == 7.3748
    assert runs_at("rsfd-oue-r", *ADULT) == 6.5486
    assert runs_at("rsfd-grr", *ADULT) == 10.7046
    assert runs_at("rsfd-oue-z", *ADULT) == 19


def test_equalised_weights_restore_the_amplification() -> None:
    spec = Spec(domain(2, 3, 4), "rsfd-grr", level="attribute", odds=3, weights="equalised")
    assert [part.weight for part in spec.parts] == [F(8, 19), F(6, 19), F(5, 19)]
    assert set(spec.guarantee().attributes) == {F(3)}
    assert spec.guarantee().record == 7


def test_the_brief_s_variances_on_adult() -> None:
    def rare(protocol: str, **options: Any) -> float:
        spec = Spec(domain(*ADULT), protocol, level="attribute", odds=3, **options)
        return round(float(mean_variance(spec.scheme, spec.parts, "rare")), 1)

    assert rare("rsfd-grr", calibration="paper") == 19.5  # its guarantee is false
    assert rare("rsfd-grr") == 31.6
    assert rare("rsfd-grr", weights="equalised") == 52.5
    assert rare("rsfd-oue-z") == 19.0


GRR_WINS = {
    2: [(2, 10), (2, 14), (2, 19), (2, 24), (2, 28), (2, 33)],
    3: [(2, 11), (2, 18), (2, 24), (2, 30), (3, 36), (4, 42)],
    5: [(2, 15), (2, 24), (4, 33), (6, 42), (8, 51), (11, 59)],
    9: [(2, 21), (6, 36), (11, 50), (16, 64), (21, 78), (26, 92)],
    10: [(2, 23), (7, 38), (13, 54), (19, 69), (25, 84), (31, 99)],
}


@pytest.mark.parametrize(("count", "odds"), [(count, odds) for count in GRR_WINS for odds in range(2, 8)])
def test_the_adaptive_protocol_takes_grr_on_an_interval_of_sizes(count: int, odds: int) -> None:
    low, high = GRR_WINS[count][odds - 2]
    for size in range(2, high + 20):
        parts = calibrated("rsfd-adp", [size] * count, F(odds), level="attribute", calibration="paper")
        assert isinstance(parts[0].oracle, Grr) == (low <= size <= high)


def test_at_record_level_hiding_the_attribute_costs_as_many_times_as_there_are_attributes() -> None:
    for protocol in ("rsfd-oue-z", "smp-oue"):
        spec = Spec(domain(*[10] * 10), protocol, level="record", odds=3)
        times = 10 if protocol == "rsfd-oue-z" else 1
        assert mean_variance(spec.scheme, spec.parts, "rare") == 30 * times
    grr = Spec(domain(*[10] * 10), "rsfd-grr", level="record", odds=3)
    assert round(float(mean_variance(grr.scheme, grr.parts, "rare")), 1) == 319.2


@given(
    st.sampled_from(PLAIN),
    st.lists(st.integers(2, 6), min_size=2, max_size=3),
    st.fractions(F(51, 50), 20, max_denominator=50),
    st.sampled_from(LEVELS),
)
def test_p11_a_calibrated_plan_never_passes_its_cap_and_comes_close(protocol: str, sizes: list[int], cap: F, level: Any) -> None:
    reached = getattr(guarantee(scheme_of(protocol), calibrated(protocol, sizes, cap, level=level)), level)
    assert reached <= cap
    slack = F(1, 10**9) if not protocol.startswith("spl") or level == "attribute" else F(len(sizes), 10**9)
    assert cap - reached <= slack * (cap - 1)


@given(st.fractions(F(1, 10**6), 700, max_denominator=10**6))
def test_odds_are_at_most_e_to_the_epsilon_and_nearly_it(epsilon: F) -> None:
    ctx.prec = 3000
    truth, read = arb(fmpq(epsilon.numerator, epsilon.denominator)).exp(), read_odds(epsilon, None)
    found = arb(fmpq(read.numerator, read.denominator))
    assert found <= truth
    assert (found - 1) * (1 + arb(2) ** -39) >= truth - 1


def test_caps_are_read_by_their_spelling() -> None:
    assert read_odds(None, "5/3") == F(5, 3)
    assert read_odds(None, 1.1) == F(11, 10)
    assert read_odds(0.1, None) == read_odds(Decimal("0.1"), None) == read_odds("1/10", None)
    assert read_odds(10_000, None) > 10**4342
    assert amplified(F(3), 9) == 19


@pytest.mark.parametrize(
    "caps",
    [
        {},
        {"epsilon": 1, "odds": 3},
        {"epsilon": 0},
        {"epsilon": -1},
        {"epsilon": float("nan")},
        {"epsilon": float("inf")},
        {"epsilon": True},
        {"epsilon": "one"},
        {"epsilon": 10_001},
        {"odds": 1},
        {"odds": F(1, 2)},
        {"odds": True},
        {"odds": float("inf")},
    ],
)
def test_a_cap_that_allows_nothing_is_refused(caps: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Spec(domain(2, 3), "smp-grr", level="record", **caps)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"level": "person"}, "level must be"),
        ({"calibration": "hopeful"}, "calibration must be"),
        ({"protocol": "rsfd"}, "protocol must be"),
        ({"protocol": "smp-grr", "calibration": "paper"}, "RS"),
        ({"protocol": "rsrfd-grr"}, "priors"),
        ({"protocol": "rsfd-grr", "priors": [["1/2", "1/2"], ["1/3"] * 3]}, "priors"),
        ({"protocol": "rsrfd-grr", "priors": [["1", "0"], ["1/3"] * 3]}, "positive"),
        ({"protocol": "rsrfd-grr", "priors": [["3/2", "-1/2"], ["1/3"] * 3]}, "positive"),
        ({"protocol": "rsrfd-grr", "priors": [["1/2", "1/3"], ["1/3"] * 3]}, "add up"),
        ({"protocol": "rsrfd-grr", "priors": [["1/2", "1/2"]]}, "each attribute"),
        ({"weights": [1, 0]}, "positive"),
        ({"weights": [1, -1]}, "positive"),
        ({"weights": [1]}, "one for each"),
        ({"weights": [True, 1]}, "a weight"),
        ({"weights": "equal"}, "equalised"),
        ({"protocol": "rsfd-oue-r", "weights": "equalised"}, "equalised"),
        ({"protocol": "spl-grr", "weights": [1, 1]}, "spl"),
        ({"protocol": "auto", "calibration": "paper"}, "name the protocol"),
        ({"protocol": "auto", "weights": [1, 1]}, "name the protocol"),
    ],
)
def test_a_contradictory_plan_is_refused(given_: dict[str, Any], message: str) -> None:
    asked: dict[str, Any] = {"protocol": "rsfd-grr", "level": "attribute", "odds": 3, **given_}
    with pytest.raises(InvalidInput, match=message):
        Spec(domain(2, 3), **asked)


def test_fakes_need_a_second_attribute_and_every_attribute_a_second_value() -> None:
    with pytest.raises(InvalidInput, match="at least two attributes"):
        Spec(domain(5), "rsfd-grr", level="attribute", odds=3)
    with pytest.raises(InvalidInput, match="at least two labels"):
        domain(2, 1)


def test_a_very_large_cap_is_exact_and_does_not_overflow() -> None:
    spec = Spec(domain(2, 3), "rsfd-grr", level="record", epsilon=710)
    assert spec.guarantee().record > 10**308
    assert 709.9 < spec.guarantee().record_epsilon < 710 + 1e-12  # rounded up

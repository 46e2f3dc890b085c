"""Known answers, made by an independent program from the formulas alone."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from privlib import accounting
from privlib.bounds import Bound
from privlib.errors import InvalidInput

FOLDER = Path(__file__).parents[1] / "vectors" / "accounting"
SHOWN = Fraction(1, 10**28)
"""The known answers have 30 digits, rounded to nearest."""
ROUNDED_UP = Fraction(3, 10**14)
"""What 15 digits, rounded up, may add."""


def cases(topic: str) -> list[Any]:
    record = json.loads((FOLDER / f"{topic}.json").read_text(encoding="utf-8"))
    found = [case for group in record["groups"] for case in group["cases"]]
    assert 3 * sum(case["result"] == "invalid" for case in found) >= len(found), "a third of the cases is refused"
    return [pytest.param(case, id=case["id"]) for case in found]


def is_just_above(value: Fraction, known: str) -> bool:
    truth = Fraction(known)
    return truth * (1 - SHOWN) <= value <= truth * (1 + ROUNDED_UP)


@pytest.mark.parametrize("case", cases("convert"))
def test_epsilons_are_the_known_ones_rounded_up(case: dict[str, Any]) -> None:
    given = case["input"]
    bound = Bound(neighbours="replace", **given["bound"])
    if case["result"] == "invalid":
        with pytest.raises(InvalidInput, match="delta"):
            accounting.convert(bound, delta=given["delta"])
    else:
        converted = accounting.convert(bound, delta=given["delta"])
        assert is_just_above(converted.epsilon, case["expected"])
        assert converted.delta == Fraction(given["delta"])


@pytest.mark.parametrize("case", cases("delta_at"))
def test_deltas_are_the_known_ones_rounded_up(case: dict[str, Any]) -> None:
    given = case["input"]
    bound = Bound(neighbours="replace", **given["bound"])
    if case["result"] == "invalid":
        with pytest.raises(InvalidInput, match="epsilon"):
            accounting.delta_at(bound, epsilon=given["epsilon"])
    else:
        assert is_just_above(accounting.delta_at(bound, epsilon=given["epsilon"]), case["expected"])


@pytest.mark.parametrize("topic", ["discrete_gaussian_delta", "discrete_gaussian_epsilon"])
def test_brackets_hold_the_known_answers_and_are_narrow(topic: str) -> None:
    function = getattr(accounting, topic)
    for (case,) in (parameters.values for parameters in cases(topic)):
        if case["result"] == "invalid":
            with pytest.raises(InvalidInput):
                function(**case["input"])
            continue
        low, high = function(**case["input"])
        truth = Fraction(case["expected"])
        assert low * (1 - SHOWN) <= truth <= high * (1 + SHOWN), case["id"]
        assert high - low <= low / 10**10, case["id"]


@pytest.mark.parametrize(("sigma2", "printed"), [(9, "104.837465162303"), (100, "19.423664552494"), (10**4, "1.367571477845")])
def test_the_epsilon_of_a_thousand_releases_to_the_printed_digits(sigma2: int, printed: str) -> None:
    low, high = accounting.discrete_gaussian_epsilon(sigma2=sigma2, delta=1e-6, k=1000)
    up = Fraction(printed)  # rounded up, as every epsilon that is stated
    assert up - Fraction(1, 10**12) < low <= high <= up


@pytest.mark.parametrize(
    ("rho", "delta", "printed"), [("1/2", "1e-6", "5.221534444530"), ("1/10", "1e-5", "1.914239"), ("2.63", "1e-10", "17.430584")]
)
def test_the_sharp_conversion_to_the_printed_digits(rho: str, delta: str, printed: str) -> None:
    epsilon = accounting.convert(Bound.zcdp(rho, neighbours="replace"), delta=delta).epsilon
    last = Fraction(1, 10 ** len(printed.partition(".")[2]))
    assert abs(epsilon - Fraction(printed)) <= last / 2

"""One draw: values plus noise of the stated law, once, charged first, with intervals that cover."""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.bounds import Bound
from privlib.budget import Ledger
from privlib.certificate import seal
from privlib.errors import AlreadyReleased, BudgetExceeded, InvalidInput, LedgerError, Mismatch, TamperedRelease
from privlib.noise.testing import fixed_key
from privlib.oneshot import Answer, Rounded, Spec
from privlib.oneshot import release as release_module

KEY = bytes(range(32))
PLANS: list[dict[str, Any]] = [
    {"lower": 0, "upper": 120, "step": "0.01", "sensitivity": "0.5", "epsilon": 1, "neighbours": "replace", "name": "mean age"},
    {"lower": 0, "upper": 9, "sensitivity": 1, "epsilon": "1/3", "neighbours": "add_remove", "integer": True},
    {"lower": -1, "upper": 1, "step": "1/64", "size": 3, "sensitivity": {"l2": "1/8"}, "rho": "1/2", "neighbours": "user"},
    {"lower": -1, "upper": 1, "step": "2/7", "size": 2, "sensitivity": {"l1": 1, "l0": 1}, "mu2": 1, "neighbours": "event"},
    {"lower": 0, "upper": 4, "step": "1/2", "sensitivity": "1/3", "mu2": "1/4", "neighbours": "record", "nan": 0},
]


def values_for(spec: Spec) -> list[int]:
    return list(range(spec.size))


@pytest.fixture(params=PLANS, ids=["laplace", "integer", "gaussian", "rounded gaussian", "nan"])
def spec(request: pytest.FixtureRequest) -> Spec:
    return Spec(**request.param)


def test_the_noise_varies_and_is_the_only_difference(spec: Spec) -> None:
    with fixed_key(KEY):
        one = spec.round(values_for(spec)).release()
    with fixed_key(KEY):
        other = spec.round([0] * spec.size).release()
    apart = one.noisy - other.noisy
    assert apart.tolist() == (spec.round(values_for(spec))._steps - spec.round([0] * spec.size)._steps).tolist()
    again = [tuple(spec.round([0] * spec.size).release().noisy.tolist()) for _ in range(40)]
    assert len(set(again)) > 1


def test_values_are_released_once(spec: Spec) -> None:
    exact = spec.round(values_for(spec))
    exact.release()
    with pytest.raises(AlreadyReleased, match="round again"):
        exact.release()


def test_of_many_threads_one_releases() -> None:
    exact = Spec(**PLANS[0]).round(3)

    def attempt(_: int) -> bool:
        try:
            exact.release()
        except AlreadyReleased:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(64))) == 1


def test_exact_values_cannot_be_copied(spec: Spec) -> None:
    exact = spec.round(values_for(spec))
    for spread in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="released again"):
            spread(exact)


def test_exact_values_show_nothing() -> None:
    spec = Spec(lower=0, upper=10**9, size=3, sensitivity={"l1": 1}, epsilon=1, neighbours="replace", integer=True)
    exact = spec.round([987654321, 5, 6])
    shown = f"{exact!r} {exact} {[exact]} {exact!a}"
    assert shown == f"{spec.round([0, 0, 0])!r} {exact} {[exact]} {exact!a}"
    assert "98765" not in shown
    assert "exact, not private" in shown
    for ask in (len, iter, int, float, list, vars):
        with pytest.raises(TypeError):
            ask(exact)
    with pytest.raises(TypeError):
        exact[0]
    exact.release()
    with pytest.raises(AlreadyReleased) as caught:
        exact.release()
    assert "98765" not in str(caught.value)
    with pytest.raises(InvalidInput) as refused:
        Rounded(spec, np.array([987654321, 0, 2**62]))
    assert "98765" not in str(refused.value)


def test_the_charge_stands_before_the_draw(spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = {"epsilon": 10, "delta": "1e-6"}
    ledger = Ledger(tmp_path / "ledger.db", limit=limit)
    seen = list[int]()

    def fail(size: int, **_: object) -> None:
        seen.append(len(ledger.charges()))
        raise RuntimeError("the sampler broke")

    for name in ("discrete_laplace", "discrete_gaussian", "rounded_gaussian"):
        monkeypatch.setattr(release_module, name, fail)
    exact = spec.round(values_for(spec))
    with pytest.raises(RuntimeError) as caught:
        exact.release(ledger=ledger)
    assert seen == [1]
    assert caught.value.__notes__ == ["The ledger was charged before this happened and keeps the charge."]
    with pytest.raises(AlreadyReleased):
        exact.release(ledger=ledger)
    with pytest.raises(RuntimeError) as caught:
        spec.round(values_for(spec)).release()
    assert not hasattr(caught.value, "__notes__")


def test_a_refused_charge_draws_nothing_and_leaves_the_values_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path / "ledger.db", limit="1")
    first, second = Spec(**PLANS[0]).round(1), Spec(**PLANS[0]).round(2)
    first.release(ledger=ledger)
    drawn = list[int]()
    with monkeypatch.context() as patched:
        patched.setattr(release_module, "discrete_laplace", lambda size, **_: drawn.append(size))
        with pytest.raises(BudgetExceeded):
            second.release(ledger=ledger)
        with pytest.raises(Mismatch):
            Spec(**PLANS[1]).round(1).release(ledger=ledger)
        (tmp_path / "ledger.db").unlink()
        with pytest.raises(LedgerError):
            second.release(ledger=ledger)
    assert not drawn
    assert second.release().head is None


def test_the_ledger_and_the_answer_tell_the_same(spec: Spec, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db", limit={"epsilon": 10, "delta": "1e-6"})
    answer = spec.round(values_for(spec)).release(ledger=ledger)
    row = ledger.charges()[0]
    assert row.head == answer.head
    assert row.record["name"] == spec.name
    assert Bound.from_dict(row.record["bound"]) == answer.bound == spec.bound
    ledger.verify_head(answer.head)
    assert f"row {row.seq}" in answer.summary()


@settings(max_examples=50)
@given(st.sampled_from(PLANS), st.sampled_from(["0.5", "0.8", "0.95", "0.999"]), st.data())
def test_intervals_cover_exactly_as_often_as_the_law_says(plan: dict[str, Any], level: str, data: st.DataObject) -> None:
    """Summed over the law: the noises for which the interval holds the clipped value have at least the level's mass."""
    spec, bits = Spec(**plan), 128
    value = data.draw(st.fractions(spec.grid.lower - 1, spec.grid.upper + 1))
    value = Fraction(round(value)) if spec.integer else value
    clipped = min(max(value, spec.grid.lower), spec.grid.upper)
    point = spec.round([int(value) if spec.integer else value] * spec.size)._steps[0]
    reach = spec.law.confidence_interval("0.999999")[1]
    noise = np.arange(-reach, reach + 1)
    tiled = Spec(**{**plan, "size": noise.size, "sensitivity": {"l2_squared": 1, "l1": 1}})
    wide = Answer(tiled, noisy=point + noise, head=None, secure=True)
    object.__setattr__(wide.spec, "law", spec.law)  # the noise of the plan, on as many values as the law has here
    lower, upper = wide.interval(level)
    held = [Fraction(low) <= clipped <= Fraction(high) for low, high in zip(lower, upper, strict=True)]
    mass = sum(spec.law.pmf_enclosure(int(k), bits=bits)[0] for k, holds in zip(noise, held, strict=True) if holds)
    assert mass >= Fraction(level) * 2**bits
    sharp = spec.law.confidence_interval(level)[1]
    assert all(holds for k, holds in zip(noise, held, strict=True) if abs(k) <= sharp)
    if (
        spec.integer and spec.grid.lower < clipped < spec.grid.upper
    ):  # at a bound the interval ends there, and holds it more often
        assert not any(holds for k, holds in zip(noise, held, strict=True) if abs(k) > sharp)


def test_intervals_are_rounded_outwards_and_stay_in_the_range() -> None:
    spec = Spec(lower="-1/3", upper="2/3", step="1/10", sensitivity="1/10", epsilon=1, neighbours="replace")
    answer = Answer(spec, noisy=np.array([2]), head=None, secure=True)
    lower, upper = answer.interval("0.3")
    assert Fraction(lower[0]) <= Fraction(2, 10) - Fraction(1, 20)
    assert Fraction(upper[0]) >= Fraction(2, 10) + Fraction(1, 20)
    assert upper[0] - lower[0] < 0.3 + 1e-12
    lower, upper = answer.interval("0.999999")
    assert lower[0] < Fraction(-1, 3) < lower[0] + 1e-15
    assert upper[0] - 1e-15 < Fraction(2, 3) < upper[0]
    whole = Answer(Spec(**PLANS[1]), noisy=np.array([5]), head=None, secure=True).interval("0.999999")
    assert (whole[0][0], whole[1][0]) == (0, 9)


@pytest.mark.parametrize("level", [0, 1, -1, "1.5", float("nan"), True])
def test_no_other_level_is_taken(level: Any) -> None:
    with pytest.raises(InvalidInput):
        Spec(**PLANS[0]).round(1).release().interval(level)


def test_an_answer_is_exact_integers_and_floats_beside_them() -> None:
    spec = Spec(**PLANS[3])
    answer = Answer(spec, noisy=np.array([7, -3]), head=None, secure=True)
    assert answer.exact == [Fraction(2), Fraction(-6, 7)]
    assert answer.value.tolist() == pytest.approx([2, -6 / 7], rel=1e-15)
    assert answer.stderr == spec.stderr == pytest.approx(spec.law.variance**0.5 * 2 / 7)
    with pytest.raises(ValueError, match="read-only"):
        answer.noisy[0] = 1
    assert "event" in repr(answer)
    assert "NOT SECURE" not in repr(answer) + answer.summary()


def test_what_test_mode_made_says_so() -> None:
    with fixed_key(KEY):
        answer = Spec(**PLANS[0]).round(1).release()
    assert not answer.secure
    assert "NOT SECURE" in repr(answer)
    assert "NOT SECURE" in answer.summary()


def test_a_long_answer_is_summed_up_without_its_values() -> None:
    spec = Spec(lower=0, upper=9, size=11, sensitivity={"l1": 1}, epsilon=1, neighbours="replace", integer=True)
    assert "Value " not in spec.round([0] * 11).release().summary()


@given(st.sampled_from(PLANS), st.data())
def test_round_trip(plan: dict[str, Any], data: st.DataObject) -> None:
    spec = Spec(**plan)
    whole = st.integers(-(2**63), 2**63 - 1)
    noisy = np.array(data.draw(st.lists(whole, min_size=spec.size, max_size=spec.size)), dtype=np.int64)
    answer = Answer(spec, noisy=noisy, head=None, secure=data.draw(st.booleans()))
    text = answer.to_json()
    back = Answer.from_json(text)
    assert back == answer
    assert hash(back) == hash(answer)
    assert back.to_json() == text
    assert back != text
    assert Spec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_a_changed_file_is_refused(spec: Spec) -> None:
    answer = spec.round(values_for(spec)).release()
    body = {k: v for k, v in json.loads(answer.to_json()).items() if k not in {"digest", "kind", "format", "privlib"}}
    changes: list[dict[str, Any]] = [
        {"noisy": body["noisy"][:-1]},
        {"noisy": [2**63] * spec.size},
        {"noisy": ["x"] * spec.size},
        {"noisy": [True] * spec.size},
        {"theorem": "noise.t1"},
        {"secure": 1},
        {"ledger": {"seq": 2}},
        {"more": 1},
        {"bound": Bound.pure(7, neighbours=spec.bound.neighbours).to_dict()},
        {"spec": {**body["spec"], "step": "0"}},
        {"spec": {**body["spec"], "size": 0}},
        {"spec": {**body["spec"], "bound": {}}},
        {"spec": {**body["spec"], "bound": {**body["spec"]["bound"], "kind": "approx"}}},
        {"spec": {**body["spec"], "more": 1}},
        {"spec": {k: v for k, v in body["spec"].items() if k != "name"}},
        {"spec": {**body["spec"], "sensitivity": {**body["spec"]["sensitivity"], "l0": "0"}}},
        {"spec": None},
    ]
    for change in changes:
        with pytest.raises(TamperedRelease):
            Answer.from_json(seal("oneshot.answer", {**body, **change}))
    for text in ("", answer.to_json()[:-9], answer.to_json().replace("noise.t5", "noise.t4"), seal("survival.curve", body)):
        with pytest.raises(TamperedRelease):
            Answer.from_json(text)


def test_an_answer_holds_one_integer_for_each_value(spec: Spec) -> None:
    for wrong in (np.zeros(spec.size + 1, dtype=np.int64), np.zeros(spec.size)):
        with pytest.raises(InvalidInput):
            Answer(spec, noisy=wrong, head=None, secure=True)


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        ({"epsilon": None}, "exactly one"),
        ({"rho": 1}, "exactly one"),
        ({"epsilon": 0}, "> 0"),
        ({"epsilon": -1}, ">= 0"),
        ({"epsilon": "1e-30"}, "coarser grid"),
        ({"neighbours": "people"}, "neighbours must be"),
        ({"step": None}, "give step"),
        ({"step": 0}, "step must be > 0"),
        ({"step": "-1"}, "step must be > 0"),
        ({"step": "1e-251"}, "between 1e-250"),
        ({"step": "2/3", "integer": True}, "leave integer out"),
        ({"lower": 120}, "lower must be less"),
        ({"upper": "1e251"}, "lower must be less"),
        ({"upper": float("nan")}, "upper must be"),
        ({"sensitivity": 0}, "sensitivity must be > 0"),
        ({"sensitivity": {}}, "sensitivity must have"),
        ({"sensitivity": {"l0": 1}}, "sensitivity must have"),
        ({"sensitivity": {"l1": 1, "linf": 1}}, "sensitivity must have"),
        ({"sensitivity": {"l2": 1, "l2_squared": 1}}, "sensitivity must have"),
        ({"sensitivity": {"l1": 1, "l0": 2}}, "l0"),
        ({"sensitivity": {"l1": 1, "l0": "1/2"}}, "l0"),
        ({"sensitivity": 1, "size": 2}, "must be a dict"),
        ({"sensitivity": "1/2", "step": None, "integer": True}, "below 1"),
        ({"size": 0}, "size must be"),
        ({"size": True}, "size must be"),
        ({"size": 2**24 + 1}, "size must be"),
        ({"integer": 1}, "integer must be"),
        ({"integer": True, "step": 1, "nan": 3, "sensitivity": 1}, "nan is for real"),
        ({"nan": float("inf")}, "nan must be"),
        ({"name": ""}, "name must be"),
        ({"name": "a\nb"}, "name must be"),
        ({"name": 3}, "name must be"),
    ],
)
def test_refusals_name_the_cure(change: dict[str, Any], cure: str) -> None:
    with pytest.raises(InvalidInput, match=cure):
        Spec(**{**PLANS[0], **change})


def test_every_public_field_changes_the_fingerprint() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"lower": 1},
        {"upper": 121},
        {"step": "0.02"},
        {"sensitivity": "0.51"},
        {"sensitivity": {"l2": "0.5"}},
        {"epsilon": 2},
        {"epsilon": None, "rho": 1},
        {"epsilon": None, "mu2": 1},
        {"neighbours": "add_remove"},
        {"size": 2, "sensitivity": {"l1": "0.5"}},
        {"nan": 0},
        {"name": "mean"},
        {"step": 1, "integer": True, "sensitivity": 1},
        {"step": 1, "sensitivity": 1},
    ]
    plans = [Spec(**{**PLANS[0], **change}) for change in changes]
    assert len({plan.fingerprint for plan in plans}) == len(plans)
    assert Spec(**PLANS[0]) == plans[0]


def test_a_plan_says_what_it_releases(spec: Spec) -> None:
    text = spec.explain()
    for word in (spec.name, str(spec.bound), "if the sensitivity is true", f"{spec.stderr:.4g}"):
        assert word in text
    assert ("NaN stands for 0" in text) == (spec.nan is not None)
    assert spec.name in repr(spec)


def test_a_ledger_given_as_a_path_is_refused_by_name_and_nothing_is_lost() -> None:
    exact = Spec(lower=0, upper=1, sensitivity=1, epsilon=1, neighbours="replace", step="0.1").round(0.5)
    with pytest.raises(InvalidInput, match="ledger must be a Ledger, not str: open it"):
        exact.release(ledger="budget.db")  # type: ignore[arg-type]
    exact.release()


def test_integers_want_ends_on_the_grid() -> None:
    with pytest.raises(InvalidInput, match="multiples of step"):
        Spec(lower=0, upper="10.5", sensitivity="1.5", integer=True, epsilon=1, neighbours="replace")

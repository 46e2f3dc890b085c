"""The published recipe: refused before a charge, counted in secret, released once at its true cost, read back strictly."""

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from fractions import Fraction
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.bounds import Bound
from privlib.budget import Ledger
from privlib.certificate import seal
from privlib.errors import AlreadyReleased, BudgetExceeded, InvalidInput, PrivlibError, TamperedRelease
from privlib.noise import discrete_laplace
from privlib.noise.laws import MAX_SCALE
from privlib.noise.testing import fixed_key, scripted_words
from privlib.survival import published
from privlib.survival.published import DirectNoise, ExactHeights, Guarantee, PublishedCurve, finished

KEY = bytes(range(32))
PLAIN: dict[str, Any] = {"times": [1, 5, 9], "horizon": 10, "epsilon": 3, "neighbours": "replace"}
PLANS: list[dict[str, Any]] = [
    PLAIN,
    {**PLAIN, "neighbours": "add_remove", "schedule": ["1/2", 2, 0.1], "window": 1, "finish": "isotonic"},
    {**PLAIN, "epsilon": "0.5", "schedule": [1, "1/3", 1]},
    {**PLAIN, "epsilon": 7, "schedule": [1, 2, 3], "calibrate": True},
    {"times": ("0.1", "0.35"), "horizon": "0.5", "unit": "0.1", "epsilon": 2, "neighbours": "replace"},
    {"times": range(0, 11), "horizon": 10, "epsilon": 2, "neighbours": "add_remove"},
]
ROWS = ([1, 2, 2, 6, 9, 40], [1, 0, 1, 1, 0, 1])
LONG = [Fraction(10**300 + k, 10**300) for k in (1, 3, 7)]
RATIO = Fraction(10**250 + 1, 10**250 + 3)
"""Each number is short enough; their sums and products are not."""


def exact_heights(plan: dict[str, Any] = PLAIN) -> ExactHeights:
    return DirectNoise(**plan).count(*ROWS)


def released(plan: dict[str, Any] = PLAIN) -> PublishedCurve:
    return exact_heights(plan).release()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"neighbours": "event"}, "neighbours must be 'add_remove' or 'replace'"),
    ({"neighbours": "bounded"}, "neighbours must be 'add_remove' or 'replace'"),
    ({"neighbours": ["replace"]}, "neighbours must be 'add_remove' or 'replace'"),
    ({"neighbours": None}, "neighbours must be 'add_remove' or 'replace'"),
    ({"epsilon": 0}, "epsilon must be > 0"),
    ({"epsilon": True}, "epsilon must be .* not bool"),
    ({"epsilon": "1e-9"}, "epsilon is the scale of the noise .* 2147483648: give a larger epsilon"),
    ({"horizon": 2**30}, r"horizon must be at most 2\*\*23 - 1 units: give a coarser unit"),
    ({"horizon": 0}, "horizon must be > 0"),
    ({"unit": 3}, "horizon must be a multiple of unit"),
    ({"times": "12"}, "times must be a list, tuple or range of numbers, not str"),
    ({"times": b"12"}, "times must be a list, tuple or range of numbers, not bytes"),
    ({"times": np.array([1, 5])}, r"times must be a list.* not ndarray: use list\(\) or tolist\(\)"),
    ({"times": {1: 2}}, "times must be a list.* not dict"),
    ({"times": {1, 2}}, "times must be a list.* not set"),
    ({"times": None}, "times must be a list.* not NoneType"),
    ({"times": 5}, "times must be a list.* not int"),
    ({"times": []}, r"times must hold from 1 to 2\*\*20 public numbers"),
    ({"times": range(2**20 + 1), "horizon": 2**21}, r"times must hold from 1 to 2\*\*20 public numbers"),
    ({"times": range(10**30)}, r"times must hold from 1 to 2\*\*20 public numbers"),
    ({"times": [1, True, 9]}, "times must be .* not bool"),
    ({"times": [1, None]}, "times must be .* not NoneType"),
    ({"times": [np.float32(1)]}, "times must be .* not float32"),
    ({"times": [1, 1]}, "times must increase strictly: sort them"),
    ({"times": [5, 1]}, "times must increase strictly: sort them"),
    ({"times": [-1, 1]}, r"times must lie in \[0, horizon\]"),
    ({"times": [1, 11]}, r"times must lie in \[0, horizon\]"),
    ({"schedule": []}, "schedule must hold from 1"),
    ({"schedule": [1, 1]}, "schedule must hold one public number > 0 for each of times"),
    ({"schedule": [1, 0, 1]}, "schedule must hold one public number > 0 for each of times"),
    ({"schedule": [1, -1, 1]}, "schedule must hold one public number > 0 for each of times"),
    ({"schedule": [1, True, 1]}, "schedule must be .* not bool"),
    ({"schedule": "111"}, "schedule must be a list.* not str"),
    ({"schedule": np.ones(3)}, r"schedule must be a list.* not ndarray: use list\(\) or tolist\(\)"),
    ({"schedule": 1}, "schedule must be a list.* not int"),
    ({"schedule": [1, 1, 10**12]}, "give a larger epsilon, a smaller schedule or, with calibrate, fewer times"),
    ({"window": 4}, "window must be an odd int from 1 to"),
    ({"window": 0}, "window must be an odd int from 1 to"),
    ({"window": -1}, "window must be an odd int from 1 to"),
    ({"window": True}, "window must be an odd int from 1 to"),
    ({"window": 5.0}, "window must be an odd int from 1 to"),
    ({"window": "5"}, "window must be an odd int from 1 to"),
    ({"window": None}, "window must be an odd int from 1 to"),
    ({"window": np.int64(5)}, "window must be an odd int from 1 to"),
    ({"window": 10**5000 + 1}, "window must be an odd int from 1 to"),
    ({"finish": "median"}, "finish must be 'mean' or 'isotonic'"),
    ({"finish": None}, "finish must be 'mean' or 'isotonic'"),
    ({"finish": np.array(["mean", "mean"])}, "finish must be 'mean' or 'isotonic'"),
    ({"calibrate": 1}, "calibrate must be True or False"),
    ({"calibrate": "yes"}, "calibrate must be True or False"),
    ({"schedule": LONG, "calibrate": True}, "schedule.* at most 400 digits"),
    ({"schedule": LONG}, "schedule and epsilon.* at most 400 digits"),
    ({"schedule": [RATIO] * 3, "epsilon": 1 / RATIO}, "schedule.* at most 400 digits"),
]


@pytest.mark.parametrize(("change", "says"), REFUSED, ids=range(len(REFUSED)))
def test_a_plan_that_cannot_be_released_is_refused_at_its_construction_in_words_that_help(
    change: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        DirectNoise(**{**PLAIN, **change})


POSITIVE = st.fractions(min_value=Fraction(1, 10**6), max_value=10**3) | st.integers(1, 10**250).map(
    lambda k: Fraction(10**250 + k, 10**250)
)


@given(st.lists(POSITIVE, min_size=1, max_size=4), POSITIVE, st.booleans())
def test_a_plan_that_could_be_made_is_charged_and_released_without_a_refusal(
    schedule: list[Fraction], epsilon: Fraction, calibrate: bool
) -> None:
    times = list(range(1, len(schedule) + 1))
    try:
        plan = DirectNoise(times=times, horizon=10, epsilon=epsilon, neighbours="replace", schedule=schedule, calibrate=calibrate)
    except InvalidInput:
        return
    asked = list[Fraction]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "discrete_laplace", lambda size, *, scale: asked.append(scale) or np.zeros(size, np.int64))
        curve = plan.count(*ROWS).release()
    assert all(0 < scale <= MAX_SCALE for scale in asked)
    assert PublishedCurve.from_json(curve.to_json()) == curve
    assert DirectNoise.from_dict(plan.to_dict()) == plan


def test_a_scale_of_many_digits_never_costs_a_ledger_anything(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budget.db", limit=100)
    with pytest.raises(InvalidInput, match="at most 400 digits"):
        DirectNoise(**{**PLAIN, "schedule": LONG, "calibrate": True}).count(*ROWS).release(ledger=ledger)
    assert not ledger.charges()


def test_no_schedule_means_one_everywhere() -> None:
    assert DirectNoise(**PLAIN) == DirectNoise(**PLAIN, schedule=None) == DirectNoise(**PLAIN, schedule=[1, 1.0, "1"])


def test_the_guarantee_says_the_cost_of_one_time_and_of_the_whole_curve() -> None:
    plan = DirectNoise(**{**PLAIN, "schedule": [1, 2, "1/2"]})
    assert plan.guarantee == Guarantee(per_point_epsilon=Fraction(6), whole_curve_epsilon=Fraction(21, 2))
    assert plan.bound == Bound.pure("21/2", neighbours="replace")
    honest = DirectNoise(**{**PLAIN, "epsilon": 7, "schedule": [1, 2, "1/2"], "calibrate": True})
    assert honest.bound.epsilon == honest.guarantee.whole_curve_epsilon == 7
    assert honest.multipliers == (Fraction(7, 2), Fraction(7), Fraction(7, 4))


def test_nobody_can_edit_the_guarantee_and_undercharge() -> None:
    plan = DirectNoise(**PLAIN)
    with pytest.raises(FrozenInstanceError):
        plan.guarantee.whole_curve_epsilon = Fraction(1)  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        plan.nominal = Fraction(1)  # type: ignore[misc]
    forged = DirectNoise(**PLAIN)
    forged.__dict__["guarantee"] = Guarantee(Fraction(1), Fraction(1))
    assert forged.bound == plan.bound, "the bound is summed on its own"


@pytest.mark.parametrize("name", ["scales", "draws", "guarantee", "bound", "fingerprint", "_units"])
def test_what_a_plan_remembers_cannot_be_edited(name: str) -> None:
    def immutable(value: object) -> bool:
        if isinstance(value, tuple):
            return all(immutable(each) for each in value)
        return isinstance(value, (str, int, float, Fraction, Guarantee, Bound))

    plan = DirectNoise(**PLAIN)
    assert immutable(getattr(plan, name))
    assert getattr(plan, name) is getattr(plan, name)


@pytest.mark.parametrize("plan", PLANS, ids=range(len(PLANS)))
def test_a_plan_is_a_value(plan: dict[str, Any]) -> None:
    one, two = DirectNoise(**plan), DirectNoise(**plan)
    assert one == two == DirectNoise.from_dict(json.loads(json.dumps(one.to_dict())))
    assert hash(one) == hash(two)
    assert one.fingerprint == two.fingerprint


def test_the_exact_heights_are_the_curve_in_steps_toward_zero() -> None:
    assert DirectNoise(**PLAIN).count([2, 7, 8], [1, 0, 1])._heights.tolist() == [4096, 2730, 0]
    assert DirectNoise(**PLAIN).count([], [])._heights.tolist() == [4096] * 3
    assert DirectNoise(**PLAIN).count([2, 7, 8], [2, 1, 2], event_codes=(1, 2))._heights.tolist() == [4096, 2730, 0]


def test_exact_heights_show_no_number() -> None:
    plan = DirectNoise(**PLAIN)
    one, two = plan.count([2, 7, 8], [1, 0, 1]), plan.count([9], [0])
    assert repr(one) == repr(two) == "<ExactHeights: 3 times, exact, not private; release() makes it public>"
    assert str(one) == f"{one}" == repr(one)
    for ask in (len, iter, int, float, list, vars, json.dumps):
        with pytest.raises(TypeError):
            ask(one)  # type: ignore[operator]
    with pytest.raises(AttributeError):
        one.plan = DirectNoise(**{**PLAIN, "epsilon": 2})  # type: ignore[misc]
    assert one.plan is plan
    assert not hasattr(plan, "heights")
    assert not hasattr(plan, "release")


@pytest.mark.parametrize("spread", [copy.copy, copy.deepcopy, pickle.dumps], ids=["copy", "deepcopy", "pickle"])
def test_exact_heights_cannot_be_copied_into_a_second_release(spread: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        spread(exact_heights())


WRONG_HEIGHTS: list[Any] = [
    [1, 2, 3],
    np.array([1.0, 2, 3]),
    np.array([1, 2, 3], dtype=np.int32),
    np.array([1, 2, 3], dtype=np.uint64),
    np.array([1, 2, 3], dtype=">i8"),
    np.array([True, True, False]),
    np.array([1, 2, 3], dtype=object),
    np.ma.array([1, 2, 3], mask=[0, 1, 0]),
    np.array([1, 2]),
    np.array([[1, 2, 3]]),
    np.array(1),
    np.array([4097, 987654, 0]),
    np.array([5, -987654, 0]),
    None,
]


@pytest.mark.parametrize("wrong", WRONG_HEIGHTS, ids=range(len(WRONG_HEIGHTS)))
def test_heights_of_another_type_shape_or_range_are_refused_without_quoting_them(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="heights must") as caught:
        ExactHeights(DirectNoise(**PLAIN), wrong)
    assert "987654" not in str(caught.value)


def test_heights_belong_to_a_plan() -> None:
    with pytest.raises(InvalidInput, match="plan must be a DirectNoise"):
        ExactHeights(PLAIN, np.array([1, 2, 3]))  # type: ignore[arg-type]


def test_exact_heights_are_their_own_copy() -> None:
    given_heights = np.array([4096, 7, 0])
    counted = ExactHeights(DirectNoise(**PLAIN), given_heights)
    given_heights[:] = 10**6
    assert counted._heights.tolist() == [4096, 7, 0]


@pytest.mark.parametrize("plan", PLANS, ids=range(len(PLANS)))
def test_what_is_released_is_the_heights_plus_the_plans_noise(plan: dict[str, Any]) -> None:
    counted = exact_heights(plan)
    with fixed_key(KEY):
        curve = counted.release()
    noise = np.zeros(len(counted.plan.times), dtype=np.int64)
    with fixed_key(KEY):
        for scale in sorted(set(counted.plan.scales)):
            places = [i for i, own in enumerate(counted.plan.scales) if own == scale]
            noise[places] = discrete_laplace(len(places), scale=scale)
    assert np.array_equal(curve.noisy, counted._heights + noise)
    assert curve.noisy.dtype == np.int64
    assert curve.theorem == "survival.t2"


def test_the_charge_is_the_certificates_bound(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budget.db", limit=1000)
    for plan in PLANS[:1] + PLANS[2:5]:
        curve = exact_heights(plan).release(ledger=ledger)
        row = ledger.charges()[-1]
        assert curve.head == row.head
        assert row.record["bound"] == curve.bound.to_dict() == json.loads(curve.to_json())["bound"]
        assert row.record["fingerprint"] == curve.plan.fingerprint
        assert row.record["secure"] is curve.secure is True
        assert PublishedCurve.from_json(curve.to_json()).head == row.head


def test_a_second_release_of_the_same_heights_is_refused_and_costs_nothing(tmp_path: Path) -> None:
    ledger, counted = Ledger(tmp_path / "budget.db", limit=1000), exact_heights()
    counted.release(ledger=ledger)
    for again in (None, ledger):
        with pytest.raises(AlreadyReleased, match="count again"):
            counted.release(ledger=again)
    assert len(ledger.charges()) == 1


def test_a_ledger_that_refuses_leaves_the_heights_as_they_were(tmp_path: Path) -> None:
    small, large = Ledger(tmp_path / "small.db", limit="8.9"), Ledger(tmp_path / "large.db", limit=9)
    counted = exact_heights()
    with scripted_words([]), pytest.raises(BudgetExceeded):
        counted.release(ledger=small)
    assert not small.charges()
    counted.release(ledger=large)
    assert len(large.charges()) == 1


def test_of_many_threads_one_releases() -> None:
    counted, barrier, got = exact_heights(), Barrier(8), list[object]()

    def try_it() -> None:
        barrier.wait()
        try:
            got.append(counted.release())
        except AlreadyReleased as error:
            got.append(error)

    threads = [Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(each).__name__ for each in got) == ["AlreadyReleased"] * 7 + ["PublishedCurve"]


def test_what_happens_after_the_charge_says_that_the_charge_stays(tmp_path: Path) -> None:
    ledger, counted = Ledger(tmp_path / "budget.db", limit=1000), exact_heights()
    with scripted_words([]), pytest.raises(PrivlibError, match="the script has 0 words") as caught:
        counted.release(ledger=ledger)
    assert caught.value.__notes__ == ["The ledger was charged before this happened and keeps the charge."]
    assert len(ledger.charges()) == 1
    with pytest.raises(AlreadyReleased):
        counted.release(ledger=ledger)
    free = exact_heights()
    with scripted_words([]), pytest.raises(PrivlibError) as caught:
        free.release()
    assert not hasattr(caught.value, "__notes__")


def test_an_interruption_after_the_charge_says_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(size: int, *, scale: Fraction) -> np.ndarray:
        raise KeyboardInterrupt

    monkeypatch.setattr(published, "discrete_laplace", stopped)
    with pytest.raises(KeyboardInterrupt) as caught:
        exact_heights().release(ledger=Ledger(tmp_path / "budget.db", limit=1000))
    assert "keeps the charge" in caught.value.__notes__[0]


def test_a_release_of_test_mode_says_so_everywhere(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budget.db", limit=1000)
    with fixed_key(KEY):
        curve = exact_heights().release(ledger=ledger)
    assert curve.secure is False
    assert ledger.charges()[0].record["secure"] is False
    assert json.loads(curve.to_json())["secure"] is False
    assert "NOT SECURE" in repr(curve)
    assert PublishedCurve.from_json(curve.to_json()).secure is False
    assert "NOT SECURE" not in repr(released())


@pytest.mark.parametrize("plan", PLANS, ids=range(len(PLANS)))
def test_round_trip(plan: dict[str, Any]) -> None:
    curve = released(plan)
    again = PublishedCurve.from_json(curve.to_json())
    assert again == curve
    assert hash(again) == hash(curve)
    assert again.to_json() == curve.to_json()
    assert again.plan == curve.plan
    assert np.array_equal(again.survival, curve.survival)
    assert PublishedCurve.from_json(curve.to_json() + "\n") == curve
    assert curve != curve.to_json()
    other = PublishedCurve(curve.plan, noisy=curve.noisy + 1, head=curve.head, secure=curve.secure)
    assert other != curve


def test_a_released_curve_copies_its_heights_and_freezes_only_its_own() -> None:
    noisy, head = np.array([5000, 20, -7]), {"seq": 1}
    curve = PublishedCurve(DirectNoise(**PLAIN), noisy=noisy, head=head, secure=True)
    noisy[:] = 0
    head["seq"] = 2
    assert curve.noisy.tolist() == [5000, 20, -7]
    assert curve.head == {"seq": 1}
    with pytest.raises(ValueError, match="read-only"):
        curve.noisy[0] = 1
    for wrong in (np.array([1.0, 2, 3]), np.array([1, 2])):
        with pytest.raises(InvalidInput, match="noisy must be an int64 array"):
            PublishedCurve(DirectNoise(**PLAIN), noisy=wrong, head=None, secure=True)


def test_heights_beyond_the_integers_of_json_survive_the_round_trip() -> None:
    curve = PublishedCurve(DirectNoise(**PLAIN), noisy=np.array([2**53, 1, -(2**60)]), head=None, secure=True)
    assert json.loads(curve.to_json())["noisy"] == ["9007199254740992", 1, str(-(2**60))]
    assert PublishedCurve.from_json(curve.to_json()) == curve


FORGED: list[dict[str, Any]] = [
    {"secure": 1},
    {"secure": "true"},
    {"secure": None},
    {"ledger": []},
    {"ledger": "head"},
    {"ledger": 7},
    {"ledger": False},
    {"ledger": {}},
    {"ledger": {"seq": 2}},
    {"more": 1},
    {"noisy": [True, 2, 3]},
    {"noisy": ["1", 2, 3]},
    {"noisy": [" 1", 2, 3]},
    {"noisy": ["\u0661", 2, 3]},
    {"noisy": [None, 2, 3]},
    {"noisy": [[1], 2, 3]},
    {"noisy": ["9" * 5000, 2, 3]},
    {"noisy": ["9" * 30, 2, 3]},
    {"noisy": [1, 2]},
    {"noisy": [1, 2, 3, 4]},
    {"noisy": []},
    {"noisy": "123"},
    {"noisy": 5},
    {"noisy": None},
    {"noisy": {"1": 2}},
    {"bound": Bound.pure(3, neighbours="replace").to_dict()},
    {"bound": None},
    {"bound": 9},
    {"theorem": "survival.t1"},
    {"theorem": None},
    {"spec": None},
    {"spec": []},
    {"spec": "plan"},
    {"spec": 4},
]
FORGED_PLANS: list[dict[str, Any]] = [
    {"times": "159"},
    {"times": [1, 5, 9]},
    {"times": {"1": 2}},
    {"times": None},
    {"times": ["5", "1", "9"]},
    {"horizon": 10},
    {"horizon": None},
    {"horizon": "1" + "0" * 12},
    {"unit": []},
    {"nominal": "1"},
    {"nominal": True},
    {"neighbours": "event"},
    {"neighbours": {}},
    {"multipliers": None},
    {"multipliers": []},
    {"multipliers": "111"},
    {"multipliers": ["1", "1", "2/2"]},
    {"window": True},
    {"window": "5"},
    {"window": 4},
    {"window": 10**30 + 1},
    {"finish": ["mean"]},
    {"finish": None},
    {"more": 1},
]


def forged(change: dict[str, Any]) -> str:
    body = json.loads(released().to_json())
    for name in ("digest", "kind", "format", "privlib"):
        body.pop(name)
    return seal("survival.published", {**body, **change})


@pytest.mark.parametrize("change", FORGED, ids=range(len(FORGED)))
def test_a_forged_release_is_refused_as_tampered(change: dict[str, Any]) -> None:
    PublishedCurve.from_json(forged({}))
    with pytest.raises(TamperedRelease):
        PublishedCurve.from_json(forged(change))


@pytest.mark.parametrize("change", FORGED_PLANS, ids=range(len(FORGED_PLANS)))
def test_a_release_with_a_forged_plan_is_refused_as_tampered(change: dict[str, Any]) -> None:
    with pytest.raises(TamperedRelease):
        PublishedCurve.from_json(forged({"spec": {**DirectNoise(**PLAIN).to_dict(), **change}}))


@pytest.mark.parametrize("name", ["spec", "noisy", "bound", "theorem", "ledger", "secure"])
def test_a_release_that_lacks_a_part_is_refused_as_tampered(name: str) -> None:
    body = json.loads(released().to_json())
    for left_out in ("digest", "kind", "format", "privlib", name):
        body.pop(left_out)
    with pytest.raises(TamperedRelease):
        PublishedCurve.from_json(seal("survival.published", body))


def test_the_finished_curve_is_clipped_falling_and_smoothed() -> None:
    raw = np.array([1.5, 0.5, 0.75, -0.25, 0.5])
    assert finished(raw, window=1, finish="mean").tolist() == [1.0, 0.5, 0.5, 0.0, 0.0]
    assert finished(raw, window=3, finish="mean").tolist() == pytest.approx([0.75, 2 / 3, 1 / 3, 1 / 6, 0.0])
    assert finished(raw, window=1, finish="isotonic").tolist() == pytest.approx([1.0, 0.625, 0.625, 0.25, 0.25])


def test_the_curve_is_a_step_from_1_held_until_the_next_time() -> None:
    plan = DirectNoise(**{**PLAIN, "window": 1})
    curve = PublishedCurve(plan, noisy=np.array([4096, 2048, 0]), head=None, secure=True)
    assert curve.predict(np.array([0.0, 1, 4.9, 5, 9, 10])).tolist() == [1, 1, 1, 0.5, 0, 0]

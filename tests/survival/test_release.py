"""One draw: from the exact table, under the plan's noise, with its certificate, and nothing else."""

import ast
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import privlib
from privlib.budget import Ledger
from privlib.errors import InvalidInput, TamperedRelease
from privlib.noise import discrete_laplace
from privlib.noise.testing import fixed_key
from privlib.survival import Curve, Spec, kaplan_meier
from privlib.testing import Person, survival_rows

KEY = bytes(range(32))
PLANS: list[dict[str, Any]] = [
    {"horizon": 30, "epsilon": 1, "neighbours": "add_remove", "expected_n": 100},
    {"horizon": 30, "epsilon": "1/3", "neighbours": "replace", "n": 4},
    {"horizon": "3", "unit": "0.1", "epsilon": 0.1, "neighbours": "add_remove", "n_bins": 7},
    {"horizon": 30, "epsilon": 1, "neighbours": "replace", "n": 4, "grid": [0, 7, 9, 30]},
    {"horizon": 30, "epsilon": 20, "neighbours": "add_remove", "n_bins": 30, "groups": ["ä", "<b>"]},
    {"horizon": 30, "epsilon": 1, "neighbours": "replace", "n": 4, "n_bins": 3, "groups": [2, -1, 7]},
]


def curve(plan: dict[str, Any]) -> Curve:
    spec = Spec(**plan)
    labels = None if spec.groups is None else [spec.groups[0], spec.groups[1], spec.groups[0], spec.groups[1]]
    return spec.count([1, 2, 2.5, 40], [1, 0, 1, 1], group=labels).release()


@given(survival_rows(20, ["x", "y"]), st.randoms(use_true_random=False), st.integers(1, 12))
def test_release_depends_only_on_the_statistic(people: list[Person], random: Any, bins: int) -> None:
    spec = Spec(horizon=20, epsilon=1, neighbours="add_remove", n_bins=bins, groups=["x", "y"])
    others = [p._replace(time=p.time + 10**6) if p.time > 20 else p for p in people]  # not told apart by the cells
    random.shuffle(others)
    texts = []
    for rows in (people, others):
        table = spec.count([p.time for p in rows], [p.event for p in rows], group=[p.group for p in rows])
        with fixed_key(KEY):
            texts.append(table.release().to_json())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("plan", PLANS, ids=range(len(PLANS)))
def test_what_is_released_is_the_counts_plus_the_plans_noise(plan: dict[str, Any]) -> None:
    spec = Spec(**plan)
    labels = None if spec.groups is None else [spec.groups[0]] * 4
    table = spec.count([1, 2, 2.5, 40], [1, 0, 1, 1], group=labels)
    with fixed_key(KEY):
        released = table.release()
    with fixed_key(KEY):
        noise = discrete_laplace(spec.cells, scale=(2 if plan["neighbours"] == "replace" else 1) / spec.epsilon)
    assert np.array_equal(released.noisy, table._cells + noise)
    assert released.noisy.dtype == np.int64
    assert released.bound == privlib.bounds.Bound.pure(plan["epsilon"], neighbours=plan["neighbours"])
    assert released.theorem == "survival.t1"


@pytest.mark.parametrize("plan", PLANS, ids=range(len(PLANS)))
def test_round_trip(plan: dict[str, Any]) -> None:
    released = curve(plan)
    again = Curve.from_json(released.to_json())
    assert again == released
    assert hash(again) == hash(released)
    assert again.to_json() == released.to_json()
    assert again.spec == released.spec
    assert again.spec.fingerprint == released.spec.fingerprint
    assert again.summary() == released.summary()
    assert Curve.from_json(released.to_json() + "\n") == released
    for label in released.groups:
        assert np.array_equal(again[label].survival_function_, released[label].survival_function_)


def test_counts_beyond_the_integers_of_json_survive_the_round_trip() -> None:
    spec = Spec(horizon=2, epsilon=1, neighbours="add_remove", n_bins=1)
    released = Curve(spec, noisy=np.array([2**53, -(2**53) - 1, 2**53 - 1]), head=None, secure=True)
    assert json.loads(released.to_json())["noisy"] == ["9007199254740992", "-9007199254740993", 2**53 - 1]
    assert Curve.from_json(released.to_json()) == released


def test_a_release_is_a_pure_record_of_public_things() -> None:
    record = json.loads(curve(PLANS[0]).to_json())
    assert set(record) == {"spec", "noisy", "bound", "theorem", "ledger", "secure", "kind", "format", "privlib", "digest"}
    assert record["secure"] is True
    assert record["ledger"] is None


def test_a_release_of_test_mode_says_so_everywhere() -> None:
    with fixed_key(KEY):
        released = curve(PLANS[0])
    assert released.secure is False
    assert json.loads(released.to_json())["secure"] is False
    assert "NOT SECURE" in repr(released)
    assert "NOT SECURE" in released.summary()
    assert not Curve.from_json(released.to_json()).secure
    assert curve(PLANS[0]).secure is True


def test_the_charge_stands_in_the_release(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budget.db", limit=3)
    spec = Spec(**PLANS[0])
    first, second = (spec.count([1, 2], [1, 0]).release(ledger=ledger) for _ in range(2))
    for released, row in zip((first, second), ledger.charges(), strict=True):
        assert released.head == row.head
        ledger.verify_head(released.head)
        assert row.record["fingerprint"] == spec.fingerprint
        assert row.record["secure"] is True
        assert Curve.from_json(released.to_json()).head == released.head
        assert f"row {row.seq}" in released.summary()
    assert ledger.remaining == 1


def test_one_line_gives_the_same_as_the_steps(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"t": [1, 2, 3, 40], "e": [2, 1, 2, 1], "g": list("abab"), "who": list("wxyz")})
    plan = {"horizon": 30, "epsilon": 1, "neighbours": "add_remove", "expected_n": 9}
    with fixed_key(KEY):
        short = kaplan_meier(
            frame, duration_col="t", event_col="e", group_col="g", id_col="who", event_codes=(1, 2), groups=["a", "b"], **plan
        )
    spec = Spec(groups=["a", "b"], **plan)
    with fixed_key(KEY):
        steps = spec.count(frame["t"], frame["e"], group=frame["g"], id=frame["who"], event_codes=(1, 2)).release()
    assert short.to_json() == steps.to_json()


def test_two_releases_never_carry_the_same_noise() -> None:
    spec = Spec(horizon=30, epsilon="0.01", neighbours="add_remove", n_bins=30)
    assert curve_of(spec) != curve_of(spec)  # false alarm below 200**-61


def curve_of(spec: Spec) -> list[int]:
    return spec.count([1, 2, 3]).release().noisy.tolist()


def test_the_released_counts_cannot_be_changed() -> None:
    released = curve(PLANS[0])
    with pytest.raises(ValueError, match="read-only"):
        released.noisy[0] = 5


def resealed(record: dict[str, Any]) -> str:
    """What somebody writes who knows how digests are made."""
    return privlib.certificate.seal("survival.curve", {k: v for k, v in record.items() if k not in {"digest", "kind"}})


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["bound"].update(epsilon="1/2"),
        lambda record: record["bound"].update(neighbours="replace"),
        lambda record: record["bound"].update(extra="1"),
        lambda record: record.update(theorem="survival.t2"),
        lambda record: record.update(secure=1),
        lambda record: record.update(note="checked by the board"),
        lambda record: record.update(ledger={}),
        lambda record: record.update(ledger={"journal": "a", "seq": True, "id": "b", "digest": "c"}),
        lambda record: record.update(ledger={"journal": "a", "seq": 2, "id": "b", "digest": "c", "note": "d"}),
        lambda record: record["noisy"].__setitem__(0, "1_0"),
        lambda record: record.update(noisy=[[]]),
        lambda record: record.update(noisy=dict.fromkeys(map(str, record["noisy"]))),
        lambda record: record["spec"].update(bins=True),
        lambda record: record["spec"].update(edges=[0, True]),
        lambda record: record["spec"].update(edges="12"),
        lambda record: record["spec"].update(neighbours=["replace"]),
        lambda record: record.update(ledger=[]),
        lambda record: record.update(ledger="x"),
        lambda record: record["noisy"].pop(),
        lambda record: record["noisy"].append(0),
        lambda record: record["noisy"].__setitem__(0, True),
        lambda record: record["noisy"].__setitem__(0, "5"),
        lambda record: record["noisy"].__setitem__(0, " 9007199254740993"),
        lambda record: record["noisy"].__setitem__(0, str(2**63)),
        lambda record: record["noisy"].__setitem__(0, None),
        lambda record: record.update(noisy=5),
        lambda record: record["spec"].update(bins=5),
        lambda record: record["spec"].update(bins=None),
        lambda record: record["spec"].update(epsilon="1/2"),
        lambda record: record["spec"].update(people=10**6),
        lambda record: record["spec"].update(people="100"),
        lambda record: record["spec"].update(horizon="3.5"),
        lambda record: record["spec"].update(more=1),
        lambda record: record["spec"].pop("groups"),
        lambda record: record.pop("spec"),
        lambda record: record.pop("noisy"),
        lambda record: record.pop("secure"),
        lambda record: record.update(spec=[]),
    ],
)
def test_a_release_that_contradicts_itself_is_refused(change: Any) -> None:
    record = json.loads(curve(PLANS[0]).to_json())
    assert Curve.from_json(resealed(record)).to_json() == resealed(record)
    change(record)
    with pytest.raises(TamperedRelease):
        Curve.from_json(resealed(record))


def test_estimate_never_sees_data() -> None:
    """Neither file can reach rows, exact tables or noise: they import none of them."""
    folder = Path(privlib.survival.__file__).parent
    for name in ("estimate.py", "curve.py"):
        tree = ast.parse((folder / name).read_text(encoding="utf-8"))
        imported = {
            f"{node.module}.{alias.name}" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
        } | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        forbidden = ("privlib.tables", "privlib.noise", "privlib.survival.table", "privlib.survival.release", "privlib.budget")
        assert not [module for module in imported if module.startswith(forbidden)], name
        assert "privlib.survival.spec.Spec" in imported, "the plan is all it knows"


def test_true_is_no_one_anywhere_in_a_file() -> None:
    spec = Spec(horizon=3, epsilon=1, neighbours="add_remove", grid=[1, 3])
    text = Curve(spec, noisy=np.arange(spec.cells), head=None, secure=True).to_json()
    for honest, forged in (("[0,1,3]", "[0,true,3]"), ('"noisy":[0,1,', '"noisy":[0,true,'), ('"noisy":[0,', '"noisy":[false,')):
        assert honest in text
        with pytest.raises(TamperedRelease):
            Curve.from_json(resealed(json.loads(text.replace(honest, forged))))


def test_a_file_of_another_version_is_read() -> None:
    text = curve(PLANS[0]).to_json()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(privlib, "__version__", "9.8.7")
        later = resealed({name: value for name, value in json.loads(text).items() if name != "privlib"})
    assert '"privlib":"9.8.7"' in later
    assert Curve.from_json(later).to_json() == text


def test_a_curve_keeps_its_own_counts() -> None:
    spec = Spec(horizon=3, epsilon=1, neighbours="add_remove", n_bins=3)
    mine = np.arange(spec.cells)
    released = Curve(spec, noisy=mine, head=None, secure=True)
    mine[0] = 99
    assert released.noisy[0] == 0
    for wrong in (mine[1:], mine.astype(float), mine.astype(np.int32), mine.reshape(1, -1), mine.astype(bool)):
        with pytest.raises(InvalidInput, match="noisy must be 7 counts of dtype int64"):
            Curve(spec, noisy=wrong, head=None, secure=True)
    with pytest.raises(InvalidInput, match="no group 'a'"):
        Curve(spec, noisy=mine, head=None, secure=True, group="a")


def test_the_curve_of_one_group_is_no_release_of_its_own() -> None:
    spec = Spec(horizon=3, epsilon=1, neighbours="add_remove", n_bins=3, groups=["a", "b"])
    whole = Curve(spec, noisy=np.arange(spec.cells), head=None, secure=True)
    one = whole["b"]
    assert (list(whole), list(one), one.groups, one.group) == (["a", "b"], [], (), "b")
    assert one == whole["b"]
    assert hash(one) == hash(whole["b"])
    assert one not in (whole, whole["a"])
    with pytest.raises(InvalidInput, match="the groups are none"):
        one["a"]
    with pytest.raises(InvalidInput, match="write the whole release"):
        one.to_json()
    assert "Median b" in one.summary()
    assert "Median a" not in one.summary()
    assert one.survival_function_.tolist() != whole["a"].survival_function_.tolist()


def test_an_empty_grouping_does_not_make_a_curve_false() -> None:
    spec = Spec(horizon=3, epsilon=1, neighbours="add_remove", n_bins=3)
    released = Curve(spec, noisy=np.arange(spec.cells), head=None, secure=True)
    assert released
    with pytest.raises(TypeError):
        len(released)  # type: ignore[arg-type]
    for head in ({}, {"seq": 2}, {"digest": 5}):
        assert "Ledger       row" in Curve(spec, noisy=np.arange(spec.cells), head=head, secure=True).summary()


@pytest.mark.parametrize("number", [np.int64, np.uint8, np.float64, np.float32, int, float, Fraction])
def test_estimates_take_numbers_of_numpy_too(number: Any) -> None:
    spec = Spec(horizon=3, epsilon=1, neighbours="add_remove", n_bins=3)
    released = Curve(spec, noisy=np.arange(1, spec.cells + 1), head=None, secure=True)
    assert released.rmst(number(2)) == released.rmst(2)
    assert released.predict([number(2)]).tolist() == released.predict(2.0).reshape(1).tolist()
    assert released.percentile(number(1)) == released.percentile(1)
    assert released.percentile_interval(number(0)) == released.percentile_interval(0)

"""Every documented bad input is refused before noise and before budget, in words that help and hold no data."""

import re
from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import privlib
from privlib.budget import Ledger
from privlib.errors import AlreadyReleased, BudgetExceeded, InvalidInput, Mismatch, PrivlibError
from privlib.noise.testing import scripted_words
from privlib.survival import Curve, Spec, SurvivalTable, kaplan_meier

PLANTED = 987654321
NAN, INF = float("nan"), float("inf")
PLAIN: dict[str, Any] = {"horizon": 30, "epsilon": 1, "neighbours": "add_remove", "n_bins": 5}
GROUPED = {**PLAIN, "groups": ["a", "b"]}
TIMES, EVENTS = [3, 8, 20, 41], [1, 0, 1, 0]

BAD_PLANS: list[tuple[str, dict[str, Any], str]] = [
    ("epsilon zero", {"epsilon": 0}, "epsilon must be > 0"),
    ("epsilon negative", {"epsilon": -1}, "epsilon must be > 0"),
    ("epsilon nan", {"epsilon": NAN}, "epsilon must be a plain finite number"),
    ("epsilon infinite", {"epsilon": INF}, "epsilon must be a plain finite number"),
    ("epsilon of single precision", {"epsilon": np.float32(1)}, "epsilon must be .* not float32"),
    ("epsilon boolean", {"epsilon": True}, "epsilon must be .* not bool"),
    ("epsilon none", {"epsilon": None}, "epsilon must be .* not NoneType"),
    ("epsilon tiny", {"epsilon": "1e-12"}, "scale .* more budget"),
    ("epsilon of many digits", {"epsilon": Fraction(1, 10**5000)}, "epsilon must be .* at most 400 digits"),
    ("horizon none", {"horizon": None}, "horizon must be"),
    ("horizon zero", {"horizon": 0}, "horizon must be > 0"),
    ("horizon negative", {"horizon": -5}, "horizon must be > 0"),
    ("horizon nan", {"horizon": NAN}, "horizon must be a plain finite number"),
    ("horizon between units", {"horizon": 30, "unit": 7}, "horizon must be a multiple of unit.*give a finer unit"),
    ("horizon of too many units", {"horizon": 2**60}, "too large to keep times exact: give a coarser unit"),
    ("unit zero", {"unit": 0}, "unit must be > 0"),
    ("unit negative", {"unit": "-1/2"}, "unit must be > 0"),
    ("neighbours missing", {"neighbours": None}, "neighbours must be 'add_remove' or 'replace'"),
    ("neighbours unknown", {"neighbours": "bounded"}, "neighbours must be 'add_remove' or 'replace'"),
    ("neighbours of another room", {"neighbours": "event"}, "neighbours must be 'add_remove' or 'replace'"),
    ("neighbours a list", {"neighbours": ["replace"]}, "neighbours must be"),
    ("no number for the grid", {"n_bins": None}, "give expected_n .*, n_bins or grid"),
    ("n missing under replace", {"neighbours": "replace"}, "under replace .* give n"),
    ("n under add_remove", {"n": 228}, "under add_remove give expected_n, not n"),
    ("expected_n under replace", {"neighbours": "replace", "expected_n": 5}, "under replace give n, not expected_n"),
    ("n zero", {"neighbours": "replace", "n": 0}, r"n must be an int from 1 to 2\*\*62"),
    ("n a float", {"neighbours": "replace", "n": 228.0}, "n must be an int"),
    ("n boolean", {"neighbours": "replace", "n": True}, "n must be an int"),
    ("n enormous", {"neighbours": "replace", "n": 2**62 + 1}, "n must be an int"),
    ("expected_n negative", {"expected_n": -1}, "expected_n must be an int"),
    ("bins zero", {"n_bins": 0}, "n_bins must be an int >= 1"),
    ("bins a float", {"n_bins": 5.0}, "n_bins must be an int >= 1"),
    ("bins boolean", {"n_bins": True}, "n_bins must be an int >= 1"),
    ("bins finer than units", {"n_bins": 31}, "n_bins = 31 is finer than the 30 units .* give a smaller unit"),
    ("bins without end", {"horizon": 2**50, "n_bins": 2**50}, r"at most 2\*\*24"),
    ("automatic bins without end", {"horizon": 2**50, "n_bins": None, "expected_n": 10**9, "epsilon": 99}, r"2\*\*24"),
    ("cells without end", {"horizon": 2**20, "n_bins": 2**20, "groups": list(range(16))}, r"cells, at most 2\*\*24"),
    ("grid and bins", {"grid": [30]}, "give grid or n_bins, not both"),
    ("grid empty", {"grid": [], "n_bins": None}, "grid must increase strictly from 0 and end at the horizon"),
    ("grid a number", {"grid": 5, "n_bins": None}, "grid must be a list"),
    ("grid a text", {"grid": "30", "n_bins": None}, "grid must be a list"),
    ("grid not increasing", {"grid": [10, 10, 30], "n_bins": None}, "grid must increase strictly"),
    ("grid falling", {"grid": [20, 10, 30], "n_bins": None}, "grid must increase strictly"),
    ("grid too short", {"grid": [10, 20], "n_bins": None}, "end at the horizon"),
    ("grid too long", {"grid": [10, 31], "n_bins": None}, "end at the horizon"),
    ("grid negative", {"grid": [-1, 30], "n_bins": None}, "grid must increase strictly"),
    ("grid between units", {"grid": [10.5, 30], "n_bins": None}, "every edge of grid must be a multiple of unit=1: give a finer"),
    ("grid nan", {"grid": [NAN, 30], "n_bins": None}, "grid must be a plain finite number"),
    ("one group", {"groups": ["a"]}, "at least two different public labels"),
    ("no group", {"groups": []}, "at least two different public labels"),
    ("groups repeat", {"groups": ["a", "b", "a"]}, "at least two different public labels"),
    ("groups of two types", {"groups": ["a", 1]}, "all str or all int"),
    ("groups of floats", {"groups": [1.0, 2.0]}, "all str or all int"),
    ("groups of booleans", {"groups": [True, False]}, "all str or all int"),
    ("groups of nothing", {"groups": [None, "a"]}, "all str or all int"),
    ("groups of lists", {"groups": [["a"], ["b"]]}, "all str or all int"),
    ("groups one text", {"groups": "ab"}, "groups must be a list of labels"),
    ("groups one number", {"groups": 7}, "groups must be a list of labels"),
    ("groups of wide integers", {"groups": [0, 2**63]}, "integers of 64 bits"),
    ("groups that numpy would merge", {"groups": ["a", "a\0"]}, "null character"),
]

BAD_ROWS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("a time of zero", PLAIN, {"durations": [3, 0, PLANTED]}, "durations must be finite and > 0: shift or drop zero times"),
    ("a negative time", PLAIN, {"durations": [3, -PLANTED]}, "durations must be finite and > 0"),
    ("a negative fraction", PLAIN, {"durations": [3.0, -0.0]}, "durations must be finite and > 0"),
    ("a nan", PLAIN, {"durations": [float(PLANTED), NAN]}, "durations must be finite"),
    ("an infinite time", PLAIN, {"durations": [float(PLANTED), INF]}, "durations must be finite"),
    ("a negative infinity", PLAIN, {"durations": np.array([1.0, -INF])}, "durations must be finite"),
    ("a missing time in a list", PLAIN, {"durations": [PLANTED, None]}, "durations must hold .* without missing values"),
    ("a missing time in pandas", PLAIN, {"durations": pd.Series([PLANTED, None])}, "durations has missing values"),
    ("a missing nullable", PLAIN, {"durations": pd.Series([PLANTED, None], dtype="Int64")}, "durations has missing values"),
    ("a missing time in polars", PLAIN, {"durations": pl.Series([PLANTED, None])}, "durations has missing values"),
    ("a missing time in arrow", PLAIN, {"durations": pa.chunked_array([[PLANTED, None]])}, "durations has missing values"),
    ("a masked time", PLAIN, {"durations": np.ma.array([3, PLANTED], mask=[0, 1])}, "durations must not be a masked array"),
    ("times as text", PLAIN, {"durations": [str(PLANTED)]}, "durations must be numbers, got text$"),
    ("times as booleans", PLAIN, {"durations": [True, True]}, "durations must be numbers, got dtype bool"),
    ("times of two types", PLAIN, {"durations": [PLANTED, "4"]}, "durations must hold numbers or labels of one type"),
    ("times as objects", PLAIN, {"durations": np.array([PLANTED, 1.5], dtype=object)}, "durations has dtype object"),
    ("times too wide", PLAIN, {"durations": [PLANTED, 10**400]}, "durations"),
    ("times too wide for floats", PLAIN, {"durations": [0.5, 10**400]}, "durations"),
    ("complex times", PLAIN, {"durations": np.array([1j * PLANTED])}, "durations must hold numbers or labels, got dtype complex"),
    (
        "dates",
        PLAIN,
        {"durations": pd.Series([datetime(2020, 1, 1)])},
        "durations must hold numbers or labels, got dtype datetime",
    ),
    ("time spans", PLAIN, {"durations": pd.to_timedelta(pd.Series([3]), unit="D")}, "got dtype timedelta"),
    ("a table of times", PLAIN, {"durations": np.full((2, 2), PLANTED)}, "durations must be one-dimensional, got 2 dimensions"),
    ("one time", PLAIN, {"durations": PLANTED}, "durations must be an array, a dataframe column or a list, not int"),
    ("a frame", PLAIN, {"durations": pd.DataFrame({"t": [PLANTED]})}, "durations must be .* not DataFrame"),
    ("a mapping", PLAIN, {"durations": {"t": PLANTED}}, "durations must be .* not dict"),
    ("a set", PLAIN, {"durations": {PLANTED}}, "durations must be .* not set"),
    ("a generator", PLAIN, {"durations": (t for t in [PLANTED])}, "durations must be .* not generator"),
    ("intervals as pairs", PLAIN, {"durations": [[1, PLANTED], [2, 3]]}, "durations must hold numbers"),
    ("fewer events", PLAIN, {"event_observed": [1, 0]}, "durations and event_observed must be equally long$"),
    ("a code of R", PLAIN, {"event_observed": [1, 2, 1, 2]}, r"hold only 0 .* and 1 .* give event_codes=\(censored, event\)"),
    ("a planted code", PLAIN, {"event_observed": [1, 0, 1, PLANTED]}, "event_observed must hold only 0"),
    ("half a code", PLAIN, {"event_observed": [1, 0, 1, 0.5]}, "event_observed must hold only 0"),
    ("a code that is nan", PLAIN, {"event_observed": [1.0, 0.0, NAN, 0.0]}, "event_observed must hold only 0"),
    ("codes as text", PLAIN, {"event_observed": ["1", "0", "1", "0"]}, "event_observed must hold the codes"),
    ("missing codes", PLAIN, {"event_observed": [1, 0, None, 1]}, "event_observed must hold .* without missing values"),
    ("missing booleans", PLAIN, {"event_observed": pd.Series([True, None, False, True])}, "event_observed has missing values"),
    ("one code only", PLAIN, {"event_codes": (1, 1)}, "event_codes must be two different numbers"),
    ("three codes", PLAIN, {"event_codes": (0, 1, 2)}, "event_codes must be two different numbers"),
    ("a code alone", PLAIN, {"event_codes": 1}, "event_codes must be two different numbers"),
    ("booleans as codes", PLAIN, {"event_codes": (False, True)}, "two different numbers of type int"),
    ("floats as codes", PLAIN, {"event_codes": (0.0, 1.0)}, "two different numbers of type int"),
    ("numpy codes", PLAIN, {"event_codes": (np.int64(0), np.int64(1))}, "two different numbers of type int"),
    ("codes beyond floats", PLAIN, {"event_codes": (0, 2**53)}, "two different numbers of type int"),
    (
        "codes that one half float holds alike",
        PLAIN,
        {"event_observed": np.full(4, 2048, dtype="f2"), "event_codes": (2049, 2048 + 4)},
        "event_observed must hold only 2049",
    ),
    ("another mapping", PLAIN, {"event_codes": (1, 2)}, "event_observed must hold only 1"),
    ("no labels", GROUPED, {}, "the plan has groups: give group="),
    ("labels without groups", PLAIN, {"group": ["a"] * 4}, "the plan has no groups: give them to Spec"),
    ("an unknown label", GROUPED, {"group": ["a", "b", "a", f"x{PLANTED}"]}, "group holds a label that is not one of the plan's"),
    ("fewer labels", GROUPED, {"group": ["a", "b"]}, "durations and group must be equally long$"),
    ("labels of another type", GROUPED, {"group": [PLANTED] * 4}, "group must hold labels of the same type"),
    ("labels as floats", {**PLAIN, "groups": [1, 2]}, {"group": [1.0, 2.0, 1.0, 2.0]}, "group must hold labels of the same type"),
    ("labels as booleans", {**PLAIN, "groups": [0, 1]}, {"group": [True, False] * 2}, "group must hold labels of the same type"),
    ("a missing label", GROUPED, {"group": pd.Series(["a", None, "b", "a"])}, "group has missing values"),
    ("a missing category", GROUPED, {"group": pd.Series(["a", None, "b", "a"], dtype="category")}, "group has missing values"),
    ("a label that ends in a null", GROUPED, {"group": ["a", "b", "a", "a\0"]}, "group must hold labels .* null character"),
    (
        "an unsigned label too wide",
        {**PLAIN, "groups": [1, 2]},
        {"group": np.array([1, 2, 1, 2**63], "u8")},
        "not one of the plan",
    ),
    ("a person that ends in a null", PLAIN, {"id": ["a", "b", "c", "a\0"]}, "id must hold labels .* null character"),
    ("a repeated person", PLAIN, {"id": [1, PLANTED, PLANTED, 4]}, "id repeats: give one row per person"),
    ("a repeated name", PLAIN, {"id": ["a", f"x{PLANTED}", f"x{PLANTED}", "d"]}, "id repeats: give one row per person"),
    ("fewer persons", PLAIN, {"id": [1, 2]}, "durations and id must be equally long$"),
    ("a missing person", PLAIN, {"id": pl.Series([1, None, 3, 4])}, "id has missing values"),
]


def named(cases: list[Any]) -> list[Any]:
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


def refusal(act: Callable[[], object]) -> InvalidInput:
    """What was refused, without a draw: a single random word would raise another error."""
    with scripted_words([]), pytest.raises(InvalidInput) as caught:
        act()
    assert str(PLANTED) not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("changes", "words"), named(BAD_PLANS))
def test_a_bad_plan_is_refused(changes: dict[str, Any], words: str) -> None:
    message = str(refusal(lambda: Spec(**{**PLAIN, **changes})))
    assert re.search(words, message), message
    assert len(message) < 300


@pytest.mark.parametrize(("plan", "rows", "words"), named(BAD_ROWS))
def test_bad_rows_are_refused(plan: dict[str, Any], rows: dict[str, Any], words: str) -> None:
    given_rows = {"durations": TIMES, **({} if "durations" in rows else {"event_observed": EVENTS}), **rows}
    if "durations" in rows and plan is PLAIN:
        given_rows["durations"] = rows["durations"]
    message = str(refusal(lambda: Spec(**plan).count(given_rows.pop("durations"), **given_rows)))
    assert re.search(words, message), message


@pytest.mark.parametrize("missing", ["horizon", "epsilon", "neighbours"])
def test_what_must_be_public_has_no_default(missing: str) -> None:
    with pytest.raises(TypeError, match=missing):
        Spec(**{name: value for name, value in PLAIN.items() if name != missing})


@pytest.mark.parametrize("name", ["seed", "random_state", "rng", "noise", "key"])
def test_there_is_no_way_to_pass_randomness(name: str) -> None:
    with pytest.raises(TypeError):
        Spec(**PLAIN, **{name: 42})
    with pytest.raises(TypeError):
        Spec(**PLAIN).count(TIMES).release(**{name: 42})


@pytest.mark.parametrize("column", ["duration_col", "event_col", "group_col", "id_col"])
def test_a_column_that_is_not_there_is_named(column: str) -> None:
    frame = pd.DataFrame({"t": [PLANTED], "e": [1]})
    columns = {"duration_col": "t", "event_col": "e", column: "absent"}
    error = refusal(lambda: kaplan_meier(frame, **columns, **PLAIN))
    assert str(error) == "there is no column 'absent': the columns are 't', 'e'"


@pytest.mark.parametrize(
    "frame",
    [{"t": [PLANTED]}, [PLANTED], None, np.full((1, 1), PLANTED), pl.LazyFrame({"t": [PLANTED]}), pd.Series([PLANTED])],
    ids=["dict", "list", "none", "array", "lazy", "series"],
)
def test_what_is_no_dataframe_is_refused(frame: object) -> None:
    assert "the data must be a dataframe" in str(refusal(lambda: kaplan_meier(frame, duration_col="t", **PLAIN)))


def test_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame([[PLANTED, 1]], columns=["t", "t"])
    assert "different names" in str(refusal(lambda: kaplan_meier(frame, duration_col="t", **PLAIN)))


# Nobody's presence decides


def test_unequal_lengths_are_refused_without_telling_a_length() -> None:
    for rows in ({"event_observed": [1]}, {"group": ["a"]}, {"id": [1]}):
        plan = GROUPED if "group" in rows else PLAIN
        assert not re.search("[0-9]", str(refusal(lambda plan=plan, rows=rows: Spec(**plan).count(TIMES, **rows))))  # type: ignore[misc]
    refusal(lambda: Spec(**PLAIN).count([], [1]))
    refusal(lambda: Spec(**PLAIN).count(np.array([], dtype=object), id=[1]))


def test_a_refused_text_does_not_tell_how_long_it_is() -> None:
    messages = {str(refusal(lambda text=text: Spec(**PLAIN).count([text]))) for text in ("1", "1" * 50)}  # type: ignore[misc]
    messages |= {str(refusal(lambda text=text: Spec(**PLAIN).count(np.array([text])))) for text in (b"1", b"123")}  # type: ignore[misc]
    assert len(messages) == 2, "one for texts, one for bytes"


EMPTY: list[Any] = [
    [],
    (),
    np.array([], dtype=object),
    np.array([], dtype=np.str_),
    np.array([], dtype=bool),
    pd.Series([], dtype=object),
    pd.DataFrame(columns=["t"])["t"],
    pl.Series([]),
    pl.Series([], dtype=pl.String),
    pa.table({"t": []})["t"],
    pa.array([]),
]


@pytest.mark.parametrize("empty", EMPTY, ids=range(len(EMPTY)))
@pytest.mark.parametrize("groups", [["a", "b"], [1, 2]], ids=["text", "int"])
def test_nobody_is_counted_whatever_carries_nobody(empty: object, groups: list[Any]) -> None:
    spec = Spec(**{**PLAIN, "groups": groups})
    assert not spec.count(empty, empty, group=empty, id=empty)._cells.any()


def test_an_unsigned_label_of_one_person_does_not_round_those_of_others() -> None:
    spec = Spec(**{**PLAIN, "groups": [2**53, 2**53 + 1, 2**63 - 1]})
    labels = np.array([2**53, 2**53 + 1, 2**63 - 1, 2**53 + 1], dtype=np.uint64)
    by_group = spec.count(TIMES, EVENTS, group=labels)._cells.reshape(3, -1).sum(axis=1)
    assert by_group.tolist() == [1, 2, 1]


@pytest.mark.parametrize("dtype", ["i1", "u1", "f2", "f4", "bool"])
def test_codes_are_told_apart_in_every_narrow_type(dtype: str) -> None:
    spec = Spec(**PLAIN)
    events = np.array(EVENTS, dtype=dtype)
    assert np.array_equal(spec.count(TIMES, events)._cells, spec.count(TIMES, EVENTS)._cells)
    assert np.array_equal(spec.count(TIMES, events, event_codes=(1, 0))._cells, spec.count(TIMES, [0, 1, 0, 1])._cells)
    for codes in ((0, 257), (256, 1), (70000, 1), (2**52, 1)):
        refusal(lambda codes=codes: spec.count(TIMES, events, event_codes=codes))  # type: ignore[misc]


# Refusals leave no trace


def test_refusals_come_before_noise_and_before_budget(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budget.db", limit=1)
    before = ledger.path.read_bytes()
    frame = pd.DataFrame({"t": [3, 0], "e": [1, 0]})
    for act in (
        lambda: kaplan_meier(frame, duration_col="t", event_col="e", ledger=ledger, **PLAIN),
        lambda: kaplan_meier(frame, duration_col="absent", ledger=ledger, **PLAIN),
        lambda: kaplan_meier(frame, duration_col="e", ledger=ledger, **{**PLAIN, "epsilon": 0}),
        lambda: Spec(horizon=30, epsilon=1, neighbours="replace", n=5).count(TIMES, EVENTS).release(ledger=ledger),
    ):
        refusal(act)
    assert ledger.charges() == ()
    assert ledger.path.read_bytes() == before


def test_a_table_of_another_number_of_people_is_refused_under_replace_and_can_be_completed() -> None:
    spec = Spec(horizon=30, epsilon=1, neighbours="replace", n=4)
    part, rest = spec.count(TIMES[:3], EVENTS[:3]), spec.count(TIMES[3:], EVENTS[3:])
    assert "the plan's n must be the number of rows counted" in str(refusal(part.release))
    assert isinstance((part + rest).release(), Curve)


def test_a_budget_too_small_refuses_before_the_draw_and_leaves_the_table_whole(tmp_path: Path) -> None:
    small, large = Ledger(tmp_path / "small.db", limit="0.9"), Ledger(tmp_path / "large.db", limit=1)
    table = Spec(**PLAIN).count(TIMES, EVENTS)
    with scripted_words([]), pytest.raises(BudgetExceeded):
        table.release(ledger=small)
    assert small.charges() == ()
    assert table.release(ledger=large).head is not None


def test_a_table_releases_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budget.db", limit=5)
    table = Spec(**PLAIN).count(TIMES, EVENTS)
    table.release(ledger=ledger)
    with scripted_words([]), pytest.raises(AlreadyReleased, match="count again"):
        table.release(ledger=ledger)
    assert len(ledger.charges()) == 1


def test_the_charge_stands_when_the_draw_fails(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budget.db", limit=5)
    table = Spec(**PLAIN).count(TIMES, EVENTS)
    with scripted_words([]), pytest.raises(PrivlibError, match="are needed") as caught:
        table.release(ledger=ledger)
    assert any("keeps the charge" in note for note in caught.value.__notes__)
    assert len(ledger.charges()) == 1
    with pytest.raises(AlreadyReleased):
        table.release(ledger=ledger)


def test_tables_of_other_plans_do_not_add() -> None:
    table = Spec(**PLAIN).count(TIMES, EVENTS)
    for change in (
        {"epsilon": 2},
        {"horizon": 60},
        {"n_bins": 6},
        {"neighbours": "replace", "n": 4},
        {"expected_n": 7},
        {"unit": "1/2"},
        {"n_bins": None, "grid": [6, 12, 18, 24, 30]},
    ):
        with pytest.raises(Mismatch, match="only tables of one plan add"):
            table + Spec(**{**PLAIN, **change}).count(TIMES, EVENTS)
    with pytest.raises(Mismatch):
        Spec(**GROUPED).count([], group=[]) + Spec(**{**PLAIN, "groups": ["b", "a"]}).count([], group=[])
    for other in (0, None, [1], "x"):
        with pytest.raises(TypeError):
            table + other


# Empty data and totality


def test_no_people_are_data_like_any_other() -> None:
    for events in (None, [], np.empty(0), pd.Series([], dtype="float64"), pl.Series([], dtype=pl.Int64)):
        table = Spec(**PLAIN).count([], events)
        curve = table.release()
        assert curve.noisy.shape == (table.spec.cells,)
        assert np.isfinite(curve.survival_function_).all()
    grouped = Spec(**GROUPED).count([], [], group=[]).release()
    assert np.isfinite(grouped["a"].survival_function_).all()


@given(
    st.lists(st.tuples(st.floats(min_value=0, exclude_min=True, allow_infinity=False, width=64), st.integers(0, 1)), max_size=9)
)
def test_every_positive_finite_time_is_counted(rows: list[tuple[float, int]]) -> None:
    table = Spec(**PLAIN).count([t for t, _ in rows], [e for _, e in rows])
    assert int(table._cells.sum()) == len(rows)
    assert (table._cells >= 0).all()


# Estimates


@pytest.mark.parametrize("confidence", [0, 1, -1, 2, NAN, INF])
def test_a_confidence_outside_its_range_is_refused(confidence: float) -> None:
    curve = Spec(**PLAIN).count(TIMES).release()
    for ask in (
        lambda: curve.confidence_interval(confidence),
        lambda: curve.band([1], confidence=confidence),
        lambda: curve.percentile_interval(0.5, confidence),
        lambda: curve.rmst(3).interval(confidence),
    ):
        with pytest.raises(InvalidInput, match="confidence must lie between 0 and 1"):
            ask()


@pytest.mark.parametrize("p", [-0.1, 1.1, NAN])
def test_a_percentile_outside_its_range_is_refused(p: float) -> None:
    with pytest.raises(InvalidInput, match=r"p must lie in \[0, 1\]"):
        Spec(**PLAIN).count(TIMES).release().percentile(p)


@pytest.mark.parametrize("until", [0, -1, 31, "30.0001", NAN, INF])
def test_a_mean_beyond_the_horizon_is_refused(until: float) -> None:
    with pytest.raises(InvalidInput, match="until must"):
        Spec(**PLAIN).count(TIMES).release().rmst(until)


def test_groups_must_be_chosen() -> None:
    curve = Spec(**GROUPED).count(TIMES, EVENTS, group=list("abab")).release()
    with pytest.raises(InvalidInput, match=r"choose one, such as curve\['a'\]"):
        curve.median_survival_time_  # noqa: B018
    with pytest.raises(InvalidInput, match="there is no group 'c': the groups are 'a', 'b'"):
        curve["c"]
    with pytest.raises(InvalidInput, match="needs expected_n"):
        Spec(**PLAIN).predicted_rmse  # noqa: B018


def test_the_table_is_made_by_the_plan_alone() -> None:
    assert isinstance(privlib.survival.Spec(**PLAIN).count([1]), SurvivalTable)

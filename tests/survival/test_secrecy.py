"""A planted value never shows in anything that an exact table says, and never in a refusal."""

import copy
import io
import json
import logging
import pickle
import traceback
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import PrivlibError
from privlib.noise.testing import scripted_words
from privlib.survival import Spec, SurvivalTable, kaplan_meier

PLANTED = 987654321
ODD = f"Zoë-{PLANTED}<script>"
SIGNS = ("987654321", "987654", "Zo", "script")
PLAIN: dict[str, Any] = {"horizon": 30, "epsilon": 1, "neighbours": "add_remove", "n_bins": 5}


def said(text: object) -> None:
    assert not [sign for sign in SIGNS if sign in str(text)], str(text)


def everything_shown(thing: object) -> str:
    """What a notebook, a log file and a careless print would show."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logger = logging.Logger("careless", logging.DEBUG)
    logger.addHandler(handler)
    logger.debug("%s %r", thing, thing)
    logger.info(f"{thing} {thing!r} {thing!s} {thing!a} {[thing]} { ({'a': thing}) }")
    shown = [log.getvalue(), repr(thing), str(thing), f"{thing}", "%s %r" % (thing, thing)]  # noqa: UP031
    for name in dir(thing):
        if name.startswith("_repr_"):
            shown.append(str(getattr(thing, name)()))
    return "\n".join(shown)


def planted_tables() -> list[SurvivalTable]:
    spec = Spec(**PLAIN)
    grouped = Spec(**{**PLAIN, "groups": ["a", "b"]})
    return [
        spec.count([1, 2, PLANTED], [1, 0, 1], id=[PLANTED, 5, 6]),
        spec.count(np.array([PLANTED + 0.5, 0.987654321])),
        grouped.count(pl.Series([1, PLANTED]), group=["a", "b"], id=[ODD, "x"]),
        SurvivalTable(spec, np.full(spec.cells, PLANTED)),
        SurvivalTable(spec, np.full(spec.cells, PLANTED)) + spec.count([PLANTED]),
    ]


@pytest.mark.parametrize("which", range(5))
def test_a_planted_value_never_shows_in_what_a_table_says(which: int) -> None:
    table = planted_tables()[which]
    said(everything_shown(table))
    assert "exact, not private" in repr(table)
    assert "html" not in " ".join(dir(table)).lower()
    for spread in (copy.copy(table), copy.deepcopy(table), pickle.loads(pickle.dumps(table))):
        said(everything_shown(spread))
        assert np.array_equal(spread._cells, table._cells)


@given(st.lists(st.integers(100, 2**40), min_size=8, max_size=8))
def test_no_count_shows_in_what_a_table_says(counts: list[int]) -> None:
    spec = Spec(horizon=30, epsilon=1, neighbours="add_remove", n_bins=4)
    shown = everything_shown(SurvivalTable(spec, np.array(counts[: spec.cells], dtype=np.int64)))
    assert not [count for count in counts if str(count) in shown]
    assert shown == everything_shown(spec.count([])), "all tables of a plan look alike"


def test_the_exact_file_says_first_that_it_is_sensitive() -> None:
    text = planted_tables()[0].to_json()
    assert text.startswith('{"SENSITIVE":"exact counts of people, not private"')


def test_a_table_has_no_order_length_or_arithmetic_that_tells_its_counts() -> None:
    table = planted_tables()[0]
    for ask in (len, iter, int, float, list, np.asarray([0]).__add__, vars):
        with pytest.raises(TypeError):
            ask(table)
    with pytest.raises(TypeError):
        table < table  # noqa: B015, PLR0124
    with pytest.raises(TypeError):
        table[0]


GOOD_TIMES = st.lists(st.integers(1, 40) | st.just(PLANTED), min_size=1, max_size=5)
MISTAKES = st.sampled_from(
    [
        {"durations": [PLANTED, 0]},
        {"durations": [PLANTED, -PLANTED]},
        {"durations": [float(PLANTED), float("nan")]},
        {"durations": [ODD, ODD]},
        {"durations": [ODD, PLANTED]},
        {"durations": np.array([PLANTED, ODD], dtype=object)},
        {"durations": np.array([None, PLANTED], dtype=object)},
        {"durations": {ODD: PLANTED}},
        {"durations": ODD},
        {"durations": PLANTED},
        {"durations": [PLANTED, 10**400]},
        {"durations": [PLANTED, [PLANTED]]},
        {"durations": pd.Series([PLANTED, None])},
        {"durations": pd.Series([ODD, PLANTED])},
        {"durations": pl.Series([[PLANTED], [1]])},
        {"durations": pl.Series([{"a": PLANTED}, {"a": 1}])},
        {"durations": pl.Series([ODD, None])},
        {"durations": np.ma.array([1, PLANTED], mask=[0, 1])},
        {"event_observed": [PLANTED, 1]},
        {"event_observed": [1, PLANTED / 7]},
        {"event_observed": [ODD, ODD]},
        {"event_observed": [True, PLANTED]},
        {"group": ["a", ODD]},
        {"group": [PLANTED, PLANTED]},
        {"group": pd.Series(["a", ODD], dtype="category")},
        {"group": pd.Series(["a", PLANTED])},
        {"group": pl.Series(["a", ODD], dtype=pl.Categorical)},
        {"id": [PLANTED, PLANTED]},
        {"id": [ODD, ODD]},
        {"id": [ODD, None]},
    ]
)


def full_story(error: BaseException) -> str:
    """All that a traceback can show of an error: causes, notes, context and arguments."""
    story = "".join(traceback.format_exception_only(error)) + repr(error.args) + repr(vars(error))
    for linked in (error.__cause__, error.__context__):
        if linked is not None and not (linked is error.__context__ and error.__suppress_context__):
            story += full_story(linked)
    return story


@given(MISTAKES, st.data())
def test_a_planted_value_never_shows_in_a_refusal(mistake: dict[str, Any], data: st.DataObject) -> None:
    rows = {"durations": [PLANTED, 3], "event_observed": [1, 0], "group": ["a", "b"], **mistake}
    with scripted_words([]), pytest.raises(PrivlibError) as caught:
        Spec(**{**PLAIN, "groups": ["a", "b"]}).count(
            rows["durations"], rows["event_observed"], group=rows["group"], id=rows.get("id")
        )
    said(full_story(caught.value))
    if isinstance(mistake.get("durations"), int | str):
        return  # a frame would repeat the one value
    try:
        frame = data.draw(st.sampled_from([pd.DataFrame, pl.DataFrame]))(rows)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return  # no frame can hold this mistake
    with pytest.raises(PrivlibError) as caught:
        kaplan_meier(
            frame,
            duration_col="durations",
            event_col="event_observed",
            group_col="group",
            id_col="id" if "id" in mistake else None,
            **{**PLAIN, "groups": ["a", "b"]},
        )
    said(full_story(caught.value))


def damaged_files() -> list[str]:
    spec = Spec(**PLAIN)
    text = SurvivalTable(spec, np.full(spec.cells, PLANTED)).to_json()
    record = json.loads(text)
    kept = {"separators": (",", ":"), "sort_keys": True}
    first = record["cells"][0]
    return [
        text[:-20],
        text + "x",
        text.replace(str(first), f'"{ODD}"', 1),
        text.replace(str(first), f"{first}.5", 1),
        text.replace(str(first), f"-{first}", 1),
        text.replace(str(first), f'" {first}"', 1),
        text.replace(str(first), str(10**30), 1),
        text.replace(str(first), "NaN", 1),
        text.replace(str(first), "Infinity", 1),
        text.replace(str(first), "true", 1),
        text.replace(str(first), "null", 1),
        json.dumps({**record, "cells": record["cells"][1:]}, **kept),
        json.dumps({**record, "cells": PLANTED}, **kept),
        json.dumps({**record, "more": PLANTED}, **kept),
        json.dumps({**record, "SENSITIVE": ODD}, **kept),
        json.dumps({**record, "spec": {**record["spec"], "horizon": ODD}}, **kept),
        json.dumps({**record, "spec": {**record["spec"], "bins": 4}}, **kept),
        json.dumps({**record, "spec": ODD}, **kept),
        json.dumps(record),
        json.dumps([PLANTED]),
        json.dumps(PLANTED),
        json.dumps(ODD),
        "[" * 100_000,
        "",
        json.dumps({**record, "cells": [2**62] * spec.cells}, **kept),
    ]


@pytest.mark.parametrize("which", range(len(damaged_files())))
def test_a_damaged_exact_file_is_refused_without_quoting_it(which: int) -> None:
    with pytest.raises(PrivlibError, match="not an exact survival table as privlib writes it") as caught:
        SurvivalTable.from_json(damaged_files()[which])
    said(full_story(caught.value))
    assert caught.value.__context__ is None


def test_refusals_about_plans_and_numbers_of_people_say_no_count() -> None:
    spec = Spec(horizon=30, epsilon=1, neighbours="replace", n=4)
    table = SurvivalTable(spec, np.full(spec.cells, PLANTED))
    with pytest.raises(PrivlibError) as caught:
        table.release()
    said(full_story(caught.value))
    assert not [sign for sign in (str(PLANTED * spec.cells), "987") if sign in str(caught.value)]
    other = Spec(**PLAIN)
    with pytest.raises(PrivlibError) as caught:
        table + SurvivalTable(other, np.full(other.cells, PLANTED))
    said(full_story(caught.value))

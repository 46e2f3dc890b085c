"""A domain reads answers as its labels, from records and from columns alike, and refuses what is a mistake."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.ldp import Domain
from privlib.ldp.codes import encode

DOMAIN = Domain({"age": [18, 19, 20], "smokes": ["no", "yes", None]}, other=["age"])
AGES: list[Any] = [18, 20, None, 77, 19]
SMOKES = ["no", None, "yes", "no", "yes"]
PLACES = [[0, 2, 3, 3, 1], [0, 2, 1, 0, 1]]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"age": AGES, "smokes": SMOKES}),
        pd.DataFrame({"age": pd.array(AGES, dtype="Int64"), "smokes": pd.Categorical(SMOKES)}),
        pl.DataFrame({"age": AGES, "smokes": SMOKES}),
        pl.DataFrame({"age": [18.0, 20.0, float("nan"), 77.0, 19.0], "smokes": SMOKES}),
        pa.table({"age": AGES, "smokes": SMOKES}),
        {"age": AGES, "smokes": SMOKES},
        {"age": np.array([18, 20, np.nan, 77, 19]), "smokes": np.array(SMOKES, dtype=object)},
    ],
    ids=["pandas", "pandas nullable", "polars", "polars NaN", "arrow", "lists", "arrays"],
)
def test_columns_of_every_kind_read_as_records_do(frame: object) -> None:
    assert [column.tolist() for column in encode(DOMAIN, frame)] == PLACES
    records = [DOMAIN.encode([age, smokes]) for age, smokes in zip(AGES, SMOKES, strict=True)]
    assert [list(column) for column in zip(*records, strict=True)] == PLACES


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (["18", "19"], "type str"),
        ([True, False], "type bool"),
        (np.array([True, False]), "type bool"),
        ([18.5, 19], "type float"),
        (np.array([18.5, 19]), "type float"),
        ([b"18", 19], "type bytes"),
        ([18, 19, 20], "equally long"),
    ],
)
def test_a_column_of_another_type_is_a_mistake_also_where_others_are_counted(column: object, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        encode(DOMAIN, {"age": column, "smokes": ["no", "no"]})


def test_messages_name_the_labels_and_never_the_answer() -> None:
    with pytest.raises(InvalidInput, match="'no', 'yes', None") as refused:
        DOMAIN.encode([18, "in secret"])
    assert "secret" not in str(refused.value)
    with pytest.raises(InvalidInput, match="missing value"):
        Domain({"a": [1, 2]}).encode([None])
    with pytest.raises(InvalidInput, match="missing value"):
        encode(Domain({"a": [1, 2]}), pd.DataFrame({"a": [1, None]}))


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({}, "from 1 to"),
        ({"a": ["x"]}, "at least two"),
        ({"a": ["x", "x"]}, "at least two"),
        ({"a": "xy"}, "must be a list"),
        ({"a": [1, "1"]}, "written alike"),
        ({"a": [1.0, 2.0]}, "str, int or None"),
        ({"a": [True, False]}, "str, int or None"),
        ({"": ["x", "y"]}, "name"),
    ],
)
def test_domains_that_are_none_are_refused(attributes: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        Domain(attributes)


def test_records_have_all_attributes_and_no_others() -> None:
    for record in ({"age": 18}, {"age": 18, "smokes": "no", "more": 1}, [18], [18, "no", 1], "ab", 7):
        with pytest.raises(InvalidInput, match="record must"):
            DOMAIN.encode(record)  # type: ignore[arg-type]


@given(st.lists(st.integers(-5, 5) | st.integers(-(2**70), 2**70), min_size=2, max_size=20, unique=True), st.data())
def test_whole_numbers_are_found_wherever_they_stand(labels: list[int], data: st.DataObject) -> None:
    domain = Domain({"a": labels}, other=["a"])
    values = data.draw(st.lists(st.sampled_from(labels) | st.integers(-6, 6), max_size=30))
    expected = [labels.index(value) if value in labels else len(labels) for value in values]
    assert encode(domain, {"a": values})[0].tolist() == expected
    if all(-(2**63) <= value < 2**63 for value in values):
        assert encode(domain, {"a": np.array(values, dtype=np.int64)})[0].tolist() == expected


@pytest.mark.parametrize("size", [254, 255, 256, 257, 65_535, 65_536, 65_537])
def test_places_fit_their_type_at_its_limits(size: int) -> None:
    domain = Domain({"a": list(range(size))})
    last = np.array([0, size - 1])
    assert encode(domain, {"a": last})[0].tolist() == last.tolist()


def test_a_domain_is_what_it_was_after_json() -> None:
    assert Domain.from_dict(DOMAIN.to_dict()) == DOMAIN
    assert Domain.from_dict(DOMAIN.to_dict()).fingerprint == DOMAIN.fingerprint
    assert Domain({"smokes": ["no", "yes", None], "age": [18, 19, 20]}, other=["age"]).fingerprint != DOMAIN.fingerprint

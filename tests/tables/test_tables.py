"""Columns in, vectors out: every carrier alike, missing values refused, and no message that quotes the data."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from privlib.errors import InvalidInput
from privlib.tables import column, read, vector

PLANTED = 987654321
INTEGERS = st.lists(st.integers(-(2**62), 2**62), max_size=8)
FLOATS = st.lists(st.floats(allow_nan=False), min_size=1, max_size=8)
TEXTS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5), min_size=1, max_size=8)


def carriers(values: list[Any]) -> list[object]:
    columns = [np.array(values), pd.Series(values), pl.Series("v", values), pa.chunked_array([values]), pa.array(values)]
    return [values, tuple(values), list(np.array(values)), *columns]


@given(st.one_of(INTEGERS.filter(bool), FLOATS, TEXTS))
def test_every_carrier_gives_the_same_vector(values: list[Any]) -> None:
    for carrier in carriers(values):
        found = vector(carrier, name="v")
        assert found.tolist() == values
        assert found.ndim == 1
        assert found.dtype.kind in "iufU"
    for frame in (pd.DataFrame({"v": values, "w": 0}), pl.DataFrame({"v": values}), pa.table({"v": values})):
        assert column(frame, "v").tolist() == values


def test_nothing_is_a_vector_too() -> None:
    for carrier in (
        [],
        (),
        np.empty(0),
        np.empty(0, dtype=object),
        pd.DataFrame(columns=["v"])["v"],
        pa.table({"v": []})["v"],
        pa.array([]),
        pl.Series([]),
        pd.Series([], dtype=float),
        pl.Series([], dtype=pl.Int64),
        pa.chunked_array([], pa.int64()),
    ):
        assert vector(carrier, name="v").shape == (0,)


def test_booleans_stay_booleans() -> None:
    for carrier in carriers([True, False]):
        assert vector(carrier, name="v").dtype == np.bool_


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        PLANTED,
        str(PLANTED),
        {PLANTED},
        {"a": PLANTED},
        iter([PLANTED]),
        [PLANTED, None],
        [PLANTED, "a"],
        [PLANTED, True],
        [[PLANTED]],
        [b"987654321"],
        [0.5, 10**400],
        [10**30],
        [-PLANTED, 2**63],
        [np.int64(PLANTED), np.float64(1)],
        [np.longdouble(PLANTED)],
        [np.datetime64(PLANTED, "s")],
        ["987654321\0"],
        np.array(["987654321\0"], dtype=object),
        pd.Series(["987654321\0"]),
        pl.Series(["987654321\0"]),
        pa.array(["987654321\0"]),
        pa.array([PLANTED, None]),
        np.array(PLANTED),
        np.full((2, 2), PLANTED),
        np.array([PLANTED, None], dtype=object),
        np.array([PLANTED, "a"], dtype=object),
        np.array([b"987654321"]),
        np.array([PLANTED], dtype="M8[s]"),
        np.array([PLANTED], dtype=complex),
        np.array([PLANTED], dtype=np.longdouble),
        np.array([(PLANTED, 1)], dtype="i8,i8"),
        np.ma.array([1, PLANTED], mask=[0, 1]),
        np.ma.array([1, PLANTED]),
        pd.Series([PLANTED, None]),
        pd.Series([float(PLANTED), float("nan")]),
        pd.Series(["a", None]),
        pd.Series(["987654321", None], dtype="category"),
        pd.Series([PLANTED], dtype=object),
        pd.DataFrame({"a": [PLANTED]}),
        pl.Series([PLANTED, None]),
        pl.Series([[PLANTED]]),
        pl.Series([{"a": PLANTED}]),
        pl.Series(["987654321", None], dtype=pl.Categorical),
        pl.DataFrame({"a": [PLANTED]}),
        pa.chunked_array([[PLANTED, None]]),
        pa.chunked_array([[{"a": PLANTED}]]),
    ],
    ids=range(47),
)
def test_what_is_no_column_is_refused_by_name_and_without_its_values(wrong: object) -> None:
    with pytest.raises(InvalidInput, match=r"^ages ") as caught:
        vector(wrong, name="ages")
    assert "987654321" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_column_is_asked_for_by_name() -> None:
    frame = pl.DataFrame({"a": [1], "b": [PLANTED]})
    with pytest.raises(InvalidInput, match=r"^there is no column 'c': the columns are 'a', 'b'$"):
        column(frame, "c")
    with pytest.raises(InvalidInput, match=r"^column 'n' has missing values"):
        column(pl.DataFrame({"n": [PLANTED, None]}), "n")


# Files


def written(folder: Path, text: str | bytes, name: str = "people.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_csv_and_parquet_give_the_columns_asked_for(tmp_path: Path) -> None:
    table = pa.table({"t": [1, 2], "e": [0, 1], "g": ["a", "b"], "other": ["x", "y"]})
    parquet.write_table(table, tmp_path / "people.parquet")
    text = written(tmp_path, "t,e,g,other\n1,0,a,x\n2,1,b,y\n", "people.CSV")
    for file in (tmp_path / "people.parquet", text, str(text)):
        found = read(file, ["t", "g"], text=["g"])
        assert found.column_names == ["t", "g"]
        assert column(found, "t").tolist() == [1, 2]
        assert column(found, "g").tolist() == ["a", "b"]


def test_an_empty_field_is_a_missing_value(tmp_path: Path) -> None:
    file = written(tmp_path, "t,g\n1,a\n,b\n3,\n")
    for name in ("t", "g"):
        with pytest.raises(InvalidInput, match="has missing values"):
            column(read(file, ["t", "g"], text=["g"]), name)


@pytest.mark.parametrize(
    "label", ["1", "true", "2020-01-01", "NA", "null", "nan", "1.0", "98765432109876543210", "unknown", " a "]
)
def test_a_label_is_text_whoever_else_is_there(tmp_path: Path, label: str) -> None:
    for others in ("", "2,unknown\n", "2,7\n"):
        found = read(written(tmp_path, f"t,g\n1,{label}\n{others}"), ["t", "g"], text=["g"])
        assert column(found, "g").tolist()[0] == label
        assert column(found, "g").dtype.kind == "U"
        assert column(found, "t").dtype == np.float64


@pytest.mark.parametrize("number", ["1", "1.5", "9007199254740992", "1e3"])
def test_a_number_is_a_float_whoever_else_is_there(tmp_path: Path, number: str) -> None:
    found = column(read(written(tmp_path, f"t\n{number}\n"), ["t"]), "t")
    assert found.dtype == np.float64
    assert found.tolist() == [float(number)]


@pytest.mark.parametrize("field", ["NA", "null", "true", "2020-01-01", "x987654321", "0x10", "1;2"])
def test_a_field_that_is_no_number_is_refused_as_malformed(tmp_path: Path, field: str) -> None:
    with pytest.raises(InvalidInput, match=r"not a readable CSV file with columns 't' \(3 lines\).*numbers for times") as caught:
        read(written(tmp_path, f"t\n1\n{field}\n"), ["t"])
    assert field not in str(caught.value)


def test_a_file_of_nobody_has_the_same_types_as_any_other(tmp_path: Path) -> None:
    found = read(written(tmp_path, "t,g\n"), ["t", "g"], text=["g"])
    assert found.schema.equals(read(written(tmp_path, "t,g\n1,a\n"), ["t", "g"], text=["g"]).schema)
    assert column(found, "t").shape == column(found, "g").shape == (0,)


def test_whole_numbers_of_parquet_are_labels_where_text_is_asked_for(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"t": [1.0, 2.0], "g": [1, 2**53 + 1]}), tmp_path / "people.parquet")
    assert column(read(tmp_path / "people.parquet", ["t", "g"], text=["g"]), "g").tolist() == ["1", str(2**53 + 1)]
    assert column(read(tmp_path / "people.parquet", ["t", "g"]), "g").tolist() == [1, 2**53 + 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "readable CSV"),
        ("t,e\n987654321,1,3\n", r"readable CSV file with columns 't', 'e' \(2 lines\): every line needs as many fields"),
        ("t,e\n987654321\n", "readable CSV"),
        (b"t,e\n\xff\xfe987654321,1\n" * 3 + b"\xff", None),
        ("e,f\n987654321,1\n", "exactly one column 't'; its columns are 'e', 'f'"),
        ("t,t,e\n987654321,1,0\n", "exactly one column 't'"),
        ("987654321,1\n987654322,0\n", "none of the columns 't', 'e': its first line must name the columns"),
        ("987654321,Zoe\n987654322,0\n", "none of the columns 't', 'e'"),
    ],
    ids=["empty", "wide", "narrow", "bytes", "absent", "twice", "headless", "headless-text"],
)
def test_a_broken_csv_file_is_refused_without_quoting_it(tmp_path: Path, text: str | bytes, words: str | None) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        column(read(written(tmp_path, text), ["t", "e"]), "t")
    assert "98765432" not in str(caught.value)
    assert "Zoe" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_other_files_are_refused(tmp_path: Path) -> None:
    for name, content, words in (
        ("people.parquet", b"987654321", "readable Parquet"),
        ("people.parquet", b"", "readable Parquet"),
        ("people.xlsx", b"987654321", "must end in .csv or .parquet, got 'people.xlsx'"),
    ):
        with pytest.raises(InvalidInput, match=words) as caught:
            read(written(tmp_path, content, name), ["t"])
        assert "987654321" not in str(caught.value)
    for missing in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InvalidInput, match=r"there is no file|must end in"):
            read(missing, ["t"])
    parquet.write_table(pa.table({"a": [PLANTED]}), tmp_path / "a.parquet")
    with pytest.raises(InvalidInput, match="none of the columns 't'"):
        read(tmp_path / "a.parquet", ["t"])

"""The only file that knows dataframes: columns in, NumPy vectors out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput, extra

__all__ = ["column", "read", "vector"]

Vector = NDArray[Any]


def vector(values: object, *, name: str) -> Vector:
    """Turn one column into a one-dimensional NumPy array without looking at its values.

    Parameters
    ----------
    values : array-like
        A NumPy array, a pandas, polars or pyarrow column, or a list or tuple.
    name : str
        What to call it in an error message.

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    InvalidInput
        For anything else, several dimensions, missing values or mixed types. The message holds no value.
    """
    if isinstance(values, (list, tuple)):
        kinds = {type(value) for value in values}
        if kinds - {int, float, bool, str} or (len(kinds) > 1 and kinds != {int, float}):
            raise InvalidInput(f"{name} must hold numbers or labels of one type, without missing values")
        try:
            array = np.asarray(values) if values else np.empty(0, dtype=np.int64)
        except OverflowError:
            raise InvalidInput(f"{name} must hold numbers that fit 64 bits") from None
    elif isinstance(values, np.ma.MaskedArray):  # would count what it masks
        raise InvalidInput(f"{name} must not be a masked array: drop the masked rows and give an ordinary one")
    elif isinstance(values, np.ndarray):
        array = values
    else:
        array = _from_dataframe(values, name)
    if array.ndim != 1:
        raise InvalidInput(f"{name} must be one-dimensional, got {array.ndim} dimensions")
    if array.dtype.kind == "O":
        array = _labels(array, name)
    if array.dtype.kind not in "biufU" or (array.dtype.itemsize > 8 and array.dtype.kind == "f"):
        raise InvalidInput(f"{name} must hold numbers or labels, got dtype {array.dtype}")
    return array


def _from_dataframe(values: object, name: str) -> Vector:
    import narwhals.stable.v2 as nw

    try:
        series = nw.from_native(values, series_only=True)  # type: ignore[call-overload]  # any carrier may be tried
    except TypeError:
        raise InvalidInput(f"{name} must be an array, a dataframe column or a list, not {type(values).__name__}") from None
    if series.null_count():
        raise InvalidInput(f"{name} has missing values: remove or impute them before counting")
    if series.dtype in (nw.Categorical, nw.Enum):
        series = series.cast(nw.String)
    array: Vector = series.to_numpy()
    return array


def _labels(array: Vector, name: str) -> Vector:
    if not all(type(value) is str for value in array):
        raise InvalidInput(f"{name} has dtype object: give numbers, or labels that are all str, without missing values")
    return array.astype(np.str_)


def column(frame: object, name: str) -> Vector:
    """Take one named column out of a dataframe.

    Parameters
    ----------
    frame : dataframe
        pandas, polars, pyarrow or anything else that narwhals reads.
    name : str
        The column.

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    InvalidInput
        When there is no such column, or it cannot be used.
    """
    import narwhals.stable.v2 as nw

    try:
        table = nw.from_native(frame, eager_only=True)  # type: ignore[call-overload]  # any carrier may be tried
        columns = list(table.columns)
    except TypeError:
        raise InvalidInput(f"the data must be a dataframe, not {type(frame).__name__}") from None
    except nw.exceptions.DuplicateError:
        raise InvalidInput("the data must have different names for its columns") from None
    if name not in columns:
        raise InvalidInput(f"there is no column {name!r}: the columns are {_listed(columns)}")
    return vector(table[name].to_native(), name=f"column {name!r}")


def read(path: str | Path, columns: Sequence[str]) -> object:
    """Read columns of a CSV or Parquet file as an Arrow table; needs the ``tables`` extra.

    Parameters
    ----------
    path : path
        A file whose name ends in ``.csv`` or ``.parquet``.
    columns : sequence of str
        The columns wanted; others are not read.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InvalidInput
        For an unreadable file. The message names the file, the columns and the number of lines, never their content.
    """
    file = Path(path)
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if file.suffix.lower() not in readers:
        raise InvalidInput(f"the data file must end in .csv or .parquet, got {file.name!r}")
    if not file.is_file():
        raise InvalidInput(f"there is no file {str(file)!r}")
    return readers[file.suffix.lower()](file, list(columns))


def _read_parquet(file: Path, columns: list[str]) -> object:
    parquet = extra("pyarrow.parquet", name="tables", purpose="reading Parquet")
    try:
        _demand(file, columns, parquet.read_schema(file).names)
        return parquet.read_table(file, columns=columns)
    except (ValueError, OSError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{str(file)!r} is not a readable Parquet file with columns {_listed(columns)}") from None


def _read_csv(file: Path, columns: list[str]) -> object:
    csv = extra("pyarrow.csv", name="tables", purpose="reading CSV")
    try:
        with csv.open_csv(file) as reader:
            _demand(file, columns, reader.schema.names)
        # Text that looks like numbers stays text in other columns; in ours an empty field is missing, never an empty label.
        options = csv.ConvertOptions(include_columns=columns, strings_can_be_null=True)
        return csv.read_csv(file, convert_options=options)
    except (ValueError, OSError) as error:
        if isinstance(error, InvalidInput):
            raise
        lines = sum(chunk.count(b"\n") for chunk in _chunks(file))
        raise InvalidInput(
            f"{str(file)!r} is not a readable CSV file with columns {_listed(columns)} ({lines} lines): "
            "every line needs as many fields as the header, comma separated, in UTF-8"
        ) from None  # the parser's own message quotes the data


def _demand(file: Path, columns: list[str], present: Sequence[str]) -> None:
    if not set(columns) & set(present):  # then the first line may be a record, which no message may quote
        raise InvalidInput(f"{str(file)!r} has none of the columns {_listed(columns)}: its first line must name the columns")
    for name in columns:
        if list(present).count(name) != 1:
            raise InvalidInput(f"{str(file)!r} must have exactly one column {name!r}; its columns are {_listed(present)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            yield chunk

"""The only file that knows dataframes: columns in, NumPy vectors out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput, extra

__all__ = ["column", "present", "read", "vector"]

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
        For anything else, several dimensions, missing values, mixed types or labels that end in a null character, which NumPy
        drops; an array that is NumPy text already has lost it. The message holds no value.
    """
    if isinstance(values, (list, tuple)):
        array = _from_list(values, name)
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
        raise InvalidInput(f"{name} must hold numbers or labels, got dtype {array.dtype.type.__name__}")  # without any width
    return array


def _from_list(values: Sequence[Any], name: str) -> Vector:
    kinds: set[type] = {str if isinstance(value, np.str_) else type(value) for value in values}
    numpy_numbers = len(kinds) == 1 and all(issubclass(kind, (np.number, np.bool_)) for kind in kinds)
    if not (numpy_numbers or kinds in ({bool}, {str}) or kinds <= {int, float}):
        raise InvalidInput(f"{name} must hold numbers or labels of one type, without missing values")
    if kinds == {str}:
        return _labels(values, name)
    try:
        array: Vector = np.asarray(values) if values else _nothing()
    except OverflowError:
        raise InvalidInput(f"{name} must hold numbers that fit 64 bits") from None
    if kinds == {int} and array.dtype.kind == "f":  # NumPy rounds when one number is below 0 and another beyond 2**63
        raise InvalidInput(f"{name} must hold numbers that fit 64 bits")
    return array


def _nothing() -> Vector:
    """No rows: without a row there is no type to refuse."""
    return np.empty(0, dtype=np.int64)


def _from_dataframe(values: object, name: str) -> Vector:
    import narwhals.stable.v2 as nw

    arrow = nw.dependencies.get_pyarrow()
    if arrow is not None and isinstance(values, arrow.Array):
        values = arrow.chunked_array([values])
    try:
        series = nw.from_native(values, series_only=True)  # type: ignore[call-overload]  # any carrier may be tried
    except TypeError:
        raise InvalidInput(f"{name} must be an array, a dataframe column or a list, not {type(values).__name__}") from None
    if series.null_count():
        raise InvalidInput(f"{name} has missing values: remove or impute them before counting")
    if series.dtype in (nw.Categorical, nw.Enum):
        series = series.cast(nw.String)
    if series.dtype == nw.String:  # by way of NumPy's text, a null character at the end would be lost
        return _labels(series.to_list(), name)
    array: Vector = series.to_numpy()
    return array


def _labels(values: Sequence[Any] | Vector, name: str) -> Vector:
    if len(values) == 0:
        return _nothing()
    if not all(isinstance(value, str) for value in values):
        raise InvalidInput(f"{name} has dtype object: give numbers, or labels that are all str, without missing values")
    if any(value.endswith("\0") for value in values):  # which NumPy would drop, and so merge two labels
        raise InvalidInput(f"{name} must hold labels that do not end in a null character")
    return np.asarray(values, dtype=np.str_)


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
    return vector(_series(frame, name).to_native(), name=f"column {name!r}")


def present(frame: object, name: str) -> tuple[Vector, NDArray[np.bool_]]:
    """Take the values that are there out of one named column, which may have missing ones.

    Parameters
    ----------
    frame : dataframe
        pandas, polars, pyarrow or anything else that narwhals reads.
    name : str
        The column.

    Returns
    -------
    values : array, shape (m,)
    there : bool array, shape (n,)
        Which rows have one.

    Raises
    ------
    InvalidInput
        When there is no such column, or it cannot be used.
    """
    import narwhals.stable.v2 as nw

    series = _series(frame, name)
    lost = series.is_null()
    if series.dtype.is_float():
        lost = lost | series.is_nan()
    there = np.asarray(~lost.fill_null(value=True).to_numpy().astype(np.bool_))
    kept = series.filter(there.tolist()) if not there.all() else series
    return vector(nw.to_native(kept), name=f"column {name!r}"), there


def _series(frame: object, name: str) -> Any:
    """One column, as narwhals reads it."""
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
    return table[name]


def read(path: str | Path, columns: Sequence[str], *, text: Collection[str] = ()) -> object:
    """Read columns of a CSV or Parquet file as an Arrow table; needs the ``tables`` extra.

    Types are never guessed from the content: one person's field would decide how all others are read. In a CSV file every
    column is text or a float64, and only an empty field is missing. A Parquet file has a schema of its own.

    Parameters
    ----------
    path : path
        A file whose name ends in ``.csv`` or ``.parquet``.
    columns : sequence of str
        The columns wanted; others are not read.
    text : collection of str, optional
        Those of the columns that hold labels: read as text from CSV, and from Parquet also where they are whole numbers.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InvalidInput
        For an unreadable file. The message names the file, the columns and the number of lines, never their content. Like
        every refusal it is outside the guarantee: it tells that the file is malformed, and how long it is.
    """
    file = Path(path)
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if file.suffix.lower() not in readers:
        raise InvalidInput(f"the data file must end in .csv or .parquet, got {file.name!r}")
    if not file.is_file():
        raise InvalidInput(f"there is no file {str(file)!r}")
    return readers[file.suffix.lower()](file, list(columns), text)


def _read_parquet(file: Path, columns: list[str], text: Collection[str]) -> object:
    arrow = extra("pyarrow", name="tables", purpose="reading Parquet")
    parquet = extra("pyarrow.parquet", name="tables", purpose="reading Parquet")
    try:
        _demand(file, columns, parquet.read_schema(file).names)
        table = parquet.read_table(file, columns=columns)
    except (ValueError, OSError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{str(file)!r} is not a readable Parquet file with columns {_listed(columns)}") from None
    for place, name in enumerate(table.column_names):
        if name in text and arrow.types.is_integer(table.schema.types[place]):
            table = table.set_column(place, name, table.column(place).cast(arrow.string()))
    return table


def _read_csv(file: Path, columns: list[str], text: Collection[str]) -> object:
    arrow = extra("pyarrow", name="tables", purpose="reading CSV")
    csv = extra("pyarrow.csv", name="tables", purpose="reading CSV")
    try:
        with csv.open_csv(file) as reader:
            _demand(file, columns, reader.schema.names)
        types = {name: arrow.string() if name in text else arrow.float64() for name in columns}
        # An empty field is missing, never an empty label; "NA" and the like are labels as good as others.
        options = csv.ConvertOptions(include_columns=columns, column_types=types, null_values=[""], strings_can_be_null=True)
        return csv.read_csv(file, convert_options=options)
    except (ValueError, OSError) as error:
        if isinstance(error, InvalidInput):
            raise
        lines = sum(chunk.count(b"\n") for chunk in _chunks(file))
        raise InvalidInput(
            f"{str(file)!r} is not a readable CSV file with columns {_listed(columns)} ({lines} lines): "
            "every line needs as many fields as the header, comma separated, in UTF-8, with numbers for times and events"
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

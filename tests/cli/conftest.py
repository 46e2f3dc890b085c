"""People in files, and the program as its users call it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from privlib.cli import main

Call = Callable[..., Result]


@pytest.fixture
def privlib() -> Call:
    """Call the program in this process."""

    def call(*arguments: object, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)

    return call


def people(number: int = 200) -> pa.Table:
    """Days 1 to 400 in a fixed order, every third person censored, in three arms."""
    days = [1 + (37 * person) % 400 for person in range(number)]
    died = [int(person % 3 > 0) for person in range(number)]
    arms = [("control", "low", "high")[person % 3] for person in range(number)]
    return pa.table({"person": list(range(number)), "days": days, "died": died, "arm": arms})


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    pyarrow.csv.write_csv(people(), file)
    return file


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    file = tmp_path / "people.parquet"
    pyarrow.parquet.write_table(people(), file)
    return file

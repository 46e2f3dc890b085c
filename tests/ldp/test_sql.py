"""A database counts reports as privlib does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from privlib.errors import InvalidInput
from privlib.ldp import Domain, Spec, counting
from privlib.ldp.aggregate import Counts
from privlib.ldp.parts import PROTOCOLS
from privlib.ldp.reports import Reports
from privlib.ldp.sql import group_by
from tests.ldp.simulate import simulate, zipf


def plan(protocol: str, sizes: tuple[int, ...] = (3, 20, 9, 7)) -> Spec:
    domain = Domain({f"a{place}": list(range(size)) for place, size in enumerate(sizes)})
    priors = [[f"{x + 1}/{k * (k + 1) // 2}" for x in range(k)] for k in sizes] if protocol.startswith("rsrfd") else None
    return Spec(domain, protocol, level="attribute", odds=4, priors=priors)


def some(spec: Spec, n: int = 200) -> Reports:
    rng = np.random.default_rng(1)
    return simulate(spec, zipf(rng, n, spec.domain.sizes), rng)


def answer(spec: Spec, table: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.register("reports", table)
        return connection.sql(group_by(spec)).fetchall()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_duckdb_counts_the_same(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = plan(protocol)
    reports = some(spec)
    rows = answer(spec, reports.to_arrow())
    assert Counts.from_groups(spec, rows) == Counts.from_groups(spec, reversed(rows)) == spec.count(reports)
    monkeypatch.setattr(counting, "_LARGEST_ALPHABET", 2)  # hashes are asked one by one
    monkeypatch.setattr(counting, "_CACHED", 1)
    assert Counts.from_groups(spec, rows) == spec.count(reports)


@pytest.mark.parametrize("protocol", ["spl-grr", "rsfd-grr", "smp-grr"])
def test_integers_of_all_lengths_are_taken_apart(protocol: str) -> None:
    for sizes in ((2, 2), (200, 300), (1000, 2000, 3), (1000, 3000, 4000, 2000, 999, 2)):
        spec = plan(protocol, sizes)
        reports = some(spec)
        assert Counts.from_groups(spec, answer(spec, reports.to_arrow())) == spec.count(reports)


def test_the_query_reads_parquet_files_and_columns_of_other_names(tmp_path: Path) -> None:
    spec = plan("rsfd-oue-z")
    reports = some(spec)
    for part in (0, 1):
        table = Reports(spec, reports.rows[part::2].copy()).to_arrow()
        pq.write_table(table.rename_columns(["said"]), tmp_path / f"{part}.parquet")
    rows = duckdb.sql(group_by(spec, table=f"read_parquet('{tmp_path}/*.parquet')", column="said")).fetchall()
    assert Counts.from_groups(spec, rows) == spec.count(reports)


def test_an_empty_table_gives_empty_counts() -> None:
    spec = plan("smp-oue")
    assert Counts.from_groups(spec, answer(spec, some(spec, 0).to_arrow())) == Counts.empty(spec)


def test_as_many_reports_as_counts_can_hold_are_read() -> None:
    for protocol in ("spl-grr", "spl-hr"):
        spec = plan(protocol, (2,))
        rows = [(1, 2**62 - 7), (0, 7)]
        counts = Counts.from_groups(spec, rows)
        assert counts.reports == 2**62
        assert counts.supports[0].tolist() == ([7, 2**62 - 7] if protocol == "spl-grr" else [7, 2**62])


def test_the_mark_of_test_mode_is_told_by_whoever_reads_the_metadata() -> None:
    spec = plan("rsfd-grr")
    table = Reports(spec, some(spec, 9).rows, secure=False).to_arrow()
    counts = Counts.from_groups(spec, answer(spec, table), secure=table.schema.metadata[b"secure"] == b"True")
    assert counts == spec.count(Reports.from_arrow(spec, table))
    assert "NOT SECURE" in repr(counts)
    with pytest.raises(InvalidInput, match="secure"):
        Counts.from_groups(spec, [], secure="False")  # type: ignore[arg-type]


@pytest.mark.spark
def test_spark_counts_the_same(tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        for protocol in ("rsfd-grr", "rsfd-oue-z", "smp-oue", "smp-olh", "spl-ss"):
            spec = plan(protocol)
            reports = some(spec)
            pq.write_table(reports.to_arrow(), tmp_path / f"{protocol}.parquet")
            rows = session.sql(group_by(spec, table=f"parquet.`{tmp_path}/{protocol}.parquet`")).collect()
            assert Counts.from_groups(spec, rows) == spec.count(reports)
    finally:
        session.stop()


@pytest.mark.parametrize("protocol", ["rsfd-grr", "rsfd-oue-z", "smp-grr", "smp-oue", "spl-ss", "smp-adp"])
def test_reports_that_the_protocol_cannot_give_are_refused(protocol: str) -> None:
    """All bytes 255, of which some bit is padding or some integer too large; and a missing report."""
    import pyarrow as pa

    spec = plan(protocol)
    width = some(spec, 1).rows.shape[1]
    for wrong in (b"\xff" * width, None):
        table = pa.table({"report": pa.array([some(spec, 1).rows[0].tobytes(), wrong], pa.binary(width))})
        with pytest.raises(InvalidInput):
            Counts.from_groups(spec, answer(spec, table))


def test_rows_of_another_query_are_refused() -> None:
    grr, told = plan("rsfd-grr", (2, 3)), plan("smp-oue", (2, 3))
    for spec, rows in (
        (grr, [(0, None)]),
        (grr, [(None, None, 5)]),
        (grr, [(0, 0, 5)]),
        (grr, [(0, None, 5)]),  # the second attribute is missing
        (grr, [(0, None, 5), (None, 2, 4)]),
        (grr, [(0, None, -5), (None, 2, -5)]),
        (grr, [(-1, None, 5), (None, 2, 5)]),
        (grr, [("0", None, 5), (None, 2, 5)]),
        (grr, [(0, None, None)]),
        (grr, [(2, None, 5), (None, 2, 5)]),
        (told, [(None, 1, 5)]),
        (told, [(2, None, 5), (2, 1, 5)]),
        (told, [(0, None, 5), (0, 256, 5)]),
        (told, [(0, None, 5), (0, 4, 5)]),
        (grr, [(True, None, 5), (None, 2, 5)]),
        (grr, [(0, None, True), (None, 2, True)]),
        (grr, [(2**64, None, 5), (None, 2, 5)]),
        (grr, [*[(1, None, 2**62)] * 4, (0, None, 5), (None, 2, 5)]),  # 2**64 + 5, which wraps to 5
        (grr, [(1, None, 2**64 + 5), (None, 2, 2**64 + 5)]),
        (told, [*[(0, None, 2**62)] * 4, (0, None, 5), (0, 1, 5)]),
    ):
        with pytest.raises(InvalidInput):
            Counts.from_groups(spec, rows)

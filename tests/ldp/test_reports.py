"""Reports in bulk: they join under one plan only, survive every carrier, and cannot be changed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from privlib.errors import InvalidInput, Mismatch
from privlib.ldp import Domain, Reports, Spec
from privlib.ldp.wire import Layout
from privlib.noise.testing import fixed_key

DOMAIN = Domain({"a": ["x", "y"], "b": list(range(9)), "c": [1, 2, 3]})
PLANS = [Spec(DOMAIN, name, level="record", odds=3) for name in ("rsfd-oue-z", "smp-ss", "spl-grr", "spl-hr", "smp-oue")]


def reports(spec: Spec, n: int) -> Reports:
    return spec.randomise({"a": ["x", "y"] * n, "b": [8, 0] * n, "c": [2, 3] * n})


@pytest.mark.parametrize("spec", PLANS, ids=lambda spec: spec.protocol)
@given(n=st.integers(0, 20))
def test_p5_bytes_and_arrow_bring_back_the_same_reports(spec: Spec, n: int) -> None:
    made = reports(spec, n)
    table = made.to_arrow()
    stored = io.BytesIO()
    parquet.write_table(table, stored)
    halves = pa.concat_tables([table.slice(0, n), table.slice(n)])
    batches = table.combine_chunks().to_batches() or [table]
    for again in (
        Reports.from_bytes(spec, made.to_bytes()),
        Reports.from_arrow(spec, table),
        Reports.from_arrow(spec, halves),
        Reports.from_arrow(spec, parquet.read_table(stored)),
        Reports.from_arrow(spec, batches[0]),
    ):
        assert again.rows.tolist() == made.rows.tolist()
        assert again.secure
        assert again.to_bytes() == made.to_bytes()


def test_reports_of_one_plan_join_and_others_do_not() -> None:
    one, other = reports(PLANS[0], 2), reports(PLANS[1], 2)
    both = one + reports(PLANS[0], 1)
    assert (len(one), len(both)) == (4, 6)
    assert both.rows[:4].tolist() == one.rows.tolist()
    with pytest.raises(Mismatch):
        one + other
    with pytest.raises(TypeError):
        one + 1  # type: ignore[operator]  # what is refused
    assert Reports.from_bytes(PLANS[0], b"".join(both)).rows.tolist() == both.rows.tolist()


def test_what_was_made_in_test_mode_stays_marked() -> None:
    spec = PLANS[0]
    with fixed_key(bytes(32)):
        marked = reports(spec, 2)
    honest = reports(spec, 2)
    assert (marked.secure, honest.secure) == (False, True)
    for mixed in (marked + honest, honest + marked, Reports.from_bytes(spec, honest.to_bytes() + marked.to_bytes())):
        assert not mixed.secure
    assert not Reports.from_arrow(spec, marked.to_arrow()).secure
    assert not Reports.from_bytes(spec, next(iter(marked))).secure
    assert "NOT SECURE" in repr(marked)


def test_reports_cannot_be_changed_from_outside() -> None:
    rows = np.zeros((3, Layout(PLANS[2].scheme, PLANS[2].parts).width), dtype=np.uint8)
    made = Reports(PLANS[2], rows)
    rows[:] = 255
    assert not made.rows.any()
    with pytest.raises(ValueError, match="read-only"):
        made.rows[0, 0] = 1


@pytest.mark.parametrize("spec", PLANS, ids=lambda spec: spec.protocol)
def test_other_tables_and_batches_are_refused(spec: Spec) -> None:
    made, other = reports(spec, 2), next(plan for plan in PLANS if plan is not spec)
    table = made.to_arrow()
    width = made.rows.shape[1]
    missing = pa.table({"report": pa.array([None], pa.binary(width))}).replace_schema_metadata(table.schema.metadata)
    plain = pa.table({"report": pa.array([b"1" * width])}).replace_schema_metadata(table.schema.metadata)
    for foreign in (lambda: Reports.from_arrow(other, table), lambda: Reports.from_bytes(other, made.to_bytes())):
        with pytest.raises(Mismatch, match="another plan"):
            foreign()
    refused: list[Any] = [
        lambda: Reports.from_arrow(spec, table.replace_schema_metadata(None)),
        lambda: Reports.from_arrow(spec, missing),
        lambda: Reports.from_arrow(spec, plain),
        lambda: Reports.from_bytes(spec, made.to_bytes()[:-1]),
        lambda: Reports.from_bytes(spec, made.to_bytes() + b"\0"),
        lambda: Reports.from_bytes(spec, b""),
        lambda: Reports(spec, made.rows.astype(np.int64)),
        lambda: Reports(spec, made.rows[0]),
    ]
    for attempt in refused:
        with pytest.raises(InvalidInput):
            attempt()

"""Many records at once: any carrier of columns, all columns checked first, and the stated frequencies."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from privlib.errors import InvalidInput
from privlib.ldp import Domain, Spec, bulk, codes
from privlib.ldp.parts import PROTOCOLS, Scheme
from privlib.noise.testing import fixed_key
from privlib.prove import replaced

DOMAIN = Domain({"smokes": ["no", "yes"], "age": [3, 1, 2], "region": ["N", "E", "S", "W"], "code": list(range(9))})
PRIORS = [[f"{2 * (i + 1)}/{k * (k + 1)}" for i in range(k)] for k in DOMAIN.sizes]
KEY = bytes(range(32))


def plan(protocol: str, odds: int = 3, domain: Domain = DOMAIN) -> Spec:
    realistic: dict[str, Any] = {"priors": PRIORS} if protocol.startswith("rsrfd") else {}
    return Spec(domain, protocol, level="attribute", odds=odds, **realistic)


def people(n: int) -> dict[str, list[Any]]:
    return {
        name: [labels[(i * 7 + i // 3 + j) % len(labels)] for i in range(n)]
        for j, (name, labels) in enumerate(zip(DOMAIN.names, DOMAIN.labels, strict=True))
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_carrier_gives_the_same_reports(protocol: str) -> None:
    spec, data = plan(protocol), people(50)
    carriers = [
        data,
        {name: tuple(column) for name, column in data.items()},
        {name: np.array(column) for name, column in data.items()},
        {name: pd.Series(column) for name, column in data.items()},
        pd.DataFrame({**data, "unasked": 1}),
        pd.DataFrame(data).astype({"smokes": "category", "age": "int8"}),
        pl.DataFrame(data),
        pl.DataFrame(data).with_columns(pl.col("region").cast(pl.Categorical)),
        pa.table(data),
    ]
    found = list[bytes]()
    for carrier in carriers:
        with fixed_key(KEY):
            found.append(spec.randomise(carrier).to_bytes())
    assert len(set(found)) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_values_are_supported_as_often_as_the_plan_says(protocol: str) -> None:
    """Exact binomial tails: one of the 18 values a protocol, 27 protocols, two sides at 1e-11: below 1e-8 together."""
    n = 30_000
    spec, record = plan(protocol), (1, 2, 3, 8)
    data = {name: [labels[value]] * n for name, labels, value in zip(DOMAIN.names, DOMAIN.labels, record, strict=True)}
    counts = spec.count(spec.randomise(data))
    for part, own, asked, supports in zip(spec.parts, record, counts.asked, counts.supports, strict=True):
        for value, count in enumerate(supports):
            chance = part.oracle.hit if value == own else part.oracle.miss
            if spec.scheme is Scheme.RSFD:
                chance = part.weight * chance + (1 - part.weight) * part.fake_support(value)
            tails = binom.cdf(count, asked, float(chance)), binom.sf(count - 1, asked, float(chance))
            assert min(tails) > 1e-11
    if spec.scheme is Scheme.SMP:
        assert min(binom.cdf(asked, n, 1 / 4) for asked in counts.asked) > 1e-11


@pytest.mark.parametrize("protocol", ["spl-grr", "spl-ss", "spl-hr", "smp-grr", "smp-ss"])
@given(st.lists(st.tuples(*(st.integers(0, size - 1) for size in DOMAIN.sizes)), max_size=30), st.integers(1, 9))
def test_reports_stand_in_the_order_of_rows(protocol: str, records: list[tuple[int, ...]], block: int) -> None:
    """At odds of 1e40 a report supports its record, but for a probability of 1e-30."""
    spec = plan(protocol, odds=10**40)
    columns = {name: [DOMAIN.labels[j][record[j]] for record in records] for j, name in enumerate(DOMAIN.names)}
    with replaced(bulk, "_LEAST", block), replaced(bulk, "_MOST", block), replaced(codes, "_ROWS", block):
        reports = spec.randomise(columns)
    assert len(reports) == len(records)
    for report, record in zip(reports, records, strict=True):
        counts = spec.count(report)
        assert all(counts.supports[a][value] == counts.asked[a] for a, value in enumerate(record))


OPEN = Domain({"age": [1, 2, None], "town": ["a", "b"]}, other=["town"])


def test_missing_and_undeclared_values_count_where_the_domain_says() -> None:
    spec = plan("spl-grr", odds=10**40, domain=OPEN)
    frames = [
        {"age": [1, None, 2], "town": ["b", "z", None]},
        {"age": np.array([1.0, np.nan, 2.0]), "town": np.array(["b", "z", None], dtype=object)},
        pd.DataFrame({"age": [1, None, 2], "town": ["b", "z", None]}),
        pd.DataFrame({"age": pd.array([1, None, 2], dtype="Int64"), "town": ["b", "z", None]}),
        pl.DataFrame({"age": [1, None, 2], "town": ["b", "z", None]}),
        pa.table({"age": [1, None, 2], "town": ["b", "z", None]}),
    ]
    for frame in frames:
        told = [[int(np.argmax(s)) for s in spec.count(report).supports] for report in spec.randomise(frame)]
        assert told == [[0, 1], [2, 2], [1, 2]]
    with pytest.raises(InvalidInput, match="age has a value that is not among its labels"):
        spec.randomise({"age": [1, 3], "town": ["a", "a"]})
    for frame in ({"smokes": ["no", None]}, pd.DataFrame({"smokes": ["no", None]}), pl.DataFrame({"smokes": ["no", None]})):
        with pytest.raises(InvalidInput, match="smokes has a missing value"):
            plan("smp-grr", domain=Domain({"smokes": ["no", "yes"]})).randomise(frame)


PLANTED = 4711


@pytest.mark.parametrize(
    "damage",
    [
        {"smokes": ["no", str(PLANTED)]},
        {"age": [1, PLANTED]},
        {"age": [1, -1]},
        {"code": np.array([0, PLANTED])},
        {"code": np.array([0, 2**64 - 1], dtype=np.uint64)},
        {"code": [0.0, 0.5]},
        {"code": [True, False]},
        {"code": np.array([True, False])},
        {"code": np.array([0, np.nan])},
        {"region": [0, 1]},
        {"region": np.array(["N", "e"])},
        {"code": [0]},
        {"code": np.zeros((2, 2), dtype=np.int64)},
        {"code": None},
    ],
)
def test_p9_all_columns_are_checked_before_anything_is_drawn(damage: dict[str, Any]) -> None:
    data = {**people(2), **damage}
    texts = set[str]()
    for key in range(6):
        with fixed_key(bytes([key]) * 32), pytest.raises(InvalidInput) as raised:
            plan("rsfd-grr").randomise(data)
        texts.add(str(raised.value))
    assert len(texts) == 1
    assert str(PLANTED) not in texts.pop()
    absent = {name: column for name, column in people(2).items() if name != "age"}
    for frame in (absent, pd.DataFrame(absent), pl.DataFrame(absent)):
        with pytest.raises(InvalidInput, match="age"):
            plan("rsfd-grr").randomise(frame)


def test_no_rows_give_no_reports() -> None:
    for protocol in PROTOCOLS:
        assert len(plan(protocol).randomise({name: [] for name in DOMAIN.names})) == 0
    assert len(plan("rsfd-grr").randomise(pl.DataFrame(people(3)).clear())) == 0


def test_great_domains_and_odds() -> None:
    wide = Domain({"a": list(range(5000)), "b": [f"v{i}" for i in range(300)], "c": list(range(-70000, 70000, 3))})
    data = {"a": np.arange(600) % 5000, "b": [f"v{i % 300}" for i in range(600)], "c": np.arange(600) * 3 - 70000}
    for protocol in ("spl-grr", "spl-oue", "smp-hr", "smp-oue", "rsfd-grr"):
        spec = Spec(wide, protocol, level="record", epsilon=700)
        assert len(spec.randomise(data)) == 600
    counts = (spec := Spec(wide, "spl-grr", level="record", epsilon=700)).count(spec.randomise(data))
    assert counts.supports[0][:600].tolist() == [1] * 600


def test_memory_beyond_codes_and_reports_does_not_grow_with_the_rows() -> None:
    spec = plan("rsfd-oue-z")
    beyond = list[int]()
    for n in (100_000, 400_000):
        data = {name: np.array(column) for name, column in people(1000).items()}
        whole = {name: np.tile(column, n // 1000) for name, column in data.items()}
        tracemalloc.start()
        reports = spec.randomise(whole)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        beyond.append(peak - 2 * reports.rows.nbytes - len(DOMAIN.names) * n)  # reports are copied once, each code is a byte
    assert beyond[1] - beyond[0] < 2_000_000

"""Counts are exact, whatever the protocol, the split and the way they travel."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from privlib.errors import InvalidInput, Mismatch, TamperedRelease
from privlib.ldp import Domain, Spec, counting
from privlib.ldp.aggregate import Counts, count
from privlib.ldp.oracles import Grr, Hadamard, LocalHash
from privlib.ldp.parts import PROTOCOLS, Part
from privlib.ldp.reports import Reports
from privlib.ldp.wire import HEADER, Layout, unwrap
from tests.ldp.simulate import packed, simulate, zipf

SIZES = (3, 20, 9, 7)


def plan(protocol: str, sizes: tuple[int, ...] = SIZES, odds: int = 4) -> Spec:
    domain = Domain({f"a{place}": list(range(size)) for place, size in enumerate(sizes)})
    priors = [[f"{x + 1}/{k * (k + 1) // 2}" for x in range(k)] for k in sizes] if protocol.startswith("rsrfd") else None
    return Spec(domain, protocol, level="attribute", odds=odds, priors=priors)


def some(spec: Spec, n: int = 200, seed: int = 1) -> Reports:
    rng = np.random.default_rng(seed)
    return simulate(spec, zipf(rng, n, spec.domain.sizes), rng)


def one_by_one(spec: Spec, reports: Reports) -> tuple[list[int], list[list[int]]]:
    """The definition of support, on each report as `Layout.read` gives it."""
    layout = Layout(spec.scheme, spec.parts)
    asked, supports = [0] * len(spec.parts), [[0] * part.size for part in spec.parts]
    for report in reports:
        symbols, bits, told = layout.read(unwrap(spec.fingerprint, layout.width, report))
        for place, part in enumerate(spec.parts):
            if told in (None, place):
                asked[place] += 1
                for x in range(part.size):
                    match part.oracle:
                        case Grr():
                            agrees = symbols[place] == x
                        case Hadamard():
                            agrees = ((x + 1) & symbols[place]).bit_count() % 2 == 0
                        case LocalHash(_, _, g):
                            number, bucket = divmod(symbols[place], g)
                            agrees = sum((number // g**i % g) * (x // g**i % g) for i in range(part.oracle.digits)) % g == bucket
                        case _:
                            agrees = bool(bits >> (layout.bit_offsets[place] + x) & 1)
                    supports[place][x] += agrees
    return asked, supports


def numbers(counts: Counts) -> tuple[list[int], list[list[int]]]:
    return counts.asked.tolist(), [own.tolist() for own in counts.supports]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_counting_in_bulk_is_counting_one_by_one(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_BLOCK", 64)  # several blocks, and a shorter last one
    spec = plan(protocol)
    reports = some(spec)
    assert numbers(spec.count(reports)) == one_by_one(spec, reports)
    monkeypatch.setattr(counting, "_LARGEST_ALPHABET", 2)  # hashes are asked one by one
    monkeypatch.setattr(counting, "_CELLS", 100)
    monkeypatch.setattr(counting, "_CACHED", 16)  # few digits are counted together
    assert numbers(spec.count(reports)) == one_by_one(spec, reports)


def test_attributes_of_many_values_are_counted() -> None:
    for protocol in ("spl-grr", "smp-grr", "spl-hr"):
        spec = plan(protocol, (70_000, 2, 300))
        reports = some(spec, 40)
        assert numbers(spec.count(reports)) == one_by_one(spec, reports)


@pytest.mark.parametrize("scheme", ["spl", "smp"])
def test_hashes_to_many_buckets_are_counted_in_little_memory(scheme: str) -> None:
    """16 million functions and buckets: a histogram of them would take 134 MB."""
    parts = [Part(LocalHash(50, Fraction(9), 4093), weight=Fraction(1, 2) if scheme == "smp" else Fraction(1)) for _ in "ab"]
    spec = Spec.of_parts(Domain({"a": range(50), "b": range(50)}), parts, scheme=scheme, record_cap=Fraction(81))
    reports = some(spec, 300)
    tracemalloc.start()
    counts = spec.count(reports)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10e6
    assert numbers(counts) == one_by_one(spec, reports)


def test_counting_takes_no_more_memory_for_more_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_LARGEST_ALPHABET", 2)
    oracle, peaks = LocalHash(1000, Fraction(3), 2), []
    for n in (5_000, 20_000):
        symbols = np.arange(n) % 2**11
        tracemalloc.start()
        counting.support_of_hashes(oracle, symbols)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < 100e6


@given(st.sampled_from(PROTOCOLS), st.integers(0, 40), st.integers(0, 40), st.integers(0, 2**32))
def test_p4_merging_parts_equals_counting_the_whole(protocol: str, first: int, second: int, seed: int) -> None:
    spec = plan(protocol, (2, 5, 11))
    reports = some(spec, 40, seed)
    low, high = sorted((first, second))
    parts = [Reports(spec, reports.rows[part].copy()) for part in (slice(low), slice(low, high), slice(high, None))]
    one, two, three = map(spec.count, parts)
    whole, none = spec.count(reports), Counts.empty(spec)
    assert sum([one, two, three]) == sum(iter([three, two, one])) == whole
    assert (one + two) + three == one + (two + three) == three + one + two == whole
    assert hash(one + two) == hash(two + one)
    assert whole + none == none + whole == whole
    assert none.add(parts[0]).add(parts[1]).add(parts[2]) == count(spec, parts) == whole


@given(st.permutations(range(3)), st.permutations(range(5)), st.sampled_from(["spl-grr", "spl-ss", "rsfd-oue-z", "rsfd-grr"]))
def test_p7_permuting_attributes_or_labels_permutes_results(order: list[int], labels: list[int], protocol: str) -> None:
    rng = np.random.default_rng(7)
    spec = plan(protocol, (5, 5, 5))
    said = [_reports_of(protocol, rng) for _ in range(3)]
    moved = [_relabelled(said[place], labels) for place in order]
    layout = Layout(spec.scheme, spec.parts)
    before = spec.count(Reports(spec, packed(layout, said, None))).estimate()
    after = spec.count(Reports(spec, packed(layout, moved, None))).estimate()
    for here, place in enumerate(order):
        own, others = after.attributes[here], before.attributes[place]
        assert (own.value[labels] == others.value).all()
        assert (own.stderr[labels] == others.stderr).all()
        assert (own.interval[labels] == others.interval).all()


def _reports_of(protocol: str, rng: np.random.Generator) -> NDArray[Any]:
    if protocol.endswith("grr"):
        return rng.integers(0, 5, 30)
    if protocol == "spl-ss":
        chosen = plan(protocol, (5, 5, 5)).parts[0].oracle.chosen
        return rng.random((30, 5)).argsort(axis=1) < chosen
    return rng.random((30, 5)) < 0.3


def _relabelled(said: NDArray[Any], labels: list[int]) -> NDArray[Any]:
    """Value x becomes labels[x]."""
    return np.array(labels)[said] if said.ndim == 1 else said[:, np.argsort(labels)]


def test_a_stream_of_single_reports_is_counted_like_a_batch() -> None:
    spec = plan("rsfd-oue-z")
    reports = some(spec, 50)
    singles = (Reports(spec, row[None, :].copy()).to_bytes() for row in reports.rows)
    assert (
        count(spec, singles)
        == count(spec, reports.to_bytes())
        == count(spec, bytearray(reports.to_bytes()))
        == spec.count(reports)
    )
    mixed = [reports.to_bytes(), reports, reports.to_bytes()]
    assert count(spec, iter(mixed)).reports == 150
    assert count(spec, iter(reports)) == count(spec, list(reports)) == spec.count(reports)
    assert count(spec, memoryview(reports.to_bytes())) == spec.count(reports)  # type: ignore[arg-type]
    assert count(spec, []) == Counts.empty(spec)


def test_arrow_tables_and_their_streams_are_counted() -> None:
    spec = plan("rsfd-oue-z")
    reports = some(spec, 50)
    table = reports.to_arrow()
    whole = spec.count(reports)
    assert count(spec, table) == count(spec, table.to_batches()[0]) == count(spec, table.to_reader(max_chunksize=7)) == whole
    assert count(spec, [table, reports.to_bytes(), reports]).reports == 150
    tested = Reports(spec, reports.rows, secure=False)
    assert not count(spec, tested.to_arrow()).secure
    with pytest.raises(Mismatch, match="fingerprint"):
        count(plan("spl-grr"), table)


def test_files_are_to_be_read_first(tmp_path: Path) -> None:
    spec, path = plan("rsfd-oue-z"), tmp_path / "reports"
    path.write_bytes(some(spec, 5).to_bytes())
    with path.open("rb") as file:
        for wrong in (path, str(path), file):
            with pytest.raises(InvalidInput, match="read a file's bytes"):
                count(spec, wrong)  # type: ignore[arg-type]
    assert count(spec, path.read_bytes()).reports == 5


def test_long_streams_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privlib.ldp.aggregate._HELD", 10)
    spec = plan("smp-grr")
    batch = some(spec, 7).to_bytes()
    assert count(spec, [batch] * 5).reports == 35


def test_reports_of_another_plan_are_refused() -> None:
    spec, other = plan("spl-grr"), plan("spl-grr", odds=5)
    reports = some(other, 3)
    with pytest.raises(Mismatch):
        spec.count(reports)
    with pytest.raises(Mismatch):
        spec.count(reports.to_bytes())
    with pytest.raises(Mismatch):
        _ = spec.count(some(spec, 3)) + other.count(reports)
    with pytest.raises(TypeError):
        _ = spec.count(some(spec, 3)) + 1  # type: ignore[operator]
    for start in (1, False, None):
        with pytest.raises(TypeError):
            _ = start + spec.count(some(spec, 3))  # type: ignore[operator]


@pytest.mark.parametrize("wrong", ["text", 5, None, ["text"], [5]])
def test_what_is_no_report_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="Reports, bytes or a stream"):
        count(plan("spl-grr"), wrong)


def test_a_batch_cut_short_is_refused() -> None:
    spec = plan("rsfd-oue-z")
    batch = some(spec, 3).to_bytes()
    for broken in (batch[:-1], batch[: HEADER - 1], b""):
        with pytest.raises(InvalidInput):
            count(spec, [broken])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_counts_travel_as_canonical_json(protocol: str) -> None:
    counts = plan(protocol).count(some(plan(protocol), 20))
    again = Counts.from_json(counts.to_json())
    assert again == counts
    assert again.to_json() == counts.to_json()
    assert again.spec == counts.spec


def test_huge_counts_travel_and_no_sum_overflows() -> None:
    spec = plan("spl-oue", (2, 3))
    many = Counts(spec, 2**62, np.full(2, 2**62), (np.array([2**61, 5]), np.zeros(3, dtype=np.int64)))
    assert Counts.from_json(many.to_json()) == many
    with pytest.raises(InvalidInput, match="2\\*\\*62"):
        _ = many + many


def test_altered_files_are_refused() -> None:
    from privlib.certificate import open_sealed, seal

    spec = plan("rsfd-grr", (2, 3))
    text = spec.count(some(spec, 9)).to_json()
    with pytest.raises(TamperedRelease):
        Counts.from_json(text.replace('"reports":9', '"reports":8'))
    record = {name: value for name, value in open_sealed(text).items() if name not in ("kind", "format", "privlib")}
    for field, value in (
        ("reports", 8),
        ("asked", [9]),
        ("asked", [9, "x"]),
        ("supports", []),
        ("secure", 1),
        ("spec", {}),
        ("more", 1),
    ):
        with pytest.raises(TamperedRelease):
            Counts.from_json(seal("ldp.counts", {**record, field: value}))
    with pytest.raises(TamperedRelease):
        Counts.from_json(seal("ldp.counts", {name: value for name, value in record.items() if name != "asked"}))
    with pytest.raises(TamperedRelease):
        Counts.from_json(seal("something", record))


def test_counts_that_no_reports_give_are_refused() -> None:
    spec, told = plan("spl-ss", (4, 9)), plan("smp-grr", (2, 3))
    good = spec.count(some(spec, 10))
    wrong: list[tuple[Any, ...]] = [
        (-1, good.asked, good.supports),
        (11, good.asked, good.supports),
        (10, good.asked + 1, good.supports),
        (10, good.asked[:1], good.supports),
        (10, good.asked.astype(np.int32), good.supports),
        (10, good.asked, good.supports[:1]),
        (10, good.asked, (good.supports[0] * 0, good.supports[1])),
        (10, good.asked, (good.supports[0] - 5, good.supports[1])),
        (10, good.asked, (good.supports[0][:3], good.supports[1])),
        (10, good.asked, (good.supports[0].astype(float), good.supports[1])),
    ]
    for arguments in wrong:
        with pytest.raises(InvalidInput):
            Counts(spec, *arguments)
    with pytest.raises(InvalidInput):
        Counts(told, 3, np.array([1, 1]), (np.array([1, 0]), np.array([1, 0, 0])))
    with pytest.raises(InvalidInput):
        Counts(told, 2, np.array([3, -1]), (np.array([3, 0]), np.array([-1, 0, 0])))


def test_counts_cannot_be_changed_and_show_what_they_are() -> None:
    spec = plan("spl-grr", (2, 3))
    reports = some(spec, 5)
    counts = spec.count(reports)
    with pytest.raises(ValueError, match="read-only"):
        counts.supports[0][0] = 7
    assert repr(counts) == "<Counts of 5 reports, spl-grr, 2 attributes>"
    tested = spec.count(Reports(spec, reports.rows.copy(), secure=False))
    assert "NOT SECURE" in repr(counts + tested)
    assert counts != 5
    assert (counts + tested).estimate().caption().startswith("NOT SECURE")

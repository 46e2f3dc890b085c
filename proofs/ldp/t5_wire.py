"""A report has one spelling: writing is a bijection onto the byte strings that are read, and nothing else is read.

Statement
    For a layout let R be the set of reports that its protocol can give: a symbol below the oracle's number of symbols for each
    attribute that reports symbols, a set of values for each other one (with exactly c members under subset selection); under smp
    of the one attribute told. ``Layout.write`` is a bijection from R onto the byte strings that ``Layout.read`` takes; ``read``
    is its inverse, and both know ``width`` bytes only. ``Reports`` takes rows if and only if ``read`` takes each of them. A batch
    is a header, which names the plan and the length, and its reports: ``unwrap`` undoes ``wrap``, also of several batches one
    after the other, and takes none of another plan, another format or another length.

Proof
    *Integers.* A mixed-radix integer is below the product of its radices and its digits are the symbols, so symbols and integers
    are one to one; ``size`` bytes hold every such integer, ``read`` refuses all others, and each attribute stands in one integer.
    Under smp the attributes' codes are consecutive intervals, so an integer tells attribute and symbol. *Bits.* Attribute j's
    values have the bits from ``bit_offsets[j]`` on, disjoint intervals that fill the first ``bits`` bits; under smp the told
    attribute's begin at 0. ``read`` refuses every other bit, and wrong numbers of members. What remains is R, part by part.

Checked against the shipped code
    Exhaustively: every byte string of all layouts of one and two bytes below, and every report of the protocol, counted without
    the layout. ``Reports`` on every byte string of one byte, and on a sample of refused ones of two, most of them a bit away
    from a report. Integers of 1 to 8 bytes.

Covers not
    That reports have the declared law: ldp.t3.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InvalidInput, Mismatch
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle, Subset, Unary
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.reports import Reports, integer
from privlib.ldp.wire import HEADER, Layout, unwrap, wrap
from privlib.prove import rewritten

covers = [
    "privlib.ldp.wire.Number.size",
    "privlib.ldp.wire.Layout.numbers",
    "privlib.ldp.wire.Layout._next",
    "privlib.ldp.wire.Layout._symbols",
    "privlib.ldp.wire.Layout.offsets",
    "privlib.ldp.wire.Layout.bit_offsets",
    "privlib.ldp.wire.Layout.bits",
    "privlib.ldp.wire.Layout.start_of_bits",
    "privlib.ldp.wire.Layout.width",
    "privlib.ldp.wire.Layout.write",
    "privlib.ldp.wire.Layout.read",
    "privlib.ldp.wire.Layout._check_bits",
    "privlib.ldp.wire._number",
    "privlib.ldp.wire.symbols_of",
    "privlib.ldp.wire._batches",
    "privlib.ldp.wire.length",
    "privlib.ldp.wire.wrap",
    "privlib.ldp.wire.is_secure",
    "privlib.ldp.wire.unwrap",
    "privlib.ldp.reports.Reports.__post_init__",
    "privlib.ldp.reports.Reports.to_bytes",
    "privlib.ldp.reports.Reports.from_bytes",
    "privlib.ldp.reports._check",
    "privlib.ldp.reports._check_told",
    "privlib.ldp.reports._ones",
    "privlib.ldp.reports.integer",
]

F = Fraction
Report = tuple[tuple[int, ...], int, int | None]


def layout_of(scheme: str, *oracles: Oracle) -> Layout:
    weight = F(1) if scheme == "spl" else F(1, len(oracles))
    return Layout(Scheme(scheme), tuple(Part(oracle, weight) for oracle in oracles))


def plan(layout: Layout) -> Any:
    """What reports know of a plan."""
    digest = hashlib.sha256(repr(layout).encode()).hexdigest()
    return SimpleNamespace(scheme=layout.scheme, parts=layout.parts, fingerprint=digest)


E, HALF, FIFTH = F(3), F(1, 2), F(1, 5)
LAYOUTS = [
    layout_of("spl", Grr(3, E), Hadamard(2, E), Grr(5, E)),
    layout_of("spl", Unary(3, HALF, FIFTH), Unary(2, HALF, FIFTH)),
    layout_of("spl", Unary(8, HALF, FIFTH)),
    layout_of("spl", Subset(3, E, 1), Unary(2, HALF, FIFTH), Subset(3, E, 2)),
    layout_of("spl", Grr(6, E), Subset(5, E, 2)),
    layout_of("spl", LocalHash(3, E, 2), Grr(2, E), Unary(4, HALF, FIFTH)),
    layout_of("spl", Subset(4, E, 2), Unary(3, HALF, FIFTH), Subset(5, E, 3), Unary(2, HALF, FIFTH)),
    layout_of("spl", Grr(16, E), Grr(16, E)),
    layout_of("spl", Grr(300, E)),
    layout_of("smp", Grr(3, E), Hadamard(3, E), Grr(2, E)),
    layout_of("smp", Grr(3, E), Unary(3, HALF, FIFTH), Subset(5, E, 2), LocalHash(4, E, 2), Subset(2, E, 1)),
    layout_of("smp", Unary(2, HALF, FIFTH), Unary(8, HALF, FIFTH)),
]


def fresh() -> list[Layout]:
    """The layouts, without what they have worked out before."""
    return [Layout(layout.scheme, layout.parts) for layout in LAYOUTS]


def answers(oracle: Oracle) -> list[tuple[bool, int]]:
    """All reports of one attribute: whether it is a set, and the symbol or the members as bits."""
    match oracle:
        case Unary():
            return [(True, own) for own in range(2**oracle.size)]
        case Subset():
            sets = itertools.combinations(range(oracle.size), oracle.chosen)
            return [(True, sum(1 << x for x in own)) for own in sets]
        case LocalHash():
            functions = itertools.product(range(oracle.buckets), repeat=oracle.digits)
            return [(False, i) for i, _ in enumerate(itertools.product(functions, range(oracle.buckets)))]
        case Hadamard():
            return [(False, y) for y in range(1 << oracle.size.bit_length())]
        case Grr():
            return [(False, y) for y in range(oracle.size)]


def possible(layout: Layout) -> Iterator[Report]:
    """Every report of the protocol, its bits one attribute after the other."""
    nothing = [-1] * len(layout.parts)
    if layout.scheme is Scheme.SMP:
        for told, part in enumerate(layout.parts):
            for is_set, own in answers(part.oracle):
                symbols = [*nothing[:told], -1 if is_set else own, *nothing[told + 1 :]]
                yield tuple(symbols), own if is_set else 0, told
        return
    for reported in itertools.product(*(answers(part.oracle) for part in layout.parts)):
        bits, first = 0, 0
        for part, (is_set, own) in zip(layout.parts, reported, strict=True):
            bits, first = bits | (own << first if is_set else 0), first + (part.size if is_set else 0)
        yield tuple(-1 if is_set else own for is_set, own in reported), bits, None


def read(layout: Layout, text: bytes) -> Report | None:
    try:
        return layout.read(text)
    except InvalidInput:
        return None


def writing_is_a_bijection() -> None:
    for layout in fresh():
        reports = list(possible(layout))
        texts = {layout.write(symbols, bits, told=told) for symbols, bits, told in reports}
        assert len(texts) == len(set(reports)) == len(reports), "two reports have one spelling"
        assert {len(text) for text in texts} == {layout.width}, "a report has another width"
        assert all(read(layout, layout.write(s, b, told=t)) == (s, b, t) for s, b, t in reports), "reading does not undo writing"
        every = (number.to_bytes(layout.width, "little") for number in range(256**layout.width))
        taken = {text for text in every if read(layout, text) is not None}
        assert taken == texts, "bytes are read that no report gives"
        assert read(layout, bytes(layout.width + 1)) is read(layout, bytes(layout.width - 1)) is None, "other widths are read"


def rows_are_taken_that_can_be_read() -> None:
    for layout in fresh():
        spec = plan(layout)
        good = sorted(layout.write(symbols, bits, told=told) for symbols, bits, told in possible(layout))
        texts = (number.to_bytes(layout.width, "little") for number in range(256**layout.width))
        bad = sorted(set(texts) - set(good))
        near = sorted({flipped(text, bit) for text in good for bit in range(8 * layout.width)} - set(good))
        assert takes(spec, good), "a report is refused"
        for text in near[:: len(near) // 300 + 1] + bad[:: len(bad) // 100 + 1] + bad[-3:]:
            assert not takes(spec, [good[0], text, good[-1]]), "a row is taken that is no report"
        assert takes(spec, []), "no reports at all are refused"
        rows = rows_of(spec, good)
        for wrong in (rows.astype(np.int8), rows[:, :-1], np.pad(rows, ((0, 0), (0, 1))), rows[0]):
            assert is_refused(lambda wrong=wrong, spec=spec: Reports(spec, wrong)), "rows of another shape or type are taken"


def flipped(text: bytes, bit: int) -> bytes:
    return (int.from_bytes(text, "little") ^ 1 << bit).to_bytes(len(text), "little")


def rows_of(spec: Any, texts: Sequence[bytes]) -> Any:
    return np.frombuffer(b"".join(texts), dtype=np.uint8).reshape(len(texts), Layout(spec.scheme, spec.parts).width).copy()


def takes(spec: Any, texts: Sequence[bytes]) -> bool:
    return not is_refused(lambda: Reports(spec, rows_of(spec, texts)))


def is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except (InvalidInput, Mismatch):
        return True
    return False


def batches_name_their_plan() -> None:
    layouts = fresh()
    one, two = layouts[0], layouts[6]
    spec, other = plan(one), plan(two)
    reports = Reports(spec, rows_of(spec, [one.write((1, 2, 3), 0), one.write((2, 0, 4), 0)]))
    for made in (reports, Reports(spec, reports.rows.copy(), secure=False), Reports(spec, rows_of(spec, []))):
        batch = made.to_bytes()
        again = Reports.from_bytes(spec, batch)
        assert (again.rows.tolist(), again.secure) == (made.rows.tolist(), made.secure), "a batch reads otherwise"
        assert again.to_bytes() == batch == wrap(spec.fingerprint, made.rows.tobytes(), secure=made.secure)
        assert unwrap(spec.fingerprint, one.width, batch) == made.rows.tobytes()
        several = Reports.from_bytes(spec, batch + reports.to_bytes() + batch)
        assert several.rows.tolist() == [*made.rows.tolist(), *reports.rows.tolist(), *made.rows.tolist()], "a batch is lost"
        assert several.secure == made.secure, "one batch of test mode among others is forgotten"
        assert is_refused(lambda batch=batch: Reports.from_bytes(other, batch)), "a batch of another plan is read"
        for i in range(HEADER):
            damaged = batch[:i] + bytes([batch[i] ^ 1]) + batch[i + 1 :]
            assert is_refused(lambda text=damaged: Reports.from_bytes(spec, text)), "a damaged header is read"
            assert is_refused(lambda text=batch[:i]: Reports.from_bytes(spec, text)), "a batch without its header is read"
    wide = Reports(other, rows_of(other, [next(two.write(s, b, told=t) for s, b, t in possible(two))]))
    for cut in (wide.to_bytes()[:-1], wide.to_bytes() + b"\0", wrap(other.fingerprint, bytes(two.width - 1))):
        assert is_refused(lambda cut=cut: unwrap(other.fingerprint, two.width, cut)), "a batch that is cut short is read"


def integers_have_their_bytes() -> None:
    rows = np.array([[(31 * i + 7 * j) % 256 for j in range(11)] for i in range(5)], dtype=np.uint8)
    for start, stop in itertools.combinations(range(12), 2):
        if stop - start <= 8:
            wanted = [int.from_bytes(row[start:stop].tobytes(), "little") for row in rows]
            assert integer(rows, start, stop).tolist() == wanted, "an integer of a row is another"
    for number in (number for layout in fresh() for number in layout.numbers):
        assert 256 ** (number.stop - number.start - 1) < number.size, "an integer has more bytes than it needs"
    big = layout_of("spl", *(Grr(size, E) for size in (2**20, 2**24, 2**23, 7, 2**24, 2**24, 2**15, 3)))
    symbols = tuple(max(0, part.size - 1 - j) for j, part in enumerate(big.parts))
    assert [number.attributes for number in big.numbers] == [(0, 1), (2, 3, 4), (5, 6, 7)], "integers hold other attributes"
    assert big.read(big.write(symbols, 0)) == (symbols, 0, None), "an integer of 63 bits is written otherwise"
    assert takes(plan(big), [big.write(symbols, 0)]), "the greatest report is refused"


def prove() -> None:
    integers_have_their_bytes()
    rows_are_taken_that_can_be_read()
    batches_name_their_plan()
    writing_is_a_bijection()


def mutants() -> dict[str, object]:
    wire, reports = "privlib.ldp.wire", "privlib.ldp.reports"
    return {
        "two attributes share a digit": rewritten(
            f"{wire}.Layout.write", "value = value * radix +", "value = value * (radix - 1) +"
        ),
        "the first attribute is the highest digit": rewritten(
            f"{wire}.Layout.write",
            "reversed(list(zip(number.attributes, number.radices, strict=True)))",
            "zip(number.attributes, number.radices)",
        ),
        "integers beyond the last report are read": rewritten(f"{wire}.Layout.read", "value >= number.size", "False"),
        "the greatest integer is refused": rewritten(f"{wire}.Layout.read", "value >= number.size", "value + 1 >= number.size"),
        "longer reports are read": rewritten(f"{wire}.Layout.read", "len(report) != self.width", "len(report) < self.width"),
        "bits beyond the last are read": rewritten(f"{wire}.Layout._check_bits", "wrong = bits >> length != 0", "wrong = False"),
        "sets of any size are read": rewritten(f"{wire}.Layout._check_bits", "own.bit_count() != part.oracle.chosen", "False"),
        "told symbols overlap": rewritten(f"{wire}.Layout.offsets", "max(1, self._symbols(attribute))", "1"),
        "sets overlap": rewritten(f"{wire}.Layout.bit_offsets", "place += part.size", "place += part.size - 1"),
        "a hash has too few symbols": rewritten(f"{wire}.symbols_of", "(oracle.digits + 1)", "oracle.digits"),
        "an integer has a byte too many": rewritten(f"{wire}._number", "prod(radices) - 1", "prod(radices)"),
        "batches of other plans are read": rewritten(f"{wire}.unwrap", "plan.hex() != fingerprint", "False"),
        "batches with fewer bytes than they name are read": rewritten(f"{wire}._batches", "place > len(batch)", "False"),
        "only the first of several batches is read": rewritten(f"{wire}.unwrap", 'b"".join(found)', "found[0]"),
        "one batch of test mode is enough to be called secure": rewritten(f"{wire}.is_secure", "all(", "any("),
        "reports that are cut short are read": rewritten(f"{wire}.unwrap", "len(reports) % width", "False"),
        "test mode is forgotten": rewritten(f"{reports}.Reports.to_bytes", "secure=self.secure", "secure=True"),
        "rows with great integers are taken": rewritten(f"{reports}._check", "(value >= np.uint64(number.size)).any()", "False"),
        "rows with bits beyond the last are taken": rewritten(
            f"{reports}._check", "(field[:, -1] >> (layout.bits % 8)).any()", "False"
        ),
        "rows with sets of any size are taken": rewritten(f"{reports}._check", "!= part.oracle.chosen).any()", "< 0).any()"),
        "told rows with further bits are taken": rewritten(
            f"{reports}._check_told", "_ones(own, length, layout.bits).any()", "False"
        ),
        "told sets of any size are taken": rewritten(
            f"{reports}._check_told", "(_ones(own, 0, length) != part.oracle.chosen).any()", "False"
        ),
        "bits of the last byte are not counted": rewritten(f"{reports}._ones", "(last + 7) // 8", "last // 8"),
        "the rows' last byte is not looked at": rewritten(
            f"{reports}.integer", "rows[:, start:stop]\n", "rows[:, start:stop] % 128\n"
        ),
    }


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    sizes = st.one_of(st.integers(2, 9), st.integers(2, 2000))
    oracles: list[Oracle] = []
    for _ in range(draw(st.integers(1, 12))):
        size = draw(sizes)
        kinds: list[Oracle] = [Grr(size, E), Hadamard(size, E), LocalHash(size, E, 5), Unary(size, HALF, FIFTH)]
        oracles.append(draw(st.sampled_from([*kinds, Subset(size, E, draw(st.integers(1, size - 1)))])))
    return layout_of(draw(st.sampled_from(["spl", "smp"])), *oracles)


@given(layouts(), st.data())
def test_p5_any_report_reads_as_it_was_written(layout: Layout, data: st.DataObject) -> None:
    told = data.draw(st.integers(0, len(layout.parts) - 1)) if layout.scheme is Scheme.SMP else None
    symbols, bits, first = [-1] * len(layout.parts), 0, 0
    for j, part in enumerate(layout.parts):
        oracle = part.oracle
        is_set = isinstance(oracle, Unary | Subset)
        if told in (None, j):
            if isinstance(oracle, Subset):
                bits |= ((1 << oracle.chosen) - 1) << data.draw(st.integers(0, oracle.size - oracle.chosen)) + first
            elif isinstance(oracle, Unary):
                bits |= data.draw(st.integers(0, 2**oracle.size - 1)) << first
            else:
                most = oracle.size if isinstance(oracle, Grr) else 1 << oracle.size.bit_length()
                most = 5 ** (oracle.digits + 1) if isinstance(oracle, LocalHash) else most
                symbols[j] = data.draw(st.sampled_from([0, most // 2, most - 1]))
        first += part.size if is_set and told is None else 0
    text = layout.write(symbols, bits, told=told)
    assert layout.read(text) == (tuple(symbols), bits, told)
    assert takes(plan(layout), [text])


@given(layouts(), st.binary(min_size=1, max_size=40))
def test_p5_what_is_read_is_written_alike_and_rows_are_taken_that_can_be_read(layout: Layout, noise: bytes) -> None:
    text = (noise * (layout.width // len(noise) + 1))[: layout.width]
    found = read(layout, text)
    assert found is None or layout.write(found[0], found[1], told=found[2]) == text
    assert takes(plan(layout), [text]) == (found is not None)

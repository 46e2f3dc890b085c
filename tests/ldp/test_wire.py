"""The spelling of reports: known answers. That it is a bijection (P5) is proved, and tested, in proofs/ldp/t5."""

from __future__ import annotations

import pytest

from privlib.errors import InvalidInput
from privlib.ldp import Domain, Spec
from privlib.ldp.parts import PROTOCOLS
from privlib.ldp.wire import HEADER, Layout

ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)


def layout(sizes: tuple[int, ...], protocol: str) -> Layout:
    domain = Domain({f"a{j}": list(range(size)) for j, size in enumerate(sizes)})
    spec = Spec(domain, protocol, level="attribute", odds=3)
    return Layout(spec.scheme, spec.parts)


@pytest.mark.parametrize(
    ("protocol", "width"), [("rsfd-grr", 4), ("spl-grr", 4), ("rsfd-oue-z", 13), ("spl-oue", 13), ("smp-grr", 1), ("smp-oue", 7)]
)
def test_reports_of_adult_are_as_short_as_they_can_be(protocol: str, width: int) -> None:
    assert layout(ADULT, protocol).width == width


def test_p5_known_reports() -> None:
    grr = layout((2, 3, 50), "rsfd-grr")
    assert grr.write((1, 2, 49), 0) == (1 + 2 * 2 + 6 * 49).to_bytes(2, "little") == bytes([43, 1])
    assert grr.read(bytes([43, 1])) == ((1, 2, 49), 0, None)
    unary = layout((2, 3, 5), "rsfd-oue-z")
    assert unary.write((0, 0, 0), 0b10010_110_01) == bytes([0b010_110_01, 0b10])
    assert unary.read(bytes([0b010_110_01, 0b10])) == ((-1, -1, -1), 0b1001011001, None)
    told = layout((2, 3, 5), "smp-grr")
    assert [told.write((1, 2, 4), 0, told=attribute) for attribute in range(3)] == [b"\1", b"\4", b"\x09"]
    sets = layout((2, 3, 9), "smp-oue")
    assert sets.write((0, 0, 0), 0b100000001, told=2) == bytes([2, 1, 1])
    assert sets.read(bytes([1, 0b101, 0])) == ((-1, -1, -1), 0b101, 1)


@pytest.mark.parametrize(
    ("protocol", "report"),
    [
        ("rsfd-grr", bytes([44, 1])),
        ("rsfd-grr", bytes([255, 255])),
        ("rsfd-grr", bytes([0])),
        ("rsfd-grr", bytes([0, 0, 0])),
        ("rsfd-oue-z", bytes([0] * 6 + [128])),
        ("smp-grr", bytes([55])),
        ("smp-oue", bytes([0, 4, 0, 0, 0, 0, 0, 0])),
        ("smp-oue", bytes([3, 0, 0, 0, 0, 0, 0, 0])),
    ],
)
def test_bytes_that_no_report_gives_are_refused(protocol: str, report: bytes) -> None:
    with pytest.raises(InvalidInput):
        layout((2, 3, 50), protocol).read(report)


def test_a_batch_has_a_short_header_and_nothing_else() -> None:
    spec = Spec(Domain({"a": [0, 1], "b": [0, 1, 2]}), "rsfd-grr", level="record", odds=3)
    batch = spec.randomise({"a": [0] * 5, "b": [2] * 5}).to_bytes()
    assert len(batch) == HEADER + 5
    assert bytes.fromhex(spec.fingerprint) in batch[:HEADER]


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if not name.startswith("rsrfd")])
def test_other_plans_have_other_fingerprints(protocol: str) -> None:
    domain = Domain({"a": [0, 1], "b": [0, 1, 2]})
    prints = {Spec(domain, protocol, level="record", odds=odds).fingerprint for odds in (3, 4)}
    prints.add(Spec(Domain({"a": [1, 0], "b": [0, 1, 2]}), protocol, level="record", odds=3).fingerprint)
    assert len(prints) == 3

"""How long shares are: the published table, exactly, and the compact layout beside it."""

from __future__ import annotations

import pytest

from privlib.errors import InvalidInput
from privlib.sharing.codes import Code, Delta, Fixed, Gamma, Omega, Unary, UserCode, code_of
from privlib.sharing.layouts import MOST_ROWS, Layout, overlap, share_rows

TS = (10, 100, 10**3, 10**6, 10**9)
TABLE = {
    (2, 1): {"gamma": (7, 13, 19, 39, 59), "delta": (8, 11, 16, 28, 38), "omega": (7, 13, 17, 31, 41)},
    (2, 256): {"gamma": (262, 268, 274, 294, 314), "delta": (263, 266, 271, 283, 293), "omega": (262, 268, 272, 286, 296)},
    (3, 1): {"gamma": (13, 25, 37, 77, 117), "delta": (15, 21, 31, 55, 75), "omega": (13, 25, 33, 61, 81)},
    (3, 256): {"gamma": (268, 280, 292, 332, 372), "delta": (270, 276, 286, 310, 330), "omega": (268, 280, 288, 316, 336)},
    (5, 1): {"gamma": (25, 49, 73, 153, 233), "delta": (29, 41, 61, 109, 149), "omega": (25, 49, 65, 121, 161)},
    (5, 256): {"gamma": (280, 304, 328, 408, 488), "delta": (284, 296, 316, 364, 404), "omega": (280, 304, 320, 376, 416)},
}
COMPACT = {
    (2, 1): (8, 11, 16, 28, 38),
    (2, 256): (263, 266, 271, 283, 293),
    (3, 1): (14, 20, 30, 54, 74),
    (3, 256): (269, 275, 285, 309, 329),
    (5, 1): (25, 37, 57, 105, 145),
    (5, 256): (280, 292, 312, 360, 400),
}


@pytest.mark.parametrize(("threshold", "rows"), TABLE)
def test_the_published_table_of_share_sizes(threshold: int, rows: int) -> None:
    for name, sizes in TABLE[threshold, rows].items():
        assert tuple(share_rows(code_of(name), t, threshold, rows) for t in TS) == sizes
    assert tuple(share_rows(Delta(), t, threshold, rows, Layout.COMPACT) for t in TS) == COMPACT[threshold, rows]


def test_unary_shares_grow_with_the_participant() -> None:
    assert [share_rows(Unary(), t, 3, 5) for t in (1, 2, 10, 1000)] == [5, 7, 23, 2003]


@pytest.mark.parametrize(
    ("code", "digits"),
    [
        (Delta(), lambda lg: lg + 2 * ((lg + 1).bit_length() - 1) + 1),
        (Gamma(), lambda lg: 2 * lg + 1),
    ],
    ids=["delta", "gamma"],
)
def test_every_share_to_a_million_has_the_published_length_and_a_shorter_compact_one(code: Code, digits) -> None:
    """All t of one binary length have one length of share; that they have is looked at for each of them."""
    threshold, rows = 3, 256
    for lg in range(20):
        lengths = {code.length(t) for t in range(2**lg, min(2 ** (lg + 1), 10**6 + 1))}
        assert lengths == {digits(lg)}
    for t in range(1, 10**6 + 1, 1 if code == Delta() else 37):
        paper = share_rows(code, t, threshold, rows)
        assert paper == (threshold - 1) * (code.length(t) - 1) + rows
    for t in [*range(2, 5000), *range(5000, 10**6, 997)]:
        assert share_rows(code, t, threshold, rows, "compact") == share_rows(code, t, threshold, rows) - 1


@pytest.mark.parametrize(("threshold", "saved"), [(2, 0), (3, 1), (4, 2), (5, 4), (6, 6), (7, 8), (8, 10)])
def test_compact_saves_the_floors_of_the_logarithms(threshold: int, saved: int) -> None:
    for t in (8, 15, 100, 2**64, 2**200 + 1):
        assert share_rows(Delta(), t, threshold, 9) - share_rows(Delta(), t, threshold, 9, "compact") == saved
    assert share_rows(Delta(), 1, threshold, 9, "compact") == 9
    for code in (Omega(), Unary()):
        for t in (1, 2, 3, 12, 64):
            assert share_rows(code, t, threshold, 9) == share_rows(code, t, threshold, 9, "compact")


def test_small_participants_save_what_their_tree_allows() -> None:
    assert [share_rows(Delta(), t, 5, 1) - share_rows(Delta(), t, 5, 1, "compact") for t in (2, 3)] == [3, 3]
    assert [share_rows(Delta(), t, 7, 1) - share_rows(Delta(), t, 7, 1, "compact") for t in (4, 7, 8)] == [9, 9, 8]


def test_a_tree_is_not_scanned() -> None:
    """Omega's 12 overlaps most with 4096 and 5000; a scan to 2048 would make their shares too short for each other."""
    words = [Omega().encode(t) for t in (12, 4096, 5000)]
    assert Omega().overlaps(12, 2) == (overlap(words[0], words[1]), overlap(words[0], words[2])) == (6, 6)
    assert Fixed(1).overlaps(1, 5) == (0,)


def test_what_one_begins_the_other_or_is_the_same_has_no_overlap() -> None:
    assert overlap((0, 1), (1,)) == 0
    for one, two in (((0, 1), (0, 1)), ((0, 1), (0, 1, 1)), ((), (1,))):
        with pytest.raises(InvalidInput):
            overlap(one, two)


@pytest.mark.parametrize(
    "given",
    [
        {"threshold": 1},
        {"threshold": 0},
        {"threshold": True},
        {"threshold": 2.0},
        {"threshold": 10**9},
        {"rows": 0},
        {"rows": -1},
        {"rows": "8"},
        {"rows": MOST_ROWS + 1},
        {"t": 0},
        {"t": True},
        {"layout": "short"},
        {"layout": None},
        {"code": Unary(), "t": 10**9},
        {"code": UserCode("mine", Delta().encode), "layout": "compact"},
    ],
    ids=str,
)
def test_numbers_out_of_range_are_refused_before_anything_is_allocated(given: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        share_rows(**{"code": Delta(), "t": 5, "threshold": 3, "rows": 8, **given})  # type: ignore[arg-type]

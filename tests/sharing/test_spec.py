"""The public plan of a sharing: what it computes, and what it refuses before anything is allocated."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from privlib.errors import InvalidInput
from privlib.sharing.codes import Delta, Fixed, UserCode
from privlib.sharing.layouts import Layout
from privlib.sharing.spec import MOST_PARTICIPANT, Spec

OWN = UserCode("ones", lambda t: (1,) * (t - 1) + (0,))


def test_sizes_are_those_of_the_publication() -> None:
    for k, size, wanted in ((2, 1, (8, 11, 16, 28, 38)), (3, 1, (15, 21, 31, 55, 75)), (5, 256, (284, 296, 316, 364, 404))):
        spec = Spec(k, size, width=1, integrity="none")
        assert tuple(spec.share_rows(10**e) for e in (1, 2, 3, 6, 9)) == wanted


def test_the_word_holds_the_secret_and_what_integrity_costs() -> None:
    assert [Spec(2, 32, integrity=integrity).word_bytes for integrity in ("none", "signed", "amd")] == [32, 32, 72]
    spec = Spec(2, 33, width=8, integrity="none")
    assert (spec.rows, spec.pad, spec.share_bytes(1), spec.share_bytes(8)) == (5, 7, 40, 96)


def test_a_plan_reads_as_it_was_written_and_differs_in_every_field() -> None:
    plans = [
        Spec(3, 32),
        Spec(4, 32),
        Spec(3, 33),
        Spec(3, 32, code="gamma"),
        Spec(3, 32, code=Fixed(9)),
        Spec(3, 32, layout="compact"),
        Spec(3, 32, width=2),
        Spec(3, 32, integrity="signed"),
        Spec(3, 32, code=OWN),
    ]
    for one, two in itertools.combinations(plans, 2):
        assert one != two
        assert one.fingerprint != two.fingerprint
    for plan in plans:
        assert Spec.from_dict(plan.to_dict(), code=OWN) == plan
        assert Spec.from_dict(plan.to_dict(), code=OWN).fingerprint == plan.fingerprint
    assert Spec(3, 32, code=Delta()) == Spec(3, 32, code="delta")


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 1},
        {"threshold": True},
        {"threshold": 2.0},
        {"threshold": 10**6},
        {"size": 0},
        {"size": -1},
        {"size": "32"},
        {"size": 2**41},
        {"code": "binary"},
        {"code": "fixed-064"},
        {"code": None},
        {"code": "user-ones"},
        {"layout": "small"},
        {"layout": None},
        {"width": 0},
        {"width": True},
        {"width": 2**25},
        {"width": 1, "size": 2**29},
        {"integrity": "yes"},
        {"integrity": None},
        {"integrity": ["amd"]},
        {"layout": "compact", "code": OWN},
    ],
)
def test_what_is_out_of_range_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Spec(**{"threshold": 3, "size": 32, **change})


@pytest.mark.parametrize("t", [0, -1, True, 1.0, "1", None, MOST_PARTICIPANT + 1])
def test_what_is_no_participant_is_refused(t: Any) -> None:
    with pytest.raises(InvalidInput):
        Spec(3, 32).share_rows(t)


def test_shares_too_long_to_be_made_are_refused_before_anything_is_allocated() -> None:
    with pytest.raises(InvalidInput, match="delta"):
        Spec(3, 32, code="unary").share_bytes(10**9)
    with pytest.raises(InvalidInput):
        Spec(3, 32, code="fixed-8").share_bytes(257)


@pytest.mark.parametrize(
    "change",
    [{"threshold": "3"}, {"width": None}, {"more": 1}, {"code": "user-ones"}, {"layout": Layout.PAPER, "size": None}],
)
def test_a_dict_that_no_plan_gives_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Spec.from_dict({**Spec(3, 32).to_dict(), **change})
    with pytest.raises(InvalidInput):
        Spec.from_dict({"threshold": 3})
    with pytest.raises(InvalidInput):
        Spec.from_dict([])  # type: ignore[arg-type]


def test_it_says_what_is_protected_and_what_integrity_costs() -> None:
    told = Spec(3, 4).explain()
    assert "Any 3 holders recover the secret of 4 bytes; any 2 learn nothing" in told
    assert "40 bytes" in told
    assert "computational" in Spec(3, 4, integrity="signed").explain()
    assert "unnoticed" in Spec(3, 4, integrity="none").explain()
    assert "too long" in Spec(3, 4, code="unary").explain()

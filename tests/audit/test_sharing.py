"""The game of the holders who are one too few: honest dealers win it, the famous mistakes lose it by a named exclusive or.

Secrets and digits are fixed for each test (``conftest.py``), so no verdict can change from run to run. Were they drawn afresh,
then by the audit's own guarantee an honest dealer would be refuted with a chance of at most 1e-9 for each audit below, which is
what ``SURE`` says; and elimination on 64 trials more than there are digits would miss a part of a span, and so see a leak
that is none, with a chance below 2**-63 for each pair of secrets, below 1e-15 for all 558 pairs of holders together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from privlib.audit import Audit, Verdict, sharing_audit
from privlib.audit.linear import hull, telling
from privlib.audit.sharing import Kind
from privlib.audit.zoo.shares import finite_randomness, rolled_back
from privlib.cli import main
from privlib.errors import InvalidInput
from privlib.sharing import lanes
from privlib.sharing.codes import Delta
from privlib.sharing.streams import Stored

pytestmark = pytest.mark.audit
SURE = "0.999999999"
TELLS = (
    "the exclusive or of digits 2, 3, 5, 6 of participant 2 and digits 2, 3, 5, 6 of participant 7 (digits count from 0) tells"
)
NOTHING = "no exclusive or of digits tells"


# --- honest dealers ---


@pytest.mark.parametrize("participants", [(1,), (2,), (2, 7), (3, 5), (1, 4, 9)])
@pytest.mark.parametrize("dealer", ["perfect", "seeded", "rolled-back"])
def test_one_holder_too_few_learns_nothing_from_an_honest_dealer(dealer: Kind, participants: tuple[int, ...]) -> None:
    found = sharing_audit(dealer, participants=participants, trials=40_000, confidence=SURE)
    assert found.verdict is Verdict.NO_VIOLATION_FOUND
    assert NOTHING in found.notes[0]
    assert found.claimed == 0
    assert found.theorem in ("sharing.t2", "sharing.t7")
    assert not found.secure, "the fixed key has to show"


def test_a_longer_secret_tells_nothing_either() -> None:
    secrets = (0,) * 40, (1, 0, 1, 1) * 10
    found = sharing_audit(secrets=secrets, trials=10_000, confidence=SURE)
    assert found.verdict is Verdict.NO_VIOLATION_FOUND
    assert found.pair.startswith("the secrets of 40 digits and of as many others, guessed by participants 2 and 7")


def test_a_hundred_thousand_trials_are_one_dealer_or_two(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[int]()
    shipped = lanes.share

    def counted(*given: Any, **named: Any) -> Any:
        made.append(given[0].shape[1])
        return shipped(*given, **named)

    monkeypatch.setattr(lanes, "share", counted)
    found = sharing_audit(participants=(2,), trials=100_000, confidence=SURE)
    assert 8 * sum(made) > 2 * 100_000, "participants 1 and 2 each have a share in every trial"
    assert len(made) < 60
    assert found.trials == 100_000


# --- dealers that are wrong ---


@pytest.mark.parametrize(
    ("dealer", "participants", "tells"),
    [
        ("finite", (2, 7), TELLS),
        ("finite", (3, 5), TELLS.replace("participant 2", "participant 3").replace("participant 7", "participant 5")),
        ("two-secrets", (2,), "digit 1 of participant 2 and digit 1 of participant 2 after the restore"),
        ("two-secrets", (2, 7), "after the restore"),
        ("constant-term", (2,), ": digit 0 of participant 2 (digits count from 0) tells"),
        ("constant-term", (7, 3), "digit 0 of participant"),
    ],
)
def test_a_wrong_dealer_is_refuted_by_a_named_exclusive_or(dealer: Kind, participants: tuple[int, ...], tells: str) -> None:
    found = sharing_audit(dealer, participants=participants, trials=4000, confidence=SURE)
    assert found.verdict is Verdict.VIOLATION
    assert found.correct == found.made == found.tested, "the leak is certain"
    assert tells in found.notes[0]
    assert found.theorem is None


def test_the_shipped_dealer_with_one_stream_for_all_coefficients_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = Stored.streams
    monkeypatch.setattr(Stored, "streams", lambda own: shipped(own)[:1] * own.count)
    assert sharing_audit(participants=(2, 3), trials=4000, confidence=SURE).verdict is Verdict.VIOLATION


def test_an_audit_that_may_stop_refutes_a_wrong_dealer_with_few_sharings() -> None:
    found = sharing_audit("finite", trials=100_000, anytime=True)
    assert found.verdict is Verdict.VIOLATION
    assert found.trials < 1000


def test_a_rolled_back_dealer_leaks_if_the_secret_changed_and_only_then() -> None:
    for participants in ((1,), (2,), (4, 9)):
        same = sharing_audit("rolled-back", participants=participants, trials=10_000, confidence=SURE)
        other = sharing_audit("two-secrets", participants=participants, trials=10_000, confidence=SURE)
        assert (same.verdict, other.verdict) == (Verdict.NO_VIOLATION_FOUND, Verdict.VIOLATION)
        assert same.pair == other.pair


def test_shares_from_before_and_after_a_restore_share_half_of_the_digits_and_differ_in_others() -> None:
    before, after = rolled_back((1,), (7,), 64).shares
    assert len(before) == 1 + 4, "one secret digit and, where two recover, four more for a codeword of five"
    assert np.array_equal(before[:3], after[:3])
    assert all((old != new).any() for old, new in zip(before[3:], after[3:], strict=True))  # equal by chance: 2**-511


def test_finite_randomness_passes_every_round_trip() -> None:
    code, holders = Delta(), (*range(1, 10), 16)
    shares = dict(zip(holders, finite_randomness((1,), holders, 4, threshold=3).shares, strict=True))
    for trio in itertools.combinations(holders, 3):
        assert (lanes.recover([code.encode(t) for t in trio], [shares[t] for t in trio], 1) == 255).all()


def digits_of(participants: tuple[int, ...], word: tuple[int, ...], n: int) -> np.ndarray:
    dealt = finite_randomness(word, participants, -(-n // 8))
    return np.concatenate([np.unpackbits(rows, axis=1, count=n).T for rows in dealt.shares], axis=1)


def test_the_attack_finds_all_pairs_that_finite_randomness_betrays() -> None:
    """By ranks over GF(2) they are 138 of the 496 pairs up to 32, where three recover a secret of one digit."""
    pairs = list(itertools.combinations(range(1, 33), 2))
    told = [pair for pair in pairs if telling(*(digits_of(pair, word, 128) for word in ((0,), (1,))))]
    assert (len(told), len(pairs)) == (138, 496)
    assert {(2, 7), (3, 5)} <= set(told)


# --- the exclusive ors ---


@st.composite
def spaces(draw: st.DrawFn) -> np.ndarray:
    """Some rows of bits."""
    bits = draw(st.integers(1, 6))
    row = st.lists(st.integers(0, 1), min_size=bits, max_size=bits)
    return np.array(draw(st.lists(row, min_size=1, max_size=8)), dtype=np.uint8)


def affine(rows: np.ndarray) -> set[tuple[int, ...]]:
    """All sums of an odd number of rows, by hand."""
    first = tuple(rows[0].tolist())
    found = {first}
    for row in rows:
        found |= {tuple(a ^ b ^ c for a, b, c in zip(each, row.tolist(), first, strict=True)) for each in found}
    return found


@given(spaces())
def test_a_hull_holds_the_affine_space_and_nothing_else(rows: np.ndarray) -> None:
    every = np.array(list(itertools.product((0, 1), repeat=rows.shape[1])), dtype=np.uint8)
    inside = {tuple(row.tolist()) for row in every[hull(rows).holds(every)]}
    assert inside == affine(rows)


@given(spaces(), st.data())
def test_what_tells_two_worlds_apart_is_found_where_there_is_something(first: np.ndarray, data: st.DataObject) -> None:
    bits = first.shape[1]
    row = st.lists(st.integers(0, 1), min_size=bits, max_size=bits)
    second = np.array(data.draw(st.lists(row, min_size=1, max_size=8)), dtype=np.uint8)
    able = [
        places
        for size in range(1, bits + 1)
        for places in itertools.combinations(range(bits), size)
        if len({*(first[:, places].sum(axis=1) % 2)}) == len({*(second[:, places].sum(axis=1) % 2)}) == 1
        and (first[0, list(places)].sum() + second[0, list(places)].sum()) % 2
    ]
    found = telling(first, second)
    assert found in able if able else found == ()
    assert len(found) == min(map(len, able), default=0)


def test_a_sum_of_many_bits_keeps_its_parity() -> None:
    rows = np.ones((3, 600), dtype=np.uint8)
    rows[1, :2] = rows[2, 300:302] = 0
    assert hull(rows).holds(rows).all()
    rows[1, 0] = 1
    assert hull(rows[[0, 2]]).holds(rows).tolist() == [True, False, True]


# --- the door ---


def test_a_result_is_written_and_read_back(fixed_bits: Callable[[int], None]) -> None:
    found = sharing_audit("two-secrets", trials=2000)
    assert Audit.replay(found.to_json()) == found
    assert found.title == "sharing: a dealer restored and continued with another secret"
    assert found.pair == "the secrets 0 and 1, guessed by participants 2 and 7 where 3 recover (replace)"
    again = (
        "privlib.audit.sharing_audit('two-secrets', participants=(2, 7), secrets=((0,), (1,)), trials=2000, confidence='0.999'"
    )
    assert found.reproduce.startswith(again)
    assert "AES-256" in sharing_audit("seeded", trials=400).summary()


def test_the_program_plays_the_game(tmp_path: Path) -> None:
    page = tmp_path / "audit.html"
    options = ["--trials", "4000", "--confidence", SURE, "--html", str(page), "--json"]
    result = CliRunner().invoke(main, ["audit", "run", "sharing", *options])
    assert result.exit_code == 0, result.output
    assert Audit.replay(result.stdout).reproduce == f"privlib audit run sharing --trials 4000 --confidence {SURE}"
    assert NOTHING in page.read_text(encoding="utf-8")
    refused = CliRunner().invoke(main, ["audit", "run", "sharing", "--epsilon", "1"])
    assert refused.exit_code != 0
    assert "takes no --epsilon" in refused.output + str(refused.exception)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"dealer": "honest"}, "dealer must be one of perfect, seeded"),
        ({"participants": ()}, "one or more"),
        ({"participants": (2, 2)}, "no number twice"),
        ({"participants": (0, 2)}, "a participant must be"),
        ({"participants": (2, 1001)}, "a participant must be"),
        ({"secrets": ((0,), (0,))}, "two different ones"),
        ({"secrets": ((0,), (1, 1))}, "as many digits"),
        ({"secrets": ((0,), (2,))}, "a digit must be"),
        ({"secrets": ((0,), (1,), (1,))}, "two different ones"),
        ({"secrets": ((0,) * 257, (1,) * 257)}, "at most 256"),
        ({"trials": 10}, "trials must be"),
    ],
)
def test_what_cannot_be_audited_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        sharing_audit(**given)


def test_every_dealer_has_a_name_and_its_own_title() -> None:
    titles = {sharing_audit(dealer, trials=400).title for dealer in get_args(Kind)}
    assert len(titles) == len(get_args(Kind))

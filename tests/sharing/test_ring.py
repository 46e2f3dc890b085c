"""The reference over F_p[x]: published known answers. That it is right is proved, and tested, in proofs/sharing/t1 and t2."""

from __future__ import annotations

import hashlib

import pytest

from privlib.errors import InconsistentShares, InvalidInput
from privlib.sharing import ring
from privlib.sharing.codes import Delta, Gamma
from privlib.sharing.layouts import share_rows

KNOWN = {
    ("privlib-kat-A", 2): {
        1: (8, 0x71),
        2: (11, 0x69E),
        3: (11, 0x3B6),
        4: (12, 0x40A),
        5: (12, 0xE5A),
        8: (15, 0x2540),
        100: (18, 0x29B98),
        1000: (23, 0x534FDC),
    },
    ("privlib-kat-B", 3): {
        1: (8, 0xB1),
        2: (14, 0xD63),
        3: (14, 0x312B),
        4: (16, 0xEDB7),
        5: (16, 0xE2A7),
        8: (22, 0x29A61),
        100: (28, 0xB0A0819),
        1000: (38, 0xC5E94215D),
    },
}
TERNARY = {1: "20", 2: "222020", 3: "220202", 4: "2100010100", 5: "2100121101", 9: "21202201222201"}


def bits(number: int, count: int) -> tuple[int, ...]:
    return tuple(number >> i & 1 for i in range(count))


def stream(label: str, j: int, count: int) -> tuple[int, ...]:
    digest = hashlib.shake_256(f"{label}|{j}".encode()).digest((count + 7) // 8)
    return bits(int.from_bytes(digest, "little"), count)


@pytest.mark.parametrize(("label", "threshold"), KNOWN)
def test_known_answers_over_bits(label: str, threshold: int) -> None:
    shares = {}
    for t, (length, known) in KNOWN[label, threshold].items():
        assert share_rows(Delta(), t, threshold, 8) == length
        streams = [stream(label, j, length) for j in range(1, threshold)]
        shares[t] = ring.share(bits(0xA5, 8), Delta().encode(t), streams, length)
        assert shares[t] == bits(known, length)
    some = [1000, 2, 3][:threshold]
    assert ring.recover([Delta().encode(t) for t in some], [shares[t] for t in some], 8) == bits(0xA5, 8)


def test_known_answers_over_three_digits() -> None:
    shares = {}
    for t, known in TERNARY.items():
        length = share_rows(Gamma(), t, 3, 2)
        streams = [tuple((7 * i * i + 5 * i * j + j) % 3 for i in range(length)) for j in (1, 2)]
        shares[t] = ring.share((2, 1), Gamma().encode(t), streams, length, p=3)
        assert "".join(map(str, shares[t])) == known
    assert ring.recover([Gamma().encode(t) for t in (9, 1, 4)], [shares[t] for t in (9, 1, 4)], 2, p=3) == (2, 1)


def test_shares_that_disagree_where_they_overlap_are_refused() -> None:
    words = [Delta().encode(t) for t in (2, 3)]
    shares = [ring.share((1, 0), word, [stream("x", 1, 5)], 5) for word in words]
    assert ring.recover(words, shares, 2) == (1, 0)
    with pytest.raises(InconsistentShares):
        ring.recover(words, [shares[0], (1 - shares[1][0], *shares[1][1:])], 2)
    moved = (*shares[1][:3], 1 - shares[1][3], shares[1][4])
    assert ring.recover(words, [shares[0], moved], 2) != (1, 0), "a change beyond the overlap goes unseen: hence integrity codes"


@pytest.mark.parametrize(
    "given",
    [
        {"secret": ()},
        {"secret": (2,)},
        {"secret": (-1,)},
        {"secret": (1.0,)},
        {"secret": "1"},
        {"word": ()},
        {"word": (0, 3)},
        {"streams": []},
        {"streams": [(1, 0)]},
        {"streams": [(1, 0, 2)]},
        {"length": 0},
        {"length": 4},
        {"length": True},
        {"p": 1},
        {"p": 4},
        {"p": 9},
        {"p": 2.0},
        {"p": True},
        {"p": 2**61 - 1},
    ],
    ids=str,
)
def test_what_is_no_polynomial_over_a_prime_field_is_refused(given: dict[str, object]) -> None:
    arguments = {"secret": (1,), "word": (0, 1), "streams": [(1, 0, 1)], "length": 3, "p": 2, **given}
    with pytest.raises(InvalidInput):
        ring.share(**arguments)  # type: ignore[arg-type]


def test_no_digit_of_a_secret_or_a_share_is_in_a_message() -> None:
    with pytest.raises(InvalidInput) as refused:
        ring.share((77777,), (0, 1), [(1, 0, 1)], 3)
    assert "77777" not in str(refused.value)

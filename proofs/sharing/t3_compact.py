"""The compact layout: the secret's rows and the k-1 largest overlaps of c_t are enough, and one row fewer is not.

Statement
    For a prefix code and a participant t let D_t be the multiset of d(t, u) over all u != t of the whole code, where d counts the
    leading digits that c_t and c_u share. ``Code.overlaps(t, k-1)`` gives the k-1 largest members of D_t, and L*_t is l plus
    their sum. (1) Any k shares of these lengths determine the secret. (2) Any k-1 of them say nothing. (3) If D_t has k-1
    members, no share of participant t can be shorter by a row: for the k-1 others with the largest overlaps two secrets fit.
    (4) L*_t is never longer than the published L_t = (k-1)(l_t - 1) + l, and shorter for gamma and delta, k >= 3, t >= 2; under
    omega and unary it is never shorter.

Proof
    *The tree.* Two codewords share exactly d digits if the second leaves the path to the first at depth d. So D_t holds each
    d < l_t as often as there are codewords that begin with the first d digits of c_t and then another one, and ``overlaps``
    counts these from the deepest d upwards. *(1)* By sharing.t1 share i must be known mod x^(V_i + l), where V_i, the sum of
    d(i, j) over j != i, is a sum of k-1 members of D_i. *(2)* L*_t <= L_t as every overlap is at most l_t - 1; dropping rows
    takes knowledge away: sharing.t2.
    *(3)* Let U be k-1 others with the largest overlaps, V their sum, and add g(y) = x^(l-1) prod_(u in U) (y - c_u) to f: the
    leading coefficient, the secret, gains x^(l-1); the values at U stay; the value at c_t gains x^(l-1) times a unit times x^V,
    and stays mod x^(L*_t - 1). The new f is as likely as the old one. *(4)* Gamma and delta end, for t >= 2, in a free binary
    digit, so exactly one codeword shares l_t - 1 digits. Under omega and unary a word ends in a digit that says "no more", and
    without end many words say "more" there.

Checked against the shipped code
    Each count of words below a node, beside the paths to all t <= 64, by listing words: they are in number what the code says
    and, where it is finite, Kraft's sum over them is that of the node, so none is missing. Overlaps against listed words for
    t <= 64. (3) by making the second secret for t <= 64, k = 3, and k <= 6 for every eighth t, every code. (4) for t <= 64; and
    sharing.t1 recovers under both layouts.

Covers not
    A user's own code, whose tree nobody knows: refused.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InvalidInput
from privlib.prove import rewritten
from privlib.sharing import ring
from privlib.sharing.codes import Code, Delta, Fixed, Gamma, Omega, Unary, UserCode
from privlib.sharing.layouts import MOST_ROWS, MOST_THRESHOLD, Layout, overlap, share_rows

covers = [
    "privlib.sharing.prefix.Code.overlaps",
    "privlib.sharing.layouts.share_rows",
    "privlib.sharing.prefix.leaves",
    "privlib.sharing.codes.Unary._below",
    "privlib.sharing.codes.Gamma._below",
    "privlib.sharing.codes.Delta._below",
    "privlib.sharing.codes.Omega._below",
    "privlib.sharing.codes.Fixed._below",
    "privlib.sharing.codes.UserCode._below",
]

CODES: tuple[Code, ...] = (Delta(), Gamma(), Omega(), Unary(), Fixed(3), Fixed(7))
MOST = 8


@cache
def words(code: Code) -> dict[int, tuple[int, ...]]:
    """Enough words for the k-1 nearest to each t <= 64: omega's nearest to t begin at 2^t."""
    if isinstance(code, Fixed):
        return {t: code.encode(t) for t in range(1, 2**code.width + 1)}
    far = [2**e + i for e in range(8, 128) for i in range(MOST)]
    return {t: code.encode(t) for t in [*range(1, 256), *(() if isinstance(code, Unary) else far)]}


@cache
def nearest(code: Code, t: int) -> list[tuple[int, tuple[int, ...]]]:
    """The greatest overlaps of c_t, and with whom."""
    found = [(overlap(words(code)[t], other), other) for u, other in words(code).items() if u != t]
    return sorted(found, reverse=True)[:MOST]


def below(code: Code, prefix: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [word for word in words(code).values() if word[: len(prefix)] == prefix]


def first_participants(code: Code) -> range:
    return range(1, min(64, len(words(code))) + 1)


def words_below_a_node_are_counted() -> None:
    for code in CODES:
        nodes = {
            (*word[:d], 1 - word[d]) for t in first_participants(code) for word in [words(code)[t]] for d in range(len(word))
        }
        nodes |= {(*word, digit) for t in range(1, 9) for word in [words(code)[t]] for digit in (0, 1)}
        for node in sorted(nodes):
            listed = below(code, node)
            for most in (1, 2, 3, MOST):
                assert code._below(node, most) <= min(most, len(listed)), "words are counted that do not exist"
            counted = code._below(node, MOST)
            if counted < MOST and counted:
                assert counted == len(listed), "words below a node are not counted"
                weight = sum(Fraction(1, 2 ** len(word)) for word in listed)
                assert weight == Fraction(1, 2 ** len(node)), "the code has words below this node that were not listed"
            assert counted >= min(MOST, len(listed)), "words below a node are forgotten"
            assert code._below(node, 2) == min(2, counted), "a lower limit changes the count"


def overlaps_are_the_largest() -> None:
    for code in CODES:
        for t in first_participants(code):
            wanted = [depth for depth, _ in nearest(code, t)]
            assert list(code.overlaps(t, MOST)) == wanted, "the largest overlaps are others"
            assert all(code.overlaps(t, count) == tuple(wanted[:count]) for count in range(4)), "fewer overlaps are others"


def no_row_could_go() -> None:
    """The second secret of part (3), made for the nearest others of each t."""
    for code in CODES:
        for t in first_participants(code):
            own, near = words(code)[t], [word for _, word in nearest(code, t)]
            for threshold in (3,) if t % 8 or isinstance(code, Unary) else range(2, 7):
                rows, chosen = 1 + t % 3, near[: threshold - 1]
                length = share_rows(code, t, threshold, rows, Layout.COMPACT)
                assert length <= share_rows(code, t, threshold, rows) == (threshold - 1) * (len(own) - 1) + rows, "L_t is another"
                shift = ring.multiply((0,) * (rows - 1) + (1,), (1,), length + 1)
                moved = [ring.multiply(shift, each, length + 1) for each in ring.elementary(chosen, length + 1)]
                assert len(chosen) == threshold - 1
                for word, agreed in [(own, length - 1), *((word, length + 1) for word in chosen)]:
                    value = ring.share(moved[0], word, moved[1:], length + 1)
                    assert not any(value[:agreed]), "two secrets do not look alike to the others"
                    assert agreed > length or value[agreed] == 1, "the last row of a share is not needed"


def compact_is_shorter() -> None:
    for code in (Delta(), Gamma(), Omega(), Unary()):
        for t in range(1, 65):
            for threshold in range(2, 9):
                paper, compact = (share_rows(code, t, threshold, 1, layout) for layout in Layout)
                saves = isinstance(code, Delta | Gamma) and threshold >= 3 and t >= 2
                assert (compact < paper) == saves, "the compact layout saves something else"


def wrong_numbers_are_refused() -> None:
    own = UserCode("own", Delta().encode)
    assert share_rows(own, 9, 3, 4) == share_rows(Delta(), 9, 3, 4), "a user's code has other lengths"
    wrong: list[Callable[[], object]] = [
        lambda: share_rows(own, 9, 3, 4, "compact"),
        lambda: own.overlaps(9, 1),
        lambda: share_rows(Delta(), 9, 1, 4),
        lambda: share_rows(Delta(), 9, MOST_THRESHOLD + 1, 4),
        lambda: share_rows(Delta(), 9, 3, 0),
        lambda: share_rows(Delta(), 0, 3, 4),
        lambda: share_rows(Delta(), 2, 3, MOST_ROWS - 5),
        lambda: share_rows(Unary(), 10**9, 2, 1),
        lambda: share_rows(Unary(), 2**20 + 1, 2, 1),
        lambda: share_rows(Delta(), 9, 3, 4, "short"),
        lambda: Delta().overlaps(9, -1),
    ]
    assert all(map(is_refused, wrong)), "a number out of range is taken"
    assert share_rows(Delta(), 2, 3, MOST_ROWS - 6) == MOST_ROWS, "the longest share is refused"
    assert share_rows(Unary(), 2**20, 2, 1) == 2**20, "the longest codeword is refused"


def is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except InvalidInput:
        return True
    return False


def prove() -> None:
    compact_is_shorter()
    wrong_numbers_are_refused()
    overlaps_are_the_largest()
    words_below_a_node_are_counted()
    no_row_could_go()


def mutants() -> dict[str, object]:
    codes, layouts = "privlib.sharing.codes", "privlib.sharing.layouts"
    return {
        "only half of the overlaps": rewritten(
            f"{layouts}.share_rows", "code.overlaps(t, others)", "code.overlaps(t, others // 2)"
        ),
        "the smallest overlaps": rewritten(
            "privlib.sharing.prefix.Code.overlaps", "in reversed(range(len(word)))", "in range(len(word))"
        ),
        "a row too few": rewritten(f"{layouts}.share_rows", "return rows + more", "return rows + more - 1"),
        "k - 1 is forgotten": rewritten(f"{layouts}.share_rows", "others * (length - 1)", "(length - 1)"),
        "each depth counts once": rewritten(
            "privlib.sharing.prefix.Code.overlaps",
            "[depth] * self._below(other, count - len(found))",
            "[depth] * self._below(other, 1)",
        ),
        "delta forgets longer numbers": rewritten(f"{codes}.Delta._below", "return most", "return 1"),
        "omega's tree ends": rewritten(f"{codes}.Omega._below", "return most", "return 0"),
        "unary's tree ends": rewritten(f"{codes}.Unary._below", "return most", "return 1"),
        "gamma's subtrees are half as large": rewritten(f"{codes}.Gamma._below", "+ 1 - len(prefix)", "- len(prefix)"),
        "fixed words are longer": rewritten(f"{codes}.Fixed._below", "self.width -", "self.width + 1 -"),
        "long shares are taken": rewritten(f"{layouts}.share_rows", "rows + more > MOST_ROWS", "False"),
        "long codewords are taken": rewritten(f"{layouts}.share_rows", "length > MOST_DIGITS", "False"),
    }


@given(st.sampled_from([Delta(), Gamma(), Omega()]), st.integers(1, 2**70), st.lists(st.integers(1, 2**70), max_size=12))
def test_t4_no_participants_overlap_more_than_the_code_says(code: Code, t: int, others: list[int]) -> None:
    own = code.encode(t)
    near = {u for u in [*others, t + 1, t - 1, t ^ 1, t ^ 2, t ^ 3] if u >= 1 and u != t}
    found = sorted((overlap(own, code.encode(u)) for u in near), reverse=True)
    most = code.overlaps(t, len(found))
    assert all(one <= two for one, two in zip(found, most, strict=True))
    assert sum(most) <= len(found) * (code.length(t) - 1)

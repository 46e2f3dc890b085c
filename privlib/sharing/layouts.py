"""How long a share is: the published length, or the shortest that always suffices."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from privlib.bounds import exact_int
from privlib.errors import InvalidInput
from privlib.proved import proved
from privlib.sharing.codes import MOST_DIGITS, Code

__all__ = ["MOST_ROWS", "MOST_THRESHOLD", "Layout", "overlap", "share_rows"]

MOST_ROWS = 1 << 28
"""The longest share, in rows; a wider row (more bytes) makes room for a longer secret."""
MOST_THRESHOLD = 1 << 12
"""The greatest threshold."""


class Layout(StrEnum):
    """How many rows of f(c_t) participant t is given."""

    PAPER = "paper"
    """L_t = (k-1)(l_t - 1) + l, as published."""
    COMPACT = "compact"
    """L*_t = l and the k-1 largest overlaps of c_t: shorter for k >= 3 under most codes, and no row could go (sharing.t3)."""


@proved("sharing.t3")
def share_rows(code: Code, t: int, threshold: int, rows: int, layout: Layout | str = Layout.PAPER) -> int:
    """How many rows the share of participant t has: L_t, or L*_t under the compact layout.

    Parameters
    ----------
    code : Code
        Gives participant t a codeword of l_t digits.
    t : int
        The participant number, from 1.
    threshold : int
        k: how many shares recover the word, from 2.
    rows : int
        l: rows of the word, from 1.
    layout : Layout
        ``"paper"``, the published length, or ``"compact"``.

    Returns
    -------
    int
        ``rows`` at least.

    Raises
    ------
    InvalidInput
        For numbers out of range, a share of more than `MOST_ROWS` rows (nothing is allocated), and the compact layout of a
        user's own code.

    Privacy
    -------
    Both lengths recover the word from any k shares, and k-1 shares of either say nothing: theorems sharing.t1 to sharing.t3.

    Examples
    --------
    >>> from privlib.sharing.codes import Delta
    >>> share_rows(Delta(), 1000, 3, 256), share_rows(Delta(), 1000, 3, 256, "compact")
    (286, 285)
    """
    threshold, rows = _limits(threshold, rows)
    length = code.length(t)
    if length > MOST_DIGITS:
        raise _too_long(code)
    others = threshold - 1
    more = sum(code.overlaps(t, others)) if _layout(layout) is Layout.COMPACT else others * (length - 1)
    if rows + more > MOST_ROWS:
        raise _too_long(code)
    return rows + more


def overlap(one: Sequence[int], two: Sequence[int]) -> int:
    """How many leading digits two codewords share: the power of x that divides their difference.

    Parameters
    ----------
    one, two : sequence of int
        Codewords, the first digit first.

    Returns
    -------
    int
        Less than the length of either.

    Raises
    ------
    InvalidInput
        When one is a beginning of the other, so that the code is no prefix code, or both are the same participant's.

    Examples
    --------
    >>> overlap((0, 1, 0, 0), (0, 1, 0, 1))
    3
    """
    for place, (a, b) in enumerate(zip(one, two, strict=False)):
        if a != b:
            return place
    raise InvalidInput("one of two codewords begins with the other: a participant came twice, or the code is no prefix code")


def _limits(threshold: int, rows: int) -> tuple[int, int]:
    return (
        exact_int(threshold, name="threshold", least=2, most=MOST_THRESHOLD),
        exact_int(rows, name="rows of the word", most=MOST_ROWS),
    )


def _layout(layout: Layout | str) -> Layout:
    if layout not in tuple(Layout):
        raise InvalidInput(f"layout must be 'paper' or 'compact', got {str(layout)[:40]!r}")
    return Layout(layout)


def _too_long(code: Code) -> InvalidInput:
    return InvalidInput(
        f"this participant's share would have more than {MOST_ROWS} rows, or its {code.name} codeword more than {MOST_DIGITS} "
        "digits: take wider rows, a smaller threshold or the delta code"
    )

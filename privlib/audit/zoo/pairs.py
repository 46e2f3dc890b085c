"""Pairs of neighbours as a search would try them: the textbook's first, and one that reveals the bug among them."""

from __future__ import annotations

from privlib.audit.pairs import Pair
from privlib.audit.zoo.local import DOMAIN
from privlib.bounds import Neighbours

__all__ = [
    "COUNTED",
    "FLOATS",
    "FROM_NOBODY",
    "HAZARDS",
    "IN_GROUPS",
    "KEYED",
    "LEADERS",
    "MOVED",
    "RECORDS",
    "TWO_ANSWERS",
    "VALUED",
    "VALUES",
    "answers",
    "streams",
]

_ADD, _REPLACE = Neighbours.ADD_REMOVE, Neighbours.REPLACE
_EVENT, _RECORD = Neighbours.EVENT, Neighbours.RECORD


def _pair(neighbours: Neighbours, first: object, second: object, description: str) -> Pair:
    return Pair(first, second, neighbours, description)


COUNTED = (
    _pair(_ADD, (1, 1, 0), (1, 1, 0, 1), "three people, and one more, who is counted"),
    _pair(_ADD, (), (1,), "nobody, and one person, who is counted"),
    _pair(_ADD, (1, 1, 0), (1, 0), "three people, and one fewer of those who are counted"),
    _pair(_ADD, (1, 1, 0), (1, 1, 0, 0), "three people, and one more, who is not counted"),
)
"""Who is counted is a 1. The first is the textbook's."""
FROM_NOBODY = (COUNTED[1], COUNTED[0], *COUNTED[2:])
"""The same, the empty data set first."""
MOVED = (
    _pair(_REPLACE, (0, 0, 1), (0, 1, 1), "three people in two cells, one of whom moves"),
    _pair(_REPLACE, (0, 0, 0), (0, 0, 1), "three people in one cell, one of whom moves"),
)
"""The cell of each person."""
FLOATS = (
    _pair(_ADD, (1.0,) * 1000, (1.0,) * 1001, "sums of 1000 and of 1001"),
    _pair(_ADD, (), (1.0,), "sums of 0 and of 1"),
    _pair(_ADD, (0.3,), (0.3, 1.0), "sums of 0.3 and of 1.3"),
)
"""Numbers to be summed, the textbook's large ones first."""
IN_GROUPS = (
    _pair(_ADD, ((1, 1), (0, 1)), ((1, 1), (0, 1), (1, 1)), "two people, and one more, who is in both groups"),
    _pair(_ADD, ((1, 1), (0, 1)), ((1, 1), (0, 1), (1, 0)), "two people, and one more, who is in the first group"),
    _pair(_ADD, ((1, 1), (0, 1)), ((1, 1), (0, 1), (0, 1)), "two people, and one more, who is in the second group"),
)
"""Whether each person is in the first and in the second of two groups."""
KEYED = (
    _pair(_ADD, (0, 0, 1), (0, 0, 1, 0), "three people, and one more, with a key that others have"),
    _pair(_ADD, (0, 0, 1), (0, 0, 1, 3), "three people, and one more, with a key of their own"),
    _pair(_ADD, (), (0,), "nobody, and one person"),
)
"""The key of each person."""
VALUED = (
    _pair(_ADD, (9, 3, 5), (9, 3, 5, 4), "three values, and one more in their midst"),
    _pair(_ADD, (1, 1, 1), (1, 1, 1, 1000), "three small values, and a very large one"),
    _pair(_ADD, (0, 0), (0, 0, 1), "two zeros, and a one"),
)
"""A whole number of each person."""
HAZARDS = (
    _pair(_ADD, (0,) * 100, (0,) * 101, "100 people at risk and 101, no event"),
    _pair(_ADD, (1, *(0,) * 99), (1, *(0,) * 100), "100 people at risk and 101, one event"),
    _pair(_ADD, (0,), (0, 0), "one person at risk and two, no event"),
)
"""Who of those at risk has the event."""
VALUES = (
    _pair(_RECORD, 0, 1, "the first value and the second"),
    _pair(_RECORD, 0, DOMAIN - 1, "the first value and the last"),
    Pair(0, 1, _RECORD, "each of the values", others=tuple(range(2, DOMAIN))),
)
"""One attribute of one person."""
RECORDS = (
    _pair(_RECORD, (0, 0, 0), (1, 0, 0), "records that differ in one attribute"),
    _pair(_RECORD, (0, 0, 0), (1, 1, 0), "records that differ in two attributes"),
    _pair(_RECORD, (0, 0, 0), (1, 1, 1), "records that differ in all attributes"),
)
"""Three attributes of one person."""


def streams(length: int) -> tuple[Pair, ...]:
    """A stream without an event, and with one at steps 1, 2, 4, 8 ... up to its length."""
    quiet = (0,) * length
    times = [1, *(2**level for level in range(1, length.bit_length()))]
    return tuple(
        _pair(_EVENT, quiet, (*quiet[: time - 1], 1, *quiet[time:]), f"{length} steps without an event, and with one at {time}")
        for time in times
    )


def answers(belows: int, aboves: int) -> tuple[Pair, ...]:
    """A row of answers less the threshold: all higher by one, one of them, and the patterns that spend most budget."""
    flat, length = (0,) * (belows + aboves), belows + aboves
    return (
        _pair(_REPLACE, flat, (1,) * length, f"{length} answers, all higher by one"),
        _pair(_REPLACE, flat, (1, *flat[1:]), f"{length} answers, the first higher by one"),
        _pair(
            _REPLACE,
            flat,
            (1,) * belows + (-1,) * aboves,
            f"{length} equal answers, of which the first {belows} are higher by one and the others lower",
        ),
        _pair(
            _REPLACE,
            (-1,) * belows + (0,) * aboves,
            (0,) * belows + (-1,) * aboves,
            f"{length} answers at the threshold or one below, where the first {belows} and the others change places",
        ),
    )


TWO_ANSWERS = (
    _pair(_REPLACE, (0, 0), (1, 1), "two answers, both higher by one"),
    _pair(_REPLACE, (0, 1), (1, 0), "two answers that change places"),
)
"""Answers less the threshold."""
_REST = (0,) * 9
LEADERS = (
    _pair(_REPLACE, (0, *_REST), (1, *(1,) * 9), "ten answers, all higher by one"),
    _pair(_REPLACE, (0, *_REST), (1, *_REST), "ten answers, the first higher by one"),
    _pair(_REPLACE, (0, *_REST), (1, *(-1,) * 9), "ten equal answers, the first higher and the others lower by one"),
    _pair(_REPLACE, (-1, *_REST), (0, *(-1,) * 9), "ten answers, where the first lags by one, or leads by one"),
)
"""Answers of which the largest is sought."""

"""Data sets to tell apart: neighbours, tiny and public, and patterns of where to look for bad ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from privlib.bounds import Neighbours, exact_int, relation
from privlib.errors import InvalidInput

__all__ = ["Pair", "datasets", "queries", "records", "streams"]


@dataclass(frozen=True)
class Pair:
    """Two data sets that are neighbours, or more of which all are.

    Parameters
    ----------
    first, second : object
        What the mechanism is given, one or the other.
    neighbours : Neighbours
        The relation in which they stand; it must be the claim's.
    description : str
        The pair in words. It appears in reports, the data sets do not.
    others : tuple of object
        More data sets, all of them neighbours of each other and of these two, such as all answers that one person could give.
    """

    first: object
    second: object
    neighbours: Neighbours
    description: str
    others: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "neighbours", relation(self.neighbours))
        object.__setattr__(self, "others", tuple(self.others))

    @property
    def datasets(self) -> tuple[object, ...]:
        """All data sets, the first two in front."""
        return (self.first, self.second, *self.others)


def queries(size: int, *, neighbours: str, base: int = 0, step: int = 1) -> list[Pair]:
    """Pairs of query vectors whose answers all move by at most ``step``, in the patterns that tell mechanisms apart.

    Parameters
    ----------
    size : int
        How many queries.
    neighbours : str
        The relation in which the vectors are to stand.
    base : int
        The answers on the first data set.
    step : int
        By how much one person can move each answer.

    Returns
    -------
    list of Pair
        One answer moves; all move the same way; the first ones rise and the others fall, for each split; every second rises.
    """
    size = exact_int(size, name="size")
    moves = {"one answer rises": (1, *(0,) * (size - 1)), "all answers rise": (1,) * size, "all answers fall": (-1,) * size}
    moves["only the last answer rises"] = (*(0,) * (size - 1), 1)
    for split in range(1, size):
        moves[f"the first {split} of {size} answers rise, the others fall"] = (1,) * split + (-1,) * (size - split)
        moves[f"the first {split} of {size} answers fall, the others rise"] = (-1,) * split + (1,) * (size - split)
    if size > 2:
        moves["answers rise and fall in turn"] = tuple((-1) ** place for place in range(size))
    seen = dict[tuple[int, ...], str]()
    for words, move in moves.items():
        seen.setdefault(move, words)
    first = (base,) * size
    return [
        Pair(first, tuple(base + step * each for each in move), Neighbours(neighbours), words) for move, words in seen.items()
    ]


def datasets(lower: float, upper: float, *, neighbours: str, size: int = 3) -> list[Pair]:
    """Pairs of small data sets of numbers between public bounds.

    Parameters
    ----------
    lower, upper : number
        The bounds.
    neighbours : {"add_remove", "replace"}
        The relation.
    size : int
        How many people the larger data sets have.

    Returns
    -------
    list of Pair
        Nobody and one person; one more at either bound, beyond it, or where everybody else is; one person moved from one bound to
        the other.
    """
    size = exact_int(size, name="size", least=2)
    middle, beyond = (lower + upper) / 2, upper + (upper - lower)
    crowds = {"all at the lower bound": (lower,) * (size - 1), "all in the middle": (middle,) * (size - 1)}
    found = list[Pair]()
    if neighbours == Neighbours.ADD_REMOVE:
        for words, who in (("the lower bound", lower), ("the upper bound", upper), ("twice the range", beyond)):
            found.append(Pair((), (who,), Neighbours.ADD_REMOVE, f"nobody; one person at {words}"))
            found += [
                Pair(crowd, (*crowd, who), Neighbours.ADD_REMOVE, f"{crowd_words}; one more at {words}")
                for crowd_words, crowd in crowds.items()
            ]
        return found
    if neighbours == Neighbours.REPLACE:
        for words, crowd in crowds.items():
            for one, other, moved in (
                (lower, upper, "the upper bound"),
                (lower, middle, "the middle"),
                (lower, beyond, "twice the range"),
            ):
                found.append(Pair((*crowd, one), (*crowd, other), Neighbours.REPLACE, f"{words}; one moved to {moved}"))
        return found
    raise InvalidInput(f"neighbours must be 'add_remove' or 'replace', got {str(neighbours)[:40]!r}")


def streams(horizon: int) -> list[Pair]:
    """Pairs of streams of zeros and ones that differ in one event.

    Parameters
    ----------
    horizon : int
        Their length.

    Returns
    -------
    list of Pair
        The event at the first step, at ``2**j - 1`` and ``2**j``, and at the last.
    """
    horizon = exact_int(horizon, name="horizon")
    times = {1, horizon} | {2**j - d for j in range(horizon.bit_length()) for d in (0, 1) if 1 <= 2**j - d <= horizon}
    nothing = (0,) * horizon
    return [
        Pair(nothing, (*(0,) * (time - 1), 1, *(0,) * (horizon - time)), Neighbours.EVENT, f"no event; one at step {time}")
        for time in sorted(times)
    ]


def records(sizes: Sequence[int]) -> list[Pair]:
    """Pairs of records of several categorical attributes.

    Parameters
    ----------
    sizes : sequence of int
        How many values each attribute has; they are 0, 1, ...

    Returns
    -------
    list of Pair
        One attribute changed, each by itself, then all of them.
    """
    for size in sizes:
        exact_int(size, name="a domain's size", least=2)
    zero = (0,) * len(sizes)
    found = [
        Pair(zero, tuple(int(i == place) for i in range(len(sizes))), Neighbours.RECORD, f"attribute {place + 1} changed")
        for place in range(len(sizes))
    ]
    return [*found, Pair(zero, (1,) * len(sizes), Neighbours.RECORD, "all attributes changed")]

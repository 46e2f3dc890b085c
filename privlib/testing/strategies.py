"""Hypothesis strategies that draw people, not arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from privlib.bounds import Neighbours
from privlib.errors import InvalidInput, extra

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Person", "neighbours", "survival_rows"]


class Person(NamedTuple):
    """One imaginary person of a survival study.

    Attributes
    ----------
    time : int
        Time to event or censoring, in recording units.
    event : int
        1 for an event, 0 for censored.
    group : str, int or None
        A label of the plan, None without groups.
    """

    time: int
    event: int
    group: str | int | None


def survival_rows(
    horizon: int, groups: Sequence[str | int] | None = None, *, min_size: int = 0, max_size: int = 30
) -> SearchStrategy[list[Person]]:
    """Draw the rows of a survival study.

    Parameters
    ----------
    horizon : int
        The end of follow-up in recording units. A few times lie beyond it, many on it.
    groups : sequence of str or int, optional
        The labels to draw from.
    min_size, max_size : int
        How many people.

    Returns
    -------
    strategy of list of Person
        Also the empty list, unless ``min_size`` forbids it.

    Raises
    ------
    MissingExtra
        Without Hypothesis.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(survival_rows(horizon=12, groups=["a", "b"]))
    ... def test_times_are_positive(people):
    ...     assert all(person.time > 0 for person in people)
    >>> test_times_are_positive()
    """
    strategies = extra("hypothesis.strategies", name="testing", purpose="a strategy")
    if horizon < 1:
        raise InvalidInput("horizon must be at least 1 recording unit")
    time = strategies.integers(1, horizon) | strategies.just(horizon) | strategies.integers(horizon + 1, 2 * horizon + 1)
    label = strategies.none() if groups is None else strategies.sampled_from(list(groups))
    person = strategies.builds(Person, time, strategies.integers(0, 1), label)
    rows: SearchStrategy[list[Person]] = strategies.lists(person, min_size=min_size, max_size=max_size)
    return rows


def neighbours(
    horizon: int, groups: Sequence[str | int] | None = None, *, relation: str = "add_remove", max_size: int = 30
) -> SearchStrategy[tuple[list[Person], list[Person]]]:
    """Draw two studies that differ in one person.

    Parameters
    ----------
    horizon, groups, max_size
        As for `survival_rows`.
    relation : {"add_remove", "replace"}
        Whether the second study has one person more, or one person with another record.

    Returns
    -------
    strategy of pairs of lists of Person
        The other people keep their order.

    Raises
    ------
    InvalidInput
        For another relation.
    MissingExtra
        Without Hypothesis.
    """
    strategies = extra("hypothesis.strategies", name="testing", purpose="a strategy")
    if relation not in (Neighbours.ADD_REMOVE, Neighbours.REPLACE):
        raise InvalidInput("relation must be 'add_remove' or 'replace'")
    replaced = relation == Neighbours.REPLACE

    def pair(drawn: tuple[list[Person], list[Person], int]) -> tuple[list[Person], list[Person]]:
        rows, extras, index = drawn
        place = index % (len(rows) + (not replaced))
        return rows, [*rows[:place], extras[0], *rows[place + replaced :]]

    pairs: SearchStrategy[tuple[list[Person], list[Person]]] = strategies.tuples(
        survival_rows(horizon, groups, min_size=int(replaced), max_size=max_size),
        survival_rows(horizon, groups, min_size=1, max_size=1),
        strategies.integers(0, max(0, max_size)),
    ).map(pair)
    return pairs

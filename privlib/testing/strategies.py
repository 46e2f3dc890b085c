"""Hypothesis strategies that draw people and records, not arrays, and data sets that are neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from privlib.bounds import Neighbours, exact_int
from privlib.errors import InvalidInput, extra

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Person", "datasets", "neighbours", "records", "streams", "survival_neighbours", "survival_rows", "survival_tables"]

Record = TypeVar("Record")
_PURPOSE = "a strategy"


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
    return survival_tables(horizon, groups=groups, min_size=min_size, max_size=max_size)


def survival_tables(
    horizon: int,
    *,
    censoring: str = "some",
    ties: str = "some",
    groups: Sequence[str | int] | None = None,
    min_size: int = 0,
    max_size: int = 30,
) -> SearchStrategy[list[Person]]:
    """Draw survival studies of a certain shape: all censored, no ties, and whatever else breaks estimates.

    Parameters
    ----------
    horizon : int
        The end of follow-up in recording units. A few times lie beyond it, many on it.
    censoring : {"some", "none", "all"}
        Whether people are censored.
    ties : {"some", "none", "many"}
        Whether times are shared: as it comes, never, or by most, there being two times only.
    groups : sequence of str or int, optional
        The labels to draw from.
    min_size, max_size : int
        How many people. Without ties there are no more than ``2 * horizon + 1`` times.

    Returns
    -------
    strategy of list of Person

    Raises
    ------
    InvalidInput
        For other words, or more people without ties than there are times.
    MissingExtra
        Without Hypothesis.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(survival_tables(12, censoring="all", ties="none"))
    ... def test_nobody_has_an_event(people):
    ...     assert not any(person.event for person in people)
    >>> test_nobody_has_an_event()
    """
    strategies = extra("hypothesis.strategies", name="testing", purpose=_PURPOSE)
    if horizon < 1:
        raise InvalidInput("horizon must be at least 1 recording unit")
    events = {"some": (0, 1), "none": (1, 1), "all": (0, 0)}
    if censoring not in events or ties not in {"some", "none", "many"}:
        raise InvalidInput("censoring must be 'some', 'none' or 'all', and ties 'some', 'none' or 'many'")
    beyond = 2 * horizon + 1
    time = strategies.integers(1, horizon) | strategies.just(horizon) | strategies.integers(horizon + 1, beyond)
    if ties == "many":
        time = strategies.sampled_from([(horizon + 1) // 2, horizon])
    if ties == "none":
        max_size = min(max_size, beyond)
        if min_size > max_size:
            raise InvalidInput(f"without ties there are at most 2 * horizon + 1 = {beyond} people")
    label = strategies.none() if groups is None else strategies.sampled_from(list(groups))
    person = strategies.builds(Person, time, strategies.integers(*events[censoring]), label)
    unique_by = (lambda row: row.time) if ties == "none" else None
    rows: SearchStrategy[list[Person]] = strategies.lists(person, min_size=min_size, max_size=max_size, unique_by=unique_by)
    return rows


def survival_neighbours(
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
    if relation not in (Neighbours.ADD_REMOVE, Neighbours.REPLACE):
        raise InvalidInput("relation must be 'add_remove' or 'replace'")
    return neighbours(survival_rows(horizon, groups, max_size=max_size), relation=relation)


def records(domain_sizes: Sequence[int]) -> SearchStrategy[tuple[int, ...]]:
    """Draw records of several categories, as local privacy reads them.

    Parameters
    ----------
    domain_sizes : sequence of int
        For each attribute how many values it has, at least 1; they are 0, 1, ...

    Returns
    -------
    strategy of tuple of int

    Raises
    ------
    MissingExtra
        Without Hypothesis.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(records([2, 5]))
    ... def test_values_lie_in_their_domains(record):
    ...     assert record[0] < 2 and record[1] < 5
    >>> test_values_lie_in_their_domains()
    """
    strategies = extra("hypothesis.strategies", name="testing", purpose=_PURPOSE)
    sizes = [exact_int(size, name="a domain size") for size in domain_sizes]
    drawn: SearchStrategy[tuple[int, ...]] = strategies.tuples(*(strategies.integers(0, size - 1) for size in sizes))
    return drawn


def streams(
    horizon: int, event: SearchStrategy[Record] | None = None, *, min_size: int | None = None
) -> SearchStrategy[list[Record]]:
    """Draw streams of events for mechanisms that release at each step.

    Parameters
    ----------
    horizon : int
        The number of steps.
    event : strategy, optional
        What one step brings; 0 or 1 without it.
    min_size : int, optional
        The least number of steps; all of them without it.

    Returns
    -------
    strategy of list

    Raises
    ------
    MissingExtra
        Without Hypothesis.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(streams(8))
    ... def test_each_step_has_one_event(stream):
    ...     assert len(stream) == 8
    >>> test_each_step_has_one_event()
    """
    strategies = extra("hypothesis.strategies", name="testing", purpose=_PURPOSE)
    size = exact_int(horizon, name="horizon")
    least = size if min_size is None else exact_int(min_size, name="min_size", least=0, most=size)
    item = strategies.integers(0, 1) if event is None else event
    drawn: SearchStrategy[list[Record]] = strategies.lists(item, min_size=least, max_size=size)
    return drawn


def datasets(
    record: SearchStrategy[Record] | None = None, *, min_size: int = 0, max_size: int = 30
) -> SearchStrategy[list[Record]]:
    """Draw data sets with what breaks mechanisms: nobody, one record alone, and the same record many times.

    Parameters
    ----------
    record : strategy, optional
        One record; whole numbers from 0 to 9 without it.
    min_size, max_size : int
        How many records.

    Returns
    -------
    strategy of list

    Raises
    ------
    MissingExtra
        Without Hypothesis.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(datasets(records([2, 2]), min_size=1))
    ... def test_somebody_is_there(rows):
    ...     assert len(rows) >= 1
    >>> test_somebody_is_there()
    """
    strategies = extra("hypothesis.strategies", name="testing", purpose=_PURPOSE)
    item = strategies.integers(0, 9) if record is None else record
    size = strategies.integers(min_size, max_size)
    copies = strategies.tuples(item, size).map(lambda drawn: [drawn[0]] * drawn[1])
    drawn: SearchStrategy[list[Record]] = strategies.lists(item, min_size=min_size, max_size=max_size) | copies
    return drawn


def neighbours(
    dataset: SearchStrategy[list[Record]], *, relation: str = "add_remove"
) -> SearchStrategy[tuple[list[Record], list[Record]]]:
    """Draw two data sets that are neighbours, from any strategy that draws lists of records.

    Parameters
    ----------
    dataset : strategy of list
        One data set. Of it only data sets that are not empty are used; under ``"add_remove"`` the smaller neighbour then
        has one record less than this strategy may give.
    relation : {"add_remove", "replace", "attribute", "record", "event"}
        Under ``"add_remove"`` the second has one record more. Under ``"replace"``, ``"record"`` and ``"event"`` one record,
        or event, is another one, and under ``"attribute"`` one value of one record, which is a tuple or a dict.

    Returns
    -------
    strategy of pairs of lists
        The other records keep their order. A replaced record may be equal to the one that it replaces.

    Raises
    ------
    InvalidInput
        For another relation: which events are one user's only the caller knows.
    MissingExtra
        Without Hypothesis.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(neighbours(datasets(), relation="add_remove"))
    ... def test_a_sum_moves_by_at_most_nine(pair):
    ...     assert abs(sum(pair[0]) - sum(pair[1])) <= 9
    >>> test_a_sum_moves_by_at_most_nine()
    """
    strategies = extra("hypothesis.strategies", name="testing", purpose=_PURPOSE)
    allowed = [str(name) for name in Neighbours if name != Neighbours.USER]
    if relation not in allowed:
        raise InvalidInput(f"relation must be one of {', '.join(allowed)}")
    somebody = dataset.filter(bool)
    place = strategies.integers(min_value=0)

    def one_more(drawn: tuple[list[Record], int]) -> tuple[list[Record], list[Record]]:
        rows, index = drawn
        index %= len(rows)
        return [*rows[:index], *rows[index + 1 :]], rows

    def another(drawn: tuple[list[Record], list[Record], int, int]) -> tuple[list[Record], list[Record]]:
        rows, others, index, attribute = drawn
        index %= len(rows)
        new = others[index % len(others)]
        if relation == Neighbours.ATTRIBUTE:
            new = _one_attribute(rows[index], new, attribute)
        return rows, [*rows[:index], new, *rows[index + 1 :]]

    if relation == Neighbours.ADD_REMOVE:
        added: SearchStrategy[tuple[list[Record], list[Record]]] = strategies.tuples(somebody, place).map(one_more)
        return added
    changed: SearchStrategy[tuple[list[Record], list[Record]]] = strategies.tuples(somebody, somebody, place, place).map(another)
    return changed


def _one_attribute(record: Any, other: Any, attribute: int) -> Any:
    """The record with one value of the other one's."""
    if isinstance(record, Mapping):
        name = sorted(record, key=str)[attribute % len(record)]
        return {**record, name: other[name]}
    if not isinstance(record, tuple):
        raise InvalidInput(f"under 'attribute' a record must be a tuple or a dict, not {type(record).__name__}")
    index = attribute % len(record)
    values = (*record[:index], other[index], *record[index + 1 :])
    return type(record)(*values) if hasattr(record, "_fields") else values

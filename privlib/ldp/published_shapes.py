"""Public counts on which arXiv 2109.07269 compares protocols: how many people have each value of each attribute.

Adult and Nursery are of the UCI Machine Learning Repository. Of Adult only counts by attribute are here: the rows without
missing answers of both its files, labels in alphabetical order. Nursery holds every combination of its first eight attributes
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from privlib.ldp.domain import Domain

__all__ = ["ADULT", "NURSERY", "Shape", "even_shape"]


@dataclass(frozen=True)
class Shape:
    """The people of a data set, attribute by attribute.

    Attributes
    ----------
    names : tuple of str
        The attributes.
    people : tuple of tuples of int
        How many people have each value of each attribute.
    """

    names: tuple[str, ...]
    people: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        """How many people there are."""
        return sum(self.people[0])

    @property
    def domain(self) -> Domain:
        """The attributes with numbers for labels."""
        return Domain({name: list(range(len(own))) for name, own in zip(self.names, self.people, strict=True)})


def even_shape(n: int, sizes: Sequence[int]) -> Shape:
    """People whose values are all alike, as nearly as whole numbers allow.

    Parameters
    ----------
    n : int
        How many people.
    sizes : sequence of int
        How many values each attribute has.

    Returns
    -------
    Shape

    Examples
    --------
    >>> even_shape(7, [2, 3]).people
    ((4, 3), (3, 2, 2))
    """
    people = tuple(tuple(n // size + (value < n % size) for value in range(size)) for size in sizes)
    return Shape(tuple(f"a{place}" for place in range(len(people))), people)


_ADULT = {
    "workclass": "1406 3100 33307 1646 3796 1946 21",
    "education": "1223 1619 577 222 449 823 676 1507 1959 7570 544 14783 2514 72 785 9899",
    "marital": "6297 32 21055 552 14598 1411 1277",
    "occupation": "5540 14 6020 5984 1480 2046 2970 4808 232 6008 976 5408 1420 2316",
    "relationship": "18666 11702 1349 6626 4788 2091",
    "race": "435 1303 4228 353 38903",
    "sex": "14695 30527",
    "country": "26 163 113 82 133 97 43 147 119 36 193 49 86 69 1 19 28 18 147 56 36 100 103 89 21 903 48 22 45 283 81 62 175 20"
    " 101 55 29 26 41292 83 23",
    "salary": "34014 11208",
}
ADULT = Shape(tuple(_ADULT), tuple(tuple(map(int, row.split())) for row in _ADULT.values()))
"""45222 people, 9 attributes."""

_NURSERY = ("parents", "has_nurs", "form", "children", "housing", "finance", "social", "health")
NURSERY = Shape((*_NURSERY, "class"), (*even_shape(12960, (3, 5, 4, 4, 3, 2, 3, 3)).people, (4320, 4266, 2, 4044, 328)))
"""12960 people, 9 attributes."""

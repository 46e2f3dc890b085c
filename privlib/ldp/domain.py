"""What each person can answer: labelled attributes, in an order that client and server share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan, prod
from numbers import Integral
from typing import Any

from privlib.certificate import fingerprint_of
from privlib.errors import InvalidInput

__all__ = ["OTHER", "Domain", "Label"]

Label = str | int | None
"""A value of an attribute; None is a missing answer, where it is declared."""
OTHER = "(other)"
"""The label under which undeclared values are counted, for attributes that allow them."""

_MOST_ATTRIBUTES, _MOST_LABELS = 2**12, 2**24
_LONGEST = 2**10
_NO_LABEL = "\0"
"""What no label may be."""
_KINDS = {str: "text", int: "whole numbers"}
_SHOWN, _SHOWN_LETTERS = 6, 20


@dataclass(frozen=True, init=False, repr=False)
class Domain:
    """Labelled attributes, all public.

    Parameters
    ----------
    attributes : mapping of str to sequence of labels
        The values of each attribute, at least two, in their order: str, int, or None for a missing answer. Nothing may be read
        off the answers themselves.
    other : sequence of str, optional
        Attributes in which every undeclared value, and a missing one, counts as one more label, ``"(other)"``. Elsewhere it is
        refused, and so is a value of a type that no label has: that is a mistake, not an answer.

    Raises
    ------
    InvalidInput
        For attributes without names, fewer than two labels, or labels given twice.

    Examples
    --------
    >>> domain = Domain({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}, other=["region"])
    >>> domain.sizes, domain.encode({"smokes": "yes", "region": "Atlantis"})
    ((2, 5), (1, 4))
    """

    names: tuple[str, ...]
    labels: tuple[tuple[Label, ...], ...]
    other: frozenset[str]

    def __init__(self, attributes: Mapping[str, Sequence[Label]], *, other: Collection[str] = ()) -> None:
        if not isinstance(attributes, Mapping) or not 1 <= len(attributes) <= _MOST_ATTRIBUTES:
            raise InvalidInput(f"attributes must be a mapping from 1 to {_MOST_ATTRIBUTES} names to their labels")
        open_to = frozenset([other] if isinstance(other, str) else other)
        if not open_to <= set(attributes):
            raise InvalidInput("other must name attributes of the domain")
        names = tuple(attributes)
        if any(not isinstance(name, str) or not 0 < len(name) <= _LONGEST for name in names):
            raise InvalidInput(f"each attribute must have a name, a str of 1 to {_LONGEST} characters")
        labels = tuple(_labels(name, attributes[name], other=name in open_to) for name in names)
        if sum(map(len, labels)) > _MOST_LABELS:
            raise InvalidInput("all attributes together may have 2**24 labels at most")
        for field, value in (("names", names), ("labels", labels), ("other", open_to)):
            object.__setattr__(self, field, value)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each attribute has, ``"(other)"`` included."""
        return tuple(map(len, self.labels))

    @property
    def cells(self) -> int:
        """How many different records there are."""
        return prod(self.sizes)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of all names and labels in their order."""
        return fingerprint_of(self.to_dict())

    def encode(self, record: Mapping[str, Label] | Sequence[Label]) -> tuple[int, ...]:
        """Turn one record into numbers; every attribute is checked before anything else happens.

        Parameters
        ----------
        record : mapping or sequence
            A value for each attribute, by name or in order.

        Returns
        -------
        tuple of int, shape (d,)
            The place of each value among the labels.

        Raises
        ------
        InvalidInput
            For an attribute too many or too few, or a value that is not declared. The message holds no value.
        """
        if isinstance(record, Mapping):
            if set(record) != set(self.names):
                raise InvalidInput(f"a record must have exactly the attributes {', '.join(self.names)}")
            values: list[object] = [record[name] for name in self.names]
        elif isinstance(record, Sequence) and not isinstance(record, (str, bytes)):
            if len(record) != len(self.names):
                raise InvalidInput(f"a record must have {len(self.names)} values, got {len(record)}")
            values = list(record)
        else:
            raise InvalidInput(f"a record must be a mapping or a sequence, not {type(record).__name__}")
        return tuple(self.place(attribute, value) for attribute, value in enumerate(values))

    def place(self, attribute: int, value: object) -> int:
        """The place of one value among the labels of an attribute.

        Parameters
        ----------
        attribute : int
            Which attribute, from 0 on.
        value : str, int or None
            The value. Any whole number counts as int, a float such as 3.0 too; NaN counts as None, which is a missing answer.

        Returns
        -------
        int

        Raises
        ------
        InvalidInput
            For a value that is not declared, without quoting it.
        """
        name, label = self.names[attribute], _label(value)
        places = self._places[attribute]
        if label in places:
            return places[label]
        if label is _NO_LABEL or (label is not None and type(label) not in self._kinds[attribute]):
            kinds = " or ".join(sorted(_KINDS[kind] for kind in self._kinds[attribute]))
            raise InvalidInput(f"{name} has a value of type {type(value).__name__}: its labels are {kinds}")
        if name in self.other:
            return len(self.labels[attribute]) - 1
        if label is None:
            raise InvalidInput(f"{name} has a missing value: give it None among its labels, or name it in other=")
        raise InvalidInput(f"{name} has a value that is not among its labels ({self._listed(attribute)}): or name it in other=")

    def _listed(self, attribute: int) -> str:
        """The first labels of an attribute, as they are declared."""
        shown = [repr(label)[:_SHOWN_LETTERS] for label in self.labels[attribute][:_SHOWN]]
        return ", ".join([*shown, *(["..."] if len(self.labels[attribute]) > _SHOWN else [])])

    @cached_property
    def _kinds(self) -> tuple[frozenset[type], ...]:
        """The types of each attribute's labels."""
        return tuple(frozenset(type(label) for label in places if label is not None) for places in self._places)

    @cached_property
    def _places(self) -> tuple[dict[Any, int], ...]:
        return tuple(
            {label: place for place, label in enumerate(listed) if not (name in self.other and place == len(listed) - 1)}
            for name, listed in zip(self.names, self.labels, strict=True)
        )

    def to_dict(self) -> dict[str, Any]:
        """The domain as JSON takes it."""
        own = [[n, list(ls[:-1] if n in self.other else ls)] for n, ls in zip(self.names, self.labels, strict=True)]
        return {"attributes": own, "other": sorted(self.other)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Domain:
        """Read what `to_dict` gave."""
        return cls({name: tuple(labels) for name, labels in record["attributes"]}, other=tuple(record["other"]))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}: {size}" for name, size in zip(self.names[:8], self.sizes[:8], strict=True))
        return f"<Domain of {len(self.names)} attributes ({shown}{', ...' if len(self.names) > 8 else ''})>"


def _label(value: object) -> Label:
    """A value as a label: text, a whole number of any type, None for what is missing; `_NO_LABEL` for anything else."""
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if isinstance(value, float):  # a dataframe turns whole numbers into floats when one is missing
        return None if isnan(value) else int(value) if value.is_integer() else _NO_LABEL
    if isinstance(value, bool) or not isinstance(value, Integral):
        return _NO_LABEL
    return int(value)


def _labels(name: str, given: Sequence[Label], *, other: bool) -> tuple[Label, ...]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise InvalidInput(f"the labels of {name} must be a list, got {type(given).__name__}")
    read = [_NO_LABEL if isinstance(label, float) else _label(label) for label in given]
    if _NO_LABEL in read:
        raise InvalidInput(f"the labels of {name} must be str, int or None")
    if len({str(label) for label in read}) < len(set(read)):
        raise InvalidInput(f"{name} has labels that are written alike, such as 1 and '1'")
    if other:
        read.append(OTHER)
    if len(read) < 2 or len(set(read)) < len(read):
        raise InvalidInput(f"{name} must have at least two labels, each of them once")
    return tuple(read)

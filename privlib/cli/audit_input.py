"""What ``privlib audit`` reads: numbers, claims and pairs of data sets. Messages name options."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privlib.bounds import Bound, Neighbours, exact, exact_share
from privlib.errors import InvalidInput

if TYPE_CHECKING:
    from privlib.audit import Pair

__all__ = ["read_claim", "read_confidence", "read_pairs", "whole"]

_SHOWN = 60
_OF_A_FILE = {"pairs", "neighbours"}
_OF_TWO = {"first", "second", "description", "neighbours"}
_OF_SEVERAL = {"datasets", "description", "neighbours"}
_KEYS = (
    "a pair has 'first' and 'second', or 'datasets', and may have 'description' and 'neighbours'; "
    "a file of several has 'pairs' and may have 'neighbours'"
)


def whole(least: int) -> Callable[[click.Context, click.Parameter, str | None], int | None]:
    """A callback that reads a whole number as people type it: ``1e6``, ``10_000``."""

    def read(_ctx: click.Context, _option: click.Parameter, text: str | None) -> int | None:
        if text is None:
            return None
        try:
            number = exact(text.replace("_", ""))
        except InvalidInput:
            number = Fraction(-1)
        if number.denominator != 1 or number < least:
            raise click.BadParameter(f"{text[:_SHOWN]!r} is not a whole number of at least {least}, such as 10_000 or 1e6")
        return int(number)

    return read


def read_confidence(text: str) -> Fraction:
    """A confidence strictly between 1/2 and 1."""
    confidence = exact_share(text, name="--confidence")
    if 2 * confidence <= 1:
        raise InvalidInput(f"--confidence must lie strictly between 0.5 and 1, got {text[:_SHOWN]}")
    return confidence


def read_claim(given: Mapping[str, str | None], neighbours: str) -> Bound | None:
    """The claim that the options make, if they make one.

    Parameters
    ----------
    given : mapping
        The texts of epsilon, delta, mu and rho; None where not given.
    neighbours : str
        The relation it speaks of.

    Returns
    -------
    Bound or None

    Raises
    ------
    InvalidInput
        For more than one claim, half a claim, and numbers that are no claim.
    """
    claims = [name for name in ("epsilon", "mu", "rho") if given[name] is not None]
    if len(claims) > 1:
        raise InvalidInput(f"--{claims[0]} and --{claims[1]} are two claims: give one")
    if not claims:
        if given["delta"] is not None:
            raise InvalidInput("--delta needs --epsilon: an approximate claim has both")
        return None
    name = claims[0]
    amount = exact(str(given[name]), name=f"--{name}")
    if amount <= 0:
        raise InvalidInput(f"--{name} must be positive")
    if given["delta"] is not None:
        if name != "epsilon":
            raise InvalidInput(f"--delta goes with --epsilon, not with --{name}")
        return Bound.approx(amount, exact_share(str(given["delta"]), name="--delta"), neighbours=neighbours)
    if name == "mu":
        return Bound.gdp(amount**2, neighbours=neighbours)
    return Bound.pure(amount, neighbours=neighbours) if name == "epsilon" else Bound.zcdp(amount, neighbours=neighbours)


def read_pairs(file: Path, neighbours: str | None) -> tuple[Pair, ...]:
    """Read data sets that are neighbours from JSON; the mechanism gets its values as they are.

    Parameters
    ----------
    file : path
        ``{"first": .., "second": .., "description": ..}``, ``{"pairs": [..]}`` of such, or ``{"datasets": [..]}`` of which
        every two are neighbours. Each may have ``"neighbours"``.
    neighbours : str, optional
        The relation where the file names none. Without either it is recognised where both data sets are lists of records
        and differ in one of them.

    Returns
    -------
    tuple of Pair

    Raises
    ------
    InvalidInput
        For anything else, keys that mean nothing here and a relation other than the one asked for among it. The message holds
        no data, and so no key that is not ours.
    """
    shown = repr(str(file))
    if not file.is_file():
        raise InvalidInput(f"there is no file {shown} for --pair")
    try:
        record = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse, object_pairs_hook=_each_once)
    except _Twice:
        raise InvalidInput(f"an object in {shown} has the same key twice: nobody can tell which one counts") from None
    except (ValueError, RecursionError):
        raise InvalidInput(f"{shown} is not JSON: --pair wants {{'first': .., 'second': ..}}") from None
    if not isinstance(record, dict):
        raise InvalidInput(f"{shown} must hold an object with 'first' and 'second', 'pairs' or 'datasets'")
    if "pairs" in record:
        _allow(record, _OF_A_FILE, shown)
    several = record.get("pairs", [record])
    if not isinstance(several, list) or not several or not all(isinstance(one, dict) for one in several):
        raise InvalidInput(f"'pairs' in {shown} must be a list of objects with 'first' and 'second'")
    return tuple(_pair(one, record.get("neighbours"), neighbours, shown) for one in several)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


class _Twice(Exception):
    """An object has a key twice, of which ``json`` would silently take the last."""


def _each_once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(items)
    if len(record) < len(items):
        raise _Twice
    return record


def _allow(record: Mapping[str, Any], keys: set[str], shown: str) -> None:
    if not record.keys() <= keys:
        raise InvalidInput(f"{shown} has a key that means nothing there: {_KEYS}")


def _pair(record: Mapping[str, Any], of_all: object, asked: str | None, shown: str) -> Pair:
    from privlib.audit import Pair

    _allow(record, _OF_SEVERAL if "datasets" in record else _OF_TWO, shown)
    datasets = record.get("datasets", [record[name] for name in ("first", "second") if name in record])
    if not isinstance(datasets, list) or len(datasets) < 2:
        raise InvalidInput(f"{shown} lacks a data set: --pair wants 'first' and 'second', or at least two 'datasets'")
    if any(one == other for place, one in enumerate(datasets) for other in datasets[:place]):
        raise InvalidInput(f"two data sets in {shown} are the same: nobody can tell them apart")
    relation = _relation(record.get("neighbours"), of_all, asked, shown) or _recognised(datasets)
    if relation is None:
        raise InvalidInput(f"give --neighbours, or 'neighbours' in {shown}: the data sets do not show in what they differ")
    words = record.get("description") or f"the data sets of {Path(shown.strip(chr(39))).name}"
    if not isinstance(words, str):
        raise InvalidInput(f"'description' in {shown} must be text")
    first, second, *others = datasets
    return Pair(first, second, Neighbours(relation), words, tuple(others))


def _relation(own: object, of_all: object, asked: str | None, shown: str) -> str | None:
    """The relation that is named in one place or in several, where they agree."""
    for named in (own, of_all):
        if named is not None and named not in list(Neighbours):
            raise InvalidInput(f"'neighbours' in {shown} must be one of {', '.join(Neighbours)}")
        if named is not None and asked is not None and named != asked:
            raise InvalidInput(f"--neighbours {asked} contradicts 'neighbours' in {shown}: audit one relation")
    if own is not None and of_all is not None and own != of_all:
        raise InvalidInput(f"'neighbours' of a pair in {shown} contradicts 'neighbours' of all of them")
    named = own or of_all or asked
    return None if named is None else str(named)


def _recognised(datasets: Sequence[Any]) -> str | None:
    """The relation of two lists of records that differ in one record."""
    if len(datasets) > 2 or not all(isinstance(one, list) for one in datasets):
        return None
    short, long = sorted(datasets, key=len)
    start = next((place for place, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) == len(long) and short[start + 1 :] == long[start + 1 :]:
        return "replace"
    return "add_remove" if len(short) + 1 == len(long) and short[start:] == long[start + 1 :] else None

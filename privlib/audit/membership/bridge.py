"""From attack scores to audits that can refute a claim: one run with many secret bits, or many runs on a leave-one-out pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.membership.rates import Floats, Members, checked_members, checked_scores
from privlib.audit.onerun import OneRun, guess_by_rank, one_run
from privlib.audit.pairs import Pair
from privlib.bounds import Bound, Neighbours, Real, checked_bound, exact_int
from privlib.errors import InvalidInput

__all__ = ["leave_one_out", "one_run_of"]


def one_run_of(
    scores: Floats, members: Members, *, guesses: int, claim: Bound, confidence: Real = "0.999", title: str = "one run"
) -> OneRun:
    """Try to refute a claim with one training and the scores of an attack on it.

    Parameters
    ----------
    scores : float array, shape (n,)
        The attack's score of each example whose bit was drawn. It may use the target's output and anything that is independent
        of the bits, such as shadow models. The highest are guessed to be members, the lowest not, the rest is abstained from.
    members : bool array, shape (n,)
        The bits: independent and fair, drawn by `secret_members` for these examples.
    guesses : int
        How many to guess at. Choose it before you see who is a member: a number chosen on the bits that it is tested on
        certifies what is not there.
    claim : Bound
        Pure, approx or gdp, for ``add_remove`` neighbours: each bit adds one record or leaves it out.
    confidence : rational
        One minus the chance of certifying more than the truth.
    title : str
        What is audited.

    Returns
    -------
    OneRun

    Raises
    ------
    InvalidInput
        For a claim of other neighbours, a single class, NaN, or what `privlib.audit.onerun.one_run` refuses.
    """
    if checked_bound(claim, name="claim").neighbours is not Neighbours.ADD_REMOVE:
        raise InvalidInput(f"each bit adds a record or leaves it out, the claim is about {claim.neighbours}: give that one")
    values = checked_scores(scores)
    secrets = checked_members(members, values.size)
    made = guess_by_rank(values, guesses=guesses)
    return one_run(made, secrets, claim=claim, confidence=confidence, planned=guesses, title=title)


def leave_one_out(*columns: Sequence[Any] | NDArray[Any], index: int, description: str = "") -> Pair:
    """Give the pair of an attack on one person's membership: the data without the person, and with.

    The attacker knows all others, which is what differential privacy allows them. In `privlib.audit.run` the second
    world means "member".

    Parameters
    ----------
    *columns : sequence or array
        The data, one entry a person in each column. One column gives data sets like it, several give tuples of columns.
    index : int
        The person, from 0.
    description : str
        The pair in words, without data; reports print it.

    Returns
    -------
    Pair
        Of ``add_remove`` neighbours.

    Raises
    ------
    InvalidInput
        Without columns, for columns of unlike lengths, or an index that is no person.

    Examples
    --------
    >>> leave_one_out([5, 8, 9], [1, 0, 1], index=2).first
    ([5, 8], [1, 0])
    """
    sizes = {len(column) for column in columns}
    if len(sizes) != 1:
        raise InvalidInput("columns must be given, and hold one entry for each person: all of one length")
    place = exact_int(index, name="index", least=0, most=max(0, sizes.pop() - 1))
    less = tuple(_without(column, place) for column in columns)
    return Pair(
        less[0] if len(columns) == 1 else less,
        columns[0] if len(columns) == 1 else columns,
        Neighbours.ADD_REMOVE,
        description or "all people but one; and all",
    )


def _without(column: Sequence[Any] | NDArray[Any], place: int) -> Any:
    if isinstance(column, np.ndarray):
        return np.delete(column, place, axis=0)
    return type(column)([*column[:place], *column[place + 1 :]])  # type: ignore[call-arg]  # list and tuple take an iterable

"""From attack scores to audits that can refute a claim: one run with many secret bits, or many runs on a leave-one-out pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.audit.membership.rates import Floats, Members, checked_members, checked_scores
from privlib.audit.pairs import Pair
from privlib.bounds import Bound, Neighbours, Real, exact_int
from privlib.errors import InvalidInput

if TYPE_CHECKING:
    from privlib.audit.onerun import OneRun

__all__ = ["best_guesses", "leave_one_out", "one_run_of"]

_ABSTAIN = -1


def best_guesses(scores: Floats, *, guesses: int) -> NDArray[np.int8]:
    """Guess the membership of the most telling examples: of half the guesses "in" at the top, of half "out" at the bottom.

    Parameters
    ----------
    scores : float array, shape (n,)
        The attack's score of each example, larger for members.
    guesses : int
        How many examples are guessed at, an even number; the others are abstained from. Choose it before you see who is a
        member: choosing it on the bits that it is tested on certifies what is not there.

    Returns
    -------
    int8 array, shape (n,)
        1 for a member, 0 for a non-member, -1 to abstain. Equal scores go by position.

    Raises
    ------
    InvalidInput
        For NaN, or an odd number of guesses or more than there are scores.

    Examples
    --------
    >>> best_guesses(np.array([0.3, -2.0, 5.0, 0.1]), guesses=2)
    array([-1,  0,  1, -1], dtype=int8)
    """
    values = checked_scores(scores)
    if exact_int(guesses, name="guesses", least=2, most=values.size) % 2:
        raise InvalidInput(f"guesses must be even, one half at each end, got {guesses}")
    order = np.argsort(values, kind="stable")
    made = np.full(values.size, _ABSTAIN, dtype=np.int8)
    made[order[: guesses // 2]] = 0
    made[order[values.size - guesses // 2 :]] = 1
    return made


def one_run_of(
    scores: Floats, members: Members, *, guesses: int, claim: Bound, confidence: Real = "0.999", **options: Any
) -> OneRun:
    """Try to refute a claim with one training and the scores of an attack on it.

    Parameters
    ----------
    scores : float array, shape (n,)
        The attack's score of each example whose bit was drawn. It may use the target's output and anything that is independent of
        the bits, such as shadow models.
    members : bool array, shape (n,)
        The bits: independent and fair, drawn by `secret_members` for these examples.
    guesses : int
        How many to guess at, chosen beforehand; see `best_guesses`.
    claim : Bound
        For ``add_remove`` neighbours: each bit adds one record or leaves it out.
    confidence : rational
        One minus the chance of certifying more than the truth.
    **options
        Handed on to `privlib.audit.onerun.one_run`.

    Returns
    -------
    OneRun

    Raises
    ------
    InvalidInput
        For a claim of other neighbours, a single class, or what `best_guesses` and `one_run` refuse.
    """
    from privlib.audit.onerun import one_run

    if claim.neighbours is not Neighbours.ADD_REMOVE:
        raise InvalidInput(f"each bit adds a record or leaves it out, the claim is about {claim.neighbours}: give that one")
    made = best_guesses(scores, guesses=guesses)
    return one_run(made, checked_members(members, made.size).astype(np.int8), claim=claim, confidence=confidence, **options)


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

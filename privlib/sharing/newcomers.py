"""How much of a newcomer's share the holders of a secret know, and through which of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

from privlib.errors import InvalidInput
from privlib.proved import proved
from privlib.sharing.layouts import overlap
from privlib.sharing.spec import Spec

__all__ = ["Ways", "confirming", "reach", "ways"]

Ways = tuple[tuple[int, ...], ...]
"""Sets of threshold - 1 holders, by their places."""

_MOST_STEPS = 10**8


@proved("sharing.t5")
def reach(spec: Spec, participants: Sequence[int], t: int) -> int:
    """How many rows of a newcomer's share the holders of a secret can compute, the share's length at most.

    Parameters
    ----------
    spec : Spec
        The plan.
    participants : sequence of int
        The holders, at least as many as the threshold.
    t : int
        The newcomer.

    Returns
    -------
    int
        The E of theorem T7: exact for as many holders as the threshold, and never too large for more of them.

    Raises
    ------
    InvalidInput
        For numbers out of range, or a newcomer who is one of them.

    Privacy
    -------
    A statement about lengths and codewords, which are public. Theorem: sharing.t5.

    Examples
    --------
    >>> plan = Spec(threshold=3, size=64, width=1, integrity="none")
    >>> reach(plan, (4, 5, 7), 6), plan.share_rows(6)
    (72, 72)
    """
    return ways(spec, participants, t)[0]


@proved("sharing.t5")
def ways(spec: Spec, participants: Sequence[int], t: int) -> tuple[int, Ways]:
    """The rows of `reach`, and all sets of holders through whom one gets them; beside these one needs the word.

    Parameters
    ----------
    spec, participants, t
        As for `reach`, with the same refusals.

    Returns
    -------
    rows : int
    sets : tuple of tuple of int
        At least one set, each of threshold - 1 places among the participants.

    Privacy
    -------
    The formula of T7: theorem sharing.t5.
    """
    wanted, threshold = spec.share_rows(t), spec.threshold
    if t in participants or len(set(participants)) < len(participants) or len(participants) < threshold:
        raise InvalidInput("a newcomer is let in by holders other than the newcomer, each once, as many as the threshold or more")
    _check_steps(len(participants), threshold)
    words = [spec.prefix_code.encode(participant) for participant in participants]
    lengths = [spec.share_rows(participant) for participant in participants]
    own = [overlap(word, spec.prefix_code.encode(t)) for word in words]
    shared = {(i, j): overlap(words[i], words[j]) for i in range(len(words)) for j in range(len(words)) if i != j}

    def known(chosen: tuple[int, ...]) -> int:
        return min(lengths[i] + sum(own[j] - shared[i, j] for j in chosen if j != i) for i in chosen)

    rows = {chosen: min(wanted, known(chosen)) for chosen in combinations(range(len(words)), threshold - 1)}
    most = max(rows.values())
    return most, tuple(chosen for chosen, reached in rows.items() if reached == most)


@proved("sharing.t5")
def confirming(sets: Ways) -> Ways:
    """Some of the sets, none of whose holders is in all of them: if one holder is wrong, one set is right.

    Parameters
    ----------
    sets : tuple of tuple of int
        As `ways` gives them.

    Returns
    -------
    tuple of tuple of int
        As many as the threshold at most; nothing where somebody is in all sets, so that nobody confirms what they say.

    Privacy
    -------
    A statement about sets, which are public. Theorem: sharing.t5.
    """
    chosen, common = list(sets[:1]), set(sets[0])
    while common:
        one = min(common)
        without = next((each for each in sets if one not in each), None)
        if without is None:
            return ()
        chosen.append(without)
        common &= set(without)
    return tuple(chosen)


def _check_steps(holders: int, threshold: int) -> None:
    if comb(holders, threshold - 1) * threshold**2 > _MOST_STEPS:
        raise InvalidInput(f"so many holders can be chosen in too many ways: give few more than {threshold} of them")

"""What shares say openly, checked before any payload is looked at: alike for shares in memory and in files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from privlib.bounds import exact_int
from privlib.errors import BadShare, ForkedDealer, InvalidInput, Mismatch, NotEnoughShares
from privlib.proved import proved
from privlib.sharing.spec import Spec
from privlib.sharing.wire import Head

__all__ = ["check_alike", "check_enough", "check_participants", "forks", "listed", "signed_by_one"]

_COMMON = ("dealer", "epoch", "kind")


def check_alike(heads: Sequence[Head]) -> Spec:
    """The plan of some shares; refuse them if they differ in what all shares of one secret have in common.

    Raises
    ------
    NotEnoughShares
        For no shares.
    Mismatch
        When they differ in a public field, which is named.
    ForkedDealer
        When they are of different histories.
    """
    if not heads:
        raise NotEnoughShares("there are no shares")
    for head in heads:
        if not isinstance(head, Head):
            raise InvalidInput(f"shares must be Share, not {type(head).__name__}: Share.load reads a file")
    fields = [{**head.spec.to_dict(), **{name: getattr(head, name) for name in _COMMON}} for head in heads]
    for name in fields[0]:
        if any(own[name] != fields[0][name] for own in fields):
            raise Mismatch(f"these shares are not of one secret: they differ in {name}")
    branches = forks(heads)
    if len(branches) > 1:
        named = "; ".join(listed(branch) for branch in branches)
        raise ForkedDealer(
            f"these shares are of different histories, which do not combine: the dealer's state was rolled back between them, "
            f"or they were refreshed apart. Participants {named}",
            branches=branches,
        )
    return heads[0].spec


def forks(heads: Sequence[Head]) -> tuple[tuple[int, ...], ...]:
    """The participants of each branch of the dealer's history; one branch where it was never rolled back."""
    lineages = {head.lineage for head in heads}
    ends = [one for one in lineages if not any(one == other[: len(one)] for other in lineages - {one})]
    branches = [tuple(sorted(head.t for head in heads if head.lineage == end[: len(head.lineage)])) for end in ends]
    return tuple(sorted(branches))


def check_participants(heads: Sequence[Head], expected: Iterable[int] | None) -> None:
    """Refuse participants who come twice, or are not those expected."""
    participants = [head.t for head in heads]
    if len(set(participants)) < len(participants):
        twice = sorted({t for t in participants if participants.count(t) > 1})
        raise InvalidInput(f"each participant counts once, and these came more often: {', '.join(map(str, twice))}")
    if expected is None:
        return
    wanted = [exact_int(t, name="each participant in expected") for t in expected]
    if sorted(wanted) != sorted(participants):
        raise Mismatch(
            f"shares of participants {listed(wanted)} were expected, and these say that they are of {listed(participants)}"
        )


def signed_by_one(heads: Sequence[Head]) -> bool:
    """Whether all shares name one key that signed them; refuse two keys. That the signatures are right is checked elsewhere."""
    keys = {head.public_key for head in heads}
    if len(keys - {None}) > 1:
        raise Mismatch("these shares are not of one dealer: they are signed by different keys")
    return None not in keys


@proved("sharing.t4")
def check_enough(spec: Spec, count: int, *, signed: bool, known: bool) -> None:
    """Refuse too few shares, and those of which too little is known to trust their word.

    Parameters
    ----------
    spec : Spec
        Their plan.
    count : int
        How many there are.
    signed : bool
        Whether all are signed by one key.
    known : bool
        Whether their participants are known from elsewhere.

    Raises
    ------
    NotEnoughShares
        For fewer than the threshold.
    BadShare
        When the plan wants signatures.
    InvalidInput
        For exactly threshold unsigned shares with an AMD code, of participants who are not known.

    Privacy
    -------
    The bound of an AMD code holds where the participants are known: theorem sharing.t4.
    """
    if count < spec.threshold:
        raise NotEnoughShares(f"{spec.threshold} shares are needed, got {count}: they say nothing about the secret")
    if spec.integrity == "signed" and not signed:
        raise BadShare("the plan says that every share is signed, and one of these is not")
    if spec.integrity == "amd" and count == spec.threshold and not known and not signed:
        raise InvalidInput(
            "say whose shares these are, as you know it from elsewhere: expected=[participant numbers]. With exactly as many "
            "shares as the threshold a false participant number could replace the secret. Signed shares help too, or one more"
        )


def listed(participants: Iterable[int]) -> str:
    """Participant numbers in words."""
    return ", ".join(map(str, sorted(participants))) or "none"

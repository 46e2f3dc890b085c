"""The secret in spite of wrong shares, where the right ones outnumber them enough; and whose shares the wrong ones are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from privlib.bounds import exact_int
from privlib.errors import BadShare, InconsistentShares, InvalidInput, Mismatch, NotEnoughShares
from privlib.proved import proved
from privlib.sharing import signing
from privlib.sharing.agreement import Agreement, in_order, word_of
from privlib.sharing.recover import MOST_WRONG, secret_of
from privlib.sharing.share import Share

__all__ = ["decode"]


@proved("sharing.t5")
def decode(
    shares: Iterable[Share], *, wrong: int | None = None, public_key: bytes | None = None
) -> tuple[bytes, tuple[int, ...]]:
    """The secret, if at most ``wrong`` of the shares are wrong, and the participants whose shares were rejected.

    Wrong is a share that its dealer did not make: another payload, a false participant number, another dealer, another branch of
    a dealer that was rolled back. With threshold + 2 * wrong shares the secret is certain, whatever the wrong ones are, and
    neither AMD code nor ``expected`` is needed for it.

    Rejected are all that contradict the others. Where several sets of shares, each of at most ``wrong``, explain all
    contradictions, nothing can tell which is the right one, and all their members are named. A change that no other share can
    see, in digits that this combination does not use, does no harm and is not named.

    Parameters
    ----------
    shares : iterable of Share
        In any order. Exact copies count once.
    wrong : int, optional
        How many shares may be wrong, at least 1. By default as many as the number of shares allows, at most 3.
    public_key : bytes, optional
        The dealer's public key, 32 bytes: shares that it does not verify are rejected.

    Returns
    -------
    secret : bytes
    rejected : tuple of int
        The participant numbers that the rejected shares claim.

    Raises
    ------
    NotEnoughShares
        For fewer than threshold + 2 * wrong shares.
    InconsistentShares
        When more than ``wrong`` shares are wrong. Nothing is returned.
    Mismatch
        When the shares are of so many dealers, epochs or plans that none has enough.
    BadShare
        When the word's AMD code fails: then, too, more shares are wrong.
    InvalidInput
        For anything that is no share, or where the search would take too long.

    Privacy
    -------
    The answer is the dealer's word if at most ``wrong`` shares are wrong. Theorem: sharing.t5.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from privlib.sharing.dealer import Dealer
    >>> dealer = Dealer(b"master key", threshold=2)
    >>> one, two, three, four = (dealer.issue(name) for name in ("one", "two", "three", "four"))
    >>> decode([one, replace(two, payload=bytes(len(two.payload))), three, four])
    (b'master key', (2,))
    """
    given = _without_copies(shares)
    alike = _largest_group([share for share in given if _verifies(share, public_key)])
    most = _how_many(len(given), alike, wrong)
    if len(given) - len(alike) > most:
        raise Mismatch(f"more than {most} of these shares are wrongly signed, or of another dealer, epoch or plan than the rest")
    ordered = in_order(alike)
    explanations = Agreement(ordered).explanations(most - len(given) + len(alike))
    if not explanations:
        raise InconsistentShares(f"more than {most} of these shares are wrong: nothing is returned")
    right = [share for place, share in enumerate(ordered) if place not in explanations[0]]
    rejected = {share.t for share in given if share not in alike} | {ordered[place].t for each in explanations for place in each}
    return _secret(right), tuple(sorted(rejected))


def _secret(right: Sequence[Share]) -> bytes:
    spec = right[0].spec
    return secret_of(spec, word_of(right[: spec.threshold]))


def _how_many(given: int, alike: Sequence[Share], wrong: int | None) -> int:
    """How many shares may be wrong; a refusal where there are too few for it."""
    if not alike:
        raise NotEnoughShares("there are no shares, or none that the dealer's key verifies")
    threshold = alike[0].spec.threshold
    most = max(1, min(MOST_WRONG, (given - threshold) // 2)) if wrong is None else exact_int(wrong, name="wrong")
    if given < threshold + 2 * most:
        raise NotEnoughShares(
            f"with {most} wrong among them {threshold + 2 * most} shares are needed, got {given}; combine finds out "
            "whether all are right"
        )
    return most


def _without_copies(shares: Iterable[Share]) -> list[Share]:
    found = list[Share]()
    for share in shares:
        if not isinstance(share, Share):
            raise InvalidInput(f"shares must be Share, not {type(share).__name__}")
        if share not in found:
            found.append(share)
    return found


def _largest_group(shares: Sequence[Share]) -> list[Share]:
    """The largest set of shares that say the same of what all shares of one secret have in common."""
    groups = dict[object, list[Share]]()
    for share in shares:
        groups.setdefault((share.spec.fingerprint, share.dealer, share.epoch, share.kind), []).append(share)
    return max(groups.values(), key=len, default=[])


def _verifies(share: Share, public_key: bytes | None) -> bool:
    """Whether nothing is wrong with a share's signature: it has a good one, or none and none is asked for."""
    trusted = share.public_key if public_key is None else public_key
    if trusted is None:
        return share.spec.integrity != "signed"
    try:
        signing.verify(share, public_key=trusted)
    except BadShare:
        return False
    return True

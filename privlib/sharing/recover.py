"""From shares to the secret: what belongs together is put together, and whatever cannot be trusted is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from privlib.bounds import exact_int
from privlib.errors import BadShare, ForkedDealer, InconsistentShares, InvalidInput, Mismatch, NotEnoughShares
from privlib.proved import proved
from privlib.sharing import lanes, signing
from privlib.sharing.agreement import Agreement, in_order, word_of
from privlib.sharing.integrity import unwrap
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec

__all__ = ["MOST_WRONG", "check_alike", "check_together", "combine", "forks", "secret_of", "trusted_word"]

MOST_WRONG = 3
"""How many wrong shares are looked for without being told to look for more."""

_HEAD = ("dealer", "epoch", "kind")


def combine(shares: Iterable[Share], *, expected: Iterable[int] | None = None, public_key: bytes | None = None) -> bytes:
    """The secret, from as many shares as the threshold says, or more.

    What is promised depends on what you know beside the shares.

    * **Signed shares.** All must carry one key and verify under it. If one of them is genuine, all are, unless somebody forged
      an Ed25519 signature. Give ``public_key`` to rely on no share at all.
    * **Exactly threshold unsigned shares, integrity "amd".** Give ``expected``, the participants whose shares these are as you
      know it from elsewhere: from whom you got them, not what they say. Then changed shares of all but one of them pass with
      probability at most (d + 1)/2**128, d the secret's blocks, whatever the changers know and compute. Without ``expected``
      such shares are refused: who lies about a participant number can multiply the word instead of adding to it, which no AMD
      code notices, and in many cases replace the secret by one of their choice.
    * **More unsigned shares than the threshold.** All must agree. As many wrong ones as there are shares beyond the threshold
      are noticed for certain, false participant numbers too; beyond that only what ``expected`` and the AMD code notice.
    * **Exactly threshold shares, integrity "none".** Nothing is promised: one changed share changes the secret unnoticed.

    Parameters
    ----------
    shares : iterable of Share
        In any order.
    expected : iterable of int, optional
        The participants whose shares these are, each once.
    public_key : bytes, optional
        The dealer's public key, 32 bytes, from where you trust it; all shares must then be signed by it.

    Returns
    -------
    bytes
        The secret. There is no partial answer and no best guess: see `privlib.sharing.robust.decode` to recover in spite of
        wrong shares.

    Raises
    ------
    NotEnoughShares
        For fewer shares than the threshold.
    InvalidInput
        For a participant who comes twice, or shares that need ``expected``.
    Mismatch
        When shares differ in a public field, which is named, or are not those of the expected participants.
    ForkedDealer
        When the dealer's state was rolled back between them; it names the participants of each branch.
    InconsistentShares
        When they are not of one word; it names the wrong ones where that can be told.
    BadShare
        For a wrong signature, or a word whose AMD code fails.

    Examples
    --------
    >>> from privlib.sharing.dealer import Dealer
    >>> dealer = Dealer(b"master key", threshold=2)
    >>> one, two = dealer.issue("one"), dealer.issue("two")
    >>> combine([one, two], expected=[1, 2])
    b'master key'
    """
    given = tuple(shares)
    word = trusted_word(given, expected=expected, public_key=public_key)
    return secret_of(given[0].spec, word)


@proved("sharing.t5")
def trusted_word(
    shares: Sequence[Share], *, expected: Iterable[int] | None = None, public_key: bytes | None = None
) -> lanes.Rows:
    """The word of shares that `combine` may trust; the same refusals.

    Parameters
    ----------
    shares : sequence of Share
    expected : iterable of int, optional
    public_key : bytes, optional
        As for `combine`.

    Returns
    -------
    array of uint8, shape (rows, width)

    Privacy
    -------
    Any threshold genuine shares give the word (sharing.t1). That what is returned is one word of all: theorem sharing.t5.
    """
    spec = check_alike(shares)
    signed = _check_signatures(shares, public_key)
    _check_participants(shares, expected)
    threshold = spec.threshold
    if len(shares) < threshold:
        raise NotEnoughShares(f"{threshold} shares are needed, got {len(shares)}: they say nothing about the secret")
    if spec.integrity == "signed" and not signed:
        raise BadShare("the plan says that every share is signed, and one of these is not")
    if spec.integrity == "amd" and len(shares) == threshold and expected is None and not signed:
        raise InvalidInput(
            "say whose shares these are, as you know it from elsewhere: expected=[participant numbers]. With exactly as many "
            "shares as the threshold a false participant number could replace the secret. Signed shares help too, or one more"
        )
    _check_agreement(shares)
    return word_of(shares[:threshold])


def check_together(shares: Sequence[Share]) -> None:
    """Refuse shares that contradict each other; also fewer of them than the threshold, which show less.

    Parameters
    ----------
    shares : sequence of Share
        At least one.

    Raises
    ------
    NotEnoughShares, InvalidInput, Mismatch, ForkedDealer, InconsistentShares, BadShare
        As for `combine`; a signature is verified under the share's own key.
    """
    check_alike(shares)
    _check_signatures(shares, None)
    _check_participants(shares, None)
    _check_agreement(shares)


def secret_of(spec: Spec, word: lanes.Rows) -> bytes:
    """The secret in a word.

    Raises
    ------
    BadShare
        When bytes after the word's end are not zero, or its AMD code fails.
    """
    data = word.tobytes()
    if any(data[spec.word_bytes :]):
        raise BadShare("a share was changed: the word that these shares give has bytes after its end, so nothing is returned")
    return unwrap(data[: spec.word_bytes], spec.integrity)


def forks(shares: Sequence[Share]) -> tuple[tuple[int, ...], ...]:
    """The participants of each branch of the dealer's history; one branch where it was never rolled back."""
    lineages = {share.lineage for share in shares}
    ends = [one for one in lineages if not any(one == other[: len(one)] for other in lineages - {one})]
    branches = [tuple(sorted(share.t for share in shares if share.lineage == end[: len(share.lineage)])) for end in ends]
    return tuple(sorted(branches))


def check_alike(shares: Sequence[Share]) -> Spec:
    """The plan of some shares; refuse them if they differ in what all shares of one secret have in common.

    Raises
    ------
    NotEnoughShares
        For no shares.
    Mismatch
        When they differ in a public field, which is named.
    ForkedDealer
        When the dealer's state was rolled back between them.
    """
    if not shares:
        raise NotEnoughShares("there are no shares")
    for share in shares:
        if not isinstance(share, Share):
            raise InvalidInput(f"shares must be Share, not {type(share).__name__}")
    heads = [{**share.spec.to_dict(), **{name: getattr(share, name) for name in _HEAD}} for share in shares]
    for name in heads[0]:
        if any(head[name] != heads[0][name] for head in heads):
            raise Mismatch(f"these shares are not of one secret: they differ in {name}")
    branches = forks(shares)
    if len(branches) > 1:
        named = "; ".join(_listed(branch) for branch in branches)
        raise ForkedDealer(
            f"these shares are of different histories, which do not combine: the dealer's state was rolled back between them, "
            f"or they were refreshed apart. Participants {named}",
            branches=branches,
        )
    return shares[0].spec


def _check_signatures(shares: Sequence[Share], public_key: bytes | None) -> bool:
    """Verify every signature there is; whether all shares are signed, by one key."""
    for share in shares:
        if public_key is not None:
            signing.verify(share, public_key=public_key)
        elif share.public_key is not None:
            signing.verify(share, public_key=share.public_key)
    keys = {share.public_key for share in shares}
    if len(keys - {None}) > 1:
        raise Mismatch("these shares are not of one dealer: they are signed by different keys")
    return None not in keys


def _check_participants(shares: Sequence[Share], expected: Iterable[int] | None) -> None:
    participants = [share.t for share in shares]
    if len(set(participants)) < len(participants):
        twice = sorted({t for t in participants if participants.count(t) > 1})
        raise InvalidInput(f"each participant counts once, and these came more often: {', '.join(map(str, twice))}")
    if expected is None:
        return
    wanted = [exact_int(t, name="each participant in expected") for t in expected]
    if sorted(wanted) != sorted(participants):
        raise Mismatch(
            f"shares of participants {_listed(wanted)} were expected, and these say that they are of {_listed(participants)}"
        )


def _check_agreement(shares: Sequence[Share]) -> None:
    """Refuse shares that are not all of one word; name the wrong ones where the others outnumber them enough to tell."""
    ordered = in_order(shares)
    agreement = Agreement(ordered)
    if agreement.conflict(range(len(ordered))) is None:
        return
    message = "these shares are not of one secret, and nothing is returned"
    most = min(MOST_WRONG, (len(ordered) - ordered[0].spec.threshold) // 2)
    try:
        sets = agreement.explanations(most) if most > 0 else []
    except InvalidInput:  # too much work; the refusal stands without names
        sets = []
    culprits = tuple(sorted({ordered[place].t for each in sets for place in each}))
    if culprits:
        message += f"; with at most {most} wrong, the wrong ones are among participants {_listed(culprits)}"
    raise InconsistentShares(message, participants=culprits)


def _listed(participants: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(participants))) or "none"

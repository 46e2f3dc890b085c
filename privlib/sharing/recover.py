"""From shares to the secret: what belongs together is put together, and whatever cannot be trusted is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from privlib.errors import BadShare, InconsistentShares, InvalidInput
from privlib.proved import proved
from privlib.sharing import lanes, signing
from privlib.sharing.agreement import Agreement, in_order
from privlib.sharing.heads import check_alike, check_enough, check_participants, listed, signed_by_one
from privlib.sharing.integrity import unwrap
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec

__all__ = ["MOST_WRONG", "check_together", "combine", "secret_of", "trusted_word"]

MOST_WRONG = 3
"""How many wrong shares are looked for without being told to look for more."""


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
    check_participants(shares, expected)
    check_enough(spec, len(shares), signed=signed, known=expected is not None)
    return cast(lanes.Rows, _agreed_word(shares))  # there is one: there are enough shares for a window


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
    check_participants(shares, None)
    _agreed_word(shares)


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


def _check_signatures(shares: Sequence[Share], public_key: bytes | None) -> bool:
    """Verify every signature there is; whether all shares are signed, by one key."""
    for share in shares:
        if public_key is not None:
            signing.verify(share, public_key=public_key)
        elif share.public_key is not None:
            signing.verify(share, public_key=share.public_key)
    return signed_by_one(shares)


def _agreed_word(shares: Sequence[Share]) -> lanes.Rows | None:
    """The word of all shares, None for fewer than the threshold.

    Shares that are not all of one word are refused; the wrong ones are named where the others outnumber them enough to tell.
    """
    ordered = in_order(shares)
    agreement = Agreement(ordered)
    if agreement.conflict(range(len(ordered))) is None:
        return agreement.word
    message = "these shares are not of one secret, and nothing is returned"
    most = min(MOST_WRONG, (len(ordered) - ordered[0].spec.threshold) // 2)
    try:
        sets = agreement.explanations(most) if most > 0 else []
    except InvalidInput:  # too much work; the refusal stands without names
        sets = []
    culprits = tuple(sorted({ordered[place].t for each in sets for place in each}))
    if culprits:
        message += f"; with at most {most} wrong, the wrong ones are among participants {listed(culprits)}"
    raise InconsistentShares(message, participants=culprits)

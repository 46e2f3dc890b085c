"""What holders can do without their dealer: add two secrets, refresh their shares, let somebody in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np

from privlib.bounds import exact_int
from privlib.errors import InconsistentShares, InvalidInput, Mismatch, NotEnoughShares
from privlib.noise.system import device_words, is_secure
from privlib.proved import proved
from privlib.sharing import lanes
from privlib.sharing.agreement import rows_of
from privlib.sharing.heads import check_alike
from privlib.sharing.newcomers import confirming, ways
from privlib.sharing.recover import check_together, secret_of, trusted_word
from privlib.sharing.share import Share
from privlib.sharing.wire import NONCE, Kind

__all__ = ["MOST_DRAWN", "add", "enroll", "refresh", "refreshed", "updates"]

MOST_DRAWN = 2**28
"""The most bytes of digits that one refresh draws."""

_SUM = b"privlib sharing: a sum of two dealers, 1\0"
_UPDATE = b"privlib sharing: an update, 1\0"
_MERGED = b"privlib sharing: lineages together, 1\0"

Lineage = tuple[tuple[int, bytes], ...]


@proved("sharing.t5")
def add(shares: Sequence[Share], others: Sequence[Share]) -> tuple[Share, ...]:
    """Shares of the exclusive or of two secrets, from shares of each; nobody learns either.

    Both secrets have one plan and nothing in it for integrity: AMD words and signatures do not add. As many holders as the
    threshold recover the sum, and each of them may compute their own share of it alone.

    Parameters
    ----------
    shares, others : sequence of Share
        Of two dealers, for the same participants.

    Returns
    -------
    tuple of Share
        For the participants in the order of ``shares``. They have no signature; their dealer is named after the two.

    Raises
    ------
    InvalidInput
        For shares with an AMD code or a signature, of one dealer only, or of other participants.
    Mismatch
        For other plans, or shares that are not of one dealer each.
    ForkedDealer
        When a dealer was rolled back between the shares.

    Privacy
    -------
    f + g is a sharing of s + s', with streams that are uniform if those of one dealer are. Theorem: sharing.t5.
    """
    plan, other_plan = check_alike(shares), check_alike(others)
    for own in (shares, others):
        if any(share.spec.integrity != "none" or share.public_key is not None for share in own):
            raise InvalidInput("shares add only under integrity='none' and unsigned: an AMD code or a signature is of one secret")
    if plan != other_plan:
        raise Mismatch("the two secrets have different plans: sizes, thresholds, codes, layouts and widths must be equal")
    one, other = (next(iter(own)) for own in (shares, others))
    if one.dealer == other.dealer:
        raise InvalidInput("two sharings by one dealer are of one secret, which added to itself is zero")
    partners = {share.t: share for share in others}
    if len(partners) < len(others) or sorted(partners) != sorted(share.t for share in shares):
        raise InvalidInput("shares of the same participants are needed, each once")
    return tuple(_sum(share, [partners[share.t]], dealer=_named(_SUM, one, other), epoch=0) for share in shares)


def refresh(shares: Sequence[Share]) -> tuple[Share, ...]:
    """New shares of the same secret for the same holders; old and new ones do not combine.

    Whoever stole fewer shares than the threshold before, and fewer than the threshold after, has learned nothing. A holder whose
    share is not among these is out, provided that enough of the others destroy their old shares: that is how a share is revoked.

    Here all shares are in one place for a moment. Where they must not be, let somebody make `updates`, hand each holder theirs,
    and have each holder call `refreshed`. With updates from several makers one honest maker is enough for secrecy: one who hands
    each holder their update unseen by the other makers, and forgets it. Whoever sees threshold - 1 of one maker's updates knows
    all of them, and could make others that undo them.

    It takes one dishonest maker to change the secret for everybody, since nobody sees whether an update is one of zero. An AMD
    code notices that when the new shares are combined; with integrity "none" nothing does.

    Shares that the dealer makes later are of the old epoch. Signatures are void: sign the new shares afresh.

    Parameters
    ----------
    shares : sequence of Share
        One of each holder who stays.

    Returns
    -------
    tuple of Share
        In the same order, an epoch later.

    Raises
    ------
    NotEnoughShares
        For fewer than the threshold: their new shares could never recover.
    InvalidInput
        For a participant who comes twice, or shares so long that too much would have to be drawn.
    Mismatch, ForkedDealer, InconsistentShares, BadShare
        When the shares are not of one secret, or not what their dealer signed.
    """
    check_together(shares)
    if len(shares) < shares[0].spec.threshold:
        raise NotEnoughShares(
            f"{shares[0].spec.threshold} holders must stay, got {len(shares)}: new shares combine with none but each other"
        )
    participants = [share.t for share in shares]
    made = {update.t: update for update in updates(shares[0], participants)}
    return tuple(refreshed(share, made[share.t]) for share in shares)


@proved("sharing.t5")
def updates(share: Share, participants: Iterable[int]) -> tuple[Share, ...]:
    """Shares of zero, one for each holder who stays: what `refreshed` adds to theirs. Draws from the operating system.

    Parameters
    ----------
    share : Share
        Any share of the secret; only what it says openly is used.
    participants : iterable of int
        Who stays.

    Returns
    -------
    tuple of Share
        They combine with nothing. Whoever keeps all of them can undo the refresh: hand them out and forget them.

    Raises
    ------
    InvalidInput
        For no participants, one who comes twice, or shares so long that too much would have to be drawn.

    Privacy
    -------
    Shares of the word zero with streams drawn afresh: any threshold - 1 old and any threshold - 1 new shares together have the
    same law for every secret. Theorem: sharing.t5.
    """
    spec = share.spec
    staying = [exact_int(t, name="each participant") for t in participants]
    if not staying or len(set(staying)) < len(staying):
        raise InvalidInput("name the participants who stay, each once")
    lengths = [spec.share_rows(t) for t in staying]
    extent = max(lengths)
    drawn = (spec.threshold - 1) * extent * spec.width
    _check_drawn(drawn)
    words = device_words()
    lineage = ((extent, words.main(0, NONCE, 8)),)
    digits = np.frombuffer(device_words().main(0, drawn, 8), dtype=np.uint8).reshape(spec.threshold - 1, extent, spec.width)
    zero = np.zeros((spec.rows, spec.width), dtype=np.uint8)
    return tuple(
        Share(
            spec=spec,
            dealer=_update_of(share),
            epoch=share.epoch + 1,
            t=t,
            lineage=lineage,
            kind="perfect",
            secure=is_secure(),
            payload=lanes.share(zero, spec.prefix_code.encode(t), [_stream(own) for own in digits], length).tobytes(),
        )
        for t, length in zip(staying, lengths, strict=True)
    )


@proved("sharing.t5")
def refreshed(share: Share, *made: Share) -> Share:
    """A holder's new share: the old one and every update that was made for them. Destroy the old one.

    Parameters
    ----------
    share : Share
        The holder's share.
    *made : Share
        What `updates` made for this holder, from each maker one, in any order. All holders must use updates of the same makers.

    Returns
    -------
    Share
        Of the next epoch, unsigned.

    Raises
    ------
    Mismatch
        For updates of another secret, epoch or participant, or none, or one update twice: the two would cancel.

    Privacy
    -------
    Adds a sharing of zero, so the word stays, if the makers gave one. See `refresh` for what must be true of them. Theorem:
    sharing.t5.
    """
    wanted = (share.spec, _update_of(share), share.epoch + 1, share.t)
    if not made or any((update.spec, update.dealer, update.epoch, update.t) != wanted for update in made):
        raise Mismatch("an update is for one secret, one epoch and one participant, and this is not the one for this share")
    if _repeated(made):
        raise Mismatch("one update comes twice, and the two cancel: each maker makes an update of their own")
    return _sum(share, made, dealer=share.dealer, epoch=share.epoch + 1)


@proved("sharing.t5")
def enroll(shares: Iterable[Share], t: int, *, expected: Iterable[int] | None = None, public_key: bytes | None = None) -> Share:
    """The share of somebody new, from as many shares as the threshold says, without the dealer.

    It is, byte for byte, the share that the dealer would give to participant t. Not every newcomer can be let in: the digits that
    the holders have may not be enough, see `privlib.sharing.newcomers.reach`.

    A wrong share spoils the newcomer's, also in digits that `privlib.sharing.recover.combine` does not look at. Signed shares are
    right if one of them is genuine, as there. Of unsigned ones one wrong share is noticed for certain, or with the certainty of
    the AMD code where there are as many as the threshold; two are not. This takes holders to spare: whoever is left out, the
    others must still know the whole share, and it must be the same.

    This recovers the secret on the way: whoever runs it could keep it. Take a number that the dealer has given and will give to
    nobody else, or retire the dealer first.

    Parameters
    ----------
    shares : iterable of Share
        At least as many as the threshold.
    t : int
        The newcomer.
    expected, public_key
        As for `privlib.sharing.recover.combine`, which refuses what this refuses.

    Returns
    -------
    Share
        Unsigned.

    Raises
    ------
    InvalidInput
        When these holders cannot compute the whole share, or confirm it, or t is one of them, or the plan wants signed shares.
    InconsistentShares
        When holders give different shares for the newcomer, and as for `privlib.sharing.recover.combine`.
    NotEnoughShares, Mismatch, ForkedDealer, BadShare
        As for `privlib.sharing.recover.combine`.

    Privacy
    -------
    The newcomer's share is a function of the dealer's word and streams, like every other. Theorem: sharing.t5.
    """
    given = tuple(shares)
    word = trusted_word(given, expected=expected, public_key=public_key)
    first, *_ = given
    spec = first.spec
    secret_of(spec, word)
    if spec.integrity == "signed":
        raise InvalidInput("the plan wants signed shares, and only the dealer signs: ask the dealer for this share")
    rows, sets = ways(spec, [share.t for share in given], t)
    wanted = spec.share_rows(t)
    if rows < wanted:
        raise InvalidInput(
            f"these holders can compute {rows} of the {wanted} rows of the share of participant {t}: take other holders, another "
            "number for the newcomer, or the dealer"
        )
    if all(share.public_key is not None for share in given):
        any_set, *_ = sets
        sets = (any_set,)
    else:
        sets = confirming(sets)
        if not sets or (spec.integrity == "none" and len(given) == spec.threshold):
            raise InvalidInput(
                "one wrong share would spoil the newcomer's unnoticed: unsigned shares need holders to spare, so that without "
                "any one of them the others know the whole share. Take more holders, signed shares, or the dealer"
            )
    secure = all(share.secure for share in given)
    made = [_through([given[place] for place in each], t, word, secure=secure) for each in sets]
    if any(share != made[0] for share in made):
        raise InconsistentShares(
            "these shares give different ones for the newcomer: one of them is wrong, and nothing is returned"
        )
    return made[0]


@proved("sharing.t5")
def _through(helpers: Sequence[Share], t: int, word: lanes.Rows, *, secure: bool) -> Share:
    """A newcomer's share from the word and one share fewer than the threshold.

    One of them is at least as long as the newcomer's, so its history is as long.

    Privacy
    -------
    A step of `enroll`: theorem sharing.t5.
    """
    one, code = helpers[0], helpers[0].spec.prefix_code
    code_words, wanted = [code.encode(share.t) for share in helpers], one.spec.share_rows(t)
    longest = max(helpers, key=lambda share: len(share.lineage)).lineage
    return Share(
        spec=one.spec,
        dealer=one.dealer,
        epoch=one.epoch,
        t=t,
        lineage=_cut(longest, wanted),
        kind=one.kind,
        secure=secure,
        payload=lanes.interpolate(code_words, list(map(rows_of, helpers)), code.encode(t), word, wanted).tobytes(),
    )


@proved("sharing.t5")
def _sum(share: Share, others: Sequence[Share], *, dealer: bytes, epoch: int) -> Share:
    """Shares of one participant added row by row; it is only as good as the worst of them.

    Privacy
    -------
    A step of `add` and `refreshed`: theorem sharing.t5.
    """
    rows = rows_of(share)
    for other in others:
        rows = rows ^ rows_of(other)
    kinds: set[Kind] = {each.kind for each in (share, *others)}
    return Share(
        spec=share.spec,
        dealer=dealer,
        epoch=epoch,
        t=share.t,
        lineage=_cut(_merged([each.lineage for each in (share, *others)]), len(rows)),
        kind="perfect" if kinds == {"perfect"} else "seeded",
        secure=all(each.secure for each in (share, *others)),
        payload=rows.tobytes(),
    )


def _repeated(made: Sequence[Share]) -> bool:
    """Whether one update is among them twice, by its nonce or by a payload too long to come twice by chance."""
    nonces = [nonce for update in made for _, nonce in update.lineage]
    payloads = [update.payload for update in made if len(update.payload) >= NONCE]
    return len(set(nonces)) < len(nonces) or len(set(payloads)) < len(payloads)


def _merged(histories: Sequence[Lineage]) -> Lineage:
    """All histories in one: the parts into which any cuts the rows, each with a digest of the nonces that made it, in no order.

    It covers the rows that all cover; a dealer without a history (seeded) covers all.
    """
    known = [own for own in histories if own]
    if len(known) < 2:
        return known[0] if known else ()
    last = min(own[-1][0] for own in known)
    found = list[tuple[int, bytes]]()
    for extent in sorted({extent for own in known for extent, _ in own if extent <= last}):
        nonces = sorted(next(nonce for reached, nonce in own if reached >= extent) for own in known)
        found.append((extent, sha256(_MERGED + b"".join(nonces)).digest()[:NONCE]))
    return tuple(found)


def _cut(lineage: Lineage, rows: int) -> Lineage:
    """As much of a history as a share of so many rows rests on."""
    needed = next((place for place, (extent, _) in enumerate(lineage, start=1) if extent >= rows), len(lineage))
    return lineage[:needed]


def _update_of(share: Share) -> bytes:
    """The name of the dealer of a secret's updates: another than the secret's, so that nobody combines the two."""
    return _named(_UPDATE, share)


def _named(label: bytes, *shares: Share) -> bytes:
    """A dealer's name that depends on the dealers and epochs of some shares, in no order."""
    names = sorted(share.dealer + share.epoch.to_bytes(8, "big") for share in shares)
    return sha256(label + b"".join(names)).digest()[:NONCE]


def _stream(digits: lanes.Rows) -> lanes.Stream:
    return lambda start, stop: digits[start:stop]


def _check_drawn(size: int) -> None:
    if size > MOST_DRAWN:
        raise InvalidInput(f"a refresh would draw {size} bytes, more than {MOST_DRAWN}: share the secret afresh instead")

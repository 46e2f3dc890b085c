"""``privlib share``: split a secret among holders, add more of them for ever, recover it. Secrets come from files or stdin."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from privlib.cli.files import check_outputs
from privlib.cli.share_files import (
    STDIN,
    SUFFIXES,
    hand_out,
    public_key,
    read_secret,
    read_share,
    refuse_existing,
    room_for,
    unlocking,
    unused_names,
    write_private,
)
from privlib.cli.show import as_json_option, example, print_json, print_table
from privlib.errors import BadShare, PrivlibError

__all__ = ["share"]

_PATH = click.Path(path_type=Path)
key_option = click.option("--key-file", type=_PATH, metavar="F", help="A file of 32 random bytes that opens the dealer's state.")
phrase_option = click.option(
    "--passphrase-file", type=_PATH, metavar="F", help="Or a file with a passphrase; without either it is asked for."
)
into_option = click.option(
    "--into", type=_PATH, default=Path(), metavar="DIR", help="The folder for the shares' files; this one by default."
)
form_option = click.option(
    "--form",
    type=click.Choice(list(SUFFIXES)),
    default="binary",
    show_default=True,
    help="text: lines for paper and QR codes; words: for secrets of at most 64 bytes.",
)
signer_option = click.option(
    "--signed-by", metavar="HEX", help="The dealer's public key, from where you trust it: every share must carry its signature."
)


@click.group()
def share() -> None:
    """Secret sharing without a last participant: any THRESHOLD holders recover, fewer learn nothing."""


@share.command(epilog=example("privlib share split key.bin --threshold 3 --out dealer.state --shares 5"))
@click.argument("secret", type=_PATH)
@click.option("--threshold", type=int, required=True, metavar="K", help="How many holders recover the secret.")
@click.option(
    "--out", "state", type=_PATH, required=True, metavar="F", help="The dealer's state, a new file; keep it like the secret."
)
@click.option(
    "--shares", type=click.IntRange(min=0), metavar="N", help="How many shares to make now, for holder-1, holder-2, ..."
)
@click.option("--holder", "holders", multiple=True, metavar="NAME", help="Or whom they are for; may be given again and again.")
@click.option("--code", default="delta", show_default=True, help="The prefix code of participant numbers.")
@click.option(
    "--layout", type=click.Choice(["paper", "compact"]), default="paper", show_default=True, help="How long shares are."
)
@click.option(
    "--integrity",
    type=click.Choice(["amd", "none", "signed"]),
    default="amd",
    show_default=True,
    help="How changed shares are noticed.",
)
@click.option("--unsigned", is_flag=True, help="Shares 96 bytes shorter; combine then wants --expected, or one share more.")
@click.option("--seeded", is_flag=True, help="A small state; secrecy then rests on AES, no longer on nothing.")
@into_option
@form_option
@key_option
@phrase_option
def split(
    *,
    secret: Path,
    threshold: int,
    state: Path,
    shares: int | None,
    holders: tuple[str, ...],
    code: str,
    layout: str,
    integrity: str,
    unsigned: bool,
    seeded: bool,
    into: Path,
    form: str,
    key_file: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Make a dealer for SECRET, a file or - for stdin, and its first shares."""
    from privlib.sharing import Dealer

    if shares is not None and holders:
        raise click.UsageError("give --shares or --holder, not both")
    names = list(holders) or [f"holder-{place + 1}" for place in range(shares or 0)]
    refuse_existing([state])
    room_for(names, into, form, inputs=[state])
    opened_by = unlocking(key_file, passphrase_file, new=True)
    dealer = Dealer(
        read_secret(secret),
        threshold=threshold,
        code=code,
        layout=layout,
        integrity=integrity,
        mode="seeded" if seeded else "perfect",
        sign=False if unsigned else None,
        path=state,
        **opened_by,
    )
    click.echo(dealer.spec.explain(), err=True)
    if dealer.public_key is not None:
        click.echo(f"the dealer's public key, to be published: {dealer.public_key.hex()}", err=True)
    hand_out(dealer, names, into, form)


@share.command(epilog=example("privlib share add dealer.state --holder zoe"))
@click.argument("state", type=_PATH)
@click.option("--shares", type=click.IntRange(min=1), metavar="N", help="How many more, named on from those before.")
@click.option("--holder", "holders", multiple=True, metavar="NAME", help="Or whom for. Who has a share gets the same one again.")
@into_option
@form_option
@key_option
@phrase_option
def add(
    *,
    state: Path,
    shares: int | None,
    holders: tuple[str, ...],
    into: Path,
    form: str,
    key_file: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Add holders to the dealer in STATE: one, or as many as wanted, whenever it is. No share given before changes."""
    from privlib.sharing import Dealer

    if (shares is not None) == bool(holders):
        raise click.UsageError("give --shares or --holder, one of them")
    dealer = Dealer.open(state, **unlocking(key_file, passphrase_file, new=False))
    names = list(holders) or unused_names(dealer, shares or 0)
    room_for(names, into, form, inputs=[state])
    hand_out(dealer, names, into, form)


@share.command(epilog=example("privlib share combine alice.share bob.share zoe.share --expected 1,2,8 --out key.bin"))
@click.argument("shares", nargs=-1, required=True, type=_PATH)
@click.option("--expected", metavar="T,T,...", help="The participant numbers that you know these holders to have.")
@signer_option
@click.option("--out", type=_PATH, metavar="F", help="Write the secret to this new file, which its owner alone can read.")
def combine(*, shares: tuple[Path, ...], expected: str | None, signed_by: str | None, out: Path | None) -> None:
    """Recover the secret from SHARES, files or - for stdin. Nothing is written unless all is well."""
    from privlib.sharing import combine as recover

    if out is not None:
        check_outputs([out], inputs=list(shares))
        refuse_existing([out])
    elif sys.stdout.isatty():
        raise click.UsageError("secrets are not shown on a terminal: give --out FILE, or a pipe")
    found = [read_share(file) for file in shares]
    secret = recover(found, expected=_numbers(expected), public_key=public_key(signed_by))
    if out is None:
        sys.stdout.buffer.write(secret)
        sys.stdout.buffer.flush()
    else:
        write_private(out, secret)


@share.command(epilog=example("privlib share refresh alice.share bob.share zoe.share --into fresh"))
@click.argument("shares", nargs=-1, required=True, type=_PATH)
@click.option("--into", type=_PATH, required=True, metavar="DIR", help="The folder for the new shares, under the same names.")
def refresh(*, shares: tuple[Path, ...], into: Path) -> None:
    """Make new shares of the same secret for those who stay; old and new ones do not combine. Destroy the old ones.

    Give one share of each holder who stays, at least as many as recover. The new ones are not signed: combine them with
    --expected. The dealer goes on making shares of the old epoch; to add people later, recover the secret and make a new dealer.
    """
    from privlib.sharing import refresh as renewed

    files = [into / f"{file.stem}{SUFFIXES['binary']}" for file in shares]
    into.mkdir(exist_ok=True)
    check_outputs(files, inputs=list(shares))
    refuse_existing(files)
    for fresh, file in zip(renewed([read_share(file) for file in shares]), files, strict=True):
        fresh.save(file)
        click.echo(f"{file}: participant {fresh.t}, epoch {fresh.epoch}")


@share.command(epilog=example("privlib share verify *.share --signed-by 5f1c..."))
@click.argument("shares", nargs=-1, required=True, type=_PATH)
@signer_option
@as_json_option
def verify(*, shares: tuple[Path, ...], signed_by: str | None, as_json: bool) -> None:
    """Check that SHARES are whole, rightly signed, of one dealer, and do not contradict each other. The secret is not shown.

    Unsigned shares, and no more of them than the threshold, cannot show that they are right.
    """
    from privlib.sharing.recover import check_together

    key, rows, good, failed = public_key(signed_by), list[dict[str, Any]](), list[Any](), False
    for file in shares:
        row: dict[str, Any] = {"file": str(file), "participant": None}
        try:
            found = read_share(file)
            row["participant"] = found.t
            signer = found.public_key if key is None else key
            if signer is not None:
                found.verify(public_key=signer)
            row["verdict"] = (
                "whole, not signed" if signer is None else "whole, signed" if key is None else "whole, signed by the dealer"
            )
            good.append(found)
        except BadShare as error:
            failed, row["verdict"] = True, str(error).removeprefix(f"{file}: ")
        rows.append(row)
    together = "consistent with each other"
    try:
        if good:
            check_together(good)
    except (PrivlibError, ValueError) as error:
        failed, together = True, str(error)
    together = together if good else "none of these is a share"
    together += " (those that are shares)" if good and len(good) < len(rows) else ""
    if as_json:
        print_json({"shares": rows, "together": together, "ok": not failed})
    else:
        print_table(
            ["file", "participant", "verdict"],
            [[row["file"], "" if row["participant"] is None else str(row["participant"]), row["verdict"]] for row in rows],
        )
        click.echo(together)
    if failed:
        raise SystemExit(1)


@share.command(epilog=example("privlib share recover dealer.state --skip 20 --passphrase-file phrase"))
@click.argument("state", type=_PATH)
@click.option(
    "--skip", type=click.IntRange(min=0), metavar="N", help="At least as many as may have joined since the backup was made."
)
@click.option("--issued", multiple=True, metavar="NAME=FILE", help="Or all shares given out since, each with its holder's name.")
@key_option
@phrase_option
def recover(
    *, state: Path, skip: int | None, issued: tuple[str, ...], key_file: Path | None, passphrase_file: Path | None
) -> None:
    """Go on with a dealer whose STATE was restored from a backup or moved. Nobody may go on with the one that it replaces."""
    from privlib.sharing import Dealer

    if (skip is not None) == bool(issued):
        raise click.UsageError("give --skip or --issued, one of them: no number may be given out twice")
    named = dict[str, Any]()
    for one in issued:
        name, found, file = one.partition("=")
        if not found:
            raise click.UsageError("--issued takes a holder's name and the file of the share, such as --issued ann=ann.share")
        named[name] = read_share(Path(file))
    dealer = Dealer.recover(state, skip=skip, issued=named or None, **unlocking(key_file, passphrase_file, new=False))
    click.echo(f"{state}: recovered, {len(dealer.issued)} holders known")


@share.command(epilog=example("privlib share seal archive.tar --out archive.sealed --secret archive.key"))
@click.argument("file", type=_PATH)
@click.option("--out", type=_PATH, required=True, metavar="F", help="The sealed file, which may be public.")
@click.option("--secret", type=_PATH, required=True, metavar="F", help="A new file for the 32 bytes that open it: share these.")
def seal(*, file: Path, out: Path, secret: Path) -> None:
    """Encrypt FILE under a fresh secret, which is then shared: shares stay tiny, and secrecy rests on AES."""
    from privlib.sharing.hybrid import seal_file

    check_outputs([out, secret], inputs=[file])
    refuse_existing([out, secret])
    write_private(secret, seal_file(file, out))
    click.echo(f"{out}: sealed; share {secret}, then destroy it: privlib share split {secret} ...")


@share.command("open", epilog=example("privlib share open archive.sealed --secret archive.key --out archive.tar"))
@click.argument("file", type=_PATH)
@click.option("--secret", type=_PATH, default=STDIN, metavar="F", help="The secret, from combine; stdin by default.")
@click.option("--out", type=_PATH, required=True, metavar="F", help="The new file.")
def unseal(*, file: Path, secret: Path, out: Path) -> None:
    """Decrypt FILE, which seal made. Nothing appears unless all of it is right."""
    from privlib.sharing.hybrid import open_file

    open_file(file, out, secret=read_secret(secret))
    click.echo(f"{out}: opened")


@share.command(epilog=example("privlib share inspect alice.share"))
@click.argument("file", type=_PATH)
@as_json_option
def inspect(*, file: Path, as_json: bool) -> None:
    """What the share in FILE says openly; nothing of its payload."""
    found = read_share(file).inspect()
    if as_json:
        print_json(found)
        return
    print_table(["field", "value"], [[name.replace("_", " "), _shown(value)] for name, value in found.items()])


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} extensions"
    return "no" if value is None or value is False else "yes" if value is True else str(value)


def _numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise click.UsageError("--expected takes participant numbers with commas between, such as 1,2,8") from None

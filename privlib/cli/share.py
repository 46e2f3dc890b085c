"""``privlib share``: split a secret among holders, add more of them for ever, recover it. Secrets come from files or stdin."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privlib.cli.files import check_outputs
from privlib.cli.show import as_json_option, example, print_json, print_table
from privlib.errors import BadShare, InvalidInput

if TYPE_CHECKING:
    from privlib.sharing import Dealer, Share

__all__ = ["share"]

_PATH = click.Path(path_type=Path)
_STDIN = Path("-")
_SUFFIXES = {"binary": ".share", "text": ".txt", "words": ".words"}
_TEXT = "share-"  # with which the text form begins; no word does
_LONGEST_LINE = 4096  # of a file with a key or a passphrase
key_option = click.option("--key-file", type=_PATH, metavar="F", help="A file of 32 random bytes that opens the dealer's state.")
phrase_option = click.option(
    "--passphrase-file", type=_PATH, metavar="F", help="Or a file with a passphrase; without either it is asked for."
)
into_option = click.option(
    "--into", type=_PATH, default=Path(), metavar="DIR", help="The folder for the shares' files; this one by default."
)
form_option = click.option(
    "--form",
    type=click.Choice(list(_SUFFIXES)),
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
    check_outputs(_files(names, into, form), inputs=[state])
    _refuse_existing([*_files(names, into, form), state])
    unlocking = _unlocking(key_file, passphrase_file, new=True)
    dealer = Dealer(
        _secret(secret),
        threshold=threshold,
        code=code,
        layout=layout,
        integrity=integrity,
        mode="seeded" if seeded else "perfect",
        sign=False if unsigned else None,
        path=state,
        **unlocking,
    )
    click.echo(dealer.spec.explain(), err=True)
    if dealer.public_key is not None:
        click.echo(f"the dealer's public key, to be published: {dealer.public_key.hex()}", err=True)
    _hand_out(dealer, names, into, form)


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
    dealer = Dealer.open(state, **_unlocking(key_file, passphrase_file, new=False))
    before = len(dealer.issued)
    names = list(holders) or [f"holder-{before + place + 1}" for place in range(shares or 0)]
    check_outputs(_files(names, into, form), inputs=[state])
    _refuse_existing(_files(names, into, form))
    _hand_out(dealer, names, into, form)


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
        _refuse_existing([out])
    elif sys.stdout.isatty():
        raise click.UsageError("secrets are not shown on a terminal: give --out FILE, or a pipe")
    found = [_read(file) for file in shares]
    secret = recover(found, expected=_numbers(expected), public_key=_hex(signed_by))
    if out is None:
        sys.stdout.buffer.write(secret)
        sys.stdout.buffer.flush()
    else:
        _write_private(out, secret)


@share.command(epilog=example("privlib share refresh alice.share bob.share zoe.share --into fresh"))
@click.argument("shares", nargs=-1, required=True, type=_PATH)
@click.option("--into", type=_PATH, required=True, metavar="DIR", help="The folder for the new shares, under the same names.")
def refresh(*, shares: tuple[Path, ...], into: Path) -> None:
    """Make new shares of the same secret for those who stay; old and new ones do not combine. Destroy the old ones.

    Give one share of each holder who stays. The new ones are not signed: combine them with --expected. The dealer goes on making
    shares of the old epoch.
    """
    from privlib.sharing import refresh as renewed

    files = [into / f"{file.stem}{_SUFFIXES['binary']}" for file in shares]
    check_outputs(files, inputs=list(shares))
    _refuse_existing(files)
    for fresh, file in zip(renewed([_read(file) for file in shares]), files, strict=True):
        fresh.save(file)
        click.echo(f"{file}: participant {fresh.t}, epoch {fresh.epoch}")


@share.command(epilog=example("privlib share verify *.share --signed-by 5f1c..."))
@click.argument("shares", nargs=-1, required=True, type=_PATH)
@signer_option
@as_json_option
def verify(*, shares: tuple[Path, ...], signed_by: str | None, as_json: bool) -> None:
    """Check that SHARES are whole, of one dealer, and do not contradict each other. The secret is not recovered.

    Fewer shares than the threshold cannot show that they are right; signatures can.
    """
    from privlib.sharing.recover import check_together

    key, rows, failed, good = _hex(signed_by), list[dict[str, Any]](), False, list[Any]()
    for file in shares:
        row: dict[str, Any] = {"file": str(file)}
        try:
            found = _read(file)
            row["participant"] = found.t
            if key is not None:
                found.verify(public_key=key)
            good.append(found)
            row["verdict"] = "whole, signature right" if key is not None else "whole"
        except BadShare as error:
            failed, row["verdict"] = True, str(error)
        rows.append(row)
    together = ""
    try:
        check_together(good)
    except ValueError as error:
        failed, together = True, str(error)
    if as_json:
        print_json({"shares": rows, "together": together or "consistent", "ok": not failed})
    else:
        print_table(
            ["file", "participant", "verdict"], [[row["file"], str(row.get("participant", "")), row["verdict"]] for row in rows]
        )
        click.echo(together or "consistent with each other")
    if failed:
        raise SystemExit(1)


@share.command(epilog=example("privlib share inspect alice.share"))
@click.argument("file", type=_PATH)
@as_json_option
def inspect(*, file: Path, as_json: bool) -> None:
    """What the share in FILE says openly; nothing of its payload."""
    found = _read(file).inspect()
    if as_json:
        print_json(found)
        return
    print_table(["field", "value"], [[name.replace("_", " "), _shown(value)] for name, value in found.items()])


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} extensions"
    return "no" if value is None or value is False else "yes" if value is True else str(value)


def _hand_out(dealer: Dealer, names: Sequence[str], into: Path, form: str) -> None:
    for name, file in zip(names, _files(names, into, form), strict=True):
        made = dealer.issue(name)
        if form == "binary":
            made.save(file)
        else:
            _write_private(file, ((made.to_text() if form == "text" else made.to_words()) + "\n").encode())
        click.echo(f"{file}: participant {made.t}, {len(made.payload)} bytes")


def _files(names: Sequence[str], into: Path, form: str) -> list[Path]:
    for name in names:
        if name in (".", "..") or any(letter in name for letter in "/\\\0") or not name.strip():
            raise click.UsageError("a holder's name becomes a file's name: it cannot be empty or hold a slash")
    return [into / f"{name}{_SUFFIXES[form]}" for name in names]


def _refuse_existing(files: Sequence[Path]) -> None:
    for file in files:
        if os.path.lexists(file):
            raise InvalidInput(f"there is something at {str(file)!r} already: shares, states and secrets are never overwritten")


def _secret(file: Path) -> bytes:
    secret = sys.stdin.buffer.read() if file == _STDIN else file.read_bytes()
    if not secret:
        raise InvalidInput("the secret is empty")
    return secret


def _read(file: Path) -> Share:
    """A share from a file, whichever of the three forms it has."""
    from privlib.sharing import Share

    data = sys.stdin.buffer.read() if file == _STDIN else file.read_bytes()
    try:
        if file.suffix in (".txt", ".words") or (file == _STDIN and data.isascii()):
            text = data.decode("ascii", errors="replace").strip("\n")
            return Share.from_text(text) if text.startswith(_TEXT) else Share.from_words(text)
        return Share.from_bytes(data)
    except BadShare as error:
        raise BadShare(f"{'stdin' if file == _STDIN else str(file)}: {error}") from None


def _write_private(file: Path, content: bytes) -> None:
    """Write a new file that its owner alone can read, whole or not at all."""
    descriptor, name = tempfile.mkstemp(prefix=".privlib-", dir=file.resolve().parent)
    made = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(made, file)  # fails where the name is taken
        except FileExistsError:
            raise InvalidInput(f"there is something at {str(file)!r} already: it is never overwritten") from None
    finally:
        made.unlink(missing_ok=True)


def _unlocking(key_file: Path | None, passphrase_file: Path | None, *, new: bool) -> dict[str, Any]:
    if key_file is not None and passphrase_file is not None:
        raise click.UsageError("give --key-file or --passphrase-file, not both")
    if key_file is not None:
        return {"key": _short(key_file)}
    if passphrase_file is not None:
        return {"passphrase": _short(passphrase_file).decode("utf-8", errors="replace").rstrip("\r\n")}
    if not sys.stdin.isatty():
        raise click.UsageError("the dealer's state is sealed: give --key-file or --passphrase-file, or a terminal to ask at")
    return {"passphrase": click.prompt("Passphrase of the dealer's state", hide_input=True, confirmation_prompt=new, err=True)}


def _short(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_LONGEST_LINE)


def _numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise click.UsageError("--expected takes participant numbers with commas between, such as 1,2,8") from None


def _hex(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise click.UsageError("--signed-by takes a public key as hexadecimal digits") from None

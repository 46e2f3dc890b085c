"""Shares, states and secrets as files of ``privlib share``: three forms of a share, what opens a state, and private writing."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from privlib.cli.files import check_outputs
from privlib.errors import BadShare, InvalidInput

if TYPE_CHECKING:
    from privlib.sharing import Dealer, Share

__all__ = [
    "STDIN",
    "SUFFIXES",
    "hand_out",
    "public_key",
    "read_secret",
    "read_share",
    "refuse_existing",
    "room_for",
    "unlocking",
    "unused_names",
    "write_private",
]

STDIN = Path("-")
"""What stands for the standard input."""
SUFFIXES = {"binary": ".share", "text": ".txt", "words": ".words"}
"""How the files of each form end."""
_TEXT = "share"  # with which the text form begins; no word does
_LINE = 8  # groups or words in a line of paper
_LONGEST_LINE = 4096  # of a file with a key or a passphrase


def hand_out(dealer: Dealer, names: Sequence[str], into: Path, form: str) -> None:
    """Issue a share to each holder and write it."""
    for name, file in zip(names, _files(names, into, form), strict=True):
        made = dealer.issue(name)
        if form == "binary":
            made.save(file)
        else:
            write_private(file, _on_paper(made, form).encode())
        click.echo(f"{file}: participant {made.t}, {len(made.payload)} bytes")


def unused_names(dealer: Dealer, count: int) -> list[str]:
    """The next names of the form holder-7 that nobody has: who has a name gets no new share, and two people would have one."""
    numbered = (f"holder-{place}" for place in itertools.count(len(dealer.issued) + 1))
    return list(itertools.islice((name for name in numbered if dealer.participant(name) is None), count))


def room_for(names: Sequence[str], into: Path, form: str, *, inputs: Sequence[Path]) -> None:
    """Make the folder, and refuse names that cannot be files, or are."""
    files = _files(names, into, form)
    into.mkdir(exist_ok=True)
    check_outputs(files, inputs=inputs)
    refuse_existing(files)


def _files(names: Sequence[str], into: Path, form: str) -> list[Path]:
    for name in names:
        if name in (".", "..") or any(letter in name for letter in "/\\\0") or not name.strip():
            raise click.UsageError("a holder's name becomes a file's name: it cannot be empty or hold a slash")
    return [into / f"{name}{SUFFIXES[form]}" for name in names]


def _on_paper(made: Share, form: str) -> str:
    """Text or words in short lines, under two that say what they are; `read_share` takes them however they are broken."""
    written = made.to_text() if form == "text" else made.to_words()
    lines = [f"# A share for participant {made.t}; {made.spec.threshold} such shares recover the secret. Keep it like a key."]
    lines += [f"# To type it in: privlib share combine FILE ..., in a file that ends in {SUFFIXES[form]}"]
    for line in written.splitlines():
        groups = line.split("-")
        lines += [
            "-".join(groups[start : start + _LINE]) + ("-" if start + _LINE < len(groups) else "")
            for start in range(0, len(groups), _LINE)
        ]
    return "\n".join(lines) + "\n"


def read_share(file: Path) -> Share:
    """A share from a file, whichever of the three forms it has."""
    from privlib.sharing import Share
    from privlib.sharing.text import tidy, tidy_words

    data = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    try:
        if file.suffix not in (".txt", ".words") and not (file == STDIN and data.isascii()):
            return Share.from_bytes(data)
        typed = data.decode("ascii", errors="replace").splitlines()
        text = "\n".join(line for line in typed if not line.lstrip().startswith("#"))
        return Share.from_text(tidy(text)) if text.lower().lstrip().startswith(_TEXT) else Share.from_words(tidy_words(text))
    except BadShare as error:
        raise BadShare(f"{'stdin' if file == STDIN else str(file)}: {error}") from None


def read_secret(file: Path) -> bytes:
    """The secret in a file or on stdin."""
    secret = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    if not secret:
        raise InvalidInput("the secret is empty")
    return secret


def refuse_existing(files: Sequence[Path]) -> None:
    """Refuse to overwrite anything."""
    for file in files:
        if os.path.lexists(file):
            raise InvalidInput(f"there is something at {str(file)!r} already: shares, states and secrets are never overwritten")


def write_private(file: Path, content: bytes) -> None:
    """Write a new file that its owner alone can read; what is killed in between leaves nothing."""
    from privlib.sharing.whole import NewFile, publish

    with NewFile(file) as new:
        new.write(content)
        publish([new])


def unlocking(key_file: Path | None, passphrase_file: Path | None, *, new: bool) -> dict[str, Any]:
    """What opens a dealer's state: a key or a passphrase, from a file or asked for."""
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


def public_key(text: str | None) -> bytes | None:
    """A public key as hexadecimal digits."""
    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise click.UsageError("--signed-by takes a public key as hexadecimal digits") from None

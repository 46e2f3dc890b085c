"""``privlib share``: real files, real states, and refusals that leave nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call

SECRET = b"\x00the key of the archive\xff\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "key").write_bytes(bytes(range(32)))
    return tmp_path


def split(privlib: Call, *options: str) -> None:
    done = privlib("share", "split", "secret", "--threshold", "2", "--out", "state", "--key-file", "key", *options)
    assert done.exit_code == 0, done.stderr


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_holders_recover_whoever_they_are_and_whenever_they_joined(privlib: Call, folder: Path) -> None:
    split(privlib, "--holder", "ann", "--holder", "bob")
    added = privlib("share", "add", "state", "--shares", "2", "--key-file", "key")
    assert added.exit_code == 0, added.stderr
    for pair in (("ann", "bob"), ("bob", "holder-3"), ("holder-4", "ann")):
        done = privlib("share", "combine", *(f"{name}.share" for name in pair))
        assert done.exit_code == 0, done.stderr
        assert done.stdout_bytes == SECRET


def test_every_form_is_read_again(privlib: Call, folder: Path) -> None:
    split(privlib, "--holder", "ann", "--form", "text")
    assert privlib("share", "add", "state", "--holder", "bob", "--form", "words", "--key-file", "key").exit_code == 0
    assert privlib("share", "combine", "ann.txt", "bob.words").stdout_bytes == SECRET
    text = (folder / "ann.txt").read_text()
    assert privlib("share", "combine", "-", "bob.words", stdin=text).stdout_bytes == SECRET


def test_a_misread_letter_is_pointed_at(privlib: Call, folder: Path) -> None:
    split(privlib, "--holder", "ann", "--form", "text")
    text = (folder / "ann.txt").read_text()
    place = len(text) // 2 + (text[len(text) // 2] == "-")
    (folder / "ann.txt").write_text(text[:place] + ("q" if text[place] != "q" else "p") + text[place + 1 :])
    done = privlib("share", "inspect", "ann.txt")
    assert done.exit_code == 3
    assert "letter" in done.stderr
    assert text[place - 5 : place + 5] not in done.stderr


def test_what_a_share_says_openly_is_not_its_payload(privlib: Call, folder: Path) -> None:
    split(privlib, "--holder", "ann")
    said = privlib("share", "inspect", "ann.share", "--json")
    found = json.loads(said.stdout)
    assert (found["participant"], found["threshold"], found["kind"]) == (1, 2, "perfect")
    raw = (folder / "ann.share").read_bytes()
    assert not any(raw[place : place + 8].hex() in said.stdout for place in range(150, len(raw) - 8))
    assert "participant" in privlib("share", "inspect", "ann.share").stdout


def test_unsigned_shares_need_their_participants(privlib: Call, folder: Path) -> None:
    split(privlib, "--shares", "3", "--unsigned")
    alone = privlib("share", "combine", "holder-1.share", "holder-2.share", "--out", "again")
    assert alone.exit_code == 2
    assert "expected" in alone.stderr
    wrong = privlib("share", "combine", "holder-1.share", "holder-2.share", "--expected", "1,3", "--out", "again")
    assert wrong.exit_code == 3
    assert not (folder / "again").exists()
    assert privlib("share", "combine", "holder-1.share", "holder-2.share", "--expected", "1,2").stdout_bytes == SECRET
    assert privlib("share", "combine", *(f"holder-{t}.share" for t in (1, 2, 3))).stdout_bytes == SECRET


def test_a_changed_share_is_named(privlib: Call, folder: Path) -> None:
    split(privlib, "--shares", "2")
    raw = bytearray((folder / "holder-2.share").read_bytes())
    raw[-120] ^= 1
    (folder / "forged.share").write_bytes(raw)
    verdict = privlib("share", "verify", "holder-1.share", "forged.share", "--json")
    assert verdict.exit_code == 1
    found = json.loads(verdict.stdout)
    assert [row["verdict"].startswith("whole") for row in found["shares"]] == [True, False]
    assert not found["ok"]
    whole = privlib("share", "verify", "holder-1.share", "holder-2.share")
    assert whole.exit_code == 0
    assert "consistent" in whole.stdout


def test_the_dealers_key_is_the_one_that_counts(privlib: Call, folder: Path) -> None:
    split(privlib, "--shares", "2")
    signer = json.loads(privlib("share", "inspect", "holder-1.share", "--json").stdout)["signed_by"]
    files = ("holder-1.share", "holder-2.share")
    assert privlib("share", "combine", *files, "--signed-by", signer).stdout_bytes == SECRET
    assert privlib("share", "verify", *files, "--signed-by", signer).exit_code == 0
    other = "00" * 32
    assert privlib("share", "combine", *files, "--signed-by", other, "--out", "x").exit_code == 3
    assert privlib("share", "verify", *files, "--signed-by", other).exit_code == 1
    assert privlib("share", "combine", *files, "--signed-by", "xyz").exit_code == 2


def test_refreshed_shares_leave_the_old_ones_behind(privlib: Call, folder: Path) -> None:
    split(privlib, "--shares", "3")
    (folder / "fresh").mkdir()
    assert privlib("share", "refresh", "holder-1.share", "holder-2.share", "--into", "fresh").exit_code == 0
    both = ("fresh/holder-1.share", "fresh/holder-2.share")
    assert privlib("share", "combine", *both, "--expected", "1,2").stdout_bytes == SECRET
    mixed = privlib("share", "combine", "holder-3.share", "fresh/holder-1.share", "--expected", "1,3")
    assert mixed.exit_code == 3
    assert "epoch" in mixed.stderr


def test_a_secret_may_come_from_a_pipe(privlib: Call, folder: Path) -> None:
    done = privlib(
        "share",
        "split",
        "-",
        "--threshold",
        "2",
        "--out",
        "state",
        "--key-file",
        "key",
        "--shares",
        "2",
        stdin=SECRET,
    )
    assert done.exit_code == 0, done.stderr
    assert privlib("share", "combine", "holder-1.share", "holder-2.share").stdout_bytes == SECRET


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--threshold", "1"), 2),
        (("--threshold", "2", "--shares", "2", "--holder", "ann"), 2),
        (("--threshold", "2", "--holder", "../ann"), 2),
        (("--threshold", "2", "--holder", ""), 2),
        (("--threshold", "2", "--code", "morse"), 2),
        (("--threshold", "2", "--holder", "secret-there"), 2),
        (("--threshold", "2", "--passphrase-file", "key"), 2),
    ],
)
def test_what_cannot_be_leaves_no_state_behind(privlib: Call, folder: Path, options: tuple[str, ...], code: int) -> None:
    (folder / "secret-there.share").write_bytes(b"")
    before = names(folder)
    done = privlib("share", "split", "secret", "--out", "state", "--key-file", "key", *options)
    assert done.exit_code == code, done.stderr
    assert names(folder) == before


def test_a_state_opens_with_its_key_alone(privlib: Call, folder: Path) -> None:
    split(privlib)
    (folder / "other").write_bytes(bytes(32))
    (folder / "short").write_bytes(bytes(31))
    (folder / "phrase").write_text("correct horse\n")
    for options, code in (
        (("--key-file", "other"), 3),
        (("--key-file", "short"), 2),
        (("--passphrase-file", "phrase"), 3),
        ((), 2),
    ):
        done = privlib("share", "add", "state", "--holder", "ann", *options)
        assert done.exit_code == code, done.stderr
        assert not (folder / "ann.share").exists()


def test_nothing_is_overwritten(privlib: Call, folder: Path) -> None:
    split(privlib, "--shares", "2")
    before = {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.startswith("state")}
    assert privlib("share", "add", "state", "--holder", "holder-1", "--key-file", "key").exit_code == 2
    assert privlib("share", "combine", "holder-1.share", "holder-2.share", "--out", "secret").exit_code == 2
    assert privlib("share", "split", "secret", "--threshold", "2", "--out", "state", "--key-file", "key").exit_code in (2, 3)
    assert {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.startswith("state")} == before


def test_too_few_shares_and_files_that_are_none_are_refused(privlib: Call, folder: Path) -> None:
    split(privlib, "--shares", "1")
    few = privlib("share", "combine", "holder-1.share", "--out", "x")
    assert few.exit_code == 3
    assert "2 shares are needed" in few.stderr
    none = privlib("share", "combine", "holder-1.share", "secret", "--out", "x")
    assert none.exit_code == 3
    assert privlib("share", "combine", "nowhere.share", "--out", "x").exit_code == 3
    assert not (folder / "x").exists()


def test_too_few_or_forged_shares_are_not_refreshed(privlib: Call, folder: Path) -> None:
    split(privlib, "--shares", "3")
    raw = bytearray((folder / "holder-2.share").read_bytes())
    raw[-100] ^= 1
    (folder / "forged.share").write_bytes(raw)
    for shares in (("holder-1.share",), ("holder-1.share", "forged.share")):
        done = privlib("share", "refresh", *shares, "--into", "fresh")
        assert done.exit_code == 3, done.output
        assert not list((folder / "fresh").iterdir())


def test_a_restored_state_goes_on_only_when_told_what_was_given_out(privlib: Call, folder: Path) -> None:
    split(privlib, "--holder", "ann")
    (folder / "backup").mkdir()
    for name in ("state", "state.head"):
        (folder / "backup" / name).write_bytes((folder / name).read_bytes())
    assert privlib("share", "add", "state", "--holder", "bob", "--key-file", "key").exit_code == 0
    refused = privlib("share", "add", "backup/state", "--holder", "carl", "--key-file", "key")
    assert refused.exit_code == 3
    assert "privlib share recover" in refused.stderr
    for options in ((), ("--skip", "1", "--issued", "bob=bob.share"), ("--issued", "bob.share")):
        assert privlib("share", "recover", "backup/state", "--key-file", "key", *options).exit_code == 2
    told = privlib("share", "recover", "backup/state", "--key-file", "key", "--issued", "bob=bob.share")
    assert told.exit_code == 0, told.stderr
    added = privlib("share", "add", "backup/state", "--holder", "carl", "--key-file", "key")
    assert "participant 3" in added.stdout
    assert privlib("share", "combine", "bob.share", "carl.share").stdout_bytes == SECRET


def test_a_file_is_sealed_and_opened_with_the_secret_that_was_shared(privlib: Call, folder: Path) -> None:
    assert privlib("share", "seal", "secret", "--out", "sealed", "--secret", "opens").exit_code == 0
    assert SECRET not in (folder / "sealed").read_bytes()
    assert privlib("share", "open", "sealed", "--secret", "opens", "--out", "again").exit_code == 0
    assert (folder / "again").read_bytes() == SECRET
    (folder / "other").write_bytes(bytes(32))
    assert privlib("share", "open", "sealed", "--secret", "other", "--out", "x").exit_code != 0
    assert privlib("share", "seal", "secret", "--out", "sealed", "--secret", "new").exit_code == 2
    assert not (folder / "x").exists()
    assert not (folder / "new").exists()


@pytest.mark.parametrize("form", ["text", "words"])
def test_paper_is_read_however_it_was_typed(privlib: Call, folder: Path, form: str) -> None:
    split(privlib, "--holder", "ann", "--holder", "bob", "--form", form)
    for name in ("ann", "bob"):
        (paper,) = folder.glob(f"{name}.*")
        typed = paper.read_text()
        assert max(map(len, typed.splitlines())) < 130
        body = "".join(line for line in typed.splitlines(keepends=True) if not line.startswith("#"))
        joined = body.upper().replace("-\n", "\n").replace("-", " ")
        paper.write_text("# typed from paper\n" + joined)
    names = [str(next(folder.glob(f"{name}.*")).name) for name in ("ann", "bob")]
    done = privlib("share", "combine", *names)
    assert done.exit_code == 0, done.stderr
    assert done.stdout_bytes == SECRET


def test_nobody_new_is_given_the_name_of_somebody_else(privlib: Call, folder: Path) -> None:
    split(privlib, "--holder", "ann", "--holder", "holder-3")
    done = privlib("share", "add", "state", "--shares", "2", "--key-file", "key", "--into", "more")
    assert done.exit_code == 0, done.stderr
    assert sorted(file.name for file in (folder / "more").iterdir()) == ["holder-4.share", "holder-5.share"]
    numbers = {json.loads(privlib("share", "inspect", f"more/holder-{n}.share", "--json").stdout)["participant"] for n in (4, 5)}
    assert numbers == {3, 4}

"""A share's forms, what it shows of itself, and what is refused. That forms are unique is proved in sharing.t6."""

from __future__ import annotations

import copy
import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privlib.errors import BadShare, InvalidInput
from privlib.sharing import signing, text, wire
from privlib.sharing.codes import UserCode
from privlib.sharing.share import Share
from privlib.sharing.spec import Spec

PRIVATE = bytes(range(32))
OWN = UserCode("ones", lambda t: (1,) * (t - 1) + (0,))


def share_of(t: int = 5, threshold: int = 3, size: int = 32, **fields: Any) -> Share:
    plan = {name: fields.pop(name) for name in ("code", "layout", "width", "integrity") if name in fields}
    spec = Spec(threshold, size, **plan)
    payload = bytes((101 * i + 47) % 256 for i in range(spec.share_bytes(t)))
    others = {"epoch": 0, "lineage": ((200, bytes(range(16))),), "kind": "perfect", "secure": True, **fields}
    return Share(**{"spec": spec, "dealer": bytes(range(16, 32)), "t": t, "payload": payload, **others})


SHARE = share_of()
SIGNED = signing.sign(SHARE, PRIVATE)


def test_the_binary_form_is_as_documented() -> None:
    share = share_of(t=2, threshold=2, size=1, integrity="none", payload=b"abcd", lineage=((4, bytes(16)),), dealer=bytes(16))
    body = b"PSHR\x01" + b"\x01\x02\x01\x01\x01\x05delta\x00\x01\x01\x01" + bytes(16) + b"\x00\x01\x02\x00\x01"
    body += b"\x01\x01\x01\x04" + bytes(16) + b"\x00" + b"abcd"
    assert share.to_bytes() == body + bytes.fromhex("01282e4a")
    assert Share.from_bytes(bytearray(share.to_bytes())) == share


def test_the_text_and_the_words_are_as_published() -> None:
    assert text.write(b"\x7f\x00\x00\x01").startswith("share-pqqqq-0uqqq-qg")
    assert text.write_words(bytes([127, 0, 0, 1])).startswith("babah-lusab-babad-")  # the proquints of 127.0.0.1


@pytest.mark.parametrize("share", [SHARE, SIGNED], ids=["unsigned", "signed"])
def test_all_forms_read_as_they_were_written(share: Share, tmp_path: Path) -> None:
    share.save(tmp_path / "share")
    assert Share.from_bytes(share.to_bytes()) == share
    assert Share.from_text(share.to_text()) == share
    assert Share.from_words(share.to_words()) == share
    assert Share.load(tmp_path / "share") == share
    assert hash(Share.from_bytes(share.to_bytes())) == hash(share)
    assert share != replace(share, payload=bytes(len(share.payload)))


def test_nothing_of_the_payload_or_the_signature_is_shown() -> None:
    for place in range(0, len(SIGNED.payload), 7):
        payload = bytearray(SIGNED.payload)
        payload[place] ^= 255
        other = replace(SIGNED, payload=bytes(payload), signature=bytes(64))
        assert repr(other) == repr(SIGNED) == str(SIGNED) == f"{SIGNED}"
        assert other.inspect() == SIGNED.inspect()
        assert hash(other) == hash(SIGNED)


def test_inspect_tells_everything_else_as_json() -> None:
    shown = json.loads(json.dumps(SIGNED.inspect()))
    assert shown["participant"] == 5
    assert shown["threshold"] == 3
    assert shown["kind"] == "perfect"
    assert shown["lineage"] == [{"rows": 200, "nonce": bytes(range(16)).hex()}]
    assert shown["signed_by"] == signing.public_key(PRIVATE).hex()
    assert "test mode" in repr(replace(SHARE, secure=False))
    assert "seeded" in repr(replace(SHARE, kind="seeded"))


@pytest.mark.parametrize("call", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_not_pickled_or_copied(call: Callable[[Share], object]) -> None:
    with pytest.raises(TypeError, match="to_bytes"):
        call(SHARE)


@pytest.mark.parametrize(
    "change",
    [
        {"payload": b""},
        {"payload": SHARE.payload + b"\0"},
        {"payload": SHARE.payload.hex()},
        {"payload": list(SHARE.payload)},
        {"t": 0},
        {"t": True},
        {"t": 6.0},
        {"t": 1000},
        {"dealer": bytes(15)},
        {"dealer": "x" * 16},
        {"epoch": -1},
        {"epoch": 2**64},
        {"kind": "random"},
        {"kind": None},
        {"secure": 1},
        {"spec": "delta"},
        {"lineage": ((0, bytes(16)),)},
        {"lineage": ((2, bytes(16)), (2, bytes(16)))},
        {"lineage": ((1, bytes(15)),)},
        {"lineage": ((1,),)},
        {"lineage": 3},
        {"lineage": ((1, bytes(16)),) * 70_000},
        {"public_key": bytes(32)},
        {"signature": bytes(64)},
        {"public_key": bytes(31), "signature": bytes(64)},
        {"public_key": bytes(32), "signature": bytes(63)},
    ],
)
def test_what_is_no_share_is_refused_and_not_shown(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(SHARE, **change)
    assert not shows("".join(traceback.format_exception(caught.value)), SHARE)


def shows(told: str, share: Share) -> bool:
    """Whether four bytes in a row of a payload stand in a text, in a spelling that people use."""
    pieces = [share.payload[start : start + 4] for start in range(len(share.payload) - 3)]
    return any(each in told for piece in pieces for each in (piece.hex(), repr(piece)[2:-1], str(list(piece))[1:-1]))


def test_a_signature_is_checked_against_a_key_from_outside() -> None:
    key = signing.public_key(PRIVATE)
    SIGNED.verify(public_key=key)
    Share.from_bytes(SIGNED.to_bytes()).verify(public_key=key)
    assert signing.sign(SIGNED, PRIVATE) == SIGNED
    with pytest.raises(BadShare, match="not signed"):
        SHARE.verify(public_key=key)
    with pytest.raises(BadShare, match="another key"):
        SIGNED.verify(public_key=signing.public_key(bytes(32)))
    for wrong in (None, b"", bytes(31), "x" * 32):
        with pytest.raises(InvalidInput):
            SIGNED.verify(public_key=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        signing.sign(SHARE, b"short")


@pytest.mark.parametrize(
    "change",
    [
        {"t": 6},
        {"epoch": 1},
        {"dealer": bytes(16)},
        {"kind": "seeded"},
        {"secure": False},
        {"lineage": ()},
        {"payload": bytes(len(SHARE.payload))},
        {"spec": Spec(3, 31)},
        {"signature": bytes(64)},
        {"signature": b"\xff" * 64},
    ],
)
def test_a_signature_covers_every_field(change: dict[str, Any]) -> None:
    if "spec" in change:
        change = {**change, "payload": bytes(change["spec"].share_bytes(5))}
    with pytest.raises(BadShare, match="not what its dealer signed"):
        replace(SIGNED, **change).verify(public_key=signing.public_key(PRIVATE))


def test_a_file_is_new_private_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "share"
    SHARE.save(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(InvalidInput, match="never overwritten"):
        SIGNED.save(file)
    assert file.read_bytes() == SHARE.to_bytes()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidInput):
        SHARE.save(tmp_path / "link")
    with pytest.raises(InvalidInput, match="no folder"):
        SHARE.save(tmp_path / "nowhere" / "share")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "share"]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are Linux's")
def test_nothing_is_left_of_a_share_whose_saving_is_killed(tmp_path: Path) -> None:
    """Killed before the first name is given, when all of the share is on the disk."""
    (tmp_path / "from").write_bytes(SHARE.to_bytes())
    code = (
        "import os, signal, sys\nfrom privlib.sharing.share import Share\n"
        "os.link = lambda *given, **more: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Share.load(sys.argv[1]).save(sys.argv[2])\n"
    )
    made = subprocess.run([sys.executable, "-c", code, str(tmp_path / "from"), str(tmp_path / "to")], check=False, timeout=60)
    assert made.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path) == ["from"]


def test_what_is_no_file_of_a_share_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        Share.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        Share.load(tmp_path / "none")
    (tmp_path / "empty").touch()
    with pytest.raises(BadShare):
        Share.load(tmp_path / "empty")


def test_a_code_of_ones_own_must_be_handed_over() -> None:
    share = share_of(code=OWN)
    data = share.to_bytes()
    assert Share.from_bytes(data, code=OWN) == share
    for code in (None, UserCode("other", OWN.function)):
        with pytest.raises(BadShare, match="UserCode"):
            Share.from_bytes(data, code=code)
    assert Share.from_bytes(SHARE.to_bytes(), code=OWN) == SHARE


def test_words_are_for_short_secrets() -> None:
    long = share_of(size=65)
    with pytest.raises(InvalidInput, match="to_text"):
        long.to_words()
    with pytest.raises(BadShare):
        Share.from_words(text.write_words(long.to_bytes()))


def test_a_great_participant_number_is_written_and_read() -> None:
    share = share_of(t=2**200 + 1)
    assert Share.from_text(share.to_text()) == share


@pytest.mark.parametrize("junk", [b"", b"PSHR", b"PSHR\x01", b"PSHR\x02" + bytes(100), bytes(1000), None, 3, "PSHR", [1], ()])
def test_what_is_no_binary_form_is_refused(junk: Any) -> None:
    with pytest.raises(BadShare):
        Share.from_bytes(junk)


def refused_or_alike(read: Callable[[Any], Share], write: Callable[[Share], Any], given_form: Any) -> None:
    try:
        share = read(given_form)
    except BadShare as error:
        told = "".join(traceback.format_exception(error))
    else:
        assert write(share) == given_form
        return
    assert not shows(told, SHARE)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read_as_written(data: bytes) -> None:
    refused_or_alike(Share.from_bytes, Share.to_bytes, data)
    refused_or_alike(Share.from_bytes, Share.to_bytes, wire.MAGIC + data + wire.checksum(wire.MAGIC + data))


@given(
    st.sampled_from([SHARE, SIGNED]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=3)), max_size=4),
)
def test_changed_bytes_are_refused_or_read_as_written(share: Share, edits: list[tuple[int, int, bytes]]) -> None:
    body = bytearray(share.to_bytes()[:-4])
    for place, cut, put in edits:
        body[place : place + cut] = put
    refused_or_alike(Share.from_bytes, Share.to_bytes, bytes(body) + wire.checksum(bytes(body)))


@given(st.text(max_size=300))
@example("İ")
@example("share-pqqqq-")
@example("\ud800")
def test_any_text_is_refused_or_read_as_written(written: str) -> None:
    refused_or_alike(Share.from_text, Share.to_text, written)
    refused_or_alike(Share.from_words, Share.to_words, written)
    refused_or_alike(Share.from_text, Share.to_text, text.tidy(written))
    refused_or_alike(Share.from_words, Share.to_words, text.tidy_words(written))


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3), st.text(alphabet="pqz-b\n Sé", max_size=3)), max_size=4))
def test_changed_text_is_refused_or_read_as_written(edits: list[tuple[int, int, str]]) -> None:
    for read, write in ((Share.from_text, Share.to_text), (Share.from_words, Share.to_words)):
        letters = list(write(SHARE))
        for place, cut, put in edits:
            letters[place : place + cut] = put
        refused_or_alike(read, write, "".join(letters))


def test_damaged_letters_are_named_by_group_and_letter() -> None:
    written = SHARE.to_text()
    groups = written.split("-")
    groups[6] = groups[6][:2] + ("p" if groups[6][2] != "p" else "q") + groups[6][3:]
    with pytest.raises(BadShare, match="line 1 of the share's text is damaged at letter 3 of group 7: compare"):
        Share.from_text("-".join(groups))
    groups[9] = "b" + groups[9][1:]
    with pytest.raises(BadShare, match="at letter 3 of group 7, letter 1 of group 10: compare"):
        Share.from_text("-".join(groups))
    for place in range(10, 13):
        groups[place] = "!" + groups[place][1:]
    with pytest.raises(BadShare, match="letter 1 of group 13, perhaps elsewhere"):
        Share.from_text("-".join(groups))
    groups[20:30] = ["!!!!!"] * 10
    with pytest.raises(BadShare, match="46 more, perhaps elsewhere"):
        Share.from_text("-".join(groups))


def test_damaged_words_are_named() -> None:
    words = SHARE.to_words().split("-")
    words[10] = "lusab" if words[10] != "lusab" else "babab"
    with pytest.raises(BadShare, match="at word 11: compare"):
        Share.from_words("-".join(words))
    words[3] = "hello"
    with pytest.raises(BadShare, match="at word 4, word 11: compare"):
        Share.from_words("-".join(words))
    for place in (20, 21, 22):
        words[place] = "bibib"
    words[3] = "babab"
    with pytest.raises(BadShare, match="more than two"):
        Share.from_words("-".join(words))


def test_typed_text_is_brought_into_form_and_not_corrected() -> None:
    long = share_of(size=2000)
    written = long.to_text()
    lines = written.split("\n")
    assert len(lines) > 3
    assert all(len(line) <= 1220 for line in lines)
    assert text.tidy(written) == written
    assert text.tidy("\r\n".join(line.upper().replace("-", "  ") for line in lines[::-1])) == written
    assert text.tidy(written.replace("\n", " ")) == written
    wrapped = "\n".join(line[start : start + 60] for line in lines for start in range(0, len(line), 60))
    assert Share.from_text(text.tidy(wrapped)) == long
    assert Share.from_words(text.tidy_words(SHARE.to_words().upper().replace("-", "\n "))) == SHARE
    assert text.tidy("o0-1i") == "o01i"
    assert text.tidy("") == text.tidy_words("") == ""


def test_text_and_words_have_an_end() -> None:
    most = 1024 * 620
    with pytest.raises(InvalidInput, match="file"):
        text.write(bytes(most + 1))
    with pytest.raises(InvalidInput):
        text.write(b"")
    with pytest.raises(InvalidInput):
        text.write_words(bytes(65536))
    with pytest.raises(BadShare, match="lines"):
        text.read("\n" * 10**6)
    with pytest.raises(BadShare, match="words"):
        text.read_words("-" * 10**6)
    for junk in (None, b"share", 3):
        with pytest.raises(BadShare):
            text.read(junk)  # type: ignore[arg-type]
        with pytest.raises(BadShare):
            text.read_words(junk)  # type: ignore[arg-type]

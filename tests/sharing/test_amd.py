"""The AMD code: known answers, and its cost. The bound (P4) is proved, and tested, in proofs/sharing/t4."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from privlib.errors import BadShare, InvalidInput
from privlib.sharing.amd import Tagger, tag, tag_bytes
from privlib.sharing.integrity import unwrap, wrap

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "sharing" / "amd.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS["words"])
def test_p4_known_words(vector: dict[str, str]) -> None:
    secret, a, word = (bytes.fromhex(vector[name]) for name in ("secret", "a", "word"))
    assert wrap(secret, "amd", a) == word
    assert unwrap(word, "amd") == secret


@pytest.mark.parametrize("vector", VECTORS["refused"])
def test_p4_words_that_must_be_refused(vector: dict[str, str]) -> None:
    with pytest.raises(BadShare):
        unwrap(bytes.fromhex(vector["word"]), "amd")


def test_p4_a_tag_by_hand() -> None:
    assert tag([1], 2) == 0b1010  # x^3 + x
    assert tag([1, 0, 3], 2) == 0b100000 ^ 0b10 ^ 0b11000  # x^5 + x + (1 + x) x^3
    assert tag([5, 7], 0) == 0


@pytest.mark.parametrize("blocks", [128, 129, 31 * 129, 31 * 129 + 1])
def test_p4_long_messages_have_the_tag_of_the_definition(blocks: int) -> None:
    message, a = (bytes(range(256)) * blocks)[: 16 * blocks], bytes(range(100, 116))
    whole = [int.from_bytes(message[i : i + 16], "little") for i in range(0, len(message), 16)]
    tagger = Tagger(a)
    for start in range(0, len(message), 40_000):
        tagger.update(message[start : start + 40_000])
    assert tagger.finish() == tag_bytes(message, a) == tag(whole, int.from_bytes(a, "little")).to_bytes(16, "little")


def test_a_mebibyte_takes_well_under_a_second() -> None:
    message = bytes(range(256)) * 4096
    began = time.perf_counter()
    tag_bytes(message, b"\xa5" * 16)
    assert time.perf_counter() - began < 1


def test_what_is_no_element_is_refused() -> None:
    for a in (b"", bytes(15), bytes(17), "0" * 16, 0):
        with pytest.raises(InvalidInput):
            Tagger(a)  # type: ignore[arg-type]  # on purpose
    for secret, integrity, element in ((b"", "amd", bytes(16)), (b"s", "mac", bytes(16)), (b"s", "amd", None)):
        with pytest.raises(InvalidInput):
            wrap(secret, integrity, element)

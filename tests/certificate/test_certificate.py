"""One spelling, one digest, and nothing read that was not written so."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.certificate import FORMAT, canonical, check_head, check_rewritten, integers, open_sealed, seal
from privlib.errors import InvalidInput, TamperedRelease

PLAIN = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=6)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8
)
RESERVED = {"kind", "format", "privlib", "digest"}
BODIES = st.dictionaries(st.text(max_size=5).filter(lambda key: key not in RESERVED), VALUES, max_size=4)


@given(BODIES)
def test_round_trip(body: dict[str, Any]) -> None:
    text = seal("a.kind", body)
    record = open_sealed(text, "a.kind")
    assert {key: value for key, value in record.items() if key not in RESERVED} == body
    assert seal("a.kind", body) == text
    assert text.isascii()
    assert open_sealed(text + "\n") == record


@given(BODIES, st.data())
def test_a_changed_character_is_noticed(body: dict[str, Any], data: st.DataObject) -> None:
    text = seal("a.kind", body)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda char: char != text[place]))
    with pytest.raises(TamperedRelease):
        open_sealed(text[:place] + other + text[place + 1 :])
    with pytest.raises(TamperedRelease):
        open_sealed(text[:place])
    with pytest.raises(TamperedRelease):
        open_sealed(text[:place] + text[place + 1 :])


def resealed(record: dict[str, Any]) -> str:
    import hashlib

    return canonical({**record, "digest": hashlib.sha256(canonical(record).encode()).hexdigest()})


def test_other_formats_and_kinds_are_refused() -> None:
    record = {key: value for key, value in json.loads(seal("a.kind", {"x": 1})).items() if key != "digest"}
    assert open_sealed(resealed(record), "a.kind")["x"] == 1
    for changed, words in (
        ({**record, "format": FORMAT + 1}, "format is not 1: read it with the version"),
        ({key: value for key, value in record.items() if key != "format"}, "format is not 1"),
        ({**record, "kind": "b"}, "not a a.kind"),
    ):
        with pytest.raises(TamperedRelease, match=words):
            open_sealed(resealed(changed), "a.kind")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "5",
        "null",
        '"a"',
        "{}",
        "[" * 100_000,
        '{"a":NaN}',
        '{"a":1.5}',
        '{"a":1,"a":1}',
        '{ "a":1}',
        '{"a":' + "9" * 5000 + "}",
    ],
    ids=range(13),
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(TamperedRelease):
        open_sealed(text)


@pytest.mark.parametrize("spelling", ["indent", "order", "escapes"])
def test_another_spelling_of_the_same_record_is_refused(spelling: str) -> None:
    text = seal("a.kind", {"name": "ä", "x": [1, 2]})
    record = json.loads(text)
    other = {
        "indent": json.dumps(record, sort_keys=True),
        "order": json.dumps(dict(reversed(list(record.items()))), separators=(",", ":")),
        "escapes": json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    }[spelling]
    assert json.loads(other) == record
    with pytest.raises(TamperedRelease, match="canonical"):
        open_sealed(other)


@pytest.mark.parametrize("body", [{"a": 0.5}, {"a": [1, [0.5]]}, {"a": {"b": float("nan")}}, {"a": (1.0,)}])
def test_floats_are_never_written(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="floats have no exact spelling"):
        seal("a.kind", body)
    with pytest.raises(TypeError):
        seal("a.kind", {"a": Fraction(1, 2)})


@given(st.lists(st.integers(-(2**80), 2**80) | st.integers(2**53 - 2, 2**53 + 2) | st.integers(-(2**53) - 2, -(2**53) + 2)))
def test_integers_survive_every_reader_of_json(values: list[int]) -> None:
    written = integers(values)
    assert [int(value) for value in written] == values
    assert all(isinstance(value, str) or int(float(value)) == value for value in written)


def changed(**fields: Any) -> str:
    record = {key: value for key, value in json.loads(seal("a.kind", {"x": 1})).items() if key != "digest"}
    return resealed({**record, **fields})


@pytest.mark.parametrize(
    "version", [None, True, 1, "", "1", "1.2", "1.2.3 of Zoe", "1.2.3-x", "v1.2.3", "1.2.3\n", "1.2." + "3" * 40, ["1.2.3"]]
)
def test_a_file_names_a_version_and_nothing_else_there(version: Any) -> None:
    with pytest.raises(TamperedRelease, match="does not name the version"):
        open_sealed(changed(privlib=version))


@pytest.mark.parametrize("version", ["0.1.0", "12.0.3", "1.2.3rc1", "1.2.3.dev4"])
def test_every_version_may_have_written_a_file(version: str) -> None:
    assert open_sealed(changed(privlib=version))["privlib"] == version


@pytest.mark.parametrize("form", [True, "1", [1], None])
def test_the_format_is_an_integer(form: Any) -> None:
    with pytest.raises(TamperedRelease, match="format is not 1"):
        open_sealed(changed(format=form))


HEAD = {"journal": "ab", "seq": 2, "id": "cd", "digest": "ef"}


def test_a_head_is_exactly_what_a_ledger_gives(tmp_path: Any) -> None:
    from privlib.bounds import Bound
    from privlib.budget import Ledger, charge

    ledger = Ledger(tmp_path / "budget.db", limit=1)
    check_head(charge(ledger, Bound.pure(1, neighbours="replace"), name="a", fingerprint="b", secure=True))
    check_head(HEAD)
    check_head(None)


@pytest.mark.parametrize(
    "head",
    [
        {},
        [],
        "ab",
        False,
        {**HEAD, "more": "x"},
        {key: value for key, value in HEAD.items() if key != "id"},
        {**HEAD, "seq": True},
        {**HEAD, "seq": 1},
        {**HEAD, "seq": "2"},
        {**HEAD, "digest": None},
        {**HEAD, "journal": ["ab"]},
    ],
    ids=range(11),
)
def test_another_head_is_refused(head: Any) -> None:
    with pytest.raises(TamperedRelease, match="as a ledger writes it"):
        check_head(head)


def test_a_file_is_byte_for_byte_what_its_release_writes() -> None:
    written = seal("a.kind", {"x": 1})
    for same in (written, written + "\n", changed(privlib="9.9.9")):
        check_rewritten(written, same)
    for other in (changed(x=True), changed(x="1"), changed(y=1), changed(kind="b.kind"), seal("a.kind", {})):
        with pytest.raises(TamperedRelease, match="holds more than privlib writes, or other things"):
            check_rewritten(written, other)

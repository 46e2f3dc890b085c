"""Known answers, made by an independent program from RFC 8439, the laws and the byte contracts alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from privlib import noise
from privlib.errors import InvalidInput
from privlib.noise.stream import ChaChaWords
from privlib.noise.testing import fixed_key

FOLDER = Path(__file__).parents[1] / "vectors" / "noise"
SAMPLERS = [file.stem for file in sorted(FOLDER.glob("*.json")) if file.stem != "words"]


def cases(topic: str) -> list[Any]:
    record = json.loads((FOLDER / f"{topic}.json").read_text(encoding="utf-8"))
    found = [case for group in record["groups"] for case in group["cases"]]
    assert 3 * sum(case["result"] == "invalid" for case in found) >= len(found), "a third of the cases is refused"
    return [pytest.param(topic, case, id=f"{topic}-{case['id']}") for case in found]


@pytest.mark.parametrize(("topic", "case"), cases("words"))
def test_words_are_rfc_8439(topic: str, case: dict[str, Any]) -> None:
    given = case["input"]
    source = ChaChaWords(bytes.fromhex(given["key"]), stream=given["stream"])
    if case["result"] == "invalid":
        with pytest.raises(InvalidInput, match=r"2\*\*32"):
            source.main(given["start"], given["count"], 64)
    elif "attempt" in given:
        assert source.retry(given["output"], given["attempt"]) == int(case["expected"])
    elif "chunk" in given:
        assert source.refine(given["output"], given["use"], given["chunk"]) == int(case["expected"])
    else:
        data = source.main(given["start"], 10, 64)
        assert [str(int.from_bytes(data[i : i + 8], "little")) for i in range(0, 80, 8)] == case["expected"]


@pytest.mark.parametrize(("topic", "case"), [case for topic in SAMPLERS for case in cases(topic)])
def test_samplers_give_the_contracted_outputs(topic: str, case: dict[str, Any]) -> None:
    sampler = getattr(noise, topic)
    given = dict(case["input"])
    size = given.pop("size")
    if case["result"] == "invalid":
        with pytest.raises(InvalidInput):
            sampler(size, **given)
        return
    key, stream = bytes.fromhex(given.pop("key")), given.pop("stream")
    with fixed_key(key):
        for _ in range(stream):
            noise.bernoulli(0, p=1)  # each call takes the next stream
        assert sampler(size, **given).astype(int).tolist() == case["expected"]

"""Known answers, made by an independent program from RFC 8439 and the law alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from privlib.errors import InvalidInput
from privlib.noise import bernoulli, discrete_laplace
from privlib.noise.stream import ChaChaWords
from privlib.noise.testing import fixed_key

FOLDER = Path(__file__).parents[1] / "vectors" / "noise"


def cases(topic: str) -> list[Any]:
    record = json.loads((FOLDER / f"{topic}.json").read_text(encoding="utf-8"))
    found = [case for group in record["groups"] for case in group["cases"]]
    assert 3 * sum(case["result"] == "invalid" for case in found) >= len(found), "a third of the cases is refused"
    return [pytest.param(case, id=case["id"]) for case in found]


def drawn(sampler: Any, given: dict[str, Any], **arguments: Any) -> list[int]:
    """What a sampler gives on one stream of one key."""
    with fixed_key(bytes.fromhex(given["key"])):
        for _ in range(given["stream"]):
            bernoulli(0, p=1)  # each call takes the next stream
        return sampler(given["size"], **arguments).astype(int).tolist()


@pytest.mark.parametrize("case", cases("words"))
def test_words_are_rfc_8439(case: dict[str, Any]) -> None:
    given = case["input"]
    source = ChaChaWords(bytes.fromhex(given["key"]), stream=given["stream"])
    if case["result"] == "invalid":
        with pytest.raises(InvalidInput, match=r"2\*\*32"):
            source.main(given["start"], given["count"], 64)
    elif "chunk" in given:
        assert source.refine(given["output"], given["use"], given["chunk"]) == int(case["expected"])
    else:
        data = source.main(given["start"], 10, 64)
        assert [str(int.from_bytes(data[i : i + 8], "little")) for i in range(0, 80, 8)] == case["expected"]


@pytest.mark.parametrize("case", cases("discrete_laplace"))
def test_discrete_laplace_gives_the_contracted_integers(case: dict[str, Any]) -> None:
    given = case["input"]
    if case["result"] == "invalid":
        with pytest.raises(InvalidInput):
            discrete_laplace(given["size"], scale=given["scale"])
    else:
        assert drawn(discrete_laplace, given, scale=given["scale"]) == case["expected"]


@pytest.mark.parametrize("case", cases("bernoulli"))
def test_bernoulli_gives_the_contracted_booleans(case: dict[str, Any]) -> None:
    given = case["input"]
    if case["result"] == "invalid":
        with pytest.raises(InvalidInput):
            bernoulli(given["size"], p=given["p"])
    else:
        assert drawn(bernoulli, given, p=given["p"]) == case["expected"]

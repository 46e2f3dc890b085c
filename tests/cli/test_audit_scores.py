"""``privlib audit run scores.csv``: the scores of an attack that somebody else ran, of many runs or of one."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import Result

from privlib.audit import Audit, engine

Call = Callable[..., Result]
SURE = ("--confidence", 1 - 1e-9)
"""Audits of what keeps its claim raise a false alarm once in 10**9 runs."""


def score_file(file: Path, labels: Any, scores: Any) -> Path:
    if file.suffix == ".npy":
        np.save(file, np.column_stack([labels, scores]))
    elif file.suffix == ".parquet":
        pyarrow.parquet.write_table(pa.table({"label": labels, "score": scores, "other": scores}), file)
    else:
        rows = "\n".join(f"{label},{score}" for label, score in zip(labels, scores, strict=True))
        file.write_text(f"label,score\n{rows}\n")
    return file


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
def test_scores_that_tell_labels_apart_refute_a_claim(privlib: Call, tmp_path: Path, suffix: str) -> None:
    labels = np.arange(4000) % 2
    file = score_file(tmp_path / f"scores{suffix}", labels, labels + np.random.default_rng(1).normal(size=4000) / 4)
    result = privlib("audit", "run", file, "--epsilon", 1, "--neighbours", "add_remove", "--json")
    assert result.exit_code == 1, result.output
    found = Audit.replay(result.stdout)
    assert 3000 < found.trials < 4000
    assert found.certified > 2


@pytest.mark.parametrize("scores", ["ties", "noise"])
def test_scores_that_say_nothing_certify_nothing_in_whatever_order_the_rows_stand(
    privlib: Call, tmp_path: Path, scores: str
) -> None:
    labels = np.sort(np.arange(4000) % 2)  # rows sorted by label, as many tools write them
    said = np.zeros(4000) if scores == "ties" else np.random.default_rng(2).normal(size=4000)
    file = score_file(tmp_path / "scores.npy", labels, said)
    result = privlib("audit", "run", file, "--epsilon", "0.1", "--neighbours", "add_remove", *SURE)
    assert result.exit_code in (0, 3), result.output


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [
        ([1] * 2000, [0.5] * 2000, "one label"),
        ([0, 1] * 1000, [0.5, float("nan")] * 1000, "row 2 of"),
        ([0, 2] * 1000, [0.5] * 2000, "column 'label' must be 0 or 1"),
        ([0, float("nan")] * 1000, [0.5] * 2000, "must be 0 or 1"),
        ([0, 1] * 300, [0.5] * 600, "an audit wants 1000"),
        ([0] * 1999 + [1], [0.5] * 2000, "more rows of the rarer label"),
    ],
)
def test_scores_that_cannot_be_audited_are_refused(
    privlib: Call, tmp_path: Path, labels: list[float], scores: list[float], words: str
) -> None:
    file = score_file(tmp_path / "scores.npy", labels, scores)
    result = privlib("audit", "run", file, "--epsilon", 1, "--neighbours", "add_remove")
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_file_of_scores_is_never_unpickled(privlib: Call, tmp_path: Path) -> None:
    class Planted:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    for name, content in (("raw.npy", pickle.dumps(Planted())), ("text.npy", b"label,score\n")):
        (tmp_path / name).write_bytes(content)
    np.save(tmp_path / "object.npy", np.array([[Planted(), 1]], dtype=object), allow_pickle=True)
    for name in ("raw.npy", "text.npy", "object.npy"):
        result = privlib("audit", "run", tmp_path / name, "--epsilon", 1, "--neighbours", "add_remove")
        assert result.exit_code == 2
        assert "pickles are not read" in result.stderr
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("scores.csv", b"a,b\n1,2\n", "none of the columns"),
        ("scores.csv", b"score\n1\n", "exactly one column 'label'; its columns are 'score'"),
        ("scores.csv", b"label,score\n", "has no rows"),
        ("scores.csv", b"label,score\n1,0.5\n1,planted\n", "line 3 of"),
        ("scores.csv", b"label,score\n1,planted\n", "column 'score' must be a number"),
        ("scores.csv", b"label,score\n1,\n", "line 2 of"),
        ("scores.csv", b"score,label\n0.5,1\n0.5,\n", "column 'label' must be 0 or 1"),
        ("scores.csv", b"score,label\n0.5,1\n\n0.5,2\n", "line 4 of"),
        ("scores.csv", b"score,label\nnan,1\n", "line 2 of"),
        ("scores.csv", b"score,label\ninf,1\n-inf\n", "line 3 of"),
        ("scores.csv", b'score,label\ninf,1\n"-inf\n', "scores.csv"),
        ("scores.parquet", b"PAR1", "not a readable Parquet"),
        ("absent.csv", None, "there is no file"),
    ],
)
def test_an_unreadable_file_of_scores_is_wrong_usage(
    privlib: Call, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = privlib("audit", "run", tmp_path / name, "--epsilon", 1, "--neighbours", "add_remove")
    assert result.exit_code == 2
    assert words in result.stderr
    assert "planted" not in result.stderr


def test_a_column_of_text_is_wrong_usage(privlib: Call, tmp_path: Path) -> None:
    file = tmp_path / "scores.parquet"
    pyarrow.parquet.write_table(pa.table({"label": [0, 1], "score": ["planted", "x"]}), file)
    result = privlib("audit", "run", file, "--epsilon", 1, "--neighbours", "add_remove")
    assert result.exit_code == 2
    assert "column 'score' of" in result.stderr
    assert "planted" not in result.stderr


def test_how_many_digits_a_score_was_written_with_says_nothing(privlib: Call, tmp_path: Path) -> None:
    """Scores of one law, those of label 0 rounded: as floats their last bits tell the labels apart, by value hardly anything."""
    generator = np.random.default_rng(5)
    labels, scores = np.arange(20_000) % 2, generator.normal(size=20_000)
    for name, said in (("rounded", np.where(labels, scores, scores.round(4))), ("zeros", np.where(labels, 0.0, -0.0))):
        file = score_file(tmp_path / f"{name}.npy", labels, said)
        result = privlib("audit", "run", file, "--epsilon", "0.5", "--neighbours", "add_remove", *SURE)
        assert result.exit_code in (0, 3), result.output
    shifted = score_file(tmp_path / "shifted.csv", labels, labels + scores)
    result = privlib("audit", "run", shifted, "--epsilon", "0.5", "--neighbours", "add_remove", "--json")
    found = Audit.replay(result.stdout)
    assert result.exit_code == 1
    assert "look at the score" in found.rule
    assert any("the score" in words for words in found.cells)


def test_an_audit_of_scores_that_is_interrupted_keeps_its_words(
    privlib: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(mechanism: Any, **options: Any) -> None:
        def late(label: int, count: int) -> Any:
            calls.append(count)
            if len(calls) > 20:
                raise KeyboardInterrupt
            return mechanism(label, count)

        calls: list[int] = []
        whole(late, **options)

    whole = engine.run
    monkeypatch.setattr("privlib.audit.run", stop)
    labels = np.arange(400_000) % 2
    file = score_file(tmp_path / "scores.npy", labels, labels * 1.0)
    result = privlib("audit", "run", file, "--epsilon", 20, "--neighbours", "add_remove", "--json")
    assert result.exit_code == 130
    assert "look at the score" in Audit.replay(result.stdout).rule


def test_too_many_trials_for_a_file_are_refused(privlib: Call, tmp_path: Path) -> None:
    file = score_file(tmp_path / "scores.npy", [0, 1] * 1000, [0.5] * 2000)
    options = ("--epsilon", 1, "--neighbours", "add_remove", "--trials", 2000)
    assert "fewer --trials" in privlib("audit", "run", file, *options).stderr


@pytest.mark.parametrize("claim", [("--epsilon", 1), ("--epsilon", 1, "--delta", "1e-6"), ("--mu", 1)])
def test_one_run_with_canaries_is_audited(privlib: Call, tmp_path: Path, claim: tuple[object, ...]) -> None:
    generator = np.random.default_rng(4)
    labels = generator.integers(0, 2, size=1000)
    options = ("--one-run", *claim, "--neighbours", "add_remove", "--json")
    telling = score_file(tmp_path / "telling.csv", labels, labels + generator.normal(size=1000) / 8)
    found = privlib("audit", "run", telling, *options, "--out", tmp_path / "found.json")
    assert found.exit_code == 1, found.output
    assert json.loads(found.stdout)["guesses"] == (750 if "--mu" in claim else 300)
    again = privlib("audit", "replay", tmp_path / "found.json", "--json")
    assert (again.exit_code, again.stdout) == (1, found.stdout)
    silent = score_file(tmp_path / "silent.csv", np.sort(labels), np.zeros(1000))  # sorted by label, and all scores alike
    assert privlib("audit", "run", silent, *options, *SURE).exit_code in (0, 3)


def test_one_run_is_reported_in_every_form(privlib: Call, tmp_path: Path) -> None:
    generator = np.random.default_rng(6)
    labels = generator.integers(0, 2, size=1000)
    file = score_file(tmp_path / "telling.csv", labels, labels + generator.normal(size=1000) / 8)
    files = {name: tmp_path / f"found.{name}" for name in ("out", "html", "junit", "sarif")}
    options = ("--one-run", "--mu", 1, "--neighbours", "add_remove")
    found = privlib("audit", "run", file, *options, *(word for name, to in files.items() for word in (f"--{name}", to)))
    assert found.exit_code == 1, found.output
    again = f"privlib audit run {file} --mu 1 --neighbours add_remove --one-run"
    assert "Claim        mu = 1 (gdp), neighbours: add_remove\n" in found.stdout
    assert found.stdout.endswith(f"Again        {again}\n")
    failure = ElementTree.parse(files["junit"]).find(".//failure")  # noqa: S314  # our own
    assert failure is not None
    assert str(failure.text).endswith(f"Again: {again}")
    (result,) = json.loads(files["sarif"].read_text())["runs"][0]["results"]
    assert (result["ruleId"], again in result["message"]["text"]) == ("claim-violated", True)
    page = files["html"].read_text()
    ElementTree.fromstring(page.partition("<main>")[2].partition("</main>")[0])  # noqa: S314  # our own, and well-formed
    for words in ("<strong>Violation</strong>", "mu = 1 (gdp)", "audit.t5", again.replace("'", "&#39;")):
        assert words in page
    assert not re.search(r"https?:|src=|href=|<script", page)
    replayed = privlib("audit", "replay", files["out"])
    assert (replayed.exit_code, "mu = 1 (gdp)" in replayed.stdout) == (1, True)


def test_what_does_not_go_with_one_run_is_refused(privlib: Call, tmp_path: Path) -> None:
    file = score_file(tmp_path / "scores.npy", [0, 1] * 500, [0.5] * 1000)
    for options in (("--epsilon", 1, "--trials", 2000), ("--rho", 1)):
        result = privlib("audit", "run", file, "--one-run", "--neighbours", "add_remove", *options)
        assert result.exit_code == 2
        assert str(options[-2]) in result.stderr

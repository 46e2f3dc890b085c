"""``privlib audit membership``: what an attack found, from its scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from privlib.audit.membership import Membership, tpr_at_fpr
from privlib.bounds import Bound
from privlib.certificate import open_sealed, seal

Call = Callable[..., Result]


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """An attack that is sure of every twentieth member and knows nothing of the others; 2000 of each class."""
    members = np.arange(4000) % 2
    said = np.where(members.astype(bool) & (np.arange(4000) % 40 == 1), 9.0, np.arange(4000) // 2 % 100 / 100)
    file = tmp_path / "scores.csv"
    file.write_text("label,score\n" + "".join(f"{member},{score}\n" for member, score in zip(members, said, strict=True)))
    return file


def test_the_rates_of_a_file_are_those_of_its_scores(privlib: Call, scores: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    result = privlib("audit", "membership", scores, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    found = Membership.replay(result.stdout)
    assert out.read_text() == result.stdout
    table = np.loadtxt(scores, delimiter=",", skiprows=1)
    assert found.rates == tpr_at_fpr(table[:, 1], table[:, 0] == 1).rates
    assert [(str(rate.fpr), rate.resolvable) for rate in found.rates] == [
        ("1/100", True),
        ("1/1000", True),
        ("1/10000", False),
    ]
    assert found.rates[1].tpr >= 0.05
    assert found.rates[1].beats_chance


def test_the_table_for_people_says_what_a_claim_allows(privlib: Call, scores: Path) -> None:
    options = ("--fpr", "0.002", "--fpr", "1e-2", "--confidence", "0.99", "--epsilon", 1, "--delta", "1e-6")
    result = privlib("audit", "membership", scores, *options)
    assert result.exit_code == 0
    assert "This attack finds members" in result.stdout
    assert "At FPR 0.002: TPR 0.0505," in result.stdout
    assert "99 % for each interval" in result.stdout
    assert "the claim allows a TPR of at most" in result.stdout
    assert "Claim        epsilon = 1, delta = 1e-06 (approx), neighbours: add_remove" in result.stdout


def test_a_result_is_read_again_and_a_changed_one_refused(privlib: Call, scores: Path, tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    first = privlib("audit", "membership", scores, "--mu", 1, "--out", out)
    again = privlib("audit", "replay", out)
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    assert Membership.replay(privlib("audit", "replay", out, "--json").stdout).claim == Bound.gdp(1, neighbours="add_remove")
    record = open_sealed(out.read_text())
    record["rates"][0]["tpr"] = "0.9"
    out.write_text(seal(record.pop("kind"), record))
    assert privlib("audit", "replay", out).exit_code == 1


def test_too_few_non_members_are_inconclusive(privlib: Call, scores: Path) -> None:
    result = privlib("audit", "membership", scores, "--fpr", "1e-4")
    assert result.exit_code == 3
    assert "at least 10000 are needed" in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--fpr", 0), "--fpr"),
        (("--fpr", "many"), "--fpr"),
        (("--confidence", "0.4"), "--confidence must be at least 0.5"),
        (("--confidence", 1), "--confidence"),
        (("--epsilon", 1, "--mu", 1), "two claims"),
        (("--delta", "1e-6"), "--delta needs --epsilon"),
    ],
)
def test_wrong_options_are_called_by_their_names(privlib: Call, scores: Path, options: tuple[object, ...], words: str) -> None:
    result = privlib("audit", "membership", scores, *options)
    assert result.exit_code == 2
    assert words in result.stderr


def test_what_is_no_file_of_scores_is_refused(privlib: Call, scores: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("label,score\n1,0.5\n")
    for file, words in (("absent.csv", "there is no file"), ("one.csv", "one label"), ("scores.txt", "must end in .csv")):
        result = privlib("audit", "membership", tmp_path / file)
        assert result.exit_code == 2
        assert words in result.stderr
    assert "named twice" in privlib("audit", "membership", scores, "--out", scores).stderr

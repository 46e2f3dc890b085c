"""Short audits of what the survival room ships, and of what it must not ship."""

from collections.abc import Callable

import numpy as np
import pytest

from privlib.audit import Audit, Verdict, published_audit, published_pair, run, survival_audit, survival_pair
from privlib.audit.survival import _cells, survival_spec
from privlib.bounds import Bound
from privlib.errors import InvalidInput
from privlib.noise.testing import fixed_key
from privlib.prove import rewritten

pytestmark = pytest.mark.audit
TRIALS = 20_000
"""Noise and secret bits are fixed below, so these verdicts are the same in every run; with fresh ones each would be wrong
once in a thousand at most."""


def short(neighbours: str, trials: int = TRIALS) -> Audit:
    with fixed_key(bytes(range(32))):
        return survival_audit(1, neighbours=neighbours, trials=trials)


@pytest.mark.parametrize("neighbours", ["add_remove", "replace"])
def test_the_shipped_release_is_not_flagged_and_nearly_reaches_its_claim(
    neighbours: str, fixed_bits: Callable[[int], None]
) -> None:
    found = short(neighbours)
    assert found.verdict is Verdict.NO_VIOLATION_FOUND
    assert 0.85 < found.certified < 1
    assert found.theorem == "survival.t1"
    assert not found.secure, "the fixed key has to show"


@pytest.mark.parametrize("neighbours", ["add_remove", "replace"])
def test_half_the_noise_is_flagged(neighbours: str, fixed_bits: Callable[[int], None]) -> None:
    broken = rewritten("privlib.survival.release.release", "/ spec.epsilon", "/ spec.epsilon / 2")
    with broken():
        assert short(neighbours, 4000).verdict is Verdict.VIOLATION


@pytest.mark.parametrize("neighbours", ["add_remove", "replace"])
def test_the_audit_and_the_shipped_table_count_the_pair_alike(neighbours: str) -> None:
    spec, pair = survival_spec(1, neighbours), survival_pair(neighbours)
    tables = [spec.count(np.array(rows[0]), np.array(rows[1])) for rows in (pair.first, pair.second)]
    exact = [_cells(spec, rows) for rows in (pair.first, pair.second)]
    assert [table._cells.tolist() for table in tables] == [cells.tolist() for cells in exact]
    assert int(np.abs(exact[0] - exact[1]).sum()) == spec.sensitivity


def test_other_neighbours_have_no_pair() -> None:
    with pytest.raises(InvalidInput, match="add_remove"):
        survival_pair("event")
    with pytest.raises(InvalidInput, match="at least 2"):
        published_pair(1)


def test_one_record_of_the_published_pair_moves_the_whole_curve() -> None:
    pair = published_pair(10)
    (durations, first), (same, second) = pair.first, pair.second
    assert durations == same
    assert sum(a != b for a, b in zip(first, second, strict=True)) == 1
    assert durations.count(1) == 9


def published_recipe(seed: int) -> Callable[[tuple[tuple[int, ...], tuple[int, ...]], int], np.ndarray]:
    """An independent imitation in floats, 20 points, nominal epsilon 1: what the audit must break."""
    generator = np.random.default_rng(seed)

    def mechanism(rows: tuple[tuple[int, ...], tuple[int, ...]], n: int) -> np.ndarray:
        survival = 0.0 if rows[1][-1] else 1.0
        noisy = survival + generator.laplace(0, 1, size=(n, 20))
        clipped = np.minimum.accumulate(np.clip(noisy, 0, 1), axis=1)
        smooth = np.stack([clipped[:, max(0, i - 2) : i + 3].mean(axis=1) for i in range(20)], axis=1)
        return np.clip(np.minimum.accumulate(smooth, axis=1), 0, 1)

    return mechanism


def test_the_learned_rule_breaks_the_published_recipe(fixed_bits: Callable[[int], None]) -> None:
    found = run(
        published_recipe(4),
        claim=Bound.pure(1, neighbours="replace"),
        pair=published_pair(),
        trials=60_000,
        training=20_000,
        batch=True,
    )
    assert found.verdict is Verdict.VIOLATION
    assert found.certified > 4


def test_the_shipped_reproduction_of_the_recipe_is_flagged_at_its_nominal_epsilon(
    fixed_bits: Callable[[int], None],
) -> None:
    with fixed_key(bytes(range(32))):
        found = published_audit(1, trials=15_000)
    assert found.verdict is Verdict.VIOLATION
    assert found.certified > 1.5
    assert "privlib.audit.published_audit(epsilon='1', points=20" in found.reproduce

"""The doors to other accountants: safe settings, known figures, and no door to a heuristic."""

import sys
import warnings
from fractions import Fraction

import pytest

from privlib.accounting import discrete_gaussian_epsilon, pld_epsilon, training_epsilon
from privlib.errors import InvalidInput, MissingExtra
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, RoundedGaussian

TRAINING = {"noise_multiplier": 1, "sample_rate": "0.01", "steps": 1000, "delta": 1e-5}


def test_the_known_figures_of_training() -> None:
    assert training_epsilon(**TRAINING, accountant="pld") == pytest.approx(1.82824, abs=1e-5)  # type: ignore[arg-type]
    assert training_epsilon(**TRAINING, accountant="prv") == pytest.approx(1.83837, abs=1e-5)  # type: ignore[arg-type]


def test_the_gaussian_accountant_is_below_both_and_refused() -> None:
    from opacus.accountants import GaussianAccountant

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says itself that it can underestimate
        accountant = GaussianAccountant()
    accountant.history = [(1.0, 0.01, 1000)]
    assert accountant.get_epsilon(1e-5) == pytest.approx(1.61771, abs=1e-5)
    for name in ("gdp", "gaussian", "GaussianAccountant"):
        with pytest.raises(InvalidInput, match=r"no guarantee; take 'pld' or 'prv'"):
            training_epsilon(**TRAINING, accountant=name)  # type: ignore[arg-type]


@pytest.mark.parametrize(("sigma2", "k"), [(100, 1000), (9, 100), (25, 1)])
def test_dp_accounting_is_above_the_exact_answer_and_within_its_error(sigma2: int, k: int) -> None:
    low, _ = discrete_gaussian_epsilon(sigma2=sigma2, delta=1e-6, k=k)
    other = pld_epsilon([(DiscreteGaussian(Fraction(sigma2)), 1, k)], delta=1e-6, error="0.1")
    assert float(low) - 1e-6 <= other <= float(low) + 0.1 + 1e-6


def test_different_laws_compose_to_more_than_each_and_less_than_their_sum() -> None:
    parts = [
        (DiscreteGaussian(Fraction(400)), 1, 50),
        (DiscreteLaplace(Fraction(20)), 1, 20),
        (RoundedGaussian(Fraction(100)), 2, 5),
    ]
    alone = [pld_epsilon([part], delta=1e-6) for part in parts]
    together = pld_epsilon(parts, delta=3e-6)
    assert max(pld_epsilon([part], delta=3e-6) for part in parts) < together < sum(alone)


@pytest.mark.parametrize(
    "releases",
    [
        [],
        [(DiscreteLaplace(Fraction(1)), 1, 0)],
        [(DiscreteLaplace(Fraction(1)), 0, 1)],
        [(Geometric(Fraction(1)), 1, 1)],
        [("gaussian", 1, 1)],
    ],
)
def test_releases_that_cannot_be_composed_are_refused(releases: list[tuple[DiscreteLaplace, int, int]]) -> None:
    with pytest.raises(InvalidInput):
        pld_epsilon(releases, delta=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"noise_multiplier": 0},
        {"sample_rate": 0},
        {"sample_rate": 1.5},
        {"steps": 0},
        {"steps": True},
        {"steps": 10.0},
        {"delta": 0},
        {"delta": 1},
        {"error": 0},
        {"error": 2},
        {"accountant": "rdp"},
    ],
    ids=str,
)
def test_training_that_means_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        training_epsilon(**{**TRAINING, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accountant", "module", "cure"),
    [("pld", "dp_accounting.pld.privacy_loss_distribution", "accounting"), ("prv", "opacus.accountants", "opacus")],
)
def test_a_missing_extra_names_its_cure(accountant: str, module: str, cure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'privlib\[{cure}\]'"):
        training_epsilon(**TRAINING, accountant=accountant)  # type: ignore[arg-type]

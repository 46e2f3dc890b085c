"""The plan of a training: what is public, and what it costs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opacus.accountants import RDPAccountant

from privlib.opacus import Spec


def plan(**changes: Any) -> Spec:
    public = {"noise_multiplier": 1, "max_grad_norm": 1, "batch_size": 100, "expected_n": 10_000, "steps": 1000, "delta": "1e-5"}
    return Spec(**{**public, **changes})


def test_the_known_answers() -> None:
    """Opacus: RDP 2.10137, PRV 1.83837; the bound has integer orders only."""
    spec = plan()
    assert spec.epsilon() == pytest.approx(1.83837, abs=5e-6)
    assert float(spec.bound.epsilon) == pytest.approx(2.107753, abs=5e-7)
    assert (spec.bound.delta, spec.bound.neighbours) == (Fraction(1, 10**5), "add_remove")


@pytest.mark.filterwarnings("ignore:Optimal order is")  # Opacus, where its orders end
@pytest.mark.parametrize("multiplier", [0.8, 2])
@pytest.mark.parametrize("batch_size", [20, 500])
@pytest.mark.parametrize("steps", [50, 800])
def test_the_bound_lies_between_opacus_accountants_or_somewhat_above(multiplier: float, batch_size: int, steps: int) -> None:
    spec, renyi = plan(noise_multiplier=multiplier, batch_size=batch_size, steps=steps), RDPAccountant()
    renyi.history = [(multiplier, batch_size / 10_000, steps)]
    assert spec.epsilon() <= spec.bound.epsilon <= 1.18 * renyi.get_epsilon(1e-5)  # Opacus has orders below 2 as well


def test_more_noise_fewer_steps_and_smaller_batches_cost_less() -> None:
    spec = plan()
    for cheaper in (plan(noise_multiplier="1.1"), plan(steps=900), plan(batch_size=90), plan(delta="2e-5")):
        assert cheaper.bound.epsilon < spec.bound.epsilon
        assert cheaper.epsilon() < spec.epsilon()


def test_full_batches_cost_as_much_as_no_sampling() -> None:
    spec = plan(batch_size=10_000, steps=1)
    assert spec.sample_rate == 1
    assert 4.377 < spec.bound.epsilon < 4.9  # the Gaussian mechanism costs 4.377, and a little more by Rényi divergences


def test_a_plan_is_a_value() -> None:
    assert plan() == plan(noise_multiplier=1.0, delta=1e-5)
    assert plan().fingerprint == plan(noise_multiplier="1").fingerprint
    assert len({plan().fingerprint, plan(steps=1).fingerprint, plan(expected_n=10_001).fingerprint}) == 3
    assert repr(plan()) == (
        "Spec(noise_multiplier=1, max_grad_norm=1, batch_size=100, expected_n=10000, steps=1000, delta=1e-05)"
    )
    with pytest.raises(AttributeError):
        plan().steps = 5  # type: ignore[misc]


@given(norm=st.fractions(min_value=Fraction(1, 2**60), max_value=2**60), multiplier=st.fractions(Fraction(1, 10), 1024))
def test_the_noise_is_the_multiplier_times_the_sensitivity(norm: Fraction, multiplier: Fraction) -> None:
    spec = plan(max_grad_norm=norm, noise_multiplier=multiplier)
    assert 2**21 <= spec.clip <= 2**22
    assert spec.clip <= norm * Fraction(2) ** spec.grid < spec.clip + 1
    assert spec.sigma2 == (multiplier * spec.clip) ** 2 <= 2**64

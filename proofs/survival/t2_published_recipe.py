"""The published recipe costs the sum of its times' epsilons, and no less.

Statement
    Inputs and neighbours as in survival.t1. Released: ``DirectNoise.release``: S at G public times, rounded toward zero to steps
    of 1/4096, plus independent discrete Laplace noise of scale ``4096 b[i] / epsilon`` steps. One time alone is
    ``epsilon / b[i]`` differentially private, the whole curve ``sum(epsilon / b[i])``. No smaller number holds for the whole
    curve: for every n there are neighbours at which the sum is attained.

Proof
    Every height is an integer in [0, 4096], so neighbours differ by at most 4096 at each time, and the ratio at time i is at
    most ``q[i]**-4096 = exp(epsilon / b[i])``; ratios of independent draws multiply. Attained: n - 1 people censored at time 1
    and one whose record at time 2 is an event in D and censored in D'. Then S = 0 in D and S = 1 in D' at every time from 2 on.

Checked against the shipped code
    All data sets of at most 4 people on times 1, 2, 3: heights within [0, 4096], the worst difference at each time, in the
    shipped ``heights``; the pair above for n up to 40; the shipped release adds noise of the stated scales, in one draw a scale.

Covers not
    As in survival.t1. That the recipe is the paper's: only its abstract was available.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib.prove import replaced, rewritten
from privlib.survival import published
from privlib.survival.published import DirectNoise, finished

covers = [
    "privlib.survival.published.DirectNoise.release",
    "privlib.survival.published.DirectNoise.heights",
    "privlib.survival.published.DirectNoise.scales",
    "privlib.survival.published.DirectNoise.guarantee",
    "privlib.survival.published.DirectNoise.bound",
    "privlib.survival.published.DirectNoise._places",
    "privlib.survival.published.DirectNoise._units",
    "privlib.survival.published.DirectNoise._exact_spec",
]

EPSILON = Fraction(1)
PLANS = [
    ([1, 2, 3], ["1", "1", "1"]),
    ([2, 3], ["1", "1/2"]),
    ([1, 3], ["3/2", "1/3"]),
]
STEPS = 4096  # the theorem's, not the code's


def plan(times: Sequence[int], schedule: Sequence[str], horizon: int = 3) -> DirectNoise:
    return DirectNoise(times=times, horizon=horizon, epsilon=EPSILON, neighbours="replace", schedule=schedule)


def heights(recipe: DirectNoise, people: Sequence[tuple[int, int]]) -> np.ndarray:
    return recipe.heights([t for t, _ in people], [e for _, e in people])


def draws_of(recipe: DirectNoise, people: Sequence[tuple[int, int]]) -> tuple[np.ndarray, dict[Fraction, int]]:
    """The shipped release with noise 1, 2, 3, ... in place of the drawn one, and the laws it asked for."""
    asked: dict[Fraction, int] = {}

    def spy(size: int, *, scale: Fraction) -> np.ndarray:
        assert scale not in asked, "one scale is drawn twice"
        asked[scale] = size
        return np.arange(1, size + 1) * (100 * len(asked))

    with replaced(published, "discrete_laplace", spy):
        curve = recipe.release([t for t, _ in people], [e for _, e in people])
    return curve.noisy - heights(recipe, people), asked


def prove() -> None:
    people = list(itertools.product((1, 2, 3), (0, 1)))
    for times, schedule in PLANS:
        recipe = plan(times, schedule)
        multipliers = [Fraction(b) for b in schedule]
        worst = np.zeros(len(times), dtype=np.int64)
        for size in range(1, 5):
            known = {rows: heights(recipe, rows) for rows in itertools.combinations_with_replacement(people, size)}
            for rows, height in known.items():
                assert height.min() >= 0, "a height falls below 0"
                assert height.max() <= STEPS, "a height passes 4096"
                for i, other in itertools.product(range(size), people):
                    near = tuple(sorted((*rows[:i], other, *rows[i + 1 :])))
                    worst = np.maximum(worst, np.abs(height - known[near]))
        assert worst[-1] == STEPS, "the sensitivity at the last time is not 1"
        assert recipe.guarantee["whole_curve_epsilon"] == sum(EPSILON / b for b in multipliers), "another whole-curve cost"
        assert recipe.bound.epsilon == sum(EPSILON / b for b in multipliers), "the bound is not the true cost"
        assert recipe.guarantee["per_point_epsilon"] == max(EPSILON / b for b in multipliers)
        noise, asked = draws_of(recipe, [(1, 0), (2, 1)])
        expected = {scale: multipliers.count(scale * EPSILON / STEPS) for scale in asked}
        assert asked == expected, "the noise has another scale"
        assert sum(asked.values()) == len(times), "a time has no noise of its own"
        assert all(noise), "a time has no noise"
        assert len(set(noise.tolist())) == len(times), "one draw serves two times"
        loss = sum(Fraction(STEPS) / scale * count for scale, count in asked.items())
        assert loss == recipe.bound.epsilon, "the exponent of the worst pair is not the bound"
    for n in (2, 3, 10, 40):
        recipe = plan([2, 5, 9], ["1", "1", "1"], horizon=9)
        crowd = [(1, 0)] * (n - 1)
        apart = np.abs(heights(recipe, [*crowd, (2, 1)]) - heights(recipe, [*crowd, (2, 0)]))
        assert (apart == STEPS).all(), "the pair does not attain the sum"
    honest = DirectNoise(times=[1, 2, 3], horizon=3, epsilon=4, neighbours="replace", schedule=["1", "2", "1/2"], calibrate=True)
    assert honest.bound.epsilon == 4, "a calibrated recipe costs another epsilon"


def mutants() -> dict[str, object]:
    room = "privlib.survival.published.DirectNoise"
    return {
        "the whole curve costs one time": rewritten(f"{room}.guarantee", "sum(costs, Fraction(0))", "max(costs)"),
        "sensitivity 1/n is believed": rewritten(f"{room}.scales", "STEPS * b", "STEPS * b / 228"),
        "the schedule is ignored": rewritten(f"{room}.scales", "STEPS * b / self.nominal", "STEPS / self.nominal"),
        "a finer step than the noise assumes": rewritten(f"{room}.heights", "* STEPS), 0, STEPS)", "* STEPS * 2), 0, STEPS * 2)"),
        "the first time has no noise": rewritten(
            f"{room}.release",
            "noisy=heights + noise",
            "noisy=heights + noise * (heights > -1).cumsum().clip(0, 2) // 2",
        ),
        "one draw serves every time": rewritten(
            f"{room}.release", "discrete_laplace(places.size, scale=scale)", "discrete_laplace(1, scale=scale)"
        ),
        "the bound is the claim": rewritten(
            f"{room}.bound", 'guarantee["whole_curve_epsilon"]', 'guarantee["per_point_epsilon"]'
        ),
    }


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=40),
    st.sampled_from([1, 3, 5, 9]),
    st.sampled_from(["mean", "isotonic"]),
)
def test_the_finished_curve_falls_inside_0_and_1(raw: list[float], window: int, finish: str) -> None:
    curve = finished(np.array(raw), window=window, finish=finish)
    assert curve.shape == (len(raw),)
    assert (np.diff(curve) <= 1e-12).all()
    assert 0 <= curve.min() <= curve.max() <= 1

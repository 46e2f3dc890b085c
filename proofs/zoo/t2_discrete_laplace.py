"""A noisy count loses exactly D / scale, clamped or not; with rounded Gaussian noise it is exactly D / sigma GDP.

Statement
    Let x and w be integers, D = abs(x - w) >= 1. (1) ``noisy_count`` releases x plus discrete Laplace noise of the given scale:
    between x and w it is pure epsilon = D / scale differentially private, and the ratio e^epsilon is attained at every output
    that does not lie between them. (2) ``clamped_count`` releases the same, clamped to low ... high: epsilon = D / scale again,
    attained at low and at high where x and w lie in between. (3) ``gaussian_count`` releases x plus rounded Gaussian noise:
    mu-GDP with mu^2 = D^2 / sigma2 and with no smaller mu. The errors of the test "at least k" lie on the curve of mu-GDP for
    every integer k; for odd D and k = (D+1)/2 above the smaller number both are Phi(-mu/2), so the best guess between x and w
    is right with chance Phi(mu/2), the most that mu-GDP allows.

Proof
    (1) The ratio at y is q^(abs(y-x) - abs(y-w)) with q = exp(-1/scale); by the triangle inequality the exponent lies within
    +-D, and equals +-D where y is not between x and w. (2) Clamping is a function of the release; the mass at low is that of
    all y <= low, each with one and the same ratio. (3) By noise.t4 the release is the Gaussian mechanism's output rounded, so
    mu-GDP. "y >= k" is "x + N >= k - 1/2", the threshold test of the Gaussian mechanism, whose errors lie on the curve of
    mu-GDP; the curve of a smaller mu lies strictly above it. With k - 1/2 = (x + w)/2 both errors are Phi(-D / (2 sigma)).

Checked against the shipped code
    The inequality by two solvers over all integers. The shipped functions' answers to every noise from -24 to 24 and to two of
    2**40: outputs, and the whole law of the clamped count in Fractions, for rational q, its ends with their exact tails; the
    loss is the worst exponent over the scale that the code asked for. With a fixed key: what is added is the sampler's noise.
    (3) from certified probabilities by ball arithmetic (flint), D to 6, thresholds to 8, three sigma2.

Covers not
    Counts so large that a sum with the noise passes 2**63. The samplers are noise.t4.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import cvc5.pythonic
import numpy as np
import z3
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from privlib import noise
from privlib.audit.zoo import reference
from privlib.noise.laws import RoundedGaussian
from privlib.noise.testing import fixed_key
from privlib.prove import replaced, rewritten

covers = [
    "privlib.audit.zoo.reference.noisy_count",
    "privlib.audit.zoo.reference.clamped_count",
    "privlib.audit.zoo.reference.gaussian_count",
    "privlib.noise.laws.RoundedGaussian.pmf_enclosure",
]

Mechanism = Callable[..., np.ndarray]
REACH, FAR = 24, 2**40
NOISE = np.array([-FAR, *range(-REACH, REACH + 1), FAR])
SCALES = [Fraction(1, 4), Fraction(1), Fraction(7, 3)]
CLAMPS = [(0, 5), (-2, 1), (0, 0)]
POWERS = [Fraction(1, 2), Fraction(5, 7)]
KEY = bytes(range(32))


def the_exponent_is_bounded_and_attained(solver: Any) -> None:
    x, w, y = solver.Ints("x w y")

    def size(number: Any) -> Any:
        return solver.If(number >= 0, number, -number)

    exponent, distance = size(y - x) - size(y - w), size(x - w)
    between = solver.Or(solver.And(x < y, y < w), solver.And(w < y, y < x))
    for says, untrue in {
        "an exponent above D": exponent > distance,
        "an exponent below -D": exponent < -distance,
        "an output outside at which D is not attained": solver.And(solver.Not(between), size(exponent) != distance),
        "an output inside at which D is attained": solver.And(between, size(exponent) == distance),
    }.items():
        search = solver.Solver()
        search.add(untrue)
        assert search.check() == solver.unsat, f"{solver.__name__} finds {says}"


def answers(mechanism: Mechanism, sampler: str, count: int, **how: Any) -> tuple[list[int], Fraction]:
    """A shipped function's outputs for each noise of ``NOISE``, and the scale that it asked for."""
    asked = list[Fraction]()

    def spy(n: int, **law: Fraction) -> np.ndarray:
        assert n == NOISE.size, "another number of draws than of outputs"
        asked.extend(Fraction(value) for value in law.values())
        return NOISE

    with replaced(reference, sampler, spy):
        outputs = mechanism(count, NOISE.size, **how)
    assert len(asked) == 1, "not one draw but several"
    return outputs.tolist(), asked[0]


def a_count_loses_its_epsilon() -> None:
    for scale, x in itertools.product(SCALES, range(-3, 4)):
        outputs, used = answers(reference.noisy_count, "discrete_laplace", x, scale=scale)
        assert outputs == [x + z for z in NOISE.tolist()], "what is released is not the count and its noise"
        for w in range(-3, 4):
            worst = max(abs(abs(y - x) - abs(y - w)) for y in outputs)
            assert worst / used == Fraction(abs(x - w)) / scale, "the loss is another than D / scale"


def clamped_law(count: int, low: int, high: int, q: Fraction) -> tuple[dict[int, Fraction], Fraction]:
    """The exact law of the shipped clamped count for a rational q = exp(-1/scale), and the scale that it asked for."""
    outputs, used = answers(reference.clamped_count, "discrete_laplace", count, scale=SCALES[2], low=low, high=high)
    tail = q ** (REACH + 1) / (1 + q)  # of noise beyond the reach, on either side
    weights = [tail, *((1 - q) / (1 + q) * q ** abs(z) for z in range(-REACH, REACH + 1)), tail]
    assert outputs[:2] + outputs[-2:] == [outputs[0]] * 2 + [outputs[-1]] * 2, "noise beyond the reach leads elsewhere"
    law = dict[int, Fraction]()
    for output, weight in zip(outputs, weights, strict=True):
        law[output] = law.get(output, Fraction(0)) + weight
    assert sum(law.values()) == 1
    return law, used


def clamping_costs_nothing_and_gains_nothing() -> None:
    for q, (low, high) in itertools.product(POWERS, CLAMPS):
        laws = {x: clamped_law(x, low, high, q) for x in range(low - 2, high + 3)}
        for (x, (law, used)), (w, (other, _)) in itertools.product(laws.items(), repeat=2):
            assert used == SCALES[2], "the noise has another scale"
            assert law.keys() == other.keys() == set(range(low, high + 1)), "an output is impossible, or not clamped"
            worst = max(law[y] / other[y] for y in law)
            assert worst <= q ** -abs(x - w), "clamping costs"
            if low <= min(x, w) and max(x, w) <= high and low < high:
                assert worst == q ** -abs(x - w), "the loss is not attained"


def a_gaussian_count_lies_on_its_curve() -> None:
    bits = 200
    ctx.prec = bits
    for sigma2, distance in itertools.product((Fraction(1), Fraction(1, 3), Fraction(16)), range(1, 7)):
        outputs, used = answers(reference.gaussian_count, "rounded_gaussian", 5, sigma2=sigma2)
        assert outputs == [5 + z for z in NOISE.tolist()], "what is released is not the count and its noise"
        assert used == sigma2, "the noise has another variance"
        sigma = arb(fmpq(used.numerator, used.denominator)).sqrt()
        law = RoundedGaussian(used)

        def at_least(k: int, law: RoundedGaussian = law) -> arb:
            """P(noise >= k), from certified masses and symmetry."""
            if k <= 0:
                return 1 - at_least(1 - k)
            middle = [law.pmf_enclosure(z, bits=bits) for z in range(1 - k, k)]
            low, high = (arb(sum(mass[side] for mass in middle)) / 2**bits for side in (0, 1))
            return (1 - low.union(high)) / 2

        for k in range(-8, 9):
            above = (arb(2 * k - 1) / 2 / sigma / arb(2).sqrt()).erfc() / 2
            assert at_least(k).overlaps(above), "a threshold's error is not the Gaussian mechanism's"
        if distance % 2:
            k = (distance + 1) // 2
            errors = at_least(k), 1 - at_least(k - distance)
            half = (arb(distance) / 2 / sigma / arb(2).sqrt()).erfc() / 2
            for error in errors:
                assert error.overlaps(half), "the middle test does not reach the curve"
                assert (error - half).abs_upper() < arb(2) ** -150


def the_samplers_themselves_are_called() -> None:
    for mechanism, how, drawn in (
        (reference.noisy_count, {"scale": "7/3"}, lambda: noise.discrete_laplace(50, scale="7/3")),
        (reference.clamped_count, {"scale": "7/3", "low": -FAR, "high": FAR}, lambda: noise.discrete_laplace(50, scale="7/3")),
        (reference.gaussian_count, {"sigma2": 9}, lambda: noise.rounded_gaussian(50, sigma2=9)),
    ):
        with fixed_key(KEY):
            outputs = mechanism(7, 50, **how)
        with fixed_key(KEY):
            expected = 7 + drawn()
        assert np.array_equal(outputs, expected), "what is added is not the sampler's noise"


def prove() -> None:
    the_exponent_is_bounded_and_attained(z3)
    the_exponent_is_bounded_and_attained(cvc5.pythonic)
    a_count_loses_its_epsilon()
    clamping_costs_nothing_and_gains_nothing()
    a_gaussian_count_lies_on_its_curve()
    the_samplers_themselves_are_called()


def mutants() -> dict[str, object]:
    room = "privlib.audit.zoo.reference"
    count, clamped, gaussian = (f"{room}.{name}" for name in ("noisy_count", "clamped_count", "gaussian_count"))
    return {
        "the scale is its inverse": rewritten(count, "scale=scale", "scale=1 / scale"),
        "the noise is halved": rewritten(
            count, "count + discrete_laplace(n, scale=scale)", "count + discrete_laplace(n, scale=scale) // 2"
        ),
        "one draw serves all outputs": rewritten(count, "discrete_laplace(n, ", "discrete_laplace(1, "),
        "the count is doubled": rewritten(count, "return count", "return 2 * count"),
        "a negative output is drawn again": rewritten(
            clamped, "count + discrete_laplace(n, scale=scale)", "np.abs(count + discrete_laplace(n, scale=scale))"
        ),
        "the count is clamped after, the noise before": rewritten(
            clamped,
            "np.clip(count + discrete_laplace(n, scale=scale), low, high)",
            "count + np.clip(discrete_laplace(n, scale=scale), low, high)",
        ),
        "the clamped noise is narrower": rewritten(clamped, "scale=scale", "scale=scale / 2"),
        "sigma is taken for sigma2": rewritten(gaussian, "sigma2=sigma2)", "sigma2=sigma2**2)"),
        "the count is forgotten": rewritten(gaussian, "count + ", ""),
        "a cell is shifted": rewritten(
            "privlib.noise.laws.RoundedGaussian.pmf_enclosure", "(2 * abs(k) + 1) ** 2", "(2 * abs(k) + 2) ** 2"
        ),
    }


@given(st.integers(-6, 6), st.integers(0, 9), st.integers(-8, 8), st.integers(-8, 8), st.fractions("1/10", "9/10"))
def test_clamping_anywhere_costs_nothing(low: int, width: int, x: int, w: int, q: Fraction) -> None:
    (law, _), (other, _) = (clamped_law(count, low, low + width, q) for count in (x, w))
    assert max(law[y] / other[y] for y in range(low, low + width + 1)) <= q ** -abs(x - w)

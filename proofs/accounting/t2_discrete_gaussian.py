"""The exact cost of discrete Gaussian noise on scalar integer queries, once and k times over.

Statement
    Let k releases each add an independent discrete Gaussian of parameter sigma2 to an integer query, chosen from the answers
    before it, that neighbours move by at most D. Let delta* be the least delta for which the k releases together are
    (epsilon, delta) private whatever the queries. Then ``discrete_gaussian_delta`` and ``discrete_gaussian_epsilon`` return
    ``low <= high`` that bracket delta* at this epsilon, and the least epsilon at this delta. Sigma2 is any positive rational
    for k = 1, at least 1/4 else. What ``discrete_gaussian_sigma2`` returns meets its target.

Proof
    *One pair is the worst.* Write P_d for the noise shifted by d. For 0 <= d <= D and every c > 0, sup over sets A of
    ``P_d(A) - c P_0(A)`` is taken at a half line [t, oo), because P_d(x)/P_0(x) grows with x; there P_D is at least P_d, so
    the pair (P_D, P_0) dominates (P_d, P_0); -d is its mirror, and the reversed pair is its mirror too. Domination is kept by
    adaptive composition (Zhu, Dong and Wang), and constant shifts D attain it.
    *The loss is affine in the sum.* Of k shifts by D the log-likelihood ratio is ``(2 D T - k D**2) / (2 sigma2)``, T the sum
    of the answers; under the shifted law T = S + k D with S the sum of the noises. It exceeds epsilon exactly if ``S >= a``
    under the shifted and ``S >= a + k D`` under the other law, which gives ``delta* = P[S >= a] - exp(epsilon) P[S >= a + k
    D]``.
    *The sum is nearly one discrete Gaussian.* Let f_j be the j-fold convolution of ``g(x) = exp(-x**2 / (2 sigma2))``. By
    completing squares, the convolution of ``g_j(x) = exp(-x**2 / (2 j sigma2))`` with g at s is g_(j+1)(s) times the sum over
    integers of ``exp(-(x - c)**2 / (2 v))``, with ``v = sigma2 j / (j + 1)`` and ``c = s / (j + 1)``; by Poisson's summation
    that is ``sqrt(2 pi v) (1 + 2 sum of q**(m*m) cos(2 pi m c))``, with ``q = exp(-2 pi**2 v)``. Over all c it varies at most
    by the factor ``(1 + 2 A) / (1 - 2 q)``, ``A = q + q**4 + ... <= q / (1 - q**3)``. For sigma2 >= 1/4, q <= 0.0849, and its
    logarithm is below ``2.0013 q + 2.41 q < 9/2 q``. By induction f_k / g_k varies at most by the factor exp(tau), tau the
    sum of ``9/2 q_j``; as both laws sum to 1, each probability of S is within ``exp(+-tau)`` of the discrete Gaussian's of
    parameter k sigma2.
    *Tails.* Each of the two probabilities is put at the end of its interval that widens the bracket. With g(a) taken out,
    both are ratios of sums over integers (Mills), enclosed by `lattice_mills`; nothing overflows as ``exp(epsilon) g(a + k D)
    = g(a)`` times ``exp(-past)``, 0 < past <= D / sigma2.
    *The remainder of Euler's and Maclaurin's formula* is bounded in the docstring of `lattice_mills`: on the contour shifted
    by b, abs(h^(2p)(x)) is at most ``exp(variance b**2 / 2) exp(-(r + b) x) E ((r + b)**2 + w**2)**p``, w normal with
    variance 1/variance; by Minkowski the mean is at most ``((r + b)**2 + p / variance)**p``, as ``(2p-1)!! <= p**p``. With
    ``b = variance**-1/2``: ``4 exp(1/2) sqrt(variance) ((2 r**2 + (p + 2) / variance) / (2 pi)**2)**p``, and ``4 exp(1/2) <
    7``, ``(2 pi)**2 > 39``.

Checked against the shipped code
    (1) One release: brackets against the positive parts summed over all outcomes in ball arithmetic (flint). (2) Two
    releases: the same over all pairs of outcomes, which does not use that the loss is affine; up to five: over the law of the
    sum by convolution. (3) Adaptive pairs of releases whose second shift depends on the first answer. (4) tau against
    convolutions, for sigma2 from 1/4 on. (5) `lattice_mills` against plain sums around the place where its method changes.
    (6) epsilon and sigma2 against delta.

Covers not
    Vectors: sigma2 = 1, shifts (1, 1, 1, 1) against one shift of 2 has delta 0.0753 against 0.0512 at epsilon = 4.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import lru_cache

from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.accounting import discrete_gaussian as shipped
from privlib.accounting import discrete_gaussian_delta, discrete_gaussian_epsilon, discrete_gaussian_sigma2
from privlib.noise.laws.mills import lattice_mills
from privlib.prove import rewritten

covers = [
    "privlib.accounting.discrete_gaussian.discrete_gaussian_delta",
    "privlib.accounting.discrete_gaussian.discrete_gaussian_epsilon",
    "privlib.accounting.discrete_gaussian.discrete_gaussian_sigma2",
    "privlib.accounting.discrete_gaussian._checked",
    "privlib.accounting.discrete_gaussian._delta",
    "privlib.accounting.discrete_gaussian._tail",
    "privlib.accounting.discrete_gaussian._total",
    "privlib.accounting.discrete_gaussian._closeness",
    "privlib.noise.laws.mills.lattice_mills",
    "privlib.noise.laws.mills._term_by_term",
    "privlib.noise.laws.mills._orders",
    "privlib.noise.laws.mills._scaled_up",
    "privlib.noise.laws.mills._scaled",
    "privlib.noise.laws.mills.hermite",
    "privlib.noise.laws.mills._corrections",
    "privlib.noise.laws.mills._more_corrections",
    "privlib.noise.laws.mills.normal_mills",
    "privlib.accounting.search.bracket",
    "privlib.accounting.rounding.up",
    "privlib.accounting.rounding.down",
    "privlib.certified.sqrt",
]

Masses = dict[int, arb]
ONCE = [Fraction(1, 50), Fraction(1, 4), Fraction(1), Fraction(7, 3), Fraction(30), Fraction(150)]
COMPOSED = [Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(5, 2)]
EPSILONS = [Fraction(0), Fraction(1, 3), Fraction(1), Fraction(5, 2), Fraction(6)]
PRECISION = 400


def ball(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


@lru_cache(maxsize=64)
def noise(sigma2: Fraction) -> Masses:
    """The masses of one noise, as far as they count at this precision."""
    far = int((2 * float(sigma2) * 230) ** 0.5) + 2
    bell = {x: (-ball(Fraction(x * x) / (2 * sigma2))).exp() for x in range(-far, far + 1)}
    total = sum(bell.values(), arb(0))
    return {x: mass / total for x, mass in bell.items()}


@lru_cache(maxsize=64)
def composed(sigma2: Fraction, k: int) -> Masses:
    """The law of the sum of k noises."""
    if k == 1:
        return noise(sigma2)
    law: Masses = {}
    for (x, p), (y, q) in itertools.product(composed(sigma2, k - 1).items(), noise(sigma2).items()):
        law[x + y] = law.get(x + y, arb(0)) + p * q
    return law


def hockey_stick(law: Masses, shift: int, epsilon: Fraction) -> arb:
    """The positive parts of ``P[X + shift = x] - exp(epsilon) P[X = x]``, summed over x."""
    factor, total = ball(epsilon).exp(), arb(0)
    for x, mass in law.items():
        part = mass - factor * law.get(x + shift, arb(0))
        total += part if bool(part > 0) else arb(0)
    return total


def joint(sigma2: Fraction, first: int, second: dict[bool, int], epsilon: Fraction) -> arb:
    """Two releases, over all pairs of answers; the second shift depends on whether the first answer is positive."""
    law, factor, total = noise(sigma2), ball(epsilon).exp(), arb(0)
    for x, y in itertools.product(law, repeat=2):
        shift = second[x > 0]
        part = law.get(x - first, arb(0)) * law.get(y - shift, arb(0)) - factor * law[x] * law[y]
        total += part if bool(part > 0) else arb(0)
    return total


def is_bracketed(truth: arb, low: Fraction, high: Fraction) -> bool:
    crumb = ball(Fraction(1, 10**60))
    return bool(ball(low) <= truth + crumb) and bool(truth <= ball(high) + crumb)


def one_release_is_bracketed() -> None:
    for sigma2, epsilon, shift in itertools.product(ONCE, EPSILONS, (1, 2, 5)):
        low, high = discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon, sensitivity=shift)
        assert is_bracketed(hockey_stick(noise(sigma2), shift, epsilon), low, high), (
            "the delta of one release is bracketed wrongly"
        )
        assert high - low <= max(high / 10**20, Fraction(1, 10**389)), "the bracket of one release is wide"


def pairs_of_releases_are_bracketed() -> None:
    for sigma2, epsilon in itertools.product((Fraction(1, 4), Fraction(1)), EPSILONS):
        low, high = discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon, sensitivity=2, k=2)
        same = joint(sigma2, 2, {False: 2, True: 2}, epsilon)
        assert is_bracketed(same, low, high), "two releases are bracketed wrongly"
        for first, later in itertools.product((-2, 0, 1, 2), itertools.product((-2, 1, 2), repeat=2)):
            adaptive = joint(sigma2, first, dict(zip((False, True), later, strict=True)), epsilon)
            assert bool(adaptive <= same + ball(Fraction(1, 10**60))), "constant shifts are not the worst"


def sums_are_bracketed() -> None:
    for sigma2, epsilon, (k, shift) in itertools.product(COMPOSED, EPSILONS, [(2, 1), (3, 1), (3, 2), (5, 1)]):
        truth = hockey_stick(composed(sigma2, k), k * shift, epsilon)
        low, high = discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon, sensitivity=shift, k=k)
        assert is_bracketed(truth, low, high), "the delta of several releases is bracketed wrongly"
    low, high = discrete_gaussian_delta(sigma2=9, epsilon=3, k=4)
    assert high - low <= high / 10**20, "the bracket of several releases is wide"


def sums_are_close_to_one_noise() -> None:
    for sigma2, k in itertools.product(COMPOSED, (2, 3, 5)):
        less, more = shipped._closeness(sigma2, k)
        one = noise(k * sigma2)
        for s, mass in composed(sigma2, k).items():
            if s in one and s * s < 40 * k * sigma2:
                ratio = mass / one[s]
                assert bool(ball(less) <= ratio <= ball(more)), "the sum is further off than tau"
        assert sigma2 < 2 or more - less < Fraction(1, 10**6), "tau is useless"
    shares = (ball(Fraction(j, j + 1)) / 4 for j in range(1, 60))
    exact = ball(Fraction(9, 2)) * sum(((-2 * arb.pi() ** 2 * share).exp() for share in shares), arb(0))
    less, more = shipped._closeness(Fraction(1, 4), 60)
    assert bool(exact.exp() <= ball(more)), "tau leaves out what stands behind"
    assert bool(ball(less) <= (-exact).exp()), "tau leaves out what stands behind"


def ratios_are_enclosed() -> None:
    for variance, a in itertools.product(
        [Fraction(1, 3), Fraction(63), Fraction(64), Fraction(200, 3), Fraction(250), Fraction(5000)], (0, 1, 20, 33, 34, 700)
    ):
        truth, term, j = arb(0), arb(1), 0
        while bool(term > arb(2) ** -300):
            term = (-ball(Fraction(2 * a * j + j * j) / (2 * variance))).exp()
            truth, j = truth + term, j + 1
        for bits in (60, 200):
            low, high = lattice_mills(a, variance, bits)
            assert is_bracketed(truth, low, high), "Mills' ratio on the integers lies outside its enclosure"
            assert (high - low) * 2 ** (bits - 16) < high, "Mills' ratio on the integers is enclosed loosely"


def epsilons_and_sigmas_meet_their_deltas() -> None:
    for sigma2, delta, (k, shift) in itertools.product(
        [Fraction(1), Fraction(6)], [Fraction(1, 10**6), Fraction(1, 20)], [(1, 1), (3, 2)]
    ):
        low, high = discrete_gaussian_epsilon(sigma2=sigma2, delta=delta, sensitivity=shift, k=k)
        law, crumb = composed(sigma2, k), ball(Fraction(1, 10**60))
        assert bool(hockey_stick(law, k * shift, high) <= ball(delta) + crumb), "an epsilon is stated too small"
        assert low == 0 or bool(hockey_stick(law, k * shift, low) + crumb >= ball(delta)), "no epsilon below low should do"
        least = discrete_gaussian_sigma2(epsilon=high, delta=delta, sensitivity=shift, k=k)
        assert least <= max(sigma2, Fraction(2)) * (1 + Fraction(1, 10**10)), "a smaller sigma2 was known to do"
        assert bool(hockey_stick(composed(least, k), k * shift, high) <= ball(delta) + crumb), "a sigma2 misses its target"


def prove() -> None:
    ctx.prec = PRECISION
    for cached in (shipped._delta, shipped._total, shipped._closeness):
        cached.cache_clear()  # a mutant must not find what the unchanged code has left there
    one_release_is_bracketed()
    pairs_of_releases_are_bracketed()
    sums_are_bracketed()
    sums_are_close_to_one_noise()
    ratios_are_enclosed()
    epsilons_and_sigmas_meet_their_deltas()


def mutants() -> dict[str, object]:
    gaussian, mills = "privlib.accounting.discrete_gaussian", "privlib.noise.laws.mills"
    return {
        "the threshold is one too far": rewritten(f"{gaussian}._delta", ".__floor__() + 1", ".__floor__() + 2"),
        "the threshold is one too near": rewritten(f"{gaussian}._delta", ".__floor__() + 1", ".__floor__()"),
        "k shifts move the sum by one": rewritten(
            f"{gaussian}._delta", "summed, moved = k * sigma2, k * shift", "summed, moved = k * sigma2, shift"
        ),
        "the sum is as wide as one noise": rewritten(
            f"{gaussian}._delta", "summed, moved = k * sigma2,", "summed, moved = sigma2,"
        ),
        "the sum is taken for one discrete Gaussian": rewritten(f"{gaussian}._closeness", "if k == 1:", "if k >= 1:"),
        "tau is a hundredth": rewritten(f"{gaussian}._closeness", "9 * (total", "Fraction(9, 100) * (total"),
        "tau stops where counting stops": rewritten(f"{gaussian}._closeness", "(k - 1 - counted) * q", "0 * q"),
        "both ends of the bracket use one tau": rewritten(
            f"{gaussian}._delta", "more * near[1] - less * far[0]", "less * near[1] - more * far[0]"
        ),
        "zero is counted twice": rewritten(f"{gaussian}._total", "2 * low - 1, 2 * high - 1", "2 * low, 2 * high"),
        "the half of the first term": rewritten(
            f"{mills}.lattice_mills", "(1 << work - 1) - remainder, (1 << work - 1) + remainder", "-remainder, remainder"
        ),
        "corrections of the wrong sign": rewritten(f"{mills}._more_corrections", "(-1) ** j *", "(-1) ** (j + 1) *"),
        "the series stops at once": rewritten(f"{mills}._orders", "if remainder <= 2:", "if True:"),
        "terms do not fall faster": rewritten(
            f"{mills}._term_by_term",
            "step_low, step_high = step_low * fall_low >> bits, ceil_div(step_high * fall_high, one)",
            "step_low, step_high = step_low, step_high",
        ),
        "epsilon is the lower end": rewritten(
            f"{gaussian}.discrete_gaussian_epsilon", "up(high.numerator, high.denominator", "down(low.numerator, low.denominator"
        ),
        "sigma2 is not checked": rewritten(
            f"{gaussian}.discrete_gaussian_sigma2",
            "return shorter if loss(shorter) <= delta else found",
            "return shorter * Fraction(99, 100)",
        ),
    }


@settings(max_examples=40)
@given(
    st.fractions(min_value=Fraction(1, 5), max_value=40, max_denominator=50),
    st.fractions(min_value=0, max_value=8, max_denominator=30),
    st.integers(1, 9),
)
def test_one_release_of_any_width_is_bracketed(sigma2: Fraction, epsilon: Fraction, shift: int) -> None:
    ctx.prec = PRECISION
    low, high = discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon, sensitivity=shift)
    assert is_bracketed(hockey_stick(noise(sigma2), shift, epsilon), low, high)


@settings(max_examples=25)
@given(
    st.fractions(min_value=Fraction(1, 4), max_value=3, max_denominator=9),
    st.fractions(min_value=0, max_value=8, max_denominator=30),
    st.integers(1, 3),
    st.integers(2, 4),
)
def test_a_few_releases_of_any_width_are_bracketed(sigma2: Fraction, epsilon: Fraction, shift: int, k: int) -> None:
    ctx.prec = PRECISION
    low, high = discrete_gaussian_delta(sigma2=sigma2, epsilon=epsilon, sensitivity=shift, k=k)
    assert is_bracketed(hockey_stick(composed(sigma2, k), k * shift, epsilon), low, high)

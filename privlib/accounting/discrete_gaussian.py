"""What the discrete Gaussian costs exactly, once or k times: no conversion, no grid. The theorem is accounting.t2.

With noise of parameter sigma2 on an integer query of sensitivity D, k times over, the log-likelihood ratio is affine in the sum
S of the k noises. So ``delta(epsilon) = P[S >= a] - exp(epsilon) P[S >= a + k D]``, where
``a = floor((2 sigma2 epsilon - k D**2) / (2 D)) + 1``, and S is within a factor ``exp(tau)`` of one discrete Gaussian of
parameter ``k sigma2``. For SCALAR queries only: on vectors the discrete Gaussian leaks more than this at some epsilons; use
``rho = D**2 / (2 sigma2)``, or the rounded Gaussian, which is Gaussian-differentially private for vectors too.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from privlib.accounting.rounding import SMALLEST, down, up
from privlib.accounting.search import bracket
from privlib.accounting.zcdp import epsilon_of_rho, rho_of_epsilon
from privlib.bounds import Real, exact, exact_int, exact_share
from privlib.certified import exp_negative
from privlib.errors import InvalidInput
from privlib.noise.laws.mills import lattice_mills

__all__ = ["discrete_gaussian_delta", "discrete_gaussian_epsilon", "discrete_gaussian_sigma2"]

_BITS = 128
_DIGITS = 25
_EPSILON_DIGITS = 19
_PRECISION = 66
_FARTHEST = 2000  # exp(-1000) is below every number of 400 digits
_LEAST_COMPOSED = Fraction(1, 4)
_TWO_PI_SQUARED = Fraction(197392, 10**4)  # below
_COUNTED = 16
_DEEPEST = 4000


def discrete_gaussian_delta(*, sigma2: Real, epsilon: Real, sensitivity: int = 1, k: int = 1) -> tuple[Fraction, Fraction]:
    """Bracket the exact delta of ``k`` releases of scalar integer queries under discrete Gaussian noise.

    Parameters
    ----------
    sigma2 : rational > 0
        The parameter of the noise, at least 1/4 when ``k > 1``. Read by its decimal spelling.
    epsilon : rational >= 0
        The epsilon asked about.
    sensitivity : int >= 1
        By how much one person moves each query at most. Queries may be chosen from the answers before them.
    k : int >= 1
        How many releases.

    Returns
    -------
    tuple of Fraction
        ``(low, high)``: no delta below low holds, and high does. They agree in some 25 digits for ``k = 1``; for more the gap
        is a factor ``exp(2 tau)``, below ``1 + 1e-30`` from sigma2 = 9 on and of little use below sigma2 = 2.

    Raises
    ------
    InvalidInput
        For arguments out of range.

    Notes
    -----
    Scalar queries only. For integer vectors use ``Bound.zcdp(D**2 / (2 sigma2))``, or the rounded Gaussian.

    Examples
    --------
    >>> low, high = discrete_gaussian_delta(sigma2=1, epsilon=1)
    >>> print(float(low), float(high - low) < 1e-24)
    0.14135133940562192 True
    """
    parameter, shift, releases = _checked(sigma2, sensitivity, k)
    epsilon = exact(epsilon, name="epsilon")
    if epsilon < 0:
        raise InvalidInput(f"epsilon must be >= 0, got {epsilon}")
    low, high = _delta(parameter, shift, releases, epsilon)
    return down(low.numerator, low.denominator, digits=_DIGITS), up(high.numerator, high.denominator, digits=_DIGITS)


def discrete_gaussian_epsilon(*, sigma2: Real, delta: Real, sensitivity: int = 1, k: int = 1) -> tuple[Fraction, Fraction]:
    """Bracket the exact epsilon of ``k`` releases of scalar integer queries under discrete Gaussian noise.

    Parameters
    ----------
    sigma2 : rational > 0
        The parameter of the noise, at least 1/4 when ``k > 1``. Read by its decimal spelling.
    delta : rational, 0 < delta < 1
        The delta allowed.
    sensitivity : int >= 1
        By how much one person moves each query at most. Queries may be chosen from the answers before them.
    k : int >= 1
        How many releases.

    Returns
    -------
    tuple of Fraction
        ``(low, high)``: no epsilon below low holds with this delta, and high does. State high.

    Raises
    ------
    InvalidInput
        For arguments out of range.

    Notes
    -----
    Scalar queries only, as for `discrete_gaussian_delta`.

    Examples
    --------
    >>> low, high = discrete_gaussian_epsilon(sigma2=100, delta=1e-6, k=1000)
    >>> print(round(float(low), 12), round(float(high), 12))
    19.423664552494 19.423664552494
    """
    parameter, shift, releases = _checked(sigma2, sensitivity, k)
    delta = exact_share(delta, name="delta")
    zero = Fraction(0)
    if _delta(parameter, shift, releases, zero)[1] <= delta:
        return zero, zero
    start = epsilon_of_rho(Fraction(releases * shift * shift) / (2 * parameter), delta)
    high = start
    low = zero
    if _delta(parameter, shift, releases, start)[1] <= delta:
        low, high = bracket(
            lambda e: _delta(parameter, shift, releases, e)[1], delta, unsafe=zero, safe=start, precision=_PRECISION
        )
    if _delta(parameter, shift, releases, low)[0] <= delta:  # the deltas are too far apart to decide there
        low, _ = bracket(lambda e: _delta(parameter, shift, releases, e)[0], delta, unsafe=zero, safe=low, precision=_PRECISION)
    return (
        down(low.numerator, low.denominator, digits=_EPSILON_DIGITS),
        up(high.numerator, high.denominator, digits=_EPSILON_DIGITS),
    )


def discrete_gaussian_sigma2(*, epsilon: Real, delta: Real, sensitivity: int = 1, k: int = 1) -> Fraction:
    """A small sigma2 with which ``k`` releases of scalar integer queries are (epsilon, delta) private together.

    Parameters
    ----------
    epsilon : rational > 0
        The target. Read by its decimal spelling.
    delta : rational, 0 < delta < 1
        The target's delta.
    sensitivity : int >= 1
        By how much one person moves each query at most. Queries may be chosen from the answers before them.
    k : int >= 1
        How many releases.

    Returns
    -------
    Fraction
        Checked by `discrete_gaussian_delta`. Below the sigma2 that zcdp asks for; as the exact delta need not fall all the way
        with sigma2, a smaller one may exist.

    Raises
    ------
    InvalidInput
        For arguments out of range.

    Examples
    --------
    >>> float(discrete_gaussian_sigma2(epsilon=1, delta=1e-6))
    17.8994897723179
    """
    epsilon, delta = exact(epsilon, name="epsilon"), exact_share(delta, name="delta")
    if epsilon <= 0:
        raise InvalidInput(f"epsilon must be > 0, got {epsilon}")
    shift, releases = exact_int(sensitivity, name="sensitivity of a scalar query"), exact_int(k, name="k")
    start = Fraction(releases * shift * shift) / (2 * rho_of_epsilon(epsilon, delta))
    start = max(up(start.numerator, start.denominator), _LEAST_COMPOSED)

    def loss(sigma2: Fraction) -> Fraction:
        return _delta(sigma2, shift, releases, epsilon)[1]

    unsafe = start / 2
    while loss(unsafe) <= delta and unsafe >= _LEAST_COMPOSED:
        start, unsafe = unsafe, unsafe / 2
    if unsafe < _LEAST_COMPOSED:
        return start
    _, found = bracket(loss, delta, unsafe=unsafe, safe=start)
    shorter = up(found.numerator, found.denominator)
    return shorter if loss(shorter) <= delta else found


def _checked(sigma2: Real, sensitivity: int, k: int) -> tuple[Fraction, int, int]:
    parameter = exact(sigma2, name="sigma2")
    shift, releases = exact_int(sensitivity, name="sensitivity of a scalar query"), exact_int(k, name="k")
    least = _LEAST_COMPOSED if releases > 1 else 0
    if parameter <= 0 or parameter < least:
        raise InvalidInput(f"sigma2 must be > 0, and at least 1/4 for k > 1, got {parameter}")
    return parameter, shift, releases


@lru_cache(maxsize=256)
def _delta(sigma2: Fraction, shift: int, k: int, epsilon: Fraction) -> tuple[Fraction, Fraction]:
    """Enclose the delta; with g the unnormalised density of parameter ``k sigma2``, M its Mills' ratio on the integers."""
    summed, moved = k * sigma2, k * shift  # of the sum of the noises
    a = ((2 * sigma2 * epsilon - moved * shift) / (2 * shift)).__floor__() + 1
    edge = a if a > 0 else 1 - a
    less, more = _closeness(sigma2, k)
    if less == 0:
        return Fraction(0), Fraction(1)
    if edge * edge > _FARTHEST * summed:
        return (Fraction(0), SMALLEST) if a > 0 else (1 - SMALLEST, Fraction(1))
    past = (2 * a + moved) * shift / (2 * sigma2) - epsilon  # exp(epsilon) g(a + k D) = exp(-past) g(a)
    bits = _BITS + 2 * int(sigma2).bit_length()
    near = _tail(edge * edge / (2 * summed), edge, summed, bits)
    far = _tail(past + a * a / (2 * summed), a + moved, summed, bits)
    if a > 0:
        low, high = less * near[0] - more * far[1], more * near[1] - less * far[0]
    else:
        low, high = 1 - more * (near[1] + far[1]), 1 - less * (near[0] + far[0])
    return max(Fraction(0), low), min(Fraction(1), high)


@lru_cache(maxsize=256)
def _total(sigma2: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Enclose the sum of g over all integers."""
    low, high = lattice_mills(0, sigma2, bits)
    return 2 * low - 1, 2 * high - 1


def _tail(exponent: Fraction, start: int, sigma2: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Enclose ``exp(-exponent)`` times the ratio at ``start`` over the total: a probability, where the factor is g(start)."""
    work = bits + min(2 * int(exponent), _DEEPEST)
    factor_low, factor_high = exp_negative(exponent, work)
    ratio_low, ratio_high = lattice_mills(start, sigma2, bits)
    total_low, total_high = _total(sigma2, bits)
    return factor_low * ratio_low / (total_high * (1 << work)), factor_high * ratio_high / (total_low * (1 << work))


@lru_cache(maxsize=256)
def _closeness(sigma2: Fraction, k: int) -> tuple[Fraction, Fraction]:
    """Rationals below ``exp(-tau)`` and above ``exp(tau)``.

    ``tau = 9/2 * (sum over j < k of q_j)`` with ``q_j = exp(-2 pi**2 sigma2 j / (j+1))``. The first q are summed, those after are
    no larger than the last of them.
    """
    if k == 1:
        return Fraction(1), Fraction(1)
    counted = min(k - 1, _COUNTED)
    total = q = 0
    for j in range(1, counted + 1):
        q = exp_negative(_TWO_PI_SQUARED * sigma2 * j / (j + 1), _BITS)[1]
        total += q
    tau = Fraction(9 * (total + (k - 1 - counted) * q), 2 << _BITS)
    low = exp_negative(tau, _BITS)[0] if tau < _BITS else 0
    return (Fraction(low, 1 << _BITS), Fraction(1 << _BITS, low)) if low else (Fraction(0), Fraction(2**_BITS))

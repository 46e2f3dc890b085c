"""How estimates of several values vary together, for sums and differences of them. Read beside proofs/ldp/t4_estimators.py."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput
from privlib.ldp.estimate import Target, known_share, rates
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle, Subset, Unary
from privlib.ldp.parts import Part, Scheme

if TYPE_CHECKING:
    from privlib.ldp.aggregate import Counts
    from privlib.ldp.spec import Spec

__all__ = ["covariance", "matrix"]

Floats = NDArray[np.float64]
_LARGEST = 1 << 12


def covariance(spec: Spec, record: Sequence[int], first: tuple[int, int], second: tuple[int, int]) -> Fraction:
    """How far one report's support of two values varies together, exactly.

    Parameters
    ----------
    spec : Spec
        The plan.
    record : sequence of int, shape (d,)
        What the sender holds, as `privlib.ldp.Domain.encode` gives it.
    first, second : tuple of int
        An attribute and one of its values each.

    Returns
    -------
    Fraction
        The covariance of the two indicators, given the record; under smp of a report that speaks of both attributes, and 0 for
        two attributes, of which no report speaks.
    """
    (i, x), (j, y) = first, second
    if i != j:
        if spec.scheme is not Scheme.RSFD:
            return Fraction(0)
        return -_pull(spec.parts[i], record[i] == x, x) * _pull(spec.parts[j], record[j] == y, y)
    part, own = spec.parts[i], record[i]
    misses, slope = rates(spec, i)
    means = [misses[value] + (slope if value == own else 0) for value in (x, y)]
    if x == y:
        return means[0] * (1 - means[0])
    one, none = _pair(part.oracle)
    both = one if own in (x, y, *_allies(part.oracle, x, y)) else none
    if spec.scheme is Scheme.RSFD:
        faked = Fraction(0) if part.fake is None else part.fake[x] + part.fake[y]
        both = part.weight * both + (1 - part.weight) * (one * faked + none * (1 - faked))
    return both - means[0] * means[1]


def _pull(part: Part, held: bool, value: int) -> Fraction:
    """By how much drawing the attribute rather than faking it moves the chance that a value is supported, times its weight."""
    return part.weight * ((part.oracle.hit if held else part.oracle.miss) - part.fake_support(value))


def _pair(oracle: Oracle) -> tuple[Fraction, Fraction]:
    """The chance that a report supports two values: the sender holds one of them, or an ally of them; or does not."""
    hit, k = oracle.hit, oracle.size
    match oracle:
        case Grr():
            return Fraction(0), Fraction(0)
        case Unary():
            return hit * oracle.miss, oracle.miss**2
        case Subset():
            c = oracle.chosen
            pairs = Fraction((c - 1), (k - 1) * (k - 2)) if k > 2 else Fraction(0)
            return hit * (c - 1) / (k - 1), pairs * (hit * (c - 2) + (1 - hit) * c)
        case LocalHash():
            return hit / oracle.buckets, Fraction(1, oracle.buckets**2)
        case Hadamard():
            return hit / 2, Fraction(1, 4)


def _allies(oracle: Oracle, x: int, y: int) -> list[int]:
    """The other values that a report supports whenever it supports both: sums of rows, or points on one line."""
    match oracle:
        case Hadamard():
            found = [((x + 1) ^ (y + 1)) - 1]
        case LocalHash():
            g, powers = oracle.buckets, [oracle.buckets**place for place in range(oracle.digits)]
            found = [sum((y // p + t * (x // p - y // p)) % g * p for p in powers) for t in range(2, g)]
        case _:
            found = []
    return [value for value in found if value < oracle.size]


def matrix(counts: Counts, attribute: int, *, target: Target = "population") -> Floats:
    """The covariances of the estimates of one attribute.

    Parameters
    ----------
    counts : Counts
        Of one report at least that speaks of the attribute.
    attribute : int
        Which, from 0 on.
    target : {"population", "sample"}
        What is estimated.

    Returns
    -------
    float array, shape (k, k)
        The estimates are put for the true frequencies. Weights w give a sum of estimates the variance ``w @ matrix @ w``.

    Raises
    ------
    InvalidInput
        Without reports, or for more than 4096 values.
    """
    spec, asked = counts.spec, int(counts.asked[attribute])
    part = spec.parts[attribute]
    if asked == 0 or part.size > _LARGEST:
        raise InvalidInput(f"covariances need a report that speaks of the attribute, and at most {_LARGEST} values")
    exact_misses, exact_slope = rates(spec, attribute)
    misses, slope = np.array(exact_misses, dtype=np.float64), float(exact_slope)
    seen = counts.supports[attribute] / asked
    held = (seen - misses) / slope
    one, none = map(float, _pair(part.oracle))
    either = held[:, None] + held[None, :] + _ally_shares(part.oracle, held)
    both = one * either + none * (1 - either)
    if spec.scheme is Scheme.RSFD:
        fakes = np.zeros(part.size) if part.fake is None else np.array(part.fake, dtype=np.float64)
        faked, weight = fakes[:, None] + fakes[None, :], float(part.weight)
        both = weight * both + (1 - weight) * (one * faked + none * (1 - faked))
    np.fill_diagonal(both, seen)
    spread = (both - np.outer(seen, seen)) / slope**2
    if target == "sample":
        spread -= (np.diag(held) - np.outer(held, held)) * float(known_share(asked, counts.reports))
    return np.asarray(spread / asked)


def _ally_shares(oracle: Oracle, held: Floats) -> Floats:
    shares = np.zeros((held.size, held.size))
    if isinstance(oracle, (Hadamard, LocalHash)):
        for x in range(held.size):
            for y in range(x):
                shares[x, y] = shares[y, x] = held[_allies(oracle, x, y)].sum()
    return shares

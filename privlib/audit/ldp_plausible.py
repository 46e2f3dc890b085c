"""Whether reports can be those of honest senders: local reports carry no proof of that, and a few can move an estimate far.

Whatever people's values are, honest reports support each value with a chance between `miss` and `hit`, set as many bits as
the declared law says, speak of each attribute as often as it is drawn, and are hardly ever alike. Each of these is tested by
an exact binomial tail. Reports that pass may still be forged; reports that fail are not honest, but for the stated chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import comb, lgamma, log, prod

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from privlib.audit.ldp_rows import Decoded
from privlib.bounds import Real, exact_share
from privlib.errors import InvalidInput
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Subset, Unary
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.reports import Reports
from privlib.ldp.spec import Spec

__all__ = ["Plausibility", "plausibility"]


@dataclass(frozen=True)
class Plausibility:
    """What tests of reports found.

    Attributes
    ----------
    reports, tests : int
        How many there were.
    p_value : float
        The chance that honest reports look so odd in any of the tests is at most this: the smallest of all, times their number.
    alpha : float
        The chance of a false alarm allowed.
    findings : tuple of str
        What is odd, in words, the oddest first; with all tests taken together each is below `alpha`.
    """

    reports: int
    tests: int
    p_value: float
    alpha: float
    findings: tuple[str, ...]

    @property
    def plausible(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __str__(self) -> str:
        if self.plausible:
            return f"{self.reports} reports, {self.tests} tests: nothing odd (p = {self.p_value:.3g})"
        first = "\n".join(f"- {finding}" for finding in self.findings[:20])
        return f"{self.reports} reports, {self.tests} tests: not those of honest senders (p = {self.p_value:.3g})\n{first}"


def plausibility(reports: Reports, *, alpha: Real = "0.001") -> Plausibility:
    """Test whether reports can be those of people who follow the plan, whatever their values are.

    Parameters
    ----------
    reports : Reports
        At least one. Take them by source, to see which source is odd, and cap how many a source may send.
    alpha : rational
        The chance of a false alarm, over all tests together; strictly between 0 and 1.

    Returns
    -------
    Plausibility

    Raises
    ------
    InvalidInput
        For no reports.

    Examples
    --------
    >>> spec = Spec({"a": ["x", "y"], "b": ["x", "y"]}, "smp-grr", level="record", odds=3)
    >>> forged = Reports(spec, np.zeros((200, 1), dtype=np.uint8))
    >>> plausibility(forged).findings[0]
    '200 of 200 reports are alike, byte for byte'
    """
    level = exact_share(alpha, name="alpha")
    if not len(reports):
        raise InvalidInput("there are no reports to test")
    found = sorted(_tests(reports))
    p_value = min(1.0, found[0][0] * len(found))
    odd = tuple(words for p, words in found if p * len(found) <= level)
    return Plausibility(len(reports), len(found), p_value, float(level), odd)


def _tests(reports: Reports) -> Iterator[tuple[float, str]]:
    """The chance of what was seen or something odder, and what it was."""
    spec, seen = reports.spec, Decoded(reports.layout, reports.rows)
    for j, (name, part) in enumerate(zip(spec.domain.names, spec.parts, strict=True)):
        about = seen.speaks_of(j)
        n, weight = int(about.sum()), float(part.weight)
        if spec.scheme is Scheme.SMP:
            words = f"{name}: {n} of {len(reports)} reports are about it, {len(reports) * weight:.6g} are expected"
            yield _both(n, len(reports), weight, weight), words
        for value, (least, most) in enumerate(_chances(spec, part)):
            count = int((seen.supports(j, value) & about).sum())
            words = f"{name}, value {value}: {count} of {n} reports support it, honest are {n * least:.6g} to {n * most:.6g}"
            yield _both(count, n, least, most), words
        if isinstance(part.oracle, Unary):
            ones = np.bincount(seen.bits(j)[about].sum(axis=1, dtype=np.int64), minlength=part.size + 1)
            for weight_of_report, (count, chance) in enumerate(zip(ones.tolist(), _weights(spec, part), strict=True)):
                words = f"{name}: {count} of {n} reports have {weight_of_report} bits set, {n * chance:.6g} are expected"
                yield _both(count, n, chance, chance), words
    yield _copies(reports)


def _chances(spec: Spec, part: Part) -> list[tuple[float, float]]:
    """For each value the chances that it is supported by the report of somebody who has another, or has it."""
    found = (part.support(spec.scheme, value) for value in range(part.size))
    return [(float(miss), float(miss + slope)) for miss, slope in found]


def _weights(spec: Spec, part: Part) -> list[float]:
    """The chance of each number of bits set, the same for everybody."""
    k, hit, miss = part.size, part.oracle.hit, part.oracle.miss

    def binomial(n: int, ones: int) -> Fraction:
        return comb(n, ones) * miss**ones * (1 - miss) ** (n - ones) if 0 <= ones <= n else Fraction(0)

    held = [hit * binomial(k - 1, ones - 1) + (1 - hit) * binomial(k - 1, ones) for ones in range(k + 1)]
    if spec.scheme is not Scheme.RSFD or part.fake is not None:
        return [float(chance) for chance in held]
    w = part.weight
    return [float(w * chance + (1 - w) * binomial(k, ones)) for ones, chance in enumerate(held)]


def _both(count: int, n: int, least: float, most: float) -> float:
    """Twice the smaller tail of a sum of independent bits, each with a chance from ``least`` to ``most``."""
    low = 1.0 if count >= n else float(betainc(n - count, count + 1, 1 - least))
    high = 1.0 if count <= 0 else float(betainc(count, n - count + 1, most))
    return min(1.0, 2 * min(low, high))


def _copies(reports: Reports) -> tuple[float, str]:
    """How often the most frequent report was sent, whole: n reports have c alike with chance at most C(n, c) largest^(c-1)."""
    _, times = np.unique(_as_one(reports.rows), return_counts=True)
    n, most = len(reports), int(times.max())
    ways = lgamma(n + 1) - lgamma(most + 1) - lgamma(n - most + 1)
    logarithm = ways + (most - 1) * log(_largest(reports.spec)) if most > 1 else 0.0
    return float(np.exp(min(0.0, logarithm))), f"{most} of {n} reports are alike, byte for byte"


def _as_one(rows: NDArray[np.uint8]) -> NDArray[np.void]:
    return np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1]))).ravel()


def _largest(spec: Spec) -> Fraction:
    """At least the chance of any one report."""
    own = [_most_likely(part) for part in spec.parts]
    if spec.scheme is Scheme.SPL:
        return prod(own, start=Fraction(1))
    if spec.scheme is Scheme.SMP:
        return max(part.weight * chance for part, chance in zip(spec.parts, own, strict=True))
    fakes = [_most_likely_fake(part) for part in spec.parts]
    branches = [chance * prod(fakes[:j] + fakes[j + 1 :], start=Fraction(1)) for j, chance in enumerate(own)]
    return max(branches)


def _most_likely(part: Part) -> Fraction:
    oracle = part.oracle
    match oracle:
        case Grr():
            return oracle.hit
        case Unary():
            return max(oracle.hit, 1 - oracle.hit) * max(oracle.miss, 1 - oracle.miss) ** (oracle.size - 1)
        case Subset():
            return oracle.hit / comb(oracle.size - 1, oracle.chosen - 1)
        case LocalHash():
            return oracle.hit / int(oracle.buckets**oracle.digits)
        case Hadamard():
            return 2 * oracle.hit / oracle.columns


def _most_likely_fake(part: Part) -> Fraction:
    if isinstance(part.oracle, Unary):
        return _most_likely(part) if part.fake is not None else max(part.oracle.miss, 1 - part.oracle.miss) ** part.size
    return max(part.fake or (Fraction(1),))

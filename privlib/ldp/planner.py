"""The cheapest protocol under a cap for any two records, for records that differ in one attribute, or under both.

Three ways are compared, each at its best: every attribute randomised by itself (spl) with odds of its own; one attribute drawn
and told (smp) with weights of its own; and one drawn, not told, among fakes (RS+FD), as a mixture of encodings with odds and
weights of its own. What a plan leaks is computed exactly from what it does, whatever the search assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import exp, log, prod, sqrt
from typing import get_args

import numpy as np

from privlib.bounds import Real, exact_int
from privlib.errors import InvalidInput
from privlib.ldp.calibrate import Level, calibrated, read_odds
from privlib.ldp.domain import Domain, Label
from privlib.ldp.guarantee import Guarantee, guarantee
from privlib.ldp.mixture import mixture
from privlib.ldp.parts import PROTOCOLS, Part, Scheme, build, scheme_of
from privlib.ldp.predict import Shares, mean_variance, required_n, variance
from privlib.ldp.spec import Spec
from privlib.ldp.wire import Layout

__all__ = ["Row", "cheapest", "compare", "plan"]

_WORTH = Fraction(999, 1000)  # a plan with laws of its own must save one part in a thousand over a named one
_LONGEST_SET = 1 << 12  # an attribute with more values is not reported as a set of them: such a report is a bit for each
_LARGE = 1 << 20  # odds at which nothing is left to gain by hashing or by sharing them out
_SMALL = Fraction(1, 1 << 20)  # odds less 1 that floats no longer share out well
_BITS = 40
_STEPS = 400


@dataclass(frozen=True)
class Row:
    """A protocol under given caps, for comparison.

    Attributes
    ----------
    protocol : str
        Its name.
    guarantee : Guarantee
        What it leaks, exactly.
    rare, even : Fraction
        Mean variances of estimates, times the number of people, of values that nobody has and where all values are alike.
    width : int
        Bytes of a report.
    """

    protocol: str
    guarantee: Guarantee
    rare: Fraction
    even: Fraction
    width: int

    def standard_error(self, n: int) -> float:
        """Of the estimate of a rare value, with n people; the root of the mean over attributes."""
        return sqrt(self.rare / n)


def plan(
    domain: Domain | Mapping[str, Sequence[Label]],
    *,
    level: Level | None = None,
    epsilon: Real | None = None,
    odds: Real | None = None,
    record_epsilon: Real | None = None,
    record_odds: Real | None = None,
    attribute_epsilon: Real | None = None,
    attribute_odds: Real | None = None,
    n: int | None = None,
    shares: Shares = "even",
) -> Spec:
    """Find the plan with the smallest mean variance that keeps a cap, or two.

    Parameters
    ----------
    domain : Domain
        The attributes and their labels, or a mapping from which to make it.
    level : {"record", "attribute"}
        What `epsilon` or `odds` is a cap on: any two records, or two that differ in one attribute.
    epsilon, odds : rational
        The cap, one of them, together with `level`.
    record_epsilon, record_odds, attribute_epsilon, attribute_odds : rational
        Instead: a cap at either level, or one at each.
    n : int, optional
        How many people will report. A plan under which they could not tell 0 from 1 is refused.
    shares : {"even", "rare"}
        Whether variance counts where all values are alike, which is the mean over all values for spl and rsfd whatever their
        shares, and the largest such mean for smp; or for values that nobody has, as papers compare.

    Returns
    -------
    Spec

    Raises
    ------
    InvalidInput
        For caps that are missing, doubled or out of range, and for too few people.

    Examples
    --------
    >>> domain = Domain({f"q{place}": list(range(10)) for place in range(10)})
    >>> plan(domain, level="record", odds=3)
    <Spec smp-ss, 10 attributes, record epsilon 1.09862>
    >>> plan(domain, attribute_odds=3, record_odds=21)
    <Spec rsfd-grr, 10 attributes, record epsilon 3.04453 and attribute epsilon 1.09862>
    """
    space = domain if isinstance(domain, Domain) else Domain(domain)
    caps = _caps(level, (epsilon, odds), (record_epsilon, record_odds), (attribute_epsilon, attribute_odds))
    people = None if n is None else exact_int(n, name="n")
    spec = cheapest(space, record_cap=caps[0], attribute_cap=caps[1], shares=shares)
    if people is not None and people < (least := required_n(spec, half_width=Fraction(1, 2))):
        raise InvalidInput(
            f"with n = {people} the estimates say nothing: it takes {least} people, a larger cap or fewer attributes"
        )
    return spec


def _caps(
    level: Level | None,
    either: tuple[Real | None, Real | None],
    record: tuple[Real | None, Real | None],
    attribute: tuple[Real | None, Real | None],
) -> tuple[Fraction | None, Fraction | None]:
    """The caps at both levels, from all the ways to give them."""
    named = [read_odds(*given, name=name) if given != (None, None) else None for given, name in _named(record, attribute)]
    if level is None and either == (None, None) and named != [None, None]:
        return named[0], named[1]
    if named != [None, None] or level is None:
        raise InvalidInput(
            "give level= with epsilon= or odds=, or record_ and attribute_epsilon= or _odds=; not both, not neither"
        )
    if level not in get_args(Level):
        raise InvalidInput(f"level must be 'record' or 'attribute', got {str(level)[:40]!r}")
    cap = read_odds(*either)
    return (cap, None) if level == "record" else (None, cap)


def _named(
    record: tuple[Real | None, Real | None], attribute: tuple[Real | None, Real | None]
) -> tuple[tuple[tuple[Real | None, Real | None], str], ...]:
    return (record, "record_"), (attribute, "attribute_")


def cheapest(
    domain: Domain, *, record_cap: Fraction | None = None, attribute_cap: Fraction | None = None, shares: Shares = "even"
) -> Spec:
    """The plan with the smallest mean variance that keeps the caps given as exact odds.

    Parameters
    ----------
    domain : Domain
        The attributes.
    record_cap, attribute_cap : Fraction, optional
        The odds allowed between any two records, and between two that differ in one attribute; one at least.
    shares : {"even", "rare"}
        As for `plan`.

    Returns
    -------
    Spec

    Raises
    ------
    InvalidInput
        For no cap, or one that allows nothing.
    """
    if shares not in get_args(Shares):
        raise InvalidInput(f"shares must be 'even' or 'rare', got {str(shares)[:40]!r}")
    caps = [cap for cap in (record_cap, attribute_cap) if cap is not None]
    if not caps or min(caps) <= 1:
        raise InvalidInput(
            "a plan needs a cap on its odds, above 1, for any two records or for records differing in one attribute"
        )

    def cost(one: tuple[Scheme, str, tuple[Part, ...]]) -> Fraction:
        return mean_variance(one[0], one[2], shares) / (_WORTH if one[1] == "custom" else 1)

    scheme, protocol, parts = min(_candidates(domain.sizes, record_cap, attribute_cap, shares), key=cost)
    return Spec.of_parts(domain, parts, scheme=scheme, protocol=protocol, record_cap=record_cap, attribute_cap=attribute_cap)


def _candidates(
    sizes: Sequence[int], record: Fraction | None, attribute: Fraction | None, shares: Shares
) -> Iterator[tuple[Scheme, str, tuple[Part, ...]]]:
    """Plans worth comparing: of each way a named protocol first, then one with laws of its own."""
    count = len(sizes)
    least = min(cap for cap in (record, attribute) if cap is not None)
    yield from _singles(Scheme.SMP, sizes, [least] * count, shares)
    if record is None or (attribute is not None and attribute**count <= record):
        yield from _singles(Scheme.SPL, sizes, [least] * count, shares)
    else:
        alike = calibrated("spl-grr", sizes, record, level="record")[0].oracle.odds
        most = alike if attribute is None else min(alike, attribute)
        yield from _singles(Scheme.SPL, sizes, [most] * count, shares)
        if len(set(sizes)) > 1 and 1 + _SMALL < most < _LARGE:
            total = count * log(alike)
            yield from _singles(Scheme.SPL, sizes, _shared_out(sizes, total, record, attribute, shares), shares)
    if count > 1:
        yield from _with_fakes(sizes, record, attribute, shares)


def _singles(
    scheme: Scheme, sizes: Sequence[int], odds: Sequence[Fraction], shares: Shares
) -> Iterator[tuple[Scheme, str, tuple[Part, ...]]]:
    """The best randomiser of each attribute by itself; where one is drawn, also with weights that even out what is gained."""
    kinds = ["grr", "ss"] if max(sizes) <= _LONGEST_SET else ["grr"]
    if max(odds) < min(_LARGE, max(sizes)):
        kinds.append("olh")
    built = {kind: build(f"{scheme}-{kind}", sizes, odds) for kind in kinds}
    costs = {kind: [variance(scheme, part, _share(part, shares)) for part in parts] for kind, parts in built.items()}
    chosen = [min((costs[kind][place], order, kind) for order, kind in enumerate(kinds))[2] for place in range(len(sizes))]
    alike = len(set(odds)) == 1
    if alike:
        kind = min(kinds, key=lambda kind: sum(costs[kind]))
        yield scheme, kind, built[kind]
    parts = [built[kind][place] for place, kind in enumerate(chosen)]
    if not alike or len(set(chosen)) > 1:
        yield scheme, "custom", tuple(parts)
    if scheme is Scheme.SMP:
        # The mean of V / weight is smallest for weights proportional to the root of V (Cauchy and Schwarz).
        gains = [variance(Scheme.SPL, part, _share(part, shares), target="population") for part in parts]
        roots = [sqrt(gain / max(gains)) for gain in gains]
        whole = [max(Fraction(1, 1 << _BITS), Fraction(round(root / sum(roots) * (1 << _BITS)), 1 << _BITS)) for root in roots]
        whole[whole.index(max(whole))] += 1 - sum(whole)
        yield scheme, "custom", tuple(Part(part.oracle, weight) for part, weight in zip(parts, whole, strict=True))


def _share(part: Part, shares: Shares) -> Fraction:
    return Fraction(1, part.size) if shares == "even" else Fraction(0)


def _shared_out(
    sizes: Sequence[int], total: float, record: Fraction, attribute: Fraction | None, shares: Shares
) -> list[Fraction]:
    """Odds for each attribute whose product keeps the cap on records, so that a little more saves equally much everywhere."""
    most = total if attribute is None or attribute >= record else min(total, log(attribute))
    grid = np.exp(np.linspace(log(total / len(sizes) / 16), log(most), _STEPS))  # epsilons
    curves = {size: _curve(size, grid, shares) for size in set(sizes)}

    def at(price: float) -> list[float]:
        spent = {size: float(grid[np.argmin(curve + price * grid)]) for size, curve in curves.items()}
        return [spent[size] for size in sizes]

    low, high = -60.0, 60.0  # of the logarithm of the price of epsilon
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(at(exp(middle))) > total else (low, middle)
    spent = at(exp(high))
    stretch = min(total / sum(spent), most / max(spent))
    odds = [Fraction(int(exp(each * stretch) * (1 << _BITS)), 1 << _BITS) for each in spent]
    return _kept(odds, record, attribute)


def _kept(odds: Sequence[Fraction], record: Fraction, attribute: Fraction | None) -> list[Fraction]:
    """The same odds, a little smaller where floats gave too much."""
    step = 0
    while True:
        shrunk = [1 + (each - 1) * (1 - Fraction(step, 1 << 32)) for each in odds]
        if attribute is not None:
            shrunk = [min(each, attribute) for each in shrunk]
        shrunk = [Fraction(int(each * (1 << _BITS)), 1 << _BITS) for each in shrunk]
        if prod(shrunk) <= record and min(shrunk) > 1:
            return shrunk
        step = 4 * step + 1


def _curve(size: int, grid: np.ndarray, shares: Shares) -> np.ndarray:
    """The variance of the best set randomiser of one attribute against epsilon, in floats."""
    odds = np.exp(grid)
    chosen = np.clip(np.round(size / (odds + 1)), 1, size - 1)
    hit = chosen * odds / (chosen * odds + size - chosen)
    miss = (chosen - hit) / (size - 1)
    share = 1 / size if shares == "even" else 0.0
    return np.asarray((share * hit * (1 - hit) + (1 - share) * miss * (1 - miss)) / (hit - miss) ** 2)


def _with_fakes(
    sizes: Sequence[int], record: Fraction | None, attribute: Fraction | None, shares: Shares
) -> Iterator[tuple[Scheme, str, tuple[Part, ...]]]:
    """RS+FD where every attribute leaks alike, and so a record d times as much: named ones with equal weights, and a mixture."""
    count = len(sizes)
    excess = min(([] if record is None else [(record - 1) / count]) + ([] if attribute is None else [attribute - 1]))
    for kind in ("grr", "oue-z") if len(set(sizes)) == 1 else ("oue-z",):
        yield Scheme.RSFD, kind, build(f"rsfd-{kind}", sizes, [1 + count * excess] * count)
    if (
        record is None or (attribute is not None and attribute < record)
    ) and excess > _SMALL:  # else smp at the same odds is d times better
        yield Scheme.RSFD, "custom", mixture(sizes, excess, even=shares == "even")


def compare(
    domain: Domain | Mapping[str, Sequence[Label]],
    *,
    level: Level | None = None,
    epsilon: Real | None = None,
    odds: Real | None = None,
    record_epsilon: Real | None = None,
    record_odds: Real | None = None,
    attribute_epsilon: Real | None = None,
    attribute_odds: Real | None = None,
    shares: Shares = "even",
) -> list[Row]:
    """Every named protocol that keeps the caps, and the plan that is found under them, the best first.

    Parameters
    ----------
    domain, level, epsilon, odds, record_epsilon, record_odds, attribute_epsilon, attribute_odds, shares
        As for `plan`.

    Returns
    -------
    list of Row

    Examples
    --------
    >>> rows = compare({"smokes": ["no", "yes"], "region": ["N", "E", "S", "W"]}, attribute_odds=3, record_odds=9)
    >>> [(row.protocol, str(row.rare), str(row.guarantee.record)) for row in rows][:2]
    [('spl-grr', '1', '9'), ('spl-adp', '1', '9')]
    """
    space = domain if isinstance(domain, Domain) else Domain(domain)
    record, attribute = _caps(level, (epsilon, odds), (record_epsilon, record_odds), (attribute_epsilon, attribute_odds))
    found = cheapest(space, record_cap=record, attribute_cap=attribute, shares=shares)
    rows = [_row(found.protocol, found.scheme, found.parts)]
    for protocol in PROTOCOLS:
        scheme = scheme_of(protocol)
        few = scheme is Scheme.RSFD and len(space.sizes) < 2
        wide = protocol.endswith("olh") and min(cap for cap in (record, attribute) if cap is not None) > _LARGE
        if protocol == found.protocol or protocol.startswith("rsrfd") or few or wide:
            continue
        parts = _largest(protocol, space.sizes, record, attribute)
        if parts is not None:
            rows.append(_row(protocol, scheme, parts))
    return sorted(rows, key=lambda row: row.even if shares == "even" else row.rare)


def _row(protocol: str, scheme: Scheme, parts: Sequence[Part]) -> Row:
    rare, even = mean_variance(scheme, parts, "rare"), mean_variance(scheme, parts, "even")
    return Row(protocol, guarantee(scheme, parts), rare, even, Layout(scheme, tuple(parts)).width)


def _largest(protocol: str, sizes: Sequence[int], record: Fraction | None, attribute: Fraction | None) -> tuple[Part, ...] | None:
    """A named protocol at the largest odds that keep the caps; None where that of one level breaks the other."""
    scheme = scheme_of(protocol)
    levels: tuple[tuple[Level, Fraction | None], ...] = (("record", record), ("attribute", attribute))
    for level, cap in levels:
        if cap is None:
            continue
        parts = calibrated(protocol, sizes, cap, level=level)
        if _keeps(guarantee(scheme, parts), record, attribute):
            return parts
    return None


def _keeps(told: Guarantee, record: Fraction | None, attribute: Fraction | None) -> bool:
    return (record is None or told.record <= record) and (attribute is None or told.attribute <= attribute)

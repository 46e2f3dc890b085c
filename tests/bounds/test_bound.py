"""A certificate is a value: it adds, compares and is written exactly, and refuses what does not belong together."""

import pickle
from fractions import Fraction

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.bounds import Bound, Kind, Neighbours
from privlib.certified import exp_at_most, exp_negative
from privlib.errors import InvalidInput, Mismatch

RELATIONS = st.sampled_from(Neighbours)
AMOUNTS = st.builds(Fraction, st.integers(0, 10**9), st.integers(1, 10**9))
ODDS = st.builds(lambda more, whole: 1 + Fraction(more, whole), st.integers(0, 10**9), st.integers(1, 10**6))
SHARES = st.builds(Fraction, st.integers(0, 2), st.integers(8, 10**9))


def bounds(relation: Neighbours) -> st.SearchStrategy[Bound]:
    return st.one_of(
        st.builds(lambda e, o: Bound.pure(e, odds=o, neighbours=relation), AMOUNTS, ODDS),
        st.builds(lambda r: Bound.zcdp(r, neighbours=relation), AMOUNTS),
        st.builds(lambda m: Bound.gdp(m, neighbours=relation), AMOUNTS),
        st.builds(lambda e, d: Bound.approx(e, d, neighbours=relation), AMOUNTS, SHARES),
    )


@given(RELATIONS.flatmap(bounds))
def test_round_trip(bound: Bound) -> None:
    assert Bound.from_dict(bound.to_dict()) == bound
    assert pickle.loads(pickle.dumps(bound)) == bound
    assert str(bound.neighbours) in str(bound)
    assert bound.neighbours.meaning


@given(RELATIONS.flatmap(lambda relation: st.tuples(*[bounds(relation)] * 3)))
def test_addition_is_commutative_and_associative_or_refused_alike(three: tuple[Bound, Bound, Bound]) -> None:
    def total(*terms: Bound) -> Bound | None:
        try:
            result = terms[0]
            for term in terms[1:]:
                result = result + term
        except Mismatch:
            return None
        return result

    a, b, c = three
    assert total(a, b) == total(b, a)
    left = total(a, b, c)
    inner = total(b, c)
    right = None if inner is None else total(a, inner)
    assert left == right


@given(AMOUNTS, AMOUNTS, ODDS, ODDS)
def test_epsilons_add_and_odds_multiply(e: Fraction, f: Fraction, o: Fraction, p: Fraction) -> None:
    total = Bound.pure(e, odds=o, neighbours="record") + Bound.pure(f, odds=p, neighbours="record")
    assert (total.epsilon, total.odds) == (e + f, o * p)


@given(AMOUNTS, AMOUNTS)
def test_a_gdp_bound_joins_zcdp_as_half_its_square(rho: Fraction, mu2: Fraction) -> None:
    total = Bound.gdp(mu2, neighbours="event") + Bound.zcdp(rho, neighbours="event")
    assert total == Bound.zcdp(rho + mu2 / 2, neighbours="event")


@pytest.mark.parametrize("other", [Bound.zcdp(1, neighbours="replace"), Bound.approx(1, 0, neighbours="replace")])
def test_kinds_without_a_theorem_do_not_mix(other: Bound) -> None:
    pure = Bound.pure(1, neighbours="replace")
    with pytest.raises(Mismatch, match="cannot compose"):
        pure + other
    with pytest.raises(Mismatch):
        pure.within(other)


@given(st.tuples(RELATIONS, RELATIONS).filter(lambda pair: pair[0] != pair[1]))
def test_relations_never_mix(pair: tuple[Neighbours, Neighbours]) -> None:
    one, other = (Bound.pure(1, neighbours=relation) for relation in pair)
    with pytest.raises(Mismatch, match=f"{pair[0]} with one for {pair[1]}"):
        one + other
    with pytest.raises(Mismatch):
        one.within(other)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Bound.pure(-1, neighbours="replace"),
        lambda: Bound.pure(odds="0.99", neighbours="replace"),
        lambda: Bound.zcdp("-1e-300", neighbours="replace"),
        lambda: Bound.gdp(-1, neighbours="replace"),
        lambda: Bound.approx(1, 1, neighbours="replace"),
        lambda: Bound.approx(1, "-1e-9", neighbours="replace"),
        lambda: Bound.pure(True, neighbours="replace"),
        lambda: Bound.pure(float("nan"), neighbours="replace"),
        lambda: Bound.pure(1, neighbours="unbounded"),
        lambda: Bound.pure(1, neighbours=None),
        lambda: Bound(kind=Kind.ZCDP, neighbours=Neighbours.REPLACE, epsilon=Fraction(1)),
        lambda: Bound(kind=Kind.PURE, neighbours=Neighbours.REPLACE, delta=Fraction(1, 2)),
    ],
)
def test_bounds_outside_their_range_are_refused(build: object) -> None:
    with pytest.raises(InvalidInput):
        build()


def test_two_deltas_that_reach_one_are_refused() -> None:
    half = Bound.approx(1, "0.5", neighbours="replace")
    with pytest.raises(InvalidInput, match="delta"):
        half + half


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"kind": "pure"},
        {"kind": "pure", "neighbours": "replace"},
        {"kind": "pure", "neighbours": "replace", "epsilon": "2/2"},
        {"kind": "pure", "neighbours": "replace", "epsilon": "0.5"},
        {"kind": "pure", "neighbours": "replace", "epsilon": 1},
        {"kind": "pure", "neighbours": "replace", "epsilon": "1", "odds": "1"},
        {"kind": "pure", "neighbours": "replace", "epsilon": "1", "note": "x"},
        {"kind": "pure", "neighbours": "replace", "epsilon": "-1"},
        {"kind": "pure", "neighbours": "replace", "epsilon": "nan"},
        {"kind": "pure", "neighbours": "replace", "epsilon": "1e-999"},
        {"kind": "zcdp", "neighbours": "replace", "epsilon": "1"},
        {"kind": "rdp", "neighbours": "replace", "epsilon": "1"},
        {"kind": [], "neighbours": [], "epsilon": "1"},
    ],
)
def test_only_what_was_written_is_read(record: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="as privlib writes it"):
        Bound.from_dict(record)


def test_a_sum_too_long_to_read_back_is_counted_but_not_written() -> None:
    one = Bound.pure(Fraction(1, 10**399), neighbours="replace")
    other = Bound.pure(Fraction(1, 10**399 + 1), neighbours="replace")
    assert Bound.from_dict(one.to_dict()) == one
    assert (one + other).within(Bound.pure("1e-398", neighbours="replace"))
    assert "replace" in str(one + other)
    with pytest.raises(InvalidInput, match="at most 400 digits"):
        (one + other).to_dict()


@given(
    st.fractions(min_value=-40, max_value=40, max_denominator=1000),
    st.fractions(min_value=0, max_value=100, max_denominator=1000),
)
def test_odds_are_compared_with_epsilons_as_real_numbers_are(exponent: Fraction, bound: Fraction) -> None:
    with mpmath.workdps(80):
        value = mpmath.exp(mpmath.mpf(exponent.numerator) / exponent.denominator)
        truth = value <= mpmath.mpf(bound.numerator) / bound.denominator
    assert exp_at_most(exponent, bound) is bool(truth)


@given(
    st.integers(1, 300),
    st.fractions(min_value=Fraction(1, 1000), max_value=20, max_denominator=1000),
    st.sampled_from([-1, 1]),
)
def test_a_comparison_decided_only_by_the_last_digit_is_right(digits: int, epsilon: Fraction, side: int) -> None:
    with mpmath.workdps(digits + 30):
        near = mpmath.floor(mpmath.exp(mpmath.mpf(epsilon.numerator) / epsilon.denominator) * mpmath.mpf(10) ** digits)
        above = Fraction(int(near) + (side > 0), 10**digits)
    assert exp_at_most(epsilon, above) is (side > 0)
    spent, limit = Bound.pure(epsilon, neighbours="record"), Bound.pure(odds=above, neighbours="record")
    assert spent.within(limit) is (side > 0)
    assert limit.within(spent) is (side < 0)


@given(RELATIONS.flatmap(bounds))
def test_a_bound_is_within_itself(bound: Bound) -> None:
    assert bound.within(bound)


def test_the_smallest_excess_is_seen() -> None:
    limit = Bound.pure(1, neighbours="replace")
    assert not Bound.pure(1 + Fraction(1, 10**390), neighbours="replace").within(limit)
    assert not Bound.pure(1, odds=1 + Fraction(1, 10**390), neighbours="replace").within(limit)
    assert Bound.pure(1 - Fraction(1, 10**390), neighbours="replace").within(limit)


@given(st.fractions(min_value=0, max_value=2000, max_denominator=10**6), st.integers(1, 400))
def test_the_exponential_lies_between_its_two_integers(exponent: Fraction, bits: int) -> None:
    low, high = exp_negative(exponent, bits)
    with mpmath.workprec(bits + 3100):
        scaled = mpmath.exp(-mpmath.mpf(exponent.numerator) / exponent.denominator) * mpmath.mpf(2) ** bits
        assert low <= scaled <= high
    assert high - low <= 2

"""Attacks on local reports: the worst pair and the exact ratio, the attribute drawn, the sender's value, forged reports."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import comb, prod
from typing import Any

import numpy as np
import pytest

from privlib.audit import Verdict, ldp_inference, ldp_plausible
from privlib.audit.ldp import ldp_audit, ldp_claim, ldp_pair, ldp_ratio, published_ldp_audit
from privlib.audit.ldp_inference import guess_sampled_attribute, sampled_attribute_accuracy, value_accuracy
from privlib.audit.ldp_plausible import plausibility
from privlib.audit.pairs import Pair
from privlib.errors import InvalidInput
from privlib.ldp import Domain, Spec
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Subset, Unary, optimal_unary
from privlib.ldp.parts import PROTOCOLS, Part, Scheme
from privlib.ldp.reports import Reports
from privlib.ldp.wire import Layout
from privlib.noise.testing import fixed_key

pytestmark = pytest.mark.audit
F = Fraction
ADULT = (7, 16, 7, 14, 6, 5, 2, 41, 2)
KEY = bytes(range(32))
"""Where noise and secret bits are fixed, as in all audits below, the verdicts are the same in every run."""
PRIORS = [["1/2", "1/3", "1/6"], ["1/2", "1/2"]]


def plan(protocol: str, sizes: Sequence[int] = (3, 2), *, level: Any = "record", **given: Any) -> Spec:
    if protocol.startswith("rsrfd"):
        given["priors"] = PRIORS
    return Spec(Domain({f"a{j}": range(size) for j, size in enumerate(sizes)}), protocol, level=level, **({"odds": 3} | given))


def answers(part: Part, value: int | None) -> dict[tuple[int, int], Fraction]:
    """Every report of one attribute, as symbol and bits, and its chance given a value or, of None, as a fake."""
    oracle, k = part.oracle, part.size
    if value is None and part.fake is not None:
        if isinstance(oracle, Grr):
            return {(y, 0): chance for y, chance in enumerate(part.fake)}
        encoded = [answers(part, x) for x in range(k)]
        return {said: sum(g * law[said] for g, law in zip(part.fake, encoded, strict=True)) for said in encoded[0]}
    if isinstance(oracle, Unary):
        chances = [oracle.hit if x == value else oracle.miss for x in range(k)]
        return {(0, bits): prod(p if bits >> x & 1 else 1 - p for x, p in enumerate(chances)) for bits in range(2**k)}
    assert value is not None
    e = oracle.odds
    weights = dict[tuple[int, int], Fraction]()
    if isinstance(oracle, Grr):
        weights = {(y, 0): e if y == value else F(1) for y in range(k)}
    elif isinstance(oracle, Subset):
        weights = {(0, bits): e if bits >> value & 1 else F(1) for bits in range(2**k) if bits.bit_count() == oracle.chosen}
    elif isinstance(oracle, LocalHash):
        g, d = oracle.buckets, oracle.digits
        for a in range(g**d):
            own = sum((a // g**i % g) * (value // g**i % g) for i in range(d)) % g
            weights |= {(a * g + bucket, 0): e if bucket == own else F(1) for bucket in range(g)}
    elif isinstance(oracle, Hadamard):
        weights = {(y, 0): F(1) if ((value + 1) & y).bit_count() % 2 else e for y in range(oracle.columns)}
    return {said: weight / sum(weights.values()) for said, weight in weights.items()}


def every_report(spec: Spec, record: Sequence[int]) -> dict[bytes, list[Fraction]]:
    """The chances of each report together with the attribute drawn; of spl, with nothing drawn."""
    layout, parts = Layout(spec.scheme, spec.parts), spec.parts
    found = dict[bytes, list[Fraction]]()
    if spec.scheme is Scheme.SMP:
        for j, part in enumerate(parts):
            for (symbol, bits), chance in answers(part, record[j]).items():
                row = layout.write([symbol if i == j else 0 for i in range(len(parts))], bits, told=j)
                found[row] = [part.weight * chance]
        return found
    true = [answers(part, x) for part, x in zip(parts, record, strict=True)]
    fake = [answers(part, None) for part in parts] if spec.scheme is Scheme.RSFD else true
    for said in itertools.product(*true):
        bits = sum(own << layout.bit_offsets[j] for j, (_, own) in enumerate(said))
        row = layout.write([symbol for symbol, _ in said], bits)
        if spec.scheme is Scheme.SPL:
            found[row] = [prod(law[own] for law, own in zip(true, said, strict=True))]
        else:
            found[row] = [
                part.weight * true[j][said[j]] * prod(fake[i][said[i]] for i in range(len(parts)) if i != j)
                for j, part in enumerate(parts)
            ]
    return found


def law(spec: Spec, record: Sequence[int]) -> dict[bytes, Fraction]:
    found = {row: sum(chances) for row, chances in every_report(spec, record).items()}
    assert sum(found.values()) == 1
    return found


def rows_of(reports: Sequence[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(reports), dtype=np.uint8).reshape(len(reports), -1)


def mixture() -> Spec:
    """Unequal odds and skewed fakes: which value makes the worst pair depends on the other attribute."""
    skewed = (F(1, 10), F(1, 10), F(4, 5))
    parts = [
        Part(Grr(3, F(9)), F(1, 6), skewed),
        Part(optimal_unary(3, F(3, 2)), F(1, 3), skewed),
        Part(Unary(2, F(1, 2), F(1, 7)), F(1, 2)),
    ]
    domain = Domain({f"a{j}": range(part.size) for j, part in enumerate(parts)})
    return Spec.of_parts(domain, parts, scheme="rsfd", record_cap=F(9))


SPECS = {name: plan(name) for name in PROTOCOLS} | {"a mixture": mixture()}


@pytest.mark.parametrize("level", ["record", "attribute"])
@pytest.mark.parametrize("name", SPECS)
def test_some_report_tells_the_pair_apart_by_the_exact_guarantee_and_the_ratio_is_its_logarithm(name: str, level: Any) -> None:
    spec = SPECS[name]
    pair = ldp_pair(spec, level)
    first, second = law(spec, pair.first), law(spec, pair.second)
    assert max(first[row] / second[row] for row in first) == getattr(spec.guarantee(), level)
    changed = sum(a != b for a, b in zip(pair.first, pair.second, strict=True))
    assert changed == (len(spec.parts) if level == "record" else 1)
    expected = [np.log(float(second[row] / first[row])) for row in first]
    assert ldp_ratio(spec, pair)(rows_of(list(first))) == pytest.approx(expected, abs=1e-12)


def test_the_published_odds_are_refuted_with_forty_thousand_reports_a_side(fixed_bits: Callable[[int], None]) -> None:
    spec = plan("rsfd-grr", (2, 2, 2), calibration="paper")
    with fixed_key(KEY):
        found = ldp_audit(spec, trials=80_000, confidence="0.99")
    assert found.verdict is Verdict.VIOLATION
    assert 1.85 < found.certified < np.log(7)
    assert found.claim.odds == 3
    assert found.theorem == "ldp.t6"
    assert not found.secure, "the fixed key has to show"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_honest_plans_are_not_flagged_and_come_near_their_caps(protocol: str, fixed_bits: Callable[[int], None]) -> None:
    for level in ("record", "attribute"):
        with fixed_key(KEY):
            found = ldp_audit(plan(protocol, level=level), trials=10_000)
        assert found.verdict is Verdict.NO_VIOLATION_FOUND
        assert 0.3 < found.certified < np.log(3) * (1 + 1e-12)
        assert found.claim.odds == 3
        assert found.theorem == "ldp.t1"


def test_the_default_plan_is_audited_between_two_records(fixed_bits: Callable[[int], None]) -> None:
    with fixed_key(KEY):
        found = ldp_audit(epsilon="1/2", trials=4000)
    assert found.verdict is Verdict.NO_VIOLATION_FOUND
    assert found.claim.neighbours == "record"
    assert found.reproduce.startswith("privlib.audit.ldp_audit(epsilon='1/2', protocol='rsfd-oue-z', level='record'")
    assert "fingerprint" in ldp_audit(plan("smp-oue"), trials=400).reproduce


def test_the_published_recipe_is_a_ready_audit_too(fixed_bits: Callable[[int], None]) -> None:
    with fixed_key(KEY):
        found = published_ldp_audit(1, trials=10_000)
    assert found.verdict is Verdict.VIOLATION
    assert found.title == "local reports: rsfd-grr at the published odds"


def test_a_client_that_runs_at_higher_odds_is_flagged(monkeypatch: pytest.MonkeyPatch, fixed_bits: Callable[[int], None]) -> None:
    honest, hurried = plan("rsfd-oue-z"), plan("rsfd-oue-z", odds=6)
    shipped = Spec.randomise
    monkeypatch.setattr(Spec, "randomise", lambda _, data: shipped(hurried, data))
    with fixed_key(KEY):
        assert ldp_audit(honest, trials=10_000).verdict is Verdict.VIOLATION


def test_a_claim_is_the_published_one_the_cap_or_the_guarantee() -> None:
    paper = plan("rsfd-grr", calibration="paper", level="attribute")
    assert ldp_claim(paper, "record").odds == 3
    assert ldp_claim(paper, "attribute").odds == paper.guarantee().attribute == F(13, 4)
    honest = plan("rsfd-grr", level="attribute")
    assert ldp_claim(honest, "attribute").odds == 3
    assert ldp_claim(honest, "record").odds == honest.guarantee().record


def test_what_cannot_be_audited_is_refused() -> None:
    spec = plan("rsfd-grr")
    with pytest.raises(InvalidInput, match="give spec, or"):
        ldp_audit(spec, epsilon=1)
    with pytest.raises(InvalidInput, match="level must be"):
        ldp_audit(spec, level="person")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="1e300"):
        ldp_audit(plan("smp-grr", odds=10**301))
    for record in ((0,), (0, 2), (-1, 0)):
        with pytest.raises(InvalidInput, match="places of its values"):
            ldp_ratio(spec, Pair(record, (0, 0), "record", "no record"))


MARGINALS = {
    "alike": None,
    "skewed": [["1/2", "3/8", "1/8"], ["4/5", "1/5"]],
    "certain": [["1", "0", "0"], ["1/4", "3/4"]],
}


def known(spec: Spec, given: Sequence[Sequence[str]] | None) -> list[list[Fraction]]:
    if given is None:
        return [[F(1, part.size)] * part.size for part in spec.parts]
    return [[F(chance) for chance in each] for each in given]


def joint(spec: Spec, marginals: Sequence[Sequence[Fraction]]) -> dict[tuple[int, ...], Fraction]:
    return {
        record: prod(each[x] for each, x in zip(marginals, record, strict=True))
        for record in itertools.product(*(range(part.size) for part in spec.parts))
    }


@pytest.mark.parametrize("spread", MARGINALS)
@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name.startswith("rs")])
def test_the_guess_at_the_attribute_drawn_is_bayes_guess(protocol: str, spread: str) -> None:
    given = {} if protocol == "rsfd-adp" else {"weights": [1, 2]}
    spec = plan(protocol, calibration="paper", **given)
    people = joint(spec, known(spec, MARGINALS[spread]))
    posterior = dict[bytes, list[Fraction]]()
    for record, share in people.items():
        for row, chances in every_report(spec, record).items():
            before = posterior.get(row, [F(0)] * len(chances))
            posterior[row] = [a + share * b for a, b in zip(before, chances, strict=True)]
    best = sum(max(chances) for chances in posterior.values())
    assert sampled_attribute_accuracy(spec, MARGINALS[spread]) == pytest.approx(float(best), abs=1e-12)
    reports = Reports(spec, rows_of(list(posterior)).copy())
    guesses = guess_sampled_attribute(reports, MARGINALS[spread])
    reached = sum(chances[guess] for chances, guess in zip(posterior.values(), guesses.tolist(), strict=True))
    assert float(reached) == pytest.approx(float(best), abs=1e-12)


@pytest.mark.parametrize("spread", MARGINALS)
@pytest.mark.parametrize("name", [*PROTOCOLS, "paper"])
def test_the_guess_at_the_value_is_bayes_guess(name: str, spread: str) -> None:
    spec = plan("rsfd-oue-z", calibration="paper") if name == "paper" else SPECS[name]
    marginals = known(spec, MARGINALS[spread])
    people = joint(spec, marginals)
    for j, (before, after) in enumerate(value_accuracy(spec, MARGINALS[spread])):
        posterior = dict[bytes, dict[int, Fraction]]()
        for record, share in people.items():
            for row, chance in law(spec, record).items():
                each = posterior.setdefault(row, {})
                each[record[j]] = each.get(record[j], F(0)) + share * chance
        best = sum(max(each.values()) for each in posterior.values())
        assert before == float(max(marginals[j]))
        assert after == pytest.approx(float(best), abs=1e-12)


def test_where_there_are_many_combinations_the_accuracy_is_rounded_up_by_a_little(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = plan("rsfd-oue-z", (3, 4, 5, 3), calibration="paper", odds=7)
    marginals = [["0.5", "0.3", "0.2"], ["0.4", "0.3", "0.2", "0.1"], ["0.6", "0.1", "0.1", "0.1", "0.1"], ["0.7", "0.2", "0.1"]]
    exact = [after for _, after in value_accuracy(spec, marginals)]
    monkeypatch.setattr(ldp_inference, "_MOST_POINTS", 50)
    rounded = [after for _, after in value_accuracy(spec, marginals)]
    assert rounded != exact
    for low, high in zip(exact, rounded, strict=True):
        assert low - 1e-12 <= high < low + 1e-3


@pytest.mark.parametrize(
    ("sizes", "epsilon", "symmetric", "optimal"),
    [
        ((10,) * 10, None, 0.1867, 0.2215),
        ((10,) * 10, 10, 0.9095, 0.5499),
        (ADULT, None, 0.2499, 0.3051),
        (ADULT, 10, 0.9545, 0.5555),
    ],
)
def test_unary_fakes_betray_the_attribute_drawn_this_often(
    sizes: tuple[int, ...], epsilon: int | None, symmetric: float, optimal: float
) -> None:
    cap: dict[str, Any] = {"odds": 3} if epsilon is None else {"odds": None, "epsilon": epsilon}
    for protocol, accuracy in (("rsfd-sue-z", symmetric), ("rsfd-oue-z", optimal), ("rsfd-grr", 1 / len(sizes))):
        spec = plan(protocol, sizes, calibration="paper", **cap)
        assert sampled_attribute_accuracy(spec) == pytest.approx(accuracy, abs=5e-5)


def test_inference_refuses_marginals_that_are_none() -> None:
    spec = plan("rsfd-oue-z")
    for wrong in ([["1/2", "1/2"]], [["1/2", "1/2"], ["1/2", "1/2"]]):
        with pytest.raises(InvalidInput, match="a number for each value"):
            value_accuracy(spec, wrong)
    for law_of_values in (["1/2", "1/2", "1/2"], ["3/2", "0", "-1/2"]):
        with pytest.raises(InvalidInput, match="add up to exactly 1"):
            value_accuracy(spec, [law_of_values, ["1/2", "1/2"]])
    with pytest.raises(InvalidInput, match="only RS\\+FD hides"):
        sampled_attribute_accuracy(plan("smp-grr"))
    fine = [*(F(2**j, 2**20) for j in range(20)), F(1, 2**20)]
    with pytest.raises(InvalidInput, match="round them"):
        sampled_attribute_accuracy(plan("rsfd-oue-z", (21, 2)), [fine, ["1/2", "1/2"]])
    with pytest.raises(InvalidInput, match="too many reports"):
        value_accuracy(plan("spl-olh", (4000, 2), odds=9000, level="attribute"))


@pytest.mark.parametrize("name", SPECS)
def test_the_tests_of_plausibility_know_the_law(name: str) -> None:
    spec = SPECS[name]
    layout = Layout(spec.scheme, spec.parts)
    laws = {record: law(spec, record) for record in joint(spec, known(spec, None))}
    for j, part in enumerate(spec.parts):
        about = part.weight if spec.scheme is Scheme.SMP else F(1)
        for value, (least, most) in enumerate(ldp_plausible._chances(spec, part)):
            for record, chances in laws.items():
                seen = ldp_plausible.Decoded(layout, rows_of(list(chances)))
                holds = (seen.supports(j, value) & seen.speaks_of(j)).tolist()
                chance = sum(p for p, true in zip(chances.values(), holds, strict=True) if true) / about
                assert float(chance) == pytest.approx(most if record[j] == value else least, abs=1e-12)
        if isinstance(part.oracle, Unary):
            for chances in laws.values():
                seen = ldp_plausible.Decoded(layout, rows_of(list(chances)))
                ones = np.where(seen.speaks_of(j), seen.bits(j).sum(axis=1), -1).tolist()
                found = [
                    float(sum(p for p, h in zip(chances.values(), ones, strict=True) if h == bits) / about)
                    for bits in range(part.size + 1)
                ]
                assert found == pytest.approx(ldp_plausible._weights(spec, part), abs=1e-12)
    assert max(max(chances.values()) for chances in laws.values()) <= ldp_plausible._largest(spec) <= 1


def test_tails_are_those_of_the_binomial() -> None:
    n, least, most = 12, F(1, 5), F(2, 5)
    for count in range(n + 1):
        low = sum(comb(n, c) * least**c * (1 - least) ** (n - c) for c in range(count + 1))
        high = sum(comb(n, c) * most**c * (1 - most) ** (n - c) for c in range(count, n + 1))
        assert ldp_plausible._both(count, n, 0.2, 0.4) == pytest.approx(min(1.0, float(2 * min(low, high))), rel=1e-9)
    assert ldp_plausible._both(0, 0, 0.2, 0.4) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_honest_reports_are_plausible_and_forged_ones_are_not(protocol: str) -> None:
    spec = plan(protocol)
    with fixed_key(KEY):
        honest = spec.randomise({"a0": np.arange(6000) % 3 // 2, "a1": np.zeros(6000, dtype=np.int64)})
    found = plausibility(honest, alpha="0.01")
    assert found.plausible, str(found)
    assert "nothing odd" in str(found)
    forged = Reports(spec, np.concatenate([honest.rows, np.repeat(honest.rows[:1], 3000, axis=0)]))
    found = plausibility(forged)
    assert not found.plausible
    assert found.p_value < 1e-6
    assert "not those of honest senders" in str(found)


def test_a_report_sent_three_times_is_noticed_where_reports_are_long() -> None:
    spec = plan("rsfd-oue-z", (40, 40, 40))
    with fixed_key(KEY):
        honest = spec.randomise({name: np.arange(2000) % 40 for name in spec.domain.names})
    again = Reports(spec, np.concatenate([honest.rows, honest.rows[:1], honest.rows[:1]]))
    assert plausibility(honest).plausible
    assert plausibility(again).findings[0] == "3 of 2002 reports are alike, byte for byte"


def test_copies_are_at_most_as_rare_as_stated() -> None:
    for protocol, odds in itertools.product(("spl-grr", "rsfd-grr", "smp-oue"), (F(11, 10), F(5))):
        spec = plan(protocol, odds=odds)
        chances = law(spec, (0, 0))
        row = rows_of(list(chances)[:1])
        for n in (2, 3):
            found, words = ldp_plausible._copies(Reports(spec, np.repeat(row, n, axis=0)))
            assert words == f"{n} of {n} reports are alike, byte for byte"
            assert sum(float(p) ** n for p in chances.values()) <= found <= 2**n * max(map(float, chances.values())) ** (n - 1)


def test_an_oddity_counts_against_all_tests_that_were_made() -> None:
    spec = plan("smp-grr", (2, 2))
    rows = np.repeat(np.array([[0], [1], [2], [3]], dtype=np.uint8), [59, 59, 41, 41], axis=0)
    found = plausibility(Reports(spec, rows), alpha="0.05")
    alone = 2 * sum(comb(200, c) for c in range(118, 201)) / 2**200
    assert alone < 0.05
    assert found.tests == 2 * (1 + 2) + 1
    assert found.p_value == pytest.approx(7 * alone)
    assert found.plausible
    assert not plausibility(Reports(spec, rows), alpha="0.1").plausible


def test_plausibility_of_nothing_is_refused() -> None:
    spec = plan("rsfd-grr")
    with pytest.raises(InvalidInput, match="no reports"):
        plausibility(Reports(spec, np.zeros((0, 1), dtype=np.uint8)))
    with pytest.raises(InvalidInput, match="alpha"):
        plausibility(Reports(spec, np.zeros((1, 1), dtype=np.uint8)), alpha=2)

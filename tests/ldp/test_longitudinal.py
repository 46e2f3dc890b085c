"""Reports over time: two rounds are one randomiser, a lifetime costs the permanent round, and a memo is the device's own."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction as F
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privlib.errors import InvalidInput, Mismatch
from privlib.ldp import Domain, Spec
from privlib.ldp.longitudinal import Longitudinal, Memo
from privlib.ldp.oracles import Grr, Unary
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.wire import Layout, is_secure, unwrap
from privlib.noise.testing import fixed_key

DOMAIN = {"smokes": ["no", "yes"], "region": ["N", "E", "S"]}
PROTOCOLS = ["spl-grr", "spl-oue", "smp-grr", "smp-oue", "smp-adp", "rsfd-grr", "rsfd-oue-z", "rsfd-oue-r", "rsfd-adp"]
Law = dict[Any, F]
History = tuple[tuple[int, ...], ...]


def plan(protocol: str, *, odds: Any = 9, again: Any = 3) -> Longitudinal:
    return Longitudinal(Spec(DOMAIN, protocol, level="record", odds=odds), again=again)


def single(part: Part, value: int | None) -> Law:
    """The law of one attribute's report, given a value, or as a fake."""
    oracle = part.oracle
    if value is None and part.fake is not None:
        laws = [(chance, single(part, own)) for own, chance in enumerate(part.fake)]
        if isinstance(oracle, Grr):
            return dict(enumerate(part.fake))
        return {report: sum((chance * law[report] for chance, law in laws), F(0)) for report in laws[0][1]}
    if isinstance(oracle, Grr):
        return {report: oracle.hit if report == value else oracle.miss for report in range(oracle.size)}
    assert isinstance(oracle, Unary)
    return {
        bits: prod(
            (
                one if bit else 1 - one
                for bit, one in zip(bits, [oracle.hit if v == value else oracle.miss for v in range(oracle.size)], strict=True)
            ),
            start=F(1),
        )
        for bits in itertools.product((0, 1), repeat=oracle.size)
    }


def whole(scheme: Scheme, parts: tuple[Part, ...], record: tuple[int, ...]) -> Law:
    """The law of a report of a record."""
    if scheme is Scheme.SMP:
        return {
            (place, report): part.weight * chance
            for place, (part, value) in enumerate(zip(parts, record, strict=True))
            for report, chance in single(part, value).items()
        }
    drawn = [None] if scheme is Scheme.SPL else list(range(len(parts)))
    total: Any = Counter()
    for chosen in drawn:
        shown = [value if chosen in (None, place) else None for place, value in enumerate(record)]
        laws = [single(part, value) for part, value in zip(parts, shown, strict=True)]
        for report in itertools.product(*laws):
            weight = F(1) if chosen is None else parts[chosen].weight
            total[report] += weight * prod((law[own] for law, own in zip(laws, report, strict=True)), start=F(1))
    return dict(total)


def second(parts: tuple[Part, ...], again: F, before: Any, after: Any) -> F:
    """The chance that the second round makes one report of another, symbol by symbol and bit by bit."""
    chance = F(1)
    for part, old, new in zip(parts, before, after, strict=True):
        if isinstance(part.oracle, Grr):
            chance *= (again if old == new else 1) / (again + part.size - 1)
        else:
            chance *= prod(((again if a == b else F(1)) / (again + 1) for a, b in zip(old, new, strict=True)), start=F(1))
    return chance


def passed_on(parts: tuple[Part, ...], again: F, law: Law, times: int) -> Law:
    """The joint law of some reports made of one permanent report."""
    matrix = {(before, after): second(parts, again, before, after) for before in law for after in law}
    return {
        reports: sum((chance * prod(matrix[before, one] for one in reports) for before, chance in law.items()), F(0))
        for reports in itertools.product(law, repeat=times)
    }


def over_time(longitudinal: Longitudinal, history: History) -> Law:
    """The joint law of one report about each record of a history; of smp, the attribute is drawn once."""
    parts, scheme = longitudinal.permanent.parts, longitudinal.permanent.scheme
    total: Any = Counter()
    for told in range(len(parts)) if scheme is Scheme.SMP else [None]:
        chance = F(1) if told is None else parts[told].weight
        shown = parts if told is None else (parts[told],)
        laws, law = list[Any](), Law()
        for record in dict.fromkeys(history):
            law = whole(scheme, parts, record) if told is None else {(y,): c for y, c in single(shown[0], record[told]).items()}
            times = [time for time, own in enumerate(history) if own == record]
            laws.append((times, passed_on(shown, longitudinal.again, law, len(times))))
        for reports in itertools.product(law, repeat=len(history)):
            total[told, reports] += chance * prod((own[tuple(reports[t] for t in times)] for times, own in laws), start=F(1))
    return dict(total)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_two_rounds_are_the_plan_that_each_report_names(protocol: str) -> None:
    longitudinal = plan(protocol)
    permanent, each = longitudinal.permanent, longitudinal.each
    laws = dict[Any, Law]()
    for record in itertools.product(range(2), range(3)):
        law = over_time(longitudinal, (record,))
        once = {one if told is None else (told, *one): chance for (told, (one,)), chance in law.items()}
        assert sum(once.values()) == 1
        assert once == whole(each.scheme, each.parts, record)
        laws[record] = once
    assert worst(list(laws.values())) == each.guarantee().record < permanent.guarantee().record


@pytest.mark.parametrize("protocol", ["spl-grr", "smp-grr", "rsfd-grr"])
def test_many_reports_about_a_record_cost_no_more_than_its_permanent_round(protocol: str) -> None:
    longitudinal = plan(protocol, odds=4)
    laws = [over_time(longitudinal, (record,) * 3) for record in ((0, 0), (1, 2), (0, 1))]
    each, lifetime = longitudinal.each.guarantee().record, longitudinal.same_times().record
    assert each < worst(laws) <= lifetime == longitudinal.permanent.guarantee().record
    assert worst(laws) < each**3


def times_of_change(history: History) -> tuple[int, ...]:
    """At each time, when its record was reported about first."""
    return tuple(history.index(record) for record in history)


def worst(laws: list[Law]) -> F:
    return max(max(law[reports] for law in laws) / min(law[reports] for law in laws) for reports in laws[0])


def small(protocol: str, sizes: tuple[int, ...], *, odds: Any = 3, again: Any = 5) -> Longitudinal:
    domain = {f"a{place}": list(range(size)) for place, size in enumerate(sizes)}
    return Longitudinal(Spec(domain, protocol, level="record", odds=odds), again=again)


def test_a_permanent_report_that_repeats_shows_that_the_record_did_not_change() -> None:
    """An attacker's example: the power of the permanent round's guarantee does not hold, nor that of a single report's."""
    longitudinal = small("spl-grr", (10,), again=1000)
    same, moved = over_time(longitudinal, ((2,), (2,))), over_time(longitudinal, ((1,), (0,)))
    told = same[None, ((2,), (2,))] / moved[None, ((2,), (2,))]
    assert 35 < told < 36
    assert told > longitudinal.same_times(2).record == 9 > longitudinal.each.guarantee().record ** 2
    back = moved[None, ((1,), (0,))] / same[None, ((1,), (0,))]  # the other way round it is even larger
    assert 300 < back <= longitudinal.any_times(2).record
    assert longitudinal.any_times(2).record == 1000 * longitudinal.each.guarantee().record


CASES = [
    ("spl-grr", (3,), 3),
    ("spl-oue", (2,), 3),
    ("spl-grr", (2, 2), 2),
    ("smp-grr", (2, 3), 2),
    ("smp-adp", (2, 2), 3),
    ("smp-oue", (2, 3), 2),
    ("rsfd-grr", (2, 3), 2),
    ("rsfd-oue-z", (2, 2), 2),
]


@pytest.mark.parametrize("again", [F(3, 2), 1000])
@pytest.mark.parametrize(("protocol", "sizes", "reports"), CASES)
def test_any_two_histories_keep_what_is_said_of_them(protocol: str, sizes: tuple[int, ...], reports: int, again: Any) -> None:
    """Every history against every other one, by enumeration of all reports."""
    longitudinal = small(protocol, sizes, again=again)
    records = list(itertools.product(*map(range, sizes)))
    laws = {history: over_time(longitudinal, history) for history in itertools.product(records, repeat=reports)}
    assert all(sum(law.values()) == 1 for law in laws.values())
    bound = longitudinal.any_times(reports)
    assert worst(list(laws.values())) <= bound.record
    for place, odds in enumerate(bound.attributes):  # all other attributes are known
        others = {history: tuple((*one[:place], *one[place + 1 :]) for one in history) for history in laws}
        for known in set(others.values()):
            assert worst([law for history, law in laws.items() if others[history] == known]) <= odds <= bound.attribute
    for pattern in set(map(times_of_change, laws)):
        alike = [law for history, law in laws.items() if times_of_change(history) == pattern]
        assert worst(alike) <= longitudinal.same_times(len(set(pattern))).record
    if again == 1000:  # so that the larger bound is needed: change is seen
        assert worst(list(laws.values())) > longitudinal.same_times(reports).record


def test_one_report_costs_what_a_single_report_does() -> None:
    for protocol in PROTOCOLS:
        longitudinal = plan(protocol)
        assert longitudinal.any_times(1) == longitudinal.each.guarantee()
    for wrong in (0, 1.5, True):
        with pytest.raises(InvalidInput, match="reports"):
            longitudinal.any_times(wrong)  # type: ignore[arg-type]


def test_each_different_record_costs_a_permanent_round() -> None:
    longitudinal = plan("rsfd-grr")
    assert longitudinal.same_times(3).record == longitudinal.same_times().record ** 3
    assert longitudinal.same_times(3).attributes == tuple(odds**3 for odds in longitudinal.same_times().attributes)


@given(st.sampled_from(PROTOCOLS), st.fractions(F(11, 10), 8, max_denominator=10), st.sampled_from(["record", "attribute"]))
def test_a_single_report_keeps_a_cap_of_its_own_and_comes_close(protocol: str, cap: F, level: Any) -> None:
    permanent = Spec(DOMAIN, protocol, level="record", odds=20)
    before = getattr(permanent.guarantee(), level)
    if before <= cap:
        with pytest.raises(InvalidInput, match="keeps this cap by itself"):
            Longitudinal.within(permanent, level=level, odds=cap)
        return
    reached = getattr(Longitudinal.within(permanent, level=level, odds=cap).each.guarantee(), level)
    assert (cap - 1) * (1 - F(1, 10**9)) < reached - 1 <= cap - 1


def test_the_known_factors_of_two_rounds() -> None:
    longitudinal = Longitudinal(Spec({"a": [1, 2, 3]}, "spl-oue", level="record", odds=3), again=3)
    p1, q1, p2, q2 = F(1, 2), F(1, 4), F(3, 4), F(1, 4)
    ps, qs = p1 * p2 + (1 - p1) * q2, q1 * p2 + (1 - q1) * q2
    assert longitudinal.each.guarantee().record == ps * (1 - qs) / ((1 - ps) * qs)
    oracle = longitudinal.each.parts[0].oracle
    assert oracle.miss == q1 * (p2 - q2) + q2  # the estimator: (C/n - q1 (p2 - q2) - q2) / ((p1 - q1) (p2 - q2))
    assert oracle.hit - oracle.miss == (p1 - q1) * (p2 - q2)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_memo_draws_the_permanent_round_once_for_each_record(protocol: str) -> None:
    longitudinal = plan(protocol)
    with fixed_key(bytes(range(32))):
        memo = longitudinal.memo()
        reports = [memo.report({"smokes": "yes", "region": "S"}) for _ in range(20)]
        assert len(memo) == 1
        kept = json.loads(memo.to_json())["kept"]
        memo.report(["yes", "S"])
        assert json.loads(memo.to_json())["kept"] == kept
        memo.report(["no", "E"])
        assert len(memo) == 2
    read = [taken_apart(longitudinal, report) for report in reports]
    assert len({told for _, _, told in read}) == 1  # the attribute that was drawn is kept, too
    assert len(set(reports)) > 1  # the second round is fresh; all alike has a chance below (3/4)**19
    assert memo.cost() == longitudinal.any_times(22)


def taken_apart(longitudinal: Longitudinal, report: bytes) -> Any:
    layout = Layout(longitudinal.each.scheme, longitudinal.each.parts)
    return layout.read(unwrap(longitudinal.each.fingerprint, layout.width, report))


def as_read(told: int | None, own: tuple[int, ...]) -> Any:
    """What `taken_apart` gives of a report whose symbols are these."""
    if told is None:
        return own, 0, None
    return tuple(own[0] if place == told else -1 for place in range(2)), 0, told


def test_the_cost_before_any_report_is_that_of_the_first() -> None:
    assert plan("spl-grr").memo().cost() == plan("spl-grr").each.guarantee()


@pytest.mark.parametrize("protocol", ["smp-grr", "smp-oue", "smp-adp"])
def test_a_device_tells_one_attribute_whatever_its_records(protocol: str) -> None:
    """Another attribute would show a change for certain. If each record drew its own, hardly one of 40 devices would pass."""
    longitudinal = plan(protocol)
    for _ in range(40):
        memo = longitudinal.memo()
        reports = [memo.report(["no", region]) for region in ("N", "E", "S")]
        stored = Memo.from_json(longitudinal, memo.to_json())
        reports += [stored.report(["yes", region]) for region in ("N", "E", "S")]
        assert len({taken_apart(longitudinal, report)[2] for report in reports}) == 1
        assert len(stored) == 6


@pytest.mark.parametrize("protocol", ["smp-grr", "rsfd-grr"])
def test_reports_about_two_records_follow_their_law(protocol: str) -> None:
    """A chi-square of 3000 devices that report about two records each, which fails below once in 1e9."""
    longitudinal = plan(protocol)
    seen = Counter[Any]()
    with fixed_key(bytes(range(2, 34))):
        for _ in range(3000):
            memo = longitudinal.memo()
            seen[tuple(taken_apart(longitudinal, memo.report(record)) for record in (["yes", "S"], ["yes", "N"]))] += 1
    chances = {
        tuple(as_read(told, own) for own in reports): chance
        for (told, reports), chance in over_time(longitudinal, ((1, 2), (1, 0))).items()
    }
    assert set(seen) <= set(chances)
    chi2 = sum((seen[report] - 3000 * chance) ** 2 / (3000 * chance) for report, chance in chances.items())
    free = len(chances) - 1
    assert chi2 < free + 9 * (2 * free) ** 0.5 + 40


def test_what_was_drawn_in_test_mode_stays_marked() -> None:
    longitudinal = plan("smp-grr")
    memo = longitudinal.memo()
    assert is_secure(memo.report(["yes", "S"]))
    with fixed_key(bytes(32)):
        assert not is_secure(memo.report(["yes", "S"]))  # the second round
    assert memo.secure
    assert is_secure(memo.report(["yes", "S"]))
    with fixed_key(bytes(32)):
        memo.report(["no", "N"])  # the permanent round of another record
    assert not memo.secure
    read = Memo.from_json(longitudinal, memo.to_json())
    for one in (memo, read):
        assert not is_secure(one.report(["no", "N"]))
    assert not read.secure
    batch = read.report(["no", "N"])
    assert "NOT SECURE" in repr(longitudinal.each.count(batch))


def test_threads_draw_one_permanent_report_for_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    longitudinal, drawn = plan("rsfd-grr"), []
    real = Spec.randomise_one

    def slow(spec: Spec, record: Any) -> bytes:
        if spec is longitudinal.permanent:
            drawn.append(1)
            time.sleep(0.05)  # long enough for the others to come
        return real(spec, record)

    monkeypatch.setattr(Spec, "randomise_one", slow)
    memo = longitudinal.memo()
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(memo.report, [["yes", "S"]] * 8))
    assert (len(drawn), len(memo), len(reports)) == (1, 1, 8)
    assert memo.cost() == longitudinal.any_times(8)


@pytest.mark.parametrize("protocol", ["spl-oue", "smp-oue", "rsfd-oue-z"])
def test_a_plan_whose_second_round_cannot_be_made_is_refused_at_once(protocol: str) -> None:
    long = 2**12 if protocol == "smp-oue" else 2**12 - 2
    for size in (long, long + 1):
        permanent = Spec({"a": range(size), "b": range(2)}, protocol, level="record", odds=3)
        if size == long:
            assert Longitudinal(permanent, again=3).memo().report([1, 1])
            continue
        with pytest.raises(InvalidInput, match="4096 symbols and bits"):
            Longitudinal(permanent, again=3)


def test_an_undeclared_value_is_reported_about_and_kept() -> None:
    permanent = Spec(Domain({"a": [1, 2], "b": [0, 1]}, other=["a"]), "smp-grr", level="record", odds=3)
    longitudinal = Longitudinal(permanent, again=3)
    memo = longitudinal.memo()
    memo.report([7, 0])
    memo.report([8, 0])
    memo.report([1, 0])
    assert len(memo) == 2
    assert Memo.from_json(longitudinal, memo.to_json()) == memo


@pytest.mark.parametrize("protocol", ["spl-grr", "smp-oue", "rsfd-adp"])
def test_reports_over_time_follow_their_law(protocol: str) -> None:
    """Fresh memos report as the plan of single reports says: a chi-square of 3000 reports, which fails below once in 1e9."""
    longitudinal = plan(protocol)
    seen = Counter[Any]()
    with fixed_key(bytes(range(1, 33))):
        for _ in range(3000):
            seen[taken_apart(longitudinal, longitudinal.memo().report(["yes", "S"]))] += 1
    chances = {}
    for report, chance in whole(longitudinal.each.scheme, longitudinal.each.parts, (1, 2)).items():
        chances[read_as(longitudinal, report)] = float(chance)
    assert set(seen) <= set(chances)
    chi2 = sum((seen[report] - 3000 * chance) ** 2 / (3000 * chance) for report, chance in chances.items())
    free = len(chances) - 1
    assert chi2 < free + 9 * (2 * free) ** 0.5 + 40


def read_as(longitudinal: Longitudinal, report: Any) -> Any:
    """A report of `whole` as the wire reads it."""
    parts, smp = longitudinal.each.parts, longitudinal.each.scheme is Scheme.SMP
    symbols, bits, shift = [-1] * len(parts), 0, 0
    shown = [report] if smp else list(enumerate(report))
    for place, own in shown:
        if isinstance(own, tuple):
            bits |= sum(bit << (shift + at) for at, bit in enumerate(own))
            shift += len(own)
        else:
            symbols[place] = own
    return tuple(symbols), bits, report[0] if smp else None


def test_a_memo_is_stored_and_read_back_byte_for_byte_and_says_that_it_is_secret() -> None:
    longitudinal = plan("rsfd-adp")
    memo = longitudinal.memo()
    memo.report(["yes", "S"])
    memo.report(["no", "N"])
    text = memo.to_json()
    again = Memo.from_json(longitudinal, text)
    assert again.to_json() == text
    assert again == memo
    assert "SENSITIVE" in text
    assert "kept" not in repr(memo)


def test_a_memo_of_another_plan_or_none_is_refused() -> None:
    longitudinal = plan("smp-grr")
    memo = longitudinal.memo()
    memo.report(["yes", "S"])
    text = memo.to_json()
    with pytest.raises(Mismatch):
        Memo.from_json(plan("smp-grr", again=4), text)
    body = json.loads(text)
    changes: list[dict[str, Any]] = [
        {"format": 2},
        {"kept": [[[1, 3], body["kept"][0][1]]]},
        {"kept": [[[1, -1], body["kept"][0][1]]]},
        {"kept": [[["yes", "S"], body["kept"][0][1]]]},
        {"kept": [[[True, 2], body["kept"][0][1]]]},
        {"kept": [[[1], body["kept"][0][1]]]},
        {"kept": [[[1, 2], "ff"]]},
        {"kept": [[[1, 2], "zz"]]},
        {"kept": 3},
        {"kept": [[[1, 2], "00"], [[0, 2], "02"]]},  # a device tells one attribute
        {"reports": 0},
        {"reports": True},
        {"reports": "1"},
        {"secure": 1},
        {"more": 1},
    ]
    for change in changes:
        with pytest.raises(InvalidInput):
            Memo.from_json(longitudinal, json.dumps({**body, **change}, sort_keys=True, separators=(",", ":")))
    for wrong in ("", "[]", "{}", text + " "):
        with pytest.raises(InvalidInput):
            Memo.from_json(longitudinal, wrong)


def test_a_record_outside_the_domain_is_refused_before_anything_is_kept() -> None:
    memo = plan("rsfd-grr").memo()
    for wrong in (["yes"], ["yes", "X"], {"smokes": "yes"}, ["yes", 1.0]):
        with pytest.raises(InvalidInput):
            memo.report(wrong)  # type: ignore[arg-type]
    assert len(memo) == 0


@pytest.mark.parametrize("again", [1, 0, -1, float("nan"), True, "x"])
def test_a_second_round_that_keeps_nothing_is_refused(again: Any) -> None:
    with pytest.raises(InvalidInput):
        plan("spl-grr", again=again)


def test_other_randomisers_and_unclear_caps_are_refused() -> None:
    with pytest.raises(InvalidInput, match="two rounds"):
        plan("spl-olh")
    permanent = plan("spl-grr").permanent
    for level, odds in (("person", 2), ("record", 1), ("record", 1 + F(1, 10**14))):
        with pytest.raises(InvalidInput):
            Longitudinal.within(permanent, level=level, odds=odds)  # type: ignore[arg-type]

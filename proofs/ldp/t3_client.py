"""Reports have exactly the law of their plan, on a device and in bulk.

Statement
    Let a plan have parts with oracles R_1, ..., R_d, weights w_j and fake laws F_j, all rational (F_j of unary encoding without
    a law: the report of no value). Given independent uniform random bits, ``client.randomise`` of a record v, and each row of
    ``bulk.randomise`` on its own record v, reports y with probability exactly

    - spl:  prod_j R_j(y_j | v_j);
    - smp:  w_j R_j(y | v_j) for the report that tells attribute j and then says y;
    - rsfd: sum_j w_j R_j(y_j | v_j) prod_{i != j} F_i(y_i).

    Rows are independent. A record or a column that does not fit the domain is refused before a random bit is drawn.

Proof
    Choices are exact and independent by ldp.t7.
    *Oracles.* GRR at odds e is the value with probability (e-1)/(e+k-1), else a uniform one: each other value then has 1/(e+k-1).
    Local hashing: the same on the bucket of a uniform linear function. Hadamard: a uniform column y; where the value is kept
    and its row r = v+1 has -1 there, y xor (lowest bit of r), which maps the half with -1 one to one onto the half with +1. So
    kept columns are uniform in the half with +1, and with probability (e-1)/(e+1) kept the halves stand at odds e. Subset
    selection: Floyd's algorithm picks t_i uniform below i for i = k-c+1, ..., k and adds t_i, or i-1 where t_i is in the set.
    After c-1 picks the set is uniform among the (c-1)-subsets of 0, ..., k-2. If the last pick is v instead: a set T of them
    becomes T + v, or, where v is in T, T + (k-1). Swapping the names v and k-1 maps (c-1)-subsets of {0, ..., k-2} one to one
    onto (c-1)-subsets of everything but v, so the result is v and a uniform (c-1)-subset of the others. A uniform c-set holds v
    with probability c/k, so keeping with probability (hit - c/k) / (1 - c/k) makes it ``hit``; by symmetry sets are alike in each
    case.
    *RS+FD.* Let attribute j be drawn with w_j, and kept with q_j. Draw everything that is not kept first. GRR with a uniform F_j:
    not drawn and drawn without being kept both mean a uniform value, so one outcome of chance w_j q_j, where v_j takes its place,
    is all there is. With another F_j the outcome of chance w_j (1 - q_j) puts a uniform value for the fake. Unary encoding: each
    bit is a coin of chance ``miss``, and where there is a value, v_j or a fake one, its bit is replaced by a coin of chance
    ``hit``. Given the outcome all attributes are independent, and summing over outcomes gives the stated sum.

Checked against the shipped code
    With choices enumerated instead of drawn, the law of whole reports in Fractions for every record of small domains, every
    oracle, scheme, uniform and other fakes and mixtures: it equals the statement, written out from the definitions, on a device
    and in bulk. Rows of several blocks equal reports of their own records and choices. Reports in which all values are kept read
    as the record, in domains that fill several integers. Columns of every kind against records; refusals before a draw.

Covers not
    Timing. How a report is written as bytes is ldp.t5.
"""

from __future__ import annotations

import itertools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from math import comb, prod
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from privlib.errors import InvalidInput, PrivlibError
from privlib.ldp import Domain, Spec, bulk, client
from privlib.ldp.codes import encode
from privlib.ldp.domain import Label
from privlib.ldp.oracles import Grr, Hadamard, LocalHash, Oracle, Subset, Unary
from privlib.ldp.parts import Part, Scheme
from privlib.ldp.recipe import symbol
from privlib.ldp.reports import Reports
from privlib.ldp.wire import HEADER, Layout, symbols_of
from privlib.noise.testing import InsecureNoise, fixed_key, scripted_words
from privlib.prove import replaced, rewritten

covers = [
    "privlib.ldp.client.randomise",
    "privlib.ldp.client._answer",
    "privlib.ldp.client._lots",
    "privlib.ldp.client._each",
    "privlib.ldp.client._subset",
    "privlib.ldp.bulk.randomise",
    "privlib.ldp.bulk._Told.__init__",
    "privlib.ldp.bulk._Told.answer",
    "privlib.ldp.bulk._All.__init__",
    "privlib.ldp.bulk._All.answer",
    "privlib.ldp.bulk._All._lots",
    "privlib.ldp.bulk._each",
    "privlib.ldp.bulk._encode",
    "privlib.ldp.bulk._subset",
    "privlib.ldp.bulk._insert",
    "privlib.ldp.recipe.Lot.of",
    "privlib.ldp.recipe.borders",
    "privlib.ldp.recipe.keep",
    "privlib.ldp.recipe.radices",
    "privlib.ldp.recipe.chosen",
    "privlib.ldp.recipe.symbol",
    "privlib.ldp.recipe._parity",
    "privlib.ldp.codes.encode",
    "privlib.ldp.codes._column",
    "privlib.ldp.codes._places",
    "privlib.ldp.codes._of_present",
    "privlib.ldp.codes._whole",
    "privlib.ldp.codes._Table.of",
    "privlib.ldp.codes._Table.plain",
    "privlib.ldp.codes._Table.look_up",
    "privlib.ldp.domain.Domain.encode",
    "privlib.ldp.domain.Domain.place",
]

F = Fraction
Law = dict[Any, Fraction]


# 1. Reports: with choices enumerated, their law is the statement.


def answers(oracle: Oracle, value: int) -> Law:
    """The chance of each report of a value, from the randomiser's definition. A set is a number with a bit for each value."""
    size, values = oracle.size, range(oracle.size)
    match oracle:
        case Unary():
            chances = [oracle.hit if x == value else oracle.miss for x in values]
            return {y: prod((p if y >> x & 1 else 1 - p for x, p in enumerate(chances)), start=F(1)) for y in range(2**size)}
        case Grr():
            return {y: (oracle.odds if y == value else 1) / (oracle.odds + size - 1) for y in values}
        case Subset():
            whole = comb(size - 1, oracle.chosen - 1) * oracle.odds + comb(size - 1, oracle.chosen)
            sets = itertools.combinations(values, oracle.chosen)
            return {sum(1 << x for x in own): (oracle.odds if value in own else F(1)) / whole for own in sets}
        case LocalHash():
            g, digits = oracle.buckets, oracle.digits
            law: Law = {}
            for function in itertools.product(range(g), repeat=digits):
                own = sum(a * (value // g**i) for i, a in enumerate(function)) % g
                number = sum(a * g**i for i, a in enumerate(function))
                for bucket in range(g):
                    chance = (oracle.odds if bucket == own else 1) / (oracle.odds + g - 1)
                    law[number * g + bucket] = chance / g**digits
            return law
        case Hadamard():
            half = oracle.columns // 2 * (oracle.odds + 1)
            return {y: (oracle.odds if (value + 1 & y).bit_count() % 2 == 0 else F(1)) / half for y in range(oracle.columns)}


def faked(part: Part) -> Law:
    """The chance of each fake report."""
    if isinstance(part.oracle, Grr):
        return dict(enumerate(part.fake or ()))
    if part.fake is None:
        p, size = part.oracle.miss, part.size
        return {y: p ** y.bit_count() * (1 - p) ** (size - y.bit_count()) for y in range(2**size)}
    laws = [answers(part.oracle, value) for value in range(part.size)]
    return {y: sum((g * law[y] for g, law in zip(part.fake, laws, strict=True)), F(0)) for y in laws[0]}


def declared(layout: Layout, record: Sequence[int]) -> Law:
    """The law of the statement, reports spelt as `Layout.read` gives them."""
    law: Law = defaultdict(Fraction)
    own = [answers(part.oracle, value) for part, value in zip(layout.parts, record, strict=True)]

    def spelt(reports: dict[int, int], told: int | None) -> Any:
        bits = sum(y << layout.bit_offsets[a] for a, y in reports.items() if symbols_of(layout.parts[a].oracle) == 0)
        symbols = [reports.get(a, -1) if symbols_of(part.oracle) else -1 for a, part in enumerate(layout.parts)]
        return tuple(symbols), bits, told

    if layout.scheme is Scheme.SMP:
        for told, part in enumerate(layout.parts):
            for y, chance in own[told].items():
                law[spelt({told: y}, told)] += part.weight * chance
        return dict(law)
    if layout.scheme is Scheme.SPL:
        mixture = [(F(1), own)]
    else:
        fakes = [faked(part) for part in layout.parts]
        mixture = [(part.weight, [*fakes[:j], own[j], *fakes[j + 1 :]]) for j, part in enumerate(layout.parts)]
    for weight, laws in mixture:
        for reports in itertools.product(*(law.items() for law in laws)):
            chance = prod((p for _, p in reports), start=weight)
            law[spelt({a: y for a, (y, _) in enumerate(reports)}, None)] += chance
    return dict(law)


Pick = Callable[[Sequence[Fraction]], int]
"""Chooses an outcome, given the chances of all."""


def tape(pick: Pick) -> SimpleNamespace:
    """Choices of a device that somebody else makes."""

    def place(borders: Sequence[Fraction]) -> int:
        return pick([high - low for low, high in itertools.pairwise([F(0), *borders, F(1)])])

    def bits(runs: Sequence[tuple[Fraction, int]]) -> int:
        coins = [chance for chance, count in runs for _ in range(count)]
        return sum(pick([1 - chance, chance]) << i for i, chance in enumerate(coins) if chance)

    return SimpleNamespace(place=place, bits=bits, digit=lambda radix: pick([F(1, radix)] * radix))


class Block:
    """Choices of a block that somebody else makes, for each of its records; as in bulk, each told attribute has a block."""

    def __init__(self, picks: Sequence[Pick], layout: Layout) -> None:
        self._waiting, self._layout = list(picks), layout
        self._told: Iterator[list[Pick]] = iter(())

    def __call__(self, size: int) -> SimpleNamespace:
        picks = next(self._told, None)
        if picks is None:
            picks, self._waiting = self._waiting[:size], self._waiting[size:]
        assert len(picks) == size, "a block has another number of records"
        tapes = [tape(pick) for pick in picks]

        def place(borders: Sequence[Fraction]) -> np.ndarray:
            found = [own.place(borders) for own in tapes]
            if self._layout.scheme is Scheme.SMP:
                attributes = range(len(self._layout.parts))
                self._told = iter([[pick for pick, a in zip(picks, found, strict=True) if a == told] for told in attributes])
            return np.array(found, dtype=np.uint16)

        def bits(runs: Sequence[tuple[Fraction, int]]) -> np.ndarray:
            width = -(-sum(count for _, count in runs) // 8)
            rows = [list(own.bits(runs).to_bytes(width, "little")) for own in tapes]
            return np.array(rows, dtype=np.uint8).reshape(size, width).T.copy()

        def digits(radices: Sequence[int]) -> Iterator[np.ndarray]:
            return (np.array([own.digit(radix) for own in tapes], dtype=np.uint32) for radix in radices)

        return SimpleNamespace(place=place, bits=bits, digits=digits)


@contextmanager
def in_blocks(picks: Sequence[Pick], spec: Spec) -> Iterator[None]:
    with replaced(bulk, "Draws", Block(picks, Layout(spec.scheme, spec.parts))), replaced(bulk, "Coins", list):
        yield


class Path:
    """Outcomes of one way through all choices: those of a beginning, then the first possible ones."""

    def __init__(self, beginning: Sequence[int] = ()) -> None:
        self.beginning, self.taken, self.chances = beginning, list[int](), list[Sequence[Fraction]]()

    def pick(self, chances: Sequence[Fraction]) -> int:
        at = len(self.taken)
        possible = (i for i, chance in enumerate(chances) if chance)
        self.taken.append(self.beginning[at] if at < len(self.beginning) else next(possible))
        self.chances.append(chances)
        return self.taken[at]

    @property
    def chance(self) -> Fraction:
        return prod((chances[i] for i, chances in zip(self.taken, self.chances, strict=True)), start=F(1))

    def others(self) -> Iterator[Path]:
        """Those that leave this one after its beginning."""
        for at in range(len(self.beginning), len(self.taken)):
            for i, chance in enumerate(self.chances[at]):
                if i > self.taken[at] and chance:
                    yield Path((*self.taken[:at], i))


def law_of(spec: Spec, record: Sequence[int], reports: Callable[[Spec, Sequence[int], list[Pick]], list[bytes]]) -> Law:
    """The law of a report of a record, by going through all outcomes of all its choices."""
    layout, law, waiting = Layout(spec.scheme, spec.parts), defaultdict[Any, Fraction](Fraction), [Path()]
    while waiting:
        try:
            found = [layout.read(report) for report in reports(spec, record, [path.pick for path in waiting])]
        except InvalidInput:
            raise AssertionError("a report is none of the plan") from None
        for path, report in zip(waiting, found, strict=True):
            law[report] += path.chance
        waiting = [other for path in waiting for other in path.others()]
    return dict(law)


def on_devices(spec: Spec, record: Sequence[int], picks: list[Pick]) -> list[bytes]:
    reports = list[bytes]()
    for pick in picks:
        with replaced(client, "Choices", lambda _, pick=pick: tape(pick)):
            reports.append(client.randomise(spec, record)[HEADER:])
    return reports


def in_one_block(spec: Spec, record: Sequence[int], picks: list[Pick]) -> list[bytes]:
    columns = {name: [value] * len(picks) for name, value in zip(spec.domain.names, record, strict=True)}
    with in_blocks(picks, spec):
        return [row.tobytes() for row in bulk.randomise(spec, columns).rows]


def plan(scheme: str, *parts: Part) -> Spec:
    domain = Domain({f"a{j}": list(range(part.size)) for j, part in enumerate(parts)})
    return Spec.of_parts(domain, parts, scheme=scheme, record_cap=F(10**6))


def even(size: int) -> tuple[Fraction, ...]:
    return (F(1, size),) * size


SKEWED, THIRDS = (F(1, 7), F(2, 7), F(4, 7)), (F(1, 3), F(2, 3))
PLANS = [
    plan(
        "rsfd", Part(Grr(2, F(3)), F(1, 3), even(2)), Part(Grr(3, F(5)), F(1, 2), even(3)), Part(Grr(2, F(2)), F(1, 6), even(2))
    ),
    plan("rsfd", Part(Grr(3, F(3)), F(1, 3), SKEWED), Part(Grr(2, F(5)), F(2, 3), THIRDS)),
    plan("rsfd", Part(Grr(2, F(3)), F(1, 5), even(2)), Part(Grr(3, F(4)), F(4, 5), SKEWED)),
    plan("rsfd", Part(Unary(2, F(1, 2), F(1, 5)), F(1, 3)), Part(Unary(2, F(2, 3), F(1, 3)), F(2, 3))),
    plan("spl", Part(Unary(3, F(1, 2), F(1, 5)))),
    plan("spl", Part(Unary(2, F(2, 3), F(1, 4))), Part(Subset(4, F(3), 2))),
    plan("spl", Part(LocalHash(3, F(3), 2))),
    plan("spl", Part(LocalHash(3, F(4), 3)), Part(Grr(2, F(3)))),
    plan("spl", Part(Hadamard(5, F(3)))),
    plan("spl", Part(Subset(5, F(2), 3))),
    plan(
        "smp",
        Part(Grr(2, F(3)), F(1, 9)),
        Part(Unary(3, F(1, 2), F(1, 5)), F(2, 9)),
        Part(Subset(4, F(3), 2), F(1, 3)),
        Part(LocalHash(4, F(3), 2), F(1, 9)),
        Part(Hadamard(3, F(3)), F(2, 9)),
    ),
    plan("rsfd", Part(Unary(2, F(1, 2), F(1, 5)), F(1, 3), even(2)), Part(Unary(2, F(2, 3), F(1, 3)), F(2, 3), THIRDS)),
    plan(
        "rsfd",
        Part(Grr(2, F(3)), F(1, 4), THIRDS),
        Part(Unary(2, F(1, 2), F(1, 5)), F(1, 4)),
        Part(Grr(2, F(2)), F(1, 2), even(2)),
    ),
    plan("spl", Part(Grr(2, F(3))), Part(Hadamard(2, F(4))), Part(Grr(3, F(2)))),
]


def reports_have_the_declared_law(plans: Sequence[Spec] = PLANS) -> None:
    for spec in plans:
        layout = Layout(spec.scheme, spec.parts)
        sizes = spec.domain.sizes
        some = [tuple(x % size for size in sizes) for x in range(max(sizes))]  # under smp other attributes do not matter
        for record in some if spec.scheme is Scheme.SMP else itertools.product(*map(range, sizes)):
            wanted = declared(layout, record)
            assert sum(wanted.values()) == 1
            assert law_of(spec, record, on_devices) == wanted, "a device has another law"
            assert law_of(spec, record, in_one_block) == wanted, "bulk has another law"


def large_symbols_agree() -> None:
    """Functions on many records give what they give on one, for sizes that no enumeration reaches."""
    for oracle in (Hadamard(1000, F(3)), Hadamard(2**24 - 1, F(3)), LocalHash(10**6, F(30), 31), LocalHash(2**24, F(2), 3)):
        bound = [oracle.columns] if isinstance(oracle, Hadamard) else [oracle.buckets] * (oracle.digits + 1)
        values = [0, 1, oracle.size // 2, oracle.size - 2, oracle.size - 1]
        digits = [[(17 * i + 5 * j) ** 5 % radix for i in range(5)] for j, radix in enumerate(bound)]
        kept = [1, 1, 0, 1, 1]
        kind = np.uint32 if isinstance(oracle, Hadamard) else np.uint64
        many = symbol(oracle, [np.array(own, dtype=kind) for own in digits], np.array(values, kind), np.array(kept, kind))
        one = [symbol(oracle, [own[i] for own in digits], values[i], kept[i]) for i in range(5)]
        assert many.tolist() == one, "a number of a large attribute overflows"
        if isinstance(oracle, Hadamard):
            entries = [(value + 1 & column).bit_count() % 2 for value, column, own in zip(values, one, kept, strict=True) if own]
            assert not any(entries), "a kept column has -1 in the value's row"


def any_pick(row: int) -> Pick:
    """Outcomes that depend on the row and on how many there were before, all of them possible."""
    steps = itertools.count()

    def pick(chances: Sequence[Fraction]) -> int:
        possible = [i for i, chance in enumerate(chances) if chance]
        return possible[(row * 7919 + next(steps) * 104729 + row * row * 31 >> 3) % len(possible)]

    return pick


WIDE = plan("rsfd", *(Part(Unary(9 + j, F(1, 2), F(1, 5)), F(1, 4), even(9 + j) if j % 2 else None) for j in range(4)))
TALL = plan(
    "spl", *(Part(Grr(300 + j, F(3))) for j in range(9)), Part(LocalHash(300, F(3), 5)), Part(Unary(300, F(1, 2), F(1, 4)))
)


def rows_are_reports_of_their_own() -> None:
    for spec in (*PLANS, WIDE, TALL):
        values = [[(31 * row + 7 * j * row + j) % size for row in range(11)] for j, size in enumerate(spec.domain.sizes)]
        with replaced(bulk, "_LEAST", 4), replaced(bulk, "_MOST", 4), in_blocks([any_pick(row) for row in range(11)], spec):
            rows = [row.tobytes() for row in bulk.randomise(spec, dict(zip(spec.domain.names, values, strict=True))).rows]
        alone = [in_one_block(spec, [own[row] for own in values], [any_pick(row)])[0] for row in range(11)]
        assert rows == alone, "a row is not the report of its own record and choices"
    record, layout = [size - 2 for size in TALL.domain.sizes], Layout(TALL.scheme, TALL.parts)
    for reports in (on_devices, in_one_block):
        symbols, bits, _ = layout.read(reports(TALL, record, [lambda chances: len(chances) - 1])[0])  # every value is kept
        assert list(symbols[:9]) == record[:9], "the integers of a report overflow"
        assert bits == 2**300 - 1, "a bit of a report is lost"


# 2. Records and columns: read as declared, or refused before anything is drawn.


COLUMNS: list[tuple[list[Label], Any]] = [
    (["no", "yes", "1"], ["yes", "1", "?"]),
    (["no", "yes", "1"], np.array(["1", "no", "maybe"])),
    (["no", "yes", "1"], np.array([1, 2, 3])),
    (["no", "yes", "1"], np.array([True, False, True])),
    (["no", "yes", "1"], np.array([None, "no", 1, "yes"], dtype=object)),
    ([1, "a", None], [None, 1, "a", 2, 1.0, float("nan")]),
    ([1, "a", None], [1, True]),
    ([1, "a", None], np.array([1.0, float("nan"), 2.0, -0.0])),
    ([1, "a", None], np.array([1.0, 1.5])),
    ([1, "a", None], np.array([1.0, 2.0**70, float("inf")])),
    ([1, "a", None], np.array([1, 7, -1, 1])),
    ([1, 2], np.array([2.0, 1.0, 2.0])),
    ([1, 2], np.array([2.0, float("nan")])),
    ([3, 1, 2], np.array([3, 2, 1, 0, 4], np.int8)),
    ([3, 1, 2], np.array([3, 1, 2], np.int8)),
    ([3, 1, 2], (2, 1, 3)),
    ([0, 1, 2], np.array([2, 0, 1], np.uint64)),
    ([-1, 0, 5], np.array([2**64 - 1, 0, 5], np.uint64)),
    ([-1, 0, 5], np.array([-1, 0, 5, 5], np.int16)),
    ([-1, 0, 5], np.array([-1, 0, 4])),
    ([-(2**63), 2 - 2**63], np.array([2 - 2**63, 2**63 - 1, -(2**63)])),
    ([-(2**70), 5, 10**9], np.array([5, 10**9, 6])),
    ([-(2**70), 5, 10**9], [-(2**70), 5]),
]


def columns_are_read_as_records() -> None:
    for labels, column in COLUMNS:
        for domain in (Domain({"a": labels}, other=["a"]), Domain({"a": labels})):
            assert [domain.place(0, label) for label in labels] == list(range(len(labels))), "a label stands in another place"
            records = [[value] for value in column]
            declared = [not is_refused(lambda own=record, d=domain: d.encode(own)) for record in records]
            if all(declared):
                codes = encode(domain, {"a": column})[0].tolist()
                assert [(code,) for code in codes] == [domain.encode(record) for record in records], "a column reads otherwise"
            else:
                assert is_refused(lambda d=domain, own=column: encode(d, {"a": own})), (
                    "a column with an undeclared value is taken"
                )


def refusals_draw_nothing() -> None:
    spec = plan("rsfd", Part(Grr(2, F(3)), F(1, 2), even(2)), Part(Grr(3, F(3)), F(1, 2), even(3)))
    extra = {"a0": 0, "a1": 0, "a2": 0}
    wrong: list[Any] = [2, -1, 1.5, True, "0", None, float("nan")]
    for value in wrong:
        for record in (
            [value, 0],
            [0, 3 if value == 2 else value],
            [0],
            [0, 0, 0],
            {"a0": 0},
            {"a0": value, "a1": 0},
            extra,
            "00",
            7,
        ):
            assert is_refused(lambda record=record: client.randomise(spec, record)), "a device takes a record that does not fit"
        for data in (
            {"a0": [0, value], "a1": [0, 1]},
            {"a0": [0, 1], "a1": [3 if value == 2 else value, 0]},
            {"a0": [0]},
            [0],
            {"a0": [0], "a1": []},
        ):
            assert is_refused(lambda data=data: bulk.randomise(spec, data)), "bulk takes columns that do not fit"
    with fixed_key(bytes(32)):
        assert not bulk.randomise(spec, {"a0": [0], "a1": [0]}).secure, "reports of test mode are called secure"
        assert not Reports.from_bytes(spec, client.randomise(spec, [0, 0])).secure, "a report of test mode is called secure"
    assert bulk.randomise(spec, {"a0": [0], "a1": [0]}).secure
    assert Reports.from_bytes(spec, client.randomise(spec, [0, 0])).secure


def is_refused(call: Callable[[], object]) -> bool:
    try:
        with scripted_words([]):  # a draw would end the script, which is no InvalidInput
            call()
    except InvalidInput:
        return True
    except PrivlibError:
        return False
    return False


def prove() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        large_symbols_agree()
        columns_are_read_as_records()
        refusals_draw_nothing()
        reports_have_the_declared_law()
        rows_are_reports_of_their_own()


def mutants() -> dict[str, object]:
    device, recipe, read = "privlib.ldp.client", "privlib.ldp.recipe", "privlib.ldp.codes"
    block, answer = "privlib.ldp.bulk", "privlib.ldp.bulk._All.answer"
    return {
        "a value is kept whenever it is drawn": rewritten(
            f"{recipe}.Lot.of", "append(part.weight * keep(part.oracle))", "append(part.weight)"
        ),
        "all attributes are drawn alike": rewritten(
            f"{recipe}.Lot.of", "append(part.weight *", "append(Fraction(1, len(parts)) *"
        ),
        "drawn without being kept counts as a fake": rewritten(f"{recipe}.Lot.of", "not part.uniform and", "False and"),
        "outcomes change their chances": rewritten(f"{recipe}.borders", "law[:-1]", "law[:0:-1]"),
        "subsets keep as often as they should hit": rewritten(f"{recipe}.keep", "(oracle.hit - even) / (1 - even)", "oracle.hit"),
        "Hadamard keeps too often": rewritten(f"{recipe}.keep", "(oracle.odds + 1)", "oracle.odds"),
        "picks of a subset are one too small": rewritten(
            f"{recipe}.radices", "oracle.chosen + 1, oracle.size + 1", "oracle.chosen, oracle.size"
        ),
        "Hadamard columns flip in another bit": rewritten(f"{recipe}.symbol", "(row & ~value)", "1"),
        "functions read one digit again and again": rewritten(f"{recipe}.symbol", "= value // buckets,", "= value,"),
        "the last fold of a parity is forgotten": rewritten(f"{recipe}._parity", "4, 2, 1)", "4, 2)"),
        "fakes are made of the truth": rewritten(f"{device}._answer", "choices.digit(radix) for", "value % radix for"),
        "a device's bit stands elsewhere": rewritten(f"{device}._answer", "<< first + encoded", "<< first"),
        "a device sets a bit for every attribute": rewritten(f"{device}._answer", "(own if part.fake is None else 1)", "1"),
        "a device never unsets a bit": rewritten(f"{device}._answer", "bits & ~place |", "bits |"),
        "a device's coins of values are those of others": rewritten(
            f"{device}._answer", "(part.oracle.hit, 1)", "(part.oracle.miss, 1)"
        ),
        "a device tells of another value": rewritten(f"{device}.randomise", "(values[told],)", "(0,)"),
        "a device keeps a value always": rewritten(f"{device}._lots", "next(coins) if chance < 1 else 1", "1"),
        "a pick of a device is lost where it is there": rewritten(
            f"{device}._subset", "chosen(members >> pick & 1, top, pick)", "pick"
        ),
        "bulk keeps a value always": rewritten(f"{block}._All._lots", "next(coins) if chance < 1 else", ""),
        "bulk keeps later attributes too": rewritten(
            f"{block}._All._lots", "place == own for own in self._lot.kept", "place >= own for own in self._lot.kept"
        ),
        "bulk fakes with the truth": rewritten(answer, "chosen(own, value, digits[0])", "value"),
        "bulk's fakes are uniform": rewritten(answer, "if law is not None", "if False"),
        "bulk sets a bit for every attribute": rewritten(answer, "kept[attribute] if part.fake is None else np.ones", "np.ones"),
        "the integers of a report overflow": rewritten(
            answer, ".astype(numbers[number].dtype, copy=False) * worth", ".astype(np.uint32) * np.uint32(worth % 2**32)"
        ),
        "bulk forgets where an attribute begins": rewritten(f"{block}._encode", "+ first % 8\n", "\n"),
        "bulk writes ones alone": rewritten(f"{block}._encode", "^= (bits[first // 8 + row] ^ coin) & mask", "|= coin & mask"),
        "bulk leaves out the last byte": rewritten(f"{block}._encode", "(first % 8 + size + 7) // 8", "(first % 8 + size) // 8"),
        "the last pick is lost where it is there": rewritten(f"{block}._subset", "members[-1] |=", "members[-1] &="),
        "sets begin at a byte": rewritten(f"{block}._insert", "np.zeros((first % 8,", "np.zeros((0,"),
        "later blocks repeat the first records": rewritten(
            f"{block}.randomise", "code[start : start + step]", "code[: len(block)]"
        ),
        "told attributes take others' values": rewritten(f"{block}._Told.answer", "[attribute][own]", "[attribute][: own.size]"),
        "test mode is called secure": rewritten(f"{block}.randomise", "is_secure()", "True"),
        "a device's test mode is called secure": rewritten(f"{device}.randomise", "is_secure()", "True"),
        "undeclared values are guessed": rewritten(
            f"{read}._of_present", "domain.place(attribute, value) if place is None else place", "place or 0"
        ),
        "rows that lack a value shift the others": rewritten(
            f"{read}._places", "whole[there] = found", "whole[: found.size] = found"
        ),
        "great integers wrap around": rewritten(f"{read}._Table.look_up", "int(values.max()) >= 2**63", "False"),
        "gaps between labels are the first label": rewritten(f"{read}._Table.look_up", "int(found.min()) >= 0", "True"),
        "a record may have more than the attributes": rewritten(
            "privlib.ldp.domain.Domain.encode", "set(record) != set(self.names)", "not set(record) >= set(self.names)"
        ),
    }


# Hypothesis: plans of any kind (P2: probabilities add up to 1 and are the declared ones; P6: device and bulk have one law).

rationals = st.fractions(F(1, 9), F(8, 9), max_denominator=9)


@st.composite
def laws(draw: st.DrawFn, size: int) -> tuple[Fraction, ...]:
    masses = [draw(st.integers(1, 5)) for _ in range(size)]
    return tuple(F(mass, sum(masses)) for mass in masses)


@st.composite
def parts(draw: st.DrawFn, scheme: str, weight: Fraction) -> Part:
    size, odds = draw(st.integers(2, 3)), 1 + draw(rationals) * 3
    low, high = sorted([draw(rationals), draw(rationals)])
    unary = Unary(size, high if high > low else F(9, 10), low)
    if scheme == "rsfd":
        fake = draw(st.one_of(st.just(even(size)), laws(size)))
        return draw(st.sampled_from([Part(Grr(size, odds), weight, fake), Part(unary, weight), Part(unary, weight, fake)]))
    oracle = draw(
        st.sampled_from([Grr(size, odds), unary, Subset(size, odds, size - 1), LocalHash(size, odds, 2), Hadamard(size, odds)])
    )
    return Part(oracle, weight)


@st.composite
def plans(draw: st.DrawFn) -> Spec:
    scheme = draw(st.sampled_from(["spl", "smp", "rsfd"]))
    weights = [F(1), F(1)] if scheme == "spl" else draw(laws(2))
    return plan(scheme, *(draw(parts(scheme, weight)) for weight in weights))


@settings(max_examples=25)
@given(plans())
def test_p2_p6_a_device_and_bulk_have_the_declared_law(spec: Spec) -> None:
    record = tuple(size - 1 for size in spec.domain.sizes)
    wanted = declared(Layout(spec.scheme, spec.parts), record)
    assert sum(wanted.values()) == 1
    assert law_of(spec, record, on_devices) == wanted
    assert law_of(spec, record, in_one_block) == wanted


@given(plans(), st.data())
def test_p9_refusals_do_not_depend_on_the_random_words(spec: Spec, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, 1))
    record = [0, 0]
    record[place] = data.draw(st.sampled_from([-1, 3, 1.5, "0", None, True, float("nan")]))
    texts = set[str]()
    for key in (bytes(32), bytes(range(32))):
        for call in (
            lambda: client.randomise(spec, record),
            lambda: bulk.randomise(spec, {"a0": [record[0]], "a1": [record[1]]}),
        ):
            with fixed_key(key):
                try:
                    call()
                except InvalidInput as error:
                    texts.add(str(error))
    assert len(texts) == 1, "a refusal depends on what was drawn"

"""Releasing the noisy table is pure epsilon-differentially private for the whole curve.

Statement
    Inputs: finite multisets of people (time > 0, event or censored, group label of the plan). Neighbours: two multisets that
    differ in one person more or fewer (``add_remove``), or in one person's record (``replace``; both have the plan's n people).
    Released: everything that ``SurvivalTable.release`` returns: the noisy counts, the plan, the certificate. For every plan
    and every set O of outputs, ``P(release(D) in O) <= exp(epsilon) P(release(D') in O)``. The bound is attained.

Proof
    (1) A person adds 1 to exactly one cell of their group's table and nothing to any other. So the tables v, v' of neighbours
    differ by at most D in L1 norm, D = 1 under add_remove and D = 2 under replace. (2) The release is a function of v + z and
    the plan alone, where z is one independent discrete Laplace draw of scale s = D / epsilon per cell (law: noise.t1). (3) Hence
    for every output o, ``P(o | v) / P(o | v') = q**(|o - v|_1 - |o - v'|_1) <= q**(-|v - v'|_1) <= exp(D / s) = exp(epsilon)``,
    with ``q = exp(-1/s)``. Summing over O gives the statement; estimates are post-processing.

Checked against the shipped code
    All data sets of at most 3 people on a grid of 2 bins, both relations, with and without groups: the shipped ``count`` and the
    shipped ``release``, fed with words that dictate every noise vector in {-1, 0, 1}**cells for a sample of tables and chosen
    noise for all; worst exponent over all neighbouring pairs exactly epsilon, in fractions. The bytes of two releases with equal
    noisy counts are equal. The law asked for is recorded in the call itself.

Covers not
    The ledger's time stamp, timing, the operating system's generator, refusals for input outside the schema, and several
    releases of the same people, whose epsilons add (composition.t1).
"""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib.budget import Ledger
from privlib.errors import AlreadyReleased, BudgetExceeded, InvalidInput, Mismatch
from privlib.noise.laws import DiscreteLaplace
from privlib.noise.table import Table, table
from privlib.noise.testing import InsecureNoise, fixed_key, scripted_words
from privlib.prove import replaced, rewritten
from privlib.survival import Curve, Spec, SurvivalTable
from privlib.survival import spec as spec_module

covers = [
    "privlib.survival.release.release",
    "privlib.survival.table.SurvivalTable.count",
    "privlib.survival.table.SurvivalTable.__add__",
    "privlib.survival.table.SurvivalTable.release",
    "privlib.survival.counting.count_cells",
    "privlib.survival.counting._observed",
    "privlib.survival.counting._cell",
    "privlib.survival.counting._is_whole",
    "privlib.survival.counting._times",
    "privlib.survival.counting._group_index",
    "privlib.survival.counting._place",
    "privlib.survival.counting._fine",
    "privlib.survival.counting._fold",
    "privlib.survival.counting._check_schema",
    "privlib.survival.counting._refuse_repeated",
    "privlib.survival.table.SurvivalTable.__init__",
    "privlib.survival.table.SurvivalTable._not_released",
    "privlib.survival.grid.Grid.time",
    "privlib.survival.grid.Grid.bins",
    "privlib.survival.grid.Grid.cells",
    "privlib.survival.grid.Grid.censor_bins",
    "privlib.survival.grid.Grid.censor_bin",
    "privlib.survival.spec.Spec.__init__",
    "privlib.noise.stream.is_secure",
    "privlib.tables.vector",
    "privlib.survival.curve.Curve.__init__",
    "privlib.survival.spec.Spec.sensitivity",
    "privlib.survival.spec.Spec.bound",
    "privlib.survival.spec.Spec.cells",
    "privlib.survival.curve.Curve.to_json",
    "privlib.survival.curve.Curve.bound",
]

Person = tuple[int, int, str]
Counts = tuple[int, ...]
EPSILONS = (Fraction(3, 2), Fraction(1, 3))
TIMES = (1, 2, 3, 4, 5)  # horizon 4, two bins of two units; 5 lies beyond


def plan(neighbours: str, people: int, *, grouped: bool, epsilon: Fraction = EPSILONS[0]) -> Spec:
    public = {"n": people} if neighbours == "replace" else {"expected_n": 3}
    groups = ["x", "y"] if grouped else None
    return Spec(horizon=4, epsilon=epsilon, neighbours=neighbours, n_bins=2, groups=groups, **public)


def universe(*, grouped: bool) -> list[Person]:
    """One person for every cell that a record can fall into, and more."""
    return list(itertools.product(TIMES, (0, 1), ("x", "y") if grouped else ("x",)))


def exact_table(spec: Spec, people: Iterable[Person]) -> SurvivalTable:
    rows = list(people)
    return spec.count(
        np.array([t for t, _, _ in rows], dtype=np.int64),
        np.array([e for _, e, _ in rows], dtype=np.int64),
        group=np.array([g for _, _, g in rows], dtype=np.str_) if spec.groups else None,
    )


def cells_of(exact: SurvivalTable) -> Counts:
    return tuple(exact._cells.tolist())


def word_for(built: Table, value: int) -> int:
    """A main word that the table sampler turns into a value."""
    symbol = int(np.flatnonzero((built.values == value) & (built.cut > 0))[0])
    return symbol << (built.word_bits - built.column_bits)


def released(exact: SurvivalTable, noise: Counts) -> Curve:
    """The shipped release of a table, with the noise dictated word by word under the law that epsilon demands."""
    spec = exact.spec
    moved = {"add_remove": 1, "replace": 2}[spec.neighbours]  # the theorem's D, not the code's
    built = table(DiscreteLaplace(moved / spec.epsilon))
    fresh = SurvivalTable(spec, exact._cells.copy())
    with scripted_words([word_for(built, z) for z in noise]):
        return fresh.release()


def distance(a: Counts, b: Counts) -> int:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))


def the_release_is_counts_plus_noise_of_the_stated_law(spec: Spec, exact: SurvivalTable, noises: Iterable[Counts]) -> None:
    """Words that mean z under scale D / epsilon come out as counts + z; under another law they would not."""
    for noise in noises:
        curve = released(exact, noise)
        assert tuple(curve.noisy.tolist()) == tuple(np.add(cells_of(exact), noise).tolist()), "not counts plus noise"


def the_law_is_asked_for(spec: Spec, exact: SurvivalTable) -> None:
    """The scale passed to the sampler, seen in the call, and one output per cell in one draw."""
    import privlib.survival.release as release_module

    asked = list[tuple[int, Fraction]]()

    def spy(size: int, *, scale: Fraction) -> np.ndarray:
        asked.append((size, Fraction(scale)))
        return np.zeros(size, dtype=np.int64)

    kept = release_module.discrete_laplace
    release_module.discrete_laplace = spy
    try:
        SurvivalTable(spec, exact._cells.copy()).release()
    finally:
        release_module.discrete_laplace = kept
    moved = {"add_remove": 1, "replace": 2}[spec.neighbours]
    assert asked == [(len(cells_of(exact)), moved / spec.epsilon)], (
        "the draw is not one discrete Laplace of scale D / epsilon a cell"
    )


def equal_noisy_counts_give_equal_bytes(spec: Spec, tables: list[SurvivalTable]) -> None:
    for first, second in itertools.pairwise(tables):
        target = np.maximum(cells_of(first), cells_of(second)) + 1
        one = released(first, tuple((target - cells_of(first)).tolist()))
        two = released(second, tuple((target - cells_of(second)).tolist()))
        assert one.to_json() == two.to_json(), "the release depends on the data besides its noisy counts"


def prove_plan(neighbours: str, epsilon: Fraction, *, grouped: bool, most: int) -> None:
    people = universe(grouped=grouped)
    by_size = {size: list(itertools.combinations_with_replacement(people, size)) for size in range(most + 1)}
    worst = Fraction(0)
    sizes = range(1, most + 1) if neighbours == "replace" else range(most)
    for size in sizes:
        spec = plan(neighbours, size, grouped=grouped, epsilon=epsilon)
        scale = 1 / Fraction(spec.law.scale)
        tables = {rows: cells_of(exact_table(spec, rows)) for rows in by_size[size]}
        for rows, cells in tables.items():
            assert sum(cells) == size, "a person is not counted exactly once"
            assert min(cells) >= 0, "a count is negative"
            assert len(cells) == spec.cells, "the table has another shape"
            if neighbours == "add_remove":
                others = (cells_of(exact_table(spec, (*rows, extra))) for extra in people)
            else:
                others = (
                    tables[tuple(sorted((*rows[:i], *rows[i + 1 :], extra), key=people.index))]
                    for i in range(size)
                    for extra in people
                )
            worst = max(worst, *(distance(cells, other) * scale for other in others))
        some = [exact_table(spec, rows) for rows in by_size[size][:: max(1, len(by_size[size]) // 6)]]
        the_law_is_asked_for(spec, some[-1])
        for exact in some:
            corners = [tuple([z] * spec.cells) for z in (-2, 0, 3)]
            unit = [tuple(int(i == j) for j in range(spec.cells)) for i in range(spec.cells)]
            the_release_is_counts_plus_noise_of_the_stated_law(spec, exact, corners + unit)
        equal_noisy_counts_give_equal_bytes(spec, some)
        assert released(some[0], (0,) * spec.cells).bound.epsilon == epsilon, "the certificate states another epsilon"
    assert worst == epsilon, f"the worst log-ratio is {worst}, the bound says {epsilon}"


def prove() -> None:
    table.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        for neighbours in ("add_remove", "replace"):
            prove_plan(neighbours, EPSILONS[0], grouped=False, most=3)
            prove_plan(neighbours, EPSILONS[1], grouped=False, most=2)
            prove_plan(neighbours, EPSILONS[0], grouped=True, most=2)
        spec = plan("add_remove", 0, grouped=False)
        exact = exact_table(spec, [(1, 1, "x"), (4, 0, "x")])
        the_release_is_counts_plus_noise_of_the_stated_law(spec, exact, itertools.product((-1, 0, 1), repeat=spec.cells))
        sizes = [exact_table(spec, [(1, 1, "x")] * size) for size in range(4)]
        equal_noisy_counts_give_equal_bytes(spec, sizes)  # under add_remove the number of people is private too
        crowd = SurvivalTable(spec, exact._cells + 10**7)
        the_release_is_counts_plus_noise_of_the_stated_law(spec, crowd, [(5, -4, 3, -2, 1, 0)[: spec.cells]])
        every_release_is_charged_first(spec, exact)
        what_the_plan_excludes_is_refused()
        every_time_falls_into_its_own_cell()
        blocks_are_counted_once()
        merging_keeps_one_cell_a_person()
        the_two_ways_of_counting_agree()


def every_release_is_charged_first(spec: Spec, exact: SurvivalTable) -> None:
    """The row is in the ledger, with the certificate's bound, when the sampler is entered; a refusal enters nothing."""
    import privlib.survival.release as release_module

    rows_at_the_draw = list[int]()

    def spy(size: int, *, scale: Fraction) -> np.ndarray:
        rows_at_the_draw.append(len(ledger.charges()))
        return np.zeros(size, dtype=np.int64)

    with tempfile.TemporaryDirectory() as folder, replaced(release_module, "discrete_laplace", spy):
        ledger = Ledger(Path(folder) / "ledger.db", limit=spec.epsilon)
        one, other = SurvivalTable(spec, exact._cells), SurvivalTable(spec, exact._cells)
        curve = one.release(ledger=ledger)
        rows = ledger.charges()
        assert len(rows) == 1, "a release is not charged once"
        assert rows_at_the_draw == [1], "the draw comes before the charge"
        record = rows[0].record
        assert record["bound"] == curve.bound.to_dict(), "another bound is charged than the certificate states"
        assert (record["fingerprint"], record["secure"]) == (spec.fingerprint, True), "the row is of another plan"
        assert curve.secure, "a release from the operating system's generator is called insecure"
        assert dict(curve.head or {}) == rows[0].head, "the release carries another charge"
        assert raises(AlreadyReleased, lambda: one.release(ledger=None)), "a table is released twice"
        assert raises(AlreadyReleased, (one + other).release), "a part is released again in a sum"
        assert raises(BudgetExceeded, lambda: other.release(ledger=ledger)), "a spent ledger lets a release go on"
        assert rows_at_the_draw == [1], "noise is drawn although the ledger refused"
        other.release()
    with tempfile.TemporaryDirectory() as folder, fixed_key(bytes(32)):
        ledger = Ledger(Path(folder) / "ledger.db", limit=spec.epsilon)
        assert not SurvivalTable(spec, exact._cells).release(ledger=ledger).secure, "a release in test mode is called secure"
        assert ledger.charges()[0].record["secure"] is False, "a charge in test mode is called secure"


def what_the_plan_excludes_is_refused() -> None:
    """Inputs on which the sensitivity would not hold never reach a release."""
    two = plan("replace", 2, grouped=False)
    grouped = plan("add_remove", 0, grouped=True)
    near = Spec(horizon=5, epsilon=1, neighbours="add_remove", n_bins=2)
    refused: list[Callable[[], object]] = [
        lambda: exact_table(two, [(1, 1, "x")]).release(),
        lambda: exact_table(two, [(1, 1, "x")] * 3).release(),
        lambda: exact_table(grouped, [(1, 1, "z")]),
        lambda: two.count([1, 2], [0, 2]),
        lambda: two.count([1, 2], [0, 1], id=[7, 7]),
        lambda: near.count([1]) + Spec(horizon=5, epsilon=2, neighbours="add_remove", n_bins=2).count([1]),
        lambda: [part + part for part in [near.count([1])]],
        lambda: SurvivalTable(near, np.array([1])),
        lambda: SurvivalTable(near, np.zeros(near.cells)),
    ]
    for number, attempt in enumerate(refused):
        assert raises((InvalidInput, Mismatch), attempt), f"excluded input {number} is taken"


def raises(kind: type[Exception] | tuple[type[Exception], ...], attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except kind:
        return True
    return False


def every_time_falls_into_its_own_cell() -> None:
    """Floats of both widths and whole numbers, on and between multiples of the unit, each alone and all together."""
    for unit in (Fraction(1), Fraction(1, 10), Fraction(2, 3), Fraction(3)):
        spec = Spec(horizon=12 * unit, unit=unit, epsilon=1, neighbours="add_remove", n_bins=5)
        for dtype in (np.float64, np.float32, np.int64):
            column = np.array([float(unit * Fraction(k, 2)) for k in range(1, 30)], dtype=dtype)
            column = column[column > 0]
            for event in (0, 1):
                alone = [cells_of(spec.count(column[[i]], [event])) for i in range(column.size)]
                assert all(sum(cells) == 1 for cells in alone), "a person is not in exactly one cell"
                stated = [stated_cell(spec, time, event, dtype) for time in column.tolist()]
                assert [cells.index(1) for cells in alone] == stated, "a time falls into another cell"
                together = cells_of(spec.count(column, np.full(column.size, event)))
                assert together == tuple(np.sum(alone, axis=0).tolist()), "one person moves another"


def stated_cell(spec: Spec, time: float, event: int, dtype: type) -> int:
    """The slow definition: the least k with time <= k units, where a float nearest to a multiple means the multiple."""
    grid = spec.grid

    def multiple(k: int) -> Fraction:
        exact = k * grid.unit
        return exact if dtype is np.int64 else Fraction(float(dtype(float(exact))))

    k = next(k for k in itertools.count() if Fraction(time) <= multiple(k))
    if k > grid.units or (not event and Fraction(time) >= multiple(grid.units)):
        return grid.cells - 1
    place = next(b for b in range(grid.bins) if grid.edges[b] < k <= grid.edges[b + 1])
    return place if event else grid.bins + place // 2


def blocks_are_counted_once() -> None:
    from privlib.survival import counting

    spec = plan("add_remove", 0, grouped=True)
    people = universe(grouped=True)
    whole = cells_of(exact_table(spec, people))
    assert sum(whole) == len(people), "a person is lost or counted twice"
    for size in (1, 2, 7):
        for fine in (0, 2**16):
            with replaced(counting, "_BLOCK", size), replaced(counting, "_FINE_HISTOGRAM", fine):
                assert cells_of(exact_table(spec, people)) == whole, "the blocks of a count overlap, or one is lost"


def merging_keeps_one_cell_a_person() -> None:
    spec = plan("add_remove", 0, grouped=False)
    for one, two in itertools.product(universe(grouped=False), repeat=2):
        parts = exact_table(spec, [one]) + exact_table(spec, [two])
        assert cells_of(parts) == cells_of(exact_table(spec, [one, two])), "merging differs from counting the whole"


def the_two_ways_of_counting_agree() -> None:
    """Fine histogram and search for the bin: the same cells for every person."""
    from privlib.survival import counting

    for grouped in (False, True):
        spec = plan("add_remove", 0, grouped=grouped)
        people = universe(grouped=grouped)
        kept = counting._FINE_HISTOGRAM
        try:
            counting._FINE_HISTOGRAM = 2**16
            fine = [cells_of(exact_table(spec, [person])) for person in people]
            counting._FINE_HISTOGRAM = 0
            direct = [cells_of(exact_table(spec, [person])) for person in people]
        finally:
            counting._FINE_HISTOGRAM = kept
        together = cells_of(exact_table(spec, people))
        assert together == tuple(np.sum(fine, axis=0).tolist()), "one person moves another"
        assert fine == direct, "the two ways of counting differ"
        assert all(Counter(cells)[1] == 1 and sum(cells) == 1 for cells in fine), "a person is not in exactly one cell"


def mutants() -> dict[str, object]:
    release, rows = "privlib.survival.release.release", "privlib.survival.counting"
    return {
        "replace moves only one cell": lambda: replaced(
            spec_module, "_CHANGED_CELLS", dict.fromkeys(spec_module._CHANGED_CELLS, 1)
        ),
        "the scale is epsilon": rewritten(release, "spec.sensitivity / spec.epsilon", "spec.epsilon"),
        "the scale forgets the sensitivity": rewritten(release, "spec.sensitivity / spec.epsilon", "1 / spec.epsilon"),
        "the last cell has no noise": rewritten(
            release, "noisy=cells + noise", "noisy=np.append((cells + noise)[:-1], cells[-1])"
        ),
        "one draw serves all cells": rewritten(release, "discrete_laplace(spec.cells,", "discrete_laplace(1,"),
        "negative counts are cut before release": rewritten(release, "cells + noise", "np.maximum(cells + noise, 0)"),
        "the exact number of people leaks": rewritten(release, "head=head", 'head={"n": int(cells.sum())}'),
        "people beyond the horizon are lost": rewritten(f"{rows}._fold", "left = fine[:, :, -1]", "left = 0 * fine[:, :, -1]"),
        "nothing is charged": rewritten(release, "charge(ledger, spec", "charge(None, spec"),
        "half is charged": rewritten(
            release, "spec.bound, name", "type(spec.bound).pure(spec.epsilon / 2, neighbours=spec.neighbours), name"
        ),
        "test mode is called secure": rewritten(release, "secure = is_secure()", "secure = True"),
        "a table releases again and again": rewritten(
            "privlib.survival.table.SurvivalTable.release", "self._released = True", "pass"
        ),
        "any number of people passes under replace": rewritten(
            "privlib.survival.table.SurvivalTable.release", "self.spec.n is not None and", "False and"
        ),
        "big counts have no noise": rewritten(release, "noisy=cells + noise", "noisy=cells + noise * (cells < 10**6)"),
        "blocks overlap by one row": rewritten(
            f"{rows}.count_cells", "slice(begin, begin + _BLOCK)", "slice(max(0, begin - 1), begin + _BLOCK)"
        ),
        "times are shifted by the least of the block": rewritten(
            f"{rows}._cell", "exact_time = time.astype(np.float64)", "exact_time = time.astype(np.float64) - float(smallest) / 2"
        ),
        "fractional units are not corrected": rewritten(f"{rows}._cell", "if unit != 1:", "if False:"),
        "events count as censored too": rewritten(f"{rows}._fold", "fine[:, 0, 1:-1],", "fine.sum(axis=1)[:, 1:-1],"),
        "a group is also in the first group": rewritten(
            f"{rows}.count_cells",
            "place += _group_index(label[part], spec) *",
            "place = np.append(place, place)\n            place += np.append(0 * place[::2], _group_index(label[part], spec)) *",
        ),
    }


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 1)), max_size=30),
    st.tuples(st.integers(1, 40), st.integers(0, 1)),
    st.integers(1, 20),
)
def test_one_person_more_adds_one_to_one_cell(rows: list[tuple[int, int]], extra: tuple[int, int], bins: int) -> None:
    spec = Spec(horizon=20, epsilon=1, neighbours="add_remove", n_bins=bins)
    people = [(t, e, "x") for t, e in rows]
    before, after = exact_table(spec, people), exact_table(spec, [*people, (*extra, "x")])
    assert sorted(np.subtract(cells_of(after), cells_of(before)).tolist()) == [0] * (spec.cells - 1) + [1]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 1)), max_size=30), st.randoms(use_true_random=False))
def test_the_table_does_not_know_the_order_of_people(rows: list[tuple[int, int]], random: object) -> None:
    spec = Spec(horizon=20, epsilon=1, neighbours="add_remove", n_bins=5)
    people = [(t, e, "x") for t, e in rows]
    shuffled = people.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis' own shuffler
    assert cells_of(exact_table(spec, people)) == cells_of(exact_table(spec, shuffled))

"""A one-shot release keeps its bound, rounding to the grid included.

Statement
    Inputs: a vector v of d real numbers or infinities, the answer of one query on a data set; let c be v clipped to the plan's
    range. Assumption, the caller's: for any two neighbouring data sets c differs in at most l0 coordinates, and by at most l1
    and l2 in the norms that the plan declares. Released: everything that ``Rounded.release`` returns. Then the release is pure
    epsilon-differentially private, rho-zCDP or mu-GDP, as the plan says, for all coordinates together.

Proof
    (1) Rounding is ``floor(c / step + 1/2)`` in each coordinate by itself. For ``a >= b`` the integer
    ``D = floor(a + 1/2) - floor(b + 1/2)`` is below ``a - b + 1``, because ``floor(a + 1/2) <= a + 1/2`` and
    ``floor(b + 1/2) > b - 1/2``; and D = 0 if a = b. Rounding is monotone, so clipping afterwards to the rounded bounds is
    clipping before. Halves must go up: to the even neighbour, 1/2 and 3/2 would land 2 apart.
    (2) Let ``x_i`` be the differences in steps, and ``e_i = D_i - 1 < x_i`` where ``D_i > 0``, in at most k = l0 coordinates.
    If any, ``sum e_i < l1/step`` and ``sum e_i**2 < (l2/step)**2``, strictly, so these integers are at most
    ``ceil(l1/step) - 1`` and ``ceil((l2/step)**2) - 1``. Integers obey ``sum e_i <= sum e_i**2 <= (sum e_i)**2``, and
    ``(sum e_i)**2 <= k sum e_i**2`` (Cauchy). With A and B the least such bounds, ``sum D_i <= A + k`` and
    ``sum D_i**2 <= B + 2 A + k``. Where the values are integers, 1/step is one and the ends of the range are
    grid points, as such a plan must have, clipped values are grid points: every ``x_i`` is an integer and rounding moves no
    value, so A and B are the floors, and nothing is added.
    (3) Let z, z' be the rounded vectors, Y one independent noise for each coordinate. Discrete Laplace of scale s:
    ``P(z+Y=o) / P(z'+Y=o) = q**(|o-z|_1 - |o-z'|_1) <= exp(|z-z'|_1 / s)``, q = exp(-1/s). Discrete Gaussian: for t real,
    ``sum over x of g(x - t) <= sum over x of g(x)`` (Poisson's summation: all Fourier coefficients of the left side are
    positive), so the divergence of order alpha of a shift by D is at most ``alpha D**2 / (2 sigma2)``; over coordinates these
    add up to ``alpha |z-z'|_2**2 / (2 sigma2)``. Rounded Gaussian: z + Y is z plus a continuous Gaussian vector, rounded, hence
    post-processing of a mechanism with ``mu**2 = |z-z'|_2**2 / sigma2``. The scales in use are ``D1/epsilon``,
    ``D2**2/(2 rho)`` and ``D2**2/mu2`` with the D of (2).
    (4) The sum is cut at the ends of 64 bits, a function of z + Y alone. Everything else is of the plan.

Checked against the shipped code
    Every pair of places on a grid of quarter steps in and beyond the range: the shipped rounding of Fractions, floats and
    Decimals against fractions; from these, every combination of up to 3 coordinates within the declared norms: no move beyond
    the plan's, and its L1 move attained. The shipped release with dictated words, one for each coordinate, is values plus
    noise; the law asked for is recorded in the call; the worst loss over all neighbours is the stated one, in fractions. The
    saturated sum at the ends of 64 bits, against integers. A ledger is charged, with the stated bound, before the draw.

Covers not
    Whether the declared sensitivity is true: that is a theorem about the query, floats in it included. Refusals for input
    outside the schema, NaN without a public value among them, timing, and the generator. The laws are noise.t1 and noise.t4.
"""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from math import floor, inf
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib.budget import Ledger
from privlib.errors import AlreadyReleased, BudgetExceeded, InvalidInput
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Law, RoundedGaussian
from privlib.noise.table import Table, table
from privlib.noise.testing import InsecureNoise, fixed_key, scripted_words
from privlib.oneshot import Answer, Rounded, Spec
from privlib.oneshot import release as release_module
from privlib.oneshot.release import saturated_sum
from privlib.oneshot.sensitivity import Moves
from privlib.prove import replaced, rewritten

covers = [
    "privlib.oneshot.release.release",
    "privlib.oneshot.release.saturated_sum",
    "privlib.oneshot.grid.Grid.nearest",
    "privlib.oneshot.grid.Grid.place",
    "privlib.oneshot.grid.Grid.least",
    "privlib.oneshot.grid.Grid.most",
    "privlib.oneshot.grid.Grid.__post_init__",
    "privlib.oneshot.grid.read",
    "privlib.oneshot.grid._numbers",
    "privlib.oneshot.grid._plain",
    "privlib.oneshot.sensitivity.Sensitivity.read",
    "privlib.oneshot.sensitivity.Sensitivity.in_steps",
    "privlib.oneshot.sensitivity._below",
    "privlib.oneshot.spec.Spec.__init__",
    "privlib.oneshot.spec.Spec.moves",
    "privlib.oneshot.spec.Spec.round",
    "privlib.oneshot.spec._step",
    "privlib.oneshot.spec._bound",
    "privlib.oneshot.rounded.Rounded.__init__",
    "privlib.oneshot.rounded.Rounded.release",
    "privlib.oneshot.rounded.Rounded._not_released",
    "privlib.oneshot.rounded.Rounded.__reduce__",
    "privlib.oneshot.answer.Answer.__init__",
    "privlib.oneshot.answer.Answer.to_json",
    "privlib.oneshot.answer.Answer.bound",
    "privlib.noise.stream.is_secure",
    "privlib.tables.vector",
]

LOWER, UPPER = -1, 3
PLACES = [Fraction(k, 4) for k in range(4 * LOWER - 5, 4 * UPPER + 6)]
"""In steps: quarters, so that halves, ties among them, and moves just above a whole number of steps occur."""

BUDGETS: list[dict[str, Any]] = [{"epsilon": "3/2"}, {"rho": "1/3"}, {"mu2": "2/5"}]

REAL: list[tuple[int, dict[str, Any], bool]] = [
    (1, {"l1": "1/4"}, True),
    (1, {"l1": 1}, True),
    (1, {"l1": "5/4"}, True),
    (1, {"l2": "3/2"}, True),
    (2, {"l1": "3/2"}, True),
    (2, {"l1": 2}, True),
    (2, {"l2_squared": 2}, True),
    (2, {"l2": 2, "l1": "5/2"}, False),
    (3, {"l1": "7/4"}, True),
    (3, {"l1": "5/2", "l0": 2}, True),
    (3, {"l2_squared": "9/4"}, False),
    (3, {"l2_squared": "9/4", "l0": 1}, True),
]
"""Size, declared sensitivity, and whether the L1 move of the plan is attained on quarter steps."""

INTEGER: list[tuple[int, dict[str, Any], bool]] = [
    (1, {"l1": 2}, True),
    (2, {"l1": "5/2"}, True),
    (2, {"l2_squared": 2}, True),
    (3, {"l2_squared": 3}, True),
    (3, {"l2_squared": "7/2", "l0": 2}, True),
    (3, {"l1": 3, "l2_squared": 4}, False),
]


def offered(size: int, sensitivity: dict[str, Any], *, step: str = "1", integer: bool = False, **budget: Any) -> Spec:
    """A plan whose range and sensitivity are given in steps."""
    width = Fraction(step)
    powers = {"l0": 0, "l1": 1, "l2": 1, "l2_squared": 2}
    return Spec(
        lower=LOWER * width,
        upper=UPPER * width,
        size=size,
        sensitivity={name: Fraction(value) * width ** powers[name] for name, value in sensitivity.items()},
        step=None if integer and step == "1" else step,
        integer=integer,
        neighbours="replace",
        **(budget or BUDGETS[0]),
    )


def plan(*arguments: Any, **options: Any) -> Spec:
    """A plan that the theorem covers, which is not refused."""
    try:
        return offered(*arguments, **options)
    except InvalidInput:
        raise AssertionError("a plan that the theorem covers is refused") from None


def rounded(spec: Spec, values: object) -> Rounded:
    """The shipped rounding, which has no reason to refuse."""
    try:
        return spec.round(values)
    except (InvalidInput, OverflowError):
        raise AssertionError("a value of the declared domain is refused") from None


def steps_of(spec: Spec, values: object) -> tuple[int, ...]:
    return tuple(rounded(spec, values)._steps.tolist())


def clipped(place: Fraction) -> Fraction:
    return min(max(place, Fraction(LOWER)), Fraction(UPPER))


def where_places_land() -> dict[Fraction, int]:
    """The shipped rounding of every place, which is the theorem's whatever the type and the step."""
    stated = {place: floor(clipped(place) + Fraction(1, 2)) for place in PLACES}
    for step in ("1", "1/8", "1/10", "7/3"):
        spec = plan(1, {"l1": 1}, step=step)
        width = Fraction(step)
        for place, point in stated.items():
            value = place * width
            assert steps_of(spec, value) == (point,), "a value is not rounded to its nearest point, halves up"
            if step in ("1", "1/8"):  # floats hold these exactly
                near = float(value)
                forms = (near, Decimal(near), np.float32(near), np.float64(near), np.array([near]), np.array(near, np.float16))
                for form in forms:
                    assert steps_of(spec, form) == (point,), "a number is rounded by its type"
        for end, point in (
            (inf, UPPER),
            (-inf, LOWER),
            (Decimal("1e999"), UPPER),
            (Decimal("-Infinity"), LOWER),
            (10**30, UPPER),
        ):
            assert steps_of(spec, end) == (point,), "what lies beyond the range is not clipped to it"
    whole = plan(1, {"l1": 1}, integer=True)
    for number in range(LOWER - 3, UPPER + 4):
        for form in (number, np.int8(number), np.array([number]), np.array([number % 2**64], dtype=np.uint64)):
            wanted = number if number >= 0 or not isinstance(form, np.ndarray) or form.dtype != np.uint64 else 2**64 + number
            assert steps_of(whole, form) == (min(max(wanted, LOWER), UPPER),), "an integer is not clipped to the range"
    halves = plan(1, {"l1": 2}, step="1/2", integer=True)
    assert [steps_of(halves, number) for number in (-1, 0, 1, 2)] == [(-1,), (0,), (2,), (3,)], "an integer is moved"
    return stated


def coordinates_are_rounded_apart(stated: dict[Fraction, int]) -> None:
    spec = plan(3, {"l1": 1}, step="1/8")
    for triple in itertools.islice(itertools.product(PLACES, repeat=3), 0, None, 97):
        points = steps_of(spec, [place / 8 for place in triple])
        assert points == tuple(stated[place] for place in triple), "one coordinate moves another"


def farthest(stated: dict[Fraction, int], *, integer: bool) -> dict[Fraction, int]:
    """For each distance in steps of two clipped places, how many points apart they can land."""
    far = dict[Fraction, int]()
    places = [place for place in PLACES if not integer or place.denominator == 1]
    for a, b in itertools.combinations_with_replacement(places, 2):
        x = clipped(b) - clipped(a)
        far[x] = max(far.get(x, 0), abs(stated[b] - stated[a]))
    return far


def worst_moves(far: dict[Fraction, int], size: int, sensitivity: dict[str, Any]) -> tuple[int, int]:
    """The largest L1 and squared L2 moves of rounded vectors whose clipped values keep to the declaration."""
    limits = {name: Fraction(value) for name, value in sensitivity.items()}
    if "l2" in limits:
        limits["l2_squared"] = limits.pop("l2") ** 2
    one = square = 0
    for x in itertools.combinations_with_replacement(sorted(far), size):
        moved = {"l0": sum(1 for each in x if each), "l1": sum(x), "l2_squared": sum(each * each for each in x)}
        if all(moved[name] <= limit for name, limit in limits.items()):
            one = max(one, sum(far[each] for each in x))
            square = max(square, sum(far[each] ** 2 for each in x))
    return one, square


def no_neighbours_are_moved_further(stated: dict[Fraction, int]) -> None:
    for integer, cases in ((False, REAL), (True, INTEGER)):
        far = farthest(stated, integer=integer)
        for size, sensitivity, attained in cases:
            one, square = worst_moves(far, size, sensitivity)
            for step, budget in itertools.product(("1",) if integer else ("1", "1/8", "7/3"), BUDGETS):
                spec = plan(size, sensitivity, step=step, integer=integer, **budget)
                loss = loss_of(spec, one, square)
                stated_loss = Fraction(next(iter(budget.values())))
                assert loss <= stated_loss, f"{sensitivity}: the loss is {loss}, the bound says {stated_loss}"
                assert spec.moves.l1 == one or not attained, f"{sensitivity}: more noise than the theorem asks for"
            check_moves(spec.moves, size, sensitivity, integer=integer)


def loss_of(spec: Spec, one: int, square: int) -> Fraction:
    """The worst loss under the law that the sampler is asked for, when the rounded query moves so far."""
    law = asked_law(spec)
    if isinstance(law, DiscreteLaplace):
        return one / law.scale
    if isinstance(law, DiscreteGaussian):
        return square / (2 * law.sigma2)
    assert isinstance(law, RoundedGaussian)
    return square / law.sigma2


def check_moves(moves: Moves, size: int, sensitivity: dict[str, Any], *, integer: bool) -> None:
    """The theorem's formula, written again."""
    limits = {name: Fraction(value) for name, value in sensitivity.items()}
    k = int(limits.get("l0", size))
    squared = limits.get("l2_squared", limits["l2"] ** 2 if "l2" in limits else None)
    below: Callable[[Fraction], int] = floor if integer else (lambda limit: -floor(-limit) - 1)
    a, b = [], []
    if "l1" in limits:
        a.append(below(limits["l1"]))
    if squared is not None:
        b.append(below(squared))
        a += [b[0], next(n for n in itertools.count() if (n + 1) ** 2 > k * b[0])]
    b.append(min(a) ** 2)
    wanted = Moves(min(a), min(b)) if integer else Moves(min(a) + k, min(b) + 2 * min(a) + k)
    assert moves == wanted, f"{sensitivity}: the plan's moves are not the theorem's"


@contextmanager
def spied(draw: Callable[[str, int, Fraction], np.ndarray]) -> Iterator[None]:
    """Put one function in the place of the three samplers."""

    def laplace(size: int, *, scale: Fraction) -> np.ndarray:
        return draw("scale", size, Fraction(scale))

    def gaussian(size: int, *, sigma2: Fraction) -> np.ndarray:
        return draw("sigma2", size, Fraction(sigma2))

    def rounded_normal(size: int, *, sigma2: Fraction) -> np.ndarray:
        return draw("rounded sigma2", size, Fraction(sigma2))

    with (
        replaced(release_module, "discrete_laplace", laplace),
        replaced(release_module, "discrete_gaussian", gaussian),
        replaced(release_module, "rounded_gaussian", rounded_normal),
    ):
        yield


def asked_law(spec: Spec) -> Law:
    """The law that the one draw of a release asks for."""
    asked = list[tuple[str, int, Fraction]]()

    def draw(name: str, size: int, parameter: Fraction) -> np.ndarray:
        asked.append((name, size, parameter))
        return np.zeros(size, dtype=np.int64)

    with spied(draw):
        answer = Rounded(spec, np.zeros(spec.size, dtype=np.int64)).release()
    assert len(asked) == 1, "a release is not one draw"
    name, size, parameter = asked[0]
    assert size == spec.size, "the draw has not one noise for each value"
    assert answer.noisy.tolist() == [0] * spec.size, "the release is not values plus noise"
    laws = {"scale": DiscreteLaplace, "sigma2": DiscreteGaussian, "rounded sigma2": RoundedGaussian}
    assert laws[name](parameter) == spec.law, "the intervals speak of another law than the noise's"
    return laws[name](parameter)


def word_for(built: Table, value: int) -> int:
    """A main word that the table sampler turns into a value."""
    symbol = int(np.flatnonzero((built.values == value) & (built.cut > 0))[0])
    return symbol << (built.word_bits - built.column_bits)


def released(spec: Spec, steps: tuple[int, ...], noise: tuple[int, ...]) -> Answer:
    """The shipped release with its noise dictated word by word, under the law that the theorem demands."""
    kind, moves = spec.bound.kind, spec.moves
    law: Law = {
        "pure": lambda: DiscreteLaplace(moves.l1 / spec.bound.epsilon),
        "zcdp": lambda: DiscreteGaussian(moves.l2_squared / (2 * spec.bound.rho)),
        "gdp": lambda: RoundedGaussian(moves.l2_squared / spec.bound.mu2),
    }[kind]()
    built = table(law)
    with scripted_words([word_for(built, z) for z in noise]):
        return Rounded(spec, np.array(steps, dtype=np.int64)).release()


def the_release_is_values_plus_noise_of_the_stated_law() -> None:
    for budget in BUDGETS:
        spec = plan(3, {"l1": "7/4", "l2": "3/2"}, **budget)
        noises = [*itertools.product((-1, 0, 1), repeat=3), (5, -4, 3)]
        for steps in ((0, 0, 0), (-1, 3, 1), (2, -1, 0)):
            for noise in noises:
                answer = released(spec, steps, noise)
                assert tuple(answer.noisy.tolist()) == tuple(np.add(steps, noise).tolist()), "not values plus noise"
        one, other = released(spec, (0, 1, 2), (3, 2, 1)), released(spec, (3, 2, 1), (0, 1, 2))
        assert one.to_json() == other.to_json(), "the release depends on the data besides its noisy values"
        assert one.bound.to_dict() == {"kind": spec.bound.kind, "neighbours": "replace", **budget}, "another bound is stated"


def the_sum_stops_at_the_ends_of_64_bits() -> None:
    ends = [0, 1, -1, 2**62, -(2**62), 2**62 - 1]
    noises = [*ends, 2**63 - 1, -(2**63), 2**62 + 1, -(2**62) - 1]
    pairs = list(itertools.product(ends, noises))
    exact = [min(max(z + noise, -(2**63)), 2**63 - 1) for z, noise in pairs]
    got = saturated_sum(np.array([z for z, _ in pairs]), np.array([noise for _, noise in pairs]))
    assert got.tolist() == exact, "the sum is not a function of the values plus noise"
    wide = Spec(lower=-(2**62), upper=2**62, sensitivity=1, epsilon=1, neighbours="replace", integer=True)
    for z, noise in pairs:
        with spied(lambda _, size, __, noise=noise: np.full(size, noise)):
            answer = rounded(wide, z).release()
        assert answer.noisy.tolist() == [min(max(z + noise, -(2**63)), 2**63 - 1)], "the release is not the saturated sum"


def every_release_is_charged_first(spec: Spec) -> None:
    rows_at_the_draw = list[int]()

    def draw(_: str, size: int, __: Fraction) -> np.ndarray:
        rows_at_the_draw.append(len(ledger.charges()))
        return np.zeros(size, dtype=np.int64)

    amount = spec.bound.rho + spec.bound.mu2 / 2
    limit: Any = {"rho": amount} if amount else spec.bound.epsilon
    with tempfile.TemporaryDirectory() as folder, spied(draw):
        ledger = Ledger(Path(folder) / "ledger.db", limit=limit)
        one, other = rounded(spec, [1, 2]), rounded(spec, [0, 0])
        answer = one.release(ledger=ledger)
        rows = ledger.charges()
        assert len(rows) == 1, "a release is not charged once"
        assert rows_at_the_draw == [1], "the draw comes before the charge"
        record = rows[0].record
        assert record["bound"] == spec.bound.to_dict() == answer.bound.to_dict(), "another bound is charged than stated"
        assert (record["fingerprint"], record["secure"]) == (spec.fingerprint, True), "the row is of another plan"
        assert answer.secure, "a release from the operating system's generator is called insecure"
        assert dict(answer.head or {}) == rows[0].head, "the release carries another charge"
        assert raises(AlreadyReleased, one.release), "values are released twice"
        assert raises(BudgetExceeded, lambda: other.release(ledger=ledger)), "a spent ledger lets a release go on"
        assert rows_at_the_draw == [1], "noise is drawn although the ledger refused"
        other.release()
    with tempfile.TemporaryDirectory() as folder, fixed_key(bytes(32)):
        ledger = Ledger(Path(folder) / "ledger.db", limit=limit)
        assert not rounded(spec, [1, 2]).release(ledger=ledger).secure, "a release in test mode is called secure"
        assert ledger.charges()[0].record["secure"] is False, "a charge in test mode is called secure"


def what_the_plan_excludes_is_refused() -> None:
    """Inputs and plans for which the theorem would say nothing."""
    import copy

    real, whole = plan(1, {"l1": 1}), plan(1, {"l1": 1}, integer=True)
    refused: list[Callable[[], object]] = [
        lambda: real.round(float("nan")),
        lambda: real.round([1, 2]),
        lambda: real.round([]),
        lambda: whole.round(1.0),
        lambda: whole.round(np.array([1.0])),
        lambda: whole.round(Fraction(1)),
        lambda: Rounded(real, np.array([UPPER + 1])),
        lambda: Rounded(real, np.array([0, 0])),
        lambda: Rounded(real, np.array([0.5])),
        lambda: offered(1, {"l1": "1/2"}, integer=True),
        lambda: offered(1, {"l1": 1}, integer=True, step="2"),
        lambda: offered(1, {"l1": 0}),
        lambda: offered(2, {"l0": 1}),
        lambda: offered(2, {"l1": 1, "l0": 3}),
        lambda: offered(2, {"l1": 1}, epsilon=0),
        lambda: offered(2, {"l1": 1}, epsilon=1, rho=1),
        lambda: Spec(lower=0, upper=2**62 + 1, sensitivity=1, epsilon=1, neighbours="replace", integer=True),
    ]
    for number, attempt in enumerate(refused):
        assert raises(InvalidInput, attempt), f"excluded input {number} is taken"
    for spread in (copy.copy, copy.deepcopy):
        assert raises(TypeError, lambda spread=spread: spread(real.round(1))), "exact values can be copied, and released twice"
    stands = Spec(lower=0, upper=9, step=1, sensitivity=1, epsilon=1, neighbours="replace", nan="13/2")
    for form in (float("nan"), Decimal("sNaN"), np.array([np.nan])):
        assert steps_of(stands, form) == (7,), "NaN does not stand for the public value"


def raises(kind: type[Exception], attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except kind:
        return True
    return False


def integers_stay_on_the_grid() -> None:
    """Whatever ends a plan of integers has: if it is accepted, clipped integers move no further than it says."""
    ends, accepted = [Fraction(k, 4) for k in range(-2, 11)], 0
    for lower, upper in itertools.combinations(ends, 2):
        for step, l1 in itertools.product((Fraction(1), Fraction(1, 2)), (Fraction(1), Fraction(5, 4), Fraction(3, 2), 2)):
            try:
                plan_ = Spec(
                    lower=lower, upper=upper, step=step, sensitivity={"l1": l1}, integer=True, epsilon=1, neighbours="replace"
                )
            except InvalidInput:
                continue
            accepted += 1
            lands = {value: steps_of(plan_, value)[0] for value in range(-2, 5)}
            for one, other in itertools.combinations(lands, 2):
                apart = abs(min(max(one, lower), upper) - min(max(other, lower), upper))
                if apart <= l1:
                    assert abs(lands[one] - lands[other]) <= plan_.moves.l1, "clipped integers move further than the plan says"
    assert accepted, "no plan of integers is accepted"


def prove() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        stated = where_places_land()
        coordinates_are_rounded_apart(stated)
        no_neighbours_are_moved_further(stated)
        the_release_is_values_plus_noise_of_the_stated_law()
        the_sum_stops_at_the_ends_of_64_bits()
        integers_stay_on_the_grid()
        for budget in BUDGETS:
            every_release_is_charged_first(plan(2, {"l1": 2}, **budget))
        what_the_plan_excludes_is_refused()


def mutants() -> dict[str, object]:
    release, grid = "privlib.oneshot.release.release", "privlib.oneshot.grid"
    moves, spec = "privlib.oneshot.sensitivity.Sensitivity.in_steps", "privlib.oneshot.spec.Spec"
    nearest, total = f"{grid}.Grid.nearest", "saturated_sum(steps, noise)"
    return {
        "integers may have ends off the grid": rewritten(f"{spec}.__init__", "if integer and any(", "if False and any("),
        "halves go to the even neighbour": rewritten(
            nearest,
            "(2 * numerator * down + denominator * up) // (2 * denominator * up)",
            "round(Fraction(numerator * down, denominator * up))",
        ),
        "values are cut towards zero": rewritten(
            nearest,
            "(2 * numerator * down + denominator * up) // (2 * denominator * up)",
            "int(numerator * down / (denominator * up))",
        ),
        "a float decides": rewritten(nearest, "(2 * numerator * down + denominator * up)", "int(2 * numerator * down / 3 * 3)"),
        "the clip is dropped": rewritten(
            f"{grid}.Grid.place",
            "min(max(self.nearest(numerator, denominator), self.least), self.most)",
            "self.nearest(numerator, denominator)",
        ),
        "only the upper clip is kept": rewritten(
            f"{grid}.Grid.place",
            "min(max(self.nearest(numerator, denominator), self.least), self.most)",
            "min(self.nearest(numerator, denominator), self.most)",
        ),
        "integers are not clipped": rewritten(
            f"{grid}.read", "np.clip(narrow.astype(np.int64), grid.least, grid.most)", "narrow"
        ),
        "huge unsigned integers wrap": rewritten(
            f"{grid}.read", "np.minimum(numbers, most) if numbers.dtype == np.uint64 else numbers", "numbers"
        ),
        "infinities stand for the other end": rewritten(
            f"{grid}.Grid.place", "self.least if value < 0 else self.most", "self.most if value < 0 else self.least"
        ),
        "rounding adds nothing": rewritten(moves, "if integer:", "if True:"),
        "one step less for rounding": rewritten(moves, "Moves(most + self.l0,", "Moves(most + self.l0 - 1,"),
        "one step more for rounding": rewritten(moves, "Moves(most + self.l0,", "Moves(most + self.l0 + 1,"),
        "the cross term is lost": rewritten(moves, "most_square + 2 * most + self.l0", "most_square + self.l0"),
        "the roundings' squares are lost": rewritten(moves, "2 * most + self.l0)", "2 * most)"),
        "Cauchy without the coordinates": rewritten(moves, "isqrt(self.l0 * squared)", "isqrt(squared)"),
        "the sensitivity is rounded down": rewritten(
            "privlib.oneshot.sensitivity._below", "ceil_div(limit.numerator, limit.denominator) - 1", "whole - 1"
        ),
        "L2 is not squared": rewritten("privlib.oneshot.sensitivity.Sensitivity.read", 'read["l2"] ** 2', 'read["l2"]'),
        "the squared norm is divided by one step": rewritten(moves, "self.l2_squared / step**2", "self.l2_squared / step"),
        "integers of any step": rewritten("privlib.oneshot.spec._step", "(integer and read_step.numerator != 1)", "False"),
        "rounded again after the noise": rewritten(release, total, "saturated_sum(steps, noise) // 2 * 2"),
        "the noise is cut, not the sum": rewritten(release, total, "saturated_sum(steps, np.clip(noise, -(2**62), 2**62))"),
        "the sum wraps": rewritten(
            "privlib.oneshot.release.saturated_sum", "total[(drawn > 0) & (total < steps)] = _MOST", "pass"
        ),
        "the last value has no noise": rewritten(release, total, "np.append((steps + noise)[:-1], steps[-1])"),
        "one noise for all values": rewritten(release, "discrete_laplace(spec.size,", "discrete_laplace(1,"),
        "one Gaussian noise for all values": rewritten(release, "discrete_gaussian(spec.size,", "discrete_gaussian(1,"),
        "the scale forgets the sensitivity": rewritten(release, "moves.l1 / bound.epsilon", "1 / bound.epsilon"),
        "sigma2 takes the L1 move": rewritten(release, "moves.l2_squared / (2 * bound.rho)", "moves.l1 / (2 * bound.rho)"),
        "half of sigma2": rewritten(release, "moves.l2_squared / bound.mu2", "moves.l2_squared / (2 * bound.mu2)"),
        "nothing is charged": rewritten(release, "charge(ledger, bound", "charge(None, bound"),
        "half is charged": rewritten(
            release, "charge(ledger, bound", "charge(ledger, type(bound).pure(spec.bound.epsilon / 2 or 1, neighbours='replace')"
        ),
        "the charge comes after a trial draw": rewritten(
            release, "    try:\n        head", "    discrete_laplace(spec.size, scale=1)\n    try:\n        head"
        ),
        "another plan is charged": rewritten(release, "fingerprint=spec.fingerprint", 'fingerprint="f00d"'),
        "test mode is called secure": rewritten(release, "is_secure(), spec.bound, spec.moves", "True, spec.bound, spec.moves"),
        "values release again and again": rewritten("privlib.oneshot.rounded.Rounded.release", "self._released = True", "pass"),
        "the exact value leaks": rewritten(release, "head=head,", "head={**(head or {}), 'n': int(steps[0])},"),
        "NaN counts as the lower bound": rewritten(f"{grid}.read", "nan if point is None", "grid.least if point is None"),
        "another law's scale is shown": rewritten(f"{spec}.law", "self.moves.l1 / self.bound.epsilon", "1 / self.bound.epsilon"),
    }


@given(
    st.fractions(-10, 10, max_denominator=60),
    st.fractions(0, 10, max_denominator=60),
    st.fractions("1/50", 5, max_denominator=50),
)
def test_two_numbers_land_at_most_their_distance_rounded_up_apart(a: Fraction, x: Fraction, step: Fraction) -> None:
    spec = Spec(lower=-(10**6), upper=10**6, step=step, sensitivity=x or 1, epsilon=1, neighbours="replace")
    apart = steps_of(spec, a + x)[0] - steps_of(spec, a)[0]
    assert 0 <= apart <= spec.moves.l1
    assert apart <= -floor(-x / step)


@given(st.data())
def test_no_pair_of_vectors_moves_further_than_the_plan_says(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 6))
    vectors = st.lists(st.fractions(-5, 5, max_denominator=12), min_size=size, max_size=size)
    one, moved = data.draw(vectors), data.draw(vectors)
    keep = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    other = [a if kept else b for a, b, kept in zip(one, moved, keep, strict=True)]
    x = [abs(a - b) for a, b in zip(one, other, strict=True)]
    if not any(x):
        return
    declared = {"l0": sum(map(bool, x)), "l1": sum(x), "l2_squared": sum(each * each for each in x)}
    norms = data.draw(st.sampled_from([("l1",), ("l2_squared",), ("l0", "l1"), ("l0", "l2_squared"), ("l0", "l1", "l2_squared")]))
    spec = Spec(
        lower=-4,
        upper=4,
        step=data.draw(st.fractions("1/20", 3, max_denominator=20)),
        size=size,
        sensitivity={name: declared[name] for name in norms},
        rho=1,
        neighbours="replace",
    )
    apart = [abs(a - b) for a, b in zip(steps_of(spec, one), steps_of(spec, other), strict=True)]
    assert sum(apart) <= spec.moves.l1
    assert sum(each * each for each in apart) <= spec.moves.l2_squared

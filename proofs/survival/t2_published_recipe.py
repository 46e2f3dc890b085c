"""The published recipe costs the sum of its times' epsilons, and no less.

Statement
    Inputs and neighbours as in survival.t1. Released: everything that ``ExactHeights.release`` returns: S at G public times,
    rounded toward zero to steps of 1/4096, plus independent discrete Laplace noise of scale ``4096 b[i] / epsilon`` steps, with
    the plan and the certificate. One time alone is ``epsilon / b[i]`` differentially private, the whole curve
    ``sum(epsilon / b[i])``, b being the multipliers after calibration. No smaller number holds for the whole curve: for every n
    there are neighbours at which the sum is attained. The ledger is charged that sum, durably, before the first draw; where it
    refuses, nothing is drawn.

Proof
    Every height is an integer in [0, 4096], so neighbours differ by at most 4096 at each time, and the ratio at time i is at
    most ``q[i]**-4096 = exp(epsilon / b[i])``; ratios of independent draws multiply. Attained: n - 1 people censored at time 1
    and one whose record at time 2 is an event in D and censored in D'. Then S = 0 in D and S = 1 in D' at every time from 2 on.

Checked against the shipped code
    All data sets of at most 4 people on times 1, 2, 3: heights within [0, 4096], the worst difference at each time, in the
    shipped ``count``; the pair above for n up to 40; the shipped release adds noise of the stated scales, in one draw a scale,
    for two epsilons, three schedules and both relations; the sum of the exponents is the bound. Against a real ledger in a
    temporary directory: the charged row stands before the sampler is entered, holds the certificate's bound and whether the
    words are the operating system's; a ledger that refuses keeps the sampler from being entered. Equal heights and equal noise
    give equal bytes, and no heights are released twice.

Covers not
    As in survival.t1. That the recipe is the paper's: only its abstract was available.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privlib.bounds import Bound
from privlib.budget import Ledger
from privlib.errors import AlreadyReleased, BudgetExceeded, InvalidInput
from privlib.noise import discrete_laplace
from privlib.noise.testing import InsecureNoise, fixed_key
from privlib.prove import changed, function_of, replaced, resolve, rewritten
from privlib.survival import published
from privlib.survival.published import DirectNoise, ExactHeights, PublishedCurve, finished

covers = [
    "privlib.survival.published.ExactHeights.release",
    "privlib.survival.published.ExactHeights.__init__",
    "privlib.survival.published.ExactHeights.plan",
    "privlib.survival.published.ExactHeights.__reduce__",
    "privlib.survival.published_plan.DirectNoise.__init__",
    "privlib.survival.published_plan.DirectNoise.count",
    "privlib.survival.published_plan.DirectNoise.scales",
    "privlib.survival.published_plan.DirectNoise.draws",
    "privlib.survival.published_plan.DirectNoise.guarantee",
    "privlib.survival.published_plan.DirectNoise.bound",
    "privlib.survival.published_plan.DirectNoise.fingerprint",
    "privlib.survival.published_plan.DirectNoise.to_dict",
    "privlib.survival.published_plan.DirectNoise._units",
    "privlib.survival.published_plan.DirectNoise._exact_spec",
    "privlib.survival.published_plan._numbers",
    "privlib.survival.published_plan._total",
    "privlib.survival.published_curve.PublishedCurve.__init__",
    "privlib.survival.published_curve.PublishedCurve.bound",
    "privlib.survival.published_curve.PublishedCurve.guarantee",
    "privlib.survival.published_curve.PublishedCurve.to_json",
    "privlib.survival.counting.count_cells",
    "privlib.survival.counting._observed",
    "privlib.survival.counting._cell",
    "privlib.survival.counting._times",
    "privlib.survival.counting._fine",
    "privlib.survival.counting._place",
    "privlib.survival.counting._fold",
    "privlib.survival.estimate.Fit.at",
    "privlib.survival.estimate.Fit.survival",
    "privlib.survival.estimate.Fit.events",
    "privlib.survival.estimate.Fit.censored",
    "privlib.survival.estimate.Fit.at_risk",
    "privlib.survival.estimate.Fit._exposed",
    "privlib.survival.estimate.Fit._half",
    "privlib.survival.estimate.Fit._share",
    "privlib.survival.grid.whole_units",
    "privlib.survival.grid.regular_edges",
    "privlib.budget.charge",
]

Person = tuple[int, int]
EPSILONS = (Fraction(1), Fraction(1, 2))
PLANS: list[tuple[list[int], list[str]]] = [
    ([1, 2, 3], ["1", "1", "1"]),
    ([2, 3], ["1", "1/2"]),
    ([1, 3], ["6/5", "1/3"]),
]
STEPS = 4096  # the theorem's, not the code's
KEY = bytes(range(32))


def plan(
    times: Sequence[int], schedule: Sequence[str], epsilon: Fraction, neighbours: str = "replace", horizon: int = 3
) -> DirectNoise:
    return DirectNoise(times=times, horizon=horizon, epsilon=epsilon, neighbours=neighbours, schedule=schedule)


def exact_heights(recipe: DirectNoise, people: Iterable[Person]) -> ExactHeights:
    rows = list(people)
    try:
        return recipe.count([t for t, _ in rows], [e for _, e in rows])
    except InvalidInput as error:
        raise AssertionError(f"the heights of a data set are refused: {error}") from error


def heights(recipe: DirectNoise, people: Iterable[Person]) -> np.ndarray:
    return exact_heights(recipe, people)._heights


def draws_of(recipe: DirectNoise, people: Sequence[Person]) -> tuple[np.ndarray, dict[Fraction, int]]:
    """The shipped release with noise 1, 2, 3, ... in place of the drawn one, and the laws it asked for."""
    asked: dict[Fraction, int] = {}

    def spy(size: int, *, scale: Fraction) -> np.ndarray:
        assert scale not in asked, "one scale is drawn twice"
        asked[scale] = size
        return np.arange(1, size + 1) * 100 + len(asked)

    with replaced(published, "discrete_laplace", spy):
        curve = exact_heights(recipe, people).release()
    return curve.noisy - heights(recipe, people), asked


def the_noise_is_as_stated(recipe: DirectNoise, epsilon: Fraction, multipliers: list[Fraction]) -> None:
    noise, asked = draws_of(recipe, [(1, 0), (2, 1)])
    expected = {STEPS * b / epsilon: multipliers.count(b) for b in multipliers}
    assert asked == expected, "the noise has another scale, or a time has no noise of its own"
    assert all(noise), "a time has no noise"
    assert len(set(noise.tolist())) == len(multipliers), "one draw serves two times"
    served = {STEPS * b / epsilon: {int(z) for z, own in zip(noise, multipliers, strict=True) if own == b} for b in multipliers}
    for order, (scale, count) in enumerate(sorted(asked.items()), start=1):
        assert served[scale] == {100 * i + order for i in range(1, count + 1)}, "a time has the noise of another time's scale"
    loss = sum(Fraction(STEPS) / scale * count for scale, count in asked.items())
    assert loss == recipe.bound.epsilon, "the exponent of the worst pair is not the bound"


def the_sampler_itself_is_called(recipe: DirectNoise, epsilon: Fraction, multipliers: list[Fraction]) -> None:
    expected = {STEPS * b / epsilon: multipliers.count(b) for b in multipliers}
    with fixed_key(KEY):
        drawn = exact_heights(recipe, [(1, 0), (2, 1)]).release().noisy - heights(recipe, [(1, 0), (2, 1)])
    with fixed_key(KEY):
        dictated = {scale: discrete_laplace(count, scale=scale).tolist() for scale, count in sorted(expected.items())}
    wanted = [dictated[STEPS * b / epsilon].pop(0) for b in multipliers]
    assert drawn.tolist() == wanted, "what is released is not heights plus the sampler's noise"


def the_costs_are_as_stated(recipe: DirectNoise, epsilon: Fraction, multipliers: list[Fraction]) -> None:
    cost = sum(epsilon / b for b in multipliers)
    assert recipe.guarantee.whole_curve_epsilon == cost, "another whole-curve cost"
    assert recipe.guarantee.per_point_epsilon == max(epsilon / b for b in multipliers), "another cost of one time"
    assert recipe.bound.epsilon == cost, "the bound is not the true cost"


def released(heights_: ExactHeights, ledger: Ledger, at_the_draw: Callable[[], None] = lambda: None) -> PublishedCurve:
    """A release against a real ledger, with a sampler that finds the charge standing when it is entered."""

    def spy(size: int, *, scale: Fraction) -> np.ndarray:
        assert len(ledger.charges()) == 1, "the sampler is entered before the charge stands"
        at_the_draw()
        return np.zeros(size, dtype=np.int64)

    with replaced(published, "discrete_laplace", spy):
        return heights_.release(ledger=ledger)


WORDS = [(True, True), (False, False), (True, False), (False, True)]
"""Whether the words are the operating system's as the release begins, and as the noise is drawn."""


def the_ledger_holds_the_bound_before_the_draw(recipe: DirectNoise, cost: Fraction, words: Sequence[tuple[bool, bool]]) -> None:
    true = Bound.pure(cost, neighbours=recipe.neighbours).to_dict()
    people = [(1, 0), (2, 1)]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as later:
        for at, (begins_secure, draws_secure) in enumerate(words):
            ledger = Ledger(Path(folder) / f"{at}.db", limit=1000)
            counted = exact_heights(recipe, people)
            with ExitStack() as test_mode:
                if not begins_secure:
                    test_mode.enter_context(fixed_key(KEY))
                if begins_secure == draws_secure:
                    curve = released(counted, ledger)
                elif draws_secure:
                    curve = released(counted, ledger, at_the_draw=test_mode.close)
                else:
                    inside = later.enter_context(ExitStack())
                    curve = released(counted, ledger, at_the_draw=lambda inside=inside: inside.enter_context(fixed_key(KEY)))
                    inside.close()
            rows = ledger.charges()
            assert len(rows) == 1, "a release is not charged once"
            assert rows[0].record["bound"] == true, "the ledger is charged another bound than the true cost"
            assert rows[0].record["fingerprint"] == recipe.fingerprint, "the charge names another plan"
            assert curve.head == rows[0].head, "the release does not name its charge"
            assert rows[0].record["secure"] is begins_secure, "the charge does not say whether the words can be predicted"
            assert curve.secure is (begins_secure and draws_secure), "predictable noise is called secure"
            stated = json.loads(curve.to_json())
            assert stated["bound"] == curve.bound.to_dict() == true, "the certificate states another bound"
            assert stated["secure"] is curve.secure, "the certificate calls predictable noise secure"


def a_ledger_that_refuses_keeps_the_sampler_from_being_entered(recipe: DirectNoise, cost: Fraction) -> None:
    def never(size: int, *, scale: Fraction) -> np.ndarray:
        raise AssertionError("the sampler is entered though the ledger refuses")

    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "small.db", limit=cost - Fraction(1, 1000))
        counted = exact_heights(recipe, [(1, 0), (2, 1)])
        with replaced(published, "discrete_laplace", never):
            try:
                counted.release(ledger=ledger)
            except BudgetExceeded:
                pass
            else:
                raise AssertionError("a release passes the ledger's limit")
        assert not ledger.charges(), "a refused release is charged"
        with replaced(published, "discrete_laplace", lambda size, *, scale: np.zeros(size, dtype=np.int64)):
            counted.release()  # a refusal leaves the heights as they were
            try:
                counted.release()
            except AlreadyReleased:
                pass
            else:
                raise AssertionError("the same heights are released twice")


def equal_noisy_heights_give_equal_bytes(recipe: DirectNoise) -> None:
    target = np.full(len(recipe.times), 2 * STEPS)
    texts = set[str]()
    for people in ([(1, 1)], [(2, 1), (3, 0)], [(1, 0), (2, 1), (3, 1), (3, 0)]):
        counted = exact_heights(recipe, people)
        noise = dict.fromkeys((scale for scale, _ in recipe.draws), np.zeros(0))
        for scale, places in recipe.draws:
            noise[scale] = (target - counted._heights)[list(places)]
        with replaced(published, "discrete_laplace", lambda size, *, scale, noise=noise: noise[scale][:size]):
            texts.add(counted.release().to_json())
    assert len(texts) == 1, "the release depends on the data besides its noisy heights"


def prove_plan(times: list[int], schedule: list[str], epsilon: Fraction, neighbours: str) -> None:
    recipe, multipliers = plan(times, schedule, epsilon, neighbours), [Fraction(b) for b in schedule]
    cost = sum((epsilon / b for b in multipliers), Fraction(0))
    first = times == [2, 3]  # what does not hang on the plan is shown with one
    the_costs_are_as_stated(recipe, epsilon, multipliers)
    the_noise_is_as_stated(recipe, epsilon, multipliers)
    the_ledger_holds_the_bound_before_the_draw(recipe, cost, WORDS if first else WORDS[:1])
    a_ledger_that_refuses_keeps_the_sampler_from_being_entered(recipe, cost)
    if first and epsilon == 1:
        the_sampler_itself_is_called(recipe, epsilon, multipliers)
    equal_noisy_heights_give_equal_bytes(recipe)


def every_height_lies_within_the_sensitivity(times: list[int]) -> None:
    """All data sets of at most 4 people, under both relations."""
    people = list(itertools.product((1, 2, 3), (0, 1)))
    recipe = plan(times, ["1"] * len(times), Fraction(1))
    worst = np.zeros(len(times), dtype=np.int64)
    known: dict[tuple[Person, ...], np.ndarray] = {}
    for size in range(5):
        for rows in itertools.combinations_with_replacement(people, size):
            known[rows] = height = heights(recipe, rows)
            assert height.dtype == np.int64, "a height is no integer"
            assert height.min() >= 0, "a height falls below 0"
            assert height.max() <= STEPS, "a height passes 4096"
    for rows, height in known.items():
        for i in range(len(rows)):
            rest = (*rows[:i], *rows[i + 1 :])
            for near in (rest, *(tuple(sorted((*rest, other))) for other in people)):
                worst = np.maximum(worst, np.abs(height - known[near]))
    assert worst.max() <= STEPS, "a neighbour moves a height by more than 4096"
    assert worst[-1] == STEPS, "the sensitivity at the last time is not 1"
    assert (heights(recipe, []) == STEPS).all(), "the curve of nobody is not 1"
    crooked = [(1, 1), (2, 1), (3, 0)]
    by_hand = {1: STEPS * 2 // 3, 2: STEPS // 3, 3: STEPS // 3}
    assert heights(recipe, crooked).tolist() == [by_hand[time] for time in times], "the heights are not S in steps of 1/4096"


def the_pair_attains_the_sum() -> None:
    for n in (2, 3, 10, 40):
        recipe = plan([2, 5, 9], ["1", "1", "1"], Fraction(1), horizon=9)
        crowd = [(1, 0)] * (n - 1)
        apart = np.abs(heights(recipe, [*crowd, (2, 1)]) - heights(recipe, [*crowd, (2, 0)]))
        assert (apart == STEPS).all(), "the pair does not attain the sum"


def a_calibrated_plan_costs_its_epsilon() -> None:
    schedule = [Fraction(1), Fraction(2), Fraction(1, 2)]
    for epsilon in (Fraction(4), Fraction(7, 2)):
        honest = DirectNoise(times=[1, 2, 3], horizon=3, epsilon=epsilon, neighbours="replace", schedule=schedule, calibrate=True)
        used = [b * Fraction(7, 2) for b in schedule]
        assert honest.bound.epsilon == epsilon, "a calibrated recipe costs another epsilon"
        the_costs_are_as_stated(honest, epsilon, used)
        the_noise_is_as_stated(honest, epsilon, used)


def heights_beyond_the_sensitivity_are_refused() -> None:
    recipe = plan([1, 3], ["1", "1"], Fraction(1))
    for wrong in ([0, STEPS + 1], [-1, 0]):
        try:
            ExactHeights(recipe, np.array(wrong, dtype=np.int64))
        except InvalidInput:
            continue
        raise AssertionError("heights outside [0, 4096] can be released")
    kept = np.array([STEPS, 0], dtype=np.int64)
    counted = ExactHeights(recipe, kept)
    kept[:] = 10**6
    assert counted._heights.tolist() == [STEPS, 0], "the heights can be changed after they were checked"


def prove() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureNoise)
        heights_beyond_the_sensitivity_are_refused()
        the_pair_attains_the_sum()
        a_calibrated_plan_costs_its_epsilon()
        every_height_lies_within_the_sensitivity([1, 2, 3])
        for (times, schedule), epsilon in itertools.product(PLANS, EPSILONS):
            neighbours = "replace" if epsilon == 1 else "add_remove"
            prove_plan(times, schedule, epsilon, neighbours)


def several(name: str, *changes: tuple[str, str]) -> Callable[[], AbstractContextManager[None]]:
    """`rewritten` in more than one place."""

    def mutation() -> AbstractContextManager[None]:
        source = textwrap.dedent(inspect.getsource(function_of(resolve(name))))
        for old, new in changes:
            if source.count(old) != 1:
                raise InvalidInput(f"{old!r} occurs {source.count(old)} times in {name}")
            source = source.replace(old, new)
        return changed(name, ast.parse(source))

    return mutation


def mutants() -> dict[str, object]:
    room = "privlib.survival.published_plan.DirectNoise"
    exact, curve = "privlib.survival.published.ExactHeights", "privlib.survival.published_curve.PublishedCurve"
    release = f"{exact}.release"
    charging = 'charge(ledger, plan.bound, name="published survival recipe", fingerprint=plan.fingerprint, secure=secure)'
    return {
        "the guarantee is that of one time": rewritten(
            f"{room}.guarantee",
            "_total(self.nominal / b for b in self.multipliers)",
            "max(self.nominal / b for b in self.multipliers)",
        ),
        "the bound is the claim": rewritten(
            f"{room}.bound",
            "_total(self.nominal / b for b in self.multipliers)",
            "max(self.nominal / b for b in self.multipliers)",
        ),
        "the sum forgets its first terms": rewritten(
            "privlib.survival.published_plan._total", "exact(total + cost,", "exact(cost,"
        ),
        "sensitivity 1/n is believed": rewritten(f"{room}.scales", "STEPS * b", "STEPS * b / 228"),
        "the schedule is ignored": rewritten(f"{room}.scales", "STEPS * b / self.nominal", "STEPS / self.nominal"),
        "the schedule is turned round": rewritten(f"{room}.draws", "enumerate(self.scales)", "enumerate(self.scales[::-1])"),
        "a scale's last time has no noise": rewritten(f"{room}.draws", "tuple(places[scale])", "tuple(places[scale][:-1])"),
        "calibration stretches by half": rewritten(f"{room}.__init__", "exact(b * stretch,", "exact(b * stretch / 2,"),
        "a finer step than the noise assumes": rewritten(f"{room}.count", "* STEPS), 0, STEPS)", "* STEPS * 2), 0, STEPS * 2)"),
        "a finer step, cut at the sensitivity": rewritten(f"{room}.count", "known * STEPS", "known * STEPS * 2"),
        "heights of any size are taken": rewritten(f"{exact}.__init__", "own.max() > STEPS", "own.max() > 2 * STEPS"),
        "the heights stay the caller's": rewritten(f"{exact}.__init__", "heights.copy()", "heights"),
        "the first time has no noise": rewritten(release, "_heights + noise", "_heights + noise * (np.arange(noise.size) > 0)"),
        "the noise is halved": rewritten(release, "_heights + noise", "_heights + noise // 2"),
        "one draw serves every time": rewritten(
            release, "discrete_laplace(len(places), scale=scale)", "discrete_laplace(1, scale=scale)"
        ),
        "the nominal epsilon is charged": rewritten(
            release,
            "charge(ledger, plan.bound,",
            "charge(ledger, type(plan.bound).pure(plan.nominal, neighbours=plan.neighbours),",
        ),
        "nothing is charged": rewritten(release, "charge(ledger,", "charge(None,"),
        "the charge follows the draw": several(
            release,
            (charging, "None"),
            ("        return PublishedCurve(", f"        head = {charging}\n        return PublishedCurve("),
        ),
        "a first draw goes before the charge": rewritten(
            release, "head = charge(", "discrete_laplace(1, scale=plan.scales[0])\n        head = charge("
        ),
        "a refused charge is passed over": several(
            release,
            ("head = charge(", "try:\n            head = charge("),
            ("self._released = True", "except Exception:\n            head = None\n        self._released = True"),
        ),
        "secure is always true": rewritten(release, "secure=secure and is_secure()", "secure=True"),
        "secure is read at the end alone": rewritten(release, "secure=secure and is_secure()", "secure=is_secure()"),
        "secure is read at the start alone": rewritten(release, "secure=secure and is_secure()", "secure=secure"),
        "the charge is always called secure": rewritten(
            release, "fingerprint=plan.fingerprint, secure=secure", "fingerprint=plan.fingerprint, secure=True"
        ),
        "heights are released twice": rewritten(release, "if self._released:", "if self._released and ledger is not None:"),
        "the certificate states the claim": rewritten(
            f"{curve}.bound",
            "self.plan.bound",
            "Bound.pure(self.plan.guarantee.per_point_epsilon, neighbours=self.plan.neighbours)",
        ),
        "the exact heights leak in the certificate": rewritten(release, "head=head", 'head={"heights": self._heights.tolist()}'),
    }


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 1)), max_size=40),
    st.lists(st.integers(0, 20), min_size=1, max_size=8, unique=True).map(sorted),
)
def test_every_height_of_any_data_lies_within_the_sensitivity(people: list[Person], times: list[int]) -> None:
    recipe = DirectNoise(times=times, horizon=20, epsilon=1, neighbours="add_remove")
    found = heights(recipe, people)
    assert 0 <= found.min() <= found.max() <= STEPS
    assert (np.diff(found) <= 0).all()


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=40),
    st.sampled_from([1, 3, 5, 9]),
    st.sampled_from(["mean", "isotonic"]),
)
def test_the_finished_curve_falls_inside_0_and_1(raw: list[float], window: int, finish: str) -> None:
    curve = finished(np.array(raw), window=window, finish=finish)
    assert curve.shape == (len(raw),)
    assert (np.diff(curve) <= 1e-12).all()
    assert 0 <= curve.min() <= curve.max() <= 1

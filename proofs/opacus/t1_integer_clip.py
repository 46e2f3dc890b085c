"""Every step of a private training is the sampled Gaussian mechanism, with integers of bounded norm whatever the floats were.

Statement
    Inputs: data sets whose records have, at every state of the training, a gradient each: any floats of any type, NaN and
    infinity included, that depend on the record, on the state, and on randomness independent of all records. Neighbours: one
    record more or fewer. Released: the noisy gradients of all steps. With C = ``spec.clip``, m = ``spec.noise_multiplier`` and
    q = ``spec.sample_rate``: (1) a record adds to the integer sum of a batch a vector of L2 norm at most C that depends on this
    record and the state alone; (2) each step releases, as a function of public numbers, this sum plus one rounded Gaussian of
    variance ``(m C)**2`` a coordinate, over a batch that holds every record with probability q, independently. So a step given
    its batch is 1/m-GDP, and all steps are the composition of sampled Gaussian mechanisms of noise multiplier m.
    (3) ``spec.bound`` holds for ``spec.steps`` steps, further ones are refused, and a ledger is charged before the first draw.

Proof
    (1) ``to_integers`` gives integers of at most 2**24. For a row q of them, S the sum of its squares, r = ceil(sqrt(S)) and
    f = min(2**40, floor(2**40 C / r)), ``clip`` gives k with ``|k_j| = floor(|q_j| f / 2**40) <= |q_j| C / r``, and so
    ``sum k_j**2 <= C**2 S / r**2 <= C**2``. Nothing overflows: S is summed in runs of 2**14 squares of at most 2**48 each, the
    runs in Python's integers, and ``|q_j| f <= C 2**40 <= 2**62``. This is integer arithmetic on one row; the floats before it
    decide which integers q are, not whether the bound holds. Integer addition is associative, so a batch with one row more has
    the sum with one such k more, however the batch is cut. (2) An integer vector plus a rounded Gaussian one is the rounding of
    the Gaussian mechanism (noise.t4), a post-processing; scaling by public powers of two and batch sizes is another. The noise
    is one draw for all coordinates, so independent between them. (3) Mironov, Talwar and Zhang (2019) bound the Renyi
    divergence of the sampled Gaussian mechanism, in both directions, by ``log(M) / (a-1)``, M being the moment of order a that
    ``renyi_epsilon`` sums; it is cited here, and compared below. Divergences add under adaptive composition; the conversion is
    that of Canonne, Kamath and Steinke (2020), proposition 12. Every order is valid, and every rounding goes up.

Checked against the shipped code
    All 2**17 numbers of float16 and bfloat16 through ``to_integers``, against exact arithmetic; all vectors of {-5, ..., 5}**3
    and vectors of 2**16 extreme entries through ``clip``, against Python's integers; neighbouring batches of hostile floats, in
    one part and in many; the draws asked for by a step and by a batch, seen in the call; the released gradients for dictated
    noise; every refusal before a draw; the moments against ball arithmetic, and against integrals in both directions.

Covers not
    That Opacus' gradients depend on their own record alone, which is the condition above; how far kernels that work on a batch
    break it in the last bits is printed by tests/benchmarks/training.py. Losses that compare records, layers that mix them
    unseen, several trainings on the same records, two continuations of one saved state, batches that are dropped or replaced by
    somebody who looks at them (only their sizes are compared), timing, and the generator of the operating system.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import comb, isqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from flint import acb, arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st
from opacus.validators.errors import UnsupportedModuleError
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from privlib.budget import Ledger
from privlib.errors import BudgetExceeded, InvalidInput
from privlib.opacus import IntegerOptimizer, PoissonBatches, Spec, clipping, make_private, release
from privlib.opacus.clipping import clip, clipped_sum, to_integers
from privlib.opacus.spec import renyi_epsilon
from privlib.prove import replaced, rewritten

covers = [
    "privlib.opacus.release.PoissonBatches.__iter__",
    "privlib.opacus.release.PoissonBatches.__init__",
    "privlib.opacus.release.PoissonBatches.__len__",
    "privlib.opacus.release.IntegerOptimizer.add_noise",
    "privlib.opacus.release.IntegerOptimizer._count_step",
    "privlib.opacus.release.IntegerOptimizer.clip_and_accumulate",
    "privlib.opacus.release.IntegerOptimizer.__init__",
    "privlib.opacus.release.IntegerOptimizer.accumulated_iterations",
    "privlib.opacus.release.IntegerOptimizer.steps",
    "privlib.opacus.release.pay",
    "privlib.opacus.clipping.clipped_sum",
    "privlib.opacus.clipping.to_integers",
    "privlib.opacus.clipping.clip",
    "privlib.opacus.spec.Spec.__init__",
    "privlib.opacus.spec.Spec.sample_rate",
    "privlib.opacus.spec.Spec.grid",
    "privlib.opacus.spec.Spec.clip",
    "privlib.opacus.spec.Spec.sigma2",
    "privlib.opacus.spec.Spec.bound",
    "privlib.opacus.spec.renyi_epsilon",
    "privlib.opacus.spec._exp_from_above",
    "privlib.opacus.api.make_private",
    "privlib.opacus.api._check_module",
    "privlib.opacus.api._poisson",
]

REACH, FACTOR = 2**24, 2**40  # the theorem's, not the code's
SHAPES = [(2, 3), (4,), ()]
COORDINATES = 11
HOSTILE = [0.0, -0.0, 1.0, -1.0, 1e-45, 3e38, -3e38, 2.0**-23, 0.7, float("inf"), float("-inf"), float("nan")]


def plan(**changes: Any) -> Spec:
    public = {"noise_multiplier": "3/2", "max_grad_norm": "0.3", "batch_size": 2, "expected_n": 6, "steps": 2, "delta": "1e-5"}
    return Spec(**{**public, **changes})


def floats_become_whole_units() -> None:
    """Every number of two float types, alone in its record: cut toward zero, zero if not finite, halved until it fits."""
    words = torch.from_numpy(np.arange(2**16).astype(np.uint16).view(np.int16))
    for dtype, grid in ((torch.float16, 22), (torch.bfloat16, 22), (torch.float16, -3)):
        values = words.view(dtype)
        found = to_integers(values.unsqueeze(1), grid=grid).squeeze(1).numpy()
        exact = values.to(torch.float64).numpy()  # holds every value, and every value times a power of two below
        finite = np.isfinite(exact)
        mantissa, exponent = np.frexp(np.where(finite, exact, 0))
        wanted = np.trunc(np.ldexp(mantissa, np.minimum(exponent + grid, 24)))
        assert np.array_equal(found, np.where(finite, wanted, 0)), "a gradient is not cut toward zero to whole units"
        assert np.abs(found).max() < REACH, "an integer is too large"
    pair = to_integers(torch.tensor([[1e30, -5e29], [float("nan"), 1.0], [2.0, -1.0]]), grid=22)
    assert [round(row[0] / row[1], 5) if row[1] else row[0] for row in pair.tolist()] == [-2, 0, -2], "clipping turns a gradient"
    wild = to_integers(torch.tensor([[1e300, 1e-300]], dtype=torch.float64), grid=22)
    assert wild.abs().max() <= REACH, "an integer is too large"


def clipped(row: Sequence[int], norm: int) -> list[int]:
    """The slow definition."""
    square = sum(entry * entry for entry in row)
    root = isqrt(square) + (isqrt(square) ** 2 < square)
    factor = min(FACTOR, norm * FACTOR // max(1, root))
    return [abs(entry) * factor // FACTOR * (1 if entry > 0 else -1) for entry in row]


def the_clip_holds(rows: torch.Tensor, norm: int) -> None:
    given_rows = rows.tolist()
    for row, found in zip(given_rows, clip(rows.clone(), norm=norm).tolist(), strict=True):
        assert sum(entry * entry for entry in found) <= norm * norm, "a clipped vector is longer than the norm"
        if sum(entry * entry for entry in row) <= norm * norm:
            assert found == row, "a vector within the norm is changed"
        assert found == clipped(row, norm), "a vector is not scaled toward zero"


def integers_are_clipped() -> None:
    cube = torch.tensor(list(itertools.product(range(-5, 6), repeat=3)))
    for norm in (1, 2, 3, 5, 8, 9):
        the_clip_holds(cube, norm)
    extreme = torch.full((1, 2**16 + 1), REACH)
    extreme[0, ::3] *= -1
    for norm in (2**21 + 1, 2**22):
        the_clip_holds(extreme, norm)


def gradients(numbers: Iterable[float], records: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Gradients of all records for parameters of several shapes, from numbers in turn."""
    flat = torch.tensor(list(itertools.islice(itertools.cycle(numbers), records * COORDINATES)), dtype=torch.float64)
    parts = torch.split(flat.to(dtype).reshape(records, COORDINATES), [6, 4, 1], dim=1)
    return [part.reshape(records, *shape) for part, shape in zip(parts, SHAPES, strict=True)]


def one_record_moves_the_sum_by_at_most_the_norm(samples: list[torch.Tensor], spec: Spec) -> None:
    """Take each record out in turn; the difference is a vector of its own, the same in any company."""
    records = len(samples[0])
    whole = clipped_sum(samples, grid=spec.grid, norm=spec.clip)
    for gone in range(records):
        kept = [i for i in range(records) if i != gone]
        moved = (whole - clipped_sum([sample[kept] for sample in samples], grid=spec.grid, norm=spec.clip)).tolist()
        alone = clipped_sum([sample[[gone]] for sample in samples], grid=spec.grid, norm=spec.clip).tolist()
        assert moved == alone, "what a record adds depends on the other records"
        assert sum(entry * entry for entry in moved) <= spec.clip**2, "a record moves the sum by more than the norm"
        rows = torch.cat([sample[[gone]].reshape(1, -1) for sample in samples], dim=1)
        assert alone == clipped(to_integers(rows, grid=spec.grid)[0].tolist(), spec.clip), "a record adds another vector"
    backwards = clipped_sum([sample.flip(0) for sample in samples], grid=spec.grid, norm=spec.clip)
    assert torch.equal(whole, backwards), "the sum depends on the order of the records"


def sums_have_their_sensitivity() -> None:
    spec, steep = plan(), [1.0, -2.0, 3.0, 0.25, 7.0]
    for part in (clipping._PART, 1):
        with replaced(clipping, "_PART", part):
            for numbers in (HOSTILE, steep, [1e-3, -2e-3, 0.5], [3.4e38] * 7, [1e-9]):
                for dtype in (torch.float32, torch.float16, torch.float64):
                    one_record_moves_the_sum_by_at_most_the_norm(gradients(numbers, 5, dtype), spec)
    empty = clipped_sum(gradients([], 0), grid=spec.grid, norm=spec.clip)
    assert empty.tolist() == [0] * COORDINATES, "an empty batch has a sum"
    assert raises(InvalidInput, lambda: clipped_sum([torch.ones(3, 2), torch.ones(2)], grid=1, norm=4)), "records are lost"


class Dictated:
    """Stands in for a sampler, writes down what is asked and answers as told."""

    def __init__(self, answer: Callable[[int], np.ndarray] = lambda size: np.zeros(size, dtype=np.int64)) -> None:
        self.asked, self.answer = list[tuple[int, Fraction]](), answer

    def __call__(self, size: int, *, sigma2: Fraction | None = None, p: Fraction | None = None) -> np.ndarray:
        self.asked.append((size, Fraction(p if sigma2 is None else sigma2)))  # type: ignore[arg-type]
        return self.answer(size)


def trainer(spec: Spec, sizes: Sequence[int], reduction: str = "mean") -> tuple[IntegerOptimizer, list[nn.Parameter]]:
    """An optimizer of step 1 over zeros, so that a step leaves minus the gradient, and batches as if they had been drawn."""
    parameters = [nn.Parameter(torch.zeros(shape)) for shape in SHAPES]
    batches = PoissonBatches(spec, records=9)
    batches.sizes.extend(sizes)
    chosen = torch.optim.SGD(parameters, lr=1.0)
    return IntegerOptimizer(chosen, spec=spec, batches=batches, loss_reduction=reduction), parameters


def give(parameters: list[nn.Parameter], samples: list[torch.Tensor]) -> None:
    for parameter, sample in zip(parameters, samples, strict=True):
        parameter.grad_sample = sample.clone()
        parameter.grad = sample.sum(dim=0)  # what PyTorch leaves there, without noise


def flat(parameters: list[nn.Parameter]) -> torch.Tensor:
    return torch.cat([parameter.detach().reshape(-1) for parameter in parameters])


def a_step_is_the_sum_plus_the_noise_of_the_stated_law() -> None:
    for spec, reduction in ((plan(), "mean"), (plan(noise_multiplier=1024, max_grad_norm=2**20), "sum")):
        samples = gradients([0.1, -0.7, 2.0, 0.0], 4)
        total = clipped_sum(samples, grid=spec.grid, norm=spec.clip)
        stated = [(COORDINATES, Fraction(spec.noise_multiplier * spec.clip) ** 2)]
        for place in range(COORDINATES):
            noise = Dictated(lambda size, place=place: np.eye(size, dtype=np.int64)[place] << 30)  # type: ignore[misc]
            with replaced(release, "rounded_gaussian", noise):
                optimizer, parameters = trainer(spec, [4], reduction)
                parts = (samples,) if place % 2 else ([s[:1] for s in samples], [s[1:] for s in samples])
                for number, part in enumerate(parts, 1):
                    optimizer.signal_skip_step(do_skip=number < len(parts))
                    give(parameters, part)
                    optimizer.step()
                    optimizer.zero_grad()
            assert noise.asked == stated, "a step is not one draw of variance (m C)**2 a coordinate"
            wanted = (total + (torch.arange(COORDINATES) == place) * 2**30).to(torch.float32) * 2.0**-spec.grid
            if reduction == "mean":
                wanted = wanted / spec.batch_size
            assert torch.equal(-flat(parameters), wanted), "a step is not the sum plus the noise, in public units"


def what_is_refused_draws_nothing() -> None:
    noise = Dictated()
    with replaced(release, "rounded_gaussian", noise):
        for sizes, records in (([3], 4), ([], 4), ([4, 4], 8), ([0], 4)):
            optimizer, parameters = trainer(plan(), sizes)
            give(parameters, gradients([1.0], records))
            assert raises(InvalidInput, optimizer.step), "a step takes other records than those of one batch"
            assert not flat(parameters).any(), "a refused step changes the model"
        optimizer, parameters = trainer(plan(), [4, 4])
        give(parameters, gradients([1.0], 4))
        for parameter in parameters:
            parameter.grad_sample = [parameter.grad_sample] * 2
        assert raises(InvalidInput, optimizer.step), "a step takes two batches at once"
        assert not noise.asked, "noise is drawn for what is refused"
        optimizer, parameters = trainer(plan(steps=2), [4] * 4)
        give(parameters, gradients([1.0], 4))
        optimizer.step()
        assert raises(ValueError, optimizer.step), "a gradient is used twice"
        give(parameters, gradients([1.0], 4))
        optimizer.step()
        give(parameters, gradients([1.0], 4))
        assert raises(BudgetExceeded, optimizer.step), "a step beyond the plan is taken"
        assert len(noise.asked) == 2, "a refused step draws"
        optimizer, parameters = trainer(plan(), [4])
        give(parameters, gradients([1.0], 4))
        parameters[0].requires_grad_(False)
        optimizer.step()
        assert not parameters[0].any(), "a gradient without noise reaches the model"
    for name in ("noise_multiplier", "max_grad_norm"):
        assert raises(InvalidInput, lambda name=name: setattr(optimizer, name, 5.0)), "the plan changes on the way"  # type: ignore[misc]


def batches_are_poisson() -> None:
    spec = plan(batch_size=2, expected_n=7)
    coins = Dictated(lambda size: np.arange(size) % 3 == 0)
    with replaced(release, "bernoulli", coins):
        drawn = list(PoissonBatches(spec, records=5))
    assert drawn == [[0, 3]] * 3, "a batch is not what the coins say"
    assert coins.asked == [(5, Fraction(2, 7))] * 3, "a record is not in a batch with the stated probability"


def raises(kind: type[Exception] | tuple[type[Exception], ...], attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except kind:
        return True
    return False


def made_private(ledger: Ledger | None, records: int, *layers: nn.Module, steps: int = 2) -> Any:
    data = TensorDataset(torch.ones(records, 3), torch.zeros(records, dtype=torch.int64))
    model = nn.Sequential(nn.Linear(3, 4), *layers, nn.Linear(4, 2))
    public: dict[str, Any] = {"noise_multiplier": 1, "max_grad_norm": 1, "expected_n": 6, "steps": steps, "delta": "1e-5"}
    optimizer, loader = torch.optim.SGD(model.parameters(), lr=1.0), DataLoader(data, batch_size=2)
    return make_private(module=model, optimizer=optimizer, data_loader=loader, ledger=ledger, **public)


def the_plan_is_charged_before_anything_is_drawn() -> None:
    noise, coins = Dictated(), Dictated(lambda size: np.ones(size, dtype=np.bool_))
    with (
        tempfile.TemporaryDirectory() as folder,
        replaced(release, "rounded_gaussian", noise),
        replaced(release, "bernoulli", coins),
    ):
        ledger = Ledger(Path(folder) / "budget.db", limit={"epsilon": 20, "delta": "1.5e-5"})
        _, optimizer, loader = made_private(ledger, 5)
        rows = ledger.charges()
        assert [row.record["bound"] for row in rows] == [optimizer.spec.bound.to_dict()], "the plan's bound is not charged"
        assert rows[0].record["fingerprint"] == optimizer.spec.fingerprint, "another plan is charged"
        assert optimizer.head == rows[0].head, "the training carries another charge"
        assert not noise.asked + coins.asked, "something is drawn before a step is taken"
        assert raises(BudgetExceeded, lambda: made_private(ledger, 5)), "a spent ledger lets a training go on"
    for records in (5, 8):
        _, optimizer, loader = made_private(None, records)
        assert (optimizer.spec.sample_rate, len(loader)) == (Fraction(1, 3), 3), "the plan depends on the number of records"
        assert optimizer.expected_batch_size == 2, "the gradients are divided by a private number"
    bare = nn.BatchNorm1d(4, affine=False, track_running_stats=False)  # which Opacus lets through
    for layer in (nn.BatchNorm1d(4), bare, nn.InstanceNorm1d(4, track_running_stats=True)):
        assert raises((InvalidInput, UnsupportedModuleError), lambda layer=layer: made_private(None, 5, layer)), (
            "a layer mixes records"
        )  # type: ignore[misc]


def ball(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def moment(noise_multiplier: Fraction, rate: Fraction, order: int) -> arb:
    """The published sum, in balls."""
    terms = (
        ball(comb(order, k) * (1 - rate) ** (order - k) * rate**k) * ball(k * (k - 1) / (2 * noise_multiplier**2)).exp()
        for k in range(order + 1)
    )
    return sum(terms, arb(0))


def integral(noise_multiplier: Fraction, rate: Fraction, power: int) -> arb:
    """``E[((1-q) + q exp((2z-1) / (2 m**2)))**power]`` for normal z of deviation m, but for far tails."""
    m, q = ball(noise_multiplier), ball(rate)

    def integrand(z: acb, _: bool) -> acb:
        ratio = ((2 * z - 1) / (2 * m * m)).exp()
        return (1 - q + q * ratio) ** power * (-z * z / (2 * m * m)).exp()

    edge = 12 * noise_multiplier + abs(power) + 1
    area = acb.integral(integrand, -acb(ball(edge)), acb(ball(edge))).real
    return area / (m * (2 * arb.pi()).sqrt())


def the_bound_is_that_of_the_sampled_gaussian() -> None:
    ctx.prec = 160
    for m, q in itertools.product((Fraction(1), Fraction(2)), (Fraction(1, 100), Fraction(1, 3))):
        for order in (2, 4):
            most, near = moment(m, q, order), arb(Fraction(1, 10**9).numerator) / 10**9
            assert abs(integral(m, q, order) / most - 1) < near, "the sum is not the moment"
            assert integral(m, q, 1 - order) < most * (1 + near), "the other direction is larger"
    cases = [("1", "1/100", 1000, "1e-5"), ("0.5", "1/94", 50, "1e-7"), ("3", "1/40", 500, "1e-6"), ("1", "1", 1, "1e-5")]
    for m, q, delta, steps in ((Fraction(m), Fraction(q), Fraction(d), t) for m, q, t, d in cases):
        found = renyi_epsilon(m, q, steps, delta)
        by_order = [
            (steps * moment(m, q, a).log() - ball(a * delta).log()) / (a - 1) + ball(Fraction(a - 1, a)).log()
            for a in range(2, 25)
        ]
        assert any(epsilon <= ball(found) for epsilon in by_order), "the bound is below that of every order"
        assert float(found) <= min(float(epsilon.mid()) for epsilon in by_order) * 1.01, "the bound is not the best of them"
        spec = plan(noise_multiplier=m, batch_size=q.numerator, expected_n=q.denominator, steps=steps, delta=delta)
        assert (spec.bound.epsilon, spec.bound.delta, spec.bound.neighbours) == (found, delta, "add_remove"), "another bound"
    assert ball(Fraction(release_exp(Fraction(7, 3)), 2**128)) >= ball(Fraction(7, 3)).exp(), "a rounding goes down"


def release_exp(exponent: Fraction) -> int:
    from privlib.opacus.spec import _exp_from_above

    return _exp_from_above(exponent)


def the_clip_is_within_the_norm() -> None:
    for norm in ("1", "0.3", "1/3", "1e-18", "1e18", "7", str(2**60), f"1/{2**60}"):
        spec = plan(max_grad_norm=norm)
        unit = Fraction(2) ** -spec.grid
        assert 0 <= spec.max_grad_norm - spec.clip * unit < unit, "the clip is not the norm, rounded down"
        assert 2**21 <= spec.clip <= 2**22, "the grid is too coarse or too fine"
        assert spec.sigma2 == (Fraction(3, 2) * spec.clip) ** 2, "the noise is not m times the sensitivity"
    for wrong in ({"noise_multiplier": 1025}, {"noise_multiplier": 0}, {"max_grad_norm": 2**60 + 1}, {"expected_n": 1}):
        assert raises(InvalidInput, lambda wrong=wrong: plan(**wrong)), "a plan beyond the theorem is taken"  # type: ignore[misc]


def prove() -> None:
    floats_become_whole_units()
    integers_are_clipped()
    sums_have_their_sensitivity()
    a_step_is_the_sum_plus_the_noise_of_the_stated_law()
    what_is_refused_draws_nothing()
    batches_are_poisson()
    the_plan_is_charged_before_anything_is_drawn()
    the_clip_is_within_the_norm()
    the_bound_is_that_of_the_sampled_gaussian()


def mutants() -> dict[str, object]:
    here = "privlib.opacus.clipping"
    step, paid = "privlib.opacus.release.IntegerOptimizer.add_noise", "privlib.opacus.release.pay"
    whole, toward = "clip(to_integers(rows, grid=grid), norm=norm)", "run.add_((run >> 63) & ((1 << _SHIFT) - 1))"
    return {
        "rounds to nearest": rewritten(f"{here}.clip", toward, "run.add_(1 << (_SHIFT - 1))"),
        "rounds down": rewritten(f"{here}.clip", toward, "pass"),
        "the root is rounded down": rewritten(f"{here}.clip", "isqrt(max(0, sum(parts) - 1)) + 1", "max(1, isqrt(sum(parts)))"),
        "the factor is a float": rewritten(f"{here}.clip", "(norm << _SHIFT) // root", "round((norm << _SHIFT) / root)"),
        "the squares overflow": lambda: replaced(clipping, "_RUN", 2**20),
        "the clip is in floats": rewritten(
            f"{here}.clipped_sum",
            whole,
            "(rows * ((norm * 2.0**-grid) / rows.norm(dim=1, keepdim=True)).clamp(max=1) * 2.0**grid).to(torch.int64)",
        ),
        "one tensor is not clipped": rewritten(
            f"{here}.clipped_sum",
            whole,
            "torch.cat([clip(to_integers(rows[:, :-1], grid=grid), norm=norm), to_integers(rows[:, -1:], grid=grid)], dim=1)",
        ),
        "every tensor has a norm of its own": rewritten(
            f"{here}.clipped_sum",
            whole,
            "torch.cat([clip(to_integers(part, grid=grid), norm=norm) for part in torch.split(rows, sizes, dim=1)], dim=1)",
        ),
        "parts of a batch are lost": rewritten(f"{here}.clipped_sum", "range(0, records, step)", "range(0, records - 1, step)"),
        "units are rounded to nearest": rewritten(
            f"{here}.to_integers", "scaled.to(torch.int32)", "scaled.round().to(torch.int32)"
        ),
        "what is not finite passes": rewritten(f"{here}.to_integers", "if 0.0 in scales", "if False"),
        "large gradients lose their direction": rewritten(
            f"{here}.to_integers", "min(grid, _REACH_BITS - math.frexp(x)[1])", "grid"
        ),
        "the noise of the last parameter is forgotten": rewritten(
            step,
            "torch.from_numpy(noise)",
            "torch.from_numpy(np.append(noise[: -sums[-1].numel()], noise[-sums[-1].numel() :] * 0))",
        ),
        "one draw serves all parameters": rewritten(
            step, "rounded_gaussian(total.numel(), ", "np.zeros(11, dtype=int) + rounded_gaussian(1, "
        ),
        "the scale is the clipping norm in floats": rewritten(
            step, "sigma2=self.spec.sigma2", "sigma2=(self.noise_multiplier * self.max_grad_norm) ** 2"
        ),
        "the scale forgets the norm": rewritten(step, "sigma2=self.spec.sigma2", "sigma2=self.spec.noise_multiplier**2"),
        "the batch size leaks": rewritten(step, "wide * 2.0**-self.spec.grid", "wide * 2.0**-self.spec.grid / max(1, records)"),
        "steps go on": rewritten(step, "self.steps >= self.spec.steps", "False"),
        "any records make a step": rewritten(
            step, "not self._batches.sizes or self._batches.sizes.popleft() != records", "False"
        ),
        "PyTorch's own gradient stays": rewritten(step, "parameter.grad = parameter.summed_grad = None", "pass"),
        "gradients stay for the next step": rewritten(
            "privlib.opacus.release.IntegerOptimizer.clip_and_accumulate", "parameter.grad_sample = None", "pass"
        ),
        "earlier parts of a batch are lost": rewritten(
            "privlib.opacus.release.IntegerOptimizer.clip_and_accumulate",
            "part if parameter.summed_grad is None else parameter.summed_grad + part",
            "part",
        ),
        "the rate is read off the data": rewritten(
            "privlib.opacus.release.PoissonBatches.__iter__", "p=self.spec.sample_rate", "p=self.spec.batch_size / self.records"
        ),
        "the gradients are divided by the true number": lambda: replaced(
            IntegerOptimizer, "accumulated_iterations", property(lambda self: self._batches.records)
        ),
        "the variance is the deviation": rewritten("privlib.opacus.spec.Spec.sigma2", "** 2", "** 1"),
        "the clip is rounded up": rewritten("privlib.opacus.spec.Spec.clip", "int(self", "1 + int(self"),
        "nothing is charged": rewritten(paid, "charge(ledger, spec", "charge(None, spec"),
        "batch norm passes": rewritten(
            "privlib.opacus.api._check_module", "isinstance(part, nn.modules.batchnorm._BatchNorm)", "False"
        ),
        "a step is not counted": rewritten("privlib.opacus.spec.renyi_epsilon", "steps * log", "(steps - 1) * log"),
        "the noise of the bound has twice the variance": rewritten(
            "privlib.opacus.spec.renyi_epsilon", "1 / noise_multiplier**2", "1 / (2 * noise_multiplier**2)"
        ),
        "the conversion is too good": rewritten(
            "privlib.opacus.spec.renyi_epsilon", "log(1 / (order * delta)", "log(1 / (2 * order * delta)"
        ),
    }


@given(
    numbers=st.lists(st.floats(width=32), min_size=3, max_size=40),
    records=st.integers(1, 4),
    norm=st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=1000),
)
def test_one_record_moves_the_sum_by_at_most_the_norm(numbers: list[float], records: int, norm: Fraction) -> None:
    one_record_moves_the_sum_by_at_most_the_norm(gradients(numbers, records), plan(max_grad_norm=norm))


@given(
    rows=st.lists(st.lists(st.integers(-REACH, REACH), min_size=3, max_size=3), min_size=1, max_size=5),
    norm=st.integers(1, 2**22),
)
def test_clipping_shrinks_toward_zero_and_never_past_the_norm(rows: list[list[int]], norm: int) -> None:
    the_clip_holds(torch.tensor(rows), norm)

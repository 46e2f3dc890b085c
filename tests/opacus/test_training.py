"""Training with Opacus, from plan to model: what users do, beside stock Opacus."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from opacus import PrivacyEngine
from opacus.accountants import PRVAccountant
from opacus.utils.batch_memory_manager import BatchMemoryManager
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from privlib import Ledger
from privlib.errors import BudgetExceeded, InvalidInput
from privlib.noise.testing import fixed_key
from privlib.opacus import IntegerOptimizer, Spec, make_private

pytestmark = [
    pytest.mark.filterwarnings("ignore:Full backward hook"),  # PyTorch, to every user of Opacus
    pytest.mark.filterwarnings("ignore:Secure RNG turned off"),  # stock Opacus, when it is compared with
]

CLASSES, FEATURES, RECORDS, BATCH = 5, 16, 1200, 60
PUBLIC: dict[str, Any] = {"noise_multiplier": 1, "max_grad_norm": 1, "expected_n": RECORDS, "steps": 100, "delta": "1e-5"}


def points(records: int, seed: int) -> TensorDataset:
    """Clouds around the corners of a simplex, far enough apart that nine in ten can be told apart."""
    torch.manual_seed(seed)
    labels = torch.randint(0, CLASSES, (records,))
    return TensorDataset(torch.randn(records, FEATURES) + 2.8 * torch.eye(CLASSES, FEATURES)[labels], labels)


TRAINING, HELD_OUT = points(RECORDS, 1), points(2000, 2)


def plain(data: TensorDataset = TRAINING, rate: float = 0.5) -> dict[str, Any]:
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(FEATURES, 16), nn.Tanh(), nn.Linear(16, CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    return {"module": model, "optimizer": optimizer, "data_loader": DataLoader(data, batch_size=BATCH)}


def train(module: nn.Module, optimizer: Any, loader: DataLoader[Any], epochs: int = 1) -> nn.Module:
    for _ in range(epochs):
        for inputs, labels in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(inputs), labels).backward()
            optimizer.step()
    return module


def accuracy(module: nn.Module) -> float:
    inputs, labels = HELD_OUT.tensors
    return float((module(inputs).argmax(dim=1) == labels).float().mean())


def weights(module: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().reshape(-1).clone() for parameter in module.parameters()])


@contextmanager
def predictable() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fixed_key(bytes(range(32))):
            yield


def test_a_model_becomes_as_good_as_with_stock_opacus() -> None:
    stock = PrivacyEngine().make_private(**plain(), noise_multiplier=1.0, max_grad_norm=1.0)
    private = make_private(**plain(), **PUBLIC)
    theirs = accuracy(train(*stock, epochs=5))
    with predictable():
        ours = accuracy(train(*private, epochs=5))
    assert theirs > 0.88
    assert abs(ours - theirs) < 0.015  # eight repetitions of either lie between .896 and .904


def test_the_epsilon_is_that_of_opacus() -> None:
    module, optimizer, loader = make_private(**plain(), **PUBLIC)
    theirs = PRVAccountant()
    optimizer.attach_step_hook(theirs.get_optimizer_hook_fn(sample_rate=BATCH / RECORDS))
    assert optimizer.get_epsilon() == 0
    train(module, optimizer, loader)
    assert theirs.history == [(1.0, 0.05, 20)]
    assert optimizer.get_epsilon() == pytest.approx(theirs.get_epsilon(1e-5), rel=1e-9)
    assert optimizer.get_epsilon("1e-4") < optimizer.get_epsilon() < optimizer.spec.epsilon() < optimizer.spec.bound.epsilon


def test_an_epoch_has_as_many_batches_as_the_plan_says() -> None:
    _, optimizer, loader = make_private(**plain(points(700, 4)), **PUBLIC)
    assert len(loader) == 20
    sizes = [len(labels) for _, labels in loader]
    assert len(sizes) == 20
    assert len(set(sizes)) > 1
    assert 400 < sum(sizes) < 1000  # 700 on average, with a standard deviation of 26
    assert optimizer.expected_batch_size == BATCH


def test_pytorchs_generator_decides_nothing_and_is_not_touched() -> None:
    ends = []
    for _ in range(2):
        module, optimizer, loader = make_private(**plain(), **PUBLIC)
        torch.manual_seed(0)
        train(module, optimizer, loader)
        ends.append(weights(module))
    assert not torch.equal(*ends)
    batches = iter(loader)  # PyTorch draws a seed for workers here
    before = torch.get_rng_state()
    inputs, labels = next(batches)
    optimizer.zero_grad()
    nn.functional.cross_entropy(module(inputs), labels).backward()
    optimizer.step()
    assert torch.equal(before, torch.get_rng_state())


def test_what_is_trained_in_test_mode_says_so() -> None:
    ends = []
    for _ in range(2):
        module, optimizer, loader = make_private(**plain(), **PUBLIC)
        assert optimizer.secure
        with predictable():
            ends.append(weights(train(module, optimizer, loader)))
        assert not optimizer.secure
    assert torch.equal(*ends)
    module, optimizer, loader = make_private(**plain(), **PUBLIC)
    with predictable():
        first = next(iter(loader))
    assert len(first) == 2
    assert not optimizer.secure, "a batch that was drawn in test mode is called secure"
    train(module, optimizer, loader)
    assert not optimizer.secure, "what was insecure becomes secure again"


@pytest.mark.parametrize("physical", [1, 7, 60])
def test_large_batches_come_in_parts(physical: int) -> None:
    """One record a kernel, or a few: the same steps as in one piece, but for the last bits of the gradients."""
    data, ends = points(150, 5), []
    for virtual in (False, True):
        module, optimizer, loader = make_private(**plain(data, rate=0.1), **{**PUBLIC, "expected_n": 180})
        with predictable():
            if virtual:
                with BatchMemoryManager(data_loader=loader, max_physical_batch_size=physical, optimizer=optimizer) as parts:
                    train(module, optimizer, parts)
            else:
                train(module, optimizer, loader)
        assert optimizer.steps == 3
        ends.append(weights(module))
    assert torch.allclose(*ends, atol=1e-5)


def test_alone_in_its_kernel_a_record_adds_the_same_in_any_company() -> None:
    """With one record a kernel, the sums of neighbouring batches differ by one clipped vector, to the last bit."""
    inputs, labels = TRAINING.tensors
    module, optimizer, _ = make_private(**plain(), **PUBLIC)

    def summed(records: list[int]) -> Tensor:
        for i in records:
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(inputs[i : i + 1]), labels[i : i + 1]).backward()
            optimizer.clip_and_accumulate()
            optimizer._is_last_step_skipped = True  # as under BatchMemoryManager
        whole = torch.cat([parameter.summed_grad.reshape(-1) for parameter in module.parameters()])
        optimizer._is_last_step_skipped = False
        optimizer.zero_grad()
        return whole

    company = list(range(10, 30))
    alone = summed([5])
    assert torch.equal(summed([*company, 5]) - summed(company), alone)
    assert sum(entry * entry for entry in alone.tolist()) <= optimizer.spec.clip**2
    assert optimizer.spec.clip > 0


def test_empty_batches_are_steps_like_any_other() -> None:
    data = points(3, 6)
    module, optimizer, loader = make_private(**plain(data), **{**PUBLIC, "expected_n": 6000})
    before, sizes = weights(module), []
    for inputs, labels in itertools.islice(loader, 40):
        sizes.append(len(labels))
        assert inputs.shape[1:] == (FEATURES,)
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(inputs), labels).backward()
        optimizer.step()
        assert not torch.equal(before, weights(module))
        before = weights(module)
    assert sizes.count(0) > 30
    assert optimizer.steps == 40
    assert torch.isfinite(before).all()


def test_batches_may_be_dicts_and_come_from_workers() -> None:
    inputs, labels = TRAINING.tensors
    rows = [{"inputs": row, "label": label} for row, label in zip(inputs[:90], labels[:90], strict=True)]
    given = plain()
    given["data_loader"] = DataLoader(rows, batch_size=30, num_workers=1)  # type: ignore[arg-type]
    module, optimizer, loader = make_private(**given, **{**PUBLIC, "expected_n": 120})
    for batch in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(batch["inputs"]), batch["label"], reduction="mean").backward()
        optimizer.step()
    assert optimizer.steps == 4


def test_gradients_that_are_not_finite_count_as_zero() -> None:
    inputs, labels = TRAINING.tensors
    broken = inputs.clone()
    broken[::2] = float("nan")
    broken[1::4] = float("inf")
    module, optimizer, loader = make_private(**plain(TensorDataset(broken, labels)), **PUBLIC)
    train(module, optimizer, loader)
    assert torch.isfinite(weights(module)).all()


def test_steps_beyond_the_plan_are_refused() -> None:
    module, optimizer, loader = make_private(**plain(), **{**PUBLIC, "steps": 7})
    with pytest.raises(BudgetExceeded, match="7 steps"):
        train(module, optimizer, loader)
    assert optimizer.steps == 7
    assert optimizer.get_epsilon() == optimizer.spec.epsilon()


def test_a_ledger_is_charged_for_the_whole_plan_at_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budget.db", limit={"epsilon": 8, "delta": "3e-5"})
    _, optimizer, _ = make_private(**plain(), **PUBLIC, ledger=ledger)
    assert ledger.total() == optimizer.spec.bound
    assert optimizer.head == ledger.charges()[0].head
    again = plain()
    with pytest.raises(BudgetExceeded):
        make_private(**again, **PUBLIC, ledger=ledger)
    make_private(**again, **PUBLIC)  # the refusal left the model as it was


def test_a_saved_state_knows_what_was_taken(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "budget.db", limit={"epsilon": 8, "delta": "3e-5"})
    module, optimizer, loader = make_private(**plain(), **PUBLIC, ledger=ledger)
    with predictable():
        train(module, optimizer, loader)
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    saved = torch.load(tmp_path / "state.pt")
    train(module, optimizer, loader)
    optimizer.load_state_dict(saved)
    assert optimizer.steps == 40, "steps that were taken are forgotten"
    module, resumed, loader = make_private(**plain(), **PUBLIC)  # as in another process: the plan is paid for
    assert (resumed.steps, resumed.secure, resumed.head) == (0, True, None)
    train(module, resumed, loader)
    resumed.load_state_dict(saved)
    assert (resumed.steps, resumed.secure, resumed.head) == (40, False, optimizer.head)
    _, other, _ = make_private(**plain(), **{**PUBLIC, "steps": 101})
    for state in (saved, torch.optim.SGD(module.parameters(), lr=1.0).state_dict()):
        with pytest.raises(InvalidInput, match="saved under the same plan"):
            other.load_state_dict(state)


def test_learning_rates_may_be_scheduled_and_the_noise_may_not() -> None:
    from opacus.schedulers import ExponentialGradClip, ExponentialNoise

    module, optimizer, loader = make_private(**plain(), **PUBLIC)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    train(module, optimizer, loader)
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == 0.25
    with pytest.raises(InvalidInput, match="noise_multiplier is part of the plan"):
        ExponentialNoise(optimizer, gamma=0.9).step()
    with pytest.raises(InvalidInput, match="max_grad_norm is part of the plan"):
        ExponentialGradClip(optimizer, gamma=0.9).step()


@pytest.mark.parametrize("rows", [0, 1, 61])
def test_other_records_than_those_of_a_batch_are_refused(rows: int) -> None:
    inputs, labels = (tensor[:rows] for tensor in TRAINING.tensors)
    module, optimizer, _ = make_private(**plain(), **PUBLIC)
    before = weights(module)
    nn.functional.cross_entropy(module(inputs), labels).backward()
    with pytest.raises(InvalidInput, match="one step for every batch") as refusal:
        optimizer.step()
    assert str(rows) not in str(refusal.value)
    assert torch.equal(before, weights(module))
    assert optimizer.steps == 0


def test_two_batches_are_not_one_step() -> None:
    module, optimizer, loader = make_private(**plain(), **PUBLIC)
    for number, (inputs, labels) in enumerate(itertools.islice(loader, 2)):
        optimizer.signal_skip_step(do_skip=number == 0)  # as if the two were parts of one
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(inputs), labels).backward()
        if number == 0:
            optimizer.step()
    with pytest.raises(InvalidInput, match="one step for every batch"):
        optimizer.step()


def test_two_backward_passes_are_not_one_step() -> None:
    module, optimizer, loader = make_private(**plain(), **PUBLIC)
    inputs, labels = next(iter(loader))
    nn.functional.cross_entropy(module(inputs), labels).backward()
    with pytest.raises(ValueError, match="Poisson sampling is not compatible with grad accumulation"):
        nn.functional.cross_entropy(module(inputs), labels).backward()
    with pytest.raises(InvalidInput, match="after every backward"):
        optimizer.step()


def test_the_privacy_of_a_sum_and_a_mean_is_the_same() -> None:
    ends = []
    for reduction, rate in (("mean", 0.6), ("sum", 0.6 / BATCH)):
        module, optimizer, loader = make_private(**plain(rate=rate), **PUBLIC, loss_reduction=reduction)
        with predictable():
            for inputs, labels in itertools.islice(loader, 3):
                optimizer.zero_grad()
                nn.functional.cross_entropy(module(inputs), labels, reduction=reduction).backward()
                optimizer.step()
        ends.append(weights(module))
    assert torch.allclose(*ends, atol=1e-4)


def test_half_precision_works() -> None:
    given = plain()
    given["module"].to(torch.bfloat16)
    inputs, labels = TRAINING.tensors
    given["data_loader"] = DataLoader(TensorDataset(inputs.to(torch.bfloat16), labels), batch_size=BATCH)
    module, optimizer, loader = make_private(**given, **PUBLIC)
    train(module, optimizer, loader)
    assert torch.isfinite(weights(module)).all()
    assert next(module.parameters()).dtype is torch.bfloat16


def test_the_optimizer_takes_its_plan_directly() -> None:
    """For whoever wires Opacus' parts by hand."""
    from opacus.grad_sample import GradSampleModule

    from privlib.opacus import PoissonBatches

    given = plain()
    spec = Spec(batch_size=BATCH, **PUBLIC)
    batches = PoissonBatches(spec, records=RECORDS)
    module = GradSampleModule(given["module"])
    optimizer = IntegerOptimizer(given["optimizer"], spec=spec, batches=batches)
    train(module, optimizer, DataLoader(TRAINING, batch_sampler=batches))
    assert optimizer.steps == 20
    assert (optimizer.noise_multiplier, optimizer.max_grad_norm, spec.sample_rate) == (1.0, 1.0, Fraction(1, 20))

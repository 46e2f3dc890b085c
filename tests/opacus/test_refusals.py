"""What the door does not take, and what it says then. Nothing is drawn and nothing is charged."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from opacus.grad_sample import GradSampleModule
from opacus.optimizers import DPOptimizer
from opacus.validators.errors import UnsupportedModuleError
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import privlib.opacus
from privlib import Ledger
from privlib.errors import InvalidInput, Mismatch
from privlib.opacus import make_private

DATA = TensorDataset(torch.zeros(8, 3), torch.zeros(8, dtype=torch.int64))
Change = Callable[[dict[str, Any]], object]


class Endless(IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        yield 1


def arguments(*layers: nn.Module) -> dict[str, Any]:
    model = nn.Sequential(nn.Linear(3, 4), *layers)
    return {
        "module": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=1.0),
        "data_loader": DataLoader(DATA, batch_size=2),
        "noise_multiplier": 1,
        "max_grad_norm": 1,
        "expected_n": 8,
        "steps": 4,
        "delta": "1e-5",
    }


REFUSED: dict[str, tuple[Change, str]] = {
    "a number of bool": (lambda a: a.update(noise_multiplier=True), "noise_multiplier must be an int, float"),
    "no noise": (lambda a: a.update(noise_multiplier=0), "noise_multiplier must lie in"),
    "too much noise": (lambda a: a.update(noise_multiplier=1025), "noise_multiplier must lie in"),
    "no norm": (lambda a: a.update(max_grad_norm=0), "max_grad_norm must lie in"),
    "a norm a layer": (lambda a: a.update(max_grad_norm=[1.0, 1.0]), "max_grad_norm must be an int, float"),
    "no delta": (lambda a: a.update(delta=0), "delta must lie strictly between 0 and 1"),
    "fewer people than a batch": (lambda a: a.update(expected_n=1), "expected_n must be at least the batch size 2"),
    "half a person": (lambda a: a.update(expected_n=8.0), "expected_n must be an int"),
    "no steps": (lambda a: a.update(steps=0), "steps must be an int from 1"),
    "another reduction": (lambda a: a.update(loss_reduction="none"), "loss_reduction must be 'mean' or 'sum'"),
    "no batch size": (lambda a: a.update(data_loader=DataLoader(DATA, batch_size=None)), "must have a batch_size"),
    "an endless data set": (lambda a: a.update(data_loader=DataLoader(Endless(), batch_size=2)), "IterableDataset"),
    "no records": (lambda a: a.update(data_loader=DataLoader(TensorDataset(torch.zeros(0, 3)), batch_size=2)), "hold a record"),
    "texts": (lambda a: a.update(data_loader=DataLoader(["a", "b"], batch_size=2)), "batches must be tensors"),  # type: ignore[arg-type]
    "several processes": (lambda a: a.update(module=nn.DataParallel(a["module"])), "distributed training is not supported"),
    "a private module": (lambda a: a.update(module=GradSampleModule(a["module"])), "give the plain module"),
    "another module": (lambda a: a.update(module=nn.Linear(3, 4)), "parameters of the module and no others"),
    "nothing to train": (lambda a: a["module"].requires_grad_(False), "parameters to train"),
    "complex parameters": (
        lambda a: a["optimizer"].add_param_group(
            {
                "params": [
                    a["module"].register_parameter("z", nn.Parameter(torch.zeros(1, dtype=torch.complex64))) or a["module"].z
                ]
            }
        ),
        "of a float type",
    ),
    "a private optimizer": (
        lambda a: a.update(optimizer=DPOptimizer(a["optimizer"], noise_multiplier=1.0, max_grad_norm=1.0, expected_batch_size=2)),
        "optimizer is private already",
    ),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_and_said_why(change: Change, message: str, tmp_path: Path) -> None:
    given = arguments()
    change(given)
    ledger = Ledger(tmp_path / "budget.db", limit={"epsilon": 100, "delta": "1e-4"})
    with pytest.raises(InvalidInput, match=message):
        make_private(**given, ledger=ledger)
    assert ledger.charges() == ()


def test_a_private_model_is_not_made_private_twice() -> None:
    given = arguments()
    make_private(**given)
    with pytest.raises(InvalidInput, match="give the plain module"):
        make_private(**given)


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm1d(4),
        nn.BatchNorm1d(4, affine=False),  # these two have nothing to train, and Opacus does not look at them
        nn.BatchNorm1d(4, affine=False, track_running_stats=False),
        nn.InstanceNorm1d(4, track_running_stats=True),
    ],
    ids=str,
)
def test_layers_that_mix_records_are_refused(layer: nn.Module) -> None:
    with pytest.raises((InvalidInput, UnsupportedModuleError)):
        make_private(**arguments(layer))


def test_a_distributed_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    with pytest.raises(InvalidInput, match="distributed"):
        make_private(**arguments())


def test_a_pure_ledger_cannot_count_a_training(tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match="'delta'"):
        make_private(**arguments(), ledger=Ledger(tmp_path / "budget.db", limit=100))


def test_a_missing_extra_is_named() -> None:
    code = "import sys; sys.modules['opacus'] = None; import privlib.opacus"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert finished.stderr.strip().endswith("pip install 'privlib[opacus]'")


def test_no_other_generator_is_named() -> None:
    for file in Path(privlib.opacus.__file__).parent.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert not [word for word in ("Generator", "random_state", "default_rng", "np.random", "manual_seed") if word in text]


def test_a_copy_or_a_fork_cannot_train_on_the_same_charge() -> None:
    _, optimizer, _ = make_private(**arguments())
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.deepcopy(optimizer)
    child = os.fork()
    if child == 0:  # no assertion here: what the child raises must not reach pytest
        try:
            optimizer.add_noise()
        except InvalidInput:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

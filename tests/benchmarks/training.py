"""What a private step costs beside one of stock Opacus: ``python tests/benchmarks/training.py`` prints a table.

One process, one thread, the jobs take turns, medians. A step draws a batch and does forward and backward pass, clip, noise and
update. The lines below show how far batched kernels break the condition of `privlib.opacus` on this machine: how many integers
of a batch change when one more record joins it, and how much that moves their sum.
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from opacus import PrivacyEngine
from opacus.grad_sample import GradSampleModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from privlib.opacus import make_private
from privlib.opacus.clipping import clip, to_integers
from privlib.opacus.spec import Spec

ROUNDS = 21
RECORDS = 2048
Job = Callable[[], object]


@dataclass(frozen=True)
class Task:
    """A model and the size of its batches."""

    name: str
    sizes: tuple[int, ...]
    batch: int

    def model(self) -> nn.Module:
        layers: list[nn.Module] = []
        for inside, outside in zip(self.sizes, self.sizes[1:], strict=False):
            layers += [nn.Linear(inside, outside), nn.Tanh()]
        return nn.Sequential(*layers[:-1])

    def data(self) -> TensorDataset:
        return TensorDataset(torch.randn(RECORDS, self.sizes[0]), torch.randint(0, self.sizes[-1], (RECORDS,)))


TASKS = [
    Task("logistic regression", (64, 10), 64),
    Task("two layers", (64, 256, 10), 64),
    Task("two layers", (64, 256, 10), 256),
    Task("three layers", (784, 256, 128, 10), 64),
]


def job(task: Task, *, exact: bool) -> Job:
    """One step after the other on fresh batches of one task."""
    model, data = task.model(), task.data()
    optimizer, loader = torch.optim.SGD(model.parameters(), lr=0.01), DataLoader(data, batch_size=task.batch)
    if exact:
        private, optimizer, loader = make_private(  # type: ignore[assignment]
            module=model,
            optimizer=optimizer,
            data_loader=loader,
            noise_multiplier=1,
            max_grad_norm=1,
            expected_n=RECORDS,
            steps=10**6,
            delta="1e-5",
        )
    else:
        private, optimizer, loader = PrivacyEngine().make_private(
            module=model, optimizer=optimizer, data_loader=loader, noise_multiplier=1.0, max_grad_norm=1.0
        )

    def batches():  # type: ignore[no-untyped-def]
        while True:
            yield from loader

    source = batches()

    def step() -> None:
        inputs, labels = next(source)
        optimizer.zero_grad()
        nn.functional.cross_entropy(private(inputs), labels).backward()
        optimizer.step()

    return step


def medians(jobs: dict[str, Job]) -> dict[str, float]:
    """Median seconds of each job; the jobs take turns, so that a slow moment hits all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for one in jobs.values():
        one()
    for _ in range(ROUNDS):
        for name, one in jobs.items():
            began = time.perf_counter()
            one()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def disturbed(task: Task) -> tuple[int, int, float]:
    """Over batches that gain one record: integers that changed, integers in all, and the largest L2 change over the norm."""
    spec = Spec(noise_multiplier=1, max_grad_norm=1, batch_size=task.batch, expected_n=RECORDS, steps=1, delta="1e-5")
    model = GradSampleModule(task.model(), loss_reduction="mean")
    inputs, labels = task.data().tensors

    def integers(begin: int, records: int) -> torch.Tensor:
        model.zero_grad()
        place = slice(begin, begin + records)
        nn.functional.cross_entropy(model(inputs[place]), labels[place]).backward()
        rows = torch.cat([parameter.grad_sample.reshape(records, -1) for parameter in model.parameters()], dim=1)
        return clip(to_integers(rows, grid=spec.grid), norm=spec.clip)

    changed, total, worst = 0, 0, 0.0
    for begin in range(0, RECORDS - task.batch - 1, task.batch):
        difference = integers(begin, task.batch) - integers(begin, task.batch + 1)[:-1]
        changed, total = changed + int((difference != 0).sum()), total + difference.numel()
        worst = max(worst, float(difference.sum(dim=0).double().norm()) / spec.clip)
    return changed, total, worst


def main() -> None:
    """Print the table and the lines."""
    warnings.filterwarnings("ignore", message="Full backward hook")
    warnings.filterwarnings("ignore", message="Secure RNG turned off")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, one thread, median of {ROUNDS}, load average {os.getloadavg()[0]:.1f}")
    print("| model | parameters | batch | stock Opacus | privlib | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for task in TASKS:
        found = medians({"stock": job(task, exact=False), "privlib": job(task, exact=True)})
        weights = sum(parameter.numel() for parameter in task.model().parameters())
        times = f"{found['stock'] * 1e3:.2f} ms | {found['privlib'] * 1e3:.2f} ms | {found['privlib'] / found['stock']:.1f}"
        print(f"| {task.name} | {weights:,} | {task.batch} | {times} |", flush=True)
    for task in TASKS:
        changed, total, worst = disturbed(task)
        print(
            f"{task.name}, batch {task.batch}: {changed:,} of {total:,} integers change, together at most {worst:.1e} of the norm"
        )


if __name__ == "__main__":
    main()

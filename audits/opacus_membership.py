"""Who was in the training of a small model? Three attacks and a one-run audit, on a private training and its plain twin.

``python audits/opacus_membership.py`` prints the rates of LiRA, RMIA and the quantile-regression attack at low false-positive
rates, and the bound that one run certifies beside the epsilon that the plan claims. Needs the extra opacus.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from privlib.audit.membership import (
    Membership,
    confidence_logit,
    lira,
    one_run_of,
    quantile_attack,
    rmia,
    secret_members,
    shadow_runs,
    tpr_at_fpr,
)
from privlib.audit.onerun import OneRun
from privlib.bounds import Bound

FEATURES, HIDDEN = 20, 128


@dataclass(frozen=True)
class Cohort:
    """Invented records: two overlapping classes, and one label in five wrong, which a model can only learn by heart."""

    inputs: torch.Tensor
    labels: torch.Tensor

    @classmethod
    def invented(cls, size: int) -> Cohort:
        generator = np.random.default_rng(20_220_517)
        inputs = generator.normal(size=(size, FEATURES))
        wrong = generator.random(size) < 0.2
        labels = ((inputs[:, 0] + inputs[:, 1] > 0) ^ wrong).astype(np.int64)
        return cls(torch.from_numpy(inputs.astype(np.float32)), torch.from_numpy(labels))

    def scores(self, model: nn.Module) -> NDArray[np.float64]:
        model.eval()
        with torch.no_grad():
            logits = model(self.inputs).numpy().astype(np.float64)
        return confidence_logit(logits, self.labels.numpy())


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2))


def plain(cohort: Cohort, steps: int) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
    """A training without privacy that goes on until it knows its records by heart."""

    def fit(included: NDArray[np.bool_]) -> NDArray[np.float64]:
        model, chosen = network(), torch.from_numpy(np.flatnonzero(included))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(cohort.inputs[chosen]), cohort.labels[chosen]).backward()
            optimizer.step()
        return cohort.scores(model)

    return fit


def private(cohort: Cohort, steps: int, expected_n: int) -> tuple[Callable[[NDArray[np.bool_]], NDArray[np.float64]], Bound]:
    """The same model under `privlib.opacus`, and what its plan claims for all steps."""
    from privlib.opacus import Spec, make_private

    plan: dict[str, Any] = {
        "noise_multiplier": "1.5",
        "max_grad_norm": 1,
        "expected_n": expected_n,
        "steps": steps,
        "delta": "1e-5",
    }
    size = max(1, expected_n // 20)

    def fit(included: NDArray[np.bool_]) -> NDArray[np.float64]:
        chosen = torch.from_numpy(np.flatnonzero(included))
        plain_model = network()
        model, optimizer, loader = make_private(
            module=plain_model,
            optimizer=torch.optim.SGD(plain_model.parameters(), lr=1.0),
            data_loader=DataLoader(TensorDataset(cohort.inputs[chosen], cohort.labels[chosen]), batch_size=size),
            **plan,
        )
        while optimizer.steps < steps:
            for inputs, labels in loader:
                if optimizer.steps == steps:
                    break
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(inputs), labels).backward()
                optimizer.step()
        return cohort.scores(model)

    return fit, Spec(batch_size=size, **plan).bound


def attack(
    title: str,
    fit: Callable[[NDArray[np.bool_]], NDArray[np.float64]],
    cohort: Cohort,
    *,
    population: int,
    runs: int,
    claim: Bound,
    stated: bool,
) -> tuple[list[Membership], OneRun]:
    """Train the target on records that fair coins chose, and shadows; score, measure, and try to refute the claim."""
    size = len(cohort.labels)
    members = secret_members(size, population=population)
    target = fit(members)
    shadows = shadow_runs(fit, size, runs=runs, population=population)
    public = np.arange(size) >= size - population
    signs = 2.0 * cohort.labels.numpy()[:, None] - 1
    features = np.hstack([cohort.inputs.numpy() * signs, signs])
    scored = size - population
    found = {
        "LiRA, online": lira(target[:scored], shadows.of(~public)),
        "RMIA, online, gamma 1": rmia(target, shadows, public)[:scored],
        "quantile regression, no shadow models": quantile_attack(target, features, public)[:scored],
    }
    results = [
        tpr_at_fpr(scores, members[:scored], title=title, attack=name, claim=claim if stated else None)
        for name, scores in found.items()
    ]
    guesses = max(2, scored // 10)  # chosen before anything was trained
    return results, one_run_of(found["LiRA, online"], members[:scored], guesses=guesses, claim=claim, title=title)


def audit(
    *, examples: int = 6000, population: int = 1000, runs: int = 16, plain_steps: int = 300, private_steps: int = 60
) -> list[tuple[list[Membership], OneRun]]:
    """The private training first, then its plain twin, which claims nothing and is held against the same figure."""
    warnings.filterwarnings("ignore", message="Full backward hook")  # PyTorch says this to every user of Opacus
    torch.manual_seed(0)  # of the first weights; it has no say in private noise or batches
    cohort = Cohort.invented(examples)
    fit, claim = private(cohort, private_steps, expected_n=(examples - population) // 2)
    found = []
    for title, training, stated in [("private training", fit, True), ("plain training", plain(cohort, plain_steps), False)]:
        found.append(attack(title, training, cohort, population=population, runs=runs, claim=claim, stated=stated))
    return found


def main() -> None:
    for results, one in audit():
        for result in results:
            print(f"{result.summary()}\n")
        print(f"{one.summary()}\n")


if __name__ == "__main__":
    main()

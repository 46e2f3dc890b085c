"""The draws of private training: which records a batch holds, and the noise of a step. Read beside proofs/opacus/t1."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from opacus.optimizers import DPOptimizer  # type: ignore[import-untyped]
from torch.optim import Optimizer
from torch.utils.data import Sampler

from privlib.bounds import Real
from privlib.budget import charge
from privlib.errors import BudgetExceeded, InvalidInput
from privlib.noise import bernoulli, rounded_gaussian
from privlib.noise.stream import is_secure
from privlib.opacus.clipping import clipped_sum
from privlib.opacus.spec import Spec
from privlib.proved import proved

if TYPE_CHECKING:
    from privlib.budget import Ledger
    from privlib.journal import Head

__all__ = ["IntegerOptimizer", "PoissonBatches", "pay"]

_STATE = "privlib"


class PoissonBatches(Sampler[list[int]]):
    """Batches in which every record is included with the plan's probability, independently, by exact coin tosses.

    Parameters
    ----------
    spec : Spec
        The public plan.
    records : int
        How many records the data set has. It is private and decides nothing else.

    Attributes
    ----------
    sizes : deque of int
        The sizes of batches that were drawn and not yet trained on. Private.
    secure : bool
        Whether all batches so far came from the operating system's generator.
    """

    def __init__(self, spec: Spec, *, records: int) -> None:
        self.spec, self.records = spec, records
        self.sizes: deque[int] = deque()
        self.secure = True

    def __len__(self) -> int:
        return self.spec.batches

    @proved("opacus.t1")
    def __iter__(self) -> Iterator[list[int]]:
        """Draw the batches of one epoch.

        Privacy
        -------
        Nothing is released. Every record is in every batch with probability exactly ``spec.sample_rate``, independently of
        everything else. Theorem: opacus.t1.
        """
        self.sizes.clear()  # an epoch that was left early
        for _ in range(len(self)):
            self.secure &= is_secure()
            chosen = np.flatnonzero(bernoulli(self.records, p=self.spec.sample_rate)).tolist()
            self.sizes.append(len(chosen))
            yield chosen


class IntegerOptimizer(DPOptimizer):  # type: ignore[misc]  # Opacus ships no types
    """Opacus' optimizer with the integers and the noise of privlib: everything else of Opacus that takes one takes this.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The optimizer to which noisy gradients are handed.
    spec : Spec
        The public plan.
    batches : PoissonBatches
        Where the batches come from: every step must hold the gradients of exactly one of them.
    loss_reduction : str
        ``"mean"`` divides the noisy sum by the plan's batch size, ``"sum"`` does not.
    head : dict, optional
        The head of the ledger's charge for this plan.

    Attributes
    ----------
    spec : Spec
        The plan.
    steps : int
        Noisy gradients released so far.
    secure : bool
        Whether all draws so far came from the operating system's generator; False if any was made in test mode.
    head : dict or None
        The head of the ledger's charge.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        spec: Spec,
        batches: PoissonBatches,
        loss_reduction: str = "mean",
        head: Head | None = None,
    ) -> None:
        self.spec, self.head = spec, head
        self._batches, self._records, self._secure, self._process = batches, 0, True, os.getpid()
        self._run, self._taken = os.urandom(8).hex(), dict[str, int]()  # steps of this object, and of those it went on from
        super().__init__(
            optimizer,
            noise_multiplier=self.noise_multiplier,
            max_grad_norm=self.max_grad_norm,
            expected_batch_size=spec.batch_size,
            loss_reduction=loss_reduction,
        )

    @property
    def steps(self) -> int:
        """Noisy gradients released so far, those before a saved state was loaded included."""
        return sum(self._taken.values())

    @property
    def secure(self) -> bool:
        """Whether all draws so far came from the operating system's generator."""
        return self._secure and self._batches.secure

    @property
    def noise_multiplier(self) -> float:
        """The plan's noise multiplier, for the accountants of Opacus. It cannot be changed: the plan is charged for."""
        return float(self.spec.noise_multiplier)

    @noise_multiplier.setter
    def noise_multiplier(self, value: float) -> None:
        """Refuse any other value."""
        _unchanged("noise_multiplier", self.noise_multiplier, value)

    @property
    def max_grad_norm(self) -> float:
        """The plan's clipping norm. It cannot be changed either."""
        return float(self.spec.max_grad_norm)

    @max_grad_norm.setter
    def max_grad_norm(self, value: float) -> None:
        """Refuse any other value."""
        _unchanged("max_grad_norm", self.max_grad_norm, value)

    @property
    def accumulated_iterations(self) -> int:
        """Always 1: a step holds the gradients of one batch."""
        return 1

    def get_epsilon(self, delta: Real | None = None) -> float:
        """The epsilon of the steps so far, by Opacus' PRV accountant.

        Parameters
        ----------
        delta : rational, optional
            Default: the plan's.

        Returns
        -------
        float
            A bound if the number of steps was not chosen by looking at the data or at what was released. What holds in any
            case is the plan's bound.
        """
        return self.spec.epsilon(delta, steps=self.steps) if self.steps else 0.0

    def clip_and_accumulate(self) -> None:
        """Clip the gradient of every record as integers and add them up, over the parts of a batch if it comes in parts."""
        parameters: list[Any] = self.params  # with the attributes that Opacus gives them
        if any(isinstance(parameter.grad_sample, list) for parameter in parameters):
            raise InvalidInput("call step() after every backward(); for large batches use opacus' BatchMemoryManager")
        samples = [parameter.grad_sample for parameter in parameters]
        total = clipped_sum(samples, grid=self.spec.grid, norm=self.spec.clip)
        self._records += len(samples[0])
        for parameter, part in zip(parameters, torch.split(total, [p.numel() for p in parameters]), strict=True):
            parameter.summed_grad = part if parameter.summed_grad is None else parameter.summed_grad + part
            parameter.grad_sample = None  # so that no gradient enters two steps

    @proved("opacus.t1")
    def add_noise(self) -> None:
        """Release the sum of the clipped gradients with noise, as gradients for the wrapped optimizer.

        Raises
        ------
        BudgetExceeded
            When the plan has no further step.
        InvalidInput
            When the sum is not that of exactly one batch.

        Privacy
        -------
        Neighbours: one record more or fewer. One draw of rounded Gaussian noise of variance
        ``(spec.noise_multiplier * spec.clip)**2`` for all coordinates of all parameters, on integers of L2 sensitivity
        ``spec.clip``: one step of the sampled Gaussian mechanism. The plan was charged before the first step. Theorem: opacus.t1.
        """
        parameters: list[Any] = self.params
        sums = [parameter.summed_grad for parameter in parameters]
        records, self._records = self._records, 0
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = parameter.summed_grad = None  # PyTorch's own gradient has no noise
        if os.getpid() != self._process:
            raise InvalidInput("this process was forked from the one that trains: each would take the steps that were paid once")
        if self.steps >= self.spec.steps:
            raise BudgetExceeded(f"the plan has {self.spec.steps} steps and all are taken: nothing was drawn")
        if not self._batches.sizes or self._batches.sizes.popleft() != records:
            raise InvalidInput(
                "take one step for every batch of the data loader that make_private returned, also for an empty one, with the "
                "gradient of every record of the batch and no other: nothing was drawn"
            )
        self._count_step()
        self._secure &= is_secure()
        total = torch.cat(sums)
        noise = rounded_gaussian(total.numel(), sigma2=self.spec.sigma2)
        noisy = total + torch.from_numpy(noise).to(total.device)
        for parameter, part in zip(parameters, torch.split(noisy, [part.numel() for part in sums]), strict=True):
            wide = part.to(torch.promote_types(parameter.dtype, torch.float32))
            parameter.grad = (wide * 2.0**-self.spec.grid).to(parameter.dtype).view_as(parameter)

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("this optimizer cannot be copied: each copy would take the steps that were paid once")

    def _count_step(self) -> None:
        self._taken[self._run] = self._taken.get(self._run, 0) + 1

    def state_dict(self) -> dict[str, Any]:
        """The state of the wrapped optimizer; under ``"privlib"`` what was taken of the plan, and its charge."""
        own = {"plan": self.spec.fingerprint, "taken": dict(self._taken), "secure": self.secure, "head": self.head}
        return {**self.original_optimizer.state_dict(), _STATE: own}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state saved under the same plan. Steps that were taken, there or by this object, stay taken."""
        state = dict(state_dict)
        own = state.pop(_STATE, None)
        if own is None or own["plan"] != self.spec.fingerprint:
            raise InvalidInput(
                "the state must be one that an IntegerOptimizer saved under the same plan: it holds the steps taken"
            )
        self.original_optimizer.load_state_dict(state)
        self._taken |= {run: max(steps, self._taken.get(run, 0)) for run, steps in own["taken"].items()}
        self._secure &= own["secure"]
        self.head = self.head or own["head"]


def pay(ledger: Ledger | None, spec: Spec) -> Head | None:
    """Charge a ledger, if there is one, for all steps of a plan; to be called before anything is drawn."""
    return charge(ledger, spec.bound, name="training with Opacus", fingerprint=spec.fingerprint, secure=is_secure())


def _unchanged(name: str, planned: float, value: float) -> None:
    if value != planned:
        raise InvalidInput(f"{name} is part of the plan and stays {planned}: make another plan, which costs its own budget")

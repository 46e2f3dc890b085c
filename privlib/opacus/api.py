"""From a model, an optimizer and a data loader to private ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from opacus.data_loader import wrap_collate_with_empty  # type: ignore[import-untyped]
from opacus.grad_sample import GradSampleModule  # type: ignore[import-untyped]
from opacus.optimizers import DPOptimizer  # type: ignore[import-untyped]
from opacus.validators import ModuleValidator  # type: ignore[import-untyped]
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, IterableDataset

from privlib.bounds import Real
from privlib.errors import InvalidInput
from privlib.opacus.release import IntegerOptimizer, PoissonBatches, pay
from privlib.opacus.spec import Spec

if TYPE_CHECKING:
    from privlib.budget import Ledger

__all__ = ["make_private"]


def make_private(
    *,
    module: nn.Module,
    optimizer: Optimizer,
    data_loader: DataLoader[Any],
    noise_multiplier: Real,
    max_grad_norm: Real,
    expected_n: int,
    steps: int,
    delta: Real,
    loss_reduction: str = "mean",
    batch_first: bool = True,
    ledger: Ledger | None = None,
) -> tuple[nn.Module, IntegerOptimizer, DataLoader[Any]]:
    """Make a training private; use the three returned objects in place of those given, and train as before.

    Parameters
    ----------
    module : torch.nn.Module
        The plain model, in training mode.
    optimizer : torch.optim.Optimizer
        A plain optimizer of the model's parameters.
    data_loader : torch.utils.data.DataLoader
        A plain loader over a data set with a length. Its ``batch_size`` is the average size of the private batches.
    noise_multiplier : rational > 0
        The standard deviation of the noise over the clipping norm.
    max_grad_norm : rational
        The L2 norm to which the gradient of each record is clipped.
    expected_n : int
        A public guess of the number of records. Opacus divides by the true number, which ``add_remove`` keeps private.
    steps : int
        How many batches may be trained on; further steps are refused. An epoch has ``expected_n // batch_size`` batches.
    delta : rational, 0 < delta < 1
        The delta of the bound.
    loss_reduction : {"mean", "sum"}
        How the loss of a batch is made from those of its records.
    batch_first : bool
        Whether the first dimension of the module's inputs is the batch, else the second one.
    ledger : Ledger, optional
        Charged with ``Spec.bound`` for all steps, here and at once. Its limit needs an epsilon and a delta.

    Returns
    -------
    module : opacus.GradSampleModule
        Computes the gradient of each record.
    optimizer : IntegerOptimizer
        Clips and adds noise; ``optimizer.spec`` is the plan and ``optimizer.get_epsilon()`` the spending so far.
    data_loader : torch.utils.data.DataLoader
        Draws private batches. It works under ``opacus.utils.batch_memory_manager.BatchMemoryManager``.

    Raises
    ------
    InvalidInput
        For anything out of range, for distributed training, and for layers that mix the records of a batch.
    BudgetExceeded, LedgerError
        When the ledger refuses.

    Privacy
    -------
    Neighbours: one record more or fewer. Bound: `Spec.bound`, for all noisy gradients and what is computed from them.
    Theorem: opacus.t1, on the condition that `privlib.opacus` states. Budget is charged before anything is drawn; an exception
    after that does not refund it.

    Examples
    --------
    >>> data = torch.utils.data.TensorDataset(torch.randn(60, 3), torch.zeros(60, dtype=torch.int64))
    >>> model = nn.Linear(3, 2)
    >>> model, optimizer, loader = make_private(
    ...     module=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), data_loader=DataLoader(data, batch_size=6),
    ...     noise_multiplier=1, max_grad_norm=1, expected_n=60, steps=20, delta="1e-3")
    >>> print(optimizer.spec.bound)
    epsilon = 2.72625703937058, delta = 0.001 (approx), neighbours: add_remove
    >>> len(loader), optimizer.steps
    (10, 0)
    """
    _check_module(module)
    _check_optimizer(optimizer, module)
    if loss_reduction not in ("mean", "sum"):
        raise InvalidInput(f"loss_reduction must be 'mean' or 'sum', got {str(loss_reduction)[:40]!r}")
    if not isinstance(data_loader.batch_size, int):
        raise InvalidInput("data_loader must have a batch_size: it is the average size of the private batches")
    spec = Spec(
        noise_multiplier=noise_multiplier,
        max_grad_norm=max_grad_norm,
        batch_size=data_loader.batch_size,
        expected_n=expected_n,
        steps=steps,
        delta=delta,
    )
    batches, loader = _poisson(data_loader, spec, batch_first=batch_first)
    private = GradSampleModule(module, batch_first=batch_first, loss_reduction=loss_reduction)
    private.forbid_grad_accumulation()
    try:
        head = pay(ledger, spec)
    except BaseException:
        private.remove_hooks()
        raise
    return private, IntegerOptimizer(optimizer, spec=spec, batches=batches, loss_reduction=loss_reduction, head=head), loader


def _check_module(module: nn.Module) -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        raise InvalidInput("distributed training is not supported: the noise of one process must cover all records")
    parallel = nn.DataParallel, nn.parallel.DistributedDataParallel
    if any(isinstance(part, parallel) or type(part).__module__.startswith("opacus.distributed") for part in module.modules()):
        raise InvalidInput("distributed training is not supported: give the plain module")
    if isinstance(module, GradSampleModule) or hasattr(module, "autograd_grad_sample_hooks"):
        raise InvalidInput("module computes gradients for Opacus already: give the plain module")
    ModuleValidator.validate(module, strict=True)
    for part in module.modules():  # Opacus looks at modules with trainable parameters only
        if isinstance(part, nn.modules.batchnorm._BatchNorm) or getattr(part, "track_running_stats", False):  # pyright: ignore[reportPrivateUsage]
            raise InvalidInput(f"{type(part).__name__} mixes the records of a batch or keeps their averages: take GroupNorm")


def _check_optimizer(optimizer: Optimizer, module: nn.Module) -> None:
    if isinstance(optimizer, DPOptimizer):
        raise InvalidInput("optimizer is private already: give the plain one")
    known = set(module.parameters())
    given = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if any(parameter not in known for parameter in given):
        raise InvalidInput("optimizer must hold parameters of the module and no others")
    trained = [parameter for parameter in given if parameter.requires_grad]
    if not trained or not all(parameter.is_floating_point() for parameter in trained):
        raise InvalidInput("optimizer must hold parameters to train, all of a float type")
    if len({parameter.device for parameter in trained}) > 1:
        raise InvalidInput("all parameters must be on one device")


def _poisson(data_loader: DataLoader[Any], spec: Spec, *, batch_first: bool) -> tuple[PoissonBatches, DataLoader[Any]]:
    """A loader like the one given, but for its batches, which may be empty."""
    if isinstance(data_loader.dataset, IterableDataset):
        raise InvalidInput("the data set must have a length and an index: records of an IterableDataset cannot be drawn")
    records = len(data_loader.dataset)  # type: ignore[arg-type]  # DataLoader needs it, too
    if not records:
        raise InvalidInput("the data set must hold a record: its shape tells what an empty batch looks like")
    batches = PoissonBatches(spec, records=records)
    collate = wrap_collate_with_empty(collate_fn=data_loader.collate_fn, batch_first=batch_first)
    collate([data_loader.dataset[0]])  # Opacus shapes an empty batch after the first one that is not, which may come too late
    try:
        collate([])
    except TypeError as error:
        raise InvalidInput("batches must be tensors, or lists, tuples or dicts of tensors: others cannot be empty") from error
    return batches, DataLoader(
        data_loader.dataset,
        batch_sampler=batches,
        num_workers=data_loader.num_workers,
        collate_fn=collate,
        pin_memory=data_loader.pin_memory,
        timeout=data_loader.timeout,
        worker_init_fn=data_loader.worker_init_fn,
        multiprocessing_context=data_loader.multiprocessing_context,
        prefetch_factor=data_loader.prefetch_factor,
        persistent_workers=data_loader.persistent_workers,
    )

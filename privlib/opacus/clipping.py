"""From float gradients to the integer sum of a batch, whose L2 sensitivity is the clipping norm whatever the floats were.

Every number below is a function of one record's gradient, and integers add up to the same sum in any order: what the gradient
of a record becomes does not depend on who else is in the batch, nor on how the batch is cut into parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import isqrt

import torch
from torch import Tensor

from privlib.errors import InvalidInput

__all__ = ["clip", "clipped_sum", "to_integers"]

_REACH_BITS = 24
_REACH = 1 << _REACH_BITS
"""No integer of a gradient is larger, before it is clipped."""

_RUN = 1 << 14
"""So many squares add up to at most ``2**62``, and so many integers fit a cache."""

_SHIFT = 40
"""The factor of a record is a multiple of ``2**-40``; an integer times its numerator is at most ``2**62``."""

_PART = 1 << 16
"""How many integers of several records are worked on at once."""


def clipped_sum(samples: Sequence[Tensor], *, grid: int, norm: int) -> Tensor:
    """Sum the clipped integer gradients of a batch.

    Parameters
    ----------
    samples : sequence of float tensor, each of shape (records, ...)
        The gradients of every record, one tensor for each parameter.
    grid : int
        A unit is ``2**-grid``.
    norm : int
        The clipping norm in units, over all parameters together; at most ``2**22``.

    Returns
    -------
    int64 tensor, shape (coordinates,)
        The parameters one after another. One record more or fewer changes it by at most ``norm`` in L2 norm. ``2**41`` records
        would be needed for an overflow.
    """
    records = len(samples[0])
    if any(len(sample) != records for sample in samples):
        raise InvalidInput("every parameter must have one gradient for each record of the batch")
    sizes = [math.prod(sample.shape[1:]) for sample in samples]
    total = torch.zeros(sum(sizes), dtype=torch.int64, device=samples[0].device)
    step = max(1, _PART // max(1, total.numel()))
    for begin in range(0, records, step):
        parts = [sample[begin : begin + step] for sample in samples]
        rows = torch.cat([part.reshape(len(part), size) for part, size in zip(parts, sizes, strict=True)], dim=1)
        total += clip(to_integers(rows, grid=grid), norm=norm).sum(dim=0)
    return total


def to_integers(rows: Tensor, *, grid: int) -> Tensor:
    """Cut gradients toward zero to whole units of ``2**-grid``.

    Parameters
    ----------
    rows : float tensor, shape (records, coordinates)
        Gradients. A record with a number that is not finite becomes zero.
    grid : int
        A unit is ``2**-grid``. A record with a number of ``2**24`` units or more takes larger units, by the least power of two
        that suffices: its norm is too large at any rate, and clipping keeps its direction.

    Returns
    -------
    int64 tensor, shape (records, coordinates)
        At most ``2**24`` in absolute value.
    """
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    largest = rows.abs().amax(dim=1).tolist()
    scales = [math.ldexp(1.0, min(grid, _REACH_BITS - math.frexp(x)[1])) if math.isfinite(x) else 0.0 for x in largest]
    scale = rows.new_tensor(scales).unsqueeze(1)
    scaled = rows * scale
    if 0.0 in scales:
        scaled = torch.where(scale > 0, scaled, 0.0)
    return scaled.to(torch.int32).clamp_(-_REACH, _REACH).to(torch.int64)  # by the clamp it holds for any float arithmetic


def clip(whole: Tensor, *, norm: int) -> Tensor:
    """Shrink integer vectors to an L2 norm, exactly and toward zero; those within it stay as they are.

    Parameters
    ----------
    whole : int64 tensor, shape (records, coordinates)
        At most ``2**24`` in absolute value; it is overwritten.
    norm : int
        From 1 to ``2**22``.

    Returns
    -------
    int64 tensor, shape (records, coordinates)
        The sum of the squares of each row is at most ``norm**2``.

    Notes
    -----
    With ``r`` the root of a row's sum of squares, rounded up, and ``f = floor(2**40 norm / r)`` or ``2**40`` if that is less, an
    entry q becomes ``q f / 2**40``, rounded toward zero: at most ``abs(q) norm / r``.
    """
    runs = torch.split(whole, _RUN, dim=1)
    sums = [(run * run).sum(dim=1).tolist() for run in runs]
    roots = [isqrt(max(0, sum(parts) - 1)) + 1 for parts in zip(*sums, strict=True)]  # sums of Python's integers
    factors = whole.new_tensor([min(1 << _SHIFT, (norm << _SHIFT) // root) for root in roots]).unsqueeze(1)
    for run in runs:
        run.mul_(factors)
        run.add_((run >> 63) & ((1 << _SHIFT) - 1))  # a shift rounds down; with this much more, negative numbers toward zero
        run.bitwise_right_shift_(_SHIFT)
    return whole

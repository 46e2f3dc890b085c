"""Start a sampler's kernel on one slice of a keyed stream, and read which outputs it could not finish."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput
from privlib.noise.stream import MAX_OUTPUTS, ChaChaWords

if TYPE_CHECKING:
    import torch

__all__ = ["BLOCKS", "WARPS", "Sampler", "fill_tensor"]

BLOCKS = 128
"""Lanes of a program, one ChaCha20 block each."""

WARPS = 4
"""Warps of a program: one lane a thread."""

_ROOM = 1023
_SLACK = 17 / 16


@dataclass(frozen=True)
class Sampler:
    """Kernels with what they need on the device; it knows no key."""

    kernel: Any
    arguments: dict[str, Any]
    word_bits: int
    """One main word of so many bits is spent an output."""
    share: float
    """About what share of the outputs the kernel leaves unfinished."""
    finish: Any = None
    """A second kernel, for what the first one leaves; it lists in its turn what the host must finish."""
    finish_arguments: dict[str, Any] = field(default_factory=dict[str, Any])


def fill_tensor(
    sampler: Sampler, out: torch.Tensor, source: ChaChaWords, *, start: int, room: int | None = None
) -> NDArray[np.int64]:
    """Fill ``out`` with outputs from ``start`` on; the list of those that the kernels left unfinished comes back, sorted.

    The kernels take the arguments below besides their own. A list has room for more than is expected. Where that does not
    suffice, the kernel has counted them, and a second pass, which gives the same outputs, lists them all.
    """
    import torch

    size = out.numel()
    if not 0 <= start <= start + size <= MAX_OUTPUTS:
        raise InvalidInput(f"one call gives at most 2**32 outputs, asked for outputs {start} to {start + size}")
    if size == 0:
        return np.empty(0, dtype=np.int64)
    outputs_per_block = 512 // sampler.word_bits
    first_block, skip = divmod(start, outputs_per_block)
    capacity = _ROOM + int(size * sampler.share * _SLACK) if room is None else room
    unfinished = torch.zeros(1 + capacity, dtype=torch.int64, device=out.device)
    common = {
        "out": out,
        "unfinished": unfinished,
        **_words(source),  # one by one, see keystream.py
        "first_block": first_block,
        "skip": skip,
        "size": size,
        "capacity": capacity,
        "BLOCKS": BLOCKS,
        "num_warps": WARPS,
    }
    with torch.cuda.device(out.device) if out.is_cuda else nullcontext():
        programs = -(-(skip + size) // (outputs_per_block * BLOCKS))
        sampler.kernel[(programs,)](**common, **sampler.arguments, ALIGNED=skip == 0)
        listed = unfinished
        if sampler.finish is not None:  # how many are listed only the device knows: so there is a program for every place
            listed = torch.zeros_like(unfinished)
            sampler.finish[(-(-capacity // BLOCKS),)](**common, **sampler.finish_arguments, rest=listed)
    total = int(unfinished[0])
    if total > capacity:
        return fill_tensor(sampler, out, source, start=start, room=total)
    return np.sort(listed[1 : 1 + int(listed[0])].cpu().numpy())


def _words(source: ChaChaWords) -> dict[str, int]:
    """Key and stream as the arguments of a kernel: signed, so that Triton sees the same 32-bit type for all of them."""
    words = struct.unpack("<10i", source.key_and_stream)
    return dict(zip((*(f"key{i}" for i in range(8)), "stream_low", "stream_high"), words, strict=True))

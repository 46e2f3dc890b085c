"""The samplers on an NVIDIA GPU: the same bytes as on the processor, and the noise stays on the device.

Triton compiles the kernels on first use; neither it nor PyTorch is imported before. Every decision is an integer comparison,
or that of a float whose error cannot matter as long as the device's double exp keeps to the bound stated in `histogram`. What
is left, a table's LEFT, a histogram's tail and the few attempts that a float leaves open, is resolved on the host, from
refinement bits, as always.

What is where during a call: the table or histogram, which is public, is kept on the device for the next call. The key
reaches the device as arguments of the launch and is neither stored in a tensor nor compiled into code; the driver's copy of
the arguments is overwritten by later launches, not wiped. Each call has its own key, so what a reader of device memory could
find there explains this call's noise, which lies beside it. A profiler or launch hook inside the process sees arguments, as
it sees everything else. The host waits for the kernels, because it must read which outputs are left to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from privlib.errors import InvalidInput, extra
from privlib.noise import fill, table, wide
from privlib.noise.lazy import LazyUniform
from privlib.noise.stream import ChaChaWords, Words
from privlib.noise.table import Table
from privlib.noise.wide import Histogram

if TYPE_CHECKING:
    import torch

    from privlib.noise.gpu.launch import Sampler

__all__ = ["draw"]

_LARGEST = 2**20
_CACHED = 16
_FIELD_BITS = 16
_RARE = 2.0**-16
_NUMBER_BITS = 4
_HISTOGRAM_WORD = 64
_WIDEST = 32
_EXACT_FLOAT = 53


def draw(
    source: Words, chosen: Table | Histogram, *, start: int, size: int, dtype: str = "int64", device: str = "cuda"
) -> torch.Tensor:
    """Outputs ``start`` to ``start + size`` of the stream that ``source`` is, as a tensor on the device.

    They equal those of `privlib.noise.table.draw` or `privlib.noise.wide.draw`. Words that are not ChaCha20's have no key, so
    these are drawn on the host.

    Parameters
    ----------
    source : Words
        The words of one call, from `privlib.noise.stream.words`.
    chosen : Table or Histogram
        A table of 32-bit or 64-bit words whose values lie within ``2**20`` of 0, or a histogram of 64-bit words.
    start, size : int
        ``0 <= start <= start + size <= 2**32``.
    dtype : {"int64", "int32"}
        ``"int32"`` is the law modulo ``2**32``, as an integer from ``-2**31`` to ``2**31 - 1``. The law has no largest value,
        so some rule is needed, and this one loses nothing: added to integers in int32, which wraps alike, it gives
        ``(data + noise) mod 2**32``, a function of the exact release alone. Raising would be an output that depends on the
        noise; saturated noise would not be the noise of any theorem. Converted to int64 before it is added, it is off by the
        tail beyond ``2**31``: for a log-concave law whose table leaves less than half to LEFT, below ``2**-10000``. For a
        histogram's law it may be most of the law: then nothing but the sum modulo ``2**32`` is private, or of any use.
    device : str
        ``"cuda"`` or one device, such as ``"cuda:1"``.

    Returns
    -------
    torch.Tensor, shape (size,)

    Raises
    ------
    MissingExtra
        Without PyTorch or Triton.
    InvalidInput
        For a slice, dtype or device that is not served, and inside the capture of a CUDA graph, whose every replay would
        repeat the noise.
    """
    extra("torch", name="gpu", purpose="noise on a GPU")
    import torch

    if dtype not in {"int32", "int64"}:
        raise InvalidInput(f"dtype must be 'int64' or 'int32', got {str(dtype)[:40]!r}")
    if not isinstance(chosen, Histogram) and np.abs(chosen.values).max() >= _LARGEST:
        raise InvalidInput("this law is too wide for the table sampler of the GPU: its table must end within 2**20")
    place, kind = _device(device), torch.int32 if dtype == "int32" else torch.int64
    if type(source) is not ChaChaWords:
        return torch.from_numpy(fill.draw(source, chosen, start=start, size=size)).to(place, kind)
    from privlib.noise.gpu.launch import fill_tensor

    out = torch.empty(size, dtype=kind, device=place)
    rest = fill_tensor(_on_device(chosen, str(place)), out, source, start=start)
    if rest.size:
        indices, exact = _exact(source, chosen, start, rest)
        fitting = torch.tensor([_wrapped(k, 8 * kind.itemsize) for k in exact], dtype=kind)
        out[torch.from_numpy(indices).to(place)] = fitting.to(place)
    return out


def _exact(source: Words, chosen: Table | Histogram, start: int, rest: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[int]]:
    """Indices and values of the outputs that the kernels have left to the host."""
    if isinstance(chosen, Histogram):
        indices, numbers = rest >> _NUMBER_BITS, rest & ((1 << _NUMBER_BITS) - 1)
        open_ = zip(indices.tolist(), numbers.tolist(), strict=True)
        return indices, [wide.settle(source, chosen, output=start + index, first=number) for index, number in open_]
    return rest, [table.resolve(chosen, LazyUniform(source, output=start + index, use=0)) for index in rest.tolist()]


def _device(name: str) -> torch.device:
    import torch

    if not isinstance(name, str):
        raise InvalidInput(f"device must be a str such as 'cuda' or 'cuda:1', not {type(name).__name__}")
    if re.fullmatch(r"cuda(:\d{1,3})?", name):
        if not torch.cuda.is_available():
            raise InvalidInput(f"device={name!r} needs an NVIDIA GPU, and PyTorch finds none: draw without device=")
        if torch.cuda.is_current_stream_capturing():
            raise InvalidInput("noise cannot be captured in a CUDA graph: every replay would repeat it")
        index = int(name[5:]) if name[5:] else torch.cuda.current_device()
        if index >= torch.cuda.device_count():
            raise InvalidInput(f"device={name!r} is not there: PyTorch finds {torch.cuda.device_count()} CUDA devices")
        extra("triton", name="gpu", purpose="noise on a GPU")
        return torch.device("cuda", index)
    triton = extra("triton", name="gpu", purpose="noise on a GPU")
    if not (name == "cpu" and triton.knobs.runtime.interpret):  # the tests interpret the kernels
        raise InvalidInput(f"device must be 'cuda' or one CUDA device such as 'cuda:1', got {name[:40]!r}")
    return torch.device("cpu")


@lru_cache(maxsize=_CACHED)
def _on_device(chosen: Table | Histogram, device: str) -> Sampler:
    """The kernels of a law and what they read, kept for the next call."""
    return _histogram(chosen, device) if isinstance(chosen, Histogram) else _table(chosen, device)


def _table(chosen: Table, device: str) -> Sampler:
    """The table as the arguments of `kernels.sample_table`.

    A column's limit is the first word that belongs to the alias. A column without alias has none, for the last such limit
    would be ``2**m``: its alias is its own symbol and its limit anything.
    """
    import torch

    from privlib.noise.gpu.kernels import sample_table
    from privlib.noise.gpu.launch import Sampler

    shift = chosen.word_bits - chosen.column_bits
    column = np.arange(chosen.values.size)
    whole = chosen.cut == np.uint64(1 << shift)
    limit = (column.astype(np.uint64) << np.uint64(shift)) + np.where(whole, np.uint64(0), chosen.cut)
    packed = chosen.word_bits == 32 and bool(np.abs(chosen.values).max() < 2**15)
    width = 16 if packed else 32
    field = chosen.values.copy()
    field[chosen.left] = -(1 << (width - 1))  # what the kernels take for LEFT
    field &= (1 << width) - 1
    pair = (field | field[np.where(whole, column, chosen.alias)] << width).astype(np.uint64)
    if packed:
        limit |= pair << np.uint64(32)
    elif chosen.word_bits == 32:
        limit = limit.astype(np.uint32)
    limits = torch.from_numpy(limit).to(device)
    arguments = {
        "limit": limits,
        "pair": limits if packed else torch.from_numpy(pair).to(device),
        "shift": 32 - chosen.column_bits,
        "PACKED": packed,
        "WORD_BITS": chosen.word_bits,
    }
    return Sampler(sample_table, arguments, word_bits=chosen.word_bits, share=_RARE)


def _histogram(chosen: Histogram, device: str) -> Sampler:
    """The histogram as the arguments of `histogram.sample_histogram` and `histogram.finish_histogram`.

    A limit is `Histogram.sure` cut to the first 16 bits of a; the second kernel and the host see the rest.
    """
    import torch

    from privlib.noise.gpu.histogram import finish_histogram, sample_histogram
    from privlib.noise.gpu.launch import Sampler

    most, accept_bits = (1 << _FIELD_BITS) - 1, chosen.accept_bits
    if (
        chosen.word_bits != _HISTOGRAM_WORD
        or chosen.column_bits > _FIELD_BITS
        or chosen.weight_bits - chosen.column_bits >= _FIELD_BITS
        or chosen.width_bits > _WIDEST
        or not 0 < accept_bits < _EXACT_FLOAT
    ):
        raise ValueError("this histogram does not fit the kernels")
    limit = np.array([min(int(bound) << _FIELD_BITS >> accept_bits, most) for bound in chosen.sure], dtype=np.uint64)
    columns = np.zeros_like(chosen.cut)
    for field in (chosen.cut, limit, chosen.alias.astype(np.uint64), limit[chosen.alias]):
        columns = columns << np.uint64(_FIELD_BITS) | field
    weights = np.array(chosen.weights, dtype=np.float64) / (1 << chosen.weight_bits)
    layout = {
        "columns": torch.from_numpy(columns).to(device),
        "column_bits": chosen.column_bits,
        "weight_bits": chosen.weight_bits,
        "width_bits": chosen.width_bits,
        "accept_bits": accept_bits,
        "two_sided": int(chosen.law.two_sided),
    }
    return Sampler(
        sample_histogram,
        layout,
        word_bits=chosen.word_bits,
        share=1 - float(weights @ limit[: weights.size]) / (1 << _FIELD_BITS),
        finish=finish_histogram,
        finish_arguments={
            **layout,
            "factors": torch.from_numpy(chosen.factor * 2.0**accept_bits).to(device),
            "curve": torch.tensor(chosen.law.curve, dtype=torch.float64, device=device),  # a float argument would be single
        },
    )


def _wrapped(k: int, bits: int) -> int:
    """The integer congruent to ``k`` modulo ``2**bits`` that a signed number of so many bits can hold."""
    return (k + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))

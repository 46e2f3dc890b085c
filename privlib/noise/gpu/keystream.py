"""ChaCha20 blocks as Triton code, in the order of RFC 8439: what every kernel here takes its words from.

One lane computes one block of 64 bytes: sixteen 32-bit or eight 64-bit words, each a vector over the lanes. Joined in
bit-reversed order they stand in stream order. Turn words into outputs before they are joined: then the compiler exchanges the
outputs through shared memory once, where it would exchange words three times (Triton 3.7.1: 6 barriers in place of 30).

The key travels as eight arguments of the launch. No tensor holds it, so it never lies in PyTorch's cache of device memory,
and `kernel` keeps Triton from specialising on it: otherwise Triton would compile, and keep on disk, code for those key words
that happen to be 1 or divisible by 16. (That is why the words are not one tuple: Triton 3.7.1 specialises what is inside.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import triton
import triton.language as tl

if TYPE_CHECKING:  # Triton's own types say what its compiler sees, not what its code may do
    constexpr: TypeAlias = Any
    tensor: TypeAlias = Any
else:
    from triton.language import constexpr, tensor

__all__ = ["block", "constexpr", "device_function", "in_stream_order_8", "in_stream_order_16", "kernel", "tensor", "words_64"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_NOT_COMPILED_IN = (
    *(f"key{i}" for i in range(8)),
    *("stream_low", "stream_high", "first_block", "skip", "size", "capacity", "shift"),
    *("column_bits", "weight_bits", "width_bits", "accept_bits", "two_sided"),
)
"""Arguments on whose values Triton must not specialise."""


def kernel(function: _Function) -> _Function:
    """Make a Triton kernel of a function; the key is no part of the compiled code."""
    return cast("_Function", triton.jit(do_not_specialize=_NOT_COMPILED_IN)(function))


def device_function(function: _Function) -> _Function:
    """Make a function that kernels can call."""
    return cast("_Function", triton.jit(function))


@device_function
def _rotate(x: tensor, n: constexpr) -> tensor:
    return (x << n) | (x >> (32 - n))


@device_function
def _quarter_round(a: tensor, b: tensor, c: tensor, d: tensor) -> tensor:
    a = a + b
    d = _rotate(d ^ a, 16)
    c = c + d
    b = _rotate(b ^ c, 12)
    a = a + b
    d = _rotate(d ^ a, 8)
    c = c + d
    b = _rotate(b ^ c, 7)
    return a, b, c, d


@device_function
def block(key_words: tensor, counter: tensor, domain: tensor, stream_low: tensor, stream_high: tensor) -> tensor:
    """The sixteen words of block ``counter``, a vector each: lane by lane one block.

    ``key_words`` is a tuple of eight 32-bit words, ``counter`` a vector of unsigned 32-bit integers.
    """
    z = tl.zeros_like(counter)
    k0, k1, k2, k3 = (
        z + key_words[0].to(tl.uint32),
        z + key_words[1].to(tl.uint32),
        z + key_words[2].to(tl.uint32),
        z + key_words[3].to(tl.uint32),
    )
    k4, k5, k6, k7 = (
        z + key_words[4].to(tl.uint32),
        z + key_words[5].to(tl.uint32),
        z + key_words[6].to(tl.uint32),
        z + key_words[7].to(tl.uint32),
    )
    n0, n1, n2 = z + domain, z + stream_low.to(tl.uint32), z + stream_high.to(tl.uint32)
    x0, x1, x2, x3 = z + 0x61707865, z + 0x3320646E, z + 0x79622D32, z + 0x6B206574
    x4, x5, x6, x7, x8, x9, xa, xb = k0, k1, k2, k3, k4, k5, k6, k7
    xc, xd, xe, xf = counter, n0, n1, n2
    for _ in tl.static_range(10):
        x0, x4, x8, xc = _quarter_round(x0, x4, x8, xc)
        x1, x5, x9, xd = _quarter_round(x1, x5, x9, xd)
        x2, x6, xa, xe = _quarter_round(x2, x6, xa, xe)
        x3, x7, xb, xf = _quarter_round(x3, x7, xb, xf)
        x0, x5, xa, xf = _quarter_round(x0, x5, xa, xf)
        x1, x6, xb, xc = _quarter_round(x1, x6, xb, xc)
        x2, x7, x8, xd = _quarter_round(x2, x7, x8, xd)
        x3, x4, x9, xe = _quarter_round(x3, x4, x9, xe)
    x0, x1, x2, x3 = x0 + 0x61707865, x1 + 0x3320646E, x2 + 0x79622D32, x3 + 0x6B206574
    x4, x5, x6, x7, x8, x9, xa, xb = x4 + k0, x5 + k1, x6 + k2, x7 + k3, x8 + k4, x9 + k5, xa + k6, xb + k7
    xc, xd, xe, xf = xc + counter, xd + n0, xe + n1, xf + n2
    return x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, xa, xb, xc, xd, xe, xf


@device_function
def _wide(low: tensor, high: tensor) -> tensor:
    return high.to(tl.uint64) << 32 | low


@device_function
def words_64(y: tensor) -> tensor:
    """The eight 64-bit words that sixteen 32-bit words are: two neighbours each, the low half first."""
    return (
        _wide(y[0], y[1]),
        _wide(y[2], y[3]),
        _wide(y[4], y[5]),
        _wide(y[6], y[7]),
        _wide(y[8], y[9]),
        _wide(y[10], y[11]),
        _wide(y[12], y[13]),
        _wide(y[14], y[15]),
    )


@device_function
def in_stream_order_8(y: tensor) -> tensor:
    """One vector that holds the eight values of the first lane, then those of the second lane, and so on."""
    even = tl.join(tl.join(y[0], y[4]), tl.join(y[2], y[6]))
    odd = tl.join(tl.join(y[1], y[5]), tl.join(y[3], y[7]))
    return tl.reshape(tl.join(even, odd), (y[0].shape[0] * 8,))


@device_function
def in_stream_order_16(y: tensor) -> tensor:
    """One vector that holds the sixteen values of the first lane, then those of the second lane, and so on."""
    even = tl.join(tl.join(tl.join(y[0], y[8]), tl.join(y[4], y[12])), tl.join(tl.join(y[2], y[10]), tl.join(y[6], y[14])))
    odd = tl.join(tl.join(tl.join(y[1], y[9]), tl.join(y[5], y[13])), tl.join(tl.join(y[3], y[11]), tl.join(y[7], y[15])))
    return tl.reshape(tl.join(even, odd), (y[0].shape[0] * 16,))

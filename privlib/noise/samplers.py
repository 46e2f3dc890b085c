"""The public draws: which law, which sampler, a fresh key, and nothing kept."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Real, exact
from privlib.errors import InvalidInput
from privlib.noise import fill, table, wide
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Geometric, Law, NegativeBinomial, RoundedGaussian
from privlib.noise.lazy import checked_size
from privlib.noise.stream import words
from privlib.proved import proved

if TYPE_CHECKING:
    import torch

__all__ = ["discrete_gaussian", "discrete_laplace", "geometric", "negative_binomial", "rounded_gaussian"]

Ints = NDArray[np.int64]
_INT32 = 2**31
_WORD_BITS = (64, 32)


@overload
def discrete_laplace(size: int, *, scale: Real, out: Ints | None = None, word_bits: int = 64) -> Ints: ...
@overload
def discrete_laplace(size: int, *, scale: Real, word_bits: int = 64, device: str, dtype: str = "int64") -> torch.Tensor: ...
@proved("noise.t4")
def discrete_laplace(
    size: int,
    *,
    scale: Real,
    out: Ints | None = None,
    word_bits: int = 64,
    device: str | None = None,
    dtype: str = "int64",
) -> Ints | torch.Tensor:
    """Draw discrete Laplace noise, exactly, under a fresh key from the operating system.

    Parameters
    ----------
    size : int
        How many, at most 2**32.
    scale : rational, 0 < scale <= 2**31
        The "b" of the law: ``P(k)`` is proportional to ``exp(-abs(k) / scale)``. Read by its decimal spelling.
    out : int64 array, shape (size,), optional
        Where to write instead of a new array; C-contiguous. Not with a device.
    word_bits : {64, 32}
        How many bits a sample of a narrow law begins with. 32 give the same exact law, faster, and other bytes; one sample in
        millions, instead of one in about ``2**53``, then takes a slower path, which a clock may see.
    device : str, optional
        ``"cuda"``, or one device such as ``"cuda:1"``, where the noise is made and stays.
    dtype : {"int64", "int32"}
        Of a device's tensor. As int32 the noise is the law modulo ``2**32``: add it in int32, which wraps alike.

    Returns
    -------
    int64 array, or torch.Tensor on the device, shape (size,)

    Raises
    ------
    InvalidInput
        For a size, scale out of range, or an argument that does not fit the others.
    MissingExtra
        For a device without PyTorch or Triton.

    Privacy
    -------
    Added to integers that two neighbours change by at most D in L1 norm, it gives pure epsilon ``D / scale``. The law is
    exact for ideal bits, and the bits are RFC 8439 ChaCha20 keyed by the operating system. Theorem: noise.t4.

    See Also
    --------
    privlib.noise.laws.DiscreteLaplace : probabilities, quantiles and intervals of the law.

    Examples
    --------
    >>> discrete_laplace(3, scale="0.02").shape
    (3,)
    """
    return _draw(size, DiscreteLaplace, out=out, word_bits=word_bits, device=device, dtype=dtype, scale=scale)


@overload
def discrete_gaussian(size: int, *, sigma2: Real, out: Ints | None = None, word_bits: int = 64) -> Ints: ...
@overload
def discrete_gaussian(size: int, *, sigma2: Real, word_bits: int = 64, device: str, dtype: str = "int64") -> torch.Tensor: ...
@proved("noise.t4")
def discrete_gaussian(
    size: int,
    *,
    sigma2: Real,
    out: Ints | None = None,
    word_bits: int = 64,
    device: str | None = None,
    dtype: str = "int64",
) -> Ints | torch.Tensor:
    """Draw discrete Gaussian noise, exactly, under a fresh key from the operating system.

    Parameters
    ----------
    size : int
        How many, at most 2**32.
    sigma2 : rational, 0 < sigma2 <= 2**64
        ``P(k)`` is proportional to ``exp(-k**2 / (2 sigma2))``: the square, not sigma. Read by its decimal spelling.
    out : int64 array, shape (size,), optional
        Where to write instead of a new array; C-contiguous. Not with a device.
    word_bits : {64, 32}
        How many bits a sample of a narrow law begins with. 32 give the same exact law, faster, and other bytes; one sample in
        millions, instead of one in about ``2**53``, then takes a slower path, which a clock may see.
    device : str, optional
        ``"cuda"``, or one device such as ``"cuda:1"``, where the noise is made and stays.
    dtype : {"int64", "int32"}
        Of a device's tensor. As int32 the noise is the law modulo ``2**32``: add it in int32, which wraps alike.

    Returns
    -------
    int64 array, or torch.Tensor on the device, shape (size,)

    Raises
    ------
    InvalidInput
        For a size, sigma2 out of range, or an argument that does not fit the others.
    MissingExtra
        For a device without PyTorch or Triton.

    Privacy
    -------
    Added to integers that two neighbours change by at most D in L2 norm, it gives zCDP with rho = ``D**2 / (2 sigma2)``. For
    an (epsilon, delta) or GDP statement about vectors take `rounded_gaussian`. The law is exact for ideal bits, and the bits
    are RFC 8439 ChaCha20 keyed by the operating system. Theorem: noise.t4.

    See Also
    --------
    privlib.noise.laws.DiscreteGaussian : probabilities, quantiles and intervals of the law.

    Examples
    --------
    >>> discrete_gaussian(3, sigma2=10**12).dtype
    dtype('int64')
    """
    return _draw(size, DiscreteGaussian, out=out, word_bits=word_bits, device=device, dtype=dtype, sigma2=sigma2)


@overload
def rounded_gaussian(size: int, *, sigma2: Real, out: Ints | None = None, word_bits: int = 64) -> Ints: ...
@overload
def rounded_gaussian(size: int, *, sigma2: Real, word_bits: int = 64, device: str, dtype: str = "int64") -> torch.Tensor: ...
@proved("noise.t4")
def rounded_gaussian(
    size: int,
    *,
    sigma2: Real,
    out: Ints | None = None,
    word_bits: int = 64,
    device: str | None = None,
    dtype: str = "int64",
) -> Ints | torch.Tensor:
    """Draw Gaussian noise rounded to integers, exactly, under a fresh key from the operating system.

    Parameters
    ----------
    size : int
        How many, at most 2**32.
    sigma2 : rational, 0 < sigma2 <= 2**64
        The variance of the Gaussian before it is rounded. Read by its decimal spelling.
    out : int64 array, shape (size,), optional
        Where to write instead of a new array; C-contiguous. Not with a device.
    word_bits : {64, 32}
        How many bits a sample of a narrow law begins with. 32 give the same exact law, faster, and other bytes; one sample in
        millions, instead of one in about ``2**53``, then takes a slower path, which a clock may see.
    device : str, optional
        ``"cuda"``, or one device such as ``"cuda:1"``, where the noise is made and stays.
    dtype : {"int64", "int32"}
        Of a device's tensor. As int32 the noise is the law modulo ``2**32``: add it in int32, which wraps alike.

    Returns
    -------
    int64 array, or torch.Tensor on the device, shape (size,)

    Raises
    ------
    InvalidInput
        For a size, sigma2 out of range, or an argument that does not fit the others.
    MissingExtra
        For a device without PyTorch or Triton.

    Privacy
    -------
    Added to an integer vector that two neighbours change by at most D in L2 norm, it is the continuous Gaussian mechanism,
    rounded: mu-GDP with ``mu**2 = D**2 / sigma2``, under adaptive composition and every accounting of that mechanism. The law
    is exact for ideal bits, and the bits are RFC 8439 ChaCha20 keyed by the operating system. Theorem: noise.t4.

    See Also
    --------
    privlib.noise.laws.RoundedGaussian : probabilities, quantiles and intervals of the law.

    Examples
    --------
    >>> rounded_gaussian(3, sigma2=100).shape
    (3,)
    """
    return _draw(size, RoundedGaussian, out=out, word_bits=word_bits, device=device, dtype=dtype, sigma2=sigma2)


@overload
def geometric(size: int, *, scale: Real, out: Ints | None = None, word_bits: int = 64) -> Ints: ...
@overload
def geometric(size: int, *, scale: Real, word_bits: int = 64, device: str, dtype: str = "int64") -> torch.Tensor: ...
@proved("noise.t4")
def geometric(
    size: int,
    *,
    scale: Real,
    out: Ints | None = None,
    word_bits: int = 64,
    device: str | None = None,
    dtype: str = "int64",
) -> Ints | torch.Tensor:
    """Draw one-sided geometric noise, exactly, under a fresh key from the operating system.

    Parameters
    ----------
    size : int
        How many, at most 2**32.
    scale : rational, 0 < scale <= 2**31
        ``P(n) = (1-q) q**n`` with ``q = exp(-1/scale)``, n = 0, 1, ... Read by its decimal spelling.
    out : int64 array, shape (size,), optional
        Where to write instead of a new array; C-contiguous. Not with a device.
    word_bits : {64, 32}
        How many bits a sample of a narrow law begins with. 32 give the same exact law, faster, and other bytes; one sample in
        millions, instead of one in about ``2**53``, then takes a slower path, which a clock may see.
    device : str, optional
        ``"cuda"``, or one device such as ``"cuda:1"``, where the noise is made and stays.
    dtype : {"int64", "int32"}
        Of a device's tensor. As int32 the noise is the law modulo ``2**32``: add it in int32, which wraps alike.

    Returns
    -------
    int64 array, or torch.Tensor on the device, shape (size,)

    Raises
    ------
    InvalidInput
        For a size, scale out of range, or an argument that does not fit the others.
    MissingExtra
        For a device without PyTorch or Triton.

    Privacy
    -------
    Alone it protects nobody: a release of ``x + n`` says that the value is not above it. The difference of two is discrete
    Laplace. Theorem: noise.t4.

    Examples
    --------
    >>> int(geometric(100, scale=3).min()) >= 0
    True
    """
    return _draw(size, Geometric, out=out, word_bits=word_bits, device=device, dtype=dtype, scale=scale)


@overload
def negative_binomial(size: int, *, shape: Real, scale: Real, out: Ints | None = None, word_bits: int = 64) -> Ints: ...
@overload
def negative_binomial(
    size: int, *, shape: Real, scale: Real, word_bits: int = 64, device: str, dtype: str = "int64"
) -> torch.Tensor: ...
@proved("noise.t4")
def negative_binomial(
    size: int,
    *,
    shape: Real,
    scale: Real,
    out: Ints | None = None,
    word_bits: int = 64,
    device: str | None = None,
    dtype: str = "int64",
) -> Ints | torch.Tensor:
    """Draw negative binomial noise, exactly, under a fresh key: shares of geometric noise.

    Parameters
    ----------
    size : int
        How many, at most 2**32.
    shape : rational > 0
        Shapes of independent shares add; shares that add up to 1 are geometric together.
    scale : rational > 0
        As for `geometric`; scale, and shape times scale, are at most 2**10. Both are read by their decimal spelling.
    out : int64 array, shape (size,), optional
        Where to write instead of a new array; C-contiguous. Not with a device.
    word_bits : {64, 32}
        How many bits a sample of a narrow law begins with. 32 give the same exact law, faster, and other bytes; one sample in
        millions, instead of one in about ``2**53``, then takes a slower path, which a clock may see.
    device : str, optional
        ``"cuda"``, or one device such as ``"cuda:1"``, where the noise is made and stays.
    dtype : {"int64", "int32"}
        Of a device's tensor. As int32 the noise is the law modulo ``2**32``: add it in int32, which wraps alike.

    Returns
    -------
    int64 array, or torch.Tensor on the device, shape (size,)

    Raises
    ------
    InvalidInput
        For a size, shape or scale out of range, or an argument that does not fit the others.
    MissingExtra
        For a device without PyTorch or Triton.

    Privacy
    -------
    One share alone protects nobody: shares must stay masked until they are added up. Theorem: noise.t4.

    Examples
    --------
    >>> negative_binomial(3, shape="1/5", scale=10).shape
    (3,)
    """
    return _draw(size, NegativeBinomial, out=out, word_bits=word_bits, device=device, dtype=dtype, shape=shape, scale=scale)


def _draw(
    size: int, law: type[Law], *, out: Ints | None, word_bits: int, device: str | None, dtype: str, **parameters: Real
) -> Ints | torch.Tensor:
    count, chosen = checked_size(size), _ready(law, word_bits, parameters)
    if device is None:
        if dtype != "int64":
            raise InvalidInput("dtype is for a device: on the processor noise is int64")
        return fill.draw(words(), chosen, start=0, size=count, out=out)
    if out is not None:
        raise InvalidInput("out is for the processor: on a device noise is a new tensor")
    if dtype == "int32" and isinstance(chosen, wide.Histogram) and chosen.law.reach >= _INT32:
        raise InvalidInput("this law is too wide for int32, where most of it would wrap: take dtype='int64'")
    from privlib.noise import gpu

    return gpu.draw(words(), chosen, start=0, size=count, dtype=dtype, device=device)


def _ready(law: type[Law], word_bits: int, parameters: dict[str, Real]) -> table.Table | wide.Histogram:
    if type(word_bits) is not int or word_bits not in _WORD_BITS:
        raise InvalidInput(f"word_bits must be 64 or 32, got {str(word_bits)[:40]!r}")
    try:
        return _prepared(law, word_bits, **parameters)
    except TypeError:  # what cannot be hashed is no number either
        return _prepared.__wrapped__(law, word_bits, **parameters)


@lru_cache(maxsize=64, typed=True)
def _prepared(law: type[Law], word_bits: int, **parameters: Real) -> table.Table | wide.Histogram:
    """The sampler of a law by its parameters as they are spelt: a look-up is cheaper than to read them again."""
    chosen = law(**{name: exact(value, name=name) for name, value in parameters.items()})
    return sampler(chosen, word_bits)


@lru_cache(maxsize=32)
def sampler(law: Law, word_bits: int = 64) -> table.Table | wide.Histogram:
    """The table of a narrow law, the histogram of a wide one; kept for the next call."""
    return wide.histogram(law) if wide.is_wide(law) else table.table(law, word_bits)

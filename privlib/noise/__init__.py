"""Exact integer noise: the law is the stated one, bit for bit, and the bits are ChaCha20 keyed by the operating system.

``discrete_laplace``, ``discrete_gaussian``, ``rounded_gaussian``, ``geometric``, ``negative_binomial``, ``bernoulli``,
``bernoulli_exp`` and ``integers`` draw; `privlib.noise.laws` has the laws themselves. There is no seed and no generator object.
Tests inject randomness through `privlib.noise.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privlib.noise.lazy import bernoulli, bernoulli_exp, integers
    from privlib.noise.samplers import discrete_gaussian, discrete_laplace, geometric, negative_binomial, rounded_gaussian
else:  # on first use, so that privlib.noise.stream needs no numpy

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = "lazy" if name in {"bernoulli", "bernoulli_exp", "integers"} else "samplers"
        return getattr(import_module(f"{__name__}.{home}"), name)


__all__ = [
    "bernoulli",
    "bernoulli_exp",
    "discrete_gaussian",
    "discrete_laplace",
    "geometric",
    "integers",
    "negative_binomial",
    "rounded_gaussian",
]

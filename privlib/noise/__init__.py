"""Exact integer noise: the law is the stated one, bit for bit, and the bits are the operating system's.

``discrete_laplace`` and ``bernoulli`` draw; `privlib.noise.laws` has the laws themselves. There is no seed and no
generator object. Tests inject randomness through `privlib.noise.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privlib.noise.lazy import bernoulli
    from privlib.noise.table import discrete_laplace
else:  # on first use, so that privlib.noise.stream needs no numpy

    def __getattr__(name: str) -> object:
        from importlib import import_module

        home = {"bernoulli": "lazy", "discrete_laplace": "table"}.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{home}"), name)


__all__ = ["bernoulli", "discrete_laplace"]

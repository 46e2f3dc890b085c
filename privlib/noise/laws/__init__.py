"""The exact laws of the noise, with certified probabilities. No randomness here.

Each is a frozen value with ``pmf``, ``cdf``, ``sf``, ``quantile``, ``confidence_interval``, ``tail_bound`` and ``variance``.
"""

from privlib.noise.laws.gaussian import DiscreteGaussian, RoundedGaussian
from privlib.noise.laws.laplace import MAX_SCALE, DiscreteLaplace, Geometric, NegativeBinomial
from privlib.noise.laws.law import Curve, Law, WideLaw

__all__ = [
    "MAX_SCALE",
    "Curve",
    "DiscreteGaussian",
    "DiscreteLaplace",
    "Geometric",
    "Law",
    "NegativeBinomial",
    "RoundedGaussian",
    "WideLaw",
]

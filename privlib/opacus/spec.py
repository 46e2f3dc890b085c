"""Everything public about a private training, fixed before a record is seen, and what it may leak."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import comb

from privlib.accounting import training_epsilon
from privlib.accounting.rounding import up
from privlib.bounds import Bound, Neighbours, Real, decimal, exact, exact_int, exact_share
from privlib.certificate import fingerprint_of
from privlib.certified import ceil_div, exp_negative, log
from privlib.errors import InvalidInput

__all__ = ["CLIP_BITS", "Spec", "renyi_epsilon"]

CLIP_BITS = 22
"""The clipping norm is ``2**21`` to ``2**22`` steps of the grid."""

_MULTIPLIERS = Fraction(1, 10), Fraction(2**10)  # less noise protects nobody; more would not keep sigma2 within 2**64
_MOST_EPSILON = 50
_NORMS = Fraction(1, 2**60), Fraction(2**60)  # powers of two of the grid are then normal numbers of every float type
_MOST_RECORDS = 2**40
_LARGEST_ORDER = 512
_BITS = 128
_ONE = 1 << _BITS


@dataclass(frozen=True, init=False)
class Spec:
    """The public plan of a private training. Nothing in it may be read off the data, not even how many records there are.

    Parameters
    ----------
    noise_multiplier : rational, 0.1 <= noise_multiplier <= 1024
        The standard deviation of the noise over the clipping norm. Read by its decimal spelling, like all rationals.
    max_grad_norm : rational
        The L2 norm to which the gradient of each record is clipped, from ``2**-60`` to ``2**60``.
    batch_size : int >= 1
        How many records a batch has on average.
    expected_n : int >= batch_size
        A public guess of the number of records. Every record enters a batch with probability ``batch_size / expected_n``.
    steps : int >= 1
        How many batches may be trained on; further steps are refused.
    delta : rational, 0 < delta < 1
        The delta of the bound.

    Raises
    ------
    InvalidInput
        For anything out of range.

    Privacy
    -------
    Neighbours: one record more or fewer. See `bound`. Theorem: opacus.t1, under the condition that `privlib.opacus` states.

    Examples
    --------
    >>> spec = Spec(noise_multiplier=1, max_grad_norm=1, batch_size=64, expected_n=6400, steps=1000, delta="1e-5")
    >>> print(spec.bound)
    epsilon = 2.10775307545157, delta = 1e-05 (approx), neighbours: add_remove
    >>> spec.sample_rate, round(spec.epsilon(), 4)
    (Fraction(1, 100), 1.8384)
    """

    noise_multiplier: Fraction
    max_grad_norm: Fraction
    batch_size: int
    expected_n: int
    steps: int
    delta: Fraction

    def __init__(
        self, *, noise_multiplier: Real, max_grad_norm: Real, batch_size: int, expected_n: int, steps: int, delta: Real
    ) -> None:
        multiplier, norm = exact(noise_multiplier, name="noise_multiplier"), exact(max_grad_norm, name="max_grad_norm")
        if not _MULTIPLIERS[0] <= multiplier <= _MULTIPLIERS[1]:
            raise InvalidInput(f"noise_multiplier must lie in [0.1, 1024], got {str(noise_multiplier)[:40]}")
        if not _NORMS[0] <= norm <= _NORMS[1]:
            raise InvalidInput(f"max_grad_norm must lie in [2**-60, 2**60], got {norm}")
        batch_size = exact_int(batch_size, name="batch_size", most=_MOST_RECORDS)
        expected_n = exact_int(expected_n, name="expected_n", most=_MOST_RECORDS)
        if batch_size > expected_n:
            raise InvalidInput(f"expected_n must be at least the batch size {batch_size}, got {expected_n}")
        fields = {
            "noise_multiplier": multiplier,
            "max_grad_norm": norm,
            "batch_size": batch_size,
            "expected_n": expected_n,
            "steps": exact_int(steps, name="steps", most=_MOST_RECORDS),
            "delta": exact_share(delta, name="delta"),
        }
        for name, given in fields.items():
            object.__setattr__(self, name, given)

    @property
    def sample_rate(self) -> Fraction:
        """The probability with which each record enters a batch, independently."""
        return Fraction(self.batch_size, self.expected_n)

    @property
    def batches(self) -> int:
        """Batches in an epoch: so many that a record is in one of them on average, or a little less."""
        return self.expected_n // self.batch_size

    @cached_property
    def grid(self) -> int:
        """Gradients become integers in steps of ``2**-grid``: the finest for which the clipping norm has at most 22 bits."""
        whole = self.max_grad_norm.numerator.bit_length() - self.max_grad_norm.denominator.bit_length()
        grid = CLIP_BITS - whole + 1
        while self.max_grad_norm * Fraction(2) ** grid > 1 << CLIP_BITS:
            grid -= 1
        return grid

    @property
    def clip(self) -> int:
        """The clipping norm in steps of the grid, rounded down: the exact L2 sensitivity of the sum of a batch."""
        return int(self.max_grad_norm * Fraction(2) ** self.grid)

    @property
    def sigma2(self) -> Fraction:
        """The variance of the Gaussian noise in steps of the grid, before it is rounded."""
        return (self.noise_multiplier * self.clip) ** 2

    @cached_property
    def bound(self) -> Bound:
        """What the whole training may leak: certified, from the Rényi divergence of the sampled Gaussian mechanism.

        It is what a ledger is charged. It is exact arithmetic on Rényi divergences of integer orders, and a few
        to 20 percent above `epsilon`, the sharper figure of an accountant that computes in floats.
        """
        epsilon = renyi_epsilon(self.noise_multiplier, self.sample_rate, self.steps, self.delta)
        return Bound.approx(epsilon, self.delta, neighbours=Neighbours.ADD_REMOVE)

    def epsilon(self, delta: Real | None = None, *, steps: int | None = None) -> float:
        """The epsilon that Opacus' PRV accountant gives: an upper bound up to the rounding of its floats.

        Where the certified bound is above 50, which protects nobody, it is that bound: the accountant's memory would not do.

        Parameters
        ----------
        delta : rational, optional
            Default: the plan's.
        steps : int, optional
            Default: the plan's.

        Returns
        -------
        float
        """
        wanted = self.delta if delta is None else exact(delta, name="delta")
        certified = renyi_epsilon(self.noise_multiplier, self.sample_rate, self.steps if steps is None else steps, wanted)
        if certified > _MOST_EPSILON:
            return float(certified)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Optimal order is")  # of the grid on which it then computes
            found = training_epsilon(
                noise_multiplier=self.noise_multiplier,
                sample_rate=self.sample_rate,
                steps=self.steps if steps is None else steps,
                delta=self.delta if delta is None else delta,
                accountant="prv",
            )
        return max(0.0, found)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the whole plan, as it stands in a ledger."""
        return fingerprint_of(self.to_dict())

    def to_dict(self) -> dict[str, str | int]:
        """The plan as plain values, exact."""
        return {
            "noise_multiplier": str(self.noise_multiplier),
            "max_grad_norm": str(self.max_grad_norm),
            "batch_size": self.batch_size,
            "expected_n": self.expected_n,
            "steps": self.steps,
            "delta": str(self.delta),
            "neighbours": str(Neighbours.ADD_REMOVE),
        }

    def __repr__(self) -> str:
        return (
            f"Spec(noise_multiplier={decimal(self.noise_multiplier)}, max_grad_norm={decimal(self.max_grad_norm)}, "
            f"batch_size={self.batch_size}, expected_n={self.expected_n}, steps={self.steps}, delta={decimal(self.delta)})"
        )


def renyi_epsilon(noise_multiplier: Fraction, sample_rate: Fraction, steps: int, delta: Fraction) -> Fraction:
    """An epsilon for a number of sampled Gaussian mechanisms with sensitivity 1, rounded up to 15 digits.

    Parameters
    ----------
    noise_multiplier : Fraction > 0
        The standard deviation m of the noise.
    sample_rate : Fraction
        The probability q of every record, ``0 < q <= 1``.
    steps : int >= 1
        How many.
    delta : Fraction
        ``0 < delta < 1``.

    Returns
    -------
    Fraction

    Notes
    -----
    At an integer order ``a >= 2`` the Rényi divergence of one step is at most ``log(M) / (a - 1)`` with ``M`` the sum over
    k = 0, ..., a of ``comb(a, k) (1-q)**(a-k) q**k exp(k (k-1) / (2 m**2))``. Divergences add, and convert to epsilon as
    ``(steps log(M) + log(1 / (a delta))) / (a - 1) + log((a-1) / a)``. Every order is valid; they are tried upwards, in
    growing steps, until epsilon grows.

    References
    ----------
    Mironov, Talwar and Zhang (2019), Rényi differential privacy of the sampled Gaussian mechanism, sections 3.1 and 3.3; the
    conversion is that of Canonne, Kamath and Steinke (2020), proposition 12.
    """
    growth = _exp_from_above(1 / noise_multiplier**2)
    powers, ratio = [_ONE, _ONE], growth  # of k = 0, 1, ... and what leads from the last one to the next, in units of 2**-128
    inside, outside, whole = sample_rate.numerator, sample_rate.denominator - sample_rate.numerator, sample_rate.denominator

    def at(order: int) -> Fraction:
        nonlocal ratio
        while len(powers) <= order:
            powers.append(ceil_div(powers[-1] * ratio, _ONE))
            ratio = ceil_div(ratio * growth, _ONE)
        total = sum(comb(order, k) * outside ** (order - k) * inside**k * powers[k] for k in range(order + 1))
        moment = Fraction(ceil_div(total, whole**order), _ONE)
        loss = Fraction(steps * log(moment, _BITS)[1] + log(1 / (order * delta), _BITS)[1], order - 1)
        return (loss + log(Fraction(order - 1, order), _BITS)[1]) / _ONE

    order, step, best = 2, 1, at(2)
    while order < _LARGEST_ORDER and (found := at(order + step)) < best:
        order, best = order + step, found
        step = max(1, order // 8)
    best = min([best, *map(at, range(order + 1, order + step))])  # a moment may grow suddenly, between two that were tried
    return up(best.numerator, best.denominator)


def _exp_from_above(exponent: Fraction) -> int:
    """``2**128 exp(exponent)``, rounded up."""
    bits = _BITS + 2 * int(exponent) + 2
    return ceil_div(1 << bits + _BITS, exp_negative(exponent, bits)[0])

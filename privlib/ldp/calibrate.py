"""The odds at which randomisers may run, so that a report keeps within what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Literal

from privlib.bounds import Real, exact
from privlib.certified import exp_negative
from privlib.errors import InvalidInput
from privlib.ldp.guarantee import guarantee
from privlib.ldp.oracles import root
from privlib.ldp.parts import Part, Scheme, build, scheme_of

__all__ = ["Calibration", "Level", "amplified", "calibrated", "read_odds"]

Level = Literal["record", "attribute"]
"""Between which records a cap is meant: any two, or two that differ in one attribute."""
Calibration = Literal["exact", "paper"]
"""Whether randomisers run at what the cap allows, or at what arXiv 2109.07269 says."""

_BITS = 40  # odds are rounded down by less than a factor of 1 + 2**-40
_LARGEST_EPSILON = 10_000


def read_odds(epsilon: Real | None, odds: Real | None, *, name: str = "") -> Fraction:
    """Read a cap: odds as they are, or e^epsilon rounded down to a fraction.

    Parameters
    ----------
    epsilon, odds : rational
        One of them; epsilon above 0, or odds above 1.
    name : str
        What stands before their names in messages.

    Returns
    -------
    Fraction
        At most ``exp(epsilon)``, and less than it by a factor of ``1 + 2**-40`` at most.

    Raises
    ------
    InvalidInput
        For none or both, or a cap that allows nothing.

    Examples
    --------
    >>> read_odds(None, 3), float(read_odds(1, None))
    (Fraction(3, 1), 2.718281828458...)
    """
    if (epsilon is None) == (odds is None):
        raise InvalidInput(f"give {name}epsilon or {name}odds, one of them")
    if odds is not None:
        given = exact(odds, name=f"{name}odds")
        if given <= 1:
            raise InvalidInput(f"{name}odds must be > 1, got {str(given)[:40]}")
        return given
    loss = exact(0 if epsilon is None else epsilon, name=f"{name}epsilon")
    if not 0 < loss <= _LARGEST_EPSILON:
        raise InvalidInput(f"{name}epsilon must be > 0 and at most {_LARGEST_EPSILON}, got {str(loss)[:40]}")
    fine = _BITS + max(0, (loss.denominator // loss.numerator).bit_length())  # of a small epsilon, e^epsilon - 1 is small too
    bits = 2 * int(loss) + 2 * fine + 8
    _, high = exp_negative(loss, bits)
    whole = (1 << (bits + fine)) // high
    if whole <= 1 << fine:
        raise InvalidInput(f"{name}epsilon is too small to be of any use, got {str(loss)[:40]}")
    return Fraction(whole, 1 << fine)


def amplified(odds: Fraction, attributes: int) -> Fraction:
    """The odds at which arXiv 2109.07269 runs the randomiser of the attribute drawn."""
    return attributes * (odds - 1) + 1


def calibrated(
    protocol: str,
    sizes: Sequence[int],
    cap: Fraction,
    *,
    level: Level,
    calibration: Calibration = "exact",
    weights: Sequence[Fraction] | Literal["equalised"] | None = None,
    priors: Sequence[Sequence[Fraction]] | None = None,
) -> tuple[Part, ...]:
    """The parts of a protocol that keep a cap and lose as little as possible.

    Parameters
    ----------
    protocol : str
        Its name.
    sizes : sequence of int
        How many values each attribute has.
    cap : Fraction
        The odds allowed.
    level : {"record", "attribute"}
        Between which records.
    calibration : {"exact", "paper"}
        ``"paper"`` runs RS+FD at the published odds whatever the cap means; the guarantee then tells what that costs.
    weights, priors
        As for `privlib.ldp.parts.build`. ``"equalised"`` weights make all attributes leak alike, which restores the published
        amplification for unequal domains; for fakes that are uniform values or reports of nothing.

    Returns
    -------
    tuple of Part
    """
    scheme, count = scheme_of(protocol), len(sizes)

    def at(odds: Fraction) -> tuple[Part, ...]:
        shares = _equalising(protocol, sizes, odds) if weights == "equalised" else weights
        return build(protocol, sizes, [odds] * count, weights=shares, priors=priors)

    if scheme is Scheme.SPL:
        return at(root(cap, count) if level == "record" else cap)
    if scheme is Scheme.SMP or (level == "record" and calibration == "exact"):
        return at(cap)
    if calibration == "paper":
        return at(amplified(cap, count))
    return _largest(at, cap, amplified(cap, count))


def _largest(at: Callable[[Fraction], tuple[Part, ...]], cap: Fraction, most: Fraction) -> tuple[Part, ...]:
    """The parts at the largest odds for which the attribute guarantee keeps the cap, found by halving, rounded down."""

    def keeps(parts: tuple[Part, ...]) -> bool:
        return guarantee(Scheme.RSFD, parts).attribute <= cap

    whole = at(most)
    if keeps(whole):
        return whole
    low, high = cap, most  # at the cap itself every report keeps it: no attribute leaks more than a record
    best = at(low)
    while (high - low) * (1 << _BITS) > low - 1:
        middle = (low + high) / 2
        middle = Fraction(middle.numerator * (1 << 2 * _BITS) // middle.denominator, 1 << 2 * _BITS)
        if not low < middle < high:
            break
        tried = at(middle)
        if keeps(tried):
            low, best = middle, tried
        else:
            high = middle
    return best


def _equalising(protocol: str, sizes: Sequence[int], odds: Fraction) -> list[Fraction]:
    """Weights inverse to the least that each attribute's own report says, so that all attributes leak alike."""
    parts = build(protocol, sizes, [odds] * len(sizes))
    return [1 / _least(part) for part in parts]


def _least(part: Part) -> Fraction:
    oracle = part.oracle
    if part.fake is None:
        return (1 - oracle.hit) / (1 - oracle.miss)
    return oracle.miss * part.size

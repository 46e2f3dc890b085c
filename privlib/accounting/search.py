"""The last parameter that still meets a target: floats choose where to look, exact comparisons decide."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

__all__ = ["bracket", "log_of"]

_STEPS = 400
_PATIENCE = 4
_EDGE = 2.0**-40
_LEAST = 1e-300
_KEPT = 64


def bracket(
    loss: Callable[[Fraction], Fraction], target: Fraction, *, unsafe: Fraction, safe: Fraction, precision: int = 52
) -> tuple[Fraction, Fraction]:
    """Move two places towards each other, between which ``loss`` passes ``target``.

    Parameters
    ----------
    loss : callable
        An upper bound on a delta, monotone between the two places up to its own precision.
    target : Fraction > 0
        What the loss may reach.
    unsafe, safe : Fraction
        Two places; the loss at ``safe`` is at most the target, that at ``unsafe`` above it.
    precision : int
        When to stop: the places differ in this bit.

    Returns
    -------
    tuple of Fraction
        ``(unsafe, safe)``. The loss was compared with the target at both, and found above it at the one, unless that did not
        move, and not above it at the other, unless that did not.

    Notes
    -----
    False position in the logarithm of the loss, where an end that stays put counts half (the Illinois rule), and a bisection
    where four steps did less than four bisections.
    """
    above, below = _height(loss(unsafe), target), min(_height(loss(safe), target), -_LEAST)
    width, side = abs(safe - unsafe), 0
    for step in range(_STEPS):
        gap = safe - unsafe
        if abs(gap) * 2**precision <= max(abs(safe), abs(unsafe)):
            break
        share = above / (above - below) if above > 0 and math.isfinite(above - below) else 0.5
        if step % _PATIENCE == _PATIENCE - 1:
            share = 0.5 if abs(gap) * 4 > width else share
            width = abs(gap)
        middle = _short(unsafe + gap * Fraction(min(max(share, _EDGE), 1 - _EDGE)), abs(gap))
        found = loss(middle)
        if found <= target:
            safe, below = middle, min(_height(found, target), -_LEAST)
            above, side = (above / 2 if side < 0 else above), -1
        else:
            unsafe, above = middle, _height(found, target)
            below, side = (below / 2 if side > 0 else below), 1
    return unsafe, safe


def _height(found: Fraction, target: Fraction) -> float:
    """``log(found / target)``, also where that is tiny."""
    ratio = found / target
    return math.log1p(ratio - 1) if Fraction(1, 2) < ratio < 2 else log_of(ratio)


def log_of(value: Fraction) -> float:
    """The logarithm of a positive rational of any size; for 0 that of a very small one."""
    return math.log(value.numerator) - math.log(value.denominator) if value > 0 else -1e6


def _short(place: Fraction, gap: Fraction) -> Fraction:
    """A nearby rational with few digits, so that they do not pile up: off by less than ``2**-64`` of the bracket."""
    bits = _KEPT + gap.denominator.bit_length() - gap.numerator.bit_length()
    scale = Fraction(2) ** bits
    return Fraction(round(place * scale)) / scale

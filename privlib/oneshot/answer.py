"""The released answer: noisy integers on the grid, their certificate, and what an analyst asks of them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import inf, nextafter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Bound, Real
from privlib.certificate import reread, write
from privlib.errors import InvalidInput
from privlib.oneshot.spec import Spec

__all__ = ["Answer"]

KIND = "oneshot.answer"
THEOREM = "noise.t5"
_FLOAT_ERROR = 2.0**-49
"""More than four roundings of a float64 can move a number, relatively."""
Floats = NDArray[np.float64]


class Answer:
    """A released query. Everything here is public; no method sees data again.

    Parameters
    ----------
    spec : Spec
        The public plan.
    noisy : int64 array, shape (spec.size,)
        The released integers, in steps; copied.
    head : dict or None
        The charge in the ledger, None where no ledger was given.
    secure : bool
        False for what was made in test mode.

    Attributes
    ----------
    spec, bound, theorem, head, secure
        The certificate.
    noisy : int64 array
        The released integers, exact: the value is ``noisy * spec.grid.step``.
    """

    theorem = THEOREM

    def __init__(self, spec: Spec, *, noisy: NDArray[np.int64], head: Mapping[str, Any] | None, secure: bool) -> None:
        steps = np.array(noisy)
        if steps.dtype != np.int64 or steps.shape != (spec.size,):
            raise InvalidInput(f"noisy must be {spec.size} integers of dtype int64, one for each value of the plan")
        steps.flags.writeable = False
        self.spec, self.noisy, self.head, self.secure = spec, steps, head, secure

    @property
    def bound(self) -> Bound:
        """What the release may leak, all values together."""
        return self.spec.bound

    @property
    def value(self) -> Floats:
        """The answer in the query's unit, shape (size,). It may lie outside the range: clipping would bias it."""
        return self.noisy.astype(np.float64) * float(self.spec.grid.step)

    @property
    def exact(self) -> list[Fraction]:
        """The answer in the query's unit, without any rounding."""
        return [step * self.spec.grid.step for step in self.noisy.tolist()]

    @property
    def stderr(self) -> float:
        """The standard deviation of the noise on each value; rounding to the grid moved each by at most half a step."""
        return self.spec.stderr

    def interval(self, confidence: Real = "0.95") -> tuple[Floats, Floats]:
        """Limits for each value of the query as clipped to the range, from the exact law of the noise.

        Parameters
        ----------
        confidence : rational in (0, 1)
            Read by its decimal spelling.

        Returns
        -------
        lower, upper : float arrays, shape (size,)
            Each covers its value with at least the confidence: noise and rounding are in them, and floats are rounded outwards.
            Sampling error is not: they are limits for the query on these people. They stay inside the public range, so noise
            that lands far outside it leaves an interval of no width at one end.
        """
        grid, reach = self.spec.grid, self.spec.law.confidence_interval(confidence)[1]
        half = float((reach + (0 if self.spec.integer else Fraction(1, 2))) * grid.step)
        wider = half + _FLOAT_ERROR * (np.abs(self.value) + half)
        low, high = _outwards(grid.lower, -inf), _outwards(grid.upper, inf)
        return np.clip(self.value - wider, low, high), np.clip(self.value + wider, low, high)

    def summary(self) -> str:
        """The certificate as text, and the values of a short answer with their 95 % intervals."""
        charged = "none given" if self.head is None else f"row {self.head.get('seq')}, {str(self.head.get('digest'))[:12]}..."
        lines = [self.spec.explain(), f"Theorem      {self.theorem}", f"Ledger       {charged}"]
        if not self.secure:
            lines.append("NOT SECURE   made in test mode: protects nobody")
        if self.spec.size <= 10:
            lower, upper = self.interval()
            for value, low, high in zip(self.value, lower, upper, strict=True):
                lines.append(f"Value        {value:.6g} (95 % interval {low:.6g} to {high:.6g})")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The release as canonical JSON: noisy integers, plan, bound, theorem, ledger head, digest."""
        return write(
            KIND, self.spec, noisy=self.noisy.tolist(), bound=self.bound, theorem=self.theorem, head=self.head, secure=self.secure
        )

    @classmethod
    def from_json(cls, text: str) -> Answer:
        """Read a release and check all that can be checked without a ledger.

        Raises
        ------
        TamperedRelease
            When the text is not what `to_json` writes, or its bound does not follow from its plan.
        """
        return reread(
            text,
            KIND,
            spec=Spec.from_dict,
            theorem=THEOREM,
            size=lambda spec: spec.size,
            release=lambda spec, noisy, head, secure: cls(spec, noisy=np.array(noisy, dtype=np.int64), head=head, secure=secure),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answer) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __repr__(self) -> str:
        secure = "" if self.secure else ", NOT SECURE: made in test mode"
        return f"<Answer: {self.spec.name}, {self.spec.size} value{'s' * (self.spec.size != 1)}, {self.bound}{secure}>"


def _outwards(limit: Fraction, end: float) -> float:
    """The limit itself where it is a float, else the next one towards an end."""
    near = float(limit)
    return near if Fraction(near) == limit else nextafter(near, end)

"""The private survival curve: noisy counts, their certificate, and every estimate from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from privlib.bounds import Bound, decimal, exact
from privlib.certificate import reread, write
from privlib.errors import InvalidInput, extra
from privlib.survival.estimate import Fit, fit
from privlib.survival.spec import Label, Spec

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["Curve", "Estimate"]

KIND = "survival.curve"
THEOREM = "survival.t1"
_SAME_TIME = 1e-9
"""A time this close to a whole unit, relatively, means that unit: what a few roundings of a float64 can move."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error, sampling and privacy together.

    Attributes
    ----------
    value, stderr : float
        The estimate and its standard error.
    limits : tuple of float
        The range that the quantity cannot leave.
    """

    value: float
    stderr: float
    limits: tuple[float, float]

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Normal confidence interval, kept inside the possible range."""
        z = float(ndtri((1 + checked_confidence(confidence)) / 2))
        low, high = self.limits
        return max(low, self.value - z * self.stderr), min(high, self.value + z * self.stderr)


class Curve:
    """A released survival curve. Everything here is public; no method sees data again.

    With groups, ``curve["a"]`` is the curve of one group and iteration runs over the labels; the certificate belongs to all of
    them together.

    Parameters
    ----------
    spec : Spec
        The public plan.
    noisy : int64 array, shape (spec.cells,)
        The released counts; copied.
    head : dict or None
        The charge in the ledger, None where no ledger was given.
    secure : bool
        False for what was made in test mode.
    group : str or int, optional
        The group shown.

    Attributes
    ----------
    spec, bound, theorem, head, secure
        The certificate.
    timeline : float array, shape (K+1,)
        Bin edges, the first is 0.
    survival_function_, cumulative_density_, cumulative_hazard_ : float array, shape (K+1,)
        Kaplan-Meier, one minus it, and Nelson-Aalen, at the timeline.
    median_survival_time_ : float
        The first time at which the curve is at or below 1/2; infinity when it is not reached.
    event_table : dict of float arrays
        ``removed``, ``observed``, ``censored``, ``entrance``, ``at_risk`` per bin, estimated from the noisy counts.
    """

    theorem = THEOREM

    def __init__(
        self,
        spec: Spec,
        *,
        noisy: NDArray[np.int64],
        head: Mapping[str, Any] | None,
        secure: bool,
        group: Label | None = None,
    ) -> None:
        counts = np.array(noisy)
        if counts.dtype != np.int64 or counts.shape != (spec.cells,):
            raise InvalidInput(f"noisy must be {spec.cells} counts of dtype int64, one for each cell of the plan")
        if group is not None and group not in (spec.groups or ()):
            raise InvalidInput(f"there is no group {group!r} in the plan")
        counts.flags.writeable = False
        self.spec, self.noisy, self.head, self.secure, self.group = spec, counts, head, secure, group

    @property
    def bound(self) -> Bound:
        """What the release may leak, for the whole curve and all groups."""
        return self.spec.bound

    def __getitem__(self, group: Label) -> Curve:
        if group not in self.groups:
            raise InvalidInput(f"there is no group {group!r}: the groups are {', '.join(map(repr, self.groups)) or 'none'}")
        return Curve(self.spec, noisy=self.noisy, head=self.head, secure=self.secure, group=group)

    @property
    def groups(self) -> tuple[Label, ...]:
        """The public group labels; empty without groups, and for the curve of one group."""
        return (self.group is None and self.spec.groups) or ()

    def __iter__(self) -> Iterator[Label]:
        return iter(self.groups)

    @cached_property
    def _fit(self) -> Fit:
        if self.groups:
            raise InvalidInput(f"this release has groups: choose one, such as curve[{self.groups[0]!r}]")
        fits = fit(self.spec, self.noisy)
        return fits[0 if self.group is None else (self.spec.groups or ()).index(self.group)]

    @property
    def timeline(self) -> Floats:
        """Bin edges, shape (K+1,)."""
        return self.spec.grid.times

    @property
    def survival_function_(self) -> Floats:
        """Kaplan-Meier estimate at the timeline, shape (K+1,)."""
        return self._fit.survival

    @property
    def cumulative_density_(self) -> Floats:
        """One minus the survival function, shape (K+1,)."""
        return 1.0 - self._fit.survival

    @property
    def cumulative_hazard_(self) -> Floats:
        """Nelson-Aalen estimate at the timeline, shape (K+1,)."""
        return self._fit.cumulative_hazard

    @property
    def confidence_interval_(self) -> tuple[Floats, Floats]:
        """Pointwise 95 % limits at the timeline, sampling and privacy together."""
        return self.confidence_interval()

    def confidence_interval(self, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Pointwise limits at the timeline.

        Parameters
        ----------
        confidence : float
            Between 0 and 1.

        Returns
        -------
        lower, upper : float arrays, shape (K+1,)
            By the log(-log) transform, Greenwood's variance plus that of the noise.
        """
        return self._fit.band(np.asarray(self.spec.grid.edges, dtype=np.float64), checked_confidence(confidence))

    @property
    def event_table(self) -> dict[str, Floats]:
        """Estimated counts per bin."""
        observed, censored = self._fit.events, self._fit.censored
        entrance = np.zeros(observed.size)
        entrance[0] = self._fit.at_risk[0]
        return {
            "removed": observed + censored,
            "observed": observed,
            "censored": censored,
            "entrance": entrance,
            "at_risk": self._fit.at_risk[:-1],
        }

    def predict(self, times: ArrayLike) -> Floats:
        """The curve at any times from 0 to the horizon.

        Parameters
        ----------
        times : array-like of float
            In the scale of the horizon.

        Returns
        -------
        float array
            Linear between edges at whole units, constant until the next unit; NaN beyond the horizon.
        """
        return self._at(self._fit.survival, times)

    def at_risk(self, times: ArrayLike) -> Floats:
        """Estimated number at risk at any times from 0 to the horizon."""
        return self._at(self._fit.at_risk, times)

    def band(self, times: ArrayLike, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Pointwise limits at any times from 0 to the horizon.

        Parameters
        ----------
        times : array-like of float
            In the scale of the horizon.
        confidence : float
            Between 0 and 1; keyword only.

        Returns
        -------
        lower, upper : float arrays
            Sampling, noise and, between the edges of wide bins, not knowing where in the bin the events fell; NaN beyond the
            horizon.
        """
        units, inside = self._in_units(times)
        lower, upper = self._fit.band(units, checked_confidence(confidence))
        return np.where(inside, lower, np.nan), np.where(inside, upper, np.nan)

    def _at(self, values: Floats, times: ArrayLike) -> Floats:
        units, inside = self._in_units(times)
        return np.where(inside, self._fit.at(values, units), np.nan)

    def _in_units(self, times: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
        """Times in units, 0 where they lie outside 0 to the horizon, and whether they lie inside."""
        when = np.asarray(times, dtype=np.float64)
        unit = self.spec.grid.unit
        # Twice the horizon: a coarse limit, false for NaN too, so that nothing below overflows; `inside` draws the exact one.
        possible = (when >= 0) & (when <= 2.0 * float(self.spec.horizon))
        units = np.where(possible, when, 0.0) * float(unit.denominator) / float(unit.numerator)
        nearest = np.rint(units)
        units = np.where(np.abs(units - nearest) <= _SAME_TIME * np.maximum(1.0, nearest), nearest, units)
        inside = possible & (units <= self.spec.grid.units)
        return np.where(inside, units, 0.0), inside

    @property
    def median_survival_time_(self) -> float:
        """The first time at which the curve is at or below 1/2."""
        return self.percentile(0.5)

    def percentile(self, p: float) -> float:
        """The first time at which the curve is at or below ``p``; infinity when it is not reached."""
        return self._fit.first_at_or_below(self._fit.survival, _checked_share(p))

    def percentile_interval(self, p: float, confidence: float = 0.95) -> tuple[float, float]:
        """Confidence interval of `percentile`, by inverting the band; a limit not reached is infinity."""
        return self._fit.first_limits_at_or_below(_checked_share(p), checked_confidence(confidence))

    def rmst(self, until: float) -> Estimate:
        """Restricted mean survival time: the area under the curve from 0 to a time.

        Parameters
        ----------
        until : float
            Up to the horizon, in its scale.

        Returns
        -------
        Estimate
            In the scale of the horizon.
        """
        moment = exact(until.item() if isinstance(until, np.generic) else until, name="until")
        if not 0 < moment <= self.spec.horizon:
            raise InvalidInput(f"until must lie in (0, {decimal(self.spec.horizon)}], got {decimal(moment)}")
        unit = self.spec.grid.unit
        value, variance = self._fit.restricted_mean(float(moment / unit))
        return Estimate(value * float(unit), variance**0.5 * float(unit), (0.0, float(moment)))

    def to_frame(self, confidence: float = 0.95) -> pd.DataFrame:
        """The curve as a pandas frame like lifelines': indexed by time, with the estimate and its limits."""
        frames = extra("pandas", name="survival", purpose="a pandas frame")
        confidence = checked_confidence(confidence)
        lower, upper = self.confidence_interval(confidence)
        columns = {
            "KM_estimate": self.survival_function_,
            f"KM_estimate_lower_{confidence:g}": lower,
            f"KM_estimate_upper_{confidence:g}": upper,
            "at_risk": self._fit.at_risk,
        }
        frame: pd.DataFrame = frames.DataFrame(columns, index=frames.Index(self.timeline, name="timeline"))
        return frame

    def plot(self, ax: Axes | None = None, *, confidence: float = 0.95) -> Axes:
        """Draw the curve, or all groups, with band, median guides and the numbers at risk below; needs the ``plot`` extra."""
        from privlib.survival.plot import draw

        return draw(self, ax, confidence=confidence)

    def summary(self) -> str:
        """The certificate and the main estimates as text."""
        lines = [self.spec.explain(), f"Theorem      {self.theorem}", f"Ledger       {_ledger_line(self.head)}"]
        if not self.secure:
            lines.append("NOT SECURE   made in test mode: protects nobody")
        for curve in [self[group] for group in self.groups] or [self]:
            median, (low, high) = curve.median_survival_time_, curve.percentile_interval(0.5)
            name = "Median" if curve.group is None else f"Median {curve.group}"
            lines.append(f"{name:<12} {_time(median)} (95 % interval {_time(low)} to {_time(high)})")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The release as canonical JSON: noisy integers, plan, bound, theorem, ledger head, digest.

        Raises
        ------
        InvalidInput
            For the curve of one group: the certificate is that of the whole release.
        """
        if self.group is not None:
            raise InvalidInput("this is the curve of one group: write the whole release, from which it was taken")
        return self._sealed()

    def _sealed(self) -> str:
        return write(
            KIND, self.spec, noisy=self.noisy.tolist(), bound=self.bound, theorem=self.theorem, head=self.head, secure=self.secure
        )

    @classmethod
    def from_json(cls, text: str) -> Curve:
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
            size=lambda spec: spec.cells,
            release=lambda spec, noisy, head, secure: cls(spec, noisy=np.array(noisy, dtype=np.int64), head=head, secure=secure),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Curve) and self.group == other.group and self._sealed() == other._sealed()

    def __hash__(self) -> int:
        return hash((self.group, self._sealed()))

    def __repr__(self) -> str:
        of = "" if self.group is None else f"group {self.group!r}, "
        secure = "" if self.secure else ", NOT SECURE: made in test mode"
        return f"<Curve: {of}{self.spec.grid.bins} bins to {decimal(self.spec.horizon)}, {self.bound}, whole curve{secure}>"

    def _repr_html_(self) -> str:
        from privlib.survival.view import html

        return html(self)


def checked_confidence(confidence: float) -> float:
    """A confidence level strictly between 0 and 1."""
    if not 0 < confidence < 1:
        raise InvalidInput(f"confidence must lie between 0 and 1, such as 0.95, got {confidence}")
    return float(confidence)


def _checked_share(p: float) -> float:
    if not 0 <= p <= 1:
        raise InvalidInput(f"p must lie in [0, 1], got {p}")
    return float(p)


def _time(value: float) -> str:
    return "not reached" if value == float("inf") else f"{value:g}"


def _ledger_line(head: Mapping[str, Any] | None) -> str:
    return "none given" if head is None else f"row {head.get('seq')}, {str(head.get('digest'))[:12]}..."

"""The recipe of arXiv 2412.05164, labelled, with its true cost.

The recipe adds Laplace noise to the survival curve itself at each of G times, then clips and smooths. Its guarantee is for one
time alone: where records may be censored, one person can move S(t) from 0 to 1 at every time, whatever the number of people,
so the whole curve costs the sum of the times' epsilons. Only the paper's abstract was available; the order of the steps and
the options are ours, and nothing here claims to reproduce its tables. The default of this package is the noisy table of
`privlib.survival.Spec`, which is sharper at the same true cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from privlib.bounds import Bound, Real, exact
from privlib.budget import charge
from privlib.certificate import fingerprint_of, integers, open_sealed, seal
from privlib.errors import InvalidInput, TamperedRelease
from privlib.noise import discrete_laplace
from privlib.noise.laws import DiscreteLaplace
from privlib.noise.stream import is_secure
from privlib.proved import proved
from privlib.survival.counting import count_cells
from privlib.survival.estimate import fit
from privlib.survival.grid import whole_units
from privlib.survival.spec import Spec

if TYPE_CHECKING:
    from privlib.budget import Ledger

__all__ = ["DirectNoise", "PublishedCurve", "finished"]

KIND = "survival.published"
THEOREM = "survival.t2"
STEPS = 4096
"""S(t) is rounded toward zero to multiples of 1/4096 before the noise."""

Floats = NDArray[np.float64]
_FINISHES = ("mean", "isotonic")


@dataclass(frozen=True, init=False)
class DirectNoise:
    """The public plan of the published recipe: noise on the curve at public times.

    Parameters
    ----------
    times : sequence of rational
        Public release times, increasing, at most the horizon. Observed event times would publish themselves.
    horizon, unit : rational > 0
        As in `privlib.survival.Spec`; the curve is computed exactly at every unit.
    epsilon : rational > 0
        The recipe's nominal epsilon: the noise at time i is discrete Laplace of scale ``schedule[i] / epsilon``. With
        ``calibrate``, the true epsilon of the whole curve.
    neighbours : {"add_remove", "replace"}
        The cost is the same under both.
    schedule : sequence of rational > 0, optional
        Public noise multipliers b, one a time; default 1 everywhere. A schedule computed from the data, such as the number at
        risk, leaks by itself.
    window : int
        Odd width of the moving average; 1 for none.
    finish : {"mean", "isotonic"}
        Moving average and running minimum, or isotonic least squares.
    calibrate : bool
        Scale the noise so that the whole curve costs ``epsilon``.

    Raises
    ------
    InvalidInput
        For anything out of range, also noise scales beyond what the sampler serves.

    Privacy
    -------
    Per time ``epsilon / b[i]``; the whole curve ``sum(epsilon / b)``, pure. Theorem: survival.t2.

    Examples
    --------
    >>> recipe = DirectNoise(times=range(50, 1050, 50), horizon=1096, epsilon=1, neighbours="replace")
    >>> recipe.guarantee
    {'per_point_epsilon': Fraction(1, 1), 'whole_curve_epsilon': Fraction(20, 1)}
    """

    times: tuple[Fraction, ...]
    horizon: Fraction
    unit: Fraction
    neighbours: str
    multipliers: tuple[Fraction, ...]
    nominal: Fraction
    window: int
    finish: str

    def __init__(
        self,
        *,
        times: Sequence[Real],
        horizon: Real,
        epsilon: Real,
        neighbours: str,
        unit: Real = 1,
        schedule: Sequence[Real] | None = None,
        window: int = 5,
        finish: str = "mean",
        calibrate: bool = False,
    ) -> None:
        end, step, loss = exact(horizon, name="horizon"), exact(unit, name="unit"), exact(epsilon, name="epsilon")
        whole_units(end, step)
        moments = tuple(exact(time, name="times") for time in times)
        if not moments or any(a >= b for a, b in zip((Fraction(-1), *moments), moments, strict=False)):
            raise InvalidInput("times must be public, increasing and not empty")
        if moments[0] < 0 or moments[-1] > end:
            raise InvalidInput(f"times must lie in [0, {end}]")
        scales = tuple(exact(b, name="schedule") for b in (schedule or [1] * len(moments)))
        if len(scales) != len(moments) or min(scales) <= 0:
            raise InvalidInput("schedule must hold one public number > 0 for each time")
        if loss <= 0:
            raise InvalidInput(f"epsilon must be > 0, got {loss}")
        if window < 1 or window % 2 == 0:
            raise InvalidInput(f"window must be an odd number >= 1, got {window}")
        if finish not in _FINISHES:
            raise InvalidInput(f"finish must be 'mean' or 'isotonic', got {finish!r}")
        if calibrate:  # the whole curve costs sum(loss / b); stretching every b by that sum / loss makes it cost loss
            stretch = sum((1 / b for b in scales), Fraction(0))
            scales = tuple(b * stretch for b in scales)
        fields = {
            "times": moments,
            "horizon": end,
            "unit": step,
            "neighbours": Bound.pure(loss, neighbours=neighbours).neighbours,
            "multipliers": scales,
            "nominal": loss,
            "window": window,
            "finish": finish,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        for scale in self._places:
            DiscreteLaplace(scale)

    @cached_property
    def scales(self) -> tuple[Fraction, ...]:
        """Noise scales in steps of 1/4096, one a time."""
        return tuple(STEPS * b / self.nominal for b in self.multipliers)

    @cached_property
    def guarantee(self) -> dict[str, Fraction]:
        """What the recipe gives for one time alone, and what the whole curve truly costs."""
        costs = [self.nominal / b for b in self.multipliers]
        return {"per_point_epsilon": max(costs), "whole_curve_epsilon": sum(costs, Fraction(0))}

    @cached_property
    def bound(self) -> Bound:
        """The true cost of the whole curve."""
        return Bound.pure(self.guarantee["whole_curve_epsilon"], neighbours=self.neighbours)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the whole plan."""
        return fingerprint_of(self.to_dict())

    @cached_property
    def _places(self) -> dict[Fraction, NDArray[np.intp]]:
        """Which times share a noise scale."""
        return {scale: np.flatnonzero([own == scale for own in self.scales]) for scale in sorted(set(self.scales))}

    @cached_property
    def _units(self) -> Floats:
        """The times in whole units."""
        return np.array([int(time / self.unit) for time in self.times], dtype=np.float64)

    @cached_property
    def _exact_spec(self) -> Spec:
        """The native grid on which the exact curve is computed; nothing is released under it."""
        units = whole_units(self.horizon, self.unit)
        return Spec(horizon=self.horizon, epsilon=1, neighbours="add_remove", unit=self.unit, n_bins=units)

    def heights(
        self, durations: object, event_observed: object = None, *, event_codes: tuple[int, int] = (0, 1)
    ) -> NDArray[np.int64]:
        """The exact curve at the times, in steps of 1/4096, rounded toward zero: secret.

        Parameters
        ----------
        durations, event_observed, event_codes
            As in `privlib.survival.Spec.count`.

        Returns
        -------
        int64 array, shape (G,)
            Between 0 and 4096, whatever the data.
        """
        spec = self._exact_spec
        cells = count_cells(spec, durations, event_observed, event_codes=event_codes)
        curve = fit(spec, cells)[0]
        return np.clip(np.floor(curve.at(curve.survival, self._units) * STEPS), 0, STEPS).astype(np.int64)

    @proved("survival.t2")
    def release(
        self,
        durations: object,
        event_observed: object = None,
        *,
        event_codes: tuple[int, int] = (0, 1),
        ledger: Ledger | None = None,
    ) -> PublishedCurve:
        """Release the curve the published way, charging what it truly costs.

        Parameters
        ----------
        durations, event_observed, event_codes
            As in `privlib.survival.Spec.count`.
        ledger : Ledger, optional
            Charged the whole curve's epsilon before the noise is drawn.

        Returns
        -------
        PublishedCurve

        Raises
        ------
        InvalidInput, BudgetExceeded, LedgerError
            Before anything is drawn.

        Privacy
        -------
        Pure, ``sum(epsilon / schedule)`` for the whole curve. Theorem: survival.t2. Budget is charged before noise is drawn; an
        exception after that does not refund it.
        """
        heights = self.heights(durations, event_observed, event_codes=event_codes)
        head = charge(ledger, self.bound, name="published survival recipe", fingerprint=self.fingerprint, secure=is_secure())
        noise = np.empty(heights.size, dtype=np.int64)
        for scale, places in self._places.items():
            noise[places] = discrete_laplace(places.size, scale=scale)
        return PublishedCurve(self, noisy=heights + noise, head=head, secure=is_secure())

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, exact."""
        return {
            "times": [str(time) for time in self.times],
            "horizon": str(self.horizon),
            "unit": str(self.unit),
            "neighbours": str(self.neighbours),
            "multipliers": [str(b) for b in self.multipliers],
            "nominal": str(self.nominal),
            "window": self.window,
            "finish": self.finish,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> DirectNoise:
        """Read what `to_dict` wrote; anything else is refused."""
        try:
            plan = cls(
                times=record["times"],
                horizon=record["horizon"],
                epsilon=record["nominal"],
                neighbours=record["neighbours"],
                unit=record["unit"],
                schedule=record["multipliers"],
                window=record["window"],
                finish=record["finish"],
            )
        except (KeyError, TypeError) as error:
            raise InvalidInput("this is not a published recipe as privlib writes it") from error
        if plan.to_dict() != dict(record):
            raise InvalidInput("this is not a published recipe as privlib writes it")
        return plan


class PublishedCurve:
    """A curve released the published way, with its claim and its true cost.

    Parameters
    ----------
    plan : DirectNoise
        The public plan.
    noisy : int64 array, shape (G,)
        The released heights, in steps of 1/4096.
    head : dict or None
        The charge in the ledger.
    secure : bool
        False for what was made in test mode.

    Attributes
    ----------
    survival : float array, shape (G,)
        The finished curve at the plan's times.
    raw : float array, shape (G,)
        The noisy curve before clipping and smoothing.
    guarantee : dict
        ``per_point_epsilon`` and ``whole_curve_epsilon``, exact.
    """

    theorem = THEOREM

    def __init__(self, plan: DirectNoise, *, noisy: NDArray[np.int64], head: Mapping[str, Any] | None, secure: bool) -> None:
        self.plan, self.noisy, self.head, self.secure = plan, noisy, head, secure
        self.noisy.flags.writeable = False

    @property
    def raw(self) -> Floats:
        """The noisy curve before clipping and smoothing."""
        return self.noisy / STEPS

    @property
    def survival(self) -> Floats:
        """The finished curve."""
        return finished(self.raw, window=self.plan.window, finish=self.plan.finish)

    @property
    def guarantee(self) -> dict[str, Fraction]:
        """What the recipe gives for one time alone, and what the whole curve truly costs."""
        return self.plan.guarantee

    @property
    def bound(self) -> Bound:
        """The true cost of the whole curve."""
        return self.plan.bound

    def predict(self, times: Floats) -> Floats:
        """The finished curve as a step from 1, held until the next release time."""
        known = np.array([float(time) for time in self.plan.times])
        place = np.searchsorted(known, times, side="right")
        return np.concatenate([[1.0], self.survival])[place]

    def to_json(self) -> str:
        """The release as canonical JSON."""
        body = {
            "plan": self.plan.to_dict(),
            "noisy": integers(self.noisy.tolist()),
            "bound": self.bound.to_dict(),
            "theorem": self.theorem,
            "ledger": None if self.head is None else dict(self.head),
            "secure": self.secure,
        }
        return seal(KIND, body)

    @classmethod
    def from_json(cls, text: str) -> PublishedCurve:
        """Read a release and check all that can be checked without a ledger."""
        record = open_sealed(text, KIND)
        try:
            plan = DirectNoise.from_dict(record["plan"])
            noisy = np.array([int(value) for value in record["noisy"]], dtype=np.int64)
            stated, theorem, secure, head = record["bound"], record["theorem"], record["secure"], record["ledger"]
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise TamperedRelease("the file lacks what a published release has") from error
        if stated != plan.bound.to_dict() or theorem != THEOREM or noisy.shape != (len(plan.times),):
            raise TamperedRelease("the stated bound does not follow from the plan and the theorem")
        return cls(plan, noisy=noisy, head=head, secure=secure)

    def __repr__(self) -> str:
        cost, point = float(self.guarantee["whole_curve_epsilon"]), float(self.guarantee["per_point_epsilon"])
        return f"<PublishedCurve: {len(self.plan.times)} times, epsilon {point:g} at one time, {cost:g} for the whole curve>"


def finished(raw: Floats, *, window: int, finish: str) -> Floats:
    """Clip and smooth a noisy curve the published way; post-processing.

    Parameters
    ----------
    raw : float array, shape (G,)
        Noisy curve.
    window : int
        Odd width of the centred mean, shrinking at the ends.
    finish : {"mean", "isotonic"}
        Mean and running minimum after clipping each point to [0, the clipped point before]; or isotonic least squares after
        clipping to [0, 1].

    Returns
    -------
    float array, shape (G,)
        Falling, inside [0, 1].
    """
    if finish == "isotonic":
        from scipy.optimize import isotonic_regression

        fitted: Floats = isotonic_regression(np.clip(raw, 0.0, 1.0), increasing=False).x
        return np.clip(fitted, 0.0, 1.0)
    clipped = np.minimum.accumulate(np.clip(raw, 0.0, 1.0))  # clipping to [0, previous] is a running minimum
    sums = np.concatenate([[0.0], np.cumsum(clipped)])
    place, reach = np.arange(raw.size), window // 2
    low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, raw.size)
    mean = (sums[high] - sums[low]) / (high - low)
    return np.clip(np.minimum.accumulate(mean), 0.0, 1.0)

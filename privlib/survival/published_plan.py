"""The public plan of the published recipe: when it releases, how much noise, and what that truly costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from privlib.bounds import Bound, Neighbours, Real, exact
from privlib.certificate import fingerprint_of
from privlib.errors import InvalidInput
from privlib.noise.laws import MAX_SCALE
from privlib.survival.counting import count_cells
from privlib.survival.estimate import Fit
from privlib.survival.grid import whole_units
from privlib.survival.spec import Spec

if TYPE_CHECKING:
    from privlib.survival.published import ExactHeights

__all__ = ["DirectNoise", "Guarantee"]

STEPS = 4096
"""S(t) is rounded toward zero to multiples of 1/4096 before the noise."""

_FINISHES = ("mean", "isotonic")
_NEIGHBOURS = (Neighbours.ADD_REMOVE, Neighbours.REPLACE)
_MOST_TIMES = 2**20
_WIDEST = 2**21
_MOST_UNITS = 2**23 - 1  # the exact curve has a table of twice as many cells and one


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What the recipe gives for one time alone, and what the whole curve truly costs; exact.

    Attributes
    ----------
    per_point_epsilon : Fraction
        The largest epsilon of one released time, were it the only one.
    whole_curve_epsilon : Fraction
        The epsilon of all released times together.
    """

    per_point_epsilon: Fraction
    whole_curve_epsilon: Fraction


@dataclass(frozen=True, init=False)
class DirectNoise:
    """The public plan of the published recipe: noise on the curve at public times.

    Parameters
    ----------
    times : sequence of rational
        Public release times, increasing, at most the horizon, at most 2**20 of them. Observed event times would publish
        themselves.
    horizon, unit : rational > 0
        As in `privlib.survival.Spec`; the curve is computed exactly at every unit, of which there may be 2**23 - 1.
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
        Scale the noise so that the whole curve costs ``epsilon``: every multiplier grows by ``sum(1 / schedule)``.

    Raises
    ------
    InvalidInput
        For anything out of range, also noise scales beyond what the sampler serves.

    Privacy
    -------
    Releases made under this plan are pure differentially private: with b the multipliers that are used, after calibration
    where that is asked for (`multipliers`), one time alone costs ``epsilon / b[i]`` and the whole curve ``sum(epsilon / b)``.
    Theorem: survival.t2.

    Examples
    --------
    >>> recipe = DirectNoise(times=range(50, 1050, 50), horizon=1096, epsilon=1, neighbours="replace")
    >>> recipe.guarantee
    Guarantee(per_point_epsilon=Fraction(1, 1), whole_curve_epsilon=Fraction(20, 1))
    """

    times: tuple[Fraction, ...]
    horizon: Fraction
    unit: Fraction
    neighbours: Neighbours
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
        if not isinstance(neighbours, str) or neighbours not in _NEIGHBOURS:
            raise InvalidInput("neighbours must be 'add_remove' or 'replace'")
        end, step, loss = exact(horizon, name="horizon"), exact(unit, name="unit"), exact(epsilon, name="epsilon")
        if loss <= 0:
            raise InvalidInput(f"epsilon must be > 0, got {loss}")
        if whole_units(end, step) > _MOST_UNITS:
            raise InvalidInput("horizon must be at most 2**23 - 1 units: give a coarser unit")
        moments = _numbers(times, name="times")
        if any(a >= b for a, b in pairwise(moments)):
            raise InvalidInput("times must increase strictly: sort them and drop what repeats")
        if moments[0] < 0 or moments[-1] > end:
            raise InvalidInput(f"times must lie in [0, horizon], here [0, {end}]")
        scales = (Fraction(1),) * len(moments) if schedule is None else _numbers(schedule, name="schedule")
        if len(scales) != len(moments) or min(scales) <= 0:
            raise InvalidInput("schedule must hold one public number > 0 for each of times: give None for 1 everywhere")
        if isinstance(window, bool) or not isinstance(window, int) or not 0 < window < _WIDEST or window % 2 == 0:
            raise InvalidInput("window must be an odd int from 1 to 2**21 - 1: 1 stands for no moving average")
        if not isinstance(finish, str) or finish not in _FINISHES:
            raise InvalidInput("finish must be 'mean' or 'isotonic'")
        if not isinstance(calibrate, bool):
            raise InvalidInput("calibrate must be True or False")
        if calibrate:  # the whole curve costs sum(loss / b); stretching every b by that sum / loss makes it cost loss
            stretch = _total(1 / b for b in scales)
            scales = tuple(exact(b * stretch, name="schedule, calibrated,") for b in scales)
        fields = {
            "times": moments,
            "horizon": end,
            "unit": step,
            "neighbours": Neighbours(neighbours),
            "multipliers": scales,
            "nominal": loss,
            "window": window,
            "finish": finish,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        if not 0 < min(self.scales) <= max(self.scales) <= MAX_SCALE:
            raise InvalidInput(
                f"4096 * schedule / epsilon is the scale of the noise and must be at most {MAX_SCALE}: "
                "give a larger epsilon, a smaller schedule or, with calibrate, fewer times"
            )
        self.bound.to_dict()  # refuses here, not after a charge, what no ledger could hold

    @cached_property
    def scales(self) -> tuple[Fraction, ...]:
        """Noise scales in steps of 1/4096, one a time."""
        name = "4096 * schedule / epsilon, the scale of the noise,"
        return tuple(exact(STEPS * b / self.nominal, name=name) for b in self.multipliers)

    @cached_property
    def draws(self) -> tuple[tuple[Fraction, tuple[int, ...]], ...]:
        """Each noise scale with the places of the times that it serves."""
        places: dict[Fraction, list[int]] = {}
        for place, scale in enumerate(self.scales):
            places.setdefault(scale, []).append(place)
        return tuple((scale, tuple(places[scale])) for scale in sorted(places))

    @cached_property
    def guarantee(self) -> Guarantee:
        """What the recipe gives for one time alone, and what the whole curve truly costs."""
        return Guarantee(max(self.nominal / b for b in self.multipliers), _total(self.nominal / b for b in self.multipliers))

    @cached_property
    def bound(self) -> Bound:
        """The true cost of the whole curve."""
        return Bound.pure(_total(self.nominal / b for b in self.multipliers), neighbours=self.neighbours)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the whole plan."""
        return fingerprint_of(self.to_dict())

    @cached_property
    def _units(self) -> tuple[float, ...]:
        """The times in whole units."""
        return tuple(float(time // self.unit) for time in self.times)

    @cached_property
    def _exact_spec(self) -> Spec:
        """The native grid on which the exact curve is computed; nothing is released under it."""
        units = whole_units(self.horizon, self.unit)
        return Spec(horizon=self.horizon, epsilon=1, neighbours="add_remove", unit=self.unit, n_bins=units)

    def count(self, durations: object, event_observed: object = None, *, event_codes: tuple[int, int] = (0, 1)) -> ExactHeights:
        """Compute the exact curve at the times, in steps of 1/4096, rounded toward zero; secret until it is released.

        Parameters
        ----------
        durations, event_observed, event_codes
            As in `privlib.survival.Spec.count`.

        Returns
        -------
        ExactHeights
            Exact and not private.

        Raises
        ------
        InvalidInput
            As in `privlib.survival.Spec.count`.

        Privacy
        -------
        Nothing is released. A refusal for bad input is outside the guarantee: it is a noise-free answer about the schema.
        """
        from privlib.survival.published import ExactHeights

        spec = self._exact_spec
        cells = count_cells(spec, durations, event_observed, event_codes=event_codes)
        curve = Fit(spec.grid, cells.astype(np.float64), 0.0, None)
        known = curve.at(curve.survival, np.array(self._units))
        return ExactHeights(self, np.clip(np.floor(known * STEPS), 0, STEPS).astype(np.int64))

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


def _numbers(values: Sequence[Real], *, name: str) -> tuple[Fraction, ...]:
    if not isinstance(values, Sequence) or isinstance(values, (str, bytes, bytearray, memoryview)):
        raise InvalidInput(
            f"{name} must be a list, tuple or range of numbers, not {type(values).__name__}: use list() or tolist()"
        )
    numbers = tuple(islice(values, _MOST_TIMES + 1))
    if not 1 <= len(numbers) <= _MOST_TIMES:
        raise InvalidInput(f"{name} must hold from 1 to 2**20 public numbers")
    return tuple(exact(number, name=name) for number in numbers)


def _total(costs: Iterable[Fraction]) -> Fraction:
    """A sum of few digits, or a refusal as soon as it has too many."""
    total = Fraction(0)
    for cost in costs:
        total = exact(total + cost, name="the whole curve's epsilon, by schedule and epsilon,")
    return total

"""Everything public about a private Kaplan-Meier release, fixed before a record is seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from privlib.bounds import Bound, Neighbours, Real, decimal, exact, exact_int
from privlib.certificate import fingerprint_of
from privlib.errors import InvalidInput
from privlib.noise.laws import DiscreteLaplace
from privlib.survival.grid import Grid, automatic_bins, explicit_edges, regular_edges, whole_units

if TYPE_CHECKING:
    from privlib.survival.table import SurvivalTable

__all__ = ["Spec"]

Label = str | int
_CHANGED_CELLS = {Neighbours.ADD_REMOVE: 1, Neighbours.REPLACE: 2}
_MOST_CELLS = 2**24
_MOST_PEOPLE = 2**62


@dataclass(frozen=True, init=False, repr=False)
class Spec:
    """The public plan of a private survival curve: horizon, grid, epsilon and who counts as neighbours.

    Nothing in it may be read off the data. The plan knows its privacy bound, its grid and its predicted error before it
    sees a record.

    Parameters
    ----------
    horizon : rational > 0
        The end of follow-up, public. Take it from the protocol, never from the largest time.
    epsilon : rational > 0
        Privacy loss of the whole curve, all groups together. Read by its decimal spelling; no default.
    neighbours : {"add_remove", "replace"}
        Whether the guarantee compares data with one person more or fewer (the number of people is private), or with one
        record changed (the number of people is public).
    n : int, optional
        Under ``replace``: the public number of people, all groups together.
    expected_n : int, optional
        Under ``add_remove``: a public guess of the number of people, used only to choose the grid.
    unit : rational > 0
        The recording unit of time: edges are multiples of it, times are read to the next multiple. Default 1.
    grid : sequence of rational, optional
        Public bin edges ending at the horizon, instead of the automatic grid.
    n_bins : int, optional
        Public number of equal bins, instead of the automatic grid.
    groups : sequence of str or int, optional
        The public labels of the groups, at least two. A label that the data lacks is released as noise.

    Raises
    ------
    InvalidInput
        For anything missing, out of range or contradictory, with the cure.

    Privacy
    -------
    Releases made under this plan are pure epsilon-differentially private for the whole curve. Theorem: survival.t1.

    References
    ----------
    arXiv 2412.05164 adds noise to the curve itself; see `privlib.survival.published`. Here the noise goes into disjoint
    integer counts, so one epsilon covers all times.

    Examples
    --------
    >>> spec = Spec(horizon=1096, epsilon=1, neighbours="replace", n=228)
    >>> spec.grid.bins, str(spec.bound)
    (4, 'epsilon = 1 (pure), neighbours: replace')
    """

    horizon: Fraction
    epsilon: Fraction
    neighbours: Neighbours
    people: int | None
    grid: Grid
    grid_chosen: str
    groups: tuple[Label, ...] | None

    def __init__(
        self,
        *,
        horizon: Real,
        epsilon: Real,
        neighbours: str,
        n: int | None = None,
        expected_n: int | None = None,
        unit: Real = 1,
        grid: Sequence[Real] | None = None,
        n_bins: int | None = None,
        groups: Sequence[Label] | None = None,
    ) -> None:
        relation = _relation(neighbours)
        loss = exact(epsilon, name="epsilon")
        if loss <= 0:
            raise InvalidInput(f"epsilon must be > 0, got {loss}")
        law = DiscreteLaplace(exact(_CHANGED_CELLS[relation] / loss, name="the noise scale"))
        step = exact(unit, name="unit")
        units = whole_units(exact(horizon, name="horizon"), step)
        labels = _labels(groups)
        people = _people(relation, n, expected_n, needed=grid is None and n_bins is None)
        if grid is not None and n_bins is not None:
            raise InvalidInput("give grid or n_bins, not both")
        if grid is not None:
            edges, chosen = explicit_edges(grid, step, units), "grid"
        elif n_bins is not None:
            edges, chosen = regular_edges(units, _bins(n_bins, units)), "n_bins"
        else:
            share = Fraction(people or 1, len(labels or (0,)))
            edges, chosen = regular_edges(units, automatic_bins(units, share, law.exact_variance)), "automatic"
        fields = {
            "horizon": units * step,
            "epsilon": loss,
            "neighbours": relation,
            "people": people,
            "grid": Grid(step, edges),
            "grid_chosen": chosen,
            "groups": labels,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        if self.cells > _MOST_CELLS:
            raise InvalidInput(f"the table would have {self.cells} cells, at most 2**24 are allowed: give a coarser grid")

    @property
    def n(self) -> int | None:
        """The public number of people, under ``replace``."""
        return self.people if self.neighbours is Neighbours.REPLACE else None

    @property
    def expected_n(self) -> int | None:
        """The public guess of the number of people, under ``add_remove``."""
        return self.people if self.neighbours is Neighbours.ADD_REMOVE else None

    @property
    def sensitivity(self) -> int:
        """How many cells two neighbours differ in, each by 1: one person sits in exactly one cell."""
        return _CHANGED_CELLS[self.neighbours]

    @property
    def bound(self) -> Bound:
        """What the release may leak, for the whole curve and all groups."""
        return Bound.pure(self.epsilon, neighbours=self.neighbours)

    @cached_property
    def noise_variance(self) -> float:
        """The variance of each cell's noise."""
        return self.law.variance

    @property
    def law(self) -> DiscreteLaplace:
        """The noise of each cell."""
        return DiscreteLaplace(self.sensitivity / self.epsilon)

    @property
    def cells(self) -> int:
        """Cells of the table, all groups together."""
        return self.grid.cells * len(self.groups or (None,))

    @cached_property
    def predicted_rmse(self) -> float:
        """The error that privacy and grid add to the curve, predicted from public numbers alone.

        Root mean square over the time axis for a smooth curve that falls from 1 to 1/10 with many censored on the way; real
        curves were seen within a factor of 1.5 where noise dominates (``make claims`` prints both). Needs ``n`` or
        ``expected_n``.
        """
        from privlib.survival.estimate import predicted_rmse

        if self.people is None:
            raise InvalidInput("the predicted error needs expected_n, a public guess of the number of people")
        return predicted_rmse(self)

    def count(
        self,
        durations: object,
        event_observed: object = None,
        *,
        group: object = None,
        id: object = None,
        event_codes: tuple[int, int] = (0, 1),
    ) -> SurvivalTable:
        """Count people exactly; the result is secret until it is released.

        Parameters
        ----------
        durations : array-like, shape (n,)
            Time from entry to event or censoring, > 0, in the same scale as the horizon. NumPy, pandas, polars, pyarrow or
            a list of numbers. Times beyond the horizon count as still under observation.
        event_observed : array-like of 0 and 1, shape (n,), optional
            1 where the event was seen, 0 where the person was censored. Default: all seen.
        group : array-like of labels, shape (n,), optional
            Needed exactly when the plan has groups; every label must be one of the plan's.
        id : array-like, shape (n,), optional
            Person identifiers; given, a person with several rows is refused.
        event_codes : tuple of int
            ``(code for censored, code for event)``, when the data uses others, such as ``(1, 2)``.

        Returns
        -------
        SurvivalTable
            Exact and not private. Tables under one plan add.

        Raises
        ------
        InvalidInput
            For missing, infinite, negative or zero times, other codes or labels, unequal lengths, repeated ids. The message
            never holds a value of the data.

        Privacy
        -------
        Nothing is released. A refusal for bad input is outside the guarantee: it is a noise-free answer about the schema.
        """
        from privlib.survival.table import SurvivalTable

        return SurvivalTable.count(self, durations, event_observed, group=group, person=id, event_codes=event_codes)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the whole plan; only tables with equal fingerprints add."""
        return fingerprint_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, exact."""
        explicit = self.grid_chosen == "grid"
        return {
            "horizon": str(self.horizon),
            "unit": str(self.grid.unit),
            "epsilon": str(self.epsilon),
            "neighbours": str(self.neighbours),
            "people": self.people,
            "grid_chosen": self.grid_chosen,
            "bins": None if explicit else self.grid.bins,
            "edges": list(self.grid.edges) if explicit else None,
            "groups": None if self.groups is None else list(self.groups),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Spec:
        """Read what `to_dict` wrote; anything else is refused. An automatic grid is chosen afresh and compared."""
        try:
            unit, edges = exact(record["unit"], name="unit"), record["edges"]
            public = "n" if record["neighbours"] == Neighbours.REPLACE else "expected_n"
            spec = cls(
                horizon=record["horizon"],
                epsilon=record["epsilon"],
                neighbours=record["neighbours"],
                unit=unit,
                grid=None if edges is None else [edge * unit for edge in edges],
                n_bins=record["bins"] if record["grid_chosen"] == "n_bins" else None,
                groups=record["groups"],
                **{public: record["people"]},
            )
        except (KeyError, TypeError) as error:
            raise InvalidInput("this is not a survival plan as privlib writes it") from error
        if spec.to_dict() != dict(record):
            raise InvalidInput("this is not a survival plan as privlib writes it")
        return spec

    def explain(self) -> str:
        """Say in words what this plan releases and what was public."""
        grid, people = self.grid, self.people
        known = {
            Neighbours.REPLACE: f"n = {people} (public)",
            Neighbours.ADD_REMOVE: f"expected_n = {people} (a public guess; the number of people is private)",
        }[self.neighbours]
        lines = [
            f"Guarantee    {self.bound}, for the whole curve",
            f"Neighbours   {self.neighbours.meaning}",
            "Unit         one person, one row",
            f"Public       horizon {decimal(self.horizon)}, unit {decimal(grid.unit)} (times are rounded up to it), "
            f"grid of {grid.bins} event bins and {grid.censor_bins} censoring bins ({self.grid_chosen}), "
            + (known if people else "no number of people")
            + (f", groups {', '.join(map(str, self.groups))}" if self.groups else ""),
            f"Noise        discrete Laplace of scale {decimal(self.law.scale)} on each of {self.cells} counts",
        ]
        if people is not None:
            lines.append(f"Error        about {self.predicted_rmse:.3f} root mean square from privacy and grid")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"Spec(horizon={decimal(self.horizon)}, epsilon={decimal(self.epsilon)}, neighbours={str(self.neighbours)!r}, "
            f"bins={self.grid.bins}" + (f", groups={list(self.groups)}" if self.groups else "") + ")"
        )


def _relation(neighbours: str) -> Neighbours:
    if not isinstance(neighbours, str) or neighbours not in _CHANGED_CELLS:
        raise InvalidInput(f"neighbours must be 'add_remove' or 'replace', got {str(neighbours)[:40]!r}")
    return Neighbours(neighbours)


def _people(relation: Neighbours, n: int | None, expected_n: int | None, *, needed: bool) -> int | None:
    name, given, other = ("n", n, expected_n) if relation is Neighbours.REPLACE else ("expected_n", expected_n, n)
    if other is not None:
        wrong = "expected_n" if name == "n" else "n"
        raise InvalidInput(f"under {relation} give {name}, not {wrong}")
    if given is None:
        if relation is Neighbours.REPLACE:
            raise InvalidInput("under replace the number of people is public: give n")
        if needed:
            raise InvalidInput(
                "under add_remove the number of people is private, so the grid cannot be chosen from it: "
                "give expected_n (a public guess), n_bins or grid"
            )
        return None
    return exact_int(given, name=name, most=_MOST_PEOPLE)


def _bins(n_bins: int, units: int) -> int:
    n_bins = exact_int(n_bins, name="n_bins")
    if n_bins > units:
        raise InvalidInput(f"n_bins = {n_bins} is finer than the {units} units up to the horizon: give a smaller unit")
    return n_bins


def _labels(groups: Sequence[Label] | None) -> tuple[Label, ...] | None:
    if groups is None:
        return None
    if isinstance(groups, str) or not isinstance(groups, Iterable):
        raise InvalidInput("groups must be a list of labels, not one label")
    labels = tuple(groups)
    kinds = {type(label) for label in labels}
    if kinds not in ({str}, {int}) or len(labels) < 2 or len(set(labels)) != len(labels):
        raise InvalidInput("groups must be at least two different public labels, all str or all int")
    if any(not -(2**63) <= label < 2**63 if isinstance(label, int) else label.endswith("\0") for label in labels):
        raise InvalidInput("groups must be integers of 64 bits, or texts that do not end in a null character")
    return labels

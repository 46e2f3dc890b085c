"""Everything public about a one-shot release, fixed before the query is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from privlib.bounds import Bound, Kind, Real, decimal, exact, exact_int
from privlib.certificate import fingerprint_of
from privlib.errors import InvalidInput
from privlib.noise.laws import DiscreteGaussian, DiscreteLaplace, Law, RoundedGaussian
from privlib.oneshot.grid import Grid, read
from privlib.oneshot.sensitivity import Moves, Sensitivity

if TYPE_CHECKING:
    from privlib.oneshot.rounded import Rounded

__all__ = ["Spec"]

_MOST_VALUES = 2**24
_LONGEST_NAME = 200
_LAWS = {Kind.PURE: "discrete Laplace", Kind.ZCDP: "discrete Gaussian", Kind.GDP: "Gaussian rounded to integers"}


@dataclass(frozen=True, init=False, repr=False)
class Spec:
    """The public plan of a one-shot release: bounds, step, declared sensitivity, guarantee.

    Nothing in it may be read off the data. The plan knows its privacy bound and its standard error before it sees a value.

    Parameters
    ----------
    lower, upper : rational
        The public range. Values outside are clipped to it, infinities too.
    sensitivity : rational > 0 or dict
        How far neighbours can move the query, clipped to the range, as it is computed. One number for a single value; else
        ``{"l1": ..}``, ``{"l2": ..}``, ``{"l2_squared": ..}``, both norms, and ``"l0"``, the most coordinates that change. What
        rounding adds is added for you.
    neighbours : str
        The relation for which the sensitivity holds; see `privlib.Neighbours`.
    epsilon : rational > 0, optional
        Pure epsilon, by discrete Laplace noise. Give exactly one of epsilon, rho and mu2.
    rho : rational > 0, optional
        Zero-concentrated rho, by discrete Gaussian noise.
    mu2 : rational > 0, optional
        Squared mu of Gaussian differential privacy, by a Gaussian rounded to integers: the choice for vectors and for an
        (epsilon, delta) statement.
    step : rational > 0, optional
        The grid's step; 1 for integers. A hundredth of the sensitivity, or of a vector's typical move, costs little.
    size : int
        How many values; default 1.
    integer : bool
        Whether the values are integers, by type. Then ``1/step`` must be an integer, lower and upper multiples of the step, and
        rounding adds nothing.
    nan : rational, optional
        The public value that NaN stands for; the sensitivity is that of the query after this. Without it NaN is refused.
    name : str
        What is released, in words that may be public.

    Raises
    ------
    InvalidInput
        For anything missing, out of range or contradictory, with the cure.

    Privacy
    -------
    The release keeps the stated bound for all values together, if the sensitivity is true. Theorem: noise.t5.

    Examples
    --------
    >>> spec = Spec(lower=0, upper=120, step="0.01", sensitivity="0.5", epsilon=1, neighbours="replace", name="mean age")
    >>> spec.moves.l1, round(spec.stderr, 4), str(spec.bound)
    (50, 0.7071, 'epsilon = 1 (pure), neighbours: replace')
    """

    grid: Grid
    sensitivity: Sensitivity
    bound: Bound
    size: int
    integer: bool
    nan: Fraction | None
    name: str

    def __init__(
        self,
        *,
        lower: Real,
        upper: Real,
        sensitivity: Real | Mapping[str, Real],
        neighbours: str,
        epsilon: Real | None = None,
        rho: Real | None = None,
        mu2: Real | None = None,
        step: Real | None = None,
        size: int = 1,
        integer: bool = False,
        nan: Real | None = None,
        name: str = "one-shot query",
    ) -> None:
        size = exact_int(size, name="size", most=_MOST_VALUES)
        if not isinstance(integer, bool):
            raise InvalidInput("integer must be True or False")
        if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
            raise InvalidInput("name must be a short printable str that says what is released")
        fields = {
            "grid": Grid(_step(step, integer=integer), exact(lower, name="lower"), exact(upper, name="upper")),
            "sensitivity": Sensitivity.read(sensitivity, size=size),
            "bound": _bound(epsilon, rho, mu2, neighbours),
            "size": size,
            "integer": integer,
            "nan": None if nan is None else exact(nan, name="nan"),
            "name": name,
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        if integer and any((bound / self.grid.step).denominator != 1 for bound in (self.grid.lower, self.grid.upper)):
            raise InvalidInput("integers want lower and upper to be multiples of step: a clipped value must stay on the grid")
        if integer and nan is not None:
            raise InvalidInput("nan is for real values: integers have none")
        if not self.moves.l1:
            raise InvalidInput("sensitivity is below 1, so an integer query never moves and needs no noise")
        self.law  # noqa: B018 - refuses a scale that the samplers do not serve

    @cached_property
    def moves(self) -> Moves:
        """By how many steps neighbours can move the rounded values, rounding included."""
        return self.sensitivity.in_steps(self.grid.step, integer=self.integer)

    @cached_property
    def law(self) -> Law:
        """The noise of each value, in steps."""
        if self.bound.kind is Kind.PURE:
            return DiscreteLaplace(self.moves.l1 / self.bound.epsilon)
        if self.bound.kind is Kind.ZCDP:
            return DiscreteGaussian(self.moves.l2_squared / (2 * self.bound.rho))
        return RoundedGaussian(self.moves.l2_squared / self.bound.mu2)

    @cached_property
    def stderr(self) -> float:
        """The standard deviation of each value's noise, in the query's unit."""
        return float(self.law.exact_variance**0.5 * float(self.grid.step))

    def round(self, values: object) -> Rounded:
        """Read the query's values onto the grid, exactly; the result is secret until it is released.

        Parameters
        ----------
        values : number or array-like, shape (size,)
            int, float, Fraction or Decimal, or a NumPy array or column of integers or floats. A float is taken as the binary
            number that it is.

        Returns
        -------
        Rounded
            Exact and not private.

        Raises
        ------
        InvalidInput
            For another number of values, other types, and NaN unless the plan says what it stands for. The message never holds
            a value.

        Privacy
        -------
        Nothing is released. A refusal for bad input is outside the guarantee: it is a noise-free answer about the schema.

        Examples
        --------
        >>> spec = Spec(lower=0, upper=10, step="1/2", sensitivity=1, epsilon=1, neighbours="replace")
        >>> spec.round(3.3)
        <Rounded: 1 value, exact, not private; release() makes it public>
        """
        from privlib.oneshot.rounded import Rounded

        stands_for = None if self.nan is None else self.grid.place(self.nan)
        return Rounded(self, read(values, self.grid, size=self.size, integer=self.integer, nan=stands_for))

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the whole plan."""
        return fingerprint_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, exact."""
        declared = {"l0": str(self.sensitivity.l0)}
        declared |= {} if self.sensitivity.l1 is None else {"l1": str(self.sensitivity.l1)}
        declared |= {} if self.sensitivity.l2_squared is None else {"l2_squared": str(self.sensitivity.l2_squared)}
        return {
            "lower": str(self.grid.lower),
            "upper": str(self.grid.upper),
            "step": str(self.grid.step),
            "size": self.size,
            "sensitivity": declared,
            "bound": self.bound.to_dict(),
            "integer": self.integer,
            "nan": None if self.nan is None else str(self.nan),
            "name": self.name,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Spec:
        """Read what `to_dict` wrote; anything else is refused."""
        try:
            bound = dict(record["bound"])
            bound.pop("kind")
            given = {name: record[name] for name in ("lower", "upper", "step", "size", "sensitivity", "integer", "nan", "name")}
            spec = cls(**bound, **given)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput("this is not a one-shot plan as privlib writes it") from error
        if spec.to_dict() != dict(record):
            raise InvalidInput("this is not a one-shot plan as privlib writes it")
        return spec

    def explain(self) -> str:
        """Say in words what this plan releases and what was public."""
        grid, declared, pure = self.grid, self.sensitivity, self.bound.kind is Kind.PURE
        norms = [] if declared.l1 is None else [f"L1 norm {decimal(declared.l1)}"]
        norms += [] if declared.l2_squared is None else [f"squared L2 norm {decimal(declared.l2_squared)}"]
        moved = f"L1 norm {self.moves.l1}" if pure else f"squared L2 norm {self.moves.l2_squared}"
        rounding = "integers, which rounding does not move" if self.integer else "halves are rounded up"
        lines = [
            f"Plan for     {self.name}: {_values(self.size)}",
            f"Guarantee    {self.bound}, for all values together, if the sensitivity is true",
            f"Neighbours   {self.bound.neighbours.meaning}",
            f"Sensitivity  {', '.join(norms)}, in at most {_values(declared.l0)} (declared); {moved} in steps, rounding included",
            f"Public       range {decimal(grid.lower)} to {decimal(grid.upper)}, step {decimal(grid.step)} ({rounding})"
            + ("" if self.nan is None else f", NaN stands for {decimal(self.nan)}"),
            f"Noise        {_LAWS[self.bound.kind]}, standard deviation {self.stderr:.4g} on each value",
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Spec({self.name!r}, size={self.size}, step={decimal(self.grid.step)}, {self.bound})"


def _step(step: Real | None, *, integer: bool) -> Fraction:
    if step is None:
        if not integer:
            raise InvalidInput("give step, the public distance of the values that can be released, or integer=True")
        return Fraction(1)
    read_step = exact(step, name="step")
    if read_step <= 0 or (integer and read_step.numerator != 1):
        raise InvalidInput("step must be > 0, and for integers 1, or 1 divided by an integer: else leave integer out")
    return read_step


def _bound(epsilon: Real | None, rho: Real | None, mu2: Real | None, neighbours: str) -> Bound:
    bounds = [] if epsilon is None else [Bound.pure(epsilon, neighbours=neighbours)]
    bounds += [] if rho is None else [Bound.zcdp(rho, neighbours=neighbours)]
    bounds += [] if mu2 is None else [Bound.gdp(mu2, neighbours=neighbours)]
    if len(bounds) != 1:
        raise InvalidInput("give exactly one of epsilon, rho and mu2")
    if not max(bounds[0].epsilon, bounds[0].rho, bounds[0].mu2):
        raise InvalidInput("epsilon, rho or mu2 must be > 0")
    return bounds[0]


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"

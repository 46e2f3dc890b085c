"""One line from a dataframe to a private curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from privlib.bounds import Real
from privlib.survival.curve import Curve
from privlib.survival.spec import Label, Spec
from privlib.tables import column

if TYPE_CHECKING:
    from privlib.budget import Ledger

__all__ = ["kaplan_meier"]


def kaplan_meier(
    data: object,
    *,
    duration_col: str,
    event_col: str | None = None,
    group_col: str | None = None,
    id_col: str | None = None,
    event_codes: tuple[int, int] = (0, 1),
    horizon: Real,
    epsilon: Real,
    neighbours: str,
    n: int | None = None,
    expected_n: int | None = None,
    unit: Real = 1,
    grid: Sequence[Real] | None = None,
    n_bins: int | None = None,
    groups: Sequence[Label] | None = None,
    ledger: Ledger | None = None,
) -> Curve:
    """Release a private Kaplan-Meier curve of a dataframe.

    Parameters
    ----------
    data : dataframe
        pandas, polars or pyarrow; one row per person.
    duration_col, event_col, group_col, id_col : str
        Names of the columns; without ``event_col`` every event counts as seen.
    event_codes : tuple of int
        ``(code for censored, code for event)``.
    horizon, epsilon, neighbours, n, expected_n, unit, grid, n_bins, groups
        The public plan, see `Spec`. Give group labels as text, in ``groups`` and in the column: then no person's label
        decides how a reader takes the others.
    ledger : Ledger, optional
        Charged before the noise is drawn.

    Returns
    -------
    Curve

    Raises
    ------
    InvalidInput, BudgetExceeded, LedgerError
        Before anything is drawn.

    Privacy
    -------
    Pure epsilon for the whole curve, under the neighbours given. Theorem: survival.t1. Budget is charged before noise is
    drawn; an exception after that does not refund it.

    Examples
    --------
    >>> import polars
    >>> people = polars.DataFrame({"days": [5, 8, 12, 20], "died": [1, 0, 1, 0]})
    >>> kaplan_meier(people, duration_col="days", event_col="died", horizon=30, epsilon=1, neighbours="add_remove",
    ...              expected_n=10)
    <Curve: 4 bins to 30, epsilon = 1 (pure), neighbours: add_remove, whole curve>
    """
    spec = Spec(
        horizon=horizon,
        epsilon=epsilon,
        neighbours=neighbours,
        n=n,
        expected_n=expected_n,
        unit=unit,
        grid=grid,
        n_bins=n_bins,
        groups=groups,
    )
    table = spec.count(
        column(data, duration_col),
        None if event_col is None else column(data, event_col),
        group=None if group_col is None else column(data, group_col),
        id=None if id_col is None else column(data, id_col),
        event_codes=event_codes,
    )
    return table.release(ledger=ledger)

"""One mechanism of the zoo: what it claims, what is true of it, and how an auditor finds out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from privlib.audit.likelihood import Ratio
from privlib.audit.pairs import Pair
from privlib.bounds import Bound

__all__ = ["Entry", "How"]

How = Literal["trials", "proof", "one-run", "sound"]
"""What refutes the claim: trials (`privlib.audit.run`), its exact law, one run with canaries; or nothing, for it is sound."""


@dataclass(frozen=True)
class Entry:
    """A mechanism to try an auditor on.

    Attributes
    ----------
    name : str
        Lower case, with hyphens.
    row : int or None
        The number of the bug, 1 to 25; None for a control outside the table.
    what : str
        The bug, or what is right, in one sentence.
    claim : Bound
        What the mechanism says of itself.
    true_epsilon : str
        The exact pure epsilon over all neighbours, as a supremum: a number, ``log(...)`` of one, or ``"inf"``; else in words.
    mechanism : callable
        With ``batch``, ``f(dataset, n)`` gives n independent outputs; else ``f(dataset)`` gives one. With ``how="one-run"``
        ``f(canaries)`` trains once and gives the canaries' scores and the secret inclusion bits.
    batch : bool
        Whether the mechanism takes ``n``.
    pairs : tuple of Pair
        Candidates as a search would try them, the textbook's first; one of them reveals the bug, if there is one.
    trials : int
        So many that `privlib.audit.run` refuted the claim at confidence 0.999 in 20 runs of 20; for a one-run audit, so many
        canaries; 0 where a sample is not the tool.
    llr : Ratio, optional
        The exact log-likelihood ratio, second world over first, of a list or array of outputs on the first pair.
    how : {"trials", "proof", "one-run", "sound"}
        What refutes the claim; ``"sound"`` is a control, which must not be flagged.
    theorem : str, optional
        The theorem that a control rests on.
    """

    name: str
    row: int | None
    what: str
    claim: Bound
    true_epsilon: str
    mechanism: Callable[..., Any]
    batch: bool
    pairs: tuple[Pair, ...]
    trials: int
    llr: Ratio | None = None
    how: How = "trials"
    theorem: str | None = None

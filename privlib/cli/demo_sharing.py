"""The demo's section on secret sharing: how long shares are, beside the publication and what was known before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log2
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["sharing_facts", "sizes"]

THRESHOLD, SECRET_BITS = 3, 256
PARTICIPANTS = (10, 100, 1000, 10**6, 10**9)
_LINES = {
    "gamma": ("gamma", "paper"),
    "omega": ("omega", "paper"),
    "delta": ("delta", "paper"),
    "delta, compact": ("delta", "compact"),
}
_POWERS = range(1, 10)


def sharing_facts() -> dict[str, Any]:
    """Share a secret, recover it, and compute share sizes from the codes.

    Returns
    -------
    dict
        What the page and the JSON report say. The secret was drawn for it and is nobody's.
    """
    import os
    from itertools import combinations

    from privlib.sharing import Dealer, combine

    secret = os.urandom(SECRET_BITS // 8)
    dealer = Dealer(secret, threshold=THRESHOLD)
    shares = [dealer.issue(f"holder {place + 1}") for place in range(5)]
    recovered = sum(combine(chosen) == secret for chosen in combinations(shares, THRESHOLD))
    return {
        "threshold": THRESHOLD,
        "secret_bits": SECRET_BITS,
        "participants": list(PARTICIPANTS),
        "holders": len(shares),
        "recovered": recovered,
        "sizes": {
            str(bits): {name: [_rows(name, t, bits) for t in PARTICIPANTS] for name in _LINES} for bits in (1, SECRET_BITS)
        },
        "prior": [round(_prior(t)) for t in PARTICIPANTS],
    }


def sizes(bits: int) -> Callable[[Axes, Mapping[str, str]], None]:
    """The lengths of shares as a drawing.

    Parameters
    ----------
    bits : int
        Of the secret.

    Returns
    -------
    callable
        Draws into axes, in the colours of a theme.
    """
    people = [10**power for power in _POWERS]

    def drawing(axes: Axes, colour: Mapping[str, str]) -> None:
        lines = {
            "known before": (_prior, colour["ink"], -16),
            "gamma": (lambda t: _rows("gamma", t, bits), colour["theirs"], 8),
            "delta": (lambda t: _rows("delta", t, bits), colour["ours"], -16),
        }
        for name, (length, ink, above) in lines.items():
            axes.plot(people, [length(t) for t in people], color=ink, linewidth=1.8)
            axes.annotate(name, (people[6], length(people[6])), (0, above), textcoords="offset points", color=ink, ha="center")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("Participant number")
        axes.set_ylabel("Bits of a share")
        axes.grid(visible=True, linewidth=0.6, alpha=0.6)
        axes.spines[["top", "right"]].set_visible(False)

    return drawing


def _rows(line: str, t: int, bits: int) -> int:
    from privlib.sharing.codes import code_of
    from privlib.sharing.layouts import share_rows

    code, layout = _LINES[line]
    return share_rows(code_of(code), t, THRESHOLD, bits, layout)


def _prior(t: int) -> float:
    """The bound for k-threshold schemes that arXiv 2402.01144 compares with, for a secret of one bit."""
    k, once = THRESHOLD, log2(t)
    twice = log2(once)
    return (k - 1) * once + 6 * k**4 * twice * log2(twice) + 7 * k**4 * log2(k)

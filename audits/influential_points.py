"""A published "membership inference" that is none: counting influential points measures noise, not leakage.

The count: release the curve with and without a person, with fresh noise each time, and call the person influential where the two
curves differ by more than a threshold. It FALLS as epsilon grows, because there is less noise, which would make weaker
protection look safer. The real attack, a likelihood ratio on one released curve, finds MORE members as epsilon grows.

``python audits/influential_points.py`` prints both. The recipe is that of arXiv 2412.05164 as `privlib.survival.published` has
it; the count is a reconstruction from what the abstract says, a diagnostic, and nothing here is a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privlib.audit.membership import Membership, leave_one_out, tpr_at_fpr
from privlib.survival.published import DirectNoise

Rows = tuple[list[int], list[int]]
EPSILONS = ("1", "4", "8", "12", "16")
TIMES = tuple(range(2, 22, 2))
THRESHOLD = 0.2


@dataclass(frozen=True)
class Row:
    """What both say at one epsilon, which is the recipe's nominal one, for each time."""

    epsilon: str
    influential: int
    people: int
    membership: Membership


def invented_cohort(people: int) -> Rows:
    """Times and events of a cohort in which few are at risk late, as in many studies."""
    generator = np.random.default_rng(20_241_206)
    times = np.minimum(generator.geometric(0.2, size=people), TIMES[-1])
    return times.tolist(), (generator.random(people) < 0.5).astype(int).tolist()


def plan(epsilon: str) -> DirectNoise:
    return DirectNoise(times=TIMES, horizon=TIMES[-1], epsilon=epsilon, neighbours="add_remove")


def influential_points(rows: Rows, epsilon: str) -> int:
    """Diagnostic, not an attack: people without whom a second, independent release differs by more than the threshold."""
    recipe, (times, events) = plan(epsilon), rows
    count = 0
    for person in range(len(times)):
        whole = recipe.count(times, events).release().survival
        less = recipe.count(times[:person] + times[person + 1 :], events[:person] + events[person + 1 :]).release().survival
        count += bool(np.abs(np.asarray(whole) - np.asarray(less)).max() > THRESHOLD)
    return count


def most_exposed(rows: Rows, recipe: DirectNoise) -> int:
    """The person without whom the exact curve moves most: an attacker asks about someone of whom the release says much."""
    (times, events), whole = rows, recipe.count(*rows)._heights
    moves = []
    for person in range(len(times)):
        less = recipe.count(times[:person] + times[person + 1 :], events[:person] + events[person + 1 :])._heights
        moves.append(int(np.abs(whole - less).sum()))
    return int(np.argmax(moves))


def membership(rows: Rows, epsilon: str, *, releases: int) -> Membership:
    """The real attack on the most exposed person: which world made this one noisy curve? Everyone else is known."""
    recipe = plan(epsilon)
    worlds = leave_one_out(*rows, index=most_exposed(rows, recipe)).datasets
    heights = [recipe.count(*world)._heights for world in worlds]  # type: ignore[misc]  # the attacker knows both worlds
    scales = np.ones(len(TIMES))
    for scale, places in recipe.draws:
        scales[list(places)] = float(scale)
    noisy = [np.asarray(recipe.count(*world).release().noisy) for world in worlds for _ in range(releases)]  # type: ignore[misc]
    return tpr_at_fpr(
        log_ratio(np.stack(noisy), heights[0], heights[1], scales),
        np.arange(2 * releases) >= releases,
        title=f"published recipe at nominal epsilon {epsilon}",
        attack="exact likelihood ratio of one noisy curve, all others known",
    )


def log_ratio(
    noisy: NDArray[np.int64], without: NDArray[np.int64], with_person: NDArray[np.int64], scales: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of discrete Laplace noise, world with the person over world without; shape (n, times) to (n,)."""
    return np.asarray(((np.abs(noisy - without) - np.abs(noisy - with_person)) / scales).sum(axis=1), dtype=np.float64)


def audit(*, people: int = 100, releases: int = 8000, epsilons: tuple[str, ...] = EPSILONS) -> list[Row]:
    """Both at every epsilon."""
    rows = invented_cohort(people)
    return [
        Row(epsilon, influential_points(rows, epsilon), people, membership(rows, epsilon, releases=releases))
        for epsilon in epsilons
    ]


def main() -> None:
    print("epsilon  influential points (noise)  TPR at FPR 0.01 of the real attack (leakage)")
    for row in audit():
        rate = row.membership.rates[0]
        low, high = rate.interval
        print(f"{row.epsilon:>7}  {row.influential:>12} of {row.people:<10}  {rate.tpr:.4f}, {low:.4f} to {high:.4f}")
    print("As epsilon grows there is less noise and more leakage: the count is a diagnostic of noise, not of privacy.")


if __name__ == "__main__":
    main()

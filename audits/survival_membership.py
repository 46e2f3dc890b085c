"""Was this person in the cohort? The real attack on a released survival table, at a row of epsilons.

``python audits/survival_membership.py`` prints, for each epsilon, how many releases with the person are recognised at low
false-positive rates, beside the most that the claim allows, and the epsilon that `privlib.audit.run` certifies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from privlib.audit import Audit, run
from privlib.audit.membership import Membership, leave_one_out, tpr_at_fpr
from privlib.audit.pairs import Pair
from privlib.audit.survival import survival_ratio, survival_release
from privlib.survival import Spec

EPSILONS = ("0.5", "1", "2", "4")
HORIZON = 12


def invented_cohort(people: int = 40) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Times from 1 to the horizon and events; whoever is at the horizon without one is a survivor."""
    generator = np.random.default_rng(20_241_205)
    times = generator.geometric(0.08, size=people)
    events = (times <= HORIZON) & (generator.random(people) < 0.8)
    return tuple(np.minimum(times, HORIZON).tolist()), tuple(events.astype(int).tolist())


def known_but_one() -> Pair:
    """The attacker knows the records of all others, the survivors among them, and asks about one person who had the event."""
    times, events = invented_cohort()
    return leave_one_out(
        times, events, index=events.index(1), description="40 people, all known, without one who had the event; and with"
    )


def attack(epsilon: str, *, releases: int, trials: int) -> tuple[Membership, Audit]:
    """Score releases of both worlds by the exact likelihood ratio; then audit the claim on fresh ones."""
    pair = known_but_one()
    spec = Spec(horizon=HORIZON, epsilon=epsilon, neighbours="add_remove", n_bins=HORIZON)
    release, ratio = survival_release(spec), survival_ratio(spec, pair)
    noisy: list[NDArray[np.int64]] = [release(world).noisy for world in pair.datasets for _ in range(releases)]  # type: ignore[arg-type]
    scores = ratio(noisy)
    found = tpr_at_fpr(
        scores,
        np.arange(scores.size) >= releases,
        title=f"survival table, epsilon {epsilon}",
        attack="exact likelihood ratio of the released counts, all others known",
        claim=spec.bound,
        notes=("Each score is that of a release of its own, so the intervals need no assumption here.",),
    )
    audited = run(
        release, claim=spec.bound, pair=pair, trials=trials, llr=ratio, observe=lambda curve: curve.noisy, title=found.title
    )
    return found, audited


def audit(*, releases: int = 20_000, trials: int = 20_000) -> list[tuple[Membership, Audit]]:
    """One attack and one audit an epsilon."""
    return [attack(epsilon, releases=releases, trials=trials) for epsilon in EPSILONS]


def main() -> None:
    for found, audited in audit():
        print(f"{found.summary()}\nAudit        {audited.sentence()}\n")


if __name__ == "__main__":
    main()

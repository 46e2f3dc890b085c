"""The long acceptance runs of planning local reports and of the published curves: one line a claim, its figure and its target.

``python tests/claims_ldp_plan.py planner`` runs only some. The exit status is 1 when a line on privacy or exactness is missed,
and 0 otherwise: accuracy and speed are printed, not judged.
"""

from __future__ import annotations

import math
import random
import sys
import time
from fractions import Fraction as F

import numpy as np
from claims import failed, say  # beside this file
from ldp.test_published import KNOWN, SHAPES, SYNTHETIC  # beside it, too

from privlib.ldp import Domain
from privlib.ldp.guarantee import guarantee
from privlib.ldp.mixture import mixture
from privlib.ldp.parts import Scheme
from privlib.ldp.planner import cheapest, plan
from privlib.ldp.predict import mean_variance, variance
from privlib.ldp.published import procedure, study
from privlib.ldp.published_shapes import ADULT

CENSUS = (9, 52, 47, 17, 3, 7, 24, 15, 5, 10, 2, 3, 6, 8, 6, 6, 51, 38, 8, 10, 9, 10, 3, 4, 5, 43, 43, 43, 5, 3, 3, 3, 2)


def curves() -> None:
    """2: the published curves, as ratios to those of another program; curves by their geometric means, and the worst point."""
    for name, (shape, target) in SHAPES.items():
        worst = largest = 0.0
        began = time.process_time()
        for protocol, text in KNOWN[name].items():
            generator = np.random.default_rng(1)
            points = study(shape.domain, shape.people, protocols=[protocol], runs=1000, generator=generator)
            logs = [math.log(point.error / float(there)) for point, there in zip(points, text.split(), strict=True)]
            worst, largest = max(worst, abs(math.expm1(sum(logs) / len(logs)))), max(largest, *(abs(math.expm1(x)) for x in logs))
        seconds = time.process_time() - began
        figure = f"{worst:.1%}, point {largest:.1%}, {seconds:.0f} s"
        say(f"2. {name}, curve that is farthest off", figure, f"<= {target:.0%}", met=worst <= target)


def fractions() -> None:
    """2: the exact variances."""
    ten, adult = SYNTHETIC.domain, ADULT.domain
    for domain, protocol, place, share, n, known in (
        (ten, "rsfd-grr", 0, F(1, 10), 50000, F(81, 200000)),
        (ten, "rsfd-oue-z", 0, F(1, 10), 50000, F(2299, 5000000)),
        (ten, "rsfd-oue-r", 0, F(1, 10), 50000, F(1, 1250)),
        (adult, "rsfd-grr", 7, F(0), 45222, F(22439, 50678788)),
        (adult, "rsfd-oue-z", 7, F(0), 45222, F(19, 45222)),
        (adult, "rsfd-oue-r", 7, F(0), 45222, F(12593, 25339394)),
        (adult, "rsfd-grr", 6, F(0), 45222, F(33, 60296)),
        (adult, "rsfd-oue-r", 6, F(0), 45222, F(25, 15074)),
    ):
        found = variance(Scheme.RSFD, procedure(domain, protocol, 3).parts[place], share, target="population") / n
        title = f"2. variance, {protocol}, {domain.sizes[place]} values of {len(domain.sizes)}"
        say(title, str(found), str(known), met=found == known, blocks=True)


def planner() -> None:
    """6: the mean variance on Adult at attribute odds 3, with fakes and at its best; caps of random plans; time."""
    parts = mixture(ADULT.domain.sizes, F(2), even=False)
    told = guarantee(Scheme.RSFD, parts)
    kept = told.attribute <= 3 and told.record <= 19
    figure = f"{float(mean_variance(Scheme.RSFD, parts)):.3f}, records {float(told.record):.4g}"
    say("6. Adult, attribute odds 3, with fakes", figure, "<= 18.68", met=mean_variance(Scheme.RSFD, parts) <= F("18.68"))
    say("6.   its caps (3, 19) by exact fractions", str(kept), "True", met=kept, blocks=True)
    spec = plan(ADULT.domain, attribute_odds=3, record_odds=19, shares="rare")
    best = mean_variance(spec.scheme, spec.parts)
    figure = f"{float(best):.3f}, {spec.protocol}, records {float(spec.guarantee().record):.3g}"
    say("6. Adult, the plan under caps 3 and 19", figure, "<= 18.68", met=best <= F("18.68"))
    spec = plan(ADULT.domain, attribute_odds=3)
    figure = f"{float(mean_variance(spec.scheme, spec.parts)):.3f}, {spec.protocol}, records {float(spec.guarantee().record):.5g}"
    say("6. Adult, no cap on records", figure, "told", met=True)
    chosen, broken, trials = random.Random(1), 0, 1000  # noqa: S311  # which plans are tried
    for _ in range(trials):
        sizes = [chosen.randint(2, 40) for _ in range(chosen.randint(1, 9))]
        caps = [1 + F(chosen.randint(1, 2000), chosen.randint(1, 200)) for _ in range(2)]
        record, attribute = ((caps[0], None), (None, caps[1]), (caps[0], caps[1]))[chosen.randrange(3)]
        domain = Domain({f"a{place}": range(size) for place, size in enumerate(sizes)})
        found = cheapest(domain, record_cap=record, attribute_cap=attribute)
        told = guarantee(found.scheme, found.parts)
        broken += bool((record and told.record > record) or (attribute and told.attribute > attribute))
    say(f"6. plans above a cap, of {trials} at random", str(broken), "0", met=broken == 0, blocks=True)
    domain = Domain({f"a{place}": range(size) for place, size in enumerate(CENSUS)})
    began = time.process_time()
    cheapest(domain, record_cap=F(67), attribute_cap=F(3))
    seconds = time.process_time() - began
    say("6. a plan of 33 attributes", f"{seconds:.2f} s", "< 2 s", met=seconds < 2)


CLAIMS = [fractions, curves, planner]


def main(names: list[str]) -> int:
    for claim in CLAIMS:
        if not names or claim.__name__ in names:
            claim()
    print(f"lines that block and were missed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

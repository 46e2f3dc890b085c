"""The picture of estimates: what its axes say."""

from __future__ import annotations

import numpy as np

from privlib.ldp import Domain, Spec
from tests.ldp.simulate import simulate, zipf


def test_all_panels_have_one_scale_and_say_what_it_is() -> None:
    sizes = (2, 3, 30, 7)
    spec = Spec(Domain({f"a{place}": range(size) for place, size in enumerate(sizes)}), "rsfd-grr", level="record", odds=20)
    rng = np.random.default_rng(1)
    estimates = spec.count(simulate(spec, zipf(rng, 20_000, sizes), rng)).estimate()
    panels = [axes for axes in estimates.plot().axes if axes.axison]
    assert {axes.get_xlabel() for axes in panels} == {"share of people"}
    ((left, right),) = {axes.get_xlim() for axes in panels}
    highest = max(float(np.sort(one.interval[:, 1])[-1]) for one in estimates.attributes)
    assert left == 0
    assert highest <= right <= max(1.0, 1.08 * highest)

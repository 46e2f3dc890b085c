"""Local differential privacy: many attributes of each person, randomised before they leave the device.

``Domain`` names the attributes, ``Spec`` is the public plan, ``Spec.randomise`` makes reports that are private already,
``Spec.count`` adds them up, ``Counts.estimate`` reads frequencies off the sums. `privlib.ldp.published` has the procedure of
arXiv 2109.07269 with its true cost.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privlib.ldp.aggregate import Counts
    from privlib.ldp.domain import Domain
    from privlib.ldp.estimate import Estimates
    from privlib.ldp.guarantee import Guarantee
    from privlib.ldp.longitudinal import Longitudinal
    from privlib.ldp.planner import compare, plan
    from privlib.ldp.reports import Reports
    from privlib.ldp.spec import Spec
else:
    _HOMES = {
        "Counts": "aggregate",
        "Domain": "domain",
        "Estimates": "estimate",
        "Guarantee": "guarantee",
        "Longitudinal": "longitudinal",
        "Reports": "reports",
        "Spec": "spec",
        "compare": "planner",
        "plan": "planner",
    }

    def __getattr__(name: str) -> object:  # on first use: a device that randomises one record needs no numpy
        from importlib import import_module

        if name in _HOMES:
            return getattr(import_module(f"privlib.ldp.{_HOMES[name]}"), name)
        raise AttributeError(f"module 'privlib.ldp' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return list(__all__)


__all__ = ["Counts", "Domain", "Estimates", "Guarantee", "Longitudinal", "Reports", "Spec", "compare", "plan"]

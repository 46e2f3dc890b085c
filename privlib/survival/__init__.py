"""Private Kaplan-Meier curves from exact noise on a table of counts.

``Spec`` is the public plan, ``Spec.count`` the exact secret table, ``SurvivalTable.release`` the one draw, ``Curve`` the
public result. `privlib.survival.published` has the recipe of arXiv 2412.05164 with its true cost.
"""

from privlib.survival.api import kaplan_meier
from privlib.survival.curve import Curve, Estimate
from privlib.survival.spec import Spec
from privlib.survival.table import SurvivalTable

__all__ = ["Curve", "Estimate", "Spec", "SurvivalTable", "kaplan_meier"]

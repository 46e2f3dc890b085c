"""Membership inference: was this record in the training? Attacks, and what they find at low false-positive rates.

`shadow_runs` trains shadow models, `lira`, `rmia` and `quantile_attack` turn a target's scores into attack scores, `tpr_at_fpr`
measures them. These are findings about one attack. What can refute a claim is `one_run_of`, for one training with many secret
bits, and `privlib.audit.run` on a `leave_one_out` pair, for anything that can be run often.
"""

from privlib.audit.membership.bridge import leave_one_out, one_run_of
from privlib.audit.membership.lira import lira
from privlib.audit.membership.quantile import quantile_attack, quantile_regression
from privlib.audit.membership.rates import Rate, most_tpr
from privlib.audit.membership.result import Membership, tpr_at_fpr
from privlib.audit.membership.rmia import rmia
from privlib.audit.membership.shadow import Shadows, confidence_logit, secret_members, shadow_runs

__all__ = [
    "Membership",
    "Rate",
    "Shadows",
    "confidence_logit",
    "leave_one_out",
    "lira",
    "most_tpr",
    "one_run_of",
    "quantile_attack",
    "quantile_regression",
    "rmia",
    "secret_members",
    "shadow_runs",
    "tpr_at_fpr",
]

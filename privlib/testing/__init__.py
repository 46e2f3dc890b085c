"""What the test suites of those who build on privlib need: strategies, assertions, a pytest plugin and the zoo.

Strategies need the ``testing`` extra. The people drawn are imaginary, so a suite can try a whole pipeline, refusals included,
without any data. The zoo of broken mechanisms is `privlib.testing.zoo`; the plugin is `privlib.testing.plugin`.
"""

from __future__ import annotations

from privlib.testing.assertions import assert_dp, assert_not_dp, pairs
from privlib.testing.laws import assert_law, assert_perfect_secrecy, assert_unbiased
from privlib.testing.profiles import register_profiles
from privlib.testing.strategies import (
    Person,
    datasets,
    neighbours,
    records,
    streams,
    survival_neighbours,
    survival_rows,
    survival_tables,
)

__all__ = [
    "Person",
    "assert_dp",
    "assert_law",
    "assert_not_dp",
    "assert_perfect_secrecy",
    "assert_unbiased",
    "datasets",
    "neighbours",
    "pairs",
    "records",
    "register_profiles",
    "streams",
    "survival_neighbours",
    "survival_rows",
    "survival_tables",
]

"""Strategies for the test suites of those who build on privlib; they need the ``testing`` extra.

The people drawn are imaginary, so a suite can try a whole pipeline, refusals included, without any data.
"""

from __future__ import annotations

from privlib.testing.strategies import Person, neighbours, survival_rows

__all__ = ["Person", "neighbours", "survival_rows"]

"""Hypothesis settings for three occasions: at the desk, on every change, at night."""

from __future__ import annotations

import os

from privlib.errors import InvalidInput, extra

__all__ = ["register_profiles"]


def register_profiles(load: str | None = None) -> None:
    """Register the profiles ``dev``, ``ci`` and ``nightly`` with Hypothesis, and load one.

    ``dev`` tries 25 examples; ``ci`` 200, the same ones every time, so that it cannot flake; ``nightly`` 5000 new ones, keeps
    what failed in ``.hypothesis/nightly`` and prints how to repeat it. None has a deadline: exact arithmetic takes its time.

    Parameters
    ----------
    load : {"dev", "ci", "nightly"}, optional
        The one to load. Without it the environment's ``HYPOTHESIS_PROFILE`` names it, else ``ci``.

    Raises
    ------
    InvalidInput
        For another name.
    MissingExtra
        Without Hypothesis.

    Examples
    --------
    In a ``conftest.py``:

    >>> from hypothesis import settings
    >>> before = settings.get_current_profile_name()
    >>> register_profiles("nightly")
    >>> settings.default.max_examples
    5000
    >>> settings.load_profile(before)
    """
    hypothesis = extra("hypothesis", name="testing", purpose="a profile")
    database = extra("hypothesis.database", name="testing", purpose="a profile")
    settings = hypothesis.settings
    plain = settings.get_profile("default")  # else a profile would keep what the one loaded now says
    settings.register_profile("dev", plain, max_examples=25, derandomize=False, deadline=None)
    settings.register_profile("ci", plain, max_examples=200, derandomize=True, database=None, deadline=None, print_blob=True)
    settings.register_profile(
        "nightly",
        plain,
        max_examples=5000,
        derandomize=False,
        database=database.DirectoryBasedExampleDatabase(".hypothesis/nightly"),
        deadline=None,
        print_blob=True,
    )
    name = load or os.environ.get("HYPOTHESIS_PROFILE", "ci")
    if name not in {"dev", "ci", "nightly"}:
        raise InvalidInput(f"the profile must be 'dev', 'ci' or 'nightly', got {name[:40]!r}")
    settings.load_profile(name)

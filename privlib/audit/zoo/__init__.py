"""Mechanisms to try an auditor on: 24 famous bugs with their exact true epsilon, and controls that keep their word.

Nothing here is for use on people's data. ``BROKEN`` claim more privacy than they give, ``CONTROLS`` claim what is true.
"""

from privlib.audit.zoo.broken import BROKEN
from privlib.audit.zoo.controls import CONTROLS
from privlib.audit.zoo.entry import Entry
from privlib.errors import InvalidInput

__all__ = ["BROKEN", "CONTROLS", "ENTRIES", "Entry", "entry"]

ENTRIES: tuple[Entry, ...] = BROKEN + CONTROLS
"""The whole zoo."""


def entry(name: str) -> Entry:
    """Find an entry by its name.

    Parameters
    ----------
    name : str
        Such as ``"svt-4"``.

    Returns
    -------
    Entry

    Raises
    ------
    InvalidInput
        For a name that nothing here bears.
    """
    for found in ENTRIES:
        if found.name == name:
            return found
    raise InvalidInput(f"no entry of the zoo is called {str(name)[:40]!r}; there are {', '.join(one.name for one in ENTRIES)}")

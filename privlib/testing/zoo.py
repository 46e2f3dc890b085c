"""The zoo of broken and of sound mechanisms, for suites that test an auditor: `privlib.audit.zoo` under a second name."""

from privlib.audit.zoo import BROKEN, CONTROLS, ENTRIES, Entry, entry

__all__ = ["BROKEN", "CONTROLS", "ENTRIES", "Entry", "entry"]

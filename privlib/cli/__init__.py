"""The command line: verbs under a group per room, ``--json`` on stdout, files by ``--out``, plain exit codes."""

from privlib.cli.main import main

__all__ = ["main"]

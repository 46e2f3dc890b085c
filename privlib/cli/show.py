"""Tables for people: rich on a terminal, aligned plain text in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

__all__ = ["as_json_option", "example", "print_json", "print_table"]

_SHORT = 32

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
"""``--json`` as every command has it."""


def example(*lines: str) -> str:
    """An example of a command's use, to stand under its help with its lines as they are."""
    return "\n".join(("\b", "Example:", *(f"  {line}" for line in lines)))


def print_json(value: Any) -> None:
    """Print one JSON value."""
    click.echo(json.dumps(value, indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, with colour on a terminal only."""
    if sys.stdout.isatty():
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        named = max((len(row[0]) for row in rows), default=0) <= _SHORT  # what a row is about stays in one piece
        for place, name in enumerate(columns):
            table.add_column(name, overflow="fold", no_wrap=named and place == 0)
        for row in rows:
            table.add_row(*map(Text, row))
        Console().print(table)
        return
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

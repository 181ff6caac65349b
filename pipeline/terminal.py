"""What is printed looks the same everywhere."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.table import Table

# Of what goes to a file or a pipe.
_WIDTH = 130


def new_console(terminal: TextIO) -> Console:
    """A console that writes to a terminal, or in a fixed width to something else."""
    return Console(file=terminal, highlight=False, width=None if terminal.isatty() else _WIDTH)


def simple_table(first: str, *others: str) -> Table:
    """A table without lines; all but the first column to the right."""
    table = Table(box=None, padding=(0, 2))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table

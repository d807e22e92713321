"""The console on stdout, one look for tables, and notes on stderr, which observers of runs and searches print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["Notes", "output_console", "plain_table"]


def output_console() -> Console:
    """Return a console on stdout that keeps long lines whole where there is no terminal to fold them."""
    console = Console(highlight=False, emoji=False)
    return console if console.is_terminal or console.is_jupyter else Console(highlight=False, emoji=False, width=160)


def plain_table(words: Sequence[str], figures: Sequence[str], **options: Any) -> Table:
    """Return a table without lines: columns of words to the left, columns of figures, with `options`, to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in words:
        table.add_column(title, overflow="fold")
    for title in figures:
        table.add_column(title, justify="right", **options)
    return table


class Notes:
    """Prints notes on stderr, unless it is to be quiet."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(stderr=True, soft_wrap=True, highlight=False)

    def note(self, message: str) -> None:
        """Print a note."""
        if not self.quiet:
            self.console.print(f"note: {message}", markup=False)

    @property
    def can_redraw(self) -> bool:
        """Whether the console can take back what it showed, as a progress bar needs it."""
        return (self.console.is_terminal and not self.console.is_dumb_terminal) or self.console.is_jupyter

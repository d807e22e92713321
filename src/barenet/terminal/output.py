"""The console on stdout."""

from __future__ import annotations

from rich.console import Console

__all__ = ["output_console"]


def output_console() -> Console:
    """Return a console on stdout that keeps long lines whole where there is no terminal to fold them."""
    console = Console(highlight=False, emoji=False)
    return console if console.is_terminal or console.is_jupyter else Console(highlight=False, emoji=False, width=160)

"""The notes of the logger `barenet`, printed on stderr."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from barenet.messages import escaped
from barenet.notes import handled, logger
from barenet.printing.lines import print_note

if TYPE_CHECKING:
    from barenet.printing.consoles import PlainConsole  # loads rich

__all__ = ["printed_notes"]


class NotePrinter(logging.Handler):
    """Prints notes: on a console, which may show a progress bar at the time, or else on stderr itself."""

    def __init__(self, console: PlainConsole | None) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a note in one line."""
        if self.console is None:
            print_note(record.getMessage())
        else:
            self.console.print(escaped(f"note: {record.getMessage()}"))


@contextmanager
def printed_notes(console: PlainConsole | None = None) -> Iterator[None]:
    """Print the notes; if they are printed already, print them on this console for as long as it is used."""
    printer = next((handler for handler in logger.handlers if isinstance(handler, NotePrinter)), None)
    if printer is None:
        with handled(NotePrinter(console)):
            yield
    else:
        before, printer.console = printer.console, console
        try:
            yield
        finally:
            printer.console = before

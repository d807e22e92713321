"""Notes: what a person should know though nothing is wrong. They are records of the standard logger `barenet`.

The command line and, unless `verbose=False`, the Python functions print them on stderr. A program that wants them adds
a handler, as for every logger:

    logging.getLogger("barenet").addHandler(logging.StreamHandler())
    logging.getLogger("barenet").setLevel(logging.INFO)
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["collected", "handled", "held_back", "logger"]

logger = logging.getLogger("barenet")
_held: ContextVar[list[str] | None] = ContextVar("_held", default=None)


@contextmanager
def held_back() -> Iterator[list[str]]:
    """Keep all notes in a list, and send them to no handler.

    So a note about the data or the base settings is not repeated for each trial. And if data are first read in a wrong
    way, the notes of this attempt can be dropped.
    """
    notes: list[str] = []
    token = _held.set(notes)
    try:
        yield notes
    finally:
        _held.reset(token)


def is_sent(record: logging.LogRecord) -> bool:
    """Whether a note goes to the handlers; one that does not is kept in the list of `held_back`."""
    notes = _held.get()
    if notes is not None:
        notes.append(record.getMessage())
    return notes is None


@contextmanager
def handled(handler: logging.Handler) -> Iterator[None]:
    """Send the notes to one more handler."""
    level = logger.level
    logger.addHandler(handler)
    if not logger.isEnabledFor(logging.INFO):
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def collected() -> Iterator[list[str]]:
    """Return a list to which each note is appended, as a context manager."""
    notes: list[str] = []
    with handled(Collector(notes)):
        yield notes


class Collector(logging.Handler):
    """Appends the text of each note to a list."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__()
        self.notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        """Append the text."""
        self.notes.append(record.getMessage())


logger.addFilter(is_sent)

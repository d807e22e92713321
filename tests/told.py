"""Collect the notes of the logger `barenet` in a test."""

from __future__ import annotations

from barenet.notes import Collector, logger

__all__ = ["forget", "listen"]

_listening: list[Collector] = []


def listen() -> list[str]:
    """Return a list to which each note from now on is appended, until the test ends."""
    notes: list[str] = []
    _listening.append(Collector(notes))
    logger.addHandler(_listening[-1])
    logger.setLevel("INFO")
    return notes


def forget() -> None:
    """Stop collecting notes for all lists of `listen`."""
    for handler in _listening:
        logger.removeHandler(handler)
    if _listening:
        logger.setLevel("NOTSET")
    _listening.clear()

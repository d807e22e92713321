"""Standard streams, whose reader may be gone: what is written there is dropped, and the command goes on."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from barenet.interrupts import waiting

__all__ = ["guard_streams", "loss_of_results", "read_standard_input"]


class LenientStream:
    """A text stream that drops what cannot be written, from the first failure on: `lost` is that failure."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write, or drop."""
        try:
            return self.stream.write(text)
        except OSError as error:
            self.lose(error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts, or drop them."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand over what was written, or drop it."""
        try:
            self.stream.flush()
        except OSError as error:
            self.lose(error)

    def lose(self, error: OSError) -> None:
        """Remember the first failure, and let the rest, what is buffered included, go nowhere."""
        self.lost = self.lost or error
        with contextlib.suppress(OSError, ValueError):  # a stream in memory has no file
            to_nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(to_nowhere, self.stream.fileno())
            os.close(to_nowhere)

    def __getattr__(self, name: str) -> Any:
        """Return whatever else streams have, such as `encoding` and `isatty`."""
        return getattr(self.stream, name)


def guard_streams() -> None:
    """Make stdout and stderr lenient, and open those that are closed, as by `>&-`: to nowhere.

    A closed one would be given to the next file that is opened, and messages would be written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    if sys.stdin is None:
        sys.stdin = open_nowhere("r")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open_nowhere("w")
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that lacks a sign shows another, and nothing fails
        setattr(sys, name, LenientStream(stream))


def open_nowhere(mode: str) -> TextIO:
    """Return a stream that is empty, or that drops all, for the life of the process."""
    return Path(os.devnull).open(mode, encoding="utf-8")  # type: ignore[return-value]


def loss_of_results() -> OSError | None:
    """Return why stdout took not all that was written; None if it did, or if its reader had enough, as `head` has."""
    sys.stdout.flush()
    lost = getattr(sys.stdout, "lost", None)
    return None if isinstance(lost, BrokenPipeError) else lost


def read_standard_input() -> bytes:
    """Return all of standard input, which a person may type: Ctrl-C ends that at once."""
    with waiting():
        return sys.stdin.buffer.read()

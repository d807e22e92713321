"""Standard streams, whose reader may be gone: then output is dropped, and the command goes on."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from barenet.interrupts import waiting
from barenet.printing.encodings import PLAIN

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
        """Flush what was written, or drop it."""
        try:
            self.stream.flush()
        except OSError as error:
            self.lose(error)

    def lose(self, error: OSError) -> None:
        """Remember the first failure, and send all other output, buffered output too, to the null device."""
        self.lost = self.lost or error
        with contextlib.suppress(OSError, ValueError):  # a stream in memory has no file
            null_device = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null_device, self.stream.fileno())
            os.close(null_device)

    def __getattr__(self, name: str) -> Any:
        """Return any other attribute of streams, such as `encoding` and `isatty`."""
        return getattr(self.stream, name)


def guard_streams() -> None:
    """Make stdout and stderr lenient, and connect closed streams (as by `>&-`) to the null device.

    Else the next file that is opened would get the number of the closed stream, and messages would go into that file.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    if sys.stdin is None:
        sys.stdin = open_null("r")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open_null("w")
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)  # a character that the console lacks is replaced, not an error
        setattr(sys, name, LenientStream(stream))


def open_null(mode: str) -> TextIO:
    """Return a stream on the null device: empty to read, and dropping all that is written."""
    return Path(os.devnull).open(mode, encoding="utf-8")  # type: ignore[return-value]


def loss_of_results() -> OSError | None:
    """Return the error that lost output on stdout; None if all was written, or the reader stopped, as `head` does."""
    sys.stdout.flush()
    lost = getattr(sys.stdout, "lost", None)
    return None if isinstance(lost, BrokenPipeError) else lost


def read_standard_input() -> bytes:
    """Return all of standard input, which a person may type: Ctrl-C ends that at once."""
    with waiting():
        return sys.stdin.buffer.read()

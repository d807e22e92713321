"""Signals that ask the command line to stop: the handler remembers them, and loops check between two pieces of work.

An exception raised by a signal handler can appear at any line. A library that catches all exceptions would swallow it.
So the handler only remembers the signal, and `check`, which loops call between two pieces of work, raises. In
`waiting`, and while a command is imported, the handler raises at once.

Only the command line installs the handler. In a script or a notebook Ctrl-C raises KeyboardInterrupt, as usual.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

__all__ = ["CHECK_SECONDS", "Interrupted", "came", "check", "install", "release", "waiting"]

# SIGHUP: the terminal was closed. Windows does not have it.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
# One request may come as two signals: `timeout` and terminals signal a process and then its group.
SAME_REQUEST_SECONDS = 0.5
CHECK_SECONDS = 0.2  # between two checks for a signal in a loop that waits
SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it


class Interrupted(KeyboardInterrupt):
    """A signal asked to stop. The observer of a run adds to it how to resume."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number  # as shells report it: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP


_interrupted: Interrupted | None = None
_since = 0.0
_n_waits = 0


def install() -> None:
    """Remember signals from now on; those that the process was started to ignore, as by nohup, are still ignored."""
    global _interrupted, _n_waits
    _interrupted, _n_waits = None, 0
    if threading.current_thread() is not threading.main_thread():
        return  # Python lets no other thread set handlers
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, remember)


def release() -> None:
    """Let signals end the process from now on: the work is done, and nothing calls `check` any more."""
    for number in SIGNALS:
        if signal.getsignal(number) is remember:
            signal.signal(number, signal.SIG_DFL)


def remember(number: int, frame: object) -> None:
    """Note that a signal came; end the process at once if an earlier signal has not ended it."""
    global _interrupted, _since
    if _interrupted is None:
        _interrupted, _since = Interrupted(number), time.monotonic()
    elif time.monotonic() - _since > SAME_REQUEST_SECONDS:
        # Files are replaced whole, and worker processes end with this one.
        with contextlib.suppress(OSError):
            os.write(2, SHOW_CURSOR * os.isatty(2) + b"barenet: ended at once\n")
        os._exit(128 + number)
    if _n_waits:
        raise _interrupted


def came() -> Interrupted | None:
    """Return what `check` would raise, None as long as no signal came."""
    return _interrupted


def check() -> None:
    """Raise Interrupted if a signal came: always the same object, so that a message added to it stays."""
    if _interrupted is not None:
        raise _interrupted


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """Let a signal raise at once, in slow imports and in calls that Python continues after a signal, such as input.

    The code inside must allow an exception at any line. In other threads than the first it changes nothing: they get
    no signals.
    """
    global _n_waits  # noqa: PLW0603 (signals are the process's)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _n_waits += 1
    try:
        check()
        yield
    finally:
        _n_waits -= 1

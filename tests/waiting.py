"""Waiting for another process or thread, long enough for a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120  # seconds; nothing that is waited for takes more than a few on an idle machine


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as `condition` holds; fail if it does not hold within PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain for {what}"
        time.sleep(0.02)


def wait_while_it_raises(error: type[Exception], action: Callable[[], object]) -> None:
    """Repeat an action until it no longer raises `error`; fail if it still does after PATIENCE seconds."""

    def succeeds() -> bool:
        try:
            action()
        except error:
            return False
        return True

    wait_until(succeeds, f"an end of {error.__name__}")

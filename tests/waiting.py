"""Waiting for what another process or thread does, with a patience that a busy machine does not exhaust."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120  # seconds; nothing that is waited for takes more than a few on an idle machine


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return once `condition` holds; fail when it does not come to hold."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain for {what}"
        time.sleep(0.02)


def wait_while_it_raises(error: type[Exception], action: Callable[[], object]) -> None:
    """Repeat an action until it raises `error` no more; fail when it always does."""

    def succeeds() -> bool:
        try:
            action()
        except error:
            return False
        return True

    wait_until(succeeds, f"an end of {error.__name__}")

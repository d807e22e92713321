"""What the tests of commands share."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture(autouse=True)
def interruptible():
    """Let commands see Ctrl-C, also where the tests themselves run in the background, where shells switch it off."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)

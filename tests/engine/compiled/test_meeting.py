"""Threads that share a network wait for each other, but not for one that has failed."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from engines import Case

pytest.importorskip("numba")

from barenet.engine.compiled import engine as compiled_engine
from barenet.engine.compiled.kernels.compiling import compiled
from barenet.engine.compiled.kernels.meeting import MEET_NO_MORE, meet

WAIT = 20.0  # seconds after which a thread counts as blocked


@compiled
def come(counter, n_threads):
    """Meet, called from Python."""
    meet(counter, n_threads)


def stuck(call) -> bool:
    """Return whether a call in a separate thread does not end."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(WAIT)
    return thread.is_alive()


@pytest.mark.slow
def test_a_thread_waits_until_all_have_come():
    counter, order = np.zeros(1, np.int64), []

    def first() -> None:
        come(counter, 2)
        order.append("went on")

    thread = threading.Thread(target=first, daemon=True)
    thread.start()
    end = time.monotonic() + WAIT
    while counter[0] == 0 and time.monotonic() < end:
        pass
    order.append("comes")
    come(counter, 2)
    thread.join(WAIT)
    assert order == ["comes", "went on"]
    assert counter[0] == 2


def test_no_thread_waits_after_meet_no_more():
    counter = np.full(1, MEET_NO_MORE, np.int64)
    assert not stuck(lambda: [come(counter, 3) for _ in range(4)])


@pytest.mark.parametrize("absent", [0, 1])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_error_in_one_thread_ends_the_waiting_of_the_others(absent, error, monkeypatch):
    case = Case({"batch_size": 32}, ({"seed": 0},), kind="compiled")
    plan, engine = case.plan((0,)), case.engine((0,), 2, None)
    engine.begin(plan)
    engine._arrange(2)
    take_steps, came = compiled_engine.take_steps, threading.Event()

    def fail(network, images, chosen, memory, share, *rest):
        if share.number == absent:
            assert came.wait(WAIT)
            raise error
        came.set()
        take_steps(network, images, chosen, memory, share, *rest)

    monkeypatch.setattr(compiled_engine, "take_steps", fail)
    raised = []

    def run() -> None:
        with pytest.raises(error):
            engine._run(0, plan.n_steps, is_measured=False)
        raised.append(True)

    assert not stuck(run)
    assert raised
    engine.close()

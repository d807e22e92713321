"""Worker processes on this machine: they use one thread of BLAS, ignore Ctrl-C, and end when their parent ends."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from typing import TypeVar

import psutil
from loky import ProcessPoolExecutor

from barenet.interrupts import CHECK_SECONDS, check

__all__ = ["interrupts_held", "result_of", "start_workers"]

Result = TypeVar("Result")

# Variables that BLAS libraries read when they start: a worker has one thread from its first product on.
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")}

# Signals that a terminal sends to all its processes; only the parent handles them.
LEFT_TO_PARENT = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]


def start_workers(n_workers: int) -> ProcessPoolExecutor:
    """Return a pool of `n_workers` processes; they start at its first task, which needs `interrupts_held`."""
    return ProcessPoolExecutor(
        max_workers=n_workers, initializer=follow_parent, initargs=(os.getpid(),), env=ONE_THREAD
    )


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Block Ctrl-C, so that processes started inside ignore it: it would end them while they import.

    This process gets it afterwards. On Windows, where signals cannot be blocked, this does nothing.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, LEFT_TO_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def result_of(future: Future[Result]) -> Result:
    """Wait for a worker's result; raise if a signal comes first."""
    while not wait([future], timeout=CHECK_SECONDS).done:
        check()
    return future.result()


def follow_parent(parent: int) -> None:
    """Ignore a terminal's signals, and end this process when its parent has ended for any reason."""
    for number in LEFT_TO_PARENT:
        signal.signal(number, signal.SIG_IGN)
    coordinator = psutil.Process(parent)

    def watch() -> None:
        while is_alive(coordinator):
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="follow-parent").start()


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; it may end between the two checks."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

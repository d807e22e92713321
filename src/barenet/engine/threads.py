"""How many BLAS threads a run uses, and setting them for just as long.

More threads give other bits in the last place, so the number is part of a run's settings: chosen once, from the
network's shape, the batch and the cores, never from how many networks train side by side.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

__all__ = ["blas_threads", "choose_threads"]

# Multiply-adds of one layer pass over a batch (weights x images) below which a second thread costs more than it gives.
WORK_FOR_TWO = 100_000_000


def choose_threads(n_weights: int, batch_size: int) -> int:
    """Return the number of BLAS threads for steps of `batch_size` images through `n_weights` weights."""
    return available_cores() if n_weights * batch_size >= WORK_FOR_TWO else 1


def available_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Let BLAS use `n` threads inside, and as many as before afterwards."""
    with threadpool_limits(limits=n, user_api="blas"):
        yield

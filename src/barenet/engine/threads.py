"""How many BLAS threads a run uses, and setting them for just as long.

More threads give other bits in the last place, so the number is part of a run's settings: chosen once, from the
network's shape, the batch and the cores, never from how many networks train side by side.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info, threadpool_limits

__all__ = ["available_cores", "blas_threads", "choose_threads", "find_blas"]

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


def find_blas() -> dict[str, Any]:
    """Return what threadpoolctl tells of NumPy's BLAS: other libraries, such as SciPy, may have loaded another."""
    found: list[dict[str, Any]] = [info for info in threadpool_info() if info["user_api"] == "blas"]
    carried = [info for info in found if {"numpy", "numpy.libs"} & set(Path(info["filepath"]).parts[-3:])]
    return next(iter([*carried, *found]), {})


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Let BLAS use `n` threads inside, and as many as before afterwards."""
    with threadpool_limits(limits=n, user_api="blas"):
        yield

"""The cores that this process may use, and the threads of NumPy's BLAS.

More threads of BLAS give other bits in the last place. So BLAS has one, and the threads are ours (see `team`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController, threadpool_info

__all__ = ["available_cores", "blas_threads", "find_blas"]

ROUNDING = 0.5  # a quota of 1.5 cores counts as two, one of 1.4 as one


def available_cores() -> int:
    """Return the cores that this process may use: those of its affinity, and no more than a container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = container_quota(Path("/sys/fs/cgroup"))
    return cores if quota is None else max(1, min(cores, math.floor(quota + ROUNDING)))


def container_quota(folder: Path) -> float | None:
    """Return how many cores' time a Linux control group may use, from the files in `folder`; None for any.

    A version 2 file holds "QUOTA PERIOD" or "max PERIOD", version 1 has two files (the kernel's cgroup-v2.rst and
    sched-bwc.rst).
    """
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            quota, period = (
                (folder / "cpu" / name).read_text("ascii").strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            )
        return int(quota) / int(period) if quota not in {"max", "-1"} else None
    except (OSError, ValueError):  # no such files, as on other systems: no quota is known
        return None


def find_blas() -> dict[str, Any]:
    """Return what threadpoolctl tells of NumPy's BLAS: other libraries, such as SciPy, may have loaded another."""
    found: list[dict[str, Any]] = [info for info in threadpool_info() if info["user_api"] == "blas"]
    carried = [info for info in found if {"numpy", "numpy.libs"} & set(Path(info["filepath"]).parts[-3:])]
    return next(iter([*carried, *found]), {})


@cache
def numpy_blas() -> ThreadpoolController:
    """Return the control of the BLAS libraries that are loaded; to find them takes some milliseconds."""
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Let BLAS use `n` threads inside, and as many as before afterwards."""
    with numpy_blas().limit(limits=n):
        yield

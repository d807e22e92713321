"""How many cores this process may use: those of its affinity, and no more than its container's quota.

And how many of them other programs keep busy.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path, PurePosixPath
from typing import Self

__all__ = ["BusyCores", "affinity_cores", "available_cores", "container_quota"]

ROUNDING = 0.5  # a quota of 1.5 cores counts as two, one of 1.4 as one


def available_cores() -> int:
    """Return the cores that this process may use, at least one."""
    cores, quota = affinity_cores(), container_quota()
    return cores if quota is None else max(1, min(cores, math.floor(quota + ROUNDING)))


def affinity_cores() -> int:
    """Return the cores that the system lets this process run on, where it tells, or all of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def container_quota(groups: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return how many cores' time the Linux control groups of this process may use, None for any.

    The file `groups` names the group of each hierarchy as "number:controllers:path", that of version 2 without a number
    and controllers (man 7 cgroups). A group may use no more than those above it, so the smallest quota counts.
    """
    try:
        lines = groups.read_text("utf-8").splitlines()
    except OSError:  # another system than Linux
        return None
    quotas: list[float] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root = mounted
        elif "cpu" in controllers.split(","):
            root = next((mounted / name for name in (controllers, "cpu") if (mounted / name).is_dir()), mounted / "cpu")
        else:
            continue
        # A container may see its group as the root, under a path that the system outside of it has.
        parts = PurePosixPath(path).parts[1:]
        folders = [root.joinpath(*parts[:n]) for n in range(len(parts) + 1)] if ".." not in parts else [root]
        quotas += [quota for folder in folders if (quota := read_quota(folder)) is not None]
    return min(quotas, default=None)


def read_quota(folder: Path) -> float | None:
    """Return the quota of one control group, in cores; None if it has none, or the files are not there.

    A version 2 file holds "QUOTA PERIOD" or "max PERIOD", version 1 has two files (the kernel's cgroup-v2.rst and
    sched-bwc.rst).
    """
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            quota, period = ((folder / name).read_text("ascii").strip() for name in names)
        return int(quota) / int(period) if quota not in {"max", "-1"} else None
    except (OSError, ValueError):
        return None


class BusyCores:
    """A stretch of time; after it, `elsewhere` is how many of this process's cores other programs kept busy in it."""

    elsewhere = 0.0

    def __enter__(self) -> Self:
        """Begin the stretch."""
        self._started = read_clocks()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        wall, busy, own = (after - before for before, after in zip(self._started, read_clocks(), strict=True))
        self.elsewhere = max(0.0, (busy - own) / max(wall, 1e-9))


def read_clocks() -> tuple[float, float, float]:
    """Return seconds: on the clock, in which the cores that this process may use were busy, and of this process."""
    import psutil  # for this alone: who predicts or decodes pictures counts cores too

    by_core = psutil.cpu_times(percpu=True)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(by_core))
    times = [by_core[core]._asdict() for core in allowed if core < len(by_core)]
    # The time of a virtual machine's guests counts as user time already. Stolen time is another machine's.
    idle = {"idle", "iowait", "guest", "guest_nice"}
    busy = sum(seconds for core in times for kind, seconds in core.items() if kind not in idle)
    return time.perf_counter(), busy, time.process_time()

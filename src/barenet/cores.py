"""How many cores this process may use, by its affinity and its container's quota, and how many others keep busy."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path, PurePosixPath
from typing import Self

__all__ = ["BusyCores", "affinity_cores", "available_cores", "container_quota"]

ROUNDING = 0.5  # a quota of 1.5 cores counts as two, one of 1.4 as one


def available_cores() -> int:
    """Return the number of cores that this process may use, at least one."""
    cores, quota = affinity_cores(), container_quota()
    return cores if quota is None else max(1, min(cores, math.floor(quota + ROUNDING)))


def affinity_cores() -> int:
    """Return the number of cores that the system lets this process run on, or all cores where it does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def container_quota(groups: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the quota of this process's Linux control groups, in cores; None where there is no limit.

    The file `groups` names the group of each hierarchy as "number:controllers:path", in version 2 as "0::path"
    (man 7 cgroups). A group may use no more than those above it, so the smallest quota counts.
    """
    try:
        lines = groups.read_text("utf-8").splitlines()
    except OSError:  # not Linux
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
        # In a container the group may be mounted as the root, while `path` is the path outside of the container.
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
    """Measure a period: after it, `elsewhere` is how many of this process's cores other programs kept busy."""

    elsewhere = 0.0

    def __enter__(self) -> Self:
        """Begin the period."""
        self._started = read_clocks()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        wall, busy, used = (after - before for before, after in zip(self._started, read_clocks(), strict=True))
        self.elsewhere = max(0.0, (busy - used) / max(wall, 1e-9))


def read_clocks() -> tuple[float, float, float]:
    """Return three times in seconds: the clock, the busy time of this process's cores, its CPU time."""
    import psutil  # only here: prediction and decoding count cores too, and do not need it

    by_core = psutil.cpu_times(percpu=True)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(by_core))
    times = [by_core[core]._asdict() for core in allowed if core < len(by_core)]
    # The time of a virtual machine's guests is part of user time already. Stolen time counts: others use it.
    idle = {"idle", "iowait", "guest", "guest_nice"}
    busy = sum(seconds for core in times for kind, seconds in core.items() if kind not in idle)
    return time.perf_counter(), busy, time.process_time()

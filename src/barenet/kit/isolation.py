"""A process with limits on time and memory. Mistakes do no harm in it; it is no sandbox against hostile code."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Ended", "Limits", "limit_this_process", "run_limited"]

STARTUP = 60.0  # seconds in which the process must begin
POLL = 0.05  # seconds between two looks at the process
IDLE = 0.05  # of a core; a process that uses less waits for something
LARGEST_FILE = 256 * 2**20
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What a process with its children may use once it has begun: seconds of CPU time, and bytes of memory.

    A process that waits and computes next to nothing ends after twice the seconds, and any process after eight times
    the seconds; so a busy machine, on which a process gets a part of a core only, does not make right code wrong.
    """

    seconds: float = 8.0
    memory: int = 2 * 2**30


@dataclass(frozen=True)
class Ended:
    """How a process ended: `why` is "", "time", "memory" or "stopped"."""

    why: str
    exit_code: int | None
    seconds: float


def run_limited(
    arguments: Sequence[str], *, cwd: Path, begun: Path, limits: Limits, stop: threading.Event | None = None
) -> Ended:
    """Run Python with `arguments` until it ends, breaks a limit or `stop` is set; then kill it with its children.

    The time counts from the moment at which the file `begun` is there.
    """
    environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    environment["MPLBACKEND"] = "Agg"  # no windows
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    watched, began, why = None, None, ""
    try:
        watched = psutil.Process(process.pid)
        while process.poll() is None and not why:
            now = time.monotonic()
            if began is None and begun.exists():
                began = now
            if stop is not None and stop.is_set():
                why = "stopped"
            elif began is None:
                why = "time" if now - started > STARTUP else ""
            else:
                why = over(use_of(watched), now - began, limits)
            if not why:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL)
    except psutil.NoSuchProcess:
        process.wait()
    finally:
        kill_all(process, watched)
    ended = time.monotonic()
    return Ended(why, process.returncode, ended - (began or started))


def use_of(process: psutil.Process) -> tuple[float, int]:
    """Return the seconds of CPU time and the bytes of memory that a process and its children use."""
    seconds, memory = 0.0, 0
    with contextlib.suppress(psutil.Error):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                memory += one.memory_info().rss
                times = one.cpu_times()
                seconds += times.user + times.system
    return seconds, memory


def over(use: tuple[float, int], wall: float, limits: Limits) -> str:
    """Return which limit is broken after `wall` seconds: "time", "memory" or ""."""
    seconds, memory = use
    if memory > limits.memory:
        return "memory"
    waits = wall > 2 * limits.seconds and seconds < IDLE * wall
    return "time" if seconds > limits.seconds or waits or wall > 8 * limits.seconds else ""


def kill_all(process: subprocess.Popen[bytes], watched: psutil.Process | None) -> None:
    """Kill a process, its children, and on POSIX all of its process group."""
    children: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        children = watched.children(recursive=True) if watched is not None else []
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()
    if process.poll() is None:
        process.kill()
    process.wait()


def limit_this_process(limits: Limits) -> None:
    """Let the system refuse memory, CPU time and files beyond the limits, where it can (POSIX)."""
    if sys.platform == "win32":
        return
    import resource

    room = psutil.Process().memory_info().vms + limits.memory
    seconds = int(limits.seconds) + 2
    for what, most in (
        (resource.RLIMIT_AS, room),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, LARGEST_FILE),
    ):
        with contextlib.suppress(ValueError, OSError):  # a lower limit is there already, or the system has none
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))

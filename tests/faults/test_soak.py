"""Many small runs in one process: its memory, its threads and its open files do not grow."""

from __future__ import annotations

import ctypes
import gc
import shutil
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from children import dataset_of, train
from report import record

MIB = 2**20


def count_resources() -> dict[str, float]:
    """Return memory in MiB, threads and open files of this process; memory that the C library keeps is given back."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only the GNU library has it
        ctypes.CDLL(None).malloc_trim(0)
    process = psutil.Process()
    return {
        "memory": process.memory_info().rss / MIB,
        "threads": process.num_threads(),
        "files": len(process.open_files()) + len(process.net_connections()),
    }


def soak(tmp_path: Path, n_before: int, n: int) -> tuple[dict[str, float], dict[str, float]]:
    """Train n_before runs and then n; return what this process holds after the first and at the end."""
    dataset_of(400)
    after_first = {}
    for number in range(n_before + n):
        folder = tmp_path / "run"
        train(str(folder), ("one", "three")[number % 10 == 9])
        shutil.rmtree(folder)
        if number + 1 == n_before:
            after_first = count_resources()
    return after_first, count_resources()


@pytest.mark.full
def test_runs_leave_nothing_open(tmp_path):
    before, after = soak(tmp_path, 3, 10)
    assert (after["threads"], after["files"]) == (before["threads"], before["files"])


@pytest.mark.full
def test_2000_runs_leave_no_memory_threads_or_files(tmp_path):
    started = time.monotonic()
    before, after = soak(tmp_path, 200, 1800)
    grown = {name: after[name] - before[name] for name in before}
    record(
        "small runs in one process: growth after the first 200 of memory, threads, open files",
        "< 10 MiB, 0, 0",
        f"{grown['memory']:.1f} MiB, {grown['threads']:.0f}, {grown['files']:.0f}",
        n=2000,
        seconds=time.monotonic() - started,
    )
    assert grown["memory"] < 10
    assert grown["threads"] == grown["files"] == 0

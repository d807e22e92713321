"""Train rungs in processes of this machine."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import Executor, wait
from typing import Any

import psutil
from loky.process_executor import BrokenProcessPool, ShutdownExecutorError

from barenet.engine.processes.workers import interrupts_held, start_workers
from barenet.errors import MachineError
from barenet.interrupts import CHECK_SECONDS, check
from barenet.messages import count
from barenet.tuning.workers.pool import Pool, Result
from barenet.tuning.workers.rung import RungTask, train_rung_in_worker

__all__ = ["LocalPool"]

MOST_STARTS = 10
NOTICE_SECONDS = 3.0


class LocalPool(Pool):
    """Processes of this machine, and a separate process for tasks of a pool that broke.

    When a process of a pool dies, every task of the pool fails, and the cause may be any of them. In the separate
    process only one task runs: if it fails, it is itself the cause.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_slots = n_workers
        self.name = count(n_workers, "process", "processes")
        self.pools: dict[bool, Executor] = {}
        self.dead_since: dict[int, float] = {}
        with interrupts_held():  # processes start now, while the search is still being set up
            self.executor(alone=False).submit(int)

    def submit(self, task: RungTask, *, alone: bool = False) -> Result:
        """Start a task."""
        if alone:
            self.make_ready()
        with interrupts_held():
            try:
                return self.executor(alone=alone).submit(train_rung_in_worker, task)
            except (BrokenProcessPool, ShutdownExecutorError):
                self.renew(alone=alone)
                return self.executor(alone=alone).submit(train_rung_in_worker, task)

    def make_ready(self) -> None:
        """Wait until the separate process has started: if it dies before that, its task is not the cause."""
        for _ in range(MOST_STARTS):
            try:
                with interrupts_held():
                    ready = self.executor(alone=True).submit(int)
                while not wait([ready], timeout=CHECK_SECONDS).done:
                    check()
                    self.check()
                ready.result()
                return
            except (BrokenProcessPool, ShutdownExecutorError):
                self.renew(alone=True)
        raise MachineError(f"worker processes end as soon as they start, {MOST_STARTS} times; is there enough memory?")

    def executor(self, *, alone: bool) -> Executor:
        """Return the pool, started if it is not."""
        if alone not in self.pools:
            self.pools[alone] = start_workers(1 if alone else self.n_slots)
        return self.pools[alone]

    def check(self) -> None:
        """Break a pool whose worker died while it was sending a result.

        loky then waits for the rest of that result, and does not watch its processes any more. When the pipe has no
        writers left, it ends, and every task of the pool fails, as when a worker dies at another moment.
        """
        for pool in self.pools.values():
            processes = list((getattr(pool, "_processes", None) or {}).values())
            if not any(self.is_long_dead(process) for process in processes):
                continue
            for process in processes:
                with contextlib.suppress(psutil.Error):
                    psutil.Process(process.pid).kill()
            pool._result_queue._writer.close()  # type: ignore[attr-defined]

    def is_long_dead(self, process: Any) -> bool:
        """Whether a process has been dead for longer than loky takes to notice."""
        if process.is_alive():
            return False
        return time.monotonic() - self.dead_since.setdefault(process.pid, time.monotonic()) > NOTICE_SECONDS

    def deaths(self, error: BaseException) -> int:
        """Return 1 for a pool that broke."""
        return int(isinstance(error, BrokenProcessPool))

    def renew(self, *, alone: bool = False) -> None:
        """Stop what is left of the pool; the next task starts another."""
        pool: Any = self.pools.pop(alone, None)
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=True)

    def close(self, *, kill: bool = False) -> None:
        """Stop all processes."""
        while self.pools:
            _, pool = self.pools.popitem()
            pool.shutdown(wait=True, kill_workers=kill)  # type: ignore[call-arg]

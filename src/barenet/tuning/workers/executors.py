"""Where rungs are trained: in this process, in processes of this machine, or on a Dask cluster.

A pool takes a task and gives a future. What to do when a worker dies is left to `stacks`; a pool says only whether a
failure was a worker's end, and starts again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, wait
from typing import Any

from barenet.engine.threads import available_cores
from barenet.errors import ConfigError, MachineError
from barenet.tuning.workers.rung import RungTask, TrainedNetwork, train_rung, train_rung_in_worker

__all__ = ["CHECK_SECONDS", "DaskPool", "LocalPool", "Pool", "SameProcess", "count_workers", "make_pool"]

Result = Future[list[TrainedNetwork]]
CONNECT_SECONDS = 8.0
MOST_STARTS = 10
CHECK_SECONDS = 1.0
NOTICE_SECONDS = 3.0
# Variables that BLAS libraries read when they start: a worker has one thread from its first product on.
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")}


class Pool:
    """What the search asks of a pool; `n_slots` tasks run at a time."""

    n_slots = 1
    name = ""

    def submit(self, task: RungTask, *, alone: bool = False) -> Result:
        """Begin a task; `alone` means in a process that nothing else can break."""
        raise NotImplementedError

    def deaths(self, error: BaseException) -> int:
        """Return how many workers ended over a failed task; 0 if the task itself raised the error."""
        return 0

    def renew(self, *, alone: bool = False) -> None:
        """Make the pool anew after a worker ended."""

    def check(self) -> None:
        """Look after the workers, called now and then while nothing comes back from them."""

    def close(self, *, kill: bool = False) -> None:
        """Send the workers home; `kill` does not wait for what they do."""


class SameProcess(Pool):
    """No worker at all: tasks run when they are submitted."""

    name = "in this process"

    def submit(self, task: RungTask, *, alone: bool = False) -> Result:
        """Run a task."""
        future: Result = Future()
        try:
            future.set_result(train_rung(task))
        except Exception as error:
            future.set_exception(error)
        return future


class LocalPool(Pool):
    """Processes of this machine, and one apart for tasks that were caught in a broken pool.

    When a process of a pool dies, every task of the pool fails, and who is to blame is not known. A task that fails
    in the process apart, where nothing else runs, is to blame for itself.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_slots = n_workers
        self.name = f"{n_workers} process{'es' if n_workers != 1 else ''}"
        self.pools: dict[bool, Executor] = {}
        self.dead_since: dict[int, float] = {}
        with interrupts_held():  # processes start now, while the search is still being set up
            self.executor(alone=False).submit(int)

    def submit(self, task: RungTask, *, alone: bool = False) -> Result:
        """Begin a task."""
        from loky.process_executor import BrokenProcessPool, ShutdownExecutorError

        if alone:
            self.make_ready()
        with interrupts_held():
            try:
                return self.executor(alone=alone).submit(train_rung_in_worker, task)
            except (BrokenProcessPool, ShutdownExecutorError):
                self.renew(alone=alone)
                return self.executor(alone=alone).submit(train_rung_in_worker, task)

    def make_ready(self) -> None:
        """Wait until the process apart has started: one that dies before is not its task's fault."""
        from loky.process_executor import BrokenProcessPool, ShutdownExecutorError

        for _ in range(MOST_STARTS):
            try:
                with interrupts_held():
                    ready = self.executor(alone=True).submit(int)
                while not wait([ready], timeout=CHECK_SECONDS).done:
                    self.check()
                ready.result()
                return
            except (BrokenProcessPool, ShutdownExecutorError):
                self.renew(alone=True)
        raise MachineError(f"worker processes end as soon as they start, {MOST_STARTS} times; is there enough memory?")

    def executor(self, *, alone: bool) -> Executor:
        """Return the pool, started if it is not."""
        if alone not in self.pools:
            from loky import ProcessPoolExecutor

            self.pools[alone] = ProcessPoolExecutor(
                max_workers=1 if alone else self.n_slots,
                initializer=follow_parent,
                initargs=(os.getpid(),),
                env=ONE_THREAD,
            )
        return self.pools[alone]

    def check(self) -> None:
        """Break a pool whose worker died while it was handing in a result.

        loky then waits for the rest of that result, and sees no more what becomes of its processes. Without writers its
        pipe ends, and every task of the pool fails, as it does when a worker dies at another moment.
        """
        import psutil

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
        from loky.process_executor import BrokenProcessPool

        return int(isinstance(error, BrokenProcessPool))

    def renew(self, *, alone: bool = False) -> None:
        """Send home what is left of the pool; the next task starts another."""
        pool: Any = self.pools.pop(alone, None)
        if pool is not None:
            pool.shutdown(wait=True, kill_workers=True)

    def close(self, *, kill: bool = False) -> None:
        """Send all processes home."""
        while self.pools:
            _, pool = self.pools.popitem()
            pool.shutdown(wait=True, kill_workers=kill)  # type: ignore[call-arg]


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back, so that processes started meanwhile are born deaf to it: they would die over their imports.

    This process gets it afterwards. Where signals cannot be held back, as on Windows, nothing is.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def follow_parent(parent: int) -> None:
    """Leave Ctrl-C to the coordinator, and end this process when the coordinator is gone, however it went."""
    import psutil

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    coordinator = psutil.Process(parent)

    def watch() -> None:
        while coordinator.is_running() and coordinator.status() != psutil.STATUS_ZOMBIE:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="follow-parent").start()


class DaskPool(Pool):
    """The workers of a Dask cluster. Dask itself takes a dead worker's tasks to another, three times."""

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise ConfigError("--dask needs dask.distributed: pip install 'barenet[cluster]'") from None
        import logging

        # Its reports of each failed attempt to connect would come before our one line.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self.address = address
        try:
            client: Any = Client  # Dask's own signatures have no types
            self.client = client(address, timeout=CONNECT_SECONDS, set_as_default=False)
            self.pool = self.client.get_executor(pure=False)
            n_threads = sum(self.client.nthreads().values())
        except (OSError, TimeoutError, ValueError) as error:
            why = "no answer" if isinstance(error, OSError | TimeoutError) else str(error)
            raise MachineError(
                f"cannot reach a Dask scheduler at {address} within {CONNECT_SECONDS:g} s ({why}); "
                "start one with: dask scheduler"
            ) from None
        if n_threads == 0:
            self.close()
            raise MachineError(
                f"the Dask scheduler at {address} has no workers; start one with: dask worker {address} --nthreads 1"
            )
        # One task more than there are workers waits at the scheduler, so that none is idle while results travel.
        self.n_slots = n_threads + 1
        self.name = f"{n_threads} Dask worker thread{'s' if n_threads != 1 else ''} at {address}"

    def submit(self, task: RungTask, *, alone: bool = False) -> Result:
        """Send a task."""
        if self.client.status not in ("running", "connecting"):
            raise MachineError(f"lost the Dask scheduler at {self.address}; go on with --resume once it is back")
        future: Result = self.pool.submit(train_rung_in_worker, task)
        return future

    def deaths(self, error: BaseException) -> int:
        """Return 3 for a task that outlived three workers; raise if the scheduler is gone."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        if isinstance(error, CancelledError | FutureCancelledError | OSError) and not isinstance(error, MachineError):
            raise MachineError(f"lost the Dask scheduler at {self.address}; go on with --resume once it is back")
        return 3 if isinstance(error, KilledWorker) else 0

    def close(self, *, kill: bool = False) -> None:
        """Leave the cluster; it goes on without us."""
        with contextlib.suppress(Exception):
            self.client.close(timeout=2)


def make_pool(workers: int | None = None, dask: str | None = None) -> Pool:
    """Return a pool: Dask's at an address, or `workers` processes (None: one a core; 0: none, in this process)."""
    if dask is not None:
        if workers is not None:
            raise ConfigError("--workers and --dask exclude each other: a cluster has the workers that it has")
        return DaskPool(dask)
    n_workers = count_workers(workers, None)
    return SameProcess() if workers == 0 else LocalPool(n_workers)


def count_workers(workers: int | None, dask: str | None) -> int:
    """Return how many tasks would run at a time, without starting any process here."""
    if dask is not None:
        pool = make_pool(workers, dask)
        pool.close()
        return max(1, pool.n_slots - 1)
    if workers is not None and workers < 0:
        raise ConfigError(f"--workers must be 0 or more, got {workers}")
    return available_cores() if workers is None else max(1, workers)

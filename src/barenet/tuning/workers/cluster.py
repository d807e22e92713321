"""Train rungs on the workers of a Dask cluster; importing this module needs dask.distributed."""

from __future__ import annotations

import contextlib
import logging
import socket
from concurrent.futures import CancelledError
from typing import Any

from distributed import Client, KilledWorker, get_worker
from distributed.client import FutureCancelledError

from barenet.engine.compiled.available import why_not
from barenet.errors import ConfigError, MachineError
from barenet.messages import count
from barenet.tuning.workers.pool import Pool, Result
from barenet.tuning.workers.rung import RungTask, TrainedNetwork, train_rung_in_worker

__all__ = ["DaskPool"]

CONNECT_SECONDS = 8.0


def train_rung_on_cluster(task: RungTask) -> list[TrainedNetwork]:
    """Train a rung; raise ConfigError, with the worker's name, where this worker lacks the study's engine."""
    if task.configs[0].trainer.engine == "compiled" and (why := why_not()) is not None:
        where = f"the Dask worker {get_worker().address} on {socket.gethostname()}"
        raise ConfigError(f"{where} cannot train with compiled kernels, as the others do; there, {why}")
    return train_rung_in_worker(task)


class DaskPool(Pool):
    """The workers of a Dask cluster. Dask itself gives the tasks of a dead worker to another one, up to three times."""

    def __init__(self, address: str) -> None:
        # Otherwise Dask prints each failed attempt to connect before our error.
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
        self.name = f"{count(n_threads, 'Dask worker thread')} at {address}"

    def submit(self, task: RungTask, *, alone: bool = False) -> Result:
        """Send a task."""
        if self.client.status not in ("running", "connecting"):
            raise MachineError(f"lost the Dask scheduler at {self.address}; start it again")
        future: Result = self.pool.submit(train_rung_on_cluster, task)
        return future

    def deaths(self, error: BaseException) -> int:
        """Return 3 for a task whose workers died three times; raise MachineError if the scheduler is gone."""
        if isinstance(error, CancelledError | FutureCancelledError | OSError) and not isinstance(error, MachineError):
            raise MachineError(f"lost the Dask scheduler at {self.address}; start it again")
        return 3 if isinstance(error, KilledWorker) else 0

    def close(self, *, kill: bool = False) -> None:
        """Close the connection; the cluster keeps running."""
        with contextlib.suppress(Exception):
            self.client.close(timeout=2)

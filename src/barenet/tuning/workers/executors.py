"""Where rungs are trained: in this process, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

from barenet.cores import available_cores
from barenet.errors import ConfigError
from barenet.interrupts import waiting
from barenet.tuning.workers.pool import Pool, SameProcess

__all__ = ["count_workers", "make_pool"]


def make_pool(workers: int | None = None, dask: str | None = None) -> Pool:
    """Return a pool: Dask's at an address, or `workers` processes (None: one a core; 0: this process)."""
    if dask is not None:
        if workers is not None:
            raise ConfigError("--workers and --dask exclude each other: the cluster decides how many workers there are")
        try:
            from barenet.tuning.workers.cluster import DaskPool
        except ImportError:
            raise ConfigError("--dask needs dask.distributed: pip install 'barenet[cluster]'") from None
        return DaskPool(dask)
    n_workers = count_workers(workers, None)
    if workers == 0:
        return SameProcess()
    with waiting():
        from barenet.tuning.workers.processes import LocalPool

    return LocalPool(n_workers)


def count_workers(workers: int | None, dask: str | None) -> int:
    """Return how many tasks would run at the same time, without starting any process here."""
    if dask is not None:
        pool = make_pool(workers, dask)
        pool.close()
        return max(1, pool.n_slots - 1)
    if workers is not None and workers < 0:
        raise ConfigError(f"--workers must be 0 or more, got {workers}")
    return available_cores() if workers is None else max(1, workers)

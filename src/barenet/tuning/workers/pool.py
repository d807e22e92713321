"""What a search needs of workers: a pool takes a task and returns a future.

`stacks` decides what to do when a worker dies; a pool only says whether a task failed for this reason, and can start
new workers.
"""

from __future__ import annotations

from concurrent.futures import Future

from barenet.tuning.workers.rung import RungTask, TrainedNetwork, train_rung

__all__ = ["Pool", "Result", "SameProcess"]

Result = Future[list[TrainedNetwork]]


class Pool:
    """The base class of pools; `n_slots` tasks run at the same time."""

    n_slots = 1
    name = ""

    def submit(self, task: RungTask, *, alone: bool = False) -> Result:
        """Start a task; with `alone` in a process that runs nothing else."""
        raise NotImplementedError

    def deaths(self, error: BaseException) -> int:
        """Return how many workers died while they ran a failed task; 0 if the task itself raised the error."""
        return 0

    def renew(self, *, alone: bool = False) -> None:
        """Start the pool again after a worker died."""

    def check(self) -> None:
        """Check the workers; called from time to time while no result comes."""

    def close(self, *, kill: bool = False) -> None:
        """Stop the workers; with `kill`, do not wait for their tasks."""


class SameProcess(Pool):
    """A pool without workers: tasks run in this process when they are submitted."""

    name = "in this process"

    def submit(self, task: RungTask, *, alone: bool = False) -> Result:
        """Run a task."""
        future: Result = Future()
        try:
            future.set_result(train_rung(task))
        except Exception as error:
            future.set_exception(error)
        return future

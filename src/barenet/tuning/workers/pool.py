"""What a search asks of whatever trains its rungs: a pool takes a task and gives a future.

What to do when a worker dies is left to `stacks`; a pool says only whether a failure was a worker's end, and starts
again.
"""

from __future__ import annotations

from concurrent.futures import Future

from barenet.tuning.workers.rung import RungTask, TrainedNetwork, train_rung

__all__ = ["Pool", "Result", "SameProcess"]

Result = Future[list[TrainedNetwork]]


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

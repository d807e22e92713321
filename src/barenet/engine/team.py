"""Threads that work on the tasks of a phase together, and do not wait for a thread that the system does not run.

Tasks are not distributed beforehand: each thread takes the next one when it is free. If other programs keep a thread
from running, the others finish without it. A phase ends when its last task has ended. Waiting threads sleep.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

import numpy as np

from barenet.engine.threads import limit_this_thread

__all__ = ["Task", "Team", "run_in_threads"]

# A task is called with the number of its thread, counted from 0, because each thread has separate scratch memory.
Task = Callable[[int], None]


class Job:
    """The tasks of one phase, and how many of them are taken and done."""

    def __init__(self, tasks: Sequence[Task], end_waiting: Callable[[], None] | None = None) -> None:
        self.tasks, self.end_waiting = tasks, end_waiting
        self.error: BaseException | None = None
        self._taken, self._done = itertools.count(), itertools.count(1)
        self.ended = threading.Lock()
        self.ended.acquire()

    def work(self, thread: int) -> None:
        """Take and run tasks until none is left. After an error in any thread, the others are taken but not run."""
        while (number := next(self._taken)) < len(self.tasks):
            try:
                if self.error is None:
                    self.tasks[number](thread)
            except BaseException as error:  # raised again in the thread that called `run`
                self.fail(error)
            if next(self._done) == len(self.tasks):
                self.ended.release()

    def fail(self, error: BaseException) -> None:
        """Remember the error, and end the waiting of tasks for a task that failed or will not be run."""
        self.error = self.error or error
        if self.end_waiting is not None:
            self.end_waiting()


class Team:
    """The calling thread and `n_threads` - 1 others, which end with `close`, or with the program."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._job: Job | None = None
        self._calls: list[SimpleQueue[bool]] = [SimpleQueue() for _ in range(n_threads - 1)]
        self._at_work = [threading.Lock() for _ in self._calls]  # each thread holds its lock while it takes tasks
        for number, (calls, at_work) in enumerate(zip(self._calls, self._at_work, strict=True), start=1):
            threading.Thread(target=self._serve, args=(number, calls, at_work), name="barenet", daemon=True).start()

    def run(self, tasks: Sequence[Task], end_waiting: Callable[[], None] | None = None) -> None:
        """Run all tasks, and return when the last has ended; an exception of a task is raised here.

        Tasks that wait for each other need `end_waiting`, which is called after an error and ends their waiting.
        """
        if self.n_threads == 1 or len(tasks) == 1:
            for task in tasks:
                task(0)
            return
        self._job = job = Job(tasks, end_waiting)
        for calls in self._calls[: len(tasks) - 1]:
            if calls.empty():  # a thread that has not answered its last call will find this job
                calls.put(True)
        try:
            job.work(0)
            job.ended.acquire()
        except BaseException as error:  # Ctrl-C in this thread: first, tasks in other threads must end
            job.fail(error)
            job.work(0)
            for at_work in self._at_work:
                with at_work:
                    pass
            raise
        if job.error is not None:
            raise job.error

    def _serve(self, thread: int, calls: SimpleQueue[bool], at_work: threading.Lock) -> None:
        limit_this_thread()
        with np.errstate(all="ignore"):  # as in the calling thread: NumPy has separate settings for each
            while calls.get():
                with at_work:
                    job = self._job
                    if job is not None:
                        job.work(thread)

    def close(self) -> None:
        """Let the other threads end."""
        for calls in self._calls:
            calls.put(False)
        self._calls = []
        self.n_threads = 1


def run_in_threads(tasks: Sequence[Task], n_threads: int) -> None:
    """Run tasks in up to `n_threads` threads, which end afterwards."""
    team = Team(max(1, min(n_threads, len(tasks))))
    try:
        team.run(tasks)
    finally:
        team.close()

"""Train many stacks on a pool, even if workers die.

A stack that was running when a worker died is trained again alone. If it fails again, its trials are trained one by
one. A trial that fails alone three times is given up, with its reason.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from barenet.errors import BarenetError
from barenet.interrupts import CHECK_SECONDS, check
from barenet.messages import one_line
from barenet.tuning.workers.pool import Pool
from barenet.tuning.workers.rung import RungTask, TrainedNetwork

__all__ = ["MOST_FAILURES", "Callbacks", "StackTrainer"]

Item = TypeVar("Item")
MOST_FAILURES = 3


@dataclass(frozen=True)
class Callbacks(Generic[Item]):
    """What a search does for stacks.

    make_task: makes a task from items, just before it is sent, so that states are in memory only while they are needed.
    started, done: called when a stack was started, and when it is trained. failed: called when an item is given up,
    with the last reason.
    """

    make_task: Callable[[list[Item]], RungTask]
    started: Callable[[list[Item]], None]
    done: Callable[[list[Item], list[TrainedNetwork]], None]
    failed: Callable[[Item, str], None]


class StackTrainer(Generic[Item]):
    """Stacks that are waiting, running, or suspects, which may be the cause of a worker's death.

    name: returns a different text for each item.
    """

    def __init__(
        self, stacks: Iterable[list[Item]], pool: Pool, callbacks: Callbacks[Item], name: Callable[[Item], str]
    ) -> None:
        self.pool, self.callbacks, self.name = pool, callbacks, name
        self.waiting = deque(stacks)
        self.suspects: deque[list[Item]] = deque()
        self.running: dict[Future[list[TrainedNetwork]], tuple[list[Item], bool]] = {}
        self.failures: dict[str, int] = {}

    def run(self) -> None:
        """Train all stacks; return when each is done or given up."""
        while self.waiting or self.suspects or self.running:
            check()
            self.fill()
            finished, _ = wait(self.running, timeout=CHECK_SECONDS, return_when=FIRST_COMPLETED)
            if not finished:
                self.pool.check()
            broken = {alone for future in finished if (alone := self.settle(future)) is not None}
            for alone in broken:
                self.pool.renew(alone=alone)

    def fill(self) -> None:
        """Start stacks while the pool has a free slot; suspects run in the separate process, one at a time."""
        is_one_alone = any(alone for _, alone in self.running.values())
        if self.suspects and not is_one_alone and len(self.running) < self.pool.n_slots:
            self.start(self.suspects.popleft(), alone=True)
        while self.waiting and len(self.running) < self.pool.n_slots:
            self.start(self.waiting.popleft(), alone=False)

    def start(self, stack: list[Item], *, alone: bool) -> None:
        """Send a stack to the pool."""
        self.callbacks.started(stack)
        self.running[self.pool.submit(self.callbacks.make_task(stack), alone=alone)] = (stack, alone)

    def settle(self, future: Future[list[TrainedNetwork]]) -> bool | None:
        """Process the result of a stack; return which pool it broke (True: the separate process), None for neither."""
        stack, alone = self.running.pop(future)
        error = CancelledError() if future.cancelled() else future.exception()
        if error is None:
            self.callbacks.done(stack, future.result())
            return None
        if isinstance(error, BarenetError):
            raise error
        deaths = self.pool.deaths(error)
        if deaths and not alone:
            self.suspects.append(stack)
        elif len(stack) > 1:
            self.suspects.extend([item] for item in stack)
        else:
            self.count_failure(stack[0], error, deaths)
        return alone if deaths else None

    def count_failure(self, item: Item, error: BaseException, deaths: int) -> None:
        """Count a failure of an item that ran alone; give it up after the third."""
        name = self.name(item)
        self.failures[name] = self.failures.get(name, 0) + max(deaths, 1)
        if self.failures[name] < MOST_FAILURES:
            self.suspects.append([item])
            return
        why = "its worker process ended" if deaths else type(error).__name__
        self.callbacks.failed(item, f"failed {MOST_FAILURES} times: {why}: {one_line(error, 200)}")

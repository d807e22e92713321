"""An engine whose networks train in worker processes, some in each.

Threads wait for the lock of Python's interpreter: most of the time with small batches, whose operations are short, and
sometimes with large ones. Each worker has an engine of one thread. A network gets the same bits in every process. So a
worker that ends, for any reason, is started again, and takes the steps of the epoch again from the beginning.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from loky import ProcessPoolExecutor
from loky.process_executor import BrokenProcessPool, ShutdownExecutorError
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.batches import TrainingImages
from barenet.engine.network import FastMLP
from barenet.engine.numpy_engine.engine import NumpyEngine
from barenet.engine.parts import split
from barenet.engine.processes.workers import interrupts_held, result_of, start_workers
from barenet.engine.protocol import Engine, EpochPlan, StepNorms, first_lost_steps
from barenet.engine.state import TrainingState
from barenet.errors import MachineError
from barenet.interrupts import check
from barenet.nn import MLP, Architecture, Loss

__all__ = ["ProcessEngine"]

MOST_RESTARTS = 3  # of one worker in one epoch


@dataclass(frozen=True)
class Networks:
    """All that a worker needs to make its engine; the images are in files that it maps into memory."""

    configs: list[Config]
    architecture: Architecture
    loss: Loss
    folder: Path
    preparation: dict[str, Any]  # of images, as `TrainingImages` takes it
    batch_size: int

    def make_engine(self, state: TrainingState) -> Engine:
        """Return the engine of some networks."""
        arrays: dict[str, Any] = {
            path.stem: np.asarray(np.load(path, mmap_mode="r")) for path in self.folder.glob("*.npy")
        }
        return NumpyEngine(
            self.configs,
            self.architecture,
            self.loss,
            state,
            TrainingImages(**arrays, **self.preparation),
            batch_size=self.batch_size,
        )


class ProcessEngine(Engine):
    """Trains N networks in `n_processes` processes.

    Raises:
        OSError: the images cannot be written into a temporary folder.
    """

    def __init__(
        self,
        configs: Sequence[Config],
        architecture: Architecture,
        loss: Loss,
        state: TrainingState,
        images: TrainingImages,
        *,
        batch_size: int,
        n_processes: int,
    ) -> None:
        self.configs, self.batch_size = list(configs), batch_size
        self._folder = tempfile.TemporaryDirectory(prefix="barenet-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        try:
            for name in ("images", "labels", "soft_labels"):
                if getattr(images, name) is not None:
                    np.save(folder / f"{name}.npy", getattr(images, name), allow_pickle=False)
        except OSError:
            self._folder.cleanup()
            raise
        self._start = state  # at the start of the epoch: a worker that is started again begins there
        self._taken = 0, 0  # the first step of the epoch that was taken, and the end
        self._reached: TrainingState | None = state  # if it is known
        self._network = FastMLP.from_architecture(
            architecture, initializer=None, loss=loss, n_networks=len(self.configs)
        )
        preparation = {name: getattr(images, name) for name in ("scale", "image_shape", "most_shift", "affine")}
        shared = (architecture, loss, folder, preparation, batch_size)
        self._workers = [
            Worker(networks, Networks(self.configs[networks], *shared))
            for networks in split(len(self.configs), n_processes)
        ]
        for worker in self._workers:
            worker.start(self._rows(worker))

    def begin(self, plan: EpochPlan) -> None:
        """Get ready for the steps of an epoch."""
        self._start, self._taken = self._state_reached(), (0, 0)
        self.plan = plan
        self.losses = np.zeros(plan.rates.shape)  # 0, so that `first_lost_steps` ignores steps that are not taken
        self._ask("begin", [(plan.of(worker.networks),) for worker in self._workers])

    def train(self, start: int, stop: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Take some steps of the epoch."""
        results = self._ask("train", [(start, stop)] * len(self._workers))
        self._taken, self._reached = (self._taken[0] if self._taken[1] else start, stop), None
        self.losses[start:stop] = np.concatenate([losses for losses, _ in results], axis=1)
        return self.losses[start:stop], np.concatenate([predicted for _, predicted in results])

    def norms(self) -> StepNorms:
        """Return the norms of the epoch's last step, once it is taken."""
        return StepNorms.concatenate(self._ask("norms"))

    def capture(self, before: TrainingState) -> TrainingState:
        """Return a copy of the current state; epochs and results of validation are those of `before`."""
        reached = self._state_reached()
        names = ("values", "slots", "average", "statistics", "n_steps")
        return replace(before, **{name: getattr(reached, name) for name in names}).select(range(len(self.configs)))

    def _state_reached(self) -> TrainingState:
        """Return the current state; ask the workers for it if steps were taken since."""
        if self._reached is None:
            parts = self._ask("capture", [(self._rows(worker).without_parameters(),) for worker in self._workers])
            averages = [part.average for part in parts if part.average is not None]
            self._reached = replace(
                self._start,
                values=np.concatenate([part.values for part in parts]),
                slots={name: np.concatenate([part.slots[name] for part in parts]) for name in self._start.slots},
                average=np.concatenate(averages) if averages else None,
                statistics=np.concatenate([part.statistics for part in parts]),
                n_steps=np.concatenate([part.n_steps for part in parts]),
            )
        return self._reached

    def evaluation_network(self) -> MLP:
        """Return the stack for evaluation: with averaged parameters if there are any."""
        self._network.parameters.values[...] = self._state_reached().evaluated(self._network.architecture)
        return self._network

    def first_lost_steps(self) -> NDArray[np.int64]:
        """Return for each network (N,) the epoch's first step whose loss was not finite, -1 if there is none."""
        return first_lost_steps(self.losses)

    def close(self) -> None:
        """End the processes, and delete the images that they map."""
        for worker in self._workers:
            worker.stop()
        self._folder.cleanup()

    def _rows(self, worker: Worker) -> TrainingState:
        """Return the state of a worker's networks at the start of the epoch."""
        return self._start.select(range(worker.networks.start, worker.networks.stop))

    def _ask(self, method: str, arguments: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """Call a method of all workers' engines at once, and return their results."""
        each = arguments or [()] * len(self._workers)
        futures = [worker.submit(method, *given) for worker, given in zip(self._workers, each, strict=True)]
        results = []
        for worker, future, given in zip(self._workers, futures, each, strict=True):
            try:
                results.append(result_of(future))
            except LOST:
                results.append(self._ask_again(worker, method, given))
        return results

    def _ask_again(self, worker: Worker, method: str, arguments: tuple[Any, ...]) -> Any:
        """Start a worker again, let it take the steps that the others have taken, and ask it again."""
        for _ in range(MOST_RESTARTS):
            try:
                check()  # perhaps a signal to all processes ended the worker
                worker.stop()
                worker.start(self._rows(worker))
                if method != "begin":
                    result_of(worker.submit("begin", self.plan.of(worker.networks)))
                if self._taken[1]:
                    result_of(worker.submit("train", *self._taken))
                return result_of(worker.submit(method, *arguments))
            except LOST:
                continue
        raise MachineError(f"a worker process ended {MOST_RESTARTS + 1} times; is there enough memory?")


class EngineLostError(Exception):
    """A process has no engine with this number: it has replaced another process."""


LOST = (BrokenProcessPool, ShutdownExecutorError, EngineLostError)
_numbers = itertools.count()
_engines: dict[int, Engine] = {}  # in a worker: its engine


class Worker:
    """A process with the engine of some networks."""

    def __init__(self, networks: slice, made_of: Networks) -> None:
        self.networks, self.made_of = networks, made_of
        self.pool: ProcessPoolExecutor | None = None

    def start(self, state: TrainingState) -> None:
        """Start the process, and let it make its engine."""
        self.number = next(_numbers)
        self.pool = start_workers(1)
        with interrupts_held():
            self.pool.submit(make_engine, self.number, self.made_of, state)

    def submit(self, method: str, *arguments: Any) -> Future[Any]:
        """Begin a call of the engine's method."""
        assert self.pool is not None
        future: Future[Any] = Future()
        try:
            future = self.pool.submit(call_engine, self.number, method, arguments)
        except LOST as error:
            future.set_exception(error)
        return future

    def stop(self) -> None:
        """Kill the process."""
        if self.pool is not None:
            self.pool.shutdown(wait=True, kill_workers=True)
            self.pool = None


def make_engine(number: int, made_of: Networks, state: TrainingState) -> None:
    """In a worker: make its engine."""
    _engines.clear()
    _engines[number] = made_of.make_engine(state)


def call_engine(number: int, method: str, arguments: tuple[Any, ...]) -> Any:
    """In a worker: call a method of its engine."""
    if number not in _engines:
        raise EngineLostError(number)
    return getattr(_engines[number], method)(*arguments)

"""The training loop: epochs of mini-batches for one network or many in lockstep, validation, and who leaves when.

    trainer = Trainer(configs, data)
    for record in trainer:      # one record a network and epoch
        ...                     # trainer.states[record.network] is the state that the record speaks of

The trainer reads no files and writes none. Networks that are equally far train as one stack. A network that finishes,
runs out of patience or diverges leaves the stack; the others go on, and end bit-identical to training alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.batches import Batches, with_following
from barenet.engine.numpy_engine import Engine
from barenet.engine.stacks import check_stack, stack_size
from barenet.engine.state import TrainingState
from barenet.engine.threads import blas_threads
from barenet.training.divergence import describe_divergence
from barenet.training.epochs import EpochResult, order_of_epoch, schedule_of, start_state
from barenet.training.evaluation import evaluate, plain
from barenet.training.preparation import Custom, TrainingData, architecture_of, loss_of
from barenet.training.records import EpochRecord, Stop

__all__ = ["Trainer"]

PROGRESS_EVERY = 32  # steps between two reports of progress


class Trainer:
    """Train networks from their states to their last epochs.

    Args:
        configs: resolved settings, one a network; what must agree in a stack must agree here.
        data: what they all train on.
        states: where each goes on from, N = 1 each; without, they start from their own seeds.
        custom: activations and a loss of a person's own, if the settings name any.
        until: stop after this epoch if it comes before the last; schedules still run to `trainer.epochs`.
        progress: called now and then with (epoch, step of the epoch, steps in an epoch, networks in the stack).
    """

    def __init__(
        self,
        configs: Sequence[Config],
        data: TrainingData,
        states: Sequence[TrainingState] | None = None,
        *,
        custom: Custom | None = None,
        until: int | None = None,
        progress: Callable[[int, int, int, int], None] = lambda epoch, step, n_steps, n_networks: None,
    ) -> None:
        check_stack(configs)
        self.custom = custom or Custom()
        self.configs = list(configs)
        self.data = data
        self.until = until
        self.progress = progress
        self.loss = loss_of(configs[0], self.custom)
        self.architecture = architecture_of(configs[0], data.images.shape[-1], len(data.class_names), self.custom)
        self.batches = Batches(
            data.images,
            data.labels,
            configs[0].data.batch_size,
            scale=data.scale,
            image_shape=data.image_shape,
            most_shift=configs[0].data.shift,
        )
        self.n_steps = math.ceil(data.n_train / configs[0].data.batch_size)
        self.stopped: list[Stop | None] = [None] * len(configs)
        self.states = list(states) if states is not None else [start_state(c, self.architecture) for c in configs]
        for network in range(len(configs)):
            self.stopped[network] = self.reason_to_stop(network)
        self._engines: dict[tuple[int, ...], Engine] = {}

    def __iter__(self) -> Iterator[EpochRecord]:
        """Train until every network has left, and yield a record a network and epoch."""
        size = stack_size(self.configs[0], self.architecture) or len(self.configs)
        while group := self.next_group():
            stacks = [tuple(group[i : i + size]) for i in range(0, len(group), size)]
            self._engines = {stack: self._engines.get(stack) or self.make_engine(stack) for stack in stacks}
            for stack, engine in self._engines.items():
                yield from self.train_epoch(engine, stack)

    def next_group(self) -> list[int]:
        """Return the networks to train next: of those still in training, the ones least far."""
        going = [i for i, reason in enumerate(self.stopped) if reason is None]
        if self.until is not None:
            going = [i for i in going if self.states[i].epoch[0] < self.until]
        least = min((int(self.states[i].epoch[0]) for i in going), default=0)
        return [i for i in going if self.states[i].epoch[0] == least]

    def make_engine(self, stack: tuple[int, ...]) -> Engine:
        """Return an engine that goes on from the states of some networks."""
        stacked = TrainingState.concatenate([self.states[i] for i in stack])
        return Engine([self.configs[i] for i in stack], self.architecture, self.loss, stacked)

    def train_epoch(self, engine: Engine, group: Sequence[int]) -> Iterator[EpochRecord]:
        """Train a group for one epoch, validate where it is due, and yield a record for each."""
        configs = [self.configs[i] for i in group]
        before = TrainingState.concatenate([self.states[i] for i in group])
        # Overflow is not an error here: a network that diverges is found below, and named.
        with blas_threads(configs[0].trainer.threads or 1), np.errstate(all="ignore"):
            result = self.run_epoch(engine, configs, before)
        is_best = self.take_over(group, result)
        for row, network in enumerate(group):
            lost = result.lost[row]
            self.stopped[network] = self.explain_loss(network, row, result) if lost else self.reason_to_stop(network)
            yield result.record(row, network, is_best=bool(is_best[row]), stopped=self.stopped[network])

    def run_epoch(self, engine: Engine, configs: Sequence[Config], before: TrainingState) -> EpochResult:
        """Take all steps of one epoch, and validate if it is time to."""
        started = time.perf_counter()
        epoch = int(before.epoch[0]) + 1
        engine.begin_epoch(epoch)
        rates = self.learning_rates(configs, before)
        order, mirrored, shifts = order_of_epoch(configs, self.data.train_rows, epoch)
        labels = np.broadcast_to(self.data.labels[order], (len(configs), order.shape[-1]))
        losses, predicted = np.empty(rates.shape), np.empty(labels.shape, np.int64)
        sizes = np.empty(self.n_steps, np.int64)
        stop = 0
        batches = with_following(self.batches.epoch(order, mirrored, shifts))
        for i, (images, batch_labels, following) in enumerate(batches):
            sizes[i] = images.shape[-2]
            start, stop = stop, stop + images.shape[-2]
            rate = rates[i, :, None]
            if i + 1 < self.n_steps:
                losses[i], predicted[:, start:stop] = engine.step(images, batch_labels, rate, following)
            else:
                losses[i], predicted[:, start:stop], norms = engine.measured_step(images, batch_labels, rate)
            if i % PROGRESS_EVERY == 0:
                self.progress(epoch, i, self.n_steps, len(configs))
        due = np.array([epoch % c.trainer.eval_every == 0 or epoch == c.trainer.epochs for c in configs])
        valid_loss, valid_accuracy = self.validate(engine, due)
        return EpochResult(
            state=engine.capture(before),
            rates=rates,
            step_losses=losses,
            # A dot product a network: a matrix product would sum in an order that depends on N.
            train_loss=np.vecdot(np.ascontiguousarray(losses.T), sizes) / stop,
            train_accuracy=np.mean(predicted == labels, axis=-1),
            due=due,
            valid_loss=valid_loss,
            valid_accuracy=valid_accuracy,
            norms=norms,
            seconds=time.perf_counter() - started,
        )

    def validate(self, engine: Engine, due: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return validation loss and accuracy (N,), NaN for all if it is due for none."""
        if not due.any():
            return np.full(len(due), np.nan), np.full(len(due), np.nan)
        mlp, data = engine.evaluation_network(), self.data
        return evaluate(mlp, plain(self.loss), data.valid_images, data.valid_labels, data.scale)

    def learning_rates(self, configs: Sequence[Config], state: TrainingState) -> NDArray[np.float64]:
        """Return the learning rates (steps, N) of the epoch that comes after `state`."""
        steps = int(state.n_steps[0]) + np.arange(self.n_steps)
        return np.column_stack([schedule_of(config, self.n_steps).rates(steps) for config in configs])

    def take_over(self, group: Sequence[int], result: EpochResult) -> NDArray[np.bool_]:
        """Make the epoch's state the networks' own, with best and patience; return which have a new best (N,).

        A network that was lost keeps the state it had before the epoch.
        """
        validated = result.due & ~result.lost
        by_accuracy = np.array([self.configs[i].trainer.metric == "acc" for i in group])
        judged = result.state.with_validation(np.where(by_accuracy, result.valid_accuracy, -result.valid_loss))
        for row, network in enumerate(group):
            if not result.lost[row]:
                self.states[network] = (judged if validated[row] else result.state).select([row])
        has_best: NDArray[np.bool_] = judged.best_epochs[:, 0] == judged.epoch
        return validated & has_best

    def reason_to_stop(self, network: int) -> Stop | None:
        """Return why a network is done, or None if it goes on."""
        state, settings = self.states[network], self.configs[network].trainer
        if state.epoch[0] >= settings.epochs:
            return Stop("finished", "finished")
        if settings.patience is not None and state.stale[0] >= settings.patience:
            return Stop("early", f"stopped early: {settings.patience} validations without a better one")
        return None

    def explain_loss(self, network: int, row: int, result: EpochResult) -> Stop:
        """Train a lost network's epoch once more, alone, up to the step where it was lost, and say where that was."""
        config, before = self.configs[network], self.states[network]
        engine = Engine([config], self.architecture, self.loss, before)
        epoch = int(before.epoch[0]) + 1
        engine.begin_epoch(epoch)
        batches = self.batches.epoch(*order_of_epoch([config], self.data.train_rows, epoch))
        with blas_threads(config.trainer.threads or 1), np.errstate(all="ignore"):
            rates, losses = result.rates[:, [row]], result.step_losses[:, row]
            return Stop("diverged", describe_divergence(engine, batches, rates, losses, before))

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
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.augmentation import draw_shifts, mirror_coins
from barenet.data.batches import Batches, with_following
from barenet.data.randomness import generator
from barenet.engine.numpy_engine import Engine, StepNorms
from barenet.engine.stacks import check_stack, make_optimizer, stack_size
from barenet.engine.state import TrainingState
from barenet.engine.threads import blas_threads
from barenet.nn.mlp import MLP
from barenet.nn.schedules import Schedule
from barenet.training.divergence import describe_divergence
from barenet.training.evaluation import evaluate, plain
from barenet.training.preparation import Custom, TrainingData, architecture_of, loss_of
from barenet.training.records import EpochRecord, Stop

__all__ = ["Trainer"]

PROGRESS_EVERY = 32  # steps between two reports of progress


@dataclass(frozen=True)
class EpochResult:
    """What one epoch gave a group of networks; arrays are (N,) unless said otherwise.

    Validation figures are NaN where none was `due`.
    """

    state: TrainingState
    rates: NDArray[np.float64]  # (steps, N)
    step_losses: NDArray[np.float64]  # (steps, N)
    train_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    due: NDArray[np.bool_]
    valid_loss: NDArray[np.float64]
    valid_accuracy: NDArray[np.float64]
    norms: StepNorms
    seconds: float

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Which networks ended the epoch with a loss or a parameter that is NaN or infinite."""
        finite = np.isfinite(self.step_losses).all(axis=0) & np.isfinite(self.state.values).all(axis=-1)
        return np.logical_not(finite & (np.isfinite(self.valid_loss) | ~self.due))


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
        self.states = list(states) if states is not None else [self.start(config) for config in configs]
        for network in range(len(configs)):
            self.stopped[network] = self.reason_to_stop(network)
        self._engines: dict[tuple[int, ...], Engine] = {}

    def start(self, config: Config) -> TrainingState:
        """Return the state of a network before its first step, drawn from its own seed."""
        mlp = MLP.from_architecture(
            self.architecture,
            initializer=config.model.initializer,
            seed=generator(config.trainer.seed, "initialisation"),
            loss=self.loss,
            n_networks=1,
        )
        optimizer = make_optimizer([config], mlp)
        has_average = config.optimizer.average_decay > 0
        return TrainingState.start(mlp.parameters.values, list(optimizer.slots), has_average, config.trainer.keep_best)

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
            yield self.record(row, network, result, bool(is_best[row]))

    def run_epoch(self, engine: Engine, configs: Sequence[Config], before: TrainingState) -> EpochResult:
        """Take all steps of one epoch, and validate if it is time to."""
        started = time.perf_counter()
        epoch = int(before.epoch[0]) + 1
        engine.begin_epoch(epoch)
        rates = self.learning_rates(configs, before)
        order, coins, shifts = self.epoch_order(configs, epoch)
        labels = np.broadcast_to(self.data.labels[order], (len(configs), order.shape[-1]))
        losses, predicted = np.empty(rates.shape), np.empty(labels.shape, np.int64)
        sizes = np.empty(self.n_steps, np.int64)
        stop = 0
        batches = with_following(self.batches.epoch(order, coins, shifts))
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

    def epoch_order(
        self, configs: Sequence[Config], epoch: int
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_] | None, NDArray[np.int64] | None]:
        """Return the images of an epoch in order, which are mirrored, and how each is shifted.

        (n,) for equal seeds and (N, n) else. Mirroring and shifts are drawn for each image, whatever its place.
        """
        seeds = [config.trainer.seed for config in configs]
        if len(set(seeds)) == 1:
            seeds = seeds[:1]
        n, most = self.data.n_train, configs[0].data.shift
        shuffled = [generator(seed, "order", epoch).permutation(n) for seed in seeds]
        coins = [mirror_coins(n, seed, epoch) for seed in seeds] if configs[0].data.mirror else None
        shifts = [draw_shifts(n, seed, epoch, most) for seed in seeds] if most else None

        def in_order(drawn: Sequence[NDArray[Any]] | None) -> Any:
            if drawn is None:
                return None
            own = [values[positions] for values, positions in zip(drawn, shuffled, strict=True)]
            return own[0] if len(own) == 1 else np.stack(own)

        return in_order([self.data.train_rows] * len(seeds)), in_order(coins), in_order(shifts)

    def learning_rates(self, configs: Sequence[Config], state: TrainingState) -> NDArray[np.float64]:
        """Return the learning rates (steps, N) of the epoch that comes after `state`."""
        steps = int(state.n_steps[0]) + np.arange(self.n_steps)
        return np.column_stack([self.schedule(config).rates(steps) for config in configs])

    def schedule(self, config: Config) -> Schedule:
        """Return the schedule that a network's settings ask for."""
        return Schedule(
            name=config.schedule.name,
            learning_rate=config.optimizer.learning_rate,
            n_steps=self.n_steps * config.trainer.epochs,
            warmup_steps=round(config.schedule.warmup_epochs * self.n_steps),
            decay_rate=config.schedule.decay_rate,
            decay_step=config.schedule.decay_step,
            minimum=config.schedule.minimum,
        )

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
        engine.begin_epoch(int(before.epoch[0]) + 1)
        batches = self.batches.epoch(*self.epoch_order([config], int(before.epoch[0]) + 1))
        with blas_threads(config.trainer.threads or 1), np.errstate(all="ignore"):
            rates, losses = result.rates[:, [row]], result.step_losses[:, row]
            return Stop("diverged", describe_divergence(engine, batches, rates, losses, before))

    def record(self, row: int, network: int, result: EpochResult, is_best: bool) -> EpochRecord:
        """Return the record of one network of the group."""
        was_due = bool(result.due[row])
        return EpochRecord(
            network=network,
            epoch=int(result.state.epoch[row]),
            step=int(result.state.n_steps[row]),
            learning_rate=float(result.rates[-1, row]),
            train_loss=float(result.train_loss[row]),
            train_accuracy=float(result.train_accuracy[row]),
            valid_loss=float(result.valid_loss[row]) if was_due else None,
            valid_accuracy=float(result.valid_accuracy[row]) if was_due else None,
            is_best=is_best,
            gradient_norm=float(result.norms.gradient[row]),
            update_norm=float(result.norms.update[row]),
            weight_norm=float(result.norms.weights[row]),
            seconds=result.seconds,
            update_ratios={n: float(ratio[row]) for n, ratio in result.norms.ratios.items() if ratio[row] >= 0},
            stopped=self.stopped[network],
        )

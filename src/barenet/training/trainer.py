"""The training loop: epochs of mini-batches for one or several networks, validation, and when each network stops.

    trainer = Trainer(configs, data)
    for record in trainer:      # one record for each network and epoch
        ...                     # trainer.states[record.network] is the state after that epoch

The trainer reads and writes no files. Networks that have taken the same number of steps train together. A network that
finishes, runs out of patience or diverges stops; the others continue, and end bit-identical to training alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.cores import available_cores
from barenet.data.batches import TrainingImages
from barenet.engine.making import describe_engine, make_engine
from barenet.engine.protocol import Engine, EpochPlan
from barenet.engine.stacks import check_stack, make_network
from barenet.engine.state import TrainingState
from barenet.interrupts import came
from barenet.training.divergence import batch_of, describe_divergence
from barenet.training.epochs import EpochResult, Steps, plan_epoch, schedule_of, start_state
from barenet.training.evaluation import evaluate, plain
from barenet.training.labels import soft_labels
from barenet.training.metrics import accuracy
from barenet.training.preparation import Custom, TrainingData, architecture_of, training_loss_again
from barenet.training.records import EpochRecord, Stop

__all__ = ["Trainer"]

PAUSE_SECONDS = 30.0


class Trainer:
    """Train networks from their states to their last epochs.

    Args:
        configs: resolved settings, one for each network; what must agree in a stack must agree here.
        data: the training and validation data of all networks.
        states: the state from which each network continues, N = 1 each; by default all start from their seeds.
        custom: custom activations and a custom loss, if the settings name any.
        until: stop after this epoch if it comes before the last; schedules still run to `trainer.epochs`.
        pause: called every `pause_seconds` inside an epoch, and after a signal, with each network that trains and its
            state: training that continues from there ends with the same bits. It is not called for a network that
            diverged.
        progress: called with (epoch, step, steps in an epoch, networks that train) after the first and the last step of
            each epoch, and several times between them; step is the number of the last step taken, counted from 0.
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
        pause: Callable[[int, TrainingState], None] | None = None,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        check_stack(configs)
        self.custom = custom or Custom()
        self.configs = list(configs)
        self.data = data
        self.until = until
        self.progress, self.pause, self.pause_seconds = progress, pause, pause_seconds
        self.loss = training_loss_again(configs[0], data, self.custom)
        self.architecture = architecture_of(configs[0], data.images.shape[-1], len(data.class_names), self.custom)
        self.images = TrainingImages(
            data.images,
            data.labels,
            scale=data.scale,
            image_shape=data.image_shape,
            most_shift=configs[0].data.shift,
            affine=configs[0].data.affine,
            soft_labels=soft_labels(configs[0], self.loss, data.labels, len(data.class_names), data.teacher),
        )
        self.batch_size = configs[0].data.batch_size
        self.n_steps = math.ceil(data.n_train / self.batch_size)
        self.stopped: list[Stop | None] = [None] * len(configs)
        self.states = list(states) if states is not None else [start_state(c, self.architecture) for c in configs]
        for network in range(len(configs)):
            self.stopped[network] = self.reason_to_stop(network)

    def __iter__(self) -> Iterator[EpochRecord]:
        """Train until every network has stopped, and yield a record for each network and epoch."""
        engine: Engine | None = None
        trained: tuple[int, ...] = ()
        try:
            while group := tuple(self.next_group()):
                if engine is None or group != trained:
                    if engine is not None:
                        engine.close()
                    engine, trained = self.make_engine(group), group
                yield from self.train_epoch(engine, group)
        finally:
            if engine is not None:
                engine.close()

    def next_group(self) -> list[int]:
        """Return the networks to train next: those that have taken the fewest steps and have not stopped."""
        going = [i for i, reason in enumerate(self.stopped) if reason is None]
        if self.until is not None:
            going = [i for i in going if self.states[i].epoch[0] < self.until]
        least = min((int(self.states[i].n_steps[0]) for i in going), default=0)
        return [i for i in going if self.states[i].n_steps[0] == least]

    def make_engine(self, stack: tuple[int, ...]) -> Engine:
        """Return an engine that continues from the states of some networks."""
        configs, states = [self.configs[i] for i in stack], [self.states[i] for i in stack]
        return make_engine(
            configs,
            self.architecture,
            self.loss,
            TrainingState.concatenate(states),
            self.images,
            **self.engine_options(stack),
        )

    def engine_options(self, stack: Sequence[int]) -> dict[str, int]:
        """Return what decides, besides the networks, which engine trains some of them."""
        cores = available_cores()
        epochs_left = max(self.configs[i].trainer.epochs for i in stack) - int(self.states[stack[0]].epoch[0])
        return {
            "batch_size": self.batch_size,
            "most_threads": min(self.configs[0].trainer.threads or cores, cores),
            "n_steps": self.n_steps * epochs_left,
        }

    def describe_engine(self) -> str:
        """Return in words which engine trains the next networks."""
        group = self.next_group() or range(len(self.configs))
        return describe_engine(self.configs[0], len(group), self.architecture, self.loss, **self.engine_options(group))

    def train_epoch(self, engine: Engine, group: Sequence[int]) -> Iterator[EpochRecord]:
        """Train a group for one epoch, validate the networks that are due, and yield a record for each network."""
        before = TrainingState.concatenate([self.states[i] for i in group])
        with np.errstate(all="ignore"):  # overflow is not an error here: the losses show which networks diverged
            result = self.run_epoch(engine, group, before)
        is_best = self.keep_states(group, result)
        for row, network in enumerate(group):
            lost = result.lost[row]
            self.stopped[network] = self.explain_loss(network, row, result) if lost else self.reason_to_stop(network)
            yield result.record(row, network, is_best=bool(is_best[row]), stopped=self.stopped[network])

    def run_epoch(self, engine: Engine, group: Sequence[int], before: TrainingState) -> EpochResult:
        """Take all steps of one epoch that are left, and validate the networks that are due."""
        started = time.perf_counter()
        configs = [self.configs[i] for i in group]
        plan = self.plan_of(configs, before)
        engine.begin(plan)
        epoch, labels = int(before.epoch[0]) + 1, self.data.labels[plan.order]
        steps = Steps(engine, plan, before, labels, self.batch_size)
        saved = started
        for step in steps:
            self.progress(epoch, step, plan.n_steps, len(group))
            is_due = time.perf_counter() - saved >= self.pause_seconds or came() is not None
            if self.pause is not None and is_due and step + 1 < plan.n_steps:
                self.report_states(group, steps.state())
                saved = time.perf_counter()
        state = steps.state()
        sizes = np.diff([*range(0, self.data.n_train, self.batch_size), self.data.n_train])
        due = np.array([epoch % c.trainer.eval_every == 0 or epoch == c.trainer.epochs for c in configs])
        valid_loss, valid_accuracy = self.validate(engine, due)
        return EpochResult(
            state=state.after_epoch(),
            rates=plan.rates,
            step_losses=state.begun_losses.T,
            # One dot product for each network: a matrix product would sum in an order that depends on N.
            train_loss=np.vecdot(np.ascontiguousarray(state.begun_losses), sizes) / self.data.n_train,
            train_accuracy=state.begun_right / self.data.n_train,
            due=due,
            valid_loss=valid_loss,
            valid_accuracy=valid_accuracy,
            norms=engine.norms(),
            lost_steps=engine.first_lost_steps(),
            seconds=float(before.begun_seconds[0]) + time.perf_counter() - started,
        )

    def plan_of(self, configs: Sequence[Config], before: TrainingState) -> EpochPlan:
        """Return the plan of the epoch that follows a state, or that the state is in."""
        epoch = int(before.epoch[0]) + 1
        first = int(before.n_steps[0]) - before.n_begun
        return plan_epoch(configs, self.data.train_rows, epoch, first, self.learning_rates(configs, first))

    def report_states(self, group: Sequence[int], state: TrainingState) -> None:
        """Call `pause` with each network's state inside an epoch."""
        assert self.pause is not None
        for row, network in enumerate(group):
            if np.isfinite(state.begun_losses[row]).all() and np.isfinite(state.values[row]).all():
                self.pause(network, state.select([row]))

    def validate(self, engine: Engine, due: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return validation loss and accuracy (N,); if no network is due, all are NaN."""
        if not due.any():
            return np.full(len(due), np.nan), np.full(len(due), np.nan)
        data, loss, threads = self.data, plain(self.loss), self.configs[0].trainer.threads
        found = engine.evaluate(loss, data.valid_images, data.valid_labels, data.scale)
        if found is not None:
            return found[0], accuracy(found[1], data.valid_labels)
        mlp, images, labels = engine.evaluation_network(), data.valid_images, data.valid_labels
        return evaluate(mlp, loss, images, labels, data.scale, most_threads=threads)

    def learning_rates(self, configs: Sequence[Config], first: int) -> NDArray[np.float64]:
        """Return the learning rates (steps, N) of the epoch whose first step is number `first`."""
        steps = first + np.arange(self.n_steps)
        return np.column_stack([schedule_of(config, self.n_steps).rates(steps) for config in configs])

    def keep_states(self, group: Sequence[int], result: EpochResult) -> NDArray[np.bool_]:
        """Store the networks' states after an epoch, with best and patience; return which have a new best (N,).

        A network that diverged keeps its state before the epoch.
        """
        validated = result.due & ~result.lost
        by_accuracy = np.array([self.configs[i].trainer.metric == "acc" for i in group])
        scores = np.where(by_accuracy, result.valid_accuracy, -result.valid_loss)
        judged = result.state.with_validation(scores, result.state.evaluated(self.architecture))
        for row, network in enumerate(group):
            if not result.lost[row]:
                self.states[network] = (judged if validated[row] else result.state).select([row])
        has_best: NDArray[np.bool_] = judged.best_epochs[:, 0] == judged.epoch
        return validated & has_best

    def reason_to_stop(self, network: int) -> Stop | None:
        """Return why a network stops, or None if it continues."""
        state, settings = self.states[network], self.configs[network].trainer
        if state.epoch[0] >= settings.epochs:
            return Stop("finished", "finished")
        if settings.patience is not None and state.stale[0] >= settings.patience:
            return Stop("early", f"stopped early: {settings.patience} validations without a better one")
        return None

    def explain_loss(self, network: int, row: int, result: EpochResult) -> Stop:
        """Repeat a diverged network's epoch, alone, up to the step where it diverged, and return the place in words."""
        config, before = self.configs[network], self.states[network]
        plan, step = self.plan_of([config], before), int(result.lost_steps[row]) % self.n_steps
        mlp = make_network([config], self.architecture, self.loss)
        batch = batch_of(self.images, plan, step, self.batch_size)
        engine = self.make_engine((network,))
        words = describe_divergence(engine, plan, step, before=before, mlp=mlp, batch=batch)
        engine.close()
        return Stop("diverged", words)

"""The plan and the results of an epoch: the first weights, learning rates, the order of images, figures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.augmentation import Mixture, count_moves, draw_mirrored, draw_moves, draw_shares
from barenet.data.randomness import generator
from barenet.engine.protocol import Engine, EpochPlan, StepNorms
from barenet.engine.stacks import make_optimizer
from barenet.engine.state import TrainingState
from barenet.interrupts import check
from barenet.nn import MLP, Architecture, Schedule
from barenet.nn.layers.folding import start_statistics
from barenet.training.records import EpochRecord, Stop

__all__ = ["EpochResult", "Steps", "plan_epoch", "schedule_of", "start_state"]

# Seconds between two reports of progress, and between two checks for a signal; at least one step. Threads that train
# different networks wait for each other there.
PROGRESS_SECONDS = 0.2


def start_state(config: Config, architecture: Architecture) -> TrainingState:
    """Return the state of a network before its first step, drawn with its seed."""
    seed = generator(config.trainer.seed, "initialisation")
    mlp = MLP.from_architecture(architecture, initializer=config.model.initializer, seed=seed, n_networks=1)
    slots = list(make_optimizer([config], mlp).slots)
    has_average = config.optimizer.average_decay > 0
    statistics = start_statistics(architecture, 1, mlp.dtype)
    return TrainingState.start(mlp.parameters.values, slots, has_average, config.trainer.keep_best, statistics)


def schedule_of(config: Config, n_steps: int) -> Schedule:
    """Return the schedule that a network's settings ask for, with epochs of `n_steps` steps."""
    return Schedule(
        name=config.schedule.name,
        learning_rate=config.optimizer.learning_rate,
        n_steps=n_steps * config.trainer.epochs,
        warmup_steps=round(config.schedule.warmup_epochs * n_steps),
        decay_rate=config.schedule.decay_rate,
        decay_step=config.schedule.decay_step,
        minimum=config.schedule.minimum,
    )


def plan_epoch(
    configs: Sequence[Config], train_rows: NDArray[np.int64], epoch: int, first_step: int, rates: NDArray[np.float64]
) -> EpochPlan:
    """Return the plan of an epoch: the order of its images, and how each is mirrored, moved and mixed.

    Arrays are (n,) for equal seeds and (N, n) otherwise. Mirroring and moves of an image do not depend on its place in
    the order, nor on whether it is the first or the second image of a mixture.
    """
    seeds = [config.trainer.seed for config in configs]
    if len(set(seeds)) == 1:
        seeds = seeds[:1]
    n, data = len(train_rows), configs[0].data
    mirrored = [draw_mirrored(n, seed, epoch) for seed in seeds] if data.mirror else None
    n_moves = count_moves(data.shift, data.affine)
    moves = [draw_moves(n, seed, epoch, n_moves) for seed in seeds] if n_moves > 1 else None

    def shuffled(purpose: str) -> tuple[Any, Any, Any]:
        orders = [generator(seed, purpose, epoch).permutation(n) for seed in seeds]

        def in_order(drawn: Sequence[NDArray[Any]] | None) -> Any:
            return None if drawn is None else together([one[order] for one, order in zip(drawn, orders, strict=True)])

        return in_order([train_rows] * len(seeds)), in_order(mirrored), in_order(moves)

    mixture = None
    if data.mixup:
        shares = together([draw_shares(n, seed, epoch, data.mixup) for seed in seeds])
        mixture = Mixture(*shuffled("second images"), shares)
    return EpochPlan(first_step, rates, *shuffled("order"), mixture=mixture)


def together(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the array of one seed as it is, (n,), and those of several seeds as rows (N, n)."""
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)


class Steps:
    """The steps of an epoch that are still to take; iterating takes them, in groups of about `PROGRESS_SECONDS`.

    Each group yields the number of its last step, counted from 0. `labels`: those of the images in the order of the
    epoch, with the same shape. `end`: stop before this step; by default the epoch is completed.
    """

    def __init__(
        self,
        engine: Engine,
        plan: EpochPlan,
        before: TrainingState,
        labels: NDArray[np.int64],
        batch_size: int,
        *,
        end: int | None = None,
    ) -> None:
        self.engine, self.plan, self.before = engine, plan, before
        self.end = plan.n_steps if end is None else end
        self.labels, self.batch_size = labels, batch_size
        self.losses, self.right = [before.begun_losses], before.begun_right
        self.began = time.perf_counter()

    def __iter__(self) -> Iterator[int]:
        """Take all steps that are left."""
        start, n_steps = self.before.n_begun, 1
        while start < self.end:
            check()
            stop = min(start + n_steps, self.end)
            started = time.perf_counter()
            losses, predicted = self.engine.train(start, stop)
            seconds = (time.perf_counter() - started) / (stop - start)
            images = slice(start * self.batch_size, stop * self.batch_size)
            self.losses.append(losses.T)
            self.right = self.right + np.count_nonzero(predicted == self.labels[..., images], axis=-1)
            yield stop - 1
            start, n_steps = stop, max(1, round(PROGRESS_SECONDS / max(seconds, 1e-9)))

    def state(self) -> TrainingState:
        """Return the current state, with everything about the steps so far that the epoch's record needs."""
        return replace(
            self.engine.capture(self.before),
            begun_losses=np.concatenate(self.losses, axis=1),
            begun_right=self.right,
            begun_seconds=self.before.begun_seconds + time.perf_counter() - self.began,
        )


@dataclass(frozen=True)
class EpochResult:
    """The results of one epoch of a group of networks; arrays are (N,) unless a comment gives another shape.

    Validation figures are NaN for networks without a `due` validation.
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
    lost_steps: NDArray[np.int64]  # the first step whose loss is not finite, -1 where there is none
    seconds: float

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Which networks ended the epoch with a loss or a parameter that is NaN or infinite."""
        finite = np.isfinite(self.step_losses).all(axis=0) & np.isfinite(self.state.values).all(axis=-1)
        return np.logical_not(finite & (np.isfinite(self.valid_loss) | ~self.due))

    def record(self, row: int, network: int, *, is_best: bool, stopped: Stop | None) -> EpochRecord:
        """Return the record of the network in a row of the group."""
        was_due = bool(self.due[row])
        return EpochRecord(
            network=network,
            epoch=int(self.state.epoch[row]),
            step=int(self.state.n_steps[row]),
            learning_rate=float(self.rates[-1, row]),
            train_loss=float(self.train_loss[row]),
            train_accuracy=float(self.train_accuracy[row]),
            valid_loss=float(self.valid_loss[row]) if was_due else None,
            valid_accuracy=float(self.valid_accuracy[row]) if was_due else None,
            is_best=is_best,
            gradient_norm=float(self.norms.gradient[row]),
            update_norm=float(self.norms.update[row]),
            weight_norm=float(self.norms.weights[row]),
            seconds=self.seconds,
            update_ratios={n: float(ratio[row]) for n, ratio in self.norms.ratios.items() if ratio[row] >= 0},
            stopped=stopped,
        )

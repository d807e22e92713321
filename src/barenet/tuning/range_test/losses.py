"""Train at rising learning rates from the initial weights, and keep the loss of each step.

The rates are those of the schedule `exponential` with a factor above 1. So training with that schedule gives the same
losses, bit for bit, on any number of threads and in each engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.engine.state import TrainingState
from barenet.errors import ConfigError, DataError
from barenet.messages import count, describe
from barenet.reproducible import power
from barenet.run_folders.run import network_configs
from barenet.training.epochs import Steps, schedule_of
from barenet.training.preparation import Custom, TrainingData
from barenet.training.trainer import Trainer
from barenet.tuning.range_test.curve import count_kept, span_of

__all__ = ["DEFAULT_STEPS", "RateRange", "choose_range", "make_trainer", "measure_losses", "rates_of"]

DEFAULT_STEPS = 300
LEAST_STEPS, MOST_STEPS = 60, 100_000
LEAST_RATE, MOST_RATE = 1e-30, 1e30  # within the range of float32
LEAST_IMAGES = 20
# A step of Adam is about as long as the rate, for any gradient; a step of SGD is the rate times the gradient.
RANGES, OTHER_RANGE = {"sgd": (1e-5, 10.0)}, (1e-6, 1.0)


@dataclass(frozen=True)
class RateRange:
    """`n_steps` learning rates from the lowest to the highest, each larger than the one before by the same factor."""

    lowest: float
    highest: float
    n_steps: int


def choose_range(optimizer: str, lowest: float | None, highest: float | None, n_steps: Any) -> RateRange:
    """Return which rates are tried; the optimizer decides the ends that are None.

    Raises ConfigError: a rate is not positive, the rates do not rise, or there are too few or too many steps.
    """
    usual = RANGES.get(optimizer, OTHER_RANGE)
    ends = [usual[0] if lowest is None else lowest, usual[1] if highest is None else highest]
    for name, rate in zip(("lowest", "highest"), ends, strict=True):
        if not isinstance(rate, int | float) or not LEAST_RATE <= rate <= MOST_RATE:
            raise ConfigError(f"the {name} learning rate must be a positive number, got {describe(rate)}")
    if not ends[0] < ends[1]:
        raise ConfigError(f"the lowest learning rate must be below the highest, got {ends[0]:g} and {ends[1]:g}")
    if not isinstance(n_steps, Integral) or not LEAST_STEPS <= int(n_steps) <= MOST_STEPS:
        raise ConfigError(
            f"steps must be a whole number from {LEAST_STEPS} to {MOST_STEPS:,}, one for each learning rate, got "
            f"{describe(n_steps)}"
        )
    return RateRange(float(ends[0]), float(ends[1]), int(n_steps))


def make_trainer(config: Config, data: TrainingData, rates: RateRange, custom: Custom | None = None) -> Trainer:
    """Return a trainer that trains at the rates; `config` are resolved settings, whose schedule is replaced.

    Raises DataError if there are too few images for a meaningful test.
    """
    if data.n_train < LEAST_IMAGES:
        images = count(data.n_train, "training image")
        raise DataError(
            f"{data.name} has {images}, too few for a range test of learning rates: {LEAST_IMAGES} are needed"
        )
    factor = power(rates.highest / rates.lowest, 1 / (rates.n_steps - 1))
    rising = config.with_values(
        optimizer__learning_rate=rates.lowest,
        schedule__name="exponential",
        schedule__decay_rate=float(factor),
        schedule__decay_step=1,
        schedule__minimum=0.0,
        schedule__warmup_epochs=0.0,
        trainer__epochs=math.ceil(rates.n_steps / math.ceil(data.n_train / config.data.batch_size)),
    )
    return Trainer(network_configs(rising), data, custom=custom)


def rates_of(trainer: Trainer, n_steps: int) -> NDArray[np.float64]:
    """Return the learning rates of the first steps."""
    return schedule_of(trainer.configs[0], trainer.n_steps).rates(np.arange(n_steps))


def measure_losses(
    trainer: Trainer, n_steps: int, advance: Callable[[int], None] = lambda n: None
) -> NDArray[np.float64]:
    """Return the loss (N, T) of each network before each step.

    T is `n_steps`, or fewer where the mean loss of the networks blows up, see `count_kept`. advance: called with the
    number of steps just taken.
    """
    span = span_of(n_steps)
    losses = np.empty((len(trainer.configs), 0))
    # Overflow is no error here: the last rates may cause it.
    with np.errstate(all="ignore"), closing(take_steps(trainer, n_steps)) as parts:
        for taken in parts:
            losses = np.concatenate([losses, taken], axis=1)
            advance(taken.shape[1])
            n_kept = count_kept(losses.mean(axis=0), span)
            if n_kept < losses.shape[1]:
                break
    return losses[:, :n_kept]


def take_steps(trainer: Trainer, n_steps: int) -> Generator[NDArray[np.float64]]:
    """Yield the losses (N, steps) of the next few steps, again and again; the last epoch ends at step `n_steps`."""
    engine = trainer.make_engine(tuple(range(len(trainer.configs))))
    state = TrainingState.concatenate(trainer.states)
    try:
        for first in range(0, n_steps, trainer.n_steps):
            plan = trainer.plan_of(trainer.configs, state)
            engine.begin(plan)
            labels, end = trainer.data.labels[plan.order], min(plan.n_steps, n_steps - first)
            steps = Steps(engine, plan, state, labels, trainer.batch_size, end=end)
            for _ in steps:
                yield steps.losses[-1]
            state = steps.state().after_epoch()
    finally:
        engine.close()

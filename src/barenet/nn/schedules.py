"""The learning rate as a pure function of the step, so that a resumed run needs nothing but its step to go on.

`rates(steps)` takes an integer array of step numbers, counted from 0, and returns float64 rates of the same shape. They
have the same bits on every processor: see `reproducible`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from barenet.errors import ConfigError, nearest
from barenet.nn.hyperparameters import DECAY_RATE, DECAY_STEP, MINIMUM, HyperParameter
from barenet.reproducible import power, raised_cosine

__all__ = ["SCHEDULES", "Schedule", "ScheduleKind"]

Rates = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """A named schedule for one network.

    Args:
        name: one of `SCHEDULES`.
        learning_rate: the rate that all others are relative to, the highest of most schedules.
        n_steps: length of the whole training in steps.
        warmup_steps: during these the rate rises linearly, (step + 1) / warmup_steps of what it would be.
        decay_rate: factor at each decay, for "step" and "exponential".
        decay_step: steps between two decays.
        minimum: "step" decays only while the rate is above it; "cosine" ends at it.
    """

    name: str
    learning_rate: float
    n_steps: int
    warmup_steps: int = 0
    decay_rate: float = 1.0
    decay_step: int = 1
    minimum: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in SCHEDULES:
            raise ConfigError(f"unknown schedule {self.name!r}; {nearest(self.name, SCHEDULES)}")

    def rates(self, steps: ArrayLike) -> Rates:
        """Return the learning rates at `steps` (any shape), float64."""
        at = np.asarray(steps, np.float64)
        rates = SCHEDULES[self.name].rates(self, at)
        if self.warmup_steps:
            rates = rates * np.minimum(1.0, (at + 1) / self.warmup_steps)
        return np.asarray(rates)


def constant(schedule: Schedule, step: Rates) -> Rates:
    """Keep the rate."""
    return np.full(step.shape, schedule.learning_rate)


def step_decay(schedule: Schedule, step: Rates) -> Rates:
    """Every `decay_step` steps multiply by `decay_rate`, but only while the rate is above `minimum`.

    That rule has a memory. In closed form: lr decay_rate^k, where k = step // decay_step, but at most the first K with
    lr decay_rate^K <= minimum. Off unless 0 < decay_rate < 1, as in the course project.
    """
    lr, factor = schedule.learning_rate, schedule.decay_rate
    if not 0 < factor < 1:
        return constant(schedule, step)
    decays = np.floor_divide(step, schedule.decay_step)
    if schedule.minimum > 0:
        decays = np.minimum(decays, count_decays(lr, factor, schedule.minimum))
    return lr * power(factor, decays)


def count_decays(rate: float, factor: float, minimum: float) -> int:
    """Return the first K with rate factor^K <= minimum, which is above 0, for a factor between 0 and 1.

    Found from its highest binary digit down, by products alone: a logarithm that another processor rounds otherwise
    might give another K. A rate that is above the minimum by less than a billionth of what a decay takes counts as the
    minimum: 0.1 * 0.1 is more than 0.01 in floating point, and is not on paper.
    """
    least = minimum * (1 + 1e-9 * (1 - factor))
    squares = [factor]  # factor^(2^i)
    while rate * squares[-1] > least:
        squares.append(squares[-1] * squares[-1])
    n_above = 0  # decays after which the rate is still above the minimum
    for i in reversed(range(len(squares))):
        if rate * squares[i] > least:
            rate *= squares[i]
            n_above += 2**i
    return n_above + 1 if rate > least else 0


def exponential(schedule: Schedule, step: Rates) -> Rates:
    """Decay smoothly: lr decay_rate^(step / decay_step), never below `minimum`."""
    decays = step / schedule.decay_step
    return np.maximum(schedule.learning_rate * power(schedule.decay_rate, decays), schedule.minimum)


def cosine(schedule: Schedule, step: Rates) -> Rates:
    """Fall from the rate to `minimum` along half a cosine (Loshchilov and Hutter 2017), from the end of warm-up on."""
    length = max(1, schedule.n_steps - schedule.warmup_steps)
    progress = np.clip((step - schedule.warmup_steps) / length, 0.0, 1.0)
    return schedule.minimum + (schedule.learning_rate - schedule.minimum) * raised_cosine(progress)


ONE_CYCLE_RISE = 0.3  # share of the training in which the rate rises
ONE_CYCLE_START = 25.0  # the rate starts at learning_rate / 25
ONE_CYCLE_END = 1e4  # and ends at a ten-thousandth of that start


def one_cycle(schedule: Schedule, step: Rates) -> Rates:
    """Rise from lr / 25 to lr along half a cosine, then fall to nearly nothing (Smith and Topin 2018)."""
    start = schedule.learning_rate / ONE_CYCLE_START
    end = start / ONE_CYCLE_END
    last = max(1, schedule.n_steps - 1)
    peak = max(1.0, ONE_CYCLE_RISE * schedule.n_steps - 1)
    rising = np.clip(step / peak, 0.0, 1.0)
    falling = np.clip((step - peak) / max(1.0, last - peak), 0.0, 1.0)
    up = schedule.learning_rate + (start - schedule.learning_rate) * raised_cosine(rising)
    down = end + (schedule.learning_rate - end) * raised_cosine(falling)
    return np.where(step <= peak, up, down)


@dataclass(frozen=True)
class ScheduleKind:
    """How a schedule computes its rates, and which hyper-parameters it has beside the warm-up, which all have.

    has_length: whether its rates depend on the length of the training.
    """

    rates: Callable[[Schedule, Rates], Rates]
    hypers: tuple[HyperParameter, ...] = ()
    has_length: bool = False


SCHEDULES = {
    "constant": ScheduleKind(constant),
    "step": ScheduleKind(step_decay, (DECAY_RATE, DECAY_STEP, MINIMUM)),
    "exponential": ScheduleKind(exponential, (DECAY_RATE, DECAY_STEP, MINIMUM)),
    "cosine": ScheduleKind(cosine, (MINIMUM,), has_length=True),
    "one_cycle": ScheduleKind(one_cycle, has_length=True),
}

"""The learning rate as a pure function of the step, so that a resumed run needs nothing but its step to go on.

`rates(steps)` takes an integer array of step numbers, counted from 0, and returns float64 rates of the same shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from barenet.errors import ConfigError, nearest

__all__ = ["AS_LONG_AS_TRAINING", "SCHEDULES", "SCHEDULE_SETTINGS", "Schedule"]

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
        # Always as an array: NumPy's powers of a single number can differ from an array's in the last bit.
        at = np.atleast_1d(np.asarray(steps, np.float64))
        rates = SCHEDULES[self.name](self, at)
        if self.warmup_steps:
            rates = rates * np.minimum(1.0, (at + 1) / self.warmup_steps)
        return rates.reshape(np.shape(steps))


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
        most = max(0, math.ceil(math.log(schedule.minimum / lr) / math.log(factor) - 1e-9))
        decays = np.minimum(decays, most)
    return np.asarray(lr * factor**decays)


def exponential(schedule: Schedule, step: Rates) -> Rates:
    """Decay smoothly: lr decay_rate^(step / decay_step), never below `minimum`."""
    return np.maximum(schedule.learning_rate * schedule.decay_rate ** (step / schedule.decay_step), schedule.minimum)


def cosine(schedule: Schedule, step: Rates) -> Rates:
    """Fall from the rate to `minimum` along half a cosine (Loshchilov and Hutter 2017), from the end of warm-up on."""
    length = max(1, schedule.n_steps - schedule.warmup_steps)
    progress = np.clip((step - schedule.warmup_steps) / length, 0.0, 1.0)
    return schedule.minimum + (schedule.learning_rate - schedule.minimum) * (1 + np.cos(np.pi * progress)) / 2


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
    up = schedule.learning_rate + (start - schedule.learning_rate) * (1 + np.cos(np.pi * rising)) / 2
    down = end + (schedule.learning_rate - end) * (1 + np.cos(np.pi * falling)) / 2
    return np.where(step <= peak, up, down)


SCHEDULES: dict[str, Callable[[Schedule, Rates], Rates]] = {
    "constant": constant,
    "step": step_decay,
    "exponential": exponential,
    "cosine": cosine,
    "one_cycle": one_cycle,
}
SCHEDULE_SETTINGS: dict[str, tuple[str, ...]] = {  # beside the warm-up, which all have
    "constant": (),
    "step": ("decay_rate", "decay_step", "minimum"),
    "exponential": ("decay_rate", "decay_step", "minimum"),
    "cosine": ("minimum",),
    "one_cycle": (),
}
AS_LONG_AS_TRAINING = ("cosine", "one_cycle")  # those whose rates depend on the length of the training

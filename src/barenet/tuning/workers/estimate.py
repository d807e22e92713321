"""Estimate how long a search would take: time a few steps of each kind of stack, and multiply."""

from __future__ import annotations

import time
from collections.abc import Sequence

from barenet.config.tables import Config
from barenet.training.preparation import TrainingData
from barenet.training.trainer import Trainer
from barenet.tuning.space.plan import Plan
from barenet.tuning.workers.rung import group_by_shape, split_stacks

__all__ = ["estimate_seconds"]

MOST_KINDS = 12  # kinds of stack that are timed; for the others the mean of these counts
TIMED_SECONDS = 0.25


def estimate_seconds(configs: Sequence[Config], data: TrainingData, plan: Plan, n_trials: int, n_workers: int) -> float:
    """Return the seconds that `n_trials` like these settings would take on `n_workers` workers, each with a core.

    Validation (a few hundredths of the work) and the start of the workers are left out.
    """
    trainer = configs[0].trainer
    rungs = plan.rungs(trainer.epochs, trainer.eval_every, min(n_trials, plan.ask_size))
    share = sum((b - a) / plan.eta**i for i, (a, b) in enumerate(zip([0, *rungs[:-1]], rungs, strict=True))) / rungs[-1]
    stacks = split_stacks(group_by_shape(configs), plan.stack, n_workers)
    kinds: dict[tuple[str, int, int], float] = {}
    seconds, counted = 0.0, 0
    for stack in stacks:
        chosen = [configs[i] for i in stack]
        kind = (repr(chosen[0].model), chosen[0].data.batch_size, len(chosen))
        if kind not in kinds and len(kinds) < MOST_KINDS:
            kinds[kind] = time_epoch(chosen, data)
        if kind in kinds:
            seconds += kinds[kind] * max(config.trainer.epochs for config in chosen)
            counted += len(stack)
    return float(seconds / counted * n_trials * share / n_workers)


class Enough(Exception):
    """Enough steps were timed."""


def time_epoch(configs: Sequence[Config], data: TrainingData) -> float:
    """Return the seconds that an epoch of a stack takes, from some of its steps."""
    done, started = 0, time.perf_counter()

    def watch(epoch: int, step: int, n_steps: int, n_networks: int) -> None:
        nonlocal done, started
        if step == 0:
            started = time.perf_counter()
        done = step
        if step and time.perf_counter() - started > TIMED_SECONDS:
            raise Enough

    trainer = Trainer(configs, data, progress=watch)
    try:
        next(iter(trainer))
    except Enough:
        return (time.perf_counter() - started) / done * trainer.n_steps
    return time.perf_counter() - started

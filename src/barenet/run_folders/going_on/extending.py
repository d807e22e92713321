"""More epochs than a run was started with.

A schedule depends only on the step and on the length of the training. With more epochs the next step has the rate that
the longer training has at this step. So the settings still decide how a run continues, and a run that is stopped again
ends with the same bits. If the rate stayed at its last value, which is nearly 0 for cosine and one_cycle, more epochs
would change nothing.
"""

from __future__ import annotations

from pathlib import Path

from barenet.config.tables import Config
from barenet.errors import RunError
from barenet.messages import count
from barenet.nn import SCHEDULES
from barenet.training.epochs import schedule_of
from barenet.training.trainer import Trainer

__all__ = ["check_epochs", "describe_extension", "describe_finished"]


def check_epochs(path: Path, config: Config, before: int, done: int) -> None:
    """Raise RunError if a run of `before` epochs, `done` of which are trained, shall have fewer epochs."""
    if config.trainer.epochs < before:
        raise RunError(
            f"{path} was started for {count(before, 'epoch')} and has trained {done}: trainer.epochs can be raised, "
            f"not lowered, got {config.trainer.epochs}"
        )


def describe_finished(folder: Path, trainer: Trainer) -> str:
    """Return a note that a run has finished, and how it can be trained for longer."""
    epochs = trainer.configs[0].trainer.epochs
    reasons = [str(stop) for stop in trainer.stopped if stop is not None and stop.kind != "finished"]
    if reasons:
        return f"{folder} is finished: {', '.join(dict.fromkeys(reasons))}"
    return f"{folder} is finished ({count(epochs, 'epoch')}); --epochs {2 * epochs} trains it for longer"


def describe_extension(folder: Path, trainer: Trainer, before: int) -> str:
    """Return a note on how a run that was started with `before` epochs continues with more epochs."""
    network = min(range(len(trainer.states)), key=lambda i: int(trainer.states[i].epoch[0]))
    config, state = trainer.configs[network], trainer.states[network]
    epochs, done, step = config.trainer.epochs, int(state.epoch[0]), int(state.n_steps[0])
    raised = f"{folder}: trainer.epochs is raised from {before} to {epochs}"
    if all(trainer.stopped):
        reasons = ", ".join(dict.fromkeys(str(stop) for stop in trainer.stopped))
        return f"{raised}, but nothing is left to train: {reasons}"
    if step == 0:
        return raised
    shorter = config.with_values(trainer__epochs=before)
    last = float(schedule_of(shorter, trainer.n_steps).rates(step - 1))
    following = float(schedule_of(config, trainer.n_steps).rates(step))
    name = config.schedule.name
    if SCHEDULES[name].has_length:
        how = f"the schedule {name} is stretched over all {epochs}, so the learning rate goes"
    else:
        how = f"the schedule {name} goes on: the learning rate goes"
    rates = f"from {last:.3g} at the end of epoch {done} to {following:.3g} at the start of epoch {done + 1}"
    return f"{raised}; " + (f"the learning rate stays {last:.3g}" if name == "constant" else f"{how} {rates}")

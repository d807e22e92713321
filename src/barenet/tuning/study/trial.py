"""A trial, its results, and how trials compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.nn import LOSSES
from barenet.printing.shown import Shown, short
from barenet.training.learning.measurement import is_beyond_chance, measure_figures
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.plan import Plan
from barenet.tuning.study.rungs import RungRecord, Subject

__all__ = ["EndedTrial", "Top", "Trial", "judge", "learned_nothing", "promote", "rank", "score_of", "scores_of"]


@dataclass(repr=False)
class Trial(Shown):
    """A point of the space, trained with the first or with a further seed. `rungs` are those finished so far.

    key: the name of its folder. config: None if the point's settings contradict each other. ended: finished, stopped
    (by halving), diverged or failed; None while it is not over. round: the round in which it was chosen, together with
    `round_size` points in all.
    """

    number: int
    key: str
    point: Point
    config: Config | None
    is_repeat: bool = False
    rungs: list[RungRecord] = field(default_factory=list)
    ended: str | None = None
    round: int = 0
    round_size: int = 1

    def __repr__(self) -> str:
        accuracy = None if self.last is None else self.last.valid_accuracy
        figures = "" if accuracy is None else f", validation accuracy {100 * accuracy:.2f} %"
        return f"Trial({self.number}: {short(self.point)}, {self.ended or 'unfinished'}{figures})"

    @property
    def last(self) -> RungRecord | None:
        """The latest rung, None before the first."""
        return self.rungs[-1] if self.rungs else None

    @property
    def lost(self) -> bool:
        """Whether it diverged or failed."""
        return bool(self.rungs) and self.rungs[-1].outcome != "trained"

    @property
    def seconds(self) -> float:
        """Seconds of training; the time of a stack is divided among its trials."""
        return sum(rung.seconds for rung in self.rungs)

    def subject(self, rung: int) -> Subject:
        """Return what the record of one of its rungs is about."""
        return Subject(self.key, rung, self.round, self.round_size, dict(self.point))

    def figures(self, plan: Plan) -> tuple[float | None, float | None]:
        """Return validation loss and accuracy by which the plan scores the trial."""
        if self.last is None:
            return None, None
        if plan.score == "best":
            return self.last.best_valid_loss, self.last.best_valid_accuracy
        return self.last.valid_loss, self.last.valid_accuracy

    def score(self, plan: Plan) -> float | None:
        """Return the score of the trial, None before the first validation, or if it diverged or failed."""
        loss, accuracy = self.figures(plan)
        return None if self.lost else (accuracy if plan.metric == "acc" else loss)


def score_of(rung: RungRecord, plan: Plan) -> float | None:
    """Return the score of a trial that ends with this rung."""
    return Trial(0, "", {}, None, rungs=[rung]).score(plan)


def scores_of(history: Sequence[EpochRecord], plan: Plan) -> dict[int, float]:
    """Return the metric of every validated epoch."""
    figures = ((row.epoch, row.valid_accuracy if plan.metric == "acc" else row.valid_loss) for row in history)
    return {epoch: figure for epoch, figure in figures if figure is not None and math.isfinite(figure)}


def rank(trials: Sequence[Trial], plan: Plan) -> list[Trial]:
    """Return the trials, best first: the finished, then the stopped (longer ones first), then those without a score.

    Of equal trials the earlier one comes first.
    """

    def key(trial: Trial) -> tuple[bool, bool, int, float, int]:
        score = trial.score(plan)
        epochs = trial.last.epochs if trial.last and trial.ended == "stopped" else 0
        return score is None, trial.ended != "finished", -epochs, -plan.sign * (score or 0.0), trial.number

    return sorted(trials, key=key)


def learned_nothing(trial: Trial, plan: Plan, counts: NDArray[np.int64]) -> bool:
    """Whether a trial that trained is no better than one answer for all validation images, as its figures tell.

    counts (C,): the number of these images of each class. False with weights for classes, which may make accuracy and
    loss worse than those of a network that knows less, and with a custom loss.
    """
    loss, accuracy = trial.figures(plan)
    if trial.lost or loss is None or accuracy is None or trial.config is None:
        return False
    model = trial.config.model
    if model.class_weight is not None or model.loss not in LOSSES:
        return False
    found = measure_figures(accuracy, counts, loss, LOSSES[model.loss])
    n_looks = trial.last.epochs if trial.last and plan.score == "best" else 1
    return found.is_enough and not is_beyond_chance(found, n_looks=n_looks)


def promote(trials: Sequence[Trial], plan: Plan) -> list[Trial]:
    """Return the trials of a complete rung that continue, in trial order: the best 1 / eta, at least one."""
    able = [trial for trial in rank(trials, plan) if trial.score(plan) is not None]
    chosen = able[: max(1, len(trials) // plan.eta)]
    return sorted(chosen, key=lambda trial: trial.number)


def judge(
    before: RungRecord | None,
    history: Sequence[EpochRecord],
    plan: Plan,
    *,
    epochs: int,
    seconds: float,
    reason: str | None = None,
) -> RungRecord:
    """Return the record of a rung: the latest and the best validation so far.

    before: the record of the rung before it. epochs: the epochs that count; later ones in `history` do not. reason: why
    the network diverged, if it did.
    """
    validated = [
        (row.epoch, row.valid_loss, row.valid_accuracy)
        for row in history
        if row.valid_loss is not None and row.valid_accuracy is not None and row.epoch <= epochs
    ]
    best: list[tuple[int, float, float]] = []
    latest: tuple[float | None, float | None] = (None, None)
    if before is not None:
        latest = (before.valid_loss, before.valid_accuracy)
        if (
            before.best_epoch is not None
            and before.best_valid_loss is not None
            and before.best_valid_accuracy is not None
        ):
            best = [(before.best_epoch, before.best_valid_loss, before.best_valid_accuracy)]
    if validated:
        latest = validated[-1][1:]
    place = 1 if plan.metric == "loss" else 2
    # Of equal epochs max keeps the first.
    chosen: tuple[int | None, float | None, float | None]
    chosen = max([*best, *validated], key=lambda row: plan.sign * row[place], default=(None, None, None))
    outcome: Literal["trained", "diverged"] = "trained" if reason is None else "diverged"
    valid_loss, valid_accuracy = latest
    epoch, loss, accuracy = chosen
    return RungRecord(outcome, epochs, valid_loss, valid_accuracy, epoch, loss, accuracy, seconds, reason)


@dataclass(frozen=True)
class EndedTrial:
    """What Optuna's record should have of a trial that has ended: state, value, point, and scores by epoch."""

    state: str
    value: float | None
    point: Point
    scores: Mapping[int, float]


class Top:
    """The best finished trials, as many as are repeated at the end; only one without repeats."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.size = plan.repeat_best if plan.repeats else 1
        self.trials: list[Trial] = []

    def would_add(self, trial: Trial, record: RungRecord) -> bool:
        """Whether a trial, if it finished with this record, would be among the best."""
        if trial.is_repeat:
            return False
        candidate = replace(trial, rungs=[*trial.rungs, record], ended="finished")
        return any(trial is candidate for trial in rank([*self.trials, candidate], self.plan)[: self.size])

    def add(self, trial: Trial) -> list[Trial]:
        """Add a finished trial if it is good enough; return the trials that are not among the best."""
        ranked = rank([*(t for t in self.trials if t.key != trial.key), trial], self.plan)
        self.trials = ranked[: self.size]
        return ranked[self.size :]

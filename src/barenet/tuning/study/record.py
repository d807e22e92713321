"""What is known of a search's trials: written to files first, then told to Optuna's record and to the tables."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from barenet.training.records import EpochRecord
from barenet.tuning.space.material import Material
from barenet.tuning.study.folder import RungRecord, StudyFolder
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.results import write_tables
from barenet.tuning.study.trial import Top, Trial, judge, scores_of
from barenet.tuning.workers.rung import TrainedNetwork

if TYPE_CHECKING:
    from barenet.tuning.study.ledger import Ledger

__all__ = ["Record"]

TABLES_EVERY = 5.0  # seconds


class Record:
    """The record of a search. `trials` are all that were ever chosen; the states of those in `top` are kept."""

    def __init__(self, material: Material, folder: StudyFolder, ledger: Ledger, observer: SearchObserver) -> None:
        self.material, self.plan = material, material.question.plan
        self.folder, self.ledger, self.observer = folder, ledger, observer
        self.trials: list[Trial] = []
        self.top = Top(self.plan)
        self.written = 0.0  # when the tables were last

    def take_up(self, trial: Trial) -> None:
        """Bring Optuna's record of a trial up to date with its files, after a coordinator that was killed."""
        self.trials.append(trial)
        if trial.rungs and trial.number not in self.ledger.finished:
            self.ledger.start(trial.number, trial.point)
            self.ledger.report(trial.number, scores_of(self.folder.read_history(trial.key), self.plan))
        if trial.lost:
            self.end(trial, trial.rungs[-1].outcome)

    def start(self, stack: Sequence[Trial]) -> None:
        """Tell Optuna of trials that a worker is about to train."""
        for trial in stack:
            if not trial.is_repeat:
                self.ledger.start(trial.number, trial.point)

    def write_trained(self, trial: Trial, rung: int, network: TrainedNetwork, *, is_last: bool) -> None:
        """Write down what a rung gave a trial: its record, its history, and its state if anything goes on from it."""
        epochs, stop = int(network.state.epoch[0]), network.stopped
        reason = str(stop) if stop is not None and stop.kind == "diverged" else None
        record = judge(trial.last, network.records, self.plan, epochs=epochs, seconds=network.seconds, reason=reason)
        needed = reason is None and (not is_last or self.top.would_take(trial, record))
        self.write(trial, rung, record, network.records, network.state if needed else None)
        if rung > 0:
            self.folder.drop_state(trial.key, rung - 1)
        if is_last and not trial.lost:
            self.finish(trial)

    def write_failed(self, trial: Trial, rung: int, reason: str) -> None:
        """Write down that a trial was given up."""
        before = trial.last.epochs if trial.last else 0
        self.write(trial, rung, RungRecord("failed", before, reason=reason), [])

    def write(
        self, trial: Trial, rung: int, record: RungRecord, history: Sequence[EpochRecord], state: Any = None
    ) -> None:
        """Write a rung's files, then tell Optuna."""
        self.folder.write_rung(trial.key, rung, record, history, state)
        trial.rungs.append(record)
        if not trial.is_repeat:
            self.ledger.report(trial.number, scores_of(history, self.plan))
        if trial.lost:
            self.end(trial, record.outcome)

    def end(self, trial: Trial, how: str) -> None:
        """Set down how a trial ended, here and in Optuna's record."""
        if trial.ended is not None:
            return
        trial.ended = how
        self.observer.ended(trial)
        if trial.is_repeat:
            return
        self.ledger.start(trial.number, trial.point)
        state = {"finished": "COMPLETE", "stopped": "PRUNED"}.get(how, "FAIL")
        about = {"ended": how, "seconds": round(trial.seconds, 3)}
        if trial.last is not None and trial.last.reason:
            about["reason"] = trial.last.reason
        value = trial.score(self.plan) if how == "finished" else None
        self.ledger.finish(trial.number, state if value is not None or how != "finished" else "FAIL", value, about)

    def finish(self, trial: Trial) -> None:
        """End a trial that went all the way; if it is among the best, drop the state of the one that it displaces."""
        self.end(trial, "finished")
        if not trial.is_repeat:
            for displaced in self.top.take(trial):
                self.folder.drop_state(displaced.key, len(displaced.rungs) - 1)

    def write_tables(self, *, now_and_then: bool = False) -> None:
        """Write results.csv and gridsearch_results.json; `now_and_then` not more often than is worth it."""
        if now_and_then and time.monotonic() - self.written < TABLES_EVERY:
            return
        self.written = time.monotonic()
        write_tables(self.folder, self.material, self.trials)

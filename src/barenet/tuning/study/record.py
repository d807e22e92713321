"""What is known of a search's trials: written to files first, then told to Optuna's record and to the tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from barenet.errors import MachineError
from barenet.notes import logger
from barenet.training.records import EpochRecord
from barenet.tuning.space.prepared import PreparedSearch
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.results import write_tables
from barenet.tuning.study.rungs import DamagedError, RungRecord
from barenet.tuning.study.trial import Told, Top, Trial, judge, scores_of
from barenet.tuning.workers.rung import TrainedNetwork

if TYPE_CHECKING:
    from barenet.tuning.study.ledger import Ledger

__all__ = ["Record"]

TABLES_EVERY = 5.0  # seconds


class Record:
    """The record of a search. `trials` are all that were ever chosen; the states of those in `top` are kept."""

    def __init__(self, prepared: PreparedSearch, folder: StudyFolder, ledger: Ledger, observer: SearchObserver) -> None:
        self.prepared, self.plan = prepared, prepared.request.plan
        self.folder, self.ledger, self.observer = folder, ledger, observer
        self.trials: list[Trial] = []
        self.top = Top(self.plan)
        self.written = 0.0  # when the tables were last
        self.is_table_lost = False  # whether it was said that a table cannot be written
        self.is_taken_up = False  # whether an earlier process has trained some of the trials

    def take_up(self, trial: Trial) -> None:
        """Bring Optuna's record of a trial up to date with its files, after a coordinator that was killed."""
        self.trials.append(trial)
        if trial.rungs and trial.number not in self.ledger.finished:
            self.tell(partial(self.tell_rungs, trial))
        self.is_taken_up = self.is_taken_up or bool(trial.rungs)
        if trial.lost:
            self.end(trial, trial.rungs[-1].outcome)

    def start(self, stack: Sequence[Trial]) -> None:
        """Tell Optuna of trials that a worker is about to train."""
        for trial in stack:
            if not trial.is_repeat:
                self.tell(partial(self.tell_start, trial))

    def write_trained(self, trial: Trial, rung: int, network: TrainedNetwork, *, is_last: bool) -> None:
        """Write down what a rung gave a trial: its record, its history, and its state if anything goes on from it."""
        epochs, stop = int(network.state.epoch[0]), network.stopped
        before = trial.last.epochs if trial.last else 0
        history = [row for row in network.records if row.epoch > before]  # all, where it was trained from the start
        reason = str(stop) if stop is not None and stop.kind == "diverged" else None
        record = judge(trial.last, history, self.plan, epochs=epochs, seconds=network.seconds, reason=reason)
        needed = reason is None and (not is_last or self.top.would_take(trial, record))
        self.write(trial, rung, record, history, network.state if needed else None)
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
        self.folder.write_rung(trial.subject(rung), record, history, state)
        trial.rungs.append(record)
        if not trial.is_repeat:
            self.tell(lambda ledger: ledger.report(trial.number, scores_of(history, self.plan)))
        if trial.lost:
            self.end(trial, record.outcome)

    def end(self, trial: Trial, how: str) -> None:
        """Set down how a trial ended, here and in Optuna's record."""
        if trial.ended is not None:
            return
        trial.ended = how
        self.observer.ended(trial)
        if not trial.is_repeat:
            self.tell(partial(self.tell_end, trial))

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
        try:
            write_tables(self.folder, self.prepared, self.trials)
        except MachineError as error:
            if not self.is_table_lost:
                logger.info(f"{error}: the search goes on without this table")
            self.is_table_lost = True

    # Optuna's record

    def tell(self, say: Callable[[Ledger], None]) -> None:
        """Tell Optuna's record something; where the study's SQLite file is damaged, make it anew, and tell it again."""
        try:
            say(self.ledger)
        except DamagedError as error:
            self.renew_ledger(error)
            say(self.ledger)

    def tell_start(self, trial: Trial, ledger: Ledger) -> None:
        """Tell that a trial is being trained."""
        ledger.start(trial.number, trial.point)

    def tell_rungs(self, trial: Trial, ledger: Ledger) -> None:
        """Tell what the files of a trial say."""
        ledger.start(trial.number, trial.point)
        ledger.report(trial.number, scores_of(self.folder.read_history(trial.key), self.plan))

    def tell_end(self, trial: Trial, ledger: Ledger) -> None:
        """Tell how a trial ended."""
        about = {"ended": trial.ended, "seconds": round(trial.seconds, 3)}
        if trial.last is not None and trial.last.reason:
            about["reason"] = trial.last.reason
        ledger.start(trial.number, trial.point)
        ledger.finish(trial.number, *self.ending_of(trial), about)

    def ending_of(self, trial: Trial) -> tuple[str, float | None]:
        """Return how a trial that has ended stands in Optuna's record: its state there, and its value."""
        value = trial.score(self.plan) if trial.ended == "finished" else None
        state = {"finished": "COMPLETE", "stopped": "PRUNED"}.get(str(trial.ended), "FAIL")
        return "FAIL" if state == "COMPLETE" and value is None else state, value

    def renew_ledger(self, why: DamagedError) -> None:
        """Tell a new SQLite file all that the files of the trials say."""
        self.ledger = self.ledger.renew(why)
        for trial in self.trials:
            if trial.rungs:
                self.tell_rungs(trial, self.ledger)
            if trial.ended is not None:
                self.tell_end(trial, self.ledger)

    def check_ledger(self) -> None:
        """Make the study's SQLite file anew where, after a search that went on, it does not say what the files do."""
        if not self.is_taken_up:
            return
        try:
            self.ledger.check({trial.number: self.expect(trial) for trial in self.trials if trial.ended is not None})
        except DamagedError as error:
            self.renew_ledger(error)

    def expect(self, trial: Trial) -> Told:
        """Return what Optuna's record should say of a trial that has ended."""
        scores = scores_of(self.folder.read_history(trial.key), self.plan)
        state, value = self.ending_of(trial)
        if state == "PRUNED":  # Optuna gives it its latest score
            value = scores[max(scores)] if scores else None
        return Told(state, value, trial.point, scores)

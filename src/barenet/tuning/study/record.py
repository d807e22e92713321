"""The record of a search's trials: written to files first, then to Optuna's record and to the tables."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from barenet.config.tables import Config
from barenet.errors import MachineError
from barenet.notes import logger
from barenet.printing.lines import write_csv_row
from barenet.storage.files import replace_file
from barenet.training.preparation import architecture_of
from barenet.training.records import EpochRecord
from barenet.tuning.space.prepared import PreparedSearch
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.rungs import DamagedError, RungRecord
from barenet.tuning.study.trial import EndedTrial, Top, Trial, judge, rank, scores_of
from barenet.tuning.workers.rung import TrainedNetwork

if TYPE_CHECKING:
    from barenet.tuning.study.ledger import Ledger

__all__ = ["Record", "course_settings_of"]

TABLES_EVERY = 5.0  # seconds


class Record:
    """The record of a search. `trials` are all trials chosen so far; the states of those in `top` are kept."""

    def __init__(self, prepared: PreparedSearch, folder: StudyFolder, ledger: Ledger, observer: SearchObserver) -> None:
        self.prepared, self.plan = prepared, prepared.request.plan
        self.folder, self.ledger, self.observer = folder, ledger, observer
        self.trials: list[Trial] = []
        self.top = Top(self.plan)
        self.tables_written = 0.0  # seconds, when the tables were last written
        self.is_failure_noted = False  # whether a note has said that a table cannot be written
        self.is_resumed = False  # whether an earlier process has trained some of the trials

    def add(self, trial: Trial) -> None:
        """Add a trial; if its files have rungs of an earlier process, bring Optuna's record up to date with them."""
        self.trials.append(trial)
        if trial.rungs and trial.number not in self.ledger.finished:
            self.tell(partial(self.tell_rungs, trial))
        self.is_resumed = self.is_resumed or bool(trial.rungs)
        if trial.lost:
            self.end(trial, trial.rungs[-1].outcome)

    def start(self, stack: Sequence[Trial]) -> None:
        """Tell Optuna of trials that a worker is about to train."""
        for trial in stack:
            if not trial.is_repeat:
                self.tell(partial(self.tell_start, trial))

    def write_trained(self, trial: Trial, rung: int, network: TrainedNetwork, *, is_last: bool) -> None:
        """Write the result of a rung of a trial: its record, its history, and its state if that is needed later."""
        epochs, stop = int(network.state.epoch[0]), network.stopped
        before = trial.last.epochs if trial.last else 0
        history = [row for row in network.records if row.epoch > before]  # all, where it was trained from the start
        reason = str(stop) if stop is not None and stop.kind == "diverged" else None
        record = judge(trial.last, history, self.plan, epochs=epochs, seconds=network.seconds, reason=reason)
        needed = reason is None and (not is_last or self.top.would_add(trial, record))
        self.write(trial, rung, record, history, network.state if needed else None)
        if rung > 0:
            self.folder.drop_state(trial.key, rung - 1)
        if is_last and not trial.lost:
            self.finish(trial)

    def write_failed(self, trial: Trial, rung: int, reason: str) -> None:
        """Write that a trial was given up."""
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
        """Record how a trial ended, here and in Optuna's record."""
        if trial.ended is not None:
            return
        trial.ended = how
        self.observer.ended(trial)
        if not trial.is_repeat:
            self.tell(partial(self.tell_end, trial))

    def finish(self, trial: Trial) -> None:
        """End a trial that was trained to its last epoch; delete states of trials that are not among the best."""
        self.end(trial, "finished")
        if not trial.is_repeat:
            for other in self.top.add(trial):
                self.folder.drop_state(other.key, len(other.rungs) - 1)

    def write_tables(self, *, now_and_then: bool = False) -> None:
        """Write results.csv and gridsearch_results.json; with `now_and_then` only if the last time is long ago."""
        if now_and_then and time.monotonic() - self.tables_written < TABLES_EVERY:
            return
        self.tables_written = time.monotonic()
        try:
            write_tables(self.folder, self.prepared, self.trials)
        except MachineError as error:
            if not self.is_failure_noted:
                logger.info(f"{error}: the search goes on without this table")
            self.is_failure_noted = True

    # Optuna's record

    def tell(self, say: Callable[[Ledger], None]) -> None:
        """Write something to Optuna's record; if the study's SQLite file is damaged, make a new one first."""
        try:
            say(self.ledger)
        except DamagedError as error:
            self.renew_ledger(error)
            say(self.ledger)

    def tell_start(self, trial: Trial, ledger: Ledger) -> None:
        """Record that a trial is being trained."""
        ledger.start(trial.number, trial.point)

    def tell_rungs(self, trial: Trial, ledger: Ledger) -> None:
        """Record the scores that the files of a trial have."""
        ledger.start(trial.number, trial.point)
        ledger.report(trial.number, scores_of(self.folder.read_history(trial.key), self.plan))

    def tell_end(self, trial: Trial, ledger: Ledger) -> None:
        """Record how a trial ended."""
        about = {"ended": trial.ended, "seconds": round(trial.seconds, 3)}
        if trial.last is not None and trial.last.reason:
            about["reason"] = trial.last.reason
        ledger.start(trial.number, trial.point)
        ledger.finish(trial.number, *self.ending_of(trial), about)

    def ending_of(self, trial: Trial) -> tuple[str, float | None]:
        """Return the state and the value in Optuna's record of a trial that has ended."""
        value = trial.score(self.plan) if trial.ended == "finished" else None
        state = {"finished": "COMPLETE", "stopped": "PRUNED"}.get(str(trial.ended), "FAIL")
        return "FAIL" if state == "COMPLETE" and value is None else state, value

    def renew_ledger(self, why: DamagedError) -> None:
        """Make a new SQLite file from the files of the trials."""
        self.ledger = self.ledger.renew(why)
        for trial in self.trials:
            if trial.rungs:
                self.tell_rungs(trial, self.ledger)
            if trial.ended is not None:
                self.tell_end(trial, self.ledger)

    def check_ledger(self) -> None:
        """After a resumed search, make a new SQLite file if the study's differs from the other files."""
        if not self.is_resumed:
            return
        try:
            self.ledger.check({trial.number: self.expect(trial) for trial in self.trials if trial.ended is not None})
        except DamagedError as error:
            self.renew_ledger(error)

    def expect(self, trial: Trial) -> EndedTrial:
        """Return what Optuna's record should say of a trial that has ended."""
        scores = scores_of(self.folder.read_history(trial.key), self.plan)
        state, value = self.ending_of(trial)
        if state == "PRUNED":  # Optuna gives it its latest score
            value = scores[max(scores)] if scores else None
        return EndedTrial(state, value, trial.point, scores)


def course_settings_of(trial: Trial, config: Config, n_inputs: int, n_classes: int) -> dict[str, Any]:
    """Return a trial's settings in the course project's words, and all others that were searched by their names."""
    settings: dict[str, Any] = {"input_dim": n_inputs}
    rows = architecture_of(config, n_inputs, n_classes).rows
    for layer, row in enumerate(rows, start=1):
        if layer < len(rows):
            settings[f"hidden_size_{layer}"] = row.output_dim
        settings[f"activation_{layer}"] = row.activation.name
    settings |= {"output_dim": n_classes, "lr": config.optimizer.learning_rate, "ld": config.optimizer.l2}
    settings |= {"decay_rate": config.schedule.decay_rate, "decay_step": config.schedule.decay_step}
    return settings | {name: value for name, value in trial.point.items() if name not in settings}


def write_tables(folder: StudyFolder, prepared: PreparedSearch, trials: Sequence[Trial]) -> None:
    """Write results.csv with all trials, best first, and gridsearch_results.json in the course project's form."""
    plan, names, dataset = prepared.request.plan, prepared.space.names, prepared.dataset
    ranked = rank(trials, plan)
    figures = ("epochs", "valid_loss", "valid_accuracy", "best_epoch", "best_valid_loss", "best_valid_accuracy")
    buffer = io.StringIO()
    write_csv_row(buffer, ["rank", "trial", "ended", *names, *figures, "seconds", "reason"])
    for position, trial in enumerate(ranked, start=1):
        row: list[Any] = [
            position,
            trial.number,
            trial.ended or "unfinished",
            *(trial.point.get(name) for name in names),
        ]
        row += [getattr(trial.last, name) if trial.last else None for name in figures]
        write_csv_row(buffer, [*row, round(trial.seconds, 3), trial.last.reason if trial.last else None])
    replace_file(folder.path / "results.csv", buffer.getvalue())
    rows = []
    for trial in ranked:
        loss, accuracy = trial.figures(plan)
        if trial.ended == "finished" and trial.config is not None and loss is not None:
            rows.append([course_settings_of(trial, trial.config, dataset.n_inputs, dataset.n_classes), loss, accuracy])
    replace_file(folder.path / "gridsearch_results.json", json.dumps(rows, indent=4) + "\n")

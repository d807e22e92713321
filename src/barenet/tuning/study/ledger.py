"""Optuna's record of a study, kept for its dashboard and its other tools: SQLite in the study's folder, or a database.

The study's other files decide, and the record is written from them. A trial is enqueued with its number, asked for at
once, and ended when it is done. A resumed search first brings the record up to date: trials that a killed coordinator
left unfinished there are ended as the files say, or continue as running.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import URL

from barenet.errors import MachineError
from barenet.messages import one_line
from barenet.notes import logger
from barenet.storage.files import set_aside
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.plan import Direction
from barenet.tuning.space.sampling import quiet_optuna, suggest
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.databases import check_url, close_storage, is_outside, open_optuna
from barenet.tuning.study.rungs import DamagedError
from barenet.tuning.study.trial import EndedTrial

__all__ = ["Ledger", "open_ledger"]

NUMBER = "trial"  # the user attribute that holds our number of a trial
REPORTS = 20  # most points of a learning curve that are reported for a rung


class Ledger:
    """Optuna's study, and which of its trials are ours. Methods raise MachineError if the database fails.

    file: the study's SQLite file, None for another database. If it is damaged, all methods raise DamagedError.
    """

    def __init__(self, study: Any, space: Space, shown_url: str, file: StudyDatabase | None = None) -> None:
        self.study, self.space, self.shown_url, self.file = study, space, shown_url, file
        trials = self.trials()
        ours = self.ours(trials)
        self.numbers = {number: trial.number for number, trial in ours.items()}  # ours to Optuna's
        self.finished = {number for number, trial in ours.items() if trial.state.is_finished()}
        for trial in ours.values():
            if trial.state == TrialState.RUNNING:
                self.complete(trial)  # a coordinator was killed between asking and setting the values
        for _ in range(sum(trial.state == TrialState.WAITING for trial in trials)):
            self.take_enqueued()  # a coordinator was killed between enqueueing and asking

    def trials(self) -> list[FrozenTrial]:
        """Return all trials of the record."""
        trials: list[FrozenTrial] = self.guard(lambda: self.study.get_trials(deepcopy=False))
        return trials

    def ours(self, trials: Iterable[FrozenTrial]) -> dict[int, FrozenTrial]:
        """Return those of the trials that are the study's, by its numbers."""
        return {t.user_attrs[NUMBER]: t for t in trials if isinstance(t.user_attrs.get(NUMBER), int)}

    def guard(self, action: Any) -> Any:
        """Return the result of an action on the storage; if it fails, raise an error that names the storage.

        All exceptions are caught, since a damaged file makes Optuna and its parsers raise many kinds.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return action()
        except Exception as error:
            reason = one_line(error.__cause__ or error, 200)
            if self.file is not None and not is_outside(error):
                raise DamagedError(f"{self.file.path} is damaged ({reason})") from None
            raise MachineError(f"the storage {self.shown_url} failed: {reason}") from None

    def check(self, expected: Mapping[int, EndedTrial]) -> None:
        """Raise DamagedError if the study's SQLite file has another result of a trial that has ended."""
        if self.file is None:
            return
        ours = self.ours(self.trials())
        for number, one in expected.items():
            found = ours.get(number)
            if found is None or (found.state.name, found.value, found.params) != (one.state, one.value, one.point):
                raise DamagedError(f"{self.file.path} is damaged (it does not have the result of trial {number})")
            if any(one.scores.get(epoch) != score for epoch, score in found.intermediate_values.items()):
                raise DamagedError(f"{self.file.path} is damaged (it has other scores of trial {number})")

    def renew(self, why: DamagedError) -> Ledger:
        """Set the study's SQLite file aside, and return the record in an empty one."""
        if self.file is None:
            raise why
        close_storage(self.study._storage)
        return self.file.renew(why)

    def start(self, number: int, point: Point) -> None:
        """Record a trial as running, unless it is recorded already."""
        if number in self.numbers:
            return
        # Not `skip_if_exists`: for it, real numbers that differ by 1e-5 are equal. Our numbers are exact.
        self.guard(lambda: self.study.enqueue_trial(point, user_attrs={NUMBER: number}))
        while number not in self.numbers:
            self.take_enqueued()

    def complete(self, trial: FrozenTrial) -> None:
        """Set the values that a trial that was enqueued does not have yet."""
        self.guard(lambda: suggest(Trial(self.study, trial._trial_id), self.space))

    def take_enqueued(self) -> None:
        """Ask for a trial that was enqueued."""
        trial = self.guard(self.study.ask)
        self.guard(lambda: suggest(trial, self.space))
        if NUMBER not in trial.user_attrs:
            if self.file is not None:
                raise DamagedError(f"{self.file.path} is damaged (it has a trial that the study does not have)")
            raise MachineError(f"another process takes trials of this study out of {self.shown_url}; end it")
        self.numbers[trial.user_attrs[NUMBER]] = trial.number

    def report(self, number: int, scores: Mapping[int, float]) -> None:
        """Report the scores of a rung by epoch; if there are many, only some of them."""
        if number in self.finished or not scores:
            return
        storage, trial_id = self.study._storage, self.trial_id(number)
        epochs = sorted(scores)
        thinned = epochs[:: -(-len(epochs) // REPORTS)]
        for epoch in dict.fromkeys([*thinned, epochs[-1]]):
            self.guard(lambda epoch=epoch: storage.set_trial_intermediate_value(trial_id, epoch, scores[epoch]))

    def finish(self, number: int, state: str, value: float | None, about: Mapping[str, Any]) -> None:
        """Record how a trial ended, once: COMPLETE with its value, PRUNED, or FAIL; `about` has further attributes."""
        if number in self.finished:
            return
        storage, trial_id = self.study._storage, self.trial_id(number)
        for name, what in about.items():
            self.guard(lambda name=name, what=what: storage.set_trial_user_attr(trial_id, name, what))
        values = None if value is None else [value]
        self.guard(lambda: self.study.tell(self.numbers[number], values, state=TrialState[state]))
        self.finished.add(number)

    def trial_id(self, number: int) -> int:
        """Return the storage's id of one of our trials."""
        study = self.study
        return int(
            self.guard(
                lambda: study._storage.get_trial_id_from_study_id_trial_number(study._study_id, self.numbers[number])
            )
        )


@dataclass(frozen=True)
class StudyDatabase:
    """The SQLite file of a study; all that it holds is in the study's other files too."""

    path: Path
    name: str
    space: Space
    direction: Direction

    def open(self) -> Ledger:
        """Return the record in the file, made if it is not there; raise DamagedError where it is damaged."""
        url = URL.create("sqlite", database=str(self.path.absolute())).render_as_string()  # escapes signs of the path
        if self.path.exists() and not self.path.is_file():
            raise DamagedError(f"{self.path} is no file")
        study = open_optuna(url, str(self.path), {}, self.name, self.direction, in_folder=True)
        try:
            return Ledger(study, self.space, str(self.path), self)
        except DamagedError:
            close_storage(study._storage)
            raise

    def renew(self, why: DamagedError) -> Ledger:
        """Set the file aside and return an empty one in its place."""
        logger.info(f"{why}; it is kept as {set_aside(self.path).name}, and made anew from the study's files")
        for beside in self.path.parent.glob(f"{self.path.name}-*"):
            beside.unlink(missing_ok=True)
        return self.open()


def open_ledger(url: str | None, folder: Path, name: str, space: Space, direction: Direction) -> Ledger:
    """Open or make Optuna's record of a study: at a URL, or as study.db in its folder.

    Raises:
        MachineError: the database does not answer; says which address, never a password.
        ConfigError: the text is no URL, or the driver that it needs is not installed.
    """
    quiet_optuna()
    if url is not None:
        shown, options = check_url(url)
        return Ledger(open_optuna(url, shown, options, name, direction), space, shown)
    file = StudyDatabase(folder / "study.db", name, space, direction)
    try:
        return file.open()
    except DamagedError as error:  # by a kill while the file was being made, or later
        return file.renew(error)

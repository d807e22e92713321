"""The coordinator of a search: it chooses points, sends tasks, writes results and compares them; workers only train.

It knows only what the study's files hold, so a search that was killed continues where they end:

    round    points are chosen and written                 (`space.sampling`, `folder`)
    rung     the round's trials train to an epoch          (`workers`, `record`)
    promote  after a complete rung, the best continue      (`trial`)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from barenet.errors import DivergedError, MachineError
from barenet.interrupts import check
from barenet.messages import as_typed, count
from barenet.notes import logger
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.points import count_weights
from barenet.tuning.space.prepared import PreparedSearch
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.record import Record
from barenet.tuning.study.results import StudyResult, summarise
from barenet.tuning.study.rounds import Rounds
from barenet.tuning.study.trial import Trial, promote, rank
from barenet.tuning.study.winner import retrain, write_best
from barenet.tuning.workers.pool import Pool, SameProcess
from barenet.tuning.workers.rung import RungTask, TrainedNetwork, group_by_shape, split_stacks
from barenet.tuning.workers.shared_data import forget_data, share_data
from barenet.tuning.workers.stacks import Callbacks, StackTrainer

if TYPE_CHECKING:
    from barenet.tuning.study.ledger import Ledger

__all__ = ["Search"]


class Search:
    """A search, from what it is asked for to its result.

    prepared: what is searched, and on which data. folder: the study's files. ledger: Optuna's record. pool: where
    trials are trained. `record` holds the trials that were chosen, `repeats` the best settings with further seeds.
    """

    def __init__(
        self, prepared: PreparedSearch, folder: StudyFolder, ledger: Ledger, pool: Pool, observer: SearchObserver
    ) -> None:
        self.prepared, self.plan = prepared, prepared.request.plan
        self.folder, self.pool, self.observer = folder, pool, observer
        self.record = Record(prepared, folder, ledger, observer)
        self.rounds = Rounds(prepared, self.record)
        self.repeats: list[Trial] = []
        self.n_trained = 0  # rungs, without those of an earlier process

    def run(self) -> StudyResult:
        """Train all trials, write the result, and return it.

        Raises:
            DivergedError: all trials diverged or failed.
            MachineError: a file that the search needs could not be written; it can be resumed from the files so far.
        """
        try:
            self.train_trials()
            return self.conclude()
        except MachineError as error:
            path = as_typed(self.folder.path)
            raise MachineError(f"{error}; what is done is kept: go on by --resume {path}") from None

    def train_trials(self) -> None:
        """Choose and train round after round, then repeat the best."""
        prepared, data_folder = self.prepared, self.folder.path / ".data"
        is_shared = not isinstance(self.pool, SameProcess)
        has_path = not prepared.request.from_arrays
        self.shared = share_data(data_folder, prepared.data, prepared.resolved, has_path=has_path, write=is_shared)
        try:
            self.observer.settings(prepared.resolved, prepared.searched)
            self.observer.start(self.folder.path, self.plan, prepared.n_trials, self.pool.name, prepared.space.varied)
            for number in itertools.count():
                check()
                trials = self.rounds.open(number)
                if not trials:
                    break
                self.train_round(trials)
            if self.plan.repeats:
                self.train_repeats()
            self.folder.drop_states({trial.key for trial in self.record.top.trials})
            self.record.check_ledger()
        finally:
            self.pool.close(kill=True)
            forget_data(data_folder)

    def conclude(self) -> StudyResult:
        """Compare the trials, keep the winner, and write the results."""
        self.record.write_tables()
        result = summarise(self.folder, self.prepared, self.record.trials, self.repeats)
        best = result.best
        if best is None:
            reasons = [trial.last.reason for trial in result.trials if trial.last and trial.last.reason]
            why = reasons[0] if reasons else "none was trained"
            raise DivergedError(f"no trial was left: {why}; see {self.folder.path / 'results.csv'}")
        if not self.n_trained:
            logger.info(describe_finished(self.folder.path, len(self.record.trials), self.plan))
        write_best(self.folder, best, self.prepared.data)
        if self.plan.retrain:
            result = replace(result, retrained=retrain(self.folder, best, self.prepared.dataset))
        self.folder.write_json(self.folder.path / "results.json", result.as_dict())
        return result

    def train_round(self, trials: Sequence[Trial]) -> None:
        """Train the trials of a round rung by rung, and let the best of each rung go on."""
        rungs = self.prepared.rungs_of(len(trials))
        going = list(trials)
        for number, until in enumerate(rungs):
            is_last = number + 1 == len(rungs)
            self.train(going, number, until if not is_last else None, is_last=is_last)
            promoted = [] if is_last else promote(going, self.plan)
            for trial in going:
                if not is_last and trial not in promoted:
                    self.folder.drop_state(trial.key, number)
                    if not trial.lost:
                        self.record.end(trial, "stopped")
            going = promoted
        self.rounds.remember(trials)
        self.record.write_tables(now_and_then=True)

    def train_repeats(self) -> None:
        """Train the best settings with further seeds, which were not used to choose them."""
        finished = [trial for trial in rank(self.record.trials, self.plan) if trial.ended == "finished"]
        for trial in finished[: self.plan.repeat_best]:
            assert trial.config is not None
            first = trial.config.trainer.seed
            for seed in range(first + 1, first + 1 + self.plan.repeats):
                key = f"{trial.key}-seed-{seed}"
                config = trial.config.with_values(trainer__seed=seed)
                self.repeats.append(replace(trial, key=key, config=config, is_repeat=True, rungs=[], ended=None))
                self.rounds.take_rungs(self.repeats[-1])
        self.train(self.repeats, 0, None, is_last=True)

    # Rungs

    def train(self, trials: Sequence[Trial], rung: int, until: int | None, *, is_last: bool) -> None:
        """Train the trials that have not done the rung yet, in stacks, and write the results."""
        for trial in trials:
            if len(trial.rungs) > rung and is_last and not trial.lost:
                self.record.finish(trial)
        todo = [trial for trial in trials if len(trial.rungs) == rung and not trial.lost]
        self.n_trained += len(todo)
        configs = [trial.config for trial in todo if trial.config is not None]
        dataset = self.prepared.dataset
        groups = sorted(group_by_shape(configs), key=lambda group: -count_weights(configs[group[0]], dataset))
        stacks = [[todo[i] for i in stack] for stack in split_stacks(groups, self.plan.stack, self.pool.n_slots)]

        def make_task(stack: list[Trial]) -> RungTask:
            found = [self.folder.take_state(trial.key, rung - 1) if rung else None for trial in stack]
            states = [state for state in found if state is not None]
            # If one is lost, all start again: a stack trains together, and training is exact.
            together = tuple(states) if len(states) == len(stack) else None
            return RungTask(tuple(t.config for t in stack if t.config is not None), together, until, self.shared)

        def started(stack: list[Trial]) -> None:
            self.record.start(stack)
            self.observer.started(stack, rung)

        def done(stack: list[Trial], results: list[TrainedNetwork]) -> None:
            for trial, network in zip(stack, results, strict=True):
                self.record.write_trained(trial, rung, network, is_last=is_last)
            self.observer.finished(stack, rung)
            self.record.write_tables(now_and_then=True)

        def failed(trial: Trial, reason: str) -> None:
            self.record.write_failed(trial, rung, reason)
            self.observer.finished([trial], rung)

        callbacks = Callbacks(make_task, started, done, failed)
        StackTrainer(stacks, self.pool, callbacks, lambda trial: trial.key).run()


def describe_finished(folder: Path, n_trials: int, plan: Plan) -> str:
    """Return a sentence that says that a study is finished, and how it can be made larger."""
    more = f"--repeats {plan.repeats + 5} trains its best settings with other seeds"
    if plan.strategy != "grid":
        more = f"--trials {2 * plan.trials} tries other settings, {more}"
    return f"{folder} is finished ({count(n_trials, 'trial')}); {more}"

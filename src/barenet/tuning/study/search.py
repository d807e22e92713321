"""The coordinator of a search: it alone chooses, sends out, writes down and compares; workers only train.

Everything that it knows comes from the study's files, so that a search that was killed goes on where they end:

    round    points are chosen and written down            (`sampling`, `folder`)
    rung     the round's trials train to an epoch          (`rung`, `stacks`, `executors`)
    promote  on a complete rung, the best go on            (`trial`)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from typing import Any

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.errors import ConfigError
from barenet.training.preparation import TrainingData
from barenet.training.records import EpochRecord
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.points import Base, count_weights
from barenet.tuning.space.sampling import Past, propose
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.folder import RungRecord, StudyFolder
from barenet.tuning.study.ledger import Ledger
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.results import write_tables
from barenet.tuning.study.trial import Top, Trial, judge, promote, rank, score_of, scores_of
from barenet.tuning.workers.pool import Pool
from barenet.tuning.workers.rung import RungTask, TrainedNetwork, group_by_shape, split_stacks
from barenet.tuning.workers.shared_data import SharedData
from barenet.tuning.workers.stacks import Callbacks, StackTrainer

__all__ = ["Search"]

TABLES_EVERY = 5.0  # seconds


class Search:
    """A search under way. `trials` are all that were ever chosen, `repeats` further seeds of the best."""

    def __init__(
        self,
        *,
        space: Space,
        plan: Plan,
        base: Base,
        resolved: Config,
        dataset: Dataset,
        data: TrainingData,
        shared: SharedData,
        folder: StudyFolder,
        pool: Pool,
        ledger: Ledger,
        observer: SearchObserver,
    ) -> None:
        self.space, self.plan, self.base, self.resolved = space, plan, base, resolved
        self.dataset, self.data, self.shared = dataset, data, shared
        self.folder, self.pool, self.ledger, self.observer = folder, pool, ledger, observer
        self.trials: list[Trial] = []
        self.repeats: list[Trial] = []
        self.top = Top(plan)  # their states are kept
        self.past = Past(space, plan.sign)
        self.written = 0.0  # when the tables were last

    @property
    def n_planned(self) -> int:
        """Trials that the search will have, if the space has as many points."""
        return self.space.check_grid(self.plan.limit) if self.plan.strategy == "grid" else self.plan.trials

    def run(self) -> None:
        """Choose and train round after round, then repeat the best."""
        for number in count():
            trials = self.open_round(number)
            if not trials:
                break
            self.train_round(trials)
        if self.plan.repeats:
            self.train_repeats()
        self.folder.drop_states({trial.key for trial in self.top.trials})

    # Rounds

    def open_round(self, number: int) -> list[Trial]:
        """Return a round's trials as far as their files say, or choose its points; none when the search is over."""
        path = self.folder.round(number)
        points: list[Point] = []
        if path.exists():
            points = self.folder.read_points(number)
        elif len(self.trials) < self.n_planned:
            points = self.choose(number)
            if points:
                self.folder.write_json(path, points)
        trials = [self.make_trial(point, len(self.trials) + i) for i, point in enumerate(points)]
        self.trials += trials
        for trial in trials:
            self.take_up(trial)
        return trials

    def choose(self, number: int) -> list[Point]:
        """Return the points of a new round."""
        if self.plan.strategy == "grid":
            return list(self.space.grid()) if number == 0 else []
        n = min(self.plan.ask_size, self.plan.trials - len(self.trials))
        points = propose(self.plan, self.past, number, n)
        if len(points) < n:
            self.observer.note(f"the space has no more than {len(self.trials) + len(points)} points")
        return points

    def make_trial(self, point: Point, number: int) -> Trial:
        """Return a trial, with what its files hold of it; a point that contradicts itself has failed already."""
        key = f"{number:05d}"
        try:
            config = self.base.resolve(point, self.resolved, self.dataset, self.data.n_train)
        except ConfigError as error:
            if self.folder.read_rung(key, 0) is None:
                self.folder.write_rung(key, 0, RungRecord("failed", 0, reason=str(error)), [], None)
            config = None
        return Trial(number, key, point, config, rungs=self.read_rungs(key))

    def read_rungs(self, key: str) -> list[RungRecord]:
        """Return the finished rungs of a trial."""
        rungs: list[RungRecord] = []
        while (record := self.folder.read_rung(key, len(rungs))) is not None:
            rungs.append(record)
        return rungs

    def take_up(self, trial: Trial) -> None:
        """Bring Optuna's record of a trial up to date with its files, after a coordinator that was killed."""
        if trial.rungs and trial.number not in self.ledger.finished:
            self.ledger.start(trial.number, trial.point)
            self.ledger.report(trial.number, scores_of(self.folder.read_history(trial.key), self.plan))
        if trial.lost:
            self.end(trial, trial.rungs[-1].outcome)

    def train_round(self, trials: Sequence[Trial]) -> None:
        """Train the trials of a round rung by rung, and let the best of each rung go on."""
        rungs = self.rungs_of(len(trials))
        going = list(trials)
        for number, until in enumerate(rungs):
            is_last = number + 1 == len(rungs)
            self.train(going, number, until if not is_last else None, is_last=is_last)
            promoted = [] if is_last else promote(going, self.plan)
            for trial in going:
                if not is_last and trial not in promoted:
                    self.folder.drop_state(trial.key, number)
                    if not trial.lost:
                        self.end(trial, "stopped")
            going = promoted
        for trial in trials if self.plan.strategy != "grid" else ():
            scores = [(rung.epochs, score) for rung in trial.rungs if (score := score_of(rung, self.plan)) is not None]
            self.past.add(trial.point, scores, finished=trial.ended == "finished", lost=trial.lost)
        self.write_tables(now_and_then=True)

    def rungs_of(self, n_trials: int) -> list[int]:
        """Return the rungs of a round."""
        trainer = self.resolved.trainer
        return self.plan.rungs(trainer.epochs, trainer.eval_every, n_trials)

    def train_repeats(self) -> None:
        """Train the best settings with further seeds, none of which had a part in choosing them."""
        best = [trial for trial in rank(self.trials, self.plan) if trial.ended == "finished"][: self.plan.repeat_best]
        for trial in best:
            assert trial.config is not None
            first = trial.config.trainer.seed
            for seed in range(first + 1, first + 1 + self.plan.repeats):
                key = f"{trial.key}-seed-{seed}"
                config = trial.config.with_values(trainer__seed=seed)
                rungs = self.read_rungs(key)
                self.repeats.append(Trial(trial.number, key, trial.point, config, rungs=rungs, is_repeat=True))
        self.train(self.repeats, 0, None, is_last=True)

    # Rungs

    def train(self, trials: Sequence[Trial], rung: int, until: int | None, *, is_last: bool) -> None:
        """Train those of the trials that have not done the rung yet, in stacks, and write down what each gives."""
        for trial in trials:
            if len(trial.rungs) > rung and is_last and not trial.lost:
                self.finish(trial)
        todo = [trial for trial in trials if len(trial.rungs) == rung and not trial.lost]
        configs = [trial.config for trial in todo if trial.config is not None]
        groups = sorted(group_by_shape(configs), key=lambda group: -count_weights(configs[group[0]], self.dataset))
        stacks = [[todo[i] for i in stack] for stack in split_stacks(groups, self.plan.stack, self.pool.n_slots)]

        def make_task(stack: list[Trial]) -> RungTask:
            states = None if rung == 0 else tuple(self.folder.read_state(trial.key, rung - 1) for trial in stack)
            return RungTask(tuple(t.config for t in stack if t.config is not None), states, until, self.shared)

        def started(stack: list[Trial]) -> None:
            for trial in stack:
                if not trial.is_repeat:
                    self.ledger.start(trial.number, trial.point)
            self.observer.started(stack, rung)

        def done(stack: list[Trial], results: list[TrainedNetwork]) -> None:
            for trial, network in zip(stack, results, strict=True):
                self.write(trial, rung, network, is_last=is_last)
            self.observer.finished(stack, rung)
            self.write_tables(now_and_then=True)

        def failed(trial: Trial, reason: str) -> None:
            before = trial.last.epochs if trial.last else 0
            self.write_record(trial, rung, RungRecord("failed", before, reason=reason), [])
            self.observer.finished([trial], rung)

        callbacks = Callbacks(make_task, started, done, failed)
        StackTrainer(stacks, self.pool, callbacks, lambda trial: trial.key).run()

    def write(self, trial: Trial, rung: int, network: TrainedNetwork, *, is_last: bool) -> None:
        """Write down what a rung gave a trial: its record, its history, and its state if anything goes on from it."""
        epochs = int(network.state.epoch[0])
        stop = network.stopped
        reason = str(stop) if stop is not None and stop.kind == "diverged" else None
        record = judge(trial.last, network.records, self.plan, epochs=epochs, seconds=network.seconds, reason=reason)
        needed = reason is None and (not is_last or self.top.would_take(trial, record))
        self.write_record(trial, rung, record, network.records, network.state if needed else None)
        if rung > 0:
            self.folder.drop_state(trial.key, rung - 1)
        if is_last and not trial.lost:
            self.finish(trial)

    def write_record(
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
        if trial.is_repeat:
            return
        for displaced in self.top.take(trial):
            self.folder.drop_state(displaced.key, len(displaced.rungs) - 1)

    def write_tables(self, *, now_and_then: bool = False) -> None:
        """Write results.csv and gridsearch_results.json; `now_and_then` not more often than is worth it."""
        if now_and_then and time.monotonic() - self.written < TABLES_EVERY:
            return
        self.written = time.monotonic()
        n_inputs, n_classes = self.dataset.n_inputs, self.dataset.n_classes
        write_tables(self.folder, self.plan, self.trials, self.space.names, n_inputs=n_inputs, n_classes=n_classes)

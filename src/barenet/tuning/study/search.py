"""The coordinator of a search: it alone chooses, sends out, writes down and compares; workers only train.

Everything that it knows comes from the study's files, so that a search that was killed goes on where they end:

    round    points are chosen and written down            (`space.sampling`, `folder`)
    rung     the round's trials train to an epoch          (`workers`, `record`)
    promote  on a complete rung, the best go on            (`trial`)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from barenet.errors import ConfigError
from barenet.messages import count
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.material import Material
from barenet.tuning.space.points import count_weights, describe
from barenet.tuning.space.sampling import Past, propose
from barenet.tuning.study.folder import RungRecord
from barenet.tuning.study.record import Record
from barenet.tuning.study.trial import Trial, promote, rank, score_of
from barenet.tuning.workers.pool import Pool
from barenet.tuning.workers.rung import RungTask, TrainedNetwork, group_by_shape, split_stacks
from barenet.tuning.workers.shared_data import SharedData
from barenet.tuning.workers.stacks import Callbacks, StackTrainer

__all__ = ["Search"]


class Search:
    """A search under way. `record` holds the trials that were chosen, `repeats` further seeds of the best."""

    def __init__(self, material: Material, record: Record, pool: Pool, shared: SharedData) -> None:
        self.material, self.space, self.plan = material, material.space, material.question.plan
        self.record, self.folder, self.observer = record, record.folder, record.observer
        self.pool, self.shared = pool, shared
        self.repeats: list[Trial] = []
        self.n_trained = 0  # rungs, without those that were done before
        self.past = Past(material.space, self.plan.sign)

    def run(self) -> None:
        """Choose and train round after round, then repeat the best."""
        for number in itertools.count():
            trials = self.open_round(number)
            if not trials:
                break
            self.train_round(trials)
        if self.plan.repeats:
            self.train_repeats()
        self.folder.drop_states({trial.key for trial in self.record.top.trials})

    # Rounds

    def open_round(self, number: int) -> list[Trial]:
        """Return a round's trials as far as their files say, or choose its points; none when the search is over."""
        path, n_before = self.folder.round(number), len(self.record.trials)
        points: list[Point] = []
        if path.exists():
            points = self.folder.read_points(number)
        elif n_before < self.material.n_trials:
            points = self.choose(number)
            if points:
                self.folder.write_json(path, {"points": points})
        trials = [self.make_trial(point, n_before + i) for i, point in enumerate(points)]
        for trial in trials:
            self.record.take_up(trial)
        self.report_idle([trial for trial in trials if trial.config is None])
        return trials

    def report_idle(self, trials: Sequence[Trial]) -> None:
        """Say how many trials of a round cannot run, and why one of them cannot."""
        if trials:
            first, n = trials[0], len(trials)
            assert first.last is not None
            words = "trial cannot run and counts" if n == 1 else "trials cannot run and count"
            example = f"trial {first.number} ({describe(first.point)}) {first.last.reason}"
            self.observer.note(f"{n} {words} as failed: {example}; a condition (when) leaves such points out")

    def choose(self, number: int) -> list[Point]:
        """Return the points of a new round."""
        if self.plan.strategy == "grid":
            return list(self.space.grid()) if number == 0 else []
        n_before = len(self.record.trials)
        n = min(self.plan.ask_size, self.plan.trials - n_before)
        points = propose(self.plan, self.past, number, n)
        if len(points) < n:
            self.observer.note(f"the space has no more than {count(n_before + len(points), 'point')}")
        return points

    def make_trial(self, point: Point, number: int) -> Trial:
        """Return a trial, with what its files hold of it; a point that contradicts itself has failed already."""
        key = f"{number:05d}"
        try:
            config = self.material.configure(point)
        except ConfigError as error:
            config = None
            if not self.folder.read_rungs(key):
                self.folder.write_rung(key, 0, RungRecord("failed", 0, reason=f"cannot run: {error}"), [], None)
        return Trial(number, key, point, config, rungs=self.folder.read_rungs(key))

    def train_round(self, trials: Sequence[Trial]) -> None:
        """Train the trials of a round rung by rung, and let the best of each rung go on."""
        rungs = self.material.rungs_of(len(trials))
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
        for trial in trials if self.plan.strategy != "grid" else ():
            scores = [(rung.epochs, score) for rung in trial.rungs if (score := score_of(rung, self.plan)) is not None]
            self.past.add(trial.point, scores, finished=trial.ended == "finished", lost=trial.lost)
        self.record.write_tables(now_and_then=True)

    def train_repeats(self) -> None:
        """Train the best settings with further seeds, none of which had a part in choosing them."""
        finished = [trial for trial in rank(self.record.trials, self.plan) if trial.ended == "finished"]
        for trial in finished[: self.plan.repeat_best]:
            assert trial.config is not None
            first = trial.config.trainer.seed
            for seed in range(first + 1, first + 1 + self.plan.repeats):
                key = f"{trial.key}-seed-{seed}"
                config = trial.config.with_values(trainer__seed=seed)
                rungs = self.folder.read_rungs(key)
                self.repeats.append(Trial(trial.number, key, trial.point, config, rungs=rungs, is_repeat=True))
        self.train(self.repeats, 0, None, is_last=True)

    # Rungs

    def train(self, trials: Sequence[Trial], rung: int, until: int | None, *, is_last: bool) -> None:
        """Train those of the trials that have not done the rung yet, in stacks, and write down what each gives."""
        for trial in trials:
            if len(trial.rungs) > rung and is_last and not trial.lost:
                self.record.finish(trial)
        todo = [trial for trial in trials if len(trial.rungs) == rung and not trial.lost]
        self.n_trained += len(todo)
        configs = [trial.config for trial in todo if trial.config is not None]
        dataset = self.material.dataset
        groups = sorted(group_by_shape(configs), key=lambda group: -count_weights(configs[group[0]], dataset))
        stacks = [[todo[i] for i in stack] for stack in split_stacks(groups, self.plan.stack, self.pool.n_slots)]

        def make_task(stack: list[Trial]) -> RungTask:
            states = None if rung == 0 else tuple(self.folder.read_state(trial.key, rung - 1) for trial in stack)
            return RungTask(tuple(t.config for t in stack if t.config is not None), states, until, self.shared)

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

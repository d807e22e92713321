"""The coordinator of a search: it alone chooses, sends out, writes down and compares; workers only train.

Everything that it knows comes from the study's files, so that a search that was killed goes on where they end:

    round    points are chosen and written down            (`space.sampling`, `folder`)
    rung     the round's trials train to an epoch          (`workers`, `record`)
    promote  on a complete rung, the best go on            (`trial`)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from barenet.errors import ConfigError, RunError
from barenet.interrupts import check
from barenet.messages import count
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.material import Material
from barenet.tuning.space.points import count_weights, describe
from barenet.tuning.space.sampling import Past, point_key, propose
from barenet.tuning.study.record import Record
from barenet.tuning.study.rungs import RungRecord
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
            check()
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
        n_before = len(self.record.trials)
        points = self.folder.take_points(number, self.space)
        if points is None:
            points = self.choose_as_trained(number) if n_before < self.material.n_trials else []
            if points:
                self.folder.write_points(number, points)
        trials = [self.make_trial(point, n_before + i, number, len(points)) for i, point in enumerate(points)]
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

    def choose_as_trained(self, number: int) -> list[Point]:
        """Return the points of a new round; of one whose file is lost, the same ones again.

        Raises RunError where records of trials are about other points than are chosen now, or do not say about which.
        """
        n_before = len(self.record.trials)
        found = self.folder.read_subjects(n_before)
        own = {n: subject for n, subject in found.items() if subject is None or subject.round == number}
        points = self.choose(number, next((subject.round_size for subject in own.values() if subject), None))
        for n, subject in own.items():
            chosen = dict(enumerate(points, start=n_before)).get(n)
            if subject is None and self.plan.strategy != "grid":
                why = f"the record of trial {n} is of an earlier version, and does not say of which point it is"
            elif subject is not None and (chosen is None or point_key(subject.point) != point_key(chosen)):
                why = f"trial {n} was of {describe(subject.point)}, and would be of {describe(chosen or {})}"
            else:
                continue
            path = self.folder.round(number)
            raise RunError(f"{path} is lost, and {why}; put it back from a copy, or begin a new study")
        return points

    def choose(self, number: int, n: int | None = None) -> list[Point]:
        """Return the points of a round: `n`, or as many as the plan says."""
        if self.plan.strategy == "grid":
            return list(self.space.grid()) if number == 0 else []
        n_before = len(self.record.trials)
        n = n or min(self.plan.ask_size, self.plan.trials - n_before)
        points = propose(self.plan, self.past, number, n)
        if len(points) < n:
            self.observer.note(f"the space has no more than {count(n_before + len(points), 'point')}")
        return points

    def make_trial(self, point: Point, number: int, in_round: int, round_size: int) -> Trial:
        """Return a trial, with what its files hold of it; a point that contradicts itself has failed already."""
        trial = Trial(number, f"{number:05d}", point, None, round=in_round, round_size=round_size)
        self.take_rungs(trial)
        try:
            trial.config = self.material.configure(point)
        except ConfigError as error:
            if not trial.rungs:
                trial.rungs = [RungRecord("failed", 0, reason=f"cannot run: {error}")]
                self.folder.write_rung(trial.subject(0), trial.rungs[0], [])
        return trial

    def take_rungs(self, trial: Trial) -> None:
        """Give a trial what its files hold of it; raise RunError if they are about another point."""
        for number, stored in enumerate(self.folder.take_rungs(trial.key)):
            if stored.subject is not None and point_key(stored.subject.point) != point_key(trial.point):
                raise RunError(
                    f"{self.folder.rung(trial.key, number)} is of the point {describe(stored.subject.point)}, and "
                    f"{self.folder.round(trial.round)} says {describe(trial.point)}; put back the file that is wrong"
                )
            trial.rungs.append(stored.record)

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
                self.repeats.append(replace(trial, key=key, config=config, is_repeat=True, rungs=[], ended=None))
                self.take_rungs(self.repeats[-1])
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
            found = [self.folder.take_state(trial.key, rung - 1) if rung else None for trial in stack]
            states = [state for state in found if state is not None]
            # Where one is lost, all start again: a stack trains together, and training is exact.
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

"""The rounds of a search: the points that are trained together, chosen or read back from the study's files."""

from __future__ import annotations

from collections.abc import Sequence

from barenet.errors import ConfigError, RunError
from barenet.messages import count
from barenet.notes import logger
from barenet.tuning.space.dimensions import Point
from barenet.tuning.space.points import describe
from barenet.tuning.space.prepared import PreparedSearch
from barenet.tuning.space.sampling import Past, point_key, propose
from barenet.tuning.study.record import Record
from barenet.tuning.study.rungs import RungRecord
from barenet.tuning.study.trial import Trial, score_of

__all__ = ["Rounds"]


class Rounds:
    """The rounds of a search. past: the trials so far, from which random and tpe choose the next points."""

    def __init__(self, prepared: PreparedSearch, record: Record) -> None:
        self.prepared, self.space, self.plan = prepared, prepared.space, prepared.request.plan
        self.record, self.folder = record, record.folder
        self.past = Past(prepared.space, self.plan.sign)

    def open(self, number: int) -> list[Trial]:
        """Return the trials of a round with the results in their files; none when the search is over.

        If the round has no file, its points are chosen now.
        """
        n_before = len(self.record.trials)
        points = self.folder.take_points(number, self.space)
        if points is None:
            points = self.choose_as_trained(number) if n_before < self.prepared.n_trials else []
            if points:
                self.folder.write_points(number, points)
        trials = [self.make_trial(point, n_before + i, number, len(points)) for i, point in enumerate(points)]
        for trial in trials:
            self.record.add(trial)
        self.note_impossible([trial for trial in trials if trial.config is None])
        return trials

    def note_impossible(self, trials: Sequence[Trial]) -> None:
        """Say how many trials of a round cannot run, and why one of them cannot."""
        if trials:
            first, n = trials[0], len(trials)
            assert first.last is not None
            words = "trial cannot run and counts" if n == 1 else "trials cannot run and count"
            example = f"trial {first.number} ({describe(first.point)}) {first.last.reason}"
            logger.info(f"{n} {words} as failed: {example}; a condition (when) leaves such points out")

    def choose_as_trained(self, number: int) -> list[Point]:
        """Return the points of a new round; if the file of a round is lost, the same points again.

        Raises RunError if the records of its trials are about other points, or do not say about which.
        """
        n_before = len(self.record.trials)
        found = self.folder.read_subjects(n_before)
        of_round = {n: subject for n, subject in found.items() if subject is None or subject.round == number}
        points = self.choose(number, next((subject.round_size for subject in of_round.values() if subject), None))
        for n, subject in of_round.items():
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
            logger.info(f"the space has no more than {count(n_before + len(points), 'point')}")
        return points

    def make_trial(self, point: Point, number: int, in_round: int, round_size: int) -> Trial:
        """Return a trial with the results in its files; one whose settings contradict each other has failed already."""
        trial = Trial(number, f"{number:05d}", point, None, round=in_round, round_size=round_size)
        self.take_rungs(trial)
        try:
            trial.config = self.prepared.configure(point)
        except ConfigError as error:
            if not trial.rungs:
                trial.rungs = [RungRecord("failed", 0, reason=f"cannot run: {error}")]
                self.folder.write_rung(trial.subject(0), trial.rungs[0], [])
        return trial

    def take_rungs(self, trial: Trial) -> None:
        """Give a trial the results in its files; raise RunError if they are about another point."""
        for number, stored in enumerate(self.folder.take_rungs(trial.key)):
            if stored.subject is not None and point_key(stored.subject.point) != point_key(trial.point):
                raise RunError(
                    f"{self.folder.rung(trial.key, number)} is of the point {describe(stored.subject.point)}, and "
                    f"{self.folder.round(trial.round)} says {describe(trial.point)}; put back the file that is wrong"
                )
            trial.rungs.append(stored.record)

    def remember(self, trials: Sequence[Trial]) -> None:
        """Add the scores of a finished round to `past`; a grid does not need them."""
        if self.plan.strategy == "grid":
            return
        for trial in trials:
            scores = [(rung.epochs, score) for rung in trial.rungs if (score := score_of(rung, self.plan)) is not None]
            self.past.add(trial.point, scores, finished=trial.ended == "finished", lost=trial.lost)

"""All records of a study, read and checked; nothing is trained, tested or written, and no image is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

from barenet.config.comparing import differing_settings
from barenet.config.sources import stored_settings
from barenet.config.tables import Config
from barenet.errors import RunError
from barenet.messages import as_typed
from barenet.run_folders.going_on.resuming import stored_config
from barenet.run_folders.machine import read_machine
from barenet.run_folders.scores import read_scores
from barenet.storage.folders import is_held
from barenet.storage.sealing import SealError, unseal
from barenet.training.records import EpochRecord
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.request import SearchRequest, read_request
from barenet.tuning.space.search_space import Space
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.results import StudyResult, compare
from barenet.tuning.study.rungs import DamagedError
from barenet.tuning.study.trial import Trial, promote, rank

__all__ = ["SavedStudy", "read_saved_study"]


@dataclass(frozen=True)
class SavedStudy:
    """The records of a study.

    base: the settings that trials start from. result: how the trials compare, as far as they were trained. histories:
    the epochs of each trial, by its number. n_planned: the trials that were asked for. n_repeats, n_repeats_planned:
    trainings with other seeds. is_finished: whether everything that was asked for is done. is_running: whether a
    process works on it. winner: the settings of `best/`. tested: what the retrained winner's test.json holds.
    """

    path: Path
    request: SearchRequest
    space: Space
    base: Config
    result: StudyResult
    histories: dict[int, list[EpochRecord]]
    n_planned: int
    n_repeats: int
    n_repeats_planned: int
    is_finished: bool
    is_running: bool
    winner: Config | None = None
    tested: dict[str, Any] | None = None
    machine: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)

    def rungs(self) -> list[int]:
        """Return the epochs at which the largest round of trials was compared."""
        plan, n = self.request.plan, min(self.n_planned, self.request.plan.ask_size)
        return plan.rungs(self.base.trainer.epochs, self.base.trainer.eval_every, n)


def read_saved_study(path: Path) -> SavedStudy:
    """Return the records of the study in the folder `path`.

    Raises:
        RunError: it is no study, or a file that this needs is damaged or missing; the message names it.
        ConfigError: its config.toml cannot be read.
    """
    folder, request = StudyFolder(path), read_request(path)
    space, plan, base = request.space, request.plan, read_base(path)
    histories: dict[int, list[EpochRecord]] = {}
    try:
        trials = read_trials(folder, space, histories)
    except DamagedError as error:
        raise RunError(f"{error}; write it again by: barenet search --resume {as_typed(path)}") from None
    for members in by_round(trials):
        settle(members, plan.rungs(base.trainer.epochs, base.trainer.eval_every, len(members)), plan)
    finished = [trial for trial in rank(trials, plan) if trial.ended == "finished"]
    repeats = read_repeats(folder, finished[: plan.repeat_best] if plan.repeats else [])
    notes: list[str] = []
    written = read_results(path, notes)
    n_valid = base.data.n_valid if isinstance(base.data.n_valid, int) else written.get("validation_images")
    result = compare(path, plan, space.varied, trials, repeats, n_valid=n_valid)
    n_planned = space.check_grid(plan.limit) if plan.strategy == "grid" else plan.trials
    n_repeats_planned = plan.repeats * min(plan.repeat_best, len(finished))
    is_trained = (
        all(trial.ended for trial in trials)
        and (len(trials) >= n_planned or is_exhausted(space, len(trials)))
        and len(repeats) >= n_repeats_planned
    )
    is_written = agrees(written, result)
    if is_written:
        result = replace(result, unlearned=written.get("learned_nothing", []))
    is_finished = is_trained and (is_written or not finished)
    winner, machine = read_winner(path) if is_finished and finished else (None, None)
    tested = read_test(path, winner, notes) if winner is not None and plan.retrain else None
    return SavedStudy(
        path=path,
        request=request,
        space=space,
        base=base,
        result=result,
        histories=histories,
        n_planned=n_planned,
        n_repeats=len(repeats),
        n_repeats_planned=n_repeats_planned,
        is_finished=is_finished,
        is_running=is_held(path),
        winner=winner,
        tested=tested,
        machine=machine,
        notes=notes,
    )


def read_base(path: Path) -> Config:
    """Return the settings that trials start from; raise RunError if the file is missing."""
    file = path / "config.toml"
    if not file.exists():
        again = f"write it again by: barenet search --resume {as_typed(path)}"
        raise RunError(f"{path} is incomplete: config.toml is missing; {again}")
    return stored_settings(file)


def read_trials(folder: StudyFolder, space: Space, histories: dict[int, list[EpochRecord]]) -> list[Trial]:
    """Return all trials that were chosen, with their results; put their epochs into `histories`."""
    trials: list[Trial] = []
    for number in count():
        points = folder.read_points(number, space)
        if points is None:
            break
        for point in points:
            trial = Trial(len(trials), f"{len(trials):05d}", point, None, round=number, round_size=len(points))
            stored = list(folder.read_stored(trial.key))
            trial.rungs = [rung.record for rung in stored]
            histories[trial.number] = [record for rung in stored for record in rung.history]
            trials.append(trial)
    unknown = [n for n in folder.read_subjects(len(trials)) if n >= len(trials)]
    if unknown:
        lost = folder.round(trials[-1].round + 1 if trials else 0)
        raise RunError(
            f"{lost} is missing, but trial {min(unknown)} has results; put it back from a copy, or write it again by: "
            f"barenet search --resume {as_typed(folder.path)}"
        )
    return trials


def by_round(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Return the trials of each round."""
    return [[trial for trial in trials if trial.round == number] for number in sorted({t.round for t in trials})]


def settle(trials: Sequence[Trial], rungs: Sequence[int], plan: Plan) -> None:
    """Set how each trial of a round ended, as the search does it rung by rung; None where it has not ended."""
    going = list(trials)
    for trial in trials:
        if trial.lost and trial.last is not None:
            trial.ended = trial.last.outcome
    for number in range(len(rungs)):
        done = [trial for trial in going if trial.lost or len(trial.rungs) > number]
        if number + 1 == len(rungs):
            for trial in done:
                trial.ended = trial.ended or "finished"
            return
        if len(done) < len(going):
            return
        # As the search did it: with the results of this rung, not with those of later ones.
        then = [Trial(t.number, t.key, t.point, None, rungs=t.rungs[: number + 1]) for t in going]
        promoted = {trial.number for trial in promote(then, plan)}
        for trial in going:
            if trial.number not in promoted:
                trial.ended = trial.ended or "stopped"
        going = [trial for trial in going if trial.number in promoted]


def read_repeats(folder: StudyFolder, best: Sequence[Trial]) -> list[Trial]:
    """Return the trainings of the best trials with other seeds that have a result."""
    repeats = []
    for trial in best:
        for path in sorted(folder.path.glob(f"trials/{trial.key}-seed-*"), key=lambda path: seed_of(path.name)):
            rungs = folder.read_rungs(path.name)
            if rungs:
                repeats.append(replace(trial, key=path.name, is_repeat=True, rungs=rungs, ended=None))
    return repeats


def seed_of(key: str) -> int:
    """Return the seed that the key of a repeat names, such as 00003-seed-1."""
    seed = key.rpartition("-")[2]
    return int(seed) if seed.isdecimal() else -1


def read_results(path: Path, notes: list[str]) -> dict[str, Any]:
    """Return what results.json holds, nothing before the end of the search; a damaged file is noted."""
    try:
        return unseal((path / "results.json").read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, SealError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        notes.append(
            f"results.json is damaged ({why}): this page is made from the results of the trials; write the file again "
            f"by: barenet search --resume {as_typed(path)}"
        )
        return {}


def agrees(written: dict[str, Any], result: StudyResult) -> bool:
    """Whether results.json is about these trials, and not about fewer, from before their number was raised."""
    best = None if result.best is None else result.best.number
    repeats = [[repeated.trial.number, repeated.n] for repeated in result.repeated]
    return (
        written.get("trials") == len(result.trials)
        and (written.get("best") or {}).get("trial") == best
        and [[row.get("trial"), row.get("seeds")] for row in written.get("repeats", [])] == repeats
    )


def is_exhausted(space: Space, n_trials: int) -> bool:
    """Whether the space has no more points than were tried."""
    if any(not dimension.choices for dimension in space):
        return False
    return len(list(islice(space.grid(), n_trials + 1))) <= n_trials


def read_winner(path: Path) -> tuple[Config | None, dict[str, Any] | None]:
    """Return the settings and the machine of the best run; None where it was deleted."""
    best = path / "best"
    return (stored_config(best), read_machine(best)) if (best / "config.toml").exists() else (None, None)


def read_test(path: Path, winner: Config, notes: list[str]) -> dict[str, Any] | None:
    """Return the test results of the winner that was trained once more, None where there are none."""
    folder = path / "retrained"
    if not (folder / "config.toml").exists():
        return None
    if set(differing_settings(stored_config(folder), winner)) - {"data.path", "trainer.threads"}:
        notes.append(f"{folder} is the run of an earlier winner, so its test results are not shown")
        return None
    scores = read_scores(folder)
    return None if scores is None else scores[0]

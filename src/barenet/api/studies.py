"""A study from its question to its result: opened, searched, and its winner kept, drawn and trained again."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import tomli_w

from barenet.config.comparing import differing_settings, setting_of
from barenet.config.sources import stored_settings
from barenet.errors import BarenetError, CheckpointError, ConfigError, DivergedError, MachineError, RunError
from barenet.interrupts import waiting
from barenet.messages import as_typed, count, one_line
from barenet.plots.tuning.search import write_search_plots
from barenet.run_folders.folder import drop_torn_files
from barenet.run_folders.going_on.resuming import resume_run, stored_config
from barenet.run_folders.results import RunResult
from barenet.run_folders.run import start_run
from barenet.run_folders.teaching import with_teacher
from barenet.storage.files import replace_file, set_aside
from barenet.tuning.space.material import Material
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.question import ENGINE, FREE, MAY_DIFFER, Question, make_question
from barenet.tuning.space.space_file import write_space_file
from barenet.tuning.study.best import write_best
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.record import Record
from barenet.tuning.study.results import StudyResult, summarise
from barenet.tuning.study.search import Search
from barenet.tuning.study.trial import Trial
from barenet.tuning.workers.pool import Pool, SameProcess
from barenet.tuning.workers.shared_data import forget_data, share_data

if TYPE_CHECKING:
    from barenet.tuning.study.ledger import Ledger

__all__ = ["open_study", "run_search", "write_question"]


def open_study(
    folder: StudyFolder, question: Question, material: Material, storage: str | None
) -> tuple[Question, Ledger]:
    """Write down what is asked, so that the search can be gone on with from anywhere, and open Optuna's record.

    What of the files that people edit says otherwise is named, and the file kept.
    """
    with waiting():
        from barenet.tuning.study.databases import hide_password  # here, since they import Optuna
        from barenet.tuning.study.ledger import open_ledger

    if not question.name:
        # In a shared database two studies may go by the same folder's name.
        suffix = "" if storage is None else f"-{uuid.uuid4().hex[:8]}"
        question = replace(question, name=folder.path.name + suffix)
    shown = question.storage if storage is None else hide_password(storage)
    if storage is None and shown is not None and "***" in shown:
        raise ConfigError(f"the storage {shown} needs its password: give --storage again")
    question = replace(question, storage=shown)
    drop_torn_files(folder.path)
    for path, words in changed_files(folder.path, question, material):
        kept = set_aside(path, "changed").name
        folder.note(f"{path} was changed: {words}; the search goes on as it was begun, and the file is kept as {kept}")
    question = write_question(folder, question, material)
    ledger = open_ledger(
        storage or shown, folder.path, question.name, material.space, question.plan.direction, note=folder.note
    )
    return question, ledger


def write_question(folder: StudyFolder, question: Question, material: Material) -> Question:
    """Write what a study is asked, for this program and for people; return it with its engine and its data's place."""
    given = {**question.base.given, ENGINE: material.resolved.trainer.engine}
    if material.resolved.data.path is not None:
        given["data.path"] = material.resolved.data.path
    question = replace(question, base=replace(question.base, given=given))
    folder.write_json(folder.about, question.as_dict())
    replace_file(folder.path / "config.toml", tomli_w.dumps(material.resolved.as_tables()))
    replace_file(folder.path / "space.toml", write_space_file(question.table, question.plan, question.base))
    return question


def changed_files(folder: Path, question: Question, material: Material) -> Iterator[tuple[Path, str]]:
    """Yield those of config.toml and space.toml that do not say what the study was asked, and what they say."""
    for name, differences in (("config.toml", differences_in_settings), ("space.toml", differences_in_space)):
        path = folder / name
        if path.exists():
            try:
                words = next(differences(path, question, material), None)
            except BarenetError as error:
                words = str(error)
            if words is not None:
                yield path, words


def differences_in_settings(path: Path, question: Question, material: Material) -> Iterator[str]:
    """Yield what of a study's config.toml is not what its trials start from."""
    stored = stored_settings(path)
    for name in differing_settings(material.resolved, stored):
        if name not in MAY_DIFFER:
            yield f"{name} is {setting_of(stored, name)}, and was {setting_of(material.resolved, name)}"


def differences_in_space(path: Path, question: Question, material: Material) -> Iterator[str]:
    """Yield what of a study's space.toml it was not asked."""
    other = make_question(path, None, None, {})
    yield from (f"the study {words}" for words in question.differences(other))
    for name, mine in question.plan.model_dump().items():
        now = getattr(other.plan, name)
        if name not in FREE and now != mine:
            yield f"search.{name} is {now}, and was {mine}"


def run_search(record: Record, pool: Pool) -> StudyResult:
    """Search, and write the result.

    Raises:
        DivergedError: no trial was left.
        MachineError: what a search needs could not be written; what was written before is kept, and a resume goes on.
    """
    try:
        return conclude(record, search_points(record, pool))
    except MachineError as error:
        path = as_typed(record.folder.path)
        raise MachineError(f"{error}; what is done is kept: go on by --resume {path}") from None


def search_points(record: Record, pool: Pool) -> Search:
    """Train all trials, and return the search at its end."""
    folder, material = record.folder, record.material
    shared = share_data(
        folder.path / ".data",
        material.data,
        material.resolved,
        has_path=not material.question.from_arrays,
        write=not isinstance(pool, SameProcess),
    )
    try:
        search = Search(material, record, pool, shared)
        record.observer.settings(material.resolved, material.searched)
        record.observer.start(folder.path, record.plan, material.n_trials, pool.name, material.space.varied)
        search.run()
        record.check_ledger()
        return search
    finally:
        pool.close(kill=True)
        forget_data(folder.path / ".data")


def conclude(record: Record, search: Search) -> StudyResult:
    """Compare the trials, keep the winner, and write what came of them."""
    folder, material, plan = record.folder, record.material, record.plan
    record.write_tables()
    result = summarise(folder, material, record.trials, search.repeats)
    best = result.best
    if best is None:
        reasons = [trial.last.reason for trial in result.trials if trial.last and trial.last.reason]
        why = reasons[0] if reasons else "none was trained"
        raise DivergedError(f"no trial was left: {why}; see {folder.path / 'results.csv'}")
    if not search.n_trained:
        record.observer.note(describe_finished(folder.path, len(record.trials), plan))
    write_best(folder, best, material.data, material.dataset)
    histories = {trial.number: folder.read_history(trial.key) for trial in result.trials}
    try:
        write_search_plots(result, material.space, histories, folder.path / "figures")
    except OSError as error:  # MachineError is one
        record.observer.note(f"the search has no pictures: {one_line(error)}")
    if plan.retrain:
        result = replace(result, retrained=retrain(folder, best, material))
    folder.write_json(folder.path / "results.json", result.as_dict())
    return result


def describe_finished(folder: Path, n_trials: int, plan: Plan) -> str:
    """Return that nothing of a study is left to train, and how it can be made larger."""
    more = f"--repeats {plan.repeats + 5} trains its best settings with other seeds"
    if plan.strategy != "grid":
        more = f"--trials {2 * plan.trials} tries other settings, {more}"
    return f"{folder} is finished ({count(n_trials, 'trial')}); {more}"


def retrain(study: StudyFolder, best: Trial, material: Material) -> RunResult:
    """Train the winner once more, in a separate run folder, and test it: the one time that a search does.

    What is there of an earlier winner, before trials or repeats were raised, makes room; what is damaged is set aside.
    """
    assert best.config is not None
    folder = study.path / "retrained"
    if folder.exists():
        try:
            stored = stored_config(folder)
            if set(differing_settings(stored, best.config)) <= {"data.path"}:
                moved = stored.with_values(data__path=best.config.data.path)
                return resume_run(folder, material.dataset, config=moved)
            shutil.rmtree(folder)
        except (CheckpointError, ConfigError, RunError) as error:
            study.put_aside(folder, error, "the winner is trained once more from its start")
    custom = with_teacher(best.config, material.dataset)
    return start_run(best.config, material.dataset, output=folder.parent, name=folder.name, custom=custom)

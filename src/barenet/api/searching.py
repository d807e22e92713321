"""The Python function that does what `barenet search` does."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w
from numpy.typing import ArrayLike

from barenet.api.training import find_data
from barenet.config.tables import Config
from barenet.errors import ConfigError, DivergedError, RunError
from barenet.plots.search import draw_search_figures
from barenet.run_folders.files import replace_file
from barenet.run_folders.results import RunResult
from barenet.run_folders.resuming import resume_run, stored_config
from barenet.run_folders.run import start_run
from barenet.terminal.search import ConsoleSearchObserver
from barenet.tuning.space.material import Material, first_points, make_material
from barenet.tuning.space.question import Question, ask_again, make_question
from barenet.tuning.space.space_file import write_space_file
from barenet.tuning.study.best import write_best
from barenet.tuning.study.folder import StudyFolder, create_study, lock_study
from barenet.tuning.study.ledger import Direction, Ledger, hide_password, open_ledger
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.results import StudyResult, summarise
from barenet.tuning.study.search import Search
from barenet.tuning.study.trial import Trial
from barenet.tuning.workers.estimate import estimate_seconds
from barenet.tuning.workers.executors import count_workers, make_pool
from barenet.tuning.workers.pool import Pool, SameProcess
from barenet.tuning.workers.shared_data import forget_data, share_data

__all__ = ["estimate", "search"]


def search(
    space: str | Path | Mapping[str, Any] | None = None,
    base: Config | str | Path | Mapping[str, Any] | None = None,
    *,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    x_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    x_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    recipe: str | None = None,
    resume: str | Path | None = None,
    output: str | Path = "studies",
    name: str | None = None,
    workers: int | None = None,
    dask: str | None = None,
    storage: str | None = None,
    verbose: bool = True,
    observer: SearchObserver | None = None,
    **values: Any,
) -> StudyResult:
    """Search settings, compare what they give on validation images, and return the ranking.

        result = barenet.search({"lr": [0.05, 0.01], "hidden_sizes": [[128, 32], [256, 64]]}, epochs=5)
        print(result.best.point, result.verdict)

    Args:
        space: setting to list of values, or to {"low", "high", "log", "points", "when"}; or a TOML file. Without one,
            the course project's grid.
        base: settings that every trial starts from: tables, a TOML file, or a `Config`, laid over the recipe.
        x: images (n, ...), instead of a data set on disk.
        y: their labels (n,).
        x_val: images to compare on, instead of some held out of x.
        y_val: their labels.
        x_test: images that only `retrain` tests on.
        y_test: their labels.
        recipe: "quick" or "course": the settings to start from.
        resume: the folder of a study to go on with; everything else but arrays is then in there.
        output: folder in which the study's own folder is made.
        name: of that folder; numbered by itself without one.
        workers: processes, by default one a core; 0 trains in this process.
        dask: address of a Dask scheduler, whose workers train instead.
        storage: URL of a database for Optuna's record, in place of SQLite in the study's folder.
        verbose: show progress on stderr.
        observer: told what happens, in place of what `verbose` shows.
        **values: of the search: strategy ("grid", "random", "tpe"), trials, halving, eta, min_epochs, round_size,
            metric ("acc", "loss"), score ("last", "best"), repeats, repeat_best, retrain, search_seed, stack, limit;
            and any setting of training by its name: `epochs=5`, `batch_size=64`.

    Raises:
        ConfigError, DataError, RunError, MachineError: see `barenet.errors`.
        DivergedError: not one trial was left with finite weights.
    """
    watching = observer or (ConsoleSearchObserver() if verbose else SearchObserver())
    arrays = {"x": x, "y": y, "x_val": x_val, "y_val": y_val, "x_test": x_test, "y_test": y_test}
    with watching:
        if resume is None:
            question = make_question(space, base, recipe, values)
        else:
            question = ask_again(Path(resume), space, base, recipe, values)
        material = gather(question, arrays, watching)
        if resume is not None and question.fingerprint != material.data.fingerprint:
            raise RunError(f"{resume} was made from other data than {material.data.name}; hand in its own")
        if resume is None:
            material.check(first_points(material))
        question = replace(question, from_arrays=x is not None, fingerprint=material.data.fingerprint)
        with ExitStack() as stack:
            pool = make_pool(workers, dask)
            stack.callback(pool.close, kill=True)
            is_new = resume is None
            folder = create_study(Path(output), name, question.prefix) if is_new else StudyFolder(Path(resume or ""))
            stack.enter_context(lock_study(folder))
            try:
                question, ledger = open_study(folder, question, material, storage)
            except BaseException:
                # Nothing is trained yet: a folder that cannot be gone on with would only be in the way.
                if is_new:
                    shutil.rmtree(folder.path, ignore_errors=True)
                raise
            return run_search(folder, replace(material, question=question), pool=pool, ledger=ledger, watching=watching)


def gather(question: Question, arrays: Mapping[str, ArrayLike | None], watching: SearchObserver) -> Material:
    """Check the question, and load and split the data that it is about."""
    if question.from_arrays and arrays.get("x") is None:
        raise RunError("this study's images were handed in from Python; hand them in again, as x and y")
    dataset = find_data(question.base.config(), arrays, watching.note)
    return make_material(question, dataset, watching.note)


def open_study(
    folder: StudyFolder, question: Question, material: Material, storage: str | None
) -> tuple[Question, Ledger]:
    """Write down what is asked, so that the search can be gone on with from anywhere, and open Optuna's record."""
    given = dict(question.base.given)
    if material.resolved.data.path is not None:
        given["data.path"] = material.resolved.data.path
    if not question.name:
        # In a shared database two studies may go by the same folder's name.
        suffix = "" if storage is None else f"-{uuid.uuid4().hex[:8]}"
        question = replace(question, name=folder.path.name + suffix)
    shown = question.storage if storage is None else hide_password(storage)
    if storage is None and shown is not None and "***" in shown:
        raise ConfigError(f"the storage {shown} needs its password: give --storage again")
    question = replace(question, base=replace(question.base, given=given), storage=shown)
    folder.drop_temporary()
    folder.write_json(folder.about, question.as_dict())  # first: from then on there is a study to go on with
    replace_file(folder.path / "config.toml", tomli_w.dumps(material.resolved.as_tables()))
    replace_file(folder.path / "space.toml", write_space_file(question.table, question.plan, question.base))
    direction: Direction = "maximize" if question.plan.metric == "acc" else "minimize"
    return question, open_ledger(storage or shown, folder.path, question.name, material.space, direction)


def run_search(
    folder: StudyFolder,
    material: Material,
    *,
    pool: Pool,
    ledger: Ledger,
    watching: SearchObserver,
) -> StudyResult:
    """Run a search in its folder, and write what it came to."""
    question, plan, dataset, data = material.question, material.question.plan, material.dataset, material.data
    data_folder = folder.path / ".data"
    in_memory = isinstance(pool, SameProcess)
    shared = share_data(data_folder, data, material.resolved, has_path=not question.from_arrays, write=not in_memory)
    try:
        searching = Search(
            space=material.space,
            plan=plan,
            base=question.base,
            resolved=material.resolved,
            dataset=dataset,
            data=data,
            shared=shared,
            folder=folder,
            pool=pool,
            ledger=ledger,
            observer=watching,
        )
        watching.start(folder.path, plan, material.n_trials, pool.name, material.space.varied)
        searching.run()
    finally:
        pool.close(kill=True)
        forget_data(data_folder)
    return finish_search(searching, material)


def finish_search(searching: Search, material: Material) -> StudyResult:
    """Write what a search came to: tables, the best run, pictures; with `retrain` train and test the winner."""
    folder, plan = searching.folder, searching.plan
    searching.write_tables()
    names, n_valid = searching.space.varied, len(searching.data.valid_labels)
    result = summarise(folder, plan, searching.trials, searching.repeats, names=names, n_valid=n_valid)
    best = result.best
    if best is None:
        reasons = [trial.last.reason for trial in result.trials if trial.last and trial.last.reason]
        why = reasons[0] if reasons else "none was trained"
        raise DivergedError(f"no trial was left: {why}; see {folder.path / 'results.csv'}")
    if not folder.state(best.key, len(best.rungs) - 1).exists():
        searching.observer.note(f"trial {best.number}, which won later, is trained again for its weights")
    write_best(folder, best, searching.data, searching.dataset)
    histories = {trial.number: folder.read_history(trial.key) for trial in result.trials}
    draw_search_figures(result, searching.space, histories, folder.path / "figures")
    if plan.retrain:
        result = replace(result, retrained=retrain(folder.path / "retrained", best, material))
    folder.write_json(folder.path / "results.json", result.as_dict())
    return result


def retrain(folder: Path, best: Trial, material: Material) -> RunResult:
    """Train the winner once more, in a run folder of its own, and test it: the one time that a search does.

    What is there of an earlier winner, before trials or repeats were raised, makes room.
    """
    assert best.config is not None
    if (folder / "last.safetensors").exists():
        if stored_config(folder).as_tables() == best.config.as_tables():
            return resume_run(folder, material.dataset)
        shutil.rmtree(folder)
    return start_run(best.config, material.dataset, output=folder.parent, name=folder.name)


def estimate(
    space: str | Path | Mapping[str, Any] | None = None,
    base: Config | str | Path | Mapping[str, Any] | None = None,
    *,
    recipe: str | None = None,
    workers: int | None = None,
    dask: str | None = None,
    observer: SearchObserver | None = None,
    **values: Any,
) -> dict[str, Any]:
    """Return the number of trials of a search and the seconds that it would take, without making a study."""
    watching = observer or SearchObserver()
    question = make_question(space, base, recipe, values)
    material = gather(question, {}, watching)
    points = first_points(material)
    material.check(points)
    n_workers = count_workers(workers, dask)
    configs = [material.configure(point) for point in points]
    plan = question.plan
    seconds = estimate_seconds(configs, material.data, plan, material.n_trials, n_workers)
    repeats = plan.repeats * min(plan.repeat_best, material.n_trials)
    if repeats:
        flat = plan.model_copy(update={"halving": False})
        seconds += estimate_seconds(configs, material.data, flat, repeats, n_workers)
    trainer = material.resolved.trainer
    return {
        "trials": material.n_trials,
        "strategy": plan.strategy,
        "rungs": plan.rungs(trainer.epochs, trainer.eval_every, min(material.n_trials, plan.ask_size)),
        "repeats": repeats,
        "workers": n_workers,
        "estimated_seconds": round(seconds, 3),
        "settings": material.space.varied,
    }

"""The Python function that does what `barenet search` does."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from barenet.api.studies import open_study, run_search, write_question
from barenet.api.training import find_data
from barenet.config.tables import Config
from barenet.config.wording import in_python
from barenet.engine.making import check_engine
from barenet.errors import RunError
from barenet.interrupts import check
from barenet.run_folders.finding import STUDIES, find_folder
from barenet.run_folders.going_on.resuming import check_data_path
from barenet.storage.folders import hold_lock
from barenet.terminal.search import ConsoleSearchObserver
from barenet.tuning.space.material import Material, first_configs, make_material
from barenet.tuning.space.question import Question, ask_again, make_question
from barenet.tuning.space.space_file import SpaceLike
from barenet.tuning.study.folder import StudyFolder, new_study
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.record import Record
from barenet.tuning.study.results import StudyResult
from barenet.tuning.workers.estimate import estimate_seconds
from barenet.tuning.workers.executors import count_workers, make_pool

__all__ = ["estimate", "search"]


def search(
    space: SpaceLike | None = None,
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
        space: setting to values (a list, range, set, array or generator), or to {"low", "high", "log", "points",
            "when"}; or a list of points, such as [{"lr": 0.1}, {"name": "Adam", "optimizer": "adam"}]; or a TOML file.
            Without one, the course project's grid.
        base: settings that every trial starts from: tables, a TOML file, or a `Config`, laid over the recipe.
        x: images (n, ...), instead of a data set on disk.
        y: their labels (n,).
        x_val: images to compare on, instead of some held out of x.
        y_val: their labels.
        x_test: images that only `retrain` tests on.
        y_test: their labels.
        recipe: a name such as "quick" or "course", the settings to start from; without it, the course project's, for 10
            epochs.
        resume: the folder of a study to go on with; everything else but arrays is then in there, and may be given
            again: the same space and settings, `data` where the same data lie now, or more trials and repeats.
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
    watching = observer or (ConsoleSearchObserver(takes_flags=False) if verbose else SearchObserver())
    arrays = {"x": x, "y": y, "x_val": x_val, "y_val": y_val, "x_test": x_test, "y_test": y_test}
    resumed = None if resume is None else find_folder(resume, [STUDIES])
    with watching:
        if resumed is None:
            question = make_question(space, base, recipe, values)
        else:
            question = ask_again(resumed, space, base, recipe, values)
        material = gather(question, arrays, watching, resumed)
        if resumed is not None and question.fingerprint != material.data.fingerprint:
            raise RunError(
                f"{resumed} was made from other data than {material.data.name}; hand in its own, or say by --data "
                f"where they are"
            )
        if resumed is None:
            material.check()
        question = replace(question, from_arrays=x is not None, fingerprint=material.data.fingerprint)
        check()
        with ExitStack() as stack:
            pool = make_pool(workers, dask)
            stack.callback(pool.close, kill=True)
            check()
            if resumed is None:
                new = stack.enter_context(new_study(Path(output), name, question.prefix))
                write_question(StudyFolder(new.path), question, material)
                folder = StudyFolder(new.publish(), watching.note)
            else:
                stack.enter_context(hold_lock(resumed))
                folder = StudyFolder(resumed, watching.note)
            try:
                question, ledger = open_study(folder, question, material, storage)
            except BaseException:
                # Nothing is trained yet: a folder that cannot be gone on with would only be in the way.
                if resumed is None:
                    shutil.rmtree(folder.path, ignore_errors=True)
                raise
            record = Record(replace(material, question=question), folder, ledger, watching)
            result = run_search(record, pool)
    return result if watching.takes_flags else replace(result, verdict=in_python([result.verdict])[0])


def gather(
    question: Question,
    arrays: Mapping[str, ArrayLike | None],
    watching: SearchObserver,
    resumed: Path | None = None,
) -> Material:
    """Check the question, and load and split the data that it is about; `resumed` is the study that it is from."""
    if question.from_arrays and arrays.get("x") is None:
        raise RunError("this study's images were handed in from Python; hand them in again, as x and y")
    if resumed is not None:
        check_engine(resumed, question.base.config())
        if arrays.get("x") is None:
            check_data_path(resumed, question.base.config().data.path)
    trained_on = "" if resumed is None else question.fingerprint
    dataset = find_data(question.base.config(), arrays, watching.note, trained_on=trained_on)
    return make_material(question, dataset, watching.note)


def estimate(
    space: SpaceLike | None = None,
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
    material.check()
    watching.settings(material.resolved, material.searched)
    n_workers = count_workers(workers, dask)
    configs = first_configs(material)
    plan = question.plan
    seconds = estimate_seconds(configs, material.data, plan, material.n_trials, n_workers)
    repeats = plan.repeats * min(plan.repeat_best, material.n_trials)
    if repeats:
        flat = plan.model_copy(update={"halving": False})
        seconds += estimate_seconds(configs, material.data, flat, repeats, n_workers)
    return {
        "trials": material.n_trials,
        "strategy": plan.strategy,
        "rungs": material.rungs_of(min(material.n_trials, plan.ask_size)),
        "repeats": repeats,
        "workers": n_workers,
        "estimated_seconds": round(seconds, 3),
        "settings": material.space.varied,
    }

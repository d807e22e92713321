"""`search`, the Python function of `barenet search`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from barenet.api.training import find_data
from barenet.config.tables import Config
from barenet.config.wording import in_python
from barenet.engine.making import check_engine
from barenet.errors import RunError
from barenet.interrupts import check
from barenet.messages import one_line
from barenet.notes import logger
from barenet.plots.tuning.search import write_search_plots
from barenet.run_folders.finding import STUDIES, find_folder
from barenet.run_folders.going_on.resuming import check_data_path
from barenet.storage.folders import hold_lock
from barenet.terminal.search import ConsoleSearchObserver
from barenet.tuning.space.prepared import PreparedSearch, first_configs, prepare_search
from barenet.tuning.space.request import SearchRequest, make_request, resume_request
from barenet.tuning.space.space_file import SpaceLike
from barenet.tuning.study.folder import StudyFolder, new_study
from barenet.tuning.study.observer import SearchObserver
from barenet.tuning.study.opening import open_study, write_request
from barenet.tuning.study.results import StudyResult
from barenet.tuning.study.search import Search
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
    """Search for good settings: train many networks, compare them on validation images, and return the ranking.

        result = barenet.search({"lr": [0.05, 0.01], "hidden_sizes": [[128, 32], [256, 64]]}, epochs=5)
        print(result.best.point, result.verdict)

    Args:
        space: setting to values (a list, range, set, array or generator), or to {"low", "high", "log", "points",
            "when"}; or a list of points, such as [{"lr": 0.1}, {"name": "Adam", "optimizer": "adam"}]; or a TOML file.
            Without one, the course project's grid.
        base: settings that every trial starts from: tables, a TOML file, or a `Config`, which override the recipe.
        x: images (n, ...), instead of a data set on disk.
        y: their labels (n,).
        x_val: validation images; without them, some of x.
        y_val: their labels.
        x_test: test images, which only `retrain` uses.
        y_test: their labels.
        recipe: a name such as "quick" or "course", the settings to start from; by default "course", for 10 epochs.
        resume: the folder of a study to continue. Arrays must be given again. Space and settings may be given again,
            but must be the same, except `data` (the new path of the same data). `trials` and `repeats` may be raised,
            and `repeat_best`, `retrain` and `stack` may change.
        output: folder in which the study's folder is made.
        name: name of that folder; by default the name of the recipe or the space's file, with a number.
        workers: number of processes, by default one for each core; 0 trains in this process.
        dask: address of a Dask scheduler, whose workers train instead.
        storage: URL of a database for Optuna's record, in place of SQLite in the study's folder.
        verbose: show progress on stderr.
        observer: gets what happens, in place of what `verbose` shows.
        **values: settings of the search: strategy ("grid", "random", "tpe"), trials, halving, eta, min_epochs,
            round_size, metric ("acc", "loss"), score ("last", "best"), repeats, repeat_best, retrain, search_seed,
            stack, limit; and any setting of training by its name: `epochs=5`, `batch_size=64`.

    Raises:
        ConfigError, DataError, RunError, MachineError: see `barenet.errors`.
        DivergedError: all trials diverged or failed.
    """
    watching = observer or (ConsoleSearchObserver(takes_flags=False) if verbose else SearchObserver())
    arrays = {"x": x, "y": y, "x_val": x_val, "y_val": y_val, "x_test": x_test, "y_test": y_test}
    resumed = None if resume is None else find_folder(resume, [STUDIES])
    with watching, ExitStack() as stack:
        if resumed is None:
            prepared = prepare_new(make_request(space, base, recipe, values), arrays)
        else:
            request = resume_request(resumed, space, base, recipe, values)
            prepared = prepare_as_before(resumed, request, arrays)
        check()
        pool = make_pool(workers, dask)
        stack.callback(pool.close, kill=True)
        check()
        if resumed is None:
            folder = stack.enter_context(new_folder(prepared, Path(output), name))
        else:
            stack.enter_context(hold_lock(resumed))
            folder = StudyFolder(resumed)
        with removed_on_error(folder.path) if resumed is None else nullcontext():
            prepared, ledger = open_study(folder, prepared, storage)
        result = Search(prepared, folder, ledger, pool, watching).run()
        write_plots(result, prepared, folder)
    return result if watching.takes_flags else replace(result, verdict=in_python([result.verdict])[0])


def prepare_new(request: SearchRequest, arrays: Mapping[str, ArrayLike | None]) -> PreparedSearch:
    """Load and split the data of a new search, and check its space on them."""
    config = request.base.config()
    dataset = find_data(config, arrays)
    prepared = prepare_search(request, dataset)
    prepared.check()
    from_arrays = arrays.get("x") is not None
    return replace(prepared, request=replace(request, from_arrays=from_arrays, fingerprint=prepared.data.fingerprint))


def prepare_as_before(folder: Path, request: SearchRequest, arrays: Mapping[str, ArrayLike | None]) -> PreparedSearch:
    """Load and split the data of the study in `folder`; raise RunError for other data than it has."""
    from_arrays, config = arrays.get("x") is not None, request.base.config()
    if request.from_arrays and not from_arrays:
        raise RunError("this study's images were given from Python; give them again, as x and y")
    check_engine(folder, config)
    if not from_arrays:
        check_data_path(folder, config.data.path)
    dataset = find_data(config, arrays, trained_on=request.fingerprint)
    prepared = prepare_search(request, dataset, folder)
    if request.fingerprint != prepared.data.fingerprint:
        raise RunError(
            f"{folder} was made from other data than {prepared.data.name}; give its data, or say by --data "
            f"where they are"
        )
    return replace(prepared, request=replace(request, from_arrays=from_arrays))


@contextmanager
def new_folder(prepared: PreparedSearch, output: Path, name: str | None) -> Iterator[StudyFolder]:
    """Make the folder of a new study, which appears under its name when the search can go on from it."""
    with new_study(output, name, prepared.request.prefix) as new:
        write_request(StudyFolder(new.path), prepared)
        yield StudyFolder(new.publish())


@contextmanager
def removed_on_error(folder: Path) -> Iterator[None]:
    """Remove a study's folder if an error comes before anything is trained."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def write_plots(result: StudyResult, prepared: PreparedSearch, folder: StudyFolder) -> None:
    """Write the plots of a finished search; a full disk costs only the plots."""
    histories = {trial.number: folder.read_history(trial.key) for trial in result.trials}
    try:
        write_search_plots(result, prepared.space, histories, folder.path / "figures")
    except OSError as error:  # MachineError is one
        logger.info(f"the search has no pictures: {one_line(error)}")


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
    prepared = prepare_new(make_request(space, base, recipe, values), {})
    watching.settings(prepared.resolved, prepared.searched)
    n_workers = count_workers(workers, dask)
    configs = first_configs(prepared)
    plan = prepared.request.plan
    seconds = estimate_seconds(configs, prepared.data, plan, prepared.n_trials, n_workers)
    repeats = plan.repeats * min(plan.repeat_best, prepared.n_trials)
    if repeats:
        flat = plan.model_copy(update={"halving": False})
        seconds += estimate_seconds(configs, prepared.data, flat, repeats, n_workers)
    return {
        "trials": prepared.n_trials,
        "strategy": plan.strategy,
        "rungs": prepared.rungs_of(min(prepared.n_trials, plan.ask_size)),
        "repeats": repeats,
        "workers": n_workers,
        "estimated_seconds": round(seconds, 3),
        "settings": prepared.space.varied,
    }

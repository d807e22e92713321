"""`train` and `resume`, the Python functions of `barenet train`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from barenet.config.names import setting_path
from barenet.config.places import check_tables
from barenet.config.sources import build_config, take_recipe
from barenet.config.tables import Config
from barenet.data.datasets import Dataset, from_arrays
from barenet.data.loading import load_dataset
from barenet.errors import ConfigError, DataError, MachineError
from barenet.gradcheck.network import check_gradients
from barenet.nn import ACTIVATIONS, LOSSES, MLP, Activation, Loss
from barenet.notes import logger
from barenet.plots.learning_curves import draw_learning_curves
from barenet.plots.live import CurveWriter, LivePlot, ObserverGroup
from barenet.run_folders.finding import RUNS, find_folder
from barenet.run_folders.going_on.resuming import check_data_path, config_to_resume, fingerprint_of_data, resume_run
from barenet.run_folders.observer import Observer
from barenet.run_folders.results import RunResult
from barenet.run_folders.run import start_run
from barenet.run_folders.teaching import with_teacher
from barenet.terminal.console import ConsoleObserver
from barenet.terminal.learning import note_verdicts
from barenet.training.preparation import Custom
from barenet.training.setting_notes import training_label

__all__ = ["check_custom", "resume", "train"]


def train(
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    x_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    x_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    recipe: str | None = None,
    settings: str | Path | Mapping[str, Mapping[str, Any]] | None = None,
    output: str | Path | None = "runs",
    name: str | None = None,
    verbose: bool = True,
    plot: bool = False,
    observer: Observer | None = None,
    **values: Any,
) -> RunResult:
    """Train a network, or `n_seeds` networks together, and return the result.

    Args:
        x: images (n, ...), uint8 or floats; without them `data` names a folder or a file, and without `data` the data
            are Fashion-MNIST.
        y: their integer labels (n,).
        x_val: images to validate on; without them, some of x.
        y_val: their labels.
        x_test: images to test on.
        y_test: their labels.
        recipe: "quick", "course", "strong", "best" or "ensemble": the settings to start from, by default quick.
        settings: a TOML file, or tables of settings, which override the recipe and may name it: `recipe = "course"`.
        output: folder in which a new run folder is made; None keeps everything in memory.
        name: name of the run folder; by default the name of the recipe or the settings file, with a number.
        verbose: show the layers, a progress bar (or a line an epoch where there is no terminal) and notes on stderr.
        plot: show learning curves during training, inline in Jupyter or in a window.
        observer: gets what happens during training, in place of what `verbose` shows.
        **values: any setting by its name: `hidden_sizes=(128, 32)`, `learning_rate=0.1`, `epochs=5`, `n_seeds=4`; or
            an `Activation.custom(...)` as `activation`, a `Loss.custom(...)` as `loss`, gradient-checked first.
            `activation=("relu", "tanh")` gives each hidden layer its function.

    `result.learned` says whether the network learned anything. `network.verdict` of each network says why not, and how
    validation went. Notes on stderr say so as well.

    Raises:
        ConfigError, DataError, RunError, MachineError, DivergedError: see `barenet.errors`.
    """
    flags, custom = read_values(values)
    config = build_config(recipe, settings, flags)
    with watch(observer or make_observer(verbose), plot) as watching:
        arrays = {"x": x, "y": y, "x_val": x_val, "y_val": y_val, "x_test": x_test, "y_test": y_test}
        dataset = find_data(config, arrays, show_progress=not watching.quiet)
        result = start_run(
            config,
            dataset,
            output=None if output is None else Path(output),
            name=name,
            prefix=name_of(Path(settings)) if isinstance(settings, str | Path) else config.recipe,
            custom=with_teacher(config, dataset, custom),
            observer=watching,
        )
        if observer is None:  # an observer gets the result, and decides what to show
            note_verdicts(result.networks)
    draw_figures(result)
    return result


def resume(
    folder: str | Path,
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    x_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    x_test: ArrayLike | None = None,
    y_test: ArrayLike | None = None,
    recipe: str | None = None,
    settings: str | Path | Mapping[str, Mapping[str, Any]] | None = None,
    verbose: bool = True,
    plot: bool = False,
    observer: Observer | None = None,
    **values: Any,
) -> RunResult:
    """Continue a stopped run, with the same result as without the stop; or train a finished run for more epochs.

        barenet.resume("runs/quick-1", epochs=60)

    Arrays, custom activations and a custom loss of the run must be given again. Settings, a recipe or a settings file
    may be given again, but must be the same, except `data` (the new path of the same data), `threads`, and `epochs`,
    which may be more. With more epochs, the schedule is that of a run with so many epochs, so the learning rate may be
    higher than in the last epoch. The arguments and the result are those of `train`.

    Raises:
        RunError: the folder is no run, is in use, or was started with other data or settings.
        ConfigError, DataError, CheckpointError, MachineError, DivergedError: see `barenet.errors`.
    """
    flags, custom = read_values(values)
    if isinstance(settings, Mapping):
        recipe, tables = take_recipe(settings, "settings", recipe)
        flags, settings = read_tables(tables) | flags, None
    folder = find_folder(folder, [RUNS])
    config = config_to_resume(folder, flags, recipe, settings)
    with watch(observer or make_observer(verbose), plot) as watching:
        arrays = {"x": x, "y": y, "x_val": x_val, "y_val": y_val, "x_test": x_test, "y_test": y_test}
        if x is None:
            check_data_path(folder, config.data.path)
        trained_on = fingerprint_of_data(folder)
        dataset = find_data(config, arrays, show_progress=not watching.quiet, trained_on=trained_on)
        result = resume_run(folder, dataset, config=config, custom=custom, observer=watching)
        if observer is None:
            note_verdicts(result.networks)
    draw_figures(result)
    return result


def read_tables(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return tables of settings by dotted path."""
    tables = check_tables(settings, "settings")
    return {f"{table}.{name}": value for table, given in tables.items() for name, value in given.items()}


def name_of(settings: Path) -> str:
    """Return the name for runs from a settings file: that of the file, or of the run that a config.toml is in."""
    if settings.name != "config.toml":
        return settings.stem
    run, _, number = settings.absolute().parent.name.rpartition("-")
    return run if run and number.isdecimal() else settings.absolute().parent.name


def make_observer(verbose: bool) -> Observer:
    """Return an observer that shows a run on stderr, or one that shows nothing."""
    return ConsoleObserver(takes_flags=False) if verbose else Observer()


def watch(observer: Observer, plot: bool) -> ObserverGroup:
    """Return an observer together with those that draw during training."""
    return ObserverGroup([observer, CurveWriter(), *([LivePlot()] if plot else [])])


def read_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], Custom]:
    """Return keyword settings by dotted path, and the custom functions among them, gradient-checked."""
    values = dict(values)
    activations: tuple[Activation, ...] = tuple(values.pop("activations", ()))
    loss = None
    chosen = values.get("activation")
    if isinstance(chosen, list | tuple):  # one for each layer
        activations = (*activations, *dict.fromkeys(one for one in chosen if isinstance(one, Activation)))
        values["activation"] = [one.name if isinstance(one, Activation) else one for one in chosen]
    elif isinstance(chosen, Activation):
        activations, values["activation"] = (*activations, chosen), chosen.name
    if isinstance(values.get("loss"), Loss):
        loss = values["loss"]
        values["loss"] = loss.name
    for function in (*activations, loss):
        if function is not None and function not in (*ACTIVATIONS.values(), *LOSSES.values()):
            check_custom(function)
    flags: dict[str, Any] = {}
    for name, value in values.items():
        path = setting_path(name)
        if path in flags:
            raise ConfigError(f"{path} was given twice, as {flags[path]!r} and, by the name {name!r}, as {value!r}")
        flags[path] = value
    return flags, Custom(activations, loss)


def check_custom(function: Activation | Loss) -> None:
    """Raise ConfigError unless the gradient of an activation or a loss agrees with its difference quotient."""
    if not function.is_custom:
        # Files store only the names of functions, so a function with the name of another would be read as that other.
        kind = type(function).__name__
        raise ConfigError(f"custom {kind} {function.name!r} must be made with {kind}.custom({function.name!r}, ...)")
    rng = np.random.default_rng(0)
    activation = function if isinstance(function, Activation) else "tanh"
    mlp = MLP(6, (7,), 4, activation=activation, seed=0, dtype=np.float64)
    loss = function if isinstance(function, Loss) else "cross_entropy"
    report = check_gradients(mlp, rng.normal(size=(8, 6)), rng.integers(0, 4, 8), loss)
    if not report.passed:
        kind = "activation" if isinstance(function, Activation) else "loss"
        raise ConfigError(
            f"the gradient of {kind} {function.name!r} is wrong: relative error {report.relative_error:.1e} against "
            f"central differences (at most {report.tolerance:g}), {report.skipped_fraction:.0%} of the coordinates at "
            f"kinks"
        )


def find_data(
    config: Config,
    arrays: Mapping[str, Any],
    *,
    show_progress: bool = False,
    trained_on: str = "",
) -> Dataset:
    """Return the data set of arrays, named as `from_arrays` names them, or that of the settings if none is given.

    `trained_on` is the fingerprint of the data of a resumed run: earlier versions may have read them differently.
    """
    given = [name for name, values in arrays.items() if values is not None]
    if not given:
        return load_dataset(**config.data.reading(), trained_on=trained_on, show_progress=show_progress)
    if "x" not in given and "y" not in given:
        raise DataError("x_val and x_test go with x and y; got no x")
    return from_arrays(**arrays, **config.data.columns())


def draw_figures(result: RunResult) -> None:
    """Draw the learning curves of every network of a run into its folder; note pictures that cannot be written."""
    label = training_label(result.config)
    for network in result.networks:
        if network.folder is not None:
            path = network.folder / "figures" / "learning-curves.png"
            try:
                draw_learning_curves(network.history, network.best_epoch, path, label)
            except MachineError as error:
                logger.info(str(error))

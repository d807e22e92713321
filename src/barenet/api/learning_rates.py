"""`find_learning_rate`, the Python function of `barenet lr-find`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from barenet.api.training import find_data, make_observer, read_values
from barenet.config.sources import build_config
from barenet.config.tables import Config
from barenet.config.wording import in_python
from barenet.engine.making import settle_engine
from barenet.errors import ConfigError
from barenet.messages import count, one_line
from barenet.notes import logger
from barenet.plots.tuning.learning_rates import range_test_plot
from barenet.printing.consoles import counting_bar
from barenet.run_folders.observer import Observer
from barenet.run_folders.teaching import with_teacher
from barenet.storage.files import check_folder_name, make_folder, replace_file
from barenet.training.preparation import prepare
from barenet.training.trainer import Trainer
from barenet.tuning.range_test.losses import (
    DEFAULT_STEPS,
    RateRange,
    choose_range,
    make_trainer,
    measure_losses,
    rates_of,
)
from barenet.tuning.range_test.result import RangeTest, make_result, table_of

__all__ = ["find_learning_rate", "sets_rate"]

PICTURE, TABLE = "lr-find.png", "lr-find.csv"


def find_learning_rate(
    x: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    x_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    recipe: str | None = None,
    settings: str | Path | Mapping[str, Mapping[str, Any]] | None = None,
    lowest: float | None = None,
    highest: float | None = None,
    steps: int = DEFAULT_STEPS,
    output: str | Path | None = None,
    verbose: bool = True,
    observer: Observer | None = None,
    **values: Any,
) -> RangeTest:
    """Train for some steps, each at a higher learning rate; return where the loss falls, and a suggested rate.

        found = barenet.find_learning_rate(hidden_sizes=(128, 32), optimizer="sgd")
        barenet.train(hidden_sizes=(128, 32), optimizer="sgd", learning_rate=found.suggestion)

    The learning-rate range test of Smith (2017), "Cyclical learning rates for training neural networks", section 3.3.
    Data, network and initial weights are those of `barenet.train` with the same settings; test images are not used.

    Args:
        x: images (n, ...), as for `train`; without them `data` or Fashion-MNIST.
        y: their integer labels (n,).
        x_val: validation images, which are not trained on; without them, some of x.
        y_val: their labels.
        recipe: "quick", "course", "strong", "best" or "ensemble": the settings to start from, by default quick.
        settings: a TOML file, or tables of settings, which override the recipe.
        lowest: the learning rate of the first step; by default 1e-6, for sgd 1e-5.
        highest: the learning rate of the last step; by default 1, for sgd 10.
        steps: number of training steps; the test ends sooner if the loss blows up.
        output: folder for the picture lr-find.png and the table lr-find.csv; None writes no files.
        verbose: show notes, and progress in a terminal, on stderr.
        observer: gets the notes, in place of what `verbose` shows.
        **values: any setting of training by its name, except the learning rate and its schedule. With `n_seeds`, the
            mean loss of several networks is used.

    If the losses suggest no rate, the result's `suggestion` is None, and its `words` say why.

    Raises:
        ConfigError, DataError, MachineError: see `barenet.errors`.
    """
    flags, custom = read_values(values)
    check_given(flags)
    config = build_config(recipe, settings, flags)
    rates = choose_range(config.optimizer.name, lowest, highest, steps)
    if output is not None:
        check_folder_name(Path(output), "the picture and the table")
        make_folder(Path(output))
    with observer or make_observer(verbose) as watching:
        arrays = {"x": x, "y": y, "x_val": x_val, "y_val": y_val}
        dataset = find_data(config, arrays, show_progress=not watching.quiet)
        dataset = replace(dataset, test_images=None, test_labels=None)
        taught = with_teacher(config, dataset, custom)
        config = config.as_given("trainer.epochs", "trainer.metric")  # neither matters here
        resolved, data = prepare(config, dataset, custom=taught)
        resolved = settle_engine(resolved)
        trainer = make_trainer(resolved, data, rates, custom)
        logger.info(describe_test(resolved, rates, trainer))
        with counting_bar("learning rates", rates.n_steps, shown=not watching.quiet) as advance:
            losses = measure_losses(trainer, rates.n_steps, advance)
        result = make_result(rates_of(trainer, rates.n_steps), losses.mean(axis=0), resolved, data.n_train)
        if not watching.takes_flags:
            result = replace(result, words=tuple(in_python(result.words)))
    return result if output is None else write_files(result, Path(output))


def check_given(flags: Mapping[str, Any]) -> None:
    """Raise ConfigError for a setting of the learning rate or its schedule: the test sets the rates itself."""
    for path, value in flags.items():
        if sets_rate(path):
            raise ConfigError(
                f"{path} = {one_line(value, 80)}: a range test sets the rate of each step itself; leave it out here, "
                f"and give it to the training"
            )


def sets_rate(path: str) -> bool:
    """Whether the setting at a dotted path is the learning rate, or a setting of its schedule."""
    return path == "optimizer.learning_rate" or path.startswith("schedule.")


def describe_test(config: Config, rates: RateRange, trainer: Trainer) -> str:
    """Return in one line which rates are tried, and with which settings and engine."""
    tried = f"{rates.n_steps:,} learning rates from {rates.lowest:g} to {rates.highest:g}"
    seeds = f", {count(config.trainer.n_seeds, 'network')}" if config.trainer.n_seeds > 1 else ""
    return f"{tried}, {config.origin}: optimizer {config.optimizer.name}{seeds}; engine: {trainer.describe_engine()}"


def write_files(result: RangeTest, folder: Path) -> RangeTest:
    """Write the picture and the table of a test, and return the result with their paths."""
    result = replace(result, picture=folder / PICTURE, table=folder / TABLE)
    replace_file(folder / PICTURE, range_test_plot(result))
    replace_file(folder / TABLE, table_of(result))
    return result

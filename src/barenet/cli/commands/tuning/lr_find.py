"""`barenet lr-find`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from barenet.api.learning_rates import find_learning_rate, sets_rate
from barenet.cli.flags import make_panels, read_flags, typed_setting
from barenet.cli.options import Json, Quiet, Recipe
from barenet.cli.settings_or_data import take_data
from barenet.config.reading import read_recipe
from barenet.config.sources import build_config
from barenet.errors import ConfigError
from barenet.messages import as_typed
from barenet.printing.lines import print_json, print_line
from barenet.terminal.console import ConsoleObserver
from barenet.tuning.range_test.losses import DEFAULT_STEPS

if TYPE_CHECKING:
    from barenet.cli.flags import SettingFlags as TestFlags
else:
    TestFlags = make_panels(read_recipe("quick"), lambda path: not sets_rate(path))

__all__ = ["lr_find"]


def lr_find(
    settings: Path | None = None,
    /,
    *,
    lowest: Annotated[float | None, Parameter(name="--from")] = None,
    highest: Annotated[float | None, Parameter(name="--to")] = None,
    steps: int = DEFAULT_STEPS,
    recipe: Recipe = None,
    output: Path = Path(),
    quiet: Quiet = False,
    json: Json = False,
    flags: TestFlags = None,
) -> None:
    """Find a learning rate.

    Parameters
    ----------
    settings
        A TOML file with settings, as for train. The path of data here means --data. [the recipe's settings]
    lowest
        Learning rate of the first step. [1e-6; 1e-5 for sgd]
    highest
        Learning rate of the last step. [1; 10 for sgd]
    steps
        Number of training steps, each at a higher rate than the one before.
    output
        Folder for lr-find.png and lr-find.csv, which replace those of an earlier test.
    """
    observer = ConsoleObserver(quiet=quiet)
    file, given = take_data(settings, read_flags(flags))
    found = find_learning_rate(
        recipe=recipe,
        settings=file,
        lowest=lowest,
        highest=highest,
        steps=steps,
        output=output,
        observer=observer,
        **given,
    )
    command = None if found.suggestion is None else training_command(file, recipe, given, found.suggestion)
    if json:
        print_json({**found.as_dict(), "command": command})
        return
    for sentence in found.words:
        print_line(sentence)
    if command is not None:
        print_line(f"train with it: {command}")
    print_line(f"picture: {found.picture}; every step: {found.table}")


def training_command(settings: Path | None, recipe: str | None, given: Mapping[str, Any], rate: float) -> str:
    """Return the command that trains with the settings of the test, at a learning rate that they may not allow yet."""
    words = [] if settings is None else [as_typed(settings)]
    words += [] if recipe is None else [f"--recipe {recipe}"]
    words += [typed_setting(path, value) for path, value in given.items()]
    words.append(f"--lr {rate:g}")
    try:
        build_config(recipe, settings, {**given, "optimizer.learning_rate": rate})
    except ConfigError:  # the schedule of the settings ends above this rate
        words.append("--schedule.minimum 0")
    return " ".join(["barenet train", *words])

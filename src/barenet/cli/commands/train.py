"""`barenet train`."""

from __future__ import annotations

from pathlib import Path

import tomli_w

from barenet.api.training import resume as resume_training
from barenet.api.training import train as start_training
from barenet.cli.flags import SettingFlags, read_flags
from barenet.cli.options import Json, Quiet, Recipe, Switch
from barenet.cli.settings_or_data import take_data
from barenet.config.sources import build_config
from barenet.data.loading import load_dataset
from barenet.engine.making import choose_engine
from barenet.errors import ConfigError, DivergedError, MachineError
from barenet.language.choice import chosen_language
from barenet.notes import logger
from barenet.pages.reports.report import report as write_report
from barenet.plots.live import LivePlot, ObserverGroup
from barenet.printing.lines import print_json, print_toml
from barenet.run_folders.finding import RUNS, find_folder
from barenet.terminal.console import ConsoleObserver
from barenet.terminal.results import show_result
from barenet.training.preparation import prepare

__all__ = ["train"]


def train(
    settings: Path | None = None,
    /,
    *,
    recipe: Recipe = None,
    resume: Path | None = None,
    output: Path = Path("runs"),
    name: str | None = None,
    quiet: Quiet = False,
    json: Json = False,
    dry_run: Switch = False,
    report: Switch = False,
    plot: Switch = False,
    flags: SettingFlags = None,
) -> None:
    """Train a network, or several together; test it, and save everything in a run folder.

    Parameters
    ----------
    settings
        A TOML file with tables data, model, optimizer, schedule, trainer. The path of data here means --data. [the
        recipe's settings]
    resume
        A stopped run to continue; the result is the same as without the stop. With more --epochs, train a finished run
        for longer. [a new run]
    output
        Folder in which the run's folder is made.
    name
        Name of the run's folder. [the name of the recipe or the settings file, and a number]
    dry_run
        Print all settings as TOML, which train accepts as a settings file, and stop.
    report
        Write report.html into the run's folder, even if training diverges.
    plot
        Show the learning curves in a window during training.
    """
    observer = ConsoleObserver(quiet=quiet)
    settings, given = take_data(settings, read_flags(flags))
    if resume is not None:
        resume = find_folder(resume, [RUNS])
        check_resumed(resume, name, dry_run=dry_run)
    if dry_run:
        config = build_config(recipe, settings, given)
        resolved, _ = prepare(config, load_dataset(**config.data.reading()))
        choose_engine(config)  # raises an error if the engine cannot be used; the printed settings keep their engine
        print_toml(tomli_w.dumps({"recipe": resolved.recipe, **resolved.as_tables()}))
        return
    live = LivePlot() if plot else None
    watching = ObserverGroup([observer, *([live] if live else [])])
    try:
        if resume is not None:
            result = resume_training(resume, recipe=recipe, settings=settings, observer=watching, **given)
        else:
            result = start_training(
                recipe=recipe, settings=settings, output=output, name=name, observer=watching, **given
            )
    except DivergedError:
        if report:
            report_on(observer)
        raise
    if report:
        report_on(observer)
    if json:
        print_json(result.as_dict())
    else:
        show_result(result)
    if result.unsaved is not None:
        raise MachineError(result.unsaved)
    if live is not None:
        live.hold()


def report_on(observer: ConsoleObserver) -> None:
    """Write the page about the run that was trained."""
    if observer.folder is not None:
        logger.info(f"report: {write_report(observer.folder, language=chosen_language())}")


def check_resumed(run: Path, name: str | None, *, dry_run: bool) -> None:
    """Raise ConfigError for another name than that of the run, and for a dry run, which is about a new run."""
    if name is not None and name != run.absolute().name:
        raise ConfigError(f"--resume goes on in the run's folder, {run}; leave out --name {name}")
    if dry_run:
        raise ConfigError(f"--dry-run shows the settings of a new run; those of {run} are in {run / 'config.toml'}")

"""`barenet search`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

from barenet.api.searching import estimate
from barenet.api.searching import search as start_search
from barenet.cli.flags import flag_of, make_panels, make_search_flags, read_flags
from barenet.cli.options import Json, Quiet, Switch
from barenet.cli.settings_or_data import take_data
from barenet.errors import ConfigError, MachineError
from barenet.messages import count
from barenet.notes import logger
from barenet.printing.lines import print_json
from barenet.run_folders.finding import STUDIES, find_folder
from barenet.terminal.search import ConsoleSearchObserver, show_estimate, show_search
from barenet.tuning.space.plan import Plan
from barenet.tuning.space.request import START
from barenet.tuning.space.space_file import parse_flags

if TYPE_CHECKING:
    from barenet.cli.flags import SettingFlags as SearchFlags

    PlanFlags: TypeAlias = Mapping[str, Any] | None
else:
    PlanFlags = make_search_flags(Plan)
    SearchFlags = make_panels(START.config().as_tables())  # the help shows the settings that a search starts from

__all__ = ["search"]

LISTS = ("model.hidden_sizes", "data.drop", "data.keep", "data.image_size")
Repeatable = Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)]


def search(
    space: Path | None = None,
    /,
    *,
    grid: Repeatable = None,
    range: Repeatable = None,
    plan: PlanFlags = None,
    workers: int | None = None,
    dask: str | None = None,
    storage: str | None = None,
    recipe: str | None = None,
    resume: Path | None = None,
    output: Path = Path("studies"),
    name: str | None = None,
    quiet: Quiet = False,
    json: Json = False,
    dry_run: Switch = False,
    flags: SearchFlags = None,
) -> None:
    """Search settings.

    Parameters
    ----------
    space
        A TOML file with a space, [space], or a list of points, [[points]], and with settings that every trial starts
        from. The path of data here means --data. [the space of --grid and --range]
    grid
        Values of one setting, as NAME=VALUE,VALUE; repeat it for another setting. [the course project's grid, if there
        is no --range and no file]
    range
        A range of one setting, as NAME=LOW:HIGH or NAME=LOW:HIGH:log; repeat it for another setting. [none]
    workers
        Number of processes that train; 0 trains in this process. [one for each core]
    dask
        Train on a Dask cluster: the address of its scheduler, such as tcp://scheduler:8786. [none: this machine]
    storage
        URL of a database for Optuna's record, such as postgresql://user:password@host/db. [SQLite, in the study]
    recipe
        Settings to start from, as for train. [course, for 10 epochs]
    resume
        A stopped study to continue; the result is the same as without the stop. [a new study]
    output
        Folder in which the study's folder is made.
    name
        Name of the study's folder. [the name of the space's file or of the recipe, and a number]
    dry_run
        Print the number of trials and an estimate of the time, and stop.
    """
    observer = ConsoleSearchObserver(quiet=quiet)
    space, given = take_data(space, read_flags(flags))
    check_single(given)
    given |= {name: value for name, value in (plan or {}).items() if value is not False}
    asked = choose_space(space, grid or [], range or [])
    if isinstance(asked, dict):
        note_single_layers(asked)
    resume = None if resume is None else find_folder(resume, [STUDIES])
    if dry_run and resume is not None:
        raise ConfigError(f"--dry-run estimates a new search; leave out --resume {resume}, or give {resume}/space.toml")
    if dry_run:
        figures = estimate(asked, recipe=recipe, workers=workers, dask=dask, observer=observer, **given)
        if json:
            print_json(figures)
        else:
            show_estimate(figures)
        return
    if resume is not None and name not in (None, resume.absolute().name):
        raise ConfigError(f"--resume goes on in the study's folder, {resume}; leave out --name {name}")
    result = start_search(
        asked,
        recipe=recipe,
        resume=resume,
        output=output,
        name=name,
        workers=workers,
        dask=dask,
        storage=storage,
        observer=observer,
        **given,
    )
    if json:
        print_json(result.as_dict())
    else:
        show_search(result)
    if result.retrained is not None and result.retrained.unsaved is not None:
        raise MachineError(result.retrained.unsaved)


def choose_space(space: Path | None, grids: list[str], ranges: list[str]) -> Path | dict[str, Any] | None:
    """Return the space that a file or flags give, None for neither."""
    flags = parse_flags(grids, ranges)
    if space is not None and flags:
        raise ConfigError(f"a space comes from {space} or from --grid and --range, not from both")
    return space if space is not None else flags or None


def check_single(given: Mapping[str, Any]) -> None:
    """Raise ConfigError for several values of a setting that takes one value; --grid tries several."""
    for path, value in given.items():
        parts = [part.strip() for part in str(value).split(",")]
        if len(parts) > 1 and path not in LISTS and all(is_number(part) for part in parts):
            flag = flag_of(path)
            raise ConfigError(
                f"{flag} {value}: a setting that all trials share has one value; to try several: "
                f"--grid {flag.removeprefix('--')}={','.join(parts)}"
            )


def note_single_layers(space: Mapping[str, Any]) -> None:
    """Note that in a search sizes with commas are networks of one hidden layer each; in training they are layers."""
    for name in ("hidden", "hidden_sizes", "model.hidden_sizes"):
        values = space.get(name)
        if isinstance(values, list) and len(values) > 1 and all(isinstance(value, int) for value in values):
            logger.info(
                f"{name}={','.join(map(str, values))} is {count(len(values), 'network')} of one hidden layer each; one "
                f"of {count(len(values), 'hidden layer')} is written {'-'.join(map(str, values))}"
            )


def is_number(text: str) -> bool:
    """Whether a text is written like a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True

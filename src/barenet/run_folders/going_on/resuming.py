"""Go on with a run that was stopped: the same data, the same settings, the states that it had saved.

Three settings may be others than the run was started with: where the data lie, since their fingerprint tells whether
they are the same; the number of threads, which changes no bit; and the number of epochs, which may grow (`extending`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from barenet.config.comparing import differing_settings, setting_of
from barenet.config.names import all_paths
from barenet.config.sources import BEFORE, build_config, stored_settings
from barenet.config.tables import Config
from barenet.data.datasets import CARRIED_NAME, Dataset, ignore
from barenet.data.files import Place
from barenet.data.formats.idx_folders import find_idx_set
from barenet.engine.making import check_engine, settle_engine
from barenet.engine.parts import RULE_VERSION
from barenet.engine.state import TrainingState
from barenet.errors import CheckpointError, RunError
from barenet.messages import as_typed
from barenet.run_folders.checkpoint import ModelInfo, read_state
from barenet.run_folders.finding import STUDY, describe_names, is_ensemble
from barenet.run_folders.folder import RunFolder, drop_torn_files, lock_run, network_folders
from barenet.run_folders.going_on.extending import check_epochs, describe_extension, describe_finished
from barenet.run_folders.machine import read_parts_version
from barenet.run_folders.observer import Observer
from barenet.run_folders.results import RunResult
from barenet.run_folders.run import Run, network_configs
from barenet.storage.files import our_errors
from barenet.training.preparation import Custom, TrainingData, prepare
from barenet.training.trainer import Trainer

__all__ = [
    "changed_settings",
    "check_data_path",
    "config_to_resume",
    "fingerprint_of_data",
    "resume_run",
    "stored_config",
]

MAY_DIFFER = ("data.path", "trainer.epochs", "trainer.threads")
CHOSEN = ("trainer.eval_every", "trainer.metric", "model.normalization")  # by training, as the data allow


def resume_run(
    folder: Path,
    dataset: Dataset,
    *,
    config: Config | None = None,
    custom: Custom | None = None,
    observer: Observer | None = None,
) -> RunResult:
    """Go on with a stopped run as if it had never stopped; a finished one is tested again, or trained for longer.

    `config` is what `config_to_resume` gives; without it the run goes on with its own settings.

    Raises:
        RunError: the folder is no run, is in use, or was started with other data or settings.
    """
    observer = observer or Observer()
    with our_errors(folder):
        before = stored_config(folder)
    config = config or before
    with our_errors(folder), lock_run(folder):
        drop_torn_files(folder)
        folders = [RunFolder(path) for path in network_folders(folder)]
        stored = [read_stored(own, dataset, observer.note) for own in folders]
        resolved, data = prepare_as_before(folder, config, dataset, stored[0][0], custom=custom, note=observer.note)
        configs = network_configs(resolved)
        if len(folders) != len(configs):
            raise RunError(f"{folder} is incomplete: {len(folders)} of {len(configs)} networks are there")
        planned = resolved.trainer.epochs
        for own, settings, (info, state) in zip(folders, configs, stored, strict=True):
            if info.seed != settings.trainer.seed:
                raise RunError(
                    f"{own.last} is of seed {info.seed}, not {settings.trainer.seed}; put the right file back"
                )
            check_settings_file(own, settings, info.settings)
            # Not from config.toml: a process that was killed may have written the new number there, and no more.
            epochs = int(info.settings.get("trainer", {}).get("epochs", planned))
            check_epochs(own.path, settings, epochs, int(state.epoch[0]))
            planned = min(planned, epochs)
        for own, (_, state) in zip(folders, stored, strict=True):
            for problem in own.trim_history(int(state.epoch[0])):
                observer.note(problem)
        states = [state for _, state in stored]
        is_cut = resolved.trainer.engine == "numpy" and any(state.epoch[0] > 0 for state in states)
        if is_cut and read_parts_version(folders[0].path) != RULE_VERSION:
            observer.note(
                f"{folder} was started by a version of barenet that cuts a step into other parts: it goes on, and ends "
                f"with other last digits than without the break"
            )
        trainer = Trainer(configs, data, states, custom=custom, progress=observer.progress)
        if planned < resolved.trainer.epochs:
            observer.note(describe_extension(folder, trainer, planned))
        elif all(trainer.stopped):
            observer.note(describe_finished(folder, trainer))
        run = Run(resolved, dataset, trainer, folder, observer)
        if (resolved.data.path, resolved.trainer.epochs) != (before.data.path, before.trainer.epochs):
            run.files.write_configs()
        run.files.write_machine()
        for own, state in zip(folders, states, strict=True):
            own.drop_outdated(state.best_epochs[0])
        return run.train()


def prepare_as_before(
    folder: Path,
    config: Config,
    dataset: Dataset,
    info: ModelInfo,
    *,
    custom: Custom | None,
    note: Callable[[str], None] = ignore,
) -> tuple[Config, TrainingData]:
    """Return settings and data as the run was started with: earlier versions scaled some arrays otherwise.

    Raises RunError where the engine that it was started with cannot be used here.
    """
    check_engine(folder, config)
    if dataset.kind == "features" and "mean" not in info.preprocessing:
        dataset = replace(dataset, kind="images")
    elif dataset.kind == "images" and "mean" in info.preprocessing and not config.data.standardize:
        dataset = replace(dataset, kind="features")
    if config.model.teacher is not None:
        custom = replace(custom or Custom(), teacher=RunFolder(network_folders(folder)[0]).read_teacher())
    resolved, data = prepare(config, dataset, custom=custom, note=note)
    return settle_engine(resolved, note), replace(data, scale=info.scale)


def stored_config(folder: Path) -> Config:
    """Return the settings that a run was started with."""
    if (folder / STUDY).exists():
        raise RunError(f"{folder} is a study, not a run; go on with: barenet search --resume {as_typed(folder)}")
    if not folder.exists():
        raise RunError(f"{folder} does not exist: {describe_names(folder)}")
    if is_ensemble(folder):
        raise RunError(f"{folder} is an ensemble, which was not trained itself: name a run that it is made of")
    if not RunFolder(folder).config.exists():
        raise RunError(f"{folder} is not a run folder: it has no config.toml")
    return stored_settings(RunFolder(folder).config)


def config_to_resume(
    folder: Path, flags: Mapping[str, Any], recipe: str | None = None, file: str | Path | None = None
) -> Config:
    """Return a run's settings, and over them what of those given may differ.

    A recipe or a settings file may be given again, as they were when the run was started.

    Raises:
        RunError: the folder is no run, or a setting asks for another result than the run was started for.
    """
    stored = stored_config(folder)
    if recipe is None and file is None:
        asked = stored_settings(RunFolder(folder).config, flags)
        given = set(flags)
    else:
        asked = build_config(recipe, file, flags)
        given = {path for path in all_paths() if asked.is_given(path)}
    for path in differing_settings(stored, asked):
        # What nobody gave, training may have chosen.
        is_open = path.startswith("data.") or path in CHOSEN or setting_of(asked, path) is None
        if path in MAY_DIFFER or (is_open and path not in given):
            continue
        before, now = setting_of(stored, path), setting_of(asked, path)
        remedy = "leave it out" if path in given else "give it again, or leave out the recipe and the settings file"
        raise RunError(f"{folder} was started with {path} = {before}, not {now}; {remedy}, or start a new run")
    free = {path.replace(".", "__"): setting_of(asked, path) for path in MAY_DIFFER if path in given}
    return stored.with_values(**free)


def check_data_path(folder: Path, path: str | None) -> None:
    """Raise RunError if the data of a run or a study are not where they were."""
    if path is None or Path(path).name == CARRIED_NAME:
        return
    place = Place(Path(path).expanduser())
    if not place.path.exists() and find_idx_set(place) is None:
        raise RunError(f"the data of {folder} are not at {path}; say where they are now by --data")


def fingerprint_of_data(folder: Path) -> str:
    """Return the fingerprint of the data that a run was started with, or nothing where its files are missing."""
    files = RunFolder(network_folders(folder)[0])
    is_there = files.last.exists() or files.previous.exists()
    return read_state(find_checkpoint(files, ignore))[0].data_fingerprint if is_there else ""


def find_checkpoint(folder: RunFolder, note: Callable[[str], None]) -> Path:
    """Return the last checkpoint of a network, or the one before where that is damaged or missing, which is said."""
    if not folder.last.exists() and not folder.previous.exists():
        raise RunError(f"{folder.path} has no {folder.last.name}, which a run goes on from; start it anew")
    try:
        read_state(folder.last)
    except CheckpointError as error:
        if not folder.previous.exists():
            raise
        found = str(error) if folder.last.exists() else f"{folder.last} is missing"
        note(f"{found}: the run goes on from {folder.previous.name}, step {read_state(folder.previous)[0].step}")
        return folder.previous
    return folder.last


def read_stored(folder: RunFolder, dataset: Dataset, note: Callable[[str], None]) -> tuple[ModelInfo, TrainingState]:
    """Return the state that a network goes on from, and what its file says; raise RunError for other data."""
    checkpoint = find_checkpoint(folder, note)
    info, state = read_state(checkpoint)
    if info.data_fingerprint != dataset.fingerprint:
        raise RunError(
            f"{folder.path} was started with other images or labels than these: {info.data_name!r} then, "
            f"{dataset.name!r} now; hand in what it was started with, or say by --data where that is"
        )
    if checkpoint == folder.previous:
        checkpoint.replace(folder.last)  # or the next checkpoint would put the damaged one in its place
    return info, state


def check_settings_file(folder: RunFolder, config: Config, started_with: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise RunError if the run's config.toml is not what its state was trained with."""
    for changed in changed_settings(folder, config, started_with):
        raise RunError(f"{changed}; put it back, or start a new run from that file")


def changed_settings(folder: RunFolder, config: Config, started_with: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield in words what of the run's config.toml is not what a model file of it says it was trained with.

    A run of an earlier version knows nothing of settings that came later: at their defaults they change nothing, or at
    what is known of that version.
    """
    now = config.as_tables()
    for table, settings in started_with.items():
        defaults = type(getattr(config, table)).model_fields
        for name in sorted({*settings, *now[table]}):
            if f"{table}.{name}" in MAY_DIFFER:
                continue
            default = defaults[name].default if name in defaults else None
            default = list(default) if isinstance(default, tuple) else default  # as files hold it
            default = BEFORE.get(f"{table}.{name}", default)
            before, after = settings.get(name, default), now[table].get(name)
            if before != after:
                yield (
                    f"config.toml of {folder.path} was changed: {table}.{name} is {after}, and was {before} when the "
                    f"run was started"
                )

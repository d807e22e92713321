"""Continue a run that was stopped, with the same data, the same settings and the saved states.

Three settings may differ from those at the start: the path of the data, since their fingerprint shows whether they are
the same; the number of threads, which changes no bit; and the number of epochs, which may be raised (`extending`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from barenet.config.comparing import differing_settings, setting_of
from barenet.config.names import all_paths
from barenet.config.sources import BEFORE, build_config, stored_settings
from barenet.config.tables import Config
from barenet.data.datasets import CARRIED_NAME, Dataset
from barenet.data.files import Place
from barenet.data.formats.idx_folders import find_idx_set
from barenet.engine.making import check_engine, settle_engine
from barenet.engine.parts import RULE_VERSION
from barenet.engine.state import TrainingState
from barenet.errors import CheckpointError, RunError
from barenet.messages import as_typed
from barenet.notes import held_back, logger
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
CHOSEN = ("trainer.eval_every", "trainer.metric", "model.normalization")  # training may change them to fit the data


def resume_run(
    folder: Path,
    dataset: Dataset,
    *,
    config: Config | None = None,
    custom: Custom | None = None,
    observer: Observer | None = None,
) -> RunResult:
    """Continue a stopped run, to the same end as without the stop; test a finished one again, or train it for longer.

    `config` is the result of `config_to_resume`; without it the run keeps its settings.

    Raises:
        RunError: the folder is not a run, is in use, or was started with other data or settings.
    """
    observer = observer or Observer()
    with our_errors(folder):
        before = stored_config(folder)
    config = config or before
    with our_errors(folder), lock_run(folder):
        drop_torn_files(folder)
        folders = [RunFolder(path) for path in network_folders(folder)]
        stored = [read_stored(network, dataset) for network in folders]
        resolved, data = prepare_as_before(folder, config, dataset, stored[0][0], custom=custom)
        configs = network_configs(resolved)
        if len(folders) != len(configs):
            raise RunError(f"{folder} is incomplete: {len(folders)} of {len(configs)} networks are there")
        planned = resolved.trainer.epochs
        for network, settings, (info, state) in zip(folders, configs, stored, strict=True):
            if info.seed != settings.trainer.seed:
                raise RunError(
                    f"{network.last} is of seed {info.seed}, not {settings.trainer.seed}; put the right file back"
                )
            check_settings_file(network, settings, info.settings)
            # Not from config.toml: a killed process may have written the new number there, and nothing else.
            epochs = int(info.settings.get("trainer", {}).get("epochs", planned))
            check_epochs(network.path, settings, epochs, int(state.epoch[0]))
            planned = min(planned, epochs)
        for network, (_, state) in zip(folders, stored, strict=True):
            for problem in network.trim_history(int(state.epoch[0])):
                logger.info(problem)
        states = [state for _, state in stored]
        is_cut = resolved.trainer.engine == "numpy" and any(state.epoch[0] > 0 for state in states)
        if is_cut and read_parts_version(folders[0].path) != RULE_VERSION:
            logger.info(
                f"{folder} was started by a version of barenet that cuts a step into other parts: it goes on, but its "
                f"results differ in the last digits from those without the break"
            )
        trainer = Trainer(configs, data, states, custom=custom, progress=observer.progress)
        if planned < resolved.trainer.epochs:
            logger.info(describe_extension(folder, trainer, planned))
        elif all(trainer.stopped):
            logger.info(describe_finished(folder, trainer))
        run = Run(resolved, dataset, trainer, folder, observer)
        if (resolved.data.path, resolved.trainer.epochs) != (before.data.path, before.trainer.epochs):
            run.files.write_configs()
        run.files.write_machine()
        for network, state in zip(folders, states, strict=True):
            network.drop_outdated(state.best_epochs[0])
        return run.train()


def prepare_as_before(
    folder: Path,
    config: Config,
    dataset: Dataset,
    info: ModelInfo,
    *,
    custom: Custom | None,
) -> tuple[Config, TrainingData]:
    """Return the settings and data that the run was started with; earlier versions scaled some arrays differently.

    Raises RunError if the engine that it was started with cannot be used here.
    """
    check_engine(folder, config)
    if dataset.kind == "features" and "mean" not in info.preprocessing:
        dataset = replace(dataset, kind="images")
    elif dataset.kind == "images" and "mean" in info.preprocessing and not config.data.standardize:
        dataset = replace(dataset, kind="features")
    if config.model.teacher is not None:
        custom = replace(custom or Custom(), teacher=RunFolder(network_folders(folder)[0]).read_teacher())
    resolved, data = prepare(config, dataset, custom=custom)
    return settle_engine(resolved), replace(data, scale=info.scale)


def stored_config(folder: Path) -> Config:
    """Return the settings that a run was started with."""
    if (folder / STUDY).exists():
        raise RunError(f"{folder} is a study, not a run; go on with: barenet search --resume {as_typed(folder)}")
    if not folder.exists():
        raise RunError(f"{folder} does not exist: {describe_names(folder)}")
    if is_ensemble(folder):
        raise RunError(f"{folder} is an ensemble, which is not trained: name one of the runs in it")
    if not RunFolder(folder).config.exists():
        raise RunError(f"{folder} is not a run folder: it has no config.toml")
    return stored_settings(RunFolder(folder).config)


def config_to_resume(
    folder: Path, flags: Mapping[str, Any], recipe: str | None = None, file: str | Path | None = None
) -> Config:
    """Return a run's settings, with those given settings that may differ.

    The recipe or the settings file with which the run was started may be given again.

    Raises:
        RunError: the folder is not a run, or a given setting would change the result of the run.
    """
    stored = stored_config(folder)
    if recipe is None and file is None:
        asked = stored_settings(RunFolder(folder).config, flags)
        given = set(flags)
    else:
        asked = build_config(recipe, file, flags)
        given = {path for path in all_paths() if asked.is_given(path)}
    for path in differing_settings(stored, asked):
        # If nobody gave a setting, training may have chosen it.
        is_open = path.startswith("data.") or path in CHOSEN or setting_of(asked, path) is None
        if path in MAY_DIFFER or (is_open and path not in given):
            continue
        before, now = setting_of(stored, path), setting_of(asked, path)
        remedy = "leave it out" if path in given else "give it again, or leave out the recipe and the settings file"
        raise RunError(f"{folder} was started with {path} = {before}, not {now}; {remedy}, or start a new run")
    free = {path.replace(".", "__"): setting_of(asked, path) for path in MAY_DIFFER if path in given}
    return stored.with_values(**free)


def check_data_path(folder: Path, path: str | None) -> None:
    """Raise RunError if the data of a run or a study are no longer at their path."""
    if path is None or Path(path).name == CARRIED_NAME:
        return
    place = Place(Path(path).expanduser())
    if not place.path.exists() and find_idx_set(place) is None:
        raise RunError(f"the data of {folder} are not at {path}; say where they are now by --data")


def fingerprint_of_data(folder: Path) -> str:
    """Return the fingerprint of the data that a run was started with, or "" where its files are missing."""
    files = RunFolder(network_folders(folder)[0])
    is_there = files.last.exists() or files.previous.exists()
    with held_back():
        return read_state(find_checkpoint(files))[0].data_fingerprint if is_there else ""


def find_checkpoint(folder: RunFolder) -> Path:
    """Return the last checkpoint of a network; if it is damaged or missing, the one before, with a note."""
    if not folder.last.exists() and not folder.previous.exists():
        raise RunError(f"{folder.path} has no {folder.last.name}, so the run cannot go on; start a new run")
    try:
        read_state(folder.last)
    except CheckpointError as error:
        if not folder.previous.exists():
            raise
        found = str(error) if folder.last.exists() else f"{folder.last} is missing"
        logger.info(f"{found}: the run goes on from {folder.previous.name}, step {read_state(folder.previous)[0].step}")
        return folder.previous
    return folder.last


def read_stored(folder: RunFolder, dataset: Dataset) -> tuple[ModelInfo, TrainingState]:
    """Return what the file of a network's last state says, and the state; raise RunError for other data."""
    checkpoint = find_checkpoint(folder)
    info, state = read_state(checkpoint)
    if info.data_fingerprint != dataset.fingerprint:
        raise RunError(
            f"{folder.path} was started with other images or labels than these: {info.data_name!r} then, "
            f"{dataset.name!r} now; pass the data it was started with, or say by --data where they are"
        )
    if checkpoint == folder.previous:
        checkpoint.replace(folder.last)  # otherwise the next checkpoint would replace it with the damaged one
    return info, state


def check_settings_file(folder: RunFolder, config: Config, started_with: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise RunError if the run's config.toml is not what its state was trained with."""
    for changed in changed_settings(folder, config, started_with):
        raise RunError(f"{changed}; put it back, or start a new run from that file")


def changed_settings(folder: RunFolder, config: Config, started_with: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield in words which settings of the run's config.toml differ from those in a model file of the run.

    A run of an earlier version lacks newer settings; they count as their defaults, or as the values in `BEFORE`.
    """
    now = config.as_tables()
    for table, settings in started_with.items():
        defaults = type(getattr(config, table)).model_fields
        for name in sorted({*settings, *now[table]}):
            if f"{table}.{name}" in MAY_DIFFER:
                continue
            default = defaults[name].default if name in defaults else None
            default = list(default) if isinstance(default, tuple) else default  # files hold lists
            default = BEFORE.get(f"{table}.{name}", default)
            before, after = settings.get(name, default), now[table].get(name)
            if before != after:
                yield (
                    f"config.toml of {folder.path} was changed: {table}.{name} is {after}, and was {before} when the "
                    f"run was started"
                )

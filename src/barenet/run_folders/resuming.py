"""Go on with a run that was stopped: the same data, the same settings, the states that it had saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from barenet.config.sources import build_config
from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.engine.parts import RULE_VERSION
from barenet.engine.state import TrainingState
from barenet.errors import RunError
from barenet.run_folders.checkpoint import ModelInfo, read_state
from barenet.run_folders.folder import RunFolder, drop_torn_files, lock_run, network_folders
from barenet.run_folders.machine import read_parts_version
from barenet.run_folders.observer import Observer
from barenet.run_folders.results import RunResult
from barenet.run_folders.run import Run, network_configs
from barenet.training.preparation import Custom, prepare
from barenet.training.trainer import Trainer

__all__ = ["resume_run", "stored_config"]

SPEED_ALONE = {"threads"}  # settings of the trainer that change no bit of a result


def resume_run(
    folder: Path,
    dataset: Dataset,
    *,
    flags: dict[str, Any] | None = None,
    custom: Custom | None = None,
    observer: Observer | None = None,
) -> RunResult:
    """Go on with a stopped run as if it had never stopped; a finished one is tested again.

    Raises:
        RunError: the folder is no run, is in use, or was started with other data or settings.
    """
    observer = observer or Observer()
    config = stored_config(folder)
    asked = check_same_settings(folder, config, flags or {})
    config = config.with_values(trainer__threads=asked.trainer.threads)
    with lock_run(folder):
        drop_torn_files(folder)
        folders = [RunFolder(path) for path in network_folders(folder)]
        stored = [read_stored(own, dataset) for own in folders]
        resolved, data = prepare(config, dataset, custom=custom, note=observer.note)
        configs = network_configs(resolved)
        if len(folders) != len(configs):
            raise RunError(f"{folder} is incomplete: {len(folders)} of {len(configs)} networks are there")
        for own, settings, (info, state) in zip(folders, configs, stored, strict=True):
            if info.seed != settings.trainer.seed:
                raise RunError(
                    f"{own.last} is of seed {info.seed}, not {settings.trainer.seed}; put the right file back"
                )
            check_settings_file(own, settings, info.settings)
            own.trim_history(int(state.epoch[0]))
        states = [state for _, state in stored]
        if any(state.epoch[0] > 0 for state in states) and read_parts_version(folders[0].path) != RULE_VERSION:
            observer.note(
                f"{folder} was started by a version of barenet that cuts a step into other parts: it goes on, and ends "
                f"with other last digits than without the break"
            )
        trainer = Trainer(configs, data, states, custom=custom, progress=observer.progress)
        run = Run(resolved, dataset, trainer, folder, observer)
        run.write_machine()
        for network in range(len(states)):
            run.drop_outdated(network)
        return run.train()


def stored_config(folder: Path) -> Config:
    """Return the settings that a run was started with."""
    if not RunFolder(folder).config.exists():
        raise RunError(f"{folder} is not a run folder: it has no config.toml")
    return build_config("quick", RunFolder(folder).config)


def read_stored(folder: RunFolder, dataset: Dataset) -> tuple[ModelInfo, TrainingState]:
    """Return the state that a network goes on from, and what its file says; raise RunError for other data."""
    if not folder.last.exists():
        raise RunError(f"{folder.path} has no last.safetensors, which a run goes on from; start it anew")
    info, state = read_state(folder.last)
    if info.data_fingerprint != dataset.fingerprint:
        raise RunError(
            f"{folder.path} was started with other images or labels than these: {info.data_name!r} then, "
            f"{dataset.name!r} now; hand in what it was started with"
        )
    return info, state


def check_settings_file(folder: RunFolder, config: Config, started_with: dict[str, dict[str, Any]]) -> None:
    """Raise RunError if the run's config.toml is not what its state was trained with.

    A run of an earlier version knows nothing of settings that came later: at their defaults they change nothing.
    """
    now = config.as_tables()
    for table, settings in started_with.items():
        defaults = type(getattr(config, table)).model_fields
        for name in sorted({*settings, *now[table]} - SPEED_ALONE):
            default = defaults[name].default if name in defaults else None
            before, after = settings.get(name, default), now[table].get(name)
            if before != after:
                raise RunError(
                    f"config.toml of {folder.path} was changed: {table}.{name} is {after}, and was {before} when the "
                    f"run was started; put it back, or start a new run from that file"
                )


def check_same_settings(folder: Path, config: Config, flags: dict[str, Any]) -> Config:
    """Return the settings with flags; raise RunError if one asks for another result than the run was started for."""
    asked = build_config("quick", RunFolder(folder).config, flags)
    for path in flags:
        table, name = path.split(".")
        if name in SPEED_ALONE:
            continue
        before, now = getattr(getattr(config, table), name), getattr(getattr(asked, table), name)
        if before != now:
            raise RunError(
                f"{folder} was started with {path} = {before}, not {now}; a run goes on with its own settings"
            )
    return asked

"""The best trial as a run folder, which all commands take like any run; and its second training."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from barenet.config.comparing import differing_settings
from barenet.data.datasets import Dataset
from barenet.errors import CheckpointError, ConfigError, MachineError, RunError
from barenet.notes import logger
from barenet.run_folders.checkpoint import write_model
from barenet.run_folders.folder import RunFolder
from barenet.run_folders.going_on.resuming import resume_run, stored_config
from barenet.run_folders.results import RunResult
from barenet.run_folders.run import start_run
from barenet.run_folders.teaching import with_teacher
from barenet.run_folders.writing import RunFiles
from barenet.training.preparation import TrainingData
from barenet.training.trainer import Trainer
from barenet.tuning.study.folder import StudyFolder
from barenet.tuning.study.trial import Trial

__all__ = ["retrain", "write_best"]


def write_best(study: StudyFolder, trial: Trial, data: TrainingData) -> Path:
    """Write `best/` from a finished trial's state and history, and return it; nothing is tested.

    The weights are those of the trial's best epoch; the weights of earlier best epochs were not kept. machine.json is
    about the machine that writes the folder; on a cluster, other machines may have trained the trial.
    """
    assert trial.config is not None
    target, folder = study.path / "best", study.path / f".best.{os.getpid()}.tmp"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        fill_folder(RunFolder(folder), study, trial, data)
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    except OSError as error:
        if isinstance(error, MachineError):
            raise
        raise MachineError(f"cannot write {target}: {error.strerror}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def fill_folder(folder: RunFolder, study: StudyFolder, trial: Trial, data: TrainingData) -> None:
    """Write the files of a run from those of a trial."""
    assert trial.config is not None
    trainer = Trainer([trial.config], data)
    files = RunFiles(trial.config, trainer, folder.path)
    files.write_start()
    number = len(trial.rungs) - 1
    if not study.state(trial.key, number).exists():
        logger.info(f"trial {trial.number} became the best later: it is trained again for its weights")
    state = study.take_state(trial.key, number)
    if state is not None:
        trainer.states[0] = state
    else:
        # The trial was not the best until repeats were raised, or its state is damaged. Training is exact, so these are
        # the same weights.
        for _ in trainer:
            pass
    history = study.read_history(trial.key)
    for record in history:
        folder.append(record)
    state = trainer.states[0]
    best_epoch = int(state.best_epochs[0, 0])
    best = next((record for record in history if record.epoch == best_epoch), None)
    info = files.info(0, best_epoch, best)
    write_model(folder.epoch(best_epoch), info, files.named(state.best_values), also=folder.best)
    files.histories[0] = history
    files.write_last(folder, 0, state)


def retrain(study: StudyFolder, best: Trial, dataset: Dataset) -> RunResult:
    """Train the winner once more, in a separate run folder, and test it: the only test in a search.

    The run of an earlier winner, from before trials or repeats were raised, is deleted; a damaged one is set aside.
    """
    assert best.config is not None
    folder = study.path / "retrained"
    if folder.exists():
        try:
            stored = stored_config(folder)
            if set(differing_settings(stored, best.config)) <= {"data.path"}:
                moved = stored.with_values(data__path=best.config.data.path)
                return resume_run(folder, dataset, config=moved)
            shutil.rmtree(folder)
        except (CheckpointError, ConfigError, RunError) as error:
            study.put_aside(folder, error, "the winner is trained once more from its start")
    custom = with_teacher(best.config, dataset, stored=study.path)
    return start_run(best.config, dataset, output=folder.parent, name=folder.name, custom=custom)

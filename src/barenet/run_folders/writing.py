"""Which files of a run are written, and when: settings, first weights, each epoch's record, best weights, checkpoints.

A disk that is full or missing for some time does not stop training: what could not be written is written later.

The history and the best weights are written after each epoch. Where epochs are short, a checkpoint after each one would
take too long: checkpoints are written so often that they take half a percent of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.engine.network import FastMLP
from barenet.engine.state import TrainingState
from barenet.errors import MachineError
from barenet.interrupts import came
from barenet.nn.mlp import MLP
from barenet.notes import logger
from barenet.run_folders.checkpoint import ModelInfo, write_model
from barenet.run_folders.folder import RunFolder, seed_folders
from barenet.run_folders.machine import write_machine
from barenet.storage.files import our_errors
from barenet.storage.history import read_history
from barenet.training.records import EpochRecord
from barenet.training.trainer import Trainer

__all__ = ["RunFiles"]

SHARE = 0.005  # share of the training time for checkpoints between epochs


@dataclass
class Saved:
    """The last checkpoint of a network: how many steps it holds, when it was written, and how long that took."""

    n_steps: int
    at: float = 0.0
    seconds: float = 0.0


class RunFiles:
    """The files of a run in training; without a folder nothing is written, and only `histories` grow.

    behind: the networks that could not be saved last time, and why. owed: for each network, the records and weights
    (1, P) of epochs that are not written yet. saved: the last checkpoint of each network.
    """

    def __init__(self, config: Config, trainer: Trainer, folder: Path | None) -> None:
        self.config, self.trainer, self.folder = config, trainer, folder
        self.behind: dict[int, MachineError] = {}
        self.owed: list[dict[int, tuple[EpochRecord, NDArray[np.floating]]]] = [{} for _ in trainer.configs]
        self.saved = [Saved(int(state.n_steps[0])) for state in trainer.states]
        self.folders: list[RunFolder | None] = [None] * len(trainer.configs)
        if folder is not None:
            self.folders = [*seed_folders(folder, trainer.configs)]
            trainer.pause = self.write_inside
        self.histories: list[list[EpochRecord]] = [
            [] if one is None else read_history(one.history).records for one in self.folders
        ]

    def write_start(self) -> None:
        """Write the settings, the weights before the first step, a state to resume from, and the machine."""
        self.write_configs()
        for network, folder in enumerate(self.folders):
            if folder is not None:
                state = self.trainer.states[network]
                write_model(folder.path / "initial.safetensors", self.info(network, 0), self.named(state.values))
                self.write_last(folder, network, state)
                if self.trainer.data.teacher is not None:
                    folder.write_teacher(self.trainer.data.teacher)
        self.write_machine()

    def write_configs(self) -> None:
        """Write the settings of the run and of each network."""
        if self.folder is not None:
            RunFolder(self.folder).write_config(self.config)
        for config, folder in zip(self.trainer.configs, self.folders, strict=True):
            if folder is not None:
                folder.path.mkdir(exist_ok=True)
                folder.write_config(config)

    def write_machine(self) -> None:
        """Write the machine on which the networks train now, and note if it differs from the one before."""
        said = [
            write_machine(folder.path, self.config.trainer.engine, int(state.n_steps[0]))
            for folder, state in zip(self.folders, self.trainer.states, strict=True)
            if folder is not None
        ]
        words = next((sentence for sentence in said if sentence is not None), None)
        if words is not None:
            logger.info(words)

    def write(self, record: EpochRecord) -> None:
        """Write the results of an epoch of one network."""
        network, state = record.network, self.trainer.states[record.network]
        self.histories[network].append(record)
        # A network that diverged in this epoch keeps the state before the epoch.
        if self.folder is not None and int(state.epoch[0]) == record.epoch and record.epoch in state.best_epochs[0]:
            evaluated = state.evaluated(self.trainer.architecture)
            owed = {**self.owed[network], record.epoch: (record, evaluated)}
            self.owed[network] = {epoch: one for epoch, one in owed.items() if epoch in state.best_epochs[0]}
        self.save(network, partial(self.write_epoch, record=record))

    def write_inside(self, network: int, state: TrainingState) -> None:
        """Write the state of a network inside an epoch."""
        self.save(network, partial(self.write_last, network=network, state=state))

    def save(self, network: int, write: Callable[[RunFolder], None]) -> None:
        """Write files of a network; if that fails, training continues, and all files are written next time."""
        folder = self.folders[network]
        if folder is None:
            return
        try:
            with our_errors(folder.path):
                if network in self.behind:
                    self.write_whole(folder, network)
                write(folder)
        except MachineError as error:
            if not self.behind:
                logger.info(f"{error}: training goes on, and saving is tried again at the next checkpoint")
            self.behind[network] = error
        else:
            if self.behind.pop(network, None) is not None and not self.behind:
                logger.info(f"{self.folder} is saved again, and nothing is lost")

    def write_rest(self) -> None:
        """Write, at the end, everything that is not written yet, but no epoch without a record."""
        for network, (saved, state) in enumerate(zip(self.saved, self.trainer.states, strict=True)):
            recorded = self.histories[network][-1].epoch if self.histories[network] else 0
            is_new = saved.n_steps < int(state.n_steps[0]) and int(state.epoch[0]) <= recorded
            if network in self.behind or is_new:
                self.save(network, partial(self.write_state, network=network))

    def is_due(self, network: int) -> bool:
        """Whether a checkpoint is written after an epoch of a network."""
        saved = self.saved[network]
        wait = min(self.trainer.pause_seconds, saved.seconds * len(self.folders) / SHARE)
        ends = self.trainer.stopped[network] is not None or came() is not None
        return ends or network in self.behind or time.perf_counter() - saved.at >= wait

    def write_epoch(self, folder: RunFolder, record: EpochRecord) -> None:
        """Write the record of an epoch, the weights if they are among the best, and the state where that is due."""
        network = record.network
        if network not in self.behind:  # otherwise `write_whole` has written it
            folder.append(record)
        if int(self.trainer.states[network].epoch[0]) != record.epoch:
            return  # the network diverged in this epoch, and keeps the state before the epoch
        self.write_weights(folder, network)
        if self.is_due(network):
            self.write_state(folder, network)

    def write_weights(self, folder: RunFolder, network: int) -> None:
        """Write the weights in `owed`."""
        best_epoch = self.trainer.states[network].best_epochs[0, 0]
        for epoch, (record, values) in list(self.owed[network].items()):
            also = folder.best if epoch == best_epoch else None
            write_model(folder.epoch(epoch), self.info(network, epoch, record), self.named(values), also=also)
            del self.owed[network][epoch]

    def write_whole(self, folder: RunFolder, network: int) -> None:
        """Write the whole history again, and the weights in `owed`, after a failed saving."""
        folder.write_history(self.histories[network])
        self.write_weights(folder, network)

    def write_state(self, folder: RunFolder, network: int) -> None:
        """Write the state between two epochs, and delete weights that are no longer among the best."""
        state = self.trainer.states[network]
        self.write_last(folder, network, state)
        folder.drop_outdated(state.best_epochs[0])

    def write_last(self, folder: RunFolder, network: int, state: TrainingState) -> None:
        """Write everything that a network needs to continue; the last checkpoint is kept as the previous one."""
        epoch, started = int(state.epoch[0]), time.perf_counter()
        record = next((one for one in self.histories[network][-1:] if one.epoch == epoch and not state.n_begun), None)
        info = replace(self.info(network, epoch, record), step=int(state.n_steps[0]))
        evaluated = self.named(state.evaluated(self.trainer.architecture))
        write_model(folder.last, info, evaluated, state, previous=folder.previous)
        now = time.perf_counter()
        self.saved[network] = Saved(int(state.n_steps[0]), now, now - started)

    def named(self, values: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
        """Return the parameters (1, P) of one network by name."""
        return self.template().parameters.named(values[0])

    def template(self) -> MLP:
        """Return a network of the run's architecture whose weights are not set."""
        return FastMLP.from_architecture(self.trainer.architecture, initializer=None, loss=self.trainer.loss)

    def info(self, network: int, epoch: int, record: EpochRecord | None = None) -> ModelInfo:
        """Return the description of a network after `epoch`, for a model file."""
        metrics = {}
        if record is not None and record.valid_loss is not None and record.valid_accuracy is not None:
            metrics = {"validation_loss": record.valid_loss, "validation_accuracy": record.valid_accuracy}
        return ModelInfo(
            architecture=self.trainer.architecture.as_dicts(),
            loss=self.trainer.loss.name,
            label_smoothing=self.config.model.label_smoothing,
            image_shape=list(self.trainer.data.image_shape),
            scale=self.trainer.data.scale,
            input_dtype=str(self.trainer.data.images.dtype),
            class_names=list(self.trainer.data.class_names),
            epoch=epoch,
            step=epoch * self.trainer.n_steps,
            seed=self.trainer.configs[network].trainer.seed,
            data_name=self.trainer.data.name,
            data_fingerprint=self.trainer.data.fingerprint,
            metrics=metrics,
            settings=self.trainer.configs[network].as_tables(),
            preprocessing=self.trainer.data.preprocessing,
        )

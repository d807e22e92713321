"""A run from its settings to its test results, its folder filled as training goes."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.engine.network import FastMLP
from barenet.engine.threads import one_blas_thread
from barenet.errors import DivergedError, MachineError
from barenet.nn.mlp import MLP
from barenet.run_folders.checkpoint import ModelInfo, SavedModel, read_model, write_model
from barenet.run_folders.folder import RunFolder, create_run, lock_run, seed_folders
from barenet.run_folders.machine import write_machine
from barenet.run_folders.observer import Observer
from barenet.run_folders.results import NetworkResult, RunResult, judge_network, write_verdict
from barenet.run_folders.scores import average_scores, score_model, write_scores
from barenet.training.preparation import Custom, prepare
from barenet.training.records import EpochRecord, read_history, training_seconds
from barenet.training.trainer import Trainer

__all__ = ["Run", "network_configs", "start_run"]


def start_run(
    config: Config,
    dataset: Dataset,
    *,
    output: Path | None,
    name: str | None = None,
    prefix: str = "quick",
    custom: Custom | None = None,
    observer: Observer | None = None,
) -> RunResult:
    """Train, validate, save and test; `output=None` keeps everything in memory.

    Raises:
        ConfigError, DataError, RunError: before anything is written.
        DivergedError: every network was lost; what was best before that is in the folder.
    """
    observer = observer or Observer()
    resolved, data = prepare(config, dataset, custom=custom, note=observer.note)
    trainer = Trainer(network_configs(resolved), data, custom=custom, progress=observer.progress)
    folder = None if output is None else create_run(output, name, prefix)
    with nullcontext() if folder is None else lock_run(folder):
        run = Run(resolved, dataset, trainer, folder, observer)
        try:
            run.write_start()
        except (MachineError, KeyboardInterrupt):
            # Nothing is trained yet: a folder that cannot be gone on with would only be in the way.
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return run.train()


def network_configs(config: Config) -> list[Config]:
    """Return the settings of each network: seed, seed + 1, ..."""
    first = config.trainer.seed
    return [config.with_values(trainer__seed=first + i, trainer__n_seeds=1) for i in range(config.trainer.n_seeds)]


class Run:
    """The training of one run, writing its folder as it goes."""

    def __init__(
        self, config: Config, dataset: Dataset, trainer: Trainer, folder: Path | None, observer: Observer
    ) -> None:
        self.config, self.dataset, self.trainer = config, dataset, trainer
        self.folder, self.observer = folder, observer
        self.folders: list[RunFolder | None] = [None] * len(trainer.configs)
        if folder is not None:
            self.folders = [*seed_folders(folder, trainer.configs)]
        self.histories: list[list[EpochRecord]] = [
            read_history(f.history) if f is not None and f.history.exists() else [] for f in self.folders
        ]

    def write_start(self) -> None:
        """Write the settings, the weights before the first step, a state to resume from, and the machine."""
        self.write_configs()
        for network, folder in enumerate(self.folders):
            if folder is not None:
                state = self.trainer.states[network]
                write_model(folder.path / "initial.safetensors", self.info(network, 0), self.named(state.values))
                self.write_last(network)
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
        """Write which machine the networks train on from here."""
        write_machine(folder.path for folder in self.folders if folder is not None)

    def train(self) -> RunResult:
        """Train to the end, test, and return what came of it."""
        self.observer.start(self.folder, self.config, self.trainer)
        for record in self.trainer:
            self.write(record)
            self.observer.record(record)
        return self.finish()

    def write(self, record: EpochRecord) -> None:
        """Write what an epoch of one network gave: its record, its weights if they are among the best, its state."""
        network = record.network
        self.histories[network].append(record)
        folder = self.folders[network]
        if folder is None:
            return
        folder.append(record)
        state = self.trainer.states[network]
        if int(state.epoch[0]) != record.epoch:
            return  # the network was lost in this epoch, and keeps the state it had before
        kept = [int(epoch) for epoch in state.best_epochs[0] if epoch >= 0]
        if record.epoch in kept:
            named, info = self.named(state.evaluated), self.info(network, record.epoch, record)
            write_model(folder.epoch(record.epoch), info, named)
            if record.is_best:
                write_model(folder.best, info, named)
        self.write_last(network, record)
        self.drop_outdated(network)

    def drop_outdated(self, network: int) -> None:
        """Delete weights that are not, or no longer, among a network's best."""
        folder, state = self.folders[network], self.trainer.states[network]
        if folder is not None:
            kept = {folder.epoch(int(epoch)) for epoch in state.best_epochs[0]}
            for path in set(folder.path.glob("epoch-*.safetensors")) - kept:
                path.unlink()

    def write_last(self, network: int, record: EpochRecord | None = None) -> None:
        """Write everything that a network needs to go on."""
        folder, state = self.folders[network], self.trainer.states[network]
        if folder is not None:
            info = self.info(network, int(state.epoch[0]), record)
            write_model(folder.last, info, self.named(state.evaluated), state)

    def named(self, values: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
        """Return the parameters (1, P) of one network by name."""
        return self.template().parameters.named(values[0])

    def template(self) -> MLP:
        """Return a network of the run's architecture whose weights are yet to be filled in."""
        return FastMLP.from_architecture(self.trainer.architecture, initializer=None, loss=self.trainer.loss)

    def info(self, network: int, epoch: int, record: EpochRecord | None = None) -> ModelInfo:
        """Return what a model file says of a network after `epoch`."""
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

    def finish(self) -> RunResult:
        """Test each network's best weights, write what they give, and return the result of the run."""
        lost = [str(stop) for stop in self.trainer.stopped if stop is not None and stop.kind == "diverged"]
        if len(lost) == len(self.trainer.configs):
            has_best = self.folder is not None and any(f is not None and f.best.exists() for f in self.folders)
            kept = f"; what was best before is in {self.folder}" if has_best else ""
            raise DivergedError(f"training {lost[0]}{kept}; try a smaller learning_rate or l2, or a clip_norm")
        with one_blas_thread():
            networks = [
                self.result_of(i) for i in range(len(self.folders)) if self.trainer.states[i].best_epochs[0, 0] >= 0
            ]
        scores = [network.scores for network in networks if network.scores is not None]
        ensemble = None
        if len(scores) > 1 and self.dataset.test_labels is not None:
            ensemble = average_scores(scores, self.dataset.test_labels, self.trainer.data.class_names)
        parameters = self.template().parameters.size
        seconds = training_seconds(self.histories)
        result = RunResult(self.folder, self.config, networks, lost, ensemble, seconds, parameters)
        if self.folder is not None and ensemble is not None:
            write_scores(self.folder, {**result.as_dict(), "ensemble": ensemble.as_dict()}, ensemble.probabilities)
        return result

    def result_of(self, network: int) -> NetworkResult:
        """Return what one network came to, and write its test.json and learning.json."""
        folder, state = self.folders[network], self.trainer.states[network]
        mlp, info = self.template(), self.info(network, int(state.best_epochs[0, 0]))
        mlp.parameters.values[...] = state.best_values[0]
        model = SavedModel(mlp, info, self.trainer.loss, Path("memory") if folder is None else folder.best)
        scores = score_model(model, self.dataset) if self.dataset.test_images is not None else None
        if folder is not None and scores is not None:
            write_scores(folder.path, scores.as_dict(), scores.probabilities)
        verdict = judge_network(self.trainer, network, mlp, self.histories[network])
        if folder is not None:
            write_verdict(folder.path, verdict, self.histories[network])
        metrics, stop = self.best_metrics(network, info.epoch), self.trainer.stopped[network]
        assert stop is not None  # all networks train to their ends before one is tested
        return NetworkResult(
            seed=self.trainer.configs[network].trainer.seed,
            folder=None if folder is None else folder.path,
            best_epoch=info.epoch,
            validation_accuracy=metrics["validation_accuracy"],
            validation_loss=metrics["validation_loss"],
            scores=scores,
            model=model,
            history=self.histories[network],
            stopped=stop,
            verdict=verdict,
        )

    def best_metrics(self, network: int, epoch: int) -> dict[str, float]:
        """Return what validation gave in the best epoch: from its record, or its weights if a crash took the record."""
        record = next((r for r in self.histories[network] if r.epoch == epoch), None)
        if record is not None:
            return self.info(network, epoch, record).metrics
        folder = self.folders[network]
        assert folder is not None
        return read_model(folder.best, self.trainer.custom.activations, self.trainer.custom.loss).info.metrics

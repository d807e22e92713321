"""A run from its settings to its test results; its folder is filled during training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from barenet.config.tables import Config
from barenet.config.wording import in_python
from barenet.data.datasets import Dataset
from barenet.engine.making import settle_engine
from barenet.engine.threads import one_blas_thread
from barenet.errors import DivergedError, MachineError
from barenet.interrupts import check
from barenet.messages import as_typed
from barenet.notes import held_back, logger
from barenet.run_folders.checkpoint import SavedModel, read_model
from barenet.run_folders.folder import new_run
from barenet.run_folders.observer import Observer
from barenet.run_folders.results import NetworkResult, RunResult, judge_network, write_verdict
from barenet.run_folders.scores import average_scores, score_model, write_scores
from barenet.run_folders.writing import RunFiles
from barenet.storage.files import our_errors
from barenet.training.learning.remedies import after_divergence
from barenet.training.preparation import Custom, prepare
from barenet.training.records import training_seconds
from barenet.training.setting_notes import schedule_notes
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
        DivergedError: every network diverged; the best weights before that are in the folder.
    """
    observer = observer or Observer()
    resolved, data = prepare(config, dataset, custom=custom)
    resolved = settle_engine(resolved)
    notes = list(schedule_notes(resolved, data.n_train))
    for sentence in notes if observer.takes_flags else in_python(notes):
        logger.info(sentence)
    trainer = Trainer(network_configs(resolved), data, custom=custom, progress=observer.progress)
    check()
    if output is None:
        return Run(resolved, dataset, trainer, None, observer).train()
    # The folder has a hidden name until it is complete: so a killed process leaves no run that cannot be resumed.
    with our_errors(output), new_run(output, name, prefix) as new:
        Run(resolved, dataset, trainer, new.path, observer).files.write_start()
        return Run(resolved, dataset, trainer, new.publish(), observer).train()


def network_configs(config: Config) -> list[Config]:
    """Return the settings of each network: seed, seed + 1, ..."""
    first = config.trainer.seed
    return [config.with_values(trainer__seed=first + i, trainer__n_seeds=1) for i in range(config.trainer.n_seeds)]


class Run:
    """The training and the test of one run."""

    def __init__(
        self, config: Config, dataset: Dataset, trainer: Trainer, folder: Path | None, observer: Observer
    ) -> None:
        self.config, self.dataset, self.trainer = config, dataset, trainer
        self.folder, self.observer = folder, observer
        self.files = RunFiles(config, trainer, folder)
        self.test_unsaved: MachineError | None = None

    def train(self) -> RunResult:
        """Train to the end, test, and return the result."""
        self.observer.start(self.folder, self.config, self.trainer)
        try:
            for record in self.trainer:
                self.files.write(record)
                self.observer.record(record)
        finally:  # also after an error, so that the run can continue from its last state
            self.files.write_rest()
        return self.finish()

    def finish(self) -> RunResult:
        """Test each network's best weights, write the results, and return the result of the run."""
        lost = [str(stop) for stop in self.trainer.stopped if stop is not None and stop.kind == "diverged"]
        if len(lost) == len(self.trainer.configs):
            has_best = self.folder is not None and any(f is not None and f.best.exists() for f in self.files.folders)
            kept = f"; the best weights before that are in {self.folder}" if has_best else ""
            advice = self.worded([f"try {', or '.join(after_divergence(self.config))}"])
            raise DivergedError(f"training {lost[0]}{kept}; {advice[0]}")
        with one_blas_thread():
            networks = [
                self.result_of(i)
                for i in range(len(self.files.folders))
                if self.trainer.states[i].best_epochs[0, 0] >= 0
            ]
        scores = [network.scores for network in networks if network.scores is not None]
        ensemble = None
        if len(scores) > 1 and self.dataset.test_labels is not None:
            ensemble = average_scores(scores, self.dataset.test_labels, self.trainer.data.class_names)
        parameters = self.files.template().parameters.size
        seconds = training_seconds(self.files.histories)
        result = RunResult(self.folder, self.config, networks, lost, ensemble, seconds, parameters)
        if self.folder is not None and ensemble is not None:
            figures = {**result.as_dict(), "ensemble": ensemble.as_dict()}
            self.try_to_write(partial(write_scores, self.folder, figures, ensemble.probabilities))
        return replace(result, unsaved=self.describe_unsaved())

    def worded(self, sentences: list[str]) -> list[str]:
        """Return advice with flags or with keywords of Python, as the observer wants."""
        return sentences if self.observer.takes_flags else in_python(sentences)

    def try_to_write(self, write: Callable[[], None]) -> None:
        """Write test results; if that fails, keep the error, so that the result is still returned."""
        try:
            write()
        except MachineError as error:
            self.test_unsaved = error

    def describe_unsaved(self) -> str | None:
        """Return what could not be written, why, and how to write it; None if everything is written."""
        errors = [*self.files.behind.values(), self.test_unsaved]
        first = next((error for error in errors if error is not None), None)
        if first is None:
            return None
        what = "its last epochs" if self.files.behind else "its test results"
        again = f"barenet train --resume {as_typed(self.folder or '')}"
        return f"{first}: {what} are not saved; make room, and write them by: {again}"

    def result_of(self, network: int) -> NetworkResult:
        """Return the result of one network, and write its test.json and learning.json."""
        folder, state = self.files.folders[network], self.trainer.states[network]
        mlp, info = self.files.template(), self.files.info(network, int(state.best_epochs[0, 0]))
        mlp.parameters.values[...] = state.best_values[0]
        model = SavedModel(mlp, info, self.trainer.loss, Path("memory") if folder is None else folder.best)
        with held_back():
            scores = score_model(model, self.dataset) if self.dataset.test_images is not None else None
        if folder is not None and scores is not None:
            self.try_to_write(partial(write_scores, folder.path, scores.as_dict(), scores.probabilities))
        verdict = judge_network(self.trainer, network, mlp, self.files.histories[network])
        if folder is not None:
            self.try_to_write(partial(write_verdict, folder.path, verdict, self.files.histories[network]))
        metrics, stop = self.best_metrics(network, info.epoch), self.trainer.stopped[network]
        assert stop is not None  # no network is tested before all have stopped
        return NetworkResult(
            seed=self.trainer.configs[network].trainer.seed,
            folder=None if folder is None else folder.path,
            best_epoch=info.epoch,
            validation_accuracy=metrics["validation_accuracy"],
            validation_loss=metrics["validation_loss"],
            scores=scores,
            model=model,
            history=self.files.histories[network],
            stopped=stop,
            verdict=replace(verdict, advice=self.worded(verdict.advice)),
        )

    def best_metrics(self, network: int, epoch: int) -> dict[str, float]:
        """Return the validation figures of the best epoch: from its record, or its weights if the record is lost."""
        record = next((r for r in self.files.histories[network] if r.epoch == epoch), None)
        if record is not None:
            return self.files.info(network, epoch, record).metrics
        folder = self.files.folders[network]
        assert folder is not None
        return read_model(folder.best, self.trainer.custom.activations, self.trainer.custom.loss).info.metrics

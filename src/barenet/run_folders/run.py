"""A run from its settings to its test results, its folder filled as training goes."""

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
from barenet.training.remarks import schedule_remarks
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
    resolved = settle_engine(resolved, observer.note)
    remarks = list(schedule_remarks(resolved, data.n_train))
    for sentence in remarks if observer.takes_flags else in_python(remarks):
        observer.note(sentence)
    trainer = Trainer(network_configs(resolved), data, custom=custom, progress=observer.progress)
    check()
    if output is None:
        return Run(resolved, dataset, trainer, None, observer).train()
    # Complete under a hidden name: a process that is killed before leaves nothing that could not be gone on with.
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
        self.files = RunFiles(config, trainer, folder, observer.note)
        self.test_unsaved: MachineError | None = None

    def train(self) -> RunResult:
        """Train to the end, test, and return what came of it."""
        self.observer.start(self.folder, self.config, self.trainer)
        try:
            for record in self.trainer:
                self.files.write(record)
                self.observer.record(record)
        finally:  # whatever ends training, what was reached is there to go on from
            self.files.write_rest()
        return self.finish()

    def finish(self) -> RunResult:
        """Test each network's best weights, write what they give, and return the result of the run."""
        lost = [str(stop) for stop in self.trainer.stopped if stop is not None and stop.kind == "diverged"]
        if len(lost) == len(self.trainer.configs):
            has_best = self.folder is not None and any(f is not None and f.best.exists() for f in self.files.folders)
            kept = f"; what was best before is in {self.folder}" if has_best else ""
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
        """Return advice in the words of whoever watches: flags, or keywords of Python."""
        return sentences if self.observer.takes_flags else in_python(sentences)

    def try_to_write(self, write: Callable[[], None]) -> None:
        """Write what the test gave; where that fails, the result is still returned."""
        try:
            write()
        except MachineError as error:
            self.test_unsaved = error

    def describe_unsaved(self) -> str | None:
        """Return what of the run could not be written and why, and how to go on; None if all is written."""
        errors = [*self.files.behind.values(), self.test_unsaved]
        first = next((error for error in errors if error is not None), None)
        if first is None:
            return None
        what = "its last epochs" if self.files.behind else "its test results"
        again = f"barenet train --resume {as_typed(self.folder or '')}"
        return f"{first}: {what} are not saved; make room, and write them by: {again}"

    def result_of(self, network: int) -> NetworkResult:
        """Return what one network came to, and write its test.json and learning.json."""
        folder, state = self.files.folders[network], self.trainer.states[network]
        mlp, info = self.files.template(), self.files.info(network, int(state.best_epochs[0, 0]))
        mlp.parameters.values[...] = state.best_values[0]
        model = SavedModel(mlp, info, self.trainer.loss, Path("memory") if folder is None else folder.best)
        scores = score_model(model, self.dataset) if self.dataset.test_images is not None else None
        if folder is not None and scores is not None:
            self.try_to_write(partial(write_scores, folder.path, scores.as_dict(), scores.probabilities))
        verdict = judge_network(self.trainer, network, mlp, self.files.histories[network])
        if folder is not None:
            self.try_to_write(partial(write_verdict, folder.path, verdict, self.files.histories[network]))
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
            history=self.files.histories[network],
            stopped=stop,
            verdict=replace(verdict, advice=self.worded(verdict.advice)),
        )

    def best_metrics(self, network: int, epoch: int) -> dict[str, float]:
        """Return what validation gave in the best epoch: from its record, or its weights if a crash took the record."""
        record = next((r for r in self.files.histories[network] if r.epoch == epoch), None)
        if record is not None:
            return self.files.info(network, epoch, record).metrics
        folder = self.files.folders[network]
        assert folder is not None
        return read_model(folder.best, self.trainer.custom.activations, self.trainer.custom.loss).info.metrics

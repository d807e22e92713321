"""The networks of a run or an ensemble, and the results of their average on images that they were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.analysis.images import Source, find_images, find_test
from barenet.analysis.saved_run import SavedRun, need, read_records
from barenet.analysis.shared_time import share_time
from barenet.config.tables import Config
from barenet.nn import Activation, Loss
from barenet.pages.reports.held_out_results import (
    HeldOutResults,
    Thumbnails,
    find_results,
    results_of_confusion,
)
from barenet.run_folders.checkpoint import SavedModel, read_model
from barenet.run_folders.finding import is_ensemble
from barenet.run_folders.folder import RunFolder, network_folders
from barenet.run_folders.going_on.resuming import stored_config
from barenet.run_folders.loading import load_models
from barenet.run_folders.results import read_verdict
from barenet.run_folders.scores import read_scores
from barenet.storage.ensembles import read_members
from barenet.storage.history import read_history
from barenet.training.evaluation import plain
from barenet.training.learning.measurement import is_beyond_chance, measure_counts
from barenet.training.learning.verdict import Verdict
from barenet.training.records import EpochRecord

__all__ = ["Network", "RunSummary", "read_run_summary", "results_from_file", "results_of_average"]


@dataclass(frozen=True)
class Network:
    """One network of a run: its records, its best weights, if it has any, and the content of its test.json.

    sharing: words about the networks with which it shares the seconds of its records, or "". source: the run of a
    member of an ensemble.
    """

    history: list[EpochRecord]
    model: SavedModel | None
    result: dict[str, Any] | None
    verdict: Verdict | None = None
    problems: list[str] = field(default_factory=list)
    sharing: str = ""
    source: str = ""

    @property
    def learned(self) -> bool:
        """Whether it learned anything, by its run's verdict, or by its test results in runs of earlier versions."""
        if self.verdict is not None:
            return self.verdict.learned
        if self.result is None or self.model is None:
            return True
        confusion = np.array(self.result["confusion_matrix"], np.int64)
        found = measure_counts(confusion, self.result["test_loss"], plain(self.model.loss))
        return not found.is_enough or is_beyond_chance(found)


@dataclass(frozen=True)
class RunSummary:
    """A run or an ensemble for a page: its networks, and the results of their average.

    config: for an ensemble, that of its first member. probabilities: (n, C) for the test images, those of the average
    if there are several networks. scores: the content of test.json about the same.
    """

    name: str
    config: Config
    networks: list[Network]
    probabilities: NDArray[np.float32] | None
    scores: dict[str, Any] | None
    path: Path
    is_ensemble: bool = False

    @property
    def models(self) -> list[SavedModel]:
        """The best weights of all networks that have some."""
        return [network.model for network in self.networks if network.model is not None]

    @property
    def data_fingerprint(self) -> str:
        """The fingerprint of the data that it was trained on."""
        return self.models[0].info.data_fingerprint if self.models else ""

    @property
    def member_settings(self) -> list[tuple[str, Config]]:
        """The settings of each member of an ensemble, by its folder's name."""
        return [(model.path.parent.name, stored_config(model.path.parent)) for model in self.models]

    @property
    def shares_validation(self) -> bool:
        """Whether its networks held out the same images for validation."""
        splits = {
            (
                model.info.data_fingerprint,
                *(model.info.settings["data"].get(name) for name in ("n_valid", "split_seed")),
            )
            for model in self.models
        }
        return not self.is_ensemble or len(splits) == 1

    def validation(self, what: str) -> list[float]:
        """Return validation "accuracy" or "loss" of each network's best epoch."""
        return [model.info.metrics[f"validation_{what}"] for model in self.models]


def read_run_summary(path: Path, name: str, activations: Sequence[Activation], loss: Loss | None) -> RunSummary:
    """Return one run with all its networks, or one ensemble with all its members."""
    if is_ensemble(path):
        return read_ensemble(path, name, activations, loss)
    networks = [read_network(folder, activations, loss) for folder in network_folders(path)]
    results, probabilities = read_scores(path) or (None, None)
    scores = results if len(networks) == 1 else (results or {}).get("ensemble")
    return RunSummary(name, stored_config(path), networks, probabilities, scores, path)


def read_network(folder: Path, activations: Sequence[Activation], loss: Loss | None) -> Network:
    """Return one network of a run, or raise RunError for a file that is missing."""
    files = RunFolder(folder)
    for name in ("config.toml", "last.safetensors"):
        need(folder, name)
    history = read_records(files)
    shared = share_time(folder, history.records)
    model = read_model(files.best, activations, loss) if files.best.exists() else None
    result, _ = read_scores(folder) or (None, None)
    verdict = read_verdict(folder, history.records)
    problems = history.problems(model.info.epoch if model else None)
    return Network(shared.history, model, result, verdict, problems, shared.short)


def read_ensemble(path: Path, name: str, activations: Sequence[Activation], loss: Loss | None) -> RunSummary:
    """Return an ensemble; a member that came from a single model file has no history."""
    networks = []
    for member, model in zip(read_members(path), load_models(path, activations, loss), strict=True):
        folder = model.path.parent
        history = read_history(RunFolder(folder).history)
        result, _ = read_scores(folder) or (None, None)
        verdict, problems = read_verdict(folder, history.records), history.problems()
        networks.append(Network(history.records, model, result, verdict, problems, source=member.source))
    results, probabilities = read_scores(path) or (None, None)
    first = stored_config(network_folders(path)[0])
    return RunSummary(name, first, networks, probabilities, results, path, is_ensemble=True)


def results_of_average(run: RunSummary, dataset: Source | None, notes: list[str]) -> HeldOutResults | None:
    """Return the results of the average of a run's networks, or None if there are none."""
    if not run.models:
        return None
    first = run.models[0]
    data, validation = find_images(first, run.config, dataset, notes)
    if not run.shares_validation:  # some members were trained on validation images of others
        validation = None
    saved = SavedRun(
        *(run.path, first, first.mlp, True, run.config, [], data, validation, find_test(first, data)),
        results=run.scores,
        test_probabilities=run.probabilities,
    )
    return find_results(saved, Thumbnails(saved), run.models)


def results_from_file(run: RunSummary) -> HeldOutResults | None:
    """Return the results in a run's test.json, of its network or its average; None before a test."""
    if run.scores is None or not run.models:
        return None
    confusion = np.array(run.scores["confusion_matrix"], np.int64)
    return results_of_confusion("test", confusion, run.scores["test_loss"], run.models[0].info.class_names)

"""What a run or an ensemble brings to a page: its networks, and how their average did on images not trained on."""

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
from barenet.pages.reports.judgement import Judgement, Thumbnails, judge, judgement_of
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

__all__ = ["Contestant", "Network", "judge_average", "judge_by_file", "read_contestant"]


@dataclass(frozen=True)
class Network:
    """One network of a run: its records, its best weights unless it was lost before, and what its test.json holds.

    sharing: in words, whose the seconds of its records are; empty where they are all its. source: of a member of an
    ensemble, where it comes from.
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
        """Whether it learned anything: as its run wrote, or in one of an earlier version as its test results tell."""
        if self.verdict is not None:
            return self.verdict.learned
        if self.result is None or self.model is None:
            return True
        confusion = np.array(self.result["confusion_matrix"], np.int64)
        found = measure_counts(confusion, self.result["test_loss"], plain(self.model.loss))
        return not found.is_enough or is_beyond_chance(found)


@dataclass(frozen=True)
class Contestant:
    """A run in a comparison: one network, or several seeds; or an ensemble.

    config: of an ensemble, that of its first member. probabilities: (n, C) of the test images, the average's where
    there are several networks. scores: what its test.json holds of the same.
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
        """The best weights of the networks that have any."""
        return [network.model for network in self.networks if network.model is not None]

    @property
    def data_fingerprint(self) -> str:
        """Which images it was trained on."""
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


def read_contestant(path: Path, name: str, activations: Sequence[Activation], loss: Loss | None) -> Contestant:
    """Return one run, with all its networks, or one ensemble, with all its members."""
    if is_ensemble(path):
        return read_ensemble(path, name, activations, loss)
    networks = [read_network(folder, activations, loss) for folder in network_folders(path)]
    results, probabilities = read_scores(path) or (None, None)
    scores = results if len(networks) == 1 else (results or {}).get("ensemble")
    return Contestant(name, stored_config(path), networks, probabilities, scores, path)


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


def read_ensemble(path: Path, name: str, activations: Sequence[Activation], loss: Loss | None) -> Contestant:
    """Return an ensemble; a member that was a model file alone has no history."""
    networks = []
    for member, model in zip(read_members(path), load_models(path, activations, loss), strict=True):
        folder = model.path.parent
        history = read_history(RunFolder(folder).history)
        result, _ = read_scores(folder) or (None, None)
        verdict, problems = read_verdict(folder, history.records), history.problems()
        networks.append(Network(history.records, model, result, verdict, problems, source=member.source))
    results, probabilities = read_scores(path) or (None, None)
    first = stored_config(network_folders(path)[0])
    return Contestant(name, first, networks, probabilities, results, path, is_ensemble=True)


def judge_average(run: Contestant, dataset: Source | None, notes: list[str]) -> Judgement | None:
    """Return how the average of a run's networks did, as the page of one network tells it; None if unknown."""
    if not run.models:
        return None
    first = run.models[0]
    data, validation = find_images(first, run.config, dataset, notes)
    if not run.shares_validation:  # what one held out, another was trained on
        validation = None
    saved = SavedRun(
        *(run.path, first, first.mlp, True, run.config, [], data, validation, find_test(first, data)),
        results=run.scores,
        test_probabilities=run.probabilities,
    )
    return judge(saved, Thumbnails(saved), run.models)


def judge_by_file(run: Contestant) -> Judgement | None:
    """Return what a run's test.json alone tells of it, or of its average; None before a test."""
    if run.scores is None or not run.models:
        return None
    confusion = np.array(run.scores["confusion_matrix"], np.int64)
    return judgement_of("test", confusion, run.scores["test_loss"], run.models[0].info.class_names)

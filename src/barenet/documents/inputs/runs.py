"""A run or an ensemble of barenet as a `Work`, read from its files; nothing is tested again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.analysis.images import Source, is_other
from barenet.analysis.learning import verdict_of
from barenet.analysis.saved_run import SavedRun, is_seeds, read_saved_run
from barenet.data.datasets import CARRIED_FINGERPRINT
from barenet.data.splits import resolve_n_valid
from barenet.documents.inputs.work import DataFacts, Work, facts_of
from barenet.messages import as_typed
from barenet.nn import Activation, Loss
from barenet.notes import held_back
from barenet.pages.reports.report import check_run
from barenet.pages.reports.untested import untested_words
from barenet.plots.inspection import choose_network
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.finding import is_ensemble, name_of_run
from barenet.run_folders.loading import load_models
from barenet.run_folders.scores import read_scores

__all__ = ["read_run"]


def read_run(path: Path, dataset: Source | None, activations: Sequence[Activation], loss: Loss | None) -> Work:
    """Return a run; of several seeds or members, the network that is best on validation, and all scores.

    Raises RunError, CheckpointError, DataError: see `read_saved_run`.
    """
    path = check_run(path)
    chosen = choose_network(path)
    saved = read_saved_run(chosen, dataset=dataset, activations=activations, loss=loss)
    scores, shares, is_average = saved.results, saved.test_probabilities, is_ensemble(path)
    if is_average:
        scores, shares = read_scores(path) or (None, None)
    verdict = verdict_of(saved)
    models = load_models(path, activations, loss) if is_seeds(path) else []
    return Work(
        name=name_of_run(path),
        path=path,
        mlp=saved.model.mlp,
        initial=None if saved.is_redrawn else saved.initial,
        data=data_of(saved),
        config=saved.config,
        history=saved.history,
        best_epoch=saved.best_epoch,
        scores=scores,
        right=right_of(saved, shares),
        seeds=seeds_of(models),
        is_average=is_average,
        n_parameters=sum(m.mlp.parameters.size for m in models) if is_average else saved.model.mlp.parameters.size,
        machine=saved.machine,
        commands=[] if is_average else [command_of(path, saved)],
        notes=[*saved.notes, *([f"training was lost: {saved.lost}"] if saved.lost else [])],
        lacks=lacks_of(path, saved, scores),
        picture_shape=saved.picture_shape,
        learned=verdict is None or verdict.learned,
        scale=saved.model.info.scale,
    )


def data_of(saved: SavedRun) -> DataFacts:
    """Return the facts of the data that a run was trained on, from the data or, without them, from the model's file."""
    info, data = saved.model.info, saved.data
    if data is None or is_other(saved.model, data):
        return DataFacts(info.data_name, info.data_fingerprint, tuple(info.image_shape), list(saved.class_names))
    n_valid: int | float = saved.config.data.n_valid if saved.config else 0
    with held_back():
        held_out = 0 if not n_valid else int(resolve_n_valid(data.train_labels, n_valid, True))
    n = len(data.valid_labels) if data.valid_labels is not None else held_out
    return facts_of(data, n, saved.picture_shape)


def right_of(saved: SavedRun, shares: NDArray[np.float32] | None) -> NDArray[np.bool_] | None:
    """Return which test images the stored probabilities (n, C) classify correctly, or None without the images."""
    if saved.data is None or saved.test is None or shares is None or is_other(saved.model, saved.data):
        return None
    return np.asarray(np.argmax(shares, axis=-1) == saved.test.labels)


def seeds_of(models: Sequence[SavedModel]) -> list[tuple[str, dict[str, float], dict[str, Any] | None]]:
    """Return name, validation metrics and test results of each network of a run or an ensemble."""
    found = []
    for model in models:
        folder = model.path.parent
        results, _ = read_scores(folder) or (None, None)
        found.append((folder.name, model.info.metrics, results))
    return found


def command_of(path: Path, saved: SavedRun) -> str:
    """Return what trains a run again: a command, or Python code where the data were given as arrays."""
    file, is_carried = path / "config.toml", saved.model.info.data_fingerprint in ("", CARRIED_FINGERPRINT)
    if saved.config is not None and saved.config.data.path is None and not is_carried:
        return f'barenet.train(x, y, settings="{file.as_posix()}")'
    return f"barenet train {as_typed(file)}"


def lacks_of(path: Path, saved: SavedRun, scores: dict[str, Any] | None) -> dict[str, tuple[str, ...]]:
    """Return which parts of a run are not there, why, and the command that makes them."""
    lacks: dict[str, tuple[str, ...]] = {}
    if scores is None:
        words = untested_words(path, saved.config, saved.history, saved.data)
        why = f"There are no test results: {words.why}." if words.why else "There are no test results."
        lacks["test"] = (why, *([f"This command makes them: `{words.command}`"] if words.command else []))
    if not saved.history:
        lacks["curves"] = ("There are no learning curves: the model has no history.",)
    if saved.is_redrawn:
        lacks["before"] = ("The weights before training are not known, so only the trained weights are shown.",)
    return lacks

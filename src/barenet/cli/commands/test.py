"""`barenet test`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from barenet.analysis.images import as_test, find_dataset, is_other
from barenet.cli.models import find_model
from barenet.cli.options import Data, Json, Mirror, OneModel, Quiet, Runs
from barenet.data.datasets import CARRIED_NAME
from barenet.errors import DataError
from barenet.notes import held_back, logger
from barenet.printing.lines import print_json
from barenet.run_folders.checkpoint import SavedModel, check_mirror
from barenet.run_folders.finding import RUNS, is_ensemble
from barenet.run_folders.loading import load_models
from barenet.run_folders.scores import Scores, average_scores, names_for, score_model
from barenet.storage.ensembles import read_members
from barenet.terminal.learning import describe_answers
from barenet.terminal.results import show_ensemble, show_scores

__all__ = ["test"]


def test(
    model: OneModel = None,
    /,
    *,
    data: Data = None,
    mirror: Mirror = False,
    runs: Runs = Path(RUNS),
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Test a trained network on the test images: accuracy, loss, precision and recall, confusion matrix."""
    path = find_model(model, runs)
    models = load_models(path)
    if mirror:
        check_mirror(models)
    dataset = find_dataset(models[0], path, data or None)
    if is_other(models[0], dataset):
        trained_on = models[0].info.data_name
        if not data and dataset.name == CARRIED_NAME and list(dataset.class_names) != models[0].info.class_names:
            raise DataError(f"{path} was trained on {trained_on}, which is not on file: give labelled data by --data")
        logger.info(f"the model was trained on {trained_on}, these test images are of {dataset.name}")
        dataset = as_test(models[0], dataset) if data else dataset
    scores = [score_model(models[0], dataset, mirror=mirror)]
    with held_back():  # networks of one run were trained on the same images, so each has the notes of the first
        scores += [score_model(model, dataset, mirror=mirror) for model in models[1:]]
    names = names_for(models[0], dataset)
    average = scores[0] if len(scores) == 1 else average_scores(scores, dataset.test_labels, names)  # type: ignore[arg-type]
    if json:
        print_json({**summary(path, models, scores, average), "mirror": mirror})
        return
    warning = describe_answers(average, dataset.test_labels)  # type: ignore[arg-type]
    if is_ensemble(path):
        members = [(member.source, network) for member, network in zip(read_members(path), models, strict=True)]
        show_ensemble(str(path), members, scores, average, warning, mirror=mirror)
    else:
        show_scores(str(path), scores, average, names, warning, mirror=mirror)


test.__test__ = False  # type: ignore[attr-defined]  # not a test case, despite its name


def summary(path: Path, models: list[SavedModel], scores: list[Scores], average: Scores) -> dict[str, Any]:
    """Return the figures for `--json`: for several seeds means and standard deviations, for an ensemble its scores."""
    networks = [{"model": str(m.path), **s.as_dict()} for m, s in zip(models, scores, strict=True)]
    if len(scores) == 1:
        return networks[0]
    if is_ensemble(path):
        sources = [{"source": member.source} for member in read_members(path)]
        return {
            "model": str(path),
            **average.as_dict(),
            "members": [source | network for source, network in zip(sources, networks, strict=True)],
        }
    accuracies, losses = [s.accuracy for s in scores], [s.loss for s in scores]
    return {
        "model": str(path),
        "test_accuracy": float(np.mean(accuracies)),
        "test_accuracy_std": float(np.std(accuracies, ddof=1)),
        "test_loss": float(np.mean(losses)),
        "test_loss_std": float(np.std(losses, ddof=1)),
        "ensemble_test_accuracy": average.accuracy,
        "ensemble_test_loss": average.loss,
        "confusion_matrix": average.confusion.tolist(),
        "per_class": average.classes,
        "runs": networks,
    }

"""The results on the test images after training: those of one network, or of the average of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from barenet.data.datasets import Dataset
from barenet.errors import CheckpointError, DataError, MachineError, RunError
from barenet.messages import as_typed, count, one_line
from barenet.notes import logger
from barenet.printing.shown import Shown
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.finding import is_ensemble, is_member
from barenet.storage.arrays import checksum
from barenet.storage.files import replace_file
from barenet.storage.sealing import SealError, seal, unseal
from barenet.training.evaluation import compute_outputs, mean_loss, plain
from barenet.training.metrics import accuracy, confusion_matrix, mean_probabilities, per_class, probabilities

__all__ = ["Scores", "average_scores", "names_for", "read_scores", "score_model", "write_scores"]

RESULTS, PROBABILITIES = "test.json", "test-probabilities.safetensors"
SHARES = "probabilities_checksum"  # in test.json


@dataclass(frozen=True, repr=False)
class Scores(Shown):
    """Loss, accuracy (0-1), confusion matrix (C, C; rows are true classes) and each image's probabilities (n, C)."""

    loss: float
    accuracy: float
    confusion: NDArray[np.int64]
    classes: list[dict[str, Any]]
    probabilities: NDArray[np.float32]
    epoch: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return the result as test.json and `--json` hold it."""
        return {
            "test_accuracy": self.accuracy,
            "test_loss": self.loss,
            "epoch": self.epoch,
            "images": len(self.probabilities),
            "confusion_matrix": self.confusion.tolist(),
            "per_class": self.classes,
        }


def names_for(model: SavedModel, dataset: Dataset | None) -> list[str]:
    """Return the names of a model's classes: those of the data set if they fit, otherwise those in the model's file.

    If the data set has only numbers, the names of a model with a known data set are used.
    """
    if dataset is None or len(dataset.class_names) != model.mlp.n_classes:
        return model.info.class_names
    is_numbered = all(name.isdecimal() for name in dataset.class_names)
    return model.info.class_names if is_numbered and model.info.data_name else list(dataset.class_names)


def score_model(model: SavedModel, dataset: Dataset, *, mirror: bool = False) -> Scores:
    """Return the scores on the test images of a data set; `mirror` averages probabilities with the mirror images.

    The loss of an average is minus the mean log probability, as for several networks.

    Raises:
        CheckpointError: the model takes other images or has other classes than the data set, or there are no mirror
            images.
        ShapeError: the test images have another scale than the images trained on.
        DataError: the data set has no test images.
    """
    if dataset.test_images is None or dataset.test_labels is None:
        raise DataError(f"{dataset.name} has no test part: give labelled data that it was not trained on by --data")
    if model.mlp.n_inputs != dataset.n_inputs or model.mlp.n_classes < dataset.n_classes:
        takes, knows = count(model.mlp.n_inputs, "pixel"), count(model.mlp.n_classes, "class", "classes")
        raise CheckpointError(
            f"{model.path} takes {takes} and knows {knows}; "
            f"{dataset.name} has {dataset.n_inputs} and {dataset.n_classes}; choose the model's data by --data"
        )
    outputs: list[NDArray[np.floating]] = []
    for inputs in model.all_inputs(dataset.test_images, mirror=mirror):
        for sentence in inputs.notes.values():
            logger.info(sentence)
        outputs.append(compute_outputs(model.mlp, inputs.values, inputs.scale, mirrored=inputs.mirrored))
    labels = dataset.test_labels
    names, epoch = names_for(model, dataset), model.info.epoch or None
    shares = [probabilities(one, model.gives_probabilities) for one in outputs]
    if mirror:
        mean = mean_probabilities(shares)
        return make_scores(mean, log_loss(mean, labels), labels, names, epoch)
    loss = float(mean_loss(plain(model.loss), outputs[0], labels))
    return make_scores(shares[0], loss, labels, names, epoch)


def make_scores(
    shares: NDArray[np.floating], loss: float, labels: NDArray[np.int64], class_names: Sequence[str], epoch: int | None
) -> Scores:
    """Return the scores of probabilities (n, C)."""
    predicted = np.argmax(shares, axis=-1)
    confusion = confusion_matrix(predicted, labels, shares.shape[-1])
    return Scores(
        loss=loss,
        accuracy=float(accuracy(predicted, labels)),
        confusion=confusion,
        classes=per_class(confusion, class_names),
        probabilities=shares.astype(np.float32),
        epoch=epoch,
    )


def average_scores(results: Sequence[Scores], labels: NDArray[np.int64], class_names: Sequence[str]) -> Scores:
    """Return the scores of the average of the networks' probabilities; the loss is minus the mean log probability."""
    shares = mean_probabilities([result.probabilities for result in results])
    return make_scores(shares, log_loss(shares, labels), labels, class_names, None)


def log_loss(shares: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return minus the mean log probability of the labels."""
    picked = np.maximum(shares[np.arange(len(labels)), labels], np.finfo(np.float32).tiny)
    return float(-np.mean(np.log(picked)))


def write_scores(folder: Path, result: dict[str, Any], shares: NDArray[np.float32] | None) -> None:
    """Write each image's probabilities, then test.json, which holds a checksum of them and one of itself."""
    known = {}
    if shares is not None:
        replace_file(folder / PROBABILITIES, save({"probabilities": np.ascontiguousarray(shares)}))
        known = {SHARES: checksum(shares)}
    replace_file(folder / RESULTS, seal({**result, **known}, indent=2) + "\n")


def read_scores(folder: Path) -> tuple[dict[str, Any], NDArray[np.float32]] | None:
    """Return what test.json holds, and the probabilities (n, C) in the file beside it; None before a test.

    Files of earlier versions have no checksums.

    Raises:
        RunError: one of the two files is damaged or missing.
        MachineError: one of them cannot be read.
    """
    results, probabilities_file = folder / RESULTS, folder / PROBABILITIES
    again = f"write it again by: barenet train --resume {as_typed(folder)}"
    if is_ensemble(folder) or is_member(folder):
        again = "make the ensemble again from its runs"
    if not results.exists():
        return None
    path = results
    try:
        result = unseal(results.read_bytes())
        path = probabilities_file
        shares = load(probabilities_file.read_bytes())["probabilities"]
    except FileNotFoundError:
        raise RunError(f"{folder} is incomplete: {path.name} is missing; {again}") from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from None
    except (SealError, SafetensorError, KeyError) as error:
        raise RunError(f"{path} is damaged: {one_line(error)}; {again}") from None
    known = result.pop(SHARES, None)
    if known is not None and checksum(shares) != known:
        raise RunError(f"{path} is damaged: its checksum is not the one in {RESULTS}; {again}")
    return result, shares

"""Load the trained networks of a path: a run, several seeds, an ensemble, a model file, or the course's pickle."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from barenet.config.sources import stored_settings
from barenet.course_files.model import read_course_model
from barenet.data.datasets import CARRIED_CLASS_NAMES
from barenet.engine.network import FastMLP
from barenet.errors import CheckpointError, InputWarning, RunError
from barenet.messages import as_typed
from barenet.nn import LOSSES, Activation, Loss
from barenet.run_folders.checkpoint import ModelInfo, SavedModel, read_model
from barenet.run_folders.finding import Named, find_run, is_ensemble
from barenet.run_folders.folder import RunFolder, network_folders
from barenet.storage.arrays import checksum
from barenet.storage.ensembles import how_again, member_folder, read_members
from barenet.storage.history import read_history
from barenet.training.inputs.input_range import PIXEL_SCALE
from barenet.training.learning.remedies import smaller_rate

__all__ = ["best_on_validation", "load_models", "weights_of"]

CARRIED_SHAPE = (784, 10)  # pixels and classes of the carried images


def load_models(named: Named, activations: Sequence[Activation] = (), loss: Loss | None = None) -> list[SavedModel]:
    """Return the best network of the run that `named` names, or of each seed, or all members of an ensemble.

    Raises:
        CheckpointError: a file is missing, damaged, or of an unknown kind.
        RunError: the folder is not a run, or has no finished validation yet, or an ensemble lacks a member.
    """
    path = find_run(named)
    if is_ensemble(path):
        return load_members(path, activations, loss)
    if path.is_dir():
        folders = network_folders(path)
        # A network that diverged before its first validation has no best weights, and is left out.
        folders = [folder for folder in folders if RunFolder(folder).best.exists()] or folders[:1]
        return [read_model(find_best(folder), activations, loss) for folder in folders]
    if path.suffix.lower() in (".pkl", ".pickle", ".npz"):
        return [load_course_model(path)]
    if path.suffix == ".safetensors" or not path.exists():
        return [read_model(path, activations, loss)]
    raise CheckpointError(
        f"{path} is not a model: expected a run folder, a .safetensors file, the course's .pkl, or an .npz or .pkl "
        f"with W1, b1, W2, b2, ..."
    )


def load_members(ensemble: Path, activations: Sequence[Activation], loss: Loss | None) -> list[SavedModel]:
    """Return the networks of an ensemble; each must have the weights with which the ensemble was made."""
    models, members = [], read_members(ensemble)
    for number, member in enumerate(members):
        file = RunFolder(member_folder(ensemble, number)).best
        if not file.exists():
            raise RunError(f"{ensemble} is incomplete: {file} is missing; put it back, or {how_again(members)}")
        model = read_model(file, activations, loss)
        if weights_of(model) != member.weights:
            raise RunError(
                f"{file} does not hold the weights of {member.source}, which {ensemble} was made of; put the right "
                f"file back, or {how_again(members)}"
            )
        models.append(model)
    return models


def weights_of(model: SavedModel) -> str:
    """Return the checksum of a network's parameters."""
    return checksum(model.mlp.parameters.values)


def best_on_validation(models: Sequence[SavedModel]) -> SavedModel:
    """Return the model that is best on validation, by the metric of its run."""

    def quality(model: SavedModel) -> float:
        if model.info.settings.get("trainer", {}).get("metric") == "acc":
            return model.info.metrics.get("validation_accuracy", 0.0)
        return -model.info.metrics.get("validation_loss", float("inf"))

    return max(models, key=quality)


def find_best(folder: Path) -> Path:
    """Return the file of a run's best weights; raise RunError that says what is there instead."""
    best = RunFolder(folder).best
    if best.exists():
        return best
    if RunFolder(folder).config.exists():
        records = read_history(RunFolder(folder).history).records
        if records and records[-1].diverged:
            raise RunError(describe_lost(folder, str(records[-1].stopped)))
        raise RunError(
            f"{folder} has no best.safetensors yet: no validation is finished; go on with: "
            f"barenet train --resume {as_typed(folder)}"
        )
    found = ", ".join(sorted(p.name for p in folder.iterdir())[:4]) or "nothing"
    raise RunError(f"{folder} is not a run folder: expected best.safetensors, found {found}")


def describe_lost(folder: Path, stopped: str) -> str:
    """Return the message about a run that diverged before its first validation, and how to train a new one."""
    settings = RunFolder(folder).config
    if not settings.exists():
        settings = RunFolder(folder.parent).config  # the folder is one of several seeds
    rate = smaller_rate(stored_settings(settings))
    return (
        f"{folder} {stopped}, before its first validation, so no weights were kept; train again with a smaller rate: "
        f"barenet train {as_typed(settings)} --lr {rate:g}"
    )


def load_course_model(path: Path) -> SavedModel:
    """Return the course project's network in float64, as it was saved."""
    course = read_course_model(path)
    shape = course.architecture[0]["input_dim"], course.architecture[-1]["output_dim"]
    if course.assumed:
        named = "; its classes get the names of Fashion-MNIST" if shape == CARRIED_SHAPE else ""
        warnings.warn(course.assumed + named, InputWarning, stacklevel=2)
    loss = LOSSES["cross_entropy"]
    mlp = FastMLP.from_architecture(course.architecture, initializer=None, dtype=np.float64)
    for i, (weights, bias) in enumerate(zip(course.weights, course.biases, strict=True), start=1):
        mlp.parameters.views[f"W{i}"][...] = weights
        mlp.parameters.views[f"b{i}"][...] = bias
    side = int(np.sqrt(mlp.n_inputs))
    info = ModelInfo(
        architecture=course.architecture,
        loss=loss.name,
        label_smoothing=0.0,
        image_shape=[side, side] if side * side == mlp.n_inputs else [mlp.n_inputs],
        scale=PIXEL_SCALE,
        input_dtype="uint8",
        class_names=usual_class_names(mlp.n_inputs, mlp.n_classes),
        epoch=course.epoch or 0,
        step=0,
        seed=0,
        data_name="",
        data_fingerprint="",
    )
    return SavedModel(mlp, info, loss, path)


def usual_class_names(n_inputs: int, n_classes: int) -> list[str]:
    """Return class names for a file without names: those of the carried data, which the course uses, if they fit.

    If a model is tested on other data, `scores.names_for` takes the names of those data.
    """
    if (n_inputs, n_classes) == CARRIED_SHAPE:
        return list(CARRIED_CLASS_NAMES)
    return [str(i) for i in range(n_classes)]

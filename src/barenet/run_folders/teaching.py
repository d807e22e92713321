"""A teacher's probabilities for the training images: soft labels for another network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.data.splits import resolve_n_valid
from barenet.errors import ConfigError
from barenet.messages import count, few
from barenet.notes import held_back, logger
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.folder import TEACHER, RunFolder
from barenet.run_folders.loading import load_models
from barenet.training.evaluation import compute_outputs
from barenet.training.metrics import mean_probabilities, probabilities
from barenet.training.preparation import Custom, resolve_changes

__all__ = ["ask_teacher", "with_teacher"]


def with_teacher(
    config: Config,
    dataset: Dataset,
    custom: Custom | None = None,
    *,
    stored: Path | None = None,
) -> Custom | None:
    """Return `custom` with the probabilities of the teacher in the settings, or unchanged without a teacher.

    stored: a folder that may hold the probabilities from an earlier time; then the teacher is not asked again.
    """
    if config.model.teacher is not None and stored is not None and (stored / TEACHER).exists():
        given: NDArray[np.float32] | None = RunFolder(stored).read_teacher()
    else:
        given = ask_teacher(config, dataset)
    return custom if given is None else replace(custom or Custom(), teacher=given)


def ask_teacher(config: Config, dataset: Dataset) -> NDArray[np.float32] | None:
    """Return the mean probabilities (n, C) of the networks of the settings' teacher, or None without a teacher.

    If training mirrors images, the teacher sees each image and its mirror image.

    Raises:
        ConfigError: the teacher has other inputs or other classes than the data.
        CheckpointError, RunError: the teacher cannot be read.
    """
    name = config.model.teacher
    if name is None:
        return None
    models = load_models(name)
    for model in models:
        check_fit(name, model, dataset)
    check_split(name, models[0], config, dataset)
    with held_back():
        mirror = resolve_changes(config, dataset)["data__mirror"]
    shares = []
    for model in models:
        for inputs in model.all_inputs(dataset.train_images, mirror=mirror):
            outputs = compute_outputs(model.mlp, inputs.values, inputs.scale, mirrored=inputs.mirrored)
            shares.append(probabilities(outputs, model.gives_probabilities))
    mirrored = " and their mirror images" if mirror else ""
    logger.info(f"teacher {name}: {count(len(models), 'network')}, asked once for all training images{mirrored}")
    return mean_probabilities(shares).astype(np.float32)


def check_fit(name: str, model: SavedModel, dataset: Dataset) -> None:
    """Raise ConfigError unless a teacher takes these images and knows these classes, in this order."""
    if model.mlp.n_inputs != dataset.n_inputs:
        takes, has = count(model.mlp.n_inputs, "input"), count(dataset.n_inputs, "input")
        raise ConfigError(f"model.teacher {name} takes {takes} and {dataset.name} has {has}; choose another teacher")
    if model.info.class_names != list(dataset.class_names):
        knows, has_classes = few(model.info.class_names, 4), few(list(dataset.class_names), 4)
        raise ConfigError(
            f"model.teacher {name} knows the classes {knows}; {dataset.name} has {has_classes}; choose another teacher"
        )


def check_split(name: str, model: SavedModel, config: Config, dataset: Dataset) -> None:
    """Note if the teacher may have been trained on images that are held out for validation here."""
    split, known = model.info.settings.get("data", {}), model.info.data_fingerprint == dataset.fingerprint
    if dataset.valid_images is None:
        labels, is_default = dataset.train_labels, not config.is_given("data.n_valid")
        with held_back():
            n_valid = resolve_n_valid(labels, config.data.n_valid, is_default)
        known &= (split.get("n_valid"), split.get("split_seed")) == (n_valid, config.data.split_seed)
    if not known:
        logger.info(
            f"teacher {name} was trained on other data or with another split: it may know validation images of this "
            f"run, so validation may look better than it is"
        )

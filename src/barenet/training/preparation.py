"""Prepare a data set and settings for a trainer: resolve every default, and find every conflict before training."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from barenet.config.inherited import inherited
from barenet.config.tables import Config
from barenet.cores import available_cores
from barenet.data.datasets import Dataset
from barenet.data.splits import resolve_n_valid, stratified_split
from barenet.errors import ConfigError, MachineError
from barenet.messages import count
from barenet.nn import Activation, Architecture, Loss, make_loss
from barenet.nn.architecture import each_layer
from barenet.notes import held_back, logger
from barenet.training.evaluation import EVALUATION_BATCH, resolve_threads
from barenet.training.inputs.preprocessing import (
    check_other_images,
    check_picture_settings,
    preprocess,
    resolve_picture_settings,
    resolve_scale,
)
from barenet.training.labels import check_soft_labels, weigh_classes
from barenet.training.lengths import (
    resolve_batch_size,
    resolve_epochs,
    resolve_eval_every,
    resolve_metric,
    resolve_normalization,
)

__all__ = ["Custom", "TrainingData", "architecture_of", "loss_of", "prepare", "training_loss", "training_loss_again"]


@dataclass(frozen=True)
class Custom:
    """What the settings can only name: custom activations and a custom loss.

    teacher: the probabilities (n, C) that the teacher named in the settings gives for the training images.
    """

    activations: tuple[Activation, ...] = ()
    loss: Loss | None = None
    teacher: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class TrainingData:
    """A data set split for training.

    images (n, D), labels (n,): the whole training file. train_rows: the rows to train on. valid_images (m, D),
    valid_labels (m,): those held out for validation. scale: pixels are multiplied by it. preprocessing: what the model
    shall remember of the images, see `preprocessing`; features are standardised already. teacher: (n, C) see `Custom`.
    """

    images: NDArray[np.generic]
    labels: NDArray[np.int64]
    train_rows: NDArray[np.int64]
    valid_images: NDArray[np.generic]
    valid_labels: NDArray[np.int64]
    image_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    scale: float
    name: str
    fingerprint: str
    preprocessing: dict[str, Any] = field(default_factory=dict)
    teacher: NDArray[np.float32] | None = None

    @property
    def n_train(self) -> int:
        """The number of images trained on."""
        return len(self.train_rows)


def prepare(
    config: Config,
    dataset: Dataset,
    *,
    custom: Custom | None = None,
) -> tuple[Config, TrainingData]:
    """Return settings without unresolved defaults, and the split data.

    Raises:
        DataError: validation or test images have another scale than the training images.
        ConfigError: a setting doesn't fit the data: split, batch, layers, classes.
        MachineError: the networks would not fit the memory; says what they need.
    """
    labels = dataset.train_labels
    check_picture_settings(config, dataset)
    changes = resolve_changes(config, dataset)
    n_valid: int | float
    if dataset.valid_images is not None and dataset.valid_labels is not None:
        valid_images, valid_labels = dataset.valid_images, dataset.valid_labels
        n_valid, train_rows = len(valid_labels), np.arange(len(labels))
        if config.is_given("data.n_valid") and config.data.n_valid != n_valid:
            raise ConfigError(
                f"data.n_valid is {config.data.n_valid}, but {dataset.name} already has {n_valid} validation images: "
                f"leave it out"
            )
    else:
        n_valid = resolve_n_valid(labels, config.data.n_valid, not config.is_given("data.n_valid"))
        train_rows, valid_rows = stratified_split(labels, n_valid, config.data.split_seed)
        valid_images, valid_labels = dataset.train_images[valid_rows], labels[valid_rows]
    images, valid_images, preprocessing = preprocess(config, dataset, train_rows, valid_images)
    data = TrainingData(
        images=images,
        labels=labels,
        train_rows=train_rows,
        valid_images=valid_images,
        valid_labels=valid_labels,
        image_shape=dataset.image_shape,
        class_names=dataset.class_names,
        scale=resolve_scale(dataset, images),
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        preprocessing=preprocessing,
        teacher=custom.teacher if custom else None,
    )
    check_other_images(dataset, data.scale, preprocessing)
    training_loss(config, data, custom)  # only for its checks and its note
    config = config.with_values(model__normalization=resolve_normalization(config, data.n_train))
    architecture = architecture_of(config, dataset.n_inputs, dataset.n_classes, custom)
    batch_size = resolve_batch_size(config, architecture, data.n_train)
    config = config.with_values(trainer__epochs=resolve_epochs(config, data.n_train, batch_size))
    n_evaluated = EVALUATION_BATCH * (config.trainer.threads or available_cores())
    check_memory(config, architecture.n_weights, max(batch_size, n_evaluated) * architecture.n_units)
    resolved = config.with_values(
        data__path=absolute(config.data.path),
        data__n_valid=n_valid,
        data__batch_size=batch_size,
        **changes,
        **resolve_picture_settings(config, dataset),
        trainer__eval_every=resolve_eval_every(config),
        trainer__metric=resolve_metric(config, len(valid_labels)),
        trainer__threads=resolve_threads(config),
    )
    for sentence in (*config.notes, *inherited(resolved)):
        logger.info(sentence)
    return resolved, data


def loss_of(config: Config, custom: Custom | None = None) -> Loss:
    """Return the loss that the settings name."""
    if custom is not None and custom.loss is not None and custom.loss.name == config.model.loss:
        if config.model.label_smoothing:
            raise ConfigError(f"label_smoothing = {config.model.label_smoothing} works with cross_entropy only")
        return custom.loss
    return make_loss(config.model.loss, config.model.label_smoothing)


def training_loss(config: Config, data: TrainingData, custom: Custom | None = None) -> Loss:
    """Return the loss that training minimises: that of the settings, with their class weights."""
    labels = data.labels[data.train_rows]
    check_soft_labels(config, loss_of(config, custom))
    return weigh_classes(loss_of(config, custom), config.model.class_weight, data.class_names, labels)


def training_loss_again(config: Config, data: TrainingData, custom: Custom | None = None) -> Loss:
    """Return the loss that training minimises, without the notes that `prepare` has given."""
    with held_back():
        return training_loss(config, data, custom)


def architecture_of(config: Config, n_inputs: int, n_classes: int, custom: Custom | None = None) -> Architecture:
    """Return the architecture that the settings describe, checked against the data.

    In the short form the loss decides the last activation: softmax for cross-entropy, identity for others.
    """
    activations = custom.activations if custom else ()
    if config.model.layers is None:
        names = [*each_layer(config.model.activation, len(config.model.hidden_sizes)), loss_of(config, custom).output]
        sizes = [n_inputs, *config.model.hidden_sizes, n_classes]
        return Architecture.from_sizes(sizes, names, activations, config.model.normalization, config.model.residual)
    layers = config.model.layers
    for name in ("normalization", "residual"):
        if getattr(config.model, name) not in ("none", False):
            raise ConfigError(f"model.layers has a {name} for each of its rows: leave model.{name} out")
    if not layers:
        raise ConfigError("model.layers must name at least one layer, got none")
    if layers[0].input_dim != n_inputs:
        takes = count(layers[0].input_dim, "value")
        raise ConfigError(f"model.layers: the first layer takes {takes}, the images have {n_inputs}")
    if layers[-1].output_dim != n_classes:
        gives = count(layers[-1].output_dim, "value")
        raise ConfigError(f"model.layers: the last layer gives {gives} for {count(n_classes, 'class', 'classes')}")
    for i, (before, after) in enumerate(itertools.pairwise(layers), start=1):
        if before.output_dim != after.input_dim:
            raise ConfigError(
                f"model.layers don't chain: layer {i} gives {count(before.output_dim, 'value')}, "
                f"layer {i + 1} takes {after.input_dim}"
            )
    return Architecture.from_rows([dict(row) for row in layers], activations)


def resolve_changes(config: Config, dataset: Dataset) -> dict[str, Any]:
    """Return the settings for changing images; by default they are mirrored if the data set says that this is safe.

    A setting that the data do not allow is an error if a person gave it. One of a recipe is left out with a note.
    """
    shape, given = dataset.image_shape, config.data
    what = "x".join(map(str, shape)) if len(shape) > 1 else count(shape[0], "feature")
    mirror = given.mirror if given.mirror is not None else dataset.mirror_safe
    wanted = {"mirror": mirror, "shift": given.shift, "affine": given.affine}
    for name, value in wanted.items():
        if not value or (len(shape) > 1 and (name != "shift" or 2 * value < min(shape[:2]))):
            continue
        if len(shape) > 1:
            problem = f"data.{name} must be less than half of an image's height and width, got {value} for {what}"
        else:
            problem = f"data.{name} needs images with height and width, got {what}"
        if config.is_given(f"data.{name}"):
            raise ConfigError(problem)
        logger.info(f"{config.origin}: {problem}; it is left out")
        wanted[name] = type(value)(0)
    return {f"data__{name}": value for name, value in wanted.items()}


def absolute(path: str | None) -> str | None:
    """Return a path of data as an absolute one, so that a run can be resumed from any folder; keep other names."""
    return str(Path(path).expanduser().resolve()) if path is not None and Path(path).expanduser().exists() else path


def check_memory(config: Config, n_weights: int, n_units: int) -> None:
    """Raise MachineError if the buffers of all networks, for batches of `n_units` units, exceed the free memory."""
    # Parameters, gradients, two slots, average and best, each twice, since a copy is kept for a crash or Ctrl-C; and
    # z, a and their gradients for each unit.
    needed = 4 * (12 * n_weights + 4 * n_units) * config.trainer.n_seeds
    free = psutil.virtual_memory().available
    if needed > free:
        raise MachineError(
            f"{config.trainer.n_seeds} network(s) of {n_weights:,} weights need about {needed / 1e9:.1f} GB of memory "
            f"and {free / 1e9:.1f} GB are free; choose smaller model.hidden_sizes"
        )

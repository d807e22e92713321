"""Find a model's data set, split as in its run, or say why it is not there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.config.tables import Config
from barenet.data.datasets import Dataset
from barenet.data.loading import load_dataset
from barenet.data.splits import resolve_n_valid, stratified_split
from barenet.errors import BarenetError, CheckpointError
from barenet.messages import count, few
from barenet.notes import held_back, logger
from barenet.printing.shown import Shown
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.finding import is_ensemble
from barenet.run_folders.folder import RunFolder
from barenet.run_folders.going_on.resuming import check_data_path, stored_config

__all__ = [
    "Images",
    "Source",
    "as_test",
    "find_dataset",
    "find_images",
    "find_labels",
    "find_test",
    "is_other",
    "try_dataset",
]

Source = Dataset | str | Path  # a data set, or its path


@dataclass(frozen=True, repr=False)
class Images(Shown):
    """Images (n, D), or features standardised as in training, and their labels (n,).

    Multiplied by the scale of the model, they are the network's inputs.
    """

    pixels: NDArray[np.generic]
    labels: NDArray[np.int64]


def find_dataset(model: SavedModel, path: Path, source: Source | None = None, **reading: Any) -> Dataset:
    """Return the data set `source`, or the one at that path; by default the data set of the run at `path`.

    `path` is a run folder, a model file, or an ensemble with the member `model`. A model file outside of a run folder
    means the carried data set. Pictures are read as in training, except for the options in `reading`.
    """
    if source is None:
        folder = model.path.parent if is_ensemble(path) else path if path.is_dir() else path.parent
        source = stored_config(folder).data.path if RunFolder(folder).config.exists() else None
        check_data_path(folder, source)
    dataset = load(model, source, **reading)
    for sentence in taken_by_place(model, dataset):
        logger.info(sentence)
    return dataset


def try_dataset(
    model: SavedModel, path: Path, source: Source | None, consequence: str, **reading: Any
) -> Dataset | None:
    """Return what `find_dataset` does; None, with a note that begins with `consequence`, if the data cannot be read.

    Data that a person named must be there: then the error is raised.
    """
    try:
        return find_dataset(model, path, source, **reading)
    except BarenetError as error:
        if source is not None:
            raise
        logger.info(f"{consequence}: {error}")
        return None


def load(model: SavedModel, source: Source | None, **options: Any) -> Dataset:
    """Return a data set, loaded from its path, with images read and classes numbered as for the model.

    The carried data set, which is used where the path of a model's data set is not known, keeps its class numbers.
    """
    dataset = source if isinstance(source, Dataset) else load_dataset(source, **model.info.reading() | options)
    return dataset if source is None and is_other(model, dataset) else with_classes_of(model, dataset)


def taken_by_place(model: SavedModel, dataset: Dataset) -> list[str]:
    """Return a note where the columns of a table have names, but the model remembers no names."""
    columns = dataset.columns
    if dataset.kind != "features" or not columns or not columns.has_header or "columns" in model.info.preprocessing:
        return []
    return [f"{dataset.name}: columns are taken by their places, as the model remembers no names"]


def with_classes_of(model: SavedModel, dataset: Dataset) -> Dataset:
    """Return a data set whose classes have the same numbers as in the model.

    Classes whose names are numbers keep these. Raises CheckpointError for a class that the model does not know.
    """
    names, known = list(dataset.class_names), list(model.info.class_names)
    if names == known or all(map(str.isdecimal, names)) or all(map(str.isdecimal, known)):
        return dataset
    if unknown := [name for name in names if name not in known]:
        if len(names) == len(known) and (not set(names) & set(known) or not model.info.data_name):
            return dataset  # they may be the same classes with other names, or the model has no names
        raise CheckpointError(
            f"{dataset.name} has the classes {few(unknown)}, which {model.path} does not know, only {few(known, 8)}"
        )
    number_of = np.array([known.index(name) for name in names], np.int64)

    def numbered(labels: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
        return None if labels is None else number_of[labels]

    return replace(
        dataset,
        class_names=tuple(known),
        train_labels=number_of[dataset.train_labels],
        valid_labels=numbered(dataset.valid_labels),
        test_labels=numbered(dataset.test_labels),
    )


def as_test(model: SavedModel, dataset: Dataset) -> Dataset:
    """Return a data set with all images as test images, if it has no test part and the model was not trained on it."""
    if dataset.test_images is not None or not is_other(model, dataset):
        return dataset
    images, labels = [dataset.train_images], [dataset.train_labels]
    if dataset.valid_images is not None and dataset.valid_labels is not None:
        images, labels = [*images, dataset.valid_images], [*labels, dataset.valid_labels]
    what = "rows" if dataset.kind == "features" else "images"
    logger.info(f"{dataset.name} has no test part: all its {sum(map(len, labels)):,} labelled {what} are tested")
    return replace(dataset, test_images=np.concatenate(images), test_labels=np.concatenate(labels))


def is_other(model: SavedModel, dataset: Dataset) -> bool:
    """Whether it is certain that the model was trained on another data set."""
    return model.info.data_fingerprint not in ("", dataset.fingerprint)


def find_images(
    model: SavedModel, config: Config | None, dataset: Source | None, notes: list[str]
) -> tuple[Dataset | None, Images | None]:
    """Return the data set of a model and the images held out for validation, or None and a note why not."""
    given, info = dataset is not None, model.info
    trained_on = config.data.path if config else None
    try:
        dataset = load(model, dataset if given else trained_on)
    except BarenetError as error:
        if given:
            raise
        notes.append(f"its images cannot be read, so what needs them is left out: {error}")
        return None, None
    if is_other(model, dataset) and not given:
        notes.append("the images that it was trained on were not found, so what needs them is left out")
        return None, None
    if (dataset.n_inputs, dataset.n_classes) != (model.mlp.n_inputs, model.mlp.n_classes):
        sizes = f"{count(dataset.n_inputs, 'pixel')} and {count(dataset.n_classes, 'class', 'classes')}"
        takes = f"it takes {model.mlp.n_inputs} and knows {model.mlp.n_classes}"
        if given:
            raise CheckpointError(f"{model.path} does not fit {dataset.name}, which has {sizes}: {takes}")
        notes.append(f"{dataset.name} has {sizes}, {takes}: what needs images is left out; name them by --data")
        return None, None
    if not info.data_fingerprint:
        notes.append(f"shown with images of {dataset.name}; it may have been trained on some of them")
    elif is_other(model, dataset):
        notes.append(f"shown with other images than it was trained on: {dataset.name}, not {info.data_name}")
    notes += taken_by_place(model, dataset)
    if dataset.valid_images is not None and dataset.valid_labels is not None:
        return dataset, Images(pixels_of(model, dataset.valid_images, notes), dataset.valid_labels)
    n_valid: int | float = config.data.n_valid if config else 5000
    with held_back():
        n_valid = resolve_n_valid(dataset.train_labels, n_valid, True)
    _, rows = stratified_split(dataset.train_labels, n_valid, config.data.split_seed if config else 0)
    return dataset, Images(pixels_of(model, dataset.train_images[rows], notes), dataset.train_labels[rows])


def find_test(model: SavedModel, data: Dataset | None) -> Images | None:
    """Return the test images of a data set, if it has any."""
    if data is None or data.test_images is None or data.test_labels is None:
        return None
    return Images(pixels_of(model, data.test_images), data.test_labels)


def pixels_of(model: SavedModel, raw: NDArray[Any], notes: list[str] | None = None) -> NDArray[np.generic]:
    """Return images or features (n, D) that become the network's inputs when the model's scale multiplies them."""
    inputs = model.inputs(raw)
    if notes is not None:
        notes += inputs.notes.values()
    if inputs.scale == model.info.scale:
        return inputs.values
    return np.asarray(inputs.values * np.float32(inputs.scale / model.info.scale), np.float32)


def find_labels(model: SavedModel, config: Config, dataset: Source | None) -> NDArray[np.int64] | None:
    """Return the labels of the test images that a run was tested on, if they can be found."""
    try:
        found = load(model, config.data.path if dataset is None else dataset)
    except BarenetError:
        if dataset is not None:
            raise
        return None
    return None if dataset is None and is_other(model, found) else found.test_labels

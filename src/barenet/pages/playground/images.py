"""The images of a playground's page: their form, and the test images that it offers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.batches import to_float
from barenet.data.datasets import Dataset
from barenet.errors import DataError
from barenet.messages import count
from barenet.notes import logger
from barenet.run_folders.checkpoint import Inputs, SavedModel
from barenet.training.inputs.input_range import read_range, scaled_range
from barenet.training.inputs.preprocessing import read_standardiser

__all__ = ["choose_examples", "drawn", "frame_of", "most_examples"]

EXAMPLES = 60  # test images in a page, at most
ROOM = 600_000  # bytes of all test images, at most, before they are packed


@dataclass(frozen=True)
class Frame:
    """The form of the run's images: grey, height x width, with network inputs from `low` to `high`.

    bright_border: whether the background is bright. extent: the share (0-1) of height or width that things fill.
    """

    height: int
    width: int
    low: float = 0.0
    high: float = 1.0
    bright_border: bool = False
    extent: float = 1.0


def frame_of(model: SavedModel, dataset: Dataset | None) -> Frame:
    """Return the form of the run's images, or raise DataError if they are not grey images."""
    if read_standardiser(model.info.preprocessing) is not None:
        raise DataError(f"the playground draws images; {model.path} was trained on a table of features")
    height, width = grey_shape(tuple(model.info.image_shape))
    if dataset is None:
        return Frame(height, width, *((0.0, 1.0) if takes_bytes(model) else ends_of(model) or (0.0, 1.0)))
    images = dataset.train_images
    fits = dataset.n_inputs == height * width and dataset.n_classes <= model.mlp.n_classes
    if not fits or (takes_bytes(model) and images.dtype != np.uint8):
        raise DataError(
            f"{model.path} takes {model.info.input_dtype} images of {height} x {width} in {model.mlp.n_classes} "
            f"classes; {dataset.name} has {images.dtype} of {dataset.n_inputs} pixels in {dataset.n_classes}; choose "
            f"the model's data by --data"
        )
    inputs = drawn(model, images[:1000])
    for sentence in inputs.notes.values():
        logger.info(sentence)
    ends = ends_of(model) or (float(images.min()) * model.info.scale, float(images.max()) * model.info.scale)
    low, high = (0.0, 255.0) if takes_bytes(model) else ends
    pictures = inputs.values.reshape(-1, height, width).astype(np.float64)
    border = np.concatenate([pictures[:, [0, -1]].ravel(), pictures[:, :, [0, -1]].ravel()])
    bright = bool(border.mean() > (low + high) / 2)
    ink = np.abs(pictures - (high if bright else low)) > 0.2 * (high - low)
    rows, columns = ink.any(axis=2).sum(axis=1) / height, ink.any(axis=1).sum(axis=1) / width
    extent = float(np.median(np.maximum(rows, columns)))
    return Frame(height, width, *((0.0, 1.0) if takes_bytes(model) else ends), bright, extent or 1.0)


def takes_bytes(model: SavedModel) -> bool:
    """Whether the page holds bytes and scales them as in training; otherwise it holds the network's floats."""
    return model.info.input_dtype == "uint8"


def drawn(model: SavedModel, images: NDArray[Any]) -> Inputs:
    """Return images (n, D) in the form that the page holds."""
    inputs = model.inputs(images)
    if takes_bytes(model):
        return inputs
    return Inputs(to_float(inputs.values, inputs.scale), 1.0, inputs.notes)


def ends_of(model: SavedModel) -> tuple[float, float] | None:
    """Return the lowest and the highest network input of training images, or None if the model does not know them."""
    remembered = scaled_range(read_range(model.info.preprocessing), model.info.scale)
    return (remembered["values"][0], remembered["values"][1]) if remembered else None


def grey_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return height and width of a grey image with this shape, or raise DataError."""
    plain = tuple(side for side in shape if side != 1) if len(shape) == 3 else shape
    if len(plain) == 2:
        return plain
    side = math.isqrt(math.prod(shape))
    if len(shape) == 1 and side * side == shape[0]:
        rows = f"rows of {count(shape[0], 'number')}"
        logger.info(f"the run's inputs are {rows}; the page shows them as images of {side} x {side}")
        return side, side
    raise DataError(f"the playground draws grey images of height x width; this network takes inputs of shape {shape}")


def most_examples(model: SavedModel) -> int:
    """Return how many test images the page of a network may hold: fewer if they are large."""
    size = model.mlp.n_inputs * (1 if takes_bytes(model) else 4)
    return max(1, min(EXAMPLES, ROOM // size))


def choose_examples(dataset: Dataset | None, most: int) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """Return up to `most` test images (n, D) and their labels, sorted by class: the first ones of each class."""
    if dataset is None or dataset.test_images is None or dataset.test_labels is None:
        return np.zeros((0, 0), np.uint8), np.zeros(0, np.int64)
    labels = dataset.test_labels
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=dataset.n_classes)
    place = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)  # earlier images of the class
    chosen = by_class[np.sort(np.argsort(place, kind="stable")[:most])]
    return dataset.test_images[chosen], labels[chosen]

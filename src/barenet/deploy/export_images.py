"""The images on which an export is compared with the model: test images, or random ones with usual values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.batches import to_float
from barenet.data.datasets import Dataset
from barenet.deploy.exported import Exported
from barenet.deploy.tables.numbers import features_of, random_rows
from barenet.errors import CheckpointError
from barenet.messages import count
from barenet.notes import logger
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.inputs.input_range import random_images, read_range
from barenet.training.inputs.preprocessing import read_standardiser
from barenet.training.inputs.table_inputs import read_columns

__all__ = ["find_images", "prepare_images"]

N_RANDOM = 1000  # random images, used where there are no test images


def find_images(model: SavedModel, dataset: Dataset | None) -> tuple[NDArray[Any], NDArray[np.int64] | None, str]:
    """Return the images (n, *image_shape) for the comparison, their labels or None, and a description in words."""
    shape, n_inputs = tuple(model.info.image_shape), model.mlp.n_inputs
    if dataset is not None and dataset.n_inputs != n_inputs:
        raise CheckpointError(
            f"{model.path} takes images of {count(n_inputs, 'value')}, but {dataset.name} has {dataset.n_inputs}; "
            f"choose the model's data by --data"
        )
    if dataset is not None and dataset.test_images is not None:
        images = dataset.test_images.reshape(-1, *shape)
        is_same = dataset.fingerprint == model.info.data_fingerprint
        what = "rows" if dataset.kind == "features" else "images"
        described = f"{len(images):,} test {what} of {dataset.name}"
        return images, dataset.test_labels if is_same else None, described
    standardise, trained = read_standardiser(model.info.preprocessing), read_range(model.info.preprocessing)
    columns = read_columns(model.info.preprocessing)
    what = "images" if standardise is None or len(shape) > 1 else "rows"
    logger.info(f"no test {what}: the export is compared with the model on {N_RANDOM:,} random {what}")
    rng = np.random.default_rng(0)
    described = f"{N_RANDOM:,} random {what}"
    images = rng.normal(size=(N_RANDOM, n_inputs))
    if standardise is not None and columns is not None:
        images = features_of(columns, random_rows(columns, standardise, rng, N_RANDOM))
    elif standardise is not None:
        images = images * standardise.deviation + standardise.mean
    elif trained:
        images = random_images(rng, N_RANDOM, n_inputs, trained)
    if model.info.input_dtype == "uint8":
        images = np.rint(images) if trained else rng.integers(0, 256, images.shape)
    return images.astype(model.info.input_dtype).reshape(-1, *shape), None, described


def prepare_images(model: SavedModel, images: NDArray[Any], exported: Exported) -> NDArray[Any]:
    """Return images in the form that the exported file takes: bytes, raw features, or the network's floats."""
    if exported.input_dtype == "uint8":
        if images.dtype != np.uint8:
            raise CheckpointError(
                f"{model.path} was trained on bytes (uint8), but the test images are {images.dtype}; "
                f"choose the model's data by --data"
            )
        return images
    if exported.standardiser is not None:
        return images.astype(exported.input_dtype, copy=False)
    inputs = model.inputs(images.reshape(len(images), -1))
    return to_float(inputs.values, inputs.scale / exported.scale).reshape(images.shape)

"""A trained model, or several averaged, that takes images as they come and gives classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from barenet.deploy.inference import Inference
from barenet.errors import ShapeError
from barenet.nn import Activation, Loss
from barenet.run_folders.checkpoint import SavedModel
from barenet.run_folders.loading import load_models

__all__ = ["Predictor", "load"]


def load(path: str | Path, *, activations: Sequence[Activation] = (), loss: Loss | None = None) -> Predictor:
    """Return a predictor for a run folder, a folder of seeds (averaged), a `.safetensors` or the course's `.pkl`.

    Activations and a loss of your own, which no file holds, are handed in again. Raises CheckpointError for a file that
    is missing, damaged or no model, RunError for a folder that is no run or has no finished validation yet.
    """
    return Predictor(load_models(path, activations, loss))


class Predictor:
    """Predict classes of images, or of features as they were before they were standardised.

    Images are uint8 (0-255), or floats as the model was trained on (0-1 for pictures), flat or square, one or many:
    shapes (D,), (height, width), (n, D), (n, height, width). Extra axes of the model's image shape, such as
    channels, are understood likewise. One image gives one answer, many an array.
    """

    def __init__(self, models: Sequence[SavedModel]) -> None:
        self.models = list(models)
        self.info = models[0].info
        self._inferences = [Inference(model) for model in models]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, by their number."""
        return self.info.class_names

    def predict(self, images: ArrayLike) -> NDArray[np.int64]:
        """Return the most probable class of each image, (n,), or a single number for a single image."""
        return np.asarray(np.argmax(self.predict_proba(images), axis=-1))

    def predict_proba(self, images: ArrayLike) -> NDArray[np.floating]:
        """Return the probability of each class, (n, C), or (C,) for a single image; averaged over the models."""
        flat, is_single = self._flatten(np.asarray(images))
        shares = [run(flat, self._scale(flat)) for run in self._inferences]
        mean = shares[0] if len(shares) == 1 else np.mean(shares, axis=0)
        return mean[0] if is_single else mean

    def _scale(self, images: NDArray[np.generic]) -> float:
        """Return what pixels are multiplied by: bytes as in training, floats are taken as scaled already."""
        return self.info.scale if images.dtype.kind in "iu" else 1.0

    def _flatten(self, images: NDArray[np.generic]) -> tuple[NDArray[np.generic], bool]:
        """Return images as (n, D), and whether there was just one."""
        shape = tuple(self.info.image_shape)
        n_inputs = math.prod(shape)
        if images.dtype.kind not in "iuf":
            raise ShapeError(f"images must be uint8 or floats, got {images.dtype}")
        if images.dtype.kind == "f":
            if not np.isfinite(images).all():
                raise ShapeError("images must be finite, got NaN or infinity")
            if self.info.input_dtype == "uint8" and images.size and float(np.max(images)) > 2:
                raise ShapeError(
                    f"float images must lie in 0-1, got {float(np.max(images)):g}; hand in uint8, or divide by 255"
                )
        if images.shape in (shape, (n_inputs,)):
            return images.reshape(1, n_inputs), True
        if images.shape[1:] in (shape, (n_inputs,)):
            return images.reshape(len(images), n_inputs), False
        raise ShapeError(f"images must have shape {shape} or ({n_inputs},), one or many, got {images.shape}")

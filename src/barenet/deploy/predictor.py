"""A trained model, or several averaged, that takes raw images or rows and returns classes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from barenet.data.tables.table import has_columns, table_of
from barenet.deploy.inference import Inference
from barenet.errors import InputWarning, ShapeError
from barenet.messages import count
from barenet.nn import Activation, Loss
from barenet.run_folders.checkpoint import SavedModel, check_mirror
from barenet.run_folders.finding import Named
from barenet.run_folders.loading import load_models
from barenet.training.inputs.table_inputs import encode_table
from barenet.training.metrics import mean_probabilities

__all__ = ["Predictor", "load"]


def load(
    path: Named, *, activations: Sequence[Activation] = (), loss: Loss | None = None, mirror: bool = False
) -> Predictor:
    """Return a predictor for a run, several seeds or an ensemble (averaged), a `.safetensors` or the course's `.pkl`.

    Pass custom activations and a custom loss again, since no file holds them. With `mirror` the network sees each image
    and its mirror image, left to right, and the probabilities are averaged, in twice the time.

    Raises:
        CheckpointError: the file is missing, damaged or not a model, or there are no mirror images.
        RunError: the folder is not a run, or has no finished validation yet.
    """
    return Predictor(load_models(path, activations, loss), mirror=mirror)


class Predictor:
    """Predict classes of images, or of raw features.

    Images are uint8 (0-255) or floats with the scale of the training images, flat or not, one or many: their shapes are
    (D,), (height, width), (n, D) or (n, height, width). Images with more axes, such as channels, are taken in the same
    way. One image gives one answer, many images an array.

    A model knows the values of its training images. If it was trained on 0-1, bytes are divided by 255, with an
    `InputWarning`. Another `InputWarning` says that images look different from those in training. Each is given once.
    Images of clearly another scale are a ShapeError.

    A model of a table takes data frames, mappings of columns and rows by the names of their columns, and arrays
    (n, columns) by their places.
    """

    def __init__(self, models: Sequence[SavedModel], *, mirror: bool = False) -> None:
        self.models, self.mirror = list(models), mirror
        if mirror:
            check_mirror(models)
        self.info = models[0].info
        self._inferences = [Inference(model) for model in models]
        self._warned: set[str] = set()  # kinds of warnings that were given already

    def __repr__(self) -> str:
        several = f" and {len(self.models) - 1} more, averaged" if len(self.models) > 1 else ""
        several += ", mirrored too" if self.mirror else ""
        what = f"{self.models[0].mlp.architecture}; {count(len(self.class_names), 'class', 'classes')}"
        return f"Predictor({self.models[0].path}{several}: {what})"

    def _repr_html_(self) -> str | None:
        """Return HTML for a notebook: the layers of the first network."""
        return self.models[0]._repr_html_()

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, by their number."""
        return self.info.class_names

    @property
    def takes_rows(self) -> bool:
        """Whether the model makes its features from columns of a table."""
        return len(self.info.image_shape) == 1 and "columns" in self.info.preprocessing

    def predict(self, images: ArrayLike) -> NDArray[np.int64]:
        """Return the most probable class of each image, (n,), or a single number for a single image."""
        return np.asarray(np.argmax(self.answer(images), axis=-1))

    def predict_proba(self, images: ArrayLike) -> NDArray[np.floating]:
        """Return the probability of each class, (n, C), or (C,) for a single image; averaged over the models."""
        return self.answer(images)

    def answer(self, images: ArrayLike) -> NDArray[np.floating]:
        """Return the result of `predict_proba`."""
        flat, is_single = self._flatten(images)
        mean = self.run(flat)
        return mean[0] if is_single else mean

    def run(self, flat: NDArray[Any]) -> NDArray[np.floating]:
        """Return probabilities (n, C) of flat images, or of features that were made from a table's rows."""
        shares = []
        for run in self._inferences:
            seen = []
            for inputs in run.model.all_inputs(flat, mirror=self.mirror):
                if run is self._inferences[0]:  # the notes are the same for all models
                    self._warn(inputs.notes)
                seen.append(run(inputs))
            shares.append(average(seen))
        return average(shares)

    def _warn(self, notes: Mapping[str, str]) -> None:
        """Warn of what is doubtful about images, once of each kind."""
        for kind, sentence in notes.items():
            if kind not in self._warned:
                self._warned.add(kind)
                warnings.warn(sentence, InputWarning, stacklevel=5)

    def _flatten(self, images: Any) -> tuple[NDArray[np.generic], bool]:
        """Return images as (n, D), and whether there was only one."""
        shape = tuple(self.info.image_shape)
        n_inputs = math.prod(shape)
        if has_columns(images) or self.takes_rows:
            return self._encode(images)
        images = np.asarray(images)
        if images.shape in (shape, (n_inputs,)):
            return images.reshape(1, n_inputs), True
        if images.shape[1:] in (shape, (n_inputs,)):
            return images.reshape(len(images), n_inputs), False
        raise ShapeError(f"images must have shape {shape} or ({n_inputs},), one or many, got {images.shape}")

    def _encode(self, rows: Any) -> tuple[NDArray[np.generic], bool]:
        """Return rows of a table as features (n, D), and whether there was only one."""
        is_single = False
        if isinstance(rows, Mapping) and all(np.ndim(value) == 0 for value in rows.values()):
            rows, is_single = [rows], True
        elif not has_columns(rows) and (array := np.asarray(rows)).ndim == 1:
            rows, is_single = array[None, :], True
        table = table_of(rows, "rows", exact=True)
        return encode_table(self.info.preprocessing, table, math.prod(self.info.image_shape)), is_single


def average(shares: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Return the mean of probabilities (n, C) in the same dtype; for one array, the array itself."""
    return shares[0] if len(shares) == 1 else mean_probabilities(shares).astype(shares[0].dtype)

"""Model and state files: safetensors with one JSON of metadata and a checksum of every array; no pickle.

A model file holds the parameters by name (`W1`, `b1`, ...), as they are used for prediction. `last.safetensors` is also
a model file, and holds the whole `TrainingState` too, under names that start with `state.`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from barenet.data.standardising import Standardiser
from barenet.engine.network import FastMLP
from barenet.engine.state import TrainingState
from barenet.errors import CheckpointError, ConfigError, ShapeError
from barenet.messages import count
from barenet.nn import MLP, Activation, Architecture, Loss, make_loss
from barenet.printing.shown import Shown
from barenet.reading.borders import reading
from barenet.schema import SchemaError, make_checked
from barenet.storage.arrays import read_arrays, write_arrays
from barenet.storage.described import check_description
from barenet.training.inputs.input_range import check_numbers, fit_images, read_range
from barenet.training.inputs.preprocessing import look_at_features, read_standardiser
from barenet.training.inputs.table_inputs import read_columns

__all__ = ["Inputs", "ModelInfo", "SavedModel", "check_mirror", "read_model", "read_state", "write_model"]

USUAL_SHAPE = (28, 28)  # of the carried images


@dataclass(frozen=True, repr=False)
class ModelInfo(Shown):
    """What a model file says about its network.

    scale: pixels are multiplied by it before they enter the network. input_dtype: that of the training images.
    settings: all settings of the training, empty for a model of another program. preprocessing: what the model
    remembers of its training images, see `training.inputs.preprocessing`; empty for older files.
    """

    architecture: list[dict[str, Any]]
    loss: str
    label_smoothing: float
    image_shape: list[int]
    scale: float
    input_dtype: str
    class_names: list[str]
    epoch: int
    step: int
    seed: int
    data_name: str
    data_fingerprint: str
    metrics: dict[str, float] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    preprocessing: dict[str, Any] = field(default_factory=dict)

    def reading(self) -> dict[str, Any]:
        """Return keywords of `load_dataset` to read data as in training; other kinds of data ignore them."""
        shape, data = self.image_shape, self.settings.get("data", {})
        value_range = self.preprocessing.get("value_range")
        return {
            "image_size": (shape[0], shape[1]) if len(shape) > 1 else None,
            "color": len(shape) == 3 and shape[2] == 3,
            "skip_broken": bool(data.get("skip_broken", False)),
            "transpose": data.get("transpose"),
            "value_range": None if value_range is None else (value_range[0], value_range[1]),
            "trained_on": self.data_fingerprint,
            **self.columns(),
        }

    def columns(self) -> dict[str, Any]:
        """Return how tables are read as in training: by the columns that the model takes, where it remembers them."""
        data, columns = self.settings.get("data", {}), read_columns(self.preprocessing)
        words = ("label", "drop", "keep", "standardize", "unknown")
        given: dict[str, Any] = {name: data[name] for name in words if name in data}
        return given if columns is None else {**given, "columns": columns, "class_names": self.class_names}


class Inputs(NamedTuple):
    """The inputs of a network: `values` (n, D) of any dtype, times `scale`.

    notes: sentences for the person by kind: "scaled", how the numbers were understood, and "unusual". mirrored: the
    (height, width[, channels]) of the values if `compute_outputs` shall mirror them.
    """

    values: NDArray[Any]
    scale: float
    notes: dict[str, str]
    mirrored: tuple[int, ...] | None = None


@dataclass(frozen=True, repr=False)
class SavedModel(Shown):
    """A network from a file, ready to predict."""

    mlp: MLP
    info: ModelInfo
    loss: Loss
    path: Path

    def inputs(self, raw: NDArray[Any]) -> Inputs:
        """Return raw images or features (n, D) in the form in which the network takes them.

        Raises ShapeError for numbers that the network cannot take: see `training.inputs.input_range`.
        """
        standardise = self.standardiser
        try:
            if standardise is None:
                trained = read_range(self.info.preprocessing)
                return Inputs(*fit_images(raw, self.info.input_dtype == "uint8", self.info.scale, trained))
            # A missing number is NaN, and gets the same value as in training.
            check_numbers(raw if standardise.fill is None else np.where(np.isnan(raw), 0, raw))
            features = standardise(raw)
            return Inputs(features, 1.0, look_at_features(features, self.feature_names))
        except ValueError as error:
            raise ShapeError(str(error)) from None

    def all_inputs(self, raw: NDArray[Any], *, mirror: bool) -> Iterator[Inputs]:
        """Yield what `inputs` returns, and with `mirror` the mirror images of `raw` in the same form.

        The second result may overwrite the first. Raises CheckpointError where the model knows no height and width.
        """
        if mirror:
            check_mirror([self])
        inputs, shape = self.inputs(raw), tuple(self.info.image_shape)
        yield inputs
        if mirror and self.standardiser is None:
            yield inputs._replace(notes={}, mirrored=shape)
        elif mirror and self.standardiser is not None:
            # The image is mirrored first. Then each pixel is standardised with the statistics of its new place.
            yield Inputs(self.standardiser.mirrored(shape)(raw, out=inputs.values), 1.0, {}, shape)

    @cached_property
    def standardiser(self) -> Standardiser | None:
        """The function that standardises features as in training; None for images."""
        return read_standardiser(self.info.preprocessing)

    @cached_property
    def feature_names(self) -> list[str]:
        """Names of the features: those of the table's columns, or numbers."""
        columns = read_columns(self.info.preprocessing)
        return columns.features if columns else [f"feature {i + 1}" for i in range(self.mlp.n_inputs)]

    @property
    def gives_probabilities(self) -> bool:
        """Whether the network's outputs are probabilities, not logits."""
        return not self.mlp.ends_in_logits


def check_mirror(models: Sequence[SavedModel]) -> None:
    """Raise CheckpointError for a model that does not know its images' height and width: it has no mirror images."""
    for model in models:
        shape = tuple(model.info.image_shape)
        # The shape of a file without a description is a guess, which is safe only for the size of the carried images.
        if len(shape) < 2 or not (model.info.data_name or shape == USUAL_SHAPE):
            raise CheckpointError(
                f"{model.path} takes rows of {count(model.mlp.n_inputs, 'number')}, not images of known height and "
                f"width, so there are no mirror images: leave out --mirror"
            )


def write_model(
    path: Path,
    info: ModelInfo,
    parameters: Mapping[str, NDArray[np.generic]],
    state: TrainingState | None = None,
    *,
    also: Path | None = None,
    previous: Path | None = None,
) -> None:
    """Write a model file, or replace it; with `state`, the file also holds everything that is needed to continue.

    `also`, `previous`: see `replace_file`.
    """
    states = {} if state is None else {f"state.{name}": array for name, array in state.arrays().items()}
    write_arrays(path, asdict(info), {**parameters, **states}, also=also, previous=previous)


def read_info(path: Path) -> tuple[ModelInfo, dict[str, NDArray[Any]]]:
    """Return what a model file says about its network, with checked names and types, and its arrays."""
    with reading(path, CheckpointError, missing="give a run folder or a .safetensors file", again="use another one"):
        values, arrays = read_arrays(path)
        try:
            info = make_checked(ModelInfo, values)
            check_description(values)
        except SchemaError as error:
            raise CheckpointError(f"{path} is not a model of barenet: {error}") from None
        return info, arrays


def read_model(path: str | Path, activations: Sequence[Activation] = (), loss: Loss | None = None) -> SavedModel:
    """Return the network of a model file, checked against its checksums and its architecture.

    Custom activations and a custom loss are not in the file: pass them again; they are recognised by their names.
    """
    path = Path(path)
    info, arrays = read_info(path)
    try:
        loss = loss or make_loss(info.loss, info.label_smoothing)
    except ConfigError as error:
        raise CheckpointError(f"the model was trained with the loss {info.loss!r}; pass it again: {error}") from None
    try:
        mlp = FastMLP.from_architecture(Architecture.from_rows(info.architecture, activations), loss=loss)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}; pass custom activations again") from None
    for name, view in mlp.parameters.views.items():
        if name not in arrays or arrays[name].shape != view.shape:
            found = arrays[name].shape if name in arrays else "none"
            raise CheckpointError(f"{path}: {name} must have shape {view.shape} by the architecture, found {found}")
        if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise CheckpointError(
                f"{path}: {name} holds NaN, infinity or no numbers, so it cannot predict: use another checkpoint, or "
                f"train again"
            )
        view[...] = arrays[name]
    return SavedModel(mlp, info, loss, path)


def read_state(path: str | Path) -> tuple[ModelInfo, TrainingState]:
    """Return the training state of a `last.safetensors`."""
    path = Path(path)
    info, arrays = read_info(path)
    states = {name.removeprefix("state."): a for name, a in arrays.items() if name.startswith("state.")}
    n_parameters = sum(array.size for name, array in arrays.items() if not name.startswith("state."))
    try:
        with reading(path, CheckpointError, again="use another checkpoint"):
            state = TrainingState.from_arrays(states)
            normalized = [row for row in info.architecture if row.get("normalization") == "batch"]
            state.check(n_parameters, 2 * sum(row["output_dim"] for row in normalized))
            return info, state
    except CheckpointError as error:
        if isinstance(error.__cause__, KeyError):
            raise CheckpointError(
                f"{path} holds a model but no training state ({error.__cause__} is missing); --resume needs one"
            ) from None
        raise

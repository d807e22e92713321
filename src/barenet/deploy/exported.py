"""The description of an export: its networks and how to use them; and the comparison with the model.

`export_onnx` and `export_numpy` build the two formats, and `export` writes the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.standardising import Standardiser
from barenet.data.tables.columns import Columns
from barenet.deploy.tables.numbers import describe_columns
from barenet.errors import CheckpointError, ConfigError
from barenet.nn.mlp import MLP
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.evaluation import compute_outputs
from barenet.training.inputs.input_range import read_range, scaled_range
from barenet.training.inputs.preprocessing import read_standardiser
from barenet.training.inputs.table_inputs import read_columns
from barenet.training.metrics import probabilities
from barenet.version import __version__

__all__ = [
    "TOLERANCE",
    "Agreement",
    "Exported",
    "compare",
    "describe_networks",
    "exact_probabilities",
    "measure_rounding",
]

# How far a probability may be from the model's: about ten roundings of a float32 near 1, and four times the model's
# error in float32. Runtimes sum in other orders. Over 15 networks, their error was at most 1.3 times the largest error
# of the five orders that are tried here.
TOLERANCE, MARGIN = 1e-6, 4.0
ORDERS = 4  # other orders in which sums are computed again


@dataclass(frozen=True)
class Exported:
    """Networks whose probabilities are averaged, and facts for using them.

    networks: in the form for prediction; each ends in logits, which still need a softmax, or in probabilities.
    image_shape, input_dtype ("uint8" or "float32"; "float64" for features that need it): those of the input images.
    scale: multiplies the images first, unless a `standardiser` is applied. trained: values of the training images in
    the units of the input images, see `training.inputs.input_range`; {} for features, and for a model that remembers
    none. columns, unknown: those of the table that the model takes, and what to do with a text that training never saw.
    about: facts about the origin of the file: version, run, data, accuracies (fractions 0-1).
    """

    networks: list[MLP]
    image_shape: tuple[int, ...]
    input_dtype: str
    scale: float
    class_names: list[str]
    standardiser: Standardiser | None = None
    trained: dict[str, list[float]] = field(default_factory=dict)
    columns: Columns | None = None
    unknown: str = "error"
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def rows_of(self) -> Columns | None:
        """The columns of the input rows; None for images, also for those in a table with a column for each pixel."""
        return self.columns if self.standardiser is not None else None

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that a file holds, by name: numbers, texts and lists."""
        return {
            **self.about,
            "class_names": self.class_names,
            "image_shape": list(self.image_shape),
            "input_dtype": self.input_dtype,
            "input_scale": self.scale,
            **({"input_range": self.trained["values"]} if self.trained else {}),
            **({"columns": describe_columns(self.rows_of)} if self.rows_of else {}),
            "networks_averaged": len(self.networks),
        }

    @property
    def values(self) -> str:
        """The input values, in words."""
        if self.input_dtype == "uint8":
            return "bytes 0-255"
        if self.trained:
            lowest, highest = self.trained["values"]
            return f"from {lowest:.6g} to {highest:.6g}, as in training; scale bytes to that range first"
        return "in the units of the training data" if self.standardiser else "scaled as in training"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the weights: float32, or float64 for the course project's models."""
        return self.networks[0].dtype


def describe_networks(models: Sequence[SavedModel], about: dict[str, Any], *, preprocessing: bool = True) -> Exported:
    """Return the description of loaded models for an export.

    Without `preprocessing` the input images are floats that are scaled already.

    Raises:
        ConfigError: an activation is a custom Python function, which an exported file cannot hold.
        CheckpointError: the models have different inputs or classes, so that there is no average.
    """
    first = models[0].info
    for model in models:
        check_functions(model)
        if (model.info.image_shape, model.info.class_names) != (first.image_shape, first.class_names):
            raise CheckpointError(f"{model.path} and {models[0].path} take different images or have different classes")
    standardiser = read_standardiser(first.preprocessing) if preprocessing else None
    input_dtype = "uint8" if preprocessing and first.input_dtype == "uint8" and standardiser is None else "float32"
    if standardiser is not None and first.preprocessing.get("has_float64"):
        input_dtype = "float64"
    trained = read_range(first.preprocessing)
    columns = read_columns(first.preprocessing) if preprocessing else None
    are_rows = columns is not None and standardiser is not None
    return Exported(
        networks=[model.mlp for model in models],
        image_shape=(len(columns.columns),) if columns and are_rows else tuple(first.image_shape),
        input_dtype=input_dtype,
        scale=first.scale if preprocessing else 1.0,
        class_names=list(first.class_names),
        standardiser=standardiser,
        trained=trained if preprocessing else scaled_range(trained, first.scale),
        columns=columns,
        unknown=first.preprocessing.get("unknown", "error"),
        about={"barenet_version": __version__, **about},
    )


def check_functions(model: SavedModel) -> None:
    """Raise ConfigError for a custom activation."""
    for row in model.mlp.architecture.rows:
        if row.activation.is_custom:
            raise ConfigError(
                f"{model.path} cannot be exported: its activation {row.activation.name!r} is a custom Python function, "
                f"which the file cannot hold; use the model in Python by barenet.load, or train with a built-in one"
            )


def exact_probabilities(exported: Exported, images: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities (n, C) of images (n, ...), computed in float64, which counts as exact here."""
    x = images.reshape(len(images), -1) * np.float64(exported.scale)
    if exported.standardiser is not None:
        x = exported.standardiser(x).astype(np.float64)
    networks = exported.networks
    outputs = [compute_outputs(network.copy(np.float64), x, 1.0) for network in networks]
    shares = [probabilities(one, not network.ends_in_logits) for one, network in zip(outputs, networks, strict=True)]
    return np.asarray(np.mean(shares, axis=0))


def measure_rounding(exported: Exported, images: NDArray[Any], expected: NDArray[np.floating]) -> float:
    """Return the largest difference between the model's probabilities and exact ones, over several orders of the sums.

    The hidden units and inputs of a network are put in other orders. In exact arithmetic that changes nothing.
    """
    exact, scale, x = exact_probabilities(exported, images), exported.scale, images.reshape(len(images), -1)
    x = x if exported.standardiser is None else exported.standardiser(x)
    largest = np.max(np.abs(expected - exact), initial=0.0)
    rng = np.random.default_rng(0)
    for _ in range(ORDERS):
        shares = []
        for network in exported.networks:
            other, columns = reorder(network, rng)
            outputs = compute_outputs(other, np.ascontiguousarray(x[:, columns]), scale)
            shares.append(probabilities(outputs, not network.ends_in_logits))
        largest = np.maximum(largest, np.max(np.abs(np.mean(shares, axis=0) - exact), initial=0.0))
    return float(largest)


def reorder(network: MLP, rng: np.random.Generator) -> tuple[MLP, NDArray[np.int64]]:
    """Return the network with its inputs and hidden units in another order, and the order of the inputs."""
    other, rows = network.copy(network.dtype), network.architecture.rows
    views = other.parameters.views
    columns = before = rng.permutation(network.n_inputs)
    for i, row in enumerate(rows, start=1):
        order = rng.permutation(row.output_dim) if i < len(rows) else np.arange(row.output_dim)
        after = before if row.residual else order
        views[f"W{i}"][...] = network.parameters.views[f"W{i}"][np.ix_(before, after)]
        views[f"b{i}"][...] = network.parameters.views[f"b{i}"][..., after]
        before = after
    return other, columns


@dataclass(frozen=True)
class Agreement:
    """How an exported file, run by `runtime`, compares with the model on `n_images` images.

    largest_difference: between two probabilities; at most `limit` was allowed. rounding: the difference between the
    model and exact arithmetic. n_same: images with the same class. n_near_ties: images whose two most probable classes
    are so close that rounding may decide between them.
    """

    runtime: str
    n_images: int
    largest_difference: float
    limit: float
    rounding: float
    n_same: int
    n_near_ties: int

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        renamed = {"n_images": "images", "n_same": "same_class", "n_near_ties": "near_ties"}
        return {renamed.get(name, name): value for name, value in asdict(self).items()}


def compare(
    runtime: str,
    expected: NDArray[np.floating],
    found: NDArray[np.floating],
    classes: NDArray[np.integer],
    *,
    rounding: float = 0.0,
    tolerance: float | None = None,
) -> Agreement:
    """Compare probabilities (n, C) and classes (n,) of an exported file with the model's probabilities (n, C).

    `rounding` is the difference between the model and exact arithmetic. A probability may differ by `tolerance`; by
    default by `TOLERANCE` plus `MARGIN` times the rounding, since the probabilities of a model with large logits are
    known only so well. A class may differ only where the two most probable classes are closer than twice that limit.

    Raises:
        CheckpointError: the file does not agree with the model, so it must not be written.
    """
    if found.shape != expected.shape:
        raise CheckpointError(f"{runtime} gives probabilities of shape {found.shape}, but the model {expected.shape}")
    limit = TOLERANCE + MARGIN * rounding if tolerance is None else tolerance
    largest = float(np.max(np.abs(found.astype(np.float64) - expected), initial=0.0))
    same = classes == np.argmax(expected, axis=-1)
    best_two = np.sort(expected.astype(np.float64), axis=-1)[:, -2:]
    near_tie = best_two[:, -1] - best_two[:, 0] < 2 * limit
    if not (largest <= limit and np.all(same | near_tie)):  # also for NaN
        raise CheckpointError(
            f"the export is not written: run by {runtime} its probabilities differ by up to {largest:.1e} from the "
            f"model's (at most {limit:.1e} is allowed; the model is within {rounding:.1e} of exact arithmetic), and "
            f"{int(np.sum(~same))} of {len(same)} classes differ; if that is good enough, allow it by --tolerance"
        )
    return Agreement(runtime, len(same), largest, limit, rounding, int(np.sum(same)), int(np.sum(near_tie)))

"""What an export holds: networks, and what a person must know to use them; and how it is compared with the model.

The formats, ONNX and NumPy, are left to `export_onnx` and `export_numpy`; files and commands to `export`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.data.standardising import Standardiser
from barenet.errors import CheckpointError, ConfigError
from barenet.nn.mlp import MLP
from barenet.run_folders.checkpoint import SavedModel
from barenet.training.evaluation import compute_outputs
from barenet.training.metrics import probabilities
from barenet.training.preprocessing import read_standardiser
from barenet.version import __version__

__all__ = [
    "TOLERANCE",
    "Agreement",
    "Exported",
    "compare",
    "describe_networks",
    "exact_probabilities",
]

# How far a probability from the exported file may be from the model's own: some ten roundings of a float32 near 1.
# Each runtime sums products in an order of its own, so their last bits differ.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Exported:
    """Networks whose probabilities are averaged, and what a person must know to use them.

    networks: as they are evaluated; all have the same architecture, and end in logits or all in probabilities.
    image_shape, input_dtype ("uint8" or "float32"): of the images that go in; `scale` multiplies them first, or the
    `standardiser` is applied.
    about: facts for whoever finds the file: version, run, data, accuracies (fractions 0-1).
    """

    networks: list[MLP]
    image_shape: tuple[int, ...]
    input_dtype: str
    scale: float
    class_names: list[str]
    standardiser: Standardiser | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def ends_in_logits(self) -> bool:
        """Whether softmax is still to be taken, network by network."""
        return self.networks[0].ends_in_logits

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the weights: float32, or float64 for the course project's models."""
        return self.networks[0].dtype


def describe_networks(models: Sequence[SavedModel], about: dict[str, Any], *, preprocessing: bool = True) -> Exported:
    """Return what loaded models compute, as arrays and names.

    Without `preprocessing` the images that go in are floats that somebody has scaled already.

    Raises:
        ConfigError: an activation is a person's own Python function, which no exported file could hold.
        CheckpointError: the models differ in what they take or give, so that there is no average.
    """
    first = models[0].info
    for model in models:
        check_functions(model)
        if (model.info.image_shape, model.info.class_names) != (first.image_shape, first.class_names):
            raise CheckpointError(f"{model.path} and {models[0].path} take other images or give other classes")
    takes_bytes = preprocessing and first.input_dtype == "uint8"
    return Exported(
        networks=[model.mlp for model in models],
        image_shape=tuple(first.image_shape),
        input_dtype="uint8" if takes_bytes else "float32",
        scale=first.scale if takes_bytes else 1.0,
        class_names=list(first.class_names),
        standardiser=read_standardiser(first.preprocessing) if preprocessing else None,
        about={"barenet_version": __version__, **about},
    )


def check_functions(model: SavedModel) -> None:
    """Raise ConfigError for an activation that a person wrote in Python."""
    for row in model.mlp.architecture.rows:
        if row.activation.is_custom:
            raise ConfigError(
                f"{model.path} cannot be exported: its activation {row.activation.name!r} is a Python function of your "
                f"own, and the file could not hold it; use it in Python by barenet.load, or train with a built-in one"
            )


def exact_probabilities(exported: Exported, images: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities (n, C) of images (n, ...) computed in float64: without rounding, for our purposes."""
    x = images.reshape(len(images), -1) * np.float64(exported.scale)
    if exported.standardiser is not None:
        x = exported.standardiser(x).astype(np.float64)
    outputs = [compute_outputs(network.copy(np.float64), x, 1.0) for network in exported.networks]
    shares = [probabilities(own, not exported.ends_in_logits) for own in outputs]
    return np.asarray(np.mean(shares, axis=0))


@dataclass(frozen=True)
class Agreement:
    """How an exported file, run by `runtime`, compares with the model on `n_images` images.

    largest_difference: between two probabilities; at most `limit` was allowed. n_same: images with the same class.
    n_near_ties: images whose two most probable classes lie so near that rounding alone may decide between them.
    """

    runtime: str
    n_images: int
    largest_difference: float
    limit: float
    n_same: int
    n_near_ties: int

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for `--json`."""
        return {
            "runtime": self.runtime,
            "images": self.n_images,
            "largest_difference": self.largest_difference,
            "limit": self.limit,
            "same_class": self.n_same,
            "near_ties": self.n_near_ties,
        }


def compare(
    runtime: str,
    expected: NDArray[np.floating],
    found: NDArray[np.floating],
    classes: NDArray[np.integer],
    rounding: float = 0.0,
) -> Agreement:
    """Compare probabilities (n, C) and classes (n,) of an exported file with the model's probabilities (n, C).

    `rounding` is how far the model itself is from exact arithmetic. A probability may be off by the tolerance and as
    much again as that: a model of large logits, known to a few units of their last place, defines its probabilities
    no better. A class may differ only where the two most probable lie within twice that limit.

    Raises:
        CheckpointError: the file would not be the model, so nobody shall get it.
    """
    if found.shape != expected.shape:
        raise CheckpointError(f"{runtime} gives probabilities of shape {found.shape}, the model {expected.shape}")
    limit = TOLERANCE + rounding
    largest = float(np.max(np.abs(found.astype(np.float64) - expected), initial=0.0))
    same = classes == np.argmax(expected, axis=-1)
    best_two = np.sort(expected.astype(np.float64), axis=-1)[:, -2:]
    near_tie = best_two[:, -1] - best_two[:, 0] < 2 * limit
    if not largest <= limit or not np.all(same | near_tie):  # "not <=", for NaN is no agreement
        raise CheckpointError(
            f"the export is not written: run by {runtime} its probabilities differ by up to {largest:.1e} from the "
            f"model's (at most {limit:.1e}), and {int(np.sum(~same))} of {len(same)} classes are others"
        )
    return Agreement(runtime, len(same), largest, limit, int(np.sum(same)), int(np.sum(near_tie)))

"""The form of a network in the playground's page: rows for its script, and weights packed into text."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from barenet.errors import CheckpointError
from barenet.nn import CUSTOM, MLP, by_kind
from barenet.run_folders.checkpoint import SavedModel

__all__ = ["describe_network", "not_as_good", "pack", "round_weights", "weights_in_order"]

TOLERANCE = 5e-5  # rounded weights may change a logit by this share of the largest; tests of the page allow 1e-4


def describe_network(model: SavedModel) -> list[dict[str, Any]]:
    """Return a row for each layer: its sizes, and the activation that is really applied after it."""
    rows: list[dict[str, Any]] = []
    for layer in model.mlp.layers:
        by_kind(ROWS, layer, "the playground")(rows, layer)
    for i, row in enumerate(rows, start=1):
        if row["activation"].startswith(CUSTOM):
            raise CheckpointError(
                f"layer {i} of {model.path} has the activation {row['activation']!r}: a page runs JavaScript and "
                f"cannot run a custom Python function; train with one of barenet's activations"
            )
    return rows


def add_dense(rows: list[dict[str, Any]], layer: Any) -> None:
    """Add the row of a dense layer, whose activation may follow."""
    inputs, outputs = layer.W.shape
    rows.append({"inputs": inputs, "outputs": outputs, "activation": "identity"})


# What each kind of layer adds to the rows that the page's script, playground.network.js, reads.
ROWS: dict[str, Callable[[list[dict[str, Any]], Any], None]] = {
    "residual_start": lambda rows, layer: None,
    "dense": add_dense,
    "layer_norm": lambda rows, layer: rows[-1].update(normalization="layer"),
    "batch_norm": lambda rows, layer: None,  # weights and bias hold it
    "activation": lambda rows, layer: rows[-1].update(activation=layer.activation.name),
    "residual_sum": lambda rows, layer: rows[-1].update(residual=True),
    "dropout": lambda rows, layer: None,
}


def weights_in_order(mlp: MLP) -> NDArray[np.float32]:
    """Return W1, b1, W2, b2, ... in one row of float32."""
    views = mlp.parameters.views
    names = [f"{kind}{i}" for i in range(1, len(mlp.architecture.rows) + 1) for kind in "Wb"]
    return np.concatenate([views[name].ravel() for name in names]).astype(np.float32)


def round_weights(mlp: MLP) -> MLP:
    """Return the network with float32 weights rounded to three bytes; the fourth is zero and compresses well."""
    rounded = mlp.copy(np.float32)
    bits = rounded.parameters.values.view(np.uint32)
    bits[...] = (bits.astype(np.uint64) + 0x80) & 0xFFFFFF00
    return rounded


def not_as_good(exact: MLP, rounded: MLP) -> bool:
    """Return whether rounding moves an output by more than the tolerance, on random images."""
    images = np.random.default_rng(0).random((200, exact.n_inputs))
    outputs = exact.copy(np.float64).forward(images)
    difference = rounded.copy(np.float64).forward(images) - outputs
    return bool(np.max(np.abs(difference)) > TOLERANCE * np.max(np.abs(outputs)))


def pack(array: NDArray[np.generic]) -> str:
    """Return an array's little-endian bytes as base64 of zlib: first the first bytes of all elements, then the second.

    Signs and exponents of weights are similar, so they compress well when they are stored together.
    """
    little = array.astype(array.dtype.newbyteorder("<"))
    planes = np.ascontiguousarray(little).view(np.uint8).reshape(-1, little.dtype.itemsize).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode()

"""The network before training, for comparison with the trained network.

Only batch normalisation needs this module. A trained network holds the statistics of its units in its weights, and an
untrained one has no statistics: they are measured here. Since statistics decide the lengths of the weights, lengths are
not compared.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from barenet.data.batches import to_float
from barenet.nn import MLP
from barenet.nn.layers.normalization import EPSILON

__all__ = ["change_of_weights", "with_own_statistics"]


def normalised_layers(mlp: MLP) -> list[int]:
    """Return the numbers, from 1, of the layers with batch normalisation."""
    return [i for i, row in enumerate(mlp.architecture.rows, start=1) if row.normalization == "batch"]


def with_own_statistics(initial: MLP, images: NDArray[np.generic], scale: float) -> MLP:
    """Return the untrained network with each unit normalised by its statistics over images (n, D).

    Images are multiplied by `scale`.
    """
    layers = normalised_layers(initial)
    if not layers:
        return initial
    mlp, x = initial.copy(), to_float(images, scale)
    for i in layers:
        weights, bias = mlp.parameters.views[f"W{i}"], mlp.parameters.views[f"b{i}"]
        z = mlp.trace(x)[i - 1][0].astype(np.float64) - bias
        deviation = np.sqrt(z.var(axis=0) + EPSILON)
        weights[...] = weights / deviation
        bias[...] = bias - (z.mean(axis=0) / deviation)
    return mlp


def change_of_weights(trained: MLP, initial: MLP) -> float:
    """Return the norm of the change of the weights in training, divided by their norm before.

    With batch normalisation all weights of a unit are divided by its deviation, and its bias holds its mean. So the
    weights of a unit are scaled to their length before training, and its bias is not compared.
    """
    before, after = (named64(mlp) for mlp in (initial, trained))
    for i in normalised_layers(trained):
        lengths = [np.linalg.norm(values[f"W{i}"], axis=0) for values in (before, after)]
        after[f"W{i}"] = after[f"W{i}"] * (lengths[0] / np.where(lengths[1] > 0, lengths[1], 1))
        after[f"b{i}"] = before[f"b{i}"]
    norm = math.sqrt(sum(float(np.sum(value**2)) for value in before.values()))
    change = math.sqrt(sum(float(np.sum((after[name] - value) ** 2)) for name, value in before.items()))
    return change / norm if norm > 0 else math.inf


def named64(mlp: MLP) -> dict[str, NDArray[np.float64]]:
    """Return the parameters by name in float64."""
    return {name: value.astype(np.float64) for name, value in mlp.parameters.views.items()}

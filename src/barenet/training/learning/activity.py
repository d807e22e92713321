"""How hidden units react to images: whether they are flat for all images, and how much they differ between images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.data.batches import to_float
from barenet.nn import MLP

__all__ = ["Activity", "is_flat", "look_at_layers", "trace"]

Array = NDArray[np.floating]

FLAT = 0.05  # a slope below this share of the function's steepest slope counts as flat
BATCH = 1000


@dataclass(frozen=True)
class Activity:
    """The units of a hidden layer, counted from 1.

    n_dead: how many are flat for every image. spread: how much they differ between images, as a share of their mean
    size.
    """

    layer: int
    activation: str
    n_units: int
    n_dead: int
    spread: float


def trace(mlp: MLP, x: Array, start: int = 0) -> list[tuple[Array, Array]]:
    """Return (z, a) of each layer as `MLP.trace` does; a network that is about to diverge may overflow."""
    with np.errstate(all="ignore"):
        return mlp.trace(x, start)


def is_flat(mlp: MLP, layer: int, z: Array) -> NDArray[np.bool_]:
    """Whether the activation function is flat at z (B, H): its slope is below `FLAT` times its steepest slope."""
    activation = mlp.architecture.rows[layer].activation
    a, slope, steepest = np.empty_like(z), np.empty_like(z), 0.25 if activation.name == "sigmoid" else 1.0
    with np.errstate(all="ignore"):
        activation.forward(z.copy(), out=a)
        activation.backward(np.ones_like(z), z.copy(), a, out=slope)
    return np.abs(slope) < FLAT * steepest


def look_at_layers(mlp: MLP, pixels: NDArray[np.generic], scale: float) -> list[Activity]:
    """Return how each hidden layer reacts to images (n, D), which are multiplied by `scale`."""
    hidden = mlp.architecture.hidden
    always = [np.ones(row.output_dim, np.bool_) for row in hidden]
    spreads = []
    for start in range(0, len(pixels), BATCH):
        passed = trace(mlp, to_float(pixels[start : start + BATCH], scale, dtype=mlp.dtype))[:-1]
        for layer, (z, _) in enumerate(passed):
            always[layer] &= is_flat(mlp, layer, z).all(axis=0)
        if start == 0:
            spreads = [spread_of(a) for _, a in passed]
    return [
        Activity(layer + 1, row.activation.name, row.output_dim, int(always[layer].sum()), spreads[layer])
        for layer, row in enumerate(hidden)
    ]


def spread_of(a: Array) -> float:
    """Return the mean deviation of the units (B, H) between images, divided by the mean size of their activations."""
    with np.errstate(all="ignore"):
        size = float(np.mean(np.abs(a), dtype=np.float64))
        deviation = float(np.mean(np.std(a, axis=0, dtype=np.float64)))
    return deviation / size if size > 0 and np.isfinite(size) else 0.0

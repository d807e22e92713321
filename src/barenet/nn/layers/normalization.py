"""Layer normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.nn.layers.base import Layer, Slot

__all__ = ["EPSILON", "LayerNorm"]

Array = NDArray[np.floating]

EPSILON = 1e-5  # added to the variance


@dataclass
class LayerNormSlot(Slot):
    """A layer normalisation's slot.

    normalized: a copy of y (..., B, H), because an activation may overwrite its input. inverse: 1 / deviation
    (..., B, 1).
    """

    normalized: Array
    inverse: Array


class LayerNorm(Layer):
    """y = (x - mean) / sqrt(variance + 1e-5), mean and variance over the units of each image (Ba et al. 2016).

    It has no gain and shift, unlike the paper: Xu et al. 2019 ("Understanding and improving layer normalization") found
    that they do not help in most cases.
    """

    kind = "layer_norm"

    def __init__(self, n_outputs: int) -> None:
        self.n_outputs = n_outputs

    def make_slot(self, x: Array, needs_dx: bool) -> LayerNormSlot:
        """Return arrays for a batch."""
        dx = np.empty_like(x) if needs_dx else None
        return LayerNormSlot(x, np.empty_like(x), dx, np.empty_like(x), np.empty_like(x[..., :1]))

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y."""
        assert isinstance(slot, LayerNormSlot)
        np.subtract(slot.x, slot.x.mean(axis=-1, keepdims=True), out=slot.normalized)
        np.square(slot.normalized, out=slot.y)
        np.mean(slot.y, axis=-1, keepdims=True, out=slot.inverse)
        slot.inverse += slot.x.dtype.type(EPSILON)
        np.divide(1, np.sqrt(slot.inverse, out=slot.inverse), out=slot.inverse)
        slot.normalized *= slot.inverse
        slot.y[...] = slot.normalized

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = (dy - mean(dy) - y mean(dy y)) / deviation, with means over units."""
        assert isinstance(slot, LayerNormSlot)
        if slot.dx is None:
            return
        np.multiply(dy, slot.normalized, out=slot.dx)
        along = slot.dx.mean(axis=-1, keepdims=True)
        np.multiply(slot.normalized, along, out=slot.dx)
        np.subtract(dy, slot.dx, out=slot.dx)
        slot.dx -= dy.mean(axis=-1, keepdims=True)
        slot.dx *= slot.inverse

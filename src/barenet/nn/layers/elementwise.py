"""The layer of an activation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.nn.activations import Activation
from barenet.nn.layers.base import Layer, Slot

__all__ = ["ActivationLayer"]

Array = NDArray[np.floating]


class ActivationLayer(Layer):
    """y = f(x), element by element, or along the last axis for softmax."""

    kind = "activation"

    def __init__(self, activation: Activation, n_outputs: int) -> None:
        self.activation = activation
        self.n_outputs = n_outputs

    def make_slot(self, x: Array, needs_dx: bool) -> Slot:
        """Return arrays for a batch; y is the array of x if the activation works in place."""
        return Slot(x, x if self.activation.in_place else np.empty_like(x), np.empty_like(x))

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = f(x); if the activation has `with_slope`, training also writes f'(x) over x."""
        if training and self.activation.with_slope is not None:
            self.activation.with_slope(slot.x, out=slot.y, scratch=slot.dx)
        else:
            self.activation.forward(slot.x, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy f'(x), after a forward pass in training; may overwrite dy, and x if y is another array."""
        if self.activation.with_slope is not None:
            np.multiply(dy, slot.x, out=slot.dx)
        else:
            self.activation.backward(dy, slot.x, slot.y, out=slot.dx)

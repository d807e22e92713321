"""The dense layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.nn.layers.base import Layer, Slot

__all__ = ["Dense"]

Array = NDArray[np.floating]


class Dense(Layer):
    """y = x W + b, with W (..., D, H) and b (..., 1, H).

    adds_bias: False if a layer above adds b, see `BatchNorm`.
    """

    kind = "dense"
    has_parameters = True

    def __init__(self, W: Array, b: Array, dW: Array, db: Array, *, adds_bias: bool = True) -> None:
        self.W, self.b, self.dW, self.db, self.adds_bias = W, b, dW, db, adds_bias
        self.n_outputs = W.shape[-1]
        self.lead = W.shape[:-2]

    def make_slot(self, x: Array, needs_dx: bool) -> Slot:
        """Return arrays for a batch shaped like `x`: (B, D) if the stack shares it, else (N, B, D)."""
        y = np.empty((*self.lead, x.shape[-2], self.n_outputs), x.dtype)
        return Slot(x, y, np.empty((*self.lead, *x.shape[-2:]), x.dtype) if needs_dx else None)

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = x W + b."""
        np.matmul(slot.x, self.W, out=slot.y)
        if self.adds_bias:
            np.add(slot.y, self.b, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy W^T, except in the first layer of a network."""
        if slot.dx is not None:
            np.matmul(dy, self.W.swapaxes(-1, -2), out=slot.dx)

    def parameter_gradients(self, slot: Slot, dy: Array) -> None:
        """Write dW = x^T dy, db = the sum of dy over the batch."""
        np.matmul(slot.x.swapaxes(-1, -2), dy, out=self.dW)
        if self.adds_bias:
            np.sum(dy, axis=-2, keepdims=True, out=self.db)

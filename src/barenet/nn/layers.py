"""The two kinds of layer that a perceptron is made of, each with its forward and its backward step.

A layer holds parameters or functions, never what belongs to a batch: that lies in its `Slot`, which a workspace
owns. So one network can be evaluated on one workspace while it trains on another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from barenet.nn.activations import Activation

__all__ = ["ActivationLayer", "Dense", "Layer", "Slot"]

Array = NDArray[np.floating]


@dataclass
class Slot:
    """What one layer remembers of one batch: its input x, its output y, and the gradient dx it hands down.

    `dx` is None for the layer next to the images: nobody needs the gradient with respect to them.
    """

    x: Array
    y: Array
    dx: Array | None


class Layer(ABC):
    """One step of the forward pass and the matching step of the backward pass."""

    n_outputs: int

    @abstractmethod
    def make_slot(self, x: Array, needs_dx: bool) -> Slot:
        """Return arrays for a batch shaped like `x` (..., B, D)."""

    @abstractmethod
    def forward(self, slot: Slot, training: bool) -> None:
        """Write `slot.y` from `slot.x`. `training` matters to layers that behave otherwise when evaluated."""

    @abstractmethod
    def backward(self, slot: Slot, dy: Array) -> None:
        """Overwrite the layer's parameter gradients, and `slot.dx` where there is one, from `dy` (..., B, H)."""


class Dense(Layer):
    """y = x W + b, with W (..., D, H) and b (..., 1, H)."""

    def __init__(self, W: Array, b: Array, dW: Array, db: Array) -> None:
        self.W, self.b, self.dW, self.db = W, b, dW, db
        self.n_outputs = W.shape[-1]
        self.lead = W.shape[:-2]

    def make_slot(self, x: Array, needs_dx: bool) -> Slot:
        """Return arrays for a batch shaped like `x`, shared by the stack (B, D) or not (N, B, D)."""
        y = np.empty((*self.lead, x.shape[-2], self.n_outputs), x.dtype)
        dx = np.empty((*self.lead, *x.shape[-2:]), x.dtype) if needs_dx else None
        return Slot(x, y, dx)

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = x W + b."""
        np.matmul(slot.x, self.W, out=slot.y)
        np.add(slot.y, self.b, out=slot.y)

    def backward(self, slot: Slot, dy: Array) -> None:
        """Write dW = x^T dy, db = the sum of dy over the batch, dx = dy W^T."""
        np.matmul(slot.x.swapaxes(-1, -2), dy, out=self.dW)
        # A product with a row of ones: the sum over a batch, faster than np.sum for small batches.
        np.matmul(ones(dy.shape[-2], dy.dtype), dy, out=self.db)
        if slot.dx is not None:
            np.matmul(dy, self.W.swapaxes(-1, -2), out=slot.dx)


class ActivationLayer(Layer):
    """y = f(x), element by element, or along the last axis for softmax."""

    def __init__(self, activation: Activation, n_outputs: int) -> None:
        self.activation = activation
        self.n_outputs = n_outputs

    def make_slot(self, x: Array, needs_dx: bool) -> Slot:
        """Return arrays for a batch; y is x itself where the activation works in place."""
        return Slot(x, x if self.activation.in_place else np.empty_like(x), np.empty_like(x))

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = f(x)."""
        self.activation.forward(slot.x, out=slot.y)

    def backward(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy f'(x). Spends x, y and dy as scratch."""
        self.activation.backward(dy, slot.x, slot.y, out=slot.dx)


_ONES: dict[tuple[int, np.dtype], Array] = {}


def ones(n: int, dtype: DTypeLike) -> Array:
    """Return a read-only row (1, n) of ones, made once for each size."""
    key = (n, np.dtype(dtype))
    if key not in _ONES:
        row = np.ones((1, n), dtype)
        row.flags.writeable = False
        _ONES[key] = row
    return _ONES[key]

"""The first phase of a step: for some images of the batch, the whole forward pass, and back to the first layer.

It keeps each layer's input x and output gradient dy, from which the second phase computes the gradients of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.engine.network import FastMLP
from barenet.nn import Loss
from barenet.nn.layers import Slot
from barenet.nn.workspace import make_slots

__all__ = ["BatchMemory", "ImagesPart"]

Array = NDArray[np.floating]


@dataclass
class BatchMemory:
    """The arrays of a step for a batch of B images: a slot for each layer, the gradient of the logits (..., B, C)."""

    slots: list[Slot]
    dlogits: Array

    @staticmethod
    def allocate(mlp: FastMLP, x: Array) -> BatchMemory:
        """Return memory for batches shaped like `x`."""
        slots = make_slots(mlp.layers, x)
        return BatchMemory(slots, np.empty_like(slots[-1].y))

    def rows(self, rows: slice) -> BatchMemory:
        """Return the memory of some images of one network."""
        return BatchMemory([slot.rows(rows) for slot in self.slots], self.dlogits[rows])

    def output_gradient(self, layer: int) -> Array | None:
        """Return dy (..., B, H) of layer number `layer`, counted from 0; None for dropout of the images."""
        return self.dlogits if layer + 1 == len(self.slots) else self.slots[layer + 1].dx


class ImagesPart:
    """Some images of a batch.

    After `run`, `loss` is their mean loss, and `predicted` holds their predicted classes.
    """

    def __init__(self, mlp: FastMLP, loss: Loss, memory: BatchMemory) -> None:
        self.loss_function = loss
        self.pairs = list(zip(mlp.layers, memory.slots, strict=True))
        self.dlogits = memory.dlogits
        self.loss: Array = np.zeros(())

    def run(self, x: Array, labels: NDArray[np.integer], predicted: NDArray[np.intp], scale: Array | None) -> None:
        """Compute the forward pass of images x (..., R, D), and the gradients back to the first layer.

        predicted: (..., R), written in place. scale: a factor of the gradient of their mean loss; None for 1.
        """
        y = x
        for layer, slot in self.pairs:
            slot.x = y
            layer.forward(slot, True)
            y = slot.y
        self.loss = self.loss_function(y, labels, dlogits=self.dlogits)
        predicted[...] = y.argmax(axis=-1)
        if scale is not None:
            np.multiply(self.dlogits, scale, out=self.dlogits)
        dy: Array | None = self.dlogits
        for layer, slot in reversed(self.pairs):
            if dy is None:  # only dropout of the images remains
                break
            layer.input_gradient(slot, dy)
            dy = slot.dx

"""A network whose dense layers compute their products in parts, if BLAS multiplies these faster than the whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.engine.products import columns, cut, rows
from barenet.nn import MLP
from barenet.nn.layers import Dense, Slot
from barenet.nn.losses.logits import ones

__all__ = ["FastMLP"]

Array = NDArray[np.floating]


@dataclass
class DenseSlot(Slot):
    """A dense layer's slot for a small batch, with views for its products in parts."""

    W_columns: Array
    y_columns: Array
    WT_columns: Array
    dx_columns: Array | None
    n_dW: int


class DenseInParts(Dense):
    """A dense layer; for small batches its products are cut (see `products`): y and dx by columns, dW by rows."""

    def make_slot(self, x: Array, needs_dx: bool) -> Slot:
        """Return arrays for a batch shaped like `x`, and views of their parts if there are several."""
        slot = super().make_slot(x, needs_dx)
        parts = cut(x.shape[-2], *self.W.shape[-2:])
        if parts.is_whole:
            return slot
        return DenseSlot(
            **vars(slot),
            W_columns=columns(self.W, parts.forward),
            y_columns=columns(slot.y, parts.forward),
            WT_columns=rows(self.W, parts.dx).swapaxes(-1, -2),
            dx_columns=None if slot.dx is None else columns(slot.dx, parts.dx),
            n_dW=parts.dW,
        )

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = x W + b."""
        if isinstance(slot, DenseSlot):
            np.matmul(slot.x[..., None, :, :], slot.W_columns, out=slot.y_columns)
        else:
            np.matmul(slot.x, self.W, out=slot.y)
        if self.adds_bias:
            np.add(slot.y, self.b, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy W^T, except in the first layer of a network."""
        if isinstance(slot, DenseSlot) and slot.dx_columns is not None:
            np.matmul(dy[..., None, :, :], slot.WT_columns, out=slot.dx_columns)
        else:
            super().input_gradient(slot, dy)

    def parameter_gradients(self, slot: Slot, dy: Array) -> None:
        """Write dW = x^T dy, db = the sum of dy over the batch."""
        n = slot.n_dW if isinstance(slot, DenseSlot) else 1
        np.matmul(columns(slot.x, n).swapaxes(-1, -2), dy[..., None, :, :], out=rows(self.dW, n))
        if self.adds_bias:
            # A product with a row of ones: for small batches faster than np.sum.
            np.matmul(ones(dy.shape[-2], dy.dtype), dy, out=self.db)


class FastMLP(MLP):
    """An `MLP` with these dense layers; its results differ only by rounding."""

    dense = DenseInParts

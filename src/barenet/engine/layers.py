"""Dense layers that train fast: products in parts, and weights that move while their gradient is in the cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from barenet.engine.products import columns, cut, rows
from barenet.nn.layers import Dense, Slot
from barenet.nn.losses import ones

__all__ = ["DenseInParts", "Move"]

Array = NDArray[np.floating]

# Moves the weights of one network of a stack, or of all: move(network, W, dW).
Move = Callable[[int | slice, Array, Array], None]
EVERY = slice(None)

# Weights of a layer from which on a stack's networks move one after the other; fewer are not worth the calls.
MANY_WEIGHTS = 32_768


@dataclass
class DenseSlot(Slot):
    """A dense layer's slot, and the views through which its three products are taken in parts.

    ahead: a batch whose product x W is in y already, taken as soon as the weights had moved; see `backward_and_move`.
    """

    W_columns: Array
    y_columns: Array
    dW_rows: Array
    WT_columns: Array
    dx_columns: Array | None

    ahead: Array | None = field(init=False, default=None)
    xT_rows: Array = field(init=False)
    cut_x: Array | None = field(init=False, default=None)

    def cut_input(self) -> Array:
        """Return the transposed input, cut into rows as dW is; only the first layer gets another one each step."""
        if self.cut_x is not self.x:
            self.cut_x, self.xT_rows = self.x, columns(self.x, self.dW_rows.shape[-3]).swapaxes(-1, -2)
        return self.xT_rows


class DenseInParts(Dense):
    """A dense layer for training.

    The products are cut into parts that BLAS likes best (see `products`): y and W by columns, dW by
    rows, dx by columns.
    """

    def make_slot(self, x: Array, needs_dx: bool) -> DenseSlot:
        """Return arrays for a batch shaped like `x`, and views of their parts."""
        slot = super().make_slot(x, needs_dx)
        parts = cut(x.shape[-2], *self.W.shape[-2:])
        return DenseSlot(
            **vars(slot),
            W_columns=columns(self.W, parts.forward),
            y_columns=columns(slot.y, parts.forward),
            dW_rows=rows(self.dW, parts.dW),
            WT_columns=rows(self.W, parts.dx).swapaxes(-1, -2),
            dx_columns=None if slot.dx is None else columns(slot.dx, parts.dx),
        )

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = x W + b."""
        assert isinstance(slot, DenseSlot)
        if slot.ahead is not slot.x:
            np.matmul(slot.x[..., None, :, :], slot.W_columns, out=slot.y_columns)
        slot.ahead = None
        np.add(slot.y, self.b, out=slot.y)

    def backward(self, slot: Slot, dy: Array) -> None:
        """Write dW = x^T dy, db = the sum of dy over the batch, dx = dy W^T."""
        assert isinstance(slot, DenseSlot)
        np.matmul(slot.cut_input(), dy[..., None, :, :], out=slot.dW_rows)
        self.backward_but_dW(slot, dy)

    def backward_and_move(self, slot: Slot, dy: Array, move: Move, following: Array | None = None) -> None:
        """Do as `backward` for a stack, and move the weights at once; their gradients are not kept.

        The networks share the memory of one gradient where the layer has many weights: each network moves while its
        gradient is still in the cache, and takes its product with the `following` batch while its weights are.
        """
        assert isinstance(slot, DenseSlot)
        self.backward_but_dW(slot, dy)  # first, for dx needs the weights as they were
        xT_rows, dy_parts = slot.cut_input(), dy[..., None, :, :]
        if self.W[0].size < MANY_WEIGHTS:
            np.matmul(xT_rows, dy_parts, out=slot.dW_rows)
            move(EVERY, self.W, self.dW)
            return
        if following is not None and following.shape == slot.x.shape:
            slot.ahead = following
        for network, W in enumerate(self.W):
            own = ... if slot.x.ndim == 2 else network
            np.matmul(xT_rows[own], dy_parts[network], out=slot.dW_rows[0])
            move(network, W, self.dW[0])
            if slot.ahead is not None:
                np.matmul(slot.ahead[own][None], slot.W_columns[network], out=slot.y_columns[network])

    def backward_but_dW(self, slot: DenseSlot, dy: Array) -> None:
        """Write db and dx."""
        # A product with a row of ones: the sum over a batch, faster than np.sum for small batches.
        np.matmul(ones(dy.shape[-2], dy.dtype), dy, out=self.db)
        if slot.dx_columns is not None:
            np.matmul(dy[..., None, :, :], slot.WT_columns, out=slot.dx_columns)

"""The second phase of a step: for some rows of one weight matrix, their gradient over the batch, and their update.

The gradient dW = x^T dy is used at once, while it is in the cache, and is in memory of the thread. Gradients are kept
only for clipping by norm, which needs all of them before any weight moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from barenet.engine.products import columns, rows
from barenet.nn import Optimizer, WeightAverage
from barenet.nn.layers import Slot
from barenet.nn.losses.logits import ones
from barenet.nn.optimizers import Factors, add_l2
from barenet.nn.parameters import BLOCK

__all__ = ["BiasProduct", "Learning", "Piece", "WeightProduct"]

Array = NDArray[np.floating]
Where = tuple[int | slice, ...]  # which networks, if there are several, and which of the parameters


@dataclass
class Learning:
    """The flat buffers (P,) or (N, P) of a group of networks, their optimizer, and the memory of each thread."""

    grads: Array
    optimizer: Optimizer
    average: WeightAverage | None
    memory: dict[int, tuple[Array, Array]]
    largest: int = 0  # parameters in a piece

    def memory_of(self, thread: int, like: Array) -> tuple[Array, Array]:
        """Return a thread's memory for a gradient shaped like `like`, some parameters, and for a block of them."""
        # The smaller last batch of an epoch may be cut into fewer pieces, which are larger.
        if thread not in self.memory or len(self.memory[thread][0]) < like.size:
            n_networks = self.grads.size // self.grads.shape[-1]
            self.memory[thread] = (
                np.empty(self.largest, self.grads.dtype),
                np.empty(max(BLOCK, 1024 * n_networks), self.grads.dtype),
            )
        gradient, scratch = self.memory[thread]
        lead = like.shape[:-1]
        width = max(1024, BLOCK // like[..., 0].size)
        return gradient[: like.size].reshape(like.shape), scratch[: width * like[..., 0].size].reshape(*lead, width)


class Product(Protocol):
    """A matrix product that gives the gradient of `size` parameters of each network."""

    size: int

    def view(self, gradient: Array) -> Array:
        """Return a view of the flat gradient (..., size) with the shape that `write` needs."""

    def write(self, out: Array) -> None:
        """Write the gradient."""


class WeightProduct:
    """dW = x^T dy for some rows of the weights (D, H) of a layer.

    Args:
        slot: of the layer, for the whole batch; its x may be another array in each step.
        dy: (B, H), or (N, B, H) for a stack.
        network: the number of a network in a stack; None for all, or for a single network.
        inputs: which of the layer's inputs the rows belong to.
        n_cut: into how many groups of rows the product is cut, see `products`.
    """

    def __init__(self, slot: Slot, dy: Array, network: int | None, inputs: slice, n_cut: int) -> None:
        self.slot, self.network, self.inputs, self.n_cut = slot, network, inputs, n_cut
        self.dy = (dy if network is None else dy[network])[..., None, :, :]
        self.size = (inputs.stop - inputs.start) * dy.shape[-1]
        self._x: Array | None = None
        self._xT = dy

    def view(self, gradient: Array) -> Array:
        """Return groups of rows (..., n, D / n, H)."""
        return rows(gradient.reshape(*gradient.shape[:-1], -1, self.dy.shape[-1]), self.n_cut)

    def write(self, out: Array) -> None:
        """Write the gradient."""
        if self.slot.x is not self._x:  # only in the first layer x is another array
            self._x = self.slot.x
            x = self._x if self.network is None or self._x.ndim == 2 else self._x[self.network]
            self._xT = columns(x[..., self.inputs], self.n_cut).swapaxes(-1, -2)
        np.matmul(self._xT, self.dy, out=out)


class BiasProduct:
    """db = the sum of dy (..., B, H) over the batch."""

    def __init__(self, dy: Array) -> None:
        self.dy, self.size = dy, dy.shape[-1]
        # A product with a row of ones: for small batches faster than np.sum.
        self.ones = ones(dy.shape[-2], dy.dtype)

    def view(self, gradient: Array) -> Array:
        """Return a row (..., 1, H)."""
        return gradient[..., None, :]

    def write(self, out: Array) -> None:
        """Write the gradient."""
        np.matmul(self.ones, self.dy, out=out)


class Piece:
    """Some of the parameters: (K,) of one network, or (N, K) of a stack, in which each network gets the same as alone.

    kept: their gradient, if it is clipped before they move. squared: the sum of its squares, (N,) or a number, if it is
    measured. clipped: the sum of squares with L2, for clipping.

    Args:
        where: the place of these parameters in the flat buffers.
        products: compute their gradient, one after the other.
        is_weights: whether they have L2 and weight decay.
    """

    def __init__(self, learning: Learning, where: Where, products: Sequence[Product], *, is_weights: bool) -> None:
        self.learning, self.products, self.is_weights = learning, products, is_weights
        self.network = where[0] if len(where) > 1 and isinstance(where[0], int) else None
        optimizer, average = learning.optimizer, learning.average
        self.values, self.kept = optimizer.values[where], learning.grads[where]
        self.slots = {name: slot[where] for name, slot in optimizer.slots.items()}
        self.average = None if average is None else average.average[where]
        self.squared: Array = np.zeros(self.values.shape[:-1])
        self.clipped: Array = self.squared
        learning.largest = max(learning.largest, self.values.size)
        self._memory: dict[int, tuple[Array, Array, list[Array]]] = {}

    def views(self, gradient: Array) -> list[Array]:
        """Return the view of a flat gradient (..., K) that each product writes."""
        stops = np.cumsum([product.size for product in self.products])
        return [
            product.view(gradient[..., stop - product.size : stop])
            for product, stop in zip(self.products, stops, strict=True)
        ]

    def compute(self, views: Sequence[Array]) -> None:
        """Write the gradient."""
        for product, view in zip(self.products, views, strict=True):
            product.write(view)

    def compute_and_move(self, factors: Factors, rest: Array | None, thread: int, is_measured: bool) -> None:
        """Compute the gradient and move; `rest` is the share by which the average moves."""
        gradient, scratch, views = self.memory_of(thread)
        self.compute(views)
        if is_measured:
            self.squared = squares(gradient)
        if self.is_weights and self.learning.optimizer.has_l2:
            add_l2(gradient, self.values, factors["l2"], scratch)
        self.move(gradient, factors, rest, scratch)

    def keep_gradient(self, factors: Factors, thread: int, is_measured: bool) -> None:
        """Write the gradient with L2 to `kept`, and the sum of its squares to `clipped`."""
        self.compute(self.views(self.kept))
        if is_measured:
            self.squared = squares(self.kept)
        if self.is_weights and self.learning.optimizer.has_l2:
            add_l2(self.kept, self.values, factors["l2"], self.memory_of(thread)[1])
        self.clipped = squares(self.kept)

    def move(self, gradient: Array, factors: Factors, rest: Array | None, scratch: Array) -> None:
        """Apply the learning rule, and update the average."""
        self.learning.optimizer.move(self.values, gradient, self.slots, factors, scratch)
        if self.average is not None and self.learning.average is not None and rest is not None:
            self.learning.average.take_in(self.values, self.average, rest, scratch)

    def memory_of(self, thread: int) -> tuple[Array, Array, list[Array]]:
        """Return a thread's memory for the gradient and for a block, and views of the gradient for `compute`."""
        if thread not in self._memory:
            gradient, scratch = self.learning.memory_of(thread, self.values)
            self._memory[thread] = gradient, scratch, self.views(gradient)
        return self._memory[thread]


def squares(gradient: Array) -> Array:
    """Return the sum of squares of a gradient (..., K), shape (...), float64."""
    return np.asarray(np.vecdot(gradient, gradient), np.float64)

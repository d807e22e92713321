"""The second phase of a step: for some rows of one weight matrix, their gradient over the whole batch, and their move.

The gradient dW = x^T dy is used up at once, while it is in the cache, and lies in memory of the thread. Only clipping
by norm, which needs all gradients before any weight moves, keeps them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.engine.products import columns, rows
from barenet.nn import Optimizer, WeightAverage
from barenet.nn.layers import Slot
from barenet.nn.losses import ones
from barenet.nn.optimizers import Factors, add_l2
from barenet.nn.parameters import BLOCK

__all__ = ["BiasPiece", "Learning", "Piece", "WeightPiece"]

Array = NDArray[np.floating]
Where = tuple[int | slice, ...]  # which networks, if there are several, and which of the parameters


@dataclass
class Learning:
    """The flat buffers (P,) or (N, P) of a group of networks, how they move, and the memory of each thread."""

    grads: Array
    optimizer: Optimizer
    average: WeightAverage | None
    memory: dict[int, tuple[Array, Array]]
    largest: int = 0  # parameters in a piece

    def memory_of(self, thread: int, like: Array) -> tuple[Array, Array]:
        """Return memory of a thread for a gradient shaped like some parameters, and for a block of them."""
        # The shorter last batch of an epoch may be cut into fewer pieces, which are larger.
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


class Piece(ABC):
    """Some of the parameters: (K,) of one network, or (N, K) of a stack, of which each gets the same as alone.

    kept: their gradient, where it is clipped before they move. squared: the sum of its squares, (N,) or a number,
    where it was asked for. clipped: with L2, by which it is clipped.
    """

    is_weights = True

    def __init__(self, learning: Learning, where: Where) -> None:
        self.learning = learning
        self.network = where[0] if len(where) > 1 and isinstance(where[0], int) else None
        optimizer, average = learning.optimizer, learning.average
        self.values, self.kept = optimizer.values[where], learning.grads[where]
        self.slots = {name: slot[where] for name, slot in optimizer.slots.items()}
        self.average = None if average is None else average.average[where]
        self.squared: Array = np.zeros(self.values.shape[:-1])
        self.clipped: Array = self.squared
        learning.largest = max(learning.largest, self.values.size)
        self._memory: dict[int, tuple[Array, Array, list[Array]]] = {}

    @abstractmethod
    def shaped(self, gradient: Array) -> list[Array]:
        """Return views of a flat gradient that `compute` writes."""

    @abstractmethod
    def compute(self, views: list[Array]) -> None:
        """Write the gradient."""

    def compute_and_move(self, factors: Factors, rest: Array | None, thread: int, is_measured: bool) -> None:
        """Compute the gradient and move; `rest` is the share by which the average follows."""
        gradient, scratch, views = self.memory_of(thread)
        self.compute(views)
        if is_measured:
            self.squared = squares(gradient)
        if self.is_weights and self.learning.optimizer.has_l2:
            add_l2(gradient, self.values, factors["l2"], scratch)
        self.move(gradient, factors, rest, scratch)

    def keep_gradient(self, factors: Factors, thread: int, is_measured: bool) -> None:
        """Compute the gradient for `kept`, and the sum of its squares, with L2, for `clipped`."""
        self.compute(self.shaped(self.kept))
        if is_measured:
            self.squared = squares(self.kept)
        if self.is_weights and self.learning.optimizer.has_l2:
            add_l2(self.kept, self.values, factors["l2"], self.memory_of(thread)[1])
        self.clipped = squares(self.kept)

    def move(self, gradient: Array, factors: Factors, rest: Array | None, scratch: Array) -> None:
        """Apply the learning rule, and let the average follow."""
        self.learning.optimizer.move(self.values, gradient, self.slots, factors, scratch)
        if self.average is not None and self.learning.average is not None and rest is not None:
            self.learning.average.take_in(self.values, self.average, rest, scratch)

    def memory_of(self, thread: int) -> tuple[Array, Array, list[Array]]:
        """Return a thread's memory for the gradient, for a block, and the gradient as `compute` writes it."""
        if thread not in self._memory:
            gradient, scratch = self.learning.memory_of(thread, self.values)
            self._memory[thread] = gradient, scratch, self.shaped(gradient)
        return self._memory[thread]


class WeightPiece(Piece):
    """Some rows of the weights (D, H) of a layer.

    Args:
        where: of these rows in the flat buffers.
        slot: of the layer, for the whole batch; its x is another one in each step.
        dy: (B, H), or (N, B, H) for a stack.
        inputs: which of the layer's inputs the rows belong to.
        n_cut: into how many groups of rows the product is cut, see `products`.
    """

    def __init__(self, learning: Learning, where: Where, slot: Slot, dy: Array, *, inputs: slice, n_cut: int) -> None:
        super().__init__(learning, where)
        self.slot, self.inputs, self.n_cut = slot, inputs, n_cut
        self.dy = (dy if self.network is None else dy[self.network])[..., None, :, :]
        self._x: Array | None = None
        self._xT = dy

    def shaped(self, gradient: Array) -> list[Array]:
        """Return groups of rows (..., n, D / n, H)."""
        return [rows(gradient.reshape(*gradient.shape[:-1], -1, self.dy.shape[-1]), self.n_cut)]

    def compute(self, views: list[Array]) -> None:
        """Write dW = x^T dy."""
        if self.slot.x is not self._x:  # only of the first layer it is another array
            self._x = self.slot.x
            own = self._x if self.network is None or self._x.ndim == 2 else self._x[self.network]
            self._xT = columns(own[..., self.inputs], self.n_cut).swapaxes(-1, -2)
        np.matmul(self._xT, self.dy, out=views[0])


class BiasPiece(Piece):
    """All biases, with the gradients dy of all layers."""

    is_weights = False

    def __init__(self, learning: Learning, where: Where, dys: list[Array]) -> None:
        super().__init__(learning, where)
        self.dys = dys

    def shaped(self, gradient: Array) -> list[Array]:
        """Return the gradient (..., 1, H) of each layer's bias."""
        stops = np.cumsum([dy.shape[-1] for dy in self.dys])
        return [gradient[..., None, stop - dy.shape[-1] : stop] for stop, dy in zip(stops, self.dys, strict=True)]

    def compute(self, views: list[Array]) -> None:
        """Write db = the sum of dy over the batch."""
        # A product with a row of ones: the sum over a batch, faster than np.sum for small batches.
        for dy, db in zip(self.dys, views, strict=True):
            np.matmul(ones(dy.shape[-2], dy.dtype), dy, out=db)


def squares(gradient: Array) -> Array:
    """Return the sum of squares of a gradient (..., K), shape (...), float64."""
    return np.asarray(np.vecdot(gradient, gradient), np.float64)

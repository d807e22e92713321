"""The kinds of layer that a perceptron is made of, each with its forward and its backward step.

A layer holds parameters or functions, never what belongs to a batch: that lies in its `Slot`, which a workspace
owns. So one network can be evaluated on one workspace while it trains on another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from barenet.nn.activations import Activation
from barenet.nn.products import columns, cut, ones, rows

__all__ = ["ActivationLayer", "Dense", "Dropout", "Layer", "Move", "Noise", "Slot"]

Array = NDArray[np.floating]

# A generator a network (one for a network alone), renewed at the start of each epoch by `MLP.renew_noise`.
Noise = list["np.random.Generator"]

# Moves the weights of one network of a stack, or of all: move(network, W, dW).
Move = Callable[[int | slice, Array, Array], None]
EVERY = slice(None)

# Weights of a layer from which on a stack's networks move one after the other; fewer are not worth the calls.
MANY_WEIGHTS = 32_768


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


class Dense(Layer):
    """y = x W + b, with W (..., D, H) and b (..., 1, H).

    The products are cut into parts that BLAS likes best (see `products`): y and W by columns, dW by
    rows, dx by columns.
    """

    def __init__(self, W: Array, b: Array, dW: Array, db: Array) -> None:
        self.W, self.b, self.dW, self.db = W, b, dW, db
        self.n_outputs = W.shape[-1]
        self.lead = W.shape[:-2]

    def make_slot(self, x: Array, needs_dx: bool) -> DenseSlot:
        """Return arrays for a batch shaped like `x`, shared by the stack (B, D) or not (N, B, D)."""
        y = np.empty((*self.lead, x.shape[-2], self.n_outputs), x.dtype)
        dx = np.empty((*self.lead, *x.shape[-2:]), x.dtype) if needs_dx else None
        parts = cut(x.shape[-2], *self.W.shape[-2:])
        return DenseSlot(
            x,
            y,
            dx,
            W_columns=columns(self.W, parts.forward),
            y_columns=columns(y, parts.forward),
            dW_rows=rows(self.dW, parts.dW),
            WT_columns=rows(self.W, parts.dx).swapaxes(-1, -2),
            dx_columns=None if dx is None else columns(dx, parts.dx),
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


@dataclass
class DropoutSlot(Slot):
    """A dropout layer's slot, with the factor of each value in this batch and the values after it, (..., B, H)."""

    factors: Array
    dropped: Array


class Dropout(Layer):
    """y = x m / (1 - rate) in training, with each m 1 or, as often as `rate` says, 0; y = x when evaluated.

    Inverted dropout (Srivastava et al. 2014, section 10): the expected value stays, so evaluation needs no change. Each
    network of a stack draws from a generator of its own.
    """

    def __init__(self, rate: float | NDArray[np.float64], lead: tuple[int, ...], n_outputs: int, noise: Noise) -> None:
        self.n_outputs = n_outputs
        self.lead = lead
        self.keep = np.broadcast_to(1 - np.asarray(rate, np.float64), (*lead, 1))[..., None]
        self.noise = noise

    def make_slot(self, x: Array, needs_dx: bool) -> DropoutSlot:
        """Return arrays for a batch; networks that share their images still drop values of their own."""
        factors = np.empty((*self.lead, *x.shape[-2:]), x.dtype)
        dropped = np.empty_like(factors)
        return DropoutSlot(x, dropped, np.empty_like(factors) if needs_dx else None, factors, dropped)

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y; in evaluation it is x itself."""
        assert isinstance(slot, DropoutSlot)
        if not training:
            slot.y = slot.x
            return
        factors = slot.factors
        networks = zip(self.noise, self.keep.flat, factors.reshape(-1, *factors.shape[-2:]), strict=True)
        for rng, keep, own in networks:
            if keep < 1:
                rng.random(dtype=factors.dtype, out=own)
            else:  # this network has no such layer when it is alone, and draws nothing for it
                own.fill(0)
        np.less(factors, self.keep.astype(factors.dtype), out=factors)
        np.multiply(factors, (1 / self.keep).astype(factors.dtype), out=factors)
        slot.y = np.multiply(slot.x, factors, out=slot.dropped)

    def backward(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy m / (1 - rate)."""
        assert isinstance(slot, DropoutSlot)
        if slot.dx is not None:
            np.multiply(dy, slot.factors, out=slot.dx)

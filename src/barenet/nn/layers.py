"""The kinds of layer that a perceptron is made of, each with its forward and its backward step.

A layer holds parameters or functions, never what belongs to a batch: that lies in its `Slot`, which a workspace
owns. So one network can be evaluated on one workspace while it trains on another.

The backward step of a layer has two halves, which do not need each other: the gradient of its input, which the layer
below waits for, and the gradients of its parameters. So all layers' parameter gradients can be computed after the whole
way back: until then a layer's x and dy stay as they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError
from barenet.nn.activations import Activation

__all__ = ["ActivationLayer", "Dense", "Dropout", "Layer", "Noise", "Slot", "by_kind"]

Array = NDArray[np.floating]
Entry = TypeVar("Entry")

# A generator a network (one for a network alone), renewed at the start of each epoch by `MLP.renew_noise`.
Noise = list["np.random.Generator"]


@dataclass
class Slot:
    """What one layer remembers of one batch: its input x, its output y, and the gradient dx it hands down.

    `dx` is None for the layer next to the images: nobody needs the gradient with respect to them.
    """

    x: Array
    y: Array
    dx: Array | None


class Layer(ABC):
    """One step of the forward pass and the matching step of the backward pass.

    `kind` is its name in exports and error messages, `has_parameters` whether training changes it.
    """

    kind: str
    has_parameters = False
    n_outputs: int

    @abstractmethod
    def make_slot(self, x: Array, needs_dx: bool) -> Slot:
        """Return arrays for a batch shaped like `x` (..., B, D)."""

    @abstractmethod
    def forward(self, slot: Slot, training: bool) -> None:
        """Write `slot.y` from `slot.x`. `training` matters to layers that behave otherwise when evaluated."""

    @abstractmethod
    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write `slot.dx`, where there is one, from `dy` (..., B, H)."""

    def parameter_gradients(self, slot: Slot, dy: Array) -> None:  # noqa: B027 - few kinds of layer have any
        """Overwrite the gradients of the layer's parameters from `dy`."""

    def backward(self, slot: Slot, dy: Array) -> None:
        """Overwrite the layer's parameter gradients, and `slot.dx` where there is one, from `dy`."""
        self.parameter_gradients(slot, dy)
        self.input_gradient(slot, dy)


def by_kind(table: Mapping[str, Entry], layer: Layer, where: str) -> Entry:
    """Return what a table by kinds of layers has for `layer`; raise ConfigError, for `where`, if it has nothing."""
    if layer.kind not in table:
        raise ConfigError(f"{where} knows no layer of kind {layer.kind!r}, only {', '.join(table)}")
    return table[layer.kind]


class Dense(Layer):
    """y = x W + b, with W (..., D, H) and b (..., 1, H)."""

    kind = "dense"
    has_parameters = True

    def __init__(self, W: Array, b: Array, dW: Array, db: Array) -> None:
        self.W, self.b, self.dW, self.db = W, b, dW, db
        self.n_outputs = W.shape[-1]
        self.lead = W.shape[:-2]

    def make_slot(self, x: Array, needs_dx: bool) -> Slot:
        """Return arrays for a batch shaped like `x`, shared by the stack (B, D) or not (N, B, D)."""
        y = np.empty((*self.lead, x.shape[-2], self.n_outputs), x.dtype)
        return Slot(x, y, np.empty((*self.lead, *x.shape[-2:]), x.dtype) if needs_dx else None)

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = x W + b."""
        np.matmul(slot.x, self.W, out=slot.y)
        np.add(slot.y, self.b, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy W^T, except for the first layer of a network."""
        if slot.dx is not None:
            np.matmul(dy, self.W.swapaxes(-1, -2), out=slot.dx)

    def parameter_gradients(self, slot: Slot, dy: Array) -> None:
        """Write dW = x^T dy, db = the sum of dy over the batch."""
        np.matmul(slot.x.swapaxes(-1, -2), dy, out=self.dW)
        np.sum(dy, axis=-2, keepdims=True, out=self.db)


class ActivationLayer(Layer):
    """y = f(x), element by element, or along the last axis for softmax."""

    kind = "activation"

    def __init__(self, activation: Activation, n_outputs: int) -> None:
        self.activation = activation
        self.n_outputs = n_outputs

    def make_slot(self, x: Array, needs_dx: bool) -> Slot:
        """Return arrays for a batch; y is x itself where the activation works in place."""
        return Slot(x, x if self.activation.in_place else np.empty_like(x), np.empty_like(x))

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = f(x)."""
        self.activation.forward(slot.x, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy f'(x). Spends dy, and x where y is another array, as scratch."""
        self.activation.backward(dy, slot.x, slot.y, out=slot.dx)


@dataclass
class DropoutSlot(Slot):
    """A dropout layer's slot, with the factor of each value in this batch and the values after it, (..., B, H)."""

    factors: Array
    dropped: Array


class Dropout(Layer):
    """y = x m / (1 - rate) in training, with each m 1 or, as often as `rate` says, 0; y = x when evaluated.

    Inverted dropout (Srivastava et al. 2014, section 10): the expected value stays, so evaluation needs no change. Each
    network of a stack draws from a separate generator.
    """

    kind = "dropout"

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

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy m / (1 - rate)."""
        assert isinstance(slot, DropoutSlot)
        if slot.dx is not None:
            np.multiply(dy, slot.factors, out=slot.dx)

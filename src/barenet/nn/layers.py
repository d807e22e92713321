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
from dataclasses import dataclass, fields, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError
from barenet.nn.activations import Activation
from barenet.nn.noise import Noise, hash_with_keys, position_table

__all__ = ["ActivationLayer", "Dense", "Dropout", "Layer", "Slot", "by_kind"]

Array = NDArray[np.floating]
Entry = TypeVar("Entry")


@dataclass
class Slot:
    """What one layer remembers of one batch: its input x, its output y, and the gradient dx it hands down.

    `dx` is None for the layer next to the images: nobody needs the gradient with respect to them. Every field of a slot
    is an array with the batch on its last axis but one, or None.
    """

    x: Array
    y: Array
    dx: Array | None

    def rows(self, rows: slice) -> Self:
        """Return the slot of some rows of the batch, in the same memory."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: array[..., rows, :] for name, array in arrays.items() if array is not None})


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
        """Write y = f(x); in training maybe f'(x) over x, which nothing else needs."""
        if training and self.activation.with_slope is not None:
            self.activation.with_slope(slot.x, out=slot.y, scratch=slot.dx)
        else:
            self.activation.forward(slot.x, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy f'(x), after a forward pass in training. Spends dy, and x where y is another array."""
        if self.activation.with_slope is not None:
            np.multiply(dy, slot.x, out=slot.dx)
        else:
            self.activation.backward(dy, slot.x, slot.y, out=slot.dx)


@dataclass
class DropoutSlot(Slot):
    """A dropout layer's slot; all arrays but the table are (..., B, H).

    table: the constant of each position and unit (B, H).
    kept, factors, dropped: which values stay, the factor of each, and the values after it.
    numbers, scratch: 32-bit integers, in the memory of `dropped` and `factors`, which are written after them.
    """

    table: NDArray[np.uint32]
    kept: NDArray[np.bool_]
    factors: Array
    dropped: Array
    numbers: NDArray[np.uint32]
    scratch: NDArray[np.uint32]


class Dropout(Layer):
    """y = x m / (1 - rate) in training, with each m 1 or, as often as `rate` says, 0; y = x when evaluated.

    Inverted dropout (Srivastava et al. 2014, section 10): the expected value stays, so evaluation needs no change. What
    is dropped follows from `noise` and `number`: 0 for the images, l behind hidden layer l.
    """

    kind = "dropout"

    def __init__(
        self, rate: float | NDArray[np.float64], lead: tuple[int, ...], n_outputs: int, noise: Noise, number: int
    ) -> None:
        self.n_outputs = n_outputs
        self.lead = lead
        self.noise = noise
        self.number = number
        keep = np.broadcast_to(1 - np.asarray(rate, np.float64), (*lead, 1))
        self.column = () if keep.size == 1 else (*lead, 1, 1)  # NumPy takes a scalar faster than an array of one value
        self.scale = (1 / keep).reshape(self.column)
        # A number up to this one keeps its unit; with a rate of 0 that is the largest number there is.
        self.last_kept = np.maximum(np.rint(keep * 2**32) - 1, 0).astype(np.uint32).reshape(self.column)

    def make_slot(self, x: Array, needs_dx: bool) -> DropoutSlot:
        """Return arrays for a batch; networks that share their images still drop values of their own."""
        shape = (*self.lead, *x.shape[-2:])
        factors, dropped = np.empty(shape, x.dtype), np.empty(shape, x.dtype)
        return DropoutSlot(
            x,
            dropped,
            np.empty(shape, x.dtype) if needs_dx else None,
            table=position_table(*x.shape[-2:]),
            kept=np.empty(shape, np.bool_),
            factors=factors,
            dropped=dropped,
            numbers=as_integers(dropped),
            scratch=as_integers(factors),
        )

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y; in evaluation it is x itself."""
        assert isinstance(slot, DropoutSlot)
        if not training:
            slot.y = slot.x
            return
        keys = self.noise.keys(self.number).reshape(2, *self.column)
        hash_with_keys(slot.table, keys, out=slot.numbers, scratch=slot.scratch)
        np.less_equal(slot.numbers, self.last_kept, out=slot.kept)
        np.multiply(slot.kept, self.scale.astype(slot.factors.dtype), out=slot.factors)
        slot.y = np.multiply(slot.x, slot.factors, out=slot.dropped)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy m / (1 - rate)."""
        assert isinstance(slot, DropoutSlot)
        if slot.dx is not None:
            np.multiply(dy, slot.factors, out=slot.dx)


def as_integers(array: Array) -> NDArray[np.uint32]:
    """Return the memory of an array as a 32-bit integer for each value; half of float64's memory stays unused."""
    return array.view(np.uint32)[..., : array.shape[-1]]

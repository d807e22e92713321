"""What all layers have in common, and the arrays of a layer for a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ConfigError

__all__ = ["Layer", "Slot", "by_kind"]

Array = NDArray[np.floating]
Entry = TypeVar("Entry")


@dataclass
class Slot:
    """The arrays of one layer for one batch: its input x, its output y, and the gradient dx for the layer below.

    `dx` is None for the first layer: the gradient with respect to the images is not needed. Every field of a slot
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
        """Write `slot.y` from `slot.x`; some layers compute something else in training than in evaluation."""

    @abstractmethod
    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write `slot.dx`, if there is one, from `dy` (..., B, H)."""

    def parameter_gradients(self, slot: Slot, dy: Array) -> None:  # noqa: B027 - few kinds of layer have any
        """Overwrite the gradients of the layer's parameters from `dy`."""

    def backward(self, slot: Slot, dy: Array) -> None:
        """Overwrite the layer's parameter gradients, and `slot.dx` if there is one, from `dy`."""
        self.parameter_gradients(slot, dy)
        self.input_gradient(slot, dy)


def by_kind(table: Mapping[str, Entry], layer: Layer, where: str) -> Entry:
    """Return the entry for `layer` in a table by kinds of layers; without one raise ConfigError that names `where`."""
    if layer.kind not in table:
        raise ConfigError(f"{where} knows no layer of kind {layer.kind!r}, only {', '.join(table)}")
    return table[layer.kind]

"""Dropout of units, or of the images' values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.nn.layers.base import Layer, Slot
from barenet.nn.noise import Noise, hash_with_keys, position_table

__all__ = ["Dropout"]

Array = NDArray[np.floating]


@dataclass
class DropoutSlot(Slot):
    """A dropout layer's slot; all arrays except the table are (..., B, H).

    table: the constant of each position and unit (B, H).
    kept, factors, dropped: which values are kept, the factor of each, and the values times the factors.
    numbers, scratch: 32-bit integers, in the memory of `dropped` and `factors`, which are written later.
    """

    table: NDArray[np.uint32]
    kept: NDArray[np.bool_]
    factors: Array
    dropped: Array
    numbers: NDArray[np.uint32]
    scratch: NDArray[np.uint32]


class Dropout(Layer):
    """y = x m / (1 - rate) in training, with each m 0 with probability `rate`, else 1; y = x in evaluation.

    Inverted dropout (Srivastava et al. 2014, section 10): the expected value does not change, so evaluation needs no
    factor. What is dropped follows from `noise` and `number`: 0 for the images, l after hidden layer l.
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
        self.column = () if keep.size == 1 else (*lead, 1, 1)  # NumPy is faster with a scalar than with an array
        self.scale = (1 / keep).reshape(self.column)
        # Numbers up to this one keep their unit; with a rate of 0 it is the largest number.
        self.last_kept = np.maximum(np.rint(keep * 2**32) - 1, 0).astype(np.uint32).reshape(self.column)

    def make_slot(self, x: Array, needs_dx: bool) -> DropoutSlot:
        """Return arrays for a batch; networks that share their images still drop different values."""
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
        """Write y; in evaluation it is x."""
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

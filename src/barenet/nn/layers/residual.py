"""A residual connection: the input of a row of the network is added to its output, y = x + F(x).

It is made of two layers, one before the dense layer and one after the activation, so that a network is still a list of
layers. The gradient reaches x on two ways: dx = dy + the gradient through F. (He et al. 2016, "Identity mappings in
deep residual networks", equations 4 and 5.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from barenet.nn.layers.base import Layer, Slot

__all__ = ["ResidualStart", "ResidualSum", "connect"]

Array = NDArray[np.floating]


@dataclass
class StartSlot(Slot):
    """The slot of a connection's start. around: the gradient that does not pass F, None if it is not needed."""

    around: Array | None


@dataclass
class SumSlot(Slot):
    """The slot of a connection's sum. skipped: the start's input; around: the start's. `connect` sets both."""

    skipped: Array | None = None
    around: Array | None = None


class ResidualStart(Layer):
    """Where F begins: y = x, dx = dy + the gradient that does not pass F."""

    kind = "residual_start"

    def __init__(self, n_outputs: int) -> None:
        self.n_outputs = n_outputs

    def make_slot(self, x: Array, needs_dx: bool) -> StartSlot:
        """Return arrays for a batch; y has separate memory, which the sum reads: x may change from step to step."""
        dx, around = (np.empty_like(x), np.empty_like(x)) if needs_dx else (None, None)
        return StartSlot(x, np.empty_like(x), dx, around)

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = x."""
        slot.y[...] = slot.x

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx, the sum of both ways, except in the first row of a network."""
        assert isinstance(slot, StartSlot)
        if slot.dx is not None and slot.around is not None:
            np.add(dy, slot.around, out=slot.dx)


class ResidualSum(Layer):
    """Where F ends: y = x + the input of its start."""

    kind = "residual_sum"

    def __init__(self, n_outputs: int) -> None:
        self.n_outputs = n_outputs

    def make_slot(self, x: Array, needs_dx: bool) -> SumSlot:
        """Return arrays for a batch, which `connect` completes."""
        return SumSlot(x, np.empty_like(x), np.empty_like(x))

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y in a separate array, because the activation below may need x in the backward pass."""
        assert isinstance(slot, SumSlot)
        assert slot.skipped is not None
        np.add(slot.x, slot.skipped, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy, and a second copy of dy for the start, because an activation may overwrite dx."""
        assert isinstance(slot, SumSlot)
        assert slot.dx is not None
        slot.dx[...] = dy
        if slot.around is not None:
            slot.around[...] = dy


def connect(slots: Sequence[Slot]) -> None:
    """Give each sum the arrays of its start; `slots` are those of a network's layers, in order."""
    start: StartSlot | None = None
    for slot in slots:
        if isinstance(slot, StartSlot):
            start = slot
        elif isinstance(slot, SumSlot) and start is not None:
            slot.skipped, slot.around = start.y, start.around

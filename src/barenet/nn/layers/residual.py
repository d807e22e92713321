"""A residual connection: what a row of the network takes is added to what it gives, y = x + F(x).

Two layers stand for it, one before the dense layer and one behind the activation, so that a network stays a list. The
gradient arrives at x on both ways: dx = dy + the gradient through F. (He et al. 2016, "Identity mappings in deep
residual networks", equations 4 and 5.)
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
    """The slot of a connection's start. around: the gradient that comes past F, None where nobody needs it."""

    around: Array | None


@dataclass
class SumSlot(Slot):
    """The slot of a connection's sum. skipped: what the start took; around: as the start's; `connect` sets both."""

    skipped: Array | None = None
    around: Array | None = None


class ResidualStart(Layer):
    """Where F begins: y = x, dx = dy + the gradient that comes past F."""

    kind = "residual_start"

    def __init__(self, n_outputs: int) -> None:
        self.n_outputs = n_outputs

    def make_slot(self, x: Array, needs_dx: bool) -> StartSlot:
        """Return arrays for a batch; y has its own memory, where the sum finds it whatever x is in another step."""
        dx, around = (np.empty_like(x), np.empty_like(x)) if needs_dx else (None, None)
        return StartSlot(x, np.empty_like(x), dx, around)

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y = x."""
        slot.y[...] = slot.x

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx from both ways, except for the first row of a network."""
        assert isinstance(slot, StartSlot)
        if slot.dx is not None and slot.around is not None:
            np.add(dy, slot.around, out=slot.dx)


class ResidualSum(Layer):
    """Where F ends: y = x + what its start took."""

    kind = "residual_sum"

    def __init__(self, n_outputs: int) -> None:
        self.n_outputs = n_outputs

    def make_slot(self, x: Array, needs_dx: bool) -> SumSlot:
        """Return arrays for a batch, which `connect` completes."""
        return SumSlot(x, np.empty_like(x), np.empty_like(x))

    def forward(self, slot: Slot, training: bool) -> None:
        """Write y, beside x, which the activation below may need on the way back."""
        assert isinstance(slot, SumSlot)
        assert slot.skipped is not None
        np.add(slot.x, slot.skipped, out=slot.y)

    def input_gradient(self, slot: Slot, dy: Array) -> None:
        """Write dx = dy, and dy for the start as well: an activation may spend the one that it gets."""
        assert isinstance(slot, SumSlot)
        assert slot.dx is not None
        slot.dx[...] = dy
        if slot.around is not None:
            slot.around[...] = dy


def connect(slots: Sequence[Slot]) -> None:
    """Let each sum see what its start took; `slots` are those of a network's layers, in order."""
    start: StartSlot | None = None
    for slot in slots:
        if isinstance(slot, StartSlot):
            start = slot
        elif isinstance(slot, SumSlot) and start is not None:
            slot.skipped, slot.around = start.y, start.around

"""The memory of a network's forward and backward pass, separate from the network.

So one network can be evaluated on one workspace while it trains on another, and a step allocates nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from barenet.errors import ShapeError
from barenet.nn.layers import Layer, Slot, connect

__all__ = ["Workspace", "make_slots"]

Array = NDArray[np.floating]


class Network(Protocol):
    """What a workspace needs to know about a network, `MLP`."""

    layers: list[Layer]
    n_inputs: int
    n_networks: int | None
    dtype: np.dtype[Any]


class Workspace:
    """Activations and their gradients for batches of up to `capacity` images, allocated once for each batch size.

    An epoch has one or two batch sizes, full and last, so after the first steps nothing is allocated here.
    """

    def __init__(self, mlp: Network, capacity: int) -> None:
        self.mlp = mlp
        self.capacity = capacity
        self.current: list[Slot] = []
        self.dlogits: Array = np.empty(0, mlp.dtype)
        self._by_shape: dict[tuple[tuple[int, ...], np.dtype[Any]], tuple[list[Slot], Array]] = {}

    def slots(self, x: Array) -> list[Slot]:
        """Return the slots of all layers for a batch shaped like `x`, and make them the current ones."""
        if (x.shape, x.dtype) not in self._by_shape:
            self._by_shape[x.shape, x.dtype] = self._allocate(x)
        self.current, self.dlogits = self._by_shape[x.shape, x.dtype]
        return self.current

    def _allocate(self, x: Array) -> tuple[list[Slot], Array]:
        check_inputs(self.mlp, x, self.capacity)
        slots = make_slots(self.mlp.layers, x)
        return slots, np.empty_like(slots[-1].y)


def make_slots(layers: Sequence[Layer], x: Array) -> list[Slot]:
    """Return what each layer needs for batches shaped like `x`, from the images to the logits."""
    slots: list[Slot] = []
    has_weights_below = False
    for layer in layers:
        slots.append(layer.make_slot(x, needs_dx=has_weights_below))
        has_weights_below |= layer.has_parameters
        x = slots[-1].y
    connect(slots)
    return slots


def check_inputs(mlp: Network, x: Array, capacity: int) -> None:
    """Raise ShapeError unless `x` is a batch that fits the network and the workspace."""
    is_shared, is_stack = x.ndim == 2, mlp.n_networks is not None and x.ndim == 3 and x.shape[0] == mlp.n_networks
    if not (is_shared or is_stack) or x.shape[-1] != mlp.n_inputs:
        expected = f"(B, {mlp.n_inputs})" + (f" or ({mlp.n_networks}, B, {mlp.n_inputs})" if mlp.n_networks else "")
        raise ShapeError(f"inputs must be {expected}, got {x.shape}")
    if x.dtype != mlp.dtype:
        raise ShapeError(f"inputs must be {mlp.dtype} like the network, got {x.dtype}")
    if x.shape[-2] > capacity:
        raise ShapeError(f"a batch of {x.shape[-2]} images does not fit a workspace made for {capacity}")

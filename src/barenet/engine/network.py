"""A network with fast layers: products in parts, and weights that may move on the way back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.engine.layers import DenseInParts, Move
from barenet.nn import MLP, Workspace

__all__ = ["FastMLP"]

Array = NDArray[np.floating]


class FastMLP(MLP):
    """An `MLP` with the dense layers of this package; its results differ by rounding only."""

    dense = DenseInParts

    def backward_and_move(self, workspace: Workspace, move: Move, following: Array | None) -> None:
        """Go back as `backward` does, and move weights layer by layer; only the gradients of biases are kept.

        `following` are the images of the next forward pass, if they are known: the first layer takes its product with
        them at once.
        """
        dy: Array | None = workspace.dlogits
        for layer, slot in zip(reversed(self.layers), reversed(workspace.current), strict=True):
            if dy is None:  # nothing but dropout of the images is left
                break
            if isinstance(layer, DenseInParts):
                layer.backward_and_move(slot, dy, move, following if layer is self.layers[0] else None)
            else:
                layer.backward(slot, dy)
            dy = slot.dx

"""What each row of a network makes of images, to be looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barenet.nn.layers import Dense, LayerNorm, ResidualStart, ResidualSum
from barenet.nn.workspace import Network

__all__ = ["trace"]

Array = NDArray[np.floating]


def trace(mlp: Network, x: Array, start: int = 0) -> list[tuple[Array, Array]]:
    """Return (z, a) of each row from number `start` on, as `MLP.trace` says."""
    passed: list[tuple[Array, Array]] = []
    n_dense = 0
    taken = x
    for layer in mlp.layers:
        n_dense += isinstance(layer, Dense)
        if n_dense <= start or isinstance(layer, ResidualStart):  # of an earlier row, or nothing to do here
            continue
        if isinstance(layer, ResidualSum):
            x = x + taken
            passed[-1] = (passed[-1][0], x)
            continue
        # An activation may work in place: it gets a copy, and z stays.
        slot = layer.make_slot(x if isinstance(layer, Dense) else x.copy(), needs_dx=False)
        layer.forward(slot, training=False)
        if isinstance(layer, Dense):
            taken = x
            passed.append((slot.y, slot.y))
        elif isinstance(layer, LayerNorm):
            passed[-1] = (slot.y, slot.y)
        else:
            passed[-1] = (passed[-1][0], slot.y)
        x = slot.y
    return passed
